"""What happens to accounts and to the history every day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.jobs import enqueue_job
from marketplace.actions.registrations import forget_unverified
from marketplace.audit_anchors import anchor
from marketplace.jobs.progress import Progress
from marketplace.records.jobs import Job
from marketplace.site import Site


def forget_registrations(session: Session, day: date, at: datetime) -> None:
    """What was typed by somebody who never confirmed the address."""
    forget_unverified(session, at)


def ask_for_anchor(session: Session, day: date, at: datetime) -> None:
    """The end of the history is written down outside the database once a day."""
    enqueue_job(session, "audit_anchor", {}, at=at, key="audit_anchor")


def anchor_history(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Done twice after a kill, it is written down twice, which is as true as once."""
    made = anchor(site.database, site.settings.data_dir, datetime.now(UTC))
    with progress.finishing({"entry": made.entry_id} if made else None):
        return None
