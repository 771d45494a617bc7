"""What the pages of the review and selection of projects share: the rules of the panel, scores side by side, statuses of refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import flash, redirect, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.project_reviews import ProjectReviewRules
from marketplace.domain.reviews import HAS_SCORED, joint_is_open, side_by_side, too_far_apart
from marketplace.guard import current_viewer, not_found
from marketplace.records.accounts import Account
from marketplace.records.project_reviews import ProjectAssignment
from marketplace.records.projects import Project, find_project
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.reviews_desk import TO_BE_FILLED as OF_REVIEWS
from marketplace.web.reviews_desk import ScoreTable

# Refusals that ask for a better filled form; all others say that things stand otherwise than the page showed.
TO_BE_FILLED = OF_REVIEWS | {
    "no_amount", "no_total", "above_asked", "above_share", "above_cap", "above_ceiling", "over_budget", "below_mark", "negative", "no_day",
    "day_in_future", "nothing_chosen", "unknown_side", "no_file",
}  # fmt: skip


def panel_rules() -> ProjectReviewRules:
    return current_site().pilot.project_review


def status_of(refused: Refused) -> int:
    return 429 if refused.code.startswith("too_many_objections") else 422 if refused.code in TO_BE_FILLED else 409


def score_table(assignments: Sequence[ProjectAssignment], *, named: bool, own: int | None = None) -> ScoreTable | None:
    """None before the joint stage: until then nobody sees what another one thinks. Experts see each other by number only."""
    rules = panel_rules()
    # A review that is over stays open to be read, whatever the rules ask for by then.
    if not joint_is_open([one.state for one in assignments], min(rules.least_experts, len(assignments))):
        return None
    counted = [one for one in assignments if one.state in HAS_SCORED]
    criteria = [criterion for criterion in rules.criteria if all(criterion.key in one.scores for one in counted)]
    rows = side_by_side(criteria, [one.scores for one in counted])
    if not rows:
        return None
    names = [
        one.expert.name if named else say("您") if one.id == own else say("专家 {number}", number=number)
        for number, one in enumerate(counted, 1)
    ]
    return ScoreTable(names, rows, too_far_apart(rows, rules.largest_spread))


def readable(session: Session, public_id: str) -> Project:
    """The project, for whom it is; 404 like a missing one for others."""
    return find_project(session, public_id, current_viewer()) or not_found()


def number_of(public_id: str) -> int:
    with current_site().database.reading() as session:
        return readable(session, public_id).id


def acted(
    public_id: str, endpoint: str, said: str, act: Callable[[int], object], page: Callable[[str, Refused], Response]
) -> Response:  # fmt: skip
    """Let something happen to a project and go back to the page of the step; a refusal keeps what was typed (`page`)."""
    number = number_of(public_id)
    try:
        act(number)
    except RefusedError as error:
        return page(public_id, error.refused)
    flash(said, "good")
    return redirect(url_for(endpoint, public_id=public_id), 303)


def names_of_people(session: Session, ids: Sequence[int | None]) -> dict[int, str]:
    return dict(session.execute(select(Account.id, Account.name).where(Account.id.in_({one for one in ids if one}))).all())


def typed_version(text: str) -> int:
    """A version that a page carried; -1 for what is none, which no version is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
