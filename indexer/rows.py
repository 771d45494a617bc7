"""Things of the queue → their rows as they are now → documents. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from indexer.documents import (
    ATTACHED_CHARACTERS,
    Document,
    Labels,
    is_searchable,
    problem_document,
    provider_document,
    scenario_document,
    solution_document,
)
from indexer.documents_showcases import showcase_document
from indexer.query import Kind
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.showcases import ShowcaseState
from marketplace.domain.solutions import SolutionState
from marketplace.records.files import Attachment, Blob, Scan
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution

IN_STATEMENT = 500


def documents_of(session: Session, kind: Kind, versions: Mapping[int, int], labels: Labels) -> dict[int, Document]:
    """The documents of those things (id → version) that can be found now; the others must leave the index."""
    found: dict[int, Document] = {}
    ids = list(versions)
    for start in range(0, len(ids), IN_STATEMENT):
        some = ids[start : start + IN_STATEMENT]
        if kind is Kind.SOLUTION:
            statement = select(Solution).where(Solution.id.in_(some)).options(joinedload(Solution.provider))
            attached = _attached(session, some)
            for row in session.scalars(statement):
                if is_searchable(row):
                    found[row.id] = solution_document(
                        row, row.provider, version=versions[row.id], labels=labels, attached=attached.get(row.id, ())
                    )
        elif kind is Kind.SCENARIO:
            for scenario in session.scalars(select(Scenario).where(Scenario.id.in_(some)).options(joinedload(Scenario.enterprise))):
                if is_searchable(scenario):
                    found[scenario.id] = scenario_document(scenario, version=versions[scenario.id], labels=labels)
        elif kind is Kind.PROBLEM:
            loaded = (joinedload(Problem.enterprise), joinedload(Problem.diagnosis))
            for problem in session.scalars(select(Problem).where(Problem.id.in_(some)).options(*loaded)):
                if is_searchable(problem):
                    found[problem.id] = problem_document(problem, version=versions[problem.id], labels=labels)
        elif kind is Kind.SHOWCASE:
            for showcase in session.scalars(select(Showcase).where(Showcase.id.in_(some)).options(joinedload(Showcase.enterprise))):
                if is_searchable(showcase):
                    found[showcase.id] = showcase_document(showcase, version=versions[showcase.id], labels=labels)
        else:
            titles = _titles(session, some)
            for provider in session.scalars(select(Provider).where(Provider.id.in_(some))):
                if is_searchable(provider):
                    found[provider.id] = provider_document(provider, titles[provider.id], version=versions[provider.id], labels=labels)
    return found


def _titles(session: Session, provider_ids: Sequence[int]) -> dict[int, list[str]]:
    """Titles of the published solutions of providers."""
    titles: dict[int, list[str]] = defaultdict(list)
    statement = select(Solution.provider_id, Solution.title).where(
        Solution.provider_id.in_(provider_ids), Solution.state == SolutionState.PUBLISHED
    )
    for provider_id, title in session.execute(statement.order_by(Solution.id)):
        titles[provider_id].append(title)
    return titles


def _attached(session: Session, solution_ids: Sequence[int]) -> dict[int, list[str]]:
    """What the public files of solutions say, as far as it has been read and no scanner objects."""
    texts: dict[int, list[str]] = defaultdict(list)
    # Cut in the database: a book of a thousand pages is not fetched for its first ones.
    opening = func.substr(Blob.text, 1, ATTACHED_CHARACTERS)
    statement = select(Attachment.noun_id, opening).join(Blob, Blob.sha256 == Attachment.sha256)
    statement = statement.where(
        Attachment.noun == "solution",
        Attachment.noun_id.in_(solution_ids),
        Attachment.is_public.is_(True),
        Attachment.superseded_at.is_(None),
        Blob.scan.in_((Scan.CLEAN, Scan.UNSCANNED)),
        Blob.text != "",
    )
    for solution_id, text in session.execute(statement.order_by(Attachment.id)):
        texts[solution_id].append(text)
    return texts


def find_searchable_ids(session: Session, kind: Kind) -> Iterable[int]:
    """The ids of all things of a kind that can be found now."""
    return session.scalars(searchable(kind))


def searchable(kind: Kind) -> Select[int]:
    """The ids of all things of a kind that can be found now, rising."""
    if kind is Kind.SOLUTION:
        joined = select(Solution.id).join(Provider, Solution.provider_id == Provider.id)
        return joined.where(Solution.state == SolutionState.PUBLISHED, Provider.state.in_(SEARCHABLE)).order_by(Solution.id)
    if kind is Kind.SCENARIO:
        return select(Scenario.id).where(Scenario.state == ScenarioState.PUBLISHED).order_by(Scenario.id)
    if kind is Kind.PROBLEM:
        return select(Problem.id).where(Problem.state != ProblemState.WITHDRAWN).order_by(Problem.id)
    if kind is Kind.SHOWCASE:
        return select(Showcase.id).where(Showcase.state == ShowcaseState.PUBLISHED).order_by(Showcase.id)
    return select(Provider.id).where(Provider.state.in_(SEARCHABLE)).order_by(Provider.id)
