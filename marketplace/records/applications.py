"""Providers' applications: what was answered section by section, what was handed in, what the review remarked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, ForeignKey, Index, String, Text, UniqueConstraint, false, func, select, text, true
from sqlalchemy.orm import Mapped, Session, defer, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.application_answers import FileFact
from marketplace.domain.applications import ApplicationState
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored
from marketplace.records.organisations import Organisation
from marketplace.records.windows import ApplicationWindow

_NOT_WITHDRAWN = text("state <> 'withdrawn'")


class ProviderApplication(Record):
    """One organisation in one window. `answers`: section → what was typed there (see domain.application_answers).

    `version` grows with every save and `section_versions` says at which version a section was last saved, so that two
    people who type at once are told. `supplement_until`: the last day to answer a send-back; `publicity_until`: the last
    day of 公示; `decided_at`, `decision_reason`: why it was admitted or refused. Those four are written by the review.
    """

    __tablename__ = "provider_applications"
    __table_args__ = (
        Index(
            "uq_provider_applications_one_a_window",
            "window_id",
            "organisation_id",
            unique=True,
            sqlite_where=_NOT_WITHDRAWN,
            postgresql_where=_NOT_WITHDRAWN,
        ),
        Index("ix_provider_applications_window_id_state", "window_id", "state"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    window_id: Mapped[int] = mapped_column(ForeignKey("application_windows.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    state: Mapped[ApplicationState] = mapped_column(stored(ApplicationState), default=ApplicationState.DRAFT, index=True)
    answers: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    version: Mapped[int] = mapped_column(default=0)
    section_versions: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    saved_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reused_from: Mapped[int | None] = mapped_column(ForeignKey("provider_applications.id"))
    supplement_until: Mapped[date | None] = mapped_column(Date)
    publicity_until: Mapped[date | None] = mapped_column(Date)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision_reason: Mapped[str] = mapped_column(Text, default="")
    window: Mapped[ApplicationWindow] = relationship(lazy="joined", innerjoin=True)
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    remarks: Mapped[list[SectionRemark]] = relationship(back_populates="application", order_by="SectionRemark.id")

    @property
    def open_remarks(self) -> int:
        return sum(remark.settled_at is None for remark in self.remarks)

    @property
    def publicity_days(self) -> int:
        return self.window.publicity_days


class SectionRemark(Record):
    """Why a section is sent back, and what the applicant says to it; settled once it is handed in again."""

    __tablename__ = "section_remarks"

    id: Mapped[PrimaryKey]
    application_id: Mapped[int] = mapped_column(ForeignKey("provider_applications.id"), index=True)
    section: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reply: Mapped[str] = mapped_column(Text, default="")
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    application: Mapped[ProviderApplication] = relationship(back_populates="remarks")


class ApplicationSubmission(Record):
    """What was handed in, as it was then: answers, files (kind, sha256, filename) and what the machine checks said."""

    __tablename__ = "application_submissions"
    __table_args__ = (UniqueConstraint("application_id", "round"),)

    id: Mapped[PrimaryKey]
    application_id: Mapped[int] = mapped_column(ForeignKey("provider_applications.id"))
    round: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    files: Mapped[Rows]
    checks: Mapped[Rows]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))

    @property
    def file_facts(self) -> list[FileFact]:
        return [FileFact(str(row["kind"]), str(row["sha256"]), str(row["filename"])) for row in self.files]


class ApplicationTrace(Record):
    """What two applicants should not share: a telephone, an e-mail, an expert. Written anew with each save of its section."""

    __tablename__ = "application_traces"
    __table_args__ = (Index("ix_application_traces_kind_value", "kind", "value"),)

    id: Mapped[PrimaryKey]
    application_id: Mapped[int] = mapped_column(ForeignKey("provider_applications.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(200))


def readable_applications(viewer: Viewer) -> ColumnElement[bool]:
    """Staff read every application, an applicant its own."""
    if may(viewer, "read", "application"):
        return true()
    if may(viewer, "read_own", "application") and viewer.applicant_ids:
        return ProviderApplication.organisation_id.in_(viewer.applicant_ids)
    return false()


def find_application(session: Session, public_id: str, viewer: Viewer) -> ProviderApplication | None:
    """The application if this person may read it; another's is as absent as one that never was."""
    query = select(ProviderApplication).where(ProviderApplication.public_id == public_id)
    return session.scalar(query.where(readable_applications(viewer)))


def find_own_applications(session: Session, organisation_ids: frozenset[int], *, offset: int, most: int) -> Sequence[ProviderApplication]:
    """The latest first; without what was typed, which lists do not show."""
    query = select(ProviderApplication).where(ProviderApplication.organisation_id.in_(organisation_ids))
    query = query.options(defer(ProviderApplication.answers)).order_by(ProviderApplication.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def count_own_applications(session: Session, organisation_ids: frozenset[int]) -> int:
    own = ProviderApplication.organisation_id.in_(organisation_ids)
    return session.scalar(select(func.count()).select_from(ProviderApplication).where(own)) or 0


def find_submissions(session: Session, application_id: int) -> Sequence[ApplicationSubmission]:
    """What was handed in, the first first."""
    query = select(ApplicationSubmission).where(ApplicationSubmission.application_id == application_id)
    return session.scalars(query.order_by(ApplicationSubmission.round)).all()
