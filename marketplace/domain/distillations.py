"""Clusters of many enterprises' problems, from which a sector's typical scenarios are made: a person merges, names, publishes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class ClusterState(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    MERGED = "merged"
    SET_ASIDE = "set_aside"


_CENTRE = (Role.CENTRE, Role.ADMIN)

TABLE: Table = (
    Transition((ClusterState.PROPOSED,), "publish", ClusterState.PUBLISHED, _CENTRE, "发布为典型场景"),
    Transition((ClusterState.PROPOSED,), "merge", ClusterState.MERGED, _CENTRE, "并入另一类"),
    Transition((ClusterState.PROPOSED,), "set_aside", ClusterState.SET_ASIDE, _CENTRE, "搁置"),
    Transition((ClusterState.SET_ASIDE,), "take_up", ClusterState.PROPOSED, _CENTRE, "重新考虑"),
)
# Fewer enterprises than this do not make a scenario typical, and could be found out by counting.
LEAST_ENTERPRISES = 3


@dataclass
class ClusterDraft:
    """A cluster as a person names it. Stage and orientation are keys of the pilot."""

    name: str = ""
    note: str = ""
    stage: str = ""
    orientation: str = ""
    words: list[str] = field(default_factory=list)


def check(draft: ClusterDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    yield from check_text("name", _("场景名称"), draft.name, most=200, required=True)
    yield from check_text("note", _("场景说明"), draft.note, most=20_000)


def check_publishing(enterprises: int, code: str) -> Iterator[tuple[str, Refused]]:
    """What a typical scenario needs beside its name."""
    yield from check_text("code", _("场景编号"), code, most=32, required=True)
    if enterprises < LEAST_ENTERPRISES:
        values = {"count": enterprises, "least": LEAST_ENTERPRISES}
        yield "", Refused("too_few_enterprises", _("只有 {count} 家企业有这类问题，至少 {least} 家才能作为典型场景发布。"), values)
