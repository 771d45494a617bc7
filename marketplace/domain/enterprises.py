"""An enterprise of the pilot (实施主体): the check that page, import and API share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from marketplace.domain.credit_code import check_credit_code
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_count, check_text, check_words, check_year


@dataclass
class EnterpriseDraft:
    """An enterprise as it is typed. Sector and area are pilot keys, revenue in fen; None = not said."""

    code: str = ""
    name: str = ""
    sector: str = ""
    gbt4754: str = ""
    above_scale_years: list[str] = field(default_factory=list)
    chain_role: str = ""
    specialised: str = ""
    chain_place: str = ""
    revenue_fen: int | None = None
    staff: int | None = None
    main_products: str = ""


def check(draft: EnterpriseDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    if draft.code and (refused := check_credit_code(draft.code)):
        yield "code", refused
    yield from check_text("name", _("企业名称"), draft.name, most=200, required=True)
    if not draft.sector:
        yield "sector", Refused("required", _("行业没有填。"))
    # The four digits of GB/T 4754 are optional, but they must be digits.
    if draft.gbt4754 and not (draft.gbt4754.isascii() and draft.gbt4754.isdigit() and 2 <= len(draft.gbt4754) <= 4):
        yield (
            "gbt4754",
            Refused("not_an_industry", _("国民经济行业代码应是 2 到 4 位数字，如 2651，现在是“{code}”。"), {"code": draft.gbt4754}),
        )
    for year in draft.above_scale_years:
        yield from check_year("above_scale_years", _("规上年份"), int(year) if year.isdecimal() else -1)
    yield from check_words("above_scale_years", _("规上年份"), draft.above_scale_years)
    yield from check_text("chain_role", _("链主/龙头"), draft.chain_role, most=32)
    yield from check_text("specialised", _("专精特新"), draft.specialised, most=32)
    yield from check_text("chain_place", _("产业链位置"), draft.chain_place, most=100)
    if draft.revenue_fen is not None and draft.revenue_fen < 0:
        yield "revenue_wan", Refused("negative", _("营业收入不能是负数。"))
    yield from check_count("staff", _("人数"), draft.staff, most=10_000_000)
    yield from check_text("main_products", _("主要产品"), draft.main_products, most=2_000)
