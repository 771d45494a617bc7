"""What people come for, from the first page to the answer, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.solutions import Solution
from tests.journeys.conftest import Person
from tests.web.people import Things

Somebody = Callable[..., Person]
PRESS = "两千吨的压床一停，后面四条焊线全等着，离合器和平衡缸的毛病从来都是坏了才修。"
PROVIDER = "919900006639233244"


def test_search_leads_to_a_solution(somebody: Somebody) -> None:
    person = somebody()
    page = person.page
    person.go("/")
    person.look("home")
    page.fill("#q", "压机停机")
    page.get_by_role("button", name="搜索").click()
    expect(page.get_by_role("heading", level=3).first).to_contain_text("压机")
    page.locator(".jg-facet").get_by_role("link", name=re.compile("^汽车")).first.click()
    expect(page.locator(".jg-chips")).to_contain_text("汽车")
    assert "sector=auto" in page.url
    person.look("search")
    page.get_by_role("link", name="去掉条件：汽车").click()
    assert "sector=auto" not in page.url
    page.locator(".jg-card h3 a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("压机")
    for part in ("解决什么问题", "适合谁", "怎样做", "报价与工期"):
        expect(page.get_by_role("heading", name=part)).to_be_visible()
    person.look("solution")


def test_suggestions_come_while_typing(somebody: Somebody) -> None:
    page = (person := somebody()).page
    person.go("/search")
    page.locator("#q").press_sequentially("yaji", delay=20)
    option = page.get_by_role("option").first
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=*")
    expect(page.locator(".jg-card").first).to_be_visible()


def test_a_problem_in_ones_own_words_is_answered(somebody: Somebody) -> None:
    page = (person := somebody()).page
    person.go("/")
    page.fill("#t", PRESS)
    page.fill("#b", "200")
    page.get_by_role("button", name="看看谁能解决").click()
    expect(page.get_by_role("heading", name=re.compile("^对口的方案"))).to_be_visible()
    expect(page.locator("#f-text")).to_have_value(PRESS)
    expect(page.locator(".jg-why").first).to_contain_text("符合")
    expect(page.get_by_role("heading", name="还没说到的")).to_be_visible()
    expect(page.get_by_role("heading", name="能接的服务商")).to_be_visible()
    person.look("ask")
    guess = page.locator("button.jg-chip").first
    word = guess.inner_text()
    guess.click()
    expect(page.locator("#f-text")).to_have_value(PRESS)
    assert word not in [chip.inner_text() for chip in page.locator("button.jg-chip").all()]


def test_nothing_written_is_said_at_the_field(somebody: Somebody) -> None:
    page = (person := somebody()).page
    person.go("/ask")
    page.get_by_role("button", name="看看谁能解决").click()
    expect(page.get_by_role("alert")).to_contain_text("有 1 处要改")
    expect(page.locator("#e-text")).to_contain_text("问题没有填")
    # The answer is a page with status 422, which the browser notes as an error of its own.
    person.faults[:] = [fault for fault in person.faults if "422" not in fault]


def test_an_enterprise_reads_its_plan_and_its_reasons(somebody: Somebody) -> None:
    page = (person := somebody()).page
    person.log_in("enterprise")
    page.get_by_role("link", name="一企一策").click()
    expect(page.get_by_role("heading", name=re.compile("^推荐组合：.*家服务商解决"))).to_be_visible()
    for total in ("问题清单", "本方案能解决", "需要服务商", "报价合计"):
        expect(page.locator(".jg-strip")).to_contain_text(total)
    expect(page.locator(".is-matrix tfoot")).to_contain_text("覆盖结果")
    first = page.locator(".jg-need").first
    expect(first.locator("blockquote")).to_be_visible()
    expect(first.locator(".jg-why dt").first).to_have_text("符合")
    person.look("plan")
    with person.served.site.database.reading() as session:
        titles = set(session.scalars(select(Solution.title)))
    assert first.locator(".jg-pick h3 a").inner_text() in titles
    first.get_by_role("button", name=re.compile("同意向这家公开")).first.click()
    expect(page.get_by_role("status")).to_contain_text("已同意")
    page.emulate_media(media="print")
    person.picture("plan-print")


def test_the_centre_finds_an_enterprise_and_its_plan(somebody: Somebody) -> None:
    page = (person := somebody()).page
    person.log_in("centre")
    page.get_by_role("link", name="企业", exact=True).click()
    person.look("enterprises")
    page.fill("#n", "津驰车身")
    page.get_by_role("button", name="查找").click()
    page.get_by_role("link", name="天津津驰车身部件有限公司（示例）", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("^问题清单"))).to_be_visible()
    person.look("enterprise")
    page.get_by_role("link", name="看一企一策方案").click()
    expect(page.locator(".jg-need").first).to_be_visible()
    person.look("plan-centre")


def test_a_provider_sees_demands_without_names(somebody: Somebody) -> None:
    page = (person := somebody()).page
    person.log_in("provider")
    page.get_by_role("link", name="适合我的需求").click()
    expect(page.locator(".jg-card").first).to_contain_text("未公开：企业名称、园区、具体预算")
    person.look("demands")
    with person.served.site.database.reading() as session:
        names = list(session.scalars(select(Organisation.name).join(Enterprise)))
    text = page.locator("main").inner_text()
    assert not any(name in text for name in names)


def test_an_import_with_bad_rows_is_told_and_skips_them(somebody: Somebody, tmp_path: Path) -> None:
    page = (person := somebody()).page
    good = {
        "id": "NEW-1",
        "provider_code": PROVIDER,
        "title": "换热器结垢在线监测",
        "form": "解决方案",
        "sectors": ["化工"],
        "stages": ["设备管理"],
        "summary": "按压差和温差判断结垢，提前安排清洗。",
        "price_wan": [30, 60],
        "delivery_weeks": [4, 8],
        "references": 3,
    }
    rows = [good, {**good, "id": "NEW-2", "sectors": ["机械"]}, {**good, "id": "NEW-3", "price_wan": [90, 60]}]
    file = tmp_path / "solutions.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    person.log_in("centre")
    page.get_by_role("link", name="导入").click()
    person.look("import")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="检查文件").click()
    bad = page.locator("section[aria-labelledby=bad]")
    expect(bad).to_contain_text("机械")
    expect(bad).to_contain_text("高于最高")
    person.look("import-report")
    page.get_by_role("button", name=re.compile("导入 1 行（跳过 2 行）")).click()
    expect(page.get_by_role("status")).to_contain_text("已写入 1 行")
    for _attempt in range(40):
        person.go("/search?q=换热器结垢在线监测")
        if page.get_by_role("link", name="换热器结垢在线监测").count():
            break
        page.wait_for_timeout(250)
    expect(page.get_by_role("link", name="换热器结垢在线监测").first).to_be_visible()


PAGES = {
    "provider": "/providers/{own_provider}",
    "scenarios": "/scenarios",
    "scenario": "/scenarios/{scenario}",
    "search-provider": "/search?kind=provider&q=软件",
    "search-empty": "/search?q=zzzzqqqq&sector=chem",
    "help": "/help",
    "ranking": "/how-ranking-works",
    "log-in": "/login",
    "not-found": "/nothing-here",
}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_every_other_page_is_accessible(somebody: Somebody, things: Things, name: str, lang: str) -> None:
    person = somebody()
    path = PAGES[name].format(**vars(things))
    answer = person.page.goto(f"{person.served.address}{path}{'&' if '?' in path else '?'}lang={lang}")
    assert answer is not None
    assert answer.status == (404 if name == "not-found" else 200)
    person.look(name if lang == "zh" else f"{name}-en")
    person.faults[:] = [fault for fault in person.faults if name != "not-found" or "404" not in fault]


def test_the_main_pages_in_english(somebody: Somebody) -> None:
    page = (person := somebody()).page
    person.go("/")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Find who can solve your factory's problem")
    person.look("home-en")
    page.fill("#t", PRESS)
    page.get_by_role("button", name="See who can solve it").click()
    expect(page.get_by_role("heading", name=re.compile("^Solutions: "))).to_be_visible()
    person.look("ask-en")
    person.log_in("enterprise")
    page.get_by_role("link", name="My plan").click()
    expect(page.get_by_role("heading", name=re.compile("^Recommended set: "))).to_be_visible()
    person.look("plan-en")
    person.go("/search?q=MES")
    person.look("search-en")


def test_the_main_pages_on_a_phone(somebody: Somebody) -> None:
    page = (person := somebody(width=390, height=844)).page
    person.go("/")
    person.look("home-phone")
    person.go("/search?q=压机停机")
    expect(page.locator(".jg-facets")).to_be_hidden()
    person.look("search-phone")
    page.get_by_role("link", name="筛选", exact=True).click()
    expect(page.locator(".jg-facets")).to_be_visible()
    person.go(f"/ask?text={PRESS}")
    person.look("ask-phone")
    person.log_in("enterprise")
    page.get_by_role("link", name="一企一策").click()
    person.look("plan-phone")
    for name, path in (("home", "/"), ("ask", f"/ask?text={PRESS}"), ("search", "/search?q=MES")):
        person.go(f"{path}{'&' if '?' in path else '?'}lang=en")
        person.look(f"{name}-en-phone")


def test_everything_works_without_script(somebody: Somebody) -> None:
    page = (person := somebody(script=False)).page
    person.go("/")
    page.fill("#t", PRESS)
    page.get_by_role("button", name="看看谁能解决").click()
    assert page.locator(".jg-why").count() > 0
    person.go("/")
    page.fill("#q", "压机停机")
    page.get_by_role("button", name="搜索").click()
    assert page.locator(".jg-card").count() > 0
