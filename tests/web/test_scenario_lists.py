"""Pages of the scenario library: lists as a whole, consent, clusters, groups; and what counts must not give away."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select

from indexer.query import Kind, SearchQuery
from marketplace.app import worker_of
from marketplace.domain.problems import ProblemState
from marketplace.jobs.worker import JobWorker
from marketplace.records.distillations import Distillation, ScenarioCluster
from marketplace.records.enterprises import Enterprise
from marketplace.records.groups import EnterpriseGroup
from marketplace.records.problems import Problem
from marketplace.records.scenario_lists import ScenarioList
from marketplace.records.scenarios import Scenario, find_scenario
from marketplace.site import Site
from tests.opened import Browser
from tests.web.people import browser_of, viewer_of


@pytest.fixture
def manager(own_app: Flask) -> Browser:
    return browser_of(own_app, "manager")


def written(browser: Browser, batch: int, *codes: str) -> str:
    typed: dict[str, object] = {"batch": str(batch), "title": f"应用场景清单（第 {batch} 批）", "note": "", "codes": "\n".join(codes)}
    answer = browser.post("/scenario-lists/new", typed, form="/scenario-lists/new")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def found(site: Site, text: str) -> set[int]:
    return {hit.thing_id for hit in site.index.search(SearchQuery(text=text, kind=Kind.SCENARIO)).hits}


def test_scenarios_of_a_withdrawn_list_leave_search(own_demo: Site, own_app: Flask, manager: Browser) -> None:
    with own_demo.database.reading() as session:
        scenario = find_scenario(session, "CHEM-01")
        assert scenario is not None
        number, name = scenario.id, scenario.name
    place = written(manager, 7, "CHEM-01")
    anyone = browser_of(own_app, "anyone")
    assert anyone.get(place).status_code == 404
    assert manager.post(f"{place}/issue", form=place).status_code == 303
    assert "第 7 批" in anyone.get("/scenario-lists").text
    worker_of(own_demo).drain()
    assert number in found(own_demo, name)
    assert manager.post(f"{place}/withdraw", {"why": ""}, form=place).status_code == 422
    assert manager.post(f"{place}/withdraw", {"why": "文件作废"}, form=place).status_code == 303
    worker_of(own_demo).drain()
    assert number not in found(own_demo, name)
    assert anyone.get("/scenarios/CHEM-01").status_code == 404
    # What became of the list is still told, its scenarios are not.
    page = anyone.get(place).text
    assert "文件作废" in page
    assert name not in page


def test_a_wrong_list_keeps_what_was_typed(manager: Browser) -> None:
    typed: dict[str, object] = {"batch": "8", "title": "清单", "note": "说明文字", "codes": "NO-1"}
    answer = manager.post("/scenario-lists/new", typed, form="/scenario-lists/new")
    assert answer.status_code == 422
    for kept in ("说明文字", "没有编号为“NO-1”的场景"):
        assert kept in answer.text


def test_consent_is_the_enterprises_alone(own_demo: Site, own_app: Flask, manager: Browser) -> None:
    with own_demo.database.reading() as session:
        mine = viewer_of(session, "enterprise").enterprise_ids
        own = session.scalars(select(Scenario).where(Scenario.enterprise_id.in_(mine))).first()
        other = session.scalars(select(Scenario).where(Scenario.enterprise_id.is_not(None), Scenario.enterprise_id.not_in(mine))).first()
        assert own is not None
        assert other is not None
        code, foreign = own.code, other.code
    enterprise = browser_of(own_app, "enterprise")
    form = "/scenario-consents"
    assert enterprise.post(f"/scenario-consents/{code}/take_back", form=form).status_code == 303
    place = written(manager, 9, code)
    refused = manager.post(f"{place}/issue", form=place)
    assert refused.status_code == 422
    assert code in refused.text
    assert enterprise.post(f"/scenario-consents/{foreign}/agree", form=form).status_code == 404
    assert manager.get(form).status_code == 403
    assert enterprise.post(f"/scenario-consents/{code}/agree", form=form).status_code == 303
    assert manager.post(f"{place}/issue", form=place).status_code == 303
    assert enterprise.post(f"/scenario-consents/{code}/take_back", form=form).status_code == 303
    assert enterprise.get(f"/scenarios/{code}").status_code == 404


def test_few_problems_of_a_scenario_are_counted_for_the_centre_only(own_demo: Site, own_app: Flask) -> None:
    with own_demo.database.writing() as session:
        scenario = find_scenario(session, "CHEM-01")
        assert scenario is not None
        rows = session.scalars(select(Problem).join(Enterprise).where(Enterprise.sector == "chem", Problem.stage == scenario.stage)).all()
        for row in rows[2:]:
            row.stage = "other"
        for row in rows[:2]:
            row.state = ProblemState.OPEN
            row.scenario_code = ""
    for person in ("anyone", "provider", "enterprise", "manager"):
        page = browser_of(own_app, person).get("/scenarios/CHEM-01").text
        assert "不足三条" in page, person
    page = browser_of(own_app, "centre").get("/scenarios/CHEM-01").text
    assert re.search(r'jg-big">2<', page)


def test_typical_scenarios_are_distilled_named_and_published(own_demo: Site, own_app: Flask) -> None:
    centre = browser_of(own_app, "centre")
    begun = centre.post("/distillations", {"sector": "chem"}, form="/distillations").headers["Location"]
    assert "正在归类" in centre.get(begun).text
    assert centre.post("/distillations", {"sector": "chem"}, form="/distillations").status_code == 422
    JobWorker(own_demo).drain()
    page = centre.get(begun).text
    assert "归成" in page
    with own_demo.database.reading() as session:
        assert session.scalars(select(Distillation)).one().ended is not None
        rows = session.scalars(select(ScenarioCluster).order_by(ScenarioCluster.enterprises.desc())).all()
        assert len(rows) > 2
        cluster, other = rows[0].public_id, rows[1].public_id
        members = set(rows[0].problem_ids) | set(rows[1].problem_ids)
        assert rows[0].enterprises >= 3
    place = f"/distillations/clusters/{cluster}"
    merged = centre.post(f"/distillations/clusters/{other}/merge", {"into": cluster}, form=place)
    assert merged.status_code == 303
    typed: dict[str, object] = {
        "name": "装置预测性维护",
        "stage": "equipment",
        "code": "CHEM-77",
        "typical": "机泵没有征兆就停\n\n轴承坏了才知道",
    }
    assert centre.post(place, {**typed, "name": " "}, form=place).status_code == 422
    published = centre.post(place, {**typed, "publish": "1"}, form=place)
    assert published.status_code == 303, published.text
    page = browser_of(own_app, "anyone").get("/scenarios/CHEM-77").text
    assert "机泵没有征兆就停" in page
    with own_demo.database.reading() as session:
        assert {
            number
            for row in [session.scalars(select(ScenarioCluster).where(ScenarioCluster.public_id == cluster)).one()]
            for number in row.problem_ids
        } == members
    for person in ("manager", "enterprise", "provider", "anyone"):
        assert browser_of(own_app, person).get(place).status_code in (303, 403)


def test_members_of_a_group_do_not_read_each_others_names(own_demo: Site, own_app: Flask) -> None:
    centre = browser_of(own_app, "centre")
    with own_demo.database.reading() as session:
        chem = session.scalars(select(Enterprise).where(Enterprise.sector == "chem").order_by(Enterprise.id)).all()
        mine = viewer_of(session, "enterprise").enterprise_ids
        own = next(row for row in chem if row.id in mine)
        leader = next(row for row in chem if row.id not in mine)
        names = [row.name for row in chem if row.id not in mine and row.id != leader.id]
        keys, own_key, leader_code = [row.public_id for row in chem], own.public_id, leader.organisation.credit_code
    typed: dict[str, object] = {"kind": "chain", "name": "树脂链", "leader": leader_code}
    place = centre.post("/groups/new", typed, form="/groups/new").headers["Location"]
    assert centre.post("/groups/new", typed, form="/groups/new").status_code == 422
    outside = browser_of(own_app, "enterprise2")
    assert browser_of(own_app, "enterprise").get(place).status_code == 404
    for key in keys:
        centre.post(f"{place}/members", {"enterprise": key}, form=place)
    with own_demo.database.reading() as session:
        assert session.scalars(select(EnterpriseGroup)).one().name == "树脂链"
    page = browser_of(own_app, "enterprise").get(place)
    assert page.status_code == 200
    for name in names:
        assert name not in page.text, name
    assert names[0] in centre.get(place).text
    for browser in (outside, browser_of(own_app, "provider"), browser_of(own_app, "anyone")):
        assert browser.get(place).status_code in (303, 403, 404)
    assert "问题只给企业自己和能力中心看" in browser_of(own_app, "manager").get(place).text
    wish = f"/enterprises/{own_key}/wish"
    saved = browser_of(own_app, "enterprise").post(wish, {"orientations": ["green"], "note": "先减碳"}, form=wish)
    assert saved.status_code == 303
    assert outside.get(wish).status_code == 404


def test_old_lists_stay_listed(own_demo: Site, manager: Browser) -> None:
    first, second = written(manager, 1, "CHEM-02"), written(manager, 2, "CHEM-02", "CHEM-03")
    manager.post(f"{first}/issue", form=first)
    with own_demo.database.reading() as session:
        old = session.scalars(select(ScenarioList).where(ScenarioList.batch == 1)).one().public_id
    assert manager.post(f"{second}/issue", {"supersedes": old}, form=second).status_code == 303
    assert "已由新一批替代" in manager.get(first).text
