"""Personal data in the browser: a copy for oneself, erasure by an administrator in two steps, and the list of accounts."""

from __future__ import annotations

import io
import json
import zipfile

from flask import Flask

from marketplace.records.accounts import Account, find_account
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry
from tests.opened import Browser, app, browser, database_of, own_site
from tests.web.test_registrations import logged_in

__all__ = ["app", "browser", "own_site"]


def public_id(database: Database, login: str) -> str:
    with database.reading() as session:
        account = find_account(session, login)
        assert account is not None
        return account.public_id


def test_everybody_takes_a_copy_of_their_own(app: Flask, browser: Browser) -> None:
    person = logged_in(app, "provider")
    answer = person.post("/account/copy", form="/account")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        told = {name: archive.read(name).decode() for name in archive.namelist()}
    assert json.loads(told["accounts.json"])[0]["login"] == "provider"
    assert json.loads(told["account_sessions.json"])
    assert {row["verb"] for row in json.loads(told["history.json"])} >= {"log_in", "export"}
    assert "hash" not in "".join(told.values())
    assert browser.post("/account/copy").status_code in (303, 401)


def test_a_person_is_erased_in_two_steps(app: Flask) -> None:
    database, admin = database_of(app), logged_in(app, "admin")
    place = f"/accounts/{public_id(database, 'provider')}"
    victim = logged_in(app, "provider")
    assert f"{place}/erase" in admin.get(place).text
    assert "哈希链" in admin.get(f"{place}/erase").text
    assert admin.post(f"{place}/erase/look", {"why": "", "extra": ""}).status_code == 422
    assert "太短的字" in admin.post(f"{place}/erase/look", {"why": "申请", "extra": "123"}).text
    found = admin.post(f"{place}/erase/look", {"why": "申请", "extra": "13900001234"})
    assert found.status_code == 200
    assert 'name="login"' in found.text
    assert "registrations" in found.text
    form = {"why": "申请", "extra": "13900001234"}
    assert admin.post(f"{place}/erase", {**form, "login": "other"}).status_code == 422
    assert victim.get("/account").status_code == 200
    assert admin.post(f"{place}/erase", {**form, "login": "provider"}).status_code == 303
    page = admin.get(place).text
    assert "个人信息已删除" in page
    assert "/disable" not in page
    assert "/enable" not in page
    assert victim.get("/account").status_code == 303
    assert admin.post(f"{place}/erase", {**form, "login": "provider"}).status_code == 422
    with database.reading() as session:
        assert session.query(HistoryEntry).filter_by(verb="erase").count() == 1
    # Nobody else may, and a stranger learns nothing of who is there.
    bureau = logged_in(app, "bureau")
    assert [bureau.get(f"{place}/erase").status_code, bureau.post(f"{place}/erase", {**form, "login": "x"}).status_code] == [403, 403]
    assert admin.get("/accounts/nobody/erase").status_code == 404


def test_the_list_of_accounts_is_searched_by_how_they_stand(app: Flask) -> None:
    database, admin = database_of(app), logged_in(app, "admin")
    with database.writing() as session:
        idle, off = find_account(session, "expert"), find_account(session, "area")
        assert idle is not None
        assert off is not None
        idle.created = idle.created.replace(year=2020)
        off.disabled = True
        unit = off.memberships[0].organisation.name
        (own,) = session.query(Account).filter_by(login="admin")
        assert own.last_login is not None

    def logins(**asked: str) -> list[str]:
        page = admin.get("/accounts", query_string=asked).text
        return [login for login in ("admin", "area", "expert", "bureau") if f">{login}</a></th>" in page]

    assert logins() == ["admin", "area", "expert", "bureau"]
    assert logins(standing="disabled") == ["area"]
    assert logins(standing="idle") == ["expert"]
    assert logins(standing="usable") == ["admin", "expert", "bureau"]
    assert logins(standing="erased") == []
    assert logins(standing="odd", role="area") == ["area"]
    assert "area" in logins(q=unit)
