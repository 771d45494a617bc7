"""A new password by letter, for those who forgot theirs."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import accounts_mail as actions
from marketplace.actions.links import LINK_DEAD
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.faults import said
from marketplace.guard import now, open_to_all
from marketplace.site import current_site
from marketplace.web.outside import link_to, show_letter, shown_letter
from marketplace.web.refusals import form_page

pages = Blueprint("accounts_reset", __name__)


def dead_link() -> AnyResponse:
    """The one answer for links that were used, have expired, or never were."""
    answer = form_page("accounts/link_dead.html", refused=LINK_DEAD)
    answer.status_code = 404
    return answer


@pages.get("/login/forgot")
@open_to_all
def forgot_form() -> AnyResponse:
    return form_page("accounts/forgot.html", typed="")


@pages.post("/login/forgot")
@open_to_all
def forgot() -> AnyResponse:
    """Ask for a letter. The answer is the same whether there is such an account or not."""
    typed = request.form.get("login", "")[:254]
    link = link_to("accounts_reset.reset_form")
    try:
        letters = actions.ask_for_reset(current_site().database, typed, address=request.remote_addr or "", link=link, at=now())
    except RefusedError as error:
        return form_page("accounts/forgot.html", refused=error.refused, typed=typed)
    if letters:
        show_letter("accounts_reset.reset_form", letters[0])
    return redirect(url_for("accounts_reset.forgot_sent"), 303)


@pages.get("/login/forgot/sent")
@open_to_all
def forgot_sent() -> str:
    return render_template("accounts/sent.html", purpose="reset", letter=shown_letter())


@pages.get("/login/reset/<token>")
@open_to_all
def reset_form(token: str) -> AnyResponse:
    with current_site().database.reading() as session:
        account = actions.find_reset(session, token, now())
        login = account.login if account else None
    return dead_link() if login is None else form_page("accounts/reset.html", secret=True, token=token, login=login)


@pages.post("/login/reset/<token>")
@open_to_all
def reset(token: str) -> AnyResponse:
    """The new password; then the person logs in, with the second factor where there is one."""
    form = request.form
    with current_site().database.reading() as session:
        account = actions.find_reset(session, token, now())
        login = account.login if account else None
    if login is None:
        return dead_link()
    try:
        if form.get("new", "") != form.get("again", ""):
            raise RefusedError(Refused("password_differs", _("两次填写的新密码不一样，没有修改。")))
        actions.reset_password(current_site().database, token, form.get("new", ""), at=now())
    except RefusedError as error:
        return form_page("accounts/reset.html", refused=error.refused, secret=True, token=token, login=login)
    flash(said(_("密码已重设，所有登录都已退出。请用新密码登录。"), {}))
    return redirect(url_for("accounts.log_in_form"), 303)
