"""The job queue by page, by command and in the metrics."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select, update

from marketplace.actions.jobs import enqueue_job
from marketplace.cli import main
from marketplace.jobs.handlers import HANDLERS
from marketplace.records.history import HistoryEntry
from marketplace.records.jobs import Job, JobState
from marketplace.site import Site
from marketplace.web.jobs import KINDS
from tests.opened import LOGINS, Browser, app, browser, own_site

__all__ = ["app", "browser", "own_site"]


def test_every_kind_of_job_has_a_word() -> None:
    assert set(HANDLERS) <= set(KINDS)


def fill(site: Site) -> str:
    """A dead job and one that waits; the public id of the dead one."""
    with site.database.writing() as session:
        dead = enqueue_job(session, "letter", {}, at=datetime.now(UTC))
        enqueue_job(session, "of_another_area", {}, at=datetime.now(UTC))
        session.execute(update(Job).where(Job.id == dead.id).values(state=JobState.DEAD, attempts=5, error="没有“<b>”这种文书"))
        return dead.public_id


def state(site: Site, public_id: str) -> JobState:
    with site.database.reading() as session:
        return session.scalars(select(Job.state).where(Job.public_id == public_id)).one()


def test_who_runs_the_site_sees_what_died_and_why_and_tries_again(own_site: Site, browser: Browser) -> None:
    public_id = fill(own_site)
    browser.log_in("admin")
    page = browser.get("/jobs").text
    assert page.index("生成文书") < page.index("of_another_area")
    assert "没有“&lt;b&gt;”这种文书" in page
    assert "已停下" in page
    assert "of_another_area" not in browser.get("/jobs?state=dead").text
    assert browser.post(f"/jobs/{public_id}/retry", form="/jobs").status_code == 303
    assert state(own_site, public_id) is JobState.WAITING
    assert browser.post(f"/jobs/{public_id}/retry", form="/jobs").status_code == 409
    assert browser.post("/jobs/none/retry", form="/jobs").status_code == 404
    with own_site.database.reading() as session:
        assert session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "job")).all() == ["retry"]


def test_nobody_else_sees_them(app: Flask, own_site: Site) -> None:
    fill(own_site)
    for login in LOGINS:
        person = Browser(app.test_client())
        person.log_in(login)
        assert person.get("/jobs").status_code == (200 if login in {"admin", "manager"} else 403), login


def test_dead_jobs_stand_in_the_metrics(own_site: Site, browser: Browser) -> None:
    fill(own_site)
    page = browser.get("/metrics").text
    assert "jigai_jobs_dead 1.0" in page
    assert "jigai_jobs_waiting 1.0" in page


def test_the_command_lists_and_retries(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    public_id = fill(own_site)
    monkeypatch.setenv("JIGAI_DATA_DIR", str(own_site.settings.data_dir))

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, list(words))
        return done.exit_code, done.output

    status, output = run("jobs", "list", "--json")
    listed = json.loads(output)
    assert status == 0
    assert listed["counts"] == {"waiting": 1, "running": 0, "done": 0, "dead": 1}
    assert [(job["id"] == public_id, job["state"]) for job in listed["jobs"]] == [(True, "dead"), (False, "waiting")]
    assert run("jobs", "list", "--state", "dead")[1].count("letter") == 1
    assert run("jobs", "retry")[0] == 2
    assert run("jobs", "retry", "none") == (2, "没有编号为 none 的任务。\n")
    assert json.loads(run("jobs", "retry", "--all", "--json")[1]) == {"retried": 1}
    assert run("jobs", "retry", public_id) == (2, "这项任务没有停下，不用重试。\n")
    assert state(own_site, public_id) is JobState.WAITING
