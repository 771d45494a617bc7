"""Registering in the browser: a stranger learns nothing, the applicant sees the state, staff decide, nobody else sees anything."""

from __future__ import annotations

import io
import re

import pytest
from flask import Flask
from fpdf import FPDF
from sqlalchemy import select

from marketplace.domain.access import Role
from marketplace.records.accounts import find_account
from marketplace.records.jobs import Job
from marketplace.records.organisations import Organisation
from marketplace.records.registrations import Registration
from tests.opened import TOKEN, Browser, app, browser, database_of, own_site

__all__ = ["app", "browser", "own_site"]
PASSWORD = "滨海新区的长密码 2026"
# The code of an enterprise that the demonstration set has already, and one that nobody has.
KNOWN, NEW = "91990000MAYGPX077U", "91350100M000100Y43"
FORM = {
    "credit_code": NEW,
    "name": "某装备公司",
    "kind": "provider",
    "person": "王芳",
    "login": "wangfang",
    "email": "wang@x.example",
    "password": PASSWORD,
}


def sheet(words: str) -> bytes:
    """A page as it comes from a scanner, near enough."""
    made = FPDF()
    made.add_page()
    made.set_font("helvetica")
    made.cell(text=words)
    return bytes(made.output())


PDF, BETTER = sheet("authorisation, sealed"), sheet("authorisation, sealed clearly")


def letter(app: Flask, to: str) -> str:
    """The path that the last letter to somebody holds."""
    with database_of(app).reading() as session:
        jobs = session.scalars(select(Job).where(Job.kind == "send_mail").order_by(Job.id.desc())).all()
        body = next(job.payload["body"] for job in jobs if job.payload["to"] == to)
    found = re.search(r"http://[^/\s]+(/\S+)", body)
    assert found
    return found[1]


def registered(app: Flask, browser: Browser, **values: str) -> str:
    """Somebody whose address is confirmed, logged in; the address of the registration."""
    form = FORM | values
    assert browser.post("/register", form, form="/register").headers["Location"] == "/register/sent"
    place = letter(app, form["email"])
    assert browser.post(place, {"login": form["login"]}, form=place).status_code == 303
    assert browser.log_in(form["login"], PASSWORD).status_code == 303
    page = browser.get("/account").text
    found = re.search(r'href="(/registrations/[0-9a-f-]{36})"', page)
    assert found, page
    return found[1]


def hand_in(browser: Browser, place: str, content: bytes = PDF, name: str = "授权书.pdf"):  # type: ignore[no-untyped-def]
    data = {"file": (io.BytesIO(content), name)}
    return browser.post(f"{place}/authorisation", data, form=place, content_type="multipart/form-data")


def logged_in(app: Flask, login: str) -> Browser:
    person = Browser(app.test_client())
    assert person.log_in(login).status_code == 303
    return person


def test_the_form_keeps_what_was_typed_and_says_what_is_wrong(browser: Browser) -> None:
    bad = FORM | {"credit_code": "91350100M000100Y40", "email": "x", "password": "short"}
    answer = browser.post("/register", bad, form="/register")
    assert answer.status_code == 422
    for part in ("第 18 位应为", "不像邮箱地址", "至少 8 个字符", 'value="某装备公司"', 'value="wangfang"', "有 3 处要改"):
        assert part in answer.text
    assert "short" not in answer.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"login": "centre"}, {"login": "nobody-yet"}),
        ({"credit_code": KNOWN}, {"credit_code": NEW}),
        ({"email": "centre@demo.example"}, {"email": "other@x.example"}),
    ],
)
def test_the_answer_is_the_same_whatever_the_platform_knows(app: Flask, one: dict[str, str], other: dict[str, str]) -> None:
    with database_of(app).writing() as session:
        find_account(session, "centre").email = "centre@demo.example"  # type: ignore[union-attr]
    seen = []
    for values in (one, other):
        person = Browser(app.test_client())
        answer = person.post("/register", FORM | values, form="/register")
        page = person.get(answer.headers["Location"]).text
        hidden = re.sub(r'name="csrf_token" value="[^"]+"|/register/[\w-]{43}|nonce="[^"]+"', "", page)
        seen.append((answer.status_code, answer.headers["Location"], answer.text, hidden))
    assert seen[0] == seen[1]


def test_a_taken_log_in_is_told_only_from_the_letter(app: Flask, browser: Browser) -> None:
    browser.post("/register", FORM | {"login": "centre"}, form="/register")
    place = letter(app, "wang@x.example")
    taken = browser.post(place, {"login": "centre"}, form=place)
    assert taken.status_code == 422
    assert "已经有人用了" in taken.text
    assert browser.post(place, {"login": "wangfang"}, form=place).status_code == 303
    assert browser.log_in("wangfang", PASSWORD).status_code == 303
    # The letter is used up.
    assert browser.get(place).status_code == browser.get("/register/made-up").status_code == 404


def test_from_the_outside_to_a_member(app: Flask, browser: Browser) -> None:
    place = registered(app, browser)
    assert "待上传授权书" in browser.get(place).text
    assert "待上传授权书" in browser.get("/account").text
    # Nothing of a provider is open before the confirmation.
    assert browser.get("/organisation").status_code == 403
    wrong = hand_in(browser, place, b"MZ\x90 program", "授权书.pdf")
    assert wrong.status_code == 422
    assert "没有上传" in wrong.text
    assert hand_in(browser, place).status_code == 303
    assert "待核对" in browser.get(place).text
    manager = logged_in(app, "manager")
    assert "某装备公司" in manager.get("/registrations").text
    page = manager.get(place).text
    assert "平台还没有这个代码的单位" in page
    assert "授权书.pdf" in page
    file = re.search(r'href="(/files/[0-9a-f-]{36})"', page)
    assert file
    taken = manager.get(file[1])
    assert (taken.status_code, taken.data) == (200, PDF)
    taken.close()
    for login in ("bureau", "provider", "enterprise"):
        other = logged_in(app, login)
        assert other.get(place).status_code == other.get(file[1]).status_code == 404
    empty = manager.post(f"{place}/decision", {"event": "refuse", "why": ""}, form=place)
    assert (empty.status_code, "理由没有填" in empty.text) == (422, True)
    assert manager.post(f"{place}/decision", {"event": "refuse", "why": "章看不清"}, form=place).status_code == 303
    assert "章看不清" in browser.get("/account").text
    assert hand_in(browser, place, BETTER).status_code == 303
    assert manager.post(f"{place}/decision", {"event": "confirm"}, form=place).status_code == 303
    late = manager.post(f"{place}/decision", {"event": "refuse", "why": "x"}, form=place)
    assert late.status_code == 409
    assert "已开通" in late.text
    # Whoever becomes a member logs in anew.
    assert browser.get("/organisation").status_code == 303
    browser.log_in("wangfang", PASSWORD)
    assert "某装备公司" in browser.get("/organisation").text


def test_an_imported_unit_is_claimed_and_shown_to_nobody_before(app: Flask, browser: Browser) -> None:
    with database_of(app).reading() as session:
        name = session.scalars(select(Organisation.name).where(Organisation.credit_code == KNOWN)).one()
    place = registered(app, browser, credit_code=KNOWN, kind="enterprise", name="我说的名字")
    hand_in(browser, place)
    assert name not in browser.get(place).text
    admin = logged_in(app, "admin")
    page = admin.get(place).text
    assert name in page
    assert "名称与填写的不同" in page
    admin.post(f"{place}/decision", {"event": "confirm"}, form=place)
    browser.log_in("wangfang", PASSWORD)
    assert name in browser.get("/organisation").text
    with database_of(app).reading() as session:
        assert len(session.scalars(select(Organisation).where(Organisation.credit_code == KNOWN)).all()) == 1


def test_a_rival_finds_no_registration_by_guessing(app: Flask, browser: Browser) -> None:
    place = registered(app, browser)
    rival = Browser(app.test_client())
    registered(app, rival, login="rival", email="rival@x.example")
    missing = "/registrations/00000000-0000-4000-8000-000000000000"
    for address in (place, missing):
        assert rival.get(address).status_code == 404
        for act in ("authorisation", "withdraw"):
            assert rival.post(f"{address}/{act}", form="/account").status_code == 404
        assert rival.post(f"{address}/decision", form="/account").status_code == 403
    assert Browser(app.test_client()).get(place).status_code == 303


def test_staff_see_no_address_that_was_never_confirmed(app: Flask, browser: Browser) -> None:
    browser.post("/register", FORM, form="/register")
    with database_of(app).reading() as session:
        public_id = session.scalars(select(Registration.public_id)).one()
    admin = logged_in(app, "admin")
    assert admin.get(f"/registrations/{public_id}").status_code == 404
    assert "某装备公司" not in admin.get("/registrations?state=all").text
    assert "某装备公司" not in admin.get("/registrations?state=started").text


def test_a_member_registers_a_second_unit_and_takes_it_back(app: Flask) -> None:
    person = logged_in(app, "provider")
    answer = person.post("/register", {"credit_code": NEW, "name": "第二单位", "kind": "enterprise"}, form="/register")
    place = answer.headers["Location"]
    assert answer.status_code == 303
    again = person.post("/register", {"credit_code": NEW, "name": "第三", "kind": "enterprise"}, form="/register")
    assert (again.status_code, "已有一项注册在办理" in again.text) == (422, True)
    assert person.post(f"{place}/withdraw", form=place).status_code == 303
    assert "已撤回" in person.get(place).text


def test_letters_never_begin_with_what_a_request_calls_the_site(app: Flask, browser: Browser) -> None:
    with database_of(app).writing() as session:
        find_account(session, "centre").email = "centre@demo.example"  # type: ignore[union-attr]
    evil = {"base_url": "http://evil.example"}
    found = TOKEN.search(browser.get("/login/forgot", **evil).text)
    assert found
    sent = browser.client.post("/login/forgot", data={"csrf_token": found[1], "login": "centre"}, **evil)  # type: ignore[arg-type]
    assert sent.status_code == 303
    with database_of(app).reading() as session:
        assert "evil" not in session.scalars(select(Job).where(Job.kind == "send_mail")).one().payload["body"]


def test_the_kinds_are_those_that_register_themselves(browser: Browser) -> None:
    for role in Role:
        answer = browser.post("/register", FORM | {"kind": role, "email": "x"}, form="/register")
        assert ("单位类型没有选" in answer.text) == (role not in (Role.PROVIDER, Role.ENTERPRISE))
