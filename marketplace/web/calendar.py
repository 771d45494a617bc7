"""The calendar of holidays and make-up days: seen by everybody whose terms it counts, brought up to date by staff."""

from __future__ import annotations

import io

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, send_file, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.calendar import import_calendar
from marketplace.domain.access import may
from marketplace.domain.lifecycle import Refused
from marketplace.faults import said
from marketplace.guard import current_viewer, now, open_to_all, permission
from marketplace.records.calendar import CalendarDay
from marketplace.sheets.calendar import CalendarReading, DayRow, read_calendar, write_calendar
from marketplace.site import current_site
from marketplace.uploads import Uploads
from marketplace.web.language import say
from marketplace.web.terms import Span, days, spans
from marketplace.web.wording import sep

pages = Blueprint("calendar", __name__)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pages.get("/calendar")
@open_to_all
def page() -> AnyResponse:
    """The holidays and make-up days of each year, the latest year first."""
    return _page()


@pages.get("/calendar.xlsx")
@open_to_all
def export() -> Response:
    """The calendar as a sheet, to be changed and read again."""
    with current_site().database.reading() as session:
        rows = [DayRow(one.day, one.works, one.name) for one in session.scalars(select(CalendarDay).order_by(CalendarDay.day))]
    return send_file(io.BytesIO(write_calendar(rows)), XLSX, as_attachment=True, download_name=f"{say('工作日历')}.xlsx")


@pages.post("/calendar")
@permission("manage", "calendar")
def bring() -> AnyResponse:
    """Read a sheet: all of it, or nothing and what is wrong with which row."""
    site, viewer, file = current_site(), current_viewer(), request.files.get("file")
    assert viewer.account_id is not None
    uploads = Uploads(site.settings.data_dir / "uploads")
    kept = uploads.keep(file.stream if file else io.BytesIO(), (file.filename or "") if file else "", owner=viewer.account_id)
    if isinstance(kept, Refused):
        return _page(sentence=said(kept.message, kept.values))
    try:
        reading = read_calendar(kept.file, site.pilot)
    finally:
        kept.drop()
    if reading.bad:
        return _page(reading=reading)
    change = import_calendar(site.database, reading.rows, viewer=viewer, at=now())
    years = sep("、").join(map(str, change.years))
    flash(
        say(
            "已更新 {years} 年：新增 {new} 天，改动 {changed} 天，去掉 {gone} 天。",
            years=years,
            new=change.new,
            changed=change.changed,
            gone=change.gone,
        ),
        "good",
    )
    return redirect(url_for("calendar.page"), 303)


def _page(*, sentence: str = "", reading: CalendarReading | None = None) -> AnyResponse:
    known = days()
    off, worked = spans(known.calendar.off, known.names), spans(known.calendar.made_up, known.names)
    years: dict[int, tuple[list[Span], list[Span]]] = {}
    for place, found in enumerate((off, worked)):
        for span in found:
            years.setdefault(span.first.year, ([], []))[place].append(span)
    body = render_template(
        "calendar/page.html",
        years=sorted(years.items(), reverse=True),
        may_bring=may(current_viewer(), "manage", "calendar"),
        sentence=sentence,
        reading=reading,
    )
    return make_response(body, 422 if sentence or reading else 200)
