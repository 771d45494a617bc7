"""Ratings of the demonstration set: evaluation rounds in every state, certificates that expire.

Everything happens through the same actions as on the pages, so nothing stands there that could not have come about. The events
themselves come with the set's files; who is seen how often is counted by the first night's job.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import certificates, evaluations
from marketplace.actions.demonstration_applicants import paper
from marketplace.domain.access import Viewer
from marketplace.domain.certificates import CertificateDraft
from marketplace.domain.evaluations import Period, ResultState, last_period
from marketplace.domain.rating_rules import RatingRules
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.certificates import Certificate
from marketplace.records.database import Database
from marketplace.records.evaluations import EvaluationResult, EvaluationRound, find_results

# Of the provider whose account everybody may use: name, kind, days until it expires (None: without term).
_OWN: Sequence[tuple[str, str, int | None]] = (
    ("营业执照", "licence", None),
    ("安全生产许可证", "licence", 24),
    ("ISO 9001 质量管理体系认证", "system", 200),
    ("职业责任保险", "insurance", -3),
)


def seed_ratings(database: Database, rules: RatingRules, *, files: BlobStore, at: datetime, today: date, zone: str) -> None:
    """After the set and its accounts are there; a second time changes nothing. `zone`: of the pilot."""
    with database.reading() as session:
        people = {login: _viewer(session, login) for login in ("manager", "bureau", "provider")}
        seeded = session.scalar(select(func.count()).select_from(EvaluationRound)) or 0
    if any(viewer is None for viewer in people.values()) or seeded:
        return
    known = {login: viewer for login, viewer in people.items() if viewer is not None}
    _rounds(database, rules, known, at, today)
    _certificates(database, rules, files, known["provider"], at, today, zone)


def _viewer(session: Session, login: str) -> Viewer | None:
    account = find_account(session, login)
    return find_viewer(session, account.id) if account else None


def _rounds(database: Database, rules: RatingRules, people: dict[str, Viewer], at: datetime, today: date) -> None:
    """The half-year before last is issued, one was cancelled, of the last one the proposed results are out for comment."""
    manager, bureau, provider = people["manager"], people["bureau"], people["provider"]
    last = last_period(today, rules.evaluation)
    before = last_period(last.start, rules.evaluation)

    def told(period: Period, day: date) -> int:
        moment = _moment(day, at)
        opened = evaluations.open_round(database, period, viewer=manager, at=moment, today=day, rules=rules)
        evaluations.review_rest(database, opened.id, viewer=manager, at=moment, rules=rules)
        evaluations.show(database, opened.id, viewer=manager, at=moment, today=day, rules=rules)
        return opened.id

    issued_on = min(last.start + timedelta(30), today)
    number = told(before, last.start + timedelta(5))
    evaluations.issue(database, number, viewer=bureau, at=_moment(issued_on, at), today=issued_on, rules=rules)
    dropped = Period(last.start, last.start + timedelta(89))
    opened = evaluations.open_round(database, dropped, viewer=manager, at=at, today=today, rules=rules)
    evaluations.cancel(database, opened.id, why="评价期选错，应评半年", viewer=bureau, at=at, today=today)
    number = told(last, today)
    with database.reading() as session:
        own = [row.id for row in _results(session, number) if row.provider_id in provider.provider_ids]
    for result in own:
        text = "期内密封件车间在线检测项目的实测成效只计了一项，另有一项能耗指标没有计入。"
        evaluations.comment(database, result, text=text, viewer=provider, at=at, today=today)


def _results(session: Session, number: int) -> Sequence[EvaluationResult]:
    return find_results(session, number, states=[ResultState.SHOWN])


def _certificates(database: Database, rules: RatingRules, files: BlobStore, provider: Viewer, at: datetime, today: date, zone: str) -> None:
    with database.reading() as session:
        if session.scalar(select(func.count()).select_from(Certificate)) or not provider.provider_ids:
            return
    for name, kind, days in _OWN:
        expires = None if days is None else today + timedelta(days)
        draft = CertificateDraft(kind, name, "示例", today - timedelta(400), expires)
        certificates.add_certificate(database, min(provider.provider_ids), draft, proof=_scan(files, name, kind), viewer=provider, at=at)
    with database.writing() as session:
        certificates.remind(session, rules.certificates, at=at, today=today)
        certificates.ask_for_recheck(session, rules.certificates, at=at, today=today, zone=zone)


def _scan(files: BlobStore, name: str, kind: str) -> StoredBlob:
    return files.keep(paper(f"certificate {kind}"), f"{name}（示例）.pdf", "application/pdf")


def _moment(day: date, at: datetime) -> datetime:
    """Some time on that day, never after now."""
    return min(datetime.combine(day, time(2), UTC), at)
