"""Recorded lists → one table of features, computed by the code that ranks, as they would be today.

Two things are taken as they were when a list was first recorded, because they contain the answer: what became of similar past
problems, and the provider's record. A solution that cannot be found any more has no features and is left out.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from indexer.parts import parts_of
from indexer.query import Vector
from marketplace.domain.rating_rules import Exploration
from marketplace.domain.ratings import TrackRecord
from marketplace.records.database import Database
from marketplace.records.matches import Decision, Outcome, track_record
from marketplace.records.problems import Problem
from marketplace.records.ratings import RatingScore
from recommender.ask import Ask
from recommender.exploration import is_newcomer
from recommender.facts import SolutionFacts, find_facts
from recommender.features.constraint_fit import business_fit
from recommender.features.offer import offer_fit
from recommender.features.past_matches import PastMatch, past_matches
from recommender.features.track_record import track_record as record_feature
from recommender.learned import FAMILIES, NAMES, Floats
from recommender.ranking import Ranker, Ranking
from recommender.recorded import RecordedList
from recommender.records import ask_of

BATCH = 64
# Of a list of which nobody knows what else was to choose from, so many of the best are looked at as well.
BEST_BESIDE = 30
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Rows:
    """n pairs of many lists. `features` (n, d) in the order of NAMES; `hand` (n) the score by the hand weights, not cut; `list_of` (n)
    the place of the list, rising with time; `at` (lists) days; `judged`: it was recorded, others only stand beside; `position` 0: never
    shown; `new`: of a new provider; `shown` (lists): what else stood there is known; `left_out`: pairs without features."""

    features: Floats
    hand: Floats
    list_of: NDArray[np.int64]
    solutions: NDArray[np.int64]
    grade: NDArray[np.int64]
    position: NDArray[np.int64]
    decided: NDArray[np.bool_]
    opened: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    new: NDArray[np.bool_]
    at: Floats
    shown: NDArray[np.bool_]
    left_out: int

    @property
    def lists(self) -> int:
        return len(self.at)

    def of(self, wanted: NDArray[np.bool_]) -> Rows:
        """Those pairs alone; lists keep their places."""
        picked = {
            name: getattr(self, name)[wanted]
            for name in ("features", "hand", "list_of", "solutions", "grade", "position", "decided", "opened", "judged", "new")
        }
        return replace(self, **picked)


def make_rows(
    database: Database,
    ranker: Ranker,
    lists: Sequence[RecordedList],
    exploration: Exploration | None,
    told: Told = lambda _done, _all: None,
) -> Rows:
    """`ranker` ranks by the hand weights. `lists` in the order of time."""
    with database.reading() as session:
        asks = _asks(session, [one.problem_id for one in lists])
        history = _History.read(session)
    made: list[tuple[object, ...]] = []
    facts: dict[int, SolutionFacts] = {}
    left_out = 0
    past_vectors = ranker.index.embeddings.queries(history.texts, keep=True) if history.texts else None
    for start in range(0, len(lists), BATCH):
        part = lists[start : start + BATCH]
        known = [(place, one, asks[one.problem_id]) for place, one in enumerate(part, start) if one.problem_id in asks]
        left_out += sum(len(one.rows) for one in part if one.problem_id not in asks)
        texts = [ask.text for _place, _one, ask in known]
        # As in use: the vectors of stored problems and their clauses are kept for good, and the same ones are used again.
        ranker.index.embeddings.queries([part for text in texts for part in parts_of(text).texts], keep=True)
        rankings = ranker.rank([ask for _place, _one, ask in known], [frozenset()] * len(known))
        places = [_places(ranking, one) for ranking, (_place, one, _ask) in zip(rankings, known, strict=True)]
        ids = {int(ranking.candidates.ids[row]) for ranking, rows in zip(rankings, places, strict=True) for row in rows}
        if missing := ids - facts.keys():
            with database.reading() as session:
                facts |= find_facts(session, missing)
        near = ranker.index.embeddings.queries(texts, keep=True) @ past_vectors.T if past_vectors is not None and texts else None
        for number, (ranking, (place, one, ask), rows) in enumerate(zip(rankings, known, places, strict=True)):
            past = history.past(one, ranker.known.likeness(near[number])) if near is not None else {}
            found = [row for row in rows if int(ranking.candidates.ids[row]) in facts]
            left_out += len(one.rows) - sum(int(ranking.candidates.ids[row]) in one.rows for row in found)
            made += _of_list(place, one, ask, ranking, found, facts, history, past, exploration)
        told(min(start + BATCH, len(lists)), len(lists))
    return _table(made, lists, left_out)


def _asks(session: Session, problem_ids: Sequence[int]) -> dict[int, Ask]:
    found: dict[int, Ask] = {}
    for start in range(0, len(problem_ids), 500):
        query = select(Problem).where(Problem.id.in_(problem_ids[start : start + 500])).options(joinedload(Problem.enterprise))
        found |= {row.id: ask_of(row) for row in session.scalars(query) if row.text.strip()}
    return found


def _places(ranking: Ranking, one: RecordedList) -> list[int]:
    wanted = [place for place, key in enumerate(ranking.candidates.ids.tolist()) if key in one.rows]
    return wanted if one.is_shown else list(dict.fromkeys([*wanted, *ranking.best(BEST_BESIDE)]))


def _of_list(
    place: int,
    one: RecordedList,
    ask: Ask,
    ranking: Ranking,
    rows: Sequence[int],
    facts: dict[int, SolutionFacts],
    history: _History,
    past: dict[int, float],
    exploration: Exploration | None,
) -> list[tuple[object, ...]]:
    hand, familiar = ranking.weights.base, ranking.insight.familiar
    families = [hand.family_scores(ranking.features, familiar, family) for family in FAMILIES]
    day = one.at.date()
    made: list[tuple[object, ...]] = []
    for row in rows:
        solution = int(ranking.candidates.ids[row])
        fact = replace(facts[solution], track=history.track(facts[solution].provider_id, one.at))
        business = {**business_fit(ask, fact), **record_feature(fact), **offer_fit(ask, fact), "past": past.get(solution, 0.0)}
        values = [float(scores[row]) for scores in families] + [business[name] for name in NAMES[len(FAMILIES) :]]
        recorded = one.rows.get(solution)
        made.append(
            (
                values,
                hand.raw_score(float(ranking.by_hand[row]), business),
                place,
                solution,
                recorded.grade if recorded else 0,
                (recorded.position or 0) if recorded else 0,
                recorded.decided if recorded else False,
                recorded.opened if recorded else False,
                recorded is not None,
                exploration is not None and is_newcomer(fact, exploration, day),
            )
        )
    return made


def _table(made: list[tuple[object, ...]], lists: Sequence[RecordedList], left_out: int) -> Rows:
    columns = list(zip(*made, strict=True)) if made else [()] * 10
    kinds = (np.float64, np.float64, np.int64, np.int64, np.int64, np.int64, np.bool_, np.bool_, np.bool_, np.bool_)
    arrays: list[Any] = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    arrays[0] = arrays[0].reshape(len(made), len(NAMES))
    at = np.array([one.at.timestamp() / 86_400 for one in lists], np.float64)
    names = ("features", "hand", "list_of", "solutions", "grade", "position", "decided", "opened", "judged", "new")
    shown = np.array([one.is_shown for one in lists], np.bool_)
    return Rows(**dict(zip(names, arrays, strict=True)), at=at, shown=shown, left_out=left_out)


@dataclass
class _History:
    """What was known when: outcomes by day, ratings by moment."""

    texts: list[str]
    past_rows: list[PastMatch]
    past_days: list[date]
    text_of: NDArray[np.int64]
    outcomes: dict[int, list[Outcome]]
    days: dict[int, list[date]]
    scores: dict[int, list[RatingScore]]
    moments: dict[int, list[datetime]]

    @classmethod
    def read(cls, session: Session) -> _History:
        answers = {Decision.ACCEPTED: True, Decision.DECLINED: False}
        rows = session.execute(
            select(Outcome, Problem.text).join(Problem, Problem.id == Outcome.problem_id).order_by(Outcome.proposed, Outcome.id)
        )
        outcomes, place = defaultdict(list), dict[str, int]()
        past: list[PastMatch] = []
        days: list[date] = []
        for outcome, text in rows:
            place.setdefault(text, len(place))
            past.append(PastMatch(outcome.problem_id, text, outcome.solution_id, answers.get(outcome.decision)))
            days.append(outcome.proposed)
            outcomes[outcome.provider_id].append(outcome)
        scores = defaultdict(list)
        for score in session.scalars(select(RatingScore).order_by(RatingScore.at, RatingScore.id)):
            scores[score.provider_id].append(score)
        # They are read for long after this session.
        session.expunge_all()
        return cls(
            texts=list(place),
            past_rows=past,
            past_days=days,
            text_of=np.array([place[row.problem_text] for row in past], np.int64),
            outcomes=outcomes,
            days={key: [row.proposed for row in found] for key, found in outcomes.items()},
            scores=scores,
            moments={key: [row.at for row in found] for key, found in scores.items()},
        )

    def past(self, one: RecordedList, likeness: Vector) -> dict[int, float]:
        """Solution → what similar problems said before that day, as `past` in ranking. `likeness` (texts)."""
        before = bisect.bisect_left(self.past_days, one.at.astimezone(UTC).date())
        near = likeness[self.text_of[:before]]
        wanted = np.flatnonzero(near > 0)
        found = past_matches([self.past_rows[row] for row in wanted], near[wanted], own_problem=one.problem_id)
        return {key: similar.value for key, similar in found.items()}

    def track(self, provider_id: int, at: datetime) -> TrackRecord:
        """The record as it was known at that moment."""
        outcomes = self.outcomes.get(provider_id, [])[: bisect.bisect_left(self.days.get(provider_id, []), at.date())]
        rated = bisect.bisect_right(self.moments.get(provider_id, []), at)
        key = (provider_id, len(outcomes), rated)
        if key not in self._tracks:
            self._tracks[key] = track_record(outcomes, self.scores[provider_id][rated - 1] if rated else None)
        return self._tracks[key]

    def __post_init__(self) -> None:
        self._tracks: dict[tuple[int, int, int], TrackRecord] = {}
