"""A thing as OpenSearch keeps it, and back: what is searched, and beside it a small part that is read again.

Main passages are kept in 16 bits, the shorter ones in 8 with a scale each: in half the room a cosine moves by .0005.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from indexer.backends import Change, Entry, Title
from indexer.backends.opensearch_dsl import edges
from indexer.query import FIELDS, RANGES, Kind, Vector

UNIT_STEPS = 127.0


def document(change: Change) -> bytes:
    """The stored form of a change, as one line of JSON."""
    if not isinstance(change, Entry):
        return orjson.dumps({"thing_id": change.thing_id, "gone": True})
    numbers = {name: float(value) for name, value in change.numbers.items() if value == value}
    keywords = {name: list(dict.fromkeys(values)) for name, values in change.keywords.items()}
    about = {"title": change.title, "provider": change.provider_id, "keywords": keywords, "numbers": numbers, "mains": change.mains}
    found: dict[str, Any] = {"thing_id": change.thing_id, "title": change.title, "spelt": " ".join(change.spelt)}
    found |= {name: " ".join(change.tokens[name]) for name in FIELDS if change.tokens.get(name)}
    found |= {"audience": list(change.audience), **keywords, **numbers, **_edges(numbers)}
    if change.provider_id is not None:
        found["provider_id"] = change.provider_id
    mains = np.ascontiguousarray(change.vectors[: change.mains], np.float32)
    found |= {"mains": [{"vector": vector} for vector in mains], "about": about, "vectors": _packed(change)}
    return orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY)


def _edges(numbers: Mapping[str, float]) -> dict[str, float]:
    """Where a thing's ranges begin and end; of two figures one may be unsaid."""
    found: dict[str, float] = {}
    for name, (low, high) in RANGES.items():
        said = [numbers[figure] for figure in (low, high) if figure in numbers]
        if said:
            begin, end = edges(name)
            found |= {begin: said[0], end: said[-1]}
    return found


def _packed(entry: Entry) -> str:
    mains, units = entry.vectors[: entry.mains], entry.vectors[entry.mains :]
    parts = [mains.astype("<f2").tobytes()]
    if len(units):
        scale = (np.maximum(np.abs(units).max(axis=1), 1e-9) / UNIT_STEPS).astype("<f4")
        parts += [scale.tobytes(), np.rint(units / scale[:, None]).astype(np.int8).tobytes()]
    return base64.b64encode(b"".join(parts)).decode()


def entry_of(kind: Kind, thing_id: int, source: Mapping[str, Any], dimension: int) -> Entry:
    """What is read back of a thing; words, audience and version stay in the engine."""
    about = source["about"]
    return Entry(
        kind=kind,
        thing_id=thing_id,
        version=0,
        provider_id=about["provider"],
        title=about["title"],
        mains=about["mains"],
        vectors=_unpacked(base64.b64decode(source["vectors"]), about["mains"], dimension),
        keywords=about["keywords"],
        numbers=about["numbers"],
    )


def _unpacked(packed: bytes, mains: int, dimension: int) -> Vector:
    of_mains = 2 * mains * dimension
    units = (len(packed) - of_mains) // (4 + dimension)
    vectors = np.empty((mains + units, dimension), np.float32)
    vectors[:mains] = np.frombuffer(packed, "<f2", mains * dimension).reshape(mains, dimension)
    scale = np.frombuffer(packed, "<f4", units, of_mains)
    steps = np.frombuffer(packed, np.int8, units * dimension, of_mains + 4 * units).reshape(units, dimension)
    vectors[mains:] = steps * scale[:, None]
    return vectors


def title_of(fields: Mapping[str, list[Any]]) -> Title:
    """A title from the columns of a hit."""
    syllables = fields.get("spelt", [""])[0].split(" ")
    provider = fields.get("provider_id", [None])[0]
    initials = "".join(syllable[:1] for syllable in syllables)
    return Title(fields["title"][0], "".join(syllables), initials, tuple(fields.get("audience", ())), provider)
