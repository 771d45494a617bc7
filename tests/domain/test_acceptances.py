"""Acceptance and changes of a project: what was attained, what a request, a review and a report need, and the tables row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from marketplace.domain import acceptances, project_changes
from marketplace.domain.acceptances import (
    AcceptanceState,
    DecisionDraft,
    FormDraft,
    Measure,
    ReportDraft,
    ReportRules,
    RequestDraft,
    Target,
    Wanted,
    attained,
    attainment,
    check_decision,
    check_form,
    check_report,
    check_request,
    conflict,
    missing,
    result_of,
)
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, decide
from marketplace.domain.project_changes import (
    ChangeDraft,
    ChangeKind,
    ChangeRules,
    ChangeState,
    Present,
    Standing,
    check,
    extends,
    months_later,
    needs_approval,
)
from marketplace.domain.projects import TABLES, ProjectClass

TODAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("direction", "baseline", "target", "measured", "share"),
    [
        ("up", 100, 120, 120, 1.0),
        ("up", 100, 120, 110, 0.5),
        ("up", 100, 120, 130, 1.5),
        ("up", 100, 120, 90, 0.0),
        ("down", 10, 5, 5, 1.0),
        ("down", 10, 5, 7.5, 0.5),
        ("down", 10, 5, 4, 1.2),
        ("down", 10, 5, 12, 0.0),
        # A level to be kept, and a target that lies on the wrong side of the baseline: reached or not.
        ("up", 98, 98, 98, 1.0),
        ("up", 98, 98, 97.9, 0.0),
        ("up", 98, 95, 96, 1.0),
        ("down", 2, 3, 2.5, 1.0),
        ("down", 2, 3, 3.1, 0.0),
        ("up", 0, 10, 5, 0.5),
        ("down", -1, -3, -2, 0.5),
    ],
)
def test_share_attained(direction: str, baseline: float, target: float, measured: float, share: float) -> None:
    assert attainment(direction, baseline, target, measured) == pytest.approx(share)


def targets(*weights: int) -> tuple[Target, ...]:
    return tuple(Target(str(place), f"指标 {place}", "%", "up", 0, 100, weight) for place, weight in enumerate(weights))


def test_all_indicators_together() -> None:
    assert attained(targets(60, 40), {"0": 50, "1": 100}) == pytest.approx(0.7)
    # What is far beyond its target makes up for nothing.
    assert attained(targets(50, 50), {"0": 1_000, "1": 0}) == pytest.approx(0.5)
    assert attained((), {}) is None


# ---------------------------------------------------------------- tables


ROLES = {
    "request": {Role.ENTERPRISE}, "return_form": {Role.AREA, Role.ADMIN}, "pass_form": {Role.AREA, Role.ADMIN},
    "report_acceptance": {Role.MANAGER, Role.ADMIN}, "pass": {Role.BUREAU, Role.ADMIN}, "fail": {Role.BUREAU, Role.ADMIN},
    "terminate": {Role.BUREAU, Role.ADMIN}, "file": {Role.ENTERPRISE}, "opine": {Role.AREA, Role.ADMIN},
    "approve": {Role.BUREAU, Role.ADMIN}, "refuse": {Role.BUREAU, Role.ADMIN}, "withdraw": {Role.ENTERPRISE},
    "lapse": {Role.BUREAU, Role.ADMIN},
}  # fmt: skip
LEADS = {
    ("acceptance", "draft"): {"request": "formal_review", "terminate": "closed"},
    ("acceptance", "returned"): {"request": "formal_review", "terminate": "closed"},
    ("acceptance", "formal_review"): {"return_form": "returned", "pass_form": "accepting", "terminate": "closed"},
    ("acceptance", "accepting"): {"report_acceptance": "deciding", "terminate": "closed"},
    ("acceptance", "deciding"): {"pass": "passed", "fail": "failed", "terminate": "closed"},
    ("change", "requested"): {"file": "filed", "opine": "opined", "withdraw": "withdrawn", "lapse": "withdrawn"},
    ("change", "opined"): {"approve": "approved", "refuse": "refused", "withdraw": "withdrawn", "lapse": "withdrawn"},
}
SUBJECTS: dict[str, object] = {"file": Standing(needs_approval=False), "opine": Standing(opinion="object")}


@pytest.mark.parametrize(
    ("name", "table", "state", "role"),
    [
        (name, table, state, role)
        for name, table, states in (("acceptance", acceptances.TABLE, AcceptanceState), ("change", project_changes.TABLE, ChangeState))
        for state in states
        for role in Role
    ],
)
def test_every_state_event_and_role(name: str, table: Table, state: str, role: Role) -> None:
    leads = LEADS.get((name, str(state)), {})
    for event in {row.event for row in table}:
        found = decide(table, state, event, {role}, SUBJECTS.get(event, Standing()))
        if event in leads and role in ROLES[event]:
            assert not isinstance(found, Refused)
            assert found.to == leads[event], (state, event)
        else:
            assert isinstance(found, Refused)
            assert found.code == ("not_allowed" if event in leads else "wrong_state"), (state, event, role)


def test_a_round_moves_by_the_events_of_its_project() -> None:
    """Every event of a round but its own request is one of the project's, by the same roles."""
    of_project = {row.event: set(row.roles) for row in TABLES[ProjectClass.CENTRAL]}
    for row in acceptances.TABLE:
        if row.event != "request":
            assert of_project[row.event] == set(row.roles), row.event


def test_guards_of_changes() -> None:
    large = decide(project_changes.TABLE, ChangeState.REQUESTED, "file", {Role.ENTERPRISE}, Standing(needs_approval=True))
    assert isinstance(large, Refused)
    assert large.code == "needs_approval"
    mute = decide(project_changes.TABLE, ChangeState.REQUESTED, "opine", {Role.AREA}, Standing(opinion="perhaps"))
    assert isinstance(mute, Refused)
    assert mute.code == "no_opinion"


# ---------------------------------------------------------------- what each form needs


WHOLE = Wanted(targets(100), {"s": "甲"}, {"self_evaluation": "自评"}, ("self_evaluation",), date(2026, 1, 1))
DRAFT = RequestDraft(TODAY, "做完了", "", {"0": Measure(90)}, {"s": {"quality": 4}})


def codes(found: object) -> list[str]:
    return [refused.code for _field, refused in found]  # type: ignore[attr-defined]


def test_what_a_request_lacks() -> None:
    assert missing(DRAFT, WHOLE) == []
    assert codes(missing(RequestDraft(), replace(WHOLE, attached=()))) == [
        "date_missing", "required", "not_measured", "supplier_not_rated", "document_missing",
    ]  # fmt: skip
    assert codes(missing(DRAFT, replace(WHOLE, again=True, changes_open=1))) == ["required", "changes_open"]
    assert codes(missing(replace(DRAFT, stars={"s": {"quality": None}}), WHOLE)) == ["supplier_not_rated"]


def test_what_cannot_be_stored() -> None:
    assert codes(check_request(RequestDraft(), WHOLE, TODAY)) == []
    assert codes(check_request(replace(DRAFT, finished_on=TODAY + timedelta(1)), WHOLE, TODAY)) == ["future"]
    assert codes(check_request(replace(DRAFT, finished_on=date(2025, 12, 31)), WHOLE, TODAY)) == ["ends_before_start"]
    for value in (float("nan"), float("inf"), 1e13):
        assert codes(check_request(replace(DRAFT, measures={"0": Measure(value)}), WHOLE, TODAY)) == ["not_a_number"]
    bad: list[dict[str, dict[str, int | None]]] = [{"s": {"quality": 6}}, {"s": {"quality": 0}}, {"foreign": {"quality": 3}}]
    for stars in bad:
        assert codes(check_request(replace(DRAFT, stars=stars), WHOLE, TODAY)) == ["no_rating"]


def test_formal_review() -> None:
    yes = dict.fromkeys(acceptances.CHECKS, ("yes", ""))
    assert codes(check_form(FormDraft(dict(yes)))) == []
    assert codes(check_form(FormDraft())) == ["check_missing"] * 3 + ["required"]
    assert codes(check_form(FormDraft({**yes, "true": ("no", "")}))) == ["required", "required"]
    sent_back = FormDraft({**yes, "true": ("no", "发票对不上")}, "请更正")
    assert (codes(check_form(sent_back)), sent_back.passes) == ([], False)


def test_report() -> None:
    rules = ReportRules(2, 0.8)

    def found(draft: ReportDraft, experts: int = 2) -> list[str]:
        return codes(check_report(draft, targets(60, 40), experts=experts, today=TODAY, finished=TODAY - timedelta(5), rules=rules))

    good = ReportDraft({"0": Measure(100), "1": Measure(50)}, "pass", "报告", TODAY)
    assert found(good) == []
    assert found(good, experts=1) == ["too_few_accepting"]
    assert found(ReportDraft()) == ["not_measured", "not_measured", "required", "date_missing", "no_verdict"]
    weak = replace(good, measures={"0": Measure(100), "1": Measure(49.9)})
    assert found(weak) == ["below_target"]
    assert found(replace(weak, verdict="rework")) == []
    assert found(replace(good, held_on=TODAY + timedelta(1))) == ["future"]
    assert found(replace(good, held_on=TODAY - timedelta(6))) == ["accepted_before_finished"]


def test_decision() -> None:
    assert codes(check_decision(DecisionDraft("fail", "x", TODAY + timedelta(30)), TODAY)) == []
    assert codes(check_decision(DecisionDraft("fail", "x"), TODAY)) == ["date_missing"]
    assert codes(check_decision(DecisionDraft("fail", "x", TODAY), TODAY)) == ["due_out_of_range"]
    assert codes(check_decision(DecisionDraft("pass", " "), TODAY)) == ["required"]
    assert codes(check_decision(DecisionDraft("sell", "x"), TODAY)) == ["unknown_event"]
    assert [result_of("pass", 1), result_of("pass", 2), result_of("fail", 1), result_of("terminate", 2)] == [
        "passed", "rectified", "failed", "failed",
    ]  # fmt: skip


def test_conflicts() -> None:
    assert conflict("某", {"甲"}, {"乙"}) is None
    assert (found := conflict("某", {"甲", "丙"}, {"丙"})) is not None
    assert found.code == "expert_conflict"


# ---------------------------------------------------------------- changes


RULES = ChangeRules(0.2, 3, 1)
NOW = Present(
    content="旧", ends=date(2027, 6, 30), last_day=date(2028, 12, 31), total_fen=1_000, amount_fen=200, subsidy_share=0.2,
    targets={"i": 10.0}, suppliers=frozenset({"s"}), provider_ids=frozenset({1}), known_provider=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("draft", "now", "wanted"),
    [
        (ChangeDraft("scope", "r", content="新"), NOW, []),
        (ChangeDraft("scope", "r", content="旧 "), NOW, ["nothing_changes"]),
        (ChangeDraft("scope", "", content=""), NOW, ["required", "required"]),
        (ChangeDraft("moon", "r"), NOW, ["unknown_kind"]),
        (ChangeDraft("term", "r"), NOW, ["date_missing"]),
        (ChangeDraft("term", "r", ends=date(2027, 6, 30)), NOW, ["nothing_changes"]),
        (ChangeDraft("term", "r", ends=TODAY - timedelta(1)), NOW, ["past"]),
        (ChangeDraft("term", "r", ends=date(2029, 1, 1)), NOW, ["after_the_pilot"]),
        (ChangeDraft("term", "r", ends=date(2027, 12, 31)), NOW, []),
        (ChangeDraft("term", "r", ends=date(2027, 12, 31)), replace(NOW, extensions=1), ["too_many_extensions"]),
        (ChangeDraft("term", "r", ends=date(2027, 9, 30)), replace(NOW, extensions=1), []),
        (ChangeDraft("indicators", "r", targets={"i": 12.0}), NOW, []),
        (ChangeDraft("indicators", "r", targets={"i": 10.0}), NOW, ["nothing_changes"]),
        (ChangeDraft("indicators", "r"), NOW, ["nothing_changes"]),
        (ChangeDraft("indicators", "r", targets={"x": 1.0}), NOW, ["indicator_gone"]),
        (ChangeDraft("indicators", "r", targets={"i": None}), NOW, ["no_target"]),
        (ChangeDraft("investment", "r", total_fen=1_200), NOW, []),
        (ChangeDraft("investment", "r", total_fen=0), NOW, ["no_total"]),
        (ChangeDraft("investment", "r", total_fen=1_000), NOW, ["nothing_changes"]),
        (ChangeDraft("investment", "r", total_fen=999), NOW, ["subsidy_over_share"]),
        (ChangeDraft("provider", "r", provider_id=2, part="软件", ends_supplier="s"), NOW, []),
        (ChangeDraft("provider", "r", provider_id=1, part="软件"), NOW, ["supplier_already"]),
        (ChangeDraft("provider", "r", provider_id=2, part="软件", ends_supplier="x"), NOW, ["supplier_gone"]),
        (ChangeDraft("provider", "r", ends_supplier="s"), NOW, ["last_supplier"]),
        (ChangeDraft("provider", "r"), NOW, ["required"]),
        (ChangeDraft("provider", "r", provider_id=2, part="软件"), replace(NOW, known_provider=False), ["unknown_provider"]),
        (ChangeDraft("provider", "r", provider_id=2, part="软件"), replace(NOW, pool_provider=False), ["not_in_pool"]),
        (
            ChangeDraft("provider", "r", provider_id=2, role="x", share=2, contract_fen=-1),
            NOW,
            ["required", "required", "bad_amount", "bad_part"],
        ),
    ],
)
def test_what_a_change_needs(draft: ChangeDraft, now: Present, wanted: list[str]) -> None:
    assert codes(check(draft, now, RULES, TODAY)) == wanted


def test_which_changes_are_approved() -> None:
    for kind in (ChangeKind.SCOPE, ChangeKind.PROVIDER, ChangeKind.INDICATORS):
        assert needs_approval(ChangeDraft(kind), NOW, RULES)
    assert not needs_approval(ChangeDraft("term", ends=date(2027, 9, 30)), NOW, RULES)
    assert needs_approval(ChangeDraft("term", ends=date(2027, 10, 1)), NOW, RULES)
    assert not needs_approval(ChangeDraft("investment", total_fen=1_200), NOW, RULES)
    assert needs_approval(ChangeDraft("investment", total_fen=1_201), NOW, RULES)
    assert needs_approval(ChangeDraft("investment", total_fen=799), NOW, RULES)
    # Two small steps are measured by what was agreed at first.
    later = replace(NOW, ends=date(2027, 9, 30), agreed_ends=date(2027, 6, 30), total_fen=1_200, agreed_fen=1_000)
    assert needs_approval(ChangeDraft("term", ends=date(2027, 10, 31)), later, RULES)
    assert needs_approval(ChangeDraft("investment", total_fen=1_300), later, RULES)
    # To bring an extended end forward is no second extension.
    extended = replace(NOW, ends=date(2028, 6, 30), agreed_ends=date(2027, 6, 30), extensions=1)
    assert not extends(date(2028, 5, 31), extended, RULES)


@pytest.mark.parametrize(
    ("day", "months", "wanted"),
    [
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 6, 30), 12, date(2027, 6, 30)),
    ],
)
def test_months_later(day: date, months: int, wanted: date) -> None:
    assert months_later(day, months) == wanted
