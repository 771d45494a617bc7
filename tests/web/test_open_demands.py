"""The pages of open demands: who reads what, that nothing leaks, and each form from the draft to the choice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select, update

from marketplace.actions.demonstration_open_demands import seed_open_demands
from marketplace.app import create_app
from marketplace.domain.problems import names_of
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import Attachment
from marketplace.records.open_demands import OpenAnswer, OpenDemand, OpenDemandCriterion, OpenQuestion
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.demo_site import own_copy
from tests.files.samples import pdf
from tests.opened import Browser, main_of, site_of
from tests.web.people import PEOPLE, browser_of, viewer_of

NAMES = ("draft", "submitted", "returned", "running", "other", "closed", "concluded", "none", "withdrawn")


class Played:
    """The demonstration's open demands by name, and the words that would tell whose they are."""

    def __init__(self, site: Site) -> None:
        self.site, self.app = site, create_app(site)
        rules, at = (site.pilot.brokering, site.pilot.rating, site.pilot.open_demand, site.pilot.catalogue), datetime.now(UTC)
        assert seed_open_demands(site.database, *rules, files=site.files, at=at, today=at.date())
        with site.database.reading() as session:
            rows = session.scalars(select(OpenDemand).order_by(OpenDemand.id)).all()
            self.key = {name: row.public_id for name, row in zip(NAMES, rows, strict=True)}
            self.number = {name: row.id for name, row in zip(NAMES, rows, strict=True)}
            self.words = {word for row in rows for word in names_of(row.enterprise.name)}
            self.providers = {row.provider.name for row in session.scalars(select(OpenAnswer))}
        self.kept: dict[str, Browser] = {}

    def page(self, name: str, rest: str = "") -> str:
        return f"/open-demands/{self.key[name]}{rest}"

    def as_(self, person: str) -> Browser:
        if person not in self.kept:
            self.kept[person] = browser_of(self.app, person)
        return self.kept[person]

    def demand(self, name: str) -> OpenDemand:
        with self.site.database.reading() as session:
            found = session.get_one(OpenDemand, self.number[name])
            session.expunge_all()
            return found

    def over(self, name: str) -> None:
        """Its last day was yesterday."""
        day = datetime.now(UTC).date() - timedelta(2)
        with self.site.database.writing() as session:
            session.execute(update(OpenDemand).where(OpenDemand.id == self.number[name]).values(questions_until=day, answers_until=day))


@pytest.fixture(scope="module")
def played(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    site = site_of(own_copy(demo_folder, tmp_path_factory.mktemp("open demands") / "data"))
    yield Played(site)
    site.index.close()
    site.database.close()


def test_who_reads_what(played: Played) -> None:
    """Own are those of `enterprise`: draft, returned, running, closed."""
    centre = {"centre", "admin"}
    everybody = set(PEOPLE)
    pages: dict[str, set[str]] = {
        "/open-demands": everybody,
        "/open-demands/new": centre | {"enterprise", "enterprise2"},
        played.page("draft"): centre | {"enterprise"},
        played.page("submitted"): centre | {"enterprise2"},
        played.page("running"): everybody,
        played.page("none"): everybody,
        played.page("withdrawn"): centre | {"enterprise2"},
        played.page("draft", "/edit"): centre | {"enterprise"},
        played.page("running", "/answers"): centre | {"enterprise"},
        played.page("closed", "/answers"): centre | {"enterprise"},
        played.page("other", "/answer"): {"provider", "provider2"},
    }
    for place, allowed in pages.items():
        for person in everybody:
            status = played.as_(person).get(place).status_code
            assert (status == 200) == (person in allowed), (place, person, status)
            assert status in {200, 303, 403, 404}, (place, person, status)


def test_whose_demand_it_is_leaks_nowhere(played: Played) -> None:
    places = ["/open-demands", *(f"/open-demands?{query}" for query in ("sector=chem", "sector=auto&show=running", "until=2026-01-01"))]
    places += [played.page(name) for name in ("running", "other", "closed", "concluded", "none")] + [played.page("other", "/answer")]
    for person in ("anyone", "provider2", "expert"):
        for place in [*places, "/notices"]:
            text = played.as_(person).get(place).text
            assert not {word for word in played.words if word in text}, (person, place)
    # The provider that was chosen knows, in its introduction; another one's page says nothing more than before.
    assert {word for word in played.words if word in played.as_("enterprise2").get(played.page("running")).text} == set()
    assert any(word in played.as_("bureau").get(played.page("running")).text for word in played.words)


def test_no_provider_reads_another_ones_answer_or_who_asks(played: Played) -> None:
    with played.site.database.reading() as session:
        viewer = viewer_of(session, "provider")
        others = {row.provider.name for row in session.scalars(select(OpenAnswer)) if row.provider_id not in viewer.provider_ids}
        others |= {row.provider.name for row in session.scalars(select(OpenQuestion)) if row.provider_id not in viewer.provider_ids}
        first = session.scalars(select(Attachment).where(Attachment.noun == "open_answer_version")).first()
        assert first is not None
        file = f"/files/{first.public_id}"
    for name in ("running", "closed", "concluded", "none"):
        text = main_of(played.as_("provider").get(played.page(name)).text)
        assert not {word for word in others if word in text}, name
    # The other provider's asker is told to the enterprise and the centre only.
    text = main_of(played.as_("enterprise").get(played.page("running")).text)
    assert any(word in text for word in others)
    wanted = {"provider": 200, "provider2": 404, "enterprise": 200, "centre": 200, "enterprise2": 404, "bureau": 404, "anyone": 404}
    for person, status in wanted.items():
        with played.as_(person).get(file) as answer:
            assert answer.status_code == status, person


def test_before_the_last_day_there_is_only_a_count(played: Played) -> None:
    for person in ("enterprise", "centre"):
        for rest in ("", "/answers"):
            text = main_of(played.as_(person).get(played.page("running", rest)).text)
            assert re.search(r"应答 [12] 份", text), (person, rest)
            assert "北京北芷" not in text
    assert not re.search(r"应答 \d 份", main_of(played.as_("provider").get(played.page("running")).text))


def test_questions_are_for_the_pool(played: Played) -> None:
    for person in PEOPLE:
        reads = person in {"provider", "provider2", "enterprise", "centre", "manager", "bureau", "admin"}
        assert ("现有蒸汽表的型号" in played.as_(person).get(played.page("running")).text) == reads, person


def test_a_provider_asks_and_the_enterprise_replies(played: Played) -> None:
    page, provider, enterprise = played.page("other"), played.as_("provider2"), played.as_("enterprise2")
    wrong = provider.post(f"{page}/questions", {"text": "是天津滨海的哪家有限责任公司？电话 13800138000"}, form=page)
    assert wrong.status_code == 422
    assert "13800138000" in wrong.text
    assert provider.post(f"{page}/questions", {"text": "压机有几台？"}, form=page).status_code == 303
    with played.site.database.reading() as session:
        question = session.scalars(select(OpenQuestion).order_by(OpenQuestion.id.desc())).first()
        assert question is not None
        place = f"/open-demands/questions/{question.public_id}/reply"
    seen = re.findall(r'name="seen" value="(\d+)"', enterprise.get(page).text)
    assert seen
    for person, status in {"enterprise": 404, "provider": 403}.items():
        assert played.as_(person).post(place, {"text": "x"}, form="/open-demands").status_code == status
    assert enterprise.post(place, {"text": "四台。", "seen": "0"}, form=page).status_code in {303, 409}
    assert enterprise.post(place, {"text": "四台。"}, form=page).status_code == 303
    assert "四台。" in provider.get(page).text
    late = enterprise.post(place, {"text": "五台。", "seen": "1"}, form=page)
    assert late.status_code == 409
    assert "五台。" in late.text


def answer_of(played: Played, login: str, name: str) -> dict[str, object]:
    with played.site.database.reading() as session:
        own = viewer_of(session, login).provider_ids
        solution = session.scalars(select(Solution).where(Solution.provider_id.in_(own), Solution.state == "published")).first()
        assert solution is not None
        criteria = session.scalars(select(OpenDemandCriterion.id).where(OpenDemandCriterion.demand_id == played.number[name])).all()
        values: dict[str, object] = {f"meets_{number}": "yes" for number in criteria}
        until = session.get_one(OpenDemand, played.number[name]).answers_until + timedelta(30)
        usual = {"text": "先看现场", "price_low_wan": "30", "price_high_wan": "", "weeks": "8", "valid_until": until.isoformat()}
        return {"solution": solution.public_id, **usual, **values}


def test_an_answer_is_given_changed_and_taken_back(played: Played) -> None:
    page, provider = played.page("running"), played.as_("provider")
    form = f"{page}/answer"
    data = answer_of(played, "provider", "running")
    wrong = provider.post(form, {**data, "weeks": "很快"}, form=form)
    assert wrong.status_code == 422
    assert 'value="很快"' in wrong.text
    files = {"file": (BytesIO(pdf("answer")), "做法.pdf")}
    given = provider.post(form, {**data, "seen": "0", **files}, form=form, content_type="multipart/form-data")
    assert given.status_code == 303, main_of(given.text)
    shown = provider.get(page).text
    assert "做法.pdf" in shown
    assert "30 万元" in shown
    changed = provider.post(form, {**data, "text": "先看两天"}, form=form)
    assert changed.status_code == 303
    assert "第 2 版" in provider.get(page).text
    late = provider.post(form, {**data, "text": "先看三天", "seen": "1"}, form=form)
    assert late.status_code == 409
    assert "现在存着的" in late.text
    assert ">先看三天</textarea>" in late.text
    assert provider.post(f"{page}/answer/take-back", form=page).status_code == 303
    assert "重新应答" in provider.get(page).text
    assert (
        played.as_("provider").post(played.page("closed", "/answer"), answer_of(played, "provider", "closed"), form=page).status_code == 409
    )


def draft_of(played: Played) -> dict[str, object]:
    day = datetime.now(UTC).date()
    return {
        "title": "锅炉补水总量对不上", "text": "锅炉补水总量对不上，每班差两吨，去年开始。", "budget_low_wan": "10", "budget_high_wan": "30",
        "questions_until": (day + timedelta(12)).isoformat(), "answers_until": (day + timedelta(20)).isoformat(),
        "criterion": ["不停炉"], "kind": ["essential"], "weight": ["100"],
    }  # fmt: skip


def test_from_the_draft_to_the_choice(played: Played) -> None:
    enterprise, centre, new = played.as_("enterprise"), played.as_("centre"), "/open-demands/new"
    data = draft_of(played)
    with played.site.database.reading() as session:
        own = viewer_of(session, "enterprise").enterprise_ids
        name = session.get_one(Enterprise, min(own)).name
    looked = enterprise.post(new, {**data, "check": "1"}, form=new)
    assert looked.status_code == 200
    assert "说清了几样" in looked.text
    named = enterprise.post(new, {**data, "text": f"{name}的锅炉补水总量对不上"}, form=new)
    assert named.status_code == 422
    assert "会让人认出是哪家企业" in named.text
    assert enterprise.post(new, {**data, "answers_until": ""}, form=new).status_code == 422
    kept = enterprise.post(new, data, form=new)
    assert kept.status_code == 303, main_of(kept.text)
    page = kept.headers["Location"]
    edit = f"{page}/edit"
    seen = re.search(r'name="seen" value="(\d+)"', enterprise.get(edit).text)
    assert seen
    assert centre.post(edit, {**data, "title": "锅炉补水差两吨", "seen": seen[1]}, form=edit).status_code == 303
    late = enterprise.post(edit, {**data, "title": "锅炉补水", "seen": seen[1]}, form=edit)
    assert late.status_code == 409
    assert "现在存着的" in late.text
    assert 'value="锅炉补水"' in late.text
    assert enterprise.post(f"{page}/submit", form=page).status_code == 303
    assert enterprise.post(f"{page}/publish", form=page).status_code == 403
    assert centre.post(f"{page}/return", {"why": ""}, form=page).status_code == 422
    assert centre.post(f"{page}/publish", form=page).status_code == 303
    assert enterprise.get(edit).status_code == 302
    assert enterprise.post(f"{page}/extend", {"answers_until": "2026-01-01"}, form=page).status_code == 422


def test_the_choice(played: Played) -> None:
    page = played.page("closed")
    form, enterprise, centre = f"{page}/answers", played.as_("enterprise"), played.as_("centre")
    text = main_of(enterprise.get(form).text)
    keys = re.findall(r'name="answer" value="([^"]+)"', text)
    assert len(keys) == 4
    assert all(name in text for name in played.providers)
    assert enterprise.post(f"{page}/conclude", {"feedback": "x"}, form=form).status_code == 422
    bare = enterprise.post(f"{page}/conclude", {"answer": keys[:1]}, form=form)
    assert bare.status_code == 422
    assert f'value="{keys[0]}" checked' in bare.text
    assert centre.post(f"{page}/conclude", {"answer": keys[:1], "feedback": "x", "way": "phone"}, form=form).status_code == 422
    chosen = enterprise.post(f"{page}/conclude", {"answer": keys[:2], "feedback": "这次选了报价低的"}, form=form)
    assert chosen.status_code == 303, main_of(chosen.text)
    assert "打开对接单" in enterprise.get(page).text
    assert enterprise.post(f"{page}/none_suitable", {"why": "x", "feedback": "x"}, form=form).status_code == 409
    told = [person for person in ("provider", "provider2") if "去洽谈" in played.as_(person).get(page).text]
    assert len(told) + sum("这次选了报价低的" in played.as_(person).get(page).text for person in ("provider", "provider2")) == 2


def test_the_lists_filter(played: Played) -> None:
    browser = played.as_("anyone")
    everything = browser.get("/open-demands").text
    assert main_of(everything).count('class="jg-card"') >= 5
    assert main_of(browser.get("/open-demands?show=running").text).count('class="jg-card"') < main_of(everything).count('class="jg-card"')
    assert "没有符合的公开需求" in browser.get("/open-demands?until=2099-01-01").text
    assert browser.get("/open-demands?sector=%27&scenario=x&until=x&show=x&page=x").status_code == 200
    assert "待审核" in played.as_("centre").get("/open-demands").text
    assert "待审核" not in everything
    assert "本企业的公开需求" in played.as_("enterprise").get("/").text
    assert "公开需求" in browser.get("/calls").text
