"""Waiting for one's turn: what looks at everything before it writes does so one after the other."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.records.schedules import Schedule


def wait_for_turn(session: Session, name: str) -> None:
    """Whoever asks under the same name waits here until the transaction before has ended, and then sees what it wrote."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(Schedule).values(name=name).on_conflict_do_nothing(index_elements=["name"]))
    session.execute(select(Schedule.name).where(Schedule.name == name).with_for_update())
