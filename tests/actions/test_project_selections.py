"""Selection by the bureau: amounts, the guide's money under pressure, public notice and objections, the city, two persons each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from marketplace.actions.agreements import add_scan, draw_up_again
from marketplace.actions.funds_audit import audit_ledger
from marketplace.actions.project_objections import answer_project_objection, raise_project_objection
from marketplace.actions.project_selections import answer, answer_all, propose, propose_all
from marketplace.domain.access import Viewer
from marketplace.domain.agreements import OURS, THEIRS
from marketplace.domain.funds import LedgerAccount
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.project_selections import EVENTS, SelectionDraft
from marketplace.domain.projects import TABLES, ProjectClass, ProjectState
from marketplace.files.store import StoredBlob
from marketplace.records.agreements import find_agreement, find_agreements
from marketplace.records.calendar import CalendarDay
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.files import Scan, find_attachments
from marketplace.records.funds import balance_of, find_balances
from marketplace.records.guides import Guide
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.jobs import Job
from marketplace.records.notices import Notice
from marketplace.records.project_selections import (
    GuideCommitment,
    ProjectObjection,
    committed_fen,
    find_city_decision,
    find_publicity,
    ranking,
)
from marketplace.records.projects import Project
from marketplace.records.tasks import Task, find_tasks
from tests.actions.selection_world import AT, PANEL, RULES, WAN, World, approved, decided, open_world, ranked, shown, state_of, waiting


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as raised:
        call()
    return raised.value.refused.code


def outcome(call: Callable[[], Decision]) -> tuple[str, Decision | None]:
    """What it was refused for, or what came of it."""
    try:
        return "", call()
    except RefusedError as error:
        return error.refused.code, None


def proposed(database: Database, world: World, event: str, person: str = "bureau", project: int | None = None, **draft: Any) -> Decision:
    wan = draft.pop("amount_wan", None)
    typed = SelectionDraft(why=draft.pop("why", "理由"), amount_fen=None if wan is None else round(wan * WAN), **draft)
    return propose(database, project or world.project, event, typed, panel=PANEL, step=world.step(person))


def answered(database: Database, world: World, event: str, person: str = "bureau2", why: str = "", project: int | None = None) -> None:
    answer(database, waiting(database, project or world.project).id, event, why=why, panel=PANEL, step=world.step(person))


def scan(name: str) -> StoredBlob:
    return StoredBlob(sha256=name.ljust(64, "0"), size=1000, kind="application/pdf", filename=f"{name}.pdf", scan=Scan.CLEAN)


# ---------------------------------------------------------------- two persons, and which


def test_an_amount_takes_effect_when_another_person_confirms(database: Database) -> None:
    world = open_world(database)
    ranked(database, world)
    proposed(database, world, "show", amount_wan=80)
    assert state_of(database, world.project) == "ranked"
    assert refusal(lambda: answered(database, world, "confirm", "bureau")) == "same_person"
    with database.reading() as session:
        kinds = [task.kind for task in find_tasks(session, world.people["bureau2"])]
    assert sorted(kinds) == ["confirm_decision", "project_step"]
    answered(database, world, "confirm")
    assert state_of(database, world.project) == "shown"
    with database.reading() as session:
        assert session.get_one(Project, world.project).amount_fen == 80 * WAN
        assert session.get_one(GuideCommitment, world.guide).committed_fen == 80 * WAN
        assert [task.kind for task in find_tasks(session, world.people["bureau2"])] == ["project_step"]
        told = session.scalars(select(Notice.message).where(Notice.account_id == world.people["applicant"].account_id)).all()
        assert any("公示至" in message for message in told)
        assert find_broken_link(session) is None


def test_who_rejects_says_why_and_nothing_happens(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    ranked(sqlite_database, world)
    proposed(sqlite_database, world, "show", amount_wan=80)
    assert refusal(lambda: proposed(sqlite_database, world, "leave_out")) == "decision_waiting"
    assert refusal(lambda: answered(sqlite_database, world, "reject")) == "reason_missing"
    answered(sqlite_database, world, "reject", why="金额偏高")
    assert state_of(sqlite_database, world.project) == "ranked"
    proposed(sqlite_database, world, "show", amount_wan=60)
    answered(sqlite_database, world, "take_back", "bureau")
    with sqlite_database.reading() as session:
        assert session.get_one(Project, world.project).amount_fen is None
        assert committed_fen(session, world.guide) == 0


PEOPLE = ("applicant", "member", "supplier", "rival", "manager", "centre", "area", "finance", "expert0")


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("event", EVENTS)
def test_who_may_not_decide(sqlite_database: Database, event: str, person: str) -> None:
    world = open_world(sqlite_database, state=ProjectState.RANKED)

    def asks() -> Any:
        return proposed(sqlite_database, world, event, person, amount_wan=10, city_number="x", city_day=AT.date())

    assert refusal(asks) == "not_allowed"
    if event != "show":
        return
    proposed(sqlite_database, world, "show", amount_wan=10)
    assert refusal(lambda: answered(sqlite_database, world, "confirm", person)) == "not_allowed"
    assert state_of(sqlite_database, world.project) == "ranked"


@pytest.mark.parametrize("project_class", ProjectClass)
def test_every_event_in_every_state(sqlite_database: Database, project_class: ProjectClass) -> None:
    """What the table does not know is refused and moves nothing."""
    world = open_world(sqlite_database, project_class=project_class, projects=len(ProjectState))
    rows = {row.event: row for row in TABLES[project_class]}
    for number, state in zip(world.projects, ProjectState, strict=True):
        with sqlite_database.writing() as session:
            session.execute(update(Project).where(Project.id == number).values(state=state))
        for event in EVENTS:
            allowed = event in rows and any(state in row.states for row in TABLES[project_class] if row.event == event)
            draft: dict[str, Any] = {"amount_wan": 10, "city_number": "津工信〔2026〕1号", "city_day": AT.date()}
            code, decision = outcome(partial(proposed, sqlite_database, world, event, project=number, **draft))
            if decision is not None:
                assert allowed, (state, event)
                answer(sqlite_database, decision.id, "take_back", why="", panel=PANEL, step=world.step("bureau"))
            else:
                assert code in (("notice_runs", "not_signed", "term_runs") if allowed else ("wrong_state",)), (state, event, code)
            assert state_of(sqlite_database, number) == state


def test_decisions_of_other_nouns_are_not_answered_here(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    with sqlite_database.writing() as session:
        other = Decision(noun="project", noun_id=world.project, event="terminate", why="x", values={}, proposed_at=AT)
        other.proposed_by = world.people["bureau"].account_id or 0
        session.add(other)
        session.flush()
        number = other.id
    assert refusal(lambda: answer(sqlite_database, number, "confirm", why="", panel=PANEL, step=world.step("bureau2"))) == "not_allowed"


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("amount", "code"),
    [(None, "no_amount"), (0, "no_amount"), (-5, "no_amount"), (150.01, "above_asked"), (120.0, "above_share"), (100, "")],
)
def test_the_bounds_of_an_amount(sqlite_database: Database, amount: float | None, code: str) -> None:
    """Asked for 150 of an investment of 500: a fifth of it is 100."""
    world = open_world(sqlite_database, asked_wan=150, total_wan=500)
    with sqlite_database.writing() as session:
        session.execute(update(Project).where(Project.id == world.project).values(state=ProjectState.RANKED))

    def asks() -> Any:
        return proposed(sqlite_database, world, "show", amount_wan=amount)

    if code:
        assert refusal(asks) in (code, "above_share")
    else:
        asks()


def test_the_cap_of_a_class(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, project_class=ProjectClass.OTHER, asked_wan=400, total_wan=1000)
    assert refusal(lambda: proposed(sqlite_database, world, "show", amount_wan=300.01)) == "above_cap"
    decided(sqlite_database, world, "show", amount_wan=300)
    assert state_of(sqlite_database, world.project) == "shown"


def test_what_scored_below_the_mark_is_not_supported(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    ranked(sqlite_database, world, score=59)
    assert refusal(lambda: proposed(sqlite_database, world, "show", amount_wan=10)) == "below_mark"
    decided(sqlite_database, world, "leave_out")
    with sqlite_database.reading() as session:
        project = session.get_one(Project, world.project)
        assert (project.state, project.reason) == (ProjectState.NOT_SELECTED, "符合指南")
        assert project.ended_at is not None


def test_a_guide_gives_no_more_than_it_has(database: Database) -> None:
    world = open_world(database, projects=3, budget_wan=200)
    _rank_all(database, world)
    decided(database, world, "show", amount_wan=90, project=world.projects[0])
    decided(database, world, "show", amount_wan=90, project=world.projects[1])
    assert refusal(lambda: proposed(database, world, "show", amount_wan=20.01, project=world.projects[2])) == "over_budget"
    decided(database, world, "show", amount_wan=20, project=world.projects[2])
    # What is left out gives its money back.
    decided(database, world, "leave_out", project=world.projects[0])
    with database.reading() as session:
        assert session.get_one(GuideCommitment, world.guide).committed_fen == committed_fen(session, world.guide) == 110 * WAN


def _rank_all(database: Database, world: World) -> None:
    with database.writing() as session:
        session.execute(update(Project).where(Project.id.in_(world.projects)).values(state=ProjectState.RANKED))


def test_two_confirmations_at_once_cannot_pass_the_budget(database: Database) -> None:
    """Each of six fits by itself, two of them together do."""
    world = open_world(database, projects=6, budget_wan=200)
    _rank_all(database, world)
    decisions = [proposed(database, world, "show", amount_wan=100, project=number).id for number in world.projects]
    outcomes: list[str] = []
    start = threading.Barrier(len(decisions))

    def confirm(decision: int) -> None:
        start.wait()
        try:
            answer(database, decision, "confirm", why="", panel=PANEL, step=world.step("bureau2"))
        except RefusedError as error:
            outcomes.append(error.refused.code)
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=confirm, args=(decision,)) for decision in decisions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "done", *["over_budget"] * 4]
    with database.reading() as session:
        assert committed_fen(session, world.guide) == 200 * WAN
        # Whoever was refused finds the proposal still waiting.
        states = session.scalars(select(Decision.state)).all()
        assert sorted(str(state) for state in states) == ["confirmed"] * 2 + ["proposed"] * 4
        assert find_broken_link(session) is None


def test_the_database_is_the_last_line(database: Database) -> None:
    world = open_world(database, budget_wan=100)
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(GuideCommitment(guide_id=world.guide, budget_fen=100, committed_fen=101))


def test_all_amounts_of_a_guide_together(database: Database) -> None:
    world = open_world(database, projects=3, budget_wan=200)
    _rank_all(database, world)
    first, second, third = world.projects
    step, second_step = world.step("bureau"), world.step("bureau2")
    too_much = {first: 90 * WAN, second: 90 * WAN, third: 90 * WAN}
    assert refusal(lambda: propose_all(database, world.guide, too_much, "择优", panel=PANEL, step=step)) == "over_budget"
    assert refusal(lambda: propose_all(database, world.guide, {}, "择优", panel=PANEL, step=step)) == "nothing_chosen"
    assert refusal(lambda: answer_all(database, world.guide, "confirm", why="", panel=PANEL, step=second_step)) == "nothing_waits"
    with database.reading() as session:
        assert session.scalars(select(Decision)).all() == []
    found = propose_all(database, world.guide, {first: 90 * WAN, third: 50 * WAN}, "择优", panel=PANEL, step=step)
    later = proposed(database, world, "show", amount_wan=20, project=second)
    assert refusal(lambda: answer_all(database, world.guide, "confirm", why="", panel=PANEL, step=step)) == "same_person"
    assert [state_of(database, number) for number in world.projects] == ["ranked"] * 3
    # What was proposed after the page was made was not seen by the second person, and waits on.
    assert later.id > max(one.id for one in found)
    newest = max(one.id for one in found)
    assert answer_all(database, world.guide, "confirm", why="", panel=PANEL, step=second_step, newest=newest) == 2
    assert [state_of(database, number) for number in world.projects] == ["shown", "ranked", "shown"]


def test_projects_of_another_guide_are_not_decided_with_these(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    _rank_all(sqlite_database, world)
    amounts = {world.project: 10 * WAN}
    assert (
        refusal(lambda: propose_all(sqlite_database, world.guide + 1, amounts, "x", panel=PANEL, step=world.step("bureau")))
        == "not_allowed"
    )


def test_the_ranking_is_by_score_then_by_what_is_asked(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, projects=4)
    for number, (score, asked) in zip(world.projects, [(70, 100), (80, 100), (70, 90), (0, 0)], strict=True):
        if score:
            ranked(sqlite_database, world, score=score, project=number)
            with sqlite_database.writing() as session:
                session.execute(update(Project).where(Project.id == number).values(asked_fen=asked * WAN))
    first, second, third, fourth = world.projects
    with sqlite_database.reading() as session:
        assert [project.id for project, _review in session.execute(ranking(world.guide))] == [second, third, first, fourth]


# ---------------------------------------------------------------- public notice


def test_the_notice_runs_for_working_days(database: Database) -> None:
    """Five working days after Wednesday 25 November, one of them a holiday: Thursday, Friday, Monday, (Tuesday off), Wednesday, Thursday."""
    world = open_world(database)
    with database.writing() as session:
        session.add(CalendarDay(day=date(2026, 12, 1), works=False, name="调休"))
    shown(database, world)
    with database.reading() as session:
        publicity = find_publicity(session, world.project)
        assert publicity is not None
        assert (publicity.begins, publicity.until) == (date(2026, 11, 25), date(2026, 12, 3))


def test_recognition_waits_for_the_end_of_the_notice(database: Database) -> None:
    world = open_world(database)
    shown(database, world)
    last = AT + timedelta(days=7)
    draft = SelectionDraft(why="公示无异议")
    late = last.replace(hour=23, minute=59)
    assert (
        refusal(lambda: propose(database, world.project, "approve", draft, panel=PANEL, step=world.step("bureau", late))) == "notice_runs"
    )
    decided(database, world, "approve", at=last + timedelta(days=1))
    assert state_of(database, world.project) == "approved"


def _object(database: Database, world: World, at: Any = AT, address: str = "192.0.2.1") -> ProjectObjection:
    with database.reading() as session:
        publicity = find_publicity(session, world.project)
        assert publicity is not None
        number = publicity.id
    words = {"name": "某人", "contact": "022-66000000", "words": "设备是旧的，发票是别的项目的。"}
    return raise_project_objection(database, number, **words, address=address, panel=PANEL, at=at)


def test_an_open_objection_stops_recognition_and_one_that_holds_ends_it(database: Database) -> None:
    world = open_world(database)
    shown(database, world)
    objection = _object(database, world)
    later = AT + timedelta(days=8)

    def approves() -> Any:
        return decided(database, world, "approve", at=later)

    assert refusal(approves) == "objections_open"
    manager, bureau = world.people["manager"], world.people["bureau"]

    def holds(viewer: Viewer, why: str) -> Any:
        return answer_project_objection(database, objection.id, "uphold", why=why, viewer=viewer, at=later)

    assert refusal(lambda: holds(manager, "属实")) == "not_allowed"
    assert refusal(lambda: holds(bureau, " ")) == "reason_missing"
    holds(bureau, "现场核实，设备为旧设备")
    assert refusal(lambda: holds(world.people["bureau2"], "属实")) == "changed_meanwhile"
    assert refusal(approves) == "objection_upheld"
    decided(database, world, "leave_out", at=later)
    assert state_of(database, world.project) == "not_selected"
    with database.reading() as session:
        entries = session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "project_objection")).all()
        # The history keeps the fact and not the person.
        assert [entry.verb for entry in entries] == ["raise", "uphold"]
        assert "某人" not in str([(entry.actor, entry.before, entry.after) for entry in entries])


def test_a_dismissed_objection_does_not_stop_it(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    shown(sqlite_database, world)
    objection = _object(sqlite_database, world)
    bureau = world.people["bureau"]
    answer_project_objection(sqlite_database, objection.id, "dismiss", why="核实不属实", viewer=bureau, at=AT)
    decided(sqlite_database, world, "approve", at=AT + timedelta(days=8))
    assert state_of(sqlite_database, world.project) == "approved"


def test_objections_are_taken_while_the_notice_runs(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    shown(sqlite_database, world)
    assert refusal(lambda: _object(sqlite_database, world, AT + timedelta(days=8))) == "publicity_over"
    for _number in range(PANEL.objections_a_day):
        _object(sqlite_database, world)
    assert refusal(lambda: _object(sqlite_database, world)) == "too_many_objections"
    _object(sqlite_database, world, address="192.0.2.2")


# ---------------------------------------------------------------- the agreement


def test_recognition_draws_the_agreement_up(database: Database) -> None:
    world = open_world(database)
    later = approved(database, world)
    with database.reading() as session:
        agreement = find_agreement(session, world.project)
        assert agreement is not None
        assert (agreement.number, agreement.version, agreement.amount_fen) == ("RW-2026-0001", 1, 80 * WAN)
        assert agreement.content["applicant"] == "申报公司"
        assert [row["name"] for row in agreement.content["suppliers"]] == ["服务公司"]
        assert agreement.content["indicators"][0]["target"] == 97.5
        # Twenty working days after 3 December.
        assert agreement.due == date(2026, 12, 31)
        [job] = session.scalars(select(Job).where(Job.kind == "agreement_document"))
        assert job.payload == {"id": agreement.id}
    assert later.date() == date(2026, 12, 3)


def test_both_sides_sign_and_the_bureau_confirms(database: Database) -> None:
    world = open_world(database)
    later = approved(database, world)

    def agrees() -> Any:
        return decided(database, world, "agree", at=later)

    assert refusal(agrees) == "not_signed"

    def adds(side: str, person: str, name: str = "a") -> Any:
        return add_scan(database, world.project, side, scan(name), step=world.step(person, later))

    assert refusal(lambda: adds(OURS, "applicant")) == "not_allowed"
    assert refusal(lambda: adds(THEIRS, "bureau")) == "not_allowed"
    for stranger in ("member", "supplier", "rival", "manager", "area", "expert0", "finance"):
        assert refusal(partial(adds, THEIRS, stranger)) == "not_allowed"
    assert refusal(lambda: adds("plan", "applicant")) == "unknown_side"
    before = ball(database, world)
    adds(THEIRS, "applicant", "a1")
    # The bureau is next, within the same term.
    assert (before[0], ball(database, world)) == ("enterprise", ("bureau", before[1]))
    assert [task.due for task in waiting_tasks(database, world, "bureau") if task.kind == "project_step"] == [before[1]]
    adds(THEIRS, "applicant", "a2")
    assert refusal(agrees) == "not_signed"
    adds(OURS, "bureau", "b1")
    with database.reading() as session:
        agreement = find_agreement(session, world.project)
        assert agreement is not None
        assert sorted(file.filename for file in find_attachments(session, "agreement", agreement.id)) == ["a2.pdf", "b1.pdf"]
    agrees()
    assert state_of(database, world.project) == "agreed"
    assert refusal(lambda: adds(THEIRS, "applicant", "a3")) == "not_to_be_signed"
    with database.reading() as session:
        agreement = find_agreement(session, world.project)
        assert agreement is not None
        assert agreement.confirmed_at is not None
        assert find_broken_link(session) is None


def ball(database: Database, world: World) -> tuple[str, date | None]:
    with database.reading() as session:
        project = session.get_one(Project, world.project)
        return project.waits_role, project.waits_due


def waiting_tasks(database: Database, world: World, person: str) -> Sequence[Task]:
    with database.reading() as session:
        found = find_tasks(session, world.people[person])
        session.expunge_all()
        return found


def test_an_agreement_drawn_up_anew_has_to_be_signed_anew(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    later = approved(sqlite_database, world)
    add_scan(sqlite_database, world.project, THEIRS, scan("a"), step=world.step("applicant", later))
    add_scan(sqlite_database, world.project, OURS, scan("b"), step=world.step("bureau", later))

    def again(person: str) -> Any:
        return draw_up_again(sqlite_database, world.project, step=world.step(person, later))

    assert refusal(lambda: again("applicant")) == "not_allowed"
    assert refusal(lambda: again("bureau")) == "nothing_changed"
    with sqlite_database.writing() as session:
        session.get_one(Project, world.project).plan = {"content": "改正后的内容"}
    agreement = again("bureau")
    with sqlite_database.reading() as session:
        newest, first = find_agreements(session, world.project)
        assert (newest.id, newest.version, newest.number) == (agreement.id, 2, first.number)
        assert newest.check_code != first.check_code
        assert first.superseded_at is not None
    assert ball(sqlite_database, world)[0] == "enterprise"
    assert refusal(lambda: decided(sqlite_database, world, "agree", at=later)) == "not_signed"


def test_what_is_not_signed_in_time_lapses(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    approved(sqlite_database, world)
    last = AT.replace(month=12, day=31)
    assert refusal(lambda: decided(sqlite_database, world, "lapse", at=last)) == "term_runs"
    decided(sqlite_database, world, "lapse", at=last + timedelta(days=1))
    with sqlite_database.reading() as session:
        project = session.get_one(Project, world.project)
        assert (project.state, project.amount_fen) == (ProjectState.NOT_SELECTED, None)
        assert session.get_one(GuideCommitment, world.guide).committed_fen == 0


# ---------------------------------------------------------------- class ②


def test_the_city_decides_and_the_platform_records(database: Database) -> None:
    world = open_world(database, project_class=ProjectClass.MUNICIPAL)
    decided(database, world, "send_to_city")
    assert state_of(database, world.project) == "city_deciding"
    assert refusal(lambda: proposed(database, world, "city_approves", amount_wan=50)) == "required"
    paper: dict[str, Any] = {"city_number": "津工信〔2026〕12号", "city_day": AT.date()}
    tomorrow: dict[str, Any] = {**paper, "city_day": AT.date() + timedelta(days=1)}
    assert refusal(lambda: proposed(database, world, "city_approves", amount_wan=50, **tomorrow)) == "day_in_future"
    assert refusal(lambda: proposed(database, world, "city_approves", **paper)) == "no_amount"
    decided(database, world, "city_approves", amount_wan=50, **paper)
    assert state_of(database, world.project) == "implementing"
    with database.reading() as session:
        city = find_city_decision(session, world.project)
        assert city is not None
        assert (city.outcome, city.number, city.amount_fen) == ("approved", "津工信〔2026〕12号", 50 * WAN)
        assert session.get_one(Project, world.project).amount_fen == 50 * WAN


def test_the_city_refuses(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, project_class=ProjectClass.MUNICIPAL)
    decided(sqlite_database, world, "send_to_city")
    decided(sqlite_database, world, "city_refuses", city_number="津工信〔2026〕13号", city_day=AT.date())
    with sqlite_database.reading() as session:
        project = session.get_one(Project, world.project)
        assert (project.state, project.amount_fen, project.reason) == (ProjectState.NOT_SELECTED, None, "符合指南")


def test_class_three_is_shown_without_a_panel(sqlite_database: Database) -> None:
    world = open_world(sqlite_database, project_class=ProjectClass.OTHER)
    decided(sqlite_database, world, "show", amount_wan=40)
    decided(sqlite_database, world, "approve", at=AT + timedelta(days=8))
    assert state_of(sqlite_database, world.project) == "approved"
    # By local money alone: the central budget is as it was.
    assert money_of(sqlite_database, world) == {"committed": 40 * WAN, "central": 10_000 * WAN}
    with sqlite_database.reading() as session:
        # What is done already needs no agreement.
        assert find_agreement(session, world.project) is None


def test_a_confirmation_that_fails_leaves_the_proposal_as_it_was(database: Database) -> None:
    """The guide's money was cut between the two persons: the whole transaction goes, the decision waits on."""
    world = open_world(database)
    ranked(database, world)
    proposed(database, world, "show", amount_wan=80)
    with database.writing() as session:
        session.execute(update(Guide).where(Guide.id == world.guide).values(budget_fen=10 * WAN))
    assert refusal(lambda: answered(database, world, "confirm")) == "over_budget"
    assert str(waiting(database, world.project).state) == "proposed"
    with database.reading() as session:
        assert find_publicity(session, world.project) is None
        assert session.get_one(Project, world.project).amount_fen is None
        assert [task.kind for task in find_tasks(session, world.people["bureau2"])].count("confirm_decision") == 1


def money_of(database: Database, world: World) -> dict[str, int]:
    """Account → fen of the project, and what this year's central budget still has."""
    with database.reading() as session:
        own = {str(row.account): row.fen for row in find_balances(session, world.project) if row.fen}
        return own | {"central": balance_of(session, LedgerAccount.AVAILABLE, "central", AT.year)}


def test_approval_sets_the_money_aside(database: Database) -> None:
    world = open_world(database, funds_wan=100)
    approved(database, world, amount_wan=80)
    assert money_of(database, world) == {"committed": 80 * WAN, "central": 20 * WAN}
    with database.reading() as session:
        assert audit_ledger(session, RULES.fund) == []


def test_without_a_budget_nothing_is_approved(database: Database) -> None:
    world = open_world(database, funds_wan=0)
    shown(database, world)
    later = AT + timedelta(days=8)
    assert refusal(lambda: decided(database, world, "approve", at=later)) == "over_budget"
    assert state_of(database, world.project) == "shown"
    assert waiting(database, world.project).event == "approve"
    assert money_of(database, world) == {"central": 0}


def test_whoever_does_not_sign_in_time_gives_the_money_back(database: Database) -> None:
    world = open_world(database, funds_wan=100)
    later = approved(database, world, amount_wan=80)
    decided(database, world, "lapse", at=later + timedelta(days=60))
    assert state_of(database, world.project) == "not_selected"
    assert money_of(database, world) == {"central": 100 * WAN}
