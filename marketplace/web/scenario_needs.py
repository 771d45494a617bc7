"""The form of one line of a diagnosis' scenario list."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import scenario_needs as actions
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.scenario_needs import LEVEL_WORDS, LEVELS, ScenarioNeedDraft, check
from marketplace.guard import current_viewer, now, permission
from marketplace.records.diagnoses import ScenarioNeed
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.diagnosis_lists import (
    code_of,
    form_page,
    found_diagnosis,
    found_line,
    kept,
    placed,
    removed,
    typed_priority,
    typed_reason,
)
from marketplace.web.language import say
from marketplace.web.terms import here_now
from marketplace.web.typed import seen

pages = Blueprint("scenario_needs", __name__)
_TYPED = ("scenario_code", "present_level", "target_level", "expected", "urgency")


@pages.get("/diagnoses/<public_id>/lists/needs/new")
@permission("edit", "problem_list")
def new(public_id: str) -> Response:
    return _page(public_id, None, dict.fromkeys(_TYPED, "") | {"scenario_code": request.args.get("scenario", "")})


@pages.get("/diagnoses/<public_id>/lists/needs/<int:number>")
@permission("edit", "problem_list")
def edit(public_id: str, number: int) -> Response:
    with current_site().database.reading() as session:
        row = found_line(session, ScenarioNeed, public_id, number)
        typed = _typed_of(session, row)
    return _page(public_id, number, typed)


@pages.post("/diagnoses/<public_id>/lists/needs/new")
@permission("edit", "problem_list")
def add(public_id: str) -> Response:
    return _keep(public_id, None)


@pages.post("/diagnoses/<public_id>/lists/needs/<int:number>")
@permission("edit", "problem_list")
def save(public_id: str, number: int) -> Response:
    return _keep(public_id, number)


@pages.post("/diagnoses/<public_id>/lists/needs/<int:number>/remove")
@permission("edit", "problem_list")
def remove(public_id: str, number: int) -> Response:
    with current_site().database.reading() as session:
        found_line(session, ScenarioNeed, public_id, number)
    return removed(public_id, number, "needs", actions.remove)


def _keep(public_id: str, number: int | None) -> Response:
    site, viewer, why = current_site(), current_viewer(), typed_reason()
    typed = {name: request.form.get(name, "").strip() for name in _TYPED}
    draft = ScenarioNeedDraft(
        typed["scenario_code"],
        _level(typed["present_level"]),
        _level(typed["target_level"]),
        typed["expected"],
        typed_priority(typed["urgency"]),
    )
    with site.database.reading() as session:
        diagnosis_id = found_diagnosis(session, public_id, viewer).id
        if number is not None:
            found_line(session, ScenarioNeed, public_id, number)
    faults = list(check(draft))
    if not faults:
        try:
            if number is None:
                actions.add(site.database, diagnosis_id, draft, viewer=viewer, at=now(), why=why)
            else:
                actions.change(site.database, number, draft, viewer=viewer, at=here_now(), seen=seen(), why=why)
            return kept(public_id, "needs")
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _page(public_id, number, typed, lost=error.refused)
            faults = [placed(error.refused)]
    return _page(public_id, number, typed, faults=faults)


def _page(
    public_id: str, number: int | None, typed: Mapping[str, str], *, faults: Faults | None = None, lost: Refused | None = None
) -> Response:
    with current_site().database.reading() as session:
        stands = _typed_of(session, found_line(session, ScenarioNeed, public_id, number)) if number and lost else {}
        labels = {
            "scenario_code": say("场景"),
            "present_level": say("现在的水平"),
            "target_level": say("目标水平"),
            "expected": say("预期指标"),
            "urgency": say("紧迫程度"),
        }
        changes = outdated_fields((label, stands[name], typed[name]) for name, label in labels.items()) if stands else []
        noun = actions.NOUN
        return form_page(
            session,
            "need",
            public_id,
            number,
            typed,
            noun=noun,
            faults=faults,
            lost=lost,
            changes=changes,
            levels=LEVELS,
            words=LEVEL_WORDS,
        )


def _typed_of(session: Session, row: ScenarioNeed) -> dict[str, str]:
    return {
        "scenario_code": code_of(session, row.scenario_id),
        "present_level": str(row.present_level or ""),
        "target_level": str(row.target_level or ""),
        "expected": row.expected,
        "urgency": row.urgency,
    }


def _level(text: str) -> int | None:
    return int(text) if text in ("1", "2", "3", "4") else None
