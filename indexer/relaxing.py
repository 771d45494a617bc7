"""A search without results gives up conditions step by step, and says which."""

from __future__ import annotations

from collections.abc import Callable

from indexer.backends import Candidates
from indexer.query import Condition

# What is given up first: what providers often leave unsaid, then wishes, last what the need is about.
ORDER = (
    "certificate",
    "interface",
    "origin",
    "deployment",
    "explosion_proof",
    "size",
    "level",
    "region",
    "weeks",
    "price",
    "local",
    "form",
    "orientation",
    "priority",
    "scenario_kind",
    "provider_kind",
    "scenario",
    "stage",
    "sector",
)


def relaxed(
    condition: Condition, ask: Callable[[tuple[Condition, ...]], tuple[Candidates, ...]]
) -> tuple[tuple[str, ...], Candidates | None]:
    """(names given up, in order; what was found without them). Who may see what is never given up.

    First every condition alone, then more and more together; whatever turns out to be unnecessary is kept.
    """
    names = sorted(condition.names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    for name, found in zip(names, ask(tuple(condition.without(name) for name in names)), strict=True):
        if len(found.columns.ids):
            return (name,), found
    given_up: list[str] = []
    loose, found_loose = condition, None
    for name in names:
        loose = loose.without(name)
        given_up.append(name)
        (found,) = ask((loose,))
        if len(found.columns.ids):
            found_loose = found
            break
    if found_loose is None:
        return (), None
    for name in list(given_up):
        rest = [other for other in given_up if other != name]
        tighter = condition
        for other in rest:
            tighter = tighter.without(other)
        (found,) = ask((tighter,))
        if len(found.columns.ids):
            given_up, found_loose = rest, found
    return tuple(given_up), found_loose
