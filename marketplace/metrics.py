"""What a monitor reads at /metrics, in the text form of Prometheus. Few labels, nothing about a person.

Under gunicorn every process counts into files of its own (PROMETHEUS_MULTIPROC_DIR), which are added up at reading.
"""

from __future__ import annotations

import hmac
import ipaddress
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from indexer.query import Embedder, Mode, Page, Vector
from marketplace.guard import degraded, not_found, open_to_all
from marketplace.records.database import Database
from marketplace.records.index_queue import count_parked, count_waiting, find_longest_wait
from marketplace.records.jobs import JobState, count_jobs
from marketplace.site import current_site

pages = Blueprint("metrics", __name__)
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OWN = CollectorRegistry()
REQUESTS = Counter("jigai_requests_total", "Requests by route and status", ("route", "method", "status"), registry=_OWN)
SECONDS = Histogram("jigai_request_seconds", "Time that requests took, by route", ("route",), buckets=_BUCKETS, registry=_OWN)
SEARCHES = Counter("jigai_searches_total", "Searches answered, by mode", ("mode",), registry=_OWN)
EMPTY = Counter(
    "jigai_empty_searches_total", "Searches for words that found nothing, or only with relaxed conditions", ("found",), registry=_OWN
)
DEGRADED = Counter("jigai_degraded_searches_total", "Searches answered by the database, the engine being away", registry=_OWN)
EMBEDDED = Counter("jigai_embeddings_total", "Texts embedded by this site's web processes, by role", ("role",), registry=_OWN)
_SEARCHES = ("search.page", "api.search")


@dataclass(frozen=True)
class Latency:
    """One kind of request since the site was started: how many, and how long in milliseconds (from the histogram, between its steps)."""

    route: str
    count: int
    p50: float
    p95: float


@dataclass(frozen=True)
class SearchFigures:
    """Searches for words since the site was started: how many, how many found nothing, how many only with relaxed conditions."""

    asked: int
    nothing: int
    relaxed: int
    latencies: tuple[Latency, ...]


def note_found(answer: Page) -> None:
    """What became of a search for words; called once for its first page."""
    EMPTY.labels("nothing" if not answer.total else "relaxed" if answer.dropped else "found").inc()


def search_figures(routes: Sequence[str]) -> SearchFigures:
    """Of all processes of this machine together."""
    found: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {route: {} for route in routes}
    for metric in _gathered():
        for sample in metric.samples:
            if sample.name == "jigai_empty_searches_total":
                found[sample.labels["found"]] = found.get(sample.labels["found"], 0.0) + sample.value
            elif sample.name == "jigai_request_seconds_bucket" and sample.labels["route"] in buckets:
                edge = float(sample.labels["le"])
                of_route = buckets[sample.labels["route"]]
                of_route[edge] = of_route.get(edge, 0.0) + sample.value
    rows = [
        Latency(route, int(max(steps.values())), *(_quantile(steps, share) for share in (0.5, 0.95)))
        for route, steps in buckets.items()
        if steps
    ]
    return SearchFigures(int(sum(found.values())), int(found.get("nothing", 0)), int(found.get("relaxed", 0)), tuple(rows))


def _gathered() -> Iterator[Metric]:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        yield from _OWN.collect()
        return
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    yield from registry.collect()


def _quantile(steps: Mapping[float, float], share: float) -> float:
    """Milliseconds, straight between two edges; beyond the last edge, that edge."""
    edges = sorted(steps)
    wanted, low, below = steps[edges[-1]] * share, 0.0, 0.0
    for edge in edges:
        if steps[edge] >= wanted:
            if math.isinf(edge):
                return low * 1000
            inside = steps[edge] - below
            return (low + (edge - low) * ((wanted - below) / inside if inside else 1.0)) * 1000
        low, below = edge, steps[edge]
    return low * 1000


class CountedEmbedder:
    """An embedder that counts what it computes."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def space(self) -> str:
        return self._embedder.space

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    def queries(self, texts: Sequence[str]) -> Vector:
        EMBEDDED.labels("query").inc(len(texts))
        return self._embedder.queries(texts)

    def passages(self, texts: Sequence[str]) -> Vector:
        EMBEDDED.labels("passage").inc(len(texts))
        return self._embedder.passages(texts)


class _Jobs(Collector):
    """The job queue as it is when somebody reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        with self._database.reading() as session:
            counts = count_jobs(session)
        yield GaugeMetricFamily("jigai_jobs_waiting", "Jobs that wait or run", value=counts[JobState.WAITING] + counts[JobState.RUNNING])
        yield GaugeMetricFamily("jigai_jobs_dead", "Jobs that were given up", value=counts[JobState.DEAD])


class _Queue(Collector):
    """The index queue as it is when somebody reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        with self._database.reading() as session:
            waiting, parked = count_waiting(session), count_parked(session)
            oldest = find_longest_wait(session, datetime.now(UTC)).total_seconds()
        yield GaugeMetricFamily("jigai_index_queue_waiting", "Things that wait to be indexed", value=waiting)
        yield GaugeMetricFamily("jigai_index_queue_parked", "Things that were given up", value=parked)
        yield GaugeMetricFamily("jigai_index_queue_oldest_seconds", "How long the oldest waiting thing waits", value=oldest)


@pages.get("/metrics")
@open_to_all
def metrics() -> Response:
    """For whoever has the token, or, without one, for this machine; nobody else learns that it is there."""
    if not _may_read():
        not_found()
    registry = CollectorRegistry()
    registry.register(_Queue(current_site().database))
    registry.register(_Jobs(current_site().database))
    own: Collector = _OWN
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(own)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read() -> bool:
    token = current_site().settings.metrics_token
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        return hmac.compare_digest(given.encode(), token.encode())
    # A proxy on this machine speaks for others: what it passes on is not from here.
    passed_on = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP"))
    try:
        return not passed_on and ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def install(app: Flask) -> None:
    app.register_blueprint(pages)

    @app.after_request
    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        REQUESTS.labels(route, _method(request.method), str(response.status_code)).inc()
        if "started" in g:
            SECONDS.labels(route).observe(time.perf_counter() - g.started)
        if request.endpoint in _SEARCHES and response.status_code == 200:
            mode = request.args.get("mode", "")
            SEARCHES.labels(mode if mode in set(Mode) else Mode.HYBRID.value).inc()
            if degraded():
                DEGRADED.inc()
        return response


def _method(method: str) -> str:
    """A client may send any word as its method; only those that exist become a label."""
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
