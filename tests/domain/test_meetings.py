"""Meetings: every state, event and role; the timetable without clashes in as few rounds as can be; what is typed."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Transition, decide
from marketplace.domain.meeting_timetables import ENTERPRISE_FULL, NO_TABLE, PROVIDER_FULL, Talk, Timetable, timetable
from marketplace.domain.meetings import (
    TABLE,
    MeetingDraft,
    MeetingState,
    ResultDraft,
    Situation,
    check,
    check_result,
    clock,
    read_breaks,
    read_clock,
    rounds_of,
)

TODAY = date(2026, 11, 25)
# (state, event) → the state after; only the centre and the administrator may.
EXPECTED = {
    ("draft", "invite"): "invited",
    ("invited", "open"): "held",
    ("held", "close"): "closed",
    ("closed", "reopen"): "held",
    ("draft", "cancel"): "cancelled",
    ("invited", "cancel"): "cancelled",
}
READY = Situation(TODAY, TODAY, talks=1, placed=1)


def test_every_state_event_and_role() -> None:
    for state, event, role in product(MeetingState, {row.event for row in TABLE}, Role):
        to = EXPECTED.get((state, event), "")
        found = decide(TABLE, state, event, {role}, READY)
        if not to or role not in (Role.CENTRE, Role.ADMIN):
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == ("not_allowed" if to else "wrong_state")
        else:
            assert isinstance(found, Transition)
            assert found.to == to


@pytest.mark.parametrize(
    ("state", "event", "subject", "code"),
    [
        ("draft", "invite", Situation(TODAY, TODAY), "no_talk"),
        ("draft", "invite", Situation(TODAY, date(2026, 11, 24), talks=1), "day_past"),
        ("invited", "open", Situation(TODAY, date(2026, 11, 26), talks=1, placed=1), "too_early"),
        ("invited", "open", Situation(TODAY, TODAY, talks=1), "no_timetable"),
        ("held", "close", Situation(TODAY, TODAY, talks=3, placed=3, unresolved=2), "unresolved"),
    ],
)
def test_guards(state: str, event: str, subject: Situation, code: str) -> None:
    found = decide(TABLE, state, event, {Role.CENTRE}, subject)
    assert isinstance(found, Refused)
    assert found.code == code
    assert found.sentence()


def assert_no_clash(talks: list[Talk], found: Timetable, rounds: int, tables: int) -> None:
    """Nobody in two talks of one round, no table used twice, every talk with a place or a reason."""
    placed = [talk for talk in talks if talk.key in found.slots]
    assert {talk.key for talk in talks} == found.slots.keys() | found.left_out.keys()
    assert not found.slots.keys() & found.left_out.keys()
    assert all(0 <= place < rounds and 0 <= table < tables for place, table in found.slots.values())
    assert len(set(found.slots.values())) == len(placed)
    for side in ("enterprise", "provider"):
        assert len({(getattr(talk, side), found.slots[talk.key][0]) for talk in placed}) == len(placed)


def busiest(talks: list[Talk]) -> int:
    return max([*Counter(talk.enterprise for talk in talks).values(), *Counter(talk.provider for talk in talks).values()], default=0)


pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(0, 1)), max_size=40)


@given(pairs, st.integers(1, 12), st.integers(1, 8))
@settings(max_examples=60)
def test_no_clash_and_as_few_rounds_as_can_be(rows: list[tuple[int, int, float]], rounds: int, tables: int) -> None:
    talks = [Talk(number, *row) for number, row in enumerate(rows)]
    found = timetable(talks, rounds=rounds, tables=tables)
    assert_no_clash(talks, found, rounds, tables)
    if busiest(talks) <= rounds and len(talks) <= rounds * tables:
        assert not found.left_out
    placed = [talk for talk in talks if talk.key in found.slots]
    assert found.rounds == max(busiest(placed), -(-len(placed) // tables))


@given(pairs, st.sets(st.integers(0, 39)), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(0, 1)), max_size=8))
@settings(max_examples=40)
def test_planning_anew_keeps_places(rows: list[tuple[int, int, float]], gone: set[int], more: list[tuple[int, int, float]]) -> None:
    rounds, tables = 12, 6
    before = timetable([Talk(number, *row) for number, row in enumerate(rows)], rounds=rounds, tables=tables)
    left = [Talk(number, *row, before.slots.get(number)) for number, row in enumerate(rows) if number not in gone]
    again = timetable(left, rounds=rounds, tables=tables)
    assert_no_clash(left, again, rounds, tables)
    # Who drops out moves nobody.
    assert all(again.slots[talk.key] == talk.kept for talk in left if talk.kept is not None)
    extended = [*left, *(Talk(100 + number, *row) for number, row in enumerate(more))]
    found = timetable(extended, rounds=rounds, tables=tables)
    assert_no_clash(extended, found, rounds, tables)
    assert all(talk.key in found.slots for talk in left if talk.kept is not None)
    if busiest(extended) <= rounds and len(extended) <= rounds * tables:
        assert not found.left_out


def test_what_does_not_fit_is_told_and_the_less_wanted_give_way() -> None:
    talks = [Talk(1, 1, 1, 0.2), Talk(2, 1, 2, 0.9), Talk(3, 2, 2, 0.5), Talk(4, 3, 3, 0.1), Talk(5, 4, 4, 0.05)]
    found = timetable(talks, rounds=1, tables=2)
    assert found.left_out == {1: ENTERPRISE_FULL, 3: PROVIDER_FULL, 5: NO_TABLE}
    assert timetable(talks, rounds=0, tables=2).slots == {}


def test_places_that_clash_are_not_kept() -> None:
    found = timetable([Talk(1, 1, 1, kept=(0, 0)), Talk(2, 1, 2, kept=(0, 1)), Talk(3, 2, 3, kept=(5, 0))], rounds=2, tables=2)
    assert found.slots[1] == (0, 0)
    assert_no_clash([Talk(1, 1, 1), Talk(2, 1, 2), Talk(3, 2, 3)], found, 2, 2)


def test_rounds_keep_clear_of_breaks() -> None:
    found = rounds_of(14 * 60, 16 * 60, 20, 5, [(14 * 60 + 45, 15 * 60)])
    assert [f"{clock(low)}–{clock(high)}" for low, high in found] == ["14:00–14:20", "14:25–14:45", "15:00–15:20", "15:25–15:45"]


def test_times_as_people_type_them() -> None:
    assert [read_clock(text) for text in ("14:05", " 9：30 ", "24:00", "9:5", "x", "", "١٤:٠٠")] == [845, 570, None, None, None, None, None]
    assert read_breaks("15:20–15:40、16:30-16:40；") == [(920, 940), (990, 1000)]
    assert read_breaks("午休") == [(None, None)]


def test_what_a_meeting_must_say() -> None:
    good = MeetingDraft(
        "汽车行业对接会", "auto", "", "会展中心 3 号厅", date(2026, 12, 8), 840, 1020, 20, 5, 6, [(920, 940)], date(2026, 12, 2)
    )
    assert list(check(good, TODAY)) == []
    wrong = MeetingDraft(day=date(2026, 11, 1), starts=600, ends=500, minutes=1, gap=None, tables=0, answer_by=date(2026, 12, 9))
    assert {name for name, _refused in check(wrong, TODAY)} == {
        "title",
        "sector",
        "venue",
        "day",
        "answer_by",
        "minutes",
        "gap",
        "tables",
        "ends",
    }
    both = MeetingDraft(**{**vars(good), "scenario_code": "AUTO-01", "breaks": [(920, 960), (950, 970)]})
    assert [name for name, _refused in check(both, TODAY)] == ["sector", "breaks"]


def test_an_amount_needs_an_intention() -> None:
    assert list(check_result(ResultDraft("intent", 5_000_000, True))) == []
    assert [refused.code for _name, refused in check_result(ResultDraft("none", 5_000_000, True))] == ["amount_without_intent"]
    assert [refused.code for _name, refused in check_result(ResultDraft("intent", None, True))] == ["intended_range"]
    assert [refused.code for _name, refused in check_result(ResultDraft("maybe"))] == ["no_result"]
