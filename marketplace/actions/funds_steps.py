"""What every paper about money shares: who may act, the first and the second person, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.dependants import noun_of
from marketplace.actions.project_steps import Step
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, Table, _
from marketplace.records.columns import Record

TASK = "fund_step"
OFFICES = (Role.BUREAU, Role.FINANCE)
# These ask for a reason, whatever the paper.
WITH_REASON = frozenset({"reject", "return", "refuse", "bounce"})


def must_act(viewer: Viewer, verb: str) -> int:
    """The account of whoever may do this to money. Nobody without an account can be one of two persons."""
    must_hold(viewer, verb, "fund")
    assert viewer.account_id is not None
    return viewer.account_id


def refuse_first(faults: Iterable[tuple[str, Refused]]) -> None:
    for _field, refused in faults:
        raise RefusedError(refused)


def must_say_why(event: str, why: str) -> None:
    if event in WITH_REASON and not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))


def move(session: Session, paper: Record, table: Table, event: str, step: Step, *, why: str = "", subject: Any = None) -> None:
    """One step of a paper; what waited about it is done."""
    transition.apply(
        session, paper, table, event, actor=actor_of(step.viewer), roles=step.viewer.roles, at=step.at, why=why, subject=subject
    )
    close_tasks(session, noun_of(paper), paper.id, at=step.at, kinds=(TASK,))  # type: ignore[attr-defined]


def ask(session: Session, paper: Record, message: str, step: Step, *, roles: Iterable[Role] = OFFICES, **values: Any) -> None:
    """Whose turn it is now."""
    shared: dict[str, Any] = {"noun": noun_of(paper), "noun_id": paper.id, "public_ref": paper.public_id}  # type: ignore[attr-defined]
    open_task(session, TASK, message, roles=roles, at=step.at, values=values, **shared)
