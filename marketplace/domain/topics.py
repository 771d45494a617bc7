"""课题研究 (topics): what the centre and its members look into: who leads, until when, and what came out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class TopicState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    CONCLUDED = "concluded"
    STOPPED = "stopped"


PUBLIC = frozenset({TopicState.RUNNING, TopicState.CONCLUDED})
OPEN = frozenset({TopicState.PLANNED, TopicState.RUNNING})


def has_result(result: str) -> Refused | None:
    return None if result.strip() else Refused("no_result", _("结题前请先写明研究结果。"))


_CENTRE = (Role.CENTRE, Role.ADMIN)
_S = TopicState
TABLE: Table = (
    Transition((_S.PLANNED,), "begin", _S.RUNNING, _CENTRE, "开题"),
    Transition((_S.RUNNING,), "conclude", _S.CONCLUDED, _CENTRE, "结题", has_result),
    Transition((_S.PLANNED, _S.RUNNING), "stop", _S.STOPPED, _CENTRE, "中止课题"),
)
WITH_REASON = frozenset({"stop"})


@dataclass(frozen=True)
class TopicDraft:
    """`lead`: who answers for it; `members`: who takes part, in words; `result`: what came out."""

    title: str = ""
    text: str = ""
    lead: str = ""
    members: str = ""
    due: date | None = None
    result: str = ""


def check(draft: TopicDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be kept."""
    yield from check_text("title", _("标题"), draft.title, most=200, required=True)
    yield from check_text("text", _("内容"), draft.text, most=20_000, required=True)
    yield from check_text("lead", _("牵头单位"), draft.lead, most=200, required=True)
    yield from check_text("members", _("参加单位"), draft.members, most=500, required=False)
    yield from check_text("result", _("研究结果"), draft.result, most=20_000, required=False)
    if draft.due is None:
        yield "due", Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": _("完成期限")})
