"""The vectors of all texts that the table lacks, computed by several processes, each batch committed as it comes.

Killed at any moment and run again, it goes on where it was: what is stored is not computed twice. The processes are spawned, because
a process that has used a model must not fork; they compute only, and end when the one that asked is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from sqlalchemy.orm import Session

from indexer.documents import Labels
from indexer.embedder_error import EmbedderError
from indexer.embedding import PASSAGE, QUERY, open_embedder
from indexer.entries import question_parts
from indexer.pieces import content_hash, passage_piece, query_pieces
from indexer.query import Kind, Vector
from indexer.rows import documents_of, find_searchable_ids
from indexer.stored_vectors import StoredVectors
from marketplace.records.database import Database

THINGS = 500
BATCH = 32
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Text:
    """A text to be embedded as a "query" or a "passage", and the key of its vector."""

    role: str
    text: str

    @property
    def key(self) -> str:
        return content_hash(self.role, self.text)


def find_missing(database: Database, space: str, labels: Labels) -> dict[str, Text]:
    """All texts of what can be found now whose vectors the table lacks, by content hash."""
    stored = StoredVectors(database, space)
    missing: dict[str, Text] = {}
    for kind in Kind:
        with database.reading() as session:
            ids = list(find_searchable_ids(session, kind))
        for start in range(0, len(ids), THINGS):
            with database.reading() as session:
                texts = {text.key: text for text in _texts(session, kind, ids[start : start + THINGS], labels)}
            known = stored.known(texts)
            missing |= {key: text for key, text in texts.items() if key not in known}
    return missing


def _texts(session: Session, kind: Kind, ids: list[int], labels: Labels) -> Iterator[Text]:
    for document in documents_of(session, kind, dict.fromkeys(ids, 0), labels).values():
        yield from (Text(PASSAGE, passage_piece(text)) for text in document.passages)
        if kind is Kind.PROBLEM:
            # A stored problem is asked again and again: the index keeps the vectors of its parts.
            yield from (Text(QUERY, piece) for part in question_parts(document) for piece in query_pieces(part))


def embed_missing(
    database: Database, space: str, missing: dict[str, Text], *, name: str, folder: Path, processes: int, progress: Progress | None = None
) -> None:
    """Compute and store them. `name` and `folder` open the embedder of that space in each process. Raises EmbedderError."""
    stored = StoredVectors(database, space)
    done = 0
    # No more processes than there is work for; each loads a model.
    with _Processes(name, folder, min(processes, -(-len(missing) // BATCH))) as running:
        for vectors in running.computed(_batches(missing)):
            stored.add(vectors)
            done += len(vectors)
            if progress is not None:
                progress(done, len(missing))


def _batches(missing: dict[str, Text]) -> Iterator[list[Text]]:
    """Texts of one role and of like length together; the longest first, so that no process ends long after the others."""
    for role in (PASSAGE, QUERY):
        texts = sorted((text for text in missing.values() if text.role == role), key=lambda text: -len(text.text))
        for start in range(0, len(texts), BATCH):
            yield texts[start : start + BATCH]


class _Processes:
    """Spawned processes with a model each, and a pipe to each."""

    def __init__(self, name: str, folder: Path, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        threads = max((os.cpu_count() or 1) // max(count, 1), 1)
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_compute, args=(theirs, name, folder, threads), name="jigai-embed", daemon=True)
            process.start()
            # The only other end is now the process's own: it hears at once when this one is gone, and this one hears when it is.
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join()

    def computed(self, batches: Iterable[list[Text]]) -> Iterator[dict[str, Vector]]:
        """The vectors of each batch by content hash, in the order in which they are done."""
        waiting, idle = iter(batches), list(self._pipes)
        at_work: dict[Connection, list[Text]] = {}
        while True:
            while idle and (batch := next(waiting, None)) is not None:
                pipe = idle.pop()
                at_work[pipe] = batch
                try:
                    pipe.send((batch[0].role, [text.text for text in batch]))
                except OSError:
                    raise self._ended(pipe) from None
            if not at_work:
                return
            ready = wait(list(at_work))
            for pipe in [one for one in at_work if one in ready]:
                batch = at_work.pop(pipe)
                try:
                    answer = pipe.recv()
                except (EOFError, OSError):
                    raise self._ended(pipe) from None
                if isinstance(answer, str):
                    raise EmbedderError(answer)
                idle.append(pipe)
                yield dict(zip((text.key for text in batch), answer, strict=True))

    def _ended(self, pipe: Connection) -> EmbedderError:
        process = self._processes[self._pipes.index(pipe)]
        process.join(5)
        return EmbedderError(
            f"一个计算向量的进程意外结束（退出码 {process.exitcode}），多半是内存不足。已算好的都已保存：请减少 --processes 后再运行，会接着算。"
        )


def _compute(pipe: Connection, name: str, folder: Path, threads: int) -> None:
    """The life of one process: texts in, vectors out, until nobody asks any more."""
    # Ctrl+C goes to all processes of a terminal: the one that asked decides, and this one ends with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read by the libraries of the models when they are loaded, which happens here only.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        embedder = open_embedder(name, folder, threads=threads)
        while True:
            role, texts = pipe.recv()
            pipe.send(embedder.queries(texts) if role == QUERY else embedder.passages(texts))
    except EmbedderError as error:
        pipe.send(str(error))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
