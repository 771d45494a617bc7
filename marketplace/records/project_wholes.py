"""A project read as one whole, with what is known of its applicant, to be checked."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer, may
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.project_checks import NamedSupplier, Whole
from marketplace.domain.project_plans import TEXTS, BasicDraft, CostDraft, IndicatorDraft, MemberDraft, MilestoneDraft, SupplierDraft
from marketplace.domain.providers import TAKES_NEW
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import find_attachments
from marketplace.records.project_plans import find_costs, find_indicators, find_milestones
from marketplace.records.projects import Project, ProjectSupplier, find_project_members, find_project_problems, find_suppliers

PROMISED = "promised"


def basic_of(project: Project) -> BasicDraft:
    return BasicDraft(
        project.title, project.level, project.area, project.sector, tuple(project.orientations), tuple(project.scenario_codes),
        project.starts, project.ends, project.total_fen, project.asked_fen, bool(project.plan.get(PROMISED)),
    )  # fmt: skip


def texts_of(project: Project) -> dict[str, str]:
    return {kind.key: str(project.plan.get(kind.key, "")) for kind in TEXTS}


def supplier_draft(row: ProjectSupplier) -> SupplierDraft:
    return SupplierDraft(
        row.provider_id, row.role, row.content, row.contract_number, row.contract_fen, row.signed, row.share, row.public_id
    )  # fmt: skip


def find_whole(session: Session, project: Project) -> Whole:
    """Everything that was filled in. A provider counts as in the pool while it takes new projects."""
    enterprise = session.get(Enterprise, project.enterprise_id) if project.enterprise_id else None
    issued = select(Diagnosis.id).where(Diagnosis.enterprise_id == project.enterprise_id, Diagnosis.state == DiagnosisState.ISSUED)
    return Whole(
        project_class=project.project_class,
        basic=basic_of(project),
        texts=texts_of(project),
        problems=len(find_project_problems(session, project.id)),
        members=tuple(MemberDraft(row.enterprise_id, row.content, row.share) for row in find_project_members(session, project.id)),
        suppliers=tuple(
            NamedSupplier(supplier_draft(row), row.provider.name, row.provider.state in TAKES_NEW)
            for row in find_suppliers(session, project.id)
        ),
        indicators=tuple(
            IndicatorDraft(row.name, row.unit, row.direction, row.baseline, row.target, row.weight, row.evidence)
            for row in find_indicators(session, project.id)
        ),
        costs=tuple(
            CostDraft(row.year, row.quarter, row.kind, row.item, row.amount_fen, row.fiscal_fen, row.own_fen, row.basis)
            for row in find_costs(session, project.id)
        ),
        milestones=tuple(MilestoneDraft(row.title, row.planned) for row in find_milestones(session, project.id)),
        documents=frozenset(file.kind for file in find_attachments(session, "project", project.id)),
        is_enterprise=enterprise is not None,
        above_scale=bool(enterprise and enterprise.above_scale_years),
        diagnosed=enterprise is not None and session.scalar(issued.limit(1)) is not None,
    )


def reads_whole(session: Session, viewer: Viewer, project: Project) -> bool:
    """Whether somebody who may read a project reads all that the applicant wrote: the offices, its park or street, the applicant and
    its members. A supplier reads its own part only."""
    if may(viewer, "read", "project") or project.area in viewer.areas or project.organisation_id in viewer.organisation_ids:
        return True
    return any(row.enterprise_id in viewer.enterprise_ids for row in find_project_members(session, project.id))
