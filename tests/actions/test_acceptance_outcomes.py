"""What each decision on an acceptance teaches, rating and ranker alike, and that it stands or falls with the decision."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import acceptance_decisions, project_steps
from marketplace.domain.projects import ProjectState
from marketplace.domain.rating_events import EventKind
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.records.ratings import RatingEvent, RatingScore
from tests.actions.accepting import Accepted, open_accepted
from tests.actions.supervising import refused

# Decision → state of the project after it, the result as the rating and the past match have it.
DECIDED = {
    "pass": (ProjectState.PASSED, "passed"),
    "fail": (ProjectState.REWORKING, "failed"),
    "terminate": (ProjectState.TERMINATED, "failed"),
}


@pytest.fixture
def case(database: Database, tmp_path: Path) -> Accepted:
    return open_accepted(database, tmp_path / "files")


def waiting(case: Accepted, event: str) -> int:
    """Reported, and proposed by the first person."""
    if event == "pass":
        case.to_decision()
    else:
        case.to_decision(90, 9, "rework")
    return case.proposed(event, due=case.world.day + timedelta(30) if event == "fail" else None)


def taught(case: Accepted) -> tuple[list[str], str, list[float], int]:
    """Results in the rating, result of the past match, values for the ranker, scores of the supplier."""
    with case.database.reading() as session:
        query = select(MatchEvent.value).where(MatchEvent.kind == MatchEventKind.FINISHED, MatchEvent.introduction_id == case.introduction)
        values = [float(value or 0) for value in session.scalars(query.order_by(MatchEvent.id))]
    results = [row["result"] for row in case.events(EventKind.ACCEPTANCE)]
    return results, str(case.past().acceptance or ""), values, case.count(RatingScore)


@pytest.mark.parametrize("event", DECIDED)
def test_rating_past_match_and_ranker_learn_at_once(case: Accepted, event: str) -> None:
    number = waiting(case, event)
    # Proposed is not decided.
    assert taught(case) == ([], "", [], 0)
    case.answered(number)
    state, result = DECIDED[event]
    results, past, values, scores = taught(case)
    assert (case.world.state(), results, past, len(values), scores) == (state, [result], result, 1, 1)
    assert values[0] > 0.9 if event == "pass" else values[0] < 0.5
    # One moment for all of it.
    with case.database.reading() as session:
        nouns = ("project", "acceptance", "outcome", "rating_event")
        rows = session.scalars(select(HistoryEntry).where(HistoryEntry.noun.in_(nouns)).order_by(HistoryEntry.id.desc()).limit(20)).all()
        assert {row.noun for row in rows if row.at == case.world.now} >= {"project", "acceptance", "outcome"}
        assert find_broken_link(session) is None


@pytest.mark.parametrize(
    ("event", "place"),
    [
        *((event, place) for event in DECIDED for place in ("write_outcomes", "measure")),
        # An ended project is nobody's task.
        ("pass", "open_task"),
        ("fail", "open_task"),
    ],
)
def test_it_stands_or_falls_with_the_decision(case: Accepted, event: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dies right after what is taught, or at the last write, or at the next person's task: nothing was decided, and nothing learned."""
    number = waiting(case, event)
    module = project_steps if place == "open_task" else acceptance_decisions
    real = getattr(module, place)

    def dies(*arguments: object, **values: object) -> None:
        if place == "write_outcomes":
            real(*arguments, **values)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(module, place, dies)
        with pytest.raises(KeyboardInterrupt):
            case.answered(number)
    assert (case.world.state(), taught(case), case.count(RatingEvent)) == (ProjectState.DECIDING, ([], "", [], 0), 0)
    case.answered(number)
    assert case.world.state() == DECIDED[event][0]
    assert taught(case)[0] == [DECIDED[event][1]]


def test_told_once_however_often_it_is_confirmed(case: Accepted) -> None:
    number = waiting(case, "fail")
    case.answered(number)
    before = (taught(case), case.count(RatingEvent), case.count(MatchEvent), case.count(HistoryEntry))
    for person in ("bureau", "bureau2", "admin"):
        assert refused(case.answered, number, person)
    assert (taught(case), case.count(RatingEvent), case.count(MatchEvent), case.count(HistoryEntry)) == before
