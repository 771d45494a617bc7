"""Meetings at night: whoever was invited and has not answered is reminded before the term ends, as early as the pilot says for answers."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import CLOCK, Act
from marketplace.actions.meetings_invitations import remind_before_term


def remind_invited(session: Session, day: date, at: datetime) -> None:
    """Once a day, after the day has begun."""
    remind_before_term(session, Act(CLOCK, at, day), session.info["remind_days"])
