"""What each person sees of an inspection: offices and inspectors all of it, the enterprise its result, a supplier what is about its work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import request
from sqlalchemy.orm import Session

from marketplace.actions.inspections import INSPECTION, roles_on_inspection
from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.inspections import TABLE, Fault, InspectionState
from marketplace.domain.lifecycle import allowed_events
from marketplace.domain.rating_events import SEVERITIES
from marketplace.records.accounts import Account
from marketplace.records.history import find_last_entry
from marketplace.records.inspections import Inspection, InspectionFinding, ProjectWarning, Rectification, find_rectifications, find_warnings
from marketplace.records.progress import reads_steps
from marketplace.records.projects import ProjectSupplier, find_project, find_suppliers
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.language import say
from marketplace.web.typed import seen_still

MOST_FINDINGS = 6
_TOLD = frozenset({InspectionState.ON_SITE, InspectionState.REPORTED, InspectionState.CONFIRMED})


def visible(session: Session, viewer: Viewer, one: Inspection) -> str:
    """ "whole" for offices and inspectors; "result" for the enterprise once it is confirmed, "visit" before that (an unannounced one
    not before the inspectors are there); "own" for a supplier with a warning; "" for nobody else."""
    if may(viewer, "read", "inspection") or viewer.account_id in {row.account_id for row in one.inspectors}:
        return "whole"
    project = find_project(session, one.project.public_id, viewer)
    if project is None:
        return ""
    if reads_steps(session, viewer, project):
        if one.state == InspectionState.CONFIRMED:
            return "result"
        return "visit" if one.announced or one.state in _TOLD else ""
    return "own" if own_warnings(session, viewer, one) else ""


def own_warnings(session: Session, viewer: Viewer, one: Inspection) -> list[ProjectWarning]:
    """The warnings about this person's own work."""
    own = {row.id for row in find_suppliers(session, one.project_id, ended=True) if row.provider_id in viewer.provider_ids}
    return [row for row in find_warnings(session, one.project_id) if row.inspection_id == one.id and row.supplier_id in own]


@dataclass(frozen=True)
class InspectionPage:
    """One inspection as this person reads it. `events`: what he or she may try now."""

    level: str
    events: frozenset[str]
    inspects: bool
    may_assign: bool
    answers: Mapping[str, Sequence[str]]
    findings: Sequence[InspectionFinding]
    suppliers: Sequence[ProjectSupplier]
    warnings: Sequence[ProjectWarning]
    rectifications: Sequence[Rectification]
    reporter: str
    confirmer: str
    seen: int
    summary: str
    severity: str
    faults: tuple[str, ...] = tuple(str(one) for one in Fault)
    severities: tuple[str, ...] = SEVERITIES


def read_inspection(session: Session, one: Inspection, viewer: Viewer, *, lost: bool) -> InspectionPage:
    level = visible(session, viewer, one)
    held = roles_on_inspection(viewer, one)
    events = frozenset(row.event for row in allowed_events(TABLE, one.state, held)) if level == "whole" else frozenset()
    inspects = Role.EXPERT in held and one.state == InspectionState.ON_SITE
    open_to_read = level in ("whole", "result")
    return InspectionPage(
        level=level,
        events=events,
        inspects=inspects,
        may_assign=may(viewer, "supervise", "project") and one.state in (InspectionState.PLANNED, InspectionState.ON_SITE),
        answers=one.answers if open_to_read else {},
        findings=one.findings if open_to_read else [],
        suppliers=find_suppliers(session, one.project_id, ended=True) if open_to_read else [],
        warnings=own_warnings(session, viewer, one)
        if level == "own"
        else [row for row in find_warnings(session, one.project_id) if row.inspection_id == one.id and level != "visit"],
        rectifications=[row for row in find_rectifications(session, one.project_id) if row.inspection_id == one.id] if open_to_read else [],
        reporter=_name(session, one.reported_by),
        confirmer=_name(session, one.confirmed_by),
        seen=seen_still(find_last_entry(session, INSPECTION, one.id), lost=lost),
        summary=one.summary if open_to_read else "",
        severity=one.severity if open_to_read else "",
    )


def _name(session: Session, account_id: int | None) -> str:
    found = session.get(Account, account_id) if account_id is not None else None
    return found.name if found is not None else ""


def outdated(page: InspectionPage) -> list[ShownDifference]:
    """What the other inspector saved, beside what was typed."""
    rows: list[tuple[str, str, str]] = [(say("检查情况"), page.summary, request.form.get("summary", ""))]
    for place in range(MOST_FINDINGS):
        stored = page.findings[place].text if place < len(page.findings) else ""
        rows.append((say("第 {n} 条发现", n=place + 1), stored, request.form.get(f"text-{place}", "")))
    return outdated_fields(rows)
