"""Ranked candidates → matches: price, place and record join the score, what answers what is looked up, and the reasons are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

import numpy as np

from indexer.embedding import EmbeddingStore
from indexer.parts import parts_of
from indexer.query import Kind, Vector
from indexer.search import Index
from marketplace.domain.matches import Match
from marketplace.domain.rating_rules import Exploration
from marketplace.records.database import Database
from recommender.answers import find_answers, usual_closeness
from recommender.ask import Labels
from recommender.evidence import Answer, Evidence
from recommender.explanation import explain
from recommender.exploration import explored, is_newcomer
from recommender.facts import SolutionFacts, find_facts
from recommender.features.constraint_fit import business_fit
from recommender.features.offer import offer_fit
from recommender.features.past_matches import Similar
from recommender.features.preferences import preferences
from recommender.features.standing import standing
from recommender.features.track_record import track_record
from recommender.ranking import Ranking
from recommender.strength import strength_of


class Matcher:
    """Opened once with the recommender; safe to use from several threads."""

    def __init__(self, database: Database, index: Index, embeddings: EmbeddingStore, labels: Labels, today: Callable[[], date]) -> None:
        self._database = database
        self._index = index
        self._embeddings = embeddings
        self._labels = labels
        self._today = today

    def matches(
        self, rankings: Sequence[Ranking], shortlists: Sequence[Sequence[int]], limit: int, exploration: Exploration | None = None
    ) -> list[tuple[Match, ...]]:
        """For each problem its shortlist as matches, best first; the first `limit` are explained."""
        ids = {int(ranking.candidates.ids[place]) for ranking, places in zip(rankings, shortlists, strict=True) for place in places}
        with self._database.reading() as session:
            facts = find_facts(session, ids)
        units = self._units(ids)
        clauses = {ranking.ask.key: parts_of(ranking.ask.text).clauses if ranking.ask.text.strip() else () for ranking in rankings}
        return [
            self._of_problem(ranking, places, facts, units, clauses[ranking.ask.key], limit, exploration)
            for ranking, places in zip(rankings, shortlists, strict=True)
        ]

    def _of_problem(
        self,
        ranking: Ranking,
        places: Sequence[int],
        facts: Mapping[int, SolutionFacts],
        units: Mapping[int, Vector],
        clauses: Sequence[str],
        limit: int,
        exploration: Exploration | None,
    ) -> tuple[Match, ...]:
        ask, weights, familiar = ranking.ask, ranking.weights, ranking.insight.familiar
        scored = []
        looked_at = [facts[number] for place in places if (number := int(ranking.candidates.ids[place])) in facts]
        preferred = preferences(ask.emphasis, looked_at)
        for place in places:
            row = facts.get(int(ranking.candidates.ids[place]))
            if row is None or row.solution_id in ask.without_solutions:
                continue
            similar = ranking.past.get(row.solution_id, Similar())
            business = {**business_fit(ask, row), **track_record(row), **standing(row), **offer_fit(ask, row), "past": similar.value}
            if preferred:
                business["preference"] = preferred[row.solution_id]
            scored.append((weights.raw_score(float(ranking.content[place]), business), place, row, business, similar))
        scored.sort(key=lambda one: (-one[0], one[2].solution_id))
        usual = _ranks_without(scored) if preferred else {}
        lifted: set[int] = set()
        if exploration is not None:
            day = self._today()
            new = [is_newcomer(one[2], exploration, day) for one in scored]
            shown = explored([one[0] for one in scored], new, exploration, f"{ask.problem_id or ask.text}|{day}")
            lifted = {scored[number][2].solution_id for number in shown.lifted}
            scored = [scored[number] for number in shown.order]
        answers = self._answers(ranking, [one[2] for one in scored], units, clauses)
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
                learned=weights.learned(content, familiar, business),
            )
            # How strong a match is was measured by the hand weights; what was learned moves its place.
            by_hand = weights.base.final_score(float(ranking.by_hand[place]), business)
            matches.append(
                Match(
                    problem_key=ask.key,
                    solution_id=row.solution_id,
                    provider_id=row.provider_id,
                    score=min(1.0, max(0.0, score)),
                    strength=strength_of(by_hand, answers[row.solution_id], familiar),
                    features={
                        **content,
                        **business,
                        **{f"share_{name}": value for name, value in evidence.contributions.items()},
                        **({"usual_rank": float(usual[row.solution_id])} if usual else {}),
                    },
                    reasons=explain(evidence, self._labels) if rank <= limit else (),
                    model=weights.version,
                    rank=rank,
                )
            )
        return tuple(matches)

    def _units(self, solution_ids: Iterable[int]) -> dict[int, Vector]:
        """Solution id → the vectors of its units, as the index has them; read once for all problems."""
        ids = np.array(sorted(solution_ids), np.int64)
        passages = self._index.backend.passages(Kind.SOLUTION, ids)
        bounds = np.searchsorted(passages.unit_of, np.arange(len(ids) + 1))
        return {int(key): passages.units[bounds[place] : bounds[place + 1]] for place, key in enumerate(ids)}

    def _answers(
        self, ranking: Ranking, rows: Sequence[SolutionFacts], units: Mapping[int, Vector], clauses: Sequence[str]
    ) -> dict[int, tuple[Answer, ...]]:
        """Solution id → which clause of the problem is answered by which of its units."""
        if not rows or not clauses:
            return {row.solution_id: () for row in rows}
        asked = self._embeddings.queries(clauses)
        usual = usual_closeness(asked, ranking.background)
        found = {}
        for row in rows:
            vectors = units[row.solution_id]
            if len(vectors) != len(row.units):
                # The index is a moment behind the database: these words are embedded now.
                vectors = self._embeddings.passages(row.units)
            found[row.solution_id] = find_answers(clauses, asked, usual, row.units, vectors, ranking.least_answer)
        return found


def _ranks_without(scored: Sequence[tuple[float, int, SolutionFacts, Mapping[str, float], Similar]]) -> dict[int, int]:
    """Solution id → the place from 1 that it would have if everything weighed as usual."""
    order = sorted(scored, key=lambda one: (-(one[0] - one[3]["preference"]), one[2].solution_id))
    return {one[2].solution_id: place for place, one in enumerate(order, 1)}
