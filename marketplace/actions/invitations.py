"""Invitations: of members by their organisation, of staff by an administrator. The invited choose their own password."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.actions.accounts import add_account
from marketplace.actions.history import record
from marketplace.actions.links import LIFETIMES, LINK_DEAD, Address, find_link, mail, make_link, use_link
from marketplace.actions.memberships import grant, lock_organisation
from marketplace.actions.notices import notify
from marketplace.actions.passwords import check_password, hash_password
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.actions.throttling import count_attempt
from marketplace.domain.access import Role, Viewer, may, may_act_for
from marketplace.domain.accounts import check_email, check_login, check_person, folded_email, folded_login
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.secrets import hashed
from marketplace.records.accounts import Account
from marketplace.records.database import Database
from marketplace.records.links import Invitation, LinkKind, find_waiting_invitations

MOST_WAITING = 30
_SUBJECT = _("邀请您加入“{organisation}”（技改供需对接平台）")
_BODY = _(
    "{inviter}邀请您加入“{organisation}”。请在 {days} 天内打开下面的链接，自己设账号和密码；已有账号的，先登录再打开：\n{link}\n\n不认识邀请人，请不用理会。"
)


def invite(
    database: Database,
    organisation_id: int,
    email: str,
    role: Role,
    *,
    rights: Iterable[str],
    areas: Iterable[str] = (),
    viewer: Viewer,
    link: Address,
    at: datetime,
) -> str:
    """Write to somebody. The caller has seen that the viewer may invite to this role here."""
    with database.writing() as session:
        return invite_within(session, organisation_id, email, role, rights=rights, areas=areas, viewer=viewer, link=link, at=at)


def invite_within(
    session: Session,
    organisation_id: int,
    email: str,
    role: Role,
    *,
    rights: Iterable[str],
    areas: Iterable[str] = (),
    viewer: Viewer,
    link: Address,
    at: datetime,
) -> str:
    """The same inside the caller's transaction. The secret of the link; only a demonstration site shows it."""
    email = folded_email(email)
    if refused := check_email(email):
        raise RefusedError(refused)
    assert viewer.account_id is not None
    organisation = lock_organisation(session, organisation_id)
    waiting = find_waiting_invitations(session, [organisation_id], at)
    if len(waiting) >= MOST_WAITING:
        raise RefusedError(Refused("too_many_invitations", _("等待接受的邀请已有 {most} 份，请先撤回不再需要的。"), {"most": MOST_WAITING}))
    lifetime = LIFETIMES[LinkKind.INVITE]
    # Asked again, the same person has one invitation, and the last letter counts.
    row = next((one for one in waiting if (one.email, one.role) == (email, role)), None)
    if row is None:
        row = Invitation(organisation_id=organisation_id, email=email, role=role, invited_by=viewer.account_id, created=at)
        session.add(row)
    row.rights, row.areas, row.expires = list(rights), list(areas), at + lifetime
    session.flush()
    secret = make_link(session, LinkKind.INVITE, at=at, thing_id=row.id)
    subject = _SUBJECT.format(organisation=organisation.name)
    body = _BODY.format(inviter=viewer.name, organisation=organisation.name, days=lifetime.days, link=link(secret))
    mail(session, email, subject, body, at=at)
    after = {"email": email, "organisation": organisation_id, "role": str(role), "rights": row.rights, "areas": row.areas}
    record(session, actor=actor_of(viewer), verb="invite", noun="invitation", noun_id=row.id, before=None, after=after, at=at)
    return secret


def take_back_invitation(database: Database, invitation_id: int, *, viewer: Viewer, at: datetime) -> None:
    """The link in the letter opens nothing any more. The caller has seen whose invitation it is."""
    with database.writing() as session:
        row = session.get_one(Invitation, invitation_id, with_for_update=True)
        refuse_unless(may(viewer, "manage", "account") or may_act_for(viewer, row.organisation_id, "members"))
        if row.accepted_at is not None:
            raise RefusedError(Refused("invitation_accepted", _("这份邀请刚才已被接受，不能撤回；可以在成员里移除。")))
        row.withdrawn_at = at
        record(session, actor=actor_of(viewer), verb="uninvite", noun="invitation", noun_id=row.id, before=None, after=None, at=at)


def find_invited(session: Session, secret: str, at: datetime) -> Invitation | None:
    """The invitation of a link that still opens it."""
    found = find_link(session, LinkKind.INVITE, secret, at)
    row = session.get(Invitation, found.thing_id) if found else None
    return row if row is not None and row.withdrawn_at is None and row.accepted_at is None and row.expires > at else None


def accept(database: Database, secret: str, *, viewer: Viewer, at: datetime) -> str:
    """Somebody who has an account joins with it. All log-ins end: what the person may do has changed."""
    assert viewer.account_id is not None
    with database.writing() as session:
        account = session.get_one(Account, viewer.account_id)
        return _accept(session, secret, account, actor_of(viewer), at).login


def accept_anew(database: Database, secret: str, *, login: str, name: str, password: str, at: datetime) -> str:
    """Somebody without an account opens one. That a log-in name is taken is told to the holder of a letter only."""
    with database.reading() as session:
        if find_invited(session, secret, at) is None:
            raise RefusedError(LINK_DEAD)
    # Who holds a letter may not try log-in names without end.
    counted = count_attempt(database, {"link": f"link:{hashed(secret)}"}, at)
    login = folded_login(login)
    refused = (
        (counted if isinstance(counted, Refused) else None) or check_login(login) or check_person(name) or check_password(password, login)
    )
    if refused:
        raise RefusedError(refused)
    password_hash = hash_password(password)
    with database.writing() as session:
        row = find_invited(session, secret, at)
        if row is None:
            raise RefusedError(LINK_DEAD)
        account = add_account(session, login, password_hash, name=name.strip(), email=row.email, now=at)
        if isinstance(account, Refused):
            raise RefusedError(account)
        after = {"login": login, "invitation": row.id}
        record(session, actor=login, verb="open", noun="account", noun_id=account.id, before=None, after=after, at=at)
        return _accept(session, secret, account, login, at).login


def _accept(session: Session, secret: str, account: Account, actor: str, at: datetime) -> Account:
    row = find_invited(session, secret, at)
    if row is None:
        raise RefusedError(LINK_DEAD)
    use_link(session, LinkKind.INVITE, secret, at)
    session.refresh(row, with_for_update=True)
    row.accepted_at, row.accepted_by = at, account.id
    session.flush()
    grant(session, account.id, row.organisation_id, row.role, rights=row.rights, areas=row.areas, actor=actor, at=at)
    values = {"person": account.name, "name": row.organisation.name}
    notify(session, [row.invited_by], "member", _("{person}已接受邀请，加入“{name}”。"), at=at, values=values)
    return account
