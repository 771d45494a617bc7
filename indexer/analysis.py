"""Texts → tokens, the same for every engine: folding, cutting, stemming, synonyms, pinyin, highlights.

Tokens travel joined by spaces, so that an engine needs nothing but a whitespace tokenizer.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexer.vocabulary import Vocabulary

VOCABULARY = Path(__file__).with_name("data") / "vocabulary.tsv"
CODE_VERSION = 3
# The text of a query that is cut into tokens; what follows is left to the dense side, and to nobody beyond that.
QUERY_CHARACTERS = 2000
# Jieba needs a frequency to prefer an industrial word to its parts; the parts stay tokens by search mode.
WORD_FREQUENCY = 2000
LONGEST_WORD = 10
SYNONYM_WEIGHT = 0.5
AMBIGUOUS_WEIGHT = 0.25
PINYIN_WORDS = 5

_STOPPED = """
的 了 是 在 和 与 及 或 就 都 也 还 又 要 把 被 给 让 对 等 很 不 没 没有 有 能 会 上 下 里 中 个 一 到 去 来 着 过 这 那 我们 他们 一个
以及 为 以 可 其 从 再 才 只 用 吗 呢 吧 啊 之 而 但 并 由 于 将 该 各 每 如 若 我 你 他 它 您 们 这个 那个 什么 怎么 如何 可以
a an and are as at be by for from in is it of on or that the this to with
"""
STOP_WORDS = frozenset(_STOPPED.split())

HANZI = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_HANZI_RUN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_RUN = re.compile(rf"({_HANZI_RUN.pattern})|([a-z0-9]+)")
_LATIN = re.compile(r"[a-z0-9]+")
_STEMMED = re.compile(r"[a-z]{4,}")
_WORD = re.compile(r"[^\W_]")
_JOINT = re.compile(r"(?<=[a-z0-9])(?:[^\w\s.]|_)+(?=[a-z0-9])|(?<=[a-z])\.(?=[a-z0-9])|(?<=[0-9])\.(?=[a-z])")


@lru_cache(1)
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


@lru_cache(50_000)
def _stem(word: str) -> str:
    # A stemmer keeps the word it works on, so each call takes its own: two threads must not share one.
    from snowballstemmer import stemmer

    return str(stemmer("english").stemWord(word))


class _Cleaned(dict[int, int | None]):
    """Code point → what stands for it: a space for a control character, nothing for a surrogate or an invisible mark."""

    def __missing__(self, code: int) -> int | None:
        kind = unicodedata.category(chr(code))
        found = 32 if kind == "Cc" else None if kind in ("Cs", "Cf") else code
        self[code] = found
        return found


_CLEANED = _Cleaned()


def clean(text: str) -> str:
    """A text that every engine and embedder takes: no NUL, no other control characters, no lone surrogates."""
    return text.translate(_CLEANED)


def folded(text: str) -> str:
    """Clean, full-width and compatibility forms folded (NFKC), traditional characters simplified, lower case."""
    text = unicodedata.normalize("NFKC", clean(text))
    if not text.isascii():
        text = _simplifier().convert(text)
    return clean(text).lower()


@dataclass(frozen=True)
class Term:
    """What the lexical side looks for: one token, or several that must stand side by side. `weight` is a factor."""

    tokens: tuple[str, ...]
    weight: float = 1.0
    field: str = "words"


@dataclass(frozen=True)
class Question:
    """A query's text, analysed.

    `terms` for the engine; `words` for highlights (synonyms among them); `near`: what was said → synonyms added;
    `own`: the tokens that the text itself has; `codes`: share (0–1) of letters and digits among its characters.
    """

    terms: tuple[Term, ...] = ()
    words: tuple[str, ...] = ()
    near: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    codes: float = 0.0


class Analyser:
    """One dictionary, never changed: a new dictionary is a new Analyser. Safe to use from several threads."""

    def __init__(self, vocabulary: Path = VOCABULARY, words: Iterable[str] = ()) -> None:
        self._raw = vocabulary.read_text(encoding="utf-8")
        self._words = tuple(sorted(set(words)))
        digest = hashlib.sha256(repr((CODE_VERSION, sorted(STOP_WORDS), WORD_FREQUENCY, LONGEST_WORD, PINYIN_WORDS)).encode())
        digest.update(self._raw.encode() + "\n".join(self._words).encode())
        digest.update("".join(f"{name} {version(name)}" for name in ("rjieba", "opencc", "snowballstemmer", "pypinyin")).encode())
        self.version = digest.hexdigest()[:16]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        from indexer.vocabulary import Vocabulary

        return Vocabulary(self._raw, folded, STOP_WORDS)

    @cached_property
    def _jieba(self) -> Any:
        from rjieba import Jieba

        jieba = Jieba()
        for word in (*self.vocabulary.forms, *map(folded, self._words)):
            if 2 <= len(word) <= LONGEST_WORD and _HANZI_RUN.fullmatch(word):
                jieba.add_word(word, WORD_FREQUENCY, "n")
        return jieba

    def cut(self, text: str) -> list[str]:
        """Tokens of a text in search mode (long words and their parts), stop words left out."""
        return self._tokens(folded(text))

    def _tokens(self, text: str) -> list[str]:
        found = []
        # Jieba leaves “opc-ua” whole; the parts are what another writer's spelling shares. A decimal (4.0) stays one.
        for word in self._jieba.cut_for_search(_JOINT.sub(" ", text)):
            if HANZI.search(word):
                if word not in STOP_WORDS and not word.isspace():
                    found.append(word)
            elif word not in STOP_WORDS and _WORD.search(word):
                found.append(_stem(word) if _STEMMED.fullmatch(word) else word.strip("-._%&+#"))
        return found

    def bigrams(self, text: str) -> list[str]:
        """Pairs of neighbouring Hanzi, Latin words and numbers whole."""
        found: list[str] = []
        for match in _RUN.finditer(folded(text)):
            run, word = match.groups()
            if word:
                found.append(_stem(word) if _STEMMED.fullmatch(word) else word)
            elif len(run) == 1:
                found.append(run)
            else:
                found += [a + b for a, b in pairwise(run)]
        return found

    def pinyin(self, text: str) -> list[str]:
        """Tokens of the fallback field: pinyin and initials of one to four words that stand side by side."""
        text = folded(text)[:200]
        # Where any word or part of a word begins or ends, people may begin or end to type.
        bounds = sorted({place for _, start, end in self._jieba.tokenize(text, "search") for place in (start, end)})
        spoken = [spell(text[start:end]) for start, end in pairwise(bounds) if HANZI.search(text[start:end])]
        found: dict[str, None] = {}
        for start in range(len(spoken)):
            for end in range(start + 1, min(start + PINYIN_WORDS, len(spoken)) + 1):
                syllables = [syllable for word in spoken[start:end] for syllable in word]
                if not syllables:
                    continue
                found["".join(syllables)] = None
                if len(syllables) > 1:
                    found["".join(syllable[0] for syllable in syllables)] = None
        return list(found)

    def question(self, text: str, *, weight: float = 1.0, synonyms: bool = True) -> Question:
        """The analysed text of a query: its own tokens, synonyms both ways, pinyin for what is written in letters."""
        said = folded(text[: QUERY_CHARACTERS * 2])[:QUERY_CHARACTERS]
        own = tuple(dict.fromkeys(self._tokens(said)))
        terms = [Term((token,), weight) for token in own]
        words: dict[str, None] = dict.fromkeys(own)
        near: dict[str, tuple[str, ...]] = {}
        taken: set[tuple[str, ...]] = {(token,) for token in own}
        for form, others, is_ambiguous in self.vocabulary.found_in(said) if synonyms else ():
            words[form] = None
            near[form] = others
            for other in others:
                tokens = self._whole(other)
                if tokens and tokens not in taken:
                    taken.add(tokens)
                    words[other] = None
                    terms.append(Term(tokens, weight * (AMBIGUOUS_WEIGHT if is_ambiguous else SYNONYM_WEIGHT)))
        latin = _LATIN.findall(said)
        spelt = dict.fromkeys(word for word in (*latin, "".join(latin)) if 2 <= len(word) <= 40 and word.isalpha())
        terms += [Term((word,), weight, "pinyin") for word in spelt]
        letters = sum(map(len, latin))
        return Question(tuple(terms), tuple(words), near, own, letters / max(1, letters + len(HANZI.findall(said))))

    def _whole(self, form: str) -> tuple[str, ...]:
        """A synonym as the tokens that must stand side by side: one token where the dictionary knows it whole."""
        if _HANZI_RUN.fullmatch(form) and 2 <= len(form) <= LONGEST_WORD:
            return (form,)
        return tuple(self._tokens(form)) if len(form) <= 40 else ()


def spell(word: str) -> tuple[str, ...]:
    """The syllables of Hanzi, without tones: 联网 → lian, wang."""
    return _spelt(word)


@lru_cache(100_000)
def _spelt(word: str) -> tuple[str, ...]:
    from pypinyin import lazy_pinyin

    return tuple(syllable for syllable in lazy_pinyin("".join(HANZI.findall(word)), errors="ignore") if syllable)


@lru_cache(1)
def analyser() -> Analyser:
    """The analyser with the dictionary of the package."""
    return Analyser()


ANALYSIS_VERSION = analyser().version


def highlight(text: str, terms: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where the terms stand in the text as it is written: (start, end) in characters, in order, never overlapping.

    A term in Latin letters must start a word and takes the whole of it (it may be stemmed); Hanzi match anywhere.
    """
    letters, origin = _spread(text)
    marks = bytearray(len(text) + 1)
    for term in {folded(term).strip() for term in terms}:
        if not term:
            continue
        for start, end in _places(letters, term):
            first, last = origin[start], origin[end - 1]
            marks[first : last + 1] = b"\1" * (last + 1 - first)
    found = []
    start = -1
    for place, mark in enumerate(marks):
        if mark and start < 0:
            start = place
        elif not mark and start >= 0:
            found.append((start, place))
            start = -1
    return tuple(found)


def _spread(text: str) -> tuple[str, list[int]]:
    """The folded text, character by character, and for each of its characters the place it comes from."""
    pieces, origin = [], []
    for place, character in enumerate(text):
        piece = _folded_character(character)
        pieces.append(piece)
        origin += [place] * len(piece)
    return "".join(pieces), origin


@lru_cache(20_000)
def _folded_character(character: str) -> str:
    return folded(character)


def _places(letters: str, term: str) -> Iterator[tuple[int, int]]:
    is_latin = HANZI.search(term) is None
    start = letters.find(term)
    while start >= 0:
        end = start + len(term)
        if not is_latin:
            yield start, end
        elif start == 0 or not _LATIN.fullmatch(letters[start - 1]) or not _LATIN.fullmatch(term[0]):
            while _STEMMED.fullmatch(term) and end < len(letters) and "a" <= letters[end] <= "z":
                end += 1
            if end == len(letters) or not _LATIN.fullmatch(letters[end]) or not _LATIN.fullmatch(term[-1]):
                yield start, end
        start = letters.find(term, start + 1)
