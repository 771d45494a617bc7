"""How the pilot is doing (试点成效), for everybody: the figures of the whole pilot, without the lists behind them."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template

from marketplace.domain.figure_facts import Facts, Scope
from marketplace.domain.figures import FIGURES, GROUP_WORDS, Group
from marketplace.guard import open_to_all
from marketplace.site import current_site
from marketplace.web.figures_charts import lines_of
from marketplace.web.figures_shown import EFFECTS, FEW, LINES, OF_SECTORS, Asked, Tile, facts_for, sectors_of, tiles_of
from marketplace.web.language import say
from marketplace.web.terms import today
from marketplace.web.wording import sep

pages = Blueprint("figures_open", __name__)
# What everybody may know, and of how many things it is made: money and opinions of a few would be those of each.
OPEN = (
    "enterprises_above_scale", "enterprises_diagnosed", "enterprises_started", "enterprises_finished", "diagnosed_share", "finished_share",
    "investment_planned", "investment_reported", "projects_supported", "projects_accepted", "on_time_share", "satisfaction", "showcases",
    "providers_admitted", "matches_sent", "matches_accepted_share", "matches_awarded",
)  # fmt: skip
# Groups that stand under one head, so that no head has a single figure.
BLOCKS = ((Group.ENTERPRISES,), (Group.INVESTMENT, Group.PROJECTS), (Group.POOL, Group.MATCHING), (Group.EFFECT,))
MADE_OF = {"investment_planned": "projects_supported", "on_time_share": "projects_accepted"}


@pages.get("/results")
@open_to_all
def page() -> str:
    with current_site().database.reading() as session:
        facts = facts_for(session, Asked(Scope(today(), None, None, frozenset()), "", "", ""))
    told = [code for code in OPEN if is_told(code, facts)]
    groups = [(sep("、").join(say(GROUP_WORDS[group]) for group in block), _of_block(block, told, facts)) for block in BLOCKS]
    return render_template(
        "figures/open.html",
        groups=[(name, tiles) for name, tiles in groups if tiles],
        effects=tiles_of([code for code in EFFECTS if is_told(code, facts)], facts),
        lines=lines_of(LINES, facts, current_site().pilot.city.term_start),
        sectors=sectors_of(facts),
        of_sectors=[FIGURES[code] for code in OF_SECTORS],
        meanings=[FIGURES[code] for code in (*OPEN, *EFFECTS)],
        few=FEW,
    )


def is_told(code: str, facts: Facts) -> bool:
    """Whether a figure is there, and is made of so many things that it tells of none of them."""
    value = FIGURES[code].compute(facts)
    if value.value is None:
        return False
    if code in MADE_OF:
        return (FIGURES[MADE_OF[code]].compute(facts).value or 0) >= FEW
    return value.sample is None or value.sample >= FEW


def _of_block(block: Sequence[Group], told: Sequence[str], facts: Facts) -> list[Tile]:
    return tiles_of([code for code in told if FIGURES[code].group in block], facts)
