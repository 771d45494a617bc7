"""Application windows (申报窗口): their notices, when they are open, and who was admitted once the results are public."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from marketplace.api.days import today
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.domain.access import may
from marketplace.domain.applications import ApplicationState
from marketplace.domain.windows import Phase, WindowState, phase
from marketplace.domain.working_days import Calendar
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.applications import ProviderApplication
from marketplace.records.calendar import find_calendar
from marketplace.records.organisations import Organisation
from marketplace.records.windows import ApplicationWindow
from marketplace.site import current_site


class WindowLine(Model):
    """A window in a list. `closes` is its last day, until 24:00; `publicity_days`: working days of 公示, 0: none."""

    id: str
    number: str
    title: str
    sectors: list[str]
    opens: date
    closes: date
    publicity_days: int
    phase: Phase


class RequiredDocument(Model):
    key: str
    name: str
    section: str
    each: bool
    """One for every row of its section (a case, an expert)."""


class WindowOut(WindowLine):
    """A window in full. `admitted`: who entered the pool; null until the results are public."""

    text: str
    required: list[RequiredDocument]
    admitted: list[str] | None


class WindowList(Model):
    items: list[WindowLine]
    next: str | None


def readable_window() -> ColumnElement[bool]:
    """A draft, or what was taken back, is as absent as what never was, but for those who make them."""
    return true() if may(current_viewer(), "manage", "window") else ApplicationWindow.state == WindowState.PUBLISHED


def find_readable_window(session: Session, id: str) -> ApplicationWindow:
    return session.scalar(select(ApplicationWindow).where(ApplicationWindow.public_id == id, readable_window())) or not_found()


@permission("read", "window")
@operation("/windows", summary="Application windows", tag="windows", query=ListQuery, answer=WindowList)
def list_windows(query: ListQuery) -> WindowList:
    with current_site().database.reading() as session:
        calendar = find_calendar(session)
        part, following = part_of(session, select(ApplicationWindow).where(readable_window()), ApplicationWindow, query)
        return WindowList(items=[WindowLine(**_line(row, calendar)) for row in part], next=following)


@permission("read", "window")
@operation("/windows/<id>", summary="One application window", tag="windows", answer=WindowOut, etag=True)
def read_window(id: str) -> WindowOut:
    with current_site().database.reading() as session:
        row = find_readable_window(session, id)
        rules = current_site().pilot.application
        wanted = [document for key in row.required if (document := rules.document(key))]
        required = [RequiredDocument(key=one.key, name=one.name, section=one.section, each=one.each) for one in wanted]
        told = _line(row, find_calendar(session))
        return WindowOut(**told, text=row.text, required=required, admitted=_admitted(session, row))


def _line(row: ApplicationWindow, calendar: Calendar) -> dict[str, object]:
    soon = current_site().pilot.application.closing_soon_days
    same = {name: getattr(row, name) for name in ("number", "title", "sectors", "opens", "closes", "publicity_days")}
    return {**same, "id": row.public_id, "phase": phase(row, today(), calendar, soon=soon)}


def _admitted(session: Session, row: ApplicationWindow) -> list[str] | None:
    if row.results_published_at is None:
        return None
    names = select(Organisation.name).join(ProviderApplication, ProviderApplication.organisation_id == Organisation.id)
    names = names.where(ProviderApplication.window_id == row.id, ProviderApplication.state == ApplicationState.ADMITTED)
    return list(session.scalars(names.order_by(ProviderApplication.number)))
