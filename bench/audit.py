"""How fast a history is verified, and that a change of any one entry is found: `jigai audit verify` on a chain of a million entries.

python -m bench.audit [--rows 1000000] [--attacks 5] [--database URL] [--out bench/results/audit.json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from bench.filled import Filler, Sizes
from bench.filled_office import history_rows
from marketplace.records.database import Database
from marketplace.records.history import find_broken_link

RESULTS = Path(__file__).with_name("results")


def verified(database: Database) -> tuple[int | None, float, float]:
    """The first broken link, seconds by the clock, and of the processor."""
    with database.reading() as session:
        began, spent = time.perf_counter(), time.process_time()
        broken = find_broken_link(session)
        return broken, time.perf_counter() - began, time.process_time() - spent


def main() -> int:
    """Print the figures; 1 if an attack was not found, or found elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--attacks", type=int, default=5)
    parser.add_argument("--database", default="", help="an empty database elsewhere")
    parser.add_argument("--out", type=Path, default=RESULTS / "audit.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(options.database or f"sqlite:///{folder}/jigai.db")
        database.migrate()
        began = time.perf_counter()
        with database.writing() as session:
            Filler(session, Sizes()).put("history", history_rows(options.rows, datetime.now(UTC)))
        print(f"{options.rows:,} entries written in {time.perf_counter() - began:.0f} s")
        broken, wall, spent = verified(database)
        assert broken is None
        found, chance = 0, random.Random(7)
        for _attack in range(options.attacks):
            row = chance.randint(1, options.rows)
            with database.engine.begin() as connection:
                connection.execute(text("UPDATE history SET why = why || '。' WHERE id = :row"), {"row": row})
            found += verified(database)[0] == row
            with database.engine.begin() as connection:
                connection.execute(text("UPDATE history SET why = substr(why, 1, length(why) - 1) WHERE id = :row"), {"row": row})
        database.close()
    figures = {"rows": options.rows, "rows_a_second": round(options.rows / wall), "rows_a_cpu_second": round(options.rows / spent)}
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{figures['rows_a_second']:,} entries a second by the clock, {figures['rows_a_cpu_second']:,} of the processor")
    print(f"{found} of {options.attacks} changes of one entry found where they were made")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures | {"attacks": options.attacks, "found": found}, indent=1) + "\n", encoding="utf-8")
    return int(found != options.attacks)


if __name__ == "__main__":
    raise SystemExit(main())
