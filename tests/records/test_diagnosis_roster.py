"""The roster: what each condition leaves, and counts that say the same as the rows."""

from __future__ import annotations

from itertools import product

import pytest

from marketplace.domain.diagnoses import UNVISITED, DiagnosisState
from marketplace.records.accounts import Account
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.diagnosis_roster import NOBODY, Asked, count_by, find_roster
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from tests.conftest import NOW

STATES = (None, DiagnosisState.PLANNED, DiagnosisState.ISSUED, DiagnosisState.CANCELLED)


@pytest.fixture
def officer(database: Database) -> str:
    """Twenty-four enterprises: each sector, park and state, half of them with an officer, one in six below the scale."""
    with database.writing() as session:
        person = Account(login="officer", name="诊断员", password_hash="x", created=NOW)
        session.add(person)
        session.flush()
        for number, (sector, area, state) in enumerate(product(("chem", "auto", "elec"), ("a", "b"), STATES)):
            unit = Organisation(name=f"企业 {number}", credit_code=None)
            years = [] if number % 6 == 5 else ["2024"]
            officer_id = person.id if number % 2 else None
            enterprise = Enterprise(organisation=unit, sector=sector, area=area, above_scale_years=years, officer_id=officer_id)
            enterprise.source, enterprise.source_ref = "t", str(number)
            session.add(enterprise)
            session.flush()
            if state is not None:
                session.add(Diagnosis(enterprise_id=enterprise.id, state=state, number=f"ZD-{number}", source="t", source_ref=str(number)))
        session.flush()
        return person.public_id


def test_counts_say_what_the_rows_say(database: Database, officer: str) -> None:
    conditions = [Asked(), Asked(everybody=True), Asked(sector="chem"), Asked(area="a", everybody=True), Asked(officer=officer)]
    conditions += [
        Asked(officer=NOBODY),
        Asked(state=UNVISITED),
        Asked(state="issued", sector="auto"),
        Asked(text="企业 1", everybody=True),
    ]
    conditions += [Asked(text="ZD-9", everybody=True), Asked(sector="nothing"), Asked(state="planned", area="b", officer=officer)]
    with database.reading() as session:
        for asked in conditions:
            rows, counts = find_roster(session, asked), count_by(session, asked)
            assert counts.total == len(rows), asked
            if asked.state:
                assert counts.states.get(asked.state, 0) == len(rows)
            else:
                assert sum(counts.states.values()) == len(rows)
            for row in rows:
                assert asked.state in ("", row.state)
                assert asked.sector in ("", row.enterprise.sector)
                assert asked.officer in ("", row.officer.public_id if row.officer else NOBODY)
                assert asked.everybody or row.enterprise.above_scale_years


def test_a_cancelled_one_counts_for_nothing(database: Database, officer: str) -> None:
    with database.reading() as session:
        counts = count_by(session, Asked(everybody=True))
        # Never planned, or cancelled.
        assert dict(counts.states) == {UNVISITED: 12, "planned": 6, "issued": 6}
        assert counts.progress["chem", "planned"] == 2
        first = find_roster(session, Asked(everybody=True), most=1)[0]
        assert first.diagnosis is None
