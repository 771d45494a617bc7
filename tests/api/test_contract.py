"""The OpenAPI document against the running application: generated requests, no 5xx, no undocumented status or body."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from hypothesis import strategies
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from marketplace.app import create_app
from tests.api.pool import Pool
from tests.api.test_pool_sweeps import MAY
from tests.opened import site_of

# More of the old ones, which embed and search; each of the pool's meets things that are there.
EXAMPLES, EXAMPLES_OF_THE_POOL, EXAMPLES_OF_THE_ALIKE = 20, 12, 2
DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
# What speaks to the pool is tried where the pool was played, by somebody who gets in; the rest where there is an index.
OF_THE_POOL = {"windows", "applications", "reviews", "catalogue", "calls", "ratings", "adjustments", "inbox", "history", "files"}
# Those of the pool that came later are many, and alike in how they take and refuse.
ALIKE = {"brokerings", "diagnoses", "lists", "plans", "saved"}
PERSONS = ("admin", "bureau", "applicants", "provider", "expert", "enterprise")


@pytest.fixture(scope="module")
def fuzzed(pool_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """A pool that generated requests may write to."""
    folder = tmp_path_factory.mktemp("fuzzed") / "data"
    shutil.copytree(pool_folder, folder, symlinks=True)
    site = site_of(folder)
    yield Pool(site, create_app(site))
    site.index.close()
    site.database.close()


@pytest.fixture(scope="module")
def contracts(demo_app: Flask, fuzzed: Pool) -> dict[bool, Any]:
    """The document of the running application, for the pool and for the rest."""
    # A word that the pilot file does not know, or a cursor of our own making, cannot be said in a schema.
    checks = {"positive_data_acceptance": {"enabled": False}}
    config = SchemathesisConfig.from_dict({"checks": checks})
    apps = {True: fuzzed.app, False: demo_app}
    return {pool: schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config) for pool, app in apps.items()}


@pytest.fixture(scope="module")
def demo(demo_app: Flask) -> Pool:
    return Pool(demo_app.extensions["jigai"], demo_app)


def known_ids(pool: Pool, person: str, path: str) -> list[str]:
    """Things that are there, so that not every generated request ends at a door: the list's own ids, or those of its parent."""
    head = path.removeprefix("/api/v1/").split("/")[0]
    listed = "ratings" if head in ("certificates", "providers") else head
    answer = pool.get(person, f"/{listed}?limit=8")
    told: Any = answer.json
    rows = told["items"] if answer.status_code == 200 else []
    return [row["provider"]["id"] if listed == "ratings" else row["id"] for row in rows]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_application_keeps_its_contract(
    contracts: dict[bool, Any], fuzzed: Pool, demo: Pool, path: str, method: str, mode: GenerationMode
) -> None:
    about = DOCUMENT["paths"][path][method]
    alike = bool(ALIKE & set(about["tags"]))
    of_pool = alike or bool(OF_THE_POOL & set(about["tags"]))
    operation, pool = contracts[of_pool][path][method], fuzzed if of_pool else demo
    if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
        # There is nothing that could be said wrongly.
        return
    person = next((one for one in PERSONS if one in MAY[about["operationId"]]), "anyone") if of_pool else "admin"
    bearer = dict(pool.headers(person))
    ids = known_ids(pool, person, path) if of_pool and "{id}" in path else []

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode), id=strategies.sampled_from(["", *ids]))
    @hypothesis.settings(
        max_examples=EXAMPLES_OF_THE_ALIKE if alike else EXAMPLES_OF_THE_POOL if of_pool else EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    def check(case: Any, id: str) -> None:
        if id:
            case.path_parameters["id"] = id
        case.call_and_validate(headers=bearer)

    check()
