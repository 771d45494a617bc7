"""The three lists of a diagnosis on one page, and the forms of the scenario list and the investment list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.domain.access import Viewer, may, may_act_for, may_read_plan
from marketplace.domain.diagnosis_lists import check_writing, is_correction
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import fen_from_wan, wan_from_fen
from marketplace.domain.problems import ProblemState
from marketplace.domain.scenario_needs import LEVEL_WORDS
from marketplace.domain.scenarios import ScenarioState
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.diagnoses import Diagnosis, Investment, ScenarioNeed
from marketplace.records.enterprises import Enterprise
from marketplace.records.history import find_last_entry
from marketplace.records.problems import Problem
from marketplace.records.scenarios import Scenario
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.scenarios import told
from marketplace.web.typed import seen_still

pages = Blueprint("diagnosis_lists", __name__)


@dataclass(frozen=True)
class Lists:
    """The three lists. `may_write`: this viewer may, now; `corrects`: what is written now is a correction and needs a reason;
    `closed`: why nothing can be written, "" where it can."""

    diagnosis: Diagnosis
    problems: Sequence[Problem]
    needs: Sequence[tuple[ScenarioNeed, Scenario]]
    investments: Sequence[tuple[Investment, Scenario | None]]
    may_write: bool
    corrects: bool
    closed: str

    @property
    def total_fen(self) -> int:
        return sum(part or 0 for row, _scenario in self.investments for part in (row.hardware_fen, row.software_fen, row.service_fen))


def found_diagnosis(session: Session, public_id: str, viewer: Viewer) -> Diagnosis:
    """A foreign diagnosis and a missing one get the same answer."""
    query = select(Diagnosis).where(Diagnosis.public_id == public_id).options(joinedload(Diagnosis.enterprise))
    found = session.scalar(query)
    if found is None or not may_read_plan(viewer, found.enterprise_id):
        not_found()
    return found


def may_write_own(viewer: Viewer, enterprise: Enterprise) -> bool:
    """Whether the viewer may write problems of this enterprise that belong to no diagnosis."""
    own = enterprise.id in viewer.enterprise_ids and may_act_for(viewer, enterprise.organisation_id, "edit")
    return may(viewer, "edit", "problem_list") or own


@pages.get("/diagnoses/<public_id>/lists")
@permission("read", "plan")
def show(public_id: str) -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        lists = read_lists(session, found_diagnosis(session, public_id, viewer), viewer)
        return render_template("diagnosis_lists/show.html", lists=lists, diagnosis=lists.diagnosis, levels=LEVEL_WORDS)


def read_lists(session: Session, diagnosis: Diagnosis, viewer: Viewer) -> Lists:
    order = {term.key: place for place, term in enumerate(current_site().pilot.priorities)}
    query = select(Problem).where(Problem.diagnosis_id == diagnosis.id, Problem.state != ProblemState.WITHDRAWN).order_by(Problem.id)
    problems = sorted(session.scalars(query), key=lambda row: order.get(row.priority, len(order)))
    scenarios = joinedload(Scenario.enterprise)
    need = select(ScenarioNeed, Scenario).join(Scenario, Scenario.id == ScenarioNeed.scenario_id).options(scenarios)
    needs = session.execute(need.where(ScenarioNeed.diagnosis_id == diagnosis.id).order_by(ScenarioNeed.id)).all()
    spend = select(Investment, Scenario).outerjoin(Scenario, Scenario.id == Investment.scenario_id).options(scenarios)
    spent = session.execute(spend.where(Investment.diagnosis_id == diagnosis.id).order_by(Investment.id)).all()
    refused = check_writing(diagnosis.state, why="-")
    writes = may(viewer, "edit", "problem_list") and refused is None
    return Lists(
        diagnosis=diagnosis,
        problems=problems,
        needs=[(row, scenario) for row, scenario in needs],
        investments=[(row, scenario) for row, scenario in spent],
        may_write=writes,
        corrects=is_correction(diagnosis.state),
        closed=sentence_of(refused) if may(viewer, "edit", "problem_list") else "",
    )


@dataclass(frozen=True)
class Choice:
    code: str
    name: str


def scenario_choices(session: Session, sector: str) -> list[Choice]:
    """Scenarios of the library that an enterprise of this sector may want; its own stand among them."""
    query = select(Scenario).where(Scenario.state == ScenarioState.PUBLISHED, Scenario.sector == sector)
    rows = session.scalars(query.options(joinedload(Scenario.enterprise)).order_by(Scenario.code))
    return [Choice(row.code, told(row, row.name)) for row in rows]


def code_of(session: Session, scenario_id: int | None) -> str:
    found = session.get(Scenario, scenario_id) if scenario_id else None
    return found.code if found else ""


def form_page(
    session: Session,
    kind: str,
    public_id: str,
    number: int | None,
    typed: Mapping[str, Any],
    *,
    noun: str,
    faults: Faults | None,
    lost: Refused | None,
    changes: Sequence[ShownDifference],
    **values: Any,
) -> Response:
    diagnosis = found_diagnosis(session, public_id, current_viewer())
    last = find_last_entry(session, noun, number) if number else 0
    body = render_template(
        f"diagnosis_lists/{kind}.html",
        diagnosis=diagnosis,
        number=number,
        typed=typed,
        why=typed_reason(),
        corrects=is_correction(diagnosis.state),
        faults=sentences(faults or []),
        scenarios=scenario_choices(session, diagnosis.enterprise.sector),
        seen=seen_still(last, lost=lost is not None),
        lost=sentence_of(lost),
        changes=changes,
        **values,
    )
    return make_response(body, 409 if lost else 422 if faults else 200)


def found_line(session: Session, shape: Any, public_id: str, number: int | None) -> Any:
    """A line of this diagnosis; one of another diagnosis is as absent as one that is not there."""
    diagnosis = found_diagnosis(session, public_id, current_viewer())
    row = session.get(shape, number) if number is not None and number < 2**62 else None
    if row is None or row.diagnosis_id != diagnosis.id:
        not_found()
    return row


def removed(public_id: str, number: int, anchor: str, remove: Any) -> Response:
    try:
        remove(current_site().database, number, viewer=current_viewer(), at=now(), why=typed_reason())
        flash(say("已从清单里去掉。"), "good")
    except RefusedError as error:
        flash(sentence_of(error.refused), "bad")
    return redirect(url_for("diagnosis_lists.show", public_id=public_id, _anchor=anchor), 303)


def kept(public_id: str, anchor: str) -> Response:
    flash(say("已保存。"), "good")
    return redirect(url_for("diagnosis_lists.show", public_id=public_id, _anchor=anchor), 303)


def placed(refused: Refused) -> tuple[str, Refused]:
    """At which field a refusal of the action stands."""
    places = {"unknown_scenario": "scenario_code", "correction_without_reason": "why"}
    return places.get(refused.code, ""), refused


def typed_reason() -> str:
    return request.form.get("why", "").strip()


def typed_wan(text: str, field: str, faults: Faults) -> int | None:
    """An amount in 万元 as fen; None for nothing."""
    if not text:
        return None
    try:
        value = Decimal(text.replace(",", "").replace("，", "").removesuffix("万元").strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > 100_000_000:
        faults.append((field, Refused("not_a_figure", _("金额请填数字，单位万元，如 120。"))))
        return None
    return fen_from_wan(value)


def wan(fen: int | None) -> str:
    """An amount in fen as it is typed in 万元."""
    return "" if fen is None else f"{wan_from_fen(fen):f}"


def typed_priority(text: str) -> str:
    found = current_site().pilot.find("priority", text) if text else None
    return found.key if found else ""
