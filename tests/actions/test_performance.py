"""The performance evaluation on both kinds of database: who may, filled from the platform and by hand, closed by two, and frozen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import performance
from marketplace.actions.brokering_steps import CLOCK
from marketplace.actions.performance import Entry
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.performance import RoundDraft, RoundState
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.files import find_attachments
from marketplace.records.jobs import Job
from marketplace.records.performance import PerformanceItem, PerformanceRound, readable_rounds
from tests.actions.brokering import refused
from tests.actions.performing import TODAY, Performing, open_performing
from tests.conftest import NOW


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Performing:
    return open_performing(database, tmp_path)


def test_from_opening_to_the_frozen_paper(site: Performing) -> None:
    number = site.opened(start=False)
    rows = site.lines(number)
    assert sum(row.weight for row in rows) == pytest.approx(100)
    assert [row.sector for row in rows if row.indicator == "finished_share"] == ["chem", "auto", "elec"]
    assert {row.target for row in rows if row.indicator == "finished_share"} == {0.8}
    assert site.round(number).number == "JX-2026-0001"
    site.move(number, "start", "bureau")
    assert site.waiting(number) == ["manager"]
    # Nothing is filled: neither figures nor reasons.
    assert refused(site.move, number, "hand_in", "manager") == "gaps_unexplained"
    site.completed(number)
    site.move(number, "hand_in", "manager")
    assert site.waiting(number) == ["bureau"]
    assert refused(site.move, number, "issue", "manager") != ""
    site.move(number, "issue", "bureau", why="同意")
    found = site.round(number)
    assert found.state == RoundState.ISSUED
    assert found.content is not None
    assert found.total == found.content["total"] == pytest.approx(sum(line["score"] for line in found.content["lines"]))
    assert found.total is not None
    assert found.grade == site.step("bureau").rules.grade(found.total).key
    assert found.content["grade_name"] in ("优", "良", "中", "差")
    assert all(line["files"] for line in found.content["lines"] if line["by_hand"])
    assert site.waiting(number) == []
    assert site.history("performance_round", number) == ["create", "start", "fill", "hand_in", "issue"]
    with site.database.reading() as session:
        assert session.scalar(select(Job.key).where(Job.kind == "performance_report")) == f"performance_report:{number}"


def test_what_changes_later_does_not_change_what_is_issued(site: Performing) -> None:
    number = site.opened()
    site.completed(number)
    site.move(number, "hand_in", "manager")
    site.move(number, "issue", "bureau")
    before = site.round(number).content
    with site.database.writing() as session:
        for one in session.scalars(select(Diagnosis)):
            one.state = DiagnosisState.CANCELLED
    row = site.lines(number)[0]
    entries = site.entries()
    assert refused(performance.fill, site.database, number, TODAY, site.step("manager")) == "not_filling"
    assert refused(performance.enter, site.database, row.id, Entry(0.9, "", True), site.step("manager")) == "not_filling"
    assert refused(performance.prove, site.database, [row.id], site.proof, site.step("manager")) == "not_filling"
    assert refused(performance.summarise, site.database, number, "改", site.step("manager")) == "not_filling"
    assert refused(performance.set_target, site.database, row.id, 0.1, site.step("bureau")) == "target_fixed"
    for event in ("start", "hand_in", "take_back", "send_back", "issue", "cancel"):
        assert refused(site.move, number, event, "bureau2", why="再来") == "wrong_state", event
    assert site.entries() == entries
    assert site.round(number).content == before


def test_the_platforms_figures_are_those_of_the_scope(site: Performing) -> None:
    number = site.opened()
    performance.fill(site.database, number, TODAY, site.step("manager"))
    row = site.items(number)["diagnosed"]
    assert (row.value, row.platform, row.by_hand, row.filled_on) == (3, 3, False, TODAY)
    # Within a park count the areas that lie in it.
    area = site.opened(subject="area", areas=("teda",))
    performance.fill(site.database, area, TODAY, site.step("area"))
    assert site.items(area)["diagnosed"].value == 2
    assert refused(performance.fill, site.database, number, TODAY + timedelta(1), site.step("manager")) == "day_in_the_future"


def test_a_figure_by_hand_keeps_the_platforms_beside_it_and_wants_proof(site: Performing) -> None:
    number = site.opened()
    performance.fill(site.database, number, TODAY, site.step("manager"))
    row = site.items(number)["diagnosed"]
    performance.enter(site.database, row.id, Entry(40, "含纸质报告。", True), site.step("manager"))
    performance.fill(site.database, number, TODAY, site.step("manager"))
    row = site.items(number)["diagnosed"]
    assert (row.value, row.platform, row.by_hand) == (40, 3, True)
    entries = {(other.indicator, other.sector): Entry(other.value, "说明。", other.by_hand) for other in site.lines(number)}
    performance.enter_all(site.database, number, entries, site.step("manager"))
    assert refused(site.move, number, "hand_in", "manager") == "no_evidence"
    # Back to the platform's.
    performance.enter(site.database, row.id, Entry(None, "说明。", False), site.step("manager"))
    assert (site.items(number)["diagnosed"].value, site.items(number)["diagnosed"].by_hand) == (3, False)
    assert site.history("performance_item", row.id) == ["fill", "enter", "enter", "enter"]


def test_proof_is_attached_and_taken_away_but_kept(site: Performing) -> None:
    number = site.opened()
    row = site.items(number)["cases"]
    (file,) = performance.prove(site.database, [row.id], site.proof, site.step("manager"))
    other = site.items(number)["accidents"]
    assert refused(performance.take_away, site.database, other.id, file.id, site.step("manager")) == "not_allowed"
    performance.take_away(site.database, row.id, file.id, site.step("manager"))
    with site.database.reading() as session:
        assert find_attachments(session, "performance_item", row.id) == []
    assert site.history("performance_item", row.id) == ["attach", "detach"]


def test_two_persons_and_the_way_back(site: Performing) -> None:
    number = site.opened()
    site.completed(number, "bureau")
    site.move(number, "hand_in", "manager")
    # The bureau's first officer filled it in, so that another one reviews it.
    assert refused(site.move, number, "issue", "bureau") == "same_person"
    assert refused(site.move, number, "take_back", "bureau2") == "not_own"
    assert refused(site.move, number, "send_back", "bureau2") == "required"
    site.move(number, "send_back", "bureau2", why="投资数请核对")
    assert (site.state(number), site.round(number).review) == (RoundState.SENT_BACK, "投资数请核对")
    assert site.waiting(number) == ["manager"]
    site.move(number, "hand_in", "manager")
    site.move(number, "take_back", "manager")
    assert site.state(number) == RoundState.FILLING
    site.move(number, "hand_in", "manager")
    site.move(number, "issue", "bureau2")
    assert site.state(number) == RoundState.ISSUED


def test_who_may_do_what(site: Performing) -> None:
    number, area = site.opened(), site.opened(subject="area", areas=("teda",))
    row, own = site.lines(number)[0], site.lines(area)[0]
    entries = site.entries()
    for person in ("finance", "city", "centre", "enterprise", "expert", "area2"):
        step = site.step(person)
        assert refused(performance.fill, site.database, number, TODAY, step) == "not_allowed", person
        assert refused(performance.enter, site.database, row.id, Entry(0.5, "", True), step) == "not_allowed", person
        assert refused(performance.summarise, site.database, area, "说明", step) == "not_allowed", person
        assert refused(performance.prove, site.database, [own.id], site.proof, step) == "not_allowed", person
        assert refused(site.move, area, "cancel", person, why="不做了") in ("not_allowed", "wrong_state"), person
    assert refused(performance.enter, site.database, row.id, Entry(0.5, "", True), site.step("area")) == "not_allowed"
    for person in ("manager", "area", "finance"):
        assert refused(performance.set_target, site.database, row.id, 0.5, site.step(person)) == "not_allowed"
        assert refused(performance.open_rounds, site.database, _areas("thip"), site.step(person)) == "not_allowed"
        assert refused(site.move, number, "cancel", person, why="不做了") in ("not_allowed", "wrong_state"), person
    assert site.entries() == entries
    performance.enter(site.database, own.id, Entry(0.5, "", True), site.step("area"))
    assert site.items(area)["finished_share"].value == 0.5
    with site.database.reading() as session:
        for person, readable in (
            ("finance", {number, area}),
            ("city", set()),
            ("area", {area}),
            ("area2", set()),
            ("enterprise", set()),
            ("expert", set()),
        ):
            query = select(PerformanceRound.id).where(readable_rounds(site.people[person]), PerformanceRound.year == 2026)
            assert set(session.scalars(query)) == readable, person


def test_targets_are_set_before_the_start_only(site: Performing) -> None:
    number = site.opened(start=False)
    row = site.items(number)["investment"]
    seen = site.entries()
    performance.set_target(site.database, row.id, 500, site.step("bureau"))
    assert refused(performance.set_target, site.database, row.id, 600, site.step("bureau2", seen=seen)) == "changed_meanwhile"
    assert refused(performance.enter, site.database, row.id, Entry(1, "", True), site.step("manager")) == "not_filling"
    site.move(number, "start", "bureau")
    assert refused(performance.set_target, site.database, row.id, 700, site.step("bureau")) == "target_fixed"
    assert site.items(number)["investment"].target == 500
    # The pilot's own definition is another round's.
    assert site.items(site.opened(kind="final", year=2027, start=False))["investment"].target != 500


def test_the_same_evaluation_is_opened_once(site: Performing) -> None:
    number = site.opened(start=False)
    assert refused(site.opened) == "round_exists"
    assert site.opened(kind="final", start=False) != number
    rows = performance.open_rounds(site.database, _areas("teda", "thip"), site.step("bureau"))
    assert [row.area for row in rows] == ["teda", "thip"]
    # One of them exists: none is opened.
    assert refused(performance.open_rounds, site.database, _areas("nangang", "thip"), site.step("bureau")) == "round_exists"
    with site.database.reading() as session:
        assert session.scalar(select(PerformanceRound.id).where(PerformanceRound.area == "nangang")) is None
    site.move(number, "cancel", "bureau", why="重开")
    assert site.opened(start=False) != number


def _areas(*keys: str) -> RoundDraft:
    return RoundDraft("annual", 2026, "area", keys, TODAY, TODAY + timedelta(10))


def test_two_at_one_line_and_at_different_lines(site: Performing) -> None:
    number = site.opened()
    first, second = site.lines(number)[:2]
    seen = site.entries()
    performance.enter(site.database, first.id, Entry(None, "甲写的。", False), site.step("manager", seen=seen))
    performance.enter(site.database, second.id, Entry(None, "乙写的。", False), site.step("bureau", seen=seen))
    late = site.step("bureau", seen=seen)
    assert refused(performance.enter, site.database, first.id, Entry(None, "乙也写。", False), late) == "changed_meanwhile"
    with site.database.reading() as session:
        assert session.get_one(PerformanceItem, first.id).explanation == "甲写的。"
    assert refused(performance.enter, site.database, first.id, Entry(80.0, "", True), site.step("manager")) == "value_outside"


def test_the_clock_opens_the_self_evaluation_of_the_year_once(site: Performing) -> None:
    november = replace(site.step("bureau"), viewer=CLOCK)
    assert performance.open_of_year(site.database, november) is None
    december = replace(november, today=date(2026, 12, 1), at=NOW + timedelta(6))
    found = performance.open_of_year(site.database, december)
    assert found is not None
    assert performance.open_of_year(site.database, december) is None
    assert site.waiting(found.id) == ["bureau"]
    assert (site.round(found.id).as_of, site.round(found.id).due) == (date(2026, 12, 31), date(2026, 12, 15))
