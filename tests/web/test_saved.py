"""Saved searches that look again, the shortlist with its workbook, and demands of which a provider wants less."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select, update

from indexer.query import Kind
from marketplace.actions.coverage import write_coverage
from marketplace.actions.jobs import enqueue_job
from marketplace.domain.providers import ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.jobs.alerts import ask_for_alerts
from marketplace.jobs.worker import JobWorker
from marketplace.records.coverage import DemandMatch
from marketplace.records.index_queue import enqueue
from marketplace.records.jobs import Job, JobState
from marketplace.records.notices import Notice
from marketplace.records.problems import Problem
from marketplace.records.saved import DemandAlert, DemandMute, SavedSearch, kind_of
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.conftest import NOW
from tests.demo_site import drain
from tests.opened import Browser
from tests.web.people import browser_of, find_things, viewer_of

TODAY = datetime.now(UTC).date()
QUERY = "q=%E6%B3%84%E6%BC%8F%E6%A3%80%E6%B5%8B&sector=chem"


@pytest.fixture
def enterprise(own_app: Flask) -> Browser:
    return browser_of(own_app, "enterprise")


def a_night(site: Site, day: date, demands: Mapping[int, int] | None = None) -> None:
    """`demands`: problem → with which strength the provider of the demonstration answers it."""
    with site.database.writing() as session:
        # What else waits on this site is not this night's.
        session.execute(update(Job).where(Job.state == JobState.WAITING).values(run_after=NOW + timedelta(days=9_000)))
        ask_for_alerts(session, day, NOW)
        if demands is not None:
            own = viewer_of(session, "provider").provider_ids
            write_coverage(session, day, [], {})
            session.add_all(DemandMatch(provider_id=min(own), problem_id=key, strength=demands[key]) for key in demands)
            enqueue_job(session, "demand_alerts", {"day": day.isoformat()}, at=NOW, key="demand_alerts")
    JobWorker(site).drain()


def told(site: Site, kind: str) -> list[dict[str, object]]:
    with site.database.reading() as session:
        return [row.values for row in session.scalars(select(Notice).where(Notice.kind == kind).order_by(Notice.id))]


def test_a_saved_search_tells_of_what_is_new_and_of_nothing_else(own_demo: Site, enterprise: Browser) -> None:
    page = enterprise.get(f"/search?{QUERY}").text
    assert "保存这个搜索" in page
    kept = re.findall(r'name="query" value="([^"]+)"', page)[0].replace("&amp;", "&")
    assert enterprise.post("/saved", {"title": "", "query": kept}).status_code == 422
    assert enterprise.post("/saved", {"title": "查泄漏", "query": kept, "frequency": "daily"}).status_code == 303
    again = enterprise.post("/saved", {"title": "又一次", "query": kept, "frequency": "daily"})
    assert again.status_code == 422
    assert "已经保存过：查泄漏" in again.text
    day = TODAY + timedelta(days=1)
    a_night(own_demo, day)
    assert told(own_demo, "saved_search") == []
    with own_demo.database.writing() as session:
        like = session.scalars(select(Solution).where(Solution.state == SolutionState.PUBLISHED, Solution.title.contains("泄漏"))).first()
        assert like is not None
        names = ("provider_id", "form", "sectors", "stages", "orientations", "summary", "solves")
        new = Solution(
            **{name: getattr(like, name) for name in names},
            title="泄漏检测新办法",
            state=SolutionState.PUBLISHED,
            source="t",
            source_ref="n",
        )
        session.add(new)
        session.flush()
        enqueue(session, Kind.SOLUTION.value, [new.id])
    drain(own_demo)
    # The same day is not a day to look again.
    a_night(own_demo, day)
    assert told(own_demo, "saved_search") == []
    a_night(own_demo, day + timedelta(days=1))
    assert told(own_demo, "saved_search") == [{"title": "查泄漏", "count": 1}]
    a_night(own_demo, day + timedelta(days=2))
    assert len(told(own_demo, "saved_search")) == 1
    with own_demo.database.reading() as session:
        row = session.scalars(select(SavedSearch)).one()
        assert row.fresh == 1
        ref = row.public_id
    opened = enterprise.post(f"/saved/{ref}/open")
    assert opened.status_code == 303
    assert "新办法" in enterprise.get(opened.headers["Location"]).text
    assert enterprise.post(f"/saved/{ref}/frequency", {"frequency": "never"}).status_code == 303
    assert enterprise.post(f"/saved/{ref}/forget").status_code == 303
    assert "还没有保存的搜索" in enterprise.get("/saved").text


def test_another_persons_search_is_as_absent_as_none(own_demo: Site, own_app: Flask, enterprise: Browser) -> None:
    enterprise.post("/saved", {"title": "查泄漏", "query": QUERY, "frequency": "daily"})
    with own_demo.database.reading() as session:
        ref = session.scalars(select(SavedSearch.public_id)).one()
    stranger = browser_of(own_app, "provider")
    for verb in ("open", "frequency", "forget"):
        assert stranger.post(f"/saved/{ref}/{verb}").status_code == 404
    assert "查泄漏" not in stranger.get("/saved").text
    assert browser_of(own_app, "anyone").get("/saved").status_code in (302, 303, 401)


def test_the_shortlist_goes_into_a_sheet(own_demo: Site, own_app: Flask, enterprise: Browser) -> None:
    things = find_things(own_demo)
    assert enterprise.post(f"/solutions/{things.solution}/shortlist").status_code == 303
    assert enterprise.post(f"/solutions/{things.solution}/shortlist", {"note": "=1+1 便宜"}).status_code == 303
    assert enterprise.post(f"/solutions/{things.retired_solution}/shortlist").status_code == 404
    book = openpyxl.load_workbook(io.BytesIO(enterprise.get("/saved/shortlist.xlsx").data))
    rows = [[cell.value for cell in row] for row in book.active.iter_rows(min_row=2)]
    assert len(rows) == 1
    assert rows[0][9] == "=1+1 便宜"
    assert book.active["J2"].data_type == "s"
    with own_demo.database.writing() as session:
        solution = session.scalars(select(Solution).where(Solution.public_id == things.solution)).one()
        solution.provider.state = ProviderState.RETIRED
    assert "已下架" in enterprise.get("/saved").text
    assert enterprise.post(f"/solutions/{things.solution}/shortlist/drop").status_code == 303
    assert "还没有收藏的方案" in enterprise.get("/saved").text


def test_a_provider_hears_of_new_demands_and_of_less_of_a_kind(own_demo: Site, own_app: Flask) -> None:
    provider = browser_of(own_app, "provider")
    page = provider.get("/demands").text
    assert provider.post("/demands/alert", {"strength": "9", "frequency": "daily"}).status_code == 303
    with own_demo.database.reading() as session:
        assert session.scalar(select(DemandAlert)) is None
    assert provider.post("/demands/alert", {"strength": "2", "frequency": "daily"}).status_code == 303
    refs = re.findall(r'name="problem" value="([^"]+)"', page)
    with own_demo.database.reading() as session:
        numbers = {ref: session.scalars(select(Problem.id).where(Problem.public_id == ref)).one() for ref in refs}
        kinds = {ref: kind_of(session.get_one(Problem, numbers[ref])) for ref in refs}
    assert len(refs) >= 4
    first, *others = refs
    other = next(ref for ref in others if kinds[ref] != kinds[first])
    day = TODAY + timedelta(days=1)
    # What was there before is no news; nor is what is weaker than was asked for, nor what was told.
    rest = [ref for ref in refs if ref not in (first, other)]
    a_night(own_demo, day, {numbers[rest[0]]: 4})
    assert told(own_demo, "demand") == []
    a_night(own_demo, day + timedelta(days=1), {numbers[rest[0]]: 4, numbers[first]: 2, numbers[other]: 1})
    assert [row["count"] for row in told(own_demo, "demand")] == [1]
    assert provider.post("/demands/less", {"problem": first}).status_code == 303
    assert "已选少推这类" in provider.get("/demands").text
    with own_demo.database.writing() as session:
        number = min(viewer_of(session, "provider").provider_ids)
        session.get_one(DemandAlert, number).known = []
        mute = session.scalars(select(DemandMute)).one()
    a_night(own_demo, day + timedelta(days=2), {numbers[first]: 4, numbers[other]: 4})
    assert [row["count"] for row in told(own_demo, "demand")] == [1, 1]
    assert provider.post("/demands/more", {"mute": str(mute.id)}).status_code == 303
    assert "已选少推这类" not in provider.get("/demands").text
    assert browser_of(own_app, "enterprise").post("/demands/less", {"problem": first}).status_code == 403
