"""The provider's catalogue and the reviewer's desk as pages: by role, with rivals and strangers, and nothing typed is lost."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from marketplace.actions.solutions import withdraw
from marketplace.domain.providers import ProviderState
from marketplace.domain.solution_versions import VersionState
from marketplace.domain.solutions import SolutionState
from marketplace.records.cases import Case
from marketplace.records.files import Attachment
from marketplace.records.providers import Provider
from marketplace.records.solution_versions import SolutionVersion
from marketplace.records.solutions import Solution
from tests.opened import Browser, app, browser, database_of, own_site
from tests.web.people import viewer_of

__all__ = ["app", "browser", "own_site"]
SUMMARY = "在每台换热器的进出口装压差和温差表，按热阻变化判断结垢程度，提前两周安排清洗；清洗前后对比自动入账，检修计划与生产排程对得上，误拆减少。"
FORM = {
    "title": "换热器结垢在线监测", "form": "solution", "summary": SUMMARY, "solves": "结垢看不见\n清洗全凭经验", "sectors": ["chem", "auto"],
    "stages": ["equipment"], "scenario_codes": ["CH-16"], "price_low_wan": "30", "price_high_wan": "60.5", "weeks_low": "4", "weeks_high": "8",
    "references": "3", "technologies": "热阻计算、压差监测", "explosion_proof": "是", "origin": "domestic", "note": "第一次提交", "number": "0", "revision": "0",
}  # fmt: skip


class People(dict[str, Browser]):
    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app

    def __missing__(self, login: str) -> Browser:
        found = Browser(self.app.test_client())
        found.log_in(login)
        self[login] = found
        return found


@pytest.fixture
def people(app: Flask) -> People:
    return People(app)


def own_published(app: Flask, login: str = "provider") -> str:
    """A published solution of this person's provider."""
    with database_of(app).reading() as session:
        numbers = viewer_of(session, login).provider_ids
        query = select(Solution.public_id).where(Solution.provider_id.in_(numbers), Solution.state == SolutionState.PUBLISHED)
        found = session.scalars(query.order_by(Solution.id)).first()
        assert found
        return found


def write_new(people: People, **other: object) -> str:
    """The public id of a new draft."""
    answer = people["provider"].post("/catalogue/new", {**FORM, **other}, form="/catalogue/new")
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].rpartition("/")[2]


def do(person: Browser, address: str, page: str, **data: object) -> TestResponse:
    """Press a button of a page: its token and the stamps that it shows go along."""
    text = person.get(page).text
    stamps = {name: found[1] for name in ("number", "revision") if (found := re.search(rf'name="{name}" value="(-?\d+)"', text))}
    return person.post(address, {**stamps, **data}, form=page)


def waiting(app: Flask) -> str:
    with database_of(app).reading() as session:
        found = session.scalars(select(SolutionVersion.public_id).where(SolutionVersion.state == VersionState.SUBMITTED)).all()
        assert found
        return found[-1]


def test_from_the_form_to_the_public_page(app: Flask, people: People) -> None:
    provider, manager = people["provider"], people["manager"]
    number = write_new(people)
    page = provider.get(f"/catalogue/{number}").text
    assert "等您提交" in page
    assert "提交审核" in page
    assert "60.5 万元" in page or "30–60.5 万元" in page or "30–61 万元" in page
    assert people["anyone-else"].get(f"/solutions/{number}").status_code == 404
    assert do(provider, f"/catalogue/{number}/submit", f"/catalogue/{number}").status_code == 303
    assert "等综合管理服务商审核" in provider.get("/catalogue").text
    version = waiting(app)
    desk = manager.get("/catalogue/review").text
    assert "换热器结垢在线监测" in desk
    assert "新方案" in desk
    review = f"/catalogue/review/{version}"
    assert "没有发现堆砌" in manager.get(review).text
    assert do(manager, f"{review}/approve", review).status_code == 303
    shown = people["anyone-else"].get(f"/solutions/{number}").text
    assert "热阻计算" in shown
    assert "没有等审核的方案" in manager.get("/catalogue/review").text


def test_an_edit_shows_both_sides_and_the_old_stays(app: Flask, people: People) -> None:
    provider, manager, number = people["provider"], people["manager"], own_published(app)
    edit = f"/catalogue/{number}/edit"
    form = provider.get(edit).text
    title = re.search(r'name="title" value="([^"]+)"', form)
    assert title
    typed = {**FORM, "title": title[1] + "（升级版）"}
    del typed["number"], typed["revision"]
    assert do(provider, edit, edit, **typed).status_code == 303
    page = provider.get(f"/catalogue/{number}").text
    assert "与公开内容的不同" in page
    assert "<mark>（升级版）</mark>" in page
    assert "升级版" not in people["enterprise"].get(f"/solutions/{number}").text
    do(provider, f"/catalogue/{number}/submit", f"/catalogue/{number}")
    review = f"/catalogue/review/{waiting(app)}"
    assert "<mark>（升级版）</mark>" in manager.get(review).text
    # Sent back without a reason it is not, and what was typed stays.
    answer = do(manager, f"{review}/return", review, why=" ")
    assert (answer.status_code, "理由没有填" in answer.text) == (422, True)
    assert do(manager, f"{review}/return", review, why="升级了什么没有写").status_code == 303
    assert "升级了什么没有写" in provider.get("/catalogue").text
    assert "升级版" not in people["enterprise"].get(f"/solutions/{number}").text
    versions = provider.get(f"/catalogue/{number}/versions/2?against=1").text
    assert "与第 1 版的不同" in versions
    assert provider.get(f"/catalogue/{number}/versions/9").status_code == 404


def test_of_two_colleagues_the_later_one_sees_the_difference_and_loses_nothing(app: Flask, people: People) -> None:
    provider, number = people["provider"], write_new(people)
    edit = f"/catalogue/{number}/edit"
    opened = provider.token(edit)
    assert do(provider, edit, edit, **{**FORM, "number": "1", "revision": "1", "title": "先存的标题"}).status_code == 303
    late = {**FORM, "number": "1", "revision": "1", "title": "后存的标题", "csrf_token": opened}
    answer = provider.client.post(edit, data=late)
    assert answer.status_code == 409
    assert "同事已保存过新的内容" in answer.text
    assert "<del>先</del>" in answer.text
    assert 'value="后存的标题"' in answer.text
    # Saved once more, now knowing both, it holds.
    assert 'name="revision" value="2"' in answer.text
    assert provider.client.post(edit, data={**late, "revision": "2"}).status_code == 303


def test_what_is_typed_wrong_is_kept_and_told(people: People) -> None:
    wrong = {
        "title": "结垢监测",
        "price_low_wan": "九十",
        "price_high_wan": "60",
        "weeks_low": "9",
        "weeks_high": "3",
        "scenario_codes": ["NO-1"],
    }
    answer = people["provider"].post("/catalogue/new", {**FORM, **wrong}, form="/catalogue/new")
    assert answer.status_code == 422
    for words in ("“九十”不是数", "没有编号为“NO-1”的公开场景", 'value="九十"', SUMMARY):
        assert words in answer.text, words
    turned = people["provider"].post("/catalogue/new", {**FORM, "weeks_low": "9", "weeks_high": "3"}, form="/catalogue/new")
    assert turned.status_code == 422
    assert "工期最低 9 周高于最高 3 周" in turned.text
    bare = people["provider"].post("/catalogue/new", {}, form="/catalogue/new")
    assert (bare.status_code, "标题没有填" in bare.text) == (422, True)


def test_the_guard_says_what_and_where(people: People) -> None:
    provider = people["provider"]
    number = write_new(people, summary=f"{SUMMARY}行业领先，详询 13812345678。", technologies="赋能平台")
    page = provider.get(f"/catalogue/{number}").text
    for words in ("“13812345678”像是电话", "绝对化用语", "没有说明事实", "须改", "建议"):
        assert words in page, words
    answer = do(provider, f"/catalogue/{number}/submit", f"/catalogue/{number}")
    assert answer.status_code == 422
    assert "等您提交" in answer.text


def test_hostile_words_are_only_words(people: People) -> None:
    number = write_new(people, title="<script>alert(1)</script> {{7*7}}", summary=f"{SUMMARY}<img src=x onerror=alert(1)>")
    page = people["provider"].get(f"/catalogue/{number}").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "{{7*7}}" in page


def test_another_providers_things_are_as_absent_as_none(app: Flask, people: People) -> None:
    number, theirs = write_new(people), own_published(app)
    rival = people["provider2"]
    for solution in (number, theirs):
        for tail in ("", "/edit", "/versions/1", "/cases/new", "/cases/0"):
            assert rival.get(f"/catalogue/{solution}{tail}").status_code == 404, tail
        for tail in ("/edit", "/submit", "/take-back", "/delist", "/cases/0", "/cases/0/drop", "/cases/link", "/files", "/files/x/drop"):
            assert rival.post(f"/catalogue/{solution}{tail}", FORM).status_code == 404, tail
    for login in ("enterprise", "centre", "bureau", "finance"):
        assert people[login].get("/catalogue").status_code == 403
        assert people[login].get("/catalogue/review").status_code == 403
    assert people["provider"].get("/catalogue/review").status_code == 403
    assert people["bureau"].get(f"/catalogue/review/solutions/{theirs}").status_code == 200


def test_cases_travel_with_the_version(app: Flask, people: People) -> None:
    provider, manager, number = people["provider"], people["manager"], write_new(people)
    page = f"/catalogue/{number}"
    case = {
        "title": "两台换热器试用", "client_sector": "chem", "signed": "2024-03", "completed": "2024-06", "cost_wan": "62",
        "process": "先装两台，对比三个月后推广。", "indicator-0": "非计划清洗", "before-0": "9", "after-0": "2", "unit-0": "次/年", "proofs": "合同、验收报告",
    }  # fmt: skip
    new = f"{page}/cases/new"
    wrong = do(provider, f"{page}/cases/0", new, **{**case, "completed": "2023-01", "before-0": "多"})
    assert wrong.status_code == 422
    assert "早于签约" in wrong.text
    assert 'value="多"' in wrong.text
    assert do(provider, f"{page}/cases/0", new, **case).status_code == 303
    shown = provider.get(page).text
    assert "9 → 2 次/年" in shown
    do(provider, f"{page}/submit", page)
    with database_of(app).reading() as session:
        assert session.scalars(select(Case).where(Case.title.is_not(None))).first() is None
    review = f"/catalogue/review/{waiting(app)}"
    do(manager, f"{review}/approve", review)
    assert "两台换热器试用" in people["enterprise"].get(f"/solutions/{number}").text
    # Edited, dropped, linked again: the public page keeps it until the next approval.
    assert do(provider, f"{page}/cases/0", f"{page}/cases/0", **{**case, "cost_wan": "70"}).status_code == 303
    assert do(provider, f"{page}/cases/0/drop", page).status_code == 303
    assert "没有案例" in provider.get(page).text
    assert "62 万元" in people["enterprise"].get(f"/solutions/{number}").text


def test_files_are_public_once_approved(app: Flask, people: People) -> None:
    provider, manager, number = people["provider"], people["manager"], write_new(people)
    page = f"/catalogue/{number}"
    for name, content, words in (("a.exe", b"MZ" * 100, "这里只收"), ("a.pdf", b"MZ" * 100, "不是 PDF"), ("", b"", "还没有选文件")):
        answer = provider.post(f"{page}/files", {"file": (io.BytesIO(content), name)}, form=page)
        assert answer.status_code == 422
        assert words in answer.text
    answer = provider.post(f"{page}/files", {"file": (io.BytesIO(pdf()), "说明书.pdf")}, form=page)
    assert answer.status_code == 303, answer.text
    with database_of(app).reading() as session:
        file = session.scalars(select(Attachment)).one().public_id

    def readers() -> list[str]:
        answers = {
            login: people[login].get(f"/files/{file}") for login in ("provider", "manager", "provider2", "enterprise", "anyone-else")
        }
        found = [login for login, answer in answers.items() if answer.status_code == 200]
        for answer in answers.values():
            answer.close()
        return found

    assert readers() == ["provider", "manager"]
    do(provider, f"{page}/submit", page)
    review = f"/catalogue/review/{waiting(app)}"
    assert "说明书.pdf" in manager.get(review).text
    do(manager, f"{review}/approve", review)
    assert len(readers()) == 5
    assert "说明书.pdf" in people["enterprise"].get(f"/solutions/{number}").text
    assert provider.post(f"{page}/files/{file}/drop", form=page).status_code == 303
    assert "说明书.pdf" in people["enterprise"].get(f"/solutions/{number}").text
    # With the solution its files go out of sight, whoever kept their address.
    with database_of(app).reading() as session:
        solution = session.scalars(select(Solution.id).where(Solution.public_id == number)).one()
        officer = viewer_of(session, "manager")
    withdraw(database_of(app), solution, viewer=officer, at=datetime.now(UTC))
    assert readers() == ["provider", "manager"]


def pdf() -> bytes:
    """The smallest file that is one."""
    body = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
    start = len(body)
    return body + b"xref\n0 4\n0000000000 65535 f \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start


def test_off_the_shelf_and_staffs_own_steps(app: Flask, people: People) -> None:
    provider, number = people["provider"], own_published(app)
    page = f"/catalogue/{number}"
    assert provider.post(f"{page}/delist", form=page).status_code == 303
    assert people["enterprise"].get(f"/solutions/{number}").status_code == 404
    assert "要重新上架" in provider.get("/catalogue").text
    again = provider.post(f"{page}/delist", form=page)
    assert again.status_code == 409
    place = f"/catalogue/review/solutions/{number}"
    manager = people["manager"]
    assert manager.post(f"{place}/publish", {"why": ""}, form=place).status_code == 422
    assert manager.post(f"{place}/publish", {"why": "服务商来函"}, form=place).status_code == 303
    assert manager.post(f"{place}/block", {"why": "举报属实"}, form=place).status_code == 303
    assert manager.post(f"{place}/unblock", {"why": "已核实"}, form=place).status_code == 409
    assert people["bureau"].post(f"{place}/unblock", {"why": "已核实"}, form=place).status_code == 303
    assert people["enterprise"].get(f"/solutions/{number}").status_code == 200


def test_a_suspended_provider_is_told_why(app: Flask, people: People) -> None:
    number = write_new(people)
    with database_of(app).writing() as session:
        provider_id = session.scalars(select(Solution.provider_id).where(Solution.public_id == number)).one()
        session.execute(Provider.__table__.update().where(Provider.id == provider_id).values(state=ProviderState.SUSPENDED.value))
    answer = do(people["provider"], f"/catalogue/{number}/submit", f"/catalogue/{number}")
    assert answer.status_code == 422
    assert "不在资源池内" in answer.text
    assert "草稿会保留" in answer.text


def test_lists_ask_the_database_the_same_number_of_times(app: Flask, people: People) -> None:
    counted: list[str] = []

    def statements(address: str, login: str) -> int:
        people[login].get(address)
        counted.clear()
        people[login].get(address)
        return len([one for one in counted if not one.startswith(("BEGIN", "ROLLBACK", "PRAGMA"))])

    engine = database_of(app).engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        counted.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    numbers = [write_new(people)]
    do(people["provider"], f"/catalogue/{numbers[0]}/submit", f"/catalogue/{numbers[0]}")
    before = {(page, login): statements(page, login) for page, login in (("/catalogue", "provider"), ("/catalogue/review", "manager"))}
    for place in range(4):
        number = write_new(people, title=f"方案 {place}")
        do(people["provider"], f"/catalogue/{number}/submit", f"/catalogue/{number}")
    assert {key: statements(*key) for key in before} == before
    event.remove(engine, "before_cursor_execute", note)


def test_the_pages_are_there_in_english(app: Flask, people: People) -> None:
    number = write_new(people)
    for login, address in (
        ("provider", "/catalogue"),
        ("provider", "/catalogue/new"),
        ("provider", f"/catalogue/{number}"),
        ("manager", "/catalogue/review"),
    ):
        answer = people[login].get(f"{address}?lang=en")
        assert answer.status_code == 200
        assert '<html lang="en">' in answer.text
