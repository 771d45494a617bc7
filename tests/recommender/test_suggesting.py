"""Suggestions for a problem and clusters of many: what they are made of, and what they do without it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from indexer.embedding import EmbeddingStore
from indexer.query import Vector
from recommender.distilling import distil
from recommender.evaluation.suggestions import Judged, measure
from recommender.known_problems import KnownProblems, Symptoms, _telling_words
from recommender.suggesting import Suggester, overlap
from recommender.suggestion_model import KINDS, Model, Traits, by_kind, fit

CATALOGUE = {
    "CH-01": Traits("chem", "equipment", ("intelligent", "safe")),
    "CH-02": Traits("chem", "energy", ("green",)),
    "AU-01": Traits("auto", "quality", ("intelligent",)),
    "CM-01": Traits("any", "management", ("integrated",)),
}
SPREAD = 0.4


class Placed:
    """An embedder whose texts lie where their first word says."""

    space, dimension = "placed", 16

    def queries(self, texts: Sequence[str]) -> Vector:
        rows = []
        for text in texts:
            chance = np.random.default_rng(sum(text.encode()))
            vector = SPREAD * chance.normal(size=self.dimension) / 4
            vector[list(CATALOGUE).index(text[:5])] += 1.0
            rows.append(vector / np.linalg.norm(vector))
        return np.array(rows, np.float32)

    passages = queries


@pytest.fixture
def known() -> KnownProblems:
    codes = [code for code in CATALOGUE for _number in range(30)]
    texts = tuple(f"{code} 第 {number} 种说法" for number, code in enumerate(codes))
    vectors = Placed().queries(texts)
    sectors = tuple(CATALOGUE[code].sector for code in codes)
    ones = np.ones(len(codes), np.float32)
    symptoms = Symptoms(texts, ("一个做法",), ("做法",), tuple((0,) for _code in codes), tuple(codes), sectors, ones)
    return KnownProblems(symptoms, vectors, vectors[:1])


@pytest.fixture
def suggester(known: KnownProblems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suggester:
    monkeypatch.setattr(KnownProblems, "packaged", classmethod(lambda _cls, _embeddings: known))
    return Suggester(EmbeddingStore(Placed()), CATALOGUE, tmp_path)


def test_a_model_is_made_once_kept_and_made_anew_when_it_is_damaged(suggester: Suggester, tmp_path: Path) -> None:
    suggester.warm(wait=True)
    (file,) = tmp_path.glob("suggestions-*.npz")
    model = Model.load(file)
    assert model is not None
    assert set(model.classes) == set(CATALOGUE)
    # Surer never means less often right.
    assert (np.diff(model.curves, axis=1) >= -1e-6).all()
    file.write_bytes(b"no model")
    assert Model.load(file) is None
    assert Model.load(tmp_path / "none.npz") is None
    again = Suggester(EmbeddingStore(Placed()), CATALOGUE, tmp_path)
    again.warm(wait=True)
    assert Model.load(file) is not None


def test_scenario_stage_and_orientation_are_suggested_and_right(suggester: Suggester) -> None:
    rows = [
        Judged(f"{code} 新的说法 {n}", "", (code,), (CATALOGUE[code].stage,), CATALOGUE[code].orientations[:1])
        for code in CATALOGUE
        for n in range(5)
    ]
    figures, _slow = measure(suggester, rows)
    for kind in KINDS:
        assert figures[kind].count == len(rows)
        assert figures[kind].top1 > 0.9, kind
        assert figures[kind].ece < 0.25, kind


def test_nobody_waits_for_the_model_and_other_sectors_are_left_out(suggester: Suggester) -> None:
    (first,) = suggester.suggest(["CH-01 轴承坏了才知道"], sectors=["chem"])
    assert first.scenarios[0][0] == "CH-01"
    (foreign,) = suggester.suggest(["CH-01 轴承坏了才知道"], sectors=["auto"])
    assert "CH-01" not in [code for code, _sure in foreign.scenarios]
    # What is inferred of the stage does not forget what it saw.
    assert foreign.stages[0][0] == "equipment"
    assert suggester.suggest([]) == []


def test_shares_of_stages_sum_to_those_of_scenarios() -> None:
    parts = by_kind({"CH-01": 0.5, "CH-02": 0.3, "unknown": 0.2}, CATALOGUE)
    assert parts["stage"] == {"equipment": 0.5, "energy": 0.3}
    assert parts["orientation"]["intelligent"] == pytest.approx(0.5 * 2 / 3)


def test_the_same_text_is_a_duplicate_whatever_its_marks(suggester: Suggester) -> None:
    assert overlap("封口机停，返工。", "封口机停 返工") == 1.0
    assert overlap("封口机每班停两次", "仓库找料要半天") == 0.0
    assert overlap("", "x") == 0.0
    same, other = suggester.alike("CH-01 封口机每班停两次。", ["CH-01 封口机每班停两次", "AU-01 仓库找料"])
    assert same == 1.0
    assert other < 0.5


def test_without_known_problems_nothing_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KnownProblems, "packaged", classmethod(lambda _cls, _embeddings: None))
    empty = Suggester(EmbeddingStore(Placed()), CATALOGUE)
    empty.warm(wait=True)
    assert empty.suggest(["CH-01 x"])[0].scenarios == ()


def test_curves_come_from_problems_that_were_left_out(known: KnownProblems) -> None:
    model = fit(known, CATALOGUE)
    assert model.sure("scenario", 1.0) > 0.8
    assert model.sure("scenario", 0.0) < 0.2


@pytest.mark.parametrize("count", [60, 4000])
def test_problems_of_one_need_come_together_and_are_named_by_their_words(count: int) -> None:
    codes = [list(CATALOGUE)[place % 4] for place in range(count)]
    words = {"CH-01": "轴承振动停机", "CH-02": "蒸汽余热浪费", "AU-01": "焊点虚焊返修", "CM-01": "报表手工汇总"}
    texts = [f"{code} {words[code]} {place}" for place, code in enumerate(codes)]
    told: list[int] = []
    found = distil(texts, Placed().queries(texts), told=lambda done, _total: told.append(done))
    assert sum(len(cluster.members) for cluster in found) >= 0.95 * count
    for cluster in found:
        assert len({codes[place] for place in cluster.members}) == 1
        code = codes[cluster.members[0]]
        assert any(word in words[code] for word in cluster.words), cluster.words
    assert told == sorted(told)


def test_too_few_problems_make_no_cluster() -> None:
    texts = ["CH-01 一", "CH-01 二"]
    assert distil(texts, Placed().queries(texts)) == []


def test_of_known_solutions_the_telling_words_are_asked_each_once_and_few() -> None:
    texts = tuple(f"振动监测{'钢网' if number in (1, 2) else '夹具'}零件{number}" for number in range(12))
    telling = _telling_words(texts)
    # “监测” stands in every text and “夹具” in most: they tell nothing.
    assert not {"振动", "监测", "夹具", "零件"} & {word for words in telling for word in words}
    assert "钢网" in telling[1]
    few = Symptoms(texts, texts, texts, tuple((number,) for number in range(12)), ("",) * 12, ("",) * 12, np.ones(12, np.float32))
    known = KnownProblems(few, np.eye(12, dtype=np.float32), np.eye(12, dtype=np.float32))
    words = known._worded([(1, 1.0), (2, 0.5)])
    assert dict(words)["钢网"] == 1.0
    assert [weight for _, weight in words] == sorted((weight for _, weight in words), reverse=True)
