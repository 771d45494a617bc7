"""The paper of an agreement, in Word and PDF, attached to it: printed, sealed by both sides, and scanned."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from marketplace.domain.project_plans import TEXTS
from marketplace.jobs.letters import Paper, attach_paper, usual_values, words_in_force
from marketplace.jobs.progress import Progress
from marketplace.letters import docx, pdf
from marketplace.letters.agreement_letter import FORM, agreement_letter
from marketplace.records.agreements import Agreement
from marketplace.records.jobs import Job
from marketplace.site import Site

NOUN = "agreement"


def write(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Written from the content with which it was drawn up, so that it says the same whenever it is written."""
    with site.database.reading() as session:
        agreement = session.get_one(Agreement, int(job.payload["id"]))
        organisation_id, number = agreement.project.organisation_id, agreement.number
        day = agreement.at.astimezone(ZoneInfo(site.pilot.city.zone))
        letter = agreement_letter(
            agreement.content,
            words=_words(site),
            number=number,
            version=agreement.version,
            code=agreement.check_code,
            usual=usual_values(site, job),
            due=agreement.due.isoformat() if agreement.due else "",
            date=f"{day.year}年{day.month}月{day.day}日",
            reworded=words_in_force(session, FORM),
        )
        name = f"{letter.title}-{number}" + (f"-{agreement.version}" if agreement.version > 1 else "")
    word = docx.written(letter)
    progress(1, 2)
    found = Paper(word, pdf.written(letter), name)
    attach_paper(site, job, progress, found, noun=NOUN, noun_id=int(job.payload["id"]), organisation_id=organisation_id)
    return None


def _words(site: Site) -> dict[tuple[str, str], str]:
    pilot = site.pilot
    tables = {"level": pilot.levels, "area": pilot.areas}
    words = {(kind, term.key): term.name for kind, terms in tables.items() for term in terms}
    words |= {("cost", cost.key): cost.name for cost in pilot.project.costs}
    return words | {("text", text.key): text.word for text in TEXTS}
