"""The nightly work of the rating on the demonstration site, and the letters of a round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update

from marketplace.actions.demonstration_ratings import seed_ratings
from marketplace.jobs.daily import DAILY
from marketplace.jobs.ratings import ask_for_ratings
from marketplace.jobs.worker import JobWorker
from marketplace.records.coverage import ProblemCoverage, count_unasked, count_unserved, find_cells
from marketplace.records.evaluations import EvaluationResult
from marketplace.records.exposures import Exposure, ExposureDay
from marketplace.records.files import Attachment
from marketplace.records.jobs import Job, JobState
from marketplace.records.notices import Notice
from marketplace.records.problems import Problem
from marketplace.records.ratings import RatingMean
from marketplace.records.solutions import Solution
from marketplace.site import Site


def test_a_night_and_the_letters(own_demo: Site) -> None:
    at = datetime.now(UTC)
    seed_ratings(own_demo.database, own_demo.pilot.rating, files=own_demo.files, at=at, today=at.date(), zone=own_demo.pilot.city.zone)
    assert ask_for_ratings in DAILY
    with own_demo.database.writing() as session:
        # Two letters are enough to see that they are written.
        letters = select(Job.id).where(Job.kind == "letter").order_by(Job.id).offset(2)
        later = at + timedelta(9)
        session.execute(update(Job).where(Job.id.in_(letters.scalar_subquery())).values(run_after=later))
        session.execute(update(Job).where(Job.kind.not_in(["letter"])).values(run_after=later))
        # A hundred open problems less to rank.
        open_ones = session.scalars(select(Problem.id).where(Problem.state == "open").order_by(Problem.id)).all()
        session.execute(update(Problem).where(Problem.id.in_(open_ones[40:])).values(state="withdrawn"))
        ask_for_ratings(session, at.date() + timedelta(20), at)
    JobWorker(own_demo).drain()
    with own_demo.database.reading() as session:
        done = session.scalars(select(Job).where(Job.run_after <= at)).all()
        assert {(job.kind, job.state, job.error) for job in done} == {
            (kind, JobState.DONE, "") for kind in ("letter", "read_text", "ratings", "exposures", "certificates")
        }
        assert session.scalar(select(func.count()).select_from(RatingMean)) == 2
        day = session.scalars(select(ExposureDay)).one()
        assert day.problems == 40
        assert day.places == session.scalar(select(func.sum(Exposure.top)))
        assert day.answered == session.scalar(select(func.sum(Exposure.first)))
        covered = session.scalars(select(ProblemCoverage)).all()
        assert len(covered) == 40
        assert {row.problem_id for row in covered if row.strength < 2} == {row.problem_id for row in covered if not row.takers}
        cells = find_cells(session)
        assert sum(cell.problems for cell in cells) == 40
        assert sum(cell.unserved for cell in cells) == sum(not row.takers for row in covered) == count_unserved(session)
        # Most scenarios are found from the words, and solutions from their matches.
        assert sum(cell.solutions for cell in cells if cell.scenario_code) > 20
        assert 0 < count_unasked(session) < session.scalar(select(func.count()).select_from(Solution))
        # Twenty days on, a licence has come to its last step.
        assert "certificate" in set(session.scalars(select(Notice.kind)))
        letters = session.scalars(select(Attachment).where(Attachment.noun == "evaluation_result")).all()
        assert sorted(row.filename.rsplit(".", 1)[1] for row in letters) == ["docx", "docx", "pdf", "pdf"]
        assert {row.noun_id for row in letters} <= set(session.scalars(select(EvaluationResult.id)))
