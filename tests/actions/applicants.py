"""Two applicants, their people and staff, and an open window: for the tests of applications."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.application_files import attach_document
from marketplace.actions.applications import save_section, start_application
from marketplace.actions.windows import create_window, publish_window
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.application_rules import ApplicationRules
from marketplace.domain.windows import WindowDraft
from marketplace.files.store import StoredBlob
from marketplace.pilot import load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.applications import ProviderApplication
from marketplace.records.database import Database
from marketplace.records.files import Scan
from marketplace.records.organisations import Organisation
from tests.domain.applications import REQUIRED, whole_answers, whole_files

AT = datetime(2026, 11, 25, 2, 30, tzinfo=UTC)
TODAY = date(2026, 11, 25)
RULES = load_pilot().application


@dataclass(frozen=True)
class Applicants:
    """`writer` may only fill in for the first organisation; `people` are those who may hand in."""

    database: Database
    organisation: int
    rival_organisation: int
    applicant: Viewer
    writer: Viewer
    rival: Viewer
    manager: Viewer
    stranger: Viewer
    window: int


def person(session: Session, login: str, organisation: int, role: Role, rights: tuple[str, ...] = RIGHTS) -> Viewer:
    account = Account(login=login, name=f"{login}（示例）", password_hash="-", created=AT)
    account.memberships = [Membership(organisation_id=organisation, role=role, areas=[], rights=list(rights))]
    session.add(account)
    session.flush()
    viewer = find_viewer(session, account.id)
    assert viewer is not None
    return viewer


def draft(**changed: Any) -> WindowDraft:
    values: dict[str, Any] = {
        "title": "首批专业化服务商申报",
        "text": "面向全国征集。",
        "sectors": ["chem", "auto", "elec"],
        "required": list(REQUIRED),
        "opens": date(2026, 11, 1),
        "closes": date(2026, 12, 4),
        "publicity_days": 5,
    }
    return WindowDraft(**{**values, **changed})


def open_applicants(database: Database) -> Applicants:
    with database.writing() as session:
        organisations = [Organisation(name=name) for name in ("甲公司（示例）", "乙公司（示例）", "综合管理服务商（示例）")]
        session.add_all(organisations)
        session.flush()
        first, second, third = (one.id for one in organisations)
        applicant = person(session, "jia", first, Role.PROVIDER)
        writer = person(session, "jia2", first, Role.PROVIDER, ("edit",))
        rival = person(session, "yi", second, Role.PROVIDER)
        manager = person(session, "guanli", third, Role.MANAGER)
        stranger = person(session, "qiye", second, Role.ENTERPRISE)
    window = create_window(database, draft(), viewer=manager, at=AT, today=TODAY)
    publish_window(database, window.id, viewer=manager, at=AT, today=TODAY)
    return Applicants(database, first, second, applicant, writer, rival, manager, stranger, window.id)


def start(them: Applicants, *, rival: bool = False, reuse: bool = False) -> ProviderApplication:
    viewer, organisation = (them.rival, them.rival_organisation) if rival else (them.applicant, them.organisation)
    return start_application(them.database, them.window, organisation, viewer=viewer, at=AT, today=TODAY, rules=RULES, reuse=reuse)


def stored(name: str, text: str = "") -> StoredBlob:
    """A file as the store would give it; nothing here opens it."""
    return StoredBlob(hashlib.sha256((text or name).encode()).hexdigest(), 1000, "application/pdf", name, Scan.UNSCANNED)


def fill(
    them: Applicants, application: ProviderApplication, rules: ApplicationRules, viewer: Viewer, answers: dict[str, Any] | None = None
) -> None:
    """Every section and every document, as somebody would who does it in one go."""
    found = whole_answers() if answers is None else answers
    for section, said in found.items():
        save_section(them.database, application.id, section, said, version=999, rules=rules, viewer=viewer, at=AT)
    for kind in documents():
        document, _dot, row = kind.partition(".")
        blob = stored(f"{kind}.pdf", f"{application.number} {kind}")
        attach_document(them.database, application.id, blob, document=document, row=row, rules=rules, viewer=viewer, at=AT)


def documents() -> Iterator[str]:
    return (file.kind for file in whole_files())
