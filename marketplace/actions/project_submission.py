"""Handing a project in, again or back: what it still lacks, whether its guide takes it at this moment, and what the first review said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.project_steps import PROJECT, Step, locked, move, must_be, tell_roles
from marketplace.domain.access import Role
from marketplace.domain.guides import check_conditions, is_open
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_checks import Fault, Whole, check_project
from marketplace.domain.project_plans import Section
from marketplace.domain.project_rules import ProjectRules
from marketplace.domain.projects import EDITABLE, ProjectState
from marketplace.records.database import Database
from marketplace.records.guides import Guide
from marketplace.records.project_plans import find_first_review
from marketplace.records.project_wholes import find_whole
from marketplace.records.projects import Project, find_project_members

_ORDER = list(Section)


def faults_of(
    session: Session, project: Project, rules: ProjectRules, *, words: Mapping[str, str] | None = None, whole: Whole | None = None
) -> list[Fault]:
    """All that has to be mended before it may be handed in, each once. `words`: names of the pilot's keys, for sentences."""
    found = whole or find_whole(session, project)
    guide = session.get(Guide, project.guide_id) if project.guide_id else None
    faults = list(
        check_project(
            found, rules, documents=guide.documents if guide else (), left_fen=guide.budget_fen if guide else None
        )
    )  # fmt: skip
    faults += check_conditions(found, guide.conditions if guide else (), words)
    kept = {(fault.section, fault.field, fault.refused.code): fault for fault in reversed(faults)}
    return sorted(kept.values(), key=lambda fault: _ORDER.index(fault.section))


def facts_of(session: Session, project: Project, step: Step) -> dict[str, Any]:
    """What the guards of the first steps look at."""
    facts: dict[str, Any] = {}
    guide = session.get(Guide, project.guide_id) if project.guide_id else None
    if guide is not None:
        facts["window_open"] = is_open(guide.state, guide.opens, guide.closes, step.today)
    if project.state in EDITABLE:
        facts["faults"] = len(faults_of(session, project, step.rules))
    review = find_first_review(session, project.id) if project.state == ProjectState.SUBMITTED else None
    if review is not None and project.submitted_at is not None and review.at >= project.submitted_at:
        facts["first_review"] = review.verdict
    return facts


def submit(database: Database, project_id: int, step: Step) -> Project:
    """Hand it in, or in again after it was sent back. The guide takes it until 24:00 of its last day in the pilot's zone."""
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.ENTERPRISE)
        if project.state == ProjectState.DRAFT:
            _queue_at_guide(session, project)
        again = project.state == ProjectState.RETURNED
        # The guards look at what is in the rows; the moment is written with them or not at all.
        move(session, project, "resubmit" if again else "submit", step)
        project.submitted_at, project.reason = step.at, ""
        message = _("{number} {title} 已补正，重新提交。") if again else _("{number} {title} 已提交，请初审。")
        tell_roles(session, project, message, step.at, Role.AREA)
        if not again:
            _tell_members(session, project, step)
        session.flush()
        return project


def withdraw(database: Database, project_id: int, step: Step, *, why: str = "") -> Project:
    """Taken back by the applicant, before it was reviewed. What was typed stays."""
    with database.writing() as session:
        project = locked(session, project_id, step)
        must_be(step.viewer, project, Role.ENTERPRISE)
        handed_in = project.submitted_at is not None
        move(session, project, "withdraw", step, why.strip())
        project.reason = why.strip()
        if handed_in:
            tell_roles(session, project, _("{number} {title} 已由申报单位撤回。"), step.at, Role.AREA, Role.MANAGER)
        session.flush()
        return project


def choose_guide(session: Session, project: Project, guide_id: int, step: Step) -> Guide:
    """The guide of a draft that has none, or whose guide was closed. Refused where it takes nothing now."""
    session.execute(select(Guide.id).where(Guide.id == guide_id).with_for_update())
    guide = session.get(Guide, guide_id, populate_existing=True)
    if guide is None or not is_open(guide.state, guide.opens, guide.closes, step.today):
        raise RefusedError(Refused("guide_not_open", _("这份指南现在不接受申报，请选另一份。")))
    refuse_services(guide, step.rules, is_enterprise=project.enterprise_id is not None)
    project.guide_id, project.project_class = guide.id, guide.project_class
    session.flush()
    return guide


def refuse_services(guide: Guide, rules: ProjectRules, *, is_enterprise: bool) -> None:
    own = rules.of(guide.project_class)
    if not is_enterprise and not own.for_services:
        raise RefusedError(Refused("not_for_services", _("{name}只支持企业申报，服务机构不能申报。"), {"name": own.name}))


def _tell_members(session: Session, project: Project, step: Step) -> None:
    """The enterprises of a chain or cluster learn that they have a part in it."""
    units = {row.enterprise.organisation_id for row in find_project_members(session, project.id)}
    accounts = {one for unit in units for one in accounts_of_organisation(session, unit)}
    values = {"number": project.number, "title": project.title, "applicant": project.organisation.name}
    message = _("{applicant}提交了项目 {number} {title}，贵单位是成员企业。")
    notify(session, accounts, PROJECT, message, at=step.at, values=values, noun=PROJECT, public_ref=project.public_id)


def _queue_at_guide(session: Session, project: Project) -> None:
    """Whoever closes the guide and whoever hands in wait for each other at its row, so that one of them sees the other."""
    if project.guide_id is None:
        raise RefusedError(Refused("no_guide", _("请先选一份申报指南。")))
    session.execute(select(Guide.id).where(Guide.id == project.guide_id).with_for_update())
    guide = session.get(Guide, project.guide_id, populate_existing=True)
    assert guide is not None
