"""Evidence of a project: handed in, checked against what was read of it, replaced; and what an office thinks of a likeness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import evidence as actions
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer
from marketplace.domain.evidence import EvidenceDraft, EvidenceState, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.invoices import ReadFile, read_file
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.evidence import (
    Evidence,
    EvidenceFinding,
    count_evidence,
    find_evidence,
    find_evidence_of,
    find_finding,
    find_findings,
    sums_by_cost,
)
from marketplace.records.files import Attachment
from marketplace.records.history import find_last_entry
from marketplace.records.progress import reads_steps
from marketplace.records.project_plans import find_costs, find_milestones
from marketplace.records.projects import Project, find_project
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.terms import days
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_fen
from marketplace.web.watching import (
    WORDS,
    acts_for,
    is_office,
    number_of,
    status_of,
    step_of,
    taken,
    taken_files,
    watched,
    why,
)

pages = Blueprint("evidence", __name__)
ADDRESSES[actions.EVIDENCE] = lambda ref: url_for("evidence.of_project", public_id=ref)
ADDRESSES[actions.FINDING] = lambda ref: url_for("evidence.finding", finding_id=ref)
# Electronic invoices come as PDF, OFD or XML, photos as pictures; everything else as what offices write.
ALLOWED = ("pdf", "ofd", "xml", "jpg", "png", "docx", "xlsx", "zip")
_LIKENESS = {
    "file": _("文件内容相同"),
    "invoice": _("发票号码相同"),
    "photo": _("照片几乎相同"),
}


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    one = session.get(Evidence, file.noun_id)
    project = find_project(session, one.project.public_id, viewer) if one is not None else None
    return project is not None and reads_steps(session, viewer, project)


READERS[actions.EVIDENCE] = _readable


def likeness_word(key: str) -> str:
    return say(_LIKENESS.get(str(key), str(key)))


def kinds() -> list[str]:
    """The kinds of documents that may be handed in while a project runs."""
    return [row.key for row in current_site().pilot.project.documents if row.step in actions.STEPS]


def finding_line(finding: EvidenceFinding, project: Project, viewer: Viewer) -> str:
    """What was found, in words. The other project is named to offices; the enterprise hears that it was used before."""
    word = likeness_word(finding.likeness)
    other = finding.other if finding.project_id == project.id else finding.evidence
    if other.project_id == project.id:
        return say("{what}：本项目 {on} 已上传过一次", what=word, on=other.created.date().isoformat())
    if is_office(viewer):
        return say("{what}：与项目 {number} 的一份佐证", what=word, number=other.project.number)
    return say("{what}：这份材料以前用过，请说明或更换", what=word)


def _suggested_line(row: Mapping[str, Any]) -> str:
    return sep_join([str(row.get("number") or ""), str(row.get("day") or ""), str(row.get("seller") or "")])


def sep_join(parts: list[str]) -> str:
    return " · ".join(part for part in parts if part)


@pages.get("/projects/<public_id>/evidence")
@permission("read", "project")
def of_project(public_id: str) -> Response:
    return _list_page(public_id)


def _list_page(public_id: str, refused: Refused | None = None) -> Response:
    """All of it, the newest first; after a refusal with what was chosen."""
    viewer = current_viewer()
    everything = request.args.get("all") == "1"
    days()
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        total = count_evidence(session, project.id, superseded=everything)
        paging = paged(
            total, current_site().pilot.thresholds.page_size, "evidence.of_project", public_id=public_id, all="1" if everything else ""
        )
        rows = find_evidence_of(session, project.id, superseded=everything, offset=paging.offset, most=paging.size)
        found = find_findings(session, project.id)
        flags: dict[int, list[EvidenceFinding]] = {}
        for one in found:
            flags.setdefault(one.evidence_id, []).append(one)
        spent, planned = sums_by_cost(session, project.id), _planned(session, project.id)
        answer = form_page(
            "evidence/index.html", refused=refused, one=project, rows=rows, flags=flags, paging=paging, everything=everything, spent=spent,
            planned=planned, costs=sorted({*spent, *planned}), kinds=kinds(), allowed=ALLOWED, typed=request.form if refused else {},
            may_add=acts_for(viewer, project) and project.state in actions.TAKES_EVIDENCE, office=is_office(viewer),
            line=lambda row: finding_line(row, project, viewer), **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _planned(session: Session, project_id: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in find_costs(session, project_id):
        found[row.kind] = found.get(row.kind, 0) + row.amount_fen
    return found


def _read(kind: str, files: list[Any]) -> list[ReadFile]:
    """Each is read before the transaction begins: it may take seconds."""
    return [read_file(current_site().files, blob, as_invoice=kind == "invoice") for blob in files]


@pages.post("/projects/<public_id>/evidence")
@permission("write", "evidence")
def add(public_id: str) -> AnyResponse:
    number, kind = number_of(public_id), request.form.get("kind", "")
    try:
        added = actions.add(current_site().database, number, kind, _read(kind, taken_files(ALLOWED)), step_of())
    except RefusedError as error:
        return _list_page(public_id, error.refused)
    flash(say("已上传 {n} 份，请核对后计入。", n=len(added)), "good")
    target = url_for("evidence.edit", public_id=public_id, evidence_id=added[0].public_id)
    return redirect(target if len(added) == 1 else url_for("evidence.of_project", public_id=public_id), 303)


@pages.get("/projects/<public_id>/evidence/<evidence_id>")
@permission("read", "project")
def edit(public_id: str, evidence_id: str) -> Response:
    return _one_page(public_id, evidence_id)


def _one_page(
    public_id: str, evidence_id: str, refused: Refused | None = None, form: str = "", faults: list[tuple[str, Refused]] | None = None
) -> Response:
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        one = find_evidence(session, evidence_id, project.id) or not_found()
        lost = refused is not None and refused.code == "changed_meanwhile"
        typed = {**_stored(one), **(request.form.to_dict() if form == "count" else {})}
        mine = acts_for(viewer, project) and project.state in actions.TAKES_EVIDENCE
        found = [row for row in find_findings(session, project.id) if row.evidence_id == one.id]
        answer = form_page(
            "evidence/show.html", refused=refused, errors=faults or [], one=project, row=one, typed=typed, form=form, findings=found,
            may_count=mine and one.state == EvidenceState.UPLOADED, may_replace=mine and one.state != EvidenceState.SUPERSEDED,
            milestones=find_milestones(session, project.id), costs=[row.key for row in current_site().pilot.project.costs],
            suggested=_suggested_line(one.suggested), line=lambda row: finding_line(row, project, viewer), office=is_office(viewer),
            seen=seen_still(find_last_entry(session, actions.EVIDENCE, one.id), lost=lost), allowed=ALLOWED,
            changes=_outdated(one) if lost else [], why_typed=why() if form == "supersede" else "", **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _stored(one: Evidence) -> dict[str, str]:
    wan = f"{one.amount_fen / 1_000_000:.6f}".rstrip("0").rstrip(".") if one.amount_fen is not None else ""
    return {
        "amount": wan,
        "invoice_number": one.invoice_number,
        "invoice_date": one.invoice_date.isoformat() if one.invoice_date else "",
        "seller": one.seller,
        "cost": one.cost,
        "milestone": one.milestone.public_id if one.milestone else "",
        "taken_on": one.taken_on.isoformat() if one.taken_on else "",
        "place": one.place,
        "note": one.note,
    }


def _outdated(one: Evidence) -> list[ShownDifference]:
    labels = {
        "amount": say("金额（万元）"), "invoice_number": say("发票号码"), "invoice_date": say("开票日期"), "seller": say("销售方"),
        "taken_on": say("拍摄日期"), "place": say("拍摄地点"), "note": say("说明"),
    }  # fmt: skip
    stored = _stored(one)
    return outdated_fields((label, stored[name], request.form.get(name, "")) for name, label in labels.items())


def _draft(kind: str, milestones: Mapping[str, int]) -> EvidenceDraft:
    typed = request.form
    chosen = typed.get("milestone", "")
    return EvidenceDraft(
        kind, typed_fen(typed.get("amount", "")), typed.get("invoice_number", ""), typed_day(typed.get("invoice_date", "")),
        typed.get("seller", ""), typed.get("cost", ""), milestones.get(chosen, 0) if chosen else None, typed_day(typed.get("taken_on", "")),
        typed.get("place", ""), typed.get("note", ""),
    )  # fmt: skip


def _acted(public_id: str, evidence_id: str, form: str, act: Callable[[int, int, EvidenceDraft], Evidence], word: str) -> AnyResponse:
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        one = find_evidence(session, evidence_id, project.id) or not_found()
        milestones = {row.public_id: row.id for row in find_milestones(session, project.id)}
        ids, draft = (project.id, one.id), _draft(one.kind, milestones)
        frame = actions.frame_of(session, project, step_of(), without=one.id)
        faults = list(check(draft, frame)) if form == "count" and acts_for(current_viewer(), project) else []
    if faults:
        return _one_page(public_id, evidence_id, None, form, faults)
    try:
        done = act(*ids, draft)
    except RefusedError as error:
        return _one_page(public_id, evidence_id, error.refused, form)
    flash(say(word), "good")
    if done.id != ids[1]:
        return redirect(url_for("evidence.edit", public_id=public_id, evidence_id=done.public_id), 303)
    return redirect(url_for("evidence.of_project", public_id=public_id), 303)


@pages.post("/projects/<public_id>/evidence/<evidence_id>/count")
@permission("write", "evidence")
def count(public_id: str, evidence_id: str) -> AnyResponse:
    """The person has checked what was read."""
    database, step = current_site().database, step_of()
    return _acted(
        public_id, evidence_id, "count", lambda project, one, draft: actions.confirm(database, project, one, draft, step), _("已计入。")
    )


@pages.post("/projects/<public_id>/evidence/<evidence_id>/supersede")
@permission("write", "evidence")
def supersede(public_id: str, evidence_id: str) -> AnyResponse:
    """Taken back, or replaced by the file that comes with it."""
    database, step = current_site().database, step_of()

    def act(project: int, one: int, draft: EvidenceDraft) -> Evidence:
        blob = taken("file", ALLOWED)
        file = _read(draft.kind, [blob])[0] if blob is not None else None
        return actions.supersede(database, project, one, step, why=why(), file=file)

    return _acted(public_id, evidence_id, "supersede", act, _("原来的一份不再计入，仍可查看。"))


@pages.get("/evidence-findings/<finding_id>")
@permission("supervise", "project")
def finding(finding_id: str) -> Response:
    return _finding_page(finding_id)


def _finding_page(finding_id: str, refused: Refused | None = None) -> Response:
    """Both pieces side by side, for the office that looks into it."""
    days()
    with current_site().database.reading() as session:
        found = find_finding(session, finding_id) or not_found()
        answer = form_page(
            "evidence/finding.html", refused=refused, finding=found, likeness_word=likeness_word, typed=request.form if refused else {},
            seen=find_last_entry(session, actions.FINDING, found.id), **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@pages.post("/evidence-findings/<finding_id>/<any(explain, uphold):event>")
@permission("supervise", "project")
def judge(finding_id: str, event: str) -> AnyResponse:
    with current_site().database.reading() as session:
        number = (find_finding(session, finding_id) or not_found()).id
    try:
        actions.judge(current_site().database, number, event, step_of(), why=why())
    except RefusedError as error:
        return _finding_page(finding_id, error.refused)
    flash(say("已记下核实意见。"), "good")
    return redirect(url_for("evidence.finding", finding_id=finding_id), 303)
