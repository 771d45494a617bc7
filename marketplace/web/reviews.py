"""The manager's desk: every application that was handed in, and what the manager does with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import reviews as actions
from marketplace.actions.admission import publish_results
from marketplace.actions.reviews_experts import draw_experts, release
from marketplace.actions.reviews_scores import write_joint
from marketplace.domain.applications import ENDED, ApplicationState
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.reviews import ACTIVE, OWES_SCORES, AssignmentState, JointDraft
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.applications import ProviderApplication, find_application
from marketplace.records.reviews import Review, ReviewAssignment, count_parts
from marketplace.records.windows import ApplicationWindow, find_window
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import form_page
from marketplace.web.reviews_desk import DECISIONS, Desk, read_desk, status_of, word_of
from marketplace.web.terms import days, here_now, left_words, today
from marketplace.web.typed import seen

pages = Blueprint("reviews", __name__)
ADDRESSES["review"] = lambda ref: url_for("reviews.show", public_id=ref)
ADDRESSES["objection"] = lambda ref: url_for("reviews.show", public_id=ref, _anchor="objections")
# Drafts are their writers' own.
_LISTED = tuple(state for state in ApplicationState if state != ApplicationState.DRAFT)
_RUNNING = tuple(state for state in _LISTED if state not in ENDED)


@dataclass(frozen=True)
class Line:
    """One application of the list; `parts`: how many experts are in it, have scored, have confirmed."""

    application: ProviderApplication
    waits_for: str
    experts: int
    scored: int
    confirmed: int


@dataclass(frozen=True)
class ReviewList:
    rows: Sequence[Line]
    paging: Paging
    counts: Mapping[str, int]
    chosen: str
    finished: Sequence[ApplicationWindow]


@pages.get("/reviews")
@permission("decide", "review")
def index() -> str:
    """All applications in review, what has waited longest first."""
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        return render_template("reviews/index.html", found=read_list(session, request.args.get("state", "")), left=left_words)


def read_list(session: Session, chosen: str) -> ReviewList:
    listed = ProviderApplication.state.in_(_LISTED)
    counting = select(ProviderApplication.state, func.count()).where(listed).group_by(ProviderApplication.state)
    counts = {str(state): count for state, count in session.execute(counting).all()}
    states = [ApplicationState(chosen)] if chosen in {str(state) for state in _LISTED} else list(_RUNNING)
    query = select(ProviderApplication).where(ProviderApplication.state.in_(states))
    total = sum(counts.get(str(state), 0) for state in states)
    paging = paged(total, current_site().pilot.thresholds.page_size, "reviews.index", state=chosen)
    query = query.options(defer(ProviderApplication.answers)).order_by(ProviderApplication.submitted_at, ProviderApplication.id)
    applications = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
    parts = count_parts(session, [one.id for one in applications])
    rows = [_line(one, parts.get(one.id, {})) for one in applications]
    return ReviewList(rows, paging, counts, chosen if len(states) == 1 else "", _finished_windows(session))


def _line(application: ProviderApplication, parts: Mapping[AssignmentState, int]) -> Line:
    experts = sum(parts.get(state, 0) for state in ACTIVE)
    owing = sum(parts.get(state, 0) for state in OWES_SCORES)
    confirmed = parts.get(AssignmentState.CONFIRMED, 0)
    rules = current_site().pilot.review
    if application.state == ApplicationState.SUBMITTED:
        waits = say("等管理方受理")
    elif application.state == ApplicationState.SENT_BACK:
        waits = say("等申报单位补正")
    elif application.state == ApplicationState.UNDER_REVIEW:
        if experts < rules.least_experts:
            waits = say("等管理方抽取专家")
        elif owing:
            waits = say("等专家评分")
        else:
            waits = say("等管理方结束评审") if confirmed == experts else say("等联合意见和确认")
    elif application.state == ApplicationState.REVIEWED:
        waits = say("等两人决定")
    elif application.state == ApplicationState.PUBLICITY:
        over = application.publicity_until is not None and today() > application.publicity_until
        waits = say("公示期满，等两人决定") if over else say("公示中")
    else:
        waits = ""
    return Line(application, waits, experts, experts - owing, confirmed)


def _finished_windows(session: Session) -> Sequence[ApplicationWindow]:
    """Closed windows of which everything is decided and nothing told yet."""
    running = select(ProviderApplication.window_id).where(ProviderApplication.state.in_(_RUNNING))
    decided = select(ProviderApplication.window_id).where(ProviderApplication.state == ApplicationState.ADMITTED)
    query = select(ApplicationWindow).where(ApplicationWindow.results_published_at.is_(None), ApplicationWindow.closes < today())
    query = query.where(ApplicationWindow.id.not_in(running), ApplicationWindow.id.in_(decided))
    return session.scalars(query.order_by(ApplicationWindow.closes)).all()


@pages.get("/reviews/<public_id>")
@permission("decide", "review")
def show(public_id: str) -> AnyResponse:
    """One application and its review."""
    return desk_page(public_id)


def desk_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """The desk; after a refusal with what was typed into `form`."""
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        application = find_application(session, public_id, viewer)
        if application is None or application.state == ApplicationState.DRAFT:
            not_found()
        desk: Desk = read_desk(session, application, viewer)
        answer = form_page(
            "reviews/show.html",
            refused=refused,
            desk=desk,
            rules=current_site().pilot.review,
            correction_days=current_site().pilot.application.supplement_days,
            typed=request.form if refused is not None else {},
            form=form,
            word_of=word_of,
            decision_words=DECISIONS,
        )
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def number_of(public_id: str) -> int:
    """The application of an address, for those who may read it."""
    with current_site().database.reading() as session:
        application = find_application(session, public_id, current_viewer())
        return application.id if application is not None and application.state != ApplicationState.DRAFT else not_found()


def acted(public_id: str, form: str, said: str, act: Callable[[int], object]) -> AnyResponse:
    """Let something happen to an application and go back to its desk; a refusal keeps what was typed."""
    number = number_of(public_id)
    try:
        act(number)
    except RefusedError as error:
        return desk_page(public_id, error.refused, form)
    flash(said, "good")
    return redirect(url_for("reviews.show", public_id=public_id), 303)


def _common() -> dict[str, Any]:
    return {"viewer": current_viewer(), "at": here_now()}


@pages.post("/reviews/<public_id>/accept")
@permission("organise", "review")
def accept(public_id: str) -> AnyResponse:
    """受理."""
    rules, typed = current_site().pilot.review, request.form
    answers = {check.key: typed.get(f"check_{check.key}", "") for check in rules.form_checks}
    remarks = {check.key: typed.get(f"check_remark_{check.key}", "") for check in rules.form_checks}
    database = current_site().database
    return acted(
        public_id,
        "accept",
        say("已受理，受理通知书正在生成。下一步抽取评审专家。"),
        lambda number: actions.accept(database, number, answers=answers, remarks=remarks, rules=rules, seen=seen(), **_common()),
    )


@pages.post("/reviews/<public_id>/send-back")
@permission("organise", "review")
def send_back(public_id: str) -> AnyResponse:
    """退回补正."""
    reasons = {name.removeprefix("reason_"): text for name, text in request.form.items() if name.startswith("reason_")}
    days, database = current_site().pilot.application.supplement_days, current_site().database
    return acted(
        public_id,
        "send_back",
        say("已退回补正，补正通知书正在生成。"),
        lambda number: actions.send_back(database, number, reasons=reasons, days=days, seen=seen(), **_common()),
    )


@pages.post("/reviews/<public_id>/draw")
@permission("organise", "review")
def draw(public_id: str) -> AnyResponse:
    """抽取专家."""
    text, rules = request.form.get("wanted", ""), current_site().pilot.review
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    database = current_site().database
    return acted(
        public_id,
        "draw",
        say("抽取已记录，结果和原因见下面的抽取日志。"),
        lambda number: draw_experts(database, number, wanted=wanted, rules=rules, seen=seen("review_seen"), **_common()),
    )


@pages.post("/reviews/<public_id>/experts/<part_id>/release")
@permission("organise", "review")
def release_expert(public_id: str, part_id: str) -> AnyResponse:
    """更换专家."""
    why, rules, database = request.form.get("why", ""), current_site().pilot.review, current_site().database
    with database.reading() as session:
        query = select(ReviewAssignment.id).join(ReviewAssignment.review).join(Review.application)
        part = session.scalar(query.where(ReviewAssignment.public_id == part_id, ProviderApplication.public_id == public_id))
    if part is None:
        not_found()
    return acted(
        public_id, "release", say("已更换，请再抽取一名。"), lambda _number: release(database, part, why=why, rules=rules, **_common())
    )


@pages.post("/reviews/<public_id>/joint")
@permission("organise", "review")
def joint(public_id: str) -> AnyResponse:
    """填写联合意见."""
    rules, typed, database = current_site().pilot.review, request.form, current_site().database
    draft = JointDraft(typed_scores([criterion.key for criterion in rules.criteria]), typed.get("opinion", ""), typed.get("discussion", ""))
    return acted(
        public_id,
        "joint",
        say("联合意见已记录，已请各位专家确认。"),
        lambda number: write_joint(database, number, draft, rules=rules, seen=seen("review_seen"), **_common()),
    )


def typed_scores(keys: Sequence[str]) -> dict[str, int | None]:
    """Whole numbers as they were typed; what is none counts as out of range, nothing as missing."""
    found: dict[str, int | None] = {}
    for key in keys:
        text = request.form.get(f"score_{key}", "").strip()
        found[key] = None if not text else int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    return found


@pages.post("/reviews/<public_id>/close")
@permission("organise", "review")
def close(public_id: str) -> AnyResponse:
    """评审结束."""
    rules, database = current_site().pilot.review, current_site().database
    return acted(
        public_id,
        "close",
        say("评审已结束，等两人决定。"),
        lambda number: actions.close_review(database, number, rules=rules, seen=seen(), **_common()),
    )


@pages.post("/reviews/windows/<public_id>/results")
@permission("organise", "review")
def results(public_id: str) -> AnyResponse:
    """公布一批的结果."""
    with current_site().database.reading() as session:
        number = (find_window(session, public_id) or not_found()).id
    publish_results(current_site().database, number, **_common())
    flash(say("结果已公布，见公示页。"), "good")
    return redirect(url_for("publicity.index"), 303)
