"""A decision by two persons: one proposes with reasons, another one confirms or rejects; nobody confirms what is their own."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _


class DecisionState(StrEnum):
    """Proposed and waiting for the second person; confirmed (then it takes effect), rejected, or taken back."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    TAKEN_BACK = "taken_back"


class Proposed(Protocol):
    """What the guards look at."""

    proposed_by: int
    second_person: int | None


def another_person(subject: Proposed) -> Refused | None:
    """The one who proposed a decision may not be the one who confirms it."""
    if subject.second_person == subject.proposed_by:
        return Refused("same_person", _("这项决定由您提出，须由另一人复核。"))
    return None


def the_same_person(subject: Proposed) -> Refused | None:
    if subject.second_person != subject.proposed_by:
        return Refused("not_own", _("这项决定不是您提出的，不能由您撤回。"))
    return None


_SECOND = (Role.MANAGER, Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((DecisionState.PROPOSED,), "confirm", DecisionState.CONFIRMED, _SECOND, "复核同意", another_person),
    Transition((DecisionState.PROPOSED,), "reject", DecisionState.REJECTED, _SECOND, "复核不同意", another_person),
    Transition((DecisionState.PROPOSED,), "take_back", DecisionState.TAKEN_BACK, _SECOND, "撤回", the_same_person),
)
