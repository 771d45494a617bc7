"""Projects begin: under a guide, or in the reserve until one is published. What is filled in stands in project_plans."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.numbers import next_number
from marketplace.actions.project_steps import PROJECT, Step, locked, move, must_be, settle, tell_applicant
from marketplace.actions.project_submission import choose_guide, refuse_services
from marketplace.actions.roles import actor_of, must_hold, refuse_unless
from marketplace.domain.access import Role, Viewer, may, may_act_for
from marketplace.domain.brokerings import BrokeringState
from marketplace.domain.groups import GroupKind
from marketplace.domain.guides import is_open
from marketplace.domain.introductions import IntroductionState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_plans import BasicDraft, check_basic
from marketplace.domain.projects import EDITABLE, ProjectClass, ProjectState
from marketplace.records.brokerings import Brokering, find_brokering_problems, find_contract
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.groups import EnterpriseGroup, find_members
from marketplace.records.guides import Guide
from marketplace.records.introductions import Introduction
from marketplace.records.organisations import Organisation
from marketplace.records.projects import Project, ProjectMember, ProjectProblem, ProjectSupplier, find_project_members

SERIES = "XM"


def may_apply_with(viewer: Viewer, organisation_id: int | None) -> bool:
    """Whether this person may begin a project of this organisation: as enterprise or, in class ③, as a service institution."""
    held = viewer.roles & {Role.ENTERPRISE, Role.PROVIDER}
    return bool(held) and organisation_id in viewer.organisation_ids and may_act_for(viewer, organisation_id, "edit")


def create(database: Database, guide_id: int, organisation_id: int, title: str, step: Step) -> Project:
    """A draft under a guide that takes submissions today. Pressed twice with the same title, it is the same draft."""
    refuse_unless(may_apply_with(step.viewer, organisation_id))
    _refuse_title(title)
    with database.writing() as session:
        # Two members may press at once: the organisation's row is their queue.
        session.execute(select(Organisation.id).where(Organisation.id == organisation_id).with_for_update())
        guide = session.get(Guide, guide_id)
        if guide is None or not is_open(guide.state, guide.opens, guide.closes, step.today):
            raise RefusedError(Refused("guide_not_open", _("这份指南现在不接受申报，请选另一份。")))
        same = select(Project).where(
            Project.guide_id == guide.id, Project.organisation_id == organisation_id, Project.title == title.strip(),
            Project.state == ProjectState.DRAFT,
        )  # fmt: skip
        if (found := session.scalars(same.order_by(Project.id)).first()) is not None:
            return found
        enterprise = session.scalar(select(Enterprise).where(Enterprise.organisation_id == organisation_id))
        refuse_services(guide, step.rules, is_enterprise=enterprise is not None)
        project = _new(session, organisation_id, enterprise, title, guide.project_class, ProjectState.DRAFT, step)
        project.guide_id = guide.id
        if len(guide.levels) == 1:
            project.level = guide.levels[0]
        _begun(session, project, "create", step, {"guide": guide.number})
        return project


def reserve(database: Database, enterprise_id: int, title: str, project_class: ProjectClass, step: Step) -> Project:
    """Kept in the reserve until a guide is published: by the centre for an enterprise, or by itself."""
    _refuse_title(title)
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, enterprise_id)
        _must_reserve(step.viewer, enterprise)
        session.execute(select(Organisation.id).where(Organisation.id == enterprise.organisation_id).with_for_update())
        same = select(Project).where(
            Project.enterprise_id == enterprise.id, Project.title == title.strip(), Project.state == ProjectState.RESERVE,
        )  # fmt: skip
        if (found := session.scalars(same.order_by(Project.id)).first()) is not None:
            return found
        project = _new(session, enterprise.organisation_id, enterprise, title, project_class, ProjectState.RESERVE, step)
        _begun(session, project, "reserve", step, {})
        if enterprise.id not in step.viewer.enterprise_ids:
            tell_applicant(session, project, _("能力中心把“{title}”列入储备项目 {number}。"), step.at)
        return project


def reserve_from(database: Database, brokering_id: int, step: Step) -> Project:
    """A brokering that was kept for a subsidy becomes a project in reserve, once, with its problems, its supplier and its contract."""
    with database.writing() as session:
        session.execute(select(Brokering.id).where(Brokering.id == brokering_id).with_for_update())
        brokering = session.get_one(Brokering, brokering_id, populate_existing=True)
        enterprise = brokering.enterprise
        _must_reserve(step.viewer, enterprise)
        found = session.scalars(select(Project).where(Project.brokering_id == brokering.id).order_by(Project.id)).first()
        if found is not None:
            return found
        if brokering.state != BrokeringState.RESERVE:
            raise RefusedError(Refused("not_in_reserve", _("对接单还没有转为储备项目，不能列入储备库。")))
        project = _new(session, enterprise.organisation_id, enterprise, brokering.title, ProjectClass.CENTRAL, ProjectState.RESERVE, step)
        project.brokering_id = brokering.id
        problems = find_brokering_problems(session, brokering.id)
        session.add_all(ProjectProblem(project_id=project.id, problem_id=row.id) for row in problems)
        project.orientations = list(dict.fromkeys(row.orientation for row in problems if row.orientation))
        project.scenario_codes = list(dict.fromkeys(row.scenario_code for row in problems if row.scenario_code))
        _take_over_contract(session, project, brokering)
        _begun(session, project, "reserve", step, {"brokering": brokering.number})
        if enterprise.id not in step.viewer.enterprise_ids:
            tell_applicant(session, project, _("能力中心把“{title}”列入储备项目 {number}。"), step.at)
        return project


def apply(database: Database, project_id: int, guide_id: int, step: Step) -> Project:
    """A project in reserve is filled in under a guide; a draft whose guide was closed takes another one."""
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.ENTERPRISE)
        before = project.guide_id
        if project.state not in (ProjectState.RESERVE, ProjectState.DRAFT):
            raise RefusedError(Refused("wrong_state", _("现在的状态（{state}）不能这样办理。"), {"state": project.state, "event": "apply"}))
        guide = choose_guide(session, project, guide_id, step)
        if project.state == ProjectState.RESERVE:
            move(session, project, "apply", step)
        else:
            after = {"guide": guide.number}
            actor = actor_of(step.viewer)
            record(
                session, actor=actor, verb="choose_guide", noun=PROJECT, noun_id=project.id, before={"guide_id": before}, after=after, at=step.at
            )  # fmt: skip
            settle(session, project, step)
        return project


def take_members(database: Database, project_id: int, group_id: int, step: Step) -> Project:
    """The centre takes the members of a chain or park over into a project that is not handed in yet: who else is in a group is for
    the offices to know until then. Those that are there already keep their part."""
    must_hold(step.viewer, "reserve", "project")
    with database.writing() as session:
        project = locked(session, project_id, step)
        group = session.get_one(EnterpriseGroup, group_id)
        found = [row.enterprise_id for row in find_members(session, group.id)]
        if project.state not in EDITABLE or project.enterprise_id not in {*found, group.leader_id}:
            raise RefusedError(Refused("not_of_group", _("项目已提交，或者申报企业不在这个群组里。")))
        there = [row.enterprise_id for row in find_project_members(session, project.id)]
        fresh = [number for number in dict.fromkeys(found) if number not in (*there, project.enterprise_id)]
        if len(there) + len(fresh) > step.rules.most_members:
            raise RefusedError(Refused("too_many_rows", _("这一部分最多 {most} 行。"), {"most": step.rules.most_members}))
        session.add_all(ProjectMember(project_id=project.id, enterprise_id=number) for number in fresh)
        project.group_id, project.level = group.id, "chain" if group.kind == GroupKind.CHAIN else "cluster"
        session.flush()
        after = {"group": group.name, "members": fresh, "level": project.level}
        actor = actor_of(step.viewer)
        record(session, actor=actor, verb="take_members", noun=PROJECT, noun_id=project.id, before=None, after=after, at=step.at)
        tell_applicant(
            session, project, _("能力中心把群组“{group}”的成员列入了项目 {number}，请写明各自的分工。"), step.at, group=group.name
        )
        return project


def _new(
    session: Session, organisation_id: int, enterprise: Enterprise | None, title: str, project_class: ProjectClass, state: ProjectState, step: Step
) -> Project:  # fmt: skip
    """The row itself, with its number; in what state it begins is the only thing that no event has brought about."""
    number = next_number(session, SERIES, step.today.year)
    project = Project(number=number, organisation_id=organisation_id, project_class=project_class, state=state)
    project.title, project.plan = title.strip()[:200], {}
    project.orientations, project.scenario_codes, project.health_reasons = [], [], []
    project.created, project.created_by = step.at, step.viewer.account_id
    if enterprise is not None:
        project.enterprise_id, project.area, project.sector = enterprise.id, enterprise.area, enterprise.sector
    session.add(project)
    session.flush()
    return project


def _begun(session: Session, project: Project, verb: str, step: Step, after: dict[str, Any]) -> None:
    whole = {"number": project.number, "title": project.title, "class": project.project_class, "state": project.state, **after}
    record(session, actor=actor_of(step.viewer), verb=verb, noun=PROJECT, noun_id=project.id, before=None, after=whole, at=step.at)
    settle(session, project, step)


def _take_over_contract(session: Session, project: Project, brokering: Brokering) -> None:
    contract = find_contract(session, brokering.id)
    chosen = select(Introduction).where(Introduction.brokering_id == brokering.id, Introduction.state == IntroductionState.AWARDED)
    introduction = session.get(Introduction, contract.introduction_id) if contract else session.scalars(chosen).first()
    if introduction is None:
        return
    supplier = ProjectSupplier(project_id=project.id, provider_id=introduction.provider_id, introduction_id=introduction.id)
    supplier.solution_id, supplier.content = introduction.solution_id, introduction.solution.title
    if contract is not None:
        supplier.contract_fen, supplier.signed = contract.amount_fen, contract.signed
        project.starts, project.ends = contract.starts, contract.ends
    session.add(supplier)
    session.flush()


def _must_reserve(viewer: Viewer, enterprise: Enterprise) -> None:
    own = enterprise.id in viewer.enterprise_ids and may_act_for(viewer, enterprise.organisation_id, "edit")
    refuse_unless(may(viewer, "reserve", "project") or own)


def _refuse_title(title: str) -> None:
    for _field, refused in check_basic(BasicDraft(title=title)):
        raise RefusedError(refused)
