"""The way into the pool, clicked by everybody who has a part in it: register, apply, mend, be reviewed, be admitted."""

from __future__ import annotations

import pyotp
from playwright.sync_api import expect

from marketplace.actions.demonstration import PASSWORD
from marketplace.domain.access import Role
from marketplace.domain.application_sections import section_of
from tests.journeys.pool import Journey, Window
from tests.journeys.pool_papers import CODE, EXPERTS, FILES, ROWS, SECTOR, UNIT, answers, words

PUBLICITY_DAYS = 5


def staff_is_there(journey: Journey) -> None:
    """Accounts for the offices and the experts; one person of the bureau comes by invitation and with a second factor."""
    said = words(journey.lang)
    office, board = said["office"], said["board"]
    people = {
        "manager": (said["staff"], Role.MANAGER, office),
        "bureau": (said["bureau"], Role.BUREAU, board),
        "head": (said["head"], Role.BUREAU, board),
        **{who: (name, Role.EXPERT, said["college"]) for who, name in EXPERTS[journey.lang].items()},
    }
    journey.open_staff(people)
    admin = journey.at("admin")
    admin.follow("账号管理", inside=admin.page.locator(".jg-work"))
    admin.fill({"email": f"second-{journey.lang}@bureau.example", "role": "bureau", "organisation": board})
    admin.press("发出邀请")
    link = admin.page.get_by_role("link", name=journey.say("打开邮件里的链接")).get_attribute("href")
    second = journey.seat("second")
    second.person.go(str(link))
    second.look("invited")
    second.fill({"name": said["second"], "login": journey.login("second"), "password": PASSWORD, "again": PASSWORD})
    second.press("接受邀请，开通账号")
    second = journey.at("second", "/account/second-factor")
    second.press("开始设置")
    journey.keys["second"] = second.page.locator("#key").inner_text().replace(" ", "")
    second.look("second-factor")
    confirm_factor(journey, second)


def confirm_factor(journey: Journey, second: Window) -> None:
    """The first code sets the factor up; a code serves once, so the next log-in takes the next one."""
    second.fill({"code": pyotp.TOTP(journey.keys["second"]).now()})
    second.press("启用两步验证")
    expect(second.page.locator("#recovery-codes li")).to_have_count(10)
    with second.page.expect_navigation():
        second.page.get_by_role("button", name=journey.say("退出"), exact=True).click()
    journey.logged_in.discard("second")
    journey.travel.shift(31)
    journey.at("second")


def registers(journey: Journey) -> None:
    """Somebody from outside registers the organisation, and staff confirm it by its sealed letter."""
    said, code, unit = words(journey.lang), CODE[journey.lang], UNIT[journey.lang]
    applicant = journey.seat("applicant")
    applicant.follow("登录")
    applicant.follow("注册单位")
    form = {"credit_code": code[:17] + ("0" if code[17] != "0" else "1"), "name": unit, "kind": "provider", "person": said["person"]}
    form |= {"login": journey.login("applicant"), "email": f"applicant@clear-{journey.lang}.example", "password": PASSWORD}
    applicant.fill(form)
    applicant.press("注册，把确认信发到邮箱", refused=True)
    applicant.reads(
        journey.say(
            "统一社会信用代码第 18 位应为 {expected}，现在是 {found}。请对照营业执照。", expected=code[17], found=form["credit_code"][17]
        )
    )
    applicant.look("register")
    applicant.fill({"credit_code": code, "password": PASSWORD})
    applicant.press("注册，把确认信发到邮箱")
    applicant.look("register-sent")
    applicant.follow("打开邮件里的链接")
    applicant.press("确认邮箱，开通账号")
    applicant.told("邮箱已确认，账号已开通。请登录，上传盖章的授权书。")
    applicant = journey.at("applicant", "/account")
    applicant.follow("上传授权书")
    applicant.look("authorisation")
    applicant.fill({"file": journey.paper("authorisation")})
    applicant.press("提交授权书")
    journey.stands(applicant, "registration", "submitted")
    manager = journey.task("manager", "核对“{name}”的注册和授权书。", name=unit)
    manager.look("registration")
    manager.press("同意开通")
    manager.told("已同意，账号已开通。")
    journey.logged_in.discard("applicant")
    applicant = journey.at("applicant", "/notices")
    applicant.reads(journey.say("“{name}”的注册已核对，账号已开通。请重新登录。", name=unit))


def opens_window(journey: Journey, title: str, *, days: int = 30) -> None:
    """The manager drafts a notice, looks at it and publishes it."""
    manager = journey.at("manager", "/windows")
    manager.follow("起草申报通知")
    said = words(journey.lang)
    dates = {"opens": journey.day(0), "closes": journey.day(days), "publicity_days": str(PUBLICITY_DAYS)}
    manager.fill({"title": title, "text": said["notice"], "sectors": ["chem", "auto", "elec"], **dates})
    manager.press("保存草稿")
    if title == said["window"]:
        manager.look("window-draft")
    manager.press("发布通知")
    manager.told("通知已发布，并已告知各服务商。")


def applies(journey: Journey) -> None:
    """Section by section; a try to hand in too early is told what is missing."""
    said = words(journey.lang)
    opens_window(journey, said["window"])
    applicant = journey.at("applicant")
    applicant.follow("通知公告")
    applicant.open(said["window"])
    applicant.look("window")
    applicant.press("开始申报")
    applicant.look("section-first")
    applicant.page.locator(".jg-crumbs").get_by_role("link").last.click()
    applicant.press("提交申报", refused=True)
    applicant.look("application-empty")
    filled = answers(journey.lang, journey.today.year)
    applicant.page.locator(".jg-toc").get_by_role("link").first.click()
    for section, fields in filled.items():
        for _row in range(ROWS.get(section, 0)):
            applicant.press("增加一项：%(row)s（先保存已填的）", row=journey.say(section_of(section).row))
        papers = {f"file.{kind}": journey.paper(kind) for kind in FILES.get(section, ())}
        applicant.fill({**fields, **papers})
        if section in ("finance", "cases"):
            applicant.look(f"section-{section}")
        applicant.press("保存，去检查和提交" if section == "others" else "保存，填下一部分")
    applicant.look("application-filled")
    applicant.reads(journey.say("要求的材料都已上传。"), journey.say("各部分必填内容已填齐。"))
    applicant.press("提交申报")
    journey.stands(applicant, "application", "submitted")
    applicant.look("application-submitted")


def is_sent_back_and_mends(journey: Journey) -> None:
    """Reasons by section; the applicant reads, answers, mends and hands in again."""
    said, unit = words(journey.lang), UNIT[journey.lang]
    manager = journey.at("manager", "/reviews")
    manager.open(unit)
    manager.page.get_by_text(journey.say("退回补正，写明要补什么")).click()
    manager.fill({"reason_cases": said["to_case"], "reason_local": said["to_local"]})
    manager.look("send-back")
    manager.press("退回补正")
    manager.told("已退回补正，补正通知书正在生成。")
    journey.letters()
    applicant = journey.at("applicant", "/my/applications")
    applicant.open(said["window"])
    journey.stands(applicant, "application", "sent_back")
    applicant.reads(said["to_case"], said["to_local"])
    applicant.look("sent-back")
    remarks = applicant.page.locator("section[aria-labelledby=remarks]")
    for section, reply, fields in (
        ("实施案例", said["reply_case"], {"1.effect": said["effect"]}),
        ("本地服务", said["reply_local"], {"file.local_proof": journey.paper("lease")}),
    ):
        applicant.follow(section, inside=remarks)
        applicant.page.get_by_label(journey.say("改了哪里，或为什么不改")).fill(reply)
        applicant.fill(fields)
        if section == "实施案例":
            applicant.look("section-mended")
        applicant.press("保存")
        applicant.page.locator(".jg-crumbs").get_by_role("link").last.click()
    applicant.reads(said["reply_case"], said["effect"], journey.say("都已回应，重新提交后由工作人员核对"))
    applicant.look("application-mended")
    applicant.press("重新提交申报")
    journey.stands(applicant, "application", "submitted")


def is_reviewed(journey: Journey) -> None:
    """Form check, draw, a conflict and another draw, scores far apart, one joint result, everybody confirms."""
    said, unit = words(journey.lang), UNIT[journey.lang]
    experts_are_entered(journey)
    manager = journey.at("manager", "/reviews")
    manager.open(unit)
    manager.reads(said["reply_case"])
    manager.look("review-form-check")
    manager.fill({f"check_{check.key}": "yes" for check in journey.pilot.review.form_checks})
    manager.press("受理，转专家评审")
    manager.press("随机抽取专家")
    drawn = drawn_experts(journey, manager)
    assert len(drawn) == journey.pilot.review.least_experts
    manager.look("review-drawn")
    away = drawn[0]
    expert = journey.task(away, "{name}：声明有无利害关系", name=unit)
    expert.look("review-declare")
    expert.fill({"answer": "recuse", "why": said["conflict"]})
    expert.press("提交声明")
    manager = journey.task("manager", "{name}：抽取评审专家（还差 {count} 名）", name=unit, count=1)
    manager.reads(said["conflict"])
    manager.press("随机抽取专家")
    drawn = [who for who in drawn_experts(journey, manager) if who != away]
    assert len(drawn) == journey.pilot.review.least_experts
    for place, who in enumerate(drawn):
        scores(journey, who, cases=95 if place else 65)
    joins(journey, drawn)


def experts_are_entered(journey: Journey) -> None:
    said = words(journey.lang)
    for who, name in EXPERTS[journey.lang].items():
        manager = journey.at("manager", "/review-experts/new")
        manager.fill({"name": name, "unit": said["college"], "login": journey.login(who), "fields": [SECTOR[journey.lang]]})
        manager.press("加入专家库")
    manager.look("experts")


def drawn_experts(journey: Journey, manager: Window) -> list[str]:
    """Who stands in the table of the desk."""
    table = manager.page.locator("section[aria-labelledby=experts-h] table").inner_text()
    return [who for who, name in EXPERTS[journey.lang].items() if name in table]


def scores(journey: Journey, who: str, *, cases: int) -> None:
    said, unit = words(journey.lang), UNIT[journey.lang]
    expert = journey.task(who, "{name}：声明有无利害关系", name=unit)
    expert.fill({"answer": "clear"})
    expert.press("提交声明")
    given = {criterion.key: 80 for criterion in journey.pilot.review.criteria} | {"cases": cases, "discount": 50}
    expert.fill({f"score_{key}": str(value) for key, value in given.items()})
    expert.fill({f"check_{check.key}": "yes" for check in journey.pilot.review.checklist})
    expert.fill({"opinion": said["opinion"]})
    if cases < 80:
        # What is low must be explained: the page says so and keeps everything else.
        expert.press("提交评分，不再修改", refused=True)
        expert.look("review-score")
    expert.fill({"remark_discount": said["remark"]})
    expert.press("提交评分，不再修改")


def joins(journey: Journey, drawn: list[str]) -> None:
    said, unit = words(journey.lang), UNIT[journey.lang]
    manager = journey.task("manager", "{name}：组织联合评审，填写联合意见", name=unit)
    manager.reads(journey.say("须讨论"), journey.say("等我：%(what)s", what=journey.say("填写联合意见")))
    manager.look("review-scores")
    manager.fill({"discussion": said["discussion"], "opinion": said["joint"]})
    manager.press("记录联合意见，请专家确认")
    for who in drawn:
        expert = journey.task(who, "{name}：确认联合意见", name=unit)
        if who == drawn[0]:
            expert.look("review-confirm")
        expert.press("确认联合评分和意见")
    manager = journey.task("manager", "{name}：结束评审", name=unit)
    manager.press("结束评审")
    journey.stands(manager, "application", "reviewed")


def is_admitted(journey: Journey) -> None:
    """Two persons publish, a passer-by objects and is answered; when the term is over two persons admit."""
    said, unit = words(journey.lang), UNIT[journey.lang]
    decided_by_two(journey, "公示")
    stranger = journey.seat("stranger")
    stranger.person.go("/publicity")
    stranger.reads(unit)
    stranger.look("publicity")
    stranger.follow("提出异议", inside=stranger.page.locator("tr").filter(has_text=unit))
    stranger.fill({"name": said["objector"], "contact": "022-66009999", "text": said["objection"]})
    stranger.press("提交异议")
    bureau = journey.at("bureau", "/reviews")
    bureau.open(unit)
    bureau.look("objection")
    bureau.fill({"why": said["checked"]}, inside="section[aria-labelledby=objections]")
    bureau.press("异议不成立")
    bureau.reads(journey.state("objection", "dismissed"))
    # Two weeks hold five working days wherever holidays lie.
    journey.later(14)
    decided_by_two(journey, "同意入库")
    journey.letters()
    applicant = journey.at("applicant", "/my/applications")
    applicant.open(said["window"])
    journey.stands(applicant, "application", "admitted")
    applicant.reads(said["admit"], journey.say("去发布产品和方案"))
    applicant.look("admitted")
    letters = applicant.page.locator("section[aria-labelledby=letters]").get_by_role("link")
    for ending, magic in ((".docx", b"PK"), (".pdf", b"%PDF")):
        link = letters.filter(has_text=ending).last
        with applicant.page.expect_download() as download:
            link.click()
        assert download.value.path().read_bytes().startswith(magic)


def decided_by_two(journey: Journey, event: str) -> None:
    """The manager proposes, the bureau confirms; whoever proposed cannot confirm."""
    said, unit = words(journey.lang), UNIT[journey.lang]
    what = journey.say(event)
    manager = journey.at("manager", "/reviews")
    manager.open(unit)
    manager.fill({"why": said["admit"]}, inside="section[aria-labelledby=decide-h]")
    manager.press("提出：%(what)s", what=what)
    manager.reads(journey.say("这项决定由您提出，须由另一人复核。"))
    bureau = journey.task("bureau", "{name}：复核评审决定", name=unit)
    bureau.fill({"why": said["agree"]}, inside="section[aria-labelledby=waiting-h]")
    if event == "同意入库":
        bureau.look("confirm-admission")
    bureau.press("复核同意：%(what)s", what=what)
    bureau.told("已复核同意，决定生效。")
