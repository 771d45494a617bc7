"""Guides and projects in the demonstration set, as people would have brought them there on the days before: from the reserve to the
recommendation. What comes after that is played by the other steps, on projects that are made here.

Everything happens through the same actions as on the pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select

from marketplace.actions import first_reviews, guides, project_plans, project_submission, projects
from marketplace.actions.demonstration_applicants import paper
from marketplace.actions.demonstration_days import worked
from marketplace.actions.demonstration_needs import EARLY, TOTALS, Need, next_need
from marketplace.actions.project_steps import Step
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.first_reviews import CHECKS, FirstReviewDraft
from marketplace.domain.guides import GuideDraft
from marketplace.domain.problems import ProblemState
from marketplace.domain.project_plans import BasicDraft, CostDraft, IndicatorDraft, MemberDraft, MilestoneDraft, SupplierDraft
from marketplace.domain.project_rules import ProjectRules
from marketplace.domain.projects import ProjectClass
from marketplace.domain.providers import TAKES_NEW
from marketplace.domain.working_days import Calendar
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.guides import Guide
from marketplace.records.problems import Problem
from marketplace.records.projects import Project
from marketplace.records.providers import Provider

WAN = 1_000_000
_PEOPLE = ("centre", "bureau", "area", "enterprise", "enterprise2", "provider")
_DAY = timedelta(days=1)
# What every project measures beside its own indicator: name, unit, direction, before.
_ALSO: tuple[tuple[str, str, str, float], ...] = (
    ("关键工序数控化率", "%", "up", 46),
    ("全员劳动生产率（人均产值）", "万元/人", "up", 86),
    ("单位产值综合能耗", "千克标煤/万元", "down", 64),
    ("产品不良率", "%", "down", 2.4),
    ("年营业收入", "百万元", "up", 386),
)
# By how much of what was before each of them is to change, so that no two projects do the same.
_CHANGE = (0.3, 0.16, 0.1, 0.24, 0.06)


@dataclass
class Stage:
    """Whoever plays a part: the demonstration's accounts, and members of enterprises of which it has no account."""

    database: Database
    rules: ProjectRules
    at: datetime
    today: date
    people: dict[str, Viewer]
    enterprises: list[Enterprise]
    providers: list[int]
    paper: StoredBlob
    guides: dict[str, int]
    calendar: Calendar
    # The stories of an earlier batch: their works are nearly over. `late`: their planned end has passed before they were accepted.
    early: bool = False
    late: bool = False
    # Titles of projects so far.
    told: list[str] = field(default_factory=list)

    def step(self, viewer: Viewer, ago: int) -> Step:
        return Step(viewer, *worked(self.at, self.today, ago, self.calendar), self.rules)

    def working_day(self, ahead: int) -> date:
        """The working day so many days ahead, or the next one."""
        day = self.today + ahead * _DAY
        while not self.calendar.is_working(day):
            day += _DAY
        return day

    def who(self, login: str, ago: int) -> Step:
        return self.step(self.people[login], ago)

    def applicant(self, enterprise: Enterprise, ago: int) -> Step:
        return self.step(self._member(enterprise.organisation_id, enterprise.id), ago)

    def officer(self, area: str, ago: int) -> Step:
        own = self.people["area"]
        if area in own.areas:
            return self.step(own, ago)
        return self.step(Viewer(name="示例初审人员", roles=frozenset({Role.AREA}), areas=frozenset({area})), ago)

    def _member(self, unit: int, enterprise: int) -> Viewer:
        for login in ("enterprise", "enterprise2"):
            if enterprise in self.people[login].enterprise_ids:
                return self.people[login]
        rights = frozenset((unit, right) for right in RIGHTS)
        roles = frozenset({Role.ENTERPRISE})
        return Viewer(
            name="示例成员", roles=roles, rights=rights, organisation_ids=frozenset({unit}), enterprise_ids=frozenset({enterprise})
        )

    def term(self) -> tuple[date, date]:
        """When the projects run: within the pilot's term, as near to today as it allows."""
        if self.early:
            ends = self.today + (-60 if self.late else 40) * _DAY
            return max(self.rules.first_day, self.today - 220 * _DAY), min(self.rules.last_day, ends)
        last = min(self.rules.last_day, self.today + 200 * _DAY)
        return max(self.rules.first_day, min(self.today - 20 * _DAY, last - 30 * _DAY)), last

    def begun(self, place: int, guide: str, ago: int, *, enterprise: Enterprise | None = None, level: str = "point") -> int:
        """A draft with everything in it; which need and whose is by its place."""
        own = enterprise or self.enterprises[place % len(self.enterprises)]
        need, total = self.need(place, own), TOTALS[place % len(TOTALS)]
        step = self.applicant(own, ago)
        project = projects.create(self.database, self.guides[guide], own.organisation_id, need.title, step)
        self.fill(project.id, own, need, total, step, place=place, level=level)
        return project.id

    def need(self, place: int, own: Enterprise) -> Need:
        return EARLY[place % len(EARLY)] if self.early else next_need(own.sector, self.told)

    def fill(self, number: int, own: Enterprise, need: Need, total: int, step: Step, *, place: int, level: str = "point") -> None:  # fmt: skip
        """Every section of it."""
        database, (first, last) = self.database, self.term()
        with database.reading() as session:
            project_class = session.get_one(Project, number).project_class
            chosen = session.scalars(
                select(Problem.id).where(Problem.enterprise_id == own.id, Problem.state == ProblemState.OPEN).order_by(Problem.id).limit(2)
            ).all()
        share = self.rules.of(project_class).subsidy_share
        equipment, software, building = total * 6 // 10, total * 3 // 10, total - total * 6 // 10 - total * 3 // 10
        asked = int((equipment + software) * share * 0.9)
        basic = BasicDraft(
            need.title,
            level,
            own.area or self._area(),
            own.sector,
            need.orientations,
            (),
            first,
            last,
            total * WAN,
            asked * WAN,
            promised=True,
        )
        project_plans.save_basic(database, number, basic, step)
        texts = {
            "background": "现在靠人工和经验，问题在诊断报告里写明。",
            "content": need.content,
            "effect": "见绩效指标表，三个月内稳定达到。",
        }
        project_plans.save_texts(
            database, number, {**texts, "organisation": "厂长牵头，设备、生产、信息三个部门参加；自筹资金已列入年度预算。"}, step
        )
        project_plans.save_problems(database, number, chosen, step)
        if level != "point":
            members = [MemberDraft(one.id, "配套环节同步改造", 0.15) for one in self.enterprises if one.id != own.id][:2]
            project_plans.save_members(database, number, members, step)
        main, other = self.providers[place % len(self.providers)], self.providers[(place + 1) % len(self.providers)]
        suppliers = [SupplierDraft(main, "general", "总体实施", f"HT-{place + 1:03}", int(total * 0.6) * WAN, first, 0.8)]
        suppliers.append(SupplierDraft(other, "sub", "数据采集", "", int(total * 0.1) * WAN, None, 0.2))
        project_plans.save_suppliers(database, number, suppliers, step)
        name, unit, direction, before, after = need.indicator
        rows = [IndicatorDraft(name, unit, direction, before, after, 50, "月报和现场测评")]
        for (name, unit, direction, before), change in zip(_ALSO, _CHANGE, strict=True):
            change *= (0.8 + 0.1 * (place % 5)) * (1 if direction == "up" else -1)
            rows.append(IndicatorDraft(name, unit, direction, before, round(before * (1 + change), 2), 10, "台账和现场测评"))
        project_plans.save_indicators(database, number, rows, step)
        project_plans.save_costs(database, number, self._costs(first, last, equipment, software, building, asked), step)
        marks = [MilestoneDraft(word, first + (last - first) * part // 10) for word, part in _MARKS]
        project_plans.save_milestones(database, number, marks, step)
        for kind in ("plan", "promise"):
            project_plans.attach_document(database, number, self.paper, kind, step)

    def _costs(self, first: date, last: date, equipment: int, software: int, building: int, asked: int) -> list[CostDraft]:
        """What is asked for is spread over what counts."""
        early, late = ((day.year, (day.month + 2) // 3) for day in (first, last))
        rows = [
            ("equipment", "设备购置和安装", equipment, early),
            ("software", "软件和实施服务", software, late),
            ("building", "基础和管线", building, early),
        ]
        left, found = asked, []
        for kind, item, amount, (year, quarter) in rows:
            fiscal = 0 if kind == "building" else min(left, amount)
            left -= fiscal
            found.append(CostDraft(year, quarter, kind, item, amount * WAN, fiscal * WAN, (amount - fiscal) * WAN, "三家询价的中间价"))
        return found

    def _area(self) -> str:
        return min(self.people["area"].areas, default="")

    def submitted(self, place: int, guide: str, ago: int, *, enterprise: Enterprise | None = None, level: str = "point") -> int:
        number = self.begun(place, guide, ago + 3, enterprise=enterprise, level=level)
        project_submission.submit(self.database, number, self.step_of(number, ago))
        return number

    def recommended(self, place: int, guide: str, ago: int, *, enterprise: Enterprise | None = None, level: str = "point") -> int:
        number = self.submitted(place, guide, ago + 4, enterprise=enterprise, level=level)
        self.review(number, "recommend", "材料齐全，现场核过设备和能耗，投资有依据，同意推荐。", ago)
        return number

    def review(self, number: int, verdict: str, text: str, ago: int) -> None:
        with self.database.reading() as session:
            area = session.get_one(Project, number).area
        passed = {key: verdict == "recommend" or key not in ("complete", "amounts") for key in CHECKS}
        first_reviews.review(self.database, number, FirstReviewDraft(verdict, passed, {}, text), self.officer(area, ago))

    def step_of(self, number: int, ago: int) -> Step:
        """Of whoever applies."""
        with self.database.reading() as session:
            project = session.get_one(Project, number)
            return self.step(self._member(project.organisation_id, project.enterprise_id or 0), ago)


_MARKS = (("方案冻结、设备订货", 1), ("设备到货", 4), ("安装完成", 6), ("联调", 8), ("试运行三十天", 10))


def stage_of(database: Database, rules: ProjectRules, *, files: BlobStore, at: datetime, today: date) -> Stage | None:
    """Whoever is there to play; None where there are too few people or things."""
    with database.reading() as session:
        accounts = {login: account.id for login in _PEOPLE if (account := find_account(session, login))}
        people = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
        if len(people) < len(_PEOPLE):
            return None
        own = [min(people[login].enterprise_ids) for login in ("enterprise", "enterprise2") if people[login].enterprise_ids]
        # Two of each sector, so that every sector has its projects.
        rest = session.execute(
            select(Enterprise.id, Enterprise.sector).where(Enterprise.id.not_in(own), Enterprise.area != "").order_by(Enterprise.id)
        )
        of_sector: dict[str, list[int]] = {}
        for number, sector in rest:
            of_sector.setdefault(sector, []).append(number)
        others = [found[place] for place in range(2) for found in of_sector.values() if place < len(found)]
        chosen = [*own, *others]
        enterprises = [session.get_one(Enterprise, number) for number in chosen]
        first = sorted(people["provider"].provider_ids)
        more = session.scalars(
            select(Provider.id).where(Provider.state.in_(TAKES_NEW), Provider.id.not_in(first)).order_by(Provider.id).limit(4)
        )
        providers = [*first, *more]
        calendar = find_calendar(session)
        session.expunge_all()
    if len(enterprises) < 4 or len(providers) < 3:
        return None
    sheet = files.keep(paper("project"), "实施方案（示例）.pdf", "application/pdf")
    return Stage(database, rules, at, today, people, enterprises, providers, sheet, {}, calendar)


def seed_projects(database: Database, rules: ProjectRules, *, files: BlobStore, at: datetime, today: date) -> Stage | None:
    """Once only: guides of the three classes, and projects up to the recommendation. None where there are some already, or too little
    to tell the stories of; else the stage, on which the later steps play on."""
    with database.reading() as session:
        if session.scalar(select(Guide.id).limit(1)) is not None:
            return None
    stage = stage_of(database, rules, files=files, at=at, today=today)
    if stage is None:
        return None
    _guides(stage)
    _projects(stage)
    return stage


def _guides(stage: Stage) -> None:
    """One of each class that runs, and one that is over."""
    rows: tuple[tuple[str, str, str, int, int, int, tuple[dict[str, object], ...]], ...] = (
        (
            "central", "中央财政资金支持项目申报指南（第一批）", "重点支持关键工序数控化、能源和安全改造。补助按可支持投资的比例，先下达一部分，验收后拨付其余。",
            60, 30, 2_000, ({"rule": "least_total", "value": 100}, {"rule": "no_double_support", "value": None}, {"rule": "text", "text": "近两年没有重大安全、环保和质量事故"}),
        ),
        ("municipal", "市级制造业高质量发展专项资金项目申报指南", "由市级组织评审和拨付，平台登记推荐、立项、进度和验收。", 45, 25, 0, ({"rule": "least_total", "value": 1_000},)),
        ("other", "诊断服务、上云上平台和服务商引育支持指南", "对已完成的事项按凭据支持，企业和服务机构都可以申报。", 30, 40, 600, ()),
        ("past", "中央财政资金支持项目申报指南（预备批）", "预备批，已截止。", 330, -290, 2_000, ()),
    )  # fmt: skip
    for key, title, text, ago, ahead, budget, conditions in rows:
        closes = stage.working_day(ahead)
        project_class = "central" if key == "past" else key
        draft = GuideDraft(
            project_class, title, text, conditions=conditions, documents=("plan", "promise"), budget_fen=budget * WAN or None,
            opens=stage.who("bureau", ago).today, closes=closes,
        )  # fmt: skip
        guide = guides.create(stage.database, draft, stage.who("bureau", ago + 1))
        guides.publish(stage.database, guide.id, stage.who("bureau", ago))
        stage.guides[key] = guide.id


def close_past(stage: Stage) -> None:
    """The guide that is over closes once everybody of its time has applied."""
    guides.close(stage.database, stage.guides["past"], stage.who("bureau", 289), why="到期截止")


def _projects(stage: Stage) -> None:
    """Reserve, draft, submitted, returned, recommended, not selected, withdrawn; the two accounts have some of each."""
    own, second = stage.enterprises[0], stage.enterprises[1]
    projects.reserve(stage.database, own.id, "余热综合利用", ProjectClass.CENTRAL, stage.who("centre", 12))
    stage.begun(0, "central", 6, enterprise=own)
    stage.submitted(1, "central", 4, enterprise=second)
    returned = stage.submitted(2, "central", 14, enterprise=own)
    stage.review(returned, "return", "投资测算缺报价单，承诺书没有盖章，请补正后再提交。", 9)
    stage.recommended(3, "central", 8, enterprise=second)
    refused = stage.submitted(6, "central", 20)
    stage.review(refused, "refuse", "改造内容以土建为主，不符合指南方向。", 15)
    withdrawn = stage.submitted(4, "central", 18)
    project_submission.withdraw(stage.database, withdrawn, stage.step_of(withdrawn, 16), why="集团统一安排，今年不再实施。")
    stage.recommended(7, "central", 3, enterprise=stage.enterprises[2], level="chain")
    _of_a_service_institution(stage)


def _of_a_service_institution(stage: Stage) -> None:
    """What the provider applies for itself, in the class that is for it: sent back to be completed, so it has something to do."""
    viewer, database = stage.people["provider"], stage.database
    unit = min(viewer.organisation_ids)
    area, (first, last) = min(stage.people["area"].areas), stage.term()
    step = stage.step(viewer, 11)
    number = projects.create(database, stage.guides["other"], unit, "化工企业上门诊断服务", step).id
    asked, total = 36 * WAN, 90 * WAN
    basic = BasicDraft("化工企业上门诊断服务", "point", area, "chem", ("intelligent",), (), first, last, total, asked, promised=True)
    project_plans.save_basic(database, number, basic, step)
    texts = {
        "background": "小企业没有人手把问题说清楚。", "content": "对十二家化工企业上门诊断，各出一份问题、场景、投入三张清单。",
        "effect": "十二家都有清单，一半以上进入对接。", "organisation": "两个诊断小组，每家三天。",
    }  # fmt: skip
    project_plans.save_texts(database, number, texts, step)
    project_plans.save_indicators(
        database, number, [IndicatorDraft("上门诊断企业数", "家企业", "up", 0, 12, 100, "诊断报告和签到记录")], step
    )
    costs = [CostDraft(first.year, (first.month + 2) // 3, "integration", "诊断人工和差旅", total, asked, total - asked, "人天单价")]
    project_plans.save_costs(database, number, costs, step)
    project_plans.save_milestones(database, number, [MilestoneDraft("完成十二家诊断", last)], step)
    for kind in ("plan", "promise"):
        project_plans.attach_document(database, number, stage.paper, kind, step)
    project_submission.submit(database, number, stage.step(viewer, 9))
    stage.review(number, "return", "请补诊断合同和签到记录，人天单价要有依据。", 4)
