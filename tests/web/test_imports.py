"""Import by page: look, then write; bad rows, foreign uploads, hostile names and sizes."""

from __future__ import annotations

import io
import json

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.files.names import harmless_name
from marketplace.records.solutions import Solution
from marketplace.uploads import MOST_PER_OWNER, Uploads
from tests.opened import TOKEN, Browser, app, browser, database_of, own_site

__all__ = ["app", "browser", "own_site"]
PROVIDER = "919900006639233244"


def row(number: int, **other: object) -> dict[str, object]:
    return {
        "id": f"NEW-{number:04d}", "provider_code": PROVIDER, "title": f"换热器结垢在线监测 {number}", "form": "解决方案", "sectors": ["化工"],
        "summary": "按压差和温差判断结垢，提前安排清洗。", "price_wan": [30, 60], "delivery_weeks": [4, 8], "references": 3, **other,
    }  # fmt: skip


def file_of(rows: list[dict[str, object]], name: str = "solutions.jsonl") -> tuple[io.BytesIO, str]:
    return io.BytesIO("\n".join(json.dumps(one, ensure_ascii=False) for one in rows).encode()), name


@pytest.fixture
def centre(browser: Browser) -> Browser:
    browser.log_in("centre")
    return browser


def solutions(app: Flask) -> int:
    with database_of(app).reading() as session:
        return session.scalar(select(func.count()).select_from(Solution)) or 0


def test_a_good_file_is_looked_at_then_imported_then_unchanged(app: Flask, centre: Browser) -> None:
    before = solutions(app)
    rows = [row(number) for number in range(3)]
    checked = centre.post("/imports", {"file": file_of(rows)}, form="/imports")
    assert checked.status_code == 303
    place = checked.headers["Location"]
    page = centre.get(place).text
    assert "导入 3 行</button>" in page
    assert "试读，尚未写入" in page
    assert solutions(app) == before
    done = centre.post(place, form=place)
    assert (done.status_code, done.headers["Location"]) == (303, place)
    assert "已写入 3 行" in centre.get(place).text
    assert solutions(app) == before + 3
    # Pressed again after going back, it changes nothing and shows the same.
    assert centre.post(place, form="/imports").status_code == 303
    assert solutions(app) == before + 3
    again = centre.post("/imports", {"file": file_of(rows)}, form="/imports")
    assert "无变化" in centre.get(again.headers["Location"]).text


def test_bad_rows_are_told_skipped_and_given_back(app: Flask, centre: Browser) -> None:
    before = solutions(app)
    rows = [row(1), row(2, sectors=["机械"]), row(3, price_wan=[90, 60]), row(4)]
    place = centre.post("/imports", {"file": file_of(rows)}, form="/imports").headers["Location"]
    page = centre.get(place).text
    assert "导入 2 行（跳过 2 行）" in page
    assert "机械" in page
    assert "最低 90" in page
    told = centre.get(f"{place}/bad-rows")
    assert told.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in told.headers["Content-Security-Policy"]
    assert "问题和改法" in told.data.decode("utf-8-sig")
    centre.post(place, form=place)
    assert solutions(app) == before + 2
    given = centre.get(f"{place}/bad-rows")
    back = [json.loads(line) for line in given.data.decode().splitlines()]
    given.close()
    assert [one["id"] for one in back] == ["NEW-0002", "NEW-0003"]


def test_formulas_do_not_leave_in_the_list_of_bad_rows(centre: Browser) -> None:
    place = centre.post("/imports", {"file": file_of([row(1, sectors=["=cmd|' /C calc'!A0"])])}, form="/imports").headers["Location"]
    told = centre.get(f"{place}/bad-rows").data.decode("utf-8-sig")
    assert "=cmd" in told
    assert not any(cell.lstrip('"').startswith("=") for line in told.splitlines() for cell in line.split(","))


def test_another_persons_upload_is_as_absent_as_none(app: Flask, centre: Browser) -> None:
    place = centre.post("/imports", {"file": file_of([row(1)])}, form="/imports").headers["Location"]
    other = Browser(app.test_client())
    other.log_in("manager")
    for method, tail in (("GET", ""), ("POST", ""), ("POST", "/drop"), ("GET", "/bad-rows")):
        answers = []
        for address in (place + tail, "/imports/" + "x" * 22 + tail):
            data = {"csrf_token": other.token("/imports")} if method == "POST" else None
            answer = other.client.open(address, method=method, data=data)
            assert answer.status_code == 404
            answers.append(TOKEN.sub("", answer.text).replace(answer.headers["X-Request-ID"], "").replace(address, ""))
        assert answers[0].partition("<main")[2] == answers[1].partition("<main")[2]
    assert centre.get(place).status_code == 200


def test_a_dropped_upload_is_gone(app: Flask, centre: Browser) -> None:
    place = centre.post("/imports", {"file": file_of([row(1)])}, form="/imports").headers["Location"]
    assert centre.post(f"{place}/drop", form=place).status_code == 303
    assert centre.get(place).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("", b"", "还没有选文件"),
        ("a.exe", b"MZ", "只能导入"),
        ("solutions.csv", b"", "文件是空的"),
        ("../../etc/passwd", b"root", "还没有选文件"),
    ],
)
def test_what_cannot_be_a_table_is_refused_with_a_sentence(centre: Browser, name: str, content: bytes, sentence: str) -> None:
    answer = centre.post("/imports", {"file": (io.BytesIO(content), name)}, form="/imports")
    assert answer.status_code == 422
    assert sentence in answer.text


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"PK\x03\x04 broken", b"not,a,table\n1,2,3", b"\xff" * 100])
@pytest.mark.parametrize("name", ["solutions.xlsx", "solutions.csv", "solutions.jsonl"])
def test_broken_files_get_a_report_not_an_error(centre: Browser, name: str, content: bytes) -> None:
    answer = centre.post("/imports", {"file": (io.BytesIO(content), name)}, form="/imports")
    assert answer.status_code == 303
    assert centre.get(answer.headers["Location"]).status_code == 200


def test_a_file_over_the_limit_is_refused(app: Flask, centre: Browser) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = centre.post("/imports", {"file": (io.BytesIO(b"x" * 2000), "solutions.csv")}, form="/imports")
    assert answer.status_code == 413
    assert "超过了大小上限" in answer.text


def test_sheets_to_fill_in_are_given(centre: Browser) -> None:
    answer = centre.get("/imports/templates/solutions.xlsx")
    assert answer.status_code == 200
    assert answer.data.startswith(b"PK")
    assert centre.get("/imports/templates/none.xlsx").status_code == 404


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("方案 2026.xlsx", "方案 2026.xlsx"),
        ("C:\\temp\\方案.csv", "方案.csv"),
        ("../../.ssh/authorized.csv", "authorized.csv"),
        ("a\x00b\n.csv", "ab.csv"),
        ("‮cod.csv", "cod.csv"),
        ("<script>.csv", "script.csv"),
        ("x" * 300 + ".csv", "x" * 40 + ".csv"),
        (".csv", ""),
        ("...", ""),
    ],
)
def test_names_of_files_are_made_harmless(name: str, kept: str) -> None:
    assert harmless_name(name) == kept


def test_old_and_many_uploads_are_dropped(tmp_path) -> None:
    import os
    import time

    uploads = Uploads(tmp_path / "uploads")
    first = uploads.keep(io.BytesIO(b"x"), "a.csv", owner=1)
    for _number in range(MOST_PER_OWNER + 3):
        time.sleep(0.002)
        uploads.keep(io.BytesIO(b"x"), "a.csv", owner=1)
    assert len(list((tmp_path / "uploads").iterdir())) == MOST_PER_OWNER
    assert uploads.find(first.token, owner=1) is None
    for folder in (tmp_path / "uploads").iterdir():
        os.utime(folder, (0, 0))
    other = uploads.keep(io.BytesIO(b"x"), "a.csv", owner=2)
    assert [folder.name for folder in (tmp_path / "uploads").iterdir()] == [other.token]
    assert uploads.find("../" + other.token, owner=2) is None
