"""预算: budgets by year and source, written and approved by two persons, with their targets and the key performance evaluation."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from marketplace.actions import fund_budgets as actions
from marketplace.domain.fund_budgets import TABLE, BudgetDraft, TargetDraft, attainment, check
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.money import exact_text
from marketplace.guard import not_found, permission
from marketplace.records.fund_budgets import FundBudget, find_budget, find_budgets, find_target
from marketplace.records.history import find_last_entries, find_last_entry
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.funds_papers import status_of, taken, typed
from marketplace.web.funds_shown import PLAIN, here_step, names_of, rules, sentences, source_word, steps_of
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import seen_still
from marketplace.web.typed_numbers import typed_fen, typed_number

pages = Blueprint("fund_budgets", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("fund_budgets.show", public_id=ref)
_FIELDS = ("source", "year", "amount", "document", "note", "targets")


@pages.get("/funds/budgets")
@permission("read", "fund")
def index() -> str:
    with current_site().database.reading() as session:
        return render_template("fund_budgets/index.html", budgets=find_budgets(session))


@pages.get("/funds/budgets/new")
@permission("budget", "fund")
def new() -> Response:
    return _form(dict.fromkeys(_FIELDS, "") | {"year": str(today().year)})


@pages.post("/funds/budgets/new")
@permission("budget", "fund")
def create() -> Response:
    return _keep("")


@pages.get("/funds/budgets/<public_id>/edit")
@permission("budget", "fund")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        found = find_budget(session, public_id) or not_found()
        return _form(_typed_of(found), public_id=public_id)


@pages.post("/funds/budgets/<public_id>/edit")
@permission("budget", "fund")
def save(public_id: str) -> Response:
    return _keep(public_id)


def _typed_of(budget: FundBudget) -> dict[str, str]:
    targets = "\n".join(f"{row.name} | {row.target:g} | {row.unit}" for row in budget.targets)
    amount = exact_text(budget.fen)
    return {
        "source": budget.source,
        "year": str(budget.year),
        "amount": amount,
        "document": budget.document,
        "note": budget.note,
        "targets": targets,
    }


def _draft(values: dict[str, str]) -> BudgetDraft:
    """A target a line: name, figure, unit."""
    targets = []
    for line in values["targets"].splitlines():
        if line.strip():
            name, _bar, rest = line.replace("｜", "|").partition("|")
            figure, _bar, unit = rest.partition("|")
            targets.append(TargetDraft(name.strip(), unit.strip()[:32], typed_number(figure.strip()) or 0.0))
    year = int(values["year"]) if values["year"].isascii() and values["year"].isdigit() and len(values["year"]) < 5 else 0
    return BudgetDraft(values["source"], year, typed_fen(values["amount"]), values["document"], values["note"], tuple(targets))


def _keep(public_id: str) -> Response:
    site, values, step = current_site(), typed(*_FIELDS), here_step()
    draft = _draft(values)
    with site.database.reading() as session:
        number = (find_budget(session, public_id) or not_found()).id if public_id else None
    faults = list(check(draft, first_year=step.rules.first_day.year, last_year=step.rules.last_day.year + 1))
    if not faults:
        try:
            if number is None:
                budget = actions.create_budget(site.database, draft, step)
            else:
                budget = actions.edit_budget(site.database, number, draft, step)
            return redirect(url_for("fund_budgets.show", public_id=budget.public_id), 303)
        except RefusedError as error:
            lost = error.refused.code in ("changed_meanwhile", "budget_stands")
            if lost and public_id:
                return _form(values, public_id=public_id, lost=error.refused)
            faults = [("source" if "source" in error.refused.code else "", error.refused)]
    return _form(values, public_id=public_id, faults=sentences(faults))


def _form(values: dict[str, str], *, public_id: str = "", faults: dict[str, str] | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        found = (find_budget(session, public_id) or not_found()) if public_id else None
        last = find_last_entry(session, actions.NOUN, found.id) if found else 0
        body = render_template(
            "fund_budgets/form.html",
            typed=values,
            public_id=public_id,
            faults=faults or {},
            sources=rules().sources,
            seen=seen_still(last, lost=lost is not None),
            lost=sentence_of(lost),
            changes=_outdated(found, values) if found and lost else [],
        )
    return make_response(body, 409 if lost else 422 if faults else 200)


def _outdated(budget: FundBudget, values: dict[str, str]) -> list[ShownDifference]:
    words = (say("资金来源"), say("年度"), say("金额（万元）"), say("文号"), say("说明"), say("绩效目标"))
    stored = _typed_of(budget)
    return outdated_fields((word, stored[name], values[name]) for name, word in zip(_FIELDS, words, strict=True))


@pages.get("/funds/budgets/<public_id>")
@permission("read", "fund")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, event: str = "", target: str = "") -> Response:
    with current_site().database.reading() as session:
        found = find_budget(session, public_id) or not_found()
        people = (found.created_by, found.proposed_by, found.second_person, *(row.evaluated_by for row in found.targets))
        body = render_template(
            "fund_budgets/show.html",
            budget=found,
            names=names_of(session, people),
            steps=steps_of(TABLE, found.state),
            plain=PLAIN,
            seen=find_last_entries(session, actions.TARGET, [row.id for row in found.targets]),
            attainment=attainment,
            sentence=sentence_of(refused),
            event=event,
            target=target,
            typed=typed("why", "actual", "note"),
            source=source_word(found.source),
        )
    return make_response(body, status_of(refused))


@pages.post("/funds/budgets/<public_id>/<event>")
@permission("budget", "fund")
def move(public_id: str, event: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        number = (find_budget(session, public_id) or not_found()).id
    if event not in {row.event for row in TABLE}:
        not_found()
    address = url_for("fund_budgets.show", public_id=public_id)
    why = request.form.get("why", "")
    return taken(
        lambda: actions.move_budget(site.database, number, event, here_step(), why=why),
        lambda refused: _page(public_id, refused, event),
        address,
    )


@pages.post("/funds/targets/<public_id>")
@permission("budget", "fund")
def evaluate(public_id: str) -> Response:
    site, values = current_site(), typed("actual", "note")
    with site.database.reading() as session:
        found = find_target(session, public_id) or not_found()
        number, budget = found.id, session.get_one(FundBudget, found.budget_id).public_id
    return taken(
        lambda: actions.evaluate(site.database, number, typed_number(values["actual"]), values["note"], here_step()),
        lambda refused: _page(budget, refused, target=public_id),
        url_for("fund_budgets.show", public_id=budget, _anchor="targets"),
    )
