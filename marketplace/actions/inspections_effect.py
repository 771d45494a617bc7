"""What follows from an inspection once the bureau has confirmed it: events of the rating, warnings, a rectification, a proposal.

A provider's state and rating are part 3's: here events are written and a case is proposed, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy.orm import Session

from marketplace.actions.adjustments import propose_in
from marketplace.actions.adjustments_effect import Step as AdjustmentStep
from marketplace.actions.history import record
from marketplace.actions.inspections import INSPECTION, locked, move
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_steps import tell_applicant
from marketplace.actions.ratings import Incoming, put_events, recompute
from marketplace.actions.rectifications import order_in
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks
from marketplace.domain.adjustments import AdjustmentKind
from marketplace.domain.inspections import reaches, worst
from marketplace.domain.lifecycle import RefusedError, _
from marketplace.domain.rating_events import EventDraft, EventKind
from marketplace.records.database import Database
from marketplace.records.inspections import Inspection, InspectionFinding, ProjectWarning
from marketplace.records.projects import ProjectSupplier, find_suppliers

SOURCE = "inspection"
WARNING = "project_warning"


def confirm(database: Database, inspection_id: int, step: WatchStep, *, why: str = "") -> Inspection:
    """The bureau agrees with the report, and what follows from it happens, or nothing does."""
    with database.writing() as session:
        one = locked(session, inspection_id, step)
        move(session, one, "confirm", step, why)
        one.confirmed_by, one.confirmed_at = step.viewer.account_id, step.at
        close_tasks(session, INSPECTION, one.id, at=step.at)
        suppliers = find_suppliers(session, one.project_id)
        _rate(session, one, suppliers, step)
        if reaches(one.severity, step.inspection.warn_from):
            _warn(session, one, step)
        else:
            tell_applicant(session, one.project, _("{number} {title}：现场检查没有发现问题。"), step.at)
        if reaches(one.severity, step.inspection.rectify_from):
            order_in(session, one.project, _demand(one), step, inspection_id=one.id)
        _propose(session, one, suppliers, step)
        measure(session, one.project, step)
        return one


def _about(one: Inspection, supplier: ProjectSupplier) -> list[InspectionFinding]:
    return [row for row in one.findings if row.supplier_id == supplier.id]


def _rate(session: Session, one: Inspection, suppliers: Sequence[ProjectSupplier], step: WatchStep) -> None:
    """Every supplier that works on the project was looked at; the worst that was found of its work counts, nothing found counts too."""
    assert one.started_at is not None
    on = min(step.today, one.started_at.astimezone(step.at.tzinfo).date())
    rows = []
    for supplier in suppliers:
        found = _about(one, supplier)
        payload = {"severity": worst([row.severity for row in found]), "remark": "；".join(row.text for row in found)[:500]}
        draft = EventDraft(EventKind.INSPECTION, on, payload, one.project.number)
        rows.append(Incoming(supplier.provider_id, draft, f"{one.public_id}:{supplier.public_id}", supplier.solution_id))
    put_events(session, rows, source=SOURCE, actor=actor_of(step.viewer), at=step.at)
    recompute(session, [row.provider_id for row in rows], step.rating, at=step.at, on=step.today, why=SOURCE)


def _warn(session: Session, one: Inspection, step: WatchStep) -> None:
    """One warning for the project, and one for each supplier whose work it is about; each is told its own only."""
    _put(session, one, None, one.severity, "\n".join(row.text for row in one.findings) or one.summary, step)
    tell_applicant(session, one.project, _("{number} {title}：现场检查发现问题，已提出警示，请看检查结果。"), step.at)
    for supplier in find_suppliers(session, one.project_id, ended=True):
        found = [row for row in _about(one, supplier) if reaches(row.severity, step.inspection.warn_from)]
        if not found:
            continue
        _put(session, one, supplier, worst([row.severity for row in found]), "\n".join(row.text for row in found), step)
        values = {"number": one.project.number, "title": one.project.title}
        notify(
            session,
            accounts_of_organisation(session, supplier.provider.organisation_id),
            "project",
            _("{number} {title}：现场检查发现贵单位承担的部分有问题，已提出警示。"),
            at=step.at,
            values=values,
            noun=INSPECTION,
            public_ref=one.public_id,
        )


def _put(session: Session, one: Inspection, supplier: ProjectSupplier | None, severity: str, text: str, step: WatchStep) -> None:
    row = ProjectWarning(project_id=one.project_id, inspection_id=one.id, severity=severity, text=text, at=step.at)
    row.supplier_id, row.by = supplier.id if supplier is not None else None, step.viewer.account_id
    session.add(row)
    session.flush()
    after = {"severity": severity, "project": one.project_id, "supplier": row.supplier_id}
    record(session, actor=actor_of(step.viewer), verb="warn", noun=WARNING, noun_id=row.id, before=None, after=after, at=step.at)


def _demand(one: Inspection) -> str:
    return "\n".join(f"{place}. {row.text}" for place, row in enumerate(one.findings, 1)) or one.summary


def _propose(session: Session, one: Inspection, suppliers: Sequence[ProjectSupplier], step: WatchStep) -> None:
    """Serious findings about a provider's work are proposed as a case of dynamic adjustment; people of the bureau decide it there."""
    case_step = AdjustmentStep(step.viewer, step.at, step.today, step.adjustment)
    seen: set[int] = set()
    for supplier in suppliers:
        found = [row for row in _about(one, supplier) if reaches(row.severity, step.inspection.propose_from)]
        if not found or supplier.provider_id in seen:
            continue
        seen.add(supplier.provider_id)
        reason = "；".join(row.text for row in found)
        # One that waits for a decision already, or a provider that is out already, needs no second case.
        with suppress(RefusedError), session.begin_nested():
            propose_in(session, supplier.provider_id, AdjustmentKind.RECTIFY, case_step, reason=reason, evidence=one.number)
