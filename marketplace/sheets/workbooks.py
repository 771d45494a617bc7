"""Reading Excel workbooks, none of which is trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.sheets.archive import check_workbook

MEMORY = 512 * 2**20
SECONDS = 20
MOST_CELLS = 4_000_000
_CHILD = Path(__file__).with_name("workbook_child.py")


def _unpacked(cell: Any) -> Any:
    if isinstance(cell, dict):
        return date.fromisoformat(cell["date"])
    return None if cell == "" else cell


def read_workbook(path: Path) -> list[tuple[str, list[tuple[int, list[Any]]]]]:
    """The sheets of a workbook: name, and its rows with their numbers. Raises RefusedError with the sentence to show."""
    if refused := check_workbook(path):
        raise RefusedError(refused)
    too_large = Refused("too_large_unpacked", _("这个文件展开后过大，没有读取。请只保留要导入的表，另存后再导入。"))
    command = [sys.executable, "-I", str(_CHILD), str(path.resolve()), str(MEMORY), str(SECONDS), str(MOST_CELLS)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise RefusedError(too_large) from None
    # 4 is a workbook that cannot be understood; everything else (3, a signal, an abort) is one that wanted too much.
    if done.returncode == 4:
        raise RefusedError(Refused("broken_workbook", _("这个工作簿读不出来，可能已损坏。请用表格软件打开后另存为 .xlsx 再导入。")))
    if done.returncode:
        raise RefusedError(too_large)
    return list(_sheets(done.stdout))


def _sheets(output: bytes) -> Iterator[tuple[str, list[tuple[int, list[Any]]]]]:
    name = ""
    rows: list[tuple[int, list[Any]]] = []
    for line in output.splitlines():
        found = json.loads(line)
        if isinstance(found, dict):
            if name:
                yield name, rows
            name, rows = found["sheet"], []
        else:
            rows.append((found[0], [_unpacked(cell) for cell in found[1]]))
    if name:
        yield name, rows
