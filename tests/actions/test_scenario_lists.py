"""Scenario lists as a whole, an enterprise's consent, groups, and typical scenarios that people make of clusters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import distillations, groups, scenario_consents, scenario_lists
from marketplace.domain.access import Role
from marketplace.domain.distillations import ClusterDraft, ClusterState
from marketplace.domain.groups import GroupDraft
from marketplace.domain.scenario_lists import ScenarioListDraft, ScenarioListState
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.records.database import Database
from marketplace.records.distillations import Distillation, ScenarioCluster
from marketplace.records.enterprises import Enterprise
from marketplace.records.groups import find_members, find_wish
from marketplace.records.history import find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.scenario_lists import ScenarioList, find_consent
from marketplace.records.scenarios import Scenario, find_scenario
from tests.actions.people import Market, open_market
from tests.actions.test_diagnosis_lists import of_own, refusal, someone
from tests.conftest import NOW

TODAY = NOW.date()


@pytest.fixture
def market(database: Database) -> Market:
    return open_market(database, scenario=ScenarioState.DRAFT)


def scenario(database: Database, code: str, *, enterprise: int | None = None, state: ScenarioState = ScenarioState.DRAFT) -> int:
    with database.writing() as session:
        kind = ScenarioKind.INDIVIDUAL if enterprise else ScenarioKind.TYPICAL
        row = Scenario(code=code, kind=kind, sector="chem", name=code, enterprise_id=enterprise, state=state, source="t", source_ref=code)
        session.add(row)
        session.flush()
        return row.id


def states(database: Database, *codes: str) -> list[str]:
    with database.reading() as session:
        found = [find_scenario(session, code) for code in codes]
        return [row.state.value for row in found if row]


def written(database: Database, market: Market, batch: int, *codes: str) -> int:
    draft = ScenarioListDraft(batch, f"应用场景清单（第 {batch} 批）", "", codes)
    return scenario_lists.create(database, draft, viewer=someone(market, Role.MANAGER), at=NOW).id


def test_a_list_is_issued_and_withdrawn_as_a_whole(database: Database, market: Market) -> None:
    for code in ("A-1", "A-2", "A-3"):
        scenario(database, code)
    bureau = someone(market, Role.BUREAU)
    first, second = written(database, market, 1, "A-1", "A-2"), written(database, market, 2, "A-2", "A-3")
    empty = written(database, market, 3)
    assert refusal(scenario_lists.issue, database, empty, viewer=bureau, at=NOW, today=TODAY) == "empty_list"
    for person in (someone(market, Role.PROVIDER), someone(market, Role.ENTERPRISE), someone(market, Role.EXPERT)):
        assert refusal(scenario_lists.issue, database, first, viewer=person, at=NOW, today=TODAY) == "not_allowed"
    for number in (first, second):
        scenario_lists.issue(database, number, viewer=bureau, at=NOW, today=TODAY)
    assert states(database, "A-1", "A-2", "A-3") == ["published"] * 3
    assert refusal(scenario_lists.withdraw, database, first, viewer=bureau, at=NOW, why=" ") == "required"
    scenario_lists.withdraw(database, first, viewer=bureau, at=NOW, why="文件作废")
    # What another issued list has too stays.
    assert states(database, "A-1", "A-2", "A-3") == ["withdrawn", "published", "published"]
    with database.reading() as session:
        gone = find_scenario(session, "A-1")
        assert gone is not None
        queued = session.get_one(QueuedThing, ("scenario", gone.id))
        assert queued.wanted > queued.indexed
        assert find_broken_link(session) is None


def test_a_new_batch_takes_the_place_of_an_old_one(database: Database, market: Market) -> None:
    for code in ("B-1", "B-2", "B-3"):
        scenario(database, code)
    manager = someone(market, Role.MANAGER)
    old, new = written(database, market, 1, "B-1", "B-2"), written(database, market, 2, "B-2", "B-3")
    scenario_lists.issue(database, old, viewer=manager, at=NOW, today=TODAY)
    scenario_lists.issue(database, new, viewer=manager, at=NOW, today=TODAY, supersedes=old)
    assert states(database, "B-1", "B-2", "B-3") == ["withdrawn", "published", "published"]
    with database.reading() as session:
        assert session.get_one(ScenarioList, old).state == ScenarioListState.SUPERSEDED
    # Nothing of it is changed any more, nor superseded twice.
    draft = ScenarioListDraft(2, "改名", "", ("B-1",))
    assert refusal(scenario_lists.change, database, new, draft, viewer=manager, at=NOW) == "list_issued"
    third = written(database, market, 3, "B-1")
    assert refusal(scenario_lists.issue, database, third, viewer=manager, at=NOW, today=TODAY, supersedes=old) == "wrong_state"
    assert states(database, "B-1") == ["withdrawn"]


def test_batches_have_one_number_and_known_scenarios(database: Database, market: Market) -> None:
    written(database, market, 1)
    manager = someone(market, Role.MANAGER)
    again, unknown = ScenarioListDraft(1, "又一批"), ScenarioListDraft(2, "第二批", "", ("X-1",))
    assert refusal(scenario_lists.create, database, again, viewer=manager, at=NOW) == "batch_taken"
    assert refusal(scenario_lists.create, database, unknown, viewer=manager, at=NOW) == "unknown_scenario"
    assert refusal(scenario_lists.create, database, ScenarioListDraft(None, "无批次"), viewer=manager, at=NOW) == "not_a_batch"


def test_an_enterprises_own_scenario_needs_its_consent_and_leaves_with_it(database: Database, market: Market) -> None:
    number = scenario(database, "P-1", enterprise=market.enterprise)
    manager, own = someone(market, Role.MANAGER), of_own(database, market)
    listed = written(database, market, 1, "P-1")
    assert refusal(scenario_lists.issue, database, listed, viewer=manager, at=NOW, today=TODAY) == "no_consent"
    for person in (manager, someone(market, Role.CENTRE), someone(market, Role.ENTERPRISE), market.other_enterprise_person):
        assert refusal(scenario_consents.agree, database, number, viewer=person, at=NOW) == "not_allowed"
    assert scenario_consents.agree(database, number, viewer=own, at=NOW)
    assert not scenario_consents.agree(database, number, viewer=own, at=NOW)
    scenario_lists.issue(database, listed, viewer=manager, at=NOW, today=TODAY)
    assert states(database, "P-1") == ["published"]
    assert scenario_consents.take_back(database, number, viewer=own, at=NOW)
    assert states(database, "P-1") == ["withdrawn"]
    assert not scenario_consents.take_back(database, number, viewer=own, at=NOW)
    with database.reading() as session:
        assert find_consent(session, number) is None


def test_a_chain_keeps_its_leader_and_a_park_takes_who_lies_in_it(database: Database, market: Market) -> None:
    centre = someone(market, Role.CENTRE)
    with database.writing() as session:
        leader = session.get_one(Enterprise, market.enterprise)
        leader.area = "nangang"
        key = leader.public_id
    assert refusal(groups.create, database, GroupDraft("chain", "树脂链"), viewer=centre, at=NOW) == "required"
    assert (
        refusal(groups.create, database, GroupDraft("chain", "树脂链", leader=key), viewer=someone(market, Role.MANAGER), at=NOW)
        == "not_allowed"
    )
    chain = groups.create(database, GroupDraft("chain", "树脂链", leader=key), viewer=centre, at=NOW)
    park = groups.create(database, GroupDraft("park", "南港", area="nangang"), viewer=centre, at=NOW)
    assert refusal(groups.create, database, GroupDraft("park", "南港", area="nangang"), viewer=centre, at=NOW) == "name_taken"
    other = open_market(database)
    with database.reading() as session:
        beside = session.get_one(Enterprise, other.enterprise).public_id
        assert [[one.enterprise_id for one in find_members(session, group.id)] for group in (chain, park)] == [[market.enterprise]] * 2
    assert groups.add_member(database, chain.id, beside, viewer=centre, at=NOW)
    assert not groups.add_member(database, chain.id, beside, viewer=centre, at=NOW)
    assert refusal(groups.add_member, database, chain.id, "没有", viewer=centre, at=NOW) == "unknown_enterprise"
    assert refusal(groups.remove_member, database, chain.id, market.enterprise, viewer=centre, at=NOW) == "leader_stays"
    assert groups.remove_member(database, chain.id, other.enterprise, viewer=centre, at=NOW)


def test_an_enterprise_says_where_it_wants_to_go(database: Database, market: Market) -> None:
    own = of_own(database, market)
    groups.wish(database, market.enterprise, ["green", "safe", "green"], note="先减碳", viewer=own, at=NOW)
    assert (
        refusal(groups.wish, database, market.enterprise, ["safe"], note="", viewer=market.other_enterprise_person, at=NOW) == "not_allowed"
    )
    groups.wish(database, market.enterprise, ["safe"], note="先减碳", viewer=someone(market, Role.CENTRE), at=NOW)
    with database.reading() as session:
        found = find_wish(session, market.enterprise)
        assert found is not None
        assert (found.orientations, found.note) == (["safe"], "先减碳")


def clusters(database: Database, market: Market, *enterprises: int) -> list[int]:
    run = distillations.begin(database, "chem", viewer=someone(market, Role.CENTRE), at=NOW)
    found = [distillations.Found(f"类 {place}", ["停机"], [market.problem], count) for place, count in enumerate(enterprises)]
    with database.writing() as session:
        distillations.note_clusters(session, session.get_one(Distillation, run.id), found, problems=9, enterprises=5, at=NOW)
    with database.reading() as session:
        return list(
            session.scalars(select(ScenarioCluster.id).where(ScenarioCluster.distillation_id == run.id).order_by(ScenarioCluster.id))
        )


def test_clusters_are_merged_named_and_published_by_a_person(database: Database, market: Market) -> None:
    centre = someone(market, Role.CENTRE)
    first, second, third = clusters(database, market, 2, 2, 2)
    assert refusal(distillations.begin, database, "chem", viewer=centre, at=NOW) == "already_asked"
    assert refusal(distillations.merge, database, first, first, enterprises=4, viewer=centre, at=NOW) == "cannot_merge"
    distillations.change(database, second, ClusterDraft("压缩机预测性维护", "说明", "equipment", "intelligent"), viewer=centre, at=NOW)
    key: dict[str, Any] = {"code": "CHEM-90", "sector": "chem", "typical": ["压缩机没有征兆就停车"], "viewer": centre, "at": NOW}
    assert refusal(distillations.publish, database, second, **key) == "too_few_enterprises"
    distillations.merge(database, first, second, enterprises=4, viewer=centre, at=NOW)
    assert refusal(distillations.publish, database, second, **{**key, "viewer": someone(market, Role.MANAGER)}) == "not_allowed"
    made = distillations.publish(database, second, **key)
    assert (made.state, made.name, made.stage, made.orientations) == (
        ScenarioState.PUBLISHED,
        "压缩机预测性维护",
        "equipment",
        ["intelligent"],
    )
    distillations.set_aside(database, third, viewer=centre, at=NOW)
    distillations.take_up(database, third, viewer=centre, at=NOW)
    assert refusal(distillations.change, database, first, ClusterDraft("晚了"), viewer=centre, at=NOW) == "cluster_moved"
    with database.reading() as session:
        rows = [session.get_one(ScenarioCluster, number) for number in (first, second, third)]
        assert [row.state for row in rows] == [ClusterState.MERGED, ClusterState.PUBLISHED, ClusterState.PROPOSED]
        assert rows[1].scenario_id == made.id
        assert session.get_one(QueuedThing, ("scenario", made.id)).wanted
        assert find_broken_link(session) is None


def test_a_code_is_given_once(database: Database, market: Market) -> None:
    (only,) = clusters(database, market, 3)
    scenario(database, "CHEM-91")
    key: dict[str, Any] = {"code": "CHEM-91", "sector": "chem", "typical": [], "viewer": replace(someone(market, Role.ADMIN)), "at": NOW}
    assert refusal(distillations.publish, database, only, **key) == "code_taken"
