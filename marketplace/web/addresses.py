"""From a thing to its page, for tasks and notices, which speak of things of every kind."""

from __future__ import annotations

from collections.abc import Callable

from flask import url_for

# noun → the page of the thing with this public reference. Every area adds its own.
ADDRESSES: dict[str, Callable[[str], str]] = {
    "solution": lambda ref: url_for("solutions.show", public_id=ref),
    "provider": lambda ref: url_for("providers.show", public_id=ref),
    "enterprise": lambda ref: url_for("enterprises.show", public_id=ref),
    "scenario": lambda ref: url_for("scenarios.show", key=ref),
    "job": lambda ref: url_for("jobs.page"),
    "window": lambda ref: url_for("windows.show", public_id=ref),
    "application": lambda ref: url_for("applications.show", public_id=ref),
    "rating": lambda ref: url_for("ratings.show", public_id=ref),
    "rating_event": lambda ref: url_for("ratings.event", public_id=ref),
    "evaluation_round": lambda ref: url_for("evaluations.show", public_id=ref),
    "evaluation_result": lambda ref: url_for("evaluations.result", public_id=ref),
    "certificate": lambda ref: url_for("certificates.show", public_id=ref),
    "provider_certificates": lambda ref: url_for("certificates.show", public_id=ref),
    "file": lambda ref: url_for("files.download", public_id=ref),
}


def address_of(noun: str, public_ref: str) -> str:
    """The address of a thing's page; "" where it has none."""
    find = ADDRESSES.get(noun)
    return find(public_ref) if find is not None and public_ref else ""
