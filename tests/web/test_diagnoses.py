"""Diagnoses in the browser: the roster, filling in by two sides, confirming, the report, and who sees nothing of it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select, update

from marketplace.actions.demonstration_applicants import paper
from marketplace.actions.demonstration_diagnoses import seed_diagnoses
from marketplace.app import create_app, job_worker_of
from marketplace.records.accounts import find_account
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis, DiagnosisAnswer, OutsideGrade
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import find_attachments
from marketplace.records.history import find_last_entry
from marketplace.site import Site
from tests.demo_site import own_copy
from tests.domain.test_questionnaires import FORM, full
from tests.opened import Browser, site_of
from tests.web.people import Counted, browser_of, viewer_of

PDF = paper("evidence of a diagnosis")


PERSONS = ("centre", "manager", "bureau", "enterprise", "enterprise2", "provider", "anyone")


def seeded(folder: Path) -> Iterator[Site]:
    found = site_of(folder)
    at = datetime.now(UTC)
    assert seed_diagnoses(found.database, found.pilot.questionnaire, found.pilot.diagnosis, at=at, today=at.date())
    yield found
    found.index.close()
    found.database.close()


@pytest.fixture(scope="module")
def site(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Shared: no test moves a diagnosis that is there. Whoever does takes `own_site`."""
    yield from seeded(own_copy(demo_folder, tmp_path_factory.mktemp("diagnoses") / "own"))


@pytest.fixture(scope="module")
def people(site: Site) -> dict[str, Browser]:
    app = create_app(site)
    return {name: browser_of(app, name) for name in PERSONS}


@pytest.fixture
def own_site(own_folder: Path) -> Iterator[Site]:
    yield from seeded(own_folder)


@pytest.fixture
def own_people(own_site: Site) -> dict[str, Browser]:
    app = create_app(own_site)
    return {name: browser_of(app, name) for name in PERSONS}


def of_login(site: Site, login: str, *, newest: bool = True) -> Diagnosis:
    """The diagnosis that was made of the enterprise of a log-in."""
    with site.database.reading() as session:
        (enterprise,) = viewer_of(session, login).enterprise_ids
        query = select(Diagnosis).where(Diagnosis.enterprise_id == enterprise, Diagnosis.questionnaire != "").order_by(Diagnosis.id.desc())
        found = session.scalars(query).first()
        assert found is not None
        session.expunge(found)
        return found


def seen(database: Database, number: int) -> str:
    with database.reading() as session:
        return str(find_last_entry(session, "diagnosis", number))


def status(browser: Browser, address: str) -> int:
    """What a download answers; its file is closed."""
    answer = browser.get(address)
    answer.close()
    return answer.status_code


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return unescape(found[1])


@contextmanager
def years_of_first_only(site: Site, years: list[str]) -> Iterator[None]:
    """The others have no years above the scale meanwhile."""
    with site.database.writing() as session:
        kept = {row.id: row.above_scale_years for row in session.scalars(select(Enterprise))}
        session.execute(update(Enterprise).values(above_scale_years=[]))
        session.execute(update(Enterprise).where(Enterprise.id == min(kept)).values(above_scale_years=years))
    yield
    with site.database.writing() as session:
        for number, before in kept.items():
            session.execute(update(Enterprise).where(Enterprise.id == number).values(above_scale_years=before))


def test_the_roster_is_of_those_above_the_scale_once_that_is_known(people: dict[str, Browser], site: Site) -> None:
    with years_of_first_only(site, ["2025"]):
        assert "导出 Excel（1 家）" in people["centre"].get("/diagnoses").text
        assert "导出 Excel（36 家）" in people["centre"].get("/diagnoses?all=1").text


def test_the_roster_with_its_counts(people: dict[str, Browser], site: Site) -> None:
    page = people["centre"].get("/diagnoses?all=1").text
    for word in ("未安排", "已出具", "各行业进度", "导出 Excel（36 家）", "指定给勾选的企业"):
        assert word in page
    assert "指定给勾选的企业" not in people["bureau"].get("/diagnoses?all=1").text
    # Where no enterprise has years above the scale all are listed, and it is said why.
    with years_of_first_only(site, []):
        everybody = people["centre"].get("/diagnoses").text
        assert "分不出规上和规下" in everybody
        assert "导出 Excel（36 家）" in everybody
    # What is chosen narrows the rows, and the other conditions count on.
    issued = people["centre"].get("/diagnoses?all=1&state=planned").text
    assert "已安排" in issued
    assert issued.count('<th scope="row" class="is-org">') == 2
    assert people["centre"].get("/diagnoses?all=1&state=nonsense&sector=x&officer=zzz&page=99").status_code == 200


def test_the_roster_asks_a_fixed_number_of_questions(people: dict[str, Browser], site: Site) -> None:
    counts = []
    for address in ("/diagnoses?all=1&state=planned", "/diagnoses?all=1"):
        with Counted(site) as counted:
            assert people["centre"].get(address).status_code == 200
        counts.append(len(counted.statements))
    assert counts[1] - counts[0] <= 1


def test_the_roster_as_a_workbook(people: dict[str, Browser]) -> None:
    answer = people["manager"].get("/diagnoses.xlsx?all=1")
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(0).to_python()
    assert rows[0][:6] == ["统一社会信用代码", "企业名称", "行业", "园区或街镇", "诊断人员", "计划入企日期"]
    assert len(rows) == 37
    assert "centre" in {row[4] for row in rows}
    assert any("级" in str(row[9]) for row in rows[1:])
    for person in ("enterprise", "provider", "anyone"):
        assert status(people[person], "/diagnoses.xlsx?all=1") in (303, 403, 404)


def test_who_reads_what(people: dict[str, Browser], site: Site) -> None:
    own = of_login(site, "enterprise")
    with site.database.reading() as session:
        issued = session.scalars(select(Diagnosis).where(Diagnosis.state == "issued", Diagnosis.questionnaire != "")).first()
        assert issued is not None
        other, summary = issued.public_id, issued.summary
    address = f"/diagnoses/{own.public_id}"
    assert people["enterprise"].get(address).status_code == 200
    for person, status in (("enterprise2", 404), ("provider", 403), ("anyone", 401)):
        for part in ("", "/sections/basic"):
            answer = people[person].get(address + part)
            assert answer.status_code in {status, 303} or person == "anyone", (person, part)
            assert own.summary not in answer.text
    for person in ("manager", "bureau"):
        page = people[person].get(f"/diagnoses/{other}").text
        # The grade and how it came about, but no answers, no lists, no words about the enterprise.
        assert "为什么是" in page
        assert summary not in page
        assert "问题清单</caption>" not in page
        assert people[person].get(f"/diagnoses/{other}/sections/basic").status_code == 404
        # What the enterprise has not confirmed is nobody's yet.
        draft = people[person].get(address).text
        assert own.summary not in draft
        assert "还没有定级" in draft
    for gone in ("no-such-thing", "0" * 36):
        assert people["centre"].get(f"/diagnoses/{gone}").status_code == 404
        assert people["centre"].get(f"/diagnoses/{gone}/sections/basic").status_code == 404
    assert people["centre"].get(f"{address}/sections/auto_quality").status_code == 404


def test_two_fill_in_one_section(people: dict[str, Browser], site: Site) -> None:
    found = of_login(site, "enterprise2")
    address = f"/diagnoses/{found.public_id}/sections/basic"
    mark = seen(site.database, found.id)
    first = people["enterprise2"].post(address, {"q.staff": "1,234", "q.revenue": "5000", "seen": mark, "do": "next"})
    assert first.status_code == 303
    assert "/sections/foundation" in first.headers["Location"]
    second = people["centre"].post(address, {"q.staff": "999", "q.revenue": "5000", "q.certificates": "我打的字", "seen": mark})
    assert second.status_code == 409
    assert "我打的字" in second.text
    assert "1,234" in second.text
    with site.database.reading() as session:
        row = session.scalars(
            select(DiagnosisAnswer).where(DiagnosisAnswer.diagnosis_id == found.id, DiagnosisAnswer.question == "staff")
        ).one()
        assert row.value == 1234


def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(people: dict[str, Browser], site: Site) -> None:
    found = of_login(site, "enterprise2")
    address = f"/diagnoses/{found.public_id}/sections/foundation"
    typed: dict[str, object] = {
        "q.equipment": "10",
        "q.equipment_digital": "11",
        "q.equipment_networked": "许多",
        "q.network": ["none", "control"],
        "r.cyber": "等保二级",
    }
    answer = people["enterprise2"].post(address, typed | {"seen": seen(site.database, found.id)})
    assert answer.status_code == 422
    page = answer.text
    for words in ("比总数 10 还多", "要填数字", "选了“都没有”", 'value="许多"', "等保二级"):
        assert words in page
    for name in ("equipment_digital", "equipment_networked", "network"):
        assert f'id="f-{name}-e"' in page


def test_evidence_in_the_form(people: dict[str, Browser], site: Site) -> None:
    found = of_login(site, "enterprise2")
    address = f"/diagnoses/{found.public_id}/sections/supply"
    client = people["enterprise2"].client
    page = people["enterprise2"].get(address).text
    data = {
        "csrf_token": token(page),
        "q.purchasing": "2",
        "f.purchasing": (io.BytesIO(PDF), "采购系统.pdf"),
        "seen": seen(site.database, found.id),
    }
    assert client.post(address, data=data, content_type="multipart/form-data").status_code == 303
    with site.database.reading() as session:
        (file,) = [file for file in find_attachments(session, "diagnosis", found.id) if file.kind == "purchasing"]
        public_id = file.public_id
    assert "采购系统.pdf" in people["centre"].get(address).text
    assert status(people["centre"], f"/files/{public_id}") == 200
    for person in ("manager", "enterprise", "provider"):
        assert status(people[person], f"/files/{public_id}") == 404
    # A file that is none is told at its question; the answer is kept all the same.
    page = people["enterprise2"].get(address).text
    data = {"csrf_token": token(page), "q.purchasing": "3", "f.warehousing": (io.BytesIO(b"MZ nothing"), "x.pdf")}
    answer = client.post(address, data=data, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert 'id="f-warehousing-e"' in answer.text
    with site.database.reading() as session:
        rows = session.scalars(
            select(DiagnosisAnswer).where(DiagnosisAnswer.diagnosis_id == found.id, DiagnosisAnswer.question == "purchasing")
        )
        assert rows.one().value == 3


def test_from_the_draft_to_the_report(own_people: dict[str, Browser], own_site: Site) -> None:
    """The centre completes, the enterprise sends back, then confirms; the report comes by the queue and only two may read it."""
    people, site = own_people, own_site
    found = of_login(site, "enterprise2")
    address = f"/diagnoses/{found.public_id}"
    refused = people["centre"].post(f"{address}/draft", {"why": "基础较好。"})
    assert refused.status_code == 409
    assert "没有填" in refused.text
    assert "基础较好。" in refused.text
    with site.database.reading() as session:
        sector = session.get_one(Enterprise, found.enterprise_id).sector
    for section in FORM.sections_for(sector):
        typed: dict[str, object] = {}
        for question in FORM.of(section.key):
            if question.kind != "share":
                value = full()[question.key]
                typed |= (
                    {f"q.{question.key}.{end}": value[end] for end in value} if isinstance(value, dict) else {f"q.{question.key}": value}
                )
        assert people["centre"].post(f"{address}/sections/{section.key}", typed).status_code == 303, section.key
    assert people["centre"].post(f"{address}/draft", {"why": "基础较好。"}).status_code == 303
    assert people["centre"].post(f"{address}/sections/basic", {"q.staff": "5"}).status_code == 409
    page = people["enterprise2"].get(address).text
    assert "确认诊断结果" in page
    assert "四级（协同级）" in page
    assert people["enterprise2"].post(f"{address}/return", {"why": " "}).status_code == 422
    assert people["enterprise2"].post(f"{address}/return", {"why": "人数是 120。"}).status_code == 303
    assert "人数是 120。" in people["centre"].get(address).text
    assert people["centre"].post(f"{address}/draft", {"why": "已核对。"}).status_code == 303
    for person in ("enterprise", "centre", "manager"):
        assert people[person].post(f"{address}/confirm", {}).status_code in (403, 404, 409)
    assert people["enterprise2"].post(f"{address}/confirm", {}).status_code == 303
    assert people["centre"].post(f"{address}/issue", {}).status_code == 303
    job_worker_of(site).drain()
    page = people["enterprise2"].get(address).text
    names = re.findall(r'href="(/files/[^"]+)">(入企诊断报告-[^<]+)<', page)
    assert sorted(name.rpartition(".")[2] for _link, name in names) == ["docx", "pdf"]
    for link, _name in names:
        assert status(people["enterprise2"], link) == 200
        for person in ("manager", "bureau", "provider", "enterprise"):
            assert status(people[person], link) == 404


def test_planning_a_visit(people: dict[str, Browser], site: Site) -> None:
    with site.database.reading() as session:
        taken = select(Diagnosis.enterprise_id).where(Diagnosis.questionnaire != "")
        enterprise = session.scalars(select(Enterprise).where(Enterprise.id.not_in(taken)).order_by(Enterprise.id)).first()
        centre = find_account(session, "centre")
        assert enterprise is not None
        assert centre is not None
        address, officer = f"/enterprises/{enterprise.public_id}/diagnoses/new", centre.public_id
    wrong = people["centre"].post(address, {"planned_on": "2020-01-01", "officer": ""})
    assert wrong.status_code == 422
    assert "已经过去" in wrong.text
    assert "诊断人员没有选" in wrong.text
    assert 'value="2020-01-01"' in wrong.text
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    kept = people["centre"].post(address, {"planned_on": day, "officer": officer})
    assert kept.status_code == 303
    assert people["centre"].post(address, {"planned_on": day, "officer": officer}).status_code == 409
    place = kept.headers["Location"]
    assert "修改安排" in people["centre"].get(place).text
    with site.database.reading() as session:
        number = session.scalars(select(Diagnosis.id).order_by(Diagnosis.id.desc())).first()
        assert number is not None
    mark = seen(site.database, number)
    later = (datetime.now(UTC) + timedelta(days=19)).date().isoformat()
    assert people["centre"].post(f"{place}/plan", {"planned_on": later, "officer": officer, "seen": mark}).status_code == 303
    lost = people["centre"].post(f"{place}/plan", {"planned_on": day, "officer": officer, "seen": mark})
    assert lost.status_code == 409
    assert "您打开后" in lost.text
    assert f'value="{day}"' in lost.text
    for person in ("manager", "enterprise", "provider"):
        assert people[person].post(address, {"planned_on": day, "officer": officer}).status_code == 403
    assert people["centre"].post(f"{place}/cancel", {"why": ""}).status_code == 422
    assert people["centre"].post(f"{place}/cancel", {"why": "搬迁"}).status_code == 303


def test_officers_are_assigned_from_the_roster(people: dict[str, Browser], site: Site) -> None:
    with site.database.reading() as session:
        chosen = [row.public_id for row in session.scalars(select(Enterprise).where(Enterprise.officer_id.is_(None)).limit(2))]
        centre = find_account(session, "centre")
        assert centre is not None
        officer = centre.public_id
    assert people["centre"].post("/diagnoses/officer?all=1", {"officer": officer}).status_code == 422
    assert people["centre"].post("/diagnoses/officer?all=1", {"officer": officer, "enterprise": chosen}).status_code == 303
    with site.database.reading() as session:
        rows = session.scalars(select(Enterprise).where(Enterprise.public_id.in_(chosen))).all()
        assert {row.officer_id for row in rows} == {viewer_of(session, "centre").account_id}


def test_grades_from_elsewhere(people: dict[str, Browser], site: Site) -> None:
    with site.database.reading() as session:
        (number,) = viewer_of(session, "enterprise").enterprise_ids
        enterprise = session.get_one(Enterprise, number).public_id
    address = f"/enterprises/{enterprise}/grades/new"
    wrong = people["enterprise"].post(address, {"grade": "cmmm:9", "on": "2999-01-01"})
    assert wrong.status_code == 422
    assert 'id="e-grade"' in wrong.text
    assert people["enterprise"].post(address, {"grade": "dtmm:3", "on": "2025-06-30", "by": "某机构"}).status_code == 303
    for person, status in (("enterprise2", 404), ("manager", 403), ("provider", 403)):
        assert people[person].get(address).status_code == status
    with site.database.reading() as session:
        found = session.scalars(select(OutsideGrade).where(OutsideGrade.model == "dtmm")).one().public_id
    assert people["enterprise2"].post(f"/grades/{found}/take-back", {}).status_code == 404
    assert (
        people["enterprise"]
        .post(f"/grades/{found}/take-back", {"back": "https://evil.example"})
        .headers["Location"]
        .startswith("/diagnoses")
    )


def test_diagnoses_that_came_by_import_are_still_shown(people: dict[str, Browser], site: Site) -> None:
    with site.database.reading() as session:
        imported = session.scalars(select(Diagnosis).where(Diagnosis.questionnaire == "").order_by(Diagnosis.id)).first()
        assert imported is not None
        address = f"/diagnoses/{imported.public_id}"
    page = people["centre"].get(address).text
    assert "由导入而来" in page
    assert "问题清单" in page
