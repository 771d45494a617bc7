"""Registering an organisation: asked for by its first member, proved by a sealed 授权书, confirmed or refused by staff.

What a stranger is told never depends on what the platform knows: every registration is answered by a letter, and only
who holds the letter learns that a log-in name is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.accounts import add_account
from marketplace.actions.files import attach, supersede
from marketplace.actions.history import record
from marketplace.actions.links import LINK_DEAD, Address, find_link, mail, make_link, use_link
from marketplace.actions.memberships import check_sides, grant
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.passwords import hash_password
from marketplace.actions.roles import actor_of
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.actions.throttling import count_attempt
from marketplace.domain.access import PERMISSIONS, RIGHTS, Role, Viewer
from marketplace.domain.accounts import check_login, folded_login
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.registrations import APPLICANT, FORGOTTEN_AFTER_DAYS, TABLE, RegistrationDraft, RegistrationState
from marketplace.domain.secrets import hashed
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.links import LinkKind, OneTimeLink
from marketplace.records.organisations import Organisation, find_organisation
from marketplace.records.registrations import (
    AUTHORISATION,
    NOUN,
    Registration,
    find_authorisations,
    find_open_registration,
    find_registration,
)

_SUBJECT = _("确认邮箱，开通技改供需对接平台账号")
_BODY = _(
    "{person}，您好：\n\n有人用这个邮箱为“{name}”注册账号 {login}。如果是您本人，请在 24 小时内打开下面的链接确认邮箱：\n{link}\n\n"
    "确认后登录，上传盖章的授权书。不是您本人，请不用理会。"
)


@dataclass(frozen=True)
class _Claim:
    """What the guards of the process look at."""

    account_id: int | None
    decided_by: int | None
    has_proof: bool


def register(database: Database, draft: RegistrationDraft, password: str, *, address: str, link: Address, at: datetime) -> str:
    """Keep what was typed and write to the address. The secret of the letter's link; only a demonstration site shows it."""
    _count(database, {"address": f"register:{address}", "mail": f"register-mail:{draft.email}", "site": "register"}, at)
    password_hash = hash_password(password)
    with database.writing() as session:
        row = _row(draft, at)
        row.login, row.email, row.person, row.password_hash = draft.login, draft.email, draft.person, password_hash
        session.add(row)
        session.flush()
        secret = make_link(session, LinkKind.REGISTER, at=at, thing_id=row.id)
        body = _BODY.format(person=row.person, name=row.name, login=row.login, link=link(secret))
        mail(session, row.email, _SUBJECT, body, at=at)
        _note(session, row, "register", f"注册（{row.login}）", at)
    return secret


def register_own(database: Database, draft: RegistrationDraft, *, viewer: Viewer, at: datetime) -> Registration:
    """A person who has an account registers an organisation: the address is known, the 授权书 is next."""
    assert viewer.account_id is not None
    if refused := check_sides(viewer.roles, Role(draft.kind)):
        raise RefusedError(refused)
    with database.writing() as session:
        if find_open_registration(session, viewer.account_id) is not None:
            raise RefusedError(Refused("registration_open", _("您已有一项注册在办理，办完或撤回后才能再注册。")))
        row = _row(draft, at)
        row.account_id, row.person = viewer.account_id, viewer.name
        session.add(row)
        session.flush()
        _note(session, row, "register", actor_of(viewer), at)
        _apply(session, row, "verify", actor_of(viewer), (APPLICANT,), at)
        _ask_for_proof(session, row, at)
    return row


def verify(database: Database, secret: str, *, login: str, at: datetime) -> str:
    """The address is confirmed: open the account. The log-in name, which another may have taken meanwhile: then another is asked for."""
    with database.reading() as session:
        if find_link(session, LinkKind.REGISTER, secret, at) is None:
            raise RefusedError(LINK_DEAD)
    # Who holds a letter may not try log-in names without end.
    _count(database, {"link": f"link:{hashed(secret)}"}, at)
    with database.writing() as session:
        used = use_link(session, LinkKind.REGISTER, secret, at)
        row = session.get_one(Registration, used.thing_id, with_for_update=True)
        login = folded_login(login) or row.login
        if refused := check_login(login):
            raise RefusedError(refused)
        account = add_account(session, login, row.password_hash, name=row.person, email=row.email, now=at)
        if isinstance(account, Refused):
            raise RefusedError(account)
        row.account_id, row.login, row.password_hash = account.id, login, ""
        after = {"login": login, "roles": []}
        record(session, actor=login, verb="open", noun="account", noun_id=account.id, before=None, after=after, at=at)
        _apply(session, row, "verify", login, (APPLICANT,), at)
        _ask_for_proof(session, row, at)
    return login


def submit(database: Database, public_id: str, stored: StoredBlob, *, viewer: Viewer, at: datetime) -> None:
    """The sealed 授权书; an earlier one counts no longer. Staff are asked to look."""
    with database.writing() as session:
        row = _own(session, public_id, viewer)
        for old in find_authorisations(session, row.id):
            if old.sha256 != stored.sha256:
                supersede(session, old, viewer, at)
        attach(session, stored, noun=NOUN, noun_id=row.id, kind=AUTHORISATION, organisation_id=None, viewer=viewer, at=at)
        row.submitted_at = at
        _apply(session, row, "submit", actor_of(viewer), (APPLICANT,), at)
        close_tasks(session, NOUN, row.id, at=at)
        sentence = _("核对“{name}”的注册和授权书。")
        roles = [Role(role) for role in PERMISSIONS[NOUN, "decide"]]
        open_task(
            session, NOUN, sentence, noun=NOUN, noun_id=row.id, public_ref=row.public_id, at=at, values={"name": row.name}, roles=roles
        )


def take_back(database: Database, public_id: str, *, viewer: Viewer, at: datetime) -> None:
    """The applicant no longer wants it."""
    with database.writing() as session:
        row = _own(session, public_id, viewer)
        _apply(session, row, "withdraw", actor_of(viewer), (APPLICANT,), at)
        close_tasks(session, NOUN, row.id, at=at)


def decide(database: Database, public_id: str, event: str, *, viewer: Viewer, at: datetime, why: str = "") -> Registration:
    """Confirm (only now does the applicant become a member, and the organisation exist if it did not) or refuse with reasons."""
    why = why.strip()
    if event == "refuse" and not why:
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        row = find_registration(session, public_id)
        assert row is not None
        session.refresh(row, with_for_update=True)
        row.decided_by, row.decided_at, row.reason = viewer.account_id, at, why if event == "refuse" else ""
        _apply(session, row, event, actor_of(viewer), viewer.roles, at, why)
        close_tasks(session, NOUN, row.id, at=at)
        assert row.account_id is not None
        if event == "confirm":
            _let_in(session, row, viewer, at)
            sentence = _("“{name}”的注册已核对，账号已开通。请重新登录。")
        else:
            sentence = _("“{name}”的注册被退回：{why}")
            _ask_for_proof(session, row, at)
        values = {"name": row.name, "why": why}
        notify(session, [row.account_id], NOUN, sentence, at=at, values=values, noun=NOUN, public_ref=row.public_id)
    return row


def forget_unverified(session: Session, at: datetime) -> int:
    """Registrations whose address nobody ever confirmed are forgotten, and what was typed in them. How many."""
    old = select(Registration).where(
        Registration.state == RegistrationState.STARTED, Registration.created < at - timedelta(days=FORGOTTEN_AFTER_DAYS)
    )
    rows = session.scalars(old).all()
    for row in rows:
        session.execute(delete(OneTimeLink).where(OneTimeLink.kind == LinkKind.REGISTER, OneTimeLink.thing_id == row.id))
        record(session, actor="jigai", verb="forget", noun=NOUN, noun_id=row.id, before=None, after=None, at=at)
        session.delete(row)
    return len(rows)


def _let_in(session: Session, row: Registration, viewer: Viewer, at: datetime) -> None:
    organisation = _organisation(session, row, viewer, at)
    row.organisation_id = organisation.id
    assert row.account_id is not None
    already = accounts_of_organisation(session, organisation.id) - {row.account_id}
    grant(session, row.account_id, organisation.id, row.role, rights=RIGHTS, actor=actor_of(viewer), at=at)
    told = {"person": row.person, "name": organisation.name}
    sentence = _("{person}经核对授权书，已成为“{name}”的成员。不认识这个人，请马上告诉管理员。")
    notify(session, already, "member", sentence, at=at, values=told)


def _organisation(session: Session, row: Registration, viewer: Viewer, at: datetime) -> Organisation:
    """The organisation of the code: the one that is here already, whoever brought it, or a new one. Never a second."""
    found = find_organisation(session, row.credit_code)
    if found is not None:
        return found
    organisation = Organisation(credit_code=row.credit_code, name=row.name)
    try:
        with session.begin_nested():
            session.add(organisation)
    except IntegrityError:
        # Another registration or an import was a moment faster.
        found = find_organisation(session, row.credit_code)
        assert found is not None
        return found
    after = {"credit_code": row.credit_code, "name": row.name}
    number = organisation.id
    record(session, actor=actor_of(viewer), verb="open", noun="organisation", noun_id=number, before=None, after=after, at=at)
    return organisation


def _apply(session: Session, row: Registration, event: str, actor: str, roles: Iterable[str], at: datetime, why: str = "") -> None:
    session.flush()
    subject = _Claim(row.account_id, row.decided_by, bool(find_authorisations(session, row.id)))
    transition.apply(session, row, TABLE, event, actor=actor, roles=roles, at=at, why=why, subject=subject)


def _own(session: Session, public_id: str, viewer: Viewer) -> Registration:
    row = find_registration(session, public_id)
    assert row is not None
    assert row.account_id == viewer.account_id
    session.refresh(row, with_for_update=True)
    return row


def _row(draft: RegistrationDraft, at: datetime) -> Registration:
    return Registration(credit_code=draft.credit_code, name=draft.name.strip(), role=Role(draft.kind), created=at)


def _ask_for_proof(session: Session, row: Registration, at: datetime) -> None:
    values = {"name": row.name}
    sentence = _("上传“{name}”盖章的授权书。")
    if row.state is RegistrationState.REFUSED:
        sentence = _("“{name}”的注册被退回，请看原因，改好后重新上传授权书。")
    account_id = row.account_id
    open_task(
        session, "authorisation", sentence, noun=NOUN, noun_id=row.id, public_ref=row.public_id, at=at, values=values, account_id=account_id
    )


def _note(session: Session, row: Registration, verb: str, actor: str, at: datetime) -> None:
    after = {"credit_code": row.credit_code, "name": row.name, "role": str(row.role)}
    record(session, actor=actor, verb=verb, noun=NOUN, noun_id=row.id, before=None, after=after, at=at)


def _count(database: Database, keys: dict[str, str], at: datetime) -> None:
    attempt = count_attempt(database, keys, at)
    if isinstance(attempt, Refused):
        raise RefusedError(attempt)
