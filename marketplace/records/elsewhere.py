"""What is searched beside the index: notices, guides, policies, showcases, projects, events and resources, a few hundred each.

Permission is a condition of the statement, as on the pages of these things themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from marketplace.domain.policies import PUBLIC
from marketplace.domain.windows import WindowState
from marketplace.records.events import Event
from marketplace.records.guides import Guide
from marketplace.records.organisations import Organisation
from marketplace.records.policies import PolicyVersion
from marketplace.records.projects import Project
from marketplace.records.resources import Resource
from marketplace.records.showcases import Showcase
from marketplace.records.windows import ApplicationWindow

# A word in the title says more than one in the text.
TITLE, BODY = 3, 1


@dataclass(frozen=True)
class Place:
    """Where to look: what a thing is called by, and what else it says."""

    model: Any
    title: Any
    heads: tuple[Any, ...]
    bodies: tuple[Any, ...]


PLACES = {
    "window": Place(ApplicationWindow, ApplicationWindow.title, (ApplicationWindow.number,), (ApplicationWindow.text,)),
    "guide": Place(Guide, Guide.title, (Guide.number,), (Guide.text,)),
    "policy": Place(PolicyVersion, PolicyVersion.title, (PolicyVersion.number, PolicyVersion.issuer), (PolicyVersion.summary, PolicyVersion.text)),
    "showcase": Place(Showcase, Showcase.title, (Showcase.number,), (Showcase.summary, Showcase.problem, Showcase.approach, Showcase.experience)),
    "project": Place(Project, Project.title, (Project.number,), ()),
    "event": Place(Event, Event.title, (Event.number, Event.speakers), (Event.text, Event.summary)),
    "resource": Place(Resource, Resource.name, (Resource.host,), (Resource.does, Resource.conditions)),
}  # fmt: skip


def published_windows() -> ColumnElement[bool]:
    return ApplicationWindow.state == WindowState.PUBLISHED


def newest_policies() -> ColumnElement[bool]:
    """Of each policy the newest version that is public."""
    other = aliased(PolicyVersion)
    newest = select(func.max(other.version)).where(other.policy_id == PolicyVersion.policy_id, other.state.in_(PUBLIC))
    return PolicyVersion.state.in_(PUBLIC) & (PolicyVersion.version == newest.scalar_subquery())


def find_elsewhere(
    session: Session, noun: str, words: Sequence[str], *, readable: ColumnElement[bool], least: int, most: int
) -> tuple[int, Sequence[Row[tuple[str, str]]]]:
    """How many of these things hold at least so many of the words, and the best of them: (public id, title)."""
    place = PLACES[noun]
    heads = [place.title, *place.heads]
    if place.model is Project:
        # Whose it is stands in the list of projects as well.
        heads.append(select(Organisation.name).where(Organisation.id == Project.organisation_id).scalar_subquery())
    # SQLite's LIKE takes no notice of case by itself, and twice as long where it is told.
    as_typed = session.get_bind().dialect.name == "sqlite"
    named = [_any(heads, word, as_typed) for word in words]
    said = [_any([*heads, *place.bodies], word, as_typed) for word in words] if place.bodies else named
    held = _sum([case((one, BODY), else_=0) for one in said])
    score = _sum([case((head, TITLE), (one, BODY), else_=0) for head, one in zip(named, said, strict=True)]) if place.bodies else held
    found = select(place.model.public_id, place.title.label("title"), func.count().over().label("total")).where(readable, held >= least)
    rows = session.execute(found.order_by(score.desc(), place.model.id.desc()).limit(most)).all()
    return (rows[0].total if rows else 0), rows


def _any(columns: Sequence[Any], word: str, as_typed: bool) -> ColumnElement[bool]:
    return or_(*(column.contains(word, autoescape=True) if as_typed else column.icontains(word, autoescape=True) for column in columns))


def _sum(terms: Sequence[ColumnElement[int]]) -> ColumnElement[int]:
    return reduce(add, terms)
