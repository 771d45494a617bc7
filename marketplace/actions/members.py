"""The members of an organisation: invited by one who may, given rights, removed. Somebody always remains who sees to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.invitations import invite
from marketplace.actions.links import Address
from marketplace.actions.memberships import lock_organisation, told, withdraw
from marketplace.actions.roles import actor_of
from marketplace.actions.sessions import end_sessions
from marketplace.actions.throttling import count_attempt
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.accounts import folded_email, known_rights
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.accounts import Membership
from marketplace.records.database import Database
from marketplace.records.registrations import find_members_with_rights

RIGHT = "members"


def invite_member(
    database: Database, organisation_id: int, email: str, role: Role, rights: Iterable[str], *, viewer: Viewer, link: Address, at: datetime
) -> str:
    """Ask somebody to join. Only into the member's own organisation, and in a role that the member holds in it."""
    _must_see_to(viewer, organisation_id)
    chosen = known_rights(rights)
    if not chosen:
        raise RefusedError(Refused("rights_missing", _("权限没有选，至少选一项。")))
    # Letters go to whatever address was typed: nobody's mailbox is filled by pressing again.
    typed = folded_email(email)
    counted = count_attempt(database, {"mail": f"invite:{typed}", "letters": f"inviting:{viewer.account_id}"}, at)
    if isinstance(counted, Refused):
        raise RefusedError(counted)
    return invite(database, organisation_id, typed, role, rights=chosen, viewer=viewer, link=link, at=at)


def change_rights(
    database: Database,
    organisation_id: int,
    membership_id: int,
    rights: Iterable[str],
    *,
    viewer: Viewer,
    at: datetime,
    before: Iterable[str] | None = None,
) -> None:
    """What a member may do from now on; the member's log-ins end. `before`: the rights that the page showed, if it did."""
    _must_see_to(viewer, organisation_id)
    with database.writing() as session:
        row = _member(session, organisation_id, membership_id)
        chosen = known_rights(rights)
        if not chosen:
            raise RefusedError(Refused("rights_missing", _("权限没有选，至少选一项；不再是成员的，请移除。")))
        if before is not None and sorted(before) != sorted(row.rights):
            raise RefusedError(Refused("changed_meanwhile", _("您打开后，这位成员的权限已被改动。请看现在的权限再改。")))
        if RIGHT not in chosen:
            _somebody_remains(session, row)
        old, number = told(row), row.account_id
        if sorted(row.rights) == sorted(chosen):
            return
        row.rights = chosen
        session.flush()
        actor, after = actor_of(viewer), told(row)
        record(session, actor=actor, verb="change_rights", noun="account", noun_id=number, before=old, after=after, at=at)
        end_sessions(session, number)


def remove_member(database: Database, organisation_id: int, membership_id: int, *, viewer: Viewer, at: datetime) -> None:
    """The member leaves the organisation; the account remains. Members remove themselves by the same way."""
    with database.writing() as session:
        row = _member(session, organisation_id, membership_id)
        if row.account_id != viewer.account_id:
            _must_see_to(viewer, organisation_id)
        _somebody_remains(session, row)
        withdraw(session, row, actor=actor_of(viewer), at=at)


def _must_see_to(viewer: Viewer, organisation_id: int) -> None:
    if not may_act_for(viewer, organisation_id, RIGHT):
        raise RefusedError(Refused("not_allowed", _("您没有管理本单位成员的权限，请联系本单位有此权限的成员。")))


def _member(session: Session, organisation_id: int, membership_id: int) -> Membership:
    """The membership under the organisation's lock. The caller has seen that it is one of this organisation."""
    lock_organisation(session, organisation_id)
    row = session.get(Membership, membership_id, populate_existing=True)
    if row is None or row.organisation_id != organisation_id:
        raise RefusedError(Refused("member_gone", _("这位成员刚才已被移除。")))
    return row


def _somebody_remains(session: Session, row: Membership) -> None:
    """Without a member who sees to members an organisation could never let anybody in again."""
    others = [other for other in find_members_with_rights(session, row.organisation_id) if other.id != row.id]
    if RIGHT in row.rights and not others:
        raise RefusedError(Refused("last_member", _("这是最后一位能管理成员的人，不能移除或去掉这项权限。请先把权限给另一位成员。")))
