"""The whole demonstration: the set of files, one account per role, and what the people of the pool have done since."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import as_file, files
from zoneinfo import ZoneInfo

from marketplace.actions.demonstration_accounts import seed_accounts
from marketplace.actions.demonstration_adjustments import seed_adjustments
from marketplace.actions.demonstration_applications import seed_applications
from marketplace.actions.demonstration_catalogue import seed_catalogue
from marketplace.actions.demonstration_ratings import seed_ratings
from marketplace.actions.demonstration_reviews import seed_reviews
from marketplace.actions.demonstration_set import Loaded, load_demonstration
from marketplace.actions.imports import Progress
from marketplace.domain.access import Role
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.database import Database


def load_whole_demonstration(
    database: Database, pilot: Pilot, store: BlobStore, *, at: datetime, progress: Progress | None = None
) -> Loaded:
    """Load the set, then play the pool: every state occurs, and something waits for everybody. A second time changes nothing."""
    names = {role: term.name if (term := pilot.roles.find(role.value)) else role.value for role in Role}
    with as_file(files("marketplace") / "data" / "demo") as folder:
        loaded = load_demonstration(database, pilot, folder, names=names, at=at, progress=progress)
    if loaded.report.is_good:
        play_the_pool(database, pilot, store, at=at)
    return loaded


def play_the_pool(database: Database, pilot: Pilot, store: BlobStore, *, at: datetime) -> None:
    """Windows, applications, reviews, catalogue, ratings and adjustments on top of the loaded set, around the day of `at`."""
    zone = pilot.city.zone
    at = at.astimezone(ZoneInfo(zone))
    today, sectors = at.date(), [sector.key for sector in pilot.sectors]
    seed_ratings(database, pilot.rating, files=store, at=at, today=today, zone=zone)
    handed_in = seed_applications(database, store, pilot.application, sectors=sectors, at=at)
    seed_reviews(
        database, applications=handed_in, sectors=sectors, rules=pilot.review, correction_days=pilot.application.supplement_days, at=at
    )
    seed_catalogue(database, pilot.catalogue, at=at, today=today)
    seed_accounts(database, store, at=at)
    seed_adjustments(database, pilot.adjustment, at=at, today=today)
