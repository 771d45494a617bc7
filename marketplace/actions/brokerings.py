"""Brokerings: drafted from a plan or by hand, sent to both sides, compared, ended. What the two sides answer is introductions.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_outcomes import note, put_outcome
from marketplace.actions.brokering_steps import (
    BROKERING,
    INTRODUCTION,
    Step,
    given,
    locked,
    move,
    move_introduction,
    refuse_first,
    terms_of,
)
from marketplace.actions.brokering_told import tell_enterprise, tell_provider
from marketplace.actions.history import record
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Role
from marketplace.domain.brokerings import BrokeringState, CriterionDraft, check_criteria
from marketplace.domain.introductions import Answer, IntroductionState, Side
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.problems import ProblemState
from marketplace.domain.solutions import SolutionState
from marketplace.domain.working_days import term
from marketplace.records.accounts import Account, Membership
from marketplace.records.brokerings import Brokering, BrokeringCriterion, BrokeringProblem, find_brokering_problems, find_criteria
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction, IntroductionAnswer, find_introductions
from marketplace.records.match_events import MatchEventKind
from marketplace.records.matches import Decision
from marketplace.records.problems import Problem
from marketplace.records.providers import find_unmatchable_provider_ids
from marketplace.records.solutions import Solution

_B, _I = BrokeringState, IntroductionState
TITLE = 40


@dataclass(frozen=True)
class Line:
    """One solution to be introduced: for which problem (None: the first), at which place it stood, by which model and features."""

    solution_id: int
    problem_id: int | None = None
    position: int | None = None
    model: str = ""
    features: Mapping[str, float] | None = None


def draft(
    database: Database, enterprise_id: int, problem_ids: Sequence[int], lines: Sequence[Line], step: Step, *, place: str = "hand"
) -> Brokering:
    """A brokering that only the office sees. `place`: where it came from (plan, hand, demand, meeting)."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        brokering = begin(session, enterprise_id, problem_ids, step, place=place, officer_id=step.viewer.account_id)
        put_lines(session, brokering, lines, step)
        settle(session, brokering, at=step.at, today=step.today)
        return brokering


def begin(
    session: Session, enterprise_id: int, problem_ids: Sequence[int], step: Step, *, place: str, officer_id: int | None, joint: str = ""
) -> Brokering:
    """The brokering itself, with its problems and its number."""
    enterprise = session.get_one(Enterprise, enterprise_id)
    problems = [session.get_one(Problem, number) for number in dict.fromkeys(problem_ids)]
    if not problems:
        raise RefusedError(Refused("no_problem", _("还没有选要解决的问题。")))
    if any(row.enterprise_id != enterprise_id or row.state != ProblemState.OPEN for row in problems):
        raise RefusedError(Refused("problem_closed", _("有一条问题已解决、已撤回或不是这家企业的，请重新选。")))
    brokering = Brokering(number=next_number(session, "DJ", step.today.year), enterprise_id=enterprise_id, title=problems[0].text[:TITLE])
    brokering.place, brokering.joint = place, joint
    brokering.terms, brokering.officer_id = terms_of(step.rules), officer_id
    brokering.created_by, brokering.created = step.viewer.account_id, step.at
    brokering.enterprise = enterprise
    session.add(brokering)
    session.flush()
    session.add_all(BrokeringProblem(brokering_id=brokering.id, problem_id=row.id) for row in problems)
    after = {"number": brokering.number, "enterprise": enterprise.name, "problems": [row.id for row in problems], "place": place}
    _note(session, brokering, "draft", step, after=after)
    return brokering


def put_lines(session: Session, brokering: Brokering, lines: Sequence[Line], step: Step) -> list[Introduction]:
    """Introduce these solutions; nobody hears of it before it is sent."""
    problems = [row.id for row in find_brokering_problems(session, brokering.id)]
    there = find_introductions(session, brokering.id)
    known = {row.solution_id for row in there}
    unmatchable = find_unmatchable_provider_ids(session, step.today)
    if len(there) + len(lines) > step.rules.most_introductions:
        raise RefusedError(Refused("too_many_introductions", _("一张对接单最多 {most} 家。"), {"most": step.rules.most_introductions}))
    made = []
    for line in lines:
        solution = session.get_one(Solution, line.solution_id)
        if solution.id in known:
            raise RefusedError(Refused("introduced_already", _("“{title}”已在这张对接单里。"), {"title": solution.title}))
        if solution.state != SolutionState.PUBLISHED or solution.provider_id in unmatchable:
            values = {"provider": solution.provider.name}
            raise RefusedError(Refused("provider_takes_no_new", _("{provider}目前不接新单，或这个方案已下架。请换一家。"), values))
        problem_id = line.problem_id if line.problem_id in problems else problems[0]
        row = Introduction(brokering_id=brokering.id, problem_id=problem_id, solution_id=solution.id, provider_id=solution.provider_id)
        row.position, row.model, row.place, row.proposed_at = line.position, line.model[:64], brokering.place, step.at
        row.features = dict(line.features) if line.features is not None else None
        row.brokering, row.solution, row.provider, row.answers = brokering, solution, solution.provider, []
        session.add(row)
        session.flush()
        known.add(solution.id)
        after = {"brokering": brokering.number, "solution": solution.title, "position": line.position}
        record(
            session, actor=actor_of(step.viewer), verb="propose", noun=INTRODUCTION, noun_id=row.id, before=None, after=after, at=step.at
        )
        made.append(row)
    return made


def add(database: Database, brokering_id: int, lines: Sequence[Line], step: Step) -> list[Introduction]:
    """More introductions, or one in place of another that was lost; they wait to be sent."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        brokering = locked(session, brokering_id, step)
        if brokering.state not in (_B.DRAFT, _B.OPEN):
            raise RefusedError(Refused("not_open", _("这张对接单已送比较或已定，不能再加服务商；可以先退回继续洽谈。")))
        made = put_lines(session, brokering, lines, step)
        _note(session, brokering, "add", step, after={"solutions": [row.solution_id for row in made]})
        settle(session, brokering, at=step.at, today=step.today)
        return made


def set_criteria(database: Database, brokering_id: int, rows: Sequence[CriterionDraft], step: Step) -> None:
    """By what proposals will be compared; fixed once it is sent (an inquiry: once somebody has quoted)."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        put_criteria(session, locked(session, brokering_id, step), rows, step)


def put_criteria(session: Session, brokering: Brokering, rows: Sequence[CriterionDraft], step: Step) -> None:
    """The criteria of a locked brokering, in place of those that it had."""
    quoted = any(row.state == _I.QUOTED for row in find_introductions(session, brokering.id))
    early = brokering.state == _B.DRAFT or (brokering.place == "inquiry" and brokering.state == _B.OPEN and not quoted)
    if not early:
        raise RefusedError(Refused("criteria_fixed", _("对接单已发出，比较标准和权重不能再改。")))
    refuse_first(check_criteria(rows, most=step.rules.most_criteria))
    before = [{"text": row.text, "kind": row.kind, "weight": row.weight} for row in find_criteria(session, brokering.id)]
    session.execute(delete(BrokeringCriterion).where(BrokeringCriterion.brokering_id == brokering.id))
    now = [{"text": row.text.strip(), "kind": row.kind, "weight": row.weight} for row in rows]
    session.add_all(BrokeringCriterion(brokering_id=brokering.id, position=position, **values) for position, values in enumerate(now))
    session.flush()
    _note(session, brokering, "set_criteria", step, before={"criteria": before}, after={"criteria": now})


def assign(database: Database, brokering_id: int, officer_id: int, step: Step) -> None:
    """Somebody of the centre is in charge; the tasks are theirs."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        brokering = locked(session, brokering_id, step)
        officer = session.get(Account, officer_id)
        held = select(Membership.id).where(Membership.account_id == officer_id, Membership.role.in_((Role.CENTRE, Role.ADMIN)))
        if officer is None or officer.disabled or session.scalar(held) is None:
            raise RefusedError(Refused("no_officer", _("请选能力中心的一位工作人员。")))
        before, brokering.officer_id = brokering.officer_id, officer_id
        session.flush()
        _note(session, brokering, "assign", step, before={"officer": before}, after={"officer": officer_id, "name": officer.name})
        settle(session, brokering, at=step.at, today=step.today)


def send(database: Database, brokering_id: int, step: Step) -> Brokering:
    """To both sides of everything that was not sent yet: first all of it, later those that were added."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        return send_out(session, locked(session, brokering_id, step), step)


def send_out(session: Session, brokering: Brokering, step: Step) -> Brokering:
    """The sending itself, of a locked brokering."""
    if brokering.state == _B.DRAFT:
        move(session, brokering, "send", step)
        brokering.sent_at = step.at
    waiting = [row for row in find_introductions(session, brokering.id) if row.state == _I.PROPOSED]
    if brokering.state != _B.OPEN or not waiting:
        raise RefusedError(Refused("no_introduction", _("还没有选服务商和方案，不能发出。")))
    send_introductions(session, brokering, waiting, step)
    settle(session, brokering, at=step.at, today=step.today)
    message = _("新的对接单 {number}：{count} 家服务商，请在 {due} 24:00 前答复是否与其洽谈。")
    due = term(step.today, int(brokering.terms["enterprise"]), find_calendar(session)).due
    tell_enterprise(session, brokering, message, step.at, count=len(waiting), due=due.isoformat())
    return brokering


def send_introductions(
    session: Session,
    brokering: Brokering,
    rows: Sequence[Introduction],
    step: Step,
    *,
    agreed: frozenset[str] = frozenset(),
    quietly: bool = False,
) -> None:
    """Ask both sides. `agreed`: sides that asked for it themselves. `quietly`: what follows in the same step tells the provider more."""
    calendar, unmatchable = find_calendar(session), find_unmatchable_provider_ids(session, step.today)
    for row in rows:
        if row.provider_id in unmatchable:
            values = {"provider": row.provider.name}
            raise RefusedError(Refused("provider_takes_no_new", _("{provider}目前不接新单，或这个方案已下架。请换一家。"), values))
        move_introduction(session, row, "send", step)
        row.sent_at = step.at
        for side in Side:
            due = term(step.today, int(brokering.terms[side]), calendar).due
            answer = IntroductionAnswer(introduction_id=row.id, side=side, asked_on=step.today, due=due)
            answer.silent_until = term(due, int(brokering.terms["lapse"]), calendar).due
            if side in agreed:
                answer.answer, answer.answered_at, answer.account_id = Answer.ACCEPTED, step.at, step.viewer.account_id
                answer.days, answer.in_time = 0, True
            session.add(answer)
        session.flush()
        session.refresh(row, attribute_names=["answers"])
        note(session, row, MatchEventKind.SENT, step.at)
        if Side.PROVIDER in agreed:
            continue
        provider_due = next(one.due for one in row.answers if one.side == Side.PROVIDER)
        message = _("新的对接单 {number}（{solution}），请在 {due} 24:00 前答复。企业名称在双方都接受后公开。")
        tell_provider(session, row, message, step.at, due=provider_due.isoformat())


def compare(database: Database, brokering_id: int, step: Step) -> Brokering:
    """Everything there is goes to the enterprise, which chooses."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        brokering = locked(session, brokering_id, step)
        move(session, brokering, "compare", step)
        settle(session, brokering, at=step.at, today=step.today)
        tell_enterprise(session, brokering, _("{number} 的报价已可以比较，请选定一家，或说明没有合适的。"), step.at)
        return brokering


def reopen(database: Database, brokering_id: int, step: Step, *, why: str) -> Brokering:
    """Back to the talks: the comparison came too early, or what was awarded does not come about."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        brokering = locked(session, brokering_id, step)
        reason = given(why)
        for row in find_introductions(session, brokering.id):
            if row.state == _I.AWARDED:
                move_introduction(session, row, "reconsider", step, reason)
                put_outcome(session, row, Decision.DECLINED, step, reason)
                tell_provider(session, row, _("{number}（{solution}）的选定已作废，退回洽谈。"), step.at)
        brokering.decided_at, brokering.reason = None, ""
        move(session, brokering, "reopen", step, reason)
        settle(session, brokering, at=step.at, today=step.today)
        tell_enterprise(session, brokering, _("{number} 已退回继续洽谈：{why}"), step.at, why=reason)
        return brokering


def _note(
    session: Session, brokering: Brokering, verb: str, step: Step, *, before: dict[str, Any] | None = None, after: dict[str, Any]
) -> None:
    record(session, actor=actor_of(step.viewer), verb=verb, noun=BROKERING, noun_id=brokering.id, before=before, after=after, at=step.at)
