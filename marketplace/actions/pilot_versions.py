"""Noting which pilot data are in force: at each start, if they are not those of the start before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from marketplace.actions.history import record
from marketplace.domain.pilot_versions import changed_values
from marketplace.records.database import Database
from marketplace.records.pilot_versions import PilotVersion, find_last_version

NOUN = "pilot"
# A history entry tells so many values; the rest is counted there, and stands whole in the version.
MOST_TOLD = 200
_ADVISORY_LOCK = 7_110_253


def note_pilot(database: Database, values: Mapping[str, Any], digest: str, *, program: str, actor: str, at: datetime) -> bool:
    """Whether the data had changed; then there is a version more, and the history tells what is different."""
    with database.reading() as session:
        last = find_last_version(session)
        if last is not None and last.digest == digest:
            return False
    with database.writing() as session:
        if session.get_bind().dialect.name == "postgresql":
            # Processes that start together note it once.
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        last = find_last_version(session)
        if last is not None and last.digest == digest:
            return False
        row = PilotVersion(digest=digest, program=program, values=dict(values), at=at)
        session.add(row)
        session.flush()
        before: dict[str, Any] | None = None
        after: dict[str, Any] = {"sha256": digest, "values": len(values)}
        if last is not None:
            changed = changed_values(last.values, values)
            told = changed[:MOST_TOLD]
            before = {place: old for place, old, _new in told if old is not None}
            after = {place: new for place, _old, new in told if new is not None} | {"sha256": digest, "changed": len(changed)}
        verb = "adopt" if last is None else "change"
        record(session, actor=actor, verb=verb, noun=NOUN, noun_id=row.id, before=before, after=after, at=at)
    return True
