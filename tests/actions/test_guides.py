"""Guides on both kinds of database: who may, what is fixed once published, and what becomes of drafts when one is closed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import guides, project_submission, projects
from marketplace.actions.guides import close_ended_guides
from marketplace.domain.guides import GuideState
from marketplace.domain.projects import ProjectState
from marketplace.records.database import Database
from marketplace.records.guides import Guide
from marketplace.records.projects import Project
from tests.actions.brokering import refused
from tests.actions.projecting import Site, open_site


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_site(database, tmp_path)


def test_only_the_bureau_writes_and_moves_guides(site: Site) -> None:
    number = guides.create(site.database, site.guide_draft(), site.step("bureau")).id
    for person in ("enterprise", "first", "centre", "manager", "area", "finance", "expert"):
        before = site.entries()
        assert refused(guides.create, site.database, site.guide_draft(), site.step(person)) == "not_allowed"
        assert refused(guides.change, site.database, number, site.guide_draft(), site.step(person)) == "not_allowed"
        for verb in (guides.publish, guides.close, guides.announce):
            assert refused(verb, site.database, number, site.step(person)) in ("not_allowed", "wrong_state"), (verb, person)
        assert site.entries() == before
    assert site.guide_state(number) == GuideState.DRAFT


def test_from_draft_to_announced_with_a_number_and_one_entry_a_step(site: Site) -> None:
    number = site.guide()
    with site.database.reading() as session:
        assert session.get_one(Guide, number).number == f"ZN-{site.day.year}-0001"
    project = site.submitted()
    own = site.project(project).guide_id
    assert own is not None
    guides.close(site.database, own, site.step("bureau"))
    assert refused(guides.announce, site.database, own, site.step("bureau")) == "undecided"
    project_submission.withdraw(site.database, project, site.step("enterprise"), why="改期")
    guides.announce(site.database, own, site.step("bureau"))
    assert site.history("guide", own) == ["create", "publish", "close", "announce"]
    assert "申报指南“{title}”的结果已公布。" in site.told("enterprise")
    assert "新的申报指南：{title}，{closes} 24:00 截止。" in site.told("area")


def test_a_published_guide_keeps_what_people_apply_by(site: Site) -> None:
    number, step = site.guide(), site.step("bureau")
    for values in ({"conditions": ()}, {"project_class": "other"}, {"documents": ("licence",)}, {"opens": site.day - timedelta(1)}):
        assert refused(guides.change, site.database, number, site.guide_draft(**values), step) == "guide_fixed", values
    assert (
        refused(guides.change, site.database, number, site.guide_draft(opens=site.day, closes=site.day - timedelta(1)), step)
        == "closes_before_it_opens"
    )
    site.begun(number)
    guides.change(site.database, number, site.guide_draft(closes=site.day + timedelta(40), text="再长一些。"), step)
    assert site.history("guide", number) == ["create", "publish", "change"]
    assert "申报指南“{title}”的截止日期改为 {closes} 24:00。" in site.told("enterprise")
    guides.close(site.database, number, step)
    assert refused(guides.change, site.database, number, site.guide_draft(), step) == "guide_over"


def test_a_guide_whose_last_day_is_over_cannot_be_published(site: Site) -> None:
    number = guides.create(site.database, site.guide_draft(), site.step("bureau")).id
    site.world.later(31)
    assert refused(guides.publish, site.database, number, site.step("bureau")) == "closes_in_the_past"


def test_two_at_one_guide(site: Site) -> None:
    number = guides.create(site.database, site.guide_draft(), site.step("bureau")).id
    seen = site.entries()
    guides.change(site.database, number, site.guide_draft(title="改过的标题"), site.step("bureau", seen=seen))
    draft = site.guide_draft(title="另一个标题")
    assert refused(guides.change, site.database, number, draft, site.step("bureau2", seen=seen)) == "changed_meanwhile"
    with site.database.reading() as session:
        assert session.get_one(Guide, number).title == "改过的标题"


def test_closing_with_drafts_open_keeps_them_and_tells(site: Site) -> None:
    guide = site.guide()
    project = site.filled(site.begun(guide))
    handed_in = site.filled(site.begun(guide, "焊装改造"))
    project_submission.submit(site.database, handed_in, site.step("enterprise"))
    assert site.waiting(project) == [site.project(project).organisation.name]
    guides.close(site.database, guide, site.step("bureau"), why="资金已满")
    assert site.state(project) == ProjectState.DRAFT
    assert site.state(handed_in) == ProjectState.SUBMITTED
    assert site.waiting(project) == []
    assert site.waiting(handed_in) == ["area"]
    assert "申报指南“{title}”已截止。您的草稿仍保存着，可以改用另一份指南申报。" in site.told("enterprise")
    assert refused(project_submission.submit, site.database, project, site.step("enterprise")) == "guide_closed"
    assert refused(projects.create, site.database, guide, site.organisation, "新的", site.step("enterprise")) == "guide_not_open"
    # What was typed is of use under the next one.
    projects.apply(site.database, project, site.guide(), site.step("enterprise"))
    project_submission.submit(site.database, project, site.step("enterprise"))
    assert site.state(project) == ProjectState.SUBMITTED


def test_the_day_after_its_last_a_guide_is_closed_by_itself(site: Site) -> None:
    guide = site.guide()
    project = site.begun(guide)
    site.world.later(30)
    _daily(site)
    assert site.guide_state(guide) == GuideState.PUBLISHED
    site.world.later(1)
    _daily(site)
    _daily(site)
    assert site.guide_state(guide) == GuideState.CLOSED
    assert site.history("guide", guide) == ["create", "publish", "close"]
    assert site.state(project) == ProjectState.DRAFT
    assert site.waiting(project) == []


def _daily(site: Site) -> None:
    with site.database.writing() as session:
        close_ended_guides(session, site.day, site.step("bureau").at)


def test_service_institutions_are_told_only_where_they_may_apply(site: Site) -> None:
    site.guide()
    assert site.told("first") == []
    site.guide(project_class="other")
    assert site.told("first") == ["新的申报指南：{title}，{closes} 24:00 截止。"]
    with site.database.reading() as session:
        unit = session.scalars(select(Project.organisation_id)).first()
        assert unit is None
