"""Offers of banks and lessors: everybody reads them, the centre writes and publishes them."""

from __future__ import annotations

from flask import make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from marketplace.actions import financing as actions
from marketplace.domain.financing import KINDS, OFFERS, OfferDraft, check_offer
from marketplace.domain.lifecycle import Refused, RefusedError, allowed_events
from marketplace.domain.money import exact_text
from marketplace.guard import current_viewer, not_found, open_to_all, permission
from marketplace.records.financing import FinancingOffer, find_offer
from marketplace.records.history import find_last_entry
from marketplace.site import current_site
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.financing import kind_word, pages
from marketplace.web.funds_papers import status_of, taken, typed
from marketplace.web.funds_shown import PLAIN, here_step, sentences
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.typed import seen_still
from marketplace.web.typed_numbers import typed_fen

_OFFER = ("institution", "product", "kind", "low", "high", "rate", "conditions", "contact")


@pages.get("/financing/offers/new")
@permission("manage", "financing")
def new_offer() -> Response:
    return _offer_form(dict.fromkeys(_OFFER, ""))


@pages.post("/financing/offers/new")
@permission("manage", "financing")
def create_offer() -> Response:
    return _keep_offer("")


@pages.get("/financing/offers/<public_id>/edit")
@permission("manage", "financing")
def edit_offer(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _offer_form(_offer_typed(find_offer(session, public_id, current_viewer()) or not_found()), public_id=public_id)


@pages.post("/financing/offers/<public_id>/edit")
@permission("manage", "financing")
def save_offer(public_id: str) -> Response:
    return _keep_offer(public_id)


def _offer_typed(offer: FinancingOffer) -> dict[str, str]:
    low = "" if offer.low_fen is None else exact_text(offer.low_fen)
    texts = {name: str(getattr(offer, name)) for name in ("institution", "product", "kind", "rate", "conditions", "contact")}
    return texts | {"low": low, "high": exact_text(offer.high_fen)}


def _keep_offer(public_id: str) -> Response:
    site, values = current_site(), typed(*_OFFER)
    with site.database.reading() as session:
        number = (find_offer(session, public_id, current_viewer()) or not_found()).id if public_id else None
    draft = OfferDraft(
        values["institution"], values["product"], values["kind"], typed_fen(values["low"]), typed_fen(values["high"]), values["rate"],
        values["conditions"], values["contact"],
    )  # fmt: skip
    faults = list(check_offer(draft))
    if not faults:
        try:
            offer = actions.keep_offer(site.database, number, draft, here_step())
            return redirect(url_for("financing.offer", public_id=offer.public_id), 303)
        except RefusedError as error:
            return _offer_form(values, public_id=public_id, lost=error.refused)
    return _offer_form(values, public_id=public_id, faults=sentences(faults))


def _offer_form(
    values: dict[str, str], *, public_id: str = "", faults: dict[str, str] | None = None, lost: Refused | None = None
) -> Response:
    with current_site().database.reading() as session:
        offer = (find_offer(session, public_id, current_viewer()) or not_found()) if public_id else None
        last = find_last_entry(session, actions.OFFER, offer.id) if offer else 0
        words = (
            say("机构"),
            say("产品"),
            say("融资方式"),
            say("最低额度（万元）"),
            say("最高额度（万元）"),
            say("利率或费率"),
            say("条件"),
            say("联系方式"),
        )
        changes: list[ShownDifference] = []
        if offer and lost:
            stored = _offer_typed(offer)
            changes = outdated_fields((word, stored[name], values[name]) for name, word in zip(_OFFER, words, strict=True))
        body = render_template(
            "financing/offer_form.html", typed=values, public_id=public_id, faults=faults or {}, kinds=KINDS, changes=changes,
            seen=seen_still(last, lost=lost is not None), lost=sentence_of(lost),
        )  # fmt: skip
    return make_response(body, 409 if lost else 422 if faults else 200)


@pages.get("/financing/offers/<public_id>")
@open_to_all
def offer(public_id: str) -> Response:
    return _offer_page(public_id)


def _offer_page(public_id: str, refused: Refused | None = None) -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        found = find_offer(session, public_id, viewer) or not_found()
        steps = allowed_events(OFFERS, found.state, viewer.roles)
        may_ask = bool(viewer.enterprise_ids) and found.state == "published"
        body = render_template(
            "financing/offer.html",
            offer=found,
            steps=steps,
            plain=PLAIN,
            kind_word=kind_word,
            may_ask=may_ask,
            sentence=sentence_of(refused),
        )
    return make_response(body, status_of(refused))


@pages.post("/financing/offers/<public_id>/<event>")
@permission("manage", "financing")
def move_offer(public_id: str, event: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        number = (find_offer(session, public_id, current_viewer()) or not_found()).id
    if event not in {row.event for row in OFFERS}:
        not_found()
    return taken(
        lambda: actions.move_offer(site.database, number, event, here_step()),
        lambda refused: _offer_page(public_id, refused),
        url_for("financing.offer", public_id=public_id),
    )
