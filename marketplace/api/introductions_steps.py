"""What is done with an introduction: answered, talked about, quoted and scored by its two sides; helped along by the centre.

What the centre writes down for a side needs a proof, and one-time links are shown once and kept nowhere: both are done on the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from marketplace.actions import brokering_awards as awards
from marketplace.actions import brokering_ends as ends
from marketplace.actions import introduction_talks
from marketplace.actions import introductions as actions
from marketplace.api.brokerings_steps import step_of
from marketplace.api.introductions import version_of
from marketplace.api.operation import Done, Model, operation, refuse_faults, refuse_field
from marketplace.domain.introductions import AnswerDraft, ProposalDraft, Side, check_proposal
from marketplace.domain.lifecycle import _
from marketplace.domain.money import fen_from_wan
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.brokerings import find_criteria
from marketplace.records.introductions import Introduction, find_introduction
from marketplace.site import current_site

_DECLINE: JsonDict = {"side": "provider", "reason": "capacity", "text": "年内排满"}


class OwnAnswerIn(Model):
    """One side's own answer. `reason`: a key of the pilot's reasons for declining, needed to decline."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"side": "provider", "accepts": True}, {**_DECLINE, "accepts": False}]})
    side: Side
    accepts: bool
    reason: str = Field("", max_length=32)
    text: str = Field("", max_length=2_000)


class StepBackIn(Model):
    """A side that had accepted ends the talks."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DECLINE]})
    side: Side
    reason: str = Field(max_length=32)
    text: str = Field("", max_length=2_000)


class MessageIn(Model):
    """A message to the other two; with `met_on` the note of a meeting."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "下周二上午到厂里看设备", "met_on": None}]})
    text: str = Field(max_length=5_000)
    met_on: date | None = None


class MeetsIn(Model):
    """What the proposal says to the criterion with this number."""

    criterion: int = Field(ge=1, le=100)
    meets: Literal["yes", "partly", "no"]
    text: str = Field("", max_length=2_000)


class OfferIn(Model):
    """A proposal, or a new version of it. Every criterion is answered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "price_wan": 48.5, "weeks": 12, "scope": "软件、传感器和安装，不含土建", "valid_until": "2027-03-31",
                    "answers": [{"criterion": 1, "meets": "yes", "text": ""}],
                }
            ]
        }
    )  # fmt: skip
    price_wan: float = Field(ge=0, le=100_000_000, allow_inf_nan=False)
    weeks: int = Field(ge=0, le=10_000)
    scope: str = Field(max_length=10_000)
    valid_until: date
    answers: list[MeetsIn] = Field([], max_length=100)


class ScoreIn(Model):
    criterion: int = Field(ge=1, le=100)
    score: int | None = Field(None, ge=0, le=10)
    """Null takes a score back."""


class ScoresIn(Model):
    """Scores of the proposal that counts; what is not named stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scores": [{"criterion": 1, "score": 8}]}]})
    scores: list[ScoreIn] = Field(max_length=100)


class HelpIn(Model):
    """What the centre does. `why`: to take one out, and what a provider that was not chosen is told; `side`: whom to remind."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"event": "remind", "side": "provider"}, {"event": "feedback", "why": "工期偏长"}]}
    )
    event: Literal["remind", "thaw", "reconsider", "take_out", "feedback"]
    why: str = Field("", max_length=5_000)
    side: Side | None = None


def acted_introduction(id: str, act: Callable[[int, int], object]) -> Done:
    """Let something happen to an introduction (its number, that of its brokering) that this person may read."""
    database = current_site().database
    with database.reading() as session:
        row = find_introduction(session, id, current_viewer()) or not_found()
        number, brokering = row.id, row.brokering_id
    act(number, brokering)
    with database.reading() as session:
        row = session.get_one(Introduction, number)
        return Done(id=row.public_id, state=row.state, version=version_of(session, number))


@permission("answer", "brokering", scope="write")
@operation(
    "/introductions/<id>/answer",
    method="POST",
    summary="One side accepts or declines",
    tag="brokerings",
    body=OwnAnswerIn,
    answer=Done,
    writes=True,
    match="may",
)
def answer_introduction(id: str, body: OwnAnswerIn) -> Done:
    draft = AnswerDraft(body.side, body.accepts, body.reason, body.text)
    return acted_introduction(id, lambda number, _brokering: actions.answer(current_site().database, number, draft, step_of()))


@permission("answer", "brokering", scope="write")
@operation(
    "/introductions/<id>/step-back",
    method="POST",
    summary="A side ends the talks",
    tag="brokerings",
    body=StepBackIn,
    answer=Done,
    writes=True,
    match="may",
)
def step_back(id: str, body: StepBackIn) -> Done:
    draft = AnswerDraft(body.side, False, body.reason, body.text)
    return acted_introduction(id, lambda number, _brokering: actions.step_back(current_site().database, number, draft, step_of()))


@permission("answer", "brokering", scope="write")
@operation(
    "/introductions/<id>/messages",
    method="POST",
    summary="Say something in the talks, or note a meeting",
    tag="brokerings",
    body=MessageIn,
    answer=Done,
    status=201,
    writes=True,
)
def say_in_talks(id: str, body: MessageIn) -> Done:
    database = current_site().database
    return acted_introduction(
        id, lambda number, _brokering: introduction_talks.say(database, number, body.text, step_of(), met_on=body.met_on)
    )


def _criteria(brokering_id: int) -> dict[int, tuple[int, str]]:
    """Number of a criterion, as the API tells it → its id and its text."""
    with current_site().database.reading() as session:
        return {number: (row.id, row.text) for number, row in enumerate(find_criteria(session, brokering_id), 1)}


def _known(number: int, criteria: dict[int, tuple[int, str]], field: str) -> int:
    if number not in criteria:
        refuse_field(field, "unknown_criterion", _("没有第 {number} 条比较标准。"), number=number)
    return criteria[number][0]


@permission("answer", "brokering", scope="write")
@operation(
    "/introductions/<id>/proposals",
    method="POST",
    summary="Make a proposal, or a new version of it",
    tag="brokerings",
    body=OfferIn,
    answer=Done,
    status=201,
    writes=True,
    match="may",
)
def make_proposal(id: str, body: OfferIn) -> Done:
    def act(number: int, brokering: int) -> object:
        criteria, step = _criteria(brokering), step_of()
        answers: dict[int, tuple[str, str]] = {
            _known(one.criterion, criteria, f"body.answers.{place}.criterion"): (one.meets, one.text)
            for place, one in enumerate(body.answers)
        }
        draft = ProposalDraft(fen_from_wan(body.price_wan), body.weeks, body.scope, body.valid_until, answers)
        found = check_proposal(draft, dict(criteria.values()), step.today)
        refuse_faults((("answers" if "_" in field and field[-1].isdigit() else field), refused) for field, refused in found)
        return introduction_talks.quote(current_site().database, number, draft, step)

    return acted_introduction(id, act)


@permission("choose", "brokering", scope="write")
@operation(
    "/introductions/<id>/scores",
    method="PUT",
    summary="Score the proposal that counts, criterion by criterion",
    tag="brokerings",
    body=ScoresIn,
    answer=Done,
    writes=True,
    match="may",
)
def score_proposal(id: str, body: ScoresIn) -> Done:
    def act(number: int, brokering: int) -> object:
        criteria = _criteria(brokering)
        scores = {_known(one.criterion, criteria, f"body.scores.{place}.criterion"): one.score for place, one in enumerate(body.scores)}
        return introduction_talks.score(current_site().database, number, scores, step_of())

    return acted_introduction(id, act)


@permission("run", "brokering", scope="write")
@operation(
    "/introductions/<id>/steps",
    method="POST",
    summary="Remind a side, take one out or in again, tell why it was not chosen",
    tag="brokerings",
    body=HelpIn,
    answer=Done,
    writes=True,
    match="may",
)
def run_introduction(id: str, body: HelpIn) -> Done:
    database = current_site().database

    verbs: Mapping[str, Callable[[int, int], object]] = {
        "remind": lambda number, _brokering: actions.remind(database, number, body.side or "", step_of()),
        "thaw": lambda number, _brokering: actions.thaw(database, number, step_of()),
        "reconsider": lambda number, _brokering: actions.reconsider(database, number, step_of()),
        "take_out": lambda number, _brokering: ends.take_out(database, number, step_of(), why=body.why),
        "feedback": lambda number, _brokering: awards.feedback(database, number, step_of(), text=body.why),
    }
    return acted_introduction(id, verbs[body.event])
