"""`import_path`: a file or folder into the database, all of it or nothing of it."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketplace.actions.imports.admission import IMPORTED, Admission, check_admission
from marketplace.actions.imports.checking import Item, check_table
from marketplace.actions.imports.consents import SHEET as SCENARIOS
from marketplace.actions.imports.consents import keep_consents, resolve_consents
from marketplace.actions.imports.nouns import TARGETS
from marketplace.actions.imports.owned import DraftWriter, Owner, keep_to_own, own_changes, resolve_own
from marketplace.actions.imports.references import Items, refuse_duplicates, refuse_two_names, resolve
from marketplace.actions.imports.report import Counts, ImportReport, Progress
from marketplace.actions.imports.visits import SHEET as ENTERPRISES
from marketplace.actions.imports.visits import plan_visits, resolve_visits
from marketplace.actions.imports.writing import Writer, changes
from marketplace.actions.ratings_history import rate_imported
from marketplace.domain.lifecycle import RefusedError, _
from marketplace.domain.questionnaires import Questionnaire
from marketplace.domain.rating_rules import RatingRules
from marketplace.records.database import Database
from marketplace.sheets.bad_rows import write_bad_rows
from marketplace.sheets.columns import Remembered, Words
from marketplace.sheets.rows import BadCell, Table
from marketplace.sheets.sources import read_path

DEFAULT_SOURCE = "import"
_ADVISORY_LOCK = 7_110_252


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


class _Stage:
    """One stage of the progress bar; told about every hundredth step."""

    def __init__(self, progress: Progress, name: str, total: int) -> None:
        self.progress, self.name, self.total, self.done = progress, name, total, 0
        progress(name, 0, total)

    def step(self) -> None:
        self.done += 1
        if self.done % 100 == 0 or self.done == self.total:
            self.progress(self.name, self.done, self.total)


class CityRules(Words, Protocol):
    """The pilot, as far as an import needs it: its words, by which rules past matches are rated, what visits ask."""

    @property
    def rating(self) -> RatingRules: ...
    @property
    def questionnaire(self) -> Questionnaire: ...


def import_path(
    database: Database,
    pilot: CityRules,
    path: Path,
    *,
    actor: str,
    at: datetime | None = None,
    source: str = DEFAULT_SOURCE,
    noun: str | None = None,
    dry_run: bool = False,
    skip_bad: bool = False,
    bad_rows_folder: Path | None = None,
    diagnosed: date | None = None,
    admission: Admission | None = None,
    owner: Owner | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Read, check, and (unless it is a dry run) write in one transaction. One bad row and nothing is written,
    unless `skip_bad`: then the rest is, and the bad rows go into a file with their reasons.

    `noun` says what the file holds when its name does not; `diagnosed` dates the diagnoses that problems hang on.
    `admission`: on what new providers are in the pool; refused without a basis. `owner`: a provider that imports its own
    solutions, which become drafts.
    """
    started = time.perf_counter()
    at = at or datetime.now(UTC)
    report = ImportReport(dry_run=dry_run)
    progress = progress or _silent
    progress(_("读取"), 0, 1)
    reading = read_path(path, noun)
    report.bad += reading.bad
    report.notes += reading.notes
    if owner is not None:
        with database.reading() as session:
            report.bad += keep_to_own(session, reading, owner)
    items: Items = {name: [] for name in TARGETS}
    words = Remembered(pilot)
    stage = _Stage(progress, _("核对"), sum(len(table.rows) for table in reading.tables))
    for table in reading.tables:
        items[table.sheet.noun] += check_table(table, words, report.notes, stage.step)
    if dry_run:
        with database.reading() as session:
            _judge(session, items, source, report, owner, at.date())
    else:
        # Judged and written under one lock: nothing can change between the two.
        with database.writing() as session:
            _one_at_a_time(session)
            good = _judge(session, items, source, report, owner, at.date())
            if not report.bad or (skip_bad and any(good.values())):
                if report.bad:
                    report.bad_files = _write_bad(reading.tables, items, reading.bad, bad_rows_folder)
                stage = _Stage(progress, _("写入"), sum(len(rows) for rows in good.values()))
                writer: Writer | DraftWriter
                if owner is not None:
                    writer = DraftWriter(session, owner, at, stage.step)
                else:
                    admitted = _admitted(good, admission or Admission(IMPORTED, at.date()))
                    writer = Writer(session, actor, source, at, diagnosed or at.date(), admitted, stage.step)
                for name, rows in good.items():
                    writer.write(name, rows)
                writer.enqueue()
                if isinstance(writer, Writer):
                    keep_consents(session, good.get(SCENARIOS, []), actor=actor, at=at)
                    plan_visits(session, good.get(ENTERPRISES, []), questionnaire=pilot.questionnaire.key, actor=actor, at=at)
                    events, outcomes = (writer.touched.get(noun, set()) for noun in ("rating_event", "outcome"))
                    rate_imported(session, outcome_ids=outcomes, event_ids=events, rules=pilot.rating, actor=actor, at=at, on=at.date())
                report.written = True
            elif skip_bad:
                report.bad_files = _write_bad(reading.tables, items, reading.bad, bad_rows_folder)
    report.took = time.perf_counter() - started
    return report


def _one_at_a_time(session: Session) -> None:
    """SQLite has one writer anyway; on PostgreSQL two imports of the same file would both find nothing and both insert."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def _admitted(good: Items, admission: Admission) -> Admission:
    """The admission of the providers that are new; whoever is to write them must say on what basis."""
    if any(item.existing is None for item in good.get("providers", [])):
        for _field, refused in check_admission(admission):
            raise RefusedError(refused)
    return admission


def _judge(session: Session, items: Items, source: str, report: ImportReport, owner: Owner | None, today: date) -> Items:
    """Complete the report, and return the rows to write: new or changed, and nothing wrong with them."""
    first = refuse_duplicates(items)
    refuse_two_names(items)
    if owner is not None:
        resolve_own(session, items, owner)
    else:
        resolve(session, items, first, source)
        resolve_visits(session, items.get(ENTERPRISES, []), today)
        resolve_consents(session, items.get(SCENARIOS, []), today)
    wanted: Items = {}
    told: set[int] = {id(cell) for cell in report.bad}
    for noun, rows in items.items():
        if not rows:
            continue
        counts = report.counts.setdefault(noun, Counts())
        wanted[noun] = [item for item in rows if _count(item, counts)]
        for item in rows:
            # The same missing column is to blame for many rows, and is told once.
            report.bad += [cell for cell in item.bad if id(cell) not in told]
            told |= {id(cell) for cell in item.bad}
    return wanted


def _count(item: Item, counts: Counts) -> bool:
    """Count an item; whether it is to be written."""
    if item.bad:
        counts.bad += 1
        return False
    if item.existing is None:
        counts.new += 1
        return True
    if own_changes(item) if item.content is not None else changes(item) or item.visit or item.consent:
        counts.changed += 1
        return True
    counts.unchanged += 1
    return False


def _write_bad(tables: list[Table], items: Items, unreadable: list[BadCell], folder: Path | None) -> list[Path]:
    """One file of bad rows per file that has any, in its own form and with the reasons beside each row."""
    bad = {(id(item.table), item.row.number): item.bad for rows in items.values() for item in rows if item.bad}
    return write_bad_rows(tables, bad, unreadable, folder)
