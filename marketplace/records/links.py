"""One-time links that were mailed, and invitations: only the hash of a link's secret is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.domain.access import Role
from marketplace.records.accounts import Account
from marketplace.records.columns import PrimaryKey, PublicId, Record, Strings, UtcDateTime, stored
from marketplace.records.organisations import Organisation


class LinkKind(StrEnum):
    """What a link opens: an account, an invitation, a new password, a new address, or the second half of a log-in."""

    REGISTER = "register"
    INVITE = "invite"
    RESET = "reset"
    EMAIL = "email"
    SECOND_FACTOR = "second_factor"


class OneTimeLink(Record):
    """`thing_id`: the registration or invitation that it is about; `value`: the address that it confirms."""

    __tablename__ = "one_time_links"

    id: Mapped[PrimaryKey]
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[LinkKind] = mapped_column(stored(LinkKind))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    thing_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    value: Mapped[str] = mapped_column(String(254), default="")
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Invitation(Record):
    """Somebody is asked to become a member (`rights`: see access.RIGHTS) or one of the staff (`areas` for an area's officer)."""

    __tablename__ = "invitations"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[Role] = mapped_column(stored(Role))
    rights: Mapped[Strings]
    areas: Mapped[Strings]
    invited_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    organisation: Mapped[Organisation] = relationship()
    inviter: Mapped[Account] = relationship(foreign_keys=[invited_by])


def find_waiting_invitations(session: Session, organisation_ids: Sequence[int], at: datetime) -> Sequence[Invitation]:
    """Invitations that can still be accepted, the oldest first."""
    query = select(Invitation).where(Invitation.organisation_id.in_(organisation_ids), *_waiting(at))
    return session.scalars(query.order_by(Invitation.id)).all()


def find_waiting_staff_invitations(session: Session, roles: Sequence[Role], at: datetime) -> Sequence[Invitation]:
    return session.scalars(select(Invitation).where(Invitation.role.in_(roles), *_waiting(at)).order_by(Invitation.id).limit(200)).all()


def _waiting(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None), Invitation.expires > at)


def find_invitation(session: Session, public_id: str) -> Invitation | None:
    return session.scalar(select(Invitation).where(Invitation.public_id == public_id))
