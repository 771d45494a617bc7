"""The second factor and the log-ins of an account in the browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from marketplace.app import create_app
from marketplace.records.accounts import AccountSession, find_account
from marketplace.site import Site
from tests.opened import PASSWORD, Browser, app, browser, copy_of, database_of, own_site, site_of
from tests.web.test_registrations import letter, logged_in

__all__ = ["app", "browser", "own_site"]
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
FACTOR = "/account/second-factor"


def enrol(person: Browser) -> tuple[str, list[str]]:
    """Set the factor up: the telephone's key and the recovery codes."""
    assert person.post(FACTOR, form=FACTOR).status_code == 303
    found = re.search(r'id="key">([A-Z2-7 ]+)<', person.get(FACTOR).text)
    assert found
    key = found[1].replace(" ", "")
    answer = person.post(f"{FACTOR}/confirm", {"code": pyotp.TOTP(key).now()}, form=FACTOR)
    codes = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", answer.text)
    assert len(codes) == 10, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return key, codes


def test_log_in_asks_for_the_code_and_forgets_nothing(app: Flask, browser: Browser) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("bureau")
        key, codes = enrol(browser)
        assert codes[0] not in browser.get(FACTOR).text
        assert browser.get(f"{FACTOR}/qr.svg").status_code == 404
        other = Browser(app.test_client())
        form = {"login": "bureau", "password": PASSWORD, "next": "/history"}
        assert other.post("/login", form).headers["Location"] == "/login/code"
        # Half a log-in is none.
        assert other.get("/history").status_code == 303
        assert other.client.get_cookie("jigai_device") is None
        wrong = other.post("/login/code", {"code": "000000"}, form="/login/code")
        assert (wrong.status_code, "验证码不对" in wrong.text) == (422, True)
        clock.shift(timedelta(minutes=1))
        right = other.post("/login/code", {"code": pyotp.TOTP(key).now()}, form="/login/code")
        assert (right.status_code, right.headers["Location"]) == (303, "/history")
        assert other.client.get_cookie("jigai_device") is not None
        assert other.get("/history").status_code == 200
        again = Browser(app.test_client())
        again.log_in("bureau")
        assert again.post("/login/code", {"code": codes[0]}, form="/login/code").status_code == 303
        assert again.get("/account").status_code == 200


def test_half_a_log_in_ends(app: Flask, browser: Browser) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("bureau")
        _key, codes = enrol(browser)
        other = Browser(app.test_client())
        other.log_in("bureau")
        clock.shift(timedelta(minutes=11))
        late = other.post("/login/code", {"code": codes[0]}, form="/login/code")
        assert late.headers["Location"] == "/login"
        stranger = Browser(app.test_client())
        assert stranger.get("/login/code").headers["Location"] == "/login"
        assert stranger.post("/login/code", {"code": codes[0]}).headers["Location"] == "/login"


def test_the_picture_is_a_file_of_its_own(browser: Browser) -> None:
    browser.log_in("centre")
    browser.post(FACTOR, form=FACTOR)
    page = browser.get(FACTOR).text
    assert 'src="/account/second-factor/qr.svg"' in page
    assert "data:" not in page
    answer = browser.get(f"{FACTOR}/qr.svg")
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert ElementTree.fromstring(answer.data).tag == "{http://www.w3.org/2000/svg}svg"


def test_members_of_providers_and_enterprises_have_none(app: Flask) -> None:
    for login in ("provider", "enterprise"):
        person = logged_in(app, login)
        assert person.get(FACTOR).status_code == 404
        assert person.post(FACTOR, form="/account").status_code == 404


@pytest.fixture
def https(demonstration_file: Path, tmp_path: Path) -> Iterator[Flask]:
    """The same site, reached by https from outside."""
    site: Site = site_of(copy_of(demonstration_file, tmp_path / "https"), public_url="https://jigai.example")
    yield create_app(site)
    site.index.close()
    site.database.close()
    shutil.rmtree(tmp_path / "https", ignore_errors=True)


class Secure(Browser):
    """A browser that speaks https."""

    def get(self, address: str, **values: object):  # type: ignore[no-untyped-def]
        return self.client.get(address, base_url="https://localhost", **values)

    def token(self, address: str = "/login") -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(address, follow_redirects=True).text)
        assert found
        return found[1]

    def post(self, address: str, data: dict[str, object] | None = None, *, form: str = "/login", **values: object):  # type: ignore[no-untyped-def]
        sent, headers = {"csrf_token": self.token(form), **(data or {})}, {"Referer": f"https://localhost{form}"}
        return self.client.post(address, data=sent, base_url="https://localhost", headers=headers, **values)


def test_from_outside_staff_do_nothing_before_they_have_one(https: Flask) -> None:
    for login in ("bureau", "manager", "centre", "finance", "area", "expert", "admin"):
        person = Secure(https.test_client())
        assert person.log_in(login).status_code == 303
        for address in ("/", "/account", "/search", "/files/none"):
            assert person.get(address).headers.get("Location") == FACTOR, (login, address)
        assert person.get("/api/v1/solutions").status_code == 403
        assert person.get(FACTOR).status_code == 200
    _key, codes = enrol(person)
    assert person.get("/account").status_code == 200
    # To change the telephone leads back to setting one up.
    off = person.post(f"{FACTOR}/disable", {"code": codes[0]}, form=FACTOR)
    assert off.status_code == 303
    assert person.get("/account").headers["Location"] == FACTOR
    for login in ("provider", "enterprise"):
        person = Secure(https.test_client())
        person.log_in(login)
        assert person.get("/account").status_code == 200


@pytest.mark.parametrize(("login", "minutes"), [("bureau", 15), ("finance", 15), ("centre", 30), ("provider", 30)])
def test_log_ins_end_when_idle_as_their_role_says(browser: Browser, login: str, minutes: int) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in(login)
        clock.shift(timedelta(minutes=minutes - 1))
        assert browser.get("/account").status_code == 200
        clock.shift(timedelta(minutes=minutes, seconds=1))
        assert browser.get("/account").status_code == 303


def test_log_ins_are_listed_and_ended_one_by_one(app: Flask) -> None:
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0"
    other = Browser(app.test_client())
    other.post("/login", {"login": "centre", "password": PASSWORD}, headers={"User-Agent": agent})
    person = logged_in(app, "centre")
    page = person.get("/account").text
    assert "Edge · Windows" in page
    assert "127.0.0.1" in page
    (number,) = re.findall(r"/account/sessions/(\d+)/revoke", page)
    stranger = logged_in(app, "provider")
    for wrong in (number, "987654"):
        assert stranger.post(f"/account/sessions/{wrong}/revoke", form="/account").status_code == 404
    assert other.get("/account").status_code == 200
    assert person.post(f"/account/sessions/{number}/revoke", form="/account").status_code == 303
    assert other.get("/account").status_code == 303
    assert person.get("/account").status_code == 200


def test_a_forgotten_password_by_letter(app: Flask, browser: Browser) -> None:
    with database_of(app).writing() as session:
        find_account(session, "centre").email = "centre@demo.example"  # type: ignore[union-attr]
    inside = logged_in(app, "centre")
    browser.post("/login/forgot", {"login": "centre"}, form="/login/forgot")
    place, new = letter(app, "centre@demo.example"), "另一个很长的密码"
    assert "centre" in browser.get(place).text
    differs = browser.post(place, {"new": new, "again": new + "x"}, form=place)
    assert (differs.status_code, "两次填写的新密码不一样" in differs.text) == (422, True)
    assert browser.post(place, {"new": new, "again": new}, form=place).headers["Location"] == "/login"
    assert browser.get(place).status_code == 404
    assert inside.get("/account").status_code == 303
    assert browser.log_in("centre", new).status_code == 303


def test_reset_answers_known_and_unknown_alike(app: Flask) -> None:
    with database_of(app).writing() as session:
        find_account(session, "centre").email = "centre@demo.example"  # type: ignore[union-attr]
    seen = []
    for typed in ("centre", "nobody", "centre@demo.example", "nobody@demo.example"):
        person = Browser(app.test_client())
        token = person.token("/login/forgot")
        answer = person.client.post("/login/forgot", data={"csrf_token": token, "login": typed})
        page = re.sub(r'/login/reset/[\w-]+|name="csrf_token" value="[^"]+"', "", person.get(answer.headers["Location"]).text)
        # Only the demonstration shows the letter; every real site answers with what is left.
        page = re.sub(r'(?s)<div class="jg-note mb-3" role="status">.*?</div>', "", page)
        seen.append((answer.status_code, answer.headers["Location"], re.sub(r"\s+", " ", page)))
    assert len(set(seen)) == 1


def test_a_real_site_shows_no_letter(https: Flask, demonstration_file: Path, tmp_path: Path) -> None:
    from marketplace.app import open_site
    from marketplace.settings import Settings

    site = open_site(Settings(data_dir=copy_of(demonstration_file, tmp_path / "real")), write=True)
    real = create_app(site)
    with site.database.writing() as session:
        find_account(session, "centre").email = "centre@demo.example"  # type: ignore[union-attr]
    person = Browser(real.test_client())
    person.post("/login/forgot", {"login": "centre"}, form="/login/forgot")
    assert "/login/reset/" not in person.get("/login/forgot/sent").text
    site.index.close()
    site.database.close()


def test_a_new_address_is_confirmed_by_its_letter(app: Flask) -> None:
    person = logged_in(app, "provider")
    wrong = person.post("/account/email", {"email": "p@x.example", "password": "wrong"}, form="/account")
    assert (wrong.status_code, 'value="p@x.example"' in wrong.text) == (422, True)
    assert person.post("/account/email", {"email": "p@x.example", "password": PASSWORD}, form="/account").status_code == 303
    place = letter(app, "p@x.example")
    other = logged_in(app, "centre")
    assert other.post(place, form=place).status_code == 422
    assert person.post(place, form=place).status_code == 303
    assert "p@x.example" in person.get("/account").text


def test_no_cookie_holds_the_secret_of_a_dead_session(app: Flask, browser: Browser) -> None:
    browser.log_in("bureau")
    before = browser.client.get_cookie("jigai")
    enrol(browser)
    browser.post("/logout", form="/account")
    browser.log_in("bureau")
    half = browser.client.get_cookie("jigai")
    assert before is not None
    assert half is not None
    thief = app.test_client()
    for stolen in (before, half):
        thief.set_cookie("jigai", stolen.value)
        assert thief.get("/account").status_code == 303
    with database_of(app).reading() as session:
        assert all(row.revoked for row in session.scalars(select(AccountSession)))
