"""Writing down what a rating is made of, and computing it anew in the same transaction, so that the two never differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import history
from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.files import attach
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.rating_events import EventDraft, EventKind, check
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.ratings import Rating, mean_of_all, rate
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent, RatingMean, RatingScore, find_events, find_mean, find_scores

STAFF_FORM = "staff"
PROOF = "proof"
_CHUNK = 500
# Below this nothing has changed but the last digit.
_SAME = 0.005


def enter_event(
    database: Database,
    provider_id: int,
    draft: EventDraft,
    *,
    proof: StoredBlob | None,
    viewer: Viewer,
    at: datetime,
    today: date,
    rules: RatingRules,
    solution_id: int | None = None,
    replaces: int | None = None,
    why: str = "",
) -> RatingEvent:
    """Staff enter an event with its proof, or correct one (`replaces`, with a reason). The rating follows at once."""
    must_hold(viewer, "enter", "rating")
    _refuse_bad(draft, today)
    # What moves a rating can be looked up.
    if proof is None:
        raise RefusedError(Refused("proof_missing", _("请附上证明材料（检查记录、验收报告、投诉处理决定等）。")))
    if replaces is not None and not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        provider = session.get_one(Provider, provider_id)
        event = RatingEvent(provider_id=provider.id, solution_id=solution_id, source=STAFF_FORM)
        _fill(event, draft)
        event.entered_by, event.created = actor_of(viewer), at
        session.add(event)
        session.flush()
        event.source_ref = event.public_id
        if replaces is not None:
            old = session.get_one(RatingEvent, replaces)
            if old.provider_id != provider.id:
                raise RefusedError(Refused("other_provider", _("这条评价事件不是这家服务商的，请核对。")))
            _refuse_foreign(old)
            _supersede(session, old, by=event, why=why, actor=actor_of(viewer), at=at)
        attach(
            session,
            proof,
            noun="rating_event",
            noun_id=event.id,
            kind=PROOF,
            organisation_id=provider.organisation_id,
            viewer=viewer,
            at=at,
        )
        _note(session, "enter", event, actor=actor_of(viewer), at=at, why=why)
        recompute(session, [provider.id], rules, at=at, on=today, why="enter")
        return event


def take_back_event(
    database: Database, event_id: int, *, why: str, viewer: Viewer, at: datetime, today: date, rules: RatingRules
) -> RatingEvent:
    """An event that was wrong counts no longer; it stays to be read, with the reason."""
    must_hold(viewer, "enter", "rating")
    if not why.strip():
        raise RefusedError(Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    with database.writing() as session:
        event = session.get_one(RatingEvent, event_id)
        _refuse_foreign(event)
        _supersede(session, event, by=None, why=why, actor=actor_of(viewer), at=at)
        recompute(session, [event.provider_id], rules, at=at, on=today, why="take_back")
        return event


def _refuse_foreign(event: RatingEvent) -> None:
    """What came from a project or a file is corrected there, or the next one would bring it back, or never again."""
    if event.source != STAFF_FORM:
        raise RefusedError(Refused("not_by_form", _("这条评价事件由项目或文件导入，请在来源处更正后重新导入。")))


@dataclass(frozen=True)
class Incoming:
    """An event from elsewhere, checked already, and the reference by which it is known there."""

    provider_id: int
    draft: EventDraft
    source_ref: str
    solution_id: int | None = None


def put_events(session: Session, rows: Sequence[Incoming], *, source: str, actor: str, at: datetime) -> list[RatingEvent]:
    """Write each event once; what has changed since replaces what stood there. Those written; the caller recomputes the ratings."""
    known: dict[str, RatingEvent] = {}
    for start in range(0, len(rows), _CHUNK):
        refs = [row.source_ref for row in rows[start : start + _CHUNK]]
        found = session.scalars(select(RatingEvent).where(RatingEvent.source == source, RatingEvent.source_ref.in_(refs)))
        known.update((row.source_ref, row) for row in found)
    written: list[tuple[RatingEvent, RatingEvent | None]] = []
    for row in rows:
        old = known.get(row.source_ref)
        event = RatingEvent(provider_id=row.provider_id, solution_id=row.solution_id, source=source, source_ref=row.source_ref)
        _fill(event, row.draft)
        event.entered_by, event.created = actor[:100], at
        if old is not None and _content(old) == _content(event):
            continue
        if old is not None:
            # The reference must be free before the new row takes it.
            old.source_ref = f"{old.source_ref[:107]}~{old.id}"
        written.append((event, old))
    session.flush()
    session.add_all(event for event, _old in written)
    session.flush()
    for event, old in written:
        _note(session, "import", event, actor=actor, at=at)
        if old is not None and old.superseded_at is None:
            _supersede(session, old, by=event, why="", actor=actor, at=at)
    return [event for event, _old in written]


def recompute(
    session: Session, provider_ids: Iterable[int], rules: RatingRules, *, at: datetime, on: date, why: str, least: float = _SAME
) -> list[int]:
    """The ratings of these providers as of a day; those that differ by `least` points or in grade get a new row. Who changed."""
    wanted = sorted(set(provider_ids))
    if not wanted:
        return []
    # Two events of one provider at once: the second one waits, and sees the first.
    providers = {
        row.id: row
        for row in session.scalars(select(Provider).where(Provider.id.in_(wanted)).order_by(Provider.id).with_for_update(of=Provider))
    }
    mean = find_mean(session)
    mean = rules.mean if mean is None else mean
    events, latest = find_events(session, wanted), find_scores(session, wanted)
    changed: dict[int, tuple[RatingScore | None, RatingScore]] = {}
    for number in wanted:
        before = latest.get(number)
        # Whoever has neither events nor a rating stays without: the mean of all says the same.
        if number not in events and before is None:
            continue
        rating = rate([row.as_event() for row in events.get(number, [])], on, mean, rules)
        if before is None or _differs(before, rating, least):
            changed[number] = (before, _row(number, rating, rules, at, why))
    for before, _row_after in changed.values():
        if before is not None:
            before.replaced_at = at
    session.flush()
    session.add_all(row for _before, row in changed.values())
    session.flush()
    for number, (before, row) in changed.items():
        was = {"score": round(before.score, 1), "grade": before.grade} if before else None
        now = {"score": round(row.score, 1), "grade": row.grade, "projects": row.projects}
        history.record(session, actor="jigai", verb="rate", noun="provider", noun_id=number, before=was, after=now, why=why, at=at)
        _tell(session, providers[number], before, row, at)
    enqueue_dependants(session, {"provider": changed})
    return sorted(changed)


def refresh_mean(session: Session, rules: RatingRules, *, at: datetime, on: date) -> float:
    """The mean of all as of a day, written down; every rating until the next time is pulled towards it."""
    rated = session.scalars(select(RatingEvent.provider_id).where(RatingEvent.superseded_at.is_(None)).distinct()).all()
    own = []
    for rows in find_events(session, rated).values():
        rating = rate([row.as_event() for row in rows], on, rules.mean, rules)
        own.append((rating.mass, rating.own_mean or 0.0))
    mean = mean_of_all(own, rules)
    session.add(RatingMean(at=at, mean=mean, providers=len(own), projects=sum(mass for mass, _value in own)))
    session.flush()
    return mean


def recompute_all(session: Session, rules: RatingRules, *, at: datetime, on: date, why: str = "daily") -> list[int]:
    """Every day: the mean of all, and then whoever has moved by as much as the rules care for. Who changed."""
    refresh_mean(session, rules, at=at, on=on)
    rated = set(session.scalars(select(RatingEvent.provider_id).distinct()))
    return recompute(session, rated, rules, at=at, on=on, why=why, least=rules.least_change)


def _refuse_bad(draft: EventDraft, today: date) -> None:
    for _field, refused in check(draft, today):
        raise RefusedError(refused)


def _fill(event: RatingEvent, draft: EventDraft) -> None:
    assert draft.on is not None
    event.kind, event.on, event.project = EventKind(draft.kind), draft.on, draft.project.strip()
    event.payload = {key: value for key, value in draft.payload.items() if value is not None and value != ""}


def _content(event: RatingEvent) -> tuple[Any, ...]:
    return event.provider_id, event.solution_id, str(event.kind), event.on, event.project, event.payload


def _supersede(session: Session, event: RatingEvent, *, by: RatingEvent | None, why: str, actor: str, at: datetime) -> None:
    session.refresh(event, attribute_names=["superseded_at"], with_for_update=True)
    if event.superseded_at is not None:
        raise RefusedError(Refused("superseded", _("这条评价事件已被更正或撤回。请刷新后再看。")))
    event.superseded_at, event.superseded_by, event.why = at, by.id if by else None, why.strip()[:500]
    session.flush()
    _note(session, "replace" if by else "take_back", event, actor=actor, at=at, why=why, after={"replaced_by": by.id if by else None})


def _note(
    session: Session,
    verb: str,
    event: RatingEvent,
    *,
    actor: str,
    at: datetime,
    why: str = "",
    after: Mapping[str, Any] | None = None,
) -> None:
    said = {"kind": str(event.kind), "on": event.on.isoformat(), "payload": event.payload, "provider_id": event.provider_id}
    before, now = (said, dict(after)) if after is not None else (None, said)
    history.record(session, actor=actor, verb=verb, noun="rating_event", noun_id=event.id, before=before, after=now, why=why, at=at)


def _differs(before: RatingScore, rating: Rating, least: float) -> bool:
    if (before.grade, before.projects) != (rating.grade, rating.projects):
        return True
    return any(abs(old - new) >= least for old, new in ((before.score, rating.score), (before.low, rating.low), (before.high, rating.high)))


def _row(provider_id: int, rating: Rating, rules: RatingRules, at: datetime, why: str) -> RatingScore:
    parts = [
        {"kind": str(part.kind), "count": part.count, "mass": part.mass, "value": part.value, "points": part.points}
        for part in rating.parts
    ]
    row = RatingScore(provider_id=provider_id, at=at, score=rating.score, low=rating.low, high=rating.high, grade=rating.grade)
    row.mass, row.own_mean, row.projects, row.mean = rating.mass, rating.own_mean, rating.projects, rating.mean
    row.parts, row.version, row.why = parts, rules.version, why
    return row


def _tell(session: Session, provider: Provider, before: RatingScore | None, row: RatingScore, at: datetime) -> None:
    """A provider hears of a new grade; what every tenth of a point did stands in its history."""
    if before is None or before.grade == row.grade or not (told := accounts_of_organisation(session, provider.organisation_id)):
        return
    values = {"before": before.grade, "after": row.grade, "score": round(row.score)}
    message = _("评价等级由 {before} 变为 {after}（{score} 分），可以查看依据。")
    notify(session, told, "rating", message, at=at, values=values, noun="rating", public_ref=provider.public_id)
