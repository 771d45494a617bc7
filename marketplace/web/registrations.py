"""Registering an organisation: the form, the letter, the 授权书; and for staff the list, the look and the decision."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import registrations as actions
from marketplace.actions.links import LINK_DEAD, find_link
from marketplace.actions.passwords import check_password
from marketplace.attachments import READERS, received
from marketplace.domain.access import Viewer, may
from marketplace.domain.accounts import folded_email, folded_login
from marketplace.domain.lifecycle import Refused, RefusedError, _, allowed_events
from marketplace.domain.registrations import APPLICANT, KINDS, TABLE, RegistrationDraft, RegistrationState, check, folded_code
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in, not_found, now, open_to_all, permission
from marketplace.records.files import Attachment
from marketplace.records.links import LinkKind
from marketplace.records.organisations import find_organisation
from marketplace.records.registrations import (
    NOUN,
    Registration,
    count_by_state,
    find_authorisations,
    find_members_with_rights,
    find_registration,
    find_registrations,
)
from marketplace.site import current_site
from marketplace.web.accounts_reset import dead_link
from marketplace.web.addresses import ADDRESSES
from marketplace.web.outside import link_to, show_letter, shown_letter
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page

pages = Blueprint("registrations", __name__)
SIZE = 50
# A sealed sheet is scanned or photographed.
PROOFS = ("pdf", "jpg", "jpeg", "png")
_EMPTY = RegistrationDraft()


def _form(draft: RegistrationDraft, *, refused: Refused | None = None, errors: list[tuple[str, Refused]] | None = None) -> AnyResponse:
    return form_page("registrations/form.html", refused=refused, errors=errors or (), draft=draft, kinds=KINDS)


@pages.get("/register")
@open_to_all
def form() -> AnyResponse:
    return _form(_EMPTY)


@pages.post("/register")
@open_to_all
def register() -> AnyResponse:
    """Ask for an account (or, logged in, only for an organisation). What is answered says nothing of what the platform knows."""
    site, viewer, typed = current_site(), current_viewer(), request.form
    draft = RegistrationDraft(
        credit_code=folded_code(typed.get("credit_code", ""))[:40],
        name=typed.get("name", "").strip(),
        kind=typed.get("kind", ""),
        person=typed.get("person", "").strip(),
        login=folded_login(typed.get("login", "")),
        email=folded_email(typed.get("email", "")),
    )
    password = typed.get("password", "")
    errors = list(check(draft, with_account=not viewer.is_known))
    if not viewer.is_known and (weak := check_password(password, draft.login)):
        errors.append(("password", weak))
    if errors:
        return _form(draft, errors=errors)
    try:
        if viewer.is_known:
            row = actions.register_own(site.database, draft, viewer=viewer, at=now())
            return redirect(url_for("registrations.show", id=row.public_id), 303)
        link, address = link_to("registrations.verify_form"), request.remote_addr or ""
        secret = actions.register(site.database, draft, password, address=address, link=link, at=now())
    except RefusedError as error:
        return _form(draft, refused=error.refused)
    show_letter("registrations.verify_form", secret)
    return redirect(url_for("registrations.sent"), 303)


@pages.get("/register/sent")
@open_to_all
def sent() -> str:
    return render_template("accounts/sent.html", purpose="register", letter=shown_letter())


def _verify_page(token: str, *, refused: Refused | None = None, login: str = "") -> AnyResponse:
    with current_site().database.reading() as session:
        link = find_link(session, LinkKind.REGISTER, token, now())
        row = session.get(Registration, link.thing_id) if link else None
        if row is None:
            return dead_link()
        return form_page("registrations/verify.html", refused=refused, secret=True, row=row, token=token, login=login or row.login)


@pages.get("/register/<token>")
@open_to_all
def verify_form(token: str) -> AnyResponse:
    """Opened from the letter: the address is right. Only here is it told that a log-in name is taken."""
    return _verify_page(token)


@pages.post("/register/<token>")
@open_to_all
def verify(token: str) -> AnyResponse:
    login = request.form.get("login", "")[:100]
    try:
        actions.verify(current_site().database, token, login=login, at=now())
    except RefusedError as error:
        return dead_link() if error.refused is LINK_DEAD else _verify_page(token, refused=error.refused, login=login)
    flash(said(_("邮箱已确认，账号已开通。请登录，上传盖章的授权书。"), {}))
    return redirect(url_for("accounts.log_in_form", next=url_for("accounts.account")), 303)


def may_read(viewer: Viewer, row: Registration) -> bool:
    """Its applicant, and the staff who decide; an address that was never confirmed is nobody's."""
    own = viewer.is_known and row.account_id == viewer.account_id
    return row.state is not RegistrationState.STARTED and (own or may(viewer, "decide", NOUN))


def _own(id: str) -> None:
    with current_site().database.reading() as session:
        row = find_registration(session, id)
        if row is None or not may_read(current_viewer(), row) or row.account_id != current_viewer().account_id:
            not_found()


def _show(id: str, *, refused: Refused | None = None, status: int = 0) -> AnyResponse:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        row = find_registration(session, id)
        if row is None or not may_read(viewer, row):
            not_found()
        decides = may(viewer, "decide", NOUN)
        own = row.account_id == viewer.account_id
        # What the platform holds of the unit is shown to those who decide, never to who claims it.
        known = find_organisation(session, row.credit_code) if decides else None
        roles = [*viewer.roles, *([APPLICANT] if own else [])]
        answer = form_page(
            "registrations/show.html",
            refused=refused,
            row=row,
            own=own,
            decides=decides,
            known=known,
            members=find_members_with_rights(session, known.id) if known else [],
            events={step.event for step in allowed_events(TABLE, row.state, roles)},
            proofs=find_authorisations(session, row.id),
            why=request.form.get("why", ""),
            allowed=PROOFS,
        )
    if status:
        answer.status_code = status
    return answer


@pages.get("/registrations/<id>")
@for_the_logged_in
def show(id: str) -> AnyResponse:
    """A registration: its state for the applicant, the proof and the decision for staff."""
    return _show(id)


@pages.post("/registrations/<id>/authorisation")
@for_the_logged_in
def submit(id: str) -> AnyResponse:
    """Hand the sealed 授权书 in."""
    _own(id)
    stored = received("file", allowed=PROOFS)
    if stored is None:
        stored = Refused("no_file", _("还没有选文件。请选盖章的授权书（PDF 或图片）。"))
    if isinstance(stored, Refused):
        return _show(id, refused=stored)
    try:
        actions.submit(current_site().database, id, stored, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _show(id, refused=error.refused, status=409)
    flash(said(_("授权书已提交，核对后通知您。"), {}))
    return redirect(url_for("registrations.show", id=id), 303)


@pages.post("/registrations/<id>/withdraw")
@for_the_logged_in
def take_back(id: str) -> AnyResponse:
    _own(id)
    try:
        actions.take_back(current_site().database, id, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _show(id, refused=error.refused, status=409)
    flash(said(_("注册已撤回。"), {}))
    return redirect(url_for("accounts.account"), 303)


@pages.get("/registrations")
@permission("decide", "registration")
def index() -> str:
    """What waits for a decision, oldest first; other states by choice."""
    wanted = request.args.get("state", str(RegistrationState.SUBMITTED))
    state = RegistrationState(wanted) if wanted in set(RegistrationState) and wanted != RegistrationState.STARTED else None
    with current_site().database.reading() as session:
        counts = count_by_state(session)
        total = counts.get(state, 0) if state else sum(counts.values())
        paging = paged(total, SIZE, "registrations.index", state=state or "all")
        rows = find_registrations(session, state, offset=paging.offset, most=SIZE)
        states = [one for one in RegistrationState if one != RegistrationState.STARTED]
        return render_template("registrations/index.html", rows=rows, counts=counts, chosen=state, states=states, paging=paging)


@pages.post("/registrations/<id>/decision")
@permission("decide", "registration")
def decide(id: str) -> AnyResponse:
    """Confirm or refuse. Of two who press at once the second sees what the first decided."""
    with current_site().database.reading() as session:
        row = find_registration(session, id)
        if row is None or not may_read(current_viewer(), row):
            not_found()
    event = request.form.get("event", "")
    if event not in ("confirm", "refuse"):
        return _show(id, refused=Refused("no_decision", _("请选择同意开通或退回。")))
    try:
        actions.decide(current_site().database, id, event, viewer=current_viewer(), at=now(), why=request.form.get("why", ""))
    except RefusedError as error:
        return _show(id, refused=error.refused, status=409 if error.refused.code == "wrong_state" else 0)
    done = _("已同意，账号已开通。") if event == "confirm" else _("已退回，原因已告诉对方。")
    flash(said(done, {}))
    return redirect(url_for("registrations.index"), 303)


def _may_read_file(session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    row = session.get(Registration, attachment.noun_id)
    return row is not None and may_read(viewer, row)


READERS[NOUN] = _may_read_file
ADDRESSES[NOUN] = lambda ref: url_for("registrations.show", id=ref)
