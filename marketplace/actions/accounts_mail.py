"""What an account does by letter: a new password for one who forgot it, and a new address. A letter never skips the second factor."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from marketplace.actions.accounts import UNKNOWN_ACCOUNT, is_password
from marketplace.actions.history import record
from marketplace.actions.links import LINK_DEAD, Address, find_link, mail, make_link, use_link
from marketplace.actions.passwords import check_password, hash_password
from marketplace.actions.sessions import end_sessions
from marketplace.actions.throttling import count_attempt, forget_attempts
from marketplace.domain.accounts import check_email, folded_email
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.accounts import AccessToken, Account
from marketplace.records.database import Database
from marketplace.records.links import LinkKind

# One address may belong to several accounts; each gets a letter of its own.
_MOST = 5
_RESET = _("重设密码（技改供需对接平台）")
_RESET_BODY = _(
    "{name}，您好：\n\n有人要求重设账号 {login} 的密码。如果是您本人，请在 1 小时内打开下面的链接：\n{link}\n\n不是您本人，请不用理会，密码不会改变。"
)
_NEW_EMAIL = _("确认新邮箱（技改供需对接平台）")
_NEW_EMAIL_BODY = _(
    "{name}，您好：\n\n账号 {login} 要改用这个邮箱。如果是您本人，请登录后在 24 小时内打开下面的链接：\n{link}\n\n不是您本人，请不用理会。"
)
_CHANGED = _("邮箱已更换（技改供需对接平台）")
_CHANGED_BODY = _("{name}，您好：\n\n账号 {login} 的邮箱已换成另一个，以后的邮件不再发到这里。不是您本人办的，请马上联系管理员。")


def ask_for_reset(database: Database, typed: str, *, address: str, link: Address, at: datetime) -> list[str]:
    """Write to the accounts of this log-in name or address. The answer to whoever asks is the same, whether there are any or not.

    The secrets of the letters; only a demonstration site shows them.
    """
    typed = folded_email(typed)[:254]
    counted = count_attempt(database, {"address": f"reset:{address}", "mail": f"reset-of:{typed}", "site": "reset"}, at)
    if isinstance(counted, Refused):
        raise RefusedError(counted)
    found = select(Account).where(or_(Account.login == typed, Account.email == typed), Account.disabled.is_(False))
    with database.writing() as session:
        accounts = session.scalars(found.where(Account.email.is_not(None)).order_by(Account.id).limit(_MOST)).all()
        if not accounts:
            _note(session, UNKNOWN_ACCOUNT, "ask_reset", None, at, {"address": address})
        return [mail_reset(session, account, actor=account.login, address=address, link=link, at=at) for account in accounts]


def mail_reset(session: Session, account: Account, *, actor: str, address: str, link: Address, at: datetime) -> str:
    """One letter with a link for a new password."""
    assert account.email is not None
    secret = make_link(session, LinkKind.RESET, at=at, account_id=account.id)
    mail(session, account.email, _RESET, _RESET_BODY.format(name=account.name, login=account.login, link=link(secret)), at=at)
    _note(session, actor, "ask_reset", account.id, at, {"address": address})
    return secret


def find_reset(session: Session, secret: str, at: datetime) -> Account | None:
    """Whose password a link sets anew."""
    found = find_link(session, LinkKind.RESET, secret, at)
    account = session.get(Account, found.account_id) if found else None
    return account if account is not None and not account.disabled else None


def reset_password(database: Database, secret: str, new: str, *, at: datetime) -> None:
    """A new password by letter. All log-ins and tokens end; who logs in next still needs the second factor."""
    with database.reading() as session:
        found = find_reset(session, secret, at)
        refused = LINK_DEAD if found is None else check_password(new, found.login)
    if refused:
        raise RefusedError(refused)
    # Hashing takes a tenth of a second on purpose: not inside a transaction, and not for whoever made a link up.
    new_hash = hash_password(new)
    with database.writing() as session:
        used = use_link(session, LinkKind.RESET, secret, at)
        account = session.get_one(Account, used.account_id, with_for_update=True)
        account.password_hash = new_hash
        session.flush()
        end_sessions(session, account.id)
        session.execute(update(AccessToken).where(AccessToken.account_id == account.id).values(revoked=True))
        _note(session, account.login, "reset_password", account.id, at)


def ask_for_email(database: Database, account_id: int, password: str, email: str, *, link: Address, at: datetime) -> str:
    """Write to the new address; it counts once the letter's link was opened."""
    email = folded_email(email)
    if refused := check_email(email):
        raise RefusedError(refused)
    with database.reading() as session:
        account = session.get_one(Account, account_id)
        login, name, known_hash = account.login, account.name, account.password_hash
    attempt = count_attempt(database, {"account": f"account:{login}", "mail": f"email:{account_id}"}, at)
    if isinstance(attempt, Refused):
        raise RefusedError(attempt)
    if not is_password(known_hash, password):
        raise RefusedError(Refused("wrong_password", _("现在的密码不对，没有修改。")))
    with database.writing() as session:
        forget_attempts(session, attempt[:1])
        secret = make_link(session, LinkKind.EMAIL, at=at, account_id=account_id, value=email)
        mail(session, email, _NEW_EMAIL, _NEW_EMAIL_BODY.format(name=name, login=login, link=link(secret)), at=at)
        _note(session, login, "ask_email", account_id, at, {"email": email})
    return secret


def confirm_email(database: Database, account_id: int, secret: str, *, at: datetime) -> str:
    """The new address is the person's: the link was opened by the account that asked. The old address is told."""
    with database.writing() as session:
        used = use_link(session, LinkKind.EMAIL, secret, at)
        if used.account_id != account_id:
            raise RefusedError(Refused("link_of_another", _("这个链接属于另一个账号，请用那个账号登录后再打开。")))
        account = session.get_one(Account, account_id, with_for_update=True)
        before, account.email = account.email, used.value
        if before and before != used.value:
            mail(session, before, _CHANGED, _CHANGED_BODY.format(name=account.name, login=account.login), at=at)
        after = {"email": used.value}
        record(
            session,
            actor=account.login,
            verb="change_email",
            noun="account",
            noun_id=account_id,
            before={"email": before},
            after=after,
            at=at,
        )
    return used.value


def _note(session: Session, actor: str, verb: str, account_id: int | None, at: datetime, after: dict[str, str] | None = None) -> None:
    record(session, actor=actor, verb=verb, noun="account", noun_id=account_id, before=None, after=after, at=at)
