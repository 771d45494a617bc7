"""A diagnosis of an enterprise (入企诊断) and the three lists that come out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class DiagnosisState(StrEnum):
    PLANNED = "planned"
    ON_SITE = "on_site"
    DRAFTED = "drafted"
    CONFIRMED = "confirmed"
    ISSUED = "issued"
    CANCELLED = "cancelled"


_S = DiagnosisState
# Of these an enterprise has one at a time.
OPEN = frozenset({_S.PLANNED, _S.ON_SITE, _S.DRAFTED, _S.CONFIRMED})
# The questionnaire may be filled in: before the visit by the enterprise, on site by the officer.
FILLABLE = frozenset({_S.PLANNED, _S.ON_SITE})
# What was graded may be set against others.
GRADED = frozenset({_S.CONFIRMED, _S.ISSUED})
# Who was not visited yet has no diagnosis at all; a cancelled one counts for nothing.
UNVISITED = "none"


@dataclass(frozen=True)
class Situation:
    """What the guards look at: how many questions still have no answer, and the reason that was given."""

    missing: int = 0
    reason: str = ""


def answers_complete(subject: Any) -> Refused | None:
    if isinstance(subject, Situation) and subject.missing:
        return Refused("answers_missing", _("还有 {n} 题没有填，填完才能成稿。"), {"n": subject.missing})
    return None


def reason_given(subject: Any) -> Refused | None:
    """Whoever sends back or calls off says why."""
    if isinstance(subject, Situation) and not subject.reason.strip():
        return Refused("reason_missing", _("请写明理由，对方会看到。"))
    return None


_CENTRE = (Role.CENTRE, Role.ADMIN)

TABLE: Table = (
    Transition((_S.PLANNED,), "start", _S.ON_SITE, _CENTRE, "入企"),
    Transition((_S.ON_SITE,), "draft", _S.DRAFTED, _CENTRE, "成稿", answers_complete),
    Transition((_S.DRAFTED,), "confirm", _S.CONFIRMED, (Role.ENTERPRISE,), "企业确认"),
    Transition((_S.DRAFTED,), "return", _S.ON_SITE, (Role.ENTERPRISE,), "退回补充", reason_given),
    Transition((_S.CONFIRMED,), "issue", _S.ISSUED, _CENTRE, "出具"),
    Transition((_S.PLANNED, _S.ON_SITE, _S.DRAFTED), "cancel", _S.CANCELLED, _CENTRE, "取消", reason_given),
)


@dataclass(frozen=True, kw_only=True)
class DiagnosisRules:
    """Read from the pilot file (table [diagnosis]). Terms are in working days."""

    # From the visit to the draft, for the enterprise to confirm, for the centre to issue.
    draft_days: int
    confirm_days: int
    issue_days: int
    # So many other enterprises of the sector must have been graded before a mean is shown.
    benchmark_least: int


@dataclass
class PlanDraft:
    """A visit as it is planned. `officer`: an account of the centre; `organisation`: who diagnoses, a provider's or the centre's own."""

    planned_on: date | None = None
    officer_id: int | None = None
    organisation_id: int | None = None


def check_plan(draft: PlanDraft, *, today: date, earliest: date | None = None) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal). `earliest`: a day that was planned before and may stay though it is past."""
    if draft.planned_on is None:
        yield "planned_on", Refused("required", _("计划入企的日期没有填，请写成 2026-12-08。"))
    elif draft.planned_on < today and draft.planned_on != earliest:
        values = {"day": draft.planned_on.isoformat()}
        yield "planned_on", Refused("in_the_past", _("计划入企的日期 {day} 已经过去，请选今天或以后的日子。"), values)
    if draft.officer_id is None:
        yield "officer", Refused("required", _("诊断人员没有选。"))


def check_summary(text: str) -> Iterator[tuple[str, Refused]]:
    """What the officer says of the enterprise as a whole; it opens the report."""
    yield from check_text("summary", _("总体评价"), text, most=5_000, required=True)


@dataclass(frozen=True)
class Ball:
    """Who has the ball (officer, enterprise), what they do, until when, what follows."""

    who: str
    what: str
    due: date | None
    next: str


def ball(state: DiagnosisState, *, planned_on: date | None, due: date | None) -> Ball | None:
    """Who is next; None where nothing is to be done any more."""
    if state == _S.PLANNED:
        return Ball("officer", _("入企诊断"), planned_on, _("填问卷、梳理三张清单"))
    if state == _S.ON_SITE:
        return Ball("officer", _("填完问卷和清单，成稿"), due, _("企业确认"))
    if state == _S.DRAFTED:
        return Ball("enterprise", _("核对并确认诊断结果"), due, _("能力中心出具报告"))
    if state == _S.CONFIRMED:
        return Ball("officer", _("出具诊断报告"), due, _("报告送达企业"))
    return None
