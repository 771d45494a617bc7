"""The indices behind their aliases: which is in use, which is being filled, and writing to both.

jigai-solution        → jigai-solution-000001    what is searched
jigai-solution-next   → jigai-solution-000002    only while a rebuild fills it

Several processes may write. A change is acknowledged only after every index that the aliases name *after* the write
holds it, so that a rebuild by another process loses nothing: what was written before the next index began is read from the
database by the rebuild, and what was written later is in the next index too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import orjson

from indexer.backends import Change, EngineError, Meta
from indexer.backends.opensearch_dsl import in_use, mapping, settings
from indexer.backends.opensearch_stored import document
from indexer.query import Kind

NEXT = "-next"
# About 4 MB of JSON each, two on their way: while the engine works on one, the other is written.
THINGS_A_BULK = 256
SENDERS = 2
BULK_SECONDS = 120.0
SLOW_SECONDS = 60.0
# An index filled in bulk is left in dozens of pieces, and every word and vector is looked for in each. A plan of 50 problems
# against 50,000 things costs the engine 2.5 s of a processor in ten pieces, 1.7 s in five and 1.2 s in one, for some ten to forty
# seconds once, during which everything is searched as before.
SEGMENTS = 1
MERGE_SECONDS = 3600.0
# A rebuild that ends during a write is followed; more often than this it cannot end meanwhile.
MOST_TARGETS = 5
CONFLICT, MISSING = 409, 404
# Read-only (a full disk), too busy, no shard: the engine takes nothing now, which is no fault of the thing.
AWAY = frozenset({403, 429, 503})
BULK_ANSWER = "items.*.status,items.*._index,items.*.error.reason,items.*.error.caused_by.reason"


class Ask(Protocol):
    """One request to the engine; the answer as JSON. Raises EngineError; `absent` is the answer where there is nothing."""

    def __call__(self, method: str, path: str, body: object = None, *, timeout: float = 0.0, absent: Any = None, **asked: str) -> Any: ...


@dataclass(frozen=True)
class Place:
    """The indices of one kind: in use, being filled, and those that nothing leads to."""

    current: str | None = None
    next: str | None = None
    lost: tuple[str, ...] = ()

    @property
    def newest(self) -> int:
        """The highest number given so far: none is given twice, so that a rebuild knows its own index again."""
        return max((int(name[-6:]) for name in (self.current, self.next, *self.lost) if name), default=0)


Places = dict[Kind, Place]
# A bulk item's answer: its status, the index that it reached, and what went wrong.
Outcome = tuple[int, str, str]


class Indices:
    """The indices of one prefix."""

    def __init__(self, ask: Ask, prefix: str, meta: Meta) -> None:
        self._ask = ask
        self._prefix = prefix
        self._meta = meta
        self._known: Places = {}

    def alias(self, kind: Kind) -> str:
        return f"{self._prefix}-{kind.value}"

    def alias_next(self, kind: Kind) -> str:
        return self.alias(kind) + NEXT

    def find(self, *, timeout: float = 0.0) -> Places:
        """What the aliases name at this moment. `timeout`: seconds; 0 for those of a search."""
        patterns = ",".join(f"{self.alias(kind)}-*" for kind in Kind)
        rows: Mapping[str, Any] = self._ask("GET", f"/{patterns}/_alias", timeout=timeout, expand_wildcards="all")
        found = {}
        for kind in Kind:
            own = {name: row["aliases"] for name, row in rows.items() if re.fullmatch(rf"{re.escape(self.alias(kind))}-\d{{6}}", name)}
            found[kind] = Place(
                current=next((name for name, aliases in own.items() if self.alias(kind) in aliases), None),
                next=next((name for name, aliases in own.items() if self.alias_next(kind) in aliases), None),
                lost=tuple(name for name, aliases in own.items() if not aliases),
            )
        self._known = found
        return found

    def meta_of(self, name: str) -> dict[str, Any]:
        """What an index was made with."""
        answer = self._ask("GET", f"/{name}/_mapping")
        return dict(next(iter(answer.values()))["mappings"].get("_meta", {}))

    def create(self, kind: Kind, *, number: int = 1, filling: bool = False) -> str:
        """An empty index with its alias, both at once: an index without one is what a crash left."""
        name = f"{self.alias(kind)}-{number:06d}"
        alias = self.alias_next(kind) if filling else self.alias(kind)
        body = {"settings": settings(filling=filling), "mappings": mapping(kind, self._meta), "aliases": {alias: {}}}
        self._ask("PUT", f"/{name}", body, timeout=SLOW_SECONDS)
        return name

    def begin(self) -> dict[Kind, str]:
        """Empty next indices; what an earlier rebuild left is dropped."""
        places = self.find()
        self.drop(name for place in places.values() for name in (*place.lost, place.next) if name)
        return {kind: self.create(kind, number=place.newest + 1, filling=True) for kind, place in places.items()}

    def check_begun(self, begun: Mapping[Kind, str]) -> Places:
        """Raises EngineError when another rebuild has begun since: it has dropped what this one began."""
        places = self.find()
        if any(places[kind].next != name for kind, name in begun.items()):
            raise EngineError("另一个进程也开始了重建，这一次作废")
        return places

    def merge(self, names: Iterable[str]) -> None:
        """Few large pieces instead of many small ones; searched and written meanwhile as before."""
        self._ask("POST", f"/{','.join(names)}/_forcemerge", timeout=MERGE_SECONDS, max_num_segments=str(SEGMENTS))

    def swap(self, begun: Mapping[Kind, str]) -> list[str]:
        """The begun indices take the place of those in use, all in one step; the old ones, now nameless."""
        places = self.check_begun(begun)
        self._ask("PUT", f"/{','.join(begun.values())}/_settings", {"index": in_use()}, timeout=SLOW_SECONDS)
        actions: list[dict[str, Any]] = []
        for kind, name in begun.items():
            actions.append({"remove": {"index": name, "alias": self.alias_next(kind), "must_exist": True}})
            if old := places[kind].current:
                actions.append({"remove": {"index": old, "alias": self.alias(kind)}})
            actions.append({"add": {"index": name, "alias": self.alias(kind)}})
        self._ask("POST", "/_aliases", {"actions": actions}, timeout=SLOW_SECONDS)
        return [place.current for place in places.values() if place.current]

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._ask("DELETE", f"/{name}", timeout=SLOW_SECONDS, absent={})

    def write(self, changes: Sequence[Change]) -> list[str]:
        """Write to what is in use and to what is being filled; one answer per change: "" or what went wrong."""
        answers = [""] * len(changes)
        written: dict[Kind, set[str]] = defaultdict(set)
        places = self._known or self.find(timeout=SLOW_SECONDS)
        for _ in range(MOST_TARGETS):
            targets = [
                (number, alias)
                for number, change in enumerate(changes)
                for alias, name in self._targets(places, change.kind)
                if name not in written[change.kind]
            ]
            if not targets:
                return answers
            outcomes = self._send([(changes[number], alias) for number, alias in targets])
            for (number, alias), (status, name, wrong) in zip(targets, outcomes, strict=True):
                written[changes[number].kind].add(name)
                if status == MISSING and alias.endswith(NEXT):
                    # The rebuild has ended since: its index is the one in use now, and is looked at again below.
                    continue
                answers[number] = answers[number] or wrong
            # Beside a bulk that takes long: nobody waits for a page here.
            places = self.find(timeout=SLOW_SECONDS)
        raise EngineError("索引正在反复更换，写不进去，请稍后再试")

    def _targets(self, places: Places, kind: Kind) -> list[tuple[str, str]]:
        place = places[kind]
        found = [(self.alias(kind), place.current or self.alias(kind))]
        return [*found, (self.alias_next(kind), place.next)] if place.next else found

    def fill(self, changes: Iterable[Change]) -> None:
        """Write to what is being filled only. Raises EngineError with the first thing that went wrong."""
        rest = iter(changes)
        while some := list(islice(rest, 2 * SENDERS * THINGS_A_BULK)):
            outcomes = self._send([(change, self.alias_next(change.kind)) for change in some])
            for change, (_, _, wrong) in zip(some, outcomes, strict=True):
                if wrong:
                    raise EngineError(f"{change.kind.value} {change.thing_id} 写不进新索引：{wrong}")

    def _send(self, writes: Sequence[tuple[Change, str]]) -> list[Outcome]:
        """In bulks; what one sender waits for, the other one uses."""
        bulks = [writes[start : start + THINGS_A_BULK] for start in range(0, len(writes), THINGS_A_BULK)]
        if len(bulks) == 1:
            return self._send_one(bulks[0])
        with ThreadPoolExecutor(SENDERS) as senders:
            return [outcome for outcomes in senders.map(self._send_one, bulks) for outcome in outcomes]

    def _send_one(self, writes: Sequence[tuple[Change, str]]) -> list[Outcome]:
        lines: list[bytes] = []
        for change, alias in writes:
            head = {
                "_index": alias,
                "_id": str(change.thing_id),
                "version": change.version,
                "version_type": "external_gte",
                "require_alias": True,
            }
            lines += [orjson.dumps({"index": head}), document(change)]
        answer = self._ask("POST", "/_bulk", b"\n".join([*lines, b""]), timeout=BULK_SECONDS, filter_path=BULK_ANSWER)
        outcomes = [_outcome(item["index"]) for item in answer["items"]]
        if len(outcomes) != len(writes):
            raise EngineError(f"检索引擎只回答了 {len(outcomes)} 条，应为 {len(writes)} 条")
        for status, name, wrong in outcomes:
            if status in AWAY:
                raise EngineError(f"索引 {name} 现在写不进去：{wrong}。请看检索引擎的磁盘空间和负载")
        return outcomes


def _outcome(item: Mapping[str, Any]) -> Outcome:
    """A newer version that is already there is a yes."""
    status, error = int(item["status"]), item.get("error", {})
    is_well = not error or status == CONFLICT
    reasons = (error.get("reason", ""), error.get("caused_by", {}).get("reason", ""))
    return status, item["_index"], "" if is_well else f"{status} {'；'.join(reason for reason in reasons if reason)}"[:500]
