"""Decisions that need two persons: the first one's proposal, the second one's answer. What then happens is the noun's own action."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Viewer
from marketplace.domain.decisions import TABLE
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.decisions import Decision, find_waiting_decisions


def propose(
    session: Session, *, noun: str, noun_id: int, event: str, why: str, viewer: Viewer, at: datetime, values: dict[str, Any] | None = None
) -> Decision:
    """Write down a proposal; it waits for a second person. Refused while another one about the same thing waits."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    if find_waiting_decisions(session, noun, noun_id):
        raise RefusedError(Refused("decision_waiting", _("已有一项决定在等复核，复核后才能再提。")))
    assert viewer.account_id is not None
    decision = Decision(noun=noun, noun_id=noun_id, event=event, why=why.strip(), values=values or {})
    decision.proposed_by, decision.proposed_at = viewer.account_id, at
    session.add(decision)
    session.flush()
    after = {"event": event, "decision": decision.id}
    record(session, actor=actor_of(viewer), verb="propose", noun=noun, noun_id=noun_id, before=None, after=after, why=why.strip(), at=at)
    return decision


def answer(session: Session, decision: Decision, event: str, *, viewer: Viewer, at: datetime, why: str = "") -> Decision:
    """Confirm, reject or take back. The caller lets the confirmed event happen in this same transaction."""
    if event == "reject" and not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    # The lock comes first: of two who answer at once, the second one finds it answered.
    session.refresh(decision, with_for_update=True)
    decision.second_person, decision.second_at, decision.answer = viewer.account_id, at, why.strip()
    transition.apply(session, decision, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)
    return decision
