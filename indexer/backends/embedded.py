"""The engine inside the process: tantivy for text, an exact scan of all vectors in RAM, columns in NumPy.

index/index.lock          one process owns the index and writes it; others read
index/current.json        which generation is in use, and what it was made with
index/gen-0001/solution/  one full-text index per kind
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped,unused-ignore]

from indexer.backends import (
    Candidates,
    Change,
    EngineError,
    FindVectors,
    IndexBroken,
    Meta,
    Request,
    Title,
)
from indexer.backends.generation import Generation
from indexer.backends.lock import Lock
from indexer.backends.manifest import replace_file
from indexer.fusion import Ids, Passages
from indexer.query import Kind

POINTER = "current.json"


class EmbeddedBackend:
    """See SearchBackend. Readers take no lock; `apply`, `refresh` and `swap` are for one thread at a time, and see to it."""

    def __init__(self, folder: Path, *, meta: Meta, find_vectors: FindVectors, write: bool) -> None:
        # The threads of a linear-algebra library wait for one another by spinning: on a machine that has other work, one
        # product then takes 24 ms instead of 2. A scan that is worth it is parted by ourselves (shelf.py).
        threadpool_limits(1, user_api="blas")
        self.meta = meta
        self.folder = folder
        self._find_vectors = find_vectors
        self._write = write
        self._writing = threading.RLock()
        self._next: Generation | None = None
        self._lock = Lock(folder / "index.lock") if write else None
        try:
            self._current = self._open()
        except BaseException:
            self._release()
            raise

    def _open(self) -> Generation:
        pointer = self._pointer()
        if pointer is None:
            if not self._write:
                raise IndexBroken("索引还没有建立，请先启动服务或运行 jigai index rebuild")
            self._drop_others("gen-0001")
            generation = self._generation("gen-0001", write=True)
            self._point(generation)
            return generation
        name = str(pointer.pop("generation", ""))
        if pointer != asdict(self.meta):
            raise IndexBroken("索引由另一版本的分词、词典或向量模型建立，需要重建")
        if not (self.folder / name).is_dir():
            raise IndexBroken(f"索引文件夹不见了：{name}")
        if self._write:
            self._drop_others(name)
        return self._generation(name, write=self._write)

    def _generation(self, name: str, *, write: bool) -> Generation:
        return Generation(self.folder / name, dimension=self.meta.dimension, find_vectors=self._find_vectors, write=write)

    def _pointer(self) -> dict[str, object] | None:
        try:
            found = json.loads((self.folder / POINTER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise IndexBroken(f"{POINTER}：{error}") from error
        if not isinstance(found, dict):
            raise IndexBroken(f"{POINTER}：不是索引说明")
        return found

    def _point(self, generation: Generation) -> None:
        replace_file(self.folder / POINTER, json.dumps({"generation": generation.folder.name, **asdict(self.meta)}))

    def _drop_others(self, keep: str) -> None:
        for path in self.folder.glob("gen-*"):
            if path.name != keep:
                shutil.rmtree(path, ignore_errors=True)

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def candidates(self, requests: Sequence[Request]) -> list[tuple[Candidates, ...]]:
        return self._current.candidates(requests)

    def passages(self, kind: Kind, ids: Ids) -> Passages:
        return self._current.shown[kind].view.passages(ids)

    def title_of(self, kind: Kind, thing_id: int) -> str:
        view = self._current.shown[kind].view
        row = view.row_of.get(thing_id)
        return "" if row is None or row >= view.rows else view.titles[row].text

    def frequencies(self, kind: Kind, tokens: Sequence[str]) -> tuple[list[int], int]:
        text = self._current.shown[kind].text
        return [text.frequency(token) for token in tokens], text.things

    def stamp(self, kind: Kind) -> int:
        return self._current.shown[kind].view.stamp

    def titles(self, kind: Kind) -> list[Title]:
        view = self._current.shown[kind].view
        return [view.titles[row] for row in np.flatnonzero(view.alive)]

    def versions(self, kind: Kind) -> dict[int, int]:
        return self._current.versions(kind)

    def apply(self, changes: Sequence[Change]) -> list[str]:
        with self._writing:
            self._must_write()
            answers = self._current.apply(changes)
            if self._next is not None:
                self._next.apply(changes)
            return answers

    def refresh(self) -> None:
        with self._writing:
            if not self._write:
                self._follow()
                return
            if self._next is not None:
                self._next.refresh()
            self._current.refresh()

    def _follow(self) -> None:
        """What the owner has written meanwhile; after a rebuild that is another generation."""
        pointer = self._pointer()
        if pointer is not None and pointer.get("generation") == self._current.folder.name:
            self._current.reload()
            return
        fresh = self._open()
        fresh.go_on_from(self._current)
        old, self._current = self._current, fresh
        old.close()

    def begin_next(self) -> None:
        with self._writing:
            self._must_write()
            self.abandon_next()
            number = int(self._current.folder.name.rpartition("-")[2]) + 1
            self._next = self._generation(f"gen-{number:04d}", write=True)

    def fill_next(self, changes: Iterable[Change]) -> None:
        with self._writing:
            if self._next is None:
                raise EngineError("没有正在建立的新索引")
            self._next.apply(list(changes))
            self._next.refresh()

    def versions_next(self, kind: Kind) -> dict[int, int]:
        return {} if self._next is None else self._next.versions(kind)

    def swap(self) -> None:
        with self._writing:
            if self._next is None:
                raise EngineError("没有正在建立的新索引")
            self._next.refresh()
            self._next.go_on_from(self._current)
            self._point(self._next)
            old, self._current, self._next = self._current, self._next, None
            old.close()
            shutil.rmtree(old.folder, ignore_errors=True)

    def abandon_next(self) -> None:
        with self._writing:
            if self._next is not None:
                dropped, self._next = self._next, None
                dropped.close()
                shutil.rmtree(dropped.folder, ignore_errors=True)

    def close(self) -> None:
        with self._writing:
            self.abandon_next()
            self._current.close()
            self._release()

    def _must_write(self) -> None:
        if not self._write:
            raise EngineError("这个进程只能读索引")


def drop_index(folder: Path) -> None:
    """Remove a broken index, so that an empty one takes its place; the database holds everything. Raises IndexBusy."""
    lock = Lock(folder / "index.lock")
    try:
        (folder / POINTER).unlink(missing_ok=True)
        for path in folder.glob("gen-*"):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        lock.release()
