"""The other half of the one search box: what is not in the index is looked up in the database, with the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import url_for
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from indexer.analysis import analyser
from marketplace.domain.access import Viewer
from marketplace.domain.showcases import ShowcaseState
from marketplace.records.elsewhere import find_elsewhere, newest_policies, published_windows
from marketplace.records.events import readable_events
from marketplace.records.projects import readable_projects
from marketplace.records.resources import readable_resources
from marketplace.records.showcases import Showcase, readable_showcases
from marketplace.web.guides import readable_guides
from marketplace.web.language import say

# So many of each are shown; the rest is on the page of that noun.
MOST, MOST_WORDS, SHORTEST = 4, 8, 2


@dataclass(frozen=True)
class Group:
    """Things of one noun: how many fit, and the best of them with their addresses."""

    word: str
    total: int
    rows: Sequence[tuple[str, str]]
    all_of_them: str


def _unpublished_showcases(viewer: Viewer) -> ColumnElement[bool]:
    """What is published is in the index, where the name of whoever did not agree to be named finds nothing."""
    return readable_showcases(viewer) & (Showcase.state != ShowcaseState.PUBLISHED)


# noun → who may read which, its list, its page.
_NOUNS: dict[str, tuple[Callable[[Viewer], ColumnElement[bool]], str, str]] = {
    "window": (lambda viewer: published_windows(), "windows.index", "windows.show"),
    "guide": (readable_guides, "guides.index", "guides.show"),
    "policy": (lambda viewer: newest_policies(), "policies.index", "policies.show"),
    "showcase": (_unpublished_showcases, "showcases.index", "showcases.show"),
    "project": (readable_projects, "projects.index", "projects.show"),
    "event": (readable_events, "events.index", "events.show"),
    "resource": (readable_resources, "resources.index", "resources.show"),
}


def _words() -> dict[str, str]:
    return {
        "window": say("通知公告"),
        "guide": say("申报指南"),
        "policy": say("政策"),
        "showcase": say("未公开的标杆案例"),
        "project": say("项目"),
        "event": say("培训与活动"),
        "resource": say("公共服务资源"),
    }


def words_of(text: str) -> list[str]:
    """The words of a question as the index cuts them; those of one character only where there are no others."""
    own = [word for word in analyser().question(text, synonyms=False).own if word]
    return ([word for word in own if len(word) >= SHORTEST] or own)[:MOST_WORDS]


def find_others(session: Session, text: str, viewer: Viewer) -> list[Group]:
    """What else holds at least half of the words, noun by noun; nothing where nothing was asked."""
    words, called = words_of(text), _words()
    if not words:
        return []
    groups = []
    for noun, (readable, index, show) in _NOUNS.items():
        total, rows = find_elsewhere(session, noun, words, readable=readable(viewer), least=-(-len(words) // 2), most=MOST)
        if rows:
            found = [(row.title, url_for(show, public_id=row.public_id)) for row in rows]
            groups.append(Group(called[noun], total, found, url_for(index)))
    return groups
