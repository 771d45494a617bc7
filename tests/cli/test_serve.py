"""`jigai serve` as a real process: it announces itself, refuses what it must, and works beside other commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.records.accounts import Account
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing
from tests.cli.conftest import Run, parsed
from tests.demo_site import take_vectors

ROOT = Path(__file__).parents[2]


class Server:
    """A real `jigai serve`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        environment = {**os.environ, "JIGAI_DATA_DIR": str(folder), "JIGAI_PORT": "0", **settings}
        command = [sys.executable, "-m", "marketplace.cli", "serve"]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if not found:
            _out, said = self.process.communicate()
            raise AssertionError(said)
        self.address = found[0]

    def stop(self) -> str:
        self.process.terminate()
        _out, said = self.process.communicate(timeout=30)
        return said


def test_serve_announces_itself_and_commands_work_beside_it(run: Run, own_folder: Path, tmp_path: Path) -> None:
    server = Server(own_folder, JIGAI_DEMO="1")
    try:
        with urllib.request.urlopen(f"{server.address}/api/v1/search?q=%E5%8E%8B%E6%9C%BA", timeout=30) as answer:
            assert json.load(answer)["hits"]
        assert parsed(run("search", "压机停机", "--json"))["hits"]
        assert parsed(run("recommend", "--problem", "压机停机", "--json"))["matches"]
        second = run("serve")
        assert second.exit_code == 2
        assert "只能启动一个" in second.stderr
        row = {
            "id": "CLI-1", "provider_code": "919900006639233244", "title": "喷漆房漆雾浓度联锁", "form": "产品", "sectors": ["汽车"],
            "summary": "喷漆房漆雾浓度超标时联锁停喷。", "price_wan": [5, 9], "delivery_weeks": [2, 3], "references": 1,
        }  # fmt: skip
        (tmp_path / "solutions.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
        # The server owns the index: the import enqueues and waits until its worker has written.
        assert run("import", str(tmp_path / "solutions.jsonl"), "--json").exit_code == 0
        with urllib.request.urlopen(f"{server.address}/api/v1/search?q=%E6%BC%86%E9%9B%BE%E6%B5%93%E5%BA%A6", timeout=30) as answer:
            assert json.load(answer)["hits"][0]["id"] == "CLI-1"
    finally:
        said = server.stop()
    for login in ("enterprise", "provider", "centre", "manager", "bureau", "finance", "area", "expert", "admin"):
        assert re.search(rf"^\s+{login}\s+jigai-demo", said, re.MULTILINE), login


def test_serve_refuses_a_public_demonstration_and_a_real_site_as_one(run: Run, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIGAI_HOST", "0.0.0.0")
    public = run("serve")
    assert public.exit_code == 2
    assert "只许监听本机" in public.stderr
    monkeypatch.setenv("JIGAI_HOST", "127.0.0.1")
    database = Database(f"sqlite:///{own_folder / 'jigai.db'}")
    with database.writing() as session:
        people = session.scalars(select(Account)).all()
        for person in people:
            person.login = f"real.{person.login}"
    database.close()
    real = run("serve")
    assert real.exit_code == 2
    assert f"{len(people)} 个真实账号" in real.stderr


def test_a_first_start_loads_the_demonstration(tmp_path: Path, demo_folder: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    database.migrate()
    database.close()
    take_vectors(folder / "jigai.db")
    server = Server(folder, JIGAI_DEMO="1")
    told = server.stop()
    assert "示例数据" in told
    # There was no start before this one from which anything could differ.
    assert "和上次启动时不同" not in told
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    with database.reading() as session:
        waiting = session.scalars(select(QueuedThing).where(QueuedThing.wanted > QueuedThing.indexed)).all()
    database.close()
    assert waiting == []


def test_the_running_application_loads_nothing_that_only_training_and_scale_need(own_folder: Path) -> None:
    code = (
        "import sys, json; from pathlib import Path; from marketplace.settings import Settings; from marketplace.app import create_app, open_site;"
        f"create_app(open_site(Settings(data_dir=Path({str(own_folder)!r})), write=True));"
        "print(json.dumps([m for m in ('sklearn', 'openpyxl', 'opensearchpy', 'weasyprint', 'torch') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == []
