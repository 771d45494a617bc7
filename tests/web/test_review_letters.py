"""Letters of the review, written by the form from what the decision says."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions.reviews import send_back
from marketplace.letters import fill
from marketplace.letters.letter import Paragraph
from marketplace.records.database import Database
from marketplace.records.jobs import Job
from tests.actions.review_world import AT, World, decided, open_world, reviewed

USUAL = {"city": "某区", "manager": "综合管理服务商", "bureau": "区工信局", "number": "FW-2026-0001", "date": "2026年11月25日"}


def letters(database: Database) -> dict[str, tuple[str, str]]:
    """Letter → title and text, from the jobs that the actions asked for."""
    found = {}
    with database.reading() as session:
        for job in session.scalars(select(Job).where(Job.kind == "letter")):
            values: dict[str, Any] = {**USUAL, "organisation": "申报公司", "thing": "SQ-2026-0001", **job.payload["values"]}
            letter = fill(job.payload["letter"], values)
            text = "\n".join(part.text for part in letter.parts if isinstance(part, Paragraph))
            found[job.payload["letter"]] = (letter.title, text)
    return found


def done(database: Database, publicity_days: int = 0, score: int = 75) -> World:
    world = open_world(database, publicity_days=publicity_days)
    reviewed(database, world, score)
    return world


def test_acceptance_and_admission(sqlite_database: Database) -> None:
    world = done(sqlite_database)
    decided(sqlite_database, world, "admit", why="材料齐全，符合条件")
    found = letters(sqlite_database)
    assert found["acceptance"][0] == "入库申报受理通知书"
    title, text = found["admission"]
    assert title == "入库通知书"
    assert "材料齐全，符合条件" in text
    # There was no public notice, so the letter does not speak of one.
    assert "公示" not in text


def test_an_admission_after_a_public_notice_says_so(sqlite_database: Database) -> None:
    world = done(sqlite_database, publicity_days=5)
    decided(sqlite_database, world, "publish")
    decided(sqlite_database, world, "admit", at=AT.replace(month=12, day=10))
    assert "并于 2026-11-25 至 2026-12-02 公示" in letters(sqlite_database)["admission"][1]


def test_a_refusal_says_why_and_nothing_of_scores(sqlite_database: Database) -> None:
    world = done(sqlite_database, score=50)
    decided(sqlite_database, world, "refuse", why="行业案例不足")
    title, text = letters(sqlite_database)["refusal"]
    assert title == "不予入库决定书"
    assert "行业案例不足" in text
    assert "50" not in text


def test_a_correction_names_section_and_last_day(sqlite_database: Database) -> None:
    world = open_world(sqlite_database)
    send_back(sqlite_database, world.application, reasons={"cases": "补合同"}, days=5, viewer=world.people["manager"], at=AT)
    title, text = letters(sqlite_database)["correction"]
    assert title == "入库申报补正通知书"
    assert "1. 实施案例：补合同" in text
    assert "2026-12-02 24:00" in text


@pytest.mark.parametrize("name", ["acceptance", "correction", "admission", "refusal"])
def test_no_letter_names_a_reviewer_or_a_score(name: str) -> None:
    everything = {**USUAL, "organisation": "申报公司", "thing": "SQ", "reasons": ["一"], "until": "x", "publicity": "x", "reason": "x"}
    letter = fill(name, {**everything, "no_publicity": ""})
    text = " ".join(part.text for part in letter.parts if isinstance(part, Paragraph))
    assert "评分" not in text
    assert "得分" not in text
