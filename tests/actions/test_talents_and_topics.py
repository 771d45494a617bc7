"""Talent and topics: who writes for whom, contact through the centre once, what is concluded with what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from marketplace.actions import talents, topics
from marketplace.domain.talents import TalentDraft
from marketplace.domain.topics import TopicDraft
from marketplace.files.store import BlobStore
from marketplace.records.database import Database
from marketplace.records.files import find_attachments
from marketplace.records.talents import find_talent
from marketplace.records.topics import find_topic
from tests.actions.brokering import refused
from tests.actions.centre import Centre, open_centre
from tests.files.samples import pdf


@pytest.fixture
def centre(database: Database) -> Centre:
    return open_centre(database)


def draft(centre: Centre, **values: object) -> TalentDraft:
    return replace(TalentDraft("demand", "招两名工程师", "驻厂", 2, centre.today + timedelta(30), "人事科"), **values)  # type: ignore[arg-type]


def test_an_organisation_writes_its_own_and_the_centre_brings_together(centre: Centre) -> None:
    database, units = centre.database, centre.units
    for person, unit in (("bureau", "staff"), ("area", "area"), ("enterprise", "provider")):
        assert refused(talents.create, database, units[unit], draft(centre), centre.step(person)) == "not_allowed"
    assert refused(talents.create, database, units["enterprise"], draft(centre, people=0), centre.step("enterprise")) == "bad_people"
    talent = talents.create(database, units["enterprise"], draft(centre), centre.step("enterprise"))
    assert refused(talents.ask, database, talent.id, units["provider"], "想聊", centre.step("provider")) == "not_current"
    assert refused(talents.advance, database, talent.id, "publish", centre.step("provider")) == "not_allowed"
    seen = centre.entries()
    talents.advance(database, talent.id, "publish", centre.step("enterprise", seen=seen))
    assert refused(talents.change, database, talent.id, draft(centre, people=3), centre.step("centre", seen=seen)) == "changed_meanwhile"
    assert refused(talents.ask, database, talent.id, units["enterprise"], "自己", centre.step("enterprise")) == "own_talent"
    assert refused(talents.ask, database, talent.id, units["provider"], " ", centre.step("provider")) == "required"
    talents.ask(database, talent.id, units["provider"], "想聊", centre.step("provider"))
    assert refused(talents.ask, database, talent.id, units["provider"], "再来", centre.step("provider")) == "asked_already"
    assert centre.told("centre") == ["有单位想联系“{title}”，请牵线。"]
    assert centre.told("enterprise") == []
    assert centre.history("talent", talent.id) == ["create", "publish", "ask"]
    with database.reading() as session:
        assert find_talent(session, talent.public_id, centre.people["provider"], centre.today) is not None
        # Out of date it is for its own organisation and the centre only.
        late = centre.today + timedelta(31)
        assert find_talent(session, talent.public_id, centre.people["provider"], late) is None
        assert find_talent(session, talent.public_id, centre.people["enterprise"], late) is not None
    talents.advance(database, talent.id, "withdraw", centre.step("centre"))
    centre.later(days=40)
    assert refused(talents.advance, database, talent.id, "publish", centre.step("enterprise")) == "out_of_date"


def test_a_topic_is_concluded_with_its_result(centre: Centre, tmp_path: Path) -> None:
    database = centre.database
    typed = TopicDraft("三种联网办法", "各花多少钱", "机械系", "", centre.today)
    assert refused(topics.create, database, typed, centre.step("bureau")) == "not_allowed"
    topic = topics.create(database, typed, centre.step("centre"))
    with database.reading() as session:
        assert find_topic(session, topic.public_id, centre.people["enterprise"]) is None
        assert find_topic(session, topic.public_id, centre.people["bureau"]) is not None
    topics.advance(database, topic.id, "begin", centre.step("centre"))
    assert refused(topics.advance, database, topic.id, "conclude", centre.step("centre")) == "no_result"
    assert refused(topics.advance, database, topic.id, "stop", centre.step("centre"), why="") == "no_reason"
    topics.change(database, topic.id, replace(typed, result="先盒后换"), centre.step("centre"))
    paper = BlobStore(tmp_path, None).keep(pdf(), "报告.pdf", "application/pdf")
    assert refused(topics.add_file, database, topic.id, paper, centre.step("provider")) == "not_allowed"
    topics.add_file(database, topic.id, paper, centre.step("centre"))
    topics.advance(database, topic.id, "conclude", centre.step("centre"))
    assert refused(topics.change, database, topic.id, typed, centre.step("centre")) == "topic_over"
    assert centre.history("topic", topic.id) == ["create", "begin", "change", "attach", "conclude"]
    with database.reading() as session:
        assert [one.filename for one in find_attachments(session, "topic", topic.id)] == ["报告.pdf"]
