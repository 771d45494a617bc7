"""Addresses that leave the site by letter. They begin with the site's own address, never with what a request calls it."""

from __future__ import annotations

from collections.abc import Callable

from flask import session, url_for

from marketplace.site import current_site

_LETTER = "letter"
_ANYWHERE = ("0.0.0.0", "::", "")


def outside(path: str) -> str:
    """A path of this site as others reach it."""
    settings = current_site().settings
    if settings.public_url:
        return settings.public_url.rstrip("/") + path
    host = "127.0.0.1" if settings.host in _ANYWHERE else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}{path}"


def link_to(endpoint: str) -> Callable[[str], str]:
    """From the secret of a one-time link to the address that stands in the letter."""
    return lambda secret: outside(url_for(endpoint, token=secret))


def show_letter(endpoint: str, secret: str) -> None:
    """A demonstration site sends no letters to anybody: what would stand in one is shown on the next page."""
    if current_site().settings.demo:
        session[_LETTER] = url_for(endpoint, token=secret)


def shown_letter() -> str:
    """The path of the last letter, once; "" on every real site."""
    return str(session.pop(_LETTER, "")) if current_site().settings.demo else ""
