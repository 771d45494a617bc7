"""The pool by its API: people with tokens, and the things that the demonstration's story left behind."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.domain.access import Viewer
from marketplace.records.columns import Record
from marketplace.site import Site
from tests.api.test_requests import token_of
from tests.web.people import viewer_of

# Everybody of the story, by what they may do.
STAFF = ("centre", "manager", "bureau", "admin")
APPLICANTS = ("applicant", "applicant2", "applicants")
PEOPLE = ("anyone", "enterprise", "finance", "area", "expert", "expert2", "provider", "provider2", *APPLICANTS, *STAFF)
MISSING = "00000000-0000-4000-8000-000000000000"


@dataclass
class Pool:
    """A site in which the pool was played, spoken to by tokens that may read and write."""

    site: Site
    app: Flask
    tokens: dict[str, Mapping[str, str]] = field(default_factory=dict)
    readers: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def headers(self, person: str) -> Mapping[str, str]:
        if person == "anyone":
            return {}
        if person not in self.tokens:
            self.tokens[person] = token_of(self.site, person, "read", "write", "import")
        return self.tokens[person]

    def only_reading(self, person: str) -> Mapping[str, str]:
        """The header of a token that may read and no more."""
        if person not in self.readers:
            self.readers[person] = token_of(self.site, person, "read")
        return self.readers[person]

    def call(self, person: str, method: str, path: str, body: Any = None, *, match: str | None = None, **values: Any) -> TestResponse:
        """One request; `match`: the version that was read."""
        headers = {**self.headers(person), **values.pop("headers", {})}
        if match is not None:
            headers["If-Match"] = f'"{match}"'
        if body is not None:
            values["json"] = body
        return self.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, buffered=True, **values)

    def get(self, person: str, path: str) -> TestResponse:
        return self.call(person, "GET", path)

    def post(self, person: str, path: str, body: Any = None, **values: Any) -> TestResponse:
        return self.call(person, "POST", path, body, **values)

    def put(self, person: str, path: str, body: Any, **values: Any) -> TestResponse:
        return self.call(person, "PUT", path, body, **values)

    def items(self, person: str, path: str) -> list[dict[str, Any]]:
        """A list to its end."""
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = self.get(person, f"{path}{'&' if '?' in path else '?'}limit=100&cursor={cursor}")
            assert answer.status_code == 200, answer.text
            part: Any = answer.json
            found += part["items"]
            cursor = part["next"]
        return found

    def items_of(self, person: str, path: str) -> list[dict[str, Any]]:
        """A short list that comes whole."""
        found: list[dict[str, Any]] = done(self.get(person, path))["items"]
        return found

    def viewer(self, login: str) -> Viewer:
        with self.site.database.reading() as session:
            return viewer_of(session, login)

    def ids(self, kind: type[Record], **where: object) -> list[str]:
        """Public ids of rows, the first first."""
        with self.site.database.reading() as session:
            row: Any = kind
            return list(session.scalars(select(row.public_id).filter_by(**where).order_by(row.id)))

    def count(self, kind: type[Record]) -> int:
        with self.site.database.reading() as session:
            return session.query(kind).count()


def fields(answer: TestResponse) -> list[tuple[str, str]]:
    """What a 422 says: (field, code)."""
    assert answer.status_code == 422, answer.text
    told: Any = answer.json
    return [(row["field"], row["code"]) for row in told["errors"]]


def messages(answer: TestResponse) -> dict[str, str]:
    """Field → what a fault says of it."""
    told: Any = answer.json
    return {row["field"]: row["message"] for row in told["errors"]}


def refused(answer: TestResponse) -> tuple[int, str]:
    """Status and code of a fault, which is one as the document says."""
    assert answer.mimetype == "application/problem+json", answer.text
    told: Any = answer.json
    assert told["detail"], answer.text
    return answer.status_code, told["code"]


def done(answer: TestResponse, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json


def pdf(name: str = "证明") -> tuple[io.BytesIO, str]:
    """A whole PDF of its own content, and its name."""
    head = b"%PDF-1.4\n%" + name.encode().hex().encode() + b"\n"
    first = b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    second = b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    places = b"".join(b"%010d 00000 n \n" % place for place in (len(head), len(head + first)))
    table = b"xref\n0 3\n0000000000 65535 f \n" + places + b"trailer<</Size 3/Root 1 0 R>>\n"
    return io.BytesIO(head + first + second + table + b"startxref\n%d\n%%%%EOF\n" % len(head + first + second)), f"{name}.pdf"
