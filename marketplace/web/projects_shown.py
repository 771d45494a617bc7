"""What the page of one project shows: its steps, its plan, who has the ball, and where one goes on from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flask import current_app, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.project_steps import held_by
from marketplace.actions.project_submission import faults_of
from marketplace.domain.access import Role, Viewer, may, may_act_for
from marketplace.domain.lifecycle import Transition, _, allowed_events
from marketplace.domain.project_checks import Fault, supported_fen
from marketplace.domain.project_plans import CostDraft
from marketplace.domain.projects import EDITABLE, ENDED, STAGES, TABLES, Ball, ProjectState, stage_of
from marketplace.domain.showcases import NOMINABLE
from marketplace.guard import policy_of
from marketplace.records.agreements import find_agreement
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.groups import EnterpriseGroup, GroupMember
from marketplace.records.guides import Guide
from marketplace.records.history import HistoryEntry, find_last_entry
from marketplace.records.problems import Problem
from marketplace.records.project_plans import (
    FirstReview,
    Milestone,
    ProjectCost,
    ProjectIndicator,
    find_costs,
    find_first_reviews,
    find_indicators,
    find_milestones,
)
from marketplace.records.project_wholes import reads_whole
from marketplace.records.projects import (
    Project,
    ProjectMember,
    ProjectSupplier,
    find_project_members,
    find_project_problems,
    find_suppliers,
)
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.project_words import key_words, waits_for
from marketplace.web.terms import today
from marketplace.web.typed import local_day
from marketplace.web.wording import day

SAVES = "save_"
NEWEST = 30
# The pages of the steps, in the order in which one comes to them: the name of their blueprint → its word. Others follow after these.
STEP_WORDS: Mapping[str, str] = {
    "first_reviews": _("初审"),
    "project_reviews": _("专家评审"),
    "project_selections": _("择优和公示"),
    "agreements": _("任务书"),
    "funding_plans": _("资金计划"),
    "funds": _("资金"),
    "payments": _("拨付"),
    "progress": _("进度月报"),
    "evidence": _("佐证"),
    "inspections": _("抽查与整改"),
    "supervision": _("督办"),
    "acceptances": _("验收"),
    "changes": _("变更"),
    "financing": _("专项融资"),
    "showcases_writing": _("标杆案例"),
}


@dataclass(frozen=True)
class StepShown:
    """One of the steps of its class: `tone` is done, now, late or nothing."""

    word: str
    tone: str
    note: str


@dataclass(frozen=True)
class Link:
    word: str
    address: str


@dataclass(frozen=True)
class CaseShown:
    """One project. `whole`: false for a supplier, who sees its own part only, and for the city's authorities, who see it in `short`: what it is, who
    takes part, its figures, and no text, paper or person."""

    project: Project
    guide: Guide | None
    whole: bool
    short: bool
    ball: Ball
    steps: Sequence[StepShown]
    stage: int | None
    mine: bool
    edits: bool
    submits: bool
    reviews: bool
    finishes: bool
    events: Sequence[Transition]
    faults: Sequence[Fault]
    problems: Sequence[Problem]
    members: Sequence[ProjectMember]
    suppliers: Sequence[ProjectSupplier]
    indicators: Sequence[ProjectIndicator]
    costs: Sequence[ProjectCost]
    milestones: Sequence[Milestone]
    reviews_written: Sequence[FirstReview]
    files: Mapping[str, Sequence[Attachment]]
    history: Sequence[HistoryEntry]
    links: Sequence[Link]
    guides: Sequence[Guide] = ()
    groups: Sequence[EnterpriseGroup] = ()
    seen: int = 0
    money: Mapping[str, int] = field(default_factory=dict)


def read_case(session: Session, project: Project, viewer: Viewer) -> CaseShown:
    """The project as this person may see it."""
    whole = reads_whole(session, viewer, project)
    short = not whole and may(viewer, "look_at", "project")
    own = project.organisation_id in viewer.organisation_ids
    edits = own and may_act_for(viewer, project.organisation_id, "edit") and project.state in EDITABLE
    submits = own and may_act_for(viewer, project.organisation_id, "submit")
    roles = {Role.ENTERPRISE} if submits else set()
    reviews = project.state == ProjectState.SUBMITTED and (project.area in viewer.areas or Role.ADMIN in viewer.roles)
    costs = find_costs(session, project.id) if whole or short else []
    suppliers = find_suppliers(session, project.id, ended=whole)
    entries = _entries(session, project)
    return CaseShown(
        project=project,
        guide=session.get(Guide, project.guide_id) if project.guide_id else None,
        whole=whole,
        short=short,
        ball=held_by(project),
        steps=_steps(project, entries),
        stage=stage_of(project.project_class, project.state),
        mine=waits_for(project, viewer),
        edits=edits,
        submits=submits,
        reviews=reviews,
        finishes=project.state == ProjectState.PASSED and project.waits_role == Role.BUREAU and may(viewer, "select", "project"),
        events=allowed_events(TABLES[project.project_class], project.state, roles),
        faults=faults_of(session, project, current_site().pilot.project, words=key_words()) if edits else [],
        problems=find_project_problems(session, project.id) if whole else [],
        members=find_project_members(session, project.id) if whole or short else [],
        suppliers=suppliers if whole or short else [row for row in suppliers if row.provider_id in viewer.provider_ids],
        indicators=find_indicators(session, project.id) if whole or short else [],
        costs=costs if whole else [],
        milestones=find_milestones(session, project.id),
        reviews_written=find_first_reviews(session, project.id) if whole else [],
        files=_files(session, project) if whole else {},
        history=_told(entries, proposals=may(viewer, "read", "project")) if whole else [],
        links=_links(session, project, viewer, whole=whole),
        guides=_open_guides(session, project) if edits else [],
        groups=_groups(session, project) if may(viewer, "reserve", "project") and project.state in EDITABLE else [],
        seen=find_last_entry(session, "project", project.id),
        money=_money(project, costs) if whole or short else {},
    )


def _entries(session: Session, project: Project) -> Sequence[HistoryEntry]:
    query = select(HistoryEntry).where(HistoryEntry.noun == "project", HistoryEntry.noun_id == project.id)
    return session.scalars(query.order_by(HistoryEntry.id)).all()


def _told(entries: Iterable[HistoryEntry], *, proposals: bool) -> Sequence[HistoryEntry]:
    """The newest first, without the many times that a section was saved or its health computed. What is only proposed (`proposals`) stays within the offices."""
    left_out = {"attach", "detach", "measure_health", *(() if proposals else ("propose",))}
    rows = [entry for entry in entries if not entry.verb.startswith(SAVES) and entry.verb not in left_out]
    return rows[::-1][:NEWEST]


def _steps(project: Project, entries: Sequence[HistoryEntry]) -> list[StepShown]:
    """All steps of its class; what is done says when it was left behind."""
    stages, now = STAGES[project.project_class], stage_of(project.project_class, project.state)
    left: dict[int, datetime] = {}
    reached = -1
    for entry in entries:
        state = (entry.after or {}).get("state")
        place = stage_of(project.project_class, ProjectState(state)) if state in tuple(ProjectState) else None
        for number in range(max(0, reached), place if place is not None else 0):
            left.setdefault(number, entry.at)
        reached = max(reached, place if place is not None else -1)
    here = now if now is not None else reached
    late = project.waits_due is not None and project.waits_due < today()
    shown = []
    for number, stage in enumerate(stages):
        ended = project.state == ProjectState.FINISHED or (project.state in ENDED and number < here)
        done = number < here or ended
        tone = "done" if done else "now" if number == here and project.state not in ENDED else ""
        note = day(local_day(left[number])) if done and number in left else ""
        if tone == "now" and project.waits_due is not None:
            note = say("应于 {date}", date=day(project.waits_due))
        shown.append(StepShown(say(stage.word), "late" if tone == "now" and late else tone, note))
    return shown


def _files(session: Session, project: Project) -> dict[str, list[Attachment]]:
    found: dict[str, list[Attachment]] = {}
    for file in find_attachments(session, "project", project.id):
        found.setdefault(file.kind, []).append(file)
    return found


def _links(session: Session, project: Project, viewer: Viewer, *, whole: bool) -> list[Link]:
    """The pages of the steps that this person may open, once the project has been recommended. A supplier opens what was found on site."""
    if project.state in EDITABLE or project.state == ProjectState.SUBMITTED:
        return []
    closed = set() if whole else set(STEP_WORDS) - {"inspections"}
    if find_agreement(session, project.id) is None:
        closed.add("agreements")
    if not may(viewer, "read", "fund") and project.organisation_id not in viewer.organisation_ids:
        closed.add("funds")
    if project.state not in NOMINABLE:
        closed.add("showcases_writing")
    found: list[tuple[int, Link]] = []
    order = list(STEP_WORDS)
    for endpoint in current_app.view_functions:
        noun, _dot, name = endpoint.partition(".")
        policy = policy_of(current_app, endpoint) if name == "of_project" else None
        if policy is not None and policy.permits(viewer) and noun in STEP_WORDS and noun not in closed:
            link = Link(say(STEP_WORDS[noun]), url_for(endpoint, public_id=project.public_id))
            found.append((order.index(noun), link))
    return [link for _place, link in sorted(found, key=lambda row: row[0])]


def _open_guides(session: Session, project: Project) -> Sequence[Guide]:
    """Where a project in reserve, or a draft whose guide has closed, may go."""
    if project.state not in (ProjectState.RESERVE, ProjectState.DRAFT):
        return []
    return open_guides(session, is_enterprise=project.enterprise_id is not None)


def open_guides(session: Session, *, is_enterprise: bool) -> list[Guide]:
    """Those that take submissions today from an applicant of this kind."""
    day_, rules = today(), current_site().pilot.project
    query = select(Guide).where(Guide.state == "published", Guide.opens <= day_, Guide.closes >= day_)
    rows = session.scalars(query.order_by(Guide.closes, Guide.id).limit(50)).all()
    return [row for row in rows if is_enterprise or rules.of(row.project_class).for_services]


def _groups(session: Session, project: Project) -> Sequence[EnterpriseGroup]:
    """Chains and parks of the applicant, whose members may be taken over."""
    member = select(GroupMember.group_id).where(GroupMember.enterprise_id == project.enterprise_id)
    query = select(EnterpriseGroup).where((EnterpriseGroup.leader_id == project.enterprise_id) | EnterpriseGroup.id.in_(member))
    return session.scalars(query.order_by(EnterpriseGroup.name).limit(20)).all() if project.enterprise_id else []


def _money(project: Project, costs: Sequence[ProjectCost]) -> dict[str, int]:
    drafts = [CostDraft(row.year, row.quarter, row.kind, row.item, row.amount_fen) for row in costs]
    return {
        "amount": sum(row.amount_fen for row in costs),
        "fiscal": sum(row.fiscal_fen for row in costs),
        "own": sum(row.own_fen for row in costs),
        "supported": supported_fen(drafts, current_site().pilot.project),
    }
