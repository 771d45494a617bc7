"""Log-in, log-out, sessions, throttling, passwords and tokens, tried as people and attackers would."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from marketplace.actions import accounts as actions
from marketplace.actions.demonstration import PASSWORD
from marketplace.actions.passwords import check_password, hash_password
from marketplace.domain.lifecycle import Refused
from marketplace.records.accounts import AccessToken, Account, AccountSession, LoginFailure, Membership
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from tests.compiled import hash_in_earnest
from tests.opened import Browser, app, browser, database_of, own_site

__all__ = ["app", "browser", "own_site"]
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)


def test_log_in_shows_a_demonstration_account_for_every_role(browser: Browser) -> None:
    page = browser.get("/login").text
    for login in ("enterprise", "provider", "centre", "manager", "bureau", "finance", "area", "expert", "admin"):
        assert f'<td class="jg-code jg-nb">{login}</td>' in page


def test_log_in_goes_where_the_person_wanted(browser: Browser) -> None:
    assert browser.get("/account").headers["Location"] == "/login?next=/account"
    answer = browser.post("/login", {"login": " Centre ", "password": PASSWORD, "next": "/account"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "/\t/evil.example",
        "",
        "evil",
        "/a\r\nX: y",
    ],
)
def test_no_log_in_leads_to_another_site(browser: Browser, target: str) -> None:
    answer = browser.post("/login", {"login": "centre", "password": PASSWORD, "next": target})
    assert answer.headers["Location"] == "/"


def test_unknown_and_known_accounts_cannot_be_told_apart(app: Flask, browser: Browser) -> None:
    with database_of(app).writing() as session:
        session.execute(update(Account).where(Account.login == "expert").values(disabled=True))
    wrong = [browser.post("/login", {"login": login, "password": "not the password"}) for login in ("centre", "nobody", "expert")]
    assert {answer.status_code for answer in wrong} == {422}
    bodies = {answer.text.replace(login, "") for answer, login in zip(wrong, ("centre", "nobody", "expert"), strict=True)}
    assert len({body.partition('role="alert"')[2].partition("</div>")[0] for body in bodies}) == 1


def test_unknown_and_known_accounts_take_the_same_time(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    hash_in_earnest(monkeypatch)
    with database_of(app).writing() as session:
        session.execute(update(Account).where(Account.login == "centre").values(password_hash=hash_password("its own")))
    took: dict[str, list[float]] = {"centre": [], "nobody": []}
    for attempt in range(9):
        for login in took:
            started = time.process_time()
            answer = actions.log_in(
                database_of(app), login, "not it", address=f"{login}{attempt}", now=NOW + timedelta(minutes=6 * attempt)
            )
            took[login].append(time.process_time() - started)
            assert isinstance(answer, Refused)
    assert median(took["nobody"]) >= 0.010
    assert abs(median(took["centre"]) - median(took["nobody"])) <= 0.010


def test_ten_wrong_passwords_close_the_account_for_five_minutes(browser: Browser) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _attempt in range(10):
            assert browser.post("/login", {"login": "centre", "password": "wrong"}).status_code == 422
        closed = browser.log_in("centre")
        assert closed.status_code == 429
        assert "请 5 分钟后再试" in closed.text
        assert closed.headers["Retry-After"] == "300"
        clock.shift(timedelta(minutes=5, seconds=1))
        assert browser.log_in("centre").status_code == 303


def test_a_flood_from_elsewhere_does_not_lock_out_a_browser_that_was_here_before(app: Flask, browser: Browser) -> None:
    """Its own wrong passwords are counted as strictly, and a cookie of another account or of another hand counts for nothing."""
    assert browser.log_in("centre").status_code == 303
    browser.post("/logout", form="/account")
    stranger = Browser(app.test_client())
    for _attempt in range(10):
        stranger.post("/login", {"login": "centre", "password": "wrong"})
    assert stranger.log_in("centre").status_code == 429
    assert browser.log_in("centre").status_code == 303
    browser.post("/logout", form="/account")
    cookie = browser.client.get_cookie("jigai_device")
    assert cookie is not None
    assert cookie.http_only
    stranger.client.set_cookie("jigai_device", cookie.value[:-9] + cookie.value[-9:][::-1] + "A")
    assert stranger.log_in("centre").status_code == 429
    codes = [browser.post("/login", {"login": "centre", "password": "wrong"}).status_code for _attempt in range(11)]
    assert codes == [422] * 10 + [429]
    # The stranger's tries are from the same address; the cookie of one account is nothing for another one.
    assert browser.log_in("enterprise").status_code == 429


def test_a_right_password_forgets_the_wrong_ones(app: Flask, browser: Browser) -> None:
    for _attempt in range(9):
        browser.post("/login", {"login": "centre", "password": "wrong"})
    assert browser.log_in("centre").status_code == 303
    with database_of(app).reading() as session:
        assert session.scalar(select(func.count()).where(LoginFailure.key == "account:centre")) == 0


def test_parallel_wrong_passwords_are_counted_exactly_and_survive_a_restart(database: Database) -> None:
    with database.writing() as session:
        actions.open_account(session, "centre", PASSWORD, name="某人", memberships=[], now=NOW, actor="test")
    answers: list[object] = []

    def attempt() -> None:
        answers.append(actions.log_in(database, "centre", "wrong", address="192.0.2.1", now=NOW))

    threads = [threading.Thread(target=attempt) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = [answer.code for answer in answers if isinstance(answer, Refused)]
    assert codes.count("wrong_password") == 10
    assert codes.count("too_many_attempts") == 40
    again = Database(database.url)
    answer = actions.log_in(again, "centre", PASSWORD, address="192.0.2.2", now=NOW)
    again.close()
    assert isinstance(answer, Refused)
    assert answer.code == "too_many_attempts"


def test_a_full_disk_does_not_lock_out_who_is_logged_in(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_values: object, **_named: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database or disk is full"))

    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("centre")
        clock.shift(timedelta(minutes=5))
        monkeypatch.setattr("marketplace.web.security.touch_session", full)
        assert browser.get("/account").status_code == 200


def test_one_address_cannot_try_every_account(app: Flask) -> None:
    for number in range(10):
        actions.log_in(database_of(app), f"nobody{number}", "wrong", address="192.0.2.1", now=NOW)
    answer = actions.log_in(database_of(app), "centre", PASSWORD, address="192.0.2.1", now=NOW)
    assert isinstance(answer, Refused)
    assert answer.code == "too_many_attempts"
    assert not isinstance(actions.log_in(database_of(app), "centre", PASSWORD, address="192.0.2.9", now=NOW), Refused)


def test_the_session_is_new_at_log_in_and_dead_after_log_out(app: Flask, browser: Browser) -> None:
    browser.get("/login")
    before = browser.client.get_cookie("jigai")
    browser.log_in("centre")
    stolen = browser.client.get_cookie("jigai")
    assert before is not None
    assert stolen is not None
    assert before.value != stolen.value
    browser.post("/logout", form="/account")
    thief = app.test_client()
    thief.set_cookie("jigai", stolen.value)
    assert thief.get("/account").status_code == 303
    with database_of(app).reading() as session:
        assert stolen.value not in {row.secret_hash for row in session.scalars(select(AccountSession))}


def test_a_session_ends_when_idle(browser: Browser) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("centre")
        clock.shift(timedelta(minutes=29))
        assert browser.get("/account").status_code == 200
        clock.shift(timedelta(minutes=29))
        assert browser.get("/account").status_code == 200
        clock.shift(timedelta(minutes=31))
        assert browser.get("/account").status_code == 303


def test_an_old_session_ends_although_it_is_in_use(browser: Browser) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        browser.log_in("centre")
        for _step in range(24):
            clock.shift(timedelta(minutes=29))
            browser.get("/account")
        clock.shift(timedelta(minutes=29))
        assert browser.get("/account").status_code == 303


def test_a_disabled_account_and_a_lost_role_count_at_the_next_request(app: Flask, browser: Browser) -> None:
    browser.log_in("centre")
    assert browser.get("/imports").status_code == 200
    with database_of(app).writing() as session:
        account = session.scalars(select(Account).where(Account.login == "centre")).one()
        session.execute(Membership.__table__.delete().where(Membership.account_id == account.id))
    assert browser.get("/imports").status_code == 403
    with database_of(app).writing() as session:
        session.execute(update(Account).where(Account.login == "centre").values(disabled=True))
    assert browser.get("/imports").status_code == 303


def test_changing_the_password_ends_every_other_session(app: Flask, browser: Browser) -> None:
    other = Browser(app.test_client())
    other.log_in("centre")
    browser.log_in("centre")
    new = "滨海新区的长密码 2026"
    short = browser.post("/account/password", {"old": PASSWORD, "new": "short", "again": "short"}, form="/account")
    assert "密码至少 8 个字符，现在是 5 个" in short.text
    differs = browser.post("/account/password", {"old": PASSWORD, "new": new, "again": new + "x"}, form="/account")
    assert differs.status_code == 422
    wrong = browser.post("/account/password", {"old": "wrong", "new": new, "again": new}, form="/account")
    assert "现在的密码不对" in wrong.text
    assert browser.post("/account/password", {"old": PASSWORD, "new": new, "again": new}, form="/account").status_code == 303
    assert browser.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    assert other.log_in("centre").status_code == 422
    assert other.log_in("centre", new).status_code == 303


@pytest.mark.parametrize("password", ["1234567", "12345678", "aaaaaaaaaa", "centre01", "x" * 129, "Password"])
def test_weak_passwords_are_refused(password: str) -> None:
    assert check_password(password, "centre01") is not None


def test_a_token_works_until_it_is_revoked(app: Flask, browser: Browser) -> None:
    browser.log_in("centre")
    page = browser.post("/account/tokens", {"scopes": "read", "days": "30"}, form="/account")
    secret = page.text.partition('id="new-token">')[2].partition("<")[0]
    assert secret.startswith("jg_")
    assert secret not in browser.get("/account").text
    with database_of(app).reading() as session:
        token = session.scalars(select(AccessToken)).one()
        assert token.secret_hash == actions.hashed(secret)
        number = token.id
    machine = app.test_client()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert machine.get("/api/v1/enterprises", headers=bearer).status_code == 200
    # A token opens the API and nothing else, and no more than its scopes.
    assert machine.get("/account", headers=bearer).status_code == 303
    assert machine.post("/api/v1/imports", headers=bearer).status_code == 403
    stranger = Browser(app.test_client())
    stranger.log_in("enterprise")
    foreign = stranger.post(f"/account/tokens/{number}/revoke", form="/account")
    missing = stranger.post("/account/tokens/987654/revoke", form="/account")
    assert foreign.status_code == missing.status_code == 404
    assert browser.post(f"/account/tokens/{number}/revoke", form="/account").status_code == 303
    refused = machine.get("/api/v1/enterprises", headers=bearer)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_expires(app: Flask) -> None:
    database = database_of(app)
    with database.reading() as session:
        number = session.scalars(select(Account.id).where(Account.login == "centre")).one()
    secret = actions.create_token(database, number, scopes=["read"], days=7, now=NOW)
    assert isinstance(secret, str)
    bearer = {"Authorization": f"Bearer {secret}"}
    with time_machine.travel(NOW + timedelta(days=6), tick=False):
        assert app.test_client().get("/api/v1/enterprises", headers=bearer).status_code == 200
    with time_machine.travel(NOW + timedelta(days=7), tick=False):
        assert app.test_client().get("/api/v1/enterprises", headers=bearer).status_code == 401


@pytest.mark.parametrize(("scopes", "days"), [([], "30"), (["read"], "0"), (["read"], "366"), (["read"], "x"), (["root"], "30")])
def test_a_token_without_purpose_or_end_is_refused(browser: Browser, scopes: list[str], days: str) -> None:
    browser.log_in("centre")
    assert browser.post("/account/tokens", {"scopes": scopes, "days": days}, form="/account").status_code == 422


@pytest.mark.parametrize("header", ["Bearer jg_unknown", "Bearer", "Basic Y2VudHJlOng=", "Bearer jg_", "bearer other"])
def test_a_bad_token_is_never_taken_for_nobody(app: Flask, header: str) -> None:
    assert app.test_client().get("/api/v1/solutions", headers={"Authorization": header}).status_code == 401


def test_log_ins_stand_in_the_history(app: Flask, browser: Browser) -> None:
    browser.log_in("centre")
    browser.post("/logout", form="/account")
    with database_of(app).reading() as session:
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.actor == "centre").order_by(HistoryEntry.id)).all()
        assert verbs == ["log_in", "log_out"]
        assert find_broken_link(session) is None
