"""Attaching files to things, replacing them, and noting who took them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from marketplace.actions.history import record
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Viewer
from marketplace.domain.files import MEGABYTE, MOST_OF_A_THING, MOST_OF_AN_ORGANISATION
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.store import StoredBlob
from marketplace.files.text import has_text
from marketplace.records.files import Attachment, Blob, Download, Scan
from marketplace.records.organisations import Organisation


def attach(
    session: Session,
    stored: StoredBlob,
    *,
    noun: str,
    noun_id: int,
    kind: str,
    organisation_id: int | None,
    viewer: Viewer,
    at: datetime,
    is_public: bool = False,
    counted: bool = True,
) -> Attachment:
    """Attach a stored file to a thing as proof of one kind. Attached there already, it stands there once.

    `counted`: against the room of the thing and its organisation; what the platform itself writes is not.
    """
    if organisation_id is not None:
        # Of two uploads at once the second one counts the first: the organisation's row is their queue.
        session.get(Organisation, organisation_id, with_for_update=True)
    blob = _blob(session, stored, at)
    same = select(Attachment).where(
        Attachment.noun == noun,
        Attachment.noun_id == noun_id,
        Attachment.kind == kind,
        Attachment.sha256 == stored.sha256,
        Attachment.superseded_at.is_(None),
    )
    if (found := session.scalar(same)) is not None:
        return found
    if counted:
        _check_room(session, stored, noun, noun_id, organisation_id)
    attachment = Attachment(noun=noun, noun_id=noun_id, kind=kind, filename=stored.filename, sha256=stored.sha256, at=at)
    attachment.organisation_id, attachment.uploaded_by, attachment.is_public = organisation_id, viewer.account_id, is_public
    attachment.blob = blob
    session.add(attachment)
    session.flush()
    after = {"file": stored.filename, "kind": kind, "sha256": stored.sha256, "size": stored.size}
    record(session, actor=actor_of(viewer), verb="attach", noun=noun, noun_id=noun_id, before=None, after=after, at=at)
    return attachment


def supersede(session: Session, attachment: Attachment, viewer: Viewer, at: datetime, why: str = "") -> None:
    """The file counts no longer: replaced or taken back. It is kept, as everything is that once was proof."""
    session.refresh(attachment, attribute_names=["superseded_at"], with_for_update=True)
    if attachment.superseded_at is not None:
        return
    attachment.superseded_at = at
    session.flush()
    before = {"file": attachment.filename, "kind": attachment.kind, "sha256": attachment.sha256}
    noun, number = attachment.noun, attachment.noun_id
    record(session, actor=actor_of(viewer), verb="detach", noun=noun, noun_id=number, before=before, after=None, why=why, at=at)


def note_download(session: Session, attachment_id: int, *, viewer: Viewer, address: str, at: datetime) -> None:
    """Who took a file that is not public, when, and from where."""
    session.add(Download(attachment_id=attachment_id, account_id=viewer.account_id, address=address[:64], at=at))


def _check_room(session: Session, stored: StoredBlob, noun: str, noun_id: int, organisation_id: int | None) -> None:
    of_thing = select(Attachment.sha256).where(Attachment.noun == noun, Attachment.noun_id == noun_id, Attachment.superseded_at.is_(None))
    used = session.scalar(select(func.coalesce(func.sum(Blob.size), 0)).where(Blob.sha256.in_(of_thing))) or 0
    if used + stored.size > MOST_OF_A_THING:
        values = {"most": MOST_OF_A_THING // MEGABYTE, "left": max(0, MOST_OF_A_THING - used) // MEGABYTE}
        raise RefusedError(
            Refused("thing_full", _("这一项的附件合计不能超过 {most} MB，还可以放 {left} MB。请压缩或去掉一些再传。"), values)
        )
    if organisation_id is None:
        return
    of_unit = select(Attachment.sha256).where(Attachment.organisation_id == organisation_id)
    used = session.scalar(select(func.coalesce(func.sum(Blob.size), 0)).where(Blob.sha256.in_(of_unit))) or 0
    if used + stored.size > MOST_OF_AN_ORGANISATION:
        values = {"most": MOST_OF_AN_ORGANISATION // MEGABYTE}
        raise RefusedError(Refused("organisation_full", _("本单位的附件合计不能超过 {most} MB。请联系管理员。"), values))


def _blob(session: Session, stored: StoredBlob, at: datetime) -> Blob:
    """The row of a content, made once however many people bring it at the same moment, and what must still be done with it."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"sha256": stored.sha256, "size": stored.size, "kind": stored.kind, "scan": stored.scan, "created": at}
    session.execute(insert(Blob).values(row).on_conflict_do_nothing(index_elements=["sha256"]))
    blob = session.get_one(Blob, stored.sha256, with_for_update=True)
    if blob.scan is Scan.INFECTED:
        raise RefusedError(Refused("infected", _("病毒扫描发现这个文件有问题，没有上传。请在自己的电脑上杀毒后再传。")))
    if stored.scan is Scan.CLEAN:
        blob.scan = Scan.CLEAN
    if blob.scan is Scan.PENDING:
        enqueue_job(session, "scan", {"sha256": blob.sha256}, at=at, key=f"scan:{blob.sha256}")
    if blob.text is None and has_text(blob.kind):
        enqueue_job(session, "read_text", {"sha256": blob.sha256}, at=at, key=f"read_text:{blob.sha256}")
    return blob
