"""Performance evaluations of the demonstration set: two years issued, this year's being filled with gaps, and one round in every other state.

The platform of the demonstration knows nothing of earlier years, so their figures are typed, and proved, as a late starter would do it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import performance
from marketplace.actions.demonstration_applicants import paper
from marketplace.actions.performance import Entry
from marketplace.actions.performance_steps import Step, move
from marketplace.domain.access import Role, Viewer
from marketplace.domain.performance import RoundDraft, RoundKind, reached
from marketplace.domain.performance_rules import Subject
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.performance import PerformanceItem, PerformanceRound

StepBy = Callable[[Viewer, datetime, date], Step]
_PEOPLE = ("bureau", "manager", "admin", "area")
_WHY = "工作启动较晚，设备到货和调试占去了大半年；已列入下一年度重点，按季度核对进展。"
# Indicator (and sector) → its figure of the first and of the second year of three.
_PAST: Mapping[tuple[str, str], tuple[float | None, float | None]] = {
    ("finished_share", "chem"): (0.09, 0.15),
    ("finished_share", "auto"): (0.05, 0.08),
    ("finished_share", "elec"): (0, 0),
    ("leader_projects", "chem"): (0, 1),
    ("leader_projects", "auto"): (0, 0),
    ("leader_projects", "elec"): (0, 0),
    ("landmark_projects", ""): (0, 0),
    ("local_to_central", ""): (1.38, 1.13),
    ("investment", ""): (320, 860),
    ("diagnosed", ""): (12, 22),
    ("accepted", ""): (0, 2),
    ("providers", ""): (24, 33),
    ("productivity", ""): (None, 0.14),
    ("energy", ""): (None, -0.055),
    ("defects", ""): (None, -0.13),
    ("revenue", ""): (None, 0.06),
    ("accidents", ""): (0, 0),
    ("cases", ""): (1, 2),
    ("satisfaction", ""): (4.1, 4.2),
}
_SUMMARY = (
    "一、成立专班，招选一家机构统筹，三个行业全部摸底。\n二、资金管理办法印发实施，第一笔奖补资金到位。\n三、下一步加快开工，补上汽车行业的进度。",
    "一、三个行业都有一批车间完成改造，链主带动上下游同步上线。\n二、电子行业的链主意愿不足，已逐家走访。\n三、下一步抓好大体量改造的落地和成效测评。",
)


@dataclass(frozen=True)
class _Stage:
    database: Database
    people: dict[str, Viewer]
    step_by: StepBy
    at: datetime
    today: date
    proof: StoredBlob

    def step(self, person: str, day: date) -> Step:
        return self.step_by(self.people[person], datetime.combine(day, time(10, 30), self.at.tzinfo), day)

    def opened(self, day: date, year: int, subject: str = Subject.PILOT, area: str = "", kind: str = RoundKind.ANNUAL) -> int:
        areas = (area,) if area else ()
        draft = RoundDraft(kind, year, subject, areas, min(date(year, 12, 31), self.today), day + timedelta(days=14))
        return performance.open_rounds(self.database, draft, self.step("bureau", day))[0].id

    def move(self, number: int, event: str, person: str, day: date, why: str = "") -> None:
        move(self.database, number, event, self.step(person, day), why=why)

    def lines(self, number: int) -> list[PerformanceItem]:
        with self.database.reading() as session:
            query = select(PerformanceItem).where(PerformanceItem.round_id == number).order_by(PerformanceItem.position)
            rows = list(session.scalars(query))
            session.expunge_all()
            return rows


def seed_performance(database: Database, step_by: StepBy, *, files: BlobStore, at: datetime, today: date) -> bool:
    """Once only. False where there are evaluations already, or too few people."""
    with database.reading() as session:
        people = _people(session)
        if len(people) < len(_PEOPLE) or session.scalar(select(PerformanceRound.id).limit(1)) is not None:
            return False
        areas = sorted(people["area"].areas)
    proof = files.keep(paper("performance"), "指标汇总（示例）.pdf", "application/pdf")
    stage = _Stage(database, people, step_by, at, today, proof)
    rules = stage.step("bureau", today).rules
    this = max(rules.first_year, min(today.year, stage.step("bureau", today).last_year))
    for place, year in enumerate(range(max(rules.first_year, this - 2), this)):
        _issued(stage, year, place)
    _current(stage, this, areas)
    return True


def _people(session: Session) -> dict[str, Viewer]:
    accounts = {login: account.id for login in _PEOPLE if (account := find_account(session, login))}
    people = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
    return {login: one for login, one in people.items() if login != "area" or Role.AREA in one.roles}


def _issued(stage: _Stage, year: int, place: int) -> None:
    """An earlier year: filled by the manager, reviewed by the bureau."""
    number = stage.opened(date(year, 12, 2), year)
    stage.move(number, "start", "bureau", date(year, 12, 3))
    entries, filled = {}, stage.step("manager", date(year, 12, 12))
    lines = stage.lines(number)
    for line in lines:
        line.value = _PAST.get((line.indicator, line.sector), (None, None))[place]
        entries[(line.indicator, line.sector)] = Entry(line.value, "" if reached(line) else _WHY, by_hand=True)
    performance.enter_all(stage.database, number, entries, filled)
    performance.prove(stage.database, [line.id for line in lines if line.value is not None], stage.proof, filled)
    performance.summarise(stage.database, number, _SUMMARY[place], filled)
    stage.move(number, "hand_in", "manager", date(year, 12, 18))
    stage.move(number, "issue", "bureau", date(year, 12, 25), "数据与台账一致，同意印发。")


def _current(stage: _Stage, year: int, areas: Sequence[str]) -> None:
    """This year: the pilot's is filled with gaps, an area's is reviewed, the manager's was sent back."""
    day = stage.today - timedelta(days=6)
    number = stage.opened(day, year)
    stage.move(number, "start", "bureau", day)
    _fill(stage, number, "manager", 2, proved=False)
    manager = stage.opened(day, year, Subject.MANAGER)
    stage.move(manager, "start", "bureau", day)
    _fill(stage, manager, "manager", None)
    stage.move(manager, "hand_in", "manager", stage.today)
    stage.move(manager, "send_back", "bureau", stage.today, "按期办结的比例请附逐月明细。")
    for place, area in enumerate(areas[:2]):
        own = stage.opened(day, year, Subject.AREA, area)
        if place == 0:
            stage.move(own, "start", "bureau", day)
            _fill(stage, own, "area", None)
            stage.move(own, "hand_in", "area", stage.today)
    early = stage.opened(day, year, kind=RoundKind.FINAL)
    stage.move(early, "cancel", "admin", day + timedelta(days=1), "实施期还没有结束，到期再开。")


def _fill(stage: _Stage, number: int, person: str, explained: int | None, *, proved: bool = True) -> None:
    """From the platform, and by hand what it does not know; so many gaps are explained, None: all. Without `proved` some proof is missing."""
    step = stage.step(person, stage.today)
    performance.fill(stage.database, number, step.today, step)
    entries: dict[tuple[str, str], Entry] = {}
    by_hand, left = [], explained if explained is not None else 1000
    for line in stage.lines(number):
        if line.by_hand:
            line.value = line.target if proved else max(0.0, line.target - 3)
            by_hand.append(line.id)
        short = not reached(line)
        if line.by_hand or (short and left > 0):
            entries[(line.indicator, line.sector)] = Entry(line.value, _WHY if short and left > 0 else "", line.by_hand)
            left -= short
    performance.enter_all(stage.database, number, entries, step)
    performance.prove(stage.database, by_hand if proved else by_hand[:1], stage.proof, step)
