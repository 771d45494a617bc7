"""Pages of the review, selection and agreement of projects: who gets what, what stays closed, the whole way by their forms."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from marketplace.actions.passwords import hash_password
from marketplace.actions.project_objections import raise_project_objection
from marketplace.actions.project_scores import declare_clear
from marketplace.actions.project_selections import propose_all
from marketplace.app import create_app
from marketplace.attachments import readable
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.records.agreements import find_agreement
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert
from marketplace.records.files import Attachment, Blob, Scan
from marketplace.records.guides import Guide
from marketplace.records.history import HistoryEntry
from marketplace.records.project_reviews import ProjectAssignment
from marketplace.records.project_selections import ProjectObjection, find_publicity
from marketplace.records.projects import Project
from marketplace.site import Site
from tests.actions.selection_world import (
    AT,
    KEYS,
    PANEL,
    WAN,
    World,
    approved,
    drawn,
    open_world,
    parts,
    ranked,
    scored,
    shown,
    state_of,
    waiting,
)
from tests.files.samples import pdf
from tests.opened import Browser, site_of
from tests.web.people import Counted

PASSWORD = "a-long-test-password"
HASH = hash_password(PASSWORD)
PEOPLE = (
    "anyone", "applicant", "member", "supplier", "rival", "manager", "bureau", "bureau2", "finance", "centre", "area", "admin", "expert0",
)  # fmt: skip


@dataclass
class Place:
    """A site with projects of one guide, and everybody's browser."""

    site: Site
    app: Flask
    world: World
    clock: list[datetime]
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
    def base(self) -> str:
        with self.database.reading() as session:
            return f"/projects/{session.get_one(Project, self.world.project).public_id}"

    @property
    def guide(self) -> str:
        with self.database.reading() as session:
            return f"/guides/{session.get_one(Guide, self.world.guide).public_id}/ranking"

    def part(self, person: str) -> str:
        account = self.world.people[person].account_id
        with self.database.reading() as session:
            query = select(ProjectAssignment.public_id).join(ProjectAssignment.expert).where(ReviewExpert.account_id == account)
            return f"/projects/reviews/mine/{session.scalars(query).one()}"

    @property
    def notice(self) -> str:
        with self.database.reading() as session:
            row = find_publicity(session, self.world.project)
            assert row is not None
            return f"/publicity/projects/{row.public_id}/objection"

    def decide(self, event: str, **typed: object) -> None:
        """By the forms of two persons."""
        page = f"{self.base}/selection"
        proposed = post(self.of("bureau"), page, f"{page}/propose", event=event, why="符合指南", **typed)
        assert proposed.status_code == 303, main(proposed.text)
        number = waiting(self.database, self.world.project).public_id
        confirmed = post(self.of("bureau2"), page, f"{page}/{number}/confirm", why="")
        assert confirmed.status_code == 303, main(confirmed.text)


def opened(folder: Path, clock: list[datetime], **of_world: object) -> Place:
    site = site_of(folder)
    return Place(site, create_app(site), open_world(site.database, password_hash=HASH, **of_world), clock)  # type: ignore[arg-type]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The pages live on the day of the world, or later."""
    moment = [AT + timedelta(minutes=30)]
    monkeypatch.setattr("marketplace.web.terms.now", lambda: moment[0])
    return moment


@pytest.fixture
def folder(migrated_file: Path, tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copyfile(migrated_file, data / "jigai.db")
    return data


@pytest.fixture
def place(folder: Path, clock: list[datetime]) -> Iterator[Place]:
    found = opened(folder, clock)
    yield found
    found.site.index.close()
    found.database.close()


def hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def post(browser: Browser, page: str, action: str, **data: object) -> TestResponse:
    """Send a form of this page, with what the page put into it."""
    text = browser.get(page).text
    kept = {name: hidden(text, name) for name in ("seen", "review_seen", "version", "revision", "newest") if f'name="{name}"' in text}
    return browser.post(action, {**kept, **data}, form=page)


def main(text: str) -> str:
    return text[text.index("<main") : text.index("</main>")]


# ---------------------------------------------------------------- who gets what

OFFICES = {"manager", "bureau", "bureau2", "admin"}
READERS = {"applicant", "member", "manager", "bureau", "bureau2", "finance", "centre", "area", "admin"}
MATRIX = {"review": OFFICES, "selection": OFFICES, "agreement": READERS}


@pytest.mark.parametrize("page", MATRIX)
def test_who_opens_the_pages_of_a_project(place: Place, page: str) -> None:
    approved(place.database, place.world)
    for person in PEOPLE:
        answer = place.of(person).get(f"{place.base}/{page}")
        if person in MATRIX[page]:
            assert answer.status_code == 200, person
        else:
            # Who is not logged in is asked to; to others it is as absent as what is not there, or not theirs to ask for.
            assert answer.status_code in (302, 303, 403, 404), (person, answer.status_code)
            assert "项目1" not in answer.text


def test_who_opens_a_ranking(place: Place) -> None:
    for person in PEOPLE:
        assert (place.of(person).get(place.guide).status_code == 200) == (person in OFFICES), person


def test_a_foreign_project_is_absent(place: Place) -> None:
    for page in MATRIX:
        address = f"/projects/00000000-0000-4000-8000-000000000000/{page}"
        assert place.of("bureau").get(address).status_code == 404


def test_scores_and_names_of_experts_are_for_the_offices(place: Place) -> None:
    ranked(place.database, place.world)
    for person in ("applicant", "member", "area", "supplier"):
        text = place.of(person).get(place.base).text
        assert "专家0" not in text
        assert "75.00" not in text
    assert "75.00" in place.of("manager").get(f"{place.base}/review").text


# ---------------------------------------------------------------- experts


def test_nothing_of_a_project_shows_before_the_declaration(place: Place) -> None:
    drawn(place.database, place.world)
    [(_part, person), *_rest] = parts(place.database, place.world)
    browser, address = place.of(person), place.part(person)
    before = main(browser.get(address).text)
    # Whoever declares must know who stands behind it, and no more.
    for name in ("申报公司", "成员公司", "服务公司"):
        assert name in before
    for word in ("项目1", "XM-2026-0001", "一次合格率", "1,000", "改造内容和技术路线"):
        assert word not in before
    assert "项目1" not in main(browser.get("/projects/reviews/mine").text)
    assert post(browser, address, f"{address}/declaration").status_code == 422
    assert post(browser, address, f"{address}/declaration", answer="clear").status_code == 303
    after = main(browser.get(address).text)
    for word in ("项目1", "一次合格率", "批控软件", "上线"):
        assert word in after
    # By the project's own page an expert reads nothing at all.
    assert browser.get(place.base).status_code == 404


def test_another_expert_finds_nothing(place: Place) -> None:
    drawn(place.database, place.world)
    (_one, first), (_two, second), *_rest = parts(place.database, place.world)
    assert place.of(second).get(place.part(first)).status_code == 404
    for stranger in ("manager", "bureau", "applicant"):
        assert place.of(stranger).get(place.part(first)).status_code in (403, 404)


def test_whoever_joined_the_supplier_reads_nothing_more(place: Place) -> None:
    drawn(place.database, place.world)
    [(part, person), *_rest] = parts(place.database, place.world)
    declare_clear(place.database, part, panel=PANEL, step=place.world.step(person))
    with place.database.writing() as session:
        account = place.world.people[person].account_id
        session.execute(update(ReviewExpert).where(ReviewExpert.account_id == account).values(unit="服务公司"))
    text = main(place.of(person).get(place.part(person)).text)
    assert "一次合格率" not in text
    assert "请回避" in text


def test_files_of_a_project_open_with_the_declaration(place: Place) -> None:
    drawn(place.database, place.world)
    [(part, person), *_rest] = parts(place.database, place.world)
    with place.database.writing() as session:
        session.add(Blob(sha256="a" * 64, size=1, kind="application/pdf", scan=Scan.CLEAN, created=AT))
        session.flush()
        file = Attachment(sha256="a" * 64, noun="project", noun_id=place.world.project, kind="plan", filename="a.pdf", at=AT)
        session.add(file)
        session.flush()
        number = file.id
    viewer = place.world.people[person]

    def reads() -> bool:
        with place.database.reading() as session:
            return readable(session, viewer, session.get_one(Attachment, number))

    assert not reads()
    declare_clear(place.database, part, panel=PANEL, step=place.world.step(person))
    assert reads()


def test_the_review_by_its_forms(place: Place) -> None:
    """Drawn, declared, scored, agreed, confirmed, ranked: each by the page of whose turn it is."""
    desk = f"{place.base}/review"
    manager = place.of("manager")
    assert post(manager, desk, f"{desk}/draw", wanted="x").status_code == 422
    assert post(manager, desk, f"{desk}/draw", wanted="3").status_code == 303
    people = [person for _part, person in parts(place.database, place.world)]
    for person in people:
        browser, address = place.of(person), place.part(person)
        assert post(browser, address, f"{address}/declaration", answer="clear").status_code == 303
        sheet = {f"score_{key}": "80" for key in KEYS} | {f"check_{check.key}": "yes" for check in PANEL.checklist}
        lacking = post(browser, address, f"{address}/scores", act="hand_in", **{**sheet, f"score_{KEYS[0]}": ""})
        assert lacking.status_code == 422
        # What was typed is kept.
        assert 'value="80"' in lacking.text
        assert post(browser, address, f"{address}/scores", act="save", **sheet).status_code == 303
        assert post(browser, address, f"{address}/scores", act="hand_in", opinion="可以支持", **sheet).status_code == 303
    joint = {f"score_{key}": "80" for key in KEYS} | {"opinion": "一致同意", "discussion": ""}
    refused = post(manager, desk, f"{desk}/joint", amount="500", **joint)
    assert refused.status_code == 422
    assert 'value="500"' in refused.text
    assert post(manager, desk, f"{desk}/joint", amount="80.5", **joint).status_code == 303
    assert post(manager, desk, f"{desk}/close").status_code == 409
    for person in people:
        address = place.part(person)
        assert post(place.of(person), address, f"{address}/joint", act="confirm").status_code == 303
    assert post(manager, desk, f"{desk}/close").status_code == 303
    assert state_of(place.database, place.world.project) == "ranked"
    assert "80.5 万元" in main(place.of("bureau").get(place.guide).text)


def test_an_outdated_draw_is_told_so(place: Place) -> None:
    desk = f"{place.base}/review"
    manager = place.of("manager")
    drawn(place.database, place.world)
    old = manager.get(desk).text
    seen = hidden(old, "review_seen")
    post(manager, desk, f"{desk}/draw", wanted="1")
    answer = manager.post(f"{desk}/draw", {"review_seen": seen, "wanted": "1"}, form=desk)
    assert answer.status_code == 409
    # One that finds fewer than are wanted says why, and what can be done.
    assert "只抽到" not in main(manager.get(desk).text)
    post(manager, desk, f"{desk}/draw", wanted="9")
    page = main(manager.get(desk).text)
    for words in (
        "要抽 9 名，只抽到 1 名",
        "已在本次评审中，或已回避、已更换 4",
        "在专家库加入与这个项目没有利害关系的专家",
        "/review-experts",
    ):
        assert words in page


# ---------------------------------------------------------------- selection


def test_selection_and_agreement_by_their_forms(place: Place) -> None:
    ranked(place.database, place.world)
    page = f"{place.base}/selection"
    bureau = place.of("bureau")
    refused = post(bureau, page, f"{page}/propose", event="show", why="择优", amount="100.5")
    assert refused.status_code == 422
    assert "不能超过申请的 100 万元" in refused.text
    assert 'value="100.5"' in refused.text
    place.decide("show", amount="80")
    # Everybody reads the notice; the address of the project is not in it.
    public = place.of("anyone").get("/publicity/projects").text
    for word in ("项目1", "申报公司", "80 万元", "2026-12-02"):
        assert word in main(public)
    assert place.base not in public
    place.clock[0] = AT + timedelta(days=8)
    place.decide("approve")
    assert "项目1" not in main(place.of("anyone").get("/publicity/projects").text)
    agreement = f"{place.base}/agreement"
    assert "RW-2026-0001" in place.of("applicant").get(agreement).text
    # Each page of a project says where it stands and who has the ball: the applicant, and once it has signed, the bureau.
    assert "第 5 步，共 10 步：签任务书；等我：双方盖章，上传任务书" in place.of("applicant").get(agreement).text
    assert "等申报企业：双方盖章，上传任务书" in place.of("bureau").get(f"{place.base}/funds").text
    for person, side in (("applicant", "agreement_theirs"), ("bureau", "agreement_ours")):
        browser = place.of(person)
        other = "agreement_ours" if side == "agreement_theirs" else "agreement_theirs"
        assert _scan(browser, agreement, other).status_code == 409
        assert _scan(browser, agreement, side).status_code == 303
        assert "等我：上传盖章的任务书，核对后确认" in place.of("bureau").get(f"{place.base}/review").text
    place.decide("agree")
    assert state_of(place.database, place.world.project) == "agreed"
    assert "已确认" in place.of("applicant").get(agreement).text


def _scan(browser: Browser, page: str, side: str) -> TestResponse:
    return browser.post(f"{page}/scans/{side}", {"file": (io.BytesIO(pdf()), "扫描件.pdf")}, form=page)


def test_what_is_only_proposed_stays_within_the_offices(place: Place) -> None:
    ranked(place.database, place.world)
    page = f"{place.base}/selection"
    assert post(place.of("bureau"), page, f"{page}/propose", event="leave_out", why="设备重复购置").status_code == 303
    assert "设备重复购置" in place.of("manager").get(page).text
    for person in ("applicant", "member", "area"):
        assert "设备重复购置" not in place.of(person).get(place.base).text
    number = waiting(place.database, place.world.project).public_id
    assert post(place.of("bureau2"), page, f"{page}/{number}/confirm", why="").status_code == 303
    # Once it is decided, the applicant reads the reason.
    assert "设备重复购置" in place.of("applicant").get(place.base).text


def test_a_scan_that_is_none_is_refused(place: Place) -> None:
    place.clock[0] = approved(place.database, place.world)
    page = f"{place.base}/agreement"
    browser = place.of("applicant")
    evil = browser.post(f"{page}/scans/agreement_theirs", {"file": (io.BytesIO(b"MZ not a pdf"), "a.pdf")}, form=page)
    assert evil.status_code in (409, 422)
    assert browser.post(f"{page}/scans/agreement_theirs", {}, form=page).status_code == 422
    assert _scan(browser, page, "plan").status_code == 404
    assert _scan(place.of("supplier"), page, "agreement_theirs").status_code in (400, 404)


def test_the_ranking_takes_amounts_together(folder: Path, clock: list[datetime]) -> None:
    place = opened(folder, clock, projects=3, budget_wan=200)
    with place.database.writing() as session:
        session.execute(update(Project).values(state=ProjectState.RANKED))
        refs = session.scalars(select(Project.public_id).order_by(Project.id)).all()
    page = place.guide
    bureau = place.of("bureau")
    amounts = {f"amount_{ref}": "90" for ref in refs}
    over = post(bureau, page, f"{page}/amounts", why="择优", **amounts)
    assert over.status_code == 422
    assert "还剩 200 万元" in over.text
    assert post(bureau, page, f"{page}/amounts", why="择优", **{f"amount_{refs[0]}": "x"}).status_code == 422
    assert post(bureau, page, f"{page}/amounts", why="择优").status_code == 422
    assert post(bureau, page, f"{page}/amounts", why="择优", **{f"amount_{refs[0]}": "90", f"amount_{refs[2]}": "50"}).status_code == 303
    assert "合计 140 万元" in bureau.get(page).text
    # Whoever proposed sees no button to confirm, and is refused who presses it all the same.
    assert "全部复核同意" not in bureau.get(page).text
    assert post(bureau, page, f"{page}/confirm").status_code == 409
    assert post(place.of("bureau2"), page, f"{page}/confirm").status_code == 303
    assert [state_of(place.database, number) for number in place.world.projects] == ["shown", "ranked", "shown"]
    assert post(place.of("bureau2"), page, f"{page}/explode").status_code == 404
    place.site.index.close()
    place.database.close()


def test_the_ranking_asks_as_much_of_the_database_for_many_as_for_few(folder: Path, clock: list[datetime]) -> None:
    place = opened(folder, clock, projects=30, budget_wan=None)
    with place.database.writing() as session:
        session.execute(update(Project).values(state=ProjectState.RANKED))
    propose_all(
        place.database,
        place.world.guide,
        dict.fromkeys(place.world.projects[:10], 10 * WAN),
        "x",
        panel=PANEL,
        step=place.world.step("bureau"),
    )
    browser, counts = place.of("bureau"), []
    browser.get(place.guide)
    for state in (ProjectState.RANKED, ProjectState.DRAFT):
        with place.database.writing() as session:
            session.execute(update(Project).where(Project.id.in_(place.world.projects[2:])).values(state=state))
        address = place.guide
        with Counted(place.site) as counted:
            assert browser.get(address).status_code == 200
        counts.append(len(counted.statements))
    assert counts[0] <= counts[1] + 1, counts
    place.site.index.close()
    place.database.close()


def test_the_citys_decision_by_its_form(folder: Path, clock: list[datetime]) -> None:
    place = opened(folder, clock, project_class=ProjectClass.MUNICIPAL)
    page = f"{place.base}/selection"
    place.decide("send_to_city")
    lacking = post(
        place.of("bureau"), page, f"{page}/propose", event="city_approves", why="批复", amount="50", city_number="", city_day="x"
    )
    assert lacking.status_code == 422
    place.decide("city_approves", amount="50", city_number="津工信〔2026〕12号", city_day="2026-11-24")
    assert state_of(place.database, place.world.project) == "implementing"
    text = main(place.of("bureau").get(page).text)
    assert "津工信〔2026〕12号" in text
    assert place.of("bureau").get(f"{place.base}/agreement").status_code == 404
    place.site.index.close()
    place.database.close()


# ---------------------------------------------------------------- the public


def test_anybody_objects_and_the_bureau_answers(place: Place) -> None:
    shown(place.database, place.world)
    address = place.notice
    anyone = place.of("anyone")
    assert post(anyone, address, address, name="某人", contact="", text="短").status_code == 422
    sent = post(anyone, address, address, name="某人", contact="022-66000000", text="设备是旧的，发票是别的项目的。")
    assert sent.status_code == 303
    page = f"{place.base}/selection"
    # Who raised it is for those who deal with it.
    assert "022-66000000" in place.of("bureau").get(page).text
    assert "022-66000000" not in place.of("applicant").get(place.base).text
    with place.database.reading() as session:
        number = session.scalars(select(ProjectObjection.public_id)).one()
    assert place.of("manager").post(f"{page}/objections/{number}/dismiss", {"why": "x"}, form=page).status_code in (403, 404)
    assert post(place.of("bureau"), page, f"{page}/objections/{number}/dismiss", why="").status_code == 422
    assert post(place.of("bureau"), page, f"{page}/objections/{number}/dismiss", why="核实不属实").status_code == 303
    place.clock[0] = AT + timedelta(days=9)
    late = anyone.post(address, {"name": "某人", "contact": "022", "text": "设备是旧的，发票是别的项目的。"})
    assert late.status_code == 409


def test_a_notice_that_is_over_is_gone(place: Place) -> None:
    ranked(place.database, place.world)
    assert place.of("anyone").get("/publicity/projects/no-such/objection").status_code == 404
    shown_at = AT
    with place.database.reading() as session:
        assert find_publicity(session, place.world.project) is None
    assert "项目1" not in main(place.of("anyone").get("/publicity/projects").text)
    assert shown_at


def test_objections_are_counted_by_address(place: Place) -> None:
    shown(place.database, place.world)
    with place.database.reading() as session:
        row = find_publicity(session, place.world.project)
        assert row is not None
        number = row.id
    words = {"name": "某人", "contact": "022-66000000", "words": "设备是旧的，发票是别的项目的。"}
    for _times in range(PANEL.objections_a_day):
        raise_project_objection(place.database, number, **words, address="127.0.0.1", panel=PANEL, at=AT)
    answer = post(place.of("anyone"), place.notice, place.notice, name="某人", contact="022", text="设备是旧的，发票是别的项目的。")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]


def test_an_agreement_is_checked_by_its_code_and_by_nothing_else(place: Place) -> None:
    place.clock[0] = approved(place.database, place.world)
    with place.database.reading() as session:
        agreement = find_agreement(session, place.world.project)
        assert agreement is not None
        code = agreement.check_code
    anyone = place.of("anyone")
    for typed in (code, code.lower(), code.replace("-", " ")):
        found = main(anyone.get(f"/agreements/check?code={typed}").text)
        for word in ("RW-2026-0001", "项目1", "申报公司", "80 万元", "等双方签署"):
            assert word in found
    for typed in ("RW-2026-0001", code[:-1], "", "%00", "x" * 500, "ABCD-EFGH-JKMN"):
        text = main(anyone.get(f"/agreements/check?code={typed}").text)
        assert "申报公司" not in text


def test_pages_in_english_hold_no_chinese_of_their_own(place: Place) -> None:
    """What is left is what people wrote, and is marked."""
    scored(place.database, place.world)
    with place.database.reading() as session:
        assert session.scalars(select(HistoryEntry.id)).all()
    for address in (f"{place.base}/review", f"{place.base}/selection", place.guide, "/publicity/projects", "/agreements/check"):
        assert place.of("manager").get(f"{address}?lang=en").status_code == 200
