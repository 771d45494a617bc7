"""Telling people what happened, in the transaction in which it happens; mail follows by the job queue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.actions.jobs import enqueue_job
from marketplace.domain.access import Role
from marketplace.domain.notices import Way
from marketplace.records.accounts import Account, Membership
from marketplace.records.notices import Notice, NoticePreference

MAIL_KEY = "mail_notices"


def notify(
    session: Session,
    account_ids: Iterable[int],
    kind: str,
    message: str,
    *,
    at: datetime,
    values: dict[str, Any] | None = None,
    noun: str = "",
    public_ref: str = "",
) -> None:
    """One notice for each of these persons. `message` is a Chinese source sentence marked by `_`, `values` what it needs."""
    found = sorted(set(account_ids))
    session.add_all(
        Notice(account_id=one, kind=kind, message=message, values=values or {}, noun=noun, public_ref=public_ref, at=at) for one in found
    )
    if found:
        enqueue_job(session, "mail_notices", {}, at=at, key=MAIL_KEY)


def accounts_of_roles(session: Session, roles: Iterable[Role]) -> set[int]:
    """Everybody who holds one of these roles."""
    query = select(Account.id).join(Membership).where(Membership.role.in_(list(roles)), Account.disabled.is_(False))
    return set(session.scalars(query))


def accounts_of_organisation(session: Session, organisation_id: int) -> set[int]:
    query = select(Account.id).join(Membership).where(Membership.organisation_id == organisation_id, Account.disabled.is_(False))
    return set(session.scalars(query))


def read_notices(session: Session, account_id: int, *, at: datetime, public_id: str | None = None) -> int:
    """A person has read one notice, or all; how many were unread. Another person's is not touched."""
    mine = update(Notice).where(Notice.account_id == account_id, Notice.read_at.is_(None))
    if public_id is not None:
        mine = mine.where(Notice.public_id == public_id)
    return session.execute(mine.values(read_at=at)).rowcount  # type: ignore[attr-defined,no-any-return]


def choose_ways(session: Session, account_id: int, ways: Mapping[str, Way]) -> None:
    """How a person wants to be told, by kind of notice."""
    for kind, way in ways.items():
        row = session.get(NoticePreference, (account_id, kind))
        if row is None:
            session.add(NoticePreference(account_id=account_id, kind=kind, way=way))
        else:
            row.way = way
    session.flush()
