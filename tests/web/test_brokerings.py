"""The pages of brokering: who reads what, what each side may do, one-time links, and that nothing leaks before both accepted."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.actions import brokerings as actions
from marketplace.actions.brokering_steps import Step
from marketplace.actions.brokerings import Line
from marketplace.domain.brokerings import CriterionDraft
from marketplace.domain.problems import ProblemState, names_of
from marketplace.domain.solutions import SolutionState
from marketplace.records.brokerings import Brokering
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction, IntroductionMessage
from marketplace.records.problems import Problem
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.conftest import NOW
from tests.files.samples import pdf
from tests.opened import Browser, app, own_site
from tests.web.people import browser_of, viewer_of

__all__ = ["app", "own_site"]
PDF = pdf("contract")


class Sent:
    """A brokering of the enterprise's with the two providers that have accounts, sent."""

    def __init__(self, site: Site) -> None:
        self.site = site
        with site.database.reading() as session:
            centre, enterprise = viewer_of(session, "centre"), viewer_of(session, "enterprise")
            own = [self._solution(session, login) for login in ("provider", "provider2")]
            problem = session.scalars(
                select(Problem).where(Problem.enterprise_id.in_(enterprise.enterprise_ids), Problem.state == ProblemState.OPEN)
            ).first()
            assert problem is not None
            self.problem, self.enterprise = problem.id, problem.enterprise_id
            self.words = names_of(session.get_one(Enterprise, self.enterprise).name)
            self.text, self.unit = problem.text, problem.enterprise.public_id
        self.centre = Step(centre, NOW, NOW.date(), site.pilot.brokering, site.pilot.rating)
        with site.database.writing() as session:
            # The need names its own enterprise, as people do.
            session.execute(update(Problem).where(Problem.id == self.problem).values(text=f"{self.words[0]}的{self.text}"))
        lines = [Line(number, self.problem, place + 1) for place, number in enumerate(own)]
        made = actions.draft(site.database, self.enterprise, [self.problem], lines, self.centre, place="plan")
        actions.set_criteria(site.database, made.id, [CriterionDraft("本地有人", "essential", 100)], self.centre)
        actions.send(site.database, made.id, self.centre)
        self.key, self.number = made.public_id, made.id
        with site.database.reading() as session:
            rows = session.scalars(select(Introduction).where(Introduction.brokering_id == made.id).order_by(Introduction.id)).all()
            self.first, self.second = (row.public_id for row in rows)
            self.numbers = [row.id for row in rows]

    @staticmethod
    def _solution(session: Session, login: str) -> int:
        viewer = viewer_of(session, login)
        query = select(Solution.id).where(Solution.provider_id.in_(viewer.provider_ids), Solution.state == SolutionState.PUBLISHED)
        return session.scalars(query.order_by(Solution.id)).first() or 0

    def state(self) -> str:
        with self.site.database.reading() as session:
            return str(session.get_one(Brokering, self.number).state)

    def answered(self, app: Flask, person: str, key: str, side: str) -> None:
        page = f"/introductions/{key}"
        given = browser_of(app, person).post(f"{page}/answer", {"side": side, "accepts": "yes"}, form=page)
        assert given.status_code == 303, given.text[-2000:]


@pytest.fixture
def sent(own_site: Site) -> Sent:
    return Sent(own_site)


def test_who_reads_what(app: Flask, sent: Sent) -> None:
    first, second, whole = f"/introductions/{sent.first}", f"/introductions/{sent.second}", f"/brokerings/{sent.key}"
    for person, wanted in {
        "centre": (200, 200, 200),
        "admin": (200, 200, 200),
        "bureau": (200, 200, 200),
        "manager": (200, 200, 200),
        "enterprise": (200, 200, 200),
        "enterprise2": (404, 404, 404),
        "provider": (200, 404, 302),
        "provider2": (404, 200, 302),
        "finance": (403, 403, 403),
        "expert": (403, 403, 403),
        "anyone": (303, 303, 303),
    }.items():
        browser = browser_of(app, person)
        assert tuple(browser.get(page).status_code for page in (first, second, whole)) == wanted, person


def test_who_has_the_ball_is_told_so_and_nobody_else(app: Flask, sent: Sent) -> None:
    for person, words in {"centre": "等双方：", "bureau": "等双方：", "enterprise": "等我："}.items():
        page = browser_of(app, person).get(f"/brokerings/{sent.key}").text
        ball = page[page.index('<div class="jg-ball') :]
        assert ball[ball.index("<strong>") :].startswith(f"<strong>{words}"), person


def test_the_navigation_leads_nobody_to_diagnoses_that_are_not_for_them(app: Flask, sent: Sent) -> None:
    for person, is_led in {"provider": False, "enterprise": True, "centre": True}.items():
        assert ('href="/diagnoses"' in browser_of(app, person).get("/brokerings").text) == is_led, person


def test_the_name_is_hidden_until_both_accepted(app: Flask, sent: Sent) -> None:
    page = f"/introductions/{sent.first}"
    provider = browser_of(app, "provider")

    def hidden() -> bool:
        pages = [provider.get(place).text for place in (page, "/brokerings", "/inbox", "/notices")]
        return not any(word in text for word in sent.words for text in pages)

    assert hidden()
    sent.answered(app, "enterprise", sent.first, "enterprise")
    assert hidden()
    sent.answered(app, "provider", sent.first, "provider")
    assert sent.words[0] in provider.get(page).text
    # The other provider has learnt nothing by that.
    other = browser_of(app, "provider2").get(f"/introductions/{sent.second}").text
    assert not any(word in other for word in sent.words)


def test_talks_are_for_those_who_talk(app: Flask, sent: Sent) -> None:
    for person, side in (("enterprise", "enterprise"), ("provider", "provider")):
        sent.answered(app, person, sent.first, side)
    page = f"/introductions/{sent.first}"
    data: dict[str, object] = {"text": "先看现场的秘密", "file": (BytesIO(PDF), "图纸.pdf")}
    said = browser_of(app, "provider").post(f"{page}/messages", data, form=page, content_type="multipart/form-data")
    assert said.status_code == 303, said.text[-1500:]
    for person, reads in {"enterprise": True, "centre": True, "provider": True, "bureau": False, "manager": False}.items():
        assert ("先看现场的秘密" in browser_of(app, person).get(page).text) is reads, person
    address = re.search(r'href="(/files/[^"]+)"', browser_of(app, "enterprise").get(page).text)
    assert address
    for person, status in {"enterprise": 200, "provider2": 404, "bureau": 404, "enterprise2": 404}.items():
        answer = browser_of(app, person).get(address[1])
        assert answer.status_code in (status, 409 if status == 200 else status), person
        answer.close()
    refused = browser_of(app, "provider2").post(f"{page}/messages", {"text": "x"}, form="/account")
    assert refused.status_code == 404
    with sent.site.database.reading() as session:
        assert len(session.scalars(select(IntroductionMessage)).all()) == 1


def quoted(app: Flask, sent: Sent) -> None:
    for person, side in (("enterprise", "enterprise"), ("provider", "provider")):
        sent.answered(app, person, sent.first, side)
    page = f"/introductions/{sent.first}"
    provider = browser_of(app, "provider")
    text = provider.get(page).text
    meets = re.search(r'name="(meets_\d+)"', text)
    assert meets
    data: dict[str, object] = {"price_wan": "48.5", "weeks": "12", "scope": "传感器", "valid_until": "2099-01-01", meets[1]: "yes"}
    wrong = provider.post(f"{page}/proposal", {**data, "price_wan": "很便宜"}, form=page)
    assert wrong.status_code == 422
    assert "传感器" in wrong.text
    done = provider.post(f"{page}/proposal", data, form=page)
    assert done.status_code == 303, done.text[-1500:]


def test_from_proposal_to_award_in_the_browser(app: Flask, sent: Sent) -> None:
    quoted(app, sent)
    page = f"/brokerings/{sent.key}"
    centre, enterprise = browser_of(app, "centre"), browser_of(app, "enterprise")
    # Bureau and manager read how far it is, but no price.
    assert "48.5" not in browser_of(app, "bureau").get(page).text
    assert centre.post(f"{page}/compare", form=page).status_code == 303
    comparison = enterprise.get(f"{page}/comparison").text
    assert "48.5 万元" in comparison or "49 万元" in comparison
    score = re.search(r'name="(score_\d+)"', comparison)
    assert score
    kept = enterprise.post(f"/introductions/{sent.first}/scores", {score[1]: "8"}, form=f"{page}/comparison")
    assert kept.status_code == 303
    assert ">80<" in enterprise.get(f"{page}/comparison").text
    none = enterprise.post(f"{page}/award", {"introduction": sent.first, "why": ""}, form=f"{page}/comparison")
    assert none.status_code == 422
    assert browser_of(app, "provider").post(f"{page}/award", {"introduction": sent.first, "why": "x"}, form="/account").status_code == 403
    chosen = enterprise.post(f"{page}/award", {"introduction": sent.first, "why": "合适"}, form=f"{page}/comparison")
    assert chosen.status_code == 303
    assert sent.state() == "awarded"
    data = {"amount_wan": "48", "signed": "2026-11-01", "starts": "2026-11-02", "ends": "2099-01-01"}
    file = {"scan": (BytesIO(PDF), "合同.pdf")}
    signed = enterprise.post(f"{page}/contract", {**data, **file}, form=page, content_type="multipart/form-data")
    assert signed.status_code == 303, signed.text[-1500:]
    assert sent.state() == "contracted"


def test_whoever_comes_second_is_told(app: Flask, sent: Sent) -> None:
    page = f"/brokerings/{sent.key}"
    enterprise = browser_of(app, "enterprise")
    seen = re.search(r'name="seen" value="(\d+)"', enterprise.get(page).text)
    assert seen
    officer = browser_of(app, "centre")
    account = re.search(r'<option value="(\d+)"', officer.get(page).text)
    assert account
    assert officer.post(f"{page}/officer", {"officer": account[1], "seen": seen[1]}, form=page).status_code == 303
    late = enterprise.post(f"{page}/withdraw", {"why": "今年不改了", "seen": seen[1]}, form=page)
    assert late.status_code == 409
    assert "今年不改了" in late.text


def test_a_link_shows_what_it_does_before_it_does_it(app: Flask, sent: Sent) -> None:
    page = f"/introductions/{sent.first}"
    made = browser_of(app, "centre").post(f"{page}/link", {"side": "provider"}, form=page)
    assert made.status_code == 200
    assert made.headers["Cache-Control"] == "no-store"
    token = re.search(r"/answers/([A-Za-z0-9_-]+)", made.text)
    assert token
    visitor, place = Browser(app.test_client()), f"/answers/{token[1]}"
    for _time in range(3):
        shown = visitor.get(place)
        assert shown.status_code == 200
        assert not any(word in shown.text for word in sent.words)
    with sent.site.database.reading() as session:
        answer = session.get_one(Introduction, sent.numbers[0]).answer_of("provider")
        assert answer is not None
        assert answer.answer == "pending"
    assert visitor.post(place, {"accepts": "no"}, form=place).status_code == 422
    assert visitor.post(place, {"accepts": "yes"}, form=place).status_code == 200
    assert visitor.get(place).status_code == 410
    assert visitor.get("/answers/" + "A" * 32).status_code == 410
    assert visitor.client.post(place, data={"accepts": "yes"}).status_code == 400


def test_an_inquiry_from_the_solutions_page(app: Flask, sent: Sent) -> None:
    with sent.site.database.reading() as session:
        key = session.get_one(Solution, Sent._solution(session, "provider")).public_id
        problem = session.get_one(Problem, sent.problem).public_id
    enterprise, place = browser_of(app, "enterprise"), f"/inquiries/new?solution={key}"
    assert place in enterprise.get(f"/solutions/{key}").text
    assert "/inquiries/new" not in browser_of(app, "provider").get(f"/solutions/{key}").text
    assert browser_of(app, "centre").get(place).status_code == 403
    wrong = enterprise.post("/inquiries/new", {"solution": key, "question": "能接旧压床吗"}, form=place)
    assert wrong.status_code == 422
    assert "能接旧压床吗" in wrong.text
    question = f"{sent.words[0]}的旧压床能接吗"
    asked = enterprise.post("/inquiries/new", {"solution": key, "question": question, "problem": problem}, form=place)
    assert asked.status_code == 303
    provider = browser_of(app, "provider")
    inbox = provider.get("/brokerings").text
    assert "企业询问" in inbox
    shown = provider.get(re.findall(r'href="(/introductions/[^"]+)"', inbox)[0]).text
    assert "某企业的旧压床能接吗" in shown


def test_the_board_and_its_sheet(app: Flask, sent: Sent, tmp_path: Path) -> None:
    centre = browser_of(app, "centre")
    for place in ("/brokerings", "/brokerings?show=mine", "/brokerings?show=late&sector=nonsense&answers=99"):
        assert centre.get(place).status_code == 200
    assert "DJ-" in centre.get("/brokerings").text
    book = openpyxl.load_workbook(BytesIO(centre.get("/brokerings/sheet").data))
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[1][0].startswith("DJ-")
    assert browser_of(app, "bureau").get("/brokerings/sheet").status_code == 403
    assert centre.get("/brokerings/new").status_code == 200
    assert centre.get(f"/brokerings/new/{sent.unit}").status_code == 200
