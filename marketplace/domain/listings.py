"""The reviewed catalogue of recommended products (推荐产品目录): in by two persons, for 先进性 and 应用成效; out likewise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.providers import SEARCHABLE, ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.domain.texts import check_text


class ListingState(StrEnum):
    """Proposed and waiting for the second person; listed; refused by the second person; removed again by two persons."""

    PROPOSED = "proposed"
    LISTED = "listed"
    REFUSED = "refused"
    REMOVED = "removed"


class Offered(Protocol):
    """What the guard looks at."""

    @property
    def provider_state(self) -> ProviderState: ...
    @property
    def solution_state(self) -> SolutionState: ...


def is_offered(subject: Offered) -> Refused | None:
    """Only what everybody can find now is recommended."""
    if subject.solution_state == SolutionState.PUBLISHED and subject.provider_state in SEARCHABLE:
        return None
    return Refused("not_offered", _("这个方案没有公开（已下架、被拦截，或服务商不在资源池内），不能列入推荐产品目录。"))


_DECIDED = (Role.MANAGER, Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((ListingState.PROPOSED,), "list", ListingState.LISTED, _DECIDED, "列入目录", is_offered),
    Transition((ListingState.PROPOSED,), "refuse", ListingState.REFUSED, _DECIDED, "不列入"),
    Transition((ListingState.LISTED,), "remove", ListingState.REMOVED, _DECIDED, "移出目录"),
)


@dataclass
class ListingDraft:
    """A proposal as it is typed."""

    batch: str = ""
    advancement: str = ""
    effect: str = ""


def check(draft: ListingDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be proposed."""
    yield from check_text("batch", _("批次"), draft.batch, most=32, required=True)
    yield from check_text("advancement", _("先进性"), draft.advancement, most=5_000, required=True)
    yield from check_text("effect", _("应用成效"), draft.effect, most=5_000, required=True)
