"""The commands are tried on the demonstration site, each in a process of its own kind: called in here, or really started."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from marketplace.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`jigai …` on a copy of the demonstration site."""
    monkeypatch.setenv("JIGAI_DATA_DIR", str(own_folder))
    monkeypatch.setenv("JIGAI_DEMO", "1")

    def called(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments))

    return called


def parsed(result: Result) -> Any:
    """stdout is JSON and nothing else."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
