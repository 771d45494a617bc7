"""The panel review of one project, for the manager who organises it and the bureau that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import project_reviews as actions
from marketplace.actions.project_panel import REVIEW
from marketplace.domain.access import may
from marketplace.domain.lifecycle import Refused
from marketplace.domain.project_reviews import ProjectJointDraft
from marketplace.domain.project_selections import most_fen
from marketplace.domain.projects import TABLES, ProjectState
from marketplace.domain.reviews import why_not_close
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.guides import Guide
from marketplace.records.history import find_last_entry
from marketplace.records.project_reviews import (
    ProjectAssignment,
    ProjectDraw,
    ProjectReview,
    find_project_draws,
    find_project_review,
)
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.diagnosis_lists import wan
from marketplace.web.draws_shown import Shortfall, shortfall
from marketplace.web.guides import step_of
from marketplace.web.language import say
from marketplace.web.project_panel_shown import acted, names_of_people, panel_rules, readable, score_table, status_of
from marketplace.web.refusals import form_page
from marketplace.web.reviews import typed_scores
from marketplace.web.reviews_desk import ScoreTable, word_of
from marketplace.web.terms import days
from marketplace.web.typed import seen
from marketplace.web.typed_numbers import typed_fen

pages = Blueprint("project_reviews", __name__)


@dataclass(frozen=True, kw_only=True)
class Desk:
    project: Project
    review: ProjectReview | None
    draws: Sequence[ProjectDraw]
    short: Shortfall | None
    table: ScoreTable | None
    why_not_close: Refused | None
    names: Mapping[int, str]
    review_seen: int
    most_fen: int | None
    guide_ref: str
    draws_now: bool
    running: bool
    organises: bool

    def name(self, account_id: int | None) -> str:
        return self.names.get(account_id or 0, "–")


def read_desk(session: Session, project: Project) -> Desk:
    """All of it: a constant number of statements, however many experts there are."""
    review = find_project_review(session, project.id)
    assignments = list(review.assignments) if review is not None else []
    rules, viewer = current_site().pilot.project.of(project.project_class), current_viewer()
    guide = session.get(Guide, project.guide_id) if project.guide_id else None
    organises = may(viewer, "organise_review", "project")
    running = project.state == ProjectState.REVIEWING
    draws = find_project_draws(session, project.id)
    return Desk(
        project=project,
        review=review,
        draws=draws,
        short=shortfall(draws),
        table=score_table(assignments, named=True) if assignments else None,
        why_not_close=why_not_close(
            [one.state for one in assignments], panel_rules(), joint_written=review is not None and review.joint_written
        ),
        names=names_of_people(session, [review.joint_by]) if review is not None else {},
        review_seen=find_last_entry(session, REVIEW, review.id) if review is not None else 0,
        most_fen=most_fen(rules, project.level, project.total_fen, project.asked_fen),
        guide_ref=guide.public_id if guide is not None else "",
        draws_now=organises and (running or (project.state == ProjectState.RECOMMENDED and _has_panel(project))),
        running=running,
        organises=organises and running,
    )


def _has_panel(project: Project) -> bool:
    return any(row.event == "review" for row in TABLES[project.project_class])


@pages.get("/projects/<public_id>/review")
@permission("supervise", "project")
def of_project(public_id: str) -> AnyResponse:
    return desk_page(public_id)


def desk_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """The desk; after a refusal with what was typed into `form`."""
    days()
    with current_site().database.reading() as session:
        desk = read_desk(session, readable(session, public_id))
        typed = request.form if refused is not None else {}
        answer = form_page(
            "project_reviews/show.html", refused=refused, desk=desk, one=desk.project, rules=panel_rules(), typed=typed, form=form,
            word_of=word_of, wan=wan,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@pages.post("/projects/<public_id>/review/draw")
@permission("organise_review", "project")
def draw(public_id: str) -> AnyResponse:
    """抽取专家."""
    text, database = request.form.get("wanted", ""), current_site().database
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    return acted(
        public_id,
        "project_reviews.of_project",
        say("抽取已记录，结果和原因见下面的抽取日志。"),
        lambda number: actions.draw_project_experts(
            database, number, wanted=wanted, panel=panel_rules(), step=step_of(), review_seen=seen("review_seen")
        ),
        lambda ref, refused: desk_page(ref, refused, "draw"),
    )


@pages.post("/projects/<public_id>/review/experts/<part_id>/release")
@permission("organise_review", "project")
def release(public_id: str, part_id: str) -> AnyResponse:
    """更换专家."""
    why, database = request.form.get("why", ""), current_site().database
    with database.reading() as session:
        project = readable(session, public_id)
        query = select(ProjectAssignment.id).join(ProjectAssignment.review)
        part = session.scalar(query.where(ProjectAssignment.public_id == part_id, ProjectReview.project_id == project.id)) or not_found()
    return acted(
        public_id,
        "project_reviews.of_project",
        say("已更换，请再抽取一名。"),
        lambda _number: actions.release_project_expert(database, part, why=why, panel=panel_rules(), step=step_of()),
        lambda ref, refused: desk_page(ref, refused, "release"),
    )


@pages.post("/projects/<public_id>/review/joint")
@permission("organise_review", "project")
def joint(public_id: str) -> AnyResponse:
    """填写联合意见 and the amount proposed."""
    typed, database, panel = request.form, current_site().database, panel_rules()
    draft = ProjectJointDraft(
        typed_scores([criterion.key for criterion in panel.criteria]), typed.get("opinion", ""), typed.get("discussion", ""),
        typed_fen(typed.get("amount", "")),
    )  # fmt: skip
    return acted(
        public_id,
        "project_reviews.of_project",
        say("联合意见已记录，已请各位专家确认。"),
        lambda number: actions.write_project_joint(database, number, draft, panel=panel, step=step_of(), review_seen=seen("review_seen")),
        lambda ref, refused: desk_page(ref, refused, "joint"),
    )


@pages.post("/projects/<public_id>/review/close")
@permission("organise_review", "project")
def close(public_id: str) -> AnyResponse:
    """评审结束."""
    database = current_site().database
    return acted(
        public_id,
        "project_reviews.of_project",
        say("评审已结束，项目进入择优排名。"),
        lambda number: actions.close_project_review(database, number, panel=panel_rules(), step=step_of()),
        lambda ref, refused: desk_page(ref, refused, "close"),
    )
