"""What is new and public, of every kind: for the home page, and for the feed. What is only published is told, and only its title."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.access import ANYONE
from marketplace.domain.events import PUBLIC as PUBLIC_EVENTS
from marketplace.domain.guides import PUBLIC as PUBLIC_GUIDES
from marketplace.domain.lifecycle import _
from marketplace.domain.policies import PolicyVersionState
from marketplace.domain.scenario_lists import ScenarioListState
from marketplace.domain.windows import WindowState
from marketplace.records.events import Event
from marketplace.records.guides import Guide
from marketplace.records.policies import PolicyVersion
from marketplace.records.scenario_lists import ScenarioList
from marketplace.records.showcases import find_published
from marketplace.records.windows import ApplicationWindow
from marketplace.site import current_site
from marketplace.web.showcases_shown import shown
from marketplace.web.terms import today


@dataclass(frozen=True)
class News:
    """`kind`: a source word; `ref`: what stays the same when the address changes."""

    on: date
    kind: str
    title: str
    address: str
    ref: str
    summary: str = ""


def find_news(session: Session, *, most: int) -> list[News]:
    """The newest of all kinds together; each kind is asked for no more than could be shown."""
    found = [news for find in FINDERS for news in find(session, most)]
    return sorted(found, key=lambda news: (news.on, news.ref), reverse=True)[:most]


def _day(moment: datetime | None) -> date:
    assert moment is not None
    return moment.astimezone(ZoneInfo(current_site().pilot.city.zone)).date()


def _guides(session: Session, most: int) -> Iterator[News]:
    query = select(Guide).where(Guide.state.in_(PUBLIC_GUIDES), Guide.published_at.is_not(None))
    for row in session.scalars(query.order_by(Guide.published_at.desc()).limit(most)):
        yield News(_day(row.published_at), _("申报指南"), row.title, url_for("guides.show", public_id=row.public_id), row.public_id)


def _windows(session: Session, most: int) -> Iterator[News]:
    query = select(ApplicationWindow).where(ApplicationWindow.state == WindowState.PUBLISHED)
    for row in session.scalars(query.order_by(ApplicationWindow.opens.desc()).limit(most)):
        # A notice stands there before its window opens.
        yield News(min(row.opens, today()), _("申报通知"), row.title, url_for("windows.show", public_id=row.public_id), row.public_id)


def _lists(session: Session, most: int) -> Iterator[News]:
    query = select(ScenarioList).where(ScenarioList.state == ScenarioListState.ISSUED)
    for row in session.scalars(query.order_by(ScenarioList.issued.desc()).limit(most)):
        assert row.issued is not None
        yield News(row.issued, _("场景清单"), row.title, url_for("scenario_lists.show", public_id=row.public_id), row.public_id)


def _showcases(session: Session, most: int) -> Iterator[News]:
    for row in find_published(session, most=most):
        one = shown(row, ANYONE)
        assert row.published_on is not None
        address = url_for("showcases.show", public_id=row.public_id)
        yield News(row.published_on, _("标杆案例"), one.title, address, row.public_id, one.summary)


def _policies(session: Session, most: int) -> Iterator[News]:
    query = select(PolicyVersion).where(PolicyVersion.state == PolicyVersionState.PUBLISHED, PolicyVersion.published_on.is_not(None))
    for row in session.scalars(query.order_by(PolicyVersion.published_on.desc(), PolicyVersion.id.desc()).limit(most)):
        assert row.published_on is not None
        address = url_for("policies.show", public_id=row.public_id)
        yield News(row.published_on, _("政策库"), row.title, address, row.public_id, row.summary)


def _events(session: Session, most: int) -> Iterator[News]:
    query = select(Event).where(Event.state.in_(PUBLIC_EVENTS))
    for row in session.scalars(query.order_by(Event.created.desc()).limit(most)):
        yield News(_day(row.created), _("培训与活动"), row.title, url_for("events.show", public_id=row.public_id), row.public_id)


# Every area that publishes adds its own.
FINDERS: list[Callable[[Session, int], Iterator[News]]] = [_guides, _windows, _lists, _showcases, _policies, _events]
