"""The pages of the review, by who may and by who may not, down to single fields."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.actions.objections import raise_objection
from marketplace.actions.passwords import hash_password
from marketplace.actions.reviews_experts import draw_experts
from marketplace.actions.reviews_scores import declare_clear, hand_in_sheet, write_joint
from marketplace.app import create_app
from marketplace.attachments import readable
from marketplace.records.applications import ProviderApplication
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert
from marketplace.records.files import Attachment, Blob, Scan
from marketplace.records.history import HistoryEntry
from marketplace.records.objections import Objection
from marketplace.records.reviews import ReviewAssignment, find_review
from marketplace.site import Site
from tests.actions.review_world import (
    AT,
    KEYS,
    RULES,
    YES,
    World,
    accepted,
    decided,
    drawn,
    joint,
    open_world,
    reviewed,
    scored,
    sheet,
    state_of,
    waiting,
)
from tests.opened import Browser, site_of
from tests.web.people import Counted

PASSWORD = "a-long-test-password"
HASH = hash_password(PASSWORD)
PEOPLE = ("anyone", "manager", "bureau", "admin", "centre", "applicant", "rival", "expert0", "expert4")


@dataclass
class Place:
    """A site with one application, and everybody's browser."""

    site: Site
    app: Flask
    world: World
    browsers: dict[str, Browser] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.site.database

    def of(self, person: str) -> Browser:
        if person not in self.browsers:
            browser = Browser(self.app.test_client())
            if person != "anyone":
                assert browser.log_in(person, PASSWORD).status_code == 303
            self.browsers[person] = browser
        return self.browsers[person]

    @property
    def desk(self) -> str:
        with self.database.reading() as session:
            return f"/reviews/{session.get_one(ProviderApplication, self.world.application).public_id}"

    def part(self, person: str) -> str:
        """The address of an expert's part."""
        account = self.world.people[person].account_id
        with self.database.reading() as session:
            query = select(ReviewAssignment.public_id).join(ReviewAssignment.expert).where(ReviewExpert.account_id == account)
            return f"/reviews/mine/{session.scalars(query).one()}"

    @property
    def drawn_people(self) -> list[str]:
        with self.database.reading() as session:
            names = session.scalars(select(ReviewExpert.name).join(ReviewAssignment, ReviewAssignment.expert_id == ReviewExpert.id)).all()
            return [name.replace("专家", "expert") for name in names]

    @property
    def notice(self) -> str:
        with self.database.reading() as session:
            review = find_review(session, self.world.application)
            assert review is not None
            return f"/publicity/{review.public_id}/objection"


@pytest.fixture
def place(migrated_file: Path, tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copyfile(migrated_file, folder / "jigai.db")
    site = site_of(folder)
    yield Place(site, create_app(site), open_world(site.database, password_hash=HASH))
    site.index.close()
    site.database.close()


@pytest.fixture(autouse=True)
def the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages live on the day of the world."""
    monkeypatch.setattr("marketplace.web.terms.now", lambda: AT + timedelta(minutes=30))


def hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def post(browser: Browser, page: str, action: str, **data: object) -> TestResponse:
    """Send a form of this page, with what the page put into it."""
    text = browser.get(page).text
    kept = {name: hidden(text, name) for name in ("seen", "review_seen", "version", "revision") if f'name="{name}"' in text}
    return browser.post(action, {**kept, **data}, form=page)


def main(text: str) -> str:
    return text[text.index("<main") : text.index("</main>")]


# ---------------------------------------------------------------- who gets what

MATRIX = {
    "/reviews": {"manager", "bureau", "admin"},
    "{desk}": {"manager", "bureau", "admin"},
    "/reviews/mine": {"expert0", "expert4"},
    "/review-experts": {"manager", "admin"},
    "/review-experts/new": {"manager", "admin"},
    "/publicity": set(PEOPLE),
}


def test_who_gets_which_page(place: Place) -> None:
    accepted(place.database, place.world)
    for page, people in MATRIX.items():
        for person in PEOPLE:
            answer = place.of(person).get(page.format(desk=place.desk))
            if person in people:
                assert answer.status_code == 200, (page, person, answer.text[:800])
            else:
                assert answer.status_code in ({303} if person == "anyone" else {403, 404}), (page, person)


def test_who_may_send_which_form(place: Place) -> None:
    """Whoever may not is refused before anything is read, and nothing is written."""
    accepted(place.database, place.world)
    with place.database.reading() as session:
        before = len(session.scalars(select(HistoryEntry.id)).all())
    missing = "00000000-0000-4000-8000-000000000000"
    forms = {
        "/accept": {"manager", "admin"},
        "/send-back": {"manager", "admin"},
        "/draw": {"manager", "admin"},
        "/joint": {"manager", "admin"},
        "/close": {"manager", "admin"},
        f"/experts/{missing}/release": {"manager", "admin"},
        "/decisions": {"manager", "admin", "bureau"},
        f"/decisions/{missing}/confirm": {"manager", "admin", "bureau"},
        f"/objections/{missing}/dismiss": {"manager", "admin", "bureau"},
    }
    for form, people in forms.items():
        for person in ("anyone", "bureau", "centre", "applicant", "rival", "expert0"):
            answer = place.of(person).post(place.desk + form, {})
            if person in people:
                assert answer.status_code in (404, 409, 422), (form, person)
            else:
                assert answer.status_code in (303, 403), (form, person, answer.status_code)
                assert answer.status_code != 303 or "/login" in answer.headers["Location"]
    with place.database.reading() as session:
        assert len([verb for verb in session.scalars(select(HistoryEntry.verb)) if verb not in ("log_in",)]) == before
    assert state_of(place.database, place.world) == "under_review"


def test_a_part_is_its_experts_alone(place: Place) -> None:
    drawn(place.database, place.world)
    first, second, *_rest = place.drawn_people
    page = place.part(first)
    assert place.of(first).get(page).status_code == 200
    for person in (second, "manager", "applicant", "bureau"):
        answer = place.of(person).get(page)
        assert answer.status_code in (403, 404)
        assert place.of(person).post(page + "/declaration", {"answer": "clear"}).status_code in (403, 404)
    foreign, missing = place.of(second).get(page), place.of(second).get("/reviews/mine/00000000-0000-4000-8000-000000000000")
    assert foreign.status_code == missing.status_code == 404


def test_drafts_are_not_on_the_desk(place: Place) -> None:
    with place.database.writing() as session:
        session.execute(ProviderApplication.__table__.update().values(state="draft"))
    assert place.of("manager").get(place.desk).status_code == 404
    assert "申报公司" not in place.of("manager").get("/reviews?state=draft").text


# ---------------------------------------------------------------- fields

ANSWERS_SEEN = ("做工控软件", "树脂车间批控", "赵某")
CONTACTS = ("孙某", "022-66000000", "a@example.com")


def test_nothing_shows_before_the_declaration(place: Place) -> None:
    drawn(place.database, place.world)
    person = place.drawn_people[0]
    page = place.part(person)
    text = place.of(person).get(page).text
    assert "申报公司" in text
    assert "利害关系" in text
    for word in (*ANSWERS_SEEN, *CONTACTS, "SQ-2026-0001"):
        assert word not in text
    answer = place.of(person).post(page + "/declaration", {}, form=page)
    assert answer.status_code == 422
    assert "请先选有没有利害关系" in answer.text
    assert place.of(person).post(page + "/declaration", {"answer": "clear"}, form=page).status_code == 303
    text = place.of(person).get(page).text
    for word in ANSWERS_SEEN:
        assert word in text
    # Whom to telephone is not what an expert judges.
    for word in CONTACTS:
        assert word not in text
    assert "孙某" in place.of("manager").get(place.desk).text


def test_stepping_back_closes_the_application(place: Place) -> None:
    drawn(place.database, place.world)
    person = place.drawn_people[0]
    page = place.part(person)
    assert place.of(person).post(page + "/declaration", {"answer": "clear"}, form=page).status_code == 303
    assert place.of(person).post(page + "/declaration", {"answer": "recuse", "why": ""}, form=page).status_code == 422
    assert place.of(person).post(page + "/declaration", {"answer": "recuse", "why": "曾任顾问"}, form=page).status_code == 303
    text = place.of(person).get(page).text
    assert "已不参加这次评审" in text
    for word in ANSWERS_SEEN:
        assert word not in text
    assert "抽取评审专家" in place.of("manager").get("/inbox").text
    assert "曾任顾问" in place.of("manager").get(place.desk).text


def test_an_expert_sees_no_other_scores_before_the_joint_stage(place: Place) -> None:
    found = drawn(place.database, place.world)
    (first, one), (second, two), (third, three) = found
    marks = {first: 61, second: 77, third: 88}
    for number, viewer in found[:2]:
        declare_clear(place.database, number, rules=RULES, viewer=viewer, at=AT)
        filled = sheet(marks[number])
        filled.opinion = f"意见{marks[number]}"
        hand_in_sheet(place.database, number, filled, rules=RULES, viewer=viewer, at=AT, version=0)
    text = main(place.of(one.name).get(place.part(one.name)).text)
    assert "意见61" in text
    assert "意见77" not in text
    assert "77" not in re.sub(r"[0-9a-f-]{36}", "", text)
    # Nor does the manager, who could let one know of the other.
    desk = main(place.of("manager").get(place.desk).text)
    assert "意见61" not in desk
    assert "个人评分" not in desk
    declare_clear(place.database, third, rules=RULES, viewer=three, at=AT)
    hand_in_sheet(place.database, third, sheet(88), rules=RULES, viewer=three, at=AT, version=0)
    text = main(place.of(one.name).get(place.part(one.name)).text)
    for mark in ("61.00", "77.00", "88.00", "27"):
        assert mark in text
    # Experts know each other by number, not by name.
    for viewer in (two, three):
        assert viewer.name.replace("expert", "专家") not in text.replace("专家 1", "").replace("专家 2", "").replace("专家 3", "")
    assert "须讨论" in text
    assert "意见77" in place.of("manager").get(place.desk).text


def test_nobody_outside_learns_scores_or_names(place: Place) -> None:
    reviewed(place.database, place.world)
    decided(place.database, place.world, "publish")
    reviewers = {person.replace("expert", "专家") for person in place.drawn_people}
    application = place.desk.replace("/reviews/", "/applications/")
    pages = {
        "anyone": ["/publicity", place.notice, "/"],
        "rival": ["/publicity", place.notice, "/inbox", "/notices"],
        "applicant": ["/publicity", application, "/inbox", "/notices", "/my/applications"],
        "centre": ["/publicity", "/inbox"],
    }
    for person, addresses in pages.items():
        for address in addresses:
            answer = place.of(person).get(address)
            assert answer.status_code == 200, (person, address)
            text = main(answer.text)
            for word in (*reviewers, "75.00", "联合评分", "一致同意", "评分", "manager", "bureau"):
                assert word not in text, (person, address, word)
    for person in ("anyone", "rival"):
        text = main(place.of(person).get("/publicity").text)
        assert "申报公司" in text
        for word in ("SQ-2026-0001", place.desk.rpartition("/")[2], *ANSWERS_SEEN):
            assert word not in text


def test_who_objected_is_told_to_staff_only(place: Place) -> None:
    reviewed(place.database, place.world)
    decided(place.database, place.world, "publish")
    answer = place.of("anyone").post(
        place.notice, {"name": "李异议", "contact": "13900000001", "text": "第二个案例并非该单位实施，请核实。"}, form=place.notice
    )
    assert answer.status_code == 303
    assert place.of("anyone").get(answer.headers["Location"]).status_code == 200
    for person, address in (
        ("applicant", place.desk.replace("/reviews/", "/applications/")),
        ("applicant", "/notices"),
        ("applicant", "/inbox"),
        ("anyone", "/publicity"),
        ("anyone", place.notice),
        ("rival", "/publicity"),
    ):
        text = place.of(person).get(address).text
        for word in ("李异议", "13900000001", "并非该单位实施"):
            assert word not in text, (person, address)
    desk = place.of("bureau").get(place.desk).text
    for word in ("李异议", "13900000001", "并非该单位实施"):
        assert word in desk


def test_a_notice_that_is_not_public_looks_like_a_missing_one(place: Place) -> None:
    reviewed(place.database, place.world)
    assert place.of("anyone").get(place.notice).status_code == 404
    assert place.of("anyone").post(place.notice, {}).status_code == 404
    assert place.of("anyone").get("/publicity/00000000-0000-4000-8000-000000000000/objection").status_code == 404


def test_files_open_to_reviewers_after_their_declaration(place: Place) -> None:
    (first, one), (_second, two), _third = drawn(place.database, place.world)
    with place.database.writing() as session:
        session.add(Blob(sha256="a" * 64, size=1, kind="application/pdf", scan=Scan.UNSCANNED, created=AT))
        session.flush()
        for kind in ("case_proof.1", "letter"):
            row = Attachment(sha256="a" * 64, noun="application", noun_id=place.world.application, kind=kind, filename="x.pdf", at=AT)
            row.organisation_id = place.world.organisation
            session.add(row)

    def opened(person: str) -> set[str]:
        viewer = place.world.people[person]
        with place.database.reading() as session:
            return {row.kind for row in session.scalars(select(Attachment)) if readable(session, viewer, row)}

    both = {"case_proof.1", "letter"}
    assert opened(one.name) == opened(two.name) == opened("rival") == opened("centre") == set()
    assert opened("applicant") == opened("manager") == opened("bureau") == both
    declare_clear(place.database, first, rules=RULES, viewer=one, at=AT)
    # Letters are the applicant's own.
    assert opened(one.name) == {"case_proof.1"}
    assert opened(two.name) == set()


# ---------------------------------------------------------------- what is done on the pages


def test_from_acceptance_to_admission_in_the_browser(place: Place) -> None:
    manager, desk = place.of("manager"), place.desk
    checks = {f"check_{key}": answer for key, answer in YES.items()}
    assert "形式审查" in manager.get(desk).text
    refused = post(manager, desk, desk + "/accept", **{**checks, "check_sealed": "no", "check_remark_sealed": "承诺书没有盖章"})
    assert refused.status_code == 422
    assert "不能受理" in refused.text
    assert "承诺书没有盖章" in refused.text
    assert post(manager, desk, desk + "/accept", **checks).status_code == 303
    assert post(manager, desk, desk + "/draw", wanted="x").status_code == 422
    assert post(manager, desk, desk + "/draw", wanted="3").status_code == 303
    assert "抽取日志" in manager.get(desk).text
    for person in place.drawn_people:
        page, browser = place.part(person), place.of(person)
        assert "声明有无利害关系" in browser.get("/inbox").text
        assert browser.post(page + "/declaration", {"answer": "clear"}, form=page).status_code == 303
        filled: dict[str, object] = {f"score_{key}": "75" for key in KEYS}
        filled |= {f"check_{check.key}": "yes" for check in RULES.checklist}
        wrong = post(browser, page, page + "/scores", act="hand_in", **{**filled, "score_team": "7x", "opinion": "同意"})
        assert wrong.status_code == 422
        assert "应为 0 至 100 的整数" in wrong.text
        assert "同意</textarea>" in wrong.text
        assert post(browser, page, page + "/scores", act="save", score_team="70").status_code == 303
        assert 'value="70"' in browser.get(page).text
        assert post(browser, page, page + "/scores", act="hand_in", **filled, opinion="同意入库").status_code == 303
    scores: dict[str, object] = {f"score_{key}": "75" for key in KEYS}
    assert post(manager, desk, desk + "/joint", **scores, opinion="").status_code == 422
    assert post(manager, desk, desk + "/joint", **scores, opinion="一致同意").status_code == 303
    for person in place.drawn_people:
        page = place.part(person)
        assert post(place.of(person), page, page + "/joint", act="confirm").status_code == 303
    assert post(manager, desk, desk + "/close").status_code == 303
    assert "同意入库" in manager.get(desk).text
    assert post(manager, desk, desk + "/decisions", event="admit", why="x").status_code == 409
    assert post(manager, desk, desk + "/decisions", event="publish", why="符合条件").status_code == 303
    decision = f"{desk}/decisions/{waiting(place.database, place.world).public_id}"
    assert post(manager, desk, decision + "/confirm").status_code == 409
    assert post(place.of("bureau"), desk, decision + "/confirm").status_code == 303
    assert "申报公司" in place.of("anyone").get("/publicity").text
    assert state_of(place.database, place.world) == "publicity"
    waits = post(manager, desk, desk + "/decisions", event="admit", why="期满")
    assert waits.status_code == 409
    assert "公示期到 2026-12-02 24:00" in waits.text


def test_the_slower_of_two_reads_what_the_faster_did(place: Place) -> None:
    desk = place.desk
    slow = place.of("manager").get(desk).text
    checks = {f"check_{key}": answer for key, answer in YES.items()}
    assert post(place.of("admin"), desk, desk + "/send-back", reason_cases="补合同").status_code == 303
    answer = place.of("manager").post(desk + "/accept", {"seen": hidden(slow, "seen"), **checks}, form=desk)
    assert answer.status_code == 409
    assert "您打开后，admin已在 2026-11-25 11:00 退回补正。请看他的意见后再决定。" in answer.text
    assert state_of(place.database, place.world) == "sent_back"


def test_the_slower_of_two_confirmations(place: Place) -> None:
    reviewed(place.database, place.world)
    desk = place.desk
    assert post(place.of("manager"), desk, desk + "/decisions", event="publish", why="符合条件").status_code == 303
    decision = f"{desk}/decisions/{waiting(place.database, place.world).public_id}"
    assert post(place.of("bureau"), desk, decision + "/reject", why="再核实案例").status_code == 303
    answer = post(place.of("admin"), desk, decision + "/confirm")
    assert answer.status_code == 409
    assert "您打开后，bureau已在 2026-11-25 11:00 复核不同意这项决定。请看他的理由。" in answer.text
    assert state_of(place.database, place.world) == "reviewed"


def test_what_was_typed_into_an_objection_is_kept(place: Place) -> None:
    reviewed(place.database, place.world)
    decided(place.database, place.world, "publish")
    browser = place.of("anyone")
    answer = browser.post(place.notice, {"name": "李某<b>", "contact": "", "text": "太短"}, form=place.notice)
    assert answer.status_code == 422
    assert "李某&lt;b&gt;" in answer.text
    assert "联系方式没有填" in answer.text
    filled = {"name": "李某", "contact": "1", "text": "第二个案例并非该单位实施，请核实。"}
    for _number in range(RULES.objections_a_day):
        assert browser.post(place.notice, filled, form=place.notice).status_code == 303
    too_many = browser.post(place.notice, filled, form=place.notice)
    assert too_many.status_code == 429
    assert "Retry-After" in too_many.headers
    with place.database.reading() as session:
        assert len(session.scalars(select(Objection)).all()) == RULES.objections_a_day


def test_objections_are_answered_on_the_desk(place: Place) -> None:
    reviewed(place.database, place.world)
    decided(place.database, place.world, "publish")
    with place.database.reading() as session:
        review = find_review(session, place.world.application)
        assert review is not None
        number = review.id
    row = raise_objection(
        place.database, number, name="李某", contact="1", text="第二个案例并非该单位实施。", address="a", rules=RULES, at=AT
    )
    bureau, desk = place.of("bureau"), place.desk
    assert post(bureau, desk, f"{desk}/objections/{row.public_id}/dismiss", why="").status_code == 422
    assert post(bureau, desk, f"{desk}/objections/{row.public_id}/dismiss", why="合同属实").status_code == 303
    assert post(bureau, desk, f"{desk}/objections/{row.public_id}/uphold", why="再看").status_code == 409
    assert post(bureau, desk, f"{desk}/objections/{row.public_id}/withdraw", why="再看").status_code == 404


def test_results_of_a_window(place: Place) -> None:
    reviewed(place.database, place.world)
    decided(place.database, place.world, "publish")
    decided(place.database, place.world, "admit", at=AT + timedelta(days=14))
    with place.database.writing() as session:
        window = session.get_one(ProviderApplication, place.world.application).window
        window.closes = AT.date() - timedelta(days=1)
        public_id = window.public_id
    manager = place.of("manager")
    assert "全部有了结论" in manager.get("/reviews").text
    assert place.of("applicant").post(f"/reviews/windows/{public_id}/results").status_code == 403
    assert manager.post(f"/reviews/windows/{public_id}/results", form="/reviews").status_code == 303
    text = main(place.of("anyone").get("/publicity").text)
    assert "入库 1 家" in text
    assert "申报公司" in text
    assert "全部有了结论" not in manager.get("/reviews").text


# ---------------------------------------------------------------- the pool of experts


def test_experts_are_entered_changed_and_paused(place: Place) -> None:
    manager = place.of("manager")
    bad = manager.post("/review-experts", {"name": "新专家", "away_from": "明天", "unit_code": "1"}, form="/review-experts/new")
    assert bad.status_code == 422
    for word in ("新专家", "工作单位没有填", "专业领域没有选", "日期写成", "应为 18 位"):
        assert word in bad.text
    good = {"name": "新专家", "unit": "某研究院", "fields": ["chem", "auto"], "avoid": "甲公司；乙公司\n丙公司"}
    assert manager.post("/review-experts", good, form="/review-experts/new").status_code == 303
    assert "新专家" in manager.get("/review-experts?q=研究院&field=auto").text
    assert "新专家" not in manager.get("/review-experts?field=elec").text
    with place.database.reading() as session:
        expert = session.scalars(select(ReviewExpert).where(ReviewExpert.name == "新专家")).one()
        assert expert.avoid == ["甲公司", "乙公司", "丙公司"]
        page = f"/review-experts/{expert.public_id}"
    taken = manager.post(page, {**good, "login": "expert0"}, form=page)
    assert taken.status_code == 422
    assert "已经是专家专家0的" in taken.text
    assert manager.post(page, {**good, "login": "applicant"}, form=page).status_code == 422
    stale = hidden(manager.get(page).text, "seen")
    assert post(place.of("admin"), page, page, **{**good, "unit": "另一研究院"}).status_code == 303
    second = manager.post(page, {**good, "unit": "第三研究院", "seen": stale}, form=page)
    assert second.status_code == 409
    assert "您打开后，admin已在" in second.text
    assert "第三研究院" in second.text
    assert manager.post(page + "/pause", form=page).status_code == 303
    assert "已暂停" in manager.get("/review-experts?q=新专家").text
    assert manager.post(page + "/pause", form=page).status_code == 409
    assert manager.post(page + "/delete", form=page).status_code == 404


# ---------------------------------------------------------------- how much it costs


def test_the_number_of_statements_does_not_grow(place: Place) -> None:
    def asked(page: str) -> int:
        with Counted(place.site) as counted:
            assert place.of("manager").get(page).status_code == 200
        return len(counted.statements)

    scored(place.database, place.world)
    write_joint(place.database, place.world.application, joint(), rules=RULES, viewer=place.world.people["manager"], at=AT)
    asked(place.desk)
    few, listed = asked(place.desk), asked("/reviews")
    draw_experts(place.database, place.world.application, wanted=2, rules=RULES, viewer=place.world.people["manager"], at=AT)
    with place.database.writing() as session:
        first = session.get_one(ProviderApplication, place.world.application)
        for number in range(2, 12):
            copied = ProviderApplication(number=f"SQ-2026-{number:04}", window=first.window, organisation=_unit(session, number))
            copied.state, copied.answers, copied.created, copied.saved_at = first.state, first.answers, AT, AT
            session.add(copied)
    assert asked(place.desk) <= few
    assert asked("/reviews") == listed
    assert listed < 15


def _unit(session: object, number: int) -> object:
    from marketplace.records.organisations import Organisation

    unit = Organisation(name=f"单位{number}")
    session.add(unit)  # type: ignore[attr-defined]
    return unit
