"""What the pages of diagnoses show: the roster, and one diagnosis with its sections, its grade and its lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.diagnosis_answers import may_answer
from marketplace.actions.outside_grades import may_enter
from marketplace.domain.access import Role, Viewer, may, may_act_for, may_read_plan
from marketplace.domain.diagnoses import GRADED, OPEN, TABLE, UNVISITED, Ball, DiagnosisState, ball
from marketplace.domain.lifecycle import allowed_events
from marketplace.domain.problems import ProblemState
from marketplace.domain.questionnaires import Question, Section, axes, grade, is_answered, missing
from marketplace.records.accounts import Account
from marketplace.records.diagnoses import (
    Diagnosis,
    DiagnosisAnswer,
    Investment,
    OutsideGrade,
    ScenarioNeed,
    find_answers,
    find_outside_grades,
    find_sector_gradings,
    sector_means,
    values_of,
)
from marketplace.records.diagnosis_roster import NOBODY, Asked, Counts, Row, count_by, find_roster, is_any_above_scale
from marketplace.records.files import LETTER, Attachment, find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.problems import Problem
from marketplace.records.scenarios import Scenario
from marketplace.site import current_site
from marketplace.web.diagnosis_charts import Drawn, radar
from marketplace.web.diagnosis_words import Explained, explained, explained_stored, name_of
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.wording import state, term

NOUN = "diagnosis"
STATES = (UNVISITED, *(value for value in DiagnosisState if value != DiagnosisState.CANCELLED))


@dataclass(frozen=True)
class Choice:
    """One value of a condition: its word, how many there are, the address with it, and whether it is chosen."""

    key: str
    word: str
    count: int
    address: str
    chosen: bool


@dataclass(frozen=True)
class Facet:
    name: str
    choices: Sequence[Choice]


@dataclass(frozen=True)
class Progress:
    """How far a sector has come. `visited`: somebody was there; `issued`: the report is written."""

    sector: str
    total: int
    planned: int
    under_way: int
    issued: int

    @property
    def unvisited(self) -> int:
        return self.total - self.planned - self.under_way - self.issued


@dataclass(frozen=True)
class Roster:
    rows: Sequence[Row]
    paging: Paging
    asked: Asked
    facets: Sequence[Facet]
    progress: Sequence[Progress]
    # Of no enterprise it is known whether it is 规上: all are listed.
    is_unknown: bool = False


def asked_of_address() -> Asked:
    """What the address asks for; a word that the pilot does not know is no condition."""
    pilot, said = current_site().pilot, request.args
    sector, area = pilot.find("sector", said.get("sector", "")), pilot.find("area", said.get("area", ""))
    wanted = said.get("state", "")
    return Asked(
        sector=sector.key if sector else "",
        area=area.key if area else "",
        officer=said.get("officer", "")[:36],
        state=wanted if wanted in STATES else "",
        text=said.get("q", "").strip()[:100],
        everybody=said.get("all") == "1",
    )


def address_values(asked: Asked) -> dict[str, str]:
    values = {"sector": asked.sector, "area": asked.area, "officer": asked.officer, "state": asked.state, "q": asked.text}
    return {name: value for name, value in values.items() if value} | ({"all": "1"} if asked.everybody else {})


def read_roster(session: Session, asked: Asked) -> Roster:
    unknown = not is_any_above_scale(session)
    counts = count_by(session, asked := replace(asked, everybody=asked.everybody or unknown))
    paging = paged(counts.total, current_site().pilot.thresholds.page_size, "diagnoses.index", **address_values(asked))
    rows = find_roster(session, asked, offset=paging.offset, most=paging.size)
    return Roster(rows, paging, asked, _facets(asked, counts), _progress(counts), unknown)


def state_word(value: str) -> str:
    return say("未安排") if value == UNVISITED else state(NOUN, value)[0]


def _facets(asked: Asked, counts: Counts) -> list[Facet]:
    pilot = current_site().pilot

    def choices(name: str, values: Sequence[tuple[str, str, int]], chosen: str) -> list[Choice]:
        found = []
        for key, word, count in values:
            kept = {one: value for one, value in address_values(asked).items() if one != name}
            address = url_for("diagnoses.index", **(kept if key == chosen else kept | {name: key}))  # type: ignore[arg-type]
            if count or key == chosen:
                found.append(Choice(key, word, count, address, key == chosen))
        return found

    states = [(key, state_word(key), counts.states.get(key, 0)) for key in STATES]
    sectors = [(one.key, term("sector", one.key, short=True), counts.sectors.get(one.key, 0)) for one in pilot.sectors]
    areas = [(one.key, term("area", one.key), counts.areas.get(one.key, 0)) for one in pilot.areas]
    officers = [(key, say("没有指定") if key == NOBODY else name, count) for key, name, count in counts.officers]
    return [
        Facet(say("状态"), choices("state", states, asked.state)),
        Facet(say("行业"), choices("sector", sectors, asked.sector)),
        Facet(say("园区或街镇"), choices("area", areas, asked.area)),
        Facet(say("诊断人员"), choices("officer", officers, asked.officer)),
    ]


def _progress(counts: Counts) -> list[Progress]:
    rows = []
    for sector in current_site().pilot.sectors:
        of = {state: number for (key, state), number in counts.progress.items() if key == sector.key}
        total, issued, planned = sum(of.values()), of.get(DiagnosisState.ISSUED, 0), of.get(DiagnosisState.PLANNED, 0)
        rows.append(Progress(sector.key, total, planned, total - issued - planned - of.get(UNVISITED, 0), issued))
    return rows


@dataclass(frozen=True)
class ShownSection:
    """One section in the list at the left: how many of its questions that must be answered are."""

    section: Section
    number: int
    done: int
    total: int

    @property
    def is_done(self) -> bool:
        return self.done == self.total


def shown_sections(sector: str, values: Mapping[str, Any]) -> list[ShownSection]:
    form = current_site().pilot.questionnaire
    rows = []
    for number, section in enumerate(form.sections_for(sector), 1):
        asked = [question for question in form.of(section.key) if question.required]
        rows.append(ShownSection(section, number, sum(is_answered(question, values) for question in asked), len(asked)))
    return rows


@dataclass(frozen=True)
class Line:
    """One bar of the table beside the radar."""

    word: str
    own: float | None
    mean: float | None


@dataclass(frozen=True)
class DiagnosisPage:
    """`detail`: this viewer may read answers, lists, evidence and the report; others see who, when and which grade."""

    diagnosis: Diagnosis
    detail: bool
    own: bool
    sections: Sequence[ShownSection]
    open_questions: Sequence[Question]
    explained: Explained | None
    is_final: bool
    chart: Drawn | None
    lines: Sequence[Line]
    peers: int
    outside: Sequence[tuple[OutsideGrade, Sequence[Attachment]]]
    problems: Sequence[Problem]
    needs: Sequence[tuple[ScenarioNeed, Scenario]]
    investments: Sequence[tuple[Investment, Scenario | None]]
    lists_address: str
    reports: Sequence[Attachment]
    evidence: int
    answers: Mapping[str, DiagnosisAnswer]
    events: Sequence[str]
    ball: Ball | None
    mine: bool
    may_answer: bool
    may_enter: bool
    seen: int
    confirmed_by: str


def read_page(session: Session, diagnosis: Diagnosis, viewer: Viewer) -> DiagnosisPage:
    """Everything of one diagnosis, by a fixed number of queries."""
    site, enterprise = current_site(), diagnosis.enterprise
    form, detail = site.pilot.questionnaire, may_read_plan(viewer, enterprise.id)
    answers = find_answers(session, diagnosis.id) if detail else {}
    values = values_of(answers)
    is_graded = bool(diagnosis.grading) and (detail or diagnosis.state in GRADED)
    final = is_graded and diagnosis.state not in (DiagnosisState.PLANNED, DiagnosisState.ON_SITE)
    own_axes = diagnosis.grading.get("axes", {}) if final else axes(form, values)
    means, peers = sector_means(find_sector_gradings(session, enterprise.sector, enterprise.id), site.pilot.diagnosis.benchmark_least)
    sections = [(one.key, name_of(one)) for one in form.sections if one.part]
    files = find_attachments(session, NOUN, diagnosis.id) if detail else []
    is_own = enterprise.id in viewer.enterprise_ids and not may(viewer, "read", "diagnosis")
    turn = ball(diagnosis.state, planned_on=diagnosis.planned_on, due=diagnosis.due)
    confirmer = session.get(Account, diagnosis.confirmed_by) if diagnosis.confirmed_by else None
    grading = explained_stored(diagnosis.grading) if final else explained(grade(form, values)) if values else None
    return DiagnosisPage(
        diagnosis=diagnosis,
        detail=detail,
        own=is_own,
        sections=shown_sections(enterprise.sector, values) if detail else [],
        open_questions=missing(form, values, enterprise.sector) if detail else [],
        explained=grading,
        is_final=final,
        chart=radar(sections, own_axes, means) if own_axes else None,
        lines=[Line(word, own_axes.get(key), means.get(key)) for key, word in sections] if own_axes else [],
        peers=peers,
        outside=[(one, find_attachments(session, "outside_grade", one.id)) for one in find_outside_grades(session, enterprise.id)],
        **(_lists(session, diagnosis.id) if detail else {"problems": [], "needs": [], "investments": []}),
        lists_address=_lists_address(diagnosis) if detail else "",
        reports=[file for file in files if file.kind == LETTER],
        evidence=sum(file.kind != LETTER for file in files),
        answers=answers,
        events=_events(diagnosis, viewer),
        ball=turn,
        mine=_is_mine(turn, diagnosis, viewer),
        may_answer=may_answer(viewer, diagnosis),
        may_enter=may_enter(viewer, enterprise),
        seen=find_last_entry(session, NOUN, diagnosis.id),
        confirmed_by=confirmer.name if confirmer else "",
    )


def _events(diagnosis: Diagnosis, viewer: Viewer) -> list[str]:
    """The steps that this person may take now."""
    enterprise = diagnosis.enterprise
    held = set(viewer.roles)
    if enterprise.id not in viewer.enterprise_ids or not may_act_for(viewer, enterprise.organisation_id, "submit"):
        held.discard(Role.ENTERPRISE)
    return [row.event for row in allowed_events(TABLE, diagnosis.state, held)]


def _is_mine(turn: Ball | None, diagnosis: Diagnosis, viewer: Viewer) -> bool:
    if turn is None:
        return False
    if turn.who == "enterprise":
        return diagnosis.enterprise_id in viewer.enterprise_ids
    return diagnosis.officer_id == viewer.account_id or (diagnosis.officer_id is None and may(viewer, "manage", "diagnosis"))


def _lists(session: Session, diagnosis_id: int) -> dict[str, Any]:
    problems = select(Problem).where(Problem.diagnosis_id == diagnosis_id, Problem.state != ProblemState.WITHDRAWN).order_by(Problem.id)
    needs = select(ScenarioNeed, Scenario).join(Scenario, Scenario.id == ScenarioNeed.scenario_id)
    investments = select(Investment, Scenario).outerjoin(Scenario, Scenario.id == Investment.scenario_id)
    return {
        "problems": session.scalars(problems).all(),
        "needs": session.execute(needs.where(ScenarioNeed.diagnosis_id == diagnosis_id).order_by(ScenarioNeed.id)).all(),
        "investments": session.execute(investments.where(Investment.diagnosis_id == diagnosis_id).order_by(Investment.id)).all(),
    }


def _lists_address(diagnosis: Diagnosis) -> str:
    """Where the lists are edited, where the site has that page."""
    known = "diagnosis_lists.show" in current_app.view_functions
    return url_for("diagnosis_lists.show", public_id=diagnosis.public_id) if known else ""


def read_own(session: Session, viewer: Viewer) -> list[Diagnosis]:
    """The diagnoses of one's own enterprise, the newest first."""
    query = select(Diagnosis).where(Diagnosis.enterprise_id.in_(viewer.enterprise_ids))
    return list(session.scalars(query.order_by(Diagnosis.state.in_(OPEN).desc(), Diagnosis.id.desc())))
