"""One-time links: made and mailed in the transaction of what they are about, used once."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from marketplace.actions.jobs import enqueue_job
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.secrets import hashed
from marketplace.records.links import LinkKind, OneTimeLink

# From a secret to the address that holds it. The web knows the site's own address; no request names it.
Address = Callable[[str], str]

LIFETIMES = {
    LinkKind.REGISTER: timedelta(hours=24),
    LinkKind.INVITE: timedelta(days=7),
    LinkKind.RESET: timedelta(hours=1),
    LinkKind.EMAIL: timedelta(hours=24),
    LinkKind.SECOND_FACTOR: timedelta(minutes=10),
}
# Used and expired links are kept a while, so that one who comes late is told the same as one who guesses: nothing.
_KEPT = timedelta(days=30)


def make_link(
    session: Session, kind: LinkKind, *, at: datetime, account_id: int | None = None, thing_id: int | None = None, value: str = ""
) -> str:
    """The secret of a new link. Earlier links about the same thing are dead: only the last mail counts."""
    session.execute(delete(OneTimeLink).where(OneTimeLink.expires < at - _KEPT))
    if kind is not LinkKind.SECOND_FACTOR:
        same = (OneTimeLink.kind == kind) & (OneTimeLink.account_id == account_id) & (OneTimeLink.thing_id == thing_id)
        session.execute(update(OneTimeLink).where(same, OneTimeLink.used_at.is_(None)).values(used_at=at))
    secret = secrets.token_urlsafe(32)
    row = OneTimeLink(secret_hash=hashed(secret), kind=kind, created=at, expires=at + LIFETIMES[kind])
    row.account_id, row.thing_id, row.value = account_id, thing_id, value
    session.add(row)
    return secret


def find_link(session: Session, kind: LinkKind, secret: str, at: datetime, *, lock: bool = False) -> OneTimeLink | None:
    """The link of a secret while it can be used; used, expired and made up are one and the same."""
    found = select(OneTimeLink).where(OneTimeLink.secret_hash == hashed(secret), OneTimeLink.kind == kind)
    row = session.scalar(found.with_for_update() if lock else found)
    return row if row is not None and row.used_at is None and row.expires > at else None


def use_link(session: Session, kind: LinkKind, secret: str, at: datetime) -> OneTimeLink:
    """Take a link: of two who press at once, one has it. Rolled back with the caller's transaction if that fails."""
    row = find_link(session, kind, secret, at, lock=True)
    if row is None:
        raise RefusedError(LINK_DEAD)
    row.used_at = at
    session.flush()
    return row


def mail(session: Session, to: str, subject: str, body: str, *, at: datetime) -> None:
    """One letter, sent once the transaction stands."""
    enqueue_job(session, "send_mail", {"to": to, "subject": subject, "body": body}, at=at)


LINK_DEAD = Refused("link_dead", _("这个链接已经用过、已过期，或被更新的邮件代替。请重新申请一封。"))
