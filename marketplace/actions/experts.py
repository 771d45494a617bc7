"""The pool of review experts: entering, changing, pausing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Role, Viewer
from marketplace.domain.experts import TABLE, ExpertDraft, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.accounts import Account, find_account
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert

NOUN = "review_expert"
_KEPT = ("name", "title", "unit", "unit_code", "fields", "avoid", "away_from", "away_until", "note")


def enter_expert(database: Database, draft: ExpertDraft, *, viewer: Viewer, at: datetime) -> ReviewExpert:
    """A new expert of the pool."""
    with database.writing() as session:
        return write_expert(session, None, draft, viewer=viewer, at=at)


def change_expert(
    database: Database, expert_id: int, draft: ExpertDraft, *, viewer: Viewer, at: datetime, seen: int | None = None
) -> ReviewExpert:
    """What is entered of an expert is changed; draws that were made keep what they saw."""
    with database.writing() as session:
        expert = session.get_one(ReviewExpert, expert_id, with_for_update=True)
        refuse_if_moved(session, NOUN, expert.id, seen=seen, at=at)
        return write_expert(session, expert, draft, viewer=viewer, at=at)


def write_expert(session: Session, expert: ReviewExpert | None, draft: ExpertDraft, *, viewer: Viewer, at: datetime) -> ReviewExpert:
    """Inside a transaction, so that a sheet of experts is written whole or not at all."""
    must_hold(viewer, "organise", "review")
    for _field, refused in check(draft):
        raise RefusedError(refused)
    account = _account(session, draft.login, expert)
    before = _as_json(expert) if expert is not None else None
    verb = "change" if expert is not None else "enter"
    if expert is None:
        expert = ReviewExpert()
        session.add(expert)
    for name in _KEPT:
        setattr(expert, name, getattr(draft, name))
    expert.account_id = account.id if account is not None else None
    session.flush()
    after = _as_json(expert)
    record(session, actor=actor_of(viewer), verb=verb, noun=NOUN, noun_id=expert.id, before=before, after=after, at=at)
    return expert


def _account(session: Session, login: str, expert: ReviewExpert | None) -> Account | None:
    """The account by which an expert reviews on line: one that exists, is an expert's, and no other expert's."""
    if not login.strip():
        return None
    account = find_account(session, login)
    if account is None or all(row.role != Role.EXPERT for row in account.memberships):
        raise RefusedError(
            Refused("no_expert_account", _("没有账号“{login}”，或它不是专家账号。请先由管理员开通。"), {"login": login.strip()})
        )
    other = session.scalar(select(ReviewExpert).where(ReviewExpert.account_id == account.id))
    if other is not None and other is not expert:
        raise RefusedError(Refused("account_taken", _("账号“{login}”已经是专家{name}的。"), {"login": login.strip(), "name": other.name}))
    return account


def _as_json(expert: ReviewExpert) -> dict[str, Any]:
    return {name: str(value) if name.startswith("away") and value else value for name in _KEPT if (value := getattr(expert, name))}


def move_expert(database: Database, expert_id: int, event: str, *, viewer: Viewer, at: datetime, why: str = "") -> None:
    """暂停抽取 or 恢复抽取."""
    with database.writing() as session:
        expert = session.get_one(ReviewExpert, expert_id)
        transition.apply(session, expert, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)
