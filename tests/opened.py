"""An opened site over the demonstration set, and browsers that are logged in: shared by the tests of pages, API and commands."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from marketplace.actions.demonstration import PASSWORD
from marketplace.app import create_app, open_site
from marketplace.pilot import Pilot, load_pilot
from marketplace.records.database import Database
from marketplace.settings import Settings
from marketplace.site import Site

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
SESSION = ("jigai", "__Host-jigai")
# A form's token is good for an hour.
TOKEN_SECONDS = 3000.0
LOGINS = ("enterprise", "provider", "centre", "manager", "bureau", "finance", "city", "area", "expert", "admin")


@dataclass
class Browser:
    """A person in front of a browser: keeps the cookie, and sends the token of the forms."""

    client: FlaskClient
    # The token that was read last, with the session it belongs to and when it was made.
    _kept: tuple[str, str, float] = ("", "", 0.0)

    def get(self, address: str, **values: object) -> TestResponse:
        return self.client.get(address, **values)

    def token(self, address: str = "") -> str:
        """The CSRF token of a page with a form: the help has one for whoever is logged in and asks the records for nothing.

        Without an address, a token of the same session that is not old serves again."""
        token, session, made = self._kept
        if not address and token and session == self._session() and 0 <= time.time() - made < TOKEN_SECONDS:
            return token
        for page in (self.client.get(tried, follow_redirects=True).text for tried in ((address,) if address else ("/help", "/login"))):
            if found := TOKEN.search(page):
                self._kept = found[1], self._session(), time.time()
                return found[1]
        pytest.fail(f"no token: {page[:500]}")

    def _session(self) -> str:
        """The session as the cookie holds it: it changes with every log-in and with whatever else is kept in it."""
        return "".join(sorted(f"{cookie.key}={cookie.value}" for cookie in self.client._cookies.values() if cookie.key in SESSION))

    def post(self, address: str, data: dict[str, object] | None = None, *, form: str = "", **values: object) -> TestResponse:
        return self.client.post(address, data={"csrf_token": self.token(form), **(data or {})}, **values)

    def log_in(self, login: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", {"login": login, "password": password}, form="/login")


def main_of(text: str) -> str:
    """What a page itself says, without its head, navigation and foot."""
    return text[text.index("<main") : text.index("</main>")]


def seen_in(text: str) -> str:
    """What a form says that it has seen of the stored thing."""
    found = re.search(r'name="seen" value="(\d+)"', text)
    assert found
    return found[1]


@cache
def _pilot_of(file: Path | None) -> Pilot:
    """A pilot never changes while it is used: it is read once a process."""
    return load_pilot(file)


def site_of(folder: Path, *, write: bool = True, **settings: object) -> Site:
    """A site in a folder."""
    found = Settings(data_dir=folder, demo=True, **settings)
    return open_site(found, write=write, pilot=_pilot_of(found.pilot))


def copy_of(demonstration_file: Path, folder: Path) -> Path:
    """A data folder of its own with the demonstration set."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(demonstration_file, folder / "jigai.db")
    return folder


@pytest.fixture
def own_site(demonstration_file: Path, tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own, its index still empty: for tests of accounts, sessions and imports."""
    site = site_of(copy_of(demonstration_file, tmp_path / "data"))
    yield site
    site.index.close()
    site.database.close()


@pytest.fixture
def app(own_site: Site) -> Flask:
    return create_app(own_site)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app.test_client())


def database_of(app: Flask) -> Database:
    site: Site = app.extensions["jigai"]
    return site.database
