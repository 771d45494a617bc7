"""Who is told what: every operation × every person × own and foreign things, and no key outside its role."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.scenarios import Scenario
from marketplace.site import Site
from tests.opened import Browser
from tests.web.people import PEOPLE, Things, viewer_of

FULL = {"centre", "admin"}
STAFF = {"centre", "manager", "bureau", "admin"}
PROVIDERS = {"provider", "provider2"}
ENTERPRISES = {"enterprise", "enterprise2"}
HIDDEN_KEYS = {"told", "id", "text", "sector", "stage", "orientation", "state", "budget_band_wan"}


def code_of(site: Site, public_id: str) -> str:
    with site.database.reading() as session:
        row = session.scalars(select(Organisation.credit_code).join(Enterprise).where(Enterprise.public_id == public_id)).one()
        assert row is not None
        return row


def told(answer: Any) -> str:
    """The body without the number of the request."""
    body = dict(answer.json)
    body.pop("request_id")
    return json.dumps(body, sort_keys=True)


@pytest.mark.parametrize("tail", ["", "/problems", "/plan"])
def test_an_enterprise_is_for_staff_and_itself_its_list_and_plan_for_the_centre_and_itself(
    demo_site: Site, browsers: dict[str, Browser], things: Things, tail: str
) -> None:
    own, other = code_of(demo_site, things.own_enterprise), code_of(demo_site, things.other_enterprise)
    readers = (FULL if tail else STAFF) | {"enterprise"}
    for person in PEOPLE:
        answer = browsers[person].get(f"/api/v1/enterprises/{own}{tail}")
        if person in readers:
            assert answer.status_code == 200, person
        elif person == "anyone":
            assert answer.status_code == 401
        elif person in ENTERPRISES:
            # Another enterprise: the same answer as for one that does not exist.
            missing = browsers[person].get(f"/api/v1/enterprises/91110000000000000X{tail}")
            assert answer.status_code == missing.status_code == 404
            assert told(answer) == told(missing)
        else:
            assert answer.status_code == 403, person
    assert browsers["enterprise"].get(f"/api/v1/enterprises/{other}{tail}").status_code == 404
    assert browsers["enterprise2"].get(f"/api/v1/enterprises/{other}{tail}").status_code == 200


def test_a_list_holds_what_its_reader_may_read_and_no_more(browsers: dict[str, Browser]) -> None:
    for person in PEOPLE:
        answer = browsers[person].get("/api/v1/enterprises?limit=100")
        assert answer.status_code == (200 if person in STAFF else 401 if person == "anyone" else 403), person
        assert person not in STAFF or len(answer.json["items"]) == 36
    counts = {person: browsers[person].get("/api/v1/problems?limit=100") for person in PEOPLE}
    assert len(counts["enterprise"].json["items"]) == 7
    assert {row["enterprise"] for row in counts["enterprise"].json["items"]} != {
        row["enterprise"] for row in counts["enterprise2"].json["items"]
    }
    assert counts["bureau"].json["items"] == counts["manager"].json["items"] == []
    assert counts["anyone"].status_code == 401
    assert {counts[person].status_code for person in ("finance", "area", "expert")} == {403}


def test_a_provider_reads_problems_without_enterprise_area_and_budget(
    demo_site: Site, browsers: dict[str, Browser], things: Things
) -> None:
    with demo_site.database.reading() as session:
        problem = session.scalars(select(Problem).where(Problem.public_id == things.problem)).one()
        names = (problem.enterprise.name, problem.enterprise.name.split("（")[0])
        low, high = (problem.budget_low_fen or 0) / 1_000_000, (problem.budget_high_fen or 0) / 1_000_000
        secrets = (*names, problem.enterprise.organisation.credit_code or "", problem.source_ref)
    for person in PROVIDERS:
        for row in browsers[person].get("/api/v1/problems?limit=100").json["items"]:
            assert set(row) == HIDDEN_KEYS
        one = browsers[person].get(f"/api/v1/problems/{things.problem}")
        assert set(one.json["problem"]) == HIDDEN_KEYS
        for secret in secrets:
            assert secret not in one.text
    full = browsers["centre"].get(f"/api/v1/problems/{things.problem}").json["problem"]
    assert full["enterprise"] == names[0]
    assert full["budget_wan"] == {"low": low, "high": high}
    band = browsers["provider"].get(f"/api/v1/problems/{things.problem}").json["problem"]["budget_band_wan"]
    assert band["low"] < high <= band["high"]
    assert (band["low"], band["high"]) != (low, high)


def test_problems_of_others_are_as_absent_as_none(browsers: dict[str, Browser], things: Things) -> None:
    foreign = browsers["enterprise2"].get(f"/api/v1/problems/{things.problem}")
    missing = browsers["enterprise2"].get("/api/v1/problems/00000000-0000-4000-8000-000000000000")
    assert foreign.status_code == missing.status_code == 404
    assert told(foreign) == told(missing)
    for person in ("enterprise2", "provider", "bureau", "anyone"):
        answer = browsers[person].client.post(
            "/api/v1/recommend",
            json={"problem_id": things.problem},
            headers={"X-CSRFToken": browsers[person].token("/account" if person != "anyone" else "/login")},
        )
        assert answer.status_code == 404, person


def test_a_problem_is_told_once_its_enterprise_agreed(own_demo: Site, own_browsers: dict[str, Browser], things: Things) -> None:
    with own_demo.database.writing() as session:
        problem = session.scalars(select(Problem).where(Problem.public_id == things.problem)).one()
        (number,) = viewer_of(session, "provider").provider_ids
        session.add(Disclosure(problem_id=problem.id, provider_id=number, agreed=datetime(2026, 11, 25, tzinfo=UTC)))
    assert own_browsers["provider"].get(f"/api/v1/problems/{things.problem}").json["problem"]["told"] == "all"
    assert own_browsers["provider2"].get(f"/api/v1/problems/{things.problem}").json["problem"]["told"] == "hidden"


def test_retired_providers_and_their_solutions_are_gone_for_everybody_but_staff(browsers: dict[str, Browser], things: Things) -> None:
    for address in (f"/api/v1/providers/{things.retired_provider}", f"/api/v1/solutions/{things.retired_solution}"):
        for person in PEOPLE:
            assert browsers[person].get(address).status_code == (200 if person in STAFF else 404), (person, address)


def test_lists_and_counts_of_the_library_hold_nothing_hidden(browsers: dict[str, Browser]) -> None:
    def everything(person: str, path: str) -> list[dict[str, Any]]:
        rows, cursor = [], ""
        while cursor is not None:
            page = browsers[person].get(f"/api/v1/{path}?limit=37&cursor={cursor}").json
            rows += page["items"]
            cursor = page["next"]
        return rows

    public, staff = everything("anyone", "providers"), everything("bureau", "providers")
    assert (len(public), len(staff)) == (46, 48)
    # A warning is told to staff only.
    assert {row["state"] for row in public} == {"admitted"}
    assert {row["state"] for row in staff} == {"admitted", "warned", "retired"}
    solutions = everything("anyone", "solutions")
    assert len({row["id"] for row in solutions}) == len(solutions) < len(everything("admin", "solutions")) == 170
    assert len(everything("anyone", "scenarios")) == 60


def test_an_enterprises_own_scenario_is_told_without_its_name(own_demo: Site, own_browsers: dict[str, Browser], things: Things) -> None:
    with own_demo.database.writing() as session:
        row = session.scalars(select(Scenario).where(Scenario.code == things.individual_scenario)).one()
        assert row.enterprise is not None
        name = row.enterprise.name.split("（")[0]
        row.name, row.description = f"{name}的釜区", f"在{name}里"
        row.typical_problems, row.typical_solutions = [f"{name}投料出错"], [f"{name}的做法"]
    for address in (
        f"/api/v1/scenarios/{things.individual_scenario}",
        "/api/v1/scenarios?limit=100",
        f"/scenarios/{things.individual_scenario}",
    ):
        for person, is_told in (("anyone", False), ("provider", False), ("centre", True)):
            assert (name in own_browsers[person].get(address).text) is is_told, (address, person)


def test_the_index_is_for_who_runs_the_site(browsers: dict[str, Browser]) -> None:
    for person in PEOPLE:
        answer = browsers[person].get("/api/v1/index")
        assert answer.status_code == (200 if person in {"admin", "manager"} else 401 if person == "anyone" else 403), person
    assert browsers["admin"].get("/api/v1/index").json["pending"] == 0


def test_demands_are_for_providers_and_tell_no_secret(demo_site: Site, browsers: dict[str, Browser]) -> None:
    with demo_site.database.reading() as session:
        names = [row.name.split("（")[0] for row in session.scalars(select(Enterprise))]
    for person in PEOPLE:
        answer = browsers[person].get("/api/v1/demands?limit=50")
        assert answer.status_code == (200 if person in PROVIDERS else 401 if person == "anyone" else 403), person
        if person in PROVIDERS:
            assert answer.json["items"]
            for row in answer.json["items"]:
                assert set(row["problem"]) == HIDDEN_KEYS
                assert all(reason["ours"] and reason["theirs"] for reason in row["reasons"])
            assert not [name for name in names if name in answer.text]


@pytest.mark.parametrize("kind", ["solution", "scenario", "provider", "problem"])
def test_a_search_finds_what_its_searcher_may_read(browsers: dict[str, Browser], kind: str) -> None:
    totals = {}
    for person in PEOPLE:
        answer = browsers[person].get("/api/v1/search", query_string={"q": "压机停机", "kind": kind, "size": 50})
        if kind == "problem" and person in {"anyone", "finance", "city", "area", "expert"}:
            assert answer.status_code == (401 if person == "anyone" else 403)
            continue
        assert answer.status_code == 200, (person, answer.text)
        totals[person] = answer.json["total"]
        facets = answer.json["facets"].get("sector", [])
        assert sum(row["count"] for row in facets) >= (1 if totals[person] else 0)
    if kind == "problem":
        assert totals["bureau"] == totals["manager"] == 0
        assert 0 < totals["enterprise"] <= 7 < totals["centre"]


def test_a_search_by_the_name_of_an_enterprise_tells_a_provider_nothing(demo_site: Site, browsers: dict[str, Browser]) -> None:
    with demo_site.database.reading() as session:
        enterprise = session.scalars(select(Enterprise).order_by(Enterprise.id)).first()
        assert enterprise is not None
        name = enterprise.name
    answer = browsers["provider"].get("/api/v1/search", query_string={"q": name, "kind": "problem", "mode": "lexical", "size": 50})
    assert answer.status_code == 200
    hits = [hit for hit in answer.json["hits"] if name.split("（")[0] in hit["title"]]
    assert hits == []


def test_no_answer_carries_a_number_of_the_database(demo_app: Flask, browsers: dict[str, Browser], things: Things) -> None:
    for address in (f"/api/v1/solutions/{things.solution}", f"/api/v1/providers/{things.own_provider}", "/api/v1/enterprises"):
        answer = browsers["admin"].get(address)
        flat = json.dumps(answer.json)
        for key in ('"provider_id": ', '"organisation_id"', '"account_id"', '"thing_id"', '"password'):
            assert key not in flat


def test_neighbours_and_guesses_of_ids_find_nothing(browsers: dict[str, Browser]) -> None:
    for guess in [*map(str, range(1, 60)), "SOL-0001", "PRB-0001", "../1", "%00", "' OR 1=1 --", "a" * 300]:
        for noun in ("solutions", "providers", "problems"):
            assert browsers["provider"].get(f"/api/v1/{noun}/{guess}").status_code == 404, (noun, guess)
