"""A browser that has logged in before: whoever floods an account from elsewhere does not lock its owner out.

The cookie opens nothing. It only gives the passwords typed in this browser a count of their own, as small as the others.
"""

from __future__ import annotations

import secrets

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug import Response

from marketplace.site import current_site

LASTS = 180 * 24 * 3600


def device_of(login: str) -> str:
    """Which known browser of this account asks; "" for an unknown one."""
    try:
        known, device = _signer().loads(request.cookies.get(_name(), ""), max_age=LASTS)
    except (BadData, ValueError, TypeError):
        return ""
    return str(device) if known == login else ""


def remember(answer: Response, login: str) -> Response:
    """The answer to a log-in that was right."""
    value = _signer().dumps([login, device_of(login) or secrets.token_urlsafe(16)])
    secure = current_site().settings.is_secure
    answer.set_cookie(_name(), value, max_age=LASTS, secure=secure, httponly=True, samesite="Lax")
    return answer


def _name() -> str:
    # Only a cookie that travels by https alone may carry the __Host- name.
    return "__Host-jigai-device" if current_site().settings.is_secure else "jigai_device"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="known device")
