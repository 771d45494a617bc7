"""A provider of the pool: facts, local service, track record, solutions, cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.ratings import TrackRecord
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, not_found, open_to_all
from marketplace.records.cases import Case
from marketplace.records.matches import Outcome
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.cards import find_cases, find_records_of

pages = Blueprint("providers", __name__)


@dataclass(frozen=True)
class ProviderPage:
    provider: Provider
    record: TrackRecord
    solutions: Sequence[Solution]
    finished: dict[int, int]
    cases: Sequence[Case]


@pages.get("/providers/<public_id>")
@open_to_all
def show(public_id: str) -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        found = read_page(session, public_id) or not_found()
        # A warning is for staff and for the provider itself until the decision is published.
        involved = viewer.is_staff or found.provider.id in viewer.provider_ids
        return render_template("providers/show.html", page=found, provider=found.provider, record=found.record, involved=involved)


def read_page(session: Session, public_id: str) -> ProviderPage | None:
    provider = session.scalar(select(Provider).where(Provider.public_id == public_id, Provider.state.in_(SEARCHABLE)))
    if provider is None:
        return None
    offered = select(Solution).where(Solution.provider_id == provider.id, Solution.state == SolutionState.PUBLISHED)
    solutions = session.scalars(offered.order_by(Solution.id)).all()
    finished: dict[int, int] = {}
    ended = select(Outcome.solution_id).where(Outcome.provider_id == provider.id, Outcome.acceptance.is_not(None))
    for number in session.scalars(ended):
        finished[number] = finished.get(number, 0) + 1
    record = find_records_of(session, [provider.id])[provider.id]
    return ProviderPage(provider, record, solutions, finished, find_cases(session, provider_id=provider.id))
