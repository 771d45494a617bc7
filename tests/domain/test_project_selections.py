"""Amounts, the guide's money, conflicts of interest and check codes: pure rules."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.agreements import ALPHABET, OURS, THEIRS, instalments, may_sign, new_code, normal_code, same_code, signed_sides
from marketplace.domain.experts import Candidate
from marketplace.domain.lifecycle import Refused
from marketplace.domain.project_reviews import Ties, why_excluded
from marketplace.domain.project_selections import (
    COMMITTED,
    EVENTS,
    SelectionDraft,
    below_mark,
    check,
    check_amount,
    may_lapse,
    most_fen,
    over_budget,
    running,
)
from marketplace.domain.projects import TABLES, ProjectState
from marketplace.pilot import load_pilot
from tests.actions.selection_world import AT

PILOT = load_pilot()
CENTRAL, OTHER = PILOT.project.of("central"), PILOT.project.of("other")
WAN = 1_000_000
fen = st.integers(0, 10**13)


@given(total=fen, asked=fen, amount=fen)
def test_an_amount_is_refused_exactly_above_its_lowest_bound(total: int, asked: int, amount: int) -> None:
    for rules, level in product((CENTRAL, OTHER), ("point", "chain", "cluster")):
        bound = most_fen(rules, level, total, asked)
        assert bound is not None
        refused = list(check_amount(rules, level, total, asked, amount))
        assert bool(refused) == (amount <= 0 or amount > bound)
        for _field, one in refused:
            assert one.sentence()


@given(total=fen)
def test_the_share_of_the_total_is_never_passed_by_a_rounding(total: int) -> None:
    bound = most_fen(CENTRAL, "point", total, None)
    assert bound is not None
    assert bound * 5 <= total < (bound + 1) * 5


def test_without_a_total_a_share_cannot_be_checked() -> None:
    assert [one.code for _field, one in check_amount(CENTRAL, "point", None, None, 5)] == ["no_total"]


@given(amount=fen, committed=fen, budget=fen)
def test_a_budget_is_passed_or_not(amount: int, committed: int, budget: int) -> None:
    assert (over_budget(amount, committed, budget) is not None) == (amount + committed > budget)
    assert over_budget(amount, committed, None) is None


@given(amounts=st.lists(st.none() | fen, max_size=20), budget=fen)
def test_running_sums(amounts: list[int | None], budget: int) -> None:
    rows = running(amounts, budget)
    assert [row.place for row in rows] == list(range(1, len(amounts) + 1))
    assert (rows[-1].running_fen if rows else 0) == sum(amount or 0 for amount in amounts)
    assert all(row.fits == (row.running_fen <= budget) for row in rows)


@pytest.mark.parametrize(("total", "refused"), [(None, False), (59.99, True), (60, False), (0, True)])
def test_the_mark(total: float | None, refused: bool) -> None:
    assert (below_mark(total, 60) is not None) == refused


def test_lapsing_waits_for_the_last_day() -> None:
    today = AT.date()
    assert may_lapse(today, today) is not None
    assert may_lapse(today.replace(day=24), today) is None
    assert may_lapse(None, today) is None


def test_money_is_set_aside_from_the_notice_on() -> None:
    before = {
        row.to for table in TABLES.values() for row in table if row.event in ("submit", "recommend", "review", "rank", "send_to_city")
    }
    assert not COMMITTED & before
    for table in TABLES.values():
        for row in table:
            if row.event in ("show", "approve", "agree", "fund"):
                assert ProjectState(row.to) in COMMITTED, row
            if row.event in ("leave_out", "lapse", "terminate"):
                assert ProjectState(row.to) not in COMMITTED, row


def test_every_event_of_the_selection_is_the_bureaus() -> None:
    rows = [row for table in TABLES.values() for row in table if row.event in EVENTS]
    assert {row.event for row in rows} == set(EVENTS)
    assert all(set(row.roles) == {"bureau", "admin"} for row in rows)


@pytest.mark.parametrize("event", EVENTS)
def test_what_a_proposal_needs(event: str) -> None:
    codes = [one.code for _field, one in check(event, SelectionDraft(), AT.date())]
    wanted = {"city_approves": ["required", "required", "no_day", "no_amount"], "city_refuses": ["required", "required", "no_day"]}
    assert codes == wanted.get(event, ["required"])


# ---------------------------------------------------------------- ties


def candidate(units: set[str], avoids: set[str]) -> Candidate:
    return Candidate(
        public_id="1", name="某", active=True, has_account=True, fields=frozenset(), units=frozenset(units), avoids=frozenset(avoids),
        away_from=None, away_until=None, open_reviews=0, taken_part=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "unit", "told"),
    [
        ("own_organisation", "A", "own_organisation"),
        ("own_organisation", "M", "own_member"),
        ("own_organisation", "S", "own_supplier"),
        ("avoided", "A", "avoided"),
        ("avoided", "M", "avoided_member"),
        ("avoided", "S", "avoided_supplier"),
        ("paused", "S", "paused"),
    ],
)
def test_the_reason_names_the_side(code: str, unit: str, told: str) -> None:
    ties = Ties(frozenset("A"), frozenset("M"), frozenset("S"))
    own = candidate({unit}, set()) if code == "own_organisation" else candidate(set(), {unit})
    assert why_excluded(own, Refused(code, "x"), ties).code == told
    assert ties.units == {"A", "M", "S"}


# ---------------------------------------------------------------- agreements


def test_codes_are_random_and_readable() -> None:
    numbers = Random(7)
    codes = {new_code(numbers.randrange) for _number in range(2_000)}
    assert len(codes) == 2_000
    for code in codes:
        assert len(code) == 14
        assert set(code) - {"-"} <= set(ALPHABET)
        assert normal_code(code.lower().replace("-", " ")) == code
        assert same_code(code.lower(), code)
    assert not set("01IOLU") & set(ALPHABET)
    # Too many to be tried: more than 2 ** 58.
    assert len(ALPHABET) ** 12 > 2**58


@given(text=st.text(max_size=40))
def test_any_text_is_a_code_or_none(text: str) -> None:
    assert set(normal_code(text)) <= {*ALPHABET, "-"}


@given(amount=fen, share=st.floats(0, 1))
def test_instalments_add_up(amount: int, share: float) -> None:
    first, rest = instalments(amount, share)
    assert first + rest == amount
    assert 0 <= first <= amount


def test_both_sides_are_counted_once_each() -> None:
    assert signed_sides([]) == 0
    assert signed_sides([THEIRS, THEIRS, "letter"]) == 1
    assert signed_sides([THEIRS, OURS]) == 2


@pytest.mark.parametrize("state", ProjectState)
def test_scans_are_taken_while_it_waits_to_be_signed(state: ProjectState) -> None:
    assert (may_sign(OURS, state=state, confirmed=False) is None) == (state == ProjectState.APPROVED)
    assert may_sign(OURS, state=state, confirmed=True) is not None
    assert may_sign("plan", state=state, confirmed=False) is not None
