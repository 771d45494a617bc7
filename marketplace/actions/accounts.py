"""What changes accounts: opening one, logging in, passwords, and personal tokens of the API."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.links import make_link
from marketplace.actions.passwords import check_password, fits, hash_password, is_outdated
from marketplace.actions.sessions import end_sessions, open_session
from marketplace.actions.throttling import count_attempt, forget_attempts
from marketplace.domain.access import RIGHTS, Role
from marketplace.domain.accounts import check_login, folded_login
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.secrets import hashed
from marketplace.records.accounts import AccessToken, Account, Membership, find_account
from marketplace.records.database import Database
from marketplace.records.links import LinkKind
from marketplace.records.second_factors import has_second_factor

TOKEN_PREFIX = "jg_"
SCOPES = ("read", "write", "import")
# What is typed as a log-in name may be a password typed into the wrong field: only names of accounts are written down.
UNKNOWN_ACCOUNT = "（未知账号）"


@dataclass(frozen=True)
class LoggedIn:
    """A new log-in: its secret goes into the cookie, only its hash into the table."""

    account_id: int
    secret: str


@dataclass(frozen=True)
class CodeNeeded:
    """The password was right; a code of the second factor is still to come, with this secret."""

    secret: str


def _note(session: Session, now: datetime, actor: str, verb: str, account_id: int, after: dict[str, object] | None = None) -> None:
    record(session, actor=actor, verb=verb, noun="account", noun_id=account_id, before=None, after=after, at=now)


def open_account(
    session: Session,
    login: str,
    password: str,
    *,
    name: str,
    memberships: Iterable[tuple[int, Role]],
    now: datetime,
    actor: str,
    email: str | None = None,
) -> Account | Refused:
    """A new account with its roles in organisations, inside the caller's transaction. `actor` is a log-in name or a command."""
    login = folded_login(login)
    refused = check_login(login) or _taken(session, login) or check_password(password, login)
    if refused is not None:
        return refused
    account = add_account(session, login, hash_password(password), name=name, email=email, now=now)
    if isinstance(account, Refused):
        return account
    for organisation, role in memberships:
        account.memberships.append(Membership(organisation_id=organisation, role=role, areas=[], rights=list(RIGHTS)))
    session.flush()
    _note(session, now, actor, "open", account.id, {"login": login, "roles": sorted({row.role for row in account.memberships})})
    return account


def _taken(session: Session, login: str) -> Refused | None:
    if find_account(session, login) is None:
        return None
    return Refused("login_taken", _("账号“{login}”已经有人用了，请换一个。"), {"login": login})


def add_account(session: Session, login: str, password_hash: str, *, name: str, email: str | None, now: datetime) -> Account | Refused:
    """The row of a new account, without a role. Of two who take the same name at once, the second is told that it is taken."""
    refused = _taken(session, login)
    if refused is not None:
        return refused
    account = Account(login=login, name=name, email=email, password_hash=password_hash, created=now, memberships=[])
    try:
        with session.begin_nested():
            session.add(account)
    except IntegrityError:
        return _taken(session, login) or Refused("login_taken", _("账号“{login}”已经有人用了，请换一个。"), {"login": login})
    return account


def is_password(known_hash: str | None, password: str) -> bool:
    """A password too long to be one is checked as nobody's, in the same time."""
    return fits(known_hash if len(password) <= 128 else None, password[:128])


def log_in(
    database: Database, login: str, password: str, *, address: str, now: datetime, agent: str = "", device: str = ""
) -> LoggedIn | CodeNeeded | Refused:
    """A new session for the right password. An unknown, disabled or wrongly named account gets the same answer in the same time.

    `device`: a browser in which this account has logged in before. Its tries are counted apart: those of others lock nobody out.
    """
    login = folded_login(login)[:64]
    counted = {"account": f"account:{login}", "address": f"address:{address}", "site": "site"}
    if device:
        counted = {"device": f"device:{login}:{device}"}
    attempt = count_attempt(database, counted, now)
    if isinstance(attempt, Refused):
        return attempt
    with database.reading() as session:
        account = find_account(session, login)
        known_id = account.id if account else None
        account_id, known_hash = (account.id, account.password_hash) if account and not account.disabled else (None, None)
    # Checking takes a tenth of a second on purpose; it must not happen inside a transaction that others wait for.
    if not is_password(known_hash, password) or account_id is None or known_hash is None:
        refused = Refused("wrong_password", _("账号或密码不对。请核对后再试；忘记密码可以用邮箱重设。"))
        note_refused(database, login if known_id else UNKNOWN_ACCOUNT, "log_in_failed", known_id, address, now)
        return refused
    with database.writing() as session:
        forget_attempts(session, attempt, key=next(iter(counted.values())))
        if is_outdated(known_hash):
            session.execute(update(Account).where(Account.id == account_id).values(password_hash=hash_password(password)))
        if has_second_factor(session, account_id):
            return CodeNeeded(make_link(session, LinkKind.SECOND_FACTOR, at=now, account_id=account_id))
        secret = open_session(session, account_id, address=address, agent=agent, at=now)
        _note(session, now, login, "log_in", account_id, {"address": address})
    return LoggedIn(account_id, secret)


def note_refused(database: Database, actor: str, verb: str, account_id: int | None, address: str, now: datetime) -> None:
    """Write down a log-in that was refused, whether there is such an account or not."""
    with database.writing() as session:
        after = {"address": address}
        record(session, actor=actor, verb=verb, noun="account", noun_id=account_id, before=None, after=after, at=now)


def change_password(database: Database, account_id: int, old: str, new: str, *, keep: str, now: datetime) -> Refused | None:
    """A new password for the right old one; every other log-in of the account ends. `keep` is the secret of this one."""
    with database.reading() as session:
        account = session.get_one(Account, account_id)
        login, known_hash = account.login, account.password_hash
    attempt = count_attempt(database, {"account": f"account:{login}"}, now)
    if isinstance(attempt, Refused):
        return attempt
    if not is_password(known_hash, old):
        return Refused("wrong_password", _("现在的密码不对，没有修改。"))
    refused = check_password(new, login)
    if refused is None and old == new:
        refused = Refused("password_same", _("新密码和现在的一样，没有修改。"))
    new_hash = hash_password(new) if refused is None else ""
    with database.writing() as session:
        forget_attempts(session, attempt)
        if refused is not None:
            return refused
        session.execute(update(Account).where(Account.id == account_id).values(password_hash=new_hash))
        end_sessions(session, account_id, keep=keep)
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
