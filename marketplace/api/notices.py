"""Notices to the viewer: what happened, and that it was read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from marketplace.actions.notices import read_notices
from marketplace.api.operation import Model, operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in, for_the_logged_in_to_write, not_found, now
from marketplace.records.notices import Notice, count_unread
from marketplace.site import current_site


class NoticeOut(Model):
    """One notice. `thing`: the id of what it speaks of (`noun`)."""

    id: str
    kind: str
    message: str
    noun: str
    thing: str
    at: datetime
    read: bool


class NoticeList(Model):
    items: list[NoticeOut]
    next: str | None


class NoticeQuery(ListQuery):
    unread: bool = False
    """Only what was not read."""


class Unread(Model):
    """How many notices are still unread."""

    unread: int


@for_the_logged_in
@operation("/notices", summary="Notices to the viewer, the oldest first", tag="inbox", query=NoticeQuery, answer=NoticeList)
def list_notices(query: NoticeQuery) -> NoticeList:
    rows = select(Notice).where(Notice.account_id == current_viewer().account_id)
    if query.unread:
        rows = rows.where(Notice.read_at.is_(None))
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, Notice, query)
        return NoticeList(items=[_out(row) for row in part], next=following)


def _out(row: Notice) -> NoticeOut:
    same = {name: getattr(row, name) for name in ("kind", "noun", "at")}
    return NoticeOut(**same, id=row.public_id, message=said(row.message, row.values), thing=row.public_ref, read=row.read_at is not None)


@for_the_logged_in_to_write
@operation("/notices/read", method="POST", summary="Everything has been read", tag="inbox", answer=Unread, writes=True)
def read_all_notices() -> Unread:
    with current_site().database.writing() as session:
        read_notices(session, _me(), at=now())
        return Unread(unread=count_unread(session, _me()))


@for_the_logged_in_to_write
@operation("/notices/<id>/read", method="POST", summary="One notice has been read", tag="inbox", answer=Unread, writes=True)
def read_notice(id: str) -> Unread:
    """Another person's is as absent as one that never was."""
    with current_site().database.writing() as session:
        mine = select(Notice.id).where(Notice.public_id == id, Notice.account_id == _me())
        if session.scalar(mine) is None:
            not_found()
        read_notices(session, _me(), at=now(), public_id=id)
        return Unread(unread=count_unread(session, _me()))


def _me() -> int:
    number = current_viewer().account_id
    assert number is not None
    return number
