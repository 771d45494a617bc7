"""Letters of accounts: a forgotten password, a new address; and that who asks learns nothing."""

from __future__ import annotations

import time
from datetime import timedelta
from statistics import median

import pytest
from sqlalchemy import func, select

from marketplace.actions import accounts_mail as actions
from marketplace.actions import registrations
from marketplace.actions.accounts import UNKNOWN_ACCOUNT, LoggedIn, create_token, log_in
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused
from marketplace.domain.registrations import RegistrationDraft
from marketplace.records.accounts import AccessToken, AccountSession, find_account
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry
from marketplace.records.jobs import Job
from tests.actions.test_registrations import DRAFT, PASSWORD, refusal, staff
from tests.conftest import NOW

NEW = "另一个很长的密码"


@pytest.fixture
def person(database: Database) -> int:
    viewer = staff(database, "centre", Role.CENTRE)
    with database.writing() as session:
        find_account(session, "centre").email = "c@x.example"  # type: ignore[union-attr]
    assert viewer.account_id is not None
    return viewer.account_id


def ask(database: Database, typed: str, *, minutes: int = 0, address: str = "192.0.2.1") -> list[str]:
    return actions.ask_for_reset(database, typed, address=address, link=str, at=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("typed", ["centre", "C@x.example "])
def test_a_letter_sets_a_new_password_once_and_ends_everything(database: Database, person: int, typed: str) -> None:
    log_in(database, "centre", PASSWORD, address="192.0.2.1", now=NOW)
    create_token(database, person, scopes=["read"], days=7, now=NOW)
    (secret,) = ask(database, typed)
    with database.reading() as session:
        letter = session.scalars(select(Job).where(Job.kind == "send_mail")).one().payload
        assert (letter["to"], secret in letter["body"], "centre" in letter["body"]) == ("c@x.example", True, True)
    assert refusal(lambda: actions.reset_password(database, secret, "short", at=NOW)) == "password_short"
    actions.reset_password(database, secret, NEW, at=NOW)
    assert refusal(lambda: actions.reset_password(database, secret, NEW, at=NOW)) == "link_dead"
    with database.reading() as session:
        assert [row.revoked for row in session.scalars(select(AccountSession))] == [True]
        assert [row.revoked for row in session.scalars(select(AccessToken))] == [True]
    assert isinstance(log_in(database, "centre", PASSWORD, address="192.0.2.1", now=NOW), Refused)
    assert isinstance(log_in(database, "centre", NEW, address="192.0.2.1", now=NOW), LoggedIn)


def test_a_letter_lasts_an_hour_and_the_last_one_counts(database: Database, person: int) -> None:
    (first,), (second,) = ask(database, "centre"), ask(database, "centre")
    assert refusal(lambda: actions.reset_password(database, first, NEW, at=NOW)) == "link_dead"
    assert refusal(lambda: actions.reset_password(database, second, NEW, at=NOW + timedelta(hours=1))) == "link_dead"
    assert refusal(lambda: actions.reset_password(database, "made up", NEW, at=NOW)) == "link_dead"


def test_nobody_is_written_to_who_is_not_there(database: Database, person: int) -> None:
    assert ask(database, "nobody") == ask(database, "nobody@x.example") == []
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(Job.kind == "send_mail")) == 0
        # What was typed may be a password in the wrong field: it is not written down.
        actors = session.scalars(select(HistoryEntry.actor).where(HistoryEntry.verb == "ask_reset")).all()
        assert actors == [UNKNOWN_ACCOUNT] * 2


def test_letters_are_counted_alike_for_known_and_unknown(database: Database, person: int) -> None:
    for typed in ("centre", "nobody"):
        for number in range(3):
            ask(database, typed, address=f"{typed}{number}")
        assert refusal(lambda typed=typed: ask(database, typed, address=f"{typed}9")) == "too_many_attempts"


def test_known_and_unknown_take_the_same_time(sqlite_database: Database) -> None:
    """Reset and register, 200 trials: the medians differ by no more than ten milliseconds."""
    staff(sqlite_database, "centre", Role.CENTRE)
    with sqlite_database.writing() as session:
        find_account(session, "centre").email = "c@x.example"  # type: ignore[union-attr]
    took: dict[str, list[float]] = {"centre": [], "nobody": []}
    for trial in range(100):
        for typed, times in took.items():
            started = time.process_time()
            ask(sqlite_database, typed, minutes=6 * trial, address=f"{typed}{trial}")
            times.append(time.process_time() - started)
    assert abs(median(took["centre"]) - median(took["nobody"])) <= 0.010
    took = {"centre": [], "nobody": []}
    for trial in range(20):
        for login, times in took.items():
            draft = RegistrationDraft(**{**vars(DRAFT), "login": login, "email": f"{login}@x.example"})
            at = NOW + timedelta(minutes=6 * trial)
            started = time.process_time()
            registrations.register(sqlite_database, draft, PASSWORD, address=f"{login}{trial}", link=str, at=at)
            times.append(time.process_time() - started)
    assert abs(median(took["centre"]) - median(took["nobody"])) <= 0.010


def test_a_new_address_counts_once_its_letter_was_opened(database: Database, person: int) -> None:
    def change(password: str, email: str) -> str:
        return actions.ask_for_email(database, person, password, email, link=str, at=NOW)

    assert refusal(lambda: change(PASSWORD, "not one")) == "not_an_email"
    assert refusal(lambda: change("wrong", "new@x.example")) == "wrong_password"
    secret = change(PASSWORD, " New@X.example")
    with database.reading() as session:
        assert find_account(session, "centre").email == "c@x.example"  # type: ignore[union-attr]
    assert refusal(lambda: actions.confirm_email(database, person + 1, secret, at=NOW)) == "link_of_another"
    assert actions.confirm_email(database, person, secret, at=NOW) == "new@x.example"
    assert refusal(lambda: actions.confirm_email(database, person, secret, at=NOW)) == "link_dead"
    with database.reading() as session:
        letters = session.scalars(select(Job).where(Job.kind == "send_mail").order_by(Job.id)).all()
        # The old address is told.
        assert [letter.payload["to"] for letter in letters] == ["new@x.example", "c@x.example"]


def test_refused_log_ins_stand_in_the_history(database: Database, person: int) -> None:
    for login in ("centre", "nobody"):
        log_in(database, login, "wrong", address="192.0.2.1", now=NOW)
    with database.reading() as session:
        rows = session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "log_in_failed").order_by(HistoryEntry.id)).all()
        assert [(row.actor, row.noun_id, row.after) for row in rows] == [
            ("centre", person, {"address": "192.0.2.1"}),
            (UNKNOWN_ACCOUNT, None, {"address": "192.0.2.1"}),
        ]
