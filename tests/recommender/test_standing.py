"""What the pool has decided moves recommendations: a warning puts behind neighbours, a break takes out until its last day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import ProviderState
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.site import Site
from recommender.ask import Ask
from recommender.ranking import BUSINESS
from recommender.records import ask_of

SAMPLE = 24


def change(site: Site, provider_id: int, **values: object) -> None:
    with site.database.writing() as session:
        session.execute(update(Provider).where(Provider.id == provider_id).values(**values))


def asks(site: Site) -> list[Ask]:
    with site.database.reading() as session:
        rows = session.scalars(select(Problem).where(Problem.state == ProblemState.OPEN).order_by(Problem.id)).all()
        return [ask_of(row) for row in rows[:: max(1, len(rows) // SAMPLE)]]


def test_a_warning_costs_its_weight_and_hides_nobody(own_demo: Site) -> None:
    weight, family = BUSINESS["standing"]
    moved: list[int] = []
    for ask in asks(own_demo):
        before = own_demo.recommender.recommend(ask, limit=20).matches
        first = before[0]
        with own_demo.database.reading() as session:
            state = session.get_one(Provider, first.provider_id).state
        if state != ProviderState.ADMITTED:
            continue
        change(own_demo, first.provider_id, state=ProviderState.WARNED)
        after = own_demo.recommender.recommend(ask, limit=20).matches
        same = next(match for match in after if match.solution_id == first.solution_id)
        moved.append(same.rank - 1)
        # Neither more nor less than the page about ranking says, unless the score ended at 1.
        assert same.score == pytest.approx(first.score - weight, abs=1e-4) or first.score > 1 - weight
        assert same.features[f"share_{family}"] == -weight
        assert any(reason.code == "warned" for reason in same.reasons)
        change(own_demo, first.provider_id, state=ProviderState.ADMITTED)
    assert len(moved) > SAMPLE // 2
    # It loses its place to near neighbours, and stays in the list for whoever has no other.
    assert sum(moved) > 0
    assert max(moved) < 10


def test_a_break_ends_after_its_last_day(own_demo: Site) -> None:
    ask, recommender = asks(own_demo)[0], own_demo.recommender
    today = recommender._today()
    first = recommender.recommend(ask).matches[0]

    def found() -> bool:
        return first.provider_id in {match.provider_id for match in recommender.recommend(ask, limit=20).matches}

    assert found()
    change(own_demo, first.provider_id, no_orders_until=today)
    assert not found()
    assert recommender.demands(first.provider_id) == []
    change(own_demo, first.provider_id, no_orders_until=today - timedelta(days=1))
    assert found()
