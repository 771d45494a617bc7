"""What each sheet becomes: which record, checked by which rules, referring to what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from sqlalchemy import inspect

from marketplace.domain import cases, enterprises, matches, problems, providers, rating_events, scenarios, solutions
from marketplace.domain.lifecycle import Refused
from marketplace.records.cases import Case
from marketplace.records.columns import Record
from marketplace.records.enterprises import Enterprise
from marketplace.records.matches import Outcome
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution

Check = Callable[[Any], Iterator[tuple[str, Refused]]]


@dataclass(frozen=True)
class Target:
    """`refers`: column key → (record's attribute, noun it names). `belongs`: the attribute that an update may not move."""

    noun: str
    single: str
    record: type[Record]
    draft: type[Any]
    check: Check
    refers: dict[str, tuple[str, str]]
    belongs: str = ""

    def checked(self, values: dict[str, Any]) -> Iterator[tuple[str, Refused]]:
        """What the domain says of a row's values."""
        yield from self.check(self.draft(**{name: values[name] for name in self.draft_names if name in values}))

    @cached_property
    def draft_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in fields(self.draft))

    @cached_property
    def columns(self) -> frozenset[str]:
        """The record's attributes that a row may fill by name: not its own number, nor what it refers to."""
        return frozenset(inspect(self.record).column_attrs.keys()) - self.refers.keys() - {"source_ref"}


TARGETS: dict[str, Target] = {
    target.noun: target
    for target in (
        Target("enterprises", "enterprise", Enterprise, enterprises.EnterpriseDraft, enterprises.check, {}),
        Target("providers", "provider", Provider, providers.ProviderDraft, providers.check, {}),
        Target(
            "scenarios",
            "scenario",
            Scenario,
            scenarios.ScenarioDraft,
            scenarios.check,
            {"enterprise_code": ("enterprise_id", "enterprises")},
        ),
        Target(
            "solutions",
            "solution",
            Solution,
            solutions.SolutionDraft,
            solutions.check,
            {"provider_code": ("provider_id", "providers")},
            belongs="provider_id",
        ),
        Target(
            "cases",
            "case",
            Case,
            cases.CaseDraft,
            cases.check,
            {"provider_code": ("provider_id", "providers"), "solution_id": ("solution_id", "solutions")},
            belongs="provider_id",
        ),
        Target(
            "problems",
            "problem",
            Problem,
            problems.ProblemDraft,
            problems.check,
            {"enterprise_code": ("enterprise_id", "enterprises")},
            belongs="enterprise_id",
        ),
        Target(
            "history",
            "outcome",
            Outcome,
            matches.OutcomeDraft,
            matches.check_outcome,
            {
                "problem_id": ("problem_id", "problems"),
                "solution_id": ("solution_id", "solutions"),
                "provider_code": ("provider_id", "providers"),
            },
        ),
        Target(
            "rating_events",
            "rating_event",
            RatingEvent,
            rating_events.EventDraft,
            rating_events.check,
            {"provider_code": ("provider_id", "providers"), "solution_id": ("solution_id", "solutions")},
            belongs="provider_id",
        ),
    )
}

# Attributes that may not be empty in the database, and what an empty cell means there.
DEFAULTS: dict[str, Any] = {"references": 0, "local_office": False, "local_commitment": False}
# Choices that are not made yet: nothing, rather than an empty word.
UNMADE = frozenset({"acceptance"})
