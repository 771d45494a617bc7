"""Inspections on site: the desk with its draws, one inspection as those who carry it out need it on a phone, and what a project sees of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import inspection_draws, inspections_effect
from marketplace.actions import inspections as actions
from marketplace.actions.inspections import Photo
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer, may
from marketplace.domain.inspections import RUNNING, FindingDraft, InspectionState, PhotoStamp, PlanDraft, ReportDraft
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.invoices import read_evidence
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.accounts import Account
from marketplace.records.files import Attachment
from marketplace.records.inspections import (
    Inspection,
    count_inspections,
    find_draw,
    find_drawn,
    find_inspection,
    find_inspection_draws,
    find_inspections,
    find_inspections_by,
)
from marketplace.records.projects import find_suppliers
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.inspections_shown import MOST_FINDINGS, InspectionPage, outdated, read_inspection, visible
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, here_now, today
from marketplace.web.typed import typed_day
from marketplace.web.typed_numbers import typed_number, typed_whole
from marketplace.web.watching import FILE_FIELDS, WORDS, is_office, status_of, step_of, taken, why

pages = Blueprint("inspections", __name__)
ADDRESSES[actions.INSPECTION] = lambda ref: url_for("inspections.show", inspection_id=ref)
PHOTOS = ("jpg", "png")
TABS = {"running": tuple(RUNNING), "confirmed": (InspectionState.CONFIRMED,), "cancelled": (InspectionState.CANCELLED,)}
_SAID = {
    "start": _("已到场，请填检查单并拍照。"),
    "photos": _("照片已上传。"),
    "save": _("已保存。"),
    "report": _("检查报告已提交，等区工信局确认。"),
    "assign": _("检查人员已更换。"),
    "send_back": _("已退回补充。"),
    "confirm": _("已确认，警示、整改和评价已随之办理。"),
    "cancel": _("检查已取消。"),
}


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """The offices and those who inspect; the enterprise once the report is confirmed."""
    one = session.get(Inspection, file.noun_id)
    return one is not None and visible(session, viewer, one) in ("whole", "result")


READERS[actions.INSPECTION] = _readable


@pages.get("/inspections")
@permission("read", "inspection")
def index() -> Response:
    """The desk for offices; everybody else sees the inspections that they carry out."""
    return _desk()


def _desk(refused: Refused | None = None) -> Response:
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        if not may(viewer, "read", "inspection"):
            own = find_inspections_by(session, viewer.account_id or 0)
            return form_page("inspections/mine.html", rows=own, here=today(), **WORDS)
        shown = request.args.get("show", "")
        shown = shown if shown in TABS else "running"
        counts = {name: count_inspections(session, states) for name, states in TABS.items()}
        paging = paged(counts[shown], current_site().pilot.thresholds.page_size, "inspections.index", show=shown)
        draws = find_inspection_draws(session, most=5)
        answer = form_page(
            "inspections/index.html", refused=refused, shown=shown, counts=counts, paging=paging, draws=draws,
            rows=find_inspections(session, TABS[shown], offset=paging.offset, most=paging.size), office=is_office(viewer),
            team=actions.possible_inspectors(session) if is_office(viewer) else [], typed=request.form if refused else {},
            chosen=request.form.getlist("inspector") if refused else [], last=draws[0].public_id if draws else "",
            soon=(today() + timedelta(days=3)).isoformat(), rules=current_site().pilot.inspection, **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def chosen_team(session: Session) -> list[int]:
    chosen = request.form.getlist("inspector")[:50]
    return list(session.scalars(select(Account.id).where(Account.public_id.in_(chosen)).order_by(Account.id)))


def plan_draft() -> PlanDraft:
    with current_site().database.reading() as session:
        team = chosen_team(session)
    typed = request.form
    return PlanDraft(typed_day(typed.get("planned_on", "")), typed.get("announced") == "1", team, typed.get("about", ""))


@pages.post("/inspections/draw")
@permission("supervise", "project")
def draw() -> AnyResponse:
    """By lot, weighted by risk."""
    wanted = typed_whole(request.form.get("wanted", "")) or 0
    last = request.form.get("last") if "last" in request.form else None
    try:
        log = inspection_draws.draw_projects(current_site().database, wanted, plan_draft(), step_of(), seen=last)
    except RefusedError as error:
        return _desk(error.refused)
    flash(say("已抽取 {n} 个项目，检查人员会收到通知。", n=min(log.wanted, len(log.lots))), "good")
    return redirect(url_for("inspections.draw_log", draw_id=log.public_id), 303)


@pages.get("/inspections/draws/<draw_id>")
@permission("supervise", "project")
def draw_log(draw_id: str) -> Response:
    """Who was drawn, with which seed, and why each weighed what it did."""
    days()
    with current_site().database.reading() as session:
        log = find_draw(session, draw_id) or not_found()
        person = session.get(Account, log.drawn_by) if log.drawn_by else None
        return form_page("inspections/draw.html", log=log, drawn=find_drawn(session, log.id), person=person, **WORDS)


@pages.get("/inspections/<inspection_id>")
@permission("read", "inspection")
def show(inspection_id: str) -> Response:
    return inspection_page(inspection_id)


def _found(session: Session, inspection_id: str) -> Inspection:
    """What this person may not see of an inspection is as absent as one that does not exist."""
    one = find_inspection(session, inspection_id)
    return one if one is not None and visible(session, current_viewer(), one) else not_found()


def inspection_page(inspection_id: str, refused: Refused | None = None, form: str = "") -> Response:
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        one = _found(session, inspection_id)
        lost = refused is not None and refused.code == "changed_meanwhile"
        page: InspectionPage = read_inspection(session, one, viewer, lost=lost)
        answer = form_page(
            "inspections/show.html", refused=refused, page=page, one=one, form=form, typed=request.form if refused else {},
            rules=current_site().pilot.inspection, now=here_now().strftime("%Y-%m-%dT%H:%M"), photos_allowed=PHOTOS,
            team=actions.possible_inspectors(session) if page.may_assign else [], most_findings=MOST_FINDINGS,
            chosen=request.form.getlist("inspector") if form == "assign" else [], changes=outdated(page) if lost and form != "photos" else [],
            **WORDS,
        )  # fmt: skip
    # The one page that may ask the phone where it is.
    if page.inspects:
        answer.headers["Permissions-Policy"] = "camera=(), geolocation=(self), microphone=(), payment=(), usb=()"
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _acted(inspection_id: str, event: str, act: Callable[[int], object]) -> AnyResponse:
    with current_site().database.reading() as session:
        number = _found(session, inspection_id).id
    try:
        act(number)
    except RefusedError as error:
        return inspection_page(inspection_id, error.refused, event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("inspections.show", inspection_id=inspection_id), 303)


@pages.post("/inspections/<inspection_id>/start")
@permission("carry_out", "inspection")
def start(inspection_id: str) -> AnyResponse:
    step = step_of()
    return _acted(inspection_id, "start", lambda number: actions.start(current_site().database, number, step))


@pages.post("/inspections/<inspection_id>/photos")
@permission("carry_out", "inspection")
def photos(inspection_id: str) -> AnyResponse:
    """Photos with their stamps: the camera's own, else the phone's position now, else what is typed."""

    def act(number: int) -> object:
        return actions.add_photos(current_site().database, number, _photos(), step_of())

    return _acted(inspection_id, "photos", act)


def _photos() -> list[Photo]:
    site, typed = current_site(), request.form
    found: list[Photo] = []
    for field in FILE_FIELDS:
        blob = taken(field, PHOTOS)
        if blob is None:
            continue
        reading = read_evidence(site.files.path(blob.sha256), blob.kind, as_invoice=False)
        zone, place = ZoneInfo(site.pilot.city.zone), typed.get("place", "")
        device = typed_number(typed.get("latitude", "")), typed_number(typed.get("longitude", ""))
        if reading.taken_at is not None and reading.place:
            north, east = (float(part) for part in reading.place.split(","))
            found.append(Photo(blob, PhotoStamp(reading.taken_at.replace(tzinfo=zone), north, east, place), "camera"))
        elif None not in device:
            found.append(Photo(blob, PhotoStamp(here_now(), *device, place), "device"))
        else:
            found.append(Photo(blob, PhotoStamp(_moment(typed.get("taken_at", ""), zone), place=place), "hand"))
    if not found:
        raise RefusedError(Refused("no_file", _("还没有选文件。请选一个文件再传。")))
    return found


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return None


def _report_draft(inspection_id: str) -> ReportDraft:
    typed = request.form
    with current_site().database.reading() as session:
        one = _found(session, inspection_id)
        suppliers = {row.public_id: row.id for row in find_suppliers(session, one.project_id, ended=True)}
    answers = {
        row.key: (typed.get(f"answer-{row.key}", ""), typed.get(f"remark-{row.key}", ""))
        for row in current_site().pilot.inspection.checklist
    }
    findings = []
    for place in range(MOST_FINDINGS):
        fault, severity, text = (typed.get(f"{name}-{place}", "") for name in ("fault", "severity", "text"))
        if not (fault or severity or text.strip()):
            continue
        chosen = typed.get(f"supplier-{place}", "")
        findings.append(FindingDraft(fault, severity, text, suppliers.get(chosen, 0) if chosen else None))
    return ReportDraft(answers, typed.get("summary", ""), typed.get("severity", ""), findings)


@pages.post("/inspections/<inspection_id>/<any(save, report):event>")
@permission("carry_out", "inspection")
def write(inspection_id: str, event: str) -> AnyResponse:
    """Keep what the inspectors have so far, or hand it in."""
    step, draft = step_of(), _report_draft(inspection_id)
    verb = actions.save if event == "save" else actions.report
    return _acted(inspection_id, event, lambda number: verb(current_site().database, number, draft, step))


@pages.post("/inspections/<inspection_id>/<any(assign, cancel):event>")
@permission("supervise", "project")
def manage(inspection_id: str, event: str) -> AnyResponse:
    step = step_of()
    if event == "cancel":
        return _acted(inspection_id, event, lambda number: actions.cancel(current_site().database, number, step, why=why()))
    with current_site().database.reading() as session:
        team = chosen_team(session)
    return _acted(inspection_id, event, lambda number: actions.assign(current_site().database, number, team, step))


@pages.post("/inspections/<inspection_id>/<any(confirm, send_back):event>")
@permission("supervise", "project")
def judge(inspection_id: str, event: str) -> AnyResponse:
    """Another person of the bureau agrees, or wants more."""
    step = step_of()
    if event == "send_back":
        return _acted(inspection_id, event, lambda number: actions.send_back(current_site().database, number, step, why=why()))
    return _acted(inspection_id, event, lambda number: inspections_effect.confirm(current_site().database, number, step, why=why()))
