"""What every step of a meeting shares: the lock, the guards' situation, one entry of the history, and who is told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.brokering_steps import Act, Step
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.roles import actor_of
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.meetings import TABLE, MeetingState, Situation
from marketplace.records.meetings import Meeting, MeetingParty, MeetingTalk

Row = TypeVar("Row", MeetingTalk, MeetingParty)

MEETING, PARTY, TALK = "meeting", "meeting_party", "meeting_talk"
# Steps that change nothing of what another one's form of the meeting holds.
HARMLESS = ("sign_in", "sign_out", "remind", "plan", "add", "remove")


def locked(session: Session, meeting_id: int, step: Step | None = None) -> Meeting:
    """The meeting under lock: all that changes it, its parties or its talks queues here. `step`: refuse what rests on an outdated page."""
    session.execute(select(Meeting.id).where(Meeting.id == meeting_id).with_for_update())
    meeting = session.get_one(Meeting, meeting_id, populate_existing=True)
    if step is not None:
        refuse_if_moved(session, MEETING, meeting.id, seen=step.seen, at=step.at, harmless=HARMLESS)
    return meeting


def under_lock(session: Session, kind: type[Row], number: int) -> tuple[Row, Meeting]:
    """A talk or a party with its meeting under lock, as both are now. Raises RefusedError where somebody took it out meanwhile."""
    gone = RefusedError(Refused("gone", _("这场洽谈或这一方已被移出对接会，请刷新页面。")))
    first = session.get(kind, number)
    if first is None:
        raise gone
    meeting = locked(session, first.meeting_id)
    row = session.get(kind, number, populate_existing=True)
    if row is None:
        raise gone
    return row, meeting


def must_be(meeting: Meeting, states: Collection[MeetingState]) -> None:
    if meeting.state not in states:
        raise RefusedError(Refused("wrong_state", _("现在的状态（{state}）不能这样办理。"), {"state": str(meeting.state)}))


def situation_of(session: Session, meeting: Meeting, step: Step) -> Situation:
    session.flush()
    rows = session.execute(select(MeetingTalk.round, MeetingTalk.result).where(MeetingTalk.meeting_id == meeting.id)).all()
    placed = [result for place, result in rows if place is not None]
    return Situation(step.today, meeting.day, talks=len(rows), placed=len(placed), unresolved=sum(not result for result in placed))


def move(session: Session, meeting: Meeting, event: str, step: Step, why: str = "") -> None:
    """Move a meeting by an event of its table."""
    subject, actor, roles = situation_of(session, meeting, step), actor_of(step.viewer), step.viewer.roles
    transition.apply(session, meeting, TABLE, event, actor=actor, roles=roles, at=step.at, why=why, subject=subject)


def note(
    session: Session,
    noun: str,
    number: int,
    verb: str,
    step: Act,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any],
    why: str = "",
) -> None:
    record(session, actor=actor_of(step.viewer), verb=verb, noun=noun, noun_id=number, before=before, after=after, why=why, at=step.at)


def tell(session: Session, meeting: Meeting, parties: Collection[MeetingParty], message: str, at: datetime, **values: object) -> None:
    """Everybody of these parties. What is told never names one party to another."""
    told = {"title": meeting.title, "day": meeting.day.isoformat(), **values}
    accounts = {one for party in parties for one in accounts_of_organisation(session, party.organisation_id)}
    notify(session, accounts, MEETING, message, at=at, values=told, noun=MEETING, public_ref=meeting.public_id)


def tell_officer(session: Session, meeting: Meeting, message: str, step: Step, **values: object) -> None:
    """Whoever runs the meeting, unless they did it themselves."""
    if meeting.officer_id is not None and meeting.officer_id != step.viewer.account_id:
        told = {"title": meeting.title, **values}
        notify(session, [meeting.officer_id], MEETING, message, at=step.at, values=told, noun=MEETING, public_ref=meeting.public_id)
