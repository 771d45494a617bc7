"""The review's rules, against cases counted by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.domain import experts, objections, reviews
from marketplace.domain.access import Role
from marketplace.domain.experts import Applicant, Candidate, ExpertDraft, draw, why_not
from marketplace.domain.lifecycle import Refused, Table, Transition, decide
from marketplace.domain.reviews import Findings, check_answers, check_scores, joint_is_open, side_by_side, too_far_apart, weighted_total
from marketplace.pilot import Pilot

KEYS = ("standing", "cases", "products", "team", "local", "discount")


@dataclass
class Subject:
    runs: bool = True
    own_organisation: bool = False
    complete: bool = True
    joint_written: bool = True


# (state, event) → (state after, roles that may); everything else is refused.
EXPECTED: dict[str, dict[tuple[str, str], tuple[str, str]]] = {
    "assignment": {
        ("assigned", "declare_clear"): ("declared_clear", "expert"),
        ("assigned", "recuse"): ("recused", "expert"),
        ("declared_clear", "recuse"): ("recused", "expert"),
        ("declared_clear", "score"): ("scored", "expert"),
        ("scored", "confirm"): ("confirmed", "expert"),
        ("confirmed", "ask_again"): ("scored", "manager admin"),
        ("scored", "score_again"): ("declared_clear", "manager admin"),
        ("confirmed", "score_again"): ("declared_clear", "manager admin"),
        ("assigned", "release"): ("released", "manager admin"),
        ("declared_clear", "release"): ("released", "manager admin"),
    },
    "expert": {
        ("active", "pause"): ("paused", "manager admin"),
        ("paused", "resume"): ("active", "manager admin"),
    },
    "objection": {
        ("open", "uphold"): ("upheld", "manager bureau admin"),
        ("open", "dismiss"): ("dismissed", "manager bureau admin"),
    },
}
TABLES: dict[str, tuple[Table, list[str]]] = {
    "assignment": (reviews.TABLE, list(reviews.AssignmentState)),
    "expert": (experts.TABLE, list(experts.ExpertState)),
    "objection": (objections.TABLE, list(objections.ObjectionState)),
}


@pytest.mark.parametrize("noun", EXPECTED)
def test_every_state_event_and_role(noun: str) -> None:
    table, states = TABLES[noun]
    events = sorted({row.event for row in table} | {"no_such_event"})
    for state, event, role in product(states, events, Role):
        to, roles = EXPECTED[noun].get((state, event), ("", ""))
        found = decide(table, state, event, {role}, Subject())
        if not to:
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "wrong_state"
        elif role not in roles.split():
            assert isinstance(found, Refused), (state, event, role)
            assert found.code == "not_allowed"
        else:
            assert isinstance(found, Transition), (state, event, role)
            assert found.to == to


@pytest.mark.parametrize("event", ["declare_clear", "score", "confirm"])
def test_no_expert_judges_an_own_organisation(event: str) -> None:
    for state in reviews.AssignmentState:
        found = decide(reviews.TABLE, state, event, set(Role), Subject(own_organisation=True))
        assert isinstance(found, Refused)
        assert found.code in ("own_organisation", "wrong_state")
    # To step back is always open.
    assert isinstance(decide(reviews.TABLE, "assigned", "recuse", {Role.EXPERT}, Subject(own_organisation=True)), Transition)


def test_nobodys_part_changes_once_the_review_is_over() -> None:
    for (state, event), (_to, roles) in EXPECTED["assignment"].items():
        found = decide(reviews.TABLE, state, event, roles.split(), Subject(runs=False))
        assert isinstance(found, Refused)
        assert found.code == "review_not_running"


def test_guards_of_scoring_and_confirming() -> None:
    incomplete = decide(reviews.TABLE, "declared_clear", "score", {Role.EXPERT}, Subject(complete=False))
    unwritten = decide(reviews.TABLE, "scored", "confirm", {Role.EXPERT}, Subject(joint_written=False))
    assert isinstance(incomplete, Refused)
    assert isinstance(unwritten, Refused)
    assert (incomplete.code, unwritten.code) == ("scores_incomplete", "no_joint_opinion")


# ---------------------------------------------------------------- scores


def sheet(*scores: int) -> dict[str, int]:
    return dict(zip(KEYS, scores, strict=True))


def test_the_pilots_weights_are_a_hundred(pilot: Pilot) -> None:
    assert tuple(criterion.key for criterion in pilot.review.criteria) == KEYS
    assert sum(criterion.weight for criterion in pilot.review.criteria) == 100
    assert [criterion.weight for criterion in pilot.review.criteria] == [20, 25, 25, 15, 10, 5]
    assert (pilot.review.entry_mark, pilot.review.least_experts) == (60, 3)


@pytest.mark.parametrize(
    ("scores", "total"),
    [
        (sheet(80, 70, 60, 90, 50, 100), 72.0),  # 16 + 17.5 + 15 + 13.5 + 5 + 5
        (sheet(85, 78, 90, 82, 75, 60), 81.8),  # 17 + 19.5 + 22.5 + 12.3 + 7.5 + 3
        (sheet(61, 59, 60, 60, 60, 60), 59.95),  # 12.2 + 14.75 + 15 + 9 + 6 + 3
        (sheet(0, 0, 0, 0, 0, 0), 0.0),
        (sheet(100, 100, 100, 100, 100, 100), 100.0),
    ],
)
def test_weighted_total_counted_by_hand(pilot: Pilot, scores: dict[str, int], total: float) -> None:
    assert weighted_total(pilot.review.criteria, scores) == total


def test_weights_need_not_be_a_hundred(pilot: Pilot) -> None:
    two = tuple(replace(criterion, weight=weight) for criterion, weight in zip(pilot.review.criteria[:2], (1, 2), strict=True))
    assert weighted_total(two, {"standing": 90, "cases": 60}) == 70.0


@given(scores=st.lists(st.integers(0, 100), min_size=6, max_size=6))
def test_a_total_lies_between_the_lowest_and_the_highest_score(pilot: Pilot, scores: list[int]) -> None:
    assert min(scores) <= weighted_total(pilot.review.criteria, sheet(*scores)) <= max(scores)


def test_a_sheet_is_complete_and_explains_the_extremes(pilot: Pilot) -> None:
    criteria = pilot.review.criteria
    assert list(check_scores(criteria, sheet(60, 70, 80, 90, 99, 61), {})) == []
    scores: dict[str, int | None] = {**sheet(59, 70, 101, 100, -1, 61), "cases": None}
    found = {field: refused.code for field, refused in check_scores(criteria, scores, {})}
    assert found == {
        "remark_standing": "remark_missing",
        "score_cases": "score_missing",
        "score_products": "score_range",
        "remark_team": "remark_missing",
        "score_local": "score_range",
    }
    assert list(check_scores(criteria, sheet(59, 70, 80, 100, 60, 61), {"standing": "亏损", "team": "全部到位"})) == []
    assert [refused.code for _field, refused in check_scores(criteria, sheet(60, 70, 80, 90, 99, 61), {"cases": "长" * 1001})] == [
        "too_long"
    ]


def test_a_no_needs_its_reason(pilot: Pilot) -> None:
    checks = pilot.review.checklist
    yes = {check.key: "yes" for check in checks}
    assert list(check_answers(checks, yes, {})) == []
    first, second = checks[0].key, checks[1].key
    found = {field: refused.code for field, refused in check_answers(checks, {**yes, first: "no", second: "maybe"}, {})}
    assert found == {f"check_remark_{first}": "remark_missing", f"check_{second}": "answer_missing"}
    assert list(check_answers(checks, {**yes, first: "no"}, {first: "合同与发票对不上"})) == []


# ---------------------------------------------------------------- the joint stage


def test_scores_side_by_side_counted_by_hand(pilot: Pilot) -> None:
    sheets = [sheet(80, 70, 60, 90, 50, 100), sheet(85, 78, 90, 82, 75, 60), sheet(82, 71, 66, 80, 70, 70)]
    rows = side_by_side(pilot.review.criteria, sheets)
    assert len(rows) == 7
    assert (rows[0].scores, rows[0].mean, rows[0].spread) == ((80, 85, 82), 82.33, 5)
    assert (rows[2].lowest, rows[2].highest, rows[2].spread, rows[2].mean) == (60, 90, 30, 72.0)
    # 16.4 + 17.75 + 16.5 + 12 + 7 + 3.5 = 73.15
    total = rows[-1]
    assert (total.criterion, total.scores, total.spread) == (None, (72.0, 81.8, 73.15), 9.8)
    far = {row.criterion.key if row.criterion else "total": row.spread for row in too_far_apart(rows, 20)}
    assert far == {"products": 30, "local": 25, "discount": 40}
    # Exactly as far apart as allowed is not too far.
    assert [row.spread for row in too_far_apart(rows, 30)] == [40]
    assert side_by_side(pilot.review.criteria, []) == ()


def test_scores_far_apart_are_discussed_before_there_is_a_joint_score(pilot: Pilot) -> None:
    near = side_by_side(pilot.review.criteria, [sheet(70, 70, 70, 70, 70, 70), sheet(90, 70, 70, 70, 70, 70)])
    apart = side_by_side(pilot.review.criteria, [sheet(70, 70, 70, 70, 70, 70), sheet(91, 70, 70, 70, 70, 70)])
    draft = reviews.JointDraft(dict(sheet(80, 70, 70, 70, 70, 70)), "同意")
    assert list(reviews.check_joint(pilot.review, draft, near)) == []
    assert [field for field, _refused in reviews.check_joint(pilot.review, draft, apart)] == ["discussion"]
    assert list(reviews.check_joint(pilot.review, replace(draft, discussion="核对了证书"), apart)) == []
    bad = reviews.JointDraft({"standing": None, "cases": 101}, " ")
    found = {field: refused.code for field, refused in reviews.check_joint(pilot.review, bad, near)}
    assert (found["score_standing"], found["score_cases"], found["opinion"]) == ("score_missing", "score_range", "required")


def test_a_draft_may_lack_anything_but_hold_nothing_wrong(pilot: Pilot) -> None:
    assert list(reviews.check_draft(pilot.review, reviews.ScoreSheet())) == []
    wrong = reviews.ScoreSheet(scores={"team": 101}, opinion="长" * 4001)
    assert [field for field, _refused in reviews.check_draft(pilot.review, wrong)] == ["score_team", "opinion"]
    assert {field for field, _refused in reviews.check_sheet(pilot.review, reviews.ScoreSheet())} >= {"score_team", "opinion"}


@pytest.mark.parametrize(
    ("states", "opened"),
    [
        ("scored scored scored", True),
        ("scored scored confirmed recused released", True),
        ("scored scored", False),
        ("scored scored recused", False),
        ("scored scored scored assigned", False),
        ("scored scored scored declared_clear", False),
        ("", False),
    ],
)
def test_scores_are_shown_when_nobody_owes_any(states: str, opened: bool) -> None:
    assert joint_is_open(states.split(), 3) is opened


@pytest.mark.parametrize(
    ("states", "written", "code"),
    [
        ("scored scored", True, "too_few_experts"),
        ("confirmed confirmed confirmed declared_clear", True, "scores_missing"),
        ("scored scored scored", False, "no_joint_opinion"),
        ("confirmed confirmed scored", True, "not_confirmed"),
        ("confirmed confirmed confirmed", True, ""),
        ("confirmed confirmed confirmed recused released", True, ""),
    ],
)
def test_a_review_ends_when_everybody_has_confirmed(pilot: Pilot, states: str, written: bool, code: str) -> None:
    found = reviews.why_not_close(states.split(), pilot.review, joint_written=written)
    assert (found.code if found else "") == code


# ---------------------------------------------------------------- the decision

TODAY = date(2026, 11, 25)
FOUND = Findings(total=60.0, publicity_until=date(2026, 11, 24), open_objections=0, upheld_objections=0)


@pytest.mark.parametrize(
    ("event", "found", "code"),
    [
        ("admit", FOUND, ""),
        ("admit", replace(FOUND, publicity_until=None), ""),
        ("publish", replace(FOUND, publicity_until=None), ""),
        ("admit", replace(FOUND, publicity_until=TODAY), "publicity_runs"),
        ("admit", replace(FOUND, open_objections=1), "objection_open"),
        ("admit", replace(FOUND, upheld_objections=1), "objection_upheld"),
        ("admit", replace(FOUND, total=59.99), "below_mark"),
        ("publish", replace(FOUND, total=59.99), "below_mark"),
        ("admit", replace(FOUND, total=None), "not_reviewed"),
        ("refuse", replace(FOUND, total=None, open_objections=3), ""),
    ],
)
def test_what_stands_in_the_way_of_a_decision(pilot: Pilot, event: str, found: Findings, code: str) -> None:
    refused = reviews.why_not_decide(event, found, pilot.review, TODAY)
    assert (refused.code if refused else "") == code


def test_objections_are_taken_until_the_last_day_is_over() -> None:
    assert objections.why_not_object(TODAY, TODAY) is None
    assert objections.why_not_object(date(2026, 11, 24), TODAY) is not None
    assert objections.why_not_object(None, TODAY) is not None


def test_an_objection_has_a_name_a_contact_and_facts() -> None:
    assert list(objections.check("张三", "13800000000", "该单位提供的第二个案例并非其实施。")) == []
    assert [field for field, _refused in objections.check(" ", "", "不行")] == ["name", "contact", "text"]
    assert [field for field, _refused in objections.check("长" * 101, "长" * 101, "长" * 2001)] == ["name", "contact", "text"]


# ---------------------------------------------------------------- the draw

EXPERT = Candidate(
    public_id="a",
    name="甲",
    active=True,
    has_account=True,
    fields=frozenset({"chem"}),
    units=frozenset({"大学"}),
    avoids=frozenset(),
    away_from=None,
    away_until=None,
    open_reviews=0,
    taken_part=False,
)
APPLICANT = Applicant(
    units=frozenset({"91990000MAYGPX077U", "某公司"}),
    people=frozenset({"乙"}),
    fields=frozenset({"chem"}),
    today=TODAY,
    until=date(2026, 12, 4),
)


@pytest.mark.parametrize(
    ("candidate", "code"),
    [
        (EXPERT, ""),
        (replace(EXPERT, units=frozenset({"91990000MAYGPX077U"})), "own_organisation"),
        (replace(EXPERT, units=frozenset({"某公司"})), "own_organisation"),
        (replace(EXPERT, avoids=frozenset({"某公司"})), "avoided"),
        (replace(EXPERT, name="乙 "), "named"),
        (replace(EXPERT, taken_part=True), "taken_part"),
        (replace(EXPERT, active=False), "paused"),
        (replace(EXPERT, has_account=False), "no_account"),
        (replace(EXPERT, fields=frozenset({"auto"})), "other_field"),
        (replace(EXPERT, away_from=date(2026, 12, 4)), "away"),
        (replace(EXPERT, away_from=date(2026, 12, 5)), ""),
        (replace(EXPERT, away_until=date(2026, 11, 25)), "away"),
        (replace(EXPERT, away_until=date(2026, 11, 24)), ""),
        (replace(EXPERT, open_reviews=5), "overloaded"),
        (replace(EXPERT, open_reviews=4), ""),
    ],
)
def test_why_an_expert_is_not_drawn(pilot: Pilot, candidate: Candidate, code: str) -> None:
    found = why_not(candidate, APPLICANT, pilot.review)
    assert (found.code if found else "") == code
    assert found is None or found.sentence()


def test_a_draw_is_the_same_for_the_same_seed_whatever_the_order(pilot: Pilot) -> None:
    pool = [replace(EXPERT, public_id=f"e{number}", active=number != 3) for number in range(12)]
    first = draw(pool, APPLICANT, pilot.review, wanted=3, seed="s1")
    assert draw(reversed(pool), APPLICANT, pilot.review, wanted=3, seed="s1") == first
    assert len(first.drawn) == 3
    assert len(first.fitting) == 11
    assert [candidate.public_id for candidate, _reason in first.excluded] == ["e3"]
    assert len({draw(pool, APPLICANT, pilot.review, wanted=3, seed=f"s{n}").drawn for n in range(20)}) > 10
    assert len(draw(pool[:2], APPLICANT, pilot.review, wanted=3, seed="s1").drawn) == 2


def test_everybody_is_drawn_about_as_often(pilot: Pilot) -> None:
    pool = [replace(EXPERT, public_id=f"e{number}") for number in range(6)]
    times = {candidate.public_id: 0 for candidate in pool}
    for number in range(600):
        for candidate in draw(pool, APPLICANT, pilot.review, wanted=2, seed=str(number)).drawn:
            times[candidate.public_id] += 1
    # 200 each are expected; five standard deviations (√(600·⅓·⅔) = 11.5) are never seen.
    assert all(142 < count < 258 for count in times.values()), times


def test_names_of_organisations_are_compared_without_spaces_and_widths() -> None:
    assert experts.unit_key(" 某（天津） 公司 a") == experts.unit_key("某(天津)公司Ａ")


def test_what_an_expert_entry_must_have() -> None:
    good = ExpertDraft(name="甲", unit="大学", fields=["chem"])
    assert list(experts.check(good)) == []
    bad = ExpertDraft(unit_code="91990000MAYGPX0770", away_from=date(2026, 12, 2), away_until=date(2026, 12, 1))
    assert [field for field, _refused in experts.check(bad)] == ["name", "unit", "unit_code", "fields", "away_until"]
