"""我的产品目录: a provider's own solutions with what waits for whom; every version, and what differs between two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.actions import catalogue as actions
from marketplace.actions.catalogue_content import content_of
from marketplace.api.catalogue_content import ContentOut, DifferenceOut, content_out, difference_outs, problem_of
from marketplace.api.operation import Model, Versioned, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.domain.access import may
from marketplace.domain.solution_versions import OPEN, Content, VersionState
from marketplace.domain.solutions import SolutionState
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in, not_found, permission
from marketplace.records.listings import find_listed_batches
from marketplace.records.solution_versions import SolutionVersion, find_last_number, find_open_version, find_versions
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from marketplace.site import current_site


class CatalogueLine(Model):
    """One of the provider's solutions. `version_*`: of the version that is open; `batch`: of the recommended products."""

    id: str
    title: str
    state: SolutionState
    version_number: int | None
    version_state: VersionState | None
    review_due: date | None
    batch: str


class CatalogueList(Model):
    items: list[CatalogueLine]
    next: str | None


class FindingOut(Model):
    """What is to be changed before handing in (`hard`), or better be."""

    field: str
    code: str
    message: str
    hard: bool


class OwnSolutionOut(Versioned, CatalogueLine):
    """One solution as its provider writes it. `content`: what the next version says so far; `changes`: against what is public."""

    content: ContentOut
    note: str
    findings: list[FindingOut]
    changes: list[DifferenceOut]


class VersionLine(Model):
    """`why`: why it was returned, or approved."""

    id: str
    number: int
    state: VersionState
    note: str
    at: datetime
    submitted: datetime | None
    decided: datetime | None
    why: str


class VersionList(Model):
    items: list[VersionLine]


class VersionOut(VersionLine):
    """One version as it was, and what it changed against another one. `against` is null where there is no other."""

    content: ContentOut
    against: int | None
    changes: list[DifferenceOut]


class VersionQuery(Model):
    against: int | None = Field(None, ge=0, le=1_000_000)
    """The number of the version to compare with; by default the one before."""


def find_own(session: Session, id: str) -> Solution:
    """The viewer's own; another's is as absent as none."""
    own = select(Solution).where(Solution.public_id == id, Solution.provider_id.in_(current_viewer().provider_ids))
    return session.scalar(own.options(joinedload(Solution.provider))) or not_found()


@permission("write", "catalogue")
@operation("/catalogue", summary="The viewer's own solutions, in every state", tag="catalogue", query=ListQuery, answer=CatalogueList)
def list_catalogue(query: ListQuery) -> CatalogueList:
    own = select(Solution).where(Solution.provider_id.in_(current_viewer().provider_ids))
    with current_site().database.reading() as session:
        part, following = part_of(session, own, Solution, query)
        return CatalogueList(items=[CatalogueLine(**line) for line in _lines(session, part)], next=following)


def _lines(session: Session, rows: Sequence[Solution]) -> list[dict[str, Any]]:
    """Three queries, whatever the number of solutions."""
    ids = [row.id for row in rows]
    open_ones = select(SolutionVersion).where(SolutionVersion.solution_id.in_(ids), SolutionVersion.state.in_(OPEN))
    versions = {one.solution_id: one for one in session.scalars(open_ones)}
    asked = select(Task.noun_id, Task.due).where(Task.noun == actions.VERSION, Task.done_at.is_(None))
    dues = dict(session.execute(asked.where(Task.noun_id.in_([one.id for one in versions.values()]))).all())
    batches = find_listed_batches(session, ids)
    found = []
    for row in rows:
        version = versions.get(row.id)
        line = {"id": row.public_id, "state": row.state, "title": version.content["title"] if version else row.title}
        line |= {"version_number": version.number, "version_state": version.state} if version else {}
        line |= {"review_due": dues.get(version.id) if version else None, "batch": batches.get(row.id, "")}
        found.append({"version_number": None, "version_state": None, **line})
    return found


@permission("write", "catalogue")
@operation(
    "/catalogue/<id>", summary="One of the viewer's own solutions, as its next version has it", tag="catalogue", answer=OwnSolutionOut
)
def read_own_solution(id: str) -> OwnSolutionOut:
    with current_site().database.reading() as session:
        row = find_own(session, id)
        version = find_open_version(session, row.id)
        content = actions.next_content(session, row, version)
        public = None if row.state == SolutionState.DRAFT else content_of(session, row)
        return OwnSolutionOut(
            **_lines(session, [row])[0],
            version=stamp_of(session, row, version),
            content=content_out(content),
            note=version.note if version else "",
            findings=findings_of(content) if version else [],
            changes=difference_outs(public, content) if version and public else [],
        )


def stamp_of(session: Session, row: Solution, version: SolutionVersion | None) -> str:
    """On what the next writing rests: number and saving of the open version, or that none is open since the last one."""
    return f"{version.number}.{version.revision}" if version else f"0.{find_last_number(session, row.id)}"


def findings_of(content: Content) -> list[FindingOut]:
    faults, findings = actions.faults_of(content, current_site().pilot.catalogue)
    rows = [(problem_of(field, refused), True) for field, refused in faults]
    rows += [(problem_of(one.field, one.refused), one.hard) for one in findings]
    return [
        FindingOut(field=one.field.removeprefix("body."), code=one.code, message=said(one.message, one.values), hard=hard)
        for one, hard in rows
    ]


def _find_visible(session: Session, id: str) -> Solution:
    """The provider's own, and any for those who oversee the catalogue."""
    row = session.scalar(select(Solution).where(Solution.public_id == id))
    overseen = may(current_viewer(), "oversee", "catalogue")
    return row if row is not None and (overseen or row.provider_id in current_viewer().provider_ids) else not_found()


@for_the_logged_in
@operation("/catalogue/<id>/versions", summary="Every version of a solution, the newest first", tag="catalogue", answer=VersionList)
def list_versions(id: str) -> VersionList:
    with current_site().database.reading() as session:
        return VersionList(items=[VersionLine(**version_line(row)) for row in find_versions(session, _find_visible(session, id).id)])


def version_line(row: SolutionVersion) -> dict[str, Any]:
    same = ("number", "state", "note", "at", "submitted", "decided", "why")
    return {"id": row.public_id, **{name: getattr(row, name) for name in same}}


@for_the_logged_in
@operation(
    "/catalogue/<id>/versions/<int:number>",
    summary="One version, and its difference to another one",
    tag="catalogue",
    query=VersionQuery,
    answer=VersionOut,
)
def read_version_of_solution(id: str, number: int, query: VersionQuery) -> VersionOut:
    with current_site().database.reading() as session:
        versions = {one.number: one for one in find_versions(session, _find_visible(session, id).id)}
        chosen = versions.get(number) or not_found()
        other = versions.get(number - 1 if query.against is None else query.against)
        return VersionOut(
            **version_line(chosen),
            content=content_out(chosen.content),
            against=other.number if other else None,
            changes=difference_outs(other.content, chosen.content) if other else [],
        )
