"""Registrations of organisations: what an applicant typed, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.access import Role
from marketplace.domain.registrations import OPEN, RegistrationState
from marketplace.records.accounts import Account, Membership
from marketplace.records.columns import PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.files import Attachment


class Registration(Record):
    """`login`, `password_hash`: of the account that is opened once the address is confirmed (the hash then goes from here).

    `organisation_id` is known only after the confirmation: before it nothing here speaks of what the platform holds.
    """

    __tablename__ = "registrations"
    __table_args__ = (Index("ix_registrations_state_created", "state", "created"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    state: Mapped[RegistrationState] = mapped_column(stored(RegistrationState), default=RegistrationState.STARTED)
    credit_code: Mapped[str] = mapped_column(String(18), index=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(stored(Role))
    person: Mapped[str] = mapped_column(String(64))
    login: Mapped[str] = mapped_column(String(64), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    password_hash: Mapped[str] = mapped_column(String(200), default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    reason: Mapped[str] = mapped_column(Text, default="")


NOUN = "registration"
AUTHORISATION = "authorisation"


def find_registration(session: Session, public_id: str) -> Registration | None:
    return session.scalar(select(Registration).where(Registration.public_id == public_id))


def find_own_registrations(session: Session, account_id: int) -> Sequence[Registration]:
    """An applicant's registrations, the newest first."""
    return session.scalars(select(Registration).where(Registration.account_id == account_id).order_by(Registration.id.desc())).all()


def find_open_registration(session: Session, account_id: int) -> Registration | None:
    own = select(Registration).where(Registration.account_id == account_id, Registration.state.in_(OPEN))
    return session.scalar(own.order_by(Registration.id).limit(1))


def find_registrations(session: Session, state: RegistrationState | None, *, offset: int, most: int) -> Sequence[Registration]:
    """What staff look through: those of one state the oldest first, else all, the newest first. Unconfirmed addresses are nobody's business."""
    query = select(Registration).where(Registration.state != RegistrationState.STARTED)
    if state is None:
        query = query.order_by(Registration.id.desc())
    else:
        query = query.where(Registration.state == state).order_by(Registration.submitted_at, Registration.id)
    return session.scalars(query.offset(offset).limit(most)).all()


def count_by_state(session: Session) -> dict[RegistrationState, int]:
    counted = select(Registration.state, func.count()).where(Registration.state != RegistrationState.STARTED).group_by(Registration.state)
    return dict(session.execute(counted).all())


def find_authorisations(session: Session, registration_id: int) -> Sequence[Attachment]:
    """The 授权书 that counts now; there is one at most."""
    query = select(Attachment).where(Attachment.noun == NOUN, Attachment.noun_id == registration_id, Attachment.kind == AUTHORISATION)
    return session.scalars(query.where(Attachment.superseded_at.is_(None)).order_by(Attachment.id)).all()


def find_members_with_rights(session: Session, organisation_id: int) -> Sequence[Membership]:
    """The members who could let others in by themselves. JSON is looked at here: its operators differ between databases."""
    members = select(Membership).join(Account).where(Membership.organisation_id == organisation_id, Account.disabled.is_(False))
    return [row for row in session.scalars(members.order_by(Membership.id)) if "members" in row.rights]
