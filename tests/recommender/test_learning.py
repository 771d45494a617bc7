"""What the ranker learns: from planted preferences it does and is promoted, from shuffled ones it is not; what it says is what it did."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import delete, select

from bench.simulated_decisions import LOOKS, Learned, learn
from marketplace.actions.match_events import note_match
from marketplace.actions.rankers import keep_ranker, promote_ranker, roll_back_ranker, use_hand_weights
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.rankers import HAND, LearningRules, Measured, RankerMissingError, objections
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry
from marketplace.records.match_events import MatchEvent, MatchEventKind
from marketplace.records.matches import Decision, Outcome
from marketplace.records.problems import Problem
from marketplace.records.rankers import find_in_use
from marketplace.records.solutions import Solution
from marketplace.site import Site
from recommender.ask import Ask
from recommender.calibration import calibrate, reliability
from recommender.learned import FAMILIES, NAMES, LearnedWeights, read_ranker, write_ranker
from recommender.position_bias import LEAST_SHOWN, examined, prior
from recommender.recorded import RecordedList, find_recorded
from recommender.training import TooLittleError, score, train
from recommender.training_rows import make_rows
from recommender.weights import HandWeights
from tests.conftest import NOW
from tests.demo_site import own_copy
from tests.opened import site_of

RULES = LearningRules(least_lists=20, held_out=0.3, most_error=0.15, keep_new=0.8, half_life_days=365.0, most_lists=5000)
GOOD = Measured(lists=40, difference=0.05, low=0.01, high=0.09, error=0.05, error_was=0.05, new=0.2, new_was=0.2)
QUESTION = Ask(key="q", text="料架发出去收不回来，旺季只好拿纸箱装件，客户拒收。", sector="auto")


# ---------------------------------------------------------------- the gate


def test_gate_promotes_only_what_is_better_beyond_noise_and_keeps_the_bounds() -> None:
    assert objections(GOOD, RULES) == []
    for change, word in (
        ({"low": 0.0}, "偶然"),
        ({"lists": 19}, "19"),
        ({"error": 0.16}, "校准"),
        ({"new": 0.15}, "新服务商"),
    ):
        (said,) = objections(dataclasses.replace(GOOD, **change), RULES)
        assert word in said
    # No worse than what is in use is good enough for probabilities.
    assert objections(dataclasses.replace(GOOD, error=0.2, error_was=0.2), RULES) == []


def _kept(database: Database, version: str, *said: str) -> None:
    with database.writing() as session:
        keep_ranker(session, version, rows=1, metrics={}, card="", sha256="0" * 64, objections=said, actor="test", at=NOW)


def test_a_ranker_is_promoted_replaced_and_rolled_back_with_one_entry_of_history_each(database: Database) -> None:
    for version in ("one", "two"):
        _kept(database, version)
    _kept(database, "bad", "只是偶然")
    for version in ("one", "two"):
        with database.writing() as session:
            promote_ranker(session, version, actor="test", at=NOW)
    with database.reading() as session:
        assert find_in_use(session) == ("two", "0" * 64)
    with pytest.raises(RefusedError, match="没有通过比较"), database.writing() as session:
        promote_ranker(session, "bad", actor="test", at=NOW)
    with database.writing() as session:
        assert roll_back_ranker(session, actor="test", at=NOW) == ("two", "one")
    with database.writing() as session:
        assert roll_back_ranker(session, actor="test", at=NOW) == ("one", HAND)
    with pytest.raises(RefusedError, match="没有可退回"), database.writing() as session:
        roll_back_ranker(session, actor="test", at=NOW)
    with database.reading() as session:
        assert find_in_use(session) is None
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "ranker").order_by(HistoryEntry.id)).all()
    assert verbs == ["train", "train", "train", "promote", "take_out", "promote", "roll_back", "promote", "roll_back"]


def test_the_hand_weights_can_be_taken_up_again(database: Database) -> None:
    _kept(database, "one")
    with database.writing() as session:
        promote_ranker(session, "one", actor="test", at=NOW)
    with database.writing() as session:
        use_hand_weights(session, actor="test", at=NOW)
    with database.reading() as session:
        assert find_in_use(session) is None


# ---------------------------------------------------------------- what was recorded


def _event(database: Database, kind: MatchEventKind, problem: int, solution: int, hours: int = 0, **values: object) -> None:
    with database.writing() as session:
        provider = session.get_one(Solution, solution).provider_id
        note_match(session, kind, problem_id=problem, solution_id=solution, provider_id=provider, at=NOW + timedelta(hours=hours), **values)  # type: ignore[arg-type]


def test_the_last_thing_that_happened_to_a_match_is_its_grade(demonstration: Database) -> None:
    with demonstration.writing() as session:
        session.execute(delete(Outcome))
        problem = session.scalars(select(Problem.id).order_by(Problem.id)).first()
        solutions = session.scalars(select(Solution.id).order_by(Solution.id).limit(7)).all()
    assert problem is not None
    for place, solution in enumerate(solutions, 1):
        _event(demonstration, MatchEventKind.SHOWN, problem, solution, position=place)
    stories: dict[int, list[tuple[str, dict[str, object]]]] = {
        solutions[1]: [("opened", {})],
        solutions[2]: [("sent", {}), ("declined", {"side": "enterprise"}), ("opened", {})],
        solutions[3]: [("sent", {}), ("accepted", {"side": "provider"}), ("not_chosen", {})],
        solutions[4]: [("sent", {}), ("accepted", {}), ("awarded", {})],
        solutions[5]: [("accepted", {}), ("awarded", {}), ("finished", {"value": 0.9})],
        solutions[6]: [("accepted", {}), ("awarded", {}), ("finished", {"value": 0.1})],
    }
    for solution, steps in stories.items():
        for hour, (kind, values) in enumerate(steps, 1):
            _event(demonstration, MatchEventKind(kind), problem, solution, hour, **values)
    with demonstration.reading() as session:
        (one,) = find_recorded(session, most=10)
    assert one.is_shown
    assert [one.rows[solution].grade for solution in solutions] == [0, 1, 0, 2, 3, 4, 1]
    assert [one.rows[solution].position for solution in solutions] == [1, 2, 3, 4, 5, 6, 7]
    assert [one.rows[solution].decided for solution in solutions] == [False, False, True, True, True, True, True]


def test_history_without_positions_is_read_from_the_past_matches(demonstration: Database) -> None:
    with demonstration.reading() as session:
        lists = find_recorded(session, most=1000)
        few = find_recorded(session, most=5)
    rows = [row for one in lists for row in one.rows.values()]
    assert len(rows) == 140
    assert not any(one.is_shown for one in lists)
    assert all(row.decided for row in rows)
    assert {row.grade for row in rows} >= {0, 1, 3, 4}
    assert [one.at for one in lists] == sorted(one.at for one in lists)
    assert [one.problem_id for one in few] == [one.problem_id for one in lists[-5:]]


def test_how_far_down_people_look_is_estimated_from_what_was_opened() -> None:
    chance = np.random.default_rng(0)
    positions = np.tile(np.arange(1, 21), 2000)
    scores = np.clip(1 - positions * 0.02 + chance.normal(0, 0.2, len(positions)), 0, 1)
    opened = (chance.random(len(positions)) < LOOKS[positions - 1]) & (chance.random(len(positions)) < scores * 0.6)
    found = examined(positions, opened, scores)
    assert found.estimated
    assert np.abs(found.by_place - LOOKS).max() < 0.12
    # What stood tenth and was found counts for more than what stood first; what never stood in a list counts once.
    assert found.weights(np.array([1, 10, 0])).tolist() == pytest.approx([1.0, 1 / found.by_place[9], 1.0])
    few = LEAST_SHOWN - 1
    assert examined(positions[:few], opened[:few], scores[:few]).by_place.tolist() == prior().by_place.tolist()


def test_calibration_is_measured_in_ten_steps() -> None:
    chance = np.random.default_rng(0)
    scores = chance.random(4000)
    accepted = chance.random(4000) < 1 / (1 + np.exp(-(6 * scores - 3)))
    curve = calibrate(scores, accepted)
    assert curve == pytest.approx((6, -3), abs=0.5)
    assert reliability(scores, accepted, curve).error < 0.03
    # Sure of what happens half of the time.
    assert reliability(scores, accepted, (0.0, 4.0)).error > 0.4


# ---------------------------------------------------------------- features as of then


def test_what_happened_later_is_not_known_in_training(own_demo: Site) -> None:
    with own_demo.database.reading() as session:
        first = session.scalars(select(Outcome).order_by(Outcome.proposed, Outcome.id)).first()
        last = session.scalars(select(Outcome).where(Outcome.decision == Decision.ACCEPTED).order_by(Outcome.proposed.desc())).first()
        assert first is not None
        assert last is not None
        problem, solution = last.problem_id, last.solution_id
        before, after = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first.proposed, last.proposed + timedelta(days=30)))
    values = {}
    for name, at in (("before", before), ("after", after)):
        one = RecordedList(problem, at)
        one.row(solution).decided = True
        rows = make_rows(own_demo.database, own_demo.recommender.by_hand(), [one], None)
        values[name] = rows.of(rows.solutions == solution)
    column = {name: NAMES.index(name) for name in ("record", "past", "quick")}
    assert values["before"].features[0, column["record"]] == 0
    assert (
        not make_rows(own_demo.database, own_demo.recommender.by_hand(), [RecordedList(problem, before)], None)
        .features[:, column["past"]]
        .any()
    )
    assert values["before"].features[0, column["quick"]] == values["after"].features[0, column["quick"]]
    # The provider has finished projects by then.
    assert values["after"].features[0, column["record"]] != 0


def test_nothing_recorded_is_nothing_to_learn(own_demo: Site) -> None:
    rows = make_rows(own_demo.database, own_demo.recommender.by_hand(), [], None)
    with pytest.raises(TooLittleError, match="记录的匹配太少"):
        train(rows, HandWeights(), RULES)


# ---------------------------------------------------------------- what it says is what it did

WEIGHTS = LearnedWeights(
    "test-1",
    {"text": -0.1, "fit": 0.2, "local": 0.3, "quick": 0.2, "past": 0.05},
    {"text": 0.4, "fit": 0.2, "local": 0.5, "quick": 0.4, "past": 0.0},
)


def _in_use(site: Site, weights: LearnedWeights) -> None:
    sha256 = write_ranker(site.settings.data_dir / "models" / "rankers", weights)
    with site.database.writing() as session:
        keep_ranker(session, weights.version, rows=1, metrics={}, card="", sha256=sha256, objections=(), actor="test", at=NOW)
        promote_ranker(session, weights.version, actor="test", at=NOW)


def test_a_promoted_ranker_orders_the_next_question_and_its_shares_sum_to_its_score(own_demo: Site) -> None:
    before = own_demo.recommender.recommend(QUESTION, limit=10)
    assert before.model == HAND
    _in_use(own_demo, WEIGHTS)
    found = own_demo.recommender.recommend(QUESTION, limit=10)
    assert found.model == own_demo.recommender.model == "test-1"
    assert [one.solution_id for one in found.matches] != [one.solution_id for one in before.matches]
    moved = 0
    for match in found.matches:
        shares = {name: value for name, value in match.features.items() if name.startswith("share_")}
        assert min(1.0, max(0.0, sum(shares.values()))) == pytest.approx(match.score, abs=1e-4)
        moved += any(reason.code.startswith("learned_") for reason in match.reasons)
    assert moved
    # Whoever switched it off sees the hand weights, without past matches.
    plain = own_demo.recommender.recommend(dataclasses.replace(QUESTION, by_outcomes=False), limit=10)
    assert plain.model == HAND
    assert all(match.features["past"] == 0 for match in plain.matches)
    assert not any(reason.code.startswith(("learned_", "similar_")) for match in plain.matches for reason in match.reasons)
    # And by one step everything is as it was.
    with own_demo.database.writing() as session:
        roll_back_ranker(session, actor="test", at=NOW)
    assert [one.solution_id for one in own_demo.recommender.recommend(QUESTION, limit=10).matches] == [
        one.solution_id for one in before.matches
    ]


def test_a_ranker_that_cannot_be_read_ranks_nothing_and_says_how_to_go_on(own_demo: Site) -> None:
    weights = dataclasses.replace(WEIGHTS, version="test-2")
    _in_use(own_demo, weights)
    folder = own_demo.settings.data_dir / "models" / "rankers"
    file = folder / "test-2" / "ranker.json"
    with own_demo.database.reading() as session:
        in_use = find_in_use(session)
    assert in_use is not None
    assert read_ranker(folder, *in_use).moved == weights.moved
    file.write_bytes(file.read_bytes().replace(b"0.3", b"0.4"))
    with pytest.raises(RankerMissingError, match="校验值不符"):
        own_demo.recommender.recommend(QUESTION)
    file.unlink()
    with pytest.raises(RankerMissingError, match="jigai rankers roll-back"):
        own_demo.recommender.recommend(QUESTION)


# ---------------------------------------------------------------- the whole of it, on planted preferences


@pytest.fixture(scope="module")
def site(demo_folder: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    opened = site_of(own_copy(demo_folder, tmp_path_factory.mktemp("learning") / "own"))  # type: ignore[arg-type]
    yield opened
    opened.index.close()
    opened.database.close()


@pytest.fixture(scope="module")
def learned(site: Site) -> Learned:
    """5,000 decisions over the demonstration set, as `python -m bench.simulated_decisions` has."""
    return learn(site, decisions=5000, seed=0)


def test_planted_preferences_are_learned_and_the_ranker_is_promoted(learned: Learned) -> None:
    trained = learned.trained
    assert trained.objections == []
    assert trained.difference.low > 0
    assert learned.truth.mean >= 0.03
    assert learned.truth.low > 0.03
    moved = trained.weights.moved
    assert min(moved["local"], moved["quick"]) > 0.05
    assert trained.examined.estimated


def test_shuffled_labels_teach_nothing(learned: Learned) -> None:
    rows = learned.rows
    order = np.random.default_rng(0).permutation(len(rows.grade))
    mixed = dataclasses.replace(rows, grade=rows.grade[order], decided=rows.decided[order], opened=rows.opened[order])
    assert train(mixed, HandWeights(), RULES).objections


def test_the_table_scores_as_the_recommender_does(site: Site, learned: Learned) -> None:
    """The rows that a ranker is measured on are ranked as the pages rank: else it would be promoted for something else."""
    rows, weights = learned.rows, learned.trained.weights
    place = len(learned.problems) - 1
    with site.database.reading() as session:
        problem = session.get_one(Problem, learned.problems[place])
        ask = Ask(key="x", text=problem.text, sector=problem.enterprise.sector, stage=problem.stage, orientation=problem.orientation)
        ask = dataclasses.replace(
            ask, budget_low_fen=problem.budget_low_fen, budget_high_fen=problem.budget_high_fen, problem_id=problem.id
        )
    _in_use(site, weights)
    matches = {one.solution_id: one for one in site.recommender.recommend(ask, limit=20).matches}
    mine = rows.list_of == place
    compared = 0
    for solution, features, value in zip(rows.solutions[mine], rows.features[mine], score(rows, weights)[mine], strict=True):
        match = matches.get(int(solution))
        if match is None:
            continue
        compared += 1
        now = dict(zip(NAMES, features, strict=True))
        # What is known of the record today may be more than what was known then.
        then = {name: match.features[name] for name in NAMES if name not in (*FAMILIES, "record", "past")}
        assert {name: now[name] for name in then} == pytest.approx(then)
        apart = sum(
            (weights.moved.get(name, 0.0) + weights.base.business[name][0]) * (match.features[name] - now[name])
            for name in ("record", "past")
        )
        # Nor does the table hold what the pool has decided about the provider since.
        apart += weights.base.business["standing"][0] * match.features["standing"]
        # Who may not be proposed today was a candidate in training, and every text score is relative to the candidates.
        if 0 < match.score < 1:
            assert abs(value + apart - match.score) < 0.01
    assert compared >= 5


def test_events_are_written_once_for_each_step(site: Site, learned: Learned) -> None:
    with site.database.reading() as session:
        kinds = session.scalars(select(MatchEvent.kind)).all()
    assert len(kinds) == learned.world.events
    assert sum(kind in (MatchEventKind.ACCEPTED, MatchEventKind.DECLINED) for kind in kinds) == learned.world.decisions
