"""One introduction: what each side reads and answers, the talks, the proposals, and what the centre does for either side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokering_ends as ends
from marketplace.actions import implementations, introduction_links, introduction_talks
from marketplace.actions import introductions as actions
from marketplace.actions.brokering_steps import feedback_owed, may_stand_for
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer, may
from marketplace.domain.brokerings import BrokeringState
from marketplace.domain.introductions import TALKS, Answer, AnswerDraft, IntroductionState, ProposalDraft, Side
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.problems import redacted
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.brokerings import BrokeringCriterion, find_brokering_problems, find_contract, find_criteria, find_implementation
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.inquiries import Inquiry, find_inquiry
from marketplace.records.introductions import (
    Introduction,
    IntroductionAnswer,
    IntroductionMessage,
    Proposal,
    find_introduction,
    find_messages,
    find_proposals,
)
from marketplace.records.problems import Problem
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.brokerings import WORDS, finish_draft, status_of, step_of, taken
from marketplace.web.demands import places
from marketplace.web.language import say
from marketplace.web.outside import outside
from marketplace.web.refusals import form_page
from marketplace.web.terms import days
from marketplace.web.typed import typed_day
from marketplace.web.typed_numbers import typed_fen, typed_whole

pages = Blueprint("introductions", __name__)
ADDRESSES["introduction"] = lambda ref: url_for("introductions.show", public_id=ref)
FILE_FIELDS = ("file", "file2", "file3")
_SAID = {
    "answer": _("答复已记下，有关各方已收到通知。"),
    "step_back": _("已退出洽谈，有关各方已收到通知。"),
    "say": _("已发出。"),
    "quote": _("报价已提交，企业和能力中心已收到通知。"),
    "score": _("打分已保存。"),
    "remind": _("已催办。"),
    "thaw": _("已恢复。"),
    "reconsider": _("已重新列入比较。"),
    "take_out": _("已撤回。"),
    "feedback": _("落选反馈已发给服务商。"),
    "finish": _("已登记完工，等企业确认。"),
}


@dataclass(frozen=True)
class ShownNeed:
    """One problem as this person may read it."""

    problem: Problem
    text: str


@dataclass(frozen=True)
class Page:
    """One introduction. `side`: for whom this person acts here (enterprise, provider, "" for the office); `open`: whether it may be
    read whose need it is; `talks`: whether prices and what was said may be read."""

    row: Introduction
    side: str
    open: bool
    talks: bool
    runs: bool
    needs: Sequence[ShownNeed]
    question: str
    inquiry: Inquiry | None
    criteria: Sequence[BrokeringCriterion]
    proposals: Sequence[Proposal]
    messages: Sequence[IntroductionMessage]
    files: Mapping[int, Sequence[Attachment]]
    offered: Mapping[int, Sequence[Attachment]]
    proofs: Sequence[Attachment]
    links: Sequence[str]
    may_finish: bool
    seen: int

    @property
    def pending(self) -> IntroductionAnswer | None:
        """The answer that this person's side still owes."""
        given = self.row.answer_of(self.side) if self.side and self.row.state == IntroductionState.SENT else None
        return given if given is not None and given.answer == Answer.PENDING else None

    @property
    def waiting(self) -> list[IntroductionAnswer]:
        """The answers that the centre may write down."""
        asked = self.runs and self.row.state == IntroductionState.SENT
        return [one for one in self.row.answers if asked and one.answer == Answer.PENDING]

    @property
    def may_talk(self) -> bool:
        return (bool(self.side) or self.runs) and self.row.state in TALKS | {IntroductionState.AWARDED}

    @property
    def may_quote(self) -> bool:
        return (self.side == Side.PROVIDER or self.runs) and self.row.state in TALKS and self.row.brokering.state == BrokeringState.OPEN

    @property
    def may_step_back(self) -> bool:
        return bool(self.side) and self.row.state in TALKS

    @property
    def owes_feedback(self) -> bool:
        return self.runs and feedback_owed(self.row)


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """The proof of what was written down for a side is for the centre and that side."""
    return may(viewer, "run", "brokering") or file.organisation_id in viewer.organisation_ids


def _of_the_talks(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """What was sent in the talks is for the two sides and the centre; no other provider, no other office."""
    if may(viewer, "run", "brokering"):
        return True
    table = IntroductionMessage if file.noun == introduction_talks.MESSAGE else Proposal
    query = select(Introduction).join(table, table.introduction_id == Introduction.id).where(table.id == file.noun_id)
    row = session.scalar(query)
    return row is not None and (row.provider_id in viewer.provider_ids or row.brokering.enterprise_id in viewer.enterprise_ids)


READERS.update({"introduction": _readable, introduction_talks.MESSAGE: _of_the_talks, introduction_talks.PROPOSAL: _of_the_talks})


def read_page(session: Session, row: Introduction, viewer: Viewer) -> Page:
    brokering = row.brokering
    side = next((str(side) for side in (Side.PROVIDER, Side.ENTERPRISE) if may_stand_for(viewer, side, row, "edit")), "")
    belongs = row.provider_id in viewer.provider_ids or brokering.enterprise_id in viewer.enterprise_ids
    office = may(viewer, "read", "brokering")
    runs = may(viewer, "run", "brokering")
    is_open = office or brokering.enterprise_id in viewer.enterprise_ids or row.is_mutual
    talks = belongs or runs

    def told(text: str) -> str:
        return text if is_open else redacted(text, brokering.enterprise.name, places(brokering.enterprise))

    problems, inquiry = find_brokering_problems(session, brokering.id), find_inquiry(session, brokering.id)
    messages = find_messages(session, row.id) if talks else []
    proposals = find_proposals(session, row.id) if talks else []
    asked = find_attachments(session, "introduction", row.id) if office or belongs else []
    done = find_implementation(session, brokering.id)
    finishes = row.state == IntroductionState.AWARDED and brokering.state == BrokeringState.IMPLEMENTING and done is not None
    return Page(
        row=row,
        side=side,
        open=is_open,
        talks=talks,
        runs=runs,
        needs=[ShownNeed(problem, told(problem.text)) for problem in problems],
        question=told(inquiry.question) if inquiry is not None and talks else "",
        inquiry=inquiry if talks else None,
        criteria=find_criteria(session, brokering.id),
        proposals=proposals,
        messages=messages,
        files={one.id: find_attachments(session, introduction_talks.MESSAGE, one.id) for one in messages},
        offered={one.id: find_attachments(session, introduction_talks.PROPOSAL, one.id) for one in proposals},
        proofs=[file for file in asked if _readable(session, viewer, file)],
        links=[str(one) for one in Side if introduction_links.wanted_step(session, row, one)] if runs else [],
        may_finish=finishes and done is not None and done.finished is None and side == Side.PROVIDER,
        seen=find_last_entry(session, "introduction", row.id),
    )


@pages.get("/introductions/<public_id>")
@permission("read", "brokering")
def show(public_id: str) -> AnyResponse:
    return introduction_page(public_id)


def introduction_page(public_id: str, refused: Refused | None = None, form: str = "", link: Mapping[str, str] | None = None) -> Response:
    """The introduction; after a refusal with what was typed into `form`; with a new `link`, ready to be pasted."""
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        row = find_introduction(session, public_id, viewer) or not_found()
        values: dict[str, Any] = {"page": read_page(session, row, viewer), "rules": current_site().pilot.brokering}
        values |= {"contract": find_contract(session, row.brokering_id), "done": find_implementation(session, row.brokering_id)}
        typed = request.form if refused is not None else {}
        answer = form_page("introductions/show.html", refused=refused, typed=typed, form=form, link=link, **values, **WORDS)
    if refused is not None:
        answer.status_code = status_of(refused)
    if link is not None:
        answer.headers["Cache-Control"] = "no-store"
    return answer


def number_of(public_id: str) -> int:
    with current_site().database.reading() as session:
        return (find_introduction(session, public_id, current_viewer()) or not_found()).id


def acted(public_id: str, event: str, act: Callable[[int], object], *, anchor: str = "") -> AnyResponse:
    number = number_of(public_id)
    try:
        act(number)
    except RefusedError as error:
        return introduction_page(public_id, error.refused, event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("introductions.show", public_id=public_id, _anchor=anchor or None), 303)


def typed_answer() -> AnswerDraft:
    form = request.form
    accepts = {"yes": True, "no": False}.get(form.get("accepts", ""))
    return AnswerDraft(form.get("side", ""), accepts, form.get("reason", ""), form.get("text", ""), form.get("way", ""))


def received_files() -> list[StoredBlob]:
    return [stored for stored in (taken(field) for field in FILE_FIELDS) if stored is not None]


@pages.post("/introductions/<public_id>/answer")
@permission("answer", "brokering")
def answer(public_id: str) -> AnyResponse:
    """A side answers, or the centre writes down what it said."""
    draft = typed_answer()
    return acted(
        public_id, "answer", lambda number: actions.answer(current_site().database, number, draft, step_of(), proof=taken("proof"))
    )


@pages.post("/introductions/<public_id>/step_back")
@permission("answer", "brokering")
def step_back(public_id: str) -> AnyResponse:
    draft = typed_answer()
    return acted(public_id, "step_back", lambda number: actions.step_back(current_site().database, number, draft, step_of()))


@pages.post("/introductions/<public_id>/messages")
@permission("answer", "brokering")
def speak(public_id: str) -> AnyResponse:
    """A message, or the note of a meeting."""
    text, met = request.form.get("text", ""), typed_day(request.form.get("met_on", ""))

    def act(number: int) -> object:
        return introduction_talks.say(current_site().database, number, text, step_of(), files=received_files(), met_on=met)

    return acted(public_id, "say", act, anchor="talks")


@pages.post("/introductions/<public_id>/proposal")
@permission("answer", "brokering")
def quote(public_id: str) -> AnyResponse:
    form = request.form
    number = number_of(public_id)
    with current_site().database.reading() as session:
        criteria = [row.id for row in find_criteria(session, _brokering_of(session, number))]
    answers = {one: (form.get(f"meets_{one}", ""), form.get(f"text_{one}", "")) for one in criteria}
    valid = typed_day(form.get("valid_until", ""))
    draft = ProposalDraft(typed_fen(form.get("price_wan", "")), typed_whole(form.get("weeks", "")), form.get("scope", ""), valid, answers)

    def act(number: int) -> object:
        files = received_files()
        return introduction_talks.quote(current_site().database, number, draft, step_of(), files=files, way=form.get("way", ""))

    return acted(public_id, "quote", act, anchor="proposals")


def _brokering_of(session: Session, number: int) -> int:
    return session.get_one(Introduction, number).brokering_id


@pages.post("/introductions/<public_id>/scores")
@permission("choose", "brokering")
def score(public_id: str) -> AnyResponse:
    """Scores of one proposal; from the comparison one goes back to it."""
    fields = {name.removeprefix("score_"): value for name, value in request.form.items() if name.startswith("score_")}
    scores = {int(name): typed_whole(value) if value.strip() else None for name, value in fields.items() if name.isdigit()}
    wrong = any(value.strip() and typed_whole(value) is None for value in fields.values())
    number = number_of(public_id)
    try:
        if wrong:
            raise RefusedError(Refused("score_range", _("打分应是 0 到 {most} 的整数。"), {"most": 10}))
        introduction_talks.score(current_site().database, number, scores, step_of())
    except RefusedError as error:
        return introduction_page(public_id, error.refused, "score")
    with current_site().database.reading() as session:
        back = session.get_one(Introduction, number).brokering.public_id
    flash(say(_SAID["score"]), "good")
    return redirect(url_for("brokerings.comparison", public_id=back), 303)


@pages.post("/introductions/<public_id>/finish")
@permission("answer", "brokering")
def finish(public_id: str) -> AnyResponse:
    """The provider says that the work is done."""

    def act(number: int) -> object:
        with current_site().database.reading() as session:
            brokering_id = _brokering_of(session, number)
        return implementations.report_finish(current_site().database, brokering_id, finish_draft(), step_of())

    return acted(public_id, "finish", act)


@pages.post("/introductions/<public_id>/<any(thaw, reconsider, take_out, feedback):event>")
@permission("run", "brokering")
def run(public_id: str, event: str) -> AnyResponse:
    """What the centre does with one introduction."""
    database, why = current_site().database, request.form.get("why", "")

    def act(number: int) -> object:
        if event == "thaw":
            return actions.thaw(database, number, step_of())
        if event == "reconsider":
            return actions.reconsider(database, number, step_of())
        if event == "feedback":
            return awards.feedback(database, number, step_of(), text=why)
        return ends.take_out(database, number, step_of(), why=why)

    return acted(public_id, event, act)


@pages.post("/introductions/<public_id>/remind")
@permission("run", "brokering")
def remind(public_id: str) -> AnyResponse:
    side = request.form.get("side", "")
    return acted(public_id, "remind", lambda number: actions.remind(current_site().database, number, side, step_of()))


@pages.post("/introductions/<public_id>/link")
@permission("run", "brokering")
def make_link(public_id: str) -> AnyResponse:
    """A one-time link for a side, shown once, with the words to be pasted beside it."""
    side, number = request.form.get("side", ""), number_of(public_id)
    try:
        secret = introduction_links.make_answer_link(current_site().database, number, side, step_of())
    except RefusedError as error:
        return introduction_page(public_id, error.refused, "link")
    address = outside(url_for("answer_links.show", token=secret))
    return introduction_page(public_id, link={"side": side, "address": address})
