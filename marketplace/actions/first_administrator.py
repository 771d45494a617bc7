"""Opening a real site: its first administrator, and nothing else."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from marketplace.actions.accounts import open_account
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.accounts import Account
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation


def open_first_administrator(
    database: Database, login: str, password: str, *, name: str, organisation: str, at: datetime, actor: str
) -> str:
    """The log-in of the new administrator. Refused where anybody has an account already: that site has begun."""
    if not name.strip() or len(name) > 64:
        raise RefusedError(Refused("name_missing", _("姓名没有填，或超过 64 个字符。")))
    if not organisation.strip() or len(organisation) > 200:
        raise RefusedError(Refused("organisation_missing", _("单位没有填，或超过 200 个字符。")))
    with database.writing() as session:
        count = session.scalar(select(func.count()).select_from(Account)) or 0
        if count:
            message = _("这个站点已有 {count} 个账号，没有改动。新账号请由管理员在网站上开通。")
            raise RefusedError(Refused("site_exists", message, {"count": count}))
        owner = Organisation(name=organisation.strip())
        session.add(owner)
        session.flush()
        memberships = [(owner.id, Role.ADMIN)]
        answer = open_account(session, login, password, name=name.strip(), memberships=memberships, now=at, actor=actor)
        if isinstance(answer, Refused):
            raise RefusedError(answer)
        return answer.login
