"""Accounts, their memberships (a role in an organisation), their sessions and their access tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Role, Viewer
from marketplace.records.columns import PrimaryKey, PublicId, Record, Strings, UtcDateTime, stored
from marketplace.records.organisations import Organisation


class Account(Record):
    __tablename__ = "accounts"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    # Where mail goes; None until the person has confirmed an address. Several accounts may share one.
    email: Mapped[str | None] = mapped_column(String(254), index=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    disabled: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    # When a log-in was last opened; the log-ins themselves are forgotten after a day.
    last_login: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When the person asked to be forgotten and was (see actions.persons).
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    memberships: Mapped[list[Membership]] = relationship(back_populates="account", cascade="all, delete-orphan")


class Membership(Record):
    """One role of an account in an organisation. `areas` limits a park's or street's officer to its own; `rights`: see access.RIGHTS."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("account_id", "organisation_id", "role"),)

    id: Mapped[PrimaryKey]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    role: Mapped[Role] = mapped_column(stored(Role))
    areas: Mapped[Strings]
    rights: Mapped[Strings]
    account: Mapped[Account] = relationship(back_populates="memberships")
    organisation: Mapped[Organisation] = relationship()


class AccountSession(Record):
    """A log-in that can be revoked. Only the hash of its secret is kept."""

    __tablename__ = "account_sessions"

    id: Mapped[PrimaryKey]
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    seen: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked: Mapped[bool] = mapped_column(default=False)
    # From where, as the person may recognise it.
    address: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str | None] = mapped_column(String(200))
    # When a code of the second factor was given in this log-in.
    second_factor_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    account: Mapped[Account] = relationship()


class AccessToken(Record):
    """A personal token of the API (jg_…): hashed, scoped, expiring."""

    __tablename__ = "access_tokens"

    id: Mapped[PrimaryKey]
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    scopes: Mapped[Strings]
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked: Mapped[bool] = mapped_column(default=False)
    account: Mapped[Account] = relationship()


class LoginFailure(Record):
    """Failed log-ins, counted by account and by address, so that a restart forgets nothing."""

    __tablename__ = "login_failures"

    id: Mapped[PrimaryKey]
    key: Mapped[str] = mapped_column(String(128), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def find_account(session: Session, login: str) -> Account | None:
    return session.scalar(select(Account).where(Account.login == login.strip().lower()))


def find_sessions(session: Session, account_id: int, *, begun_after: datetime, seen_after: datetime) -> Sequence[AccountSession]:
    """Log-ins of an account that still hold, the last used first."""
    query = select(AccountSession).where(AccountSession.account_id == account_id, AccountSession.revoked.is_(False))
    query = query.where(AccountSession.created > begun_after, AccountSession.seen > seen_after)
    return session.scalars(query.order_by(AccountSession.seen.desc(), AccountSession.id.desc()).limit(50)).all()


def find_viewer(session: Session, account_id: int) -> Viewer | None:
    """The viewer that an account is now: roles and the records of its organisations, read afresh at each request."""
    from marketplace.records.enterprises import Enterprise
    from marketplace.records.providers import Provider

    account = session.get(Account, account_id)
    if account is None or account.disabled:
        return None
    organisations = {row.organisation_id for row in account.memberships}
    as_enterprise = {row.organisation_id for row in account.memberships if row.role == Role.ENTERPRISE}
    as_provider = {row.organisation_id for row in account.memberships if row.role == Role.PROVIDER}
    return Viewer(
        account_id=account.id,
        name=account.name,
        roles=frozenset(row.role for row in account.memberships),
        organisation_ids=frozenset(organisations),
        applicant_ids=frozenset(as_provider),
        areas=frozenset(area for row in account.memberships if row.role == Role.AREA for area in row.areas),
        rights=frozenset((row.organisation_id, right) for row in account.memberships for right in row.rights),
        enterprise_ids=frozenset(session.scalars(select(Enterprise.id).where(Enterprise.organisation_id.in_(as_enterprise)))),
        provider_ids=frozenset(session.scalars(select(Provider.id).where(Provider.organisation_id.in_(as_provider)))),
    )
