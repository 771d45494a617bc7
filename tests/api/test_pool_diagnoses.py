"""Diagnoses, their lists, batches, plans and what a person keeps, by program."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from marketplace.actions import plans
from marketplace.domain.plans import IssueDraft
from marketplace.domain.problems import ProblemState
from marketplace.domain.solutions import SolutionState
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from tests.api.pool import MISSING, Pool, done, fields, refused

TODAY = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date()
SOON = str(TODAY + timedelta(days=9))


def own(pool: Pool, person: str, state: str) -> str:
    return f"/diagnoses/{next(row['id'] for row in pool.items(person, f'/diagnoses?state={state}'))}"


def test_a_draft_is_sent_back_answered_anew_confirmed_and_issued(pool: Pool) -> None:
    path = own(pool, "enterprise", "drafted")
    full = done(pool.get("enterprise", path))
    assert full["grading"]["final"]
    assert full["missing"] == []
    assert all(one["text"].endswith("。") for one in full["grading"]["next"])
    # All other offices read who and when; before the enterprise confirmed not even the grade.
    outside = done(pool.get("bureau", path))
    assert {outside[name] for name in ("grade", "score", "grading", "summary", "answered")} == {None}
    assert outside["missing"] is outside["reports"] is outside["evidence"] is None
    section = f"{path}/sections/{pool.site.pilot.questionnaire.sections[0].key}"
    assert pool.get("bureau", section).status_code == 404
    assert pool.get("bureau", f"{path}/lists").status_code == 403
    assert refused(pool.put("enterprise", section, {"answers": {}, "remarks": {}}))[1] == "not_fillable"

    assert fields(pool.post("enterprise", f"{path}/replies", {"event": "return"})) == [("body.why", "reason_missing")]
    done(pool.post("enterprise", f"{path}/replies", {"event": "return", "why": "第一部分不对"}, match=full["version"]))
    found = done(pool.get("enterprise", section))
    asked = next(one for one in found["questions"] if one["kind"] in ("multi", "single", "number", "text"))
    body = {"answers": {asked["key"]: asked["value"]}, "remarks": {asked["key"]: "按台账"}}
    saved = done(pool.put("enterprise", section, body, match=found["version"]))
    assert next(one["remark"] for one in saved["questions"] if one["key"] == asked["key"]) == "按台账"
    assert refused(pool.put("centre", section, {**body, "remarks": {asked["key"]: "再改"}}, match=found["version"]))[0] == 412

    assert fields(pool.post("centre", f"{path}/steps", {"event": "draft"})) == [("body.text", "required")]
    done(pool.post("centre", f"{path}/steps", {"event": "draft", "text": "质量靠人工，先联网。"}))
    assert refused(pool.post("centre", f"{path}/replies", {"event": "confirm"}))[0] == 403
    done(pool.post("enterprise", f"{path}/replies", {"event": "confirm"}))
    assert done(pool.get("bureau", path))["grade"] == full["grade"]
    assert done(pool.post("centre", f"{path}/steps", {"event": "issue"}))["state"] == "issued"
    # What the enterprise has confirmed is only corrected, and says why.
    line = done(pool.get("centre", f"{path}/lists"))["problems"][0]
    text = {"text": line["text"] + "，每月约 40 小时"}
    assert fields(pool.put("centre", f"/problems/{line['id']}", text)) == [("body.why", "correction_without_reason")]
    done(pool.put("centre", f"/problems/{line['id']}", {**text, "why": "补上时间"}, match=line["version"]))
    assert refused(pool.put("centre", f"/problems/{line['id']}", {**text, "why": "又"}, match=line["version"]))[0] == 412


@pytest.mark.parametrize(
    "value", [10**30, 1e300, True, {"present": 1}, ["a", "a"], ["none", "none"], "x" * 3_000, {"present": "1"}, -1, [[]]]
)
def test_an_answer_of_the_wrong_kind_is_told_and_not_kept(shared_pool: Pool, value: Any) -> None:
    """To one question of each kind."""
    path = own(shared_pool, "enterprise2", "on_site")
    kinds: dict[str, tuple[str, str]] = {}
    for section in shared_pool.site.pilot.questionnaire.sections[:6]:
        for one in done(shared_pool.get("enterprise2", f"{path}/sections/{section.key}"))["questions"]:
            kinds.setdefault(one["kind"], (section.key, one["key"]))
    assert {"multi", "single", "share", "number"} <= set(kinds)
    for kind, (place, key) in kinds.items():
        if (kind, value) == ("pair", {"present": 1}):
            continue
        found = fields(shared_pool.put("enterprise2", f"{path}/sections/{place}", {"answers": {key: value}}))
        assert all(field.startswith(f"body.answers.{key}") for field, _code in found), (kind, found)


def test_a_visit_is_planned_once_moved_and_called_off(pool: Pool) -> None:
    rows = pool.items("centre", "/roster?state=issued")
    assert {row["diagnosis"]["state"] for row in rows} == {"issued"}
    assert pool.get("enterprise", "/roster").status_code == 404
    everybody = pool.items("bureau", "/roster")
    assert len({row["enterprise"]["id"] for row in everybody}) == len(everybody) == pool.count(Enterprise)
    officer = next(row["officer"]["id"] for row in pool.items("centre", "/diagnoses") if row["officer"])
    path = f"/enterprises/{rows[0]['enterprise']['code']}/diagnoses"
    wrong = pool.post("centre", path, {"planned_on": "2020-01-01", "officer": MISSING})
    assert fields(wrong) == [("body.planned_on", "in_the_past"), ("body.officer", "required")]
    visit = {"planned_on": SOON, "officer": officer}
    assert fields(pool.post("centre", path, {**visit, "organisation": MISSING})) == [("body.organisation", "unknown_organisation")]
    planned = done(pool.post("centre", path, visit), 201)
    assert refused(pool.post("centre", path, visit)) == (409, "under_way")
    moved = {**visit, "planned_on": str(TODAY + timedelta(days=12))}
    done(pool.put("centre", f"/diagnoses/{planned['id']}/visit", moved, match=planned["version"]))
    assert refused(pool.put("centre", f"/diagnoses/{planned['id']}/visit", visit, match=planned["version"]))[0] == 412
    steps = f"/diagnoses/{planned['id']}/steps"
    assert fields(pool.post("centre", steps, {"event": "cancel"})) == [("body.why", "reason_missing")]
    assert done(pool.post("centre", steps, {"event": "cancel", "text": "搬迁"}))["state"] == "cancelled"


def test_lines_of_the_three_lists_are_written_and_taken_out(pool: Pool) -> None:
    path = own(pool, "enterprise2", "on_site")
    scenario = done(pool.get("centre", f"{path}/lists"))["needs"][0]["scenario"]["code"]
    problem = done(pool.post("centre", f"{path}/problems", {"text": "压机常停", "stage": "生产", "budget_wan": {"low": 20.0}}), 201)
    bad = {"text": "压机", "stage": "登月", "budget_wan": {"low": 9.0, "high": 3.0}}
    assert fields(pool.post("centre", f"{path}/problems", bad)) == [("body.stage", "unknown_word")]
    assert fields(pool.post("centre", f"{path}/problems", {**bad, "stage": ""}))[0][0] == "body.budget_wan"
    assert refused(pool.post("enterprise2", f"{path}/problems", {"text": "自己加"}))[0] == 403
    need = done(pool.post("centre", f"{path}/needs", {"scenario": scenario, "present_level": 1, "target_level": 3}), 201)
    turned = {"scenario": scenario, "present_level": 3, "target_level": 1}
    assert fields(pool.post("centre", f"{path}/needs", turned)) == [("body.target_level", "target_below_present")]
    spend: dict[str, Any] = {"scenario": scenario, "hardware_wan": 60.5, "year": TODAY.year + 1, "wants_loan": True}
    money = done(pool.post("centre", f"{path}/investments", spend), 201)
    assert fields(pool.post("centre", f"{path}/investments", {"year": TODAY.year})) == [("body.hardware_wan", "required")]
    lists = done(pool.get("enterprise2", f"{path}/lists"))
    listed = next(one for one in lists["problems"] if one["id"] == problem["id"])
    assert (listed["budget_wan"], lists["needs"][-1]["number"]) == ({"low": 20.0, "high": None}, int(need["id"]))
    assert lists["investments"][-1]["hardware_wan"] == 60.5
    line = f"{path}/investments/{money['id']}"
    done(pool.put("centre", line, {**spend, "service_wan": 4.0}, match=money["version"]))
    assert refused(pool.put("centre", line, spend, match=money["version"]))[0] == 412
    # A line of another diagnosis is no line of this one.
    elsewhere = own(pool, "enterprise", "drafted")
    assert pool.put("centre", f"{elsewhere}/investments/{money['id']}", spend).status_code == 404
    assert pool.post("centre", f"{elsewhere}/needs/{need['id']}/remove", {}).status_code == 404
    done(pool.post("centre", f"{line}/remove", {}))
    done(pool.put("centre", f"{path}/needs/{need['id']}", {"scenario": scenario, "target_level": 4}))
    done(pool.post("centre", f"{path}/needs/{need['id']}/remove", {}))
    assert done(pool.post("centre", f"/problems/{problem['id']}/remove", {}))["state"] == "withdrawn"
    # What an enterprise brings by itself belongs to no diagnosis.
    enterprise = done(pool.get("enterprise2", path))["enterprise"]["id"]
    brought = done(pool.post("enterprise2", f"/enterprises/{enterprise}/problems", {"text": "能耗没有分项计量"}), 201)
    done(pool.put("enterprise2", f"/problems/{brought['id']}", {"text": "能耗没有分项计量，电费每月涨"}, match=brought["version"]))


def test_a_batch_is_nobodys_until_it_is_issued_and_groups_name_no_members_to_members(pool: Pool) -> None:
    codes = [row["code"] for row in pool.items("anyone", "/scenarios")[:2]]
    batch: dict[str, Any] = {"batch": 77, "title": "第 77 批", "codes": codes}
    assert fields(pool.post("centre", "/scenario-lists", {**batch, "codes": ["X-99"]})) == [("body.scenarios", "unknown_scenario")]
    made = done(pool.post("centre", "/scenario-lists", batch), 201)
    path = f"/scenario-lists/{made['id']}"
    assert pool.get("anyone", path).status_code == 404
    done(pool.put("bureau", path, {**batch, "note": "试点"}, match=made["version"]))
    assert refused(pool.put("bureau", path, batch, match=made["version"]))[0] == 412
    done(pool.post("bureau", f"{path}/issue", {}))
    told = done(pool.get("anyone", path))
    assert [one["code"] for one in told["scenarios"]] == codes
    assert made["id"] in {row["id"] for row in pool.items("anyone", "/scenario-lists")}
    assert refused(pool.put("bureau", path, batch)) == (409, "list_issued")
    assert done(pool.post("bureau", f"{path}/withdraw", {"why": "口径调整"}))["state"] == "withdrawn"

    for row in pool.items("enterprise", "/groups"):
        own_, all_ = (done(pool.get(person, f"/groups/{row['id']}"))["members"] for person in ("enterprise", "bureau"))
        assert len(own_) <= 2 < len(all_) == row["size"]


def test_a_plan_is_steered_by_the_centre_and_its_versions_are_read_and_answered(pool: Pool) -> None:
    number = next(iter(pool.viewer("enterprise").enterprise_ids))
    with pool.site.database.reading() as session:
        enterprise = session.get_one(Enterprise, number).public_id
        open_ = select(Problem.public_id).where(Problem.enterprise_id == number, Problem.state == ProblemState.OPEN)
        problem = session.scalars(open_.order_by(Problem.id)).first()
        solution = session.scalars(select(Solution).where(Solution.state == SolutionState.PUBLISHED).order_by(Solution.id)).first()
        assert solution is not None
        title, public_id, solution_id = solution.title, solution.public_id, solution.id
    head = f"/enterprises/{enterprise}"
    before = done(pool.get("centre", f"{head}/plan/steering"))
    done(pool.put("centre", f"{head}/plan/emphasis", {"local": 5}, match=before["version"]))
    fields(pool.put("centre", f"{head}/plan/emphasis", {"local": 6}))
    choices = f"/problems/{problem}/choices"
    assert fields(pool.post("centre", choices, {"solution": public_id, "kind": "excluded"})) == [("body.why", "required")]
    assert fields(pool.post("centre", choices, {"solution": MISSING, "kind": "pinned"})) == [("body.solution", "unknown_solution")]
    steered = done(pool.post("centre", choices, {"solution": public_id, "kind": "excluded", "why": "要换主机"}))
    assert steered["emphasis"]["local"] == 5
    assert [(one["solution"]["title"], one["why"]) for one in steered["choices"] if one["problem"] == problem][-1] == (title, "要换主机")
    done(pool.call("centre", "DELETE", f"{choices}/{public_id}"))
    assert pool.call("centre", "DELETE", f"{choices}/{public_id}").status_code == 404

    span = {"price_low_fen": None, "price_high_fen": 5_000_000, "weeks_low": 2, "weeks_high": None}
    match: dict[str, Any] = {
        "solution_id": solution_id, "solution": title, "solution_ref": public_id, "provider_id": 1, "provider": "甲公司", **span,
        "score": 0.4, "strength": 3, "rank": 1, "by_hand": False, "model": "hand", "features": {},
        "reasons": [{"part": "fits", "code": "x", "text": "说的是同一件事"}],
    }  # fmt: skip
    need = {
        "number": 1, "problem_id": 1, "text": "压机常停", "stage": "", "orientation": "", "priority": "high", "budget_low_fen": None,
        "budget_high_fen": None, "scenario": "", "scenario_code": "", "coverage": "strong", "uncovered": "", "step": 0,
        "chosen": solution_id, "matches": [match], "excluded": [],
    }  # fmt: skip
    content: dict[str, Any] = {"enterprise": "示例", "sector": "chem", "emphasis": {}, "needs": [need], "set": [], "solved": []}
    draft = IssueDraft("先做这一条", TODAY + timedelta(days=14))
    values: dict[str, Any] = {"model": "hand", "viewer": pool.viewer("centre"), "at": datetime.now(UTC), "today": TODAY}
    plan = plans.issue(pool.site.database, number, draft, content, **values)
    versions = done(pool.get("enterprise", f"{head}/plans"))["items"]
    assert versions[0]["version_number"] == plan.version
    found = done(pool.get("enterprise", f"/plans/{plan.public_id}"))
    assert found["needs"][0]["matches"][0]["chosen"]
    assert found["needs"][0]["matches"][0]["price_wan"] == {"low": None, "high": 5.0}
    assert '"score"' not in pool.get("enterprise", f"/plans/{plan.public_id}").text
    assert pool.get("enterprise2", f"/plans/{plan.public_id}").status_code == 404
    assert pool.get("enterprise2", f"{head}/plans").status_code == 404
    assert done(pool.post("enterprise", f"/plans/{plan.public_id}/replies", {"event": "confirm"}))["state"] == "confirmed"
    assert refused(pool.post("enterprise", f"/plans/{plan.public_id}/replies", {"event": "return", "why": "改"})) == (409, "wrong_state")


def test_searches_and_solutions_are_kept_by_oneself_only(pool: Pool) -> None:
    body = {"title": "本地质检", "query": "sector=chem&nonsense=1&page=3", "frequency": "daily"}
    kept = done(pool.post("finance", "/saved-searches", body), 201)
    assert (kept["query"], kept["frequency"]) == ("sector=chem", "daily")
    assert refused(pool.post("finance", "/saved-searches", body)) == (409, "search_kept")
    path = f"/saved-searches/{kept['id']}"
    assert done(pool.put("finance", path, {"frequency": "weekly"}))["frequency"] == "weekly"
    assert done(pool.post("finance", f"{path}/open"))["fresh"] == 0
    assert pool.items_of("area", "/saved-searches") == []
    assert done(pool.call("finance", "DELETE", path))["items"] == []
    assert pool.call("finance", "DELETE", path).status_code == 404
    solution = pool.items("anyone", "/solutions")[0]["id"]
    done(pool.put("finance", f"/shortlist/{solution}", {"note": "看"}))
    (item,) = done(pool.put("finance", f"/shortlist/{solution}", {"note": "下周看"}))["items"]
    assert (item["solution"]["id"], item["note"], item["public"]) == (solution, "下周看", True)
    assert pool.items_of("area", "/shortlist") == []
    assert done(pool.call("finance", "DELETE", f"/shortlist/{solution}"))["items"] == []
