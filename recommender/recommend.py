"""From problems to ranked, explained solutions and providers: candidates → features → rank → explain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from indexer.embedding import EmbeddingStore
from indexer.parts import parts_of
from indexer.query import Kind, SearchQuery
from indexer.search import Index
from marketplace.domain.matches import Match, Plan
from marketplace.domain.rating_rules import Exploration
from marketplace.records.database import Database
from marketplace.records.rankers import find_in_use
from recommender.ask import Ask, Labels
from recommender.candidates import Ids
from recommender.facts import find_prices
from recommender.features.constraint_fit import Traits
from recommender.features.past_matches import PastMatch, Similar, past_matches
from recommender.known_problems import KnownProblems
from recommender.learned import read_ranker
from recommender.matching import Matcher
from recommender.open_questions import open_questions
from recommender.plan import cover
from recommender.ranking import Ranker, Ranking
from recommender.recommendation import Demand, ProviderMatch, Recommendation, providers_of, steered
from recommender.records import find_demands, find_excluded, find_past_matches, find_provider_texts, find_traits
from recommender.weights import HandWeights, Weights

__all__ = ["Ask", "Demand", "Labels", "ProviderMatch", "Recommendation", "Recommender", "steered"]

# Of the best by content, so many are looked at closely: price, place and record move neighbours only.
SHORTLIST = 20
SURE_OF_SCENARIO = 0.6
DEMAND_DEPTH = 40
MOST_DEMANDS = 60
LEAST_DEMAND = 2
# Where a person filters or puts others first, so many are explained, that enough may be left.
NARROWED = 30


class Recommender:
    """Opened once by the application; safe to use from several threads. `today`: the day in the pilot's zone; `exploration`: how
    new providers get seen, None: not at all; `rankers`: the folder of learned rankers. Which one ranks says the database, at every
    question; one that cannot be read ranks nothing (RankerMissingError)."""

    def __init__(
        self,
        *,
        database: Database,
        index: Index,
        embeddings: EmbeddingStore,
        labels: Labels,
        today: Callable[[], date] = date.today,
        exploration: Exploration | None = None,
        rankers: Path | None = None,
    ) -> None:
        self._database = database
        self._index = index
        self._embeddings = embeddings
        self._today = today
        self._matcher = Matcher(database, index, embeddings, labels, today)
        self._exploration = exploration
        self._rankers = rankers
        self._hand = HandWeights()
        self._loaded: tuple[tuple[str, str], Weights] | None = None
        self._ranker: Ranker | None = None
        self._opening = threading.Lock()

    @property
    def model(self) -> str:
        """The version of the ranker in use, which every match carries."""
        with self._database.reading() as session:
            found = find_in_use(session)
        return found[0] if found is not None else self._hand.version

    def warm(self) -> None:
        """Load the model, the words, the known problems and the solver, so that the first visitor does not wait for them."""
        self.plan([Ask(key="warm", text="设备停机")], limit=1)

    def by_hand(self) -> Ranker:
        """The ranker by the hand weights, with what it knows: for training, which computes features as they are computed here."""
        return self._opened()

    def in_use(self) -> Weights:
        """What ranks now. Raises RankerMissingError."""
        with self._database.reading() as session:
            return self._weights_of(find_in_use(session))

    def recommend(self, ask: Ask, *, limit: int = 10) -> Recommendation:
        """The answer to one problem."""
        return self.recommend_many([ask], limit=limit)[ask.key]

    def recommend_many(self, asks: Sequence[Ask], *, limit: int = 10) -> dict[str, Recommendation]:
        """A whole problem list in one batch."""
        started, before = time.perf_counter(), self._index.standby_answers
        rankings = self._rankings(asks)
        shortlists = [ranking.best(max(SHORTLIST, limit + 10)) for ranking in rankings]
        found = self._matcher.matches(rankings, shortlists, limit, self._exploration)
        share = (time.perf_counter() - started) * 1000 / max(1, len(asks))
        return {
            ranking.ask.key: Recommendation(
                matches=matches[:limit],
                providers=providers_of(matches)[:limit],
                guesses=_guesses(ranking),
                open_questions=tuple(open_questions(ranking.ask)),
                model=ranking.weights.version,
                took_ms=share,
                degraded=self._index.degraded(before),
            )
            for ranking, matches in zip(rankings, found, strict=True)
        }

    def plan(
        self,
        asks: Sequence[Ask],
        *,
        budget_fen: int | None = None,
        limit: int = 5,
        first: Mapping[str, Sequence[Match]] | None = None,
        fixed: Mapping[str, int] | None = None,
        allowed: frozenset[int] | None = None,
    ) -> Plan:
        """一企一策: matches per problem and a small set of providers that covers the list.

        `first`: key → matches that a person put first (as found by the ranking where it found them); `fixed`: key → the solution that
        a person chose; `allowed`: the solutions that may stay beside those, None: all.
        """
        narrowed = allowed is not None or bool(first)
        found = self.recommend_many(asks, limit=max(limit, NARROWED) if narrowed else limit)
        matches = {ask.key: steered(found[ask.key].matches, (first or {}).get(ask.key, ()), allowed)[:limit] for ask in asks}
        wanted = {match.solution_id for row in matches.values() for match in row}
        with self._database.reading() as session:
            prices = find_prices(session, wanted)
        model = next((row.model for row in found.values()), self.model)
        return cover(matches, prices, budget_fen=budget_fen, model=model, fixed=fixed)

    def demands(self, provider_id: int, *, limit: int = 50) -> list[Demand]:
        """Open problems that this provider's published solutions answer, best first (state and hard constraints hold)."""
        with self._database.reading() as session:
            texts = find_provider_texts(session, provider_id, self._today())
        if not texts:
            return []
        query = SearchQuery(kind=Kind.PROBLEM, audience=frozenset({"provider"}), size=DEMAND_DEPTH, facets=False, relax=False)
        pages = self._index.search_many([replace(query, text=text) for text in texts])
        best: dict[int, float] = {}
        for page in pages:
            for hit in page.hits:
                best[hit.thing_id] = max(best.get(hit.thing_id, 0.0), hit.score)
        likely = sorted(best, key=lambda key: -best[key])[:MOST_DEMANDS]
        with self._database.reading() as session:
            asks = find_demands(session, likely)
        # Ranked among all solutions, so that a match means the same from both sides.
        rankings = self._rankings(asks)
        shortlists = [_of_provider(ranking, provider_id) for ranking in rankings]
        found = [
            Demand(ranking.ask.problem_id or 0, matches[0])
            for ranking, matches in zip(rankings, self._matcher.matches(rankings, shortlists, 1), strict=True)
            if matches and matches[0].strength >= LEAST_DEMAND
        ]
        return sorted(found, key=lambda demand: -demand.match.score)[:limit]

    def _rankings(self, asks: Sequence[Ask]) -> list[Ranking]:
        stored = [text for ask in asks if ask.problem_id is not None and ask.text.strip() for text in parts_of(ask.text).texts]
        if stored:
            # Problems of the database keep their vectors for good; what visitors type does not.
            self._embeddings.queries(stored, keep=True)
        with self._database.reading() as session:
            excluded = find_excluded(session, self._today())
            past = find_past_matches(session)
            weights = self._weights_of(find_in_use(session))
        without = [excluded.everywhere | excluded.declining.get(ask.sector or "", frozenset()) for ask in asks]
        ranker = self._opened().with_weights(weights)
        return ranker.rank(asks, without, self._similar(ranker.known, asks, past))

    def _weights_of(self, in_use: tuple[str, str] | None) -> Weights:
        """What ranks now, read once and kept until the database names another."""
        if in_use is None:
            return self._hand
        loaded = self._loaded
        if loaded is None or loaded[0] != in_use:
            loaded = self._loaded = (in_use, read_ranker(self._rankers, *in_use))
        return loaded[1]

    def _opened(self) -> Ranker:
        """The ranker, made at the first question. In a space without packaged vectors, known problems join once they are made."""
        with self._opening:
            if self._ranker is None:
                known = KnownProblems.packaged(self._embeddings)
                self._ranker = Ranker(self._index, known or KnownProblems.none(self._embeddings.dimension), self._traits, self._hand)
                if known is None:
                    threading.Thread(target=self._make_known, name="known-problems", daemon=True).start()
            return self._ranker

    def _make_known(self) -> None:
        known = KnownProblems.open(self._embeddings)
        with self._opening:
            self._ranker = Ranker(self._index, known, self._traits, self._hand)

    def _traits(self, ids: Ids) -> Mapping[int, Traits]:
        with self._database.reading() as session:
            return find_traits(session, ids.tolist())

    def _similar(self, known: KnownProblems, asks: Sequence[Ask], past: Sequence[PastMatch]) -> list[dict[int, Similar]] | None:
        if not past or not asks:
            return None
        texts = list(dict.fromkeys(row.problem_text for row in past))
        place = {text: number for number, text in enumerate(texts)}
        closeness = self._embeddings.queries([ask.text for ask in asks]) @ self._embeddings.queries(texts, keep=True).T
        of_row = [place[row.problem_text] for row in past]
        return [
            past_matches(past, known.likeness(row[of_row]), own_problem=ask.problem_id) for ask, row in zip(asks, closeness, strict=True)
        ]


def _of_provider(ranking: Ranking, provider_id: int) -> list[int]:
    """The places of one provider's solutions among the ten best of a problem."""
    return [int(place) for place in ranking.order[:10] if ranking.candidates.providers[place] == provider_id]


def _guesses(ranking: Ranking) -> dict[str, str]:
    found = dict(ranking.guessed)
    scenario, probability = next(iter(ranking.insight.scenarios.items()), ("", 0.0))
    if scenario and probability * ranking.insight.familiar >= SURE_OF_SCENARIO:
        found["scenario"] = scenario
    return found
