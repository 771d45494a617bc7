"""Suggestions while typing, and “did you mean”: titles and words, by letter, by pinyin, by initials, by pairs of Hanzi."""

from __future__ import annotations

import bisect
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from indexer.analysis import HANZI, Question, analyser, folded, spell
from indexer.backends import SearchBackend, Title
from indexer.query import Kind

KINDS = (Kind.SOLUTION, Kind.SCENARIO, Kind.PROVIDER, Kind.SHOWCASE)
LONGEST_TYPED = 40
# A whole problem is not a slip of the keyboard: only what is as short as a title is corrected.
LONGEST_MEANT = 60
MOST_TERMS = 3
# A word is a correction of another when they share at least this part of their pairs of characters.
SHARED_PAIRS = 0.5


@dataclass(frozen=True)
class _Lines:
    """Texts joined by line breaks, so that one search in one string looks through all of them."""

    text: str
    starts: tuple[int, ...]

    @classmethod
    def of(cls, lines: list[str]) -> _Lines:
        starts, place = [], 0
        for line in lines:
            starts.append(place)
            place += len(line) + 1
        return cls("\n".join(lines), tuple(starts))

    def holding(self, part: str) -> Iterator[tuple[int, int]]:
        """(number of the line, place in it) of each line that holds the part, once."""
        place = self.text.find(part)
        while place >= 0:
            line = bisect.bisect_right(self.starts, place) - 1
            yield line, place - self.starts[line]
            end = self.text.find("\n", place)
            place = self.text.find(part, end) if end >= 0 else -1


@dataclass(frozen=True)
class _Lexicon:
    """All titles of a kind at one moment."""

    stamp: int
    titles: list[Title]
    folded: _Lines
    spelt: _Lines
    initials: _Lines
    words: Counter[str]
    by_sound: dict[str, list[str]]
    by_pair: dict[str, list[str]]


class Suggestions:
    """Built from the engine's titles when they are needed, and again when they have changed."""

    def __init__(self, backend: SearchBackend) -> None:
        self._backend = backend
        self._lexicons: dict[Kind, _Lexicon] = {}
        self._building = threading.Lock()

    def complete(self, text: str, *, limit: int, audience: frozenset[str], without_providers: frozenset[int]) -> list[str]:
        """Terms and titles that go on with what was typed: those that begin so first, then those that hold it."""
        typed = folded(text[:LONGEST_TYPED]).strip()
        letters = re.sub(r"[\s']+", "", typed)
        if not typed or "\n" in typed or limit < 1:
            return []
        is_latin = letters.isascii() and letters.isalpha()
        found: dict[str, tuple[int, int, str]] = {}

        def add(word: str, rank: int) -> None:
            held = found.get(word)
            if held is None or rank < held[0]:
                found[word] = (rank, len(word), word)

        vocabulary = analyser().vocabulary
        terms = [word for word in vocabulary.synonyms(typed) if HANZI.search(word)]
        terms += sorted((form for form in vocabulary.forms if form.startswith(typed) and form != typed and HANZI.search(form)), key=len)
        for term in terms[:MOST_TERMS]:
            add(term, 0)
        for kind in KINDS:
            lexicon = self._lexicon(kind)
            lines = [(lexicon.folded, typed, 0)]
            if is_latin and len(letters) > 1:
                lines += [(lexicon.spelt, letters, 2), (lexicon.initials, letters, 3)]
            for source, part, base in lines:
                for number, (line, place) in enumerate(source.holding(part)):
                    title = lexicon.titles[line]
                    if audience.intersection(title.audience) and title.provider_id not in without_providers:
                        add(title.text, base + (1 if place == 0 else 2))
                    if number >= 20 * limit:
                        break
        return [word for _, _, word in sorted(found.values())[:limit]]

    def meant(self, kind: Kind, text: str, question: Question) -> str:
        """The text with its unknown words replaced by known ones of the same sound or of much the same letters; "" if none."""
        unknown = [token for token in question.own if len(token) > 1 and HANZI.search(token)]
        if not unknown or len(text) > LONGEST_MEANT:
            return ""
        frequencies, _ = self._backend.frequencies(kind, unknown)
        better = {
            token: instead
            for token, frequency in zip(unknown, frequencies, strict=True)
            if not frequency and (instead := self._correction(kind, token))
        }
        if not better:
            return ""
        said = meant = folded(text).strip()
        for token, instead in better.items():
            meant = meant.replace(token, instead)
        return meant if meant != said else ""

    def _correction(self, kind: Kind, token: str) -> str:
        lexicon = self._lexicon(kind)
        alike = [word for word in lexicon.by_sound.get("".join(spell(token)), ()) if word != token and len(word) == len(token)]
        if alike:
            return max(alike, key=lambda word: lexicon.words[word])
        pairs = set(_pairs(token))
        best, best_shared = "", SHARED_PAIRS
        for word in {word for pair in pairs for word in lexicon.by_pair.get(pair, ())}:
            others = set(_pairs(word))
            shared = len(pairs & others) / len(pairs | others)
            if (shared, lexicon.words[word]) > (best_shared, lexicon.words[best]) and word != token:
                best, best_shared = word, shared
        return best

    def _lexicon(self, kind: Kind) -> _Lexicon:
        held = self._lexicons.get(kind)
        stamp = self._backend.stamp(kind)
        if held is not None and held.stamp == stamp:
            return held
        if held is not None and not self._building.acquire(blocking=False):
            # Somebody else builds the new one; the former will do for this keystroke.
            return held
        if held is None:
            self._building.acquire()
        try:
            lexicon = self._lexicons[kind] = _build(stamp, self._backend.titles(kind))
        finally:
            self._building.release()
        return lexicon


def _build(stamp: int, titles: list[Title]) -> _Lexicon:
    words: Counter[str] = Counter()
    by_sound, by_pair = defaultdict(list), defaultdict(list)
    for title in titles:
        if "public" in title.audience:
            words.update({word for word in analyser().cut(title.text) if len(word) > 1 and HANZI.search(word)})
    for word in words:
        by_sound["".join(spell(word))].append(word)
        for pair in set(_pairs(word)):
            by_pair[pair].append(word)
    return _Lexicon(
        stamp,
        titles,
        _Lines.of([folded(title.text).replace("\n", " ") for title in titles]),
        _Lines.of([title.spelt for title in titles]),
        _Lines.of([title.initials for title in titles]),
        words,
        dict(by_sound),
        dict(by_pair),
    )


def _pairs(word: str) -> list[str]:
    return [a + b for a, b in pairwise(word)]
