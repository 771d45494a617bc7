"""Whether a project may be handed in: everything that is typed, taken together, against its class, its guide and the pilot's term."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.money import FEN_PER_WAN, exact_text
from marketplace.domain.project_plans import (
    SECTION_WORDS,
    TEXTS,
    BasicDraft,
    CostDraft,
    Direction,
    IndicatorDraft,
    MemberDraft,
    MilestoneDraft,
    Section,
    SupplierDraft,
    sum_fen,
)
from marketplace.domain.project_rules import ClassRules, ProjectRules
from marketplace.domain.projects import ProjectClass, SupplierRole

# Shares are typed in percent; their sum may miss the whole by no more than rounding does.
ROUNDING = 0.0005
WHOLE_WEIGHT = 100


class Fault(NamedTuple):
    """What is wrong, and where it is mended."""

    section: Section
    field: str
    refused: Refused


@dataclass(frozen=True)
class NamedSupplier:
    draft: SupplierDraft
    name: str = ""
    in_pool: bool = True


@dataclass(frozen=True)
class Whole:
    """A project as it stands, with what is known of its applicant. `documents`: keys of those that are attached."""

    project_class: ProjectClass = ProjectClass.CENTRAL
    basic: BasicDraft = field(default_factory=BasicDraft)
    texts: Mapping[str, str] = field(default_factory=dict)
    problems: int = 0
    members: tuple[MemberDraft, ...] = ()
    suppliers: tuple[NamedSupplier, ...] = ()
    indicators: tuple[IndicatorDraft, ...] = ()
    costs: tuple[CostDraft, ...] = ()
    milestones: tuple[MilestoneDraft, ...] = ()
    documents: frozenset[str] = frozenset()
    is_enterprise: bool = True
    above_scale: bool = False
    diagnosed: bool = False


def check_project(whole: Whole, rules: ProjectRules, *, documents: Iterable[str] = (), left_fen: int | None = None) -> Iterator[Fault]:
    """All that has to be mended before it is handed in, in the order of the form. `documents`: what the guide asks for;
    `left_fen`: all the money of the guide, None where it names none."""
    own = rules.of(whole.project_class)
    yield from _basic(whole, rules, own)
    yield from _money(whole, rules, own, left_fen)
    for kind in TEXTS:
        if kind.required and not whole.texts.get(kind.key, "").strip():
            yield Fault(Section.CONTENT, kind.key, Refused("required", _("{label}没有填。"), {"label": kind.word}))
    if whole.is_enterprise and not whole.problems and whole.project_class != ProjectClass.OTHER:
        yield Fault(Section.PROBLEMS, "problem", Refused("no_problem", _("还没有选项目要解决的问题。")))
    yield from _members(whole)
    yield from _suppliers(whole, rules, own)
    yield from _indicators(whole)
    yield from _costs(whole)
    yield from _milestones(whole)
    for key in documents:
        found = rules.document(key)
        if found is not None and key not in whole.documents:
            yield Fault(Section.DOCUMENTS, key, Refused("no_document", _("缺少材料：{name}。"), {"name": found.name}))


def _basic(whole: Whole, rules: ProjectRules, own: ClassRules) -> Iterator[Fault]:
    basic, here = whole.basic, Section.BASIC
    if not whole.is_enterprise and not own.for_services:
        message = _("{name}只支持企业申报，服务机构不能申报。")
        yield Fault(here, "title", Refused("not_for_services", message, {"name": own.name}))
    for name, label, value in (
        ("title", _("项目名称"), basic.title.strip()),
        ("level", _("层面"), basic.level),
        ("area", _("所在园区、街道"), basic.area),
        ("sector", _("行业"), basic.sector),
        ("orientations", _("转型方向"), basic.orientations),
        ("starts", _("开工日期"), basic.starts),
        ("ends", _("完工日期"), basic.ends),
    ):
        if not value:
            yield Fault(here, name, Refused("required", _("{label}没有填。"), {"label": label}))
    if basic.starts and basic.ends and basic.ends < basic.starts:
        yield Fault(here, "ends", Refused("ends_before_start", _("完工日期早于开工日期。")))
    term = {"first": rules.first_day.isoformat(), "last": rules.last_day.isoformat()}
    for name, value in (("starts", basic.starts), ("ends", basic.ends)):
        if isinstance(value, date) and not rules.first_day <= value <= rules.last_day:
            yield Fault(here, name, Refused("outside_term", _("项目的起止日期要在试点实施期内（{first} 至 {last}）。"), term))
    if own.no_double_support and not basic.promised:
        message = _("请承诺同一内容没有、也不再申请其他国家财政资金。")
        yield Fault(here, "promised", Refused("not_promised", message))


def _money(whole: Whole, rules: ProjectRules, own: ClassRules, left_fen: int | None) -> Iterator[Fault]:
    """What is asked for against the total, the costs that count, the cap of the class and all the money of the guide."""
    basic, here = whole.basic, Section.BASIC
    total, asked = basic.total_fen or 0, basic.asked_fen or 0
    if total <= 0:
        yield Fault(here, "total_fen", Refused("required", _("{label}没有填。"), {"label": _("总投资")}))
    elif total < own.least_total_wan * FEN_PER_WAN:
        values = {"name": own.name, "least": _wan(own.least_total_wan * FEN_PER_WAN), "now": _wan(total)}
        yield Fault(here, "total_fen", Refused("total_too_small", _("{name}的总投资至少 {least} 万元，现在是 {now} 万元。"), values))
    if asked <= 0:
        yield Fault(here, "asked_fen", Refused("required", _("{label}没有填。"), {"label": _("申请支持金额")}))
        return
    supported = supported_fen(whole.costs, rules)
    share = {"share": f"{own.subsidy_share:.0%}", "now": _wan(asked)}
    if total > 0 and asked > share_fen(total, own.subsidy_share):
        values = {**share, "most": _wan(share_fen(total, own.subsidy_share))}
        message = _("申请 {now} 万元，超过总投资的 {share}（{most} 万元）。")
        yield Fault(here, "asked_fen", Refused("over_share_of_total", message, values))
    elif whole.costs and asked > share_fen(supported, own.subsidy_share):
        values = {**share, "most": _wan(share_fen(supported, own.subsidy_share)), "supported": _wan(supported)}
        message = _("申请 {now} 万元，超过可支持费用 {supported} 万元的 {share}（{most} 万元）；土建等不计入可支持费用。")
        yield Fault(here, "asked_fen", Refused("over_share_of_supported", message, values))
    cap = own.cap_wan(basic.level) * FEN_PER_WAN
    if cap and asked > cap:
        yield Fault(
            here,
            "asked_fen",
            Refused("over_cap", _("这一类项目最高支持 {most} 万元，现在申请 {now} 万元。"), {"most": _wan(cap), "now": _wan(asked)}),
        )
    if left_fen is not None and asked > left_fen:
        values = {"most": _wan(left_fen), "now": _wan(asked)}
        yield Fault(here, "asked_fen", Refused("over_budget", _("申请 {now} 万元，超过指南的资金总额 {most} 万元。"), values))


def supported_fen(costs: Iterable[CostDraft], rules: ProjectRules) -> int:
    """The costs that count for the subsidy."""
    counted = {kind.key for kind in rules.costs if kind.supported}
    return sum_fen(row.amount_fen for row in costs if row.kind in counted)


def share_fen(total_fen: int, share: float) -> int:
    """A share of an amount, to the fen below. Shares are percentages with two decimals at most, so that no float rounds it up."""
    return total_fen * round(share * 10_000) // 10_000


def _wan(fen: float) -> str:
    return exact_text(int(fen))


def _members(whole: Whole) -> Iterator[Fault]:
    here = Section.MEMBERS
    if whole.basic.level != "point" and not whole.members:
        yield Fault(here, "members", Refused("no_members", _("线、面的项目要写明成员企业和各自的分工。")))
    if whole.basic.level == "point" and whole.members:
        yield Fault(Section.BASIC, "level", Refused("members_of_a_point", _("点的项目只有一家企业，请去掉成员企业，或者改为线、面。")))
    if sum(row.share or 0 for row in whole.members) > 1 + ROUNDING:
        yield Fault(here, "members", Refused("shares_over", _("成员企业的投资占比合计超过 100%。")))
    for number, row in enumerate(whole.members):
        if not row.content.strip():
            yield Fault(here, f"{number}.content", Refused("required", _("{label}没有填。"), {"label": _("分工")}))


def _suppliers(whole: Whole, rules: ProjectRules, own: ClassRules) -> Iterator[Fault]:
    here, rows = Section.SUPPLIERS, whole.suppliers
    if not rows:
        if whole.project_class != ProjectClass.OTHER:
            yield Fault(here, "suppliers", Refused("no_supplier", _("还没有写承担项目的服务商。")))
        return
    if abs(sum(row.draft.share or 0 for row in rows) - 1) > ROUNDING:
        now = f"{sum(row.draft.share or 0 for row in rows):.1%}"
        yield Fault(here, "suppliers", Refused("shares_not_whole", _("各服务商的占比合计要是 100%，现在是 {now}。"), {"now": now}))
    roles = [row.draft.role for row in rows]
    if SupplierRole.SUB in roles and SupplierRole.GENERAL not in roles:
        yield Fault(here, "suppliers", Refused("no_general", _("有分包的项目要有一家总包。")))
    if own.needs_pool:
        yield from outside_pool(whole)
    for number, row in enumerate(rows):
        signed = row.draft.signed
        if signed is not None and not rules.first_day <= signed <= rules.last_day:
            values = {"name": row.name, "first": rules.first_day.isoformat(), "last": rules.last_day.isoformat()}
            message = _("与{name}的合同签订日期不在试点实施期内（{first} 至 {last}）。")
            yield Fault(here, f"{number}.signed", Refused("contract_outside_term", message, values))
    contracts = sum_fen(row.draft.contract_fen for row in rows if row.draft.role != SupplierRole.SUB)
    if whole.basic.total_fen and contracts > whole.basic.total_fen:
        message = _("合同金额合计 {sum} 万元，超过总投资。")
        yield Fault(here, "suppliers", Refused("contracts_over_total", message, {"sum": _wan(contracts)}))


def outside_pool(whole: Whole) -> Iterator[Fault]:
    """The suppliers that are not in the pool."""
    for number, row in enumerate(whole.suppliers):
        if not row.in_pool:
            message = _("{name}不在资源池内，这一类项目的服务商要在资源池里选。")
            yield Fault(Section.SUPPLIERS, f"{number}.provider", Refused("supplier_not_in_pool", message, {"name": row.name}))


def _indicators(whole: Whole) -> Iterator[Fault]:
    here, rows = Section.INDICATORS, whole.indicators
    if not rows:
        if whole.project_class != ProjectClass.OTHER:
            yield Fault(here, "indicators", Refused("no_indicator", _("绩效指标表还没有填。")))
        return
    weights = sum(row.weight or 0 for row in rows)
    if weights != WHOLE_WEIGHT:
        yield Fault(here, "indicators", Refused("weights_not_whole", _("指标的权重合计要是 100，现在是 {now}。"), {"now": weights}))
    for number, row in enumerate(rows):
        if row.baseline is None or row.target is None:
            continue
        rises = row.target > row.baseline
        if row.target == row.baseline or rises != (row.direction == Direction.UP):
            message = _("“{name}”的目标和方向不一致：比改造前没有变好。")
            yield Fault(here, f"{number}.target", Refused("target_not_better", message, {"name": row.name}))


def _costs(whole: Whole) -> Iterator[Fault]:
    here, rows, basic = Section.COSTS, whole.costs, whole.basic
    if not rows:
        yield Fault(here, "costs", Refused("no_costs", _("经费使用计划还没有填。")))
        return
    for number, row in enumerate(rows):
        if (row.amount_fen or 0) != (row.fiscal_fen or 0) + (row.own_fen or 0):
            message = _("第 {row} 行的财政资金加自筹资金不等于金额。")
            yield Fault(here, f"{number}.amount_fen", Refused("line_does_not_add_up", message, {"row": number + 1}))
        if not _within(row, basic):
            message = _("第 {row} 行的季度不在项目的起止日期之间。")
            yield Fault(here, f"{number}.quarter", Refused("cost_outside_project", message, {"row": number + 1}))
    amount, fiscal = sum_fen(row.amount_fen for row in rows), sum_fen(row.fiscal_fen for row in rows)
    if basic.total_fen and amount != basic.total_fen:
        values = {"sum": _wan(amount), "total": _wan(basic.total_fen)}
        yield Fault(here, "costs", Refused("costs_not_total", _("各行金额合计 {sum} 万元，与总投资 {total} 万元不一致。"), values))
    if basic.asked_fen and fiscal != basic.asked_fen:
        values = {"sum": _wan(fiscal), "asked": _wan(basic.asked_fen)}
        message = _("各行财政资金合计 {sum} 万元，与申请支持金额 {asked} 万元不一致。")
        yield Fault(here, "costs", Refused("fiscal_not_asked", message, values))


def _within(row: CostDraft, basic: BasicDraft) -> bool:
    """Whether the quarter touches the project. Unknown days say nothing."""
    if basic.starts is None or basic.ends is None or row.year is None or row.quarter is None:
        return True
    first, last = ((day.year, (day.month + 2) // 3) for day in (basic.starts, basic.ends))
    return first <= (row.year, row.quarter) <= last


def _milestones(whole: Whole) -> Iterator[Fault]:
    here, rows, basic = Section.MILESTONES, whole.milestones, whole.basic
    if not rows and whole.project_class != ProjectClass.OTHER:
        yield Fault(here, "milestones", Refused("no_milestone", _("里程碑还没有填。")))
    for number, row in enumerate(rows):
        if row.planned and basic.starts and basic.ends and not basic.starts <= row.planned <= basic.ends:
            message = _("“{title}”的计划日期不在项目的起止日期之间。")
            yield Fault(here, f"{number}.planned", Refused("milestone_outside_project", message, {"title": row.title}))


def section_word(section: Section) -> str:
    return SECTION_WORDS[section]
