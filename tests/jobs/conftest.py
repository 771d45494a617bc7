"""Jobs are tried on a site without an index of its own: nothing of a job speaks to the engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.settings import Settings
from marketplace.site import Site


def site_with(database: Database, pilot: Pilot, folder: Path, **settings: Any) -> Site:
    """What a handler uses of a site."""
    own = Settings(data_dir=folder, **settings)
    return cast(Site, SimpleNamespace(database=database, pilot=pilot, settings=own, files=BlobStore(folder / "files")))


@pytest.fixture
def site(database: Database, pilot: Pilot, tmp_path: Path) -> Site:
    return site_with(database, pilot, tmp_path / "data")
