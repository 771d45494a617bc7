"""Pilot data: what is in force is shown as the file has it, and each change is noted once with its difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from marketplace.actions.pilot_versions import note_pilot
from marketplace.pilot import PACKAGED, Pilot
from marketplace.pilot_values import digest_of, remarks_of, sources_of, values_of
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.pilot_versions import PilotVersion
from tests.conftest import NOW
from tests.opened import app, database_of, own_site
from tests.web.test_registrations import logged_in

__all__ = ["app", "own_site"]


def note(database: Database, pilot: Pilot) -> bool:
    values = values_of(pilot)
    return note_pilot(database, values, digest_of(values), program="1", actor="jigai serve", at=NOW)


def test_every_value_has_a_place_of_its_own(pilot: Pilot) -> None:
    values = values_of(pilot)
    assert values["sectors.chem.short"] == "化工"
    assert values["city.term_start"] == "2024-04-01"
    assert values["adjustment.warn_below"] == 73.0
    assert values["adjustment.conduct.bribery.name"] == "商业贿赂"
    assert values["labels.provider.admitted.word"]
    assert len(values) > 1500
    assert all(value is None or isinstance(value, str | int | float | bool) for value in values.values())
    assert digest_of(values) == digest_of(dict(reversed(values.items())))
    assert digest_of(values | {"sectors.chem.name": "化学"}) != digest_of(values)


def test_the_file_explains_itself(tmp_path: Path) -> None:
    remarks = remarks_of(None)
    assert remarks["adjustment.idle_months"] == "多久没有服务记录即提出淘汰（同类办法：12 个月）"
    assert remarks["adjustment.warn_below"].startswith("评价分")
    assert [one.name for one in sources_of(None)] == ["pilot.toml", "scenarios.toml", "scenario_mapping.toml", "questionnaire.toml"]
    own = tmp_path / "city.toml"
    own.write_text('[pilot]\nname = "#1 城"  # 名称 "全称"\n', encoding="utf-8")
    assert remarks_of(own)["pilot.name"] == '名称 "全称"'
    assert [one.name for one in sources_of(own)] == ["city.toml", "questionnaire.toml", PACKAGED.name]


def test_a_change_is_noted_once_and_with_its_difference(database: Database, pilot: Pilot) -> None:
    changed = replace(pilot, adjustment=replace(pilot.adjustment, idle_months=18))
    assert [note(database, one) for one in (pilot, pilot, changed, changed, pilot)] == [True, False, True, False, True]
    with database.reading() as session:
        rows = session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "pilot").order_by(HistoryEntry.id)).all()
        assert [row.verb for row in rows] == ["adopt", "change", "change"]
        assert rows[1].before == {"adjustment.idle_months": 12}
        assert rows[1].after == {"adjustment.idle_months": 18, "sha256": digest_of(values_of(changed)), "changed": 1}
        assert len(session.scalars(select(PilotVersion)).all()) == 3
        assert find_broken_link(session) is None


def test_staff_read_what_is_in_force(app: Flask, pilot: Pilot) -> None:
    database, admin = database_of(app), logged_in(app, "admin")
    note(database, pilot)
    note(database, replace(pilot, adjustment=replace(pilot.adjustment, idle_months=18)))
    page = admin.get("/pilot").text
    assert "adjustment.idle_months" in page
    assert digest_of(values_of(pilot)) in page
    assert 'href="/pilot/adjustment"' in page
    section = admin.get("/pilot/adjustment").text
    assert "idle_months" in section
    assert "多久没有服务记录即提出淘汰" in section
    assert admin.get("/pilot/nothing").status_code == 404
    for name in dict.fromkeys(place.partition(".")[0] for place in values_of(pilot)):
        assert admin.get(f"/pilot/{name}").status_code == 200, name
    assert "idle_months" in logged_in(app, "bureau").get("/pilot").text
    assert logged_in(app, "provider").get("/pilot").status_code == 403
