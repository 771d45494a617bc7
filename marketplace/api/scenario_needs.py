"""Writing the scenario list of a diagnosis (场景清单). Its lines have a number each."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from marketplace.actions import scenario_needs as actions
from marketplace.api.days import here_now
from marketplace.api.diagnosis_lists import NEED, found_diagnosis
from marketplace.api.operation import Done, Model, operation, refuse_faults
from marketplace.api.problem_lists import RemovalIn, word_of
from marketplace.api.writing import read_number, read_version
from marketplace.domain.scenario_needs import ScenarioNeedDraft, check
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.diagnoses import Investment, ScenarioNeed
from marketplace.records.history import find_last_entry
from marketplace.site import current_site

_LARGEST = 2**62


class ListedNeedIn(Model):
    """A line of the scenario list, whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scenario": "CHEM-01", "present_level": 1, "target_level": 3}]})
    scenario: str = Field(max_length=32)
    """The code of a scenario."""
    present_level: int | None = Field(None, ge=1, le=4)
    target_level: int = Field(ge=1, le=4)
    expected: str = Field("", max_length=2_000)
    urgency: str = Field("", max_length=64)
    why: str = Field("", max_length=500)


def diagnosis_of(id: str, kind: type[ScenarioNeed] | type[Investment] | None = None, number: int = 0) -> int:
    """The number inside of a diagnosis that this person may read the lists of, if this is a line of it."""
    with current_site().database.reading() as session:
        diagnosis = found_diagnosis(session, id).id
        row: Any = session.get(kind, number) if kind is not None and number < _LARGEST else None
        return diagnosis if kind is None or (row is not None and row.diagnosis_id == diagnosis) else not_found()


def line_done(noun: str, number: int, state: str = "listed") -> Done:
    """Of a line; its id is its number, its state `listed` or `removed`."""
    with current_site().database.reading() as session:
        return Done(id=str(number), state=state, version=str(find_last_entry(session, noun, number)))


def _draft(body: ListedNeedIn) -> ScenarioNeedDraft:
    urgency = word_of("priority", body.urgency, "urgency")
    draft = ScenarioNeedDraft(body.scenario, body.present_level, body.target_level, body.expected, urgency)
    refuse_faults((("scenario" if field == "scenario_code" else field), refused) for field, refused in check(draft))
    return draft


def _values(why: str) -> dict[str, Any]:
    return {"viewer": current_viewer(), "at": here_now(), "why": why}


@permission("edit", "problem_list", scope="write")
@operation(
    "/diagnoses/<id>/needs",
    method="POST",
    summary="A new line of the scenario list",
    tag="diagnoses",
    body=ListedNeedIn,
    answer=Done,
    status=201,
    writes=True,
)
def add_scenario_need(id: str, body: ListedNeedIn) -> Done:
    diagnosis = diagnosis_of(id)
    return line_done(NEED, actions.add(current_site().database, diagnosis, _draft(body), **_values(body.why)).id)


@permission("edit", "problem_list", scope="write")
@operation(
    "/diagnoses/<id>/needs/<int:number>",
    method="PUT",
    summary="Change a line of the scenario list",
    tag="diagnoses",
    body=ListedNeedIn,
    answer=Done,
    writes=True,
    match="may",
)
def change_scenario_need(id: str, number: int, body: ListedNeedIn) -> Done:
    diagnosis_of(id, ScenarioNeed, number)
    actions.change(current_site().database, number, _draft(body), **_values(body.why), seen=read_number(read_version()))
    return line_done(NEED, number)


@permission("edit", "problem_list", scope="write")
@operation(
    "/diagnoses/<id>/needs/<int:number>/remove",
    method="POST",
    summary="Take a line out of the scenario list",
    tag="diagnoses",
    body=RemovalIn,
    answer=Done,
    writes=True,
)
def remove_scenario_need(id: str, number: int, body: RemovalIn) -> Done:
    diagnosis_of(id, ScenarioNeed, number)
    actions.remove(current_site().database, number, **_values(body.why))
    return line_done(NEED, number, "removed")
