"""Taking away files that nothing speaks of: uploads whose form was never handed in, and what was cut off on the way."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from marketplace.domain.files import KEPT_DAYS
from marketplace.jobs.progress import Progress
from marketplace.records.files import Attachment, Blob
from marketplace.records.jobs import Job
from marketplace.site import Site


def collect(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Rows first, then contents without a row. What came in since stays, although no row speaks of it yet."""
    kept = timedelta(days=KEPT_DAYS)
    with site.database.writing() as session:
        unused = ~select(Attachment.id).where(Attachment.sha256 == Blob.sha256).exists()
        session.execute(delete(Blob).where(unused, Blob.created < datetime.now(UTC) - kept))
    with site.database.reading() as session:
        known = set(session.scalars(select(Blob.sha256)))
    oldest = time.time() - kept.total_seconds()

    def is_old(moment: float) -> bool:
        return moment < oldest

    gone = sum(site.files.discard(sha256, is_old) for sha256 in list(site.files.hashes()) if sha256 not in known)
    return {"files": gone, "leftovers": site.files.drop_leftovers(is_old)}
