"""Whatever is typed gets a page: never an error page, never markup that came from outside."""

from __future__ import annotations

import html
from urllib.parse import quote

import pytest
from flask import Flask, request

from tests.opened import Browser
from tests.web.people import Things

LONG = "压机停机" * 2500
TEXTS = {
    "empty": "",
    "blank": " \t　\n",
    "long": LONG,
    "emoji": "😀🏭🔥👩‍🔧",
    "sql": "'; DROP TABLE solutions; -- ' OR 1=1",
    "query": 'title:(压机 AND NOT "停机"~2) OR [* TO *]^9 \\ / { } + - && || !',
    "wildcards": '*?~^"\\',
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)" x="',
    "image": "<img src=x onerror=alert(1)>",
    "template": "{{ 1234*4321 }}{% raw %}${1234*4321}#{1234*4321}%(n)s {n} %s",
    "nul": "压机\x00停机",
    "surrogate": "压机\udce9停机",
    "turned": "\u202e压机\u200b\ufeff",
    "path": "../../etc/passwd",
    "number": "0",
    "traditional": "壓機停機",
    "wide": "ＭＥＳ　系統",
}
MARKUP = ("<script>alert", "<img src=x", 'onmouseover="alert(1)"')


def _coded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("kind", ["solution", "provider", "scenario", "problem"])
def test_search_answers_with_a_page(browsers: dict[str, Browser], name: str, kind: str) -> None:
    answer = browsers["centre"].get(f"/search?kind={kind}&q={_coded(TEXTS[name])}")
    assert answer.status_code == 200
    assert not any(markup in answer.text for markup in MARKUP)
    assert "5332114" not in html.unescape(answer.text)


@pytest.mark.parametrize("name", TEXTS)
def test_ask_answers_with_a_page_and_keeps_the_text(browsers: dict[str, Browser], name: str) -> None:
    answer = browsers["anyone"].post("/ask", {"text": TEXTS[name].replace("\udce9", "?")}, form="/ask")
    assert answer.status_code == (422 if name in {"empty", "blank", "emoji", "wildcards"} else 200)
    assert not any(markup in answer.text for markup in MARKUP)
    assert answer.status_code == 200 or 'role="alert"' in answer.text


def test_a_text_that_is_too_long_is_told_so(browsers: dict[str, Browser]) -> None:
    answer = browsers["anyone"].post("/ask", {"text": LONG + "停"}, form="/ask")
    assert answer.status_code == 422
    assert "10001 个字" in answer.text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("budget", "很多", "预算请填数字"),
        ("budget", "-5", "预算请填数字"),
        ("weeks", "NaN", "工期请填整数"),
        ("weeks", "1e9", "工期请填整数"),
    ],
)
def test_a_wrong_figure_is_told_at_its_field(browsers: dict[str, Browser], field: str, value: str, sentence: str) -> None:
    answer = browsers["anyone"].post("/ask", {"text": "压机停机", field: value}, form="/ask")
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'value="{value}"' in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=99999999999",
        "page=x",
        "sort=none",
        "kind=none",
        "price_min=abc",
        "price_min=-1&price_max=NaN",
        "price_max=1e99",
        "sector=<script>",
        "sector=chem&sector=" + "x" * 5000,
        "weeks_max=０12",
        "lang=xx",
        "stage=&stage=&stage=",
        "q=压机&q=停机",
        "sector[]=chem",
    ],
)
def test_odd_parameters_are_left_out(browsers: dict[str, Browser], query: str) -> None:
    answer = browsers["anyone"].get(f"/search?{query}")
    assert answer.status_code == 200
    assert not any(markup in answer.text for markup in MARKUP)


@pytest.mark.parametrize("key", ["x", "../x", "%00", "0", "1", "'", "<script>", "a" * 400, "😀", "00000000-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("noun", ["solutions", "providers", "scenarios", "enterprises"])
def test_an_unknown_key_gets_a_page_with_a_way_on(browsers: dict[str, Browser], noun: str, key: str) -> None:
    answer = browsers["centre"].get(f"/{noun}/{quote(key)}")
    assert answer.status_code == 404
    assert 'href="/"' in answer.text
    assert not any(markup in answer.text for markup in MARKUP)


def test_suggestions_take_anything(browsers: dict[str, Browser]) -> None:
    for text in TEXTS.values():
        answer = browsers["anyone"].get(f"/search/suggestions?q={_coded(text[:500])}")
        assert answer.status_code == 200
        assert isinstance(answer.json, list)


def test_pages_never_hold_what_a_stranger_typed_as_markup(browsers: dict[str, Browser], things: Things) -> None:
    for page in (
        "/enterprises?q={}",
        "/scenarios?sector={}&kind={}",
        "/nothing/{}",
        "/login?next={}",
        f"/solutions/{things.solution}?x={{}}",
    ):
        text = browsers["centre"].get(page.replace("{}", quote('"><script>alert(1)</script>'))).text
        assert "<script>alert" not in text


def test_a_nul_is_typed_by_nobody(demo_app: Flask, browsers: dict[str, Browser]) -> None:
    """PostgreSQL takes none: it is left out before any view sees it."""
    for address in ("/recommended?batch=%00", "/enterprises?q=%00a", "/ratings?name=%00", "/history?actor=a%00b"):
        assert browsers["admin"].get(address).status_code == 200, address
    with demo_app.test_request_context("/x?q=%00a%00", method="POST", data={"text": "压机\0停机", "tags": ["a\0", "b"]}):
        assert request.args.to_dict() == {"q": "a"}
        assert request.form.getlist("tags") == ["a", "b"]
        assert request.form["text"] == "压机停机"


@pytest.mark.parametrize("page", ["99999999999999999999", "-1", "0", "二", "1e9"])
def test_no_list_falls_over_a_page_that_there_is_not(demo_app: Flask, browsers: dict[str, Browser], page: str) -> None:
    """Every page that takes no name in its address, for whoever may see most of them."""
    lists = [
        rule.rule
        for rule in demo_app.url_map.iter_rules()
        if not rule.arguments and "GET" in (rule.methods or ()) and rule.endpoint.partition(".")[0] != "assets" and "." not in rule.rule
    ]
    assert {"/calls", "/recommended", "/listings", "/catalogue", "/catalogue/review", "/enterprises", "/inbox", "/applications"} <= set(
        lists
    )
    for person in ("admin", "provider"):
        fallen = [place for place in lists if browsers[person].get(f"{place}?page={quote(page)}").status_code >= 500]
        assert fallen == []
