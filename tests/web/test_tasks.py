"""What waits for me: by urgency, with terms that anybody can check; only mine, and in the head of every page."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.tasks import Urgency, count_to, urgency
from marketplace.domain.working_days import Calendar
from marketplace.records.calendar import CalendarDay
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task
from marketplace.site import Site
from tests.opened import Browser, app, browser, own_site
from tests.web.people import Counted, browser_of, viewer_of

__all__ = ["app", "browser", "own_site"]
# A Thursday; ten in the morning in Tianjin.
NOW = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("due", "group"),
    [
        (None, Urgency.OPEN),
        (TODAY - timedelta(days=1), Urgency.LATE),
        (TODAY, Urgency.TODAY),
        (TODAY + timedelta(days=1), Urgency.WEEK),
        (date(2026, 11, 29), Urgency.WEEK),
        (date(2026, 11, 30), Urgency.LATER),
    ],
)
def test_groups(due: date | None, group: Urgency) -> None:
    assert urgency(due, TODAY) is group
    # On a Sunday nothing more comes this week.
    assert urgency(date(2026, 11, 30), date(2026, 11, 29)) is Urgency.LATER


def test_a_count_names_every_day_that_it_leaves_out_or_counts_in() -> None:
    calendar = Calendar(off=frozenset({date(2026, 12, 1), date(2026, 12, 2)}), made_up=frozenset({date(2026, 11, 29)}))
    count = count_to(date(2026, 12, 4), TODAY, calendar)
    # 27 Fri, 28 Sat off, 29 Sun made up, 30 Mon, 1 and 2 holidays, 3 Thu, 4 Fri.
    assert (count.days, count.first, count.last) == (5, date(2026, 11, 27), date(2026, 12, 4))
    assert count.weekends == (date(2026, 11, 28),)
    assert count.holidays == (date(2026, 12, 1), date(2026, 12, 2))
    assert count.made_up == (date(2026, 11, 29),)
    assert count.days == (count.last - count.first).days + 1 - len(count.weekends) - len(count.holidays)
    late = count_to(date(2026, 11, 20), TODAY, calendar)
    assert (late.days, late.weekends) == (-4, (date(2026, 11, 21), date(2026, 11, 22)))


def fill(site: Site, login: str = "provider", more: int = 0) -> None:
    """One task of each urgency for somebody's organisation, and what is not theirs."""
    with site.database.writing() as session:
        viewer = viewer_of(session, login)
        unit, other = min(viewer.organisation_ids), 999_999
        public_id = session.get_one(Provider, min(viewer.provider_ids)).public_id if viewer.provider_ids else "x"
        rows = [("2026-11-24", "a"), ("2026-11-26", "b"), ("2026-11-27", "c"), ("2026-12-04", "d"), (None, "e")]
        rows += [("2026-12-31", f"m{number}") for number in range(more)]
        for number, (due, word) in enumerate(rows):
            open_task(
                session, f"kind_{word}", "申报 {number}：补正", noun="provider" if word == "a" else "application", noun_id=number, public_ref=public_id,
                at=NOW, values={"number": f"SQ-{word}"}, organisation_id=unit, due=date.fromisoformat(due) if due else None,
            )  # fmt: skip
        open_task(
            session,
            "for_roles",
            "初审 {number}",
            noun="review",
            noun_id=7,
            public_ref="x",
            at=NOW,
            values={"number": "R-1"},
            roles=[Role.MANAGER],
        )
        assert other not in viewer.organisation_ids
        session.merge(CalendarDay(day=date(2026, 12, 1), works=False, name="某节"))


def test_an_inbox_says_what_how_long_and_how_it_was_counted(own_site: Site, browser: Browser) -> None:
    fill(own_site)
    with time_machine.travel(NOW, tick=False):
        browser.log_in("provider")
        page = browser.get("/inbox").text
    heads = [page.index(f'id="g-{group}"') for group in ("late", "today", "week", "later", "open")]
    assert heads == sorted(heads)
    for words in ("超期 2 个工作日", "应于 2026-11-24", "今天 24:00 前", "剩 1 个工作日", "至 2026-11-27", "剩 5 个工作日", "没有期限"):
        assert words in page
    assert "从 2026-11-27 数到 2026-12-04，共 5 个工作日" in page
    assert "扣除周末：" in page
    assert "扣除节假日：某节 12-01" in page
    assert "申报 SQ-a：补正" in page
    assert 'href="/providers/' in page
    assert "初审 R-1" not in page
    assert "共 5 项" in page
    assert '待办 <span class="jg-count">5</span>' in page


def test_a_filter_by_what_it_is_about(own_site: Site, browser: Browser) -> None:
    fill(own_site)
    with time_machine.travel(NOW, tick=False):
        browser.log_in("provider")
        page = browser.get("/inbox?noun=provider").text
        assert "SQ-a" in page
        assert "SQ-b" not in page
        # What people call by one word is one choice: a review, and an expert's part in it.
        with own_site.database.writing() as session:
            session.execute(update(Task).where(Task.message == "申报 {number}：补正", Task.kind == "kind_b").values(noun="review"))
            session.execute(update(Task).where(Task.kind == "kind_c").values(noun="review_assignment"))
        page = browser.get("/inbox?noun=review_assignment").text
        assert page.count("评审 2</a>") == 1
        assert ("SQ-b" in page, "SQ-c" in page, "SQ-d" in page) == (True, True, False)
        assert browser.get("/inbox?noun=%3Cscript%3E&page=-1").status_code == 200


def test_everybody_sees_their_own(app: Flask, own_site: Site) -> None:
    fill(own_site)
    for login, seen in (("provider2", False), ("manager", True), ("bureau", False), ("expert", False)):
        person = Browser(app.test_client())
        person.log_in(login)
        page = person.get("/inbox").text
        assert ("初审 R-1" in page) is seen, login
        assert "SQ-a" not in page
    assert app.test_client().get("/inbox").status_code == 303


def test_a_task_that_is_done_is_gone(own_site: Site, browser: Browser) -> None:
    fill(own_site)
    with own_site.database.writing() as session:
        close_tasks(session, "provider", 0, at=NOW)
    browser.log_in("provider")
    assert "SQ-a" not in browser.get("/inbox").text


def test_the_first_five_stand_on_the_home_page(app: Flask, own_site: Site, browser: Browser) -> None:
    fill(own_site, more=3)
    assert "等您办理" not in browser.get("/").text
    with time_machine.travel(NOW, tick=False):
        browser.log_in("provider")
        page = browser.get("/").text
    assert page.index("等您办理") < page.index("工厂的难题")
    assert "SQ-a" in page
    assert "SQ-m0" in page
    assert "SQ-m1" not in page
    assert "全部 8 项" in page


def test_the_number_of_statements_does_not_grow(own_site: Site, browser: Browser) -> None:
    fill(own_site)
    browser.log_in("provider")
    with Counted(own_site) as few:
        browser.get("/inbox")
    fill(own_site, "provider2")
    with own_site.database.writing() as session:
        unit = min(viewer_of(session, "provider").organisation_ids)
        for number in range(120):
            open_task(
                session, "more", "第 {n} 项", noun="window", noun_id=number, public_ref="x", at=NOW, values={"n": number}, organisation_id=unit,
                due=TODAY + timedelta(days=number),
            )  # fmt: skip
    with Counted(own_site) as many:
        page = browser.get("/inbox").text
    assert len(many.statements) == len(few.statements)
    assert "第 1–50 个，共 125 个" in page
    assert "第 119 项" in browser.get("/inbox?page=3").text
    assert '<span class="jg-count">99+</span>' in page


def test_a_page_is_not_lost_for_want_of_a_count(own_site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.log_in("provider")

    def fails(_viewer: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("marketplace.web.tasks.waits_for", fails)
    assert browser.get("/account").status_code == 200


def test_in_english(own_site: Site, browser: Browser) -> None:
    fill(own_site)
    browser.log_in("provider")
    assert browser.get("/inbox?lang=en").status_code == 200


def test_the_inbox_as_a_calendar(app: Flask, own_site: Site) -> None:
    fill(own_site)
    with own_site.database.writing() as session:
        session.add(CalendarDay(day=date(2026, 11, 28), works=True, name="春节"))
    with time_machine.travel(NOW, tick=False):
        person = browser_of(app, "provider")
        inbox = person.get("/inbox").text
        page = person.get("/inbox/calendar").text
    assert "/inbox/calendar" in inbox
    assert "2026" in page
    cells = {number: classes for classes, number in re.findall(r"<td class=\"([^\"]*)\"[^>]*><p><strong>(\d+)</strong>", page)}
    assert "is-today" in cells["26"]
    assert "is-empty" not in cells["26"]
    # A Saturday that is worked on, and a Sunday that is not.
    assert ("is-off" in cells["28"], "is-off" in cells["29"]) == (False, True)
    assert len(cells) == 30
    with time_machine.travel(NOW, tick=False):
        for month in ("2026-13", "9999-01", "x", "0001-01"):
            assert person.get(f"/inbox/calendar?month={month}").text.count('aria-current="date"') == 1, month
        december = person.get("/inbox/calendar?month=2026-12").text
    assert "month=2027-01" in december
    assert "month=2026-11" in december
