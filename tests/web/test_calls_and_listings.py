"""Calls for solutions, the recommended products and a provider's import, as pages."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from zipfile import ZipFile

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.domain.providers import ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.records.listings import ProductListing
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from marketplace.web.typed import local_day
from tests.opened import app, browser, database_of, own_site
from tests.web.people import viewer_of
from tests.web.test_catalogue import People, own_published, write_new

__all__ = ["app", "browser", "own_site"]


@pytest.fixture
def people(app: Flask) -> People:
    return People(app)


def call_form(app: Flask, **other: str) -> dict[str, str]:
    from marketplace.guard import now

    with app.test_request_context():
        today = local_day(now())
    return {
        "scenario_code": "CHEM-01", "title": "征集高处法兰检测", "text": "高处法兰没人检，希望不搭架子。", "opens": today.isoformat(),
        "closes": (today + timedelta(days=20)).isoformat(), **other,
    }  # fmt: skip


def published_call(app: Flask, people: People) -> str:
    answer = people["manager"].post("/calls/new", call_form(app), form="/calls/new")
    assert answer.status_code == 303, answer.text
    place = answer.headers["Location"]
    assert people["manager"].post(f"{place}/publish", form=place).status_code == 303
    return str(place)


def test_a_call_from_the_desk_to_its_answers(app: Flask, people: People) -> None:
    wrong = people["manager"].post("/calls/new", call_form(app, closes="2020-01-01", title=""), form="/calls/new")
    assert wrong.status_code == 422
    for words in ("标题没有填", "至少 5 天", "高处法兰没人检"):
        assert words in wrong.text
    answer = people["centre"].post("/calls/new", call_form(app), form="/calls/new")
    place = answer.headers["Location"]
    # Nobody else sees what is not published.
    assert people["provider"].get(place).status_code == 404
    assert "征集高处法兰检测" not in people["anyone-else"].get("/calls").text
    assert people["centre"].post(f"{place}/publish", form=place).status_code == 303
    assert "征集中" in people["anyone-else"].get("/calls").text
    draft, shown = write_new(people), own_published(app)
    provider = people["provider"]
    assert "（草稿）" in provider.get(place).text
    for solution in (draft, shown):
        assert provider.post(f"{place}/answers", {"solution": solution, "note": "可先试一台"}, form=place).status_code == 303
    assert "可先试一台" in people["manager"].get(place).text
    public = people["anyone-else"].get(place).text
    assert "共 2 个" in public
    assert "换热器结垢在线监测" not in public
    assert "可先试一台" not in public
    foreign = people["provider2"].post(f"{place}/answers", {"solution": shown, "note": "说明不能丢"}, form="/calls")
    assert (foreign.status_code, "说明不能丢" in foreign.text or "方案没有选" in foreign.text) == (409, True)
    assert people["provider2"].post(f"{place}/answers/{shown}/take-back").status_code == 404
    assert provider.post(f"{place}/answers/{draft}/take-back", form=place).status_code == 303
    assert "共 1 个" in people["anyone-else"].get(place).text
    assert people["centre"].post(f"{place}/close", form=place).status_code == 303
    late = provider.post(f"{place}/answers", {"solution": draft}, form=place)
    assert (late.status_code, "截止" in late.text) == (409, True)
    assert people["centre"].post(f"{place}/close", form=place).status_code == 409


def test_who_manages_calls(app: Flask, people: People) -> None:
    place = published_call(app, people)
    for login in ("provider", "enterprise", "bureau"):
        assert people[login].get("/calls/new").status_code == 403
        assert people[login].post(f"{place}/close").status_code == 403
    assert people["enterprise"].post(f"{place}/answers", {"solution": "x"}).status_code == 403
    edited = people["manager"].post(f"{place}/edit", call_form(app, title="改过的标题"), form=f"{place}/edit")
    assert edited.status_code == 303
    moved = people["manager"].post(f"{place}/edit", call_form(app, scenario_code="CHEM-02"), form=f"{place}/edit")
    assert (moved.status_code, "场景不能再换" in moved.text) == (422, True)


LISTING = {"batch": "2026 年第一批", "advancement": "=cmd 比通行做法快一倍", "effect": "三家用过，漏检率由 9 % 降到 1 %", "why": "评审推荐"}


def listed(app: Flask, people: People) -> tuple[str, str]:
    """A solution that two persons put into the catalogue: its public id, and the listing's page."""
    number = own_published(app)
    form = f"/listings/new/{number}"
    answer = people["manager"].post(form, LISTING, form=form)
    assert answer.status_code == 303, answer.text
    place = str(answer.headers["Location"])
    assert people["bureau"].post(decision_of(people["bureau"].get(place).text, "confirm"), form=place).status_code == 303
    return number, place


def decision_of(page: str, event: str) -> str:
    import re

    found = re.search(rf'formaction="([^"]+/{event})"', page)
    assert found, page
    return found[1]


def test_two_persons_recommend(app: Flask, people: People) -> None:
    number = own_published(app)
    form = f"/listings/new/{number}"
    bare = people["manager"].post(form, {"batch": "第一批", "why": "x"}, form=form)
    assert (bare.status_code, "先进性没有填" in bare.text, 'value="第一批"' in bare.text) == (422, True, True)
    no_reason = people["manager"].post(form, {**LISTING, "why": " "}, form=form)
    assert (no_reason.status_code, "理由没有填" in no_reason.text) == (422, True)
    place = people["manager"].post(form, LISTING, form=form).headers["Location"]
    own = people["manager"].get(place).text
    assert "须另一人复核" in own
    confirm = decision_of(people["bureau"].get(place).text, "confirm")
    mine = people["manager"].post(confirm, form=place)
    assert (mine.status_code, "须由另一人复核" in mine.text) == (409, True)
    assert "目录里还没有产品" in people["anyone-else"].get("/recommended").text
    assert people["bureau"].post(confirm, form=place).status_code == 303
    again = people["bureau"].post(confirm, form=place)
    assert again.status_code == 409
    page = people["anyone-else"].get("/recommended").text
    assert "三家用过" in page
    assert "2026 年第一批" in page
    assert "为什么列入推荐产品目录" in people["anyone-else"].get(f"/solutions/{number}").text
    for login in ("provider", "enterprise", "centre"):
        assert people[login].get("/listings").status_code == 403
        assert people[login].post(confirm).status_code == 403


def test_what_is_not_offered_is_not_recommended(app: Flask, people: People) -> None:
    number, _place = listed(app, people)
    with database_of(app).writing() as session:
        provider_id = session.scalars(select(Solution.provider_id).where(Solution.public_id == number)).one()
        session.execute(Provider.__table__.update().where(Provider.id == provider_id).values(state=ProviderState.SUSPENDED.value))
    assert "三家用过" not in people["anyone-else"].get("/recommended").text


def test_the_list_is_given_as_a_workbook_without_formulas(app: Flask, people: People) -> None:
    listed(app, people)
    answer = people["anyone-else"].get("/recommended.xlsx?batch=2026 年第一批")
    assert answer.status_code == 200
    with ZipFile(io.BytesIO(answer.data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<t>=cmd 比通行做法快一倍" in sheet
    none = people["anyone-else"].get("/recommended.xlsx?batch=没有这批")
    with ZipFile(io.BytesIO(none.data)) as book:
        assert "比通行做法" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_out_again_by_two_persons(app: Flask, people: People) -> None:
    _number, place = listed(app, people)
    assert people["bureau"].post(f"{place}/remove", {"why": ""}, form=place).status_code == 422
    assert people["bureau"].post(f"{place}/remove", {"why": "已停产"}, form=place).status_code == 303
    assert "三家用过" in people["anyone-else"].get("/recommended").text
    assert people["manager"].post(decision_of(people["manager"].get(place).text, "confirm"), form=place).status_code == 303
    assert "三家用过" not in people["anyone-else"].get("/recommended").text
    with database_of(app).reading() as session:
        assert session.scalars(select(ProductListing)).one().state == "removed"


def file_of(rows: list[dict[str, object]], name: str = "solutions.jsonl") -> tuple[io.BytesIO, str]:
    return io.BytesIO("\n".join(json.dumps(one, ensure_ascii=False) for one in rows).encode()), name


def test_a_provider_imports_drafts_of_its_own(app: Flask, people: People) -> None:
    provider = people["provider"]
    page = provider.get("/imports").text
    assert "导入我的方案" in page
    assert "/imports/templates/solutions.xlsx" in page
    assert "/imports/templates/providers.xlsx" not in page
    assert provider.get("/imports/templates/solutions.xlsx").status_code == 200
    assert provider.get("/imports/templates/providers.xlsx").status_code == 404
    rows: list[dict[str, object]] = [
        {"id": "FA-1", "title": "结垢监测"},
        {"id": "FA-2", "title": "别家的", "provider_code": "91990000MA1XBPUC6W"},
    ]
    place = provider.post("/imports", {"file": file_of(rows)}, form="/imports").headers["Location"]
    report = provider.get(place).text
    assert "只能导入自己的方案" in report
    assert "导入 1 行（跳过 1 行）" in report
    assert provider.post(place, form=place).status_code == 303
    assert "已存为草稿 1 行" in provider.get(place).text
    assert "结垢监测" in provider.get("/catalogue").text
    with database_of(app).reading() as session:
        made = session.scalars(select(Solution).where(Solution.source_ref == "FA-1")).one()
        assert made.state is SolutionState.DRAFT
        assert made.provider_id in viewer_of(session, "provider").provider_ids


def test_staff_say_on_what_basis_providers_come_in(app: Flask, people: People) -> None:
    manager = people["manager"]
    rows: list[dict[str, object]] = [{"code": "91990000MAMA5MNK03", "name": "新来的服务商（示例）", "region": "天津"}]
    place = manager.post("/imports", {"file": file_of(rows, "providers.jsonl")}, form="/imports").headers["Location"]
    assert "导入即入库" in manager.get(place).text
    answer = manager.post(place, {"basis": "", "admitted_on": "2999-01-01"}, form=place)
    assert answer.status_code == 422
    for words in ("请写明入库依据", "还没有到", 'value="2999-01-01"'):
        assert words in answer.text
    done = manager.post(place, {"basis": "第一批入库公告", "admitted_on": "2026-01-05"}, form=place)
    assert done.status_code == 303
    with database_of(app).reading() as session:
        provider = session.scalars(select(Provider).where(Provider.admission_basis == "第一批入库公告")).one()
        assert provider.admitted_on is not None
        assert provider.admitted_on.isoformat() == "2026-01-05"
