"""方案征集: calls for solutions on a scenario, for everybody to read, for staff to make, for providers to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import calls as actions
from marketplace.domain.access import Viewer, may
from marketplace.domain.calls import ANSWERABLE, TABLE, CallDraft, CallState, check, is_running
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _, allowed_events
from marketplace.domain.scenarios import ScenarioState
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, open_to_all, permission
from marketplace.records.calls import CallAnswer, SolutionCall, find_answers
from marketplace.records.history import find_last_entry
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.cards import in_pool
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now
from marketplace.web.typed import local_day, seen, seen_still, typed_day

pages = Blueprint("calls", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("calls.show", public_id=ref)
_VERBS = {"publish": actions.publish, "close": actions.close}
_TYPED = ("scenario_code", "title", "text", "opens", "closes")


@dataclass(frozen=True)
class CallRow:
    call: SolutionCall
    scenario: Scenario | None
    answers: int
    running: bool


@dataclass(frozen=True)
class CallList:
    rows: Sequence[CallRow]
    paging: Paging


@dataclass(frozen=True)
class CallPage:
    """One call as this viewer may see it: drafts among the answers are for staff and for whoever brought them."""

    row: CallRow
    answers: Sequence[CallAnswer]
    mine: Sequence[Solution]
    events: Sequence[Transition]

    @property
    def call(self) -> SolutionCall:
        return self.row.call


def _readable(viewer: Viewer) -> ColumnElement[bool]:
    published = SolutionCall.state.in_((CallState.PUBLISHED, CallState.CLOSED))
    return or_(published, SolutionCall.state == CallState.DRAFT) if may(viewer, "manage", "call") else published


@pages.get("/calls")
@open_to_all
def index() -> str:
    with current_site().database.reading() as session:
        found = read_list(session, current_viewer())
        return render_template("calls/index.html", found=found, today=local_day(now()))


def read_list(session: Session, viewer: Viewer) -> CallList:
    """Those that run first, then by their last day, the newest first."""
    total = session.scalar(select(func.count()).select_from(SolutionCall).where(_readable(viewer))) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "calls.index")
    query = select(SolutionCall).where(_readable(viewer)).order_by(SolutionCall.closes.desc(), SolutionCall.id.desc())
    calls = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
    return CallList(sorted(_rows(session, calls), key=lambda row: not row.running), paging)


def _rows(session: Session, calls: Sequence[SolutionCall]) -> list[CallRow]:
    codes = select(Scenario).where(Scenario.code.in_([call.scenario_code for call in calls])).options(joinedload(Scenario.enterprise))
    scenarios = {row.code: row for row in session.scalars(codes)}
    counted = select(CallAnswer.call_id, func.count()).where(
        CallAnswer.call_id.in_([call.id for call in calls]), CallAnswer.taken_back.is_(None)
    )
    counts = dict(session.execute(counted.group_by(CallAnswer.call_id)).all())
    today = local_day(now())
    return [
        CallRow(call, scenarios.get(call.scenario_code), counts.get(call.id, 0), is_running(call.state, call.opens, call.closes, today))
        for call in calls
    ]


@pages.get("/calls/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, note: str = "") -> Response:
    with current_site().database.reading() as session:
        found = read_page(session, _found(session, public_id), current_viewer())
        sentence = said(refused.message, refused.values) if refused else ""
        body = render_template("calls/show.html", page=found, call=found.call, sentence=sentence, note=note)
    return make_response(body, 409 if refused else 200)


def _found(session: Session, public_id: str) -> SolutionCall:
    query = select(SolutionCall).where(SolutionCall.public_id == public_id, _readable(current_viewer()))
    return session.scalar(query) or not_found()


def read_page(session: Session, call: SolutionCall, viewer: Viewer) -> CallPage:
    (row,) = _rows(session, [call])
    answers = [answer for answer in find_answers(session, call.id) if _may_see(answer, viewer)]
    named = {answer.solution_id for answer in answers}
    own = select(Solution).where(Solution.provider_id.in_(viewer.provider_ids), Solution.state.in_(ANSWERABLE), Solution.id.not_in(named))
    mine = session.scalars(own.order_by(Solution.title)).all() if row.running and viewer.provider_ids else []
    return CallPage(row, answers, mine, allowed_events(TABLE, call.state, viewer.roles))


def _may_see(answer: CallAnswer, viewer: Viewer) -> bool:
    solution = answer.solution
    is_public = solution.state == "published" and in_pool(solution.provider)
    return is_public or may(viewer, "manage", "call") or solution.provider_id in viewer.provider_ids


@pages.get("/calls/new")
@permission("manage", "call")
def new() -> Response:
    return _form_page(dict.fromkeys(_TYPED, "") | {"scenario_code": request.args.get("scenario", "")})


@pages.post("/calls/new")
@permission("manage", "call")
def create() -> Response:
    return _keep(None)


@pages.get("/calls/<public_id>/edit")
@permission("manage", "call")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        call = _found(session, public_id)
        typed = {name: str(getattr(call, name)) for name in _TYPED}
    return _form_page(typed, public_id=public_id)


@pages.post("/calls/<public_id>/edit")
@permission("manage", "call")
def save(public_id: str) -> Response:
    return _keep(public_id)


def _keep(public_id: str | None) -> Response:
    site, viewer = current_site(), current_viewer()
    typed = {name: request.form.get(name, "").strip() for name in _TYPED}
    draft = CallDraft(typed["scenario_code"], typed["title"], typed["text"], typed_day(typed["opens"]), typed_day(typed["closes"]))
    least = site.pilot.catalogue.call_days_least
    with site.database.reading() as session:
        number = _found(session, public_id).id if public_id else None
    faults = list(check(draft, days_least=least))
    if not faults:
        try:
            if number is None:
                call = actions.create(site.database, draft, days_least=least, viewer=viewer, at=now())
            else:
                call = actions.change(site.database, number, draft, days_least=least, viewer=viewer, at=here_now(), seen=seen())
            flash(say("已保存。"), "good")
            return redirect(url_for("calls.show", public_id=call.public_id), 303)
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _form_page(typed, public_id=public_id or "", lost=error.refused)
            faults = [("scenario_code" if "scenario" in error.refused.code else "", error.refused)]
    return _form_page(typed, public_id=public_id or "", faults=faults)


def _form_page(typed: dict[str, str], *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    """`lost`: somebody saved since the form was opened; both texts are shown side by side, and nothing typed is gone."""
    with current_site().database.reading() as session:
        call = _found(session, public_id) if public_id else None
        last = find_last_entry(session, actions.NOUN, call.id) if call else 0
        query = select(Scenario).where(Scenario.state == ScenarioState.PUBLISHED).options(joinedload(Scenario.enterprise))
        scenarios = session.scalars(query.order_by(Scenario.code)).all()
        found = sentences(faults or [])
        body = render_template(
            "calls/form.html",
            typed=typed,
            public_id=public_id,
            faults=found,
            scenarios=scenarios,
            seen=seen_still(last, lost=lost is not None),
            lost=sentence_of(lost),
            changes=_outdated(call, typed) if call and lost else [],
        )
    return make_response(body, 409 if lost else 422 if faults else 200)


def _outdated(call: SolutionCall, typed: Mapping[str, str]) -> list[ShownDifference]:
    """What another one saved, beside what was typed."""
    labels = {
        "scenario_code": say("场景"),
        "title": say("标题"),
        "text": say("征集内容"),
        "opens": say("开始日期"),
        "closes": say("截止日期（当天 24:00）"),
    }
    return outdated_fields((label, str(getattr(call, name)), typed[name]) for name, label in labels.items())


@pages.post("/calls/<public_id>/<event>")
@permission("manage", "call")
def move(public_id: str, event: str) -> Response:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        number = _found(session, public_id).id
    verb = _VERBS.get(event) or not_found()
    try:
        verb(site.database, number, viewer=viewer, at=now())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("已发布，服务商会收到通知。") if event == "publish" else say("征集已结束。"), "good")
    return redirect(url_for("calls.show", public_id=public_id), 303)


@pages.post("/calls/<public_id>/answers")
@permission("write", "catalogue")
def answer(public_id: str) -> Response:
    site, viewer, note = current_site(), current_viewer(), request.form.get("note", "")
    with site.database.reading() as session:
        number, solution_id = _found(session, public_id).id, _own(session, request.form.get("solution", ""))
    if solution_id is None:
        return _page(public_id, Refused("required", _("方案没有选，请选一个自己的方案。")), note)
    try:
        actions.answer(site.database, number, solution_id, note=note, viewer=viewer, at=now(), today=local_day(now()))
    except RefusedError as error:
        return _page(public_id, error.refused, note)
    flash(say("已应征，征集人会收到通知。"), "good")
    return redirect(url_for("calls.show", public_id=public_id, _anchor="answers"), 303)


@pages.post("/calls/<public_id>/answers/<solution>/take-back")
@permission("write", "catalogue")
def take_back(public_id: str, solution: str) -> Response:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        number, solution_id = _found(session, public_id).id, _own(session, solution) or not_found()
    try:
        actions.take_back(site.database, number, solution_id, viewer=viewer, at=now())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("已撤回应征。"), "good")
    return redirect(url_for("calls.show", public_id=public_id, _anchor="answers"), 303)


def _own(session: Session, public_id: str) -> int | None:
    query = select(Solution.id).where(Solution.public_id == public_id, Solution.provider_id.in_(current_viewer().provider_ids))
    return session.scalar(query)
