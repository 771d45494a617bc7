"""What came in answer to an open demand, side by side once the last day is over, and the choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import open_demand_choices as actions
from marketplace.actions.brokerings import Line
from marketplace.actions.open_demand_choices import Choice
from marketplace.actions.open_demand_steps import DEMAND, VERSION
from marketplace.domain.access import may
from marketplace.domain.brokerings import Offer, Weighed, compare
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.matches import Match
from marketplace.domain.open_answers import OpenAnswerState
from marketplace.domain.open_demands import OpenDemandState
from marketplace.domain.providers import TAKES_NEW
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import Attachment, find_attachments_of
from marketplace.records.history import find_last_entry
from marketplace.records.open_demands import (
    OpenAnswer,
    OpenAnswerVersion,
    OpenDemand,
    OpenDemandCriterion,
    find_demand_criteria,
    find_demand_problems,
    find_open_answers,
)
from marketplace.shown import note_shown
from marketplace.site import current_site
from marketplace.web.brokerings import taken
from marketplace.web.brokerings_shown import KIND_WORDS, MEETS_WORDS, WAY_WORDS, word_in
from marketplace.web.language import say
from marketplace.web.open_demands import found, status_of
from marketplace.web.open_demands_shown import ShownDemand, shown, step_of
from marketplace.web.plan_sheet import ask_of
from marketplace.web.refusals import form_page
from marketplace.web.remembered import remembered
from marketplace.web.terms import days

pages = Blueprint("open_demand_choices", __name__)
# Among so many of the best an answer's place is looked for.
LOOKED = 30


@dataclass(frozen=True)
class Column:
    """One answer. `match`: how the recommender sees its solution, None where it is not among the best."""

    answer: OpenAnswer
    weighed: Weighed
    match: Match | None
    files: Sequence[Attachment]

    @property
    def latest(self) -> OpenAnswerVersion:
        return self.answer.latest

    @property
    def takes_new(self) -> bool:
        return self.answer.provider.state in TAKES_NEW


@dataclass(frozen=True)
class ChoicePage:
    """`over`: the last day is over, so that the answers may be read; `count`: how many stand."""

    shown: ShownDemand
    over: bool
    count: int
    columns: Sequence[Column]
    criteria: Sequence[OpenDemandCriterion]
    on_behalf: bool
    may_choose: bool
    seen: int


@pages.get("/open-demands/<public_id>/answers")
@permission("choose", DEMAND)
def compare_answers(public_id: str) -> AnyResponse:
    """Side by side; before the last day only how many there are."""
    return choice_page(public_id)


def choice_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    days()
    with current_site().database.reading() as session:
        page = read_page(session, _own(session, public_id))
        typed = request.form if refused is not None else {}
        words: dict[str, Any] = {"meets": MEETS_WORDS, "kinds": KIND_WORDS, "ways": WAY_WORDS, "word_in": word_in, "looked": LOOKED}
        answer = form_page("open_demands/answers.html", refused=refused, page=page, one=page.shown.demand, typed=typed, form=form, **words)
    if refused is not None:
        answer.status_code = status_of(refused)
    elif page.over:
        note_shown((column.match for column in page.columns if column.match is not None), place="demand")
    return answer


def _own(session: Session, public_id: str) -> OpenDemand:
    demand, viewer = found(session, public_id), current_viewer()
    if demand.enterprise_id not in viewer.enterprise_ids and not may(viewer, "choose", DEMAND):
        not_found()
    return demand


def read_page(session: Session, demand: OpenDemand) -> ChoicePage:
    viewer, row = current_viewer(), shown(demand, current_viewer())
    own = demand.enterprise_id in viewer.enterprise_ids
    answers, criteria = find_open_answers(session, demand.id), find_demand_criteria(session, demand.id)
    over = row.state in (OpenDemandState.CLOSED, OpenDemandState.CONCLUDED, OpenDemandState.NONE_SUITABLE)
    return ChoicePage(
        shown=row,
        over=over,
        count=len(answers),
        columns=_columns(session, demand, answers, criteria) if over else [],
        criteria=criteria,
        on_behalf=not own,
        may_choose=row.state == OpenDemandState.CLOSED,
        seen=find_last_entry(session, DEMAND, demand.id),
    )


def _columns(session: Session, demand: OpenDemand, answers: Sequence[OpenAnswer], criteria: Sequence[OpenDemandCriterion]) -> list[Column]:
    offers = [
        Offer(row.id, row.latest.price_high_fen, row.latest.weeks, {one.id: (row.latest.said_to(one.id)[0], None) for one in criteria})
        for row in answers
    ]
    weighed = compare(offers, [(row.id, row.kind, row.weight) for row in criteria])
    matches = find_matches(session, demand)
    files = find_attachments_of(session, VERSION, [row.latest.id for row in answers])
    columns = [
        Column(row, found, matches.get(row.latest.solution_id), files.get(row.latest.id, []))
        for row, found in zip(answers, weighed, strict=True)
    ]
    return sorted(columns, key=lambda column: (column.match is None, -(column.match.score if column.match else 0), column.answer.id))


def find_matches(session: Session, demand: OpenDemand) -> Mapping[int, Match]:
    """Solution → its best match for one of the problems of the demand."""
    asks = [ask_of(problem, demand.enterprise) for problem in find_demand_problems(session, demand.id)]
    if not asks:
        return {}
    answers = remembered(session, ("open demand", *asks), lambda: current_site().recommender.recommend_many(asks, limit=LOOKED))
    best: dict[int, Match] = {}
    for answer in answers.values():
        for match in answer.matches:
            if match.solution_id not in best or match.score > best[match.solution_id].score:
                best[match.solution_id] = match
    return best


@pages.post("/open-demands/<public_id>/<any(conclude, none_suitable):event>")
@permission("choose", DEMAND)
def decide(public_id: str, event: str) -> AnyResponse:
    """Talk with some, or none is suitable."""
    form, database = request.form, current_site().database
    with database.reading() as session:
        demand = _own(session, public_id)
        number = demand.id
        rows = {row.public_id: row for row in find_open_answers(session, number) if row.state == OpenAnswerState.GIVEN}
        wanted = [rows[key] for key in dict.fromkeys(form.getlist("answer")) if key in rows] if event == "conclude" else []
        matches = find_matches(session, demand) if wanted else {}
        answers = {row.id: _line(row, matches) for row in wanted}
        each = {row.id: form.get(f"feedback_{key}", "") for key, row in rows.items()}
    try:
        choice = Choice(answers, form.get("feedback", ""), each, form.get("way", ""), _proof())
        if event == "conclude":
            actions.conclude(database, number, choice, step_of())
        else:
            actions.none_suitable(database, number, choice, step_of(), why=form.get("why", ""))
    except RefusedError as error:
        return choice_page(public_id, error.refused, event)
    said = say("已选定，对接单已建立，双方可以洽谈。") if event == "conclude" else say("已记下没有合适的，服务商会收到反馈。")
    flash(said, "good")
    return redirect(url_for("open_demands.show", public_id=public_id), 303)


def _proof() -> StoredBlob | None:
    return taken("proof")


def _line(row: OpenAnswer, matches: Mapping[int, Match]) -> Line | None:
    """The answer as the recommender saw it."""
    match = matches.get(row.latest.solution_id)
    if match is None:
        return None
    return Line(match.solution_id, int(match.problem_key), match.rank or None, match.model, match.features)
