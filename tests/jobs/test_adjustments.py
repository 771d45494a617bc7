"""Dynamic adjustment through the job queue: the rules run every day, and each decision has its letter."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import time_machine
from docx import Document
from sqlalchemy import select

from marketplace.actions import adjustments_rectification as rectification
from marketplace.actions import appeals
from marketplace.jobs import daily
from marketplace.jobs.adjustments import ask_for_proposals
from marketplace.jobs.handlers import HANDLERS
from marketplace.jobs.worker import JobWorker
from marketplace.pilot import Pilot
from marketplace.records.adjustments import Adjustment
from marketplace.records.database import Database
from marketplace.records.files import find_attachments
from marketplace.records.jobs import Job, JobState
from marketplace.records.ratings import RatingScore
from marketplace.site import Site
from tests.actions.adjusting import RULES, TODAY, Pool, open_pool
from tests.conftest import NOW
from tests.jobs.conftest import site_with


@pytest.fixture
def site(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> Site:
    return site_with(sqlite_database, pilot, tmp_path / "data")


@pytest.fixture
def pool(site: Site) -> Pool:
    return open_pool(site.database)


def run_jobs(site: Site) -> None:
    """The jobs of the cases alone, as if it were the day of the tests."""
    with time_machine.travel(NOW, tick=False):
        JobWorker(site).drain()


def letters_of(site: Site, noun: str, number: int) -> list[str]:
    """The Word letters of a thing, as text."""
    with site.database.reading() as session:
        files = [row.sha256 for row in find_attachments(session, noun, number) if row.filename.endswith(".docx")]
    return ["\n".join(line.text for line in Document(io.BytesIO(site.files.path(one).read_bytes())).paragraphs) for one in files]


def test_the_rules_run_every_day(site: Site, pool: Pool) -> None:
    assert ask_for_proposals in daily.DAILY
    assert "adjustments" in HANDLERS
    score = RULES.retire_below - 1
    values = {"score": score, "low": score, "high": score, "grade": "E", "mass": 4.0, "own_mean": score, "mean": 80.0}
    with site.database.writing() as session:
        session.add(RatingScore(provider_id=pool.provider, at=NOW, projects=5, version="t", **values))
        ask_for_proposals(session, TODAY, NOW)
        ask_for_proposals(session, TODAY, NOW)
        assert len(session.scalars(select(Job).where(Job.kind == "adjustments")).all()) == 1
    run_jobs(site)
    with site.database.reading() as session:
        assert [row.rule for row in session.scalars(select(Adjustment))] == ["score_retire"]


def test_every_decision_has_its_letter(site: Site, pool: Pool) -> None:
    numbers = [pool.decided("warn"), pool.decided("clear"), pool.decided("rectify")]
    rectification.hand_in(site.database, numbers[2], pool.step("provider"), text="已改")
    rectification.accept(site.database, numbers[2], pool.step("bureau"), why="现场核实")
    numbers += [pool.decided("warn"), pool.decided("suspend"), pool.decided("reinstate"), pool.decided("retire", conduct="bribery")]
    filed = appeals.file(site.database, numbers[-1], pool.step("provider"), text="与事实不符").id
    appeals.dismiss(site.database, filed, pool.step("admin"), why="证据充分")
    run_jobs(site)
    with site.database.reading() as session:
        assert [job.error for job in session.scalars(select(Job).where(Job.kind == "letter", Job.state != JobState.DONE))] == []
    titles = [text.splitlines()[0] for number in numbers for text in letters_of(site, "adjustment", number)]
    assert titles == [
        "警示通知书",
        "解除警示通知书",
        "限期整改通知书",
        "整改验收通知书",
        "警示通知书",
        "暂停决定书",
        "恢复通知书",
        "退出资源池决定书",
    ]
    [retirement] = letters_of(site, "adjustment", numbers[-1])
    assert "两次延期" in retirement
    assert "事实清楚" in retirement
    reapply = pool.case(numbers[-1]).reapply_from
    assert reapply is not None
    assert reapply.isoformat() in retirement
    [answer] = letters_of(site, "appeal", filed)
    assert "申诉不成立" in answer
    assert "证据充分" in answer
