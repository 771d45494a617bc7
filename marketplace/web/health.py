"""Whether the site answers, and whether it is ready for visitors: for health checks of a container or a monitor."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from flask import Blueprint
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from indexer.backends import EngineError
from indexer.query import Kind
from marketplace.guard import open_to_all
from marketplace.records.database import known_revisions
from marketplace.records.index_queue import find_longest_wait
from marketplace.site import Site, current_site

pages = Blueprint("health", __name__)
log = logging.getLogger("jigai.health")


@pages.get("/healthz")
@open_to_all
def healthz() -> dict[str, str]:
    """200 once the database answers; if it does not, the error page says 500."""
    with current_site().database.reading() as session:
        session.execute(text("SELECT 1"))
    return {"status": "ok"}


@pages.get("/readyz")
@open_to_all
def readyz() -> tuple[dict[str, Any], int]:
    """200 when database and schema are as they must be, else 503 and which is not.

    An engine that is away makes it “degraded”, and `worker_lag_s` is told only: visitors are served all the same, by every
    process alike, so they must not be sent away.
    """
    site = current_site()
    found: dict[str, Any] = {name: _holds(name, check, site) for name, check in _CHECKS}
    serves = found["database"] and found["schema"]
    lag = _lag(site) if found["database"] else None
    status = "ready" if all(found.values()) else "degraded" if serves else "not_ready"
    return {"status": status, **found, "worker_lag_s": lag}, 200 if serves else 503


def _holds(name: str, check: Callable[[Site], bool], site: Site) -> bool:
    try:
        return check(site)
    except (DBAPIError, EngineError, OSError):
        log.warning("not ready: %s", name, exc_info=True)
        return False


def _database(site: Site) -> bool:
    with site.database.reading() as session:
        return bool(session.scalar(text("SELECT 1")))


@cache
def _newest() -> str:
    return known_revisions()[0]


def _schema(site: Site) -> bool:
    return site.database.revision() == _newest()


def _engine(site: Site) -> bool:
    """The engine itself, not what stands in for it while it is away."""
    before = site.index.standby_answers
    site.index.backend.stamp(Kind.SOLUTION)
    return not site.index.degraded(before)


def _lag(site: Site) -> float:
    with site.database.reading() as session:
        return round(find_longest_wait(session, datetime.now(UTC)).total_seconds(), 1)


_CHECKS: tuple[tuple[str, Callable[[Site], bool]], ...] = (("database", _database), ("schema", _schema), ("engine", _engine))
