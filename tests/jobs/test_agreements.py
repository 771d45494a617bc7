"""The paper of an agreement: both files say what was recognised, what people typed is text, and who may take it."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pypdfium2
import pytest
import time_machine
from docx import Document
from sqlalchemy import select, update

from marketplace.attachments import readable
from marketplace.jobs.worker import JobWorker
from marketplace.pilot import Pilot
from marketplace.records.agreements import find_agreement
from marketplace.records.database import Database
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.jobs import Job, JobState
from marketplace.records.projects import Project
from marketplace.site import Site
from marketplace.web import agreements as _pages  # noqa: F401  says who reads what is attached to an agreement
from tests.actions.selection_world import approved, open_world
from tests.jobs.conftest import site_with

WANTED = (
    "制造业新型技术改造项目任务书", "RW-2026-0001", "申报公司", "成员公司", "服务公司", "一次合格率", "94.2", "97.5", "80 万元", "40 万元", "批控软件", "2026-09-30",
    "核验码", "点", "=HYPERLINK(1) <b>{x}",
)  # fmt: skip
READERS = ("applicant", "member", "manager", "bureau", "finance", "centre", "area", "admin")
OTHERS = ("supplier", "rival", "expert0")


@pytest.fixture
def site(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> Site:
    return site_with(sqlite_database, pilot, tmp_path / "data")


def test_the_paper_of_an_agreement(site: Site) -> None:
    database = site.database
    world = open_world(database)
    with database.writing() as session:
        session.execute(update(Project).values(plan={"content": "改造=HYPERLINK(1) <b>{x}"}))
    later = approved(database, world)
    with time_machine.travel(later + timedelta(hours=1), tick=False):
        JobWorker(site).drain()
    with database.reading() as session:
        assert session.scalars(select(Job.state).where(Job.kind == "agreement_document")).one() == JobState.DONE
        agreement = find_agreement(session, world.project)
        assert agreement is not None
        code, number = agreement.check_code, agreement.id
        files = {row.filename.rpartition(".")[2]: row.sha256 for row in find_attachments(session, "agreement", number)}
    assert set(files) == {"docx", "pdf"}
    document = Document(io.BytesIO(site.files.path(files["docx"]).read_bytes()))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    in_word = "\n".join([*(line.text for line in document.paragraphs), *cells])
    with pypdfium2.PdfDocument(site.files.path(files["pdf"]).read_bytes()) as paper:
        in_pdf = "".join(page.get_textpage().get_text_bounded() for page in paper)
    for wanted in (*WANTED, code):
        assert wanted in in_word, wanted
        assert "".join(wanted.split()) in "".join(in_pdf.replace("\ufffe", "").split()), wanted
    with database.reading() as session:
        for file in session.scalars(select(Attachment).where(Attachment.noun == "agreement")):
            readers = {person for person in (*READERS, *OTHERS) if readable(session, world.people[person], file)}
            assert readers == set(READERS)
