"""The lists of the demonstration: a diagnosis with all three, problems that an enterprise brought, a report waiting to be checked,
scenario lists in every state, consents, groups, and what enterprises want; made by the people themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import (
    distillations,
    groups,
    investments,
    problem_lists,
    report_imports,
    scenario_lists,
    scenario_needs,
)
from marketplace.domain.access import Viewer
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.groups import GroupDraft
from marketplace.domain.investments import InvestmentDraft
from marketplace.domain.problems import ProblemDraft
from marketplace.domain.scenario_lists import ScenarioListDraft
from marketplace.domain.scenario_needs import ScenarioNeedDraft
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.distillations import Distillation
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.report_imports import ReportImport
from marketplace.records.scenario_lists import ScenarioList
from marketplace.records.scenarios import Scenario

_PEOPLE = ("enterprise", "enterprise2", "centre", "manager", "bureau")
_REASON = "现场复核后更正"
_REPORT = """一、存在的主要问题
1. 循环水泵去年以来每月坏一次，一停就是半天，备件要等两周；
2. 化验单靠手抄，一天两百多张，查一个批次要翻半小时；
3. 夜班交接全凭口头，上月因此错投一次料，报废四吨。
二、建议
建议分两期改造，先易后难。
"""
_FOUND = (
    ("循环水泵去年以来每月坏一次，一停就是半天，备件要等两周", "equipment", "intelligent"),
    ("化验单靠手抄，一天两百多张，查一个批次要翻半小时", "quality", "intelligent"),
    ("夜班交接全凭口头，上月因此错投一次料，报废四吨", "production", "safe"),
)


def seed_lists(database: Database, *, city: str, at: datetime, today: date) -> bool:
    """Play it once; whether anything was done. Nothing happens where the demonstration's people are not."""
    with database.reading() as session:
        accounts = {login: account.id for login in _PEOPLE if (account := find_account(session, login))}
        people = {login: viewer for login, number in accounts.items() if (viewer := find_viewer(session, number))}
        if len(people) < len(_PEOPLE) or session.scalar(select(ScenarioList.id).limit(1)) is not None:
            return False
        codes = {sector: _codes(session, sector) for sector in ("chem", "auto", "elec")}
        diagnosis = _diagnosis(session)
        own = _own_scenarios(session, people["enterprise"])
    if any(len(found) < 5 for found in codes.values()):
        return False
    if diagnosis is not None:
        _lists(database, diagnosis, people["centre"], at)
    _brought(database, people, at)
    _scenario_lists(database, city, codes, own, people, at, today)
    _groups(database, people["centre"], at)
    _clusters(database, people["centre"], at)
    return True


def _lists(database: Database, diagnosis: tuple[int, int, str, DiagnosisState], centre: Viewer, at: datetime) -> None:
    """A whole set of lists for one diagnosis; what is confirmed already is corrected, with a reason."""
    number, enterprise, code, state = diagnosis
    why = _REASON if state in (DiagnosisState.CONFIRMED, DiagnosisState.ISSUED) else ""
    draft = ProblemDraft(
        text="包装二线封口机去年换膜以后每班停两三次，每次二十分钟，返工要一包一包拆；只能在大修的五天里改。",
        stage="production",
        orientation="intelligent",
        priority="high",
        severity="high",
        root_cause="膜厚换过以后，热封温度没有重新标定。",
        effect_if_unsolved="一个月少出约两百箱。",
        budget_low_fen=20_000_000,
        budget_high_fen=40_000_000,
    )
    problem_lists.add(database, draft, enterprise_id=enterprise, diagnosis_id=number, viewer=centre, at=at, why=why)
    scenario_needs.add(
        database, number, ScenarioNeedDraft(code, 1, 3, "非计划停机由每月六次降到两次", "high"), viewer=centre, at=at, why=why
    )
    first = InvestmentDraft(code, 60_000_000, 25_000_000, 8_000_000, at.year + 1, "自有资金", None, True, False)
    second = InvestmentDraft("", None, None, 5_000_000, at.year + 1, "自有资金", None, False, True)
    for line in (first, second):
        investments.add(database, number, line, viewer=centre, at=at, why=why)


def _brought(database: Database, people: dict[str, Viewer], at: datetime) -> None:
    """What an enterprise says by itself: two problems, a report that waits to be checked, and where it wants to go."""
    for login, wanted in (("enterprise", ["intelligent", "green"]), ("enterprise2", ["safe", "intelligent"])):
        person = people[login]
        number = min(person.enterprise_ids)
        groups.wish(database, number, wanted, note="先做见效快的，再做要停产的。", viewer=person, at=at)
    person = people["enterprise"]
    number = min(person.enterprise_ids)
    for text, stage in (
        ("空压机夜里空转没人管，一年多花八万元电费，想知道能不能按用气量自动启停。", "energy"),
        ("仓库备件靠一本台账，急用时找不到，今年已经两次因此多停半天。", "warehousing"),
    ):
        problem_lists.add(database, ProblemDraft(text=text, stage=stage), enterprise_id=number, viewer=person, at=at)
    begun = report_imports.begin(database, enterprise_id=number, diagnosis_id=None, viewer=person, at=at, text=_REPORT)
    rows = [{"text": text, "take": True, "under": "存在的主要问题", "stage": stage, "orientation": way} for text, stage, way in _FOUND]
    with database.writing() as session:
        found = session.get_one(ReportImport, begun.id)
        report_imports.note_found(
            session, found, [{**row, "scenario": "", "sure": 0.0} for row in rows], letters=len(_REPORT), is_cut=False, at=at
        )


def _scenario_lists(
    database: Database,
    city: str,
    codes: dict[str, list[str]],
    own: Sequence[tuple[int, str]],
    people: dict[str, Viewer],
    at: datetime,
    today: date,
) -> None:
    """One of each state. What everybody finds stays as the set has it: what is withdrawn stands on an issued list too."""
    manager, bureau = people["manager"], people["bureau"]
    everything = [code for found in codes.values() for code in found]

    def written(batch: int, note: str, listed: Sequence[str]) -> int:
        draft = ScenarioListDraft(batch, f"{city}应用场景清单（第 {batch} 批）", note, tuple(listed))
        return scenario_lists.create(database, draft, viewer=manager, at=at).id

    first = written(1, "化工行业首批。", codes["chem"][:3])
    second = written(2, "三个行业的共性典型场景。", everything)
    third = written(3, "编号有误，重印。", codes["auto"][:3])
    fourth = written(4, "企业个性化场景，企业已同意公开。", [code for _number, code in own] + codes["elec"][:2])
    written(5, "还在征求意见。", codes["elec"][:4])
    scenario_lists.issue(database, first, viewer=bureau, at=at, today=today)
    scenario_lists.issue(database, second, viewer=bureau, at=at, today=today, supersedes=first)
    for number in (third, fourth):
        scenario_lists.issue(database, number, viewer=bureau, at=at, today=today)
    scenario_lists.withdraw(database, third, viewer=bureau, at=at, why="编号有误，场景已列入第 2 批")


def _groups(database: Database, centre: Viewer, at: datetime) -> None:
    """A chain around its largest enterprise, and the park with most of them."""
    with database.reading() as session:
        chem = select(Enterprise).where(Enterprise.sector == "chem").order_by(Enterprise.revenue_fen.desc(), Enterprise.id).limit(6)
        chain = [row.public_id for row in session.scalars(chem)]
        counted = select(Enterprise.area).where(Enterprise.area != "").group_by(Enterprise.area)
        area = session.scalar(counted.order_by(func.count().desc(), Enterprise.area).limit(1))
    if chain:
        group = groups.create(database, GroupDraft("chain", "合成树脂产业链", "链主带上下游一起规划。", chain[0]), viewer=centre, at=at)
        for key in chain[1:]:
            groups.add_member(database, group.id, key, viewer=centre, at=at)
    if area:
        groups.create(database, GroupDraft("park", "园区企业共性改造", "园区牵头。", area=area), viewer=centre, at=at)


def _clusters(database: Database, centre: Viewer, at: datetime) -> None:
    """A run whose clusters wait for a person: by stage, as a machine without vectors would."""
    run = distillations.begin(database, "chem", viewer=centre, at=at)
    with database.writing() as session:
        query = select(Problem.id, Problem.stage, Problem.enterprise_id, Problem.orientation).join(Enterprise)
        rows = session.execute(query.where(Enterprise.sector == "chem", Problem.stage.in_(("equipment", "energy", "quality")))).all()
        found = [
            distillations.Found(
                name=name,
                words=words,
                problem_ids=[row.id for row in rows if row.stage == stage][:12],
                enterprises=len({row.enterprise_id for row in [one for one in rows if one.stage == stage][:12]}),
                sector="chem",
                stage=stage,
            )
            for stage, name, words in (
                ("equipment", "机泵、停车、轴承", ["机泵", "停车", "轴承", "测振"]),
                ("energy", "蒸汽、电费、余热", ["蒸汽", "电费", "余热"]),
                ("quality", "化验、取样、等结果", ["化验", "取样", "等结果"]),
            )
        ]
        enterprises = len({row.enterprise_id for row in rows})
        distillations.note_clusters(
            session, session.get_one(Distillation, run.id), found, problems=len(rows), enterprises=enterprises, at=at
        )


def _codes(session: Session, sector: str) -> list[str]:
    query = select(Scenario.code).where(
        Scenario.sector == sector, Scenario.kind == ScenarioKind.TYPICAL, Scenario.state == ScenarioState.PUBLISHED
    )
    return list(session.scalars(query.order_by(Scenario.code)))


def _own_scenarios(session: Session, person: Viewer) -> list[tuple[int, str]]:
    query = select(Scenario.id, Scenario.code).where(Scenario.enterprise_id.in_(person.enterprise_ids))
    return [(number, code) for number, code in session.execute(query.order_by(Scenario.code))]


def _diagnosis(session: Session) -> tuple[int, int, str, DiagnosisState] | None:
    """One that is being written, else one to be corrected; and a scenario of its sector."""
    order = {DiagnosisState.ON_SITE: 0, DiagnosisState.DRAFTED: 1, DiagnosisState.CONFIRMED: 2, DiagnosisState.ISSUED: 3}
    rows = session.scalars(select(Diagnosis).where(Diagnosis.state.in_(order)).order_by(Diagnosis.id)).all()
    for row in sorted(rows, key=lambda one: order[one.state]):
        found = _codes(session, row.enterprise.sector)
        if found:
            return row.id, row.enterprise_id, found[0], row.state
    return None
