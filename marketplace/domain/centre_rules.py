"""What the capability centre offers, as far as another city would name it otherwise (table [centre])."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OfferKind:
    """A kind of event or of resource: its key, and what it is called."""

    key: str
    name: str
    en: str


@dataclass(frozen=True, kw_only=True)
class CentreRules:
    """`most_seats`: more is a slip of the pen. `feedback_least`: below so many answers the public is told no average."""

    event_kinds: tuple[OfferKind, ...]
    resource_kinds: tuple[OfferKind, ...]
    most_seats: int
    feedback_least: int
    source: str

    def event_kind(self, key: str) -> OfferKind | None:
        return next((row for row in self.event_kinds if row.key == key), None)

    def resource_kind(self, key: str) -> OfferKind | None:
        return next((row for row in self.resource_kinds if row.key == key), None)
