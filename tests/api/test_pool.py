"""Windows and applications by program: what is told to whom, what is written once, and what is refused with which words."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest

from marketplace.domain.applications import ApplicationState
from marketplace.records.applications import ProviderApplication
from marketplace.records.files import Download
from tests.api.pool import MISSING, Pool, done, fields, messages, pdf, refused


def window(pool: Pool, phase: str) -> Any:
    return next(row for row in pool.items("manager", "/windows") if row["phase"] == phase)


def own(pool: Pool, person: str = "applicant", **where: str) -> Any:
    return next(row for row in pool.items(person, "/applications") if all(row[key] == value for key, value in where.items()))


def read(pool: Pool, id: str, section: str, person: str = "applicant") -> Any:
    return done(pool.get(person, f"/applications/{id}/sections/{section}"))


def test_windows_with_their_phases_and_drafts_for_those_who_make_them(shared_pool: Pool) -> None:
    phases = {person: sorted(row["phase"] for row in shared_pool.items(person, "/windows")) for person in ("anyone", "bureau", "manager")}
    assert phases["anyone"] == phases["bureau"] == ["closed", "coming", "open"]
    assert phases["manager"] == ["closed", "coming", "draft", "open", "withdrawn"]
    found = done(shared_pool.get("anyone", f"/windows/{window(shared_pool, 'open')['id']}"))
    assert {"key", "name", "section", "each"} == set(found["required"][0])
    assert found["admitted"] is None
    for phase in ("draft", "withdrawn"):
        assert shared_pool.get("bureau", f"/windows/{window(shared_pool, phase)['id']}").status_code == 404


def test_a_public_notice_names_the_applicant_and_nothing_else_of_it(shared_pool: Pool) -> None:
    rows = shared_pool.items("anyone", "/publicity")
    assert {row["open"] for row in rows} == {True, False}
    for row in rows:
        assert set(row) == {"id", "name", "code", "window", "begins", "until", "open"}
        # The notice does not lead to the application.
        assert shared_pool.get("manager", f"/applications/{row['id']}").status_code == 404


def test_staff_find_applications_and_are_not_shown_what_is_being_typed(shared_pool: Pool) -> None:
    rows = shared_pool.items("bureau", "/applications")
    assert "draft" not in {row["state"] for row in rows}
    (draft,) = shared_pool.items("bureau", "/applications?state=draft")
    assert draft["waits_for"] == "applicant"
    number, name, code = draft["number"], draft["organisation"]["name"], draft["organisation"]["code"]
    for text in (name[2:8], code.lower(), number.lower()):
        assert [row["number"] for row in shared_pool.items("bureau", f"/applications?state=draft&q={text}")] == [number]
    assert {row["window"]["number"] for row in shared_pool.items("bureau", "/applications?window=SB-2026-01")} <= {"SB-2026-01"}
    assert fields(shared_pool.get("bureau", "/applications?state=lost")) == [("query.state", "enum")]


def test_what_a_machine_knows_of_others_is_for_staff(shared_pool: Pool) -> None:
    more = 0
    for row in shared_pool.items("applicants", "/applications"):
        told, all_ = (done(shared_pool.get(person, f"/applications/{row['id']}"))["checks"] for person in ("applicants", "manager"))
        assert [one for one in all_ if one in told] == told
        more += len(all_) > len(told)
    assert more


def test_fifty_at_once_with_one_key_begin_one_application(pool: Pool) -> None:
    path, before = f"/windows/{window(pool, 'open')['id']}/applications", pool.count(ProviderApplication)
    answers: list[Any] = []
    pool.headers("applicant2")

    def send() -> None:
        answers.append(pool.post("applicant2", path, {}, headers={"Idempotency-Key": "monday"}))

    threads = [threading.Thread(target=send) for _number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({(answer.text, answer.headers["ETag"]) for answer in answers}) == 1
    assert pool.count(ProviderApplication) == before + 1
    other = pool.post("applicant2", path, {"reuse": True}, headers={"Idempotency-Key": "monday"})
    assert fields(other) == [("header.Idempotency-Key", "other_body")]
    # Without the key it is a second attempt; and the same key of somebody else is another key.
    assert refused(pool.post("applicant2", path, {})) == (409, "already_applied")
    assert refused(pool.post("applicant", path, {}, headers={"Idempotency-Key": "monday"})) == (409, "already_applied")


def test_who_can_begin_and_where(pool: Pool) -> None:
    path = f"/windows/{window(pool, 'open')['id']}/applications"
    assert fields(pool.post("applicants", path, {})) == [("body.organisation", "missing")]
    assert pool.post("applicants", path, {"organisation": MISSING}).status_code == 404
    assert refused(pool.post("provider", path, {})) == (409, "in_pool")
    for phase, status in (("closed", 409), ("coming", 409), ("draft", 404)):
        assert pool.post("applicant2", f"/windows/{window(pool, phase)['id']}/applications", {}).status_code == status
    assert done(pool.post("applicant2", path, {"reuse": True}), 201)["version"] == "1"


def test_an_application_from_the_last_one_to_its_end(pool: Pool) -> None:
    gone = own(pool, "applicants", state="withdrawn")
    begun = done(
        pool.post(
            "applicants", f"/windows/{gone['window']['id']}/applications", {"organisation": gone["organisation"]["code"], "reuse": True}
        ),
        201,
    )
    path = f"/applications/{begun['id']}"
    # The promise of truth is given anew each time.
    assert refused(pool.post("applicants", f"{path}/submit")) == (409, "checks_fail")
    others = read(pool, begun["id"], "others", "applicants")
    saved = pool.put("applicants", f"{path}/sections/others", {"fields": {**others["fields"], "promise": "yes"}}, match=others["version"])
    assert saved.headers["ETag"] == f'"{done(saved)["version"]}"'
    handed_in = done(pool.post("applicants", f"{path}/submit"))
    assert handed_in["state"] == "submitted"
    found = done(pool.get("applicants", path))
    assert (found["waits_for"], found["sections"][0]["missing"]) == ("manager", [])
    section = pool.put(
        "applicants", f"{path}/sections/others", {"fields": {}}, match=read(pool, begun["id"], "others", "applicants")["version"]
    )
    assert refused(section) == (409, "not_writable")
    assert done(pool.post("applicants", f"{path}/withdraw", {"why": "改期"}))["state"] == "withdrawn"
    assert refused(pool.post("applicants", f"{path}/withdraw", {"why": "改期"})) == (409, "wrong_state")
    assert done(pool.get("manager", "/history?noun=application&thing=" + begun["id"]))["items"][0]["verb"] == "withdraw"


def test_a_supplement_answers_every_remark(pool: Pool) -> None:
    row = own(pool, "applicants", state="sent_back")
    standing = done(pool.get("applicants", f"/applications/{row['id']}"))
    assert standing["supplement_until"]
    assert refused(pool.post("applicants", f"/applications/{row['id']}/submit")) == (409, "remarks_unanswered")
    for section in [one["key"] for one in standing["sections"] if one["open_remarks"]]:
        found = read(pool, row["id"], section, "applicants")
        replies = {str(remark["number"]): "已补" for remark in found["remarks"] if not remark["settled"]}
        body = {"fields": found["fields"], "rows": found["rows"], "replies": replies}
        done(pool.put("applicants", f"/applications/{row['id']}/sections/{section}", body, match=found["version"]))
    assert done(pool.post("applicants", f"/applications/{row['id']}/submit"))["state"] == "submitted"


def test_of_two_who_write_one_section_the_second_is_told_what_differs(pool: Pool) -> None:
    id = own(pool)["id"]
    found = read(pool, id, "organisation")
    path = f"/applications/{id}/sections/organisation"
    first = {"fields": {**found["fields"], "region": "天津市", "phone": "022-66000000"}}
    second = {"fields": {**found["fields"], "region": "北京市"}}
    done(pool.put("applicant", path, first, match=found["version"]))
    late = pool.put("applicant", path, second, match=found["version"])
    assert refused(late) == (412, "changed_meanwhile")
    told = messages(late)
    assert set(told) == {"body.fields.region", "body.fields.phone"}
    assert "天津市" in told["body.fields.region"]
    assert "北京市" in told["body.fields.region"]
    kept = read(pool, id, "organisation")
    assert kept["fields"]["region"] == "天津市"
    # On top of what stands now it is written.
    done(pool.put("applicant", path, second, match=kept["version"]))
    assert read(pool, id, "organisation")["fields"]["region"] == "北京市"


@pytest.mark.parametrize("match", ["999", "x", "*", ""])
def test_a_version_that_never_was_overwrites_nothing(pool: Pool, match: str) -> None:
    id = own(pool)["id"]
    answer = pool.put("applicant", f"/applications/{id}/sections/cases", {"rows": []}, match=match)
    assert refused(answer) == (412, "changed_meanwhile")


@pytest.mark.parametrize(
    ("section", "body", "wrong"),
    [
        ("organisation", {"fields": {"salary": "1"}}, ("body.fields.salary", "extra_forbidden")),
        ("organisation", {"fields": {"kind": "farm"}}, ("body.fields.kind", "unknown_word")),
        ("organisation", {"fields": {"region": ["天津"]}}, ("body.fields.region", "string_type")),
        ("organisation", {"fields": {"region": "a\0b"}}, ("body.fields.region", "string_pattern_mismatch")),
        ("organisation", {"rows": [{"key": "1"}]}, ("body.rows.0", "extra_forbidden")),
        ("organisation", {"replies": {"7": "x"}}, ("body.replies.7", "extra_forbidden")),
        ("cases", {"rows": [{"title": "x"}]}, ("body.rows.0.key", "bad_key")),
        ("cases", {"rows": [{"key": "1"}, {"key": "1"}]}, ("body.rows.1.key", "bad_key")),
        ("cases", {"rows": [{"key": "1", "role": "admin"}]}, ("body.rows.0.role", "extra_forbidden")),
        ("cases", {"rows": [{"key": str(n)} for n in range(1, 60)]}, ("body.rows", "too_many_rows")),
        ("products", {"rows": [{"key": "1", "sectors": "chem"}]}, ("body.rows.0.sectors", "list_type")),
    ],
)
def test_a_wrong_section_is_told_field_by_field(shared_pool: Pool, section: str, body: Any, wrong: tuple[str, str]) -> None:
    id = own(shared_pool)["id"]
    assert fields(
        shared_pool.put("applicant", f"/applications/{id}/sections/{section}", body, match=read(shared_pool, id, section)["version"])
    ) == [wrong]


def test_a_word_of_the_pilot_becomes_its_key_and_what_cannot_be_read_is_kept_and_told(pool: Pool) -> None:
    id = own(pool)["id"]
    body = {"rows": [{"key": "3", "sector": "化工", "cost": "三十万", "title": "  树脂\r\n车间 "}]}
    done(pool.put("applicant", f"/applications/{id}/sections/cases", body, match=read(pool, id, "cases")["version"]))
    found = read(pool, id, "cases")
    assert found["rows"] == [{"key": "3", "title": "树脂\n车间", "sector": "chem", "cost": "三十万"}]
    assert [(one["path"], one["code"]) for one in found["wrong"]] == [("3.cost", "not_a_number")]
    assert pool.get("applicant", f"/applications/{id}/sections/none").status_code == 404


def test_files_come_once_are_noted_when_taken_and_can_be_taken_back(pool: Pool) -> None:
    id = own(pool)["id"]
    path, before = f"/applications/{id}/files", len(pool.items_of("applicant", f"/applications/{id}/files"))

    def send(name: str = "执照", **form: str) -> Any:
        data = {"file": pdf(name), "document": "licence", **form}
        return pool.post("applicant", path, data=data, headers={"Idempotency-Key": "licence"}, content_type="multipart/form-data")

    brought = done(send(), 201)
    assert (brought["kind"], brought["name"], brought["public"]) == ("licence", "执照.pdf", False)
    assert done(send(), 201) == brought
    assert fields(send("别的执照")) == [("header.Idempotency-Key", "other_body")]
    assert len(pool.items_of("applicant", path)) == before + 1
    noted = pool.count(Download)
    for person, status in (("applicant", 200), ("manager", 200), ("applicant2", 404), ("centre", 404), ("anyone", 404)):
        answer = pool.get(person, f"/files/{brought['id']}")
        assert answer.status_code == status, person
    assert answer.mimetype == "application/problem+json"
    assert pool.count(Download) == noted + 2
    assert pool.call("applicant", "DELETE", f"{path}/{brought['id']}").status_code == 200
    assert pool.call("applicant", "DELETE", f"{path}/{brought['id']}").status_code == 404
    assert len(pool.items_of("applicant", path)) == before


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({"document": "licence"}, ("body.file", "missing")),
        ({"file": pdf()}, ("body.document", "missing")),
        ({"file": pdf(), "document": "licence", "role": "x"}, ("body.role", "extra_forbidden")),
        ({"file": pdf(), "document": "passport"}, ("body.document", "unknown_document")),
        ({"file": pdf(), "document": "licence", "row": "1"}, ("body.document", "unknown_document")),
        ({"file": (io.BytesIO(b"MZ\x90\0program"), "a.pdf"), "document": "licence"}, ("body.file", "wrong_content")),
        ({"file": "text", "document": "licence"}, ("body.file", "extra_forbidden")),
    ],
)
def test_a_wrong_file_is_told_why(shared_pool: Pool, form: dict[str, Any], wrong: tuple[str, str]) -> None:
    id = own(shared_pool)["id"]
    if "file" in form and isinstance(form["file"], tuple):
        form["file"] = (io.BytesIO(form["file"][0].getvalue()), form["file"][1])
    answer = shared_pool.post("applicant", f"/applications/{id}/files", data=form, content_type="multipart/form-data")
    assert wrong in fields(answer)
    assert shared_pool.post("applicant", f"/applications/{id}/files", {}).status_code == 415


def test_a_member_who_may_not_hand_in_is_told_so(pool: Pool) -> None:
    id = own(pool)["id"]
    with pool.site.database.writing() as session:
        from marketplace.records.accounts import Membership, find_account

        account = find_account(session, "applicant")
        assert account is not None
        session.query(Membership).filter_by(account_id=account.id).update({"rights": ["edit"]})
    assert refused(pool.post("applicant", f"/applications/{id}/submit")) == (403, "not_allowed")
    found = read(pool, id, "others")
    done(pool.put("applicant", f"/applications/{id}/sections/others", {"fields": {"remarks": "x"}}, match=found["version"]))


def test_every_state_is_told(shared_pool: Pool) -> None:
    told = {row["state"] for row in shared_pool.items("admin", "/applications")} | {"draft"}
    assert told == {str(state) for state in ApplicationState}
