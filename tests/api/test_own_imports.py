"""Imports by program follow the same rules as by page: a provider makes drafts of its own, staff name the basis."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.domain.solutions import SolutionState
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.api.test_requests import token_of, upload


def send(app: Flask, bearer: dict[str, str], name: str, *rows: dict[str, object], **form: str) -> TestResponse:
    data = {"file": (upload(*rows)[0], name), "dry_run": "false", **form}
    return app.test_client().post("/api/v1/imports", data=data, headers=bearer)


def test_a_provider_makes_drafts(own_demo: Site, own_app: Flask) -> None:
    bearer = token_of(own_demo, "provider", "import")
    answer = send(own_app, bearer, "solutions.jsonl", {"id": "API-1", "title": "由程序导入的草稿"})
    assert answer.json["written"] is True
    refused = send(own_app, bearer, "providers.jsonl", {"code": "91990000MAMA5MNK03", "name": "别家"})
    assert (refused.json["written"], [cell["code"] for cell in refused.json["bad"]]) == (False, ["not_own_sheet"])
    with own_demo.database.reading() as session:
        made = session.scalars(select(Solution).where(Solution.source_ref == "API-1")).one()
        assert made.state is SolutionState.DRAFT
    assert send(own_app, token_of(own_demo, "enterprise", "import"), "solutions.jsonl", {"title": "x"}).status_code == 403


def test_staff_name_the_basis(own_demo: Site, own_app: Flask) -> None:
    # The code that the template's example has: valid, and nobody's.
    bearer, row = token_of(own_demo, "manager", "import"), {"code": "91990000MAMA5MNK03", "name": "新来的（示例）", "region": "天津"}
    with own_demo.database.reading() as session:
        assert row["code"] not in {provider.organisation.credit_code for provider in session.scalars(select(Provider))}
    bare = send(own_app, bearer, "providers.jsonl", row)
    assert (bare.status_code, bare.json["code"]) == (409, "basis_missing")
    assert send(own_app, bearer, "providers.jsonl", row, admitted_on="soon", basis="公告").status_code == 422
    assert send(own_app, bearer, "providers.jsonl", row, admitted_on="2026-01-05", basis="第一批公告").json["written"] is True
    with own_demo.database.reading() as session:
        assert session.scalars(select(Provider.admission_basis).where(Provider.admission_basis == "第一批公告")).all() == ["第一批公告"]
