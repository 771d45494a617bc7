"""The ledger of work by sheet: all of it in one transaction, or nothing and every row that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.centre_steps import Step, locked
from marketplace.actions.roles import must_hold
from marketplace.actions.work_items import NOUN, add, carry, write
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.work_items import OPEN, WITH_REASON, WorkState, event_to
from marketplace.records.database import Database
from marketplace.records.work_items import WorkItem
from marketplace.sheets.rows import BadCell
from marketplace.sheets.work_items import WorkReading, WorkRow

PACKAGED = Path(__file__).parents[1] / "data" / "work_items.csv"


@dataclass(frozen=True)
class WorkChange:
    """What a sheet did: tasks that are new, that say something else now, and that changed their state."""

    new: int = 0
    changed: int = 0
    moved: int = 0


class BadRowsError(Exception):
    """Carries every row that is wrong out of the transaction, which is rolled back by it."""

    def __init__(self, bad: Sequence[BadCell]) -> None:
        super().__init__(f"{len(bad)} bad rows")
        self.bad = tuple(bad)


def import_work_items(database: Database, rows: Iterable[WorkRow], step: Step) -> WorkChange:
    """Rows whose number is known change that task, the others are new. Raises BadRowsError."""
    must_hold(step.viewer, "manage", NOUN)
    with database.writing() as session:
        return _bring(session, sorted(rows, key=lambda row: [int(part) for part in row.draft.code.split(".")]), step)


def load_plan(database: Database, reading: WorkReading, *, at: datetime, actor: str) -> bool:
    """The packaged plan, where there is no ledger yet: what the offices wrote is never touched."""
    with database.writing() as session:
        if session.scalar(select(WorkItem.id).limit(1)) is not None:
            return False
        _bring(session, reading.rows, Step(Viewer(name=actor, roles=frozenset({Role.ADMIN})), at, at.date()))
        return True


def _bring(session: Session, rows: Sequence[WorkRow], step: Step) -> WorkChange:
    bad: list[BadCell] = []
    items: list[tuple[WorkRow, WorkItem]] = []
    new = changed = 0
    known = {item.code: item.id for item in session.scalars(select(WorkItem))}
    for row in rows:
        number = known.get(row.draft.code)
        place = "phase" if number is None else "code"
        with _noting(bad, row, place):
            own = Step(step.viewer, step.at, step.today, row.seen)
            item = add(session, row.draft, step) if number is None else locked(session, WorkItem, number, NOUN, own)
            new += number is None
            changed += number is not None and write(session, item, row.draft, step)
            items.append((row, item))
    moved = _move(session, items, step, bad)
    if bad:
        raise BadRowsError(sorted(bad, key=lambda cell: cell.row))
    return WorkChange(new, changed, moved)


def _move(session: Session, items: Iterable[tuple[WorkRow, WorkItem]], step: Step, bad: list[BadCell]) -> int:
    """What is begun or taken up again from above downwards; what is over from below upwards, for nothing is over before its parts."""
    wanted = [(row, item) for row, item in items if row.state is not None and row.state != item.state]
    onward = [pair for pair in wanted if pair[0].state in OPEN]
    over = [pair for pair in wanted if pair[0].state not in OPEN]
    for row, item in (*onward, *reversed(over)):
        with _noting(bad, row, "state"):
            assert row.state is not None
            event, why = event_to(item.state, WorkState(row.state)), row.draft.remark
            if not event:
                raise RefusedError(Refused("no_such_step", _("现在的状态不能直接改成这一个，请在页面上逐步办理。")))
            if event in WITH_REASON and not why:
                raise RefusedError(Refused("no_reason_in_row", _("不再办理或重新办理的，请在“说明”列写明原因。")))
            carry(session, item, event, step, why if event in WITH_REASON else "")
    return len(wanted)


@contextmanager
def _noting(bad: list[BadCell], row: WorkRow, place: str) -> Iterator[None]:
    """A refusal within becomes a bad cell of the row, and the other rows are looked at all the same."""
    try:
        yield
    except RefusedError as error:
        bad.append(row.bad(place, error.refused))
