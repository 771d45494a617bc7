"""The catalogue of the demonstration: every state of versions, calls and recommended products, made by the people themselves.

What everybody finds stays as the set has it: what is published here in addition is taken off again, and the one edit that is
approved adds a certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import calls, catalogue, catalogue_review, listings, solutions
from marketplace.actions.catalogue_content import content_of
from marketplace.domain.access import Viewer
from marketplace.domain.calls import CallDraft
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.listings import ListingDraft
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.solution_versions import Content, empty_content
from marketplace.domain.solutions import SolutionState
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.decisions import find_waiting_decisions
from marketplace.records.scenarios import Scenario
from marketplace.records.solution_versions import SolutionVersion
from marketplace.records.solutions import Solution

# Who acts, by the log-ins of the demonstration.
_PEOPLE = ("provider", "provider2", "manager", "bureau", "centre")
# The scenario that an edit names where the set names none, by sector; the calls' scenarios.
_USUAL = {"chem": "CH-04", "auto": "AU-09", "elec": "EL-07"}
_CALLED = ("CHEM-06", "ELEC-01", "CHEM-15")
_SUMMARY = (
    "在每台换热器的进出口装压差和温差表，按热阻变化判断结垢程度，提前两周安排清洗；清洗前后的对比自动入账，"
    "检修计划与生产排程对得上，误拆减少。先装两台对比一个月，再决定是否推广。"
)


@dataclass(frozen=True)
class _Stage:
    """What every step of the play needs."""

    database: Database
    rules: CatalogueRules
    at: datetime
    today: date
    people: dict[str, Viewer]

    def new(self, title: str, **other: object) -> SolutionVersion:
        """A new solution of the first provider."""
        person = self.people["provider"]
        return catalogue.create(self.database, min(person.provider_ids), _content(title, **other), note="新上", viewer=person, at=self.at)

    def edit(self, login: str, solution_id: int, note: str, **other: object) -> SolutionVersion:
        """An edit of what this provider has published."""
        with self.database.reading() as session:
            stands = content_of(session, session.get_one(Solution, solution_id))
        person = self.people[login]
        written = catalogue.write(
            self.database, solution_id, _complete(stands) | other, number=0, revision=0, note=note, viewer=person, at=self.at
        )
        assert written is not None
        return written

    def submit(self, login: str, version: SolutionVersion) -> SolutionVersion:
        person, rules = self.people[login], self.rules
        return catalogue.submit(
            self.database, version.id, revision=version.revision, viewer=person, at=self.at, today=self.today, rules=rules
        )

    def approve(self, version: SolutionVersion) -> None:
        manager = self.people["manager"]
        catalogue_review.approve(self.database, version.id, revision=version.revision, viewer=manager, at=self.at, why="内容属实")


def seed_catalogue(database: Database, rules: CatalogueRules, *, at: datetime, today: date) -> bool:
    """Play it once; whether anything was done. Nothing happens where the demonstration's people are not."""
    with database.reading() as session:
        people = _people(session)
        if len(people) < len(_PEOPLE) or session.scalar(select(SolutionVersion.id).limit(1)) is not None:
            return False
        first, second = (_published(session, people[login]) for login in ("provider", "provider2"))
        places = _scenarios(session)
    if len(first) < 2 or len(second) < 2 or len(places) < 3:
        return False
    stage = _Stage(database, rules, at, today, people)
    _versions(stage, first, second)
    _calls(stage, places, first[0], second[0])
    _listings(stage, [*first[:2], *second[:2]])
    return True


def _versions(stage: _Stage, first: list[int], second: list[int]) -> None:
    stage.new("循环水系统加药与结垢趋势管理", summary="还在整理。", scenario_codes=[])
    waits = stage.new("换热器结垢在线监测")
    stage.submit("provider", waits)
    taken_back = stage.submit("provider", stage.new("管束清洗机器人租用"))
    catalogue.withdraw(stage.database, taken_back.id, revision=1, viewer=stage.people["provider"], at=stage.at, why="先补案例")
    returned = stage.submit("provider", stage.edit("provider", first[1], "调整工期", weeks_low=2, weeks_high=30))
    reason = "工期区间太宽，请分情形写明，并附近两个项目的实际工期。"
    catalogue_review.send_back(stage.database, returned.id, revision=1, viewer=stage.people["manager"], at=stage.at, why=reason)
    stage.approve(stage.submit("provider", stage.edit("provider", first[0], "补充证书", certificates=["软件著作权登记证书"])))
    stage.submit(
        "provider2", stage.edit("provider2", second[0], "补充接口和部署方式", interfaces=["OPC UA", "Modbus"], deployments=["on_premises"])
    )
    for title, blocked in (("旧版点检终端（停产）", False), ("压力表远程改造（举报核实中）", True)):
        version = stage.submit("provider", stage.new(title))
        stage.approve(version)
        if blocked:
            solutions.block(stage.database, version.solution_id, viewer=stage.people["manager"], at=stage.at, why="举报资质不实，核实中")
        else:
            solutions.withdraw(stage.database, version.solution_id, viewer=stage.people["provider"], at=stage.at, why="产品停产")


def _calls(stage: _Stage, places: list[str], first: int, second: int) -> None:
    database, at, today, manager = stage.database, stage.at, stage.today, stage.people["manager"]
    for place, start, end, title, published in (
        (places[0], -5, 25, "征集：不停产就能看出结垢的办法", True),
        (places[1], -40, -10, "征集：贴片换线的快速校验", True),
        (places[2], 10, 40, "征集：老旧控制系统的分段割接", False),
    ):
        opens, closes = today + timedelta(days=start), today + timedelta(days=end)
        text = "企业现场条件：装置不停产，可用空间小，网络隔离。请说明做法、用过的地方和改造前后的数。"
        draft = CallDraft(place, title, text, opens, closes)
        call = calls.create(database, draft, days_least=stage.rules.call_days_least, viewer=manager, at=at)
        if published:
            calls.publish(database, call.id, viewer=manager, at=at)
            day = min(today, closes)
            for login, solution in (("provider", first), ("provider2", second)):
                calls.answer(database, call.id, solution, note="可先试一台", viewer=stage.people[login], at=at, today=day)
    with database.writing() as session:
        calls.close_ended_calls(session, today, at)


def _listings(stage: _Stage, offered: list[int]) -> None:
    """One of each state: proposed, listed, refused, removed."""
    database, at, manager, bureau = stage.database, stage.at, stage.people["manager"], stage.people["bureau"]
    draft = ListingDraft("第一批", "比通行做法少停机，关键算法自有。", "三家企业用满半年，漏检和误停都减少，数据见案例。")
    for number, steps in zip(offered, ((), ("confirm",), ("reject",), ("confirm", "remove")), strict=True):
        listing = listings.propose(database, number, draft, why="评审组推荐", viewer=manager, at=at)
        for step in steps:
            if step == "remove":
                listings.propose_removal(database, listing.id, why="服务商来函说明产品换代", viewer=bureau, at=at)
                listings.answer(database, _asked(database, listing.id), "confirm", viewer=manager, at=at, why="属实")
            else:
                why = "应用成效的依据不足" if step == "reject" else ""
                listings.answer(database, _asked(database, listing.id), step, viewer=bureau, at=at, why=why)


def _asked(database: Database, listing_id: int) -> int:
    with database.reading() as session:
        return find_waiting_decisions(session, listings.NOUN, listing_id)[0].id


def _people(session: Session) -> dict[str, Viewer]:
    accounts = {login: account.id for login in _PEOPLE if (account := find_account(session, login))}
    viewers = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
    return {login: viewer for login, viewer in viewers.items() if viewer.provider_ids or not login.startswith("provider")}


def _published(session: Session, viewer: Viewer) -> list[int]:
    query = select(Solution.id).where(Solution.provider_id.in_(viewer.provider_ids), Solution.state == SolutionState.PUBLISHED)
    return list(session.scalars(query.order_by(Solution.id)))


def _scenarios(session: Session) -> list[str]:
    """Those that the calls ask for, where the site has them."""
    query = select(Scenario.code).where(Scenario.code.in_(_CALLED), Scenario.state == ScenarioState.PUBLISHED)
    return sorted(session.scalars(query), key=_CALLED.index)


def _content(title: str, **other: object) -> Content:
    typed = {"title": title, "form": "solution", "sectors": ["chem"], "summary": _SUMMARY, "solves": ["结垢看不见", "清洗全凭经验"]}
    figures = {"price_low_fen": 18_000_000, "price_high_fen": 45_000_000, "weeks_low": 4, "weeks_high": 8, "scenario_codes": ["CH-09"]}
    return empty_content() | typed | figures | other


def _complete(stands: Content) -> Content:
    """The set names no scenarios for its solutions, which are asked for since."""
    return stands | {"scenario_codes": stands["scenario_codes"] or [_USUAL[stands["sectors"][0]]]}
