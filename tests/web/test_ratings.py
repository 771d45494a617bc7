"""Ratings, rounds, certificates and exposure in the browser, as each role, as a stranger and as a rival."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.actions.demonstration_applicants import paper
from marketplace.actions.demonstration_ratings import seed_ratings
from marketplace.actions.exposures import write_exposures
from marketplace.domain.evaluations import last_period
from marketplace.domain.rating_events import KINDS, EventKind
from marketplace.records.certificates import Certificate
from marketplace.records.database import Database
from marketplace.records.evaluations import EvaluationResult, EvaluationRound
from marketplace.records.files import Attachment
from marketplace.records.jobs import Job
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent, RatingScore
from marketplace.site import Site
from tests.opened import Browser
from tests.web.people import PEOPLE, Counted, Things, browser_of, find_things, viewer_of

STAFF = ("centre", "manager", "bureau", "admin")
PDF = paper("proof")


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def answers(browsers: dict[str, Browser], address: str) -> dict[str, int]:
    return {person: browsers[person].get(address).status_code for person in PEOPLE}


def test_who_sees_whose_rating(browsers: dict[str, Browser], things: Things) -> None:
    own = answers(browsers, f"/ratings/{things.own_provider}")
    foreign = answers(browsers, f"/ratings/{things.warned_provider}")
    for person in STAFF:
        assert (own[person], foreign[person]) == (200, 200), person
    assert (own["provider"], own["provider2"]) == (200, 404)
    assert foreign["provider"] == 404
    for person in ("enterprise", "enterprise2", "finance", "area", "expert"):
        assert own[person] == 403, person
    # Whoever has not logged in is led to the log-in, whatever stands there.
    assert own["anyone"] == foreign["anyone"] == 303
    assert browsers["provider"].get("/ratings/no-such-provider").status_code == 404


@pytest.mark.parametrize(
    ("address", "people"),
    [
        ("/exposure", STAFF),
        ("/ratings", (*STAFF, "provider", "provider2")),
        ("/evaluations/rounds", ("manager", "bureau", "admin")),
        ("/evaluations", ("manager", "bureau", "admin", "provider", "provider2")),
    ],
)
def test_who_sees_lists(browsers: dict[str, Browser], address: str, people: tuple[str, ...]) -> None:
    found = {person for person, status in answers(browsers, address).items() if status in (200, 303)} - {"anyone"}
    assert found >= set(people)
    if address != "/evaluations":
        assert found == set(people)


def test_a_score_opens_to_its_events(browsers: dict[str, Browser], demo_site: Site, things: Things) -> None:
    page = browsers["provider"].get(f"/ratings/{things.own_provider}").text
    words = text_of(page)
    with demo_site.database.reading() as session:
        provider = session.scalar(select(Provider).where(Provider.public_id == things.own_provider))
        assert provider is not None
        found = select(RatingEvent.public_id, RatingEvent.kind).where(RatingEvent.provider_id == provider.id)
        events = session.execute(found).all()
        score = session.scalar(select(RatingScore.score).where(RatingScore.provider_id == provider.id, RatingScore.replaced_at.is_(None)))
    assert score is not None
    assert len(events) >= 5
    for event in events:
        assert f"/ratings/events/{event.public_id}" in page
        assert KINDS[event.kind].label in words
    assert "分数从哪里来" in words
    assert "什么会改变它" in words
    assert "在同行里的位置" in words
    assert 'role="img"' in page
    # The table beside the drawing holds the same numbers.
    drawn = sum(int(count) for count in re.findall(r'text-anchor="middle">(\d+)</text>', page))
    listed = sum(int(count) for count in re.findall(r'<td class="is-num">(\d+)</td></tr>', page.split("看表格")[1].split("</table>")[0]))
    assert drawn == listed > 0


def test_an_event_is_for_who_is_concerned(browsers: dict[str, Browser], demo_site: Site, things: Things) -> None:
    with demo_site.database.reading() as session:
        own = session.scalar(select(Provider.id).where(Provider.public_id == things.own_provider))
        event = session.scalars(select(RatingEvent).where(RatingEvent.provider_id == own, RatingEvent.kind == EventKind.EFFECT)).one()
        address = f"/ratings/events/{event.public_id}"
    assert "不良率：改造前 4.2，目标 1.5，实测 1.3" in text_of(browsers["provider"].get(address).text)
    assert browsers["provider2"].get(address).status_code == 404
    assert browsers["enterprise"].get(address).status_code == 403


def test_a_newcomer_is_new(browsers: dict[str, Browser], demo_site: Site) -> None:
    with demo_site.database.reading() as session:
        rated = select(RatingScore.provider_id)
        public_id = session.scalars(select(Provider.public_id).where(Provider.id.not_in(rated)).order_by(Provider.id)).first()
    words = text_of(browsers["manager"].get(f"/ratings/{public_id}").text)
    assert "新入库，还没有完工项目" in words
    assert "没有不等于差" in words


def test_lists_ask_the_same_however_long(demo_app: Flask, demo_site: Site) -> None:
    manager = browser_of(demo_app, "manager")
    manager.get("/ratings")
    counts = []
    for address in ("/ratings?name=天津", "/ratings?all=1", "/exposure", "/exposure?page=2"):
        with Counted(demo_site) as counted:
            assert manager.get(address).status_code == 200
        counts.append(len(counted.statements))
    assert counts[0] == counts[1]
    assert counts[2] == counts[3]


def test_the_public_sees_the_score_and_no_more(browsers: dict[str, Browser], things: Things) -> None:
    page = text_of(browsers["anyone"].get(f"/providers/{things.warned_provider}").text)
    assert re.search(r"评价：\d+ 分（\d+ 次完工", page)
    assert "看是哪几件事" not in page
    assert "警示" not in page


def test_staff_enter_an_event_with_proof(own_browsers: dict[str, Browser], own_demo: Site) -> None:
    things = find_things(own_demo)
    manager, provider = own_browsers["manager"], own_browsers["provider"]
    form = f"/ratings/{things.own_provider}/events/new?kind=complaint"
    assert own_browsers["bureau"].get(form).status_code == 403
    assert provider.get(form).status_code == 403
    choose = manager.get(f"/ratings/{things.own_provider}/events/new")
    assert all(f"kind={kind.value}" in choose.text for kind in EventKind)
    address = f"/ratings/{things.own_provider}/events"
    data: dict[str, object] = {"kind": "complaint", "on": "2026-11-02", "severity": "general", "remark": "<b>漏发</b>资料"}
    # Without proof, with a day to come, with a program that says it is a PDF: refused, and what was typed is kept.
    answer = manager.post(address, dict(data), form=form)
    assert answer.status_code == 422
    assert "请附上证明材料" in answer.text
    assert "&lt;b&gt;漏发&lt;/b&gt;资料" in answer.text
    answer = manager.post(address, {**data, "on": "2099-01-01", "proof": (io.BytesIO(PDF), "处理决定.pdf")}, form=form)
    assert answer.status_code == 422
    assert "还没有到" in answer.text
    answer = manager.post(address, {**data, "proof": (io.BytesIO(b"MZ\x90\x00" + b"x" * 200), "处理决定.pdf")}, form=form)
    assert answer.status_code == 422
    before = score_of(own_demo.database, things.own_provider)
    answer = manager.post(address, {**data, "proof": (io.BytesIO(PDF), "处理决定.pdf")}, form=form)
    assert (answer.status_code, answer.location) == (303, f"/ratings/{things.own_provider}")
    assert score_of(own_demo.database, things.own_provider) < before
    with own_demo.database.reading() as session:
        event = session.scalars(select(RatingEvent.public_id).where(RatingEvent.source == "staff")).one()
        proof = session.scalars(select(Attachment.public_id).where(Attachment.noun == "rating_event")).one()
    # The provider reads the event and its proof, a rival neither.
    page = provider.get(f"/ratings/events/{event}")
    assert f"/files/{proof}" in page.text
    with provider.get(f"/files/{proof}") as taken:
        assert taken.status_code == 200
    assert own_browsers["provider2"].get(f"/files/{proof}").status_code == 404
    assert own_browsers["anyone"].get(f"/files/{proof}").status_code == 404
    # Corrected with a reason, and taken back with a reason.
    form = f"/ratings/{things.own_provider}/events/new?replaces={event}"
    assert 'value="2026-11-02"' in manager.get(form).text
    changed = {**data, "severity": "minor", "replaces": event, "proof": (io.BytesIO(PDF), "处理决定.pdf")}
    assert manager.post(address, changed, form=form).status_code == 422
    changed = {**data, "severity": "minor", "replaces": event, "why": "程度定重了", "proof": (io.BytesIO(PDF), "处理决定.pdf")}
    assert manager.post(address, changed, form=form).status_code == 303
    assert "程度定重了" in provider.get(f"/ratings/events/{event}").text
    with own_demo.database.reading() as session:
        newer = session.scalars(
            select(RatingEvent.public_id).where(RatingEvent.source == "staff", RatingEvent.superseded_at.is_(None))
        ).one()
    back = f"/ratings/events/{newer}/take-back"
    assert manager.post(back, {"why": ""}, form=f"/ratings/events/{newer}").status_code == 422
    assert provider.post(back, {"why": "不公平"}, form="/account").status_code == 403
    assert manager.post(back, {"why": "投诉人撤诉"}, form=f"/ratings/events/{newer}").status_code == 303
    assert score_of(own_demo.database, things.own_provider) == pytest.approx(before, abs=0.2)


def score_of(database: Database, public_id: str) -> float:
    with database.reading() as session:
        latest = select(RatingScore.score).join(Provider, Provider.id == RatingScore.provider_id)
        found = session.scalar(latest.where(Provider.public_id == public_id, RatingScore.replaced_at.is_(None)))
        assert found is not None
        return found


def test_a_round_by_pages(own_browsers: dict[str, Browser], own_demo: Site) -> None:
    manager, bureau, provider = (own_browsers[person] for person in ("manager", "bureau", "provider"))
    index = "/evaluations/rounds"
    offered = last_period(datetime.now(ZoneInfo("Asia/Shanghai")).date(), own_demo.pilot.rating.evaluation)
    assert offered.start.isoformat() in manager.get(index).text
    assert manager.post(index, {"start": "2026-06-30", "end": "2026-01-01"}, form=index).status_code == 422
    answer = manager.post(index, {"start": "2026-01-01", "end": "2026-06-30"}, form=index)
    assert answer.status_code == 303
    show = answer.location
    assert manager.post(index, {"start": "2026-01-01", "end": "2026-06-30"}, form=index).status_code == 422
    with own_demo.database.reading() as session:
        own = viewer_of(session, "provider").provider_ids
        result = session.scalars(select(EvaluationResult).where(EvaluationResult.provider_id.in_(own))).one()
        address, proposed = f"/evaluations/results/{result.public_id}", result.proposed
    assert proposed is not None
    # Not told yet: for the provider it does not exist.
    assert provider.get(address).status_code == 404
    assert manager.post(f"{show}/show", form=show).status_code == 422
    answer = manager.post(f"{address}/review", {"score": str(proposed - 5), "why": ""}, form=address)
    assert answer.status_code == 422
    assert f'value="{proposed - 5:.1f}"' in answer.text
    assert manager.post(f"{address}/review", {"score": "许多", "why": "x"}, form=address).status_code == 422
    assert manager.post(f"{address}/review", {"score": str(proposed - 5), "why": "培训没有做完"}, form=address).status_code == 303
    assert manager.post(f"{show}/review", form=show).status_code == 303
    assert manager.post(f"{show}/show", form=show).status_code == 303
    assert own_browsers["provider2"].get(address).status_code == 404
    page = provider.get(address)
    assert "培训没有做完" in page.text
    assert provider.post(f"{address}/comment", {"text": " "}, form=address).status_code == 422
    assert provider.post(f"{address}/comment", {"text": "培训已在 6 月补做"}, form=address).status_code == 303
    assert own_browsers["provider2"].post(f"{address}/comment", {"text": "x"}, form="/account").status_code == 404
    assert "培训已在 6 月补做" in manager.get(address).text
    assert manager.post(f"{address}/answer", {"text": "已核实，恢复", "score": str(proposed)}, form=address).status_code == 303
    # Before the term is over nothing is issued; the day is moved here, the clock is not.
    assert bureau.post(f"{show}/issue", form=show).status_code == 422
    with own_demo.database.writing() as session:
        session.scalars(select(EvaluationRound)).one().comment_until = date(2026, 7, 10)
    assert manager.post(f"{show}/issue", form=show).status_code == 422
    assert bureau.post(f"{show}/issue", form=show).status_code == 303
    assert "已发布" in provider.get("/evaluations").text
    assert manager.get(f"{show}/list").status_code == 200
    with own_demo.database.reading() as session:
        assert (session.scalar(select(func.count()).select_from(Job).where(Job.kind == "letter")) or 0) > 40
    assert "已核实，恢复" in provider.get(address).text


def test_certificates_by_pages(own_browsers: dict[str, Browser], own_demo: Site) -> None:
    things = find_things(own_demo)
    provider, manager = own_browsers["provider"], own_browsers["manager"]
    address = f"/certificates/{things.own_provider}"
    assert own_browsers["provider2"].get(address).status_code == 404
    assert own_browsers["enterprise"].get(address).status_code == 403
    data: dict[str, object] = {"kind": "licence", "name": "营业执照", "issued": "2024-01-01", "expires": "2023-01-01"}
    answer = provider.post(address, {**data, "proof": (io.BytesIO(PDF), "执照.pdf")}, form=address)
    assert answer.status_code == 422
    assert "早于发证日" in answer.text
    assert 'value="2023-01-01"' in answer.text
    data["expires"] = "2027-01-01"
    assert provider.post(address, dict(data), form=address).status_code == 422
    assert provider.post(address, {**data, "proof": (io.BytesIO(PDF), "执照.pdf")}, form=address).status_code == 303
    with own_demo.database.reading() as session:
        row = session.scalars(select(Certificate.public_id)).one()
    assert own_browsers["provider2"].post(address, {**data, "proof": (io.BytesIO(PDF), "x.pdf")}, form="/account").status_code == 404
    # Another provider's certificate cannot be named as the one to replace.
    rival = f"/certificates/{rival_of(own_demo)}"
    answer = manager.post(rival, {**data, "replaces": row, "proof": (io.BytesIO(PDF), "x.pdf")}, form=rival)
    assert answer.status_code == 404
    # Nor does its name fill in a rival's form.
    assert 'value="营业执照"' in provider.get(f"{address}?replaces={row}").text
    assert 'value="营业执照"' not in own_browsers["provider2"].get(f"{rival}?replaces={row}").text
    assert manager.post(f"/certificates/one/{row}/compare", form=address).status_code == 303
    assert provider.post(f"/certificates/one/{row}/compare", form=address).status_code == 403
    assert provider.post(address, {**data, "replaces": row, "proof": (io.BytesIO(PDF), "新.pdf")}, form=address).status_code == 303
    assert provider.get(address).text.count("营业执照</th>") == 1


def rival_of(site: Site) -> str:
    with site.database.reading() as session:
        ids = viewer_of(session, "provider2").provider_ids
        return session.scalars(select(Provider.public_id).where(Provider.id.in_(ids))).one()


def test_exposure_says_what_it_counts(own_browsers: dict[str, Browser], own_demo: Site) -> None:
    page = own_browsers["bureau"].get("/exposure")
    assert "夜间统计还没有做过" in page.text
    with own_demo.database.writing() as session:
        ids = session.scalars(select(Provider.id).order_by(Provider.id)).all()
        write_exposures(session, date(2026, 11, 24), [[ids[0], ids[1]], [ids[0]]], model="m", at=datetime(2026, 11, 25, 1, tzinfo=UTC))
    words = text_of(own_browsers["bureau"].get("/exposure").text)
    assert "2 条待解决问题，2 条有推荐，前 3 名共 3 个位次" in words
    assert "基尼系数" in words
    assert "67 %（2 / 3）" in words


def test_the_demonstration_brings_every_state(own_demo: Site, own_browsers: dict[str, Browser]) -> None:
    at = datetime.now(UTC)
    today = at.date()
    for _twice in range(2):
        seed_ratings(own_demo.database, own_demo.pilot.rating, files=own_demo.files, at=at, today=today, zone=own_demo.pilot.city.zone)
    with own_demo.database.reading() as session:
        assert sorted(str(state) for state in session.scalars(select(EvaluationRound.state))) == ["cancelled", "commenting", "issued"]
        assert {str(state) for state in session.scalars(select(EvaluationResult.state))} == {"cancelled", "commented", "issued", "shown"}
        assert session.scalar(select(func.count()).select_from(Certificate)) == 4
    for person, waits in (("provider", "到期"), ("manager", "待答复"), ("bureau", "等待发布结果")):
        assert waits in text_of(own_browsers[person].get("/inbox").text), person
