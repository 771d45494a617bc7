"""Dynamic adjustment (动态调整): one case for each decision about a provider, and what happens with it afterwards.

Rules or people propose, the bureau decides; suspension and retirement need two persons. A case of rectification goes on after
the decision until what was handed in is accepted or not. A decision falls only by an appeal that is upheld.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.providers import TABLE as PROVIDER_TABLE
from marketplace.domain.providers import ProviderState
from marketplace.domain.working_days import Calendar, days_left


class AdjustmentKind(StrEnum):
    """What is to be decided, the mildest first."""

    CLEAR = "clear"
    REINSTATE = "reinstate"
    WARN = "warn"
    RECTIFY = "rectify"
    SUSPEND = "suspend"
    RETIRE = "retire"


class AdjustmentState(StrEnum):
    """PAUSED: a rectification that rests while the provider is suspended or out; REVOKED: taken back by an upheld appeal."""

    PROPOSED = "proposed"
    CONFIRMING = "confirming"
    DECIDED = "decided"
    DROPPED = "dropped"
    RECTIFYING = "rectifying"
    HANDED_IN = "handed_in"
    PASSED = "passed"
    FAILED = "failed"
    PAUSED = "paused"
    REVOKED = "revoked"


_S, _K, _P = AdjustmentState, AdjustmentKind, ProviderState

SEVERITY: Mapping[AdjustmentKind, int] = {kind: number for number, kind in enumerate(AdjustmentKind)}
# What the decision does to the provider: the event of its table.
EVENTS: Mapping[AdjustmentKind, str] = {
    _K.CLEAR: "clear",
    _K.REINSTATE: "reinstate",
    _K.WARN: "warn",
    _K.RECTIFY: "order_rectification",
    _K.SUSPEND: "suspend",
    _K.RETIRE: "retire",
}
LEADS_TO: Mapping[AdjustmentKind, ProviderState] = {
    kind: next(ProviderState(row.to) for row in PROVIDER_TABLE if row.event == event) for kind, event in EVENTS.items()
}
# How a decision is taken back, and from 已入库 to where the provider was before it.
UNDO: Mapping[AdjustmentKind, str] = {_K.WARN: "clear", _K.RECTIFY: "reinstate", _K.SUSPEND: "reinstate", _K.RETIRE: "readmit"}
REDO: Mapping[ProviderState, tuple[str, ...]] = {
    _P.ADMITTED: (),
    _P.WARNED: ("warn",),
    _P.RECTIFYING: ("order_rectification",),
    _P.SUSPENDED: ("warn", "suspend"),
}
TWO_PERSONS = frozenset({_K.SUSPEND, _K.RETIRE})
# Whoever is treated worse may appeal.
HARSH = frozenset({_K.WARN, _K.RECTIFY, _K.SUSPEND, _K.RETIRE})
# Whoever has running work with the provider is told, and its running projects are flagged.
FLAGS = frozenset({_K.RECTIFY, _K.SUSPEND, _K.RETIRE})
OPEN = frozenset({_S.PROPOSED, _S.CONFIRMING})
RUNNING = frozenset({_S.RECTIFYING, _S.HANDED_IN})
# What was decided: the provider itself may read it from here on.
TOLD = frozenset(set(AdjustmentState) - OPEN - {_S.DROPPED})


@dataclass(frozen=True)
class Situation:
    """What the guards look at. `viewer`: who acts, `first`: who put the decision forward."""

    kind: AdjustmentKind
    today: date
    due: date | None = None
    extension_asked: bool = False
    extension_answered: bool = False
    first: int | None = None
    viewer: int | None = None


def one_person_suffices(subject: Situation) -> Refused | None:
    if subject.kind in TWO_PERSONS:
        return Refused("two_persons", _("暂停和淘汰须由两人决定：请先提请复核。"))
    return None


def _is_rectification(subject: Situation) -> Refused | None:
    return None if subject.kind == _K.RECTIFY else Refused("wrong_kind", _("这项处理不是限期整改。"))


def _is_no_rectification(subject: Situation) -> Refused | None:
    if subject.kind == _K.RECTIFY:
        return Refused("wrong_kind", _("限期整改要定期限。"))
    return one_person_suffices(subject)


def two_persons_needed(subject: Situation) -> Refused | None:
    return None if subject.kind in TWO_PERSONS else Refused("one_person", _("这项决定由一人作出即可，不用复核。"))


def another_person(subject: Situation) -> Refused | None:
    """The one who put a decision forward may not confirm it."""
    if subject.viewer == subject.first:
        return Refused("same_person", _("这项决定由您提出，须由另一人复核。"))
    return None


def the_same_person(subject: Situation) -> Refused | None:
    if subject.viewer != subject.first:
        return Refused("not_own", _("这项决定不是您提出的，不能由您撤回。"))
    return None


def within_term(subject: Situation) -> Refused | None:
    if subject.due is not None and subject.today > subject.due:
        due = {"due": subject.due.isoformat()}
        return Refused("term_over", _("整改期限已于 {due} 24:00 到期，不能再交。请联系区工信局。"), due)
    return None


def may_ask_extension(subject: Situation) -> Refused | None:
    """One extension, asked for in time."""
    if subject.extension_asked:
        return Refused("extension_once", _("延期只能申请一次，这项整改已经申请过。"))
    return within_term(subject)


def extension_waits(subject: Situation) -> Refused | None:
    if not subject.extension_asked:
        return Refused("extension_not_asked", _("服务商没有申请延期。"))
    if subject.extension_answered:
        return Refused("extension_once", _("延期只能答复一次，这项整改已经答复过。"))
    return None


def term_is_over(subject: Situation) -> Refused | None:
    """Before the term is over nobody has failed."""
    if subject.due is not None and subject.today > subject.due:
        return None
    return Refused("term_runs", _("整改期限还没有到，不能按逾期处理。"))


_PROVIDER = (Role.PROVIDER,)
_BUREAU = (Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((_S.PROPOSED,), "decide", _S.RECTIFYING, _BUREAU, "决定", _is_rectification),
    Transition((_S.PROPOSED,), "decide", _S.DECIDED, _BUREAU, "决定", _is_no_rectification),
    Transition((_S.PROPOSED,), "put_forward", _S.CONFIRMING, _BUREAU, "提请复核", two_persons_needed),
    Transition((_S.CONFIRMING,), "confirm", _S.DECIDED, _BUREAU, "复核同意", another_person),
    Transition((_S.CONFIRMING,), "reject", _S.PROPOSED, _BUREAU, "复核不同意", another_person),
    Transition((_S.CONFIRMING,), "take_back", _S.PROPOSED, _BUREAU, "撤回", the_same_person),
    Transition((_S.PROPOSED,), "drop", _S.DROPPED, _BUREAU, "不予处理"),
    Transition((_S.RECTIFYING,), "ask_extension", _S.RECTIFYING, _PROVIDER, "申请延期", may_ask_extension),
    Transition((_S.RECTIFYING,), "extend", _S.RECTIFYING, _BUREAU, "同意延期", extension_waits),
    Transition((_S.RECTIFYING,), "refuse_extension", _S.RECTIFYING, _BUREAU, "不同意延期", extension_waits),
    Transition((_S.RECTIFYING,), "hand_in", _S.HANDED_IN, _PROVIDER, "提交整改材料", within_term),
    Transition((_S.HANDED_IN,), "accept", _S.PASSED, _BUREAU, "整改通过"),
    Transition((_S.HANDED_IN,), "fail", _S.FAILED, _BUREAU, "整改未通过"),
    Transition((_S.RECTIFYING,), "fail", _S.FAILED, _BUREAU, "逾期未改", term_is_over),
    # A rectification rests while its provider is suspended, out, or its appeal stays the decision.
    Transition((_S.RECTIFYING, _S.HANDED_IN), "pause", _S.PAUSED, (*_BUREAU, Role.PROVIDER), "中止整改"),
    Transition((_S.PAUSED, _S.FAILED), "resume", _S.RECTIFYING, _BUREAU, "恢复整改"),
    Transition((_S.DECIDED, _S.RECTIFYING, _S.HANDED_IN, _S.PASSED, _S.FAILED, _S.PAUSED), "revoke", _S.REVOKED, _BUREAU, "撤销决定"),
)

# Which of the bureau's and the provider's buttons stand on the case's page; the others follow from other steps.
BUTTONS = ("decide", "put_forward", "confirm", "reject", "take_back", "drop", "extend", "refuse_extension", "accept", "fail")
OWN_BUTTONS = ("hand_in", "ask_extension")


def becomes(kind: AdjustmentKind, state: ProviderState) -> ProviderState | None:
    """The provider's state after the decision; None where it is not possible now."""
    event = EVENTS[kind]
    return next((ProviderState(row.to) for row in PROVIDER_TABLE if row.event == event and state in row.states), None)


def possible_kinds(state: ProviderState) -> tuple[AdjustmentKind, ...]:
    return tuple(kind for kind in AdjustmentKind if becomes(kind, state) is not None)


def check_proposal(kind: AdjustmentKind, state: ProviderState, *, rule: str, conduct: str, rectification_runs: bool) -> Refused | None:
    """Whether this may be proposed of a provider in this state; each step of the way follows from the one before."""
    if becomes(kind, state) is None:
        return Refused("not_possible", _("服务商现在的状态不能这样处理。请刷新后看它的状态。"))
    if kind == _K.REINSTATE and rectification_runs:
        return Refused("rectification_runs", _("整改还在进行，请在整改事项里验收，通过后自动恢复。"))
    # Nobody is thrown out unheard: either a rule says so, or serious conduct, or a rectification or suspension came before.
    heard = state in (_P.RECTIFYING, _P.SUSPENDED)
    if kind == _K.RETIRE and not (heard or rule or conduct):
        return Refused("not_heard", _("淘汰之前须先限期整改或暂停；有一票否决情形的，请选明是哪一种。"))
    return None


@dataclass(frozen=True)
class Ball:
    """Who has the ball: `who` (bureau, second, provider), what they do, until when, what follows."""

    who: str
    what: str
    due: date | None
    next: str


def ball(
    kind: AdjustmentKind, state: AdjustmentState, *, due: date | None, today: date, extension_waits: bool, decide_by: date | None
) -> Ball | None:
    """Who is next; None where the case is closed. `decide_by`: the bureau's own term of the present step."""
    if state == _S.PROPOSED:
        second = kind in TWO_PERSONS
        following = _("另一人复核，然后生效并送达") if second else _("决定生效，通知服务商")
        return Ball("bureau", _("决定或不予处理"), decide_by, following)
    if state == _S.CONFIRMING:
        return Ball("second", _("复核这项决定"), decide_by, _("决定生效，通知服务商和有关企业"))
    if state == _S.HANDED_IN:
        return Ball("bureau", _("验收整改材料"), decide_by, _("通过即恢复，不通过则提出暂停"))
    if state == _S.RECTIFYING and extension_waits:
        return Ball("bureau", _("答复延期申请"), due, _("服务商按新的期限整改"))
    if state == _S.RECTIFYING and due is not None and today > due:
        return Ball("bureau", _("整改逾期，决定怎样处理"), due, _("按逾期未改提出暂停"))
    if state == _S.RECTIFYING:
        return Ball("provider", _("整改并提交材料"), due, _("区工信局验收"))
    return None


def resumed_days(due: date | None, stopped: date, calendar: Calendar, *, least: int) -> int:
    """How many working days a rectification still has after a pause: what was left then, but never fewer than `least`."""
    return max(least, days_left(stopped, due, calendar)) if due is not None else least
