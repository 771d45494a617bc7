"""Letters to those whom a decision concerns, in Word and PDF, attached to the thing that they speak of.

A job names the form, the thing, and what the decision said (`values`); who the thing belongs to and what it is called is
read from its rows by the reader of its noun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from marketplace.actions.files import attach
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.kinds import KINDS
from marketplace.files.names import harmless_name
from marketplace.jobs.progress import Progress
from marketplace.letters import LetterError, LetterText, fill, letter_docx, letter_pdf
from marketplace.letters.letter import form_of
from marketplace.records.applications import ProviderApplication
from marketplace.records.evaluations import EvaluationResult
from marketplace.records.files import LETTER
from marketplace.records.jobs import Job
from marketplace.records.letter_texts import find_letter_text
from marketplace.records.providers import Provider
from marketplace.site import Site


@dataclass(frozen=True)
class Subject:
    """The thing of a letter: whose it is, and what its rows say of it."""

    organisation_id: int
    values: Mapping[str, Any] = field(default_factory=dict)


def of_application(session: Session, number: int) -> Subject:
    application = session.get_one(ProviderApplication, number)
    reasons = [remark.reason for remark in application.remarks if remark.settled_at is None]
    until = application.supplement_until
    values = {
        "organisation": application.organisation.name,
        "thing": application.number,
        "reasons": reasons,
        "reason": application.decision_reason,
        "until": until.isoformat() if until else "",
    }
    return Subject(application.organisation_id, values)


def of_provider(session: Session, number: int) -> Subject:
    provider = session.get_one(Provider, number)
    name = provider.organisation.name
    until = provider.rectify_until
    return Subject(provider.organisation_id, {"organisation": name, "thing": name, "until": until.isoformat() if until else ""})


def of_evaluation_result(session: Session, number: int) -> Subject:
    provider = session.get_one(EvaluationResult, number).provider
    return Subject(provider.organisation_id, {"organisation": provider.organisation.name})


# noun → what is read of a thing of this kind. Every area adds its own.
SUBJECTS: dict[str, Callable[[Session, int], Subject]] = {
    "application": of_application,
    "evaluation_result": of_evaluation_result,
    "provider": of_provider,
}


def write(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """The letter that the job names."""
    name, noun, number = str(job.payload["letter"]), str(job.payload["noun"]), int(job.payload["id"])
    if noun not in SUBJECTS:
        raise RefusedError(Refused("no_subject", _("不知道怎样给“{noun}”写文书。"), {"noun": noun}))
    with site.database.reading() as session:
        subject = SUBJECTS[noun](session, number)
        words = words_in_force(session, name)
    values = usual_values(site, job) | dict(subject.values) | dict(job.payload.get("values", {}))
    try:
        title = fill(name, values, words).title
        progress(0, 2)
        word = letter_docx(name, values, words)
        progress(1, 2)
        pdf = letter_pdf(name, values, words)
    except LetterError as error:
        raise RefusedError(Refused("letter_incomplete", str(error).replace("{", "（").replace("}", "）"))) from error
    paper = Paper(word, pdf, f"{title}-{values['number']}")
    attach_paper(site, job, progress, paper, noun=noun, noun_id=number, organisation_id=subject.organisation_id)
    return None


def words_in_force(session: Session, name: str) -> LetterText | None:
    """The words that somebody gave a letter; None: those that are shipped. Words for another shape of the form are not used."""
    kept = find_letter_text(session, name)
    return kept.text if kept is not None and kept.shape == form_of(name).shape else None


@dataclass(frozen=True)
class Paper:
    """A letter in both forms, and its name without an ending."""

    word: bytes
    pdf: bytes
    name: str


def attach_paper(site: Site, job: Job, progress: Progress, paper: Paper, *, noun: str, noun_id: int, organisation_id: int | None) -> None:
    """Both files lie in the store before the one transaction that attaches them and ends the job."""
    stem = harmless_name(f"{paper.name}.pdf", longest=120).removesuffix(".pdf")
    stored = [site.files.keep(data, f"{stem}.{ending}", KINDS[ending].media) for data, ending in ((paper.word, "docx"), (paper.pdf, "pdf"))]
    platform = Viewer(account_id=job.account_id, name=site.pilot.city.name)
    with progress.finishing({"files": [blob.filename for blob in stored]}) as session:
        for blob in stored:
            attach(
                session,
                blob,
                noun=noun,
                noun_id=noun_id,
                kind=LETTER,
                organisation_id=organisation_id,
                viewer=platform,
                at=job.created,
                counted=False,
            )


def usual_values(site: Site, job: Job) -> dict[str, Any]:
    """What every letter may name. Its number comes from the job's: written again after a kill, it is the same letter."""
    roles = site.pilot.roles
    day = job.created.astimezone(ZoneInfo(site.pilot.city.zone))
    words = {role: term.name if (term := roles.find(role)) else role for role in ("bureau", "manager", "centre")}
    return {
        **words,
        "city": site.pilot.city.name,
        "number": f"FW-{day.year}-{job.id:04}",
        "date": f"{day.year}年{day.month}月{day.day}日",
    }
