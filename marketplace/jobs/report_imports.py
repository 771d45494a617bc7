"""Reading a report for problems: its words, the lines that may state one, and what each may belong to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.report_imports import note_failed, note_found
from marketplace.domain.report_imports import MOST_LETTERS, MOST_PROPOSED, ReportImportState
from marketplace.domain.report_reading import Candidate, candidates
from marketplace.files.text import Words, words_of
from marketplace.jobs.progress import Progress
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import Blob, Scan
from marketplace.records.jobs import Job
from marketplace.records.report_imports import ReportImport
from marketplace.site import Site

# A report of several hundred pages.
SECONDS = 90
BATCH = 16


def read(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Once for each report; how far it is can be watched on its page."""
    number = job.payload["report"]
    with site.database.reading() as session:
        found = session.get(ReportImport, number)
        if found is None or found.state != ReportImportState.READING:
            return None
        pasted, sha256 = found.text, found.sha256
        sector = session.get_one(Enterprise, found.enterprise_id).sector
        kind, scan = _kind(session, sha256)
    if sha256 and scan not in (Scan.CLEAN, Scan.UNSCANNED):
        _failed(progress, number, "waiting_for_scan", 0)
        return None
    words = words_of(site.files.path(sha256), kind, most=MOST_LETTERS, seconds=SECONDS) if sha256 else Words(pasted)
    if words.fault or not any(letter.isalnum() for letter in words.text):
        _failed(progress, number, words.fault or "no_text", len(words.text))
        return None
    lines = candidates(words.text, most=MOST_PROPOSED)
    if not lines:
        _failed(progress, number, "no_problem", len(words.text))
        return None
    rows = []
    for start in range(0, len(lines), BATCH):
        rows += _proposed(site, lines[start : start + BATCH], sector)
        progress(len(rows), len(lines))
    with progress.finishing({"lines": len(rows)}) as session:
        note_found(session, _reading(session, number), rows, letters=len(words.text), is_cut=words.is_cut, at=datetime.now(UTC))
    return None


def _proposed(site: Site, lines: list[Candidate], sector: str) -> list[dict[str, Any]]:
    found = site.suggester.suggest([line.text for line in lines], sectors=[sector] * len(lines))
    return [
        {
            "text": line.text,
            "take": line.take,
            "under": line.under,
            "stage": one.stages[0][0] if one.stages else "",
            "orientation": one.orientations[0][0] if one.orientations else "",
            "scenario": one.scenarios[0][0] if one.scenarios else "",
            "sure": one.scenarios[0][1] if one.scenarios else 0.0,
        }
        for line, one in zip(lines, found, strict=True)
    ]


def _failed(progress: Progress, number: int, fault: str, letters: int) -> None:
    with progress.finishing({"fault": fault}) as session:
        note_failed(session, _reading(session, number), fault, letters=letters, at=datetime.now(UTC))


def _reading(session: Session, number: int) -> ReportImport:
    return session.get_one(ReportImport, number, with_for_update={"of": ReportImport})


def _kind(session: Session, sha256: str) -> tuple[str, Scan]:
    blob = session.get(Blob, sha256) if sha256 else None
    return (blob.kind, blob.scan) if blob else ("", Scan.CLEAN)
