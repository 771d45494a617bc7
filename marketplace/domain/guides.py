"""申报指南: the bureau's call for projects of one class, with its conditions as data, its money and its term."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import FEN_PER_WAN, exact_text
from marketplace.domain.project_checks import Fault, Whole, outside_pool
from marketplace.domain.project_plans import MOST_FEN, Section
from marketplace.domain.projects import ProjectClass
from marketplace.domain.texts import check_text


class GuideState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"
    ANNOUNCED = "announced"


_BUREAU = (Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((GuideState.DRAFT,), "publish", GuideState.PUBLISHED, _BUREAU, "发布指南"),
    Transition((GuideState.PUBLISHED,), "close", GuideState.CLOSED, _BUREAU, "截止申报"),
    Transition((GuideState.CLOSED,), "announce", GuideState.ANNOUNCED, _BUREAU, "公布结果"),
)

# What everybody reads.
PUBLIC = frozenset({GuideState.PUBLISHED, GuideState.CLOSED, GuideState.ANNOUNCED})
MOST_CONDITIONS = 50


class Rule(StrEnum):
    """The conditions that a submission is checked by. TEXT is for people to read."""

    LEAST_TOTAL = "least_total"
    MOST_TOTAL = "most_total"
    SECTORS = "sectors"
    LEVELS = "levels"
    AREAS = "areas"
    FINISH_BY = "finish_by"
    ABOVE_SCALE = "above_scale"
    DIAGNOSED = "diagnosed"
    NO_DOUBLE_SUPPORT = "no_double_support"
    SUPPLIERS_IN_POOL = "suppliers_in_pool"
    TEXT = "text"


# What a rule needs: an amount in 万元, keys of the pilot of one kind, a day, or nothing.
AMOUNTS = frozenset({Rule.LEAST_TOTAL, Rule.MOST_TOTAL})
KEYS: Mapping[Rule, str] = {Rule.SECTORS: "sector", Rule.LEVELS: "level", Rule.AREAS: "area"}
FLAGS = frozenset({Rule.ABOVE_SCALE, Rule.DIAGNOSED, Rule.NO_DOUBLE_SUPPORT, Rule.SUPPLIERS_IN_POOL})
RULE_WORDS: dict[Rule, str] = {
    Rule.LEAST_TOTAL: _("总投资不少于"),
    Rule.MOST_TOTAL: _("总投资不超过"),
    Rule.SECTORS: _("行业限于"),
    Rule.LEVELS: _("层面限于"),
    Rule.AREAS: _("所在区域限于"),
    Rule.FINISH_BY: _("完工不晚于"),
    Rule.ABOVE_SCALE: _("申报单位是规上企业"),
    Rule.DIAGNOSED: _("已在平台完成评估诊断"),
    Rule.NO_DOUBLE_SUPPORT: _("承诺不重复申报财政资金"),
    Rule.SUPPLIERS_IN_POOL: _("服务商都在资源池内"),
    Rule.TEXT: _("文字条件"),
}


@dataclass(frozen=True)
class GuideDraft:
    """A guide as it is typed. It takes submissions from `opens` to `closes`, that day until 24:00.

    `conditions`: rows of {rule, value, text}. `levels`, `sectors`, `orientations`: what is supported first, for people to read."""

    project_class: str = ProjectClass.CENTRAL
    title: str = ""
    text: str = ""
    levels: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    orientations: tuple[str, ...] = ()
    conditions: tuple[Mapping[str, Any], ...] = ()
    documents: tuple[str, ...] = ()
    budget_fen: int | None = None
    opens: date | None = None
    closes: date | None = None


def check(draft: GuideDraft, *, documents: Iterable[str] | None = None) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be kept. `documents`: those that the pilot knows for a submission."""
    if draft.project_class not in tuple(ProjectClass):
        yield "project_class", Refused("required", _("{label}没有填。"), {"label": _("项目类别")})
    yield from check_text("title", _("标题"), draft.title, most=200, required=True)
    yield from check_text("text", _("正文"), draft.text, most=50_000, required=True)
    for name, label, day in (("opens", _("开始日期"), draft.opens), ("closes", _("截止日期"), draft.closes)):
        if day is None:
            yield name, Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": label})
    if draft.opens is not None and draft.closes is not None and draft.closes < draft.opens:
        yield "closes", Refused("closes_before_it_opens", _("截止日期早于开始日期。"))
    if draft.budget_fen is not None and not 0 < draft.budget_fen <= MOST_FEN:
        yield "budget", Refused("bad_budget", _("资金总额要大于 0；不限额的留空。"))
    if documents is not None and set(draft.documents) - set(documents):
        yield "documents", Refused("unknown_document", _("没有这一项材料，请刷新页面后重新选。"))
    if len(draft.conditions) > MOST_CONDITIONS:
        yield "conditions", Refused("too_many_rows", _("这一部分最多 {most} 行。"), {"most": MOST_CONDITIONS})
    for number, row in enumerate(draft.conditions):
        yield from check_condition(number, row)


def check_condition(number: int, row: Mapping[str, Any]) -> Iterator[tuple[str, Refused]]:
    """A condition says what it needs, and in the form that its rule takes."""
    place, value = f"{number}.value", row.get("value")
    if row.get("rule") not in tuple(Rule):
        yield f"{number}.rule", Refused("unknown_rule", _("第 {row} 条条件没有选是哪一种。"), {"row": number + 1})
        return
    rule = Rule(row["rule"])
    yield from check_text(f"{number}.text", _("条件"), str(row.get("text", "")), most=1_000, required=rule is Rule.TEXT)
    if rule in AMOUNTS and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MOST_FEN / FEN_PER_WAN):
        yield place, Refused("no_amount_of_rule", _("第 {row} 条条件要填金额（万元），大于 0。"), {"row": number + 1})
    elif rule in KEYS and not (isinstance(value, list) and value and all(isinstance(key, str) for key in value)):
        yield place, Refused("no_keys_of_rule", _("第 {row} 条条件至少要选一项。"), {"row": number + 1})
    elif rule is Rule.FINISH_BY and day_of(value) is None:
        yield place, Refused("no_day_of_rule", _("第 {row} 条条件要填日期，请写成 2026-11-20。"), {"row": number + 1})


def day_of(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def check_conditions(whole: Whole, conditions: Iterable[Mapping[str, Any]], words: Mapping[str, str] | None = None) -> Iterator[Fault]:
    """The conditions of a guide that a project does not fulfil, a sentence each. `words`: the pilot's key → its name."""
    known = words or {}
    for row in conditions:
        if row.get("rule") in tuple(Rule):
            yield from _broken(whole, Rule(row["rule"]), row.get("value"), known)


def _broken(whole: Whole, rule: Rule, value: Any, words: Mapping[str, str]) -> Iterator[Fault]:
    basic, here = whole.basic, Section.BASIC
    if rule in AMOUNTS:
        bound = round(float(value) * FEN_PER_WAN)
        total = basic.total_fen
        if total is not None and rule is Rule.LEAST_TOTAL and total < bound:
            message = _("指南要求总投资不少于 {bound} 万元，现在是 {now} 万元。")
            yield Fault(here, "total_fen", Refused("guide_least_total", message, {"bound": exact_text(bound), "now": exact_text(total)}))
        if total is not None and rule is Rule.MOST_TOTAL and total > bound:
            message = _("指南要求总投资不超过 {bound} 万元，现在是 {now} 万元。")
            yield Fault(here, "total_fen", Refused("guide_most_total", message, {"bound": exact_text(bound), "now": exact_text(total)}))
    elif rule in KEYS:
        kind = KEYS[rule]
        if (chosen := getattr(basic, kind)) and chosen not in value:
            values = {"what": _KEY_WORDS[kind], "wanted": "、".join(words.get(key, key) for key in value)}
            yield Fault(here, kind, Refused(f"guide_{rule}", _("指南支持的{what}是：{wanted}。"), values))
    elif rule is Rule.FINISH_BY:
        last = day_of(value)
        if last and basic.ends and basic.ends > last:
            yield Fault(here, "ends", Refused("guide_finish_by", _("指南要求 {last} 前完工。"), {"last": last.isoformat()}))
    elif rule is Rule.ABOVE_SCALE and not whole.above_scale:
        yield Fault(here, "title", Refused("guide_above_scale", _("指南只支持规上企业，平台上没有贵单位的规上年度。")))
    elif rule is Rule.DIAGNOSED and not whole.diagnosed:
        yield Fault(here, "title", Refused("guide_diagnosed", _("指南要求先在平台完成评估诊断，贵单位还没有出具过诊断报告。")))
    elif rule is Rule.NO_DOUBLE_SUPPORT and not basic.promised:
        message = _("请承诺同一内容没有、也不再申请其他国家财政资金。")
        yield Fault(here, "promised", Refused("not_promised", message))
    elif rule is Rule.SUPPLIERS_IN_POOL:
        yield from outside_pool(whole)


_KEY_WORDS = {"sector": _("行业"), "level": _("层面"), "area": _("区域")}


def is_open(state: GuideState, opens: date, closes: date, today: date) -> bool:
    """Whether submissions are taken today."""
    return state == GuideState.PUBLISHED and opens <= today <= closes
