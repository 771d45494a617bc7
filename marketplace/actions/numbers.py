"""Readable business numbers (SQ-2026-0012), given in the transaction of the thing that carries them."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.records.numbers import NumberSeries


def next_number(session: Session, series: str, year: int, *, digits: int = 4) -> str:
    """The next number of a series in a year. Two transactions at once wait for each other, so none is given twice."""
    name = f"{series}-{year}"
    row = session.get(NumberSeries, name, with_for_update=True)
    if row is None:
        try:
            with session.begin_nested():
                session.add(NumberSeries(name=name, last=0))
        except IntegrityError:
            # Another transaction began the series in this very moment.
            session.expire_all()
        row = session.get_one(NumberSeries, name, with_for_update=True, populate_existing=True)
    row.last += 1
    session.flush()
    return f"{name}-{row.last:0{digits}}"
