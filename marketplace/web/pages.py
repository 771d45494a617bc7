"""All pages: their blueprints, and what every template may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, request, url_for

from marketplace.domain.access import Viewer, may
from marketplace.domain.matches import Part
from marketplace.guard import current_viewer, degraded, now
from marketplace.site import current_site
from marketplace.web import (
    ask,
    assets,
    cards,
    demands,
    enterprises,
    health,
    help,
    home,
    index_queue,
    language,
    marking,
    plans,
    problems,
    providers,
    reasons,
    scenarios,
    search,
    solutions,
    wording,
)
from marketplace.web.language import say

BLUEPRINTS = (home, ask, search, solutions, providers, scenarios, enterprises, plans, problems, demands, help, index_queue, assets, health)


@dataclass(frozen=True)
class Item:
    """One entry of the main navigation. `current` marks the page that is open."""

    word: str
    address: str
    current: bool


def navigation(viewer: Viewer) -> list[Item]:
    """The main navigation: what this person can use, no more."""
    words = [(say("找方案"), url_for("search.page"), "search"), (say("说说您的难题"), url_for("ask.page"), "ask")]
    words += [
        (say("场景库"), url_for("scenarios.library"), "scenarios"),
        (say("服务商"), url_for("search.page", kind="provider"), "providers"),
    ]
    if viewer.enterprise_ids:
        words.append((say("一企一策"), url_for("enterprises.mine"), "enterprises"))
    if may(viewer, "list", "enterprise"):
        words.append((say("企业"), url_for("enterprises.index"), "enterprises"))
    if viewer.provider_ids and may(viewer, "read_own", "demand"):
        words.append((say("适合我的需求"), url_for("demands.page"), "demands"))
    if may(viewer, "run", "import"):
        words.append((say("导入"), url_for("imports.choose"), "imports"))
    if may(viewer, "read", "index"):
        words.append((say("索引"), url_for("index_queue.page"), "index_queue"))
    return [Item(word, address, noun == _noun()) for word, address, noun in words]


def _noun() -> str:
    """The entry under which the open page belongs."""
    here = (request.endpoint or "").partition(".")[0]
    if here == "search" and request.args.get("kind") == "provider":
        return "providers"
    return {"plans": "enterprises", "solutions": "search"}.get(here, here)


def register(app: Flask) -> None:
    language.register(app)
    for module in BLUEPRINTS:
        app.register_blueprint(module.pages)
    app.jinja_env.globals.update({word.__name__: word for word in wording.WORDS})
    app.jinja_env.globals.update(
        terms_of=wording.terms,
        condition_word=search.condition_word,
        scenario_word=scenarios.word,
        told=scenarios.told,
        pilot_terms=lambda kind: current_site().pilot.terms(kind),
        shares=reasons.shares,
        in_pool=cards.in_pool,
        own=lambda number: number in current_viewer().enterprise_ids,
        may_plan=lambda: may(current_viewer(), "read", "plan"),
        marked=marking.marked,
        hits=marking.hits,
        spans=marking.spans,
        say=say,
        parts=reasons.parts,
        reasons_of=reasons.shown,
        sentence=reasons.sentence,
        source=reasons.source,
        Part=Part,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def of_every_page() -> dict[str, Any]:
        site = current_site()
        return {
            "lang": language.language(),
            "degraded": degraded,
            "other_language": language.other_address(),
            "city": site.pilot.city.name if language.language() == "zh" else site.pilot.city.name_en,
            "demo": site.settings.demo,
            "navigation": navigation(current_viewer()),
            "now_text": wording.day(now()),
        }
