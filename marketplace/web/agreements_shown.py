"""The page of an agreement: what it says, both scans, what can be done now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session

from marketplace.actions.agreements import NOUN
from marketplace.actions.project_steps import roles_on_project
from marketplace.domain.access import Role, Viewer
from marketplace.domain.agreements import OURS, SCANS, SIDES, THEIRS
from marketplace.domain.lifecycle import Refused
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.guard import current_viewer, not_found
from marketplace.records.agreements import Agreement, find_agreement, find_agreements
from marketplace.records.files import LETTER, Attachment, find_attachments
from marketplace.records.project_wholes import reads_whole
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.diagnosis_lists import wan
from marketplace.web.guides import step_of
from marketplace.web.project_panel_shown import panel_rules, readable, status_of
from marketplace.web.project_selections_shown import SelectionShown, event_word, read_selection
from marketplace.web.project_words import WORDS
from marketplace.web.refusals import form_page
from marketplace.web.terms import days

PAGE = "agreements.of_project"


@dataclass(frozen=True, kw_only=True)
class AgreementShown:
    """`scans`: side → its scan now. `uploads`: the side for which this person may bring a scan now."""

    project: Project
    agreement: Agreement | None
    versions: Sequence[Agreement]
    letters: Sequence[Attachment]
    scans: dict[str, Attachment]
    uploads: Sequence[str]
    redraws: bool
    selection: SelectionShown | None


def _sides(viewer: Viewer, project: Project) -> Sequence[str]:
    held = roles_on_project(viewer, project)
    mine = {OURS: {Role.BUREAU, Role.ADMIN}, THEIRS: {Role.ENTERPRISE, Role.ADMIN}}
    return [side for side in SIDES if held & mine[side]]


def read_agreement(session: Session, project: Project, viewer: Viewer) -> AgreementShown:
    agreement = find_agreement(session, project.id)
    files = find_attachments(session, NOUN, agreement.id) if agreement is not None else []
    signing = agreement is not None and project.state == ProjectState.APPROVED
    decides = bool(viewer.roles & {Role.BUREAU, Role.ADMIN})
    return AgreementShown(
        project=project,
        agreement=agreement,
        versions=find_agreements(session, project.id),
        letters=[file for file in files if file.kind == LETTER],
        scans={file.kind: file for file in files if file.kind in SIDES},
        uploads=_sides(viewer, project) if signing else [],
        redraws=signing and decides,
        selection=read_selection(session, project, step_of()) if decides else None,
    )


def opened(session: Session, public_id: str) -> Project:
    """The project, where this person may open its agreement; suppliers have no part in it, nor has a class without agreements."""
    project = readable(session, public_id)
    if not reads_whole(session, current_viewer(), project) or project.project_class != ProjectClass.CENTRAL:
        not_found()
    return project


def agreement_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """The agreement of a project; after a refusal with what was typed into `form`."""
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        project = opened(session, public_id)
        page = read_agreement(session, project, viewer)
        typed = request.form if refused is not None else {}
        answer = form_page(
            "agreements/show.html", refused=refused, page=page, one=project, typed=typed, form=form, allowed=SCANS, wan=wan, sides=SIDES,
            rules=panel_rules(), event_word=event_word, here=PAGE, **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer
