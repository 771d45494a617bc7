"""The full text of one kind: a tantivy index over tokens that were cut before. Only this module knows tantivy.

Every change of a thing is one document: `key` finds it again, `serial` names it to the columns in RAM, `payload` holds
the rest, so that one commit makes all of it durable. A removal leaves its version behind as a document without tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tantivy import DocAddress, Document, Index, IndexWriter, Occur, Query, SchemaBuilder, Searcher

from indexer.analysis import Term
from indexer.backends import EngineError, IndexBroken
from indexer.backends.manifest import damage, write_manifest
from indexer.fusion import Ids
from indexer.query import FIELD_WEIGHTS, FIELDS, Condition, Vector

HEAP = 30_000_000
FILTERS = "filters"


@contextmanager
def engine_errors(what: type[EngineError] = EngineError) -> Iterator[None]:
    """tantivy raises ValueError and OSError, and a panic is a BaseException: all become one error of ours."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise what(f"全文索引：{error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise what(f"全文索引：{error}") from error


def _schema() -> Any:
    builder = SchemaBuilder()
    builder.add_text_field("key", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("serial", indexed=True, fast=True)
    for name in FIELDS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position" if name in FIELD_WEIGHTS else "freq")
    builder.add_text_field(FILTERS, tokenizer_name="whitespace", index_option="basic")
    builder.add_bytes_field("payload", stored=True)
    return builder.build()


def filter_token(name: str, value: str) -> str:
    """A facet value as one token: whitespace would part it."""
    return f"{name}={'␠'.join(value.split())}"


class Snapshot:
    """The index as it was at one commit."""

    def __init__(self, searcher: Searcher, schema: Any) -> None:
        self._searcher = searcher
        self._schema = schema

    @property
    def things(self) -> int:
        return int(self._searcher.num_docs)

    def query(self, terms: Sequence[Term], condition: Condition | None) -> Query | None:
        """Any of the terms; the condition's keyword parts are filters that add nothing to the score."""
        either = [(Occur.Should, query) for term in terms for query in self._term(term)]
        if not either:
            return None
        wanted = Query.boolean_query(either)
        if condition is None:
            return wanted
        parts = [(Occur.Must, wanted)]
        for name, values in (("audience", sorted(condition.audience)), *condition.filters):
            parts.append((Occur.Must, self._any(name, values)))
        if condition.provider_id is not None:
            parts.append((Occur.Must, self._any("provider", [str(condition.provider_id)])))
        return Query.boolean_query(parts)

    def _any(self, name: str, values: Sequence[str]) -> Query:
        tokens = [Query.term_query(self._schema, FILTERS, filter_token(name, value), "basic") for value in values]
        return Query.const_score_query(Query.boolean_query([(Occur.Should, token) for token in tokens]), 0.0)

    def _term(self, term: Term) -> Iterator[Query]:
        weights = FIELD_WEIGHTS if term.field == "words" else {term.field: 1.0}
        for name, weight in weights.items():
            if len(term.tokens) == 1:
                query = Query.term_query(self._schema, name, term.tokens[0], "freq")
            elif name == "words":
                query = Query.phrase_query(self._schema, name, list(term.tokens))
            else:
                continue
            factor = weight * term.weight
            yield query if factor == 1.0 else Query.boost_query(query, factor)

    def best(self, query: Query, limit: int) -> tuple[Ids, Vector]:
        """Serials and scores of the `limit` best, best first. A limit of 0 makes tantivy panic, so it is never passed on."""
        if limit < 1:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        with engine_errors():
            hits = self._searcher.search(query, limit, count=False).hits
            if not hits:
                return np.empty(0, np.int64), np.empty(0, np.float32)
            serials = self._searcher.fast_field_values("serial", [address for _, address in hits])
        return np.array(serials, np.int64), np.array([score for score, _ in hits], np.float32)

    def frequency(self, token: str) -> int:
        with engine_errors():
            return int(self._searcher.doc_freq("words", token))

    def payloads(self) -> Iterator[tuple[int, bytes]]:
        """(serial, payload) of every document."""
        if not self.things:
            return
        with engine_errors(IndexBroken):
            hits = self._searcher.search(Query.all_query(), self.things, count=False).hits
            addresses: list[DocAddress] = [address for _, address in hits]
            serials = self._searcher.fast_field_values("serial", addresses)
            for serial, address in zip(serials, addresses, strict=True):
                yield int(serial or 0), self._searcher.doc(address)["payload"][0]


class TextIndex:
    """One folder. One writer at a time, by the lock of the whole index; readers take snapshots."""

    def __init__(self, folder: Path, *, write: bool) -> None:
        self.folder = folder
        self._writer: IndexWriter | None = None
        self._schema = _schema()
        is_new = not (folder / "meta.json").exists()
        if is_new and not write:
            raise IndexBroken("索引还没有建立")
        folder.mkdir(parents=True, exist_ok=True)
        if not is_new:
            wrong = damage(folder)
            if wrong:
                raise IndexBroken(f"索引文件损坏：{wrong}")
        with engine_errors(IndexBroken):
            self._index = Index(self._schema, path=str(folder)) if is_new else Index.open(str(folder))
            self._index.config_reader("manual")
            self._index.reload()

    def snapshot(self) -> Snapshot:
        with engine_errors(IndexBroken):
            self._index.reload()
            return Snapshot(self._index.searcher(), self._schema)

    def put(self, key: str, serial: int, payload: bytes, tokens: Mapping[str, Sequence[str]], filters: Sequence[str]) -> None:
        """Replace the document of a thing; durable after `commit`."""
        document = Document()
        document.add_text("key", key)
        document.add_unsigned("serial", serial)
        for name in FIELDS:
            if tokens.get(name):
                document.add_text(name, " ".join(tokens[name]))
        if filters:
            document.add_text(FILTERS, " ".join(filters))
        document.add_bytes("payload", payload)
        with engine_errors():
            writer = self._open_writer()
            writer.delete_documents_by_term("key", key)
            writer.add_document(document)

    def _open_writer(self) -> IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(HEAP, 1)
        return self._writer

    def commit(self) -> None:
        """Make everything durable. On an error (a full disk) the former commit stays, and what was put is forgotten."""
        if self._writer is None:
            return
        try:
            with engine_errors():
                self._writer.commit()
        except EngineError:
            self.forget()
            raise
        self.note()

    def note(self) -> None:
        """Bring the checksums up to date."""
        with engine_errors():
            write_manifest(self.folder)

    def forget(self) -> None:
        """Drop what was put and the writer with it; the next change opens a fresh one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                with engine_errors():
                    writer.rollback()
            except EngineError:
                # A writer that died of the error cannot roll back; dropping it has the same effect.
                pass

    def close(self) -> None:
        """Wait for merges, so that the checksums of the last state are complete."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with engine_errors():
                writer.wait_merging_threads()
            self.note()


def as_row(row_of_serial: NDArray[np.int32], serials: Ids) -> NDArray[np.int32]:
    """The rows of serials; -1 for those that the columns do not know."""
    rows = np.full(len(serials), -1, np.int32)
    known = serials < len(row_of_serial)
    rows[known] = row_of_serial[serials[known]]
    return rows
