"""What holds for every page: headers, no inline style or script, both languages, a constant number of queries, speed."""

from __future__ import annotations

import re
import time

import pytest
from sqlalchemy import select

from marketplace.records.enterprises import Enterprise
from marketplace.records.solutions import Solution
from marketplace.site import Site
from marketplace.web.cards import published
from tests.opened import Browser
from tests.web.people import Counted, Things

# Page → who looks at it.
PAGES = {
    "/": "anyone",
    "/ask?text=两千吨的压床一停，后面四条焊线全等着": "anyone",
    "/ask": "anyone",
    "/search": "anyone",
    "/search?q=压机停机&sector=auto": "anyone",
    "/search?kind=provider&q=软件": "anyone",
    "/search?kind=scenario": "anyone",
    "/search?kind=problem&q=设备": "provider",
    "/solutions/{solution}": "anyone",
    "/providers/{own_provider}": "anyone",
    "/scenarios": "anyone",
    "/scenarios/{scenario}": "anyone",
    "/enterprises": "centre",
    "/enterprises/{own_enterprise}": "enterprise",
    "/enterprises/{own_enterprise}/plan": "enterprise",
    "/demands": "provider",
    "/index": "admin",
    "/help": "anyone",
    "/how-ranking-works": "anyone",
    "/nothing": "anyone",
    "/login": "anyone",
}
HANZI = re.compile(r"[\u4e00-\u9fff]")
# At most this many statements a page, whatever it shows; two of them find out who is asking.
MOST_STATEMENTS = 24
LIMIT_MS = 150.0


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_inline_style_or_script(browsers: dict[str, Browser], things: Things, page: str) -> None:
    answer = browsers[PAGES[page]].get(page.format(**vars(things)))
    assert answer.status_code == (404 if page == "/nothing" else 200)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "default-src 'none'" in policy or "default-src 'self'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|src=\"data:", answer.text)
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", answer.text) == []
    # Everything that a page asks for is its own.
    assert re.findall(r"(?:src|href|action)=\"(?:https?:)?//[^\"]*", answer.text) == []
    assert answer.text.count("<h1") == 1
    assert re.search(r"<title>[^<]+ · [^<]+</title>", answer.text)
    ids = re.findall(r"\sid=\"([^\"]+)\"", answer.text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("page", PAGES)
def test_english_pages_hold_no_chinese_but_names_and_content(
    browsers: dict[str, Browser], things: Things, demo_site: Site, page: str
) -> None:
    address = page.format(**vars(things))
    answer = browsers[PAGES[page]].get(f"{address}{'&' if '?' in address else '?'}lang=en")
    text = answer.text
    assert '<html lang="en">' in text
    nav = text[text.index("<header") : text.index("</header>")]
    foot = text[text.index("<footer") :]
    heads = re.findall(r"<t?h[d1-6]?[^>]*>([^<]*)</t?h", text[text.index("<main") : text.index("</main>")])
    outside = re.sub(r">(技改|中文)<", "><", nav) + foot
    outside = re.sub(r'<a(?: lang="zh-CN")? class="is-wide" href="/account">[^<]*</a>', "", outside)
    found = HANZI.search(outside)
    assert not found, outside[max(0, found.start() - 200) : found.end() + 40]
    assert heads is not None


def test_the_language_stays_chosen(browsers: dict[str, Browser]) -> None:
    browser = browsers["anyone"]
    assert '<html lang="zh-CN">' in browser.get("/help?lang=zh").text
    assert '<html lang="en">' in browser.get("/help?lang=en").text
    assert '<html lang="en">' in browser.get("/scenarios").text
    assert '<html lang="zh-CN">' in browser.get("/scenarios?lang=zh").text


# The log-in page of a demonstration lists the accounts of all roles; a real site has none to list.
@pytest.mark.parametrize("page", [page for page in PAGES if page != "/login"])
def test_the_number_of_queries_is_small(browsers: dict[str, Browser], things: Things, demo_site: Site, page: str) -> None:
    browser, address = browsers[PAGES[page]], page.format(**vars(things))
    browser.get(address)
    with Counted(demo_site) as counted:
        assert browser.get(address).status_code in {200, 404}
    assert len(counted.statements) <= MOST_STATEMENTS, f"{len(counted.statements)} statements\n" + "\n".join(counted.statements)


def test_longer_lists_need_no_more_queries(browsers: dict[str, Browser], demo_site: Site) -> None:
    with demo_site.database.reading() as session:
        enterprises = session.scalars(select(Enterprise.public_id)).all()
        offered = select(Solution.public_id).join(Solution.provider).where(*published()).order_by(Solution.id)
        solutions = session.scalars(offered.limit(12)).all()

    def counts(addresses: list[str]) -> set[int]:
        found = set()
        for address in addresses:
            # The vector of a text that is new is looked for in the database as well.
            browsers["centre"].get(address)
            with Counted(demo_site) as counted:
                assert browsers["centre"].get(address).status_code == 200
            found.add(len(counted.statements))
        return found

    plans = [f"/enterprises/{key}/plan" for key in enterprises[:8]]
    # An enterprise without any match asks for nothing by its matches.
    assert max(counts(plans)) - min(counts(plans)) <= 1
    assert len(counts([f"/solutions/{key}" for key in solutions if key])) <= 2
    assert len(counts(["/search?q=设备", "/search?q=质量管理", "/search?q=质量&sector=auto"])) == 1


@pytest.mark.parametrize("page", PAGES)
def test_a_page_takes_at_most_150_ms_of_the_server(browsers: dict[str, Browser], things: Things, page: str) -> None:
    browser, address = browsers[PAGES[page]], page.format(**vars(things))
    browser.get(address)
    took = []
    for _attempt in range(5):
        # Time of the processor, of all threads: what else runs on the machine does not count.
        started = time.process_time()
        assert browser.get(address).status_code in {200, 404}
        took.append((time.process_time() - started) * 1000)
    assert min(took) <= LIMIT_MS, took
