"""报名: whoever is logged in takes a seat or a place in the queue, gives it back, and says what it was worth.

Seats are counted in the event's own row, which every sign-up locks; the database itself refuses more than there are.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.centre_steps import Step, locked, move, note, refuse_first
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import notify
from marketplace.actions.roles import must_hold, refuse_unless
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.sign_ups import HAS_SEAT, TABLE, SignUpState, check_attendance, check_cancel, check_feedback, check_sign_up
from marketplace.records.database import Database
from marketplace.records.events import Event, SignUp, find_sign_up, find_waiting_first

NOUN, EVENT = "sign_up", "event"
# The platform itself hands on a seat that was given back.
CLOCK = "名额递补"


def sign_up(database: Database, event_id: int, organisation_id: int, step: Step) -> SignUp:
    """For one of the person's own organisations: a seat where there is one, else the end of the queue."""
    viewer = step.viewer
    refuse_unless(viewer.account_id is not None and organisation_id in viewer.organisation_ids)
    assert viewer.account_id is not None
    with database.writing() as session:
        event = locked(session, Event, event_id, EVENT, Step(viewer, step.at, step.today))
        if refused := check_sign_up(event.state, event.sign_up_until, step.at):
            raise RefusedError(refused)
        own = find_sign_up(session, event.id, viewer.account_id)
        if own is not None and own.state != SignUpState.CANCELLED:
            raise RefusedError(Refused("signed_up_already", _("您已经报过名了。")))
        seated = take_seat(session, event)
        if own is None:
            state = SignUpState.SEATED if seated else SignUpState.WAITING
            own = SignUp(event_id=event.id, account_id=viewer.account_id, organisation_id=organisation_id, state=state, at=step.at)
            session.add(own)
            session.flush()
            note(session, NOUN, own.id, "create", step, None, {"event": event.number, "state": str(state)})
        else:
            own.organisation_id, own.at = organisation_id, step.at
            move(session, own, TABLE, "seat" if seated else "queue", step)
        return own


def cancel(database: Database, event_id: int, step: Step) -> SignUp:
    """Give back one's own seat or place in the queue; the first of those who wait is seated."""
    refuse_unless(step.viewer.account_id is not None)
    with database.writing() as session:
        event = locked(session, Event, event_id, EVENT, Step(step.viewer, step.at, step.today))
        own = find_sign_up(session, event.id, step.viewer.account_id)
        if own is None:
            raise RefusedError(Refused("not_signed_up", _("您没有报名这场活动。")))
        if refused := check_cancel(event.state, event.starts, step.at):
            raise RefusedError(refused)
        had_seat = own.state in HAS_SEAT
        move(session, own, TABLE, "cancel", step)
        if had_seat:
            session.execute(update(Event).where(Event.id == event.id).values(taken=Event.taken - 1))
            session.refresh(event, attribute_names=["taken"])
            hand_on(session, event, step)
        return own


def mark(database: Database, event_id: int, sign_up_id: int, step: Step, *, came: bool) -> SignUp:
    """The centre notes who was there."""
    must_hold(step.viewer, "manage", EVENT)
    with database.writing() as session:
        event = locked(session, Event, event_id, EVENT, Step(step.viewer, step.at, step.today))
        if refused := check_attendance(event.state, event.starts, step.at):
            raise RefusedError(refused)
        row = session.scalars(select(SignUp).where(SignUp.id == sign_up_id, SignUp.event_id == event.id)).one()
        move(session, row, TABLE, "attend" if came else "miss", step)
        return row


def rate(database: Database, event_id: int, score: int | None, text: str, step: Step) -> SignUp:
    """Whoever was there says what it was worth, once or again."""
    refuse_unless(step.viewer.account_id is not None)
    with database.writing() as session:
        event = session.get_one(Event, event_id)
        own = find_sign_up(session, event.id, step.viewer.account_id)
        if own is None:
            raise RefusedError(Refused("not_signed_up", _("您没有报名这场活动。")))
        session.refresh(own, with_for_update={"of": SignUp})
        refuse_first(check_feedback(event.state, own.state, score, text))
        refuse_if_moved(session, NOUN, own.id, seen=step.seen, at=step.at)
        before = None if own.feedback_at is None else {"score": own.score, "comment": own.comment}
        own.score, own.comment, own.feedback_at = score, text.strip(), step.at
        session.flush()
        note(session, NOUN, own.id, "evaluate", step, before, {"score": own.score, "comment": own.comment})
        return own


def take_seat(session: Session, event: Event) -> bool:
    """One seat more is given, if there is one. Asked and written in one statement."""
    free = update(Event).where(Event.id == event.id, Event.taken < Event.seats).values(taken=Event.taken + 1)
    done = cast("CursorResult[object]", session.execute(free, execution_options={"synchronize_session": False}))
    session.refresh(event, attribute_names=["taken"])
    return done.rowcount == 1


def hand_on(session: Session, event: Event, step: Step) -> None:
    """Seats that are free go to those who have waited longest, and they are told."""
    session.flush()
    while (first := find_waiting_first(session, event.id)) is not None and take_seat(session, event):
        transition.apply(session, first, TABLE, "seat", actor=CLOCK, roles={Role.ADMIN}, at=step.at)
        message = _("您候补的“{title}”有了名额，已为您报上。不能参加请取消，名额会给下一位。")
        notify(
            session, [first.account_id], EVENT, message, at=step.at, values={"title": event.title}, noun=EVENT, public_ref=event.public_id
        )
