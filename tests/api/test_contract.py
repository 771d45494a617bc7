"""The OpenAPI document against the running application: generated requests, no 5xx, no undocumented status or body."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from schemathesis.checks import CheckContext, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure

from marketplace.site import Site
from tests.api.test_requests import token_of

EXAMPLES = 20
load_all_checks()


@pytest.fixture(scope="module")
def contract(demo_app: Flask, demo_site: Site) -> Any:
    """The document of the running application, asked by somebody who may do everything."""
    config = SchemathesisConfig.from_dict(
        {
            "headers": token_of(demo_site, "admin", "read", "import"),
            "generation": {"deterministic": True, "mode": "all"},
            "phases": {"coverage": {"enabled": False}},
            # A word that the pilot file does not know, or a cursor of our own making, cannot be said in a schema.
            "checks": {"positive_data_acceptance": {"enabled": False}},
        }
    )
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", demo_app, config=config)


schema = schemathesis.pytest.from_fixture("contract")


@schema.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate]
)
def test_the_application_keeps_its_contract(case: schemathesis.Case) -> None:
    case.call_and_validate()
