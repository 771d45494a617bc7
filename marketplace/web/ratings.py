"""Ratings: everybody's list for staff, one provider's page with the events that it comes from, and the form of an event."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import ratings as actions
from marketplace.attachments import READERS, received
from marketplace.domain.access import Viewer, may
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.providers import SEARCHABLE, ProviderState
from marketplace.domain.rating_events import KINDS, OF_PROJECT, EventDraft, EventKind, Field, check
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.evaluations import find_own_results
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent, count_scored_providers, find_event, find_scored_providers
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.ratings_shown import event_words, kind_word, rated_provider, read_rating
from marketplace.web.refusals import form_page, sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import typed_day

pages = Blueprint("ratings", __name__)


def _may_read_proof(_session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    """The proof of an event, and a certificate's scan, are for the provider concerned and for staff who read ratings."""
    return attachment.organisation_id in viewer.organisation_ids or may(viewer, "read", "rating")


def _may_read_result(_session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    """The letter of a result is for the provider concerned and for staff who run evaluations."""
    return attachment.organisation_id in viewer.organisation_ids or may(viewer, "read", "evaluation")


READERS |= {"rating_event": _may_read_proof, "certificate": _may_read_proof, "evaluation_result": _may_read_result}
FLAGS = {"yes": True, "no": False}


@pages.get("/ratings")
@permission("read", "rating")
def index() -> str | Response:
    """Everybody's rating for staff, the lowest first; a provider is led to its own."""
    site, viewer = current_site(), current_viewer()
    if not may(viewer, "read", "rating"):
        return _own_page(viewer)
    name = request.args.get("name", "").strip()[:100]
    states = list(ProviderState) if request.args.get("all") else list(SEARCHABLE | {ProviderState.SUSPENDED})
    size = site.pilot.thresholds.page_size
    with site.database.reading() as session:
        total = count_scored_providers(session, states=states, name=name)
        paging = paged(total, size, "ratings.index", name=name, all=request.args.get("all", ""))
        rows = find_scored_providers(session, states=states, name=name, first=paging.offset, most=size)
        return render_template("ratings/index.html", rows=rows, paging=paging, name=name, all=request.args.get("all", ""))


def _own_page(viewer: Viewer) -> Response:
    with current_site().database.reading() as session:
        own = session.scalar(select(Provider.public_id).where(Provider.id.in_(viewer.provider_ids)).order_by(Provider.id).limit(1))
    return redirect(url_for("ratings.show", public_id=own or not_found()), 303)


@pages.get("/ratings/<public_id>")
@permission("read", "rating")
def show(public_id: str) -> str:
    """One provider's rating: its own, or any for staff. Another's is as absent as one that does not exist."""
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        provider = rated_provider(session, public_id, viewer)
        own = provider.id in viewer.provider_ids
        page = read_rating(session, provider, today=today(), rules=site.pilot.rating)
        return render_template(
            "ratings/show.html",
            page=page,
            provider=provider,
            results=find_own_results(session, [provider.id]) if own or may(viewer, "read", "evaluation") else [],
            may_enter=may(viewer, "enter", "rating"),
            is_own=own,
            kind_word=kind_word,
            rules=site.pilot.rating,
        )


@pages.get("/ratings/events/<public_id>")
@permission("read", "rating")
def event(public_id: str) -> str | Response:
    """One event with its proof."""
    return _event_page(public_id)


def _event_page(public_id: str, refused: Refused | None = None) -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        found = find_event(session, public_id) or not_found()
        provider = rated_provider(session, found.provider.public_id, viewer)
        by = session.get(RatingEvent, found.superseded_by) if found.superseded_by else None
        body = render_template(
            "ratings/event.html",
            event=found,
            provider=provider,
            words=event_words(found),
            kind_word=kind_word,
            proofs=find_attachments(session, "rating_event", found.id),
            solution=session.get(Solution, found.solution_id) if found.solution_id else None,
            by=by,
            may_enter=may(viewer, "enter", "rating") and found.superseded_at is None and found.source == actions.STAFF_FORM,
            sentence=sentence_of(refused),
            why=request.form.get("why", "") if refused else "",
        )
    return make_response(body, 422 if refused else 200)


@pages.post("/ratings/events/<public_id>/take-back")
@permission("enter", "rating")
def take_back(public_id: str) -> Response:
    """An event that was wrong counts no longer."""
    site = current_site()
    with site.database.reading() as session:
        found = find_event(session, public_id) or not_found()
        number, provider = found.id, found.provider.public_id
    why = request.form.get("why", "")
    try:
        actions.take_back_event(site.database, number, why=why, viewer=current_viewer(), at=now(), today=today(), rules=site.pilot.rating)
    except RefusedError as error:
        return _event_page(public_id, error.refused)
    flash(say("已撤回这条评价事件，评价已重新计算。"), "good")
    return redirect(url_for("ratings.show", public_id=provider), 303)


@pages.get("/ratings/<public_id>/events/new")
@permission("enter", "rating")
def new_event(public_id: str) -> Response:
    """First the kind, then the fields of this kind; a correction begins with what stands there."""
    typed: dict[str, str] = {"kind": request.args.get("kind", ""), "replaces": request.args.get("replaces", "")}
    if typed["replaces"]:
        with current_site().database.reading() as session:
            old = find_event(session, typed["replaces"]) or not_found()
            typed |= {"kind": str(old.kind), "on": old.on.isoformat(), "project": old.project}
            typed |= {key: _as_typed(value) for key, value in old.payload.items()}
    return _form(public_id, typed)


@pages.post("/ratings/<public_id>/events")
@permission("enter", "rating")
def enter(public_id: str) -> Response:
    """Write the event down with its proof."""
    site, typed = current_site(), {key: value.strip() for key, value in request.form.items()}
    stored = received("proof")
    draft = _draft(typed)
    errors = list(check(draft, today()))
    if isinstance(stored, Refused):
        errors.append(("proof", stored))
    elif stored is None:
        errors.append(("proof", Refused("proof_missing", _("请附上证明材料（检查记录、验收报告、投诉处理决定等）。"))))
    if errors:
        return _form(public_id, typed, errors=errors)
    assert isinstance(stored, StoredBlob)
    with site.database.reading() as session:
        provider_id = rated_provider(session, public_id, current_viewer()).id
        old = (find_event(session, typed["replaces"]) or not_found()).id if typed.get("replaces") else None
    try:
        actions.enter_event(
            site.database, provider_id, draft, proof=stored, viewer=current_viewer(), at=now(), today=today(), rules=site.pilot.rating,
            replaces=old, why=typed.get("why", ""),
        )  # fmt: skip
    except RefusedError as error:
        return _form(public_id, typed, refused=error.refused)
    flash(say("已登记评价事件，评价已重新计算。"), "good")
    return redirect(url_for("ratings.show", public_id=public_id), 303)


def _form(
    public_id: str, typed: dict[str, str], *, refused: Refused | None = None, errors: list[tuple[str, Refused]] | None = None
) -> Response:
    kind = KINDS.get(EventKind(typed["kind"])) if typed.get("kind") in set(EventKind) else None
    names = ("on", "project", "replaces", "why", *(field.key for field in (kind.fields if kind else ())))
    with current_site().database.reading() as session:
        provider = rated_provider(session, public_id, current_viewer())
        return form_page(
            "ratings/new_event.html",
            refused=refused,
            errors=errors or (),
            provider=provider,
            kinds=KINDS.values(),
            kind=kind,
            kind_word=kind_word,
            of_project=kind is not None and kind.kind in OF_PROJECT,
            typed={**dict.fromkeys(names, ""), **typed},
        )


def _draft(typed: dict[str, str]) -> EventDraft:
    """What was typed, as far as it can be read; the rest is left to the check."""
    kind = typed.get("kind", "")
    fields = KINDS[EventKind(kind)].fields if kind in set(EventKind) else ()
    payload = {field.key: value for field in fields if (value := _value(field, typed.get(field.key, ""))) is not None}
    return EventDraft(kind, typed_day(typed.get("on", "")), payload, typed.get("project", ""))


def _value(field: Field, text: str) -> Any:
    if not text:
        return None
    if field.shape == "flag":
        return FLAGS.get(text, text)
    if field.shape in ("count", "number"):
        try:
            return int(text) if field.shape == "count" else float(text)
        except ValueError:
            return text
    return text


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
