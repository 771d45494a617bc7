"""A cluster that loses a node: three real OpenSearch nodes on this machine, one copy, one killed with SIGKILL and brought back.

    python -m bench.cluster [--seconds 20] [--out bench/results/cluster.json]

Two visitors search throughout and one officer blocks and unblocks solutions, whose indexing a worker follows. Counted are
searches that failed, those that the database had to answer, and what index and database differ in at the end.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import json
import os
import signal
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from sqlalchemy import select

from bench.crash import DRAIN_SECONDS, demonstration_folder
from bench.load import OFFICER, QUERIES
from bench.processes import TOOL, free_port, wait
from indexer.query import Kind, SearchQuery
from indexer.reconcile import find_differences
from indexer.rows import find_searchable_ids
from marketplace.actions import solutions
from marketplace.app import open_site, worker_of
from marketplace.domain.solutions import SolutionState
from marketplace.records.index_queue import count_waiting
from marketplace.records.solutions import Solution
from marketplace.settings import Settings
from marketplace.site import Site

NODES = 3
PHASES = ("before", "without", "returning", "after")
HEAP = "512m"
CLUSTER = """\
cluster.name: jigai-bench
node.name: node-{number}
network.host: 127.0.0.1
transport.port: {own}
discovery.seed_hosts: [{seeds}]
cluster.initial_cluster_manager_nodes: [{names}]
"""


class Node:
    """One node, started as `tools/opensearch` starts a single one, with the settings of a cluster."""

    def __init__(self, number: int, folder: Path, transport: list[int]) -> None:
        # Every node has the tool for itself, since the settings are the tool's own.
        loader = importlib.machinery.SourceFileLoader(f"opensearch_{number}", str(TOOL))
        spec = importlib.util.spec_from_loader(loader.name, loader)
        assert spec is not None
        self._tool = cast(Any, importlib.util.module_from_spec(spec))
        loader.exec_module(self._tool)
        single = "cluster.name: jigai\nnode.name: jigai\ndiscovery.type: single-node\nnetwork.host: 127.0.0.1\ntransport.port: 0\n"
        assert single in self._tool.SETTINGS
        cluster = CLUSTER.format(
            number=number,
            own=transport[number],
            seeds=", ".join(f'"127.0.0.1:{port}"' for port in transport),
            names=", ".join(f"node-{one}" for one in range(len(transport))),
        )
        self._tool.SETTINGS = self._tool.SETTINGS.replace(single, cluster)
        self._folder = folder / f"node-{number}"
        self.port = free_port()
        self.pid = 0

    def start(self) -> None:
        _, self.pid, _ = self._tool.start(self._folder, port=self.port, heap=HEAP)

    def kill(self) -> None:
        # 0 would name the group of this very process.
        if not self.pid:
            return
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self.pid = 0


class Load:
    """Searches from two threads; every answer is noted under the phase in which it was asked."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ended = threading.Event()
        self.phase = "before"
        self.took: dict[str, list[float]] = {}
        self.failed: dict[str, int] = {}
        self.degraded: dict[str, int] = {}
        self._threads = [threading.Thread(target=self._search, args=(number,), daemon=True) for number in range(2)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _search(self, number: int) -> None:
        while not self._ended.wait(0.02):
            number += 1
            phase, began = self.phase, time.perf_counter()
            try:
                page = self._site.index.search(SearchQuery(text=QUERIES[number % len(QUERIES)]))
            except Exception:
                self.failed[phase] = self.failed.get(phase, 0) + 1
                continue
            if not page.hits:
                self.failed[phase] = self.failed.get(phase, 0) + 1
            if page.degraded:
                self.degraded[phase] = self.degraded.get(phase, 0) + 1
            self.took.setdefault(phase, []).append((time.perf_counter() - began) * 1000)


def health(nodes: list[Node]) -> dict[str, Any]:
    """What the first node that answers says."""
    for node in nodes:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{node.port}/_cluster/health", timeout=2) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    return {}


def until_green(nodes: list[Node], count: int) -> None:
    """Until all nodes are there and every shard has its copy."""
    began = time.monotonic()
    while (found := health(nodes)).get("status") != "green" or found.get("number_of_nodes") != count:
        if time.monotonic() - began > 240:
            raise SystemExit(f"the cluster is not green: {found}")
        time.sleep(0.2)


def write(site: Site, ended: threading.Event, done: list[int]) -> None:
    """Block and unblock, one solution after the other; `done`: which."""
    with site.database.reading() as session:
        ids = list(session.scalars(select(Solution.id).where(Solution.state == SolutionState.PUBLISHED).order_by(Solution.id)))
    number = 0
    while not ended.wait(0.2):
        solution = ids[number // 2 % len(ids)]
        if number % 2:
            solutions.unblock(site.database, solution, viewer=OFFICER, at=datetime.now(UTC))
        else:
            solutions.block(site.database, solution, viewer=OFFICER, at=datetime.now(UTC), why="bench")
        done.append(solution)
        number += 1


def run(folder: Path, nodes: list[Node], seconds: float) -> dict[str, Any]:
    with ThreadPoolExecutor(NODES) as pool:
        list(pool.map(Node.start, nodes))
    names = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
    site = open_site(Settings(data_dir=folder, search_url=f"opensearch://{names}/cluster"), write=True)
    worker_of(site).drain()
    until_green(nodes, NODES)
    site.recommender.warm()
    load, ended, stop = Load(site), threading.Event(), threading.Event()
    done: list[int] = []
    threads = [
        threading.Thread(target=write, args=(site, ended, done), daemon=True),
        threading.Thread(target=worker_of(site).run, args=(stop,), daemon=True),
    ]
    for thread in threads:
        thread.start()
    load.start()
    time.sleep(seconds)
    load.phase = "without"
    victim = nodes[_holder(nodes)]
    victim.kill()
    time.sleep(seconds)
    load.phase = "returning"
    # The start of the node counts: until it has joined, there is nothing to become green.
    began = time.monotonic()
    victim.start()
    until_green(nodes, NODES)
    green = time.monotonic() - began
    load.phase = "after"
    time.sleep(seconds)
    if not threads[0].is_alive():
        raise SystemExit(f"the officer has ended after {len(done)} changes: nothing is proved")
    ended.set()
    threads[0].join()
    wait(lambda: not _waiting(site), DRAIN_SECONDS, "the queue to be empty")
    stop.set()
    threads[1].join()
    load.end()
    lost = resurrected = 0
    for kind in Kind:
        with site.database.reading() as session:
            wanted = set(find_searchable_ids(session, kind))
        held = site.index.backend.versions(kind).keys()
        lost, resurrected = lost + len(wanted - held), resurrected + len(held - wanted)
    stale = sum(len(found.stale) for found in find_differences(site.database, site.index.backend))
    site.index.close()
    site.database.close()
    phases = {
        name: {
            "searches": len(took),
            "failed": load.failed.get(name, 0),
            "degraded": load.degraded.get(name, 0),
            "p50_ms": round(float(np.percentile(took, 50)), 1) if took else None,
            "p95_ms": round(float(np.percentile(took, 95)), 1) if took else None,
            "longest_ms": round(max(took), 1) if took else None,
        }
        # A phase in which every search failed is a phase as well.
        for name in PHASES
        for took in [load.took.get(name, [])]
    }
    return {
        "nodes": NODES,
        "writes": len(done),
        "phases": phases,
        "green_again_s": round(green, 1),
        "lost": lost,
        "resurrected": resurrected,
        "stale": stale,
    }


def _holder(nodes: list[Node]) -> int:
    """The node that holds the first copy of the solutions."""
    with urllib.request.urlopen(
        f"http://127.0.0.1:{nodes[0].port}/_cat/shards/cluster-solution-*?format=json&h=prirep,node", timeout=5
    ) as answer:
        [name] = [row["node"] for row in json.load(answer) if row["prirep"] == "p"]
    return int(name.rpartition("-")[2])


def _waiting(site: Site) -> int:
    with site.database.reading() as session:
        return count_waiting(session)


def main() -> int:
    """Print a table, write JSON; 1 if a search failed or anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each phase")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "cluster.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jigai-cluster-", ignore_cleanup_errors=True) as data, demonstration_folder() as folder:
        Path(data).chmod(0o755)
        transport = [free_port() for _ in range(NODES)]
        nodes = [Node(number, Path(data), transport) for number in range(NODES)]
        try:
            found = run(folder, nodes, options.seconds)
        finally:
            for node in nodes:
                node.kill()
    print(f"{'phase':<11}{'searches':>9}{'failed':>8}{'degraded':>10}{'p50 ms':>9}{'p95 ms':>9}{'longest':>9}")
    for name, row in found["phases"].items():
        figures = (
            f"{row['searches']:>9}{row['failed']:>8}{row['degraded']:>10}{row['p50_ms']!s:>9}{row['p95_ms']!s:>9}{row['longest_ms']!s:>9}"
        )
        print(f"{name:<11}{figures}")
    print(
        f"{found['writes']} changes; green again, with the start of the node, after {found['green_again_s']} s; lost {found['lost']}, resurrected {found['resurrected']}, stale {found['stale']}"
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    failed = sum(row["failed"] for row in found["phases"].values())
    return 1 if failed or found["lost"] or found["resurrected"] or found["stale"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
