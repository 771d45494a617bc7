"""Work items (工作台账): the tasks of the plan and their breakdown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.work_items import OPEN, WorkState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored


class WorkItem(Record):
    """`code`: its number in the plan, which says where it hangs; `rank` sorts by it. `phase`: key of the pilot's phases. `owner`,
    `co_owners`: units in words, for many of them have no account here. `evidence`: how far it has come, and what proves it."""

    __tablename__ = "work_items"
    __table_args__ = (Index("ix_work_items_state_due", "state", "due"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    code: Mapped[str] = mapped_column(String(32), unique=True)
    rank: Mapped[str] = mapped_column(String(32), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("work_items.id"), index=True)
    phase: Mapped[str] = mapped_column(String(32), default="")
    title: Mapped[str] = mapped_column(String(300))
    owner: Mapped[str] = mapped_column(String(100))
    co_owners: Mapped[str] = mapped_column(String(300), default="")
    starts: Mapped[date | None] = mapped_column(Date)
    due: Mapped[date | None] = mapped_column(Date)
    evidence: Mapped[str] = mapped_column(Text, default="")
    remark: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[WorkState] = mapped_column(stored(WorkState), default=WorkState.PLANNED)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def find_work_item(session: Session, public_id: str) -> WorkItem | None:
    return session.scalar(select(WorkItem).where(WorkItem.public_id == public_id))


def find_below(session: Session, item_id: int) -> Sequence[WorkItem]:
    return session.scalars(select(WorkItem).where(WorkItem.parent_id == item_id).order_by(WorkItem.rank)).all()


def count_open_below(session: Session, item_id: int) -> int:
    open_ones = select(func.count()).select_from(WorkItem).where(WorkItem.parent_id == item_id, WorkItem.state.in_(OPEN))
    return session.scalar(open_ones) or 0
