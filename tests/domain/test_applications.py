"""Applications and windows: every state, event and role; every reading of an answer; every machine check."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain import applications, windows
from marketplace.domain.access import Role
from marketplace.domain.application_answers import FileFact, Missing, completeness, read
from marketplace.domain.application_changes import all_differences, changed_sections, differences
from marketplace.domain.application_checks import Facts, Verdict, check_application, failures, months_between, wanted_years
from marketplace.domain.application_sections import SECTIONS, Field, Kind, section_of
from marketplace.domain.applications import ApplicationState, Lapse, Submission, ball
from marketplace.domain.lifecycle import Refused, Table, Transition, allowed_events, decide
from marketplace.domain.windows import Phase, WindowDraft, WindowState, check, check_closing, check_published, phase
from marketplace.domain.working_days import Calendar
from marketplace.pilot import Pilot
from tests.domain.applications import REQUIRED, TODAY, whole_answers, whole_facts, whole_files

OPEN = Submission(TODAY, date(2026, 11, 1), date(2026, 12, 1))
REMARKED = SimpleNamespace(open_remarks=1, publicity_days=5)
PLAIN = SimpleNamespace(open_remarks=1, publicity_days=0)
OVERDUE = Lapse(TODAY, date(2026, 11, 24))
DECIDERS = "manager bureau admin"
# (state, event) → (state after, roles that may, a subject whose guard is silent).
APPLICATION: dict[tuple[str, str], tuple[str, str, Any]] = {
    ("draft", "submit"): ("submitted", "provider", OPEN),
    ("sent_back", "submit"): ("submitted", "provider", OPEN),
    ("submitted", "accept"): ("under_review", "manager admin", None),
    ("submitted", "send_back"): ("sent_back", "manager admin", REMARKED),
    ("under_review", "send_back"): ("sent_back", "manager admin", REMARKED),
    ("sent_back", "lapse"): ("withdrawn", "manager admin", OVERDUE),
    ("under_review", "close_review"): ("reviewed", "manager admin", None),
    ("reviewed", "publish"): ("publicity", DECIDERS, REMARKED),
    ("reviewed", "admit"): ("admitted", DECIDERS, PLAIN),
    ("publicity", "admit"): ("admitted", DECIDERS, None),
    ("reviewed", "refuse"): ("refused", DECIDERS, None),
    ("publicity", "refuse"): ("refused", DECIDERS, None),
    **{(state, "withdraw"): ("withdrawn", "provider", None) for state in ("draft", "submitted", "sent_back", "under_review")},
}
WINDOW: dict[tuple[str, str], tuple[str, str, Any]] = {
    ("draft", "publish"): ("published", "manager admin", None),
    ("draft", "withdraw"): ("withdrawn", "manager admin", None),
    ("published", "withdraw"): ("withdrawn", "manager admin", None),
}
TABLES: list[tuple[Table, list[str], dict[tuple[str, str], tuple[str, str, Any]]]] = [
    (applications.TABLE, list(ApplicationState), APPLICATION),
    (windows.TABLE, list(WindowState), WINDOW),
]


@pytest.mark.parametrize(("table", "states", "expected"), TABLES)
def test_every_state_event_and_role(table: Table, states: list[str], expected: dict[tuple[str, str], tuple[str, str, Any]]) -> None:
    events = sorted({row.event for row in table} | {"no_such_event"})
    for state, event, role in product(states, events, Role):
        to, roles, subject = expected.get((state, event), ("", "", None))
        found = decide(table, state, event, {role}, subject)
        if not to:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "wrong_state"
        elif role not in roles.split():
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed"
        else:
            assert isinstance(found, Transition), (state, event, role, found)
            assert found.to == to
    for state, role in product(states, Role):
        wanted = {event for (before, event), (_to, roles, _subject) in expected.items() if before == state and role in roles.split()}
        assert {row.event for row in allowed_events(table, state, {role})} == wanted


@pytest.mark.parametrize(
    ("state", "event", "role", "subject", "code"),
    [
        ("draft", "submit", "provider", Submission(date(2026, 12, 2), OPEN.opens, OPEN.closes), "window_closed"),
        ("draft", "submit", "provider", Submission(date(2026, 10, 31), OPEN.opens, OPEN.closes), "window_coming"),
        ("draft", "submit", "provider", Submission(TODAY, OPEN.opens, OPEN.closes, is_withdrawn_window=True), "window_withdrawn"),
        ("draft", "submit", "provider", Submission(TODAY, OPEN.opens, OPEN.closes, failures=[Refused("x", "x")]), "checks_fail"),
        ("sent_back", "submit", "provider", Submission(TODAY, OPEN.opens, OPEN.closes, unanswered=["案例"]), "remarks_unanswered"),
        ("submitted", "send_back", "manager", SimpleNamespace(open_remarks=0, publicity_days=0), "remarks_missing"),
        ("reviewed", "publish", "bureau", PLAIN, "no_publicity"),
        ("reviewed", "admit", "bureau", REMARKED, "publicity_first"),
        ("sent_back", "lapse", "manager", Lapse(TODAY, TODAY), "supplement_running"),
        ("sent_back", "lapse", "manager", Lapse(TODAY, None), "supplement_running"),
    ],
)
def test_guards(state: str, event: str, role: str, subject: Any, code: str) -> None:
    found = decide(applications.TABLE, state, event, {role}, subject)
    assert isinstance(found, Refused)
    assert found.code == code
    assert "{" not in found.sentence()


def test_the_last_day_counts_until_midnight_and_a_supplement_is_not_bound_to_the_window() -> None:
    assert isinstance(
        decide(applications.TABLE, "draft", "submit", {"provider"}, Submission(OPEN.closes, OPEN.opens, OPEN.closes)), Transition
    )
    late = Submission(date(2027, 1, 1), OPEN.opens, OPEN.closes, is_supplement=True)
    assert isinstance(decide(applications.TABLE, "sent_back", "submit", {"provider"}, late), Transition)
    closed = applications.window_closed(date(2026, 11, 20))
    assert closed.sentence() == "申报窗口已于 2026-11-20 24:00 关闭。您填写的内容已保存为草稿，下一批开放时可继续。"


@pytest.mark.parametrize("state", list(ApplicationState))
def test_somebody_has_the_ball_until_the_end(state: ApplicationState) -> None:
    days = {"today": TODAY, "closes": date(2026, 12, 1), "supplement_until": date(2026, 12, 2), "publicity_until": date(2026, 12, 3)}
    found = ball(state, **days)
    if state in applications.ENDED:
        assert found is None
        assert not [row for row in applications.TABLE if state in row.states]
        return
    assert found is not None
    due = {"draft": days["closes"], "sent_back": days["supplement_until"], "publicity": days["publicity_until"]}.get(state)
    assert found.due == due
    # After the public notice the ball is with those who decide, and the public is not late.
    over = ball(ApplicationState.PUBLICITY, **{**days, "today": date(2026, 12, 4)})
    assert over is not None
    assert (over.who, over.due) == ("deciders", None)


# ---- windows


def _window(state: WindowState = WindowState.PUBLISHED, results: datetime | None = None) -> Any:
    return SimpleNamespace(state=state, opens=date(2026, 11, 2), closes=date(2026, 11, 27), results_published_at=results)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 11, 1), Phase.COMING),
        (date(2026, 11, 2), Phase.OPEN),
        (date(2026, 11, 23), Phase.OPEN),
        (date(2026, 11, 24), Phase.CLOSING),
        (date(2026, 11, 27), Phase.CLOSING),
        (date(2026, 11, 28), Phase.CLOSED),
    ],
)
def test_a_window_is_what_its_dates_say(today: date, expected: Phase) -> None:
    assert phase(_window(), today) == expected
    assert phase(_window(WindowState.DRAFT), today) == Phase.DRAFT
    assert phase(_window(WindowState.WITHDRAWN), today) == Phase.WITHDRAWN
    assert phase(_window(results=datetime(2026, 12, 1, tzinfo=UTC)), today) == Phase.RESULTS


def test_closing_soon_counts_working_days() -> None:
    # The two days before the last one are holidays, so that three working days begin earlier.
    calendar = Calendar(frozenset({date(2026, 11, 25), date(2026, 11, 26)}))
    assert phase(_window(), date(2026, 11, 20), calendar) == Phase.CLOSING
    assert phase(_window(), date(2026, 11, 19), calendar) == Phase.OPEN


def test_a_window_draft_is_checked() -> None:
    good = WindowDraft("标题", "正文", ["chem"], [], date(2026, 11, 1), date(2026, 11, 30), 5)
    assert list(check(good)) == []
    assert {name for name, _ in check(WindowDraft(publicity_days=None))} == {
        "title",
        "text",
        "sectors",
        "opens",
        "closes",
        "publicity_days",
    }
    good.closes = date(2026, 10, 30)
    assert [(name, refused.code) for name, refused in check(good)] == [("closes", "dates_reversed")]
    assert check_published(good, date(2026, 10, 30)) is None
    assert check_published(good, date(2026, 10, 31)) is not None


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (None, "required"),
        (date(2026, 11, 27), "same_closing"),
        (date(2026, 11, 1), "dates_reversed"),
        (date(2026, 11, 24), "closing_past"),
        (date(2026, 11, 25), None),
        (date(2026, 12, 31), None),
    ],
)
def test_the_last_day_moves_but_not_into_the_past(new: date | None, code: str | None) -> None:
    found = check_closing(opens=date(2026, 11, 2), old=date(2026, 11, 27), new=new, today=TODAY)
    assert (found.code if found else None) == code


# ---- answers


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.LINE, "  甲 ", "甲"),
        (Kind.LINE, "", None),
        (Kind.LINE, "长" * 201, "too_long"),
        (Kind.TEXT, "长" * 2_000, "长" * 2_000),
        (Kind.COUNT, "1,200", 1200),
        (Kind.COUNT, "1.5", "not_whole"),
        (Kind.COUNT, "-1", "negative"),
        (Kind.COUNT, "很多", "not_a_number"),
        (Kind.COUNT, "NaN", "not_a_number"),
        (Kind.COUNT, "1e400", "too_large"),
        (Kind.MONEY, "0.1", 100_000),
        (Kind.MONEY, "99999999999", "too_large"),
        (Kind.HOURS, "1.5", 1.5),
        (Kind.YEAR, "2025年", 2025),
        (Kind.YEAR, "25", "not_a_year"),
        (Kind.DAY, "2025/3/1", date(2025, 3, 1)),
        (Kind.DAY, "2025年3月1日", date(2025, 3, 1)),
        (Kind.DAY, "2025-02-30", "not_a_day"),
        (Kind.EMAIL, "A.B@example.com", "a.b@example.com"),
        (Kind.EMAIL, "a.example.com", "not_an_email"),
        (Kind.PHONE, "022-66001234 转 8", "022-66001234 转 8"),
        (Kind.PHONE, "123", "not_a_phone"),
        (Kind.FLAG, "yes", True),
        (Kind.FLAG, "no", None),
        (Kind.CHOICE, "a", "a"),
        (Kind.CHOICE, "c", "unknown_answer"),
        (Kind.TERMS, ["auto"], ["auto"]),
        (Kind.TERMS, [], None),
        (Kind.TERMS, "auto", None),
    ],
)
def test_what_an_answer_means(kind: Kind, text: Any, value: Any) -> None:
    found = read(Field("x", "项目", kind, choices=(("a", "甲"),)), text)
    assert (found.code if isinstance(found, Refused) else found) == value


@given(st.sampled_from(list(Kind)), st.text(max_size=300))
def test_nothing_that_is_typed_breaks_the_reading(kind: Kind, text: str) -> None:
    found = read(Field("x", "项目", kind, choices=(("a", "甲"),)), text)
    if isinstance(found, Refused):
        assert found.sentence()


def test_a_whole_application_is_complete(pilot: Pilot) -> None:
    facts = whole_facts()
    for section in SECTIONS:
        found = completeness(section, facts.answers, facts.files, pilot.application, REQUIRED)
        assert found.is_complete, found
        assert found.done == found.total


def test_an_empty_application_says_what_is_missing(pilot: Pilot) -> None:
    totals = {section.key: completeness(section, {}, (), pilot.application, REQUIRED) for section in SECTIONS}
    assert [key for key, found in totals.items() if found.is_complete] == ["finance", "qualifications"]
    assert totals["licence"].missing == (
        Missing("经营范围"),
        Missing("注册资本（万元）"),
        Missing("营业期限自"),
        Missing("营业执照", 0, "licence"),
    )
    assert totals["cases"].missing == (Missing("案例", 1),)


def test_documents_of_rows_and_of_the_chosen_way(pilot: Pilot) -> None:
    answers = whole_answers()
    answers["cases"]["rows"].append({"key": "7", "title": "第二个", "cost": "很多"})
    found = completeness(section_of("cases"), answers, whole_files(), pilot.application, REQUIRED)
    assert {missing.row for missing in found.missing} == {2}
    assert Missing("案例证明材料", 2, "case_proof") in found.missing
    assert Missing("费用（万元）", 2) in found.missing
    answers["local"] = {"fields": {"mode": "commitment", "heads": "3", "remote_hours": "2", "onsite_hours": "24", "named_contact": "赵六"}}
    found = completeness(section_of("local"), answers, whole_files(), pilot.application, REQUIRED)
    assert [missing.document for missing in found.missing] == ["local_commitment"]
    # An answer that cannot be read counts as missing, also where nothing had to be answered.
    answers["licence"]["fields"]["valid_until"] = "长期"
    found = completeness(section_of("licence"), answers, whole_files(), pilot.application, REQUIRED)
    assert found.missing == (Missing("营业期限至"),)


# ---- checks


def _verdicts(facts: Facts, pilot: Pilot) -> dict[str, Verdict]:
    results = check_application(facts, pilot.application)
    for result in results:
        assert "{" not in Refused(result.code, result.message, result.values).sentence()
    order = {Verdict.PASS: 0, Verdict.LOOK_AT: 1, Verdict.FAIL: 2}
    worst: dict[str, Verdict] = {}
    for result in results:
        if result.code not in worst or order[result.verdict] > order[worst[result.code]]:
            worst[result.code] = result.verdict
    return worst


def test_a_whole_application_passes(pilot: Pilot) -> None:
    facts = whole_facts()
    assert set(_verdicts(facts, pilot).values()) == {Verdict.PASS}
    assert failures(check_application(facts, pilot.application)) == ()


def _spoiled(path: str, value: Any) -> Facts:
    answers = whole_answers()
    section, part, *rest = path.split(".")
    holder = answers[section][part]
    if part == "rows":
        holder = holder[int(rest[0])]
        rest = rest[1:]
    holder[rest[0]] = value
    return whole_facts(answers=answers)


def _without_file(kind: str, required: tuple[str, ...] = REQUIRED) -> Facts:
    return whole_facts(files=[file for file in whole_files() if file.kind != kind], required=required)


def _commitment(hours: str, *, signed: bool) -> Facts:
    answers = whole_answers()
    answers["local"] = {"fields": {"mode": "commitment", "heads": "3", "remote_hours": "2", "onsite_hours": hours, "named_contact": "赵六"}}
    files = [*whole_files(), *([FileFact("local_commitment", "f" * 64, "承诺.pdf")] if signed else [])]
    return whole_facts(answers=answers, files=files)


def _years(rows: list[str], explanation: str = "", established: str = "2015-03-01", today: date = TODAY) -> Facts:
    answers = whole_answers()
    answers["organisation"]["fields"]["established"] = established
    row = answers["finance"]["rows"][0]
    answers["finance"] = {
        "fields": {"explanation": explanation},
        "rows": [{**row, "key": str(n), "year": year} for n, year in enumerate(rows, 1)],
    }
    return whole_facts(answers=answers, today=today)


@pytest.mark.parametrize(
    ("facts", "code", "verdict"),
    [
        (_spoiled("organisation.fields.contact", ""), "incomplete", Verdict.FAIL),
        (_spoiled("organisation.fields.established", "2027-01-01"), "age", Verdict.FAIL),
        (_spoiled("organisation.fields.established", "2024-11-26"), "age", Verdict.LOOK_AT),
        (_spoiled("organisation.fields.established", "2024-11-25"), "age", Verdict.PASS),
        (_years(["2025"]), "statements", Verdict.FAIL),
        (_years([]), "statements", Verdict.FAIL),
        (_years([], "没有"), "statements", Verdict.FAIL),
        (_years(["2025"], "2024 年重组，无单独报表"), "statements", Verdict.LOOK_AT),
        (_years(["2025"], "", "2025-02-01"), "statements", Verdict.FAIL),
        (_years(["2025"], "2025 年成立", "2025-02-01"), "statements", Verdict.LOOK_AT),
        (_years([], "今年成立", "2026-02-01"), "statements", Verdict.LOOK_AT),
        (_years(["2024", "2023"], today=date(2026, 3, 1)), "statements", Verdict.PASS),
        (_years(["2024", "2023"], today=date(2026, 5, 1)), "statements", Verdict.FAIL),
        (_spoiled("finance.rows.0.debts", "2801"), "debt", Verdict.LOOK_AT),
        (_spoiled("finance.rows.0.debts", "2800"), "debt", Verdict.PASS),
        (_spoiled("finance.rows.0.debts", "4001"), "debt", Verdict.FAIL),
        (_spoiled("finance.rows.1.debts", "9999"), "debt", Verdict.PASS),
        (_spoiled("finance.rows.0.profit", "-1"), "losses", Verdict.LOOK_AT),
        (_spoiled("licence.fields.valid_until", "2026-11-24"), "licence", Verdict.FAIL),
        (_spoiled("licence.fields.valid_until", "2027-01-31"), "licence", Verdict.LOOK_AT),
        (_spoiled("licence.fields.valid_until", "2035-03-01"), "licence", Verdict.PASS),
        (_spoiled("licence.fields.valid_until", "2014-03-01"), "licence", Verdict.FAIL),
        (_spoiled("licence.fields.valid_from", "2026-12-01"), "licence", Verdict.FAIL),
        (_spoiled("local.fields.mode", "none"), "local", Verdict.FAIL),
        (_commitment("24", signed=True), "local", Verdict.PASS),
        (_commitment("24.5", signed=True), "local", Verdict.LOOK_AT),
        (_commitment("24", signed=False), "local", Verdict.FAIL),
        (_without_file("licence"), "document_missing", Verdict.FAIL),
        (_without_file("case_proof.1"), "document_missing", Verdict.FAIL),
        (_without_file("case_proof.1", ("licence",)), "case_proof", Verdict.LOOK_AT),
        (_spoiled("cases.rows.0.finished", "2024-06-30"), "case_dates", Verdict.FAIL),
        (_spoiled("cases.rows.0.finished", "2026-12-30"), "case_dates", Verdict.LOOK_AT),
        (whole_facts(sectors=("chem",)), "sectors", Verdict.FAIL),
        (whole_facts(is_in_pool=True), "in_pool", Verdict.FAIL),
        (whole_facts(reapply_from=date(2026, 11, 26)), "reapply", Verdict.FAIL),
        (whole_facts(reapply_from=date(2026, 11, 25)), "reapply", None),
    ],
)
def test_each_check(facts: Facts, code: str, verdict: Verdict | None, pilot: Pilot) -> None:
    assert _verdicts(facts, pilot).get(code) == verdict


def test_neither_office_nor_commitment_says_why(pilot: Pilot) -> None:
    results = check_application(_spoiled("local.fields.mode", "none"), pilot.application)
    (found,) = (result for result in results if result.code == "local")
    assert found.message == "在本地没有团队或办公场地，也没有签署《本地化服务承诺》。"
    assert found.section == "local"


def test_the_date_of_reapplication_is_said(pilot: Pilot) -> None:
    results = check_application(whole_facts(reapply_from=date(2027, 5, 1)), pilot.application)
    (found,) = (result for result in results if result.code == "reapply")
    assert Refused(found.code, found.message, found.values).sentence() == "贵单位退出资源池后，2027-05-01 起才能再次申报。"


@pytest.mark.parametrize("kind", ["shared_files", "shared_contacts", "shared_experts"])
def test_what_two_applicants_share_is_told_to_staff_only(kind: str, pilot: Pilot) -> None:
    from marketplace.domain.application_checks import Shared

    results = check_application(whole_facts(**{kind: [Shared("甲", ("乙公司",))]}), pilot.application)
    (found,) = (result for result in results if result.verdict == Verdict.LOOK_AT)
    assert found.for_staff
    assert found.values["others"] == ("乙公司",)
    assert not failures(results)


def test_months_and_years() -> None:
    assert months_between(date(2024, 11, 25), date(2026, 11, 25)) == 24
    assert months_between(date(2024, 11, 26), date(2026, 11, 25)) == 23
    assert months_between(date(2024, 2, 29), date(2025, 2, 28)) == 11


def test_wanted_years(pilot: Pilot) -> None:
    assert wanted_years(whole_facts(), pilot.application) == (2024, 2025)
    assert wanted_years(_years([], established="2025-06-01"), pilot.application) == (2025,)
    assert wanted_years(_years([], established="2026-06-01"), pilot.application) == ()


# ---- differences


def test_a_difference_names_section_row_and_answer() -> None:
    before, after = whole_answers(), whole_answers()
    after["licence"]["fields"]["scope"] = "软件开发、集成"
    after["cases"]["rows"].insert(0, {"key": "9", "title": "新的"})
    files = [file for file in whole_files() if file.kind != "licence"]
    changes = all_differences(before, after, whole_files(), files, {"licence": "licence"})
    assert [(change.section, change.row, change.field.key if change.field else "", change.document) for change in changes] == [
        ("licence", 0, "scope", ""),
        ("licence", 0, "", "licence"),
        ("cases", 1, "title", ""),
    ]
    assert changed_sections(changes) == {"licence", "cases"}
    assert list(differences(section_of("licence"), before, before)) == []
    del after["cases"]["rows"][1]
    gone = [change for change in differences(section_of("cases"), before, after) if not change.after]
    assert {change.row for change in gone} == {1}
