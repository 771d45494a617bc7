"""The review by program: the whole way from acceptance to the public notice, and what each reader is not told."""

from __future__ import annotations

from typing import Any

import pytest

from marketplace.actions.demonstration_reviews import REVIEWERS
from tests.api.pool import Pool, done, fields, refused

CRITERIA = ("standing", "cases", "products", "team", "local", "discount")
QUESTIONS = ("consistent", "cases_proved", "local_feasible", "no_bad_record")
YES = {key: {"answer": "yes"} for key in ("complete", "sealed", "valid", "eligible")}


def review(pool: Pool, state: str = "submitted", **where: int) -> Any:
    rows = pool.items("manager", f"/reviews?state={state}")
    found = next(row for row in rows if all(row[key] == value for key, value in where.items()))
    return done(pool.get("manager", f"/reviews/{found['id']}"))


def sheet(score: int = 75, **changed: Any) -> dict[str, Any]:
    body = {"scores": dict.fromkeys(CRITERIA, score), "answers": dict.fromkeys(QUESTIONS, "yes"), "opinion": "可以入库"}
    return {**body, **changed}


def test_the_whole_way_by_program(pool: Pool) -> None:
    found = review(pool)
    path = f"/reviews/{found['id']}"
    accepted = done(pool.post("manager", f"{path}/accept", {"answers": YES}, match=found["version"]))
    assert accepted["state"] == "under_review"
    # Whoever looked before is told that somebody was faster, and nothing happens twice.
    assert refused(pool.post("admin", f"{path}/accept", {"answers": YES}, match=found["version"])) == (412, "changed_meanwhile")
    assert refused(pool.post("admin", f"{path}/accept", {"answers": YES})) == (409, "wrong_state")
    assert fields(pool.post("manager", f"{path}/draw", {"wanted": 0})) == [("body.wanted", "wanted_range")]
    done(pool.post("manager", f"{path}/draw", {"wanted": 3}))
    experts = {
        person: part
        for person in REVIEWERS
        for part in pool.items(person, "/assignments")
        if part["applicant"] == found["organisation"]["name"]
    }
    assert len(experts) == 3
    for number, (person, part) in enumerate(experts.items()):
        mine = f"/assignments/{part['id']}"
        closed = done(pool.get(person, mine))
        assert (closed["number"], closed["sections"], closed["files"], closed["table"]) == ("", [], [], None)
        assert refused(pool.put(person, f"{mine}/scores", sheet(), match=closed["version"])) == (409, "not_scoring")
        done(pool.post(person, f"{mine}/declaration", {"clear": True}))
        opened = done(pool.get(person, mine))
        assert opened["number"] == found["number"]
        told = str(opened["sections"])
        assert "summary" in told
        assert not [key for key in ("'phone'", "'email'", "'contact'", "'id_tail'", "'named_contact'") if key in told]
        assert pool.get(person, f"/files/{opened['files'][0]['id']}").status_code == 200
        draft = done(pool.put(person, f"{mine}/scores", {"scores": {"team": 60}}, match=opened["version"]))
        assert refused(pool.put(person, f"{mine}/scores", sheet(), match=opened["version"])) == (412, "changed_meanwhile")
        if number == 2:
            # Two have scored: neither they nor the office sees what they think before the third one has.
            others = [done(pool.get(one, f"/assignments/{experts[one]['id']}")) for one in list(experts)[:2]]
            assert [one["table"] for one in others] == [None, None]
            assert done(pool.get("bureau", path))["table"] is None
        assert done(pool.post(person, f"{mine}/scores", sheet(72 + number), match=draft["version"]))["state"] == "scored"
    first, part = next(iter(experts.items()))
    mine = done(pool.get(first, f"/assignments/{part['id']}"))
    # Experts see each other by number only, staff by name.
    assert mine["table"]["names"].count("您") == 1
    names = {done(pool.get("manager", path))["table"]["names"][0], *mine["table"]["names"]}
    assert len(names) == 4
    joint = {"scores": dict.fromkeys(CRITERIA, 74), "opinion": "一致同意"}
    done(pool.put("manager", f"{path}/joint", joint))
    for person, part in experts.items():
        assert refused(pool.post(person, f"/assignments/{part['id']}/joint", {"revision": 9, "agree": True})) == (409, "joint_changed")
        assert done(pool.post(person, f"/assignments/{part['id']}/joint", {"revision": 1, "agree": True}))["state"] == "confirmed"
    assert done(pool.post("manager", f"{path}/close"))["state"] == "reviewed"
    proposed = done(pool.post("manager", f"{path}/decisions", {"event": "publish", "why": "评分 74 分"}), 201)
    (decision,) = done(pool.get("bureau", path))["decisions"]
    answer = f"{path}/decisions/{decision['id']}"
    assert refused(pool.post("manager", answer, {"event": "confirm"})) == (409, "same_person")
    assert fields(pool.post("bureau", answer, {"event": "reject"})) == [("body.why", "reason_missing")]
    assert done(pool.post("bureau", answer, {"event": "confirm"}))["state"] == "publicity"
    assert pool.post("bureau", answer, {"event": "confirm"}).status_code == 409
    assert found["organisation"]["name"] in {row["name"] for row in pool.items("anyone", "/publicity")}
    assert proposed["version"] != found["version"]


@pytest.mark.parametrize(
    ("step", "body", "wrong"),
    [
        ("accept", {"answers": {}}, ("body.answers", "answer_missing")),
        ("accept", {"answers": {**YES, "sealed": {"answer": "no"}}}, ("body", "remark_missing")),
        ("accept", {"answers": {**YES, "sealed": {"answer": "no", "remark": "无章"}}}, ("body.answers", "form_check_failed")),
        ("accept", {"answers": {**YES, "mood": {"answer": "yes"}}}, ("body.answers.mood", "extra_forbidden")),
        ("accept", {"answers": {"sealed": {"answer": "maybe"}}}, ("body.answers.sealed.answer", "literal_error")),
        ("send-back", {"reasons": {}}, ("body.reasons", "remarks_missing")),
        ("send-back", {"reasons": {"weather": "x"}}, ("body.reasons", "unknown_section")),
        ("decisions", {"event": "burn", "why": "x"}, ("body.event", "literal_error")),
        ("decisions", {"event": "admit", "why": " "}, ("body", "required")),
    ],
)
def test_a_wrong_step_is_told_at_its_field(shared_pool: Pool, step: str, body: Any, wrong: tuple[str, str]) -> None:
    path = f"/reviews/{review(shared_pool)['id']}/{step}"
    assert fields(shared_pool.post("manager", path, body)) == [wrong]


def test_what_is_sent_back_waits_for_its_applicant_with_its_remarks(pool: Pool) -> None:
    found = review(pool)
    body = {"reasons": {"finance": "请补 2025 年度审计报告", "cases": " "}}
    assert done(pool.post("manager", f"/reviews/{found['id']}/send-back", body))["state"] == "sent_back"
    section = done(pool.get("applicants", f"/applications/{found['id']}/sections/finance"))
    assert [(one["reason"], one["settled"]) for one in section["remarks"]] == [("请补 2025 年度审计报告", False)]
    assert refused(pool.post("manager", f"/reviews/{found['id']}/close")) == (409, "wrong_state")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (sheet(101), ("body.scores.team", "score_range")),
        (sheet(55), ("body.remarks.team", "remark_missing")),
        (sheet(scores={}), ("body.scores.team", "score_missing")),
        (sheet(answers={}), ("body.answers.consistent", "answer_missing")),
        (sheet(answers=dict.fromkeys(QUESTIONS, "no")), ("body.answer_remarks.consistent", "remark_missing")),
        (sheet(opinion=""), ("body.opinion", "required")),
        (sheet(scores={"charm": 90}), ("body.scores.charm", "extra_forbidden")),
        (sheet(scores={"team": 70.5}), ("body.scores.team", "int_type")),
    ],
)
def test_a_wrong_sheet_is_told_field_by_field(shared_pool: Pool, body: Any, wrong: tuple[str, str]) -> None:
    mine = next(row for row in shared_pool.items("expert", "/assignments") if row["state"] == "declared_clear")
    assert wrong in fields(shared_pool.post("expert", f"/assignments/{mine['id']}/scores", body, match="0"))


def test_an_expert_who_steps_back_says_why_and_reads_nothing(pool: Pool) -> None:
    mine = next(row for row in pool.items("expert", "/assignments") if row["state"] == "declared_clear")
    path = f"/assignments/{mine['id']}"
    assert fields(pool.post("expert", f"{path}/declaration", {"clear": False})) == [("body.why", "required")]
    assert done(pool.post("expert", f"{path}/declaration", {"clear": False, "why": "近亲属任职"}))["state"] == "recused"
    found = done(pool.get("expert", path))
    assert (found["sections"], found["files"], found["number"], found["sheet"]["opinion"]) == ([], [], "", "")


def test_who_does_not_agree_says_why(pool: Pool) -> None:
    mine = next(row for row in pool.items("expert", "/assignments") if row["state"] == "confirmed" and row["running"])
    path = f"/assignments/{mine['id']}"
    revision = done(pool.get("expert", path))["joint"]["revision"]
    assert fields(pool.post("expert", f"{path}/joint", {"revision": revision, "agree": False})) == [("body.why", "required")]
    assert refused(pool.post("expert", f"{path}/joint", {"revision": revision, "agree": False, "why": "偏高"})) == (
        409,
        "confirmed_already",
    )


def test_scores_names_and_decisions_are_not_the_applicants_business(shared_pool: Pool) -> None:
    for state in ("publicity", "under_review", "reviewed"):
        for row in shared_pool.items("manager", f"/reviews?state={state}"):
            told = shared_pool.get("applicants", f"/applications/{row['id']}")
            if told.status_code == 404:
                continue
            desk = done(shared_pool.get("manager", f"/reviews/{row['id']}"))
            secrets = [part["name"] for part in desk["parts"]] + [one["why"] for one in desk["decisions"]]
            secrets += [desk["joint"]["opinion"]] if desk["joint"] else []
            assert not [secret for secret in secrets if secret and secret in told.text], state
            assert "total" not in str(sorted(done(told)))


def test_drafts_are_not_in_review(shared_pool: Pool) -> None:
    (draft,) = shared_pool.items("manager", "/applications?state=draft")
    assert shared_pool.get("manager", f"/reviews/{draft['id']}").status_code == 404
    assert shared_pool.items("manager", "/reviews?state=draft") == []
    assert "draft" not in {row["state"] for row in shared_pool.items("bureau", "/reviews")}
