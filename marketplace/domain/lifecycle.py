"""A process is a table: states, events, roles and guards in one tuple of rows.

Buttons, checks, history and documentation are all derived from the same rows, so that they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


def _(message: str) -> str:
    """Mark a Chinese source sentence for extraction; it is translated where it is shown."""
    return message


@dataclass(frozen=True)
class Refused:
    """A refusal is a value with a sentence: a stable code, the Chinese source sentence and the values it needs."""

    code: str
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def sentence(self) -> str:
        """The Chinese sentence with its values filled in."""
        return self.message.format(**self.values) if self.values else self.message


class RefusedError(Exception):
    """Carries a `Refused` out of an action, whose transaction is rolled back by it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.sentence())
        self.refused = refused


Guard = Callable[[Any], Refused | None]


@dataclass(frozen=True)
class Transition:
    """One row of a process table: in one of `states`, `event` by one of `roles` leads to `to` if `guard` is silent."""

    states: tuple[str, ...]
    event: str
    to: str
    roles: tuple[str, ...]
    label: str
    guard: Guard | None = None


Table = tuple[Transition, ...]


def decide(table: Table, state: str, event: str, roles: Iterable[str], subject: Any = None) -> Transition | Refused:
    """The row that applies, or why none does. Raises nothing; changes nothing."""
    rows = [row for row in table if row.event == event and state in row.states]
    # The event does not exist in this state: say which ones do.
    if not rows:
        return Refused("wrong_state", _("现在的状态（{state}）不能这样办理。"), {"state": state, "event": event})
    held = set(roles)
    allowed = [row for row in rows if held & set(row.roles)]
    # The event exists, but not for this person.
    if not allowed:
        return Refused("not_allowed", _("您没有办理这一步的权限。"), {"event": event})
    refused: Refused | None = None
    for row in allowed:
        refused = row.guard(subject) if row.guard else None
        if refused is None:
            return row
    assert refused is not None
    return refused


def allowed_events(table: Table, state: str, roles: Iterable[str]) -> tuple[Transition, ...]:
    """The rows that a person with these roles may try in this state (guards not yet asked)."""
    held = set(roles)
    return tuple(row for row in table if state in row.states and held & set(row.roles))


def mermaid(table: Table) -> str:
    """The table as a Mermaid state diagram, for the generated documentation."""
    lines = ["stateDiagram-v2"]
    for row in table:
        lines += [f"    {state} --> {row.to}: {row.label}（{'、'.join(row.roles)}）" for state in row.states]
    return "\n".join(lines)
