"""The pages of figures: what they say is what the records hold, behind every count stand its things, and each role sees its own."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.actions.coverage import CountedNeed, write_coverage
from marketplace.app import create_app
from marketplace.domain.figure_facts import Scope
from marketplace.domain.figure_pace import by_key
from marketplace.domain.figures import FIGURES, Unit
from marketplace.domain.funds import LedgerAccount
from marketplace.domain.problems import ProblemState
from marketplace.domain.projects import UNDER_WAY, ProjectClass, ProjectState
from marketplace.pilot import load_pilot
from marketplace.records.accounts import find_account
from marketplace.records.enterprises import Enterprise
from marketplace.records.figures import find_facts
from marketplace.records.funds import total_of
from marketplace.records.history import HistoryEntry
from marketplace.records.problems import Problem
from marketplace.records.projects import Project, find_project_problems
from marketplace.records.reported_investments import ReportedInvestment
from marketplace.web.figures_charts import lines_of
from marketplace.web.figures_shown import FEW, LINES
from marketplace.web.terms import today
from tests.opened import Browser, database_of, site_of
from tests.web.people import browser_of, viewer_of


@pytest.fixture(scope="module")
def app(pool_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The demonstration with its projects and money; nothing here writes but one test, which takes an application of its own."""
    folder = tmp_path_factory.mktemp("figures") / "data"
    shutil.copytree(pool_folder, folder, symlinks=True)
    site = site_of(folder)
    yield create_app(site)
    site.index.close()
    site.database.close()


@pytest.fixture
def browsers(app: Flask) -> dict[str, Browser]:
    kept: dict[str, Browser] = app.extensions.setdefault("browsers of the tests", {})
    for person in ("bureau", "finance", "area", "enterprise", "provider", "expert", "city"):
        if person not in kept:
            kept[person] = browser_of(app, person)
    return kept


def sheet(*rows: list[object], head: tuple[str, ...] = ("月份", "行业", "区域", "当月技改投资（万元）", "来源")) -> tuple[io.BytesIO, str]:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in (list(head), *rows):
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out, "技改投资.xlsx"


def test_the_dashboard_says_what_the_records_hold(app: Flask, browsers: dict[str, Browser]) -> None:
    page = browsers["bureau"].get("/figures").text
    assert "目标对照" in page
    with database_of(app).reading() as session:
        paid = total_of(session, [LedgerAccount.PAID])
        running = session.scalar(
            select(func.count()).select_from(Project).where(Project.state.in_(UNDER_WAY), Project.project_class != ProjectClass.OTHER)
        )
    assert re.search(rf"在建项目</a></dt><dd class=\"is-value\">{running} 个", page)
    shown = re.search(r"已拨付资金</a></dt><dd class=\"is-value\">([\d,]+) 万元", page)
    assert shown
    assert int(shown[1].replace(",", "")) == round(paid / 1_000_000) > 0
    for code in FIGURES:
        assert f"/figures/{code}" in page, code


def test_everybody_reads_the_figures_and_no_list_behind_them(app: Flask) -> None:
    page = Browser(app.test_client()).get("/results")
    assert page.status_code == 200
    with app.test_request_context(), database_of(app).reading() as session:
        facts = find_facts(session, load_pilot().figure, today())
        diagnosed, supported = (FIGURES[code].compute(facts).value for code in ("enterprises_diagnosed", "projects_supported"))
        few, enough = (FIGURES["effect_revenue"].compute(facts).sample, FIGURES["satisfaction"].compute(facts).sample)
    assert f'已诊断企业</dt><dd class="is-value">{diagnosed} 家' in page.text
    # Money and opinions of a few are those of each.
    assert ("支持项目总投资</dt><dd class" in page.text) == ((supported or 0) >= FEW)
    for name, sample in (("营业收入变化", few), ("企业满意度", enough)):
        assert (f'{name}</dt><dd class="is-value"' in page.text or f'<th scope="row">{name}' in page.text) == ((sample or 0) >= FEW), name
    assert "已拨付资金" not in page.text
    assert not re.search(r'href="/(figures|projects|enterprises)/', page.text)


def test_a_chart_has_no_half_enterprise(app: Flask) -> None:
    pilot = load_pilot()
    with app.test_request_context(), database_of(app).reading() as session:
        facts = find_facts(session, pilot.figure, today())
        nowhere = facts.within(Scope(today(), None, None, frozenset({"nowhere"})))
        for some in (facts, nowhere):
            assert not any("." in word for _y, word in lines_of(LINES, some, pilot.city.term_start).grid)


def test_balances_and_ledger_give_the_same_figures(app: Flask) -> None:
    rules = load_pilot().figure
    with app.test_request_context(), database_of(app).reading() as session:
        now, over_time = (find_facts(session, rules, today(), money_over_time=past) for past in (False, True))
        for code in ("funds_budget", "funds_committed", "funds_paid", "paid_share", "local_to_central"):
            assert FIGURES[code].compute(now) == FIGURES[code].compute(over_time), code
        assert FIGURES["funds_paid"].compute(now).value
        # What was moved in each year sums to what there is.
        years = range(rules.aims[0].from_day.year, today().year + 1)
        for code in ("funds_budget", "funds_committed", "funds_paid"):
            parts = [
                FIGURES[code].compute(find_facts(session, rules, min(today(), date(year, 12, 31)), since=date(year, 1, 1))).value
                for year in years
            ]
            assert sum(part or 0 for part in parts) == FIGURES[code].compute(now).value, code


def test_every_figure_of_the_demonstration_says_something(app: Flask) -> None:
    """None is without data, no share is none or all, and each breakdown has several parts. What the last night counted is not there yet."""
    with app.test_request_context(), database_of(app).reading() as session:
        facts = find_facts(session, load_pilot().figure, today())
    for code, figure in FIGURES.items():
        value = figure.compute(facts).value
        assert value or code == "served_share", code
        assert figure.unit != Unit.SHARE or code == "served_share" or 0 < (value or 0) < 1, code
    for kind in ("orientations", "stages", "sector", "level", "area", "project_class"):
        assert len(by_key(facts, kind)) > 2, kind
    assert {row.sector for row in facts.enterprises if row.started} == {"chem", "auto", "elec"}


def test_the_map_of_supply_and_demand(app: Flask, browsers: dict[str, Browser]) -> None:
    assert "供需对照还没有统计出来" in browsers["bureau"].get("/figures").text
    with database_of(app).writing() as session:
        query = select(Problem.id, Enterprise.sector, Enterprise.area).join(Enterprise, Enterprise.id == Problem.enterprise_id)
        rows = session.execute(query.where(Problem.state == ProblemState.OPEN, Enterprise.sector == "chem").order_by(Problem.id)).all()
        needs = [CountedNeed(number, sector, "CH-05", []) for number, sector, _area in rows]
        write_coverage(session, date(2026, 11, 26), needs, {("chem", "CH-05"): {1, 2}})
    areas: dict[str, int] = {}
    for row in rows:
        areas[row.area] = areas.get(row.area, 0) + 1
    whole = browsers["bureau"].get("/figures").text
    assert re.search(rf"is-gap\">{len(rows)} / 2<small>缺口 {len(rows)}<", whole)
    by_area = browsers["bureau"].get("/figures?sector=chem").text
    assert sorted(int(number) for number in re.findall(r"(\d+) / 2<small>缺口", by_area)) == sorted(areas.values())
    assert len(areas) > 2
    one = next(iter(areas))
    assert re.search(rf"{areas[one]} / 2<small>缺口 {areas[one]}<", browsers["bureau"].get(f"/figures?area={one}").text)
    assert "这里没有未解决的问题" in browsers["bureau"].get("/figures?sector=elec").text


def test_the_city_reads_projects_in_short(app: Flask, browsers: dict[str, Browser]) -> None:
    """The list, what each is and its figures: no texts, papers, problem lists, names of persons, nor the pages of the steps."""
    city = browsers["city"]
    assert city.get("/projects").status_code == 200
    with database_of(app).reading() as session:
        found = session.scalars(select(Project).where(Project.state == ProjectState.PASSED).order_by(Project.id).limit(1)).unique().one()
        problem, draft = find_project_problems(session, found.id)[0].text, Project.state == ProjectState.DRAFT
        begun, address = session.scalar(select(Project.public_id).where(draft).limit(1)), f"/projects/{found.public_id}"
    page, whole = city.get(address), browsers["bureau"].get(address).text
    assert page.status_code == 200
    for word in ("核定金额", "绩效指标", "服务商"):
        assert word in page.text, word
    for word in ("经费使用计划", "实施方案（示例）.pdf", "初审意见", "经过</h2>", problem):
        assert word in whole or word == "初审意见", word
        assert word not in page.text, word
    file = re.search(r'href="(/files/[0-9a-f-]+)', whole)
    assert file
    assert city.get(file[1]).status_code == 404
    for step in ("evidence", "progress", "agreement", "acceptance", "changes"):
        assert city.get(f"{address}/{step}").status_code == 403, step
    assert begun
    assert city.get(f"/projects/{begun}").status_code == 404


@pytest.mark.parametrize("code", FIGURES)
def test_every_figure_has_its_page(browsers: dict[str, Browser], code: str) -> None:
    page = browsers["finance"].get(f"/figures/{code}")
    assert page.status_code == 200
    assert "口径" in page.text
    # Who was warned is for those who read such decisions; how many is for everybody here.
    adjusted = code in ("providers_warned", "providers_rectified")
    assert ("背后的名单" in page.text) == (FIGURES[code].members is not None and not adjusted)
    assert browsers["finance"].get(f"/figures/{code}/sheet").status_code == (200 if FIGURES[code].members and not adjusted else 404)
    assert browsers["bureau"].get(f"/figures/{code}/sheet").status_code == (200 if FIGURES[code].members else 404)


def test_behind_a_count_stand_its_things(browsers: dict[str, Browser]) -> None:
    page = browsers["bureau"].get("/figures/projects_running").text
    told = re.search(r"在建项目：(\d+) 个", page)
    assert told
    assert page.count('href="/projects/') == int(told[1]) > 0
    book = openpyxl.load_workbook(io.BytesIO(browsers["bureau"].get("/figures/projects_running/sheet").data))
    assert book.worksheets[0].max_row == 1 + int(told[1])


def test_filters_leave_less(browsers: dict[str, Browser]) -> None:
    def count(address: str) -> int:
        found = re.search(r"规上企业：(\d+) 家", browsers["bureau"].get(address).text)
        assert found, address
        return int(found[1])

    whole = count("/figures/enterprises_above_scale")
    parts = [count(f"/figures/enterprises_above_scale?sector={sector}") for sector in ("chem", "auto", "elec")]
    assert sum(parts) == whole
    assert all(parts)
    # What nobody knows is left out, not obeyed.
    assert count("/figures/enterprises_above_scale?sector=nothing&area=nowhere&year=1999") == whole
    assert 0 < count("/figures/enterprises_above_scale?area=nangang") < whole


def test_an_officer_of_an_area_sees_what_its_areas_did(app: Flask, browsers: dict[str, Browser]) -> None:
    page = browsers["area"].get("/figures").text
    whole = browsers["bureau"].get("/figures").text
    told = re.compile(r"规上企业</a></dt><dd class=\"is-value\">(\d+) 家")
    own, everybody = told.search(page), told.search(whole)
    assert own
    assert everybody
    assert int(own[1]) < int(everybody[1])
    assert "目标对照" not in page
    # Another's area is neither offered nor obeyed.
    with database_of(app).reading() as session:
        areas = viewer_of(session, "area").areas
    other = next(row.key for row in load_pilot().areas if row.key not in areas)
    asked = browsers["area"].get(f"/figures?area={other}").text
    assert f'value="{other}"' not in asked
    found = told.search(asked)
    assert found
    assert found[1] == own[1]
    assert "目标" not in browsers["area"].get("/figures/wall").text
    for person in ("enterprise", "provider", "expert"):
        assert browsers[person].get("/figures").status_code == 403


def test_the_hall_and_the_definitions(browsers: dict[str, Browser]) -> None:
    answer = browsers["bureau"].get("/figures/wall")
    hall = answer.text
    assert answer.headers["Refresh"] == "300"
    assert hall.count("<dt>") == 6
    definitions = browsers["bureau"].get("/figures/definitions").text
    assert all(row.meaning.split("：")[0][:6] in definitions for row in FIGURES.values())
    book = openpyxl.load_workbook(io.BytesIO(browsers["bureau"].get("/figures/sheet").data))
    assert book.worksheets[0].max_row == 1 + len(FIGURES)


def test_reported_figures_come_by_sheet_all_or_nothing(own_app: Flask, own_browsers: dict[str, Browser]) -> None:
    bureau = own_browsers["bureau"]

    def count() -> int:
        with database_of(own_app).reading() as session:
            return session.scalar(select(func.count()).select_from(ReportedInvestment)) or 0

    before = count()
    bad = sheet(
        ["2026-13", "化工", "", 100, ""], ["2026-09", "机械", "", 100, ""], ["2026-09", "汽车", "", -3, ""], ["2099-01", "汽车", "", 3, ""]
    )
    answer = bureau.post("/figures/entry", {"file": bad})
    assert (answer.status_code, count()) == (422, before)
    assert "没有导入" in answer.text
    for word in ("机械", "2099-01 还没有过完", "不能是负数"):
        assert word in answer.text, word
    # Last year's columns.
    other = sheet(["2025", 100], head=("年度", "投资完成额"))
    answer = bureau.post("/figures/entry", {"file": other})
    assert (answer.status_code, count()) == (422, before)
    assert "月份" in answer.text
    twice = sheet(["2024-01", "化工", "", 100, "报"], ["2024-01", "化工", "", 101, "报"])
    assert "已在第 2 行写过" in bureau.post("/figures/entry", {"file": twice}).text
    good = sheet(["2024-01", "化工", "", 100.5, "报 1"], ["2024-01", "化工", "南港工业区", 60, "报 1"])
    answer = bureau.post("/figures/entry", {"file": good})
    assert (answer.status_code, count()) == (303, before + 2)
    assert "100.5 万元" in bureau.get("/figures/entry?page=99").text
    with database_of(own_app).reading() as session:
        last = session.scalars(
            select(HistoryEntry).where(HistoryEntry.noun == "reported_investment").order_by(HistoryEntry.id.desc())
        ).first()
        assert last is not None
        assert (last.after or {})["area"] == "nangang"
    assert own_browsers["finance"].post("/figures/entry", {"file": sheet()}).status_code == 403


def test_charts_are_pictures_to_be_kept(browsers: dict[str, Browser]) -> None:
    for path in ("/figures/funds_paid/picture", "/figures/by/sector/picture?year=2026"):
        answer = browsers["bureau"].get(path)
        assert answer.status_code == 200, path
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert ElementTree.fromstring(answer.text).tag.endswith("svg")
    assert "2026" in answer.text
    for path in ("/figures/effect_energy/picture", "/figures/by/nothing/picture", "/figures/nothing/picture"):
        assert browsers["bureau"].get(path).status_code == 404, path


def test_a_write_is_seen_at_once(own_app: Flask, own_browsers: dict[str, Browser]) -> None:
    """What was read a moment ago is kept only while nothing was written."""
    bureau = own_browsers["bureau"]
    told = re.compile(r"统计口径技改投资：([^<]*)</h1>")
    before = told.search(bureau.get("/figures/investment_reported").text)
    assert before
    assert bureau.post("/figures/entry", {"file": sheet(["2024-02", "汽车", "", 123456, "报"])}).status_code == 303
    after = told.search(bureau.get("/figures/investment_reported").text)
    assert after
    assert before[1] != after[1]


def test_in_the_pool_is_all_that_is_told_of_a_provider(browsers: dict[str, Browser]) -> None:
    assert (
        "警示</span>"
        in browsers["bureau"].get("/figures/providers_admitted?page=1").text + browsers["bureau"].get("/figures/providers_warned").text
    )
    for page in (1, 2, 3):
        text = browsers["finance"].get(f"/figures/providers_admitted?page={page}").text
        assert not re.search(r"jg-badge[^>]*>(<[^>]*>)*(警示|整改中|限期整改)", text)


def test_an_officer_without_areas_sees_nothing(own_app: Flask, own_browsers: dict[str, Browser]) -> None:
    assert own_browsers["area"].get("/figures").status_code == 200
    with database_of(own_app).writing() as session:
        account = find_account(session, "area")
        assert account is not None
        for row in account.memberships:
            row.areas = []
    assert own_browsers["area"].get("/figures").status_code == 404
