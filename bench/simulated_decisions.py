"""Does the ranker learn what enterprises want? `python -m bench.simulated_decisions [--decisions 5000] [--seed 0] [--json FILE]`.

Over the demonstration set, seeded: problems are shown with the 20 best matches by the hand weights; a place is looked at with probability
k^−0.7; who looks opens what is attractive, and accepts or declines it. What is attractive is planted: content that fits well enough
(better than that is no better), and then, far beyond what the hand weights say, a team on the spot, a short delivery, a good record. The events go into the database as the
platform would write them, and `train` learns from them alone. Printed: what the gate sees in the held-out part of the log, and, because
here it is known, nDCG@10 against the planted truth. Then the same with shuffled labels, which must teach nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, joinedload

from marketplace.app import open_site, worker_of
from marketplace.domain.matches import Match
from marketplace.pilot import load_pilot
from marketplace.records.enterprises import Enterprise
from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.records.problems import Problem
from marketplace.settings import Settings
from marketplace.site import Site
from recommender.evaluation.bootstrap import Difference, paired_bootstrap
from recommender.learned import Floats
from recommender.records import ask_of
from recommender.training import Trained, score, train
from recommender.training_rows import Rows, make_rows
from recommender.weights import HandWeights

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "marketplace" / "data" / "demo"
CACHE = ROOT / ".test-cache"
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
SHOWN, DAYS = 20, 600
LOOKS = np.arange(1, SHOWN + 1) ** -0.7
# Points of attraction on a score of 0–1, beside the content score up to where it is enough.
ENOUGH = 0.65
PLANTED = {"local": 0.15, "quick": 0.25, "record": 0.15}
NOISE, ATTRACTIVE, SHARP, OPENED = 0.05, 0.85, 14.0, 0.10
# The truth by which a ranker is measured: grades 1, 2, 3 from so far below or above what half of all enterprises accept.
GRADES = (-0.15, -0.05, 0.05)
BATCH = 50


@dataclass(frozen=True)
class World:
    """What was simulated. `truth`: (problem, solution) → how attractive, without noise."""

    truth: dict[tuple[int, int], float]
    decisions: int
    events: int
    lists: int


def simulate(site: Site, *, decisions: int, seed: int, shuffled: bool = False) -> World:
    """Write the events of so many answered matches."""
    chance = np.random.default_rng(seed)
    shown = _shown(site)
    problems = list(shown)
    truth: dict[tuple[int, int], float] = {}
    lists: list[tuple[int, datetime, list[dict[str, Any]], list[str]]] = []
    answered = turn = 0
    at = NOW - timedelta(days=DAYS)
    with site.database.writing() as session:
        while answered < decisions:
            copy, place = divmod(turn, len(problems))
            problem = _copied(session, problems[place], copy) if copy else problems[place]
            pairs, ends = [], []
            for position, match in enumerate(shown[problems[place]], 1):
                features = match.features
                content = sum(features[f"share_{family}"] for family in ("text", "known_problems", "fit"))
                liked = min(content, ENOUGH) + sum(weight * features[name] for name, weight in PLANTED.items())
                truth[problem, match.solution_id] = liked
                ends.append(_end(chance, position, liked))
                answered += ends[-1] in ("accepted", "declined")
                pairs.append({"solution_id": match.solution_id, "provider_id": match.provider_id, "position": position})
            lists.append((problem, at, pairs, ends))
            turn += 1
    if shuffled:
        flat = [end for *_rest, ends in lists for end in ends]
        mixed = iter(np.random.default_rng(seed + 1).permutation(flat).tolist())
        lists = [(problem, at, pairs, [next(mixed) for _end in ends]) for problem, at, pairs, ends in lists]
    # Spread over the time in a random order, so that early and late lists are alike.
    order = chance.permutation(len(lists))
    events = []
    for number, row in enumerate(order):
        problem, at, pairs, ends = lists[row]
        moment = at + timedelta(days=DAYS * number / len(lists))
        events += _events(problem, moment, pairs, ends)
    with site.database.writing() as session:
        for start in range(0, len(events), 1000):
            session.execute(insert(MatchEvent), events[start : start + 1000])
    return World(truth, answered, len(events), len(lists))


def _shown(site: Site) -> dict[int, Sequence[Match]]:
    """Problem → its best matches by the hand weights, in the order in which they are shown."""
    with site.database.reading() as session:
        rows = session.scalars(select(Problem).where(Problem.text != "").options(joinedload(Problem.enterprise)).order_by(Problem.id))
        asks = [ask_of(row) for row in rows]
    found: dict[int, Sequence[Match]] = {}
    for start in range(0, len(asks), BATCH):
        part = asks[start : start + BATCH]
        answers = site.recommender.recommend_many(part, limit=SHOWN)
        found |= {int(ask.key): answers[ask.key].matches for ask in part}
    return found


def _copied(session: Session, problem: int, copy: int) -> int:
    """The same problem of another enterprise of the sector: 5,000 decisions need more problems than the demonstration set has."""
    source = session.get_one(Problem, problem)
    own = session.get_one(Enterprise, source.enterprise_id)
    others = session.scalars(select(Enterprise.id).where(Enterprise.sector == own.sector).order_by(Enterprise.id)).all()
    row = Problem(
        enterprise_id=others[(others.index(own.id) + copy) % len(others)],
        text=source.text,
        stage=source.stage,
        orientation=source.orientation,
        budget_low_fen=source.budget_low_fen,
        budget_high_fen=source.budget_high_fen,
        source="simulated",
        source_ref=f"{source.id}-{copy}",
    )
    session.add(row)
    session.flush()
    return row.id


def _end(chance: np.random.Generator, position: int, liked: float) -> str:
    if chance.random() > LOOKS[position - 1]:
        return "shown"
    felt = liked + chance.normal(0, NOISE)
    if chance.random() > 1 / (1 + np.exp(-SHARP * (felt - ATTRACTIVE + OPENED))):
        return "shown"
    return "accepted" if chance.random() < 1 / (1 + np.exp(-SHARP * (felt - ATTRACTIVE))) else "declined"


def _events(problem: int, at: datetime, pairs: Sequence[dict[str, Any]], ends: Sequence[str]) -> list[dict[str, Any]]:
    kinds = {
        "shown": (),
        "accepted": (MatchEventKind.OPENED, MatchEventKind.SENT, MatchEventKind.ACCEPTED),
        "declined": (MatchEventKind.OPENED, MatchEventKind.SENT, MatchEventKind.DECLINED),
    }
    found = []
    for pair, end in zip(pairs, ends, strict=True):
        for step, kind in enumerate((MatchEventKind.SHOWN, *kinds[end])):
            moment = at + timedelta(hours=step)
            common = {"introduction_id": None, "side": "", "model": HandWeights().version, "place": "plan", "features": None, "value": None}
            found.append({"problem_id": problem, "kind": kind, "at": moment, **common, **pair})
    return found


def true_ndcg(rows: Rows, scores: Floats, world: World, ids: np.ndarray[Any, Any], problems: Sequence[int], early: int) -> list[float]:
    """nDCG@10 of each held-out list against what was planted; a list of which nothing is attractive has no order."""
    found = []
    for one in range(early, rows.lists):
        inside = np.flatnonzero(rows.list_of == one)
        liked = np.array([world.truth.get((problems[one], int(ids[row])), 0.0) for row in inside])
        gain = 2.0 ** np.searchsorted(ATTRACTIVE + np.array(GRADES), liked, side="right") - 1
        if not gain.any():
            continue
        discount = 1 / np.log2(np.arange(2, min(10, len(inside)) + 2))
        order = np.argsort(-scores[inside], kind="stable")[: len(discount)]
        found.append(float(gain[order] @ discount / (np.sort(gain)[::-1][: len(discount)] @ discount)))
    return found


@dataclass(frozen=True)
class Learned:
    """One run: what the gate saw, what is true of it, and how long rows and fit took."""

    world: World
    rows: Rows
    problems: Sequence[int]
    trained: Trained
    truth: Difference
    rows_s: float
    fit_s: float


def learn(site: Site, *, decisions: int, seed: int, shuffled: bool = False, ablation: bool = False) -> Learned:
    from recommender.recorded import find_recorded

    world = simulate(site, decisions=decisions, seed=seed, shuffled=shuffled)
    rules = site.pilot.learning
    started = time.perf_counter()
    with site.database.reading() as session:
        lists = [one for one in find_recorded(session, most=rules.most_lists) if one.is_shown]
    rows = make_rows(site.database, site.recommender.by_hand(), lists, site.pilot.rating.exploration)
    made = time.perf_counter()
    trained = train(rows, HandWeights(), rules, ablation=ablation)
    done = time.perf_counter()
    early = rows.lists - round(rows.lists * rules.held_out)
    problems = [one.problem_id for one in lists]
    now, then = (true_ndcg(rows, score(rows, one), world, rows.solutions, problems, early) for one in (HandWeights(), trained.weights))
    return Learned(world, rows, problems, trained, paired_bootstrap(now, then), made - started, done - made)


def open_demonstration(folder: Path) -> Site:
    """A site with the demonstration set, indexed; vectors of earlier runs are used where there are any."""
    from marketplace.actions.demonstration_set import load_demonstration
    from marketplace.domain.access import Role

    folder.mkdir(parents=True, exist_ok=True)
    (CACHE / "models").mkdir(parents=True, exist_ok=True)
    (folder / "models").symlink_to(CACHE / "models", target_is_directory=True)
    pilot = load_pilot()
    site = open_site(Settings(data_dir=folder, demo=True), write=True, pilot=pilot)
    load_demonstration(site.database, pilot, DEMO, names={role: role.value for role in Role}, at=NOW)
    worker_of(site).drain()
    return site


def main() -> None:
    """Print both runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--decisions", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="jigai-simulated-"))
    try:
        site = open_demonstration(folder / "site")
        for name, shuffled in (("planted", False), ("shuffled", True)):
            with site.database.writing() as session:
                session.query(MatchEvent).delete()
                session.query(Problem).filter(Problem.source == "simulated").delete()
            run = learn(site, decisions=options.decisions, seed=options.seed, shuffled=shuffled, ablation=not shuffled)
            figures = run.trained.figures()
            found[name] = {
                "decisions": run.world.decisions, "events": run.world.events, "lists": run.world.lists, **figures,
                "truth": [round(value, 4) for value in (run.truth.mean, run.truth.low, run.truth.high)],
                "rows_s": round(run.rows_s, 1), "fit_s": round(run.fit_s, 1),
            }  # fmt: skip
            print(f"\n== {name}: {json.dumps(found[name], ensure_ascii=False, indent=1)}")
        site.index.close()
        site.database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
