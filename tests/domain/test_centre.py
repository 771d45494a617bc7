"""The centre's own processes, written down a second time, and its pure rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import product

import pytest

from marketplace.domain import events, resources, sign_ups, talents, topics, work_items
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, decide
from marketplace.domain.resources import ResourceDraft, ResourceState, is_searchable, resource_text
from marketplace.domain.sign_ups import SignUpState, summary_of
from marketplace.domain.work_items import WorkDraft, WorkState, check, event_to, is_overdue, next_code, rank_of

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
DAY = timedelta(days=1)
CENTRE, OFFICES, ALL = "centre admin", "centre manager bureau admin", " ".join(Role)
WRITERS = "enterprise provider centre admin"
EXPECTED: dict[str, dict[tuple[str, str], tuple[str, str]]] = {
    "work_items": {
        ("planned", "start"): ("in_progress", OFFICES),
        **{(state, "finish"): ("done", OFFICES) for state in ("planned", "in_progress")},
        **{(state, "drop"): ("dropped", OFFICES) for state in ("planned", "in_progress")},
        **{(state, "reopen"): ("in_progress", OFFICES) for state in ("done", "dropped")},
    },
    "events": {
        ("draft", "publish"): ("open", CENTRE),
        ("open", "close"): ("closed", CENTRE),
        ("closed", "reopen"): ("open", CENTRE),
        **{(state, "hold"): ("held", CENTRE) for state in ("open", "closed")},
        **{(state, "cancel"): ("cancelled", CENTRE) for state in ("draft", "open", "closed")},
    },
    "sign_ups": {
        **{(state, "seat"): ("seated", ALL) for state in ("waiting", "cancelled")},
        ("cancelled", "queue"): ("waiting", ALL),
        **{(state, "cancel"): ("cancelled", ALL) for state in ("seated", "waiting")},
        **{(state, "attend"): ("attended", CENTRE) for state in ("seated", "absent")},
        **{(state, "miss"): ("absent", CENTRE) for state in ("seated", "attended")},
    },
    "resources": {
        **{(state, "publish"): ("published", CENTRE) for state in ("draft", "withdrawn")},
        ("published", "withdraw"): ("withdrawn", CENTRE),
    },
    "talents": {
        **{(state, "publish"): ("published", WRITERS) for state in ("draft", "withdrawn")},
        ("published", "withdraw"): ("withdrawn", WRITERS),
    },
    "topics": {
        ("planned", "begin"): ("running", CENTRE),
        ("running", "conclude"): ("concluded", CENTRE),
        **{(state, "stop"): ("stopped", CENTRE) for state in ("planned", "running")},
    },
}
# A subject that no guard has anything against.
SUBJECTS: dict[str, tuple[Table, type[StrEnum], object]] = {
    "work_items": (work_items.TABLE, work_items.WorkState, work_items.Standing(evidence="纪要")),
    "events": (events.TABLE, events.EventState, events.Standing(NOW, NOW - DAY, NOW + DAY)),
    "sign_ups": (sign_ups.TABLE, sign_ups.SignUpState, None),
    "resources": (resources.TABLE, resources.ResourceState, None),
    "talents": (talents.TABLE, talents.TalentState, None),
    "topics": (topics.TABLE, topics.TopicState, "结果"),
}


@pytest.mark.parametrize("noun", EXPECTED)
def test_every_state_event_and_role(noun: str) -> None:
    table, states, subject = SUBJECTS[noun]
    for state, event, role in product(list(states), sorted({row.event for row in table}), Role):
        found, expected = decide(table, state, event, [role], subject), EXPECTED[noun].get((state, event))
        if expected is not None and role in expected[1].split():
            assert not isinstance(found, Refused), (state, event, role)
            assert found.to == expected[0]
        else:
            assert isinstance(found, Refused), (state, event, role)


def test_numbers_of_tasks() -> None:
    assert next_code("", ["1", "2", "2.9"]) == "3"
    assert next_code("2", ["2", "2.9", "2.10", "2.10.40"]) == "2.11"
    assert next_code("7", []) == "7.1"
    assert sorted(["1.10", "1.9", "1", "10", "2"], key=rank_of) == ["1", "1.9", "1.10", "2", "10"]
    for code, good in (("1", True), ("999.1.1.1", True), ("1.1.1.1.1", False), ("01", False), ("1.", False), ("1.0", False), ("１", False)):
        found = [field for field, _refused in check(WorkDraft(code, "p", "任务", "某局"), ["p"])]
        assert (found == []) == good, (code, found)


def test_when_a_task_is_overdue() -> None:
    today = date(2026, 11, 25)
    assert not is_overdue(WorkState.PLANNED, today, today)
    assert is_overdue(WorkState.IN_PROGRESS, today - DAY, today)
    assert not is_overdue(WorkState.DONE, today - DAY, today)
    assert not is_overdue(WorkState.PLANNED, None, today)
    assert (event_to(WorkState.PLANNED, WorkState.DONE), event_to(WorkState.DONE, WorkState.PLANNED)) == ("finish", "")


def test_what_an_event_came_to() -> None:
    rows = [(SignUpState.ATTENDED, 5, 2), (SignUpState.ATTENDED, 2, 1), (SignUpState.ATTENDED, None, 3), (SignUpState.ABSENT, None, 1)]
    found = summary_of([*rows, (SignUpState.WAITING, None, 4), (SignUpState.CANCELLED, None, 9)])
    assert (found.seated, found.waiting, found.attended, found.absent) == (7, 4, 6, 1)
    assert (found.answers, found.average) == (3, 4.0)
    assert summary_of([]).average is None


def test_what_a_search_may_find_of_a_resource() -> None:
    assert [state for state in ResourceState if is_searchable(state)] == [ResourceState.PUBLISHED]
    draft = ResourceDraft("检测车", "lab", "检测站", "不搭架子", "提前三天", "按次", "值班室", ("CH-09",), ("equipment",))
    text = resource_text(draft, kind="实验室", stages={"equipment": "设备管理"}, scenarios={"CH-09": "设备完整性"})
    assert text.splitlines() == ["检测车", "实验室", "检测站", "不搭架子", "提前三天", "设备管理、CH-09 设备完整性"]
    # Whom to call and what it costs is read on the page, not searched.
    assert "值班室" not in text
