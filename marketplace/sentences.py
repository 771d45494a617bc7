"""What is filled into a sentence, in the language of the request.

Sentences are kept with the values that they name (a task, a notice, a refusal), and the values in Chinese. In an English sentence
the platform's own words, days and lists among them are English as well; what people wrote stays as they wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from flask import g, has_request_context
from flask_babel import get_locale, gettext

from marketplace.domain.lifecycle import _
from marketplace.domain.rule_sentences import SENTENCES
from marketplace.site import current_site

KINDS = ("sector", "stage", "orientation", "form", "area", "provider_kind", "level", "role")
# The names that the domain gives to the periods of an evaluation.
_HALVES = {"上": _("{year} 年上半年"), "下": _("{year} 年下半年")}
_HALF = re.compile(r"(\d{4}) 年([上下])半年")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAYS = re.compile(rf"({_DAY.pattern}) 至 ({_DAY.pattern})")
_MARKS = str.maketrans({"（": " (", "）": ")", "，": ", ", "；": "; ", "：": ": "})
_ONE = re.compile(
    r"(?<![\d.,–-])1 ((?:working |finished )?(?:day|week|year|month|minute|item|provider|project|solution|case|file|expert|time|problem))s\b"
)
# What a value of a rule's sentence looks like; others may be anything.
_NAMED = {"number": r"[A-Z]{2}-[0-9-]+"}
_HANZI = re.compile(r"[\u4e00-\u9fff]")


def is_english() -> bool:
    return has_request_context() and str(get_locale()) == "en"


def filled(sentence: str, values: Mapping[str, Any]) -> str:
    """A sentence with its values, as the language of the request writes them; in English, one of a thing is no plural."""
    if not values:
        return sentence
    if not is_english():
        return sentence.format(**values)
    return _ONE.sub(r"1 \1", sentence.format(**{name: told_value(value) for name, value in values.items()}))


def told_value(value: Any) -> Any:
    """A word, a day, a period or a list of words of the platform in English; anything else as it stands."""
    if not isinstance(value, str) or not value or not is_english():
        return value
    if _DAY.fullmatch(value):
        return english_day(date.fromisoformat(value))
    days = _DAYS.fullmatch(value)
    if days:
        first, last = (english_day(date.fromisoformat(text)) for text in days.groups())
        return gettext(_("{first} 至 {last}")).format(first=first, last=last)
    half = _HALF.fullmatch(value)
    if half:
        return gettext(_HALVES[half[2]]).format(year=half[1])
    if value.isascii():
        return value
    words = [_word(part) for part in value.split("、")]
    return value if None in words else ", ".join(word for word in words if word)


def retold(text: str) -> str:
    """A sentence that a rule wrote into the record, in English; what people wrote stays."""
    if not is_english():
        return text
    for form, pattern in _forms():
        found = pattern.fullmatch(text)
        if found:
            return filled(gettext(form), {name: retold(value) for name, value in found.groupdict().items()})
    return text


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Every form of the rules, and how it is read."""
    parts = ((form, re.split(r"\{(\w+)\}", form)) for form in SENTENCES)
    read = (
        (form, "".join(f"(?P<{part}>{_NAMED.get(part, '.+')})" if place % 2 else re.escape(part) for place, part in enumerate(pieces)))
        for form, pieces in parts
    )
    return tuple((form, re.compile(pattern, re.DOTALL)) for form, pattern in read)


def english_day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def _word(text: str) -> str | None:
    """One part of a list in English; None where a person wrote it."""
    found = english_words().get(text) or (gettext(text) if text else "")
    if found != text:
        return found
    return None if _HANZI.search(text) else text.translate(_MARKS)


def english_words() -> dict[str, str]:
    """Chinese words of the pilot → English ones, put together once a request."""
    if "english_words" not in g:
        pilot = current_site().pilot
        terms = [term for kind in KINDS for term in pilot.terms(kind)]
        g.english_words = {one.name: one.en for one in pilot.review.criteria}
        g.english_words |= {one.name: one.en for one in (*pilot.review.checklist, *pilot.review.form_checks)}
        g.english_words |= {one.name: one.en for one in pilot.project_review.criteria}
        g.english_words |= {one.name: one.en for one in pilot.project_review.checklist}
        g.english_words |= {one.name: one.en for one in pilot.application.documents}
        g.english_words |= {one.name: one.en for one in pilot.project.documents}
        g.english_words |= {one.name: one.en for one in pilot.project.classes}
        g.english_words |= {one.name: one.en for one in pilot.project.fund.sources}
        g.english_words |= {word: term.en for term in terms for word in (term.name, term.short) if word}
    words: dict[str, str] = g.english_words
    return words
