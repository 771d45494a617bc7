"""资金计划 (funding plans): after the bureau's party-group meeting, which projects get how much, at once and after acceptance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.decisions import another_person, the_same_person
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.money import exact_text
from marketplace.domain.texts import check_text

MOST_LINES = 500


class FundingPlanState(StrEnum):
    DRAFT = "draft"
    PROPOSED = "proposed"
    ISSUED = "issued"
    DROPPED = "dropped"


_S = FundingPlanState
_BUREAU = (Role.BUREAU, Role.ADMIN)
TABLE: Table = (
    Transition((_S.DRAFT,), "propose", _S.PROPOSED, _BUREAU, "报请复核"),
    Transition((_S.PROPOSED,), "issue", _S.ISSUED, _BUREAU, "复核下达", another_person),
    Transition((_S.PROPOSED,), "return", _S.DRAFT, _BUREAU, "退回", another_person),
    Transition((_S.PROPOSED,), "take_back", _S.DRAFT, _BUREAU, "撤回", the_same_person),
    Transition((_S.DRAFT,), "drop", _S.DROPPED, _BUREAU, "作废"),
)


@dataclass(frozen=True)
class LineDraft:
    """Money of one source and year for one project: what is paid at once and what waits for acceptance."""

    project_id: int
    source: str
    year: int
    first_fen: int
    rest_fen: int

    @property
    def fen(self) -> int:
        return self.first_fen + self.rest_fen


@dataclass(frozen=True)
class PlanDraft:
    """`minutes`: the reference of the party group's minutes; `held`: the day of the meeting."""

    title: str
    minutes: str
    held: date | None
    lines: Sequence[LineDraft]


def check(draft: PlanDraft, *, today: date) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a plan. The minutes are asked for when it is proposed, not before: a draft may wait for the meeting."""
    yield from check_text("title", _("标题"), draft.title, most=100, required=True)
    yield from check_text("minutes", _("会议纪要文号"), draft.minutes, most=64, required=False)
    if draft.held is not None and draft.held > today:
        yield "held", Refused("day_in_future", _("日期还没有到。"))
    if len(draft.lines) > MOST_LINES:
        yield "lines", Refused("too_many_lines", _("一份资金计划最多 {most} 行。"), {"most": MOST_LINES})
    for line in draft.lines:
        if line.first_fen < 0 or line.rest_fen < 0 or line.fen == 0:
            yield "lines", Refused("no_amount", _("每一行的金额都不能是 0，也不能小于 0。"))
            return
    keys = [(line.project_id, line.source, line.year) for line in draft.lines]
    if len(set(keys)) != len(keys):
        yield "lines", Refused("line_twice", _("同一项目、来源和年度只能有一行。"))


def may_be_proposed(minutes: str, held: date | None, lines: int) -> Refused | None:
    if not minutes.strip() or held is None:
        return Refused("no_minutes", _("请写明党组会的会议纪要文号和日期。"))
    return None if lines else Refused("no_lines_of_plan", _("资金计划里还没有项目。"))


def within_commitment(number: str, planned_fen: int, committed_fen: int) -> Refused | None:
    """`planned_fen`: with all plans that stand; `committed_fen`: what was ever set aside for the project and is not released."""
    if planned_fen <= committed_fen:
        return None
    values = {"number": number, "planned": exact_text(planned_fen), "committed": exact_text(committed_fen)}
    return Refused("over_commitment", _("{number} 计划 {planned} 万元，超过为它安排的 {committed} 万元。"), values)
