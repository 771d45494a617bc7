"""The questionnaire and its answers in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from marketplace.domain.outside_grades import MODELS, grade_name
from marketplace.domain.questionnaires import NONE, Condition, Grading, Kind, Question, share
from marketplace.records.diagnoses import OutsideGrade
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.wording import figure, sep


class Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def en(self) -> str: ...


def name_of(thing: Named) -> str:
    return thing.en if language() == "en" else thing.name


def note_of(question: Question) -> str:
    return question.note_en if language() == "en" else question.note


def unit_of(question: Question) -> str:
    return question.unit_en if language() == "en" else question.unit


def why_of(section: Any) -> str:
    return str(section.why_en if language() == "en" else section.why)


def level_words(question: Question) -> Sequence[tuple[int, str]]:
    """Each level of a scene with what it means, and what is below the first."""
    words = question.levels_en if language() == "en" else question.levels
    return [(0, say("还没有达到一级")), *enumerate(words, 1)]


def grade_word(level: int | None) -> str:
    if level is None:
        return say("未定级")
    rule = current_site().pilot.questionnaire.grade_rule(level)
    return name_of(rule) if rule else say("未达级")


def answer_text(question: Question, answers: Mapping[str, Any]) -> str:
    """An answer in one line; "" where there is none."""
    value = answers.get(question.key)
    if question.kind == Kind.SHARE:
        percent = share(question, answers)
        return "" if percent is None else f"{percent:.0f} %"
    if value is None:
        return ""
    if question.kind == Kind.MULTI and isinstance(value, list):
        return say("都没有") if NONE in value else sep("、").join(name_of(option) for option in question.options if option.key in value)
    if question.kind == Kind.SINGLE:
        return next((name_of(option) for option in question.options if option.key == value), str(value))
    if question.kind == Kind.LEVEL:
        word = dict(level_words(question)).get(value, str(value)) if isinstance(value, int) else str(value)
        return say("{level} 级", level=value) + sep("：") + word if value else word
    if question.kind == Kind.PAIR and isinstance(value, Mapping):
        named = (("present", say("现值")), ("target", say("目标")))
        shown = [f"{word} {_number(value[key], question)}" for key, word in named if value.get(key) is not None]
        return sep("，").join(shown)
    return _number(value, question) if question.kind == Kind.NUMBER else str(value)


def _number(value: Any, question: Question) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{figure(value) if value >= 1000 else f'{value:g}'} {unit_of(question)}".rstrip()


@dataclass(frozen=True)
class Said:
    """A condition as the page says it."""

    met: bool
    sentence: str


@dataclass(frozen=True)
class Explained:
    """A grade with its reasons. `next_word`: the grade above, "" at the top."""

    level: int | None
    word: str
    score: float | None
    reached: Sequence[Said]
    next_word: str
    next: Sequence[Said]


def explained(grading: Grading) -> Explained:
    return _explained(grading.level, grading.score, grading.reached, grading.next)


def explained_stored(grading: Mapping[str, Any]) -> Explained:
    """As it was when the diagnosis was drafted."""
    rows = [[Condition(bool(one["met"]), one["message"], one["values"]) for one in grading.get(name, ())] for name in ("reached", "next")]
    return _explained(int(grading["level"]), float(grading["score"]), *rows)


def _explained(level: int, score: float, reached: Sequence[Condition], above: Sequence[Condition]) -> Explained:
    own, higher = grade_word(level), grade_word(level + 1) if above else ""
    return Explained(level, own, score, [_said(one, own) for one in reached], higher, [_said(one, higher) for one in above])


def _said(condition: Condition, grade: str) -> Said:
    return Said(condition.met, say(condition.message, **(dict(condition.values) | {"grade": grade})))


def model_word(model: str) -> str:
    return say(MODELS[model][0]) if model in MODELS else model


def outside_word(grade: OutsideGrade) -> str:
    name = grade_name(grade.model, grade.place)
    return say(name) if name and not name.isascii() else name
