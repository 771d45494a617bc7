"""Open demands: both processes written down a second time, the days, and names however they are written."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain import open_answers, open_demands
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, decide
from marketplace.domain.open_answers import OpenAnswerState, Standing
from marketplace.domain.open_demands import (
    OpenDemandState,
    Situation,
    check_dates,
    found_name,
    is_over,
    names_owner,
    names_somebody,
    state_on,
)
from marketplace.domain.problems import names_of

TODAY = date(2026, 11, 26)
WRITERS, CENTRE = "enterprise centre admin", "centre admin"
# noun → (state, event) → (state after, roles that may).
EXPECTED: dict[str, dict[tuple[str, str], tuple[str, str]]] = {
    "demand": {
        ("draft", "submit"): ("submitted", WRITERS),
        ("returned", "submit"): ("submitted", WRITERS),
        ("submitted", "return"): ("returned", CENTRE),
        ("submitted", "publish"): ("published", CENTRE),
        ("published", "extend"): ("published", WRITERS),
        ("closed", "extend"): ("published", WRITERS),
        ("published", "close"): ("closed", "admin"),
        ("closed", "conclude"): ("concluded", WRITERS),
        ("closed", "none_suitable"): ("none_suitable", WRITERS),
        **{(state, "withdraw"): ("withdrawn", WRITERS) for state in ("draft", "submitted", "returned", "published", "closed")},
    },
    "answer": {
        ("given", "change"): ("given", "provider"),
        ("taken_back", "change"): ("given", "provider"),
        ("given", "take_back"): ("taken_back", "provider"),
        ("given", "choose"): ("chosen", WRITERS),
        ("given", "not_choose"): ("not_chosen", WRITERS),
    },
}
TABLES: dict[str, tuple[Table, list[str]]] = {
    "demand": (open_demands.TABLE, list(OpenDemandState)),
    "answer": (open_answers.TABLE, list(OpenAnswerState)),
}
RUNNING = Situation(TODAY, TODAY + timedelta(20), TODAY + timedelta(30), 10, chosen=1)
OVER = Situation(TODAY, TODAY - timedelta(20), TODAY - timedelta(1), 10, answers=2, chosen=1)
STANDING = Standing(OpenDemandState.PUBLISHED, TODAY, TODAY)


@pytest.mark.parametrize("noun", TABLES)
def test_each_state_event_and_role(noun: str) -> None:
    table, states = TABLES[noun]
    events = {row.event for row in table}
    for state, event, role in product(states, events, Role):
        subject = STANDING if noun == "answer" else OVER if event == "close" else RUNNING
        found = decide(table, state, event, {role}, subject)
        wanted = EXPECTED[noun].get((state, event))
        if wanted is None:
            assert isinstance(found, Refused), (state, event)
            assert found.code == "wrong_state"
        elif role in wanted[1].split():
            assert isinstance(found, Transition), (state, event, role, found)
            assert found.to == wanted[0]
        else:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed"


def test_guards() -> None:
    def code(event: str, state: OpenDemandState, subject: Situation) -> str:
        found = decide(open_demands.TABLE, state, event, {Role.ADMIN}, subject)
        return found.code if isinstance(found, Refused) else ""

    S = OpenDemandState
    assert code("close", S.PUBLISHED, RUNNING) == "still_open"
    assert code("extend", S.PUBLISHED, OVER) == "date_past"
    assert code("extend", S.CLOSED, OVER) == "has_answers"
    assert code("conclude", S.CLOSED, Situation(TODAY)) == "nobody_chosen"
    assert code("submit", S.DRAFT, OVER) == "date_past"


def test_the_last_day_belongs_to_the_term() -> None:
    assert not is_over(TODAY, TODAY)
    assert is_over(TODAY, TODAY + timedelta(1))
    assert state_on(OpenDemandState.PUBLISHED, TODAY, TODAY) == "published"
    assert state_on(OpenDemandState.PUBLISHED, TODAY, TODAY + timedelta(1)) == "closed"
    assert state_on(OpenDemandState.WITHDRAWN, TODAY, TODAY + timedelta(1)) == "withdrawn"


@given(st.integers(-30, 60), st.integers(-30, 60), st.integers(0, 20))
def test_days_that_are_taken_leave_time(questions: int, answers: int, least: int) -> None:
    faults = list(check_dates(TODAY + timedelta(questions), TODAY + timedelta(answers), TODAY, least=least))
    assert bool(faults) == (questions < 0 or answers < least or questions > answers)


@given(st.sampled_from(names_of("天津秘名轴承制造有限公司（示例）")), st.text(" -_,，。·（）\n", max_size=3))
def test_a_name_is_found_however_it_is_spaced(name: str, between: str) -> None:
    text = f"我们是{between.join(name)}的压床"
    assert found_name(text, names_of("天津秘名轴承制造有限公司（示例）"))
    assert names_owner(text, [name]) is not None
    assert names_somebody(text, [name], []) is not None


def test_an_ordinary_question_names_nobody() -> None:
    names = names_of("天津秘名轴承制造有限公司")
    for text in ("请问贵公司现场能停机几天？", "我公司需要自带工具吗？", "ＭＥＳ 用的是哪家的？", "轴承是什么型号？"):
        assert names_somebody(text, names, names_of("天津津澜工控软件有限公司")) is None, text
    assert names_somebody("北京某某软件有限公司做过吗？", names, []) is not None
