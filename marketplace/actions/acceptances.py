"""Acceptance of a project: what the enterprise asks for, and the formal review of the park or street. Every step holds the project's lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_steps import Step, move, must_be, refuse_first, roles_on_project, tell_applicant, tell_roles
from marketplace.actions.project_steps import locked as locked_project
from marketplace.actions.roles import actor_of
from marketplace.domain.acceptances import (
    CHECKS,
    RUNNING,
    TABLE,
    WRITABLE,
    AcceptanceState,
    FormDraft,
    RequestDraft,
    Wanted,
    check_form,
    check_request,
    missing,
)
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_changes import CHANGEABLE
from marketplace.domain.projects import ProjectState
from marketplace.files.store import StoredBlob
from marketplace.records.acceptances import Acceptance, find_acceptance, find_acceptances, find_targets
from marketplace.records.database import Database
from marketplace.records.evidence import find_evidence_of
from marketplace.records.files import find_attachments_of
from marketplace.records.project_changes import count_open_changes
from marketplace.records.projects import Project, find_suppliers

ACCEPTANCE = "acceptance"
SELF_EVALUATION = "self_evaluation"
# Of the evidence of the work, what an acceptance rests on; handed in there, it need not be handed in again.
PAPERS = ("purchase", "invoice", "paid")
_IN_ACCEPTANCE = frozenset(
    {ProjectState.IMPLEMENTING, ProjectState.REWORKING, ProjectState.FORMAL_REVIEW, ProjectState.ACCEPTING, ProjectState.DECIDING}
)
HARMLESS = ("attach",)


def documents_of(step: Step) -> dict[str, str]:
    """The papers of an acceptance, by kind, as the pilot calls them."""
    return {row.key: row.name for row in step.rules.documents if row.step == ACCEPTANCE or row.key in PAPERS}


def wanted_of(session: Session, project: Project, step: Step) -> Wanted:
    """What a request must hold. The self-evaluation is wanted anew in each round; other papers of an earlier one still count."""
    rounds = find_acceptances(session, project.id)
    files = find_attachments_of(session, ACCEPTANCE, [row.id for row in rounds])
    current = rounds[0] if rounds and rounds[0].state in RUNNING else None
    attached = {
        file.kind for row in rounds for file in files.get(row.id, []) if row is current or file.kind != SELF_EVALUATION
    } | {row.kind for row in find_evidence_of(session, project.id)}  # fmt: skip
    return Wanted(
        targets=find_targets(session, project.id),
        suppliers={row.public_id: row.provider.organisation.name for row in find_suppliers(session, project.id)},
        documents=documents_of(step),
        attached=attached,
        starts=project.starts,
        again=any(row.state == AcceptanceState.FAILED for row in rounds),
        changes_open=count_open_changes(session, project.id),
    )


def facts_of(session: Session, project: Project, step: Step) -> dict[str, Any]:
    """For the guards of the project's table; nothing as long as acceptance is far away."""
    if project.state not in _IN_ACCEPTANCE:
        return {}
    row = find_acceptance(session, project.id)
    if project.state in (ProjectState.IMPLEMENTING, ProjectState.REWORKING):
        draft = row.draft() if row is not None and row.state in WRITABLE else RequestDraft()
        return {"acceptance_missing": len(missing(draft, wanted_of(session, project, step)))}
    if row is None:
        return {}
    answers = [one["answer"] for one in row.checks]
    formal = "" if len(answers) < len(CHECKS) else "pass" if set(answers) == {"yes"} else "return"
    measured = bool(row.verdict) and all(one["measured"] is not None for one in row.measures)
    return {"formal_review": formal, "acceptance_report": row.verdict, "effect_measured": measured}


def locked(session: Session, project_id: int, step: Step) -> tuple[Project, Acceptance | None]:
    """The project under lock, with the round that is on; `seen` is the last that the page knew of this round."""
    project = locked_project(session, project_id, replace(step, seen=None))
    row = find_acceptance(session, project.id)
    if row is not None:
        session.refresh(row)
        refuse_if_moved(session, ACCEPTANCE, row.id, seen=step.seen, at=step.at, harmless=HARMLESS)
    return project, row


def running(row: Acceptance | None, state: AcceptanceState) -> Acceptance:
    if row is None or row.state != state:
        raise RefusedError(Refused("not_in_acceptance", _("项目现在不在这一步，请刷新后再看。")))
    return row


def apply(session: Session, row: Acceptance, event: str, step: Step, why: str = "") -> None:
    held = roles_on_project(step.viewer, row.project)
    transition.apply(session, row, TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why)


def save(database: Database, project_id: int, draft: RequestDraft, step: Step, files: Mapping[str, StoredBlob] | None = None) -> Acceptance:
    """The enterprise writes its self-evaluation, as far as it has got; the first time, and after a round that failed, a round begins."""
    with database.writing() as session:
        project, row = locked(session, project_id, step)
        return _save(session, project, row, draft, step, files or {})


def _save(
    session: Session, project: Project, row: Acceptance | None, draft: RequestDraft, step: Step, files: Mapping[str, StoredBlob]
) -> Acceptance:
    must_be(step.viewer, project, Role.ENTERPRISE)
    if project.state not in CHANGEABLE or (row is not None and row.state not in WRITABLE | {AcceptanceState.FAILED}):
        raise RefusedError(Refused("not_writable", _("项目现在不在填写验收材料的阶段。")))
    refuse_first(check_request(draft, wanted_of(session, project, step), step.today))
    is_new = row is None or row.state == AcceptanceState.FAILED
    if row is None or row.state == AcceptanceState.FAILED:
        row = Acceptance(project=project, number=row.number + 1 if row is not None else 1, created=step.at)
        session.add(row)
    before = None if is_new else {"finished_on": _iso(row.finished_on), "summary": row.summary, "claims": row.claims}
    row.finished_on, row.summary, row.rework = draft.finished_on, draft.summary.strip(), draft.rework.strip()
    row.claims = [{"indicator": key, "measured": one.value, "note": one.note.strip()} for key, one in draft.measures.items()]
    row.stars = [{"supplier": key, **given, "remark": draft.remarks.get(key, "").strip()} for key, given in draft.stars.items()]
    session.flush()
    after = {"finished_on": _iso(row.finished_on), "summary": row.summary, "claims": row.claims, "number": row.number}
    verb = "open" if is_new else "save"
    record(session, actor=actor_of(step.viewer), verb=verb, noun=ACCEPTANCE, noun_id=row.id, before=before, after=after, at=step.at)
    known = documents_of(step)
    for kind, file in files.items():
        if kind in known:
            attach(
                session, file, noun=ACCEPTANCE, noun_id=row.id, kind=kind, organisation_id=project.organisation_id, viewer=step.viewer,
                at=step.at,
            )  # fmt: skip
    return row


def _iso(day: Any) -> str | None:
    return day.isoformat() if day is not None else None


def request(
    database: Database, project_id: int, step: WatchStep, draft: RequestDraft | None = None, files: Mapping[str, StoredBlob] | None = None
) -> Acceptance:
    """Acceptance is asked for with what was written, or with what is written now; the first time, or after putting right what failed."""
    with database.writing() as session:
        project, row = locked(session, project_id, step)
        must_be(step.viewer, project, Role.ENTERPRISE)
        if draft is not None:
            row = _save(session, project, row, draft, step, files or {})
        plain = replace(step, seen=None)
        move(session, project, "request_again" if project.state == ProjectState.REWORKING else "request_acceptance", plain)
        assert row is not None
        row.requested_by, row.requested_at = step.viewer.account_id, step.at
        row.checks, row.form_why = [], ""
        apply(session, row, "request", step)
        tell_roles(session, project, _("{number} {title}：企业申请验收，请作形式审查。"), step.at, Role.AREA)
        measure(session, project, step)
        return row


def review_form(database: Database, project_id: int, draft: FormDraft, step: WatchStep) -> Acceptance:
    """The park or street: complete, true, valid. With one "no" it goes back with the reason, else on to the general manager."""
    with database.writing() as session:
        project, found = locked(session, project_id, step)
        must_be(step.viewer, project, Role.AREA)
        row = running(found, AcceptanceState.FORMAL_REVIEW)
        refuse_first(check_form(draft))
        row.checks = [{"check": key, "answer": draft.answers[key][0], "remark": draft.answers[key][1].strip()} for key in CHECKS]
        row.form_why, row.formal_by, row.formal_at = draft.why.strip(), step.viewer.account_id, step.at
        event = "pass_form" if draft.passes else "return_form"
        move(session, project, event, replace(step, seen=None), why=row.form_why)
        apply(session, row, event, step, row.form_why)
        if draft.passes:
            tell_applicant(session, project, _("{number} {title}：验收材料形式审查通过。"), step.at)
            tell_roles(session, project, _("{number} {title}：形式审查通过，请组织验收。"), step.at, Role.MANAGER)
        else:
            tell_applicant(session, project, _("{number} {title}：验收材料退回，理由：{why}"), step.at, why=row.form_why)
        measure(session, project, step)
        return row
