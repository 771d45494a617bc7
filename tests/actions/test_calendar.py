"""The calendar: the packaged one for years that nobody knows, sheets for the others, terms by what it says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions.calendar import PACKAGED, CalendarChange, import_calendar, load_calendar
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.working_days import days_left, term
from marketplace.pilot import Pilot
from marketplace.records.calendar import CalendarDay, find_calendar
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.sheets.calendar import DayRow, read_calendar, write_calendar

AT = datetime(2026, 11, 25, tzinfo=UTC)
MANAGER = Viewer(account_id=1, name="m", roles=frozenset({Role.MANAGER}))


def test_the_packaged_calendar_fills_years_that_are_unknown(database: Database, pilot: Pilot) -> None:
    import_calendar(database, [DayRow(date(2026, 1, 1), False, "元旦")], viewer=MANAGER, at=AT)
    change = load_calendar(database, pilot, at=AT, actor="jigai init")
    assert change.years == (2024, 2025)
    assert (change.changed, change.gone) == (0, 0)
    assert load_calendar(database, pilot, at=AT, actor="jigai init") == CalendarChange(0, 0, 0, ())
    with database.reading() as session:
        kept = session.scalars(select(CalendarDay).where(CalendarDay.day >= date(2026, 1, 1))).all()
        assert [row.day for row in kept] == [date(2026, 1, 1)]
        assert find_broken_link(session) is None


def test_a_sheet_replaces_the_years_that_it_speaks_of(database: Database) -> None:
    first = [DayRow(date(2026, 10, day), False, "国庆节") for day in (1, 2, 3)]
    assert import_calendar(database, [*first, DayRow(date(2027, 1, 1), False, "元旦")], viewer=MANAGER, at=AT).new == 4
    second = [DayRow(date(2026, 10, 2), False, "国庆"), DayRow(date(2026, 10, 10), True, "国庆节")]
    change = import_calendar(database, second, viewer=MANAGER, at=AT)
    assert change == CalendarChange(new=1, changed=1, gone=2, years=(2026,))
    # Nothing new is no entry of the history.
    import_calendar(database, second, viewer=MANAGER, at=AT)
    with database.reading() as session:
        entries = session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "calendar").order_by(HistoryEntry.id)).all()
        assert len(entries) == 2
        assert entries[1].before == {"2026-10-01": "休 国庆节", "2026-10-02": "休 国庆节", "2026-10-03": "休 国庆节"}
        assert entries[1].after == {"2026-10-02": "休 国庆", "2026-10-10": "班 国庆节"}
        calendar = find_calendar(session)
    assert calendar.off == {date(2026, 10, 2), date(2027, 1, 1)}
    assert calendar.made_up == {date(2026, 10, 10)}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.MANAGER, Role.ADMIN}))
def test_nobody_else_brings_a_calendar(sqlite_database: Database, role: Role) -> None:
    with pytest.raises(RefusedError) as error:
        import_calendar(sqlite_database, [], viewer=Viewer(account_id=1, roles=frozenset({role})), at=AT)
    assert error.value.refused.code == "not_allowed"


def test_working_days_of_the_packaged_years(sqlite_database: Database, pilot: Pilot) -> None:
    load_calendar(sqlite_database, pilot, at=AT, actor="t")
    with sqlite_database.reading() as session:
        calendar = find_calendar(session)
    working = {
        year: sum(
            calendar.is_working(date.fromordinal(day)) for day in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
        )
        for year in (2024, 2025, 2026)
    }
    # Weekdays of the year, less the holidays on them, and the make-up days: 262 - 22 + 8, 261 - 19 + 6 - ..., as announced.
    assert working == {2024: 251, 2025: 248, 2026: 248}
    # Five working days after the eve of the national holiday of 2026: 10-08, 10-09, the make-up Saturday 10-10, 10-12, 10-13.
    found = term(date(2026, 9, 30), 5, calendar)
    assert found.due == date(2026, 10, 13)
    assert found.made_up == (date(2026, 10, 10),)
    assert len(found.holidays) == 7
    assert days_left(date(2026, 9, 30), found.due, calendar) == 5


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("日期,类型,名称\n2027-01-01,休,元旦\n", []),
        ("日期,类型,名称\n2027-01-01,放假,元旦\n2027-01-03,补班,元旦\n", []),
        ("日期,类型,名称\n", ["no_rows"]),
        ("日期,类型,名称\n2027-02-30,休,元旦\n", ["not_a_date"]),
        ("日期,类型,名称\n2027-01,休,元旦\n", ["date_without_day"]),
        ("日期,类型,名称\n2027-01-01,半天,元旦\n", ["unknown_answer"]),
        ("日期,类型,名称\n2027-01-01,,\n", ["required", "required"]),
        ("日期,类型,名称\n2027-01-04,班,元旦\n", ["not_a_weekend"]),
        ("日期,类型,名称\n2027-01-01,休,元旦\n2027-01-01,休,元旦\n", ["day_twice"]),
        (f"日期,类型,名称\n2027-01-01,休,{'长' * 51}\n", ["too_long"]),
        ("名,价\n1,2\n", ["no_header"]),
    ],
)
def test_bad_rows_are_told_and_nothing_is_taken(tmp_path: Path, pilot: Pilot, text: str, codes: list[str]) -> None:
    path = tmp_path / "2027.csv"
    path.write_text(text, encoding="utf-8")
    found = read_calendar(path, pilot)
    assert [cell.message.code for cell in found.bad] == codes
    assert bool(found.rows) == (not codes)
    assert all("{" not in cell.sentence() for cell in found.bad)


def test_what_is_exported_reads_back(tmp_path: Path, pilot: Pilot) -> None:
    rows = read_calendar(PACKAGED, pilot).rows
    assert len(rows) == 108
    path = tmp_path / "日历.xlsx"
    # A name that a spreadsheet program would take for a formula stays a name.
    extra = DayRow(date(2027, 1, 1), False, "=1+1")
    path.write_bytes(write_calendar([*rows, extra]))
    assert read_calendar(path, pilot).rows == (*rows, extra)
