"""A diagnosis of an enterprise (入企诊断) and the three lists that come out of it."""

from __future__ import annotations

from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Table, Transition


class DiagnosisState(StrEnum):
    PLANNED = "planned"
    ON_SITE = "on_site"
    DRAFTED = "drafted"
    CONFIRMED = "confirmed"
    ISSUED = "issued"
    CANCELLED = "cancelled"


_CENTRE = (Role.CENTRE, Role.ADMIN)

TABLE: Table = (
    Transition((DiagnosisState.PLANNED,), "start", DiagnosisState.ON_SITE, _CENTRE, "入企"),
    Transition((DiagnosisState.ON_SITE,), "draft", DiagnosisState.DRAFTED, _CENTRE, "成稿"),
    Transition((DiagnosisState.DRAFTED,), "confirm", DiagnosisState.CONFIRMED, (Role.ENTERPRISE,), "企业确认"),
    Transition((DiagnosisState.DRAFTED,), "return", DiagnosisState.ON_SITE, (Role.ENTERPRISE,), "退回补充"),
    Transition((DiagnosisState.CONFIRMED,), "issue", DiagnosisState.ISSUED, _CENTRE, "出具"),
    Transition(
        (DiagnosisState.PLANNED, DiagnosisState.ON_SITE, DiagnosisState.DRAFTED),
        "cancel",
        DiagnosisState.CANCELLED,
        _CENTRE,
        "取消",
    ),
)
