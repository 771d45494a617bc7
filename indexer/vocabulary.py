"""The industrial vocabulary: groups of words that mean the same, and where they stand in a text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator

_LETTER = re.compile(r"[a-z0-9]")
MOST_SYNONYMS = 6


class Vocabulary:
    """Rows of `term<TAB>synonyms<TAB>English`, each list divided by `|`; every form is folded once."""

    def __init__(self, rows: str, fold: Callable[[str], str], left_out: frozenset[str] = frozenset()) -> None:
        # Words such as “or” are abbreviations in the vocabulary and nothing at all in a sentence.
        self._left_out = left_out
        self.groups: list[tuple[str, ...]] = []
        members: dict[str, list[int]] = defaultdict(list)
        for row in rows.splitlines():
            cells = [fold(word).strip() for cell in row.split("\t") for word in cell.split("|")]
            group = tuple(dict.fromkeys(word for word in cells if len(word) > 1))
            if not group:
                continue
            for word in group:
                members[word].append(len(self.groups))
            self.groups.append(group)
        self._members = dict(members)
        self._longest = max(map(len, members), default=0)
        self._starts = frozenset(word[:2] for word in members)

    @property
    def forms(self) -> tuple[str, ...]:
        """Every word of every group."""
        return tuple(self._members)

    def synonyms(self, form: str) -> tuple[str, ...]:
        """The other words of the groups that a form is in; the group's own term first."""
        found = dict.fromkeys(word for group in self._members.get(form, ()) for word in self.groups[group])
        found.pop(form, None)
        return tuple(found)[:MOST_SYNONYMS]

    def found_in(self, text: str) -> Iterator[tuple[str, tuple[str, ...], bool]]:
        """(form, synonyms, is it ambiguous) for the longest forms in a folded text, from left to right, each once."""
        seen: set[str] = set()
        place = 0
        while place < len(text) - 1:
            form = self._longest_at(text, place)
            if form is None:
                place += 1
                continue
            if form not in seen and form not in self._left_out:
                seen.add(form)
                yield form, self.synonyms(form), len(self._members[form]) > 1
            place += len(form)

    def _longest_at(self, text: str, place: int) -> str | None:
        if text[place : place + 2] not in self._starts or self._is_inside_word(text, place):
            return None
        for end in range(min(len(text), place + self._longest), place + 1, -1):
            if text[place:end] in self._members and not self._is_inside_word(text, end):
                return text[place:end]
        return None

    @staticmethod
    def _is_inside_word(text: str, place: int) -> bool:
        """Whether a cut here would part a Latin word or a number."""
        return 0 < place < len(text) and bool(_LETTER.match(text[place - 1]) and _LETTER.match(text[place]))
