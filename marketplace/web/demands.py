"""Problems as others than their enterprise may see them, and a provider's "demands for me"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.access import Viewer, may_read_plan
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.matches import Match, Part, Reason
from marketplace.domain.problems import ProblemState, names_of, redacted
from marketplace.guard import current_viewer, permission
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.providers import Provider
from marketplace.site import current_site
from marketplace.web.cards import SolutionCard, find_solution_cards
from marketplace.web.remembered import remembered
from recommender.recommend import Demand

pages = Blueprint("demands", __name__)
MOST = 50


@dataclass(frozen=True)
class ShownProblem:
    """A problem as one viewer may see it. Without `open`, the text has no name in it and the enterprise is not told."""

    problem: Problem
    text: str
    open: bool

    @property
    def enterprise(self) -> Enterprise | None:
        return self.problem.enterprise if self.open else None


@dataclass(frozen=True)
class ShownDemand:
    shown: ShownProblem
    match: Match
    card: SolutionCard
    reasons: Sequence[Reason]


def find_shown_problems(session: Session, problem_ids: Iterable[int], viewer: Viewer) -> dict[int, ShownProblem]:
    """Problems by id, each with as much as this viewer may know: two queries, whatever their number."""
    query = select(Problem).where(Problem.id.in_(set(problem_ids)), Problem.state != ProblemState.WITHDRAWN)
    rows = session.scalars(query.options(joinedload(Problem.enterprise), joinedload(Problem.diagnosis))).all()
    agreed = _agreed(session, viewer)
    return {row.id: shown(row, viewer, agreed) for row in rows if may_read_plan(viewer, row.enterprise_id) or _is_offered(row)}


def _is_offered(problem: Problem) -> bool:
    """Providers see a problem while it is open and once its diagnosis is issued."""
    issued = problem.diagnosis is None or problem.diagnosis.state == DiagnosisState.ISSUED
    return problem.state == ProblemState.OPEN and issued


def _agreed(session: Session, viewer: Viewer) -> frozenset[int]:
    """The problems that the viewer's own providers were told everything of."""
    query = select(Disclosure.problem_id).where(Disclosure.provider_id.in_(viewer.provider_ids))
    return frozenset(session.scalars(query))


def shown(problem: Problem, viewer: Viewer, agreed: frozenset[int]) -> ShownProblem:
    if problem.id in agreed or may_read_plan(viewer, problem.enterprise_id):
        return ShownProblem(problem, problem.text, open=True)
    return ShownProblem(problem, redacted(problem.text, problem.enterprise.name, places(problem.enterprise)), open=False)


def places(enterprise: Enterprise) -> tuple[str, ...]:
    """How the park or street of an enterprise may be called."""
    return current_site().pilot.words_of_area(enterprise.area)


def hidden_words(enterprise: Enterprise) -> tuple[str, ...]:
    """Words that would tell whose problem it is."""
    return (*names_of(enterprise.name), *places(enterprise))


def told(reasons: Iterable[Reason], *, open: bool, hidden: tuple[str, ...]) -> list[Reason]:
    """The reasons that a provider may read: before the enterprise agrees, those only that quote and do not name it."""
    if open:
        return [reason for reason in reasons if reason.part in (Part.FITS, Part.ASSUMED)]
    return [reason for reason in reasons if reason.part == Part.FITS and reason.theirs and reason.ours and not _names(reason, hidden)]


def _names(reason: Reason, hidden: tuple[str, ...]) -> bool:
    return any(word in quote.text for quote in (reason.ours, reason.theirs) if quote for word in hidden)


def _demands(session: Session, provider_id: int) -> list[Demand]:
    """What the recommender finds for one provider."""
    return remembered(session, ("demands", provider_id), lambda: current_site().recommender.demands(provider_id, limit=MOST))


@pages.get("/demands")
@permission("read", "demand")
def page() -> str:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        found = {number: _demands(session, number) for number in sorted(viewer.provider_ids)}
        providers = session.scalars(select(Provider).where(Provider.id.in_(viewer.provider_ids)).order_by(Provider.id)).all()
        demands = [demand for number in found for demand in found[number]]
        problems = find_shown_problems(session, [demand.problem_id for demand in demands], viewer)
        cards = find_solution_cards(session, [demand.match.solution_id for demand in demands])
        lists = [
            ShownDemand(
                problems[demand.problem_id],
                demand.match,
                cards[demand.match.solution_id],
                told(
                    demand.match.reasons,
                    open=problems[demand.problem_id].open,
                    hidden=hidden_words(problems[demand.problem_id].problem.enterprise),
                ),
            )
            for demand in demands
            if demand.problem_id in problems and demand.match.solution_id in cards
        ]
        return render_template("demands/page.html", demands=lists, providers=providers)
