"""A round of evaluation: opened over a period, reviewed, told, commented on, issued. Each step is one transaction."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import history, transition
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import actor_of, roles_on
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer, may, may_act_for
from marketplace.domain.evaluations import (
    RESULT_TABLE,
    TABLE,
    CommentFacts,
    Period,
    ResultState,
    ReviewFacts,
    RoundFacts,
    RoundState,
    answered,
    change_is_reasoned,
    letter_values,
    rate_period,
    result_of,
)
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.providers import IN_POOL
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.evaluations import EvaluationResult, EvaluationRound, count_states, find_results
from marketplace.records.providers import Provider
from marketplace.records.ratings import find_events, find_mean

NOUN = "evaluation_round"
RESULT_NOUN = "evaluation_result"
# Whoever is in the pool is evaluated, suspended or not; who left it is not.


def open_round(database: Database, period: Period, *, viewer: Viewer, at: datetime, today: date, rules: RatingRules) -> EvaluationRound:
    """A result is proposed for every provider of the pool, from its events of the period alone."""
    _must_run(viewer)
    if period.end >= today:
        raise RefusedError(Refused("not_over", _("{period}还没有结束，结束后才能评价。"), {"period": period.name}))
    with database.writing() as session:
        same = select(EvaluationRound).where(EvaluationRound.start == period.start, EvaluationRound.end == period.end)
        before = session.scalars(same.order_by(EvaluationRound.turn)).all()
        if any(row.state != RoundState.CANCELLED for row in before):
            raise RefusedError(Refused("round_exists", _("{period}的评价已经开始。"), {"period": period.name}))
        mean = find_mean(session)
        opened = EvaluationRound(start=period.start, end=period.end, turn=len(before) + 1, opened_at=at, version=rules.version)
        opened.number, opened.mean = next_number(session, "PJ", today.year), rules.mean if mean is None else mean
        session.add(opened)
        session.flush()
        providers = session.scalars(select(Provider).where(Provider.state.in_(IN_POOL)).order_by(Provider.id)).all()
        events = find_events(session, [row.id for row in providers])
        for provider in providers:
            found = rate_period([row.as_event() for row in events.get(provider.id, [])], period, opened.mean, rules)
            result = EvaluationResult(round_id=opened.id, provider_id=provider.id, projects=found.projects, events=len(found.contributions))
            if found.projects >= rules.evaluation.least_projects:
                result.proposed = result.score = round(found.score, 1)
                result.low, result.high = round(found.low, 1), round(found.high, 1)
            result.result = result_of(result.score, found.projects, rules.evaluation)
            session.add(result)
        session.flush()
        after = {"number": opened.number, "start": period.start.isoformat(), "end": period.end.isoformat(), "providers": len(providers)}
        history.record(session, actor=actor_of(viewer), verb="open", noun=NOUN, noun_id=opened.id, before=None, after=after, at=at)
        message, values = _("{period}的评价待审定：{count} 家。"), {"period": period.name, "count": len(providers)}
        _ask(session, opened, "review", message, values, (Role.MANAGER,), at)
        return opened


def review(
    database: Database,
    result_id: int,
    *,
    score: float | None,
    why: str,
    viewer: Viewer,
    at: datetime,
    rules: RatingRules,
    seen: int | None = None,
) -> EvaluationResult:
    """Staff agree with the proposed score, or set another one for a reason. `seen`: the last entry of the history on the page."""
    with database.writing() as session:
        result = session.get_one(EvaluationResult, result_id, with_for_update=True)
        refuse_if_moved(session, RESULT_NOUN, result.id, seen=seen, at=at)
        _review(session, result, score, why, viewer, at, rules)
        return result


def review_rest(database: Database, round_id: int, *, viewer: Viewer, at: datetime, rules: RatingRules) -> int:
    """Agree with everything that nobody has looked at singly. How many."""
    with database.writing() as session:
        rows = find_results(session, round_id, states=[ResultState.PROPOSED])
        for result in rows:
            _review(session, result, result.proposed, "", viewer, at, rules)
        return len(rows)


def show(database: Database, round_id: int, *, viewer: Viewer, at: datetime, today: date, rules: RatingRules) -> EvaluationRound:
    """Every provider is told what is proposed, and has a term for its comment."""
    with database.writing() as session:
        round_ = session.get_one(EvaluationRound, round_id)
        _move(session, round_, "show", viewer, at, today)
        round_.comment_until = term(today, rules.evaluation.comment_days, find_calendar(session)).due
        close_tasks(session, NOUN, round_.id, at=at)
        message = _("{period}评价的拟定结果已出，{until} 24:00 前可以说明。")
        values = {"period": round_.period.name, "until": round_.comment_until.isoformat()}
        for result in find_results(session, round_.id, states=[ResultState.REVIEWED]):
            _apply(session, result, "show", viewer, at)
            organisation = result.provider.organisation_id
            told = accounts_of_organisation(session, organisation)
            notify(session, told, "evaluation", message, at=at, values=values, noun=RESULT_NOUN, public_ref=result.public_id)
            open_task(
                session,
                "comment",
                message,
                noun=RESULT_NOUN,
                noun_id=result.id,
                public_ref=result.public_id,
                at=at,
                values=values,
                roles=(Role.PROVIDER,),
                organisation_id=organisation,
                due=round_.comment_until,
            )
        _ask(session, round_, "issue", _("{period}的评价等待发布结果。"), {"period": round_.period.name}, (Role.BUREAU,), at)
        return round_


def comment(
    database: Database, result_id: int, *, text: str, viewer: Viewer, at: datetime, today: date, seen: int | None = None
) -> EvaluationResult:
    """The provider says what it has to say, within the term."""
    with database.writing() as session:
        result = session.get_one(EvaluationResult, result_id, with_for_update=True)
        refuse_if_moved(session, RESULT_NOUN, result.id, seen=seen, at=at)
        if not may_act_for(viewer, result.provider.organisation_id, "submit"):
            raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
        facts = CommentFacts(text, result.round.comment_until, today)
        _apply(session, result, "comment", viewer, at, why=text, subject=facts)
        result.comment = text.strip()[:5_000]
        close_tasks(session, RESULT_NOUN, result.id, at=at)
        open_task(
            session,
            "answer",
            _("{name}对拟定的评价结果作了说明，待答复。"),
            noun=RESULT_NOUN,
            noun_id=result.id,
            public_ref=result.public_id,
            at=at,
            values={"name": result.provider.name},
            roles=(Role.MANAGER,),
        )
        return result


def answer(
    database: Database,
    result_id: int,
    *,
    text: str,
    score: float | None,
    viewer: Viewer,
    at: datetime,
    rules: RatingRules,
    seen: int | None = None,
) -> EvaluationResult:
    """Staff answer a comment; the score may change with it, for what the answer says. `seen`: as of `review`."""
    with database.writing() as session:
        result = session.get_one(EvaluationResult, result_id, with_for_update=True)
        refuse_if_moved(session, RESULT_NOUN, result.id, seen=seen, at=at)
        _refuse_unfit(result, score)
        for refused in (answered(text), change_is_reasoned(ReviewFacts(result.proposed, score, text))):
            if refused:
                raise RefusedError(refused)
        _apply(session, result, "answer", viewer, at, why=text)
        result.answer = text.strip()[:5_000]
        _set(session, result, score, text, viewer, at, rules)
        close_tasks(session, RESULT_NOUN, result.id, at=at)
        told = accounts_of_organisation(session, result.provider.organisation_id)
        message, values = _("您对{period}评价的说明已有答复。"), {"period": result.round.period.name}
        notify(session, told, "evaluation", message, at=at, values=values, noun=RESULT_NOUN, public_ref=result.public_id)
        return result


def issue(database: Database, round_id: int, *, viewer: Viewer, at: datetime, today: date, rules: RatingRules) -> EvaluationRound:
    """The results hold from now on: each provider gets its letter, and the list can be read."""
    with database.writing() as session:
        round_ = session.get_one(EvaluationRound, round_id)
        _move(session, round_, "issue", viewer, at, today)
        round_.issued_at = at
        close_tasks(session, NOUN, round_.id, at=at)
        message = _("{period}的评价结果已发布，可以查看和下载结果通知书。")
        results = find_results(session, round_.id, states=[ResultState.SHOWN, ResultState.ANSWERED])
        events = find_events(session, [result.provider_id for result in results])
        for result in results:
            _apply(session, result, "issue", viewer, at)
            close_tasks(session, RESULT_NOUN, result.id, at=at)
            told = accounts_of_organisation(session, result.provider.organisation_id)
            values = {"period": round_.period.name}
            notify(session, told, "evaluation", message, at=at, values=values, noun=RESULT_NOUN, public_ref=result.public_id)
            known = [row.as_event() for row in events.get(result.provider_id, [])]
            rating = rate_period(known, round_.period, round_.mean, rules)
            said = letter_values(round_.period, result.result, result.score, rating, result.answer or result.why, rules.evaluation)
            payload = {"letter": "evaluation", "noun": RESULT_NOUN, "id": result.id, "values": said}
            enqueue_job(session, "letter", payload, at=at, key=f"letter:{RESULT_NOUN}:{result.id}", account_id=viewer.account_id)
        return round_


def cancel(database: Database, round_id: int, *, why: str, viewer: Viewer, at: datetime, today: date) -> EvaluationRound:
    """The round is dropped with a reason; one may be opened anew over the same period."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        round_ = session.get_one(EvaluationRound, round_id)
        was_told = round_.state == RoundState.COMMENTING
        _move(session, round_, "cancel", viewer, at, today, why=why)
        close_tasks(session, NOUN, round_.id, at=at)
        for result in find_results(session, round_.id):
            _apply(session, result, "cancel", viewer, at, why=why)
            close_tasks(session, RESULT_NOUN, result.id, at=at)
            if was_told:
                told = accounts_of_organisation(session, result.provider.organisation_id)
                message, values = _("{period}的评价已取消：{why}"), {"period": round_.period.name, "why": why.strip()}
                notify(session, told, "evaluation", message, at=at, values=values)
        return round_


def facts_of(session: Session, round_: EvaluationRound, today: date) -> RoundFacts:
    """What the guards of a round's steps look at."""
    counts = count_states(session, round_.id)
    return RoundFacts(counts.get(ResultState.PROPOSED, 0), counts.get(ResultState.COMMENTED, 0), round_.comment_until, today)


def _must_run(viewer: Viewer) -> None:
    if not may(viewer, "run", "evaluation"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))


def _ask(
    session: Session, round_: EvaluationRound, kind: str, message: str, values: dict[str, object], roles: tuple[Role, ...], at: datetime
) -> None:
    open_task(session, kind, message, noun=NOUN, noun_id=round_.id, public_ref=round_.public_id, at=at, values=values, roles=roles)


def _move(session: Session, round_: EvaluationRound, event: str, viewer: Viewer, at: datetime, today: date, why: str = "") -> None:
    facts = facts_of(session, round_, today)
    transition.apply(session, round_, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why, subject=facts)


def _apply(
    session: Session, result: EvaluationResult, event: str, viewer: Viewer, at: datetime, why: str = "", subject: object = None
) -> None:
    roles = roles_on(viewer, provider_id=result.provider_id)
    transition.apply(session, result, RESULT_TABLE, event, actor=actor_of(viewer), roles=roles, at=at, why=why, subject=subject)


def _review(
    session: Session, result: EvaluationResult, score: float | None, why: str, viewer: Viewer, at: datetime, rules: RatingRules
) -> None:
    _refuse_unfit(result, score)
    _apply(session, result, "review", viewer, at, why=why, subject=ReviewFacts(result.proposed, score, why))
    result.why, result.reviewed_by = why.strip()[:5_000], actor_of(viewer)
    _set(session, result, score, why, viewer, at, rules)


def _refuse_unfit(result: EvaluationResult, score: float | None) -> None:
    """A provider without a finished project has no score; every other one has."""
    if result.proposed is None and score is not None:
        raise RefusedError(Refused("unrated", _("期内没有完工项目，不评等次。")))
    if result.proposed is not None and score is None:
        raise RefusedError(Refused("score_missing", _("得分没有填。")))


def _set(
    session: Session, result: EvaluationResult, score: float | None, why: str, viewer: Viewer, at: datetime, rules: RatingRules
) -> None:
    if score == result.score:
        return
    before = {"score": result.score, "result": result.result}
    result.score, result.result = score, result_of(score, result.projects, rules.evaluation)
    after = {"score": result.score, "result": result.result}
    actor = actor_of(viewer)
    history.record(session, actor=actor, verb="set_score", noun=RESULT_NOUN, noun_id=result.id, before=before, after=after, why=why, at=at)
