"""Accounts as administrators look through them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, selectinload

from marketplace.domain.access import Role
from marketplace.records.accounts import Account, Membership


def _wanted(text: str, role: Role | None) -> Select[Account]:
    query = select(Account)
    if text:
        words = [column.contains(text, autoescape=True) for column in (Account.login, Account.name, Account.email)]
        query = query.where(or_(*words))
    if role is not None:
        query = query.where(Account.memberships.any(Membership.role == role))
    return query


def find_accounts(session: Session, *, text: str = "", role: Role | None = None, offset: int = 0, most: int = 50) -> Sequence[Account]:
    """Accounts by log-in name, with their roles: three statements, however many they are."""
    loaded = selectinload(Account.memberships).joinedload(Membership.organisation)
    query = _wanted(text, role).options(loaded).order_by(Account.login)
    return session.scalars(query.offset(offset).limit(most)).all()


def count_accounts(session: Session, *, text: str = "", role: Role | None = None) -> int:
    return session.scalar(select(func.count()).select_from(_wanted(text, role).subquery())) or 0


def find_account_by_public_id(session: Session, public_id: str) -> Account | None:
    return session.scalar(select(Account).where(Account.public_id == public_id))
