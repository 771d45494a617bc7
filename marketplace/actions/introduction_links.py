"""One-time links by which a side accepts, declines or confirms without logging in. Opening one changes nothing."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import INTRODUCTION, Step, locked_introduction, refuse_first
from marketplace.actions.history import record
from marketplace.actions.implementations import ConfirmDraft, check_confirm, put_confirmation
from marketplace.actions.introductions import put_answer
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Role, Viewer
from marketplace.domain.brokerings import BrokeringState
from marketplace.domain.introductions import Answer, AnswerDraft, IntroductionState, Side, check_answer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.secrets import hashed
from marketplace.records.brokerings import find_implementation
from marketplace.records.database import Database
from marketplace.records.introductions import AnswerLink, Introduction, find_link_by_hash

ANSWER, CONFIRM = "answer", "confirm"
DEAD = Refused("answer_link_dead", _("这个链接已经用过、已过期，或这一步已有人办理。请联系能力中心，或登录后查看。"))


def make_answer_link(database: Database, introduction_id: int, side: str, step: Step) -> str:
    """The secret of a new link for one side; earlier ones for the same step are dead."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        purpose = wanted_step(session, row, side)
        if not purpose:
            raise RefusedError(Refused("not_asked", _("这一步现在不用答复，可能已有人答复、撤回或已逾期结束。")))
        same = select(AnswerLink).where(AnswerLink.introduction_id == row.id, AnswerLink.side == side, AnswerLink.used_at.is_(None))
        for earlier in session.scalars(same):
            earlier.used_at = step.at
        secret = secrets.token_urlsafe(24)
        link = AnswerLink(secret_hash=hashed(secret), introduction_id=row.id, side=side, step=purpose, made_by=step.viewer.account_id)
        link.created, link.expires = step.at, step.at + timedelta(days=step.rules.link_days)
        session.add(link)
        session.flush()
        after = {"side": side, "step": purpose, "expires": link.expires.isoformat()}
        record(
            session, actor=actor_of(step.viewer), verb="make_link", noun=INTRODUCTION, noun_id=row.id, before=None, after=after, at=step.at
        )
        return secret


def wanted_step(session: Session, row: Introduction, side: str) -> str:
    """What this side could do by a link right now: answer, confirm, or nothing."""
    given = row.answer_of(side)
    if row.state == IntroductionState.SENT and given is not None and given.answer == Answer.PENDING:
        return ANSWER
    if side == Side.ENTERPRISE and row.state == IntroductionState.AWARDED and row.brokering.state == BrokeringState.IMPLEMENTING:
        done = find_implementation(session, row.brokering_id)
        return CONFIRM if done is not None and done.finished is not None else ""
    return ""


def find_living_link(session: Session, secret: str, at: datetime, *, lock: bool = False) -> AnswerLink | None:
    """The link while it can be used; used, expired, overtaken and made up are one and the same."""
    link = find_link_by_hash(session, hashed(secret), lock=lock)
    if link is None or link.used_at is not None or link.expires <= at:
        return None
    return link if wanted_step(session, link.introduction, link.side) == link.step else None


def viewer_of(link: AnswerLink) -> Viewer:
    """Whoever holds the link, acting for its side and for nothing else."""
    row = link.introduction
    if link.side == Side.PROVIDER:
        unit, role = row.provider.organisation, Role.PROVIDER
        return Viewer(name=f"{unit.name}·一次性链接"[:90], roles=frozenset({role}), provider_ids=frozenset({row.provider_id}))
    unit, role = row.brokering.enterprise.organisation, Role.ENTERPRISE
    return Viewer(name=f"{unit.name}·一次性链接"[:90], roles=frozenset({role}), enterprise_ids=frozenset({row.brokering.enterprise_id}))


def answer_by_link(database: Database, secret: str, draft: AnswerDraft, step: Step) -> Introduction:
    """Accept or decline. Of two who press at once, one has it."""
    with database.writing() as session:
        link, row, mine = _taken(session, secret, ANSWER, step)
        draft.side = link.side
        refuse_first(check_answer(draft, step.rules, on_behalf=False, has_proof=False))
        given = row.answer_of(link.side)
        assert given is not None
        given.by_link = True
        put_answer(session, row, given, draft, mine)
        return row


def confirm_by_link(database: Database, secret: str, draft: ConfirmDraft, step: Step) -> Introduction:
    """The enterprise confirms what was done, and rates it."""
    with database.writing() as session:
        _link, row, mine = _taken(session, secret, CONFIRM, step)
        refuse_first(check_confirm(draft, on_behalf=False))
        put_confirmation(session, row.brokering, draft, mine)
        return row


def _taken(session: Session, secret: str, purpose: str, step: Step) -> tuple[AnswerLink, Introduction, Step]:
    """The link, used from here on unless the transaction fails. The locks come first, in their usual order."""
    found = find_link_by_hash(session, hashed(secret))
    if found is None:
        raise RefusedError(DEAD)
    row = locked_introduction(session, found.introduction_id, step)
    session.refresh(found, with_for_update={"of": AnswerLink})
    link = find_living_link(session, secret, step.at)
    if link is None or link.step != purpose:
        raise RefusedError(DEAD)
    link.used_at = step.at
    session.flush()
    return link, row, Step(viewer_of(link), step.at, step.today, step.rules, step.rating)
