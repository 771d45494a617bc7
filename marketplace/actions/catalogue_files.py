"""Attachments of solutions: part of a version until it is approved, public from then on, and searchable by their text."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.catalogue import must_act, next_content, write_content
from marketplace.actions.catalogue_content import NOUN, file_row
from marketplace.actions.files import attach
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.solution_versions import Content
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.solution_versions import SolutionVersion, find_open_version
from marketplace.records.solutions import Solution

KIND = "catalogue"


def add_file(
    database: Database, solution_id: int, stored: StoredBlob, *, most: int, viewer: Viewer, at: datetime
) -> SolutionVersion | None:
    """Attach a file to the version that is being written (a new one where none is)."""
    with database.writing() as session:
        solution, version, content = _written(session, solution_id, viewer)
        if len(content["files"]) >= most:
            raise RefusedError(Refused("too_many_files", _("一个方案最多附 {most} 份文件，请先删去不用的。"), {"most": most}))
        organisation_id = solution.provider.organisation_id
        attachment = attach(
            session, stored, noun=NOUN, noun_id=solution.id, kind=KIND, organisation_id=organisation_id, viewer=viewer, at=at
        )
        # The same file once more is the same file.
        if file_row(attachment) not in content["files"]:
            content["files"] = [*content["files"], file_row(attachment)]
        note = version.note if version else ""
        return write_content(session, solution, version, content, note=note, viewer=viewer, at=at)


def drop_file(database: Database, solution_id: int, public_id: str, *, viewer: Viewer, at: datetime) -> SolutionVersion | None:
    """The next version does without this file; what is published keeps it until that is approved."""
    with database.writing() as session:
        solution, version, content = _written(session, solution_id, viewer)
        content["files"] = [row for row in content["files"] if row["file"] != public_id]
        note = version.note if version else ""
        return write_content(session, solution, version, content, note=note, viewer=viewer, at=at)


def _written(session: Session, solution_id: int, viewer: Viewer) -> tuple[Solution, SolutionVersion | None, Content]:
    """The solution under its lock, the version that is being written, and a content of one's own to change."""
    solution = session.scalars(select(Solution).where(Solution.id == solution_id).with_for_update()).one()
    must_act(viewer, solution.provider, "edit")
    version = find_open_version(session, solution.id)
    return solution, version, next_content(session, solution, version)
