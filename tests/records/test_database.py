"""How the product opens a database, in a process of its own: here SQLite does not wait for the disk (tests/compiled.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from marketplace.records.database import Database
with Database(sys.argv[1]).engine.connect() as connection:
    for name in ("journal_mode", "synchronous", "foreign_keys"):
        print(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
"""


def test_what_is_committed_is_on_the_disk(tmp_path: Path) -> None:
    """2 is FULL: a commit waits until the disk has it."""
    command = [sys.executable, "-c", PROGRAM, f"sqlite:///{tmp_path / 'own.db'}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["wal", "2", "1"]
