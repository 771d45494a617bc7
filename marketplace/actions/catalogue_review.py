"""The general manager looks at what was handed in: let it be seen, or send it back with the reason."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.catalogue import OWN, REVISE, VERSION, stale
from marketplace.actions.catalogue_content import show
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.solution_versions import TABLE
from marketplace.domain.solutions import TABLE as SOLUTION_TABLE
from marketplace.domain.solutions import SolutionState
from marketplace.records.database import Database
from marketplace.records.solution_versions import SolutionVersion
from marketplace.records.solutions import Solution


def approve(database: Database, version_id: int, *, revision: int, viewer: Viewer, at: datetime, why: str = "") -> SolutionVersion:
    """Everybody sees this content from now on; a solution that was not published is published with it."""
    with database.writing() as session:
        version = _moved(session, version_id, "approve", revision, viewer, at, why)
        solution = version.solution
        # The case rows that were made have names now, by which the next version knows them.
        version.content = show(session, solution, version.content, actor=actor_of(viewer), at=at)
        if solution.state != SolutionState.PUBLISHED:
            transition.apply(session, solution, SOLUTION_TABLE, "publish", actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)
        close_tasks(session, OWN, solution.id, at=at, kinds=[REVISE])
        _tell(session, version, _("方案“{title}”第 {number} 版已通过审核并公开。"), at)
        return version


def send_back(database: Database, version_id: int, *, revision: int, viewer: Viewer, at: datetime, why: str) -> SolutionVersion:
    """Its provider is asked to revise it, and told why."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        version = _moved(session, version_id, "return", revision, viewer, at, why.strip())
        solution = version.solution
        message = _("方案“{title}”第 {number} 版被退回修改：{why}")
        values = _values(version)
        organisation = solution.provider.organisation_id
        open_task(
            session,
            REVISE,
            message,
            noun=OWN,
            noun_id=solution.id,
            public_ref=solution.public_id,
            at=at,
            values=values,
            organisation_id=organisation,
        )
        _tell(session, version, message, at)
        return version


def _moved(session: Session, version_id: int, event: str, revision: int, viewer: Viewer, at: datetime, why: str) -> SolutionVersion:
    """The version after its step; of two reviewers, or of a reviewer and a provider who took it back, the later one is told."""
    version = session.get_one(SolutionVersion, version_id)
    session.scalars(select(Solution).where(Solution.id == version.solution_id).with_for_update()).one()
    session.refresh(version)
    if version.revision != revision:
        raise RefusedError(stale())
    transition.apply(session, version, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)
    version.decided_by, version.decided, version.why = viewer.account_id, at, why
    close_tasks(session, VERSION, version.id, at=at)
    return version


def _values(version: SolutionVersion) -> dict[str, object]:
    return {"title": version.content["title"], "number": version.number, "why": version.why}


def _tell(session: Session, version: SolutionVersion, message: str, at: datetime) -> None:
    accounts = accounts_of_organisation(session, version.solution.provider.organisation_id)
    ref = version.solution.public_id
    notify(session, accounts, "catalogue", message, at=at, values=_values(version), noun=OWN, public_ref=ref)
