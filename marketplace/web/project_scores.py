"""My project reviews, for experts. Nothing of a project shows before its reader has said whether anything ties him or her to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import project_scores as actions
from marketplace.actions.project_panel import ASSIGNMENT, names_of, standing_of
from marketplace.actions.project_steps import PROJECT
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_plans import TEXTS
from marketplace.domain.projects import ProjectState
from marketplace.domain.reviews import HAS_SCORED, MAY_READ, AssignmentState, ScoreSheet, check_draft, check_sheet
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import find_attachments
from marketplace.records.project_plans import find_costs, find_indicators, find_milestones
from marketplace.records.project_reviews import (
    ProjectAssignment,
    count_own_parts,
    find_own_part,
    find_own_parts,
)
from marketplace.records.projects import Project, find_project_members, find_suppliers
from marketplace.site import current_site
from marketplace.web import projects as _projects  # noqa: F401  its reader of files comes first
from marketplace.web.addresses import ADDRESSES
from marketplace.web.guides import step_of
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.project_panel_shown import panel_rules, score_table, status_of, typed_version
from marketplace.web.project_words import WORDS
from marketplace.web.refusals import form_page
from marketplace.web.reviews import typed_scores
from marketplace.web.reviews_desk import ScoreTable, word_of
from marketplace.web.terms import days, left_words

pages = Blueprint("project_scores", __name__)
ADDRESSES[ASSIGNMENT] = lambda ref: url_for("project_scores.show", public_id=ref)


@dataclass(frozen=True)
class Part:
    """One review as its expert sees it. `project` is None, `content` empty and `table` None until they may be seen."""

    row: ProjectAssignment
    applicant: str
    running: bool
    own_organisation: bool
    names: Mapping[str, Sequence[str]]
    project: Project | None
    content: Mapping[str, Any]
    table: ScoreTable | None
    sheet: ScoreSheet = field(default_factory=ScoreSheet)


@pages.get("/projects/reviews/mine")
@permission("score", "project")
def mine() -> str:
    """The projects that I review, what is to be done first."""
    days()  # before the session: a page holds one connection at a time
    viewer = current_viewer()
    with current_site().database.reading() as session:
        paging = paged(count_own_parts(session, viewer), current_site().pilot.thresholds.page_size, "project_scores.mine")
        rows = find_own_parts(session, viewer, offset=paging.offset, most=paging.size)
        reviewing = ProjectState.REVIEWING
        return render_template(
            "project_reviews/mine.html", rows=rows, paging=paging, left=left_words, reviewing=reviewing, may_read=MAY_READ
        )


def _shown(session: Session, row: ProjectAssignment) -> Part:
    project = row.review.project
    standing = standing_of(session, row)
    # Whoever has come to belong to one of its organisations reads nothing more of it, whatever was declared.
    may_read = row.state in MAY_READ and not standing.own_organisation
    return Part(
        row,
        project.organisation.name,
        standing.runs,
        standing.own_organisation,
        names_of(session, project),
        project if may_read else None,
        _content(session, project) if may_read else {},
        # Others' scores open to those who have given their own.
        score_table(row.review.assignments, named=False, own=row.id) if may_read and row.state in HAS_SCORED else None,
        ScoreSheet(dict(row.scores), dict(row.remarks), dict(row.answers), dict(row.answer_remarks), row.opinion),
    )


def _content(session: Session, project: Project) -> dict[str, Any]:
    """The project as it is judged: no contacts, no history, nothing of its first review but that it was recommended."""
    return {
        "texts": [(kind.word, str(project.plan.get(kind.key, ""))) for kind in TEXTS if project.plan.get(kind.key)],
        "members": find_project_members(session, project.id),
        "suppliers": find_suppliers(session, project.id),
        "indicators": find_indicators(session, project.id),
        "costs": find_costs(session, project.id),
        "milestones": find_milestones(session, project.id),
        "files": find_attachments(session, PROJECT, project.id),
    }


@pages.get("/projects/reviews/mine/<public_id>")
@permission("score", "project")
def show(public_id: str) -> AnyResponse:
    return _page(public_id)


def _page(
    public_id: str, refused: Refused | None = None, errors: Sequence[tuple[str, Refused]] = (), sheet: ScoreSheet | None = None
) -> Response:
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        part = _shown(session, find_own_part(session, public_id, current_viewer()) or not_found())
        answer = form_page(
            "project_reviews/part.html", refused=refused, errors=errors, part=part, sheet=sheet or part.sheet, states=AssignmentState,
            rules=panel_rules(), typed=request.form if refused is not None or errors else {}, word_of=word_of, **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _acted(public_id: str, said: str, act: Callable[[int], object], sheet: ScoreSheet | None = None) -> AnyResponse:
    with current_site().database.reading() as session:
        found = find_own_part(session, public_id, current_viewer()) or not_found()
        number = found.id
    try:
        act(number)
    except RefusedError as error:
        return _page(public_id, error.refused, sheet=sheet)
    flash(said, "good")
    return redirect(url_for("project_scores.show", public_id=public_id), 303)


_NO_ANSWER = _("请先选有没有利害关系。")


@pages.post("/projects/reviews/mine/<public_id>/declaration")
@permission("score", "project")
def declare(public_id: str) -> AnyResponse:
    """声明有无利害关系: without an answer nothing opens."""
    database, why = current_site().database, request.form.get("why", "")
    answer = request.form.get("answer", "")
    if answer == "clear":
        said = say("声明已记录，现在可以看材料和评分。")
        return _acted(public_id, said, lambda number: actions.declare_clear(database, number, panel=panel_rules(), step=step_of()))
    if answer == "recuse":
        said = say("已回避，管理方会另抽专家。")
        return _acted(public_id, said, lambda number: actions.recuse(database, number, why=why, panel=panel_rules(), step=step_of()))
    return _page(public_id, errors=[("answer", Refused("required", _NO_ANSWER))])


@pages.post("/projects/reviews/mine/<public_id>/scores")
@permission("score", "project")
def score(public_id: str) -> AnyResponse:
    """保存草稿 or 提交评分."""
    database, form, panel = current_site().database, request.form, panel_rules()
    sheet, version, hands_in = typed_sheet(), typed_version(form.get("version", "")), form.get("act") == "hand_in"
    errors = list(check_sheet(panel, sheet) if hands_in else check_draft(panel, sheet))
    if errors:
        return _page(public_id, errors=errors, sheet=sheet)
    act = actions.hand_in_sheet if hands_in else actions.save_sheet
    said = say("评分已提交，不能再改。等其他专家评完后一起看。") if hands_in else say("草稿已保存。")
    return _acted(public_id, said, lambda part: act(database, part, sheet, panel=panel, step=step_of(), version=version), sheet)


def typed_sheet() -> ScoreSheet:
    """The sheet as it was typed, cut to what can be meant."""
    panel, form = panel_rules(), request.form
    return ScoreSheet(
        scores=typed_scores([criterion.key for criterion in panel.criteria]),
        remarks={criterion.key: form.get(f"remark_{criterion.key}", "") for criterion in panel.criteria},
        answers={check.key: form.get(f"check_{check.key}", "") for check in panel.checklist},
        answer_remarks={check.key: form.get(f"check_remark_{check.key}", "") for check in panel.checklist},
        opinion=form.get("opinion", ""),
    )


@pages.post("/projects/reviews/mine/<public_id>/joint")
@permission("score", "project")
def confirm(public_id: str) -> AnyResponse:
    """确认联合意见, or say why not."""
    database, form, panel = current_site().database, request.form, panel_rules()
    revision = typed_version(form.get("revision", ""))
    if form.get("act") == "dissent":
        why, said = form.get("why", ""), say("您的意见已转给管理方，改写后再请您确认。")
        return _acted(
            public_id, said, lambda part: actions.dissent(database, part, why=why, revision=revision, panel=panel, step=step_of())
        )  # fmt: skip
    said = say("已确认联合意见。")
    return _acted(public_id, said, lambda part: actions.confirm_joint(database, part, revision=revision, panel=panel, step=step_of()))
