"""Talks → rounds and tables: nobody sits in two talks of one round, no table is used twice, in as few rounds as can be.

Enterprises and providers are the two sides of a graph, talks its edges, rounds the colours of the edges. By König's theorem such a
graph needs no more colours than its busiest party has talks; and two colours can always be evened out along the paths that they
form, so that no round needs more tables than there are. What does not fit is said, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Node = tuple[str, int]
Slot = tuple[int, int]
ENTERPRISE_FULL, PROVIDER_FULL, NO_TABLE = "enterprise_full", "provider_full", "no_table"


@dataclass(frozen=True)
class Talk:
    """One talk to be placed. `kept`: the round and table that it had, where it should stay if it can."""

    key: int
    enterprise: int
    provider: int
    priority: float = 0.0
    kept: Slot | None = None


@dataclass(frozen=True)
class Timetable:
    """`slots`: talk → (round, table), both from 0; `left_out`: talk → why it has none."""

    slots: dict[int, Slot]
    left_out: dict[int, str]

    @property
    def rounds(self) -> int:
        return max((place for place, _table in self.slots.values()), default=-1) + 1


def timetable(talks: Sequence[Talk], *, rounds: int, tables: int) -> Timetable:
    """Those with a higher priority first where not all fit; who had a place keeps it where that is possible."""
    chosen, left_out = _chosen(talks, rounds, tables)
    colouring = _Colouring(tables)
    for talk in chosen:
        if talk.kept is not None:
            colouring.put(talk, talk.kept[0])
    kept_rounds = max((talk.kept[0] for talk in chosen if talk.kept is not None), default=-1) + 1
    count = max(colouring.busiest(chosen), -(-len(chosen) // tables) if tables > 0 else 0, kept_rounds)
    for talk in chosen:
        if talk.kept is None:
            count = colouring.insert(talk, count, rounds)
    colouring.even_out(count)
    return Timetable(_tables(chosen, colouring, tables), left_out)


def _chosen(talks: Sequence[Talk], rounds: int, tables: int) -> tuple[list[Talk], dict[int, str]]:
    """The talks that fit, kept ones first, without a place that cannot be kept; the others with the reason."""
    busy: dict[Node, int] = {}
    taken: set[tuple[Node, int]] = set()
    used: set[Slot] = set()
    chosen: list[Talk] = []
    left_out: dict[int, str] = {}
    for talk in sorted(talks, key=lambda one: (one.kept is None, -one.priority, one.key)):
        first, second = ("e", talk.enterprise), ("p", talk.provider)
        if busy.get(first, 0) >= rounds:
            left_out[talk.key] = ENTERPRISE_FULL
        elif busy.get(second, 0) >= rounds:
            left_out[talk.key] = PROVIDER_FULL
        elif len(chosen) >= rounds * tables:
            left_out[talk.key] = NO_TABLE
        else:
            busy[first], busy[second] = busy.get(first, 0) + 1, busy.get(second, 0) + 1
            slot = talk.kept
            free = slot is not None and 0 <= slot[0] < rounds and 0 <= slot[1] < tables and slot not in used
            if slot is not None and free and (first, slot[0]) not in taken and (second, slot[0]) not in taken:
                used.add(slot)
                taken |= {(first, slot[0]), (second, slot[0])}
            else:
                slot = None
            chosen.append(Talk(talk.key, talk.enterprise, talk.provider, talk.priority, slot))
    return chosen, left_out


@dataclass
class _Colouring:
    """Which talk each party has in each round."""

    tables: int
    at: dict[Node, dict[int, Talk]] = field(default_factory=dict)
    round_of: dict[int, int] = field(default_factory=dict)
    size: dict[int, int] = field(default_factory=dict)

    @staticmethod
    def ends(talk: Talk) -> tuple[Node, Node]:
        return ("e", talk.enterprise), ("p", talk.provider)

    def busiest(self, talks: Iterable[Talk]) -> int:
        busy: dict[Node, int] = {}
        for talk in talks:
            for node in self.ends(talk):
                busy[node] = busy.get(node, 0) + 1
        return max(busy.values(), default=0)

    def put(self, talk: Talk, place: int) -> None:
        for node in self.ends(talk):
            self.at.setdefault(node, {})[place] = talk
        self.round_of[talk.key] = place
        self.size[place] = self.size.get(place, 0) + 1

    def take(self, talk: Talk) -> None:
        place = self.round_of.pop(talk.key)
        for node in self.ends(talk):
            del self.at[node][place]
        self.size[place] -= 1

    def free(self, node: Node, count: int) -> list[int]:
        held = self.at.get(node, {})
        return [place for place in range(count) if place not in held]

    def insert(self, talk: Talk, count: int, most: int) -> int:
        """Place one talk in the first `count` rounds; how many there are then. Sooner one round more than moving one that was kept."""
        first, second = self.ends(talk)
        both = sorted(set(self.free(first, count)) & set(self.free(second, count)), key=lambda place: (self._full(place), place))
        if both and (not self._full(both[0]) or count >= most or not self._keeps()):
            # A round without clash, if not always with a free table: it is evened out afterwards.
            self.put(talk, both[0])
            return count
        swap = None if both else self._swap(talk, count)
        if swap is None or (self._moves(swap[1]) and count < most):
            self.put(talk, count)
            return count + 1
        self._flip(swap[1], *swap[2])
        self.put(talk, swap[0])
        return count

    def _keeps(self) -> bool:
        return any(talk.kept is not None for held in self.at.values() for talk in held.values())

    def _full(self, place: int) -> bool:
        return self.size.get(place, 0) >= self.tables

    @staticmethod
    def _moves(path: Sequence[Talk]) -> int:
        return sum(talk.kept is not None for talk in path)

    def _swap(self, talk: Talk, count: int) -> tuple[int, list[Talk], tuple[int, int]] | None:
        """The round that is free for both once a path of two rounds changes places: the path that moves fewest of those kept."""
        first, second = self.ends(talk)
        best = None
        for mine in self.free(first, count):
            for theirs in self.free(second, count):
                path = self._path(second, mine, theirs)
                rank = (self._moves(path), len(path))
                if best is None or rank < best[0]:
                    best = rank, (mine, path, (mine, theirs))
        return best[1] if best else None

    def _path(self, node: Node, one: int, other: int) -> list[Talk]:
        """The talks that follow each other from a party on, in rounds `one`, `other`, `one` …"""
        path = []
        while (talk := self.at.get(node, {}).get(one)) is not None:
            path.append(talk)
            ends = self.ends(talk)
            node = ends[1] if node == ends[0] else ends[0]
            one, other = other, one
        return path

    def _flip(self, path: Sequence[Talk], one: int, other: int) -> None:
        places = [self.round_of[talk.key] for talk in path]
        for talk in path:
            self.take(talk)
        for talk, place in zip(path, places, strict=True):
            self.put(talk, other if place == one else one)

    def even_out(self, count: int) -> None:
        """No round has more talks than tables; there is room for all, so that a way is always found."""
        while (heavy := next((place for place in range(count) if self.size.get(place, 0) > self.tables), None)) is not None:
            light = [place for place in range(count) if self.size.get(place, 0) < self.tables]
            path, place = min(
                ((path, place) for place in light for path in self._surplus(heavy, place)),
                key=lambda found: (self._moves(found[0]), len(found[0]), found[1]),
            )
            self._flip(path, heavy, place)

    def _surplus(self, heavy: int, light: int) -> list[list[Talk]]:
        """The paths of two rounds that begin and end with a talk of the heavy one: turned round, it has one less."""
        found = []
        for node, held in sorted(self.at.items()):
            if heavy in held and light not in held:
                path = self._path(node, heavy, light)
                if len(path) % 2 == 1:
                    found.append(path)
        return found


def _tables(talks: Sequence[Talk], colouring: _Colouring, tables: int) -> dict[int, Slot]:
    """A table for each: its own where it was kept in its round, else where its enterprise sat before, else the first free one."""
    slots: dict[int, Slot] = {}
    for talk in talks:
        if talk.kept is not None and colouring.round_of[talk.key] == talk.kept[0]:
            slots[talk.key] = talk.kept
    used = set(slots.values())
    seat = {talk.enterprise: slots[talk.key][1] for talk in reversed(talks) if talk.key in slots}
    for talk in sorted(talks, key=lambda one: (colouring.round_of[one.key], -one.priority, one.key)):
        if talk.key in slots:
            continue
        place = colouring.round_of[talk.key]
        free = [number for number in range(tables) if (place, number) not in used]
        own = seat.get(talk.enterprise, -1)
        table = own if own in free else free[0]
        slots[talk.key] = (place, table)
        used.add((place, table))
        seat.setdefault(talk.enterprise, table)
    return slots
