"""Checks of single values that every noun shares: texts, counts, years."""

from __future__ import annotations

from collections.abc import Iterator

from marketplace.domain.lifecycle import Refused, _

LARGEST_COUNT = 2_000_000_000


def as_written(value: float) -> str:
    """A baseline, a target or what was measured, as it was written down: a target of 0.35 is not 0.3. Up to six decimals."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def check_text(field: str, label: str, text: str, *, most: int, required: bool = False) -> Iterator[tuple[str, Refused]]:
    """A text must be there when it is required, and must fit."""
    if required and not text.strip():
        yield field, Refused("required", _("{label}没有填。"), {"label": label})
    elif len(text) > most:
        yield (
            field,
            Refused("too_long", _("{label}有 {length} 个字，最多 {most:,} 个。"), {"label": label, "length": len(text), "most": most}),
        )


def check_words(field: str, label: str, words: list[str], *, most: int = 100, longest: int = 200) -> Iterator[tuple[str, Refused]]:
    """A list of words must stay a list of words: not hundreds, and none of them a page long."""
    if len(words) > most:
        yield field, Refused("too_many", _("{label}有 {count} 项，最多 {most} 项。"), {"label": label, "count": len(words), "most": most})
    for word in words:
        if len(word) > longest:
            yield (
                field,
                Refused(
                    "too_long",
                    _("{label}里“{start}…”这一项有 {length} 个字，最多 {most} 个。多项请用顿号或分号隔开。"),
                    {"label": label, "start": word[:10], "length": len(word), "most": longest},
                ),
            )
            return


def check_count(field: str, label: str, value: int | None, *, most: int = LARGEST_COUNT) -> Iterator[tuple[str, Refused]]:
    """A count is not negative, and not larger than anything that can be counted here."""
    if value is not None and value < 0:
        yield field, Refused("negative", _("{label}不能是负数。"), {"label": label})
    elif value is not None and value > most:
        yield field, Refused("too_large", _("{label}最多 {most:,}，现在是 {value:,}。"), {"label": label, "most": most, "value": value})


def check_year(field: str, label: str, year: int | None) -> Iterator[tuple[str, Refused]]:
    """A year of our time, so that a slip of the keyboard (20011) shows."""
    if year is not None and not 1900 <= year <= 2100:
        yield field, Refused("not_a_year", _("{label}应是 1900 到 2100 之间的年份，现在是 {year}。"), {"label": label, "year": year})
