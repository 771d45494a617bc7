"""The workbench of a plan in its pages: steering, comparing, issuing, answering; by who may and who may not."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from docx import Document
from flask import Flask
from sqlalchemy import select

from marketplace.domain.plans import PlanState
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import ProviderState
from marketplace.jobs.worker import JobWorker
from marketplace.records.plans import IssuedPlan, PlanChoice
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.conftest import NOW
from tests.opened import Browser
from tests.web.people import browser_of, find_things


class Place:
    """An enterprise with its plan, and the people around it."""

    def __init__(self, site: Site, app: Flask) -> None:
        self.site, self.app = site, app
        self.things = find_things(site)
        self.plan = f"/enterprises/{self.things.own_enterprise}/plan"
        self.centre = browser_of(app, "centre")
        with site.database.reading() as session:
            query = select(Problem).where(Problem.state == ProblemState.OPEN, Problem.enterprise.has(public_id=self.things.own_enterprise))
            found = session.scalars(query.order_by(Problem.id)).first()
            assert found is not None
            self.problem, self.number = found.public_id, found.id

    def need(self, browser: Browser | None = None) -> str:
        """The part of the page about the first problem."""
        page = (browser or self.centre).get(self.plan).text
        return page[page.index(f'id="p{self.number}"') :].partition("</section>")[0]

    def offered(self) -> list[str]:
        return list(dict.fromkeys(re.findall(r'href="/solutions/([0-9a-f-]{36})[?"]', self.need().partition("jg-panel-f")[0])))

    def choose(self, solution: str, kind: str, why: str = "", browser: Browser | None = None) -> int:
        data = {"solution": solution, "kind": kind, "why": why}
        return (browser or self.centre).post(f"/problems/{self.problem}/choices", data).status_code

    def issue(self, **values: str) -> str:
        day = (NOW + timedelta(days=400)).date().isoformat()
        version = re.findall(r'name="seen" value="(\d+)"', self.centre.get(f"{self.plan}/issue").text)[0]
        data = {"note": "先做第一条", "follow_up": day, "seen": version, **values}
        answer = self.centre.post(f"{self.plan}/issue", data)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])


@pytest.fixture
def place(own_demo: Site, own_app: Flask) -> Place:
    return Place(own_demo, own_app)


def test_what_is_put_first_stands_first_and_is_taken(place: Place) -> None:
    before = place.offered()
    assert place.choose(before[-1], "pinned") == 303
    assert place.offered()[0] == before[-1]
    part = place.need()
    assert part.index("列入组合") < part.index("取消置顶")
    # The enterprise sees the order, not the tools.
    enterprise = browser_of(place.app, "enterprise")
    seen = place.need(enterprise)
    assert before[-1] in seen
    assert "取消置顶" not in seen
    assert enterprise.post(f"/problems/{place.problem}/choices", {"solution": before[0], "kind": "pinned"}).status_code == 403
    assert place.centre.post(f"/problems/{place.problem}/choices/take-back", {"solution": before[-1]}).status_code == 303
    assert place.offered() == before


def test_what_is_left_out_is_named_with_its_reason(place: Place) -> None:
    before = place.offered()
    assert place.choose(before[0], "excluded") == 422
    assert place.offered() == before
    assert place.choose(before[0], "excluded", "现场没有压缩空气") == 303
    assert before[0] not in place.offered()
    for browser in (place.centre, browser_of(place.app, "enterprise")):
        assert "现场没有压缩空气" in place.need(browser)


def test_one_is_added_from_a_search(place: Place) -> None:
    page = place.centre.get(f"/problems/{place.problem}/choices/new?q=软件").text
    found = re.findall(r"solution=([0-9a-f-]{36})", page)
    fresh = next(one for one in found if one not in place.offered())
    assert place.choose(fresh, "added", "同园区已在用") == 303
    part = place.need()
    assert place.offered()[0] == fresh
    assert "人工加入" in part
    assert "同园区已在用" in part


def test_a_changed_order_says_why(place: Place) -> None:
    page = place.centre.get(place.plan).text
    assert "按侧重由" not in page
    wrong = place.centre.post(f"{place.plan}/emphasis", {"price": "9", "speed": "1", "local": "x", "record": "1"})
    assert wrong.status_code == 422
    assert 'value="9"' in wrong.text
    assert place.centre.post(f"{place.plan}/emphasis", {"price": "5", "speed": "0", "local": "5", "record": "5"}).status_code == 303
    page = place.centre.get(place.plan).text
    assert re.search(r"按侧重由第 \d+ 位(升|降)到第 \d+ 位", page)
    assert "企业的侧重" in page
    assert "按本企业的侧重排序" in browser_of(place.app, "enterprise").get(place.plan).text
    # The second of two brokers is told.
    late = place.centre.post(f"{place.plan}/emphasis", {"price": "2", "speed": "1", "local": "1", "record": "1", "seen": "0"})
    assert late.status_code == 409
    assert "您填写的都还在" in late.text


def test_filters_hold_for_all_problems(place: Place) -> None:
    page = place.centre.get(f"{place.plan}?local=1").text
    assert "现在只看筛选后的方案" in page
    assert "已签承诺" not in page[page.index("jg-pick") : page.index("预算对照</h2>")]
    assert place.centre.get(f"{place.plan}?price_most=x&weeks_most=-1&form=nothing").text.count("去掉筛选") == 0


def test_up_to_four_are_compared(place: Place) -> None:
    part = place.need()
    numbers = re.findall(r'name="s" value="(\d+)"', part)
    assert len(numbers) >= 5
    address = f"{place.plan}/compare?problem={place.number}&" + "&".join(f"s={number}" for number in numbers)
    page = place.centre.get(address).text
    assert page.count('<th scope="col"><a') == 4
    assert "后选的" in page
    assert "没有选中要对比的方案" in place.centre.get(f"{place.plan}/compare?problem=0&s=1").text
    assert browser_of(place.app, "enterprise2").get(address).status_code == 404


def test_a_plan_is_issued_word_for_word_and_answered(place: Place) -> None:
    place.choose(place.offered()[1], "excluded", "企业用过，不再考虑")
    address = place.issue()
    with place.site.database.reading() as session:
        plan = session.scalars(select(IssuedPlan)).one()
        kept, ref = plan.content, plan.public_id
        need = next(one for one in kept["needs"] if one["problem_id"] == place.number)
    assert need["matches"][0]["features"]
    assert need["matches"][0]["reasons"]
    assert need["excluded"][0]["why"] == "企业用过，不再考虑"
    enterprise, stranger = browser_of(place.app, "enterprise"), browser_of(place.app, "enterprise2")
    assert stranger.get(address).status_code == 404
    assert browser_of(place.app, "provider").get(address).status_code == 403
    page = enterprise.get(address).text
    for match in need["matches"]:
        assert match["solution"] in page
    assert "正在生成" in page
    JobWorker(place.site).drain()
    page = enterprise.get(address).text
    files = re.findall(r'href="(/files/[0-9a-f-]{36})">([^<]+)<', page)
    assert [name.rpartition(".")[2] for _link, name in files] == ["docx", "pdf"]
    with enterprise.get(files[0][0]) as given:
        document = Document(io.BytesIO(given.data))
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert need["text"] in text
    assert "企业用过，不再考虑" in text
    assert need["matches"][0]["solution"] in "".join(cell.text for table in document.tables for row in table.rows for cell in row.cells)
    assert stranger.get(files[0][0]).status_code == 404
    assert place.centre.post(f"/plans/{ref}/confirm").status_code == 403
    assert enterprise.post(f"/plans/{ref}/return", {"why": ""}).status_code == 422
    assert enterprise.post(f"/plans/{ref}/return", {"why": "第一条不急"}).status_code == 303
    assert "企业退回" in place.centre.get(place.plan).text
    second = place.issue()
    assert enterprise.post(f"{second}/confirm").status_code == 303
    with place.site.database.reading() as session:
        rows = session.scalars(select(IssuedPlan).order_by(IssuedPlan.version)).all()
        assert [row.state for row in rows] == [PlanState.SUPERSEDED, PlanState.CONFIRMED]


def test_two_brokers_do_not_issue_over_each_other(place: Place) -> None:
    place.issue()
    late = place.centre.post(f"{place.plan}/issue", {"note": "我的说明", "follow_up": "2030-01-01", "seen": "0"})
    assert late.status_code == 409
    assert "已有第 1 版出具" in late.text
    assert "我的说明" in late.text


def test_whoever_left_the_pool_is_not_listed_by_hand(place: Place) -> None:
    pinned = place.offered()[-1]
    place.choose(pinned, "pinned")
    with place.site.database.writing() as session:
        row = session.scalars(select(PlanChoice)).one()
        session.get_one(Solution, row.solution_id).provider.state = ProviderState.RETIRED
    part = place.need()
    assert "服务商现在不接新单" in part
    assert pinned not in place.offered()
