"""An application as its reviewers read it: all sections, answers beside the files that prove them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from marketplace.domain.application_sections import SECTIONS
from marketplace.records.applications import ProviderApplication
from marketplace.records.files import find_attachments
from marketplace.web.applications_shown import Cell, ShownSection, shown_section

# Who can be called is for the manager, who calls; an expert judges the application and nobody's telephone.
_NOT_FOR_EXPERTS = frozenset({"contact", "phone", "email", "id_tail", "named_contact"})


def read_sections(session: Session, application: ProviderApplication) -> list[ShownSection]:
    """The whole application, for staff."""
    files = find_attachments(session, "application", application.id)
    return [shown_section(application, section, files) for section in SECTIONS]


def sections_for_experts(session: Session, application: ProviderApplication) -> list[ShownSection]:
    """The same without who can be called, and without what the manager wrote to the applicant."""
    return [
        replace(
            shown,
            cells=_judged(shown.cells),
            rows=[replace(row, cells=_judged(row.cells)) for row in shown.rows],
            remarks=[],
        )
        for shown in read_sections(session, application)
    ]


def _judged(cells: Sequence[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.field.key not in _NOT_FOR_EXPERTS]
