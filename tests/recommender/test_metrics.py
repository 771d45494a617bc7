"""The metrics against an independent implementation, and their empty cases."""

import random
from pathlib import Path

import ir_measures
import pytest
from ir_measures import RR, R, nDCG

from recommender.evaluation.beir import BadSetError, read_set, write_demonstration_set
from recommender.evaluation.bootstrap import paired_bootstrap
from recommender.evaluation.mrr import reciprocal_rank
from recommender.evaluation.ndcg import ndcg
from recommender.evaluation.recall import recall

DEMO = Path(__file__).parents[2] / "marketplace" / "data" / "demo"


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_an_independent_implementation(seed: int) -> None:
    chance = random.Random(seed)
    documents = [f"d{number}" for number in range(150)]
    grades = {name: chance.randint(0, 3) for name in chance.sample(documents, 12)} | {"d0": 1}
    ranking = chance.sample(documents, 120)
    qrels = [ir_measures.Qrel("q", name, grade) for name, grade in grades.items()]
    run = [ir_measures.ScoredDoc("q", name, float(-place)) for place, name in enumerate(ranking)]
    wanted = ir_measures.calc_aggregate([nDCG(gains={0: 0, 1: 1, 2: 3, 3: 7}) @ 10, R @ 100, RR @ 10], qrels, run)
    assert ndcg(ranking, grades) == pytest.approx(wanted[nDCG(gains={0: 0, 1: 1, 2: 3, 3: 7}) @ 10])
    assert recall(ranking, grades) == pytest.approx(wanted[R @ 100])
    assert reciprocal_rank(ranking, grades) == pytest.approx(wanted[RR @ 10])


def test_empty_cases_count_as_nothing() -> None:
    assert ndcg([], {"a": 3}) == recall([], {"a": 3}) == reciprocal_rank([], {"a": 3}) == 0
    assert ndcg(["a"], {"a": 0}) == recall(["a"], {"a": 0}) == reciprocal_rank(["a"], {"a": 0}) == 0


def test_bootstrap_tells_difference_from_noise() -> None:
    chance = random.Random(1)
    old = [chance.random() for _ in range(100)]
    assert paired_bootstrap(old, [value + 0.1 for value in old]).is_better
    assert paired_bootstrap([value + 0.1 for value in old], old).is_worse
    noise = paired_bootstrap(old, [value + chance.gauss(0, 0.2) for value in old])
    assert not noise.is_better
    assert not noise.is_worse
    with pytest.raises(ValueError, match="each of the same"):
        paired_bootstrap([0.1], [])


def test_demonstration_set_as_judged_set(tmp_path: Path) -> None:
    write_demonstration_set(DEMO, tmp_path)
    judged = read_set(tmp_path / "corpus.jsonl", tmp_path / "queries.jsonl", tmp_path / "qrels.tsv")
    assert (len(judged.corpus), len(judged.queries)) == (170, 120)
    assert sum(len(row) for row in judged.grades.values()) == 444
    assert set(judged.corpus["SOL-0001"]["metadata"]) >= {"provider", "sectors", "region", "local_office"}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("corpus.jsonl", '{"_id": "a"}\n{"_id": "a"}\n', "第 2 行的 _id a 重复"),
        ("corpus.jsonl", "{", "第 1 行不是 JSON"),
        ("queries.jsonl", '{"_id": 3}\n', "没有文字型的 _id"),
        ("queries.jsonl", '{"_id": "other"}\n', "查询 q 不在"),
        ("qrels.tsv", "q a\n", "应为三列"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\n", "没有判定"),
    ],
)
def test_a_bad_set_is_refused_with_file_and_line(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    good = {"corpus.jsonl": '{"_id": "a"}\n', "queries.jsonl": '{"_id": "q"}\n', "qrels.tsv": "q\ta\t1\n"} | {name: content}
    for file, text in good.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(BadSetError, match=sentence):
        read_set(tmp_path / "corpus.jsonl", tmp_path / "queries.jsonl", tmp_path / "qrels.tsv")
