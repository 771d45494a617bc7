"""What a confirmed decision of the selection brings about, in the transaction of its confirmation."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from marketplace.actions import funds
from marketplace.actions.agreements import confirm_agreement, draw_up
from marketplace.actions.project_panel import close_expert_tasks
from marketplace.actions.project_steps import PROJECT, Step, move, tell_applicant
from marketplace.domain.lifecycle import _
from marketplace.domain.money import exact_text
from marketplace.domain.project_selections import SelectionDraft
from marketplace.domain.projects import ProjectClass
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.guides import Guide
from marketplace.records.project_reviews import find_project_review
from marketplace.records.project_selections import CityDecision, GuideCommitment, ProjectPublicity, committed_fen, find_publicity
from marketplace.records.projects import Project


def happen(session: Session, project: Project, event: str, draft: SelectionDraft, step: Step) -> None:
    _EFFECTS[event](session, project, draft, step)
    recount(session, project)


def recount(session: Session, project: Project) -> None:
    """What the guide has given away now; the database refuses the row where it would be more than there is."""
    if project.guide_id is None:
        return
    session.flush()
    guide = session.get_one(Guide, project.guide_id)
    row = session.get(GuideCommitment, guide.id)
    if row is None:
        row = GuideCommitment(guide_id=guide.id)
        session.add(row)
    row.budget_fen, row.committed_fen = guide.budget_fen, committed_fen(session, guide.id)
    session.flush()


def _show(session: Session, project: Project, draft: SelectionDraft, step: Step) -> None:
    assert draft.amount_fen is not None
    project.amount_fen = draft.amount_fen
    until = term(step.today, step.rules.notice_days, find_calendar(session)).due
    publicity = find_publicity(session, project.id) or ProjectPublicity(project_id=project.id)
    publicity.amount_fen, publicity.begins, publicity.until = draft.amount_fen, step.today, until
    publicity.decided_by = step.viewer.account_id
    session.add(publicity)
    move(session, project, "show", step, draft.why)
    values = {"until": until.isoformat(), "amount": exact_text(draft.amount_fen)}
    tell_applicant(session, project, _("{number} {title}：拟支持 {amount} 万元，公示至 {until} 24:00"), step.at, **values)


def _leave_out(session: Session, project: Project, draft: SelectionDraft, step: Step) -> None:
    _end(session, project, "leave_out", draft, step, _("{number} {title}：未予支持，理由：{why}"))


def _lapse(session: Session, project: Project, draft: SelectionDraft, step: Step) -> None:
    _end(session, project, "lapse", draft, step, _("{number} {title}：逾期未签任务书，不再支持。{why}"))


def _end(session: Session, project: Project, event: str, draft: SelectionDraft, step: Step, message: str) -> None:
    # What was set aside for it is free again.
    funds.release(session, project, step, why=draft.why, noun=PROJECT, noun_id=project.id, made_by=draft.proposed_by)
    project.reason, project.amount_fen = draft.why.strip(), None
    move(session, project, event, step, draft.why)
    close_expert_tasks(session, find_project_review(session, project.id), step)
    tell_applicant(session, project, message, step.at, why=project.reason)


def _approve(session: Session, project: Project, draft: SelectionDraft, step: Step) -> None:
    """From here on the money is the project's: where no budget has it any more, nothing is approved."""
    assert project.amount_fen is not None
    split = funds.usual_split(session, project, project.amount_fen, step)
    funds.commit(
        session, project, project.amount_fen, split, step,
        why=draft.why, key=f"approve:{project.id}", noun=PROJECT, noun_id=project.id, made_by=draft.proposed_by,
    )  # fmt: skip
    move(session, project, "approve", step, draft.why)
    if project.project_class == ProjectClass.CENTRAL:
        agreement = draw_up(session, project, step)
        values = {"agreement": agreement.number, "until": agreement.due.isoformat() if agreement.due else ""}
        tell_applicant(session, project, _("{number} {title}：已认定，请在 {until} 24:00 前签署任务书 {agreement}"), step.at, **values)
    else:
        tell_applicant(session, project, _("{number} {title}：已认定"), step.at)


def _agree(session: Session, project: Project, draft: SelectionDraft, step: Step) -> None:
    confirm_agreement(session, project, step)
    move(session, project, "agree", step, draft.why)
    tell_applicant(session, project, _("{number} {title}：任务书已确认"), step.at)


def _send_to_city(session: Session, project: Project, draft: SelectionDraft, step: Step) -> None:
    move(session, project, "send_to_city", step, draft.why)
    tell_applicant(session, project, _("{number} {title}：已推荐到市"), step.at)


def _city(session: Session, project: Project, draft: SelectionDraft, step: Step, outcome: str) -> None:
    assert draft.city_day is not None
    row = CityDecision(project_id=project.id, outcome=outcome, number=draft.city_number, decided_on=draft.city_day, text=draft.why)
    row.amount_fen = draft.amount_fen if outcome == "approved" else None
    row.recorded_by, row.at = step.viewer.account_id, step.at
    session.add(row)


def _city_approves(session: Session, project: Project, draft: SelectionDraft, step: Step) -> None:
    _city(session, project, draft, step, "approved")
    project.amount_fen = draft.amount_fen
    move(session, project, "city_approves", step, draft.why)
    tell_applicant(session, project, _("{number} {title}：市级已立项（{city}）"), step.at, city=draft.city_number)


def _city_refuses(session: Session, project: Project, draft: SelectionDraft, step: Step) -> None:
    _city(session, project, draft, step, "refused")
    project.reason = draft.why.strip()
    move(session, project, "city_refuses", step, draft.why)
    tell_applicant(
        session, project, _("{number} {title}：市级未立项（{city}）。{why}"), step.at, city=draft.city_number, why=project.reason
    )


_EFFECTS: dict[str, Callable[[Session, Project, SelectionDraft, Step], None]] = {
    "show": _show,
    "leave_out": _leave_out,
    "approve": _approve,
    "agree": _agree,
    "lapse": _lapse,
    "send_to_city": _send_to_city,
    "city_approves": _city_approves,
    "city_refuses": _city_refuses,
}
