"""One need of several enterprises (一案服务多家): a brokering for each of them, drafted in one step, given the same criteria, sent together.

Each enterprise still answers, chooses and signs for itself: what they share is the solutions, the criteria and the centre's work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy.orm import Session

from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_steps import Step, locked, unseen
from marketplace.actions.brokerings import Line, begin, put_criteria, put_lines, send_out
from marketplace.actions.roles import must_hold
from marketplace.domain.brokerings import BrokeringState, CriterionDraft
from marketplace.domain.groups import SHARED_BY
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.brokerings import Brokering, find_joint
from marketplace.records.database import Database
from marketplace.records.groups import find_members

# More at once nobody oversees.
MOST_TOGETHER = 30


@dataclass(frozen=True)
class Share:
    """What one enterprise has of the need: its problems, and the solutions as they stood for them."""

    problem_ids: Sequence[int]
    lines: Sequence[Line]


def draft_joint(database: Database, group_id: int, shares: Mapping[int, Share], step: Step) -> list[Brokering]:
    """Drafts for members of a group, all or none. `shares`: enterprise id → its share."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        members = {row.enterprise_id for row in find_members(session, group_id)}
        if not members.issuperset(shares):
            raise RefusedError(Refused("not_a_member", _("有一家企业已不在这个群组里，请刷新后重新选。")))
        if len(shares) < SHARED_BY:
            raise RefusedError(Refused("too_few", _("一起对接至少要两家企业；只有一家时请从它的方案页发起。")))
        if len(shares) > MOST_TOGETHER:
            raise RefusedError(Refused("too_many", _("一次最多为 {most} 家企业一起对接。"), {"most": MOST_TOGETHER}))
        if not all(share.lines for share in shares.values()):
            raise RefusedError(Refused("no_introduction", _("还没有选服务商和方案，不能发出。")))
        joint, made = str(uuid4()), []
        for enterprise_id, share in sorted(shares.items()):
            brokering = begin(
                session, enterprise_id, share.problem_ids, step, place="group", officer_id=step.viewer.account_id, joint=joint
            )
            put_lines(session, brokering, share.lines, step)
            settle(session, brokering, at=step.at, today=step.today)
            made.append(brokering)
        return made


def set_joint_criteria(database: Database, brokering_id: int, rows: Sequence[CriterionDraft], step: Step) -> int:
    """The same criteria for this one and all drafts that were made with it; how many. Raises RefusedError for this one only."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        brokering, others = _together(session, brokering_id, step)
        put_criteria(session, brokering, rows, step)
        for other in others:
            put_criteria(session, other, rows, step)
        return 1 + len(others)


def send_joint(database: Database, brokering_id: int, step: Step) -> int:
    """Send this one and all drafts that were made with it, all or none; how many.

    Raises RefusedError with the number of the one that cannot be sent.
    """
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        brokering, others = _together(session, brokering_id, step)
        for one in [brokering, *others]:
            try:
                send_out(session, one, step)
            except RefusedError as error:
                if one is brokering:
                    raise
                message = _("{number} 不能发出，所以一张都没有发。请先打开那张单处理。")
                raise RefusedError(Refused("no_introduction", message, {"number": one.number})) from error
        return 1 + len(others)


def _together(session: Session, brokering_id: int, step: Step) -> tuple[Brokering, list[Brokering]]:
    """This one as the page knew it, and the drafts that were made with it, all locked in their order."""
    first = session.get_one(Brokering, brokering_id)
    others = [row.id for row in find_joint(session, first.joint) if row.id != brokering_id]
    rows = {number: locked(session, number, step if number == brokering_id else unseen(step)) for number in sorted({brokering_id, *others})}
    return rows[brokering_id], [rows[number] for number in others if rows[number].state == BrokeringState.DRAFT]
