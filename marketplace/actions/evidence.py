"""Evidence: handed in, checked by the person, counted; replaced where it was wrong. What is the same elsewhere is found in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.project_health import WatchStep, measure
from marketplace.actions.project_steps import locked, must_be, refuse_first, roles_on_project, tell_applicant, tell_roles
from marketplace.actions.roles import actor_of, must_hold, refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.actions.turns import wait_for_turn
from marketplace.domain.access import Role, may
from marketplace.domain.evidence import (
    FINDING_TABLE,
    INVOICE,
    PHOTO,
    TABLE,
    EvidenceDraft,
    EvidenceState,
    FindingState,
    Frame,
    Likeness,
    bands,
    check,
    doubts,
    folded,
    normal_number,
    says_something,
)
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import UNDER_WAY, ProjectState
from marketplace.domain.texts import check_text
from marketplace.files.invoices import ReadFile
from marketplace.records.database import Database
from marketplace.records.evidence import (
    Evidence,
    EvidenceFinding,
    PhotoBand,
    find_later_same,
    find_near_photos,
    find_same,
    sums_by_seller,
)
from marketplace.records.project_plans import find_milestones
from marketplace.records.projects import Project, find_suppliers

EVIDENCE, FINDING = "evidence", "evidence_finding"
CONFIRM_TASK, LOOK_TASK = "count_evidence", "look_into_evidence"
# From the decision on, until the last payment.
TAKES_EVIDENCE = UNDER_WAY | {ProjectState.APPROVED, ProjectState.AGREED, ProjectState.PASSED}
STEPS = ("progress", "acceptance")
_FIELDS = ("kind", "amount_fen", "invoice_number", "invoice_date", "seller", "cost", "milestone_id", "taken_on", "place", "note")


def frame_of(session: Session, project: Project, step: WatchStep, *, without: int | None = None) -> Frame:
    """What a piece of evidence of this project is held against."""
    suppliers = find_suppliers(session, project.id)
    return Frame(
        today=step.today,
        kinds=frozenset(row.key for row in step.rules.documents if row.step in STEPS),
        costs=frozenset(row.key for row in step.rules.costs),
        milestones=frozenset(row.id for row in find_milestones(session, project.id)),
        starts=project.starts,
        ends=project.ends,
        contracts={folded(row.provider.name): row.contract_fen for row in suppliers},
        invoiced={folded(seller): fen for seller, fen in sums_by_seller(session, project.id, without=without).items()},
        total_fen=project.total_fen,
        only_suppliers=step.rules.of(project.project_class).needs_pool,
    )


def suggested_draft(kind: str, file: ReadFile) -> EvidenceDraft:
    """What the file says of itself, for the person to check."""
    found, draft = file.reading.invoice, EvidenceDraft(kind)
    if kind == PHOTO:
        return replace(draft, taken_on=file.reading.taken, place=file.reading.place)
    if kind == INVOICE:
        return replace(draft, amount_fen=found.amount_fen, invoice_number=found.number, invoice_date=found.day, seller=found.seller)
    return draft


def add(
    database: Database, project_id: int, kind: str, files: Sequence[ReadFile], step: WatchStep, draft: EvidenceDraft | None = None
) -> list[Evidence]:
    """Files of one kind. With a `draft` that the person has filled in already, they count at once."""
    with database.writing() as session:
        project = _open_for_evidence(session, project_id, step)
        if not files:
            raise RefusedError(Refused("no_file", _("还没有选文件。请选一个文件再传。")))
        if kind not in frame_of(session, project, step).kinds:
            raise RefusedError(Refused("unknown_kind", _("没有“{kind}”这种佐证材料。"), {"kind": kind}))
        added = []
        for file in files:
            one = _put(session, project, kind, file, step)
            added.append(one)
            if draft is not None:
                _count(session, project, one, draft, step)
        if draft is None:
            _ask(session, project, step)
        measure(session, project, step)
        return added


def _open_for_evidence(session: Session, project_id: int, step: WatchStep) -> Project:
    project = locked(session, project_id, replace(step, seen=None))
    must_be(step.viewer, project, Role.ENTERPRISE, right="edit")
    if project.state not in TAKES_EVIDENCE:
        raise RefusedError(Refused("takes_no_evidence", _("项目现在的状态不收佐证材料：认定之后、办结之前才收。")))
    return project


def _put(session: Session, project: Project, kind: str, file: ReadFile, step: WatchStep) -> Evidence:
    draft = suggested_draft(kind, file)
    one = Evidence(project=project, kind=kind, sha256=file.blob.sha256, created_by=step.viewer.account_id, created=step.at)
    one.photo_hash = file.reading.photo_hash if says_something(file.reading.photo_hash) else ""
    one.suggested = file.reading.invoice.as_json() if file.reading.invoice else {}
    one.doubts = []
    _fill(one, draft)
    session.add(one)
    session.flush()
    # The file is noted with the evidence that it is: one entry of the history for both.
    one.attachment = attach(
        session,
        file.blob,
        noun=EVIDENCE,
        noun_id=one.id,
        kind=kind,
        organisation_id=project.organisation_id,
        viewer=step.viewer,
        at=step.at,
    )
    if one.photo_hash:
        session.add_all(PhotoBand(band=band, evidence_id=one.id) for band in bands(one.photo_hash))
    session.flush()
    look(session, one, step)
    return one


def confirm(database: Database, project_id: int, evidence_id: int, draft: EvidenceDraft, step: WatchStep) -> Evidence:
    """The person has checked what the file says: it counts from here on."""
    with database.writing() as session:
        project = _open_for_evidence(session, project_id, step)
        one = _own(session, project, evidence_id, step)
        _count(session, project, one, draft, step)
        _ask(session, project, step)
        measure(session, project, step)
        return one


def _own(session: Session, project: Project, evidence_id: int, step: WatchStep) -> Evidence:
    one = session.get_one(Evidence, evidence_id, populate_existing=True)
    refuse_unless(one.project_id == project.id)
    refuse_if_moved(session, EVIDENCE, one.id, seen=step.seen, at=step.at)
    return one


def _count(session: Session, project: Project, one: Evidence, draft: EvidenceDraft, step: WatchStep) -> None:
    frame = frame_of(session, project, step, without=one.id)
    refuse_first(check(draft, frame))
    _fill(one, draft)
    one.doubts = [{"code": row.code, "message": row.message, "values": dict(row.values)} for row in doubts(draft, frame)]
    one.counted_at = step.at
    session.flush()
    transition.apply(
        session, one, TABLE, "count", actor=actor_of(step.viewer), roles=roles_on_project(step.viewer, project, "edit"), at=step.at
    )
    look(session, one, step)


def _fill(one: Evidence, draft: EvidenceDraft) -> None:
    for name in _FIELDS:
        value = getattr(draft, name)
        setattr(one, name, value.strip() if isinstance(value, str) else value)
    one.number_key = normal_number(draft.invoice_number) if draft.kind == INVOICE else ""


def supersede(
    database: Database, project_id: int, evidence_id: int, step: WatchStep, *, why: str, file: ReadFile | None = None
) -> Evidence:
    """Taken back, or replaced by another file, which then has to be checked like any other. The old one stays to be read."""
    for _field, refused in check_text("why", _("原因"), why, most=500, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        project = _open_for_evidence(session, project_id, step)
        one = _own(session, project, evidence_id, step)
        new = _put(session, project, one.kind, file, step) if file is not None else None
        one.superseded_by, one.why = new.id if new is not None else None, why.strip()
        held = roles_on_project(step.viewer, project, "edit")
        transition.apply(session, one, TABLE, "supersede", actor=actor_of(step.viewer), roles=held, at=step.at, why=why.strip())
        _ask(session, project, step)
        measure(session, project, step)
        return new or one


def _ask(session: Session, project: Project, step: WatchStep) -> None:
    """What was read of files waits for the person to check it."""
    session.flush()
    waiting = session.scalars(select(Evidence.id).where(Evidence.project_id == project.id, Evidence.state == EvidenceState.UPLOADED)).all()
    close_tasks(session, EVIDENCE, project.id, at=step.at, kinds=(CONFIRM_TASK,))
    if waiting:
        values = {"number": project.number, "title": project.title, "count": len(waiting)}
        open_task(
            session, CONFIRM_TASK, _("{number} {title}：有 {count} 份佐证等您核对"), noun=EVIDENCE, noun_id=project.id,
            public_ref=project.public_id, at=step.at, values=values, organisation_id=project.organisation_id,
        )  # fmt: skip


def look(session: Session, one: Evidence, step: WatchStep) -> list[EvidenceFinding]:
    """Find what is the same elsewhere. All who hand in evidence pass here one after the other, so that of two at once the second one
    sees the first."""
    wait_for_turn(session, EVIDENCE)
    found = [_found(session, one, other, likeness, 0, step) for other, likeness in find_same(session, one)]
    found += [_found(session, later, one, Likeness.INVOICE, 0, step) for later in find_later_same(session, one)]
    if one.photo_hash:
        for other, bits in find_near_photos(session, one, min(step.inspection.photo_distance, 7)):
            if other.sha256 != one.sha256:
                found.append(_found(session, one, other, Likeness.PHOTO, bits, step))
    return [row for row in found if row is not None]


def _found(session: Session, one: Evidence, other: Evidence, likeness: Likeness, bits: int, step: WatchStep) -> EvidenceFinding | None:
    """Once for two pieces and one likeness; with the task of those who look into it."""
    same = select(EvidenceFinding.id).where(EvidenceFinding.evidence_id == one.id, EvidenceFinding.other_id == other.id)
    if session.scalar(same.where(EvidenceFinding.likeness == likeness)) is not None:
        return None
    finding = EvidenceFinding(project_id=one.project_id, evidence=one, other=other, likeness=likeness, distance=bits, created=step.at)
    session.add(finding)
    session.flush()
    after = {"evidence": one.id, "other": other.id, "likeness": str(likeness)}
    record(session, actor=actor_of(step.viewer), verb="find", noun=FINDING, noun_id=finding.id, before=None, after=after, at=step.at)
    project = one.project
    values: dict[str, Any] = {"number": project.number, "title": project.title, "other": other.project.number}
    open_task(
        session, LOOK_TASK, _("{number} {title}：佐证与 {other} 的相同，请核实"), noun=FINDING, noun_id=finding.id,
        public_ref=finding.public_id, at=step.at, values=values, roles=(Role.MANAGER,),
    )  # fmt: skip
    tell_roles(session, project, _("{number} {title}：佐证与 {other} 的相同，请核实。"), step.at, Role.MANAGER, other=other.project.number)
    return finding


def judge(database: Database, finding_id: int, event: str, step: WatchStep, *, why: str) -> EvidenceFinding:
    """An office finds a likeness explained, or upholds it: the same thing was used twice."""
    must_hold(step.viewer, "supervise", "project")
    for _field, refused in check_text("why", _("核实意见"), why, most=2_000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        project = locked(session, session.get_one(EvidenceFinding, finding_id).project_id, replace(step, seen=None))
        finding = session.get_one(EvidenceFinding, finding_id, populate_existing=True)
        refuse_if_moved(session, FINDING, finding.id, seen=step.seen, at=step.at)
        finding.judged_by, finding.judged_at, finding.judgement = step.viewer.account_id, step.at, why.strip()
        held = step.viewer.roles if may(step.viewer, "supervise", "project") else ()
        transition.apply(session, finding, FINDING_TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why.strip())
        close_tasks(session, FINDING, finding.id, at=step.at)
        if finding.state == FindingState.UPHELD:
            tell_applicant(session, project, _("{number} {title}：有一份佐证被认定重复使用，请更正。"), step.at)
        measure(session, project, step)
        return finding
