"""Registrations and accounts: every state, event and person; every field; whose log-ins end early."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from types import SimpleNamespace

import pytest

from marketplace.domain.access import Role
from marketplace.domain.accounts import check_email, check_login, check_person, idle_limit, known_rights, needs_second_factor
from marketplace.domain.lifecycle import Refused, Transition, allowed_events, decide
from marketplace.domain.registrations import APPLICANT, TABLE, RegistrationDraft, RegistrationState, check, folded_code
from marketplace.domain.second_factor import folded_code as folded_factor
from marketplace.domain.second_factor import is_recovery_code, shown_recovery_code

PROVED = SimpleNamespace(account_id=1, decided_by=2, has_proof=True)
# (state, event) → (state after, who may).
EXPECTED: dict[tuple[str, str], tuple[str, str]] = {
    ("started", "verify"): ("needs_proof", "applicant"),
    ("needs_proof", "submit"): ("submitted", "applicant"),
    ("refused", "submit"): ("submitted", "applicant"),
    ("submitted", "confirm"): ("confirmed", "manager admin"),
    ("submitted", "refuse"): ("refused", "manager admin"),
    **{(state, "withdraw"): ("withdrawn", "applicant") for state in ("needs_proof", "submitted", "refused")},
}


def test_every_state_event_and_person() -> None:
    events = sorted({row.event for row in TABLE} | {"no_such_event"})
    for state, event, person in product(RegistrationState, events, [*Role, APPLICANT]):
        to, people = EXPECTED.get((state, event), ("", ""))
        found = decide(TABLE, state, event, {person}, PROVED)
        if not to:
            assert isinstance(found, Refused), (state, event, person)
            assert found.code == "wrong_state"
        elif person not in people.split():
            assert isinstance(found, Refused), (state, event, person)
            assert found.code == "not_allowed"
        else:
            assert isinstance(found, Transition), (state, event, person)
            assert found.to == to


def test_what_is_over_stays_over() -> None:
    for state in (RegistrationState.CONFIRMED, RegistrationState.WITHDRAWN):
        assert not allowed_events(TABLE, state, {*Role, APPLICANT})


@pytest.mark.parametrize(
    ("event", "person", "subject", "code"),
    [
        ("submit", APPLICANT, SimpleNamespace(account_id=1, decided_by=None, has_proof=False), "proof_missing"),
        ("confirm", "manager", SimpleNamespace(account_id=1, decided_by=2, has_proof=False), "proof_missing"),
        ("confirm", "admin", SimpleNamespace(account_id=1, decided_by=1, has_proof=True), "same_person"),
        ("refuse", "admin", SimpleNamespace(account_id=1, decided_by=1, has_proof=True), "same_person"),
    ],
)
def test_nothing_without_proof_and_nobody_for_themselves(event: str, person: str, subject: object, code: str) -> None:
    state = "needs_proof" if event == "submit" else "submitted"
    found = decide(TABLE, state, event, {person}, subject)
    assert isinstance(found, Refused)
    assert found.code == code


def good(**values: str) -> RegistrationDraft:
    kept = {
        "credit_code": "91990000MAYGPX077U",
        "name": "某厂",
        "kind": "provider",
        "person": "王芳",
        "login": "wang",
        "email": "wang@x.example",
    }
    return RegistrationDraft(**{**kept, **values})


def test_a_good_registration_has_no_faults() -> None:
    assert list(check(good(), with_account=True)) == []
    assert list(check(good(person="", login="", email=""), with_account=False)) == []


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("credit_code", "", "credit_code_length"),
        ("credit_code", "91990000MAYGPX0770", "credit_code_check"),
        ("credit_code", "91990000MAYGPX07IU", "credit_code_character"),
        ("name", " ", "required"),
        ("name", "厂" * 201, "too_long"),
        ("kind", "", "kind_missing"),
        ("kind", "admin", "kind_missing"),
        ("kind", "bureau", "kind_missing"),
        ("person", "", "name_missing"),
        ("person", "王\r\nBcc: x@y.z", "name_missing"),
        ("login", "", "login_missing"),
        ("login", "a b", "login_characters"),
        ("login", "a" * 65, "login_missing"),
        ("email", "", "email_missing"),
        ("email", "wang", "not_an_email"),
        ("email", "wang@x", "not_an_email"),
        ("email", "wang@x.example\nBcc: y@z.example", "not_an_email"),
        ("email", "a@b.c," + "d@e.f", "not_an_email"),
    ],
)
def test_every_field_says_what_is_wrong(field: str, value: str, code: str) -> None:
    faults = list(check(good(**{field: value}), with_account=True))
    assert [(name, fault.code) for name, fault in faults] == [(field, code)]
    assert faults[0][1].sentence()


def test_a_code_is_folded_as_it_is_printed() -> None:
    assert folded_code(" 9199 0000 maygpx077u\n") == "91990000MAYGPX077U"


def test_log_ins_of_those_who_decide_about_money_end_sooner() -> None:
    for role in Role:
        assert idle_limit({role}) == timedelta(minutes=15 if role in (Role.BUREAU, Role.FINANCE) else 30)
    assert idle_limit(()) == timedelta(minutes=30)
    assert idle_limit({Role.CENTRE, Role.FINANCE}) == timedelta(minutes=15)


def test_who_needs_a_second_factor() -> None:
    assert {role for role in Role if needs_second_factor({role})} == set(Role) - {Role.ENTERPRISE, Role.PROVIDER}
    assert not needs_second_factor(())


def test_codes_are_read_as_they_are_typed() -> None:
    assert folded_factor(" 123 456 ") == "123456"
    assert folded_factor("１２３４５６") == "123456"
    assert folded_factor("abcd-efgh-ijkl-mnop") == "ABCDEFGHIJKLMNOP"
    assert is_recovery_code(folded_factor("abcd-efgh-ijkl-mnop"))
    assert not is_recovery_code("123456")
    assert shown_recovery_code("ABCDEFGHIJKLMNOP") == "ABCD-EFGH-IJKL-MNOP"
    assert len(folded_factor("1" * 10_000)) == 40


def test_rights_are_those_that_exist() -> None:
    assert known_rights(["submit", "members", "root", "submit"]) == ["members", "submit"]


@pytest.mark.parametrize("login", ["wang", "王芳", "wang.fang_2@x-y", "a" * 64])
def test_usual_log_ins(login: str) -> None:
    assert check_login(login) is None


@pytest.mark.parametrize("email", ["a@b.cn", "wang.fang+x@mail.example.com", "x@1.2.3.example"])
def test_usual_addresses(email: str) -> None:
    assert check_email(email) is None
    assert check_person("欧阳 小明") is None
