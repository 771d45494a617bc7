"""The pages of the performance evaluation: from opening to the paper in the browser, who sees what, the race at a line, and the papers."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from docx import Document
from flask import Flask
from sqlalchemy import delete, select

from marketplace.actions.demonstration_performance import seed_performance
from marketplace.app import create_app
from marketplace.jobs.worker import JobWorker
from marketplace.performance_terms import step_by
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.jobs import Job
from marketplace.records.performance import PerformanceItem, PerformanceRound
from marketplace.site import Site
from tests.opened import Browser, copy_of, site_of
from tests.web.people import Counted, browser_of
from tests.web.test_lost_updates import form_of, with_

READERS = ("bureau", "finance", "centre", "manager", "admin")
OTHERS = ("enterprise", "provider", "expert")


@pytest.fixture(scope="module")
def played(demonstration_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests of this file: each takes a round of its own, or reads only."""
    site = site_of(copy_of(demonstration_file, tmp_path_factory.mktemp("performance") / "data"))
    at = datetime.now(UTC).astimezone(ZoneInfo(site.pilot.city.zone))
    assert seed_performance(site.database, partial(step_by, site.pilot), files=site.files, at=at, today=at.date())
    assert not seed_performance(site.database, partial(step_by, site.pilot), files=site.files, at=at, today=at.date())
    with site.database.writing() as session:
        # The papers of the two years would take longer to write than all these tests; one is written below.
        session.execute(delete(Job))
    yield site
    site.index.close()
    site.database.close()


@pytest.fixture(scope="module")
def app(played: Site) -> Flask:
    return create_app(played)


@pytest.fixture(scope="module")
def people(app: Flask) -> dict[str, Browser]:
    return {person: browser_of(app, person) for person in (*READERS, *OTHERS, "area", "city")}


def round_of(site: Site, state: str, subject: str = "pilot") -> str:
    """The address of the newest such round."""
    with site.database.reading() as session:
        query = select(PerformanceRound.public_id).where(PerformanceRound.state == state, PerformanceRound.subject == subject)
        return f"/performance/{session.scalars(query.order_by(PerformanceRound.id.desc())).first()}"


def lines_of(site: Site, address: str) -> list[tuple[str, str, bool]]:
    """(address, indicator, by hand) of a round's lines."""
    with site.database.reading() as session:
        query = select(PerformanceItem).join(PerformanceItem.round).where(PerformanceRound.public_id == address.rpartition("/")[2])
        rows = session.scalars(query.order_by(PerformanceItem.position))
        return [(f"/performance/lines/{row.public_id}", row.indicator, row.by_hand) for row in rows]


def test_who_reads_what(played: Site, people: dict[str, Browser], app: Flask) -> None:
    whole, area = round_of(played, "issued"), round_of(played, "review", "area")
    line = lines_of(played, area)[0][0]
    for address in ("/performance", "/performance/compare", "/performance/outlook", whole, area, line, f"{area}/pack.zip"):
        for person in READERS:
            assert people[person].get(address).status_code == 200, (person, address)
        for person in OTHERS:
            assert people[person].get(address).status_code == 403, (person, address)
        assert Browser(app.test_client()).get(address).status_code in (303, 401), address
    # The city's authorities read what is issued.
    for address in ("/performance", "/performance/compare", "/performance/outlook", whole, f"{whole}/pack.zip", f"{whole}/report.docx"):
        assert people["city"].get(address).status_code == 200, address
    for address in (area, line, f"{area}/pack.zip", round_of(played, "filling")):
        assert people["city"].get(address).status_code == 404, address
    # A park's officer: what is of its areas, and nothing of the pilot as a whole.
    assert people["area"].get(area).status_code == 200
    assert people["area"].get(whole).status_code == 404
    assert people["area"].get(f"{whole}/report.docx").status_code == 404
    assert people["area"].get(lines_of(played, whole)[0][0]).status_code == 404
    assert "2025" not in re.sub(r"<[^>]+>", "", people["area"].get("/performance").text).split("我的账号")[0].split("绩效评价", 1)[1]
    # Finance, the city and the centre read only.
    for person in ("finance", "city", "centre"):
        assert people[person].post(f"{whole}/issue", {}, form="/help").status_code == 403
        assert people[person].get("/performance/new").status_code == 403
    assert people["manager"].get("/performance/new").status_code == 403
    assert people["finance"].get("/performance/enterprises").status_code == 403
    assert people["manager"].get("/performance/enterprises").status_code == 200


def test_from_opening_to_the_paper_in_the_browser(played: Site, people: dict[str, Browser]) -> None:
    bureau, manager = people["bureau"], people["manager"]
    typed: dict[str, object] = {"kind": "annual", "year": "2027", "subject": "manager", "as_of": "", "due": "2028-01-10"}
    wrong = bureau.post("/performance/new", typed, form="/performance/new")
    assert wrong.status_code == 422
    assert "数据截至没有填" in wrong.text
    made = bureau.post("/performance/new", {**typed, "as_of": "2027-12-31"}, form="/performance/new")
    assert made.status_code == 303
    place = made.headers["Location"]
    again = bureau.post("/performance/new", {**typed, "as_of": "2027-12-31"}, form="/performance/new")
    assert "这一年的同一评价已经开过" in again.text
    line = next(address for address, key, _hand in lines_of(played, place) if key == "in_time")
    form = form_of(bureau.get(line).text, f"{line}/target")
    assert bureau.client.post(f"{line}/target", data=with_(form, "target", "90%")).status_code == 303
    assert "≥ 90 %" in bureau.get(place).text
    assert manager.post(f"{place}/start", {}, form="/help").status_code == 409
    assert bureau.post(f"{place}/start", {}, form="/help").status_code == 303
    assert place in manager.get("/inbox").text
    _fill_and_hand_in(played, place, manager)
    assert "您填写或提交过" not in bureau.get(place).text
    assert bureau.post(f"{place}/send_back", {"why": " "}, form="/help").status_code == 422
    assert bureau.post(f"{place}/issue", {"why": "同意"}, form="/help").status_code == 303
    page = bureau.get(place).text
    assert "已印发" in page
    assert "正在生成 Word 和 PDF" in page
    JobWorker(played).drain()
    links = re.findall(r'href="(/files/[^"]+)"', people["finance"].get(place).text)
    assert len(links) == 2
    word = people["finance"].get(links[0])
    text = _text_of(word.data)
    word.close()
    assert "2027 年度绩效自评报告" in text
    assert "草稿" not in text
    assert "延期两个月，加派人手。" in text
    # Nobody changes it any more.
    assert manager.post(line, {"value": "95%", "source": "hand"}, form="/help").status_code == 409
    assert manager.get(line).text.count("<textarea") == 0


def _fill_and_hand_in(site: Site, place: str, manager: Browser) -> None:
    today = datetime.now(UTC).astimezone(ZoneInfo(site.pilot.city.zone)).date().isoformat()
    assert manager.post(f"{place}/figures", {"day": "昨天"}, form=place).status_code == 422
    assert manager.post(f"{place}/figures", {"day": "2999-01-01"}, form=place).status_code == 422
    assert manager.post(f"{place}/figures", {"day": today}, form=place).status_code == 303
    refused = manager.post(f"{place}/hand_in", {}, form=place)
    assert refused.status_code == 422
    assert "又没有写原因" in refused.text
    for address, _key, by_hand in lines_of(site, place):
        form = form_of(manager.get(address).text, address)
        if by_hand:
            for value, said in (("九成", "数值没有看懂"), ("180%", "数值要在")):
                odd = manager.client.post(address, data=with_(form, "value", value))
                assert odd.status_code == 422
                assert said in odd.text
            form = [(name, "92%" if name == "value" else value) for name, value in form]
        assert manager.client.post(address, data=with_(form, "explanation", "延期两个月，加派人手。")).status_code == 303
    assert "没有上传佐证" in manager.post(f"{place}/hand_in", {}, form=place).text
    line = next(address for address, _key, by_hand in lines_of(site, place) if by_hand)
    assert manager.post(f"{line}/files", {}, form=line).status_code == 422
    sent = {"file": (io.BytesIO("明细".encode()), "明细.txt"), "csrf_token": manager.token(line)}
    assert manager.client.post(f"{line}/files", data=sent, content_type="multipart/form-data").status_code == 303
    assert "明细.txt" in manager.get(line).text
    assert manager.post(f"{place}/summary", {"summary": "按季调度 <b>。"}, form=place).status_code == 303
    assert "按季调度 &lt;b&gt;。" in manager.get(place).text
    assert manager.post(f"{place}/hand_in", {}, form=place).status_code == 303


def test_two_at_one_line(played: Site, people: dict[str, Browser]) -> None:
    place = round_of(played, "filling")
    address = lines_of(played, place)[2][0]
    forms = [form_of(people[person].get(address).text, address) for person in ("manager", "bureau")]
    assert people["manager"].client.post(address, data=with_(forms[0], "explanation", "甲写的")).status_code == 303
    lost = people["bureau"].client.post(address, data=with_(forms[1], "explanation", "乙写的"))
    assert lost.status_code == 409
    assert "您打开后" in lost.text
    assert "<del>" in lost.text
    again = people["bureau"].client.post(address, data=with_(form_of(lost.text, address), "explanation", "乙写的"))
    assert again.status_code == 303
    # The text beside the table likewise.
    forms = [form_of(people[person].get(place).text, f"{place}/summary") for person in ("manager", "bureau")]
    assert people["manager"].client.post(f"{place}/summary", data=with_(forms[0], "summary", "甲写的")).status_code == 303
    lost = people["bureau"].client.post(f"{place}/summary", data=with_(forms[1], "summary", "乙写的"))
    assert lost.status_code == 409
    assert "乙写的</textarea>" in lost.text


def test_the_papers(played: Site, people: dict[str, Browser]) -> None:
    issued, filling = round_of(played, "issued"), round_of(played, "filling")
    assert "草稿，未审核" in _text_of(people["manager"].get(f"{filling}/report.docx").data)
    with zipfile.ZipFile(io.BytesIO(people["finance"].get(f"{issued}/pack.zip").data)) as pack:
        names = pack.namelist()
        text = _text_of(pack.read(next(name for name in names if name.endswith(".docx"))))
        rows = list(openpyxl.load_workbook(io.BytesIO(pack.read("指标值.xlsx"))).active.values)
        proofs = list(openpyxl.load_workbook(io.BytesIO(pack.read("佐证清单.xlsx"))).active.values)
    assert len(names) == 3
    with played.database.reading() as session:
        found = session.scalars(select(PerformanceRound).where(PerformanceRound.public_id == issued.rpartition("/")[2])).one()
        content, total = found.content, found.total
    assert content is not None
    assert f"得分 {total:g} 分" in text
    # Budgets are the pilot's: no section on money in another's report.
    assert ("四、资金安排和执行情况" in text) == (content["subject"] == "pilot")
    assert ("九、指标依据" if content["subject"] == "pilot" else "八、指标依据") in text
    assert len(rows) == len(content["lines"]) + 2
    assert rows[-1][11] == total
    assert any("指标汇总（示例）.pdf" in str(row[2]) for row in proofs)
    for goal in ("高端化", "智能化", "绿色化", "融合化", "安全化"):
        assert goal in text


def test_the_years_beside_each_other_and_the_outlook(played: Site, people: dict[str, Browser]) -> None:
    text = people["finance"].get("/performance/compare").text
    assert text.index("2024 年") < text.index("2025 年")
    assert "总分和等次" in text
    outlook = people["bureau"].get("/performance/outlook").text
    assert "会完不成" in outlook
    assert "按现在的速度" in outlook or "还没有开始" in outlook
    assert people["area"].get("/performance/outlook").status_code == 200
    # Another area than its own falls back to its own.
    assert "试点整体" not in people["area"].get("/performance/outlook?area=").text.split('id="main"')[1]


def test_enterprises_before_and_after(played: Site, people: dict[str, Browser]) -> None:
    with played.database.writing() as session:
        rows = session.scalars(select(Diagnosis).order_by(Diagnosis.enterprise_id).limit(1)).all()
        first = rows[0]
        first.grade, first.score = 1, 41.0
        session.add(
            Diagnosis(enterprise_id=first.enterprise_id, number="ZD-2", state=first.state, grade=3, score=72.5, source="t", source_ref="t")
        )
        session.flush()
        name = first.enterprise.name
    with Counted(played) as asked:
        text = people["centre"].get("/performance/enterprises").text
    assert len(asked.statements) < 25
    assert "定级两次以上 1 家，其中等级提高 1 家" in text
    row = text[text.index(name) :][:900]
    assert "提高 2 级" in row
    assert "72.5 分" in row


def test_odd_requests(played: Site, people: dict[str, Browser]) -> None:
    bureau, place = people["bureau"], round_of(played, "filling")
    for query in ("?subject=x&page=-1", "?page=999999", "?subject=%27"):
        assert bureau.get(f"/performance{query}").status_code == 200
    for query in ("?subject=area&area=nowhere", "?subject=;"):
        assert bureau.get(f"/performance/compare{query}").status_code == 200
    assert bureau.get("/performance/outlook?area=nowhere").status_code == 200
    assert bureau.get("/performance/enterprises?sector=gold&page=x").status_code == 200
    for address in ("/performance/none", "/performance/lines/none", "/performance/none/pack.zip", "/performance/none/report.docx"):
        assert bureau.get(address).status_code == 404, address
    assert bureau.post(f"{place}/melt", {}, form="/help").status_code == 404
    assert bureau.post("/performance/none/issue", {}, form="/help").status_code == 404
    line = lines_of(played, place)[0][0]
    assert bureau.post(f"{line}/files/none/take-away", {}, form="/help").status_code == 404
    assert bureau.post("/performance/new", {"kind": "x", "year": "20x", "subject": ""}, form="/performance/new").status_code == 422


def _text_of(data: bytes) -> str:
    document = Document(io.BytesIO(data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(line.text for line in document.paragraphs), *cells])
