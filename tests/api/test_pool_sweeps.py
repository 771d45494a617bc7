"""Sweeps over every operation: who may, which scope, nothing unknown, what is foreign is missing. A new one must stand in the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from marketplace.api import routes
from marketplace.api.openapi import document
from marketplace.api.operation import Operation
from marketplace.api.writing import KEY
from marketplace.domain.access import PERMISSIONS
from marketplace.guard import Policy
from marketplace.records.adjustments import Adjustment
from marketplace.records.applications import ProviderApplication
from marketplace.records.brokerings import Brokering
from marketplace.records.calls import SolutionCall
from marketplace.records.certificates import Certificate
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import Attachment
from marketplace.records.introductions import Introduction
from marketplace.records.notices import Notice
from marketplace.records.problems import Problem as ProblemRow
from marketplace.records.providers import Provider
from marketplace.records.reviews import ReviewAssignment
from marketplace.records.scenario_lists import ScenarioList
from marketplace.records.solutions import Solution
from marketplace.records.windows import ApplicationWindow
from tests.api.pool import APPLICANTS, MISSING, PEOPLE, Pool, done, fields

EVERYBODY = frozenset(PEOPLE)
KNOWN = EVERYBODY - {"anyone"}
PROVIDERS = frozenset({"provider", "provider2", *APPLICANTS})
EXPERTS = frozenset({"expert", "expert2"})
ALL_STAFF = frozenset({"centre", "manager", "bureau", "admin"})
OFFICE = ALL_STAFF - {"centre"}
MANAGERS = frozenset({"manager", "admin"})
BUREAU = frozenset({"bureau", "admin"})
CENTRE = frozenset({"centre", "admin"})
# Who gets further than the door. Whether one thing is theirs, the thing itself says.
WHO: dict[frozenset[str], str] = {
    EVERYBODY: """
        search list_solutions read_solution list_providers read_provider list_scenarios read_scenario recommend list_windows read_window
        list_publicity list_calls read_call list_listings fetch_file list_scenario_lists read_scenario_list""",
    KNOWN: """
        list_versions read_version_of_solution list_tasks list_notices read_all_notices read_notice list_saved_searches save_search
        change_frequency open_saved_search forget_search read_shortlist shortlist_solution drop_from_shortlist""",
    PROVIDERS: """
        start_application submit_application withdraw_application save_application_section add_application_file remove_application_file
        list_catalogue read_own_solution create_solution write_solution submit_solution withdraw_solution_version delist_solution
        add_solution_file drop_solution_file answer_call take_answer_back reply_to_adjustment list_demands""",
    PROVIDERS | OFFICE: "list_applications read_application read_application_section list_application_files",
    PROVIDERS | ALL_STAFF: "list_ratings read_rating list_certificates add_certificate list_adjustments read_adjustment",
    PROVIDERS | MANAGERS | {"centre"}: "run_import",
    EXPERTS: "list_assignments read_assignment declare_interest save_scores hand_in_scores answer_joint_opinion",
    OFFICE: "list_reviews read_review propose_review_decision answer_review_decision list_history propose_adjustment",
    MANAGERS: """
        accept_application send_application_back draw_reviewers write_joint_opinion close_review list_handed_in read_handed_in
        approve_version return_version read_index""",
    ALL_STAFF - {"bureau"}: "enter_rating_event take_rating_event_back",
    BUREAU: "decide_adjustment answer_appeal",
    ALL_STAFF: "list_enterprises draft_scenario_list change_scenario_list issue_scenario_list withdraw_scenario_list",
    ALL_STAFF | {"enterprise"}: """
        read_enterprise list_diagnoses list_roster read_diagnosis read_diagnosis_section list_groups read_group""",
    CENTRE: """
        draft_brokering add_introductions set_criteria assign_brokering run_brokering run_introduction write_finish_down plan_diagnosis
        change_visit run_diagnosis read_steering set_emphasis choose_solution take_choice_back""",
    CENTRE | {"enterprise"}: """
        list_problems_of_enterprise read_plan compare_proposals end_brokering award_brokering record_contract start_implementation
        confirm_implementation score_proposal save_diagnosis_section reply_to_diagnosis read_diagnosis_lists add_listed_problem
        add_own_problem change_problem remove_problem add_scenario_need change_scenario_need remove_scenario_need add_investment
        change_investment remove_investment list_issued_plans read_issued_plan""",
    CENTRE | PROVIDERS | {"enterprise"}: "answer_introduction step_back say_in_talks make_proposal report_finish",
    frozenset({"enterprise"}): "send_inquiry reply_to_plan",
    PROVIDERS | ALL_STAFF | {"enterprise"}: """
        list_problems read_problem list_brokerings read_brokering list_introductions read_introduction""",
}  # fmt: skip
MAY = {name: people for people, names in WHO.items() for name in names.split()}


@dataclass(frozen=True)
class Known:
    """One operation as the application has it."""

    name: str
    method: str
    rule: Rule
    about: Operation
    policy: Policy

    def path(self, values: dict[str, Any] | None = None) -> str:
        given = {name: 1 if f"<int:{name}>" in self.rule.rule else MISSING for name in self.rule.arguments}
        path = self.rule.rule.removeprefix("/api/v1")
        for name, value in {**given, **(values or {})}.items():
            path = path.replace(f"<int:{name}>", str(value)).replace(f"<{name}>", str(value))
        return path

    @property
    def example(self) -> Any:
        """A body that the document shows."""
        return _examples(self.about)[0] if self.about.body else None


def _examples(about: Operation) -> list[Any]:
    found: list[Any] = about.body.model_json_schema().get("examples", []) if about.body else []
    return found


@cache
def operations() -> tuple[Known, ...]:
    app = Flask("operations")
    routes.register(app)
    return tuple(_operations(app))


def _operations(app: Flask) -> Iterator[Known]:
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        if hasattr(view, "operation"):
            (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            yield Known(rule.endpoint.rpartition(".")[2], method, rule, view.operation, view.policy)


NAMES = sorted(one.name for one in operations())
BY_NAME = {one.name: one for one in operations()}
# Older than the pool's: their bodies are tried by tests of their own.
OLDER = {"recommend", "run_import"}


def test_every_operation_stands_in_the_table() -> None:
    assert sorted(MAY) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_nobody_gets_further_than_the_table_says(shared_pool: Pool, name: str) -> None:
    one = BY_NAME[name]
    for person in PEOPLE:
        # What would write, or embed every problem, is let in by the tests of the thing itself.
        if person in MAY[name] and ((one.about.writes and not one.rule.arguments) or name == "list_demands"):
            continue
        answer = shared_pool.call(person, one.method, one.path())
        if person in MAY[name]:
            assert answer.status_code not in (401, 403, 500), (person, answer.text)
        else:
            assert answer.status_code == (401 if person == "anyone" else 403), (person, answer.text)
            assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("name", NAMES)
def test_what_writes_needs_its_scope_and_is_done_once(shared_pool: Pool, name: str) -> None:
    one = BY_NAME[name]
    assert one.about.writes == (one.method != "GET" and name != "recommend")
    assert one.about.writes == (KEY in {header.name for header in one.about.headers})
    if not one.about.writes:
        return
    assert one.policy.scope == ("import" if name == "run_import" else "write")
    person = sorted(MAY[name])[0]
    answer = shared_pool.app.test_client().open(f"/api/v1{one.path()}", method=one.method, headers=shared_pool.only_reading(person))
    assert answer.status_code == 403


@pytest.mark.parametrize("name", NAMES)
def test_a_field_that_is_not_there_is_named(shared_pool: Pool, name: str) -> None:
    one, person = BY_NAME[name], sorted(MAY[name])[0]
    values: dict[str, Any] = {"headers": {"If-Match": '"0"'}}
    if one.about.upload:
        answer = shared_pool.call(person, one.method, one.path(), data={"surprise": "1"}, content_type="multipart/form-data", **values)
        assert ("body.surprise", "extra_forbidden") in fields(answer)
        return
    answer = shared_pool.call(person, one.method, f"{one.path()}?surprise=1", one.example if name not in OLDER else {}, **values)
    assert ("query.surprise", "extra_forbidden") in fields(answer)
    if one.about.body and name not in OLDER:
        answer = shared_pool.call(person, one.method, one.path(), {**one.example, "surprise": 1}, **values)
        assert fields(answer) == [("body.surprise", "extra_forbidden")]
        answer = shared_pool.call(person, one.method, one.path(), [], **values)
        assert fields(answer) == [("body", "model_type")]


@pytest.mark.parametrize("name", [name for name in NAMES if BY_NAME[name].about.body and name not in OLDER])
def test_the_document_shows_a_body_that_is_one(name: str) -> None:
    about = BY_NAME[name].about
    assert about.body is not None
    assert _examples(about)
    for example in _examples(about):
        about.body.model_validate(example, strict=False)


@pytest.mark.parametrize("name", [name for name in NAMES if any(header.required for header in BY_NAME[name].about.headers)])
def test_nobody_writes_without_saying_on_top_of_what(shared_pool: Pool, name: str) -> None:
    one, person = BY_NAME[name], sorted(MAY[name])[0]
    assert ("header.If-Match", "missing") in fields(shared_pool.call(person, one.method, one.path(), one.example))


_OF_ENTERPRISES: tuple[Any, ...] = (Brokering, Diagnosis, ProblemRow)


def _foreign(pool: Pool) -> dict[str, tuple[str, dict[str, str]]]:
    """Name of an operation → somebody who may use it, and things of the same kind that are not theirs."""
    (own,) = (row["id"] for row in pool.items("applicant", "/applications"))
    provider = pool.viewer("provider")
    with pool.site.database.reading() as session:
        company = session.get_one(Provider, next(iter(provider.provider_ids))).public_id
        theirs = session.query(Solution).filter_by(provider_id=next(iter(provider.provider_ids))).first()
        assert theirs is not None
        solution = theirs.public_id
        notice = session.query(Notice).filter_by(account_id=provider.account_id).first()
        assert notice is not None
        notices = notice.public_id
        proof = session.query(Attachment).filter_by(noun="certificate").first()
        assert proof is not None
        proofs = proof.public_id
        own_enterprise = next(iter(pool.viewer("enterprise").enterprise_ids))
        elsewhere = {kind: session.query(kind).filter(kind.enterprise_id != own_enterprise).first().public_id for kind in _OF_ENTERPRISES}
        introductions: Any = session.query(Introduction).filter(Introduction.sent_at.is_not(None))
        other_side = introductions.join(Brokering).filter(Brokering.enterprise_id != own_enterprise).first().public_id
        others = introductions.filter(Introduction.provider_id.in_(provider.provider_ids)).first().public_id
        code = session.scalars(select(Enterprise.public_id).where(Enterprise.id != own_enterprise)).first() or ""
    assignment = next(row["id"] for row in pool.items("expert", "/assignments"))
    drafts = pool.ids(ApplicationWindow, state="draft")[0], pool.ids(SolutionCall, state="draft")[0]
    groups = {row["id"] for row in pool.items("centre", "/groups")} - {row["id"] for row in pool.items("enterprise", "/groups")}
    search = done(pool.post("provider", "/saved-searches", {"title": "质检", "query": "sector=chem"}), 201)["id"]
    section = {"key": pool.site.pilot.questionnaire.sections[0].key}
    cases = pool.ids(Adjustment)
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for name in NAMES:
        path = BY_NAME[name].rule.rule.removeprefix("/api/v1")
        for head, person, id in (
            ("/applications/", "applicant2", own),
            ("/catalogue/", "provider2", solution),
            ("/assignments/", "expert2", assignment),
            ("/ratings/<id>", "provider2", company),
            ("/certificates/", "provider2", company),
            ("/adjustments/", "provider2", cases[3]),
            ("/notices/", "provider2", notices),
            ("/files/", "provider2", proofs),
            ("/windows/", "applicant2", drafts[0]),
            ("/calls/", "provider2", drafts[1]),
            ("/brokerings/", "enterprise", elsewhere[Brokering]),
            ("/introductions/", "enterprise", other_side),
            ("/introductions/", "provider2", others),
            ("/diagnoses/", "enterprise", elsewhere[Diagnosis]),
            ("/problems/", "enterprise", elsewhere[ProblemRow]),
            ("/enterprises/", "enterprise", code),
            ("/groups/", "enterprise", min(groups)),
            ("/scenario-lists/", "enterprise", pool.ids(ScenarioList, state="draft")[0]),
            ("/saved-searches/", "provider2", search),
            ("/shortlist/", "provider2", pool.ids(Solution, state="draft")[0]),
        ):
            if path.startswith(head) and ("<id>" in path or "<code>" in path) and person in MAY[name]:
                found[name] = person, {"id": id, "code": id, **section}
    return found


def test_what_is_anothers_is_as_absent_as_what_never_was(shared_pool: Pool) -> None:
    foreign = _foreign(shared_pool)
    # Whatever holds for one's own only, and has an address, is tried. Enterprises and problems have tests of their own.
    narrow = {
        name
        for name, one in BY_NAME.items()
        if one.rule.arguments
        and (one.policy.kind == "known" or (one.policy.noun, f"{one.policy.verb}_own") in PERMISSIONS)
        and one.policy.noun not in ("enterprise", "plan")
    }
    assert narrow <= set(foreign)
    for name, (person, values) in foreign.items():
        one = BY_NAME[name]
        more: dict[str, Any] = {"headers": {"If-Match": '"0"'}}
        if one.about.upload:
            more |= {"data": _form(one), "content_type": "multipart/form-data"}
        theirs = shared_pool.call(person, one.method, one.path(values), one.example, **more)
        if one.about.upload:
            more["data"] = _form(one)
        none = shared_pool.call(person, one.method, one.path(), one.example, **more)
        assert theirs.status_code == none.status_code == 404, (name, theirs.text)
        told: list[Any] = [theirs.json, none.json]
        assert {**told[0], "request_id": ""} == {**told[1], "request_id": ""}, name


def _form(one: Known) -> dict[str, Any]:
    from tests.api.pool import pdf

    days = dict.fromkeys(("signed", "starts", "ends"), "2026-01-05")
    texts = {
        **days,
        "amount_wan": "12.5",
        "document": "licence",
        "kind": "licence",
        "name": "营业执照",
        "on": "2026-01-05",
        "payload": "{}",
    }
    files = {"file", "proof", "scan"}
    assert one.about.upload is not None
    known = one.about.upload.model_fields
    return {name: value for name, value in texts.items() if name in known} | {name: pdf() for name in files & set(known)}


def test_neighbours_and_guesses_find_nothing(shared_pool: Pool) -> None:
    kinds = (ProviderApplication, ReviewAssignment, Adjustment, Certificate)
    assert all(len(number) == 36 for kind in kinds for number in shared_pool.ids(kind))
    for guess in [*map(str, range(1, 30)), "SQ-2026-0001", "TZ-2026-0001", "%00", "' OR 1=1 --", "a" * 300]:
        for noun in (
            "applications",
            "reviews",
            "versions",
            "adjustments",
            "ratings",
            "calls",
            "windows",
            "files",
            "brokerings",
            "introductions",
            "diagnoses",
        ):
            assert shared_pool.get("admin", f"/{noun}/{guess}").status_code == 404, (noun, guess)


def test_no_two_models_share_a_name(shared_pool: Pool) -> None:
    """Two of one name would get their modules' names in the document, and change them with every file that is moved."""
    schemas = document(shared_pool.app)["components"]["schemas"]
    assert [name for name in schemas if "__" in name] == []
