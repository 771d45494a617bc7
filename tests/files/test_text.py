"""The words of documents, read where a hostile one can do no harm."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest

from marketplace.files import text
from marketplace.files.kinds import KINDS
from marketplace.files.text import has_text, text_of
from tests.files import samples
from tests.files.samples import GOOD, changed, packed, unpacked


def words(tmp_path: Path, ending: str, data: bytes) -> str:
    path = tmp_path / "file"
    path.write_bytes(data)
    return text_of(path, KINDS[ending].media)


@pytest.mark.parametrize("ending", ["pdf", "docx", "xlsx", "pptx"])
def test_words_of_documents(tmp_path: Path, ending: str) -> None:
    make = {"pdf": samples.pdf, "docx": samples.docx, "xlsx": samples.xlsx, "pptx": samples.pptx}[ending]
    assert "压机停机次数" in words(tmp_path, ending, make("压机停机次数 26 → 8")).replace(" ", "")


def test_words_of_texts(tmp_path: Path) -> None:
    assert words(tmp_path, "txt", "压机\r\n\r\n停机　次数".encode("gb18030")) == "压机\n停机 次数"
    assert words(tmp_path, "csv", "名称,金额".encode("utf-16")) == "名称,金额"
    assert words(tmp_path, "txt", ("机" * 300_000).encode()) == "机" * text.MOST_LETTERS


def test_pictures_and_scans_have_none(tmp_path: Path) -> None:
    assert not has_text("image/png")
    assert words(tmp_path, "png", GOOD["png"]) == ""
    from fpdf import FPDF

    page = FPDF()
    page.add_page()
    (tmp_path / "a.png").write_bytes(GOOD["png"])
    page.image(str(tmp_path / "a.png"), w=100)
    assert words(tmp_path, "pdf", bytes(page.output())) == ""


@pytest.mark.parametrize("ending", ["pdf", "docx", "xlsx", "pptx"])
def test_a_broken_document_has_none(tmp_path: Path, ending: str) -> None:
    assert words(tmp_path, ending, GOOD[ending][:300]) == ""
    assert words(tmp_path, ending, b"\0" * 1000) == ""


@pytest.mark.parametrize("external", [True, False])
def test_entities_are_neither_followed_nor_unfolded(tmp_path: Path, external: bool) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    if external:
        declared = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>'
    else:
        folds = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
        declared = f'<!DOCTYPE x [<!ENTITY e0 "canary">{folds}<!ENTITY e "&e8;">]>'
    body = f'<?xml version="1.0"?>{declared}<w:document xmlns:w="w"><w:p><w:t>&e;</w:t></w:p></w:document>'
    started = time.monotonic()
    assert "canary" not in words(tmp_path, "docx", changed(samples.docx(), {"word/document.xml": body.encode()}))
    assert time.monotonic() - started < 10


def test_a_bomb_dies_in_its_own_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "SECONDS", 3)
    # One line that says it is short: read by the child, not by us; too much is cut or killed, never waited for.
    data = "<w:document xmlns:w='w'>" + "<w:p><w:t>压机</w:t></w:p>" * 2_000_000 + "</w:document>"
    files = unpacked(samples.docx()) | {"word/document.xml": data.encode()}
    bomb = packed(files)
    bomb = bomb.replace(struct.pack("<L", len(data.encode())), struct.pack("<L", 4000))
    started = time.monotonic()
    assert len(words(tmp_path, "docx", bomb)) <= text.MOST_LETTERS
    assert time.monotonic() - started < 8
