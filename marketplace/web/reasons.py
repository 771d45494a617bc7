"""The reasons of a match in words, in the language of the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from markupsafe import Markup, escape

from marketplace.domain.matches import Match, Part, Reason
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.marking import spans

QUOTATION = (("“", "”"), ('"', '"'))
KINDS = ("sector", "stage", "orientation", "form", "area", "provider_kind", "level")


@dataclass(frozen=True)
class ReasonPart:
    """One of the four parts: its word, its tone, its reasons."""

    word: str
    tone: str
    reasons: tuple[Reason, ...]


def parts(match: Match, *, asked: bool = True) -> list[ReasonPart]:
    """The parts of an explanation in their fixed order; a part without content is left out."""
    words = (
        (Part.FITS, say("符合"), "good"),
        (Part.ASSUMED, say("推断"), "brand"),
        (Part.MISSING, say("缺少"), "wait"),
        (Part.ASK, say("待问"), "show"),
    )
    found = [ReasonPart(word, tone, match.part(part)) for part, word, tone in words if asked or part != Part.ASK]
    return [part for part in found if part.reasons]


def sentence(reason: Reason) -> Markup:
    """A reason's sentence with its quotes marked. In English, the pilot's own words inside it are English as well."""
    message: str = gettext(reason.message)
    values: dict[str, Any] = {name: _value(value) for name, value in reason.values.items()}
    for name, quote in (("ours", reason.ours), ("theirs", reason.theirs)):
        if quote is None or f"{{{name}}}" not in message:
            continue
        # The quotation marks of the sentence become those of the element.
        for left, right in QUOTATION:
            message = message.replace(f"{left}{{{name}}}{right}", f"{{{name}}}")
        values[name] = Markup("<q>{}</q>").format(spans(quote.text, quote.marks))
    return Markup("{}").format(Markup(escape(message)).format(**values)) if values else escape(message)


def _value(value: Any) -> Any:
    if language() == "zh" or not isinstance(value, str):
        return value
    return _english().get(value, value)


def _english() -> dict[str, str]:
    """Chinese words of the pilot → English ones."""
    pilot = current_site().pilot
    words: dict[str, str] = {}
    for kind in KINDS:
        for term in pilot.terms(kind):
            words |= {word: term.en for word in (term.name, term.short) if word}
    return words


def shares(match: Match) -> list[tuple[str, float]]:
    """What each ground of the ranking gave to a score, largest first."""
    return []


def source(name: str) -> str:
    """Where a quote comes from, in the language of the page."""
    return say(name)


def sources(reasons: Iterable[Reason]) -> set[str]:
    """All sources that these reasons quote."""
    return {quote.source for reason in reasons for quote in (reason.ours, reason.theirs) if quote}
