"""The rating of a provider: dated events → a score of 0–100 with an interval and a grade, fairly for few events.

Model. A provider has a level q ~ N(μ, τ²); a single project shows it with an error, x ~ N(q, σ²). How much one project tells is its
reliability, ICC = τ² ÷ (τ² + σ²) (intraclass correlation ICC(1), Shrout and Fleiss 1979, Psychological Bulletin 86:420). The
posterior of q after n projects of mean x̄ (normal-normal model, empirical Bayes: Efron and Morris 1975, JASA 70:311) is

    score = (n · x̄ + k · μ) ÷ (n + k),   sd = σ ÷ √(n + k),   k = σ² ÷ τ² = (1 − ICC) ÷ ICC,

and n ÷ (n + k) is the reliability of the mean of n projects (Spearman 1910 and Brown 1910): the pull towards the mean of all is
as strong as the mean is unreliable. With ICC = 0.4, k = 1.5 projects. A newcomer has μ itself, and the widest interval.

Events. Each is an observation of 0–100 with a weight by kind (`rating_events.observe`); the events of one project together are at
most one project. Age counts less: an event of age t has its weight times ½^(t ÷ half-life), the likelihood raised to a power below
one (power prior, Ibrahim and Chen 2000, Statistical Science 15:46). So n = Σ masses, n · x̄ = Σ mass · value, and the score is the
sum of what each event contributes: mass · (value − μ) ÷ (n + k), over μ.

μ, the mean of all, weighs each provider by the reliability of its own mean, n ÷ (n + k), the empirical Bayes estimate for unequal n.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from statistics import NormalDist
from typing import Any, Protocol

from marketplace.domain.rating_events import OF_PROJECT, EventKind, observe
from marketplace.domain.rating_rules import RatingRules

# What a provider is taken for where no rating was computed yet: the same figure as in the pilot's rules.
PRIOR_SCORE = 80.0
PRIOR_WEIGHT = 1.5
NEW = "new"
# What only a finished project has.
FINISHED = OF_PROJECT - {EventKind.INSPECTION}
DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True)
class TrackRecord:
    """Counts of a provider's past matches, and its rating. `mean_score` (0–100) is None without a finished project.

    `score`, `low`, `high`, `grade`: the rating as it was last computed (None, "": not yet); `usual`: the mean of all at that time;
    `rated`: of how many projects it is made.
    """

    proposed: int = 0
    accepted: int = 0
    finished: int = 0
    on_time: int = 0
    passed: int = 0
    failed: int = 0
    mean_score: float | None = None
    mean_rating: float | None = None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    grade: str = ""
    usual: float = PRIOR_SCORE
    rated: int = 0

    @property
    def projects(self) -> int:
        """How many projects speak: those of past matches, or those that came by events alone."""
        return max(self.finished, self.rated)

    @property
    def is_new(self) -> bool:
        """No project yet: shown as new, never as bad."""
        return self.projects == 0


def shrunk_score(record: TrackRecord) -> float:
    """The score of the rating; where none was computed yet, the same formula on the plain mean of the project scores."""
    if record.score is not None:
        return record.score
    if record.mean_score is None:
        return record.usual
    total = record.finished + PRIOR_WEIGHT
    return (record.finished * record.mean_score + PRIOR_WEIGHT * record.usual) / total


@dataclass(frozen=True)
class Event:
    """An event as the formula needs it. `key`: what the caller knows it by; `project`: "" where it belongs to none."""

    kind: EventKind
    on: date
    payload: Mapping[str, Any] = field(default_factory=dict)
    project: str = ""
    key: int = 0


@dataclass(frozen=True)
class Contribution:
    """What one event is worth, how much evidence it still is, and by how many points it moves the score away from the mean of all."""

    event: Event
    value: float
    mass: float
    points: float


@dataclass(frozen=True)
class Part:
    """All events of one kind: how many, their share of the evidence, their mean, and the points that they give or take."""

    kind: EventKind
    count: int
    mass: float
    value: float
    points: float


@dataclass(frozen=True)
class Rating:
    """`mass`: n of the formula; `projects`: how many different ones; `mean`: the mean of all that it was pulled towards."""

    score: float
    low: float
    high: float
    grade: str
    mass: float
    projects: int
    mean: float
    contributions: tuple[Contribution, ...]

    @property
    def is_new(self) -> bool:
        return self.grade == NEW

    @property
    def own_mean(self) -> float | None:
        """The mean of its own events alone, nothing pulled."""
        return sum(row.mass * row.value for row in self.contributions) / self.mass if self.mass else None

    @property
    def parts(self) -> tuple[Part, ...]:
        """By kind, in the order of the kinds; a kind without events is left out."""
        found = []
        for kind in EventKind:
            rows = [row for row in self.contributions if row.event.kind == kind]
            if rows:
                mass = sum(row.mass for row in rows)
                value = sum(row.mass * row.value for row in rows) / mass if mass else rows[-1].value
                found.append(Part(kind, len(rows), mass, value, sum(row.points for row in rows)))
        return tuple(found)


def prior_weight(rules: RatingRules) -> float:
    """k: how many projects the mean of all counts for."""
    return (1.0 - rules.icc) / rules.icc


@cache
def _quantile(interval: float) -> float:
    return NormalDist().inv_cdf(0.5 + interval / 2)


def rate(events: Sequence[Event], on: date, mean: float, rules: RatingRules) -> Rating:
    """The rating on a day by the events known, `mean` being the mean of all. Events after that day do not count."""
    known = [event for event in events if event.on <= on]
    seen = [observe(event.kind, event.payload, rules) for event in known]
    whole: dict[str, float] = {}
    for event, one in zip(known, seen, strict=True):
        if event.project and event.kind in OF_PROJECT:
            whole[event.project] = whole.get(event.project, 0.0) + one.weight
    masses = []
    for event, one in zip(known, seen, strict=True):
        # However much is noted about one project, it stays one project.
        cap = min(1.0, 1.0 / whole[event.project]) if whole.get(event.project) and event.kind in OF_PROJECT else 1.0
        age = (on - event.on).days / DAYS_A_MONTH
        masses.append(one.weight * cap * 0.5 ** (age / rules.half_life_months))
    mass, k = sum(masses), prior_weight(rules)
    total = mass + k
    contributions = tuple(
        Contribution(event, one.value, weight, weight * (one.value - mean) / total)
        for event, one, weight in zip(known, seen, masses, strict=True)
    )
    score = mean + sum(row.points for row in contributions)
    half = _quantile(rules.interval) * rules.spread / math.sqrt(total)
    # An inspection is of a project that still runs.
    projects = len({event.project for event in known if event.project and event.kind in FINISHED})
    return Rating(
        score=score,
        low=max(0.0, score - half),
        high=min(100.0, score + half),
        grade=grade_of(score, rules) if projects else NEW,
        mass=mass,
        projects=projects,
        mean=mean,
        contributions=contributions,
    )


def grade_of(score: float, rules: RatingRules) -> str:
    """The best grade whose least score is reached, by the score as it is shown; the last one has no least."""
    shown = round(score)
    return next((grade.key for grade in rules.grades if shown >= grade.least), rules.grades[-1].key)


def mean_of_all(own: Iterable[tuple[float, float]], rules: RatingRules) -> float:
    """μ from (n, own mean) of each provider; the rules' own figure while fewer than `least_for_mean` projects are known."""
    rows = [(mass, value) for mass, value in own if mass > 0]
    if sum(mass for mass, _value in rows) < rules.least_for_mean:
        return rules.mean
    k = prior_weight(rules)
    total = sum(mass / (mass + k) for mass, _value in rows)
    return sum(mass / (mass + k) * value for mass, value in rows) / total


@dataclass(frozen=True)
class Prospect:
    """What the score would be if something happened, and by how many points it would move."""

    what: str
    score: float
    change: float


# A project that went as well, or as badly, as it is usual for good and bad ones; stars by aspect.
_GOOD: tuple[tuple[EventKind, dict[str, Any]], ...] = (
    (EventKind.ON_TIME, {"on_time": True}),
    (EventKind.ACCEPTANCE, {"result": "passed"}),
    (EventKind.ENTERPRISE_RATING, {"overall": 5}),
)
_BAD: tuple[tuple[EventKind, dict[str, Any]], ...] = (
    (EventKind.ON_TIME, {"on_time": False}),
    (EventKind.ACCEPTANCE, {"result": "failed"}),
    (EventKind.ENTERPRISE_RATING, {"overall": 2}),
)
HALF_A_YEAR_DAYS = 182


def prospects(events: Sequence[Event], on: date, mean: float, rules: RatingRules) -> tuple[Prospect, ...]:
    """What would change the score: one more good project, one more failed one, half a year without anything new."""
    now = rate(events, on, mean, rules).score

    def then(what: str, more: Iterable[tuple[EventKind, dict[str, Any]]], days: int = 0) -> Prospect:
        added = [Event(kind, on, payload, "\0next") for kind, payload in more]
        score = rate([*events, *added], date.fromordinal(on.toordinal() + days), mean, rules).score
        return Prospect(what, score, score - now)

    found = (then("good_project", _GOOD), then("bad_project", _BAD))
    return (*found, then("nothing_new", (), HALF_A_YEAR_DAYS)) if events else found


class Scored(Protocol):
    """A rating, just computed or as it was stored."""

    @property
    def score(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def grade(self) -> str: ...
    @property
    def mean(self) -> float: ...
    @property
    def projects(self) -> int: ...


def rated(record: TrackRecord, rating: Scored | None) -> TrackRecord:
    """The track record with a rating beside it."""
    if rating is None:
        return record
    return replace(
        record,
        score=rating.score,
        low=rating.low,
        high=rating.high,
        grade=rating.grade,
        usual=rating.mean,
        rated=rating.projects,
    )


@dataclass(frozen=True)
class Bin:
    """How many peers have a score from `low` (included) to `high` (not included; the last one includes it)."""

    low: int
    high: int
    count: int


def histogram(scores: Iterable[float], width: int = 5) -> tuple[Bin, ...]:
    """Counts of scores in steps of `width`, from the lowest one that holds any to the highest."""
    places = [min(int(score // width), 100 // width - 1) for score in scores]
    if not places:
        return ()
    return tuple(Bin(step * width, (step + 1) * width, places.count(step)) for step in range(min(places), max(places) + 1))
