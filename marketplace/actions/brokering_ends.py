"""How a brokering, or one introduction of it, ends without an award."""

from __future__ import annotations

from sqlalchemy.orm import Session

from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_outcomes import note, put_outcome
from marketplace.actions.brokering_steps import Step, end_introduction, given, locked, locked_introduction, move, must_choose
from marketplace.actions.brokering_told import tell_centre, tell_provider
from marketplace.actions.roles import must_hold
from marketplace.domain.brokerings import UNBOUND
from marketplace.domain.introductions import TALKS, IntroductionState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.brokerings import Brokering
from marketplace.records.database import Database
from marketplace.records.introductions import Introduction, find_introductions
from marketplace.records.match_events import MatchEventKind
from marketplace.records.matches import Decision

_I = IntroductionState


def none_suitable(database: Database, brokering_id: int, step: Step, *, why: str) -> Brokering:
    """The enterprise, or the centre for it, finds that none of them fits."""
    with database.writing() as session:
        brokering = locked(session, brokering_id, step)
        must_choose(step.viewer, brokering.enterprise)
        return _end(session, brokering, "none_suitable", step, given(why))


def withdraw(database: Database, brokering_id: int, step: Step, *, why: str) -> Brokering:
    """The enterprise withdraws, any time before a contract."""
    with database.writing() as session:
        brokering = locked(session, brokering_id, step)
        must_choose(step.viewer, brokering.enterprise)
        return _end(session, brokering, "withdraw", step, given(why))


def _end(session: Session, brokering: Brokering, event: str, step: Step, why: str) -> Brokering:
    move(session, brokering, event, step, why)
    brokering.reason, brokering.closed_at = why, step.at
    for row in find_introductions(session, brokering.id):
        end_with(session, row, step, why, talks="not_choose" if event == "none_suitable" else "withdraw")
    settle(session, brokering, at=step.at, today=step.today)
    message = _("{number} 已结束：没有合适的服务商。") if event == "none_suitable" else _("企业撤回了 {number}。")
    tell_centre(session, brokering, message, step.at, without=step.viewer.account_id)
    return brokering


def end_with(session: Session, row: Introduction, step: Step, why: str, *, talks: str) -> None:
    """One introduction of a brokering that is decided or over. `talks`: what becomes of those that were talking."""
    if row.state in TALKS and talks == "not_choose":
        end_introduction(session, row, "not_choose", step, why)
        put_outcome(session, row, Decision.DECLINED, step, why)
        note(session, row, MatchEventKind.NOT_CHOSEN, step.at)
        tell_provider(session, row, _("{number}（{solution}）没有选定贵单位，能力中心会告知原因。"), step.at)
    elif row.state in (_I.PROPOSED, _I.SENT, _I.TALKING, _I.QUOTED, _I.AWARDED, _I.FROZEN):
        awarded = row.state == _I.AWARDED
        end_introduction(session, row, "withdraw", step, why)
        if awarded:
            put_outcome(session, row, Decision.DECLINED, step, why)
        if row.sent_at is not None:
            tell_provider(session, row, _("{number}（{solution}）已撤回，不用再办理。"), step.at)


def take_out(database: Database, introduction_id: int, step: Step, *, why: str) -> Introduction:
    """The centre takes one introduction back: a slip in the draft, or a frozen one that is replaced."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        if row.brokering.state not in UNBOUND or row.state == _I.AWARDED:
            raise RefusedError(Refused("decided_already", _("已选定或已签约，不能单独撤回。")))
        reason = given(why)
        told = row.sent_at is not None
        end_introduction(session, row, "withdraw", step, reason)
        if told:
            tell_provider(session, row, _("{number}（{solution}）已撤回，不用再办理。"), step.at)
        settle(session, row.brokering, at=step.at, today=step.today)
        return row
