"""From the first visit to an enterprise to what the ranking learned of it, clicked through the pages by four accounts.

The centre diagnoses, issues the report, publishes scenarios and a plan, and proposes two providers; one declines, another takes its
place; their proposals are compared, one is chosen and the other told why not; the work is done and judged; `jigai train` learns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner
from sqlalchemy import select

from marketplace.cli import main
from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.records.matches import Outcome
from recommender.recorded import ACCEPTED, FINISHED_WELL, RecordedList, find_recorded
from tests.conftest import NOW
from tests.journeys import brokering_diagnosis as diagnosis
from tests.journeys import brokering_talks as talks
from tests.journeys.brokering import Brokered
from tests.journeys.conftest import Person, Served, serving
from tests.journeys.pool import Words
from tests.opened import site_of


@pytest.fixture
def served(own_folder: Path) -> Iterator[Served]:
    """A site of the journey's own: the ranking is trained on its folder."""
    with serving(site_of(own_folder)) as running:
        yield running


@pytest.fixture
def journey(served: Served, somebody: Callable[..., Person], tmp_path: Path) -> Iterator[Brokered]:
    with time_machine.travel(NOW, tick=True) as travel:
        yield Brokered(Words("zh"), served, somebody, travel, tmp_path)


def test_an_enterprise_is_diagnosed_and_its_need_is_met(journey: Brokered, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIGAI_DATA_DIR", str(own_folder))
    monkeypatch.setenv("JIGAI_DEMO", "1")
    before = recorded(journey)
    diagnosis.is_planned(journey)
    diagnosis.is_filled_in(journey)
    diagnosis.has_its_lists(journey)
    diagnosis.is_issued(journey)
    diagnosis.scenarios_are_published(journey)
    diagnosis.is_worked_on(journey)
    diagnosis.plan_is_issued(journey)
    talks.is_drafted_and_sent(journey)
    talks.are_asked(journey)
    talks.is_replaced(journey)
    talks.is_quoted(journey)
    talks.is_awarded(journey)
    talks.is_contracted(journey)
    talks.is_done(journey)
    learns(journey, before)


def recorded(journey: Brokered) -> list[RecordedList]:
    """What can be learned from, as the ranker reads it."""
    with journey.served.site.database.reading() as session:
        return find_recorded(session, most=journey.pilot.learning.most_lists)


def learns(journey: Brokered, before: list[RecordedList]) -> None:
    """Every step of the brokering was recorded with what it led to, and the report counts it; the figures decide what is promoted."""
    after, known = recorded(journey), {one.problem_id for one in before}
    new = [one for one in after if one.problem_id not in known]
    with journey.served.site.database.reading() as session:
        # Journeys beside this one read and open things too.
        own = MatchEvent.problem_id.in_([one.problem_id for one in new])
        events = set(session.scalars(select(MatchEvent.kind).where(own)))
        ended = session.scalars(select(Outcome).where(Outcome.source == "platform")).all()
    assert events == set(MatchEventKind) - {MatchEventKind.LAPSED, MatchEventKind.OPENED}
    assert len(ended) == 3
    found = CliRunner().invoke(main, ["train", "--json"])
    assert found.exit_code == 0, found.output
    report = json.loads(found.stdout)
    rows = [row for one in new for row in one.rows.values() if row.decided]
    assert {row.grade for row in rows} == {0, ACCEPTED, FINISHED_WELL}
    assert report["lists"] == len(before) + len(new)
    assert report["rows"] >= sum(len(one.rows) for one in before) + len(rows) - report["left_out"]
    assert report["until"] == max(one.at for one in after).date().isoformat()
    assert report["promoted"] == (not report["objections"])
    card = CliRunner().invoke(main, ["rankers", "show", report["version"]])
    assert report["version"] in card.output, card.output
