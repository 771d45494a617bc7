"""What a person may ask for: a copy of what is kept about them, and to be erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.accounts_staff import another_administrator, lock_administrators, reason
from marketplace.actions.history import record
from marketplace.actions.memberships import lock_account
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Role, Viewer
from marketplace.domain.experts import TABLE as EXPERTS
from marketplace.domain.experts import ExpertState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.persons import EMPTIED, GONE, LOGIN, NEUTRAL_NAME, NO_PASSWORD, Marks, marks_of, replaced
from marketplace.records.accounts import Account, LoginFailure
from marketplace.records.database import Database
from marketplace.records.index_queue import enqueue
from marketplace.records.links import Invitation, OneTimeLink
from marketplace.records.persons import Traces, by_key, find_expert_of, find_rows, find_traces, text_columns
from marketplace.records.tables import metadata

# Tables whose texts can be found by searching, and as what.
_SEARCHED = {"solutions": "solution", "scenarios": "scenario", "problems": "problem", "providers": "provider", "showcases": "showcase"}


def note_copy(database: Database, account_id: int, *, viewer: Viewer, at: datetime) -> None:
    """That a person took a copy of what is kept about them."""
    with database.writing() as session:
        record(session, actor=actor_of(viewer), verb="export", noun="account", noun_id=account_id, before=None, after=None, at=at)


def marks_in(session: Session, account: Account, extra: Sequence[str]) -> Marks:
    """The words by which this person stands in the tables. An address that somebody else has as well marks nobody."""
    expert, shared = find_expert_of(session, account.id), select(Account.id).where(Account.email == account.email, Account.id != account.id)
    email = None if account.email is None or session.scalar(shared.limit(1)) else account.email
    public_ids = [account.public_id, *([expert.public_id] if expert else [])]
    return marks_of(account.id, account.login, account.name, email, public_ids=public_ids, extra=extra)


def erase(database: Database, account_id: int, extra: Sequence[str], *, viewer: Viewer, at: datetime, why: str) -> Traces:
    """Take a person out of everything but what must be kept. The account stays as a number without a name; nobody can use it again.

    Where the person stands is looked up first, so that others wait only for the writing.
    """
    must_hold(viewer, "manage", "account")
    why = reason(why)
    with database.reading() as session:
        account = session.get_one(Account, account_id)
        marks = marks_in(session, account, extra)
        traces = find_traces(session, account, marks)
    with database.writing() as session:
        lock_administrators(session)
        account = lock_account(session, account_id)
        _refuse_what_cannot_go(session, account, viewer)
        if session.get_bind().dialect.name == "sqlite":
            # What is taken away is overwritten in the file as well.
            session.connection().exec_driver_sql("PRAGMA secure_delete=ON")
        _pause_expert(session, account_id, viewer, at, why)
        login, email = account.login, account.email
        gone = _take_away(session, account_id, login, email)
        _write_anew(session, traces, marks)
        for table, values in EMPTIED.items():
            rows = metadata.tables[table]
            session.execute(update(rows).where(rows.c.account_id == account_id).values(values))
        session.refresh(account)
        account.login, account.name, account.email = f"{LOGIN}{account.public_id}", NEUTRAL_NAME, None
        account.password_hash, account.disabled, account.erased_at = NO_PASSWORD, True, at
        session.flush()
        # The names of tables and how many rows: what was erased is told nowhere.
        after: dict[str, Any] = {"gone": gone, "changed": {name: len(keys) for name, keys in sorted(traces.mine.items())}}
        record(session, actor=actor_of(viewer), verb="erase", noun="account", noun_id=account_id, before=None, after=after, why=why, at=at)
    return traces


def _refuse_what_cannot_go(session: Session, account: Account, viewer: Viewer) -> None:
    if account.erased_at is not None:
        raise RefusedError(Refused("erased", _("这个账号的个人信息已经删除。")))
    if account.id == viewer.account_id:
        raise RefusedError(Refused("own_account", _("不能删除自己的个人信息，请由另一位管理员办理。")))
    if any(row.role is Role.ADMIN for row in account.memberships):
        another_administrator(session, account.id)


def _pause_expert(session: Session, account_id: int, viewer: Viewer, at: datetime, why: str) -> None:
    """Nobody without a name is drawn for a review."""
    expert = find_expert_of(session, account_id)
    if expert is not None and expert.state is ExpertState.ACTIVE:
        transition.apply(session, expert, EXPERTS, "pause", actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)


def _take_away(session: Session, account_id: int, login: str, email: str | None) -> dict[str, int]:
    """Rows that are the person's alone; how many of each table. All log-ins end with them."""
    counts = {}
    for name in GONE:
        rows = metadata.tables[name]
        count = session.connection().execute(delete(rows).where(rows.c.account_id == account_id)).rowcount
        if count:
            counts[name] = count
    for word in (login, email):
        if word:
            ends, middle = LoginFailure.key.endswith(f":{word}", autoescape=True), LoginFailure.key.contains(f":{word}:", autoescape=True)
            session.execute(delete(LoginFailure).where(or_(ends, middle)))
    if email:
        session.execute(delete(OneTimeLink).where(OneTimeLink.value == email))
        session.execute(update(Invitation).where(Invitation.accepted_by == account_id).values(email=""))
    session.expire_all()
    return counts


def _write_anew(session: Session, traces: Traces, marks: Marks) -> None:
    """A neutral word for each of the person's, in every row that is about the person."""
    for name, keys in traces.mine.items():
        table = metadata.tables[name]
        columns, primary = text_columns(table), [key.name for key in table.primary_key]
        for row in find_rows(session, table, keys):
            changed = {}
            for column in columns:
                value = replaced(row[column.name], marks.words)
                if value != row[column.name]:
                    length = getattr(column.type, "length", None)
                    changed[column.name] = value[:length] if isinstance(value, str) and length else value
            if changed:
                session.execute(update(table).where(by_key(table, tuple(row[key] for key in primary))).values(changed))
        if name in _SEARCHED:
            enqueue(session, _SEARCHED[name], [key[0] for key in keys])
