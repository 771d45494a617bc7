"""What the journey through the pool is made of: one clock, people in front of windows of their own, words as the page says them."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyotp
import time_machine
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from marketplace.actions.accounts import open_account
from marketplace.actions.demonstration import PASSWORD
from marketplace.app import job_worker_of
from marketplace.domain.access import Role
from marketplace.domain.credit_code import check_character
from marketplace.pilot import Pilot
from marketplace.records.accounts import Account
from marketplace.records.organisations import Organisation
from marketplace.web.language import TRANSLATIONS
from tests.journeys.conftest import Person, Served

HANZI = re.compile(r"[\u4e00-\u9fff]")
# What an English page may say in Chinese: names of letters, which are Chinese documents, and of those who are called so.
NAMES = re.compile(r"\S+\.(docx|pdf)|[\u4e00-\u9fff]+（示例）")
# Every piece of text with a Chinese character in it, but for what says of itself that it is Chinese.
CHINESE = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = new Set();
  while (walk.nextNode()) {
    const {data, parentElement} = walk.currentNode;
    if (/[\\u4e00-\\u9fff]/.test(data) && !parentElement.closest("[lang^=zh], [aria-hidden=true], script")) found.add(data.trim());
  }
  return [...found];
}"""


# How many milliseconds a page may take on a machine that does other things as well.
PATIENCE = 15_000


class Words:
    """The page's words for a Chinese source sentence: itself, or its English from the catalogue that the pages use."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._translations = gettext.NullTranslations() if lang == "zh" else gettext.translation("messages", TRANSLATIONS, ["en"])

    def __call__(self, chinese: str, **values: Any) -> str:
        said = self._sentence(chinese)
        return said % values if "%(" in said else said.format(**values) if values else said

    def _sentence(self, chinese: str) -> str:
        said = self._translations.gettext(chinese)
        assert self.lang == "zh" or said != chinese, f"no English: {chinese}"
        return said

    def pattern(self, chinese: str, **values: Any) -> re.Pattern[str]:
        """A sentence of which only some values are known."""
        parts = re.split(r"\{(\w+)\}", self._sentence(chinese))
        return re.compile(
            "".join(
                re.escape(str(values[part])) if n % 2 and part in values else ".+" if n % 2 else re.escape(part)
                for n, part in enumerate(parts)
            )
        )


@dataclass
class Window:
    """A window and the hand that moves in it. Every press waits for the page that answers it, and hears no refusal unless one is meant."""

    person: Person
    say: Words

    @property
    def page(self) -> Page:
        return self.person.page

    def named(self, chinese: str, **values: Any) -> re.Pattern[str]:
        """A button or link by how its words begin; what follows says which thing it is about."""
        return re.compile("^" + re.escape(self.say(chinese, **values)))

    def press(self, chinese: str, *, inside: Locator | None = None, refused: bool = False, **values: Any) -> None:
        """The button with these words. `inside`: part of the page where more than one has them."""
        button = (inside or self.page.locator("main")).get_by_role("button", name=self.named(chinese, **values))
        with self.page.expect_navigation():
            button.first.click()
        alerts = self.page.get_by_role("alert").all_inner_texts()
        assert bool(alerts) == refused, alerts
        if refused:
            # A refused form is an answer with a status of its own, which the browser notes as an error.
            self.person.faults[:] = [fault for fault in self.person.faults if not re.search("status of 4(22|09)", fault)]

    def follow(self, chinese: str, *, inside: Locator | None = None, **values: Any) -> None:
        with self.page.expect_navigation():
            (inside or self.page).get_by_role("link", name=self.named(chinese, **values)).first.click()

    def open(self, words: str) -> None:
        """A link by words that somebody typed, so that they are the same in every language."""
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("link", name=words).first.click()

    def fill(self, values: Mapping[str, str | list[str]], inside: str = "main") -> None:
        """Fields of a form by their names: a text, a choice, or a file by its path."""
        for name, value in values.items():
            fields = self.page.locator(f'{inside} [name="{name}"]')
            kind = fields.first.evaluate("one => one.localName === 'select' ? 'select' : one.type")
            if kind in ("checkbox", "radio"):
                for one in value if isinstance(value, list) else [value]:
                    fields.and_(self.page.locator(f'[value="{one}"]')).check()
            elif kind == "select":
                fields.first.select_option(str(value))
            elif kind == "file":
                fields.first.set_input_files(str(value))
            else:
                fields.first.fill(str(value))

    def told(self, chinese: str, **values: Any) -> None:
        """The page says that it was done."""
        expect(self.page.get_by_role("status").filter(has_text=self.say(chinese, **values)).first).to_be_visible()

    def reads(self, *words: str) -> None:
        for one in words:
            expect(self.page.locator("main")).to_contain_text(one)

    def look(self, name: str, *, of_others: bool = False) -> None:
        """A screenshot and the rules of every page. In English nothing is left in Chinese, unless it shows what others typed."""
        self.person.look(f"pool-{name}" if self.say.lang == "zh" else f"pool-{name}-{self.say.lang}")
        if self.say.lang == "en" and not of_others:
            assert [words for words in self.page.evaluate(CHINESE) if HANZI.search(NAMES.sub("", words))] == [], name


@dataclass
class Journey:
    """One walk through the pool in one language. Whoever acts has a window, and logs in again when so much time has passed."""

    say: Words
    served: Served
    somebody: Callable[..., Person]
    travel: time_machine.Traveller
    papers: Path
    windows: dict[str, Window] = field(default_factory=dict)
    logged_in: set[str] = field(default_factory=set)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def lang(self) -> str:
        return self.say.lang

    @property
    def pilot(self) -> Pilot:
        return self.served.site.pilot

    @property
    def today(self) -> date:
        return datetime.now(ZoneInfo(self.pilot.city.zone)).date()

    def day(self, days: int) -> str:
        """A day from today, as a field of a form takes it."""
        return (self.today + timedelta(days=days)).isoformat()

    def later(self, days: int) -> None:
        """The one clock of the process goes on; every log-in has ended meanwhile, as it would have."""
        self.travel.shift(timedelta(days=days))
        self.logged_in.clear()

    def login(self, who: str) -> str:
        return who if who == "admin" else f"{who}-{self.lang}"

    def seat(self, who: str) -> Window:
        """Somebody's own window, opened in the language of the journey by the page's own switch."""
        if who not in self.windows:
            window = self.windows[who] = Window(self.somebody(), self.say)
            window.page.set_default_timeout(PATIENCE)
            window.person.go("/")
            if self.lang == "en":
                window.page.get_by_role("link", name="English").click()
                expect(window.page.locator("html")).to_have_attribute("lang", "en")
        return self.windows[who]

    def at(self, who: str, path: str = "/inbox") -> Window:
        """Somebody's window, logged in, at a page: without another wish the inbox."""
        window = self.seat(who)
        if who not in self.logged_in:
            window.person.log_in(self.login(who))
            if who in self.keys:
                self.code(window, who)
            expect(window.page.get_by_role("button", name=self.say("退出"), exact=True)).to_be_visible(timeout=PATIENCE)
            self.logged_in.add(who)
        window.person.go(path)
        return window

    def code(self, window: Window, who: str) -> None:
        """The second half of a log-in: what the telephone shows now."""
        expect(window.page.get_by_role("heading", level=1)).to_have_text(self.say("两步验证"), timeout=PATIENCE)
        window.fill({"code": pyotp.TOTP(self.keys[who]).now()})
        window.press("登录")

    def task(self, who: str, chinese: str, **values: Any) -> Window:
        """From the inbox to where something is done: the task with these words, of whose values those that are known."""
        window = self.at(who)
        with window.page.expect_navigation():
            window.page.locator(".jg-inbox li").filter(has_text=self.say.pattern(chinese, **values)).get_by_role("link").first.click()
        return window

    def state(self, noun: str, value: str) -> str:
        found = self.pilot.label(noun, value, self.lang)
        assert found is not None, (noun, value)
        return found[0]

    def stands(self, window: Window, noun: str, value: str) -> None:
        """The state beside the heading of the page."""
        expect(window.page.locator(".jg-title-line .jg-badge").first).to_have_text(self.state(noun, value))

    def letters(self) -> None:
        """What the job queue has to do now: letters above all. A running site has a worker for it; here it works when it is waited for."""
        job_worker_of(self.served.site).drain()

    def paper(self, name: str) -> str:
        """A PDF of its own content, ready to be uploaded."""
        path = self.papers / f"{name}.pdf"
        path.write_bytes(pdf(f"{name} {self.lang}"))
        return str(path)

    def open_staff(self, people: dict[str, tuple[str, Role, str]]) -> None:
        """Accounts as an administrator's invitation would have made them: log-in → name, role, organisation."""
        with self.served.site.database.writing() as session:
            for who, (name, role, unit) in people.items():
                found = session.scalar(select(Organisation).where(Organisation.name == unit)) or Organisation(name=unit)
                session.add(found)
                session.flush()
                now = datetime.now(ZoneInfo("UTC"))
                memberships = [(found.id, role)]
                made = open_account(session, self.login(who), PASSWORD, name=name, memberships=memberships, now=now, actor="test")
                assert isinstance(made, Account), made


def credit_code(place: int) -> str:
    """A code of a region that does not exist, with the check character that belongs to it."""
    first = f"919900{place:02}MAJ0URNEY"[:17].replace("O", "0").ljust(17, "0")
    return first + check_character(first)


def pdf(text: str) -> bytes:
    """A whole PDF of one empty page, each text another file."""
    head = b"%PDF-1.4\n%" + text.encode().hex().encode() + b"\n"
    parts = (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>")
    out, places = head, []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + part + b"endobj\n"
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + table + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out)
