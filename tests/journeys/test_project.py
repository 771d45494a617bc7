"""Two projects of central money from the budget to their end, clicked through the pages by everybody who has a part in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine

from marketplace.domain.payments import PaymentPart
from tests.conftest import NOW
from tests.journeys import project_choice as choice
from tests.journeys import project_money as money
from tests.journeys import project_work as work
from tests.journeys.conftest import Person, Served, serving
from tests.journeys.pool import Words
from tests.journeys.project import BAD, GOOD, Projects
from tests.opened import site_of

# The month after the projects were put to work; it is to be reported by the 5th of the next one.
MONTH = "2026-12"


@pytest.fixture
def served(own_folder: Path) -> Iterator[Served]:
    """A site of the journey's own: its experts are drawn at random, and nobody else's."""
    with serving(site_of(own_folder)) as running:
        yield running


@pytest.fixture
def journey(served: Served, somebody: Callable[..., Person], tmp_path: Path) -> Iterator[Projects]:
    with time_machine.travel(NOW, tick=True) as travel:
        yield Projects(Words("zh"), served, somebody, travel, tmp_path)


def test_one_project_goes_well_and_one_badly(journey: Projects) -> None:
    for step in STEPS:
        step(journey)


def money_is_there(journey: Projects) -> None:
    journey.pot = money.pot(journey)
    choice.money_is_there(journey)


def are_applied_for(journey: Projects) -> None:
    for which in (GOOD, BAD):
        choice.is_submitted(journey, which)
        choice.is_recommended(journey, which)
    for which, marks in ((GOOD, 85), (BAD, 78)):
        choice.is_reviewed(journey, which, marks)


def notice_ends(journey: Projects) -> None:
    journey.later(9)


def are_begun(journey: Projects) -> None:
    for which in (GOOD, BAD):
        choice.is_approved(journey, which)
    journey.letters()
    for which in (GOOD, BAD):
        choice.is_agreed(journey, which)
    money.are_funded(journey)
    for which in (GOOD, BAD):
        money.is_paid(journey, which, PaymentPart.FIRST)
    work.reports(journey, GOOD, MONTH, "压床和燃烧器到货，基础完工。", ("60", "240"))
    work.shows_an_invoice(journey, GOOD, "26122000000098765431")


def month_passes(journey: Projects) -> None:
    """Now one of them should have reported, and has not."""
    journey.later(35)
    journey.night()


def one_goes_well(journey: Projects) -> None:
    work.asks_for_acceptance(journey, GOOD, journey.day(-16), ("7", "132"), "5")
    work.is_accepted(journey, GOOD, ("7.5", "131"), "pass", "pass")
    _score, said = journey.rating(GOOD)
    assert (said["acceptance"]["result"], said["on_time"]["on_time"]) == ("passed", True)


def one_goes_badly(journey: Projects) -> None:
    journey.rated.append(journey.rating(BAD)[0])
    work.reports(journey, BAD, MONTH, "正常。", ("30", "80"), late="late")
    work.report_is_sent_back(journey, BAD, MONTH)
    work.reports(journey, BAD, MONTH, "设备到货，采集系统还没有接上。", ("30", "80"), late="late")
    work.is_inspected(journey, BAD)
    work.is_warned(journey, BAD)
    work.puts_it_right(journey, BAD)
    work.asks_for_acceptance(journey, BAD, journey.day(0), ("9", "128"), "2")
    work.is_accepted(journey, BAD, ("20", "104"), "fail", "fail")
    failed, said = journey.rating(BAD)
    journey.rated.append(failed)
    assert set(said) == {"inspection", "acceptance", "on_time", "effect", "enterprise_rating"}
    assert (said["inspection"]["severity"], said["acceptance"]["result"], said["on_time"]["on_time"]) == ("general", "failed", False)


def it_is_put_right(journey: Projects) -> None:
    """Weeks later it is accepted the second time. The rating gains by it, and stays below what it was."""
    journey.later(21)
    work.asks_for_acceptance(journey, BAD, journey.day(0), ("8", "130"), "2", "换了采集网关，重新调试，连续运行二十天。")
    work.is_accepted(journey, BAD, ("8.5", "129"), "pass", "pass")
    before, failed = journey.rated
    after, said = journey.rating(BAD)
    assert said["acceptance"]["result"] == "rectified"
    assert failed < after < before, (before, failed, after)


def are_ended(journey: Projects) -> None:
    money.central_arrives(journey, "160")
    for which in (GOOD, BAD):
        money.is_paid(journey, which, PaymentPart.REST)
        work.is_finished(journey, which)
    money.balances(journey, journey.pot)


STEPS = (
    choice.staff_is_there,
    money_is_there,
    choice.guide_is_published,
    are_applied_for,
    choice.are_shown,
    notice_ends,
    are_begun,
    month_passes,
    one_goes_well,
    one_goes_badly,
    it_is_put_right,
    are_ended,
)
