"""From a stranger to a member: what is written at each step, what is told to whom, and what a race leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from marketplace.actions import registrations as actions
from marketplace.actions.accounts import LoggedIn, log_in, open_account
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.registrations import RegistrationDraft, RegistrationState
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import Account, AccountSession, Membership, find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.files import Attachment
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.jobs import Job
from marketplace.records.links import OneTimeLink
from marketplace.records.notices import Notice
from marketplace.records.organisations import Organisation
from marketplace.records.registrations import Registration
from marketplace.records.tasks import Task, find_tasks
from tests.conftest import NOW

CODE, PASSWORD = "91990000MAYGPX077U", "滨海新区的长密码 2026"
DRAFT = RegistrationDraft(credit_code=CODE, name="某装备公司", kind="provider", person="王芳", login="wangfang", email="wang@x.example")


@pytest.fixture
def proof(tmp_path: Path) -> StoredBlob:
    return BlobStore(tmp_path / "files").keep(b"%PDF-1.4 sealed", "sealed.pdf", "application/pdf")


def register(database: Database, draft: RegistrationDraft = DRAFT, *, address: str = "192.0.2.1") -> str:
    return actions.register(database, draft, PASSWORD, address=address, link=lambda secret: f"/register/{secret}", at=NOW)


def viewer_of(database: Database, login: str) -> Viewer:
    with database.reading() as session:
        account = find_account(session, login)
        assert account is not None
        viewer = find_viewer(session, account.id)
        assert viewer is not None
        return viewer


def staff(database: Database, login: str = "manager", role: Role = Role.MANAGER) -> Viewer:
    with database.writing() as session:
        unit = Organisation(name=f"单位 {login}")
        session.add(unit)
        session.flush()
        answer = open_account(session, login, PASSWORD, name=login, memberships=[(unit.id, role)], now=NOW, actor="test")
        assert isinstance(answer, Account)
    return viewer_of(database, login)


def submitted(database: Database, proof: StoredBlob, draft: RegistrationDraft = DRAFT) -> tuple[str, Viewer]:
    """A registration that waits for staff, and its applicant."""
    actions.verify(database, register(database, draft, address=draft.login), login="", at=NOW)
    viewer = viewer_of(database, draft.login)
    with database.reading() as session:
        public_id = session.scalars(select(Registration.public_id).where(Registration.login == draft.login)).one()
    actions.submit(database, public_id, proof, viewer=viewer, at=NOW)
    return public_id, viewer


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as caught:
        act()
    return caught.value.refused.code


def only(database: Database) -> Registration:
    with database.reading() as session:
        row = session.scalars(select(Registration)).one()
        session.expunge(row)
        return row


def test_a_registration_is_a_letter_and_nothing_else(database: Database) -> None:
    secret = register(database)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 0
        assert session.scalar(select(func.count()).select_from(Organisation)) == 0
        (job,) = session.scalars(select(Job)).all()
        assert job.kind == "send_mail"
        assert job.payload["to"] == "wang@x.example"
        assert secret in job.payload["body"]
        assert secret not in {row.secret_hash for row in session.scalars(select(OneTimeLink))}
        row = session.scalars(select(Registration)).one()
        assert row.state == RegistrationState.STARTED
        assert PASSWORD not in row.password_hash
    assert not isinstance(log_in(database, "wangfang", PASSWORD, address="192.0.2.7", now=NOW), LoggedIn)


def test_the_letter_opens_the_account_once(database: Database) -> None:
    secret = register(database)
    assert actions.verify(database, secret, login="", at=NOW) == "wangfang"
    assert refusal(lambda: actions.verify(database, secret, login="", at=NOW)) == "link_dead"
    viewer = viewer_of(database, "wangfang")
    assert (viewer.roles, viewer.organisation_ids, viewer.rights) == (frozenset(), frozenset(), frozenset())
    row = only(database)
    assert (row.state, row.password_hash) == (RegistrationState.NEEDS_PROOF, "")
    assert isinstance(log_in(database, "wangfang", PASSWORD, address="192.0.2.7", now=NOW), LoggedIn)
    with database.reading() as session:
        assert [task.kind for task in find_tasks(session, viewer)] == ["authorisation"]
        assert find_account(session, "wangfang").email == "wang@x.example"  # type: ignore[union-attr]


def test_an_old_letter_opens_nothing(database: Database) -> None:
    secret = register(database)
    assert refusal(lambda: actions.verify(database, secret, login="", at=NOW + timedelta(hours=24))) == "link_dead"
    assert refusal(lambda: actions.verify(database, "made up", login="", at=NOW)) == "link_dead"


def test_a_taken_log_in_is_told_to_the_holder_of_the_letter_only(database: Database) -> None:
    staff(database, "wangfang")
    secret = register(database)
    assert refusal(lambda: actions.verify(database, secret, login="", at=NOW)) == "login_taken"
    # The letter is not used up by that, and another name will do.
    assert actions.verify(database, secret, login="WangFang2", at=NOW) == "wangfang2"


def test_the_holder_of_a_letter_may_not_try_names_without_end(database: Database) -> None:
    staff(database, "wangfang")
    secret = register(database)
    codes = [refusal(lambda: actions.verify(database, secret, login="", at=NOW)) for _try in range(11)]
    assert codes == ["login_taken"] * 10 + ["too_many_attempts"]


def test_registering_is_counted_by_address_and_by_letter_box(database: Database) -> None:
    for number in range(3):
        register(database, address=f"192.0.2.{number}")
    assert refusal(lambda: register(database, address="192.0.2.9")) == "too_many_attempts"
    for number in range(10):
        register(database, RegistrationDraft(**{**vars(DRAFT), "email": f"w{number}@x.example"}), address="198.51.100.1")
    other = RegistrationDraft(**{**vars(DRAFT), "email": "z@x.example"})
    assert refusal(lambda: register(database, other, address="198.51.100.1")) == "too_many_attempts"


def test_confirmed_with_proof_by_staff(database: Database, proof: StoredBlob) -> None:
    manager = staff(database)
    public_id, viewer = submitted(database, proof)
    logged_in = log_in(database, "wangfang", PASSWORD, address="192.0.2.7", now=NOW)
    assert isinstance(logged_in, LoggedIn)
    with database.reading() as session:
        assert not find_tasks(session, viewer)
        assert [task.kind for task in find_tasks(session, manager)] == ["registration"]
        assert session.scalars(select(Organisation).where(Organisation.credit_code == CODE)).all() == []
    actions.decide(database, public_id, "confirm", viewer=manager, at=NOW)
    after = viewer_of(database, "wangfang")
    assert after.roles == {Role.PROVIDER}
    assert {right for _unit, right in after.rights} == {"members", "edit", "submit"}
    with database.reading() as session:
        (unit,) = session.scalars(select(Organisation).where(Organisation.credit_code == CODE)).all()
        assert (unit.name, unit.id in after.organisation_ids) == ("某装备公司", True)
        assert not find_tasks(session, manager)
        # The applicant is told, and logs in anew with what is new.
        assert session.scalars(select(Notice).where(Notice.account_id == after.account_id, Notice.kind == "registration")).one()
        assert all(row.revoked for row in session.scalars(select(AccountSession).where(AccountSession.account_id == after.account_id)))
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "registration").order_by(HistoryEntry.id)).all()
        assert verbs == ["register", "verify", "attach", "submit", "confirm"]
        assert find_broken_link(session) is None


def test_an_imported_organisation_is_claimed_and_never_there_twice(database: Database, proof: StoredBlob) -> None:
    manager = staff(database)
    with database.writing() as session:
        session.add(Organisation(credit_code=CODE, name="某装备有限公司"))
    first, _applicant = submitted(database, proof)
    second, _other = submitted(database, proof, RegistrationDraft(**{**vars(DRAFT), "login": "lina", "email": "li@x.example"}))
    for public_id in (first, second):
        actions.decide(database, public_id, "confirm", viewer=manager, at=NOW)
    with database.reading() as session:
        (unit,) = session.scalars(select(Organisation).where(Organisation.credit_code == CODE)).all()
        assert unit.name == "某装备有限公司"
        assert session.scalar(select(func.count()).where(Membership.organisation_id == unit.id)) == 2
        # Who was there first is told that another one came.
        told = session.scalars(select(Notice).where(Notice.kind == "member")).all()
        assert [notice.account_id for notice in told] == [viewer_of(database, "wangfang").account_id]


def test_refused_with_reasons_and_handed_in_again(database: Database, proof: StoredBlob, tmp_path: Path) -> None:
    manager = staff(database)
    public_id, viewer = submitted(database, proof)
    assert refusal(lambda: actions.decide(database, public_id, "refuse", viewer=manager, at=NOW, why=" ")) == "reason_missing"
    actions.decide(database, public_id, "refuse", viewer=manager, at=NOW, why="没有盖章")
    row = only(database)
    assert (row.state, row.reason) == (RegistrationState.REFUSED, "没有盖章")
    assert viewer_of(database, "wangfang").roles == frozenset()
    with database.reading() as session:
        assert [task.kind for task in find_tasks(session, viewer)] == ["authorisation"]
    better = BlobStore(tmp_path / "files").keep(b"%PDF-1.4 really sealed", "sealed2.pdf", "application/pdf")
    actions.submit(database, public_id, better, viewer=viewer, at=NOW)
    with database.reading() as session:
        files = session.scalars(select(Attachment).order_by(Attachment.id)).all()
        assert [file.superseded_at is None for file in files] == [False, True]
    actions.decide(database, public_id, "confirm", viewer=manager, at=NOW)
    assert only(database).state == RegistrationState.CONFIRMED


def test_nobody_confirms_what_is_their_own(database: Database, proof: StoredBlob) -> None:
    public_id, viewer = submitted(database, proof)
    with database.writing() as session:
        unit = Organisation(name="管理单位")
        session.add(unit)
        session.flush()
        assert viewer.account_id is not None
        session.add(Membership(account_id=viewer.account_id, organisation_id=unit.id, role=Role.MANAGER, areas=[], rights=[]))
    own = viewer_of(database, "wangfang")
    assert refusal(lambda: actions.decide(database, public_id, "confirm", viewer=own, at=NOW)) == "same_person"


def test_a_bureau_does_not_confirm(database: Database, proof: StoredBlob) -> None:
    public_id, _applicant = submitted(database, proof)
    bureau = staff(database, "bureau", Role.BUREAU)
    assert refusal(lambda: actions.decide(database, public_id, "confirm", viewer=bureau, at=NOW)) == "not_allowed"


def test_two_decide_at_once_and_one_wins(database: Database, proof: StoredBlob) -> None:
    people = [staff(database, "manager"), staff(database, "manager2")]
    public_id, _applicant = submitted(database, proof)
    answers: list[str] = []
    start = threading.Barrier(2)

    def decide(viewer: Viewer, event: str) -> None:
        start.wait()
        try:
            actions.decide(database, public_id, event, viewer=viewer, at=NOW, why="没有盖章")
            answers.append(event)
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=decide, args=pair) for pair in zip(people, ("confirm", "refuse"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) in (["confirm", "wrong_state"], ["refuse", "wrong_state"])
    assert only(database).state == ("confirmed" if "confirm" in answers else "refused")


def test_two_units_of_one_code_confirmed_at_once_are_one(database: Database, proof: StoredBlob) -> None:
    people = [staff(database, "manager"), staff(database, "manager2")]
    drafts = [RegistrationDraft(**{**vars(DRAFT), "login": login, "email": f"{login}@x.example"}) for login in ("one", "two")]
    ids = [submitted(database, proof, draft)[0] for draft in drafts]
    start, errors = threading.Barrier(2), []

    def decide(viewer: Viewer, public_id: str) -> None:
        start.wait()
        try:
            actions.decide(database, public_id, "confirm", viewer=viewer, at=NOW)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=decide, args=pair) for pair in zip(people, ids, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.reading() as session:
        (unit,) = session.scalars(select(Organisation).where(Organisation.credit_code == CODE)).all()
        assert session.scalar(select(func.count()).where(Membership.organisation_id == unit.id)) == 2


def test_one_who_has_an_account_registers_a_second_unit(database: Database, proof: StoredBlob) -> None:
    manager = staff(database)
    public_id, _viewer = submitted(database, proof)
    actions.decide(database, public_id, "confirm", viewer=manager, at=NOW)
    viewer = viewer_of(database, "wangfang")
    other = RegistrationDraft(credit_code="91990000MAU3DK6WXX", name="另一个单位", kind="enterprise")
    row = actions.register_own(database, other, viewer=viewer, at=NOW)
    assert row.state == RegistrationState.NEEDS_PROOF
    assert refusal(lambda: actions.register_own(database, other, viewer=viewer, at=NOW)) == "registration_open"
    actions.take_back(database, row.public_id, viewer=viewer, at=NOW)
    again = actions.register_own(database, other, viewer=viewer, at=NOW)
    actions.submit(database, again.public_id, proof, viewer=viewer, at=NOW)
    actions.decide(database, again.public_id, "confirm", viewer=manager, at=NOW)
    assert viewer_of(database, "wangfang").roles == {Role.PROVIDER, Role.ENTERPRISE}


def test_staff_are_no_party(database: Database) -> None:
    bureau = staff(database, "bureau", Role.BUREAU)
    assert refusal(lambda: actions.register_own(database, DRAFT, viewer=bureau, at=NOW)) == "mixed_roles"


def test_unconfirmed_addresses_are_forgotten(database: Database) -> None:
    register(database)
    with database.writing() as session:
        assert actions.forget_unverified(session, NOW + timedelta(days=6)) == 0
    with database.writing() as session:
        assert actions.forget_unverified(session, NOW + timedelta(days=8)) == 1
    with database.reading() as session:
        assert session.scalars(select(Registration)).all() == []
        assert session.scalars(select(OneTimeLink)).all() == []
        assert session.scalars(select(Task)).all() == []
