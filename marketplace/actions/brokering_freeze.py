"""A provider takes no new work any more: what is under way with it, and not signed, is frozen until the centre finds another."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_outcomes import put_outcome
from marketplace.actions.brokering_steps import Act, end_introduction, move
from marketplace.actions.brokering_told import tell_centre, tell_enterprise, tell_provider
from marketplace.domain.access import Role
from marketplace.domain.brokerings import UNBOUND, BrokeringState
from marketplace.domain.introductions import OPEN, IntroductionState
from marketplace.domain.lifecycle import _
from marketplace.domain.providers import TAKES_NEW
from marketplace.records.brokerings import Brokering
from marketplace.records.introductions import Introduction, find_introductions, find_open_of_provider
from marketplace.records.matches import Decision
from marketplace.records.providers import Provider

REASON = "服务商目前不接新单"
# Whoever moves the provider, the brokering follows of itself.
_ITSELF = (Role.ADMIN,)


def freeze_introductions(session: Session, provider: Provider, act: Act) -> int:
    """After the provider's state has changed, in the same transaction and under its lock. How many were frozen."""
    if provider.state in TAKES_NEW:
        return 0
    session.flush()
    frozen = 0
    numbers = sorted({row.brokering_id for row in find_open_of_provider(session, provider.id)})
    for number in numbers:
        session.execute(select(Brokering.id).where(Brokering.id == number).with_for_update())
        brokering = session.get_one(Brokering, number, populate_existing=True)
        if brokering.state not in UNBOUND:
            continue
        mine = [row for row in find_introductions(session, number) if row.provider_id == provider.id and row.state in OPEN]
        for row in mine:
            _freeze(session, row, act)
            frozen += 1
        _reopen_if_empty(session, brokering, act)
        settle(session, brokering, at=act.at, today=act.today)
    return frozen


def _freeze(session: Session, row: Introduction, act: Act) -> None:
    awarded, sent = row.state == IntroductionState.AWARDED, row.sent_at is not None
    end_introduction(session, row, "freeze", act, REASON, _ITSELF)
    if awarded:
        put_outcome(session, row, Decision.DECLINED, act, REASON)
    brokering = row.brokering
    if sent:
        tell_provider(session, row, _("贵单位目前不接新单，{number}（{solution}）已冻结。"), act.at)
        message = _("{provider}目前不接新单，{number} 与它的对接已冻结，能力中心会为您另选。")
        tell_enterprise(session, brokering, message, act.at, provider=row.provider.name)
    message = _("{provider}目前不接新单，{number} 与它的对接已冻结，请选替代服务商。")
    tell_centre(session, brokering, message, act.at, without=None, provider=row.provider.name)


def _reopen_if_empty(session: Session, brokering: Brokering, act: Act) -> None:
    """What was chosen is lost, or nothing is left to be compared: the talks begin again."""
    session.flush()
    states = [row.state for row in find_introductions(session, brokering.id)]
    lost = brokering.state == BrokeringState.AWARDED and IntroductionState.AWARDED not in states
    empty = brokering.state == BrokeringState.COMPARING and IntroductionState.QUOTED not in states
    if lost or empty:
        brokering.decided_at, brokering.reason = None, ""
        move(session, brokering, "reopen", act, REASON, _ITSELF)
