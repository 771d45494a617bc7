"""Small files to import, in every form."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import xlsxwriter

from marketplace.domain.credit_code import check_character

PROVIDER = "919900006639233244"
ENTERPRISE = "91990000MAYGPX077U"


def code(number: int) -> str:
    """A valid credit code of nobody."""
    first = f"91990000TEST{number:05}".replace("S", "5")
    return first + check_character(first)


def provider(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"code": code(number), "name": f"服务商 {number}", "local_office": True} | more


def enterprise(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"code": code(100 + number), "name": f"企业 {number}", "sector": "chem"} | more


def solution(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"F-{number}", "provider_code": code(1), "title": f"方案 {number}", "sectors": ["chem"]} | more


def problem(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"W-{number}", "enterprise_code": code(101), "text": f"问题 {number}"} | more


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def csv_file(path: Path, *rows: list[Any], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as out:
        csv.writer(out).writerows(rows)
    return path


def xlsx(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in sheets.items():
            page = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    if hasattr(cell, "isoformat"):
                        page.write_datetime(number, place, cell, days)
                    elif cell is not None:
                        page.write(number, place, cell)
    return path


def market(folder: Path) -> Path:
    """A folder with one provider, one enterprise, one solution and one problem."""
    jsonl(folder / "providers.jsonl", provider())
    jsonl(folder / "enterprises.jsonl", enterprise())
    jsonl(folder / "solutions.jsonl", solution())
    jsonl(folder / "problems.jsonl", problem())
    return folder
