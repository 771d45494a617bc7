"""Life in the pool and the way out of it: publish, be found, do badly, be warned, rectify or not, be put out, appeal, come again."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from tests.journeys.pool import Journey, Window
from tests.journeys.pool_admission import opens_window
from tests.journeys.pool_papers import FILES, SECTOR, UNIT, statements, words

# How long the index worker may take, on a busy machine, until what was decided is seen in the search.
SECONDS = 20


def publishes(journey: Journey) -> str:
    """A draft, handed in, approved by staff, found by a stranger. Returns the address of the solution."""
    said = words(journey.lang)
    applicant = journey.at("applicant", "/catalogue")
    applicant.follow("新写一个方案")
    applicant.fill({"title": said["solution"], "form": "solution", "solves": said["solves"], "summary": said["text"]})
    applicant.fill({"sectors": [SECTOR[journey.lang]], "price_low_wan": "60", "price_high_wan": "90", "weeks_low": "8", "weeks_high": "12"})
    applicant.fill({"references": "1"})
    place = [sector.key for sector in journey.pilot.sectors].index(SECTOR[journey.lang])
    scenarios = applicant.page.locator("#f-scenario_codes details").nth(place)
    scenarios.locator("summary").click()
    scenarios.get_by_role("checkbox").first.check()
    applicant.press("存为草稿")
    journey.stands(applicant, "solution", "draft")
    applicant.look("solution-draft")
    applicant.press("提交审核")
    applicant.told("已提交审核，结果会通知您。已公开的内容在通过前不变。")
    manager = journey.task("manager", "审核方案“{title}”（{provider}）", title=said["solution"], provider=UNIT[journey.lang])
    manager.look("solution-review")
    manager.press("通过并发布")
    manager.told("已通过并公开，一秒内可以搜到。")
    stranger = journey.seat("stranger")
    is_found(journey, stranger)
    stranger.look("solution-found", of_others=True)
    stranger.open(said["solution"])
    stranger.look("solution", of_others=True)
    return stranger.page.url.removeprefix(journey.served.address)


def search(journey: Journey, stranger: Window) -> bool:
    """Whether a stranger who types the title finds it."""
    said = words(journey.lang)
    stranger.person.go("/search")
    stranger.page.fill("#q", said["solution"])
    with stranger.page.expect_navigation():
        stranger.page.get_by_role("button", name=journey.say("搜索")).click()
    return stranger.page.locator(".jg-card h3").get_by_role("link", name=said["solution"]).count() > 0


def is_found(journey: Journey, stranger: Window) -> None:
    until = time.perf_counter() + SECONDS
    while not search(journey, stranger):
        assert time.perf_counter() < until, "not found in time"
        stranger.page.wait_for_timeout(300)


def enters(journey: Journey, kind: str, name: str, fields: dict[str, str]) -> None:
    """Staff write an event down with its proof. `kind`: what the proof is called."""
    manager = journey.at("manager", "/ratings")
    manager.fill({"name": UNIT[journey.lang]})
    manager.press("查找")
    manager.open(UNIT[journey.lang])
    manager.follow("登记一件评价事件")
    manager.follow(name)
    manager.fill({"on": journey.day(-1), "project": words(journey.lang)["project"], "proof": journey.paper(f"event {kind}"), **fields})
    if kind == "acceptance":
        manager.look("event")
    manager.press("登记并重新计算评价")
    manager.told("已登记评价事件，评价已重新计算。")


def rules_propose(journey: Journey) -> None:
    """The rules look at the press of a button, as they do every night."""
    manager = journey.at("manager", "/adjustments")
    manager.press("按规则检查一遍")
    board = manager.page.locator("section[aria-labelledby=waiting]")
    expect(board.get_by_role("row").filter(has_text=UNIT[journey.lang]).first).to_be_visible()


def is_warned(journey: Journey) -> None:
    """Two bad results: the rules propose a warning, the bureau decides it. It is still found, and no stranger is told."""
    said, unit = words(journey.lang), UNIT[journey.lang]
    enters(journey, "acceptance", "验收结果", {"result": "failed", "remark": said["late"]})
    enters(journey, "on_time", "项目按期", {"on_time": "no", "days_late": "40"})
    rules_propose(journey)
    bureau = journey.task("bureau", "决定是否警示{provider}（{number}）", provider=unit)
    bureau.look("warn")
    bureau.fill({"why": said["warn"]})
    bureau.press("决定：%(what)s", what=journey.state("adjustment_kind", "warn"))
    journey.stands(bureau, "adjustment", "decided")
    applicant = journey.at("applicant")
    applicant.follow("整改与申诉")
    applicant.reads(journey.say("可以申诉"))
    applicant.look("own-cases")
    stranger = journey.seat("stranger")
    assert search(journey, stranger)
    expect(stranger.page.locator("main")).not_to_contain_text(journey.state("provider", "warned"))


def has_to_rectify_and_does_not(journey: Journey) -> None:
    """Half a year without recovery: the rules propose rectification; its last day passes, and the bureau says that it failed."""
    said, unit = words(journey.lang), UNIT[journey.lang]
    journey.later(190)
    rules_propose(journey)
    bureau = journey.task("bureau", "决定是否责令{provider}限期整改（{number}）", provider=unit)
    bureau.fill({"why": said["rectify"]})
    bureau.look("rectify")
    bureau.press("决定：%(what)s", what=journey.state("adjustment_kind", "rectify"))
    journey.stands(bureau, "adjustment", "rectifying")
    applicant = journey.task("applicant", "整改并提交材料（{number}）")
    applicant.look("own-rectification")
    assert search(journey, journey.seat("stranger"))
    journey.later(70)
    bureau = journey.at("bureau", "/adjustments")
    bureau.page.locator("section[aria-labelledby=running] tr").filter(has_text=unit).get_by_role("link").first.click()
    bureau.look("overdue")
    bureau.fill({"why": said["overdue"]})
    bureau.press("按逾期未改处理")
    journey.stands(bureau, "adjustment", "failed")
    assert search(journey, journey.seat("stranger"))


def is_retired(journey: Journey, address: str) -> None:
    """More that is bad: the rules propose 淘汰, one person puts it forward, another confirms it, and at once it is gone for strangers."""
    said, unit = words(journey.lang), UNIT[journey.lang]
    for place in ("first", "second"):
        enters(journey, f"complaint-{place}", "投诉属实", {"severity": "serious", "remark": said["complaint"]})
    rules_propose(journey)
    journey.at("manager", "/adjustments").look("board")
    bureau = journey.task("bureau", "决定是否淘汰{provider}（{number}）", provider=unit)
    bureau.look("retire")
    bureau.fill({"why": said["retire"]})
    bureau.press("提请复核：%(what)s该服务商", what=journey.state("adjustment_kind", "retire"))
    journey.stands(bureau, "adjustment", "confirming")
    expect(
        bureau.page.get_by_role("button", name=journey.say("复核同意：%(what)s该服务商", what=journey.state("adjustment_kind", "retire")))
    ).to_have_count(0)
    stranger = journey.seat("stranger")
    assert search(journey, stranger)
    second = journey.task("second", "复核：淘汰{provider}（{number}）", provider=unit)
    second.look("retire-confirm")
    second.press("复核同意：%(what)s该服务商", what=journey.state("adjustment_kind", "retire"))
    journey.stands(second, "adjustment", "decided")
    is_gone(journey, stranger, address)


def is_gone(journey: Journey, stranger: Window, address: str) -> None:
    """At once, without waiting for the index: search, API, and the solution's own address."""
    assert not search(journey, stranger)
    stranger.look("solution-gone", of_others=True)
    api = f"/api/v1{address}"
    for path in (address, api):
        answer = stranger.page.request.get(journey.served.address + path)
        assert answer.status == 404, path
    found = stranger.page.request.get(f"{journey.served.address}/api/v1/search", params={"q": words(journey.lang)["solution"]})
    assert found.ok
    assert address.rpartition("/")[2] not in found.text()


def appeals_in_vain(journey: Journey, address: str) -> None:
    """The provider appeals in time; somebody who had no part in the decision answers with reasons, and the decision stands."""
    said, unit = words(journey.lang), UNIT[journey.lang]
    journey.later(2)
    journey.letters()
    applicant = journey.at("applicant", "/adjustments")
    with applicant.page.expect_navigation():
        applicant.page.locator("tr").filter(has_text=journey.state("adjustment_kind", "retire")).get_by_role("link").first.click()
    applicant.look("own-retirement")
    form = "section[aria-labelledby=appeal]"
    applicant.fill({"why": said["appeal"], "file": journey.paper("appeal")}, inside=form)
    applicant.press("提交申诉")
    head = journey.task("head", "{provider}对 {number} 提出申诉：请决定", provider=unit)
    head.look("appeal")
    head.fill({"why": said["dismiss"]}, inside=form)
    head.press("申诉不成立，维持决定")
    journey.letters()
    applicant = journey.at("applicant", "/adjustments")
    with applicant.page.expect_navigation():
        applicant.page.locator("tr").filter(has_text=journey.state("adjustment_kind", "retire")).get_by_role("link").first.click()
    applicant.reads(said["dismiss"])
    applicant.look("appeal-dismissed")
    is_gone(journey, journey.seat("stranger"), address)


def comes_again(journey: Journey) -> None:
    """Its next application waits in an open window until the waiting period is over: begun with the earlier answers, refused
    before that day, taken after it once what is out of date is mended and the promise given anew.
    """
    said = words(journey.lang)
    opens_window(journey, said["again"], days=400)
    applicant = journey.at("applicant", "/windows")
    applicant.open(said["again"])
    applicant.look("window-again")
    applicant.press("开始申报，带入上次填的内容")
    applicant.page.locator(".jg-crumbs").get_by_role("link").last.click()
    applicant.press("提交申报", refused=True)
    expect(applicant.page.locator("main")).to_contain_text(journey.say.pattern("贵单位退出资源池后，{day} 起才能再次申报。"))
    applicant.look("application-reused")
    journey.later(370)
    applicant = journey.at("applicant", "/my/applications")
    applicant.open(said["again"])
    expect(applicant.page.locator("main")).not_to_contain_text(journey.say.pattern("贵单位退出资源池后，{day} 起才能再次申报。"))
    applicant.page.locator(".jg-toc").get_by_role("link").nth(2).click()
    papers = {f"file.{kind}": journey.paper(f"{kind} anew") for kind in FILES["finance"]}
    applicant.fill({**statements(journey.today.year), **papers})
    applicant.press("保存")
    applicant.page.locator(".jg-toc").get_by_role("link").last.click()
    applicant.fill({"promise": "yes"})
    applicant.press("保存，去检查和提交")
    applicant.press("提交申报")
    journey.stands(applicant, "application", "submitted")
    applicant.look("application-again")
