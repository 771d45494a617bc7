"""What the machine checks look at, gathered from the tables: a constant number of statements for one application."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from marketplace.domain.application_answers import FileFact
from marketplace.domain.application_checks import Facts, Shared
from marketplace.domain.applications import ApplicationState
from marketplace.domain.providers import OUT_OF_POOL
from marketplace.records.applications import ApplicationTrace, ProviderApplication
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider

NOUN = "application"


def find_files(session: Session, application_id: int) -> list[FileFact]:
    return [FileFact(one.kind, one.sha256, one.filename) for one in find_attachments(session, NOUN, application_id)]


def find_facts(session: Session, application: ProviderApplication, today: date) -> Facts:
    """The facts of an application as they stand now."""
    provider = session.scalar(select(Provider).where(Provider.organisation_id == application.organisation_id))
    traces = list(_shared(session.execute(_shared_traces(application))))
    files = find_files(session, application.id)
    return Facts(
        today=today,
        answers=application.answers,
        files=files,
        required=tuple(application.window.required),
        sectors=tuple(application.window.sectors),
        is_in_pool=provider is not None and provider.state not in OUT_OF_POOL,
        reapply_from=provider.reapply_from if provider else None,
        shared_files=[shared for _kind, shared in _shared(_shared_files(session, application, files))],
        shared_contacts=[shared for kind, shared in traces if kind != "expert"],
        shared_experts=[Shared(shared.what.partition("|")[0], shared.others) for kind, shared in traces if kind == "expert"],
    )


def _shared_files(session: Session, application: ProviderApplication, files: Sequence[FileFact]) -> Iterator[tuple[str, str, str]]:
    """("file", my file's name, the other applicant's name). An application that was withdrawn is no rival."""
    names = {file.sha256: file.filename for file in files}
    query = select(Attachment.sha256, Attachment.noun, Organisation.name)
    query = query.join(ProviderApplication, ProviderApplication.id == Attachment.noun_id)
    query = query.join(Organisation, Organisation.id == ProviderApplication.organisation_id)
    query = query.where(Attachment.sha256.in_(names), Attachment.superseded_at.is_(None))
    query = query.where(ProviderApplication.organisation_id != application.organisation_id)
    query = query.where(ProviderApplication.state != ApplicationState.WITHDRAWN)
    # The noun is looked at here: in the query it would lead the database to walk through all files of all applications.
    for sha256, noun, other in session.execute(query.distinct().order_by(Attachment.sha256, Organisation.name)):
        if noun == NOUN:
            yield "file", names[sha256], other


def _shared_traces(application: ProviderApplication) -> Select[str, str, str]:
    own, other = aliased(ApplicationTrace), aliased(ApplicationTrace)
    query = select(own.kind, own.value, Organisation.name)
    query = query.join(other, (other.kind == own.kind) & (other.value == own.value))
    query = query.join(ProviderApplication, ProviderApplication.id == other.application_id)
    query = query.join(Organisation, Organisation.id == other.organisation_id)
    query = query.where(own.application_id == application.id, other.organisation_id != application.organisation_id)
    query = query.where(ProviderApplication.state != ApplicationState.WITHDRAWN)
    return query.distinct().order_by(own.kind, own.value, Organisation.name)


def _shared(rows: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, Shared]]:
    found: dict[tuple[str, str], list[str]] = {}
    for kind, what, other in rows:
        found.setdefault((kind, what), []).append(other)
    for (kind, what), others in found.items():
        yield kind, Shared(what, tuple(others))
