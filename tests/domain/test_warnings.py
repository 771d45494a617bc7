"""A warning of a provider is read by staff, by nobody else, through the API as on the pages."""

import pytest

from marketplace.domain.access import ANYONE, Role, Viewer
from marketplace.domain.matches import Match, Part, Reason

MATCH = Match("p", 1, 1, 0.9, 4, {}, (Reason(Part.FITS, "same_sector", "适用。"), Reason(Part.MISSING, "warned", "在警示期。")), "test")


@pytest.mark.parametrize(
    ("viewer", "codes"),
    [
        (ANYONE, ["same_sector"]),
        (Viewer(account_id=1, roles=frozenset({Role.ENTERPRISE})), ["same_sector"]),
        (Viewer(account_id=1, roles=frozenset({Role.PROVIDER})), ["same_sector"]),
        (Viewer(account_id=1, roles=frozenset({Role.CENTRE})), ["same_sector", "warned"]),
    ],
)
def test_who_reads_a_warning(viewer: Viewer, codes: list[str]) -> None:
    assert [reason.code for reason in MATCH.told(viewer)] == codes
