"""Members: invited by one who may, by a letter that works once; changed and removed, but never the last who sees to them."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.actions import accounts_staff, invitations, members
from marketplace.actions.accounts import LoggedIn, log_in, open_account
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import RefusedError
from marketplace.records.accounts import Account, AccountSession, Membership, find_account
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry
from marketplace.records.jobs import Job
from marketplace.records.links import Invitation, OneTimeLink
from marketplace.records.organisations import Organisation
from tests.actions.test_registrations import PASSWORD, refusal, staff, viewer_of
from tests.conftest import NOW


@pytest.fixture
def unit(database: Database) -> int:
    """An organisation with its first member, "first"."""
    with database.writing() as session:
        organisation = Organisation(name="某装备公司", credit_code="91990000MAYGPX077U")
        session.add(organisation)
        session.flush()
        answer = open_account(
            session, "first", PASSWORD, name="第一位", memberships=[(organisation.id, Role.PROVIDER)], now=NOW, actor="test"
        )
        assert isinstance(answer, Account)
        return organisation.id


def invite(database: Database, unit: int, rights: list[str], *, by: str = "first", email: str = "li@x.example") -> str:
    viewer = viewer_of(database, by)
    return members.invite_member(database, unit, email, Role.PROVIDER, rights, viewer=viewer, link=lambda secret: f"/i/{secret}", at=NOW)


def joined(database: Database, unit: int, rights: list[str], login: str) -> Viewer:
    secret = invite(database, unit, rights, email=f"{login}@x.example")
    invitations.accept_anew(database, secret, login=login, name="李娜", password=PASSWORD, at=NOW)
    return viewer_of(database, login)


def membership(database: Database, login: str) -> int:
    with database.reading() as session:
        return session.scalars(select(Membership.id).join(Account).where(Account.login == login)).one()


def test_an_invitation_makes_a_member_with_the_chosen_rights(database: Database, unit: int) -> None:
    secret = invite(database, unit, ["edit", "root"])
    with database.reading() as session:
        assert secret in session.scalars(select(Job).where(Job.kind == "send_mail")).one().payload["body"]
        assert secret not in {row.secret_hash for row in session.scalars(select(OneTimeLink))}
    invitations.accept_anew(database, secret, login="LiNa", name="李娜", password=PASSWORD, at=NOW)
    viewer = viewer_of(database, "lina")
    assert (viewer.roles, viewer.rights) == ({Role.PROVIDER}, {(unit, "edit")})
    with database.reading() as session:
        assert find_account(session, "lina").email == "li@x.example"  # type: ignore[union-attr]
    again = refusal(lambda: invitations.accept_anew(database, secret, login="x", name="x", password=PASSWORD, at=NOW))
    assert again == "link_dead"


def test_one_who_has_an_account_joins_with_it(database: Database, unit: int) -> None:
    with database.writing() as session:
        open_account(session, "lina", PASSWORD, name="李娜", memberships=[], now=NOW, actor="test")
    logged_in = log_in(database, "lina", PASSWORD, address="192.0.2.1", now=NOW)
    assert isinstance(logged_in, LoggedIn)
    invitations.accept(database, invite(database, unit, ["submit"]), viewer=viewer_of(database, "lina"), at=NOW)
    assert viewer_of(database, "lina").rights == {(unit, "submit")}
    with database.reading() as session:
        assert all(row.revoked for row in session.scalars(select(AccountSession)))


def test_a_letter_can_be_taken_back_replaced_and_grows_old(database: Database, unit: int) -> None:
    first, second = invite(database, unit, ["edit"]), invite(database, unit, ["submit"])
    late = NOW + timedelta(days=7)
    assert refusal(lambda: invitations.accept_anew(database, first, login="x", name="x", password=PASSWORD, at=NOW)) == "link_dead"
    assert refusal(lambda: invitations.accept_anew(database, second, login="x", name="x", password=PASSWORD, at=late)) == "link_dead"
    with database.reading() as session:
        (row,) = session.scalars(select(Invitation)).all()
        assert invitations.find_invited(session, second, NOW) is not None
        number = row.id
    invitations.take_back_invitation(database, number, viewer=viewer_of(database, "first"), at=NOW)
    assert refusal(lambda: invitations.accept_anew(database, second, login="x", name="x", password=PASSWORD, at=NOW)) == "link_dead"


def test_only_who_sees_to_members_invites_and_changes(database: Database, unit: int) -> None:
    viewer = joined(database, unit, ["edit", "submit"], "lina")
    stranger = staff(database, "rival", Role.PROVIDER)
    first = membership(database, "first")
    for person in (viewer, stranger):
        assert refusal(lambda person=person: invite(database, unit, ["edit"], by=person.name if person is stranger else "lina")) == (
            "not_allowed"
        )
        act = lambda person=person: members.change_rights(database, unit, first, ["edit"], viewer=person, at=NOW)  # noqa: E731
        assert refusal(act) == "not_allowed"
        assert refusal(lambda person=person: members.remove_member(database, unit, first, viewer=person, at=NOW)) == "not_allowed"


def test_rights_are_changed_and_end_the_log_ins(database: Database, unit: int) -> None:
    joined(database, unit, ["edit"], "lina")
    log_in(database, "lina", PASSWORD, address="192.0.2.1", now=NOW)
    first = viewer_of(database, "first")
    members.change_rights(database, unit, membership(database, "lina"), ["members", "edit"], viewer=first, at=NOW)
    after = viewer_of(database, "lina")
    assert after.rights == {(unit, "members"), (unit, "edit")}
    with database.reading() as session:
        assert [row.revoked for row in session.scalars(select(AccountSession))] == [True]
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "change_rights")).one()
        assert (entry.before["rights"], entry.after["rights"]) == (["edit"], ["edit", "members"])  # type: ignore[index]


def test_the_last_who_sees_to_members_remains(database: Database, unit: int) -> None:
    joined(database, unit, ["edit"], "lina")
    first, number = viewer_of(database, "first"), membership(database, "first")
    assert refusal(lambda: members.remove_member(database, unit, number, viewer=first, at=NOW)) == "last_member"
    assert refusal(lambda: members.change_rights(database, unit, number, ["edit"], viewer=first, at=NOW)) == "last_member"
    members.change_rights(database, unit, membership(database, "lina"), ["members"], viewer=first, at=NOW)
    members.remove_member(database, unit, number, viewer=first, at=NOW)
    assert viewer_of(database, "first").organisation_ids == frozenset()


def test_a_disabled_member_sees_to_nobody(database: Database, unit: int) -> None:
    joined(database, unit, ["members"], "lina")
    admin = staff(database, "admin", Role.ADMIN)
    other = viewer_of(database, "lina").account_id
    assert other is not None
    accounts_staff.disable(database, other, viewer=admin, at=NOW, why="离职")
    first, number = viewer_of(database, "first"), membership(database, "first")
    assert refusal(lambda: members.remove_member(database, unit, number, viewer=first, at=NOW)) == "last_member"


def test_two_who_remove_each_other_leave_one(database: Database, unit: int) -> None:
    joined(database, unit, ["members"], "lina")
    people = {login: (viewer_of(database, login), membership(database, login)) for login in ("first", "lina")}
    start, answers = threading.Barrier(2), []

    def remove(viewer: Viewer, number: int) -> None:
        start.wait()
        try:
            members.remove_member(database, unit, number, viewer=viewer, at=NOW)
            answers.append("removed")
        except RefusedError as error:
            answers.append(error.refused.code)

    pairs = [(people["first"][0], people["lina"][1]), (people["lina"][0], people["first"][1])]
    threads = [threading.Thread(target=remove, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["last_member", "removed"]


def test_no_more_letters_than_anybody_answers(database: Database, unit: int) -> None:
    for number in range(invitations.MOST_WAITING):
        invite(database, unit, ["edit"], email=f"p{number}@x.example")
    assert refusal(lambda: invite(database, unit, ["edit"], email="one.more@x.example")) == "too_many_invitations"


@pytest.mark.parametrize(("email", "rights", "code"), [("x", ["edit"], "not_an_email"), ("x@y.example", [], "rights_missing")])
def test_an_invitation_says_who_and_what(database: Database, unit: int, email: str, rights: list[str], code: str) -> None:
    assert refusal(lambda: invite(database, unit, rights, email=email)) == code


def test_administrators_invite_staff_who_choose_their_own_password(database: Database, unit: int) -> None:
    admin = staff(database, "admin", Role.ADMIN)

    def ask(role: str, areas: list[str]) -> str:
        return accounts_staff.invite_staff(database, "zhao@x.example", role, "园区办", areas, viewer=admin, link=str, at=NOW)

    assert refusal(lambda: ask("provider", [])) == "role_missing"
    assert refusal(lambda: ask("area", [])) == "areas_missing"
    secret = ask("area", ["teda"])
    invitations.accept_anew(database, secret, login="zhao", name="赵", password=PASSWORD, at=NOW)
    with database.reading() as session:
        row = session.scalars(select(Membership).join(Account).where(Account.login == "zhao")).one()
        assert (row.role, row.areas) == (Role.AREA, ["teda"])
    # Somebody of the staff is no member of a provider under the same account.
    assert refusal(lambda: invitations.accept(database, invite(database, unit, ["edit"]), viewer=viewer_of(database, "zhao"), at=NOW)) == (
        "mixed_roles"
    )


def test_roles_are_given_and_taken_and_an_administrator_remains(database: Database) -> None:
    admin, other = staff(database, "admin", Role.ADMIN), staff(database, "zhao", Role.CENTRE)
    assert admin.account_id is not None
    assert other.account_id is not None
    take = accounts_staff.take_role
    own = membership(database, "admin")
    assert refusal(lambda: take(database, admin.account_id, own, viewer=admin, at=NOW, why="x")) == "last_administrator"  # type: ignore[arg-type]
    assert refusal(lambda: accounts_staff.disable(database, admin.account_id, viewer=admin, at=NOW, why="x")) == "own_account"  # type: ignore[arg-type]
    accounts_staff.give_role(database, other.account_id, "admin", "平台", [], viewer=admin, at=NOW)
    assert viewer_of(database, "zhao").roles == {Role.CENTRE, Role.ADMIN}
    assert refusal(lambda: take(database, admin.account_id, own, viewer=admin, at=NOW, why=" ")) == "reason_missing"  # type: ignore[arg-type]
    take(database, admin.account_id, own, viewer=viewer_of(database, "zhao"), at=NOW, why="调岗")
    assert viewer_of(database, "admin").roles == frozenset()


def test_a_disabled_account_is_out_and_comes_back(database: Database) -> None:
    admin, other = staff(database, "admin", Role.ADMIN), staff(database, "zhao", Role.CENTRE)
    assert other.account_id is not None
    log_in(database, "zhao", PASSWORD, address="192.0.2.1", now=NOW)
    accounts_staff.disable(database, other.account_id, viewer=admin, at=NOW, why="离职")
    assert not isinstance(log_in(database, "zhao", PASSWORD, address="192.0.2.1", now=NOW), LoggedIn)
    with database.reading() as session:
        assert [row.revoked for row in session.scalars(select(AccountSession))] == [True]
    accounts_staff.enable(database, other.account_id, viewer=admin, at=NOW, why="返聘")
    assert isinstance(log_in(database, "zhao", PASSWORD, address="192.0.2.2", now=NOW), LoggedIn)


def test_two_administrators_who_disable_each_other_leave_one(database: Database) -> None:
    people = [staff(database, login, Role.ADMIN) for login in ("admin", "admin2")]
    start, answers = threading.Barrier(2), []

    def disable(viewer: Viewer, target: Viewer) -> None:
        assert target.account_id is not None
        start.wait()
        try:
            accounts_staff.disable(database, target.account_id, viewer=viewer, at=NOW, why="x")
            answers.append("disabled")
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=disable, args=pair) for pair in (people, people[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["disabled", "last_administrator"]
