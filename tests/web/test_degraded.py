"""The engine is away: a real OpenSearch at the end of a line that is cut, hangs, or refuses to answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from indexer.backends import EngineError
from indexer.breaker import Breaker
from indexer.guarded import GuardedBackend
from indexer.query import Kind
from marketplace.app import create_app, worker_of
from marketplace.records.enterprises import Enterprise
from marketplace.records.index_queue import QueuedThing, count_pending, enqueue
from marketplace.records.organisations import find_organisation
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.demo_site import drain, own_copy
from tests.line import Line, State
from tests.opened import Browser, site_of
from tests.opensearch_server import OpenSearchServer, opensearch_server, prefix_of
from tests.web.people import browser_of

__all__ = ["opensearch_server"]
ASKED = "反应釜投料老出错，批记录靠手写"
BANNER = "降级"
# A page may take so long while the engine is away; healing so long after it is back.
PAGE_SECONDS, HEAL_SECONDS = 2.0, 30.0


@dataclass
class Tier:
    site: Site
    app: Flask
    line: Line
    server: OpenSearchServer
    prefix: str

    @property
    def browser(self) -> Browser:
        return Browser(self.app.test_client())

    @property
    def backend(self) -> GuardedBackend:
        assert isinstance(self.site.index.backend, GuardedBackend)
        return self.site.index.backend


@pytest.fixture(scope="module")
def tier(
    demo_folder: Path, demo_site: Site, opensearch_server: OpenSearchServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tier]:
    folder = own_copy(demo_folder, tmp_path_factory.mktemp("degraded") / "data")
    url = opensearch_server.url()
    there = urlsplit(url)
    line = Line(there.hostname or "", there.port or 0)
    site = site_of(folder, search_url=f"opensearch://127.0.0.1:{line.port}/{prefix_of(url)}", search_timeout=1.2)
    drain(site)
    with site.database.reading() as session:
        assert count_pending(session) == 0
    tier = Tier(site, create_app(site), line, opensearch_server, prefix_of(url))
    site.recommender.warm()
    # The first searches of a fresh server take their time.
    wait_until(lambda: "X-Degraded" not in tier.browser.get(f"/search?q={ASKED}").headers, HEAL_SECONDS)
    yield tier
    line.turn(State.UP)
    site.index.close()
    site.database.close()
    line.close()
    opensearch_server.drop(url)


@pytest.fixture(autouse=True)
def healed(tier: Tier) -> Iterator[None]:
    """Every test begins and ends with an engine that answers."""
    yield
    tier.line.turn(State.UP)
    refuse(tier, reading=False)
    wait_until(lambda: not tier.backend.breaker.is_open, HEAL_SECONDS)


def wait_until(done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def timed(browser: Browser, address: str) -> tuple[str, float]:
    began = time.monotonic()
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text[:300]
    return answer.text, time.monotonic() - began


def refuse(tier: Tier, *, reading: bool) -> None:
    """The engine itself answers searches with an error, or takes them again."""
    tier.server.ask("PUT", f"/{tier.prefix}-*/_settings", {"index.blocks.read": reading})


def test_an_engine_that_answers_is_not_degraded(tier: Tier) -> None:
    answer = tier.browser.get(f"/search?q={ASKED}")
    assert BANNER not in answer.text
    assert "X-Degraded" not in answer.headers


@pytest.mark.parametrize("trouble", ["hung", "cut", "refusing"])
def test_pages_answer_from_the_database_and_heal(tier: Tier, trouble: str) -> None:
    before = tier.browser.get(f"/api/v1/search?q={ASKED}&size=5").get_json()
    assert not before["degraded"]
    usual = [hit["id"] for hit in before["hits"]]
    if trouble == "refusing":
        refuse(tier, reading=True)
    else:
        tier.line.turn(State(trouble))
    page, seconds = timed(tier.browser, f"/search?q={ASKED}")
    assert seconds < PAGE_SECONDS
    assert BANNER in page
    found = tier.browser.get(f"/api/v1/search?q={ASKED}&size=5").get_json()
    assert found["degraded"] == "engine_away"
    # Of a site of this size everything is looked at: the best answers are the same.
    assert set(usual[:2]) <= {hit["id"] for hit in found["hits"]}, (before["total"], usual, found["total"])
    for address in ("/", "/ask?text=" + ASKED, "/search?q=xyz&sector=chem", "/search", "/scenarios"):
        _, seconds = timed(tier.browser, address)
        assert seconds < PAGE_SECONDS, address
    for _ in range(5):
        tier.browser.get(f"/api/v1/search?q={ASKED}")
    assert tier.backend.breaker.is_open
    if trouble == "refusing":
        refuse(tier, reading=False)
    tier.line.turn(State.UP)
    wait_until(lambda: not tier.backend.breaker.is_open, HEAL_SECONDS)
    assert BANNER not in tier.browser.get(f"/search?q={ASKED}").text


def test_a_plan_of_a_bad_moment_is_not_remembered(tier: Tier) -> None:
    browser = browser_of(tier.app, "enterprise")
    with tier.site.database.reading() as session:
        organisation = find_organisation(session, "91990000MAYGPX077U")
        assert organisation is not None
        enterprise = session.scalars(select(Enterprise).where(Enterprise.organisation_id == organisation.id)).one()
        address = f"/enterprises/{enterprise.public_id}/plan"
    tier.line.turn(State.CUT)
    spent = time.thread_time()
    assert BANNER in timed(browser, address)[0]
    # A plan is work, on a machine that tests share: what it takes of the processor is what a site would wait for.
    assert time.thread_time() - spent < PAGE_SECONDS
    tier.line.turn(State.UP)
    wait_until(lambda: not tier.backend.breaker.is_open, HEAL_SECONDS)
    assert BANNER not in timed(browser, address)[0]


def test_what_is_written_meanwhile_waits_and_is_not_lost(tier: Tier) -> None:
    with tier.site.database.writing() as session:
        solution = session.scalars(select(Solution).order_by(Solution.id)).first()
        assert solution is not None
        number, title = solution.id, solution.title
        solution.title = "釜用防错投料套件"
        enqueue(session, Kind.SOLUTION.value, [number])
    tier.line.turn(State.CUT)
    worker = worker_of(tier.site)
    for _ in range(12):
        worker.step()
    with tier.site.database.reading() as session:
        [row] = session.scalars(select(QueuedThing).where(QueuedThing.kind == "solution", QueuedThing.thing_id == number))
        # An engine that is away is nobody's mistake: the thing is not given up, however long it takes.
        assert row.wanted > row.indexed
        assert row.attempts == 0
    # The database knows it already.
    assert "釜用防错投料套件" in tier.browser.get("/search?q=釜用防错投料套件").text
    tier.line.turn(State.UP)
    wait_until(lambda: worker.step() >= 0 and not _waiting(tier, number), HEAL_SECONDS)
    wait_until(lambda: not tier.backend.breaker.is_open, HEAL_SECONDS)
    answer = tier.browser.get("/search?q=釜用防错投料套件")
    assert "X-Degraded" not in answer.headers
    assert "釜用防错投料套件" in answer.text
    # The other tests ask what this title would answer, and nobody says in which order they run.
    with tier.site.database.writing() as session:
        session.get_one(Solution, number).title = title
        enqueue(session, Kind.SOLUTION.value, [number])
    drain(tier.site)


def _waiting(tier: Tier, number: int) -> bool:
    with tier.site.database.reading() as session:
        [row] = session.scalars(select(QueuedThing).where(QueuedThing.kind == "solution", QueuedThing.thing_id == number))
        return row.wanted > row.indexed


def test_a_breaker_opens_after_five_quick_failures_or_one_slow_one() -> None:
    def away() -> None:
        raise EngineError("away")

    quick, slow = Breaker(away, errors=EngineError), Breaker(away, errors=EngineError)
    for number in range(5):
        assert not quick.is_open, number
        quick.failed(seconds=0.01)
    assert quick.is_open
    slow.failed(seconds=1.0)
    assert slow.is_open
    quick.close()
    slow.close()
