"""The rating against a truth that is known: 200 simulated providers, 24 months, `python -m bench.rating [--out FILE]`.

Each provider has a true level q ~ N(78, τ²) and finishes 4 + Poisson(8) projects at random days. A project shows q with an error of
its own, and is told by five events as the platform takes them (acceptance with score, days late, effect against target, four
aspects in whole stars by one judge, now and then an inspection), each with an error and with the roundings of its kind. The projects' own error
is set so that the reliability of a single project (ICC(1) of its observation, by one-way analysis of variance) is 0.4. The score is
computed by `marketplace.domain.ratings` with the pilot's rules after every project, the mean of all once a quarter.

Asked: the rank correlation of score and truth once a provider has n projects; how many of the truly worst 5 % the rule warns within
four projects; how many of those better than the median it ever warns or retires within the 24 months. The thresholds are those of
the pilot's table [adjustment] (warn_below, retire_below, on the score); `--sweep` tries others. Beside it, on the same events: the plain mean of stars, the plain mean of
the project scores, and the Wilson bounds (95 %) of the share of good projects, each with the threshold that is best for it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from marketplace.domain.rating_events import ASPECTS, EventKind, observe, stars
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.ratings import Event, mean_of_all, rate
from marketplace.pilot import PACKAGED
from marketplace.pilot_file import Reader

PROVIDERS, MONTHS, LEAST, MORE = 200, 24, 4, 8.0
MEAN, ICC, KIND_ERROR, ASPECT_ERROR = 78.0, 0.4, 6.0, 3.0
START, QUARTER = date(2025, 1, 1), 91.3125
SEEDS = tuple(range(1, 21))
FEW_WORLDS = 4
WORST, WITHIN = 0.05, 4
BARS = {"spearman": 0.9, "found": 0.9, "warned_wrongly": 0.10, "retired_wrongly": 0.01}
COUNTS = (1, 2, 4, 6, 10)
Z = 1.96


def project_events(level: float, on: date, name: str, error: float, chance: np.random.Generator) -> list[Event]:
    """One finished project of a provider of this level as the platform hears of it."""
    shown = level + chance.normal(0, error)

    def seen() -> float:
        return float(shown + chance.normal(0, KIND_ERROR))

    judged = seen()
    late = max(0, round(72 - seen()))
    score = min(100.0, max(0.0, round(seen())))
    found: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.ACCEPTANCE, {"result": "passed" if score >= 75 else "rectified" if score >= 55 else "failed", "score": score}),
        (EventKind.ON_TIME, {"on_time": late == 0, "days_late": late}),
        (EventKind.EFFECT, {"indicator": "i", "target": 100.0, "measured": max(0.0, 100.0 * seen() / 80.0)}),
        (
            EventKind.ENTERPRISE_RATING,
            {aspect: min(5, max(1, round((judged + chance.normal(0, ASPECT_ERROR)) / 20))) for aspect in ASPECTS},
        ),
    ]
    if chance.random() < 0.3:
        bad = seen()
        severity = "clean" if bad > 80 else "minor" if bad > 68 else "general" if bad > 50 else "serious"
        found.append((EventKind.INSPECTION, {"severity": severity}))
    return [Event(kind, on, payload, name) for kind, payload in found]


def observed(events: list[Event], rules: RatingRules) -> float:
    """A project as one number: the mean of its events by their weights."""
    rows = [observe(event.kind, event.payload, rules) for event in events]
    return sum(row.value * row.weight for row in rows) / sum(row.weight for row in rows)


def reliability(error: float, rules: RatingRules, *, providers: int = 1_000, projects: int = 8) -> tuple[float, float, float]:
    """ICC(1), mean and within-provider standard deviation of a project's observation, by analysis of variance on a sample of its own."""
    chance = np.random.default_rng(99)
    spread = rules.spread * math.sqrt(ICC / (1 - ICC))
    table = np.array(
        [
            [observed(project_events(level, START, "p", error, chance), rules) for _ in range(projects)]
            for level in chance.normal(MEAN, spread, providers)
        ]
    )
    between = projects * table.mean(axis=1).var(ddof=1)
    within = table.var(axis=1, ddof=1).mean()
    return float((between - within) / (between + (projects - 1) * within)), float(table.mean()), float(math.sqrt(within))


def error_for(icc: float, rules: RatingRules) -> float:
    """The projects' own error with which the reliability is as wanted."""
    low, high = 2.0, 20.0
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (middle, high) if reliability(middle, rules)[0] > icc else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class Course:
    """A provider's truth, and after each of its projects: score, upper end, and what the other methods say."""

    level: float
    methods: dict[str, np.ndarray]


def simulate(seed: int, error: float, rules: RatingRules) -> list[Course]:
    """One world."""
    chance = np.random.default_rng(seed)
    levels = chance.normal(MEAN, rules.spread * math.sqrt(ICC / (1 - ICC)), PROVIDERS)
    histories = []
    for number, level in enumerate(levels):
        days = np.sort(chance.integers(0, round(MONTHS / 3 * QUARTER), LEAST + chance.poisson(MORE)))
        histories.append(
            [
                project_events(float(level), START + timedelta(int(day)), f"{number}.{place}", error, chance)
                for place, day in enumerate(days)
            ]
        )
    means = quarterly_means(histories, rules)
    return [Course(float(level), course(history, means, rules)) for level, history in zip(levels, histories, strict=True)]


def quarterly_means(histories: list[list[list[Event]]], rules: RatingRules) -> list[float]:
    """The mean of all on the first day of each quarter."""
    found = []
    for quarter in range(MONTHS // 3 + 1):
        on = START + timedelta(round(quarter * QUARTER))
        own = []
        for history in histories:
            rating = rate([event for project in history for event in project if event.on <= on], on, rules.mean, rules)
            own.append((rating.mass, rating.own_mean or 0.0))
        found.append(mean_of_all(own, rules))
    return found


def course(history: list[list[Event]], means: list[float], rules: RatingRules) -> dict[str, np.ndarray]:
    """What each method says after each project."""
    rows = []
    events: list[Event] = []
    marks: list[float] = []
    scores: list[float] = []
    good = 0
    for count, project in enumerate(history, 1):
        events += project
        on = project[0].on
        rating = rate(events, on, means[int((on - START).days / QUARTER)], rules)
        by_kind = {event.kind: event.payload for event in project}
        marks.append(stars(by_kind[EventKind.ENTERPRISE_RATING]))
        scores.append(by_kind[EventKind.ACCEPTANCE]["score"])
        good += by_kind[EventKind.ACCEPTANCE]["result"] == "passed" and marks[-1] >= 3.5
        low, high = wilson(good, count)
        rows.append((rating.score, rating.high, sum(marks) / count, sum(scores) / count, low, high))
    return dict(zip(("score", "upper end", "stars", "project scores", "wilson", "wilson upper"), np.array(rows).T, strict=True))


def wilson(good: int, count: int) -> tuple[float, float]:
    """Both ends of the Wilson score interval of a share (Wilson 1927)."""
    share = good / count
    middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z / (1 + Z * Z / count) * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    return middle - half, middle + half


def correlation(world: list[Course], method: str, count: int) -> float:
    """Spearman of the method's figure after `count` projects and the truth, over the providers that have so many."""
    rows = [(row.methods[method][count - 1], row.level) for row in world if len(row.methods[method]) >= count]
    return float(spearmanr(*zip(*rows, strict=True)).statistic)


def worst_of(world: list[Course]) -> list[Course]:
    return sorted(world, key=lambda row: row.level)[: round(WORST * len(world))]


def better_half(world: list[Course]) -> list[Course]:
    return sorted(world, key=lambda row: row.level)[len(world) // 2 :]


def middle_of(world: list[Course]) -> list[Course]:
    """Neither of the worst nor better than the median."""
    return sorted(world, key=lambda row: row.level)[round(WORST * len(world)) : len(world) // 2]


def ever_below(rows: list[Course], method: str, threshold: float, *, last: int | None = None) -> float:
    """The share of these whose figure was below the threshold after one of their projects (or of the first `last` of them)."""
    return sum(bool((row.methods[method][:last] < threshold).any()) for row in rows) / len(rows)


def best_threshold(worlds: list[list[Course]], method: str) -> tuple[float, float, float]:
    """The highest threshold that warns at most 10 % of the better half, with what it finds of the worst and what it warns wrongly."""
    every = np.unique(np.concatenate([row.methods[method] for world in worlds for row in world]))
    for threshold in np.quantile(every, np.linspace(0.6, 0.0, 301)):
        wrong = float(np.mean([ever_below(better_half(world), method, threshold) for world in worlds]))
        if wrong <= BARS["warned_wrongly"]:
            found = float(np.mean([ever_below(worst_of(world), method, threshold, last=WITHIN) for world in worlds]))
            return float(threshold), found, wrong
    return 0.0, 0.0, 0.0


@dataclass(frozen=True)
class Thresholds:
    """Below which score one is proposed for a warning, and below which for retirement."""

    warn_below: float
    retire_below: float


def outcome(worlds: list[list[Course]], at: Thresholds) -> dict[str, Any]:
    """What the rule does, mean over the worlds, and in how many of them each bar holds by itself."""
    found = [ever_below(worst_of(world), "score", at.warn_below, last=WITHIN) for world in worlds]
    warned = [ever_below(better_half(world), "score", at.warn_below) for world in worlds]
    retired = [ever_below(better_half(world), "score", at.retire_below) for world in worlds]
    right = [ever_below(worst_of(world), "score", at.retire_below) for world in worlds]
    between = [
        [ever_below(middle_of(world), "score", at.warn_below) for world in worlds],
        [ever_below(middle_of(world), "score", at.retire_below) for world in worlds],
    ]
    ranks = [correlation(world, "score", 10) for world in worlds]
    return {
        "spearman_10": round(float(np.mean(ranks)), 4),
        "spearman_10_least": round(min(ranks), 4),
        "found": round(float(np.mean(found)), 4),
        "warned_wrongly": round(float(np.mean(warned)), 4),
        "retired_wrongly": round(float(np.mean(retired)), 4),
        "retired_rightly": round(float(np.mean(right)), 4),
        "middle_warned": round(float(np.mean(between[0])), 4),
        "middle_retired": round(float(np.mean(between[1])), 4),
        "worlds_that_hold": {
            "spearman": sum(value >= BARS["spearman"] for value in ranks),
            "found": sum(value >= BARS["found"] for value in found),
            "warned_wrongly": sum(value <= BARS["warned_wrongly"] for value in warned),
            "retired_wrongly": sum(value <= BARS["retired_wrongly"] for value in retired),
        },
    }


def half_lives(error: float, rules: RatingRules, at: Thresholds, own: list[list[Course]]) -> Iterator[tuple[float, dict[str, Any]]]:
    """The same with other half-lives, on the worlds of the first seeds (`own`: by the pilot's): what forgetting costs while nobody changes."""
    for months in (12.0, rules.half_life_months, 1_000.0):
        other = replace(rules, half_life_months=months)
        yield months, outcome(own if other == rules else [simulate(seed, error, other) for seed in SEEDS[: len(own)]], at)


def sweep(worlds: list[list[Course]]) -> None:
    """What other thresholds would do."""
    print(f"\n{'below':>8}{'worst in 4':>12}{'worst ever':>12}{'middle ever':>13}{'better ever':>13}")
    for threshold in np.arange(58, 76.01, 1):
        row = [np.mean([ever_below(worst_of(world), "score", threshold, last=WITHIN) for world in worlds])]
        row += [np.mean([ever_below(rows(world), "score", threshold) for world in worlds]) for rows in (worst_of, middle_of, better_half)]
        print(f"{threshold:8.1f}{row[0]:12.3f}{row[1]:12.3f}{row[2]:13.3f}{row[3]:13.4f}")


def main() -> None:
    """Print the tables; write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sweep", action="store_true", help="print what other thresholds would do")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    began = time.perf_counter()
    document = Reader(PACKAGED).document()
    rules: RatingRules = Reader(PACKAGED).build(RatingRules, document["rating"], "rating")
    adjustment = document["adjustment"]
    at = Thresholds(adjustment["warn_below"], adjustment["retire_below"])
    error = error_for(ICC, rules)
    icc, mean, within = reliability(error, rules)
    print(f"{PROVIDERS} providers, {MONTHS} months, {len(SEEDS)} seeds; own error of a project {error:.2f} points")
    print(f"a single project: ICC {icc:.3f}, mean {mean:.1f}, standard deviation within a provider {within:.1f} (rules: {rules.spread})")
    worlds = [simulate(seed, error, rules) for seed in SEEDS]
    figures: dict[str, Any] = {"icc": round(icc, 4), "mean": round(mean, 2), "within": round(within, 2), "seeds": len(SEEDS)}
    names = {
        "score": "score", "project scores": "plain mean of project scores", "stars": "plain mean of stars", "wilson": "Wilson lower bound",
    }  # fmt: skip
    print(f"\nSpearman with the truth after n projects{'':4}" + "".join(f"{f'n = {count}':>9}" for count in COUNTS))
    figures["spearman"] = {}
    for method, name in names.items():
        row = [float(np.mean([correlation(world, method, count) for world in worlds])) for count in COUNTS]
        figures["spearman"][method] = [round(value, 4) for value in row]
        print(f"{name:44}" + "".join(f"{value:9.3f}" for value in row))
    print("\nworst 5 % found within 4 projects, each method at the threshold that warns 10 % of the better half")
    figures["found_at_ten_percent"] = {}
    for method in ("score", "upper end", "project scores", "stars", "wilson", "wilson upper"):
        threshold, found, wrong = best_threshold(worlds, method)
        figures["found_at_ten_percent"][method] = {"threshold": round(threshold, 3), "found": round(found, 4), "wrong": round(wrong, 4)}
        print(f"{names.get(method, method):44}{found:8.1%}   better half warned {wrong:6.1%}   threshold {threshold:.2f}")
    figures["rule"] = {**vars(at), **outcome(worlds, at)}
    rule = figures["rule"]
    print(f"\nthe rule: warn below {at.warn_below}, retire below {at.retire_below}")
    for key, least, word in (
        ("spearman_10", True, "Spearman at 10 projects"), ("found", True, "worst 5 % warned within 4 projects"),
        ("warned_wrongly", False, "better half ever warned"), ("retired_wrongly", False, "better half ever retired"),
    ):  # fmt: skip
        bar = BARS["spearman" if key == "spearman_10" else key]
        holds = rule[key] >= bar if least else rule[key] <= bar
        worlds_held = rule["worlds_that_hold"]["spearman" if key == "spearman_10" else key]
        print(f"{word:44}{rule[key]:9.4f}   bar {bar}   {'met' if holds else 'NOT MET'}   in {worlds_held} of {len(SEEDS)} worlds alone")
    print(f"{'worst 5 % ever retired':44}{rule['retired_rightly']:9.4f}")
    print(f"{'between them: ever warned, ever retired':44}{rule['middle_warned']:9.4f}{rule['middle_retired']:9.4f}")
    figures["half_life"] = {str(months): row for months, row in half_lives(error, rules, at, worlds[:FEW_WORLDS])}
    print(f"\nhalf-life in months ({FEW_WORLDS} worlds; nobody changes in them)")
    for months, row in figures["half_life"].items():
        print(f"{months:>8}   Spearman {row['spearman_10']:.3f}   found {row['found']:.1%}   warned wrongly {row['warned_wrongly']:.1%}")
    if options.sweep:
        sweep(worlds)
    print(f"\n{time.perf_counter() - began:.0f} s")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
