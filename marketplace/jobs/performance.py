"""Performance evaluation by the queue: the paper of what was issued, and the yearly self-evaluation that is opened when its month begins."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import CLOCK
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.performance_steps import NOUN
from marketplace.jobs.letters import Paper, attach_paper
from marketplace.jobs.progress import Progress
from marketplace.performance_terms import letter_of, step_by
from marketplace.records.jobs import Job
from marketplace.records.performance import PerformanceRound
from marketplace.site import Site

# Asked for from here on; by the rules of the pilot it is opened, or not yet.
_FROM_MONTH = 10


def write(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Written from the frozen copy, so that it says the same whenever it is written."""
    from marketplace.letters.docx import written as as_word
    from marketplace.letters.pdf import written as as_pdf

    number = int(job.payload["id"])
    with site.database.reading() as session:
        found = session.get_one(PerformanceRound, number)
        assert found.content is not None
        letter = letter_of(session, found, found.content, site.pilot)
    progress(0, 2)
    word = as_word(letter)
    progress(1, 2)
    paper = Paper(word, as_pdf(letter), f"{letter.title}-{letter.number}")
    attach_paper(site, job, progress, paper, noun=NOUN, noun_id=number, organisation_id=None)
    return None


def ask_for_evaluation(session: Session, day: date, at: datetime) -> None:
    """Towards the end of the year, once a day."""
    if day.month >= _FROM_MONTH:
        enqueue_job(session, "performance_yearly", {"day": day.isoformat()}, at=at, key="performance_yearly")


def open_yearly(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """The pilot's self-evaluation of this year, if its month has come and nobody has opened it."""
    from marketplace.actions.performance import open_of_year

    at = datetime.now(UTC).astimezone(ZoneInfo(site.pilot.city.zone))
    day = date.fromisoformat(job.payload["day"])
    opened = False
    if site.pilot.performance.first_year <= day.year <= site.pilot.city.implementation_end.year:
        opened = open_of_year(site.database, step_by(site.pilot, CLOCK, at, day)) is not None
    with progress.finishing({"opened": int(opened)}):
        return {"opened": int(opened)}
