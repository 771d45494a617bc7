"""Personal data: a person takes a copy of what is kept about them; an administrator erases a person, in two steps."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import persons as actions
from marketplace.attachments import SANDBOX
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.persons import HELD, check_extra
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in, not_found, now, permission
from marketplace.jobs.mailing import Outbox
from marketplace.records.accounts import Account
from marketplace.records.persons import count_kept, find_deeds, find_own_history, find_own_rows, find_traces
from marketplace.records.staff import find_account_by_public_id
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.refusals import form_page

pages = Blueprint("persons", __name__)
_README = _(
    "这是平台保存的关于您的信息（JSON，UTF-8）。每个文件是一张表里您自己的内容；deeds.json 列出您经手的其他事项（内容属于办理的单位）；"
    "history.json 是您做过的事和别人对您的账号做过的事。密码、令牌和两步验证的密钥不在里面。"
)


@pages.post("/account/copy")
@for_the_logged_in
def take_copy() -> AnyResponse:
    """All that is kept about me, to be saved. That it was taken stands in the history."""
    site, viewer = current_site(), current_viewer()
    assert viewer.account_id is not None
    actions.note_copy(site.database, viewer.account_id, viewer=viewer, at=now())
    out = io.BytesIO()
    with site.database.reading() as session, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        account = session.get_one(Account, viewer.account_id)
        archive.writestr("README.txt", say(_README))
        for name, rows in find_own_rows(session, account.id):
            _write(archive, name, rows)
        _write(archive, "deeds", find_deeds(session, account.id))
        _write(archive, "history", find_own_history(session, account))
    out.seek(0)
    name = say("我的个人信息") + f"-{now():%Y-%m-%d}.zip"
    answer: Response = send_file(out, "application/zip", as_attachment=True, download_name=name)
    answer.headers["Content-Security-Policy"] = SANDBOX
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _write(archive: zipfile.ZipFile, name: str, rows: Iterable[dict[str, Any]]) -> None:
    """A list of rows, a row a line, packed as they come."""
    with archive.open(f"{name}.json", "w") as out:
        out.write(b"[")
        for number, row in enumerate(rows):
            out.write(b",\n" if number else b"\n")
            out.write(json.dumps(row, ensure_ascii=False).encode())
        out.write(b"\n]\n")


def _page(id: str, *, looked: bool = False, refused: Refused | None = None) -> AnyResponse:
    """What goes and what is kept. `looked`: the second step, with what was found."""
    extra = check_extra(request.form.get("extra", ""))
    with current_site().database.reading() as session:
        account = find_account_by_public_id(session, id) or not_found()
        if isinstance(extra, Refused):
            refused, looked, extra = extra, False, ()
        traces = find_traces(session, account, actions.marks_in(session, account, extra)) if looked else None
        return form_page(
            "persons/erase.html",
            refused=refused,
            secret=True,
            account=account,
            kept=count_kept(session, account),
            held=[say(why) for _names, why in HELD],
            traces=traces,
            typed={name: request.form.get(name, "") for name in ("extra", "why")},
        )


@pages.get("/accounts/<id>/erase")
@permission("manage", "account")
def form(id: str) -> AnyResponse:
    return _page(id)


@pages.post("/accounts/<id>/erase/look")
@permission("manage", "account")
def look(id: str) -> AnyResponse:
    """The second step: where the person stands, before anything goes. Words like telephone numbers stand in no address."""
    if not request.form.get("why", "").strip():
        return _page(id, refused=Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    return _page(id, looked=True)


@pages.post("/accounts/<id>/erase")
@permission("manage", "account")
def erase(id: str) -> AnyResponse:
    site, typed = current_site(), request.form
    extra = check_extra(typed.get("extra", ""))
    if isinstance(extra, Refused):
        return _page(id, refused=extra)
    with site.database.reading() as session:
        account = find_account_by_public_id(session, id) or not_found()
        number, login, email = account.id, account.login, account.email
    if typed.get("login", "").strip() != login:
        refused = Refused("login_differs", _("填写的账号和要删除的不一样，没有删除。请照着页面上的账号再填一次。"))
        return _page(id, looked=True, refused=refused)
    try:
        actions.erase(site.database, number, extra, viewer=current_viewer(), at=now(), why=typed.get("why", ""))
    except RefusedError as error:
        return _page(id, refused=error.refused)
    if email:
        Outbox(site.settings.data_dir / "outbox").forget(email)
    flash(said(_("个人信息已删除，账号不能再用。"), {}))
    return redirect(url_for("accounts_staff.show", id=id), 303)
