"""Applications: the applicant's own, section by section, and the list of all for staff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, defer
from werkzeug.wrappers import Response

from marketplace.actions import application_submission as submission
from marketplace.actions import applications as actions
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.application_checks import CheckResult, check_application
from marketplace.domain.application_sections import SECTIONS
from marketplace.domain.applications import ENDED, TABLE, ApplicationState
from marketplace.domain.lifecycle import RefusedError, allowed_events
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.application_facts import NOUN, find_facts
from marketplace.records.applications import (
    ApplicationSubmission,
    ProviderApplication,
    count_own_applications,
    find_application,
    find_own_applications,
    find_submissions,
)
from marketplace.records.files import LETTER, Attachment, find_attachments
from marketplace.records.history import HistoryEntry
from marketplace.records.organisations import Organisation
from marketplace.records.windows import ApplicationWindow, find_window
from marketplace.site import current_site
from marketplace.web import applications_shown as shown
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.terms import days, today

pages = Blueprint("applications", __name__)
# What an applicant is shown of the history; the review's inner steps are not its business.
_TOLD = ("start", "reuse", "submit", "send_back", "accept", "close_review", "publish", "admit", "refuse", "withdraw", "lapse")
_TYPED = ("save", "attach", "detach", "reply")
FILTERS = ("state", "window", "q")


@pages.get("/applications")
@permission("read", "application")
def index() -> Response | str:
    """All applications for staff; an applicant is led to its own."""
    site, viewer = current_site(), current_viewer()
    if not may(viewer, "read", "application"):
        return redirect(url_for("applications.mine"), 303)
    chosen = {name: request.args.get(name, "").strip()[:100] for name in FILTERS}
    days()  # before the session: a page holds one connection at a time
    with site.database.reading() as session:
        wanted = _wanted(chosen)
        joined = (
            select(func.count()).select_from(ProviderApplication).join(ProviderApplication.window).join(ProviderApplication.organisation)
        )
        paging = paged(session.scalar(joined.where(*wanted)) or 0, site.pilot.thresholds.page_size, "applications.index", **chosen)
        query = select(ProviderApplication).join(ProviderApplication.window).join(ProviderApplication.organisation).where(*wanted)
        query = query.options(defer(ProviderApplication.answers)).order_by(ProviderApplication.id.desc())
        rows = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
        windows = session.execute(select(ApplicationWindow.number, ApplicationWindow.title).order_by(ApplicationWindow.id.desc())).all()
        return render_template(
            "applications/index.html", rows=rows, paging=paging, chosen=chosen, windows=windows, states=list(ApplicationState)
        )


def _wanted(chosen: Mapping[str, str]) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if chosen["state"] in set(ApplicationState):
        wanted.append(ProviderApplication.state == ApplicationState(chosen["state"]))
    else:
        # What is still being typed is shown to whoever asks for it.
        wanted.append(ProviderApplication.state != ApplicationState.DRAFT)
    if chosen["window"]:
        wanted.append(ApplicationWindow.number == chosen["window"])
    if text := chosen["q"]:
        by_name = Organisation.name.icontains(text, autoescape=True) | (Organisation.credit_code == text.upper())
        wanted.append(by_name | (ProviderApplication.number == text.upper()))
    return wanted


@pages.get("/my/applications")
@permission("write", "application")
def mine() -> str:
    """我的申报: each with who has the ball and until when."""
    viewer = current_viewer()
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        size = current_site().pilot.thresholds.page_size
        paging = paged(count_own_applications(session, viewer.organisation_ids), size, "applications.mine")
        rows = find_own_applications(session, viewer.organisation_ids, offset=paging.offset, most=size)
        return render_template("applications/mine.html", rows=rows, paging=paging)


@pages.post("/windows/<public_id>/applications")
@permission("write", "application")
def start(public_id: str) -> Response:
    """Begin, empty or with the last answers."""
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        window = find_window(session, public_id)
        chosen = select(Organisation).where(Organisation.public_id == request.form.get("organisation", ""))
        organisation = session.scalar(chosen.where(Organisation.id.in_(viewer.organisation_ids)))
        if window is None or organisation is None:
            not_found()
        ids = (window.id, organisation.id)
    reuse = request.form.get("reuse") == "yes"
    begun = actions.start_application(site.database, *ids, viewer=viewer, at=now(), today=today(), rules=shown.rules(), reuse=reuse)
    return redirect(url_for("application_sections.section", public_id=begun.public_id, key=SECTIONS[0].key), 303)


@pages.get("/applications/<public_id>")
@permission("read", "application")
def show(public_id: str) -> Response:
    """The whole of one application: where it stands, what it lacks, what a machine found."""
    return _page(public_id)


@dataclass(frozen=True)
class Standing:
    """What the page says of an application beside its answers. `failed`: why it was not handed in just now."""

    results: Sequence[shown.ShownCheck]
    steps: Sequence[shown.Step]
    changes: Sequence[shown.ShownChange]
    submissions: Sequence[ApplicationSubmission]
    history: Sequence[HistoryEntry]
    letters: Sequence[Attachment]


def _page(public_id: str, sentence: str = "") -> Response:
    viewer = current_viewer()
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        application = find_application(session, public_id, viewer) or not_found()
        body = render_template(
            "applications/show.html",
            application=application,
            standing=_standing(session, application, viewer),
            ball=shown.ball_of(application),
            writes=may_write(application, viewer),
            events=events_of(application, viewer),
            is_staff=may(viewer, "read", "application"),
            overdue=application.supplement_until is not None and today() > application.supplement_until,
            sentence=sentence,
        )
    return make_response(body, 422 if sentence else 200)


def _standing(session: Session, application: ProviderApplication, viewer: Viewer) -> Standing:
    attachments = find_attachments(session, NOUN, application.id)
    files = shown.facts_of(attachments)
    submissions = find_submissions(session, application.id)
    results: Sequence[CheckResult | Mapping[str, Any]]
    # What has ended is judged by what was handed in, not by what the platform has learnt since.
    if application.state in ENDED:
        live: tuple[CheckResult, ...] = ()
        results = submissions[-1].checks if submissions else []
    else:
        live = check_application(find_facts(session, application, today()), shown.rules())
        results = live
    is_staff = may(viewer, "read", "application")
    kept = [one for one in results if is_staff or not (one.for_staff if isinstance(one, CheckResult) else one["for_staff"])]
    entries = select(HistoryEntry).where(HistoryEntry.noun == NOUN, HistoryEntry.noun_id == application.id)
    # Staff see every step; each single save and file stands in the history itself.
    entries = entries.where(HistoryEntry.verb.not_in(_TYPED) if is_staff else HistoryEntry.verb.in_(_TOLD))
    return Standing(
        results=[shown.check_words(one) for one in kept],
        steps=shown.steps(application, files, live),
        changes=_changes(application, submissions, attachments),
        submissions=submissions,
        history=session.scalars(entries.order_by(HistoryEntry.id.desc()).limit(100)).all(),
        letters=[file for file in attachments if file.kind == LETTER],
    )


def _changes(application: ProviderApplication, submissions: Sequence[ApplicationSubmission], attachments: Any) -> list[shown.ShownChange]:
    """While a supplement is written: what is different from what was handed in; afterwards what the last one changed."""
    if application.state == ApplicationState.SENT_BACK and submissions:
        changes = submission.changes_between(submissions[-1], application.answers, shown.facts_of(attachments), shown.rules())
    elif len(submissions) > 1:
        changes = submission.changes_between(submissions[-2], submissions[-1].answers, submissions[-1].file_facts, shown.rules())
    else:
        return []
    return shown.change_words(changes)


def may_write(application: ProviderApplication, viewer: Viewer) -> bool:
    """Whether this person may type into it now."""
    return (
        shown.is_writable(application)
        and may(viewer, "write_own", "application")
        and may_act_for(viewer, application.organisation_id, "edit")
    )


def events_of(application: ProviderApplication, viewer: Viewer) -> set[str]:
    """The steps that this person may try; those of the review have pages of their own."""
    roles = viewer.roles if may_act_for(viewer, application.organisation_id, "submit") else viewer.roles - {"provider"}
    return {row.event for row in allowed_events(TABLE, application.state, roles)}


@pages.post("/applications/<public_id>/submit")
@permission("write", "application")
def submit(public_id: str) -> Response:
    """Hand in. What stands in the way is listed on the page, and nothing is lost."""
    site, viewer = current_site(), current_viewer()
    number = number_of(public_id)
    try:
        submission.submit(site.database, number, rules=shown.rules(), viewer=viewer, at=now(), today=today())
    except RefusedError as error:
        if error.refused.code in ("wrong_state", "not_allowed"):
            raise
        return _page(public_id, said(error.refused.message, error.refused.values))
    flash(say("申报已提交，等综合管理服务商受理。受理前可以撤回。"), "good")
    return redirect(url_for("applications.show", public_id=public_id), 303)


@pages.post("/applications/<public_id>/withdraw")
@permission("write", "application")
def withdraw(public_id: str) -> Response:
    why = request.form.get("why", "").strip()[:500]
    actions.withdraw(current_site().database, number_of(public_id), viewer=current_viewer(), at=now(), why=why)
    flash(say("申报已撤回。填写的内容保留，再次申报时可以带入。"), "good")
    return redirect(url_for("applications.show", public_id=public_id), 303)


@pages.post("/applications/<public_id>/lapse")
@permission("organise", "review")
def lapse(public_id: str) -> Response:
    """逾期未补正."""
    submission.lapse(current_site().database, number_of(public_id), viewer=current_viewer(), at=now(), today=today())
    flash(say("已按撤回处理，并已告知申报单位。"), "good")
    return redirect(url_for("applications.show", public_id=public_id), 303)


def number_of(public_id: str) -> int:
    """The number inside, if this person may read the application at all."""
    with current_site().database.reading() as session:
        application = find_application(session, public_id, current_viewer()) or not_found()
        return application.id
