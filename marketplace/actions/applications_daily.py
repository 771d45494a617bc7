"""What days do to applications: a window closes over drafts, a supplement's term ends."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.application_steps import tell_applicant, values_of
from marketplace.actions.application_submission import LAPSE_TASK
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.actions.windows import FILL_TASK
from marketplace.domain.access import Role
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import _
from marketplace.records.application_facts import NOUN
from marketplace.records.applications import ProviderApplication
from marketplace.records.tasks import Task
from marketplace.records.windows import ApplicationWindow


def tell_of_closed_windows(session: Session, today: date, at: datetime) -> None:
    """Whoever still has a draft in a window that has closed is told that nothing is lost; nothing waits for them any more."""
    waiting = select(Task.noun_id).where(Task.noun == NOUN, Task.kind == FILL_TASK, Task.done_at.is_(None))
    query = select(ProviderApplication).join(ProviderApplication.window).where(ApplicationWindow.closes < today)
    query = query.where(ProviderApplication.state == ApplicationState.DRAFT, ProviderApplication.id.in_(waiting))
    for application in session.scalars(query.order_by(ProviderApplication.id)).all():
        close_tasks(session, NOUN, application.id, at=at, kinds=[FILL_TASK])
        tell_applicant(session, application, _("申报窗口“{title}”已截止。您填写的内容已保存为草稿，下一批开放时可继续。"), at)


def ask_about_overdue_supplements(session: Session, today: date, at: datetime) -> None:
    """A supplement that did not come in time: the manager decides whether to wait; the applicant may still hand in until then."""
    asked = select(Task.noun_id).where(Task.noun == NOUN, Task.kind == LAPSE_TASK, Task.done_at.is_(None))
    query = select(ProviderApplication).where(ProviderApplication.state == ApplicationState.SENT_BACK)
    query = query.where(ProviderApplication.supplement_until < today, ProviderApplication.id.not_in(asked))
    for application in session.scalars(query.order_by(ProviderApplication.id)).all():
        message = _("{organisation} 的申报 {number} 逾期未补正，决定是否按撤回处理")
        open_task(
            session,
            LAPSE_TASK,
            message,
            noun=NOUN,
            noun_id=application.id,
            public_ref=application.public_id,
            at=at,
            values=values_of(application),
            roles=[Role.MANAGER],
        )
        tell_applicant(session, application, _("申报 {number} 的补正期限已到，请尽快重新提交，否则将按撤回处理。"), at)
