"""What a monitor reads: whether the site is ready, and figures without anything personal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from indexer.backends import EngineError
from marketplace.app import create_app
from marketplace.records.index_queue import ATTEMPTS, QueuedThing, enqueue
from marketplace.site import Site
from tests.opened import Browser


def figures(app: Flask, **headers: str) -> dict[tuple[str, ...], float]:
    """(name, label values…) → figure."""
    answer = app.test_client().get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_and_searches_are_counted(own_app: Flask, own_browsers: dict[str, Browser]) -> None:
    before = figures(own_app)
    client = own_app.test_client()
    for _ in range(3):
        assert client.get("/search?q=压机七点半停机").status_code == 200
    assert client.get("/api/v1/search?q=压机停机&mode=lexical").status_code == 200
    assert client.get("/api/v1/search?q=压机停机&mode=nonsense").status_code == 422
    assert client.get("/solutions/张三-13800000000").status_code == 404
    assert client.open("/search", method="BREW").status_code == 405
    after = figures(own_app)

    def grown(*key: str) -> float:
        return after.get(key, 0.0) - before.get(key, 0.0)

    assert grown("jigai_requests_total", "GET", "/search", "200") == 3
    assert grown("jigai_request_seconds_count", "/search") == 3
    assert grown("jigai_searches_total", "hybrid") == 3
    assert grown("jigai_searches_total", "lexical") == 1
    # The same text three times is embedded once.
    assert grown("jigai_embeddings_total", "query") == 1
    # Neither what was asked nor an unknown address becomes a label.
    told = own_app.test_client().get("/metrics").text
    assert not [word for word in ("压机", "13800000000", "BREW", "nonsense") if word in told]


def test_the_queue_as_it_is(own_app: Flask, own_demo: Site) -> None:
    with own_demo.database.writing() as session:
        enqueue(session, "solution", [1, 2, 3])
        session.get_one(QueuedThing, ("solution", 1)).waiting_since = datetime.now(UTC) - timedelta(hours=1)
        session.get_one(QueuedThing, ("solution", 2)).attempts = ATTEMPTS
    found = figures(own_app)
    assert found["jigai_index_queue_waiting",] == 2
    assert found["jigai_index_queue_parked",] == 1
    assert 3600 <= found["jigai_index_queue_oldest_seconds",] < 3700
    assert 3600 <= own_app.test_client().get("/readyz").json["worker_lag_s"] < 3700  # type: ignore[index]


def test_only_this_machine_reads_or_who_has_the_token(own_demo: Site, own_app: Flask) -> None:
    client = own_app.test_client()
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "192.0.2.7"}).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 404
    assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "::1"}).status_code == 200
    object.__setattr__(own_demo.settings, "metrics_token", "s3cret")
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer 错"}).status_code == 404
    far = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}, environ_overrides=far).status_code == 200


def test_ready(own_app: Flask) -> None:
    answer = own_app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "database": True, "schema": True, "engine": True, "worker_lag_s": 0.0}


def test_not_ready_and_why(own_demo: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = create_app(own_demo).test_client()

    def away(kind: object) -> int:
        raise EngineError("连接不上")

    with monkeypatch.context() as patched:
        patched.setattr(own_demo.index.backend, "stamp", away)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["engine"], answer.json["database"]) == (200, False, True)  # type: ignore[index]
        assert answer.json["status"] == "degraded"  # type: ignore[index]
    with own_demo.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["schema"], answer.json["engine"]) == (503, False, True)  # type: ignore[index]
