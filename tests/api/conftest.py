"""API tests share the demonstration site with the tests of the pages; those of the pool have one in which the pool was played."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketplace.app import create_app
from marketplace.commands.demonstration import play_the_pool
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from tests.api.pool import Pool
from tests.demo_site import (
    browsers,
    demo_app,
    demo_folder,
    demo_site,
    own_app,
    own_browsers,
    own_demo,
    own_folder,
    share_model,
    things,
)
from tests.opened import copy_of, site_of

__all__ = ["browsers", "demo_app", "demo_folder", "demo_site", "own_app", "own_browsers", "own_demo", "own_folder", "things"]


@pytest.fixture(scope="session")
def pool_folder(demonstration_file: Path, pilot: Pilot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which people of the pool have acted, to be copied. Its index stays empty: nothing here searches."""
    folder = copy_of(demonstration_file, tmp_path_factory.mktemp("pool") / "data")
    share_model(folder)
    database = Database(f"sqlite:///{folder / 'jigai.db'}")
    play_the_pool(database, pilot, BlobStore(folder / "files", None), at=datetime.now(UTC))
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    database.close()
    return folder


def _opened(pool_folder: Path, folder: Path) -> Iterator[Pool]:
    shutil.copytree(pool_folder, folder, symlinks=True)
    site = site_of(folder)
    yield Pool(site, create_app(site))
    site.index.close()
    site.database.close()


@pytest.fixture(scope="session")
def shared_pool(pool_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Shared: whoever writes takes `pool`."""
    yield from _opened(pool_folder, tmp_path_factory.mktemp("shared-pool") / "data")


@pytest.fixture
def pool(pool_folder: Path, tmp_path: Path) -> Iterator[Pool]:
    """A pool of the test's own."""
    yield from _opened(pool_folder, tmp_path / "data")
