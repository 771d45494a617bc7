"""An enterprise's own scenario that comes by sheet is public with its consent only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from marketplace.actions.imports import ImportReport, import_path
from marketplace.domain.scenarios import ScenarioState
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.scenario_lists import ScenarioConsent
from marketplace.records.scenarios import Scenario
from tests.actions.files import code, enterprise, jsonl
from tests.conftest import NOW


def scenario(key: str, **more: Any) -> dict[str, Any]:
    return {"code": key, "sector": "化工", "name": f"场景 {key}", "description": "批记录改成电子的。"} | more


def brought(database: Database, pilot: Pilot, folder: Path, *rows: dict[str, Any]) -> ImportReport:
    folder.mkdir(exist_ok=True)
    jsonl(folder / "enterprises.jsonl", enterprise())
    jsonl(folder / "scenarios.jsonl", *rows)
    return import_path(database, pilot, folder, actor="人", at=NOW)


def states(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return {row.code: str(row.state) for row in session.scalars(select(Scenario))}


def test_without_consent_it_waits_as_a_draft(database: Database, pilot: Pilot, tmp_path: Path) -> None:
    own = {"enterprise_code": code(101)}
    rows = [scenario("T-1"), scenario("P-1", **own), scenario("P-2", **own, consented_on="2026-06-30")]
    assert brought(database, pilot, tmp_path / "a", *rows).written
    assert states(database) == {"T-1": "published", "P-1": "draft", "P-2": "published"}
    with database.reading() as session:
        consent = session.scalars(select(ScenarioConsent)).one()
        assert (consent.agreed.date().isoformat(), consent.taken_back) == ("2026-06-30", None)
    # Again without effect; the consent alone is a change, and what was a draft stays one until somebody publishes it.
    again = brought(database, pilot, tmp_path / "b", *rows)
    assert (again.counts["scenarios"].unchanged, again.counts["scenarios"].changed) == (3, 0)
    rows[1]["consented_on"] = "2026-07-01"
    third = brought(database, pilot, tmp_path / "c", *rows)
    assert (third.counts["scenarios"].unchanged, third.counts["scenarios"].changed) == (2, 1)
    assert states(database)["P-1"] == ScenarioState.DRAFT


def test_a_typical_one_that_becomes_an_enterprises_own_is_withdrawn(database: Database, pilot: Pilot, tmp_path: Path) -> None:
    brought(database, pilot, tmp_path / "a", scenario("X-1"), scenario("X-2"))
    own = {"kind": "企业个性化场景", "enterprise_code": code(101)}
    brought(database, pilot, tmp_path / "b", scenario("X-1", **own), scenario("X-2", **own, consented_on="2026-06-30"))
    assert states(database) == {"X-1": "withdrawn", "X-2": "published"}


def test_a_consent_of_a_day_to_come_or_for_nobodys_scenario_is_refused(database: Database, pilot: Pilot, tmp_path: Path) -> None:
    own = {"enterprise_code": code(101)}
    report = brought(
        database, pilot, tmp_path / "a", scenario("P-1", **own, consented_on="2026-12-30"), scenario("T-1", consented_on="2026-06-30")
    )
    assert not report.written
    said = " ".join(cell.message.sentence() for cell in report.bad)
    assert "还没有到" in said
    assert "不用企业同意" in said
    assert states(database) == {}
