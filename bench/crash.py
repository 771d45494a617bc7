"""Processes killed with SIGKILL under load, on both tiers: what is in the index afterwards, against the database.

    python -m bench.crash [--tier embedded --tier scale] [--kills 100] [--seed 0] [--out bench/results/crash.json]

Embedded: `jigai serve`. Scale: gunicorn, two `jigai worker`s and the OpenSearch server itself (one kill in ten). While they
die and come back, a writer withdraws, publishes, blocks and unblocks solutions and warns, suspends, reinstates and retires
providers through the actions, and a visitor searches. A process that ends by itself, because what it needs was just
killed, is started again as a supervisor would. At the end everything runs until the queue is empty; then ids and versions
are compared. What a start repairs by comparing index and database is repaired before that.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from bench.load import Visitor, Writer
from bench.processes import ROOT, Member, free_port, process, server, wait
from indexer.embedding import EmbeddingStore, open_embedder
from indexer.opening import open_for_reading
from indexer.query import Kind
from indexer.reconcile import find_differences
from indexer.rows import find_searchable_ids
from marketplace.actions.demonstration_set import load_demonstration
from marketplace.app import open_site
from marketplace.domain.access import Role
from marketplace.pilot import load_pilot
from marketplace.records.database import Database
from marketplace.records.index_queue import QueuedThing, count_parked, is_waiting
from marketplace.settings import Settings

DRAIN_SECONDS = 300.0
# How long a process may live before it is killed: some die while they start.
LIVES = (0.5, 6.0)


@dataclass
class Outcome:
    """What was done and what is left of it."""

    tier: str
    kills: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    errors: int = 0
    lost: int = 0
    resurrected: int = 0
    stale: int = 0
    parked: int = 0
    drain_s: float = 0.0

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.resurrected or self.stale or self.parked or self.errors)


def crash(tier: str, members: list[Member], settings: dict[str, str], *, kills: int, seed: int, engine: Member | None = None) -> Outcome:
    """Kill and start again, then compare. `settings`: the site's own; `engine`: started before the others, and killed too."""
    outcome, chance = Outcome(tier), random.Random(seed)
    for member in (*([engine] if engine else []), *members):
        if not member.is_alive():
            member.pid = member.start()
    database = Database(settings["JIGAI_DATABASE_URL"])
    address = f"http://127.0.0.1:{settings['JIGAI_PORT']}"
    wait(lambda: _answers(address), 120, "the site to answer")
    writer, visitor = Writer(database, seed), Visitor(address)
    writer.start()
    visitor.start()
    everybody = [*([engine] if engine else []), *members]
    try:
        for _ in range(kills):
            time.sleep(chance.uniform(*LIVES))
            # Killing what has ended by itself would be no kill.
            _revive(everybody, outcome)
            [victim] = chance.choices(everybody, [member.weight for member in everybody])
            if victim.kill():
                outcome.kills[victim.name] = outcome.kills.get(victim.name, 0) + 1
            victim.pid = victim.start()
    finally:
        writer.end()
    wait(lambda: _revive(everybody, outcome) and _answers(address), 120, "the site to answer")
    began = time.monotonic()
    wait(lambda: _revive(everybody, outcome) and _is_drained(database), DRAIN_SECONDS, "the queue to be empty")
    outcome.drain_s = round(time.monotonic() - began, 1)
    visitor.end()
    outcome.writes, outcome.answers, outcome.errors = writer.counts, visitor.answers, visitor.errors
    for member in members:
        member.kill()
    _compare(database, settings, outcome)
    database.close()
    return outcome


def _revive(everybody: list[Member], outcome: Outcome) -> bool:
    """Start whoever has ended by itself; whether nobody had."""
    ended = [member for member in everybody if not member.is_alive()]
    for member in ended:
        outcome.ended[member.name] = outcome.ended.get(member.name, 0) + 1
        member.pid = member.start()
    return not ended


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=5):
            return True
    except OSError:
        return False


def _is_drained(database: Database) -> bool:
    with database.reading() as session:
        return session.scalar(select(QueuedThing.thing_id).where(is_waiting()).limit(1)) is None


def _compare(database: Database, settings: dict[str, str], outcome: Outcome) -> None:
    """Everything that can be found according to the database, against everything that the index holds."""
    folder = Path(settings["JIGAI_DATA_DIR"])
    embeddings = EmbeddingStore(open_embedder("builtin", folder / "models"), database)
    backend = open_for_reading(settings["JIGAI_SEARCH_URL"], folder, embeddings)
    for kind in Kind:
        with database.reading() as session:
            wanted = set(find_searchable_ids(session, kind))
        held = backend.versions(kind).keys()
        outcome.lost += len(wanted - held)
        outcome.resurrected += len(held - wanted)
    outcome.stale = sum(len(found.stale) for found in find_differences(database, backend))
    with database.reading() as session:
        outcome.parked = count_parked(session)
    backend.close()


def embedded(folder: Path, *, kills: int, seed: int) -> Outcome:
    """On an indexed data folder."""
    settings = {
        "JIGAI_DATABASE_URL": f"sqlite:///{folder / 'jigai.db'}",
        "JIGAI_SEARCH_URL": "embedded:",
        "JIGAI_DATA_DIR": str(folder),
        "JIGAI_PORT": str(free_port()),
    }
    serve = Member("serve", process(settings, "jigai", "serve"))
    try:
        return crash("embedded", [serve], settings, kills=kills, seed=seed)
    finally:
        serve.kill()


def scale(folder: Path, database_url: str, *, kills: int, seed: int, engine_weight: float = 0.4) -> Outcome:
    """On a PostgreSQL that holds the site, with a server of its own for the index."""
    with tempfile.TemporaryDirectory(prefix="jigai-crash-", ignore_cleanup_errors=True) as data:
        Path(data).chmod(0o755)
        port = free_port()
        settings = {
            "JIGAI_DATABASE_URL": database_url,
            "JIGAI_SEARCH_URL": f"opensearch://127.0.0.1:{port}/crash",
            "JIGAI_DATA_DIR": str(folder),
            "JIGAI_PORT": str(free_port()),
        }
        engine = Member("opensearch", server(Path(data) / "server", port), engine_weight)
        engine.pid = engine.start()
        done = subprocess.run(
            [str(Path(sys.executable).with_name("jigai")), "index", "sync"],
            env={**os.environ, **settings},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            engine.kill()
            raise SystemExit(f"{done.stdout}{done.stderr}")
        web = ("gunicorn", "-c", "python:marketplace.gunicorn_settings")
        members = [Member("gunicorn", process(settings, *web)), *(Member("worker", process(settings, "jigai", "worker")) for _ in range(2))]
        try:
            return crash("scale", members, settings, kills=kills, seed=seed, engine=engine)
        finally:
            for member in (*members, engine):
                member.kill()


@contextmanager
def demonstration_folder() -> Iterator[Path]:
    """A data folder with the demonstration set, indexed; what the tests have embedded before is not embedded again."""
    from tests.conftest import DEMO
    from tests.demo_site import drain, keep_vectors, share_model, take_vectors

    with tempfile.TemporaryDirectory(prefix="jigai-crash-") as name:
        folder = Path(name)
        share_model(folder)
        pilot = load_pilot()
        names = {role: term.name if (term := pilot.roles.find(role.value)) else role.value for role in Role}
        database = Database(f"sqlite:///{folder / 'jigai.db'}")
        database.migrate()
        load_demonstration(database, pilot, DEMO, names=names, at=datetime.now(UTC))
        database.close()
        take_vectors(folder / "jigai.db")
        site = open_site(Settings(data_dir=folder), write=True)
        drain(site)
        site.index.close()
        site.database.close()
        keep_vectors(folder / "jigai.db")
        yield folder


def main() -> int:
    """Print a table, write JSON; 1 if anything was lost, resurrected, stale or parked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", action="append", choices=("embedded", "scale"))
    parser.add_argument("--kills", type=int, default=100, help="for each tier")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results") / "crash.json")
    options = parser.parse_args()
    found = []
    with demonstration_folder() as folder:
        for tier in options.tier or ("embedded", "scale"):
            if tier == "embedded":
                found.append(embedded(folder, kills=options.kills, seed=options.seed))
                continue
            from tests.conftest import PostgreSQL

            postgresql = PostgreSQL()
            try:
                url = postgresql.create(template="template0")
                jigai = str(Path(sys.executable).with_name("jigai"))
                subprocess.run([jigai, "copy", "--to", url], env={**os.environ, "JIGAI_DATA_DIR": str(folder)}, check=True, cwd=ROOT)
                found.append(scale(folder, url, kills=options.kills, seed=options.seed))
            finally:
                postgresql.stop()
    print(
        f"{'tier':<10}{'kills':>7}{'writes':>8}{'answers':>9}{'errors':>8}{'lost':>6}{'resurrected':>13}{'stale':>7}{'parked':>8}{'drain s':>9}"
    )
    for row in found:
        print(
            f"{row.tier:<10}{sum(row.kills.values()):>7}{sum(row.writes.values()):>8}{row.answers:>9}{row.errors:>8}{row.lost:>6}"
            f"{row.resurrected:>13}{row.stale:>7}{row.parked:>8}{row.drain_s:>9}   kills {row.kills}, ended {row.ended}, writes {row.writes}"
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n", encoding="utf-8")
    return 0 if all(row.is_good for row in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
