"""Who may answer a problem at all, and what both sides of the index say of them: lexical, dense, and by known problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.query import Kind, Mode, Page, SearchQuery, Vector
from indexer.search import Index
from recommender.ask import Ask
from recommender.known_problems import Insight

Ids = NDArray[np.int64]

DEPTH = 200


@dataclass(frozen=True)
class Candidates:
    """n solutions for one problem: ids, rising, and providers (-1 = none), and (n) arrays of figures from 0 to 1.

    `text`: the index's fused score; `lexical`, `dense`: its two sides; `blurbs`: the lexical score of the blurbs that the
    known problems voted for. `terms`: the words that the index looked for.
    """

    ids: Ids
    providers: Ids
    text: Vector
    lexical: Vector
    dense: Vector
    blurbs: Vector
    terms: tuple[str, ...] = ()


def find_candidates(
    index: Index, asks: Sequence[Ask], insights: Sequence[Insight], without_providers: Sequence[frozenset[int]], *, depth: int = DEPTH
) -> list[Candidates]:
    """The candidates of each problem, ids rising. `without_providers`: for each problem those that hard constraints exclude."""
    queries = [_query(ask.text, Mode.HYBRID, excluded, depth) for ask, excluded in zip(asks, without_providers, strict=True)]
    known = [place for place, insight in enumerate(insights) if insight.familiar > 0 and insight.blurbs]
    queries += [_worded(insights[place], without_providers[place], depth) for place in known]
    pages = index.search_many(queries)
    by_blurbs = dict(zip(known, pages[len(asks) :], strict=True))
    return [_merged(page, by_blurbs.get(place)) for place, page in enumerate(pages[: len(asks)])]


def _query(text: str, mode: Mode, excluded: frozenset[int], depth: int) -> SearchQuery:
    return SearchQuery(
        text=text,
        kind=Kind.SOLUTION,
        mode=mode,
        without_providers=excluded,
        size=2 * depth,
        depth=depth,
        facets=False,
        relax=False,
    )


def _worded(insight: Insight, excluded: frozenset[int], depth: int) -> SearchQuery:
    """The words of the blurbs as a query of their own: solutions are written in their language, problems are not."""
    (first, _), *others = insight.blurbs
    query = _query(first, Mode.LEXICAL, excluded, depth)
    return SearchQuery(**{**query.__dict__, "also": tuple(others)})


def _merged(page: Page, by_blurbs: Page | None) -> Candidates:
    hits = sorted(page.hits, key=lambda hit: hit.thing_id)
    scores = {hit.thing_id: hit.lexical for hit in by_blurbs.hits} if by_blurbs else {}
    best = max(scores.values(), default=0.0) or 1.0
    return Candidates(
        ids=np.array([hit.thing_id for hit in hits], np.int64),
        providers=np.array([-1 if hit.provider_id is None else hit.provider_id for hit in hits], np.int64),
        text=np.array([hit.score for hit in hits], np.float32),
        lexical=np.array([hit.lexical for hit in hits], np.float32),
        dense=np.array([hit.dense for hit in hits], np.float32),
        blurbs=np.array([scores.get(hit.thing_id, 0.0) / best for hit in hits], np.float32),
        terms=next((hit.terms for hit in hits if hit.terms), ()),
    )
