"""Ratings, certificates, adjustments, the inbox and the history by program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from marketplace.records.adjustments import Adjustment
from marketplace.records.ratings import RatingEvent
from tests.api.pool import MISSING, Pool, done, fields, pdf, refused

FORM = {"content_type": "multipart/form-data"}


def company(pool: Pool, person: str = "provider") -> str:
    (row,) = pool.items(person, "/ratings")
    found: str = row["provider"]["id"]
    return found


def enter(pool: Pool, id: str, person: str = "manager", key: str = "", **changed: Any) -> Any:
    data = {
        "kind": "inspection",
        "on": "2026-01-05",
        "project": "密封件车间",
        "payload": json.dumps({"severity": "serious"}),
        "proof": pdf("检查记录"),
        **changed,
    }
    headers = {"Idempotency-Key": key} if key else {}
    return pool.post(person, f"/ratings/{id}/events", data={name: one for name, one in data.items() if one}, headers=headers, **FORM)


def test_a_rating_tells_its_reasons_to_its_provider_and_staff(shared_pool: Pool) -> None:
    id = company(shared_pool)
    own, staff = done(shared_pool.get("provider", f"/ratings/{id}")), done(shared_pool.get("centre", f"/ratings/{id}"))
    assert own == staff
    assert own["low"] < own["score"] < own["high"]
    assert abs(own["usual"] + sum(row["points"] for row in own["events"]) - own["score"]) < 0.5
    assert len(shared_pool.items("bureau", "/ratings")) == 49
    # Everybody reads the grade, as on the pages, and nobody else the events.
    public = done(shared_pool.get("anyone", f"/providers/{id}"))["record"]
    assert public["grade"] == own["grade"]
    assert set(public) == {"finished", "on_time", "passed", "score", "grade"}


def test_an_event_moves_the_rating_at_once_and_only_once(pool: Pool) -> None:
    id = company(pool)
    before, events = done(pool.get("provider", f"/ratings/{id}"))["score"], pool.count(RatingEvent)
    entered = done(enter(pool, id, key="visit"), 201)
    assert done(enter(pool, id, key="visit"), 201) == entered
    assert pool.count(RatingEvent) == events + 1
    after = done(pool.get("provider", f"/ratings/{id}"))
    assert after["score"] < before
    found = next(row for row in after["events"] if row["id"] == entered["id"])
    assert (found["payload"], found["by_form"], found["proofs"][0]["name"]) == ({"severity": "serious"}, True, "检查记录.pdf")
    assert pool.get("provider", f"/files/{found['proofs'][0]['id']}").status_code == 200
    assert pool.get("provider2", f"/files/{found['proofs'][0]['id']}").status_code == 404
    assert fields(enter(pool, id, replaces=entered["id"])) == [("body.why", "reason_missing")]
    corrected = done(enter(pool, id, replaces=entered["id"], why="定级有误", payload='{"severity": "minor"}'), 201)
    assert refused(pool.post("manager", f"/ratings/events/{entered['id']}/take-back", {"why": "x"})) == (409, "superseded")
    assert fields(pool.post("manager", f"/ratings/events/{corrected['id']}/take-back", {"why": " "})) == [("body.why", "reason_missing")]
    done(pool.post("manager", f"/ratings/events/{corrected['id']}/take-back", {"why": "重复登记"}))
    assert done(pool.get("provider", f"/ratings/{id}"))["score"] == before
    imported = next(row["id"] for row in after["events"] if not row["by_form"])
    assert refused(pool.post("manager", f"/ratings/events/{imported}/take-back", {"why": "x"})) == (409, "not_by_form")


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"proof": None}, ("body.proof", "missing")),
        ({"kind": "mood"}, ("body.kind", "enum")),
        ({"on": "soon"}, ("body.on", "date_parsing")),
        ({"on": "2100-01-01"}, ("body.on", "future")),
        ({"payload": "{"}, ("body.payload", "json_invalid")),
        ({"payload": "[1]"}, ("body.payload", "json_invalid")),
        ({"payload": '{"severity": "serious", "score": 1}'}, ("body.payload.score", "extra_forbidden")),
        ({"payload": '{"remark": "x"}'}, ("body.payload.severity", "required")),
        ({"role": "admin"}, ("body.role", "extra_forbidden")),
    ],
)
def test_a_wrong_event_is_told_field_by_field(shared_pool: Pool, changed: dict[str, Any], wrong: tuple[str, str]) -> None:
    before = shared_pool.count(RatingEvent)
    found = fields(enter(shared_pool, company(shared_pool), **changed))
    assert wrong[0] in {field for field, _code in found}
    assert wrong in found or wrong[1] in ("future", "required")
    assert shared_pool.count(RatingEvent) == before


def test_certificates_are_kept_by_their_provider_and_by_who_enters_ratings(pool: Pool) -> None:
    id = company(pool)
    old = pool.items_of("provider", f"/certificates/{id}")[0]

    def add(person: str, **changed: str) -> Any:
        data = {"kind": "insurance", "name": "职业责任保险", "expires": "2027-11-23", "proof": pdf("保单"), **changed}
        return pool.post(person, f"/certificates/{id}", data=data, **FORM)

    new = done(add("provider", replaces=old["id"]), 201)
    rows = pool.items_of("provider", f"/certificates/{id}")
    assert new in rows
    assert old["id"] not in {row["id"] for row in rows}
    assert refused(add("provider", replaces=old["id"])) == (409, "replaced")
    assert add("provider", replaces=MISSING).status_code == 404
    assert add("manager").status_code == 201
    assert refused(add("bureau")) == (403, "not_allowed")
    assert fields(add("provider", issued="2028-01-01")) == [("body.expires", "dates_crossed")]
    assert fields(add("provider", kind="diploma")) == [("body.kind", "unknown_kind")]
    assert fields(add("provider", issued="gestern")) == [("body.issued", "date_parsing")]


def case(pool: Pool, person: str = "bureau", **where: str) -> Any:
    found = next(row for row in pool.items(person, "/adjustments") if all(row[key] == value for key, value in where.items()))
    return done(pool.get(person, f"/adjustments/{found['id']}"))


def test_a_warning_is_proposed_decided_appealed_and_upheld(pool: Pool) -> None:
    path = f"/providers/{company(pool)}/adjustments"
    said = {"kind": "warn", "why": "两次延期", "evidence": "2026-11-03 检查记录"}
    assert fields(pool.post("manager", path, {**said, "evidence": ""})) == [("body.evidence", "evidence_missing")]
    assert fields(pool.post("manager", path, {**said, "why": " "})) == [("body.why", "reason_missing")]
    assert fields(pool.post("manager", path, {**said, "conduct": "rude"})) == [("body.conduct", "unknown_conduct")]
    assert refused(pool.post("manager", path, {**said, "kind": "retire"})) == (409, "not_heard")
    proposed = done(pool.post("manager", path, said), 201)
    assert refused(pool.post("bureau", path, said)) == (409, "proposed_already")
    here = f"/adjustments/{proposed['id']}"
    # Until it is decided its provider knows nothing of it.
    assert pool.get("provider", here).status_code == 404
    decided = done(pool.post("bureau", f"{here}/steps", {"event": "decide", "why": "事实清楚"}, match=proposed["version"]))
    assert refused(pool.post("admin", f"{here}/steps", {"event": "drop", "why": "x"}, match=proposed["version"])) == (
        412,
        "changed_meanwhile",
    )
    assert refused(pool.post("admin", f"{here}/steps", {"event": "drop", "why": "x"})) == (409, "wrong_state")
    assert done(pool.get("provider", f"/ratings/{company(pool)}"))["state"] == "warned"
    told = done(pool.get("provider", here))
    assert (told["reason"], told["decision_reason"], told["decide_by"]) == ("两次延期", "事实清楚", None)
    assert pool.get("provider2", here).status_code == 404
    assert refused(pool.post("bureau", f"{here}/appeal", {"event": "uphold", "why": "x"})) == (409, "no_appeal")
    done(pool.post("provider", f"{here}/replies", {"event": "appeal", "text": "与事实不符"}))
    assert refused(pool.post("provider", f"{here}/replies", {"event": "appeal", "text": "再诉"})) == (409, "appealed_already")
    # Nobody answers an appeal against a decision of their own.
    assert refused(pool.post("bureau", f"{here}/appeal", {"event": "uphold", "why": "查实"})) == (409, "own_decision")
    assert done(pool.post("admin", f"{here}/appeal", {"event": "uphold", "why": "查实"}))["state"] == "revoked"
    assert done(pool.get("provider", f"/ratings/{company(pool)}"))["state"] == "admitted"
    assert decided["state"] == "decided"


def test_out_of_the_pool_it_takes_two_persons(pool: Pool) -> None:
    found = case(pool, kind="retire", state="confirming")
    here = f"/adjustments/{found['id']}/steps"
    first = {"event": "confirm", "why": "同意"}
    answers = {person: pool.post(person, here, first) for person in ("bureau", "admin")}
    assert sorted(answer.status_code for answer in answers.values()) == [200, 409]
    assert {refused(answer) for answer in answers.values() if answer.status_code == 409} == {(409, "same_person")}
    provider = found["provider"]["id"]
    assert pool.get("anyone", f"/providers/{provider}").status_code == 404


def test_a_rectification_with_its_one_extension(pool: Pool) -> None:
    proposed = done(pool.post("bureau", f"/providers/{company(pool)}/adjustments", {"kind": "rectify", "why": "x", "evidence": "y"}), 201)
    here = f"/adjustments/{proposed['id']}"
    assert fields(pool.post("bureau", f"{here}/steps", {"event": "decide", "why": "x", "days": 900})) == [
        ("body.days", "days_out_of_range")
    ]
    assert done(pool.post("bureau", f"{here}/steps", {"event": "decide", "why": "x", "days": 5}))["state"] == "rectifying"
    due = done(pool.get("provider", here))["due"]
    done(pool.post("provider", f"{here}/replies", {"event": "ask_extension", "text": "等设备到货"}))
    assert refused(pool.post("provider", f"{here}/replies", {"event": "ask_extension", "text": "再等"})) == (409, "extension_once")
    done(pool.post("bureau", f"{here}/steps", {"event": "extend"}))
    assert done(pool.get("provider", here))["due"] > due
    assert fields(pool.post("provider", f"{here}/replies", {"event": "hand_in", "text": ""})) == [("body.why", "reason_missing")]
    assert done(pool.post("provider", f"{here}/replies", {"event": "hand_in", "text": "已改"}))["state"] == "handed_in"
    assert done(pool.post("bureau", f"{here}/steps", {"event": "accept", "why": "属实"}))["state"] == "passed"


def test_evidence_files_are_staff_s(pool: Pool) -> None:
    from marketplace.records.files import Attachment

    row = next(row for row in pool.items("applicants", "/adjustments"))
    with pool.site.database.writing() as session:
        number = session.query(Adjustment.id).filter_by(public_id=row["id"]).scalar()
        proof = session.query(Attachment).filter_by(noun="certificate").first()
        assert proof is not None
        proof.noun, proof.noun_id, proof.kind, proof.organisation_id = "adjustment", number, "evidence", None
    kinds = {
        person: {file["kind"] for file in done(pool.get(person, f"/adjustments/{row['id']}"))["files"]}
        for person in ("applicants", "bureau")
    }
    assert "evidence" in kinds["bureau"]
    assert "evidence" not in kinds["applicants"]


def test_the_inbox_is_each_one_s_own(pool: Pool) -> None:
    tasks = {person: {row["id"] for row in pool.items(person, "/tasks")} for person in ("provider", "provider2", "expert", "manager")}
    assert all(tasks.values())
    assert not tasks["provider"] & tasks["provider2"]
    only = pool.items("manager", "/tasks?noun=application")
    assert {row["noun"] for row in only} == {"application"}
    assert {row["id"] for row in only} < tasks["manager"]
    first = pool.items("provider", "/notices")[0]
    assert "{" not in first["message"]
    unread = len(pool.items("provider", "/notices?unread=true"))
    assert pool.post("provider2", f"/notices/{first['id']}/read").status_code == 404
    assert done(pool.post("provider", f"/notices/{first['id']}/read")) == {"unread": unread - 1}
    assert done(pool.post("provider", "/notices/read")) == {"unread": 0}
    assert pool.items("provider", "/notices?unread=true") == []
    assert pool.items("provider2", "/notices?unread=true")


def test_the_history_of_a_thing_is_found_by_its_id(shared_pool: Pool) -> None:
    row = shared_pool.items("manager", "/reviews?state=publicity")[0]
    found = shared_pool.items("bureau", f"/history?noun=application&thing={row['id']}")
    assert {entry["noun"] for entry in found} == {"application"}
    assert [entry["number"] for entry in found] == sorted((entry["number"] for entry in found), reverse=True)
    assert found[-1]["verb"] == "start"
    assert [entry["verb"] for entry in shared_pool.items("bureau", f"/history?noun=application&thing={row['id']}&verb=accept")] == [
        "accept"
    ]
    # Page by page it is the same.
    pages: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = done(shared_pool.get("bureau", f"/history?noun=application&thing={row['id']}&limit=7&cursor={cursor}"))
        pages, cursor = [*pages, *page["items"]], page["next"]
    assert pages == found
    assert shared_pool.items("bureau", f"/history?noun=application&thing={MISSING}") == []
    assert fields(shared_pool.get("bureau", f"/history?noun=secret&thing={MISSING}")) == [("query.noun", "unknown_word")]
    assert fields(shared_pool.get("bureau", "/history?since=9999-01-01")) == [("query.since", "date_out_of_range")]
    # What somebody may not read elsewhere is absent here too.
    assert shared_pool.items("manager", "/history?noun=problem") == []
    assert shared_pool.items("admin", "/history?noun=problem")
