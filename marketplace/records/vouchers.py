"""Vouchers: proposals for the ledger that wait for a second person, or were posted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.vouchers import VoucherKind, VoucherState
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.funds import LedgerEntry
from marketplace.records.projects import Project


class Voucher(Record):
    """`entry_id`: the entry that is to be undone. `reclaim_id`: which recovery the money belongs to. `posted_id`: the entry it became."""

    __tablename__ = "vouchers"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    key: Mapped[str | None] = mapped_column(String(64), unique=True)
    kind: Mapped[VoucherKind] = mapped_column(stored(VoucherKind))
    source: Mapped[str] = mapped_column(String(32), default="")
    year: Mapped[int] = mapped_column(default=0)
    fen: Mapped[int | None] = mapped_column(BigInteger)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"), index=True)
    reclaim_id: Mapped[int | None] = mapped_column(ForeignKey("reclaims.id"), index=True)
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"), index=True)
    posted_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"))
    day: Mapped[date] = mapped_column(Date)
    reference: Mapped[str] = mapped_column(String(64), default="")
    why: Mapped[str] = mapped_column(Text)
    state: Mapped[VoucherState] = mapped_column(stored(VoucherState), default=VoucherState.PROPOSED, index=True)
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    second_person: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    second_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str] = mapped_column(Text, default="")
    project: Mapped[Project | None] = relationship()
    entry: Mapped[LedgerEntry | None] = relationship(foreign_keys=[entry_id])


def find_voucher(session: Session, public_id: str) -> Voucher | None:
    return session.scalar(select(Voucher).where(Voucher.public_id == public_id))


def find_waiting_vouchers(session: Session) -> Sequence[Voucher]:
    return session.scalars(select(Voucher).where(Voucher.state == VoucherState.PROPOSED).order_by(Voucher.id)).all()
