"""What the pages of the centre's own nouns share: who acts, kinds in words, moments as they are typed, what was done to a thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import flash, redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.centre_steps import Step
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.guard import current_viewer
from marketplace.records.history import find_entries_since
from marketplace.site import current_site
from marketplace.web.history_words import Change, changes, field_word, verb_word
from marketplace.web.language import language, say
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen

MOMENT = "%Y-%m-%dT%H:%M"
# So many of the last entries stand on the page of a thing.
SHOWN_ENTRIES = 30


@dataclass(frozen=True)
class Done:
    """One entry of the history of a thing, as its page tells it."""

    at: datetime
    who: str
    verb: str
    why: str
    changes: Sequence[Change]


def step_of() -> Step:
    """Who acts in this request, when, and what the page knew."""
    return Step(current_viewer(), here_now(), today(), seen())


def typed(*names: str) -> dict[str, str]:
    """The fields of the form, as they were typed."""
    return {name: request.form.get(name, "").replace("\0", "").strip() for name in names}


def typed_moment(text: str) -> datetime | None:
    """YYYY-MM-DDTHH:MM, as browsers send a moment, in the pilot's zone; None for nothing and for what is none."""
    try:
        found = datetime.fromisoformat(text.strip()).replace(tzinfo=ZoneInfo(current_site().pilot.city.zone))
        return found if 1900 < found.year < 9000 else None
    except ValueError:
        return None


def moment_text(moment: datetime) -> str:
    """As a field of a form holds it."""
    return moment.astimezone(ZoneInfo(current_site().pilot.city.zone)).strftime(MOMENT)


def event_kind_word(key: str) -> str:
    found = current_site().pilot.centre.event_kind(key)
    return key if found is None else found.en if language() == "en" else found.name


def resource_kind_word(key: str) -> str:
    found = current_site().pilot.centre.resource_kind(key)
    return key if found is None else found.en if language() == "en" else found.name


def phase_word(key: str) -> str:
    found = next((one for one in current_site().pilot.city.phases if one.key == key), None)
    return key if found is None else found.en if language() == "en" else found.name


def trail(session: Session, noun: str, number: int) -> list[Done]:
    """What was done to a thing, the newest first."""
    entries = find_entries_since(session, noun, number, 0)[-SHOWN_ENTRIES:]
    return [
        Done(one.at, one.actor.rpartition("（")[0] or one.actor, verb_word(one.verb, noun), one.why, changes(one))
        for one in reversed(entries)
    ]


def acted(act: Callable[[], object], shown: Callable[[Refused], AnyResponse], there: str, said: str) -> AnyResponse:
    """Do it and go on, or show the page again with the reason why it was not done."""
    try:
        act()
    except RefusedError as error:
        return shown(error.refused)
    flash(say(said), "good")
    return redirect(there, 303)


def status_of(refused: Refused | None) -> int:
    """409 where the thing has moved, 422 where something is missing."""
    return 200 if refused is None else 422 if refused.code in ("no_reason", "no_evidence", "bad_score", "required") else 409


WORDS = {
    "event_kind_word": event_kind_word,
    "resource_kind_word": resource_kind_word,
    "phase_word": phase_word,
    "field_word": field_word,
}
