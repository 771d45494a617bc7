"""The language of a page: Chinese source sentences, English from the catalogue, chosen by ?lang=, cookie or setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, request
from flask_babel import Babel, gettext

from marketplace.sentences import filled
from marketplace.site import current_site

LANGUAGES = ("zh", "en")
COOKIE = "jigai_lang"
YEAR = 365 * 24 * 3600
TRANSLATIONS = Path(__file__).parents[1] / "translations"


def language() -> str:
    """zh or en: what the address asks for, else what was chosen before, else the site's own."""
    if "language" not in g:
        wanted = (request.args.get("lang"), request.cookies.get(COOKIE), current_site().settings.language)
        g.language = next(lang for lang in wanted if lang in LANGUAGES)
    chosen: str = g.language
    return chosen


def say(message: str, **values: Any) -> str:
    """A source sentence in the chosen language, with its {values} filled in."""
    text: str = gettext(message)
    return filled(text, values)


def other_address() -> str:
    """This page in the other language. A page that came by POST is reached again by its plain address."""
    other = "en" if language() == "zh" else "zh"
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key != "lang"] if request.method == "GET" else []
    return f"{request.path}?{urlencode([*pairs, ('lang', other)])}"


def register(app: Flask) -> None:
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, default_locale="zh", locale_selector=language)

    @app.after_request
    def keep(response: Response) -> Response:
        # A language asked for in the address holds for the pages that follow.
        asked = request.args.get("lang")
        if asked in LANGUAGES and asked != request.cookies.get(COOKIE):
            response.set_cookie(COOKIE, asked, max_age=YEAR, samesite="Lax", httponly=True, secure=request.is_secure)
        return response
