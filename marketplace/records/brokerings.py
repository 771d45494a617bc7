"""Brokerings (对接单): an enterprise's need, what is compared, the contract and the implementation that follow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Select, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.brokerings import CLOSED, BrokeringState
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem


class Brokering(Record):
    """`place`: where it came from (plan, inquiry, hand, group, demand, meeting). `joint`: the same for those that were drafted together,
    one need of several enterprises. `terms`: its terms in working days, as they were when
    it was drafted. `lane`, `waits_*`: who has the ball, kept with every step, so that the board is one query."""

    __tablename__ = "brokerings"
    __table_args__ = (
        Index("ix_brokerings_lane", "lane", "waits_since", "id"),
        Index("ix_brokerings_enterprise", "enterprise_id", "id"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"))
    title: Mapped[str] = mapped_column(String(200))
    place: Mapped[str] = mapped_column(String(16), default="hand")
    joint: Mapped[str] = mapped_column(String(36), default="", server_default="", index=True)
    terms: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Why this one was awarded, none was suitable, or the enterprise withdrew.
    reason: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lane: Mapped[str] = mapped_column(String(16), default="draft")
    waits_for: Mapped[str] = mapped_column(String(16), default="")
    waits_step: Mapped[str] = mapped_column(String(16), default="")
    waits_since: Mapped[date | None] = mapped_column(Date)
    waits_due: Mapped[date | None] = mapped_column(Date)
    state: Mapped[BrokeringState] = mapped_column(stored(BrokeringState), default=BrokeringState.DRAFT, index=True)
    enterprise: Mapped[Enterprise] = relationship(lazy="joined", innerjoin=True)


class BrokeringProblem(Record):
    """One problem of the need; the first one gives the brokering its name."""

    __tablename__ = "brokering_problems"
    __table_args__ = (UniqueConstraint("brokering_id", "problem_id"),)

    id: Mapped[PrimaryKey]
    brokering_id: Mapped[int] = mapped_column(ForeignKey("brokerings.id"))
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    problem: Mapped[Problem] = relationship(lazy="joined", innerjoin=True)


class BrokeringCriterion(Record):
    """One thing by which proposals are compared: essential or nice; the weights of all are 100 together."""

    __tablename__ = "brokering_criteria"

    id: Mapped[PrimaryKey]
    brokering_id: Mapped[int] = mapped_column(ForeignKey("brokerings.id"), index=True)
    position: Mapped[int]
    text: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    weight: Mapped[int]


class Contract(Record):
    """What was signed, as it was recorded; the scan hangs on it."""

    __tablename__ = "contracts"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    brokering_id: Mapped[int] = mapped_column(ForeignKey("brokerings.id"), unique=True)
    introduction_id: Mapped[int] = mapped_column(ForeignKey("introductions.id"), index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    signed: Mapped[date] = mapped_column(Date)
    starts: Mapped[date] = mapped_column(Date)
    ends: Mapped[date] = mapped_column(Date)
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Implementation(Record):
    """What was done without subsidy: when, with what effect (from `baseline` towards `target`), and what the enterprise says of it."""

    __tablename__ = "implementations"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    brokering_id: Mapped[int] = mapped_column(ForeignKey("brokerings.id"), unique=True)
    started: Mapped[date] = mapped_column(Date)
    finished: Mapped[date | None] = mapped_column(Date)
    effect: Mapped[str] = mapped_column(Text, default="")
    indicator: Mapped[str] = mapped_column(String(100), default="")
    unit: Mapped[str] = mapped_column(String(32), default="")
    baseline: Mapped[float | None]
    target: Mapped[float | None]
    measured: Mapped[float | None]
    reported_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    result: Mapped[str] = mapped_column(String(16), default="")
    rating: Mapped[int | None]
    remark: Mapped[str] = mapped_column(Text, default="")
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    way: Mapped[str] = mapped_column(String(16), default="")


def find_brokering(session: Session, public_id: str, viewer: Viewer) -> Brokering | None:
    """For staff; for its own enterprise once it was sent. A provider reads its introduction instead."""
    found = session.scalar(select(Brokering).where(Brokering.public_id == public_id))
    if found is None or may(viewer, "read", "brokering"):
        return found
    return found if found.enterprise_id in viewer.enterprise_ids and found.sent_at is not None else None


def find_brokering_problems(session: Session, brokering_id: int) -> list[Problem]:
    query = select(BrokeringProblem).where(BrokeringProblem.brokering_id == brokering_id).order_by(BrokeringProblem.id)
    return [row.problem for row in session.scalars(query)]


def find_criteria(session: Session, brokering_id: int) -> Sequence[BrokeringCriterion]:
    query = select(BrokeringCriterion).where(BrokeringCriterion.brokering_id == brokering_id)
    return session.scalars(query.order_by(BrokeringCriterion.position)).all()


def find_contract(session: Session, brokering_id: int) -> Contract | None:
    return session.scalar(select(Contract).where(Contract.brokering_id == brokering_id))


def find_implementation(session: Session, brokering_id: int) -> Implementation | None:
    return session.scalar(select(Implementation).where(Implementation.brokering_id == brokering_id))


def _asked(query: Select[Any], *, officer_id: int | None, late_on: date | None, sector: str) -> Select[Any]:
    if officer_id is not None:
        query = query.where(Brokering.officer_id == officer_id)
    if late_on is not None:
        query = query.where(Brokering.waits_due < late_on)
    return query.where(Enterprise.sector == sector) if sector else query


def find_lane(
    session: Session, lane: str, *, officer_id: int | None, late_on: date | None, sector: str, offset: int, most: int
) -> Sequence[Brokering]:
    """One lane of the board: who has waited longest first. `late_on`: only those whose term was over before this day."""
    query = select(Brokering).join(Enterprise, Enterprise.id == Brokering.enterprise_id).where(Brokering.lane == lane)
    query = _asked(query, officer_id=officer_id, late_on=late_on, sector=sector).order_by(Brokering.waits_since, Brokering.id)
    return session.scalars(query.offset(offset).limit(most)).all()


def count_lanes(session: Session, *, officer_id: int | None = None, late_on: date | None = None, sector: str = "") -> dict[str, int]:
    query: Any = select(Brokering.lane, func.count()).join(Enterprise, Enterprise.id == Brokering.enterprise_id)
    query = _asked(query, officer_id=officer_id, late_on=late_on, sector=sector).where(Brokering.lane != "").group_by(Brokering.lane)
    found: Sequence[tuple[str, int]] = session.execute(query).all()
    return dict(found)


def count_sectors(session: Session) -> dict[str, int]:
    """How many brokerings of each sector are under way."""
    query = select(Enterprise.sector, func.count()).join(Brokering, Brokering.enterprise_id == Enterprise.id)
    return dict(session.execute(query.where(Brokering.lane != "").group_by(Enterprise.sector)).all())


def find_closed(session: Session, *, offset: int, most: int) -> Sequence[Brokering]:
    """Where nothing is to be done any more, the latest first."""
    query = select(Brokering).where(Brokering.lane == "").order_by(Brokering.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def count_closed(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Brokering).where(Brokering.lane == "")) or 0


def find_of_enterprises(session: Session, enterprise_ids: Collection[int], *, offset: int, most: int) -> Sequence[Brokering]:
    """What was sent in the name of these enterprises, the latest first."""
    query = select(Brokering).where(Brokering.enterprise_id.in_(enterprise_ids), Brokering.sent_at.is_not(None))
    return session.scalars(query.order_by(Brokering.id.desc()).offset(offset).limit(most)).all()


def count_of_enterprises(session: Session, enterprise_ids: Collection[int]) -> int:
    query = select(func.count()).select_from(Brokering)
    return session.scalar(query.where(Brokering.enterprise_id.in_(enterprise_ids), Brokering.sent_at.is_not(None))) or 0


def find_all_under_way(session: Session) -> Iterable[Brokering]:
    """Everything on the board, lane by lane, for the sheet."""
    return session.scalars(select(Brokering).where(Brokering.lane != "").order_by(Brokering.lane, Brokering.waits_since, Brokering.id))


def find_joint(session: Session, joint: str) -> Sequence[Brokering]:
    """Those that were drafted together, in their order; none for a brokering of its own."""
    query = select(Brokering).where(Brokering.joint == joint).order_by(Brokering.id)
    return session.scalars(query).all() if joint else []


def find_unbound_of_problems(session: Session, problem_ids: Collection[int]) -> dict[int, list[Brokering]]:
    """Problem → its brokerings that are not closed: two at once about one problem are shown to whoever drafts another."""
    query = select(BrokeringProblem.problem_id, Brokering).join(Brokering, BrokeringProblem.brokering_id == Brokering.id)
    found: dict[int, list[Brokering]] = {number: [] for number in problem_ids}
    for number, row in session.execute(
        query.where(BrokeringProblem.problem_id.in_(found), Brokering.state.not_in(CLOSED)).order_by(Brokering.id)
    ):
        found[number].append(row)
    return found
