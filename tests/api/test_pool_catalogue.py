"""A provider's catalogue by program: versions, what two who write at once are told, review, files; calls and recommended products."""

from __future__ import annotations

import io
from typing import Any

import pytest

from marketplace.records.solution_versions import SolutionVersion
from marketplace.records.solutions import Solution
from tests.actions.catalogue import SUMMARY
from tests.api.pool import MISSING, Pool, done, fields, messages, pdf, refused

CONTENT: dict[str, Any] = {
    "title": "密封点泄漏检测与修复服务", "form": "service", "summary": SUMMARY, "solves": ["密封点台账不清"], "sectors": ["化工"],
    "scenarios": ["CH-16"], "price_wan": {"low": 16, "high": 60.5}, "weeks": {"low": 4, "high": 10}, "references": 3,
    "explosion_proof": True, "origin": "国产",
    "cases": [
        {"title": "两套装置", "client_sector": "chem", "signed": "2024-05", "completed": "2024-09", "cost_wan": 48.5, "process": "分两期。",
         "effects": [{"indicator": "泄漏率", "before": 1.2, "after": 0.4, "unit": "%"}], "proofs": ["合同"]},
    ],
}  # fmt: skip


def one(pool: Pool, person: str = "provider", **where: Any) -> Any:
    found = next(row for row in pool.items(person, "/catalogue") if all(row[key] == value for key, value in where.items()))
    return done(pool.get(person, f"/catalogue/{found['id']}"))


def body_of(found: Any, **changed: Any) -> dict[str, Any]:
    """A content as it was read, to be sent back."""
    body = {**found["content"], "note": found["note"], "files": None}
    body["cases"] = [{**case, "id": case["id"] or ""} for case in body["cases"]]
    body["weeks"] = found["content"]["weeks"] and {key: int(value) for key, value in found["content"]["weeks"].items() if value is not None}
    return {**body, **changed}


def test_a_solution_from_its_draft_to_the_shelf_and_off_it(pool: Pool) -> None:
    made = pool.post("provider", "/catalogue", CONTENT, headers={"Idempotency-Key": "leak"})
    begun = done(made, 201)
    assert (begun["state"], begun["version"]) == ("draft", "1.1")
    assert pool.post("provider", "/catalogue", CONTENT, headers={"Idempotency-Key": "leak"}).text == made.text
    path = f"/catalogue/{begun['id']}"
    found = done(pool.get("provider", path))
    assert found["content"]["price_wan"] == {"low": 16.0, "high": 60.5}
    assert found["content"]["sectors"] == ["chem"]
    assert (found["content"]["origin"], found["content"]["explosion_proof"]) == ("domestic", True)
    assert found["content"]["cases"][0]["effects"] == [{"indicator": "泄漏率", "before": 1.2, "after": 0.4, "unit": "%"}]
    # Nobody else sees it, not even that it is there.
    assert pool.get("anyone", f"/solutions/{begun['id']}").status_code == pool.get("provider2", path).status_code == 404
    handed_in = done(pool.post("provider", f"{path}/submit", match=found["version"]))
    assert handed_in["state"] == "submitted"
    assert refused(pool.put("provider", path, CONTENT, match=handed_in["version"])) == (409, "not_editable")
    version = next(row for row in pool.items("manager", "/versions") if row["solution"] == begun["id"])
    seen = done(pool.get("manager", f"/versions/{version['id']}"))
    assert [row for row in seen["findings"] if row["hard"]] == []
    assert fields(pool.post("manager", f"/versions/{version['id']}/return", {}, match=seen["version"])) == [("body.why", "reason_missing")]
    assert refused(pool.post("manager", f"/versions/{version['id']}/approve", {}, match="7")) == (412, "changed_meanwhile")
    assert done(pool.post("manager", f"/versions/{version['id']}/approve", {}, match=seen["version"]))["state"] == "approved"
    assert refused(pool.post("admin", f"/versions/{version['id']}/approve", {}, match=seen["version"])) == (409, "wrong_state")
    assert done(pool.get("anyone", f"/solutions/{begun['id']}"))["cases"][0]["cost_wan"] == 48.5
    assert done(pool.post("provider", f"{path}/delist", {"why": "改版"}))["state"] == "withdrawn"
    assert refused(pool.post("provider", f"{path}/delist", {"why": "改版"})) == (409, "wrong_state")


def test_of_two_who_write_at_once_the_second_reads_both_side_by_side(pool: Pool) -> None:
    found = one(pool, version_state="returned")
    path = f"/catalogue/{found['id']}"
    done(pool.put("provider", path, body_of(found, title="甲改的标题", references=7), match=found["version"]))
    late = pool.put("provider", path, body_of(found, title="乙改的标题"), match=found["version"])
    assert refused(late) == (412, "changed_meanwhile")
    told = messages(late)
    assert set(told) == {"body.title", "body.references"}
    assert "甲改的标题" in told["body.title"]
    assert "乙改的标题" in told["body.title"]
    kept = done(pool.get("provider", path))
    assert kept["content"]["title"] == "甲改的标题"
    for step in ("submit", "withdraw"):
        assert refused(pool.post("provider", f"{path}/{step}", match=found["version"])) == (412, "changed_meanwhile")
    for match in ("x", "*", "9.9", "0.0", ""):
        assert refused(pool.put("provider", path, body_of(found), match=match)) == (412, "changed_meanwhile")
    assert done(pool.post("provider", f"{path}/withdraw", match=kept["version"]))["state"] == "published"


def test_what_is_published_stays_until_its_next_version_is_approved(pool: Pool) -> None:
    found = one(pool, state="published", version_state=None)
    path, before = f"/catalogue/{found['id']}", found["content"]["title"]
    # Sent back as it was read it is no new version.
    assert done(pool.put("provider", path, body_of(found), match=found["version"]))["version"] == found["version"]
    done(pool.put("provider", path, body_of(found, title="新标题"), match=found["version"]))
    assert done(pool.get("anyone", f"/solutions/{found['id']}"))["title"] == before
    (change,) = done(pool.get("provider", path))["changes"]
    assert (change["field"], change["before"], change["after"]) == ("title", before, "新标题")
    versions = pool.items_of("provider", f"{path}/versions")
    numbers = [row["number"] for row in versions]
    for person in ("provider", "bureau"):
        two = done(pool.get(person, f"{path}/versions/{numbers[0]}?against={numbers[1]}"))
        assert (two["against"], [row["field"] for row in two["changes"]]) == (numbers[1], ["title"])
        assert done(pool.get(person, f"{path}/versions/1?against=77"))["against"] is None
        assert pool.get(person, f"{path}/versions/99").status_code == 404
    for person in ("provider2", "expert", "centre"):
        assert pool.get(person, f"{path}/versions").status_code == 404


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"title": " "}, ("body.title", "required")),
        ({"title": "x" * 201}, ("body.title", "string_too_long")),
        ({"form": "poem"}, ("body.form", "unknown_word")),
        ({"sectors": ["农业"]}, ("body.sectors", "unknown_word")),
        ({"scenarios": ["XX-99"]}, ("body.scenarios", "unknown_scenario")),
        ({"price_wan": {"low": 9, "high": 3}}, ("body.price_wan", "range_turned")),
        ({"weeks": {"low": 9, "high": 3}}, ("body.weeks", "range_turned")),
        ({"origin": "月球"}, ("body.origin", "unknown_answer")),
        ({"files": [MISSING]}, ("body.files", "unknown_file")),
        ({"solves": ["a\0b"]}, ("body.solves.0", "string_pattern_mismatch")),
        ({"cases": [{"title": "x"}]}, ("body.cases.0.process", "required")),
        ({"cases": [{"process": "x", "signed": "2025-05", "completed": "2024-05"}]}, ("body.cases.0.completed", "dates_turned")),
        ({"cases": [{"process": "x", "signed": "上周"}]}, ("body.cases.0.signed", "not_a_date")),
        ({"cases": [{"id": MISSING, "process": "x"}]}, ("body", "foreign_thing")),
        ({"state": "published"}, ("body.state", "extra_forbidden")),
        ({"provider_id": 2}, ("body.provider_id", "extra_forbidden")),
    ],
)
def test_a_wrong_content_is_told_field_by_field(shared_pool: Pool, changed: dict[str, Any], wrong: tuple[str, str]) -> None:
    before = shared_pool.count(Solution), shared_pool.count(SolutionVersion)
    assert fields(shared_pool.post("provider", "/catalogue", {**CONTENT, **changed})) == [wrong]
    assert (shared_pool.count(Solution), shared_pool.count(SolutionVersion)) == before


def test_what_the_text_guard_finds_hard_cannot_be_handed_in(pool: Pool) -> None:
    begun = done(pool.post("provider", "/catalogue", {**CONTENT, "summary": SUMMARY + "电话 022-66001234。"}), 201)
    found = done(pool.get("provider", f"/catalogue/{begun['id']}"))
    assert ("summary", "contact_data", True) in [(row["field"], row["code"], row["hard"]) for row in found["findings"]]
    assert refused(pool.post("provider", f"/catalogue/{begun['id']}/submit", match=begun["version"])) == (409, "contact_data")


def test_a_file_is_private_until_its_version_is_approved(pool: Pool) -> None:
    found = one(pool, version_state="returned")
    path = f"/catalogue/{found['id']}"

    def bring(file: Any) -> Any:
        return pool.post("provider", f"{path}/files", data={"file": file}, content_type="multipart/form-data")

    assert ("body.file", "wrong_content") in fields(bring((io.BytesIO(b"GIF89a"), "a.pdf")))
    assert "body.file" in {field for field, _code in fields(bring((io.BytesIO(b"a,b"), "a.csv")))}
    done(bring(pdf("样本")), 201)
    (file,) = done(pool.get("provider", path))["content"]["files"]
    assert file["name"] == "样本.pdf"
    assert pool.get("anyone", f"/files/{file['id']}").status_code == 404
    assert pool.get("provider", f"/files/{file['id']}").status_code == 200
    # The version keeps what is named, and everything where nothing is.
    now = done(pool.get("provider", path))
    kept = done(pool.put("provider", path, body_of(now, files=[file["id"]], note="留"), match=now["version"]))
    assert kept["version"] != now["version"]
    assert pool.call("provider", "DELETE", f"{path}/files/{MISSING}").status_code == 404
    done(pool.call("provider", "DELETE", f"{path}/files/{file['id']}"))
    assert done(pool.get("provider", path))["content"]["files"] == []


def test_a_call_is_answered_once_and_its_draft_is_told_to_few(pool: Pool) -> None:
    calls = {row["state"]: row["id"] for row in pool.items("manager", "/calls")}
    assert set(calls) == {"draft", "published", "closed"}
    path = f"/calls/{calls['published']}"
    before = {person: len(done(pool.get(person, path))["answers"]) for person in ("anyone", "provider", "provider2", "manager")}
    draft = one(pool, state="draft", version_state="draft")
    answered = done(pool.post("provider", f"{path}/answers", {"solution": draft["id"], "note": "可先试用"}), 201)
    assert draft["id"] in {row["solution"] for row in answered["answers"]}
    done(pool.post("provider", f"{path}/answers", {"solution": draft["id"], "note": "再说一次"}), 201)
    after = {person: len(done(pool.get(person, path))["answers"]) for person in before}
    known = before["provider"] + (draft["id"] not in str(before))
    assert after == {**before, "provider": known, "manager": before["manager"] + known - before["provider"]}
    notes = {
        person: [row["note"] for row in done(pool.get(person, path))["answers"] if row["solution"] == draft["id"]] for person in before
    }
    assert notes == {"anyone": [], "provider": ["再说一次"], "provider2": [], "manager": ["再说一次"]}
    foreign = {"solution": one(pool, "provider2")["id"]}
    assert fields(pool.post("provider", f"{path}/answers", foreign)) == [("body.solution", "unknown_solution")]
    assert refused(pool.post("provider", f"/calls/{calls['closed']}/answers", {"solution": draft["id"]})) == (409, "call_closed")
    done(pool.call("provider", "DELETE", f"{path}/answers/{draft['id']}"))
    assert draft["id"] not in pool.get("provider", path).text
    assert pool.call("provider2", "DELETE", f"{path}/answers/{draft['id']}").status_code == 404
    assert calls["draft"] not in pool.get("bureau", "/calls").text


def test_recommended_products_are_those_that_can_be_found(pool: Pool) -> None:
    (row,) = pool.items("anyone", "/listings")
    assert pool.items("anyone", "/listings?batch=none") == []
    assert pool.items("anyone", f"/listings?batch={row['batch']}") == [row]
    done(pool.post("provider", f"/catalogue/{row['solution']['id']}/delist", {"why": "停产"}))
    assert pool.items("anyone", "/listings") == []
