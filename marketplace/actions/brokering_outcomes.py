"""What a brokering teaches: past matches, events of the rating, and rows for the ranker, with the step from which they follow."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import history
from marketplace.actions.brokering_steps import PLATFORM, Act, Step
from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.match_events import note_match
from marketplace.actions.ratings import Incoming, put_events, recompute
from marketplace.actions.roles import actor_of
from marketplace.domain.rating_events import EventDraft, EventKind
from marketplace.domain.working_days import days_left
from marketplace.records.brokerings import Brokering, Contract, Implementation
from marketplace.records.calendar import find_calendar
from marketplace.records.introductions import Introduction
from marketplace.records.match_events import MatchEventKind
from marketplace.records.matches import Acceptance, Decision, Outcome

# What the end of an implementation says of its match, 0–1; the enterprise's stars count as much.
RESULT_VALUES = {"passed": 1.0, "rectified": 0.6, "failed": 0.0}
_MOST_STARS = 5


def note(
    session: Session, introduction: Introduction, kind: MatchEventKind, at: datetime, *, side: str = "", value: float | None = None
) -> None:
    note_match(
        session,
        kind,
        problem_id=introduction.problem_id,
        solution_id=introduction.solution_id,
        provider_id=introduction.provider_id,
        introduction_id=introduction.id,
        at=at,
        side=side,
        position=introduction.position,
        model=introduction.model,
        features=introduction.features,
        place=introduction.place,
        value=value,
    )


def put_outcome(session: Session, introduction: Introduction, decision: Decision, step: Act, why: str = "") -> Outcome:
    """The past match of an introduction: accepted once it is awarded, declined or not answered when it ends so. A later step
    changes the same row."""
    found = introduction.outcome
    before = {"decision": str(found.decision)} if found is not None else None
    if found is None:
        sent = introduction.sent_at or introduction.proposed_at
        found = Outcome(problem_id=introduction.problem_id, solution_id=introduction.solution_id, provider_id=introduction.provider_id)
        found.proposed, found.source, found.source_ref = sent.date(), PLATFORM, introduction.public_id
        session.add(found)
    found.decision, found.decline_reason = decision, why if decision != Decision.ACCEPTED else ""
    session.flush()
    introduction.outcome_id = found.id
    session.flush()
    session.refresh(introduction, attribute_names=["outcome"])
    _note_outcome(session, found, before, {"decision": str(decision)}, step, why)
    return found


def _note_outcome(session: Session, outcome: Outcome, before: dict[str, Any] | None, after: dict[str, Any], step: Act, why: str) -> None:
    verb = "enter" if before is None else "change"
    actor = actor_of(step.viewer)
    history.record(session, actor=actor, verb=verb, noun="outcome", noun_id=outcome.id, before=before, after=after, why=why, at=step.at)
    enqueue_dependants(session, {"outcome": [outcome.id]})


def finish_outcome(session: Session, introduction: Introduction, contract: Contract, done: Implementation, step: Step) -> None:
    """How the match ended, where it is counted: with the past matches."""
    outcome = introduction.outcome
    assert outcome is not None
    assert done.finished is not None
    outcome.acceptance = Acceptance(done.result)
    outcome.on_time = done.finished <= contract.ends
    outcome.enterprise_rating = float(done.rating or 0) or None
    outcome.flag = None
    session.flush()
    after = {"acceptance": done.result, "on_time": outcome.on_time, "rating": done.rating}
    _note_outcome(session, outcome, {"acceptance": None}, after, step, "")
    stars = ((done.rating or 1) - 1) / (_MOST_STARS - 1)
    note(session, introduction, MatchEventKind.FINISHED, step.at, value=(RESULT_VALUES[done.result] + stars) / 2)


def rate_response(session: Session, introduction: Introduction, step: Step, *, days: int | None) -> None:
    """How soon a provider answered, in working days; None: it did not."""
    payload: dict[str, Any] = {"answered": days is not None}
    if days is not None:
        payload["days"] = days
    _rate(session, introduction, [(EventDraft(EventKind.RESPONSE, step.today, payload), "response")], step)


def rate_finish(
    session: Session, brokering: Brokering, introduction: Introduction, contract: Contract, done: Implementation, step: Step
) -> None:
    """In time or not, how it was accepted, what was measured, and the enterprise's stars."""
    on = _finished(done)
    timely: dict[str, Any] = {"on_time": on <= contract.ends}
    if on > contract.ends:
        timely["days_late"] = days_left(contract.ends, on, find_calendar(session))
    rows: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.ON_TIME, timely),
        (EventKind.ACCEPTANCE, {"result": done.result}),
        (EventKind.ENTERPRISE_RATING, {"overall": done.rating}),
    ]
    if done.measured is not None and done.target is not None and done.target != (done.baseline or 0):
        effect = {
            "indicator": done.indicator,
            "unit": done.unit,
            "baseline": done.baseline,
            "target": done.target,
            "measured": done.measured,
        }
        rows.append((EventKind.EFFECT, effect))
    drafts = [(EventDraft(kind, on, payload, brokering.number), str(kind)) for kind, payload in rows]
    _rate(session, introduction, drafts, step)


def _finished(done: Implementation) -> date:
    assert done.finished is not None
    return done.finished


def _rate(session: Session, introduction: Introduction, drafts: list[tuple[EventDraft, str]], step: Step) -> None:
    rows = [
        Incoming(introduction.provider_id, draft, f"{introduction.public_id}:{name}", introduction.solution_id) for draft, name in drafts
    ]
    put_events(session, rows, source=PLATFORM, actor=actor_of(step.viewer), at=step.at)
    recompute(session, [introduction.provider_id], step.rating, at=step.at, on=step.today, why=PLATFORM)
