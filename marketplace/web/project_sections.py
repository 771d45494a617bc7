"""The form of a project, one section at a time: rows of it as columns of fields, each saved by itself, nothing typed is ever lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import project_plans as actions
from marketplace.actions.project_steps import PROJECT
from marketplace.actions.project_submission import faults_of
from marketplace.attachments import received
from marketplace.domain.access import may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.problems import ProblemState
from marketplace.domain.project_checks import Fault
from marketplace.domain.project_plans import TEXTS, Section, sections_of
from marketplace.domain.projects import EDITABLE, SupplierRole
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import find_attachments
from marketplace.records.guides import Guide
from marketplace.records.history import find_last_entry
from marketplace.records.problems import Problem
from marketplace.records.projects import Project, find_project, find_project_problems
from marketplace.site import current_site
from marketplace.web import project_typed as typing
from marketplace.web.catalogue_form import sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.guides import step_of
from marketplace.web.language import say
from marketplace.web.project_words import WORDS, key_words
from marketplace.web.projects import number_of, status_of
from marketplace.web.refusals import form_page
from marketplace.web.typed import seen_still

pages = Blueprint("project_sections", __name__)
# A few empty rows below those that are filled in; saving gives as many again.
BLANK = 3
Typed = dict[str, Any]


@dataclass(frozen=True)
class SectionShown:
    """`faults`: field → sentence, of what is stored; `rows`: of a section with rows, with empty ones at the end."""

    key: Section
    sections: Sequence[Section]
    open_in: Mapping[str, int]
    typed: Typed
    rows: Sequence[Mapping[str, str]]
    missing: Sequence[Fault]


@pages.get("/projects/<public_id>/sections/<key>")
@permission("write", "project")
def section(public_id: str, key: str) -> AnyResponse:
    return _page(public_id, _section(key))


@pages.post("/projects/<public_id>/sections/<key>")
@permission("write", "project")
def save(public_id: str, key: str) -> AnyResponse:
    """Keep one section; with a file in it, the file too."""
    asked, number = _section(key), number_of(public_id)
    database = current_site().database
    with database.reading() as session:
        project = session.get_one(Project, number)
        _writable(project)
        typed = typing.typed_form(asked)
        act, faults = _act(session, asked, number, typed)
    if faults:
        return _page(public_id, asked, typed, faults=faults)
    try:
        act()
    except RefusedError as error:
        lost = error.refused if error.refused.code == "changed_meanwhile" else None
        return _page(public_id, asked, typed, refused=None if lost else error.refused, lost=lost)
    flash(say("已保存。"), "good")
    if request.form.get("do") == "next":
        return redirect(_next(public_id, asked), 303)
    return redirect(url_for("project_sections.section", public_id=public_id, key=asked), 303)


def _section(key: str) -> Section:
    return Section(key) if key in tuple(Section) else not_found()


def _writable(project: Project) -> None:
    """The form is for the applicant, as long as it may be filled in."""
    viewer = current_viewer()
    own = project.organisation_id in viewer.organisation_ids and may_act_for(viewer, project.organisation_id, "edit")
    if not own or project.state not in EDITABLE:
        not_found()


def _next(public_id: str, asked: Section) -> str:
    with current_site().database.reading() as session:
        project = find_project(session, public_id, current_viewer()) or not_found()
        rows = sections_of(project.level, is_enterprise=project.enterprise_id is not None)
    place = rows.index(asked) + 1 if asked in rows else len(rows)
    if place < len(rows):
        return url_for("project_sections.section", public_id=public_id, key=rows[place])
    return url_for("projects.show", public_id=public_id)


def _act(session: Session, asked: Section, number: int, typed: Typed) -> tuple[Callable[[], object], typing.Faults]:
    """What saving means for this section, and what of it cannot even be read."""
    database, step = current_site().database, step_of()
    faults: typing.Faults = []
    if asked is Section.BASIC:
        draft = typing.basic(typed, faults)
        return lambda: actions.save_basic(database, number, draft, step), typing.checked(asked, draft, faults)
    if asked is Section.CONTENT:
        texts = {kind.key: str(typed[kind.key]) for kind in TEXTS}
        return lambda: actions.save_texts(database, number, texts, step), typing.checked(asked, texts, faults)
    if asked is Section.PROBLEMS:
        chosen = list(session.scalars(select(Problem.id).where(Problem.public_id.in_(typed["problem"])).order_by(Problem.id)))
        return lambda: actions.save_problems(database, number, chosen, step), faults
    if asked is Section.MEMBERS:
        members = typing.members(session, typed["rows"], faults)
        return lambda: actions.save_members(database, number, members, step), faults
    if asked is Section.SUPPLIERS:
        suppliers = typing.suppliers(session, typed["rows"], faults)
        return lambda: actions.save_suppliers(database, number, suppliers, step), faults
    if asked is Section.INDICATORS:
        indicators = typing.indicators(typed["rows"])
        return lambda: actions.save_indicators(database, number, indicators, step), typing.checked(asked, indicators, faults)
    if asked is Section.COSTS:
        costs = typing.costs(typed["rows"])
        return lambda: actions.save_costs(database, number, costs, step), typing.checked(asked, costs, faults)
    if asked is Section.MILESTONES:
        milestones = typing.milestones(typed["rows"])
        return lambda: actions.save_milestones(database, number, milestones, step), typing.checked(asked, milestones, faults)
    return lambda: _file(number, typed), faults


def _file(number: int, typed: Typed) -> None:
    """One file that was chosen, or one that is taken back."""
    database, step = current_site().database, step_of()
    if typed["remove"]:
        actions.remove_document(database, number, typed["remove"], step)
        return
    stored = received("file")
    if isinstance(stored, Refused):
        raise RefusedError(stored)
    if stored is None:
        raise RefusedError(Refused("no_file", _("还没有选文件。")))
    actions.attach_document(database, number, stored, typed["document"], step)


def _page(
    public_id: str,
    asked: Section,
    typed: Typed | None = None,
    *,
    refused: Refused | None = None,
    faults: typing.Faults | None = None,
    lost: Refused | None = None,
) -> Response:
    """The form of a section: as it is stored or, after a refusal, as it was typed."""
    viewer, rules = current_viewer(), current_site().pilot.project
    with current_site().database.reading() as session:
        project = find_project(session, public_id, viewer) or not_found()
        _writable(project)
        stored = typing.stored(session, project, asked)
        here = typed if typed is not None else stored
        missing = faults_of(session, project, rules, words=key_words())
        last = find_last_entry(session, PROJECT, project.id)
        guide = session.get(Guide, project.guide_id) if project.guide_id else None
        shown = SectionShown(
            asked,
            sections_of(project.level, is_enterprise=project.enterprise_id is not None),
            {section: sum(fault.section == section for fault in missing) for section in Section},
            here,
            [*here.get("rows", []), *[{} for _number in range(BLANK)]],
            [fault for fault in missing if fault.section == asked],
        )
        answer = form_page(
            "projects/section.html", refused=refused or lost, errors=[], shown=shown, one=project, typed=here,
            faults=sentences(faults or []), lost=lost is not None, changes=_changes(stored, here) if lost else [],
            seen=seen_still(last, lost=lost is not None), costs=rules.costs, roles=list(SupplierRole), guide=guide,
            problems=_problems(session, project) if asked is Section.PROBLEMS else [],
            known_providers=typing.known_providers(session, project) if asked is Section.SUPPLIERS else [],
            files=_files(session, project) if asked is Section.DOCUMENTS else {},
            documents=_documents(guide) if asked is Section.DOCUMENTS else [], first_day=rules.first_day, last_day=rules.last_day, **WORDS,
        )  # fmt: skip
    if faults:
        answer.status_code = 422
    elif refused or lost:
        answer.status_code = status_of(refused or lost)  # type: ignore[arg-type]
    return answer


def _changes(stored: Typed, typed: Typed) -> list[ShownDifference]:
    """What another one saved, beside what was typed; a section with rows as one text."""
    labels = typing.labels()
    names = [name for name in stored if name != "rows"]
    rows = [(labels.get(name, name), typing.line(stored[name]), typing.line(typed.get(name, ""))) for name in names]
    if "rows" in stored:
        rows.append((say("各行"), typing.lines(stored["rows"]), typing.lines(typed["rows"])))
    return outdated_fields(rows)


def _problems(session: Session, project: Project) -> list[Problem]:
    """The enterprise's own open problems, and those that were chosen and are solved by now."""
    chosen = find_project_problems(session, project.id)
    query = select(Problem).where(Problem.enterprise_id == project.enterprise_id, Problem.state == ProblemState.OPEN)
    found = list(session.scalars(query.order_by(Problem.id).limit(200)))
    return [*found, *(row for row in chosen if row not in found)]


def _files(session: Session, project: Project) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for file in find_attachments(session, PROJECT, project.id):
        found.setdefault(file.kind, []).append(file)
    return found


def _documents(guide: Guide | None) -> list[tuple[str, bool]]:
    """The documents of a submission: those that the guide asks for first, and whether it does."""
    wanted = list(guide.documents) if guide else []
    every = [row.key for row in current_site().pilot.project.documents if row.step == "submission"]
    return [(key, True) for key in every if key in wanted] + [(key, False) for key in every if key not in wanted]
