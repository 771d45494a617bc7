"""What the pages of evidence, progress, inspections and supervision share: who acts, which project, files, and how things are called."""

from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from marketplace.actions.project_health import WatchStep
from marketplace.actions.project_steps import roles_on_project
from marketplace.attachments import ALLOWED, received
from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found
from marketplace.records.progress import reads_steps
from marketplace.records.projects import Project, find_project
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.project_words import WORDS as PROJECT_WORDS
from marketplace.web.terms import here_now, left_words, today
from marketplace.web.typed import seen

FILE_FIELDS = ("file", "file2", "file3")
# What no change of the form mends: things are no longer, or never were, as this step needs them.
CONFLICTS = frozenset(
    {
        "wrong_state", "not_allowed", "changed_meanwhile", "takes_no_evidence", "not_under_way", "month_not_wanted", "not_on_site",
        "reported_already", "drawn_meanwhile", "nothing_to_draw", "same_person",
    }
)  # fmt: skip


def step_of() -> WatchStep:
    """Who acts in this request, when, by the pilot's rules, and what the page knew."""
    pilot = current_site().pilot
    return WatchStep(
        current_viewer(), here_now(), today(), pilot.project, seen(), inspection=pilot.inspection, supervision=pilot.supervision,
        rating=pilot.rating, adjustment=pilot.adjustment,
    )  # fmt: skip


def status_of(refused: Refused) -> int:
    return 409 if refused.code in CONFLICTS else 422


def watched(session: Session, public_id: str) -> Project:
    """The project, for whoever reads its evidence and reports; for a supplier it is as absent as one that does not exist."""
    viewer = current_viewer()
    project = find_project(session, public_id, viewer)
    return project if project is not None and reads_steps(session, viewer, project) else not_found()


def number_of(public_id: str) -> int:
    with current_site().database.reading() as session:
        return watched(session, public_id).id


def acts_for(viewer: Viewer, project: Project, right: str = "edit") -> bool:
    """Whether this person acts for the applicant."""
    return Role.ENTERPRISE in roles_on_project(viewer, project, right)


def is_office(viewer: Viewer) -> bool:
    return may(viewer, "supervise", "project")


def taken(field: str, allowed: tuple[str, ...] = ALLOWED) -> StoredBlob | None:
    """The file of a field. Raises RefusedError for one that is not taken."""
    stored = received(field, allowed=allowed)
    if isinstance(stored, Refused):
        raise RefusedError(stored)
    return stored


def taken_files(allowed: tuple[str, ...] = ALLOWED) -> list[StoredBlob]:
    found = [taken(field, allowed) for field in FILE_FIELDS]
    return [one for one in found if one is not None]


def why() -> str:
    return request.form.get("why", "")


def document_word(key: str) -> str:
    found = current_site().pilot.project.document(key)
    return key if found is None else found.en if language() == "en" else found.name


def item_word(key: str) -> str:
    """A line of the checklist."""
    found = current_site().pilot.inspection.item(key)
    return key if found is None else found.en if language() == "en" else found.name


def told_row(row: dict[str, Any]) -> str:
    """A reason or a doubt that is stored as {code, message, values}."""
    return say(str(row["message"]), **row.get("values", {}))


WORDS: dict[str, Any] = {
    **PROJECT_WORDS,
    "document_word": document_word,
    "item_word": item_word,
    "told_row": told_row,
    "left": left_words,
}
