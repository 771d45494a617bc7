"""What an issued plan keeps of the page: everything that was shown, so that the paper can be read and checked years later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marketplace.domain.matches import Match, Part, Quote, Reason
from marketplace.domain.plans import step_of
from marketplace.plan_steering import BY_HAND
from marketplace.records.enterprises import Enterprise
from marketplace.web.cards import SolutionCard
from marketplace.web.plan_sheet import Need, Sheet


def content_of(sheet: Sheet, enterprise: Enterprise, at: datetime) -> dict[str, Any]:
    """Plain values only: it is stored as JSON. Money in fen, sentences in Chinese, keys as in the pilot file."""
    numbers = {str(need.problem.id): need.number for need in sheet.needs}
    return {
        "enterprise": enterprise.name,
        "sector": enterprise.sector,
        "diagnosed": sheet.diagnosis.visited.isoformat() if sheet.diagnosis and sheet.diagnosis.visited else "",
        "made": at.isoformat(),
        "model": sheet.plan.model,
        "emphasis": dict(sheet.steering.emphasis.items()),
        "needs": [_need(need, sheet) for need in sheet.needs],
        "set": [
            {
                "provider_id": row.choice.provider_id,
                "provider": row.card.provider.name,
                "needs": [numbers[key] for key, _solution in row.choice.problems if key in numbers],
                "cost_low_fen": row.choice.cost_low_fen,
                "cost_high_fen": row.choice.cost_high_fen,
            }
            for row in sheet.set
        ],
        "solved": [{"number": row.number, "text": row.problem.text} for row in sheet.solved],
    }


def _need(need: Need, sheet: Sheet) -> dict[str, Any]:
    return {
        "number": need.number,
        "problem_id": need.problem.id,
        "text": need.problem.text,
        "stage": need.problem.stage,
        "orientation": need.problem.orientation,
        "priority": need.problem.priority,
        "budget_low_fen": need.problem.budget_low_fen,
        "budget_high_fen": need.problem.budget_high_fen,
        "scenario": need.scenario.name if need.scenario else "",
        "scenario_code": need.problem.scenario_code,
        "coverage": need.coverage,
        "uncovered": need.uncovered,
        "step": step_of(priority=need.problem.priority, coverage=need.coverage),
        "chosen": need.chosen[1].solution.id if need.chosen else None,
        "matches": [_match(match, card, sheet) for match, card in need.matches],
        "excluded": [
            {"solution_id": one.solution.id, "solution": one.solution.title, "provider": one.solution.provider.name, "why": one.row.why}
            for one in need.excluded
        ],
    }


def _match(match: Match, card: SolutionCard, sheet: Sheet) -> dict[str, Any]:
    solution = card.solution
    return {
        "solution_id": solution.id,
        "solution": solution.title,
        "solution_ref": solution.public_id,
        "provider_id": card.provider.id,
        "provider": card.provider.name,
        "price_low_fen": solution.price_low_fen,
        "price_high_fen": solution.price_high_fen,
        "weeks_low": solution.weeks_low,
        "weeks_high": solution.weeks_high,
        "score": round(match.score, 4),
        "strength": match.strength,
        "rank": match.rank,
        "by_hand": match.model == BY_HAND,
        "of_diagnosing": sheet.is_of_diagnosing(card),
        "model": match.model,
        "features": {name: round(float(value), 4) for name, value in match.features.items()},
        # A warning is the pool's own business: what everybody may be told stands in the plan.
        "reasons": [_reason(one) for one in match.reasons if one.code != "warned"],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    """The sentence as it was told, and what it was made of, so that a page can say it in the reader's language."""
    values = {name: value if isinstance(value, int | float) else str(value) for name, value in reason.values.items()}
    kept = {"part": str(reason.part), "code": reason.code, "text": reason.sentence(), "message": reason.message, "values": values}
    quotes = {"ours": reason.ours, "theirs": reason.theirs}
    return kept | {name: {"text": one.text, "source": one.source, "marks": list(one.marks)} for name, one in quotes.items() if one}


def reason_of(kept: Mapping[str, Any]) -> Reason:
    """The reason that was kept; of plans of before only the sentence is."""
    ours, theirs = (_quote(kept.get(name)) for name in ("ours", "theirs"))
    return Reason(Part(kept["part"]), kept["code"], kept.get("message", kept["text"]), kept.get("values", {}), ours, theirs)


def _quote(kept: Mapping[str, Any] | None) -> Quote | None:
    return Quote(kept["text"], kept["source"], tuple((start, end) for start, end in kept["marks"])) if kept else None
