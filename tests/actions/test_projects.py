"""Projects from the first press to the recommendation, on both kinds of database: once, whole, by those who may, and in time."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import brokering_awards, first_reviews, guides, project_plans, project_steps, project_submission, projects
from marketplace.domain.access import Role
from marketplace.domain.first_reviews import CHECKS, FirstReviewDraft
from marketplace.domain.groups import GroupKind
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.project_plans import CostDraft, IndicatorDraft, MemberDraft, MilestoneDraft, Section, SupplierDraft
from marketplace.domain.projects import EDITABLE, TABLES, ProjectClass, ProjectState
from marketplace.domain.providers import ProviderState
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import find_attachments
from marketplace.records.groups import EnterpriseGroup, GroupMember
from marketplace.records.history import HistoryEntry
from marketplace.records.organisations import Organisation
from marketplace.records.project_plans import (
    FirstReview,
    Milestone,
    ProjectCost,
    find_costs,
    find_first_reviews,
    find_indicators,
    find_milestones,
)
from marketplace.records.projects import Project, ProjectSupplier, find_project, find_project_members, find_project_problems, find_suppliers
from marketplace.records.providers import Provider
from tests.actions.brokering import refused
from tests.actions.projecting import AREA, OTHER_AREA, RULES, WAN, ZONE, Site, open_site

S = ProjectState


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return open_site(database, tmp_path)


def test_from_the_guide_to_the_recommendation(site: Site) -> None:
    number = site.filled()
    project = site.project(number)
    assert project.number == f"XM-{site.day.year}-0001"
    assert (project.state, project.waits_role) == (S.DRAFT, "enterprise")
    assert project.waits_due == site.day + timedelta(30)
    project_submission.submit(site.database, number, site.step("enterprise"))
    assert site.waiting(number) == ["area"]
    site.review(number, "return", text="地基的依据不清楚", fails="amounts")
    project = site.project(number)
    assert (project.state, project.reason, project.waits_role) == (S.RETURNED, "地基的依据不清楚", "enterprise")
    # The term of the correction holds, not the guide's.
    site.world.later(35)
    project_submission.submit(site.database, number, site.step("enterprise"))
    assert site.state(number) == S.SUBMITTED
    site.review(number)
    project = site.project(number)
    assert (project.state, project.reason, project.waits_role) == (S.RECOMMENDED, "", "manager")
    assert site.waiting(number) == ["manager"]
    with site.database.reading() as session:
        assert [row.verdict for row in find_first_reviews(session, number)] == ["recommend", "return"]
    steps = [verb for verb in site.history("project", number) if not verb.startswith("save_")]
    assert steps == ["create", "attach", "submit", "send_back", "resubmit", "recommend"]
    assert "{number} {title} 退回补正：{why}" in site.told("enterprise")


def test_pressing_twice_is_one_draft(site: Site) -> None:
    guide = site.guide()
    first, again = site.begun(guide), site.begun(guide, " 压床改造 ")
    assert first == again
    assert site.history("project", first) == ["create"]
    assert site.begun(guide, "焊装改造") != first


def test_fifty_presses_at_once_are_one_draft(site: Site) -> None:
    guide, found, errors = site.guide(), [], []
    ready = threading.Barrier(10)

    def press() -> None:
        ready.wait()
        for _turn in range(5):
            try:
                found.append(site.begun(guide))
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=press) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(found) == 50
    assert len(set(found)) == 1
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Project)) == 1


def test_who_may_begin(site: Site) -> None:
    guide = site.guide()

    def begin(person: str, unit: int) -> str:
        return refused(projects.create, site.database, guide, unit, "x", site.step(person))

    for person in ("stranger", "first", "centre", "bureau", "area", "expert", "finance", "admin", "reader"):
        assert begin(person, site.organisation) == "not_allowed", person
    assert begin("clerk", site.organisation) == ""
    with site.database.reading() as session:
        service = session.scalars(select(Organisation.id).where(Organisation.name == "first 单位")).one()
    # A service institution in class ③ only.
    assert begin("first", service) == "not_for_services"
    own = projects.create(site.database, site.guide(project_class="other"), service, "诊断服务", site.step("first"))
    assert (own.project_class, own.enterprise_id) == (ProjectClass.OTHER, None)
    for title, code in (("", "required"), (" ", "required"), ("长" * 201, "too_long")):
        assert refused(projects.create, site.database, guide, site.organisation, title, site.step("enterprise")) == code


def test_the_last_second(site: Site) -> None:
    """24:00 in the pilot's zone: 23:59:59 there is in time though it is the afternoon in UTC, one second later is not."""
    number = site.filled()
    last = site.day + timedelta(30)
    assert site.project(number).waits_due == last
    for moment, code in (
        (datetime.combine(last + timedelta(1), time(0, 0, 0), ZONE), "guide_closed"),
        (datetime.combine(last, time(23, 59, 59), ZONE), ""),
    ):
        step = replace(site.step("enterprise"), at=moment, today=moment.date())
        assert refused(project_submission.submit, site.database, number, step) == code, moment
    assert site.state(number) == S.SUBMITTED


def test_what_is_missing_is_not_taken(site: Site) -> None:
    number = site.begun()
    before = site.entries()
    assert refused(project_submission.submit, site.database, number, site.step("enterprise")) == "incomplete"
    assert (site.state(number), site.entries(), site.project(number).submitted_at) == (S.DRAFT, before, None)
    site.filled(number)
    costs = site.costs()
    project_plans.save_costs(site.database, number, costs[:2], site.step("enterprise"))
    assert refused(project_submission.submit, site.database, number, site.step("enterprise")) == "incomplete"
    with site.database.reading() as session:
        faults = project_submission.faults_of(session, session.get_one(Project, number), RULES)
    assert [fault.refused.code for fault in faults] == ["costs_not_total"]


def test_the_guides_conditions_are_checked(site: Site) -> None:
    rows = (
        {"rule": "least_total", "value": 501}, {"rule": "diagnosed", "value": None}, {"rule": "areas", "value": [OTHER_AREA]},
        {"rule": "text", "text": "没有事故"},
    )  # fmt: skip
    number = site.filled(site.begun(site.guide(conditions=rows)))
    with site.database.reading() as session:
        faults = project_submission.faults_of(session, session.get_one(Project, number), RULES, words={OTHER_AREA: "南港"})
    assert {fault.refused.code for fault in faults} == {"guide_least_total", "guide_diagnosed", "guide_areas"}
    assert any("南港" in fault.refused.sentence() for fault in faults)


def test_a_supplier_that_left_the_pool_meanwhile(site: Site) -> None:
    number = site.filled()
    site.world.move_provider("first", "order_rectification")
    assert refused(project_submission.submit, site.database, number, site.step("enterprise")) == "incomplete"
    with site.database.reading() as session:
        assert session.get_one(Provider, site.world.providers["first"]).state == ProviderState.RECTIFYING


def test_who_fills_in_and_who_hands_in(site: Site) -> None:
    number = site.begun()
    site.filled(number, person="clerk")
    before = site.entries()
    for person in ("reader", "stranger", "first", "centre", "manager", "bureau", "area", "expert"):
        step = site.step(person)
        assert refused(project_plans.save_costs, site.database, number, site.costs(), step) == "not_allowed", person
        assert refused(project_plans.save_basic, site.database, number, site.basic(), step) == "not_allowed", person
        assert refused(project_plans.attach_document, site.database, number, site.proof, "plan", step) == "not_allowed", person
        assert refused(project_submission.submit, site.database, number, step) == "not_allowed", person
        assert refused(project_submission.withdraw, site.database, number, step) == "not_allowed", person
    assert refused(project_submission.submit, site.database, number, site.step("clerk")) == "not_allowed"
    assert site.entries() == before
    project_submission.submit(site.database, number, site.step("enterprise"))


def test_nothing_is_changed_after_it_was_handed_in(site: Site) -> None:
    number = site.submitted()
    before = site.entries()
    database, step = site.database, site.step("enterprise")
    tried: list[Callable[[], object]] = [
        lambda: project_plans.save_basic(database, number, site.basic(asked_fen=1), step),
        lambda: project_plans.save_texts(database, number, {}, step),
        lambda: project_plans.save_problems(database, number, [], step),
        lambda: project_plans.save_members(database, number, [], step),
        lambda: project_plans.save_suppliers(database, number, [], step),
        lambda: project_plans.save_indicators(database, number, [], step),
        lambda: project_plans.save_costs(database, number, [], step),
        lambda: project_plans.save_milestones(database, number, [], step),
        lambda: project_plans.attach_document(database, number, site.proof, "licence", step),
    ]
    assert [refused(one) for one in tried] == ["not_editable"] * len(tried)
    assert refused(project_submission.submit, database, number, step) == "wrong_state"
    assert site.entries() == before


def test_what_each_section_keeps(site: Site) -> None:
    number = site.filled()
    database, step = site.database, site.step("enterprise")
    other = site.store.keep(b"%PDF-1.4 other", "营业执照.pdf", "application/pdf")
    file = project_plans.attach_document(database, number, other, "licence", step)
    project_plans.remove_document(database, number, file.public_id, step)
    assert refused(project_plans.remove_document, database, number, "none", step) == "unknown_file"
    assert refused(project_plans.attach_document, database, number, site.proof, "agreement_ours", step) == "unknown_document"
    with database.reading() as session:
        project = session.get_one(Project, number)
        assert (project.total_fen, project.plan["promised"], project.plan["content"]) == (500 * WAN, True, "换压床，加传感器")
        assert [row.id for row in find_project_problems(session, number)] == site.world.problems[:1]
        assert [(row.name, row.weight) for row in find_indicators(session, number)] == [("停机", 60), ("产量", 40)]
        assert sum(row.amount_fen for row in find_costs(session, number)) == 500 * WAN
        assert [row.title for row in find_milestones(session, number)] == ["到货", "试运行"]
        assert [row.kind for row in find_attachments(session, "project", number)] == ["plan"]
        (supplier,) = find_suppliers(session, number)
        key, row_id = supplier.public_id, supplier.id
    # A row that was there stays the same one; another one is new, and one that is gone is gone.
    first, second = site.world.providers["first"], site.world.providers["second"]
    rows = [SupplierDraft(first, "general", "总包", share=0.6, public_id=key), SupplierDraft(second, "sub", "分包", share=0.4)]
    project_plans.save_suppliers(database, number, rows, step)
    with database.reading() as session:
        assert [(row.provider_id, row.share) for row in find_suppliers(session, number)] == [(first, 0.6), (second, 0.4)]
        assert find_suppliers(session, number)[0].id == row_id
    project_plans.save_suppliers(database, number, rows[1:], step)
    with database.reading() as session:
        assert [row.provider_id for row in find_suppliers(session, number)] == [second]


def test_foreign_things_are_not_taken(site: Site) -> None:
    number = site.begun()
    database, step = site.database, site.step("enterprise")
    assert refused(project_plans.save_suppliers, database, number, [SupplierDraft(999_999)], step) == "unknown_provider"
    assert refused(project_plans.save_members, database, number, [MemberDraft(999_999, "x")], step) == "unknown_member"
    own = site.world.enterprise
    assert refused(project_plans.save_members, database, number, [MemberDraft(own, "x")], step) == "unknown_member"
    with database.reading() as session:
        other = session.scalars(select(Enterprise.id).where(Enterprise.id != own)).one()
    project_plans.save_members(database, number, [MemberDraft(other, "配套", 0.3)], step)
    with database.reading() as session:
        assert [row.enterprise_id for row in find_project_members(session, number)] == [other]
    assert refused(project_plans.save_problems, database, number, [999_999], step) == "problem_closed"
    bad = [CostDraft(2026, 1, "equipment", "x", 3 * WAN, WAN, WAN)]
    assert refused(project_plans.save_costs, database, number, bad, step) == "line_does_not_add_up"
    assert refused(project_plans.save_indicators, database, number, [IndicatorDraft("x", "", "up", 1, 2, 101)], step) == "bad_weight"
    assert refused(project_plans.save_milestones, database, number, [MilestoneDraft("x")], step) == "no_day"


def test_two_at_one_section_and_two_at_two(site: Site) -> None:
    number = site.filled()
    seen = site.last_entry(number)
    database = site.database
    project_plans.save_milestones(database, number, [MilestoneDraft("新", site.day)], site.step("enterprise", seen=seen))
    # Another section hurts nobody; the same one does.
    project_plans.save_costs(database, number, site.costs(), site.step("clerk", seen=seen))
    rows = [MilestoneDraft("旧", site.day)]
    assert refused(project_plans.save_milestones, database, number, rows, site.step("clerk", seen=seen)) == "changed_meanwhile"
    # Whoever hands in has seen all of it.
    assert refused(project_submission.submit, database, number, site.step("enterprise", seen=seen)) == "changed_meanwhile"
    with database.reading() as session:
        assert [row.title for row in find_milestones(session, number)] == ["新"]


def test_the_first_review_is_for_its_own_area(site: Site) -> None:
    number = site.submitted()
    before = site.entries()
    for person in ("area2", "enterprise", "centre", "manager", "bureau", "finance", "expert", "first"):
        for verdict in ("recommend", "return", "refuse"):
            assert refused(site.review, number, verdict, person=person) == "not_allowed", person
    assert refused(site.review, number, "perhaps") == "required"
    assert refused(site.review, number, text=" ") == "required"
    assert refused(site.review, number, fails="true") == "check_failed"
    draft = FirstReviewDraft("recommend", {}, {}, "同意")
    assert refused(first_reviews.review, site.database, number, draft, site.step("area")) == "not_checked"
    assert site.entries() == before
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(FirstReview)) == 0
    site.review(number, "refuse", text="不符合方向")
    project = site.project(number)
    assert (project.state, project.reason, project.waits_role) == (S.NOT_SELECTED, "不符合方向", "")
    assert project.ended_at is not None
    assert site.waiting(number) == []
    assert refused(site.review, number) == "wrong_state"


def test_two_reviewers_at_once(site: Site) -> None:
    number = site.submitted()
    seen = site.last_entry(number)
    site.review(number)
    draft = FirstReviewDraft("refuse", dict.fromkeys(CHECKS, True), {}, "不同意")
    assert refused(first_reviews.review, site.database, number, draft, site.step("area", seen=seen)) == "changed_meanwhile"
    assert site.state(number) == S.RECOMMENDED


def test_withdrawing(site: Site) -> None:
    for number in (site.begun(), site.submitted(), site.recommended()):
        project_submission.withdraw(site.database, number, site.step("enterprise"), why="资金不足")
        project = site.project(number)
        assert (project.state, project.reason, site.waiting(number)) == (S.WITHDRAWN, "资金不足", [])
        assert refused(project_submission.withdraw, site.database, number, site.step("enterprise")) == "wrong_state"
    assert "{number} {title} 已由申报单位撤回。" in site.told("area")


def test_reserve_from_a_brokering(site: Site) -> None:
    brokering = site.world.contracted("first", "second")
    assert refused(projects.reserve_from, site.database, brokering, site.step("centre")) == "not_in_reserve"
    brokering_awards.reserve(site.database, brokering, site.world.step("centre"))
    for person in ("stranger", "first", "bureau", "area"):
        assert refused(projects.reserve_from, site.database, brokering, site.step(person)) == "not_allowed", person
    number = projects.reserve_from(site.database, brokering, site.step("centre")).id
    assert projects.reserve_from(site.database, brokering, site.step("centre")).id == number
    project = site.project(number)
    assert (project.state, project.brokering_id, project.area) == (S.RESERVE, brokering, AREA)
    with site.database.reading() as session:
        (supplier,) = find_suppliers(session, number)
        assert supplier.provider_id == site.world.providers["first"]
        assert supplier.contract_fen == 48_000_000
        assert supplier.introduction_id == site.world.of(brokering, "first")
        assert [row.id for row in find_project_problems(session, number)] == site.world.problems[:1]
    assert site.history("project", number) == ["reserve"]
    assert refused(project_submission.submit, site.database, number, site.step("enterprise")) == "wrong_state"
    projects.apply(site.database, number, site.guide(), site.step("enterprise"))
    assert site.state(number) == S.DRAFT
    site.filled(number)
    project_submission.submit(site.database, number, site.step("enterprise"))
    with site.database.reading() as session:
        kept = session.scalars(select(ProjectSupplier.introduction_id).where(ProjectSupplier.project_id == number)).all()
    assert kept == [None], "the form was filled in without the row's own key: a new row"


def test_reserve_by_the_centre_or_by_itself(site: Site) -> None:
    enterprise = site.world.enterprise
    number = projects.reserve(site.database, enterprise, "余热利用", ProjectClass.CENTRAL, site.step("centre")).id
    assert projects.reserve(site.database, enterprise, "余热利用", ProjectClass.CENTRAL, site.step("enterprise")).id == number
    assert "能力中心把“{title}”列入储备项目 {number}。" in site.told("enterprise")
    for person in ("stranger", "reader", "bureau", "first"):
        assert refused(projects.reserve, site.database, enterprise, "x", ProjectClass.CENTRAL, site.step(person)) == "not_allowed"


def test_members_of_a_group_are_taken_over_by_the_centre(site: Site) -> None:
    number, own = site.filled(), site.world.enterprise
    with site.database.writing() as session:
        other = session.scalars(select(Enterprise.id).where(Enterprise.id != own)).one()
        group = EnterpriseGroup(kind=GroupKind.CHAIN, name="压床链", leader_id=own, at=site.step("centre").at)
        stranger = EnterpriseGroup(kind=GroupKind.PARK, name="别的园区", area=AREA, at=site.step("centre").at)
        session.add_all([group, stranger])
        session.flush()
        session.add(GroupMember(group_id=group.id, enterprise_id=other, at=site.step("centre").at))
        chain, park = group.id, stranger.id
    for person in ("enterprise", "bureau", "area", "first"):
        assert refused(projects.take_members, site.database, number, chain, site.step(person)) == "not_allowed", person
    assert refused(projects.take_members, site.database, number, park, site.step("centre")) == "not_of_group"
    for _twice in range(2):
        projects.take_members(site.database, number, chain, site.step("centre"))
    with site.database.reading() as session:
        assert [row.enterprise_id for row in find_project_members(session, number)] == [other]
    assert site.project(number).level == "chain"
    assert refused(project_submission.submit, site.database, number, site.step("enterprise")) == "incomplete"
    project_plans.save_members(site.database, number, [MemberDraft(other, "配套件", 0.2)], site.step("enterprise"))
    project_submission.submit(site.database, number, site.step("enterprise"))
    assert "{applicant}提交了项目 {number} {title}，贵单位是成员企业。" in site.told("stranger")
    with site.database.reading() as session:
        assert find_project(session, session.get_one(Project, number).public_id, site.world.people["stranger"]) is not None
    assert refused(projects.take_members, site.database, number, chain, site.step("centre")) == "not_of_group"


def test_who_reads_what(site: Site) -> None:
    """A draft is for its applicant and the centre; what was handed in for the offices, its own area and its suppliers."""
    draft = site.filled()
    handed_in = site.filled(site.begun(site.guide(), "焊装改造"))
    project_submission.submit(site.database, handed_in, site.step("enterprise"))
    expected = {
        draft: {"enterprise", "clerk", "reader", "centre", "centre2", "admin"},
        handed_in: {
            "enterprise", "clerk", "reader", "centre", "centre2", "admin", "bureau", "bureau2", "manager", "finance", "area", "first",
        },
    }  # fmt: skip
    with site.database.reading() as session:
        for number, wanted in expected.items():
            key = session.get_one(Project, number).public_id
            found = {person for person, viewer in site.world.people.items() if find_project(session, key, viewer) is not None}
            assert found == wanted


def test_every_state_event_and_role_changes_nothing_where_it_is_not_allowed(site: Site) -> None:
    """The shared rows, in the database: whatever is refused leaves no entry, no state and no task behind."""
    number = site.recommended()
    people = {
        Role.ENTERPRISE: "enterprise", Role.AREA: "area", Role.MANAGER: "manager", Role.BUREAU: "bureau", Role.CENTRE: "centre",
        Role.FINANCE: "finance", Role.EXPERT: "expert", Role.PROVIDER: "first", Role.ADMIN: "admin",
    }  # fmt: skip
    events = ("apply", "submit", "resubmit", "send_back", "recommend", "refuse", "withdraw")
    table = TABLES[ProjectClass.CENTRAL]
    for state in S:
        _put(site, number, state)
        before = (site.entries(), state, site.waiting(number))
        for event in events:
            for role, person in people.items():
                if any(row.event == event and state in row.states and role in row.roles for row in table):
                    continue
                assert _moved(site, number, event, person) in ("wrong_state", "not_allowed"), (state, event, role)
        assert (site.entries(), site.state(number), site.waiting(number)) == before


def _put(site: Site, number: int, state: ProjectState) -> None:
    with site.database.writing() as session:
        session.execute(Project.__table__.update().where(Project.id == number).values(state=state))  # type: ignore[attr-defined]


def _moved(site: Site, number: int, event: str, person: str) -> str:
    try:
        with site.database.writing() as session:
            project_steps.move(session, session.get_one(Project, number), event, site.step(person))
    except RefusedError as error:
        return error.refused.code
    return ""


def test_a_step_that_breaks_in_the_middle_leaves_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the opinion and the move: neither is there, and the same step then succeeds."""
    number = site.submitted()
    before = (site.entries(), site.state(number), site.waiting(number))

    def killed(*_values: object, **_more: object) -> None:
        raise KeyboardInterrupt

    for module, name in ((first_reviews, "move"), (first_reviews, "tell_applicant"), (project_steps, "open_task")):
        with monkeypatch.context() as broken:
            broken.setattr(module, name, killed)
            with pytest.raises(KeyboardInterrupt):
                site.review(number)
        assert (site.entries(), site.state(number), site.waiting(number)) == before, name
        with site.database.reading() as session:
            assert session.scalar(select(func.count()).select_from(FirstReview)) == 0
    site.review(number)
    assert site.state(number) == S.RECOMMENDED


def test_random_walks_of_people(sqlite_database: Database, tmp_path: Path) -> None:
    """Whoever does whatever: what is refused changes nothing, states follow the table, and one entry stands for each move."""
    site = open_site(sqlite_database, tmp_path)
    chance = random.Random("first steps")
    moved = refusals = 0
    people = ["enterprise", "clerk", "area", "area2", "centre", "bureau", "stranger", "first"]
    for walk in range(6):
        number = site.filled(site.begun(site.guide(), f"改造 {walk}"))
        for _step in range(14):
            before, entries = site.state(number), site.entries()
            code = refused(_try(site, chance, number, chance.choice(people)))
            now, later = site.state(number), site.entries()
            if code:
                refusals += 1
                assert (now, later) == (before, entries), code
            elif now != before:
                moved += 1
                rows = [row for row in TABLES[ProjectClass.CENTRAL] if before in row.states and row.to == now]
                assert rows, (before, now)
                assert site.history("project", number)[-1] in {row.event for row in rows}
    assert moved > 6
    assert refusals > 20
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ProjectCost)) == 18
        assert session.scalar(select(func.count()).select_from(Milestone)) == 12
        assert _unbalanced(session) == []


def _try(site: Site, chance: random.Random, number: int, person: str) -> Callable[[], object]:
    step = site.step("enterprise" if chance.random() < 0.3 else person)
    verdict = chance.choice(("recommend", "return", "refuse"))
    tried: list[Callable[[], object]] = [
        lambda: project_submission.submit(site.database, number, step),
        lambda: project_submission.submit(site.database, number, step),
        lambda: site.review(number, verdict, person="area" if chance.random() < 0.6 else person),
        lambda: site.review(number, verdict, person=person),
        lambda: project_plans.save_costs(site.database, number, site.costs(), step),
        lambda: project_submission.withdraw(site.database, number, site.step(person)),
    ]
    return chance.choice(tried[:-1] if chance.random() < 0.9 else tried)


def _unbalanced(session: Session) -> list[int]:
    return [row.id for row in session.scalars(select(ProjectCost)) if row.amount_fen != row.fiscal_fen + row.own_fen]


def test_numbers_follow_each_other_and_editable_states_are_those_of_the_form(site: Site) -> None:
    numbers = [site.project(site.begun(site.guide(), f"第 {n} 个")).number for n in range(3)]
    assert numbers == [f"XM-{site.day.year}-000{n}" for n in (1, 2, 3)]
    assert {S.DRAFT, S.RESERVE, S.RETURNED} == set(EDITABLE)
    assert len(Section) == 9
    assert date.min < site.day
    with site.database.reading() as session:
        assert session.scalars(select(HistoryEntry.id)).first() is not None
    assert guides.NOUN == "guide"
