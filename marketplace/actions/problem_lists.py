"""Writing a problem list: lines of a diagnosis by the centre, and problems that an enterprise brings by itself."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.diagnosis_lists import (
    add_line,
    change_line,
    locked_diagnosis,
    must_write_lists,
    must_write_own,
    refuse_first,
    verb_of,
)
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of, roles_on
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.domain.problems import TABLE, ProblemDraft, ProblemState, check
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem

NOUN = "problem"
FIELDS = (
    "text", "stage", "orientation", "scenario_code", "priority", "severity", "root_cause", "effect_if_unsolved",
    "budget_low_fen", "budget_high_fen",
)  # fmt: skip


def add(
    database: Database,
    draft: ProblemDraft,
    *,
    enterprise_id: int,
    diagnosis_id: int | None = None,
    viewer: Viewer,
    at: datetime,
    why: str = "",
) -> Problem:
    """A new line of a diagnosis' list, or without a diagnosis one of the enterprise's own."""
    with database.writing() as session:
        return add_all(session, [draft], enterprise_id=enterprise_id, diagnosis_id=diagnosis_id, viewer=viewer, at=at, why=why)[0]


def add_all(
    session: Session,
    drafts: Sequence[ProblemDraft],
    *,
    enterprise_id: int,
    diagnosis_id: int | None,
    viewer: Viewer,
    at: datetime,
    why: str = "",
) -> list[Problem]:
    """Several lines at once: all of them or none."""
    enterprise = session.get_one(Enterprise, enterprise_id)
    diagnosis = _writable(session, enterprise, diagnosis_id, viewer, why)
    found = []
    for draft in drafts:
        refuse_first(check(draft))
        values = _values(draft)
        row = Problem(enterprise_id=enterprise.id, diagnosis_id=diagnosis.id if diagnosis else None, source="platform", **values)
        row.source_ref = row.public_id = str(uuid.uuid4())
        add_line(
            session, row, NOUN, {name: value for name, value in values.items() if value not in ("", None)}, viewer=viewer, at=at, why=why
        )
        found.append(row)
    enqueue_dependants(session, {NOUN: [row.id for row in found]})
    return found


def change(
    database: Database, problem_id: int, draft: ProblemDraft, *, viewer: Viewer, at: datetime, seen: int | None = None, why: str = ""
) -> Problem:
    """Change a line. What the enterprise has confirmed is corrected, with a reason."""
    with database.writing() as session:
        problem, diagnosis = _open(session, problem_id, viewer, why)
        refuse_first(check(draft))
        verb = verb_of("change", diagnosis)
        if change_line(session, problem, NOUN, _values(draft), viewer=viewer, at=at, seen=seen, verb=verb, why=why):
            enqueue_dependants(session, {NOUN: [problem.id]})
        return problem


def remove(database: Database, problem_id: int, *, viewer: Viewer, at: datetime, why: str = "", seen: int | None = None) -> Transition:
    """Take a line out of the list: it is withdrawn, and found no more."""
    with database.writing() as session:
        problem, _diagnosis = _open(session, problem_id, viewer, why)
        refuse_if_moved(session, NOUN, problem.id, seen=seen, at=at)
        roles = roles_on(viewer, enterprise_id=problem.enterprise_id)
        return transition.apply(session, problem, TABLE, "withdraw", actor=actor_of(viewer), roles=roles, at=at, why=why)


def _open(session: Session, problem_id: int, viewer: Viewer, why: str) -> tuple[Problem, Diagnosis | None]:
    problem = session.get_one(Problem, problem_id, with_for_update={"of": Problem})
    diagnosis = _writable(session, problem.enterprise, problem.diagnosis_id, viewer, why)
    if problem.state != ProblemState.OPEN:
        raise RefusedError(Refused("problem_not_open", _("这条问题已撤回或已解决，不能再改。要改请先重新打开。")))
    return problem, diagnosis


def _writable(session: Session, enterprise: Enterprise, diagnosis_id: int | None, viewer: Viewer, why: str) -> Diagnosis | None:
    if diagnosis_id is None:
        must_write_own(viewer, enterprise)
        return None
    diagnosis = locked_diagnosis(session, diagnosis_id)
    must_write_lists(viewer, diagnosis, why)
    if diagnosis.enterprise_id != enterprise.id:
        raise RefusedError(Refused("other_enterprise", _("这次诊断属于另一家企业。")))
    return diagnosis


def _values(draft: ProblemDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in FIELDS}
