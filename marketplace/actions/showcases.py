"""标杆案例: nominated by the offices, agreed to by those it speaks of, let out by another person, taken back by whoever may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import actor_of, must_hold, refuse_unless
from marketplace.actions.showcases_text import FIELDS, draft_of, plain, solutions_of, texts_of, typed_of, write
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer, may, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.showcases import (
    NOMINABLE,
    TABLE,
    WITH_REASON,
    Answer,
    ShowcaseDraft,
    ShowcaseRules,
    ShowcaseState,
    Side,
    Subject,
    check,
    names_told,
    tells_cost,
)
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.projects import Project, find_project_members, find_suppliers
from marketplace.records.showcases import Showcase, ShowcaseConsent, find_showcase_consents
from marketplace.records.tasks import Task

NOUN, SERIES = "showcase", "AL"
ASKED, REVIEW = "showcase_consent", "showcase_review"
_REVIEWERS = (Role.MANAGER, Role.BUREAU)


@dataclass(frozen=True)
class Step:
    """Who acts, when, by which rules. `seen`: the last entry of the history on the page."""

    viewer: Viewer
    at: datetime
    today: date
    rules: ShowcaseRules
    seen: int | None = None


def nominate(database: Database, project_id: int, step: Step) -> Showcase:
    """A draft from what the platform knows of a project that was accepted; one project has one showcase at a time."""
    must_hold(step.viewer, "nominate", NOUN)
    with database.writing() as session:
        session.execute(select(Project.id).where(Project.id == project_id).with_for_update())
        project = session.get_one(Project, project_id)
        if project.state not in NOMINABLE:
            raise RefusedError(Refused("not_accepted", _("项目还没有验收通过，不能作为标杆案例。")))
        there = select(Showcase.number).where(Showcase.project_id == project.id, Showcase.state != ShowcaseState.WITHDRAWN)
        if found := session.scalar(there):
            raise RefusedError(Refused("nominated", _("这个项目已有案例 {number}。"), {"number": found}))
        draft = draft_of(session, project, step.rules)
        showcase = Showcase(
            number=next_number(session, SERIES, step.today.year), project_id=project.id, enterprise_id=project.enterprise_id,
            nominated_by=step.viewer.account_id, written_by=step.viewer.account_id, created=step.at,
        )  # fmt: skip
        write(showcase, draft, FIELDS)
        session.add(showcase)
        session.flush()
        _note(session, showcase, "create", step, {}, {"number": showcase.number, "project": project.number, "title": draft.title})
        return showcase


def change(database: Database, showcase_id: int, draft: ShowcaseDraft, step: Step) -> Showcase:
    """Only a draft: what was agreed to stays as it was read."""
    must_hold(step.viewer, "nominate", NOUN)
    for _field, refused in check(draft):
        raise RefusedError(refused)
    with database.writing() as session:
        showcase = _locked(session, showcase_id, step)
        if showcase.state != ShowcaseState.DRAFT:
            raise RefusedError(Refused("not_a_draft", _("案例已在征求意见或已公开，收回后才能修改。")))
        offered = {row.id for row in solutions_of(session, showcase.project_id)} | {showcase.solution_id}
        if draft.solution_id is not None and draft.solution_id not in offered:
            raise RefusedError(Refused("foreign_solution", _("这个方案不是项目服务商的，请重新选。")))
        before, after = plain(typed_of(showcase), FIELDS), plain(draft, FIELDS)
        changed = [name for name in FIELDS if before[name] != after[name]]
        if changed:
            write(showcase, draft, changed)
            showcase.written_by = step.viewer.account_id
            _note(session, showcase, "change", step, {name: before[name] for name in changed}, {name: after[name] for name in changed})
        return showcase


def ask(database: Database, showcase_id: int, step: Step) -> None:
    """Everybody it speaks of is asked, each in its own right: the applicant, the enterprises that took part, the suppliers."""
    with database.writing() as session:
        showcase = _locked(session, showcase_id, step)
        for _field, refused in check(typed_of(showcase)):
            raise RefusedError(refused)
        members = [row.enterprise for row in find_project_members(session, showcase.project_id)]
        if named := names_told(texts_of(showcase), [one.name for one in members]):
            message = _("文字里写了参与企业的名称（{name}）。参与企业的名称不公开，请改成“某企业”。")
            raise RefusedError(Refused("member_named", message, {"name": named[0]}))
        _move(session, showcase, "ask", step)
        session.execute(delete(ShowcaseConsent).where(ShowcaseConsent.showcase_id == showcase.id))
        showcase.show_name = showcase.show_cost = False
        project = session.get_one(Project, showcase.project_id)
        asked: dict[int, tuple[Side, int | None]] = {project.organisation_id: (Side.ENTERPRISE, None)}
        for one in members:
            asked.setdefault(one.organisation_id, (Side.MEMBER, None))
        for row in find_suppliers(session, project.id):
            asked.setdefault(row.provider.organisation_id, (Side.PROVIDER, row.provider_id))
        due = term(step.today, step.rules.consent_days, find_calendar(session)).due
        for unit, (side, provider_id) in asked.items():
            session.add(ShowcaseConsent(showcase_id=showcase.id, organisation_id=unit, side=side, provider_id=provider_id, asked=step.at))
            message = _("标杆案例“{title}”拟公开，请看过全文后答复是否同意。")
            values = {"title": showcase.title}
            _task(session, showcase, ASKED, message, step, values=values, organisation_id=unit, due=due)
            _tell(session, accounts_of_organisation(session, unit), showcase, message, step.at)


def answer(
    database: Database, showcase_id: int, organisation_id: int, *, agrees: bool, show_name: bool = False, show_cost: bool = False,
    why: str = "", way: str = "", step: Step,
) -> None:  # fmt: skip
    """One party's answer; the last one to agree hands it to the review. `show_name`, `show_cost`: for the applicant to allow. `way`: by
    which paper a party without an account said it, where the centre enters it."""
    own = may_act_for(step.viewer, organisation_id, "submit")
    refuse_unless(own or may(step.viewer, "answer", NOUN))
    if not own and not way.strip():
        raise RefusedError(Refused("way_missing", _("请写明对方怎样答复的，例如盖章回函的编号和日期。")))
    if not agrees and not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        showcase = _locked(session, showcase_id, step)
        consent = _consent(session, showcase, organisation_id)
        if showcase.state != ShowcaseState.CONSENTING or (agrees and consent.answer != Answer.ASKED):
            raise RefusedError(Refused("not_asked", _("现在没有在征求您的意见，或者您已经答复过。")))
        if agrees and consent.side == Side.ENTERPRISE:
            if not show_cost and tells_cost(texts_of(showcase), showcase.cost_fen):
                message = _("正文里写着投资额。请同意公开投资额，或不同意并请对方删去。")
                raise RefusedError(Refused("cost_in_text", message))
            showcase.show_name, showcase.show_cost = show_name, show_cost
        consent.answer = Answer.AGREED if agrees else Answer.DECLINED
        said = "；".join(part for part in (why.strip(), way.strip()) if part)
        consent.why, consent.answered, consent.account_id = said, step.at, step.viewer.account_id
        session.flush()
        _close_task_of(session, showcase, step, organisation_id)
        after: dict[str, Any] = {"side": str(consent.side), "organisation": organisation_id, "answer": str(consent.answer)}
        if agrees and consent.side == Side.ENTERPRISE:
            after |= {"show_name": show_name, "show_cost": show_cost}
        _note(session, showcase, "consent", step, {}, after, said)
        roles = {Role.PROVIDER if consent.side == Side.PROVIDER else Role.ENTERPRISE}
        if not agrees:
            _move(session, showcase, "decline", step, why, roles=roles)
            close_tasks(session, NOUN, showcase.id, at=step.at)
            _tell(session, _writers(showcase), showcase, _("标杆案例“{title}”有一方不同意公开，已退回修改。"), step.at)
        elif all(row.answer == Answer.AGREED for row in find_showcase_consents(session, showcase.id)):
            _move(session, showcase, "agree", step, roles=roles)
            due = term(step.today, step.rules.review_days, find_calendar(session)).due
            message = _("标杆案例“{title}”各方已同意公开，等审核发布。")
            _task(session, showcase, REVIEW, message, step, values={"title": showcase.title}, roles=_REVIEWERS, due=due)
            _tell(session, accounts_of_roles(session, _REVIEWERS), showcase, message, step.at)


def move(database: Database, showcase_id: int, event: str, step: Step, *, why: str = "") -> None:
    """What the offices do beside writing: take it back, let it out, send it back, withdraw it, begin anew."""
    if event in WITH_REASON and not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        showcase = _locked(session, showcase_id, step)
        if event == "reopen":
            _refuse_second(session, showcase)
        was = showcase.state
        _move(session, showcase, event, step, why)
        close_tasks(session, NOUN, showcase.id, at=step.at)
        showcase.reason = why.strip()
        if event == "publish":
            showcase.reviewed_by, showcase.published_on = step.viewer.account_id, step.today
            _tell(session, _parties(session, showcase) | _writers(showcase), showcase, _("标杆案例“{title}”已公开发布。"), step.at)
        elif event == "send_back":
            _tell(session, _writers(showcase), showcase, _("标杆案例“{title}”被退回修改，请看理由。"), step.at)
        elif event == "take_back":
            _tell(session, _parties(session, showcase), showcase, _("标杆案例“{title}”已收回修改，改好后再征求您的意见。"), step.at)
        elif event == "withdraw" and was == ShowcaseState.PUBLISHED:
            _tell(session, _parties(session, showcase), showcase, _("标杆案例“{title}”已撤下，不再公开。"), step.at)


def revoke(database: Database, showcase_id: int, organisation_id: int, step: Step, *, why: str) -> None:
    """A party takes its consent back; from that moment it is not public any more."""
    refuse_unless(may_act_for(step.viewer, organisation_id, "submit"))
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        showcase = _locked(session, showcase_id, step)
        consent = _consent(session, showcase, organisation_id)
        roles = {Role.PROVIDER if consent.side == Side.PROVIDER else Role.ENTERPRISE}
        _move(session, showcase, "revoke", step, why, roles=roles)
        consent.answer, consent.why, consent.answered, consent.account_id = Answer.DECLINED, why.strip(), step.at, step.viewer.account_id
        showcase.reason = why.strip()
        close_tasks(session, NOUN, showcase.id, at=step.at)
        told = _writers(showcase) | accounts_of_roles(session, _REVIEWERS)
        _tell(session, told, showcase, _("标杆案例“{title}”有一方撤回同意，已撤下。"), step.at)


def _close_task_of(session: Session, showcase: Showcase, step: Step, organisation_id: int) -> None:
    """The task of one party among several that were asked the same."""
    query = select(Task).where(Task.noun == NOUN, Task.noun_id == showcase.id, Task.kind == ASKED, Task.done_at.is_(None))
    for task in session.scalars(query.where(Task.organisation_id == organisation_id)).all():
        task.done_at = step.at


def _refuse_second(session: Session, showcase: Showcase) -> None:
    other = select(Showcase.number).where(
        Showcase.project_id == showcase.project_id, Showcase.id != showcase.id, Showcase.state != ShowcaseState.WITHDRAWN
    )
    if found := session.scalar(other):
        raise RefusedError(Refused("nominated", _("这个项目已有案例 {number}。"), {"number": found}))


def _consent(session: Session, showcase: Showcase, organisation_id: int) -> ShowcaseConsent:
    query = select(ShowcaseConsent).where(ShowcaseConsent.showcase_id == showcase.id, ShowcaseConsent.organisation_id == organisation_id)
    consent = session.scalar(query)
    refuse_unless(consent is not None)
    assert consent is not None
    return consent


def _locked(session: Session, showcase_id: int, step: Step) -> Showcase:
    session.execute(select(Showcase.id).where(Showcase.id == showcase_id).with_for_update())
    showcase = session.get_one(Showcase, showcase_id, populate_existing=True)
    refuse_if_moved(session, NOUN, showcase.id, seen=step.seen, at=step.at, harmless=("consent",))
    return showcase


def _move(session: Session, showcase: Showcase, event: str, step: Step, why: str = "", roles: Iterable[str] | None = None) -> None:
    answers = tuple(str(row.answer) for row in find_showcase_consents(session, showcase.id))
    subject = Subject(answers, showcase.written_by, step.viewer.account_id)
    held = step.viewer.roles if roles is None else roles
    transition.apply(session, showcase, TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why.strip(), subject=subject)


def _writers(showcase: Showcase) -> set[int]:
    return {one for one in (showcase.nominated_by, showcase.written_by) if one is not None}


def _parties(session: Session, showcase: Showcase) -> set[int]:
    units = {row.organisation_id for row in find_showcase_consents(session, showcase.id)}
    return {one for unit in units for one in accounts_of_organisation(session, unit)}


def _tell(session: Session, accounts: Iterable[int], showcase: Showcase, message: str, at: datetime) -> None:
    notify(session, accounts, NOUN, message, at=at, values={"title": showcase.title}, noun=NOUN, public_ref=showcase.public_id)


def _task(session: Session, showcase: Showcase, kind: str, message: str, step: Step, **given: Any) -> None:
    open_task(session, kind, message, noun=NOUN, noun_id=showcase.id, public_ref=showcase.public_id, at=step.at, **given)


def _note(
    session: Session, showcase: Showcase, verb: str, step: Step, before: dict[str, Any], after: dict[str, Any], why: str = ""
) -> None:
    actor = actor_of(step.viewer)
    record(session, actor=actor, verb=verb, noun=NOUN, noun_id=showcase.id, before=before or None, after=after, why=why, at=step.at)
