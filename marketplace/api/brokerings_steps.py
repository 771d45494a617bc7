"""What is done with a brokering: sent and put to the comparison by the centre; chosen and ended by the enterprise or the centre for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import ConfigDict, Field
from sqlalchemy import select

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokering_ends as ends
from marketplace.actions import brokerings as actions
from marketplace.actions import joint_brokerings
from marketplace.actions.brokering_steps import Step
from marketplace.api.brokerings import version_of
from marketplace.api.days import here_now, today
from marketplace.api.operation import Done, Model, operation, refuse_faults
from marketplace.api.writing import read_number, read_version
from marketplace.domain.brokerings import CriterionDraft, check_criteria
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.accounts import Account
from marketplace.records.brokerings import Brokering, find_brokering
from marketplace.records.introductions import find_introduction
from marketplace.site import current_site

_ID = "5b0e6f0e-3f1b-4f0e-9a53-3f0c2a0d8a11"


class CriterionIn(Model):
    text: str = Field(max_length=5_000)
    kind: Literal["essential", "nice"] = "nice"
    weight: int = Field(ge=0, le=1_000)


class CriteriaIn(Model):
    """By what proposals will be compared, in place of what stands. `joint`: the same for all that were drafted together with it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"criteria": [{"text": "不换主机", "kind": "essential", "weight": 60}, {"text": "同行业案例", "weight": 40}]}]
        }
    )
    criteria: list[CriterionIn] = Field(max_length=50)
    joint: bool = False


class OfficerIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"officer": _ID}]})
    officer: str = Field(max_length=36)
    """The id of somebody of the centre."""


class RunIn(Model):
    """What the centre does. `joint`: send all that were drafted together with it; `why`: to go back to the talks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "send"}]})
    event: Literal["send", "compare", "reopen", "reserve"]
    why: str = Field("", max_length=5_000)
    joint: bool = False


class EndIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "none_suitable", "why": "报价都超出预算"}]})
    event: Literal["none_suitable", "withdraw"]
    why: str = Field(max_length=5_000)


class AwardIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"introduction": _ID, "why": "工期最短，有同类案例"}]})
    introduction: str = Field(max_length=36)
    why: str = Field(max_length=5_000)


def step_of() -> Step:
    """Who acts in this request, when, by the pilot's rules, and what was read."""
    pilot = current_site().pilot
    return Step(current_viewer(), here_now(), today(), pilot.brokering, pilot.rating, read_number(read_version()))


def acted(id: str, act: Callable[[int], object]) -> Done:
    """Let something happen to a brokering that this person may read, and say where it stands then."""
    with current_site().database.reading() as session:
        number = (find_brokering(session, id, current_viewer()) or not_found()).id
    act(number)
    return done(number)


def done(number: int) -> Done:
    with current_site().database.reading() as session:
        row = session.get_one(Brokering, number)
        return Done(id=row.public_id, state=row.state, version=version_of(session, row))


@permission("run", "brokering", scope="write")
@operation(
    "/brokerings/<id>/criteria",
    method="PUT",
    summary="By what proposals will be compared; fixed once it is sent",
    tag="brokerings",
    body=CriteriaIn,
    answer=Done,
    writes=True,
    match="may",
)
def set_criteria(id: str, body: CriteriaIn) -> Done:
    drafts = [CriterionDraft(one.text, one.kind, one.weight) for one in body.criteria]

    def act(number: int) -> object:
        found = check_criteria(drafts, most=current_site().pilot.brokering.most_criteria)
        refuse_faults((_place_of(field), refused) for field, refused in found)
        verb = joint_brokerings.set_joint_criteria if body.joint else actions.set_criteria
        return verb(current_site().database, number, drafts, step_of())

    return acted(id, act)


def _place_of(field: str) -> str:
    """The check's text_0 is criteria.0.text here; what is wrong with all of them stands at the list."""
    name, _line, number = field.partition("_")
    return f"criteria.{number}.{name}" if number else "criteria"


@permission("run", "brokering", scope="write")
@operation(
    "/brokerings/<id>/officer",
    method="PUT",
    summary="Put somebody of the centre in charge",
    tag="brokerings",
    body=OfficerIn,
    answer=Done,
    writes=True,
    match="may",
)
def assign_brokering(id: str, body: OfficerIn) -> Done:
    database = current_site().database

    def act(number: int) -> None:
        with database.reading() as session:
            officer = session.scalar(select(Account.id).where(Account.public_id == body.officer)) or 0
        actions.assign(database, number, officer, step_of())

    return acted(id, act)


@permission("run", "brokering", scope="write")
@operation(
    "/brokerings/<id>/steps",
    method="POST",
    summary="Send, put to the comparison, go back to the talks, keep in reserve",
    tag="brokerings",
    body=RunIn,
    answer=Done,
    writes=True,
    match="may",
)
def run_brokering(id: str, body: RunIn) -> Done:
    database = current_site().database

    def act(number: int) -> object:
        if body.event == "send":
            verb = joint_brokerings.send_joint if body.joint else actions.send
            return verb(database, number, step_of())
        if body.event == "compare":
            return actions.compare(database, number, step_of())
        if body.event == "reserve":
            return awards.reserve(database, number, step_of(), why=body.why)
        return actions.reopen(database, number, step_of(), why=body.why)

    return acted(id, act)


@permission("choose", "brokering", scope="write")
@operation(
    "/brokerings/<id>/end",
    method="POST",
    summary="None is suitable, or the enterprise withdraws",
    tag="brokerings",
    body=EndIn,
    answer=Done,
    writes=True,
    match="may",
)
def end_brokering(id: str, body: EndIn) -> Done:
    verb = ends.none_suitable if body.event == "none_suitable" else ends.withdraw
    return acted(id, lambda number: verb(current_site().database, number, step_of(), why=body.why))


@permission("choose", "brokering", scope="write")
@operation(
    "/brokerings/<id>/award",
    method="POST",
    summary="Choose one, with the reason; the others end in the same moment",
    tag="brokerings",
    body=AwardIn,
    answer=Done,
    writes=True,
    match="may",
)
def award_brokering(id: str, body: AwardIn) -> Done:
    database, viewer = current_site().database, current_viewer()

    def act(number: int) -> object:
        with database.reading() as session:
            row = find_introduction(session, body.introduction, viewer)
            chosen = row.id if row is not None and row.brokering_id == number else 0
        if not chosen:
            raise RefusedError(Refused("nobody_chosen", _("还没有选哪一家。")))
        return awards.award(database, chosen, step_of(), why=body.why)

    return acted(id, act)
