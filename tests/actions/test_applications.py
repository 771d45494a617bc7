"""From the open window to what was handed in: who may, what is kept, who is asked and told."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select

from marketplace.actions import transition
from marketplace.actions.application_files import attach_document, remove_document
from marketplace.actions.application_submission import changes_since_submission, lapse, submit, unanswered_sections
from marketplace.actions.applications import save_section, start_application, withdraw
from marketplace.actions.applications_daily import ask_about_overdue_supplements, tell_of_closed_windows
from marketplace.actions.files import attach
from marketplace.actions.numbers import next_number
from marketplace.actions.windows import create_window, edit_window, move_closing, publish_window, withdraw_window
from marketplace.domain import providers
from marketplace.domain.access import Role
from marketplace.domain.application_checks import Verdict, check_application
from marketplace.domain.applications import TABLE, ApplicationState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.windows import WindowState
from marketplace.pilot import Pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.application_facts import find_facts
from marketplace.records.applications import ApplicationTrace, ProviderApplication, SectionRemark, find_application, find_submissions
from marketplace.records.database import Database
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.history import HistoryEntry
from marketplace.records.notices import Notice
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task, find_tasks
from marketplace.records.windows import ApplicationWindow
from tests.actions.applicants import AT, RULES, TODAY, Applicants, draft, fill, open_applicants, person, start, stored
from tests.domain.applications import whole_answers


@pytest.fixture
def them(database: Database) -> Applicants:
    return open_applicants(database)


def refused(code: str, action: Any, *args: Any, **values: Any) -> None:
    with pytest.raises(RefusedError) as error:
        action(*args, **values)
    assert error.value.refused.code == code


def state_of(them: Applicants, application: ProviderApplication) -> ApplicationState:
    with them.database.reading() as session:
        return session.get_one(ProviderApplication, application.id).state


def open_kinds(them: Applicants, viewer: Any) -> list[str]:
    with them.database.reading() as session:
        return [task.kind for task in find_tasks(session, viewer)]


def send_back(them: Applicants, application: ProviderApplication, section: str = "cases", until: date | None = None) -> None:
    """As the review does it."""
    with them.database.writing() as session:
        found = session.get_one(ProviderApplication, application.id)
        found.remarks.append(SectionRemark(section=section, reason="缺少验收单", by=them.manager.account_id, at=AT))
        found.supplement_until = until
        transition.apply(session, found, TABLE, "send_back", actor="m", roles={Role.MANAGER}, at=AT)


# ---- windows


def test_a_window_is_drafted_published_extended_and_withdrawn(them: Applicants, pilot: Pilot) -> None:
    database, manager = them.database, them.manager
    window = create_window(database, draft(), viewer=manager, at=AT, today=TODAY)
    assert window.number == "SB-2026-02"
    edit_window(database, window.id, draft(title="第二批"), viewer=manager, at=AT)
    refused("not_allowed", edit_window, database, window.id, draft(), viewer=them.applicant, at=AT)
    refused("required", edit_window, database, window.id, draft(title=" "), viewer=manager, at=AT)
    publish_window(database, window.id, viewer=manager, at=AT, today=TODAY)
    refused("window_published", edit_window, database, window.id, draft(), viewer=manager, at=AT)
    refused("wrong_state", publish_window, database, window.id, viewer=manager, at=AT, today=TODAY)
    application = start_application(database, window.id, them.organisation, viewer=them.applicant, at=AT, today=TODAY, rules=RULES)
    later = {"viewer": manager, "at": AT, "today": TODAY, "why": "春节"}
    refused("reason_missing", move_closing, database, window.id, date(2026, 12, 31), **{**later, "why": " "})
    refused("not_allowed", move_closing, database, window.id, date(2026, 12, 31), **{**later, "viewer": them.applicant})
    move_closing(database, window.id, date(2026, 12, 31), **later)
    with database.reading() as session:
        task = session.scalars(select(Task).where(Task.noun_id == application.id, Task.kind == "application_fill")).one()
        assert task.due == date(2026, 12, 31)
        task_id = task.id
        told = session.scalars(select(Notice).where(Notice.noun == "window", Notice.public_ref == window.public_id)).all()
        assert "截止日期改为" in told[-1].message
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "window", HistoryEntry.noun_id == window.id)).all()
        assert verbs == ["create", "edit", "publish", "extend"]
    withdraw_window(database, window.id, viewer=manager, at=AT, why="条件有变")
    with database.reading() as session:
        assert session.get_one(ApplicationWindow, window.id).state == WindowState.WITHDRAWN
        assert session.get_one(Task, task_id).done_at is not None
    refused("window_not_published", move_closing, database, window.id, date(2026, 12, 30), **later)
    refused("window_withdrawn", submit, database, application.id, **_submitting(them, pilot.application))


def _submitting(them: Applicants, rules: Any, **changed: Any) -> dict[str, Any]:
    return {"rules": rules, "viewer": them.applicant, "at": AT, "today": TODAY, **changed}


def test_a_notice_that_is_over_is_not_published(them: Applicants) -> None:
    window = create_window(them.database, draft(closes=date(2026, 11, 24)), viewer=them.manager, at=AT, today=TODAY)
    refused("closes_past", publish_window, them.database, window.id, viewer=them.manager, at=AT, today=TODAY)


# ---- beginning and filling in


def test_only_a_providers_member_begins_and_only_once(them: Applicants) -> None:
    begin = (them.database, them.window, them.organisation)
    values = {"at": AT, "today": TODAY, "rules": RULES}
    for viewer in (them.rival, them.manager, them.stranger):
        refused("not_allowed", start_application, *begin, viewer=viewer, **values)
    # A member of the other organisation as an enterprise may not begin for it either.
    refused("not_allowed", start_application, them.database, them.window, them.rival_organisation, viewer=them.stranger, **values)
    refused("window_not_open", start_application, *begin, viewer=them.applicant, **{**values, "today": date(2026, 12, 5)})
    application = start_application(*begin, viewer=them.writer, **values)
    assert application.number == "SQ-2026-0001"
    refused("already_applied", start_application, *begin, viewer=them.applicant, **values)
    assert start(them, rival=True).number == "SQ-2026-0002"
    assert open_kinds(them, them.applicant) == ["application_fill"]
    withdraw(them.database, application.id, viewer=them.applicant, at=AT)
    assert open_kinds(them, them.applicant) == []
    assert start(them).number == "SQ-2026-0003"


def test_whoever_is_in_the_pool_needs_no_application(them: Applicants) -> None:
    with them.database.writing() as session:
        provider = Provider(organisation_id=them.organisation, source="t", source_ref="1")
        session.add(provider)
        session.flush()
        number = provider.id
    begin = {"viewer": them.applicant, "at": AT, "today": TODAY, "rules": RULES}
    refused("in_pool", start_application, them.database, them.window, them.organisation, **begin)
    with them.database.writing() as session:
        provider = session.get_one(Provider, number)
        transition.apply(session, provider, providers.TABLE, "retire", actor="b", roles={Role.BUREAU}, at=AT)
        provider.reapply_from = date(2027, 5, 1)
        assert provider.state == providers.ProviderState.RETIRED
    application = start_application(them.database, them.window, them.organisation, **begin)
    with them.database.reading() as session:
        found = find_facts(session, session.get_one(ProviderApplication, application.id), TODAY)
        assert found.reapply_from == date(2027, 5, 1)


def test_what_is_typed_is_kept_half_filled_and_mistyped(them: Applicants, pilot: Pilot) -> None:
    application = start(them)
    save = {"rules": pilot.application, "viewer": them.writer, "at": AT}
    half = {"fields": {"contact": "李四", "phone": "abc"}, "rows": []}
    saved = save_section(them.database, application.id, "organisation", half, version=0, **save)
    assert (saved.version, saved.answers["organisation"]) == (1, half)
    # The same again changes nothing.
    assert save_section(them.database, application.id, "organisation", half, version=1, **save).version == 1
    # An empty row is kept: a button put it there.
    assert save_section(them.database, application.id, "cases", {"fields": {}, "rows": [{"key": "1"}]}, version=1, **save).version == 2
    for viewer in (them.rival, them.manager, them.stranger):
        refused("not_allowed", save_section, them.database, application.id, "cases", {}, version=9, **{**save, "viewer": viewer})
    with them.database.reading() as session:
        entries = session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "application").order_by(HistoryEntry.id)).all()
        assert [entry.verb for entry in entries] == ["start", "save", "save"]
        assert entries[1].after == {"section": "organisation", "contact": "李四", "phone": "abc"}


def test_two_who_type_at_once_lose_nothing(them: Applicants, pilot: Pilot) -> None:
    application = start(them)
    save = {"rules": pilot.application, "at": AT}
    one, other = {"fields": {"scope": "甲"}, "rows": []}, {"fields": {"scope": "乙"}, "rows": []}
    save_section(them.database, application.id, "licence", one, version=0, viewer=them.applicant, **save)
    refused("changed_meanwhile", save_section, them.database, application.id, "licence", other, version=0, viewer=them.writer, **save)
    # Another section, or the same words, is no conflict.
    save_section(them.database, application.id, "licence", one, version=0, viewer=them.writer, **save)
    save_section(them.database, application.id, "others", other, version=0, viewer=them.writer, **save)
    saved = save_section(them.database, application.id, "licence", other, version=2, viewer=them.writer, **save)
    assert saved.answers["licence"] == other
    assert saved.saved_by == them.writer.account_id


def test_too_many_rows_are_refused(them: Applicants, pilot: Pilot) -> None:
    application = start(them)
    rows = [{"key": str(number)} for number in range(1, pilot.application.most_rows + 2)]
    save = {"version": 0, "rules": pilot.application, "viewer": them.applicant, "at": AT}
    refused("too_many_rows", save_section, them.database, application.id, "cases", {"fields": {}, "rows": rows}, **save)


def test_files_go_with_their_row(them: Applicants, pilot: Pilot) -> None:
    application = start(them)
    save = {"rules": pilot.application, "viewer": them.applicant, "at": AT}
    save_section(them.database, application.id, "cases", {"fields": {}, "rows": [{"key": "1"}, {"key": "2"}]}, version=0, **save)
    put = {"rules": pilot.application, "viewer": them.writer, "at": AT}
    for row in ("1", "2"):
        attach_document(them.database, application.id, stored(f"{row}.pdf"), document="case_proof", row=row, **put)
    kept = attach_document(them.database, application.id, stored("执照.pdf"), document="licence", **put)
    refused("unknown_document", attach_document, them.database, application.id, stored("x.pdf"), document="case_proof", row="9", **put)
    refused("unknown_document", attach_document, them.database, application.id, stored("x.pdf"), document="case_proof", **put)
    refused("unknown_document", attach_document, them.database, application.id, stored("x.pdf"), document="licence", row="1", **put)
    refused("unknown_document", attach_document, them.database, application.id, stored("x.pdf"), document="nonsense", **put)
    refused(
        "not_allowed", attach_document, them.database, application.id, stored("x.pdf"), document="licence", **{**put, "viewer": them.rival}
    )
    save_section(them.database, application.id, "cases", {"fields": {}, "rows": [{"key": "2"}]}, version=1, **save)
    with them.database.reading() as session:
        assert [one.kind for one in find_attachments(session, "application", application.id)] == ["case_proof.2", "licence"]
    refused("unknown_file", remove_document, them.database, application.id, "00000000", viewer=them.applicant, at=AT)
    refused("not_allowed", remove_document, them.database, application.id, kept.public_id, viewer=them.rival, at=AT)
    # What the office wrote hangs on the same application, and is not the applicant's.
    with them.database.writing() as session:
        letter = attach(
            session,
            stored("通知书.pdf"),
            noun="application",
            noun_id=application.id,
            kind="letter",
            organisation_id=them.organisation,
            viewer=them.manager,
            at=AT,
        )
    refused("unknown_file", remove_document, them.database, application.id, letter.public_id, viewer=them.applicant, at=AT)
    with them.database.writing() as session:
        session.delete(session.get_one(Attachment, letter.id))
    remove_document(them.database, application.id, kept.public_id, viewer=them.applicant, at=AT)
    with them.database.reading() as session:
        assert [one.kind for one in find_attachments(session, "application", application.id)] == ["case_proof.2"]
        assert session.scalar(select(func.count()).select_from(Attachment)) == 3


def test_who_is_there_as_an_enterprise_has_no_part_in_the_application(them: Applicants, pilot: Pilot) -> None:
    """A provider elsewhere, and a member of this organisation on its other side, with every right there."""
    application = start(them)
    with them.database.writing() as session:
        both = person(session, "both", them.organisation, Role.ENTERPRISE)
        account = session.get_one(Account, both.account_id)
        account.memberships.append(
            Membership(organisation_id=them.rival_organisation, role=Role.PROVIDER, areas=[], rights=["submit", "edit"])
        )
        session.flush()
        both = find_viewer(session, account.id)  # type: ignore[assignment]
    asked = {"rules": pilot.application, "viewer": both, "at": AT}
    refused("not_allowed", save_section, them.database, application.id, "others", {"fields": {}, "rows": []}, version=0, **asked)
    with them.database.reading() as session:
        assert find_application(session, application.public_id, both) is None
        assert find_application(session, application.public_id, them.writer) is not None


# ---- handing in


def test_a_whole_application_is_handed_in(them: Applicants, pilot: Pilot) -> None:
    application = start(them)
    rules = pilot.application
    refused("checks_fail", submit, them.database, application.id, **_submitting(them, rules))
    fill(them, application, rules, them.writer)
    refused("window_closed", submit, them.database, application.id, **_submitting(them, rules, today=date(2026, 12, 5)))
    for viewer in (them.writer, them.rival, them.manager, them.stranger):
        refused("not_allowed", submit, them.database, application.id, **_submitting(them, rules, viewer=viewer))
    submit(them.database, application.id, **_submitting(them, rules))
    assert state_of(them, application) == ApplicationState.SUBMITTED
    assert open_kinds(them, them.applicant) == []
    assert open_kinds(them, them.manager) == ["application_accept"]
    with them.database.reading() as session:
        (handed,) = find_submissions(session, application.id)
        assert handed.answers["licence"] == whole_answers()["licence"]
        assert {row["verdict"] for row in handed.checks} == {"pass"}
        assert len(handed.files) == 7
        people = session.scalars(select(Notice.account_id).where(Notice.noun == "application")).all()
        assert set(people) == {them.applicant.account_id, them.writer.account_id}
    save = {"version": 99, "rules": rules, "viewer": them.applicant, "at": AT}
    refused("not_writable", save_section, them.database, application.id, "licence", {"fields": {}, "rows": []}, **save)
    refused("wrong_state", submit, them.database, application.id, **_submitting(them, rules))


def test_a_supplement_answers_every_remark(them: Applicants, pilot: Pilot) -> None:
    rules = pilot.application
    application = start(them)
    fill(them, application, rules, them.applicant)
    submit(them.database, application.id, **_submitting(them, rules))
    send_back(them, application, until=date(2026, 12, 10))
    # Long after the window closed, but nothing was done about the remark yet.
    late = _submitting(them, rules, today=date(2026, 12, 8))
    refused("remarks_unanswered", submit, them.database, application.id, **late)
    answers = whole_answers()["cases"]
    answers["rows"][0]["effect"] = "配送人员 26 → 8 人，见验收单"
    save_section(them.database, application.id, "cases", answers, version=99, rules=rules, viewer=them.writer, at=AT)
    with them.database.reading() as session:
        found = session.get_one(ProviderApplication, application.id)
        assert unanswered_sections(session, found, rules) == []
        assert [(change.section, change.row) for change in changes_since_submission(session, found, rules)] == [("cases", 1)]
    submit(them.database, application.id, **late)
    with them.database.reading() as session:
        found = session.get_one(ProviderApplication, application.id)
        assert found.open_remarks == 0
        assert found.supplement_until is None
        assert [one.round for one in find_submissions(session, application.id)] == [1, 2]
    # Words alone answer a remark as well.
    send_back(them, application, "licence")
    with them.database.reading() as session:
        (remark,) = (one.id for one in session.get_one(ProviderApplication, application.id).remarks if one.settled_at is None)
    save = {"version": 99, "rules": rules, "viewer": them.applicant, "at": AT}
    same = whole_answers()["licence"]
    save_section(them.database, application.id, "licence", same, replies={remark: "执照长期有效"}, **save)
    submit(them.database, application.id, **late)
    with them.database.reading() as session:
        assert session.get_one(SectionRemark, remark).reply == "执照长期有效"
        assert session.get_one(SectionRemark, remark).settled_at is not None


def test_nobody_answers_and_it_lapses(them: Applicants, pilot: Pilot) -> None:
    application = start(them)
    fill(them, application, pilot.application, them.applicant)
    submit(them.database, application.id, **_submitting(them, pilot.application))
    send_back(them, application, until=date(2026, 12, 2))
    act = {"viewer": them.manager, "at": AT}
    refused("supplement_running", lapse, them.database, application.id, today=date(2026, 12, 2), **act)
    refused("not_allowed", lapse, them.database, application.id, today=date(2026, 12, 3), viewer=them.applicant, at=AT)
    lapse(them.database, application.id, today=date(2026, 12, 3), **act)
    assert state_of(them, application) == ApplicationState.WITHDRAWN
    assert open_kinds(them, them.manager) == []


def test_what_was_handed_in_is_taken_back(them: Applicants, pilot: Pilot) -> None:
    application = start(them)
    fill(them, application, pilot.application, them.applicant)
    submit(them.database, application.id, **_submitting(them, pilot.application))
    for viewer in (them.writer, them.rival, them.manager):
        refused("not_allowed", withdraw, them.database, application.id, viewer=viewer, at=AT)
    withdraw(them.database, application.id, viewer=them.applicant, at=AT, why="材料有误")
    assert state_of(them, application) == ApplicationState.WITHDRAWN
    assert open_kinds(them, them.manager) == []
    with them.database.reading() as session:
        told = session.scalars(select(Notice).where(Notice.account_id == them.manager.account_id)).all()
        assert "撤回了申报" in told[-1].message


def test_earlier_answers_are_used_again(them: Applicants, pilot: Pilot) -> None:
    refused("nothing_to_reuse", start, them, reuse=True)
    first = start(them)
    fill(them, first, pilot.application, them.applicant)
    withdraw(them.database, first.id, viewer=them.applicant, at=AT)
    with them.database.writing() as session:
        # As the review does with a letter about it.
        letter = {"noun": "application", "noun_id": first.id, "kind": "letter", "organisation_id": them.organisation}
        attach(session, stored("通知书.pdf"), viewer=them.manager, at=AT, **letter)
    second = start(them, reuse=True)
    with them.database.reading() as session:
        found = session.get_one(ProviderApplication, second.id)
        assert found.reused_from == first.id
        assert found.answers["cases"] == whole_answers()["cases"]
        # The promise of truth is given anew.
        assert "promise" not in found.answers["others"]["fields"]
        copied, original = (
            [(one.kind, one.sha256) for one in find_attachments(session, "application", number)] for number in (second.id, first.id)
        )
        assert copied == [one for one in original if one[0] != "letter"]
        assert len(copied) == 7
        assert session.scalar(select(func.count()).where(ApplicationTrace.application_id == second.id)) == 3
        # The organisation's own earlier application is no rival.
        assert not [result for result in check_application(find_facts(session, found, TODAY), pilot.application) if result.for_staff]
    # A rival finds nothing of it to reuse.
    refused("nothing_to_reuse", start, them, rival=True, reuse=True)


def test_what_two_applicants_share_is_found(them: Applicants, pilot: Pilot) -> None:
    mine, theirs = start(them), start(them, rival=True)
    fill(them, mine, pilot.application, them.applicant)
    answers = whole_answers()
    answers["organisation"]["fields"] |= {"phone": "(022) 6600-1234", "email": "LI.SI@example.com"}
    answers["experts"]["rows"][0]["id_tail"] = "123x"
    fill(them, theirs, pilot.application, them.rival, answers)
    put = {"rules": pilot.application, "at": AT}
    attach_document(them.database, mine.id, stored("甲.pdf", "同一份"), document="other", viewer=them.applicant, **put)
    attach_document(them.database, theirs.id, stored("乙.pdf", "同一份"), document="other", viewer=them.rival, **put)

    def found(application: ProviderApplication) -> set[tuple[str, str, str]]:
        with them.database.reading() as session:
            facts = find_facts(session, session.get_one(ProviderApplication, application.id), TODAY)
            results = check_application(facts, pilot.application)
        assert all(result.verdict == Verdict.LOOK_AT for result in results if result.for_staff)
        return {(result.code, result.values["what"], *result.values["others"]) for result in results if result.for_staff}

    assert found(mine) == {
        ("shared_file", "甲.pdf", "乙公司（示例）"),
        ("shared_contact", "02266001234", "乙公司（示例）"),
        ("shared_contact", "li.si@example.com", "乙公司（示例）"),
        ("shared_expert", "王五", "乙公司（示例）"),
    }
    assert {others for *_rest, others in found(theirs)} == {"甲公司（示例）"}
    # It is for people to judge, and stops nobody.
    submit(them.database, mine.id, **_submitting(them, pilot.application))
    withdraw(them.database, theirs.id, viewer=them.rival, at=AT)
    assert found(mine) == set()


# ---- who reads


def test_a_rivals_application_is_as_absent_as_a_missing_one(them: Applicants) -> None:
    application = start(them)
    with them.database.reading() as session:
        readers = {
            name: find_application(session, application.public_id, getattr(them, name)) for name in ("applicant", "writer", "manager")
        }
        assert all(found is not None and found.id == application.id for found in readers.values())
        assert find_application(session, application.public_id, them.rival) is None
        assert find_application(session, application.public_id, them.stranger) is None


# ---- numbers


def test_numbers_are_given_once(database: Database) -> None:
    found: list[str] = []

    def take() -> None:
        with database.writing() as session:
            found.append(next_number(session, "SQ", 2026))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"SQ-2026-{number:04}" for number in range(1, 9)]
    with database.writing() as session:
        assert next_number(session, "SQ", 2027) == "SQ-2027-0001"
        assert next_number(session, "SB", 2027, digits=2) == "SB-2027-01"


def test_two_members_who_begin_at_once_have_one_application(them: Applicants) -> None:
    answers: list[str] = []

    def begin() -> None:
        try:
            answers.append(start(them).number)
        except RefusedError as error:
            answers.append(error.refused.code)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["SQ-2026-0001", *["already_applied"] * 3]


# ---- what days do


def test_a_window_that_closed_over_a_draft(them: Applicants) -> None:
    application = start(them)

    def day(today: date) -> None:
        with them.database.writing() as session:
            tell_of_closed_windows(session, today, AT)

    day(date(2026, 12, 4))
    assert open_kinds(them, them.applicant) == ["application_fill"]
    for _again in range(2):
        day(date(2026, 12, 7))
    assert open_kinds(them, them.applicant) == []
    assert state_of(them, application) == ApplicationState.DRAFT
    with them.database.reading() as session:
        told = session.scalars(
            select(Notice.message).where(Notice.account_id == them.writer.account_id, Notice.noun == "application")
        ).all()
        assert told == ["申报窗口“{title}”已截止。您填写的内容已保存为草稿，下一批开放时可继续。"]


def test_an_overdue_supplement_is_asked_about_once(them: Applicants, pilot: Pilot) -> None:
    application = start(them)
    fill(them, application, pilot.application, them.applicant)
    submit(them.database, application.id, **_submitting(them, pilot.application))
    send_back(them, application, until=date(2026, 12, 2))

    def day(today: date) -> None:
        with them.database.writing() as session:
            ask_about_overdue_supplements(session, today, AT)

    day(date(2026, 12, 2))
    assert "application_lapse" not in open_kinds(them, them.manager)
    for _again in range(2):
        day(date(2026, 12, 3))
    assert open_kinds(them, them.manager).count("application_lapse") == 1
    # Late, but before anybody decided: it counts.
    save = {"version": 99, "rules": pilot.application, "viewer": them.applicant, "at": AT}
    answers = whole_answers()["cases"]
    answers["rows"][0]["effect"] = "见验收单"
    save_section(them.database, application.id, "cases", answers, **save)
    submit(them.database, application.id, **_submitting(them, pilot.application, today=date(2026, 12, 9)))
    assert open_kinds(them, them.manager) == ["application_accept"]
