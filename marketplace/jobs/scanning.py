"""Asking the virus scanner again about files for which it had no answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.domain.access import Role
from marketplace.domain.files import ALERT_MINUTES
from marketplace.domain.lifecycle import _
from marketplace.files.text import has_text
from marketplace.jobs.progress import Later, Progress
from marketplace.records.files import Attachment, Blob, Scan
from marketplace.records.jobs import Job
from marketplace.records.notices import Notice
from marketplace.site import Site

PAUSE = timedelta(seconds=30)
# While a scanner stays away, whoever runs the site hears of it this often.
_AGAIN = timedelta(hours=1)
_SILENT = _("病毒扫描已超过 {minutes} 分钟没有答复，{count} 个文件在等，暂不能下载。请检查 clamd。")


def scan(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Until there is an answer the file goes to nobody. An infected one is never given out; who brought it is told."""
    sha256, at = job.payload["sha256"], datetime.now(UTC)
    with site.database.reading() as session:
        blob = session.get(Blob, sha256)
        if blob is None or blob.scan is not Scan.PENDING:
            return None
        waits = at - blob.created
    answer = site.files.scanner.scan(site.files.path(sha256))
    if answer is Scan.PENDING:
        if waits > timedelta(minutes=ALERT_MINUTES):
            with site.database.writing() as session:
                _alert(session, at)
        raise Later(PAUSE, "病毒扫描没有答复")
    with progress.finishing({"scan": answer.value}) as session:
        blob = session.get_one(Blob, sha256, with_for_update=True)
        blob.scan = answer
        if answer is Scan.INFECTED:
            _tell(session, sha256, at)
        elif blob.text is None and has_text(blob.kind):
            enqueue_job(session, "read_text", {"sha256": sha256}, at=at, key=f"read_text:{sha256}")
    return None


def _tell(session: Session, sha256: str, at: datetime) -> None:
    """For the record, to those who brought it and to those who run the site."""
    for attachment in session.scalars(select(Attachment).where(Attachment.sha256 == sha256)).all():
        after = {"file": attachment.filename, "sha256": sha256}
        noun, number = attachment.noun, attachment.noun_id
        record(session, actor="clamd", verb="quarantine", noun=noun, noun_id=number, before=None, after=after, at=at)
        people = accounts_of_roles(session, {Role.ADMIN}) | ({attachment.uploaded_by} if attachment.uploaded_by is not None else set())
        message = _("病毒扫描发现附件“{file}”有问题，已隔离，不能下载。请在自己的电脑上杀毒后重新上传。")
        notify(session, people, "site", message, at=at, values={"file": attachment.filename})


def _alert(session: Session, at: datetime) -> None:
    if session.scalar(select(Notice.id).where(Notice.message == _SILENT, Notice.at > at - _AGAIN).limit(1)) is not None:
        return
    count = session.scalar(select(func.count()).select_from(Blob).where(Blob.scan == Scan.PENDING)) or 0
    values = {"minutes": ALERT_MINUTES, "count": count}
    notify(session, accounts_of_roles(session, {Role.ADMIN, Role.MANAGER}), "site", _SILENT, at=at, values=values)
