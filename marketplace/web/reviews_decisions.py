"""Decisions about an application and answers to objections: what two persons do together."""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response

from marketplace.actions.admission import answer_decision, propose_decision
from marketplace.actions.objections import answer_objection
from marketplace.domain.lifecycle import _
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.decisions import find_decision
from marketplace.records.objections import find_objection
from marketplace.records.reviews import find_review
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.reviews import acted, number_of
from marketplace.web.terms import here_now
from marketplace.web.typed import seen

pages = Blueprint("reviews_decisions", __name__)
_SAID = {
    "confirm": _("已复核同意，决定生效。"),
    "reject": _("已复核不同意，退回提出人。"),
    "take_back": _("已撤回，可以重新提出。"),
}


@pages.post("/reviews/<public_id>/decisions")
@permission("decide", "review")
def propose(public_id: str) -> Response:
    """提出决定."""
    event, why, site = request.form.get("event", ""), request.form.get("why", ""), current_site()
    return acted(
        public_id,
        "decision",
        say("已提出，等另一人复核后生效。"),
        lambda number: propose_decision(
            site.database, number, event, why=why, rules=site.pilot.review, viewer=current_viewer(), at=here_now(), seen=seen()
        ),
    )


@pages.post("/reviews/<public_id>/decisions/<decision_id>/<event>")
@permission("decide", "review")
def answer(public_id: str, decision_id: str, event: str) -> Response:
    """复核同意, 复核不同意, 撤回."""
    site, why = current_site(), request.form.get("why", "")
    number = number_of(public_id)
    with site.database.reading() as session:
        decision = find_decision(session, decision_id)
        if decision is None or (decision.noun, decision.noun_id) != ("application", number) or event not in _SAID:
            not_found()
        decision_number = decision.id
    return acted(
        public_id,
        "answer",
        say(_SAID[event]),
        lambda _number: answer_decision(
            site.database, decision_number, event, why=why, rules=site.pilot.review, viewer=current_viewer(), at=here_now()
        ),
    )


@pages.post("/reviews/<public_id>/objections/<objection_id>/<event>")
@permission("decide", "review")
def answer_to_objection(public_id: str, objection_id: str, event: str) -> Response:
    """异议成立 or 不成立."""
    site, why = current_site(), request.form.get("why", "")
    number = number_of(public_id)
    with site.database.reading() as session:
        objection, review = find_objection(session, objection_id), find_review(session, number)
        if objection is None or review is None or objection.review_id != review.id or event not in ("uphold", "dismiss"):
            not_found()
        objection_number = objection.id
    return acted(
        public_id,
        f"objection_{objection_id}",
        say("异议已处理。请按留下的联系方式答复提出人。"),
        lambda _number: answer_objection(site.database, objection_number, event, why=why, viewer=current_viewer(), at=here_now()),
    )
