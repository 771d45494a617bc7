"""Pages of forms: what was refused stands at the head or at its field, and what was typed is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Response, make_response, render_template

from marketplace.domain.lifecycle import Refused
from marketplace.faults import fault_of_refusal, said


def status_of(refused: Refused) -> int:
    return 429 if refused.code == "too_many_attempts" else 422


def sentence_of(refused: Refused | None) -> str:
    return said(refused.message, refused.values) if refused else ""


def form_page(
    template: str, *, refused: Refused | None = None, errors: Iterable[tuple[str, Refused]] = (), secret: bool = False, **values: Any
) -> Response:
    """A page with a form. `refused`: of the whole; `errors`: of fields; `secret`: nothing may keep what it shows."""
    sentences = {field: sentence_of(error) for field, error in errors}
    body = render_template(template, sentence=sentence_of(refused), errors=sentences, **values)
    answer: Response = make_response(body, status_of(refused) if refused else 422 if sentences else 200)
    if refused:
        answer.headers.update(fault_of_refusal(refused).headers)
    if secret:
        answer.headers["Cache-Control"] = "no-store"
    return answer
