"""Notices by mail or by the gateway: at once, or once a day; and single mails that somebody asked for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, select, update

from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.notices import KINDS, OTHER, USUAL, Way, word_of
from marketplace.jobs.mailing import Mailer, MailError, mail, mailer_of
from marketplace.jobs.outgoing import OutgoingError, post_json
from marketplace.jobs.progress import Progress
from marketplace.records.accounts import Account
from marketplace.records.jobs import Job
from marketplace.records.notices import Notice, NoticePreference
from marketplace.site import Site

# What could not be told within this time is on the page of notices; nobody wants it by mail any more.
FRESH = timedelta(days=2)
# So many are read at a time.
MOST = 500

log = logging.getLogger(__name__)


def send(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """One mail: {"to", "subject", "body"}. What the server will never take is not tried again."""
    asked = job.payload
    try:
        message = mail(site.settings, to=asked["to"], subject=asked["subject"], body=asked["body"], key=job.public_id, at=job.created)
        mailer_of(site.settings).send(message)
    except MailError as error:
        if error.refused:
            raise RefusedError(Refused("mail_refused", str(error).replace("{", "（").replace("}", "）"))) from error
        raise
    with progress.finishing() as session:
        # A one-time link that it carried is kept nowhere but by its hash.
        session.get_one(Job, job.id).payload = {"to": asked["to"]}
    return None


def notices(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Tell at once what is to be told at once. What is told is noted notice by notice, so that a kill repeats one at most."""
    at, mailer, told, seen = datetime.now(UTC), mailer_of(site.settings), 0, 0
    while waiting := _waiting(site, at, digest=False):
        for notice, account, way in waiting:
            told += _tell(site, mailer, notice, account, way)
            _note(site, [notice], at)
        seen += len(waiting)
        progress(seen, seen)
    return {"told": told}


def _tell(site: Site, mailer: Mailer, notice: Notice, account: Account, way: Way) -> bool:
    """Whether it went out. One that this person can never get is dropped; a server that is away is an error."""
    if way is Way.GATEWAY and site.settings.gateway_url:
        token = site.settings.gateway_token.get_secret_value().strip()
        message = {"id": notice.public_id, "login": account.login, "name": account.name, "text": notice.sentence, "link": _link(site)}
        try:
            post_json(site.settings.gateway_url, message, token=token, private=site.settings.gateway_private)
        except OutgoingError as error:
            raise RuntimeError(f"网关{error}") from error
        return True
    if way is Way.NONE or not account.email:
        return False
    subject = f"【{site.pilot.city.name}技改平台】{word_of(notice.kind)}"
    return _sent(site, mailer, account, subject, notice.sentence, notice.public_id, notice.at)


def digests(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """One mail a person with all that came since yesterday's."""
    at, mailer, told = datetime.now(UTC), mailer_of(site.settings), 0
    people = sorted({account.id for _notice, account, _way in _waiting(site, at, digest=True, most=None)})
    for number, person in enumerate(people, 1):
        rows = _waiting(site, at, digest=True, account_id=person, most=None)
        account, news = rows[0][1], [notice for notice, _account, _way in rows]
        body = "\n".join(f"· {word_of(notice.kind)}：{notice.sentence}" for notice in news)
        subject = f"【{site.pilot.city.name}技改平台】{len(news)} 条通知"
        if account.email:
            told += _sent(site, mailer, account, subject, body, f"{job.payload['day']}-{account.public_id}", at)
        _note(site, news, at)
        progress(number, len(people))
    return {"told": told}


def _sent(site: Site, mailer: Mailer, account: Account, subject: str, text: str, key: str, at: datetime) -> bool:
    body = f"{account.name}，您好：\n\n{text}\n\n查看和办理：{_link(site)}\n不想收邮件，或想每天只收一封，请在上面的页面里选择。\n"
    try:
        mailer.send(mail(site.settings, to=account.email or "", subject=subject, body=body, key=key, at=at))
    except MailError as error:
        if not error.refused:
            raise
        log.warning("account %d gets no mail: %s", account.id, error)
        return False
    return True


def _link(site: Site) -> str:
    return f"{(site.settings.public_url or f'http://{site.settings.host}:{site.settings.port}').rstrip('/')}/notices"


def _waiting(
    site: Site, at: datetime, *, digest: bool, account_id: int | None = None, most: int | None = MOST
) -> Sequence[tuple[Notice, Account, Way]]:
    """What is to be told now, by person, oldest first, and in which way."""
    chosen_for = case((Notice.kind.in_(list(KINDS)), Notice.kind), else_=OTHER)
    preference = and_(NoticePreference.account_id == Notice.account_id, NoticePreference.kind == chosen_for)
    way = func.coalesce(NoticePreference.way, USUAL.value)
    query = select(Notice, Account, way).join(Account, Account.id == Notice.account_id).outerjoin(NoticePreference, preference)
    query = query.where(Notice.mailed_at.is_(None), Notice.at > at - FRESH, Account.disabled.is_(False))
    query = query.where(way == Way.DIGEST.value if digest else way != Way.DIGEST.value)
    if account_id is not None:
        query = query.where(Notice.account_id == account_id)
    with site.database.reading() as session:
        rows = session.execute(query.order_by(Notice.account_id, Notice.id).limit(most)).all()
        session.expunge_all()
    return [(notice, account, Way(chosen)) for notice, account, chosen in rows]


def _note(site: Site, told: Sequence[Notice], at: datetime) -> None:
    with site.database.writing() as session:
        session.execute(update(Notice).where(Notice.id.in_([notice.id for notice in told])).values(mailed_at=at))
