"""政策库: kept by the bureau and the manager. A new version takes the place of the one before it; nothing that was public is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.files import attach, supersede
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.policies import PUBLIC, TABLE, PolicyDraft, PolicyVersionState, Subject, check
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.policies import Policy, PolicyVersion

NOUN = "policy_version"
FILE = "text"
_FIELDS = tuple(one.name for one in fields(PolicyDraft))
_READERS = (Role.ENTERPRISE, Role.PROVIDER, Role.CENTRE, Role.AREA)
_S = PolicyVersionState


@dataclass(frozen=True)
class Step:
    """Who acts, when. `seen`: the last entry of the history on the page."""

    viewer: Viewer
    at: datetime
    today: date
    seen: int | None = None


def create(
    database: Database, draft: PolicyDraft, step: Step, *, policy_id: int | None = None, of: int | None = None,
    file: StoredBlob | None = None,
) -> PolicyVersion:  # fmt: skip
    """A draft: of a new policy, or the next version of one that is there. A policy has one draft at a time. `of`: the version from which
    it was started on a page; if that has moved since, nothing happens."""
    must_hold(step.viewer, "manage", "policy")
    _refuse_faults(draft)
    with database.writing() as session:
        _refuse_taken(session, draft.number, policy_id)
        if policy_id is None:
            policy = Policy(created_by=step.viewer.account_id, created=step.at)
            session.add(policy)
            session.flush()
        else:
            session.execute(select(Policy.id).where(Policy.id == policy_id).with_for_update())
            policy = session.get_one(Policy, policy_id)
            if of is not None:
                refuse_if_moved(session, NOUN, of, seen=step.seen, at=step.at)
        versions = select(PolicyVersion).where(PolicyVersion.policy_id == policy.id)
        if session.scalar(versions.where(PolicyVersion.state == _S.DRAFT).limit(1)) is not None:
            raise RefusedError(Refused("draft_there", _("这项政策已有一份草稿，请先发布或删去。")))
        if session.scalar(versions.where(PolicyVersion.state == _S.REPEALED).limit(1)) is not None:
            raise RefusedError(Refused("policy_over", _("这项政策已废止，不能再写新版；请另录一项政策。")))
        last = session.scalar(select(func.max(PolicyVersion.version)).where(PolicyVersion.policy_id == policy.id)) or 0
        row = PolicyVersion(policy_id=policy.id, version=last + 1, created_by=step.viewer.account_id, created=step.at)
        _write(row, draft, _FIELDS)
        session.add(row)
        session.flush()
        session.refresh(row)
        _note(session, row, "create", step, {}, {"version": row.version, **_plain(draft, ("title", "number", "issuer", "issued"))})
        _attach(session, row, file, step)
        return row


def change(database: Database, version_id: int, draft: PolicyDraft, step: Step, *, file: StoredBlob | None = None) -> PolicyVersion:
    """Only a draft: what was published is changed by a new version, so that everybody sees what changed."""
    must_hold(step.viewer, "manage", "policy")
    _refuse_faults(draft)
    with database.writing() as session:
        row = _locked(session, version_id, step)
        if row.state != _S.DRAFT:
            raise RefusedError(Refused("not_a_draft", _("已发布的政策不能直接改，请写新的一版。")))
        _refuse_taken(session, draft.number, row.policy_id)
        before, after = _plain(_draft_of(row), _FIELDS), _plain(draft, _FIELDS)
        changed = [name for name in _FIELDS if before[name] != after[name]]
        if changed:
            _write(row, draft, changed)
            _note(session, row, "change", step, {name: before[name] for name in changed}, {name: after[name] for name in changed})
        _attach(session, row, file, step)
        return row


def publish(database: Database, version_id: int, step: Step) -> None:
    """Everybody reads it; the version before is superseded in the same moment."""
    must_hold(step.viewer, "manage", "policy")
    with database.writing() as session:
        row = _locked(session, version_id, step)
        before = select(PolicyVersion).where(PolicyVersion.policy_id == row.policy_id, PolicyVersion.state == _S.PUBLISHED)
        for old in session.scalars(before.order_by(PolicyVersion.id)).all():
            _move(session, old, "supersede", step)
        content = bool(row.text.strip()) or bool(find_attachments(session, NOUN, row.id))
        _move(session, row, "publish", step, subject=Subject(content))
        row.published_on = step.today
        message = _("政策库有新内容：{title}。") if row.version == 1 else _("政策有新版：{title}。")
        accounts = accounts_of_roles(session, _READERS)
        notify(session, accounts, "policy", message, at=step.at, values={"title": row.title}, noun=NOUN, public_ref=row.public_id)


def drop(database: Database, version_id: int, step: Step) -> None:
    """A draft that is not wanted."""
    must_hold(step.viewer, "manage", "policy")
    with database.writing() as session:
        _move(session, _locked(session, version_id, step), "drop", step)


def repeal(database: Database, version_id: int, step: Step, *, why: str, successor_id: int | None = None) -> None:
    """It holds no longer. `successor_id`: the policy that took its place, where there is one."""
    must_hold(step.viewer, "manage", "policy")
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        row = _locked(session, version_id, step)
        if successor_id is not None:
            if successor_id == row.policy_id:
                raise RefusedError(Refused("own_successor", _("政策不能由自己代替，请写新的一版。")))
            public = select(PolicyVersion.id).where(PolicyVersion.policy_id == successor_id, PolicyVersion.state == _S.PUBLISHED)
            if session.scalar(public) is None:
                raise RefusedError(Refused("no_successor", _("代替它的政策还没有发布。")))
        _move(session, row, "repeal", step, why.strip())
        row.why, row.policy.successor_id = why.strip(), successor_id


def _attach(session: Session, row: PolicyVersion, file: StoredBlob | None, step: Step) -> None:
    """One file a version; a new one takes the place of the old."""
    if file is None:
        return
    for old in find_attachments(session, NOUN, row.id):
        supersede(session, old, step.viewer, step.at)
    attach(session, file, noun=NOUN, noun_id=row.id, kind=FILE, organisation_id=None, viewer=step.viewer, at=step.at, is_public=True)


def may_read_file(session: Session, viewer_manages: bool, attachment: Attachment) -> bool:
    """What is attached to a version is read by whoever reads the version."""
    row = session.get(PolicyVersion, attachment.noun_id)
    return row is not None and (row.state in PUBLIC or (viewer_manages and row.state != _S.DROPPED))


def _refuse_taken(session: Session, number: str, policy_id: int | None) -> None:
    """Two policies of one 文号 are one policy, entered twice."""
    if not number.strip():
        return
    query = select(PolicyVersion.title).where(PolicyVersion.number == number.strip(), PolicyVersion.state != _S.DROPPED)
    if policy_id is not None:
        query = query.where(PolicyVersion.policy_id != policy_id)
    if title := session.scalar(query.limit(1)):
        raise RefusedError(Refused("number_taken", _("文号 {number} 已在政策库里：{title}。"), {"number": number.strip(), "title": title}))


def _locked(session: Session, version_id: int, step: Step) -> PolicyVersion:
    # Versions of one policy move one after the other: the policy's row is their queue.
    policy = select(PolicyVersion.policy_id).where(PolicyVersion.id == version_id).scalar_subquery()
    session.execute(select(Policy.id).where(Policy.id == policy).with_for_update())
    row = session.get_one(PolicyVersion, version_id, populate_existing=True)
    refuse_if_moved(session, NOUN, row.id, seen=step.seen, at=step.at)
    return row


def _move(session: Session, row: PolicyVersion, event: str, step: Step, why: str = "", subject: Subject | None = None) -> None:
    transition.apply(
        session, row, TABLE, event, actor=actor_of(step.viewer), roles=step.viewer.roles, at=step.at, why=why, subject=subject or Subject()
    )


def _refuse_faults(draft: PolicyDraft) -> None:
    for _field, refused in check(draft):
        raise RefusedError(refused)


def _draft_of(row: PolicyVersion) -> PolicyDraft:
    return PolicyDraft(**{name: getattr(row, name) for name in _FIELDS})


def _write(row: PolicyVersion, draft: PolicyDraft, names: Iterable[str]) -> None:
    for name in names:
        value = getattr(draft, name)
        setattr(row, name, value.strip() if isinstance(value, str) else value)


def _plain(draft: PolicyDraft, names: Iterable[str]) -> dict[str, Any]:
    """As the history keeps it."""
    found = {name: getattr(draft, name) for name in names}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in found.items()}


def _note(session: Session, row: PolicyVersion, verb: str, step: Step, before: dict[str, Any], after: dict[str, Any]) -> None:
    record(session, actor=actor_of(step.viewer), verb=verb, noun=NOUN, noun_id=row.id, before=before or None, after=after, at=step.at)
