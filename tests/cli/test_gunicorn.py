"""gunicorn on PostgreSQL: a process made by a fork answers searches, and what cannot work is one sentence."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from marketplace.wsgi import application
from tests.cli.conftest import Run, parsed
from tests.conftest import PostgreSQL

ROOT = Path(__file__).parents[2]


def gunicorn(folder: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "JIGAI_DATA_DIR": str(folder), **settings}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:marketplace.gunicorn_settings", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(answer.read().decode())


def until_it_answers(process: subprocess.Popen[str], address: str) -> None:
    began = time.monotonic()
    while True:
        try:
            read(f"{address}/healthz")
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() - began < 60
            time.sleep(0.2)
        else:
            return


def test_a_forked_process_answers_on_postgresql(run: Run, own_folder: Path, postgresql: PostgreSQL) -> None:
    url = postgresql.create(template="template0")
    assert parsed(run("copy", "--to", url, "--json"))["history"]["whole"]
    port = free_port()
    process = gunicorn(own_folder, JIGAI_DATABASE_URL=url, JIGAI_HOST="127.0.0.1", JIGAI_PORT=str(port))
    try:
        address = f"http://127.0.0.1:{port}"
        until_it_answers(process, address)
        # Hybrid: the embedding model was loaded after the fork, or this would wait for ever.
        found = json.loads(read(f"{address}/api/v1/search?q={urllib.parse.quote('压机十点一刻停机')}"))
        assert found["hits"]
        assert max(hit["dense"] for hit in found["hits"]) > 0
        assert json.loads(read(f"{address}/readyz"))["status"] == "ready"
        assert 'jigai_searches_total{mode="hybrid"}' in read(f"{address}/metrics")
    finally:
        process.terminate()
        said = process.communicate(timeout=30)[0]
    assert process.returncode == 0, said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "sentence"), [(("--workers", "3"), "只能用 1 个进程（现在是 3 个）"), (("--preload",), "请去掉 --preload")]
)
def test_what_cannot_work_is_refused_at_the_start(own_folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    process = gunicorn(own_folder, *arguments, JIGAI_PORT=str(free_port()))
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 2, said
    assert sentence in said
    assert "Traceback" not in said


def test_without_an_index_it_says_what_to_start(run: Run, own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(own_folder / "index")
    # `run` has set the folder for this process as well. 3 is what makes gunicorn end instead of starting it again for ever.
    with pytest.raises(SystemExit) as ended:
        application()
    assert ended.value.code == 3
    assert "请先启动 jigai worker" in capsys.readouterr().err
