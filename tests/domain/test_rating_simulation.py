"""The thresholds of the pilot hold against a truth that is known: the simulation of bench/rating.py on a few of its worlds."""

from __future__ import annotations

import pytest

from bench.rating import BARS, SEEDS, Thresholds, outcome, reliability, simulate
from marketplace.pilot import Pilot

# The projects' own error with which bench/rating.py reaches the wanted reliability.
ERROR = 10.23


def test_a_single_project_is_as_reliable_as_the_rules_say(pilot: Pilot) -> None:
    icc, _mean, within = reliability(ERROR, pilot.rating, providers=400)
    assert icc == pytest.approx(pilot.rating.icc, abs=0.03)
    assert within == pytest.approx(pilot.rating.spread, abs=0.7)


def test_who_is_warned_and_who_is_not(pilot: Pilot) -> None:
    worlds = [simulate(seed, ERROR, pilot.rating) for seed in SEEDS[:4]]
    found = outcome(worlds, Thresholds(pilot.adjustment.warn_below, pilot.adjustment.retire_below))
    assert found["spearman_10"] >= BARS["spearman"]
    assert found["found"] >= BARS["found"]
    assert found["warned_wrongly"] <= BARS["warned_wrongly"]
    assert found["retired_wrongly"] <= BARS["retired_wrongly"]
