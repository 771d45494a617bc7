"""docker-compose.yml is well-formed, publishes the web port only, and its processes work together when started by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.engine import make_url

from marketplace.actions.demonstration import PASSWORD
from tests.cli.test_gunicorn import free_port, read, until_it_answers
from tests.conftest import PostgreSQL
from tests.demo_site import share_model
from tests.opensearch_server import OpenSearchServer, opensearch_server

__all__ = ["opensearch_server"]
ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
OURS = ("prepare", "web", "worker")


def test_the_file_is_what_compose_reads() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_only_the_web_port_is_published_and_no_secret_is_written_out() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {"web": ["127.0.0.1:8000:8000"]}
    assert not [name for service in SERVICES.values() for name in service.get("environment", {}) if name.endswith("PASSWORD")]
    assert all("healthcheck" in service for name, service in SERVICES.items() if name not in ("prepare", "worker"))


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    program = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_its_processes_work_together(postgresql: PostgreSQL, opensearch_server: OpenSearchServer, tmp_path: Path) -> None:
    """The file's own commands and settings; only addresses, folders and ports are those of this machine."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "jigai_database_password").write_text("from-a-file\n", encoding="utf-8")
    database, engine = make_url(postgresql.create(template="template0")), opensearch_server.url()
    share_model(tmp_path)
    # Port 0 is nobody's: the web process gets its own below.
    here = {
        "JIGAI_DATABASE_URL": database.render_as_string(hide_password=False),
        "JIGAI_SEARCH_URL": engine.partition("?")[0],
        "JIGAI_DATA_DIR": str(tmp_path),
        "JIGAI_HOST": "127.0.0.1",
        "JIGAI_PORT": str(free_port()),
        "JIGAI_PUBLIC_URL": "",
    }
    for name in OURS:
        assert SERVICES[name]["environment"].keys() == here.keys(), name
    environment = {**os.environ, **here, "JIGAI_SECRETS_DIR": str(secrets), "JIGAI_SEARCH_TIMEOUT": "20"}
    prepared = subprocess.run(
        [str(Path(sys.executable).with_name("jigai")), *SERVICES["prepare"]["command"][1:]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    assert prepared.returncode == 0, prepared.stderr
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(started(SERVICES["worker"]["command"], environment))
        web = stack.enter_context(started(SERVICES["web"]["command"], environment))
        address = f"http://127.0.0.1:{here['JIGAI_PORT']}"
        until_it_answers(web, address)
        assert json.loads(read(f"{address}/readyz"))["status"] == "ready"
        # Something is published by a command; a worker indexes it; both web processes find it.
        rows = tmp_path / "rows"
        rows.mkdir()
        (rows / "scenarios.jsonl").write_text(
            json.dumps({"code": "X-1", "sector": "chem", "name": "釜前防错投料", "description": "投错料自动拦住"}) + "\n", encoding="utf-8"
        )
        jigai = Path(sys.executable).with_name("jigai")
        done = subprocess.run([jigai, "import", rows], env=environment, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        asked = f"{address}/api/v1/search?kind=scenario&q={urllib.parse.quote('防错投料')}"
        end = time.monotonic() + 60
        while not json.loads(read(asked))["hits"]:
            assert time.monotonic() < end
            time.sleep(0.2)
        assert PASSWORD not in read(f"{address}/login")
    opensearch_server.drop(engine)
