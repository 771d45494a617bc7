"""How an expert stands to an applicant: what the guards of a review look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.applications import ApplicationState
from marketplace.domain.experts import unit_key
from marketplace.records.accounts import Membership
from marketplace.records.experts import ReviewExpert
from marketplace.records.organisations import Organisation
from marketplace.records.reviews import ReviewAssignment


@dataclass
class CurrentStanding:
    """See domain.reviews.Standing."""

    runs: bool
    own_organisation: bool
    complete: bool
    joint_written: bool


def keys_of(organisation: Organisation) -> frozenset[str]:
    """By which words an organisation is known."""
    return frozenset(unit_key(word) for word in (organisation.name, organisation.credit_code or "", organisation.public_id) if word)


def units_of(session: Session, experts: Iterable[ReviewExpert]) -> dict[int, frozenset[str]]:
    """Expert → what he or she belongs to: the unit that is registered, and every organisation of the account."""
    found = {expert.id: {unit_key(word) for word in (expert.unit, expert.unit_code) if word} for expert in experts}
    by_account = {expert.account_id: expert.id for expert in experts if expert.account_id is not None}
    query = select(Membership.account_id, Organisation).join(Membership.organisation).where(Membership.account_id.in_(list(by_account)))
    for account_id, organisation in session.execute(query):
        found[by_account[account_id]] |= keys_of(organisation)
    return {number: frozenset(units) for number, units in found.items()}


def standing_of(session: Session, assignment: ReviewAssignment, *, complete: bool = True) -> CurrentStanding:
    """Read now, not when the expert was drawn: people change their employers."""
    application = assignment.review.application
    own = units_of(session, [assignment.expert])[assignment.expert_id] & keys_of(application.organisation)
    runs = application.state == ApplicationState.UNDER_REVIEW
    return CurrentStanding(runs=runs, own_organisation=bool(own), complete=complete, joint_written=assignment.review.joint_written)
