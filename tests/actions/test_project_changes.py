"""Changes of a project under way: small ones at once, large ones by area and bureau, carried out in the transaction of the approval."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import project_changes
from marketplace.domain.project_changes import ChangeDraft, ChangeState
from marketplace.domain.projects import ProjectState
from marketplace.domain.providers import ProviderState
from marketplace.records.acceptances import Acceptance
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.organisations import Organisation
from marketplace.records.project_changes import ProjectChange
from marketplace.records.project_plans import ProjectIndicator
from marketplace.records.projects import Project, find_suppliers
from marketplace.records.providers import Provider
from tests.actions.accepting import Accepted, open_accepted
from tests.actions.supervising import PILOT, refused
from tests.actions.test_acceptances import both

LAST = PILOT.project.last_day


@pytest.fixture
def case(database: Database, tmp_path: Path) -> Accepted:
    """Agreed to end half a year before the pilot does, so that there is room for more time."""
    found = open_accepted(database, tmp_path / "files")
    found.world.day = LAST - timedelta(300)
    with database.writing() as session:
        row = session.get_one(Project, found.project)
        row.starts, row.ends = LAST - timedelta(500), LAST - timedelta(180)
    return found


def asked(case: Accepted, person: str = "enterprise", **values: object) -> int:
    draft = ChangeDraft(reason="设备交货推迟", **values)  # type: ignore[arg-type]
    return project_changes.request(case.database, case.project, draft, case.world.step(person)).id


def opined(case: Accepted, number: int, opinion: str = "support", person: str = "area") -> None:
    project_changes.opine(case.database, case.project, number, opinion, "情况属实", case.world.step(person))


def decided(case: Accepted, number: int, event: str = "approve", person: str = "bureau", why: str = "同意") -> None:
    project_changes.decide(case.database, case.project, number, event, why, case.world.step(person))


def row(case: Accepted, number: int) -> ProjectChange:
    with case.database.reading() as session:
        found = session.get_one(ProjectChange, number)
        session.expunge_all()
        return found


def project(case: Accepted) -> Project:
    with case.database.reading() as session:
        found = session.get_one(Project, case.project)
        session.expunge_all()
        return found


def newcomer(case: Accepted, state: ProviderState = ProviderState.ADMITTED) -> int:
    with case.database.writing() as session:
        unit = Organisation(name="后来 单位")
        session.add(unit)
        session.flush()
        provider = Provider(organisation=unit, local_office=True, source="t", source_ref="new", state=state)
        session.add(provider)
        session.flush()
        return provider.id


def test_a_small_one_is_put_on_record_and_done(case: Accepted) -> None:
    ends = LAST - timedelta(100)
    number = asked(case, kind="term", ends=ends)
    assert (row(case, number).state, project(case).ends) == (ChangeState.FILED, ends)
    number = asked(case, kind="investment", total_fen=550_000_000)
    assert (row(case, number).state, project(case).total_fen) == (ChangeState.FILED, 550_000_000)
    assert not {kind for kind, _whose in case.world.tasks() if kind in ("opine_change", "decide_change")}
    # What is left of the free margin is counted from what was agreed at first.
    number = asked(case, kind="investment", total_fen=610_000_000)
    assert row(case, number).state == ChangeState.REQUESTED


def test_a_large_one_by_area_and_bureau(case: Accepted) -> None:
    was = project(case).ends
    assert was is not None
    number = asked(case, kind="term", ends=was + timedelta(150))
    assert project(case).ends == was
    assert ("opine_change", "area") in case.world.tasks()
    assert refused(decided, case, number) == "wrong_state"
    for person in ("enterprise", "manager", "bureau", "supplier", "neighbour"):
        assert refused(opined, case, number, person=person) == "not_allowed", person
    assert refused(opined, case, number, "perhaps") == "no_opinion"
    opined(case, number, "object")
    assert ("decide_change", "bureau") in case.world.tasks()
    for person in ("enterprise", "manager", "area", "supplier", "neighbour"):
        assert refused(decided, case, number, person=person) == "not_allowed", person
    decided(case, number)
    found = row(case, number)
    assert (found.state, found.opinion, found.answer, found.extension) == (ChangeState.APPROVED, "object", "同意", True)
    assert project(case).ends == was + timedelta(150)
    # One extension, and no second one.
    assert refused(asked, case, kind="term", ends=was + timedelta(160)) == "too_many_extensions"
    assert refused(asked, case, kind="term", ends=LAST + timedelta(1)) == "after_the_pilot"
    with case.database.reading() as session:
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "project", HistoryEntry.verb == "change")).one()
        assert entry.after == {"ends": (was + timedelta(150)).isoformat()}
        assert find_broken_link(session) is None


def test_refused_with_a_reason(case: Accepted) -> None:
    number = asked(case, kind="scope", content="只做一半")
    opined(case, number)
    assert refused(decided, case, number, "refuse", why=" ") == "required"
    decided(case, number, "refuse", why="主要内容不能减")
    assert (row(case, number).state, project(case).plan.get("content")) == (ChangeState.REFUSED, None)


def test_the_content(case: Accepted) -> None:
    number = asked(case, kind="scope", content="加装视觉检测")
    opined(case, number)
    decided(case, number)
    assert project(case).plan["content"] == "加装视觉检测"


def test_targets(case: Accepted) -> None:
    number = asked(case, kind="indicators", targets={case.up: 110.0})
    opined(case, number)
    decided(case, number)
    with case.database.reading() as session:
        found = {one.public_id: one.target for one in session.scalars(select(ProjectIndicator))}
    assert found == {case.up: 110.0, case.down: 5.0}


def test_another_supplier(case: Accepted) -> None:
    number = asked(case, kind="provider", ends_supplier=case.part, provider_id=newcomer(case), part="接手软件", contract_fen=1_000)
    opined(case, number)
    decided(case, number)
    with case.database.reading() as session:
        now, ever = find_suppliers(session, case.project), find_suppliers(session, case.project, ended=True)
        assert [one.content for one in now] == ["接手软件"]
        assert {one.public_id: one.ended_on for one in ever}[case.part] == case.world.day
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "project_supplier")).all()
        assert sorted(verbs) == ["add", "end"]


def test_a_supplier_outside_the_pool(case: Accepted) -> None:
    provider = newcomer(case, ProviderState.RETIRED)
    assert refused(asked, case, kind="provider", ends_supplier=case.part, provider_id=provider, part="软件") == "not_in_pool"


def test_what_has_changed_since_it_was_asked_for(case: Accepted) -> None:
    """The supplier left the pool between the request and the approval: nothing is carried out, nothing half done stays."""
    provider = newcomer(case)
    number = asked(case, kind="provider", ends_supplier=case.part, provider_id=provider, part="软件")
    opined(case, number)
    with case.database.writing() as session:
        session.get_one(Provider, provider).state = ProviderState.RETIRED
    assert refused(decided, case, number) == "not_in_pool"
    assert row(case, number).state == ChangeState.OPINED
    with case.database.reading() as session:
        assert [one.public_id for one in find_suppliers(session, case.project)] == [case.part]


def test_withdrawn_and_one_at_a_time(case: Accepted) -> None:
    number = asked(case, kind="scope", content="新")
    assert refused(asked, case, kind="scope", content="又一个") == "change_waiting"
    assert refused(case.requested) == "acceptance_incomplete", "what is to change is settled before acceptance"
    assert case.count(Acceptance) == 0
    project_changes.withdraw(case.database, case.project, number, case.world.step("enterprise"))
    assert row(case, number).state == ChangeState.WITHDRAWN
    asked(case, kind="scope", content="又一个")


@pytest.mark.parametrize("person", ["neighbour", "supplier", "area", "manager", "bureau", "centre"])
def test_only_the_applicant_asks(case: Accepted, person: str) -> None:
    assert refused(asked, case, person, kind="scope", content="新") == "not_allowed"


def test_not_while_it_is_being_accepted(case: Accepted) -> None:
    case.requested()
    assert case.world.state() == ProjectState.FORMAL_REVIEW
    assert refused(asked, case, kind="scope", content="新") == "not_under_way"


def test_an_ended_project_asks_for_nothing(case: Accepted) -> None:
    number = asked(case, kind="scope", content="新")
    case.answered(case.proposed("terminate"))
    assert row(case, number).state == ChangeState.WITHDRAWN
    assert case.world.tasks() == set()


def test_two_at_once(case: Accepted) -> None:
    number = asked(case, kind="scope", content="新")
    opined(case, number)
    done = both(lambda: decided(case, number), lambda: decided(case, number, "refuse", "bureau2", "不"))
    assert (done[0], done[1]) == ("", "wrong_state")
    done = both(
        lambda: asked(case, kind="indicators", targets={case.up: 90.0}), lambda: asked(case, kind="indicators", targets={case.up: 95.0})
    )
    assert done == ["", "change_waiting"]


def test_what_was_not_seen_is_not_overwritten(case: Accepted) -> None:
    """A page opened before a change was carried out asks for another one: it is told first."""
    asked(case, kind="investment", total_fen=510_000_000)
    with case.database.reading() as session:
        query = select(HistoryEntry.id).where(HistoryEntry.noun == "project", HistoryEntry.verb == "change")
        seen = session.scalars(query).one()
    asked(case, kind="investment", total_fen=520_000_000)
    late = ChangeDraft(kind="scope", reason="r", content="新")
    step = case.world.step("colleague", seen=seen)
    assert refused(project_changes.request, case.database, case.project, late, step) == "changed_meanwhile"
