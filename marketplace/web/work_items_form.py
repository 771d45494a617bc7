"""The form of a task, and the ledger as a sheet: taken along, brought back whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Mapping

from flask import Response as FlaskResponse
from flask import flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import work_items as actions
from marketplace.actions.roles import actor_of
from marketplace.actions.work_item_imports import PACKAGED, BadRowsError, import_work_items, load_plan
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.work_items import WorkDraft, check, next_code
from marketplace.faults import said
from marketplace.guard import current_viewer, permission
from marketplace.records.history import find_last_entries, find_last_entry
from marketplace.records.work_items import WorkItem, find_work_item
from marketplace.sheets.work_items import SHEET, read_work_items, work_item_workbook
from marketplace.site import current_site
from marketplace.uploads import Uploads
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.centre import WORDS, step_of, typed
from marketplace.web.downloads import workbook
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.work_items import asked_for, found_by, found_item, list_page, names_of_phases, pages

NAMES = ("code", "phase", "title", "owner", "co_owners", "starts", "due", "evidence", "remark")
LABELS = {
    "title": _("工作任务"), "owner": _("责任单位"), "co_owners": _("配合单位"), "starts": _("开始日期"), "due": _("截止日期"),
    "evidence": _("进展与佐证"), "remark": _("说明"),
}  # fmt: skip


@pages.get("/work-items/new")
@permission("manage", "work_item")
def new() -> Response:
    """Below `above` where the address names one, else a task of the plan itself."""
    with current_site().database.reading() as session:
        above = find_work_item(session, request.args.get("above", ""))
        codes = select(WorkItem.code).where(WorkItem.parent_id == above.id if above else WorkItem.parent_id.is_(None))
        values = dict.fromkeys(NAMES, "") | {"code": next_code(above.code if above else "", session.scalars(codes).all())}
        if above is not None:
            values |= {"phase": above.phase, "owner": above.owner, "due": above.due.isoformat() if above.due else ""}
    return _form(values)


@pages.post("/work-items/new")
@permission("manage", "work_item")
def create() -> Response:
    return _keep("")


@pages.get("/work-items/<public_id>/edit")
@permission("manage", "work_item")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        values = typed_of(found_item(session, public_id))
    return _form(values, public_id=public_id)


@pages.post("/work-items/<public_id>/edit")
@permission("manage", "work_item")
def save(public_id: str) -> Response:
    return _keep(public_id)


def typed_of(item: WorkItem) -> dict[str, str]:
    days = {name: one.isoformat() if (one := getattr(item, name)) else "" for name in ("starts", "due")}
    return {name: str(getattr(item, name)) for name in NAMES} | days


def _keep(public_id: str) -> Response:
    database, values = current_site().database, typed(*NAMES)
    number = None
    with database.reading() as session:
        if public_id:
            item = found_item(session, public_id)
            number, values = item.id, values | {"code": item.code, "phase": item.phase}
    phases = names_of_phases()
    faults = [*_bad_days(values), *check(_draft(values), phases)]
    if not faults:
        try:
            if number is None:
                saved = actions.create(database, _draft(values), step_of(), phases=phases)
            else:
                saved = actions.change(database, number, _draft(values), step_of(), phases=phases)
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _form(values, public_id=public_id, lost=error.refused)
            faults = [("phase" if error.refused.code == "other_phase" else "code", error.refused)]
        else:
            flash(say("已保存。"), "good")
            return redirect(url_for("work_items.show", public_id=saved.public_id), 303)
    return _form(values, public_id=public_id, faults=faults)


def _draft(values: Mapping[str, str]) -> WorkDraft:
    texts = {name: value for name, value in values.items() if name not in ("starts", "due")}
    return WorkDraft(starts=typed_day(values["starts"]), due=typed_day(values["due"]), **texts)


def _bad_days(values: Mapping[str, str]) -> Faults:
    """Something was typed that is no day: that is not the same as nothing."""
    bad = [name for name in ("starts", "due") if values[name] and typed_day(values[name]) is None]
    return [(name, Refused("not_a_day", _("“{value}”不是日期。请写成 2026-11-20。"), {"value": values[name][:20]})) for name in bad]


def _form(values: dict[str, str], *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        item = found_item(session, public_id) if public_id else None
        body = render_template(
            "work_items/form.html",
            typed=values,
            public_id=public_id,
            faults=sentences(faults or []),
            phases=list(names_of_phases()),
            seen=seen_still(find_last_entry(session, actions.NOUN, item.id) if item else 0, lost=lost is not None),
            lost=sentence_of(lost),
            changes=_outdated(item, values) if item and lost else [],
            **WORDS,
        )
    return make_response(body, 409 if lost else 422 if faults else 200)


def _outdated(item: WorkItem, values: Mapping[str, str]) -> list[ShownDifference]:
    there = typed_of(item)
    return outdated_fields((say(word), there[name], values[name]) for name, word in LABELS.items())


@pages.get("/work-items/sheet")
@permission("read", "work_item")
def export() -> FlaskResponse:
    """What the filters find, as a sheet that can be changed and brought back."""
    with current_site().database.reading() as session:
        body = _workbook(session)
    return workbook(body, say(SHEET.name))


def _workbook(session: Session) -> bytes:
    rows = session.scalars(found_by(asked_for(), today())).all()
    last = find_last_entries(session, actions.NOUN, [row.id for row in rows])
    lines = ((WorkDraft(**{name: getattr(row, name) for name in NAMES}), row.state, last.get(row.id, 0)) for row in rows)
    return work_item_workbook(lines, names_of_phases())


@pages.post("/work-items/sheet")
@permission("manage", "work_item")
def bring() -> Response:
    """Read a sheet: all of it, or nothing and what is wrong with which row."""
    site, viewer, file = current_site(), current_viewer(), request.files.get("file")
    assert viewer.account_id is not None
    uploads = Uploads(site.settings.data_dir / "uploads")
    kept = uploads.keep(file.stream if file else io.BytesIO(), (file.filename or "") if file else "", owner=viewer.account_id)
    if isinstance(kept, Refused):
        return list_page(said(kept.message, kept.values))
    try:
        reading = read_work_items(kept.file, site.pilot, names_of_phases())
    finally:
        kept.drop()
    if reading.bad:
        return list_page(bad=reading.bad)
    try:
        done = import_work_items(site.database, reading.rows, step_of())
    except BadRowsError as error:
        return list_page(bad=error.bad)
    flash(
        say("已导入：新增 {new} 项，改动 {changed} 项，状态变动 {moved} 项。", new=done.new, changed=done.changed, moved=done.moved), "good"
    )
    return redirect(url_for("work_items.index"), 303)


@pages.post("/work-items/plan")
@permission("manage", "work_item")
def load() -> Response:
    """Begin with the plan that comes with the platform."""
    site = current_site()
    reading = read_work_items(PACKAGED, site.pilot, names_of_phases())
    if reading.bad:
        return list_page(bad=reading.bad)
    load_plan(site.database, reading, at=here_now(), actor=actor_of(current_viewer()))
    flash(say("已载入试点工作计划表，可以再分解。"), "good")
    return redirect(url_for("work_items.index"), 303)
