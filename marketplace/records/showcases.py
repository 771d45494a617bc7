"""Showcases (标杆案例): what a finished project shows, and the consent of those it speaks of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, ColumnElement, Date, ForeignKey, Index, String, Text, UniqueConstraint, cast, or_, select, true
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.showcases import Answer, ShowcaseState, Side
from marketplace.records.columns import PrimaryKey, PublicId, Record, Rows, Strings, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.projects import Project
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution

READERS = ("nominate", "showcase")


class Showcase(Record):
    """`effects`: rows of {name, unit, before, after}; `templates`: rows of {name, use}. `written_by`: who changed the text last.
    `show_name`, `show_cost`: what the enterprise agreed may be read. `published_on`: the first day, for lists and feeds."""

    __tablename__ = "showcases"
    __table_args__ = (Index("ix_showcases_state", "state", "published_on"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprises.id"))
    solution_id: Mapped[int | None] = mapped_column(ForeignKey("solutions.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text, default="")
    level: Mapped[str] = mapped_column(String(16))
    sector: Mapped[str] = mapped_column(String(32))
    orientations: Mapped[Strings]
    scenario_codes: Mapped[Strings]
    problem: Mapped[str] = mapped_column(Text, default="")
    approach: Mapped[str] = mapped_column(Text, default="")
    experience: Mapped[str] = mapped_column(Text, default="")
    effects: Mapped[Rows]
    effect_note: Mapped[str] = mapped_column(Text, default="")
    cost_fen: Mapped[int | None] = mapped_column(BigInteger)
    starts: Mapped[date | None] = mapped_column(Date)
    finished: Mapped[date | None] = mapped_column(Date)
    templates: Mapped[Rows]
    state: Mapped[ShowcaseState] = mapped_column(stored(ShowcaseState), default=ShowcaseState.DRAFT)
    show_name: Mapped[bool] = mapped_column(default=False)
    show_cost: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(Text, default="")
    nominated_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    written_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    published_on: Mapped[date | None] = mapped_column(Date)
    project: Mapped[Project] = relationship()
    enterprise: Mapped[Enterprise | None] = relationship()
    solution: Mapped[Solution | None] = relationship()


class ShowcaseConsent(Record):
    """One party's answer to the text as it stands; asked anew after every change. `provider_id`: of a supplier."""

    __tablename__ = "showcase_consents"
    __table_args__ = (UniqueConstraint("showcase_id", "organisation_id", "side"),)

    id: Mapped[PrimaryKey]
    showcase_id: Mapped[int] = mapped_column(ForeignKey("showcases.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("providers.id"))
    side: Mapped[Side] = mapped_column(stored(Side))
    answer: Mapped[Answer] = mapped_column(stored(Answer), default=Answer.ASKED)
    why: Mapped[str] = mapped_column(Text, default="")
    asked: Mapped[datetime] = mapped_column(UtcDateTime)
    answered: Mapped[datetime | None] = mapped_column(UtcDateTime)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    provider: Mapped[Provider | None] = relationship(lazy="joined")


def readable_showcases(viewer: Viewer) -> ColumnElement[bool]:
    """Everybody reads what is published, the offices all; a party what it was asked about, until it is a draft again."""
    if may(viewer, *READERS):
        return true()
    published = Showcase.state == ShowcaseState.PUBLISHED
    if not viewer.organisation_ids:
        return published
    asked = select(ShowcaseConsent.showcase_id).where(ShowcaseConsent.organisation_id.in_(viewer.organisation_ids))
    return or_(published, Showcase.id.in_(asked) & Showcase.state.in_((ShowcaseState.CONSENTING, ShowcaseState.REVIEWING)))


def find_showcase(session: Session, public_id: str, viewer: Viewer) -> Showcase | None:
    """What is not readable is as absent as what does not exist."""
    query = select(Showcase).where(Showcase.public_id == public_id, readable_showcases(viewer))
    return session.scalar(query.options(joinedload(Showcase.enterprise), joinedload(Showcase.solution)))


def find_showcase_consents(session: Session, showcase_id: int) -> Sequence[ShowcaseConsent]:
    """The applicant first."""
    return session.scalars(select(ShowcaseConsent).where(ShowcaseConsent.showcase_id == showcase_id).order_by(ShowcaseConsent.id)).all()


def naming_scenarios(codes: Collection[str]) -> ColumnElement[bool]:
    """Showcases that name one of these scenarios."""
    named = cast(Showcase.scenario_codes, Text)
    return or_(*(named.contains(f'"{code}"', autoescape=True) for code in codes))


def find_published(session: Session, *where: ColumnElement[bool], most: int) -> Sequence[Showcase]:
    """Published ones, the newest first; for the sections of other pages."""
    query = (
        select(Showcase).where(Showcase.state == ShowcaseState.PUBLISHED, *where).order_by(Showcase.published_on.desc(), Showcase.id.desc())
    )
    return session.scalars(query.options(joinedload(Showcase.enterprise)).limit(most)).all()
