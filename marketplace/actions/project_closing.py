"""A project whose money is paid, and of which nothing is to come back, is closed by the bureau."""

from __future__ import annotations

from marketplace.actions.project_steps import Step, locked, move, must_be, tell_applicant
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import _
from marketplace.records.database import Database
from marketplace.records.projects import Project


def finish(database: Database, project_id: int, step: Step) -> Project:
    """Refused, by the table, as long as something is to be paid or to come back."""
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.BUREAU)
        move(session, project, "finish", step)
        tell_applicant(session, project, _("{number} {title}：资金已付清，项目办结。"), step.at)
        session.flush()
        return project
