"""Requests → OpenSearch's own language: pure functions, tested by equality. Nothing here knows a server.

Words come cut and joined by spaces, so that the engine needs a whitespace analyzer only. One shard, so that a word weighs
the same in every document. A removed thing leaves its version behind as a document without words and audience, which no
query can find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from indexer.analysis import Term
from indexer.backends import Meta, Request
from indexer.query import FACETS, FIELD_WEIGHTS, FIELDS, NUMBERS, RANGES, Condition, Kind, Sort, Vector

Body = dict[str, Any]

# A query of more clauses is refused by the engine as it comes; what a text says after so many words is left out.
MOST_CLAUSES = 1000
# Without neither words nor vectors so many things are shown at most: the engine's own limit for one answer.
MOST_LISTED = 10_000
HNSW = {"m": 16, "ef_construction": 100}
# What is read of a hit: its id and the number of its last write, from columns; nothing stored is unpacked.
HIT: Body = {"_source": False, "stored_fields": "_none_", "docvalue_fields": ["thing_id"], "seq_no_primary_term": True}
IS_HERE: Body = {"bool": {"must_not": [{"term": {"gone": True}}]}}


def edges(name: str) -> tuple[str, str]:
    """The two fields of a range that is filtered by: where a thing begins and where it ends, one said standing for both."""
    return f"{name}_from", f"{name}_to"


def mapping(kind: Kind, meta: Meta) -> Body:
    """`about` and `vectors` are what the process reads back; everything else is only looked for."""
    fields: Body = {name: _text(name) for name in FIELDS}
    fields |= {name: {"type": "keyword"} for name in ("audience", *FACETS[kind])}
    fields |= {name: {"type": "double", "index": False} for name in NUMBERS}
    fields |= {edge: {"type": "double"} for name in RANGES for edge in edges(name)}
    fields |= {"provider_id": {"type": "long"}, "thing_id": {"type": "long"}, "gone": {"type": "boolean"}}
    fields |= {name: {"type": "keyword", "index": False} for name in ("title", "spelt")}
    fields |= {"about": {"type": "object", "enabled": False}}
    fields |= {"vectors": {"type": "keyword", "index": False, "doc_values": False}}
    method = {"name": "hnsw", "engine": "lucene", "space_type": "innerproduct", "parameters": HNSW}
    vector = {"type": "knn_vector", "dimension": meta.dimension, "method": method}
    fields |= {"mains": {"type": "nested", "properties": {"vector": vector}}}
    return {
        "dynamic": "strict",
        "_meta": asdict(meta),
        "_source": {"includes": ["about", "about.*", "vectors"]},
        "properties": fields,
    }


def _text(name: str) -> Body:
    return {"type": "text", "analyzer": "whitespace", "index_options": "positions" if name in FIELD_WEIGHTS else "freqs"}


def settings(*, filling: bool) -> Body:
    """Of an index in use, or of one that is being filled: nobody reads it yet, and no copy of it is wanted."""
    index: Body = {"knn": True, "number_of_shards": 1}
    return {"index": index | (filled_later() if filling else in_use())}


def filled_later() -> Body:
    return {"number_of_replicas": 0, "auto_expand_replicas": False, "refresh_interval": "-1"}


def in_use() -> Body:
    """One copy where there is a second machine, none where there is not."""
    return {"auto_expand_replicas": "0-1", "refresh_interval": "5s"}


def searches(request: Request) -> list[Body]:
    """All questions of a request: for each condition its lists, then its vectors."""
    lists = [clauses(terms) for terms in request.lists]
    vectors = [] if request.vectors is None else [plain(vector) for vector in request.vectors]
    found = []
    for condition in request.conditions:
        fulfilled = fulfilling(condition)
        found += [lexical(some, fulfilled, request.depth) for some in lists]
        found += [dense(vector, fulfilled, request.depth) for vector in vectors]
    return found


def clauses(terms: Sequence[Term]) -> list[Body]:
    """A list of terms, each weighed by its field and its own weight."""
    return [clause for term in terms for clause in _term(term)][:MOST_CLAUSES]


def _term(term: Term) -> Iterator[Body]:
    weights = FIELD_WEIGHTS if term.field == "words" else {term.field: 1.0}
    for name, weight in weights.items():
        boost = weight * term.weight
        if len(term.tokens) == 1:
            yield {"term": {name: {"value": term.tokens[0], "boost": boost}}}
        elif name == "words":
            yield {"match_phrase": {name: {"query": " ".join(term.tokens), "boost": boost}}}


def plain(vector: Vector) -> list[float]:
    """Numbers as short as 32 bits know them."""
    rounded: list[float] = np.round(vector.astype(np.float64), 7).tolist()
    return rounded


def lexical(either: Sequence[Body], fulfilled: Body, depth: int) -> Body:
    """Any of the clauses, added up; the condition adds nothing to the score."""
    wanted: Body = {"bool": {"should": either, "minimum_should_match": 1, **fulfilled}}
    return {"size": depth, "track_total_hits": False, **HIT, "query": wanted if either else {"match_none": {}}}


def dense(vector: list[float], fulfilled: Body, depth: int) -> Body:
    """The things whose best main passage is nearest. The condition is inside, so that `depth` things fulfil it."""
    knn: Body = {"vector": vector, "k": depth, "filter": {"bool": fulfilled}}
    nested = {"path": "mains", "score_mode": "max", "query": {"knn": {"mains.vector": knn}}}
    return {"size": depth, "track_total_hits": False, **HIT, "query": {"nested": nested}}


def listed(condition: Condition, sort: Sort) -> Body:
    """All that fulfil the condition, with everything that totals, facets and sorting need."""
    return {
        "size": MOST_LISTED,
        "track_total_hits": False,
        **HIT,
        "docvalue_fields": ["thing_id", "provider_id", *FACETS[condition.kind], *NUMBERS],
        "query": {"bool": fulfilling(condition)},
        "sort": [_order(sort), {"thing_id": "desc"}],
    }


def _order(sort: Sort) -> Body:
    """The order asked for, unknown last; else what has the most references first."""
    if sort in (Sort.PRICE, Sort.WEEKS):
        return {edges(sort.value)[0]: {"order": "asc", "missing": "_last"}}
    return {"references": {"order": "desc", "missing": 0}}


def fulfilling(condition: Condition) -> Body:
    """The parts of a bool query that a condition is. A thing without a figure passes every range."""
    filters: list[Body] = [{"terms": {"audience": sorted(condition.audience)}}]
    filters += [{"terms": {name: list(values)}} for name, values in condition.filters]
    if condition.provider_id is not None:
        filters.append({"term": {"provider_id": condition.provider_id}})
    without: list[Body] = []
    if condition.without_providers:
        without.append({"terms": {"provider_id": sorted(condition.without_providers)}})
    if condition.without_ids:
        without.append({"terms": {"thing_id": sorted(condition.without_ids)}})
    for name, reach in condition.ranges:
        begin, end = edges(name)
        if reach.high is not None:
            without.append({"range": {begin: {"gt": reach.high}}})
        if reach.low is not None:
            without.append({"range": {end: {"lt": reach.low}}})
    return {"filter": filters, "must_not": without} if without else {"filter": filters}


def holding(token: str) -> Body:
    """How many things hold a word."""
    return {"size": 0, "track_total_hits": True, "query": {"term": {"words": token}}}


def everything() -> Body:
    """How many things there are."""
    return {"size": 0, "track_total_hits": True, "query": IS_HERE}


def page(fields: Sequence[str], after: int | None, size: int) -> Body:
    """One page of everything, by rising id. An id keeps its place, so that what stays is never missed between two pages."""
    body: Body = {
        "size": size,
        "track_total_hits": False,
        "_source": False,
        "stored_fields": "_none_",
        "version": True,
        "query": IS_HERE,
        "sort": [{"thing_id": "asc"}],
    }
    if fields:
        body["docvalue_fields"] = list(fields)
    return body if after is None else {**body, "search_after": [after]}
