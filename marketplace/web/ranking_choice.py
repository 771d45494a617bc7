"""Whether past matches may move the order for this person: chosen on the page that explains the ranking, kept in a cookie.

It holds for visitors as well, and says nothing about them: there is no account behind it.
"""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from marketplace.domain.rankers import HAND
from marketplace.guard import open_to_all
from marketplace.web import security

pages = Blueprint("ranking_choice", __name__)
COOKIE, OFF = "jigai_ranking", "hand"
YEAR = 365 * 24 * 3600


def by_outcomes() -> bool:
    """For Ask.by_outcomes: True unless this person has switched it off."""
    return request.cookies.get(COOKIE) != OFF


def ordered_by(model: str) -> str:
    """The version that orders this person's results, where the site's own is `model`."""
    return model if by_outcomes() else HAND


@pages.post("/how-ranking-works/choice")
@open_to_all
def choose() -> Response:
    """Switch it off or on again, and go back to where the switch was."""
    answer = redirect(security.safe_next(request.form.get("next", "")) if request.form.get("next") else url_for("help.ranking"), 303)
    if request.form.get("by_outcomes") == "0":
        answer.set_cookie(COOKIE, OFF, max_age=YEAR, samesite="Lax", httponly=True, secure=request.is_secure)
    else:
        answer.delete_cookie(COOKIE, samesite="Lax", httponly=True, secure=request.is_secure)
    return answer
