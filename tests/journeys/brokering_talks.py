"""From the plan to what was learned: two providers are asked, one is replaced, proposals are compared, the work is done and judged."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import expect

from marketplace.domain.access import Role
from tests.journeys import brokering as said
from tests.journeys.brokering import CENTRE, ENTERPRISE, PROVIDER, SECOND, STRANGER, Brokered
from tests.journeys.brokering_diagnosis import all_of
from tests.journeys.pool import Window

OWN, OTHER, REPLACEMENT = "间歇釜批次执行与电子批记录系统", "控制回路性能评估与参数整定服务", "反应热风险评估与连续流工艺改造"


def is_drafted_and_sent(journey: Brokered) -> None:
    """From the plan, with two of its solutions ticked; criteria first, then to both sides."""
    centre = journey.at(CENTRE, f"/enterprises/{journey.kept['enterprise']}/plan")
    need = all_of(centre)
    for title in (OWN, OTHER):
        need.get_by_role("checkbox", name=title).check()
    centre.press("用选中的发起对接", inside=need)
    for title in (OWN, OTHER):
        expect(centre.page.locator("main").get_by_role("checkbox", name=title).first).to_be_checked()
    journey.look(centre, "brokering-new", narrow=True)
    centre.press("建对接单（先不发出）")
    journey.stands(centre, "brokering", "draft")
    journey.kept["brokering"] = centre.page.url.removeprefix(journey.served.address)
    journey.kept["number"] = centre.page.locator(".jg-dots li").first.inner_text()
    for place, (text, kind, weight) in enumerate(said.CRITERIA):
        for name, value in (("text", text), ("weight", weight)):
            centre.page.locator(f"main [name={name}]").nth(place).fill(value)
        centre.page.locator("main [name=kind]").nth(place).select_option(kind)
    centre.press("保存比较标准")
    journey.look(centre, "brokering-draft", narrow=True)
    centre = journey.task(CENTRE, "发出对接单 {number}", number=journey.kept["number"])
    centre.press("发出 2 家")
    journey.stands(centre, "brokering", "open")


def are_asked(journey: Brokered) -> None:
    """One declines by a link that needs no log-in; the other accepts without knowing whose need it is; the enterprise accepts."""
    centre = journey.at(CENTRE, journey.kept["brokering"])
    journey.at_thing(centre, centre.page.locator("main"), "打开：杭州衡岭")
    centre.press("生成给服务商的链接")
    journey.look(centre, "one-time-link")
    link = centre.page.locator("#paste").input_value().split()[-1]
    stranger = journey.seat(STRANGER)
    # Links name the address at which the platform is reached from outside, which is not this server's.
    stranger.person.go(urlsplit(link).path)
    journey.look(stranger, "answer-link", narrow=True)
    hides(journey, stranger)
    journey.step(stranger, {"accepts": "no", "reason": "capacity", "text": said.BUSY}, "提交答复")
    stranger.reads("已收到您的答复")
    provider = journey.task(PROVIDER, "答复对接单 {number}（{solution}）", number=journey.kept["number"], solution=OWN)
    hides(journey, provider)
    journey.look(provider, "asked", narrow=True)
    journey.step(provider, {"accepts": "yes"}, "答复")
    hides(journey, provider)
    accepts(journey, "天津津澜")
    provider = journey.task(PROVIDER, "洽谈并报价：{number}（{solution}）", number=journey.kept["number"], solution=OWN)
    provider.reads(journey.kept["name"])
    centre = journey.at(CENTRE, journey.kept["brokering"])
    centre.reads("人手排满")
    journey.look(centre, "one-declined", narrow=True)


def hides(journey: Brokered, window: Window) -> None:
    """Nothing on the page names the enterprise, not even in part."""
    text = window.page.content()
    assert journey.kept["name"].removeprefix("天津")[:2] not in text
    assert journey.kept["enterprise"] not in text


def accepts(journey: Brokered, provider: str) -> Window:
    """The enterprise agrees to talk with one of the providers."""
    enterprise = journey.at(ENTERPRISE)
    rows = enterprise.page.locator(".jg-inbox li").filter(has_text=journey.kept["number"]).filter(has_text=provider)
    with enterprise.page.expect_navigation():
        rows.get_by_role("link").first.click()
    journey.step(enterprise, {"accepts": "yes"}, "答复")
    return enterprise


def is_replaced(journey: Brokered) -> None:
    """In place of the one that declined another is proposed; it has an account from now on, accepts, and talks begin."""
    centre = journey.at(CENTRE, journey.kept["brokering"])
    centre.follow("加服务商")
    box = centre.page.locator("main").get_by_role("checkbox", name=REPLACEMENT).first
    box.check()
    unit = str(centre.page.locator("main label").filter(has_text=REPLACEMENT).first.inner_text()).partition(" · ")[2].strip()
    journey.open_staff({SECOND: (f"{unit[:6]}经办人（示例）", Role.PROVIDER, unit)})
    journey.kept["second"] = unit
    journey.look(centre, "add-provider", narrow=True)
    centre.press("加入对接单（先不发出）")
    centre.press("发出 1 家")
    second = journey.task(SECOND, "答复对接单 {number}（{solution}）", number=journey.kept["number"], solution=REPLACEMENT)
    hides(journey, second)
    journey.step(second, {"accepts": "yes"}, "答复")
    enterprise = accepts(journey, unit)
    journey.step(enterprise, {"text": "七月十号开始停车十天，请按这个排。"}, "发出留言", inside="section[aria-labelledby=talks]")


def is_quoted(journey: Brokered) -> None:
    """Both quote, each seeing only its own talks."""
    offers = (
        (PROVIDER, OWN, {"price_wan": "86", "weeks": "16", "scope": said.SCOPE}, ("yes", "yes", "partly"), said.HOW),
        (SECOND, REPLACEMENT, {"price_wan": "72.5", "weeks": "20", "scope": said.SCOPE_SECOND}, ("no", "partly", "yes"), said.HOW_SECOND),
    )
    for who, title, facts, meets, how in offers:
        journey.later(1)
        window = journey.task(who, "洽谈并报价：{number}（{solution}）", number=journey.kept["number"], solution=title)
        proposals = window.page.locator("section[aria-labelledby=proposals]")
        window.fill({**facts, "valid_until": journey.day(60)}, "section[aria-labelledby=proposals]")
        for place, value in enumerate(meets):
            proposals.locator("fieldset").nth(place).locator(f"[value={value}]").check()
        proposals.locator("input[name^=text_]").first.fill(how)
        if who == PROVIDER:
            journey.look(window, "quote", narrow=True)
        window.press("提交报价", inside=proposals)
        window.told("报价已提交，企业和能力中心已收到通知。")
        other = REPLACEMENT if who == PROVIDER else OWN
        assert other not in window.page.content()


def is_awarded(journey: Brokered) -> None:
    """Compared by the criteria set before; one is chosen with a reason, the other reads why not."""
    centre = journey.task(CENTRE, "把报价送企业比较：{number}", number=journey.kept["number"])
    centre.press("把 2 份报价送企业比较")
    enterprise = journey.task(ENTERPRISE, "比较报价并选定一家：{number}", number=journey.kept["number"])
    if enterprise.page.url.endswith(journey.kept["brokering"]):
        enterprise.follow("比较 2 份报价")
    enterprise.reads("72.5 万元", "86 万元", "必备项未满足")
    journey.look(enterprise, "comparison", narrow=True)
    scored = enterprise.page.locator("section[aria-labelledby=scores] form")
    for place, marks in enumerate((("9", "9", "6"), ("3", "6", "9"))):
        for row, mark in enumerate(marks):
            scored.nth(place).locator("input[name^=score_]").nth(row).fill(mark)
        enterprise.press("保存打分", inside=scored.nth(place))
    journey.look(enterprise, "comparison-scored", narrow=True)
    enterprise.page.locator("section[aria-labelledby=award] label").filter(has_text="天津津澜").get_by_role("radio").check()
    journey.step(enterprise, {"why": said.REASON}, "选定这一家，其余告知未选定", inside="section[aria-labelledby=award]")
    centre = journey.task(CENTRE, "写落选反馈：{provider}（{number}）", provider=journey.kept["second"], number=journey.kept["number"])
    journey.step(centre, {"why": said.FEEDBACK}, "发给服务商", inside="section[aria-labelledby=feedback-h]")
    second = journey.at(SECOND, "/brokerings")
    second.open(journey.kept["number"])
    journey.stands(second, "introduction", "not_chosen")
    second.reads(said.FEEDBACK)
    assert said.REASON not in second.page.content()
    journey.look(second, "not-chosen", narrow=True)


def is_contracted(journey: Brokered) -> None:
    journey.later(3)
    enterprise = journey.task(ENTERPRISE, "登记合同：{number}", number=journey.kept["number"])
    days = {"signed": journey.day(0), "starts": journey.day(1), "ends": journey.day(110)}
    form = "section[aria-labelledby=contract-h]"
    enterprise.fill({"amount_wan": "86", **days, "scan": journey.paper("contract")}, form)
    journey.look(enterprise, "contract", narrow=True)
    enterprise.press("登记合同", inside=enterprise.page.locator(form))
    journey.stands(enterprise, "brokering", "contracted")


def is_done(journey: Brokered) -> None:
    """Started, finished by the provider's word, confirmed and judged by the enterprise."""
    journey.later(1)
    enterprise = journey.at(ENTERPRISE, journey.kept["brokering"])
    journey.step(enterprise, {"started": journey.day(0)}, "登记开工", inside="section[aria-labelledby=start-h]")
    journey.later(100)
    provider = journey.task(PROVIDER, "完工后登记：{number}（{solution}）", number=journey.kept["number"], solution=OWN)
    form = "section[aria-labelledby=finish-h]"
    measured = {"indicator": "批间粘度差", "unit": "%", "baseline": "20", "target": "5", "measured": "4"}
    provider.fill({"finished": journey.day(0), "effect": said.EFFECT, **measured}, form)
    journey.look(provider, "finish", narrow=True)
    provider.press("登记完工，请企业确认", inside=provider.page.locator(form))
    enterprise = journey.task(ENTERPRISE, "确认完工并评价：{number}", number=journey.kept["number"])
    form = "section[aria-labelledby=work]"
    enterprise.fill({"result": "passed", "rating": "5", "remark": said.REMARK}, form)
    journey.look(enterprise, "confirm", narrow=True)
    enterprise.press("确认完工并评价", inside=enterprise.page.locator(form))
    journey.stands(enterprise, "brokering", "finished")
    enterprise.reads(said.EFFECT, said.REMARK)
    centre = journey.at(CENTRE, journey.kept["brokering"])
    journey.look(centre, "finished", narrow=True)
    centre.follow("对接", inside=centre.page.locator(".jg-work"))
    centre.reads(journey.kept["number"], "人手排满")
    journey.look(centre, "board", narrow=True)
    plan = journey.at(ENTERPRISE, f"/enterprises/{journey.kept['enterprise']}/plan")
    plan.reads("已验收的 5 条")
    assert said.BATCH in plan.page.locator("#done").inner_text()
    journey.look(plan, "plan-afterwards")
