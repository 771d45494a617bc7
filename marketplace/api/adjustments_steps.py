"""What is done with a case: proposed and decided by staff, answered and appealed against by the provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field

from marketplace.actions import adjustments as actions
from marketplace.actions import adjustments_rectification as rectification
from marketplace.actions import appeals
from marketplace.actions.adjustments_effect import Step
from marketplace.api.adjustments import version_of
from marketplace.api.days import here_now, today
from marketplace.api.operation import Done, Model, operation
from marketplace.api.writing import read_numbers, read_version
from marketplace.domain.adjustments import AdjustmentKind
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.adjustments import Adjustment, find_adjustment
from marketplace.records.providers import find_provider
from marketplace.site import current_site


class AdjustmentIn(Model):
    """A proposal with reasons, and evidence in words: which document, of when. Files of evidence are brought on the page."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "warn", "why": "两次延期，没有说明", "evidence": "2026-11-03 检查记录", "conduct": ""}]}
    )
    kind: AdjustmentKind
    why: str = Field(max_length=5_000)
    evidence: str = Field("", max_length=500)
    conduct: str = Field("", max_length=32)
    """A key of the pilot's list of serious conduct."""


class StepIn(Model):
    """What the bureau does. `days`: the term of a rectification in working days; null: the pilot's own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "decide", "why": "事实清楚", "days": 20}]})
    event: Literal["decide", "put_forward", "confirm", "reject", "take_back", "drop", "extend", "refuse_extension", "accept", "fail"]
    why: str = Field("", max_length=5_000)
    days: int | None = Field(None, ge=0, le=1_000)


class ReplyIn(Model):
    """What the provider does: hand in, ask for more time, appeal, take its appeal back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "appeal", "text": "检查所述情况与事实不符，见合同附件三。"}]})
    event: Literal["hand_in", "ask_extension", "appeal", "withdraw_appeal"]
    text: str = Field("", max_length=5_000)


class RulingIn(Model):
    """The bureau's answer to an appeal; `stay` lets the decision rest until then."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "dismiss", "why": "复核后事实无误"}]})
    event: Literal["stay", "uphold", "dismiss"]
    why: str = Field(max_length=5_000)


def _step(*, of_appeal: bool = False) -> Step:
    seen = read_numbers(read_version())[1 if of_appeal else 0]
    return Step(current_viewer(), here_now(), today(), current_site().pilot.adjustment, seen)


def _acted(id: str, act: Callable[[int], object]) -> Done:
    """Let something happen to a case that this person may read, and say where it stands then."""
    with current_site().database.reading() as session:
        number = (find_adjustment(session, id, current_viewer()) or not_found()).id
    act(number)
    return _done(number)


def _done(number: int) -> Done:
    with current_site().database.reading() as session:
        row = session.get_one(Adjustment, number)
        return Done(id=row.public_id, state=row.state, version=version_of(session, row, row.appeals[-1] if row.appeals else None))


@permission("propose", "adjustment", scope="write")
@operation(
    "/providers/<id>/adjustments",
    method="POST",
    summary="Propose a case about a provider",
    tag="adjustments",
    body=AdjustmentIn,
    answer=Done,
    status=201,
    writes=True,
)
def propose_adjustment(id: str, body: AdjustmentIn) -> Done:
    database = current_site().database
    with database.reading() as session:
        provider = (find_provider(session, id) or not_found()).id
    case = actions.propose(database, provider, body.kind, _step(), why=body.why, evidence=body.evidence, conduct=body.conduct)
    return _done(case.id)


_VERBS: Mapping[str, Callable[..., object]] = {
    "put_forward": actions.put_forward,
    "confirm": actions.confirm,
    "reject": actions.reject,
    "take_back": actions.take_back,
    "drop": actions.drop,
    "extend": rectification.extend,
    "refuse_extension": rectification.refuse_extension,
    "accept": rectification.accept,
    "fail": rectification.fail,
}


@permission("decide", "adjustment", scope="write")
@operation(
    "/adjustments/<id>/steps",
    method="POST",
    summary="Decide about a case, alone or by two persons",
    tag="adjustments",
    body=StepIn,
    answer=Done,
    writes=True,
    match="may",
)
def decide_adjustment(id: str, body: StepIn) -> Done:
    database = current_site().database
    if body.event == "decide":
        return _acted(id, lambda number: actions.decide(database, number, _step(), why=body.why, days=body.days))
    return _acted(id, lambda number: _VERBS[body.event](database, number, _step(), why=body.why))


@permission("write", "appeal", scope="write")
@operation(
    "/adjustments/<id>/replies",
    method="POST",
    summary="What the provider does about a case: hand in, ask for more time, appeal",
    tag="adjustments",
    body=ReplyIn,
    answer=Done,
    writes=True,
    match="may",
)
def reply_to_adjustment(id: str, body: ReplyIn) -> Done:
    database, text = current_site().database, body.text
    if body.event == "withdraw_appeal":
        return _about_appeal(id, appeals.withdraw, text)
    if body.event == "ask_extension":
        return _acted(id, lambda number: rectification.ask_extension(database, number, _step(), why=text))
    verb: Any = rectification.hand_in if body.event == "hand_in" else appeals.file
    return _acted(id, lambda number: verb(database, number, _step(), text=text))


@permission("decide", "appeal", scope="write")
@operation(
    "/adjustments/<id>/appeal",
    method="POST",
    summary="Answer the appeal against a decision",
    tag="adjustments",
    body=RulingIn,
    answer=Done,
    writes=True,
    match="may",
)
def answer_appeal(id: str, body: RulingIn) -> Done:
    verbs: Mapping[str, Callable[..., object]] = {"stay": appeals.stay, "uphold": appeals.uphold, "dismiss": appeals.dismiss}
    return _about_appeal(id, verbs[body.event], body.why)


def _about_appeal(id: str, verb: Callable[..., object], why: str) -> Done:
    database = current_site().database

    def act(number: int) -> object:
        with database.reading() as session:
            filed = session.get_one(Adjustment, number).appeals
            if not filed:
                raise RefusedError(Refused("no_appeal", _("这项决定没有申诉。")))
            appeal = filed[-1].id
        return verb(database, appeal, _step(of_appeal=True), why=why)

    return _acted(id, act)
