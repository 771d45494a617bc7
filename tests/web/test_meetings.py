"""The pages of meetings: who reads what, that no name and no other's talk is told too early, and the way from choice to summary."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace.actions.demonstration_meetings import seed_meetings
from marketplace.app import create_app
from marketplace.domain.problems import names_of
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.meetings import Meeting, MeetingParty, MeetingTalk, find_parties, find_talks
from marketplace.records.problems import Disclosure, Problem
from marketplace.site import Site
from tests.conftest import _settled as settled
from tests.opened import Browser, copy_of, site_of
from tests.web.people import Counted, browser_of, viewer_of


@dataclass(frozen=True)
class Seeded:
    """The meetings of the demonstration by state, and of the one that waits for answers the parties with accounts."""

    site: Site
    held: str
    invited: str
    draft: str
    buyer: str
    seller: str
    words: tuple[str, ...]


@pytest.fixture(scope="module")
def seeded_file(demonstration_file: Path, pilot: Pilot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration with its meetings, to be copied."""
    folder = tmp_path_factory.mktemp("meetings")
    path = folder / "jigai.db"
    shutil.copyfile(demonstration_file, path)
    at = datetime.now(ZoneInfo(pilot.city.zone))

    def fill(database: Database) -> None:
        assert seed_meetings(database, pilot.brokering, pilot.rating, files=BlobStore(folder / "files"), at=at, today=at.date())
        with database.writing() as session:
            # The needs name their own enterprise, as people do.
            own = viewer_of(session, "enterprise").enterprise_ids
            name = names_of(session.get_one(Enterprise, min(own)).name)[0]
            session.execute(update(Problem).where(Problem.enterprise_id.in_(own)).values(text=f"{name}的反应釜温度压不住"))

    settled(path, fill)
    return path


def _found(site: Site) -> Seeded:
    with site.database.reading() as session:
        keys = {str(row.state): row.public_id for row in session.scalars(select(Meeting))}
        enterprise, provider = viewer_of(session, "enterprise"), viewer_of(session, "provider")
        query = select(MeetingParty).join(Meeting, Meeting.id == MeetingParty.meeting_id).where(Meeting.state == "invited")
        parties = session.scalars(query).all()
        buyer = next(one for one in parties if one.enterprise_id in enterprise.enterprise_ids)
        seller = next(one for one in parties if one.provider_id in provider.provider_ids)
        words = names_of(buyer.name)
        return Seeded(site, keys["closed"], keys["invited"], keys["draft"], buyer.public_id, seller.public_id, words)


def _opened(seeded_file: Path, folder: Path) -> Iterator[Seeded]:
    site = site_of(copy_of(seeded_file, folder))
    yield _found(site)
    site.index.close()
    site.database.close()


@pytest.fixture(scope="module")
def read_only(seeded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """Shared by tests that change nothing."""
    yield from _opened(seeded_file, tmp_path_factory.mktemp("shared") / "data")


@pytest.fixture(scope="module")
def read_app(read_only: Seeded) -> Flask:
    return create_app(read_only.site)


@pytest.fixture
def seeded(seeded_file: Path, tmp_path: Path) -> Iterator[Seeded]:
    yield from _opened(seeded_file, tmp_path / "data")


@pytest.fixture
def app(seeded: Seeded) -> Flask:
    return create_app(seeded.site)


def pages_of(key: str) -> tuple[str, ...]:
    return tuple(f"/meetings/{key}{rest}" for rest in ("", "/timetable", "/summary", "/desk", "/edit"))


def test_who_reads_what(read_app: Flask, read_only: Seeded) -> None:
    app, seeded = read_app, read_only
    for person, wanted in {
        "centre": {seeded.held: 200, seeded.invited: 200, seeded.draft: 200},
        "bureau": {seeded.held: 200, seeded.invited: 200, seeded.draft: 200},
        "manager": {seeded.held: 200, seeded.invited: 200, seeded.draft: 200},
        "enterprise": {seeded.held: 404, seeded.invited: 200, seeded.draft: 404},
        "enterprise2": {seeded.held: 200, seeded.invited: 404, seeded.draft: 404},
        "provider": {seeded.held: 404, seeded.invited: 200, seeded.draft: 404},
        "expert": {seeded.held: 403, seeded.invited: 403, seeded.draft: 403},
        "anyone": {seeded.held: 303, seeded.invited: 303, seeded.draft: 303},
    }.items():
        browser = browser_of(app, person)
        runs, staff = person == "centre", person in ("centre", "bureau", "manager")
        for key, status in wanted.items():
            first, table, summary, desk, edit = (browser.get(page).status_code for page in pages_of(key))
            assert (first, table) == (status, status), (person, key)
            assert summary == (200 if staff else status if status != 200 else 404), (person, key)
            closed = 200 if runs else 303 if person == "anyone" else 403
            assert (desk, edit) == (closed, closed), (person, key)


def test_the_list_and_the_navigation(read_app: Flask, read_only: Seeded) -> None:
    app = read_app
    for person, count in {"centre": 4, "bureau": 4, "enterprise": 1, "provider": 1}.items():
        text = browser_of(app, person).get("/meetings").text
        assert text.count('href="/meetings/') - text.count('href="/meetings/new"') == count, person
        assert 'href="/meetings"' in text
    assert "筹备一场对接会" not in browser_of(app, "bureau").get("/meetings").text
    assert all("答复是否参加" in browser_of(app, person).get("/inbox").text for person in ("enterprise", "provider"))


def test_a_name_is_told_to_those_it_talks_with_once_both_come(app: Flask, seeded: Seeded) -> None:
    page = f"/meetings/{seeded.invited}"
    provider, enterprise = browser_of(app, "provider"), browser_of(app, "enterprise")
    places = (page, f"{page}/timetable", "/inbox", "/notices", "/meetings", "/demands")

    def hidden(browser: Browser) -> bool:
        return not any(word in browser.get(place).text for word in seeded.words for place in places)

    def answered(browser: Browser, party: str) -> None:
        given = browser.post(f"{page}/parties/{party}/answer", {"accepts": "yes", "people": "李工"}, form=page)
        assert given.status_code == 303, given.text[-1500:]

    assert "把本企业的名称" in enterprise.get(page).text
    assert "某企业的反应釜" in provider.get(page).text
    assert hidden(provider)
    answered(enterprise, seeded.buyer)
    assert hidden(provider)
    answered(provider, seeded.seller)
    assert seeded.words[0] in provider.get(page).text
    # Nobody answers for another, and what a party reads holds its own talks only.
    assert provider.post(f"{page}/parties/{seeded.buyer}/answer", {"accepts": "no"}, form=page).status_code == 404
    with seeded.site.database.reading() as session:
        meeting = session.scalars(select(Meeting).where(Meeting.public_id == seeded.invited)).one()
        viewer = viewer_of(session, "provider")
        own = {talk.id for talk in find_talks(session, meeting.id) if talk.provider_party.provider_id in viewer.provider_ids}
        others = {talk.problem.enterprise.name for talk in find_talks(session, meeting.id)} - {seeded.words[0]}
        rivals = {
            party.name for party in find_parties(session, meeting.id) if party.provider_id and party.provider_id not in viewer.provider_ids
        }
        told = set(session.scalars(select(Disclosure.problem_id).where(Disclosure.provider_id.in_(viewer.provider_ids))))
    assert own
    assert len(told) >= 1
    text = provider.get(page).text + provider.get(f"{page}/timetable?party=each").text
    assert not any(name in text for name in others | rivals)
    assert len(rows_of(provider.get(f"{page}/timetable.xlsx").data)) <= 1 + len(own)


def rows_of(data: bytes) -> list[list[object]]:
    sheet = openpyxl.load_workbook(BytesIO(data)).active
    assert sheet is not None
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def typed(day: str, by: str, **changed: str) -> dict[str, object]:
    usual = {
        "title": "化工行业对接会",
        "sector": "chem",
        "venue": "二号厅",
        "day": day,
        "answer_by": by,
        "starts": "14:00",
        "ends": "16:00",
    }
    return {**usual, "minutes": "20", "gap": "5", "tables": "4", "breaks": "", "note": "", "scenario_code": "", **changed}


def test_a_form_that_is_refused_or_outdated_keeps_what_was_typed(app: Flask, seeded: Seeded) -> None:
    browser = browser_of(app, "centre")
    wrong = browser.post("/meetings/new", typed("2020-01-01", "x", title="", breaks="午饭"), form="/meetings/new")
    assert wrong.status_code == 422
    assert 'value="午饭"' in wrong.text
    page = f"/meetings/{seeded.draft}/edit"
    seen = browser.get(page).text.partition('name="seen" value="')[2].partition('"')[0]
    day = (datetime.now(ZoneInfo(seeded.site.pilot.city.zone)).date() + timedelta(20)).isoformat()
    assert browser.post(page, {**typed(day, day, title="甲写的"), "seen": seen}, form=page).status_code == 303
    lost = browser.post(page, {**typed(day, day, title="乙写的"), "seen": seen}, form=page)
    assert lost.status_code == 409
    assert "<mark>乙</mark>" in lost.text
    assert 'value="乙写的"' in lost.text
    # An enterprise declines with a reason.
    page, browser = f"/meetings/{seeded.invited}", browser_of(app, "enterprise")
    refused = browser.post(f"{page}/parties/{seeded.buyer}/answer", {"accepts": "no", "text": "那天停产检修"}, form=page)
    assert refused.status_code == 422
    assert "那天停产检修" in refused.text
    assert browser.post(f"{page}/parties/{seeded.buyer}/answer", {"accepts": "no", "reason": "timing"}, form=page).status_code == 303
    assert "有一方不参加" in browser_of(app, "centre").get(page).text


def test_from_the_desk_to_the_summary(app: Flask, seeded: Seeded) -> None:
    browser, page = browser_of(app, "centre"), f"/meetings/{seeded.invited}"
    assert browser.post(f"{page}/begin", form=page).status_code == 409
    with seeded.site.database.writing() as session:
        meeting = session.scalars(select(Meeting).where(Meeting.public_id == seeded.invited)).one()
        meeting.day = meeting.answer_by = datetime.now(ZoneInfo(seeded.site.pilot.city.zone)).date()
        talk = next(one for one in find_talks(session, meeting.id) if one.is_mutual and one.round is not None)
        key, codes, parties = talk.public_id, (talk.enterprise_party.code, talk.provider_party.code), talk.provider_party.public_id
    assert browser.post(f"{page}/begin", form=page).status_code == 303
    assert browser.post(f"{page}/desk", {"code": codes[0].lower()}, form=f"{page}/desk").status_code == 303
    assert browser.post(f"{page}/desk", {"code": "Z99"}, form=f"{page}/desk").status_code == 422
    assert browser.post(f"{page}/desk", {"party": [parties]}, form=f"{page}/desk").status_code == 303
    result = f"{page}/talks/{key}/result"
    refused = browser.post(result, {"result": "intent", "amount_wan": "很多", "next_step": "看现场"}, form=f"{page}/results")
    assert refused.status_code == 422
    assert (
        browser.post(result, {"result": "intent", "amount_wan": "36.5", "next_step": "看现场"}, form=f"{page}/results").status_code == 303
    )
    assert browser.post(f"{page}/close", form=page).status_code == 409
    assert browser.post(f"{page}/close", {"rest": "1"}, form=page).status_code == 303
    summary = browser.get(f"{page}/summary").text
    assert "意向金额 36.5 万元" in summary
    assert "看现场" in summary
    # Offices without the talks read the sums, not what was said.
    assert "看现场" not in browser_of(app, "bureau").get(f"{page}/summary").text
    with seeded.site.database.reading() as session:
        done = session.scalars(select(MeetingTalk).where(MeetingTalk.public_id == key)).one()
        assert done.introduction is not None
        assert browser.get(f"/introductions/{done.introduction.public_id}").text.count("对接会现场") == 2
    cells = rows_of(browser.get(f"{page}/summary.xlsx").data)
    assert cells[-1][6] == 36.5
    # What was signed counts by the contracts of the brokerings.
    assert "签约金额 45 万元" in browser.get(f"/meetings/{seeded.held}/summary").text


def test_what_belongs_to_another_meeting_is_not_found(read_app: Flask, read_only: Seeded) -> None:
    app, seeded = read_app, read_only
    browser = browser_of(app, "centre")
    with seeded.site.database.reading() as session:
        rows = session.scalars(select(MeetingTalk).join(Meeting, Meeting.id == MeetingTalk.meeting_id).where(Meeting.state == "draft"))
        talk = rows.first()
        assert talk is not None
        key, party = talk.public_id, talk.enterprise_party.public_id
    for address in (f"talks/{key}/remove", f"talks/{key}/result", f"parties/{party}/sign_out", f"parties/{party}/answer"):
        assert browser.post(f"/meetings/{seeded.invited}/{address}", form=f"/meetings/{seeded.draft}").status_code == 404, address
    assert browser.get(f"/meetings/{seeded.invited}/timetable?party={party}").status_code == 404


def test_choosing_ranks_a_few_and_asks_the_database_little(own_app: Flask, own_demo: Site) -> None:
    browser, day = browser_of(own_app, "centre"), datetime.now(ZoneInfo(own_demo.pilot.city.zone)).date()
    made = browser.post("/meetings/new", typed((day + timedelta(20)).isoformat(), (day + timedelta(9)).isoformat()), form="/meetings/new")
    page = made.headers["Location"]
    with Counted(own_demo) as counted:
        text = browser.get(f"{page}/choice").text
    assert len(counted.statements) < 60
    ticked = [part.partition('"')[0] for part in text.split('name="pair" value="')[1:] if " checked" in part.partition(">")[0]]
    assert len(ticked) > 5
    assert "符合" in text
    assert browser.post(f"{page}/choice", {"pair": ticked}, form=f"{page}/choice").status_code == 303
    assert browser.post(f"{page}/choice", {"pair": ticked}, form=f"{page}/choice").status_code == 409
    assert browser.post(f"{page}/choice", {"solution": "x"}, form=f"{page}/choice").status_code == 422
    with own_demo.database.reading() as session:
        meeting = session.scalars(select(Meeting)).one()
        talks = find_talks(session, meeting.id)
        assert len(talks) == len(ticked)
        assert all(talk.score and talk.strength and talk.features and talk.problem.enterprise.sector == "chem" for talk in talks)
        name = talks[0].enterprise_party.name
    assert browser.post(f"{page}/plan", form=page).status_code == 303
    assert browser.post(f"{page}/invite", form=page).status_code == 303
    assert name in browser.get(f"{page}/choice?q={name[:6]}").text
    with Counted(own_demo) as counted:
        assert browser.get(page).status_code == 200
    assert len(counted.statements) < 40
