"""Versions of solutions that were handed in, for the general manager: each against what is public, let through or returned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace.actions import catalogue_review as actions
from marketplace.actions.catalogue import VERSION
from marketplace.actions.catalogue_content import content_of
from marketplace.api import models as out
from marketplace.api.attached import FileOut, file_outs
from marketplace.api.catalogue import FindingOut, VersionLine, findings_of, version_line
from marketplace.api.catalogue_content import ContentOut, DifferenceOut, content_out, difference_outs
from marketplace.api.operation import Done, Model, Versioned, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.shown import provider_ref
from marketplace.api.writing import read_number, read_version
from marketplace.domain.solution_versions import VersionState
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.files import find_attachments
from marketplace.records.solution_versions import SolutionVersion, find_version
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from marketplace.site import current_site


class HandedInLine(VersionLine):
    solution: str
    title: str
    provider: out.ProviderRef


class HandedInList(Model):
    items: list[HandedInLine]
    next: str | None


class HandedInOut(Versioned, HandedInLine):
    """One version as its reviewer sees it. `changes`: against what is public; `findings`: of the text guard."""

    due: date | None
    content: ContentOut
    changes: list[DifferenceOut]
    findings: list[FindingOut]
    files: list[FileOut]


class HandedInQuery(ListQuery):
    state: VersionState = VersionState.SUBMITTED
    """Only in this state; those that wait for a decision unless said otherwise."""


class JudgementIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"why": "案例的费用与合同不符，请核对"}]})
    why: str = Field("", max_length=2_000)
    """Needed where a version is returned."""


@permission("review", "catalogue")
@operation("/versions", summary="Versions of solutions that were handed in", tag="catalogue", query=HandedInQuery, answer=HandedInList)
def list_handed_in(query: HandedInQuery) -> HandedInList:
    rows = select(SolutionVersion).where(SolutionVersion.state == query.state)
    rows = rows.options(joinedload(SolutionVersion.solution).joinedload(Solution.provider))
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, SolutionVersion, query)
        return HandedInList(items=[HandedInLine(**_line(row)) for row in part], next=following)


def _line(row: SolutionVersion) -> dict[str, Any]:
    solution = row.solution
    told = {"solution": solution.public_id, "title": row.content["title"], "provider": provider_ref(solution.provider)}
    return {**version_line(row), **told}


@permission("review", "catalogue")
@operation("/versions/<id>", summary="One version as its reviewer sees it", tag="catalogue", answer=HandedInOut)
def read_handed_in(id: str) -> HandedInOut:
    with current_site().database.reading() as session:
        row = find_version(session, id) or not_found()
        solution = row.solution
        public = None if solution.state == SolutionState.DRAFT else content_of(session, solution)
        named = {one["file"] for one in row.content["files"]}
        asked = select(Task.due).where(Task.noun == VERSION, Task.noun_id == row.id, Task.done_at.is_(None)).limit(1)
        return HandedInOut(
            **_line(row),
            version=str(row.revision),
            due=session.scalar(asked),
            content=content_out(row.content),
            changes=difference_outs(public, row.content) if public and row.state == VersionState.SUBMITTED else [],
            findings=findings_of(row.content),
            files=file_outs(one for one in find_attachments(session, "solution", solution.id) if one.public_id in named),
        )


@permission("review", "catalogue", scope="write")
@operation(
    "/versions/<id>/approve",
    method="POST",
    summary="Let everybody see this version",
    tag="catalogue",
    body=JudgementIn,
    answer=Done,
    writes=True,
    match="must",
)
def approve_version(id: str, body: JudgementIn) -> Done:
    return _decided(id, actions.approve, body)


@permission("review", "catalogue", scope="write")
@operation(
    "/versions/<id>/return",
    method="POST",
    summary="Send this version back with the reason",
    tag="catalogue",
    body=JudgementIn,
    answer=Done,
    writes=True,
    match="must",
)
def return_version(id: str, body: JudgementIn) -> Done:
    return _decided(id, actions.send_back, body)


def _decided(id: str, act: Callable[..., object], body: JudgementIn) -> Done:
    database = current_site().database
    with database.reading() as session:
        number = (find_version(session, id) or not_found()).id
    act(database, number, revision=read_number(read_version()), viewer=current_viewer(), at=now(), why=body.why.strip())
    with database.reading() as session:
        row = session.get_one(SolutionVersion, number)
        return Done(id=row.public_id, state=row.state, version=str(row.revision))
