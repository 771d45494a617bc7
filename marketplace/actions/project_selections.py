"""Selection by the bureau: amounts within the guide's money, public notice, recognition, the city's decision. Each by two persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import decisions
from marketplace.actions.meanwhile import told
from marketplace.actions.project_panel import facts_of as panel_facts
from marketplace.actions.project_selections_effect import happen
from marketplace.actions.project_steps import PROJECT, Step, locked, must_be, refuse_first, roles_on_project, standing_of, tell_roles
from marketplace.actions.roles import refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.agreements import THEIRS, signed_sides
from marketplace.domain.decisions import DecisionState
from marketplace.domain.lifecycle import Refused, RefusedError, _, decide
from marketplace.domain.objections import ObjectionState
from marketplace.domain.project_reviews import ProjectReviewRules
from marketplace.domain.project_selections import (
    CITY_EVENTS,
    EVENTS,
    SelectionDraft,
    below_mark,
    check,
    check_amount,
    may_lapse,
    objection_upheld,
    over_budget,
)
from marketplace.domain.projects import TABLES
from marketplace.records.agreements import find_agreement
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.files import find_attachments
from marketplace.records.guides import Guide
from marketplace.records.history import find_entries_since
from marketplace.records.project_reviews import find_project_review
from marketplace.records.project_selections import committed_fen, count_project_objections, find_city_decision, find_publicity
from marketplace.records.projects import Project

CONFIRM = "confirm_decision"
WORDS: Mapping[str, str] = {
    "show": _("支持并公示"),
    "leave_out": _("不予支持"),
    "approve": _("认定"),
    "agree": _("确认任务书"),
    "lapse": _("逾期未签任务书"),
    "send_to_city": _("推荐到市"),
    "city_approves": _("登记市级立项"),
    "city_refuses": _("登记市级未立项"),
}


def facts_of(session: Session, project: Project, step: Step) -> dict[str, Any]:
    """Review, public notice, agreement and the city's decision, for the guards of the project's table."""
    facts = panel_facts(session, project, step)
    if (publicity := find_publicity(session, project.id)) is not None:
        facts["notice_until"] = publicity.until
        facts["objections_open"] = count_project_objections(session, publicity.id, ObjectionState.OPEN)
    if (agreement := find_agreement(session, project.id)) is not None:
        sides = {file.kind for file in find_attachments(session, "agreement", agreement.id)}
        facts |= {"agreement_scans": signed_sides(sides), "applicant_signed": THEIRS in sides}
    if (city := find_city_decision(session, project.id)) is not None:
        facts["city_decision"] = city.outcome
    return facts


def propose(database: Database, project_id: int, event: str, draft: SelectionDraft, *, panel: ProjectReviewRules, step: Step) -> Decision:
    """The first person: what is to happen, with reasons. Nothing happens before another person of the bureau confirms."""
    with database.writing() as session:
        return _propose(session, locked(session, project_id, step), event, draft, panel, step)


def propose_all(
    database: Database, guide_id: int, amounts: Mapping[int, int], why: str, *, panel: ProjectReviewRules, step: Step
) -> Sequence[Decision]:
    """The same for several projects of one guide (project → amount): all of them or none, checked together against the guide's money."""
    with database.writing() as session:
        projects = [locked(session, number, step) for number in sorted(amounts)]
        refuse_unless(all(project.guide_id == guide_id for project in projects))
        if not projects:
            raise RefusedError(Refused("nothing_chosen", _("没有填任何一个项目的支持金额。")))
        drafts = {project.id: SelectionDraft(why=why, amount_fen=amounts[project.id]) for project in projects}
        found = [_propose(session, project, "show", drafts[project.id], panel, step) for project in projects]
        budget = session.get_one(Guide, guide_id).budget_fen
        if refused := over_budget(sum(amounts.values()), committed_fen(session, guide_id), budget):
            raise RefusedError(refused)
        return found


def _propose(session: Session, project: Project, event: str, draft: SelectionDraft, panel: ProjectReviewRules, step: Step) -> Decision:
    must_be(step.viewer, project, Role.BUREAU)
    if event not in EVENTS:
        raise RefusedError(Refused("unknown_event", _("没有这种决定。")))
    refuse_first(check(event, draft, step.today))
    may_happen(session, project, event, draft, panel, step)
    values: dict[str, Any] = {"amount_fen": draft.amount_fen} if draft.amount_fen is not None else {}
    if event in CITY_EVENTS:
        assert draft.city_day is not None
        values |= {"city_number": draft.city_number.strip(), "city_day": draft.city_day.isoformat()}
    decision = decisions.propose(
        session, noun=PROJECT, noun_id=project.id, event=event, why=draft.why, viewer=step.viewer, at=step.at, values=values
    )
    open_task(
        session, CONFIRM, _("{number} {title}：复核决定（{what}）"), noun=PROJECT, noun_id=project.id, public_ref=project.public_id,
        at=step.at, values={"number": project.number, "title": project.title, "what": WORDS[event]}, roles=(Role.BUREAU,), due=project.waits_due,
    )  # fmt: skip
    return decision


def may_happen(session: Session, project: Project, event: str, draft: SelectionDraft, panel: ProjectReviewRules, step: Step) -> None:
    """The table first, then what stands in the way; asked at the proposal and again at its confirmation, for days lie between."""
    outcome = {"city_approves": "approved", "city_refuses": "refused"}.get(event)
    subject = standing_of(session, project, step)
    subject = replace(subject, amount_fen=draft.amount_fen) if event == "show" else subject
    subject = replace(subject, city_decision=outcome) if outcome else subject
    row = decide(TABLES[project.project_class], project.state, event, roles_on_project(step.viewer, project), subject)
    if isinstance(row, Refused):
        raise RefusedError(row)
    if refused := obstacle(session, project, event, draft.amount_fen, panel, step):
        raise RefusedError(refused)


def obstacle(
    session: Session, project: Project, event: str, amount_fen: int | None, panel: ProjectReviewRules, step: Step
) -> Refused | None:
    """What the table does not know: caps, the guide's money, the mark, objections that hold, the term of the agreement."""
    if event == "show":
        review = find_project_review(session, project.id)
        if refused := below_mark(review.joint_total if review is not None else None, panel.entry_mark):
            return refused
        rules = step.rules.of(project.project_class)
        for _field, refused in check_amount(rules, project.level, project.total_fen, project.asked_fen, amount_fen):
            return refused
        return _over_budget(session, project, amount_fen or 0)
    if event == "approve" and (publicity := find_publicity(session, project.id)) is not None:
        return objection_upheld(count_project_objections(session, publicity.id, ObjectionState.UPHELD))
    if event == "lapse":
        agreement = find_agreement(session, project.id)
        return may_lapse(agreement.due if agreement is not None else None, step.today)
    return None


def _over_budget(session: Session, project: Project, amount_fen: int) -> Refused | None:
    if project.guide_id is None:
        return None
    guide = session.get_one(Guide, project.guide_id)
    return over_budget(amount_fen, committed_fen(session, guide.id, without=project.id), guide.budget_fen)


def answer(database: Database, decision_id: int, event: str, *, why: str, panel: ProjectReviewRules, step: Step) -> None:
    """The second person confirms or rejects, or the first one takes back; what is confirmed happens in this transaction."""
    with database.writing() as session:
        decision = session.get_one(Decision, decision_id)
        refuse_unless(decision.noun == PROJECT and decision.event in EVENTS)
        _answer(session, locked(session, decision.noun_id, step), decision, event, why, panel, step)


def answer_all(
    database: Database, guide_id: int, event: str, *, why: str, panel: ProjectReviewRules, step: Step, newest: int | None = None
) -> int:
    """The same for every amount of a guide that waits: all of them or none. How many there were. `newest`: the last proposal on the page;
    what was proposed after it was not seen, and waits on."""
    with database.writing() as session:
        waiting = select(Decision).join(Project, Project.id == Decision.noun_id).where(Decision.noun == PROJECT, Decision.event == "show")
        waiting = waiting.where(Decision.state == DecisionState.PROPOSED, Project.guide_id == guide_id).order_by(Decision.noun_id)
        waiting = waiting.where(Decision.id <= newest) if newest is not None else waiting
        # All projects are locked before the first one moves, in the order of their numbers, so that two such answers queue.
        found = [(locked(session, decision.noun_id, step), decision) for decision in session.scalars(waiting).all()]
        if not found:
            raise RefusedError(Refused("nothing_waits", _("没有等复核的支持金额。")))
        for project, decision in found:
            _answer(session, project, decision, event, why, panel, step)
        return len(found)


def _answer(
    session: Session, project: Project, decision: Decision, event: str, why: str, panel: ProjectReviewRules, step: Step
) -> None:  # fmt: skip
    must_be(step.viewer, project, Role.BUREAU)
    session.refresh(decision)
    if decision.state != DecisionState.PROPOSED:
        entries = find_entries_since(session, "decision", decision.id, 0)
        gone = Refused("answered", _("这项决定已经有了结论。请刷新后再看。"))
        raise RefusedError(told(entries[-1], step.at) if entries else gone)
    decisions.answer(session, decision, event, viewer=step.viewer, at=step.at, why=why)
    close_tasks(session, PROJECT, project.id, at=step.at, kinds=(CONFIRM,))
    if event != "confirm":
        tell_roles(session, project, _("{number} {title}：决定没有通过复核，请再看"), step.at, Role.BUREAU)
        return
    if project.guide_id is not None:
        # The guide is the queue of all that give its money away: of two confirmations at once the second one counts the first.
        session.execute(select(Guide.id).where(Guide.id == project.guide_id).with_for_update())
    day = decision.values.get("city_day")
    draft = SelectionDraft(
        why=decision.why,
        amount_fen=decision.values.get("amount_fen"),
        city_number=str(decision.values.get("city_number", "")),
        city_day=date.fromisoformat(day) if day else None,
        proposed_by=decision.proposed_by,
    )
    may_happen(session, project, decision.event, draft, panel, step)
    happen(session, project, decision.event, draft, step)
