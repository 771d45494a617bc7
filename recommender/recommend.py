"""From problems to ranked, explained solutions and providers: candidates → features → rank → explain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from indexer.embedding import EmbeddingStore
from indexer.parts import parts_of
from indexer.query import Kind, SearchQuery, Vector
from indexer.search import Index
from marketplace.domain.matches import Match, Plan, Reason
from marketplace.domain.rating_rules import Exploration
from marketplace.records.database import Database
from recommender.answers import find_answers, usual_closeness
from recommender.ask import Ask, Labels
from recommender.candidates import Ids
from recommender.explanation import Answer, Evidence, explain
from recommender.exploration import explored, is_newcomer
from recommender.facts import SolutionFacts, find_facts
from recommender.features.constraint_fit import Traits, business_fit
from recommender.features.past_matches import PastMatch, Similar, past_matches
from recommender.features.standing import standing
from recommender.features.track_record import track_record
from recommender.known_problems import KnownProblems
from recommender.open_questions import open_questions
from recommender.plan import cover
from recommender.ranking import HandWeights, Ranker, Ranking
from recommender.records import find_demands, find_excluded, find_past_matches, find_provider_texts, find_traits
from recommender.strength import strength_of

__all__ = ["Ask", "Demand", "Labels", "ProviderMatch", "Recommendation", "Recommender"]

# Of the best by content, so many are looked at closely: price, place and record move neighbours only.
SHORTLIST = 20
SURE_OF_SCENARIO = 0.6
DEMAND_DEPTH = 40
MOST_DEMANDS = 60
LEAST_DEMAND = 2


@dataclass(frozen=True)
class ProviderMatch:
    """A provider for a problem: its best match, and how many of its solutions fit."""

    provider_id: int
    score: float
    strength: int
    best: Match
    solutions: int


@dataclass(frozen=True)
class Recommendation:
    """The answer to one problem. `guesses`: field → key understood from the text (sector, stage, orientation, scenario)."""

    matches: tuple[Match, ...]
    providers: tuple[ProviderMatch, ...]
    guesses: dict[str, str]
    open_questions: tuple[Reason, ...]
    model: str
    took_ms: float
    degraded: str = ""


@dataclass(frozen=True)
class Demand:
    """A problem that one of a provider's solutions answers (the other direction)."""

    problem_id: int
    match: Match


class Recommender:
    """Opened once by the application; safe to use from several threads. `today`: the day in the pilot's zone; `exploration`: how
    new providers get seen, None: not at all."""

    def __init__(
        self,
        *,
        database: Database,
        index: Index,
        embeddings: EmbeddingStore,
        labels: Labels,
        today: Callable[[], date] = date.today,
        exploration: Exploration | None = None,
    ) -> None:
        self._database = database
        self._index = index
        self._embeddings = embeddings
        self._labels = labels
        self._today = today
        self._exploration = exploration
        self._weights = HandWeights()
        self._ranker: Ranker | None = None
        self._opening = threading.Lock()

    @property
    def model(self) -> str:
        """The version that every match carries."""
        return self._weights.version

    def warm(self) -> None:
        """Load the model, the words, the known problems and the solver, so that the first visitor does not wait for them."""
        self.plan([Ask(key="warm", text="设备停机")], limit=1)

    def recommend(self, ask: Ask, *, limit: int = 10) -> Recommendation:
        """The answer to one problem."""
        return self.recommend_many([ask], limit=limit)[ask.key]

    def recommend_many(self, asks: Sequence[Ask], *, limit: int = 10) -> dict[str, Recommendation]:
        """A whole problem list in one batch."""
        started, before = time.perf_counter(), self._index.standby_answers
        rankings = self._rankings(asks)
        shortlists = [ranking.best(max(SHORTLIST, limit + 10)) for ranking in rankings]
        found = self._matches(rankings, shortlists, limit, self._exploration)
        share = (time.perf_counter() - started) * 1000 / max(1, len(asks))
        return {
            ranking.ask.key: Recommendation(
                matches=matches[:limit],
                providers=_providers(matches)[:limit],
                guesses=_guesses(ranking),
                open_questions=tuple(open_questions(ranking.ask)),
                model=self.model,
                took_ms=share,
                degraded=self._index.degraded(before),
            )
            for ranking, matches in zip(rankings, found, strict=True)
        }

    def plan(self, asks: Sequence[Ask], *, budget_fen: int | None = None, limit: int = 5) -> Plan:
        """一企一策: matches per problem and a small set of providers that covers the list."""
        found = self.recommend_many(asks, limit=limit)
        matches = {ask.key: found[ask.key].matches for ask in asks}
        wanted = {match.solution_id for row in matches.values() for match in row}
        with self._database.reading() as session:
            facts = find_facts(session, wanted)
        prices = {key: (row.price_low_fen, row.price_high_fen) for key, row in facts.items()}
        return cover(matches, prices, budget_fen=budget_fen, model=self.model)

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
            for ranking, matches in zip(rankings, self._matches(rankings, shortlists, 1), strict=True)
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
        without = [excluded.everywhere | excluded.declining.get(ask.sector or "", frozenset()) for ask in asks]
        ranker = self._opened()
        return ranker.rank(asks, without, self._similar(ranker.known, asks, past))

    def _opened(self) -> Ranker:
        """The ranker, made at the first question. In a space without packaged vectors, known problems join once they are made."""
        with self._opening:
            if self._ranker is None:
                known = KnownProblems.packaged(self._embeddings)
                self._ranker = Ranker(self._index, known or KnownProblems.none(self._embeddings.dimension), self._traits, self._weights)
                if known is None:
                    threading.Thread(target=self._make_known, name="known-problems", daemon=True).start()
            return self._ranker

    def _make_known(self) -> None:
        known = KnownProblems.open(self._embeddings)
        with self._opening:
            self._ranker = Ranker(self._index, known, self._traits, self._weights)

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

    def _matches(
        self, rankings: Sequence[Ranking], shortlists: Sequence[Sequence[int]], limit: int, exploration: Exploration | None = None
    ) -> list[tuple[Match, ...]]:
        """For each problem its shortlist as matches, best first; the first `limit` are explained."""
        ids = {int(ranking.candidates.ids[place]) for ranking, places in zip(rankings, shortlists, strict=True) for place in places}
        with self._database.reading() as session:
            facts = find_facts(session, ids)
        clauses = {ranking.ask.key: parts_of(ranking.ask.text).clauses if ranking.ask.text.strip() else () for ranking in rankings}
        return [
            self._of_problem(ranking, places, facts, clauses[ranking.ask.key], limit, exploration)
            for ranking, places in zip(rankings, shortlists, strict=True)
        ]

    def _of_problem(
        self,
        ranking: Ranking,
        places: Sequence[int],
        facts: Mapping[int, SolutionFacts],
        clauses: Sequence[str],
        limit: int,
        exploration: Exploration | None,
    ) -> tuple[Match, ...]:
        ask, weights, familiar = ranking.ask, self._weights, ranking.insight.familiar
        scored = []
        for place in places:
            row = facts.get(int(ranking.candidates.ids[place]))
            if row is None:
                continue
            similar = ranking.past.get(row.solution_id, Similar())
            business = {**business_fit(ask, row), **track_record(row), **standing(row), "past": similar.value}
            scored.append((weights.final_score(float(ranking.content[place]), business), place, row, business, similar))
        scored.sort(key=lambda one: (-one[0], one[2].solution_id))
        lifted: set[int] = set()
        if exploration is not None:
            day = self._today()
            new = [is_newcomer(one[2], exploration, day) for one in scored]
            shown = explored([one[0] for one in scored], new, exploration, f"{ask.problem_id or ask.text}|{day}")
            lifted = {scored[number][2].solution_id for number in shown.lifted}
            scored = [scored[number] for number in shown.order]
        answers = self._answers(ranking, [one[2] for one in scored], clauses)
        matches = []
        for rank, (score, place, row, business, similar) in enumerate(scored, start=1):
            content = ranking.features_at(place)
            evidence = Evidence(
                ask=ask,
                facts=row,
                answers=answers[row.solution_id],
                guessed=dict(ranking.guessed),
                contributions=weights.contributions(content, familiar, business),
                similar_proposed=similar.proposed,
                similar_accepted=similar.accepted,
                explored=row.solution_id in lifted,
            )
            matches.append(
                Match(
                    problem_key=ask.key,
                    solution_id=row.solution_id,
                    provider_id=row.provider_id,
                    score=score,
                    strength=strength_of(score, answers[row.solution_id], familiar),
                    features={**content, **business, **{f"share_{name}": value for name, value in evidence.contributions.items()}},
                    reasons=explain(evidence, self._labels) if rank <= limit else (),
                    model=weights.version,
                    rank=rank,
                )
            )
        return tuple(matches)

    def _answers(self, ranking: Ranking, rows: Sequence[SolutionFacts], clauses: Sequence[str]) -> dict[int, tuple[Answer, ...]]:
        """Solution id → which clause of the problem is answered by which of its units."""
        if not rows or not clauses:
            return {row.solution_id: () for row in rows}
        asked = self._embeddings.queries(clauses)
        usual = usual_closeness(asked, ranking.background)
        ids = np.array(sorted(row.solution_id for row in rows), np.int64)
        passages = self._index.backend.passages(Kind.SOLUTION, ids)
        place = {int(key): number for number, key in enumerate(ids)}
        found = {}
        for row in rows:
            vectors: Vector = passages.units[passages.unit_of == place[row.solution_id]]
            if len(vectors) != len(row.units):
                # The index is a moment behind the database: these words are embedded now.
                vectors = self._embeddings.passages(row.units)
            found[row.solution_id] = find_answers(clauses, asked, usual, row.units, vectors, ranking.least_answer)
        return found


def _of_provider(ranking: Ranking, provider_id: int) -> list[int]:
    """The places of one provider's solutions among the ten best of a problem."""
    return [int(place) for place in ranking.order[:10] if ranking.candidates.providers[place] == provider_id]


def _guesses(ranking: Ranking) -> dict[str, str]:
    found = dict(ranking.guessed)
    scenario, probability = next(iter(ranking.insight.scenarios.items()), ("", 0.0))
    if scenario and probability * ranking.insight.familiar >= SURE_OF_SCENARIO:
        found["scenario"] = scenario
    return found


def _providers(matches: Sequence[Match]) -> tuple[ProviderMatch, ...]:
    """Providers by their best match; `solutions`: how many of theirs are at least a fair match."""
    by_provider: dict[int, list[Match]] = {}
    for match in matches:
        by_provider.setdefault(match.provider_id, []).append(match)
    found = [
        ProviderMatch(provider, rows[0].score, rows[0].strength, rows[0], max(1, sum(row.strength >= 2 for row in rows)))
        for provider, rows in by_provider.items()
    ]
    return tuple(sorted(found, key=lambda row: -row.score))
