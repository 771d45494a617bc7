"""What is said of a showcase to everybody: without the enterprise's name where it did not agree to be named, on pages and in the API."""

from __future__ import annotations

from marketplace.domain.problems import redacted
from marketplace.pilot import Pilot
from marketplace.records.showcases import Showcase


def showcase_text(showcase: Showcase, text: str, pilot: Pilot) -> str:
    """The text as anybody may read it; the enterprise of the showcase is loaded."""
    enterprise = showcase.enterprise
    if enterprise is None or showcase.show_name:
        return text
    return redacted(text, enterprise.name, pilot.words_of_area(enterprise.area))
