"""Showcases on both kinds of database: what is drafted, who agrees to what, who lets it out, and how it goes away again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from marketplace.actions import showcases
from marketplace.actions.showcases import Step
from marketplace.actions.showcases_text import typed_of
from marketplace.domain.access import ANYONE
from marketplace.domain.projects import ProjectState
from marketplace.domain.showcases import Answer, ShowcaseState
from marketplace.records.acceptances import Acceptance
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.projects import Project, ProjectMember
from marketplace.records.showcases import Showcase, find_showcase, find_showcase_consents, readable_showcases
from marketplace.records.tasks import Task
from tests.actions.brokering import PILOT, SECRET, refused
from tests.actions.projecting import WAN, Site, open_site
from tests.conftest import NOW

MEASURE = {"name": "停机", "unit": "小时/月", "baseline": 26, "measured": 8, "target": 10}
# What has nothing to do with the kind of database is asked of one.
ONE_KIND = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_site(database, tmp_path)


def step(site: Site, person: str, seen: int | None = None) -> Step:
    usual = site.step(person)
    return Step(usual.viewer, usual.at, usual.today, PILOT.showcase, seen)


def accepted(site: Site) -> int:
    """A project that passed; how it came there is the matter of other tests."""
    number = site.filled()
    with site.database.writing() as session:
        session.execute(update(Project).where(Project.id == number).values(state=ProjectState.PASSED))
        row = Acceptance(project_id=number, number=1, summary="运行三个月，停机减少。", created=NOW, measures=[MEASURE])
        session.add(row)
    return number


def nominated(site: Site) -> int:
    return showcases.nominate(site.database, accepted(site), step(site, "centre")).id


def found(site: Site, number: int) -> Showcase:
    with site.database.reading() as session:
        row = session.get_one(Showcase, number)
        session.expunge_all()
        return row


def unit(site: Site, name: str) -> int:
    with site.database.reading() as session:
        return session.scalars(select(Organisation.id).where(Organisation.name == name)).one()


def agreed(site: Site, number: int, *, show_name: bool = False, show_cost: bool = False) -> None:
    showcases.ask(site.database, number, step(site, "centre"))
    own = step(site, "enterprise")
    showcases.answer(site.database, number, site.organisation, agrees=True, show_name=show_name, show_cost=show_cost, step=own)
    showcases.answer(site.database, number, unit(site, "first 单位"), agrees=True, step=step(site, "first"))


def waiting(site: Site, number: int) -> list[tuple[str, str]]:
    with site.database.reading() as session:
        units = {row.id: row.name for row in session.scalars(select(Organisation))}
        query = select(Task).where(Task.noun == "showcase", Task.noun_id == number, Task.done_at.is_(None))
        return sorted((row.kind, units.get(row.organisation_id or 0) or row.role) for row in session.scalars(query))


@ONE_KIND
def test_drafted_from_what_the_platform_knows(site: Site) -> None:
    row = found(site, nominated(site))
    assert (row.number, row.state, row.title) == (f"AL-{site.day.year}-0001", ShowcaseState.DRAFT, "压床改造")
    assert "压床老停机" in row.problem
    assert "换压床，加传感器" in row.approach
    assert row.effects == [{"name": "停机", "unit": "小时/月", "before": 26, "after": 8}]
    assert (row.level, row.sector, row.cost_fen, row.effect_note) == ("point", "auto", 500 * WAN, "运行三个月，停机减少。")
    assert [one["name"] for one in row.templates] == [one.name for one in PILOT.showcase.templates]
    assert not row.show_name
    assert not row.show_cost


@ONE_KIND
def test_only_accepted_projects_once_and_only_by_the_offices(site: Site) -> None:
    project = site.filled()
    assert refused(showcases.nominate, site.database, project, step(site, "centre")) == "not_accepted"
    number = nominated(site)
    assert refused(showcases.nominate, site.database, found(site, number).project_id, step(site, "manager")) == "nominated"
    for person in ("enterprise", "first", "area", "finance", "expert"):
        assert refused(showcases.nominate, site.database, project, step(site, person)) == "not_allowed", person


def test_from_draft_to_published_with_one_entry_a_step(site: Site) -> None:
    number = nominated(site)
    agreed(site, number, show_name=True)
    assert found(site, number).state == ShowcaseState.REVIEWING
    assert waiting(site, number) == [("showcase_review", "bureau"), ("showcase_review", "manager")]
    showcases.move(site.database, number, "publish", step(site, "bureau"))
    assert site.history("showcase", number) == ["create", "ask", "consent", "consent", "agree", "publish"]
    row = found(site, number)
    assert (row.state, row.published_on, row.show_name, row.show_cost) == (ShowcaseState.PUBLISHED, site.day, True, False)
    assert waiting(site, number) == []
    assert "标杆案例“{title}”已公开发布。" in site.told("enterprise")
    assert "标杆案例“{title}”已公开发布。" in site.told("first")


@ONE_KIND
def test_each_party_is_asked_and_answers_for_itself_only(site: Site) -> None:
    number = nominated(site)
    showcases.ask(site.database, number, step(site, "centre"))
    assert waiting(site, number) == sorted([("showcase_consent", SECRET), ("showcase_consent", "first 单位")])
    own, other = site.organisation, unit(site, "first 单位")
    for person, organisation in (
        ("second", other),
        ("stranger", own),
        ("first", own),
        ("enterprise", other),
        ("reader", own),
        ("bureau", own),
    ):
        assert refused(showcases.answer, site.database, number, organisation, agrees=True, step=step(site, person)) == "not_allowed", person
    # A supplier cannot let out what is the enterprise's to say.
    showcases.answer(site.database, number, other, agrees=True, show_name=True, show_cost=True, step=step(site, "first"))
    assert (found(site, number).show_name, found(site, number).show_cost) == (False, False)
    assert refused(showcases.answer, site.database, number, other, agrees=True, step=step(site, "first")) == "not_asked"
    assert waiting(site, number) == [("showcase_consent", SECRET)]
    assert refused(showcases.move, site.database, number, "publish", step(site, "bureau")) == "wrong_state"


@ONE_KIND
def test_the_centre_enters_what_was_said_on_paper_and_by_which(site: Site) -> None:
    number = nominated(site)
    showcases.ask(site.database, number, step(site, "centre"))
    other, centre = unit(site, "first 单位"), step(site, "centre")
    assert refused(showcases.answer, site.database, number, other, agrees=True, step=centre) == "way_missing"
    showcases.answer(site.database, number, other, agrees=True, way="盖章回函 3 号", step=centre)
    with site.database.reading() as session:
        assert [row.why for row in find_showcase_consents(session, number)] == ["", "盖章回函 3 号"]
    assert site.history("showcase", number)[-1] == "consent"


@ONE_KIND
def test_who_declines_says_why_and_is_asked_again_after_the_change(site: Site) -> None:
    number = nominated(site)
    showcases.ask(site.database, number, step(site, "centre"))
    own = step(site, "enterprise")
    assert refused(showcases.answer, site.database, number, site.organisation, agrees=False, step=own) == "reason_missing"
    showcases.answer(site.database, number, site.organisation, agrees=False, why="数字不对", step=own)
    assert found(site, number).state == ShowcaseState.DRAFT
    assert waiting(site, number) == []
    draft = replace(typed_of(found(site, number)), effect_note="已核对。")
    showcases.change(site.database, number, draft, step(site, "centre"))
    agreed(site, number)
    assert found(site, number).state == ShowcaseState.REVIEWING


def test_what_was_agreed_to_cannot_be_changed(site: Site) -> None:
    number = nominated(site)
    agreed(site, number)
    draft = replace(typed_of(found(site, number)), title="另一个说法")
    assert refused(showcases.change, site.database, number, draft, step(site, "centre")) == "not_a_draft"
    showcases.move(site.database, number, "send_back", step(site, "bureau"), why="请写短些")
    showcases.change(site.database, number, draft, step(site, "centre"))
    # The old answers were to other words.
    showcases.ask(site.database, number, step(site, "centre"))
    with site.database.reading() as session:
        assert {row.answer for row in find_showcase_consents(session, number)} == {Answer.ASKED}


@ONE_KIND
def test_an_amount_in_the_text_needs_the_enterprises_consent(site: Site) -> None:
    number = nominated(site)
    draft = replace(typed_of(found(site, number)), experience="总投资 500 万元，两年收回。")
    showcases.change(site.database, number, draft, step(site, "centre"))
    showcases.ask(site.database, number, step(site, "centre"))
    own = step(site, "enterprise")
    assert refused(showcases.answer, site.database, number, site.organisation, agrees=True, step=own) == "cost_in_text"
    showcases.answer(site.database, number, site.organisation, agrees=True, show_cost=True, step=own)
    assert found(site, number).show_cost


def test_enterprises_that_took_part_are_not_named_and_are_asked_too(site: Site) -> None:
    number = nominated(site)
    with site.database.writing() as session:
        other = session.scalars(select(Organisation).where(Organisation.name == "天津旁观化工有限公司")).one()
        member = session.scalars(select(Enterprise.id).where(Enterprise.organisation_id == other.id)).one()
        session.add(ProjectMember(project_id=found(site, number).project_id, enterprise_id=member, share=0.2))
    draft = typed_of(found(site, number))
    showcases.change(site.database, number, replace(draft, experience="和天津旁观化工一起做。"), step(site, "centre"))
    assert refused(showcases.ask, site.database, number, step(site, "centre")) == "member_named"
    showcases.change(site.database, number, replace(draft, experience="和一家化工企业一起做。"), step(site, "centre"))
    agreed(site, number)
    assert waiting(site, number) == [("showcase_consent", "天津旁观化工有限公司")]
    showcases.answer(site.database, number, other.id, agrees=True, step=step(site, "stranger"))
    assert found(site, number).state == ShowcaseState.REVIEWING


@ONE_KIND
def test_whoever_wrote_it_does_not_publish_it(site: Site) -> None:
    project = accepted(site)
    number = showcases.nominate(site.database, project, step(site, "bureau")).id
    agreed(site, number)
    assert refused(showcases.move, site.database, number, "publish", step(site, "bureau")) == "same_person"
    assert refused(showcases.move, site.database, number, "publish", step(site, "centre")) == "not_allowed"
    showcases.move(site.database, number, "publish", step(site, "manager"))


def test_a_party_takes_its_consent_back_and_nobody_reads_it_any_more(site: Site) -> None:
    number = nominated(site)
    agreed(site, number)
    showcases.move(site.database, number, "publish", step(site, "bureau"))
    public = found(site, number).public_id
    with site.database.reading() as session:
        assert find_showcase(session, public, ANYONE) is not None
    other = unit(site, "first 单位")
    assert refused(showcases.revoke, site.database, number, other, step(site, "first"), why=" ") == "reason_missing"
    assert refused(showcases.revoke, site.database, number, other, step(site, "second"), why="换产品") == "not_allowed"
    showcases.revoke(site.database, number, other, step(site, "first"), why="换产品")
    with site.database.reading() as session:
        assert find_showcase(session, public, ANYONE) is None
        assert find_showcase(session, public, site.step("enterprise").viewer) is None
        assert find_showcase(session, public, site.step("centre").viewer) is not None
    # Begun anew, it is asked about anew.
    showcases.move(site.database, number, "reopen", step(site, "centre"))
    assert refused(showcases.move, site.database, number, "publish", step(site, "bureau")) == "wrong_state"


def test_who_reads_what_is_not_public(site: Site) -> None:
    number = nominated(site)

    def readers() -> set[str]:
        with site.database.reading() as session:
            people = {name: site.world.people[name] for name in ("centre", "bureau", "enterprise", "first", "second", "stranger", "area")}
            query = select(Showcase.id).where(Showcase.id == number)
            return {name for name, viewer in people.items() if session.scalar(query.where(readable_showcases(viewer)))}

    assert readers() == {"centre", "bureau"}
    showcases.ask(site.database, number, step(site, "centre"))
    assert readers() == {"centre", "bureau", "enterprise", "first"}
    showcases.move(site.database, number, "take_back", step(site, "centre"))
    assert readers() == {"centre", "bureau"}


def test_two_at_one_showcase(site: Site) -> None:
    number = nominated(site)
    seen = site.entries()
    draft = typed_of(found(site, number))
    showcases.change(site.database, number, replace(draft, title="甲"), step(site, "centre", seen))
    assert refused(showcases.change, site.database, number, replace(draft, title="乙"), step(site, "bureau", seen)) == "changed_meanwhile"
    assert refused(showcases.move, site.database, number, "withdraw", step(site, "centre")) == "reason_missing"
    showcases.move(site.database, number, "withdraw", step(site, "centre"), why="另选项目")
    assert found(site, number).state == ShowcaseState.WITHDRAWN
