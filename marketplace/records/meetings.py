"""Matchmaking meetings (供需对接会): who is invited, who talks to whom when and at which table, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, Select, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload

from marketplace.domain.access import Viewer, may
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.introductions import Answer
from marketplace.domain.meetings import TOLD, MeetingState
from marketplace.domain.problems import ProblemState
from marketplace.records.brokerings import Contract
from marketplace.records.columns import Fen, Json, PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.coverage import DemandMatch
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution


class Meeting(Record):
    """`sector` or `scenario_code` says whom it is for. Times are minutes of the day; `breaks`: [begin, end] each. `reason`: why it
    was cancelled."""

    __tablename__ = "meetings"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    title: Mapped[str] = mapped_column(String(100))
    sector: Mapped[str] = mapped_column(String(32), default="")
    scenario_code: Mapped[str] = mapped_column(String(32), default="")
    venue: Mapped[str] = mapped_column(String(200))
    day: Mapped[date] = mapped_column(Date, index=True)
    starts: Mapped[int]
    ends: Mapped[int]
    minutes: Mapped[int]
    gap: Mapped[int]
    tables: Mapped[int]
    breaks: Mapped[list[list[int]]] = mapped_column(Json, default=list)
    answer_by: Mapped[date] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text, default="")
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    invited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    planned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[MeetingState] = mapped_column(stored(MeetingState), default=MeetingState.DRAFT)


class MeetingParty(Record):
    """An enterprise or a provider at a meeting. `code`: what is typed at the desk. `way`: how an answer was given that the centre
    wrote down, "" where the party answered itself. `people`: who will come, in the party's own words."""

    __tablename__ = "meeting_parties"
    __table_args__ = (
        UniqueConstraint("meeting_id", "enterprise_id"),
        UniqueConstraint("meeting_id", "provider_id"),
        UniqueConstraint("meeting_id", "code"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"))
    side: Mapped[str] = mapped_column(String(16))
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprises.id"), index=True)
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("providers.id"), index=True)
    code: Mapped[str] = mapped_column(String(8))
    invited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[Answer] = mapped_column(stored(Answer), default=Answer.PENDING)
    reason: Mapped[str] = mapped_column(String(32), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    people: Mapped[str] = mapped_column(String(200), default="")
    way: Mapped[str] = mapped_column(String(16), default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    came_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    came_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    late: Mapped[bool] = mapped_column(default=False)
    enterprise: Mapped[Enterprise | None] = relationship(lazy="joined")
    provider: Mapped[Provider | None] = relationship(lazy="joined")

    @property
    def name(self) -> str:
        found = self.enterprise or self.provider
        return found.name if found is not None else ""

    @property
    def organisation_id(self) -> int:
        found = self.enterprise or self.provider
        assert found is not None
        return found.organisation_id


class MeetingTalk(Record):
    """One enterprise and one provider at one table, about one problem. `*_agreed`: when each side said that it comes to this very talk;
    once both have, the provider knows whose problem it is. `round`, `table`: from 0, None without a place, `left_out` says why.
    `position`, `model`, `features`, `strength`: as the recommendation was when it was ticked. `introduction_id`: where it went on."""

    __tablename__ = "meeting_talks"
    __table_args__ = (
        UniqueConstraint("enterprise_party_id", "provider_party_id"),
        Index("ix_meeting_talks_meeting", "meeting_id", "round"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"))
    enterprise_party_id: Mapped[int] = mapped_column(ForeignKey("meeting_parties.id"))
    provider_party_id: Mapped[int] = mapped_column(ForeignKey("meeting_parties.id"), index=True)
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    score: Mapped[float | None]
    strength: Mapped[int | None]
    position: Mapped[int | None]
    model: Mapped[str] = mapped_column(String(64), default="")
    features: Mapped[dict[str, Any] | None] = mapped_column(Json)
    enterprise_agreed: Mapped[datetime | None] = mapped_column(UtcDateTime)
    provider_agreed: Mapped[datetime | None] = mapped_column(UtcDateTime)
    round: Mapped[int | None]
    table: Mapped[int | None] = mapped_column("table_number")
    left_out: Mapped[str] = mapped_column(String(32), default="")
    result: Mapped[str] = mapped_column(String(16), default="")
    amount_fen: Mapped[Fen]
    note: Mapped[str] = mapped_column(Text, default="")
    next_step: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    introduction_id: Mapped[int | None] = mapped_column(ForeignKey("introductions.id"), index=True)
    enterprise_party: Mapped[MeetingParty] = relationship(foreign_keys=[enterprise_party_id])
    provider_party: Mapped[MeetingParty] = relationship(foreign_keys=[provider_party_id])
    problem: Mapped[Problem] = relationship()
    solution: Mapped[Solution] = relationship()
    introduction: Mapped[Introduction | None] = relationship()

    @property
    def is_mutual(self) -> bool:
        return self.enterprise_agreed is not None and self.provider_agreed is not None

    @property
    def both_came(self) -> bool:
        return self.enterprise_party.came_at is not None and self.provider_party.came_at is not None


def _own_meetings(viewer: Viewer) -> Select[int]:
    """The meetings to which the viewer's own organisations were invited."""
    query = select(MeetingParty.meeting_id).where(MeetingParty.invited_at.is_not(None))
    return query.where(MeetingParty.enterprise_id.in_(viewer.enterprise_ids) | MeetingParty.provider_id.in_(viewer.provider_ids))


def _readable(viewer: Viewer) -> Select[Meeting]:
    query = select(Meeting)
    return query if may(viewer, "read", "meeting") else query.where(Meeting.state.in_(TOLD), Meeting.id.in_(_own_meetings(viewer)))


def find_meeting(session: Session, public_id: str, viewer: Viewer) -> Meeting | None:
    """For staff; for those who were invited."""
    return session.scalar(_readable(viewer).where(Meeting.public_id == public_id))


def count_meetings(session: Session, viewer: Viewer) -> int:
    return session.scalar(select(func.count()).select_from(_readable(viewer).subquery())) or 0


def find_meetings(session: Session, viewer: Viewer, *, offset: int, most: int) -> Sequence[Meeting]:
    """The latest day first."""
    return session.scalars(_readable(viewer).order_by(Meeting.day.desc(), Meeting.id.desc()).offset(offset).limit(most)).all()


def count_parties(session: Session, meeting_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Meeting → enterprises, providers, talks, and how many answers are still missing; one statement each, for lists."""
    found: dict[int, dict[str, int]] = {number: {} for number in meeting_ids}
    parties = select(MeetingParty.meeting_id, MeetingParty.side, MeetingParty.answer, func.count())
    parties = parties.where(MeetingParty.meeting_id.in_(meeting_ids)).group_by(
        MeetingParty.meeting_id, MeetingParty.side, MeetingParty.answer
    )
    for number, side, answer, count in session.execute(parties):
        for key in (side, str(answer)):
            found[number][key] = found[number].get(key, 0) + count
    talks = select(MeetingTalk.meeting_id, func.count()).where(MeetingTalk.meeting_id.in_(meeting_ids)).group_by(MeetingTalk.meeting_id)
    for number, count in session.execute(talks):
        found[number]["talks"] = count
    return found


def find_parties(session: Session, meeting_id: int) -> Sequence[MeetingParty]:
    """Enterprises first, by their code."""
    return session.scalars(select(MeetingParty).where(MeetingParty.meeting_id == meeting_id).order_by(MeetingParty.code)).all()


def find_talks(session: Session, meeting_id: int, *, party_ids: Collection[int] | None = None) -> Sequence[MeetingTalk]:
    """With all that a page shows of them, by round and table, those without a place last. `party_ids`: only those of these parties."""
    query = select(MeetingTalk).where(MeetingTalk.meeting_id == meeting_id)
    if party_ids is not None:
        query = query.where(MeetingTalk.enterprise_party_id.in_(party_ids) | MeetingTalk.provider_party_id.in_(party_ids))
    # By further statements: joined in one, the parties with their organisations and the brokerings would be a dozen tables wide.
    shown = (MeetingTalk.enterprise_party, MeetingTalk.provider_party, MeetingTalk.solution, MeetingTalk.introduction)
    query = query.options(selectinload(MeetingTalk.problem).joinedload(Problem.enterprise), *(selectinload(one) for one in shown))
    order = (MeetingTalk.round.is_(None), MeetingTalk.round, MeetingTalk.table, MeetingTalk.id)
    return session.scalars(query.order_by(*order)).all()


def find_contracts_of(session: Session, meeting: Meeting, introduction_ids: Collection[int]) -> dict[int, Contract]:
    """Introduction → the contract that was signed on the day of the meeting or since."""
    query = select(Contract).where(Contract.introduction_id.in_(introduction_ids), Contract.signed >= meeting.day)
    return {row.introduction_id: row for row in session.scalars(query)}


def _wanted(sector: str, scenario_code: str) -> Select[Problem]:
    """Open problems that providers may see: of an issued diagnosis, or entered by whoever has none."""
    query = select(Problem).join(Enterprise, Enterprise.id == Problem.enterprise_id)
    query = query.outerjoin(Diagnosis, Diagnosis.id == Problem.diagnosis_id).where(Problem.state == ProblemState.OPEN)
    query = query.where(Diagnosis.id.is_(None) | (Diagnosis.state == DiagnosisState.ISSUED))
    return query.where(Problem.scenario_code == scenario_code) if scenario_code else query.where(Enterprise.sector == sector)


def find_wanted(session: Session, sector: str, scenario_code: str, *, most: int) -> list[tuple[Problem, int, int]]:
    """(problem, providers that answer it, the best strength) by the night's count; those that most providers answer first. Where nothing
    was counted yet, the figures are 0 and the newest stand first."""
    counted = select(DemandMatch.problem_id, func.count().label("takers"), func.max(DemandMatch.strength).label("best"))
    rows = counted.group_by(DemandMatch.problem_id).subquery()
    query = _wanted(sector, scenario_code).outerjoin(rows, rows.c.problem_id == Problem.id)
    takers, best = func.coalesce(rows.c.takers, 0), func.coalesce(rows.c.best, 0)
    query = query.options(joinedload(Problem.enterprise)).order_by(best.desc(), takers.desc(), Problem.id.desc()).limit(most)
    return [(problem, count, strength) for problem, count, strength in session.execute(query.add_columns(takers, best))]


def count_wanted(session: Session, sector: str, scenario_code: str) -> tuple[int, int]:
    """How many enterprises and problems there are."""
    inner = _wanted(sector, scenario_code).subquery()
    found = session.execute(select(func.count(func.distinct(inner.c.enterprise_id)), func.count()).select_from(inner)).one()
    return found[0], found[1]
