"""People and attachments for the tests of jobs."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from marketplace.actions.files import attach
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused
from marketplace.files.store import StoredBlob
from marketplace.records.accounts import Account, Membership
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider
from marketplace.site import Site
from tests.files.samples import GOOD


def account(site: Site, login: str, *, email: str | None = None, role: Role = Role.PROVIDER, **more: Any) -> int:
    """An account with one membership; its id."""
    with site.database.writing() as session:
        organisation = Organisation(name=f"{login} 的单位")
        row = Account(login=login, name=f"{login}先生", password_hash="x", created=datetime.now(UTC), email=email, **more)
        row.memberships.append(Membership(organisation=organisation, role=role))
        session.add(row)
        session.flush()
        return row.id


def provider(site: Site) -> int:
    with site.database.writing() as session:
        row = Provider(organisation=Organisation(name="天津某某（示例）科技有限公司"), source="t", source_ref="1")
        session.add(row)
        session.flush()
        return row.id


def stored(site: Site, data: bytes, name: str) -> StoredBlob:
    answer = site.files.receive(io.BytesIO(data), name, allowed=tuple(GOOD), most_bytes=20 * 2**20)
    assert not isinstance(answer, Refused), answer
    return answer


def attached(site: Site, data: bytes, name: str, *, by: int | None = None, noun: str = "provider", noun_id: int = 1, **more: Any) -> str:
    """A file attached to a thing; its hash."""
    blob = stored(site, data, name)
    person = Viewer(account_id=by, name="某人")
    with site.database.writing() as session:
        values = {"noun": noun, "noun_id": noun_id, "kind": "proof", "organisation_id": None, "viewer": person, "at": datetime.now(UTC)}
        attach(session, blob, **(values | more))
    return blob.sha256
