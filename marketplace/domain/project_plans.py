"""What an applicant fills in for a project, section by section, and what may be stored of it. Whether it is whole is project_checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.projects import SupplierRole
from marketplace.domain.texts import check_text

MOST_TEXT = 10_000
MOST_ROWS = 100
# More than any project of a city is worth, and less than what a column holds.
MOST_FEN = 10**15
MOST_FIGURE = 1e12


class Direction(StrEnum):
    """Whether an indicator is to rise or to fall."""

    UP = "up"
    DOWN = "down"


class Section(StrEnum):
    """The parts of the form, in their order; each is saved by itself."""

    BASIC = "basic"
    CONTENT = "content"
    PROBLEMS = "problems"
    MEMBERS = "members"
    SUPPLIERS = "suppliers"
    INDICATORS = "indicators"
    COSTS = "costs"
    MILESTONES = "milestones"
    DOCUMENTS = "documents"


DIRECTION_WORDS = {Direction.UP: _("上升为好"), Direction.DOWN: _("下降为好")}
SECTION_WORDS: dict[Section, str] = {
    Section.BASIC: _("基本情况"),
    Section.CONTENT: _("实施方案"),
    Section.PROBLEMS: _("解决的问题"),
    Section.MEMBERS: _("成员企业"),
    Section.SUPPLIERS: _("服务商"),
    Section.INDICATORS: _("绩效指标表"),
    Section.COSTS: _("经费使用计划"),
    Section.MILESTONES: _("里程碑"),
    Section.DOCUMENTS: _("申报材料"),
}


def sections_of(level: str, *, is_enterprise: bool) -> tuple[Section, ...]:
    """The sections that a project has: members where several enterprises take part, problems where there is a problem list."""
    without = {Section.MEMBERS} if level == "point" else set()
    if not is_enterprise:
        without.add(Section.PROBLEMS)
    return tuple(section for section in Section if section not in without)


@dataclass(frozen=True)
class TextKind:
    """One text of the implementation plan."""

    key: str
    word: str
    help: str
    required: bool = True


TEXTS: tuple[TextKind, ...] = (
    TextKind("background", _("现状和要解决的问题"), _("现在怎样，差在哪里，为什么现在改")),
    TextKind("content", _("改造内容和技术路线"), _("做什么，用什么设备和软件，分几步")),
    TextKind("effect", _("预期成效"), _("做完以后哪些数会变，变多少，依据是什么")),
    TextKind("organisation", _("组织和资金保障"), _("谁负责，自筹资金从哪里来"), required=False),
    TextKind("risks", _("风险和对策"), _("可能出什么问题，怎样应对"), required=False),
)


@dataclass(frozen=True)
class BasicDraft:
    """Keys of the pilot for level, area, sector and orientations. `promised`: no national money has been, or will be, taken for the same."""

    title: str = ""
    level: str = "point"
    area: str = ""
    sector: str = ""
    orientations: tuple[str, ...] = ()
    scenario_codes: tuple[str, ...] = ()
    starts: date | None = None
    ends: date | None = None
    total_fen: int | None = None
    asked_fen: int | None = None
    promised: bool = False


@dataclass(frozen=True)
class MemberDraft:
    enterprise_id: int
    content: str = ""
    share: float | None = 0.0


@dataclass(frozen=True)
class SupplierDraft:
    """`public_id`: of a row that is there already, so that it stays the same one; "" for a new one."""

    provider_id: int
    role: str = SupplierRole.GENERAL
    content: str = ""
    contract_number: str = ""
    contract_fen: int | None = None
    signed: date | None = None
    share: float | None = 1.0
    public_id: str = ""


@dataclass(frozen=True)
class IndicatorDraft:
    name: str = ""
    unit: str = ""
    direction: str = Direction.UP
    baseline: float | None = None
    target: float | None = None
    weight: int | None = None
    evidence: str = ""


@dataclass(frozen=True)
class CostDraft:
    """A line of the fund-use plan: `fiscal_fen` is asked of public money, `own_fen` paid by the applicant."""

    year: int | None = None
    quarter: int | None = None
    kind: str = ""
    item: str = ""
    amount_fen: int | None = None
    fiscal_fen: int | None = 0
    own_fen: int | None = 0
    basis: str = ""


@dataclass(frozen=True)
class MilestoneDraft:
    title: str = ""
    planned: date | None = None


@dataclass(frozen=True)
class Known:
    """What a row may speak of: providers and enterprises that exist, kinds of cost of the pilot."""

    providers: frozenset[int] = frozenset()
    enterprises: frozenset[int] = frozenset()
    costs: frozenset[str] = field(default_factory=frozenset)


Faults = Iterator[tuple[str, Refused]]


def check_basic(draft: BasicDraft) -> Faults:
    """What cannot be stored. A draft may be half empty, but it has a name."""
    yield from check_text("title", _("项目名称"), draft.title, most=200, required=True)
    for name, value, most in (("level", draft.level, 16), ("area", draft.area, 64), ("sector", draft.sector, 32)):
        if len(value) > most:
            yield name, Refused("unknown_word", _("这一项不在可选的范围里，请重新选。"))
    yield from _amount("total_fen", _("总投资"), draft.total_fen)
    yield from _amount("asked_fen", _("申请支持金额"), draft.asked_fen)
    if draft.starts is not None and draft.ends is not None and draft.ends < draft.starts:
        yield "ends", Refused("ends_before_start", _("完工日期早于开工日期。"))


def check_texts(texts: Mapping[str, str]) -> Faults:
    for kind in TEXTS:
        yield from check_text(kind.key, kind.word, texts.get(kind.key, ""), most=MOST_TEXT)


def check_members(rows: Sequence[MemberDraft], known: Known, *, most: int) -> Faults:
    yield from _count("members", rows, most)
    chosen = [row.enterprise_id for row in rows]
    for number, row in enumerate(rows):
        if row.enterprise_id not in known.enterprises or chosen.count(row.enterprise_id) > 1:
            yield f"{number}.enterprise", Refused("unknown_member", _("第 {row} 行的企业没有找到，或者写了两次。"), {"row": number + 1})
        yield from check_text(f"{number}.content", _("分工"), row.content, most=2_000)
        yield from _share(number, row.share)


def check_suppliers(rows: Sequence[SupplierDraft], known: Known, *, most: int) -> Faults:
    yield from _count("suppliers", rows, most)
    for number, row in enumerate(rows):
        if row.provider_id not in known.providers:
            yield f"{number}.provider", Refused("unknown_provider", _("第 {row} 行的服务商没有找到，请从列表里选。"), {"row": number + 1})
        if row.role not in tuple(SupplierRole):
            yield f"{number}.role", Refused("required", _("{label}没有填。"), {"label": _("角色")})
        yield from check_text(f"{number}.content", _("承担的内容"), row.content, most=2_000)
        yield from check_text(f"{number}.contract_number", _("合同编号"), row.contract_number, most=64)
        yield from _amount(f"{number}.contract_fen", _("合同金额"), row.contract_fen)
        yield from _share(number, row.share)


def check_indicators(rows: Sequence[IndicatorDraft]) -> Faults:
    yield from _count("indicators", rows, MOST_ROWS)
    for number, row in enumerate(rows):
        yield from check_text(f"{number}.name", _("指标"), row.name, most=100, required=True)
        yield from check_text(f"{number}.unit", _("单位"), row.unit, most=32)
        yield from check_text(f"{number}.evidence", _("考核方式"), row.evidence, most=2_000)
        if row.direction not in tuple(Direction):
            yield f"{number}.direction", Refused("required", _("{label}没有填。"), {"label": _("方向")})
        for name, label, value in (("baseline", _("改造前"), row.baseline), ("target", _("目标"), row.target)):
            if value is None or abs(value) > MOST_FIGURE:
                yield f"{number}.{name}", Refused("no_number", _("第 {row} 行的{label}要填一个数。"), {"row": number + 1, "label": label})
        if row.weight is None or not 0 < row.weight <= 100:
            yield f"{number}.weight", Refused("bad_weight", _("第 {row} 行的权重是 1 到 100 的整数。"), {"row": number + 1})


def check_costs(rows: Sequence[CostDraft], known: Known) -> Faults:
    """Every line adds up by itself; whether all of them do is for the whole."""
    yield from _count("costs", rows, MOST_ROWS)
    for number, row in enumerate(rows):
        place = {"row": number + 1}
        if row.year is None or not 2000 <= row.year <= 2100 or row.quarter not in (1, 2, 3, 4):
            yield f"{number}.quarter", Refused("no_quarter", _("第 {row} 行的年份和季度没有填对。"), place)
        if row.kind not in known.costs:
            yield f"{number}.kind", Refused("no_cost_kind", _("第 {row} 行的费用类别没有选。"), place)
        yield from check_text(f"{number}.item", _("用途"), row.item, most=200, required=True)
        yield from check_text(f"{number}.basis", _("测算依据"), row.basis, most=2_000)
        parts = (row.amount_fen, row.fiscal_fen, row.own_fen)
        if any(part is None or part < 0 or part > MOST_FEN for part in parts) or not row.amount_fen:
            yield f"{number}.amount_fen", Refused("no_amount", _("第 {row} 行的金额没有填对：不能是负数，合计要大于 0。"), place)
        elif row.amount_fen != (row.fiscal_fen or 0) + (row.own_fen or 0):
            message = _("第 {row} 行的财政资金加自筹资金不等于金额。")
            yield f"{number}.amount_fen", Refused("line_does_not_add_up", message, place)


def check_milestones(rows: Sequence[MilestoneDraft]) -> Faults:
    yield from _count("milestones", rows, MOST_ROWS)
    for number, row in enumerate(rows):
        yield from check_text(f"{number}.title", _("里程碑"), row.title, most=200, required=True)
        if row.planned is None:
            yield f"{number}.planned", Refused("no_day", _("第 {row} 行的计划日期没有填，请写成 2026-11-20。"), {"row": number + 1})


def _count(name: str, rows: Sequence[object], most: int) -> Faults:
    if len(rows) > most:
        yield name, Refused("too_many_rows", _("这一部分最多 {most} 行。"), {"most": most})


def _amount(name: str, label: str, fen: int | None) -> Faults:
    if fen is not None and not 0 <= fen <= MOST_FEN:
        yield name, Refused("bad_amount", _("{label}不能是负数，也不能大于 10 亿万元。"), {"label": label})


def _share(number: int, share: float | None) -> Faults:
    if share is None or not 0 <= share <= 1:
        yield f"{number}.share", Refused("bad_share", _("第 {row} 行的占比是 0 到 100 之间的数。"), {"row": number + 1})


def sum_fen(amounts: Iterable[int | None]) -> int:
    return sum(amount or 0 for amount in amounts)
