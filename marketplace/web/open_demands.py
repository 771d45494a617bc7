"""公开需求: the public list, one demand for each of those concerned, and what its enterprise and the centre do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import open_answers, open_questions
from marketplace.actions import open_demands as actions
from marketplace.actions.open_demand_steps import DEMAND
from marketplace.domain.access import Viewer, may
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.open_demands import OpenDemandState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.open_demands import (
    OpenAnswer,
    OpenDemand,
    Wanted,
    count_public,
    find_answered_by,
    find_demands_in,
    find_demands_of,
    find_open_demand,
    find_public,
    find_question,
)
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.language import say
from marketplace.web.open_demands_shown import ShownDemand, provider_of, read_page, reads_questions, shown, step_of
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, today
from marketplace.web.typed import typed_day

pages = Blueprint("open_demands", __name__)
ADDRESSES[DEMAND] = lambda ref: url_for("open_demands.show", public_id=ref)
_SAID = {
    "submit": _("已提交，能力中心审核后公开。"),
    "return": _("已退回，企业会收到通知。"),
    "publish": _("已公开征集，合适的服务商会收到通知。"),
    "extend": _("期限已延长。"),
    "withdraw": _("已撤回，参与的服务商会收到通知。"),
    "ask": _("已提问，企业回答后所有服务商都能看到。"),
    "reply": _("已回答，所有服务商都能看到。"),
    "take_back": _("已撤回应答，截止前可以重新应答。"),
}
# What no change of the form mends.
CONFLICTS = frozenset(
    {
        "wrong_state", "not_allowed", "changed_meanwhile", "not_editable", "answers_over", "questions_over", "has_answers", "takes_no_new",
        "own_demand", "problem_closed", "no_answer", "demand_ended", "unknown_answer", "provider_takes_no_new",
    }
)  # fmt: skip
MOST_OWN = 50


def status_of(refused: Refused) -> int:
    return 409 if refused.code in CONFLICTS else 422


@dataclass(frozen=True)
class DemandList:
    """`own`: of the viewer's enterprise; `answered`: by the viewer's provider; `waiting`: for the centre to check or to follow up."""

    rows: Sequence[ShownDemand]
    paging: Paging
    wanted: Wanted
    own: Sequence[ShownDemand]
    answered: Sequence[tuple[ShownDemand, OpenAnswer]]
    waiting: Sequence[ShownDemand]


@pages.get("/open-demands")
@permission("read", DEMAND)
def index() -> str:
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        found = read_list(session, current_viewer())
        return render_template("open_demands/index.html", found=found, filtered=found.wanted != Wanted())


def _wanted() -> Wanted:
    pilot, asked = current_site().pilot, request.args
    sector = pilot.find("sector", asked.get("sector", "")) if asked.get("sector") else None
    scenario = pilot.scenario(asked.get("scenario", "")) if asked.get("scenario") else None
    return Wanted(
        sector.key if sector else "", scenario.code if scenario else "", typed_day(asked.get("until", "")), asked.get("show") == "running"
    )


def read_list(session: Session, viewer: Viewer) -> DemandList:
    wanted = _wanted()
    kept = {"sector": wanted.sector, "scenario": wanted.scenario, "until": wanted.until.isoformat() if wanted.until else ""}
    kept["show"] = "running" if wanted.running else ""
    paging = paged(count_public(session, wanted, today()), current_site().pilot.thresholds.page_size, "open_demands.index", **kept)
    rows = find_public(session, wanted, today(), offset=paging.offset, most=paging.size)
    own = find_demands_of(session, viewer.enterprise_ids, most=MOST_OWN) if viewer.enterprise_ids else []
    answered = find_answered_by(session, viewer.provider_ids, most=MOST_OWN) if viewer.provider_ids else []
    states = (OpenDemandState.SUBMITTED, OpenDemandState.RETURNED, OpenDemandState.DRAFT, OpenDemandState.CLOSED)
    waiting = find_demands_in(session, states, most=MOST_OWN) if may(viewer, "check", DEMAND) else []
    return DemandList(
        [shown(row, viewer) for row in rows],
        paging,
        wanted,
        [shown(row, viewer) for row in own],
        [(shown(row.demand, viewer), row) for row in answered],
        [shown(row, viewer) for row in sorted(waiting, key=lambda row: states.index(row.state) not in (0, 3))],
    )


@pages.get("/open-demands/<public_id>")
@permission("read", DEMAND)
def show(public_id: str) -> AnyResponse:
    return demand_page(public_id)


def demand_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """The demand; after a refusal with what was typed into `form`."""
    days()
    with current_site().database.reading() as session:
        page = read_page(session, found(session, public_id), current_viewer())
        typed = request.form if refused is not None else {}
        rules = current_site().pilot.open_demand
        answer = form_page("open_demands/show.html", refused=refused, page=page, one=page.demand, typed=typed, form=form, rules=rules)
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def found(session: Session, public_id: str) -> OpenDemand:
    return find_open_demand(session, public_id, current_viewer()) or not_found()


def number_of(public_id: str) -> int:
    with current_site().database.reading() as session:
        return found(session, public_id).id


def acted(public_id: str, event: str, act: Callable[[int], object], *, anchor: str = "", form: str = "") -> AnyResponse:
    number = number_of(public_id)
    try:
        act(number)
    except RefusedError as error:
        return demand_page(public_id, error.refused, form or event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("open_demands.show", public_id=public_id, _anchor=anchor or None), 303)


def _writable(public_id: str) -> None:
    """Only its own enterprise and the centre get any further; for everybody else it is as absent as what does not exist."""
    viewer = current_viewer()
    with current_site().database.reading() as session:
        if found(session, public_id).enterprise_id not in viewer.enterprise_ids and not may(viewer, "write", DEMAND):
            not_found()


@pages.post("/open-demands/<public_id>/<any(submit, extend, withdraw):event>")
@permission("write", DEMAND)
def write(public_id: str, event: str) -> AnyResponse:
    """What the enterprise decides, or the centre in its place."""
    _writable(public_id)
    database, form = current_site().database, request.form

    def act(number: int) -> object:
        if event == "submit":
            return actions.submit(database, number, step_of())
        if event == "withdraw":
            return actions.withdraw(database, number, step_of(), why=form.get("why", ""))
        return actions.extend(database, number, _day("questions_until"), _day("answers_until"), step_of())

    return acted(public_id, event, act)


def _day(name: str) -> date | None:
    return typed_day(request.form.get(name, ""))


@pages.post("/open-demands/<public_id>/<any(publish, return):event>")
@permission("check", DEMAND)
def decide(public_id: str, event: str) -> AnyResponse:
    """What the centre decides."""
    database = current_site().database

    def act(number: int) -> object:
        if event == "publish":
            return actions.publish(database, number, step_of())
        return actions.send_back(database, number, step_of(), why=request.form.get("why", ""))

    return acted(public_id, event, act)


# ---- questions


@pages.post("/open-demands/<public_id>/questions")
@permission("answer", DEMAND)
def ask(public_id: str) -> AnyResponse:
    text, own = request.form.get("text", ""), own_provider()
    return acted(
        public_id, "ask", lambda number: open_questions.ask(current_site().database, number, own, text, step_of()), anchor="questions"
    )


def own_provider() -> int:
    """The provider for which this person acts."""
    with current_site().database.reading() as session:
        provider = provider_of(session, current_viewer())
        return provider.id if provider is not None else not_found()


@pages.post("/open-demands/questions/<public_id>/reply")
@permission("write", DEMAND)
def reply(public_id: str) -> AnyResponse:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        question = find_question(session, public_id) or not_found()
        demand = find_open_demand(session, question.demand.public_id, viewer) or not_found()
        if not reads_questions(demand, viewer) or (demand.enterprise_id not in viewer.enterprise_ids and not may(viewer, "write", DEMAND)):
            not_found()
        number, back = question.id, demand.public_id
    text = request.form.get("text", "")

    def act(_demand: int) -> object:
        return open_questions.reply(current_site().database, number, text, step_of())

    return acted(back, "reply", act, anchor="questions", form=f"reply-{public_id}")


@pages.post("/open-demands/<public_id>/answer/take-back")
@permission("answer", DEMAND)
def take_back(public_id: str) -> AnyResponse:
    own = own_provider()
    return acted(public_id, "take_back", lambda number: open_answers.take_back(current_site().database, number, own, step_of()))
