"""供需对接会: the list, one meeting for the offices or for a party that is invited, and what the centre does with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import meetings as actions
from marketplace.actions import meetings_invitations as invitations
from marketplace.actions import meetings_talks
from marketplace.actions.meetings_steps import MEETING, PARTY
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer, may
from marketplace.domain.introductions import AnswerDraft
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.meetings import MeetingState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import Attachment
from marketplace.records.history import find_last_entry
from marketplace.records.meetings import Meeting, MeetingParty, count_meetings, count_parties, find_meeting, find_meetings, find_talks
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.brokerings import WORDS as BROKERING_WORDS
from marketplace.web.brokerings import status_of, step_of, taken
from marketplace.web.language import say
from marketplace.web.meetings_shown import WORDS, ShownParty, own_parties, read_page, shown_talks
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, today

pages = Blueprint("meetings", __name__)
ADDRESSES[MEETING] = lambda ref: url_for("meetings.show", public_id=ref)
_CONFLICTS = frozenset(
    {
        "no_talk",
        "day_past",
        "too_early",
        "no_timetable",
        "unresolved",
        "nobody_to_invite",
        "nobody_silent",
        "not_asked_meeting",
        "paired_already",
        "gone",
    }
)


def code_of(refused: Refused) -> int:
    return 409 if refused.code in _CONFLICTS else status_of(refused)


def _proof_readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """The proof of what was written down for a party is for the centre and that party."""
    return may(viewer, "run", MEETING) or file.organisation_id in viewer.organisation_ids


READERS[PARTY] = _proof_readable


@pages.get("/meetings")
@permission("read", "meeting")
def index() -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        paging = paged(count_meetings(session, viewer), current_site().pilot.thresholds.page_size, "meetings.index")
        rows = find_meetings(session, viewer, offset=paging.offset, most=paging.size)
        counts = count_parties(session, [row.id for row in rows]) if may(viewer, "read", MEETING) else {}
        return render_template("meetings/index.html", rows=rows, counts=counts, paging=paging, **WORDS)


def readable(session: Session, public_id: str) -> Meeting:
    """The meeting, for whom it is; 404 like a missing one for others."""
    return find_meeting(session, public_id, current_viewer()) or not_found()


def number_of(public_id: str) -> int:
    with current_site().database.reading() as session:
        return readable(session, public_id).id


@pages.get("/meetings/<public_id>")
@permission("read", "meeting")
def show(public_id: str) -> Response:
    return meeting_page(public_id)


def meeting_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """The whole for the offices, its own part for a party; after a refusal with what was typed into `form`."""
    viewer = current_viewer()
    days()
    values: dict[str, Any] = {**BROKERING_WORDS, **WORDS}
    typed = request.form if refused is not None else {}
    rules = current_site().pilot.brokering
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        if may(viewer, "read", MEETING):
            page = read_page(session, meeting, viewer)
            paging = paged(len(page.talks), current_site().pilot.thresholds.page_size, "meetings.show", public_id=public_id)
            answer = form_page(
                "meetings/show.html",
                refused=refused,
                page=page,
                paging=paging,
                typed=typed,
                form=form,
                rules=rules,
                here_today=today(),
                **values,
            )
        else:
            own = [_own(session, meeting, party, viewer) for party in own_parties(session, meeting, viewer)]
            answer = form_page(
                "meetings/party.html", refused=refused, meeting=meeting, own=own, typed=typed, form=form, rules=rules, **values
            )
    if refused is not None:
        answer.status_code = code_of(refused)
    return answer


def _own(session: Session, meeting: Meeting, party: MeetingParty, viewer: Viewer) -> ShownParty:
    talks = shown_talks(session, meeting, find_talks(session, meeting.id, party_ids=[party.id]), viewer)
    answers = meeting.state == MeetingState.INVITED and invitations.may_answer_for(viewer, party)
    return ShownParty(party, talks, answers, find_last_entry(session, PARTY, party.id))


@pages.post("/meetings/<public_id>/<any(invite, begin, close, reopen, cancel, plan, remind):event>")
@permission("run", "meeting")
def run(public_id: str, event: str) -> AnyResponse:
    """What the centre decides."""
    database, number, form = current_site().database, number_of(public_id), request.form
    try:
        said = _done(event, number, form, database)
    except RefusedError as error:
        return meeting_page(public_id, error.refused, event)
    flash(said, "good")
    anchor = "talks" if event == "plan" else None
    return redirect(url_for("meetings.show", public_id=public_id, _anchor=anchor), 303)


def _done(event: str, number: int, form: Mapping[str, str], database: Any) -> str:
    step, why = step_of(), form.get("why", "")
    if event == "invite":
        return say("已邀请 {n} 家，各家已收到通知和待办。", n=invitations.invite(database, number, step))
    if event == "remind":
        return say("已催 {n} 家答复。", n=invitations.remind(database, number, step))
    if event == "plan":
        found = meetings_talks.plan(database, number, step, keep="anew" not in form, coming_only="coming" in form)
        return say(
            "已排 {placed} 场，共 {rounds} 轮；没有排上的 {left} 场。", placed=found.placed, rounds=found.rounds, left=found.left_out
        )
    if event == "begin":
        actions.begin(database, number, step)
        return say("已开始签到。")
    if event == "close":
        actions.close(database, number, step, rest_absent="rest" in form)
        return say("已总结，签约金额随对接单的合同更新。")
    if event == "reopen":
        actions.reopen(database, number, step, why=why)
        return say("已退回补记。")
    actions.cancel(database, number, step, why=why)
    return say("已取消，已邀请的各家已收到通知。")


@pages.post("/meetings/<public_id>/parties/<party>/answer")
@permission("answer", "meeting")
def answer(public_id: str, party: str) -> AnyResponse:
    """A party says whether it comes, or the centre writes down what it said."""
    viewer, form = current_viewer(), request.form
    with current_site().database.reading() as session:
        found = party_of(session, readable(session, public_id), party)
        if not (may(viewer, "answer", MEETING) or found.enterprise_id in viewer.enterprise_ids or found.provider_id in viewer.provider_ids):
            not_found()
        number = found.id
    accepts = {"yes": True, "no": False}.get(form.get("accepts", ""))
    draft = AnswerDraft("", accepts, form.get("reason", ""), form.get("text", ""), form.get("way", ""))
    try:
        invitations.answer(current_site().database, number, draft, step_of(), people=form.get("people", ""), proof=taken("proof"))
    except RefusedError as error:
        return meeting_page(public_id, error.refused, f"answer-{party}")
    flash(say("答复已记下。"), "good")
    return redirect(url_for("meetings.show", public_id=public_id), 303)


def party_of(session: Session, meeting: Meeting, public_id: str) -> MeetingParty:
    query = select(MeetingParty).where(MeetingParty.public_id == public_id, MeetingParty.meeting_id == meeting.id)
    return session.scalar(query) or not_found()
