"""A shared need of several enterprises: planned together, drafted together, sent together, and answered by each for itself."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace.domain.brokerings import BrokeringState
from marketplace.domain.providers import ProviderState
from marketplace.records.brokerings import Brokering, find_criteria
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import find_introductions
from marketplace.records.providers import Provider
from marketplace.site import Site
from tests.opened import Browser
from tests.web.people import browser_of


@pytest.fixture
def group(own_demo: Site, own_app: Flask) -> str:
    """The address of a chain of all chemical firms of the demonstration set."""
    centre = browser_of(own_app, "centre")
    with own_demo.database.reading() as session:
        chem = session.scalars(select(Enterprise).where(Enterprise.sector == "chem").order_by(Enterprise.id)).all()
        keys, code = [row.public_id for row in chem], chem[0].organisation.credit_code
    place = centre.post("/groups/new", {"kind": "chain", "name": "树脂链", "leader": code}, form="/groups/new").headers["Location"]
    for key in keys:
        centre.post(f"{place}/members", {"enterprise": key}, form=place)
    return str(place)


def first_need(centre: Browser, group: str) -> tuple[list[str], list[str]]:
    """The problems and the solutions that can be ticked for the need that most enterprises have."""
    text = centre.get(f"{group}/plan").text
    forms = [part.partition("</form>")[0] for part in text.split("<form")[1:] if "/brokerings" in part.partition(">")[0]]
    found = [(re.findall(r'name="problem" value="([^"]+)"', form), re.findall(r'name="s" value="([^"]+)"', form)) for form in forms]
    return max((one for one in found if one[1]), key=lambda one: len(one[0]))


def test_one_need_of_several_enterprises(own_demo: Site, own_app: Flask, group: str) -> None:
    centre, page = browser_of(own_app, "centre"), f"{group}/plan"
    assert page in centre.get(group).text
    problems, solutions = first_need(centre, group)
    refused = centre.post(f"{group}/brokerings", {"problem": problems, "s": []}, form=page)
    assert refused.status_code in (409, 422)
    assert "还没有选服务商和方案" in refused.text
    alone = centre.post(f"{group}/brokerings", {"problem": problems[:1], "s": solutions[:1]}, form=page)
    assert "至少要两家企业" in alone.text
    assert f'value="{solutions[0]}" checked' in alone.text
    with own_demo.database.reading() as session:
        assert not session.scalars(select(Brokering).where(Brokering.joint != "")).all()

    answer = centre.post(f"{group}/brokerings", {"problem": problems, "s": solutions[:2]}, form=page)
    assert answer.status_code == 303
    with own_demo.database.reading() as session:
        made = session.scalars(select(Brokering).where(Brokering.joint != "").order_by(Brokering.id)).all()
        assert len({row.joint for row in made}) == 1
        assert len({row.enterprise_id for row in made}) == len(made) >= 2
        assert {row.state for row in made} == {BrokeringState.DRAFT}
        assert all(len(find_introductions(session, row.id)) == 2 for row in made)
        here, numbers, names = f"/brokerings/{made[0].public_id}", [row.id for row in made], [row.enterprise.name for row in made]
        # The features and the place are those of this enterprise's own problem.
        lines = [line for row in made for line in find_introductions(session, row.id)]
        assert {line.place for line in lines} == {"group"}
        assert any(line.features for line in lines)
    text = centre.get(answer.location).text
    assert all(name in text for name in names)

    criteria = {"text": ["现场试用一个月", "价格"], "kind": ["essential", "nice"], "weight": ["60", "40"], "joint": "yes"}
    assert centre.post(f"{here}/criteria", criteria, form=here).status_code == 303
    with own_demo.database.reading() as session:
        assert all(len(find_criteria(session, number)) == 2 for number in numbers)
    assert centre.post(f"{here}/send", {"joint": "yes"}, form=here).status_code == 303
    with own_demo.database.reading() as session:
        assert {session.get_one(Brokering, number).state for number in numbers} == {BrokeringState.OPEN}
    assert browser_of(own_app, "provider2").get(page).status_code in (303, 403, 404)
    assert browser_of(own_app, "enterprise").get(page).status_code in (303, 403, 404)


def test_sent_together_or_not_at_all(own_demo: Site, own_app: Flask, group: str) -> None:
    centre, page = browser_of(own_app, "centre"), f"{group}/plan"
    problems, solutions = first_need(centre, group)
    place = centre.post(f"{group}/brokerings", {"problem": problems, "s": solutions[:1]}, form=page).location
    with own_demo.database.writing() as session:
        made = session.scalars(select(Brokering).where(Brokering.joint != "").order_by(Brokering.id)).all()
        # The last one has a provider that nobody may be led to any more.
        line = find_introductions(session, made[-1].id)[0]
        other = session.scalars(select(Provider).where(Provider.id != line.provider_id, Provider.state == ProviderState.RETIRED)).first()
        assert other is not None
        line.provider_id = other.id
        session.execute(update(Brokering).where(Brokering.id == made[-1].id).values(title="不能发"))
        numbers = [row.id for row in made]
    refused = centre.post(f"{place}/send", {"joint": "yes"}, form=place)
    assert refused.status_code == 409
    assert "一张都没有发" in refused.text
    with own_demo.database.reading() as session:
        assert {session.get_one(Brokering, number).state for number in numbers} == {BrokeringState.DRAFT}
