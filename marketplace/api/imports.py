"""Import by program: a dry run unless said otherwise; sent again with the same Idempotency-Key it is done once."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import request
from pydantic import Field
from werkzeug.exceptions import UnsupportedMediaType

from marketplace.actions.imports import Admission, import_path, owner_of
from marketplace.api.operation import Model, operation, refuse, refuse_field
from marketplace.domain.lifecycle import Refused, _
from marketplace.faults import Problem
from marketplace.guard import current_viewer, now, permission
from marketplace.records.accounts import Account
from marketplace.sheets.nouns import SHEETS
from marketplace.site import Site, current_site
from marketplace.uploads import Upload, Uploads

FLAGS = {"true": True, "false": False}
FIELDS = {"noun", "dry_run", "skip_bad", "basis", "admitted_on", "file"}


class ImportForm(Model):
    """The fields of the multipart form."""

    file: bytes = Field(json_schema_extra={"format": "binary"})
    """An .xlsx, .csv or .jsonl file."""
    noun: str | None = Field(None, json_schema_extra={"enum": list(SHEETS)})
    """What the file holds, where its name and its columns do not say it."""
    dry_run: bool = True
    """Only look, and write nothing."""
    skip_bad: bool = False
    """Write the good rows although there are bad ones."""
    basis: str | None = None
    """On what basis new providers of the file are in the pool; required to write any."""
    admitted_on: date | None = None
    """Since when they are."""


class RowCounts(Model):
    new: int
    changed: int
    unchanged: int
    bad: int


class BadCellOut(Model):
    """Something that cannot be imported: where, what stands there, and what to do about it. Row 0: the whole file."""

    file: str
    sheet: str
    row: int
    column: str
    value: str
    code: str
    message: str


class NoteOut(Model):
    file: str
    code: str
    message: str


class ImportOut(Model):
    """What the file would do (`dry_run`), or what it did (`written`)."""

    dry_run: bool
    written: bool
    counts: dict[str, RowCounts]
    bad: list[BadCellOut]
    notes: list[NoteOut]
    took_s: float


@permission("run", "import", scope="import")
@operation(
    "/imports",
    method="POST",
    summary="Import a file (a dry run unless dry_run=false)",
    tag="import",
    upload=ImportForm,
    answer=ImportOut,
    writes=True,
)
def run_import() -> ImportOut:
    site, viewer = current_site(), current_viewer()
    assert viewer.account_id is not None
    noun, dry_run, skip_bad = _fields()
    admission = _admission()
    file = request.files["file"]
    upload = Uploads(site.settings.data_dir / "uploads").keep(file.stream, file.filename or "", owner=viewer.account_id)
    if isinstance(upload, Refused):
        refuse_field("body.file", upload.code, upload.message, **upload.values)
    try:
        return ImportOut(**_import(site, upload, noun, admission, dry_run=dry_run, skip_bad=skip_bad))
    finally:
        upload.drop()


def _fields() -> tuple[str | None, bool, bool]:
    """noun, dry_run and skip_bad of the form, or 422 with everything that is wrong."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType()
    form, problems = request.form, []
    given = {*form, *request.files}
    problems += [Problem(f"body.{name}", "extra_forbidden", _("这里没有这一项。")) for name in sorted(given - FIELDS, key=str)]
    if "file" not in request.files:
        problems.append(Problem("body.file", "missing", _("没有选文件。")))
    noun = form.get("noun") or None
    if noun is not None and noun not in SHEETS:
        problems.append(Problem("body.noun", "unknown_word", _("只能是：{expected}。"), {"expected": "、".join(SHEETS)}))
    flags = {name: form.get(name, default) for name, default in (("dry_run", "true"), ("skip_bad", "false"))}
    problems += [Problem(f"body.{name}", "bool_parsing", _("应为 true 或 false。")) for name, text in flags.items() if text not in FLAGS]
    if problems:
        refuse(problems)
    return noun, FLAGS[flags["dry_run"]], FLAGS[flags["skip_bad"]]


def _admission() -> Admission:
    """basis and admitted_on of the form; whether they are needed, the import knows."""
    text = request.form.get("admitted_on", "")
    try:
        on = date.fromisoformat(text) if text else None
    except ValueError:
        refuse_field("body.admitted_on", "date_parsing", _("日期应写成 2026-11-20。"))
    return Admission(request.form.get("basis", ""), on)


def _import(site: Site, upload: Upload, noun: str | None, admission: Admission, *, dry_run: bool, skip_bad: bool) -> dict[str, Any]:
    with site.database.reading() as session:
        actor = session.get_one(Account, current_viewer().account_id).login
    report = import_path(
        site.database,
        site.pilot,
        upload.file,
        actor=actor,
        at=now(),
        noun=noun,
        admission=admission,
        owner=owner_of(current_viewer()),
        dry_run=dry_run,
        skip_bad=skip_bad,
        bad_rows_folder=upload.bad_rows_folder,
    )
    found = report.as_json()
    # The files of bad rows stay here and go with the upload; a program has every bad cell in the answer.
    del found["bad_files"]
    return found
