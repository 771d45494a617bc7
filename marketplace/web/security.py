"""The page side of security: sessions that can be revoked, CSRF tokens, and the headers of every answer.

Flask-Login stays behind this module: nothing else imports it.
"""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, request, session
from flask_login import LoginManager, UserMixin, login_user, logout_user
from flask_login import current_user as _current_user
from flask_wtf import CSRFProtect
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from marketplace.actions.sessions import touch_session
from marketplace.domain.access import Viewer, may
from marketplace.domain.accounts import ABSOLUTE, idle_limit, needs_second_factor
from marketplace.domain.secrets import hashed
from marketplace.guard import current_viewer, is_api, now
from marketplace.records.accounts import AccountSession, find_viewer
from marketplace.site import current_site

__all__ = [
    "csp_nonce",
    "current_viewer",
    "end_session",
    "half_session",
    "has_session",
    "install",
    "keep_half_session",
    "lacks_second_factor",
    "safe_next",
    "session_secret",
    "start_session",
]

log = logging.getLogger("jigai.security")
csrf = CSRFProtect()
_KEY, _HALF, _TARGET = "_user_id", "half", "target"
# How often a log-in in use is noted in its row: seldom enough to cost nothing, often enough for the idle limit.
_TOUCH = timedelta(minutes=1)


class _Person(UserMixin):  # type: ignore[misc]
    """What Flask-Login holds: the viewer, known to it by the secret of the log-in, never by a number of the account."""

    def __init__(self, secret: str, viewer: Viewer, *, with_code: bool) -> None:
        self.secret, self.viewer, self.with_code = secret, viewer, with_code

    def get_id(self) -> str:
        return self.secret


def _load(secret: str) -> _Person | None:
    """The person of a log-in that is neither revoked, nor idle for too long, nor too old."""
    site = current_site()
    with site.database.reading() as reading:
        row = reading.scalar(select(AccountSession).where(AccountSession.secret_hash == hashed(secret)))
        if row is None or row.revoked or now() - row.created > ABSOLUTE:
            return None
        viewer = find_viewer(reading, row.account_id)
        if viewer is None or now() - row.seen > idle_limit(viewer.roles):
            return None
        stale = row.id if now() - row.seen > _TOUCH else None
        with_code = row.second_factor_at is not None
    if stale is not None:
        try:
            touch_session(site.database, stale, now=now())
        except DBAPIError:
            # A full disk must not lock everybody out of reading; the log-in only ends earlier than it would have.
            log.warning("a log-in in use could not be noted", exc_info=True)
    return _Person(secret, viewer, with_code=with_code)


def viewer_of_session() -> Viewer | None:
    """The viewer of the browser's session, or None."""
    if not has_session():
        return None
    person = _current_user._get_current_object()
    return person.viewer if isinstance(person, _Person) else None


def lacks_second_factor() -> bool:
    """Whether this person may do nothing before the second factor is set up: staff, on a site that is reached from outside."""
    viewer = viewer_of_session()
    if viewer is None or not current_site().settings.is_secure or not needs_second_factor(viewer.roles):
        return False
    return not _current_user._get_current_object().with_code


def has_session() -> bool:
    """Whether the browser sent a log-in, valid or not."""
    return _KEY in session


def session_secret() -> str:
    """The secret of the log-in in use."""
    return str(session.get(_KEY, ""))


def start_session(secret: str) -> None:
    """Give the browser a new log-in. Whatever the old session held goes, its CSRF token too."""
    session.clear()
    person = _load(secret)
    assert person is not None
    login_user(person)
    g.viewer = person.viewer


def end_session() -> None:
    logout_user()
    session.clear()


def keep_half_session(secret: str, target: str) -> None:
    """The password was right, the code is still to come: nobody is logged in yet. Where the person wanted to be is kept."""
    session.clear()
    session[_HALF], session[_TARGET] = secret, target


def half_session() -> tuple[str, str]:
    """The secret of a half-open log-in ("" without one), and where it wanted to be."""
    return str(session.get(_HALF, "")), safe_next(str(session.get(_TARGET, "/")))


def safe_next(target: str) -> str:
    """Where to go after log-in: a path of this site, or the home page. Never another site, however it is spelled."""
    parts = urlsplit(target.strip()) if len(target) < 2000 else urlsplit("")
    harmless = target.startswith("/") and not target.startswith(("//", "/\\")) and not any(c in target for c in "\\\r\n\t\0")
    return target if harmless and not parts.scheme and not parts.netloc else "/"


def csp_nonce() -> str:
    """The nonce of this answer's content policy."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def content_policy() -> str:
    source = f"'self' 'nonce-{csp_nonce()}'" if "csp_nonce" in g else "'self'"
    return (
        f"default-src 'none'; script-src {source}; style-src {source}; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    )


def install(app: Flask, *, secure: bool) -> None:
    """Cookies, CSRF, Flask-Login and headers of the application. `secure`: the public address is https."""
    app.config.update(
        # Only a cookie that travels by https alone may carry the __Host- name.
        SESSION_COOKIE_NAME="__Host-jigai" if secure else "jigai",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    csrf.init_app(app)
    manager = LoginManager(app)
    manager.session_protection = None
    manager.user_loader(_load)
    app.jinja_env.globals["csp_nonce"] = csp_nonce

    @app.context_processor
    def of_every_page() -> dict[str, Any]:
        viewer = current_viewer()
        return {"viewer": viewer, "may": lambda verb, noun: may(viewer, verb, noun)}

    @app.after_request
    def headers(response: Response) -> Response:
        put = response.headers.setdefault
        put("Content-Security-Policy", content_policy())
        put("X-Content-Type-Options", "nosniff")
        put("X-Frame-Options", "DENY")
        put("Referrer-Policy", "same-origin")
        put("Cross-Origin-Opener-Policy", "same-origin")
        put("Cross-Origin-Resource-Policy", "same-origin")
        put("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
        if secure:
            put("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        # What a person may see must not stay in a shared computer's cache; files of the site itself may.
        if not request.endpoint or not request.endpoint.endswith("static"):
            known = "viewer" in g and g.viewer.is_known
            put("Cache-Control", "no-store" if known and not is_api() else "private, no-cache")
        return response
