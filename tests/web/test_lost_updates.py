"""Two people at one form: whoever comes second is told, sees both texts, and loses nothing that was typed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.app import create_app
from marketplace.records.experts import ReviewExpert
from marketplace.site import Site
from tests.opened import site_of
from tests.web.crawling import crawl
from tests.web.people import browser_of

FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
FIELD = re.compile(r"<(?:input|textarea|select)\b[^>]*>")
# A form that holds what is stored carries what it saw: a version, a revision, the last entry of the history, or the rights.
MARKS = {"seen", "review_seen", "version", "revision", "before"}
# Forms with something in them that is no stored thing: what is usual, what was searched for, what is only added.
NOTHING_STORED = {
    "accounts.change_password", "accounts.create_token", "evaluations.open_round", "members.invite", "windows.create", "imports.upload",
    "certificates.add", "diagnoses.create", "outside_grades.create",
    "notices.set_ways", "saved.keep", "group_plans.create",
    "inspections.draw", "inspections.plan", "rectifications.order", "supervision.issue",
    "fund_budgets.create", "funding_plans.create", "funds.voucher", "vouchers.receive", "work_items.create", "performance_form.create",
}  # fmt: skip


@pytest.fixture(scope="module")
def played(pool_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("races") / "data"
    shutil.copytree(pool_folder, folder, symlinks=True)
    site = site_of(folder)
    yield site
    site.index.close()
    site.database.close()


@pytest.fixture(scope="module")
def app(played: Site) -> Flask:
    return create_app(played)


def attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return unescape(found[1]) if found else ""


def form_of(page: str, action: str) -> list[tuple[str, str]]:
    """The fields of the form that goes there, as a browser would send them."""
    for head, body in FORM.findall(page):
        if attribute(head, "method") != "post" or attribute(head, "action") not in (action, ""):
            continue
        fields = []
        for tag in FIELD.findall(body):
            name, kind = attribute(tag, "name"), attribute(tag, "type")
            if not name or (kind in {"checkbox", "radio"} and " checked" not in tag):
                continue
            if tag.startswith("<textarea"):
                text = body.split(tag, 1)[1].split("</textarea>", 1)[0]
                fields.append((name, unescape(text).removeprefix("\n")))
            elif tag.startswith("<select"):
                options = re.findall(r"<option\b[^>]*>", body.split(tag, 1)[1].split("</select>", 1)[0])
                chosen = next((option for option in options if " selected" in option), options[0])
                fields.append((name, attribute(chosen, "value")))
            else:
                fields.append((name, attribute(tag, "value")))
        return fields
    raise AssertionError(f"no form for {action}")


def with_(fields: list[tuple[str, str]], name: str, *values: str) -> dict[str, list[str]]:
    """The fields, one of them as it is now."""
    sent: dict[str, list[str]] = {}
    for key, value in fields:
        sent.setdefault(key, []).append(value)
    return {**sent, name: list(values)}


def window(_site: Site, app: Flask) -> str:
    typed: dict[str, object] = {
        "title": "第九批申报",
        "text": "正文",
        "sectors": "chem",
        "opens": "2027-01-04",
        "closes": "2027-02-26",
        "publicity_days": "5",
    }
    place = browser_of(app, "manager").post("/windows/new", typed, form="/windows/new").headers["Location"]
    return f"{place}/edit"


def call(_site: Site, app: Flask) -> str:
    typed: dict[str, object] = {
        "scenario_code": "CHEM-01",
        "title": "征集",
        "text": "要解决什么" * 5,
        "opens": "2027-01-04",
        "closes": "2027-02-26",
    }
    answer = browser_of(app, "centre").post("/calls/new", typed, form="/calls/new")
    assert answer.status_code == 303, answer.text
    return f"{answer.headers['Location']}/edit"


def expert(site: Site, _app: Flask) -> str:
    with site.database.reading() as session:
        row = session.scalars(select(ReviewExpert).order_by(ReviewExpert.id)).first()
        assert row is not None
        return f"/review-experts/{row.public_id}"


# What is edited: by whom both, and the page of its form, whose address takes it too.
RACES: dict[str, tuple[tuple[str, str], Callable[[Site, Flask], str]]] = {
    "window": (("manager", "admin"), window),
    "call": (("centre", "centre"), call),
    "expert": (("manager", "manager"), expert),
}


@pytest.mark.parametrize("name", RACES)
def test_the_second_one_is_told_and_loses_nothing(played: Site, app: Flask, name: str) -> None:
    people, make = RACES[name]
    page = make(played, app)
    first, second = (browser_of(app, person) for person in people)
    forms = [form_of(browser.get(page).text, page) for browser in (first, second)]
    won = first.client.post(page, data=with_(forms[0], "title", "甲写的"))
    assert won.status_code == 303, won.text
    # A form that comes back for what was typed has seen nothing new.
    refused = second.client.post(page, data=with_(forms[1], "title" if name != "expert" else "name", ""))
    assert refused.status_code == 422
    assert second.client.post(page, data=with_(form_of(refused.text, page), "title", "乙写的")).status_code != 303
    lost = second.client.post(page, data=with_(forms[1], "title", "乙写的"))
    assert lost.status_code == 409
    assert "您打开后" in lost.text
    assert 'value="乙写的"' in lost.text
    assert dict(form_of(first.get(page).text, page))["title"] == "甲写的"
    # Having seen both, the second one decides.
    again = second.client.post(page, data=with_(form_of(lost.text, page), "title", "乙写的"))
    assert again.status_code == 303, again.text
    assert dict(form_of(first.get(page).text, page))["title"] == "乙写的"


def test_both_texts_stand_side_by_side(played: Site, app: Flask) -> None:
    for make, person in ((window, "manager"), (call, "centre")):
        page, browser = make(played, app), browser_of(app, person)
        form = form_of(browser.get(page).text, page)
        assert browser.client.post(page, data=with_(form, "text", "先存的一段正文" * 4)).status_code == 303
        lost = browser.client.post(page, data=with_(form, "text", "后交的一段正文" * 4)).text
        told = lost[lost.index('id="race"') : lost.index("</table>")]
        assert "<del>先存</del>" in told
        assert "<mark>后交</mark>" in told


def test_rights_that_were_changed_meanwhile_are_not_written_over(played: Site, app: Flask) -> None:
    browser = browser_of(app, "provider")
    text = browser.get("/organisation", follow_redirects=True).text
    action = re.search(r'action="(/organisation/[^"]*/members/\d+)"', text)
    assert action is not None
    fields = form_of(text, action[1])
    lost = browser.client.post(action[1], data={**with_(fields, "rights", "edit", "members"), "before": ["edit"]}, follow_redirects=True)
    assert "您打开后，这位成员的权限已被改动" in lost.text


def test_forms_that_hold_what_is_stored_say_what_they_saw(app: Flask) -> None:
    """A sweep by crawling as everybody who may change anything."""
    adapter = app.url_map.bind("localhost")
    held: dict[str, str] = {}
    marked = set()
    for person in ("manager", "centre", "bureau", "admin", "provider", "applicant", "expert"):
        for address, page in crawl(app, browser_of(app, person), each=4):
            for head, body in FORM.findall(page):
                if attribute(head, "method") != "post":
                    continue
                # Where a form has several ways to go, its buttons name them.
                where = attribute(head, "action") or attribute(body, "formaction") or address
                endpoint, _values = adapter.match(urlsplit(urljoin(address, where)).path, method="POST")
                names = {attribute(tag, "name") for tag in FIELD.findall(body)}
                if names & MARKS:
                    marked.add(endpoint)
                elif _holds_something(body) and endpoint not in NOTHING_STORED:
                    held[endpoint] = address
    assert held == {}
    assert marked >= {"windows.change", "calls.save", "experts.change", "members.change_rights", "application_sections.save"}


def _holds_something(body: str) -> bool:
    typed = [text for text in re.findall(r"<textarea[^>]*>([^<]*)</textarea>", body) if text.strip()]
    for tag in re.findall(r"<input\b[^>]*>", body):
        kind = attribute(tag, "type") or "text"
        if kind in {"text", "date", "email", "number"} and attribute(tag, "value"):
            typed.append(tag)
        if kind in {"checkbox", "radio"} and " checked" in tag:
            typed.append(tag)
    return bool(typed)
