"""Officers and planned visits by the sheet of enterprises: planned with the row, changed by the next sheet, refused with the row."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions.accounts import open_account
from marketplace.actions.diagnoses import Step, start
from marketplace.actions.imports import import_path
from marketplace.domain.access import Role
from marketplace.pilot import Pilot
from marketplace.records.accounts import Account, find_viewer
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.history import HistoryEntry
from marketplace.records.organisations import Organisation
from marketplace.records.tasks import Task
from tests.conftest import NOW

CODE = "91990000MAMA5MNK03"
SOON, LATER = (NOW.date() + timedelta(days=days) for days in (6, 16))


@pytest.fixture
def officer(database: Database) -> int:
    with database.writing() as session:
        office = Organisation(name="能力中心")
        session.add(office)
        session.flush()
        session.info["history"].clear()
        for login, role in (("visitor", Role.CENTRE), ("clerk", Role.MANAGER)):
            found = open_account(
                session, login, "a quite long password", name=login, memberships=[(office.id, role)], now=NOW, actor="test"
            )
            assert isinstance(found, Account)
        return session.scalars(select(Account.id).where(Account.login == "visitor")).one()


def sheet(folder: Path, officer: str, day: object) -> Path:
    path = folder / "enterprises.csv"
    path.write_text(
        f"统一社会信用代码,企业名称,行业,诊断人员,计划入企日期\n{CODE},天津示例化工有限公司,化工,{officer},{day}\n", encoding="utf-8"
    )
    return path


def test_planned_changed_and_left_alone(database: Database, pilot: Pilot, officer: int, tmp_path: Path) -> None:
    report = import_path(database, pilot, sheet(tmp_path, "visitor", SOON), actor="test", at=NOW)
    assert (report.written, report.counts["enterprises"].new) == (True, 1)
    with database.reading() as session:
        found = session.scalars(select(Diagnosis)).one()
        assert (found.state, found.planned_on, found.officer_id, found.number) == ("planned", SOON, officer, "ZD-2026-0001")
        assert session.scalars(select(Enterprise)).one().officer_id == officer
        assert {task.kind for task in session.scalars(select(Task))} == {"visit_enterprise", "fill_questionnaire"}
        entries = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "diagnosis")).all()
        assert list(entries) == ["plan"]
    # The same sheet again changes nothing; another day plans anew; an empty cell leaves it.
    for day, changed, planned in ((SOON, 0, SOON), (LATER, 1, LATER), ("", 0, LATER)):
        report = import_path(database, pilot, sheet(tmp_path, "visitor", day), actor="test", at=NOW)
        assert report.counts["enterprises"].changed == changed, day
        with database.reading() as session:
            assert session.scalars(select(Diagnosis)).one().planned_on == planned


@pytest.mark.parametrize(
    ("login", "day", "code"),
    [("nobody", SOON, "unknown_officer"), ("clerk", SOON, "unknown_officer"), ("visitor", NOW.date() - timedelta(days=1), "in_the_past")],
)
def test_a_bad_cell_is_a_bad_row(
    database: Database, pilot: Pilot, officer: int, tmp_path: Path, login: str, day: object, code: str
) -> None:
    report = import_path(database, pilot, sheet(tmp_path, login, day), actor="test", at=NOW)
    assert not report.written
    assert [cell.message.code for cell in report.bad] == [code]
    with database.reading() as session:
        assert session.scalars(select(Diagnosis)).all() == []


def test_a_visit_that_has_begun_is_not_moved(database: Database, pilot: Pilot, officer: int, tmp_path: Path) -> None:
    import_path(database, pilot, sheet(tmp_path, "visitor", SOON), actor="test", at=NOW)
    with database.reading() as session:
        number = session.scalars(select(Diagnosis.id)).one()
        viewer = find_viewer(session, officer)
        assert viewer is not None
    start(database, number, Step(viewer, NOW, NOW.date(), dataclasses.replace(pilot.diagnosis)))
    report = import_path(database, pilot, sheet(tmp_path, "visitor", LATER), actor="test", at=NOW)
    assert [cell.message.code for cell in report.bad] == ["under_way"]
    # What it says already is no mistake.
    assert import_path(database, pilot, sheet(tmp_path, "visitor", SOON), actor="test", at=NOW).bad == []
