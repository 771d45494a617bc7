"""Grades that an enterprise obtained elsewhere: entered by the centre or by the enterprise itself, with proof."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.outside_grades import OutsideGradeDraft, check
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.diagnoses import OutsideGrade
from marketplace.records.enterprises import Enterprise

NOUN = "outside_grade"


def may_enter(viewer: Viewer, enterprise: Enterprise) -> bool:
    own = enterprise.id in viewer.enterprise_ids and may_act_for(viewer, enterprise.organisation_id, "edit")
    return may(viewer, "manage", "diagnosis") or own


def enter(
    database: Database, enterprise_id: int, draft: OutsideGradeDraft, proof: StoredBlob | None, *, viewer: Viewer, at: datetime, today: date
) -> OutsideGrade:
    """A grade with the day on which it was given, and its certificate where there is one."""
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, enterprise_id)
        refuse_unless(may_enter(viewer, enterprise))
        for _field, refused in check(draft, today=today):
            raise RefusedError(refused)
        assert draft.place is not None
        assert draft.on is not None
        found = OutsideGrade(enterprise_id=enterprise.id, model=draft.model, place=draft.place, on=draft.on, by=draft.by.strip(), at=at)
        found.entered_by = viewer.account_id
        session.add(found)
        session.flush()
        after = {"enterprise_id": enterprise.id, "model": draft.model, "place": draft.place, "on": draft.on.isoformat(), "by": found.by}
        record(session, actor=actor_of(viewer), verb="enter", noun=NOUN, noun_id=found.id, before=None, after=after, at=at)
        if proof is not None:
            _prove(session, found, enterprise, proof, viewer, at)
        return found


def _prove(session: Session, found: OutsideGrade, enterprise: Enterprise, proof: StoredBlob, viewer: Viewer, at: datetime) -> None:
    attach(session, proof, noun=NOUN, noun_id=found.id, kind="proof", organisation_id=enterprise.organisation_id, viewer=viewer, at=at)


def take_back(database: Database, grade_id: int, *, viewer: Viewer, at: datetime) -> None:
    """Entered by mistake."""
    with database.writing() as session:
        found = session.get_one(OutsideGrade, grade_id, with_for_update=True)
        refuse_unless(may_enter(viewer, found.enterprise))
        if found.taken_back is not None:
            return
        found.taken_back = at
        before = {"model": found.model, "place": found.place, "on": found.on.isoformat()}
        record(session, actor=actor_of(viewer), verb="take_back", noun=NOUN, noun_id=found.id, before=before, after=None, at=at)
