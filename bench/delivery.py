"""How long from publishing a solution until it is found: a real site in a temporary folder, its worker, one solution at a time.

    python -m bench.delivery [--rounds 60] [--out bench/results/delivery.json]

The clock starts when the transaction that publishes (or withdraws) has been committed, and stops when a search by the
title finds the solution (or no longer does).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from indexer.query import SearchQuery
from marketplace.actions.imports import import_path
from marketplace.actions.solutions import publish, withdraw
from marketplace.app import open_site, worker_of
from marketplace.domain.access import Role, Viewer
from marketplace.records.solutions import Solution
from marketplace.settings import Settings
from marketplace.site import Site

DEMO = Path(__file__).parents[1] / "marketplace" / "data" / "demo"
OFFICER = Viewer(account_id=1, name="bench", roles=frozenset({Role.ADMIN}))
PATIENCE_S = 30.0


def is_found(site: Site, title: str, number: int) -> bool:
    """Whether the first page of a search by the title holds the solution."""
    return number in {hit.thing_id for hit in site.index.search(SearchQuery(text=title, facets=False)).hits}


def waited(site: Site, title: str, number: int, wanted: bool) -> float:
    """Seconds until the search says so."""
    began = time.perf_counter()
    while is_found(site, title, number) is not wanted:
        if time.perf_counter() - began > PATIENCE_S:
            raise SystemExit(f"{title}: not {'found' if wanted else 'gone'} after {PATIENCE_S} s")
        time.sleep(0.01)
    return time.perf_counter() - began


def main() -> None:
    """Print both tables; write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        site = open_site(Settings(data_dir=Path(folder)), write=True)
        import_path(site.database, site.pilot, DEMO, actor="bench")
        worker = worker_of(site)
        worker.drain()
        stop = threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        try:
            with site.database.reading() as session:
                things = [(row.id, row.title) for row in session.query(Solution).order_by(Solution.id).limit(options.rounds)]
            site.index.search(SearchQuery(text="压机停机"))
            took: dict[str, list[float]] = {"gone": [], "found": []}
            for number, title in things:
                withdraw(site.database, number, viewer=OFFICER, at=datetime.now(UTC))
                took["gone"].append(waited(site, title, number, False))
                publish(site.database, number, viewer=OFFICER, at=datetime.now(UTC))
                took["found"].append(waited(site, title, number, True))
        finally:
            stop.set()
            thread.join()
        figures = {
            name: {"p50_s": round(float(np.percentile(row, 50)), 3), "p95_s": round(float(np.percentile(row, 95)), 3)}
            for name, row in took.items()
        }
    for name, row in figures.items():
        print(f"{name:>6}  p50 {row['p50_s']:.2f} s  p95 {row['p95_s']:.2f} s  ({options.rounds} times)")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
