"""A scenario: a sector's typical one (行业共性典型场景) or one enterprise's own (企业个性化场景)."""

from __future__ import annotations

from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Table, Transition


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
