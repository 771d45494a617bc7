"""Documents → entries: tokens by `analysis`, vectors by `embedding`; what is left for an engine is storing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from indexer.analysis import Analyser, analyser, spell
from indexer.backends import SCHEMA_VERSION, Entry, Meta
from indexer.documents import Document
from indexer.embedding import EmbeddingStore
from indexer.parts import parts_of
from indexer.query import Vector

TITLE, LABELS = "title", "labels"
SPELT_CHARACTERS = 60


def meta_of(embeddings: EmbeddingStore) -> Meta:
    """What an index must have been made with to be of use now."""
    return Meta(SCHEMA_VERSION, analyser().version, embeddings.space, embeddings.dimension)


def tokens_of(document: Document, cut: Analyser) -> dict[str, tuple[str, ...]]:
    """Tokens by engine field."""
    title = document.text.get(TITLE, "")
    body = "。".join(part for name, part in document.text.items() if name != LABELS and part)
    return {
        "words": tuple(cut.cut(body)),
        "labels": tuple(cut.cut(document.text.get(LABELS, ""))),
        "grams": tuple(cut.bigrams(body)),
        "pinyin": tuple(cut.pinyin(title)),
    }


def entries_of(documents: Sequence[Document], embeddings: EmbeddingStore) -> list[Entry]:
    """The entries of documents; embeds what has no vector yet."""
    cut = analyser()
    vectors = embeddings.passages([text for document in documents for text in document.passages])
    found, place = [], 0
    for document in documents:
        count = len(document.passages)
        entry = bare_entry(document, embeddings.passage_hashes(document.passages), len(document.mains), vectors[place : place + count])
        found.append(replace(entry, spelt=spell(entry.title[:SPELT_CHARACTERS]), tokens=tokens_of(document, cut)))
        place += count
    return found


def bare_entries_of(documents: Sequence[Document], embeddings: EmbeddingStore) -> list[Entry]:
    """Entries without tokens, with those passages only that have a vector already: nothing is cut and nothing embedded."""
    hashes = [embeddings.passage_hashes(document.passages) for document in documents]
    vectors, known = embeddings.find([one for row in hashes for one in row])
    found, place = [], 0
    for document, row in zip(documents, hashes, strict=True):
        has, mains = known[place : place + len(row)], len(document.mains)
        kept = tuple(one for one, is_known in zip(row, has, strict=True) if is_known)
        found.append(bare_entry(document, kept, int(has[:mains].sum()), vectors[place : place + len(row)][has]))
        place += len(row)
    return found


def bare_entry(document: Document, hashes: tuple[str, ...], mains: int, vectors: Vector) -> Entry:
    """An entry as it is before its text is cut."""
    return Entry(
        kind=document.kind,
        thing_id=document.thing_id,
        version=document.version,
        provider_id=document.provider_id,
        title=document.text.get(TITLE, ""),
        hashes=hashes,
        mains=mains,
        vectors=vectors,
        keywords=document.keywords,
        numbers=document.numbers,
        audience=document.audience,
    )


def question_parts(document: Document) -> tuple[str, ...]:
    """The parts of a problem that are asked when solutions are looked for."""
    text = document.text["title"] + document.text.get("rest", "")
    return parts_of(text).texts if text.strip() else ()
