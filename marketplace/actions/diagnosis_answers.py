"""Filling in the questionnaire of a diagnosis, section by section, on site or by the enterprise; and the evidence beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.diagnoses import NOUN
from marketplace.actions.files import attach, supersede
from marketplace.actions.history import record
from marketplace.actions.meanwhile import told
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.diagnoses import FILLABLE
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.questionnaires import Questionnaire, check
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis, DiagnosisAnswer, find_answers, values_of
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.history import HistoryEntry, find_entries_since

VERB = "save_answers"
LONGEST_REMARK = 1_000


def may_answer(viewer: Viewer, diagnosis: Diagnosis) -> bool:
    """The centre, and the enterprise's people who may fill in; while the questionnaire is open."""
    own = diagnosis.enterprise_id in viewer.enterprise_ids and may_act_for(viewer, diagnosis.enterprise.organisation_id, "edit")
    return diagnosis.state in FILLABLE and (may(viewer, "answer", "diagnosis") or own)


def save_answers(
    database: Database,
    diagnosis_id: int,
    section: str,
    answers: Mapping[str, Any],
    remarks: Mapping[str, str],
    *,
    questionnaire: Questionnaire,
    viewer: Viewer,
    at: datetime,
    seen: int | None = None,
) -> int:
    """Keep what was typed into one section; how many answers changed. None takes an answer back.

    Two people may fill in at the same time, each another section; of the same section the second one is told.
    """
    with database.writing() as session:
        diagnosis = _locked(session, diagnosis_id, viewer)
        keys = [question.key for question in questionnaire.of(section)]
        if questionnaire.section(section, diagnosis.enterprise.sector) is None or not set(answers) | set(remarks) <= set(keys):
            raise RefusedError(Refused("unknown_section", _("这份问卷没有这一部分，请从诊断页重新进入。")))
        _refuse_if_saved(session, diagnosis.id, section, seen, at)
        stored = find_answers(session, diagnosis.id)
        together = values_of(stored) | dict(answers)
        for key, refused in check(questionnaire, {key: value for key, value in together.items() if value is not None}):
            if key in keys:
                raise RefusedError(refused)
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for key in keys:
            if key not in answers and key not in remarks:
                continue
            row = stored.get(key)
            old = (row.value, row.remark) if row is not None else (None, "")
            new = (answers.get(key, old[0]), remarks.get(key, old[1]).strip()[:LONGEST_REMARK])
            if old == new:
                continue
            if row is None:
                row = DiagnosisAnswer(diagnosis_id=diagnosis.id, question=key)
                session.add(row)
            row.value, row.remark = new
            row.account_id, row.at = viewer.account_id, at
            before[key], after[key] = old[0], new[0]
            if old[1] != new[1]:
                before[f"{key}.remark"], after[f"{key}.remark"] = old[1], new[1]
        if after:
            session.flush()
            record(
                session,
                actor=actor_of(viewer),
                verb=VERB,
                noun=NOUN,
                noun_id=diagnosis.id,
                before={"section": section, "answers": before},
                after={"section": section, "answers": after},
                at=at,
            )
        return len(after)


def _refuse_if_saved(session: Session, diagnosis_id: int, section: str, seen: int | None, at: datetime) -> None:
    """Refused where this section was saved since the form was made."""
    if seen is None:
        return
    later = [entry for entry in find_entries_since(session, NOUN, diagnosis_id, seen) if of_section(entry, section)]
    if later:
        raise RefusedError(told(later[-1], at))


def of_section(entry: HistoryEntry, section: str) -> bool:
    return entry.verb == VERB and (entry.after or {}).get("section") == section


def attach_evidence(
    database: Database, diagnosis_id: int, stored: StoredBlob, *, question: str, questionnaire: Questionnaire, viewer: Viewer, at: datetime
) -> Attachment:
    """A file as evidence of one answer."""
    with database.writing() as session:
        diagnosis = _locked(session, diagnosis_id, viewer)
        if questionnaire.question(question) is None:
            raise RefusedError(Refused("unknown_question", _("问卷里没有这一题，佐证没有上传。")))
        organisation = diagnosis.enterprise.organisation_id
        return attach(session, stored, noun=NOUN, noun_id=diagnosis.id, kind=question, organisation_id=organisation, viewer=viewer, at=at)


def remove_evidence(database: Database, diagnosis_id: int, public_id: str, *, viewer: Viewer, at: datetime) -> None:
    """Evidence counts no longer; a file that is not there is none."""
    with database.writing() as session:
        diagnosis = _locked(session, diagnosis_id, viewer)
        for file in find_attachments(session, NOUN, diagnosis.id):
            if file.public_id == public_id and file.kind != "letter":
                supersede(session, file, viewer, at)


def _locked(session: Session, diagnosis_id: int, viewer: Viewer) -> Diagnosis:
    session.execute(select(Diagnosis.id).where(Diagnosis.id == diagnosis_id).with_for_update())
    diagnosis = session.get_one(Diagnosis, diagnosis_id, populate_existing=True)
    if diagnosis.state not in FILLABLE and may(viewer, "answer", "diagnosis"):
        raise RefusedError(Refused("not_fillable", _("诊断已成稿，问卷不能再改。企业退回后可以继续填。")))
    if diagnosis.state not in FILLABLE and diagnosis.enterprise_id in viewer.enterprise_ids:
        raise RefusedError(Refused("not_fillable", _("诊断已成稿，问卷不能再改。有不符的请退回补充，并写明是哪一条。")))
    refuse_unless(may_answer(viewer, diagnosis))
    return diagnosis
