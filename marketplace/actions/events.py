"""培训与活动: the centre writes them, opens and closes the sign-up, and sums up what they came to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.centre_steps import Step, changed, locked, move, note, refuse_first, refuse_without_reason
from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import must_hold
from marketplace.actions.sign_ups import hand_on
from marketplace.domain.access import Role
from marketplace.domain.centre_rules import CentreRules
from marketplace.domain.events import AHEAD, TABLE, WITH_REASON, EventDraft, EventState, Standing, check, check_seats
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.sign_ups import SignUpState
from marketplace.domain.texts import check_text
from marketplace.records.database import Database
from marketplace.records.events import Event, SignUp

NOUN, SERIES = "event", "HD"
# The platform itself closes the sign-up when its time is over.
CLOCK = "到期自动截止"
FIELDS = ("kind", "title", "text", "place", "host", "speakers", "starts", "ends", "sign_up_until", "seats")
# Whoever has signed up is told of these.
_TOLD = frozenset({"place", "starts", "ends"})


def create(database: Database, draft: EventDraft, step: Step, rules: CentreRules) -> Event:
    """An event that only the centre sees yet."""
    must_hold(step.viewer, "manage", NOUN)
    _refuse_faults(draft, rules)
    with database.writing() as session:
        number = next_number(session, SERIES, step.today.year)
        event = Event(number=number, created_by=step.viewer.account_id, created=step.at, **_values(draft))
        session.add(event)
        session.flush()
        note(session, NOUN, event.id, "create", step, None, {"number": number, **_values(draft)})
        return event


def change(database: Database, event_id: int, draft: EventDraft, step: Step, rules: CentreRules) -> Event:
    """Until it is held or cancelled. More seats go to those who wait; a new time or place is told to those who come."""
    must_hold(step.viewer, "manage", NOUN)
    _refuse_faults(draft, rules)
    with database.writing() as session:
        event = locked(session, Event, event_id, NOUN, step)
        if event.state not in AHEAD | {EventState.DRAFT}:
            raise RefusedError(Refused("event_over", _("活动已举办或已取消，不能再改。")))
        if refused := check_seats(draft.seats or 0, event.taken):
            raise RefusedError(refused)
        before = {name: getattr(event, name) for name in FIELDS}
        after = changed(before, _values(draft))
        for name, value in after.items():
            setattr(event, name, value)
        if after:
            session.flush()
            note(session, NOUN, event.id, "change", step, {name: before[name] for name in after}, after)
            if event.state in AHEAD:
                if set(after) & _TOLD:
                    _tell_signed_up(session, event, _("您报名的“{title}”改了时间或地点，请看活动页。"), step.at)
                hand_on(session, event, step)
        return event


def advance(database: Database, event_id: int, event_name: str, step: Step, *, why: str = "") -> Event:
    """Open, close or reopen the sign-up; note that it was held, or call it off."""
    refuse_without_reason(event_name, why, WITH_REASON)
    with database.writing() as session:
        event = locked(session, Event, event_id, NOUN, step)
        move(session, event, TABLE, event_name, step, why=why, subject=Standing(step.at, event.starts, event.sign_up_until))
        if event_name == "publish":
            message = _("新的活动开放报名：{title}。")
            _tell(session, accounts_of_roles(session, {Role.ENTERPRISE, Role.PROVIDER, Role.AREA}), event, message, step.at)
        elif event_name == "cancel":
            _tell_signed_up(session, event, _("您报名的“{title}”已取消：{why}"), step.at, why=why.strip())
        elif event_name == "hold":
            _tell_signed_up(session, event, _("“{title}”已举办，参加过的请在活动页评价。"), step.at, states={SignUpState.ATTENDED})
        return event


def sum_up(database: Database, event_id: int, text: str, step: Step) -> Event:
    """What an event that was held came to, for everybody to read."""
    must_hold(step.viewer, "manage", NOUN)
    refuse_first(check_text("summary", _("活动小结"), text, most=20_000, required=True))
    with database.writing() as session:
        event = locked(session, Event, event_id, NOUN, step)
        if event.state != EventState.HELD:
            raise RefusedError(Refused("not_held", _("登记为已举办后才写小结。")))
        if text.strip() != event.summary:
            before, event.summary = event.summary, text.strip()
            session.flush()
            note(session, NOUN, event.id, "sum_up", step, {"summary": before}, {"summary": event.summary})
        return event


def close_ended_sign_ups(session: Session, today: date, at: datetime) -> None:
    """Daily: the sign-up whose time is over is closed."""
    over = select(Event).where(Event.state == EventState.OPEN, Event.sign_up_until <= at)
    for event in session.scalars(over.order_by(Event.id)).all():
        transition.apply(session, event, TABLE, "close", actor=CLOCK, roles={Role.ADMIN}, at=at)


def _tell_signed_up(
    session: Session,
    event: Event,
    message: str,
    at: datetime,
    states: Iterable[SignUpState] = (SignUpState.SEATED, SignUpState.WAITING),
    **values: Any,
) -> None:
    people = select(SignUp.account_id).where(SignUp.event_id == event.id, SignUp.state.in_(list(states)))
    _tell(session, session.scalars(people).all(), event, message, at, **values)


def _tell(session: Session, accounts: Iterable[int], event: Event, message: str, at: datetime, **values: Any) -> None:
    notify(session, accounts, NOUN, message, at=at, values={"title": event.title, **values}, noun=NOUN, public_ref=event.public_id)


def _refuse_faults(draft: EventDraft, rules: CentreRules) -> None:
    refuse_first(check(draft, kinds=[row.key for row in rules.event_kinds], most_seats=rules.most_seats))


def _values(draft: EventDraft) -> dict[str, Any]:
    return {name: value.strip() if isinstance(value := getattr(draft, name), str) else value for name in FIELDS}
