"""What the journey of two projects is made of: everybody who has a part in it, what they type, and how they move between the pages.

One project goes well; the other is inspected, warned about, put right, fails its acceptance and passes the second time. Both are
submitted under one guide and paid by one funding plan, as they would be. The accounts are those of the demonstration, with a second
person of the bureau; whatever the demonstration holds besides is not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from PIL import Image
from sqlalchemy import select

from marketplace.actions.demonstration import PASSWORD
from marketplace.domain.access import Role
from marketplace.domain.providers import TAKES_NEW
from marketplace.jobs.supervision import ask_for_supervision
from marketplace.records.accounts import Account, Membership
from marketplace.records.enterprises import Enterprise
from marketplace.records.projects import Project
from marketplace.records.providers import Provider
from marketplace.records.ratings import find_events, find_mean, find_scores
from tests.journeys.pool import PATIENCE, Journey, Window

GOOD, BAD = "good", "bad"
GUIDE = "2026 年改造提升专批（行程）"
GUIDE_TEXT = "支持关键设备更新、产线联网和质量检测。由所在开发区、街镇初审推荐，专家评审后择优。"
TITLES = {GOOD: "涂装线余热回收（行程）", BAD: "冲压线快速换模（行程）"}
# 万元: what each project costs, what it asks for, and the central money of the year.
TOTAL, ASKED, BUDGET = 500, 80, 200
TEXTS = {
    "background": "现在靠人工和经验，停机多，能耗高，诊断报告里写明。",
    "content": "换压床和燃烧器，加传感器，数据进现有系统，分两步做。",
    "effect": "停机由每月二十六小时降到八小时，产量提高三成。",
}
INDICATORS = (
    {"name": "停机", "unit": "小时/月", "direction": "down", "baseline": "26", "target": "8", "weight": "60", "evidence": "月报"},
    {"name": "产量", "unit": "箱/班", "direction": "up", "baseline": "100", "target": "130", "weight": "40", "evidence": "生产日报"},
)
COSTS = (
    {"kind": "equipment", "item": "压床和燃烧器", "amount_wan": "300", "fiscal_wan": "60", "own_wan": "240", "basis": "三家询价"},
    {"kind": "software", "item": "数据采集软件", "amount_wan": "150", "fiscal_wan": "20", "own_wan": "130", "basis": "合同"},
    {"kind": "building", "item": "地基", "amount_wan": "50", "fiscal_wan": "0", "own_wan": "50", "basis": "预算书"},
)
EXPERTS = {"judge1": "程一（行程）", "judge2": "程二（行程）", "judge3": "程三（行程）"}
OFFICE = {"bureau2": ("区工信局复核（行程）", Role.BUREAU, "区工信局（行程）")}


class Maker(NamedTuple):
    """A provider."""

    id: int
    name: str


@dataclass
class Projects(Journey):
    """`refs`: which project has which address; `owners`: who applies for it; `pot`: what there was of central money before; `rated`: how the
    rating of who did the bad work went."""

    refs: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=lambda: {GOOD: "enterprise", BAD: "enterprise2"})
    guide: str = ""
    pot: dict[str, int] = field(default_factory=dict)
    rated: list[float] = field(default_factory=list)

    def login(self, who: str) -> str:
        return who

    def seat(self, who: str) -> Window:
        """A window that has not been anywhere yet."""
        if who not in self.windows:
            self.windows[who] = Window(self.somebody(), self.say)
            self.windows[who].page.set_default_timeout(PATIENCE)
        return self.windows[who]

    def at(self, who: str, path: str = "/inbox") -> Window:
        """Whoever has to log in is led to the page that was asked for."""
        window = self.seat(who)
        if who in self.logged_in:
            window.person.go(path)
            return window
        window.person.go(f"/login?next={path}")
        window.fill({"login": self.login(who), "password": PASSWORD})
        window.press("登录")
        assert window.page.url == self.served.address + path
        self.logged_in.add(who)
        return window

    def of(self, which: str, step: str = "") -> str:
        return f"/projects/{self.refs[which]}" + (f"/{step}" if step else "")

    def owner(self, which: str, step: str = "") -> Window:
        return self.at(self.owners[which], self.of(which, step))

    def record(self, which: str) -> Project:
        with self.served.site.database.reading() as session:
            found = session.scalars(select(Project).where(Project.public_id == self.refs[which])).one()
            session.expunge_all()
            return found

    def state_is(self, window: Window, which: str, value: str) -> None:
        """The page of the project says so."""
        window.person.go(self.of(which))
        self.stands(window, "project", value)

    def enterprise(self, which: str) -> Enterprise:
        """Whose project it is."""
        with self.served.site.database.reading() as session:
            units = select(Membership.organisation_id).join(Account).where(Account.login == self.owners[which])
            found = session.scalars(select(Enterprise).where(Enterprise.organisation_id.in_(units))).one()
            session.expunge_all()
            return found

    def makers(self, which: str) -> tuple[Maker, Maker]:
        """The general contractor of a project and whoever works under it. The one with an account does the bad work."""
        with self.served.site.database.reading() as session:
            own = select(Membership.organisation_id).join(Account).where(Account.login == "provider")
            known = session.scalars(select(Provider).where(Provider.organisation_id.in_(own))).one()
            assert known.state in TAKES_NEW
            query = select(Provider).where(Provider.state.in_(TAKES_NEW), Provider.id != known.id).order_by(Provider.id).limit(2)
            good, under = session.scalars(query).all()
            makers = known if which == BAD else good, under
            return Maker(makers[0].id, makers[0].name), Maker(makers[1].id, makers[1].name)

    def rating(self, which: str) -> tuple[float, dict[str, Any]]:
        """The rating of the general contractor, and what this project says of it now: kind → particulars."""
        maker, number = self.makers(which)[0], self.record(which).number
        with self.served.site.database.reading() as session:
            score = find_scores(session, [maker.id]).get(maker.id)
            events = find_events(session, [maker.id]).get(maker.id, [])
            return (score.score if score else find_mean(session) or 0.0), {
                str(row.kind): row.payload for row in events if row.project == number
            }

    def night(self) -> None:
        """What the job queue does at night about projects under way, and whatever else waits there."""
        with self.served.site.database.writing() as session:
            ask_for_supervision(session, self.today, datetime.now(UTC))
        self.letters()

    def photo(self, number: int) -> str:
        """A picture of its own."""
        path = self.papers / f"photo-{number}.png"
        image = Image.effect_noise((96, 64), 40.0 + 30 * number).convert("RGB")
        image.save(path)
        return str(path)


def rows(window: Window, *filled: dict[str, Any]) -> None:
    """Rows of a form, whose fields have one name each for every row."""
    for place, row in enumerate(filled):
        for name, value in row.items():
            one = window.page.locator(f'main [name="{name}"]').nth(place)
            if one.evaluate("one => one.localName") == "select":
                one.select_option(str(value))
            else:
                one.fill(str(value))


def opened(window: Window, summary: str) -> None:
    """What is folded away under these words, unless it is open."""
    fold = window.page.locator("main details").filter(has=window.page.locator("summary", has_text=re.compile("^" + summary))).first
    if fold.get_attribute("open") is None:
        fold.locator("summary").first.click()
