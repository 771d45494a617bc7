"""A provider (专业化服务商): its states in the resource pool and what they mean for search and recommendation."""

from __future__ import annotations

from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _


class ProviderState(StrEnum):
    """States of a provider in the pool. Only `SEARCHABLE` ones are found; `TAKES_NEW` ones get new matches."""

    ADMITTED = "admitted"
    WARNED = "warned"
    RECTIFYING = "rectifying"
    SUSPENDED = "suspended"
    RETIRED = "retired"
    LEFT = "left"


SEARCHABLE = frozenset({ProviderState.ADMITTED, ProviderState.WARNED, ProviderState.RECTIFYING})
TAKES_NEW = frozenset({ProviderState.ADMITTED, ProviderState.WARNED})

_PROPOSED = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
_DECIDED = (Role.BUREAU, Role.ADMIN)
_IN = (ProviderState.ADMITTED, ProviderState.WARNED, ProviderState.RECTIFYING, ProviderState.SUSPENDED)

TABLE: Table = (
    Transition((ProviderState.ADMITTED,), "warn", ProviderState.WARNED, _PROPOSED, "警示"),
    Transition((ProviderState.WARNED,), "clear", ProviderState.ADMITTED, _DECIDED, "解除警示"),
    Transition(
        (ProviderState.ADMITTED, ProviderState.WARNED),
        "order_rectification",
        ProviderState.RECTIFYING,
        _DECIDED,
        "限期整改",
    ),
    Transition((ProviderState.RECTIFYING, ProviderState.SUSPENDED), "reinstate", ProviderState.ADMITTED, _DECIDED, "恢复"),
    Transition((ProviderState.RECTIFYING, ProviderState.WARNED), "suspend", ProviderState.SUSPENDED, _DECIDED, "暂停"),
    Transition(_IN, "retire", ProviderState.RETIRED, _DECIDED, "淘汰"),
    Transition(_IN, "leave", ProviderState.LEFT, (Role.PROVIDER,), "主动退出"),
)


def check_local_service(*, local_office: bool, local_commitment: bool) -> Refused | None:
    """Neither a local team or office nor a signed 本地化服务承诺: not recommended (plan, section 3.1.2)."""
    if local_office or local_commitment:
        return None
    return Refused("no_local_service", _("在本地没有团队或办公场地，也没有签署《本地化服务承诺》。"))
