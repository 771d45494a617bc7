"""One provider's whole way through the pool, clicked through the pages by everybody who has a part in it, in both languages.

It registers, applies, mends, is reviewed and admitted, publishes, does badly, is warned, has to rectify, does not, is put out,
appeals in vain, and a year later applies again. Days pass by moving the clock of the process (time-machine), as in other tests:
pages, actions and workers ask nothing else for the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine

from tests.conftest import NOW
from tests.journeys import pool_admission as admission
from tests.journeys import pool_standing as standing
from tests.journeys.conftest import Person, Served
from tests.journeys.pool import Journey, Words


@pytest.fixture
def journey(request: pytest.FixtureRequest, served: Served, somebody: Callable[..., Person], tmp_path: Path) -> Iterator[Journey]:
    with time_machine.travel(NOW, tick=True) as travel:
        yield Journey(Words(request.param), served, somebody, travel, tmp_path)


@pytest.mark.parametrize("journey", ["zh", "en"], indirect=True)
def test_a_provider_comes_goes_and_comes_again(journey: Journey) -> None:
    admission.staff_is_there(journey)
    admission.registers(journey)
    admission.applies(journey)
    admission.is_sent_back_and_mends(journey)
    admission.is_reviewed(journey)
    admission.is_admitted(journey)
    address = standing.publishes(journey)
    standing.is_warned(journey)
    standing.has_to_rectify_and_does_not(journey)
    standing.is_retired(journey, address)
    standing.appeals_in_vain(journey, address)
    standing.comes_again(journey)
