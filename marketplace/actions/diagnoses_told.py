"""Who is told what of a diagnosis, and who is next: tasks and notices, written with the step that they follow from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.jobs import enqueue_job
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import _
from marketplace.records.diagnoses import Diagnosis

NOUN = "diagnosis"
# The kinds of tasks: of the officer, of the enterprise.
VISIT, FILL, DRAFT, CONFIRM, ISSUE = "visit_enterprise", "fill_questionnaire", "draft_diagnosis", "confirm_diagnosis", "issue_diagnosis"


def _values(diagnosis: Diagnosis) -> dict[str, Any]:
    day = diagnosis.planned_on.isoformat() if diagnosis.planned_on else ""
    return {"enterprise": diagnosis.enterprise.name, "number": diagnosis.number, "day": day, "reason": diagnosis.return_reason}


def ask_officer(session: Session, diagnosis: Diagnosis, kind: str, message: str, at: datetime, due: date | None) -> None:
    """The officer has the ball; without an officer, everybody of the centre."""
    common: dict[str, Any] = {"noun": NOUN, "noun_id": diagnosis.id, "public_ref": diagnosis.public_id, "at": at, "due": due}
    if diagnosis.officer_id is not None:
        open_task(session, kind, message, **common, values=_values(diagnosis), account_id=diagnosis.officer_id)
    else:
        open_task(session, kind, message, **common, values=_values(diagnosis), roles=(Role.CENTRE,))


def ask_enterprise(session: Session, diagnosis: Diagnosis, kind: str, message: str, at: datetime, due: date | None) -> None:
    common: dict[str, Any] = {"noun": NOUN, "noun_id": diagnosis.id, "public_ref": diagnosis.public_id, "at": at, "due": due}
    open_task(session, kind, message, **common, values=_values(diagnosis), organisation_id=diagnosis.enterprise.organisation_id)


def tell_enterprise(session: Session, diagnosis: Diagnosis, message: str, at: datetime, **more: Any) -> None:
    people = accounts_of_organisation(session, diagnosis.enterprise.organisation_id)
    _tell(session, people, diagnosis, message, at, more)


def tell_officer(session: Session, diagnosis: Diagnosis, message: str, at: datetime, **more: Any) -> None:
    people = {diagnosis.officer_id} if diagnosis.officer_id is not None else accounts_of_roles(session, (Role.CENTRE,))
    _tell(session, people, diagnosis, message, at, more)


def _tell(session: Session, people: set[int], diagnosis: Diagnosis, message: str, at: datetime, more: dict[str, Any]) -> None:
    values = _values(diagnosis) | more
    notify(session, people, NOUN, message, at=at, values=values, noun=NOUN, public_ref=diagnosis.public_id)


def of_plan(session: Session, diagnosis: Diagnosis, at: datetime) -> None:
    """A visit is planned, or planned otherwise: the officer goes, the enterprise may fill in before."""
    close_tasks(session, NOUN, diagnosis.id, at=at)
    ask_officer(session, diagnosis, VISIT, _("到{enterprise}入企诊断（{number}）"), at, diagnosis.planned_on)
    ask_enterprise(session, diagnosis, FILL, _("入企前先填诊断问卷（{number}）"), at, diagnosis.planned_on)
    tell_enterprise(session, diagnosis, _("能力中心计划 {day} 到贵单位入企诊断（{number}）。问卷可以先填，入企时一起核对。"), at)
    tell_officer(session, diagnosis, _("{enterprise}的入企诊断（{number}）由您负责，计划 {day} 入企。"), at)


def of_start(session: Session, diagnosis: Diagnosis, at: datetime) -> None:
    close_tasks(session, NOUN, diagnosis.id, at=at, kinds=(VISIT,))
    ask_officer(session, diagnosis, DRAFT, _("填完{enterprise}的问卷和清单，成稿（{number}）"), at, diagnosis.due)


def of_draft(session: Session, diagnosis: Diagnosis, at: datetime) -> None:
    close_tasks(session, NOUN, diagnosis.id, at=at)
    ask_enterprise(session, diagnosis, CONFIRM, _("核对并确认诊断结果（{number}）"), at, diagnosis.due)
    tell_enterprise(session, diagnosis, _("贵单位的诊断（{number}）已成稿，请核对结果后确认，不符合实际的可以退回补充。"), at)


def of_return(session: Session, diagnosis: Diagnosis, at: datetime) -> None:
    close_tasks(session, NOUN, diagnosis.id, at=at)
    ask_officer(session, diagnosis, DRAFT, _("按{enterprise}的意见补充后再成稿（{number}）"), at, diagnosis.due)
    tell_officer(session, diagnosis, _("{enterprise}退回了诊断（{number}）：{reason}"), at)


def of_confirm(session: Session, diagnosis: Diagnosis, at: datetime) -> None:
    close_tasks(session, NOUN, diagnosis.id, at=at)
    ask_officer(session, diagnosis, ISSUE, _("出具{enterprise}的诊断报告（{number}）"), at, diagnosis.due)
    tell_officer(session, diagnosis, _("{enterprise}已确认诊断结果（{number}），可以出具报告。"), at)


def of_issue(session: Session, diagnosis: Diagnosis, at: datetime) -> None:
    close_tasks(session, NOUN, diagnosis.id, at=at)
    tell_enterprise(session, diagnosis, _("贵单位的诊断报告已出具（{number}），可以在诊断页下载。"), at)
    ask_for_report(session, diagnosis, at)


def of_cancel(session: Session, diagnosis: Diagnosis, why: str, at: datetime) -> None:
    close_tasks(session, NOUN, diagnosis.id, at=at)
    tell_enterprise(session, diagnosis, _("贵单位的入企诊断已取消（{number}）：{why}"), at, why=why)


def ask_for_report(session: Session, diagnosis: Diagnosis, at: datetime) -> None:
    """The report is written once this is committed, and attached to its diagnosis."""
    enqueue_job(session, "diagnosis_report", {"id": diagnosis.id}, at=at, key=f"diagnosis_report:{diagnosis.id}")
