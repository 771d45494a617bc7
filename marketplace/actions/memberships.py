"""Giving and taking roles. Every change ends the person's log-ins, so that nobody goes on with what they no longer are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.sessions import end_sessions
from marketplace.domain.access import Role
from marketplace.domain.accounts import STAFF_ROLES
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.registrations import KINDS
from marketplace.records.accounts import Account, Membership
from marketplace.records.organisations import Organisation


def lock_account(session: Session, account_id: int) -> Account:
    """The account under its lock: of two changes to one person the second sees the first."""
    return session.get_one(Account, account_id, with_for_update=True, populate_existing=True)


def check_sides(held: Iterable[Role], role: Role) -> Refused | None:
    """Who works for the staff is not a party as well, under the same account."""
    held = set(held)
    if (role in KINDS and held & set(STAFF_ROLES)) or (role in STAFF_ROLES and held & set(KINDS)):
        return Refused("mixed_roles", _("一个账号不能既是工作人员或专家，又是服务商或企业的成员。请另开账号。"))
    return None


def grant(
    session: Session,
    account_id: int,
    organisation_id: int,
    role: Role,
    *,
    rights: Iterable[str],
    areas: Iterable[str] = (),
    actor: str,
    at: datetime,
    why: str = "",
) -> Membership:
    """A role in an organisation. Who holds it already gets the new rights beside the old ones."""
    account = lock_account(session, account_id)
    if refused := check_sides((row.role for row in account.memberships), role):
        raise RefusedError(refused)
    same = select(Membership).where(Membership.account_id == account_id, Membership.organisation_id == organisation_id)
    row = session.scalar(same.where(Membership.role == role))
    before = told(row) if row else None
    if row is None:
        row = Membership(account_id=account_id, organisation_id=organisation_id, role=role, rights=[], areas=[])
        session.add(row)
    row.rights = sorted({*row.rights, *rights})
    row.areas = sorted({*row.areas, *areas})
    session.flush()
    session.expire(account, ["memberships"])
    record(session, actor=actor, verb="grant", noun="account", noun_id=account_id, before=before, after=told(row), why=why, at=at)
    end_sessions(session, account_id)
    return row


def withdraw(session: Session, row: Membership, *, actor: str, at: datetime, why: str = "") -> None:
    """Take a role away."""
    account_id = row.account_id
    record(session, actor=actor, verb="ungrant", noun="account", noun_id=account_id, before=told(row), after=None, why=why, at=at)
    session.delete(row)
    session.flush()
    end_sessions(session, account_id)


def told(row: Membership) -> dict[str, Any]:
    """A membership as the history keeps it."""
    return {"organisation": row.organisation_id, "role": str(row.role), "rights": sorted(row.rights), "areas": sorted(row.areas)}


def lock_organisation(session: Session, organisation_id: int) -> Organisation:
    """The organisation under its lock: whoever counts its members counts after the change before."""
    return session.get_one(Organisation, organisation_id, with_for_update=True)
