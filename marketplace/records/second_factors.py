"""Second factors of accounts. The key of the codes is made from `seed` and the site's secret key; the seed alone opens nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.records.columns import PrimaryKey, Record, UtcDateTime


class SecondFactor(Record):
    """It counts once a code of it was typed (`confirmed_at`). `last_step`: the step of the last code, so that each code is used once."""

    __tablename__ = "second_factors"

    id: Mapped[PrimaryKey]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), unique=True)
    seed: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)


class RecoveryCode(Record):
    """A code from paper, for when the telephone is lost: random and long, so its plain hash keeps it. Used once."""

    __tablename__ = "recovery_codes"

    id: Mapped[PrimaryKey]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def find_second_factor(session: Session, account_id: int) -> SecondFactor | None:
    """The factor of an account, confirmed or not."""
    return session.scalar(select(SecondFactor).where(SecondFactor.account_id == account_id))


def has_second_factor(session: Session, account_id: int) -> bool:
    confirmed = select(SecondFactor.id).where(SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None))
    return session.scalar(confirmed) is not None


def count_recovery_codes(session: Session, account_id: int) -> int:
    """How many are left."""
    unused = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0
