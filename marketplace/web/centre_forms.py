"""The form of one of the centre's own nouns: kept or shown again, and what it says to whoever comes second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import flash, make_response, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.records.history import find_last_entry
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference
from marketplace.web.centre import WORDS
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.typed import seen_still

# What is shown again: what is wrong with what was typed, or what somebody else did meanwhile.
Again = Callable[[Faults, Refused | None], Response]


def kept(noun: str, keep: Callable[[], Any], faults: Faults, again: Again, *, fields: dict[str, str] | None = None) -> Response:
    """Keep what was typed and go to its page (`noun`.show), or show the form again with all of it. `fields`: code of a refusal → the
    field that it is about."""
    if not faults:
        try:
            row = keep()
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return again([], error.refused)
            faults = [((fields or {}).get(error.refused.code, ""), error.refused)]
        else:
            flash(say("已保存。"), "good")
            return redirect(url_for(f"{noun}.show", public_id=row.public_id), 303)
    return again(faults, None)


def form_page(
    template: str, session: Session, noun: str, row: Any, typed: Any, faults: Faults, lost: Refused | None,
    outdated: Callable[[], Sequence[ShownDifference]], **more: Any,
) -> Response:  # fmt: skip
    """`row`: what is changed, None for what is new; `lost`: somebody saved since the form was opened; both are then shown side by
    side (`outdated`), and nothing typed is gone."""
    last = find_last_entry(session, noun, row.id) if row is not None else 0
    body = render_template(
        template, typed=typed, public_id=row.public_id if row is not None else "", faults=sentences(faults),
        seen=seen_still(last, lost=lost is not None), lost=sentence_of(lost), changes=outdated() if row is not None and lost else [],
        **WORDS, **more,
    )  # fmt: skip
    return make_response(body, 409 if lost else 422 if faults else 200)
