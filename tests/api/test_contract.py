"""The OpenAPI document against the running application: generated requests, no 5xx, no undocumented status or body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from marketplace.site import Site
from tests.api.test_requests import token_of

EXAMPLES = 20
DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def contract(demo_app: Flask) -> Any:
    """The document of the running application."""
    # A word that the pilot file does not know, or a cursor of our own making, cannot be said in a schema.
    checks = {"positive_data_acceptance": {"enabled": False}}
    config = SchemathesisConfig.from_dict({"checks": checks})
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", demo_app, config=config)


@pytest.fixture(scope="module")
def bearer(demo_site: Site) -> dict[str, str]:
    """Somebody who may do everything."""
    return token_of(demo_site, "admin", "read", "import")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_application_keeps_its_contract(contract: Any, bearer: dict[str, str], path: str, method: str, mode: GenerationMode) -> None:
    operation = contract[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
        # There is nothing that could be said wrongly.
        return

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=bearer)

    check()
