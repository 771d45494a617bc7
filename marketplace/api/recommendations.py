"""From a problem, a stored problem or a whole list to ranked solutions and providers with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Discriminator, Field, RootModel, Tag
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace.api import models as out
from marketplace.api import shown
from marketplace.api.enterprises import ask_of
from marketplace.api.operation import Model, operation, refuse_field
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import _
from marketplace.domain.money import fen_from_wan
from marketplace.domain.problems import ProblemDraft, check
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.problems import Problem
from marketplace.records.readable import readable_problems
from marketplace.site import Site, current_site
from recommender.recommend import Ask

MOST_PROBLEMS = 50


class Budget(Model):
    """A budget in 万元, either end open."""

    low: float | None = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)
    high: float | None = Field(None, ge=0, le=100_000_000, allow_inf_nan=False)


class ProblemIn(Model):
    """A problem in one's own words. What is not said is understood from the text where it can be."""

    text: str = Field(min_length=1, max_length=10_000, pattern=r"\w")
    key: str | None = Field(None, min_length=1, max_length=64)
    """How the answer shall call it; by default its place in the list."""
    sector: str | None = Field(None, max_length=64)
    stage: str | None = Field(None, max_length=64)
    orientation: str | None = Field(None, max_length=64)
    budget_wan: Budget | None = None
    weeks: int | None = Field(None, ge=0, le=1000)


class OneProblem(Model):
    problem: ProblemIn
    limit: int = Field(10, ge=1, le=50)
    by_outcomes: bool = True
    """False: past matches do not move the order."""


class StoredProblem(Model):
    problem_id: str = Field(min_length=1, max_length=128)
    """The id of a problem, or the number that its source gave it."""
    limit: int = Field(10, ge=1, le=50)
    by_outcomes: bool = True
    """False: past matches do not move the order."""


class ProblemSheet(Model):
    problems: list[ProblemIn] = Field(min_length=1, max_length=MOST_PROBLEMS)
    limit: int = Field(10, ge=1, le=50)
    by_outcomes: bool = True
    """False: past matches do not move the order."""


def _which(given: Any) -> str:
    """Which of the three was meant, so that only its own mistakes are told."""
    keys = given if isinstance(given, dict) else ()
    return next((name for name in ("problem_id", "problems") if name in keys), "problem")


class RecommendBody(
    RootModel[
        Annotated[
            Annotated[OneProblem, Tag("problem")] | Annotated[StoredProblem, Tag("problem_id")] | Annotated[ProblemSheet, Tag("problems")],
            Discriminator(_which),
        ]
    ]
):
    """One problem, or a stored one, or a list."""


class RecommendOut(Model):
    results: list[out.RecommendationOut]


@permission("recommend", "problem")
@operation(
    "/recommend",
    method="POST",
    summary="Solutions and providers for a problem, a stored problem, or a list of problems",
    tag="recommend",
    body=RecommendBody,
    answer=RecommendOut,
    faults=(404,),
)
def recommend(body: RecommendBody) -> RecommendOut:
    site, asked = current_site(), body.root
    if isinstance(asked, StoredProblem):
        asks = [_stored(site, asked.problem_id)]
    elif isinstance(asked, OneProblem):
        asks = [ask_from(site, asked.problem, "0", "body.problem")]
    else:
        asks = [ask_from(site, one, str(place), f"body.problems.{place}") for place, one in enumerate(asked.problems)]
        keys = [ask.key for ask in asks]
        if len(set(keys)) < len(keys):
            refuse_field("body.problems", "repeated_key", _("两个问题用了同一个 key，请改成不同的。"))
    asks = [replace(ask, by_outcomes=asked.by_outcomes) for ask in asks]
    return recommend_out(site, asks, limit=asked.limit, viewer=current_viewer())


def recommend_out(site: Site, asks: Sequence[Ask], *, limit: int, viewer: Viewer) -> RecommendOut:
    found = site.recommender.recommend_many(asks, limit=limit)
    with site.database.reading() as session:
        return RecommendOut(results=[shown.recommendation_out(session, ask.key, ask.text, found[ask.key], viewer) for ask in asks])


def ask_from(site: Site, one: ProblemIn, place: str, path: str) -> Ask:
    """A typed problem as it is asked; the same check as on the page."""
    budget = one.budget_wan or Budget()
    low, high = (None if wan is None else fen_from_wan(wan) for wan in (budget.low, budget.high))
    for name, refused in check(ProblemDraft(text=one.text, budget_low_fen=low, budget_high_fen=high)):
        refuse_field(f"{path}.{name}", refused.code, refused.message, **refused.values)
    sector, stage, orientation = (
        key_of_word(site, kind, getattr(one, kind), f"{path}.{kind}") for kind in ("sector", "stage", "orientation")
    )
    text = one.text.replace("\0", " ")
    return Ask(
        key=one.key or place,
        text=text,
        sector=sector,
        stage=stage,
        orientation=orientation,
        budget_low_fen=low,
        budget_high_fen=high,
        weeks=one.weeks,
    )


def key_of_word(site: Site, kind: str, word: str | None, field: str) -> str | None:
    """The pilot's key of a word; an unknown word is refused together with what may be meant."""
    if not word:
        return None
    found = site.pilot.find(kind, word)
    if found is None:
        near = site.pilot.suggestions(kind, word) or tuple(term.name for term in site.pilot.terms(kind))
        refuse_field(field, "unknown_word", _("没有“{word}”，可填：{near}。"), word=word[:30], near="、".join(near))
    return found.key


def _stored(site: Site, key: str) -> Ask:
    """A stored problem of which the viewer is told everything; any other is as absent as one that never was."""
    viewer = current_viewer()
    with site.database.reading() as session:
        row = session.scalars(
            select(Problem)
            .where((Problem.public_id == key) | (Problem.source_ref == key), readable_problems(viewer))
            .options(joinedload(Problem.enterprise))
            .order_by(Problem.id)
        ).first()
        if row is None or not shown.find_told(session, viewer, site.pilot).everything(row):
            not_found()
        return ask_of(row)
