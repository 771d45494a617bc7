"""An organisation's members, and the invitations by which somebody becomes one."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import invitations, members
from marketplace.actions.links import LINK_DEAD
from marketplace.domain.access import RIGHTS, Role, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.registrations import KINDS
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, open_to_all, permission
from marketplace.records.accounts import Account, Membership
from marketplace.records.links import find_invitation, find_waiting_invitations
from marketplace.records.organisations import Organisation
from marketplace.site import current_site
from marketplace.web.accounts_reset import dead_link
from marketplace.web.outside import link_to, show_letter, shown_letter
from marketplace.web.refusals import form_page

pages = Blueprint("members", __name__)


def _page(*, refused: Refused | None = None, of: str = "") -> AnyResponse:
    """My organisations and their members. `of`: the organisation whose form was refused."""
    viewer, form = current_viewer(), request.form
    with current_site().database.reading() as session:
        own = Membership.organisation_id.in_(viewer.organisation_ids) & Membership.role.in_(KINDS)
        query = select(Membership).join(Account).where(own).options(joinedload(Membership.account), joinedload(Membership.organisation))
        rows = session.scalars(query.order_by(Membership.organisation_id, Account.disabled, Membership.id).limit(1000)).all()
        organisations = {row.organisation_id: row.organisation for row in rows}
        return form_page(
            "members/page.html",
            refused=refused,
            of=of,
            organisations=list(organisations.values()),
            rows=rows,
            invitations=find_waiting_invitations(session, list(organisations), now()),
            sees_to={number for number in organisations if may_act_for(viewer, number, members.RIGHT)},
            own_roles={row.organisation_id: row.role for row in rows if row.account_id == viewer.account_id},
            rights=RIGHTS,
            typed_email=form.get("email", "")[:254],
            typed_rights=form.getlist("rights") if form else list(RIGHTS[1:]),
            letter=shown_letter(),
        )


def _organisation(id: str) -> int:
    """One of my organisations; another's is as absent as one that never was."""
    with current_site().database.reading() as session:
        number = session.scalar(select(Organisation.id).where(Organisation.public_id == id))
    return number if number is not None and number in current_viewer().organisation_ids else not_found()


def _member(organisation_id: int, number: int) -> int:
    with current_site().database.reading() as session:
        row = session.get(Membership, number) if number < 2**63 else None
        return row.id if row is not None and row.organisation_id == organisation_id and row.role in KINDS else not_found()


def _do(id: str, act: Callable[[], object], done: str) -> AnyResponse:
    try:
        act()
    except RefusedError as error:
        return _page(refused=error.refused, of=id)
    flash(done)
    return redirect(url_for("members.page"), 303)


@pages.get("/organisation")
@permission("manage", "member")
def page() -> AnyResponse:
    return _page()


@pages.post("/organisation/<id>/invitations")
@permission("manage", "member")
def invite(id: str) -> AnyResponse:
    """Ask somebody to join, with chosen rights."""
    database, viewer, number = current_site().database, current_viewer(), _organisation(id)
    email, rights = request.form.get("email", ""), request.form.getlist("rights")
    with database.reading() as session:
        own = select(Membership.role).where(Membership.account_id == viewer.account_id, Membership.organisation_id == number)
        role: Role = session.scalar(own.where(Membership.role.in_(KINDS)).order_by(Membership.id).limit(1)) or not_found()

    def act() -> None:
        secret = members.invite_member(database, number, email, role, rights, viewer=viewer, link=link_to("members.invited"), at=now())
        show_letter("members.invited", secret)

    return _do(id, act, said(_("已向 {email} 发出邀请，7 天内有效。"), {"email": email.strip()}))


@pages.post("/organisation/<id>/invitations/<public_id>/withdraw")
@permission("manage", "member")
def take_back(id: str, public_id: str) -> AnyResponse:
    database, viewer, number = current_site().database, current_viewer(), _organisation(id)
    with database.reading() as session:
        row = find_invitation(session, public_id)
        if row is None or row.organisation_id != number or not may_act_for(viewer, number, members.RIGHT):
            not_found()
        invitation = row.id
    done = said(_("邀请已撤回，信里的链接不能再用。"), {})
    return _do(id, lambda: invitations.take_back_invitation(database, invitation, viewer=viewer, at=now()), done)


@pages.post("/organisation/<id>/members/<int:number>")
@permission("manage", "member")
def change_rights(id: str, number: int) -> AnyResponse:
    database, viewer, organisation = current_site().database, current_viewer(), _organisation(id)
    member, rights = _member(organisation, number), request.form.getlist("rights")
    shown = request.form["before"].split() if "before" in request.form else None
    done = said(_("权限已修改。这位成员的登录都已退出，重新登录后生效。"), {})
    return _do(id, lambda: members.change_rights(database, organisation, member, rights, viewer=viewer, at=now(), before=shown), done)


@pages.post("/organisation/<id>/members/<int:number>/remove")
@permission("manage", "member")
def remove(id: str, number: int) -> AnyResponse:
    database, viewer, organisation = current_site().database, current_viewer(), _organisation(id)
    member = _member(organisation, number)
    done = said(_("已移除，这位成员的登录都已退出。"), {})
    return _do(id, lambda: members.remove_member(database, organisation, member, viewer=viewer, at=now()), done)


def _invited(token: str, refused: Refused | None = None) -> AnyResponse:
    with current_site().database.reading() as session:
        row = invitations.find_invited(session, token, now())
        if row is None:
            return dead_link()
        typed = {name: request.form.get(name, "")[:64] for name in ("login", "name")}
        return form_page("members/invited.html", refused=refused, secret=True, row=row, token=token, typed=typed)


@pages.get("/invitations/<token>")
@open_to_all
def invited(token: str) -> AnyResponse:
    """What the letter asks: to join with my account, or to open one."""
    return _invited(token)


@pages.post("/invitations/<token>")
@open_to_all
def accept(token: str) -> AnyResponse:
    database, viewer, form = current_site().database, current_viewer(), request.form
    try:
        if viewer.is_known:
            invitations.accept(database, token, viewer=viewer, at=now())
        else:
            if form.get("password", "") != form.get("again", ""):
                raise RefusedError(Refused("password_differs", _("两次填写的密码不一样。")))
            values = {name: form.get(name, "") for name in ("login", "name", "password")}
            invitations.accept_anew(database, token, **values, at=now())
    except RefusedError as error:
        return dead_link() if error.refused is LINK_DEAD else _invited(token, error.refused)
    flash(said(_("已加入。请登录。"), {}))
    return redirect(url_for("accounts.log_in_form"), 303)
