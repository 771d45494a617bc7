"""What tests share: real databases of both kinds, the pilot, the demonstration set.

A migrated SQLite file and the demonstration set are made once and copied; one PostgreSQL server is started when the first
test asks for it, reachable by its socket only, and every test gets a database of its own from a template.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from marketplace.actions.demonstration_set import load_demonstration
from marketplace.domain.access import Role
from marketplace.pilot import Pilot, load_pilot
from marketplace.records.database import Database
from tests.compiled import compile_once
from tests.shared import made_once
from tests.written import listen

# The demonstration site is made once a process, whichever folder's tests ask for it.
pytest_plugins = ("tests.demo_site",)

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "marketplace" / "data" / "demo"
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)

# A database that goes to the next test: whoever is still connected goes, tables with rows are found by their size.
OTHERS_END = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
USED_TABLES = (
    "SELECT format('%I', relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0"
)
NUMBERS_ANEW = "SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL"
SHAPE = (
    "SELECT concat_ws(' ', (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute), (SELECT count(*) FROM pg_constraint),"
    " (SELECT count(*) FROM pg_trigger))"
)

# Files that take longest come first, so that no worker is left alone with one of them at the end (measured, longest first). The second and the
# third do not need the demonstration site, which the first one makes meanwhile.
LONGEST = (
    "tests/journeys/test_pool.py",
    "tests/indexer/test_delta_training.py",
    "tests/indexer/test_sentence_transformers.py",
    "tests/journeys/test_project.py",
    "tests/indexer/test_crash.py",
    "tests/web/test_english.py",
    "tests/journeys/test_brokering.py",
    "tests/jobs/test_crash.py",
    "tests/api/test_contract.py",
    "tests/journeys/test_journeys.py",
    "tests/recommender/test_learning.py",
    "tests/web/test_lost_updates.py",
    "tests/web/test_security.py",
    "tests/web/test_list_speed.py",
    "tests/actions/test_commands.py",
    "tests/actions/test_brokerings.py",
    "tests/indexer/test_worker.py",
    "tests/api/test_pool_sweeps.py",
    "tests/web/test_adjustments.py",
    "tests/cli/test_serve.py",
    "tests/indexer/test_search.py",
)

# Two cores are shared by everything that runs: a slow example is not a wrong one.
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")
# Whatever the product writes in any test has its history.
listen()
compile_once()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONGEST)))


class PostgreSQL:
    """A server of our own: data, socket and log in one folder, started as `nobody` where we are root."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="jigai-pg-"))
        self.programs = self._programs()
        self.as_nobody: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("nobody")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.as_nobody = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        data = self.folder / "data"
        self._run("initdb", "-D", str(data), "-U", "jigai", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "80",
            # A database that is lent again is cleaned by whoever takes it back.
            "autovacuum": "off",
            "shared_buffers": "64MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.log = (self.folder / "log").open("w")
        command = [*self.as_nobody, str(self.programs / "postgres"), "-D", str(data), *options]
        # Where our own folder is closed to nobody, the server would complain at its first look around.
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, cwd="/")
        self.numbers = count(1)
        self.free: list[str] = []
        self._wait()
        self._make_template()

    @staticmethod
    def _programs() -> Path:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        named = shutil.which("initdb")
        if not found and not named:
            pytest.fail("PostgreSQL is needed: sudo apt-get install postgresql")
        return found[-1].parent if found else Path(named or "").parent

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([*self.as_nobody, str(self.programs / program), *arguments], check=True, capture_output=True, cwd="/")

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://jigai@/{name}?host={self.folder}"

    def _execute(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _wait(self) -> None:
        for _attempt in range(300):
            try:
                self._execute("SELECT 1")
            except OperationalError:
                time.sleep(0.1)
            else:
                return
        pytest.fail(f"PostgreSQL did not start: {(self.folder / 'log').read_text()}")

    def _make_template(self) -> None:
        self._execute("CREATE DATABASE template_jigai")
        database = Database(self.url("template_jigai"))
        database.migrate()
        with database.engine.connect() as connection:
            self.shape = connection.scalar(text(SHAPE))
        database.close()

    def create(self, template: str = "template_jigai") -> str:
        """The address of a new database."""
        name = f"test_{next(self.numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The address of an empty database that another test may have used before: a new one is a thousand files to copy."""
        url = self.free.pop() if self.free else self.create()
        yield url
        if self._emptied(url):
            self.free.append(url)

    def _emptied(self, url: str) -> bool:
        """Take out all rows and start all numbers anew; whether the database is as a new one is, or a test has changed its tables."""
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in (OTHERS_END, "SET session_replication_role = replica"):
                connection.execute(text(statement)).close()
            if used := ", ".join(connection.scalars(text(USED_TABLES))):
                for table in used.split(", "):
                    connection.execute(text(f"DELETE FROM {table}"))
                connection.execute(text(f"VACUUM {used}"))
            connection.execute(text(NUMBERS_ANEW)).close()
            shape = connection.scalar(text(SHAPE))
        engine.dispose()
        return shape == self.shape

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for the whole session of a test process."""
    server = PostgreSQL()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_file(request: pytest.FixtureRequest) -> Path:
    """An SQLite file of the newest schema, to be copied."""
    return made_once(request, "migrated", lambda folder: _settled(folder / "jigai.db", lambda database: None)) / "jigai.db"


def _settled(path: Path, fill: Callable[[Database], object]) -> None:
    """Migrate and fill a database, and leave everything in its one file."""
    database = Database(f"sqlite:///{path}")
    database.migrate()
    fill(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    database.close()


@pytest.fixture(scope="session")
def pilot() -> Pilot:
    """The packaged pilot."""
    return load_pilot()


@pytest.fixture(scope="session")
def role_names(pilot: Pilot) -> dict[Role, str]:
    """The word of each role."""
    return {role: term.name if (term := pilot.roles.find(role.value)) else role.value for role in Role}


@pytest.fixture(scope="session")
def demonstration_file(request: pytest.FixtureRequest, pilot: Pilot, role_names: dict[Role, str]) -> Path:
    """An SQLite file with the demonstration set and its accounts, to be copied."""

    def make(folder: Path) -> None:
        _settled(folder / "jigai.db", lambda database: load_demonstration(database, pilot, DEMO, names=role_names, at=NOW))

    return made_once(request, "demonstration", make) / "jigai.db"


@pytest.fixture
def sqlite_database(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database, for tests that need only one kind."""
    yield from _opened_copy(migrated_file, tmp_path / "jigai.db")


def _opened_copy(file: Path, path: Path) -> Iterator[Database]:
    shutil.copyfile(file, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def demonstration(demonstration_file: Path, tmp_path: Path) -> Iterator[Database]:
    """An SQLite database with the demonstration set, of the test's own."""
    yield from _opened_copy(demonstration_file, tmp_path / "demonstration.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind in turn."""
    if request.param == "sqlite":
        yield from _opened_copy(migrated_file, tmp_path / "jigai.db")
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.lent() as url:
        database = Database(url)
        yield database
        database.close()
