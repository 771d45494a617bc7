"""Dynamic adjustment: the board of all cases, one case and what may be done with it, and the provider's own cases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import adjustments as actions
from marketplace.actions import adjustments_rectification as rectification
from marketplace.actions import appeals
from marketplace.actions.adjustments_effect import Step
from marketplace.attachments import READERS, received
from marketplace.domain.access import Viewer, may
from marketplace.domain.adjustments import AdjustmentKind
from marketplace.domain.appeals import check_filing
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.adjustments import Adjustment, count_own_adjustments, find_adjustment, find_own_adjustments, has_own_adjustments
from marketplace.records.files import Attachment
from marketplace.records.providers import find_provider
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.adjustments_shown import appeal_is_open, ball_of, conduct_word, read_board, read_case, read_new, rule_word, who_has_it
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, here_now, left_words, today
from marketplace.web.typed import seen

pages = Blueprint("adjustments", __name__)
FILE_FIELDS = ("file", "file2", "file3")
WORDS: dict[str, Any] = {"who_has_it": who_has_it, "rule_word": rule_word, "conduct_word": conduct_word, "ball_of": ball_of}
# What no change of the form mends: things are no longer, or never were, as this step needs them. All else can be filled in better.
_CONFLICTS = frozenset(
    {
        "wrong_state", "not_allowed", "changed_meanwhile", "not_possible", "proposed_already", "same_person", "not_own", "two_persons",
        "one_person", "wrong_kind", "term_over", "term_runs", "extension_once", "extension_not_asked", "rectification_runs",
        "nothing_to_appeal", "appealed_already", "appeal_term_over", "own_decision", "stayed_already", "not_in_effect", "decision_waits",
    }
)  # fmt: skip
_SAID = {
    "decide": _("决定已生效，通知书正在生成，有关各方已收到通知。"),
    "put_forward": _("已提请复核，另一人同意后生效。"),
    "confirm": _("已复核同意，决定生效，有关各方已收到通知。"),
    "reject": _("已复核不同意，退回重新决定。"),
    "take_back": _("已撤回，可以重新决定。"),
    "drop": _("已记下：不予处理。"),
    "extend": _("已同意延期，服务商已收到通知。"),
    "refuse_extension": _("没有同意延期，服务商已收到通知。"),
    "accept": _("整改通过，服务商已恢复。"),
    "fail": _("已记下整改未通过，并提出暂停，等两人决定。"),
    "hand_in": _("整改材料已提交，等区工信局验收。"),
    "ask_extension": _("延期申请已提交，等区工信局答复；答复前期限不变。"),
    "file": _("申诉已提交，等区工信局决定；其间原决定照常执行。"),
    "withdraw": _("申诉已撤回。"),
    "stay": _("申诉期间暂停执行，服务商已回到决定前的状态。"),
    "uphold": _("申诉成立，决定已撤销。"),
    "dismiss": _("申诉不成立，决定维持。"),
}


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """Evidence is for staff; what the provider brought and what was written to it is for both."""
    return may(viewer, "read", "adjustment") or file.organisation_id in viewer.organisation_ids


READERS.update({"adjustment": _readable, "appeal": _readable})
ADDRESSES["adjustment"] = lambda ref: url_for("adjustments.show", public_id=ref)
ADDRESSES["appeal"] = lambda ref: url_for("adjustments.show", public_id=ref, _anchor="appeal")


def may_still_appeal(case: Adjustment) -> bool:
    """Whether what was decided may still be appealed against today, for the list."""
    refused = check_filing(case.kind, decided=True, until=case.appeal_until, today=today(), appealed=bool(case.appeals))
    return refused is None


def has_cases(viewer: Viewer) -> bool:
    """Whether anything was ever decided about this person's provider; asked once a request. No page is lost for want of it."""
    if "has_cases" not in g:
        g.has_cases = False
        with suppress(SQLAlchemyError), current_site().database.reading() as session:
            g.has_cases = has_own_adjustments(session, viewer.provider_ids)
    return bool(g.has_cases)


def step_of(seen_field: str = "seen") -> Step:
    """Who acts in this request, when, by the pilot's rules, and what the page knew."""
    return Step(current_viewer(), here_now(), today(), current_site().pilot.adjustment, seen(seen_field))


def status_of(refused: Refused) -> int:
    return 409 if refused.code in _CONFLICTS else 422


@pages.get("/adjustments")
@permission("read", "adjustment")
def index() -> str:
    """The board for staff; a provider sees what was decided about it."""
    viewer = current_viewer()
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        if may(viewer, "read", "adjustment"):
            return render_template("adjustments/board.html", board=read_board(session), left=left_words, **WORDS)
        paging = paged(count_own_adjustments(session, viewer.provider_ids), current_site().pilot.thresholds.page_size, "adjustments.index")
        own = find_own_adjustments(session, viewer.provider_ids, offset=paging.offset, most=paging.size)
        return render_template(
            "adjustments/mine.html", cases=own, paging=paging, left=left_words, may_still_appeal=may_still_appeal, **WORDS
        )


@pages.post("/adjustments/rules")
@permission("propose", "adjustment")
def run_rules() -> AnyResponse:
    """Let the rules look now instead of tonight."""
    found = actions.run_rules(current_site().database, step_of())
    flash(say("按规则检查完毕，新提出 {n} 项。", n=found) if found else say("按规则检查完毕，没有新的提议。"), "good")
    return redirect(url_for("adjustments.index"), 303)


@pages.get("/adjustments/<public_id>")
@permission("read", "adjustment")
def show(public_id: str) -> AnyResponse:
    """One case."""
    return case_page(public_id)


def case_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """The case; after a refusal with what was typed into `form`."""
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        case = find_adjustment(session, public_id, viewer) or not_found()
        answer = form_page(
            "adjustments/show.html",
            refused=refused,
            page=read_case(session, case, viewer),
            rules=current_site().pilot.adjustment,
            typed=request.form if refused is not None else {},
            form=form,
            appeal_is_open=appeal_is_open,
            **WORDS,
        )
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def received_files() -> list[StoredBlob]:
    """The files of the form's fields. Raises RefusedError for one that is not taken."""
    found = []
    for field in FILE_FIELDS:
        stored = received(field)
        if isinstance(stored, Refused):
            raise RefusedError(stored)
        if stored is not None:
            found.append(stored)
    return found


def acted(public_id: str, event: str, act: Callable[[int], object]) -> AnyResponse:
    """Let something happen to a case that this person may read, and go back to it; a refusal keeps what was typed."""
    with current_site().database.reading() as session:
        case: Adjustment = find_adjustment(session, public_id, current_viewer()) or not_found()
        number = case.id
    try:
        act(number)
    except RefusedError as error:
        return case_page(public_id, error.refused, event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("adjustments.show", public_id=public_id), 303)


def _why() -> str:
    return request.form.get("why", "")


def _days() -> int | None:
    """The term of a rectification in working days; what is no number is out of range, nothing is the pilot's own."""
    text = request.form.get("days", "").strip()
    return None if not text else int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


@pages.post("/adjustments/<public_id>/<any(decide, put_forward, confirm, reject, take_back, drop):event>")
@permission("decide", "adjustment")
def decide(public_id: str, event: str) -> AnyResponse:
    """What the bureau decides, alone or by two."""
    database, step = current_site().database, step_of()

    def act(number: int) -> object:
        if event == "decide":
            return actions.decide(database, number, step, why=_why(), days=_days(), files=received_files())
        if event == "put_forward":
            return actions.put_forward(database, number, step, why=_why(), files=received_files())
        return {"confirm": actions.confirm, "reject": actions.reject, "take_back": actions.take_back, "drop": actions.drop}[event](
            database, number, step, why=_why()
        )

    return acted(public_id, event, act)


@pages.post("/adjustments/<public_id>/<any(extend, refuse_extension, accept, fail):event>")
@permission("decide", "adjustment")
def judge(public_id: str, event: str) -> AnyResponse:
    """How the bureau answers what the provider asked for or handed in."""
    verbs = {"extend": rectification.extend, "refuse_extension": rectification.refuse_extension}
    verbs |= {"accept": rectification.accept, "fail": rectification.fail}
    return acted(public_id, event, lambda number: verbs[event](current_site().database, number, step_of(), why=_why()))


@pages.post("/adjustments/<public_id>/<any(hand_in, ask_extension, file):event>")
@permission("write", "appeal")
def answer(public_id: str, event: str) -> AnyResponse:
    """What the provider does: hand in, ask for more time, appeal."""
    database, step = current_site().database, step_of()

    def act(number: int) -> object:
        if event == "ask_extension":
            return rectification.ask_extension(database, number, step, why=_why())
        verb = rectification.hand_in if event == "hand_in" else appeals.file
        return verb(database, number, step, text=_why(), files=received_files())

    return acted(public_id, event, act)


def _about_appeal(public_id: str, event: str, verb: Callable[..., object]) -> AnyResponse:
    def act(_number: int) -> object:
        with current_site().database.reading() as session:
            case = find_adjustment(session, public_id, current_viewer())
            appeal_id = case.appeals[-1].id if case is not None and case.appeals else not_found()
        return verb(current_site().database, appeal_id, step_of("appeal_seen"), why=_why())

    return acted(public_id, event, act)


@pages.post("/adjustments/<public_id>/appeal/withdraw")
@permission("write", "appeal")
def withdraw_appeal(public_id: str) -> AnyResponse:
    return _about_appeal(public_id, "withdraw", appeals.withdraw)


@pages.post("/adjustments/<public_id>/appeal/<any(stay, uphold, dismiss):event>")
@permission("decide", "appeal")
def decide_appeal(public_id: str, event: str) -> AnyResponse:
    """The bureau's answer to an appeal."""
    verbs = {"stay": appeals.stay, "uphold": appeals.uphold, "dismiss": appeals.dismiss}
    return _about_appeal(public_id, event, verbs[event])


@pages.get("/providers/<public_id>/adjustments/new")
@permission("propose", "adjustment")
def new(public_id: str) -> AnyResponse:
    """The form for a new case, with what it would touch."""
    return _new_page(public_id)


def _new_page(public_id: str, refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        provider = find_provider(session, public_id) or not_found()
        form = read_new(session, provider)
        typed, rules = request.form, current_site().pilot.adjustment
        page = form_page("adjustments/new.html", refused=refused, new=form, rules=rules, typed=typed, **WORDS)
    if refused is not None:
        page.status_code = status_of(refused)
    return page


@pages.post("/providers/<public_id>/adjustments")
@permission("propose", "adjustment")
def propose(public_id: str) -> AnyResponse:
    """Propose a case, with reasons and evidence."""
    typed = request.form
    with current_site().database.reading() as session:
        provider = find_provider(session, public_id) or not_found()
        number = provider.id
    try:
        if typed.get("kind", "") not in set(AdjustmentKind):
            raise RefusedError(Refused("unknown_kind", _("还没有选怎样处理。")))
        case = actions.propose(
            current_site().database,
            number,
            AdjustmentKind(typed["kind"]),
            step_of(),
            why=_why(),
            evidence=typed.get("evidence", ""),
            conduct=typed.get("conduct", ""),
            files=received_files(),
        )
    except RefusedError as error:
        return _new_page(public_id, error.refused)
    flash(say("已提出 {number}，等区工信局决定。", number=case.number), "good")
    return redirect(url_for("adjustments.show", public_id=case.public_id), 303)
