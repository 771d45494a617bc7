"""From the first visit to the plan: the diagnosis with its three lists, the scenarios that are published, the plan that is issued."""

from __future__ import annotations

import time

from playwright.sync_api import Locator, expect

from marketplace.records.enterprises import Enterprise
from tests.journeys import brokering as said
from tests.journeys.brokering import CENTRE, ENTERPRISE, STRANGER, Brokered, answers_to
from tests.journeys.pool import Window
from tests.web.people import viewer_of

# How long the index worker may take, on a busy machine, until what was issued is found.
SECONDS = 30
LISTED = ("CHEM-01", "CHEM-12")


def is_planned(journey: Brokered) -> None:
    """The roster leads to the enterprise, whose last diagnosis is two years old: a new visit is planned."""
    with journey.served.site.database.reading() as session:
        enterprise = session.get_one(Enterprise, next(iter(viewer_of(session, ENTERPRISE).enterprise_ids)))
        journey.kept |= {"enterprise": enterprise.public_id, "name": enterprise.name, "sector": enterprise.sector}
    centre = journey.at(CENTRE)
    centre.follow("评估诊断", inside=centre.page.locator(".jg-work"))
    centre.fill({"q": journey.kept["name"]})
    centre.press("查找")
    journey.look(centre, "roster", narrow=True)
    centre.open(journey.kept["name"])
    centre.follow("看企业")
    centre.follow("安排入企诊断")
    officer = centre.page.locator("#f-officer option").nth(1).get_attribute("value")
    centre.fill({"planned_on": journey.day(1), "officer": str(officer)})
    journey.look(centre, "plan-visit")
    centre.press("安排入企，通知企业")
    journey.stands(centre, "diagnosis", "planned")
    journey.kept["diagnosis"] = centre.page.url.removeprefix(journey.served.address)


def is_filled_in(journey: Brokered) -> None:
    """The enterprise fills in the first section before the visit, the officer the others on site."""
    enterprise = journey.task(ENTERPRISE, "入企前先填诊断问卷（{number}）")
    enterprise.follow("填写问卷")
    fills(journey, enterprise, "basic", "保存，填下一部分")
    journey.look(enterprise, "questionnaire-foundation", narrow=True)
    journey.later(1)
    centre = journey.task(CENTRE, "到{enterprise}入企诊断（{number}）", enterprise=journey.kept["name"])
    centre.press("开始入企诊断")
    journey.stands(centre, "diagnosis", "on_site")
    centre.follow("填写问卷")
    sections = [one.key for one in journey.pilot.questionnaire.sections_for(journey.kept["sector"])][1:]
    for key in sections:
        fills(journey, centre, key, "保存，回到诊断页" if key == sections[-1] else "保存，填下一部分")
    expect(centre.page.get_by_text(journey.say.pattern("还有 {n} 题没有填，填完才能成稿："))).to_have_count(0)
    journey.look(centre, "diagnosis-filled", narrow=True)


def fills(journey: Brokered, window: Window, section: str, press: str) -> None:
    expect(window.page.locator("main form").first).to_have_attribute("action", journey.kept["diagnosis"] + "/sections/" + section)
    journey.step(window, answers_to(journey.pilot.questionnaire.of(section)), press)


def has_its_lists(journey: Brokered) -> None:
    """Two problems, one of them written again after a look at what it leaves out; a scenario and what it will cost."""
    centre = journey.at(CENTRE, journey.kept["diagnosis"])
    centre.follow("查看和编辑清单")
    centre.follow("加一条问题")
    centre.fill({"text": said.TANKS})
    centre.press("看看说清了没有")
    centre.reads("说清了几样", "可能属于")
    journey.look(centre, "problem-unclear", narrow=True)
    centre.fill({"text": said.TANKS_SAID})
    centre.press("看看说清了没有")
    takes(centre, "scenario", "scenario_code")
    takes(centre, "stage", "stage")
    journey.look(centre, "problem-clear")
    journey.step(centre, {"priority": "medium", "severity": "medium"}, "保存问题")
    centre.follow("加一条问题")
    centre.fill({"text": said.BATCH})
    centre.press("看看说清了没有")
    takes(centre, "scenario", "scenario_code")
    facts = {"stage": "production", "orientation": "intelligent"}
    journey.step(centre, {**facts, "priority": "high", "severity": "high", "budget_low_wan": "60", "budget_high_wan": "120"}, "保存问题")
    centre.follow("加一个场景")
    levels = {"present_level": "1", "target_level": "3"}
    journey.step(centre, {"scenario_code": "CHEM-01", **levels, "expected": said.EXPECTED, "urgency": "high"}, "保存场景")
    centre.follow("加一个场景")
    journey.step(centre, {"scenario_code": "CHEM-02", "target_level": "2"}, "保存场景")
    wrong = centre.page.locator("#needs tr").filter(has_text="CHEM-02")
    wrong.locator("summary").click()
    journey.at_thing(centre, wrong, "确定去掉")
    centre.told("已从清单里去掉。")
    centre.follow("加一项投入")
    money = {"hardware_wan": "30", "software_wan": "55", "service_wan": "20", "year": str(journey.today.year + 1)}
    centre.page.get_by_label("申请补助").check()
    journey.step(centre, {"scenario_code": "CHEM-01", **money, "money_source": "自有"}, "保存投入")
    centre.reads(said.BATCH, said.TANKS_SAID, said.EXPECTED, "105 万元")
    journey.look(centre, "lists", narrow=True)


def takes(window: Window, kind: str, field: str) -> None:
    """The first suggestion of a kind, pressed, stands in its field."""
    button = window.page.locator(f"button[value^='{kind}:']").first
    wanted = str(button.get_attribute("value")).removeprefix(f"{kind}:")
    with window.page.expect_navigation():
        button.click()
    expect(window.page.locator(f"#f-{field}")).to_have_value(wanted)


def is_issued(journey: Brokered) -> None:
    """Drafted, confirmed by the enterprise, issued; when the job has run, the report is there in both forms."""
    centre = journey.at(CENTRE, journey.kept["diagnosis"])
    journey.step(centre, {"why": said.SUMMARY}, "成稿，请企业确认")
    journey.stands(centre, "diagnosis", "drafted")
    enterprise = journey.task(ENTERPRISE, "核对并确认诊断结果（{number}）")
    enterprise.reads(said.SUMMARY, said.BATCH)
    journey.look(enterprise, "diagnosis-to-confirm", narrow=True)
    enterprise.press("确认诊断结果")
    centre = journey.task(CENTRE, "出具{enterprise}的诊断报告（{number}）", enterprise=journey.kept["name"])
    centre.press("出具诊断报告")
    journey.stands(centre, "diagnosis", "issued")
    journey.letters()
    enterprise = journey.at(ENTERPRISE, journey.kept["diagnosis"])
    downloads(enterprise, "section[aria-labelledby=rep]")
    journey.look(enterprise, "diagnosis-issued")


def downloads(window: Window, inside: str) -> None:
    """Both forms of a letter."""
    letters = window.page.locator(inside).get_by_role("link")
    for ending, magic in ((".docx", b"PK"), (".pdf", b"%PDF")):
        with window.page.expect_download() as download:
            letters.filter(has_text=ending).last.click()
        assert download.value.path().read_bytes().startswith(magic)


def scenarios_are_published(journey: Brokered) -> None:
    """A list is drawn up. The enterprise's own scenario is public only by its consent, which it takes back and gives again: until the
    list is issued nobody finds it, then a passer-by does.
    """
    enterprise = journey.at(ENTERPRISE)
    enterprise.follow("本企业的场景", inside=enterprise.page.locator(".jg-work"))
    own = enterprise.page.locator("main h2").first.inner_text()
    code = str(enterprise.page.locator("main h2 a").first.get_attribute("href")).rpartition("/")[2]
    enterprise.press("撤回同意")
    stranger = journey.seat(STRANGER)
    finds(journey, stranger, own, is_there=False)
    centre = journey.at(CENTRE, "/scenario-lists")
    centre.follow("编一批清单")
    journey.step(centre, {"codes": "\n".join((*LISTED, code)), "note": said.LIST_NOTE}, "保存清单")
    centre.reads("还缺企业同意的个性化场景", code)
    journey.look(centre, "scenario-list-draft", narrow=True)
    enterprise.press("同意公开")
    journey.look(enterprise, "scenario-consent")
    with centre.page.expect_navigation():
        centre.page.reload()
    centre.press("印发")
    journey.stands(centre, "scenario_list", "issued")
    journey.look(centre, "scenario-list-issued", narrow=True)
    stranger.person.go("/scenario-lists")
    stranger.open("第 1 批")
    stranger.reads("间歇反应批次精细执行", own)
    assert journey.kept["name"][:6] not in stranger.page.locator("main").inner_text()
    finds(journey, stranger, own, is_there=True)
    journey.look(stranger, "scenario-found")


def finds(journey: Brokered, window: Window, name: str, *, is_there: bool) -> None:
    """Whether a search for its name finds the scenario, at last, when the index worker has followed."""
    deadline = time.monotonic() + SECONDS
    while True:
        window.person.go(f"/search?kind=scenario&q={name}")
        if bool(window.page.locator("main h3").filter(has_text=name).count()) == is_there:
            return
        assert time.monotonic() < deadline, f"{name}: not {'found' if is_there else 'gone'} in time"
        window.page.wait_for_timeout(200)


def is_worked_on(journey: Brokered) -> None:
    """The workbench: emphasis, one pinned, one left out with a reason, two compared."""
    centre = journey.at(CENTRE, journey.kept["diagnosis"])
    centre.follow("看企业")
    centre.follow("看一企一策方案")
    journey.look(centre, "plan", narrow=True)
    centre.page.get_by_text("侧重与筛选").click()
    journey.step(centre, {"local": "3", "speed": "2"}, "按这个侧重排序", inside="section#steer")
    journey.look(centre, "plan-emphasis")
    need = the_need(centre)
    journey.at_thing(centre, need, "置顶：间歇釜批次执行与电子批记录系统")
    journey.at_thing(centre, all_of(centre), "排除：装置多变量先进控制系统")
    journey.step(centre, {"why": said.NOT_HERE}, "排除一个方案")
    need = all_of(centre)
    expect(need).to_contain_text("已排除 1 个方案")
    boxes = need.get_by_role("checkbox")
    for place in (0, 1, 2):
        boxes.nth(place).check()
    journey.look(centre, "plan-steered")
    centre.press("对比选中的", inside=need)
    journey.look(centre, "plan-compared", narrow=True)


def the_need(window: Window) -> Locator:
    """The part of the plan page about the first of the two new problems."""
    return window.page.locator(".jg-need").filter(has=window.page.locator("blockquote", has_text=said.BATCH[:20]))


def all_of(window: Window) -> Locator:
    """The same, with the solutions unfolded that do not stand first."""
    need = the_need(window)
    need.locator("summary").filter(has_text="个可选方案").click()
    return need


def plan_is_issued(journey: Brokered) -> None:
    centre = journey.at(CENTRE, f"/enterprises/{journey.kept['enterprise']}/plan")
    centre.follow("出具第 1 版")
    journey.step(centre, {"note": said.NOTE, "follow_up": journey.day(14)}, "出具并通知企业")
    journey.letters()
    enterprise = journey.task(ENTERPRISE, "看方案 {number} 并确认")
    enterprise.reads(said.NOTE, said.NOT_HERE)
    downloads(enterprise, "section[aria-labelledby=files-h]")
    journey.look(enterprise, "plan-issued", narrow=True)
    enterprise.press("确认方案")
    journey.stands(enterprise, "plan", "confirmed")
