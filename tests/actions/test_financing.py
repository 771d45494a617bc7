"""Financing: an offer, and applications of enterprises from the draft to the contract, on both stores."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import financing
from marketplace.domain.financing import FinancingDraft, OfferDraft
from marketplace.domain.lifecycle import RefusedError
from marketplace.records.database import Database
from marketplace.records.financing import FinancingApplication
from marketplace.records.history import find_broken_link
from marketplace.records.projects import Project
from marketplace.records.tasks import find_tasks
from tests.actions.selection_world import WAN, World, open_world

OFFER = OfferDraft("滨海农商银行（示例）", "技改贷", "loan", 100 * WAN, 2000 * WAN, "一年期 LPR 加 30 个基点", "有任务书。", "李经理")


@pytest.fixture
def world(database: Database) -> World:
    return open_world(database, experts=0, funds_wan=0)


def asked(database: Database, world: World, *, fen: int = 300 * WAN, **more: Any) -> int:
    """A draft of the applicant's, for a published offer."""
    offer = financing.keep_offer(database, None, OFFER, world.step("centre")).id
    financing.move_offer(database, offer, "publish", world.step("centre"))
    with database.reading() as session:
        enterprise = session.get_one(Project, world.project).enterprise_id
    assert enterprise is not None
    return written(database, world, fen, enterprise, offer, **more)


def written(database: Database, world: World, fen: int, enterprise: int, offer: int, person: str = "applicant", **more: Any) -> int:
    draft = FinancingDraft(fen, "购置设备，自筹部分", (), None, consent=False)
    row = financing.keep_application(
        database, draft, world.step(person), enterprise_id=enterprise, offer_id=offer, project_id=world.project, **more
    )
    return row.id


def row_of(database: Database, number: int) -> FinancingApplication:
    with database.reading() as session:
        row = session.scalars(select(FinancingApplication).where(FinancingApplication.id == number)).unique().one()
        session.expunge_all()
        return row


def test_from_the_draft_to_the_contract(database: Database, world: World) -> None:
    number = asked(database, world)
    row = row_of(database, number)
    assert written(database, world, 200 * WAN, row.enterprise_id, row.offer_id, application_id=number) == number
    assert row_of(database, number).fen == 200 * WAN
    financing.move_application(database, number, "send", world.step("applicant"))
    with database.reading() as session:
        assert [task.noun_id for task in find_tasks(session, world.people["centre"], nouns=("financing_application",))] == [number]
    financing.move_application(database, number, "offer", world.step("centre"), answer="同意 150 万元", offered_fen=150 * WAN)
    financing.move_application(database, number, "take", world.step("centre"), answer="已签约")
    row = row_of(database, number)
    assert (row.state, row.offered_fen) == ("taken", 150 * WAN)
    with database.reading() as session:
        assert find_tasks(session, world.people["centre"], nouns=("financing_application",)) == []
        assert find_broken_link(session) is None


def test_what_was_sent_is_changed_no_more_and_another_one_touches_nothing(database: Database, world: World) -> None:
    number = asked(database, world)
    row = row_of(database, number)
    with pytest.raises(RefusedError):
        written(database, world, WAN, row.enterprise_id, row.offer_id, person="rival", application_id=number)
    financing.move_application(database, number, "send", world.step("applicant"))
    with pytest.raises(RefusedError, match="已经送出"):
        written(database, world, WAN, row.enterprise_id, row.offer_id, application_id=number)
    with pytest.raises(RefusedError, match="答复"):
        financing.move_application(database, number, "decline", world.step("centre"))
    with pytest.raises(RefusedError):
        financing.move_application(database, number, "offer", world.step("applicant"), answer="同意", offered_fen=WAN)
    financing.move_application(database, number, "withdraw", world.step("applicant"))
    assert (row_of(database, number).state, row_of(database, number).fen) == ("withdrawn", 300 * WAN)
