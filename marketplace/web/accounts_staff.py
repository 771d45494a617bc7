"""Accounts for administrators: who there is, inviting staff, roles, disabling. No page shows or sets anybody's password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import accounts_staff as actions
from marketplace.actions.invitations import take_back_invitation
from marketplace.domain.access import Role
from marketplace.domain.accounts import STAFF_ROLES
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.links import find_invitation, find_waiting_staff_invitations
from marketplace.records.second_factors import has_second_factor
from marketplace.records.staff import Standing, Wanted, count_accounts, find_account_by_public_id, find_accounts
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.outside import link_to, show_letter, shown_letter
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page

pages = Blueprint("accounts_staff", __name__)
SIZE = 50
_FIELDS = ("email", "role", "organisation")


def _list(*, refused: Refused | None = None) -> AnyResponse:
    site, args = current_site(), request.args
    text = args.get("q", "").replace("\0", "").strip()[:100]
    role = Role(args["role"]) if args.get("role") in set(Role) else None
    standing = Standing(args["standing"]) if args.get("standing") in set(Standing) else None
    wanted = Wanted(text=text, role=role, standing=standing, at=now())
    with site.database.reading() as session:
        kept = {"q": text, "role": role or "", "standing": standing or ""}
        paging = paged(count_accounts(session, wanted), SIZE, "accounts_staff.index", **kept)
        return form_page(
            "accounts/staff.html",
            refused=refused,
            rows=find_accounts(session, wanted, offset=paging.offset, most=SIZE),
            invitations=find_waiting_staff_invitations(session, STAFF_ROLES, now()),
            paging=paging,
            text=text,
            role=role,
            standing=standing,
            standings=_standings(),
            typed={name: request.form.get(name, "") for name in _FIELDS} | {"areas": request.form.getlist("areas")},
            letter=shown_letter(),
            **_choices(),
        )


def _standings() -> dict[Standing, str]:
    return {
        Standing.USABLE: say("可用"),
        Standing.IDLE: say("可用，90 天没有登录"),
        Standing.DISABLED: say("已停用"),
        Standing.ERASED: say("个人信息已删除"),
    }


def _choices() -> dict[str, Any]:
    return {"roles": list(Role), "staff_roles": STAFF_ROLES, "areas": [area.key for area in current_site().pilot.areas]}


def _areas() -> list[str]:
    """The areas that were chosen, of those that the pilot has."""
    return [area for area in request.form.getlist("areas") if current_site().pilot.area(area)]


@pages.get("/accounts")
@permission("manage", "account")
def index() -> AnyResponse:
    return _list()


@pages.post("/accounts/invitations")
@permission("manage", "account")
def invite() -> AnyResponse:
    """Invite one of the staff: a letter goes out, and who opens it chooses log-in name and password."""
    form, link = request.form, link_to("members.invited")
    email, role, organisation = (form.get(name, "") for name in _FIELDS)
    try:
        secret = actions.invite_staff(
            current_site().database, email, role, organisation, _areas(), viewer=current_viewer(), link=link, at=now()
        )
    except RefusedError as error:
        return _list(refused=error.refused)
    show_letter("members.invited", secret)
    flash(said(_("已向 {email} 发出邀请，7 天内有效。"), {"email": email.strip()}))
    return redirect(url_for("accounts_staff.index"), 303)


@pages.post("/accounts/invitations/<id>/withdraw")
@permission("manage", "account")
def take_back(id: str) -> AnyResponse:
    with current_site().database.reading() as session:
        row = find_invitation(session, id)
        if row is None or row.role not in STAFF_ROLES:
            not_found()
        number = row.id
    try:
        take_back_invitation(current_site().database, number, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _list(refused=error.refused)
    flash(said(_("邀请已撤回，信里的链接不能再用。"), {}))
    return redirect(url_for("accounts_staff.index"), 303)


def _account(id: str) -> int:
    with current_site().database.reading() as session:
        found = find_account_by_public_id(session, id)
        return found.id if found is not None else not_found()


def _show(id: str, refused: Refused | None = None) -> AnyResponse:
    with current_site().database.reading() as session:
        account = find_account_by_public_id(session, id) or not_found()
        return form_page(
            "accounts/staff_account.html",
            refused=refused,
            account=account,
            has_factor=has_second_factor(session, account.id),
            why=request.form.get("why", ""),
            letter=shown_letter(),
            **_choices(),
        )


def _do(id: str, act: Callable[[int], object], done: str) -> AnyResponse:
    """One act on an account, and back to its page."""
    try:
        act(_account(id))
    except RefusedError as error:
        return _show(id, error.refused)
    flash(done)
    return redirect(url_for("accounts_staff.show", id=id), 303)


@pages.get("/accounts/<id>")
@permission("manage", "account")
def show(id: str) -> AnyResponse:
    return _show(id)


@pages.post("/accounts/<id>/roles")
@permission("manage", "account")
def give_role(id: str) -> AnyResponse:
    database, viewer, form = current_site().database, current_viewer(), request.form
    role, organisation, areas = form.get("role", ""), form.get("organisation", ""), _areas()
    done = said(_("身份已给。他的登录都已退出，重新登录后生效。"), {})
    return _do(id, lambda number: actions.give_role(database, number, role, organisation, areas, viewer=viewer, at=now()), done)


@pages.post("/accounts/<id>/roles/<int:number>/withdraw")
@permission("manage", "account")
def take_role(id: str, number: int) -> AnyResponse:
    database, viewer, why = current_site().database, current_viewer(), request.form.get("why", "")
    membership = number if number < 2**63 else 0
    done = said(_("身份已收回，他的登录都已退出。"), {})
    return _do(id, lambda account: actions.take_role(database, account, membership, viewer=viewer, at=now(), why=why), done)


@pages.post("/accounts/<id>/disable")
@permission("manage", "account")
def disable(id: str) -> AnyResponse:
    database, viewer, why = current_site().database, current_viewer(), request.form.get("why", "")
    done = said(_("账号已停用，登录都已退出。"), {})
    return _do(id, lambda number: actions.disable(database, number, viewer=viewer, at=now(), why=why), done)


@pages.post("/accounts/<id>/enable")
@permission("manage", "account")
def enable(id: str) -> AnyResponse:
    database, viewer, why = current_site().database, current_viewer(), request.form.get("why", "")
    done = said(_("账号已恢复。"), {})
    return _do(id, lambda number: actions.enable(database, number, viewer=viewer, at=now(), why=why), done)


@pages.post("/accounts/<id>/reset")
@permission("manage", "account")
def send_reset(id: str) -> AnyResponse:
    """A letter by which the person sets a new password."""
    database, viewer, address = current_site().database, current_viewer(), request.remote_addr or ""
    link = link_to("accounts_reset.reset_form")

    def act(number: int) -> None:
        secret = actions.send_reset(database, number, viewer=viewer, address=address, link=link, at=now())
        show_letter("accounts_reset.reset_form", secret)

    return _do(id, act, said(_("已向他的邮箱发出重设密码的邮件。"), {}))


@pages.post("/accounts/<id>/second-factor")
@permission("manage", "account")
def reset_second_factor(id: str) -> AnyResponse:
    database, viewer, why = current_site().database, current_viewer(), request.form.get("why", "")
    done = said(_("他的两步验证已取消，登录都已退出。"), {})
    return _do(id, lambda number: actions.reset_second_factor(database, number, viewer=viewer, at=now(), why=why), done)
