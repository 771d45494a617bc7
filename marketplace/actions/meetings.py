"""A meeting from its draft to its summary: what is changed of it, and its states. Who talks to whom is meetings_talks.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import Step, given, refuse_first
from marketplace.actions.meetings_steps import MEETING, locked, move, must_be, note, tell
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import must_hold
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.introductions import Answer
from marketplace.domain.lifecycle import _
from marketplace.domain.meetings import OPEN, MeetingDraft, MeetingState, Result, check
from marketplace.records.database import Database
from marketplace.records.meetings import Meeting, find_parties, find_talks

# What moves the rounds: with another value, the places of the talks hold no longer.
_TIMES = ("day", "starts", "ends", "minutes", "gap", "tables", "breaks")


def draft(database: Database, typed: MeetingDraft, step: Step) -> Meeting:
    """A meeting that only the office sees."""
    must_hold(step.viewer, "run", "meeting")
    refuse_first(check(typed, step.today))
    with database.writing() as session:
        values = _values(typed)
        meeting = Meeting(number=next_number(session, "DH", step.today.year), created=step.at, officer_id=step.viewer.account_id, **values)
        session.add(meeting)
        session.flush()
        note(session, MEETING, meeting.id, "draft", step, after={"number": meeting.number, **_told(values)})
        return meeting


def _values(typed: MeetingDraft) -> dict[str, Any]:
    values = {name: getattr(typed, name) for name in ("day", "starts", "ends", "minutes", "gap", "tables", "answer_by")}
    values |= {name: getattr(typed, name).strip() for name in ("title", "sector", "scenario_code", "venue", "note")}
    return values | {"breaks": sorted([list(one) for one in typed.breaks])}


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """As the history keeps it."""
    return {name: value.isoformat() if name in ("day", "answer_by") else value for name, value in values.items()}


def change(database: Database, meeting_id: int, typed: MeetingDraft, step: Step) -> Meeting:
    """Change it before it is held. Who has accepted already is told of another day, time or place; the places are planned anew."""
    must_hold(step.viewer, "run", "meeting")
    refuse_first(check(typed, step.today))
    with database.writing() as session:
        meeting = locked(session, meeting_id, step)
        must_be(meeting, OPEN)
        now = _values(typed)
        before = {name: getattr(meeting, name) for name in now}
        changed = [name for name in now if now[name] != before[name]]
        for name in changed:
            setattr(meeting, name, now[name])
        session.flush()
        if not changed:
            return meeting
        note(
            session, MEETING, meeting.id, "change", step,
            before=_told({name: before[name] for name in changed}), after=_told({name: now[name] for name in changed}),
        )  # fmt: skip
        if set(changed) & set(_TIMES):
            _unplace(session, meeting)
        if meeting.state == MeetingState.INVITED and set(changed) & {"day", "starts", "ends", "venue", "answer_by"}:
            _tell_changed(session, meeting, step)
        return meeting


def _unplace(session: Session, meeting: Meeting) -> None:
    for talk in find_talks(session, meeting.id):
        talk.round, talk.table, talk.left_out = None, None, ""
    meeting.planned_at = None
    session.flush()


def _tell_changed(session: Session, meeting: Meeting, step: Step) -> None:
    invited = [party for party in find_parties(session, meeting.id) if party.invited_at is not None and party.answer != Answer.DECLINED]
    tell(session, meeting, invited, _("{title}的安排有变动，请看会期 {day} 的新安排；不能来的请改答复。"), step.at)
    for party in invited:
        if party.answer == Answer.PENDING:
            ask(session, meeting, party.organisation_id, step)


def ask(session: Session, meeting: Meeting, organisation_id: int, step: Step) -> None:
    """The task of a party: to say whether it comes."""
    message = _("答复是否参加{title}（{day}）")
    values = {"title": meeting.title, "day": meeting.day.isoformat()}
    open_task(
        session, "answer_meeting", message, noun=MEETING, noun_id=meeting.id, public_ref=meeting.public_id, at=step.at, values=values,
        organisation_id=organisation_id, due=meeting.answer_by,
    )  # fmt: skip


def cancel(database: Database, meeting_id: int, step: Step, *, why: str) -> Meeting:
    """It does not take place; everybody who was invited is told why."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id, step)
        meeting.reason = given(why)
        move(session, meeting, "cancel", step, meeting.reason)
        close_tasks(session, MEETING, meeting.id, at=step.at)
        told = [party for party in find_parties(session, meeting.id) if party.invited_at is not None and party.answer != Answer.DECLINED]
        tell(session, meeting, told, _("{title}（{day}）已取消：{why}"), step.at, why=meeting.reason)
        return meeting


def begin(database: Database, meeting_id: int, step: Step) -> Meeting:
    """The day has come: who comes signs in, and results are written down."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id, step)
        move(session, meeting, "open", step)
        close_tasks(session, MEETING, meeting.id, at=step.at)
        whose: dict[str, Any] = {"account_id": meeting.officer_id}
        open_task(
            session, "close_meeting", _("记下每场洽谈的结果并总结：{title}"), noun=MEETING, noun_id=meeting.id,
            public_ref=meeting.public_id, at=step.at, values={"title": meeting.title}, due=meeting.day, **whose,
        )  # fmt: skip
        return meeting


def close(database: Database, meeting_id: int, step: Step, *, rest_absent: bool = False) -> Meeting:
    """The summary. `rest_absent`: talks without a result did not take place."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id, step)
        if rest_absent and meeting.state == MeetingState.HELD:
            for talk in find_talks(session, meeting.id):
                if talk.round is not None and not talk.result:
                    talk.result, talk.recorded_at, talk.recorded_by = str(Result.ABSENT), step.at, step.viewer.account_id
        meeting.closed_at = step.at
        move(session, meeting, "close", step)
        close_tasks(session, MEETING, meeting.id, at=step.at)
        return meeting


def reopen(database: Database, meeting_id: int, step: Step, *, why: str) -> Meeting:
    """Something was left out or is wrong."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id, step)
        meeting.closed_at = None
        move(session, meeting, "reopen", step, given(why))
        return meeting
