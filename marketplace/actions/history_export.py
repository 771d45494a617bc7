"""Who took a copy of the history, and of which part."""

from __future__ import annotations

from datetime import datetime

from marketplace.actions.history import record
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Viewer
from marketplace.records.database import Database


def note_export(database: Database, asked: dict[str, str], count: int, *, viewer: Viewer, at: datetime) -> None:
    with database.writing() as session:
        after = {**asked, "count": count}
        record(session, actor=actor_of(viewer), verb="export", noun="history", noun_id=None, before=None, after=after, at=at)
