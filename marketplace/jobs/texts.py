"""Reading the words of attached documents, so that they can be searched."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from marketplace.actions.dependants import enqueue_dependants
from marketplace.files.text import text_of
from marketplace.jobs.progress import Progress
from marketplace.records.files import Attachment, Blob, Scan
from marketplace.records.jobs import Job
from marketplace.site import Site


def read(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Once for each content; what it is attached to is indexed again. A file that waits for the virus scanner is not opened."""
    sha256 = job.payload["sha256"]
    with site.database.reading() as session:
        blob = session.get(Blob, sha256)
        if blob is None or blob.text is not None or blob.scan not in (Scan.CLEAN, Scan.UNSCANNED):
            return None
        kind = blob.kind
    text = text_of(site.files.path(sha256), kind)
    with progress.finishing({"letters": len(text)}) as session:
        session.get_one(Blob, sha256).text = text
        session.flush()
        touched: dict[str, set[int]] = {}
        for noun, number in session.execute(select(Attachment.noun, Attachment.noun_id).where(Attachment.sha256 == sha256)):
            touched.setdefault(noun, set()).add(number)
        enqueue_dependants(session, touched)
    return None
