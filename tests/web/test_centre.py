"""The pages of the centre's own nouns: who reads what, what the public is not told, the ledger by form and by sheet, seats in the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import render_template_string
from sqlalchemy import select

from marketplace.actions.demonstration_centre import play
from marketplace.actions.resources import Choices
from marketplace.app import create_app
from marketplace.records.enterprises import Enterprise
from marketplace.records.events import Event
from marketplace.records.resources import Resource
from marketplace.records.work_items import WorkItem
from marketplace.sheets.work_items import read_work_items
from marketplace.site import Site
from marketplace.web.resources import serving
from tests.files.samples import pdf
from tests.opened import Browser, copy_of, main_of, seen_in, site_of
from tests.web.people import PEOPLE, Counted, browser_of, viewer_of

STAFF = {"centre", "manager", "bureau", "admin"}


class Place:
    """A site on which the centre's part of the demonstration was played, and everybody's browser."""

    def __init__(self, site: Site) -> None:
        self.site, self.app = site, create_app(site)
        self.at = datetime.now(UTC).astimezone(ZoneInfo(site.pilot.city.zone))
        pilot = site.pilot
        phases = {one.key: one.name for one in pilot.city.phases}
        assert play(site.database, pilot, pilot.centre, Choices.of(pilot.stages, pilot.scenarios), phases, at=self.at)
        self.kept: dict[str, Browser] = {}

    def as_(self, person: str) -> Browser:
        if person not in self.kept:
            self.kept[person] = browser_of(self.app, person)
        return self.kept[person]

    def event(self, state: str, number: int = 0) -> str:
        with self.site.database.reading() as session:
            found = session.scalars(select(Event.public_id).where(Event.state == state).order_by(Event.id)).all()
            return f"/events/{found[number]}"

    def item(self, code: str) -> str:
        with self.site.database.reading() as session:
            return f"/work-items/{session.scalars(select(WorkItem.public_id).where(WorkItem.code == code)).one()}"

    def resource(self, state: str) -> str:
        with self.site.database.reading() as session:
            return f"/resources/{session.scalars(select(Resource.public_id).where(Resource.state == state)).first()}"

    def enterprise(self, login: str) -> Enterprise:
        with self.site.database.reading() as session:
            found = session.get_one(Enterprise, min(viewer_of(session, login).enterprise_ids))
            session.expunge_all()
            return found

    def fresh_event(self, **values: str) -> str:
        """Open for sign-up."""
        usual = {
            "kind": "training", "title": "焊接参数怎样记", "text": "讲一讲", "place": "一楼", "host": "焊接学会", "speakers": "", "seats": "1",
            "starts": f"{self.at + timedelta(days=6):%Y-%m-%dT%H:%M}", "ends": f"{self.at + timedelta(days=6, hours=2):%Y-%m-%dT%H:%M}",
            "sign_up_until": f"{self.at + timedelta(days=4):%Y-%m-%dT%H:%M}",
        }  # fmt: skip
        made = self.as_("centre").post("/events/new", {**usual, **values})
        assert made.status_code == 303, made.text
        place = str(made.headers["Location"])
        assert self.as_("centre").post(f"{place}/publish").status_code == 303
        return place


@pytest.fixture(scope="module")
def place(demonstration_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    site = site_of(copy_of(demonstration_file, tmp_path_factory.mktemp("centre") / "data"))
    yield Place(site)
    site.index.close()
    site.database.close()


def taken(place: Place, person: str, address: str) -> int:
    """The status of a file that was asked for."""
    answer = place.as_(person).get(address)
    answer.close()
    return answer.status_code


def test_who_reads_what(place: Place) -> None:
    everybody, own = set(PEOPLE), f"/enterprises/{place.enterprise('enterprise').public_id}"
    pages = {
        "/work-items": STAFF,
        "/work-items/new": STAFF,
        "/work-items/sheet": STAFF,
        place.item("3.3"): STAFF,
        f"{place.item('3.3')}/edit": STAFF,
        "/events": everybody,
        "/events?when=mine": everybody,
        "/events/new": {"centre", "admin"},
        place.event("held"): everybody,
        f"{place.event('held')}/people": {"centre", "admin"},
        f"{place.event('open')}/edit": {"centre", "admin"},
        place.event("draft"): {"centre", "admin"},
        "/resources": everybody,
        "/resources?stage=quality&kind=lab&scenario=CH-08": everybody,
        place.resource("published"): everybody,
        place.resource("draft"): {"centre", "admin"},
        place.resource("withdrawn"): {"centre", "admin"},
        f"{place.resource('published')}/edit": {"centre", "admin"},
        f"{own}/file": STAFF | {"enterprise"},
    }
    for address, allowed in pages.items():
        for person in PEOPLE:
            status = place.as_(person).get(address).status_code
            assert (status == 200) == (person in allowed), (address, person, status)
            assert status in {200, 303, 403, 404}, (address, person, status)


def test_the_public_is_not_told_who_comes(place: Place) -> None:
    held = place.event("held")
    whole = main_of(place.as_("centre").get(held).text)
    people = [place.enterprise(login).name for login in ("enterprise", "enterprise2")]
    for name in people:
        assert name in whole
    assert "例子都是本地厂的" in whole
    for person in ("anyone", "expert", "bureau"):
        shown = main_of(place.as_(person).get(held).text)
        assert "6 / 40 人" in shown
        assert "平均" in shown
        for name in (*people, "例子都是本地厂的", "报名名单"):
            assert name not in shown, (person, name)
    # Whoever was there sees its own part, and nobody else's.
    own = main_of(place.as_("enterprise").get(held).text)
    assert people[0] in own
    assert people[1] not in own


def test_a_seat_in_the_browser(place: Place) -> None:
    event = place.fresh_event()
    assert "登录后报名" in place.as_("anyone").get(event).text
    assert place.as_("anyone").post(f"{event}/sign-up").status_code in (303, 401)
    first, second = place.as_("enterprise"), place.as_("provider")
    assert first.post(f"{event}/sign-up").status_code == 303
    assert "名额已满，报名候补" in second.get(event).text
    assert second.post(f"{event}/sign-up").status_code == 303
    assert "候补第 1 位" in second.get(event).text
    again = second.post(f"{event}/sign-up")
    assert (again.status_code, "您已经报过名了" in again.text) == (409, True)
    assert first.post(f"{event}/sign-off").status_code == 303
    assert "候补第" not in second.get(event).text
    assert event.rpartition("/")[2] in second.get("/events?when=mine").text
    # Nobody notes before the day who was there, and nobody calls it off without a word.
    unexplained = place.as_("centre").post(f"{event}/cancel", {"why": " "})
    assert (unexplained.status_code, "请写明原因" in unexplained.text) == (422, True)
    assert place.as_("enterprise").post(f"{event}/cancel", {"why": "x"}).status_code == 403
    assert place.as_("centre").post(f"{event}/people/none/came").status_code == 404


def test_the_form_of_an_event_says_what_is_wrong_and_keeps_what_was_typed(place: Place) -> None:
    typed: dict[str, object] = {"title": "题目还在", "starts": "2026-13-40T99:00", "seats": "0"}
    refused = place.as_("centre").post("/events/new", typed)
    assert refused.status_code == 422
    for words in ("题目还在", "开始时间没有填", "名额要在 1 到", "地点没有填"):
        assert words in refused.text, words
    event = place.fresh_event(title="先写的题目")
    form = place.as_("centre").get(f"{event}/edit").text
    values = {name: value for name, value in re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', form) if name not in ("csrf_token", "kind")}
    values |= {"kind": "salon", "text": "换个讲法"}
    assert place.as_("admin").post(f"{event}/edit", {**values, "title": "管理员改的题目"}).status_code == 303
    lost = place.as_("centre").post(f"{event}/edit", {**values, "title": "晚了一步的题目"})
    assert (lost.status_code, "管理员改" in lost.text, "晚了一步的题目" in lost.text) == (409, True, True)


def test_the_ledger_by_form(place: Place) -> None:
    bureau = place.as_("bureau")
    refused = bureau.post("/work-items/new", {"code": "x", "title": "", "due": "明天", "owner": "某科室"})
    assert refused.status_code == 422
    for words in ("序号写成 3 或 3.2", "工作任务没有填", "不是日期", "某科室"):
        assert words in refused.text, words
    form = bureau.get(f"/work-items/new?above={place.item('3.4').rpartition('/')[2]}").text
    assert 'value="3.4.4"' in form
    made = bureau.post("/work-items/new", {"code": "3.4.4", "title": "抽查三家", "owner": "某科室", "due": f"{place.at:%Y-%m-%d}"})
    item = str(made.headers["Location"])
    early = bureau.post(f"{item}/finish", {"seen": seen_in(bureau.get(item).text)})
    assert (early.status_code, "写明做成了什么" in early.text) == (422, True)
    seen = seen_in(bureau.get(f"{item}/edit").text)
    values: dict[str, object] = {"title": "抽查三家", "owner": "某科室", "evidence": "纪要第 7 号", "seen": seen}
    assert place.as_("manager").post(f"{item}/edit", values).status_code == 303
    lost = bureau.post(f"{item}/edit", {**values, "evidence": "晚到的一段"})
    assert (lost.status_code, "纪要第 7 号" in lost.text, "晚到的一段" in lost.text) == (409, True, True)
    assert bureau.post(f"{item}/finish", {"seen": seen_in(bureau.get(item).text)}).status_code == 303
    shown = main_of(bureau.get(item).text)
    assert "已办结" in shown
    assert "办结任务" in shown
    late = main_of(bureau.get("/work-items?state=overdue").text)
    assert "已超期" in late
    assert "纪要" not in late
    assert place.as_("enterprise").post(f"{item}/reopen", {"why": "x"}).status_code == 403


def test_the_ledger_by_sheet(place: Place, tmp_path: Path) -> None:
    manager = place.as_("manager")
    body = manager.get("/work-items/sheet?phase=summary").data
    (tmp_path / "台账.xlsx").write_bytes(body)
    names = {one.key: one.name for one in place.site.pilot.city.phases}
    found = read_work_items(tmp_path / "台账.xlsx", place.site.pilot, names)
    assert not found.bad
    assert {row.draft.code for row in found.rows} == {"5", "5.1", "5.2", "5.3", "5.4"}
    assert manager.post("/work-items/sheet", {"file": (BytesIO(body), "台账.xlsx")}).status_code == 303
    bad = "序号,阶段,工作任务,责任单位\n9,成效总结,好的,某科室\n10,没有的阶段,不好,某科室\n".encode()
    refused = manager.post("/work-items/sheet", {"file": (BytesIO(bad), "台账.csv")})
    assert (refused.status_code, "有 1 处要改" in refused.text, "没有的阶段" in refused.text) == (422, True, True)
    assert "好的" not in main_of(manager.get("/work-items?q=9").text)
    orphan = "序号,阶段,工作任务,责任单位\n8.1,,没有上级的,某科室\n".encode()
    refused = manager.post("/work-items/sheet", {"file": (BytesIO(orphan), "台账.csv")})
    assert (refused.status_code, "没有序号为“8”的上级任务" in refused.text) == (422, True)
    for content, name in ((b"", ""), (b"x", "a.exe"), (b"PK\x03\x04broken", "a.xlsx")):
        assert manager.post("/work-items/sheet", {"file": (BytesIO(content), name)}).status_code == 422, name


def test_a_resource_stands_on_the_plan_of_whoever_needs_it(place: Place) -> None:
    centre = place.as_("centre")
    values: dict[str, object] = {
        "name": "高处法兰检测车", "kind": "standards", "host": "检测站", "does": "不搭架子", "conditions": "提前三天", "price": "按次",
        "contact": "值班室", "scenario_codes": ["CH-09"],
    }  # fmt: skip
    refused = centre.post("/resources/new", {**values, "name": " ", "scenario_codes": ["NO-99"]})
    assert (refused.status_code, "名称没有填" in refused.text, "不搭架子" in refused.text) == (422, True, True)
    unknown = centre.post("/resources/new", {**values, "scenario_codes": ["NO-99"]})
    assert (unknown.status_code, "没有编号为“NO-99”的公开场景" in unknown.text) == (422, True)
    made = str(centre.post("/resources/new", values).headers["Location"])
    assert place.as_("enterprise").get(made).status_code == 404
    # A code of the demonstration's own list, which leads to CH-09 of the catalogue.
    with place.app.test_request_context(), place.site.database.reading() as session:
        assert "高处法兰检测车" not in [row.resource.name for row in serving(session, [(1, "CHEM-05", "")])]
    assert centre.post(f"{made}/publish").status_code == 303
    assert "高处法兰检测车" in place.as_("anyone").get("/resources?scenario=CH-09").text
    with place.app.test_request_context(), place.site.database.reading() as session:
        found = {row.resource.name: row.numbers for row in serving(session, [(4, "CHEM-05", "equipment"), (5, "", "energy")])}
        assert found["高处法兰检测车"] == [4]
        assert found["计量检测与能效测试（示例）"] == [5]
        # By its stage alone a problem is not offered what other sectors need.
        by_stage = [row.resource.name for row in serving(session, [(1, "", "production")], sector="chem")]
        assert "过程控制与软测量实验室（示例）" in by_stage
        assert "柔性装配验证线（示例）" not in by_stage
        with Counted(place.site) as counted:
            serving(session, [(n, "CHEM-05", "") for n in range(30)])
        assert len(counted.statements) <= 2
        shown = render_template_string(
            "{% import 'plans/parts.html' as p with context %}{{ p.resources(rows) }}", rows=serving(session, [(4, "CHEM-05", "")])
        )
        assert "可用的公共服务资源" in shown
        assert "高处法兰检测车" in shown


def test_the_file_of_an_enterprise(place: Place) -> None:
    own, other = place.enterprise("enterprise"), place.enterprise("enterprise2")
    address = f"/enterprises/{own.public_id}/file"
    shown = main_of(place.as_("enterprise").get(address).text)
    for words in ("入企诊断", "数控化率怎样数", "1 人报名"):
        assert words in shown, words
    # The newest first.
    assert shown.index("数控化率怎样数") < shown.index("入企诊断")
    assert place.as_("enterprise").get(f"/enterprises/{other.public_id}/file").status_code == 404
    assert place.as_("bureau").get("/enterprises/none/file").status_code == 404
    assert f"/enterprises/{own.public_id}/file" in place.as_("bureau").get(f"/enterprises/{own.public_id}").text


def test_talents_and_topics_in_the_browser(place: Place) -> None:
    enterprise, provider, centre = place.as_("enterprise"), place.as_("provider"), place.as_("centre")
    refused = enterprise.post("/talents/new", {"title": "招焊工", "people": "没有数"})
    assert (refused.status_code, "招焊工" in refused.text, "人数要在 1 到" in refused.text) == (422, True, True)
    values: dict[str, object] = {
        "side": "demand",
        "title": "招焊工",
        "text": "两班",
        "people": "3",
        "until": f"{place.at + timedelta(days=9):%Y-%m-%d}",
        "contact": "分机 7",
    }
    made = str(enterprise.post("/talents/new", values).headers["Location"])
    assert provider.get(made).status_code == 404
    assert provider.get(f"{made}/edit").status_code == 404
    assert enterprise.post(f"{made}/publish", {"seen": seen_in(enterprise.get(made).text)}).status_code == 303
    for person in ("anyone", "provider", "bureau"):
        shown = main_of(place.as_(person).get(made).text)
        assert ("招焊工" in shown, "分机 7" in shown) == (True, False), person
    assert "分机 7" in centre.get(made).text
    assert provider.post(f"{made}/contact", {"text": "我们有人"}).status_code == 303
    assert "我们有人" in centre.get(made).text
    assert "我们有人" not in enterprise.get(made).text
    assert place.as_("bureau").get("/talents/new").status_code == 403
    assert "暑期实习生" in main_of(centre.get("/talents?side=supply").text)
    assert "暑期实习生" not in main_of(enterprise.get("/talents?side=supply").text)
    topic: dict[str, object] = {"title": "测量误差", "text": "多大算大", "lead": "计量院", "due": f"{place.at:%Y-%m-%d}"}
    made = str(centre.post("/topics/new", topic).headers["Location"])
    assert place.as_("anyone").get(made).status_code == 404
    assert centre.post(f"{made}/begin", {"seen": seen_in(centre.get(made).text)}).status_code == 303
    assert centre.post(f"{made}/conclude", {"seen": seen_in(centre.get(made).text)}).status_code == 409
    assert centre.post(f"{made}/files", {"file": (BytesIO(pdf()), "误差.pdf")}).status_code == 303
    found = re.search(r'href="(/files/[^"]+)"', centre.get(made).text)
    assert found
    assert (taken(place, "bureau", found[1]), taken(place, "anyone", found[1])) == (200, 404)
    filled: dict[str, object] = {**topic, "result": "千分之二", "seen": seen_in(centre.get(f"{made}/edit").text)}
    assert centre.post(f"{made}/edit", filled).status_code == 303
    assert "千分之二" not in place.as_("anyone").get(made).text
    assert centre.post(f"{made}/conclude", {"seen": seen_in(centre.get(made).text)}).status_code == 303
    assert "千分之二" in place.as_("anyone").get(made).text
    assert taken(place, "anyone", found[1]) == 200
    for person in ("enterprise", "bureau"):
        assert place.as_(person).get("/topics/new").status_code == 403


def test_every_page_in_english_too(place: Place) -> None:
    pages = ["/events", place.event("held"), "/resources", place.resource("published"), "/talents", "/topics"]
    for address in pages:
        assert place.as_("anyone").get(f"{address}?lang=en").status_code == 200
    place.as_("anyone").get("/?lang=zh")
