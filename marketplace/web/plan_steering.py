"""The filters of a plan's page, and how its plan is steered today."""

from __future__ import annotations

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from marketplace import plan_steering
from marketplace.domain.money import fen_from_wan
from marketplace.plan_steering import Filters, Steering
from marketplace.site import current_site
from marketplace.web.terms import today

FILTERS = ("local", "form", "price_most", "weeks_most")


def read_filters(values: MultiDict[str, str]) -> Filters:
    """From the address of the page. Wrong figures are left out."""
    form = current_site().pilot.find("form", values.get("form", ""))
    price = _whole(values.get("price_most", ""))
    return Filters(
        local=values.get("local", "") == "1",
        form=form.key if form else "",
        price_most=fen_from_wan(price) if price is not None else None,
        weeks_most=_whole(values.get("weeks_most", "")),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) > 0 else None


def read_steering(session: Session, enterprise_id: int, filters: Filters | None = None) -> Steering:
    return plan_steering.read_steering(session, enterprise_id, today(), filters)
