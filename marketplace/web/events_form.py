"""The form of an event."""

from __future__ import annotations

from collections.abc import Mapping

from werkzeug.wrappers import Response

from marketplace.actions import events as actions
from marketplace.domain.events import EventDraft, check
from marketplace.domain.lifecycle import Refused, _
from marketplace.guard import permission
from marketplace.records.events import Event
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.centre import event_kind_word, moment_text, step_of, typed, typed_moment
from marketplace.web.centre_forms import form_page, kept
from marketplace.web.events import found_event, pages
from marketplace.web.language import say
from marketplace.web.typed_numbers import typed_whole

_MOMENTS = ("starts", "ends", "sign_up_until")
NAMES = ("kind", "title", "text", "place", "host", "speakers", *_MOMENTS, "seats")
LABELS = {
    "kind": _("类别"), "title": _("标题"), "text": _("内容"), "place": _("地点"), "host": _("主办单位"), "speakers": _("主讲人"),
    "starts": _("开始时间"), "ends": _("结束时间"), "sign_up_until": _("报名截止时间"), "seats": _("名额"),
}  # fmt: skip


@pages.get("/events/new")
@permission("manage", "event")
def new() -> Response:
    return _form(dict.fromkeys(NAMES, ""))


@pages.post("/events/new")
@permission("manage", "event")
def create() -> Response:
    return _keep("")


@pages.get("/events/<public_id>/edit")
@permission("manage", "event")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        values = typed_of(found_event(session, public_id))
    return _form(values, public_id=public_id)


@pages.post("/events/<public_id>/edit")
@permission("manage", "event")
def save(public_id: str) -> Response:
    return _keep(public_id)


def typed_of(event: Event) -> dict[str, str]:
    return {name: str(getattr(event, name)) for name in NAMES} | {name: moment_text(getattr(event, name)) for name in _MOMENTS}


def _draft(values: Mapping[str, str]) -> EventDraft:
    texts = {name: value for name, value in values.items() if name not in (*_MOMENTS, "seats")}
    moments = {name: typed_moment(values[name]) for name in _MOMENTS}
    return EventDraft(**{**texts, **moments}, seats=typed_whole(values["seats"]))  # type: ignore[arg-type]


def _keep(public_id: str) -> Response:
    site, values = current_site(), typed(*NAMES)
    rules, draft = site.pilot.centre, _draft(values)
    with site.database.reading() as session:
        number = found_event(session, public_id).id if public_id else None
    faults: Faults = list(check(draft, kinds=[row.key for row in rules.event_kinds], most_seats=rules.most_seats))

    def keep() -> Event:
        if number is None:
            return actions.create(site.database, draft, step_of(), rules)
        return actions.change(site.database, number, draft, step_of(), rules)

    return kept(
        "events",
        keep,
        faults,
        lambda faults, lost: _form(values, public_id=public_id, faults=faults, lost=lost),
        fields={"seats_taken": "seats"},
    )


def _form(values: dict[str, str], *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        event = found_event(session, public_id) if public_id else None
        kinds = [(row.key, event_kind_word(row.key)) for row in current_site().pilot.centre.event_kinds]
        return form_page(
            "events/form.html", session, actions.NOUN, event, values, faults or [], lost, lambda: _outdated(event, values) if event else [],
            kinds=kinds,
        )  # fmt: skip


def _outdated(event: Event, values: Mapping[str, str]) -> list[ShownDifference]:
    there = typed_of(event)
    return outdated_fields((say(word), there[name], values[name]) for name, word in LABELS.items())
