"""How the API is spoken to: models, faults, cursors, ETags, idempotency keys, tokens."""

from __future__ import annotations

import io
import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.actions.accounts import create_token
from marketplace.api.openapi import document
from marketplace.domain.problems import ProblemState
from marketplace.records.accounts import find_account
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.opened import Browser
from tests.web.people import Things

SPEC = Path(__file__).parents[2] / "docs" / "openapi.json"


def token_of(site: Site, login: str, *scopes: str) -> dict[str, str]:
    """The header of a new token."""
    with site.database.reading() as session:
        account = find_account(session, login)
        assert account is not None
        number = account.id
    secret = create_token(site.database, number, scopes=scopes or ("read",), days=1, now=datetime.now(UTC))
    assert isinstance(secret, str)
    return {"Authorization": f"Bearer {secret}"}


def test_the_committed_document_is_up_to_date(demo_app: Flask) -> None:
    """If this fails: jigai's own `python -m tests.api.test_requests` writes it anew."""
    assert json.loads(SPEC.read_text(encoding="utf-8")) == json.loads(json.dumps(document(demo_app)))


def test_the_documentation_needs_no_network(browsers: dict[str, Browser]) -> None:
    page = browsers["anyone"].get("/api/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype", "")
    for place in ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"):
        answer = browsers["anyone"].get(f"/api/docs/assets/{place}")
        assert answer.status_code == 200
        answer.close()
    assert browsers["anyone"].get("/api/docs/assets/index.html").status_code == 404
    lowered = browsers["anyone"].get("/api/docs/openapi.json").json
    assert lowered["openapi"] == "3.0.3"
    assert '"type": "null"' not in json.dumps(lowered)


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("limit=0", "query.limit", "greater_than_equal"),
        ("limit=x", "query.limit", "int_parsing"),
        ("limit=1&limit=2", "query.limit", "repeated"),
        ("nothing=1", "query.nothing", "extra_forbidden"),
        ("cursor=abc", "query.cursor", "bad_cursor"),
        ("cursor=YWZ0ZXI6LTE=", "query.cursor", "bad_cursor"),
        ("cursor=" + "A" * 41, "query.cursor", "string_too_long"),
    ],
)
def test_a_wrong_query_is_told_field_by_field(browsers: dict[str, Browser], query: str, field: str, code: str) -> None:
    answer = browsers["anyone"].get(f"/api/v1/solutions?{query}")
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert [(row["field"], row["code"]) for row in answer.json["errors"]] == [(field, code)]
    assert answer.json["errors"][0]["message"].endswith("。")
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"problem": {"text": "压机停机", "budget_wan": {"high": False}}}, "body.problem.budget_wan.high", "float_type"),
        ({"problem": {"text": "压机停机"}, "limit": "3"}, "body.limit", "int_type"),
        ({"problem": {"text": "压机停机"}, "by_outcomes": 0}, "body.by_outcomes", "bool_type"),
        ({"problem": {"text": "压机停机", "weeks": 1.5}}, "body.problem.weeks", "int_type"),
        ({"problem": {"text": "  "}}, "body.problem.text", "string_pattern_mismatch"),
        ({"problem": {"text": "压机停机", "role": "admin"}}, "body.problem.role", "extra_forbidden"),
        ({"problem": {"text": "压机停机", "sector": "农业"}}, "body.problem.sector", "unknown_word"),
        ({"problem": {"text": "压机停机", "budget_wan": {"low": 9, "high": 3}}}, "body.problem.budget_wan", "range_turned"),
        ({"problems": []}, "body.problems", "too_short"),
        ({"problems": [{"text": "甲", "key": "a"}, {"text": "乙", "key": "a"}]}, "body.problems", "repeated_key"),
        ({}, "body.problem", "missing"),
        ([], "body", "model_type"),
        ({"problem": {"text": "压" * 10_001}}, "body.problem.text", "string_too_long"),
    ],
)
def test_a_wrong_body_is_told_field_by_field(browsers: dict[str, Browser], body: Any, field: str, code: str) -> None:
    answer = browsers["anyone"].client.post("/api/v1/recommend", json=body)
    assert answer.status_code == 422, answer.text
    assert [(row["field"], row["code"]) for row in answer.json["errors"]] == [(field, code)]


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [(b"{", "application/json", 400), (b"\xff", "application/json", 400), (b"", "application/json", 400), (b"{}", "text/plain", 415)],
)
def test_what_is_not_json_is_refused(browsers: dict[str, Browser], data: bytes, kind: str, status: int) -> None:
    answer = browsers["anyone"].client.post("/api/v1/recommend", data=data, content_type=kind)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"


def test_a_wrong_method_says_which_are_right(browsers: dict[str, Browser]) -> None:
    answer = browsers["anyone"].client.delete("/api/v1/solutions")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.json["code"] == "wrong_method"


def test_faults_speak_the_language_of_the_page(browsers: dict[str, Browser]) -> None:
    api = browsers["anyone"].get("/api/v1/none").json
    page = browsers["anyone"].get("/none").text
    assert api["title"] in page
    assert api["detail"] in page


def test_an_unchanged_thing_is_not_sent_again(browsers: dict[str, Browser], things: Things) -> None:
    first = browsers["anyone"].get(f"/api/v1/solutions/{things.solution}")
    tag = first.headers["ETag"]
    again = browsers["anyone"].get(f"/api/v1/solutions/{things.solution}", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    other = browsers["anyone"].get(f"/api/v1/solutions/{things.solution}", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_a_list_can_be_read_to_its_end_while_rows_come(own_demo: Site, own_browsers: dict[str, Browser]) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = own_browsers["admin"].get(f"/api/v1/solutions?limit=50&cursor={cursor}").json
        seen += [row["id"] for row in page["items"]]
        cursor = page["next"]
        if len(seen) == 50:
            with own_demo.database.writing() as session:
                row = session.scalars(select(Solution).order_by(Solution.id)).first()
                assert row is not None
                session.add(Solution(provider_id=row.provider_id, title="新方案", source="x", source_ref="x"))
    assert len(seen) == len(set(seen)) == 171


def test_a_recommendation_for_one_for_a_stored_and_for_many(demo_site: Site, demo_app: Flask, things: Things) -> None:
    machine, bearer = demo_app.test_client(), token_of(demo_site, "centre")
    one = machine.post("/api/v1/recommend", json={"problem": {"text": "压床说停就停，坏了才修", "sector": "汽车"}, "limit": 5})
    assert one.status_code == 200
    (found,) = one.json["results"]
    assert [match["rank"] for match in found["matches"]] == [1, 2, 3, 4, 5]
    assert found["matches"][0]["reasons"]
    assert all(
        reason["text"] and reason["part"] in {"fits", "assumed", "missing", "ask"}
        for match in found["matches"]
        for reason in match["reasons"]
    )
    assert {"provider", "score", "strength", "best"} <= set(found["providers"][0])
    stored = machine.post("/api/v1/recommend", json={"problem_id": things.problem, "limit": 3}, headers=bearer)
    assert len(stored.json["results"][0]["matches"]) == 3
    many = machine.post("/api/v1/recommend", json={"problems": [{"text": "危废称重靠手抄", "key": "a"}, {"text": "洁净间电费太高"}]})
    assert [row["key"] for row in many.json["results"]] == ["a", "1"]


def test_a_plan_covers_the_list_or_says_why_not(demo_site: Site, demo_app: Flask) -> None:
    machine, bearer = demo_app.test_client(), token_of(demo_site, "centre")
    code = machine.get("/api/v1/enterprises?limit=1", headers=bearer).json["items"][0]["code"]
    plan = machine.get(f"/api/v1/enterprises/{code}/plan", headers=bearer).json
    taken = {row["problem"] for provider in plan["providers"] for row in provider["takes"]}
    problems = {row["id"] for row in plan["problems"]}
    assert len(problems) == 7
    assert taken | set(plan["uncovered"]) == problems
    assert all(row["uncovered"] for row in plan["problems"] if row["id"] in plan["uncovered"])


def test_a_plan_is_steered_as_its_page_is(own_demo: Site, own_app: Flask) -> None:
    machine, bearer = own_app.test_client(), token_of(own_demo, "centre", "read", "write")
    code = machine.get("/api/v1/enterprises?limit=1", headers=bearer).json["items"][0]["code"]
    with own_demo.database.reading() as session:
        waiting = set(session.scalars(select(Problem.public_id).where(Problem.state == ProblemState.OPEN)))
    problems = machine.get(f"/api/v1/enterprises/{code}/plan", headers=bearer).json["problems"]
    first = next(row for row in problems if row["id"] in waiting)
    best, last = (first["matches"][place]["id"] for place in (0, -1))
    place = f"/api/v1/problems/{first['id']}/choices"
    assert machine.post(place, json={"solution": best, "kind": "excluded", "why": "要换主机"}, headers=bearer).status_code < 300
    assert machine.post(place, json={"solution": last, "kind": "pinned", "why": "试用过"}, headers=bearer).status_code < 300
    steered = machine.get(f"/api/v1/enterprises/{code}/plan", headers=bearer).json
    listed = [match["id"] for match in next(row for row in steered["problems"] if row["id"] == first["id"])["matches"]]
    assert best not in listed
    assert listed[0] == last
    assert {"problem": first["id"], "solution": last} in [one for provider in steered["providers"] for one in provider["takes"]]


def upload(*rows: dict[str, Any], name: str = "solutions.jsonl") -> tuple[io.BytesIO, str]:
    return io.BytesIO("\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()), name


def row(number: int, **other: Any) -> dict[str, Any]:
    return {
        "id": f"API-{number:04d}", "provider_code": "919900006639233244", "title": f"塔釜液位软测量 {number}", "form": "解决方案",
        "sectors": ["化工"], "summary": "用温度和压力推算。", "price_wan": [30, 60], "delivery_weeks": [4, 8], "references": 3, **other,
    }  # fmt: skip


def count(site: Site) -> int:
    with site.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Solution)) or 0


def test_an_import_is_a_dry_run_unless_said_otherwise(own_demo: Site, own_app: Flask) -> None:
    machine, bearer, before = own_app.test_client(), token_of(own_demo, "centre", "import"), count(own_demo)
    dry = machine.post("/api/v1/imports", data={"file": upload(row(1), row(2, sectors=["机械"]))}, headers=bearer)
    assert dry.status_code == 200, dry.text
    assert (dry.json["dry_run"], dry.json["written"], count(own_demo)) == (True, False, before)
    assert dry.json["counts"]["solutions"] == {"new": 1, "changed": 0, "unchanged": 0, "bad": 1}
    (bad,) = dry.json["bad"]
    assert bad["row"] == 2
    assert "机械" in bad["value"]
    real = {"file": upload(row(1)), "dry_run": "false"}
    assert machine.post("/api/v1/imports", data=real, headers=bearer).json["written"] is True
    assert count(own_demo) == before + 1
    refused = {"file": upload(row(3), row(4, sectors=["机械"])), "dry_run": "false"}
    assert machine.post("/api/v1/imports", data=refused, headers=bearer).json["written"] is False
    skipped = {"file": upload(row(3), row(4, sectors=["机械"])), "dry_run": "false", "skip_bad": "true"}
    assert machine.post("/api/v1/imports", data=skipped, headers=bearer).json["written"] is True
    assert not list((own_demo.settings.data_dir / "uploads").iterdir())


@pytest.mark.parametrize(
    ("form", "field"),
    [({}, "body.file"), ({"dry_run": "yes"}, "body.dry_run"), ({"noun": "things"}, "body.noun"), ({"role": "admin"}, "body.role")],
)
def test_a_wrong_form_is_told_field_by_field(own_demo: Site, own_app: Flask, form: dict[str, Any], field: str) -> None:
    data = {**form, **({} if field == "body.file" else {"file": upload(row(1))})} or {"x": ""}
    answer = own_app.test_client().post(
        "/api/v1/imports", data=data, headers=token_of(own_demo, "centre", "import"), content_type="multipart/form-data"
    )
    assert answer.status_code == 422
    assert field in [one["field"] for one in answer.json["errors"]]


def test_the_same_key_imports_once_and_answers_the_same(own_demo: Site, own_app: Flask) -> None:
    bearer = token_of(own_demo, "centre", "import") | {"Idempotency-Key": "monday-1"}
    answers: list[Any] = []

    def send() -> None:
        data = {"file": upload(row(1), row(2)), "dry_run": "false"}
        answers.append(own_app.test_client().post("/api/v1/imports", data=data, headers=bearer))

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json["counts"]["solutions"]["new"] == 2
    other = own_app.test_client().post("/api/v1/imports", data={"file": upload(row(9)), "dry_run": "false"}, headers=bearer)
    assert other.status_code == 422
    assert other.json["errors"][0]["code"] == "other_body"
    # Another person's key of the same name is another key.
    stranger = token_of(own_demo, "manager", "import") | {"Idempotency-Key": "monday-1"}
    theirs = own_app.test_client().post("/api/v1/imports", data={"file": upload(row(1), row(2))}, headers=stranger)
    assert theirs.json["counts"]["solutions"]["unchanged"] == 2


def test_a_cookie_needs_a_token_and_nobody_needs_none(demo_app: Flask, browsers: dict[str, Browser]) -> None:
    body = {"problem": {"text": "压机停机"}, "limit": 1}
    assert demo_app.test_client().post("/api/v1/recommend", json=body).status_code == 200
    refused = browsers["centre"].client.post("/api/v1/recommend", json=body)
    assert (refused.status_code, refused.json["code"]) == (400, "csrf")
    let_in = browsers["centre"].client.post("/api/v1/recommend", json=body, headers={"X-CSRFToken": browsers["centre"].token("/account")})
    assert let_in.status_code == 200


if __name__ == "__main__":
    from marketplace.api import routes

    app = Flask("spec")
    routes.register(app)
    SPEC.write_text(json.dumps(document(app), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
