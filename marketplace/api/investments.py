"""Writing the investment list of a diagnosis (投入清单). Its lines have a number each."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import ConfigDict, Field

from marketplace.actions import investments as actions
from marketplace.api.days import here_now
from marketplace.api.diagnosis_lists import INVESTMENT
from marketplace.api.operation import Done, Model, operation, refuse_faults
from marketplace.api.problem_lists import RemovalIn, fen_of
from marketplace.api.scenario_needs import diagnosis_of, line_done
from marketplace.api.writing import read_number, read_version
from marketplace.domain.investments import InvestmentDraft, check
from marketplace.guard import current_viewer, permission
from marketplace.records.diagnoses import Investment
from marketplace.site import current_site

_WAN: Any = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)


class ListedInvestmentIn(Model):
    """A line of the investment list, whole; at least one of the three amounts is wanted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scenario": "CHEM-01", "hardware_wan": 60.0, "year": 2027, "wants_subsidy": True}]}
    )
    scenario: str = Field("", max_length=32)
    hardware_wan: float | None = _WAN
    software_wan: float | None = _WAN
    service_wan: float | None = _WAN
    year: int | None = Field(None, ge=0, le=10_000)
    money_source: str = Field("", max_length=64)
    expected_start: date | None = None
    wants_subsidy: bool = False
    wants_loan: bool = False
    why: str = Field("", max_length=500)


def _draft(body: ListedInvestmentIn) -> InvestmentDraft:
    amounts: dict[str, Any] = {f"{name}_fen": fen_of(getattr(body, f"{name}_wan")) for name in ("hardware", "software", "service")}
    same = {name: getattr(body, name) for name in ("year", "money_source", "expected_start", "wants_subsidy", "wants_loan")}
    draft = InvestmentDraft(scenario_code=body.scenario, **amounts, **same)
    refuse_faults(check(draft))
    return draft


def _values(why: str) -> dict[str, Any]:
    return {"viewer": current_viewer(), "at": here_now(), "why": why}


@permission("edit", "problem_list", scope="write")
@operation(
    "/diagnoses/<id>/investments",
    method="POST",
    summary="A new line of the investment list",
    tag="diagnoses",
    body=ListedInvestmentIn,
    answer=Done,
    status=201,
    writes=True,
)
def add_investment(id: str, body: ListedInvestmentIn) -> Done:
    diagnosis = diagnosis_of(id)
    return line_done(INVESTMENT, actions.add(current_site().database, diagnosis, _draft(body), **_values(body.why)).id)


@permission("edit", "problem_list", scope="write")
@operation(
    "/diagnoses/<id>/investments/<int:number>",
    method="PUT",
    summary="Change a line of the investment list",
    tag="diagnoses",
    body=ListedInvestmentIn,
    answer=Done,
    writes=True,
    match="may",
)
def change_investment(id: str, number: int, body: ListedInvestmentIn) -> Done:
    diagnosis_of(id, Investment, number)
    actions.change(current_site().database, number, _draft(body), **_values(body.why), seen=read_number(read_version()))
    return line_done(INVESTMENT, number)


@permission("edit", "problem_list", scope="write")
@operation(
    "/diagnoses/<id>/investments/<int:number>/remove",
    method="POST",
    summary="Take a line out of the investment list",
    tag="diagnoses",
    body=RemovalIn,
    answer=Done,
    writes=True,
)
def remove_investment(id: str, number: int, body: RemovalIn) -> Done:
    diagnosis_of(id, Investment, number)
    actions.remove(current_site().database, number, **_values(body.why))
    return line_done(INVESTMENT, number, "removed")
