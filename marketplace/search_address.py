"""A search as an address: GET parameters → SearchQuery, and the addresses of the same search with one condition more or less."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from indexer.query import FACETS, Kind, Range, SearchQuery, Sort
from marketplace.domain.money import fen_from_wan

# What may be searched in the order of the page; problems only by those who may.
KINDS = (Kind.SOLUTION, Kind.PROVIDER, Kind.SCENARIO, Kind.SHOWCASE, Kind.PROBLEM)
SORTS = {Kind.SOLUTION: (Sort.RELEVANCE, Sort.PRICE, Sort.WEEKS, Sort.REFERENCES)}
LONGEST = 2000
MOST_VALUES = 20
LAST_PAGE = 10


@dataclass(frozen=True)
class Address:
    """A search that can be shared. Prices are kept as they were typed, in 万元."""

    text: str = ""
    kind: Kind = Kind.SOLUTION
    filters: tuple[tuple[str, str], ...] = ()
    price_low: str = ""
    price_high: str = ""
    weeks_high: str = ""
    sort: Sort = Sort.RELEVANCE
    page: int = 1
    wrong: tuple[str, ...] = field(default=(), compare=False)

    def url(self, base: str) -> str:
        pairs: list[tuple[str, str]] = [("q", self.text)] if self.text else []
        if self.kind != Kind.SOLUTION:
            pairs.append(("kind", self.kind))
        pairs += self.filters
        named = {"price_min": self.price_low, "price_max": self.price_high, "weeks_max": self.weeks_high}
        pairs += [(name, value) for name, value in named.items() if value]
        if self.sort != Sort.RELEVANCE:
            pairs.append(("sort", self.sort))
        if self.page > 1:
            pairs.append(("page", str(self.page)))
        return f"{base}?{urlencode(pairs)}" if pairs else base

    def has(self, name: str, value: str) -> bool:
        return (name, value) in self.filters

    def turned(self, name: str, value: str) -> Address:
        """The same search with a condition added, or taken away if it was there."""
        pair = (name, value)
        filters = tuple(other for other in self.filters if other != pair) if pair in self.filters else (*self.filters, pair)
        return replace(self, filters=filters, page=1)

    def without(self, name: str) -> Address:
        """The same search without a range."""
        if name == "price":
            return replace(self, price_low="", price_high="", page=1)
        return replace(self, weeks_high="", page=1)

    def bare(self) -> Address:
        """The same words, without any condition."""
        return Address(text=self.text, kind=self.kind)

    def asking(self, text: str) -> Address:
        return replace(self, text=text, page=1)

    def of_kind(self, kind: Kind) -> Address:
        """The same words among other things; conditions that those have as well stay."""
        kept = tuple((name, value) for name, value in self.filters if name in FACETS[kind])
        return Address(text=self.text, kind=kind, filters=kept)

    def at(self, page: int) -> Address:
        return replace(self, page=page)

    @property
    def conditions(self) -> int:
        """How many conditions are set."""
        return len(self.filters) + bool(self.price_low or self.price_high) + bool(self.weeks_high)


def parse(args: MultiDict[str, str], kinds: Iterable[Kind]) -> Address:
    """The search that an address asks for. What makes no sense is left out, and said in `wrong`; nothing is an error."""
    allowed = set(kinds)
    kind = next((kind for kind in KINDS if kind == args.get("kind") and kind in allowed), Kind.SOLUTION)
    filters = [(name, value[:100]) for name in FACETS[kind] for value in args.getlist(name)[:MOST_VALUES] if value.strip()]
    wrong: list[str] = []
    priced = kind == Kind.SOLUTION
    prices = [_number(args.get(name, ""), wrong) if priced else "" for name in ("price_min", "price_max")]
    weeks = _number(args.get("weeks_max", ""), wrong) if priced else ""
    sort = next((sort for sort in SORTS.get(kind, ()) if sort == args.get("sort")), Sort.RELEVANCE)
    page = args.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 4 else 1
    text = " ".join(args.get("q", "").replace("\0", " ").split())[:LONGEST]
    return Address(
        text, kind, tuple(dict.fromkeys(filters)), prices[0], prices[1], weeks, sort, max(1, min(number, LAST_PAGE)), tuple(wrong)
    )


def _number(text: str, wrong: list[str]) -> str:
    """A figure as it was typed, or nothing; full-width digits are understood."""
    text = text.strip()
    if not text:
        return ""
    try:
        value = Decimal(text.replace(",", "").replace("，", ""))
    except InvalidOperation:
        wrong.append(text[:20])
        return ""
    if not value.is_finite() or not 0 <= value < 100_000_000:
        wrong.append(text[:20])
        return ""
    return f"{value:f}"


def query_of(address: Address, *, audience: frozenset[str], hidden: frozenset[int], size: int, depth: int) -> SearchQuery:
    """The question to the engine. Permission and what is hidden right now are part of it."""
    filters: dict[str, tuple[str, ...]] = {}
    for name, value in address.filters:
        filters[name] = (*filters.get(name, ()), value)
    ranges = {}
    if address.price_low or address.price_high:
        low, high = (float(fen_from_wan(value)) if value else None for value in (address.price_low, address.price_high))
        ranges["price"] = Range(low, high)
    if address.weeks_high:
        ranges["weeks"] = Range(None, float(address.weeks_high))
    return SearchQuery(
        text=address.text,
        kind=address.kind,
        filters=filters,
        ranges=ranges,
        audience=audience,
        without_providers=hidden,
        sort=address.sort,
        page=address.page,
        size=size,
        depth=depth,
    )
