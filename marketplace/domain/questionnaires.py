"""A diagnosis questionnaire (诊断问卷) as data, and what follows from its answers: points, and a grade with its reasons.

The questions, points and grades stand in questionnaire.toml and are those of 中小企业数字化水平评测指标（2024 年版）, 工信厅企业〔2024〕56 号: part A
has 100 points, part B 16 scenes of which each has reached one of four levels; ten scenes are binding (★). Whoever has not answered
has not answered: nothing that is missing counts as zero without being named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeGuard

from marketplace.domain.lifecycle import Refused, _

# The one answer of a question with several, that none of them holds.
NONE = "none"
TOP_LEVEL = 4
LARGEST = 10_000_000_000.0
LONGEST = 2_000


class Kind(StrEnum):
    """How a question is answered. SHARE has no answer of its own: it follows from two numbers."""

    MULTI = "multi"
    SINGLE = "single"
    SHARE = "share"
    NUMBER = "number"
    TEXT = "text"
    LEVEL = "level"
    PAIR = "pair"


SCORE, SCENES = "score", "scenes"


@dataclass(frozen=True, kw_only=True)
class Option:
    key: str
    name: str
    en: str
    points: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Band:
    """So many points for a share of at most `most` percent."""

    most: float
    points: float


@dataclass(frozen=True, kw_only=True)
class Question:
    """`points`: the most that it gives in part A. `part`, `whole`: the two numbers of a share. `levels`: what each level of a scene means."""

    key: str
    section: str
    kind: str
    name: str
    en: str
    points: float = 0.0
    options: tuple[Option, ...] = ()
    bands: tuple[Band, ...] = ()
    part: str = ""
    whole: str = ""
    unit: str = ""
    unit_en: str = ""
    note: str = ""
    note_en: str = ""
    most: float = LARGEST
    levels: tuple[str, ...] = ()
    levels_en: tuple[str, ...] = ()
    binding: bool = False
    orientation: str = ""
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Section:
    """One block on one screen. `part`: score (part A), scenes (part B) or neither; `sector`: asked of that sector only."""

    key: str
    name: str
    en: str
    why: str
    why_en: str
    part: str = ""
    sector: str = ""


@dataclass(frozen=True, kw_only=True)
class GradeRule:
    """A grade is reached with so many points of part A and so many scenes, binding ones among them, at its level or above."""

    level: int
    name: str
    en: str
    score: float
    scenes: int
    binding: int


@dataclass(frozen=True, kw_only=True)
class Questionnaire:
    key: str
    name: str
    en: str
    source: str
    grades: tuple[GradeRule, ...]
    sections: tuple[Section, ...]
    questions: tuple[Question, ...]

    def sections_for(self, sector: str) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.sector in ("", sector))

    def section(self, key: str, sector: str) -> Section | None:
        return next((section for section in self.sections_for(sector) if section.key == key), None)

    def of(self, section: str) -> tuple[Question, ...]:
        return tuple(question for question in self.questions if question.section == section)

    def question(self, key: str) -> Question | None:
        return next((question for question in self.questions if question.key == key), None)

    def grade_rule(self, level: int) -> GradeRule | None:
        return next((rule for rule in self.grades if rule.level == level), None)


Answers = Mapping[str, Any]


def faults(questionnaire: Questionnaire) -> Iterator[tuple[str, str]]:
    """Everything that makes a questionnaire unusable: where, and what (for whoever wrote the file)."""
    sections = {section.key: section for section in questionnaire.sections}
    questions: dict[str, Question] = {}
    for number, question in enumerate(questionnaire.questions, 1):
        at = f"questions[{number}]"
        if question.key in questions:
            yield f"{at}.key", f"{question.key!r} is there twice"
        questions[question.key] = question
        if question.section not in sections:
            yield f"{at}.section", f"{question.section!r} is not the key of a section"
        yield from _faults_of(question, at)
    for question in questions.values():
        for name in (question.part, question.whole) if question.kind == Kind.SHARE else ():
            if name not in questions or questions[name].kind != Kind.NUMBER:
                yield f"questions.{question.key}", f"{name!r} is not the key of a question for a number"
    if [rule.level for rule in questionnaire.grades] != list(range(1, len(questionnaire.grades) + 1)) or not questionnaire.grades:
        yield "grades", "must have the levels 1, 2, 3 and so on, in this order"
    scenes = [question for question in questions.values() if question.kind == Kind.LEVEL]
    if any(rule.scenes > len(scenes) or rule.binding > sum(scene.binding for scene in scenes) for rule in questionnaire.grades):
        yield "grades", "ask for more scenes than there are"
    total = sum(question.points for question in questions.values())
    if round(total, 6) != 100:
        yield "questions", f"the points of part A are {total:g} together, and must be 100"


def _faults_of(question: Question, at: str) -> Iterator[tuple[str, str]]:
    if question.kind not in set(Kind):
        yield f"{at}.kind", f"must be one of {', '.join(Kind)}"
    if question.kind in (Kind.MULTI, Kind.SINGLE):
        keys = [option.key for option in question.options]
        if len(keys) < 2 or len(set(keys)) != len(keys):
            yield f"{at}.options", "must be two or more, each with a key of its own"
        if question.kind == Kind.MULTI and NONE in keys:
            yield f"{at}.options", f"{NONE!r} is the answer that none of the options holds, and is there by itself"
        if question.kind == Kind.SINGLE and question.points != max((option.points for option in question.options), default=0.0):
            yield f"{at}.points", "must be the points of the best option"
    if question.kind == Kind.LEVEL and not len(question.levels) == len(question.levels_en) == TOP_LEVEL:
        yield f"{at}.levels", f"must say what each of the {TOP_LEVEL} levels means, in both languages"
    if question.kind == Kind.SHARE:
        mosts = [band.most for band in question.bands]
        if not mosts or mosts != sorted(set(mosts)) or mosts[-1] != 100:
            yield f"{at}.bands", "must be rising shares that end with 100"
    if question.points and question.kind not in (Kind.MULTI, Kind.SINGLE, Kind.SHARE):
        yield f"{at}.points", f"a question of the kind {question.kind} gives no points"


def check(questionnaire: Questionnaire, answers: Answers) -> Iterator[tuple[str, Refused]]:
    """Every (question, refusal) of what was answered; what was not answered is `missing`, not wrong."""
    for question in questionnaire.questions:
        value = answers.get(question.key)
        if value is None:
            continue
        refused = _refused(question, value)
        if refused is not None:
            yield question.key, refused
    for question in questionnaire.questions:
        if question.kind == Kind.SHARE:
            part, whole = answers.get(question.part), answers.get(question.whole)
            if _is_number(part) and _is_number(whole) and part > whole:
                values = {"part": f"{part:g}", "whole": f"{whole:g}"}
                yield question.part, Refused("part_above_whole", _("这里是 {part}，比总数 {whole} 还多，请核对。"), values)


def _refused(question: Question, value: Any) -> Refused | None:
    keys = {option.key for option in question.options}
    strange = Refused("unknown_answer", _("“{name}”没有这个选项，请重新选择。"), {"name": question.name})
    if question.kind == Kind.SINGLE:
        return None if isinstance(value, str) and value in keys else strange
    if question.kind == Kind.MULTI:
        if not isinstance(value, list) or not value or len(set(value)) != len(value) or not set(value) <= keys | {NONE}:
            return strange
        if NONE in value and len(value) > 1:
            return Refused("none_and_some", _("“{name}”选了“都没有”，就不能再选别的。"), {"name": question.name})
    if question.kind == Kind.LEVEL and not (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= TOP_LEVEL):
        return strange
    if question.kind == Kind.NUMBER:
        return _refused_number(question, value)
    if question.kind == Kind.PAIR:
        if not isinstance(value, Mapping) or not set(value) <= {"present", "target"}:
            return strange
        return next((refused for one in value.values() if one is not None and (refused := _refused_number(question, one))), None)
    if question.kind == Kind.TEXT and (not isinstance(value, str) or len(value) > LONGEST):
        values = {"name": question.name, "length": len(value) if isinstance(value, str) else 0, "most": LONGEST}
        return Refused("too_long", _("“{name}”有 {length} 个字，最多 {most:,} 个。"), values)
    return strange if question.kind == Kind.SHARE else None


def _refused_number(question: Question, value: Any) -> Refused | None:
    if not _is_number(value):
        return Refused("not_a_number", _("“{name}”要填数字，如 120 或 36.5。"), {"name": question.name})
    most = 100.0 if question.kind == Kind.PAIR and question.unit == "%" else question.most
    if not 0 <= value <= most:
        values = {"name": question.name, "most": f"{most:,.0f}", "value": f"{value:g}"}
        return Refused("out_of_range", _("“{name}”应在 0 和 {most} 之间，现在是 {value}。"), values)
    return None


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_answered(question: Question, answers: Answers) -> bool:
    """Whether a question has its answer; a share has, once both of its numbers are there and the whole is not zero."""
    if question.kind == Kind.SHARE:
        return share(question, answers) is not None
    value = answers.get(question.key)
    if question.kind == Kind.PAIR:
        return isinstance(value, Mapping) and any(one is not None for one in value.values())
    return value is not None and value != "" and value != []


def missing(questionnaire: Questionnaire, answers: Answers, sector: str) -> tuple[Question, ...]:
    """The questions that must be answered for this sector and are not, in the order of the questionnaire."""
    return tuple(
        question
        for section in questionnaire.sections_for(sector)
        for question in questionnaire.of(section.key)
        if question.required and not is_answered(question, answers)
    )


def share(question: Question, answers: Answers) -> float | None:
    """The percentage of a share, or None while a number is missing. Of nothing there is no share."""
    part, whole = answers.get(question.part), answers.get(question.whole)
    if not _is_number(part) or not _is_number(whole) or not whole:
        return None
    return min(100.0, 100.0 * float(part) / float(whole))


def points(question: Question, answers: Answers) -> float | None:
    """What an answer gives in part A; None while there is none.

    Several options give equal parts of the question's points; one option its own; a share the points of its band.
    """
    if not is_answered(question, answers):
        return None
    value = answers.get(question.key)
    if question.kind == Kind.MULTI:
        return question.points * len(set(value or ()) - {NONE}) / len(question.options)
    if question.kind == Kind.SINGLE:
        return next((option.points for option in question.options if option.key == value), 0.0)
    if question.kind == Kind.SHARE:
        percent = share(question, answers) or 0.0
        return next((band.points for band in question.bands if percent <= band.most), 0.0)
    return 0.0


@dataclass(frozen=True)
class Condition:
    """One condition of a grade, whether it is met, and the sentence that says so."""

    met: bool
    message: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Grading:
    """The grade that the answers reach so far (0: 未达级), and the conditions of the next one. `missing`: keys of part A and B without an
    answer; while there are any, the grade is the least that it can be."""

    level: int
    score: float
    scenes: tuple[int, ...]
    binding: tuple[int, ...]
    missing: tuple[str, ...]
    reached: tuple[Condition, ...]
    next: tuple[Condition, ...]


def graded(questionnaire: Questionnaire) -> tuple[Question, ...]:
    """The questions that the grade rests on."""
    return tuple(question for question in questionnaire.questions if question.points or question.kind == Kind.LEVEL)


def grade(questionnaire: Questionnaire, answers: Answers) -> Grading:
    """The highest grade of which all conditions are met (result rule of the 2024 edition; the 2022 one knew bands of points only)."""
    score = sum(points(question, answers) or 0.0 for question in questionnaire.questions if question.points)
    levels = {question: answers.get(question.key) for question in questionnaire.questions if question.kind == Kind.LEVEL}
    reached = {question: level for question, level in levels.items() if isinstance(level, int)}
    top = len(questionnaire.grades)
    scenes = tuple(sum(level >= wanted for level in reached.values()) for wanted in range(1, top + 1))
    binding = tuple(sum(level >= wanted and question.binding for question, level in reached.items()) for wanted in range(1, top + 1))
    found = 0
    for rule in questionnaire.grades:
        if all(condition.met for condition in _conditions(rule, score, scenes, binding)):
            found = rule.level
    own, above = questionnaire.grade_rule(found), questionnaire.grade_rule(found + 1)
    return Grading(
        level=found,
        score=round(score, 2),
        scenes=scenes,
        binding=binding,
        missing=tuple(question.key for question in graded(questionnaire) if not is_answered(question, answers)),
        reached=_conditions(own, score, scenes, binding) if own else (),
        next=_conditions(above, score, scenes, binding) if above else (),
    )


def _conditions(rule: GradeRule, score: float, scenes: Sequence[int], binding: Sequence[int]) -> tuple[Condition, ...]:
    """The three conditions of a grade, each with what is there and what is needed."""
    # Points are sums of halves and sevenths: what is 40 on paper is 40 here.
    score = round(score, 6)
    have, own = scenes[rule.level - 1], binding[rule.level - 1]
    enough = score >= rule.score
    values = {"grade": rule.name, "have": f"{score:.1f}", "need": f"{rule.score:g}", "gap": f"{max(0.0, rule.score - score):.1f}"}
    said = (
        _("第一部分 {have} 分，{grade}要求不低于 {need} 分。")
        if enough
        else _("第一部分 {have} 分，{grade}要求不低于 {need} 分，还差 {gap} 分。")
    )
    return (
        Condition(enough, said, values),
        _scene_condition(rule, have, rule.scenes, binding=False),
        _scene_condition(rule, own, rule.binding, binding=True),
    )


def _scene_condition(rule: GradeRule, have: int, need: int, *, binding: bool) -> Condition:
    met = have >= need
    values = {"grade": rule.name, "level": rule.level, "have": have, "need": need, "gap": max(0, need - have)}
    if binding:
        said = (
            _("★ 场景中 {have} 个达到 {level} 级，{grade}要求不少于 {need} 个。")
            if met
            else _("★ 场景中 {have} 个达到 {level} 级，{grade}要求不少于 {need} 个，还差 {gap} 个。")
        )
    else:
        said = (
            _("{have} 个场景达到 {level} 级，{grade}要求不少于 {need} 个。")
            if met
            else _("{have} 个场景达到 {level} 级，{grade}要求不少于 {need} 个，还差 {gap} 个。")
        )
    return Condition(met, said, values)


def axes(questionnaire: Questionnaire, answers: Answers) -> dict[str, float]:
    """Section → how far it has come, from 0 to 100: points of part A, or levels of its scenes. Only what is answered whole is there."""
    found: dict[str, float] = {}
    for section in questionnaire.sections:
        counted = [question for question in questionnaire.of(section.key) if question.points or question.kind == Kind.LEVEL]
        if not section.part or not counted or not all(is_answered(question, answers) for question in counted):
            continue
        if section.part == SCORE:
            found[section.key] = 100 * sum(points(one, answers) or 0.0 for one in counted) / sum(one.points for one in counted)
        else:
            found[section.key] = 100 * sum(answers[one.key] for one in counted) / (TOP_LEVEL * len(counted))
    return {key: round(value, 1) for key, value in found.items()}
