"""Changes of a project under way: asked for by the enterprise, with the area's opinion, decided by the bureau, carried out in one."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.project_changes_effect import carry_out
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_steps import (
    Step,
    accounts_of_area,
    must_be,
    refuse_first,
    roles_on_project,
    tell_applicant,
    tell_roles,
)
from marketplace.actions.project_steps import locked as locked_project
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_changes import (
    CARRIED_OUT,
    CHANGEABLE,
    OPEN,
    TABLE,
    ChangeDraft,
    ChangeKind,
    ChangeRules,
    Present,
    Standing,
    check,
    extends,
    needs_approval,
)
from marketplace.domain.providers import TAKES_NEW
from marketplace.domain.texts import check_text
from marketplace.records.database import Database
from marketplace.records.project_changes import ProjectChange, find_changes
from marketplace.records.project_plans import find_indicators
from marketplace.records.projects import Project, find_suppliers
from marketplace.records.providers import Provider

CHANGE = "project_change"
OPINE, DECIDE = "opine_change", "decide_change"
CONTENT = "content"
# Which fields of a draft a kind speaks of.
FIELDS: dict[str, tuple[str, ...]] = {
    ChangeKind.SCOPE: ("content",),
    ChangeKind.PROVIDER: ("ends_supplier", "provider_id", "role", "part", "contract_number", "contract_fen", "signed", "share"),
    ChangeKind.TERM: ("ends",),
    ChangeKind.INDICATORS: ("targets",),
    ChangeKind.INVESTMENT: ("total_fen",),
}
_DAYS = ("ends", "signed")


def rules_of(step: Step) -> ChangeRules:
    return ChangeRules(step.rules.change_share, step.rules.change_months, step.rules.most_extensions)


def present(session: Session, project: Project, draft: ChangeDraft, step: Step, *, without: int | None = None) -> Present:
    """How the project stands, and how it was agreed before anything was changed; `without` the change that is being carried out."""
    done = [row for row in reversed(find_changes(session, project.id)) if row.state in CARRIED_OUT and row.id != without]
    suppliers = find_suppliers(session, project.id)
    provider = session.get(Provider, draft.provider_id) if draft.provider_id is not None else None
    own = step.rules.of(project.project_class)
    return Present(
        content=str(project.plan.get(CONTENT, "")),
        ends=project.ends,
        agreed_ends=_day(_first(done, ChangeKind.TERM, "ends")) or project.ends,
        last_day=step.rules.last_day,
        total_fen=project.total_fen or 0,
        agreed_fen=_first(done, ChangeKind.INVESTMENT, "total_fen") or project.total_fen or 0,
        amount_fen=project.amount_fen or 0,
        subsidy_share=own.subsidy_share,
        targets={row.public_id: row.target for row in find_indicators(session, project.id)},
        suppliers=frozenset(row.public_id for row in suppliers),
        provider_ids=frozenset(row.provider_id for row in suppliers),
        known_provider=provider is not None,
        pool_provider=not own.needs_pool or (provider is not None and provider.state in TAKES_NEW),
        extensions=sum(row.extension for row in done),
    )


def _first(done: list[ProjectChange], kind: ChangeKind, field: str) -> Any:
    """What was agreed before the first change of this kind."""
    return next((row.before.get(field) for row in done if row.kind == kind), None)


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if value else None


def values_of(draft: ChangeDraft) -> dict[str, Any]:
    """The fields of its kind, as they are stored."""
    whole = asdict(draft)
    return {name: whole[name].isoformat() if isinstance(whole[name], date) else whole[name] for name in FIELDS[draft.kind]}


def draft_of(row: ProjectChange) -> ChangeDraft:
    """A stored request as it was typed."""
    values: dict[str, Any] = {name: _day(value) if name in _DAYS else value for name, value in row.values.items()}
    return ChangeDraft(kind=row.kind, reason=row.reason, **values)


def _before(session: Session, project: Project, draft: ChangeDraft) -> dict[str, Any]:
    if draft.kind == ChangeKind.SCOPE:
        return {"content": str(project.plan.get(CONTENT, ""))}
    if draft.kind == ChangeKind.TERM:
        return {"ends": project.ends.isoformat() if project.ends is not None else None}
    if draft.kind == ChangeKind.INVESTMENT:
        return {"total_fen": project.total_fen}
    if draft.kind == ChangeKind.INDICATORS:
        return {"targets": {row.public_id: row.target for row in find_indicators(session, project.id)}}
    return {"suppliers": [row.provider.organisation.name for row in find_suppliers(session, project.id)]}


def request(database: Database, project_id: int, draft: ChangeDraft, step: WatchStep) -> ProjectChange:
    """The enterprise asks; what the rules leave free is put on record and carried out at once."""
    with database.writing() as session:
        project = locked_project(session, project_id, step)
        must_be(step.viewer, project, Role.ENTERPRISE)
        _refuse_unless_changeable(project)
        now, rules = present(session, project, draft, step), rules_of(step)
        refuse_first(check(draft, now, rules, step.today))
        if any(row.kind == draft.kind and row.state in OPEN for row in find_changes(session, project.id)):
            raise RefusedError(Refused("change_waiting", _("已有一项同类的变更申请在办，办完后才能再提。")))
        row = ProjectChange(project=project, kind=ChangeKind(draft.kind), values=values_of(draft), reason=draft.reason.strip())
        row.before, row.needs_approval = _before(session, project, draft), needs_approval(draft, now, rules)
        row.extension = draft.kind == ChangeKind.TERM and extends(draft.ends, now, rules)
        row.requested_by, row.requested_at = step.viewer.account_id, step.at
        session.add(row)
        session.flush()
        after = {"kind": str(row.kind), "values": row.values, "project": project.id, "needs_approval": row.needs_approval}
        record(
            session, actor=actor_of(step.viewer), verb="request", noun=CHANGE, noun_id=row.id, before=row.before, after=after, why=row.reason,
            at=step.at,
        )  # fmt: skip
        step = replace(step, seen=None)
        if row.needs_approval:
            for account in sorted(accounts_of_area(session, project.area)):
                _ask(session, row, OPINE, _("{number} {title}：对变更申请写意见"), step, account_id=account)
        else:
            _apply(session, row, "file", step)
            carry_out(session, project, row, draft, step)
            tell_roles(session, project, _("{number} {title}：变更已备案。"), step.at, Role.AREA, Role.BUREAU)
            measure(session, project, step)
        return row


def _refuse_unless_changeable(project: Project) -> None:
    if project.state not in CHANGEABLE:
        raise RefusedError(Refused("not_under_way", _("项目不在实施中，不能变更。")))


def _ask(session: Session, row: ProjectChange, kind: str, message: str, step: Step, **whose: Any) -> None:
    values = {"number": row.project.number, "title": row.project.title}
    open_task(session, kind, message, noun=CHANGE, noun_id=row.id, public_ref=row.project.public_id, at=step.at, values=values, **whose)


def _apply(session: Session, row: ProjectChange, event: str, step: Step, why: str = "") -> None:
    held = roles_on_project(step.viewer, row.project)
    subject = Standing(row.needs_approval, row.opinion)
    transition.apply(session, row, TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why, subject=subject)


def _locked(session: Session, project_id: int, change_id: int, step: Step) -> tuple[Project, ProjectChange]:
    project = locked_project(session, project_id, replace(step, seen=None))
    row = session.get_one(ProjectChange, change_id, populate_existing=True)
    refuse_unless(row.project_id == project.id)
    refuse_if_moved(session, CHANGE, row.id, seen=step.seen, at=step.at)
    return project, row


def opine(database: Database, project_id: int, change_id: int, opinion: str, text: str, step: Step) -> ProjectChange:
    """The park or street says what it thinks of it; the bureau decides, whatever it says."""
    refuse_first(check_text("text", _("意见"), text, most=2_000, required=True))
    with database.writing() as session:
        project, row = _locked(session, project_id, change_id, step)
        must_be(step.viewer, project, Role.AREA)
        row.opinion, row.opinion_text, row.opinion_by, row.opinion_at = opinion[:16], text.strip(), step.viewer.account_id, step.at
        _apply(session, row, "opine", step, text.strip())
        close_tasks(session, CHANGE, row.id, at=step.at)
        _ask(session, row, DECIDE, _("{number} {title}：审批变更申请"), step, roles=(Role.BUREAU,))
        return row


def decide(database: Database, project_id: int, change_id: int, event: str, why: str, step: WatchStep) -> ProjectChange:
    """The bureau approves, and it is carried out as things stand now; or refuses with a reason."""
    refuse_first(check_text("why", _("理由"), why, most=2_000, required=event == "refuse"))
    with database.writing() as session:
        project, row = _locked(session, project_id, change_id, step)
        must_be(step.viewer, project, Role.BUREAU)
        if event not in ("approve", "refuse"):
            raise RefusedError(Refused("unknown_event", _("没有这种决定。")))
        row.answer, row.answered_by, row.answered_at = why.strip(), step.viewer.account_id, step.at
        _apply(session, row, event, step, why.strip())
        close_tasks(session, CHANGE, row.id, at=step.at)
        if event == "refuse":
            tell_applicant(session, project, _("{number} {title}：变更未批准，理由：{why}"), step.at, why=row.answer)
            return row
        _refuse_unless_changeable(project)
        draft = draft_of(row)
        refuse_first(check(draft, present(session, project, draft, step, without=row.id), rules_of(step), step.today))
        carry_out(session, project, row, draft, step)
        tell_applicant(session, project, _("{number} {title}：变更已批准。"), step.at)
        measure(session, project, step)
        return row


def withdraw(database: Database, project_id: int, change_id: int, step: Step) -> ProjectChange:
    with database.writing() as session:
        project, row = _locked(session, project_id, change_id, step)
        must_be(step.viewer, project, Role.ENTERPRISE)
        _apply(session, row, "withdraw", step)
        close_tasks(session, CHANGE, row.id, at=step.at)
        return row


def lapse_all(session: Session, project: Project, step: Step, *, why: str) -> None:
    """The project ends: nothing of it is changed any more."""
    open_ones = select(ProjectChange).where(ProjectChange.project_id == project.id, ProjectChange.state.in_(OPEN))
    for row in session.scalars(open_ones.order_by(ProjectChange.id)).all():
        _apply(session, row, "lapse", step, why)
        close_tasks(session, CHANGE, row.id, at=step.at)
