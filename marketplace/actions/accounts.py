"""What changes accounts: opening one, logging in and out, passwords, and personal tokens of the API."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.passwords import check_password, fits, hash_password, is_outdated
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, _
from marketplace.records.accounts import AccessToken, Account, AccountSession, LoginFailure, Membership, find_account
from marketplace.records.database import Database

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
WINDOW = timedelta(minutes=5)
# Wrong passwords allowed within WINDOW, for one account, for one address and for the whole site.
LIMITS = {"account": 10, "address": 10, "site": 1000}
_ADVISORY_LOCK = 7_110_252
TOKEN_PREFIX = "jg_"
SCOPES = ("read", "import")


@dataclass(frozen=True)
class LoggedIn:
    """A new log-in: its secret goes into the cookie, only its hash into the table."""

    account_id: int
    secret: str


def hashed(secret: str) -> str:
    """Secrets are random and long, so a plain SHA-256 keeps them."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _note(session: Session, now: datetime, actor: str, verb: str, account_id: int, after: dict[str, object] | None = None) -> None:
    record(session, actor=actor, verb=verb, noun="account", noun_id=account_id, before=None, after=after, at=now)


def open_account(
    session: Session, login: str, password: str, *, name: str, memberships: Iterable[tuple[int, Role]], now: datetime, actor: str
) -> Account | Refused:
    """A new account with its roles in organisations, inside the caller's transaction. `actor` is a log-in name or a command."""
    login = login.strip().lower()
    if not login or len(login) > 64:
        return Refused("login_missing", _("账号没有填，或超过 64 个字符。"))
    if find_account(session, login) is not None:
        return Refused("login_taken", _("账号“{login}”已经有人用了，请换一个。"), {"login": login})
    refused = check_password(password, login)
    if refused is not None:
        return refused
    account = Account(login=login, name=name, password_hash=hash_password(password), created=now)
    account.memberships = [Membership(organisation_id=organisation, role=role, areas=[]) for organisation, role in memberships]
    session.add(account)
    session.flush()
    _note(session, now, actor, "open", account.id, {"login": login, "roles": sorted({row.role for row in account.memberships})})
    return account


def _fits(known_hash: str | None, password: str) -> bool:
    """A password too long to be one is checked as nobody's, in the same time."""
    return fits(known_hash if len(password) <= 128 else None, password[:128])


def _refuse_if_throttled(database: Database, keys: dict[str, str], now: datetime) -> Refused | list[int]:
    """Count this attempt before its password is looked at, so that parallel attempts cannot slip past the limit.

    The count and the new rows are one transaction; a right password takes its own rows away again.
    """
    with database.writing() as session:
        # SQLite has one writer at a time by itself; elsewhere attempts must queue here, or each would count without the others.
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        session.execute(delete(LoginFailure).where(LoginFailure.at < now - timedelta(hours=1)))
        for kind, key in keys.items():
            recent = select(func.count(), func.min(LoginFailure.at)).where(LoginFailure.key == key, LoginFailure.at > now - WINDOW)
            count, first = session.execute(recent).one()
            if count >= LIMITS[kind]:
                wait = max(1, int((first + WINDOW - now).total_seconds()))
                sentence = _("密码试错次数太多，请 {minutes} 分钟后再试。")
                return Refused("too_many_attempts", sentence, {"minutes": -(-wait // 60), "seconds": wait})
        rows = [LoginFailure(key=key, at=now) for key in keys.values()]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def log_in(database: Database, login: str, password: str, *, address: str, now: datetime) -> LoggedIn | Refused:
    """A new session for the right password. An unknown, disabled or wrongly named account gets the same answer in the same time."""
    login = login.strip().lower()[:64]
    attempt = _refuse_if_throttled(database, {"account": f"account:{login}", "address": f"address:{address}", "site": "site"}, now)
    if isinstance(attempt, Refused):
        return attempt
    with database.reading() as session:
        account = find_account(session, login)
        account_id, known_hash = (account.id, account.password_hash) if account and not account.disabled else (None, None)
    # Checking takes a tenth of a second on purpose; it must not happen inside a transaction that others wait for.
    if not _fits(known_hash, password) or account_id is None or known_hash is None:
        return Refused("wrong_password", _("账号或密码不对。请核对后再试；忘记密码请联系管理员。"))
    with database.writing() as session:
        session.execute(delete(LoginFailure).where(LoginFailure.id.in_(attempt) | (LoginFailure.key == f"account:{login}")))
        session.execute(delete(AccountSession).where(AccountSession.seen < now - ABSOLUTE))
        if is_outdated(known_hash):
            session.execute(update(Account).where(Account.id == account_id).values(password_hash=hash_password(password)))
        secret = secrets.token_urlsafe(32)
        session.add(AccountSession(secret_hash=hashed(secret), account_id=account_id, created=now, seen=now))
        _note(session, now, login, "log_in", account_id)
    return LoggedIn(account_id, secret)


def log_out(database: Database, secret: str, *, now: datetime) -> None:
    """End one log-in; its cookie is dead at once."""
    with database.writing() as session:
        row = session.scalar(select(AccountSession).where(AccountSession.secret_hash == hashed(secret)))
        if row is not None and not row.revoked:
            row.revoked = True
            _note(session, now, row.account.login, "log_out", row.account_id)


def touch_session(database: Database, session_id: int, *, now: datetime) -> None:
    """Note that a log-in is in use. Not history: it changes nothing that anybody owns."""
    with database.writing() as session:
        session.execute(update(AccountSession).where(AccountSession.id == session_id).values(seen=now))


def change_password(database: Database, account_id: int, old: str, new: str, *, keep: str, now: datetime) -> Refused | None:
    """A new password for the right old one; every other log-in of the account ends. `keep` is the secret of this one."""
    with database.reading() as session:
        account = session.get_one(Account, account_id)
        login, known_hash = account.login, account.password_hash
    attempt = _refuse_if_throttled(database, {"account": f"account:{login}"}, now)
    if isinstance(attempt, Refused):
        return attempt
    if not _fits(known_hash, old):
        return Refused("wrong_password", _("现在的密码不对，没有修改。"))
    refused = check_password(new, login)
    if refused is None and old == new:
        refused = Refused("password_same", _("新密码和现在的一样，没有修改。"))
    new_hash = hash_password(new) if refused is None else ""
    with database.writing() as session:
        session.execute(delete(LoginFailure).where(LoginFailure.id.in_(attempt)))
        if refused is not None:
            return refused
        session.execute(update(Account).where(Account.id == account_id).values(password_hash=new_hash))
        others = (AccountSession.account_id == account_id) & (AccountSession.secret_hash != hashed(keep))
        session.execute(update(AccountSession).where(others).values(revoked=True))
        _note(session, now, login, "change_password", account_id)
    return None


def create_token(database: Database, account_id: int, *, scopes: Iterable[str], days: int, now: datetime) -> str | Refused:
    """A personal token of the API. The returned secret is shown once; the table keeps its hash."""
    wanted = [scope for scope in SCOPES if scope in set(scopes)]
    if not wanted:
        return Refused("scope_missing", _("令牌的用途没有选，至少选一项。"))
    if not 1 <= days <= 365:
        return Refused("days_out_of_range", _("有效期为 1 至 365 天，现在是 {days} 天。"), {"days": days})
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with database.writing() as session:
        account = session.get_one(Account, account_id)
        count = session.scalar(
            select(func.count()).select_from(AccessToken).where(AccessToken.account_id == account_id, AccessToken.revoked.is_(False))
        )
        if (count or 0) >= 20:
            return Refused("too_many_tokens", _("有效的令牌已有 20 个，请先停用不再使用的。"))
        row = AccessToken(secret_hash=hashed(secret), account_id=account_id, scopes=wanted, created=now, expires=now + timedelta(days=days))
        session.add(row)
        session.flush()
        _note(session, now, account.login, "create_token", account_id, {"token": row.id, "scopes": wanted, "days": days})
    return secret


def revoke_token(database: Database, account_id: int, token_id: int, *, now: datetime) -> bool:
    """Stop one of the account's own tokens. False for a token that is not there or not the account's: no difference is told."""
    with database.writing() as session:
        row = session.get(AccessToken, token_id)
        if row is None or row.account_id != account_id or row.revoked:
            return False
        row.revoked = True
        _note(session, now, row.account.login, "revoke_token", account_id, {"token": token_id})
    return True
