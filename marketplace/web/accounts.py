"""Log-in, log-out, and a person's own account: address, log-ins, password and personal tokens of the API."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Flask, Response, flash, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import accounts as actions
from marketplace.actions import accounts_mail as letters
from marketplace.actions.demonstration import DemonstrationAccount, find_demonstration_accounts
from marketplace.actions.links import LINK_DEAD
from marketplace.actions.sessions import log_out as end_log_in
from marketplace.actions.sessions import revoke_session as end_session_of
from marketplace.domain.accounts import ABSOLUTE, folded_login, idle_limit, needs_second_factor
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.secrets import hashed
from marketplace.faults import said
from marketplace.guard import current_viewer, for_the_logged_in, not_found, now, open_to_all
from marketplace.records.accounts import AccessToken, Account, find_sessions
from marketplace.records.registrations import find_own_registrations
from marketplace.records.second_factors import has_second_factor
from marketplace.site import current_site
from marketplace.web import accounts_reset, accounts_second_factor, accounts_staff, persons, security
from marketplace.web.accounts_reset import dead_link
from marketplace.web.known_devices import device_of, remember
from marketplace.web.language import say
from marketplace.web.outside import link_to, show_letter, shown_letter
from marketplace.web.refusals import form_page, sentence_of

pages = Blueprint("accounts", __name__)


@dataclass(frozen=True)
class Refusals:
    """What was refused of one form, shown at its head; `form` says of which."""

    form: str
    sentence: str


def _log_in_page(*, login: str = "", target: str = "/", refused: Refused | None = None) -> AnyResponse:
    site = current_site()
    demonstration: list[DemonstrationAccount] = []
    if site.settings.demo:
        with site.database.reading() as session:
            demonstration = find_demonstration_accounts(session)
    return form_page("accounts/log_in.html", refused=refused, login=login, target=target, demonstration=demonstration)


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
    form, address, agent = request.form, request.remote_addr or "", request.user_agent.string
    login, target = form.get("login", ""), security.safe_next(form.get("next", "/"))
    device = device_of(folded_login(login))
    password = form.get("password", "")
    answer = actions.log_in(current_site().database, login, password, address=address, agent=agent, now=now(), device=device)
    if isinstance(answer, Refused):
        return _log_in_page(login=login[:64], target=target, refused=answer)
    if isinstance(answer, actions.CodeNeeded):
        security.keep_half_session(answer.secret, target)
        return redirect(url_for("second_factor.code_form"), 303)
    security.start_session(answer.secret)
    return remember(redirect(target, 303), folded_login(login))


@pages.post("/logout")
@for_the_logged_in
def log_out() -> AnyResponse:
    """End this log-in, here and in the table."""
    end_log_in(current_site().database, security.session_secret(), now=now())
    security.end_session()
    return redirect("/", 303)


def account_page(*, refused: tuple[str, Refused] | None = None, new_token: str = "", email: str = "") -> Response:
    """My account. `email`: an address as it was typed and refused."""
    site, viewer, moment = current_site(), current_viewer(), now()
    with site.database.reading() as session:
        account = session.get_one(Account, viewer.account_id)
        tokens = session.scalars(select(AccessToken).where(AccessToken.account_id == account.id).order_by(AccessToken.id.desc())).all()
        limits = {"begun_after": moment - ABSOLUTE, "seen_after": moment - idle_limit(viewer.roles)}
        return form_page(
            "accounts/account.html",
            account=account,
            sessions=find_sessions(session, account.id, **limits),
            this_session=hashed(security.session_secret()),
            registrations=find_own_registrations(session, account.id),
            has_factor=has_second_factor(session, account.id),
            offers_factor=needs_second_factor(viewer.roles),
            tokens=[token for token in tokens if not token.revoked],
            scopes=actions.SCOPES,
            scope_words={"read": say("读取"), "write": say("填写和办理"), "import": say("导入")},
            moment=moment,
            new_token=new_token,
            typed_email=email,
            letter=shown_letter(),
            refused_form=Refusals(refused[0], sentence_of(refused[1])) if refused else None,
            refused=refused[1] if refused else None,
            secret=True,
        )


@pages.get("/account")
@for_the_logged_in
def account() -> AnyResponse:
    """My account."""
    return account_page()


@pages.post("/account/password")
@for_the_logged_in
def change_password() -> AnyResponse:
    """A new password; all other log-ins of the account end."""
    form, viewer = request.form, current_viewer()
    assert viewer.account_id is not None
    if form.get("new", "") != form.get("again", ""):
        return account_page(refused=("password", Refused("password_differs", _("两次填写的新密码不一样，没有修改。"))))
    refused = actions.change_password(
        current_site().database,
        viewer.account_id,
        form.get("old", ""),
        form.get("new", ""),
        keep=security.session_secret(),
        now=now(),
    )
    if refused:
        return account_page(refused=("password", refused))
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
    return account_page(refused=("token", answer)) if isinstance(answer, Refused) else account_page(new_token=answer)


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


@pages.post("/account/sessions/<int:number>/revoke")
@for_the_logged_in
def revoke_session(number: int) -> AnyResponse:
    """End one of my log-ins, for instance on a computer that I left."""
    viewer = current_viewer()
    assert viewer.account_id is not None
    if number >= 2**63 or not end_session_of(current_site().database, viewer.account_id, number, at=now()):
        not_found()
    flash(said(_("已退出那处登录。"), {}))
    return redirect(url_for("accounts.account"), 303)


@pages.post("/account/email")
@for_the_logged_in
def ask_for_email() -> AnyResponse:
    """Ask for another address; a letter goes there."""
    form, viewer = request.form, current_viewer()
    assert viewer.account_id is not None
    link = link_to("accounts.email_form")
    try:
        secret = letters.ask_for_email(
            current_site().database, viewer.account_id, form.get("password", ""), form.get("email", ""), link=link, at=now()
        )
    except RefusedError as error:
        return account_page(refused=("email", error.refused), email=form.get("email", "")[:254])
    show_letter("accounts.email_form", secret)
    flash(said(_("已向新邮箱发信。打开信里的链接后，新邮箱才生效。"), {}))
    return redirect(url_for("accounts.account"), 303)


@pages.get("/account/email/<token>")
@for_the_logged_in
def email_form(token: str) -> AnyResponse:
    return form_page("accounts/email.html", token=token)


@pages.post("/account/email/<token>")
@for_the_logged_in
def confirm_email(token: str) -> AnyResponse:
    viewer = current_viewer()
    assert viewer.account_id is not None
    try:
        letters.confirm_email(current_site().database, viewer.account_id, token, at=now())
    except RefusedError as error:
        return dead_link() if error.refused is LINK_DEAD else form_page("accounts/email.html", refused=error.refused, token=token)
    flash(said(_("邮箱已更换。"), {}))
    return redirect(url_for("accounts.account"), 303)


def agent_word(agent: str | None) -> str:
    """Browser and system of a log-in, as the person may recognise them."""
    agent = agent or ""
    system = next((word for mark, word in _SYSTEMS if mark in agent), "")
    browser = next((word for mark, word in _BROWSERS if mark in agent), "")
    return " · ".join(part for part in (browser, system) if part) or agent[:60] or "–"


# The first mark that is found counts: every browser calls itself by the names of others as well.
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_BROWSERS = (("MicroMessenger", "微信"), ("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))


def register(app: Flask) -> None:
    for module in (accounts_reset, accounts_second_factor, accounts_staff, persons):
        app.register_blueprint(module.pages)
    app.register_blueprint(pages)
    app.jinja_env.globals["agent_word"] = agent_word
    accounts_second_factor.install(app)
