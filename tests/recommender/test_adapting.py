"""Learning of the embedding space from what was accepted: which pairs, what they do to the vectors, and the gate that keeps or refuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select

from indexer.adapter_file import read_adapter, version_of, write_adapter
from indexer.embedder_error import EmbedderError
from indexer.embedding import Adapter, EmbeddingStore
from indexer.query import Kind, SearchQuery, Vector
from marketplace.actions.match_events import note_match
from marketplace.cli import main
from marketplace.domain.rankers import LearningRules
from marketplace.records.database import Database
from marketplace.records.match_events import MatchEventKind
from marketplace.records.matches import Outcome
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.site import Site
from recommender.accepted_pairs import Accepted, Pool, Positive, Split, find_accepted
from recommender.adapting import NothingToAdaptError, adapt
from recommender.evaluation.delta_gate import judge
from recommender.known_problems import KnownProblems, read_symptoms
from tests.conftest import DEMO, NOW
from tests.opened import site_of

RULES = LearningRules(least_lists=2, held_out=0.5, most_error=0.15, keep_new=0.8, half_life_days=365.0, most_lists=5000)
REASONS = {"function": "功能不对路", "budget": "超预算"}


def word(_kind: str, key: str) -> str:
    return key


class Bigrams:
    """Texts with the same pairs of letters lie together, and that is all it knows."""

    space, dimension = "bigrams", 64

    @staticmethod
    @cache
    def _pair(pair: str) -> Vector:
        seed = int.from_bytes(hashlib.sha256(pair.encode()).digest()[:8], "little")
        return np.asarray(np.random.default_rng(seed).standard_normal(Bigrams.dimension), np.float32)

    def queries(self, texts: Sequence[str]) -> Vector:
        return self.passages(texts)

    def passages(self, texts: Sequence[str]) -> Vector:
        vectors = np.stack([np.sum([self._pair(one + other) for one, other in pairwise(f"^{text}$")], axis=0) for text in texts])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _event(database: Database, kind: str, problem: int, solution: int, hours: int = 0, **values: object) -> None:
    with database.writing() as session:
        provider = session.get_one(Solution, solution).provider_id
        at = NOW + timedelta(hours=hours)
        note_match(session, MatchEventKind(kind), problem_id=problem, solution_id=solution, provider_id=provider, at=at, **values)  # type: ignore[arg-type]


def test_which_pairs_are_learned_from_and_what_was_passed_over_for_them(demonstration: Database) -> None:
    with demonstration.writing() as session:
        session.execute(delete(Outcome))
        first, second = session.scalars(select(Problem).order_by(Problem.id).limit(2)).all()
        first.text = f"{first.enterprise.name}的{first.text}"
        problem, later, said = first.id, second.id, first.text
        solutions = list(session.scalars(select(Solution.id).order_by(Solution.id).limit(6)))
        rows = {row.id: row for row in session.scalars(select(Solution).where(Solution.id.in_(solutions)))}
        titles = {key: row.title for key, row in rows.items()}
        # Told by a sheet: one declined because it does not fit, one because of its price.
        for number, (solution, reason) in enumerate(((solutions[4], "功能不对路"), (solutions[5], "超预算"))):
            values = {
                "problem_id": problem,
                "solution_id": solution,
                "provider_id": rows[solution].provider_id,
                "proposed": date(2026, 1, 5),
            }
            session.add(Outcome(source="sheet", source_ref=str(number), decision="declined", decline_reason=reason, **values))
    for place, solution in enumerate(solutions[:4], 1):
        _event(demonstration, "shown", problem, solution, position=place)
    # The first was not even opened, the second opened, the third chosen, the fourth stood below.
    _event(demonstration, "opened", problem, solutions[1], 1)
    for hour, kind in enumerate(("sent", "accepted", "awarded"), 1):
        _event(demonstration, kind, problem, solutions[2], hour)
    _event(demonstration, "accepted", later, solutions[0], 50)
    with demonstration.reading() as session:
        split = find_accepted(session, RULES, word, REASONS)
    (one,), (held,) = split.early, split.late
    assert [(row.solution_id, row.weight) for row in one.positives] == [(solutions[2], 0.8)]
    assert all(titles[solutions[2]] in text for text in one.positives[0].passages)
    assert [titles[solutions[0]] in text for text in one.passed] == [True]
    assert [titles[solutions[4]] in text for text in one.declined] == [True]
    # The enterprise is not named in what is learned from, as in the index.
    assert one.said == said
    assert one.text.startswith("某企业的")
    assert (held.problem_id, set(held.grades)) == (later, {solutions[0]})
    assert set(solutions[:3]) <= set(split.pool.ids)
    counts = split.counts()
    assert counts == {
        "problems": 1, "pairs": 1, "accepted": 0, "awarded": 1, "finished_well": 0,
        "declined_as_unfit": 1, "passed_over": 1, "held_out_problems": 1, "left_out": 0,
    }  # fmt: skip


# ---------------------------------------------------------------- the correction of vectors


def _planted(count: int) -> Split:
    """Problems in one jargon, solutions in another: which belongs to which can only be learned."""
    chance = np.random.default_rng(0)
    themes = [(f"料架{n}发出去收不回来", f"循环器具{n}定位") for n in range(8)]
    rows, at = [], datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        theme = int(chance.integers(len(themes)))
        text = f"{'一二三四五六'[int(chance.integers(6))]}车间{themes[theme][0]}第{number}次"
        positive = Positive(theme + 1, (themes[theme][1],), 1.0)
        other = themes[(theme + 1) % len(themes)][1]
        rows.append(Accepted(number + 1, at + timedelta(days=number), text, text, (positive,), {theme + 1: 4}, (), (other,)))
    pool = Pool(tuple(range(1, len(themes) + 1)), tuple((words,) for _said, words in themes))
    cut = round(count * 0.7)
    return Split(tuple(rows[:cut]), tuple(rows[cut:]), pool, 0)


class _Both:
    def __init__(self, adapter: Adapter | None) -> None:
        store = EmbeddingStore(Bigrams(), adapter=adapter)
        self.queries, self.passages = store.queries, store.passages


@pytest.fixture
def unknowing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A knowledge base of a few statements: its 2,400 texts in a toy space say nothing and take time."""
    symptoms = read_symptoms()
    few = replace(
        symptoms, problems=symptoms.problems[:40], blurbs=symptoms.blurbs[:20], solved_by=tuple((row // 2,) for row in range(40)),
        scenarios=symptoms.scenarios[:40], sectors=symptoms.sectors[:40], weights=symptoms.weights[:40],
    )  # fmt: skip
    known = KnownProblems(few, Bigrams().queries(few.problems), Bigrams().passages(few.blurbs))
    monkeypatch.setattr("recommender.adapting.KnownProblems.open", lambda _store: known)


@pytest.mark.usefixtures("unknowing")
def test_what_belongs_together_is_learned_and_kept_and_what_was_mixed_up_is_not() -> None:
    split = _planted(160)
    plain = EmbeddingStore(Bigrams())
    found = adapt(plain, split)
    again = adapt(plain, split)
    assert found.epochs > 0
    assert found.adapter.version == again.adapter.version
    gate = judge(_Both(None), _Both(found.adapter), DEMO, accepted=split)
    assert gate.recorded is not None
    assert gate.recorded.difference.low > 0
    # The same with the answers mixed up: nothing holds later.
    mixed = np.random.default_rng(1).permutation(len(split.early))
    early = tuple(replace(one, positives=split.early[other].positives, passed=()) for one, other in zip(split.early, mixed, strict=True))
    wrong = replace(split, early=early)
    assert not judge(_Both(None), _Both(adapt(plain, wrong).adapter), DEMO, accepted=wrong).is_kept


@pytest.mark.usefixtures("unknowing")
def test_what_is_better_on_what_was_recorded_is_refused_where_the_judged_set_got_worse() -> None:
    split = _planted(60)
    good, bad = adapt(EmbeddingStore(Bigrams()), split).adapter, np.random.default_rng(0).standard_normal((2, 64)).astype(np.float32)
    gate = judge(_Both(None), _Both(good), DEMO, accepted=split)
    broken = judge(_Both(None), _Both(Adapter("x", bad.T * 4, bad)), DEMO, accepted=split)
    assert gate.recorded is not None
    swapped = replace(gate, demonstration=broken.demonstration)
    assert broken.demonstration.difference.is_worse
    assert not swapped.is_kept


def test_without_an_accepted_match_there_is_nothing_to_learn() -> None:
    with pytest.raises(NothingToAdaptError, match="还没有被接受的匹配"):
        adapt(EmbeddingStore(Bigrams()), Split((), (), Pool((), ()), 0))


def test_the_file_of_an_adapter_is_held_to_its_space(tmp_path: Path) -> None:
    down = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)
    adapter = Adapter(version_of(down, down.T), down, np.ascontiguousarray(down.T))
    write_adapter(tmp_path / "a.npz", adapter, "one", {"epochs": 3})
    assert read_adapter(tmp_path / "a.npz", "one").version == adapter.version
    with pytest.raises(EmbedderError, match="修正的是 one 的向量"):
        read_adapter(tmp_path / "a.npz", "other")
    (tmp_path / "b.npz").write_bytes(b"no")
    with pytest.raises(EmbedderError, match="不是向量修正文件"):
        read_adapter(tmp_path / "b.npz", "one")


# ---------------------------------------------------------------- on a site


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]) -> tuple[int, str, str]:
    monkeypatch.setenv("JIGAI_DATA_DIR", str(folder))
    result = CliRunner().invoke(main, ["train", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_measures_on_what_came_later_and_a_site_uses_what_it_kept(
    own_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "adapter.npz"
    code, out, err = _run(own_folder, monkeypatch, ["--adapter", "-o", str(output), "--json"])
    found = json.loads(out)
    assert err.strip().endswith("正在比较。")
    recorded, demonstration = found["sets"]["recorded"], found["sets"]["demonstration"]
    assert found["learned_from"]["recorded"]["pairs"] > 30
    # Problems of the judged set that were learned from judge nothing.
    assert 20 <= demonstration["queries"] < 120
    assert found["kept"] is (recorded["low"] > 0 and demonstration["high"] >= 0)
    assert code == (0 if found["kept"] else 1)
    assert output.exists() is found["kept"]
    # A site with a correction answers from an index that was rebuilt of stored vectors; the known problems are corrected with it.
    site: Site
    down = (np.random.default_rng(0).standard_normal((384, 4)) / 60).astype(np.float32)
    adapter = Adapter(version_of(down, down.T), down, np.ascontiguousarray(down.T))
    plain = site_of(own_folder)
    write_adapter(output, adapter, plain.embeddings.raw_space, {})
    plain.index.close()
    plain.database.close()
    site = site_of(own_folder, adapter=output)
    try:
        assert site.embeddings.space.endswith(f"+{adapter.version}")
        assert KnownProblems.packaged(site.embeddings) is not None
        assert site.index.search_many([SearchQuery(text="料架收不回来", kind=Kind.SOLUTION)])[0].total
    finally:
        site.index.close()
        site.database.close()


def test_a_site_with_little_to_learn_from_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _out, err = _run(tmp_path, monkeypatch, ["--adapter", "-o", str(tmp_path / "a.npz")])
    assert code == 2
    assert "没有站点的数据库" in err
    assert not (tmp_path / "jigai.db").exists()
