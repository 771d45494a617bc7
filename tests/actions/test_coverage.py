"""What a night writes down of supply and demand, and what is read of it."""

from __future__ import annotations

from datetime import timedelta

from marketplace.actions.coverage import CountedNeed, write_coverage
from marketplace.domain.matches import Match
from marketplace.domain.problems import ProblemState
from marketplace.records.coverage import count_unasked, count_unserved, find_cells, find_placed_needs, find_unasked, find_unserved
from marketplace.records.database import Database
from marketplace.records.problems import Problem
from tests.actions.people import open_market
from tests.conftest import NOW

DAY = NOW.date()


def match(solution: int, provider: int, strength: int) -> Match:
    return Match("1", solution, provider, 0.5, strength, {}, (), "hand-1")


def test_the_last_night_takes_the_place_of_the_one_before(database: Database) -> None:
    market = open_market(database)
    weak = CountedNeed(market.problem, "chem", "CH-05", [match(market.solution, market.provider, 1)])
    with database.writing() as session:
        write_coverage(session, DAY, [weak], {("chem", "CH-05"): {7, 8, 9}, ("chem", "CH-06"): {7}})
    with database.reading() as session:
        assert [(cell.scenario_code, cell.problems, cell.unserved, cell.thin, cell.solutions) for cell in find_cells(session)] == [
            ("CH-05", 1, 1, 0, 3),
            ("CH-06", 0, 0, 0, 1),
        ]
        assert [row.id for row in find_unserved(session, offset=0, most=9)] == [market.problem]
        assert [(row.sector, row.scenario_code, row.problems, row.unserved) for row in find_placed_needs(session)] == [
            ("chem", "CH-05", 1, 1)
        ]
        assert market.solution in [row.id for row in find_unasked(session, offset=0, most=9)]
        before = count_unasked(session)
    fair = CountedNeed(
        market.problem, "chem", "CH-05", [match(market.solution, market.provider, 2), match(market.solution, market.provider, 3)]
    )
    with database.writing() as session:
        write_coverage(session, DAY + timedelta(days=1), [fair], {("chem", "CH-05"): {market.solution}})
    with database.reading() as session:
        assert [(cell.problems, cell.unserved, cell.thin, cell.solutions) for cell in find_cells(session)] == [(1, 0, 1, 1)]
        assert count_unserved(session) == 0
        assert count_unasked(session) == before - 1


def test_what_was_solved_since_is_no_gap(database: Database) -> None:
    market = open_market(database)
    with database.writing() as session:
        write_coverage(session, DAY, [CountedNeed(market.problem, "chem", "", [])], {})
        session.get_one(Problem, market.problem).state = ProblemState.SOLVED
    with database.reading() as session:
        assert count_unserved(session) == 0
