"""申报指南: the bureau writes, publishes and closes them; whoever has a draft under one is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.numbers import next_number
from marketplace.actions.project_steps import PROJECT, STEP, Step
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Role
from marketplace.domain.guides import TABLE, GuideDraft, GuideState, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_rules import ProjectRules
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.records.database import Database
from marketplace.records.guides import Guide
from marketplace.records.projects import Project

NOUN, SERIES = "guide", "ZN"
# The platform itself closes what has run out.
CLOCK = "到期自动截止"
_FIELDS = tuple(one.name for one in fields(GuideDraft))
# What may still be changed once applicants work by it; its conditions stay as they were read.
_AFTER = frozenset({"title", "text", "closes", "budget_fen"})


def create(database: Database, draft: GuideDraft, step: Step) -> Guide:
    """A guide that only the bureau sees yet."""
    must_hold(step.viewer, "manage", "guide")
    _refuse_faults(draft, step.rules)
    with database.writing() as session:
        guide = Guide(number=next_number(session, SERIES, step.today.year), created_by=step.viewer.account_id, created=step.at)
        _write(guide, draft, _FIELDS)
        session.add(guide)
        session.flush()
        _note(session, guide, "create", step, {}, {"number": guide.number, **_plain(draft, _FIELDS)})
        return guide


def change(database: Database, guide_id: int, draft: GuideDraft, step: Step) -> Guide:
    """Change a guide that has not ended. A published one keeps its class, its conditions and its documents: people apply by them."""
    must_hold(step.viewer, "manage", "guide")
    _refuse_faults(draft, step.rules)
    with database.writing() as session:
        guide = _locked(session, guide_id, step)
        if guide.state not in (GuideState.DRAFT, GuideState.PUBLISHED):
            raise RefusedError(Refused("guide_over", _("指南已截止，不能再改。")))
        before = _plain(_draft_of(guide), _FIELDS)
        changed = [name for name, value in _plain(draft, _FIELDS).items() if before[name] != value]
        if guide.state == GuideState.PUBLISHED:
            if set(changed) - _AFTER:
                message = _("指南已发布，项目类别、条件、材料和开始日期不能再改；可以截止后另发一份。")
                raise RefusedError(Refused("guide_fixed", message))
            if draft.closes is not None and draft.closes < step.today:
                raise RefusedError(Refused("closes_in_the_past", _("截止日期已经过去。要现在截止，请按“截止申报”。")))
        if changed:
            _write(guide, draft, changed)
            session.flush()
            after = _plain(draft, changed)
            _note(session, guide, "change", step, {name: before[name] for name in changed}, after)
            if "closes" in changed and guide.state == GuideState.PUBLISHED:
                message = _("申报指南“{title}”的截止日期改为 {closes} 24:00。")
                _tell_drafts(session, guide, message, step.at, closes=guide.closes.isoformat())
        return guide


def publish(database: Database, guide_id: int, step: Step) -> Guide:
    """Everybody reads it; enterprises, service institutions where they may apply, and the offices are told."""
    with database.writing() as session:
        guide = _locked(session, guide_id, step)
        if guide.closes < step.today:
            raise RefusedError(Refused("closes_in_the_past", _("截止日期已经过去，请先改日期再发布。")))
        _move(session, guide, "publish", step)
        guide.published_at = step.at
        roles = {Role.ENTERPRISE, Role.AREA, Role.CENTRE, Role.MANAGER}
        if step.rules.of(guide.project_class).for_services:
            roles.add(Role.PROVIDER)
        message = _("新的申报指南：{title}，{closes} 24:00 截止。")
        _tell(session, accounts_of_roles(session, roles), guide, message, step.at, closes=guide.closes.isoformat())
        return guide


def close(database: Database, guide_id: int, step: Step, *, why: str = "") -> Guide:
    """No more submissions, before the last day or after it. Drafts stay as they are."""
    with database.writing() as session:
        guide = _locked(session, guide_id, step)
        _move(session, guide, "close", step, why.strip())
        _release_drafts(session, guide, step.at)
        return guide


def announce(database: Database, guide_id: int, step: Step) -> Guide:
    """What was decided under it is public; whoever applied is told."""
    with database.writing() as session:
        guide = _locked(session, guide_id, step)
        undecided = (ProjectState.SUBMITTED, ProjectState.RETURNED, ProjectState.RECOMMENDED, ProjectState.REVIEWING, ProjectState.RANKED)
        open_ones = select(Project.id).where(Project.guide_id == guide.id, Project.state.in_(undecided)).limit(1)
        if session.scalar(open_ones) is not None:
            raise RefusedError(Refused("undecided", _("还有项目没有审定，审定后再公布结果。")))
        _move(session, guide, "announce", step)
        applied = select(Project.organisation_id).where(Project.guide_id == guide.id, Project.submitted_at.is_not(None)).distinct()
        accounts = {one for unit in session.scalars(applied) for one in accounts_of_organisation(session, unit)}
        _tell(session, accounts, guide, _("申报指南“{title}”的结果已公布。"), step.at)
        return guide


def close_ended_guides(session: Session, today: date, at: datetime) -> None:
    """Daily: guides whose last day is over are closed."""
    over = select(Guide).where(Guide.state == GuideState.PUBLISHED, Guide.closes < today)
    for guide in session.scalars(over.order_by(Guide.id)).all():
        transition.apply(session, guide, TABLE, "close", actor=CLOCK, roles={Role.ADMIN}, at=at)
        _release_drafts(session, guide, at)


def _release_drafts(session: Session, guide: Guide, at: datetime) -> None:
    """What was not handed in stays a draft, but nobody waits for it any more."""
    session.flush()
    drafts = select(Project).where(Project.guide_id == guide.id, Project.state == ProjectState.DRAFT)
    for project in session.scalars(drafts.order_by(Project.id)).all():
        close_tasks(session, PROJECT, project.id, at=at, kinds=(STEP,))
    _tell_drafts(session, guide, _("申报指南“{title}”已截止。您的草稿仍保存着，可以改用另一份指南申报。"), at)


def _tell_drafts(session: Session, guide: Guide, message: str, at: datetime, **values: Any) -> None:
    units = select(Project.organisation_id).where(Project.guide_id == guide.id, Project.state == ProjectState.DRAFT).distinct()
    accounts = {one for unit in session.scalars(units) for one in accounts_of_organisation(session, unit)}
    _tell(session, accounts, guide, message, at, **values)


def _tell(session: Session, accounts: Iterable[int], guide: Guide, message: str, at: datetime, **values: Any) -> None:
    notify(session, accounts, NOUN, message, at=at, values={"title": guide.title, **values}, noun=NOUN, public_ref=guide.public_id)


def _locked(session: Session, guide_id: int, step: Step) -> Guide:
    session.execute(select(Guide.id).where(Guide.id == guide_id).with_for_update())
    guide = session.get_one(Guide, guide_id, populate_existing=True)
    refuse_if_moved(session, NOUN, guide.id, seen=step.seen, at=step.at)
    return guide


def _move(session: Session, guide: Guide, event: str, step: Step, why: str = "") -> None:
    transition.apply(session, guide, TABLE, event, actor=actor_of(step.viewer), roles=step.viewer.roles, at=step.at, why=why)


def _refuse_faults(draft: GuideDraft, rules: ProjectRules) -> None:
    documents = [row.key for row in rules.documents if row.step == "submission"]
    for _field, refused in check(draft, documents=documents):
        raise RefusedError(refused)


def _draft_of(guide: Guide) -> GuideDraft:
    return GuideDraft(**{name: getattr(guide, name) for name in _FIELDS})


def _write(guide: Guide, draft: GuideDraft, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(draft, name)
        setattr(guide, name, ProjectClass(value) if name == "project_class" else list(value) if isinstance(value, tuple) else value)


def _plain(draft: GuideDraft, names: Iterable[str]) -> dict[str, Any]:
    """As the history keeps it."""
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(draft, name)
        found[name] = value.isoformat() if isinstance(value, date) else [*value] if isinstance(value, tuple | list) else value
    return found


def _note(session: Session, guide: Guide, verb: str, step: Step, before: dict[str, Any], after: dict[str, Any]) -> None:
    actor = actor_of(step.viewer)
    record(session, actor=actor, verb=verb, noun=NOUN, noun_id=guide.id, before=before or None, after=after, at=step.at)
