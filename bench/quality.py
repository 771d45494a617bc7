"""Match quality of the four modes: `python bench/quality.py [--demands FOLDER] [--ablation] [--crossvalidate] [--json FILE]`.

nDCG@10 (gain 2^grade − 1), recall@100, MRR@10 and milliseconds a query on the demonstration set's judged problems and, where
given, on a folder in BEIR form (corpus.jsonl, queries.jsonl, qrels.tsv). Each mode is compared with the one before it by the
paired bootstrap (95 %). Neither price, place, rating nor past matches count. `--ablation`: the recommender without one
feature at a time. `--crossvalidate`: a logistic regression on the same features, fitted on four fifths of the problems and
measured on the fifth, so that the hand-set weights can be judged. Vectors are kept between runs in .test-cache/quality.db.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from indexer.embedding import EmbeddingStore, open_embedder
from indexer.search import Index
from marketplace.records.database import Database
from recommender.evaluation.beir import JudgedSet, read_set, write_demonstration_set
from recommender.evaluation.bootstrap import paired_bootstrap
from recommender.evaluation.evaluate import MODES, Measured, ask_of, measure, open_index, open_ranker
from recommender.evaluation.ndcg import ndcg
from recommender.ranking import CONTENT, HandWeights

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "marketplace" / "data" / "demo"
CACHE = ROOT / ".test-cache"
FOLDS, ROUNDS = 5, 5


def report(name: str, judged: JudgedSet, index: Index) -> dict[str, Any]:
    """The four modes on one set."""
    print(f"\n{name}: {len(judged.corpus)} documents, {len(judged.queries)} queries")
    print(f"{'mode':12}{'nDCG@10':>9}{'recall@100':>12}{'MRR@10':>9}{'p50 ms':>9}{'p95 ms':>9}   against the mode before")
    found: dict[str, Any] = {}
    before: Measured | None = None
    for mode in MODES:
        measured = measure(judged, index, mode)
        figures: dict[str, Any] = measured.figures()
        against = ""
        if before is not None:
            difference = paired_bootstrap(before.ndcg, measured.ndcg)
            figures["difference"] = [round(value, 4) for value in (difference.mean, difference.low, difference.high)]
            against = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*figures["difference"])
        print(
            f"{mode:12}{figures['ndcg@10']:9.3f}{figures['recall@100']:12.3f}{figures['mrr@10']:9.3f}"
            f"{figures['p50']:9.1f}{figures['p95']:9.1f}   {against}"
        )
        found[mode] = figures
        before = measured
    return found


def ablation(judged: JudgedSet, index: Index) -> dict[str, float]:
    """nDCG@10 of the recommender without each feature, and with its weight halved and one and a half times."""
    print(f"\n{'feature':16}{'weight':>8}{'without':>9}{'half':>8}{'× 1.5':>8}")
    found = {}
    for feature, (weight, family) in CONTENT.items():
        line = []
        for factor in (0.0, 0.5, 1.5):
            weights = HandWeights(version="ablation", content={**CONTENT, feature: (weight * factor, family)})
            line.append(float(np.mean(measure(judged, index, "recommend", weights=weights).ndcg)))
        print(f"{feature:16}{weight:8.2f}" + f"{line[0]:9.3f}{line[1]:8.3f}{line[2]:8.3f}")
        found[feature] = round(line[0], 4)
    return found


def crossvalidated(judged: JudgedSet, index: Index) -> float:
    """nDCG@10 of a logistic regression (grade > 0, weight by gain) on the content features; folds by problem."""
    from sklearn.linear_model import LogisticRegression

    names = list(judged.corpus)
    rankings = [open_ranker(judged, index).rank([ask_of(query)], [frozenset()])[0] for query in judged.queries.values()]
    features = sorted(set.intersection(*(set(ranking.features) for ranking in rankings)))
    tables = [np.stack([ranking.features[name] for name in features], axis=1) for ranking in rankings]
    grades = [
        np.array([judged.grades[ranking.ask.key].get(names[place], 0) for place in ranking.candidates.ids.tolist()]) for ranking in rankings
    ]
    means = []
    for seed in range(ROUNDS):
        fold = np.random.default_rng(seed).permutation(len(rankings)) % FOLDS
        for number in range(FOLDS):
            inside = [place for place in range(len(rankings)) if fold[place] != number]
            table, grade = np.concatenate([tables[place] for place in inside]), np.concatenate([grades[place] for place in inside])
            model = LogisticRegression(C=1.0, max_iter=1000)
            model.fit(table, grade > 0, sample_weight=np.where(grade > 0, (2.0**grade - 1) / 7 * 3, 1.0))
            for place in np.flatnonzero(fold == number):
                order = np.argsort(-(tables[place] @ model.coef_[0]), kind="stable")
                ranking = rankings[place]
                best = [names[ranking.candidates.ids[row]] for row in order[:10]]
                means.append(ndcg(best, judged.grades[ranking.ask.key]))
    return float(np.mean(means))


def main() -> None:
    """Print the tables; write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--demands", type=Path, help="a second judged set, a folder in BEIR form")
    parser.add_argument("--embedder", default="builtin")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--crossvalidate", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    database = Database(f"sqlite:///{CACHE / 'quality.db'}")
    database.migrate()
    store = EmbeddingStore(open_embedder(options.embedder), database)
    found: dict[str, Any] = {"space": store.space}
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        write_demonstration_set(DEMO, demo)
        for name, path in (("demonstration", demo), ("demands", options.demands)):
            if path is None:
                continue
            judged = read_set(path / "corpus.jsonl", path / "queries.jsonl", path / "qrels.tsv")
            index = open_index(judged, store, Path(folder) / name)
            found[name] = report(name, judged, index)
            if name == "demonstration" and options.ablation:
                found["ablation"] = ablation(judged, index)
            if name == "demonstration" and options.crossvalidate:
                found["crossvalidated"] = round(crossvalidated(judged, index), 4)
                print(f"\nlogistic regression, {FOLDS} folds by problem, {ROUNDS} rounds: nDCG@10 {found['crossvalidated']:.3f}")
            index.close()
    database.close()
    if options.json:
        options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
