"""Ratings: a provider's own with the events that it comes from, everybody's for staff, and the entering of events."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import ratings as actions
from marketplace.api import models as out
from marketplace.api.attached import FILE, FileOut, file_out, form_of, stored_file
from marketplace.api.days import today
from marketplace.api.operation import SENTENCES, Done, Model, operation, refuse, refuse_field
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.shown import provider_ref
from marketplace.domain.access import may
from marketplace.domain.lifecycle import _
from marketplace.domain.providers import ProviderState
from marketplace.domain.rating_events import KINDS, EventDraft, EventKind, check
from marketplace.domain.ratings import Rating, rate
from marketplace.faults import Problem, said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.files import Attachment
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent, find_event, find_events, find_history, find_mean, find_scores
from marketplace.site import current_site

Value = bool | float | str | None


class RatingLine(Model):
    """A provider's rating as it was last computed. Null and "": nothing is known yet. `low` to `high`: nine times out of ten it is in there."""

    provider: out.ProviderRef
    state: ProviderState
    score: float | None
    low: float | None
    high: float | None
    grade: str
    projects: int


class PartOut(Model):
    """All events of one kind: how many, their value of 0–100, and the points that they give or take."""

    kind: EventKind
    label: str
    count: int
    value: float
    points: float


class EventOut(Model):
    """One dated event: what happened (`payload`), its value of 0–100, its share of the evidence and its points."""

    id: str
    kind: EventKind
    on: date
    project: str
    payload: dict[str, Value]
    value: float
    share: float
    points: float
    by_form: bool
    """Entered by staff; others come from projects or files, and are corrected there."""
    proofs: list[FileOut]


class PastScore(Model):
    at: datetime
    score: float
    grade: str
    why: str


class RatingOut(RatingLine):
    """The rating of today with its reasons. `usual`: the mean of all, towards which few events are pulled."""

    usual: float
    parts: list[PartOut]
    events: list[EventOut]
    history: list[PastScore]


class RatingList(Model):
    items: list[RatingLine]
    next: str | None


class EventForm(Model):
    """The fields of the multipart form."""

    proof: bytes = FILE
    kind: EventKind
    on: date
    payload: str = Field(max_length=10_000, json_schema_extra={"contentMediaType": "application/json"})
    """The fields of this kind as a JSON object, e.g. {"on_time": false, "days_late": 6}."""
    project: str = Field("", max_length=128)
    replaces: str = Field("", max_length=36)
    """The id of the event that this one corrects; then `why` is needed."""
    why: str = Field("", max_length=500)


class TakeBackIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"why": "重复登记"}]})
    why: str = Field(max_length=500)


@permission("read", "rating")
@operation("/ratings", summary="Ratings: one's own, or everybody's for staff", tag="ratings", query=ListQuery, answer=RatingList)
def list_ratings(query: ListQuery) -> RatingList:
    viewer, rows = current_viewer(), select(Provider)
    if not may(viewer, "read", "rating"):
        rows = rows.where(Provider.id.in_(viewer.provider_ids))
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, Provider, query)
        scores = find_scores(session, [row.id for row in part])
        return RatingList(items=[RatingLine(**_line(row, scores.get(row.id))) for row in part], next=following)


def _line(row: Provider, rating: Any) -> dict[str, Any]:
    known = rating is not None and rating.projects > 0
    scores = {name: round(getattr(rating, name), 1) if known else None for name in ("score", "low", "high")}
    told = {"grade": rating.grade if known else "", "projects": rating.projects if known else 0}
    return {"provider": provider_ref(row), "state": row.state, **scores, **told}


def find_rated(session: Session, id: str) -> Provider:
    """The provider whose rating and certificates this person may read: its own, or any for staff; another's is not found."""
    viewer = current_viewer()
    row = session.scalar(select(Provider).where(Provider.public_id == id))
    return row if row is not None and (may(viewer, "read", "rating") or row.id in viewer.provider_ids) else not_found()


@permission("read", "rating")
@operation("/ratings/<id>", summary="A provider's rating with the events that it comes from", tag="ratings", answer=RatingOut)
def read_rating(id: str) -> RatingOut:
    """By the id of the provider."""
    rules = current_site().pilot.rating
    with current_site().database.reading() as session:
        row = find_rated(session, id)
        events = find_events(session, [row.id]).get(row.id, [])
        mean = find_mean(session)
        rating = rate([one.as_event() for one in events], today(), rules.mean if mean is None else mean, rules)
        return RatingOut(
            **_line(row, rating),
            usual=round(rating.mean, 1),
            parts=[
                PartOut(
                    kind=one.kind,
                    label=said(KINDS[one.kind].label, {}),
                    count=one.count,
                    value=round(one.value, 1),
                    points=round(one.points, 2),
                )
                for one in rating.parts
            ],
            events=_events(session, events, rating),
            history=[
                PastScore(at=one.at, score=round(one.score, 1), grade=one.grade, why=one.why) for one in find_history(session, row.id)
            ],
        )


def _events(session: Session, rows: list[RatingEvent], rating: Rating) -> list[EventOut]:
    """The latest first."""
    by_id, proofs = {row.id: row for row in rows}, dict[int, list[FileOut]]()
    attached = select(Attachment).where(Attachment.noun == "rating_event", Attachment.superseded_at.is_(None))
    for one in session.scalars(attached.where(Attachment.noun_id.in_(by_id)).order_by(Attachment.id)):
        proofs.setdefault(one.noun_id, []).append(file_out(one))
    found = []
    for part in reversed(rating.contributions):
        row = by_id[part.event.key]
        same = {name: getattr(row, name) for name in ("kind", "on", "project", "payload")}
        figures = {"value": round(part.value, 1), "points": round(part.points, 2)}
        share = round(part.mass / rating.mass, 4) if rating.mass else 0.0
        told = {"id": row.public_id, "share": share, "by_form": row.source == actions.STAFF_FORM, "proofs": proofs.get(row.id, [])}
        found.append(EventOut(**same, **figures, **told))
    return found


# ---- written by staff


@permission("enter", "rating", scope="write")
@operation(
    "/ratings/<id>/events",
    method="POST",
    summary="Enter an event with its proof; the rating follows at once",
    tag="ratings",
    upload=EventForm,
    answer=Done,
    status=201,
    writes=True,
)
def enter_rating_event(id: str) -> Done:
    form, site = form_of(EventForm, "proof"), current_site()
    draft = _draft(form)
    with site.database.reading() as session:
        provider = find_rated(session, id).id
        old = (find_event(session, form["replaces"]) or not_found()).id if form["replaces"] else None
    values: dict[str, Any] = {"viewer": current_viewer(), "at": now(), "today": today(), "rules": site.pilot.rating}
    event = actions.enter_event(site.database, provider, draft, proof=stored_file("proof"), replaces=old, why=form["why"], **values)
    return Done(id=event.public_id, state="holds", version="1")


def _draft(form: dict[str, str]) -> EventDraft:
    """The event that was sent, or 422 with everything that is wrong with it."""
    kind = form["kind"]
    if kind not in set(EventKind):
        refuse_field("body.kind", "enum", SENTENCES["enum"], expected="、".join(EventKind))
    try:
        on = date.fromisoformat(form["on"])
    except ValueError:
        refuse_field("body.on", "date_parsing", _("日期应写成 2026-11-20。"))
    payload = _payload(form["payload"])
    known = {field.key for field in KINDS[EventKind(kind)].fields}
    problems = [Problem(f"body.payload.{name}", "extra_forbidden", SENTENCES["extra_forbidden"]) for name in sorted(set(payload) - known)]
    draft = EventDraft(kind, on, payload, form["project"])
    places = {"kind", "on", "project"}
    told = [(field if field in places else f"payload.{field}", one) for field, one in check(draft, today())]
    problems += [Problem(f"body.{field}", one.code, one.message, one.values) for field, one in told]
    return refuse(problems) if problems else draft


def _payload(text: str) -> dict[str, Any]:
    """A JSON object of plain values."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or any(isinstance(one, list | dict) for one in found.values()) or "\\u0000" in text:
        refuse_field("body.payload", "json_invalid", SENTENCES["json_invalid"])
    return found


@permission("enter", "rating", scope="write")
@operation(
    "/ratings/events/<id>/take-back",
    method="POST",
    summary="An event that was wrong counts no longer",
    tag="ratings",
    body=TakeBackIn,
    answer=Done,
    writes=True,
)
def take_rating_event_back(id: str, body: TakeBackIn) -> Done:
    site = current_site()
    with site.database.reading() as session:
        number = (find_event(session, id) or not_found()).id
    values: dict[str, Any] = {"viewer": current_viewer(), "at": now(), "today": today(), "rules": site.pilot.rating}
    event = actions.take_back_event(site.database, number, why=body.why, **values)
    return Done(id=event.public_id, state="taken_back", version="1")
