"""报名 (sign-ups): one person's part in an event, from the seat or the waiting list to having been there and what was thought of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.events import AHEAD, EventState
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class SignUpState(StrEnum):
    SEATED = "seated"
    WAITING = "waiting"
    CANCELLED = "cancelled"
    ATTENDED = "attended"
    ABSENT = "absent"


HAS_SEAT = frozenset({SignUpState.SEATED, SignUpState.ATTENDED, SignUpState.ABSENT})
SCORES = (1, 2, 3, 4, 5)
_CENTRE = (Role.CENTRE, Role.ADMIN)
_S = SignUpState
# A person signs up and off for itself, whatever its role; a seat that is given back goes to the first of those who wait.
TABLE: Table = (
    Transition((_S.WAITING, _S.CANCELLED), "seat", _S.SEATED, tuple(Role), "取得名额"),
    Transition((_S.CANCELLED,), "queue", _S.WAITING, tuple(Role), "列入候补"),
    Transition((_S.SEATED, _S.WAITING), "cancel", _S.CANCELLED, tuple(Role), "取消报名"),
    Transition((_S.SEATED, _S.ABSENT), "attend", _S.ATTENDED, _CENTRE, "签到"),
    Transition((_S.SEATED, _S.ATTENDED), "miss", _S.ABSENT, _CENTRE, "记为未到"),
)


def check_sign_up(state: EventState, sign_up_until: datetime, now: datetime) -> Refused | None:
    """Why nobody can sign up now, or None."""
    if state == EventState.CANCELLED:
        return Refused("event_cancelled", _("活动已取消。"))
    if state != EventState.OPEN or now >= sign_up_until:
        return Refused("sign_up_closed", _("报名已截止。"))
    return None


def check_cancel(state: EventState, starts: datetime, now: datetime) -> Refused | None:
    """A sign-up can be taken back until the event begins."""
    if state not in AHEAD or now >= starts:
        return Refused("begun", _("活动已经开始或结束，不能再取消报名。"))
    return None


def check_attendance(state: EventState, starts: datetime, now: datetime) -> Refused | None:
    """Who was there is noted from the day of the event on. `now` is in the pilot's zone."""
    if state not in AHEAD | {EventState.HELD} or now.date() < starts.astimezone(now.tzinfo).date():
        return Refused("not_the_day", _("活动当天起才能登记签到。"))
    return None


def check_feedback(event: EventState, own: SignUpState, score: int | None, text: str) -> Iterator[tuple[str, Refused]]:
    if event != EventState.HELD or own != SignUpState.ATTENDED:
        yield "score", Refused("no_feedback", _("参加过的活动，举办后才能评价。"))
    if score not in SCORES:
        yield "score", Refused("bad_score", _("请选 1 到 5 分。"))
    yield from check_text("text", _("意见"), text, most=2_000, required=False)


@dataclass(frozen=True)
class Summary:
    """What an event came to. `scores`: how often each score from 1 to 5 was given."""

    seated: int
    waiting: int
    attended: int
    absent: int
    scores: Sequence[int]

    @property
    def answers(self) -> int:
        return sum(self.scores)

    @property
    def average(self) -> float | None:
        """The mean score; None without any."""
        return sum(score * n for score, n in zip(SCORES, self.scores, strict=True)) / self.answers if self.answers else None


def summary_of(rows: Iterable[tuple[SignUpState, int | None, int]]) -> Summary:
    """From counted rows of (state, score, how many)."""
    counted: dict[SignUpState, int] = {}
    scores = [0] * len(SCORES)
    for state, score, n in rows:
        counted[state] = counted.get(state, 0) + n
        if score is not None:
            scores[score - 1] += n
    here = {state: counted.get(state, 0) for state in SignUpState}
    seated = sum(here[state] for state in HAS_SEAT)
    return Summary(seated, here[_S.WAITING], here[_S.ATTENDED], here[_S.ABSENT], tuple(scores))
