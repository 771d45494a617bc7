"""The ledger of the funds: entries with their lines, only ever added to, and the balance of every account, kept with each entry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.funds import Balance, EntryKind, LedgerAccount
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored

# A project's column where there is none: a unique key with NULL would not be one.
NO_PROJECT = 0


class LedgerEntry(Record):
    """One posting. `key`: what it is for, so that the same thing is posted once. `noun`, `noun_id`: the paper behind it. `made_by` and
    `confirmed_by`: the two persons. Triggers of the database refuse any change: what is wrong is undone by an entry that `reverses` it."""

    __tablename__ = "ledger_entries"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[EntryKind] = mapped_column(stored(EntryKind))
    day: Mapped[date] = mapped_column(Date, index=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"), index=True)
    noun: Mapped[str] = mapped_column(String(32), default="")
    noun_id: Mapped[int | None] = mapped_column(BigInteger)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entries.id"), unique=True)
    why: Mapped[str] = mapped_column(Text, default="")
    made_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    lines: Mapped[list[LedgerLine]] = relationship(back_populates="entry", order_by="LedgerLine.id")


class LedgerLine(Record):
    """Money on one account: positive into it, negative out of it. `day` and `project_id` are the entry's, so that a statement is one query."""

    __tablename__ = "ledger_lines"
    __table_args__ = (
        CheckConstraint("fen <> 0", name="not_nothing"),
        Index("ix_ledger_lines_statement", "day", "source", "account", "fen"),
        Index("ix_ledger_lines_project", "project_id", "id"),
        Index("ix_ledger_lines_source", "source", "year", "id"),
    )

    id: Mapped[PrimaryKey]
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entries.id"), index=True)
    account: Mapped[LedgerAccount] = mapped_column(stored(LedgerAccount))
    source: Mapped[str] = mapped_column(String(32))
    year: Mapped[int]
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))
    fen: Mapped[int] = mapped_column(BigInteger)
    day: Mapped[date] = mapped_column(Date)
    entry: Mapped[LedgerEntry] = relationship(back_populates="lines")


class LedgerBalance(Record):
    """What an account holds: the sum of its lines, moved in their transaction. The check is the last line: whatever a program does, no cap is
    passed, because money that is not there cannot be taken out."""

    __tablename__ = "ledger_balances"
    __table_args__ = (
        CheckConstraint("fen >= 0 OR account IN ('budget', 'expected')", name="not_below_nothing"),
        UniqueConstraint("account", "source", "year", "project_key"),
        Index("ix_ledger_balances_project", "project_key"),
    )

    id: Mapped[PrimaryKey]
    account: Mapped[LedgerAccount] = mapped_column(stored(LedgerAccount))
    source: Mapped[str] = mapped_column(String(32))
    year: Mapped[int]
    project_key: Mapped[int] = mapped_column(BigInteger, default=NO_PROJECT)
    fen: Mapped[int] = mapped_column(BigInteger, default=0)


def balance_of(session: Session, account: LedgerAccount, source: str, year: int, project_id: int | None = None) -> int:
    """What one account holds now."""
    query = select(LedgerBalance.fen).where(LedgerBalance.account == account, LedgerBalance.source == source, LedgerBalance.year == year)
    return session.scalar(query.where(LedgerBalance.project_key == (project_id or NO_PROJECT))) or 0


def total_of(
    session: Session, accounts: Collection[LedgerAccount], *, sources: Collection[str] | None = None, project_id: int | None = None
) -> int:
    """The sum of these accounts over all years."""
    query = select(func.coalesce(func.sum(LedgerBalance.fen), 0)).where(LedgerBalance.account.in_(accounts))
    if sources is not None:
        query = query.where(LedgerBalance.source.in_(sources))
    if project_id is not None:
        query = query.where(LedgerBalance.project_key == project_id)
    return int(session.scalar(query) or 0)


def find_balances(session: Session, project_id: int | None = None) -> Sequence[LedgerBalance]:
    """All balances, or those of one project."""
    query = select(LedgerBalance).order_by(LedgerBalance.year, LedgerBalance.source, LedgerBalance.id)
    return session.scalars(query if project_id is None else query.where(LedgerBalance.project_key == project_id)).all()


def find_projects_money(session: Session, project_ids: Iterable[int]) -> dict[int, dict[LedgerAccount, int]]:
    """Account → fen of several projects at once."""
    found: dict[int, dict[LedgerAccount, int]] = {}
    query = select(LedgerBalance.project_key, LedgerBalance.account, func.sum(LedgerBalance.fen))
    query = query.where(LedgerBalance.project_key.in_(list(project_ids))).group_by(LedgerBalance.project_key, LedgerBalance.account)
    for project_id, account, fen in session.execute(query):
        found.setdefault(project_id, {})[account] = int(fen)
    return found


def find_entry(session: Session, public_id: str) -> LedgerEntry | None:
    return session.scalar(select(LedgerEntry).where(LedgerEntry.public_id == public_id))


def find_entry_by_key(session: Session, key: str) -> LedgerEntry | None:
    return session.scalar(select(LedgerEntry).where(LedgerEntry.key == key))


def find_reversal(session: Session, entry_id: int) -> LedgerEntry | None:
    return session.scalar(select(LedgerEntry).where(LedgerEntry.reverses_id == entry_id))


def summed_lines(session: Session) -> list[Balance]:
    """The balances as the lines alone say."""
    columns = (LedgerLine.account, LedgerLine.source, LedgerLine.year, LedgerLine.project_id)
    query = select(*columns, func.sum(LedgerLine.fen)).group_by(*columns)
    return [Balance(account, source, year, project_id, int(fen)) for account, source, year, project_id, fen in session.execute(query)]


def uneven_entries(session: Session) -> Sequence[int]:
    """Entries whose lines do not sum to 0."""
    query = select(LedgerLine.entry_id).group_by(LedgerLine.entry_id).having(func.sum(LedgerLine.fen) != 0)
    return session.scalars(query.order_by(LedgerLine.entry_id)).all()


def statement_sums(session: Session, first: date, after: date) -> Mapping[tuple[str, LedgerAccount], tuple[int, int, int]]:
    """(source, account) → what it held before `first`, what came in and what went out before `after`. Two passes by the index of days."""
    found: dict[tuple[str, LedgerAccount], tuple[int, int, int]] = {}
    keys = (LedgerLine.source, LedgerLine.account)
    for source, account, fen in session.execute(select(*keys, func.sum(LedgerLine.fen)).where(LedgerLine.day < first).group_by(*keys)):
        found[source, account] = (int(fen), 0, 0)
    gains = func.sum(func.greatest(LedgerLine.fen, 0) if session.get_bind().dialect.name == "postgresql" else func.max(LedgerLine.fen, 0))
    query = select(*keys, gains, func.sum(LedgerLine.fen)).where(LedgerLine.day >= first, LedgerLine.day < after).group_by(*keys)
    for source, account, into, fen in session.execute(query):
        before = found.get((source, account), (0, 0, 0))[0]
        found[source, account] = (before, int(into), int(into) - int(fen))
    return found
