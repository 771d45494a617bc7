"""Sweeps over every route: who may use it, CSRF, headers, and errors that close rather than open."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError
from werkzeug.routing import Rule

from marketplace import guard
from marketplace.app import create_app
from marketplace.domain.access import PERMISSIONS, Role
from marketplace.site import Site
from marketplace.web import security
from tests.opened import LOGINS, Browser, app, browser, own_site, site_of

__all__ = ["app", "browser", "own_site"]
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
VALUES = {
    "id": "no-such-thing",
    "code": "no-such-thing",
    "token": "A" * 22,
    "number": 1,
    "noun": "solutions",
    "name": "x",
    "public_id": "none",
}


def address(app: Flask, rule: Rule) -> str:
    """An address of a route, of a thing that does not exist."""
    with app.test_request_context():
        # Where an address takes one of some words, the first of them.
        choices = {name: getattr(rule._converters[name], "items", ()) for name in rule.arguments}
        values = {name: min(some) if some else VALUES.get(name, "none") for name, some in choices.items()}
        return str(app.url_map.bind("localhost").build(rule.endpoint, values, method=next(iter(rule.methods or {"GET"}))))


def routes(app: Flask, methods: set[str]) -> list[tuple[Rule, str]]:
    return [(rule, method) for rule in app.url_map.iter_rules() for method in sorted((rule.methods or set()) & methods)]


def test_every_route_says_who_may_use_it(app: Flask) -> None:
    assert [rule.endpoint for rule in app.url_map.iter_rules() if guard.policy_of(app, rule.endpoint) is None] == []


def test_every_policy_names_a_row_of_the_permission_table(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        policy = guard.policy_of(app, rule.endpoint)
        if policy and policy.kind == "permission":
            assert {(policy.noun, policy.verb), (policy.noun, f"{policy.verb}_own")} & set(PERMISSIONS), rule.endpoint


def test_a_route_without_a_policy_is_closed(own_site: Site) -> None:
    app = create_app(own_site)
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert app.test_client().get("/forgotten").status_code == 404


def test_roles_and_routes(app: Flask, browser: Browser) -> None:
    """Nobody gets further than the policy of the route, and everybody who may is let in (to a 404 or better)."""
    browsers = {"anyone": browser} | {login: Browser(app.test_client()) for login in LOGINS}
    for login, person in browsers.items():
        if login != "anyone":
            person.log_in(login)
    tokens = {login: person.token("/login" if login == "anyone" else "/account") for login, person in browsers.items()}
    for rule, method in routes(app, {"GET", *UNSAFE}):
        policy = guard.policy_of(app, rule.endpoint)
        assert policy is not None
        if policy.kind != "permission":
            continue
        held = PERMISSIONS.get((policy.noun, policy.verb), frozenset()) | PERMISSIONS.get((policy.noun, f"{policy.verb}_own"), frozenset())
        place = address(app, rule)
        for login, person in browsers.items():
            roles = {"anyone"} if login == "anyone" else {"anyone", Role(login)}
            values = {"headers": {"X-CSRFToken": tokens[login]}} if method in UNSAFE else {}
            answer = person.client.open(place, method=method, **values)
            if held & roles:
                assert answer.status_code in {200, 303, 404, 415, 422}, (login, method, place, answer.status_code)
            elif login == "anyone":
                assert answer.status_code == (401 if place.startswith("/api/") else 303), (login, method, place)
                assert place.startswith("/api/") or answer.headers["Location"].startswith("/login")
            else:
                assert answer.status_code == 403, (login, method, place, answer.status_code)


def test_every_unsafe_route_refuses_a_cookie_without_token(app: Flask, browser: Browser) -> None:
    browser.log_in("admin")
    swept = routes(app, UNSAFE)
    assert len(swept) > 8
    for rule, method in swept:
        answer = browser.client.open(address(app, rule), method=method)
        assert answer.status_code == 400, rule.rule
        assert "csrf" in answer.text or "没有办理" in answer.text
        wrong = browser.client.open(address(app, rule), method=method, headers={"X-CSRFToken": "made up"})
        assert wrong.status_code == 400, rule.rule


def test_a_token_of_another_session_is_refused(app: Flask, browser: Browser) -> None:
    stolen = Browser(app.test_client())
    stolen.log_in("provider")
    browser.log_in("admin")
    answer = browser.client.post("/logout", data={"csrf_token": stolen.token("/account")})
    assert answer.status_code == 400


def test_headers_stand_on_every_answer(app: Flask, browser: Browser) -> None:
    addresses = [address(app, rule) for rule, _method in routes(app, {"GET"})] + ["/no-such-page", "/static/jigai.css", "/api/v1/none"]
    for place in addresses:
        answer = browser.get(place)
        policy = answer.headers["Content-Security-Policy"]
        for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "default-src 'none'"):
            assert part in policy, place
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"])
        assert "Strict-Transport-Security" not in answer.headers
        answer.close()


def test_no_page_holds_inline_script_or_style(app: Flask, browser: Browser) -> None:
    browser.log_in("admin")
    for rule, _method in routes(app, {"GET"}):
        answer = browser.get(address(app, rule))
        if answer.mimetype == "text/html":
            assert not re.search(r"<script(?![^>]*\b(src|nonce)=)|<style(?![^>]*\bnonce=)|\sstyle=|\son\w+=|javascript:", answer.text), (
                rule.rule
            )
            assert not re.search(r"(src|href)=[\"'](https?:)?//", answer.text), rule.rule
        answer.close()


def test_a_nonce_is_new_for_every_answer_and_stands_in_the_policy(app: Flask) -> None:
    seen = set()
    for _time in range(3):
        with app.test_request_context("/"):
            nonce = security.csp_nonce()
            assert f"'nonce-{nonce}'" in security.content_policy()
            seen.add(nonce)
    assert len(seen) == 3


def test_https_turns_on_secure_cookies(demonstration_file, tmp_path) -> None:
    from tests.opened import copy_of

    site = site_of(copy_of(demonstration_file, tmp_path / "data"), public_url="https://jigai.example")
    client = create_app(site).test_client()
    answer = client.get("/login", base_url="https://localhost")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-jigai=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    site.index.close()
    site.database.close()


@pytest.mark.parametrize("path", ["answers", "login/reset", "account/email", "invitations", "register"])
def test_no_log_holds_the_secret_of_a_link(browser: Browser, caplog: pytest.LogCaptureFixture, path: str) -> None:
    with caplog.at_level("INFO"):
        browser.get(f"/{path}/sesam-open-42")
    lines = [record.getMessage() for record in caplog.records]
    assert any(f"/{path}/" in line for line in lines)
    assert "sesam" not in "\n".join(lines)


def test_a_log_line_cannot_be_forged(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="jigai.requests"):
        browser.get("/none%0A2026-01-01%20admin%20logged%20in?q=secret-words", headers={"X-Request-ID": "a\tb"})
    (line,) = [record.getMessage() for record in caplog.records if "none" in record.getMessage()]
    assert "\n" not in line
    assert "secret-words" not in line


def test_a_request_id_of_the_caller_is_kept_if_it_is_harmless(browser: Browser) -> None:
    assert browser.get("/none", headers={"X-Request-ID": "abc-12345678"}).headers["X-Request-ID"] == "abc-12345678"
    page = browser.get("/none")
    assert page.headers["X-Request-ID"] in page.text


@pytest.mark.parametrize("place", ["/account", "/imports", "/api/v1/solutions"])
def test_a_database_that_is_down_closes_everything(app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    browser.log_in("admin")

    def down(*_values: object) -> None:
        raise OperationalError("SELECT secret FROM accounts", {}, Exception("no route to host 10.0.0.7"))

    monkeypatch.setattr("marketplace.web.security._load", down)
    monkeypatch.setattr("sqlalchemy.orm.Session.scalars", down)
    answer = browser.get(place)
    assert answer.status_code == 503
    assert "SELECT" not in answer.text
    assert "10.0.0.7" not in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_a_guard_that_raises_lets_nobody_in(app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.log_in("admin")

    def broken(*_values: object) -> bool:
        raise RuntimeError("a secret")

    monkeypatch.setattr("marketplace.guard.may", broken)
    for place in ("/imports", "/api/v1/index"):
        answer = browser.get(place)
        assert answer.status_code == 500
        assert "a secret" not in answer.text
        assert "Traceback" not in answer.text
