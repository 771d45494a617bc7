"""Opening rounds of the performance evaluation."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import performance as actions
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.performance import RoundDraft, RoundKind, check
from marketplace.domain.performance_rules import Subject
from marketplace.domain.working_days import term
from marketplace.guard import permission
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.language import say
from marketplace.web.performance_shown import WORDS, last_year, step_of
from marketplace.web.terms import days, today
from marketplace.web.typed import typed_day

pages = Blueprint("performance_form", __name__)
_LINES = ("kind", "year", "subject", "as_of", "due")


@pages.get("/performance/new")
@permission("manage", "performance")
def new() -> Response:
    """As it is in most cases: the pilot's self-evaluation of this year, by the figures of its last day."""
    pilot, day = current_site().pilot, today()
    year = min(max(day.year, pilot.performance.first_year), last_year())
    first = max(day, date(year, pilot.performance.month, 1)) if year == day.year else day
    due = term(first, pilot.performance.fill_days, days().calendar).due
    typed: dict[str, Any] = {"kind": "annual", "year": str(year), "subject": "pilot", "areas": []}
    return _form(typed | {"as_of": date(year, 12, 31).isoformat(), "due": due.isoformat()})


@pages.post("/performance/new")
@permission("manage", "performance")
def create() -> AnyResponse:
    typed: dict[str, Any] = {name: request.form.get(name, "").strip() for name in _LINES}
    typed["areas"] = [key for key in request.form.getlist("areas") if current_site().pilot.area(key)]
    draft = draft_of(typed)
    faults: Faults = list(check(draft, first_year=current_site().pilot.performance.first_year, last_year=last_year()))
    if not faults:
        try:
            opened = actions.open_rounds(current_site().database, draft, step_of())
        except RefusedError as error:
            faults = [("", error.refused)]
        else:
            flash(say("已建立 {n} 份评价。请核对目标值，再开始填报。", n=len(opened)), "good")
            if len(opened) == 1:
                return redirect(url_for("performance.show", public_id=opened[0].public_id), 303)
            return redirect(url_for("performance.index", subject="area"), 303)
    return _form(typed, faults)


def draft_of(typed: dict[str, Any]) -> RoundDraft:
    year = typed["year"]
    return RoundDraft(
        kind=typed["kind"],
        year=int(year) if year.isascii() and year.isdigit() and len(year) < 5 else 0,
        subject=typed["subject"],
        areas=tuple(typed["areas"]),
        as_of=typed_day(typed["as_of"]),
        due=typed_day(typed["due"]),
    )


def _form(typed: dict[str, Any], faults: Faults | None = None) -> Response:
    rules = current_site().pilot.performance
    body = render_template(
        "performance/form.html", typed=typed, faults=sentences(faults or []), kinds=tuple(RoundKind), subjects=tuple(Subject),
        years=list(range(rules.first_year, last_year() + 1)), rules=rules, **WORDS,
    )  # fmt: skip
    return make_response(body, 422 if faults else 200)
