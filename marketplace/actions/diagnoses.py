"""Diagnoses: planned, made on site, drafted, confirmed by the enterprise, issued. The answers are filled in by diagnosis_answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import diagnoses_told as told
from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import actor_of, must_hold, refuse_unless, roles_on
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.diagnoses import (
    TABLE,
    DiagnosisRules,
    DiagnosisState,
    PlanDraft,
    Situation,
    check_plan,
    check_summary,
)
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.questionnaires import Questionnaire, axes, grade, missing
from marketplace.domain.working_days import term
from marketplace.records.accounts import Account, Membership
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis, find_answers, find_open_diagnosis, values_of
from marketplace.records.enterprises import Enterprise

NOUN, SERIES, SOURCE = told.NOUN, "ZD", "platform"
_FIELDS = ("planned_on", "officer_id", "organisation_id")
# What others do meanwhile without changing what the page of a diagnosis shows of its own.
HARMLESS = ("save_answers", "attach", "detach")


@dataclass(frozen=True)
class Step:
    """One step of a person. `seen`: the last entry of the history that the page knew."""

    viewer: Viewer
    at: datetime
    today: date
    rules: DiagnosisRules
    seen: int | None = None


def plan(database: Database, enterprise_id: int, draft: PlanDraft, step: Step, *, questionnaire: str) -> Diagnosis:
    """A visit to an enterprise that has none under way. Its officer becomes the enterprise's, where it had none."""
    must_hold(step.viewer, "manage", "diagnosis")
    with database.writing() as session:
        # Of two who plan at once the second one is told: the enterprise's row is their queue.
        session.execute(select(Enterprise.id).where(Enterprise.id == enterprise_id).with_for_update())
        enterprise = session.get_one(Enterprise, enterprise_id)
        for _field, refused in check_plan(draft, today=step.today):
            raise RefusedError(refused)
        _refuse_stranger(session, draft.officer_id)
        return plan_in(session, enterprise, draft, questionnaire=questionnaire, actor=actor_of(step.viewer), at=step.at)


def plan_in(session: Session, enterprise: Enterprise, draft: PlanDraft, *, questionnaire: str, actor: str, at: datetime) -> Diagnosis:
    """The same inside a transaction that is open already; the caller has checked the draft."""
    if (found := find_open_diagnosis(session, enterprise.id)) is not None:
        raise RefusedError(Refused("under_way", _("这家企业已有一项诊断（{number}）在办，办完或取消后再安排。"), {"number": found.number}))
    number = _free_number(session, at.year)
    diagnosis = Diagnosis(
        enterprise_id=enterprise.id,
        number=number,
        state=DiagnosisState.PLANNED,
        questionnaire=questionnaire,
        source=SOURCE,
        source_ref=number,
        **{name: getattr(draft, name) for name in _FIELDS},
    )
    diagnosis.enterprise = enterprise
    session.add(diagnosis)
    session.flush()
    after = {"number": number, "enterprise_id": enterprise.id, **_plain(draft)}
    record(session, actor=actor, verb="plan", noun=NOUN, noun_id=diagnosis.id, before=None, after=after, at=at)
    if enterprise.officer_id is None and draft.officer_id is not None:
        _note_officer(session, enterprise, draft.officer_id, actor=actor, at=at)
    told.of_plan(session, diagnosis, at)
    return diagnosis


def change_plan(database: Database, diagnosis_id: int, draft: PlanDraft, step: Step) -> Diagnosis:
    """Another day, officer or diagnosing organisation; the day only until the visit has begun."""
    must_hold(step.viewer, "manage", "diagnosis")
    with database.writing() as session:
        diagnosis = locked(session, diagnosis_id, step)
        if diagnosis.state not in (DiagnosisState.PLANNED, DiagnosisState.ON_SITE):
            raise RefusedError(Refused("wrong_state", _("诊断已成稿，安排不能再改。")))
        if diagnosis.state == DiagnosisState.ON_SITE:
            draft.planned_on = diagnosis.planned_on
        for _field, refused in check_plan(draft, today=step.today, earliest=diagnosis.planned_on):
            raise RefusedError(refused)
        _refuse_stranger(session, draft.officer_id)
        change_plan_in(session, diagnosis, draft, actor=actor_of(step.viewer), at=step.at)
        return diagnosis


def change_plan_in(session: Session, diagnosis: Diagnosis, draft: PlanDraft, *, actor: str, at: datetime) -> None:
    old = PlanDraft(diagnosis.planned_on, diagnosis.officer_id, diagnosis.organisation_id)
    if old == draft:
        return
    for name in _FIELDS:
        setattr(diagnosis, name, getattr(draft, name))
    session.flush()
    session.refresh(diagnosis, attribute_names=["officer", "organisation"])
    record(session, actor=actor, verb="change_plan", noun=NOUN, noun_id=diagnosis.id, before=_plain(old), after=_plain(draft), at=at)
    if diagnosis.state == DiagnosisState.PLANNED:
        told.of_plan(session, diagnosis, at)
    else:
        close_tasks(session, NOUN, diagnosis.id, at=at, kinds=(told.DRAFT,))
        told.of_start(session, diagnosis, at)


def start(database: Database, diagnosis_id: int, step: Step) -> None:
    """The visit has begun."""
    with database.writing() as session:
        diagnosis = locked(session, diagnosis_id, step)
        _move(session, diagnosis, "start", step)
        diagnosis.visited = step.today
        diagnosis.due = _until(session, step, step.rules.draft_days)
        told.of_start(session, diagnosis, step.at)


def draft(database: Database, diagnosis_id: int, step: Step, *, summary: str, questionnaire: Questionnaire) -> None:
    """All questions are answered: the grade is computed and kept, and the enterprise is asked."""
    with database.writing() as session:
        diagnosis = locked(session, diagnosis_id, step)
        for _field, refused in check_summary(summary):
            raise RefusedError(refused)
        answers = values_of(find_answers(session, diagnosis.id))
        open_questions = missing(questionnaire, answers, diagnosis.enterprise.sector)
        _move(session, diagnosis, "draft", step, subject=Situation(missing=len(open_questions)))
        diagnosis.summary, diagnosis.drafted_at, diagnosis.return_reason = summary.strip(), step.at, ""
        diagnosis.questionnaire = questionnaire.key
        diagnosis.grading = graded_now(questionnaire, answers)
        diagnosis.grade, diagnosis.score = diagnosis.grading["level"], diagnosis.grading["score"]
        diagnosis.due = _until(session, step, step.rules.confirm_days)
        told.of_draft(session, diagnosis, step.at)


def graded_now(questionnaire: Questionnaire, answers: dict[str, Any]) -> dict[str, Any]:
    """The grade with everything that it rests on, as it is kept: a later edition of the questionnaire changes none of it."""
    found = grade(questionnaire, answers)
    conditions = {
        name: [{"met": one.met, "message": one.message, "values": dict(one.values)} for one in rows]
        for name, rows in (("reached", found.reached), ("next", found.next))
    }
    numbers = {"level": found.level, "score": found.score, "scenes": list(found.scenes), "binding": list(found.binding)}
    return {"questionnaire": questionnaire.key, **numbers, **conditions, "axes": axes(questionnaire, answers)}


def confirm(database: Database, diagnosis_id: int, step: Step) -> None:
    """The enterprise agrees."""
    with database.writing() as session:
        diagnosis = locked(session, diagnosis_id, step)
        _only_own(diagnosis, step)
        _move(session, diagnosis, "confirm", step)
        diagnosis.confirmed_by, diagnosis.confirmed_at = step.viewer.account_id, step.at
        diagnosis.due = _until(session, step, step.rules.issue_days)
        told.of_confirm(session, diagnosis, step.at)


def send_back(database: Database, diagnosis_id: int, step: Step, *, why: str) -> None:
    """The enterprise says what is wrong; the officer goes on with it."""
    with database.writing() as session:
        diagnosis = locked(session, diagnosis_id, step)
        _only_own(diagnosis, step)
        _move(session, diagnosis, "return", step, why=why, subject=Situation(reason=why))
        diagnosis.return_reason = why.strip()[:5_000]
        diagnosis.due = _until(session, step, step.rules.draft_days)
        told.of_return(session, diagnosis, step.at)


def issue(database: Database, diagnosis_id: int, step: Step) -> None:
    """The report is written; from now on providers read the problems, without a name."""
    with database.writing() as session:
        diagnosis = locked(session, diagnosis_id, step)
        _move(session, diagnosis, "issue", step)
        diagnosis.issued_by, diagnosis.issued_at, diagnosis.due = step.viewer.account_id, step.at, None
        told.of_issue(session, diagnosis, step.at)


def cancel(database: Database, diagnosis_id: int, step: Step, *, why: str) -> None:
    """The visit does not take place, or leads to nothing."""
    with database.writing() as session:
        diagnosis = locked(session, diagnosis_id, step)
        _move(session, diagnosis, "cancel", step, why=why, subject=Situation(reason=why))
        diagnosis.due = None
        told.of_cancel(session, diagnosis, why.strip(), step.at)


def assign_officer(database: Database, enterprise_ids: Iterable[int], officer_id: int, step: Step) -> int:
    """Enterprises get their officer; how many have another one now. Visits that are planned go with them."""
    must_hold(step.viewer, "manage", "diagnosis")
    with database.writing() as session:
        _refuse_stranger(session, officer_id)
        query = (
            select(Enterprise).where(Enterprise.id.in_(sorted(set(enterprise_ids)))).order_by(Enterprise.id).with_for_update(of=Enterprise)
        )
        changed = 0
        actor = actor_of(step.viewer)
        for enterprise in session.scalars(query).all():
            if enterprise.officer_id == officer_id:
                continue
            _note_officer(session, enterprise, officer_id, actor=actor, at=step.at)
            changed += 1
            planned = find_open_diagnosis(session, enterprise.id)
            if planned is not None and planned.state in (DiagnosisState.PLANNED, DiagnosisState.ON_SITE):
                new = PlanDraft(planned.planned_on, officer_id, planned.organisation_id)
                change_plan_in(session, planned, new, actor=actor, at=step.at)
        return changed


def locked(session: Session, diagnosis_id: int, step: Step) -> Diagnosis:
    """The diagnosis under lock, as long as nobody moved it since the page was made."""
    session.execute(select(Diagnosis.id).where(Diagnosis.id == diagnosis_id).with_for_update())
    diagnosis = session.get_one(Diagnosis, diagnosis_id, populate_existing=True)
    refuse_if_moved(session, NOUN, diagnosis.id, seen=step.seen, at=step.at, harmless=HARMLESS)
    return diagnosis


def officers(session: Session) -> list[Account]:
    """Who may be an officer: the people of the centre, by name."""
    query = select(Account).join(Membership).where(Membership.role == Role.CENTRE, Account.disabled.is_(False))
    return list(session.scalars(query.distinct().order_by(Account.name, Account.id)))


def _refuse_stranger(session: Session, officer_id: int | None) -> None:
    query = select(Membership.id).where(Membership.account_id == officer_id, Membership.role == Role.CENTRE)
    if officer_id is not None and session.scalar(query.limit(1)) is None:
        raise RefusedError(Refused("not_an_officer", _("诊断人员应是能力中心的人，请重新选择。")))


def _note_officer(session: Session, enterprise: Enterprise, officer_id: int, *, actor: str, at: datetime) -> None:
    before = {"officer_id": enterprise.officer_id}
    enterprise.officer_id = officer_id
    after = {"officer_id": officer_id}
    record(session, actor=actor, verb="assign_officer", noun="enterprise", noun_id=enterprise.id, before=before, after=after, at=at)


def _only_own(diagnosis: Diagnosis, step: Step) -> None:
    own = diagnosis.enterprise_id in step.viewer.enterprise_ids
    refuse_unless(own and may_act_for(step.viewer, diagnosis.enterprise.organisation_id, "submit"))


def _move(session: Session, diagnosis: Diagnosis, event: str, step: Step, *, why: str = "", subject: Situation | None = None) -> None:
    roles = roles_on(step.viewer, enterprise_id=diagnosis.enterprise_id)
    actor = actor_of(step.viewer)
    transition.apply(
        session, diagnosis, TABLE, event, actor=actor, roles=roles, at=step.at, why=why.strip()[:5_000], subject=subject or Situation()
    )


def _until(session: Session, step: Step, days: int) -> date:
    return term(step.today, days, find_calendar(session)).due


def _free_number(session: Session, year: int) -> str:
    """The next number that no imported diagnosis has taken."""
    while True:
        number = next_number(session, SERIES, year)
        if session.scalar(select(Diagnosis.id).where(Diagnosis.number == number)) is None:
            return number


def _plain(draft: PlanDraft) -> dict[str, Any]:
    values = {name: getattr(draft, name) for name in _FIELDS}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
