"""Files as the API tells of them, takes them in and gives them out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flask import Response, request
from pydantic import Field
from werkzeug.exceptions import UnsupportedMediaType

from marketplace.api.operation import Model, operation, refuse, refuse_field
from marketplace.attachments import given_out, received
from marketplace.domain.lifecycle import Refused, _
from marketplace.faults import Problem
from marketplace.files.store import StoredBlob
from marketplace.guard import open_to_all
from marketplace.records.files import Attachment, Scan

# What a form says of a field that holds a file.
FILE = Field(json_schema_extra={"format": "binary"})


class FileOut(Model):
    """A file, without its content. `scan`: only clean and unscanned ones (the site has no scanner) can be fetched."""

    id: str
    kind: str
    name: str
    media_type: str
    size: int
    scan: Scan
    at: datetime
    public: bool


def file_out(row: Attachment) -> FileOut:
    return FileOut(
        id=row.public_id,
        kind=row.kind,
        name=row.filename,
        media_type=row.blob.kind,
        size=row.blob.size,
        scan=row.blob.scan,
        at=row.at,
        public=row.is_public,
    )


def file_outs(rows: Iterable[Attachment]) -> list[FileOut]:
    return [file_out(row) for row in rows]


@open_to_all
@operation("/files/<id>", summary="The content of a file that the viewer may read", tag="files", answer=None, faults=(409,))
def fetch_file(id: str) -> Response:
    """That a file was taken which is not public is noted with who took it."""
    return given_out(id)


def form_of(model: type[Model], file: str) -> dict[str, str]:
    """The texts of a multipart form with one file, every field known and its file there; or 422 with all that is wrong."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType()
    known = model.model_fields
    problems = [
        Problem(f"body.{name}", "extra_forbidden", _("这里没有这一项。"))
        for name in sorted({*request.form, *request.files}, key=str)
        if name not in known or (name == file) != (name in request.files)
    ]
    if file not in request.files:
        problems.append(Problem(f"body.{file}", "missing", _("没有选文件。")))
    required = [name for name, field in known.items() if field.is_required() and name != file]
    problems += [Problem(f"body.{name}", "missing", _("没有填。")) for name in required if not request.form.get(name, "").strip()]
    if problems:
        refuse(problems)
    return {name: request.form.get(name, "").strip() for name in known if name != file}


def stored_file(field: str, **allowed: tuple[str, ...]) -> StoredBlob:
    """The file of the form, checked as on the pages, or 422 with the sentence why it is not taken."""
    stored = received(field, **allowed)
    if stored is None:
        refuse_field(f"body.{field}", "missing", _("没有选文件。"))
    if isinstance(stored, Refused):
        refuse_field(f"body.{field}", stored.code, stored.message, **stored.values)
    return stored
