"""What administrators do with accounts: invite staff, give and take roles, disable. They never choose or see anybody's password."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions.accounts_mail import mail_reset
from marketplace.actions.history import record
from marketplace.actions.invitations import invite_within
from marketplace.actions.links import Address
from marketplace.actions.memberships import grant, lock_account, withdraw
from marketplace.actions.notices import notify
from marketplace.actions.roles import actor_of, must_hold
from marketplace.actions.second_factor import remove
from marketplace.actions.sessions import end_sessions
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.accounts import STAFF_ROLES
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.accounts import Account, Membership
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation
from marketplace.records.second_factors import has_second_factor


def invite_staff(
    database: Database, email: str, role: str, organisation: str, areas: Iterable[str], *, viewer: Viewer, link: Address, at: datetime
) -> str:
    """Ask somebody to open an account with a role of the staff. The secret of the link; only a demonstration site shows it."""
    must_hold(viewer, "manage", "account")
    chosen, areas = _staff_role(role, areas)
    with database.writing() as session:
        owner = _organisation(session, organisation, viewer, at)
        return invite_within(session, owner.id, email, chosen, rights=RIGHTS, areas=areas, viewer=viewer, link=link, at=at)


def give_role(
    database: Database, account_id: int, role: str, organisation: str, areas: Iterable[str], *, viewer: Viewer, at: datetime
) -> None:
    """One more role for somebody who has an account."""
    must_hold(viewer, "manage", "account")
    chosen, areas = _staff_role(role, areas)
    with database.writing() as session:
        _refuse_erased(lock_account(session, account_id))
        owner = _organisation(session, organisation, viewer, at)
        grant(session, account_id, owner.id, chosen, rights=RIGHTS, areas=areas, actor=actor_of(viewer), at=at)


def take_role(database: Database, account_id: int, membership_id: int, *, viewer: Viewer, at: datetime, why: str) -> None:
    """Take a role of the staff away."""
    must_hold(viewer, "manage", "account")
    with database.writing() as session:
        lock_administrators(session)
        row = session.get(Membership, membership_id, populate_existing=True)
        if row is None or row.account_id != account_id or row.role not in STAFF_ROLES:
            raise RefusedError(Refused("role_gone", _("这个身份刚才已被收回。")))
        if row.role is Role.ADMIN:
            another_administrator(session, account_id)
        withdraw(session, row, actor=actor_of(viewer), at=at, why=reason(why))


def disable(database: Database, account_id: int, *, viewer: Viewer, at: datetime, why: str) -> None:
    """Nobody logs in with it, and its log-ins end at the next request. What it did remains."""
    must_hold(viewer, "manage", "account")
    with database.writing() as session:
        lock_administrators(session)
        account = lock_account(session, account_id)
        if account_id == viewer.account_id:
            raise RefusedError(Refused("own_account", _("不能停用自己的账号，请由另一位管理员办理。")))
        if any(row.role is Role.ADMIN for row in account.memberships):
            another_administrator(session, account_id)
        _switch(session, account, True, viewer, at, reason(why))


def enable(database: Database, account_id: int, *, viewer: Viewer, at: datetime, why: str) -> None:
    """It may be used again, with its old password and second factor."""
    must_hold(viewer, "manage", "account")
    with database.writing() as session:
        account = lock_account(session, account_id)
        _refuse_erased(account)
        _switch(session, account, False, viewer, at, reason(why))


def send_reset(database: Database, account_id: int, *, viewer: Viewer, address: str, link: Address, at: datetime) -> str:
    """A letter to the person's own address, by which the person sets a new password."""
    must_hold(viewer, "manage", "account")
    with database.writing() as session:
        account = lock_account(session, account_id)
        if account.email is None or account.disabled:
            raise RefusedError(Refused("no_email", _("这个账号没有邮箱，或已停用，不能发重设密码的邮件。")))
        return mail_reset(session, account, actor=actor_of(viewer), address=address, link=link, at=at)


def reset_second_factor(database: Database, account_id: int, *, viewer: Viewer, at: datetime, why: str) -> None:
    """For one who lost telephone and recovery codes: the factor goes, the person is told and sets up another one."""
    must_hold(viewer, "manage", "account")
    why = reason(why)
    with database.writing() as session:
        lock_account(session, account_id)
        if account_id == viewer.account_id:
            raise RefusedError(Refused("own_account", _("自己的两步验证请在“我的账号”里换；手机和恢复码都丢了，请由另一位管理员办理。")))
        if not has_second_factor(session, account_id):
            raise RefusedError(Refused("no_factor", _("这个账号没有启用两步验证。")))
        remove(session, account_id)
        end_sessions(session, account_id)
        actor = actor_of(viewer)
        record(
            session, actor=actor, verb="reset_second_factor", noun="account", noun_id=account_id, before=None, after=None, why=why, at=at
        )
        sentence = _("管理员已取消您账号的两步验证，原因：{why}。请重新设置；不是您要求的，请马上联系管理员。")
        notify(session, [account_id], "account", sentence, at=at, values={"why": why})


def _switch(session: Session, account: Account, disabled: bool, viewer: Viewer, at: datetime, why: str) -> None:
    if account.disabled == disabled:
        return
    before, account.disabled = {"disabled": account.disabled}, disabled
    verb, number = "disable" if disabled else "enable", account.id
    session.flush()
    record(
        session,
        actor=actor_of(viewer),
        verb=verb,
        noun="account",
        noun_id=number,
        before=before,
        after={"disabled": disabled},
        why=why,
        at=at,
    )
    end_sessions(session, number)


def _refuse_erased(account: Account) -> None:
    if account.erased_at is not None:
        raise RefusedError(Refused("erased", _("这个账号的个人信息已经删除，不能再用。请邀请本人另开账号。")))


def _staff_role(role: str, areas: Iterable[str]) -> tuple[Role, list[str]]:
    """A role that administrators give. Only an area's officer is bound to areas, and that one must be."""
    if role not in STAFF_ROLES:
        raise RefusedError(Refused("role_missing", _("身份没有选。服务商和企业的账号由单位自己注册。")))
    chosen = [area for area in areas if area]
    if role == Role.AREA and not chosen:
        raise RefusedError(Refused("areas_missing", _("园区、街道的账号要选所管的园区或街道，至少一个。")))
    return Role(role), chosen if role == Role.AREA else []


def _organisation(session: Session, name: str, viewer: Viewer, at: datetime) -> Organisation:
    """The unit of the staff by its name; a new one where none has it. Units with a credit code register by themselves."""
    name = name.strip()
    if not name or len(name) > 200:
        raise RefusedError(Refused("organisation_missing", _("单位没有填，或超过 200 个字符。")))
    found = session.scalar(
        select(Organisation).where(Organisation.name == name).order_by(Organisation.credit_code.is_not(None), Organisation.id)
    )
    if found is not None:
        return found
    organisation = Organisation(name=name)
    session.add(organisation)
    session.flush()
    after = {"name": name}
    number = organisation.id
    record(session, actor=actor_of(viewer), verb="open", noun="organisation", noun_id=number, before=None, after=after, at=at)
    return organisation


def lock_administrators(session: Session) -> None:
    """Two administrators who disable each other at once: the second one finds himself to be the last."""
    session.scalars(select(Membership).where(Membership.role == Role.ADMIN).order_by(Membership.id).with_for_update()).all()


def another_administrator(session: Session, account_id: int) -> None:
    others = select(func.count()).select_from(Membership).join(Account)
    others = others.where(Membership.role == Role.ADMIN, Account.disabled.is_(False), Account.id != account_id)
    if not session.scalar(others):
        raise RefusedError(Refused("last_administrator", _("这是最后一位管理员，不能停用或收回身份。请先邀请另一位管理员。")))


def reason(why: str) -> str:
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    return why.strip()
