"""Reports that are read for problems: the text or file, and the list that was proposed, until a person has corrected and saved it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.report_imports import ReportImportState
from marketplace.records.columns import PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise

MOST_WAITING = 20


class ReportImport(Record):
    """`proposed`: rows {text, take, stage, orientation, scenario, sure}; `fault`: a key of domain FAULTS; `letters`: how many were read;
    `is_cut`: the report is longer than what was read. `text`: what was pasted; a file is an attachment of this noun."""

    __tablename__ = "report_imports"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("enterprises.id"), index=True)
    diagnosis_id: Mapped[int | None] = mapped_column(ForeignKey("diagnoses.id"), index=True)
    filename: Mapped[str] = mapped_column(String(200), default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[ReportImportState] = mapped_column(stored(ReportImportState), default=ReportImportState.READING, index=True)
    fault: Mapped[str] = mapped_column(String(32), default="")
    letters: Mapped[int] = mapped_column(default=0)
    is_cut: Mapped[bool] = mapped_column(default=False)
    proposed: Mapped[Rows]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    enterprise: Mapped[Enterprise] = relationship()
    diagnosis: Mapped[Diagnosis | None] = relationship()


def find_waiting_imports(session: Session, enterprise_id: int, diagnosis_id: int | None = None) -> Sequence[ReportImport]:
    """Reports that are being read, or whose list nobody has corrected yet, the newest first; of one diagnosis, or of none."""
    query = select(ReportImport).where(ReportImport.enterprise_id == enterprise_id, ReportImport.diagnosis_id == diagnosis_id)
    waiting = query.where(ReportImport.state.in_((ReportImportState.READING, ReportImportState.READY)))
    return session.scalars(waiting.order_by(ReportImport.id.desc()).limit(MOST_WAITING)).all()


def find_report_import(session: Session, public_id: str) -> ReportImport | None:
    return session.scalar(select(ReportImport).where(ReportImport.public_id == public_id))
