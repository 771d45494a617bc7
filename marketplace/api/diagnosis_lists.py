"""The three lists of a diagnosis: problems, scenarios that are needed, investments. Lines of the second and third have a number each."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.api import models as out
from marketplace.api.operation import Model, Versioned, operation
from marketplace.domain.access import may_read_plan
from marketplace.domain.money import wan_from_fen
from marketplace.domain.problems import ProblemState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.diagnoses import Diagnosis, Investment, ScenarioNeed
from marketplace.records.history import find_last_entries
from marketplace.records.problems import Problem
from marketplace.records.scenarios import Scenario
from marketplace.scenario_texts import scenario_text
from marketplace.site import current_site

PROBLEM, NEED, INVESTMENT = "problem", "scenario_need", "investment"


class ListedScenario(Model):
    code: str
    name: str


class ListedProblem(Versioned):
    """A line of the problem list. Words are the pilot's keys; the budget is in 万元."""

    id: str
    text: str
    stage: str
    orientation: str
    scenario: str
    priority: str
    severity: str
    root_cause: str
    effect_if_unsolved: str
    budget_wan: out.Span | None
    state: ProblemState


class ListedNeed(Versioned):
    """A line of the scenario list: from which level (1–4) to which, and how it would show."""

    number: int
    scenario: ListedScenario
    present_level: int | None
    target_level: int | None
    expected: str
    urgency: str


class ListedInvestment(Versioned):
    """A line of the investment list, in 万元."""

    number: int
    scenario: ListedScenario | None
    hardware_wan: float | None
    software_wan: float | None
    service_wan: float | None
    year: int | None
    money_source: str
    expected_start: date | None
    wants_subsidy: bool
    wants_loan: bool


class DiagnosisLists(Model):
    """The three lists, each whole."""

    problems: list[ListedProblem]
    needs: list[ListedNeed]
    investments: list[ListedInvestment]


@permission("read", "plan")
@operation(
    "/diagnoses/<id>/lists",
    summary="The three lists of a diagnosis, for the enterprise and the centre",
    tag="diagnoses",
    answer=DiagnosisLists,
)
def read_diagnosis_lists(id: str) -> DiagnosisLists:
    with current_site().database.reading() as session:
        number, scenarios = found_diagnosis(session, id).id, joinedload(Scenario.enterprise)
        problems = select(Problem).where(Problem.diagnosis_id == number, Problem.state != ProblemState.WITHDRAWN).order_by(Problem.id)
        needs = select(ScenarioNeed, Scenario).join(Scenario, Scenario.id == ScenarioNeed.scenario_id).options(scenarios)
        spent = select(Investment, Scenario).outerjoin(Scenario, Scenario.id == Investment.scenario_id).options(scenarios)
        listed = session.scalars(problems).all()
        needed = session.execute(needs.where(ScenarioNeed.diagnosis_id == number).order_by(ScenarioNeed.id)).all()
        planned = session.execute(spent.where(Investment.diagnosis_id == number).order_by(Investment.id)).all()
        problem_last = find_last_entries(session, PROBLEM, [row.id for row in listed])
        need_last = find_last_entries(session, NEED, [row.id for row, _one in needed])
        investment_last = find_last_entries(session, INVESTMENT, [row.id for row, _one in planned])
        return DiagnosisLists(
            problems=[_problem(row, problem_last.get(row.id, 0)) for row in listed],
            needs=[_need(row, scenario, need_last.get(row.id, 0)) for row, scenario in needed],
            investments=[_investment(row, scenario, investment_last.get(row.id, 0)) for row, scenario in planned],
        )


def found_diagnosis(session: Session, id: str) -> Diagnosis:
    """For the enterprise and the centre; to others it does not exist."""
    row = session.scalar(select(Diagnosis).where(Diagnosis.public_id == id).options(joinedload(Diagnosis.enterprise)))
    return row if row is not None and may_read_plan(current_viewer(), row.enterprise_id) else not_found()


def _problem(row: Problem, last: int) -> ListedProblem:
    same = ("text", "stage", "orientation", "priority", "severity", "root_cause", "effect_if_unsolved", "state")
    return ListedProblem(
        **{name: getattr(row, name) for name in same},
        version=str(last),
        id=row.public_id,
        scenario=row.scenario_code,
        budget_wan=out.wan_span(row.budget_low_fen, row.budget_high_fen),
    )


def _scenario(row: Scenario) -> ListedScenario:
    return ListedScenario(code=row.code, name=scenario_text(row, row.name, current_viewer(), current_site().pilot))


def _need(row: ScenarioNeed, scenario: Scenario, last: int) -> ListedNeed:
    same = {name: getattr(row, name) for name in ("present_level", "target_level", "expected", "urgency")}
    return ListedNeed(**same, version=str(last), number=row.id, scenario=_scenario(scenario))


def _investment(row: Investment, scenario: Scenario | None, last: int) -> ListedInvestment:
    same = ("year", "money_source", "expected_start", "wants_subsidy", "wants_loan")
    amounts: dict[str, Any] = {
        f"{name}_wan": None if (fen := getattr(row, f"{name}_fen")) is None else float(wan_from_fen(fen))
        for name in ("hardware", "software", "service")
    }
    return ListedInvestment(
        **{name: getattr(row, name) for name in same},
        **amounts,
        version=str(last),
        number=row.id,
        scenario=_scenario(scenario) if scenario else None,
    )
