"""The questionnaire: what its file must hold, what an answer is worth, and how the grade follows, with every bound looked at from both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain.questionnaires import (
    Kind,
    Question,
    axes,
    check,
    faults,
    grade,
    graded,
    is_answered,
    missing,
    points,
)
from marketplace.domain.questionnaires import _conditions as conditions_of
from marketplace.pilot_file import PilotError
from marketplace.questionnaire_file import PACKAGED, load_questionnaire

FORM = load_questionnaire()
SCENES = [question for question in FORM.questions if question.kind == Kind.LEVEL]
BINDING = [scene.key for scene in SCENES if scene.binding]
FREE = [scene.key for scene in SCENES if not scene.binding]


def best(question: Question) -> Any:
    if question.kind == Kind.MULTI:
        return [option.key for option in question.options]
    if question.kind == Kind.SINGLE:
        return max(question.options, key=lambda option: option.points).key
    return {Kind.NUMBER: 50, Kind.TEXT: "有", Kind.LEVEL: 4, Kind.PAIR: {"present": 1.0, "target": 2.0}}[Kind(question.kind)]


def full(**more: Any) -> dict[str, Any]:
    """Everything answered, as well as can be."""
    return {question.key: best(question) for question in FORM.questions if question.kind != Kind.SHARE} | more


def empty_scored() -> dict[str, Any]:
    """Everything of part A answered, for nothing."""
    worst = {
        question.key: min(question.options, key=lambda one: one.points).key for question in FORM.questions if question.kind == Kind.SINGLE
    }
    none = {question.key: ["none"] for question in FORM.questions if question.kind == Kind.MULTI}
    return worst | none | {"equipment": 100, "equipment_digital": 0, "equipment_networked": 0}


def scenes(level: int, *, binding: int, free: int) -> dict[str, int]:
    chosen = BINDING[:binding] + FREE[:free]
    return {scene.key: level if scene.key in chosen else 0 for scene in SCENES}


def of(key: str) -> Question:
    found = FORM.question(key)
    assert found is not None
    return found


def test_the_packaged_one_has_the_parts_of_the_2024_edition() -> None:
    assert list(faults(FORM)) == []
    assert (len(SCENES), len(BINDING)) == (16, 10)
    parts = {key: sum(question.points for question in FORM.of(key)) for key in ("foundation", "management", "results")}
    assert parts == {"foundation": 50, "management": 30, "results": 20}
    assert [(rule.score, rule.scenes, rule.binding) for rule in FORM.grades] == [(20, 6, 3), (40, 6, 3), (60, 8, 5), (80, 10, 6)]


def test_what_is_not_answered_is_missing_and_no_zero() -> None:
    assert points(of("network"), {}) is None
    assert points(of("network"), {"network": ["none"]}) == 0
    assert not is_answered(of("digital_rate"), {"equipment": 0, "equipment_digital": 0})
    assert set(grade(FORM, {}).missing) == {question.key for question in graded(FORM)}
    assert grade(FORM, full()).missing == ()


def test_a_sector_is_asked_its_own_block_only() -> None:
    asked = {sector: {question.key for question in missing(FORM, {}, sector)} for sector in ("chem", "auto", "elec", "other")}
    assert "control_rate" in asked["chem"] - asked["auto"]
    assert "iatf" in asked["auto"] - asked["elec"]
    assert "aoi" in asked["elec"] - asked["chem"]
    assert asked["other"] < asked["chem"]
    assert missing(FORM, full(), "chem") == ()


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 0), (10, 0), (11, 1.5), (20, 1.5), (21, 3), (40, 3), (41, 4.5), (60, 4.5), (61, 6), (100, 6)]
)
def test_a_share_gives_the_points_of_its_band(percent: int, expected: float) -> None:
    assert points(of("digital_rate"), {"equipment": 100, "equipment_digital": percent}) == expected


def test_options_give_equal_parts() -> None:
    assert points(of("cyber"), {"cyber": ["rules"]}) == 1.25
    assert points(of("collection"), {"collection": [option.key for option in of("collection").options]}) == pytest.approx(10)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_each_bound_of_each_grade_from_both_sides(level: int) -> None:
    rule = FORM.grades[level - 1]
    free = rule.scenes - rule.binding
    enough = full() | scenes(level, binding=rule.binding, free=free)
    assert grade(FORM, enough).level == level
    assert all(one.met for one in grade(FORM, enough).reached)
    fewer = full() | scenes(level, binding=rule.binding, free=free - 1)
    # One binding scene less, and a free one more in its place.
    unbound = full() | scenes(level, binding=rule.binding - 1, free=free + 1)
    for answers, place in ((fewer, 1), (unbound, 2)):
        found = grade(FORM, answers)
        assert found.level < level
        assert [one.met for one in conditions_of(rule, found.score, found.scenes, found.binding)] == [
            number != place for number in range(3)
        ]


def test_points_at_the_bound_itself() -> None:
    """20 points are enough for the first grade, 18.75 are not."""
    some = (
        empty_scored()
        | scenes(1, binding=3, free=3)
        | {"planning_steps": "visited", "funds": "top", "cyber": ["rules", "products", "assessment", "boundary"]}
    )
    assert grade(FORM, some).score == 20
    assert grade(FORM, some).level == 1
    below = grade(FORM, some | {"cyber": ["rules", "products", "assessment"]})
    assert (below.score, below.level) == (18.75, 0)
    (score, *rest) = below.next
    assert not score.met
    assert score.values["gap"] == "1.2"
    assert all(one.met for one in rest)


def test_the_sentences_take_their_values() -> None:
    for answers in ({}, full(), empty_scored()):
        found = grade(FORM, answers)
        for one in (*found.reached, *found.next):
            assert "{" not in one.message.format(**one.values)
    assert grade(FORM, full()).next == ()
    assert grade(FORM, full()).score == 100


@given(st.dictionaries(st.sampled_from([scene.key for scene in SCENES]), st.integers(0, 4)), st.integers(0, 4))
def test_a_better_answer_lowers_no_grade(levels: dict[str, int], better: int) -> None:
    answers = full() | {scene.key: 0 for scene in SCENES} | levels
    for key in levels:
        improved = answers | {key: max(answers[key], better)}
        assert grade(FORM, improved).level >= grade(FORM, answers).level


@pytest.mark.parametrize(
    ("answers", "question", "code"),
    [
        ({"network": "control"}, "network", "unknown_answer"),
        ({"network": ["nonsense"]}, "network", "unknown_answer"),
        ({"network": ["none", "control"]}, "network", "none_and_some"),
        ({"network": []}, "network", "unknown_answer"),
        ({"systems": "everything"}, "systems", "unknown_answer"),
        ({"product_design": 5}, "product_design", "unknown_answer"),
        ({"product_design": True}, "product_design", "unknown_answer"),
        ({"staff": "many"}, "staff", "not_a_number"),
        ({"staff": -1}, "staff", "out_of_range"),
        ({"control_rate": 101}, "control_rate", "out_of_range"),
        ({"nc_rate": {"present": 120}}, "nc_rate", "out_of_range"),
        ({"nc_rate": {"now": 1}}, "nc_rate", "unknown_answer"),
        ({"certificates": "x" * 2001}, "certificates", "too_long"),
        ({"equipment": 10, "equipment_digital": 11}, "equipment_digital", "part_above_whole"),
        ({"digital_rate": 50}, "digital_rate", "unknown_answer"),
    ],
)
def test_what_is_no_answer(answers: dict[str, Any], question: str, code: str) -> None:
    found = dict(check(FORM, answers))
    assert found[question].code == code
    assert "{" not in found[question].sentence()


def test_answers_that_are_right_are_not_complained_of() -> None:
    assert list(check(FORM, full())) == []


def test_how_far_each_section_has_come() -> None:
    found = axes(FORM, full())
    assert found == dict.fromkeys(("foundation", "management", "results", "lifecycle", "production", "supply", "decisions"), 100.0)
    # A section that is answered in part has no value, rather than a low one.
    assert "supply" not in axes(FORM, {key: value for key, value in full().items() if key != "purchasing"})
    assert axes(FORM, full(purchasing=1))["supply"] == 62.5


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('key = "network"', 'key = "equipment"', "is there twice"),
        ('section = "supply"', 'section = "elsewhere"', "is not the key of a section"),
        ("points = 8.0", "points = 9.0", "must be 100"),
        ('kind = "level"', 'kind = "stars"', "must be one of"),
        ('part = "equipment_digital"', 'part = "certificates"', "is not the key of a question for a number"),
        ("level = 2", "level = 5", "in this order"),
        ("scenes = 10", "scenes = 17", "more scenes than there are"),
        ("binding = true", "binding = 1", "must be of type bool"),
        ("{ most = 100.0, points = 6.0 }", "{ most = 90.0, points = 6.0 }", "rising shares"),
    ],
)
def test_a_fault_in_the_file_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    text = PACKAGED.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "questionnaire.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PilotError, match=sentence) as error:
        load_questionnaire(file)
    assert "\n" not in str(error.value)
