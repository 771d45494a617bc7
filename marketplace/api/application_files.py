"""The files of an application: each under the document that it is, and of the row whose proof it is."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from marketplace.actions.application_files import attach_document, remove_document
from marketplace.api.applications import done, number_of
from marketplace.api.attached import FILE, FileOut, file_outs, form_of, stored_file
from marketplace.api.operation import Done, Model, operation
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.application_facts import NOUN
from marketplace.records.applications import ProviderApplication
from marketplace.records.files import find_attachment, find_attachments
from marketplace.site import current_site


class FileList(Model):
    items: list[FileOut]


class DocumentForm(Model):
    """The fields of the multipart form."""

    file: bytes = FILE
    document: str = Field(max_length=32)
    """Which document it is (a key of the window's `required`)."""
    row: str = Field("", max_length=4)
    """The key of the row whose proof it is, where every row has its own."""


@permission("read", "application")
@operation("/applications/<id>/files", summary="The files of an application, without their contents", tag="applications", answer=FileList)
def list_application_files(id: str) -> FileList:
    number = number_of(id)
    with current_site().database.reading() as session:
        return FileList(items=file_outs(find_attachments(session, NOUN, number)))


@permission("write", "application", scope="write")
@operation(
    "/applications/<id>/files",
    method="POST",
    summary="Bring a file",
    tag="applications",
    upload=DocumentForm,
    answer=FileOut,
    status=201,
    writes=True,
)
def add_application_file(id: str) -> FileOut:
    form, site = form_of(DocumentForm, "file"), current_site()
    number = number_of(id)
    values: dict[str, Any] = {"rules": site.pilot.application, "viewer": current_viewer(), "at": now()}
    attached = attach_document(site.database, number, stored_file("file"), document=form["document"], row=form["row"], **values)
    with site.database.reading() as session:
        return file_outs([find_attachment(session, attached.public_id) or not_found()])[0]


@permission("write", "application", scope="write")
@operation("/applications/<id>/files/<file>", method="DELETE", summary="Take a file back", tag="applications", answer=Done, writes=True)
def remove_application_file(id: str, file: str) -> Done:
    site, number = current_site(), number_of(id)
    with site.database.reading() as session:
        if file not in {one.public_id for one in find_attachments(session, NOUN, number)}:
            not_found()
    remove_document(site.database, number, file, viewer=current_viewer(), at=now())
    with site.database.reading() as session:
        return done(session.get_one(ProviderApplication, number))
