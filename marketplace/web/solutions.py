"""A solution: what it solves, for whom, how, with what effect, at what price, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from indexer.query import Kind, SearchQuery
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer, may
from marketplace.domain.listings import ListingState
from marketplace.domain.ratings import TrackRecord
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, not_found, open_to_all
from marketplace.records.cases import Case
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.listings import ProductListing
from marketplace.records.matches import Outcome
from marketplace.records.providers import find_hidden_provider_ids
from marketplace.records.readable import readable_solutions
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution, find_solution
from marketplace.site import current_site
from marketplace.web.cards import SolutionCard, find_cases, find_records_of, find_solution_cards, in_pool, published
from marketplace.web.openings import note_opening
from marketplace.web.providers import out_of_sight
from marketplace.web.showcases_shown import Shown, related

pages = Blueprint("solutions", __name__)
SIMILAR = 4


@dataclass(frozen=True)
class SolutionPage:
    solution: Solution
    record: TrackRecord
    cases: Sequence[Case]
    scenarios: Sequence[Scenario]
    similar: Sequence[SolutionCard]
    files: Sequence[Attachment]
    outcomes: Sequence[Outcome]
    listing: ProductListing | None
    showcases: Sequence[Shown]

    @property
    def other_scenarios(self) -> list[str]:
        """Codes of the catalogue that no scenario of this site bears."""
        return [code for code in self.solution.scenario_codes if code not in {scenario.code for scenario in self.scenarios}]


@pages.get("/solutions/<public_id>")
@open_to_all
def show(public_id: str) -> str | Response:
    with current_site().database.reading() as session:
        found = read_page(session, public_id)
        if found is None:
            solution = find_solution(session, public_id)
            # A link from before its provider was put out: those concerned are told, nobody else.
            if solution is not None and solution.state == SolutionState.PUBLISHED and not in_pool(solution.provider):
                return out_of_sight(session, solution.provider, current_viewer(), solution.title)
            not_found()
        note_opening(session, found.solution)
        return render_template("solutions/show.html", page=found, solution=found.solution, provider=found.solution.provider)


def read_page(session: Session, public_id: str) -> SolutionPage | None:
    """The page of a solution that is offered now; a withdrawn one, or one of a provider outside the pool, has none."""
    query = select(Solution).join(Solution.provider).where(Solution.public_id == public_id, *published())
    solution = session.scalar(query.options(joinedload(Solution.provider)))
    if solution is None:
        return None
    record = find_records_of(session, [solution.provider_id])[solution.provider_id]
    named = select(Scenario).where(Scenario.code.in_(solution.scenario_codes), Scenario.state == ScenarioState.PUBLISHED)
    finished = select(Outcome).where(Outcome.solution_id == solution.id, Outcome.acceptance.is_not(None))
    listed = select(ProductListing).where(ProductListing.solution_id == solution.id, ProductListing.state == ListingState.LISTED)
    return SolutionPage(
        solution=solution,
        record=record,
        cases=find_cases(session, solution_id=solution.id),
        scenarios=session.scalars(named.options(joinedload(Scenario.enterprise)).order_by(Scenario.code)).all(),
        similar=_similar(session, solution.id),
        files=[file for file in find_attachments(session, "solution", solution.id) if file.is_public],
        outcomes=session.scalars(finished.order_by(Outcome.proposed.desc(), Outcome.id)).all(),
        listing=session.scalars(listed.order_by(ProductListing.id.desc())).first(),
        showcases=related(session, Showcase.solution_id == solution.id),
    )


def _similar(session: Session, solution_id: int) -> list[SolutionCard]:
    query = SearchQuery(kind=Kind.SOLUTION, without_providers=find_hidden_provider_ids(session), size=SIMILAR, facets=False, relax=False)
    hits = current_site().index.similar(Kind.SOLUTION, solution_id, query).hits
    cards = find_solution_cards(session, [hit.thing_id for hit in hits])
    return [cards[hit.thing_id] for hit in hits if hit.thing_id in cards]


def _may_read_file(session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    """What is published with a solution is read by whoever reads the solution: with its provider it goes out of sight."""
    if attachment.organisation_id in viewer.organisation_ids or (viewer.is_staff and may(viewer, "oversee", "catalogue")):
        return True
    if not attachment.is_public:
        return False
    return session.scalar(select(Solution.id).where(Solution.id == attachment.noun_id, readable_solutions(viewer))) is not None


READERS["solution"] = _may_read_file
