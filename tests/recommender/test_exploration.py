"""New providers get seen: by rule, by problem and day, and only where it costs next to nothing."""

from dataclasses import replace
from datetime import date

from marketplace.domain.rating_rules import Exploration
from marketplace.domain.ratings import TrackRecord
from recommender.exploration import explored, is_newcomer
from tests.recommender.test_explanation import FACTS, reasons

RULES = Exploration(enabled=True, page=4, least=1, within=0.1, new_days=365)
SCORES = [0.9, 0.8, 0.7, 0.6, 0.58, 0.55, 0.45, 0.2]
OLD = [False] * 8


def new(*places: int) -> list[bool]:
    return [place in places for place in range(8)]


def test_off_means_off() -> None:
    found = explored(SCORES, new(4), replace(RULES, enabled=False), "s")
    assert (found.order, found.lifted) == (tuple(range(8)), frozenset())


def test_one_that_is_nearly_as_good_takes_the_last_place() -> None:
    found = explored(SCORES, new(5), RULES, "s")
    assert found.order == (0, 1, 2, 5, 3, 4, 6, 7)
    assert found.lifted == {5}


def test_who_is_far_below_is_not_lifted() -> None:
    assert explored(SCORES, new(6), RULES, "s").order == tuple(range(8))
    assert explored(SCORES, new(6), replace(RULES, within=0.15), "s").order == (0, 1, 2, 6, 3, 4, 5, 7)


def test_a_page_that_has_one_is_left_alone() -> None:
    assert explored(SCORES, new(1, 4), RULES, "s").order == tuple(range(8))
    assert explored(SCORES, OLD, RULES, "s").order == tuple(range(8))


def test_the_best_is_never_displaced() -> None:
    found = explored([0.5, 0.5, 0.5], [False, True, True], replace(RULES, page=1, within=1), "s")
    assert found.order[0] == 0


def test_two_places_a_page() -> None:
    found = explored(SCORES, new(4, 5), replace(RULES, least=2, within=0.3), "s")
    assert sorted(found.order[2:4]) == [4, 5]
    assert found.order[:2] == (0, 1)
    assert found.lifted == {4, 5}


def test_the_second_page_too() -> None:
    scores = [0.9, 0.8, 0.7, 0.6, 0.59, 0.58, 0.57, 0.56, 0.55]
    found = explored(scores, [place in (0, 8) for place in range(9)], RULES, "s")
    assert found.order == (0, 1, 2, 3, 4, 5, 6, 8, 7)


def test_each_gets_its_turn_and_a_day_stays_the_same() -> None:
    several = new(4, 5)
    drawn = {seed: explored(SCORES, several, RULES, f"problem|2026-11-{seed:02}").lifted for seed in range(1, 29)}
    assert {next(iter(found)) for found in drawn.values()} == {4, 5}
    assert all(explored(SCORES, several, RULES, f"problem|2026-11-{seed:02}").lifted == found for seed, found in drawn.items())


def test_nobody_is_lost() -> None:
    for seed in range(50):
        found = explored(SCORES, new(3, 4, 6, 7), replace(RULES, page=2, within=0.5), str(seed))
        assert sorted(found.order) == list(range(8))


def test_who_is_new() -> None:
    today = date(2026, 11, 25)
    assert is_newcomer(FACTS, RULES, today)
    assert is_newcomer(replace(FACTS, admitted_on=date(2025, 11, 25)), RULES, today)
    assert not is_newcomer(replace(FACTS, admitted_on=date(2025, 11, 24)), RULES, today)
    assert not is_newcomer(replace(FACTS, provider_state="warned"), RULES, today)
    assert not is_newcomer(replace(FACTS, track=TrackRecord(finished=1)), RULES, today)


def test_it_is_said_why() -> None:
    assert reasons(explored=True)["explored"].sentence() == "新入库，给予展示机会：排在这里高于按得分的位置。"
    assert "explored" not in reasons()
