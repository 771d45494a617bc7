"""The second factor: set up, asked for at log-in, replaced. A code counts once; a wrong one is counted like a wrong password.

The key of the codes is an HMAC of the account's seed under the site's secret key: who reads the database alone cannot make
codes, and who has the key alone knows no seed.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime

import pyotp
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from marketplace.actions.accounts import LoggedIn, note_refused
from marketplace.actions.history import record
from marketplace.actions.links import LINK_DEAD, find_link, use_link
from marketplace.actions.sessions import end_sessions, open_session
from marketplace.actions.throttling import count_attempt, forget_attempts
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.second_factor import RECOVERY_CODES, STEP_SECONDS, TOLERANCE, folded_code, is_recovery_code, shown_recovery_code
from marketplace.domain.secrets import hashed
from marketplace.records.accounts import Account, AccountSession
from marketplace.records.database import Database
from marketplace.records.links import LinkKind
from marketplace.records.second_factors import RecoveryCode, SecondFactor, find_second_factor

ISSUER = "Jigai"
_WRONG = Refused("wrong_code", _("验证码不对，或已经用过。请等手机上换一个新的再填；也可以填一个没用过的恢复码。"))


def key_of(factor: SecondFactor, site_key: bytes) -> str:
    """The key that the telephone holds, in base32."""
    return base64.b32encode(hmac.digest(site_key, b"second factor:" + factor.seed.encode(), "sha256")[:20]).decode()


def address_of(factor: SecondFactor, login: str, site_key: bytes) -> str:
    """What the QR code says."""
    return pyotp.TOTP(key_of(factor, site_key)).provisioning_uri(name=login, issuer_name=ISSUER)


def begin(database: Database, account_id: int, *, at: datetime) -> None:
    """A new seed, which counts once a code of it was typed. One that counts already stays."""
    with database.writing() as session:
        session.get_one(Account, account_id, with_for_update=True)
        factor = find_second_factor(session, account_id)
        if factor is not None and factor.confirmed_at is not None:
            raise RefusedError(Refused("factor_exists", _("两步验证已经启用。要换手机，请先停用现在的。")))
        if factor is None:
            factor = SecondFactor(account_id=account_id)
            session.add(factor)
        factor.seed, factor.created = secrets.token_hex(32), at


def confirm(database: Database, account_id: int, code: str, *, site_key: bytes, keep: str, address: str, at: datetime) -> list[str]:
    """The first code proves that the telephone holds the key. The recovery codes, shown this once. All other log-ins end."""
    attempt = _count(database, account_id, address, at)
    with database.writing() as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        factor = find_second_factor(session, account_id)
        step = _step_of(factor, folded_code(code), site_key, at) if factor else None
        if factor is not None and factor.confirmed_at is None and step is not None:
            forget_attempts(session, attempt, key=_key(account_id))
            factor.confirmed_at, factor.last_step = at, step
            codes = _new_recovery_codes(session, account_id)
            end_sessions(session, account_id, keep=keep)
            this = AccountSession.secret_hash == hashed(keep)
            session.execute(update(AccountSession).where(this).values(second_factor_at=at))
            _note(session, account.login, "enable_second_factor", account_id, at)
            return codes
    raise _wrong(database, account_id, address, at)


def finish_log_in(database: Database, secret: str, code: str, *, site_key: bytes, address: str, agent: str, at: datetime) -> LoggedIn:
    """The second half of a log-in. The half-open log-in lasts ten minutes; the code decides, and a new session begins."""
    with database.reading() as session:
        link = find_link(session, LinkKind.SECOND_FACTOR, secret, at)
        account_id = link.account_id if link else None
    if account_id is None:
        raise RefusedError(LINK_DEAD)
    attempt = _count(database, account_id, address, at)
    with database.writing() as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        if not account.disabled and (how := _take_code(session, account_id, code, site_key, at)):
            use_link(session, LinkKind.SECOND_FACTOR, secret, at)
            forget_attempts(session, attempt, key=_key(account_id))
            opened = open_session(session, account_id, address=address, agent=agent, at=at, second_factor=True)
            _note(session, account.login, "log_in", account_id, at, {"address": address, "second_factor": how})
            return LoggedIn(account_id, opened)
    raise _wrong(database, account_id, address, at)


def disable(database: Database, account_id: int, code: str, *, site_key: bytes, keep: str, address: str, at: datetime) -> None:
    """Put an end to the factor, by a code of it: to change the telephone. Where factors are forced the next one is set up at once."""
    attempt = _count(database, account_id, address, at)
    with database.writing() as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        if _take_code(session, account_id, code, site_key, at):
            forget_attempts(session, attempt, key=_key(account_id))
            remove(session, account_id)
            end_sessions(session, account_id, keep=keep)
            session.execute(update(AccountSession).where(AccountSession.account_id == account_id).values(second_factor_at=None))
            _note(session, account.login, "disable_second_factor", account_id, at)
            return
    raise _wrong(database, account_id, address, at)


def renew_recovery_codes(database: Database, account_id: int, code: str, *, site_key: bytes, address: str, at: datetime) -> list[str]:
    """Ten new recovery codes; the old ones open nothing any more."""
    attempt = _count(database, account_id, address, at)
    with database.writing() as session:
        account = session.get_one(Account, account_id, with_for_update=True)
        if _take_code(session, account_id, code, site_key, at):
            forget_attempts(session, attempt, key=_key(account_id))
            _note(session, account.login, "renew_recovery_codes", account_id, at)
            return _new_recovery_codes(session, account_id)
    raise _wrong(database, account_id, address, at)


def remove(session: Session, account_id: int) -> None:
    """Take the factor and its recovery codes away, inside the caller's transaction, which writes the history."""
    session.execute(delete(SecondFactor).where(SecondFactor.account_id == account_id))
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def _take_code(session: Session, account_id: int, code: str, site_key: bytes, at: datetime) -> str:
    """Use a code up: how it was proved ("code" or "recovery_code"), or "" where it proves nothing. The account is locked by the caller."""
    typed = folded_code(code)
    if is_recovery_code(typed):
        unused = select(RecoveryCode).where(RecoveryCode.account_id == account_id, RecoveryCode.code_hash == hashed(typed))
        row = session.scalar(unused.where(RecoveryCode.used_at.is_(None)))
        if row is None:
            return ""
        row.used_at = at
        return "recovery_code"
    factor = find_second_factor(session, account_id)
    step = _step_of(factor, typed, site_key, at) if factor is not None and factor.confirmed_at is not None else None
    if factor is None or step is None:
        return ""
    factor.last_step = step
    return "code"


def _step_of(factor: SecondFactor, typed: str, site_key: bytes, at: datetime) -> int | None:
    """The step whose code was typed, if it is near enough and later than every step used."""
    codes = pyotp.TOTP(key_of(factor, site_key), interval=STEP_SECONDS)
    now = int(at.timestamp()) // STEP_SECONDS
    fitting = [step for step in range(now - TOLERANCE, now + TOLERANCE + 1) if hmac.compare_digest(codes.generate_otp(step), typed)]
    return next((step for step in fitting if step > (factor.last_step or 0)), None)


def _new_recovery_codes(session: Session, account_id: int) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    codes = [base64.b32encode(secrets.token_bytes(10)).decode() for _number in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(account_id=account_id, code_hash=hashed(code)) for code in codes)
    return [shown_recovery_code(code) for code in codes]


def _key(account_id: int) -> str:
    return f"code:{account_id}"


def _count(database: Database, account_id: int, address: str, at: datetime) -> list[int]:
    attempt = count_attempt(database, {"code": _key(account_id), "address": f"code-from:{address}"}, at)
    if isinstance(attempt, Refused):
        raise RefusedError(attempt)
    return attempt


def _wrong(database: Database, account_id: int, address: str, at: datetime) -> RefusedError:
    with database.reading() as session:
        login = session.get_one(Account, account_id).login
    note_refused(database, login, "code_failed", account_id, address, at)
    return RefusedError(_WRONG)


def _note(session: Session, actor: str, verb: str, account_id: int, at: datetime, after: dict[str, str] | None = None) -> None:
    record(session, actor=actor, verb=verb, noun="account", noun_id=account_id, before=None, after=after, at=at)
