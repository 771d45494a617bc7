"""Open demands: written by the enterprise or the centre, checked by the centre, published, extended, withdrawn, closed by the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import Act, given, refuse_first
from marketplace.actions.history import record
from marketplace.actions.numbers import next_number
from marketplace.actions.open_demand_steps import (
    DEMAND,
    Faults,
    OpenStep,
    close_if_over,
    faults_of_own,
    locked,
    move,
    must_write,
)
from marketplace.actions.open_demands_next import settle
from marketplace.actions.open_demands_told import tell_centre, tell_enterprise, tell_fitting, tell_followers
from marketplace.actions.problem_lists import add_all
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.open_demands import EDITABLE, OpenDemandDraft, check, check_longer
from marketplace.domain.problems import ProblemDraft, ProblemState
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.open_demands import (
    OpenDemand,
    OpenDemandCriterion,
    OpenDemandProblem,
    find_demand_criteria,
    find_demand_problems,
    find_over,
)
from marketplace.records.problems import Problem

_FIELDS = (
    "title", "text", "scenario_code", "stage", "budget_low_fen", "budget_high_fen", "wanted", "questions_until", "answers_until",
    "shows_name",
)  # fmt: skip


def faults_of(draft: OpenDemandDraft, enterprise: Enterprise, step: OpenStep) -> Faults:
    """Everything that keeps a draft from being kept, field by field."""
    found: Faults = list(check(draft, step.today, step.open, most_criteria=step.rules.most_criteria))
    texts = {"title": draft.title, "text": draft.text}
    texts |= {f"text_{place}": row.text for place, row in enumerate(draft.criteria)}
    return found + faults_of_own(texts, enterprise, step, shows_name=draft.shows_name)


def create(database: Database, enterprise_id: int, draft: OpenDemandDraft, step: OpenStep) -> OpenDemand:
    """A draft that only its enterprise and the centre see."""
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, enterprise_id)
        must_write(step.viewer, enterprise, "edit")
        refuse_first(faults_of(draft, enterprise, step))
        demand = OpenDemand(number=next_number(session, "XQ", step.today.year), enterprise_id=enterprise.id, enterprise=enterprise)
        demand.terms = {"check": step.open.check_days, "reply": step.open.reply_days, "conclude": step.open.conclude_days}
        demand.created_by, demand.created, demand.told = step.viewer.account_id, step.at, []
        for name, value in _values(draft).items():
            setattr(demand, name, value)
        session.add(demand)
        session.flush()
        _put_parts(session, demand, draft)
        _note(session, demand, "create", step, after={"number": demand.number, **_plain(demand, session)})
        return demand


def change(database: Database, demand_id: int, draft: OpenDemandDraft, step: OpenStep) -> OpenDemand:
    """Rewrite a draft, or one that was returned. `step.seen`: whoever saved meanwhile is not written over."""
    with database.writing() as session:
        demand = locked(session, demand_id, step)
        must_write(step.viewer, demand.enterprise, "edit")
        if demand.state not in EDITABLE:
            raise RefusedError(Refused("not_editable", _("已提交审核或已公开的需求不能再改。可以延长期限，或撤回后另写一份。")))
        refuse_first(faults_of(draft, demand.enterprise, step))
        before = _plain(demand, session)
        for name, value in _values(draft).items():
            setattr(demand, name, value)
        if any(before[name] != value for name, value in _parts(draft).items()):
            _put_parts(session, demand, draft)
        after = _plain(demand, session)
        changed = [name for name in after if after[name] != before[name]]
        if changed:
            _note(session, demand, "change", step, {name: before[name] for name in changed}, {name: after[name] for name in changed})
        return demand


def submit(database: Database, demand_id: int, step: OpenStep) -> OpenDemand:
    """To the centre, which checks it; its days must leave time for that."""
    with database.writing() as session:
        demand = locked(session, demand_id, step)
        must_write(step.viewer, demand.enterprise)
        move(session, demand, "submit", step, least=step.open.least_days)
        demand.reason = ""
        settle(session, demand, step)
        tell_centre(session, demand, _("公开需求 {number} 等审核：{title}。"), step.at, without=step.viewer.account_id)
        return demand


def send_back(database: Database, demand_id: int, step: OpenStep, *, why: str) -> OpenDemand:
    """To be rewritten."""
    must_hold(step.viewer, "check", DEMAND)
    with database.writing() as session:
        demand = locked(session, demand_id, step)
        demand.reason = given(why)
        move(session, demand, "return", step, demand.reason)
        settle(session, demand, step)
        tell_enterprise(session, demand, _("公开需求 {number} 被退回修改：{why}"), step.at, why=demand.reason)
        return demand


def publish(database: Database, demand_id: int, step: OpenStep) -> OpenDemand:
    """Everybody reads it, fitting providers are told. What was written freely enters the enterprise's problem list."""
    must_hold(step.viewer, "check", DEMAND)
    with database.writing() as session:
        demand = locked(session, demand_id, step)
        # The name of the enterprise, or a rule, may have changed since it was written.
        refuse_first(faults_of_own({"title": demand.title, "text": demand.text}, demand.enterprise, step, shows_name=demand.shows_name))
        # The days that the check took are not held against it.
        move(session, demand, "publish", step, least=1)
        demand.published_at = step.at
        _enter_problem(session, demand, step)
        settle(session, demand, step)
        message = _("公开需求 {number} 已公开征集，{until} 24:00 应答截止。")
        tell_enterprise(session, demand, message, step.at, until=demand.answers_until.isoformat())
        tell_fitting(session, demand, step)
        return demand


def _enter_problem(session: Session, demand: OpenDemand, step: OpenStep) -> None:
    problems = find_demand_problems(session, demand.id)
    if problems:
        if all(row.state != ProblemState.OPEN for row in problems):
            raise RefusedError(Refused("problem_closed", _("这条需求对应的问题都已解决或撤回，不能公开。")))
        return
    draft = ProblemDraft(text=demand.text, budget_low_fen=demand.budget_low_fen, budget_high_fen=demand.budget_high_fen)
    draft.scenario_code, draft.stage = demand.scenario_code, demand.stage
    made = add_all(session, [draft], enterprise_id=demand.enterprise_id, diagnosis_id=None, viewer=step.viewer, at=step.at)
    session.add(OpenDemandProblem(demand_id=demand.id, problem_id=made[0].id))
    session.flush()


def extend(database: Database, demand_id: int, questions: date | None, answers: date | None, step: OpenStep) -> OpenDemand:
    """Later days for both; never earlier ones. One that nobody answered runs again."""
    with database.writing() as session:
        demand = locked(session, demand_id, step)
        must_write(step.viewer, demand.enterprise)
        old = (demand.questions_until, demand.answers_until)
        new = (questions or old[0], answers or old[1])
        refuse_first(check_longer(old, new))
        demand.questions_until, demand.answers_until = new
        if new[0] > new[1]:
            values = {"questions": new[0].isoformat(), "answers": new[1].isoformat()}
            raise RefusedError(Refused("ends_before", _("提问截止 {questions} 晚于应答截止 {answers}，请对调或修改。"), values))
        session.flush()
        move(session, demand, "extend", step)
        before = {"questions_until": old[0].isoformat(), "answers_until": old[1].isoformat()}
        _note(session, demand, "change", step, before, {"questions_until": new[0].isoformat(), "answers_until": new[1].isoformat()})
        settle(session, demand, step)
        message, until = _("公开需求 {number} 的期限已延长：{until} 24:00 前可以应答。"), new[1].isoformat()
        tell_followers(session, demand, message, step.at, until=until)
        tell_enterprise(session, demand, message, step.at, without=step.viewer.account_id, until=until)
        return demand


def withdraw(database: Database, demand_id: int, step: OpenStep, *, why: str) -> OpenDemand:
    """The enterprise takes it back, with the reason; whoever took part is told."""
    with database.writing() as session:
        demand = locked(session, demand_id, step)
        must_write(step.viewer, demand.enterprise)
        demand.reason, demand.ended_at = given(why), step.at
        refuse_first(faults_of_own({"why": demand.reason}, demand.enterprise, step, shows_name=demand.shows_name))
        move(session, demand, "withdraw", step, demand.reason)
        settle(session, demand, step)
        if demand.published_at is not None:
            tell_followers(session, demand, _("公开需求 {number} 已由企业撤回：{why}"), step.at, why=demand.reason)
            tell_centre(session, demand, _("公开需求 {number} 已由企业撤回。"), step.at, without=step.viewer.account_id)
        return demand


def close_over(session: Session, act: Act) -> int:
    """Daily: what is over is closed, and the enterprise has something to decide."""
    count = 0
    for number in find_over(session, act.today):
        demand = session.get_one(OpenDemand, number, with_for_update={"of": OpenDemand}, populate_existing=True)
        if close_if_over(session, demand, act):
            settle(session, demand, act)
            tell_enterprise(session, demand, _("公开需求 {number} 的应答已截止，可以查看和选定。"), act.at)
            count += 1
    return count


def _values(draft: OpenDemandDraft) -> dict[str, Any]:
    return {name: value.strip() if isinstance(value := getattr(draft, name), str) else value for name in _FIELDS}


def _parts(draft: OpenDemandDraft) -> dict[str, Any]:
    """Problems and criteria as the history keeps them."""
    criteria = [{"text": row.text.strip(), "kind": row.kind, "weight": row.weight} for row in draft.criteria]
    return {"problems": list(dict.fromkeys(draft.problem_ids)), "criteria": criteria}


def _put_parts(session: Session, demand: OpenDemand, draft: OpenDemandDraft) -> None:
    """Problems and criteria, in place of those that it had."""
    for table in (OpenDemandProblem, OpenDemandCriterion):
        session.execute(delete(table).where(table.demand_id == demand.id))
    wanted = list(dict.fromkeys(draft.problem_ids))
    query = select(Problem.id).where(Problem.id.in_(wanted), Problem.enterprise_id == demand.enterprise_id)
    if len(session.scalars(query.where(Problem.state == ProblemState.OPEN)).all()) != len(wanted):
        raise RefusedError(Refused("problem_closed", _("有一条问题已解决、已撤回或不是这家企业的，请重新选。")))
    session.add_all(OpenDemandProblem(demand_id=demand.id, problem_id=number) for number in wanted)
    session.add_all(
        OpenDemandCriterion(demand_id=demand.id, position=place, text=row.text.strip(), kind=row.kind, weight=row.weight)
        for place, row in enumerate(draft.criteria)
    )
    session.flush()


def _plain(demand: OpenDemand, session: Session) -> dict[str, Any]:
    """The demand as the history keeps it."""
    values = {name: getattr(demand, name) for name in _FIELDS}
    plain: dict[str, Any] = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    criteria: Sequence[OpenDemandCriterion] = find_demand_criteria(session, demand.id)
    plain["problems"] = [row.id for row in find_demand_problems(session, demand.id)]
    return plain | {"criteria": [{"text": row.text, "kind": row.kind, "weight": row.weight} for row in criteria]}


def _note(
    session: Session,
    demand: OpenDemand,
    verb: str,
    step: OpenStep,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    session.flush()
    record(session, actor=actor_of(step.viewer), verb=verb, noun=DEMAND, noun_id=demand.id, before=before, after=after, at=step.at)
