"""The report of an issued diagnosis, in Word and PDF, attached to it: written by the queue, once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.money import exact_text
from marketplace.domain.outside_grades import MODELS, grade_name
from marketplace.domain.problems import ProblemState
from marketplace.domain.questionnaires import Kind, Question
from marketplace.domain.roadmaps import STEPS, roadmap
from marketplace.jobs.letters import Paper, attach_paper
from marketplace.jobs.progress import Progress
from marketplace.letters.diagnosis_report import Report, letter_of
from marketplace.pilot import Pilot
from marketplace.records.diagnoses import (
    Diagnosis,
    Investment,
    ScenarioNeed,
    find_answers,
    find_outside_grades,
    find_sector_gradings,
    sector_means,
    values_of,
)
from marketplace.records.jobs import Job
from marketplace.records.problems import Problem
from marketplace.records.scenarios import Scenario
from marketplace.site import Site

NOUN = "diagnosis"


def write(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """The report of an issued diagnosis."""
    from marketplace.letters.docx import written as as_word
    from marketplace.letters.pdf import written as as_pdf

    number = int(job.payload["id"])
    with site.database.reading() as session:
        diagnosis = session.get_one(Diagnosis, number)
        organisation_id = diagnosis.enterprise.organisation_id
        letter = letter_of(report_of(session, diagnosis, site.pilot))
    progress(0, 2)
    word = as_word(letter)
    progress(1, 2)
    pdf = as_pdf(letter)
    paper = Paper(word, pdf, f"{letter.title}-{letter.number}")
    attach_paper(site, job, progress, paper, noun=NOUN, noun_id=number, organisation_id=organisation_id)
    return None


def report_of(session: Session, diagnosis: Diagnosis, pilot: Pilot) -> Report:
    """The diagnosis in words, as it stands when the report is written."""
    form, grading = pilot.questionnaire, diagnosis.grading
    sector = diagnosis.enterprise.sector
    answers = values_of(find_answers(session, diagnosis.id))
    own = grading.get("axes", {})
    means, peers = sector_means(find_sector_gradings(session, sector, diagnosis.enterprise_id), pilot.diagnosis.benchmark_least)
    rule, above = form.grade_rule(grading.get("level", 0)), form.grade_rule(grading.get("level", 0) + 1)
    issued = diagnosis.issued_at or diagnosis.confirmed_at
    day = issued.astimezone(ZoneInfo(pilot.city.zone)).date() if issued else None
    return Report(
        number=diagnosis.number,
        enterprise=diagnosis.enterprise.name,
        facts=_facts(diagnosis, pilot),
        summary=diagnosis.summary,
        grade=rule.name if rule else "未达级",
        score=f"{grading.get('score', 0.0):.1f}",
        reached=[_sentence(one) for one in grading.get("reached", ())],
        next_grade=above.name if above else "",
        next=[(bool(one["met"]), _sentence(one)) for one in grading.get("next", ())],
        sections=[(one.name, own.get(one.key), means.get(one.key)) for one in form.sections if one.part],
        peers=peers,
        scenes=[_scene(question, answers) for question in form.questions if question.kind == Kind.LEVEL],
        orientations=[_pair(question, answers, pilot) for question in form.questions if question.kind == Kind.PAIR],
        outside=[
            (MODELS[one.model][0], grade_name(one.model, one.place), one.on.isoformat())
            for one in find_outside_grades(session, diagnosis.enterprise_id)
        ],
        **_lists(session, diagnosis, pilot),
        sign_off=_word(pilot, "role", "centre"),
        date=f"{day.year}年{day.month}月{day.day}日" if day else "",
    )


def _facts(diagnosis: Diagnosis, pilot: Pilot) -> list[tuple[str, str]]:
    enterprise = diagnosis.enterprise
    by = diagnosis.organisation.name if diagnosis.organisation else _word(pilot, "role", "centre")
    rows = [
        ("企业", enterprise.name),
        ("行业", _word(pilot, "sector", enterprise.sector)),
        ("园区或街镇", _word(pilot, "area", enterprise.area) if enterprise.area else "–"),
        ("入企日期", _day(diagnosis.visited)),
        ("诊断单位", by),
        ("诊断人员", diagnosis.officer.name if diagnosis.officer else "–"),
        ("依据", f"{pilot.questionnaire.name}，{pilot.questionnaire.source}"),
    ]
    return rows if diagnosis.confirmed_at is None else [*rows, ("企业确认", _day(diagnosis.confirmed_at.date()))]


def _day(value: date | None) -> str:
    return value.isoformat() if value else "–"


def _word(pilot: Pilot, kind: str, key: str) -> str:
    found = pilot.find(kind, key)
    return found.name if found else key


def _sentence(condition: Mapping[str, Any]) -> str:
    return str(condition["message"]).format(**condition["values"])


def _scene(question: Question, answers: Mapping[str, Any]) -> tuple[str, str, str]:
    level = answers.get(question.key)
    name = f"{question.name} ★" if question.binding else question.name
    if not isinstance(level, int):
        return name, "未填", "–"
    return (name, f"{level} 级", question.levels[level - 1]) if level else (name, "未达 1 级", "–")


def _pair(question: Question, answers: Mapping[str, Any], pilot: Pilot) -> tuple[str, str, str, str]:
    value = answers.get(question.key) or {}
    shown = [f"{value[name]:g} {question.unit}" if value.get(name) is not None else "未填" for name in ("present", "target")]
    return (_word(pilot, "orientation", question.orientation), question.name, shown[0], shown[1])


def _lists(session: Session, diagnosis: Diagnosis, pilot: Pilot) -> dict[str, Any]:
    problems = session.scalars(
        select(Problem).where(Problem.diagnosis_id == diagnosis.id, Problem.state != ProblemState.WITHDRAWN).order_by(Problem.id)
    ).all()
    needs = session.execute(
        select(ScenarioNeed, Scenario.name)
        .join(Scenario, Scenario.id == ScenarioNeed.scenario_id)
        .where(ScenarioNeed.diagnosis_id == diagnosis.id)
        .order_by(ScenarioNeed.id)
    ).all()
    investments = session.execute(
        select(Investment, Scenario.name)
        .outerjoin(Scenario, Scenario.id == Investment.scenario_id)
        .where(Investment.diagnosis_id == diagnosis.id)
        .order_by(Investment.id)
    ).all()
    steps = roadmap(((one.priority, one.text) for one in problems), [term.key for term in pilot.priorities])
    return {
        "problems": [
            (str(number), one.text, _word(pilot, "stage", one.stage) or "–", _word(pilot, "priority", one.priority) or "–")
            for number, one in enumerate(problems, 1)
        ],
        "needs": [(name, _level(one.present_level), _level(one.target_level), one.expected or "–") for one, name in needs],
        "investments": [
            (
                name or "–",
                *(_wan(amount) for amount in (one.hardware_fen, one.software_fen, one.service_fen)),
                str(one.year or "–"),
                one.money_source or "–",
            )
            for one, name in investments
        ],
        "roadmap": list(zip(STEPS, steps, strict=True)),
    }


def _level(level: int | None) -> str:
    return f"{level} 级" if level else "–"


def _wan(fen: int | None) -> str:
    return f"{exact_text(fen)} 万元" if fen is not None else "–"
