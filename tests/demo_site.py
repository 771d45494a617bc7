"""The demonstration site as a whole, index and all: made once a session and only read by the tests that share it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from marketplace.app import create_app, worker_of
from marketplace.commands.demonstration import play_the_pool
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.database import Database, sqlite_driver
from marketplace.site import Site
from tests.opened import Browser, copy_of, site_of
from tests.shared import made_once
from tests.web.people import PEOPLE, Things, browser_of, find_things

CACHE = Path(__file__).parents[1] / ".test-cache"
VECTORS = CACHE / "vectors.db"


def share_model(folder: Path) -> None:
    """The embedding model is made ready once for all sites of all runs."""
    models = CACHE / "models"
    models.mkdir(parents=True, exist_ok=True)
    (folder / "models").symlink_to(models, target_is_directory=True)


def drain(site: Site) -> None:
    """Index everything that waits. Vectors come from the cache of earlier runs where it has them."""
    worker_of(site).drain()


def take_vectors(database: Path) -> None:
    """Vectors of earlier runs, so that a run embeds only what is new."""
    if not VECTORS.exists():
        return
    with sqlite3.connect(database) as connection:
        connection.execute("ATTACH ? AS cache", (str(VECTORS),))
        connection.execute("INSERT OR IGNORE INTO embeddings SELECT * FROM cache.embeddings")
    connection.close()


def keep_vectors(database: Path) -> None:
    """Keep the vectors for the next run; a run beside this one may do the same, so the file is swapped in whole."""
    VECTORS.parent.mkdir(exist_ok=True)
    fresh = VECTORS.with_suffix(f".{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with sqlite3.connect(database) as connection:
        connection.execute("ATTACH ? AS cache", (str(fresh),))
        connection.execute("CREATE TABLE cache.embeddings AS SELECT * FROM main.embeddings")
    connection.close()
    fresh.replace(VECTORS)


def _index(folder: Path) -> None:
    """Fill the index of a data folder; vectors are taken from earlier runs, and kept for later ones."""
    take_vectors(folder / "jigai.db")
    site = site_of(folder)
    drain(site)
    site.index.close()
    site.database.close()
    keep_vectors(folder / "jigai.db")


@pytest.fixture(scope="session")
def demo_folder(request: pytest.FixtureRequest, demonstration_file: Path) -> Path:
    """A data folder with the demonstration set, indexed."""

    def make(folder: Path) -> None:
        copy_of(demonstration_file, folder)
        share_model(folder)
        _index(folder)

    return made_once(request, "demo", make)


@pytest.fixture(scope="session")
def pool_folder(request: pytest.FixtureRequest, demonstration_file: Path, pilot: Pilot) -> Path:
    """A data folder in which people of the pool have acted, to be copied. Its index stays empty: nothing here searches."""

    def make(folder: Path) -> None:
        copy_of(demonstration_file, folder)
        share_model(folder)
        database = Database(f"sqlite:///{folder / 'jigai.db'}")
        play_the_pool(database, pilot, BlobStore(folder / "files", None), at=datetime.now(UTC))
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        database.close()

    return made_once(request, "pool", make)


@pytest.fixture(scope="session")
def indexed_pool_folder(request: pytest.FixtureRequest, pool_folder: Path) -> Path:
    """The same with its index, to be copied."""

    def make(folder: Path) -> None:
        shutil.copytree(pool_folder, folder, symlinks=True, dirs_exist_ok=True)
        _index(folder)

    return made_once(request, "indexed-pool", make)


def _opened(folder: Path) -> Iterator[Site]:
    site = site_of(folder)
    yield site
    site.index.close()
    site.database.close()


@pytest.fixture(scope="session")
def demo_site(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Shared: whoever writes takes `own_folder`. Reading writes too (what was shown is noted), so that it is a copy as well."""
    yield from _opened(own_copy(demo_folder, tmp_path_factory.mktemp("shared") / "data"))


@pytest.fixture(scope="session")
def demo_app(demo_site: Site) -> Flask:
    return create_app(demo_site)


@pytest.fixture(scope="session")
def things(demo_site: Site) -> Things:
    return find_things(demo_site)


@pytest.fixture
def browsers(demo_app: Flask) -> dict[str, Browser]:
    """A browser for every person, logged in when first asked for."""
    return _Browsers(demo_app)


class _Browsers(dict[str, Browser]):
    """Logging in takes time by design, so the browsers of one application are kept, for as long as the application is."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app

    def __missing__(self, person: str) -> Browser:
        assert person in PEOPLE
        kept = self.app.extensions.setdefault("browsers of the tests", {})
        if person not in kept:
            kept[person] = browser_of(self.app, person)
        # A language chosen by one test is not the next one's.
        kept[person].client.delete_cookie("jigai_lang")
        self[person] = kept[person]
        return kept[person]


def own_copy(demo_folder: Path, folder: Path) -> Path:
    """A copy of the demonstration site's folder, for whoever writes."""
    folder.mkdir(parents=True)
    share_model(folder)
    # By the site's own library: a second one in this process would take away the locks and the log of the file that is in use.
    driver = sqlite_driver()
    with driver.connect(demo_folder / "jigai.db") as source, driver.connect(folder / "jigai.db") as target:
        source.backup(target)
    source.close()
    target.close()
    shutil.copytree(demo_folder / "index", folder / "index", ignore=shutil.ignore_patterns("*.lock"))
    return folder


@pytest.fixture
def own_folder(demo_folder: Path, tmp_path: Path) -> Path:
    return own_copy(demo_folder, tmp_path / "own")


@pytest.fixture
def own_demo(own_folder: Path) -> Iterator[Site]:
    yield from _opened(own_folder)


@pytest.fixture
def own_app(own_demo: Site) -> Flask:
    return create_app(own_demo)


@pytest.fixture
def own_browsers(own_app: Flask) -> dict[str, Browser]:
    return _Browsers(own_app)
