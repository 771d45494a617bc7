"""对接单: the board of the centre, one brokering for each of those concerned, and what the centre and the enterprise do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokering_ends as ends
from marketplace.actions import brokerings as actions
from marketplace.actions import implementations, joint_brokerings
from marketplace.actions.brokering_steps import Step
from marketplace.actions.implementations import ConfirmDraft, FinishDraft
from marketplace.attachments import READERS, received
from marketplace.domain.access import Viewer, may
from marketplace.domain.brokerings import ContractDraft, CriterionDraft
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.brokerings import (
    Brokering,
    Contract,
    count_of_enterprises,
    find_brokering,
    find_of_enterprises,
)
from marketplace.records.files import Attachment
from marketplace.records.history import find_last_entry
from marketplace.records.introductions import Introduction, count_own_introductions, find_introduction, find_own_introductions
from marketplace.sentences import told_value
from marketplace.site import current_site
from marketplace.web import brokerings_shown as shown
from marketplace.web.addresses import ADDRESSES
from marketplace.web.history_words import verb_word
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, here_now, left_words, today
from marketplace.web.typed import seen, typed_day
from marketplace.web.typed_numbers import typed_fen, typed_number, typed_whole

pages = Blueprint("brokerings", __name__)
ADDRESSES["brokering"] = lambda ref: url_for("brokerings.show", public_id=ref)


def actor_word(actor: str) -> str:
    """Who did it, without the number."""
    return str(told_value(actor.rpartition("（")[0] or actor))


WORDS: dict[str, Any] = {
    "who_word": shown.who_word,
    "word_in": shown.word_in,
    "reason_word": shown.reason_word,
    "waited": shown.waited,
    "left": left_words,
    "words": shown,
    "verb_word": verb_word,
    "actor_word": actor_word,
}
# What no change of the form mends: things are no longer, or never were, as this step needs them.
CONFLICTS = frozenset(
    {
        "wrong_state", "not_allowed", "changed_meanwhile", "provider_takes_no_new", "not_open", "no_introduction", "criteria_fixed",
        "not_comparing", "not_awarded", "not_asked", "answered_already", "not_talking", "not_talking_yet", "quoting_over",
        "decided_already", "no_feedback_owed", "started_already", "not_started", "not_finished", "term_runs", "never_sent",
        "no_proposal", "no_proposal_yet", "problem_closed", "has_proposal", "both_accepted", "not_both",
    }
)  # fmt: skip
_SAID = {
    "send": _("已发出，双方已收到通知和期限。"),
    "criteria": _("比较标准已保存，发出后不能再改。"),
    "assign": _("已换经办人，待办随之转交。"),
    "compare": _("已送企业比较。"),
    "reopen": _("已退回继续洽谈。"),
    "none_suitable": _("已记下没有合适的，有关各方已收到通知。"),
    "withdraw": _("已撤回，有关各方已收到通知。"),
    "contract": _("合同已登记。"),
    "reserve": _("已转为储备项目。"),
    "start": _("已登记开工。"),
    "finish": _("已登记完工，等企业确认。"),
    "confirm": _("已确认完工并评价。"),
}


def step_of() -> Step:
    """Who acts in this request, when, by the pilot's rules, and what the page knew."""
    pilot = current_site().pilot
    return Step(current_viewer(), here_now(), today(), pilot.brokering, pilot.rating, seen())


def status_of(refused: Refused) -> int:
    return 409 if refused.code in CONFLICTS else 422


def taken(field: str) -> StoredBlob | None:
    """The file of a field. Raises RefusedError for one that is not taken."""
    stored = received(field)
    if isinstance(stored, Refused):
        raise RefusedError(stored)
    return stored


def _contract_readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """The scan is for both parties and the centre."""
    if may(viewer, "run", "brokering"):
        return True
    query = select(Brokering.enterprise_id, Introduction.provider_id).join(Contract, Contract.brokering_id == Brokering.id)
    query = query.join(Introduction, Introduction.id == Contract.introduction_id).where(Contract.id == file.noun_id)
    row = session.execute(query).first()
    return row is not None and (row[0] in viewer.enterprise_ids or row[1] in viewer.provider_ids)


READERS["contract"] = _contract_readable


@pages.get("/brokerings")
@permission("read", "brokering")
def index() -> str:
    """The board for staff; each side sees its own."""
    viewer = current_viewer()
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        if not may(viewer, "read", "brokering"):
            return _own_lists(session, viewer)
        chosen = request.args.get("show", "")
        sector = current_site().pilot.find("sector", request.args.get("sector", ""))
        board = shown.read_board(session, viewer, chosen if chosen in ("mine", "late") else "", sector.key if sector else "")
        return render_template("brokerings/board.html", board=board, lanes=shown.LANES, rules=current_site().pilot.brokering, **WORDS)


def _own_lists(session: Session, viewer: Viewer) -> str:
    size = current_site().pilot.thresholds.page_size
    first = paged(count_of_enterprises(session, viewer.enterprise_ids), size, "brokerings.index")
    second = paged(count_own_introductions(session, viewer.provider_ids), size, "brokerings.index", parameter="received")
    asked = find_of_enterprises(session, viewer.enterprise_ids, offset=first.offset, most=size)
    received = find_own_introductions(session, viewer.provider_ids, offset=second.offset, most=size)
    values = {"asked": asked, "received": received, "pagings": (first, second)}
    return render_template("brokerings/mine.html", **values, **WORDS)


@pages.get("/brokerings/<public_id>")
@permission("read", "brokering")
def show(public_id: str) -> AnyResponse:
    """One brokering; a provider is led to its own part of it."""
    viewer = current_viewer()
    with current_site().database.reading() as session:
        if find_brokering(session, public_id, viewer) is None:
            query = select(Introduction.public_id).join(Brokering, Brokering.id == Introduction.brokering_id)
            own = query.where(Brokering.public_id == public_id, Introduction.provider_id.in_(viewer.provider_ids))
            found = session.scalar(own.where(Introduction.sent_at.is_not(None)).order_by(Introduction.id.desc()).limit(1)) or not_found()
            return redirect(url_for("introductions.show", public_id=found))
    return case_page(public_id)


def case_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """The brokering; after a refusal with what was typed into `form`."""
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        brokering = find_brokering(session, public_id, viewer) or not_found()
        page = shown.read_case(session, brokering, viewer)
        typed = request.form if refused is not None else {}
        rules = current_site().pilot.brokering
        answer = form_page("brokerings/show.html", refused=refused, page=page, rules=rules, typed=typed, form=form, **WORDS)
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def acted(public_id: str, event: str, act: Callable[[int], object]) -> AnyResponse:
    """Let something happen to a brokering that this person may read, and go back to it; a refusal keeps what was typed."""
    with current_site().database.reading() as session:
        found = find_brokering(session, public_id, current_viewer()) or not_found()
        number = found.id
    try:
        act(number)
    except RefusedError as error:
        return case_page(public_id, error.refused, event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("brokerings.show", public_id=public_id), 303)


def _why() -> str:
    return request.form.get("why", "")


@pages.post("/brokerings/<public_id>/<any(send, compare, reopen, reserve):event>")
@permission("run", "brokering")
def run(public_id: str, event: str) -> AnyResponse:
    """What the centre decides."""
    database = current_site().database

    def act(number: int) -> object:
        if event == "send":
            verb = joint_brokerings.send_joint if request.form.get("joint") else actions.send
            return verb(database, number, step_of())
        if event == "compare":
            return actions.compare(database, number, step_of())
        if event == "reserve":
            return awards.reserve(database, number, step_of(), why=_why())
        return actions.reopen(database, number, step_of(), why=_why())

    return acted(public_id, event, act)


@pages.post("/brokerings/<public_id>/<any(none_suitable, withdraw):event>")
@permission("choose", "brokering")
def end(public_id: str, event: str) -> AnyResponse:
    """What the enterprise decides, or the centre in its place."""
    verb = ends.none_suitable if event == "none_suitable" else ends.withdraw
    return acted(public_id, event, lambda number: verb(current_site().database, number, step_of(), why=_why()))


@pages.post("/brokerings/<public_id>/officer")
@permission("run", "brokering")
def assign(public_id: str) -> AnyResponse:
    chosen = typed_whole(request.form.get("officer", "")) or 0
    return acted(public_id, "assign", lambda number: actions.assign(current_site().database, number, chosen, step_of()))


@pages.post("/brokerings/<public_id>/criteria")
@permission("run", "brokering")
def set_criteria(public_id: str) -> AnyResponse:
    form = request.form
    rows = zip(form.getlist("text"), form.getlist("kind"), form.getlist("weight"), strict=False)
    drafts = [CriterionDraft(text, kind, typed_whole(weight)) for text, kind, weight in rows if text.strip() or weight.strip()]
    verb = joint_brokerings.set_joint_criteria if form.get("joint") else actions.set_criteria
    return acted(public_id, "criteria", lambda number: verb(current_site().database, number, drafts, step_of()))


@pages.post("/brokerings/<public_id>/contract")
@permission("choose", "brokering")
def contract(public_id: str) -> AnyResponse:
    form = request.form
    draft = ContractDraft(typed_fen(form.get("amount_wan", "")), *(typed_day(form.get(name, "")) for name in ("signed", "starts", "ends")))

    def act(number: int) -> object:
        return awards.record_contract(current_site().database, number, draft, step_of(), scan=taken("scan"))

    return acted(public_id, "contract", act)


@pages.post("/brokerings/<public_id>/start")
@permission("choose", "brokering")
def start(public_id: str) -> AnyResponse:
    day = typed_day(request.form.get("started", ""))
    return acted(public_id, "start", lambda number: implementations.start(current_site().database, number, day, step_of()))


def finish_draft() -> FinishDraft:
    form = request.form
    baseline, target, measured = (typed_number(form.get(name, "")) for name in ("baseline", "target", "measured"))
    effect, indicator, unit = (form.get(name, "") for name in ("effect", "indicator", "unit"))
    return FinishDraft(typed_day(form.get("finished", "")), effect, indicator, unit, baseline, target, measured)


@pages.post("/brokerings/<public_id>/finish")
@permission("run", "brokering")
def finish(public_id: str) -> AnyResponse:
    """The centre writes down what the provider reports."""
    return acted(
        public_id, "finish", lambda number: implementations.report_finish(current_site().database, number, finish_draft(), step_of())
    )


@pages.post("/brokerings/<public_id>/confirm")
@permission("choose", "brokering")
def confirm(public_id: str) -> AnyResponse:
    draft = confirm_draft()
    draft.way = request.form.get("way", "")

    def act(number: int) -> object:
        return implementations.confirm(current_site().database, number, draft, step_of(), proof=taken("proof"))

    return acted(public_id, "confirm", act)


def confirm_draft() -> ConfirmDraft:
    form = request.form
    return ConfirmDraft(form.get("result", ""), typed_whole(form.get("rating", "")), form.get("remark", ""))


@pages.get("/brokerings/<public_id>/comparison")
@permission("choose", "brokering")
def comparison(public_id: str) -> AnyResponse:
    """Proposals side by side."""
    return comparison_page(public_id)


def comparison_page(public_id: str, refused: Refused | None = None) -> Response:
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        brokering = find_brokering(session, public_id, viewer) or not_found()
        page = shown.read_case(session, brokering, viewer)
        columns, criteria, total = shown.read_comparison(session, brokering, request.args.getlist("only"))
        knew = {column.introduction.id: find_last_entry(session, "introduction", column.introduction.id) for column in columns}
        answer = form_page(
            "brokerings/comparison.html", refused=refused, page=page, columns=columns, criteria=criteria, total=total, seen_of=lambda row: knew[row.id],
            typed=request.form if refused else {}, **WORDS
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@pages.post("/brokerings/<public_id>/award")
@permission("choose", "brokering")
def award(public_id: str) -> AnyResponse:
    """One is chosen, with the reason."""
    viewer = current_viewer()
    with current_site().database.reading() as session:
        brokering = find_brokering(session, public_id, viewer) or not_found()
        chosen = find_introduction(session, request.form.get("introduction", ""), viewer)
        number = chosen.id if chosen is not None and chosen.brokering_id == brokering.id else 0
    try:
        if not number:
            raise RefusedError(Refused("nobody_chosen", _("还没有选哪一家。")))
        awards.award(current_site().database, number, step_of(), why=_why())
    except RefusedError as error:
        return comparison_page(public_id, error.refused)
    flash(say("已选定，有关各方已收到通知。"), "good")
    return redirect(url_for("brokerings.show", public_id=public_id), 303)
