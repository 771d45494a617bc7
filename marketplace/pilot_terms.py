"""The kinds of entries of a pilot file, and how their words are looked up."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Generic, TypeVar


@dataclass(frozen=True)
class Term:
    """One word of the pilot: the key is stored, the name is shown, all of its words are understood."""

    key: str
    name: str
    en: str
    short: str = ""
    aliases: tuple[str, ...] = ()
    short_en: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for word in (self.key, self.name, self.short, self.en, *self.aliases) if word)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A three-digit group of GB/T 4754."""

    code: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Sector(Term):
    division: str
    groups: tuple[Group, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return (*super().words, self.division, f"C{self.division}")


@dataclass(frozen=True, kw_only=True)
class Area(Term):
    kind: str
    parent: str = ""


@dataclass(frozen=True, kw_only=True)
class Stage(Term):
    """A business link; ``domain_aliases`` are the words of the coarser list of nine links."""

    domain_aliases: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return (*super().words, *self.domain_aliases)


@dataclass(frozen=True, kw_only=True)
class Role(Term):
    duty: str


@dataclass(frozen=True, kw_only=True)
class Scenario(Term):
    """A typical scenario; its aliases are the codes of other lists that lead to it first of all."""

    sector: str
    one_line_zh: str
    orientations: tuple[str, ...]
    stage: str
    typical_problems: tuple[str, ...]
    solution_categories: tuple[str, ...]
    ns: tuple[int, ...] = ()
    sme: str = ""

    @property
    def code(self) -> str:
        return self.key


@dataclass(frozen=True, kw_only=True)
class Phase:
    key: str
    name: str
    en: str
    start: date
    end: date | None = None


@dataclass(frozen=True, kw_only=True)
class City:
    name: str
    name_en: str
    title: str
    title_en: str
    zone: str
    currency: str
    term_start: date
    implementation_end: date
    term_end: date
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Label:
    word: str
    tone: str
    en: str


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    strength: tuple[float, ...]
    page_size: int
    candidate_depth: int
    suggestion_count: int


@dataclass(frozen=True, kw_only=True)
class Files:
    scenarios: str = ""
    mapping: str = ""
    questionnaire: str = ""


@dataclass(frozen=True, kw_only=True)
class FundRules:
    central_cap: float
    no_double_support: bool
    local_to_central_min: float
    source: str


TermT = TypeVar("TermT", bound=Term, covariant=True)


def fold(text: str) -> str:
    """Widths, case and white space do not matter when a word is looked up."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


@dataclass(frozen=True)
class Terms(Generic[TermT]):
    """The terms of one kind in the order of the file, found by any of their words."""

    items: tuple[TermT, ...]
    index: Mapping[str, TermT]

    def __iter__(self) -> Iterator[TermT]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def find(self, text: str) -> TermT | None:
        return self.index.get(fold(text))

    def close(self, text: str, count: int = 3) -> tuple[str, ...]:
        """Names whose words contain the text or look like it, for a sentence such as “可填：化工、汽车”."""
        wanted = fold(text)
        if not wanted:
            return ()
        near = [word for word in self.index if wanted in word or (len(word) > 1 and word in wanted)]
        near += get_close_matches(wanted, list(self.index), n=count * 2, cutoff=0.5)
        return tuple(dict.fromkeys(self.index[word].name for word in near))[:count]
