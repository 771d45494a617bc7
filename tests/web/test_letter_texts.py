"""文书模板: what may be reworded, what must stay, whose it is, and that letters written afterwards say it."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.domain.letter_texts import LetterText, check, told, understood
from marketplace.jobs.letters import words_in_force
from marketplace.letters import fill
from marketplace.letters.letter import form_of, names, worded
from marketplace.records.history import HistoryEntry
from marketplace.web.letter_texts import _SAMPLES, USED
from tests.opened import app, database_of, own_site
from tests.web.test_registrations import logged_in

__all__ = ["app", "own_site"]
PLACE = "/letter-texts/warning"
SAMPLES = {**_SAMPLES, "city": "甲市", "bureau": "工信局", "manager": "管理方", "centre": "中心", "date": "2026年11月27日"}


def typed(**more: str) -> dict[str, object]:
    form = form_of("warning").text
    return (
        {"title": form.title, "sign_off": told(form.sign_off), "seen": "0", "act": "save"}
        | {f"part_{number}": told(text) for number, text in enumerate(form.parts, 1)}
        | more
    )


def test_words_are_changed_seen_in_the_next_letter_and_taken_back(app: Flask) -> None:
    bureau, manager, database = logged_in(app, "bureau"), logged_in(app, "manager"), database_of(app)
    for person in ("centre", "provider"):
        assert logged_in(app, person).get(PLACE).status_code == 403
    assert bureau.get("/letter-texts/nothing").status_code == 404
    new = "经核实，贵单位（{收文单位}）存在以下情形，现予警示："
    looked = bureau.post(PLACE, typed(part_1=new, act="preview"), form=PLACE)
    assert "贵单位（某某科技有限公司）" in looked.text
    assert bureau.post(PLACE, typed(part_1=new), form=PLACE).status_code == 303
    lost = manager.post(PLACE, typed(title="提醒函"), form=PLACE)
    assert lost.status_code == 409
    assert "提醒函" in lost.text
    with database.reading() as session:
        words = words_in_force(session, "warning")
        assert session.scalar(select(func.count()).where(HistoryEntry.noun == "letter_text")) == 1
    assert fill("warning", SAMPLES, words).parts[0].text == "经核实，贵单位（某某科技有限公司）存在以下情形，现予警示："  # type: ignore[union-attr]
    assert manager.post(f"{PLACE}/restore", {"seen": "1"}, form=PLACE).status_code == 303
    with database.reading() as session:
        assert words_in_force(session, "warning") is None
    assert "你单位在资源池内的服务" in bureau.get(PLACE).text
    assert "贵单位" in bureau.get(f"{PLACE}?version=1").text


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("part_1", "{某某}", "这里不能用 {某某}"),
        ("part_1", "{until.year}", "这里不能用 {until.year}"),
        ("part_1", "{ 没有关上", "花括号不成对"),
        ("part_2", "{一项理由}", "少了 {序号}"),
        ("title", "", "标题没有填"),
        ("part_3", "字" * 2_001, "最多 2,000 个"),
    ],
)
def test_what_cannot_be_filled_is_refused_in_one_sentence(app: Flask, field: str, text: str, sentence: str) -> None:
    answer = logged_in(app, "admin").post(PLACE, typed(**{field: text}), form=PLACE)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_every_form_can_be_edited_and_is_told_when_it_is_sent() -> None:
    assert set(USED) == set(names())
    for name in names():
        form = form_of(name)
        read = LetterText(
            *(understood(told(text)) for text in (form.text.title,)),
            tuple(understood(told(one)) for one in form.text.parts),
            form.text.sign_off,
        )
        assert read == form.text, name
        assert not list(check(read, form.text, form.rules)), name
        assert worded(name, SAMPLES, read) == worded(name, SAMPLES), name
        # A paragraph without places may be left out.
        plain = LetterText(read.title, tuple(text if "{" in text else "" for text in read.parts), read.sign_off)
        assert all(part for part in (getattr(one, "text", "x") for one in fill(name, SAMPLES, plain).parts)), name
