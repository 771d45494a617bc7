"""The pages of the three lists: forms, hints and suggestions, the import of a report, and who may see what."""

from __future__ import annotations

import io
import re
import time
import zipfile

import pytest
from docx import Document
from flask import Flask
from sqlalchemy import select

from marketplace.domain.diagnoses import DiagnosisState
from marketplace.jobs.worker import JobWorker
from marketplace.records.diagnoses import Diagnosis, Investment, ScenarioNeed
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.report_imports import ReportImport
from marketplace.site import Site
from tests.opened import Browser
from tests.web.people import browser_of, viewer_of

TEXT = "包装二线封口机每班停两三次，每次二十分钟，返工要一包一包拆"
REPORT = """企业基本情况
公司成立于2003年，位于开发区，员工 268 人，主营环氧树脂。
存在的主要问题
1. 包装二线封口机每班停两三次，每次二十分钟，返工要一包一包拆；
2. 仓库找料靠翻纸台账，一次要半天，去年盘亏三十多万元。
建议
建议引入WMS系统，通过条码管理仓库。
"""


@pytest.fixture
def visit(own_demo: Site) -> Diagnosis:
    """A diagnosis on site, of the enterprise that has an account."""
    with own_demo.database.writing() as session:
        number = next(iter(viewer_of(session, "enterprise").enterprise_ids))
        row = Diagnosis(enterprise_id=number, state=DiagnosisState.ON_SITE, source="test", source_ref="lists")
        session.add(row)
        session.flush()
        return row


@pytest.fixture
def centre(own_app: Flask) -> Browser:
    return browser_of(own_app, "centre")


def run_jobs(site: Site) -> None:
    JobWorker(site).drain()


def test_a_problem_is_looked_at_before_it_is_saved(own_demo: Site, centre: Browser, visit: Diagnosis) -> None:
    own_demo.suggester.warm(wait=True)
    place = f"/diagnoses/{visit.public_id}/lists/problems/new"
    vague = centre.post(place, {"text": "仓库乱", "check": "1"}, form=place)
    assert vague.status_code == 200
    assert "只有几个字" in vague.text
    looked = centre.post(place, {"text": TEXT, "check": "1"}, form=place)
    assert looked.status_code == 200
    assert TEXT in looked.text
    assert "有什么限制" in looked.text
    assert "出了什么问题" not in looked.text
    (first, *_more) = re.findall(r'name="take" value="stage:(\w+)"', looked.text)
    taken = centre.post(place, {"text": TEXT, "take": f"stage:{first}"}, form=place)
    assert f'<option value="{first}" selected>' in taken.text
    with own_demo.database.reading() as session:
        assert session.scalar(select(Problem.id).where(Problem.text == TEXT)) is None
    saved = centre.post(place, {"text": TEXT, "stage": first, "budget_high_wan": "30", "priority": "high"}, form=place)
    assert saved.status_code == 303
    with own_demo.database.reading() as session:
        row = session.scalars(select(Problem).where(Problem.text == TEXT)).one()
        assert (row.stage, row.priority, row.budget_high_fen, row.diagnosis_id) == (first, "high", 30_000_000, visit.id)
    # Written once more, it is said to be there already.
    again = centre.post(place, {"text": f"{TEXT}。", "check": "1"}, form=place)
    assert "可能重复" in again.text


def test_the_look_takes_no_longer_than_half_a_second(own_demo: Site, centre: Browser, visit: Diagnosis) -> None:
    own_demo.suggester.warm(wait=True)
    place = f"/diagnoses/{visit.public_id}/lists/problems/new"
    token = centre.token(place)
    took = []
    for words in ("去年开始，冷却水泵每月坏一次", "质检记录全靠手抄，一天要两个小时", "三号线焊点虚焊，返修率百分之二"):
        data = {"csrf_token": token, "text": words, "check": "1"}
        started = time.perf_counter()
        assert centre.client.post(place, data=data).status_code == 200
        took.append(time.perf_counter() - started)
    # The first look embeds what it compares with; the machine of the tests may be busy with others.
    assert min(took[1:]) < 1.0, took


def test_wrong_figures_keep_what_was_typed(centre: Browser, visit: Diagnosis) -> None:
    place = f"/diagnoses/{visit.public_id}/lists/problems/new"
    answer = centre.post(place, {"text": TEXT, "budget_low_wan": "很多", "root_cause": "膜太薄"}, form=place)
    assert answer.status_code == 422
    for kept in (TEXT, "很多", "膜太薄", "金额请填数字"):
        assert kept in answer.text
    assert centre.post(place, {"text": "  "}, form=place).status_code == 422


def test_needs_and_investments_by_their_forms(own_demo: Site, centre: Browser, visit: Diagnosis) -> None:
    lists = f"/diagnoses/{visit.public_id}/lists"
    wrong = centre.post(
        f"{lists}/needs/new", {"scenario_code": "CHEM-01", "present_level": "3", "target_level": "2"}, form=f"{lists}/needs/new"
    )
    assert wrong.status_code == 422
    assert "目标水平低于现在的水平" in wrong.text
    good: dict[str, object] = {
        "scenario_code": "CHEM-01",
        "present_level": "1",
        "target_level": "3",
        "expected": "停机减半",
        "urgency": "high",
    }
    assert centre.post(f"{lists}/needs/new", good, form=f"{lists}/needs/new").status_code == 303
    assert centre.post(f"{lists}/investments/new", {"year": "2027"}, form=f"{lists}/investments/new").status_code == 422
    spend: dict[str, object] = {
        "scenario_code": "CHEM-01",
        "hardware_wan": "120",
        "service_wan": "8.5",
        "year": "2027",
        "wants_subsidy": "on",
    }
    assert centre.post(f"{lists}/investments/new", spend, form=f"{lists}/investments/new").status_code == 303
    page = centre.get(lists).text
    assert "三级：集成共享" in page
    assert "申请补助" in page
    with own_demo.database.reading() as session:
        need = session.scalars(select(ScenarioNeed).where(ScenarioNeed.diagnosis_id == visit.id)).one()
        line = session.scalars(select(Investment).where(Investment.diagnosis_id == visit.id)).one()
        assert (line.hardware_fen, line.software_fen, line.service_fen) == (120_000_000, None, 8_500_000)
        number, beyond = need.id, line.id + 1
    assert centre.post(f"{lists}/needs/{number}/remove", form=lists).status_code == 303
    assert "三级：集成共享" not in centre.get(lists).text
    # A line of another diagnosis is not reached by this one's address.
    assert centre.get(f"{lists}/investments/{beyond}").status_code == 404


def test_after_confirmation_a_change_needs_a_reason(own_demo: Site, centre: Browser, visit: Diagnosis) -> None:
    place = f"/diagnoses/{visit.public_id}/lists/problems/new"
    centre.post(place, {"text": TEXT}, form=place)
    with own_demo.database.writing() as session:
        session.get_one(Diagnosis, visit.id).state = DiagnosisState.CONFIRMED
        edit = f"/problems/{session.scalars(select(Problem).where(Problem.text == TEXT)).one().public_id}/edit"
    refused = centre.post(edit, {"text": f"{TEXT}，已核实"}, form=edit)
    assert refused.status_code == 422
    assert "更正原因" in refused.text
    assert centre.post(edit, {"text": f"{TEXT}，已核实", "why": "企业来函"}, form=edit).status_code == 303


def test_lists_are_for_the_enterprise_and_the_centre(own_app: Flask, own_demo: Site, visit: Diagnosis) -> None:
    lists = f"/diagnoses/{visit.public_id}/lists"
    with own_demo.database.reading() as session:
        own = session.get_one(Enterprise, visit.enterprise_id).public_id
    for person in ("enterprise2", "provider", "manager", "bureau", "expert", "anyone"):
        browser = browser_of(own_app, person)
        for address in (lists, f"{lists}/problems/new", f"{lists}/import", f"{lists}/needs/new", f"/enterprises/{own}/problems"):
            assert browser.get(address).status_code in (303, 403, 404), (person, address)
    enterprise = browser_of(own_app, "enterprise")
    assert enterprise.get(lists).status_code == 200
    # The diagnosis' list is the centre's to write; the enterprise brings problems of its own.
    assert enterprise.get(f"{lists}/problems/new").status_code == 404
    place = f"/enterprises/{own}/problems/new"
    assert enterprise.post(place, {"text": "空压机夜里空转，一年多花八万元电费"}, form=place).status_code == 303
    assert "空压机夜里空转" in enterprise.get(f"/enterprises/{own}/problems").text


def test_a_pasted_report_becomes_a_list_to_correct(own_demo: Site, centre: Browser, visit: Diagnosis) -> None:
    place = f"/diagnoses/{visit.public_id}/lists/import"
    begun = centre.post(place, {"text": REPORT}, form=place).headers["Location"]
    assert "正在读" in centre.get(begun).text
    run_jobs(own_demo)
    page = centre.get(begun).text
    assert "仓库找料靠翻纸台账" in page
    assert "成立于" not in page
    assert "建议引入" not in page
    bad: dict[str, object] = {"take-0": "on", "text-0": "封口机每班停两次", "take-1": "on", "text-1": " "}
    refused = centre.post(begun, bad, form=begun)
    assert refused.status_code == 422
    assert "封口机每班停两次" in refused.text
    saved = centre.post(begun, {**bad, "text-1": "找料要半天"}, form=begun)
    assert saved.status_code == 303
    with own_demo.database.reading() as session:
        texts = set(session.scalars(select(Problem.text).where(Problem.diagnosis_id == visit.id)))
    assert texts == {"封口机每班停两次", "找料要半天"}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.docx", "docx:公司成立于2003年，位于开发区，员工 268 人。感谢诊断组的工作。", "没有在报告里找到问题"),
        ("a.pdf", "scan", "没有可以读取的文字"),
        ("a.txt", "text:" + REPORT, "找到 2 条"),
    ],
)
def test_a_report_without_anything_to_take_says_why(
    own_demo: Site, centre: Browser, visit: Diagnosis, name: str, content: str, sentence: str
) -> None:
    place = f"/diagnoses/{visit.public_id}/lists/import"
    data: dict[str, object] = {"text": "", "file": (io.BytesIO(made(content)), name)}
    answer = centre.post(place, data, form=place, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text[-2000:]
    run_jobs(own_demo)
    assert sentence in centre.get(answer.headers["Location"]).text


def test_a_broken_file_is_refused_and_the_text_is_kept(own_demo: Site, centre: Browser, visit: Diagnosis) -> None:
    place = f"/diagnoses/{visit.public_id}/lists/import"
    data: dict[str, object] = {"text": REPORT, "file": (io.BytesIO(made("docx:x")[:300]), "a.docx")}
    answer = centre.post(place, data, form=place, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "仓库找料靠翻纸台账" in answer.text
    assert centre.post(place, {"text": "字" * 20_001}, form=place).status_code == 422
    assert centre.post(place, {"text": "。。"}, form=place).status_code == 422
    with own_demo.database.reading() as session:
        assert session.scalars(select(ReportImport)).all() == []


def made(content: str) -> bytes:
    """A file of this content: docx:…, text:…, or a PDF whose one page is empty of words."""
    kind, _colon, text = content.partition(":")
    if kind == "text":
        return text.encode()
    out = io.BytesIO()
    if kind == "docx":
        document = Document()
        document.add_paragraph(text)
        document.save(out)
        assert zipfile.is_zipfile(out)
        return out.getvalue()
    from fpdf import FPDF

    paper = FPDF()
    paper.add_page()
    paper.rect(10, 10, 50, 50)
    return bytes(paper.output())
