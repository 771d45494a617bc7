"""Between a version's content and the rows that everybody sees: columns of the solution, its cases, its public files."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.history import record
from marketplace.domain.differences import differences
from marketplace.domain.solution_versions import COLUMNS, Content
from marketplace.records.cases import Case, find_cases_of_solution
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.solutions import Solution

NOUN = "solution"
_CASE_FIELDS = ("title", "client_sector", "signed", "completed", "cost_fen", "process", "effects", "proofs")


def content_of(session: Session, solution: Solution) -> Content:
    """What is shown of a solution now."""
    shown = {key: getattr(solution, key) for key in COLUMNS}
    files = [attachment for attachment in find_attachments(session, NOUN, solution.id) if attachment.is_public]
    return shown | {
        "cases": [case_row(case) for case in find_cases_of_solution(session, solution.id)],
        "files": [file_row(attachment) for attachment in files],
    }


def case_row(case: Case) -> dict[str, Any]:
    """A case as a content holds it; `case` names the row that it is or becomes."""
    return {"case": case.public_id} | {name: getattr(case, name) for name in _CASE_FIELDS} | {"title": case.title or ""}


def file_row(attachment: Attachment) -> dict[str, Any]:
    return {"file": attachment.public_id, "name": attachment.filename}


def source_of(provider_id: int) -> str:
    """Where a thing comes from that its provider wrote here itself."""
    return f"provider:{provider_id}"


def put_columns(solution: Solution, content: Content) -> None:
    for key in COLUMNS:
        setattr(solution, key, content[key])


def show(session: Session, solution: Solution, content: Content, *, actor: str, at: datetime) -> Content:
    """Let everybody see a content: its columns, cases and files. Returns it with the cases that are rows now."""
    before = content_of(session, solution)
    put_columns(solution, content)
    touched = _put_cases(session, solution, content["cases"], actor, at)
    _put_files(session, solution, content["files"], at)
    session.flush()
    after = content_of(session, solution)
    changed = [difference.field for difference in differences(before, after)]
    keys = [key for field in changed for key in field.keys]
    if keys:
        old, new = ({key: side[key] for key in keys} for side in (before, after))
        record(session, actor=actor, verb="change", noun=NOUN, noun_id=solution.id, before=old, after=new, at=at)
    enqueue_dependants(session, {NOUN: [solution.id], "case": touched})
    return after


def _put_cases(session: Session, solution: Solution, rows: list[dict[str, Any]], actor: str, at: datetime) -> list[int]:
    """Cases named by a row are changed, new ones made; one that no row names any more is the provider's, but not this solution's."""
    named = [row["case"] for row in rows if row.get("case")]
    own = select(Case).where(Case.provider_id == solution.provider_id, Case.public_id.in_(named))
    known = {case.public_id: case for case in session.scalars(own)}
    touched = []
    kept = set()
    for row in rows:
        case = known.get(row.get("case") or "")
        is_new = case is None
        if case is None:
            # A case that came by no sheet is known by its own public id.
            number = str(uuid.uuid4())
            case = Case(provider_id=solution.provider_id, public_id=number, source=source_of(solution.provider_id), source_ref=number)
            session.add(case)
        before = None if is_new else {name: getattr(case, name) for name in (*_CASE_FIELDS, "solution_id")}
        for name in _CASE_FIELDS:
            setattr(case, name, row.get(name))
        case.title, case.solution_id = row.get("title") or None, solution.id
        session.flush()
        after = {name: getattr(case, name) for name in (*_CASE_FIELDS, "solution_id")}
        if before != after:
            record(session, actor=actor, verb="change", noun="case", noun_id=case.id, before=before, after=after, at=at)
            touched.append(case.id)
        kept.add(case.id)
    for case in find_cases_of_solution(session, solution.id):
        if case.id not in kept:
            case.solution_id = None
            gone: dict[str, Any] = {"solution_id": solution.id}
            record(session, actor=actor, verb="change", noun="case", noun_id=case.id, before=gone, after={"solution_id": None}, at=at)
            touched.append(case.id)
    return touched


def _put_files(session: Session, solution: Solution, rows: list[dict[str, Any]], at: datetime) -> None:
    """What the content names is public from now on; what it does not is superseded, and kept."""
    named = {row["file"] for row in rows}
    for attachment in find_attachments(session, NOUN, solution.id):
        if attachment.public_id in named:
            attachment.is_public = True
        else:
            attachment.superseded_at = at
