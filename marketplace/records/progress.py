"""Monthly reports of projects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.progress import OPEN, ReportState
from marketplace.domain.projects import ProjectState
from marketplace.records.columns import PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored
from marketplace.records.history import HistoryEntry
from marketplace.records.projects import Project, ProjectMember


class MonthlyReport(Record):
    """What a project reports of one month (2026-10). `spending_fen`: all that was spent until its end, as the enterprise says.

    `late`: how late it was handed in, or how late it is by now; `reached`: {milestone, title, on} as they were told in it.
    """

    __tablename__ = "monthly_reports"
    __table_args__ = (UniqueConstraint("project_id", "month"), Index("ix_monthly_reports_open", "state", "due"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    month: Mapped[str] = mapped_column(String(7))
    due: Mapped[date] = mapped_column(Date)
    state: Mapped[ReportState] = mapped_column(stored(ReportState), default=ReportState.WANTED)
    late: Mapped[str] = mapped_column(String(16), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    percent: Mapped[int | None]
    spending_fen: Mapped[int | None] = mapped_column(BigInteger)
    problems: Mapped[str] = mapped_column(Text, default="")
    help: Mapped[str] = mapped_column(Text, default="")
    reached: Mapped[Rows]
    why: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    handed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    handed_in_on: Mapped[date | None] = mapped_column(Date)
    handed_in_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)


def find_reports(session: Session, project_id: int) -> Sequence[MonthlyReport]:
    """The newest month first."""
    return session.scalars(select(MonthlyReport).where(MonthlyReport.project_id == project_id).order_by(MonthlyReport.month.desc())).all()


def find_report(session: Session, project_id: int, month: str) -> MonthlyReport | None:
    return session.scalar(select(MonthlyReport).where(MonthlyReport.project_id == project_id, MonthlyReport.month == month))


def find_report_before(session: Session, project_id: int, month: str) -> MonthlyReport | None:
    """The last report before a month that says something."""
    query = select(MonthlyReport).where(
        MonthlyReport.project_id == project_id, MonthlyReport.month < month, MonthlyReport.handed_in_at.is_not(None)
    )
    return session.scalar(query.order_by(MonthlyReport.month.desc()).limit(1))


def find_open_reports(session: Session, project_ids: Collection[int]) -> dict[int, list[MonthlyReport]]:
    """Reports that are wanted now, by project."""
    found: dict[int, list[MonthlyReport]] = defaultdict(list)
    query = select(MonthlyReport).where(MonthlyReport.project_id.in_(project_ids), MonthlyReport.state.in_(OPEN))
    for row in session.scalars(query.order_by(MonthlyReport.month)):
        found[row.project_id].append(row)
    return found


def count_late(session: Session, since: str) -> dict[int, dict[str, int]]:
    """Project → how late → how many reports since a month."""
    found: dict[int, dict[str, int]] = {}
    query = select(MonthlyReport.project_id, MonthlyReport.late, func.count()).where(MonthlyReport.month >= since, MonthlyReport.late != "")
    for project_id, late, number in session.execute(query.group_by(MonthlyReport.project_id, MonthlyReport.late)):
        found.setdefault(project_id, {})[late] = number
    return found


def when_begun(session: Session, project_id: int) -> datetime | None:
    """When the project first came under way, by the history."""
    after = HistoryEntry.after["state"].as_string()
    query = select(func.min(HistoryEntry.at)).where(
        HistoryEntry.noun == "project", HistoryEntry.noun_id == project_id, after == ProjectState.IMPLEMENTING.value
    )
    return session.scalar(query)


def reads_steps(session: Session, viewer: Viewer, project: Project) -> bool:
    """Who reads a project's evidence and reports: the offices, the officers of its area, the applicant, members; no supplier."""
    if may(viewer, "read", "project") or project.area in viewer.areas or project.organisation_id in viewer.organisation_ids:
        return True
    if not viewer.enterprise_ids:
        return False
    members = select(ProjectMember.id).where(ProjectMember.project_id == project.id, ProjectMember.enterprise_id.in_(viewer.enterprise_ids))
    return session.scalar(members.limit(1)) is not None
