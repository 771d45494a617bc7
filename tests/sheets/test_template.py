"""The template that is filled in is the template that is imported."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.actions.imports import import_path
from marketplace.domain.credit_code import check_credit_code
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.sheets.bad_rows import FORMULA_STARTS, guarded
from marketplace.sheets.columns import Shape
from marketplace.sheets.documentation import markdown
from marketplace.sheets.nouns import SHEETS
from marketplace.sheets.sources import read_path
from marketplace.sheets.template import columns_of, header_of, write_template
from marketplace.sheets.values import as_text, parse
from tests.conftest import DEMO, NOW


@pytest.fixture(params=SHEETS)
def noun(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def template(noun: str, pilot: Pilot, tmp_path: Path) -> Path:
    path = tmp_path / f"{noun}.xlsx"
    write_template(noun, path, pilot)
    return path


def test_an_empty_template_imports_as_nothing(template: Path, noun: str) -> None:
    reading = read_path(template)
    [table] = reading.tables
    assert (table.sheet.noun, table.rows, reading.bad, reading.notes) == (noun, [], [], [])


def test_every_column_has_header_note_and_a_readable_example(template: Path, noun: str, pilot: Pilot) -> None:
    book = openpyxl.load_workbook(template)
    page = book.worksheets[0]
    assert [sheet.title for sheet in book.worksheets] == [SHEETS[noun].name, "说明", "选项"]
    for place, column in enumerate(columns_of(SHEETS[noun]), 1):
        assert page.cell(1, place).value == header_of(column)
        assert page.cell(1, place).comment is not None, column.header
        example = page.cell(2, place).value
        parse(column, example, "", pilot)
        if column.shape is Shape.CREDIT_CODE and example:
            assert check_credit_code(example) is None


def test_lists_to_choose_from(template: Path, noun: str, pilot: Pilot) -> None:
    book = openpyxl.load_workbook(template)
    page, choices = book.worksheets[0], book["选项"]
    assert choices.sheet_state == "hidden"
    offered = [column for column in columns_of(SHEETS[noun]) if column.kind or column.answers or column.shape is Shape.FLAG]
    rules = list(page.data_validations.dataValidation)
    assert len(rules) == len(offered)
    for number, column in enumerate(offered, 1):
        words = [cell.value for cell in choices[openpyxl.utils.get_column_letter(number)][1:] if cell.value]
        for word in words:
            parse(column, word, "", pilot)


def test_no_template_holds_a_formula(template: Path) -> None:
    with zipfile.ZipFile(template) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in archive.read(name)


def cell_of(value: Any, shape: Shape) -> Any:
    """A value of the demonstration set as a person would type it into the sheet."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list):
        if shape is Shape.EFFECTS:
            return "；".join(f"{row['indicator']} {row['before']}→{row['after']} {row['unit']}" for row in value)
        if shape is Shape.FINANCIALS:
            return "；".join(f"{row['year']} 营收{row['revenue_wan']} 利润{row['profit_wan']} 负债率{row['debt_ratio']}" for row in value)
        if shape is Shape.EXPERTS:
            return "；".join(f"{row['title']}，{row['years']}年，{row['expertise']}" for row in value)
        return ("；" if shape is Shape.LINES else "、").join(value)
    return value


@pytest.fixture(scope="module")
def loaded(demonstration_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The demonstration set in a database of this module's own."""
    path = tmp_path_factory.mktemp("loaded") / "jigai.db"
    path.write_bytes(demonstration_file.read_bytes())
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


def test_the_demonstration_set_typed_into_the_template_is_the_same_set(template: Path, noun: str, pilot: Pilot, loaded: Database) -> None:
    book = openpyxl.load_workbook(template)
    page = book.worksheets[0]
    columns = columns_of(SHEETS[noun])
    with (DEMO / f"{noun}.jsonl").open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 3):
            row = json.loads(line)
            project = row.pop("project", {})
            row |= project if isinstance(project, dict) else {"project": project}
            for key, low, high in (
                ("price_wan", "price_low_wan", "price_high_wan"),
                ("budget_wan", "budget_low_wan", "budget_high_wan"),
                ("delivery_weeks", "weeks_low", "weeks_high"),
            ):
                row[low], row[high] = row.get(key) or (None, None)
            for place, column in enumerate(columns, 1):
                page.cell(number, place).value = cell_of(row.get(column.key), column.shape)
    book.save(template)
    report = import_path(loaded, pilot, template, actor="x", at=NOW, source="demo", dry_run=True)
    assert [cell.sentence() for cell in report.bad] == []
    counts = report.counts[noun]
    assert (counts.new, counts.bad) == (0, 0)
    # Typed columns of the template that the set leaves out are empty there too: nothing changes.
    assert counts.changed == 0


@given(st.text(max_size=20).flatmap(lambda text: st.sampled_from([*FORMULA_STARTS, ""]).map(lambda start: start + text)))
def test_no_text_becomes_a_formula_and_every_text_comes_back(text: str) -> None:
    written = guarded(text)
    assert not (isinstance(written, str) and written.startswith(FORMULA_STARTS) and not _is_number(written))
    assert as_text(written) == as_text(text) or text.startswith("'")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_the_page_about_the_columns_names_every_column(pilot: Pilot) -> None:
    page = markdown(pilot)
    for sheet in SHEETS.values():
        for column in columns_of(sheet):
            assert f"| {column.header} | `{column.key}` |" in page
