"""Keeping what was trained, and which ranker is in use. Of each step one entry of the history; the one before stays at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.transition import apply
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.rankers import HAND, TABLE, RankerState
from marketplace.records.rankers import Ranker, find_in_use, find_ranker

NOUN = "ranker"
# Whoever has the command line of the site administers it.
_ROLES = (Role.ADMIN,)


def keep_ranker(
    session: Session,
    version: str,
    *,
    rows: int,
    metrics: Mapping[str, Any],
    card: str,
    sha256: str,
    objections: Sequence[str],
    actor: str,
    at: datetime,
) -> Ranker:
    """Write down a trained ranker: kept, or refused by what the gate had against it. Nothing is in use by this.

    The same data give the same version: trained again, the row that is there stands.
    """
    known = find_ranker(session, version)
    if known is not None:
        return known
    state = RankerState.REFUSED if objections else RankerState.KEPT
    row = Ranker(
        version=version,
        state=state,
        made=at,
        made_by=actor[:100],
        moved=at,
        moved_by=actor[:100],
        rows=rows,
        metrics=dict(metrics),
        card=card,
        sha256=sha256,
        why="\n".join(objections),
    )
    session.add(row)
    session.flush()
    after = {"version": version, "state": str(state), "rows": rows}
    record(session, actor=actor, verb="train", noun=NOUN, noun_id=row.id, before=None, after=after, why=row.why, at=at)
    return row


def promote_ranker(session: Session, version: str, *, actor: str, at: datetime, why: str = "") -> Ranker:
    """From now on this one ranks; the one in use until now is kept. Raises RefusedError."""
    row = _wanted(session, version)
    before = find_in_use(session)
    if before is not None and before[0] == version:
        raise RefusedError(Refused("in_use_already", _("排序模型 {version} 已在使用。"), {"version": version}))
    if row.state == RankerState.REFUSED:
        raise RefusedError(Refused("ranker_refused", _("排序模型 {version} 没有通过比较，不能启用。请重新训练。"), {"version": version}))
    # First the one and then the other: two are never in use.
    if before is not None:
        _move(session, _wanted(session, before[0]), "take_out", actor=actor, at=at, why=why)
    row.instead_of = before[0] if before is not None else ""
    _move(session, row, "promote", actor=actor, at=at, why=why)
    return row


def use_hand_weights(session: Session, *, actor: str, at: datetime, why: str = "") -> None:
    """Rank by the weights set by hand. Raises RefusedError where that is so already."""
    _move(session, _in_use(session), "take_out", actor=actor, at=at, why=why)


def roll_back_ranker(session: Session, *, actor: str, at: datetime, why: str = "") -> tuple[str, str]:
    """Take the ranker in use out, and take up what was in use before it: (version taken out, version that ranks now)."""
    row = _in_use(session)
    _move(session, row, "roll_back", actor=actor, at=at, why=why)
    before = find_ranker(session, row.instead_of) if row.instead_of else None
    if before is None or before.state != RankerState.KEPT:
        return row.version, HAND
    _move(session, before, "promote", actor=actor, at=at, why=why)
    return row.version, before.version


def _in_use(session: Session) -> Ranker:
    found = find_in_use(session)
    if found is None:
        raise RefusedError(Refused("hand_in_use", _("现在用的就是手工设定的权重（{version}），没有可退回的。"), {"version": HAND}))
    return _wanted(session, found[0])


def _wanted(session: Session, version: str) -> Ranker:
    row = find_ranker(session, version)
    if row is None:
        raise RefusedError(Refused("no_such_ranker", _("没有排序模型 {version}。运行 jigai rankers 查看。"), {"version": version}))
    return row


def _move(session: Session, row: Ranker, event: str, *, actor: str, at: datetime, why: str) -> None:
    apply(session, row, TABLE, event, actor=actor, roles=_ROLES, at=at, why=why)
    row.moved, row.moved_by = at, actor[:100]
    session.flush()
