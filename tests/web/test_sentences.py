"""What is kept in Chinese and told in English: values of sentences, and what rules wrote into the record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from flask import Flask

from marketplace.domain import rule_sentences
from marketplace.domain.adjustment_proposals import Evidence as Proof
from marketplace.domain.adjustment_proposals import Expiry, Score, Standing, proposals
from marketplace.domain.evaluations import Period
from marketplace.domain.providers import ProviderState
from marketplace.pilot import Pilot
from marketplace.sentences import filled, retold, told_value
from tests.web.english import CHINESE

TODAY = date(2026, 11, 25)


@pytest.fixture
def english(demo_app: Flask) -> Iterator[None]:
    with demo_app.test_request_context("/?lang=en"):
        yield


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Period(date(2026, 1, 1), date(2026, 6, 30)).name, "January–June 2026"),
        (Period(date(2026, 7, 1), date(2026, 12, 31)).name, "July–December 2026"),
        (Period(date(2026, 3, 1), date(2026, 5, 31)).name, "1 Mar 2026 to 31 May 2026"),
        ("2026-11-30", "30 Nov 2026"),
        ("PDF、Word（.docx）", "PDF, Word (.docx)"),
        ("化工、汽车", "Chemical raw materials and products, Automobile manufacturing"),
        ("国庆节、中秋节", "National Day, Mid-Autumn Festival"),
        ("天津津澜工控软件有限公司（示例）", "天津津澜工控软件有限公司（示例）"),
        ("数据采集、汽车", "数据采集、汽车"),
        (3, 3),
        ("", ""),
    ],
)
def test_values_of_a_sentence(value: object, told: object) -> None:
    assert told_value(value) == told


@pytest.mark.usefixtures("english")
def test_one_of_a_thing_is_no_plural() -> None:
    assert filled("{n} working days left", {"n": 1}) == "1 working day left"
    assert filled("{n} working days left", {"n": 11}) == "11 working days left"
    assert filled("{n} items", {"n": "2.1"}) == "2.1 items"


def test_chinese_stays_as_it_is(demo_app: Flask) -> None:
    with demo_app.test_request_context("/?lang=zh"):
        assert filled("{period}的评价", {"period": "2026 年上半年"}) == "2026 年上半年的评价"
        assert retold("2026-05-01 起警示") == "2026-05-01 起警示"


@pytest.mark.usefixtures("english")
def test_what_rules_wrote_is_read_back(pilot: Pilot) -> None:
    score = Score(41.0, 36.2, 45.8, 6, date(2026, 11, 20), "score:1")
    expiry = Expiry("ISO 9001", date(2026, 11, 1), Proof("certificate:1", "ISO 9001"))
    warned = Standing(1, ProviderState.WARNED, since=date(2026, 1, 5), score=score, expiries=(expiry,), last_service=date(2024, 1, 5))
    suspended = Standing(1, ProviderState.SUSPENDED, since=date(2020, 1, 1))
    found = [*proposals(warned, pilot.adjustment, TODAY), *proposals(suspended, pilot.adjustment, TODAY)]
    assert len(found) >= 4
    for one in found:
        for text in (one.why, *(row.text for row in one.evidence)):
            assert not CHINESE.search(retold(text)), text
    by_rule = {one.rule: retold(one.why) for one in found}
    assert by_rule["certificate_expired"] == "ISO 9001 expired on 1 Nov 2026 and was not renewed."
    assert by_rule["suspended_long"].startswith("Suspended since 1 Jan 2020, for ")


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize("form", rule_sentences.SENTENCES)
def test_every_form_is_taken_for_itself(form: str) -> None:
    names = {name: name for name in ("act", "before", "last", "round", "line", "since", "months", "value", "low", "high", "projects", "on")}
    names |= {"told": "told", "until": "until", "name": "name", "day": "day", "number": "TZ-1", "reason": "reason"}
    assert not CHINESE.search(retold(form.format(**names)))


@pytest.mark.usefixtures("english")
def test_what_people_wrote_stays() -> None:
    assert retold("两次延期，没有说明") == "两次延期，没有说明"
