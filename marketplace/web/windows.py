"""Application windows: the public list of notices, each notice, and their making by staff."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import windows as actions
from marketplace.domain.access import Viewer, may
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import Refused, RefusedError, allowed_events
from marketplace.domain.windows import TABLE, Phase, WindowDraft, WindowState, check, phase
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.applications import ProviderApplication
from marketplace.records.history import HistoryEntry, find_last_entry
from marketplace.records.organisations import Organisation
from marketplace.records.windows import ApplicationWindow, find_window, find_windows
from marketplace.site import current_site
from marketplace.web.applications_shown import document_word
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import days, here_now, today
from marketplace.web.typed import seen, seen_still
from marketplace.web.wording import sep, term

pages = Blueprint("windows", __name__)


@dataclass(frozen=True)
class Listed:
    """One window of the list. `count`: its applications beyond the draft, for staff."""

    window: ApplicationWindow
    phase: Phase
    count: int


def phase_of(window: ApplicationWindow) -> Phase:
    """What a window is today."""
    return phase(window, today(), days().calendar, soon=current_site().pilot.application.closing_soon_days)


@pages.get("/windows")
@permission("read", "window")
def index() -> str:
    """The notices, the latest first; drafts and withdrawn ones for staff."""
    site, manages = current_site(), may(current_viewer(), "manage", "window")
    days()  # before the session: a page holds one connection at a time
    with site.database.reading() as session:
        total = select(func.count()).select_from(ApplicationWindow)
        if not manages:
            total = total.where(ApplicationWindow.state == WindowState.PUBLISHED)
        paging = paged(session.scalar(total) or 0, site.pilot.thresholds.page_size, "windows.index")
        found = find_windows(session, drafts=manages, most=paging.size, start=paging.offset)
        counts = _counts(session, [window.id for window in found]) if may(current_viewer(), "read", "application") else {}
        rows = [Listed(window, phase_of(window), counts.get(window.id, 0)) for window in found]
        return render_template("windows/index.html", rows=rows, paging=paging, manages=manages, counted=bool(counts))


@pages.get("/windows/<public_id>")
@permission("read", "window")
def show(public_id: str) -> Response:
    """One notice, and what this person may do with it."""
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, typed: Mapping[str, str] | None = None) -> Response:
    site, viewer = current_site(), current_viewer()
    days()  # before the session: a page holds one connection at a time
    with site.database.reading() as session:
        window = _found(session, public_id, viewer)
        manages = may(viewer, "manage", "window")
        entries = select(HistoryEntry).where(HistoryEntry.noun == "window", HistoryEntry.noun_id == window.id)
        body = render_template(
            "windows/show.html",
            window=window,
            phase=phase_of(window),
            documents=[site.pilot.application.document(key) for key in window.required],
            events={row.event for row in allowed_events(TABLE, window.state, viewer.roles)} if manages else set(),
            manages=manages,
            history=session.scalars(entries.order_by(HistoryEntry.id.desc())).all() if manages else [],
            choices=_choices(session, window, viewer),
            count=_counts(session, [window.id]).get(window.id, 0) if may(viewer, "read", "application") else None,
            sentence=said(refused.message, refused.values) if refused else "",
            typed=typed or {},
        )
    return make_response(body, 422 if refused else 200)


@dataclass(frozen=True)
class Choice:
    """An organisation for which this person could apply: its application in this window, and whether it has answers to use again."""

    organisation: Organisation
    application: ProviderApplication | None
    may_reuse: bool


def _choices(session: Session, window: ApplicationWindow, viewer: Viewer) -> list[Choice]:
    if not may(viewer, "write_own", "application"):
        return []
    organisations = session.scalars(
        select(Organisation).where(Organisation.id.in_(viewer.organisation_ids)).order_by(Organisation.id)
    ).all()
    own = select(ProviderApplication).where(ProviderApplication.organisation_id.in_(viewer.organisation_ids))
    applications = session.scalars(own.order_by(ProviderApplication.id)).all()
    here = {one.organisation_id: one for one in applications if one.window_id == window.id and one.state != ApplicationState.WITHDRAWN}
    answered = {one.organisation_id for one in applications if one.version}
    return [Choice(one, here.get(one.id), one.id in answered) for one in organisations]


def _found(session: Session, public_id: str, viewer: Viewer) -> ApplicationWindow:
    """A draft, or what was taken back, is as absent as what never was, but for staff."""
    window = find_window(session, public_id)
    if window is None or (window.state != WindowState.PUBLISHED and not may(viewer, "manage", "window")):
        not_found()
    return window


def _counts(session: Session, ids: list[int]) -> dict[int, int]:
    query = select(ProviderApplication.window_id, func.count()).where(ProviderApplication.window_id.in_(ids))
    query = query.where(ProviderApplication.state.not_in([ApplicationState.DRAFT, ApplicationState.WITHDRAWN]))
    return dict(session.execute(query.group_by(ProviderApplication.window_id)).all())


# ---- made by staff


@pages.get("/windows/new")
@permission("manage", "window")
def new() -> Response:
    """An empty notice, with the documents that are usually asked for."""
    return _form(WindowDraft(required=list(current_site().pilot.application.usual), publicity_days=5), None)


@pages.post("/windows/new")
@permission("manage", "window")
def create() -> Response:
    draft = _typed()
    if refusals := list(check(draft)):
        return _form(draft, None, refusals)
    window = actions.create_window(current_site().database, draft, viewer=current_viewer(), at=now(), today=today())
    flash(say("已保存为草稿 {number}。核对后再发布。", number=window.number), "good")
    return redirect(url_for("windows.show", public_id=window.public_id), 303)


@pages.get("/windows/<public_id>/edit")
@permission("manage", "window")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        window = _found(session, public_id, current_viewer())
        if window.state != WindowState.DRAFT:
            return redirect(url_for("windows.show", public_id=public_id), 303)
        return _form(actions.draft_of(window), window, last=find_last_entry(session, actions.NOUN, window.id))


@pages.post("/windows/<public_id>/edit")
@permission("manage", "window")
def change(public_id: str) -> Response:
    draft = _typed()
    with current_site().database.reading() as session:
        window = _found(session, public_id, current_viewer())
        if refusals := list(check(draft)):
            return _form(draft, window, refusals, last=find_last_entry(session, actions.NOUN, window.id))
        number = window.id
    try:
        actions.edit_window(current_site().database, number, draft, viewer=current_viewer(), at=here_now(), seen=seen())
    except RefusedError as error:
        if error.refused.code != "changed_meanwhile":
            raise
        with current_site().database.reading() as session:
            window = _found(session, public_id, current_viewer())
            return _form(draft, window, lost=error.refused, last=find_last_entry(session, actions.NOUN, window.id))
    flash(say("已保存。"), "good")
    return redirect(url_for("windows.show", public_id=public_id), 303)


@pages.post("/windows/<public_id>/publish")
@permission("manage", "window")
def publish(public_id: str) -> Response:
    values: dict[str, Any] = {"viewer": current_viewer(), "at": now(), "today": today()}
    return _acted(public_id, actions.publish_window, say("通知已发布，并已告知各服务商。"), values)


@pages.post("/windows/<public_id>/withdraw")
@permission("manage", "window")
def withdraw(public_id: str) -> Response:
    values: dict[str, Any] = {"viewer": current_viewer(), "at": now(), "why": request.form.get("why", "")}
    return _acted(public_id, actions.withdraw_window, say("通知已撤回，理由已告知正在填报的服务商。"), values)


@pages.post("/windows/<public_id>/closing")
@permission("manage", "window")
def move_closing(public_id: str) -> Response:
    """Extend, or close early."""
    values: dict[str, Any] = {"closes": _day("closes"), "viewer": current_viewer(), "at": here_now(), "today": today(), "seen": seen()}
    return _acted(
        public_id, actions.move_closing, say("截止日期已改，并已告知正在填报的服务商。"), {**values, "why": request.form.get("why", "")}
    )


def _acted(public_id: str, action: Any, sentence: str, values: dict[str, Any]) -> Response:
    """Let an action happen; what it refuses is said at the form, with what was typed still there."""
    with current_site().database.reading() as session:
        number = _found(session, public_id, current_viewer()).id
    try:
        action(current_site().database, number, **values)
    except RefusedError as error:
        if error.refused.code in ("wrong_state", "not_allowed"):
            raise
        return _page(public_id, error.refused, request.form)
    flash(sentence, "good")
    return redirect(url_for("windows.show", public_id=public_id), 303)


def _form(
    draft: WindowDraft,
    window: ApplicationWindow | None,
    refusals: list[tuple[str, Refused]] | None = None,
    *,
    lost: Refused | None = None,
    last: int = 0,
) -> Response:
    """`lost`: somebody saved since the form was opened; both texts are shown side by side, and nothing typed is gone.
    `last`: the last entry of the window's history."""
    errors = {field: said(refused.message, refused.values) for field, refused in reversed(refusals or [])}
    body = render_template(
        "windows/form.html",
        draft=draft,
        window=window,
        errors=errors,
        documents=current_site().pilot.application.documents,
        sectors=current_site().pilot.sectors,
        seen=seen_still(last, lost=lost is not None),
        lost=sentence_of(lost),
        changes=_outdated(actions.draft_of(window), draft) if window and lost else [],
    )
    return make_response(body, 409 if lost else 422 if errors else 200)


def _outdated(stored: WindowDraft, typed: WindowDraft) -> list[ShownDifference]:
    """What another one saved, beside what was typed."""
    labels = {"title": say("标题"), "text": say("通知正文"), "opens": say("开放日期"), "closes": say("截止日期（当天 24:00）")}
    rows = [(label, str(getattr(stored, name) or ""), str(getattr(typed, name) or "")) for name, label in labels.items()]
    kinds = (("sectors", say("面向行业"), _sector_word), ("required", say("必交材料"), document_word))
    rows += [(label, _listed(getattr(stored, name), word), _listed(getattr(typed, name), word)) for name, label, word in kinds]
    rows.append((say("入库前公示（工作日，0 为不公示）"), str(stored.publicity_days or 0), str(typed.publicity_days or 0)))
    return outdated_fields(rows)


def _listed(keys: Iterable[str], word: Callable[[str], str]) -> str:
    return sep("、").join(sorted(word(key) for key in keys))


def _sector_word(key: str) -> str:
    return term("sector", key)


def _typed() -> WindowDraft:
    form, pilot = request.form, current_site().pilot
    count = form.get("publicity_days", "").strip()
    return WindowDraft(
        title=form.get("title", "").strip(),
        text=form.get("text", "").strip(),
        sectors=[key for key in form.getlist("sectors") if pilot.sector(key)],
        required=[key for key in form.getlist("required") if pilot.application.document(key)],
        opens=_day("opens"),
        closes=_day("closes"),
        publicity_days=int(count) if count.isascii() and count.isdigit() and len(count) < 4 else None,
    )


def _day(field: str) -> date | None:
    try:
        return date.fromisoformat(request.form.get(field, "").strip())
    except ValueError:
        return None
