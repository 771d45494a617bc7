"""Accounts as administrators look through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from marketplace.domain.access import Role
from marketplace.records.accounts import Account, Membership
from marketplace.records.organisations import Organisation

# After so many days without a log-in an account is looked at: whose is it still?
IDLE_DAYS = 90


class Standing(StrEnum):
    """How accounts are told apart in the list."""

    USABLE = "usable"
    IDLE = "idle"
    DISABLED = "disabled"
    ERASED = "erased"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which accounts are looked for: words of log-in, name, address or unit; a role; how they stand, `at` which moment."""

    text: str = ""
    role: Role | None = None
    standing: Standing | None = None
    at: datetime | None = None


def _wanted(wanted: Wanted) -> Select[Account]:
    query = select(Account)
    if wanted.text:
        words = [column.contains(wanted.text, autoescape=True) for column in (Account.login, Account.name, Account.email)]
        of_unit = Membership.organisation.has(Organisation.name.contains(wanted.text, autoescape=True))
        query = query.where(or_(*words, Account.memberships.any(of_unit)))
    if wanted.role is not None:
        query = query.where(Account.memberships.any(Membership.role == wanted.role))
    return query if wanted.standing is None else query.where(_stands(wanted.standing, wanted.at or datetime.now(UTC)))


def _stands(standing: Standing, at: datetime) -> ColumnElement[bool]:
    usable, since = Account.disabled.is_(False), at - timedelta(days=IDLE_DAYS)
    if standing is Standing.IDLE:
        return usable & (func.coalesce(Account.last_login, Account.created) < since)
    if standing is Standing.USABLE:
        return usable
    erased = Account.erased_at.is_not(None)
    return erased if standing is Standing.ERASED else Account.disabled.is_(True) & ~erased


def find_accounts(session: Session, wanted: Wanted, *, offset: int = 0, most: int = 50) -> Sequence[Account]:
    """Accounts by log-in name, with their roles: three statements, however many they are."""
    loaded = selectinload(Account.memberships).joinedload(Membership.organisation)
    query = _wanted(wanted).options(loaded).order_by(Account.login)
    return session.scalars(query.offset(offset).limit(most)).all()


def count_accounts(session: Session, wanted: Wanted) -> int:
    return session.scalar(select(func.count()).select_from(_wanted(wanted).subquery())) or 0


def find_account_by_public_id(session: Session, public_id: str) -> Account | None:
    return session.scalar(select(Account).where(Account.public_id == public_id))
