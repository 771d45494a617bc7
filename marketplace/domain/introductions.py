"""An introduction (对接对象): one provider with one solution inside a brokering, and how the two sides answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.brokering_rules import BrokeringRules
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.providers import TAKES_NEW, ProviderState
from marketplace.domain.texts import check_text


class IntroductionState(StrEnum):
    """FROZEN: its provider takes no new work any more. WITHDRAWN: taken back by the centre or because the enterprise withdrew."""

    PROPOSED = "proposed"
    SENT = "sent"
    TALKING = "talking"
    QUOTED = "quoted"
    AWARDED = "awarded"
    NOT_CHOSEN = "not_chosen"
    DECLINED = "declined"
    LAPSED = "lapsed"
    FROZEN = "frozen"
    WITHDRAWN = "withdrawn"


class Side(StrEnum):
    ENTERPRISE = "enterprise"
    PROVIDER = "provider"


class Answer(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"


_S = IntroductionState
# In which something is still to happen; in which the two talk; in which nothing happens any more.
OPEN = frozenset({_S.PROPOSED, _S.SENT, _S.TALKING, _S.QUOTED, _S.AWARDED})
TALKS = frozenset({_S.TALKING, _S.QUOTED})
ENDED = frozenset(_S) - OPEN - {_S.FROZEN}
# The provider itself knows of it from here on.
TOLD = frozenset(_S) - {_S.PROPOSED}
# How an answer was given when somebody of the centre wrote it down.
WAYS = ("phone", "meeting", "wechat", "mail", "paper")


@dataclass(frozen=True)
class Standing:
    """What the guards look at. `answers`: side → answer; `due`: the last day of the side that is silent, with the days of grace."""

    answers: Mapping[str, str] = field(default_factory=dict)
    provider: ProviderState = ProviderState.ADMITTED
    quoted: bool = False
    today: date | None = None
    silent_until: date | None = None


def _takes_new(subject: Standing) -> Refused | None:
    if subject.provider in TAKES_NEW:
        return None
    return Refused("provider_takes_no_new", _("这家服务商目前不接新单（整改、暂停或已退出），不能发单。可以换一家。"))


def _out(subject: Standing) -> Refused | None:
    """Only a provider that takes no new work is frozen."""
    if subject.provider in TAKES_NEW:
        return Refused("provider_in_pool", _("这家服务商照常接单，不用冻结。"))
    return None


def both_accepted(subject: Standing) -> Refused | None:
    if all(subject.answers.get(side) == Answer.ACCEPTED for side in Side):
        return _takes_new(subject)
    return Refused("not_both", _("还要等另一方答复，双方都接受后才开始洽谈。"))


def _not_both(subject: Standing) -> Refused | None:
    return _takes_new(subject) if both_accepted(subject) is not None else Refused("both_accepted", _("双方都已接受。"))


def _some_declined(subject: Standing) -> Refused | None:
    if any(subject.answers.get(side) == Answer.DECLINED for side in Side):
        return None
    return Refused("nobody_declined", _("没有哪一方谢绝。"))


def _silent(subject: Standing) -> Refused | None:
    """Nobody is taken to be silent before the term and the days of grace are over."""
    if subject.silent_until is not None and subject.today is not None and subject.today > subject.silent_until:
        return None
    return Refused("term_runs", _("答复期限和宽限还没有过，不能按未答复处理。"))


def _has_quoted(subject: Standing) -> Refused | None:
    return None if subject.quoted else Refused("no_proposal", _("这家服务商还没有报价。"))


def _quoted_in_pool(subject: Standing) -> Refused | None:
    return _takes_new(subject) or _has_quoted(subject)


def _never_quoted(subject: Standing) -> Refused | None:
    return Refused("has_proposal", _("这家服务商已有报价。")) if subject.quoted else _takes_new(subject)


def _back_to_quoted(subject: Standing) -> Refused | None:
    return _takes_new(subject) or both_accepted(subject) or _has_quoted(subject)


def _back_to_talks(subject: Standing) -> Refused | None:
    return both_accepted(subject) or _never_quoted(subject)


_CENTRE = (Role.CENTRE, Role.ADMIN)
_ENTERPRISE = (Role.ENTERPRISE, *_CENTRE)
_SIDES = (Role.ENTERPRISE, Role.PROVIDER, *_CENTRE)
_OFFICE = (Role.CENTRE, Role.BUREAU, Role.ADMIN, Role.PROVIDER)

TABLE: Table = (
    Transition((_S.PROPOSED,), "send", _S.SENT, _ENTERPRISE, "发出", _takes_new),
    Transition((_S.SENT,), "agree", _S.TALKING, _SIDES, "双方接受，开始洽谈", both_accepted),
    Transition((_S.SENT, _S.TALKING, _S.QUOTED), "decline", _S.DECLINED, _SIDES, "谢绝", _some_declined),
    Transition((_S.SENT,), "lapse", _S.LAPSED, _CENTRE, "逾期未答复", _silent),
    Transition((_S.TALKING, _S.QUOTED), "quote", _S.QUOTED, (Role.PROVIDER, *_CENTRE), "报价", _takes_new),
    Transition((_S.QUOTED,), "award", _S.AWARDED, _ENTERPRISE, "选定", _quoted_in_pool),
    Transition((_S.TALKING, _S.QUOTED), "not_choose", _S.NOT_CHOSEN, _ENTERPRISE, "未选定"),
    Transition((_S.NOT_CHOSEN, _S.AWARDED), "reconsider", _S.QUOTED, _CENTRE, "重新列入比较", _quoted_in_pool),
    Transition((_S.NOT_CHOSEN,), "reconsider", _S.TALKING, _CENTRE, "重新洽谈", _never_quoted),
    Transition((_S.PROPOSED, _S.SENT, _S.TALKING, _S.QUOTED, _S.AWARDED), "freeze", _S.FROZEN, _OFFICE, "冻结", _out),
    # A provider that is back goes on where it was.
    Transition((_S.FROZEN,), "thaw", _S.QUOTED, _CENTRE, "恢复比较", _back_to_quoted),
    Transition((_S.FROZEN,), "thaw", _S.TALKING, _CENTRE, "恢复洽谈", _back_to_talks),
    Transition((_S.FROZEN,), "thaw", _S.SENT, _CENTRE, "恢复，重新征求答复", _not_both),
    Transition((_S.PROPOSED, _S.SENT, _S.TALKING, _S.QUOTED, _S.AWARDED, _S.FROZEN), "withdraw", _S.WITHDRAWN, _ENTERPRISE, "撤回"),
)


@dataclass
class AnswerDraft:
    """An answer as it is given. `way`, `said_on` and a proof only where somebody of the centre writes it down (代录)."""

    side: str = ""
    accepts: bool | None = None
    reason: str = ""
    text: str = ""
    way: str = ""


def check_answer(draft: AnswerDraft, rules: BrokeringRules, *, on_behalf: bool, has_proof: bool) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of an answer; nothing when it may be kept."""
    if draft.side not in set(Side):
        yield "side", Refused("required", _("{label}没有填。"), {"label": _("答复的一方")})
    if draft.accepts is None:
        yield "accepts", Refused("no_choice", _("还没有选接受还是谢绝。"))
    elif not draft.accepts:
        reason = rules.reason_of(draft.reason)
        if reason is None or draft.side not in reason.sides:
            yield "reason", Refused("no_reason_chosen", _("请选谢绝的原因，对方会看到，也用来改进推荐。"))
    yield from check_text("text", _("说明"), draft.text, most=2_000)
    if on_behalf and draft.way not in WAYS:
        yield "way", Refused("no_way", _("代录要写明对方怎样答复的：电话、当面、微信、邮件还是书面。"))
    if on_behalf and not has_proof:
        yield "proof", Refused("no_proof", _("代录要附上凭据（通话记录、聊天截图、盖章回函等）。"))


@dataclass
class ProposalDraft:
    """A proposal as it is typed: price in fen, and an answer to every criterion (id → (meets, text))."""

    price_fen: int | None = None
    weeks: int | None = None
    scope: str = ""
    valid_until: date | None = None
    answers: dict[int, tuple[str, str]] = field(default_factory=dict)


MEETS = ("yes", "partly", "no")
MOST_FEN = 10**14


def check_proposal(draft: ProposalDraft, criteria: Mapping[int, str], today: date) -> Iterator[tuple[str, Refused]]:
    """`criteria`: id → text. Every criterion is answered, or the proposals cannot be compared."""
    if draft.price_fen is None:
        yield "price_wan", Refused("required", _("{label}没有填。"), {"label": _("报价（万元）")})
    elif not 0 < draft.price_fen < MOST_FEN:
        yield "price_wan", Refused("price_range", _("报价应大于 0，以万元填写。"))
    if draft.weeks is None:
        yield "weeks", Refused("required", _("{label}没有填。"), {"label": _("工期（周）")})
    elif not 1 <= draft.weeks <= 520:
        yield "weeks", Refused("weeks_range", _("工期应在 1 到 520 周之间。"))
    yield from check_text("scope", _("供货和服务范围"), draft.scope, most=10_000, required=True)
    if draft.valid_until is None:
        yield "valid_until", Refused("required", _("{label}没有填。"), {"label": _("报价有效期")})
    elif draft.valid_until < today:
        yield (
            "valid_until",
            Refused("date_past", _("日期 {until} 已经过去。请填今天或以后的日期。"), {"until": draft.valid_until.isoformat()}),
        )
    for number, text in criteria.items():
        meets, said = draft.answers.get(number, ("", ""))
        if meets not in MEETS:
            yield f"meets_{number}", Refused("criterion_open", _("“{criterion}”还没有答复。"), {"criterion": text})
        yield from check_text(f"text_{number}", _("说明"), said, most=2_000)
