"""A person's copy of what is kept about them, and their erasure: canaries are planted, and none sings afterwards."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import accounts_mail, accounts_staff, second_factor
from marketplace.actions.accounts import LoggedIn, create_token, log_in
from marketplace.actions.experts import enter_expert
from marketplace.actions.notices import notify
from marketplace.actions.persons import erase
from marketplace.actions.registrations import verify
from marketplace.actions.saved import save_search, shortlist
from marketplace.domain.access import Role, Viewer
from marketplace.domain.experts import ExpertDraft, ExpertState
from marketplace.domain.lifecycle import Refused
from marketplace.domain.persons import CODED, EMPTIED, GONE, HELD, NEUTRAL, NEUTRAL_NAME, OWN, SECRET, check_extra, marks_of, replaced
from marketplace.domain.registrations import RegistrationDraft
from marketplace.domain.saved import Frequency
from marketplace.records.accounts import Account, AccountSession, find_account
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert
from marketplace.records.files import Blob, Download, Scan
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.jobs import Job
from marketplace.records.notices import Notice
from marketplace.records.persons import find_deeds, find_own_history, find_own_rows, searched_tables, text_columns
from marketplace.records.solutions import Solution
from marketplace.records.tables import metadata
from tests.actions.people import Market, open_market
from tests.actions.test_registrations import PASSWORD, refusal, register, staff, viewer_of
from tests.conftest import NOW

NAME, LOGIN, EMAIL, PHONE = "金丝雀一号", "canary.one", "canary-77@x.example", "13900001234"
DRAFT = RegistrationDraft(credit_code="91990000MAYGPX077U", name="某装备公司", kind="provider", person=NAME, login=LOGIN, email=EMAIL)


def singing(database: Database) -> dict[str, str]:
    """Every table in which a canary stands, the parts of JSON included, and an example."""
    found = {}
    with database.reading() as session:
        for table in metadata.sorted_tables:
            for row in session.execute(select(table)):
                told = json.dumps([str(value) for value in row], ensure_ascii=False)
                told += json.dumps(list(row), ensure_ascii=False, default=str)
                if any(canary in told for canary in (NAME, LOGIN, EMAIL, PHONE)):
                    found[table.name] = told
    return found


@pytest.fixture
def market(database: Database) -> Market:
    return open_market(database)


@pytest.fixture
def admin(database: Database) -> Viewer:
    return staff(database, "admin", Role.ADMIN)


@pytest.fixture
def canary(database: Database, market: Market, admin: Viewer) -> int:
    """Somebody who has registered, logged in, saved, downloaded, been told of and written about."""
    verify(database, register(database, DRAFT), login="", at=NOW)
    viewer = viewer_of(database, LOGIN)
    number = viewer.account_id
    assert number is not None
    assert isinstance(log_in(database, LOGIN, PASSWORD, address="192.0.2.7", agent="Canary/1", now=NOW), LoggedIn)
    assert isinstance(log_in(database, LOGIN, "wrong password", address="192.0.2.7", now=NOW), Refused)
    assert isinstance(create_token(database, number, scopes=["read"], days=9, now=NOW), str)
    second_factor.begin(database, number, at=NOW)
    accounts_mail.ask_for_reset(database, EMAIL, address="192.0.2.7", link=str, at=NOW)
    save_search(database, f"找{NAME}", "q=1", Frequency.NEVER, known=[], viewer=viewer, at=NOW, today=NOW.date())
    shortlist(database, market.solution, f"{NAME} {PHONE}", viewer=viewer, at=NOW)
    with database.writing() as session:
        # What others wrote, or were told.
        notify(session, [admin.account_id or 0], "account", "{who}申请加入", at=NOW, values={"who": NAME})
        session.get_one(Solution, market.solution).summary = f"联系 {PHONE}，{EMAIL}"
        sha256 = "0" * 64
        session.add(Blob(sha256=sha256, size=1, kind="application/pdf", scan=Scan.CLEAN, text=f"授权 {NAME} {PHONE}", created=NOW))
    return number


def test_a_copy_holds_all_that_is_kept_and_opens_nothing(database: Database, canary: int, market: Market) -> None:
    with database.reading() as session:
        account = session.get_one(Account, canary)
        own = dict(find_own_rows(session, canary))
        deeds, history = list(find_deeds(session, canary)), list(find_own_history(session, account))
        secrets = {account.password_hash, *session.scalars(select(AccountSession.secret_hash))}
    assert set(own) == set(OWN)
    assert own["accounts"][0]["email"] == EMAIL
    assert [len(own[name]) for name in ("account_sessions", "access_tokens", "second_factors", "saved_searches", "registrations")] == [
        1
    ] * 5
    assert own["shortlist_items"][0]["note"] == f"{NAME} {PHONE}"
    told = json.dumps([own, deeds, history])
    assert not [secret for secret in secrets if secret in told]
    assert not SECRET & {key for rows in own.values() for row in rows for key in row}
    assert {"log_in", "create_token"} <= {row["verb"] for row in history}
    # An entry about another thing is named, and not told.
    assert all("after" not in row for row in history if row["noun"] != "account")
    assert {row["table"] for row in deeds} >= {"one_time_links"}


def test_an_erased_person_stands_nowhere_but_where_it_is_said(database: Database, canary: int, market: Market, admin: Viewer) -> None:
    with database.writing() as session:
        twin = Account(login="twin", name=NAME, email="twin@x.example", password_hash="x", created=NOW, memberships=[])
        session.add(twin)
        session.flush()
        notice = Notice(account_id=twin.id, kind="account", message=f"{EMAIL} 已更换", values={}, at=NOW)
        session.add_all((notice, Download(attachment_id=_attached(session, twin.id), account_id=canary, address="192.0.2.7", at=NOW)))
        twin_id = twin.id
    before = singing(database)
    assert {"accounts", "registrations", "jobs", "notices", "solutions", "saved_searches", "shortlist_items", "blobs"} <= set(before)
    erase(database, canary, [PHONE], viewer=admin, at=NOW, why="本人申请")
    held = {name for names, _why in HELD for name in names}
    left = singing(database)
    assert set(left) - held == {"accounts"}, left
    assert twin_id != canary
    with database.reading() as session:
        account = session.get_one(Account, canary)
        assert (account.name, account.email, account.disabled, account.memberships) == (NEUTRAL_NAME, None, True, [])
        assert account.login == f"erased-{account.public_id}"
        # A namesake keeps the name.
        assert session.get_one(Account, twin_id).name == NAME
        for name in GONE:
            table = metadata.tables[name]
            assert not session.execute(select(table).where(table.c.account_id == canary)).all(), name
        assert session.get_one(Solution, market.solution).summary == f"联系 {NEUTRAL}，{NEUTRAL}"
        assert session.get_one(QueuedThing, ("solution", market.solution)).wanted > 0
        assert session.scalars(select(Download.address)).all() == [""]
        assert {job.payload["to"] for job in session.scalars(select(Job).where(Job.kind == "send_mail"))} == {NEUTRAL}
        # The chain holds, and says who was erased by nothing but a number.
        assert find_broken_link(session) is None
        last = session.scalars(select(HistoryEntry).order_by(HistoryEntry.id.desc()).limit(1)).one()
        assert (last.verb, last.noun, last.noun_id) == ("erase", "account", canary)
        assert not any(word in json.dumps([last.after, last.why, last.actor], ensure_ascii=False) for word in (NAME, LOGIN, EMAIL, PHONE))
    for login in (LOGIN, f"erased-{canary}", EMAIL):
        assert isinstance(log_in(database, login, PASSWORD, address="192.0.2.8", now=NOW), Refused)
    assert refusal(lambda: erase(database, canary, [], viewer=admin, at=NOW, why="x")) == "erased"
    assert refusal(lambda: accounts_staff.enable(database, canary, viewer=admin, at=NOW, why="x")) == "erased"
    assert refusal(lambda: accounts_staff.give_role(database, canary, "centre", "中心", [], viewer=admin, at=NOW)) == "erased"
    # The log-in is free again; whoever takes it gets nothing of what was done under it before.
    verify(database, register(database, DRAFT), login="", at=NOW + timedelta(minutes=1))
    with database.reading() as session:
        again = session.scalars(select(Account).where(Account.login == LOGIN)).one()
        assert {row["verb"] for row in find_own_history(session, again)} == {"open", "verify"}


def _attached(session: Any, account_id: int) -> int:
    from marketplace.records.files import Attachment

    row = Attachment(sha256="0" * 64, noun="solution", noun_id=1, kind="manual", filename="a.pdf", uploaded_by=account_id, at=NOW)
    session.add(row)
    session.flush()
    return row.id


def test_an_expert_without_a_name_is_not_drawn(sqlite_database: Database) -> None:
    database, admin = sqlite_database, staff(sqlite_database, "admin", Role.ADMIN)
    person = staff(database, LOGIN, Role.EXPERT)
    assert person.account_id is not None
    draft = ExpertDraft(name=NAME, unit="某大学", fields=["chem"], login=LOGIN, note=PHONE)
    enter_expert(database, draft, viewer=staff(database, "manager"), at=NOW)
    erase(database, person.account_id, [PHONE], viewer=admin, at=NOW, why="本人申请")
    with database.reading() as session:
        expert = session.scalars(select(ReviewExpert)).one()
        assert (expert.name, expert.note, expert.state) == (NEUTRAL_NAME, "", ExpertState.PAUSED)
    # The demonstration's unit of that log-in is no person.
    assert set(singing(database)) <= {"history", "organisations"}


def test_who_may_not_be_erased_and_by_whom(sqlite_database: Database) -> None:
    database, admin = sqlite_database, staff(sqlite_database, "admin", Role.ADMIN)
    other = staff(database, "manager")
    assert admin.account_id is not None
    assert other.account_id is not None
    number, own = other.account_id, admin.account_id
    assert refusal(lambda: erase(database, number, [], viewer=other, at=NOW, why="x")) == "not_allowed"
    assert refusal(lambda: erase(database, number, [], viewer=admin, at=NOW, why=" ")) == "reason_missing"
    assert refusal(lambda: erase(database, own, [], viewer=admin, at=NOW, why="x")) == "own_account"
    with database.reading() as session:
        assert find_account(session, "manager") is not None


def test_an_address_that_somebody_else_has_too_marks_nobody(sqlite_database: Database) -> None:
    database, admin = sqlite_database, staff(sqlite_database, "admin", Role.ADMIN)
    one, other, market = staff(database, "one"), staff(database, "other"), open_market(database)
    with database.writing() as session:
        for viewer in (one, other):
            session.get_one(Account, viewer.account_id).email = EMAIL
        session.get_one(Solution, market.solution).summary = f"联系 {EMAIL}"
    assert one.account_id is not None
    erase(database, one.account_id, [], viewer=admin, at=NOW, why="x")
    with database.reading() as session:
        assert session.get_one(Solution, market.solution).summary == f"联系 {EMAIL}"
        assert session.get_one(Account, other.account_id).email == EMAIL


def test_the_rules_name_tables_and_columns_that_there_are() -> None:
    for name in (*OWN, *GONE, *EMPTIED, *(name for names, _why in HELD for name in names)):
        assert name in metadata.tables, name
    for name in (*set(OWN) - {"accounts"}, *GONE, *EMPTIED):
        assert "account_id" in metadata.tables[name].columns, name
    for name, values in EMPTIED.items():
        assert set(values) <= set(metadata.tables[name].columns.keys())


def test_words_are_replaced_wherever_they_stand() -> None:
    marks = marks_of(7, "wang", "王芳", "w@x.example", public_ids=["p"], extra=[PHONE])
    assert replaced({"王芳": ["王芳（7）", {"x": f"{PHONE}!"}], "n": 1}, marks.words) == {"王芳": [NEUTRAL, {"x": f"{NEUTRAL}!"}], "n": 1}
    # A name of one character, a log-in of three: they stand in too many words.
    assert marks_of(7, "abc", "王", None, public_ids=[], extra=[]).tied == ()
    assert check_extra(f" {PHONE}\n\n{PHONE}\n") == [PHONE]
    # A log-in name that is a key of the program stays where the program reads it.
    assert marks_of(7, "provider", "王芳", None, public_ids=[], extra=[]).tied == ("王芳",)
    assert not {column.name for table in searched_tables() for column in text_columns(table)} & CODED
    for wrong in ("1234", "provider", "x" * 101, "\n".join(f"word {number}" for number in range(11))):
        assert isinstance(check_extra(wrong), Refused)
