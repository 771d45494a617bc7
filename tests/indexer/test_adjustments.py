"""A decision about a provider against both engines: out of everything at once by the filter, out of the index within a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from indexer.query import Kind, SearchQuery
from marketplace.actions import adjustments
from marketplace.actions.adjustments_effect import Step
from marketplace.app import create_app
from marketplace.domain.access import Role, Viewer
from marketplace.domain.adjustments import TWO_PERSONS, AdjustmentKind
from marketplace.domain.lifecycle import RefusedError
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot, load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.index_queue import enqueue
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider, find_hidden_provider_ids
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.settings import Settings
from marketplace.site import Site
from recommender.ask import Ask
from recommender.recommend import Recommender
from recommender.suggesting import Suggester
from tests.conftest import NOW
from tests.indexer.conftest import Opened

PILOT: Pilot = load_pilot()
K = AdjustmentKind
SECOND = 1.0


@dataclass(frozen=True)
class Seen:
    """A provider, its solutions, and how they are called."""

    provider: int
    public_id: str
    name: str
    solutions: tuple[int, ...]
    titles: tuple[str, ...]
    solution_ids: tuple[str, ...]


@dataclass
class Office:
    """Two persons of the bureau, and the whole site over an index."""

    own: Opened
    site: Site
    first: Viewer
    second: Viewer

    @property
    def database(self) -> Database:
        return self.own.database

    def decide(self, provider: int, kind: AdjustmentKind, *, conduct: str = "") -> None:
        one, two = (Step(viewer, NOW, NOW.date(), PILOT.adjustment) for viewer in (self.first, self.second))
        case = adjustments.propose(self.database, provider, kind, one, why="查实", evidence="检查记录", conduct=conduct).id
        if kind not in TWO_PERSONS:
            adjustments.decide(self.database, case, one, why="查实")
            return
        adjustments.put_forward(self.database, case, one, why="查实")
        with pytest.raises(RefusedError):
            adjustments.confirm(self.database, case, one)
        adjustments.confirm(self.database, case, two)


def account(database: Database, name: str) -> Viewer:
    with database.writing() as session:
        row = Account(login=name, name=name, password_hash="-", created=NOW)
        row.memberships = [Membership(organisation=Organisation(name=f"{name} 单位"), role=Role.BUREAU, areas=[], rights=[])]
        session.add(row)
        session.flush()
        viewer = find_viewer(session, row.id)
        assert viewer is not None
        return viewer


@pytest.fixture
def office(own: Opened) -> Office:
    settings = Settings(data_dir=own.folder, demo=True)
    recommender = Recommender(database=own.database, index=own.index, embeddings=own.embeddings, labels=lambda _kind, key: key)
    site = Site(
        settings=settings,
        pilot=PILOT,
        database=own.database,
        embeddings=own.embeddings,
        index=own.index,
        recommender=recommender,
        files=BlobStore(Path(own.folder) / "files"),
        suggester=Suggester(own.embeddings, {}),
    )
    return Office(own, site, account(own.database, "bureau"), account(own.database, "bureau2"))


def busiest(database: Database) -> Seen:
    """The provider with the most published solutions."""
    with database.reading() as session:
        rows = session.scalars(select(Solution).order_by(Solution.id)).all()
        by_provider: dict[int, list[Solution]] = {}
        for row in rows:
            by_provider.setdefault(row.provider_id, []).append(row)
        number = max(by_provider, key=lambda key: len(by_provider[key]))
        provider, own = session.get_one(Provider, number), by_provider[number]
        assert len(own) > 1
        ids, titles = tuple(row.id for row in own), tuple(row.title for row in own)
        return Seen(number, provider.public_id, provider.name, ids, titles, tuple(row.public_id for row in own))


def in_index(own: Opened, seen: Seen) -> set[int]:
    return set(own.backend.versions(Kind.SOLUTION)) & set(seen.solutions)


@contextmanager
def working(own: Opened) -> Iterator[None]:
    """The worker as it runs beside a site."""
    stop = threading.Event()
    thread = threading.Thread(target=own.worker.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], bool], most: float = 30.0) -> float:
    """How long it takes until the condition holds, in seconds."""
    started = time.perf_counter()
    while not condition():
        assert time.perf_counter() - started < most
        time.sleep(0.01)
    return time.perf_counter() - started


def addresses(office: Office, client: FlaskClient, seen: Seen) -> dict[str, str]:
    """Where everybody could see the provider or its solutions: search, suggestions, lists, pages, similar things."""
    with office.database.reading() as session:
        others = session.scalars(select(Solution.public_id).where(Solution.provider_id != seen.provider).order_by(Solution.id)).all()
        codes = session.scalars(select(Scenario.code).order_by(Scenario.id)).all()
    # Pages that lead there now, so that they have something to lose.
    similar = next(one for other in others if shown(client, one := f"/solutions/{other}", seen))
    scenario = next(one for code in codes if shown(client, one := f"/scenarios/{code}", seen))
    title, name = quote(seen.titles[0]), quote(seen.name)
    return {
        "search": f"/search?q={title}",
        "search everything": "/search",
        "providers": f"/search?kind=provider&q={name}",
        "suggestions": f"/search/suggestions?q={quote(seen.titles[0][:4])}",
        "ask": f"/ask?text={title}",
        "home": "/",
        "similar": similar,
        "scenario": scenario,
        "api search": f"/api/v1/search?q={title}&size=50",
        "api providers": f"/api/v1/search?kind=provider&q={name}&size=50",
        "api list of solutions": "/api/v1/solutions?limit=100",
        "api list of providers": "/api/v1/providers?limit=100",
    }


def shown(client: FlaskClient, address: str, seen: Seen) -> bool:
    """Whether an answer leads to the provider or one of its solutions, or names them. What was asked for is not an answer."""
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    if "suggestions" in address:
        return bool({*seen.titles, seen.name} & set(answer.get_json()))
    return any(mark in answer.text for mark in (seen.public_id, *seen.solution_ids))


def recommended(office: Office, seen: Seen) -> bool:
    ask = Ask(key="q", text="；".join(seen.titles))
    found = office.site.recommender.recommend(ask, limit=10)
    return seen.provider in {match.provider_id for match in found.matches} | {row.provider_id for row in found.providers}


def need_it(office: Office, seen: Seen) -> None:
    """A problem in the very words of the provider's solutions, so that it is told of it."""
    with office.database.writing() as session:
        sectors = session.get_one(Solution, seen.solutions[0]).sectors
        problems = session.scalars(select(Problem).order_by(Problem.id.desc())).all()
        problem = next(row for row in problems if row.enterprise.sector in sectors)
        problem.text, problem.budget_low_fen, problem.budget_high_fen = "；".join(seen.titles), None, None
        enqueue(session, Kind.PROBLEM.value, [problem.id])
    office.own.worker.drain()


def told_of_demands(office: Office, seen: Seen) -> bool:
    return bool(office.site.recommender.demands(seen.provider))


@pytest.mark.parametrize("kind", [K.RETIRE, K.SUSPEND])
def test_out_of_everything_while_the_worker_stands_still(office: Office, kind: AdjustmentKind) -> None:
    seen = busiest(office.database)
    need_it(office, seen)
    client = create_app(office.site).test_client()
    where = addresses(office, client, seen)
    before = {place for place, address in where.items() if shown(client, address, seen)}
    # Whatever shows it now has something to lose.
    assert {
        "search",
        "search everything",
        "providers",
        "suggestions",
        "api search",
        "api list of solutions",
        "api list of providers",
        "similar",
        "scenario",
        "ask",
    } <= before
    assert recommended(office, seen)
    assert told_of_demands(office, seen)
    if kind == K.SUSPEND:
        office.decide(seen.provider, K.WARN)
        # A warning hides nothing.
        assert {place for place, address in where.items() if shown(client, address, seen)} == before
        assert recommended(office, seen)
    office.decide(seen.provider, kind, conduct="bribery" if kind == K.RETIRE else "")
    # The worker has done nothing yet: the index still holds everything, and still nobody is shown any of it.
    assert in_index(office.own, seen) == set(seen.solutions)
    assert {place for place, address in where.items() if shown(client, address, seen)} == set()
    assert not recommended(office, seen)
    assert not told_of_demands(office, seen)
    with office.database.reading() as session:
        query = SearchQuery(text=seen.titles[0], without_providers=find_hidden_provider_ids(session), size=100)
    assert seen.provider not in {hit.provider_id for hit in office.site.index.search(query).hits}
    for address in (f"/providers/{seen.public_id}", f"/api/v1/providers/{seen.public_id}"):
        assert client.get(address).status_code == 404
    for public_id in seen.solution_ids:
        assert client.get(f"/solutions/{public_id}").status_code == client.get(f"/api/v1/solutions/{public_id}").status_code == 404


def test_a_rectification_is_found_and_takes_no_new_match(office: Office) -> None:
    seen = busiest(office.database)
    need_it(office, seen)
    client = create_app(office.site).test_client()
    where = addresses(office, client, seen)
    before = {place for place, address in where.items() if shown(client, address, seen)}
    assert recommended(office, seen)
    assert told_of_demands(office, seen)
    office.decide(seen.provider, K.RECTIFY)
    assert {place for place, address in where.items() if shown(client, address, seen)} | {"ask"} == before | {"ask"}
    assert not recommended(office, seen)
    assert not told_of_demands(office, seen)


def test_out_of_the_index_within_a_second_and_back_within_a_second(office: Office) -> None:
    own, seen = office.own, busiest(office.database)
    office.decide(seen.provider, K.WARN)
    own.worker.drain()
    gone: list[float] = []
    back: list[float] = []
    with working(own):
        for _turn in range(5):
            office.decide(seen.provider, K.SUSPEND)
            gone.append(until(lambda: not in_index(own, seen)))
            office.decide(seen.provider, K.REINSTATE)
            back.append(until(lambda: in_index(own, seen) == set(seen.solutions)))
            office.decide(seen.provider, K.WARN)
        office.decide(seen.provider, K.RETIRE, conduct="bribery")
        gone.append(until(lambda: not in_index(own, seen)))
    # Shared cores make single turns slow; the usual one is what a person waits for.
    assert median(gone) <= SECOND, gone
    assert median(back) <= SECOND, back
