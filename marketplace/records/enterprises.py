"""Enterprises of the pilot sectors (实施主体)."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from marketplace.records.columns import Fen, PrimaryKey, PublicId, Record, Sourced, Strings
from marketplace.records.organisations import Organisation


class Enterprise(Sourced, Record):
    """`gbt4754`: up to four digits. `above_scale_years`: years in which it was 规上. `area`: key of a park or street."""

    __tablename__ = "enterprises"
    __table_args__ = (UniqueConstraint("source", "source_ref"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), unique=True)
    sector: Mapped[str] = mapped_column(String(32), index=True)
    gbt4754: Mapped[str] = mapped_column(String(4), default="")
    above_scale_years: Mapped[Strings]
    chain_role: Mapped[str] = mapped_column(String(32), default="")
    specialised: Mapped[str] = mapped_column(String(32), default="")
    chain_place: Mapped[str] = mapped_column(String(100), default="")
    area: Mapped[str] = mapped_column(String(64), default="", index=True)
    revenue_fen: Mapped[Fen]
    staff: Mapped[int | None]
    main_products: Mapped[str] = mapped_column(Text, default="")
    # The officer of the centre who visits it.
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    organisation: Mapped[Organisation] = relationship(lazy="joined")

    @property
    def name(self) -> str:
        return self.organisation.name


def find_enterprise(session: Session, key: str) -> Enterprise | None:
    """By public id or by 统一社会信用代码."""
    return session.scalar(select(Enterprise).join(Organisation).where((Enterprise.public_id == key) | (Organisation.credit_code == key)))
