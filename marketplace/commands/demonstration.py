"""The whole demonstration: the set of files, one account per role, and what the people of the pool have done since."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from importlib.resources import as_file, files
from zoneinfo import ZoneInfo

from marketplace.actions.demonstration_acceptance import seed_acceptance, seed_works
from marketplace.actions.demonstration_accounts import seed_accounts
from marketplace.actions.demonstration_adjustments import seed_adjustments
from marketplace.actions.demonstration_applications import seed_applications
from marketplace.actions.demonstration_brokerings import seed_brokerings
from marketplace.actions.demonstration_catalogue import seed_catalogue
from marketplace.actions.demonstration_centre import play as play_centre
from marketplace.actions.demonstration_complaints import seed_complaints
from marketplace.actions.demonstration_diagnoses import seed_diagnoses
from marketplace.actions.demonstration_figures import play_investments, play_landmark, play_roster
from marketplace.actions.demonstration_funds import seed_batch, seed_budgets, settle_funds
from marketplace.actions.demonstration_lists import seed_lists
from marketplace.actions.demonstration_meetings import seed_meetings
from marketplace.actions.demonstration_open_demands import seed_open_demands
from marketplace.actions.demonstration_performance import seed_performance
from marketplace.actions.demonstration_policies import seed_policies
from marketplace.actions.demonstration_progress import seed_progress
from marketplace.actions.demonstration_projects import seed_projects
from marketplace.actions.demonstration_ratings import seed_ratings
from marketplace.actions.demonstration_reviews import seed_reviews
from marketplace.actions.demonstration_selection import seed_selection
from marketplace.actions.demonstration_set import Loaded, load_demonstration
from marketplace.actions.demonstration_showcases import seed_showcases
from marketplace.actions.imports import Progress
from marketplace.actions.resources import Choices
from marketplace.domain.access import Role
from marketplace.files.store import BlobStore
from marketplace.performance_terms import step_by
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
    seed_brokerings(database, pilot.brokering, pilot.rating, files=store, at=at, today=today)
    rules = (pilot.brokering, pilot.rating, pilot.open_demand, pilot.catalogue)
    seed_open_demands(database, *rules, files=store, at=at, today=today)
    seed_adjustments(database, pilot.adjustment, at=at, today=today)
    seed_diagnoses(database, pilot.questionnaire, pilot.diagnosis, at=at, today=today)
    seed_lists(database, city=pilot.city.name, at=at, today=today)
    seed_meetings(database, pilot.brokering, pilot.rating, files=store, at=at, today=today)
    play_projects(database, pilot, store, at=at, today=today)
    seed_showcases(database, pilot.showcase, at=at, today=today)
    seed_policies(database, at=at, today=today)
    seed_complaints(database, pilot.complaint, pilot.catalogue, at=at, today=today)
    play_investments(database, first=pilot.city.term_start, at=at, today=today)
    with as_file(files("marketplace") / "data" / "demo_roster") as folder:
        play_roster(database, pilot, folder, at=at)
    seed_performance(database, partial(step_by, pilot), files=store, at=at, today=today)
    play_centre(
        database, pilot, pilot.centre, Choices.of(pilot.stages, pilot.scenarios), {one.key: one.name for one in pilot.city.phases}, at=at
    )


def play_projects(database: Database, pilot: Pilot, store: BlobStore, *, at: datetime, today: date) -> None:
    """Projects at every step, and the money: a batch that is nearly over, one that has just begun, and what still waits to be selected."""
    stage = seed_projects(database, pilot.project, files=store, at=at, today=today)
    if stage is None:
        return
    seed_budgets(database, pilot.project, at=at, today=today)
    rules = (pilot.inspection, pilot.supervision, pilot.rating, pilot.adjustment)
    works = seed_works(stage, pilot.project_review, rules, files=store)
    play_landmark(stage, pilot.project_review)
    seed_selection(stage, pilot.project_review)
    seed_batch(database, pilot.project, "第二批", at=at, today=today, ago=15)
    if works is not None:
        seed_acceptance(works)
    seed_progress(database, pilot.project, *rules, files=store, at=at, today=today)
    settle_funds(database, pilot.project, at=at, today=today)
