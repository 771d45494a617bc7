"""What a file really is: every kind taken as it comes from people's programs, and nothing else under its name."""

from __future__ import annotations

import re
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from marketplace.domain.lifecycle import Refused
from marketplace.files.kinds import KINDS, check
from tests.files import samples
from tests.files.samples import GOOD, TYPES, changed, docx, flood, packed, picture, unpacked, xlsx

ALL = tuple(KINDS)
EXE = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + b"\0" * 200
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 200
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
EICAR_LIKE = b"#!/bin/sh\nrm -rf /\n"
MACRO = "application/vnd.ms-word.document.macroEnabled.main+xml"
DOCUMENT = "word/document.xml"


def judged(tmp_path: Path, name: str, data: bytes, allowed: tuple[str, ...] = ALL) -> str | Refused:
    path = tmp_path / "file"
    path.write_bytes(data)
    return check(path, name, allowed)


@pytest.mark.parametrize("ending", ALL)
def test_what_people_send_is_taken(tmp_path: Path, ending: str) -> None:
    assert judged(tmp_path, f"报告.{ending}", GOOD[ending]) == KINDS[ending].media
    assert judged(tmp_path, f"报告.{ending.upper()}", GOOD[ending]) == KINDS[ending].media


def test_more_of_what_people_send_is_taken(tmp_path: Path) -> None:
    assert judged(tmp_path, "a.jpeg", GOOD["jpg"]) == "image/jpeg"
    assert judged(tmp_path, "a.jpg", picture("JPEG", (3000, 2000))) == "image/jpeg"
    assert judged(tmp_path, "a.jpg", GOOD["jpg"] + b"\0\0\0") == "image/jpeg"
    assert judged(tmp_path, "a.jpg", GOOD["jpg"] + b"\x00\x00\x01\x0eImage_UTC_Data1732600000000SEFHk\0SEFT") == "image/jpeg"
    assert judged(tmp_path, "a.pdf", GOOD["pdf"] + b"\r\n\0") == "application/pdf"
    assert judged(tmp_path, "a.csv", "a;b\n1;2".encode("utf-16")) == "text/csv"
    assert judged(tmp_path, "a.txt", "MZ 开头的说明".encode()) == "text/plain"
    assert judged(tmp_path, "a.zip", packed({"报告.docx": docx()})) == "application/zip"
    assert judged(tmp_path, "a.zip", packed({})) == "application/zip"


def _tail_zip(data: bytes) -> bytes:
    """A second file hidden behind the first: programs that read zips from their end open that one."""
    return data + packed({"run.txt": b"x"})


def _utf16(text: str) -> bytes:
    return text.encode("utf-16")


DECLARED = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
FIRST = b'<?xml version="1.0" encoding="UTF-8"?>'


def _with(part: str, data: bytes) -> bytes:
    return changed(docx(), {part: data})


def _edited(part: str, old: bytes, new: bytes, data: bytes | None = None) -> bytes:
    files = unpacked(data or docx())
    assert old in files[part]
    return packed(files | {part: files[part].replace(old, new, 1)})


def _flagged(data: bytes) -> bytes:
    """The same archive, its entries marked as encrypted."""
    out = bytearray(data)
    for found in re.finditer(b"PK\x01\x02", data):
        out[found.start() + 8] |= 1
    return bytes(out)


def _lying(data: bytes, size: int) -> bytes:
    """The same archive with an entry that says it is smaller than it is."""
    return data.replace(struct.pack("<L", size), struct.pack("<L", 1000))


BIG = b"\0" * (3 * 2**20)

# Sixty and more ways to bring one thing under the name of another.
CORPUS: dict[str, tuple[str, bytes]] = {
    **{f"exe as {ending}": (f"a.{ending}", EXE) for ending in ALL},
    **{f"elf as {ending}": (f"a.{ending}", ELF) for ending in ALL},
    **{f"html as {ending}": (f"a.{ending}", HTML) for ending in ALL},
    **{f"svg as {ending}": (f"a.{ending}", SVG) for ending in ("png", "jpg", "txt", "csv", "pdf")},
    **{f"old office as {ending}": (f"a.{ending}", OLE) for ending in ("docx", "xlsx", "pptx", "pdf")},
    **{f"{other} as pdf": ("a.pdf", GOOD[other]) for other in ALL if other != "pdf"},
    **{f"{other} as docx": ("a.docx", GOOD[other]) for other in ALL if other != "docx"},
    **{f"{other} as txt": ("a.txt", GOOD[other]) for other in ("pdf", "docx", "png", "jpg", "zip")},
    "exe": ("a.exe", EXE),
    "two endings": ("a.pdf.exe", GOOD["pdf"]),
    "svg": ("a.svg", SVG),
    "html": ("a.html", HTML),
    "script as txt": ("a.txt", EICAR_LIKE),
    "png as jpg": ("a.jpg", GOOD["png"]),
    "jpg as png": ("a.png", GOOD["jpg"]),
    "pdf and zip": ("a.pdf", _tail_zip(GOOD["pdf"])),
    "pdf that ends as a zip inside its last object": ("a.pdf", GOOD["pdf"][:-6] + b"PK\x05\x06" + b"\0" * 16 + b"\x06\0%%EOF\n"),
    "png and zip": ("a.png", _tail_zip(GOOD["png"])),
    "png and html": ("a.png", GOOD["png"] + HTML),
    "jpg and zip": ("a.jpg", _tail_zip(GOOD["jpg"])),
    "jpg and php": ("a.jpg", GOOD["jpg"] + b"<?php system($_GET[0]); ?>"),
    "jpg and a trailer with a zip": ("a.jpg", _tail_zip(GOOD["jpg"]) + b"SEFT"),
    "exe and zip": ("a.zip", EXE + GOOD["zip"]),
    "docx and more": ("a.docx", GOOD["docx"] + b"trailing"),
    "docx and docx": ("a.docx", GOOD["docx"] + GOOD["docx"]),
    "pdf cut off": ("a.pdf", GOOD["pdf"][:-200]),
    "pdf of a header only": ("a.pdf", b"%PDF-1.7\n" + b"x" * 500),
    "pdf whose table is not where it says": ("a.pdf", re.sub(rb"startxref\n\d+", b"startxref\n20", GOOD["pdf"])),
    "pdf after something else": ("a.pdf", b"\n\n" + GOOD["pdf"]),
    "png cut off": ("a.png", GOOD["png"][:-20]),
    "png of a header only": ("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 50),
    "png with a wrong checksum": ("a.png", GOOD["png"][:17] + b"\xff" + GOOD["png"][18:]),
    "png without points": ("a.png", flood(0, 10)),
    "jpg cut off": ("a.jpg", GOOD["jpg"][:-40]),
    "jpg of a header only": ("a.jpg", b"\xff\xd8\xff" + b"x" * 50),
    "jpg without a frame": ("a.jpg", b"\xff\xd8\xff\xfe\x00\x04ab\xff\xda\x00\x02\xff\xd9"),
    "xml with a document type": ("a.xml", FIRST + DECLARED + b"<a>&e;</a>"),
    "xml with a style sheet": ("a.xml", FIRST + b'<?xml-stylesheet href="a.xsl"?><a/>'),
    "xml that is a page": ("a.xml", b'<x:html xmlns:x="http://www.w3.org/1999/xhtml"/>'),
    "xml cut off": ("a.xml", GOOD["xml"][:-4]),
    "ofd with a document type": ("a.ofd", changed(GOOD["ofd"], {"Doc_0/Document.xml": FIRST + DECLARED + b"<a>&e;</a>"})),
    "ofd without its main part": ("a.ofd", packed({"Doc_0/Document.xml": b"<a/>"})),
    "ofd with a program": ("a.ofd", changed(GOOD["ofd"], {"Doc_0/run.exe": EXE})),
    "docx cut off": ("a.docx", GOOD["docx"][:-30]),
    "docx without its main part": ("a.docx", packed({TYPES: b"<Types/>", "word/other.xml": b"<a/>"})),
    "docx without its list": ("a.docx", packed({DOCUMENT: b"<a/>"})),
    "docx whose list says nothing": ("a.docx", packed({TYPES: b"<Types/>", DOCUMENT: b"<a/>"})),
    "docx with macros": ("a.docx", _with("word/vbaProject.bin", b"x")),
    "docx that says it has macros": ("a.docx", _edited(TYPES, b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml", MACRO.encode())),
    "docx with a program": ("a.docx", _with("word/embeddings/a.exe", EXE)),
    "docx with a name twice": ("a.docx", _with("WORD/document.xml", b"<a/>")),
    "docx that leads out": ("a.docx", _with("../../evil.xml", b"<a/>")),
    "docx with a document type": ("a.docx", _with(DOCUMENT, FIRST + DECLARED + b"<a>&e;</a>")),
    "docx with a document type far behind": ("a.docx", _with(DOCUMENT, FIRST + b" " * 300_000 + DECLARED + b"<a/>")),
    "docx with an entity in UTF-16": ("a.docx", _with(DOCUMENT, _utf16('<?xml version="1.0"?>' + DECLARED.decode() + "<a/>"))),
    "docx with an odd encoding": ("a.docx", _with(DOCUMENT, b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE')),
    "docx with UTF-16 without its mark": ("a.docx", _with(DOCUMENT, '<?xml version="1.0"?><a/>'.encode("utf-16-le"))),
    "xlsx with a document type": ("a.xlsx", changed(xlsx(), {"xl/sharedStrings.xml": FIRST + DECLARED + b"<sst/>"})),
    "pptx with a document type": ("a.pptx", changed(samples.pptx(), {"ppt/slides/slide1.xml": DECLARED + b"<a/>"})),
    "docx with a document type in its relations": ("a.docx", _with("word/_rels/document.xml.rels", FIRST + DECLARED + b"<a/>")),
    "docx with svg that has one": ("a.docx", _with("word/media/a.svg", DECLARED + b"<svg/>")),
    "zip with a zip": ("a.zip", packed({"b.zip": GOOD["zip"]})),
    "zip with a rar": ("a.zip", packed({"b.RAR": b"Rar!"})),
    "zip with a program": ("a.zip", packed({"打开.exe": EXE})),
    "zip that leads out": ("a.zip", packed({"../../etc/cron.d/x": b"x"})),
    "zip that leads to the root": ("a.zip", packed({"/etc/passwd": b"x"})),
    "zip with a drive": ("a.zip", packed({"C:/windows/x.txt": b"x"})),
    "zip with a password": ("a.zip", _flagged(GOOD["zip"])),
    "zip that lies": ("a.zip", _lying(packed({"a.txt": BIG}), len(BIG))),
    "docx that lies": ("a.docx", _lying(_with("word/media/a.bin", BIG), len(BIG))),
    "zip with a wrong checksum": ("a.zip", packed({"a.txt": b"hello hello"}, method=zipfile.ZIP_STORED).replace(b"hello hello", b"hello world")),
    "text with a NUL": ("a.txt", b"abc\0def"),
    "text with control characters": ("a.csv", b"a,b\n\x1b[31m,2"),
    "text in no encoding": ("a.txt", b"\xff\xff\xff\xff abc \x80"),
    "csv with markup": ("a.csv", b"\xef\xbb\xbf  <script>alert(1)</script>"),
}  # fmt: skip


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("name", CORPUS)
def test_nothing_comes_under_a_false_name(tmp_path: Path, name: str) -> None:
    filename, data = CORPUS[name]
    answer = judged(tmp_path, filename, data)
    assert isinstance(answer, Refused), answer
    sentence = answer.sentence()
    assert sentence.endswith("。")
    assert "没有上传" in sentence


def test_the_sentence_says_what_it_is_and_what_to_do(tmp_path: Path) -> None:
    def sentence(name: str, data: bytes, allowed: tuple[str, ...] = ALL) -> str:
        answer = judged(tmp_path, name, data, allowed)
        assert isinstance(answer, Refused)
        return answer.sentence()

    assert sentence("a.pdf", EXE) == "这个文件的内容不是 PDF（实际是 exe 程序），没有上传。请另存为 PDF 再传。"
    assert sentence("a.docx", GOOD["xlsx"]) == "这个文件的内容不是 Word（实际是 Excel），没有上传。请另存为 Word 再传。"
    assert sentence("a.png", GOOD["jpg"]) == "这个文件的内容不是 PNG（实际是 jpg），没有上传。请另存为 PNG 再传。"
    assert sentence("a.docx", OLE) == "这个文件带密码，或是旧格式（.doc、.xls、.ppt），没有上传。请去掉密码，另存为 Word 再传。"
    assert sentence("a.docx", GOOD["docx"], ("pdf", "jpg")) == "这里只收 PDF、JPG，这个文件是“a.docx”，没有上传。"


@pytest.mark.parametrize("ending", ["docx", "xlsx", "pptx", "zip", "ofd"])
@pytest.mark.parametrize("kind", ["one large part", "many parts"])
def test_bombs_that_say_their_size_are_refused_at_once(tmp_path: Path, ending: str, kind: str) -> None:
    more = {"x/a.bin": b"\0" * (100 * 2**20)} if kind == "one large part" else {f"x/{number}": b"" for number in range(20_000)}
    path = tmp_path / "bomb"
    path.write_bytes(changed(GOOD[ending], more))
    took = []
    for _attempt in range(3):
        started = time.process_time()
        answer = check(path, f"a.{ending}", ALL)
        took.append(time.process_time() - started)
        assert isinstance(answer, Refused)
        assert answer.code == "too_large_unpacked"
    assert min(took) < 0.05


def test_a_flood_of_points_is_refused_by_its_header(tmp_path: Path) -> None:
    answer = judged(tmp_path, "a.png", flood(50_000, 50_000))
    assert isinstance(answer, Refused)
    assert answer.sentence() == "这张图片有 50000 × 50000 点，超过 10000 万点，没有上传。请缩小后再传。"
    wide = bytearray(GOOD["jpg"])
    at = wide.find(b"\xff\xc0")
    wide[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    answer = judged(tmp_path, "a.jpg", bytes(wide))
    assert isinstance(answer, Refused)
    assert answer.code == "too_many_points"


def test_a_bomb_that_lies_is_not_unpacked_further_than_it_said(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    # A thousand bytes are promised, 64 megabytes would come.
    path.write_bytes(_lying(packed({"a.txt": b"\0" * (64 * 2**20)}), 64 * 2**20))
    tracemalloc.start()
    answer = check(path, "a.zip", ALL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(answer, Refused)
    assert peak < 16 * 2**20
