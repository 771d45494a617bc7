"""The reasons of a match in words, in the language of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from markupsafe import Markup, escape

from marketplace.domain.matches import Match, Part, Reason
from marketplace.domain.money import fen_from_wan
from marketplace.guard import current_viewer
from marketplace.sentences import told_value
from marketplace.web.addresses import address_of
from marketplace.web.language import language, say
from marketplace.web.marking import spans
from marketplace.web.wording import money, money_range

QUOTATION = (("“", "”"), ('"', '"'))
AMOUNT = re.compile(r"([\d,.]+)(?:–([\d,.]+))? 万元")
# An amount in an English sentence, which counts in 万元 as the Chinese one does.
TEN_THOUSANDS = re.compile(r"\{(\w+)\} × CNY 10,000")


@dataclass(frozen=True)
class ReasonPart:
    """One of the four parts: its word, its tone, its reasons."""

    word: str
    tone: str
    reasons: tuple[Reason, ...]


def parts(match: Match, *, asked: bool = True) -> list[ReasonPart]:
    """The parts of an explanation in their fixed order; a part without content is left out.

    `asked`: False where the page itself says, once for all matches, what is to be asked and what was guessed.
    """
    words = (
        (Part.FITS, say("符合"), "good"),
        (Part.ASSUMED, say("推断"), "brand"),
        (Part.MISSING, say("缺少"), "wait"),
        (Part.ASK, say("待问"), "show"),
    )
    found = [ReasonPart(word, tone, _without_guesses(shown(match, part), asked)) for part, word, tone in words if asked or part != Part.ASK]
    return [part for part in found if part.reasons]


def _without_guesses(reasons: tuple[Reason, ...], kept: bool) -> tuple[Reason, ...]:
    return tuple(reason for reason in reasons if kept or not reason.code.startswith("guessed_"))


def shown(match: Match, part: Part) -> tuple[Reason, ...]:
    """The reasons of one part that this viewer may read: a warning is for staff until the decision is published."""
    return tuple(reason for reason in match.told(current_viewer()) if reason.part == part)


def sentence(reason: Reason) -> Markup:
    """A reason's sentence with its quotes marked. In English, the pilot's own words inside it are English as well."""
    message: str = gettext(reason.message)
    values: dict[str, Any] = {name: _value(value) for name, value in reason.values.items()}
    for name in TEN_THOUSANDS.findall(message):
        values[name] = money(fen_from_wan(str(values[name]).replace(",", "")))
    message = TEN_THOUSANDS.sub(r"{\1}", message)
    for name, quote in (("ours", reason.ours), ("theirs", reason.theirs)):
        if quote is None or f"{{{name}}}" not in message:
            continue
        # The quotation marks of the sentence become those of the element.
        for left, right in QUOTATION:
            message = message.replace(f"{left}{{{name}}}{right}", f"{{{name}}}")
        values[name] = Markup("<q>{}</q>").format(spans(quote.text, quote.marks))
    return Markup("{}").format(Markup(escape(message)).format(**values)) if values else escape(message)


def _value(value: Any) -> Any:
    """A value of a sentence; in English, words of the pilot and ranges of money are written the English way."""
    if language() == "zh" or not isinstance(value, str):
        return value
    amount = AMOUNT.fullmatch(value)
    if amount:
        low, high = (fen_from_wan(wan.replace(",", "")) if wan else None for wan in amount.groups())
        return money_range(low, high)
    return told_value(value)


def rests_on(reason: Reason) -> str:
    """The address of what a reason rests on, "" where it rests on nothing that has a page."""
    return address_of(*reason.refers) if reason.refers else ""


def shares(match: Match) -> list[tuple[str, float]]:
    """What each ground of the ranking gave to a score, largest first; grounds that gave nothing are left out.

    What the pool has decided about a provider is told to staff only, like the reason itself.
    """
    given = {name.removeprefix("share_"): value for name, value in match.features.items() if name.startswith("share_")}
    if not current_viewer().is_staff:
        given.pop("standing", None)
    rows = [(family_word(name), value) for name, value in given.items() if abs(value) >= 0.005]
    return sorted(rows, key=lambda row: -row[1])


def family_word(family: str) -> str:
    """The word of a family of features."""
    words = {
        "text": say("您的话与方案的话相符"),
        "known_problems": say("与同类问题的常见做法相符"),
        "fit": say("行业、环节、方向"),
        "price": say("报价与工期"),
        "local": say("本地服务"),
        "record": say("业绩与评价"),
        "standing": say("资源池管理"),
        "past": say("相似问题的对接结果"),
        "preference": say("企业的侧重"),
    }
    return words.get(family, family)


def source(name: str) -> str:
    """Where a quote comes from, in the language of the page."""
    return say(name)
