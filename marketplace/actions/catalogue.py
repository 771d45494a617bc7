"""A provider writes its catalogue: new solutions, edits of published ones, handing in, taking back."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.catalogue_content import NOUN, content_of, put_columns, source_of
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, roles_on
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.solution_versions import EDITABLE, TABLE, Content, VersionState, check_complete, check_draft, texts_of
from marketplace.domain.solutions import SolutionState
from marketplace.domain.text_guard import Finding, examine
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.cases import Case
from marketplace.records.database import Database
from marketplace.records.files import Attachment
from marketplace.records.providers import Provider
from marketplace.records.solution_versions import SolutionVersion, find_last_number, find_open_version, find_versions
from marketplace.records.solutions import Solution

# What the tasks of both sides are about: a version for the reviewer, the solution for its provider.
VERSION, OWN = "solution_version", "own_solution"
REVIEW, REVISE = "solution_review", "solution_revise"


def faults_of(content: Content, rules: CatalogueRules) -> tuple[list[tuple[str, Refused]], tuple[Finding, ...]]:
    """What keeps a content from being handed in by its form, and what the text guard says of its words."""
    return list(check_complete(content)), examine(texts_of(content), rules)


def create(database: Database, provider_id: int, content: Content, *, note: str, viewer: Viewer, at: datetime) -> SolutionVersion:
    """A new solution that nobody sees yet, with its first version."""
    with database.writing() as session:
        provider = session.get_one(Provider, provider_id)
        must_act(viewer, provider, "edit")
        return begin_solution(session, provider, content, note=note, viewer=viewer, at=at)


def begin_solution(
    session: Session, provider: Provider, content: Content, *, note: str, viewer: Viewer, at: datetime, source_ref: str = ""
) -> SolutionVersion:
    """As `create`, within the caller's transaction. `source_ref`: the provider's own number for it."""
    _refuse_faults(session, provider.id, None, content)
    number = str(uuid.uuid4())
    solution = Solution(provider=provider, public_id=number, state=SolutionState.DRAFT)
    solution.source, solution.source_ref = source_of(provider.id), source_ref or number
    put_columns(solution, content)
    session.add(solution)
    session.flush()
    record(
        session, actor=actor_of(viewer), verb="create", noun=NOUN, noun_id=solution.id, before=None, after={"title": solution.title}, at=at
    )
    return _add_version(session, solution, content, note=note, viewer=viewer, at=at)


def write(
    database: Database, solution_id: int, content: Content, *, number: int, revision: int, note: str, viewer: Viewer, at: datetime
) -> SolutionVersion | None:
    """Keep what was typed: in the version that is being written, or in a new one where none is.

    `number`, `revision`: of the version that the form showed; 0 and the last number where none was open. Refused
    as changed meanwhile when somebody else wrote since the form was opened. None: nothing was changed.
    """
    with database.writing() as session:
        solution = _locked(session, solution_id)
        must_act(viewer, solution.provider, "edit")
        version = find_open_version(session, solution.id)
        stands = (version.number, version.revision) if version else (0, find_last_number(session, solution.id))
        if stands != (number, revision):
            raise RefusedError(stale())
        return write_content(session, solution, version, content, note=note, viewer=viewer, at=at)


def write_content(
    session: Session, solution: Solution, version: SolutionVersion | None, content: Content, *, note: str, viewer: Viewer, at: datetime
) -> SolutionVersion | None:
    """As `write`, within the caller's transaction."""
    _refuse_faults(session, solution.provider_id, solution.id, content)
    if version is None:
        # A published solution that stays as it is needs no version; a withdrawn one does, to be published again.
        if solution.state == SolutionState.PUBLISHED and content == content_of(session, solution):
            return None
        return begin_version(session, solution, content, note=note, viewer=viewer, at=at)
    must_be_editable(version)
    changed = [key for key in content if content[key] != version.content.get(key)]
    if not changed and note == version.note:
        return None
    before = {key: version.content.get(key) for key in changed}
    version.content, version.note, version.at = dict(content), note, at
    version.author_id, version.revision = viewer.account_id, version.revision + 1
    if solution.state == SolutionState.DRAFT:
        put_columns(solution, content)
    after = {key: content[key] for key in changed}
    record(session, actor=actor_of(viewer), verb="save", noun=VERSION, noun_id=version.id, before=before, after=after, at=at)
    return version


def begin_version(session: Session, solution: Solution, content: Content, *, note: str, viewer: Viewer, at: datetime) -> SolutionVersion:
    """The next version. What is shown now is kept as a version too, where no version says it yet."""
    if solution.state != SolutionState.DRAFT:
        _keep_what_stands(session, solution, at)
    return _add_version(session, solution, content, note=note, viewer=viewer, at=at)


def next_content(session: Session, solution: Solution, version: SolutionVersion | None) -> Content:
    """What the next version begins with: the one that is being written, else what is shown, else what was last said."""
    if version is None and solution.state == SolutionState.DRAFT:
        version = next(iter(find_versions(session, solution.id)), None)
    return dict(version.content) if version else content_of(session, solution)


def submit(
    database: Database, version_id: int, *, revision: int, viewer: Viewer, at: datetime, today: date, rules: CatalogueRules
) -> SolutionVersion:
    """Hand a version in for review; the general manager is asked until the end of a term in working days."""
    with database.writing() as session:
        version = _locked_version(session, version_id, revision)
        provider = version.solution.provider
        must_act(viewer, provider, "submit")
        roles = roles_on(viewer, provider_id=provider.id) & {Role.PROVIDER}
        transition.apply(session, version, TABLE, "submit", actor=actor_of(viewer), roles=roles, at=at)
        problems, findings = faults_of(version.content, rules)
        for refused in (*(refused for _field, refused in problems), *(found.refused for found in findings if found.hard)):
            raise RefusedError(refused)
        version.submitted, version.decided_by, version.decided, version.why = at, None, None, ""
        close_tasks(session, OWN, version.solution_id, at=at, kinds=[REVISE])
        due = term(today, rules.review_days, find_calendar(session)).due
        message = _("审核方案“{title}”（{provider}）")
        values = {"title": version.content["title"], "provider": provider.name}
        open_task(
            session,
            REVIEW,
            message,
            noun=VERSION,
            noun_id=version.id,
            public_ref=version.public_id,
            at=at,
            values=values,
            roles=[Role.MANAGER],
            due=due,
        )
        return version


def withdraw(database: Database, version_id: int, *, revision: int, viewer: Viewer, at: datetime, why: str = "") -> SolutionVersion:
    """Take a version back; it is kept, and what is published stays as it is."""
    with database.writing() as session:
        version = _locked_version(session, version_id, revision)
        provider = version.solution.provider
        must_act(viewer, provider, "submit")
        roles = roles_on(viewer, provider_id=provider.id) & {Role.PROVIDER}
        transition.apply(session, version, TABLE, "withdraw", actor=actor_of(viewer), roles=roles, at=at, why=why)
        close_tasks(session, VERSION, version.id, at=at)
        close_tasks(session, OWN, version.solution_id, at=at, kinds=[REVISE])
        return version


def must_act(viewer: Viewer, provider: Provider, right: str) -> None:
    """Only members of the provider's own organisation write for it, each as far as its rights go."""
    if provider.id not in viewer.provider_ids or not may_act_for(viewer, provider.organisation_id, right):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))


def must_be_editable(version: SolutionVersion) -> None:
    if version.state not in EDITABLE:
        raise RefusedError(Refused("not_editable", _("这个版本已提交审核，不能再改。可以先撤回，或等审核结果。")))


def stale() -> Refused:
    return Refused("changed_meanwhile", _("您打开后，同事已保存过新的内容。下面是两边的不同，请核对后再保存。"))


def _locked(session: Session, solution_id: int) -> Solution:
    """The solution under its lock: whoever writes its versions comes one after the other."""
    return session.scalars(select(Solution).where(Solution.id == solution_id).with_for_update()).one()


def _locked_version(session: Session, version_id: int, revision: int) -> SolutionVersion:
    version = session.get_one(SolutionVersion, version_id)
    _locked(session, version.solution_id)
    session.refresh(version)
    if version.revision != revision:
        raise RefusedError(stale())
    return version


def _add_version(session: Session, solution: Solution, content: Content, *, note: str, viewer: Viewer, at: datetime) -> SolutionVersion:
    number = find_last_number(session, solution.id) + 1
    version = SolutionVersion(solution=solution, number=number, content=dict(content), note=note, author_id=viewer.account_id, at=at)
    session.add(version)
    session.flush()
    after: dict[str, Any] = {"solution_id": solution.id, "number": number, **content}
    record(session, actor=actor_of(viewer), verb="create", noun=VERSION, noun_id=version.id, before=None, after=after, at=at)
    return version


def _keep_what_stands(session: Session, solution: Solution, at: datetime) -> None:
    """What came by import, or was changed by one, becomes a version of its own before the next one is written."""
    shown = content_of(session, solution)
    approved = select(SolutionVersion).where(SolutionVersion.solution_id == solution.id, SolutionVersion.state == VersionState.APPROVED)
    newest = session.scalars(approved.order_by(SolutionVersion.number.desc())).first()
    if newest is None or newest.content != shown:
        number = find_last_number(session, solution.id) + 1
        kept = SolutionVersion(
            solution=solution, number=number, content=shown, state=VersionState.APPROVED, note=_("此前已公开的内容"), at=at
        )
        session.add(kept)
        session.flush()


def _refuse_faults(session: Session, provider_id: int, solution_id: int | None, content: Content) -> None:
    """A content that no form would send: broken rules, or cases and files of somebody else."""
    for _field, refused in check_draft(content):
        raise RefusedError(refused)
    cases = select(Case.public_id).where(Case.provider_id == provider_id)
    files = select(Attachment.public_id).where(Attachment.noun == NOUN, Attachment.noun_id == solution_id)
    for key, name, query in (
        ("cases", "case", cases.where(Case.public_id.in_(_named(content, "cases", "case")))),
        ("files", "file", files),
    ):
        named = _named(content, key, name)
        if named and not named <= set(session.scalars(query)):
            raise RefusedError(Refused("foreign_thing", _("内容里有不属于这个方案的案例或附件，没有保存。")))


def _named(content: Content, key: str, name: str) -> set[str]:
    rows: Iterable[dict[str, Any]] = content[key]
    return {row[name] for row in rows if row.get(name)}
