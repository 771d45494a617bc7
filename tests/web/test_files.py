"""Files by page: who may fetch one, how it is given out, and what is noted; what a form field takes."""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime
from zipfile import ZIP_STORED, ZipFile

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace import attachments, guard
from marketplace.actions.files import attach
from marketplace.attachments import SANDBOX, received
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused
from marketplace.files.scanner import Clamd
from marketplace.files.store import StoredBlob
from marketplace.records.files import Attachment, Blob, Download, Scan
from marketplace.records.history import HistoryEntry
from marketplace.site import Site
from marketplace.web import files
from tests.files.clamd import VIRUS, clamd
from tests.files.samples import GOOD
from tests.opened import LOGINS, TOKEN, Browser, app, browser, own_site
from tests.web.people import viewer_of

__all__ = ["app", "browser", "own_site"]
NAME = "财务报表 2025（第一版）.pdf"


def put(site: Site, *, by: str = "provider", noun: str = "application", name: str = NAME, is_public: bool = False) -> str:
    """A file that the first organisation of somebody attached; its public id."""
    blob = site.files.receive(io.BytesIO(GOOD["pdf"]), name, allowed=("pdf",), most_bytes=10**7)
    assert isinstance(blob, StoredBlob)
    with site.database.writing() as session:
        viewer = viewer_of(session, by)
        unit = min(viewer.organisation_ids)
        row = attach(
            session,
            blob,
            noun=noun,
            noun_id=1,
            kind="proof",
            organisation_id=unit,
            viewer=viewer,
            at=datetime.now(UTC),
            is_public=is_public,
        )
        return row.public_id


def downloads(site: Site) -> int:
    with site.database.reading() as session:
        return len(session.scalars(select(Download)).all())


def fetched(app: Flask, login: str, public_id: str) -> int:
    person = Browser(app.test_client())
    if login != "anyone":
        person.log_in(login)
    return person.get(f"/files/{public_id}", buffered=True).status_code


def test_who_may_fetch_a_file(app: Flask, own_site: Site) -> None:
    """Its own organisation, and staff who may read what it is attached to; to all others it does not exist."""
    public_id = put(own_site)
    answers = {login: fetched(app, login, public_id) for login in ("anyone", *LOGINS, "provider2")}
    may = {"provider", "manager", "bureau", "admin"}
    assert {login for login, status in answers.items() if status == 200} == may
    assert {status for login, status in answers.items() if login not in may} == {404}
    assert downloads(own_site) == len(may)


def test_a_foreign_file_answers_as_a_missing_one(app: Flask, own_site: Site) -> None:
    rival = Browser(app.test_client())
    rival.log_in("provider2")

    def told(public_id: str) -> str:
        page = rival.get(f"/files/{public_id}")
        assert page.status_code == 404
        number = page.headers["X-Request-ID"]
        # The token of the forms tells the second in which it was made.
        return TOKEN.sub("", page.text).replace(number, "").replace(public_id, "")

    assert told(put(own_site)) == told(str(uuid.uuid4()))


def test_a_file_whose_thing_nobody_staff_may_read_is_for_its_organisation_alone(app: Flask, own_site: Site) -> None:
    public_id = put(own_site, noun="no_such_noun")
    assert [fetched(app, login, public_id) for login in ("provider", "admin", "manager")] == [200, 404, 404]


def test_an_area_says_itself_who_may_read(app: Flask, own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    public_id = put(own_site)
    monkeypatch.setitem(attachments.READERS, "application", lambda session, viewer, attachment: viewer.name == "nobody")
    assert fetched(app, "provider", public_id) == 404


def test_a_public_file_is_everybody_s_and_not_noted(app: Flask, own_site: Site) -> None:
    public_id = put(own_site, noun="window", is_public=True)
    assert fetched(app, "anyone", public_id) == 200
    assert downloads(own_site) == 0


def test_a_file_is_saved_never_shown(app: Flask, own_site: Site, browser: Browser) -> None:
    browser.log_in("provider")
    answer = browser.get(f"/files/{put(own_site)}", buffered=True)
    assert answer.data == GOOD["pdf"]
    assert answer.headers["Content-Type"] == "application/pdf"
    disposition = answer.headers["Content-Disposition"]
    # RFC 6266: plain letters for old programs, the name itself for the others.
    assert disposition.startswith("attachment; ")
    assert "filename*=UTF-8''%E8%B4%A2%E5%8A%A1%E6%8A%A5%E8%A1%A8%202025" in disposition
    assert answer.headers["Content-Security-Policy"] == SANDBOX
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    with own_site.database.reading() as session:
        row = session.scalars(select(Download)).one()
        assert (row.account_id, row.address) == (viewer_of(session, "provider").account_id, "127.0.0.1")


@pytest.mark.parametrize("name", ['a";x="b.pdf', "a\r\nSet-Cookie: x=1.pdf", "‮fdp.exe.pdf", "../../a.pdf"])
def test_a_name_is_no_header(own_site: Site, browser: Browser, name: str) -> None:
    browser.log_in("provider")
    answer = browser.get(f"/files/{put(own_site, name=name)}", buffered=True)
    assert answer.status_code == 200
    assert ":" not in answer.headers["Content-Disposition"]
    assert "x=1" not in answer.headers.get("Set-Cookie", "")
    assert not set('"/\\\r\n') & set(answer.headers["Content-Disposition"].partition("=")[2].partition(";")[0].strip('"'))


@pytest.mark.parametrize(("scan", "sentence"), [(Scan.PENDING, "还在等病毒扫描"), (Scan.INFECTED, "已隔离，不能下载")])
def test_what_the_scanner_has_not_passed_goes_to_nobody(own_site: Site, browser: Browser, scan: Scan, sentence: str) -> None:
    public_id = put(own_site)
    with own_site.database.writing() as session:
        session.execute(update(Blob).values(scan=scan))
    browser.log_in("provider")
    answer = browser.get(f"/files/{public_id}")
    assert answer.status_code == 409
    assert sentence in answer.text
    assert downloads(own_site) == 0


def test_a_superseded_file_is_still_its_organisation_s(app: Flask, own_site: Site) -> None:
    public_id = put(own_site)
    with own_site.database.writing() as session:
        session.execute(update(Attachment).values(superseded_at=datetime.now(UTC)))
    assert fetched(app, "provider", public_id) == 200
    assert fetched(app, "provider2", public_id) == 404


@pytest.fixture
def field(app: Flask) -> None:
    """A page that takes one file."""

    @app.post("/trial")
    @guard.for_the_logged_in
    def trial() -> str:
        answer = received("file", allowed=("pdf", "docx"))
        return answer.sentence() if isinstance(answer, Refused) else ("nothing" if answer is None else answer.sha256)


def test_a_field_of_a_form(field: None, own_site: Site, browser: Browser) -> None:
    browser.log_in("provider")

    def sent(data: bytes, name: str) -> str:
        return browser.post("/trial", {"file": (io.BytesIO(data), name)}, form="/account").text

    assert own_site.files.path(sent(GOOD["pdf"], "a.pdf")).exists()
    assert sent(b"", "") == "nothing"
    assert sent(b"MZ\0\0", "a.pdf") == "这个文件的内容不是 PDF（实际是 exe 程序），没有上传。请另存为 PDF 再传。"
    assert sent(GOOD["png"], "a.png") == "这里只收 PDF、Word（.docx），这个文件是“a.png”，没有上传。"


def test_who_brings_a_virus_is_noted(field: None, own_site: Site, browser: Browser) -> None:
    browser.log_in("provider")
    with clamd() as (address, _seen):
        own_site.files.scanner = Clamd(address)
        assert len(browser.post("/trial", {"file": (io.BytesIO(GOOD["pdf"]), "a.pdf")}, form="/account").text) == 64
        infected = io.BytesIO(GOOD["docx"])
        with ZipFile(infected, "a", ZIP_STORED) as archive:
            archive.writestr("word/media/a.bin", VIRUS)
        page = browser.post("/trial", {"file": (io.BytesIO(infected.getvalue()), "a.docx")}, form="/account")
    assert "病毒扫描发现这个文件有问题" in page.text
    with own_site.database.reading() as session:
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "quarantine")).one()
        assert "provider" not in (entry.after or {})
        assert len((entry.after or {})["sha256"]) == 64
        assert entry.actor.endswith(f"（{viewer_of(session, 'provider').account_id}）")


def test_a_page_says_what_the_scanner_said(app: Flask) -> None:
    with app.test_request_context():
        assert files.scan_note(Scan.CLEAN) == ""
        assert files.scan_note(Scan.UNSCANNED) == "未经病毒扫描"
        assert not attachments.may_go_out(Scan.PENDING)
        assert files.upload_help(("pdf", "docx")) == "PDF、Word（.docx），不超过 20 MB"
        assert (files.size_text(300), files.size_text(2_500_000)) == ("1 KB", "2.4 MB")


def test_nobody_may_read_by_being_nobody() -> None:
    row = Attachment(noun="application", noun_id=1, organisation_id=None, is_public=False)
    assert not attachments.readable(None, Viewer(), row)  # type: ignore[arg-type]
