"""Investment figures of the statistics bureau: what stands, and a sheet with more of them."""

from __future__ import annotations

import io

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.reported_investments import enter_investments
from marketplace.domain.lifecycle import Refused
from marketplace.faults import said
from marketplace.guard import current_viewer, now, permission
from marketplace.records.reported_investments import ReportedInvestment
from marketplace.sheets.lists_out import list_workbook
from marketplace.sheets.reported_investments import SHEET, InvestmentReading, read_investments
from marketplace.site import current_site
from marketplace.uploads import Uploads
from marketplace.web.downloads import workbook
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.terms import today

pages = Blueprint("figures_entry", __name__)


@pages.get("/figures/entry")
@permission("enter", "figure")
def form() -> AnyResponse:
    return _page()


@pages.get("/figures/entry/template")
@permission("enter", "figure")
def template() -> AnyResponse:
    """The sheet to be filled in, its money in 万元."""
    heads = [(f"{column.header}（万元）" if column.key == "fen" else column.header, 20) for column in SHEET.columns]
    return workbook(list_workbook(SHEET.name, heads, []), SHEET.name)


@pages.post("/figures/entry")
@permission("enter", "figure")
def enter() -> AnyResponse:
    """Read a sheet: all of it, or nothing and what is wrong with which row."""
    site, viewer, file = current_site(), current_viewer(), request.files.get("file")
    assert viewer.account_id is not None
    uploads = Uploads(site.settings.data_dir / "uploads")
    kept = uploads.keep(file.stream if file else io.BytesIO(), (file.filename or "") if file else "", owner=viewer.account_id)
    if isinstance(kept, Refused):
        return _page(sentence=said(kept.message, kept.values))
    try:
        reading = read_investments(kept.file, site.pilot, this_month=f"{today():%Y-%m}")
    finally:
        kept.drop()
    if reading.bad:
        return _page(reading=reading)
    entered = enter_investments(site.database, reading.rows, viewer=viewer, at=now())
    flash(say("已录入：新增 {new} 行，改动 {changed} 行。", new=entered.new, changed=entered.changed), "good")
    return redirect(url_for("figures_entry.form"), 303)


def _page(*, sentence: str = "", reading: InvestmentReading | None = None) -> AnyResponse:
    with current_site().database.reading() as session:
        total = session.scalar(select(func.count()).select_from(ReportedInvestment)) or 0
        paging = paged(total, current_site().pilot.thresholds.page_size, "figures_entry.form")
        query = select(ReportedInvestment).order_by(ReportedInvestment.month.desc(), ReportedInvestment.sector, ReportedInvestment.area)
        rows = session.scalars(query.offset(paging.offset).limit(paging.size)).all()
        body = render_template("figures/entry.html", rows=rows, paging=paging, sentence=sentence, reading=reading)
    return make_response(body, 422 if sentence or reading else 200)
