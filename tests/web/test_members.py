"""Members and staff accounts in the browser: who may, who may not, and that no page sets anybody's password."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.records.accounts import Account, Membership, find_account
from marketplace.records.links import Invitation
from marketplace.records.organisations import Organisation
from marketplace.site import Site
from tests.opened import Browser, app, browser, database_of, own_site
from tests.web.people import Counted
from tests.web.test_registrations import PASSWORD, letter, logged_in

__all__ = ["app", "browser", "own_site"]


def unit_of(app: Flask, login: str) -> tuple[str, int]:
    """The public id of somebody's organisation, and the number of the membership."""
    with database_of(app).reading() as session:
        query = select(Organisation.public_id, Membership.id).join(Membership, Membership.organisation_id == Organisation.id)
        return session.execute(query.join(Account).where(Account.login == login)).one()


def invite(person: Browser, unit: str, email: str = "li@x.example", rights: tuple[str, ...] = ("edit",)):  # type: ignore[no-untyped-def]
    return person.post(f"/organisation/{unit}/invitations", {"email": email, "rights": list(rights)}, form="/organisation")


def join(app: Flask, email: str, login: str) -> Browser:
    place, person = letter(app, email), Browser(app.test_client())
    form = {"login": login, "name": "李娜", "password": PASSWORD, "again": PASSWORD}
    assert person.post(place, form, form=place).status_code == 303
    assert person.log_in(login, PASSWORD).status_code == 303
    return person


def test_a_member_is_invited_joins_and_is_removed(app: Flask) -> None:
    person = logged_in(app, "provider")
    unit, _own = unit_of(app, "provider")
    assert invite(person, unit).status_code == 303
    page = person.get("/organisation").text
    assert "li@x.example" in page
    member = join(app, "li@x.example", "lina")
    seen = member.get("/organisation").text
    assert "李娜" in seen
    # Without the right she sees her colleagues, and no way to change anything but to leave.
    assert f"/organisation/{unit}/invitations" not in seen
    assert invite(member, unit).status_code == 422
    _unit, number = unit_of(app, "lina")
    rights = {"rights": ["members", "edit"]}
    assert person.post(f"/organisation/{unit}/members/{number}", rights, form="/organisation").status_code == 303
    assert member.get("/organisation").status_code == 303
    assert person.post(f"/organisation/{unit}/members/{number}/remove", form="/organisation").status_code == 303
    member.log_in("lina", PASSWORD)
    assert member.get("/organisation").status_code == 403


def test_the_last_who_sees_to_members_is_told_so(app: Flask) -> None:
    person = logged_in(app, "provider")
    unit, number = unit_of(app, "provider")
    answer = person.post(f"/organisation/{unit}/members/{number}/remove", form="/organisation")
    assert (answer.status_code, "最后一位能管理成员的人" in answer.text) == (422, True)


def test_a_rival_reaches_no_other_unit(app: Flask) -> None:
    person, rival = logged_in(app, "provider"), logged_in(app, "provider2")
    unit, number = unit_of(app, "provider")
    invite(person, unit)
    with database_of(app).reading() as session:
        invitation = session.scalars(select(Invitation.public_id)).one()
    own, _number = unit_of(app, "provider2")
    for address in (
        f"/organisation/{unit}/invitations",
        f"/organisation/{unit}/invitations/{invitation}/withdraw",
        f"/organisation/{unit}/members/{number}",
        f"/organisation/{unit}/members/{number}/remove",
        # Through its own unit it does not reach another's members and invitations either.
        f"/organisation/{own}/members/{number}/remove",
        f"/organisation/{own}/invitations/{invitation}/withdraw",
    ):
        assert rival.post(address, {"email": "x@y.example", "rights": "edit"}, form="/organisation").status_code == 404, address


def test_an_invitation_is_refused_with_what_was_typed(app: Flask) -> None:
    person = logged_in(app, "provider")
    unit, _number = unit_of(app, "provider")
    answer = invite(person, unit, "not an address", ("submit",))
    assert answer.status_code == 422
    assert 'value="not an address"' in answer.text
    assert invite(person, unit, rights=()).status_code == 422


def test_who_is_logged_in_joins_with_that_account(app: Flask) -> None:
    person = logged_in(app, "provider")
    unit, _number = unit_of(app, "provider")
    invite(person, unit, "rival@x.example")
    rival = logged_in(app, "provider2")
    place = letter(app, "rival@x.example")
    assert "用现在的账号加入" in rival.get(place).text
    assert rival.post(place, form=place).status_code == 303
    rival.log_in("provider2")
    assert rival.get("/organisation").text.count("<h2 id=") == 2
    assert rival.get(place).status_code == 404


def test_staff_do_not_become_members(app: Flask) -> None:
    invite(logged_in(app, "provider"), unit_of(app, "provider")[0])
    place = letter(app, "li@x.example")
    bureau = logged_in(app, "bureau")
    answer = bureau.post(place, form=place)
    assert (answer.status_code, "另开账号" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"login": "centre"}, "已经有人用了"),
        ({"again": "another"}, "两次填写的密码不一样"),
        ({"password": "12345678", "again": "12345678"}, "太常见"),
        ({"name": ""}, "姓名没有填"),
    ],
)
def test_what_is_wrong_with_a_new_account_is_told_and_the_letter_kept(
    app: Flask, browser: Browser, change: dict[str, str], sentence: str
) -> None:
    invite(logged_in(app, "provider"), unit_of(app, "provider")[0])
    place = letter(app, "li@x.example")
    answer = browser.post(place, {"login": "lina", "name": "李娜", "password": PASSWORD, "again": PASSWORD} | change, form=place)
    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert browser.get(place).status_code == 200


def test_staff_are_invited_and_choose_their_own_password(app: Flask) -> None:
    admin = logged_in(app, "admin")
    form = {"email": "zhao@x.example", "role": "centre", "organisation": "能力中心"}
    assert admin.post("/accounts/invitations", form, form="/accounts").status_code == 303
    assert "zhao@x.example" in admin.get("/accounts").text
    person = join(app, "zhao@x.example", "zhao")
    assert person.get("/enterprises").status_code == 200
    refused = admin.post("/accounts/invitations", form | {"role": "provider"}, form="/accounts")
    assert (refused.status_code, 'value="zhao@x.example"' in refused.text) == (422, True)


def test_an_administrator_has_no_field_for_a_password(app: Flask) -> None:
    admin = logged_in(app, "admin")
    with database_of(app).reading() as session:
        public_id = find_account(session, "centre").public_id  # type: ignore[union-attr]
    for address in ("/accounts", f"/accounts/{public_id}"):
        assert 'type="password"' not in admin.get(address).text


def test_disabling_ends_everything_at_the_next_request(app: Flask) -> None:
    admin, centre = logged_in(app, "admin"), logged_in(app, "centre")
    with database_of(app).reading() as session:
        public_id = find_account(session, "centre").public_id  # type: ignore[union-attr]
    place = f"/accounts/{public_id}"
    assert admin.post(f"{place}/disable", {"why": ""}, form=place).status_code == 422
    assert admin.post(f"{place}/disable", {"why": "离职"}, form=place).status_code == 303
    assert centre.get("/account").status_code == 303
    assert centre.log_in("centre").status_code == 422
    assert admin.post(f"{place}/enable", {"why": "返聘"}, form=place).status_code == 303
    assert centre.log_in("centre").status_code == 303
    assert admin.post(f"{place}/reset", form=place).status_code == 422


def test_roles_are_given_and_taken(app: Flask) -> None:
    admin = logged_in(app, "admin")
    with database_of(app).reading() as session:
        public_id = find_account(session, "expert").public_id  # type: ignore[union-attr]
    place = f"/accounts/{public_id}"
    assert admin.post(f"{place}/roles", {"role": "area", "organisation": "园区办"}, form=place).status_code == 422
    form = {"role": "area", "organisation": "园区办", "areas": ["no-such-area"]}
    assert admin.post(f"{place}/roles", form, form=place).status_code == 422
    assert admin.post(f"{place}/roles", {"role": "centre", "organisation": "能力中心"}, form=place).status_code == 303
    taken = re.findall(rf"{place}/roles/(\d+)/withdraw", admin.get(place).text)
    assert len(taken) == 2
    assert admin.post(f"{place}/roles/{taken[0]}/withdraw", {"why": "调岗"}, form=place).status_code == 303
    assert admin.post(f"{place}/roles/{taken[0]}/withdraw", {"why": "调岗"}, form=place).status_code == 422


def test_the_number_of_statements_does_not_grow_with_the_accounts(app: Flask, own_site: Site) -> None:
    admin = logged_in(app, "admin")
    admin.get("/accounts")
    with Counted(own_site) as few:
        admin.get("/accounts")
    with database_of(app).writing() as session:
        unit = session.scalars(select(Organisation.id).limit(1)).one()
        for number in range(40):
            row = Account(login=f"zz{number}", name="某人", password_hash="", created=find_account(session, "admin").created)  # type: ignore[union-attr]
            row.memberships = [Membership(organisation_id=unit, role="centre", rights=[], areas=[])]
            session.add(row)
    with Counted(own_site) as many:
        admin.get("/accounts")
    assert len(many.statements) == len(few.statements)
