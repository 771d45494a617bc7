"""The second factor: a code counts once, a recovery code once, wrong ones are counted, and no letter goes round it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from marketplace.actions import accounts_mail, accounts_staff
from marketplace.actions import second_factor as actions
from marketplace.actions.accounts import CodeNeeded, LoggedIn, log_in
from marketplace.actions.sessions import open_session
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.records.accounts import AccountSession, find_account
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry
from marketplace.records.second_factors import RecoveryCode, find_second_factor, has_second_factor
from tests.actions.test_registrations import PASSWORD, refusal, staff
from tests.conftest import NOW

KEY, ADDRESS = b"k" * 32, "192.0.2.1"


@pytest.fixture
def person(database: Database) -> int:
    viewer = staff(database, "bureau", Role.BUREAU)
    assert viewer.account_id is not None
    return viewer.account_id


def code(database: Database, account_id: int, at: datetime) -> str:
    """What the telephone shows."""
    with database.reading() as session:
        factor = find_second_factor(session, account_id)
        assert factor is not None
        return pyotp.TOTP(actions.key_of(factor, KEY)).at(at)


def confirm(database: Database, account_id: int, *, at: datetime = NOW, keep: str = "") -> list[str]:
    actions.begin(database, account_id, at=at)
    typed = code(database, account_id, at)
    return actions.confirm(database, account_id, typed, site_key=KEY, keep=keep, address=ADDRESS, at=at)


def half(database: Database, at: datetime, *, address: str = ADDRESS) -> str:
    answer = log_in(database, "bureau", PASSWORD, address=address, now=at)
    assert isinstance(answer, CodeNeeded)
    return answer.secret


def finish(database: Database, secret: str, typed: str, at: datetime, *, address: str = ADDRESS) -> LoggedIn:
    return actions.finish_log_in(database, secret, typed, site_key=KEY, address=address, agent="", at=at)


def test_it_counts_only_once_a_code_was_typed(database: Database, person: int) -> None:
    actions.begin(database, person, at=NOW)
    assert isinstance(log_in(database, "bureau", PASSWORD, address=ADDRESS, now=NOW), LoggedIn)
    wrong = refusal(lambda: actions.confirm(database, person, "000000", site_key=KEY, keep="", address=ADDRESS, at=NOW))
    assert wrong == "wrong_code"
    codes = confirm(database, person)
    assert len(set(codes)) == 10
    assert refusal(lambda: actions.begin(database, person, at=NOW)) == "factor_exists"
    with database.reading() as session:
        assert has_second_factor(session, person)
        kept = session.scalars(select(RecoveryCode.code_hash)).all()
        assert not {one.replace("-", "") for one in codes} & set(kept)


def test_setting_it_up_ends_the_other_log_ins(database: Database, person: int) -> None:
    with database.writing() as session:
        this, other = (open_session(session, person, address="", agent="", at=NOW) for _number in range(2))
    assert this != other
    confirm(database, person, keep=this)
    with database.reading() as session:
        rows = session.scalars(select(AccountSession).order_by(AccountSession.id)).all()
        assert [(row.revoked, row.second_factor_at is not None) for row in rows] == [(False, True), (True, False)]


def test_a_password_alone_opens_nothing(database: Database, person: int) -> None:
    confirm(database, person)
    before = NOW + timedelta(minutes=1)
    secret = half(database, before)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AccountSession)) == 0
        assert session.scalars(select(HistoryEntry.verb).where(HistoryEntry.verb == "log_in")).all() == []
    finish(database, secret, code(database, person, before), before)
    with database.reading() as session:
        assert session.scalars(select(AccountSession)).one().second_factor_at == before
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "log_in")).one()
        assert entry.after == {"address": ADDRESS, "second_factor": "code"}


def test_a_code_counts_once(database: Database, person: int) -> None:
    confirm(database, person)
    at = NOW + timedelta(minutes=1)
    typed = code(database, person, at)
    finish(database, half(database, at), typed, at)
    # Seen over the shoulder, the same code opens nothing, nor does the one before it.
    assert refusal(lambda: finish(database, half(database, at), typed, at)) == "wrong_code"
    earlier = code(database, person, at - timedelta(seconds=30))
    assert refusal(lambda: finish(database, half(database, at), earlier, at)) == "wrong_code"
    later = at + timedelta(seconds=30)
    finish(database, half(database, later), code(database, person, later), later)


def test_the_code_of_the_first_step_is_used_up_too(database: Database, person: int) -> None:
    confirm(database, person)
    assert refusal(lambda: finish(database, half(database, NOW), code(database, person, NOW), NOW)) == "wrong_code"


@pytest.mark.parametrize(("seconds", "good"), [(-90, False), (-30, True), (0, True), (30, True), (60, False), (90, False)])
def test_a_clock_may_be_one_step_off(database: Database, person: int, seconds: int, good: bool) -> None:
    confirm(database, person)
    at = NOW + timedelta(minutes=10)
    typed = code(database, person, at + timedelta(seconds=seconds))
    secret = half(database, at)
    if good:
        assert finish(database, secret, f" {typed[:3]} {typed[3:]} ", at).account_id == person
    else:
        assert refusal(lambda: finish(database, secret, typed, at)) == "wrong_code"


def test_one_code_by_two_at_once_opens_once(database: Database, person: int) -> None:
    confirm(database, person)
    at = NOW + timedelta(minutes=1)
    secrets = [half(database, at), half(database, at)]
    typed, start, answers = code(database, person, at), threading.Barrier(2), []

    def attempt(secret: str) -> None:
        start.wait()
        try:
            finish(database, secret, typed, at)
            answers.append("in")
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=attempt, args=(secret,)) for secret in secrets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["in", "wrong_code"]


def test_recovery_codes_count_once_each(database: Database, person: int) -> None:
    codes = confirm(database, person)
    finish(database, half(database, NOW), codes[0].lower(), NOW)
    assert refusal(lambda: finish(database, half(database, NOW), codes[0], NOW)) == "wrong_code"
    finish(database, half(database, NOW), codes[1].replace("-", " "), NOW)
    fresh = actions.renew_recovery_codes(database, person, codes[2], site_key=KEY, address=ADDRESS, at=NOW)
    assert refusal(lambda: finish(database, half(database, NOW), codes[3], NOW)) == "wrong_code"
    finish(database, half(database, NOW), fresh[0], NOW)


def test_wrong_codes_are_counted_like_passwords(database: Database, person: int) -> None:
    codes = confirm(database, person)
    secrets = [half(database, NOW, address=f"192.0.2.{number}") for number in range(12)]
    answers = [
        refusal(lambda one=one, number=number: finish(database, one, "000000", NOW, address=f"198.51.100.{number}"))
        for number, one in enumerate(secrets[:11])
    ]
    assert answers == ["wrong_code"] * 10 + ["too_many_attempts"]
    # Not even a right one helps now, and all that was refused is written down.
    assert refusal(lambda: finish(database, secrets[11], codes[0], NOW, address="203.0.113.1")) == "too_many_attempts"
    finish(database, half(database, NOW + timedelta(minutes=6)), codes[0], NOW + timedelta(minutes=6))
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(HistoryEntry.verb == "code_failed")) == 10


def test_a_half_open_log_in_lasts_ten_minutes_and_is_used_once(database: Database, person: int) -> None:
    codes = confirm(database, person)
    secret = half(database, NOW)
    late = NOW + timedelta(minutes=10)
    assert refusal(lambda: finish(database, secret, codes[0], late)) == "link_dead"
    finish(database, secret, codes[0], NOW)
    assert refusal(lambda: finish(database, secret, codes[1], NOW)) == "link_dead"
    assert refusal(lambda: finish(database, "made up", codes[1], NOW)) == "link_dead"


def test_a_new_password_by_letter_does_not_skip_it(database: Database, person: int) -> None:
    codes = confirm(database, person)
    with database.writing() as session:
        find_account(session, "bureau").email = "b@x.example"  # type: ignore[union-attr]
    (secret,) = accounts_mail.ask_for_reset(database, "bureau", address=ADDRESS, link=str, at=NOW)
    accounts_mail.reset_password(database, secret, "另一个很长的密码", at=NOW)
    answer = log_in(database, "bureau", "另一个很长的密码", address=ADDRESS, now=NOW)
    assert isinstance(answer, CodeNeeded)
    assert finish(database, answer.secret, codes[0], NOW).account_id == person


def test_changing_the_telephone_takes_a_code(database: Database, person: int) -> None:
    codes = confirm(database, person)
    off = actions.disable
    assert refusal(lambda: off(database, person, "000000", site_key=KEY, keep="", address=ADDRESS, at=NOW)) == "wrong_code"
    off(database, person, codes[0], site_key=KEY, keep="", address=ADDRESS, at=NOW)
    assert isinstance(log_in(database, "bureau", PASSWORD, address=ADDRESS, now=NOW), LoggedIn)
    with database.reading() as session:
        assert session.scalars(select(RecoveryCode)).all() == []


def test_an_administrator_takes_a_lost_one_away_and_says_why(database: Database, person: int) -> None:
    confirm(database, person)
    admin = staff(database, "admin", Role.ADMIN)
    reset = accounts_staff.reset_second_factor
    assert refusal(lambda: reset(database, person, viewer=admin, at=NOW, why="")) == "reason_missing"
    reset(database, person, viewer=admin, at=NOW, why="手机丢失，已当面核对")
    assert isinstance(log_in(database, "bureau", PASSWORD, address=ADDRESS, now=NOW), LoggedIn)
    assert refusal(lambda: reset(database, person, viewer=admin, at=NOW, why="x")) == "no_factor"


def test_the_database_alone_makes_no_codes(database: Database, person: int) -> None:
    actions.begin(database, person, at=NOW)
    with database.reading() as session:
        factor = find_second_factor(session, person)
        assert factor is not None
        assert actions.key_of(factor, KEY) != actions.key_of(factor, b"another key of another site, 32 b")
        assert actions.key_of(factor, KEY) not in factor.seed.upper()
        assert actions.address_of(factor, "bureau", KEY).startswith("otpauth://totp/Jigai:bureau?secret=")


def test_a_disabled_account_does_not_finish(database: Database, person: int) -> None:
    codes = confirm(database, person)
    secret = half(database, NOW)
    admin = staff(database, "admin", Role.ADMIN)
    accounts_staff.disable(database, person, viewer=admin, at=NOW, why="离职")
    assert refusal(lambda: finish(database, secret, codes[0], NOW)) == "wrong_code"
    assert isinstance(log_in(database, "bureau", PASSWORD, address=ADDRESS, now=NOW), Refused)
