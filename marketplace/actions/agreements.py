"""任务书: drawn up when a project is recognised, anew where something was wrong, signed by both sides, confirmed by the bureau."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.files import attach, supersede
from marketplace.actions.history import record
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.numbers import next_number
from marketplace.actions.project_steps import Step, locked, must_be, roles_on_project, settle, tell_applicant, tell_roles
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.domain.access import Role
from marketplace.domain.agreements import OURS, SIDES, THEIRS, differs, may_sign, new_code, signed_sides
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.files.store import StoredBlob
from marketplace.records.agreements import Agreement, find_agreement
from marketplace.records.database import Database
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.guides import Guide
from marketplace.records.project_plans import find_costs, find_indicators, find_milestones
from marketplace.records.project_wholes import texts_of
from marketplace.records.projects import Project, find_project_members, find_suppliers

NOUN = "agreement"
SERIES = "RW"
DOCUMENT = "agreement_document"


def content_of(session: Session, project: Project, step: Step) -> dict[str, Any]:
    """What the paper says, read from the records of the project as they are now."""
    guide = session.get(Guide, project.guide_id) if project.guide_id else None
    return {
        "project": project.number,
        "title": project.title,
        "guide": guide.title if guide is not None else "",
        "level": project.level,
        "applicant": project.organisation.name,
        "applicant_code": project.organisation.credit_code or "",
        "area": project.area,
        "members": [
            {"name": row.enterprise.organisation.name, "content": row.content} for row in find_project_members(session, project.id)
        ],
        "suppliers": [
            {"name": row.provider.organisation.name, "role": str(row.role), "content": row.content}
            for row in find_suppliers(session, project.id)
        ],
        "starts": project.starts.isoformat() if project.starts else "",
        "ends": project.ends.isoformat() if project.ends else "",
        "texts": {key: text for key, text in texts_of(project).items() if text.strip()},
        "total_fen": project.total_fen,
        "amount_fen": project.amount_fen or 0,
        "first_share": step.rules.of(project.project_class).first_share,
        "final_waits_for_central": step.rules.of(project.project_class).final_waits_for_central,
        "indicators": [
            {"name": row.name, "unit": row.unit, "baseline": row.baseline, "target": row.target, "weight": row.weight}
            for row in find_indicators(session, project.id)
        ],
        "costs": [
            {"item": row.item, "kind": row.kind, "amount_fen": row.amount_fen, "fiscal_fen": row.fiscal_fen, "own_fen": row.own_fen}
            for row in find_costs(session, project.id)
        ],
        "milestones": [{"title": row.title, "planned": row.planned.isoformat()} for row in find_milestones(session, project.id)],
        "rectification_days": step.rules.rectification_days,
    }


def draw_up(session: Session, project: Project, step: Step) -> Agreement:
    """In the caller's transaction: the next version, with a code of its own, and its paper. The number of the first version stays."""
    former = find_agreement(session, project.id)
    content = content_of(session, project, step)
    if former is not None:
        if not differs(former.content, content):
            raise RefusedError(Refused("nothing_changed", _("项目内容没有变化，不用重新生成任务书。")))
        former.superseded_at = step.at
        session.flush()
    agreement = Agreement(
        project_id=project.id,
        number=former.number if former is not None else next_number(session, SERIES, step.today.year),
        version=former.version + 1 if former is not None else 1,
        check_code=new_code(secrets.randbelow),
        amount_fen=project.amount_fen or 0,
        content=content,
        due=project.waits_due,
        drawn_up_by=step.viewer.account_id,
        at=step.at,
    )
    session.add(agreement)
    session.flush()
    after = {"number": agreement.number, "version": agreement.version, "project": project.id}
    record(session, actor=actor_of(step.viewer), verb="draw_up", noun=NOUN, noun_id=agreement.id, before=None, after=after, at=step.at)
    enqueue_job(session, DOCUMENT, {"id": agreement.id}, at=step.at, account_id=step.viewer.account_id)
    return agreement


def draw_up_again(database: Database, project_id: int, *, step: Step) -> Agreement:
    """重新生成: the project's data were mended. Scans of the version before count no longer."""
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.BUREAU)
        if project.state != ProjectState.APPROVED or project.project_class != ProjectClass.CENTRAL:
            raise RefusedError(Refused("not_to_be_signed", _("任务书现在不在签署阶段，不能再换扫描件。")))
        agreement = draw_up(session, project, step)
        settle(session, project, step, due=project.waits_due)
        tell_applicant(session, project, _("{number} {title}：任务书已重新生成，请按新的一版签署"), step.at)
        return agreement


def add_scan(database: Database, project_id: int, side: str, stored: StoredBlob, *, step: Step) -> Attachment:
    """A sealed scan of one side. The bureau brings its own, the applicant its own; a newer scan supersedes the one before."""
    with database.writing() as session:
        project = locked(session, project_id, step)
        agreement = find_agreement(session, project.id)
        if agreement is None:
            raise RefusedError(Refused("no_agreement", _("任务书还没有生成。")))
        roles = roles_on_project(step.viewer, project)
        refuse_unless(bool(roles & ({Role.BUREAU, Role.ADMIN} if side == OURS else {Role.ENTERPRISE, Role.ADMIN})) or side not in SIDES)
        if refused := may_sign(side, state=project.state, confirmed=agreement.confirmed_at is not None):
            raise RefusedError(refused)
        before = [file for file in find_attachments(session, NOUN, agreement.id) if file.kind == side]
        owner = project.organisation_id if side == THEIRS else None
        added = attach(
            session, stored, noun=NOUN, noun_id=agreement.id, kind=side, organisation_id=owner, viewer=step.viewer, at=step.at
        )  # fmt: skip
        for file in before:
            if file.id != added.id:
                supersede(session, file, step.viewer, step.at)
        session.flush()
        _tell_signed(session, project, agreement, side, step)
        # Once the applicant has signed, the bureau is next; the term stays what it was.
        settle(session, project, step, due=project.waits_due)
        return added


def _tell_signed(session: Session, project: Project, agreement: Agreement, side: str, step: Step) -> None:
    """The other side, and, once both are there, the bureau, which confirms."""
    if signed_sides(file.kind for file in find_attachments(session, NOUN, agreement.id)) == len(SIDES):
        tell_roles(session, project, _("{number} {title}：双方盖章的任务书已齐，请确认"), step.at, Role.BUREAU)
    elif side == OURS:
        tell_applicant(session, project, _("{number} {title}：区工信局已上传盖章的任务书"), step.at)
    else:
        tell_roles(session, project, _("{number} {title}：申报单位已上传盖章的任务书"), step.at, Role.BUREAU)


def confirm_agreement(session: Session, project: Project, step: Step) -> None:
    """In the caller's transaction, which moves the project; its history says it."""
    agreement = find_agreement(session, project.id)
    if agreement is None:
        raise RefusedError(Refused("no_agreement", _("任务书还没有生成。")))
    agreement.confirmed_at, agreement.confirmed_by = step.at, step.viewer.account_id
