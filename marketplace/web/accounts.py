"""Log-in, log-out, and a person's own account: password and personal tokens of the API."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Flask, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import accounts as actions
from marketplace.actions.demonstration import DemonstrationAccount, find_demonstration_accounts
from marketplace.domain.lifecycle import Refused, _
from marketplace.faults import fault_of_refusal, said
from marketplace.guard import current_viewer, for_the_logged_in, not_found, now, open_to_all
from marketplace.records.accounts import AccessToken, Account
from marketplace.site import current_site
from marketplace.web import security

pages = Blueprint("accounts", __name__)


@dataclass(frozen=True)
class Refusals:
    """What was refused of one form, shown at its head; `form` says of which."""

    form: str
    sentence: str


def _status(refused: Refused) -> int:
    return 429 if refused.code == "too_many_attempts" else 422


def _log_in_page(*, login: str = "", target: str = "/", refused: Refused | None = None) -> AnyResponse:
    site = current_site()
    demonstration: list[DemonstrationAccount] = []
    if site.settings.demo:
        with site.database.reading() as session:
            demonstration = find_demonstration_accounts(session)
    sentence = said(refused.message, refused.values) if refused else ""
    body = render_template("accounts/log_in.html", login=login, target=target, sentence=sentence, demonstration=demonstration)
    answer: Response = make_response(body, _status(refused) if refused else 200)
    if refused:
        answer.headers.update(fault_of_refusal(refused).headers)
    return answer


@pages.get("/login")
@open_to_all
def log_in_form() -> AnyResponse:
    """The log-in page; whoever is logged in already goes on."""
    target = security.safe_next(request.args.get("next", "/"))
    return redirect(target, 303) if current_viewer().is_known else _log_in_page(target=target)


@pages.post("/login")
@open_to_all
def log_in() -> AnyResponse:
    """Log in and go on to where the person wanted to be."""
    login, target = request.form.get("login", ""), security.safe_next(request.form.get("next", "/"))
    answer = actions.log_in(current_site().database, login, request.form.get("password", ""), address=request.remote_addr or "", now=now())
    if isinstance(answer, Refused):
        return _log_in_page(login=login[:64], target=target, refused=answer)
    security.start_session(answer.secret)
    return redirect(target, 303)


@pages.post("/logout")
@for_the_logged_in
def log_out() -> AnyResponse:
    """End this log-in, here and in the table."""
    actions.log_out(current_site().database, security.session_secret(), now=now())
    security.end_session()
    return redirect("/", 303)


def _account_page(*, refused: tuple[str, Refused] | None = None, new_token: str = "") -> AnyResponse:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        account = session.get_one(Account, viewer.account_id)
        tokens = session.scalars(select(AccessToken).where(AccessToken.account_id == account.id).order_by(AccessToken.id.desc())).all()
        body = render_template(
            "accounts/account.html",
            account=account,
            tokens=[token for token in tokens if not token.revoked],
            scopes=actions.SCOPES,
            moment=now(),
            new_token=new_token,
            refused=Refusals(refused[0], said(refused[1].message, refused[1].values)) if refused else None,
        )
    answer: Response = make_response(body, _status(refused[1]) if refused else 200)
    # A token is shown once; nothing may keep the page that shows it.
    answer.headers["Cache-Control"] = "no-store"
    return answer


@pages.get("/account")
@for_the_logged_in
def account() -> AnyResponse:
    """My account."""
    return _account_page()


@pages.post("/account/password")
@for_the_logged_in
def change_password() -> AnyResponse:
    """A new password; all other log-ins of the account end."""
    form, viewer = request.form, current_viewer()
    assert viewer.account_id is not None
    if form.get("new", "") != form.get("again", ""):
        return _account_page(refused=("password", Refused("password_differs", _("两次填写的新密码不一样，没有修改。"))))
    refused = actions.change_password(
        current_site().database,
        viewer.account_id,
        form.get("old", ""),
        form.get("new", ""),
        keep=security.session_secret(),
        now=now(),
    )
    if refused:
        return _account_page(refused=("password", refused))
    flash(said(_("密码已修改。其他地方的登录都已退出。"), {}))
    return redirect(url_for("accounts.account"), 303)


@pages.post("/account/tokens")
@for_the_logged_in
def create_token() -> AnyResponse:
    """A new token, shown on this answer and never again."""
    viewer, days = current_viewer(), request.form.get("days", "")
    assert viewer.account_id is not None
    count = int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0
    answer = actions.create_token(current_site().database, viewer.account_id, scopes=request.form.getlist("scopes"), days=count, now=now())
    return _account_page(refused=("token", answer)) if isinstance(answer, Refused) else _account_page(new_token=answer)


@pages.post("/account/tokens/<int:number>/revoke")
@for_the_logged_in
def revoke_token(number: int) -> AnyResponse:
    """Stop one of my tokens."""
    viewer = current_viewer()
    assert viewer.account_id is not None
    if number >= 2**63 or not actions.revoke_token(current_site().database, viewer.account_id, number, now=now()):
        not_found()
    flash(said(_("令牌已停用，用它的程序不能再访问。"), {}))
    return redirect(url_for("accounts.account"), 303)


def register(app: Flask) -> None:
    app.register_blueprint(pages)
