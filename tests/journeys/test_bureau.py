"""What a bureau officer answers from the screen alone, and the December self-evaluation as a Word file made by the system."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Person, Served, serving
from tests.opened import site_of

Somebody = Callable[..., Person]


@pytest.fixture(scope="module")
def served(indexed_pool_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The whole demonstration, with its projects, money and evaluations."""
    folder = tmp_path_factory.mktemp("bureau") / "data"
    shutil.copytree(indexed_pool_folder, folder, symlinks=True)
    with serving(site_of(folder)) as running:
        yield running


def test_what_the_bureau_sees(somebody: Somebody) -> None:
    person = somebody()
    page = person.page
    person.log_in("bureau")
    page.get_by_role("link", name="工作成效").first.click()
    # Are we on course for each aim?
    aims = page.locator("section", has=page.get_by_role("heading", name="目标对照"))
    expect(aims.get_by_role("row").nth(1)).to_contain_text(re.compile("会完不成|有风险"))
    expect(aims).to_contain_text("已达到")
    # Which projects are in trouble, and why?
    trouble = page.locator("section", has=page.get_by_role("heading", name=re.compile("出问题的项目")))
    expect(trouble.get_by_role("listitem").first).to_be_visible()
    # Which providers deserve the next project?
    expect(
        page.locator("section", has=page.get_by_role("heading", name="值得交下一个项目的服务商")).get_by_role("row").nth(1)
    ).to_be_visible()
    person.look("figures")
    # Where is the money?
    page.get_by_role("link", name="已拨付资金").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile(r"已拨付资金：[\d.,]+ 万元"))
    person.look("figures-paid")
    # From a figure to the project behind it, and back by the browser.
    person.go("/figures/projects_running")
    page.locator("main table th a").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.go_back()
    with page.expect_download() as sheet:
        page.get_by_role("link", name="导出 Excel").click()
    assert sheet.value.suggested_filename.endswith(".xlsx")
    for path, name in (
        ("/figures/definitions", "definitions"),
        ("/figures/wall", "wall"),
        ("/figures/entry", "entry"),
        ("/inbox/calendar", "inbox-calendar"),
    ):
        person.go(path)
        person.look(name)


def test_on_a_phone_and_in_english(somebody: Somebody) -> None:
    person = somebody(390, 800)
    person.log_in("bureau")
    person.go("/figures")
    person.look("figures-phone")
    person.go("/inbox/calendar")
    person.look("inbox-calendar-phone")
    person.page.get_by_role("link", name="English").click()
    person.go("/figures")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Results")
    person.look("figures-english")


def test_the_self_evaluation_is_handed_in_as_a_word_file(somebody: Somebody) -> None:
    person = somebody()
    page = person.page
    person.log_in("bureau")
    person.go("/performance")
    person.look("performance")
    page.locator("main table th a").first.click()
    person.look("performance-round")
    with page.expect_download() as word:
        page.get_by_role("link", name=re.compile("Word")).first.click()
    content = Path(word.value.path()).read_bytes()
    with ZipFile(io.BytesIO(content)) as file:
        text = re.sub(r"<[^>]+>", "", file.read("word/document.xml").decode())
    assert "绩效" in text
    assert "规上企业" in text
    person.go("/performance/outlook")
    person.look("performance-outlook")
