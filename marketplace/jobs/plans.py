"""The paper of an issued plan, in Word and PDF, attached to it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from marketplace.jobs.letters import Paper, attach_paper
from marketplace.jobs.progress import Progress
from marketplace.letters import docx, pdf
from marketplace.letters.plan_letter import plan_letter
from marketplace.records.jobs import Job
from marketplace.records.plans import IssuedPlan
from marketplace.site import Site

NOUN = "plan"


def write(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """Written from the content with which it was issued, so that it says the same whenever it is written."""
    with site.database.reading() as session:
        plan = session.get_one(IssuedPlan, int(job.payload["id"]))
        organisation_id, number = plan.enterprise.organisation_id, plan.number
        day = plan.at.astimezone(ZoneInfo(site.pilot.city.zone))
        centre = site.pilot.roles.find("centre")
        letter = plan_letter(
            plan.content,
            words=_words(site),
            number=number,
            version=plan.version,
            note=plan.note,
            sign_off=f"{site.pilot.city.name}{centre.name if centre else ''}",
            date=f"{day.year}年{day.month}月{day.day}日",
        )
    word = docx.written(letter)
    progress(1, 2)
    paper = pdf.written(letter)
    found = Paper(word, paper, f"{letter.title}-{number}")
    attach_paper(site, job, progress, found, noun=NOUN, noun_id=int(job.payload["id"]), organisation_id=organisation_id)
    return None


def _words(site: Site) -> dict[tuple[str, str], str]:
    tables = {"stage": site.pilot.stages, "orientation": site.pilot.orientations, "priority": site.pilot.priorities}
    return {(kind, term.key): term.name for kind, terms in tables.items() for term in terms}
