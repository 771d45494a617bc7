"""Notices by page: mine alone, unread first; how I want to be told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.actions.notices import notify
from marketplace.domain.notices import KINDS, OTHER, Way
from marketplace.records.accounts import find_account
from marketplace.records.notices import Notice, count_unread, find_ways
from marketplace.site import Site
from tests.opened import Browser, app, browser, own_site
from tests.web.people import Counted

__all__ = ["app", "browser", "own_site"]


def me(site: Site, login: str = "provider") -> int:
    with site.database.reading() as session:
        account = find_account(session, login)
        assert account is not None
        return account.id


def tell(site: Site, *words: str, login: str = "provider") -> None:
    with site.database.writing() as session:
        for word in words:
            notify(session, [me(site, login)], "application", "申报 {number} 有了进展", at=datetime.now(UTC), values={"number": word})


def ids(site: Site) -> list[str]:
    with site.database.reading() as session:
        return list(session.scalars(select(Notice.public_id).order_by(Notice.id)))


def unread(site: Site, login: str = "provider") -> int:
    with site.database.reading() as session:
        return count_unread(session, me(site, login))


def test_the_unread_come_first_and_are_read_one_by_one_or_all(own_site: Site, browser: Browser) -> None:
    tell(own_site, "一", "二", "三<b>")
    browser.log_in("provider")
    page = browser.get("/notices").text
    assert page.index("申报 三&lt;b&gt;") < page.index("申报 二") < page.index("申报 一")
    assert '通知 <span class="jg-count is-calm">3</span>' in page
    assert browser.post(f"/notices/{ids(own_site)[2]}/read", form="/notices").status_code == 303
    page = browser.get("/notices").text
    assert page.index("申报 二") < page.index("申报 一") < page.index("申报 三")
    assert unread(own_site) == 2
    assert browser.post("/notices/read", form="/notices").status_code == 303
    assert unread(own_site) == 0
    assert "全部标为已读" not in browser.get("/notices").text


def test_another_s_notice_is_as_absent_as_none(app: Flask, own_site: Site, browser: Browser) -> None:
    tell(own_site, "一")
    browser.log_in("provider2")
    assert "申报 一" not in browser.get("/notices").text
    assert browser.post(f"/notices/{ids(own_site)[0]}/read", form="/account").status_code == 404
    assert browser.post("/notices/none/read", form="/account").status_code == 404
    browser.post("/notices/read", form="/account")
    assert unread(own_site) == 1
    assert app.test_client().get("/notices").status_code == 303


def test_ways_are_chosen_by_kind(own_site: Site, browser: Browser) -> None:
    browser.log_in("provider")
    assert browser.post("/notices/ways", {"application": "digest", "other": "none"}, form="/notices").status_code == 303
    assert browser.post("/notices/ways", {"application": "none"}, form="/notices").status_code == 303
    with own_site.database.reading() as session:
        ways = find_ways(session, me(own_site))
    assert ways["application"] is Way.NONE
    assert ways[OTHER] is Way.NONE
    assert {ways[kind] for kind in KINDS if kind != "application"} == {Way.MAIL}
    page = browser.get("/notices").text
    assert page.count('<option value="none" selected>') == 2
    assert "短信或企业微信" not in page


@pytest.mark.parametrize("way", ["gateway", "pigeon", ""])
def test_a_way_that_is_not_offered_is_refused(own_site: Site, browser: Browser, way: str) -> None:
    browser.log_in("provider")
    answer = browser.post("/notices/ways", {"application": way}, form="/notices")
    assert answer.status_code == 422
    assert "没有这种通知方式" in answer.text
    with own_site.database.reading() as session:
        assert find_ways(session, me(own_site))["application"] is Way.MAIL


def test_the_number_of_statements_does_not_grow(own_site: Site, browser: Browser) -> None:
    browser.log_in("provider")
    tell(own_site, "一")
    with Counted(own_site) as few:
        browser.get("/notices")
    tell(own_site, *(str(number) for number in range(70)))
    with Counted(own_site) as many:
        page = browser.get("/notices").text
    assert len(many.statements) == len(few.statements)
    assert "第 1–30 个，共 71 个" in page
