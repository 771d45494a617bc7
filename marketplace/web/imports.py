"""Import by page: choose a file, look at what would happen, then let it happen."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.imports import Admission, ImportReport, Owner, check_admission, import_path, owner_of
from marketplace.attachments import SANDBOX
from marketplace.domain.lifecycle import Refused
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.accounts import Account
from marketplace.sheets.bad_rows import guarded
from marketplace.sheets.columns import Sheet
from marketplace.sheets.nouns import SHEETS
from marketplace.sheets.template import write_template
from marketplace.site import current_site
from marketplace.uploads import Upload, Uploads
from marketplace.web.typed import local_day, typed_day

pages = Blueprint("imports", __name__)
OWN_SHEET = "solutions"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _uploads() -> Uploads:
    return Uploads(current_site().settings.data_dir / "uploads")


def _mine(token: str) -> Upload:
    """My upload; another's is as absent as one that never was."""
    viewer = current_viewer()
    found = _uploads().find(token, owner=viewer.account_id or 0)
    return found or not_found()


def _actor() -> str:
    with current_site().database.reading() as session:
        return session.get_one(Account, current_viewer().account_id).login


def _owner() -> Owner | None:
    """The provider on whose behalf the viewer imports; None for staff, who import for everybody."""
    return owner_of(current_viewer())


def _sheets() -> dict[str, Sheet]:
    """The sheets that the viewer may import."""
    return SHEETS if _owner() is None else {OWN_SHEET: SHEETS[OWN_SHEET]}


def report_notes(report: ImportReport) -> dict[str, Any]:
    """A report as it is kept beside the file: what a page or a program is told of it."""
    rows = report.as_json()
    rows["bad"] = [{**cell.as_json(), "text": said(cell.message.message, cell.message.values)} for cell in report.bad]
    rows["bad_files"] = [path.name for path in report.bad_files]
    rows["bad_rows"] = len({(cell.file, cell.sheet, cell.row) for cell in report.bad})
    rows["to_write"] = report.changes
    rows["rows"] = report.rows
    rows["unchanged"] = sum(counts.unchanged for counts in report.counts.values())
    return rows


@pages.get("/imports")
@permission("run", "import")
def choose() -> AnyResponse:
    """Choose a file, or fetch the sheet to fill in."""
    return _choose_page()


def _choose_page(refused: Refused | None = None) -> AnyResponse:
    sentence = said(refused.message, refused.values) if refused else ""
    limit = current_site().settings.max_upload_mb
    return make_response(
        render_template("imports/choose.html", sheets=_sheets().values(), own=_owner(), sentence=sentence, limit=limit),
        422 if refused else 200,
    )


@pages.post("/imports")
@permission("run", "import")
def check() -> AnyResponse:
    """Keep the file and look at it; nothing is written yet."""
    site, viewer = current_site(), current_viewer()
    file, noun = request.files.get("file"), request.form.get("noun", "")
    assert viewer.account_id is not None
    answer = _uploads().keep(file.stream if file else io.BytesIO(), (file.filename or "") if file else "", owner=viewer.account_id)
    if isinstance(answer, Refused):
        return _choose_page(answer)
    chosen = noun if noun in _sheets() else None
    report = import_path(site.database, site.pilot, answer.file, actor=_actor(), at=now(), noun=chosen, owner=_owner(), dry_run=True)
    answer.note(noun=chosen, report=report_notes(report))
    return redirect(url_for("imports.show", token=answer.token), 303)


@pages.get("/imports/<token>")
@permission("run", "import")
def show(token: str) -> AnyResponse:
    """What the file would do, or what it did."""
    return _report_page(token, _mine(token))


def _report_page(token: str, upload: Upload, refused: list[tuple[str, Refused]] | None = None) -> AnyResponse:
    notes = upload.notes
    if "report" not in notes:
        not_found()
    said_of = {field: said(one.message, one.values) for field, one in refused or []}
    body = render_template(
        "imports/report.html",
        token=token,
        name=notes["name"],
        report=notes["report"],
        sheets=SHEETS,
        own=_owner(),
        admits=_admits(notes["report"]),
        refused=said_of,
        typed=request.form,
    )
    return make_response(body, 422 if refused else 200)


def _admits(report: dict[str, Any]) -> int:
    """How many providers would come into the pool by this file: somebody must say on what basis."""
    return 0 if report["written"] else int(report["counts"].get("providers", {}).get("new", 0))


@pages.post("/imports/<token>")
@permission("run", "import")
def run(token: str) -> AnyResponse:
    """Write the good rows; the bad ones go into a file with their reasons."""
    site, upload = current_site(), _mine(token)
    notes = upload.notes
    admission = Admission(request.form.get("basis", ""), typed_day(request.form.get("admitted_on", "")))
    refused = list(check_admission(admission, local_day(now()))) if _admits(notes["report"]) else []
    if refused:
        return _report_page(token, upload, refused)
    # Pressed twice, or again after going back: it is done already.
    if not notes["report"]["written"]:
        report = import_path(
            site.database,
            site.pilot,
            upload.file,
            actor=_actor(),
            at=now(),
            noun=notes["noun"],
            admission=admission,
            owner=_owner(),
            skip_bad=True,
            bad_rows_folder=upload.bad_rows_folder,
        )
        upload.note(report=report_notes(report))
    return redirect(url_for("imports.show", token=token), 303)


@pages.post("/imports/<token>/drop")
@permission("run", "import")
def drop(token: str) -> AnyResponse:
    """Forget the file without importing it."""
    _mine(token).drop()
    return redirect(url_for("imports.choose"), 303)


@pages.get("/imports/<token>/bad-rows")
@permission("run", "import")
def bad_rows(token: str) -> AnyResponse:
    """The bad rows: before the import what is wrong with each cell, after it the rows themselves to mend and send again."""
    upload = _mine(token)
    report = upload.notes["report"]
    files = [upload.bad_rows_folder / name for name in report["bad_files"]]
    if report["written"] and files and files[0].exists():
        return _attached(send_file(files[0], as_attachment=True, download_name=files[0].name))
    if not report["bad"]:
        not_found()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["文件", "工作表", "行", "列", "值", "问题和改法"])
    for cell in report["bad"]:
        writer.writerow([guarded(cell[key]) for key in ("file", "sheet", "row", "column", "value", "message")])
    data = io.BytesIO(out.getvalue().encode("utf-8-sig"))
    return _attached(send_file(data, "text/csv", as_attachment=True, download_name=f"{upload.file.stem}-问题.csv"))


@pages.get("/imports/templates/<noun>.xlsx")
@permission("run", "import")
def template(noun: str) -> AnyResponse:
    """The sheet to fill in."""
    if noun not in _sheets():
        not_found()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.xlsx"
        write_template(noun, path, current_site().pilot)
        data = io.BytesIO(path.read_bytes())
    return _attached(send_file(data, XLSX, as_attachment=True, download_name=f"{SHEETS[noun].name}.xlsx"))


def _attached(answer: Response) -> Response:
    """A file of others' words is saved, never shown, and may do nothing if it is shown all the same."""
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer


def register(app: Flask) -> None:
    app.register_blueprint(pages)
