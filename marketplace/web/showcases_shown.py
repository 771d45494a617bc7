"""A showcase as a reader may see it: name and amount only where the enterprise agreed, and no words that give either away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.access import Viewer, may
from marketplace.domain.providers import SEARCHABLE
from marketplace.domain.scenarios import ScenarioState
from marketplace.domain.showcases import Side, change_of
from marketplace.guard import current_viewer
from marketplace.records.projects import Project, find_suppliers
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.showcases import Showcase, ShowcaseConsent, find_published
from marketplace.records.solutions import Solution
from marketplace.showcase_texts import showcase_text
from marketplace.site import current_site
from marketplace.web.cards import published
from marketplace.web.language import say
from marketplace.web.wording import amount, term

MOST_RELATED = 3


@dataclass(frozen=True)
class ShownEffect:
    """`less`: how much less, as a share below 0; how much more above it; None where that says nothing."""

    name: str
    unit: str
    before: float
    after: float
    change: float | None


@dataclass(frozen=True)
class Shown:
    """The texts as this reader may see them. `whose`: the enterprise's name, or what kind of enterprise; `cost`: "" where it stays unsaid."""

    row: Showcase
    title: str
    summary: str
    problem: str
    approach: str
    experience: str
    effect_note: str
    whose: str
    named: bool
    cost: str
    effects: Sequence[ShownEffect]


@dataclass(frozen=True)
class Parties:
    """Who did it: suppliers with a page of their own and others by name; the solution where it is still offered."""

    providers: Sequence[Provider]
    other_names: Sequence[str]
    solution: Solution | None
    solution_title: str
    scenarios: Sequence[Scenario]
    other_codes: Sequence[str]


def shown(row: Showcase, viewer: Viewer, *, applicant: int | None = None, party: bool = False) -> Shown:
    """`applicant`: the organisation whose showcase it is, where that is known already; `party`: the viewer was asked to agree."""
    staff = may(viewer, "nominate", "showcase")
    own = applicant is not None and applicant in viewer.organisation_ids
    named, costed = row.show_name or staff or own or party, row.show_cost or staff or own
    enterprise, pilot = row.enterprise, current_site().pilot
    sector = term("sector", row.sector, short=True)
    # Where an institution applied there is no enterprise to hide.
    whose = enterprise.name if enterprise and named else say("一家{sector}企业", sector=sector)

    def text(words: str) -> str:
        return words if named else showcase_text(row, words, pilot)

    effects = [_effect(one, text) for one in row.effects]
    cost = amount(row.cost_fen) if costed else ""
    return Shown(
        row, text(row.title), text(row.summary), text(row.problem), text(row.approach), text(row.experience), text(row.effect_note), whose,
        named and enterprise is not None, cost, effects,
    )  # fmt: skip


def _effect(row: dict[str, Any], text: Any) -> ShownEffect:
    before, after, unit = row["before"], row["after"], str(row.get("unit", ""))
    return ShownEffect(text(str(row["name"])), unit, before, after, change_of(before, after))


def change_word(effect: ShownEffect) -> str:
    """How much less or more: of a share in points, of anything else as a share of what it was."""
    if "%" in effect.unit:
        points = round(effect.after - effect.before, 1)
        shown_points = f"{abs(points):g}"
        if not points:
            return "–"
        return say("少 {n} 个百分点", n=shown_points) if points < 0 else say("多 {n} 个百分点", n=shown_points)
    if effect.change is None or not round(100 * effect.change):
        return "–"
    share = round(100 * abs(effect.change))
    return say("少 {share} %", share=share) if effect.change < 0 else say("多 {share} %", share=share)


def find_parties(session: Session, row: Showcase, consents: Sequence[ShowcaseConsent]) -> Parties:
    suppliers = [one.provider for one in consents if one.side == Side.PROVIDER and one.provider is not None]
    # Nobody has been asked yet: those of the project.
    suppliers = suppliers or [one.provider for one in find_suppliers(session, row.project_id)]
    offered = select(Solution).join(Solution.provider).where(Solution.id == row.solution_id, *published())
    solution = session.scalar(offered) if row.solution_id else None
    named = select(Scenario).where(Scenario.code.in_(row.scenario_codes), Scenario.state == ScenarioState.PUBLISHED)
    scenarios = session.scalars(named.options(joinedload(Scenario.enterprise)).order_by(Scenario.code)).all()
    others = [code for code in row.scenario_codes if code not in {one.code for one in scenarios}]
    return Parties(
        [one for one in suppliers if one.state in SEARCHABLE],
        [one.name for one in suppliers if one.state not in SEARCHABLE],
        solution,
        row.solution.title if row.solution else "",
        scenarios,
        others,
    )


def related(session: Session, *where: ColumnElement[bool]) -> list[Shown]:
    """For the sections of other pages: the newest that are published."""
    return [shown(row, current_viewer()) for row in find_published(session, *where, most=MOST_RELATED)]


def applicant_of(session: Session, row: Showcase) -> int:
    return session.scalars(select(Project.organisation_id).where(Project.id == row.project_id)).one()
