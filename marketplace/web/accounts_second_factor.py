"""The second factor on pages: the code at log-in, setting it up, changing the telephone, recovery codes."""

from __future__ import annotations

import io

import segno
from flask import Blueprint, Flask, Response, current_app, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import second_factor as actions
from marketplace.actions.links import LINK_DEAD
from marketplace.domain.accounts import needs_second_factor
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in, is_api, not_found, now, open_to_all
from marketplace.records.accounts import Account
from marketplace.records.second_factors import SecondFactor, count_recovery_codes, find_second_factor
from marketplace.site import current_site
from marketplace.web import security
from marketplace.web.known_devices import remember
from marketplace.web.refusals import form_page

pages = Blueprint("second_factor", __name__)
# What a person may do who must set up the factor first.
_ALLOWED = frozenset({"accounts.log_out", "accounts.log_in_form", "accounts.log_in"})


def install(app: Flask) -> None:
    """Where the factor is forced, everything else waits for it."""

    @app.before_request
    def the_factor_first() -> AnyResponse | None:
        endpoint = request.endpoint or ""
        if endpoint in _ALLOWED or endpoint.startswith("second_factor.") or endpoint.rpartition(".")[2] == "static":
            return None
        if not current_site().settings.is_secure or not security.lacks_second_factor():
            return None
        if is_api():
            raise Forbidden()
        return redirect(url_for("second_factor.page"), 303)


def _site_key() -> bytes:
    key: bytes = current_app.config["SECRET_KEY"]
    return key


def _account_id() -> int:
    """Whose factor it is: the staff's and of those who work beside them; others have none."""
    viewer = current_viewer()
    if viewer.account_id is None or not needs_second_factor(viewer.roles):
        not_found()
    return viewer.account_id


@pages.get("/login/code")
@open_to_all
def code_form() -> AnyResponse:
    """The second half of a log-in."""
    if not security.half_session()[0]:
        return redirect(url_for("accounts.log_in_form"), 303)
    return form_page("accounts/code.html", secret=True)


@pages.post("/login/code")
@open_to_all
def finish_log_in() -> AnyResponse:
    secret, target = security.half_session()
    address, agent = request.remote_addr or "", request.user_agent.string
    code = request.form.get("code", "")
    try:
        opened = actions.finish_log_in(current_site().database, secret, code, site_key=_site_key(), address=address, agent=agent, at=now())
    except RefusedError as error:
        if error.refused is LINK_DEAD:
            flash(said(_("登录放得太久，请从密码重新开始。"), {}))
            return redirect(url_for("accounts.log_in_form"), 303)
        return form_page("accounts/code.html", refused=error.refused, secret=True)
    security.start_session(opened.secret)
    with current_site().database.reading() as session:
        login = session.get_one(Account, opened.account_id).login
    return remember(redirect(target, 303), login)


def _page(*, refused: Refused | None = None, codes: list[str] | None = None) -> Response:
    account_id = _account_id()
    with current_site().database.reading() as session:
        factor = find_second_factor(session, account_id)
        confirmed = factor is not None and factor.confirmed_at is not None
        return form_page(
            "accounts/second_factor.html",
            refused=refused,
            secret=True,
            confirmed=confirmed,
            key=_spaced(actions.key_of(factor, _site_key())) if factor and not confirmed else "",
            forced=current_site().settings.is_secure,
            left=count_recovery_codes(session, account_id),
            codes=codes or [],
        )


def _spaced(key: str) -> str:
    """A key in fours, for those who type it."""
    return " ".join(key[place : place + 4] for place in range(0, len(key), 4))


@pages.get("/account/second-factor")
@for_the_logged_in
def page() -> AnyResponse:
    return _page()


@pages.post("/account/second-factor")
@for_the_logged_in
def begin() -> AnyResponse:
    """Make a new key, to be read by the telephone."""
    try:
        actions.begin(current_site().database, _account_id(), at=now())
    except RefusedError as error:
        return _page(refused=error.refused)
    return redirect(url_for("second_factor.page"), 303)


@pages.get("/account/second-factor/qr.svg")
@for_the_logged_in
def picture() -> AnyResponse:
    """The key as a QR code, while it is not confirmed. A file of its own, because the content policy lets no page carry pictures."""
    with current_site().database.reading() as session:
        factor = _unconfirmed(session, _account_id())
        login = session.get_one(Account, factor.account_id).login
        address = actions.address_of(factor, login, _site_key())
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=5, border=3, light="#ffffff")
    return Response(out.getvalue(), mimetype="image/svg+xml", headers={"Cache-Control": "no-store"})


def _unconfirmed(session: Session, account_id: int) -> SecondFactor:
    factor = find_second_factor(session, account_id)
    return factor if factor is not None and factor.confirmed_at is None else not_found()


@pages.post("/account/second-factor/confirm")
@for_the_logged_in
def confirm() -> AnyResponse:
    """The first code; the answer shows the recovery codes, this once."""
    code, keep = request.form.get("code", ""), security.session_secret()
    address = request.remote_addr or ""
    try:
        codes = actions.confirm(current_site().database, _account_id(), code, site_key=_site_key(), keep=keep, address=address, at=now())
    except RefusedError as error:
        return _page(refused=error.refused)
    return _page(codes=codes)


@pages.post("/account/second-factor/codes")
@for_the_logged_in
def renew_recovery_codes() -> AnyResponse:
    """Ten new recovery codes for a code."""
    code, address = request.form.get("code", ""), request.remote_addr or ""
    try:
        codes = actions.renew_recovery_codes(current_site().database, _account_id(), code, site_key=_site_key(), address=address, at=now())
    except RefusedError as error:
        return _page(refused=error.refused)
    return _page(codes=codes)


@pages.post("/account/second-factor/disable")
@for_the_logged_in
def disable() -> AnyResponse:
    """Put an end to it, to change the telephone. Where it is forced, the next one is set up before anything else."""
    code, keep = request.form.get("code", ""), security.session_secret()
    address = request.remote_addr or ""
    try:
        actions.disable(current_site().database, _account_id(), code, site_key=_site_key(), keep=keep, address=address, at=now())
    except RefusedError as error:
        return _page(refused=error.refused)
    flash(said(_("两步验证已停用。"), {}))
    return redirect(url_for("second_factor.page"), 303)
