"""Drafting a brokering, and adding to one: the centre picks problems of an enterprise and solutions for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from marketplace.actions import brokerings as actions
from marketplace.actions.brokerings import Line
from marketplace.api.brokerings_steps import acted, done, step_of
from marketplace.api.operation import Done, Model, operation, refuse_field
from marketplace.domain.lifecycle import _
from marketplace.guard import not_found, permission
from marketplace.records.brokerings import find_brokering_problems
from marketplace.records.enterprises import find_enterprise
from marketplace.records.problems import find_problems_of
from marketplace.records.solutions import find_solution
from marketplace.site import current_site

_ID = "5b0e6f0e-3f1b-4f0e-9a53-3f0c2a0d8a11"


class ChosenIn(Model):
    """A solution to be introduced; `problem`: for which one of the need, empty: for the first."""

    solution: str = Field(max_length=36)
    problem: str = Field("", max_length=36)


class BrokeringIn(Model):
    """A draft, which only the offices see. `enterprise`: its id or credit code; `place`: plan where it comes from an issued plan."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"enterprise": _ID, "problems": [_ID], "introductions": [{"solution": _ID}], "place": "hand"}]}
    )
    enterprise: str = Field(max_length=36)
    problems: list[str] = Field(max_length=50)
    introductions: list[ChosenIn] = Field([], max_length=50)
    place: Literal["hand", "plan"] = "hand"


class MoreIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"introductions": [{"solution": _ID}]}]})
    introductions: list[ChosenIn] = Field(min_length=1, max_length=50)


@permission("run", "brokering", scope="write")
@operation(
    "/brokerings",
    method="POST",
    summary="Draft a brokering for problems of an enterprise",
    tag="brokerings",
    body=BrokeringIn,
    answer=Done,
    status=201,
    faults=(404,),
    writes=True,
)
def draft_brokering(body: BrokeringIn) -> Done:
    database = current_site().database
    with database.reading() as session:
        enterprise = find_enterprise(session, body.enterprise) or not_found()
        known = {row.public_id: row.id for row in find_problems_of(session, enterprise.id)}
        for place, one in enumerate(body.problems):
            if one not in known:
                refuse_field(f"body.problems.{place}", "unknown_problem", _("这家企业没有这条问题，请核对编号。"))
        lines, number = lines_from(session, body.introductions, known), enterprise.id
    row = actions.draft(database, number, [known[one] for one in body.problems], lines, step_of(), place=body.place)
    return done(row.id)


def lines_from(session: Session, chosen: Sequence[ChosenIn], problems: dict[str, int]) -> list[Line]:
    """What was chosen by hand. `problems`: public id → number of those that the need may be about."""
    lines = []
    for place, one in enumerate(chosen):
        solution = find_solution(session, one.solution)
        if solution is None:
            refuse_field(f"body.introductions.{place}.solution", "unknown_solution", _("没有这个方案，请核对编号。"))
        if one.problem and one.problem not in problems:
            refuse_field(f"body.introductions.{place}.problem", "unknown_problem", _("这家企业没有这条问题，请核对编号。"))
        lines.append(Line(solution.id, problems.get(one.problem)))
    return lines


@permission("run", "brokering", scope="write")
@operation(
    "/brokerings/<id>/introductions",
    method="POST",
    summary="Introduce more solutions; they wait to be sent",
    tag="brokerings",
    body=MoreIn,
    answer=Done,
    writes=True,
    match="may",
)
def add_introductions(id: str, body: MoreIn) -> Done:
    database = current_site().database

    def act(number: int) -> object:
        with database.reading() as session:
            problems = find_brokering_problems(session, number)
            lines = lines_from(session, body.introductions, {row.public_id: row.id for row in problems})
        return actions.add(database, number, lines, step_of())

    return acted(id, act)
