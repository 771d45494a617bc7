"""Search: one page for solutions, providers, scenarios and, for those who may, problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from indexer.query import FACETS, FacetCount, Hit, Kind, Page
from marketplace.domain.access import Viewer, audience, may
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.showcases import ShowcaseState
from marketplace.guard import current_viewer, open_to_all
from marketplace.metrics import note_found
from marketplace.records.providers import find_hidden_provider_ids
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase
from marketplace.search_address import KINDS, SORTS, Address, parse, query_of
from marketplace.site import current_site
from marketplace.web.cards import find_provider_cards, find_solution_cards
from marketplace.web.demands import find_shown_problems
from marketplace.web.language import language, say
from marketplace.web.search_elsewhere import find_others
from marketplace.web.showcases_shown import shown
from marketplace.web.wording import term

pages = Blueprint("search", __name__)
# These facets are open; the rest are one click away.
OPEN_FACETS = frozenset({"sector", "stage", "orientation", "form", "local", "priority", "provider_kind", "scenario_kind"})
MOST_VALUES = 12


@dataclass(frozen=True)
class FacetValue:
    word: str
    count: int
    address: str
    chosen: bool


@dataclass(frozen=True)
class FacetGroup:
    word: str
    values: Sequence[FacetValue]
    open: bool


@dataclass(frozen=True)
class Chip:
    word: str
    address: str


@dataclass(frozen=True)
class Scope:
    word: str
    count: int
    address: str
    current: bool


@dataclass(frozen=True)
class Found:
    """Everything the page shows. `things` are the hits that can be shown, each with its row or card."""

    address: Address
    page: Page
    things: Sequence[tuple[Hit, Any]]
    scopes: Sequence[Scope]
    facets: Sequence[FacetGroup]
    chips: Sequence[Chip]
    first: int
    last_page: int

    @property
    def dropped(self) -> Sequence[str]:
        return [condition_word(name) for name in self.page.dropped]


@pages.get("/search")
@open_to_all
def page() -> str:
    site, viewer = current_site(), current_viewer()
    address = parse(request.args, kinds_of(viewer))
    with site.database.reading() as session:
        found = find(session, address, viewer)
        if address.text and address.page == 1:
            note_found(found.page)
        return render_template(
            "search/page.html",
            found=found,
            address=found.address,
            sorts=SORTS.get(found.address.kind, ()),
            depth=site.pilot.thresholds.candidate_depth,
            elsewhere=find_others(session, address.text, viewer) if found.address.page == 1 else [],
        )


@pages.get("/search/suggestions")
@open_to_all
def suggestions() -> Response:
    """Words while typing, for the script of the page."""
    text, site = request.args.get("q", "")[:100], current_site()
    if not text.strip():
        return jsonify([])
    with site.database.reading() as session:
        hidden = find_hidden_provider_ids(session)
    tokens, count = audience(current_viewer()), site.pilot.thresholds.suggestion_count
    return jsonify(site.index.suggest(text, limit=count, audience=tokens, without_providers=hidden))


def kinds_of(viewer: Viewer) -> list[Kind]:
    """What this person may search. Problems are for those roles that have any to see."""
    return [kind for kind in KINDS if kind != Kind.PROBLEM or may(viewer, "search", "problem")]


def find(session: Session, address: Address, viewer: Viewer) -> Found:
    site = current_site()
    limits = site.pilot.thresholds
    hidden = find_hidden_provider_ids(session)
    query = query_of(address, audience=audience(viewer), hidden=hidden, size=limits.page_size, depth=limits.candidate_depth)
    others = [kind for kind in kinds_of(viewer) if kind != address.kind]
    counting = [
        query_of(replace(address.of_kind(kind)), audience=query.audience, hidden=hidden, size=1, depth=query.depth) for kind in others
    ]
    answers = site.index.search_many([query, *(replace(other, facets=False, relax=False) for other in counting)])
    answer = answers[0]
    totals = {address.kind: answer.total} | {kind: page.total for kind, page in zip(others, answers[1:], strict=True)}
    base = url_for("search.page")
    scopes = [Scope(kind_word(kind), totals[kind], address.of_kind(kind).url(base), kind == address.kind) for kind in kinds_of(viewer)]
    return Found(
        address,
        answer,
        _things(session, answer.hits, address.kind, viewer),
        scopes,
        _facets(address, answer.facets, base),
        _chips(address, base),
        (address.page - 1) * limits.page_size,
        max(1, -(-answer.total // limits.page_size)),
    )


def _things(session: Session, hits: Sequence[Hit], kind: Kind, viewer: Viewer) -> Sequence[tuple[Hit, Any]]:
    """The rows behind the hits, read at once. The index may be a moment behind: what is gone from the database is left out."""
    ids = [hit.thing_id for hit in hits]
    rows: Mapping[int, Any]
    if kind == Kind.SOLUTION:
        rows = find_solution_cards(session, ids)
    elif kind == Kind.PROVIDER:
        rows = find_provider_cards(session, ids)
    elif kind == Kind.SCENARIO:
        query = select(Scenario).where(Scenario.id.in_(ids), Scenario.state == ScenarioState.PUBLISHED)
        rows = {row.id: row for row in session.scalars(query.options(joinedload(Scenario.enterprise)))}
    elif kind == Kind.SHOWCASE:
        showcases = select(Showcase).where(Showcase.id.in_(ids), Showcase.state == ShowcaseState.PUBLISHED)
        rows = {row.id: shown(row, viewer) for row in session.scalars(showcases.options(joinedload(Showcase.enterprise)))}
    else:
        rows = find_shown_problems(session, ids, viewer)
    return [(hit, rows[hit.thing_id]) for hit in hits if hit.thing_id in rows]


def kind_word(kind: Kind | str) -> str:
    """What a kind of the index is called."""
    words = {
        Kind.SOLUTION: say("方案"),
        Kind.PROVIDER: say("服务商"),
        Kind.SCENARIO: say("场景"),
        Kind.PROBLEM: say("问题"),
        Kind.SHOWCASE: say("标杆案例"),
    }
    return words[Kind(kind)]


def condition_word(name: str) -> str:
    """The word of a condition: a facet, or a range."""
    words = {
        "sector": say("行业"), "stage": say("环节"), "orientation": say("改造方向"), "scenario": say("典型场景"), "form": say("形式"),
        "region": say("地区"), "local": say("本地服务"), "level": say("改造层面"), "size": say("企业规模"), "deployment": say("部署方式"),
        "origin": say("国产或进口"), "explosion_proof": say("防爆"), "interface": say("接口"), "certificate": say("证书"),
        "scenario_kind": say("场景类别"), "priority": say("优先级"), "provider_kind": say("主体类型"), "price": say("报价"),
        "weeks": say("工期"), "text": say("部分词语"), "words": say("部分词语"),
    }  # fmt: skip
    return words.get(name, name)


def value_word(name: str, value: str) -> str:
    """The word of a facet's value."""
    if name == "local":
        return {"office": say("本地有场地"), "commitment": say("已签本地化承诺"), "none": say("没有本地服务")}.get(value, value)
    if name == "explosion_proof":
        return say("要求防爆") if value == "yes" else say("不防爆")
    if name == "origin":
        return {"domestic": say("国产"), "imported": say("进口")}.get(value, value)
    if name == "region":
        return value
    kind = {"size": "enterprise_size"}.get(name, name)
    if name in ("interface", "certificate"):
        return value
    return term(kind, value, short=name in ("sector", "provider_kind", "scenario_kind"))


def _facets(address: Address, counts: Mapping[str, Sequence[FacetCount]], base: str) -> list[FacetGroup]:
    groups: list[FacetGroup] = []
    for name in FACETS[address.kind]:
        found = {count.value: count.count for count in counts.get(name, ())}
        chosen = [value for field, value in address.filters if field == name]
        # What is chosen stays in sight even when nothing has it.
        values = list(dict.fromkeys([*chosen, *found]))[: MOST_VALUES + len(chosen)]
        rows = [
            FacetValue(value_word(name, value), found.get(value, 0), address.turned(name, value).url(base), value in chosen)
            for value in values
            if value in chosen or found[value]
        ]
        if rows:
            groups.append(FacetGroup(condition_word(name), rows, name in OPEN_FACETS or bool(chosen)))
    return groups


def _chips(address: Address, base: str) -> list[Chip]:
    chips = [Chip(value_word(name, value), address.turned(name, value).url(base)) for name, value in address.filters]
    if address.price_low or address.price_high:
        text = say("报价 {low}–{high} 万元", low=address.price_low or "0", high=address.price_high or "…")
        chips.append(Chip(text, address.without("price").url(base)))
    if address.weeks_high:
        chips.append(Chip(say("工期 {weeks} 周以内", weeks=address.weeks_high), address.without("weeks").url(base)))
    return chips


def number_unit() -> str:
    """The unit in which prices are typed; it is the same in both languages."""
    return "万元" if language() == "zh" else "CNY 10,000"
