"""Open demands in the demonstration set: one in every state, as people would have brought it there on the days before.

Everything happens through the same actions as on the pages. The enterprise that everybody may log in as has one to decide and one
with a question; the provider has answered one and may answer another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import open_answers, open_demand_choices, open_demands, open_questions
from marketplace.actions.brokering_steps import CLOCK, Act
from marketplace.actions.demonstration_applicants import paper
from marketplace.actions.open_demand_choices import Choice
from marketplace.actions.open_demand_steps import OpenStep
from marketplace.domain.access import Role, Viewer
from marketplace.domain.brokering_rules import BrokeringRules
from marketplace.domain.brokerings import CriterionDraft
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.open_answers import OpenAnswerDraft
from marketplace.domain.open_demand_rules import OpenDemandRules
from marketplace.domain.open_demands import OpenDemandDraft
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.solutions import SolutionState
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.open_demands import OpenAnswer, OpenDemand, find_demand_criteria, find_open_answers
from marketplace.records.providers import Provider, find_unmatchable_provider_ids
from marketplace.records.solutions import Solution

_PEOPLE = ("centre", "enterprise", "enterprise2", "provider", "provider2")
WAN = 1_000_000
CRITERIA = (CriterionDraft("不停产安装，或只用大修的几天", "essential", 60), CriterionDraft("有同行业实施案例", "nice", 40))
# Title, text, budget in 万元.
_NEEDS = {
    "steam": ("蒸汽管网漏损查不清", "全厂蒸汽表对不上，每月差额三百多吨，靠人沿管线听；希望能定位到段，冬天前用上。不能停汽。", (30, 60)),
    "press": ("冲压线换模太慢", "每次换模四十分钟，一天换三次，旺季少出两百件。希望缩到十五分钟以内，现有压机不换。", (40, 80)),
    "inspect": ("外观缺陷靠人眼挑", "每班六个人挑外观，漏检率千分之三，夜班更高，客户去年投诉了四次。希望自动检出划伤和缺料。", (50, 100)),
    "plan": ("排产靠表格，插单就乱", "计划员用表格排产，一插单全线重排，交期去年晚了一成半。希望与现有系统对接，不换系统。", (20, 50)),
    "dust": ("除尘风机电费高", "除尘风机常年满开，一年电费四十多万元；希望按工位开停自动调风量，不能影响职业卫生检测。", (15, 30)),
    "store": ("线边料找不到", "线边料架没有登记，找料每班耽误半小时，月底盘点差异大。希望扫码或射频都行，预算有限。", (10, 25)),
    "water": ("循环水加药凭经验", "循环水加药靠化验员经验，一年结垢停机两次，每次两天。希望在线监测、自动加药。", (20, 40)),
    "gas": ("危化品库温湿度靠人抄", "危化品库每两小时抄一次温湿度，夜里常漏抄，检查时补不上。设备要防爆，不能联外网。", (8, 20)),
}


@dataclass
class _Stage:
    database: Database
    rules: BrokeringRules
    rating: RatingRules
    open: OpenDemandRules
    catalogue: CatalogueRules
    at: datetime
    today: date
    people: dict[str, Viewer]
    proof: StoredBlob
    solutions: Sequence[tuple[int, int]]

    def step(self, viewer: Viewer, ago: int) -> OpenStep:
        at, day = self.at - timedelta(days=ago), self.today - timedelta(days=ago)
        return OpenStep(viewer, at, day, self.rules, self.rating, open=self.open, catalogue=self.catalogue)

    def who(self, login: str, ago: int) -> OpenStep:
        return self.step(self.people[login], ago)

    def written(self, login: str, need: str, ago: int, *, questions: int, answers: int, criteria: bool = False) -> OpenDemand:
        """`questions`, `answers`: how many days after it was written they are taken."""
        title, text, (low, high) = _NEEDS[need]
        day = self.today - timedelta(days=ago)
        draft = OpenDemandDraft(
            title, text, budget_low_fen=low * WAN, budget_high_fen=high * WAN, criteria=list(CRITERIA) if criteria else []
        )
        draft.questions_until, draft.answers_until = day + timedelta(questions), day + timedelta(answers)
        draft.wanted, draft.stage = self.today + timedelta(120), "production"
        enterprise = min(self.people[login].enterprise_ids)
        return open_demands.create(self.database, enterprise, draft, self.who(login, ago))

    def submitted(self, login: str, need: str, ago: int, **days: int) -> OpenDemand:
        demand = self.written(login, need, ago, **days)  # type: ignore[arg-type]
        open_demands.submit(self.database, demand.id, self.who(login, ago))
        return demand

    def published(self, login: str, need: str, ago: int, **days: int) -> OpenDemand:
        demand = self.submitted(login, need, ago, **days)
        open_demands.publish(self.database, demand.id, self.who("centre", ago - 1))
        return demand

    def answer(self, demand: OpenDemand, place: int, ago: int, *, low: int, weeks: int) -> None:
        """By the provider at this place of the solutions."""
        provider, solution = self.solutions[place]
        with self.database.reading() as session:
            criteria = {row.id: ("yes" if place else "partly", "") for row in find_demand_criteria(session, demand.id)}
        text = "先到现场看一天，出测点和安装方案；设备、软件、调试和一年质保都包括，土建和网络由企业准备。"
        draft = OpenAnswerDraft(solution, text, low * WAN, (low + 12) * WAN, weeks, demand.answers_until + timedelta(60), criteria)
        files = [self.proof] if place == 0 else []
        open_answers.put(self.database, demand.id, provider, draft, self.step(self._member(provider), ago), files=files)

    def ask(self, demand: OpenDemand, place: int, ago: int, text: str) -> int:
        provider, _solution = self.solutions[place]
        return open_questions.ask(self.database, demand.id, provider, text, self.step(self._member(provider), ago)).id

    def answers_of(self, demand: OpenDemand) -> list[OpenAnswer]:
        with self.database.reading() as session:
            found = list(find_open_answers(session, demand.id))
            session.expunge_all()
            return found

    def _member(self, provider_id: int) -> Viewer:
        """The account that everybody may use where there is one, else a member of whom the demonstration has no account."""
        for login in ("provider", "provider2"):
            if provider_id in self.people[login].provider_ids:
                return self.people[login]
        with self.database.reading() as session:
            unit = session.get_one(Provider, provider_id).organisation_id
        rights = frozenset({(unit, "submit"), (unit, "edit")})
        return Viewer(name="示例成员", roles=frozenset({Role.PROVIDER}), rights=rights, provider_ids=frozenset({provider_id}))


def seed_open_demands(
    database: Database,
    rules: BrokeringRules,
    rating: RatingRules,
    open_rules: OpenDemandRules,
    catalogue: CatalogueRules,
    *,
    files: BlobStore,
    at: datetime,
    today: date,
) -> bool:
    """Once only; False where there is one already, or too little to tell the stories of."""
    with database.reading() as session:
        if session.scalar(select(OpenDemand.id).limit(1)) is not None:
            return False
        accounts = {login: account.id for login in _PEOPLE if (account := find_account(session, login))}
        people = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
        if len(people) < len(_PEOPLE):
            return False
        solutions = _solutions(session, people, today)
    if len(solutions) < 4:
        return False
    proof = files.keep(paper("open demand"), "技术方案（示例）.pdf", "application/pdf")
    stage = _Stage(database, rules, rating, open_rules, catalogue, at, today, people, proof, solutions)
    _before_publication(stage)
    _running(stage)
    _over(stage)
    with database.writing() as session:
        open_demands.close_over(session, Act(CLOCK, at, today))
    return True


def _solutions(session: Session, people: dict[str, Viewer], today: date) -> list[tuple[int, int]]:
    """(provider, solution): of the two accounts first, then of others that take new work; not of those with an enterprise's account."""
    unmatchable = find_unmatchable_provider_ids(session, today)
    units = select(Enterprise.organisation_id)
    query = select(Solution.provider_id, Solution.id).join(Provider, Provider.id == Solution.provider_id).order_by(Solution.id)
    query = query.where(Solution.state == SolutionState.PUBLISHED, Provider.organisation_id.not_in(units))
    first: dict[int, int] = {}
    for provider, solution in session.execute(query):
        if provider not in unmatchable:
            first.setdefault(provider, solution)
    own = [number for login in ("provider", "provider2") for number in sorted(people[login].provider_ids) if number in first]
    return [(number, first[number]) for number in [*own, *(one for one in first if one not in own)]][:6]


def _before_publication(stage: _Stage) -> None:
    """A draft, one to be checked, one returned."""
    stage.written("enterprise", "store", 1, questions=15, answers=30)
    stage.submitted("enterprise2", "dust", 1, questions=15, answers=30)
    demand = stage.submitted("enterprise", "water", 3, questions=20, answers=35)
    why = "请写明循环水量和现在用什么药剂，服务商才好报价。"
    open_demands.send_back(stage.database, demand.id, stage.who("centre", 2), why=why)


def _running(stage: _Stage) -> None:
    """Two that run: one of the enterprise's with a question to answer, one of another that the provider may answer."""
    demand = stage.published("enterprise", "steam", 6, questions=14, answers=26, criteria=True)
    first = stage.ask(demand, 2, 4, "现有蒸汽表的型号和通信方式是什么？能否提供管网图？")
    open_questions.reply(stage.database, first, "一半是涡街表，有 485 接口；管网图选定后提供。", stage.who("enterprise", 3))
    stage.ask(demand, 3, 1, "夜间能不能安排一次不停汽的现场踏勘？")
    stage.answer(demand, 1, 2, low=36, weeks=10)
    other = stage.published("enterprise2", "press", 5, questions=12, answers=24)
    second = stage.ask(other, 0, 3, "压机吨位和模具重量大概是多少？")
    open_questions.reply(stage.database, second, "四台压机，模具三到五吨。", stage.who("centre", 2))


def _over(stage: _Stage) -> None:
    """To be decided, concluded, none suitable, withdrawn."""
    demand = stage.published("enterprise", "inspect", 30, questions=15, answers=28, criteria=True)
    for place in range(4):
        stage.answer(demand, place, 8 + place, low=48 + 9 * place, weeks=14 - 2 * place)
    done = stage.published("enterprise2", "plan", 40, questions=15, answers=28)
    for place in range(3):
        stage.answer(done, place, 16 + place, low=22 + 6 * place, weeks=12)
    answers = stage.answers_of(done)
    choice = Choice({row.id: None for row in answers[:2]}, feedback="报价高于另外两家，这次没有选上，谢谢应答。")
    open_demand_choices.conclude(stage.database, done.id, choice, stage.who("enterprise2", 9))
    none = stage.published("enterprise2", "gas", 36, questions=15, answers=26)
    stage.answer(none, 2, 14, low=32, weeks=8)
    why = "报价超出预算一半，今年先不改。"
    open_demand_choices.none_suitable(stage.database, none.id, Choice(feedback="超出今年预算。"), stage.who("enterprise2", 6), why=why)
    # The same need again, taken back before anybody answered.
    back = stage.published("enterprise2", "water", 20, questions=15, answers=30)
    open_demands.withdraw(stage.database, back.id, stage.who("enterprise2", 12), why="集团统一安排，本单位不再单独征集。")
