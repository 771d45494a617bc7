"""The roster of a pilot's enterprises by their diagnosis: who was visited, who was not, and by whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, literal_column, select
from sqlalchemy.orm import Session, aliased, defer

from marketplace.domain.diagnoses import UNVISITED, DiagnosisState
from marketplace.records.accounts import Account
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation

NOBODY = "none"


@dataclass(frozen=True)
class Asked:
    """What is looked for: keys of the pilot, an officer's public id or NOBODY, a state or UNVISITED; "" for all.
    `everybody`: those below the scale (规下) as well."""

    sector: str = ""
    area: str = ""
    officer: str = ""
    state: str = ""
    text: str = ""
    everybody: bool = False


@dataclass(frozen=True)
class Row:
    enterprise: Enterprise
    diagnosis: Diagnosis | None
    officer: Account | None

    @property
    def state(self) -> str:
        return str(self.diagnosis.state) if self.diagnosis is not None else UNVISITED


Officer = aliased(Account)


def _newest() -> Any:
    """Enterprise → its newest diagnosis; a cancelled one counts for nothing."""
    query = select(Diagnosis.enterprise_id, func.max(Diagnosis.id).label("newest")).where(Diagnosis.state != DiagnosisState.CANCELLED)
    return query.group_by(Diagnosis.enterprise_id).subquery()


def _state() -> ColumnElement[Any]:
    return func.coalesce(cast(Diagnosis.state, String), literal_column(f"'{UNVISITED}'"))


def _above_scale() -> ColumnElement[bool]:
    """No years are an empty list, on either database."""
    return cast(Enterprise.above_scale_years, String).not_in(("[]", "null"))


def is_any_above_scale(session: Session) -> bool:
    """Whether of any enterprise it was entered in which years it was 规上."""
    return session.scalar(select(Enterprise.id).where(_above_scale()).limit(1)) is not None


def _asked(columns: Sequence[Any], asked: Asked) -> Select[Any]:
    newest = _newest()
    query = select(*columns).select_from(Enterprise).join(Organisation, Organisation.id == Enterprise.organisation_id)
    query = query.outerjoin(newest, newest.c.enterprise_id == Enterprise.id).outerjoin(Diagnosis, Diagnosis.id == newest.c.newest)
    query = query.outerjoin(Officer, Officer.id == Enterprise.officer_id)
    if not asked.everybody:
        query = query.where(_above_scale())
    if asked.sector:
        query = query.where(Enterprise.sector == asked.sector)
    if asked.area:
        query = query.where(Enterprise.area == asked.area)
    if asked.officer == NOBODY:
        query = query.where(Enterprise.officer_id.is_(None))
    elif asked.officer:
        query = query.where(Officer.public_id == asked.officer)
    if asked.state == UNVISITED:
        query = query.where(Diagnosis.id.is_(None))
    elif asked.state:
        query = query.where(Diagnosis.state == asked.state)
    if asked.text:
        named = Organisation.name.contains(asked.text, autoescape=True)
        query = query.where(named | (Organisation.credit_code == asked.text) | (Diagnosis.number == asked.text))
    return query


def find_roster(session: Session, asked: Asked, *, offset: int = 0, most: int | None = None) -> list[Row]:
    """Those that nobody has visited first, then by the planned day."""
    query = _asked([Enterprise, Diagnosis, Officer], asked)
    # What is long is read on the diagnosis' own page only.
    query = query.options(defer(Diagnosis.grading), defer(Diagnosis.summary))
    query = query.order_by(Diagnosis.id.is_not(None), Diagnosis.planned_on.is_(None), Diagnosis.planned_on, Enterprise.id)
    return [Row(*row) for row in session.execute(query.offset(offset).limit(most)).all()]


@dataclass(frozen=True)
class Counts:
    """How many there are of each, every time with all the other conditions; `total` with all of them."""

    total: int
    states: Mapping[str, int]
    sectors: Mapping[str, int]
    areas: Mapping[str, int]
    officers: Sequence[tuple[str, str, int]]
    # (sector, state) → how many, with no condition but the scale and the words.
    progress: Mapping[tuple[str, str], int]


def count_by(session: Session, asked: Asked) -> Counts:
    """One question to the database: enterprises by all four at once, which are a few hundred rows however many enterprises there are."""
    columns = [_state(), Enterprise.sector, Enterprise.area, Officer.public_id, Officer.name]
    query = _asked([*columns, func.count()], Asked(text=asked.text, everybody=asked.everybody))
    wanted = (asked.state, asked.sector, asked.area, asked.officer)
    found: list[Counter[str]] = [Counter() for _name in wanted]
    names: dict[str, str] = {}
    progress: Counter[tuple[str, str]] = Counter()
    total = 0
    for state, sector, area, officer, name, number in session.execute(query.group_by(*columns)):
        values = (state, sector, area, officer or NOBODY)
        names[values[3]] = name or ""
        progress[sector, state] += number
        fits = [not one or one == value for one, value in zip(wanted, values, strict=True)]
        total += number if all(fits) else 0
        for place, value in enumerate(values):
            if all(fits[:place] + fits[place + 1 :]):
                found[place][value] += number
    officers = [(key, names[key], number) for key, number in found[3].items()]
    return Counts(total, found[0], found[1], found[2], sorted(officers, key=lambda row: (row[0] == NOBODY, row[1])), progress)
