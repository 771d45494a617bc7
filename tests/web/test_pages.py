"""Each page, by who may and by who may not."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.domain.access import Role
from marketplace.domain.problems import ProblemState, names_of
from marketplace.domain.providers import ProviderState
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider, find_provider
from marketplace.records.scenarios import Scenario, find_scenario
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.opened import Browser
from tests.web.people import PEOPLE, Things, viewer_of

EVERYBODY = frozenset(PEOPLE)
STAFF = frozenset({"centre", "manager", "bureau", "admin"})
# Page → who gets it; {…} is a field of Things. Whoever is not named is refused: by the log-in page, 403 or 404.
MATRIX: dict[str, frozenset[str]] = {
    "/": EVERYBODY,
    "/ask": EVERYBODY,
    "/search": EVERYBODY,
    "/search?kind=problem&q=设备": EVERYBODY,
    "/scenarios": EVERYBODY,
    "/scenarios/{scenario}": EVERYBODY,
    "/solutions/{solution}": EVERYBODY,
    # Whoever was involved is told that it has left; the enterprise had a match with it, the other one had none.
    "/solutions/{retired_solution}": STAFF | {"enterprise"},
    "/providers/{own_provider}": EVERYBODY,
    "/providers/{warned_provider}": EVERYBODY,
    "/providers/{retired_provider}": STAFF | {"enterprise"},
    "/help": EVERYBODY,
    "/how-ranking-works": EVERYBODY,
    "/enterprises": STAFF,
    "/enterprises/{own_enterprise}": STAFF | {"enterprise"},
    "/enterprises/{own_enterprise}/plan": frozenset({"centre", "admin", "enterprise"}),
    "/enterprises/{other_enterprise}/plan": frozenset({"centre", "admin", "enterprise2"}),
    "/demands": frozenset({"provider", "provider2"}),
    "/index": frozenset({"admin", "manager"}),
}


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("page", MATRIX)
def test_who_gets_which_page(browsers: dict[str, Browser], things: Things, page: str, person: str) -> None:
    answer = browsers[person].get(page.format(**vars(things)))
    if person in MATRIX[page]:
        assert answer.status_code == 200, answer.text[:500]
    else:
        assert answer.status_code in ({303, 404} if person == "anyone" else {403, 404})
        assert answer.status_code != 303 or answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("page", ["/enterprises/{}", "/enterprises/{}/plan"])
def test_a_foreign_enterprise_looks_like_a_missing_one(browsers: dict[str, Browser], things: Things, page: str) -> None:
    foreign = browsers["enterprise"].get(page.format(things.other_enterprise))
    missing = browsers["enterprise"].get(page.format("00000000-0000-4000-8000-000000000000"))
    assert foreign.status_code == missing.status_code == 404

    def plain(text: str, key: str) -> str:
        return re.sub(r'编号 [0-9a-f]+|\d{4}-\d\d-\d\d \d\d:\d\d|name="csrf_token" value="[^"]*"', "", text.replace(key, ""))

    assert plain(foreign.text, things.other_enterprise) == plain(missing.text, "00000000-0000-4000-8000-000000000000")


def test_a_retired_provider_looks_like_a_missing_one(browsers: dict[str, Browser], things: Things, demo_site: Site) -> None:
    with demo_site.database.reading() as session:
        retired = find_provider(session, things.retired_provider)
        assert retired is not None
        name = retired.name
    for person in ("anyone", "provider", "enterprise", "enterprise2"):
        pages = [f"/search?kind=provider&q={name}"]
        if person != "enterprise":
            pages += [f"/providers/{things.retired_provider}", f"/solutions/{things.retired_solution}"]
        for page in pages:
            assert f">{name}</" not in browsers[person].get(page).text


def test_an_old_link_says_so_to_those_involved_and_no_more(browsers: dict[str, Browser], things: Things) -> None:
    for page in (f"/providers/{things.retired_provider}", f"/solutions/{things.retired_solution}"):
        for person in ("enterprise", "centre", "bureau"):
            text = browsers[person].get(page).text
            assert "已退出资源池" in text
            assert "报价" not in text
            # Why it left is the office's business.
            assert ("淘汰" in text) == (person != "enterprise")


def test_a_warning_is_for_staff_only(browsers: dict[str, Browser], things: Things) -> None:
    page = f"/providers/{things.warned_provider}"
    for person in ("anyone", "enterprise", "provider", "expert"):
        text = browsers[person].get(page).text
        assert "警示" not in text
        assert "已入库" in text
    assert "警示" in browsers["bureau"].get(page).text


def test_no_recommendation_tells_the_public_of_a_warning(browsers: dict[str, Browser], demo_site: Site) -> None:
    with demo_site.database.reading() as session:
        warned = select(Solution).join(Solution.provider).where(Provider.state == ProviderState.WARNED).order_by(Solution.id)
        texts = ["；".join([row.title, *row.solves]) for row in session.scalars(warned)]
    seen_by_staff = ""
    for text in texts:
        for person in ("anyone", "enterprise", "provider"):
            assert "警示" not in browsers[person].get(f"/ask?text={quote(text)}").text
        seen_by_staff += browsers["centre"].get(f"/ask?text={quote(text)}").text
    assert "警示" in seen_by_staff


def test_a_provider_sees_no_name_no_park_and_no_exact_budget(demo_site: Site, browsers: dict[str, Browser]) -> None:
    with demo_site.database.reading() as session:
        names = {word for enterprise in session.scalars(select(Enterprise)) for word in names_of(enterprise.name)}
        parks = {term.name for term in demo_site.pilot.areas}
        own = viewer_of(session, "provider").provider_ids
        mine = {word for row in session.scalars(select(Provider).where(Provider.id.in_(own))) for word in (row.name, row.region)}
    for page in ("/demands", "/search?kind=problem&q=设备", "/search?kind=problem&q=质量"):
        text = browsers["provider"].get(page).text
        main = text[text.index("<main") : text.index("</main>")]
        for word in mine:
            main = main.replace(word, "")
        assert "jg-card" in main
        assert [word for word in names if word in main] == []
        assert [word for word in parks if word in main] == []
        # Budgets are told as bands only.
        for low, high in re.findall(r"预算</dt><dd>(\d[\d,]*)–(\d[\d,]*) 万元", main):
            assert (low, high) in {("20", "50"), ("50", "100"), ("100", "200"), ("200", "500"), ("500", "1,000"), ("1,000", "5,000")}
        assert "比预算" not in main
        assert "预算上限" not in main


def test_strangers_and_enterprises_find_no_foreign_problem(demo_site: Site, browsers: dict[str, Browser]) -> None:
    with demo_site.database.reading() as session:
        own = viewer_of(session, "enterprise").enterprise_ids
        foreign = [row.text for row in session.scalars(select(Problem).where(Problem.enterprise_id.not_in(own)))]
    text = browsers["enterprise"].get("/search?kind=problem&q=设备").text
    assert not any(problem in text for problem in foreign)
    assert "kind=problem" not in browsers["anyone"].get("/search?q=设备").text


def test_an_enterprises_own_scenario_is_shown_without_its_name(demo_site: Site, browsers: dict[str, Browser], things: Things) -> None:
    with demo_site.database.reading() as session:
        scenario = find_scenario(session, things.individual_scenario)
        assert isinstance(scenario, Scenario)
        assert scenario.enterprise is not None
        name = scenario.enterprise.name
    assert name not in browsers["anyone"].get(f"/scenarios/{things.individual_scenario}").text
    assert name in browsers["bureau"].get(f"/scenarios/{things.individual_scenario}").text


def test_the_navigation_offers_what_may_be_used(browsers: dict[str, Browser]) -> None:
    def words(person: str) -> str:
        text = browsers[person].get("/").text
        return text[text.index('class="jg-nav"') : text.index("</header>")]

    assert "一企一策" in words("enterprise")
    assert "适合我的需求" in words("provider")
    assert "企业" in words("centre")
    assert "导入" in words("centre")
    assert "索引" in words("admin")
    for word in ("一企一策", "适合我的需求", "导入", "索引", "/enterprises"):
        assert word not in words("anyone")


def test_an_enterprise_agrees_and_the_provider_sees(own_app: Flask, own_browsers: dict[str, Browser]) -> None:
    site: Site = own_app.extensions["jigai"]
    provider, enterprise = own_browsers["provider"], own_browsers["enterprise"]
    with site.database.reading() as session:
        number = next(iter(viewer_of(session, "provider").provider_ids))
        public = session.get_one(Provider, number).public_id
        own = next(iter(viewer_of(session, "enterprise").enterprise_ids))
        company = session.get_one(Enterprise, own)
        name, address = company.name, f"/enterprises/{company.public_id}/plan"
        problem = session.scalars(
            select(Problem).where(Problem.enterprise_id == own, Problem.state == ProblemState.OPEN).order_by(Problem.id)
        ).first()
        assert problem is not None
        text, target = problem.text, f"/problems/{problem.public_id}/disclosures"
    search = f"/search?kind=problem&q={text}"
    assert text in provider.get(search).text
    assert name not in provider.get(search).text
    # Nobody agrees in the enterprise's place.
    for person in ("provider", "centre", "enterprise2"):
        assert own_browsers[person].post(target, {"provider": public}, form="/ask").status_code in {403, 404}
    answer = enterprise.post(target, {"provider": public}, form=address)
    assert answer.status_code == 303
    assert name in provider.get(search).text
    assert name not in own_browsers["provider2"].get(search).text


def test_every_role_of_the_permission_table_is_tried() -> None:
    assert {role.value for role in Role} <= set(PEOPLE)
