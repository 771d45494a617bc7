"""Who may answer a problem at all, and what both sides of the index say of them: lexical, dense, and by known problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.query import Kind, Mode, SearchQuery, Vector
from indexer.search import Index, Ranked
from recommender.ask import Ask
from recommender.known_problems import Insight

Ids = NDArray[np.int64]

DEPTH = 200


@dataclass(frozen=True)
class Candidates:
    """n solutions for one problem: ids, rising, and providers (-1 = none), and (n) arrays of figures from 0 to 1.

    `text`: the index's fused score; `lexical`, `dense`: its two sides; `blurbs`: the lexical score of the blurbs that the
    known problems voted for.
    """

    ids: Ids
    providers: Ids
    text: Vector
    lexical: Vector
    dense: Vector
    blurbs: Vector


def find_candidates(
    index: Index, asks: Sequence[Ask], insights: Sequence[Insight], without_providers: Sequence[frozenset[int]], *, depth: int = DEPTH
) -> list[Candidates]:
    """The candidates of each problem, ids rising. `without_providers`: for each problem those that hard constraints exclude."""
    queries = [_query(ask.text, Mode.HYBRID, excluded, depth) for ask, excluded in zip(asks, without_providers, strict=True)]
    known = [place for place, insight in enumerate(insights) if insight.familiar > 0 and insight.words]
    queries += [_worded(insights[place], without_providers[place], depth) for place in known]
    found = index.ranked(queries)
    by_blurbs = dict(zip(known, found[len(asks) :], strict=True))
    return [_merged(ranked, by_blurbs.get(place), 2 * depth) for place, ranked in enumerate(found[: len(asks)])]


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
    return replace(_query("", Mode.LEXICAL, excluded, depth), words=insight.words)


def _merged(ranked: Ranked, by_blurbs: Ranked | None, most: int) -> Candidates:
    """The `most` best, ids rising (as the index lists them)."""
    kept = np.sort(ranked.order[:most])
    ids = ranked.columns.ids[kept]
    return Candidates(
        ids=ids,
        providers=ranked.columns.providers[kept],
        text=ranked.scores[kept],
        lexical=ranked.lexical[kept],
        dense=ranked.dense[kept],
        blurbs=_scores_of(ids, by_blurbs),
    )


def _scores_of(ids: Ids, ranked: Ranked | None) -> Vector:
    """(n) the lexical score of each id ÷ the best one, 0 for what the list does not hold."""
    if ranked is None or not len(ranked.columns.ids):
        return np.zeros(len(ids), np.float32)
    own = ranked.columns.ids
    place = np.minimum(np.searchsorted(own, ids), len(own) - 1)
    scores = np.where(own[place] == ids, ranked.lexical[place], np.float32(0))
    return np.asarray(scores / (float(ranked.lexical.max()) or 1.0), np.float32)
