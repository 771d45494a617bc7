"""What an applicant fills in, one section at a time. Whoever saves the same section second is told; another section hurts nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from marketplace.actions.files import attach, supersede
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.project_steps import HARMLESS, PROJECT, Step, must_be
from marketplace.actions.roles import actor_of
from marketplace.domain import project_plans as plans
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.problems import ProblemState
from marketplace.domain.project_plans import (
    BasicDraft,
    CostDraft,
    Direction,
    IndicatorDraft,
    Known,
    MemberDraft,
    MilestoneDraft,
    Section,
    SupplierDraft,
)
from marketplace.domain.projects import EDITABLE, SupplierRole
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import Attachment, find_attachment, find_attachments
from marketplace.records.problems import Problem
from marketplace.records.project_plans import Milestone, ProjectCost, ProjectIndicator, find_costs, find_indicators, find_milestones
from marketplace.records.project_wholes import PROMISED, basic_of, supplier_draft, texts_of
from marketplace.records.projects import (
    Project,
    ProjectMember,
    ProjectProblem,
    ProjectSupplier,
    find_project_members,
    find_project_problems,
    find_suppliers,
)
from marketplace.records.providers import Provider

MOST_FILES = 100
_BASIC = ("title", "level", "area", "sector", "starts", "ends", "total_fen", "asked_fen")
_LISTS = ("orientations", "scenario_codes")


def verb_of(section: Section) -> str:
    """What the history calls the saving of a section."""
    return f"save_{section}"


def last_verbs(section: Section) -> frozenset[str]:
    """Verbs that change nothing of what the form of this section holds: those of all the others."""
    taken = () if section is Section.MEMBERS else ("take_members",)
    return frozenset({*HARMLESS, *taken, "detach", *(verb_of(other) for other in Section if other is not section)})


def editing(session: Session, project_id: int, section: Section, step: Step) -> Project:
    """The project under lock, if this person may fill it in and its state still allows it."""
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update())
    project = session.get_one(Project, project_id, populate_existing=True)
    must_be(step.viewer, project, Role.ENTERPRISE, right="edit")
    refuse_if_moved(session, PROJECT, project.id, seen=step.seen, at=step.at, harmless=last_verbs(section))
    if project.state not in EDITABLE:
        raise RefusedError(Refused("not_editable", _("项目已提交，不能再改；退回补正后才能修改。")))
    return project


def save_basic(database: Database, project_id: int, draft: BasicDraft, step: Step) -> Project:
    _refuse(plans.check_basic(draft))
    with database.writing() as session:
        project = editing(session, project_id, Section.BASIC, step)
        before = _plain(asdict(basic_of(project)))
        for name in _BASIC:
            value = getattr(draft, name)
            setattr(project, name, value.strip() if isinstance(value, str) else value)
        for name in _LISTS:
            setattr(project, name, list(getattr(draft, name)))
        project.plan = {**project.plan, PROMISED: draft.promised}
        return _saved(session, project, Section.BASIC, step, before, _plain(asdict(basic_of(project))))


def save_texts(database: Database, project_id: int, texts: Mapping[str, str], step: Step) -> Project:
    _refuse(plans.check_texts(texts))
    with database.writing() as session:
        project = editing(session, project_id, Section.CONTENT, step)
        before = texts_of(project)
        project.plan = {**project.plan, **{kind.key: texts.get(kind.key, before[kind.key]).strip() for kind in plans.TEXTS}}
        return _saved(session, project, Section.CONTENT, step, before, texts_of(project))


def save_problems(database: Database, project_id: int, problem_ids: Collection[int], step: Step) -> Project:
    """The problems of the enterprise's own list that the project answers; a member's list is the member's."""
    with database.writing() as session:
        project = editing(session, project_id, Section.PROBLEMS, step)
        before = [row.id for row in find_project_problems(session, project.id)]
        for number in problem_ids:
            problem = session.get(Problem, number)
            if (
                problem is None
                or problem.enterprise_id != project.enterprise_id
                or (problem.state != ProblemState.OPEN and number not in before)
            ):
                raise RefusedError(Refused("problem_closed", _("有一条问题已解决、已撤回或不是这家企业的，请重新选。")))
        chosen = list(dict.fromkeys(problem_ids))
        session.execute(delete(ProjectProblem).where(ProjectProblem.project_id == project.id))
        session.add_all(ProjectProblem(project_id=project.id, problem_id=number) for number in chosen)
        return _saved(session, project, Section.PROBLEMS, step, {"problems": before}, {"problems": chosen})


def save_members(database: Database, project_id: int, rows: Sequence[MemberDraft], step: Step, *, group_id: int | None = None) -> Project:
    """The other enterprises of a chain or cluster, each with its part. `group_id`: the group from which they were taken."""
    with database.writing() as session:
        project = editing(session, project_id, Section.MEMBERS, step)
        wanted = [row.enterprise_id for row in rows]
        found = frozenset(session.scalars(select(Enterprise.id).where(Enterprise.id.in_(wanted)))) - {project.enterprise_id or 0}
        _refuse(plans.check_members(rows, Known(enterprises=found), most=step.rules.most_members))
        before = [_member(row) for row in find_project_members(session, project.id)]
        session.execute(delete(ProjectMember).where(ProjectMember.project_id == project.id))
        session.add_all(
            ProjectMember(project_id=project.id, enterprise_id=row.enterprise_id, content=row.content.strip(), share=row.share)
            for row in rows
        )
        project.group_id = group_id if group_id is not None else project.group_id
        session.flush()
        after = [_member(row) for row in find_project_members(session, project.id)]
        return _saved(session, project, Section.MEMBERS, step, {"members": before}, {"members": after})


def save_suppliers(database: Database, project_id: int, rows: Sequence[SupplierDraft], step: Step) -> Project:
    """Who carries it out. A row that was there stays the same row, so that the match it came from is not forgotten."""
    with database.writing() as session:
        project = editing(session, project_id, Section.SUPPLIERS, step)
        found = frozenset(session.scalars(select(Provider.id).where(Provider.id.in_([row.provider_id for row in rows]))))
        _refuse(plans.check_suppliers(rows, Known(providers=found), most=step.rules.most_suppliers))
        there = {row.public_id: row for row in find_suppliers(session, project.id)}
        before = [_supplier(row) for row in there.values()]
        kept = {row.public_id for row in rows if row.public_id}
        for public_id, row in there.items():
            if public_id not in kept:
                session.delete(row)
        for draft in rows:
            row = there.get(draft.public_id) or ProjectSupplier(project_id=project.id)
            if row.provider_id != draft.provider_id:
                row.provider_id, row.introduction_id, row.solution_id = draft.provider_id, None, None
            row.role, row.content, row.contract_number = SupplierRole(draft.role), draft.content.strip(), draft.contract_number.strip()
            row.contract_fen, row.signed, row.share = draft.contract_fen, draft.signed, draft.share or 0.0
            session.add(row)
        session.flush()
        after = [_supplier(row) for row in find_suppliers(session, project.id)]
        return _saved(session, project, Section.SUPPLIERS, step, {"suppliers": before}, {"suppliers": after})


def save_indicators(database: Database, project_id: int, rows: Sequence[IndicatorDraft], step: Step) -> Project:
    _refuse(plans.check_indicators(rows))
    with database.writing() as session:
        project = editing(session, project_id, Section.INDICATORS, step)
        before = [
            _plain({name: getattr(row, name) for name in ("name", "unit", "direction", "baseline", "target", "weight")})
            for row in find_indicators(session, project.id)
        ]
        session.execute(delete(ProjectIndicator).where(ProjectIndicator.project_id == project.id))
        after = []
        for position, row in enumerate(rows, 1):
            values = {**asdict(row), "name": row.name.strip(), "unit": row.unit.strip(), "direction": Direction(row.direction)}
            session.add(ProjectIndicator(project_id=project.id, position=position, **values))
            after.append(_plain({name: value for name, value in values.items() if name != "evidence"}))
        return _saved(session, project, Section.INDICATORS, step, {"indicators": before}, {"indicators": after})


def save_costs(database: Database, project_id: int, rows: Sequence[CostDraft], step: Step) -> Project:
    _refuse(plans.check_costs(rows, Known(costs=frozenset(kind.key for kind in step.rules.costs))))
    with database.writing() as session:
        project = editing(session, project_id, Section.COSTS, step)
        names = ("year", "quarter", "kind", "item", "amount_fen", "fiscal_fen", "own_fen")
        before = [{name: getattr(row, name) for name in names} for row in find_costs(session, project.id)]
        session.execute(delete(ProjectCost).where(ProjectCost.project_id == project.id))
        session.add_all(ProjectCost(project_id=project.id, **{**asdict(row), "item": row.item.strip()}) for row in rows)
        after = [{name: getattr(row, name) for name in names} for row in rows]
        return _saved(session, project, Section.COSTS, step, {"costs": before}, {"costs": after})


def save_milestones(database: Database, project_id: int, rows: Sequence[MilestoneDraft], step: Step) -> Project:
    _refuse(plans.check_milestones(rows))
    with database.writing() as session:
        project = editing(session, project_id, Section.MILESTONES, step)
        before = [_plain({"title": row.title, "planned": row.planned}) for row in find_milestones(session, project.id)]
        session.execute(delete(Milestone).where(Milestone.project_id == project.id))
        for position, row in enumerate(rows, 1):
            session.add(Milestone(project_id=project.id, position=position, title=row.title.strip(), planned=row.planned))
        after = [_plain(asdict(row)) for row in rows]
        return _saved(session, project, Section.MILESTONES, step, {"milestones": before}, {"milestones": after})


def attach_document(database: Database, project_id: int, stored: StoredBlob, kind: str, step: Step) -> Attachment:
    """One of the documents that a submission may need. Several files of one kind stand beside each other."""
    with database.writing() as session:
        project = editing(session, project_id, Section.DOCUMENTS, step)
        document = step.rules.document(kind)
        if document is None or document.step != "submission":
            raise RefusedError(Refused("unknown_document", _("没有这一项材料，请刷新页面后再上传。")))
        of_project = (Attachment.noun == PROJECT) & (Attachment.noun_id == project.id) & Attachment.superseded_at.is_(None)
        if (session.scalar(select(func.count()).select_from(Attachment).where(of_project)) or 0) >= MOST_FILES:
            raise RefusedError(Refused("too_many_files", _("一个项目的申报材料最多 {most} 个文件，请合并后再上传。"), {"most": MOST_FILES}))
        unit = project.organisation_id
        return attach(session, stored, noun=PROJECT, noun_id=project.id, kind=kind, organisation_id=unit, viewer=step.viewer, at=step.at)


def remove_document(database: Database, project_id: int, public_id: str, step: Step) -> None:
    """Take a file back while it may be filled in. It is kept, as what once was handed in must be found again."""
    with database.writing() as session:
        project = editing(session, project_id, Section.DOCUMENTS, step)
        found = find_attachment(session, public_id)
        if found is None or found not in find_attachments(session, PROJECT, project.id):
            raise RefusedError(Refused("unknown_file", _("没有这个文件，可能已被去掉。")))
        supersede(session, found, step.viewer, step.at)


def _saved(session: Session, project: Project, section: Section, step: Step, before: dict[str, Any], after: dict[str, Any]) -> Project:
    """One entry with what differs; what was saved unchanged says so too, as somebody has confirmed it."""
    session.flush()
    changed = [name for name in after if before.get(name) != after[name]]
    record(
        session, actor=actor_of(step.viewer), verb=verb_of(section), noun=PROJECT, noun_id=project.id, at=step.at,
        before={name: before.get(name) for name in changed}, after={name: after[name] for name in changed},
    )  # fmt: skip
    session.flush()
    return project


def _member(row: ProjectMember) -> dict[str, Any]:
    return {"enterprise": row.enterprise_id, "content": row.content, "share": row.share}


def _supplier(row: ProjectSupplier) -> dict[str, Any]:
    draft = asdict(supplier_draft(row))
    draft.pop("public_id")
    return _plain(draft)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the history keeps it."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found[name] = value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
    return found


def _refuse(faults: Iterable[tuple[str, Refused]]) -> None:
    for _field, refused in faults:
        raise RefusedError(refused)
