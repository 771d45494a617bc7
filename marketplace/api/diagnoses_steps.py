"""What is done with a diagnosis: a visit planned, made and drafted by the centre, confirmed or sent back by the enterprise, issued."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import diagnoses as actions
from marketplace.actions.diagnoses import Step
from marketplace.api.days import here_now, today
from marketplace.api.diagnoses import version_of
from marketplace.api.operation import Done, Model, operation, refuse_faults, refuse_field
from marketplace.api.writing import read_number, read_version
from marketplace.domain.diagnoses import DiagnosisState, PlanDraft, check_plan, check_summary
from marketplace.domain.lifecycle import _
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.accounts import Account
from marketplace.records.diagnoses import Diagnosis, find_diagnosis
from marketplace.records.enterprises import find_enterprise
from marketplace.records.organisations import Organisation
from marketplace.site import current_site

_ID = "5b0e6f0e-3f1b-4f0e-9a53-3f0c2a0d8a11"


class VisitIn(Model):
    """A visit as it is planned. `officer`: the id of somebody of the centre; `organisation`: who diagnoses, empty for the centre."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"planned_on": "2027-03-10", "officer": _ID, "organisation": ""}]})
    planned_on: date
    officer: str = Field(max_length=36)
    organisation: str = Field("", max_length=36)


class DiagnosisStepIn(Model):
    """What the centre does. `text`: the summary of a draft, or why it is cancelled."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"event": "start"}, {"event": "draft", "text": "设备联网率高，质量靠人工。"}]}
    )
    event: Literal["start", "draft", "issue", "cancel"]
    text: str = Field("", max_length=5_000)


class DiagnosisReplyIn(Model):
    """What the enterprise says to the draft; to send it back needs a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "return", "why": "第三部分设备台数不对"}]})
    event: Literal["confirm", "return"]
    why: str = Field("", max_length=5_000)


def step_of() -> Step:
    return Step(current_viewer(), here_now(), today(), current_site().pilot.diagnosis, read_number(read_version()))


def _done(number: int) -> Done:
    with current_site().database.reading() as session:
        row = session.get_one(Diagnosis, number)
        return Done(id=row.public_id, state=row.state, version=version_of(session, number))


def _acted(id: str, act: Callable[[int], object]) -> Done:
    """Let something happen to a diagnosis that this person may read, and say where it stands then."""
    with current_site().database.reading() as session:
        number = (find_diagnosis(session, id, current_viewer()) or not_found()).id
    act(number)
    return _done(number)


def _draft(session: Session, body: VisitIn) -> PlanDraft:
    officer = session.scalar(select(Account.id).where(Account.public_id == body.officer)) if body.officer else None
    unit = session.scalar(select(Organisation.id).where(Organisation.public_id == body.organisation)) if body.organisation else None
    if body.organisation and unit is None:
        refuse_field("body.organisation", "unknown_organisation", _("没有这家诊断单位，请核对编号。"))
    return PlanDraft(body.planned_on, officer, unit)


@permission("manage", "diagnosis", scope="write")
@operation(
    "/enterprises/<code>/diagnoses",
    method="POST",
    summary="Plan a visit to an enterprise that has none under way",
    tag="diagnoses",
    body=VisitIn,
    answer=Done,
    status=201,
    writes=True,
)
def plan_diagnosis(code: str, body: VisitIn) -> Done:
    site, step = current_site(), step_of()
    with site.database.reading() as session:
        number, draft = (find_enterprise(session, code) or not_found()).id, _draft(session, body)
    refuse_faults(check_plan(draft, today=step.today))
    return _done(actions.plan(site.database, number, draft, step, questionnaire=site.pilot.questionnaire.key).id)


@permission("manage", "diagnosis", scope="write")
@operation(
    "/diagnoses/<id>/visit",
    method="PUT",
    summary="Another day, officer or organisation; the day only until the visit has begun",
    tag="diagnoses",
    body=VisitIn,
    answer=Done,
    writes=True,
    match="may",
)
def change_visit(id: str, body: VisitIn) -> Done:
    database, step = current_site().database, step_of()
    with database.reading() as session:
        row = find_diagnosis(session, id, current_viewer()) or not_found()
        number, planned, draft = row.id, row.planned_on, _draft(session, body)
        if row.state == DiagnosisState.ON_SITE:
            draft.planned_on = planned
    refuse_faults(check_plan(draft, today=step.today, earliest=planned))
    actions.change_plan(database, number, draft, step)
    return _done(number)


@permission("manage", "diagnosis", scope="write")
@operation(
    "/diagnoses/<id>/steps",
    method="POST",
    summary="Begin the visit, draft, issue, cancel",
    tag="diagnoses",
    body=DiagnosisStepIn,
    answer=Done,
    writes=True,
    match="may",
)
def run_diagnosis(id: str, body: DiagnosisStepIn) -> Done:
    site, step, text = current_site(), step_of(), body.text
    verbs: Mapping[str, Callable[[int], object]] = {
        "start": lambda number: actions.start(site.database, number, step),
        "draft": lambda number: actions.draft(site.database, number, step, summary=text, questionnaire=site.pilot.questionnaire),
        "issue": lambda number: actions.issue(site.database, number, step),
        "cancel": lambda number: actions.cancel(site.database, number, step, why=text),
    }
    if body.event == "draft":
        refuse_faults((("text", refused) for _field, refused in check_summary(text)))
    return _acted(id, verbs[body.event])


@permission("answer", "diagnosis", scope="write")
@operation(
    "/diagnoses/<id>/replies",
    method="POST",
    summary="The enterprise confirms the draft, or sends it back",
    tag="diagnoses",
    body=DiagnosisReplyIn,
    answer=Done,
    writes=True,
    match="may",
)
def reply_to_diagnosis(id: str, body: DiagnosisReplyIn) -> Done:
    database, step = current_site().database, step_of()
    if body.event == "confirm":
        return _acted(id, lambda number: actions.confirm(database, number, step))
    return _acted(id, lambda number: actions.send_back(database, number, step, why=body.why))
