"""What is dear to make is made once for all processes of a test run: the first that needs it makes it, the others wait and copy."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def folder_of_run(request: pytest.FixtureRequest) -> Path:
    """The folder that all processes of a run see, and no other run."""
    own = request.getfixturevalue("tmp_path_factory").getbasetemp()
    return Path(own.parent if hasattr(request.config, "workerinput") else own)


@contextmanager
def one_at_a_time(folder: Path, name: str) -> Iterator[None]:
    """Whoever else of this run wants the same waits."""
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(request: pytest.FixtureRequest, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` fills, to be copied: nobody may write in it. What failed is not taken for made: the next one tries again."""
    folder = folder_of_run(request)
    with one_at_a_time(folder, name):
        tried = sorted(folder.glob(f"{name}-*"))
        done = folder / f"{name}.done"
        if not done.exists():
            fresh = folder / f"{name}-{len(tried) + 1}"
            fresh.mkdir()
            make(fresh)
            done.write_text(fresh.name)
        return folder / done.read_text()
