"""Who is told what of a brokering. What goes to a provider never says whose need it is; the page shows that once both accepted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import BROKERING, INTRODUCTION
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.domain.access import Role
from marketplace.domain.introductions import Side
from marketplace.records.brokerings import Brokering
from marketplace.records.introductions import Introduction


def tell_enterprise(session: Session, brokering: Brokering, message: str, at: datetime, **values: object) -> None:
    """Everybody of the enterprise; the notice leads to the brokering."""
    accounts = accounts_of_organisation(session, brokering.enterprise.organisation_id)
    values = {"number": brokering.number, **values}
    notify(session, accounts, BROKERING, message, at=at, values=values, noun=BROKERING, public_ref=brokering.public_id)


def tell_provider(session: Session, introduction: Introduction, message: str, at: datetime, **values: object) -> None:
    """Everybody of the provider; the notice leads to its own introduction."""
    accounts = accounts_of_organisation(session, introduction.provider.organisation_id)
    values = {"number": introduction.brokering.number, "solution": introduction.solution.title, **values}
    notify(session, accounts, BROKERING, message, at=at, values=values, noun=INTRODUCTION, public_ref=introduction.public_id)


def tell_centre(session: Session, brokering: Brokering, message: str, at: datetime, *, without: int | None, **values: object) -> None:
    """The officer in charge, or the whole centre where nobody is. `without`: who did it knows already."""
    officer = brokering.officer_id
    accounts = {officer} if officer is not None else accounts_of_roles(session, (Role.CENTRE,))
    values = {"number": brokering.number, **values}
    told = [one for one in accounts if one != without]
    notify(session, told, BROKERING, message, at=at, values=values, noun=BROKERING, public_ref=brokering.public_id)


def tell_sides(
    session: Session, introduction: Introduction, message: str, at: datetime, sides: Iterable[str] = tuple(Side), **values: object
) -> None:
    """One sentence that both may read."""
    if Side.PROVIDER in sides:
        tell_provider(session, introduction, message, at, **values)
    if Side.ENTERPRISE in sides:
        tell_enterprise(session, introduction.brokering, message, at, solution=introduction.solution.title, **values)
