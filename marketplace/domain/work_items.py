"""工作台账 (work items): the tasks of the pilot's plan and what they are broken down into, with owner, term, state and evidence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class WorkState(StrEnum):
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    DROPPED = "dropped"


OPEN = frozenset({WorkState.PLANNED, WorkState.IN_PROGRESS})
# So many working days before its term whoever answers for a task is asked about it.
SOON_DAYS = 5
# The number of a task says where it hangs: 3.2.1 under 3.2 under 3.
DEEPEST = 4
_CODE = re.compile(rf"[1-9]\d{{0,2}}(?:\.[1-9]\d{{0,2}}){{0,{DEEPEST - 1}}}")


@dataclass(frozen=True)
class Standing:
    """What a step looks at beside the state: tasks below that are not over, and whether the one above is."""

    open_below: int = 0
    above_is_over: bool = False
    evidence: str = ""


def nothing_open_below(standing: Standing) -> Refused | None:
    if standing.open_below:
        return Refused("open_below", _("还有 {n} 项下级任务没有办完，请先处理它们。"), {"n": standing.open_below})
    return None


def may_finish(standing: Standing) -> Refused | None:
    if not standing.evidence.strip():
        return Refused("no_evidence", _("办结前请在“进展与佐证”里写明做成了什么、依据在哪里。"))
    return nothing_open_below(standing)


def may_reopen(standing: Standing) -> Refused | None:
    return Refused("above_is_over", _("上级任务已办完，请先重新办理上级任务。")) if standing.above_is_over else None


_OFFICES = (Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN)
_S = WorkState
TABLE: Table = (
    Transition((_S.PLANNED,), "start", _S.IN_PROGRESS, _OFFICES, "开始办理"),
    Transition((_S.PLANNED, _S.IN_PROGRESS), "finish", _S.DONE, _OFFICES, "办结任务", may_finish),
    Transition((_S.PLANNED, _S.IN_PROGRESS), "drop", _S.DROPPED, _OFFICES, "不再办理", nothing_open_below),
    Transition((_S.DONE, _S.DROPPED), "reopen", _S.IN_PROGRESS, _OFFICES, "重新办理", may_reopen),
)
# A step that is to be explained.
WITH_REASON = frozenset({"drop", "reopen"})


@dataclass(frozen=True)
class WorkDraft:
    """A task as it is typed. Its number and its phase stay what they were when it was made; below another task the phase is that one's."""

    code: str = ""
    phase: str = ""
    title: str = ""
    owner: str = ""
    co_owners: str = ""
    starts: date | None = None
    due: date | None = None
    evidence: str = ""
    remark: str = ""


def check(draft: WorkDraft, phases: Collection[str]) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be kept."""
    if not _CODE.fullmatch(draft.code):
        yield "code", Refused("bad_code", _("序号写成 3 或 3.2 这样，最多 {most} 级。"), {"most": DEEPEST})
    if draft.phase not in phases and not (parent_of(draft.code) and not draft.phase):
        yield "phase", Refused("no_phase", _("阶段没有选。"))
    yield from check_text("title", _("工作任务"), draft.title, most=300, required=True)
    yield from check_text("owner", _("责任单位"), draft.owner, most=100, required=True)
    yield from check_text("co_owners", _("配合单位"), draft.co_owners, most=300, required=False)
    yield from check_text("evidence", _("进展与佐证"), draft.evidence, most=10_000, required=False)
    yield from check_text("remark", _("说明"), draft.remark, most=10_000, required=False)
    if draft.starts is not None and draft.due is not None and draft.due < draft.starts:
        yield "due", Refused("due_before_start", _("截止日期早于开始日期。"))


def parent_of(code: str) -> str:
    """The number of the task above; "" for a task of the plan itself."""
    return code.rpartition(".")[0]


def rank_of(code: str) -> str:
    """What sorts 3.10 after 3.9."""
    return ".".join(f"{int(part):03}" for part in code.split("."))


def next_code(parent: str, taken: Collection[str]) -> str:
    """The next free number below a task ("": of the plan itself)."""
    prefix = f"{parent}." if parent else ""
    used = [int(code[len(prefix) :]) for code in taken if parent_of(code) == parent and code[len(prefix) :].isdigit()]
    return f"{prefix}{max(used, default=0) + 1}"


def is_overdue(state: WorkState, due: date | None, today: date) -> bool:
    return state in OPEN and due is not None and due < today


def event_to(state: WorkState, wanted: WorkState) -> str:
    """The step that leads from one state to another; "" where none does."""
    return next((row.event for row in TABLE if state in row.states and row.to == wanted), "")
