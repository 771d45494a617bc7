"""What the page of a rating shows: the parts with their events, the peers, what would change it, and how it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer, may
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.rating_events import ASPECTS, KINDS, EventKind, stars
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.ratings import Bin, Part, Prospect, Rating, histogram, prospects, rate
from marketplace.guard import not_found
from marketplace.records.files import Attachment
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent, RatingScore, find_events, find_history, find_mean
from marketplace.records.solutions import Solution
from marketplace.web.language import say
from marketplace.web.wording import figure, sep, state

WIDTH, HEIGHT, FOOT, GAP = 560, 180, 36, 4


@dataclass(frozen=True)
class ShownEvent:
    """One event in words, with what it is worth, how much of the evidence it is (0–1) and the points that it gives or takes."""

    event: RatingEvent
    words: str
    value: float
    share: float
    points: float
    solution: Solution | None
    proofs: int


@dataclass(frozen=True)
class ShownPart:
    """All events of one kind; `usual`: the median of the peers' parts of this kind, None without any."""

    part: Part
    word: str
    share: float
    usual: float | None
    events: Sequence[ShownEvent]


@dataclass(frozen=True)
class Bar:
    """A column of the histogram, drawn: its place, and whether the provider itself stands in it."""

    bin: Bin
    x: float
    y: float
    width: float
    height: float
    own: bool


@dataclass(frozen=True)
class RatingPage:
    provider: Provider
    rating: Rating
    parts: Sequence[ShownPart]
    prospects: Sequence[Prospect]
    bars: Sequence[Bar]
    peers: int
    below: int
    middle: float | None
    history: Sequence[RatingScore]


def read_rating(session: Session, provider: Provider, *, today: date, rules: RatingRules) -> RatingPage:
    """Everything of one provider's rating, by a fixed number of queries. The score is of today, and so are its parts."""
    rows = find_events(session, [provider.id]).get(provider.id, [])
    mean = find_mean(session)
    mean = rules.mean if mean is None else mean
    events = [row.as_event() for row in rows]
    rating = rate(events, today, mean, rules)
    scores, usual = _peers(session)
    return RatingPage(
        provider=provider,
        rating=rating,
        parts=_parts(session, rows, rating, usual),
        prospects=prospects(events, today, mean, rules),
        bars=bars(histogram(scores), None if rating.is_new else rating.score),
        peers=len(scores),
        below=sum(score < rating.score for score in scores),
        middle=median(scores) if scores else None,
        history=find_history(session, provider.id),
    )


def _peers(session: Session) -> tuple[list[float], Mapping[EventKind, float]]:
    """The scores of all in the pool that have projects, and the median value of each kind."""
    query = select(RatingScore.score, RatingScore.parts).join(Provider, Provider.id == RatingScore.provider_id)
    query = query.where(RatingScore.replaced_at.is_(None), RatingScore.projects > 0, Provider.state.in_(SEARCHABLE))
    scores: list[float] = []
    values: dict[EventKind, list[float]] = {}
    for score, parts in session.execute(query):
        scores.append(score)
        for part in parts:
            values.setdefault(EventKind(part["kind"]), []).append(part["value"])
    return sorted(scores), {kind: median(found) for kind, found in values.items()}


def _parts(session: Session, rows: Sequence[RatingEvent], rating: Rating, usual: Mapping[EventKind, float]) -> list[ShownPart]:
    by_id = {row.id: row for row in rows}
    wanted = {row.solution_id for row in rows if row.solution_id is not None}
    solutions = {row.id: row for row in session.scalars(select(Solution).where(Solution.id.in_(wanted)))}
    proofs: dict[int, int] = {}
    attached = select(Attachment.noun_id).where(Attachment.noun == "rating_event", Attachment.superseded_at.is_(None))
    for number in session.scalars(attached.where(Attachment.noun_id.in_(by_id))):
        proofs[number] = proofs.get(number, 0) + 1
    shown: dict[EventKind, list[ShownEvent]] = {}
    for one in rating.contributions:
        row = by_id[one.event.key]
        share = one.mass / rating.mass if rating.mass else 0.0
        solution = solutions.get(row.solution_id) if row.solution_id else None
        found = ShownEvent(row, event_words(row), one.value, share, one.points, solution, proofs.get(row.id, 0))
        shown.setdefault(row.kind, []).insert(0, found)
    return [
        ShownPart(part, kind_word(part.kind), part.mass / rating.mass if rating.mass else 0.0, usual.get(part.kind), shown[part.kind])
        for part in rating.parts
    ]


def bars(bins: Sequence[Bin], own: float | None) -> list[Bar]:
    """The histogram as rectangles of a drawing of 560 × 180."""
    if not bins:
        return []
    most = max(row.count for row in bins)
    step = WIDTH / len(bins)
    found = []
    for place, row in enumerate(bins):
        height = (HEIGHT - FOOT - 16) * row.count / most
        is_own = own is not None and (row.low <= own < row.high or (own >= 100 and row.high == 100))
        found.append(Bar(row, round(place * step, 1), round(HEIGHT - FOOT - height, 1), round(step - GAP, 1), round(height, 1), is_own))
    return found


def kind_word(kind: str) -> str:
    return say(KINDS[EventKind(kind)].label)


def event_words(event: RatingEvent) -> str:
    """What happened, in one line."""
    said = event.payload
    kind = event.kind
    if kind == EventKind.ON_TIME:
        if said["on_time"]:
            return say("按期")
        days = said.get("days_late")
        return say("逾期") if days is None else say("逾期 {n} 个工作日", n=days)
    if kind == EventKind.ACCEPTANCE:
        word = state("acceptance", said["result"])[0]
        return word if said.get("score") is None else say("{word}，{score} 分", word=word, score=figure(float(said["score"])))
    if kind == EventKind.EFFECT:
        values = {key: figure(float(said.get(key) or 0)) for key in ("baseline", "target", "measured")}
        unit = f" {said['unit']}" if said.get("unit") else ""
        return say("{indicator}：改造前 {baseline}，目标 {target}，实测 {measured}{unit}", indicator=said["indicator"], unit=unit, **values)
    if kind == EventKind.ENTERPRISE_RATING:
        given = [f"{aspect_word(key)} {figure(float(said[key]))}" for key in ASPECTS if said.get(key) is not None]
        mean = f"{stars(said):.1f} / 5"
        return f"{mean}{sep('（')}{sep('，').join(given)}{sep('）')}" if given else mean
    if kind == EventKind.RESPONSE:
        return say("{n} 个工作日内答复", n=said.get("days") or 0) if said["answered"] else say("没有答复")
    return say("严重程度：{word}", word=state("severity", said["severity"])[0])


def aspect_word(key: str) -> str:
    return say(next(field.label for field in KINDS[EventKind.ENTERPRISE_RATING].fields if field.key == key))


def rated_provider(session: Session, public_id: str, viewer: Viewer) -> Provider:
    """The provider whose rating and certificates this person may read: its own, or any for staff; another's is not found."""
    provider = session.scalar(select(Provider).where(Provider.public_id == public_id))
    if provider is None or not (may(viewer, "read", "rating") or provider.id in viewer.provider_ids):
        not_found()
    return provider
