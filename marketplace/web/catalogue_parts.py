"""The cases and files of a provider's own solution: written one by one, each into the next version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import catalogue as actions
from marketplace.actions import catalogue_files as files
from marketplace.actions.catalogue_content import case_row
from marketplace.attachments import received
from marketplace.domain.cases import check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.solution_versions import Content, case_draft
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.cases import find_loose_cases
from marketplace.records.solution_versions import find_last_number, find_open_version
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.catalogue import own_solution, solution_page
from marketplace.web.catalogue_form import Faults, Typed, case_from, empty_case, sentences, typed_case, typed_of_case
from marketplace.web.language import say

pages = Blueprint("catalogue_parts", __name__)
DOCUMENTS = ("pdf", "docx")


def _opened(session: Session, public_id: str) -> tuple[Solution, Content, tuple[int, int], str]:
    """The viewer's own solution, what its next version says so far, the stamp of that, and its note."""
    solution = own_solution(session, public_id)
    version = find_open_version(session, solution.id)
    stamp = (version.number, version.revision) if version else (0, find_last_number(session, solution.id))
    return solution, actions.next_content(session, solution, version), stamp, version.note if version else ""


@pages.get("/catalogue/<public_id>/cases/new")
@permission("write", "catalogue")
def new_case(public_id: str) -> Response:
    with current_site().database.reading() as session:
        _solution, content, stamp, _note = _opened(session, public_id)
        return _case_page(public_id, len(content["cases"]), typed_of_case(empty_case()), stamp)


@pages.get("/catalogue/<public_id>/cases/<int:number>")
@permission("write", "catalogue")
def edit_case(public_id: str, number: int) -> Response:
    with current_site().database.reading() as session:
        _solution, content, stamp, _note = _opened(session, public_id)
        if number >= len(content["cases"]):
            not_found()
        return _case_page(public_id, number, typed_of_case(content["cases"][number]), stamp)


@pages.post("/catalogue/<public_id>/cases/<int:number>")
@permission("write", "catalogue")
def save_case(public_id: str, number: int) -> Response:
    """Keep a case of the next version; the place after the last one is a new case."""
    typed = typed_case()
    with current_site().database.reading() as session:
        _solution, content, _stamp, _note = _opened(session, public_id)
        cases = content["cases"]
        if number > len(cases):
            not_found()
        row, faults = case_from(typed, cases[number] if number < len(cases) else empty_case())
    faults += list(check(case_draft(row)))
    if not row["process"] and not row["effects"]:
        faults.append(("process", Refused("required", _("实施过程和实施效果至少填一项。"))))
    if faults:
        return _case_page(public_id, number, typed, _typed_stamp(), faults)
    return _write(public_id, lambda content: _with_case(content, number, row), say("案例已保存，随方案一起提交审核。"))


@pages.post("/catalogue/<public_id>/cases/<int:number>/drop")
@permission("write", "catalogue")
def drop_case(public_id: str, number: int) -> Response:
    """The next version does without this case; the case itself stays the provider's."""

    def without(content: Content) -> None:
        if number >= len(content["cases"]):
            not_found()
        content["cases"] = [row for place, row in enumerate(content["cases"]) if place != number]

    return _write(public_id, without, say("案例已从这个方案移出，提交并通过后生效。"))


@pages.post("/catalogue/<public_id>/cases/link")
@permission("write", "catalogue")
def link_case(public_id: str) -> Response:
    """One of the provider's cases that belong to no solution yet."""
    with current_site().database.reading() as session:
        solution = own_solution(session, public_id)
        loose = {case.public_id: case_row(case) for case in find_loose_cases(session, solution.provider_id)}
    row = loose.get(request.form.get("case", "")) or not_found()

    def linked(content: Content) -> None:
        if all(case.get("case") != row["case"] for case in content["cases"]):
            content["cases"] = [*content["cases"], row]

    return _write(public_id, linked, say("案例已关联，随方案一起提交审核。"))


@pages.post("/catalogue/<public_id>/files")
@permission("write", "catalogue")
def add_file(public_id: str) -> Response:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        solution_id = own_solution(session, public_id).id
    stored = received("file", allowed=DOCUMENTS)
    if not isinstance(stored, StoredBlob):
        return solution_page(public_id, stored or Refused("no_file", _("还没有选文件，请选一个 PDF 或 Word（.docx）文件。")))
    try:
        files.add_file(site.database, solution_id, stored, most=site.pilot.catalogue.attachments_most, viewer=viewer, at=now())
    except RefusedError as error:
        return solution_page(public_id, error.refused)
    flash(say("附件已上传，通过审核后公开，其中的文字可以搜到。"), "good")
    return redirect(url_for("catalogue.show", public_id=public_id, _anchor="files"), 303)


@pages.post("/catalogue/<public_id>/files/<file_id>/drop")
@permission("write", "catalogue")
def drop_file(public_id: str, file_id: str) -> Response:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        solution_id = own_solution(session, public_id).id
    try:
        files.drop_file(site.database, solution_id, file_id, viewer=viewer, at=now())
    except RefusedError as error:
        return solution_page(public_id, error.refused)
    flash(say("附件已移出，提交并通过后不再公开。"), "good")
    return redirect(url_for("catalogue.show", public_id=public_id, _anchor="files"), 303)


def _with_case(content: Content, place: int, row: dict[str, Any]) -> None:
    content["cases"] = [*content["cases"][:place], row, *content["cases"][place + 1 :]]


def _typed_stamp() -> tuple[int, int]:
    return request.form.get("number", -1, int), request.form.get("revision", -1, int)


def _write(public_id: str, change: Callable[[Content], None], done: str) -> Response:
    """Change the content that the form was opened on; somebody else's saving in between is told, never overwritten."""
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        solution, content, _stamp, note = _opened(session, public_id)
        solution_id = solution.id
    change(content)
    number, revision = _typed_stamp()
    try:
        actions.write(site.database, solution_id, content, number=number, revision=revision, note=note, viewer=viewer, at=now())
    except RefusedError as error:
        return solution_page(public_id, error.refused)
    flash(done, "good")
    return redirect(url_for("catalogue.show", public_id=public_id, _anchor="cases"), 303)


def _case_page(public_id: str, place: int, typed: Typed, stamp: tuple[int, int], faults: Faults | None = None) -> Response:
    body = render_template(
        "catalogue/case.html",
        public_id=public_id,
        place=place,
        typed=typed,
        number=stamp[0],
        revision=stamp[1],
        faults=sentences(faults or []),
    )
    return make_response(body, 422 if faults else 200)
