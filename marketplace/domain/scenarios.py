"""A scenario: a sector's typical one (行业共性典型场景) or one enterprise's own (企业个性化场景)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text, check_words


class ScenarioKind(StrEnum):
    TYPICAL = "typical"
    INDIVIDUAL = "individual"


class ScenarioState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


_STAFF = (Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((ScenarioState.DRAFT, ScenarioState.WITHDRAWN), "publish", ScenarioState.PUBLISHED, _STAFF, "发布"),
    Transition((ScenarioState.PUBLISHED,), "withdraw", ScenarioState.WITHDRAWN, _STAFF, "撤下"),
)


@dataclass
class ScenarioDraft:
    """A scenario as it is typed. Kind, sector and stage are keys; an individual one names its enterprise."""

    code: str = ""
    kind: str = ""
    sector: str = ""
    name: str = ""
    description: str = ""
    typical_problems: list[str] = field(default_factory=list)
    typical_solutions: list[str] = field(default_factory=list)
    enterprise_code: str = ""
    consented_on: date | None = None


def check(draft: ScenarioDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    yield from check_text("code", _("场景编号"), draft.code, most=32, required=True)
    yield from check_text("name", _("场景名称"), draft.name, most=200, required=True)
    if not draft.sector:
        yield "sector", Refused("required", _("行业没有填。"))
    yield from check_text("description", _("场景说明"), draft.description, most=20_000)
    yield from check_words("typical_problems", _("典型问题"), draft.typical_problems)
    yield from check_words("typical_solutions", _("典型方案"), draft.typical_solutions)
    # An individual scenario belongs to an enterprise, a typical one to none.
    if draft.kind == ScenarioKind.INDIVIDUAL and not draft.enterprise_code:
        yield "enterprise_code", Refused("individual_without_enterprise", _("企业个性化场景要写明是哪家企业（统一社会信用代码）。"))
    if draft.kind == ScenarioKind.TYPICAL and draft.enterprise_code:
        yield "enterprise_code", Refused("typical_with_enterprise", _("行业共性典型场景不属于某一家企业，请清空企业信用代码或改类别。"))
    if draft.kind == ScenarioKind.TYPICAL and draft.consented_on is not None:
        yield "consented_on", Refused("typical_with_consent", _("行业共性典型场景不用企业同意，请清空企业同意公开日期或改类别。"))
