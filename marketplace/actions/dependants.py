"""What must be indexed again when a thing changes. The thing itself is the first of its dependants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.records.applications import ProviderApplication
from marketplace.records.cases import Case
from marketplace.records.columns import Record
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.groups import EnterpriseGroup
from marketplace.records.index_queue import enqueue
from marketplace.records.matches import Outcome
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution
from marketplace.records.windows import ApplicationWindow

# What the history and the queue call a table's rows.
NOUNS: dict[type[Record], str] = {
    Provider: "provider",
    Solution: "solution",
    Case: "case",
    Scenario: "scenario",
    Enterprise: "enterprise",
    Problem: "problem",
    Outcome: "outcome",
    Diagnosis: "diagnosis",
    EnterpriseGroup: "group",
    ProviderApplication: "application",
    ApplicationWindow: "window",
}
# Enough ids for one statement, on either database.
_CHUNK = 500


def noun_of(record: Record) -> str:
    """What the history calls a record: its table's name in the singular where nothing shorter is agreed."""
    return NOUNS.get(type(record)) or str(record.__tablename__).removesuffix("s")


def enqueue_dependants(session: Session, touched: Mapping[str, Iterable[int]]) -> None:
    """Enqueue things (noun → ids) and everything whose document speaks of them, each once and always in the same order."""
    found: dict[str, set[int]] = {}
    for noun, ids in touched.items():
        numbers = sorted(set(ids))
        for start in range(0, len(numbers), _CHUNK):
            for kind, dependants in _dependants(session, noun, numbers[start : start + _CHUNK]):
                found.setdefault(kind, set()).update(dependants)
    for kind in sorted(found):
        enqueue(session, kind, found[kind])


def _dependants(session: Session, noun: str, ids: list[int]) -> Iterator[tuple[str, Iterable[int]]]:
    # A provider's name, locality, state and rating stand in every one of its solutions.
    if noun == "provider":
        yield "provider", ids
        yield "solution", session.scalars(select(Solution.id).where(Solution.provider_id.in_(ids)))
    # A solution is found under its provider too.
    elif noun == "solution":
        yield "solution", ids
        yield "provider", session.scalars(select(Solution.provider_id).where(Solution.id.in_(ids)))
    # A case is proof of its provider, and of the solution that it used.
    elif noun == "case":
        yield "provider", session.scalars(select(Case.provider_id).where(Case.id.in_(ids)))
        used = select(Case.solution_id).where(Case.id.in_(ids), Case.solution_id.is_not(None))
        yield "solution", [number for number in session.scalars(used) if number is not None]
    # An outcome changes the rating of its provider, and so all of the provider's solutions.
    elif noun == "outcome":
        providers = set(session.scalars(select(Outcome.provider_id).where(Outcome.id.in_(ids))))
        yield from _dependants(session, "provider", sorted(providers))
    # An enterprise's sector, area and name (which a provider must not see) stand in its problems, scenarios and showcases.
    elif noun == "enterprise":
        yield "problem", session.scalars(select(Problem.id).where(Problem.enterprise_id.in_(ids)))
        yield "scenario", session.scalars(select(Scenario.id).where(Scenario.enterprise_id.in_(ids)))
        yield "showcase", session.scalars(select(Showcase.id).where(Showcase.enterprise_id.in_(ids)))
    # Providers read the problems of a diagnosis once it is issued.
    elif noun == "diagnosis":
        yield "problem", session.scalars(select(Problem.id).where(Problem.diagnosis_id.in_(ids)))
    elif noun in ("problem", "scenario", "showcase"):
        yield noun, ids
