"""Carrying out a change that was approved or put on record, in the same transaction: each thing that changes with its own history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.project_steps import PROJECT, Step
from marketplace.actions.roles import actor_of
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_changes import ChangeDraft, ChangeKind
from marketplace.domain.projects import SupplierRole
from marketplace.records.project_changes import ProjectChange
from marketplace.records.project_plans import find_indicators
from marketplace.records.projects import Project, ProjectSupplier, find_suppliers
from marketplace.records.providers import Provider

SUPPLIER, INDICATOR = "project_supplier", "project_indicator"


def carry_out(session: Session, project: Project, row: ProjectChange, draft: ChangeDraft, step: Step) -> None:
    _EFFECTS[row.kind](session, project, row, draft, step)
    session.flush()


def _note(
    session: Session, verb: str, noun: str, number: int, before: dict[str, Any] | None, after: dict[str, Any], row: ProjectChange, step: Step
) -> None:  # fmt: skip
    session.flush()
    record(
        session, actor=actor_of(step.viewer), verb=verb, noun=noun, noun_id=number, before=before, after=after, why=row.reason, at=step.at
    )  # fmt: skip


def _scope(session: Session, project: Project, row: ProjectChange, draft: ChangeDraft, step: Step) -> None:
    before = {"content": str(project.plan.get("content", ""))}
    project.plan = {**project.plan, "content": draft.content.strip()}
    _note(session, "change", PROJECT, project.id, before, {"content": draft.content.strip()}, row, step)


def _term(session: Session, project: Project, row: ProjectChange, draft: ChangeDraft, step: Step) -> None:
    assert draft.ends is not None
    before = {"ends": project.ends.isoformat() if project.ends is not None else None}
    project.ends = draft.ends
    _note(session, "change", PROJECT, project.id, before, {"ends": draft.ends.isoformat()}, row, step)


def _investment(session: Session, project: Project, row: ProjectChange, draft: ChangeDraft, step: Step) -> None:
    before = {"total_fen": project.total_fen}
    project.total_fen = draft.total_fen
    _note(session, "change", PROJECT, project.id, before, {"total_fen": draft.total_fen}, row, step)


def _indicators(session: Session, project: Project, row: ProjectChange, draft: ChangeDraft, step: Step) -> None:
    for one in find_indicators(session, project.id):
        wanted = draft.targets.get(one.public_id)
        if wanted is None or wanted == one.target:
            continue
        before = {"target": one.target, "name": one.name, "project": project.id}
        one.target = wanted
        _note(session, "change", INDICATOR, one.id, before, {"target": wanted}, row, step)


def _provider(session: Session, project: Project, row: ProjectChange, draft: ChangeDraft, step: Step) -> None:
    """The one who leaves keeps its row with the day; who comes gets its own, rated by itself."""
    if draft.ends_supplier:
        left = next((one for one in find_suppliers(session, project.id) if one.public_id == draft.ends_supplier), None)
        if left is None:
            raise RefusedError(Refused("supplier_gone", _("要更换的服务商已经不在项目里，请刷新后再看。")))
        left.ended_on = step.today
        after = {"ended_on": step.today.isoformat()}
        _note(session, "end", SUPPLIER, left.id, {"project": project.id, "provider": left.provider_id}, after, row, step)
        _tell(session, left.provider, project, _("{number} {title}：贵单位承担的部分因变更结束。"), step)
    if draft.provider_id is None:
        return
    provider = session.get_one(Provider, draft.provider_id)
    new = ProjectSupplier(project_id=project.id, provider_id=provider.id, role=SupplierRole(draft.role), content=draft.part.strip())
    new.contract_number, new.contract_fen, new.signed = draft.contract_number.strip(), draft.contract_fen, draft.signed
    new.share = draft.share if draft.share is not None else 1.0
    session.add(new)
    session.flush()
    _note(session, "add", SUPPLIER, new.id, None, {"project": project.id, "provider": provider.id, "role": str(new.role)}, row, step)
    _tell(session, provider, project, _("{number} {title}：贵单位因变更成为项目的服务商。"), step)


def _tell(session: Session, provider: Provider, project: Project, message: str, step: Step) -> None:
    accounts = accounts_of_organisation(session, provider.organisation_id)
    values = {"number": project.number, "title": project.title}
    notify(session, accounts, PROJECT, message, at=step.at, values=values, noun=PROJECT, public_ref=project.public_id)


_EFFECTS: dict[ChangeKind, Callable[[Session, Project, ProjectChange, ChangeDraft, Step], None]] = {
    ChangeKind.SCOPE: _scope,
    ChangeKind.PROVIDER: _provider,
    ChangeKind.TERM: _term,
    ChangeKind.INDICATORS: _indicators,
    ChangeKind.INVESTMENT: _investment,
}
