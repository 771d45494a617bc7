"""The manager's part in the review of a project: experts are drawn by lot and replaced, the joint opinion is written, the review ends."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.project_panel import (
    ASSIGNMENT,
    REVIEW,
    ask_expert,
    close_expert_tasks,
    due_of,
    move_assignment,
    refuse_unless_reviewing,
    states_of,
    tell_organisers,
    ties_of,
)
from marketplace.actions.project_steps import Step, locked, move, must_be, refuse_first, tell_applicant
from marketplace.actions.reviews_standing import units_of
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Role
from marketplace.domain.experts import Applicant, Candidate, ExpertState, draw, unit_key
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_reviews import ProjectJointDraft, ProjectReviewRules, Ties, check_project_joint, why_excluded
from marketplace.domain.project_selections import most_fen
from marketplace.domain.projects import TABLES, ProjectState
from marketplace.domain.reviews import ACTIVE, HAS_SCORED, AssignmentState, side_by_side, weighted_total, why_not_close, why_not_joint
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert
from marketplace.records.project_reviews import (
    ProjectAssignment,
    ProjectDraw,
    ProjectReview,
    count_open_project_reviews,
    find_project_review,
)
from marketplace.records.projects import Project
from marketplace.records.reviews import count_open_reviews

MOST_DRAWN = 15


def draw_project_experts(
    database: Database,
    project_id: int,
    *,
    wanted: int,
    panel: ProjectReviewRules,
    step: Step,
    review_seen: int | None = None,
    seed: str | None = None,
) -> ProjectDraw:
    """Draw and assign. Once enough experts are in it, the review begins; where fewer fit than are wanted, the log says why."""
    if not 1 <= wanted <= MOST_DRAWN:
        raise RefusedError(Refused("wanted_range", _("一次抽取 1 至 {most} 名专家。"), {"most": MOST_DRAWN}))
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.MANAGER)
        _refuse_unless_drawn_for(project)
        review = _review_of(session, project)
        refuse_if_moved(session, REVIEW, review.id, seen=review_seen, at=step.at)
        due, ties = due_of(session, panel, step.today), ties_of(session, project)
        experts = {one.public_id: one for one in session.scalars(select(ReviewExpert).order_by(ReviewExpert.id))}
        pool = list(_candidates(session, experts.values(), {one.expert_id for one in review.assignments}))
        result = draw(pool, _applicant(project, ties, step.today, due), panel, wanted=wanted, seed=seed or secrets.token_hex(16))
        assert step.viewer.account_id is not None
        log = ProjectDraw(project_id=project.id, drawn_by=step.viewer.account_id, at=step.at, seed=result.seed, wanted=wanted)
        log.candidates = [one.public_id for one in result.fitting]
        log.excluded = [_excluded(one, why_excluded(one, reason, ties)) for one, reason in result.excluded]
        log.drawn = [{"expert": one.public_id, "name": one.name} for one in result.drawn]
        session.add(log)
        session.flush()
        drawn = [
            ProjectAssignment(expert=experts[one.public_id], draw_id=log.id, assigned_at=step.at, due=due) for one in result.drawn
        ]  # fmt: skip
        review.assignments += drawn
        session.flush()
        after = {"draw": log.public_id, "seed": log.seed, "wanted": wanted, "drawn": log.drawn}
        record(session, actor=actor_of(step.viewer), verb="draw", noun=REVIEW, noun_id=review.id, before=None, after=after, at=step.at)
        _begin(session, project, review, drawn, panel, step)
        return log


def _refuse_unless_drawn_for(project: Project) -> None:
    """Experts are drawn for a class that has a panel, before the review or in it."""
    if project.state != ProjectState.REVIEWING and not any(
        row.event == "review" and project.state in row.states for row in TABLES[project.project_class]
    ):
        raise RefusedError(Refused("wrong_state", _("现在的状态（{state}）不能这样办理。"), {"state": str(project.state), "event": "draw"}))


def _review_of(session: Session, project: Project) -> ProjectReview:
    review = find_project_review(session, project.id)
    if review is None:
        review = ProjectReview(project=project)
        session.add(review)
        session.flush()
    return review


def _applicant(project: Project, ties: Ties, today: date, until: date) -> Applicant:
    """The project as the draw sees it. An expert of any of its organisations has an interest, not only one of the applicant's."""
    people = (project.plan.get(key) for key in ("contact", "leader"))
    return Applicant(
        units=ties.units,
        people=frozenset(unit_key(name) for name in people if isinstance(name, str) and name.strip()),
        fields=frozenset({project.sector} if project.sector else ()),
        today=today,
        until=until,
    )


def _candidates(session: Session, experts: Iterable[ReviewExpert], taken: set[int]) -> Iterable[Candidate]:
    experts = list(experts)
    units, busy, of_projects = units_of(session, experts), count_open_reviews(session), count_open_project_reviews(session)
    for expert in experts:
        yield Candidate(
            public_id=expert.public_id,
            name=expert.name,
            active=expert.state == ExpertState.ACTIVE,
            has_account=expert.account_id is not None,
            fields=frozenset(expert.fields),
            units=units[expert.id],
            avoids=frozenset(unit_key(word) for word in expert.avoid),
            away_from=expert.away_from,
            away_until=expert.away_until,
            open_reviews=busy.get(expert.id, 0) + of_projects.get(expert.id, 0),
            taken_part=expert.id in taken,
        )


def _excluded(one: Candidate, reason: Refused) -> dict[str, object]:
    return {"expert": one.public_id, "name": one.name, "code": reason.code, "message": reason.message, "values": dict(reason.values)}


def _begin(
    session: Session, project: Project, review: ProjectReview, drawn: list[ProjectAssignment], panel: ProjectReviewRules, step: Step
) -> None:
    """With enough experts the review begins, and all of them are asked to declare; in a review that runs, the new ones are."""
    asked = drawn
    if project.state != ProjectState.REVIEWING:
        if sum(state in ACTIVE for state in states_of(review)) < panel.least_experts:
            return
        move(session, project, "review", step)
        tell_applicant(session, project, _("{number} {title}：已进入专家评审"), step.at)
        asked = [one for one in review.assignments if one.state == AssignmentState.ASSIGNED]
    for assignment in asked:
        ask_expert(session, assignment, step, days=panel.declaration_days)


def release_project_expert(database: Database, assignment_id: int, *, why: str, panel: ProjectReviewRules, step: Step) -> None:
    """更换: an expert who does not answer leaves the review, and another one can be drawn."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        assignment = session.get_one(ProjectAssignment, assignment_id)
        project = locked(session, assignment.review.project_id, step)
        must_be(step.viewer, project, Role.MANAGER)
        move_assignment(session, assignment, "release", step, why.strip())
        assignment.reason = why.strip()
        close_tasks(session, ASSIGNMENT, assignment.id, at=step.at)
        tell_organisers(session, assignment.review, panel, step)


def write_project_joint(
    database: Database, project_id: int, draft: ProjectJointDraft, *, panel: ProjectReviewRules, step: Step, review_seen: int | None = None
) -> ProjectReview:
    """填写联合意见: scores, opinion and the amount that the experts agreed on. Whoever confirmed an earlier one is asked again."""
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.MANAGER)
        refuse_unless_reviewing(project)
        review = _review_of(session, project)
        refuse_if_moved(session, REVIEW, review.id, seen=review_seen, at=step.at)
        if refused := why_not_joint(states_of(review), panel):
            raise RefusedError(refused)
        rows = side_by_side(panel.criteria, [one.scores for one in review.assignments if one.state in HAS_SCORED])
        bound = most_fen(step.rules.of(project.project_class), project.level, project.total_fen, project.asked_fen)
        refuse_first(check_project_joint(panel, draft, rows, bound))
        before = {"total": review.joint_total, "revision": review.joint_revision, "amount_fen": review.joint_amount_fen}
        scores = {key: score for key, score in draft.scores.items() if score is not None}
        review.joint_scores, review.joint_total = scores, weighted_total(panel.criteria, scores)
        review.joint_opinion, review.joint_discussion = draft.opinion.strip(), draft.discussion.strip()
        review.joint_amount_fen = draft.amount_fen
        review.joint_revision += 1
        review.joint_by, review.joint_at = step.viewer.account_id, step.at
        session.flush()
        after = {"total": review.joint_total, "revision": review.joint_revision, "amount_fen": draft.amount_fen, "scores": scores}
        actor = actor_of(step.viewer)
        record(session, actor=actor, verb="write_joint", noun=REVIEW, noun_id=review.id, before=before, after=after, at=step.at)
        _ask_to_confirm(session, review, panel, step)
        return review


def _ask_to_confirm(session: Session, review: ProjectReview, panel: ProjectReviewRules, step: Step) -> None:
    for assignment in review.assignments:
        assignment.dissent = ""
        if assignment.state == AssignmentState.CONFIRMED:
            move_assignment(session, assignment, "ask_again", step)
            assignment.confirmed_at = None
        if assignment.state == AssignmentState.SCORED:
            ask_expert(session, assignment, step, days=panel.declaration_days)


def close_project_review(database: Database, project_id: int, *, panel: ProjectReviewRules, step: Step) -> None:
    """评审结束: everybody has confirmed; the project takes its place in the ranking of its guide."""
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.MANAGER)
        review = find_project_review(session, project.id)
        refuse_unless_reviewing(project)
        if refused := why_not_close(states_of(review), panel, joint_written=review is not None and review.joint_written):
            raise RefusedError(refused)
        move(session, project, "rank", step)
        close_expert_tasks(session, review, step)
