"""Who is asking, and what that permits. Pages and API do not know each other; what both need of it is here.

Every view says who may use it, by one of three decorators; a view that says nothing is closed to everybody. The check
itself happens in one place, before any view runs, so that no view can forget it. Whether a person may see one certain
object is the view's own question (`may_read_plan` and the like); its answer for a foreign object is `not_found()`,
the same as for an object that does not exist.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn, TypeVar

from flask import Flask, Response, current_app, g, request
from sqlalchemy import select
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized

from marketplace.actions.accounts import TOKEN_PREFIX
from marketplace.domain.access import ANYONE, Viewer, may
from marketplace.domain.secrets import hashed
from marketplace.records.accounts import AccessToken, find_viewer
from marketplace.site import current_site

log = logging.getLogger("jigai.requests")
API_PREFIX = "/api/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
View = TypeVar("View", bound=Callable[..., object])
_FOREIGN_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


@dataclass(frozen=True)
class Policy:
    """Who may use a view: everybody, whoever has logged in, or the roles that hold `verb` (or verb_own) on `noun`."""

    kind: str
    verb: str = ""
    noun: str = ""
    scope: str = "read"

    def permits(self, viewer: Viewer) -> bool:
        if self.kind == "open":
            return True
        if self.kind == "known":
            return viewer.is_known
        return may(viewer, self.verb, self.noun) or may(viewer, f"{self.verb}_own", self.noun)

    def permits_anyone(self) -> bool:
        return self.permits(ANYONE)


def permission(verb: str, noun: str, *, scope: str = "read") -> Callable[[View], View]:
    """The view is for the roles that hold `verb` on `noun`, or `verb_own` (then the view looks at the object as well)."""
    return _decorator(Policy("permission", verb, noun, scope))


def open_to_all(view: View) -> View:
    """The view is for everybody, log-in or not."""
    return _decorator(Policy("open"))(view)


def for_the_logged_in(view: View) -> View:
    """The view is for everybody who has logged in, whatever the role."""
    return _decorator(Policy("known"))(view)


def for_the_logged_in_to_write(view: View) -> View:
    """The same for what writes: a personal token needs the scope for it."""
    return _decorator(Policy("known", scope="write"))(view)


def _decorator(policy: Policy) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.policy = policy  # type: ignore[attr-defined]
        return view

    return mark


def policy_of(app: Flask, endpoint: str) -> Policy | None:
    """The policy row of a route; static files are open."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return Policy("open")
    found = getattr(app.view_functions.get(endpoint), "policy", None)
    return found if isinstance(found, Policy) else None


def now() -> datetime:
    """The moment of this request; one request has one."""
    if "now" not in g:
        g.now = datetime.now(UTC)
    moment: datetime = g.now
    return moment


def request_id() -> str:
    """The number under which this request stands in the log and on an error page."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _FOREIGN_ID.fullmatch(given) else secrets.token_hex(8)
    number: str = g.request_id
    return number


def degraded() -> str:
    """Why this request was answered with less than usual so far: the search engine is away; "" if it was not."""
    return current_site().index.degraded(g.standby_answers) if "standby_answers" in g else ""


def current_viewer() -> Viewer:
    """Who is asking, read afresh from the database at each request; `ANYONE` without a log-in."""
    if "viewer" not in g:
        g.viewer = ANYONE  # an error page that is shown while we find out must not ask again
        g.viewer = _bearer() if _has_bearer() else (current_app.extensions["jigai_by_session"]() or ANYONE)
    viewer: Viewer = g.viewer
    return viewer


def not_found() -> NoReturn:
    """The one answer for what does not exist and for what is not the viewer's to see."""
    raise NotFound()


def _loggable_path() -> str:
    """The path without what opens a door: a link that was mailed or sent is as good as a password while it lives."""
    secret = (request.view_args or {}).get("token")
    return request.path.replace(str(secret), "…") if secret else request.path


def is_api() -> bool:
    return request.path.startswith(API_PREFIX)


def _has_bearer() -> bool:
    """A personal token counts under /api/ only: a page never takes one, so no page is without its CSRF check."""
    return is_api() and "Authorization" in request.headers


def _bearer() -> Viewer:
    """The viewer of a personal token. A token that does not hold is an error, never a quiet fall back to nobody."""
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    secret = secret.strip()
    if scheme.lower() == "bearer" and secret.startswith(TOKEN_PREFIX):
        with current_site().database.reading() as session:
            token = session.scalar(select(AccessToken).where(AccessToken.secret_hash == hashed(secret)))
            if token is not None and not token.revoked and token.expires > now():
                viewer = find_viewer(session, token.account_id)
                if viewer is not None:
                    g.scopes = frozenset(token.scopes)
                    return viewer
    raise Unauthorized()


def install(app: Flask, *, by_session: Callable[[], Viewer | None], has_session: Callable[[], bool], protect: Callable[[], None]) -> None:
    """Put the checks before every request. `protect` refuses a request without a CSRF token."""
    app.extensions["jigai_by_session"] = by_session

    @app.before_request
    def check() -> None:
        g.started = time.perf_counter()
        g.standby_answers = current_site().index.standby_answers
        endpoint = request.endpoint
        if endpoint is None or request.routing_exception is not None:
            return
        # No address of this site holds a NUL, and PostgreSQL takes none.
        if "\0" in request.path:
            raise NotFound()
        policy = policy_of(app, endpoint)
        if policy is None:
            log.error("route without a policy: %s", endpoint)
            raise NotFound()
        if policy == Policy("open") and endpoint.rpartition(".")[2] == "static":
            return
        viewer = current_viewer()
        # The browser sends its cookie whether or not the person meant it; whoever comes with a token of the API meant it,
        # and a call to the API without cookie and token has no authority that could be abused.
        unsafe = request.method not in SAFE_METHODS
        if unsafe and not _has_bearer() and (has_session() or not is_api()):
            protect()
        if policy.permits(viewer):
            if "scopes" in g and policy.scope not in g.scopes:
                raise Forbidden()
            return
        raise Forbidden() if viewer.is_known else Unauthorized()

    @app.after_request
    def note(response: Response) -> Response:
        response.headers["X-Request-ID"] = request_id()
        if why := degraded():
            response.headers["X-Degraded"] = why
        took = (time.perf_counter() - g.started) * 1000 if "started" in g else 0.0
        # The path is quoted as Python would, so that no request can forge a line; what was asked stays out of the log.
        log.info("%s %s %s %d %.0f ms", request_id(), request.method, ascii(_loggable_path()), response.status_code, took)
        return response
