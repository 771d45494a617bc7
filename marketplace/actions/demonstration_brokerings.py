"""Brokering in the demonstration set: a brokering in every state, as people would have brought it there on the days before.

Everything happens through the same actions as on the pages. It is played before the adjustments: one of them then freezes what
was under way with its provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokering_ends as ends
from marketplace.actions import brokerings, implementations, inquiries, introduction_talks, introductions
from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_steps import CLOCK, Step
from marketplace.actions.demonstration_adjustments import quietest
from marketplace.actions.demonstration_applicants import paper
from marketplace.actions.implementations import ConfirmDraft, FinishDraft
from marketplace.actions.inquiries import InquiryDraft
from marketplace.domain.access import Role, Viewer
from marketplace.domain.brokering_rules import BrokeringRules
from marketplace.domain.brokerings import ContractDraft, CriterionDraft
from marketplace.domain.introductions import AnswerDraft, ProposalDraft
from marketplace.domain.problems import ProblemState
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.solutions import SolutionState
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.brokerings import Brokering, find_criteria
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction, find_introductions
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider, find_unmatchable_provider_ids
from marketplace.records.solutions import Solution

CRITERIA = (
    CriterionDraft("能与现有设备和系统衔接，不换主机", "essential", 40),
    CriterionDraft("本地团队 24 小时内到场", "essential", 30),
    CriterionDraft("有同行业实施案例", "nice", 30),
)
# Which of the quietest providers is ordered to rectify some days ago: what is under way with it is frozen then.
FROZEN = (3, 4, 2)
_EACH = 3


def seed_brokerings(database: Database, rules: BrokeringRules, rating: RatingRules, *, files: BlobStore, at: datetime, today: date) -> bool:
    """Once only; False where there is one already, or too little to tell the stories of."""
    with database.reading() as session:
        if session.scalar(select(func.count()).select_from(Brokering)):
            return False
        people = {login: _viewer(session, login) for login in ("centre", "enterprise", "provider", "provider2")}
        stage = None
        if all(people.values()):
            known = {login: viewer for login, viewer in people.items() if viewer is not None}
            proof = files.keep(paper("brokering"), "凭据（示例）.pdf", "application/pdf")
            stage = _Stage(database, rules, rating, at, today, known, proof)
            stage.spoken_for = frozenset(quietest(session))
            stage.needs = _needs(session, known["enterprise"], stage.spoken_for, today)
            stage.own = [need for need in stage.needs if need.enterprise_id in known["enterprise"].enterprise_ids]
            stage.others = [need for need in stage.needs if need.enterprise_id not in known["enterprise"].enterprise_ids]
    if stage is None or len(stage.own) < 2 or len(stage.others) < 10:
        return False
    for tell in (_waiting, _talking, _decided, _ended, _frozen):
        tell(stage)
    _settle_all(stage)
    return True


def _viewer(session: Session, login: str) -> Viewer | None:
    account = find_account(session, login)
    return find_viewer(session, account.id) if account else None


@dataclass(frozen=True)
class _Need:
    """An open problem, and solutions that could be introduced for it, of different providers."""

    problem_id: int
    enterprise_id: int
    solutions: tuple[int, ...]


@dataclass
class _Stage:
    database: Database
    rules: BrokeringRules
    rating: RatingRules
    at: datetime
    today: date
    people: dict[str, Viewer]
    proof: StoredBlob
    spoken_for: frozenset[int] = frozenset()
    needs: list[_Need] = field(default_factory=list)
    own: list[_Need] = field(default_factory=list)
    others: list[_Need] = field(default_factory=list)

    def step(self, viewer: Viewer, ago: int) -> Step:
        return Step(viewer, self.at - timedelta(days=ago), self.today - timedelta(days=ago), self.rules, self.rating)

    def centre(self, ago: int) -> Step:
        return self.step(self.people["centre"], ago)

    def side(self, introduction: Introduction, side: str) -> Viewer:
        """Somebody who acts for a side: the account that everybody may use where there is one."""
        for login in ("enterprise", "provider", "provider2"):
            viewer = self.people[login]
            number = introduction.brokering.enterprise_id if side == "enterprise" else introduction.provider_id
            if number in (viewer.enterprise_ids if side == "enterprise" else viewer.provider_ids):
                return viewer
        return member(introduction, side)

    def sent(self, need: _Need, ago: int, *, most: int = 1, criteria: bool = True) -> tuple[int, list[Introduction]]:
        lines = [brokerings.Line(number, need.problem_id, place + 1) for place, number in enumerate(need.solutions[:most])]
        made = brokerings.draft(self.database, need.enterprise_id, [need.problem_id], lines, self.centre(ago + 1), place="plan")
        if criteria:
            brokerings.set_criteria(self.database, made.id, CRITERIA, self.centre(ago + 1))
        brokerings.send(self.database, made.id, self.centre(ago))
        return made.id, self.of(made.id)

    def of(self, number: int) -> list[Introduction]:
        with self.database.reading() as session:
            found = list(find_introductions(session, number))
            for row in found:
                assert row.brokering.enterprise.organisation is not None
                assert row.provider.organisation is not None
            session.expunge_all()
            return found

    def answer(self, row: Introduction, side: str, ago: int, reason: str = "", text: str = "") -> None:
        draft = AnswerDraft(side, not reason, reason, text)
        introductions.answer(self.database, row.id, draft, self.step(self.side(row, side), ago))

    def talking(self, need: _Need, ago: int, *, most: int = 1) -> tuple[int, list[Introduction]]:
        number, rows = self.sent(need, ago, most=most)
        for row in rows:
            self.answer(row, "provider", ago - 1)
            self.answer(row, "enterprise", ago - 1)
        return number, rows

    def quoted(self, need: _Need, ago: int, *, most: int = 2) -> tuple[int, list[Introduction]]:
        number, rows = self.talking(need, ago, most=most)
        for place, row in enumerate(rows):
            self.quote(number, row, ago - 3, wan=48 + 17 * place, weeks=12 - 2 * place)
        return number, rows

    def quote(self, number: int, row: Introduction, ago: int, *, wan: int, weeks: int) -> None:
        with self.database.reading() as session:
            criteria = [one.id for one in find_criteria(session, number)]
        meets = {one: ("yes" if place else "partly", "详见方案书") for place, one in enumerate(criteria)}
        scope = "设备、软件、安装调试和一年质保；不含土建和网络改造。"
        draft = ProposalDraft(wan * 1_000_000, weeks, scope, self.today + timedelta(days=45), meets)
        introduction_talks.quote(self.database, row.id, draft, self.step(self.side(row, "provider"), ago))

    def awarded(self, need: _Need, ago: int, *, most: int = 1) -> tuple[int, list[Introduction]]:
        number, rows = self.quoted(need, ago, most=most)
        brokerings.compare(self.database, number, self.centre(ago - 4))
        chooser = self.side(rows[0], "enterprise")
        awards.award(self.database, rows[0].id, self.step(chooser, ago - 6), why="报价低，工期也满足停产检修的窗口。")
        return number, rows

    def contracted(self, need: _Need, ago: int) -> tuple[int, list[Introduction]]:
        number, rows = self.awarded(need, ago)
        signed = self.today - timedelta(days=ago - 9)
        draft = ContractDraft(46_000_000, signed, signed + timedelta(days=3), signed + timedelta(days=30))
        awards.record_contract(self.database, number, draft, self.step(self.side(rows[0], "enterprise"), ago - 9), scan=self.proof)
        return number, rows

    def started(self, need: _Need, ago: int) -> tuple[int, list[Introduction]]:
        number, rows = self.contracted(need, ago)
        day = self.today - timedelta(days=ago - 12)
        implementations.start(self.database, number, day, self.centre(ago - 12))
        return number, rows

    def reported(self, need: _Need, ago: int) -> tuple[int, list[Introduction]]:
        number, rows = self.started(need, ago)
        finished = FinishDraft(self.today - timedelta(days=ago - 35), "停机明显减少，班组已会用。", "月停机", "小时", 26, 10, 9)
        implementations.report_finish(self.database, number, finished, self.step(self.side(rows[0], "provider"), ago - 36))
        return number, rows


def member(introduction: Introduction, side: str) -> Viewer:
    """A member of a side of whom the demonstration has no account."""
    own = introduction.provider if side == "provider" else introduction.brokering.enterprise
    rights = frozenset({(own.organisation_id, "submit"), (own.organisation_id, "edit")})
    if side == "provider":
        return Viewer(name="示例成员", roles=frozenset({Role.PROVIDER}), rights=rights, provider_ids=frozenset({own.id}))
    return Viewer(name="示例成员", roles=frozenset({Role.ENTERPRISE}), rights=rights, enterprise_ids=frozenset({own.id}))


def _needs(session: Session, first: Viewer, without: frozenset[int], today: date) -> list[_Need]:
    """Open problems, those of the account that everybody may use first, each with some solutions of its sector and stage."""
    unmatchable = find_unmatchable_provider_ids(session, today) | without
    query = (
        select(Solution).where(Solution.state == SolutionState.PUBLISHED, Solution.provider_id.not_in(unmatchable)).order_by(Solution.id)
    )
    offered = session.scalars(query).all()
    problems = session.execute(
        select(Problem, Enterprise.sector)
        .join(Enterprise, Enterprise.id == Problem.enterprise_id)
        .where(Problem.state == ProblemState.OPEN)
    ).all()
    ordered = sorted(problems, key=lambda row: (row[0].enterprise_id not in first.enterprise_ids, row[0].id))
    found = []
    for place, (problem, sector) in enumerate(ordered):
        fitting = [one for one in offered if sector in one.sectors and problem.stage in one.stages]
        chosen = _of_different_providers(fitting[place % 3 :] + fitting[: place % 3])
        if chosen:
            found.append(_Need(problem.id, problem.enterprise_id, chosen))
    return found


def _of_different_providers(solutions: Sequence[Solution]) -> tuple[int, ...]:
    chosen: dict[int, int] = {}
    for one in solutions:
        chosen.setdefault(one.provider_id, one.id)
    return tuple(chosen.values())[:_EACH]


def _with(stage: _Stage, need: _Need, login: str) -> _Need:
    """The same need with a solution of this account's provider in the first place."""
    own = stage.people[login].provider_ids
    with stage.database.reading() as session:
        query = select(Solution.id).where(Solution.provider_id.in_(own), Solution.state == SolutionState.PUBLISHED).order_by(Solution.id)
        first = session.scalars(query).first()
        foreign = select(Solution.id).where(Solution.id.in_(need.solutions), Solution.provider_id.not_in(own))
        others = [number for number in need.solutions if number in set(session.scalars(foreign))]
    return need if first is None else _Need(need.problem_id, need.enterprise_id, (first, *others))


def _waiting(stage: _Stage) -> None:
    """One not sent, one for both to answer, one that the enterprise leaves unanswered, one question."""
    one, two, three = stage.others[0], stage.own[0], stage.others[1]
    lines = [brokerings.Line(number, one.problem_id, place + 1) for place, number in enumerate(one.solutions)]
    brokerings.draft(stage.database, one.enterprise_id, [one.problem_id], lines, stage.centre(1), place="plan")
    stage.sent(_with(stage, two, "provider"), 1)
    _number, rows = stage.sent(_with(stage, three, "provider2"), 9)
    stage.answer(rows[0], "provider", 7)
    need = _with(stage, stage.own[1], "provider2")
    draft = InquiryDraft(need.problem_id, "能不能先到现场看一次？现有设备是 2012 年的。", stage.today + timedelta(days=60))
    inquiries.inquire(stage.database, need.enterprise_id, need.solutions[0], draft, stage.step(stage.people["enterprise"], 1))


def _talking(stage: _Stage) -> None:
    """One that waits for a proposal, one to be compared by the centre, one to be chosen by the enterprise."""
    _number, rows = stage.talking(_with(stage, stage.others[2], "provider"), 4)
    say = introduction_talks.say
    say(stage.database, rows[0].id, "请先发现场平面图和近三个月的停机记录。", stage.step(stage.side(rows[0], "provider"), 2))
    say(stage.database, rows[0].id, "电话会：双方约定下周到现场。", stage.centre(2), met_on=stage.today - timedelta(days=2))
    stage.quoted(stage.others[3], 12)
    number, _rows = stage.quoted(_with(stage, stage.own[2 % len(stage.own)], "provider2"), 10)
    brokerings.compare(stage.database, number, stage.centre(5))


def _decided(stage: _Stage) -> None:
    """Chosen, signed, kept in reserve, being done, done and to be confirmed, confirmed."""
    stage.awarded(stage.others[4], 16, most=2)
    stage.contracted(stage.others[5], 20)
    number, _rows = stage.contracted(stage.others[6], 26)
    awards.reserve(stage.database, number, stage.centre(14))
    stage.started(_with(stage, stage.others[7], "provider"), 30)
    stage.reported(stage.own[3 % len(stage.own)], 45)
    number, rows = stage.reported(_with(stage, stage.others[8], "provider"), 70)
    confirmed = ConfirmDraft("passed", 5, "按期投用，响应及时。")
    implementations.confirm(stage.database, number, confirmed, stage.step(stage.side(rows[0], "enterprise"), 30))


def _ended(stage: _Stage) -> None:
    """Declined by either side, not answered, none suitable, withdrawn."""
    rest = stage.others[9:]
    _number, rows = stage.sent(rest[0], 24, most=3)
    for place, (row, reason) in enumerate(zip(rows, ("function", "budget", "timing"), strict=False)):
        stage.answer(row, "enterprise", 22 - place, reason)
    _number, rows = stage.sent(rest[-1], 26, most=2)
    stage.answer(rows[0], "provider", 25, "capacity")
    introductions.lapse(stage.database, rows[-1].id, stage.step(CLOCK, 5))
    number, rows = stage.quoted(rest[1 % len(rest)], 28, most=1)
    ends.none_suitable(stage.database, number, stage.centre(18), why="报价超出预算一倍。")
    text = "报价超出预算一倍，技术方案可行。同类项目欢迎再报。"
    awards.feedback(stage.database, rows[0].id, stage.centre(15), text=text)
    number, rows = stage.talking(rest[2 % len(rest)], 18)
    ends.withdraw(stage.database, number, stage.step(stage.side(rows[0], "enterprise"), 8), why="产线计划明年搬迁，今年不改。")


def _frozen(stage: _Stage) -> None:
    """Talks with a provider that was then ordered to rectify."""
    with stage.database.reading() as session:
        quiet = quietest(session)
        for place in FROZEN:
            if place < len(quiet):
                query = select(Solution.id).where(Solution.provider_id == quiet[place], Solution.state == SolutionState.PUBLISHED)
                solution = session.scalars(query.order_by(Solution.id)).first()
                if solution is not None and session.get_one(Provider, quiet[place]).local_office:
                    break
        else:
            return
    need = stage.others[3]
    stage.talking(_Need(need.problem_id, need.enterprise_id, (solution,)), 34)


def _settle_all(stage: _Stage) -> None:
    """What became late since is late today: the centre is asked to ring up."""
    with stage.database.writing() as session:
        for row in session.scalars(select(Brokering).where(Brokering.lane != "")).all():
            settle(session, row, at=stage.at, today=stage.today)
