"""From the budget to the agreement: money first, then a guide, two submissions, a recommendation, three experts, a public notice."""

from __future__ import annotations

from sqlalchemy import select

from marketplace.domain.access import Role
from marketplace.records.accounts import Account
from marketplace.records.experts import ReviewExpert
from marketplace.records.project_reviews import ProjectAssignment, ProjectReview
from tests.journeys.pool import Window
from tests.journeys.project import (
    ASKED,
    BAD,
    BUDGET,
    COSTS,
    EXPERTS,
    GOOD,
    GUIDE,
    GUIDE_TEXT,
    INDICATORS,
    OFFICE,
    TEXTS,
    TITLES,
    TOTAL,
    Projects,
    rows,
)


def staff_is_there(journey: Projects) -> None:
    experts = {who: (name, Role.EXPERT, "工业大学（行程）") for who, name in EXPERTS.items()}
    journey.open_staff(OFFICE | experts)
    sectors = sorted({journey.enterprise(which).sector for which in (GOOD, BAD)})
    for who, name in EXPERTS.items():
        manager = journey.at("manager", "/review-experts/new")
        manager.fill({"name": name, "unit": "工业大学（行程）", "login": who, "fields": sectors})
        manager.press("加入专家库")


def money_is_there(journey: Projects) -> None:
    """Finance draws up what comes from whom; the bureau makes it effective."""
    for source, amount, document in (("central", str(BUDGET), "财建（行程）1 号"), ("city", "200", "津财（行程）1 号")):
        finance = journey.at("finance", "/funds/budgets")
        finance.follow("新写一笔预算")
        finance.fill({"source": source, "year": "2026", "amount": amount, "document": document, "targets": "支持项目 | 2 | 个"})
        finance.press("保存")
        finance.press("报请")
        address = finance.page.url.removeprefix(journey.served.address)
        second = journey.at("bureau", address)
        second.press("复核")
        journey.stands(second, "fund_budget", "effective")
        second.person.picture(f"project-budget-{source}")


def guide_is_published(journey: Projects) -> None:
    bureau = journey.at("bureau", "/guides")
    bureau.follow("新写一份指南")
    dates = {"opens": journey.day(0), "closes": journey.day(20)}
    form = {"project_class": "central", "title": GUIDE, "text": GUIDE_TEXT, "budget_wan": "300", "least_total": "100"}
    bureau.fill({**form, **dates, "documents": ["plan", "promise"]})
    bureau.press("保存指南")
    bureau.press("发布")
    journey.guide = bureau.page.url.rstrip("/").rsplit("/", 1)[-1]
    bureau.person.picture("project-guide")


def is_submitted(journey: Projects, which: str) -> None:
    """Section by section; too early a try is told what is lacking."""
    who = journey.owners[which]
    window = journey.at(who, f"/guides/{journey.guide}")
    window.follow("按这份指南申报")
    window.fill({"title": TITLES[which]})
    window.press("开始填写")
    journey.refs[which] = window.page.url.split("/projects/")[1].split("/")[0]
    fill_in(journey, which, window)
    window.person.go(journey.of(which))
    if which == BAD:
        window.person.look("project-filled")
    window.press("提交申报")
    journey.stands(window, "project", "submitted")


def fill_in(journey: Projects, which: str, window: Window) -> None:
    enterprise, (first, second) = journey.enterprise(which), journey.makers(which)
    begins, ends = journey.day(0), journey.day(30)
    basic = {"level": "point", "area": enterprise.area, "sector": enterprise.sector, "starts": begins, "ends": ends}
    window.fill({**basic, "total_wan": str(TOTAL), "asked_wan": str(ASKED), "orientations": ["intelligent"], "promised": "yes"})
    window.press("保存，填下一部分")
    window.fill(TEXTS)
    window.press("保存，填下一部分")
    window.page.locator("main [name=problem]").first.check()
    window.press("保存，填下一部分")
    after(window, journey, which, "suppliers")
    contract = {"contract_number": "HT-行程-1", "contract_wan": "300", "signed": begins, "share": "80", "content": "总体实施"}
    rows(
        window,
        {"provider": first.name, "role": "general", **contract},
        {"provider": second.name, "role": "sub", "content": "数据采集", "share": "20"},
    )
    window.press("保存，填下一部分")
    rows(window, *INDICATORS)
    window.press("保存，填下一部分")
    when = {"year": str(journey.today.year), "quarter": str((journey.today.month + 2) // 3)}
    rows(window, *[{**when, **row} for row in COSTS])
    window.press("保存，填下一部分")
    rows(window, {"title": "设备到货", "planned": journey.day(10)}, {"title": "试运行", "planned": journey.day(25)})
    window.press("保存，填下一部分")
    for key in ("plan", "promise"):
        part = window.page.locator(f"#f-{key}")
        part.locator("input[type=file]").set_input_files(journey.paper(f"{key}-{which}"))
        window.press("上传", inside=part)


def after(window: Window, journey: Projects, which: str, section: str) -> None:
    """A point has no members, so its form goes on to the suppliers."""
    if not window.page.url.endswith(f"/{section}"):
        window.person.go(journey.of(which, f"sections/{section}"))


def is_recommended(journey: Projects, which: str) -> None:
    area = journey.at("area", journey.of(which))
    area.follow("初审")
    checks = ("applicant", "complete", "true", "amounts", "once")
    area.fill({f"passed.{name}": "yes" for name in checks})
    area.fill({"verdict": "recommend", "text": "材料齐全，现场核过，投资有依据，同意推荐。"})
    area.person.picture(f"project-first-review-{which}")
    area.press("提交初审意见")
    journey.stands(area, "project", "recommended")


def drawn(journey: Projects, which: str) -> dict[str, str]:
    """The log-ins of whoever was drawn, and the address of each one's part."""
    with journey.served.site.database.reading() as session:
        review = select(ProjectReview.id).where(ProjectReview.project_id == journey.record(which).id)
        query = select(Account.login, ProjectAssignment.public_id).join(ReviewExpert, ReviewExpert.account_id == Account.id)
        query = query.join(ProjectAssignment, ProjectAssignment.expert_id == ReviewExpert.id)
        found = session.execute(query.where(ProjectAssignment.review_id.in_(review)).order_by(Account.login))
        return {str(login): str(address) for login, address in found}


def is_reviewed(journey: Projects, which: str, marks: int) -> None:
    manager = journey.at("manager", journey.of(which, "review"))
    manager.press("随机抽取专家")
    for who, address in drawn(journey, which).items():
        declares_and_scores(journey, who, address, marks)
    manager.person.go(journey.of(which, "review"))
    assert len(drawn(journey, which)) >= journey.pilot.project.experts_least, manager.page.locator("main").inner_text()
    assert manager.page.locator('form[action$="/joint"]').count(), manager.page.locator("main").inner_text()
    manager.fill({"amount": str(ASKED), "opinion": "方案可行，目标能测量，同意支持。"}, 'form[action$="/joint"]')
    manager.press("记录联合意见，请专家确认")
    manager.person.picture(f"project-joint-{which}")
    for who, address in drawn(journey, which).items():
        journey.at(who, f"/projects/reviews/mine/{address}").press("确认联合评分和意见")
    manager.person.go(journey.of(which, "review"))
    manager.press("结束评审，进入排名")
    journey.stands(manager, "project", "ranked")


def declares_and_scores(journey: Projects, who: str, address: str, marks: int) -> None:
    """From the list of what waits for the expert; what is to be scored opens once no interest is declared."""
    window = journey.at(who, "/projects/reviews/mine")
    with window.page.expect_navigation():
        window.page.locator(f'main a[href$="/{address}"]').click()
    assert window.page.locator("[name^=score_]").count() == 0
    window.fill({"answer": "clear"})
    window.press("提交声明")
    rules = journey.pilot.project_review
    window.fill({f"score_{row.key}": str(marks) for row in rules.criteria})
    window.fill({f"check_{row.key}": "yes" for row in rules.checklist})
    window.fill({"opinion": "路线成熟，改前数据有依据，投资合理。"})
    window.person.picture("project-scores")
    window.press("提交评分，不再修改")


def are_shown(journey: Projects) -> None:
    """The bureau proposes both amounts from the ranking; another person confirms, and they are shown publicly."""
    bureau = journey.at("bureau", f"/guides/{journey.guide}/ranking")
    amounts = {f"amount_{journey.refs[which]}": str(ASKED) for which in (GOOD, BAD)}
    bureau.fill({**amounts, "why": "按联合评分排名在前，资金够支持两个项目。"})
    bureau.press("提出：支持并公示")
    second = journey.at("bureau2", f"/guides/{journey.guide}/ranking")
    second.person.look("project-ranking")
    second.press("全部复核同意并公示")
    public = journey.seat("public")
    public.person.go("/publicity/projects")
    public.reads(*TITLES.values())
    public.person.look("project-publicity")


def decides(journey: Projects, which: str, step: str, event: str, why: str) -> None:
    """One person of the bureau proposes, another confirms."""
    bureau = journey.at("bureau", journey.of(which, step))
    bureau.fill({"why": why}, 'form[action$="/selection/propose"]')
    bureau.press(f"提出：{event}")
    second = journey.at("bureau2", journey.of(which, step))
    second.press("复核同意")


def is_approved(journey: Projects, which: str) -> None:
    decides(journey, which, "selection", "认定", "公示期满，没有异议。")


def is_agreed(journey: Projects, which: str) -> None:
    """The agreement that was drawn up is sealed by both sides and confirmed."""
    bureau = journey.at("bureau", journey.of(which, "agreement"))
    assert bureau.page.locator("section[aria-labelledby=paper-h] li a").count(), "no agreement to be sealed"
    seals(journey, bureau, "agreement_ours", which)
    owner = journey.owner(which, "agreement")
    seals(journey, owner, "agreement_theirs", which)
    decides(journey, which, "agreement", "确认任务书", "双方都已盖章，内容和认定的一致。")
    journey.state_is(bureau, which, "agreed")


def seals(journey: Projects, window: Window, side: str, which: str) -> None:
    form = window.page.locator(f'form[action$="/scans/{side}"]')
    form.locator("input[type=file]").set_input_files(journey.paper(f"{side}-{which}"))
    window.press("上传", inside=form)
