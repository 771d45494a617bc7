"""An appeal (申诉) against a decision about a provider: filed within its term, decided with reasons by another person.

It does not hold up the decision unless the bureau says so (`stay`); a stayed decision takes effect again when the appeal is
dismissed or withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.adjustments import HARSH, AdjustmentKind
from marketplace.domain.lifecycle import Refused, Table, Transition, _


class AppealState(StrEnum):
    FILED = "filed"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Hearing:
    """What the guards look at. `decider`: who made the decision; `in_effect`: whether it is what the provider's state follows from."""

    decider: int | None
    viewer: int | None
    suspends: bool = False
    in_effect: bool = True


def another_person(subject: Hearing) -> Refused | None:
    """Nobody decides about an appeal against what they decided themselves."""
    if subject.viewer == subject.decider:
        return Refused("own_decision", _("这项决定由您作出，申诉须由另一人决定。"))
    return None


def may_stay(subject: Hearing) -> Refused | None:
    if subject.suspends:
        return Refused("stayed_already", _("申诉期间已经暂停执行。"))
    if not subject.in_effect:
        return Refused("not_in_effect", _("这项决定已不在执行，不用暂停。"))
    return None


_PROVIDER = (Role.PROVIDER,)
_BUREAU = (Role.BUREAU, Role.ADMIN)
_S = AppealState

TABLE: Table = (
    Transition((_S.FILED,), "stay", _S.FILED, _BUREAU, "申诉期间暂停执行", may_stay),
    Transition((_S.FILED,), "uphold", _S.UPHELD, _BUREAU, "申诉成立，撤销决定", another_person),
    Transition((_S.FILED,), "dismiss", _S.DISMISSED, _BUREAU, "维持决定", another_person),
    Transition((_S.FILED,), "withdraw", _S.WITHDRAWN, _PROVIDER, "撤回申诉"),
)


def check_filing(kind: AdjustmentKind, *, decided: bool, until: date | None, today: date, appealed: bool) -> Refused | None:
    """Whether an appeal may be filed today: against a decision that burdens, within its term, once."""
    if kind not in HARSH or not decided or until is None:
        return Refused("nothing_to_appeal", _("这项处理没有可以申诉的决定。"))
    if appealed:
        return Refused("appealed_already", _("对这项决定已经申诉过，一项决定只能申诉一次。"))
    if today > until:
        return Refused("appeal_term_over", _("申诉期限已于 {until} 24:00 届满，不能再申诉。"), {"until": until.isoformat()})
    return None
