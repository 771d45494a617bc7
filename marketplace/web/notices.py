"""Notices to me: what was not read first; how I want to be told of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.notices import choose_ways, read_notices
from marketplace.domain.lifecycle import _
from marketplace.domain.notices import KINDS, OTHER, Way, word_of
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in, not_found, now
from marketplace.records.accounts import Account
from marketplace.records.notices import Notice, count_unread, find_notices, find_ways
from marketplace.site import current_site
from marketplace.web.addresses import address_of
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged

pages = Blueprint("notices", __name__)
SIZE = 30
WAYS = {
    Way.MAIL: _("马上发邮件"),
    Way.DIGEST: _("每天一封邮件"),
    Way.GATEWAY: _("短信或企业微信"),
    Way.NONE: _("只在站内看"),
}


@dataclass(frozen=True)
class Row:
    public_id: str
    sentence: str
    word: str
    address: str
    at: datetime
    is_read: bool


@dataclass(frozen=True)
class Notices:
    rows: Sequence[Row]
    unread: int
    paging: Paging
    ways: dict[str, Way]
    email: str


@pages.get("/notices")
@for_the_logged_in
def page() -> AnyResponse:
    return _page()


def _page(status: int = 200, sentence: str = "") -> Response:
    notices = read_page(_me())
    kinds = [(kind, say(word_of(kind))) for kind in (*KINDS, OTHER)]
    offered = [(way, say(word)) for way, word in WAYS.items() if way is not Way.GATEWAY or current_site().settings.gateway_url]
    return make_response(render_template("notices/page.html", notices=notices, kinds=kinds, offered=offered, sentence=sentence), status)


def read_page(account_id: int) -> Notices:
    with current_site().database.reading() as session:
        total = session.scalar(select(func.count()).select_from(Notice).where(Notice.account_id == account_id)) or 0
        paging = paged(total, SIZE, "notices.page")
        rows = [
            Row(
                notice.public_id,
                said(notice.message, notice.values),
                say(word_of(notice.kind)),
                address_of(notice.noun, notice.public_ref),
                notice.at,
                notice.read_at is not None,
            )
            for notice in find_notices(session, account_id, offset=paging.offset, most=SIZE)
        ]
        email = session.get_one(Account, account_id).email or ""
        return Notices(rows, count_unread(session, account_id), paging, find_ways(session, account_id), email)


@pages.post("/notices/read")
@for_the_logged_in
def read_all() -> AnyResponse:
    """Everything has been read."""
    with current_site().database.writing() as session:
        read_notices(session, _me(), at=now())
    return redirect(url_for("notices.page"), 303)


@pages.post("/notices/<public_id>/read")
@for_the_logged_in
def read_one(public_id: str) -> AnyResponse:
    """One has been read. Another person's is as absent as one that never was."""
    with current_site().database.writing() as session:
        mine = select(Notice.id).where(Notice.public_id == public_id, Notice.account_id == _me())
        if session.scalar(mine) is None:
            not_found()
        read_notices(session, _me(), at=now(), public_id=public_id)
    return redirect(url_for("notices.page", page=request.args.get("page")), 303)


@pages.post("/notices/ways")
@for_the_logged_in
def choose() -> AnyResponse:
    """How I want to be told. What the form does not name stays as it is."""
    asked = {kind: request.form[kind] for kind in (*KINDS, OTHER) if kind in request.form}
    allowed = {way.value for way in WAYS if way is not Way.GATEWAY or current_site().settings.gateway_url}
    if not set(asked.values()) <= allowed:
        return _page(422, say("没有这种通知方式，没有保存。请重新选择。"))
    with current_site().database.writing() as session:
        choose_ways(session, _me(), {kind: Way(way) for kind, way in asked.items()})
    flash(say("通知方式已保存。"), "good")
    return redirect(url_for("notices.page"), 303)


def _me() -> int:
    number = current_viewer().account_id
    assert number is not None
    return number
