"""Counting attempts in the database, so that a restart forgets nothing and all processes count together."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from marketplace.domain.lifecycle import Refused, _
from marketplace.records.accounts import LoginFailure
from marketplace.records.database import Database

WINDOW = timedelta(minutes=5)
# Attempts allowed within WINDOW: of one account, in one browser that it has used before, from one address, in the whole site;
# codes of one account; mails to one address; tries of one link; letters that one person lets go out; complaints from one address.
LIMITS = {"account": 10, "device": 10, "address": 10, "site": 1000, "code": 10, "mail": 3, "link": 10, "letters": 40, "complaint": 3}
_ADVISORY_LOCK = 7_110_252


def count_attempt(database: Database, keys: dict[str, str], now: datetime) -> Refused | list[int]:
    """Count this attempt before it is looked at, so that parallel attempts cannot slip past the limit. `keys`: kind → whose.

    The count and the new rows are one transaction; what turns out to be right takes its own rows away again.
    """
    with database.writing() as session:
        # SQLite has one writer at a time by itself; elsewhere attempts must queue here, or each would count without the others.
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        session.execute(delete(LoginFailure).where(LoginFailure.at < now - timedelta(hours=1)))
        for kind, key in keys.items():
            recent = select(func.count(), func.min(LoginFailure.at)).where(LoginFailure.key == key[:128], LoginFailure.at > now - WINDOW)
            count, first = session.execute(recent).one()
            if count >= LIMITS[kind]:
                wait = max(1, int((first + WINDOW - now).total_seconds()))
                return Refused("too_many_attempts", _WAIT[kind], {"minutes": -(-wait // 60), "seconds": wait})
        rows = [LoginFailure(key=key[:128], at=now) for key in keys.values()]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def forget_attempts(session: Session, attempt: list[int], *, key: str = "") -> None:
    """This attempt was right: it does not count, nor do the earlier ones of the same `key`."""
    session.execute(delete(LoginFailure).where(LoginFailure.id.in_(attempt)))
    if key:
        session.execute(delete(LoginFailure).where(LoginFailure.key == key))


_PASSWORDS = _("密码试错次数太多，请 {minutes} 分钟后再试。")
_OFTEN = _("短时间内提交的次数太多，请 {minutes} 分钟后再试。")
_WAIT = {
    "account": _PASSWORDS,
    "device": _PASSWORDS,
    "address": _PASSWORDS,
    "site": _PASSWORDS,
    "code": _("验证码试错次数太多，请 {minutes} 分钟后再试。"),
}
_WAIT |= {"mail": _OFTEN, "link": _OFTEN, "letters": _OFTEN, "complaint": _OFTEN}
