"""Keeping licences and certificates: entered with their file, replaced by newer ones, reminded of, compared once a year."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import history
from marketplace.actions.files import attach
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer, may, may_act_for
from marketplace.domain.certificates import EXPIRED, CertificateDraft, check, recheck_day, reminder
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.providers import IN_POOL
from marketplace.domain.rating_rules import CertificateRules
from marketplace.domain.working_days import term
from marketplace.files.store import StoredBlob
from marketplace.records.calendar import find_calendar
from marketplace.records.certificates import Certificate, find_expiring
from marketplace.records.database import Database
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task

NOUN = "certificate"
RECHECK = "recheck"


def add_certificate(
    database: Database,
    provider_id: int,
    draft: CertificateDraft,
    *,
    proof: StoredBlob | None,
    replaces: int | None = None,
    viewer: Viewer,
    at: datetime,
) -> Certificate:
    """A certificate with its file, by the provider itself or by staff; a newer one stands for the one that it replaces."""
    for _field, refused in check(draft):
        raise RefusedError(refused)
    if proof is None:
        raise RefusedError(Refused("proof_missing", _("请附上证照的扫描件。")))
    with database.writing() as session:
        provider = session.get_one(Provider, provider_id)
        _must_keep(viewer, provider)
        row = Certificate(provider_id=provider.id, kind=draft.kind, name=draft.name.strip(), number=draft.number.strip(), created=at)
        row.issued, row.expires = draft.issued, draft.expires
        session.add(row)
        session.flush()
        if replaces is not None:
            old = session.get_one(Certificate, replaces, with_for_update=True)
            if old.provider_id != provider.id or old.replaced_at is not None:
                raise RefusedError(Refused("replaced", _("这份证照已经更换。请刷新后再看。")))
            old.replaced_at = at
            close_tasks(session, NOUN, old.id, at=at)
        attach(session, proof, noun=NOUN, noun_id=row.id, kind="proof", organisation_id=provider.organisation_id, viewer=viewer, at=at)
        after = {"name": row.name, "number": row.number, "expires": row.expires.isoformat() if row.expires else None, "replaces": replaces}
        history.record(session, actor=actor_of(viewer), verb="add", noun=NOUN, noun_id=row.id, before=None, after=after, at=at)
        return row


def compare(database: Database, certificate_id: int, *, viewer: Viewer, at: datetime, today: date) -> Certificate:
    """Staff have compared it with the original or the register."""
    if not may(viewer, "enter", "rating"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
    with database.writing() as session:
        row = session.get_one(Certificate, certificate_id)
        before = {"checked_on": row.checked_on.isoformat() if row.checked_on else None}
        row.checked_on = today
        after = {"checked_on": today.isoformat()}
        history.record(session, actor=actor_of(viewer), verb="compare", noun=NOUN, noun_id=row.id, before=before, after=after, at=at)
        return row


def confirm_all(database: Database, provider_id: int, *, viewer: Viewer, at: datetime) -> None:
    """The provider confirms in the yearly re-check that what stands here still holds; staff then compare it."""
    with database.writing() as session:
        provider = session.get_one(Provider, provider_id)
        _must_keep(viewer, provider)
        close_tasks(session, "provider", provider.id, at=at, kinds=[RECHECK])
        open_task(
            session,
            "compare",
            _("{name}已确认证照，请核对。"),
            noun="provider_certificates",
            noun_id=provider.id,
            public_ref=provider.public_id,
            at=at,
            values={"name": provider.name},
            roles=(Role.MANAGER,),
        )
        history.record(
            session, actor=actor_of(viewer), verb="confirm", noun=NOUN, noun_id=None, before=None, after={"provider": provider.id}, at=at
        )


def remind(session: Session, rules: CertificateRules, *, at: datetime, today: date) -> int:
    """Tell those whose certificates expire soon, each step once; of an expired one staff hear too. How many."""
    told = 0
    until = date.fromordinal(today.toordinal() + max(rules.remind_days, default=0))
    for row in find_expiring(session, until):
        step = reminder(row.expires, today, row.reminded, rules.remind_days)
        if step is None or row.provider.state not in IN_POOL:
            continue
        assert row.expires is not None
        row.reminded = step
        told += 1
        message = (
            _("证照“{name}”已于 {expires} 到期，请更换。") if step == EXPIRED else _("证照“{name}”将于 {expires} 到期，请在到期前更换。")
        )
        values = {"name": row.name, "expires": row.expires.isoformat()}
        organisation = row.provider.organisation_id
        people = accounts_of_organisation(session, organisation)
        notify(
            session, people, "certificate", message, at=at, values=values, noun="provider_certificates", public_ref=row.provider.public_id
        )
        open_task(
            session,
            "renew",
            message,
            noun=NOUN,
            noun_id=row.id,
            public_ref=row.provider.public_id,
            at=at,
            values=values,
            roles=(Role.PROVIDER,),
            organisation_id=organisation,
            due=row.expires,
        )
        if step == EXPIRED:
            staff = accounts_of_roles(session, [Role.MANAGER])
            more = {"provider": row.provider.name, **values}
            sentence = _("{provider}的证照“{name}”已于 {expires} 到期。")
            notify(
                session, staff, "certificate", sentence, at=at, values=more, noun="provider_certificates", public_ref=row.provider.public_id
            )
    session.flush()
    return told


def ask_for_recheck(session: Session, rules: CertificateRules, *, at: datetime, today: date, zone: str) -> int:
    """Once a year, from its day on, every provider of the pool is asked to look its certificates through. How many."""
    first = recheck_day(today.year, rules.recheck)
    if today < first:
        return 0
    begun = datetime.combine(first, time(), ZoneInfo(zone))
    asked = set(session.scalars(select(Task.noun_id).where(Task.kind == RECHECK, Task.noun == "provider", Task.created >= begun)))
    due = term(today, rules.recheck_days, find_calendar(session)).due
    count = 0
    for provider in session.scalars(select(Provider).where(Provider.state.in_(IN_POOL)).order_by(Provider.id)).all():
        # Whoever came in after the day is of next year's re-check.
        if provider.id in asked or (provider.admitted_on is not None and provider.admitted_on >= first):
            continue
        message, values = _("{year} 年资质复核：请核对证照，过期的更换，然后确认。"), {"year": today.year}
        open_task(
            session,
            RECHECK,
            message,
            noun="provider",
            noun_id=provider.id,
            public_ref=provider.public_id,
            at=at,
            values=values,
            roles=(Role.PROVIDER,),
            organisation_id=provider.organisation_id,
            due=due,
        )
        count += 1
    return count


def _must_keep(viewer: Viewer, provider: Provider) -> None:
    if not (may(viewer, "enter", "rating") or may_act_for(viewer, provider.organisation_id, "edit")):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
