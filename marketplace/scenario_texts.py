"""What is said of a scenario: one of a single enterprise is told to others without that enterprise's name, on pages and in the API."""

from __future__ import annotations

from marketplace.domain.access import Viewer, may_read_enterprise
from marketplace.domain.problems import redacted
from marketplace.pilot import Pilot
from marketplace.records.scenarios import Scenario


def scenario_text(scenario: Scenario, text: str, viewer: Viewer, pilot: Pilot) -> str:
    """The text as this viewer may read it; the enterprise of the scenario is loaded."""
    enterprise = scenario.enterprise
    if enterprise is None or may_read_enterprise(viewer, enterprise.id):
        return text
    return redacted(text, enterprise.name, pilot.words_of_area(enterprise.area))
