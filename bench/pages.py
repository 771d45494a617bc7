"""What every page of lists costs at the server, on a site that is full (bench/filled.py): milliseconds, statements, bytes.

    python -m bench.pages [--times 7] [--only /reviews] [--data FOLDER] [--database URL] [--out bench/results/pages.json]

The pages come from the route map: every address without a name in it that answers GET, asked by every role that may see it; then
its last page, and every filter and order that the page itself offers (its forms and its links to itself), each with its last page;
of a long choice some. The index is empty: what a search costs, bench/search.py says. `--data`: a folder that is kept and used again.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select

from bench.filled import Sizes, fill, open_log_in
from marketplace.app import create_app, open_site
from marketplace.domain.access import ANYONE, Role, Viewer
from marketplace.domain.projects import ProjectState
from marketplace.guard import policy_of
from marketplace.records.database import Database
from marketplace.records.projects import Project
from marketplace.settings import Settings

BAR_MS = 150.0
# These rank by the texts of all: no lists, and measured by bench/recommend.py.
RANKING = ("/demands", "/api/v1/demands")
# These add up every line of the ledger (100,000 here), as a statement may within a second, or all projects and their works for the figures.
ADDING_UP = {
    "/funds/audit": 1000.0, "/figures": 500.0, "/figures/wall": 500.0, "/figures/sheet": 500.0, "/performance/outlook": 500.0,
}  # fmt: skip
ANYBODY = "anyone"
PROJECT_PAGES = "/projects/<public_id>"
# One of each: what hangs on a project differs by how far it has come.
SHOWN_STATES = (ProjectState.REVIEWING, ProjectState.IMPLEMENTING, ProjectState.DECIDING)
# Typed into a field for words: what many rows hold, and what none does.
WORDS = ("示例", "没有这个词")
LAST = "999999"
# Of a choice that is longer than this, as many of its values.
CHOICES = 6
_UNCOUNTED = ("BEGIN", "ROLLBACK", "PRAGMA", "UPDATE account_sessions")
# Not pages of the site: what watches it, and what it serves as files.
_OTHER = ("/healthz", "/readyz", "/metrics")


@dataclass(frozen=True)
class Asked:
    """One address, asked by one role."""

    role: str
    address: str

    @property
    def path(self) -> str:
        return urlsplit(self.address).path


@dataclass(frozen=True)
class Answer:
    status: int
    size: int
    milliseconds: float
    cpu: float
    statements: tuple[str, ...]
    text: str


class _Offered(HTMLParser):
    """The addresses of its own path that a page offers: links, and every choice of its search forms."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path, self._in_form, self._select = path, False, ""
        self._choices: list[str] = []
        self.found: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            parts = urlsplit(values.get("href", ""))
            if parts.path == self._path and parts.query:
                self._add(dict(parse_qsl(parts.query, keep_blank_values=True)))
        elif tag == "form":
            self._in_form = values.get("method", "get").lower() == "get" and values.get("action", self._path) == self._path
        elif not self._in_form:
            return
        elif tag == "select":
            self._select = values.get("name", "")
        elif tag == "option" and self._select and values.get("value"):
            self._choices.append(values["value"])
        elif tag == "input" and values.get("name"):
            self._typed(values["name"], values.get("type", "text"), values.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in_form = False
        elif tag == "select":
            step = -(-len(self._choices) // CHOICES)
            for value in self._choices[:: step or 1]:
                self._add({self._select: value})
            self._select, self._choices = "", []

    def _typed(self, name: str, kind: str, value: str) -> None:
        if kind in ("text", "search"):
            for word in WORDS:
                self._add({name: word})
        elif kind == "date":
            self._add({name: time.strftime("%Y-%m-%d", time.gmtime(time.time() - 300 * 86_400))})
        elif kind in ("checkbox", "radio", "hidden") and value:
            self._add({name: value})

    def _add(self, values: dict[str, str]) -> None:
        # A page of a list is asked for by its number here, and the language is chosen elsewhere.
        kept = {name: value for name, value in values.items() if name not in ("page", "lang")}
        if kept:
            self.found[f"{self._path}?{urlencode(kept)}"] = None


def offered(path: str, text: str) -> list[str]:
    """The filters and orders of a page."""
    parser = _Offered(path)
    parser.feed(text)
    return list(parser.found)


def with_last_page(address: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}page={LAST}"


def routes(app: Flask) -> Iterator[Asked]:
    """Every address without a name in it that answers GET, by every role that may use it."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        policy = policy_of(app, rule.endpoint)
        if rule.arguments or policy is None or "GET" not in (rule.methods or ()) or rule.rule in _OTHER or "." in rule.rule:
            continue
        if policy.permits(ANYONE):
            yield Asked(ANYBODY, rule.rule)
        for role in Role:
            if policy.permits(Viewer(account_id=1, roles=frozenset({role}))):
                yield Asked(role, rule.rule)


def pages_of(app: Flask, prefix: str, refs: Iterable[str]) -> Iterator[Asked]:
    """Every page of these things that answers GET, by every role that may use it: `prefix` is an address with one name in it."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        policy = policy_of(app, rule.endpoint)
        if not rule.rule.startswith(prefix) or len(rule.arguments) != 1 or policy is None or "GET" not in (rule.methods or ()):
            continue
        for role in Role:
            if policy.permits(Viewer(account_id=1, roles=frozenset({role}))):
                for ref in refs:
                    yield Asked(role, rule.rule.replace(f"<{next(iter(rule.arguments))}>", ref))


class People:
    """A browser for every role, logged in."""

    def __init__(self, app: Flask, database: Database) -> None:
        self._app, self._database = app, database
        self._clients: dict[str, FlaskClient] = {}

    def forget_figures(self) -> None:
        """As after a write: what figures are computed from is read anew."""
        self._app.extensions.pop("jigai_figures", None)

    def client(self, role: str) -> FlaskClient:
        if role not in self._clients:
            self._clients[role] = client = self._app.test_client()
            if role != ANYBODY:
                with client.session_transaction() as kept:
                    kept["_user_id"] = open_log_in(self._database, Role(role))
        return self._clients[role]

    def projects(self) -> list[str]:
        """The public ids of one project of each of these states, an own one where there is one."""
        with self._database.reading() as session:
            found = session.execute(
                select(Project.state, Project.public_id).where(Project.state.in_(SHOWN_STATES)).order_by(Project.id.desc())
            )
            return list({row.state: row.public_id for row in found}.values())

    def ask(self, asked: Asked) -> Answer:
        with statements(self._database.engine) as heard:
            began, spent = time.perf_counter(), time.process_time()
            answer = self.client(asked.role).get(asked.address)
            data = answer.get_data()
            took, cpu = (time.perf_counter() - began) * 1000, (time.process_time() - spent) * 1000
        return Answer(answer.status_code, len(data), took, cpu, tuple(heard), data.decode("utf-8", "replace"))


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What the database is asked meanwhile; beginnings and ends of transactions are no questions, nor is that a log-in is in use
    (noted once a minute, whatever the page)."""
    heard: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(_UNCOUNTED):
            heard.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", note)


def pages(app: Flask, people: People, only: str = "", projects: Sequence[str] = ()) -> Iterator[Asked]:
    """Every list with its last page; its filters for the first role to which just these are offered; the pages of these projects."""
    seen: set[tuple[str, ...]] = set()
    for asked in (*routes(app), *pages_of(app, PROJECT_PAGES, projects)):
        # A workbook of all that a list finds is a download, and no page.
        if not asked.path.startswith(only) or asked.path.endswith("/sheet"):
            continue
        first = people.ask(asked)
        if first.status != 200:
            continue
        yield asked
        yield Asked(asked.role, with_last_page(asked.address))
        filters = tuple(offered(asked.path, first.text))
        if filters and filters not in seen:
            seen.add(filters)
            for address in filters:
                yield Asked(asked.role, address)
                yield Asked(asked.role, with_last_page(address))


@dataclass(frozen=True)
class Measured:
    """By the clock and of the processor: on a machine that has other work the second says more."""

    role: str
    address: str
    status: int
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    statements: int
    bytes: int

    @property
    def path(self) -> str:
        return urlsplit(self.address).path


def measure(people: People, asked: Asked, times: int) -> Measured:
    """The address so many times, after once for nothing; what adds everything up, each time as the first view after a write."""
    people.ask(asked)
    answers = []
    for _time in range(times):
        if asked.path in ADDING_UP:
            people.forget_figures()
        answers.append(people.ask(asked))
    p50, p95 = np.percentile([answer.milliseconds for answer in answers], (50, 95))
    cpu = float(np.median([answer.cpu for answer in answers]))
    last = answers[-1]
    return Measured(asked.role, asked.address, last.status, round(p50, 1), round(p95, 1), round(cpu, 1), len(last.statements), last.size)


@contextmanager
def full_site(folder: Path, url: str, sizes: Sizes) -> Iterator[tuple[Flask, People]]:
    """The site in this folder, filled if it is empty."""
    is_new = bool(url) or not (folder / "jigai.db").exists()
    settings = Settings(data_dir=folder, database_url=url, demo=True)
    if is_new:
        database = Database(settings.database)
        database.migrate()
        began = time.monotonic()
        fill(database, sizes)
        print(f"filled in {time.monotonic() - began:.0f} s")
        database.close()
    site = open_site(settings, write=True)
    app = create_app(site)
    try:
        yield app, People(app, site.database)
    finally:
        site.index.close()
        site.database.close()


def told(rows: list[Measured], most: int) -> None:
    """The slowest first, and how many are above the bar."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'p50 ms':>8} {'p95 ms':>8} {'cpu ms':>8} {'sql':>4} {'bytes':>8}  role and address")
    for row in rows[:most]:
        status = "" if row.status == 200 else f" ({row.status})"
        print(f"{row.p50_ms:>8} {row.p95_ms:>8} {row.cpu_ms:>8} {row.statements:>4} {row.bytes:>8}  {row.role} {row.address}{status}")
    clock, processor = (sum(value > BAR_MS for value in values) for values in ([r.p50_ms for r in rows], [r.cpu_ms for r in rows]))
    paths = len({row.path for row in rows})
    print(f"{len(rows)} addresses of {paths} pages; above {BAR_MS:.0f} ms: {clock} by the clock, {processor} of the processor")


def main() -> int:
    """1 if a list takes more of the processor than the bar: the clock of a busy machine is not its fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--only", default="", help="only addresses that begin so")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--database", default="", help="an empty database elsewhere")
    parser.add_argument("--most", type=int, default=40, help="how many lines to print")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, full_site(options.data or Path(folder), options.database, Sizes()) as (app, people):
        # As the server does once it is warm, or full collections are measured with the pages.
        gc.collect()
        gc.freeze()
        rows = [measure(people, asked, options.times) for asked in list(pages(app, people, options.only, people.projects()))]
    rows.sort(key=lambda row: -row.cpu_ms)
    told(rows, options.most)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(any(row.cpu_ms > ADDING_UP.get(row.path, BAR_MS) and row.path not in RANKING for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
