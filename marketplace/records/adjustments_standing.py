"""What the rules of dynamic adjustment look at: everything that is known of each provider of the pool, in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.domain.adjustment_proposals import Evidence, Expiry, Result, Score, Standing
from marketplace.domain.adjustments import OPEN, SEVERITY, AdjustmentState
from marketplace.domain.evaluations import ResultState
from marketplace.domain.providers import IN_POOL, ProviderState
from marketplace.domain.rating_events import OF_PROJECT, EventKind
from marketplace.records.adjustments import Adjustment
from marketplace.records.certificates import Certificate
from marketplace.records.evaluations import EvaluationResult, EvaluationRound
from marketplace.records.history import HistoryEntry
from marketplace.records.matches import Decision, Outcome
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent, find_all_scores

# States whose beginning counts, and the event that begins them.
_BEGINNINGS = {"warn": ProviderState.WARNED, "suspend": ProviderState.SUSPENDED}
SERIOUS, FAILED = "serious", "failed"


def find_standings(session: Session) -> list[Standing]:
    """One for each provider that is in the pool."""
    since, served, running = _since(session), _last_service(session), _running(session)
    scores, conduct, cases = _scores(session), _serious_conduct(session), _cases(session)
    results, expiries = _results(session), _expiries(session)
    rows = session.execute(
        select(Provider.id, Provider.state, Provider.admitted_on).where(Provider.state.in_(IN_POOL)).order_by(Provider.id)
    )
    return [
        Standing(
            provider_id=number,
            state=state,
            since=since.get((number, state)),
            score=scores.get(number),
            results=tuple(results[number]),
            expiries=tuple(expiries[number]),
            conduct=tuple(conduct[number]),
            last_service=max((day for day in (served.get(number), admitted_on) if day is not None), default=None),
            running=running.get(number, 0),
            used=frozenset(row["ref"] for case in cases[number] for row in case.evidence),
            open_severity=max((SEVERITY[case.kind] for case in cases[number] if case.state in OPEN), default=-1),
            **_rectification(cases[number]),
        )
        for number, state, admitted_on in rows
    ]


def _rectification(cases: list[Adjustment]) -> dict[str, Any]:
    """A rectification that the provider still owes."""
    for case in cases:
        if case.state == AdjustmentState.RECTIFYING:
            return {"rectification": Evidence(case.number, case.number, "adjustment", case.public_id), "rectify_until": case.due}
    return {}


def _since(session: Session) -> dict[tuple[int, ProviderState], date]:
    query = select(HistoryEntry.noun_id, HistoryEntry.verb, func.max(HistoryEntry.id)).group_by(HistoryEntry.noun_id, HistoryEntry.verb)
    latest = query.where(HistoryEntry.noun == "provider", HistoryEntry.verb.in_(_BEGINNINGS)).subquery()
    rows = session.execute(select(HistoryEntry.noun_id, HistoryEntry.verb, HistoryEntry.at).join(latest, HistoryEntry.id == latest.c[2]))
    return {(number, _BEGINNINGS[verb]): at.date() for number, verb, at in rows if number is not None}


def _scores(session: Session) -> dict[int, Score]:
    """The latest ratings. What a score rests on is known by its newest event: it proposes anew only once something new is known."""
    newest = select(RatingEvent.provider_id, func.max(RatingEvent.id)).where(RatingEvent.superseded_at.is_(None))
    events = dict(session.execute(newest.group_by(RatingEvent.provider_id)).all())
    return {
        number: Score(row.score, row.low, row.high, row.projects, row.at.date(), f"score:{events.get(number, 0)}")
        for number, row in find_all_scores(session).items()
    }


def _serious_conduct(session: Session) -> defaultdict[int, list[Evidence]]:
    found: defaultdict[int, list[Evidence]] = defaultdict(list)
    query = select(RatingEvent).where(RatingEvent.kind == EventKind.CONDUCT, RatingEvent.superseded_at.is_(None)).order_by(RatingEvent.id)
    for row in session.scalars(query):
        if row.payload.get("severity") == SERIOUS:
            text = f"{row.on.isoformat()} {row.payload.get('remark') or '严重行为失范'}"
            found[row.provider_id].append(Evidence(f"event:{row.id}", text, "rating_event", row.public_id))
    return found


def _results(session: Session) -> defaultdict[int, list[Result]]:
    """What was issued in evaluation rounds, the latest first."""
    found: defaultdict[int, list[Result]] = defaultdict(list)
    query = select(EvaluationResult, EvaluationRound).join(EvaluationRound, EvaluationRound.id == EvaluationResult.round_id)
    query = query.where(EvaluationResult.state == ResultState.ISSUED, EvaluationResult.score.is_not(None))
    for row, of in session.execute(query.order_by(EvaluationRound.end.desc(), EvaluationRound.id.desc())):
        name = f"{of.start.isoformat()} 至 {of.end.isoformat()}"
        text = f"{name}评价，得分 {row.score:.0f}"
        found[row.provider_id].append(
            Result(name, row.result == FAILED, Evidence(f"evaluation:{row.id}", text, "evaluation", row.public_id))
        )
    return found


def _expiries(session: Session) -> defaultdict[int, list[Expiry]]:
    found: defaultdict[int, list[Expiry]] = defaultdict(list)
    query = select(Certificate).where(Certificate.replaced_at.is_(None), Certificate.expires.is_not(None)).order_by(Certificate.id)
    for row in session.scalars(query):
        assert row.expires is not None
        text = f"{row.name}，有效期至 {row.expires.isoformat()}"
        ref = f"certificate:{row.id}:{row.expires.isoformat()}"
        found[row.provider_id].append(Expiry(row.name, row.expires, Evidence(ref, text, "certificate", row.public_id)))
    return found


def _last_service(session: Session) -> dict[int, date]:
    """The last day on which it served somebody: a match that was accepted, or an event of a project."""
    matched = select(Outcome.provider_id, func.max(Outcome.proposed)).where(Outcome.decision == Decision.ACCEPTED)
    worked = select(RatingEvent.provider_id, func.max(RatingEvent.on)).where(
        RatingEvent.kind.in_(OF_PROJECT), RatingEvent.superseded_at.is_(None)
    )
    found: dict[int, date] = {}
    for query in (matched.group_by(Outcome.provider_id), worked.group_by(RatingEvent.provider_id)):
        for number, day in session.execute(query):
            found[number] = max(day, found.get(number, day))
    return found


def _running(session: Session) -> dict[int, int]:
    query = select(Outcome.provider_id, func.count()).where(Outcome.decision == Decision.ACCEPTED, Outcome.acceptance.is_(None))
    return dict(session.execute(query.group_by(Outcome.provider_id)).all())


def _cases(session: Session) -> defaultdict[int, list[Adjustment]]:
    found: defaultdict[int, list[Adjustment]] = defaultdict(list)
    for case in session.scalars(select(Adjustment).order_by(Adjustment.id)):
        found[case.provider_id].append(case)
    return found
