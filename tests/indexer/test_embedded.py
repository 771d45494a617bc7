"""The embedded engine's own dangers: damaged files, a full disk, two processes, another analysis, many segments."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer.backends import EngineError, Entry, IndexBroken, IndexBusy, Meta, Request
from indexer.backends.embedded import EmbeddedBackend
from indexer.backends.manifest import damage, segment_files, write_manifest
from indexer.embedding import EmbeddingStore
from indexer.opening import open_for_reading, open_for_writing
from indexer.query import Condition, Kind, Mode, SearchQuery
from indexer.search import Index
from tests.indexer.conftest import Opened, opened
from tests.indexer.corpus import SOLUTIONS, HashedEmbedder, labels

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.parametrize("engine", ["embedded"])


def files_of(folder: Path) -> list[Path]:
    return [file for file in segment_files(next((folder / "index").glob("gen-*")) / "solution") if not file.name.endswith(".managed.json")]


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)


@pytest.mark.parametrize("suffix", [".idx", ".store", ".term", ".fast", ".pos", ".fieldnorm"])
def test_a_flipped_byte_is_noticed_and_the_index_built_again(own: Opened, suffix: str) -> None:
    own.backend.close()
    flip(next(file for file in files_of(own.folder) if file.suffix == suffix))
    with pytest.raises(IndexBroken):
        open_for_reading("embedded:", own.folder, own.embeddings)
    told: list[str] = []
    steps: list[tuple[int, int]] = []
    backend = open_for_writing(
        "embedded:",
        own.folder,
        own.embeddings,
        own.database,
        labels,
        told=told.append,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert "损坏" in told[0]
    assert steps
    assert len(backend.versions(Kind.SOLUTION)) == SOLUTIONS
    backend.close()


def test_a_damaged_table_of_contents_is_noticed(own: Opened) -> None:
    own.backend.close()
    meta = next((own.folder / "index").glob("gen-*")) / "solution" / "meta.json"
    contents = json.loads(meta.read_text())
    contents["segments"][0]["max_doc"] += 1
    meta.write_text(json.dumps(contents))
    assert "checksum" in damage(meta.parent)


def test_what_a_merge_is_still_writing_is_no_damage_later(own: Opened) -> None:
    """The checksum of half a file was noted while a merge was at it, and the whole file then looked damaged."""
    own.backend.close()
    folder = next((own.folder / "index").glob("gen-*")) / "solution"
    (folder / "manifest.json").unlink()
    meta, segments = (folder / "meta.json").read_text(), [file for file in files_of(own.folder) if file.suffix == ".idx"]
    whole = segments[0].read_bytes()
    # Before the merge ends the table of contents does not name its segment.
    contents = json.loads(meta)
    named = segments[0].stem
    contents["segments"] = [row for row in contents["segments"] if row["segment_id"].replace("-", "") != named]
    (folder / "meta.json").write_text(json.dumps(contents))
    segments[0].write_bytes(whole[: len(whole) // 2])
    write_manifest(folder)
    segments[0].write_bytes(whole)
    (folder / "meta.json").write_text(meta)
    write_manifest(folder)
    assert damage(folder) == ""
    flip(segments[0])
    assert "checksum" in damage(folder)


def test_a_missing_file_is_noticed(own: Opened) -> None:
    own.backend.close()
    files_of(own.folder)[0].unlink()
    with pytest.raises(IndexBroken):
        open_for_reading("embedded:", own.folder, own.embeddings)


def test_a_removed_folder_is_filled_again(own: Opened) -> None:
    import shutil

    own.backend.close()
    shutil.rmtree(own.folder / "index")
    with pytest.raises(IndexBroken):
        open_for_reading("embedded:", own.folder, own.embeddings)
    backend = open_for_writing("embedded:", own.folder, own.embeddings, own.database, labels)
    own.worker.backend = backend
    own.worker.drain()
    assert len(backend.versions(Kind.SOLUTION)) == SOLUTIONS
    backend.close()


@pytest.mark.parametrize("other", [{"analysis": "other"}, {"space": "other"}, {"schema": 99}])
def test_another_analysis_or_space_means_a_rebuild(own: Opened, other: dict[str, object]) -> None:
    meta: Meta = own.backend.meta
    own.backend.close()
    with pytest.raises(IndexBroken, match="重建"):
        EmbeddedBackend(own.folder / "index", meta=replace(meta, **other), find_vectors=own.embeddings.find, write=True)  # type: ignore[arg-type]


def test_one_process_writes_others_read(own: Opened) -> None:
    with pytest.raises(IndexBusy):
        open_for_writing("embedded:", own.folder, own.embeddings, own.database, labels)
    reader = Index(open_for_reading("embedded:", own.folder, EmbeddingStore(HashedEmbedder(), own.database)), own.embeddings)
    query = SearchQuery(text="密封点泄漏", size=30)
    assert [hit.thing_id for hit in reader.search(query).hits] == [hit.thing_id for hit in own.index.search(query).hits]
    reader.backend.close()


def test_what_is_reopened_answers_alike(own: Opened) -> None:
    query = SearchQuery(text="设备数据采集", prefer_sector="chem", filters={"sector": ("chem",)})
    before = own.index.search(query)
    own.backend.close()
    backend = open_for_writing("embedded:", own.folder, own.embeddings, own.database, labels)
    after = Index(backend, own.embeddings).search(query)
    assert (before.hits, before.total, before.facets) == (after.hits, after.total, after.facets)
    backend.close()


def test_a_full_disk_leaves_the_old_index_in_use(own: Opened) -> None:
    """In a process of its own: the limit is the whole process's, and here others may be writing."""
    own.backend.close()
    own.database.close()
    program = f"from tests.indexer.test_embedded import on_a_full_disk; on_a_full_disk({str(own.folder)!r})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "told, kept, written\n"), done.stderr


def on_a_full_disk(folder: str) -> None:
    """No file may grow: the write is told as failed, what was there is found as before, and once there is room it is written."""
    own = opened("embedded:", Path(folder), HashedEmbedder())
    query = SearchQuery(text="密封点", mode=Mode.LEXICAL)
    before = own.index.search(query).hits
    assert before
    large = Entry(Kind.SOLUTION, 900, 1, title="密封点", tokens={"words": ("密封", "点") * 20_000}, audience=("public",))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow beyond this now: the engine's writes fail as they would on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        own.backend.apply([large])
        with pytest.raises(EngineError):
            own.backend.refresh()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert own.index.search(query).hits == before
    own.backend.apply([large])
    own.backend.refresh()
    assert 900 in {hit.thing_id for hit in own.index.search(query).hits}
    sys.stdout.write("told, kept, written\n")


class WrittenMeanwhile(list[Request]):
    """Requests between the first and the second of which somebody else writes."""

    def __init__(self, requests: list[Request], write: Callable[[], None]) -> None:
        super().__init__(requests)
        self.write = write

    def __iter__(self) -> Iterator[Request]:
        for number in range(len(self)):
            yield self[number]
            if number == 0:
                self.write()


def test_requests_that_are_asked_together_see_one_state(own: Opened) -> None:
    """Their vectors are scanned together, so that what is written meanwhile must not be seen by the later ones."""
    vectors = np.full((1, own.embeddings.dimension), 0.25, np.float32)
    added = Entry(
        Kind.SOLUTION,
        900,
        1,
        title="新方案",
        tokens={"words": ("w900",)},
        hashes=("h900",),
        mains=1,
        vectors=vectors,
        keywords={},
        audience=("public",),
    )

    def write() -> None:
        assert own.backend.apply([added]) == [""]
        own.backend.refresh()

    request = Request(Kind.SOLUTION, (Condition(Kind.SOLUTION),), vectors=vectors, depth=500)
    first, second = own.backend.candidates(WrittenMeanwhile([request, request], write))
    assert first[0].dense.ids.tolist() == second[0].dense.ids.tolist()
    assert 900 not in second[0].dense.ids
    assert 900 in own.backend.candidates([request])[0][0].dense.ids


def test_many_versions_are_compacted(own: Opened) -> None:
    entries = [
        Entry(
            Kind.SCENARIO,
            number,
            1,
            title=f"场景{number}",
            tokens={"words": (f"w{number}", "common")},
            hashes=(f"h{number}",),
            mains=1,
            vectors=np.full((1, own.embeddings.dimension), 0.25, np.float32),
            keywords={"sector": ("chem",)},
            audience=("public",),
        )
        for number in range(5000, 6200)
    ]
    for version in (1, 2, 3):
        assert set(own.backend.apply([replace(entry, version=version) for entry in entries])) == {""}
        own.backend.refresh()
    page = own.index.search(SearchQuery(text="w5007 common", kind=Kind.SCENARIO, mode=Mode.LEXICAL))
    assert page.hits[0].thing_id == 5007
    condition = Condition(Kind.SCENARIO, filters=(("sector", ("chem",)),))
    (candidates,) = own.backend.candidates([Request(Kind.SCENARIO, (condition,), vectors=entries[0].vectors, depth=50)])[0]
    assert len(candidates.dense.ids) == 50
    assert len(own.backend.passages(Kind.SCENARIO, np.array([5000, 6199, 77_777])).mains) == 2
