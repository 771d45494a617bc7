"""A solution (产品、解决方案、专业化服务): its states and the check that page, import and API share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import wan_text
from marketplace.domain.texts import check_count, check_words


class SolutionState(StrEnum):
    """Draft, published (searchable), withdrawn by its provider, or blocked by staff."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    BLOCKED = "blocked"


TABLE: Table = (
    Transition(
        (SolutionState.DRAFT, SolutionState.WITHDRAWN),
        "publish",
        SolutionState.PUBLISHED,
        (Role.MANAGER, Role.ADMIN),
        "发布",
    ),
    Transition(
        (SolutionState.PUBLISHED,),
        "withdraw",
        SolutionState.WITHDRAWN,
        (Role.PROVIDER, Role.MANAGER, Role.ADMIN),
        "下架",
    ),
    Transition((SolutionState.PUBLISHED,), "block", SolutionState.BLOCKED, (Role.MANAGER, Role.BUREAU, Role.ADMIN), "拦截"),
    Transition((SolutionState.BLOCKED,), "unblock", SolutionState.PUBLISHED, (Role.BUREAU, Role.ADMIN), "恢复"),
)


@dataclass
class SolutionDraft:
    """What a provider says of a solution. Money in fen, duration in weeks; None = not said (价格面议)."""

    title: str = ""
    form: str = ""
    summary: str = ""
    sectors: list[str] = field(default_factory=list)
    price_low_fen: int | None = None
    price_high_fen: int | None = None
    weeks_low: int | None = None
    weeks_high: int | None = None
    references: int = 0
    solves: list[str] = field(default_factory=list)
    technologies: list[str] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    orientations: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    scenario_codes: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    enterprise_sizes: list[str] = field(default_factory=list)
    deployments: list[str] = field(default_factory=list)
    origin: str = ""
    explosion_proof: bool | None = None


def check(draft: SolutionDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    if not draft.title.strip():
        yield "title", Refused("required", _("标题没有填。"))
    elif len(draft.title) > 200:
        yield "title", Refused("too_long", _("标题有 {length} 个字，最多 200 个。"), {"length": len(draft.title)})
    if len(draft.summary) > 20_000:
        yield (
            "summary",
            Refused("too_long", _("简介有 {length} 个字，最多 20,000 个。"), {"length": len(draft.summary)}),
        )
    if not draft.sectors:
        yield "sectors", Refused("required", _("适用行业没有填，至少选一个。"))
    yield from check_range("price_wan", draft.price_low_fen, draft.price_high_fen, wan_text, _("万元"), _("报价"))
    yield from check_range("delivery_weeks", draft.weeks_low, draft.weeks_high, str, _("周"), _("工期"))
    yield from check_count("references", _("已实施数量"), draft.references)
    yield from check_words("scenario_codes", _("对应场景"), draft.scenario_codes, most=20, longest=32)
    yield from check_words("solves", _("解决的痛点"), draft.solves, longest=500)
    yield from check_words("technologies", _("关键技术"), draft.technologies)
    yield from check_words("interfaces", _("接口"), draft.interfaces)
    yield from check_words("certificates", _("证书"), draft.certificates)


def check_range(name: str, low: int | None, high: int | None, text: object, unit: str, label: str) -> Iterator[tuple[str, Refused]]:
    """A range must not be negative nor turned round. Shared by every noun that has one."""
    show = text if callable(text) else str
    for value in (low, high):
        if value is not None and value < 0:
            yield name, Refused("negative", _("{label}不能是负数。"), {"label": label})
            return
    if low is not None and high is not None and low > high:
        yield (
            name,
            Refused(
                "range_turned",
                _("{label}最低 {low} {unit}高于最高 {high} {unit}，请对调或修改。"),
                {"label": label, "low": show(low), "high": show(high), "unit": unit},
            ),
        )
