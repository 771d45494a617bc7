"""The statistics page says what was searched in vain and how long it took, to staff alone."""

from __future__ import annotations

import re

from flask import Flask

from marketplace.metrics import search_figures
from tests.opened import Browser


def _of(page: str, word: str) -> int:
    found = re.search(rf"{word}</th><td[^>]*>([\d,]+)</td>", page)
    assert found, page[:200]
    return int(found[1].replace(",", ""))


def test_searches_in_vain_are_counted_and_shown_to_staff(own_app: Flask, own_browsers: dict[str, Browser]) -> None:
    visitor = Browser(own_app.test_client())
    before = search_figures(("/search",))
    assert visitor.get("/search?q=MES").status_code == 200
    visitor.get("/search?q=MES&page=2")
    visitor.get("/search")
    visitor.get("/search?q=MES&price_max=0.01")
    after = search_figures(("/search",))
    assert after.asked == before.asked + 2
    assert after.nothing + after.relaxed == before.nothing + before.relaxed + 1
    (row,) = after.latencies
    assert 0 < row.p50 <= row.p95
    page = own_browsers["manager"].get("/statistics").text
    assert _of(page, "全部搜索") == after.asked
    assert "还没有训练过" in page
    for person, status in (("provider", 404), ("enterprise", 404)):
        assert own_browsers[person].get("/statistics").status_code in (403, status)
