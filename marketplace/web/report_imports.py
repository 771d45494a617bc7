"""从报告导入: paste or upload a report, watch it being read, correct what was proposed, save it all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import report_imports as actions
from marketplace.attachments import READERS, received
from marketplace.domain.access import Viewer, may, may_read_plan
from marketplace.domain.diagnosis_lists import is_correction
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.problems import ProblemDraft, check
from marketplace.domain.report_imports import FAULTS, LONGEST_PASTE, MOST_LETTERS, ReportImportState
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.files import Attachment
from marketplace.records.history import find_last_entry
from marketplace.records.report_imports import ReportImport, find_report_import, find_waiting_imports
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.diagnosis_lists import found_diagnosis, may_write_own, typed_priority, typed_reason
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, seen_still

pages = Blueprint("report_imports", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("report_imports.show", public_id=ref)
KINDS = ("docx", "xlsx", "pdf", "txt")
# How often a page that waits looks again, in seconds.
LOOK_AGAIN = 2


def _reads(session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    """A report is for those who may read the enterprise's problem list."""
    found = session.get(ReportImport, attachment.noun_id)
    return found is not None and may_read_plan(viewer, found.enterprise_id)


READERS[actions.NOUN] = _reads


@pages.get("/diagnoses/<public_id>/lists/import")
@permission("edit", "problem_list")
def new(public_id: str) -> Response:
    with current_site().database.reading() as session:
        diagnosis = found_diagnosis(session, public_id, current_viewer())
        return _form(session, diagnosis.enterprise, diagnosis)


@pages.post("/diagnoses/<public_id>/lists/import")
@permission("edit", "problem_list")
def begin(public_id: str) -> Response:
    with current_site().database.reading() as session:
        diagnosis = found_diagnosis(session, public_id, current_viewer())
        return _begun(session, diagnosis.enterprise, diagnosis)


@pages.get("/enterprises/<public_id>/problems/import")
@permission("edit", "problem_list")
def new_own(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _form(session, _own_enterprise(session, public_id), None)


@pages.post("/enterprises/<public_id>/problems/import")
@permission("edit", "problem_list")
def begin_own(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _begun(session, _own_enterprise(session, public_id), None)


def _begun(session: Session, enterprise: Enterprise, diagnosis: Diagnosis | None) -> Response:
    text = request.form.get("text", "")
    stored = received("file", allowed=KINDS)
    if isinstance(stored, Refused):
        return _form(session, enterprise, diagnosis, text=text, refused=stored)
    key: dict[str, Any] = {"enterprise_id": enterprise.id, "diagnosis_id": diagnosis.id if diagnosis else None}
    session.rollback()
    given: StoredBlob | None = stored
    try:
        found = actions.begin(current_site().database, **key, viewer=current_viewer(), at=now(), text="" if given else text, stored=given)
    except RefusedError as error:
        return _form(session, enterprise, diagnosis, text=text, refused=error.refused)
    return redirect(url_for("report_imports.show", public_id=found.public_id), 303)


def _form(
    session: Session, enterprise: Enterprise, diagnosis: Diagnosis | None, *, text: str = "", refused: Refused | None = None
) -> Response:
    session.expire_all()
    body = render_template(
        "report_imports/new.html",
        enterprise=enterprise,
        diagnosis=diagnosis,
        text=text,
        sentence=sentence_of(refused),
        longest=LONGEST_PASTE,
        most=MOST_LETTERS,
        endings=KINDS,
        unsaved=find_waiting_imports(session, enterprise.id, diagnosis.id if diagnosis else None),
    )
    return make_response(body, 422 if refused else 200)


@pages.get("/report-imports/<public_id>")
@permission("edit", "problem_list")
def show(public_id: str) -> Response:
    with current_site().database.reading() as session:
        found = _found(session, public_id)
        return _page(session, found, found.proposed)


def _page(
    session: Session,
    found: ReportImport,
    rows: Sequence[Mapping[str, Any]],
    *,
    refused: Mapping[int, str] | None = None,
    sentence: str = "",
) -> Response:
    session.expire_all()
    template = "report_imports/correct.html" if found.state == ReportImportState.READY else "report_imports/state.html"
    pilot = current_site().pilot
    scenarios = [one for one in pilot.scenarios if one.sector in (found.enterprise.sector, "any")]
    corrects = found.diagnosis is not None and is_correction(found.diagnosis.state)
    body = render_template(
        template,
        found=found,
        rows=rows,
        scenarios=scenarios,
        faults=FAULTS,
        refused=refused or {},
        sentence=sentence,
        why=typed_reason(),
        corrects=corrects,
        back=_back(found),
        seen=seen_still(find_last_entry(session, actions.NOUN, found.id), lost=False),
    )
    answer = make_response(body, 422 if sentence or refused else 200)
    if found.state == ReportImportState.READING:
        answer.headers["Refresh"] = str(LOOK_AGAIN)
    return answer


@pages.post("/report-imports/<public_id>")
@permission("edit", "problem_list")
def save(public_id: str) -> Response:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        found = _found(session, public_id)
        rows = _typed_rows(len(found.proposed))
        taken = [(place, row) for place, row in enumerate(rows) if row["take"]]
        drafts = [_draft(row) for _place, row in taken]
        refused = {
            place: sentence_of(fault[1]) for (place, _row), draft in zip(taken, drafts, strict=True) if (fault := next(check(draft), None))
        }
        if refused:
            return _page(session, found, rows, refused=refused)
        number, back = found.id, _back(found)
        session.rollback()
        try:
            saved = actions.save(site.database, number, drafts, viewer=viewer, at=here_now(), why=typed_reason(), seen=seen())
        except RefusedError as error:
            answer = _page(session, found, rows, sentence=sentence_of(error.refused))
            answer.status_code = 409 if error.refused.code == "changed_meanwhile" else 422
            return answer
    flash(say("已存入 {count} 条问题。", count=len(saved)), "good")
    return redirect(back, 303)


@pages.post("/report-imports/<public_id>/drop")
@permission("edit", "problem_list")
def drop(public_id: str) -> Response:
    with current_site().database.reading() as session:
        found = _found(session, public_id)
        number, back = found.id, _back(found)
    try:
        actions.drop(current_site().database, number, viewer=current_viewer(), at=now())
        flash(say("没有导入，清单没有变。"), "good")
    except RefusedError as error:
        flash(sentence_of(error.refused), "bad")
    return redirect(back, 303)


def _typed_rows(count: int) -> list[dict[str, Any]]:
    """What was typed, row by row: nothing of it is lost, whatever is refused."""
    form = request.form
    names = ("text", "stage", "orientation", "scenario", "priority")
    return [
        {name: form.get(f"{name}-{place}", "")[:10_001].strip() for name in names}
        | {"take": f"take-{place}" in form, "sure": 0.0, "under": ""}
        for place in range(count)
    ]


def _draft(row: Mapping[str, Any]) -> ProblemDraft:
    pilot = current_site().pilot
    stage, orientation = (pilot.find(name, row[name]) if row[name] else None for name in ("stage", "orientation"))
    scenario = pilot.scenario(row["scenario"]) if row["scenario"] else None
    return ProblemDraft(
        text=row["text"],
        stage=stage.key if stage else "",
        orientation=orientation.key if orientation else "",
        scenario_code=scenario.code if scenario else "",
        priority=typed_priority(row["priority"]),
    )


def _found(session: Session, public_id: str) -> ReportImport:
    """Of an enterprise whose list this person may write; another's is as absent as one that is not there."""
    found, viewer = find_report_import(session, public_id), current_viewer()
    if found is None:
        not_found()
    writes = may(viewer, "edit", "problem_list") if found.diagnosis_id else may_write_own(viewer, found.enterprise)
    if not writes:
        not_found()
    return found


def _own_enterprise(session: Session, public_id: str) -> Enterprise:
    enterprise = find_enterprise(session, public_id)
    if enterprise is None or not may_write_own(current_viewer(), enterprise):
        not_found()
    return enterprise


def _back(found: ReportImport) -> str:
    if found.diagnosis is not None:
        return url_for("diagnosis_lists.show", public_id=found.diagnosis.public_id, _anchor="problems")
    return url_for("problem_lists.index", public_id=found.enterprise.public_id)
