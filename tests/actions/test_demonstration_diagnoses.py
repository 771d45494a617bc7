"""The diagnoses of the demonstration: every state occurs, whoever logs in has something waiting, and twice is as good as once."""

from __future__ import annotations

import time

from sqlalchemy import select

from marketplace.actions.demonstration_diagnoses import seed_diagnoses
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.pilot import Pilot
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis, OutsideGrade
from marketplace.records.tasks import find_tasks
from tests.conftest import NOW


def seed(database: Database, pilot: Pilot) -> bool:
    return seed_diagnoses(database, pilot.questionnaire, pilot.diagnosis, at=NOW, today=NOW.date())


def test_every_state_once_only(demonstration: Database, pilot: Pilot) -> None:
    began = time.perf_counter()
    assert seed(demonstration, pilot) is True
    took = time.perf_counter() - began
    assert seed(demonstration, pilot) is False
    with demonstration.reading() as session:
        made = session.scalars(select(Diagnosis).where(Diagnosis.questionnaire != "")).all()
        assert {row.state for row in made} == set(DiagnosisState)
        graded = {row.grade for row in made if row.state == DiagnosisState.ISSUED}
        assert len(graded) > 1
        assert None not in graded
        assert len(session.scalars(select(OutsideGrade)).all()) == 2
        for login in ("centre", "enterprise", "enterprise2"):
            account = find_account(session, login)
            assert account is not None
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            assert [task for task in find_tasks(session, viewer) if task.noun == "diagnosis"], login
    # Slow machines aside, it is part of a start that people wait for.
    assert took < 20


def test_without_people_nothing_is_told(sqlite_database: Database, pilot: Pilot) -> None:
    assert seed(sqlite_database, pilot) is False
