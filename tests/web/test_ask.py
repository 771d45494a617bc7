"""The page of a problem in one's own words: what was guessed is said once, and the other language takes along what was typed."""

from __future__ import annotations

from marketplace.web.foreign import marked
from tests.opened import Browser

TEXT = "两千吨的压床一停，后面四条焊线全等着，离合器和平衡缸的毛病从来都是坏了才修。"


def test_what_was_guessed_is_said_once(browsers: dict[str, Browser]) -> None:
    page = browsers["anyone"].post("/ask", {"text": TEXT}, form="/ask").text
    assert page.count("您没有说") == 1
    assert 'href="#guess"' in page


def test_nothing_is_said_of_a_guess_where_the_person_chose(browsers: dict[str, Browser]) -> None:
    page = browsers["anyone"].post("/ask", {"text": TEXT, "sector": "auto", "stage": "equipment"}, form="/ask").text
    assert "您没有说" not in page


def test_the_other_language_keeps_what_was_typed(browsers: dict[str, Browser]) -> None:
    browser = browsers["anyone"]
    page = browser.get("/ask").text
    assert 'form="ask" formaction="/ask?lang=en"' in page
    # Typed and not yet asked: no answer, and nothing is called missing.
    page = browser.post("/ask?lang=en", {"text": TEXT, "budget": "120", "keep": "1", "asked": ""}, form="/ask").text
    assert TEXT in page
    assert 'value="120"' in page
    assert 'id="answer"' not in page
    assert browser.post("/ask?lang=en", {"text": "", "keep": "1", "asked": ""}, form="/ask").status_code == 200
    # An answer is given again in the other language.
    page = browser.post("/ask?lang=en", {"text": TEXT, "keep": "1", "asked": "1"}, form="/ask").text
    assert TEXT in page
    assert 'id="answer"' in page
    assert "You did not name the" in page
    browser.client.delete_cookie("jigai_lang")


def test_chinese_on_an_english_page_is_marked_for_those_who_listen(browsers: dict[str, Browser]) -> None:
    assert marked("<h1>天津公司</h1>") == '<h1 lang="zh-CN">天津公司</h1>'
    assert marked('<a href="/x">压机 MES 方案</a>') == '<a lang="zh-CN" href="/x">压机 MES 方案</a>'
    for kept in ("<p>Confirm: add this to the list (第一批)</p>", "<p>plain</p>", '<a lang="en">中文</a>', "<script>'压机'</script>"):
        assert marked(kept) == kept
    browser = browsers["anyone"]
    assert '<html lang="en">' in (page := browser.get("/search?lang=en").text)
    assert page.count('lang="zh-CN"') > 20
    assert browser.get("/search?lang=zh").text.count('lang="zh-CN"') == 2
    browser.client.delete_cookie("jigai_lang")
