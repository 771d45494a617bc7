"""Diagnoses of the demonstration set: one in every state, some that are graded, and grades from elsewhere, by the same actions as on the pages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import diagnoses, outside_grades
from marketplace.actions.demonstration import LOGINS
from marketplace.actions.demonstration_diagnosis_lists import write_lists
from marketplace.actions.diagnoses import Step
from marketplace.actions.diagnosis_answers import save_answers
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.diagnoses import DiagnosisRules, PlanDraft
from marketplace.domain.outside_grades import OutsideGradeDraft
from marketplace.domain.questionnaires import NONE, Kind, Question, Questionnaire
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider

# The two enterprises that somebody logs in as, by log-in → how far their diagnosis has come; then others of a sector.
_OWN = {"enterprise": "drafted", "enterprise2": "on_site"}
_OTHERS = ("planned", "issued", "issued", "confirmed", "issued", "returned", "cancelled", "planned", "issued")
# How good they are, from 0 to 1, in this order.
_GOOD = (0.45, 0.62, 0.3, 0.75, 0.5, 0.4, 0.55, 0.2, 0.85)
# Who of them was graded once before: place → how good they were then; the questionnaire was filled in more than a year ago.
_BEFORE = {3: 0.44, 4: 0.32, 10: 0.56}
_LONG_AGO = 420
_SUMMARIES = (
    "设备基础好，系统各管一摊，数据没有打通。建议先把生产、质量和设备的数据汇到一处，再谈预测和优化。",
    "管理层重视，人手不足。质量和仓储靠表格，追溯要翻几天的纸，建议从这两处开始。",
    "信息化刚起步，网络和采集是短板。建议先联网、先采集，一年内上生产管控。",
)


@dataclass
class _Stage:
    database: Database
    form: Questionnaire
    rules: DiagnosisRules
    at: datetime
    today: date
    officer: Viewer

    def step(self, viewer: Viewer, days_ago: int) -> Step:
        return Step(viewer, self.at - timedelta(days=days_ago), self.today - timedelta(days=days_ago), self.rules)


def seed_diagnoses(database: Database, form: Questionnaire, rules: DiagnosisRules, *, at: datetime, today: date) -> bool:
    """Once only; False where a questionnaire was filled in already, or too few people or enterprises are there."""
    with database.reading() as session:
        if session.scalar(select(Diagnosis.id).where(Diagnosis.questionnaire != "").limit(1)) is not None:
            return False
        officer = _viewer(session, "centre")
        chosen = _chosen(session)
        unit = session.scalars(select(Provider.organisation_id).order_by(Provider.id).limit(1)).first()
    if officer is None or len(chosen) < len(_OWN) + len(_OTHERS):
        return False
    stage = _Stage(database, form, rules, at, today, officer)
    for place, good in _BEFORE.items():
        _tell(stage, chosen[place], "baseline", _LONG_AGO - 3 * place, good, None)
    for number, (enterprise_id, story) in enumerate(zip(chosen, (*_OWN.values(), *_OTHERS), strict=False)):
        _tell(stage, enterprise_id, story, 40 - 2 * number, _GOOD[number % len(_GOOD)], unit if story == "confirmed" else None)
    for enterprise_id, draft in zip(
        chosen,
        (
            OutsideGradeDraft("cmmm", 2, today - timedelta(days=400), "某评估机构（示例）"),
            OutsideGradeDraft("iii", 2, today - timedelta(days=200), "某认证机构（示例）"),
        ),
        strict=False,
    ):
        outside_grades.enter(database, enterprise_id, draft, None, viewer=officer, at=at - timedelta(days=20), today=today)
    return True


def _chosen(session: Session) -> list[int]:
    """The enterprises of those who log in first; then, of the sector of the first one, others."""
    own = [code for login, (_role, code) in LOGINS.items() if login in _OWN]
    found = [session.scalar(select(Enterprise).join(Organisation).where(Organisation.credit_code == code)) for code in own]
    first = [row for row in found if row is not None]
    if len(first) < len(_OWN):
        return []
    others = select(Enterprise.id).where(Enterprise.id.not_in([row.id for row in first]))
    others = others.order_by(Enterprise.sector != first[0].sector, Enterprise.id.desc()).limit(len(_OTHERS))
    return [*(row.id for row in first), *session.scalars(others)]


def _tell(stage: _Stage, enterprise_id: int, story: str, ago: int, good: float, unit: int | None) -> None:
    """One diagnosis, as far as its story goes."""
    database, officer, form = stage.database, stage.officer, stage.form
    planned = stage.today - timedelta(days=ago - 4) if story != "planned" else stage.today + timedelta(days=ago % 9 + 2)
    plan = PlanDraft(planned, officer.account_id, unit)
    number = diagnoses.plan(database, enterprise_id, plan, stage.step(officer, ago), questionnaire=form.key).id
    if story == "cancelled":
        diagnoses.cancel(database, number, stage.step(officer, ago - 2), why="企业正在搬迁，明年再安排。")
    if story in ("planned", "cancelled"):
        return
    diagnoses.start(database, number, stage.step(officer, ago - 4))
    with database.reading() as session:
        sector = session.get_one(Enterprise, enterprise_id).sector
    sections = form.sections_for(sector)
    answered = sections[:6] if story == "on_site" else sections
    chance = random.Random(enterprise_id)
    for section in answered:
        typed = {one.key: _answer(one, good, chance) for one in form.of(section.key) if one.kind != Kind.SHARE}
        remarks = {one.key: "现场看过" for one in form.of(section.key) if one.kind == Kind.LEVEL and chance.random() < 0.3}
        when = stage.at - timedelta(days=ago - 5)
        save_answers(database, number, section.key, typed, remarks, questionnaire=form, viewer=officer, at=when)
    # What was found wrong then has been seen to.
    if story != "baseline":
        write_lists(
            database,
            number,
            enterprise_id,
            sector,
            viewer=officer,
            at=stage.at - timedelta(days=ago - 5),
            most=1 if story == "on_site" else 2,
        )
    if story == "on_site":
        return
    summary = _SUMMARIES[number % len(_SUMMARIES)]
    diagnoses.draft(database, number, stage.step(officer, ago - 6), summary=summary, questionnaire=form)
    if story == "drafted":
        return
    own = _member(stage, enterprise_id)
    if story == "returned":
        diagnoses.send_back(database, number, stage.step(own, ago - 8), why="设备台数按去年年底算，应为 186 台，请核对。")
        return
    diagnoses.confirm(database, number, stage.step(own, ago - 8))
    if story in ("issued", "baseline"):
        diagnoses.issue(database, number, stage.step(officer, ago - 9))


def _answer(question: Question, good: float, chance: random.Random) -> Any:
    """An answer as good as the enterprise is, more or less."""
    level = min(1.0, max(0.0, chance.gauss(good, 0.15)))
    if question.kind == Kind.MULTI:
        keys = [option.key for option in question.options]
        return keys[: round(level * len(keys))] or [NONE]
    if question.kind == Kind.SINGLE:
        ranked: Sequence[str] = [one.key for one in sorted(question.options, key=lambda one: one.points)]
        return ranked[min(len(ranked) - 1, int(level * len(ranked)))]
    if question.kind == Kind.LEVEL:
        return min(4, int(level * 5))
    if question.kind == Kind.PAIR:
        return {"present": round(level * 60, 1), "target": round(min(100.0, level * 60 + 20), 1)}
    if question.kind == Kind.TEXT:
        return "ISO 9001、ISO 14001" if question.key == "certificates" else "两年前做过一次自评。"
    return {"equipment": 200, "equipment_digital": round(160 * level), "equipment_networked": round(120 * level)}.get(
        question.key, round(min(question.most, 20_000) * max(level, 0.05))
    )


def _member(stage: _Stage, enterprise_id: int) -> Viewer:
    """Somebody who acts for an enterprise; nobody logs in as them, so they have no account."""
    with stage.database.reading() as session:
        unit = session.get_one(Enterprise, enterprise_id).organisation_id
    rights = frozenset((unit, right) for right in RIGHTS)
    enterprises = frozenset({enterprise_id})
    return Viewer(name="企业经办人（示例）", roles=frozenset({Role.ENTERPRISE}), enterprise_ids=enterprises, rights=rights)


def _viewer(session: Session, login: str) -> Viewer | None:
    account = find_account(session, login)
    return find_viewer(session, account.id) if account is not None else None
