"""Investment figures of the statistics bureau, entered by sheet: all of it in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Viewer
from marketplace.records.database import Database
from marketplace.records.reported_investments import ReportedInvestment
from marketplace.sheets.reported_investments import InvestmentRow

NOUN = "reported_investment"


@dataclass(frozen=True)
class Entered:
    """How many months of sectors and areas are new, and how many say something else now."""

    new: int
    changed: int


def enter_investments(database: Database, rows: Iterable[InvestmentRow], *, viewer: Viewer, at: datetime) -> Entered:
    """A row replaces what stood for its month, sector and area; the history keeps both. What says the same is left alone."""
    must_hold(viewer, "enter", "figure")
    new = changed = 0
    with database.writing() as session:
        known = {(row.month, row.sector, row.area): row for row in session.scalars(select(ReportedInvestment))}
        for row in rows:
            held = known.get((row.month, row.sector, row.area))
            after = {"month": row.month, "sector": row.sector, "area": row.area, "fen": row.fen, "source": row.source}
            if held is not None and (held.fen, held.source) == (row.fen, row.source):
                continue
            before = None if held is None else {"fen": held.fen, "source": held.source}
            if held is None:
                held = ReportedInvestment(month=row.month, sector=row.sector, area=row.area)
                session.add(held)
                new += 1
            else:
                changed += 1
            held.fen, held.source, held.entered_by, held.at = row.fen, row.source, viewer.account_id, at
            session.flush()
            actor = actor_of(viewer)
            record(session, actor=actor, verb="enter", noun=NOUN, noun_id=held.id, before=before, after=after, at=at)
    return Entered(new, changed)
