"""The demonstration of windows and applications: every state that an applicant knows, the same every time."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from marketplace.actions.calendar import load_calendar
from marketplace.actions.demonstration_applicants import code_of, paper
from marketplace.actions.demonstration_applications import APPLICANTS, seed_applications
from marketplace.domain.application_checks import check_application, failures
from marketplace.domain.credit_code import check_credit_code
from marketplace.domain.windows import Phase, phase
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.pilot import Pilot
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.application_facts import find_facts
from marketplace.records.applications import ApplicationSubmission, ProviderApplication
from marketplace.records.database import Database
from marketplace.records.files import Attachment
from marketplace.records.history import find_broken_link
from marketplace.records.tasks import find_tasks
from marketplace.records.windows import ApplicationWindow

AT = datetime(2026, 11, 25, 10, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
SECTORS = ["chem", "auto", "elec"]


def test_every_state_of_an_applicant_occurs(demonstration: Database, pilot: Pilot, tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "files")
    load_calendar(demonstration, pilot, at=AT, actor="test")
    found = seed_applications(demonstration, store, pilot.application, sectors=SECTORS, at=AT)
    assert len(found) == 12
    with demonstration.reading() as session:
        phases = [phase(window, AT.date()) for window in session.scalars(select(ApplicationWindow).order_by(ApplicationWindow.id))]
        assert phases == [Phase.CLOSED, Phase.OPEN, Phase.COMING, Phase.DRAFT, Phase.WITHDRAWN]
        states = session.scalars(select(ProviderApplication.state).order_by(ProviderApplication.id)).all()
        assert set(states) == {"draft", "submitted", "withdrawn"}
        submissions = session.scalars(select(ApplicationSubmission)).all()
        assert not [row for one in submissions for row in one.checks if row["verdict"] == "fail"]
        assert {row["code"] for one in submissions for row in one.checks if row["verdict"] == "look_at"} >= {
            "age",
            "debt",
            "statements",
            "shared_contact",
            "shared_expert",
        }
        draft = session.scalars(select(ProviderApplication).where(ProviderApplication.state == "draft")).one()
        assert len(failures(check_application(find_facts(session, draft, AT.date()), pilot.application))) > 3
        for attached in session.scalars(select(Attachment).where(Attachment.noun == "application")):
            assert store.path(attached.sha256).exists()
        for login in ("applicant", "manager"):
            account = find_account(session, login)
            assert account is not None
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            assert find_tasks(session, viewer), login
        assert find_broken_link(session) is None
        ids = session.scalars(select(ProviderApplication.public_id)).all()
    assert seed_applications(demonstration, store, pilot.application, sectors=SECTORS, at=AT) == []
    with demonstration.reading() as session:
        assert session.scalars(select(ProviderApplication.public_id)).all() == ids


def test_codes_check_and_papers_are_taken(tmp_path: Path) -> None:
    codes = [code_of(place) for place in range(16)]
    assert len(set(codes)) == 16
    assert [check_credit_code(code) for code in codes] == [None] * 16
    store = BlobStore(tmp_path)
    answer = store.receive(io.BytesIO(paper("1 licence")), "a.pdf", allowed=("pdf",), most_bytes=10_000)
    assert isinstance(answer, StoredBlob), answer
    assert paper("1") != paper("2")
    assert set(APPLICANTS) == {"applicant", "applicant2", "applicants"}
