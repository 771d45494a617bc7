"""Writing one's own solutions: new ones, the next version of others, handing in, taking back, off the shelf; and their files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ConfigDict, Field

from marketplace.actions import catalogue as actions
from marketplace.actions import catalogue_files as files
from marketplace.actions import solutions as solution_actions
from marketplace.actions.roles import refuse_unless
from marketplace.api.attached import FILE, form_of, stored_file
from marketplace.api.catalogue import find_own, stamp_of
from marketplace.api.catalogue_content import ContentIn, clashes, content_from, problem_of, unknown_scenarios
from marketplace.api.days import today
from marketplace.api.operation import Done, Model, operation, refuse
from marketplace.api.writing import late, read_numbers, read_version
from marketplace.domain.access import may_act_for
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.solution_versions import Content, check_draft, empty_content
from marketplace.faults import Problem
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.files import find_attachments
from marketplace.records.solution_versions import find_open_version
from marketplace.records.solutions import Solution
from marketplace.site import current_site

DOCUMENTS = ("pdf", "docx")


class WhyIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"why": "改版后再上架"}]})
    why: str = Field("", max_length=2_000)


class AttachmentForm(Model):
    """The field of the multipart form."""

    file: bytes = FILE
    """A PDF or Word (.docx) file; public once the version is approved."""


@permission("write", "catalogue", scope="write")
@operation(
    "/catalogue", method="POST", summary="A new solution, as a draft", tag="catalogue", body=ContentIn, answer=Done, status=201, writes=True
)
def create_solution(body: ContentIn) -> Done:
    site, viewer = current_site(), current_viewer()
    provider = min(viewer.provider_ids, default=None)
    if provider is None:
        not_found()
    content = _checked(body, empty_content(), {})
    version = actions.create(site.database, provider, content, note=body.note.strip(), viewer=viewer, at=now())
    return _done(version.solution_id)


def _checked(body: ContentIn, stands: Content, files: dict[str, str]) -> Content:
    """The content that was sent, or 422 with everything that is wrong with it."""
    content, problems = content_from(body, stands, files)
    with current_site().database.reading() as session:
        problems += unknown_scenarios(session, content["scenario_codes"], stands["scenario_codes"])
    told = {problem.field for problem in problems}
    problems += [
        one for field, refused in check_draft(content) if field != "cases" and (one := problem_of(field, refused)).field not in told
    ]
    return refuse(problems) if problems else content


@permission("write", "catalogue", scope="write")
@operation(
    "/catalogue/<id>",
    method="PUT",
    summary="Write the next version of a solution",
    tag="catalogue",
    body=ContentIn,
    answer=Done,
    writes=True,
    match="must",
)
def write_solution(id: str, body: ContentIn) -> Done:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        row = find_own(session, id)
        stands = actions.next_content(session, row, find_open_version(session, row.id))
        files = {one.public_id: one.filename for one in find_attachments(session, "solution", row.id)}
        number = row.id
    content = _checked(body, stands, files)
    with _told_if_late(number, content):
        stamp = _stamp()
        values: dict[str, Any] = {"number": stamp[0], "revision": stamp[1], "note": body.note.strip()}
        actions.write(site.database, number, content, viewer=viewer, at=now(), **values)
    return _done(number)


def _stamp() -> tuple[int, int]:
    number, revision = read_numbers(read_version())
    return -1 if number is None else number, -1 if revision is None else revision


@contextmanager
def _told_if_late(solution_id: int, content: Content | None = None) -> Iterator[None]:
    """Whoever comes second is told 412, with what stands now beside what was sent."""
    try:
        yield
    except RefusedError as error:
        if error.refused.code != "changed_meanwhile":
            raise
        differing: list[Problem] = []
        with current_site().database.reading() as session:
            row = session.get_one(Solution, solution_id)
            if content is not None:
                differing += clashes(actions.next_content(session, row, find_open_version(session, row.id)), content)
        raise late(differing) from error


def _open_version(id: str) -> tuple[int, int, int]:
    """Ids of the solution and its open version, and the saving on which the step rests."""
    number, revision = _stamp()
    with current_site().database.reading() as session:
        row = find_own(session, id)
        version = find_open_version(session, row.id)
        if version is None or version.number != number:
            raise late()
        return row.id, version.id, revision


@permission("write", "catalogue", scope="write")
@operation(
    "/catalogue/<id>/submit", method="POST", summary="Hand the open version in", tag="catalogue", answer=Done, writes=True, match="must"
)
def submit_solution(id: str) -> Done:
    site = current_site()
    solution, version, revision = _open_version(id)
    values: dict[str, Any] = {"viewer": current_viewer(), "at": now(), "today": today(), "rules": site.pilot.catalogue}
    with _told_if_late(solution):
        actions.submit(site.database, version, revision=revision, **values)
    return _done(solution)


@permission("write", "catalogue", scope="write")
@operation(
    "/catalogue/<id>/withdraw",
    method="POST",
    summary="Take the open version back; what is public stays",
    tag="catalogue",
    answer=Done,
    writes=True,
    match="must",
)
def withdraw_solution_version(id: str) -> Done:
    solution, version, revision = _open_version(id)
    with _told_if_late(solution):
        actions.withdraw(current_site().database, version, revision=revision, viewer=current_viewer(), at=now())
    return _done(solution)


@permission("write", "catalogue", scope="write")
@operation(
    "/catalogue/<id>/delist",
    method="POST",
    summary="Take a public solution off the shelf",
    tag="catalogue",
    body=WhyIn,
    answer=Done,
    writes=True,
)
def delist_solution(id: str, body: WhyIn) -> Done:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        row = find_own(session, id)
        number, organisation = row.id, row.provider.organisation_id
    refuse_unless(may_act_for(viewer, organisation, "submit"))
    solution_actions.withdraw(site.database, number, viewer=viewer, at=now(), why=body.why.strip())
    return _done(number)


def _done(solution_id: int) -> Done:
    with current_site().database.reading() as session:
        row = session.get_one(Solution, solution_id)
        version = find_open_version(session, row.id)
        return Done(id=row.public_id, state=version.state if version else row.state, version=stamp_of(session, row, version))


# ---- files: part of the next version, public once it is approved


@permission("write", "catalogue", scope="write")
@operation(
    "/catalogue/<id>/files",
    method="POST",
    summary="Attach a file to the next version",
    tag="catalogue",
    upload=AttachmentForm,
    answer=Done,
    status=201,
    writes=True,
)
def add_solution_file(id: str) -> Done:
    form_of(AttachmentForm, "file")
    site, number = current_site(), _number_of(id)
    stored = stored_file("file", allowed=DOCUMENTS)
    files.add_file(site.database, number, stored, most=site.pilot.catalogue.attachments_most, viewer=current_viewer(), at=now())
    return _done(number)


@permission("write", "catalogue", scope="write")
@operation(
    "/catalogue/<id>/files/<file>",
    method="DELETE",
    summary="The next version does without a file",
    tag="catalogue",
    answer=Done,
    writes=True,
)
def drop_solution_file(id: str, file: str) -> Done:
    number = _number_of(id)
    with current_site().database.reading() as session:
        if file not in {one.public_id for one in find_attachments(session, "solution", number)}:
            not_found()
    files.drop_file(current_site().database, number, file, viewer=current_viewer(), at=now())
    return _done(number)


def _number_of(id: str) -> int:
    with current_site().database.reading() as session:
        return find_own(session, id).id
