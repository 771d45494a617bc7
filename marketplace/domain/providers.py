"""A provider (专业化服务商): its states in the resource pool and what they mean for search and recommendation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from marketplace.domain.access import Role
from marketplace.domain.credit_code import check_credit_code
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_count, check_text, check_words, check_year


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
# In the pool, whatever it may do there; and out of it, so that it may apply again.
IN_POOL = (ProviderState.ADMITTED, ProviderState.WARNED, ProviderState.RECTIFYING, ProviderState.SUSPENDED)
OUT_OF_POOL = (ProviderState.RETIRED, ProviderState.LEFT)

_PROPOSED = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
_DECIDED = (Role.BUREAU, Role.ADMIN)

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
    Transition(IN_POOL, "retire", ProviderState.RETIRED, _DECIDED, "淘汰"),
    Transition(IN_POOL, "leave", ProviderState.LEFT, (Role.PROVIDER,), "主动退出"),
    # By a new application that was reviewed and admitted, or because the decision that put it out was taken back.
    Transition(OUT_OF_POOL, "readmit", ProviderState.ADMITTED, _PROPOSED, "重新入库"),
)


# The longest break of its own wish that a provider may announce.
LONGEST_BREAK = timedelta(days=366)


def told_state(state: ProviderState, *, involved: bool) -> ProviderState:
    """The state as it is told: warnings and rectifications are for staff and the provider itself, for others it is in the pool."""
    return state if involved or state not in SEARCHABLE else ProviderState.ADMITTED


def check_no_orders_until(until: date | None, today: date) -> Refused | None:
    """A break ends on a day of the coming year; None ends it at once."""
    if until is None or today <= until <= today + LONGEST_BREAK:
        return None
    if until < today:
        return Refused("date_past", _("日期 {until} 已经过去。请填今天或以后的日期。"), {"until": until.isoformat()})
    return Refused("break_too_long", _("暂不接新单最长一年。更长时间请考虑主动退出，以后重新申报。"))


def check_local_service(*, local_office: bool, local_commitment: bool) -> Refused | None:
    """Neither a local team or office nor a signed 本地化服务承诺: not recommended (plan, section 3.1.2)."""
    if local_office or local_commitment:
        return None
    return Refused("no_local_service", _("在本地没有团队或办公场地，也没有签署《本地化服务承诺》。"))


@dataclass
class ProviderDraft:
    """A provider as it is typed. Financials: rows of year, revenue_fen, profit_fen, debt_ratio (0–1)."""

    code: str = ""
    name: str = ""
    region: str = ""
    founded: int | None = None
    staff: int | None = None
    qualifications: list[str] = field(default_factory=list)
    financials: list[dict[str, Any]] = field(default_factory=list)
    experts: list[dict[str, Any]] = field(default_factory=list)
    summary: str = ""


def check(draft: ProviderDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    if draft.code and (refused := check_credit_code(draft.code)):
        yield "code", refused
    yield from check_text("name", _("服务商名称"), draft.name, most=200, required=True)
    yield from check_text("region", _("注册地"), draft.region, most=100)
    yield from check_year("founded", _("成立年份"), draft.founded)
    yield from check_count("staff", _("人数"), draft.staff, most=10_000_000)
    yield from check_words("qualifications", _("资质"), draft.qualifications)
    yield from check_text("summary", _("简介"), draft.summary, most=20_000)
    for year in draft.financials:
        yield from check_year("financials", _("财务年份"), year.get("year"))
        # A debt ratio is a share: 38 means that somebody wrote percent.
        ratio = year.get("debt_ratio")
        if ratio is not None and not 0 <= ratio <= 10:
            yield "financials", Refused("not_a_share", _("资产负债率应写成 0 到 1 的小数或百分数，现在是 {ratio}。"), {"ratio": ratio})
    if len(draft.experts) > 200:
        yield "experts", Refused("too_many", _("专家有 {count} 位，最多 {most} 位。"), {"count": len(draft.experts), "most": 200})
