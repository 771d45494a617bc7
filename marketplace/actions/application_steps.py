"""What every step of an application shares: its lock, who may take it, who is told and asked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.history import record
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.actions.tasks import open_task
from marketplace.domain.access import Role, Viewer, may_apply_for
from marketplace.domain.applications import TABLE, WRITABLE
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.records.application_facts import NOUN
from marketplace.records.applications import ProviderApplication


def writable(session: Session, application_id: int, viewer: Viewer) -> ProviderApplication:
    """The application under its lock, if this person may write in it now."""
    application = locked(session, application_id)
    refuse_unless(may_apply_for(viewer, application.organisation_id, "edit"))
    if application.state not in WRITABLE:
        raise RefusedError(Refused("not_writable", _("申报已提交，现在不能修改。需要修改时请先撤回，或等退回补正。")))
    return application


def locked(session: Session, application_id: int) -> ProviderApplication:
    """Those who act on an application at the same moment do so one after the other."""
    session.execute(select(ProviderApplication.id).where(ProviderApplication.id == application_id).with_for_update())
    return session.get_one(ProviderApplication, application_id, populate_existing=True)


def roles_of(viewer: Viewer, application: ProviderApplication) -> set[Role]:
    """Handing in and taking back are for members who may hand in for this organisation."""
    held = set(viewer.roles)
    if not may_apply_for(viewer, application.organisation_id, "submit"):
        held.discard(Role.PROVIDER)
    return held


def move(
    session: Session, application: ProviderApplication, event: str, viewer: Viewer, at: datetime, *, why: str = "", subject: Any = None
) -> Transition:
    roles = roles_of(viewer, application)
    return transition.apply(session, application, TABLE, event, actor=actor_of(viewer), roles=roles, at=at, why=why, subject=subject)


def values_of(application: ProviderApplication) -> dict[str, Any]:
    return {"number": application.number, "title": application.window.title, "organisation": application.organisation.name}


def ask_applicant(session: Session, application: ProviderApplication, kind: str, message: str, at: datetime, *, due: date | None) -> None:
    """Something that the applicant is to do."""
    session.refresh(application, ["organisation"])
    open_task(
        session,
        kind,
        message,
        noun=NOUN,
        noun_id=application.id,
        public_ref=application.public_id,
        at=at,
        values=values_of(application),
        organisation_id=application.organisation_id,
        due=due,
    )


def tell_applicant(session: Session, application: ProviderApplication, message: str, at: datetime) -> None:
    tell(session, accounts_of_organisation(session, application.organisation_id), application, message, at)


def tell(session: Session, people: set[int], application: ProviderApplication, message: str, at: datetime) -> None:
    notify(session, people, NOUN, message, at=at, values=values_of(application), noun=NOUN, public_ref=application.public_id)


def note(
    session: Session,
    application: ProviderApplication,
    verb: str,
    viewer: Viewer,
    at: datetime,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    record(session, actor=actor_of(viewer), verb=verb, noun=NOUN, noun_id=application.id, before=before, after=after, at=at)
