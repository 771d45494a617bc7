"""The form of an open demand: from problems of the list or written freely, with a look at what it does not say yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import open_demands as actions
from marketplace.actions.open_demand_steps import DEMAND
from marketplace.domain.access import Viewer, may
from marketplace.domain.brokerings import ESSENTIAL, NICE, CriterionDraft
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.open_demands import EDITABLE, OpenDemandDraft
from marketplace.domain.problem_clarity import Hint, clarity, hints
from marketplace.domain.problems import ProblemState, redacted
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.history import find_last_entry
from marketplace.records.open_demands import OpenDemand, find_demand_criteria, find_demand_problems
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.demands import places
from marketplace.web.diagnosis_lists import typed_wan, wan
from marketplace.web.language import say
from marketplace.web.open_demands import found
from marketplace.web.open_demands_shown import step_of
from marketplace.web.refusals import sentence_of
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_whole
from marketplace.web.wording import term
from recommender.suggesting import Suggested

pages = Blueprint("open_demands_form", __name__)
LINES = ("title", "text", "scenario_code", "stage", "budget_low_wan", "budget_high_wan", "wanted", "questions_until", "answers_until")
DAYS = ("wanted", "questions_until", "answers_until")
ROWS, MOST_LISTED, FOUND = 6, 40, 20
Typed = dict[str, Any]


@dataclass(frozen=True)
class Review:
    """What can be said of a text before it is saved."""

    hints: Sequence[Hint]
    said: int
    of: int
    suggested: Suggested


@pages.get("/open-demands/new")
@permission("write", DEMAND)
def new() -> AnyResponse:
    with current_site().database.reading() as session:
        if may(current_viewer(), "write", DEMAND):
            return _choose(session)
        enterprise = _enterprise(session)
        return _page(session, enterprise, None, _empty(session, enterprise))


@pages.post("/open-demands/new")
@permission("write", DEMAND)
def create() -> AnyResponse:
    with current_site().database.reading() as session:
        return _keep(session, _enterprise(session), None)


@pages.get("/open-demands/new/<public_id>")
@permission("write", DEMAND)
def new_for(public_id: str) -> AnyResponse:
    """The centre writes for the enterprise that it picked."""
    with current_site().database.reading() as session:
        enterprise = _enterprise(session, public_id)
        return _page(session, enterprise, None, _empty(session, enterprise))


@pages.post("/open-demands/new/<public_id>")
@permission("write", DEMAND)
def create_for(public_id: str) -> AnyResponse:
    with current_site().database.reading() as session:
        return _keep(session, _enterprise(session, public_id), None)


@pages.get("/open-demands/<public_id>/edit")
@permission("write", DEMAND)
def edit(public_id: str) -> AnyResponse:
    with current_site().database.reading() as session:
        demand = _own(session, public_id)
        if demand.state not in EDITABLE:
            return redirect(url_for("open_demands.show", public_id=public_id))
        return _page(session, demand.enterprise, demand, _typed_of(session, demand))


@pages.post("/open-demands/<public_id>/edit")
@permission("write", DEMAND)
def save(public_id: str) -> AnyResponse:
    with current_site().database.reading() as session:
        demand = _own(session, public_id)
        return _keep(session, demand.enterprise, demand)


def _own(session: Session, public_id: str) -> OpenDemand:
    demand, viewer = found(session, public_id), current_viewer()
    if demand.enterprise_id not in viewer.enterprise_ids and not may(viewer, "write", DEMAND):
        not_found()
    return demand


def _enterprise(session: Session, key: str = "") -> Enterprise:
    """Whose demand it is to be: the person's own, or the one that the centre has picked."""
    viewer: Viewer = current_viewer()
    if not key:
        return session.get(Enterprise, min(viewer.enterprise_ids, default=0)) or not_found()
    found = find_enterprise(session, key)
    if found is None or not (may(viewer, "write", DEMAND) or found.id in viewer.enterprise_ids):
        not_found()
    return found


def _choose(session: Session) -> Response:
    """The centre picks the enterprise for which it writes."""
    text = request.args.get("q", "").strip()[:100]
    query = select(Enterprise).join(Enterprise.organisation)
    if text:
        query = query.where(Organisation.name.contains(text, autoescape=True) | (Organisation.credit_code == text))
    rows = session.scalars(query.order_by(Organisation.name, Enterprise.id).limit(FOUND)).all()
    return make_response(render_template("open_demands/choose.html", rows=rows, text=text, most=FOUND))


def _open_problems(session: Session, enterprise: Enterprise) -> Sequence[Problem]:
    query = select(Problem).where(Problem.enterprise_id == enterprise.id, Problem.state == ProblemState.OPEN)
    return session.scalars(query.order_by(Problem.id.desc()).limit(MOST_LISTED)).all()


def _empty(session: Session, enterprise: Enterprise) -> Typed:
    """From problems that the address names: their text without names, and what is known of them."""
    typed: Typed = dict.fromkeys(LINES, "") | {"problems": [], "shows_name": "", "criteria": []}
    asked = [row for row in _open_problems(session, enterprise) if row.public_id in request.args.getlist("problem")]
    if asked:
        first = asked[0]
        typed["problems"] = [row.public_id for row in asked]
        typed["text"] = "\n\n".join(redacted(row.text, enterprise.name, places(enterprise)) for row in asked)
        typed |= {"scenario_code": first.scenario_code, "stage": first.stage}
        typed |= {"budget_low_wan": wan(first.budget_low_fen), "budget_high_wan": wan(first.budget_high_fen)}
    return typed


def _typed_of(session: Session, demand: OpenDemand) -> Typed:
    typed: Typed = {name: getattr(demand, name) for name in ("title", "text", "scenario_code", "stage")}
    typed |= {name: str(getattr(demand, name) or "") for name in DAYS}
    typed |= {"budget_low_wan": wan(demand.budget_low_fen), "budget_high_wan": wan(demand.budget_high_fen)}
    typed["problems"] = [row.public_id for row in find_demand_problems(session, demand.id)]
    typed["shows_name"] = "1" if demand.shows_name else ""
    criteria = find_demand_criteria(session, demand.id)
    return typed | {"criteria": [{"text": row.text, "kind": row.kind, "weight": str(row.weight)} for row in criteria]}


def _typed_now() -> Typed:
    form = request.form
    typed: Typed = {name: form.get(name, "") for name in LINES}
    typed |= {"problems": form.getlist("problem"), "shows_name": "1" if form.get("shows_name") == "1" else ""}
    rows = zip(form.getlist("criterion"), form.getlist("kind"), form.getlist("weight"), strict=False)
    typed["criteria"] = [{"text": text, "kind": kind, "weight": weight} for text, kind, weight in rows][:ROWS]
    return typed


def _draft_of(session: Session, enterprise: Enterprise, typed: Typed) -> tuple[OpenDemandDraft, Faults]:
    faults: Faults = []
    low, high = (typed_wan(typed[f"budget_{end}_wan"].strip(), "budget_wan", faults) for end in ("low", "high"))
    numbers = {row.public_id: row.id for row in _open_problems(session, enterprise)}
    pilot = current_site().pilot
    stage = pilot.find("stage", typed["stage"]) if typed["stage"] else None
    scenario = pilot.scenario(typed["scenario_code"]) if typed["scenario_code"] else None
    written = [row for row in typed["criteria"] if row["text"].strip() or row["weight"].strip()]
    kinds = {ESSENTIAL: ESSENTIAL, NICE: NICE}
    draft = OpenDemandDraft(
        title=" ".join(typed["title"].split()),
        text=typed["text"].strip(),
        problem_ids=tuple(numbers[key] for key in dict.fromkeys(typed["problems"]) if key in numbers),
        scenario_code=scenario.code if scenario else "",
        stage=stage.key if stage else "",
        budget_low_fen=low,
        budget_high_fen=high,
        shows_name=typed["shows_name"] == "1",
        criteria=[CriterionDraft(row["text"].strip(), kinds.get(row["kind"], ""), typed_whole(row["weight"])) for row in written],
    )
    draft.wanted, draft.questions_until, draft.answers_until = (typed_day(typed[name]) for name in DAYS)
    return draft, faults


def _keep(session: Session, enterprise: Enterprise, demand: OpenDemand | None) -> AnyResponse:
    typed = _typed_now()
    kind, _colon, key = request.form.get("take", "").partition(":")
    if kind in ("scenario", "stage"):
        typed["scenario_code" if kind == "scenario" else "stage"] = key
    # A look at the text saves nothing, nor does taking up a suggestion.
    if "check" in request.form or kind:
        return _page(session, enterprise, demand, typed, looks=True)
    draft, faults = _draft_of(session, enterprise, typed)
    step = step_of()
    faults += actions.faults_of(draft, enterprise, step)
    if faults:
        return _page(session, enterprise, demand, typed, faults=faults)
    enterprise_id, number, database = enterprise.id, demand.id if demand else None, current_site().database
    session.rollback()
    try:
        if number is None:
            kept = actions.create(database, enterprise_id, draft, step)
        else:
            kept = actions.change(database, number, draft, step)
    except RefusedError as error:
        session.expire_all()
        lost = error.refused.code == "changed_meanwhile"
        if lost:
            return _page(session, enterprise, demand, typed, lost=error.refused)
        return _page(session, enterprise, demand, typed, faults=[("", error.refused)])
    flash(say("已保存为草稿，提交审核后由能力中心公开。"), "good")
    return redirect(url_for("open_demands.show", public_id=kept.public_id), 303)


def _page(
    session: Session,
    enterprise: Enterprise,
    demand: OpenDemand | None,
    typed: Typed,
    *,
    faults: Faults | None = None,
    lost: Refused | None = None,
    looks: bool = False,
) -> Response:
    last = find_last_entry(session, DEMAND, demand.id) if demand is not None else 0
    said = sentences(faults or [])
    pilot = current_site().pilot
    body = render_template(
        "open_demands/form.html",
        enterprise=enterprise,
        demand=demand,
        typed=typed,
        faults=said,
        problems=_open_problems(session, enterprise),
        scenarios=[one for one in pilot.scenarios if one.sector in (enterprise.sector, "any")],
        rows=ROWS,
        rules=pilot.open_demand,
        review=_review(enterprise, typed) if looks and typed["text"].strip() else None,
        looked=looks,
        seen=seen_still(last, lost=lost is not None),
        lost=sentence_of(lost),
        changes=_outdated(_typed_of(session, demand), typed) if demand is not None and lost else [],
    )
    conflict = lost is not None or any(refused.code in ("not_editable", "not_allowed", "problem_closed") for _name, refused in faults or [])
    return make_response(body, 409 if conflict else 422 if faults else 200)


def _review(enterprise: Enterprise, typed: Typed) -> Review:
    text, has_budget = typed["text"].strip()[:10_000], bool(typed["budget_high_wan"].strip())
    said, of = clarity(text, has_budget=has_budget)
    suggested = current_site().suggester.suggest([text], sectors=[enterprise.sector])[0]
    return Review(hints(text, has_budget=has_budget), said, of, suggested)


def _outdated(stands: Mapping[str, Any], typed: Mapping[str, Any]) -> list[ShownDifference]:
    """What another one saved, beside what was typed."""
    labels = {
        "title": say("标题"),
        "text": say("需求"),
        "scenario_code": say("场景"),
        "stage": say("环节"),
        "budget_low_wan": say("预算下限（万元）"),
        "budget_high_wan": say("预算上限（万元）"),
        "wanted": say("希望什么时候解决（可不填）"),
        "questions_until": say("提问截止"),
        "answers_until": say("应答截止"),
    }
    rows = [(label, _in_words(name, stands[name]), _in_words(name, typed[name])) for name, label in labels.items()]
    for name, label in (("shows_name", say("公开企业名称")), ("criteria", say("比较标准"))):
        rows.append((label, _plain(stands[name]), _plain(typed[name])))
    return outdated_fields(rows)


def _in_words(name: str, value: str) -> str:
    return term({"scenario_code": "scenario"}.get(name, name), value) if name in ("scenario_code", "stage") and value else value


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(f"{row['text']} {row['weight']}".strip() for row in value if row["text"].strip())
    return say("是") if value else say("否")
