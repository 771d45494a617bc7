"""Letters: one form, two files, the same words; what people typed is text in them and nothing else."""

from __future__ import annotations

import io
import string
import tomllib
import zipfile
from typing import Any

import pypdfium2
import pytest
from docx import Document

from marketplace.letters import LetterError, fill, letter_docx, letter_pdf
from marketplace.letters.letter import Grid, Paragraph, clean, names
from marketplace.letters.pdf import broken_into_lines
from marketplace.packaged import templates_folder

EVIL = [
    "<b>x</b><script>alert(1)</script>", "{{ 7*7 }}{% raw %}", "{reasons}{0.__class__.__mro__}", "%s %(x)s", "=cmd|' /C calc'!A0", "</w:t></w:r><w:r>",
    "&lt;x&e;", "\x00\x08\u202e\ufeff甲", "𠮷野家 😀", "很长" * 2000, "A" * 500, "第一行\n第二行\r\n第三行",
]  # fmt: skip


def values(**more: Any) -> dict[str, Any]:
    """Everything that any form names."""
    usual = {
        "city": "天津市滨海新区", "bureau": "区工信局", "manager": "综合管理服务商", "centre": "能力中心", "number": "FW-2026-0001", "date": "2026年11月26日",
        "organisation": "天津某某（示例）科技有限公司", "thing": "SQ-2026-0001", "reasons": ["超期 40 天", "两次未答复"], "reason": "符合条件", "until": "2026-12-15",
        "reapply_from": "2027-12-01", "decision": "限期整改通知书", "outcome": "维持原决定。", "round": "2026 年下半年", "result": "良好", "score": "83", "comment": "",
        "rows": [{"name": "按期", "weight": "20", "score": "17", "basis": "6 个项目中 5 个按期"}],
    }  # fmt: skip
    return dict.fromkeys(places(), "某值") | usual | more


def places() -> set[str]:
    """Every plain place of every form."""
    forms = [tomllib.loads((templates_folder() / "letters" / f"{name}.toml").read_text(encoding="utf-8")) for name in names()]
    texts = [
        form["title"] + form["sign_off"] + part.get("text", "") + part.get("when", "").join("{}")
        for form in forms
        for part in form["parts"]
    ]
    found = {place for text in texts for _before, place, _form, _conversion in string.Formatter().parse(text) if place}
    return found - {"no", "item"}


def text_of_docx(data: bytes) -> str:
    document = Document(io.BytesIO(data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(line.text for line in document.paragraphs), *cells])


def text_of_pdf(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    return "".join(page.get_textpage().get_text_bounded() for page in document).replace("\r\n", "").replace("\ufffe", "")


@pytest.mark.parametrize("name", names())
def test_every_form_is_written_in_both_kinds_with_the_same_words(name: str) -> None:
    letter = fill(name, values())
    word, pdf = text_of_docx(letter_docx(name, values())), text_of_pdf(letter_pdf(name, values()))
    texts = [letter.title, letter.number, letter.addressee, letter.sign_off, letter.date]
    texts += [part.text for part in letter.parts if isinstance(part, Paragraph)]
    texts += [cell for part in letter.parts if isinstance(part, Grid) for row in (part.head, *part.rows) for cell in row]
    for text in texts:
        assert text
        assert text in word
        assert text.replace(" ", "") in pdf.replace(" ", "")


@pytest.mark.parametrize("text", EVIL, ids=range(len(EVIL)))
def test_what_people_typed_is_text(text: str) -> None:
    given = values(organisation=text, reasons=[text, "另一条"], thing=text)
    data = letter_docx("warning", given)
    assert clean(text).replace("\r", "") in text_of_docx(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert b"<script>" not in archive.read("word/document.xml")
    pdf = letter_pdf("warning", given)
    assert b"/JavaScript" not in pdf
    assert b"/URI" not in pdf
    shown = text_of_pdf(pdf).replace(" ", "")
    assert clean(text).replace("𠮷", "□").replace("😀", "□").replace(" ", "").replace("\n", "").replace("　", "") in shown.replace("　", "")


def test_a_part_is_left_out_repeated_and_numbered() -> None:
    with_comment = fill("evaluation", values(comment="继续保持"))
    assert len(fill("evaluation", values()).parts) == len(with_comment.parts) - 1
    texts = [part.text for part in fill("warning", values()).parts if isinstance(part, Paragraph)]
    assert texts[1:3] == ["1. 超期 40 天", "2. 两次未答复"]


@pytest.mark.parametrize("name", ["none", "../letters/warning", "warning.toml", ""])
def test_a_form_that_does_not_exist(name: str) -> None:
    with pytest.raises(LetterError):
        fill(name, values())


def test_a_value_that_is_missing_is_named() -> None:
    given = values()
    del given["reasons"]
    with pytest.raises(LetterError, match="reasons"):
        fill("warning", given)


def test_the_same_letter_is_the_same_file() -> None:
    assert letter_pdf("warning", values()) == letter_pdf("warning", values())


def test_the_font_travels_with_the_pdf() -> None:
    assert b"/FontFile3" in letter_pdf("warning", values())


def test_lines() -> None:
    def lines(text: str, width: int = 10) -> list[str]:
        return list(broken_into_lines(text, width, lambda piece: len(piece)))

    assert lines("") == [""]
    assert lines("一二三四五六七八九十甲") == ["一二三四五六七八九十", "甲"]
    # No line begins with what closes; a word and a number stay whole; what is too long for any line is cut.
    assert lines("一二三四五六七八九十。") == ["一二三四五六七八九", "十。"]
    assert lines("一二三四五FW-2026") == ["一二三四五", "FW-2026"]
    assert lines("A" * 25) == ["A" * 10, "A" * 10, "A" * 5]
    assert "".join(lines("（一二三四五六七八）九十，甲乙丙丁。戊己")) == "（一二三四五六七八）九十，甲乙丙丁。戊己"
