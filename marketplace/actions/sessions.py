"""Log-ins in use: opened, touched, ended. Whatever changes a person's password or roles ends the person's log-ins."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.domain.accounts import ABSOLUTE
from marketplace.domain.secrets import hashed
from marketplace.records.accounts import Account, AccountSession
from marketplace.records.database import Database


def open_session(session: Session, account_id: int, *, address: str, agent: str, at: datetime, second_factor: bool = False) -> str:
    """The secret of a new log-in; it goes into the cookie, only its hash into the table."""
    session.execute(delete(AccountSession).where(AccountSession.seen < at - ABSOLUTE))
    secret = secrets.token_urlsafe(32)
    row = AccountSession(secret_hash=hashed(secret), account_id=account_id, created=at, seen=at)
    row.address, row.agent, row.second_factor_at = address[:64], agent[:200], at if second_factor else None
    session.add(row)
    session.execute(update(Account).where(Account.id == account_id).values(last_login=at))
    return secret


def end_sessions(session: Session, account_id: int, *, keep: str = "") -> None:
    """Every log-in of an account is dead at its next request; `keep`: the secret of the one that stays."""
    ended = (AccountSession.account_id == account_id) & (AccountSession.secret_hash != hashed(keep))
    session.execute(update(AccountSession).where(ended).values(revoked=True))


def end_all_sessions(database: Database) -> None:
    """Everybody logs in anew: after a restoration, log-ins that had ended since the backup would live again."""
    with database.writing() as session:
        session.execute(update(AccountSession).values(revoked=True))


def log_out(database: Database, secret: str, *, now: datetime) -> None:
    """End one log-in; its cookie is dead at once."""
    with database.writing() as session:
        row = session.scalar(select(AccountSession).where(AccountSession.secret_hash == hashed(secret)))
        if row is not None and not row.revoked:
            row.revoked = True
            number = row.account_id
            record(session, actor=row.account.login, verb="log_out", noun="account", noun_id=number, before=None, after=None, at=now)


def revoke_session(database: Database, account_id: int, session_id: int, *, at: datetime) -> bool:
    """End one of the account's own log-ins. False for one that is not there or not the account's: no difference is told."""
    with database.writing() as session:
        row = session.get(AccountSession, session_id)
        if row is None or row.account_id != account_id or row.revoked:
            return False
        row.revoked = True
        after = {"address": row.address, "agent": row.agent}
        login = row.account.login
        record(session, actor=login, verb="revoke_session", noun="account", noun_id=account_id, before=None, after=after, at=at)
    return True


def touch_session(database: Database, session_id: int, *, now: datetime) -> None:
    """Note that a log-in is in use. Not history: it changes nothing that anybody owns."""
    with database.writing() as session:
        session.execute(update(AccountSession).where(AccountSession.id == session_id).values(seen=now))
