"""Brokering: every state, event and role of its two processes, who has the ball, what is compared and what may be typed."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from marketplace.domain import brokerings, introductions
from marketplace.domain.access import Role
from marketplace.domain.brokerings import (
    Ball,
    BrokeringState,
    ContractDraft,
    CriterionDraft,
    Lane,
    Offer,
    Part,
    Situation,
    ball,
    check_contract,
    check_criteria,
    compare,
)
from marketplace.domain.introductions import AnswerDraft, IntroductionState, ProposalDraft, Standing, check_answer, check_proposal
from marketplace.domain.lifecycle import Refused, Transition, decide, mermaid
from marketplace.domain.providers import ProviderState
from marketplace.pilot import load_pilot

DAY = date(2026, 11, 25)
B, S = BrokeringState, IntroductionState
RULES = load_pilot().brokering
CENTRE, CHOOSE, ALL = "centre admin", "enterprise centre admin", "enterprise provider centre admin"
# (state, event) → (state after, roles that may), where every guard is silent.
BROKERING: dict[tuple[str, str], tuple[str, str]] = {
    ("draft", "send"): ("open", CENTRE),
    ("draft", "inquire"): ("open", "enterprise"),
    ("open", "compare"): ("comparing", CENTRE),
    **{(state, "reopen"): ("open", "centre admin bureau provider enterprise") for state in ("comparing", "awarded")},
    ("comparing", "award"): ("awarded", CHOOSE),
    **{(state, "none_suitable"): ("none_suitable", CHOOSE) for state in ("open", "comparing")},
    ("awarded", "contract"): ("contracted", CHOOSE),
    ("contracted", "reserve"): ("reserve", CENTRE),
    ("contracted", "start"): ("implementing", ALL),
    ("implementing", "report_finish"): ("implementing", "provider centre admin"),
    ("implementing", "confirm"): ("finished", CHOOSE),
    **{(state, "withdraw"): ("withdrawn", CHOOSE) for state in ("draft", "open", "comparing", "awarded")},
}
INTRODUCTION: dict[tuple[str, str], tuple[str, str]] = {
    ("proposed", "send"): ("sent", CHOOSE),
    ("sent", "agree"): ("talking", ALL),
    **{(state, "decline"): ("declined", ALL) for state in ("sent", "talking", "quoted")},
    ("sent", "lapse"): ("lapsed", CENTRE),
    **{(state, "quote"): ("quoted", "provider centre admin") for state in ("talking", "quoted")},
    ("quoted", "award"): ("awarded", CHOOSE),
    **{(state, "not_choose"): ("not_chosen", CHOOSE) for state in ("talking", "quoted")},
    **{(state, "reconsider"): ("quoted", CENTRE) for state in ("not_chosen", "awarded")},
    **{(state, "freeze"): ("frozen", "centre bureau admin provider") for state in ("proposed", "sent", "talking", "quoted", "awarded")},
    ("frozen", "thaw"): ("quoted", CENTRE),
    **{(state, "withdraw"): ("withdrawn", CHOOSE) for state in ("proposed", "sent", "talking", "quoted", "awarded", "frozen")},
}
BOTH = {"enterprise": "accepted", "provider": "accepted"}


def subject_of(event: str, state: str) -> object:
    """What silences the guard of this event."""
    if event in ("reopen", "compare", "send", "inquire"):
        some = {"reopen": (S.QUOTED,), "compare": (S.QUOTED,)}.get(event, (S.PROPOSED,))
        return Situation(some, (60, 40), problems=1)
    return Situation((S.AWARDED,), (), problems=1, contract=True, finish_reported=True)


def standing_of(event: str) -> Standing:
    provider = ProviderState.SUSPENDED if event == "freeze" else ProviderState.ADMITTED
    answers = {"enterprise": "declined", "provider": "accepted"} if event == "decline" else BOTH
    return Standing(answers, provider, quoted=True, today=DAY, silent_until=date(2026, 11, 24))


@pytest.mark.parametrize("noun", ["brokering", "introduction"])
def test_every_state_event_and_role(noun: str) -> None:
    table, states, expected = brokerings.TABLE, [str(one) for one in B], BROKERING
    if noun == "introduction":
        table, states, expected = introductions.TABLE, [str(one) for one in S], INTRODUCTION
    events = sorted({row.event for row in table} | {"no_such_event"})
    for state, event, role in product(states, events, Role):
        to, roles = expected.get((str(state), event), ("", ""))
        subject = subject_of(event, state) if noun == "brokering" else standing_of(event)
        found = decide(table, state, event, {role}, subject)
        if not to:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "wrong_state"
        elif role not in roles.split():
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed"
        else:
            assert isinstance(found, Transition), (state, event, role, found)
            assert found.to == to
    assert len(mermaid(table).splitlines()) == 1 + sum(len(row.states) for row in table)


def code(table: object, state: str, event: str, subject: object) -> str:
    found = decide(table, state, event, {Role.ADMIN}, subject)  # type: ignore[arg-type]
    return found.code if isinstance(found, Refused) else found.to


def test_guards_of_a_brokering() -> None:
    table = brokerings.TABLE
    assert code(table, B.DRAFT, "send", Situation((S.PROPOSED,), (), problems=0)) == "no_problem"
    assert code(table, B.DRAFT, "send", Situation((), (), problems=1)) == "no_introduction"
    assert code(table, B.DRAFT, "send", Situation((S.PROPOSED,), (60, 30), problems=1)) == "weights"
    assert code(table, B.DRAFT, "send", Situation((S.PROPOSED,), (), problems=1)) == "open"
    assert code(table, B.OPEN, "compare", Situation((S.TALKING,))) == "no_proposal_yet"
    assert code(table, B.COMPARING, "award", Situation((S.QUOTED,))) == "one_award"
    assert code(table, B.COMPARING, "award", Situation((S.AWARDED, S.AWARDED))) == "one_award"
    assert code(table, B.AWARDED, "reopen", Situation((S.AWARDED,))) == "still_awarded"
    assert code(table, B.AWARDED, "contract", Situation((S.AWARDED,))) == "no_contract"
    assert code(table, B.IMPLEMENTING, "confirm", Situation((S.AWARDED,))) == "not_finished"


def test_guards_of_an_introduction() -> None:
    table, out = introductions.TABLE, ProviderState.RECTIFYING
    half = {"enterprise": "accepted", "provider": "pending"}
    assert code(table, S.PROPOSED, "send", Standing(provider=out)) == "provider_takes_no_new"
    assert code(table, S.SENT, "agree", Standing(half)) == "not_both"
    assert code(table, S.SENT, "agree", Standing(BOTH, out)) == "provider_takes_no_new"
    assert code(table, S.SENT, "decline", Standing(half)) == "nobody_declined"
    assert code(table, S.SENT, "lapse", Standing(half, today=DAY, silent_until=DAY)) == "term_runs"
    assert code(table, S.SENT, "lapse", Standing(half)) == "term_runs"
    assert code(table, S.QUOTED, "award", Standing(BOTH, out, quoted=True)) == "provider_takes_no_new"
    assert code(table, S.QUOTED, "award", Standing(BOTH)) == "no_proposal"
    assert code(table, S.NOT_CHOSEN, "reconsider", Standing(BOTH)) == "talking"
    assert code(table, S.TALKING, "freeze", Standing(BOTH)) == "provider_in_pool"
    assert code(table, S.FROZEN, "thaw", Standing(BOTH, quoted=True)) == "quoted"
    assert code(table, S.FROZEN, "thaw", Standing(BOTH)) == "talking"
    assert code(table, S.FROZEN, "thaw", Standing(half)) == "sent"
    assert code(table, S.FROZEN, "thaw", Standing(half, out)) == "provider_takes_no_new"


@pytest.mark.parametrize(
    ("state", "parts", "expected"),
    [
        (B.DRAFT, [Part(S.PROPOSED)], Ball(Lane.DRAFT, "centre", "send")),
        (B.OPEN, [Part(S.SENT, frozenset({"enterprise", "provider"}))], Ball(Lane.ANSWERS, "both", "answer")),
        (B.OPEN, [Part(S.SENT, frozenset({"provider"})), Part(S.DECLINED)], Ball(Lane.ANSWERS, "provider", "answer")),
        (B.OPEN, [Part(S.DECLINED), Part(S.FROZEN)], Ball(Lane.DRAFT, "centre", "replace")),
        (B.OPEN, [Part(S.PROPOSED), Part(S.LAPSED)], Ball(Lane.DRAFT, "centre", "send")),
        (B.OPEN, [Part(S.TALKING), Part(S.SENT, frozenset({"provider"}))], Ball(Lane.TALKS, "provider", "quote")),
        (B.OPEN, [Part(S.QUOTED)], Ball(Lane.TALKS, "centre", "compare")),
        (B.COMPARING, [Part(S.QUOTED)], Ball(Lane.TALKS, "enterprise", "award")),
        (B.AWARDED, [Part(S.AWARDED)], Ball(Lane.DECIDED, "enterprise", "contract")),
        (B.CONTRACTED, [Part(S.AWARDED)], Ball(Lane.DECIDED, "centre", "decide")),
        (B.IMPLEMENTING, [Part(S.AWARDED)], Ball(Lane.DECIDED, "provider", "finish")),
        (B.FINISHED, [Part(S.NOT_CHOSEN, feedback_owed=True)], Ball(Lane.DECIDED, "centre", "feedback")),
        (B.FINISHED, [Part(S.AWARDED)], Ball(Lane.NONE, "", "")),
    ],
)
def test_who_has_the_ball(state: BrokeringState, parts: list[Part], expected: Ball) -> None:
    assert ball(state, parts) == expected


def test_a_reported_finish_waits_for_the_enterprise() -> None:
    assert ball(B.IMPLEMENTING, [Part(S.AWARDED)], finish_reported=True).who == "enterprise"


def test_every_step_of_the_ball_has_words() -> None:
    steps = {ball(state, [Part(one)], finish_reported=flag).step for state in B for one in S for flag in (True, False)}
    steps |= {"answer", "feedback"}
    assert steps - {""} <= set(brokerings.STEPS)


def test_comparison_weighs_scores_and_names_what_is_missing() -> None:
    criteria = [(1, "essential", 60), (2, "nice", 40)]
    first = Offer(10, 48_000_000, 12, {1: ("yes", 8), 2: ("no", 5)})
    second = Offer(11, 96_000_000, 6, {1: ("partly", 10), 2: ("yes", None)})
    one, two = compare([first, second], criteria)
    assert (one.total, one.missing, one.cheapest, one.fastest) == (68.0, (), True, False)
    assert (two.total, two.scored, two.missing, two.cheapest, two.fastest) == (None, 1, (1,), False, True)
    (alone,) = compare([first], [])
    assert (alone.total, alone.cheapest) == (None, False)


def codes(found: object) -> set[str]:
    return {refused.code for _field, refused in found}  # type: ignore[attr-defined]


def test_what_may_be_typed() -> None:
    assert codes(check_criteria([CriterionDraft("快", "nice", 100)], most=12)) == set()
    assert codes(check_criteria([CriterionDraft("", "must", 0)], most=12)) == {
        "required",
        "unknown_kind_of_criterion",
        "weight_range",
        "weights",
    }
    assert "too_many" in codes(check_criteria([CriterionDraft("快", "nice", 50)] * 3, most=2))
    assert codes(check_contract(ContractDraft(), DAY, has_scan=True)) == {"amount_range", "date_missing"}
    later = date(2026, 12, 1)
    assert "signed_later" in codes(check_contract(ContractDraft(1, later, DAY, later), DAY, has_scan=True))
    assert codes(check_answer(AnswerDraft("provider", False, "budget"), RULES, on_behalf=False, has_proof=False)) == set()
    assert codes(check_answer(AnswerDraft("", None), RULES, on_behalf=True, has_proof=False)) == {
        "required",
        "no_choice",
        "no_way",
        "no_proof",
    }
    good = ProposalDraft(1, 1, "x", DAY, {1: ("yes", "")})
    assert codes(check_proposal(good, {1: "快"}, DAY)) == set()
    assert codes(check_proposal(good, {1: "快", 2: "好"}, DAY)) == {"criterion_open"}
    bad = ProposalDraft(0, 999, "x", date(2026, 1, 1))
    assert codes(check_proposal(bad, {}, DAY)) == {"price_range", "weeks_range", "date_past"}


def test_reasons_have_a_side_each_and_words_in_two_languages() -> None:
    for row in RULES.reasons:
        assert set(row.sides) <= {"enterprise", "provider"}
        assert row.sides
        assert row.name
        assert row.en.isascii()
