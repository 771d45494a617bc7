"""Training of the domain delta: a few real steps, the same bytes for the same seed, and the gate that keeps or refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.e5_weights import LINEAR, Weights
from indexer.onnx_model import read_delta
from indexer.query import Vector
from marketplace.cli import main
from marketplace.domain.rankers import LearningRules
from marketplace.records.database import Database
from recommender.accepted_pairs import Pool, Split, find_accepted
from recommender.evaluation.delta_gate import judge
from recommender.known_problems import SYMPTOMS
from tests.conftest import DEMO
from tests.demo_site import share_model

if TYPE_CHECKING:
    from indexer.delta_training import Encoder

PROBLEMS, RANK = 6, 2


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first problems of one sector, and what solves them."""
    folder = tmp_path_factory.mktemp("symptoms")
    lines = [(SYMPTOMS / f"auto-{what}.jsonl").read_text(encoding="utf-8").splitlines() for what in ("problems", "solutions")]
    problems = [json.loads(line) for line in lines[0][:PROBLEMS]]
    wanted = {name for row in problems for name in row["solved_by"]}
    solutions = [row for row in map(json.loads, lines[1]) if row["id"] in wanted]
    for what, rows in (("problems", problems), ("solutions", solutions)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"auto-{what}.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_the_same_seed_gives_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    from indexer.delta_training import Options, train_delta

    heard: list[tuple[int, int, float]] = []
    for name in ("one", "two"):
        options = Options(rank=RANK, batch=PROBLEMS)
        train_delta(sample, tmp_path / f"{name}.npz", options, lambda *told: heard.append(told))
    assert [(done, total) for done, total, _ in heard] == [(1, 1)] * 2
    assert all(np.isfinite(loss) and loss > 0 for _, _, loss in heard)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    # What was written is a delta that the graph and the export can take: every map of every layer has moved.
    weights, delta = Weights(), read_delta(tmp_path / "one.npz")
    assert delta.keys() == {f"l{layer}.{name}.w" for layer in range(weights.shape.layers) for name in LINEAR}
    for name, change in delta.items():
        assert change.shape == weights.matrix(name).shape
        assert 0 < np.linalg.norm(change) < np.linalg.norm(weights.matrix(name))
    with np.load(tmp_path / "one.npz") as arrays:
        notes = json.loads(str(arrays["notes"]))
    assert (notes["base"], notes["pairs"], notes["seed"]) == (weights.digest, PROBLEMS, 0)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """Unpacking the weights takes seconds; whoever trains begins with `_afresh`."""
    import torch

    from indexer.delta_training import Encoder

    torch.set_num_threads(1)
    return Encoder(Weights(), RANK)


def _afresh(model: Encoder) -> Encoder:
    import torch

    torch.manual_seed(0)
    for delta in model.deltas.values():
        torch.nn.init.normal_(delta.a, std=delta.a.shape[1] ** -0.5)
        torch.nn.init.zeros_(delta.b)
    return model


def test_training_lowers_the_loss(sample: Path, encoder: Encoder) -> None:
    from indexer.delta_training import Options, read_pairs, train

    pairs, general = read_pairs(sample)
    losses: list[float] = []
    options = Options(rank=RANK, batch=4, epochs=6, rate=5e-3)
    train(_afresh(encoder), pairs[:4], general[:1], options, lambda *told: losses.append(told[2]))
    assert losses[-1] < 0.6 * losses[0]


class _Judge:
    """Vectors by word lists: `knows` says for which texts the two sides of a pair come out alike."""

    space, dimension = "judge", 256

    def __init__(self, pairs: dict[str, str], knows: float) -> None:
        self._pairs, self._knows = pairs, knows

    def _vector(self, text: str) -> Vector:
        seed = np.frombuffer(text.encode()[:64].ljust(64), np.uint32)
        vector = np.random.default_rng(seed).standard_normal(self.dimension)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    def passages(self, texts: Sequence[str]) -> Vector:
        return np.stack([self._vector(text.partition("。")[0]) for text in texts])

    def queries(self, texts: Sequence[str]) -> Vector:
        known = [self._pairs[text] if number < self._knows * len(texts) else text for number, text in enumerate(texts)]
        return np.stack([self._vector(text) for text in known])


def _judges() -> dict[str, _Judge]:
    """Embedders of the demonstration set that know a part of the best answers."""
    problems = {row["id"]: row["text"] for row in map(json.loads, (DEMO / "problems.jsonl").read_text(encoding="utf-8").splitlines())}
    titles = {row["id"]: row["title"] for row in map(json.loads, (DEMO / "solutions.jsonl").read_text(encoding="utf-8").splitlines())}
    best: dict[str, tuple[int, str]] = {}
    for line in (DEMO / "relevance.tsv").read_text(encoding="utf-8").splitlines():
        problem, solution, grade = line.split("\t")
        best[problem] = max(best.get(problem, (0, "")), (int(grade), solution))
    pairs = {problems[name]: titles[solution] for name, (_, solution) in best.items()}
    return {name: _Judge(pairs, knows) for name, knows in (("none", 0.0), ("half", 0.5), ("all", 1.0))}


def test_the_gate_keeps_what_is_better_and_refuses_what_is_not(tmp_path: Path) -> None:
    judges = _judges()
    assert judge(judges["half"], judges["all"], DEMO).is_kept
    assert not judge(judges["half"], judges["half"], DEMO).is_kept
    assert not judge(judges["all"], judges["half"], DEMO).is_kept
    gate = judge(judges["none"], judges["all"], DEMO)
    assert gate.demonstration.queries == 120
    assert gate.demonstration.base < 0.2 < gate.demonstration.changed
    assert gate.demonstration.difference.mean == pytest.approx(gate.demonstration.changed - gate.demonstration.base)


def test_the_gate_refuses_what_is_worse_on_the_other_set(tmp_path: Path) -> None:
    judges = _judges()
    # A set on which only the old one is right: titles that are asked for by themselves.
    names = [f"d{number}" for number in range(40)]
    write = {
        "corpus": [{"_id": name, "title": f"成果{name}"} for name in names],
        "queries": [{"_id": f"q{name}", "title": f"成果{name}"} for name in names],
    }
    for name, rows in write.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "".join(f"q{name}\t{name}\t1\n" for name in names), encoding="utf-8"
    )
    knowing = judges["all"]
    forgetful = _Judge(knowing._pairs | {f"成果{name}": f"别的{name}" for name in names}, 1.0)
    assert judge(judges["none"], forgetful, DEMO).is_kept
    gate = judge(judges["none"], forgetful, DEMO, tmp_path)
    assert gate.demands is not None
    assert gate.demands.base == 1.0
    assert gate.demands.difference.is_worse
    assert not gate.is_kept


def test_a_hard_negative_is_held_against_its_own_question_alone(sample: Path, encoder: Encoder) -> None:
    import torch

    from indexer.delta_training import Options, read_pairs, step, train

    # Their beginnings are enough, and cost a tenth.
    pairs = [pair._replace(asked=pair.asked[:12], answers=tuple(text[:12] for text in pair.answers)) for pair in read_pairs(sample)[0]]
    # What another problem is solved by, held against the first.
    other = next(pair for pair in pairs if not set(pair.answers) & set(pairs[0].answers))
    hard = pairs[0]._replace(answers=pairs[0].answers[:1], negatives=other.answers[:1])
    model = _afresh(encoder)

    def lead() -> float:
        """How much nearer the answer lies than the hard negative."""
        vectors = model(model.tokens([f"query: {hard.asked}", f"passage: {hard.answers[0]}", f"passage: {hard.negatives[0]}"]))
        return float(vectors[0] @ vectors[1] - vectors[0] @ vectors[2])

    with torch.no_grad():
        before = lead()
        # One more to be told from makes its own question harder, and says nothing to another.
        losses = {}
        for weight in (1.0, 0.0):
            for name, first in (("hard", hard), ("plain", hard._replace(negatives=()))):
                part = [first._replace(weight=weight), pairs[0]._replace(asked=other.asked)]
                losses[name, weight] = float(step(model, part, np.random.default_rng(1), 0.04))
    assert losses["hard", 1.0] > losses["plain", 1.0]
    assert losses["hard", 0.0] == pytest.approx(losses["plain", 0.0], abs=1e-5)
    train(model, [hard, hard], [], Options(rank=RANK, batch=2, epochs=3, rate=5e-3))
    with torch.no_grad():
        assert lead() > before


def _small_set(folder: Path) -> Path:
    """Twelve problems of the demonstration set with what was judged of them."""
    small = folder / "small"
    small.mkdir()
    for name, count in (("problems", 12), ("solutions", 30)):
        lines = (DEMO / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (small / f"{name}.jsonl").write_text("".join(lines[:count]), encoding="utf-8")
    names = {json.loads(line)["id"] for line in (small / "problems.jsonl").read_text(encoding="utf-8").splitlines()}
    judged = [line for line in (DEMO / "relevance.tsv").read_text(encoding="utf-8").splitlines() if line.split("\t")[0] in names]
    names = {line.split("\t")[0] for line in judged}
    (small / "relevance.tsv").write_text("\n".join(judged), encoding="utf-8")
    return small


def test_the_command_learns_what_a_site_recorded_judges_on_what_came_later_and_says_what_became_of_it(
    sample: Path, demonstration: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few pairs teach little: whatever the gate says of it is what is done, and nothing else is left behind."""
    rules = LearningRules(least_lists=3, held_out=0.3, most_error=0.15, keep_new=0.8, half_life_days=365.0, most_lists=5000)
    with demonstration.reading() as session:
        whole = find_accepted(session, rules, lambda _kind, key: key, {})
    late = whole.late[:3]
    asked = {key for one in late for key in one.grades}
    places = [place for place, key in enumerate(whole.pool.ids) if key in asked or place < 4]
    pool = Pool(tuple(whole.pool.ids[place] for place in places), tuple(whole.pool.passages[place] for place in places))
    split = Split(tuple(replace(one, passed=("与此无关的方案",)) for one in whole.early[:4]), late, pool, whole.left_out)
    monkeypatch.setattr("marketplace.commands.train_embedder.accepted_of", lambda _runtime: (split, ""))
    monkeypatch.setattr("marketplace.commands.train_embedder.DEMONSTRATION", _small_set(tmp_path))
    monkeypatch.setenv("JIGAI_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    share_model(tmp_path / "data")
    out = tmp_path / "out"
    out.mkdir()
    result = CliRunner().invoke(main, ["train", "--embedder", "--symptoms", str(sample), "-o", str(out / "delta.npz"), "--json"])
    found = json.loads(result.stdout)
    recorded, demonstrated = found["sets"]["recorded"], found["sets"]["demonstration"]
    counts = found["learned_from"]["recorded"]
    assert (counts["problems"], counts["passed_over"], counts["held_out_problems"]) == (4, 4, 3)
    assert recorded["queries"] == 3
    for figures in (recorded, demonstrated):
        assert figures["low"] <= figures["difference"] <= figures["high"]
    assert found["kept"] is (recorded["low"] > 0 and demonstrated["high"] >= 0)
    assert result.exit_code == (0 if found["kept"] else 1), result.output
    assert sorted(path.name for path in out.iterdir()) == (["delta.card.md", "delta.npz"] if found["kept"] else [])


def test_without_recorded_matches_it_trains_judges_and_says_what_became_of_it(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six problems teach little: whatever the gate says of it is what is done, and nothing else is left behind."""
    small, out = _small_set(tmp_path), tmp_path / "out"
    monkeypatch.setattr("marketplace.commands.train_embedder.DEMONSTRATION", small)
    monkeypatch.setenv("JIGAI_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    share_model(tmp_path / "data")
    out.mkdir()
    arguments = ["train", "--embedder", "--no-recorded", "--symptoms", str(sample), "-o", str(out / "delta.npz"), "--json"]
    result = CliRunner().invoke(main, arguments)
    found = json.loads(result.stdout)
    assert result.exit_code == (0 if found["kept"] else 1), result.output
    figures = found["sets"]["demonstration"]
    judged = {line.split("\t")[0] for line in (small / "relevance.tsv").read_text(encoding="utf-8").splitlines()}
    assert figures["queries"] == len(judged)
    assert figures["low"] <= figures["difference"] <= figures["high"]
    assert found["kept"] is (figures["low"] > 0)
    assert found["learned_from"]["recorded"] is None
    assert sorted(path.name for path in out.iterdir()) == (["delta.card.md", "delta.npz"] if found["kept"] else [])


def test_a_site_without_matches_has_no_ranker_to_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIGAI_DATA_DIR", str(tmp_path))
    result = CliRunner().invoke(main, ["train"])
    assert result.exit_code == 2, result.output
    assert "记录的匹配太少" in result.stderr.strip().splitlines()[-1]
    assert result.stdout == ""


def test_what_cannot_be_learned_from_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIGAI_DATA_DIR", str(tmp_path))
    for arguments, sentence in (
        (["train", "--embedder", "--symptoms", str(tmp_path)], "没有可学的难题"),
        (["train", "--embedder", "-o", str(tmp_path / "no" / "delta.npz")], "没有文件夹"),
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2, result.output
        assert sentence in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
