"""Making an enterprise's plan: what weighs more, what is put first, left out or added by hand; issuing it, and the answer to it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import history, transition
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import actor_of, must_hold, roles_on
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.domain.plans import (
    TABLE,
    ChoiceDraft,
    ChoiceKind,
    Emphasis,
    IssueDraft,
    PlanState,
    check_choice,
    check_emphasis,
    check_issue,
)
from marketplace.domain.problems import ProblemState
from marketplace.domain.solutions import SolutionState
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.plans import IssuedPlan, PlanChoice, PlanEmphasis, find_emphasis, find_plans, last_version
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution

NOUN = "plan"
EMPHASIS_NOUN = "plan_emphasis"
SERIES = "FA"
DOCUMENT = "plan_document"


def weigh(
    database: Database, enterprise_id: int, emphasis: Emphasis, *, viewer: Viewer, at: datetime, seen: int | None = None
) -> PlanEmphasis:
    """What weighs how much for this enterprise from now on."""
    with database.writing() as session:
        must_hold(viewer, "make", "plan")
        for _field, refused in check_emphasis(emphasis):
            raise RefusedError(refused)
        session.get_one(Enterprise, enterprise_id, with_for_update={"of": Enterprise})
        row = find_emphasis(session, enterprise_id)
        before = dict(row.emphasis.items()) if row else None
        if row is None:
            row = PlanEmphasis(enterprise_id=enterprise_id)
            session.add(row)
        else:
            refuse_if_moved(session, EMPHASIS_NOUN, row.id, seen=seen, at=at)
        if before == dict(emphasis.items()):
            return row
        for name, value in emphasis.items():
            setattr(row, name, value)
        session.flush()
        after = dict(emphasis.items())
        history.record(session, actor=actor_of(viewer), verb="weigh", noun=EMPHASIS_NOUN, noun_id=row.id, before=before, after=after, at=at)
        return row


def choose(database: Database, problem_id: int, solution_id: int, draft: ChoiceDraft, *, viewer: Viewer, at: datetime) -> PlanChoice:
    """Put a solution first, leave it out, or add it to the list of a problem. Another one that stood first stands there no longer."""
    with database.writing() as session:
        must_hold(viewer, "make", "plan")
        for _field, refused in check_choice(draft):
            raise RefusedError(refused)
        problem = session.get_one(Problem, problem_id, with_for_update=True)
        if problem.state != ProblemState.OPEN:
            raise RefusedError(Refused("problem_not_open", _("这条问题已解决或撤回，不再调整方案。")))
        solution = session.get_one(Solution, solution_id)
        kind = ChoiceKind(draft.kind)
        # What nobody else may see cannot be proposed either.
        if kind != ChoiceKind.EXCLUDED and solution.state != SolutionState.PUBLISHED:
            raise RefusedError(Refused("solution_not_published", _("“{title}”没有发布或已下架，不能列入方案。"), {"title": solution.title}))
        if kind == ChoiceKind.PINNED:
            pinned = select(PlanChoice).where(PlanChoice.problem_id == problem_id, PlanChoice.kind == ChoiceKind.PINNED)
            for other in session.scalars(pinned.where(PlanChoice.solution_id != solution_id)):
                session.delete(other)
        row = _choice(session, problem_id, solution_id)
        before = {"solution_id": solution_id, "kind": str(row.kind), "why": row.why} if row else None
        if row is None:
            row = PlanChoice(problem_id=problem_id, solution_id=solution_id)
            session.add(row)
        row.kind, row.why, row.account_id, row.at = kind, draft.why.strip(), viewer.account_id, at
        session.flush()
        after = {"solution_id": solution_id, "kind": str(kind), "why": row.why}
        history.record(
            session, actor=actor_of(viewer), verb="choose", noun="problem", noun_id=problem_id, before=before, after=after, at=at
        )
        return row


def take_back_choice(database: Database, problem_id: int, solution_id: int, *, viewer: Viewer, at: datetime) -> bool:
    """The machine's own order holds again for this solution. False: nothing had been done by hand."""
    with database.writing() as session:
        must_hold(viewer, "make", "plan")
        row = _choice(session, problem_id, solution_id)
        if row is None:
            return False
        before = {"solution_id": solution_id, "kind": str(row.kind), "why": row.why}
        session.delete(row)
        session.flush()
        history.record(
            session, actor=actor_of(viewer), verb="take_back_choice", noun="problem", noun_id=problem_id, before=before, after=None, at=at
        )
        return True


def issue(
    database: Database,
    enterprise_id: int,
    draft: IssueDraft,
    content: dict[str, Any],
    *,
    model: str,
    viewer: Viewer,
    at: datetime,
    today: date,
    seen_version: int | None = None,
) -> IssuedPlan:
    """Issue what the page shows as the next version; the former one is superseded. `content` as made by web/plan_content; `today`
    in the pilot's zone; `seen_version`: the newest version when the page was made."""
    with database.writing() as session:
        must_hold(viewer, "make", "plan")
        for _field, refused in check_issue(draft, today=today, needs=len(content.get("needs", ()))):
            raise RefusedError(refused)
        enterprise = session.get_one(Enterprise, enterprise_id, with_for_update={"of": Enterprise})
        version = last_version(session, enterprise_id)
        if seen_version is not None and seen_version != version:
            raise RefusedError(Refused("changed_meanwhile", _("您打开后，已有第 {version} 版出具。请看了再办理。"), {"version": version}))
        for former in find_plans(session, enterprise_id):
            if former.state != PlanState.SUPERSEDED:
                transition.apply(session, former, TABLE, "supersede", actor=actor_of(viewer), roles=viewer.roles, at=at)
                close_tasks(session, NOUN, former.id, at=at)
        assert draft.follow_up is not None
        plan = IssuedPlan(
            number=next_number(session, SERIES, today.year),
            enterprise_id=enterprise_id,
            version=version + 1,
            officer_id=viewer.account_id,
            follow_up=draft.follow_up,
            note=draft.note.strip(),
            content=content,
            model=model,
            at=at,
        )
        session.add(plan)
        session.flush()
        after = {"number": plan.number, "version": plan.version, "follow_up": plan.follow_up.isoformat(), "model": model}
        history.record(session, actor=actor_of(viewer), verb="issue", noun=NOUN, noun_id=plan.id, before=None, after=after, at=at)
        enqueue_job(session, DOCUMENT, {"id": plan.id}, at=at, account_id=viewer.account_id)
        _tell(session, plan, enterprise, at)
        return plan


def confirm(database: Database, plan_id: int, *, viewer: Viewer, at: datetime) -> Transition:
    """The enterprise agrees with the plan."""
    return _answer(database, plan_id, "confirm", viewer, at, "")


def send_back(database: Database, plan_id: int, why: str, *, viewer: Viewer, at: datetime) -> Transition:
    """The enterprise wants it otherwise, and says why."""
    if not why.strip():
        raise RefusedError(Refused("why_missing", _("请写明要改什么，能力中心才好调整。")))
    return _answer(database, plan_id, "return", viewer, at, why.strip()[:2_000])


def follow(database: Database, plan_id: int, day: date, *, viewer: Viewer, at: datetime, today: date) -> None:
    """Move the day on which the officer asks how it goes."""
    with database.writing() as session:
        must_hold(viewer, "make", "plan")
        plan = session.get_one(IssuedPlan, plan_id, with_for_update=True)
        if day <= today:
            raise RefusedError(Refused("in_the_past", _("下次跟进日期要在今天之后。")))
        if day == plan.follow_up:
            return
        before, plan.follow_up = plan.follow_up, day
        session.flush()
        was, now = {"follow_up": before.isoformat()}, {"follow_up": day.isoformat()}
        history.record(session, actor=actor_of(viewer), verb="follow", noun=NOUN, noun_id=plan.id, before=was, after=now, at=at)
        _ask_officer(session, plan, at)


def _answer(database: Database, plan_id: int, event: str, viewer: Viewer, at: datetime, why: str) -> Transition:
    with database.writing() as session:
        plan = session.get_one(IssuedPlan, plan_id)
        roles = roles_on(viewer, enterprise_id=plan.enterprise_id)
        # Among the enterprise's people, those who may hand in answer for it.
        if not may_act_for(viewer, plan.enterprise.organisation_id, "submit"):
            roles -= {Role.ENTERPRISE}
        step = transition.apply(session, plan, TABLE, event, actor=actor_of(viewer), roles=roles, at=at, why=why)
        close_tasks(session, NOUN, plan.id, at=at, kinds=("read_plan",))
        if plan.officer_id is not None:
            values = {"enterprise": plan.enterprise.name, "number": plan.number, "why": why}
            message = _("{enterprise}确认了方案 {number}。") if event == "confirm" else _("{enterprise}退回了方案 {number}：{why}")
            notify(session, [plan.officer_id], "plan", message, at=at, values=values, noun=NOUN, public_ref=plan.public_id)
        return step


def _tell(session: Session, plan: IssuedPlan, enterprise: Enterprise, at: datetime) -> None:
    values = {"number": plan.number, "version": plan.version}
    accounts = accounts_of_organisation(session, enterprise.organisation_id)
    message = _("能力中心出具了贵企业的一企一策方案 {number}（第 {version} 版），请看后确认或退回。")
    notify(session, accounts, "plan", message, at=at, values=values, noun=NOUN, public_ref=plan.public_id)
    open_task(
        session,
        "read_plan",
        _("看方案 {number} 并确认"),
        noun=NOUN,
        noun_id=plan.id,
        public_ref=plan.public_id,
        at=at,
        values=values,
        organisation_id=enterprise.organisation_id,
    )
    _ask_officer(session, plan, at)


def _ask_officer(session: Session, plan: IssuedPlan, at: datetime) -> None:
    if plan.officer_id is None:
        return
    values = {"enterprise": plan.enterprise.name if plan.enterprise else "", "number": plan.number}
    open_task(
        session,
        "follow_plan",
        _("跟进{enterprise}的方案 {number}"),
        noun=NOUN,
        noun_id=plan.id,
        public_ref=plan.public_id,
        at=at,
        values=values,
        account_id=plan.officer_id,
        due=plan.follow_up,
    )


def _choice(session: Session, problem_id: int, solution_id: int) -> PlanChoice | None:
    query = select(PlanChoice).where(PlanChoice.problem_id == problem_id, PlanChoice.solution_id == solution_id)
    return session.scalar(query.with_for_update())
