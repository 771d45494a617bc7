"""The form of one line of a diagnosis' investment list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import investments as actions
from marketplace.domain.investments import InvestmentDraft, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.guard import current_viewer, now, permission
from marketplace.records.diagnoses import Investment
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
    typed_reason,
    typed_wan,
    wan,
)
from marketplace.web.language import say
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, typed_day

pages = Blueprint("investments", __name__)
_TYPED = ("scenario_code", "hardware_wan", "software_wan", "service_wan", "year", "money_source", "expected_start")
_FLAGS = ("wants_subsidy", "wants_loan")


@pages.get("/diagnoses/<public_id>/lists/investments/new")
@permission("edit", "problem_list")
def new(public_id: str) -> Response:
    typed: dict[str, Any] = dict.fromkeys(_TYPED, "") | dict.fromkeys(_FLAGS, False)
    return _page(public_id, None, typed | {"scenario_code": request.args.get("scenario", "")})


@pages.get("/diagnoses/<public_id>/lists/investments/<int:number>")
@permission("edit", "problem_list")
def edit(public_id: str, number: int) -> Response:
    with current_site().database.reading() as session:
        typed = _typed_of(session, found_line(session, Investment, public_id, number))
    return _page(public_id, number, typed)


@pages.post("/diagnoses/<public_id>/lists/investments/new")
@permission("edit", "problem_list")
def add(public_id: str) -> Response:
    return _keep(public_id, None)


@pages.post("/diagnoses/<public_id>/lists/investments/<int:number>")
@permission("edit", "problem_list")
def save(public_id: str, number: int) -> Response:
    return _keep(public_id, number)


@pages.post("/diagnoses/<public_id>/lists/investments/<int:number>/remove")
@permission("edit", "problem_list")
def remove(public_id: str, number: int) -> Response:
    with current_site().database.reading() as session:
        found_line(session, Investment, public_id, number)
    return removed(public_id, number, "investments", actions.remove)


def _keep(public_id: str, number: int | None) -> Response:
    site, viewer, why = current_site(), current_viewer(), typed_reason()
    typed: dict[str, Any] = {name: request.form.get(name, "").strip() for name in _TYPED}
    typed |= {name: name in request.form for name in _FLAGS}
    draft, faults = draft_of(typed)
    with site.database.reading() as session:
        diagnosis_id = found_diagnosis(session, public_id, viewer).id
        if number is not None:
            found_line(session, Investment, public_id, number)
    faults += check(draft) if not faults else []
    if not faults:
        try:
            if number is None:
                actions.add(site.database, diagnosis_id, draft, viewer=viewer, at=now(), why=why)
            else:
                actions.change(site.database, number, draft, viewer=viewer, at=here_now(), seen=seen(), why=why)
            return kept(public_id, "investments")
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _page(public_id, number, typed, lost=error.refused)
            faults = [placed(error.refused)]
    return _page(public_id, number, typed, faults=faults)


def draft_of(typed: Mapping[str, Any]) -> tuple[InvestmentDraft, Faults]:
    """The draft that was typed, and what of it is no figure and no day."""
    faults: Faults = []
    amounts = {name: typed_wan(typed[f"{name}_wan"], f"{name}_wan", faults) for name in ("hardware", "software", "service")}
    year: int | None = None
    if typed["year"]:
        year = int(typed["year"]) if typed["year"].isascii() and typed["year"].isdigit() and len(typed["year"]) < 6 else -1
    starts: date | None = typed_day(typed["expected_start"])
    if typed["expected_start"] and starts is None:
        faults.append(("expected_start", Refused("not_a_day", _("日期请按 2027-03-01 这样填写。"))))
    draft = InvestmentDraft(
        typed["scenario_code"], amounts["hardware"], amounts["software"], amounts["service"], year, typed["money_source"], starts,
        typed["wants_subsidy"], typed["wants_loan"],
    )  # fmt: skip
    return draft, faults


def _page(
    public_id: str, number: int | None, typed: Mapping[str, Any], *, faults: Faults | None = None, lost: Refused | None = None
) -> Response:
    with current_site().database.reading() as session:
        stands = _typed_of(session, found_line(session, Investment, public_id, number)) if number and lost else {}
        labels = {
            "scenario_code": say("场景"),
            "hardware_wan": say("设备投入"),
            "software_wan": say("软件投入"),
            "service_wan": say("服务投入"),
            "year": say("投入年份"),
            "money_source": say("资金来源"),
            "expected_start": say("预计开始"),
        }
        changes = outdated_fields((label, stands[name], typed[name]) for name, label in labels.items()) if stands else []
        return form_page(session, "investment", public_id, number, typed, noun=actions.NOUN, faults=faults, lost=lost, changes=changes)


def _typed_of(session: Session, row: Investment) -> dict[str, Any]:
    return {
        "scenario_code": code_of(session, row.scenario_id),
        **{f"{name}_wan": wan(getattr(row, f"{name}_fen")) for name in ("hardware", "software", "service")},
        "year": str(row.year or ""),
        "money_source": row.money_source,
        "expected_start": row.expected_start.isoformat() if row.expected_start else "",
        "wants_subsidy": row.wants_subsidy,
        "wants_loan": row.wants_loan,
    }
