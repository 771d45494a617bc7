"""OpenSearch's own dangers: servers that are away, closed or something else; forms, filters inside vectors, what is remembered."""

from __future__ import annotations

import base64
import http.server
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opensearchpy.exceptions import RequestError

from indexer.analysis import Term
from indexer.backends import EngineError, Entry, IndexBroken, Meta, Removal, Request, open_backend, open_throw_away
from indexer.backends.opensearch import OpenSearchBackend
from indexer.backends.opensearch_client import plugin_fault, refusal, version_fault
from indexer.backends.opensearch_seen import Seen
from indexer.query import Condition, Kind, Vector
from tests.indexer.conftest import address_of
from tests.opensearch_server import OpenSearchServer, prefix_of

META = Meta(schema=1, analysis="a", space="s", dimension=8)
PUBLIC = Condition(Kind.SOLUTION)


def unit(seed: int, count: int) -> Vector:
    vectors = np.random.default_rng(seed).standard_normal((count, META.dimension)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def entry(thing_id: int, version: int = 1, **values: Any) -> Entry:
    made = Entry(
        kind=Kind.SOLUTION,
        thing_id=thing_id,
        version=version,
        provider_id=thing_id % 7,
        title=f"方案{thing_id}",
        spelt=("fang", "an"),
        tokens={"words": (f"w{thing_id}", "common")},
        mains=3,
        vectors=unit(thing_id, 5),
        keywords={"sector": ("chem" if thing_id % 10 == 0 else "auto",)},
        audience=("public",),
    )
    return replace(made, **values)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[OpenSearchBackend]:
    with address_of("opensearch", request) as url:
        opened = OpenSearchBackend(url, meta=META, write=True)
        yield opened
        opened.close()


def fill(backend: OpenSearchBackend, *changes: Entry | Removal) -> None:
    assert set(backend.apply(changes)) == {""}
    backend.refresh()


def test_filters_hold_inside_the_vector_search_and_things_are_counted_not_passages(backend: OpenSearchBackend) -> None:
    entries = [entry(number) for number in range(1, 401)]
    fill(backend, *entries)
    chem = replace(PUBLIC, filters=(("sector", ("chem",)),))
    # A text and its head: two vectors that are much alike.
    text, head = unit(9999, 2)
    asked = np.stack([text, (text + 0.3 * head) / np.linalg.norm(text + 0.3 * head)])
    wide, narrow = backend.candidates([Request(Kind.SOLUTION, (PUBLIC, chem), vectors=asked, depth=30)])[0]
    assert (len(wide.dense.ids), len(narrow.dense.ids)) == (30, 30)
    assert {number % 10 for number in narrow.dense.ids.tolist()} == {0}
    # Against every vector: the mean over both questions of a thing's best main passage.
    exact = np.array([(asked @ one.vectors[:3].T).max(axis=1).mean() for one in entries])
    best = 1 + np.argsort(-exact)[:30]
    assert len(set(best.tolist()) & set(wide.dense.ids.tolist())) >= 28
    assert wide.dense.scores == pytest.approx(exact[wide.dense.ids - 1], abs=0.002)
    assert np.all(np.diff(wide.dense.scores) <= 0)


def test_an_item_that_is_refused_says_why_and_the_others_are_stored(backend: OpenSearchBackend) -> None:
    answers = backend.apply([entry(1), entry(2, vectors=np.ones((3, 4), np.float32)), entry(3, keywords={"unknown": ("x",)}), entry(4)])
    assert [answers[0], answers[3]] == ["", ""]
    assert "dimension" in answers[1]
    assert "strict" in answers[2]
    backend.refresh()
    assert backend.versions(Kind.SOLUTION) == {1: 1, 4: 1}


def test_a_change_by_another_process_is_seen(backend: OpenSearchBackend) -> None:
    fill(backend, entry(1))
    request = Request(Kind.SOLUTION, (PUBLIC,), ((Term(("common",)),),))
    assert backend.candidates([request])[0][0].columns.facets["sector"].values == ["auto"]
    stamp = backend.stamp(Kind.SOLUTION)
    other = OpenSearchBackend(url_of(backend), meta=META, write=True)
    fill(other, entry(1, 2, keywords={"sector": ("chem",)}, title="改了"), entry(2))
    other.close()
    columns = backend.candidates([request])[0][0].columns
    assert columns.ids.tolist() == [1, 2]
    assert columns.facets["sector"].values[columns.facets["sector"].codes[0][0]] == "chem"
    assert backend.title_of(Kind.SOLUTION, 1) == "改了"
    time.sleep(1.1)
    assert backend.stamp(Kind.SOLUTION) != stamp
    assert [title.text for title in backend.titles(Kind.SOLUTION)] == ["改了", "方案2"]


def url_of(backend: OpenSearchBackend) -> str:
    address = backend._address
    nodes = ",".join(f"{host}:{port}" for host, port in address.nodes)
    return f"opensearch://{nodes}/{address.prefix}?timeout=20"


def test_a_removal_is_noticed_by_who_had_read_the_thing(backend: OpenSearchBackend) -> None:
    fill(backend, entry(1), entry(2))
    assert len(backend.passages(Kind.SOLUTION, np.array([1, 2])).mains) == 6
    stamp = backend.stamp(Kind.SOLUTION)
    fill(backend, Removal(Kind.SOLUTION, 1, 2))
    assert backend.stamp(Kind.SOLUTION) != stamp
    backend._readings[Kind.SOLUTION]._seen._used = [-1e9, -1e9]
    assert backend.passages(Kind.SOLUTION, np.array([1, 2])).main_of.tolist() == [1, 1, 1]
    assert backend.title_of(Kind.SOLUTION, 1) == ""
    assert backend.frequencies(Kind.SOLUTION, ["common", "w1", "w2"]) == ([1, 0, 1], 1)


def test_listings_are_remembered_until_something_changes(backend: OpenSearchBackend) -> None:
    fill(backend, *(entry(number) for number in range(1, 13)))
    request = Request(Kind.SOLUTION, (PUBLIC, replace(PUBLIC, filters=(("sector", ("chem",)),))))
    first, chem = backend.candidates([request])[0]
    assert first.columns.ids.tolist() == list(range(12, 0, -1))
    assert chem.columns.ids.tolist() == [10]
    assert backend.candidates([request])[0][0].columns is first.columns
    fill(backend, Removal(Kind.SOLUTION, 12, 2))
    assert backend.candidates([request])[0][0].columns.ids.tolist() == list(range(11, 0, -1))


def test_what_is_remembered_is_bounded_by_the_oldest_half() -> None:
    # 5 vectors of 8 numbers and a row: some 420 bytes a thing.
    seen = Seen(Kind.SOLUTION, META.dimension, most_bytes=42_000)
    for number in range(1, 301):
        seen.put([(entry(number), ("index", number))])
        seen.lacking({1: ("index", 1)})
    lacking = set(seen.lacking({number: ("index", number) for number in range(1, 301)}))
    assert not lacking & {1, 300}
    assert 200 < len(lacking) < 260
    view, rows = seen.rows(np.array([1, 300, 2]))
    assert view.ids[rows[:2]].tolist() == [1, 300]
    assert rows[2] == -1
    assert len(view.passages(np.array([1, 300])).mains) == 6
    # The same thing of another write, or of another index, is another.
    assert seen.lacking({1: ("index", 2), 300: ("other", 300)}) == [1, 300]


@pytest.mark.parametrize("other", [{"analysis": "other"}, {"space": "other"}, {"schema": 2}, {"dimension": 4}])
def test_another_form_means_a_rebuild(backend: OpenSearchBackend, other: dict[str, Any]) -> None:
    with pytest.raises(IndexBroken, match="重建"):
        OpenSearchBackend(url_of(backend), meta=replace(META, **other), write=True)


def test_an_index_of_a_newer_program_is_left_alone(request: pytest.FixtureRequest) -> None:
    with address_of("opensearch", request) as url:
        newer = OpenSearchBackend(url, meta=replace(META, schema=99), write=True)
        fill(newer, entry(1))
        for anew in (False, True):
            with pytest.raises(EngineError, match="请升级") as caught:
                OpenSearchBackend(url, meta=META, write=True, anew=anew)
            assert not isinstance(caught.value, IndexBroken)
        assert newer.versions(Kind.SOLUTION) == {1: 1}
        newer.close()


def test_a_reader_builds_nothing_and_writes_nothing(backend: OpenSearchBackend, opensearch_server: OpenSearchServer) -> None:
    reader = OpenSearchBackend(url_of(backend), meta=META, write=False)
    for write in (lambda: reader.apply([entry(1)]), reader.begin_next):
        with pytest.raises(EngineError, match="只能读"):
            write()
    reader.close()
    empty = opensearch_server.url()
    with pytest.raises(IndexBroken, match="还没有建立"):
        OpenSearchBackend(empty, meta=META, write=False)
    assert opensearch_server.ask("GET", f"/{prefix_of(empty)}-*/_alias") == {}


def test_a_throw_away_index_stands_apart_and_goes(backend: OpenSearchBackend, opensearch_server: OpenSearchServer, tmp_path: Path) -> None:
    fill(backend, entry(1))
    other = open_throw_away(url_of(backend), tmp_path, meta=META, find_vectors=lambda hashes: (unit(1, 0), np.empty(0, np.bool_)))
    other.apply([entry(2)])
    other.refresh()
    assert (other.versions(Kind.SOLUTION), backend.versions(Kind.SOLUTION)) == ({2: 1}, {1: 1})
    other.close()
    left = opensearch_server.ask("GET", f"/{backend._address.prefix}-*/_alias")
    assert len(left) == len(Kind)


def test_an_index_that_somebody_deleted_is_told(backend: OpenSearchBackend, opensearch_server: OpenSearchServer) -> None:
    fill(backend, entry(1))
    opensearch_server.ask("DELETE", f"/{backend._address.prefix}-*")
    with pytest.raises(EngineError, match="no such index"):
        backend.candidates([Request(Kind.SOLUTION, (PUBLIC,), ((Term(("common",)),),))])
    # No index without a mapping comes into being by a write.
    assert "require_alias" in backend.apply([entry(1)])[0]


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(EngineError, match=r"连不上检索引擎 http://127\.0\.0\.1:9"):
        open_backend(
            "opensearch://127.0.0.1:9", Path(), meta=META, find_vectors=lambda hashes: (unit(1, 0), np.empty(0, np.bool_)), write=True
        )


class Gate(http.server.BaseHTTPRequestHandler):
    """A front proxy as sites have one: it asks for a password and hands on what has it."""

    target = ""

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != "Basic " + base64.b64encode("centre:säcret".encode()).decode():
            self.send_error(401)
            return
        request = urllib.request.Request(self.target + self.path, body or None, {"Content-Type": "application/json"}, method=self.command)
        with urllib.request.urlopen(request) as answer:
            content = answer.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_password_is_needed_where_it_is_asked_for(backend: OpenSearchBackend) -> None:
    address = backend._address
    Gate.target = address.shown
    with serving(Gate) as port:
        for who in ("", "centre:wrong@"):
            with pytest.raises(EngineError, match="JIGAI_SEARCH_PASSWORD"):
                OpenSearchBackend(f"opensearch://{who}127.0.0.1:{port}/{address.prefix}", meta=META, write=False)
        opened = OpenSearchBackend(f"opensearch://centre:s%C3%A4cret@127.0.0.1:{port}/{address.prefix}?timeout=20", meta=META, write=False)
        assert opened.versions(Kind.SOLUTION) == {}
        opened.close()


def test_something_else_than_opensearch_is_told() -> None:
    with serving(http.server.SimpleHTTPRequestHandler) as port, pytest.raises(EngineError, match="不是 OpenSearch"):
        OpenSearchBackend(f"opensearch://127.0.0.1:{port}", meta=META, write=False)


def test_a_server_that_speaks_no_tls_and_a_missing_file_of_authorities(backend: OpenSearchBackend) -> None:
    with pytest.raises(EngineError, match="JIGAI_SEARCH_CA"):
        OpenSearchBackend(url_of(backend).replace("opensearch:", "opensearchs:"), meta=META, write=False)
    with pytest.raises(EngineError, match="没有证书文件 /nowhere"):
        OpenSearchBackend("opensearchs://127.0.0.1?ca=/nowhere", meta=META, write=False)


def test_an_index_that_takes_nothing_now_fails_no_thing(backend: OpenSearchBackend, opensearch_server: OpenSearchServer) -> None:
    name = f"/{backend._address.prefix}-*/_settings"
    opensearch_server.ask("PUT", name, {"index.blocks.write": True})
    with pytest.raises(EngineError, match="现在写不进去"):
        backend.apply([entry(1)])
    opensearch_server.ask("PUT", name, {"index.blocks.write": False})
    assert backend.apply([entry(1)]) == [""]


def test_versions() -> None:
    def answer(number: str, distribution: str = "opensearch") -> dict[str, Any]:
        return {"version": {"number": number, "distribution": distribution}}

    assert version_fault(answer("2.17.0")) == version_fault(answer("3.5.0")) == ""
    assert "太旧" in version_fault(answer("2.16.9"))
    assert "太旧" in version_fault(answer("1.3.20"))
    for other in ({"version": {"number": "8.1.0"}}, {"tagline": "x"}, "ok", None):
        assert "不是 OpenSearch" in version_fault(other)


def test_a_missing_plugin_is_told_by_name() -> None:
    for reason in ("unknown setting [index.knn] please check", "No handler for type [knn_vector] declared on field [vector]"):
        error = RequestError(400, "illegal_argument_exception", {"error": {"reason": reason}})
        assert "opensearch-knn" in refusal(error)
    assert plugin_fault([{"component": "opensearch-knn"}, {"component": "other"}]) == ""
    assert all("opensearch-knn" in plugin_fault(answer) for answer in ([], [{"component": "other"}], None))
    assert "磁盘" in refusal(RequestError(400, "x", {"error": {"reason": "磁盘"}}))
