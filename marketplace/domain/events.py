"""培训与活动 (events): what the centre holds, with seats that are never given twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class EventState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    HELD = "held"
    CANCELLED = "cancelled"


PUBLIC = frozenset({EventState.OPEN, EventState.CLOSED, EventState.HELD, EventState.CANCELLED})
# Still to come, as far as the state says: seats are given back and taken over.
AHEAD = frozenset({EventState.OPEN, EventState.CLOSED})


@dataclass(frozen=True)
class Standing:
    """What a step looks at beside the state."""

    now: datetime
    starts: datetime
    sign_up_until: datetime


def takes_sign_ups(standing: Standing) -> Refused | None:
    if standing.now >= standing.sign_up_until:
        return Refused("sign_up_over", _("报名截止时间已经过去，请先改时间。"))
    return None


def has_begun(standing: Standing) -> Refused | None:
    return Refused("not_begun", _("活动还没有开始，不能登记为已举办。")) if standing.now < standing.starts else None


_CENTRE = (Role.CENTRE, Role.ADMIN)
_S = EventState
TABLE: Table = (
    Transition((_S.DRAFT,), "publish", _S.OPEN, _CENTRE, "开放报名", takes_sign_ups),
    Transition((_S.OPEN,), "close", _S.CLOSED, _CENTRE, "截止报名"),
    Transition((_S.CLOSED,), "reopen", _S.OPEN, _CENTRE, "恢复报名", takes_sign_ups),
    Transition((_S.OPEN, _S.CLOSED), "hold", _S.HELD, _CENTRE, "登记为已举办", has_begun),
    Transition((_S.DRAFT, _S.OPEN, _S.CLOSED), "cancel", _S.CANCELLED, _CENTRE, "取消活动"),
)
WITH_REASON = frozenset({"cancel"})


@dataclass(frozen=True)
class EventDraft:
    """An event as it is typed; moments are of the pilot's zone."""

    kind: str = ""
    title: str = ""
    text: str = ""
    place: str = ""
    host: str = ""
    speakers: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    sign_up_until: datetime | None = None
    seats: int | None = None


def check(draft: EventDraft, *, kinds: Collection[str], most_seats: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be kept."""
    if draft.kind not in kinds:
        yield "kind", Refused("required", _("{label}没有填。"), {"label": _("类别")})
    yield from check_text("title", _("标题"), draft.title, most=200, required=True)
    yield from check_text("text", _("内容"), draft.text, most=20_000, required=True)
    yield from check_text("place", _("地点"), draft.place, most=200, required=True)
    yield from check_text("host", _("主办单位"), draft.host, most=200, required=True)
    yield from check_text("speakers", _("主讲人"), draft.speakers, most=500, required=False)
    for name, label, moment in (
        ("starts", _("开始时间"), draft.starts), ("ends", _("结束时间"), draft.ends), ("sign_up_until", _("报名截止时间"), draft.sign_up_until),
    ):  # fmt: skip
        if moment is None:
            yield name, Refused("no_moment", _("{label}没有填，请写成 2026-11-20 09:00。"), {"label": label})
    if draft.starts is not None and draft.ends is not None and draft.ends <= draft.starts:
        yield "ends", Refused("ends_before_it_starts", _("结束时间要晚于开始时间。"))
    if draft.starts is not None and draft.sign_up_until is not None and draft.sign_up_until > draft.starts:
        yield "sign_up_until", Refused("sign_up_after_start", _("报名截止时间不能晚于开始时间。"))
    if draft.seats is None or not 1 <= draft.seats <= most_seats:
        yield "seats", Refused("bad_seats", _("名额要在 1 到 {most} 之间。"), {"most": most_seats})


def check_seats(seats: int, taken: int) -> Refused | None:
    """Nobody who has a seat loses it because there are fewer."""
    return Refused("seats_taken", _("已有 {taken} 人取得名额，名额不能少于这个数。"), {"taken": taken}) if seats < taken else None
