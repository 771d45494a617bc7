"""The three lists of a diagnosis: who may write them when, corrections with a reason, and an enterprise's own problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import investments, problem_lists, report_imports, scenario_needs
from marketplace.domain.access import Role, Viewer
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.investments import InvestmentDraft
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.problems import ProblemDraft, ProblemState
from marketplace.domain.report_imports import ReportImportState
from marketplace.domain.scenario_needs import ScenarioNeedDraft
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis, Investment, ScenarioNeed
from marketplace.records.enterprises import Enterprise
from marketplace.records.history import HistoryEntry, find_broken_link, find_last_entry
from marketplace.records.index_queue import QueuedThing
from marketplace.records.problems import Problem
from marketplace.records.report_imports import ReportImport
from marketplace.records.scenarios import Scenario
from tests.actions.people import Market, open_market
from tests.conftest import NOW

DRAFT = ProblemDraft(
    text="三号线包装每班停两次，每次二十分钟", stage="production", priority="high", budget_low_fen=100, budget_high_fen=200
)


def refusal(act: Callable[..., Any], *arguments: Any, **values: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        act(*arguments, **values)
    return refused.value.refused.code


def someone(market: Market, role: Role) -> Viewer:
    """A person of the market without an account of their own, which these tables would look for."""
    return replace(market.person(role), account_id=None)


def of_own(database: Database, market: Market) -> Viewer:
    """Somebody of the enterprise who fills in for it."""
    with database.reading() as session:
        unit = session.get_one(Enterprise, market.enterprise).organisation_id
    return replace(someone(market, Role.ENTERPRISE), rights=frozenset({(unit, "edit"), (unit, "submit")}))


def code_of(database: Database, market: Market) -> str:
    with database.reading() as session:
        return session.get_one(Scenario, market.scenario).code


@pytest.mark.parametrize("state", list(DiagnosisState))
def test_a_list_is_written_on_site_and_only_corrected_once_it_is_confirmed(database: Database, state: DiagnosisState) -> None:
    market = open_market(database, diagnosis=state)
    centre, key = someone(market, Role.CENTRE), {"enterprise_id": market.enterprise, "diagnosis_id": market.diagnosis}
    writable = state in (DiagnosisState.ON_SITE, DiagnosisState.DRAFTED)
    corrected = state in (DiagnosisState.CONFIRMED, DiagnosisState.ISSUED)
    if not writable:
        expected = {"planned": "not_on_site", "cancelled": "diagnosis_cancelled"}.get(state.value, "correction_without_reason")
        assert refusal(problem_lists.add, database, DRAFT, viewer=centre, at=NOW, **key) == expected
    if writable or corrected:
        why = "企业来函更正" if corrected else ""
        problem = problem_lists.add(database, DRAFT, viewer=centre, at=NOW, why=why, **key)
        changed = replace(DRAFT, text="三号线包装每班停三次")
        problem_lists.change(database, problem.id, changed, viewer=centre, at=NOW, why=why)
        with database.reading() as session:
            last = session.scalars(select(HistoryEntry).order_by(HistoryEntry.id.desc())).first()
            assert last is not None
            assert (last.verb, last.why) == ("correct" if corrected else "change", why)
            assert last.before == {"text": DRAFT.text}
            assert session.get_one(QueuedThing, ("problem", problem.id)).wanted == 2


def test_only_the_centre_writes_a_diagnosis_and_nobody_else_its_own_problems(database: Database) -> None:
    market = open_market(database, diagnosis=DiagnosisState.ON_SITE)
    key = {"enterprise_id": market.enterprise, "diagnosis_id": market.diagnosis}
    own = of_own(database, market)
    for person in (own, someone(market, Role.MANAGER), someone(market, Role.BUREAU), someone(market, Role.PROVIDER)):
        assert refusal(problem_lists.add, database, DRAFT, viewer=person, at=NOW, **key) == "not_allowed"
    brought = problem_lists.add(database, DRAFT, enterprise_id=market.enterprise, viewer=own, at=NOW)
    assert brought.diagnosis_id is None
    # A member who may not fill in, another enterprise and a provider do not touch it.
    for person in (someone(market, Role.ENTERPRISE), market.other_enterprise_person, someone(market, Role.PROVIDER)):
        assert refusal(problem_lists.change, database, brought.id, DRAFT, viewer=person, at=NOW) == "not_allowed"
        assert refusal(problem_lists.remove, database, brought.id, viewer=person, at=NOW) == "not_allowed"
    problem_lists.remove(database, brought.id, viewer=own, at=NOW)
    assert refusal(problem_lists.change, database, brought.id, DRAFT, viewer=own, at=NOW) == "problem_not_open"
    with database.reading() as session:
        assert session.get_one(Problem, brought.id).state == ProblemState.WITHDRAWN
        assert find_broken_link(session) is None


def test_whoever_saves_second_is_told(database: Database) -> None:
    market = open_market(database, diagnosis=DiagnosisState.DRAFTED)
    centre = someone(market, Role.CENTRE)
    problem = problem_lists.add(database, DRAFT, enterprise_id=market.enterprise, diagnosis_id=market.diagnosis, viewer=centre, at=NOW)
    with database.reading() as session:
        seen = find_last_entry(session, "problem", problem.id)
    problem_lists.change(database, problem.id, replace(DRAFT, priority="low"), viewer=centre, at=NOW, seen=seen)
    late = {"viewer": someone(market, Role.ADMIN), "at": NOW, "seen": seen}
    assert refusal(problem_lists.change, database, problem.id, replace(DRAFT, stage="logistics"), **late) == "changed_meanwhile"
    assert refusal(problem_lists.remove, database, problem.id, **late) == "changed_meanwhile"


def test_needs_and_investments_are_lines_of_their_own(database: Database) -> None:
    market = open_market(database, diagnosis=DiagnosisState.ON_SITE)
    centre, code = someone(market, Role.CENTRE), code_of(database, market)
    draft = ScenarioNeedDraft(code, 1, 3, "停机减半", "high")
    need = scenario_needs.add(database, market.diagnosis, draft, viewer=centre, at=NOW)
    scenario_needs.change(database, need.id, replace(draft, target_level=4), viewer=centre, at=NOW)
    spend = InvestmentDraft(code, 5_000_000, None, 1_000_000, 2027, "自有资金", None, True, False)
    line = investments.add(database, market.diagnosis, spend, viewer=centre, at=NOW)
    for person in (of_own(database, market), someone(market, Role.MANAGER)):
        assert refusal(scenario_needs.add, database, market.diagnosis, draft, viewer=person, at=NOW) == "not_allowed"
        assert refusal(investments.remove, database, line.id, viewer=person, at=NOW) == "not_allowed"
    assert (
        refusal(scenario_needs.add, database, market.diagnosis, replace(draft, scenario_code="X-9"), viewer=centre, at=NOW)
        == "unknown_scenario"
    )
    assert (
        refusal(scenario_needs.add, database, market.diagnosis, ScenarioNeedDraft(code, 3, 2), viewer=centre, at=NOW)
        == "target_below_present"
    )
    assert refusal(investments.add, database, market.diagnosis, InvestmentDraft(code), viewer=centre, at=NOW) == "required"
    with database.reading() as session:
        stored = session.get_one(ScenarioNeed, need.id)
        assert (stored.present_level, stored.target_level, stored.urgency) == (1, 4, "high")
        assert session.get_one(Investment, line.id).wants_subsidy
    scenario_needs.remove(database, need.id, viewer=centre, at=NOW)
    investments.remove(database, line.id, viewer=centre, at=NOW)
    with database.reading() as session:
        assert session.get(ScenarioNeed, need.id) is None
        removed = session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "remove").order_by(HistoryEntry.id)).all()
        assert [entry.noun for entry in removed] == ["scenario_need", "investment"]
        assert removed[1].before is not None
        assert removed[1].before["hardware_fen"] == 5_000_000


def test_a_report_is_saved_whole_or_not_at_all(database: Database) -> None:
    market = open_market(database, diagnosis=DiagnosisState.ON_SITE)
    centre = someone(market, Role.CENTRE)
    begun = report_imports.begin(
        database, enterprise_id=market.enterprise, diagnosis_id=market.diagnosis, viewer=centre, at=NOW, text="包装线每班停两次。"
    )
    with database.writing() as session:
        found = session.get_one(ReportImport, begun.id)
        report_imports.note_found(session, found, [{"text": "包装线每班停两次", "take": True}], letters=9, is_cut=False, at=NOW)
    bad = [DRAFT, ProblemDraft(text="")]
    assert refusal(report_imports.save, database, begun.id, bad, viewer=centre, at=NOW) == "required"
    assert refusal(report_imports.save, database, begun.id, [], viewer=centre, at=NOW) == "nothing_ticked"
    with database.reading() as session:
        assert session.get_one(ReportImport, begun.id).state == ReportImportState.READY
        count = len(session.scalars(select(Problem.id)).all())
    report_imports.save(database, begun.id, [DRAFT, replace(DRAFT, text="仓库找料要半天")], viewer=centre, at=NOW)
    with database.reading() as session:
        assert session.get_one(ReportImport, begun.id).state == ReportImportState.SAVED
        assert len(session.scalars(select(Problem.id)).all()) == count + 2
    # A second press of the button adds nothing.
    assert refusal(report_imports.save, database, begun.id, [DRAFT], viewer=centre, at=NOW) == "wrong_state"
    with database.reading() as session:
        assert len(session.scalars(select(Problem.id)).all()) == count + 2


def test_a_report_for_a_diagnosis_that_is_over_is_refused_when_it_is_saved(database: Database) -> None:
    market = open_market(database, diagnosis=DiagnosisState.ON_SITE)
    centre = someone(market, Role.CENTRE)
    begun = report_imports.begin(
        database, enterprise_id=market.enterprise, diagnosis_id=market.diagnosis, viewer=centre, at=NOW, text="包装线每班停两次。"
    )
    with database.writing() as session:
        report_imports.note_found(session, session.get_one(ReportImport, begun.id), [], letters=9, is_cut=False, at=NOW)
    with database.writing() as session:
        session.get_one(Diagnosis, market.diagnosis).state = DiagnosisState.CONFIRMED
    assert refusal(report_imports.save, database, begun.id, [DRAFT], viewer=centre, at=NOW) == "correction_without_reason"
    report_imports.save(database, begun.id, [DRAFT], viewer=centre, at=NOW, why="企业来函补充")
