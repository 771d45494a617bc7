"""Search by meaning and by words, for programs and for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.exceptions import Forbidden, Unauthorized

from indexer.query import FACETS, Hit, Kind, Mode, Page, Range, SearchQuery, Sort
from marketplace.api import shown
from marketplace.api.operation import Model, operation
from marketplace.domain.access import Viewer, audience, may
from marketplace.domain.money import fen_from_wan
from marketplace.domain.showcases import ShowcaseState
from marketplace.guard import current_viewer, open_to_all
from marketplace.metrics import note_found
from marketplace.pilot import Pilot
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider, find_hidden_provider_ids
from marketplace.records.readable import readable_problems, readable_providers, readable_scenarios, readable_solutions
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.records.solutions import Solution
from marketplace.scenario_texts import scenario_text
from marketplace.showcase_texts import showcase_text
from marketplace.site import Site, current_site

# Filters that may be given: every facet of any kind. A facet that a kind does not have is refused.
FILTERS = tuple(dict.fromkeys(name for names in FACETS.values() for name in names))


class SearchParameters(Model):
    """Filters take several keys with commas between them: any of them will do."""

    q: str = Field("", max_length=10_000)
    """What to look for."""
    kind: Kind = Kind.SOLUTION
    mode: Mode = Mode.HYBRID
    sort: Sort = Sort.RELEVANCE
    page: int = Field(1, ge=1, le=20)
    size: int = Field(10, ge=1, le=50)
    sector: str = Field("", max_length=200)
    stage: str = Field("", max_length=200)
    orientation: str = Field("", max_length=200)
    scenario: str = Field("", max_length=200)
    form: str = Field("", max_length=200)
    region: str = Field("", max_length=200)
    local: str = Field("", max_length=200)
    level: str = Field("", max_length=200)
    size_of_enterprise: str = Field("", max_length=200)
    deployment: str = Field("", max_length=200)
    origin: str = Field("", max_length=200)
    explosion_proof: str = Field("", max_length=200)
    interface: str = Field("", max_length=200)
    certificate: str = Field("", max_length=200)
    scenario_kind: str = Field("", max_length=200)
    provider_kind: str = Field("", max_length=200)
    priority: str = Field("", max_length=200)
    price_from_wan: float | None = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)
    price_to_wan: float | None = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)
    weeks_to: int | None = Field(None, ge=0, le=10_000)


class HitOut(Model):
    """A thing found. `id`: the number of its source, or the public id where there is none."""

    rank: int
    id: str
    public_id: str
    kind: Kind
    title: str
    provider: str | None
    score: float
    lexical: float
    dense: float
    terms: list[str]


class FacetOut(Model):
    value: str
    count: int


class SearchOut(Model):
    """`dropped`: conditions that were relaxed to find anything. `near`: synonyms that were looked for as well."""

    query: str
    kind: Kind
    total: int
    page: int
    size: int
    took_ms: float
    dropped: list[str]
    near: dict[str, list[str]]
    suggestion: str
    degraded: str
    facets: dict[str, list[FacetOut]]
    hits: list[HitOut]


@open_to_all
@operation(
    "/search",
    summary="Search solutions, scenarios, providers, and (for those who may) problems",
    tag="search",
    query=SearchParameters,
    answer=SearchOut,
    faults=(403,),
)
def search(query: SearchParameters) -> SearchOut:
    viewer = current_viewer()
    # Whether there are problems at all is nobody's business who may not search them.
    if query.kind == Kind.PROBLEM and not may(viewer, "search", "problem"):
        raise Forbidden() if viewer.is_known else Unauthorized()
    return search_out(current_site(), query, viewer)


def filters_of(query: SearchParameters) -> dict[str, tuple[str, ...]]:
    """The filters that were given, those only that this kind has."""
    said: dict[str, str] = {name: getattr(query, "size_of_enterprise" if name == "size" else name) for name in FACETS[query.kind]}
    return {name: tuple(word for word in text.split(",") if word) for name, text in said.items() if text}


def search_out(site: Site, query: SearchParameters, viewer: Viewer) -> SearchOut:
    """One page of hits with names, for this viewer."""
    with site.database.reading() as session:
        hidden = find_hidden_provider_ids(session)
    ranges: dict[str, Range] = {}
    if query.price_from_wan is not None or query.price_to_wan is not None:
        ranges["price"] = Range(*(None if wan is None else fen_from_wan(wan) for wan in (query.price_from_wan, query.price_to_wan)))
    if query.weeks_to is not None:
        ranges["weeks"] = Range(None, query.weeks_to)
    asked = SearchQuery(
        text=query.q.replace("\0", " "),
        kind=query.kind,
        mode=query.mode,
        filters=filters_of(query),
        ranges=ranges,
        audience=audience(viewer),
        without_providers=hidden,
        sort=query.sort,
        page=query.page,
        size=query.size,
    )
    page = site.index.search(asked)
    if query.q and query.page == 1:
        note_found(page)
    with site.database.reading() as session:
        names = find_names(session, query.kind, page.hits, viewer, site.pilot)
    first = (query.page - 1) * query.size
    return SearchOut(
        query=query.q,
        kind=query.kind,
        total=page.total,
        page=query.page,
        size=query.size,
        took_ms=round(page.took_ms, 1),
        dropped=list(page.dropped),
        near={word: list(others) for word, others in page.near.items()},
        suggestion=page.suggestion,
        degraded=page.degraded,
        facets={name: [FacetOut(value=row.value, count=row.count) for row in rows] for name, rows in page.facets.items()},
        hits=_hits(page, names, first),
    )


def _hits(page: Page, names: dict[int, tuple[str, str, str, str | None]], first: int) -> list[HitOut]:
    known = [hit for hit in page.hits if hit.thing_id in names]
    found = []
    for rank, hit in enumerate(known, first + 1):
        ref, public_id, title, provider = names[hit.thing_id]
        scores = {"score": round(hit.score, 4), "lexical": round(hit.lexical, 4), "dense": round(hit.dense, 4)}
        found.append(
            HitOut(
                rank=rank,
                id=ref or public_id,
                public_id=public_id,
                kind=hit.kind,
                title=title,
                provider=provider,
                terms=list(hit.terms),
                **scores,
            )
        )
    return found


def find_names(
    session: Session, kind: Kind, hits: Sequence[Hit], viewer: Viewer, pilot: Pilot
) -> dict[int, tuple[str, str, str, str | None]]:
    """thing id → (ref, public id, title, provider) of those hits that the viewer may read in the database right now."""
    numbers = [hit.thing_id for hit in hits]
    rows: Any
    if kind == Kind.SOLUTION:
        rows = session.scalars(
            select(Solution).where(Solution.id.in_(numbers), readable_solutions(viewer)).options(joinedload(Solution.provider))
        )
        return {row.id: (row.source_ref, row.public_id, row.title, row.provider.name) for row in rows}
    if kind == Kind.SCENARIO:
        query = select(Scenario).where(Scenario.id.in_(numbers), readable_scenarios(viewer)).options(joinedload(Scenario.enterprise))
        rows = session.scalars(query)
        return {row.id: (row.code, row.public_id, scenario_text(row, row.name, viewer, pilot), None) for row in rows}
    if kind == Kind.PROVIDER:
        rows = session.scalars(select(Provider).where(Provider.id.in_(numbers), readable_providers(viewer)))
        return {row.id: (row.organisation.credit_code or "", row.public_id, row.name, row.name) for row in rows}
    if kind == Kind.SHOWCASE:
        published = select(Showcase).where(Showcase.id.in_(numbers), Showcase.state == ShowcaseState.PUBLISHED)
        rows = session.scalars(published.options(joinedload(Showcase.enterprise)))
        return {row.id: (row.number, row.public_id, showcase_text(row, row.title, pilot), None) for row in rows}
    told = shown.find_told(session, viewer, pilot)
    rows = session.scalars(
        select(Problem).where(Problem.id.in_(numbers), readable_problems(viewer)).options(joinedload(Problem.enterprise))
    )
    # The number that the source gave a problem may name its enterprise; those who are not told it get the public id.
    return {row.id: (row.source_ref if told.everything(row) else "", row.public_id, told.text(row), None) for row in rows}
