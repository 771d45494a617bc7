"""The learned correction, a plain sum, beside gradient boosting on the same features: `python -m bench.learners [--decisions 5000]`.

On planted preferences (bench/simulated_decisions.py), the same shuffled, and the demonstration history. Each learner sees the earlier
lists alone; gains are weighed by inverse propensity for all. The boosting (sklearn HistGradientBoostingRegressor) predicts how far a
match goes: alone, from the features and the hand score; and on top, from the features what the hand score leaves open. Printed: nDCG@10
of the later lists, the difference to the hand weights with its 95 % interval, the same against the planted truth, and seconds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from bench.simulated_decisions import World, open_demonstration, simulate, true_ndcg
from marketplace.records.match_events import MatchEvent
from marketplace.records.problems import Problem
from marketplace.site import Site
from recommender.evaluation.bootstrap import paired_bootstrap
from recommender.fitting import gains
from recommender.learned import Floats
from recommender.position_bias import examined, prior
from recommender.recorded import find_recorded
from recommender.training import HeldOut, score, train
from recommender.training_rows import Rows, make_rows
from recommender.weights import HandWeights


def boosted(rows: Rows, weights: Floats, early: np.ndarray[Any, Any], *, on_top: bool) -> Floats:
    """Scores of all rows."""
    inside = early[rows.list_of] & rows.judged
    features = rows.features if on_top else np.column_stack([rows.features, rows.hand])
    target = gains(rows.grade)
    base = np.zeros(len(target))
    if on_top:
        slope, offset = np.polyfit(rows.hand[inside], target[inside], 1, w=np.sqrt(weights[inside]))
        base = max(float(slope), 1e-3) * rows.hand + offset
    model = HistGradientBoostingRegressor(
        learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=20, l2_regularization=1.0, random_state=0
    )
    model.fit(features[inside], target[inside] - base[inside], sample_weight=weights[inside])
    return np.asarray(base + model.predict(features), np.float64)


def compared(site: Site, world: World | None) -> dict[str, Any]:
    rules = site.pilot.learning
    with site.database.reading() as session:
        lists = [one for one in find_recorded(session, most=rules.most_lists) if world is None or one.is_shown]
    rows = make_rows(site.database, site.recommender.by_hand(), lists, site.pilot.rating.exploration)
    cut = rows.lists - round(rows.lists * rules.held_out)
    early = np.arange(rows.lists) < cut
    first = rows.of(early[rows.list_of])
    seen = first.position > 0
    bias = examined(first.position[seen], first.opened[seen], first.hand[seen]) if seen.any() else prior()
    weights = bias.weights(rows.position)
    held = HeldOut(rows, weights, ~early)
    late = ~early[rows.list_of]
    problems = [one.problem_id for one in lists]

    def linear() -> Floats:
        return score(rows, train(rows, HandWeights(), rules).weights)

    ways: dict[str, Callable[[], Floats]] = {
        "hand weights": lambda: rows.hand,
        "learned sum": linear,
        "boosting alone": lambda: boosted(rows, weights, early, on_top=False),
        "boosting on top": lambda: boosted(rows, weights, early, on_top=True),
    }
    found: dict[str, Any] = {"lists": rows.lists, "rows": int(rows.judged.sum())}
    usual: list[float] = []
    usual_truth: list[float] = []
    for name, way in ways.items():
        started = time.perf_counter()
        scores = way()
        took = time.perf_counter() - started
        ndcg, new = held.ordered(scores[late])
        truth = true_ndcg(rows, scores, world, rows.solutions, problems, cut) if world else []
        usual, usual_truth = usual or ndcg.tolist(), usual_truth or truth
        change = paired_bootstrap(usual, ndcg.tolist())
        row: dict[str, Any] = {
            "ndcg@10": round(float(ndcg.mean()), 4),
            "difference": [round(value, 4) for value in (change.mean, change.low, change.high)],
            "new_in_top_3": round(new, 3),
            "seconds": round(took, 1),
        }
        if world:
            real = paired_bootstrap(usual_truth, truth)
            row["truth"] = [round(value, 4) for value in (real.mean, real.low, real.high)]
        found[name] = row
        print(f"{name:18}", json.dumps(row), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--decisions", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="jigai-learners-"))
    found: dict[str, Any] = {}
    try:
        site = open_demonstration(folder / "site")
        print("== demonstration history")
        found["demonstration"] = compared(site, None)
        for name, shuffled in (("planted", False), ("shuffled", True)):
            with site.database.writing() as session:
                session.query(MatchEvent).delete()
                session.query(Problem).filter(Problem.source == "simulated").delete()
            world = simulate(site, decisions=options.decisions, seed=options.seed, shuffled=shuffled)
            print(f"== {name}: {world.decisions} decisions, {world.lists} lists")
            found[name] = compared(site, world)
        site.index.close()
        site.database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
