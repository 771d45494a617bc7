"""投诉建议: taken in from anybody, answered within the term, followed by number and code. Nothing of the person leaves its row."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import actor_of, must_hold, refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.actions.throttling import count_attempt
from marketplace.domain.access import Role, Viewer
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.complaints import (
    TABLE,
    ComplaintDraft,
    ComplaintKind,
    ComplaintRules,
    ComplaintState,
    check,
    check_complaint_text,
    handlers_of,
)
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.secrets import hashed
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.complaints import Complaint, ComplaintEntry, find_by_number
from marketplace.records.database import Database

NOUN, SERIES = "complaint", "TS"
TASK = "answer_complaint"
PUBLIC = _("公众")
CLOCK = _("到期自动办结")
# Read aloud and typed again without doubt: no 0 and O, no 1, I and L.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 10


@dataclass(frozen=True)
class Step:
    """Who acts (`ANYONE` for the public), when, by which rules. `address`: of the network, to count by; it is kept as its hash only."""

    viewer: Viewer
    at: datetime
    today: date
    rules: ComplaintRules
    words: CatalogueRules
    address: str = ""
    seen: int | None = None


@dataclass(frozen=True)
class Receipt:
    """What the writer is given, once."""

    number: str
    code: str


def receive(database: Database, draft: ComplaintDraft, step: Step) -> Receipt:
    """Take one in; the history keeps that it came, not from whom nor what it says."""
    for _field, refused in check(draft, step.words):
        raise RefusedError(refused)
    _refuse_often(database, "complaint", step)
    code = "".join(secrets.choice(_LETTERS) for _place in range(_LENGTH))
    with database.writing() as session:
        row = Complaint(
            number=next_number(session, SERIES, step.today.year), code_hash=hashed(code), kind=ComplaintKind(draft.kind), about=draft.about,
            text=draft.text.strip(), name=draft.name.strip(), contact=draft.contact.strip(), received=step.at,
        )  # fmt: skip
        session.add(row)
        session.flush()
        after = {"number": row.number, "kind": draft.kind, "about": draft.about}
        record(session, actor=PUBLIC, verb="create", noun=NOUN, noun_id=row.id, before=None, after=after, at=step.at)
        _wait(session, row, step, step.rules.take_days)
        return Receipt(row.number, code)


def opened(database: Database, number: str, code: str, step: Step) -> int | Refused:
    """The id of the complaint of this number and code. Guessing is counted, and a wrong number is answered like a wrong code."""
    if refused := _often(database, "link", step):
        return refused
    with database.reading() as session:
        row = find_by_number(session, number.strip().upper())
        given = hashed(code.strip().upper().replace(" ", ""))
        right = hmac.compare_digest(row.code_hash if row else "0" * 64, given)
        if row is None or not right:
            return Refused("no_such_complaint", _("编号或查询码不对。请核对后再试。"))
        return row.id


def take(database: Database, complaint_id: int, step: Step) -> None:
    """Somebody sees to it; the term of the answer runs since the day it came."""
    with database.writing() as session:
        row = _locked(session, complaint_id, step)
        _move(session, row, "take", step)
        row.taken_by = step.viewer.account_id
        _wait(session, row, step, step.rules.answer_days, since=row.received.astimezone(step.at.tzinfo).date())


def answer(database: Database, complaint_id: int, text: str, step: Step) -> None:
    """What the writer will read."""
    for _field, refused in check_text("text", _("答复"), text, most=5_000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        row = _locked(session, complaint_id, step)
        _move(session, row, "answer", step)
        session.add(ComplaintEntry(complaint_id=row.id, account_id=step.viewer.account_id, text=text.strip(), at=step.at))
        row.answered_on, row.due = step.today, step.today + timedelta(days=step.rules.close_days)
        close_tasks(session, NOUN, row.id, at=step.at)


def ask_again(database: Database, complaint_id: int, text: str, step: Step) -> None:
    """The writer is not content. The caller has asked for number and code."""
    for _field, refused in check_complaint_text(text, step.words):
        raise RefusedError(refused)
    _refuse_often(database, "complaint", step)
    with database.writing() as session:
        row = session.get_one(Complaint, complaint_id, with_for_update=True)
        transition.apply(session, row, TABLE, "ask_again", actor=PUBLIC, roles={Role.ADMIN}, at=step.at)
        session.add(ComplaintEntry(complaint_id=row.id, text=text.strip(), at=step.at))
        _wait(session, row, step, step.rules.answer_days)


def close(database: Database, complaint_id: int, step: Step) -> None:
    with database.writing() as session:
        row = _locked(session, complaint_id, step)
        _move(session, row, "close", step)
        row.closed_on, row.due = step.today, None


def close_answered_complaints(session: Session, today: date, at: datetime) -> None:
    """Daily: what was answered and not asked about again is closed."""
    over = select(Complaint).where(Complaint.state == ComplaintState.ANSWERED, Complaint.due < today)
    for row in session.scalars(over.order_by(Complaint.id)).all():
        transition.apply(session, row, TABLE, "close", actor=CLOCK, roles={Role.ADMIN}, at=at)
        row.closed_on, row.due = today, None


def _wait(session: Session, row: Complaint, step: Step, days: int, *, since: date | None = None) -> None:
    """Until when the offices have their next step."""
    row.due = term(since or step.today, days, find_calendar(session)).due
    close_tasks(session, NOUN, row.id, at=step.at)
    message = _("{number}：受理并答复投诉建议")
    open_task(
        session, TASK, message, noun=NOUN, noun_id=row.id, public_ref=row.public_id, at=step.at, values={"number": row.number},
        roles=_roles(row.about), due=row.due,
    )  # fmt: skip


def _roles(about: str) -> Iterable[Role]:
    return handlers_of(about) - {Role.ADMIN}


def _locked(session: Session, complaint_id: int, step: Step) -> Complaint:
    must_hold(step.viewer, "handle", NOUN)
    row = session.get_one(Complaint, complaint_id, with_for_update=True, populate_existing=True)
    refuse_unless(bool(step.viewer.roles & handlers_of(row.about)))
    refuse_if_moved(session, NOUN, row.id, seen=step.seen, at=step.at)
    return row


def _move(session: Session, row: Complaint, event: str, step: Step) -> None:
    roles = step.viewer.roles & handlers_of(row.about)
    transition.apply(session, row, TABLE, event, actor=actor_of(step.viewer), roles=roles, at=step.at)


def _often(database: Database, kind: str, step: Step) -> Refused | None:
    counted = count_attempt(database, {kind: f"{NOUN}:{kind}:{hashed(step.address)[:32]}"}, step.at)
    return counted if isinstance(counted, Refused) else None


def _refuse_often(database: Database, kind: str, step: Step) -> None:
    if refused := _often(database, kind, step):
        raise RefusedError(refused)
