"""Killed with SIGKILL under load, on both tiers: nothing is lost and nothing comes back. The long run is bench/crash.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.crash import Outcome, embedded, scale
from tests.conftest import PostgreSQL


def is_whole(outcome: Outcome) -> None:
    assert sum(outcome.writes.values()) > 10
    assert outcome.answers
    assert (outcome.errors, outcome.lost, outcome.resurrected, outcome.stale, outcome.parked) == (0, 0, 0, 0, 0)


def test_the_embedded_site_killed_and_started_again(own_folder: Path) -> None:
    is_whole(embedded(own_folder, kills=6, seed=7))


def test_every_process_of_the_scale_tier_killed_and_started_again(own_folder: Path, postgresql: PostgreSQL) -> None:
    url = postgresql.create(template="template0")
    environment = {**os.environ, "JIGAI_DATA_DIR": str(own_folder)}
    subprocess.run([str(Path(sys.executable).with_name("jigai")), "copy", "--to", url], env=environment, check=True, capture_output=True)
    outcome = scale(own_folder, url, kills=5, seed=9, engine_weight=1.0)
    is_whole(outcome)
    assert outcome.kills == {"gunicorn": 1, "worker": 3, "opensearch": 1}
