"""API tests share the demonstration site with the tests of the pages; those of the pool have one in which the pool was played."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.app import create_app
from tests.api.pool import Pool
from tests.opened import site_of


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
