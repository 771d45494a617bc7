"""Whether the site answers: for health checks of a container or a monitor."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy import text

from marketplace.guard import open_to_all
from marketplace.site import current_site

pages = Blueprint("health", __name__)


@pages.get("/healthz")
@open_to_all
def healthz() -> dict[str, str]:
    """200 once the database answers; if it does not, the error page says 500."""
    with current_site().database.reading() as session:
        session.execute(text("SELECT 1"))
    return {"status": "ok"}
