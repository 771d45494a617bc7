"""One section of an application at a time: typed into, saved as one goes, with files in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from marketplace.actions.application_files import attach_document, remove_document
from marketplace.actions.applications import save_section
from marketplace.attachments import received
from marketplace.domain.access import may
from marketplace.domain.application_changes import differences
from marketplace.domain.application_checks import check_application
from marketplace.domain.application_sections import SECTIONS, Section, find_section
from marketplace.domain.applications import ApplicationState, window_closed
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.accounts import Account
from marketplace.records.application_facts import NOUN, find_facts
from marketplace.records.applications import ProviderApplication, find_application
from marketplace.records.files import find_attachments
from marketplace.site import current_site
from marketplace.web import applications_shown as shown
from marketplace.web.applications import may_write
from marketplace.web.applications_form import file_fields, replies, typed
from marketplace.web.language import say
from marketplace.web.terms import days, today
from marketplace.web.wording import day

pages = Blueprint("application_sections", __name__)


@pages.get("/applications/<public_id>/sections/<key>")
@permission("read", "application")
def section(public_id: str, key: str) -> Response:
    """One section, as a form to its writers and to read for everybody else who may."""
    return _page(public_id, find_section(key) or not_found())


@pages.post("/applications/<public_id>/sections/<key>")
@permission("write", "application")
def save(public_id: str, key: str) -> Response:
    """Keep what was typed, then the files. Text is never lost: not to a colleague, not to a closed window, not to a bad file."""
    site, viewer, asked = current_site(), current_viewer(), find_section(key) or not_found()
    with site.database.reading() as session:
        application = find_application(session, public_id, viewer) or not_found()
        number = application.id
    answers = typed(asked, request.form)
    try:
        save_section(
            site.database,
            number,
            key,
            answers,
            version=_version(),
            replies=replies(request.form),
            rules=shown.rules(),
            viewer=viewer,
            at=now(),
        )
    except RefusedError as error:
        if error.refused.code in ("changed_meanwhile", "too_many_rows"):
            return _page(public_id, asked, refused=error.refused, answers=answers)
        raise
    bad_files = _take_files(number)
    if bad_files:
        return _page(public_id, asked, bad_files=bad_files)
    return redirect(_onward(public_id, asked), 303)


def _version() -> int:
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _take_files(number: int) -> dict[str, str]:
    """Attach every file of the form, and take back the one whose button was pressed. Field → why a file was not taken."""
    database, viewer = current_site().database, current_viewer()
    bad: dict[str, str] = {}
    for field, document, row in file_fields(list(request.files)):
        stored = received(field)
        if stored is None:
            continue
        try:
            if isinstance(stored, Refused):
                raise RefusedError(stored)
            attach_document(database, number, stored, document=document, row=row, rules=shown.rules(), viewer=viewer, at=now())
        except RefusedError as error:
            bad[field] = said(error.refused.message, error.refused.values)
    asked, _colon, public_id = request.form.get("do", "").partition(":")
    if asked == "remove_file":
        remove_document(database, number, public_id, viewer=viewer, at=now())
    return bad


def _onward(public_id: str, asked: Section) -> str:
    """The same section again, or the next one."""
    if request.form.get("do") != "next":
        return url_for("application_sections.section", public_id=public_id, key=asked.key, saved="1")
    place = SECTIONS.index(asked) + 1
    if place == len(SECTIONS):
        return url_for("applications.show", public_id=public_id)
    return url_for("application_sections.section", public_id=public_id, key=SECTIONS[place].key)


def _page(
    public_id: str,
    asked: Section,
    *,
    refused: Refused | None = None,
    answers: Mapping[str, Any] | None = None,
    bad_files: Mapping[str, str] | None = None,
) -> Response:
    viewer = current_viewer()
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        application = find_application(session, public_id, viewer) or not_found()
        attachments = find_attachments(session, NOUN, application.id)
        conflict = refused is not None and refused.code == "changed_meanwhile"
        changes = list(differences(asked, application.answers, {asked.key: answers or {}})) if conflict else []
        saved_by = session.get(Account, application.saved_by) if application.saved_by else None
        if conflict:
            sentence = say(
                "您打开后，{who}已在 {at} 保存过这一部分。请对照后再保存；现在保存会以下面表单里的内容为准。",
                who=_who(saved_by),
                at=_at(application),
            )
        else:
            sentence = said(refused.message, refused.values) if refused else ""
        body = render_template(
            "applications/section.html",
            application=application,
            shown=shown.shown_section(application, asked, attachments, answers),
            steps=shown.steps(
                application, shown.facts_of(attachments), check_application(find_facts(session, application, today()), shown.rules())
            ),
            place=SECTIONS.index(asked),
            sections=SECTIONS,
            writes=may_write(application, viewer),
            is_staff=may(viewer, "read", "application"),
            closed=_closed(application),
            sentence=sentence,
            changes=shown.change_words(changes),
            bad_files=bad_files or {},
            saved_by=_who(saved_by),
            just_saved=request.args.get("saved") == "1" and request.method == "GET",
        )
    return make_response(body, 409 if conflict else 422 if refused or bad_files else 200)


def _who(account: Account | None) -> str:
    return account.name if account else say("一位同事")


def _at(application: ProviderApplication) -> str:
    return day(application.saved_at)


def _closed(application: ProviderApplication) -> str:
    """What is said while a draft's window no longer takes it."""
    if application.state == ApplicationState.DRAFT and today() > application.window.closes:
        refused = window_closed(application.window.closes)
        return said(refused.message, refused.values)
    return ""
