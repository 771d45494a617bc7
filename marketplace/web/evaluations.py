"""Evaluation rounds: their list and making by staff, and each provider's result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import evaluations as actions
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.evaluations import RESULT_TABLE, TABLE, UNRATED, Period, ResultState, RoundState, last_period
from marketplace.domain.lifecycle import Refused, RefusedError, _, allowed_events
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.evaluations import (
    EvaluationResult,
    EvaluationRound,
    count_states,
    find_own_results,
    find_result,
    find_results,
    find_round,
    find_rounds,
)
from marketplace.records.files import find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.ratings import find_events
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.ratings_shown import event_words, kind_word
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import days, here_now, today
from marketplace.web.typed import seen, seen_still, typed_day

pages = Blueprint("evaluations", __name__)
# What a provider may see of its result.
TOLD = frozenset({ResultState.SHOWN, ResultState.COMMENTED, ResultState.ANSWERED, ResultState.ISSUED})


@pages.get("/evaluations")
@permission("read", "evaluation")
def mine() -> str:
    """A provider's own results."""
    viewer = current_viewer()
    with current_site().database.reading() as session:
        return render_template("evaluations/mine.html", results=find_own_results(session, viewer.provider_ids))


@pages.get("/evaluations/rounds")
@permission("run", "evaluation")
def index() -> Response:
    """All rounds, and the period that a new one would be over."""
    return _index()


def _index(refused: Refused | None = None) -> Response:
    site = current_site()
    with site.database.reading() as session:
        rounds = find_rounds(session)
        offered = last_period(today(), site.pilot.rating.evaluation)
        taken = any((row.start, row.end) == (offered.start, offered.end) and row.state != RoundState.CANCELLED for row in rounds)
        typed = {name: request.form.get(name, getattr(offered, name).isoformat()) for name in ("start", "end")}
        sentence = sentence_of(refused)
        body = render_template("evaluations/index.html", rounds=rounds, offered=offered, taken=taken, typed=typed, sentence=sentence)
    return make_response(body, 422 if refused else 200)


@pages.post("/evaluations/rounds")
@permission("run", "evaluation")
def open_round() -> Response:
    """Begin a round over a period that is over."""
    site = current_site()
    start, end = typed_day(request.form.get("start", "")), typed_day(request.form.get("end", ""))
    if start is None or end is None or end < start:
        return _index(Refused("bad_period", _("评价期的起止日期没有填对，请检查。")))
    try:
        opened = actions.open_round(
            site.database, Period(start, end), viewer=current_viewer(), at=now(), today=today(), rules=site.pilot.rating
        )
    except RefusedError as error:
        return _index(error.refused)
    flash(say("已按期内事件拟定结果，请审定。"), "good")
    return redirect(url_for("evaluations.show", public_id=opened.public_id), 303)


@pages.get("/evaluations/rounds/<public_id>")
@permission("run", "evaluation")
def show(public_id: str) -> Response:
    """One round: who has which result, and what comes next."""
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None) -> Response:
    site, viewer = current_site(), current_viewer()
    days()  # before the session: a page holds one connection at a time
    asked = request.args.get("state", "")
    states = [ResultState(asked)] if asked in set(ResultState) else []
    with site.database.reading() as session:
        round_ = find_round(session, public_id) or not_found()
        counts = count_states(session, round_.id)
        total = counts.get(states[0], 0) if states else sum(counts.values())
        paging = paged(total, site.pilot.thresholds.page_size * 2, "evaluations.show", public_id=public_id, state=asked)
        body = render_template(
            "evaluations/show.html",
            round=round_,
            rows=find_results(session, round_.id, states=states, first=paging.offset, most=paging.size),
            counts=counts,
            chosen=asked,
            paging=paging,
            facts=actions.facts_of(session, round_, today()),
            events={row.event for row in allowed_events(TABLE, round_.state, viewer.roles)},
            sentence=sentence_of(refused),
            why=request.form.get("why", ""),
        )
    return make_response(body, 422 if refused else 200)


@pages.get("/evaluations/rounds/<public_id>/list")
@permission("run", "evaluation")
def listed(public_id: str) -> str:
    """The issued list, best first, made to be printed."""
    with current_site().database.reading() as session:
        round_ = find_round(session, public_id) or not_found()
        if round_.state != RoundState.ISSUED:
            not_found()
        rows = sorted(
            find_results(session, round_.id, states=[ResultState.ISSUED]),
            key=lambda row: (row.result == UNRATED, -(row.score or 0), row.provider.name),
        )
        return render_template("evaluations/list.html", round=round_, rows=rows)


@pages.post("/evaluations/rounds/<public_id>/<any(review, show, issue, cancel):event>")
@permission("run", "evaluation")
def move(public_id: str, event: str) -> Response:
    """The next step of a round."""
    site, viewer, why = current_site(), current_viewer(), request.form.get("why", "")
    database, rules, moment, day = site.database, site.pilot.rating, now(), today()
    with database.reading() as session:
        number = (find_round(session, public_id) or not_found()).id
    steps: dict[str, Callable[[], object]] = {
        "review": lambda: actions.review_rest(database, number, viewer=viewer, at=moment, rules=rules),
        "show": lambda: actions.show(database, number, viewer=viewer, at=moment, today=day, rules=rules),
        "issue": lambda: actions.issue(database, number, viewer=viewer, at=moment, today=day, rules=rules),
        "cancel": lambda: actions.cancel(database, number, why=why, viewer=viewer, at=moment, today=day),
    }
    try:
        steps[event]()
    except RefusedError as error:
        return _page(public_id, error.refused)
    words = {
        "review": say("其余的拟定结果已审定。"),
        "show": say("已告知服务商，等待说明。"),
        "issue": say("结果已发布，通知书正在生成。"),
        "cancel": say("本次评价已取消。"),
    }
    flash(words[event], "good")
    return redirect(url_for("evaluations.show", public_id=public_id), 303)


@pages.get("/evaluations/results/<public_id>")
@permission("read", "evaluation")
def result(public_id: str) -> Response:
    """One provider's result: its own once it was told, any for those who run the round."""
    return _result_page(public_id)


def _result_page(public_id: str, refused: Refused | None = None) -> Response:
    viewer, lost = current_viewer(), refused is not None and refused.code == "changed_meanwhile"
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        found = _readable(session, public_id, viewer)
        rows = [row for row in find_events(session, [found.provider_id]).get(found.provider_id, []) if _inside(row.on, found.round)]
        body = render_template(
            "evaluations/result.html",
            result=found,
            round=found.round,
            provider=found.provider,
            events=[(row, kind_word(row.kind), event_words(row)) for row in reversed(rows)],
            allowed=_allowed(found, viewer),
            letters=find_attachments(session, actions.RESULT_NOUN, found.id),
            runs=may(viewer, "run", "evaluation"),
            sentence=sentence_of(refused),
            typed={name: request.form.get(name, "") if refused else "" for name in ("text", "score", "why")},
            seen=seen_still(find_last_entry(session, actions.RESULT_NOUN, found.id), lost=lost),
        )
    return make_response(body, 409 if lost else 422 if refused else 200)


def _inside(on: date, round_: EvaluationRound) -> bool:
    return round_.start <= on <= round_.end


def _readable(session: Session, public_id: str, viewer: Viewer) -> EvaluationResult:
    found = find_result(session, public_id)
    if found is None:
        not_found()
    own = found.provider_id in viewer.provider_ids and found.state in TOLD
    if not (own or may(viewer, "run", "evaluation")):
        not_found()
    return found


def _allowed(found: EvaluationResult, viewer: Viewer) -> set[str]:
    """What this person may do with the result now; a provider only what is its own and as long as it may."""
    events = {row.event for row in allowed_events(RESULT_TABLE, found.state, viewer.roles)}
    until = found.round.comment_until
    may_comment = may_act_for(viewer, found.provider.organisation_id, "submit") and until is not None and today() <= until
    return events & ({"review", "answer", "comment"} if may_comment else {"review", "answer"})


@pages.post("/evaluations/results/<public_id>/<any(review, comment, answer):event>")
@permission("read", "evaluation")
def act(public_id: str, event: str) -> Response:
    """Review, comment or answer."""
    site, viewer, form = current_site(), current_viewer(), request.form
    with site.database.reading() as session:
        number = _readable(session, public_id, viewer).id
    moment: datetime = here_now()
    try:
        score = _score(form.get("score", ""))
        if event == "review":
            why, last = form.get("why", ""), seen()
            actions.review(site.database, number, score=score, why=why, viewer=viewer, at=moment, rules=site.pilot.rating, seen=last)
        elif event == "comment":
            actions.comment(site.database, number, text=form.get("text", ""), viewer=viewer, at=moment, today=today(), seen=seen())
        else:
            text, rules = form.get("text", ""), site.pilot.rating
            actions.answer(site.database, number, text=text, score=score, viewer=viewer, at=moment, rules=rules, seen=seen())
    except RefusedError as error:
        return _result_page(public_id, error.refused)
    flash(
        say("已审定。") if event == "review" else say("说明已提交。") if event == "comment" else say("已答复，服务商会收到通知。"), "good"
    )
    return redirect(url_for("evaluations.result", public_id=public_id), 303)


def _score(text: str) -> float | None:
    try:
        return round(float(text), 1) if text.strip() else None
    except ValueError:
        raise RefusedError(Refused("not_a_number", _("得分应是数字，现在是“{value}”。"), {"value": text[:20]})) from None
