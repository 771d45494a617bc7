"""How a step of a paper about money is taken on its page: done and shown anew, or refused with what was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import flash, redirect, request
from werkzeug.wrappers import Response

from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.web.language import say

# Another one was faster, or the paper has moved on.
MOVED = frozenset({"wrong_state", "changed_meanwhile", "paid_already", "reversed_already"})
LONGEST = 4000


def typed(*names: str) -> dict[str, str]:
    """Fields of the request as they were typed."""
    return {name: request.form.get(name, "").strip()[:LONGEST] for name in names}


def status_of(refused: Refused | None, faults: Mapping[str, str] | None = None) -> int:
    if refused is not None and refused.code in MOVED:
        return 409
    return 422 if refused is not None or faults else 200


def taken(act: Callable[[], object], again: Callable[[Refused], Response], address: str) -> Response:
    """Do it and show the paper; refused, show the page of `again` with the sentence."""
    try:
        act()
    except RefusedError as error:
        return again(error.refused)
    flash(say("已办理。"), "good")
    return redirect(address, 303)
