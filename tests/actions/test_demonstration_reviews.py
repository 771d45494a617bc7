"""The demonstration of the review: every state of it occurs, and everybody has something waiting."""

from __future__ import annotations

from sqlalchemy import select

from marketplace.actions.demonstration_reviews import STORY, seed_reviews
from marketplace.domain.applications import ApplicationState
from marketplace.domain.experts import ExpertState
from marketplace.domain.objections import ObjectionState
from marketplace.domain.reviews import AssignmentState
from marketplace.pilot import Pilot
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.applications import ProviderApplication
from marketplace.records.database import Database
from marketplace.records.experts import DrawLog, ReviewExpert
from marketplace.records.history import find_broken_link
from marketplace.records.objections import Objection
from marketplace.records.organisations import Organisation
from marketplace.records.reviews import ReviewAssignment
from marketplace.records.tasks import find_tasks
from marketplace.records.windows import ApplicationWindow, WindowState
from tests.actions.review_world import ANSWERS, AT


def test_every_state_occurs(demonstration: Database, pilot: Pilot) -> None:
    with demonstration.writing() as session:
        window = ApplicationWindow(number="SB-2026-90", title="示例批次", text="通知", sectors=["chem"], required=[], created=AT)
        window.opens = window.closes = AT.date()
        window.publicity_days, window.state = 5, WindowState.PUBLISHED  # type: ignore[misc]
        session.add(window)
        ids = []
        for number in range(len(STORY)):
            unit = Organisation(name=f"示例单位{number}")
            application = ProviderApplication(number=f"SQ-2026-{900 + number}", window=window, organisation=unit, answers=ANSWERS)
            application.created = application.saved_at = AT
            session.add(application)
            session.flush()
            ids.append(application.id)
        session.execute(ProviderApplication.__table__.update().values(state=ApplicationState.SUBMITTED))
    values = {"applications": ids, "sectors": ["chem", "auto", "elec"], "rules": pilot.review, "correction_days": 5, "at": AT}
    seed_reviews(demonstration, **values)  # type: ignore[arg-type]
    with demonstration.reading() as session:
        states = set(session.scalars(select(ProviderApplication.state).where(ProviderApplication.id.in_(ids))))
        assert states == {"under_review", "sent_back", "reviewed", "publicity", "admitted", "refused"}
        assert set(session.scalars(select(ReviewAssignment.state))) == set(AssignmentState)
        assert set(session.scalars(select(Objection.state))) == set(ObjectionState)
        assert set(session.scalars(select(ReviewExpert.state))) == set(ExpertState)
        excluded = {row["code"] for log in session.scalars(select(DrawLog)) for row in log.excluded}
        assert excluded >= {"paused", "no_account", "other_field"}
        for login in ("manager", "bureau", "expert"):
            account = find_account(session, login)
            assert account is not None
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            assert find_tasks(session, viewer), login
        assert find_broken_link(session) is None
        before = session.query(DrawLog).count()
    seed_reviews(demonstration, **values)  # type: ignore[arg-type]
    with demonstration.reading() as session:
        assert session.query(DrawLog).count() == before
