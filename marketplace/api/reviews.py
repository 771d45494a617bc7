"""The review of applications for those who organise it and decide: where each one stands, who scored what, what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from marketplace.api.applications import UnitRef, WindowRef
from marketplace.api.operation import Model, Versioned, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.domain.applications import ENDED, ApplicationState
from marketplace.domain.decisions import DecisionState
from marketplace.domain.objections import ObjectionState
from marketplace.domain.reviews import ACTIVE, HAS_SCORED, OWES_SCORES, AssignmentState, joint_is_open, side_by_side, too_far_apart
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.accounts import Account
from marketplace.records.applications import ProviderApplication, find_application
from marketplace.records.decisions import Decision
from marketplace.records.history import find_last_entry
from marketplace.records.objections import find_objections
from marketplace.records.reviews import Review, ReviewAssignment, count_parts, find_review
from marketplace.site import current_site


class ReviewLine(Model):
    """An application in review: how many experts are in it, have scored, have confirmed the joint opinion."""

    id: str
    number: str
    window: WindowRef
    organisation: UnitRef
    state: ApplicationState
    submitted: datetime | None
    experts: int
    scored: int
    confirmed: int


class FormCheckOut(Model):
    key: str
    answer: str
    remark: str


class ExpertPart(Model):
    """An expert's part. `reason`: why he or she left; `dissent`: why the joint opinion is not confirmed."""

    id: str
    name: str
    unit: str
    state: AssignmentState
    due: date
    declared: datetime | None
    reason: str
    dissent: str


class ScoreRow(Model):
    """One criterion (null: the total), everybody's scores in the order of `names`. `far`: to be discussed."""

    criterion: str | None
    scores: list[float]
    mean: float
    spread: float
    far: bool


class ScoreTable(Model):
    names: list[str]
    rows: list[ScoreRow]


class JointOut(Model):
    scores: dict[str, int]
    total: float
    opinion: str
    discussion: str
    revision: int


class DecisionOut(Model):
    """A decision by two persons. `event`: publish, admit or refuse; it happens once another person confirms it."""

    id: str
    event: str
    why: str
    state: DecisionState
    proposed_by: str
    proposed_at: datetime
    second_person: str
    second_at: datetime | None
    answer: str


class ObjectionOut(Model):
    """An objection. Who raised it and how to reach them stands on the page of the review."""

    id: str
    state: ObjectionState
    text: str
    reason: str


class ReviewOut(Versioned, ReviewLine):
    """The whole review. `table` is null until nobody owes scores any more: before, nobody sees what another one thinks."""

    form_check: list[FormCheckOut]
    parts: list[ExpertPart]
    table: ScoreTable | None
    joint: JointOut | None
    publicity_from: date | None
    publicity_until: date | None
    decisions: list[DecisionOut]
    objections: list[ObjectionOut]


class ReviewList(Model):
    items: list[ReviewLine]
    next: str | None


class ReviewQuery(ListQuery):
    state: ApplicationState | None = None
    """Only in this state; without it all that are not decided."""


@permission("decide", "review")
@operation("/reviews", summary="Applications in review", tag="reviews", query=ReviewQuery, answer=ReviewList)
def list_reviews(query: ReviewQuery) -> ReviewList:
    wanted = (
        ProviderApplication.state == query.state
        if query.state
        else ProviderApplication.state.not_in([ApplicationState.DRAFT, *sorted(ENDED)])
    )
    # What is still being typed is its writers' own.
    rows = select(ProviderApplication).where(wanted, ProviderApplication.state != ApplicationState.DRAFT)
    with current_site().database.reading() as session:
        part, following = part_of(session, rows.options(defer(ProviderApplication.answers)), ProviderApplication, query)
        counts = count_parts(session, [row.id for row in part])
        return ReviewList(items=[ReviewLine(**_line(row, counts.get(row.id, {}))) for row in part], next=following)


def _line(row: ProviderApplication, parts: Mapping[AssignmentState, int]) -> dict[str, Any]:
    experts = sum(parts.get(state, 0) for state in ACTIVE)
    return {
        "id": row.public_id,
        "number": row.number,
        "window": WindowRef(id=row.window.public_id, number=row.window.number, title=row.window.title),
        "organisation": UnitRef(id=row.organisation.public_id, code=row.organisation.credit_code, name=row.organisation.name),
        "state": row.state,
        "submitted": row.submitted_at,
        "experts": experts,
        "scored": experts - sum(parts.get(state, 0) for state in OWES_SCORES),
        "confirmed": parts.get(AssignmentState.CONFIRMED, 0),
    }


@permission("decide", "review")
@operation("/reviews/<id>", summary="The review of one application", tag="reviews", answer=ReviewOut)
def read_review(id: str) -> ReviewOut:
    """By the id of the application."""
    with current_site().database.reading() as session:
        row = find_reviewed(session, id)
        review = find_review(session, row.id)
        parts = list(review.assignments) if review else []
        return ReviewOut(
            **_line(row, count_parts(session, [row.id]).get(row.id, {})),
            version=version_of(session, row, review),
            form_check=[FormCheckOut(key=one["key"], answer=one["answer"], remark=one["remark"]) for one in review.form_check]
            if review
            else [],
            parts=[_part(one) for one in parts],
            table=score_table(parts, [one.expert.name for one in parts if one.state in HAS_SCORED]),
            joint=joint_out(review),
            publicity_from=review.publicity_from if review else None,
            publicity_until=review.publicity_until if review else None,
            decisions=_decisions(session, row),
            objections=[
                ObjectionOut(id=one.public_id, state=one.state, text=one.text, reason=one.reason)
                for one in (find_objections(session, review.id) if review else ())
            ],
        )


def find_reviewed(session: Session, id: str) -> ProviderApplication:
    """An application that was handed in once; a draft is as absent as none."""
    row = find_application(session, id, current_viewer())
    return row if row is not None and row.state != ApplicationState.DRAFT else not_found()


def version_of(session: Session, row: ProviderApplication, review: Review | None) -> str:
    """The last entries of the history about the application and about its review."""
    return f"{find_last_entry(session, 'application', row.id)}.{find_last_entry(session, 'review', review.id) if review else 0}"


def _part(one: ReviewAssignment) -> ExpertPart:
    same = {name: getattr(one, name) for name in ("state", "due", "reason", "dissent")}
    return ExpertPart(**same, id=one.public_id, name=one.expert.name, unit=one.expert.unit, declared=one.declared_at)


def score_table(parts: Sequence[ReviewAssignment], names: Sequence[str]) -> ScoreTable | None:
    """None before the joint stage. A review that is over stays open to be read, whatever the rules ask for by then."""
    rules = current_site().pilot.review
    if not parts or not joint_is_open([one.state for one in parts], min(rules.least_experts, len(parts))):
        return None
    counted = [one for one in parts if one.state in HAS_SCORED]
    criteria = [criterion for criterion in rules.criteria if all(criterion.key in one.scores for one in counted)]
    rows = side_by_side(criteria, [one.scores for one in counted])
    far = too_far_apart(rows, rules.largest_spread)
    told = [
        ScoreRow(
            criterion=row.criterion.key if row.criterion else None,
            scores=list(row.scores),
            mean=row.mean,
            spread=row.spread,
            far=any(row is one for one in far),
        )
        for row in rows
    ]
    return ScoreTable(names=list(names), rows=told) if told else None


def joint_out(review: Review | None) -> JointOut | None:
    if review is None or review.joint_total is None:
        return None
    return JointOut(
        scores=review.joint_scores,
        total=review.joint_total,
        opinion=review.joint_opinion,
        discussion=review.joint_discussion,
        revision=review.joint_revision,
    )


def _decisions(session: Session, row: ProviderApplication) -> list[DecisionOut]:
    """The latest first."""
    query = select(Decision).where(Decision.noun == "application", Decision.noun_id == row.id).order_by(Decision.id.desc())
    found = session.scalars(query).all()
    people = {one.proposed_by for one in found} | {one.second_person for one in found}
    names = dict(session.execute(select(Account.id, Account.name).where(Account.id.in_([one for one in people if one]))).all())
    same = ("event", "why", "state", "proposed_at", "second_at", "answer")
    return [
        DecisionOut(
            **{name: getattr(one, name) for name in same},
            id=one.public_id,
            proposed_by=names.get(one.proposed_by, ""),
            second_person=names.get(one.second_person or 0, ""),
        )
        for one in found
    ]
