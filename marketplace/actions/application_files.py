"""The files of an application: brought under the document that they are, taken back as long as it may be written in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from marketplace.actions.application_steps import writable
from marketplace.actions.files import attach, supersede
from marketplace.domain.access import Viewer
from marketplace.domain.application_answers import file_kind, raw_of
from marketplace.domain.application_rules import ApplicationRules
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.store import StoredBlob
from marketplace.records.application_facts import NOUN
from marketplace.records.database import Database
from marketplace.records.files import LETTER, Attachment, find_attachment

MOST_FILES = 200


def attach_document(
    database: Database,
    application_id: int,
    stored: StoredBlob,
    *,
    document: str,
    row: str = "",
    rules: ApplicationRules,
    viewer: Viewer,
    at: datetime,
) -> Attachment:
    """Attach a file as one of the documents; `row`: the key of the case or expert whose proof it is."""
    with database.writing() as session:
        application = writable(session, application_id, viewer)
        kind = rules.document(document)
        rows = {str(one.get("key")) for one in raw_of(application.answers, kind.section)[1]} if kind else set()
        if kind is None or kind.each != bool(row) or (row and row not in rows):
            raise RefusedError(Refused("unknown_document", _("没有这一项材料，请刷新页面后再上传。")))
        of_application = (Attachment.noun == NOUN) & (Attachment.noun_id == application.id) & Attachment.superseded_at.is_(None)
        if (session.scalar(select(func.count()).select_from(Attachment).where(of_application)) or 0) >= MOST_FILES:
            raise RefusedError(Refused("too_many_files", _("一份申报最多 {most} 个文件，请合并后再上传。"), {"most": MOST_FILES}))
        attached = attach(
            session,
            stored,
            noun=NOUN,
            noun_id=application.id,
            kind=file_kind(document, row),
            organisation_id=application.organisation_id,
            viewer=viewer,
            at=at,
        )
        application.saved_at, application.saved_by = at, viewer.account_id
        return attached


def remove_document(database: Database, application_id: int, public_id: str, *, viewer: Viewer, at: datetime) -> None:
    """Take a file back. It is kept, as what once was handed in must be found again."""
    with database.writing() as session:
        application = writable(session, application_id, viewer)
        found = find_attachment(session, public_id)
        # A letter of the office hangs on the same application, and is nobody's to take away.
        if found is None or found.noun != NOUN or found.noun_id != application.id or found.kind == LETTER:
            raise RefusedError(Refused("unknown_file", _("没有这个文件，可能已被去掉。")))
        supersede(session, found, viewer, at)
        application.saved_at, application.saved_by = at, viewer.account_id
