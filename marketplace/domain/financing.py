"""专项融资 (financing): offers of banks and lessors, and enterprises that ask for one with papers of their project, by consent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text

LONGEST_TEXT = 4000


class OfferKind(StrEnum):
    LOAN = "loan"
    LEASE = "lease"
    GUARANTEE = "guarantee"
    FACTORING = "factoring"


# Kind → what people call it.
KINDS: dict[OfferKind, str] = {
    OfferKind.LOAN: _("技改贷款"),
    OfferKind.LEASE: _("设备融资租赁"),
    OfferKind.GUARANTEE: _("担保"),
    OfferKind.FACTORING: _("保理"),
}


class OfferState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class FinancingState(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    OFFERED = "offered"
    DECLINED = "declined"
    TAKEN = "taken"
    WITHDRAWN = "withdrawn"


_O, _S = OfferState, FinancingState
_CENTRE = (Role.CENTRE, Role.ADMIN)
_ENTERPRISE = (Role.ENTERPRISE,)
OFFERS: Table = (
    Transition((_O.DRAFT, _O.WITHDRAWN), "publish", _O.PUBLISHED, _CENTRE, "发布"),
    Transition((_O.PUBLISHED,), "withdraw", _O.WITHDRAWN, _CENTRE, "下架"),
)
# The bank answers the centre, and the centre writes it down.
TABLE: Table = (
    Transition((_S.DRAFT,), "send", _S.SENT, _ENTERPRISE, "送出"),
    Transition((_S.SENT,), "offer", _S.OFFERED, _CENTRE, "登记：机构同意"),
    Transition((_S.SENT,), "decline", _S.DECLINED, _CENTRE, "登记：机构不同意"),
    Transition((_S.OFFERED,), "take", _S.TAKEN, _CENTRE, "登记：已签约"),
    Transition((_S.DRAFT, _S.SENT, _S.OFFERED), "withdraw", _S.WITHDRAWN, (*_ENTERPRISE, *_CENTRE), "撤回"),
)
WITH_ANSWER = frozenset({"offer", "decline", "take"})


@dataclass(frozen=True)
class OfferDraft:
    """`rate`, `conditions`: as the institution words them."""

    institution: str
    product: str
    kind: str
    low_fen: int | None
    high_fen: int | None
    rate: str
    conditions: str
    contact: str


def check_offer(draft: OfferDraft) -> Iterator[tuple[str, Refused]]:
    yield from check_text("institution", _("机构"), draft.institution, most=100, required=True)
    yield from check_text("product", _("产品"), draft.product, most=100, required=True)
    yield from check_text("rate", _("利率或费率"), draft.rate, most=200, required=True)
    yield from check_text("conditions", _("条件"), draft.conditions, most=LONGEST_TEXT, required=True)
    yield from check_text("contact", _("联系方式"), draft.contact, most=200, required=True)
    if draft.kind not in set(OfferKind):
        yield "kind", Refused("unknown_kind", _("请选融资方式。"))
    if draft.high_fen is None or draft.high_fen <= 0 or (draft.low_fen or 0) < 0 or (draft.low_fen or 0) > draft.high_fen:
        yield "high", Refused("bad_range", _("额度没有填对：最高额度要大于 0，且不低于最低额度。"))


@dataclass(frozen=True)
class FinancingDraft:
    """`consent`: the enterprise agrees that these papers go to this institution, until that day."""

    fen: int | None
    purpose: str
    papers: tuple[str, ...]
    until: date | None
    consent: bool


def check_application(draft: FinancingDraft, *, today: date) -> Iterator[tuple[str, Refused]]:
    yield from check_text("purpose", _("用途"), draft.purpose, most=2000, required=True)
    if draft.fen is None or draft.fen <= 0:
        yield "amount", Refused("no_amount", _("金额没有填，或者不是数。"))
    if draft.papers and not draft.consent:
        yield "consent", Refused("no_consent", _("要把项目材料交给机构，请先勾选同意。"))
    if draft.papers and (draft.until is None or draft.until < today):
        yield "until", Refused("no_until", _("请写明材料可以查看到哪一天，不早于今天。"))


def may_still_read(until: date | None, state: FinancingState, today: date) -> bool:
    """Consent ends with its day, and with the application."""
    return until is not None and today <= until and state in (_S.SENT, _S.OFFERED, _S.TAKEN)
