"""Problems as others than their enterprise may see them, and a provider's "demands for me"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import saved as actions
from marketplace.domain.access import Viewer, may_read_plan
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.matches import Match, Part, Reason
from marketplace.domain.problems import ProblemState, names_of, redacted
from marketplace.domain.saved import FREQUENCIES, STRENGTHS, USUAL_STRENGTH, Frequency
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.providers import Provider
from marketplace.records.saved import DemandAlert, find_mutes, kind_of
from marketplace.site import current_site
from marketplace.web.cards import SolutionCard, find_solution_cards
from marketplace.web.language import say
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
    return {row.id: shown(row, viewer, agreed) for row in rows if may_read_plan(viewer, row.enterprise_id) or is_offered(row)}


def is_offered(problem: Problem) -> bool:
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
        # One provider of the viewer's at a time has wishes; as a rule there is only one.
        own = providers[0].id if providers else 0
        wish, mutes = session.get(DemandAlert, own), find_mutes(session, own)
        return render_template(
            "demands/page.html",
            demands=lists,
            providers=providers,
            strength=wish.strength if wish else USUAL_STRENGTH,
            frequency=wish.frequency if wish else Frequency.DAILY,
            frequencies=FREQUENCIES,
            strengths=STRENGTHS,
            mutes=mutes,
            muted={row.kind for row in mutes},
            kind_of=kind_of,
        )


@pages.post("/demands/alert")
@permission("read", "demand")
def choose_alert() -> Response:
    """From which strength on, and how often, the provider hears of new demands."""
    site, viewer = current_site(), current_viewer()
    asked, strength = request.form.get("frequency", ""), request.form.get("strength", "")
    frequency = Frequency(asked) if asked in set(Frequency) else Frequency.DAILY
    if strength not in {str(one) for one in STRENGTHS}:
        flash(say("请选择从哪一档匹配开始提醒。"), "bad")
        return redirect(url_for("demands.page", _anchor="alert"), 303)
    actions.choose_alert(site.database, _own(viewer), int(strength), frequency, viewer=viewer, at=now())
    flash(say("已按您选的提醒。"), "good")
    return redirect(url_for("demands.page", _anchor="alert"), 303)


@pages.post("/demands/less")
@permission("read", "demand")
def less() -> Response:
    """Less of this: no more word of demands of its kind."""
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        problem = session.scalar(select(Problem).where(Problem.public_id == request.form.get("problem", "")))
        if problem is None or not find_shown_problems(session, [problem.id], viewer):
            not_found()
        number = problem.id
    actions.mute(site.database, _own(viewer), number, viewer=viewer, at=now())
    flash(say("已记下，这类需求不再提醒。"), "good")
    return redirect(url_for("demands.page", _anchor="alert"), 303)


@pages.post("/demands/more")
@permission("read", "demand")
def more() -> Response:
    site, viewer, asked = current_site(), current_viewer(), request.form.get("mute", "")
    actions.unmute(site.database, _own(viewer), int(asked) if asked.isascii() and asked.isdigit() else 0, viewer=viewer, at=now())
    return redirect(url_for("demands.page", _anchor="alert"), 303)


def _own(viewer: Viewer) -> int:
    return min(viewer.provider_ids, default=0) or not_found()
