"""Supervision: projects in trouble with the reasons, orders with their terms, what is found of evidence, and the reserve."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import supervision as actions
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import UNDER_WAY
from marketplace.domain.supervision import OrderDraft, OrderState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.evidence import count_open_findings, find_open_findings
from marketplace.records.history import find_last_entry
from marketplace.records.projects import find_project
from marketplace.records.supervision import (
    SupervisionOrder,
    count_by_health,
    count_open_orders,
    count_reserve,
    find_by_health,
    find_open_orders,
    find_order,
    find_reserve,
)
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, today
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.watching import WORDS, acts_for, is_office, number_of, status_of, step_of, watched, why

pages = Blueprint("supervision", __name__)
ADDRESSES[actions.ORDER] = lambda ref: url_for("supervision.order", order_id=ref)
LISTS = ("trouble", "watch", "reserve")
# Orders and findings that stand beside the list, the most urgent ones.
BESIDE = 30
_SAID = {
    "answer": _("答复已提交。"),
    "close": _("已办结，企业会收到通知。"),
    "send_back": _("已退回，企业会收到您的意见。"),
    "withdraw": _("已撤销，企业会收到通知。"),
}


@pages.get("/supervision")
@permission("supervise", "project")
def index() -> Response:
    """The projects in trouble first; those to be watched, and the reserve, at a link."""
    days()
    shown = request.args.get("show", "")
    shown = shown if shown in LISTS else "trouble"
    with current_site().database.reading() as session:
        counts = count_by_health(session)
        reserve = count_reserve(session)
        total = reserve if shown == "reserve" else counts.get(shown, 0)
        paging = paged(total, current_site().pilot.thresholds.page_size, "supervision.index", show=shown)
        if shown == "reserve":
            rows = find_reserve(session, offset=paging.offset, most=paging.size)
        else:
            rows = find_by_health(session, shown, offset=paging.offset, most=paging.size)
        return form_page(
            "supervision/index.html", shown=shown, counts=counts, reserve=reserve, rows=rows, paging=paging, orders=find_open_orders(session, most=BESIDE),
            findings=find_open_findings(session, most=BESIDE), orders_open=count_open_orders(session), findings_open=count_open_findings(session), here=today(), **WORDS,
        )  # fmt: skip


@pages.get("/projects/<public_id>/orders/new")
@permission("supervise", "project")
def new(public_id: str) -> Response:
    return _new_page(public_id)


def _new_page(public_id: str, refused: Refused | None = None) -> Response:
    """The form for an order; its term is the pilot's where nothing else is typed."""
    days()
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        if project.state not in UNDER_WAY:
            not_found()
        due = today() + timedelta(days=current_site().pilot.supervision.answer_days + 2)
        typed = request.form if refused else {"text": "", "due": due.isoformat()}
        answer = form_page("supervision/new.html", refused=refused, one=project, typed=typed, **WORDS)
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@pages.post("/projects/<public_id>/orders/new")
@permission("supervise", "project")
def issue(public_id: str) -> AnyResponse:
    number = number_of(public_id)
    draft = OrderDraft(request.form.get("text", ""), typed_day(request.form.get("due", "")))
    try:
        done = actions.issue(current_site().database, number, draft, step_of())
    except RefusedError as error:
        return _new_page(public_id, error.refused)
    flash(say("督办单 {number} 已发出，企业会收到通知。", number=done.number), "good")
    return redirect(url_for("supervision.order", order_id=done.public_id), 303)


def _readable(session: Session, order_id: str) -> SupervisionOrder:
    """For whoever reads the steps of its project."""
    found = find_order(session, order_id) or not_found()
    if find_project(session, found.project.public_id, current_viewer()) is None:
        not_found()
    watched(session, found.project.public_id)
    return found


@pages.get("/supervision/<order_id>")
@permission("read", "project")
def order(order_id: str) -> Response:
    return _order_page(order_id)


def _order_page(order_id: str, refused: Refused | None = None, form: str = "") -> Response:
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        found = _readable(session, order_id)
        lost = refused is not None and refused.code == "changed_meanwhile"
        office = is_office(viewer)
        answer = form_page(
            "supervision/show.html", refused=refused, row=found, one=found.project, form=form, typed=request.form if refused else {},
            may_answer=acts_for(viewer, found.project, "submit") and found.state == OrderState.ISSUED,
            may_judge=office and found.state == OrderState.ANSWERED, may_withdraw=office and found.state == OrderState.ISSUED,
            seen=seen_still(find_last_entry(session, actions.ORDER, found.id), lost=lost), here=today(), **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _acted(order_id: str, event: str, act: Callable[[int], object]) -> AnyResponse:
    with current_site().database.reading() as session:
        number = _readable(session, order_id).id
    try:
        act(number)
    except RefusedError as error:
        return _order_page(order_id, error.refused, event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("supervision.order", order_id=order_id), 303)


@pages.post("/supervision/<order_id>/answer")
@permission("write", "evidence")
def answer(order_id: str) -> AnyResponse:
    text, step = request.form.get("answer", ""), step_of()
    return _acted(order_id, "answer", lambda number: actions.answer(current_site().database, number, text, step))


@pages.post("/supervision/<order_id>/<any(close, send_back, withdraw):event>")
@permission("supervise", "project")
def judge(order_id: str, event: str) -> AnyResponse:
    due, step = OrderDraft(due=typed_day(request.form.get("due", ""))), step_of()
    return _acted(order_id, event, lambda number: actions.judge(current_site().database, number, event, step, why=why(), due=due))
