"""`jigai backup` and `jigai restore`: what is backed up while others write comes back whole, into nothing but an empty place."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from marketplace.actions import accounts_staff
from marketplace.actions.demonstration import find_demonstration_accounts
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.backup_restoring import put_in_place, unpacked
from marketplace.cli import main
from marketplace.domain.access import Role
from marketplace.files.store import BlobStore
from marketplace.records.accounts import AccountSession, find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.files import Blob
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.organisations import Organisation
from marketplace.records.solutions import Solution
from marketplace.records.tables import metadata
from tests.cli.conftest import Run, parsed
from tests.cli.test_commands import assert_documented
from tests.conftest import NOW, PostgreSQL
from tests.demo_site import CACHE, own_copy

QUERIES = ("压机停机 提前预警", "能耗 在线监测", "视觉检测")


class Office(threading.Thread):
    """Somebody who works on, without a pause, until told to stop: files come in, accounts are disabled and enabled."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.enough, self.done = folder, threading.Event(), 0

    def run(self) -> None:
        database, store = Database(f"sqlite:///{self.folder / 'jigai.db'}"), BlobStore(self.folder / "files")
        with database.reading() as session:
            logins = {one.role: one.login for one in find_demonstration_accounts(session)}
            admin = find_viewer(session, find_account(session, logins[Role.ADMIN]).id)  # type: ignore[union-attr]
            other = find_account(session, logins[Role.EXPERT]).id  # type: ignore[union-attr]
            solution = session.scalars(select(Solution.id)).first()
        assert admin is not None
        assert solution is not None
        while not self.enough.is_set():
            now = datetime.now(UTC)
            stored = store.keep(f"paper {self.done}".encode() * 500, f"{self.done}.pdf", "application/pdf")
            with database.writing() as session:
                attach(session, stored, noun="solution", noun_id=solution, kind="manual", organisation_id=None, viewer=admin, at=now)
            act = accounts_staff.enable if self.done % 2 else accounts_staff.disable
            act(database, other, viewer=admin, at=now, why="试")
            self.done += 1
        database.close()


@pytest.fixture
def busy(own_folder: Path) -> Iterator[Office]:
    office = Office(own_folder)
    office.start()
    while not office.done and office.is_alive():
        office.enough.wait(0.02)
    yield office
    office.enough.set()
    office.join()


def own_models(folder: Path) -> None:
    """The models of the cache without its rankers: those are what other tests have learnt, and a restore writes its own."""
    models = folder / "models"
    models.unlink(missing_ok=True)
    models.mkdir()
    for one in (CACHE / "models").iterdir():
        if one.name != "rankers":
            (models / one.name).symlink_to(one, target_is_directory=one.is_dir())


@pytest.fixture
def own_folder(demo_folder: Path, tmp_path: Path) -> Path:
    folder = own_copy(demo_folder, tmp_path / "own")
    own_models(folder)
    return folder


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, own_folder: Path, tmp_path: Path) -> Callable[..., Result]:
    """`jigai …` on a machine that has a model and nothing else."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    own_models(folder)

    def called(*arguments: str) -> Result:
        monkeypatch.setenv("JIGAI_DATA_DIR", str(folder))
        return CliRunner().invoke(main, list(arguments))

    return called


def hits(run: Callable[..., Result], query: str) -> list[tuple[str, float]]:
    return [(hit["public_id"], hit["score"]) for hit in parsed(run("search", query, "--json"))["hits"]]


def test_under_load_and_back_into_nothing(run: Run, busy: Office, own_folder: Path, elsewhere: Run, tmp_path: Path) -> None:
    (own_folder / "secret.key").write_bytes(b"k" * 32)
    parsed(run("audit", "anchor", "--json"))
    before, archive = {query: hits(run, query) for query in QUERIES}, tmp_path / "out" / "site.tar"
    worked = busy.done
    made = parsed(run("backup", str(archive), "--json"))
    assert busy.is_alive()
    assert busy.done > worked, "nobody wrote meanwhile: this was no backup under load"
    assert_documented(made)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert [path.name for path in archive.parent.iterdir()] == ["site.tar"]
    assert made["blobs"] >= worked
    assert made["files"] == ["audit-anchors.log", "jigai.db", "secret.key"]
    restored = parsed(elsewhere("restore", str(archive), "--json"))
    assert_documented(restored)
    same = ("tables", "rows", "history", "blobs", "schema", "made", "missing")
    assert {key: restored[key] for key in same} == {key: made[key] for key in same}
    assert made["missing"] == []
    assert made["history"]["whole"] is True
    folder = tmp_path / "elsewhere"
    assert (folder / "secret.key").read_bytes() == b"k" * 32
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600
    assert not (folder / ".restoring").exists()
    database, store = Database(f"sqlite:///{folder / 'jigai.db'}"), BlobStore(folder / "files")
    with database.reading() as session:
        assert find_broken_link(session) is None
        assert session.scalar(select(func.count()).select_from(HistoryEntry)) == made["history"]["entries"]
        assert {row["table"]: row["rows"] for row in made["tables"]} == {
            table.name: session.scalar(select(func.count()).select_from(table)) for table in metadata.sorted_tables
        } | {"alembic_version": 1}
        assert set(session.scalars(select(Blob.sha256))) == set(store.hashes())
        assert len(set(store.hashes())) == made["blobs"]
        # Whoever was logged in then is not now.
        assert not session.scalar(select(func.count()).select_from(AccountSession).where(AccountSession.revoked.is_(False)))
    database.close()
    assert {query: hits(elsewhere, query) for query in QUERIES} == before
    assert parsed(elsewhere("audit", "verify", "--json"))["whole"] is True
    # A place that is taken is refused, and stays as it is.
    assert "不是空的" in sentence(elsewhere("restore", str(archive))) or "已经存在" in sentence(elsewhere("restore", str(archive)))


def sentence(result: Result) -> str:
    """The one sentence of a refusal."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr


def rewritten(archive: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The archive with other contents; None takes a file out of it."""
    other = archive.with_name("other.tar")
    with tarfile.open(archive) as tar, tarfile.open(other, "w") as out:
        for info in tar:
            data = change(info.name, tar.extractfile(info).read())  # type: ignore[union-attr]
            if data is not None:
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
    return other


def test_what_cannot_be_restored_is_refused_and_leaves_nothing(run: Run, own_folder: Path, elsewhere: Run, tmp_path: Path) -> None:
    archive = tmp_path / "site.tar"
    assert run("backup", str(archive)).exit_code == 0
    assert "已经存在" in sentence(run("backup", str(archive)))

    def other_manifest(**values: object) -> Callable[[str, bytes], bytes]:
        return lambda name, data: json.dumps(json.loads(data) | values).encode() if name == "manifest.json" else data

    with tarfile.open(archive) as tar:
        manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    tables, history = manifest["tables"], manifest["history"]
    refused = {
        "比本程序的": other_manifest(schema="9999"),
        "不认识它的格式": other_manifest(format=2),
        "表 accounts 的行数": other_manifest(tables=tables | {"accounts": tables["accounts"] + 1}),
        "哈希链和清单不一致": other_manifest(history=history | {"head": "0" * 64}),
        "jigai.db 的内容和清单不一致": lambda name, data: data[:-1] + b"x" if name == "jigai.db" else data,
        "jigai.db 不在里面": lambda name, data: None if name == "jigai.db" else data,
        "没有清单": lambda name, data: None if name == "manifest.json" else data,
        "不认识的文件 ../x": other_manifest(files=manifest["files"] | {"../x": {"size": 1, "sha256": "0" * 64}}),
        "读不懂": lambda name, data: b"[1" if name == "manifest.json" else data,
    }
    for words, change in refused.items():
        assert words in sentence(elsewhere("restore", str(rewritten(archive, change))))
    cut = tmp_path / "cut.tar"
    cut.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    for path, content in ((cut, None), (tmp_path / "no.tar", b"no archive at all")):
        if content is not None:
            path.write_bytes(content)
        sentence(elsewhere("restore", str(path)))
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["models"]
    # What a restoration that was killed has left is no obstacle; what belongs to a site is.
    (tmp_path / "elsewhere" / ".restoring").mkdir()
    (tmp_path / "elsewhere" / "secret.key").touch()
    assert "不是空的（有 secret.key）" in sentence(elsewhere("restore", str(archive)))


def test_a_file_that_is_gone_is_named_and_the_rest_is_saved(run: Run, own_folder: Path, tmp_path: Path) -> None:
    database, store = Database(f"sqlite:///{own_folder / 'jigai.db'}"), BlobStore(own_folder / "files")
    stored = [store.keep(text, "a.pdf", "application/pdf") for text in (b"kept", b"lost", b"spoilt")]
    with database.writing() as session:
        for one in stored:
            session.add(Blob(sha256=one.sha256, size=one.size, kind=one.kind, scan=one.scan, created=datetime.now(UTC)))
    database.close()
    store.path(stored[1].sha256).unlink()
    store.path(stored[2].sha256).write_bytes(b"spoilT")
    result = run("backup", str(tmp_path / "site.tar"), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["missing"] == sorted(one.sha256 for one in stored[1:])
    folder = tmp_path / "back"
    with unpacked(tmp_path / "site.tar", folder, lambda done, total: None) as (_manifest, stage):
        put_in_place(stage, folder, folder / "jigai.db")
    assert list(BlobStore(folder / "files").hashes()) == [stored[0].sha256]
    assert (folder / "jigai.db").exists()
    assert not (folder / ".restoring").exists()


def test_a_site_on_postgresql_has_the_same_file(
    run: Run, own_folder: Path, elsewhere: Run, postgresql: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database(f"sqlite:///{own_folder / 'jigai.db'}").writing() as session:
        # What a conversion on the way might change: JSON's null beside none at all, numbers, signs and a control character.
        session.add(Organisation(name="单位\t\\N 'x' \"y\" \\"))
        record(session, actor="人\n", verb="x", noun="y", noun_id=None, before={"数": 0.1, "大": 10**20, "e": 1e-7}, after=None, at=NOW)
    before = hits(run, QUERIES[0])
    made = parsed(run("backup", str(tmp_path / "one.tar"), "--json"))
    monkeypatch.setenv("JIGAI_DATABASE_URL", postgresql.create(template="template0"))
    restored = parsed(elsewhere("restore", str(tmp_path / "one.tar"), "--json"))
    assert restored["tables"] == made["tables"]
    assert hits(elsewhere, QUERIES[0]) == before
    assert "不是空的" in sentence(elsewhere("restore", str(tmp_path / "one.tar")))
    again = parsed(elsewhere("backup", str(tmp_path / "two.tar"), "--json"))
    assert again["history"] == made["history"]
    assert made["history"]["whole"] is True
    kept = [set_of_rows(tmp_path / name, tmp_path / f"{name}.out") for name in ("one.tar", "two.tar")]
    assert kept[0].keys() == kept[1].keys()
    assert [name for name in kept[0] if kept[0][name] != kept[1][name]] == []


def set_of_rows(archive: Path, folder: Path) -> dict[str, list[str]]:
    """All rows of the database in a verified archive, but for what a restoration itself writes: who is logged in, and the queue of the index."""
    with unpacked(archive, folder, lambda done, total: None) as (_manifest, stage):
        database = Database(f"sqlite:///{stage / 'jigai.db'}")
        with database.engine.connect() as connection:
            written = {"account_sessions", "index_queue"}
            found = {
                name: [repr(tuple(row)) for row in connection.execute(select(table).order_by(*table.primary_key))]
                for name, table in metadata.tables.items()
                if name not in written
            }
        database.close()
    return found
