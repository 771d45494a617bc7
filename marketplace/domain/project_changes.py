"""Changes of a project under way: asked for with reasons, by rule approved by area and bureau or only put on record, carried out at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.project_plans import MOST_FEN, MOST_FIGURE, MOST_TEXT
from marketplace.domain.projects import ProjectState, SupplierRole
from marketplace.domain.texts import check_text


class ChangeKind(StrEnum):
    """What of a project is to be changed."""

    SCOPE = "scope"
    PROVIDER = "provider"
    TERM = "term"
    INDICATORS = "indicators"
    INVESTMENT = "investment"


class ChangeState(StrEnum):
    """Asked for; with the area's opinion before the bureau; approved, or only put on record; refused; withdrawn."""

    REQUESTED = "requested"
    OPINED = "opined"
    APPROVED = "approved"
    FILED = "filed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


KIND_WORDS: dict[str, str] = {
    ChangeKind.SCOPE: _("建设内容"),
    ChangeKind.PROVIDER: _("服务商"),
    ChangeKind.TERM: _("完工日期"),
    ChangeKind.INDICATORS: _("绩效指标"),
    ChangeKind.INVESTMENT: _("总投资"),
}
OPINION_WORDS: dict[str, str] = {"support": _("同意"), "object": _("不同意")}
# Not while it is being accepted: what was asked to be accepted stays as it was.
CHANGEABLE = frozenset({ProjectState.IMPLEMENTING, ProjectState.RECTIFYING, ProjectState.REWORKING})
OPEN = frozenset({ChangeState.REQUESTED, ChangeState.OPINED})
CARRIED_OUT = frozenset({ChangeState.APPROVED, ChangeState.FILED})


@dataclass(frozen=True)
class Standing:
    """What the guards look at."""

    needs_approval: bool = True
    opinion: str = ""


def is_small(subject: Standing) -> Refused | None:
    return Refused("needs_approval", _("这项变更要报批，不能只备案。")) if subject.needs_approval else None


def has_opinion(subject: Standing) -> Refused | None:
    return None if subject.opinion in OPINION_WORDS else Refused("no_opinion", _("请选同意或不同意。"))


_C = ChangeState
_ENTERPRISE = (Role.ENTERPRISE,)
_AREA = (Role.AREA, Role.ADMIN)
_BUREAU = (Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((_C.REQUESTED,), "file", _C.FILED, _ENTERPRISE, "备案", is_small),
    Transition((_C.REQUESTED,), "opine", _C.OPINED, _AREA, "写意见", has_opinion),
    Transition((_C.OPINED,), "approve", _C.APPROVED, _BUREAU, "批准变更"),
    Transition((_C.OPINED,), "refuse", _C.REFUSED, _BUREAU, "不批准变更"),
    Transition((_C.REQUESTED, _C.OPINED), "withdraw", _C.WITHDRAWN, _ENTERPRISE, "撤回变更申请"),
    Transition((_C.REQUESTED, _C.OPINED), "lapse", _C.WITHDRAWN, _BUREAU, "项目终止"),
)


@dataclass
class ChangeDraft:
    """What is to be changed; of the fields those of its kind. `ends_supplier`: who is replaced, "" for one that joins."""

    kind: str = ""
    reason: str = ""
    content: str = ""
    ends: date | None = None
    total_fen: int | None = None
    targets: dict[str, float | None] = field(default_factory=dict)
    ends_supplier: str = ""
    provider_id: int | None = None
    role: str = SupplierRole.GENERAL
    part: str = ""
    contract_number: str = ""
    contract_fen: int | None = None
    signed: date | None = None
    share: float | None = 1.0


@dataclass(frozen=True)
class Present:
    """How it stands now, and how it was agreed at first; `extensions`: approved ones so far."""

    content: str = ""
    ends: date | None = None
    agreed_ends: date | None = None
    last_day: date = date.max
    total_fen: int = 0
    agreed_fen: int = 0
    amount_fen: int = 0
    subsidy_share: float = 0.0
    targets: dict[str, float] = field(default_factory=dict)
    suppliers: frozenset[str] = frozenset()
    provider_ids: frozenset[int] = frozenset()
    known_provider: bool = False
    pool_provider: bool = True
    extensions: int = 0


@dataclass(frozen=True)
class ChangeRules:
    """Of the pilot: shares 0–1 of the investment, months of delay, how many extensions there may be."""

    share: float
    months: int
    extensions: int


def check(draft: ChangeDraft, now: Present, rules: ChangeRules, today: date) -> Iterator[tuple[str, Refused]]:
    """What is wrong with a request, as things stand; asked again when it is carried out."""
    yield from check_text("reason", _("变更理由"), draft.reason, most=5_000, required=True)
    if draft.kind not in tuple(ChangeKind):
        yield "kind", Refused("unknown_kind", _("没有选要变更什么。"))
        return
    yield from _CHECKS[ChangeKind(draft.kind)](draft, now, rules, today)


def needs_approval(draft: ChangeDraft, now: Present, rules: ChangeRules) -> bool:
    """Content, suppliers and targets always; a delay or another investment from the size on that the rules name, measured by what was
    agreed at first, so that many small steps are as much as one large one."""
    if draft.kind == ChangeKind.TERM:
        return is_extension(draft.ends, now, rules)
    if draft.kind == ChangeKind.INVESTMENT:
        agreed = now.agreed_fen or now.total_fen
        return abs((draft.total_fen or 0) - agreed) > rules.share * agreed
    return True


def is_extension(ends: date | None, now: Present, rules: ChangeRules) -> bool:
    agreed = now.agreed_ends or now.ends
    return ends is not None and agreed is not None and ends > months_later(agreed, rules.months)


def extends(ends: date | None, now: Present, rules: ChangeRules) -> bool:
    """Whether it puts off the end, as it is now, to a day that has to be approved; a day before that only mends an extension."""
    return is_extension(ends, now, rules) and ends is not None and now.ends is not None and ends > now.ends


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a month that is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for number in (day.day, 30, 29, 28):
        if number <= day.day:
            try:
                return date(year, month + 1, number)
            except ValueError:
                continue
    raise AssertionError(day)


def _check_scope(draft: ChangeDraft, now: Present, rules: ChangeRules, today: date) -> Iterator[tuple[str, Refused]]:
    yield from check_text("content", _("变更后的建设内容"), draft.content, most=MOST_TEXT, required=True)
    if draft.content.strip() and draft.content.strip() == now.content.strip():
        yield "content", _SAME


def _check_provider(draft: ChangeDraft, now: Present, rules: ChangeRules, today: date) -> Iterator[tuple[str, Refused]]:
    if draft.ends_supplier and draft.ends_supplier not in now.suppliers:
        yield "ends_supplier", Refused("supplier_gone", _("要更换的服务商已经不在项目里，请刷新后再看。"))
    if draft.provider_id is None:
        # Only leaving: somebody must be left to do the work.
        if not draft.ends_supplier:
            yield "provider", Refused("required", _("{label}没有填。"), {"label": _("新的服务商")})
        elif len(now.suppliers) < 2:
            yield "provider", Refused("last_supplier", _("项目只有这一家服务商，退出时要写明由谁接替。"))
        return
    if not now.known_provider:
        yield "provider", Refused("unknown_provider", _("没有找到这家服务商，请从列表里选。"))
    elif not now.pool_provider:
        yield "provider", Refused("not_in_pool", _("这类项目的服务商应在服务商池里，请先完成入池。"))
    elif draft.provider_id in now.provider_ids and not draft.ends_supplier:
        yield "provider", Refused("supplier_already", _("这家服务商已经在项目里。"))
    if draft.role not in tuple(SupplierRole):
        yield "role", Refused("required", _("{label}没有填。"), {"label": _("角色")})
    yield from check_text("part", _("承担的内容"), draft.part, most=2_000, required=True)
    yield from check_text("contract_number", _("合同编号"), draft.contract_number, most=64)
    if draft.contract_fen is not None and not 0 <= draft.contract_fen <= MOST_FEN:
        yield "contract_fen", Refused("bad_amount", _("{label}不能是负数，也不能大于 10 亿万元。"), {"label": _("合同金额")})
    if draft.signed is not None and draft.signed > today:
        yield "signed", Refused("future", _("发生日期 {on} 还没有到。"), {"on": draft.signed.isoformat()})
    if draft.share is None or not 0 <= draft.share <= 1:
        yield "share", Refused("bad_part", _("占比是 0 到 100 之间的数。"))


def _check_term(draft: ChangeDraft, now: Present, rules: ChangeRules, today: date) -> Iterator[tuple[str, Refused]]:
    if draft.ends is None:
        yield "ends", Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": _("变更后的完工日期")})
        return
    if draft.ends == now.ends:
        yield "ends", _SAME
    elif draft.ends < today:
        yield "ends", Refused("past", _("变更后的完工日期已经过去。"))
    elif draft.ends > now.last_day:
        yield "ends", Refused("after_the_pilot", _("完工日期不能晚于 {last}。"), {"last": now.last_day.isoformat()})
    elif extends(draft.ends, now, rules) and now.extensions >= rules.extensions:
        yield (
            "ends",
            Refused(
                "too_many_extensions",
                _("已经延期 {count} 次，最多 {most} 次，不能再延。"),
                {"count": now.extensions, "most": rules.extensions},
            ),
        )


def _check_indicators(draft: ChangeDraft, now: Present, rules: ChangeRules, today: date) -> Iterator[tuple[str, Refused]]:
    if any(key not in now.targets for key in draft.targets):
        yield "targets", Refused("indicator_gone", _("指标已经不在项目里，请刷新后再看。"))
        return
    for key, value in draft.targets.items():
        if value is None or not abs(value) <= MOST_FIGURE:
            yield f"target_{key}", Refused("no_target", _("变更后的目标要填一个数。"))
    if all(value == now.targets[key] for key, value in draft.targets.items()):
        yield "targets", _SAME


def _check_investment(draft: ChangeDraft, now: Present, rules: ChangeRules, today: date) -> Iterator[tuple[str, Refused]]:
    if draft.total_fen is None or not 0 < draft.total_fen <= MOST_FEN:
        yield "total_fen", Refused("no_total", _("变更后的总投资没有填对：要大于 0。"))
    elif draft.total_fen == now.total_fen:
        yield "total_fen", _SAME
    elif now.subsidy_share and now.amount_fen > now.subsidy_share * draft.total_fen:
        # The cap of the class holds for what is invested in the end.
        values = {"share": round(now.subsidy_share * 100)}
        yield (
            "total_fen",
            Refused("subsidy_over_share", _("总投资减到这么多，支持金额会超过它的 {share} %。请先与区工信局商定核减支持金额。"), values),
        )


_SAME = Refused("nothing_changes", _("与现在的一样，没有要变更的。"))
_CHECKS = {
    ChangeKind.SCOPE: _check_scope,
    ChangeKind.PROVIDER: _check_provider,
    ChangeKind.TERM: _check_term,
    ChangeKind.INDICATORS: _check_indicators,
    ChangeKind.INVESTMENT: _check_investment,
}
