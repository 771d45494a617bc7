"""Reading a report into a proposed problem list: begun, found or failed, corrected by a person, saved all at once or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.diagnosis_lists import locked_diagnosis, must_write_lists, must_write_own
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.problem_lists import add_all
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.problems import ProblemDraft
from marketplace.domain.report_imports import TABLE, check_paste
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.report_imports import ReportImport

NOUN = "report_import"
KIND = "report"
JOB = "read_report"
# Whoever was allowed to begin is not asked again when the reading ends.
READER = "读取报告"


def begin(
    database: Database,
    *,
    enterprise_id: int,
    diagnosis_id: int | None,
    viewer: Viewer,
    at: datetime,
    text: str = "",
    stored: StoredBlob | None = None,
    why: str = "",
) -> ReportImport:
    """Take in a pasted text or a stored file; a job reads it."""
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, enterprise_id)
        _must_write(session, enterprise, diagnosis_id, viewer, why or READER)
        if stored is None and (refused := check_paste(text)) is not None:
            raise RefusedError(refused)
        found = ReportImport(enterprise_id=enterprise_id, diagnosis_id=diagnosis_id, account_id=viewer.account_id, at=at, text=text)
        found.proposed = []
        session.add(found)
        session.flush()
        after: dict[str, Any] = {"letters": len(text)}
        if stored is not None:
            found.filename, found.sha256 = stored.filename, stored.sha256
            after = {"file": stored.filename}
        record(session, actor=actor_of(viewer), verb="begin", noun=NOUN, noun_id=found.id, before=None, after=after, at=at)
        if stored is not None:
            attach(
                session, stored, noun=NOUN, noun_id=found.id, kind=KIND, organisation_id=enterprise.organisation_id, viewer=viewer, at=at
            )
        enqueue_job(session, JOB, {"report": found.id}, at=at, key=f"{JOB}:{found.id}", account_id=viewer.account_id)
        return found


def note_found(session: Session, found: ReportImport, proposed: list[dict[str, Any]], *, letters: int, is_cut: bool, at: datetime) -> None:
    """The reading is done: a list to correct."""
    found.proposed, found.letters, found.is_cut = proposed, letters, is_cut
    transition.apply(session, found, TABLE, "find", actor=READER, roles={Role.ADMIN}, at=at)


def note_failed(session: Session, found: ReportImport, fault: str, *, letters: int, at: datetime) -> None:
    """Nothing was found: why is a key of FAULTS."""
    found.fault, found.letters = fault, letters
    transition.apply(session, found, TABLE, "fail", actor=READER, roles={Role.ADMIN}, at=at, why=fault)


def save(
    database: Database,
    import_id: int,
    drafts: Sequence[ProblemDraft],
    *,
    viewer: Viewer,
    at: datetime,
    why: str = "",
    seen: int | None = None,
) -> list[Problem]:
    """The corrected lines become problems: all of them, or nothing where one of them may not be stored."""
    with database.writing() as session:
        found = session.get_one(ReportImport, import_id, with_for_update={"of": ReportImport})
        refuse_if_moved(session, NOUN, found.id, seen=seen, at=at)
        if not drafts:
            raise RefusedError(Refused("nothing_ticked", _("一条都没有勾选。请勾选要存入的问题，或选“不导入”。")))
        problems = add_all(
            session, drafts, enterprise_id=found.enterprise_id, diagnosis_id=found.diagnosis_id, viewer=viewer, at=at, why=why
        )
        transition.apply(session, found, TABLE, "save", actor=actor_of(viewer), roles={Role.ADMIN}, at=at, why=why)
        return problems


def drop(database: Database, import_id: int, *, viewer: Viewer, at: datetime) -> None:
    """Nothing of it is wanted."""
    with database.writing() as session:
        found = session.get_one(ReportImport, import_id, with_for_update={"of": ReportImport})
        _must_write(session, found.enterprise, found.diagnosis_id, viewer, READER)
        transition.apply(session, found, TABLE, "drop", actor=actor_of(viewer), roles={Role.ADMIN}, at=at)


def _must_write(session: Session, enterprise: Enterprise, diagnosis_id: int | None, viewer: Viewer, why: str) -> None:
    if diagnosis_id is None:
        must_write_own(viewer, enterprise)
        return
    diagnosis = locked_diagnosis(session, diagnosis_id)
    must_write_lists(viewer, diagnosis, why)
    if diagnosis.enterprise_id != enterprise.id:
        raise RefusedError(Refused("other_enterprise", _("这次诊断属于另一家企业。")))
