"""Files as they come: encodings, forms, names, and what cannot be read at all."""
# ruff: noqa: E501  (a sentence stays on its line)

from __future__ import annotations

import io
import struct
import time
import zipfile
from datetime import date
from pathlib import Path

import pytest

from marketplace.domain.lifecycle import RefusedError
from marketplace.sheets import workbooks
from marketplace.sheets.archive import check_workbook
from marketplace.sheets.nouns import find_sheet
from marketplace.sheets.sources import read_path
from marketplace.sheets.workbooks import read_workbook
from tests.actions.files import code, csv_file, jsonl, solution, xlsx

HEADER = ["编号", "服务商信用代码", "标题"]
ROW = ["1", code(1), "方案"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    [table] = read_path(csv_file(tmp_path / "方案.csv", HEADER, ROW, encoding=encoding)).tables
    assert table.rows[0].cells == {"id": "1", "provider_code": code(1), "title": "方案"}


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "；"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "方案.csv"
    path.write_text("\n".join(delimiter.join(row) for row in (HEADER, ROW)), encoding="utf-8")
    [table] = read_path(path).tables
    assert table.rows[0].cells["title"] == "方案"


def test_a_cell_of_several_lines_keeps_the_line_numbers_right(tmp_path: Path) -> None:
    [table] = read_path(csv_file(tmp_path / "方案.csv", HEADER, ["1", code(1), "甲\n乙\n丙"], ROW)).tables
    assert [row.number for row in table.rows] == [2, 5]


def test_headers_in_english(tmp_path: Path) -> None:
    [table] = read_path(csv_file(tmp_path / "solutions.csv", ["id", "Provider_Code", " TITLE "], ROW)).tables
    assert set(table.rows[0].cells) == {"id", "provider_code", "title"}


def test_a_workbook_of_several_sheets(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "随便什么名字.xlsx",
        {
            "说明": [["怎么填"]],
            "服务商": [["统一社会信用代码", "服务商名称", "成立时间"], [code(1), "甲", date(2011, 5, 1)]],
            "方案清单2024": [["标题行"], HEADER, [12, code(1), "方案"]],
            "我的笔记": [["今天天气不错"]],
        },
    )
    reading = read_path(path)
    assert [(table.sheet.noun, table.tab, len(table.rows)) for table in reading.tables] == [
        ("providers", "服务商", 1),
        ("solutions", "方案清单2024", 1),
    ]
    assert reading.tables[0].rows[0].cells["founded"] == date(2011, 5, 1)
    assert reading.tables[1].rows[0].number == 3
    assert [(cell.sheet, cell.message.code) for cell in reading.bad] == [("我的笔记", "unknown_noun")]


def test_a_sheet_is_known_by_its_headers(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path / "数据.xlsx", {"Sheet1": [["企业信用代码", "问题描述", "预算（万元）", "优先级"], [code(1), "问题", "1-2", "高"]]}
    )
    [table] = read_path(path).tables
    assert table.sheet.noun == "problems"


@pytest.mark.parametrize(
    ("name", "noun"),
    [
        ("providers", "providers"),
        ("服务商清单", "providers"),
        ("问题清单2024年", "problems"),
        ("Solutions_2", "solutions"),
        ("history", "history"),
        ("x", ""),
    ],
)
def test_names(name: str, noun: str) -> None:
    found = find_sheet(name)
    assert (found.noun if found else "") == noun


def test_a_folder_takes_what_it_knows_and_says_what_not(tmp_path: Path) -> None:
    jsonl(tmp_path / "solutions.jsonl", solution())
    jsonl(tmp_path / "whatever.jsonl", {"a": 1})
    jsonl(tmp_path / "solutions-问题行.jsonl", solution())
    (tmp_path / "README.md").write_text("x", encoding="utf-8")
    reading = read_path(tmp_path)
    assert [table.file for table in reading.tables] == ["solutions.jsonl"]
    assert [note.file for note in reading.notes] == ["whatever.jsonl"]
    assert reading.bad == []


def test_the_title_of_a_problem_leads_its_text(tmp_path: Path) -> None:
    rows = [
        {"title": "压机停机", "text": "一天三次"},
        {"title": "压机停机", "text": "压机停机，一天三次"},
        {"title": "只有标题"},
        {"text": "只有正文"},
    ]
    [table] = read_path(jsonl(tmp_path / "problems.jsonl", *rows)).tables
    assert [row.cells["text"] for row in table.rows] == ["压机停机。一天三次", "压机停机，一天三次", "只有标题", "只有正文"]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("方案.pdf", b"%PDF", "只能导入 .xlsx、.csv、.jsonl 文件或文件夹。"),
        ("方案.xlsx", b"%PDF-1.7", "这个文件的内容不是 Excel 工作簿。请用表格软件另存为 .xlsx 再导入。"),
        ("方案.xlsx", b"", "这个文件的内容不是 Excel 工作簿。请用表格软件另存为 .xlsx 再导入。"),
        ("方案.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "这个文件带密码，或是旧格式（.xls）。请另存为不带密码的 .xlsx 再导入。"),
        ("方案.xlsx", zipped(word__document=b"x"), "这个文件的内容不是 Excel 工作簿。请用表格软件另存为 .xlsx 再导入。"),
        ("方案.xlsx", zipped(word__document=b"x" * 999)[:60], "这个文件不完整，可能没有传完。请重新保存或重新上传。"),
        ("方案.csv", b"\xff\xfe\x00", "文字编码不认识。请另存为 UTF-8 或 GB18030（GBK）编码再导入。"),
        ("方案.csv", b"a,b\n1,2\n", "没有找到表头。方案表至少要有这些列：服务商信用代码、标题。"),
        ("数据.csv", b"a,b\n1,2\n", "看不出这里是什么表。请把文件或工作表命名为：enterprises（企业）、providers（服务商）、scenarios（场景）、solutions（方案）、cases（案例）、problems（问题）、history（历史对接）、rating_events（评价事件）。"),
        ("方案.csv", b"", "没有找到表头。方案表至少要有这些列：服务商信用代码、标题。"),
    ],
    # A workbook holds the moment it was made: its bytes are no name for a test.
    ids=range(10),
)  # fmt: skip
def test_what_cannot_be_read(tmp_path: Path, name: str, data: bytes, sentence: str) -> None:
    reading = read_path(write(tmp_path / name, data))
    assert [cell.sentence() for cell in reading.bad] == [sentence]
    assert reading.tables == []


def test_no_such_file(tmp_path: Path) -> None:
    assert [cell.sentence() for cell in read_path(tmp_path / "没有.csv").bad] == ["没有这个文件或文件夹。"]


def workbook_bytes(tmp_path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(xlsx(tmp_path / "klein.xlsx", {"方案": [HEADER, ROW]})) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def refused_within(path: Path, seconds: float) -> str:
    """The refusal's code. The time is the processor's, best of three: others work on this machine too."""
    took = []
    for _attempt in range(3):
        started = time.process_time()
        refused = check_workbook(path)
        took.append(time.process_time() - started)
    assert refused is not None
    assert min(took) < seconds
    return refused.code


def test_a_bomb_that_says_its_size(tmp_path: Path) -> None:
    files = workbook_bytes(tmp_path) | {"xl/media/a.bin": b"\x00" * (100 * 2**20)}
    path = packed(tmp_path / "方案.xlsx", files)
    assert path.stat().st_size < 400_000
    assert refused_within(path, 0.05) == "too_large_unpacked"
    [cell] = read_path(path).bad
    assert cell.sentence() == "这个文件展开后过大，没有读取。请只保留要导入的表，另存后再导入。"


def test_a_bomb_of_a_hundred_thousand_entries(tmp_path: Path) -> None:
    files = workbook_bytes(tmp_path) | {f"xl/x{number}": b"" for number in range(65_000)}
    assert refused_within(packed(tmp_path / "方案.xlsx", files), 0.05) == "too_large_unpacked"


def test_a_bomb_that_lies_about_its_entries(tmp_path: Path) -> None:
    path = packed(tmp_path / "方案.xlsx", workbook_bytes(tmp_path) | {f"xl/x{number}": b"" for number in range(20_000)})
    data = bytearray(path.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<2H", 9, 9)
    assert refused_within(write(path, bytes(data)), 0.05) == "too_large_unpacked"


def test_a_bomb_that_lies_about_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MEMORY", 256 * 2**20)
    files = workbook_bytes(tmp_path)
    row = b'<row r="1"><c r="A1" t="inlineStr"><is><t>' + b"x" * 900 + b"</t></is></c></row>"
    head, tail = files["xl/worksheets/sheet1.xml"].split(b"<sheetData>")
    files["xl/worksheets/sheet1.xml"] = head + b"<sheetData>" + row * 500_000 + tail
    path = packed(tmp_path / "方案.xlsx", files)
    size = len(files["xl/worksheets/sheet1.xml"])
    data = path.read_bytes().replace(struct.pack("<L", size), struct.pack("<L", 4000))
    path.write_bytes(data)
    assert check_workbook(path) is None
    started = time.perf_counter()
    with pytest.raises(RefusedError):
        read_workbook(path)
    assert time.perf_counter() - started < 25


def test_entities_are_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.txt", b"canary")
    files = workbook_bytes(tmp_path)
    name = "xl/sharedStrings.xml"
    declared = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file://' + str(secret).encode() + b'">]>'
    files[name] = files[name].replace(b"?>", b"?>" + declared, 1).replace("方案".encode(), b"&e;")
    path = packed(tmp_path / "方案.xlsx", files)
    assert "canary" not in str(read_path(path))


def test_a_broken_workbook(tmp_path: Path) -> None:
    files = workbook_bytes(tmp_path) | {"xl/workbook.xml": b"<broken"}
    [cell] = read_path(packed(tmp_path / "方案.xlsx", files)).bad
    assert cell.sentence() == "这个工作簿读不出来，可能已损坏。请用表格软件打开后另存为 .xlsx 再导入。"
