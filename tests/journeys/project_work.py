"""The work of the journey: a report, an invoice, an inspection that finds something, what is put right, and the acceptances."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from marketplace.domain.acceptances import CHECKS
from tests.journeys.pool import Window
from tests.journeys.project import BAD, Projects, opened


def reports(journey: Projects, which: str, month: str, text: str, figures: tuple[str, str], late: str = "") -> None:
    """`figures`: per cent and 万元 so far; `late`: how late the page calls it."""
    owner = journey.owner(which, f"progress/{month}")
    percent, spending = figures
    owner.fill({"text": text, "percent": percent, "spending": spending})
    owner.page.locator('main [name^="reached-"]').first.fill(journey.day(0))
    owner.press("提交")
    owner.person.go(journey.of(which, "progress"))
    row = owner.page.locator("section[aria-labelledby=rep] tr").filter(has_text=month)
    expect(row).to_contain_text(journey.state("monthly_report", "handed_in"))
    if late:
        expect(row).to_contain_text(journey.state("lateness", late))


def report_is_sent_back(journey: Projects, which: str, month: str) -> None:
    """A poor report comes back, and is written again."""
    manager = journey.at("manager", journey.of(which, f"progress/{month}"))
    opened(manager, "退回补充")
    manager.fill({"why": "只写了“正常”，请写明到了哪一步、哪些设备到货。"})
    manager.press("退回补充")


def shows_an_invoice(journey: Projects, which: str, number: str) -> None:
    owner = journey.owner(which, "evidence")
    owner.fill({"kind": "invoice", "file": journey.paper(f"invoice-{which}")})
    owner.press("上传")
    if owner.page.locator("#invoice_number").count() == 0:
        owner.page.locator("main table a").first.click()
    owner.fill(
        {
            "invoice_number": number,
            "invoice_date": journey.day(0),
            "seller": journey.makers(which)[0].name,
            "amount": "120",
            "cost": "equipment",
        }
    )
    owner.press("核对无误，计入")


def is_inspected(journey: Projects, which: str) -> None:
    """Two people go there, find something with the provider's work, and another person confirms it: both are warned."""
    manager = journey.at("manager", journey.of(which, "inspections"))
    opened(manager, "安排一次检查")
    form = manager.page.locator('form[action$="/inspections"]')
    manager.fill({"planned_on": journey.day(0), "about": "数据采集是否在用"}, 'form[action$="/inspections"]')
    for name in ("综合管理", "区工信局（示例）"):
        form.locator("label").filter(has_text=name).first.locator("input").check()
    manager.press("安排", inside=form)
    address = manager.page.url.removeprefix(journey.served.address)
    manager.press("我们已到场")
    moment = datetime.now(ZoneInfo(journey.pilot.city.zone)).strftime("%Y-%m-%dT%H:%M")
    photos = {name: journey.photo(n) for n, name in enumerate(("file", "file2", "file3"))}
    manager.fill({**photos, "place": "冲压车间", "taken_at": moment}, 'form[action$="/photos"]')
    manager.press("上传照片")
    bad = {"used", "milestones"}
    items = {f"answer-{row.key}": "no" if row.key in bad else "yes" for row in journey.pilot.inspection.checklist}
    manager.fill({**items, "summary": "设备已到，采集系统没有接上。", "severity": "general"})
    options = manager.page.locator("#fault-0 option").all()
    manager.fill(
        {"fault-0": options[1].get_attribute("value") or "", "severity-0": "general", "text-0": "数据采集没有用起来，现场登录不上。"}
    )
    manager.page.locator("#supplier-0").select_option(label=journey.makers(which)[0].name)
    manager.press("提交检查报告")
    second = journey.at("bureau2", address)
    second.press("确认检查报告")
    journey.stands(second, "inspection", "confirmed")
    second.reads(f"警示 {journey.state('severity', 'general')} {journey.makers(which)[0].name}")
    second.person.look("project-inspection")


def is_warned(journey: Projects, which: str) -> None:
    """Enterprise and provider read of it, each by its own log-in."""
    owner = journey.owner(which, "inspections")
    owner.reads("数据采集没有用起来")
    provider = journey.at("provider", journey.of(which, "inspections"))
    provider.reads("数据采集没有用起来")
    provider.person.picture("project-warning-provider")


def puts_it_right(journey: Projects, which: str) -> None:
    owner = journey.owner(which, "inspections")
    journey.stands(owner, "project", "rectifying")
    owner.fill({"report": "采集系统已接入二十台设备，现场可以登录。", "file": journey.paper(f"right-{which}")})
    owner.press("提交整改报告")
    bureau = journey.at("bureau", journey.of(which, "inspections"))
    bureau.fill({"why": "现场复核，已经在用。"}, 'form[action$="/pass"]')
    bureau.press("整改通过")
    journey.state_is(bureau, which, "implementing")


def asks_for_acceptance(journey: Projects, which: str, finished: str, measured: tuple[str, str], stars: str, rework: str = "") -> None:
    owner = journey.owner(which, "acceptance")
    owner.fill({"finished_on": finished, "summary": "设备都已投用，连续运行稳定，指标见下表。"})
    if rework:
        owner.fill({"rework": rework})
    measures(owner, measured)
    for fieldset in owner.page.locator('main fieldset[id^="stars_"]').all():
        for one in fieldset.locator("select").all():
            one.select_option(stars)
    for one in owner.page.locator('main input[type=file][name^="file_"]').all():
        one.set_input_files(journey.paper(f"{one.get_attribute('name')}-{which}-{len(rework)}"))
    owner.press("申请验收")
    journey.stands(owner, "project", "formal_review")


def measures(window: Window, measured: tuple[str, str]) -> None:
    for n, value in enumerate(measured):
        window.page.locator('main [name^="measured_"]').nth(n).fill(value)
        window.page.locator('main [name^="note_"]').nth(n).fill("连续三十天的记录")


def is_accepted(journey: Projects, which: str, measured: tuple[str, str], verdict: str, event: str) -> None:
    """Checked in form by the area, measured by experts, decided by two persons of the bureau."""
    area = journey.at("area", journey.of(which, "acceptance"))
    area.fill({f"check_{key}": "yes" for key in CHECKS})
    area.press("提交审查结论")
    manager = journey.at("manager", journey.of(which, "acceptance"))
    chooses_experts(journey, manager)
    measures(manager, measured)
    manager.fill({"verdict": verdict, "text": "现场看过，数据抽查与记录一致。"})
    if verdict == "fail":
        manager.person.look("project-acceptance")
    manager.press("提交验收报告")
    bureau = journey.at("bureau", journey.of(which, "acceptance"))
    form = 'form[action$="/acceptance/decide"]:has([type=radio])'
    bureau.fill({"event": event, "why": "同意验收报告的结论。"}, form)
    if event == "fail":
        bureau.fill({"due": journey.day(20)}, form)
    bureau.press("提出决定")
    journey.at("bureau2", journey.of(which, "acceptance")).press("复核同意")


def chooses_experts(journey: Projects, manager: Window) -> None:
    boxes = manager.page.locator('main input[name="expert"]')
    if boxes.count() and not manager.page.locator("main").get_by_text("已确定：").count():
        for n in range(2):
            boxes.nth(n).check()
        manager.press("确定专家")


def is_finished(journey: Projects, which: str) -> None:
    bureau = journey.at("bureau", journey.of(which))
    bureau.press("办结")
    journey.stands(bureau, "project", "finished")
    if which == BAD:
        bureau.person.look("project-finished")
