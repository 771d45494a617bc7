"""What happens to a problem, and who is told whose problem it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from marketplace.actions import history, transition
from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.roles import actor_of, roles_on
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.domain.problems import TABLE
from marketplace.domain.providers import TAKES_NEW
from marketplace.records.database import Database
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.providers import Provider


def solve(database: Database, problem_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """It needs no more matches."""
    return _move(database, problem_id, "solve", viewer, at, why)


def reopen(database: Database, problem_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """It needs matches again."""
    return _move(database, problem_id, "reopen", viewer, at, why)


def withdraw(database: Database, problem_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """The enterprise, or the centre, takes it back."""
    return _move(database, problem_id, "withdraw", viewer, at, why)


def disclose(database: Database, problem_id: int, provider_id: int, *, viewer: Viewer, at: datetime) -> bool:
    """The enterprise agrees that this provider sees its name, its park and its exact budget. False: it had agreed before."""
    with database.writing() as session:
        problem = session.get_one(Problem, problem_id)
        provider = session.get_one(Provider, provider_id)
        # Nobody agrees in the enterprise's place, whatever their rank.
        if Role.ENTERPRISE not in roles_on(viewer, enterprise_id=problem.enterprise_id):
            raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
        # Whoever gets no new matches has no need to know either.
        if provider.state not in TAKES_NEW:
            raise RefusedError(Refused("provider_takes_no_new", _("这家服务商目前不接新单，不能向它公开。")))
        known = session.scalar(select(Disclosure).where(Disclosure.problem_id == problem_id, Disclosure.provider_id == provider_id))
        if known is not None:
            return False
        session.add(Disclosure(problem_id=problem_id, provider_id=provider_id, agreed=at))
        session.flush()
        after = {"provider_id": provider_id}
        history.record(
            session, actor=actor_of(viewer), verb="disclose", noun="problem", noun_id=problem_id, before=None, after=after, at=at
        )
        enqueue_dependants(session, {"problem": [problem_id]})
        return True


def _move(database: Database, problem_id: int, event: str, viewer: Viewer, at: datetime, why: str) -> Transition:
    with database.writing() as session:
        problem = session.get_one(Problem, problem_id)
        roles = roles_on(viewer, enterprise_id=problem.enterprise_id)
        return transition.apply(session, problem, TABLE, event, actor=actor_of(viewer), roles=roles, at=at, why=why)
