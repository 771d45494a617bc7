"""Evidence of projects, what was found to be the same in two places, and where a photo's hash can be looked up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Text, UniqueConstraint, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.evidence import SPENDING, EvidenceState, FindingState, Likeness, bands, distance
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored
from marketplace.records.files import Attachment
from marketplace.records.project_plans import Milestone
from marketplace.records.projects import Project


class Evidence(Record):
    """One file handed in for a project. `kind`: a document of the pilot's rules; `cost`: a kind of cost; amounts with tax, in fen.

    `suggested`: what was read of the file, which the person confirms; `doubts`: {code, message, values} of what must be looked at.
    `number_key`: the invoice number as it is compared. `superseded_by`: what stands in its place.
    """

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_project", "project_id", "state", "id"), Index("ix_evidence_number", "number_key"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(32))
    attachment_id: Mapped[int | None] = mapped_column(ForeignKey("attachments.id"))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    photo_hash: Mapped[str] = mapped_column(String(16), default="")
    milestone_id: Mapped[int | None] = mapped_column(ForeignKey("milestones.id"), index=True)
    cost: Mapped[str] = mapped_column(String(32), default="")
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    invoice_number: Mapped[str] = mapped_column(String(40), default="")
    number_key: Mapped[str] = mapped_column(String(40), default="")
    invoice_date: Mapped[date | None] = mapped_column(Date)
    seller: Mapped[str] = mapped_column(String(200), default="")
    taken_on: Mapped[date | None] = mapped_column(Date)
    place: Mapped[str] = mapped_column(String(200), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    suggested: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    doubts: Mapped[Rows]
    state: Mapped[EvidenceState] = mapped_column(stored(EvidenceState), default=EvidenceState.UPLOADED)
    superseded_by: Mapped[int | None] = mapped_column(ForeignKey("evidence.id"))
    why: Mapped[str] = mapped_column(String(500), default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    counted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)
    attachment: Mapped[Attachment | None] = relationship(lazy="joined")
    milestone: Mapped[Milestone | None] = relationship(lazy="joined")


class PhotoBand(Record):
    """A byte of a photo's hash with its place: photos that differ in few bits share one."""

    __tablename__ = "photo_bands"

    band: Mapped[int] = mapped_column(primary_key=True)
    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"), primary_key=True, index=True)


class EvidenceFinding(Record):
    """The later piece of evidence (`evidence_id`) is the same as an earlier one (`other_id`) in one respect; an office judges it."""

    __tablename__ = "evidence_findings"
    __table_args__ = (
        UniqueConstraint("evidence_id", "other_id", "likeness"),
        Index("ix_evidence_findings_project", "project_id", "state"),
        Index("ix_evidence_findings_state", "state", "id"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"), index=True)
    likeness: Mapped[Likeness] = mapped_column(stored(Likeness))
    distance: Mapped[int] = mapped_column(default=0)
    state: Mapped[FindingState] = mapped_column(stored(FindingState), default=FindingState.OPEN)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    judged_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    judged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    judgement: Mapped[str] = mapped_column(Text, default="")
    evidence: Mapped[Evidence] = relationship(foreign_keys=[evidence_id], lazy="joined", innerjoin=True)
    other: Mapped[Evidence] = relationship(foreign_keys=[other_id], lazy="joined", innerjoin=True)


def find_evidence(session: Session, public_id: str, project_id: int) -> Evidence | None:
    return session.scalar(select(Evidence).where(Evidence.public_id == public_id, Evidence.project_id == project_id))


def count_evidence(session: Session, project_id: int, *, superseded: bool = False) -> int:
    return session.scalar(select(func.count()).select_from(Evidence).where(*_of(project_id, superseded))) or 0


def find_evidence_of(
    session: Session, project_id: int, *, superseded: bool = False, offset: int = 0, most: int = 10_000
) -> Sequence[Evidence]:
    """What counts or is still to be checked, the newest first; or all of it."""
    query = select(Evidence).where(*_of(project_id, superseded)).order_by(Evidence.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def _of(project_id: int, superseded: bool) -> list[Any]:
    own = [Evidence.project_id == project_id]
    return own if superseded else [*own, Evidence.state != EvidenceState.SUPERSEDED]


def sums_by_seller(session: Session, project_id: int, *, without: int | None = None) -> dict[str, int]:
    """What was invoiced by each seller, as it is written."""
    query = select(Evidence.seller, func.coalesce(func.sum(Evidence.amount_fen), 0)).where(
        Evidence.project_id == project_id, Evidence.kind.in_(SPENDING), Evidence.state == EvidenceState.COUNTED
    )
    if without is not None:
        query = query.where(Evidence.id != without)
    return {seller: int(fen or 0) for seller, fen in session.execute(query.group_by(Evidence.seller))}


def sums_by_cost(session: Session, project_id: int, *, without: int | None = None) -> dict[str, int]:
    """What was spent by the invoices that count, by kind of cost; "" where none was named."""
    query = select(Evidence.cost, func.coalesce(func.sum(Evidence.amount_fen), 0)).where(
        Evidence.project_id == project_id, Evidence.kind.in_(SPENDING), Evidence.state == EvidenceState.COUNTED
    )
    if without is not None:
        query = query.where(Evidence.id != without)
    return {cost: int(fen or 0) for cost, fen in session.execute(query.group_by(Evidence.cost))}


def find_same(session: Session, evidence: Evidence) -> Sequence[tuple[Evidence, Likeness]]:
    """Older evidence, of whatever project, that holds the same file or the same invoice number; what was replaced in its own project
    does not count."""
    same = [Evidence.sha256 == evidence.sha256]
    if evidence.number_key:
        same.append(Evidence.number_key == evidence.number_key)
    query = select(Evidence).where(Evidence.id < evidence.id, or_(*same), _counts_against(evidence)).order_by(Evidence.id)
    found: list[tuple[Evidence, Likeness]] = []
    for other in session.scalars(query):
        if other.sha256 == evidence.sha256:
            found.append((other, Likeness.FILE))
        # A slip or a contract may name the invoice that it belongs to.
        elif other.kind == evidence.kind:
            found.append((other, Likeness.INVOICE))
    return found


def find_later_same(session: Session, evidence: Evidence) -> Sequence[Evidence]:
    """Newer evidence of the same kind with the same invoice number, for a number that was typed or mended later."""
    if not evidence.number_key:
        return []
    query = select(Evidence).where(Evidence.id > evidence.id, Evidence.number_key == evidence.number_key, Evidence.kind == evidence.kind)
    return session.scalars(query.where(_counts_against(evidence)).order_by(Evidence.id)).all()


def find_near_photos(session: Session, evidence: Evidence, most: int) -> Sequence[tuple[Evidence, int]]:
    """Older photos whose hash differs in `most` bits at the most, which must be fewer than eight: those share a byte in its place."""
    shared = select(PhotoBand.evidence_id).where(PhotoBand.band.in_(bands(evidence.photo_hash)))
    query = select(Evidence.id, Evidence.photo_hash).where(Evidence.id < evidence.id, Evidence.id.in_(shared), _counts_against(evidence))
    near = {number: distance(evidence.photo_hash, other) for number, other in session.execute(query)}
    near = {number: bits for number, bits in near.items() if bits <= most}
    rows = session.scalars(select(Evidence).where(Evidence.id.in_(near)).order_by(Evidence.id)).all() if near else []
    return [(row, near[row.id]) for row in rows]


def _counts_against(evidence: Evidence) -> Any:
    return or_(Evidence.project_id != evidence.project_id, Evidence.state != EvidenceState.SUPERSEDED)


def find_findings(session: Session, project_id: int) -> Sequence[EvidenceFinding]:
    """What was found of a project's evidence, the open ones first."""
    query = select(EvidenceFinding).where(EvidenceFinding.project_id == project_id)
    return session.scalars(query.order_by(EvidenceFinding.state != FindingState.OPEN, EvidenceFinding.id.desc())).all()


def find_finding(session: Session, public_id: str) -> EvidenceFinding | None:
    return session.scalar(select(EvidenceFinding).where(EvidenceFinding.public_id == public_id))


def count_findings(session: Session, project_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """Project → state → how many, of evidence that still counts."""
    found: dict[int, dict[str, int]] = {}
    query = (
        select(EvidenceFinding.project_id, EvidenceFinding.state, func.count())
        .join(Evidence, Evidence.id == EvidenceFinding.evidence_id)
        .where(EvidenceFinding.project_id.in_(project_ids))
        .where(or_(Evidence.state != EvidenceState.SUPERSEDED, EvidenceFinding.state == FindingState.UPHELD))
        .group_by(EvidenceFinding.project_id, EvidenceFinding.state)
    )
    for project_id, state, number in session.execute(query):
        found.setdefault(project_id, {})[str(state)] = number
    return found


def count_open_findings(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(EvidenceFinding).where(EvidenceFinding.state == FindingState.OPEN)) or 0


def find_open_findings(session: Session, *, most: int) -> Sequence[EvidenceFinding]:
    query = select(EvidenceFinding).where(EvidenceFinding.state == FindingState.OPEN).order_by(EvidenceFinding.id)
    return session.scalars(query.limit(most)).all()
