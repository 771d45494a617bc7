"""What a provider writes about its own solution, looked at before people read it.

Four kinds of text help nobody: the same words over and over, contact data (which belong where both sides have agreed to
talk), empty praise (绝对化用语 of 广告法 article 9), and a text too short to be understood. What is certain is refused,
what is only likely is a hint; each finding quotes the words that it is about.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from marketplace.domain.catalogue_rules import AbsoluteWord, CatalogueRules
from marketplace.domain.lifecycle import Refused, _


@dataclass(frozen=True)
class Finding:
    """What is wrong with one field. A hard one keeps the text from being handed in, the others are advice."""

    field: str
    refused: Refused
    hard: bool


# Fields and their texts, in the order of the form.
Texts = Mapping[str, Iterable[str]]

_CONTEXT = 6
_LONGEST_REPEATED, _SHORTEST_REPEATED = 8, 2
_CHINESE_DIGITS = str.maketrans("〇零一二三四五六七八九幺", "001234567891")
_SEPARATORS = re.compile(r"[、，,;；/|\s]+")
_SENTENCE_END = re.compile(r"[。；;！!？?]")
# English parts its words by spaces: some small words in a row are a sentence, not a string of names.
_ENGLISH = re.compile(r"\b[a-z]{2,}(?:\s+[a-z]{2,}){2}\b")
_PUNCTUATION = re.compile(r"[\W_]+")

_MOBILE = re.compile(r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d){8}(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)(?:0\d{2,3}[ -]\d{7,8}|\(0\d{2,3}\) ?\d{7,8}|[48]00[ -]?\d{3}[ -]?\d{4})(?!\d)")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_ADDRESS = re.compile(
    r"(?:https?://|www\.)[\w./%?=&#:-]+|\b[\w-]+(?:\.[\w-]+)*\.(?:com\.cn|com|cn|net|org|top|vip|xyz|shop)\b", re.ASCII | re.IGNORECASE
)
# A name to be added in a messenger: the messenger's word, then a colon, 号 or 群, or at once something with a figure in it.
_MESSENGER = r"(?:{words})(?:(?:号|群|号码|账号)?\s*[::]\s*|号\s*|群\s*|\s*)(?P<name>(?=[\w-]*\d)[a-z0-9][\w-]{{4,19}})"


def examine(texts: Texts, rules: CatalogueRules) -> tuple[Finding, ...]:
    """Everything that is to be said of these texts, field by field."""
    found: list[Finding] = []
    for field, parts in texts.items():
        written = [part for part in parts if part.strip()]
        for text in written:
            found += _contacts(field, text, rules)
            found += _praise(field, text, rules)
        found += _shape(field, written, rules)
    found += _repetition(texts, rules)
    return tuple(finding for place, finding in enumerate(found) if finding not in found[:place])


def _contacts(field: str, text: str, rules: CatalogueRules) -> Iterator[Finding]:
    """Telephone, mail, web address, messenger: written in full width or in Chinese figures as well."""
    plain = unicodedata.normalize("NFKC", text)
    numbers = plain.translate(_CHINESE_DIGITS)
    words = "|".join(re.escape(word) for word in rules.contact_words)
    messenger = re.compile(_MESSENGER.format(words=words), re.ASCII | re.IGNORECASE)
    message = _("“{quote}”像是{kind}。联系方式由双方同意对接后交换，请删去。")
    mails = [found[0] for found in _MAIL.finditer(plain)]
    for kind, quotes in (
        (_("电话"), [_original(plain, found) for pattern in (_MOBILE, _LANDLINE) for found in pattern.finditer(numbers)]),
        (_("电子邮箱"), mails),
        (_("网址"), [found[0] for found in _ADDRESS.finditer(plain) if not _is_harmless(found[0], mails, rules)]),
        (_("微信或 QQ 号"), [found[0] for found in messenger.finditer(plain)]),
    ):
        for quote in dict.fromkeys(quotes):
            yield Finding(field, Refused("contact_data", message, {"quote": quote, "kind": kind}), hard=True)


def _original(plain: str, found: re.Match[str]) -> str:
    """The words as they stand; figures were only read as figures, one for one."""
    return plain[found.start() : found.end()]


def _is_harmless(address: str, mails: list[str], rules: CatalogueRules) -> bool:
    """A name of software that looks like an address, or the end of a mail address that is told already."""
    return address.casefold() in {word.casefold() for word in rules.harmless_addresses} or any(address in mail for mail in mails)


def _praise(field: str, text: str, rules: CatalogueRules) -> Iterator[Finding]:
    """Absolute words are refused, other words that say nothing are pointed out."""
    told: list[str] = []
    for rule in rules.absolute:
        for quote in _uses(text, rule):
            told.append(quote)
            message = _("“{quote}”是绝对化用语（广告法第九条不允许）。请改成做到了什么，如“漏报率由 3 % 降到 0.5 %”。")
            yield Finding(field, Refused("absolute_word", message, {"quote": quote, "word": rule.word}), hard=True)
    for word in rules.praise:
        if word in text and not any(word in quote for quote in told):
            message = _("“{quote}”没有说明事实。请改成数字、对象或做法。")
            yield Finding(
                field, Refused("empty_praise", message, {"quote": _around(text, text.index(word), len(word)), "word": word}), hard=False
            )


def _uses(text: str, rule: AbsoluteWord) -> Iterator[str]:
    """Where a word is meant absolutely, with the words around it."""
    for found in re.finditer(re.escape(rule.word), text):
        start, end = found.span()
        if text.startswith(rule.unless, end):
            continue
        # Led: by a few characters in the same clause.
        lead = re.split(r"[，。；、,;]", text[max(0, start - _CONTEXT) : start])[-1]
        is_led = any(word in lead for word in rule.led_by) or text.startswith(rule.followed_by, end)
        if (rule.led_by or rule.followed_by) and not is_led:
            continue
        yield _around(text, start, len(rule.word))


def _around(text: str, start: int, length: int) -> str:
    return " ".join(text[max(0, start - _CONTEXT) : start + length + _CONTEXT].split())


def _shape(field: str, parts: list[str], rules: CatalogueRules) -> Iterator[Finding]:
    """Too short to be understood, or words without a sentence."""
    length = sum(len(_PUNCTUATION.sub("", part)) for part in parts)
    if field == "summary":
        values = {"length": length, "least": rules.summary_least, "advised": rules.summary_advised}
        if length < rules.summary_least:
            message = _("简介只有 {length} 个字，看不出做什么。至少写 {least} 个字：解决什么问题、怎样做、带来什么。")
            yield Finding(field, Refused("too_short", message, values), hard=True)
        elif length < rules.summary_advised:
            message = _("简介有 {length} 个字，建议写到 {advised} 个字以上，说清怎样做、带来什么。")
            yield Finding(field, Refused("rather_short", message, values), hard=False)
    if field == "title" and 0 < length < rules.title_least:
        message = _("标题只有 {length} 个字，请写明是什么、用在哪里。")
        yield Finding(field, Refused("too_short", message, {"length": length}), hard=True)
    if field == "cases" and any(0 < len(part.strip()) < rules.case_least for part in parts):
        yield Finding(field, Refused("rather_short", _("案例的实施过程太短，请写怎样做的、遇到什么、怎样解决。"), {}), hard=False)
    for text in parts if field in ("summary", "title", "cases") else ():
        items = [item for item in _SEPARATORS.split(text) if item]
        is_sentence = _SENTENCE_END.search(text[:-1]) or _ENGLISH.search(text)
        if len(items) >= rules.list_items and sum(map(len, items)) / len(items) <= rules.list_mean and not is_sentence:
            message = _("“{quote}…”是一串词，没有成句。请用句子写明做什么、怎样做。")
            yield Finding(field, Refused("word_list", message, {"quote": text.strip()[:20]}), hard=True)


def _repetition(texts: Texts, rules: CatalogueRules) -> Iterator[Finding]:
    """The same words over and over, in one field or over all of them together, to be found more often."""
    told: set[str] = set()
    joined = {field: "\n".join(parts) for field, parts in texts.items()}
    for field, text in (*joined.items(), ("summary", "\n".join(joined.values()))):
        share, word, count = most_repeated(text, rules.repeated_from)
        if share < rules.repeated_soft or word in told:
            continue
        told.add(word)
        values = {"quote": word, "count": count, "share": round(100 * share)}
        if share >= rules.repeated_hard:
            message = _("“{quote}”重复了 {count} 次，占全文 {share} %，是堆砌关键词。重复不会让方案更容易被找到，请删去。")
            yield Finding(field, Refused("keyword_stuffing", message, values), hard=True)
        else:
            message = _("“{quote}”出现了 {count} 次，占全文 {share} %，读起来重复，建议改写。")
            yield Finding(field, Refused("repetitive", message, values), hard=False)


def most_repeated(text: str, least: int) -> tuple[float, str, int]:
    """The words of two to eight characters that take up the largest share of a text: share, words, how often.

    Only what occurs at least `least` times counts; Latin words count whole, as their letters repeat by nature.
    """
    runs = [run for run in _PUNCTUATION.sub("\n", unicodedata.normalize("NFKC", text)).casefold().split("\n") if run]
    total = sum(map(len, runs))
    best = (0.0, "", 0)
    counted: Counter[str] = Counter()
    for run in runs:
        pieces = re.findall(r"[a-z0-9]+|[^a-z0-9]+", run)
        for piece in pieces:
            if piece.isascii():
                counted[piece] += 1
                continue
            for size in range(_SHORTEST_REPEATED, _LONGEST_REPEATED + 1):
                counted.update(piece[at : at + size] for at in range(len(piece) - size + 1))
    for word, count in counted.items():
        # Overlapping repeats of a longer word would count twice; the share cannot exceed the whole.
        share = min(1.0, count * len(word) / total) if total else 0.0
        if count >= least and (share, len(word)) > (best[0], len(best[1])):
            best = (share, word, count)
    return best
