"""Documents → entries: tokens by `analysis`, vectors by `embedding`; what is left for an engine is storing."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.analysis import Analyser, analyser, spell
from indexer.backends import SCHEMA_VERSION, Entry, Meta
from indexer.documents import Document
from indexer.embedding import EmbeddingStore

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
        title = document.text.get(TITLE, "")
        found.append(
            Entry(
                kind=document.kind,
                thing_id=document.thing_id,
                version=document.version,
                provider_id=document.provider_id,
                title=title,
                spelt=spell(title[:SPELT_CHARACTERS]),
                tokens=tokens_of(document, cut),
                hashes=embeddings.passage_hashes(document.passages),
                mains=len(document.mains),
                vectors=vectors[place : place + count],
                keywords=document.keywords,
                numbers=document.numbers,
                audience=document.audience,
            )
        )
        place += count
    return found
