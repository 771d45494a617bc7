"""Objections to a public notice: raised by anybody, answered by staff."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import told
from marketplace.actions.reviews_tasks import DECIDERS
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Viewer
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.objections import TABLE, check, why_not_object
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.history import find_entries_since
from marketplace.records.objections import Objection, count_recent
from marketplace.records.reviews import Review

NOUN = "objection"
WINDOW = timedelta(hours=24)
_ADVISORY_LOCK = 7_110_261


def raise_objection(
    database: Database,
    review_id: int,
    *,
    name: str,
    contact: str,
    text: str,
    address: str,
    rules: ReviewRules,
    at: datetime,
) -> Objection:
    """提出异议. Who it was stands in the objection alone: the history keeps the fact and not the person."""
    for _field, refused in check(name, contact, text):
        raise RefusedError(refused)
    with database.writing() as session:
        review = session.get_one(Review, review_id)
        published = review.application.state == ApplicationState.PUBLICITY
        if closed := why_not_object(review.publicity_until if published else None, at.date()):
            raise RefusedError(closed)
        _refuse_if_throttled(session, address, rules, at)
        objection = Objection(
            review_id=review.id, name=name.strip(), contact=contact.strip(), text=text.strip(), address=address[:64], at=at
        )
        session.add(objection)
        session.flush()
        after = {"review": review.id}
        record(session, actor=_("公众"), verb="raise", noun=NOUN, noun_id=objection.id, before=None, after=after, at=at)
        open_task(
            session,
            "answer_objection",
            _("{name}：处理公示异议"),
            noun=NOUN,
            noun_id=objection.id,
            public_ref=review.application.public_id,
            at=at,
            values={"name": review.application.organisation.name},
            roles=DECIDERS,
            due=term(at.date(), rules.objection_days, find_calendar(session)).due,
        )
        return objection


def _refuse_if_throttled(session: Session, address: str, rules: ReviewRules, at: datetime) -> None:
    """So many a day from one address of the network."""
    # SQLite has one writer at a time by itself; elsewhere those at the same moment queue here, or each would count without the others.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if count_recent(session, address[:64], at - WINDOW) >= rules.objections_a_day:
        seconds = int(WINDOW.total_seconds())
        sentence = _("同一网络 24 小时内最多受理 {most} 条异议，请明天再提，或书面送交区工信局。")
        raise RefusedError(Refused("too_many_objections", sentence, {"most": rules.objections_a_day, "seconds": seconds}))


def answer_objection(database: Database, objection_id: int, event: str, *, why: str, viewer: Viewer, at: datetime) -> None:
    """异议成立 or 不成立, with the reason that whoever raised it is told."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        objection = session.get_one(Objection, objection_id, with_for_update=True)
        answered = [entry for entry in find_entries_since(session, NOUN, objection.id, 0) if entry.verb in ("uphold", "dismiss")]
        if answered:
            raise RefusedError(told(answered[-1], at))
        transition.apply(session, objection, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why.strip())
        objection.reason, objection.answered_by, objection.answered_at = why.strip(), viewer.account_id, at
        close_tasks(session, NOUN, objection.id, at=at)
