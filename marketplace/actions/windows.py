"""What happens to an application window: drafted, published, its last day moved, withdrawn."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks
from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.windows import TABLE, WindowDraft, WindowState, check, check_closing, check_published
from marketplace.records.applications import ProviderApplication
from marketplace.records.database import Database
from marketplace.records.tasks import Task
from marketplace.records.windows import ApplicationWindow

NOUN, SERIES = "window", "SB"
FILL_TASK = "application_fill"


def create_window(database: Database, draft: WindowDraft, *, viewer: Viewer, at: datetime, today: date) -> ApplicationWindow:
    """A new window, as a draft that only staff see."""
    _check(draft, viewer)
    with database.writing() as session:
        window = ApplicationWindow(number=next_number(session, SERIES, today.year, digits=2), created=at)
        _fill(window, draft)
        session.add(window)
        session.flush()
        _note(session, window, "create", viewer, at, None, _json(window))
        return window


def edit_window(
    database: Database, window_id: int, draft: WindowDraft, *, viewer: Viewer, at: datetime, seen: int | None = None
) -> ApplicationWindow:
    """Change a draft. What is published is a promise: only its last day moves, and everybody is told.

    `seen`: the last entry of its history that the form knew; whoever saved meanwhile is not written over.
    """
    _check(draft, viewer)
    with database.writing() as session:
        window = session.get_one(ApplicationWindow, window_id, with_for_update=True)
        if window.state != WindowState.DRAFT:
            raise RefusedError(Refused("window_published", _("通知已经发布，只能延长或提前截止，或撤回后另发。")))
        refuse_if_moved(session, NOUN, window.id, seen=seen, at=at)
        before = _json(window)
        _fill(window, draft)
        session.flush()
        _note(session, window, "edit", viewer, at, before, _json(window))
        return window


def publish_window(database: Database, window_id: int, *, viewer: Viewer, at: datetime, today: date) -> ApplicationWindow:
    """Publish the notice, and tell every provider's people."""
    with database.writing() as session:
        window = session.get_one(ApplicationWindow, window_id)
        if refused := check_published(draft_of(window), today):
            raise RefusedError(refused)
        _move(session, window, "publish", viewer, at)
        message = _("申报通知“{title}”已发布：{opens} 至 {closes} 24:00 接受申报。")
        _tell(session, accounts_of_roles(session, [Role.PROVIDER]), window, "window", message, at)
        return window


def withdraw_window(database: Database, window_id: int, *, viewer: Viewer, at: datetime, why: str) -> ApplicationWindow:
    """Take a notice back, with the reason. Drafts in it stay with their writers, but cannot be handed in."""
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        window = session.get_one(ApplicationWindow, window_id)
        _move(session, window, "withdraw", viewer, at, why.strip())
        drafts = list(_drafts(session, window))
        for application in drafts:
            close_tasks(session, "application", application.id, at=at, kinds=[FILL_TASK])
        message = _("申报通知“{title}”已撤回：{why}。您填写的内容已保存为草稿。")
        _tell(session, _people_of(session, drafts), window, "window", message, at, why=why.strip())
        return window


def move_closing(
    database: Database,
    window_id: int,
    closes: date | None,
    *,
    viewer: Viewer,
    at: datetime,
    today: date,
    why: str,
    seen: int | None = None,
) -> ApplicationWindow:
    """Extend a published window or close it early, with the reason; whoever has a draft in it is told."""
    _refuse_unless_manager(viewer)
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        window = session.get_one(ApplicationWindow, window_id, with_for_update=True)
        if window.state != WindowState.PUBLISHED:
            raise RefusedError(Refused("window_not_published", _("通知没有发布，请直接修改日期。")))
        refuse_if_moved(session, NOUN, window.id, seen=seen, at=at)
        if window.results_published_at is not None:
            raise RefusedError(Refused("results_published", _("结果已经公布，不能再改截止日期。")))
        if refused := check_closing(opens=window.opens, old=window.closes, new=closes, today=today):
            raise RefusedError(refused)
        assert closes is not None
        before, verb = {"closes": window.closes.isoformat()}, "extend" if closes > window.closes else "close_early"
        window.closes = closes
        session.flush()
        _note(session, window, verb, viewer, at, before, {"closes": closes.isoformat()}, why.strip())
        drafts = list(_drafts(session, window))
        waiting = update(Task).where(Task.noun == "application", Task.kind == FILL_TASK, Task.done_at.is_(None))
        session.execute(waiting.where(Task.noun_id.in_([one.id for one in drafts])).values(due=closes))
        message = _("申报窗口“{title}”的截止日期改为 {closes} 24:00：{why}")
        _tell(session, _people_of(session, drafts), window, "window", message, at, why=why.strip())
        return window


def draft_of(window: ApplicationWindow) -> WindowDraft:
    """A window as it would be typed."""
    return WindowDraft(
        window.title, window.text, list(window.sectors), list(window.required), window.opens, window.closes, window.publicity_days
    )


def _refuse_unless_manager(viewer: Viewer) -> None:
    if not may(viewer, "manage", "window"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))


def _check(draft: WindowDraft, viewer: Viewer) -> None:
    _refuse_unless_manager(viewer)
    for _field, refused in check(draft):
        raise RefusedError(refused)


def _fill(window: ApplicationWindow, draft: WindowDraft) -> None:
    assert draft.opens is not None
    assert draft.closes is not None
    window.title, window.text = draft.title.strip(), draft.text.strip()
    window.sectors, window.required = list(draft.sectors), list(draft.required)
    window.opens, window.closes, window.publicity_days = draft.opens, draft.closes, draft.publicity_days or 0


def _json(window: ApplicationWindow) -> dict[str, Any]:
    return {
        "title": window.title,
        "text": window.text,
        "sectors": list(window.sectors),
        "required": list(window.required),
        "opens": window.opens.isoformat(),
        "closes": window.closes.isoformat(),
        "publicity_days": window.publicity_days,
    }


def _drafts(session: Session, window: ApplicationWindow) -> list[ProviderApplication]:
    query = select(ProviderApplication).where(
        ProviderApplication.window_id == window.id, ProviderApplication.state == ApplicationState.DRAFT
    )
    return list(session.scalars(query.order_by(ProviderApplication.id)))


def _people_of(session: Session, applications: list[ProviderApplication]) -> set[int]:
    return {person for one in applications for person in accounts_of_organisation(session, one.organisation_id)}


def _move(session: Session, window: ApplicationWindow, event: str, viewer: Viewer, at: datetime, why: str = "") -> None:
    transition.apply(session, window, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at, why=why)


def _tell(session: Session, people: set[int], window: ApplicationWindow, kind: str, message: str, at: datetime, **values: str) -> None:
    values |= {"title": window.title, "opens": window.opens.isoformat(), "closes": window.closes.isoformat()}
    notify(session, people, kind, message, at=at, values=dict(values), noun="window", public_ref=window.public_id)


def _note(
    session: Session,
    window: ApplicationWindow,
    verb: str,
    viewer: Viewer,
    at: datetime,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    why: str = "",
) -> None:
    record(session, actor=actor_of(viewer), verb=verb, noun="window", noun_id=window.id, before=before, after=after, why=why, at=at)
