"""Open demands (公开需求), the questions about them, and what providers answer, version by version."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Select, String, Text, UniqueConstraint, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.open_answers import STANDING, OpenAnswerState
from marketplace.domain.open_demands import PUBLIC, OpenDemandState
from marketplace.records.columns import Fen, Json, PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution


class OpenDemand(Record):
    """`questions_until`, `answers_until`: days of the pilot that belong to the term. `shows_name`: whether everybody may read whose it
    is. `told`: ids of the providers that were told of it. `terms`: its terms in working days, as they were when it was written.
    `reason`: why it was returned, concluded so, or withdrawn."""

    __tablename__ = "open_demands"
    __table_args__ = (
        Index("ix_open_demands_list", "state", "answers_until", "id"),
        Index("ix_open_demands_enterprise", "enterprise_id", "id"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"))
    title: Mapped[str] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    scenario_code: Mapped[str] = mapped_column(String(32), default="", index=True)
    stage: Mapped[str] = mapped_column(String(32), default="")
    budget_low_fen: Mapped[Fen]
    budget_high_fen: Mapped[Fen]
    wanted: Mapped[date | None] = mapped_column(Date)
    questions_until: Mapped[date] = mapped_column(Date)
    answers_until: Mapped[date] = mapped_column(Date)
    shows_name: Mapped[bool] = mapped_column(default=False)
    told: Mapped[list[int]] = mapped_column(Json, default=list)
    terms: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    reason: Mapped[str] = mapped_column(Text, default="")
    brokering_id: Mapped[int | None] = mapped_column(ForeignKey("brokerings.id"), index=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[OpenDemandState] = mapped_column(stored(OpenDemandState), default=OpenDemandState.DRAFT)
    enterprise: Mapped[Enterprise] = relationship(lazy="joined", innerjoin=True)


class OpenDemandProblem(Record):
    """A problem of the enterprise's list that it is about. One that was written freely is entered into the list when it is published."""

    __tablename__ = "open_demand_problems"
    __table_args__ = (UniqueConstraint("demand_id", "problem_id"),)

    id: Mapped[PrimaryKey]
    demand_id: Mapped[int] = mapped_column(ForeignKey("open_demands.id"))
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    problem: Mapped[Problem] = relationship(lazy="joined", innerjoin=True)


class OpenDemandCriterion(Record):
    """One thing by which the answers are compared, as in a brokering."""

    __tablename__ = "open_demand_criteria"

    id: Mapped[PrimaryKey]
    demand_id: Mapped[int] = mapped_column(ForeignKey("open_demands.id"), index=True)
    position: Mapped[int]
    text: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    weight: Mapped[int]


class OpenAnswer(Record):
    """One provider's answer. `feedback`: what it was told when it was not chosen; `introduction_id`: what came of it when it was."""

    __tablename__ = "open_answers"
    __table_args__ = (UniqueConstraint("demand_id", "provider_id"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    demand_id: Mapped[int] = mapped_column(ForeignKey("open_demands.id"))
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    feedback: Mapped[str] = mapped_column(Text, default="")
    introduction_id: Mapped[int | None] = mapped_column(ForeignKey("introductions.id"), index=True)
    state: Mapped[OpenAnswerState] = mapped_column(stored(OpenAnswerState), default=OpenAnswerState.GIVEN)
    demand: Mapped[OpenDemand] = relationship(lazy="joined", innerjoin=True)
    provider: Mapped[Provider] = relationship(lazy="joined", innerjoin=True)
    versions: Mapped[list[OpenAnswerVersion]] = relationship(order_by="OpenAnswerVersion.version.desc()", lazy="selectin")

    @property
    def latest(self) -> OpenAnswerVersion:
        return self.versions[0]


class OpenAnswerVersion(Record):
    """What was answered; a change is a new version, the earlier ones stay. `criteria`: [{criterion, meets, text}]; files hang on it."""

    __tablename__ = "open_answer_versions"
    __table_args__ = (UniqueConstraint("answer_id", "version"),)

    id: Mapped[PrimaryKey]
    answer_id: Mapped[int] = mapped_column(ForeignKey("open_answers.id"))
    version: Mapped[int]
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    price_low_fen: Mapped[int] = mapped_column(BigInteger)
    price_high_fen: Mapped[int] = mapped_column(BigInteger)
    weeks: Mapped[int]
    valid_until: Mapped[date] = mapped_column(Date)
    criteria: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    solution: Mapped[Solution] = relationship(lazy="joined", innerjoin=True)

    def said_to(self, criterion_id: int) -> tuple[str, str]:
        """(meets, text) about a criterion."""
        found = next((row for row in self.criteria if row["criterion"] == criterion_id), None)
        return (found["meets"], found["text"]) if found else ("", "")


class OpenQuestion(Record):
    """What a provider asks in front of all, and what the enterprise replies. `on_behalf`: the centre wrote the reply down (代录)."""

    __tablename__ = "open_questions"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    demand_id: Mapped[int] = mapped_column(ForeignKey("open_demands.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reply: Mapped[str] = mapped_column(Text, default="")
    replied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    replied_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    on_behalf: Mapped[bool] = mapped_column(default=False)
    demand: Mapped[OpenDemand] = relationship(lazy="joined", innerjoin=True)
    provider: Mapped[Provider] = relationship(lazy="joined", innerjoin=True)


def find_open_demand(session: Session, public_id: str, viewer: Viewer) -> OpenDemand | None:
    """For everybody once it is published; before that, and once withdrawn, for its enterprise, the centre, and who took part."""
    found = session.scalar(select(OpenDemand).where(OpenDemand.public_id == public_id))
    if found is None or found.state in PUBLIC or may(viewer, "check", "open_demand") or found.enterprise_id in viewer.enterprise_ids:
        return found
    took_part = found.state == OpenDemandState.WITHDRAWN and found.published_at is not None and took_part_in(session, found.id, viewer)
    return found if took_part else None


def took_part_in(session: Session, demand_id: int, viewer: Viewer) -> bool:
    """Whether one of the viewer's providers answered or asked."""
    for table in (OpenAnswer, OpenQuestion):
        query = select(table.id).where(table.demand_id == demand_id, table.provider_id.in_(viewer.provider_ids))
        if viewer.provider_ids and session.scalar(query.limit(1)) is not None:
            return True
    return False


def find_demand_problems(session: Session, demand_id: int) -> list[Problem]:
    query = select(OpenDemandProblem).where(OpenDemandProblem.demand_id == demand_id).order_by(OpenDemandProblem.id)
    return [row.problem for row in session.scalars(query)]


def find_demand_criteria(session: Session, demand_id: int) -> Sequence[OpenDemandCriterion]:
    query = select(OpenDemandCriterion).where(OpenDemandCriterion.demand_id == demand_id)
    return session.scalars(query.order_by(OpenDemandCriterion.position)).all()


def find_questions(session: Session, demand_id: int) -> Sequence[OpenQuestion]:
    """In the order in which they were asked."""
    return session.scalars(select(OpenQuestion).where(OpenQuestion.demand_id == demand_id).order_by(OpenQuestion.id)).all()


def find_question(session: Session, public_id: str) -> OpenQuestion | None:
    return session.scalar(select(OpenQuestion).where(OpenQuestion.public_id == public_id))


def find_open_answers(session: Session, demand_id: int) -> Sequence[OpenAnswer]:
    """What stands, in the order in which it came."""
    query = select(OpenAnswer).where(OpenAnswer.demand_id == demand_id, OpenAnswer.state.in_(STANDING))
    return session.scalars(query.order_by(OpenAnswer.id)).all()


def find_open_answer(session: Session, demand_id: int, provider_ids: Collection[int]) -> OpenAnswer | None:
    """A provider's own answer, taken back or not."""
    query = select(OpenAnswer).where(OpenAnswer.demand_id == demand_id, OpenAnswer.provider_id.in_(provider_ids))
    return session.scalars(query.order_by(OpenAnswer.id)).first()


def count_open_answers(session: Session, demand_ids: Collection[int]) -> dict[int, int]:
    """Demand → how many answers stand."""
    query = select(OpenAnswer.demand_id, func.count()).where(OpenAnswer.demand_id.in_(demand_ids), OpenAnswer.state.in_(STANDING))
    return dict(session.execute(query.group_by(OpenAnswer.demand_id)).all())


@dataclass(frozen=True)
class Wanted:
    """What a reader of the public list asks for. `until`: answers are taken at least until that day; `running`: only those."""

    sector: str = ""
    scenario: str = ""
    until: date | None = None
    running: bool = False


def _public(query: Select[Any], wanted: Wanted, today: date) -> Select[Any]:
    query = query.where(OpenDemand.state.in_(PUBLIC))
    if wanted.sector:
        query = query.where(OpenDemand.enterprise_id.in_(select(Enterprise.id).where(Enterprise.sector == wanted.sector)))
    if wanted.scenario:
        query = query.where(OpenDemand.scenario_code == wanted.scenario)
    if wanted.until is not None:
        query = query.where(OpenDemand.answers_until >= wanted.until)
    if wanted.running:
        query = query.where(OpenDemand.state == OpenDemandState.PUBLISHED, OpenDemand.answers_until >= today)
    return query


def count_public(session: Session, wanted: Wanted, today: date) -> int:
    return session.scalar(_public(select(func.count()).select_from(OpenDemand), wanted, today)) or 0


def find_public(session: Session, wanted: Wanted, today: date, *, offset: int, most: int) -> Sequence[OpenDemand]:
    """Those that run first; each by its last day, the latest first."""
    over = or_(OpenDemand.state != OpenDemandState.PUBLISHED, OpenDemand.answers_until < today)
    query = _public(select(OpenDemand), wanted, today).order_by(over, OpenDemand.answers_until.desc(), OpenDemand.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def find_demands_of(session: Session, enterprise_ids: Collection[int], *, most: int) -> Sequence[OpenDemand]:
    """An enterprise's own, in every state, the latest first."""
    query = select(OpenDemand).where(OpenDemand.enterprise_id.in_(enterprise_ids))
    return session.scalars(query.order_by(OpenDemand.id.desc()).limit(most)).all()


def find_demands_in(session: Session, states: Collection[OpenDemandState], *, most: int) -> Sequence[OpenDemand]:
    """For the centre: what waits in these states, the oldest first."""
    return session.scalars(select(OpenDemand).where(OpenDemand.state.in_(states)).order_by(OpenDemand.id).limit(most)).all()


def find_answered_by(session: Session, provider_ids: Collection[int], *, most: int) -> Sequence[OpenAnswer]:
    """A provider's own answers, the latest first."""
    query = select(OpenAnswer).where(OpenAnswer.provider_id.in_(provider_ids))
    return session.scalars(query.order_by(OpenAnswer.id.desc()).limit(most)).all()


def find_over(session: Session, today: date) -> Sequence[int]:
    """Ids of what is published and whose last day is over."""
    query = select(OpenDemand.id).where(OpenDemand.state == OpenDemandState.PUBLISHED, OpenDemand.answers_until < today)
    return session.scalars(query.order_by(OpenDemand.id)).all()
