"""Who reviews an application: experts are drawn by lot, and replaced where one does not answer."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.application_steps import locked
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.reviews import move_assignment
from marketplace.actions.reviews_standing import keys_of, units_of
from marketplace.actions.reviews_tasks import ASSIGNMENT, REVIEW, ask_expert, ask_organisers
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Viewer
from marketplace.domain.applications import ApplicationState
from marketplace.domain.experts import Applicant, Candidate, ExpertState, draw, unit_key
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.working_days import term
from marketplace.records.applications import ProviderApplication
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.experts import DrawLog, ReviewExpert
from marketplace.records.reviews import Review, ReviewAssignment, count_open_reviews

MOST_DRAWN = 15


def draw_experts(
    database: Database,
    application_id: int,
    *,
    wanted: int,
    rules: ReviewRules,
    viewer: Viewer,
    at: datetime,
    seen: int | None = None,
    seed: str | None = None,
) -> DrawLog:
    """Draw and assign. Where fewer fit than are wanted, those who fit are assigned; the log says why the others could not be drawn."""
    must_hold(viewer, "organise", "review")
    if not 1 <= wanted <= MOST_DRAWN:
        raise RefusedError(Refused("wanted_range", _("一次抽取 1 至 {most} 名专家。"), {"most": MOST_DRAWN}))
    assert viewer.account_id is not None
    with database.writing() as session:
        application = locked(session, application_id)
        review = _running(session, application)
        refuse_if_moved(session, REVIEW, review.id, seen=seen, at=at)
        due = term(at.date(), rules.declaration_days + rules.scoring_days, find_calendar(session)).due
        experts = {expert.public_id: expert for expert in session.scalars(select(ReviewExpert).order_by(ReviewExpert.id))}
        taken = {assignment.expert_id for assignment in review.assignments}
        pool = list(_candidates(session, experts.values(), taken))
        applicant = Applicant(
            units=keys_of(application.organisation),
            people=people_of(application),
            fields=fields_of(application),
            today=at.date(),
            until=due,
        )
        result = draw(pool, applicant, rules, wanted=wanted, seed=seed or secrets.token_hex(16))
        log = DrawLog(application_id=application.id, drawn_by=viewer.account_id, at=at, seed=result.seed, wanted=wanted)
        log.candidates = [candidate.public_id for candidate in result.fitting]
        log.excluded = [
            {"expert": one.public_id, "name": one.name, "code": reason.code, "message": reason.message, "values": dict(reason.values)}
            for one, reason in result.excluded
        ]
        log.drawn = [{"expert": one.public_id, "name": one.name} for one in result.drawn]
        session.add(log)
        session.flush()
        _assign(session, review, [experts[one.public_id] for one in result.drawn], log, due, rules, at)
        after = {"draw": log.public_id, "seed": log.seed, "wanted": wanted, "drawn": log.drawn}
        record(session, actor=actor_of(viewer), verb="draw", noun=REVIEW, noun_id=review.id, before=None, after=after, at=at)
        ask_organisers(session, review, rules, at=at)
        return log


def _running(session: Session, application: ProviderApplication) -> Review:
    review = session.scalar(select(Review).where(Review.application_id == application.id))
    if review is None or application.state != ApplicationState.UNDER_REVIEW:
        raise RefusedError(Refused("review_not_running", _("这份申报现在不在评审中，不能再办理。")))
    return review


def _candidates(session: Session, experts: Iterable[ReviewExpert], taken: set[int]) -> Iterable[Candidate]:
    experts = list(experts)
    units, busy = units_of(session, experts), count_open_reviews(session)
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
            open_reviews=busy.get(expert.id, 0),
            taken_part=expert.id in taken,
        )


def fields_of(application: ProviderApplication) -> frozenset[str]:
    """The sectors that an application speaks of, as far as its window is about them; all of the window's where it names none."""
    rows = application.answers
    named = {str(sector) for row in (rows.get("products") or {}).get("rows") or [] for sector in row.get("sectors") or []}
    named |= {str(row.get("sector")) for row in (rows.get("cases") or {}).get("rows") or [] if row.get("sector")}
    return frozenset(named & set(application.window.sectors)) or frozenset(application.window.sectors)


def people_of(application: ProviderApplication) -> frozenset[str]:
    """The names of the people that the application puts forward."""
    answers = application.answers
    rows = (answers.get("experts") or {}).get("rows") or []
    fields = (answers.get("organisation") or {}).get("fields") or {}
    names = [*(row.get("name") for row in rows), fields.get("legal_person"), fields.get("contact")]
    return frozenset(unit_key(str(name)) for name in names if name)


def _assign(
    session: Session, review: Review, experts: Sequence[ReviewExpert], log: DrawLog, due: date, rules: ReviewRules, at: datetime
) -> None:
    for expert in experts:
        assignment = ReviewAssignment(expert=expert, draw_id=log.id, assigned_at=at, due=due)
        review.assignments.append(assignment)
        session.flush()
        ask_expert(session, assignment, days=rules.declaration_days, at=at)


def release(database: Database, assignment_id: int, *, why: str, rules: ReviewRules, viewer: Viewer, at: datetime) -> None:
    """更换: an expert who does not answer leaves the review, and another one can be drawn."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        assignment = session.get_one(ReviewAssignment, assignment_id)
        locked(session, assignment.review.application_id)
        move_assignment(session, assignment, "release", viewer, at, why.strip())
        assignment.reason = why.strip()
        close_tasks(session, ASSIGNMENT, assignment.id, at=at)
        ask_organisers(session, assignment.review, rules, at=at)
