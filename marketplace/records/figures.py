"""Reads the facts from which figures are computed: one statement a kind of fact, a few columns each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import extract, false, func, or_, select
from sqlalchemy.orm import Session

from marketplace.domain.acceptances import AcceptanceState
from marketplace.domain.adjustments import AdjustmentKind
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.figure_facts import (
    LEADING,
    EffectFact,
    EnterpriseFact,
    Facts,
    MarkFact,
    MatchFact,
    MoneyFact,
    NeedFact,
    ProjectFact,
    ProviderFact,
    ReportedFact,
    Scope,
    ShowcaseFact,
    Value,
)
from marketplace.domain.figure_formulas import of_sources
from marketplace.domain.figure_rules import FigureRules
from marketplace.domain.figures import FIGURES
from marketplace.domain.introductions import IntroductionState
from marketplace.domain.problems import ProblemState
from marketplace.domain.projects import ProjectClass
from marketplace.domain.providers import IN_POOL
from marketplace.domain.rating_events import ASPECTS
from marketplace.domain.showcases import ShowcaseState
from marketplace.records.acceptances import Acceptance
from marketplace.records.adjustments import Adjustment
from marketplace.records.brokerings import Brokering, Implementation
from marketplace.records.coverage import ProblemCoverage
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.funds import NO_PROJECT, LedgerBalance, LedgerLine
from marketplace.records.groups import EnterpriseGroup
from marketplace.records.history import HistoryEntry
from marketplace.records.introductions import Introduction, IntroductionAnswer
from marketplace.records.problems import Problem
from marketplace.records.progress import MonthlyReport
from marketplace.records.projects import Project, ProjectMember, ProjectProblem
from marketplace.records.providers import Provider
from marketplace.records.reported_investments import ReportedInvestment, last_day
from marketplace.records.showcases import Showcase


def find_figures(session: Session, codes: Iterable[str], scope: Scope, rules: FigureRules) -> dict[str, Value]:
    """Code → value as of the end of `scope.day`."""
    facts = find_facts(session, rules, scope.day, money_over_time=True).within(scope)
    return {code: FIGURES[code].compute(facts) for code in codes}


def find_facts(session: Session, rules: FigureRules, day: date, *, money_over_time: bool = False, since: date | None = None) -> Facts:
    """All facts of the whole pilot until today; a dozen statements, however many projects there are.

    Money is as of today (`day`), by the balances; or what was moved from `since` to `day`; or over time: then by months until `day`.
    """
    zone = ZoneInfo(rules.zone)
    projects, of_enterprise = _projects(session, zone)
    places = {row.id: (row.sector, row.area) for row in projects}
    effects, accepted_marks = _accepted(session, rules, places, zone)
    return Facts(
        Scope(day),
        enterprises=_enterprises(session, projects, of_enterprise, zone),
        projects=projects,
        effects=effects,
        marks=[*accepted_marks, *_confirmed(session, zone)],
        money=_money(session, rules, day, since, over_time=money_over_time),
        providers=_providers(session, zone),
        matches=_matches(session, zone),
        reported=_reported(session),
        needs=_needs(session),
        showcases=_showcases(session),
    )


def _days(session: Session, noun: str, verbs: Collection[str], zone: ZoneInfo, *, last: bool = False) -> Mapping[int, Mapping[str, date]]:
    """Thing → verb → the first day (or the last one) on which it happened, by the history."""
    at = func.max(HistoryEntry.at) if last else func.min(HistoryEntry.at)
    query = select(HistoryEntry.noun_id, HistoryEntry.verb, at).where(HistoryEntry.verb.in_(verbs), HistoryEntry.noun == noun)
    found: dict[int, dict[str, date]] = defaultdict(dict)
    for thing, verb, moment in session.execute(query.group_by(HistoryEntry.noun_id, HistoryEntry.verb)):
        if thing is not None:
            found[thing][verb] = _day(moment, zone)
    return found


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _earliest(*days: date | None) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _first(happened: Mapping[str, date], verbs: Collection[str]) -> date | None:
    return min((day for verb, day in happened.items() if verb in verbs), default=None) if happened else None


DECIDED, BEGUN = ("approve", "city_approves"), ("fund", "city_approves")
# Class ③ pays for what was done elsewhere: its money is no beginning of works, and nothing is accepted.
WORKS = frozenset({ProjectClass.CENTRAL, ProjectClass.MUNICIPAL})
LEAVES = ("retire", "leave")
ENDS = ("leave_out", "refuse", "lapse", "withdraw", "city_refuses", "terminate")


def _projects(session: Session, zone: ZoneInfo) -> tuple[list[ProjectFact], Mapping[int, list[int]]]:
    """All projects, and enterprise → its projects, as applicant or as member."""
    days = _days(session, "project", (*DECIDED, *BEGUN, "pass", *ENDS), zone)
    spent = _spent(session)
    leads = or_(Enterprise.chain_role.in_(LEADING), EnterpriseGroup.leader_id == Project.enterprise_id)
    columns = (Project.id, Project.sector, Project.area, Project.level, Project.project_class, Project.orientations, Project.health)
    query = select(*columns, Project.total_fen, Project.submitted_at, Project.ends, Project.enterprise_id, func.coalesce(leads, false()))
    query = query.outerjoin(Enterprise, Enterprise.id == Project.enterprise_id)
    of_enterprise: dict[int, list[int]] = defaultdict(list)
    stages = _stages(session)
    for project_id, enterprise_id in session.execute(select(ProjectMember.project_id, ProjectMember.enterprise_id)):
        of_enterprise[enterprise_id].append(project_id)
    found = []
    for (
        number, sector, area, level, kind, orientations, health, total, submitted, ends, enterprise, leading,
    ) in session.execute(query.outerjoin(EnterpriseGroup, EnterpriseGroup.id == Project.group_id)):  # fmt: skip
        if enterprise is not None:
            of_enterprise[enterprise].append(number)
        happened = days.get(number, {})
        works = kind in WORKS
        found.append(
            ProjectFact(
                number,
                sector,
                area,
                level,
                kind,
                tuple(orientations),
                stages.get(number, ()),
                bool(leading),
                health,
                total or 0,
                _day(submitted, zone) if submitted else None,
                _first(happened, DECIDED),
                _first(happened, BEGUN) if works else None,
                happened.get("pass") if works else None,
                ends,
                _first(happened, ENDS),
                spent.get(number, ()),
            )
        )
    return found, of_enterprise


def _stages(session: Session) -> dict[int, tuple[str, ...]]:
    """Project → the stages of the problems that it answers."""
    query = select(ProjectProblem.project_id, Problem.stage).join(Problem, Problem.id == ProjectProblem.problem_id)
    rows = session.execute(query.where(Problem.stage != "").distinct().order_by(ProjectProblem.project_id, Problem.stage))
    return {project: tuple(row.stage for row in some) for project, some in groupby(rows, lambda row: row.project_id)}


def _spent(session: Session) -> dict[int, tuple[tuple[date, int], ...]]:
    """Project → (day handed in, spent until then), in the order of the months."""
    query = select(MonthlyReport.project_id, MonthlyReport.handed_in_on, MonthlyReport.spending_fen)
    query = query.where(MonthlyReport.handed_in_on.is_not(None), MonthlyReport.spending_fen.is_not(None))
    rows = session.execute(query.order_by(MonthlyReport.project_id, MonthlyReport.month)).all()
    return {
        project: tuple((row.handed_in_on, row.spending_fen) for row in some) for project, some in groupby(rows, lambda row: row.project_id)
    }


def _enterprises(
    session: Session, projects: Sequence[ProjectFact], of_enterprise: Mapping[int, list[int]], zone: ZoneInfo
) -> list[EnterpriseFact]:
    issued = select(Diagnosis.enterprise_id, func.min(Diagnosis.issued_at), func.min(Diagnosis.visited))
    issued = issued.where(Diagnosis.state == DiagnosisState.ISSUED).group_by(Diagnosis.enterprise_id)
    # Diagnoses that were imported have no moment of issue; the visit is their day.
    diagnosed = {key: _day(at, zone) if at else visited for key, at, visited in session.execute(issued)}
    works = select(Brokering.enterprise_id, func.min(Implementation.started), func.min(Implementation.confirmed_at))
    works = works.join(Brokering, Brokering.id == Implementation.brokering_id).group_by(Brokering.enterprise_id)
    done = {key: (start, _day(at, zone) if at else None) for key, start, at in session.execute(works)}
    by_id = {row.id: row for row in projects}
    columns = (Enterprise.id, Enterprise.sector, Enterprise.area, Enterprise.above_scale_years, Enterprise.chain_role)
    found = []
    for row in session.execute(select(*columns)):
        own = [by_id[number] for number in of_enterprise.get(row.id, ())]
        begun, confirmed = done.get(row.id, (None, None))
        found.append(
            EnterpriseFact(
                row.id,
                row.sector,
                row.area,
                frozenset(row.above_scale_years),
                row.chain_role in LEADING,
                diagnosed.get(row.id),
                _earliest(begun, *(project.started for project in own)),
                _earliest(confirmed, *(project.finished for project in own)),
            )
        )
    return found


def _accepted(
    session: Session, rules: FigureRules, places: Mapping[int, tuple[str, str]], zone: ZoneInfo
) -> tuple[list[EffectFact], list[MarkFact]]:
    """What acceptances that passed have measured, and how the enterprises marked the work."""
    effects: list[EffectFact] = []
    marks: list[MarkFact] = []
    query = select(Acceptance.project_id, Acceptance.decided_at, Acceptance.measures, Acceptance.stars)
    for row in session.execute(query.where(Acceptance.state == AcceptanceState.PASSED, Acceptance.decided_at.is_not(None))):
        day, (sector, area) = _day(row.decided_at, zone), places[row.project_id]
        for one in row.measures:
            family = rules.family_of(str(one["name"]))
            if family and one.get("measured") is not None:
                effects.append(EffectFact(row.project_id, sector, area, day, family, float(one["baseline"]), float(one["measured"])))
        given = [int(one[aspect]) for one in row.stars for aspect in ASPECTS if one.get(aspect)]
        if given:
            marks.append(MarkFact(sector, area, day, fmean(given)))
    return effects, marks


def _confirmed(session: Session, zone: ZoneInfo) -> list[MarkFact]:
    query = select(Enterprise.sector, Enterprise.area, Implementation.confirmed_at, Implementation.rating)
    query = query.join(Brokering, Brokering.id == Implementation.brokering_id).join(Enterprise, Enterprise.id == Brokering.enterprise_id)
    rows = session.execute(query.where(Implementation.confirmed_at.is_not(None), Implementation.rating.is_not(None)))
    return [MarkFact(sector, area, _day(at, zone), float(stars)) for sector, area, at, stars in rows if at and stars is not None]


def _money(session: Session, rules: FigureRules, day: date, since: date | None, *, over_time: bool) -> list[MoneyFact]:
    if since is None and not over_time:
        return _balances(session, rules, day)
    keys: list[Any] = [LedgerLine.account, LedgerLine.source, Project.sector, Project.area, LedgerLine.project_id.is_not(None)]
    if since is None:
        # A month's sum is of its last day, or of `day` in the month of it: figures are asked for as of the ends of months, or of that day.
        keys += [extract("year", LedgerLine.day), extract("month", LedgerLine.day)]
    query = select(*keys, func.sum(LedgerLine.fen)).outerjoin(Project, Project.id == LedgerLine.project_id).group_by(*keys)
    # What was posted later is of no concern as of an earlier day.
    query = query.where(LedgerLine.day <= day if since is None else LedgerLine.day.between(since, day))
    found = []
    for account, source, sector, area, of_project, *month, fen in session.execute(query):
        on = min(day, last_day(f"{int(month[0])}-{int(month[1]):02}")) if month else day
        found.append(MoneyFact(str(account), source not in rules.central_sources, on, int(fen), sector or "", area or "", bool(of_project)))
    return found


def find_money(session: Session, rules: FigureRules, day: date) -> dict[str, dict[str, int]]:
    """Central and local money as of the end of a day: budget, committed, paid."""
    return of_sources(Facts(Scope(day), money=_money(session, rules, day, None, over_time=True)))


def _balances(session: Session, rules: FigureRules, today: date) -> list[MoneyFact]:
    """What every account holds, summed by source and the sector and area of the project."""
    of_project = LedgerBalance.project_key != NO_PROJECT
    keys = (LedgerBalance.account, LedgerBalance.source, Project.sector, Project.area, of_project)
    query = select(*keys, func.sum(LedgerBalance.fen)).outerjoin(Project, Project.id == LedgerBalance.project_key).group_by(*keys)
    return [
        MoneyFact(str(account), source not in rules.central_sources, today, int(fen), sector or "", area or "", bool(known))
        for account, source, sector, area, known, fen in session.execute(query)
    ]


def _providers(session: Session, zone: ZoneInfo) -> list[ProviderFact]:
    left = _days(session, "provider", LEAVES, zone, last=True)
    decisions: dict[tuple[int, str], list[date]] = defaultdict(list)
    query = select(Adjustment.provider_id, Adjustment.kind, Adjustment.decided_at).where(Adjustment.state_before.is_not(None))
    for provider_id, kind, at in session.execute(query):
        if at is not None:
            decisions[provider_id, kind].append(_day(at, zone))
    found = []
    for number, state, admitted in session.execute(select(Provider.id, Provider.state, Provider.admitted_on)):
        gone = None if state in IN_POOL else _first(left.get(number, {}), LEAVES)
        warned, rectified = (tuple(decisions.get((number, kind), ())) for kind in (AdjustmentKind.WARN, AdjustmentKind.RECTIFY))
        found.append(ProviderFact(number, state, admitted, gone, warned, rectified))
    return found


def _matches(session: Session, zone: ZoneInfo) -> list[MatchFact]:
    answers: dict[int, list[int]] = defaultdict(list)
    for number, days in session.execute(select(IntroductionAnswer.introduction_id, IntroductionAnswer.days)):
        if days is not None:
            answers[number].append(days)
    columns = (Introduction.id, Enterprise.sector, Enterprise.area, Introduction.sent_at, Introduction.talks_since, Introduction.state)
    chosen = select(*columns, Brokering.decided_at).join(Brokering, Brokering.id == Introduction.brokering_id)
    rows = session.execute(chosen.join(Enterprise, Enterprise.id == Brokering.enterprise_id).where(Introduction.sent_at.is_not(None)))
    return [
        MatchFact(
            row.sector,
            row.area,
            _day(row.sent_at, zone) if row.sent_at else None,
            _day(row.talks_since, zone) if row.talks_since else None,
            _day(row.decided_at, zone) if row.decided_at and row.state == IntroductionState.AWARDED else None,
            tuple(answers.get(row.id, ())),
        )
        for row in rows
    ]


def _reported(session: Session) -> list[ReportedFact]:
    """A month's figure is of its last day, so that it is counted once the month is over."""
    columns = (ReportedInvestment.sector, ReportedInvestment.area, ReportedInvestment.month, ReportedInvestment.fen)
    return [ReportedFact(sector, area, last_day(month), fen) for sector, area, month, fen in session.execute(select(*columns))]


def _needs(session: Session) -> list[NeedFact]:
    query = select(Enterprise.sector, Enterprise.area, ProblemCoverage.strength).join(Problem, Problem.id == ProblemCoverage.problem_id)
    query = query.join(Enterprise, Enterprise.id == Problem.enterprise_id).where(Problem.state == ProblemState.OPEN)
    return [NeedFact(sector, area, strength >= 2) for sector, area, strength in session.execute(query)]


def _showcases(session: Session) -> list[ShowcaseFact]:
    query = select(Showcase.sector, Project.area, Showcase.published_on).join(Project, Project.id == Showcase.project_id)
    rows = session.execute(query.where(Showcase.state == ShowcaseState.PUBLISHED))
    return [ShowcaseFact(sector, area, day) for sector, area, day in rows if day is not None]
