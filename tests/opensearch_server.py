"""One real OpenSearch for all processes of a test run: the first that needs it starts it, the last that used it stops it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.shared import folder_of_run, one_at_a_time

TOOL = Path(__file__).parents[1] / "tools" / "opensearch"


class OpenSearchServer:
    """`address` names the server; every test has a prefix of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._run = uuid4().hex[:8]
        self._numbers = count(1)

    def url(self) -> str:
        """The address of an engine without any index."""
        # A busy test machine is slow: what a site would call a failure is waited for here.
        return f"{self.address}/t{self._run}-{next(self._numbers)}?timeout=20"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request beside the engine that is tested."""
        data = None if body is None else json.dumps(body).encode()
        address = self.address.replace("opensearch://", "http://", 1)
        request = urllib.request.Request(f"{address}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def drop(self, url: str) -> None:
        """Every index of an address."""
        self.ask("DELETE", f"/{prefix_of(url)}-*")


def prefix_of(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


@contextmanager
def _shared_state(folder: Path) -> Iterator[dict[str, Any]]:
    """What the processes of this run know of the server, for one at a time."""
    with one_at_a_time(folder, "opensearch"):
        file = folder / "opensearch.json"
        state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"users": 0}
        yield state
        file.write_text(json.dumps(state))


def _start(state: dict[str, Any]) -> None:
    # Not below pytest's own folder, which nobody but us may enter: the server of root runs as nobody.
    state["data"] = tempfile.mkdtemp(prefix="jigai-opensearch-")
    done = subprocess.run([str(TOOL), "start", "--port", "0", "--data", state["data"]], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"OpenSearch is needed: {done.stderr}")
    state["address"] = done.stdout.splitlines()[0].partition("=")[2]


@pytest.fixture(scope="session")
def opensearch_server(request: pytest.FixtureRequest) -> Iterator[OpenSearchServer]:
    """The server of this run."""
    folder = folder_of_run(request)
    with _shared_state(folder) as state:
        if not state["users"]:
            _start(state)
        state["users"] += 1
        address = state["address"]
    yield OpenSearchServer(address)
    with _shared_state(folder) as state:
        state["users"] -= 1
        if not state["users"]:
            subprocess.run([str(TOOL), "stop", "--data", state["data"]], check=True)
            shutil.rmtree(state["data"], ignore_errors=True)
