"""English pages are English: every page, as everybody, and what it answers to a form that was left empty."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions.demonstration import LOGINS, POOL_LOGINS, find_demonstration_accounts
from marketplace.app import create_app
from marketplace.domain.showcases import ShowcaseState
from marketplace.records.enterprises import Enterprise
from marketplace.records.showcases import Showcase
from marketplace.site import Site
from tests.demo_site import own_copy
from tests.opened import Browser, site_of
from tests.web.english import CHINESE, Page, Reader, Written, texts_of
from tests.web.people import browser_of, viewer_of
from tools.translations import catalogue

EVERYBODY = (
    "anyone", "applicant", "applicant2", "provider", "provider2", "enterprise", "expert", "expert2", "manager", "bureau", "centre",
    "finance", "area", "admin", "claimant2",
)  # fmt: skip
NOT_LINKED = {
    # Led to by a letter, by a step that no story of the demonstration takes, or for machines.
    "accounts.email_form", "accounts_reset.reset_form", "imports.bad_rows", "imports.show", "members.invited", "metrics.metrics",
    "registrations.verify_form", "answer_links.show",
    # Not a page: it leads on from an accepted project.
    "showcases_writing.of_project",
}  # fmt: skip


@pytest.fixture(scope="module")
def played(indexed_pool_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demonstration site in which the pool was played, as `make run` serves it. Whoever sends forms takes a copy."""
    folder = tmp_path_factory.mktemp("english") / "data"
    shutil.copytree(indexed_pool_folder, folder, symlinks=True)
    site = site_of(folder)
    issue_a_plan(site)
    take_up_a_showcase(site)
    yield site
    site.index.close()
    site.database.close()


def issue_a_plan(site: Site) -> None:
    """As the centre does it: a plan is made of what its page shows, which no story of the demonstration can do without the index."""
    centre = browser_of(create_app(site), "centre")
    with site.database.reading() as session:
        (number,) = viewer_of(session, "enterprise").enterprise_ids
        form = f"/enterprises/{session.get_one(Enterprise, number).public_id}/plan/issue"
    follow_up = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    assert centre.post(form, {"note": "先做见效快的。", "follow_up": follow_up}, form=form).status_code == 303


def take_up_a_showcase(site: Site) -> None:
    """One of the published ones is written anew, so that there is a draft to be read."""
    centre = browser_of(create_app(site), "centre")
    with site.database.reading() as session:
        published = select(Showcase.public_id).where(Showcase.state == ShowcaseState.PUBLISHED).order_by(Showcase.id)
        page = f"/showcases/{session.scalars(published.limit(1)).one()}"
    assert centre.post(f"{page}/withdraw", {"why": "补写投入。"}, form=page).status_code == 303
    assert centre.post(f"{page}/reopen", form=page).status_code == 303


@pytest.fixture
def own_played(played: Site, tmp_path: Path) -> Iterator[Site]:
    folder = own_copy(played.settings.data_dir, tmp_path / "own")
    shutil.copytree(played.settings.data_dir / "files", folder / "files")
    site = site_of(folder)
    yield site
    site.index.close()
    site.database.close()


@pytest.fixture(scope="module")
def sentences() -> set[str]:
    return {str(message.id) for message in catalogue() if message.id}


def test_no_page_and_no_answer_is_half_chinese(own_played: Site, sentences: set[str]) -> None:
    app = create_app(own_played)
    readers = {person: Reader(app, browser_of(app, person)) for person in EVERYBODY}
    for reader in readers.values():
        reader.read_all()
    before, refused = texts_of(own_played), 0
    for word in ("", "x"):
        for person, reader in readers.items():
            # A form of the round before may have ended a session.
            if person != "anyone":
                reader.browser.log_in(person)
            refused += reader.send_all_forms(word)[422]
    written = Written(own_played, sentences, before)
    faults = {text: f"{person} {where}" for person, reader in readers.items() for text, where in reader.faults(written).items()}
    assert faults == {}
    assert [reader.broken for reader in readers.values() if reader.broken] == []
    assert refused > 200
    seen = {endpoint for reader in readers.values() for endpoint in reader.seen}
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith(("/api", "/static"))
    }
    assert pages - seen <= NOT_LINKED


def test_every_log_in_that_is_told_at_the_start_lets_in(played: Site) -> None:
    app = create_app(played)
    with played.database.reading() as session:
        people = find_demonstration_accounts(session)
    assert {one.login for one in people} == {*LOGINS, *POOL_LOGINS}
    for one in people:
        assert Browser(app.test_client()).log_in(one.login, one.password).status_code == 303, one.login


def test_a_term_leads_to_the_calendar_by_which_it_was_counted(played: Site) -> None:
    app = create_app(played)
    assert 'href="/calendar"' in Browser(app.test_client()).get("/publicity").text
    assert 'href="/calendar"' in browser_of(app, "manager").get("/inbox").text


def test_the_sweep_notices_a_word_that_nobody_wrote(played: Site, sentences: set[str]) -> None:
    written = Written(played, sentences)
    assert written.besides("共 3 趟") == ("共", "趟")
    assert written.besides("Quality 5，Progress 4") == ("，",)
    assert written.besides("提交审核") == ("提交审核",)
    assert not CHINESE.search("Submit for review")
    name = "天津津澜工控软件有限公司（示例）"
    assert written.besides(name) == ()
    assert written.besides(f"{name}：1") == ("：",)
    assert [text for text in Page('<p>一<q>二</q><b lang="zh-CN">三</b></p>').texts if text] == ["一", "三"]
