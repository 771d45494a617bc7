"""Rows and matches → what the API says of them to this viewer. The command line prints the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.api import models as out
from marketplace.domain.access import Viewer, may_read_plan
from marketplace.domain.matches import Match, Part, Quote, Reason
from marketplace.domain.problems import budget_band, names_of, redacted
from marketplace.domain.providers import told_state
from marketplace.domain.ratings import TrackRecord, shrunk_score
from marketplace.pilot import Pilot
from marketplace.records.cases import Case
from marketplace.records.enterprises import Enterprise
from marketplace.records.matches import Outcome, track_record
from marketplace.records.problems import Disclosure, Problem
from marketplace.records.providers import Provider
from marketplace.records.ratings import find_scores
from marketplace.records.readable import readable_solutions
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.scenario_texts import scenario_text
from recommender.recommend import ProviderMatch, Recommendation


def provider_ref(provider: Provider) -> out.ProviderRef:
    return out.ProviderRef(id=provider.public_id, code=provider.organisation.credit_code, name=provider.name)


def solution_line(row: Solution) -> out.SolutionLine:
    return out.SolutionLine(**_solution(row))


def _solution(row: Solution) -> dict[str, object]:
    return {
        "id": row.public_id,
        "ref": row.source_ref,
        "title": row.title,
        "form": row.form,
        "provider": provider_ref(row.provider),
        "sectors": row.sectors,
        "price_wan": out.wan_span(row.price_low_fen, row.price_high_fen),
        "weeks": out.span(row.weeks_low, row.weeks_high),
        "state": row.state.value,
    }


def solution_out(row: Solution, cases: Iterable[Case]) -> out.SolutionOut:
    same = ("summary", "orientations", "stages", "solves", "technologies", "references", "levels", "enterprise_sizes", "deployments")
    more = {name: getattr(row, name) for name in (*same, "origin", "explosion_proof", "interfaces", "certificates")}
    return out.SolutionOut(**_solution(row), **more, scenarios=row.scenario_codes, cases=[case_out(case) for case in cases])


def case_out(row: Case) -> out.CaseOut:
    cost = out.wan_span(row.cost_fen, row.cost_fen)
    return out.CaseOut(
        id=row.public_id,
        solution=row.solution.public_id if row.solution else None,
        client_sector=row.client_sector,
        signed=row.signed,
        completed=row.completed,
        cost_wan=cost.low if cost else None,
        process=row.process,
        effects=out.plain(row.effects),
    )


def _provider(row: Provider, viewer: Viewer) -> dict[str, object]:
    """A warning or a rectification is told to staff and to the provider itself."""
    state = told_state(row.state, involved=viewer.is_staff or row.id in viewer.provider_ids)
    same = ("name", "kind", "region", "sectors", "local_office", "local_commitment")
    said = {name: getattr(row, name) for name in same}
    return {**said, "id": row.public_id, "code": row.organisation.credit_code, "state": state.value}


def provider_line(row: Provider, viewer: Viewer) -> out.ProviderLine:
    return out.ProviderLine(**_provider(row, viewer))


def provider_out(session: Session, row: Provider, viewer: Viewer) -> out.ProviderOut:
    owned = select(func.count()).select_from(Solution).where(Solution.provider_id == row.id, readable_solutions(viewer))
    past = list(session.scalars(select(Outcome).where(Outcome.provider_id == row.id)))
    record = track_record(past, find_scores(session, [row.id]).get(row.id))
    more = {name: getattr(row, name) for name in ("founded", "staff", "qualifications", "summary")}
    return out.ProviderOut(**_provider(row, viewer), **more, solutions=session.scalar(owned) or 0, record=record_out(record))


def record_out(record: TrackRecord) -> out.Record:
    score = None if record.is_new else round(shrunk_score(record), 1)
    grade = "" if record.is_new else record.grade
    return out.Record(finished=record.finished, on_time=record.on_time, passed=record.passed, score=score, grade=grade)


def scenario_line(row: Scenario, viewer: Viewer, pilot: Pilot) -> out.ScenarioLine:
    return out.ScenarioLine(**_scenario(row, viewer, pilot))


def _scenario(row: Scenario, viewer: Viewer, pilot: Pilot) -> dict[str, object]:
    said = {name: getattr(row, name) for name in ("code", "sector", "stage", "orientations")}
    return {**said, "name": scenario_text(row, row.name, viewer, pilot), "kind": row.kind.value}


def scenario_out(row: Scenario, viewer: Viewer, pilot: Pilot) -> out.ScenarioOut:
    lists = {
        name: [scenario_text(row, text, viewer, pilot) for text in getattr(row, name)] for name in ("typical_problems", "typical_solutions")
    }
    description = scenario_text(row, row.description, viewer, pilot)
    return out.ScenarioOut(**_scenario(row, viewer, pilot), description=description, canonical=row.canonical, **lists)


def enterprise_out(row: Enterprise) -> out.EnterpriseOut:
    same = ("name", "sector", "gbt4754", "area", "chain_role", "specialised", "staff", "main_products")
    said = {name: getattr(row, name) for name in same}
    revenue = out.wan_span(row.revenue_fen, row.revenue_fen)
    return out.EnterpriseOut(**said, id=row.public_id, code=row.organisation.credit_code, revenue_wan=revenue.low if revenue else None)


@dataclass(frozen=True)
class Told:
    """Which problems a viewer is told everything of, and how parks and streets may be called."""

    viewer: Viewer
    agreed: frozenset[int]
    pilot: Pilot

    def everything(self, problem: Problem) -> bool:
        return problem.id in self.agreed or may_read_plan(self.viewer, problem.enterprise_id)

    def text(self, problem: Problem) -> str:
        return problem.text if self.everything(problem) else redacted(problem.text, problem.enterprise.name, self.places(problem))

    def places(self, problem: Problem) -> tuple[str, ...]:
        return self.pilot.words_of_area(problem.enterprise.area)


def find_told(session: Session, viewer: Viewer, pilot: Pilot) -> Told:
    agreed = select(Disclosure.problem_id).where(Disclosure.provider_id.in_(viewer.provider_ids))
    return Told(viewer, frozenset(session.scalars(agreed)), pilot)


def problem_out(row: Problem, told: Told) -> out.ProblemTold | out.ProblemHidden:
    sector = row.enterprise.sector
    if told.everything(row):
        return out.ProblemTold(
            id=row.public_id,
            ref=row.source_ref,
            text=row.text,
            sector=sector,
            stage=row.stage,
            orientation=row.orientation,
            priority=row.priority,
            state=row.state.value,
            enterprise=row.enterprise.name,
            enterprise_code=row.enterprise.organisation.credit_code,
            area=row.enterprise.area,
            budget_wan=out.wan_span(row.budget_low_fen, row.budget_high_fen),
        )
    band = budget_band(row.budget_high_fen)
    return out.ProblemHidden(
        id=row.public_id,
        text=told.text(row),
        sector=sector,
        stage=row.stage,
        orientation=row.orientation,
        state=row.state.value,
        budget_band_wan=out.Span(low=band[0], high=band[1]) if band else None,
    )


def reason_out(reason: Reason) -> out.ReasonOut:
    return out.ReasonOut(
        part=reason.part.value, code=reason.code, text=reason.sentence(), ours=_quote(reason.ours), theirs=_quote(reason.theirs)
    )


def _quote(quote: Quote | None) -> out.QuoteOut | None:
    return out.QuoteOut(text=quote.text, source=quote.source, marks=list(quote.marks)) if quote else None


def reasons_for_provider(reasons: Iterable[Reason], problem: Problem, told: Told) -> list[Reason]:
    """The reasons that a provider may read. Before the enterprise agrees: only those that quote, and without its name.

    A reason about money would tell the exact budget, a missing one what the enterprise did not say.
    """
    if told.everything(problem):
        return [reason for reason in reasons if reason.part in (Part.FITS, Part.ASSUMED)]
    names = (*names_of(problem.enterprise.name), *told.places(problem))
    quoting = [reason for reason in reasons if reason.part == Part.FITS and reason.ours and reason.theirs]
    return [
        reason for reason in quoting if not any(name in quote.text for name in names for quote in (reason.ours, reason.theirs) if quote)
    ]


def find_solutions(session: Session, numbers: Iterable[int]) -> dict[int, Solution]:
    """Solutions with their providers, by id."""
    rows = session.scalars(select(Solution).where(Solution.id.in_(set(numbers))).options(joinedload(Solution.provider)))
    return {row.id: row for row in rows}


def match_outs(matches: Sequence[Match], solutions: Mapping[int, Solution], viewer: Viewer) -> list[out.MatchOut]:
    """Matches in their order; one whose solution has gone meanwhile is left out."""
    known = [match for match in matches if match.solution_id in solutions]
    return [_match(replace(match, rank=rank), solutions[match.solution_id], viewer) for rank, match in enumerate(known, 1)]


def _match(match: Match, row: Solution, viewer: Viewer) -> out.MatchOut:
    return out.MatchOut(
        rank=match.rank,
        solution=row.source_ref or row.public_id,
        id=row.public_id,
        title=row.title,
        provider=row.provider.name,
        provider_code=row.provider.organisation.credit_code,
        provider_id=row.provider.public_id,
        price_wan=out.wan_span(row.price_low_fen, row.price_high_fen),
        weeks=out.span(row.weeks_low, row.weeks_high),
        score=round(match.score, 4),
        strength=match.strength,
        reasons=[reason_out(reason) for reason in match.told(viewer)],
    )


def _provider_matches(found: Sequence[ProviderMatch], solutions: Mapping[int, Solution]) -> list[out.ProviderMatchOut]:
    known = [match for match in found if match.best.solution_id in solutions]
    rows = [(rank, match, solutions[match.best.solution_id]) for rank, match in enumerate(known, 1)]
    return [
        out.ProviderMatchOut(
            rank=rank,
            provider=row.provider.name,
            provider_code=row.provider.organisation.credit_code,
            provider_id=row.provider.public_id,
            score=round(match.score, 4),
            strength=match.strength,
            best=row.source_ref or row.public_id,
            solutions=match.solutions,
        )
        for rank, match, row in rows
    ]


def recommendation_out(session: Session, key: str, text: str, found: Recommendation, viewer: Viewer) -> out.RecommendationOut:
    """The answer to one problem, its solutions and providers named."""
    numbers = [match.solution_id for match in found.matches] + [match.best.solution_id for match in found.providers]
    solutions = find_solutions(session, numbers)
    return out.RecommendationOut(
        problem=text,
        key=key,
        guesses=found.guesses,
        matches=match_outs(found.matches, solutions, viewer),
        providers=_provider_matches(found.providers, solutions),
        open_questions=[reason_out(reason) for reason in found.open_questions],
        model=found.model,
        took_ms=round(found.took_ms, 1),
        degraded=found.degraded,
    )
