"""An organisation's earlier answers and files, taken over into a new application."""

from __future__ import annotations

import copy
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Viewer
from marketplace.domain.application_rules import ApplicationRules
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.store import StoredBlob
from marketplace.records.application_facts import NOUN
from marketplace.records.applications import ProviderApplication
from marketplace.records.files import Scan, find_attachments


def find_last(session: Session, organisation_id: int, *, before: int | None = None) -> ProviderApplication | None:
    """The organisation's latest application in which something was answered, whatever became of it."""
    query = select(ProviderApplication).where(ProviderApplication.organisation_id == organisation_id, ProviderApplication.version > 0)
    if before is not None:
        query = query.where(ProviderApplication.id < before)
    return session.scalar(query.order_by(ProviderApplication.id.desc()).limit(1))


def copy_answers(session: Session, application: ProviderApplication, rules: ApplicationRules, *, viewer: Viewer, at: datetime) -> None:
    """Fill a new application from the last one. The promise of truth is not copied: it is given anew each time."""
    last = find_last(session, application.organisation_id, before=application.id)
    if last is None:
        raise RefusedError(Refused("nothing_to_reuse", _("贵单位以前没有填过申报，没有可以带入的内容。")))
    answers = copy.deepcopy(last.answers)
    (answers.get("others") or {}).get("fields", {}).pop("promise", None)
    application.answers, application.version, application.reused_from = answers, 1, last.id
    application.section_versions = dict.fromkeys(answers, 1)
    session.flush()
    after = {"from": last.number, "sections": sorted(answers)}
    record(session, actor=actor_of(viewer), verb="reuse", noun=NOUN, noun_id=application.id, before=None, after=after, at=at)
    for old in find_attachments(session, NOUN, last.id):
        # A letter of the review hangs at the old application too; it is no document of the new one.
        if old.blob.scan is Scan.INFECTED or rules.document(old.kind.partition(".")[0]) is None:
            continue
        stored = StoredBlob(old.sha256, old.blob.size, old.blob.kind, old.filename, old.blob.scan)
        attach(
            session,
            stored,
            noun=NOUN,
            noun_id=application.id,
            kind=old.kind,
            organisation_id=application.organisation_id,
            viewer=viewer,
            at=at,
        )
