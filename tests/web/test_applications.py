"""The pages of windows, applications and the calendar: by who may and who may not, and what becomes of what was typed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from marketplace.actions import transition
from marketplace.actions.accounts import open_account
from marketplace.actions.calendar import PACKAGED, load_calendar
from marketplace.actions.demonstration import PASSWORD
from marketplace.actions.windows import create_window, publish_window
from marketplace.app import create_app
from marketplace.domain.access import Role
from marketplace.domain.applications import TABLE, ApplicationState
from marketplace.domain.lifecycle import Transition
from marketplace.records.accounts import Account
from marketplace.records.applications import ProviderApplication, SectionRemark
from marketplace.records.files import find_attachments
from marketplace.records.organisations import Organisation
from marketplace.records.windows import ApplicationWindow
from marketplace.site import Site
from tests.actions.applicants import draft
from tests.domain.applications import whole_answers
from tests.opened import Browser, own_site
from tests.web.people import Counted, browser_of, viewer_of

__all__ = ["own_site"]
NOW = datetime(2026, 11, 25, 2, 30, tzinfo=UTC)


@dataclass
class Desk:
    """A site at a fixed moment, an open window, and people: jia and jia2 of one applicant, yi of another one."""

    site: Site
    app: Flask
    window: str
    organisation: str
    browsers: dict[str, Browser]

    def browser(self, person: str) -> Browser:
        if person not in self.browsers:
            self.browsers[person] = browser_of(self.app, person)
        return self.browsers[person]

    def start(self, person: str = "jia", **values: str) -> str:
        """Begin by the button; the public id of the application."""
        answer = self.browser(person).post(f"/windows/{self.window}/applications", {"organisation": self.organisation, **values})
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"].split("/")[2]

    def application(self, public_id: str) -> ProviderApplication:
        with self.site.database.reading() as session:
            found = session.query(ProviderApplication).filter_by(public_id=public_id).one()
            session.refresh(found)
            assert found.remarks is not None
            session.expunge_all()
            return found


@pytest.fixture
def desk(own_site: Site) -> Iterator[Desk]:
    with time_machine.travel(NOW, tick=True):
        database = own_site.database
        load_calendar(database, own_site.pilot, at=NOW, actor="test")
        with database.writing() as session:
            units = {name: Organisation(name=f"{name}（示例）") for name in ("甲公司", "乙公司")}
            session.add_all(units.values())
            session.flush()
            for login, unit in (("jia", "甲公司"), ("jia2", "甲公司"), ("yi", "乙公司")):
                memberships = [(units[unit].id, Role.PROVIDER)]
                found = open_account(session, login, PASSWORD, name=f"{login}（示例）", memberships=memberships, now=NOW, actor="test")
                assert isinstance(found, Account)
            organisation = units["甲公司"].public_id
            manager = viewer_of(session, "manager")
        window = create_window(database, draft(), viewer=manager, at=NOW, today=NOW.date())
        publish_window(database, window.id, viewer=manager, at=NOW, today=NOW.date())
        yield Desk(own_site, create_app(own_site), window.public_id, organisation, {})


def form_of(section: str, answers: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A section's form as a browser would send it."""
    said = (answers or whole_answers())[section]
    found: dict[str, Any] = dict(said.get("fields", {}))
    for row in said.get("rows", []):
        found.setdefault("row", []).append(row["key"])
        found |= {f"{row['key']}.{key}": value for key, value in row.items() if key != "key"}
    return {"version": "99", **found, **more}


FILES = {
    "licence": ["file.licence"],
    "finance": ["file.statement.1", "file.statement.2"],
    "cases": ["file.case_proof.1"],
    "experts": ["file.expert_proof.1"],
    "local": ["file.local_proof"],
    "others": ["file.application_form"],
}


def pdf(name: str) -> tuple[io.BytesIO, str]:
    """A whole PDF of its own content, and its name."""
    head = b"%PDF-1.4\n%" + name.encode().hex().encode() + b"\n"
    first = b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    second = b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    places = b"".join(b"%010d 00000 n \n" % place for place in (len(head), len(head + first)))
    table = b"xref\n0 3\n0000000000 65535 f \n" + places + b"trailer<</Size 3/Root 1 0 R>>\n"
    return io.BytesIO(head + first + second + table + b"startxref\n%d\n%%%%EOF\n" % len(head + first + second)), f"{name}.pdf"


def fill(desk: Desk, public_id: str, person: str = "jia") -> None:
    for section in whole_answers():
        files = {field: pdf(field) for field in FILES.get(section, [])}
        answer = desk.browser(person).post(f"/applications/{public_id}/sections/{section}", form_of(section, do="next", **files))
        assert answer.status_code == 303, (section, re.findall(r"jg-err[^>]*>([^<]*)", answer.text))


# ---- windows and calendar


@pytest.mark.parametrize("person", ["anyone", "jia", "enterprise", "expert", "bureau", "manager"])
def test_everybody_reads_the_notices(desk: Desk, person: str) -> None:
    browser = desk.browser(person)
    page = browser.get("/windows").text
    assert "首批专业化服务商申报" in page
    assert "剩 7 个工作日（至 2026-12-04）" in page
    notice = browser.get(f"/windows/{desk.window}")
    assert notice.status_code == 200
    assert "案例证明材料" in notice.text
    assert ("开始申报" in notice.text) == (person == "jia")
    assert ("撤回通知" in notice.text) == (person == "manager")


def test_a_notice_is_made_published_and_moved_by_pages(desk: Desk) -> None:
    manager = desk.browser("manager")
    typed = {"title": "第二批", "text": "正文", "sectors": ["auto"], "required": ["licence"], "opens": "2026-12-01", "closes": "2026-11-01"}
    wrong = manager.post("/windows/new", {**typed, "publicity_days": "5"})
    assert wrong.status_code == 422
    assert "早于开放日期" in wrong.text
    assert 'value="第二批"' in wrong.text
    made = manager.post("/windows/new", {**typed, "closes": "2026-12-31", "publicity_days": "5"})
    address = made.headers["Location"]
    assert "SB-2026-02" in manager.get(address).text
    for person in ("anyone", "jia", "bureau"):
        assert desk.browser(person).get(address).status_code == 404
        assert "第二批" not in desk.browser(person).get("/windows").text
    assert manager.get(f"{address}/edit").status_code == 200
    assert manager.post(f"{address}/edit", {**typed, "closes": "2026-12-30", "publicity_days": "0"}).status_code == 303
    assert manager.post(f"{address}/publish").status_code == 303
    assert "未开始" in desk.browser("anyone").get(address).text
    assert manager.get(f"{address}/edit").status_code == 303
    refused = manager.post(f"{address}/closing", {"closes": "2026-11-01", "why": "改期"})
    assert refused.status_code == 422
    assert 'value="改期"' in refused.text
    assert manager.post(f"{address}/closing", {"closes": "2027-01-15", "why": "改期"}).status_code == 303
    page = manager.get(address).text
    assert "2026-12-30 → 2027-01-15" in page
    assert manager.post(f"{address}/withdraw", {"why": ""}).status_code == 422
    assert manager.post(f"{address}/withdraw", {"why": "条件有变"}).status_code == 303
    assert desk.browser("anyone").get(address).status_code == 404


@pytest.mark.parametrize("person", ["anyone", "jia", "enterprise", "expert", "bureau", "centre"])
def test_nobody_else_makes_notices_or_the_calendar(desk: Desk, person: str) -> None:
    browser = desk.browser(person)
    for address in ("/windows/new", f"/windows/{desk.window}/edit"):
        assert browser.get(address).status_code in {303, 403}
    for address in (f"/windows/{desk.window}/publish", f"/windows/{desk.window}/withdraw", f"/windows/{desk.window}/closing", "/calendar"):
        answer = browser.post(address, {"why": "x", "closes": "2026-12-31"}, form="/login" if person == "anyone" else "/")
        assert answer.status_code in {303, 403}
        assert answer.status_code != 303 or answer.headers["Location"].startswith("/login")


def test_a_term_says_how_it_was_counted(desk: Desk) -> None:
    with desk.site.database.writing() as session:
        window = session.query(ApplicationWindow).one()
        window.closes = date(2027, 1, 15)
    page = desk.browser("anyone").get(f"/windows/{desk.window}").text
    details = page[page.index("<details") : page.index("</details>")]
    assert "剩 37 个工作日（至 2027-01-15）" in details
    assert "扣除周末：11-28 至 11-29" in details
    assert "2027 年的放假安排还没有录入" in details


def test_the_calendar_comes_by_sheet_all_or_nothing(desk: Desk) -> None:
    manager, stranger = desk.browser("manager"), desk.browser("anyone")
    assert "春节" in stranger.get("/calendar").text
    assert stranger.get("/calendar.xlsx").data[:2] == b"PK"
    sheet = "日期,类型,名称\n2027-01-01,休,元旦\n2027-01-04,班,元旦\n2027-13-01,休,元旦\n2027-01-01,休,元旦\n"
    bad = manager.post("/calendar", {"file": (io.BytesIO(sheet.encode()), "2027.csv")}, form="/calendar")
    assert bad.status_code == 422
    for sentence in ("不是周末", "不是日期", "一天只能写一次"):
        assert sentence in bad.text
    assert '<h2 id="y2027">' not in stranger.get("/calendar").text
    sheet = "日期,类型,名称\n2027-01-01,休,元旦\n2027-01-03,班,元旦\n"
    assert manager.post("/calendar", {"file": (io.BytesIO(sheet.encode()), "2027.csv")}, form="/calendar").status_code == 303
    page = stranger.get("/calendar").text
    assert '<h2 id="y2027">' in page
    assert '<h2 id="y2026">' in page
    # What was exported can be read again, and changes nothing.
    again = stranger.get("/calendar.xlsx").data
    answer = manager.post("/calendar", {"file": (io.BytesIO(again), "日历.xlsx")}, form="/calendar", follow_redirects=True)
    assert "新增 0 天，改动 0 天，去掉 0 天" in answer.text
    assert manager.post("/calendar", {}, form="/calendar").status_code == 422


# ---- who reads an application


def test_a_rival_gets_the_same_as_for_a_missing_one(desk: Desk) -> None:
    public_id = desk.start()

    def plain(text: str, key: str) -> str:
        # The token of the forms holds the second in which it was made.
        return re.sub(r'编号 [0-9a-f]+|\d{4}-\d\d-\d\d \d\d:\d\d|name="csrf_token" value="[^"]*"', "", text.replace(key, ""))

    missing = "00000000-0000-4000-8000-000000000000"
    for person in ("yi", "provider2", "enterprise", "expert", "centre"):
        browser = desk.browser(person)
        for page in ("/applications/{}", "/applications/{}/sections/cases"):
            foreign, absent = browser.get(page.format(public_id)), browser.get(page.format(missing))
            assert foreign.status_code == absent.status_code, (person, page)
            assert foreign.status_code in {403, 404}
            assert plain(foreign.text, public_id) == plain(absent.text, missing)
        assert person in ("yi", "provider2") or browser.get(f"/applications/{public_id}").status_code == 403
    assert desk.browser("yi").get(f"/applications/{public_id}").status_code == 404
    for action in ("submit", "withdraw", "sections/cases"):
        assert desk.browser("yi").post(f"/applications/{public_id}/{action}", {"do": "save"}).status_code == 404
    assert desk.browser("anyone").get(f"/applications/{public_id}").status_code == 303
    for person in ("manager", "bureau", "admin"):
        assert desk.browser(person).get(f"/applications/{public_id}").status_code == 200
        page = desk.browser(person).get(f"/applications/{public_id}/sections/cases").text
        assert "<textarea" not in page
        assert desk.browser(person).post(f"/applications/{public_id}/sections/cases", {"do": "save"}).status_code == 403


def test_nobody_begins_for_another_organisation(desk: Desk) -> None:
    for person in ("yi", "provider"):
        answer = desk.browser(person).post(f"/windows/{desk.window}/applications", {"organisation": desk.organisation})
        assert answer.status_code == 404
    assert desk.browser("manager").post(f"/windows/{desk.window}/applications", {"organisation": desk.organisation}).status_code == 403


# ---- filling in


def test_half_filled_and_mistyped_is_kept_and_told(desk: Desk) -> None:
    public_id = desk.start()
    address = f"/applications/{public_id}/sections/organisation"
    jia = desk.browser("jia")
    assert jia.post(address, {"version": "0", "contact": "李四", "phone": "abc", "do": "save"}).status_code == 303
    page = jia.get(address).text
    assert 'value="李四"' in page
    assert 'value="abc"' in page
    assert "联系电话不像电话号码" in page
    assert "还差：" in page
    # An unknown word of the pilot is as if nothing had been chosen.
    jia.post(address, {"version": "9", "kind": "no_such_kind", "do": "save"})
    assert "kind" not in desk.application(public_id).answers["organisation"]["fields"]


def test_rows_come_and_go_by_buttons_that_save(desk: Desk) -> None:
    public_id = desk.start()
    address, jia = f"/applications/{public_id}/sections/cases", desk.browser("jia")
    jia.post(address, {"version": "0", "do": "add_row"})
    jia.post(address, {"version": "1", "row": ["1"], "1.title": "第一个", "do": "add_row", "file.case_proof.1": pdf("合同")})
    rows = desk.application(public_id).answers["cases"]["rows"]
    assert rows == [{"key": "1", "title": "第一个"}, {"key": "2"}]
    page = jia.get(address).text
    assert "合同.pdf" in page
    assert "案例 2" in page
    jia.post(address, {"version": "2", "row": ["1", "2"], "1.title": "第一个", "2.title": "第二个", "do": "remove_row:1"})
    found = desk.application(public_id)
    assert found.answers["cases"]["rows"] == [{"key": "2", "title": "第二个"}]
    with desk.site.database.reading() as session:
        assert find_attachments(session, "application", found.id) == []


def test_a_bad_file_loses_no_text(desk: Desk) -> None:
    public_id = desk.start()
    address, jia = f"/applications/{public_id}/sections/licence", desk.browser("jia")
    program = (io.BytesIO(b"MZ\x90\x00" + b"\x00" * 600), "执照.pdf")
    answer = jia.post(address, {"version": "0", "scope": "软件开发", "do": "save", "file.licence": program})
    assert answer.status_code == 422
    assert "没有上传" in answer.text
    assert "软件开发" in answer.text
    assert desk.application(public_id).answers["licence"]["fields"] == {"scope": "软件开发"}
    taken = jia.post(address, {"version": "9", "scope": "软件开发", "do": "save", "file.licence": pdf("执照")})
    assert taken.status_code == 303, re.findall(r"jg-err[^>]*>([^<]*)", taken.text)
    with desk.site.database.reading() as session:
        (attached,) = find_attachments(session, "application", desk.application(public_id).id)
        key = attached.public_id
    for person in ("jia", "manager"):
        with desk.browser(person).get(f"/files/{key}") as taken:
            assert taken.data.startswith(b"%PDF")
    assert desk.browser("yi").get(f"/files/{key}").status_code == 404
    assert desk.browser("anyone").get(f"/files/{key}").status_code == 404
    jia.post(address, {"version": "9", "scope": "软件开发", "do": f"remove_file:{key}"})
    with desk.site.database.reading() as session:
        assert find_attachments(session, "application", desk.application(public_id).id) == []


def test_two_who_type_at_once_see_both_texts(desk: Desk) -> None:
    public_id = desk.start()
    address = f"/applications/{public_id}/sections/licence"
    jia, jia2 = desk.browser("jia"), desk.browser("jia2")
    assert jia.post(address, {"version": "0", "scope": "甲写的", "do": "save"}).status_code == 303
    answer = jia2.post(address, {"version": "0", "scope": "乙写的", "capital": "500", "do": "save"})
    assert answer.status_code == 409
    assert "jia（示例）" in answer.text
    assert "2026-11-25 10:30" in answer.text
    table = answer.text[answer.text.index('id="diff"') : answer.text.index("</table>")]
    assert "甲写的" in table
    assert "乙写的" in table
    # What was typed stands in the form, and pressing again says: mine.
    assert ">乙写的</textarea>" in answer.text
    version = re.search(r'name="version" value="(\d+)"', answer.text)
    assert version
    assert jia2.post(address, {"version": version[1], "scope": "乙写的", "capital": "500", "do": "save"}).status_code == 303
    assert desk.application(public_id).answers["licence"]["fields"] == {"scope": "乙写的", "capital": "500"}


def test_the_window_closes_while_somebody_types(desk: Desk) -> None:
    public_id = desk.start()
    address, jia = f"/applications/{public_id}/sections/licence", desk.browser("jia")
    with time_machine.travel(datetime(2026, 12, 4, 15, 59, tzinfo=UTC), tick=True):
        desk.browsers.clear()
        assert "关闭" not in desk.browser("jia").get(address).text
    with time_machine.travel(datetime(2026, 12, 4, 16, 1, tzinfo=UTC), tick=True):
        desk.browsers.clear()
        jia = desk.browser("jia")
        answer = jia.post(address, {"version": "0", "scope": "最后一行", "do": "save"}, follow_redirects=True)
        assert "申报窗口已于 2026-12-04 24:00 关闭。您填写的内容已保存为草稿，下一批开放时可继续。" in answer.text
        assert "最后一行" in answer.text
        assert desk.application(public_id).answers["licence"]["fields"] == {"scope": "最后一行"}
        refused = jia.post(f"/applications/{public_id}/submit")
        assert refused.status_code == 422
        assert "申报窗口已于 2026-12-04 24:00 关闭" in refused.text


@pytest.mark.parametrize("key", ["nonsense", "cases%00", "../cases"])
def test_no_such_section(desk: Desk, key: str) -> None:
    public_id = desk.start()
    assert desk.browser("jia").get(f"/applications/{public_id}/sections/{key}").status_code == 404
    assert desk.browser("jia").get("/applications/nonsense").status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        {"version": "-1", "row": ["0", "x", "99999", "1", "1"], "do": "remove_row:"},
        {"version": "1e9", "row": ["1"], "1.cost": "9" * 400, "1.started": "\x00\ud800", "do": "remove_row:7"},
        {"file.nonsense": "text", "do": "next", "reply.999": "x", "reply.": "x"},
        {"row": [str(number) for number in range(1, 60)], "do": "add_row"},
    ],
)
def test_odd_forms_break_nothing(desk: Desk, data: dict[str, Any]) -> None:
    public_id = desk.start()
    odd = {
        key: value.encode("utf-8", "surrogatepass") if isinstance(value, str) and "\ud800" in value else value
        for key, value in data.items()
    }
    answer = desk.browser("jia").post(f"/applications/{public_id}/sections/cases", odd)
    assert answer.status_code in {303, 409, 422}
    assert len(desk.application(public_id).answers.get("cases", {}).get("rows", [])) <= 30


def test_a_bad_file_for_an_unknown_document_is_said(desk: Desk) -> None:
    public_id = desk.start()
    address = f"/applications/{public_id}/sections/cases"
    answer = desk.browser("jia").post(address, {"version": "0", "do": "save", "file.case_proof.9": pdf("x"), "file.nonsense": pdf("y")})
    assert answer.status_code == 422


# ---- the whole way


def test_from_the_notice_to_a_supplement(desk: Desk) -> None:
    jia, manager = desk.browser("jia"), desk.browser("manager")
    public_id = desk.start()
    page = f"/applications/{public_id}"
    refused = jia.post(f"{page}/submit")
    assert refused.status_code == 422
    assert "缺少材料：营业执照。" in refused.text
    assert "“单位信息”还有" in refused.text
    fill(desk, public_id)
    assert "9 / 9 已填齐" in jia.get(page).text
    assert jia.post(f"{page}/submit").status_code == 303
    assert "待受理" in jia.get(page).text
    assert "等综合管理服务商" in jia.get("/my/applications").text
    assert "受理或退回申报 SQ-2026-0001（甲公司（示例））" in manager.get("/inbox").text
    assert "甲公司（示例）" in manager.get("/applications?state=submitted&q=甲公司").text
    assert "没有符合条件的申报" in manager.get("/applications?state=submitted&q=乙公司").text
    assert jia.get("/applications").headers["Location"] == "/my/applications"
    # Nothing can be typed into it now.
    assert "<textarea" not in jia.get(f"{page}/sections/cases").text
    assert jia.post(f"{page}/sections/cases", {"version": "99", "do": "save"}).status_code == 409
    with desk.site.database.writing() as session:
        found = session.query(ProviderApplication).one()
        found.remarks.append(SectionRemark(section="cases", reason="请补验收单。", at=NOW))
        found.supplement_until = date(2026, 12, 2)
        transition.apply(session, found, TABLE, "send_back", actor="m", roles={Role.MANAGER}, at=NOW)
    assert "请补验收单。" in jia.get(page).text
    assert "剩 5 个工作日（至 2026-12-02）" in jia.get(page).text
    assert "请补验收单。" in jia.get(f"{page}/sections/cases").text
    unanswered = jia.post(f"{page}/submit")
    assert unanswered.status_code == 422
    assert "还有退回意见没有回应：实施案例。" in unanswered.text
    answers = whole_answers()
    answers["cases"]["rows"][0]["effect"] = "配送人员 26 → 8 人，见验收单"
    assert (
        jia.post(f"{page}/sections/cases", form_of("cases", answers, do="save", **{"file.case_proof.1": pdf("验收单")})).status_code == 303
    )
    changed = jia.get(page).text
    assert "与上次提交相比" in changed
    assert "配送人员 26 → 8 人，见验收单" in changed
    assert "验收单.pdf" in changed
    assert jia.post(f"{page}/submit").status_code == 303
    assert "配送人员 26 → 8 人，见验收单" in manager.get(page).text
    assert jia.post(f"{page}/withdraw", {"why": "另行申报"}).status_code == 303
    assert "已撤回" in jia.get(page).text
    # The next one begins with all of it, but for the promise.
    again = desk.start(reuse="yes")
    assert again != public_id
    assert "焊装车间物料配送改造" in jia.get(f"/applications/{again}/sections/cases").text
    assert "8 / 9 已填齐" in jia.get(f"/applications/{again}").text


def test_what_rivals_share_is_shown_to_staff_only(desk: Desk) -> None:
    mine = desk.start()
    fill(desk, mine)
    with desk.site.database.reading() as session:
        rival = session.query(Organisation).filter_by(name="乙公司（示例）").one().public_id
    answer = desk.browser("yi").post(f"/windows/{desk.window}/applications", {"organisation": rival})
    theirs = answer.headers["Location"].split("/")[2]
    fill(desk, theirs, "yi")
    for public_id, own, other, person in ((mine, "甲公司", "乙公司", "jia"), (theirs, "乙公司", "甲公司", "yi")):
        for_staff = desk.browser("manager").get(f"/applications/{public_id}").text
        assert f"与其他申报单位的相同：{other}（示例）" in for_staff
        assert "专家“王五”同时列在其他申报单位" in for_staff
        own_page = desk.browser(person).get(f"/applications/{public_id}").text
        assert other not in own_page
        assert own in own_page


def test_an_overdue_supplement_is_closed_by_the_manager(desk: Desk) -> None:
    public_id = desk.start()
    fill(desk, public_id)
    desk.browser("jia").post(f"/applications/{public_id}/submit")
    with desk.site.database.writing() as session:
        found = session.query(ProviderApplication).one()
        found.remarks.append(SectionRemark(section="cases", reason="请补验收单。", at=NOW))
        found.supplement_until = date(2026, 11, 25)
        transition.apply(session, found, TABLE, "send_back", actor="m", roles={Role.MANAGER}, at=NOW)
    assert "逾期未补正，按撤回处理" not in desk.browser("manager").get(f"/applications/{public_id}").text
    with time_machine.travel(NOW + timedelta(days=1), tick=True):
        desk.browsers.clear()
        assert desk.browser("jia").post(f"/applications/{public_id}/lapse").status_code == 403
        assert "逾期未补正，按撤回处理" in desk.browser("manager").get(f"/applications/{public_id}").text
        assert desk.browser("manager").post(f"/applications/{public_id}/lapse").status_code == 303
        assert "已撤回" in desk.browser("jia").get(f"/applications/{public_id}").text


# ---- long lists

_ANY = (Transition((ApplicationState.DRAFT,), "hand_in", ApplicationState.SUBMITTED, (Role.ADMIN,), "-"),)


def test_the_list_asks_a_constant_number_of_statements(desk: Desk) -> None:
    def counted(address: str) -> int:
        desk.browser("manager").get(address)
        with Counted(desk.site) as found:
            assert desk.browser("manager").get(address).status_code == 200
        return len(found.statements)

    def add(first: int, last: int) -> None:
        with desk.site.database.writing() as session:
            window = session.query(ApplicationWindow).one()
            for number in range(first, last):
                unit = Organisation(name=f"申报单位 {number}")
                session.add(unit)
                session.flush()
                one = ProviderApplication(
                    number=f"SQ-2025-{number:04}", window_id=window.id, organisation_id=unit.id, created=NOW, saved_at=NOW
                )
                session.add(one)
                session.flush()
                transition.apply(session, one, _ANY, "hand_in", actor="t", roles={Role.ADMIN}, at=NOW)

    add(1, 3)
    few = counted("/applications")
    add(3, 60)
    assert counted("/applications") == few
    page = desk.browser("manager").get("/applications?page=2").text
    assert "第 21–40 个，共 59 个" in page
    assert desk.browser("manager").get("/applications?page=999999999&state=nonsense&window=%00&q=%25").status_code == 200


def test_pages_speak_english_without_a_gap(desk: Desk) -> None:
    public_id = desk.start()
    for address in (
        "/windows",
        f"/windows/{desk.window}",
        "/calendar",
        "/my/applications",
        f"/applications/{public_id}",
        f"/applications/{public_id}/sections/finance",
    ):
        assert desk.browser("jia").get(f"{address}?lang=en").status_code == 200


def test_the_packaged_calendar_lies_in_the_package() -> None:
    assert Path(__file__).parents[2] / "marketplace" / "data" / "calendar.csv" == PACKAGED
    assert PACKAGED.exists()
