"""Scenario lists, issued as numbered batches (应用场景清单（第 N 批）) and withdrawn or superseded as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class ScenarioListState(StrEnum):
    DRAFT = "draft"
    ISSUED = "issued"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class HasEntries(Protocol):
    @property
    def size(self) -> int: ...


def _is_filled(found: HasEntries) -> Refused | None:
    return None if found.size else Refused("empty_list", _("清单里还没有场景，不能印发。请先加入场景。"))


_STAFF = (Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((ScenarioListState.DRAFT,), "issue", ScenarioListState.ISSUED, _STAFF, "印发", _is_filled),
    Transition((ScenarioListState.DRAFT, ScenarioListState.ISSUED), "withdraw", ScenarioListState.WITHDRAWN, _STAFF, "整批撤回"),
    Transition((ScenarioListState.ISSUED,), "supersede", ScenarioListState.SUPERSEDED, _STAFF, "由新一批替代"),
)
LONGEST_REASON = 500


@dataclass
class ScenarioListDraft:
    """A list as it is typed: its batch, its title, what is said with it, and the codes of its scenarios."""

    batch: int | None = None
    title: str = ""
    note: str = ""
    codes: tuple[str, ...] = ()


def check(draft: ScenarioListDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    if draft.batch is None or not 1 <= draft.batch <= 999:
        yield "batch", Refused("not_a_batch", _("批次请填 1 到 999 之间的整数。"))
    yield from check_text("title", _("清单名称"), draft.title, most=200, required=True)
    yield from check_text("note", _("说明"), draft.note, most=5_000)
    if len(draft.codes) > 2_000:
        yield "codes", Refused("too_many", _("一批最多 2,000 个场景，现在有 {count} 个。请分批。"), {"count": len(draft.codes)})


def check_reason(why: str) -> Refused | None:
    """A whole list is not taken back without saying why."""
    for _field, refused in check_text("why", _("撤回原因"), why, most=LONGEST_REASON, required=True):
        return refused
    return None
