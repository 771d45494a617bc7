"""The health check: yes while the database answers, and no without it."""

import pytest
from flask import Flask

from marketplace.site import Site


def test_healthy(demo_app: Flask) -> None:
    answer = demo_app.test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_not_healthy_without_its_database(demo_app: Flask, demo_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("gone")

    monkeypatch.setattr(demo_site.database, "reading", broken)
    assert demo_app.test_client().get("/healthz").status_code == 500
