"""Reading the site in English: every page that links lead to, and the Chinese on it that no person wrote."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from marketplace.domain.letter_texts import NAMES, told
from marketplace.letters.letter import Paragraph, fill, form_of, names
from marketplace.records.columns import Record
from marketplace.site import Site
from marketplace.web.letter_texts import _SAMPLES
from tests.opened import Browser

# Characters and the marks between them.
CHINESE = re.compile(r"[\u3001\u3002\u3008-\u3011\u4e00-\u9fff\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]+")
# A person's own words may be cut: a quote at any place, a title after its first clause.
CUT, CLAUSE = 6, 4
LONG = 8
SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-label", "content")
# A quote is somebody's own words, a code is to be typed as it stands.
APART = {"q", "code", "script", "style"}
FIELDS = {"input", "select", "textarea"}
CHOSEN = {"checkbox", "radio"}
EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# Sentences with the values that they name: what these hold is the platform's way of speaking.
SENTENCES = {"notices", "tasks", "history", "jobs"}
# Words to type, or to be found in a sheet.
KEPT = {
    "休", "班", "是", "否", "精馏塔", "蒸汽", "回流", "压机停机", "料架回收", "危废称重", "等保测评", "碳足迹", "技改", "中文",
}  # fmt: skip
# The same page under so many addresses is looked at.
SAME_SHAPE, SAME_PAGE = 3, 8
# Of boxes with one name.
MOST_TICKED = 2
# These end what the reader is in the middle of.
LAST = ("/logout", "/account/sessions", "/disable", "/log-ins")
OUTSIDE = ("/api", "/static", "/metrics", "/assets")


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from leaves(one)


def texts_of(site: Site) -> set[str]:
    """Every Chinese text of the database, whole and line by line."""
    texts: set[str] = set()
    with site.database.reading() as session:
        for table in Record.metadata.sorted_tables:
            columns = [column for column in table.c if table.name not in SENTENCES or column.name in ("actor", "why")]
            for row in session.execute(select(*columns)) if columns else ():
                for text in leaves(list(row)):
                    texts.update(" ".join(line.split()) for line in (text, *text.splitlines()) if CHINESE.search(line))
    return texts


RATE = re.compile(r"[\u4e00-\u9fff]{1,6}/[\u4e00-\u9fff]{1,4}")
UNIT = re.compile(rf"(?:(?<=\d )|(?<=unit ))(?:{RATE.pattern}|[\u4e00-\u9fff/]{{1,4}})|{RATE.pattern}")


def texts_of_letters(site: Site) -> set[str]:
    """The wording of letters, which is Chinese in either language: as it is edited, and as the preview fills it in."""
    roles, day = site.pilot.roles, datetime.now(ZoneInfo(site.pilot.city.zone))
    words = {role: term.name for role in ("bureau", "manager", "centre") if (term := roles.find(role))}
    values = {**_SAMPLES, **words, "city": site.pilot.city.name, "date": f"{day.year}年{day.month}月{day.day}日"}
    texts = {f"{values['organisation']}：", *NAMES.values(), *(f"{{{name}}}" for name in NAMES.values())}
    for form in names():
        own, letter = form_of(form).text, fill(form, values)
        texts |= {letter.title, letter.sign_off, letter.date, *(told(text) for text in (own.title, own.sign_off, *own.parts))}
        for part in letter.parts:
            texts |= {part.text} if isinstance(part, Paragraph) else {*part.head, *(cell for row in part.rows for cell in row)}  # type: ignore[union-attr]
    return {line for text in texts for line in text.splitlines()}


class Written:
    """What people wrote: every text of the database that is not a sentence of the platform, the questions of the questionnaire, and the
    wording of letters.

    `before`: the texts that were there when the pages were read; a form may have taken some out since."""

    def __init__(self, site: Site, sentences: Collection[str], before: Collection[str] = ()) -> None:
        texts = {*before, *texts_of(site), *(one.name for one in site.pilot.questionnaire.questions if len(one.name) >= CUT)}
        texts |= texts_of_letters(site)
        # A short one, or one thing by another: 千克标煤/吨.
        self._units = {text for text in texts if len(text) <= 4 or RATE.fullmatch(text)}
        texts -= set(sentences)
        self._all = "\n".join(texts)
        self._by_head: dict[str, list[str]] = defaultdict(list)
        for text in sorted((one for one in texts if len(one) > 1), key=len, reverse=True):
            self._by_head[text[:2]].append(text)
        self._known: dict[str, tuple[str, ...]] = {}

    def besides(self, text: str) -> tuple[str, ...]:
        """The Chinese in a text that nobody wrote."""
        if text not in self._known:
            self._known[text] = tuple(self._besides(text))
        return self._known[text]

    def _besides(self, text: str) -> Iterator[str]:
        # 26 → 8 人: a figure's unit is part of what was written.
        text = UNIT.sub(lambda unit: "\n" if unit[0] in self._units else unit[0], text)
        text = self._without(text, LONG)
        text = CHINESE.sub(lambda run: "\n" if self._is_cut(run[0]) else run[0], text)
        yield from (found for found in CHINESE.findall(self._without(text, 2)) if found not in KEPT)

    def _without(self, text: str, least: int) -> str:
        """A text without what people wrote, in so many letters at least: the longest first."""
        left, place = "", 0
        while place < len(text):
            written = (one for one in self._by_head.get(text[place : place + 2], ()) if len(one) >= least)
            found = next((one for one in written if text.startswith(one, place)), "")
            left += "\n" if found else text[place]
            place += len(found) or 1
        return left

    def _is_cut(self, run: str) -> bool:
        return len(run) >= CLAUSE and run in self._all and (len(run) >= CUT or f"\n{run}" in self._all)


class Page(HTMLParser):
    """The texts of a page, its links and its forms."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        # Where a form goes, and its fields: what the page gives them, None for what a person fills in.
        self.forms: list[tuple[str, dict[str, str | None]]] = []
        # Forms that only ask: where they go, and what stands or can be ticked in them, by their id.
        self._asked: dict[str, str] = {}
        self._ticks: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._form = ""
        self._open: list[tuple[str, bool]] = []
        self._text = ""
        self.feed(html)
        self._break("")
        self.links += [f"{action}?{urlencode(self._ticks[form])}" for form, action in self._asked.items() if self._ticks[form]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._break(tag)
        self.texts += [given[name] for name in SPOKEN if name in given]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form":
            self._form = ""
            if given.get("method", "").lower() == "post":
                self.forms.append((given.get("action", ""), {}))
            elif given.get("action"):
                self._form = given.get("id") or f"form {len(self._asked)}"
                self._asked[self._form] = given["action"]
        if tag in FIELDS and "name" in given and (form := given.get("form", self._form)):
            same = sum(name == given["name"] for name, _value in self._ticks[form])
            if given.get("type") in ("hidden", "checkbox") and same < MOST_TICKED:
                self._ticks[form].append((given["name"], given.get("value", "")))
        elif tag in FIELDS and "name" in given and self.forms:
            kept = given.get("type") == "hidden" or (tag == "input" and given.get("type") in CHOSEN)
            self.forms[-1][1].setdefault(given["name"], given.get("value", "") if kept else None)
        if tag not in EMPTY:
            self._open.append((tag, tag in APART))

    def handle_endtag(self, tag: str) -> None:
        self._break(tag)
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        if not any(apart for _tag, apart in self._open):
            self._text += data

    def _break(self, tag: str) -> None:
        """A tag ends a text; a matched word within one does not."""
        if tag != "mark":
            self.texts.append(" ".join(self._text.split()))
            self._text = ""


class Reader:
    """One person who reads all pages in English, following links."""

    def __init__(self, app: Flask, browser: Browser) -> None:
        self.app, self.browser = app, browser
        # What was read, and where first; what broke.
        self.texts: dict[str, str] = {}
        self.broken: dict[str, int] = {}
        self.seen: Counter[str] = Counter()
        self.forms: dict[str, tuple[str, str, dict[str, str | None]]] = {}
        self._addresses = app.url_map.bind("localhost")

    def read_all(self) -> None:
        """From the first page on, and every page that can be reached without an argument."""
        assert self.browser.get("/?lang=en").status_code == 200
        plain = [rule.rule for rule in self.app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
        waiting, shapes, done = ["/", *sorted(plain)], Counter[tuple[str, ...]](), set[str]()
        while waiting:
            address = waiting.pop(0)
            endpoint = "" if address in done else self._endpoint(address)
            done.add(address)
            shape = (endpoint, *sorted(name for name, _value in parse_qsl(urlsplit(address).query)))
            if not endpoint or shapes[shape] >= SAME_SHAPE or self.seen[endpoint] >= SAME_PAGE:
                continue
            shapes[shape] += 1
            self.seen[endpoint] += 1
            answer = self.browser.get(address)
            if answer.status_code in (301, 302, 303):
                waiting.append(urljoin(address, answer.headers["Location"]))
            waiting += self._look(address, answer)

    def send_all_forms(self, word: str) -> Counter[int]:
        """Every form with the same word in all of its fields: what the site answers is to be English as well."""
        codes = Counter[int]()
        for page, action, fields in [form for form in self.forms.values() if not any(part in form[1] for part in LAST)]:
            sent = {name: word if given is None else given for name, given in fields.items()} | {"csrf_token": self.browser.token()}
            answer = self.browser.client.post(action, data=sent, follow_redirects=True)
            codes[answer.status_code] += 1
            self._look(f"POST {action} with {word!r} from {page}", answer)
        return codes

    def faults(self, written: Written) -> dict[str, str]:
        """Chinese that nobody wrote, and that is not what was searched for: with its text, and where it stood."""
        found: dict[str, str] = {}
        for text, address in self.texts.items():
            asked = [value for _name, value in parse_qsl(urlsplit(address).query)]
            found |= {f"{one} | {text[:120]}": address for one in written.besides(text) if not any(one in value for value in asked)}
        return found

    def _endpoint(self, address: str) -> str:
        """Which page it is; nothing for those that are none of ours to read."""
        parts = urlsplit(address)
        if parts.netloc or not parts.path.startswith("/") or parts.path.startswith(OUTSIDE) or "lang=" in parts.query:
            return ""
        try:
            endpoint: str = self._addresses.match(parts.path, method="GET")[0]
        except HTTPException:
            return ""
        return endpoint

    def _look(self, address: str, answer: TestResponse) -> list[str]:
        """Note what is wrong with a page. The addresses it leads to."""
        if answer.mimetype != "text/html":
            answer.close()
            return []
        page = Page(answer.text)
        answer.close()
        for text in page.texts:
            if CHINESE.search(text):
                self.texts.setdefault(text, address)
        if answer.status_code >= 500:
            self.broken[address] = answer.status_code
        path = urlsplit(address).path
        for action, hidden in page.forms:
            here = urljoin(path, action) if action else path
            self.forms.setdefault(re.sub(r"[0-9a-f-]{36}", "…", here), (path, here, hidden))
        return [urljoin(path, link).partition("#")[0] for link in page.links]
