"""The day of a meeting: the desk where those who come sign in, and the results of the talks, one round at a time."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import meetings_results as actions
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.meetings import MeetingState, Result, ResultDraft
from marketplace.guard import current_viewer, permission
from marketplace.records.meetings import find_parties, find_talks
from marketplace.site import current_site
from marketplace.web.brokerings import step_of
from marketplace.web.language import say
from marketplace.web.meetings import code_of, number_of, party_of, readable
from marketplace.web.meetings_choice import talk_number
from marketplace.web.meetings_shown import WORDS, last_entries, shown_talks, slots_of, span_text
from marketplace.web.refusals import form_page
from marketplace.web.typed import seen_still
from marketplace.web.typed_numbers import typed_fen

pages = Blueprint("meetings_day", __name__)


@pages.get("/meetings/<public_id>/desk")
@permission("run", "meeting")
def desk(public_id: str) -> Response:
    return _desk(public_id)


def _desk(public_id: str, refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        parties = [party for party in find_parties(session, meeting.id) if party.invited_at is not None]
        first: dict[int, int] = {}
        for talk in find_talks(session, meeting.id):
            for number in (talk.enterprise_party_id, talk.provider_party_id):
                if talk.round is not None:
                    first[number] = min(first.get(number, talk.round), talk.round)
        slots = slots_of(meeting)
        begins = {number: span_text(slots[place]) for number, place in first.items() if place < len(slots)}
        typed = request.form if refused is not None else {}
        answer = form_page("meetings/desk.html", refused=refused, meeting=meeting, parties=parties, begins=begins, typed=typed, **WORDS)
    if refused is not None:
        answer.status_code = code_of(refused)
    return answer


@pages.post("/meetings/<public_id>/desk")
@permission("run", "meeting")
def sign_in(public_id: str) -> AnyResponse:
    """Those who were ticked, or one by its code."""
    number, ticked, code = number_of(public_id), set(request.form.getlist("party")), request.form.get("code", "").strip()[:8]
    with current_site().database.reading() as session:
        chosen = [party.id for party in find_parties(session, number) if party.public_id in ticked] if not code else []
    try:
        new = actions.sign_in(current_site().database, number, step_of(), party_ids=chosen, code=code)
    except RefusedError as error:
        return _desk(public_id, error.refused)
    flash(say("已签到 {n} 家：{names}", n=len(new), names="、".join(party.name for party in new[:5])), "good")
    return redirect(url_for("meetings_day.desk", public_id=public_id), 303)


@pages.post("/meetings/<public_id>/parties/<party>/sign_out")
@permission("run", "meeting")
def sign_out(public_id: str, party: str) -> AnyResponse:
    with current_site().database.reading() as session:
        number = party_of(session, readable(session, public_id), party).id
    try:
        actions.sign_out(current_site().database, number, step_of())
    except RefusedError as error:
        return _desk(public_id, error.refused)
    flash(say("已撤销签到。"), "good")
    return redirect(url_for("meetings_day.desk", public_id=public_id), 303)


@dataclass(frozen=True)
class RoundShown:
    """One round in the choice of rounds. `missing`: talks of it without a result. -1: those without a place."""

    number: int
    words: str
    missing: int


@pages.get("/meetings/<public_id>/results")
@permission("run", "meeting")
def results(public_id: str) -> Response:
    return _results(public_id)


def _results(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    with current_site().database.reading() as session:
        meeting = readable(session, public_id)
        talks = find_talks(session, meeting.id)
        slots = slots_of(meeting)
        rounds = [
            RoundShown(place, span_text(slots[place]), sum(not talk.result for talk in talks if talk.round == place))
            for place in sorted({talk.round for talk in talks if talk.round is not None})
            if place < len(slots)
        ]
        if any(talk.round is None for talk in talks):
            rounds.append(RoundShown(-1, say("没有排上的"), 0))
        shown = _chosen_round(rounds)
        here = [talk for talk in talks if (-1 if talk.round is None else talk.round) == shown]
        knew = last_entries(session, "meeting_talk", [talk.id for talk in here])
        if refused is not None:
            lost = refused.code == "changed_meanwhile"
            knew = {talk.id: seen_still(knew[talk.id], lost=lost) if talk.public_id == form else knew[talk.id] for talk in here}
        answer = form_page(
            "meetings/results.html", refused=refused, meeting=meeting, rounds=rounds, shown=shown, knew=knew, form=form, results=tuple(Result),
            rows=shown_talks(session, meeting, here, current_viewer()), typed=request.form if refused is not None else {},
            writes=meeting.state == MeetingState.HELD, **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = code_of(refused)
    return answer


def _chosen_round(rounds: list[RoundShown]) -> int:
    """The one that is asked for, else the first of which a result is missing."""
    asked = request.values.get("round", "")
    found = next((one.number for one in rounds if str(one.number) == asked), None)
    if found is not None:
        return found
    missing = next((one.number for one in rounds if one.missing), None)
    return missing if missing is not None else rounds[0].number if rounds else 0


@pages.post("/meetings/<public_id>/talks/<talk>/result")
@permission("run", "meeting")
def record(public_id: str, talk: str) -> AnyResponse:
    number, form = talk_number(public_id, talk), request.form
    amount = form.get("amount_wan", "").strip()
    draft = ResultDraft(form.get("result", ""), typed_fen(amount), bool(amount), form.get("note", ""), form.get("next_step", ""))
    try:
        done = actions.record_result(current_site().database, number, draft, step_of())
    except RefusedError as error:
        return _results(public_id, error.refused, talk)
    flash(say("已记下，并进入对接单。") if done.introduction_id else say("已记下。"), "good")
    return redirect(url_for("meetings_day.results", public_id=public_id, round=form.get("round", "")[:4], _anchor=f"t-{talk}"), 303)
