"""Handing an application in, again after it was sent back, and what happens when nobody does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions.application_steps import locked, move, tell_applicant, values_of
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer
from marketplace.domain.application_answers import FileFact
from marketplace.domain.application_changes import Change, all_differences, changed_sections
from marketplace.domain.application_checks import check_application, failures
from marketplace.domain.application_rules import ApplicationRules
from marketplace.domain.application_sections import section_of
from marketplace.domain.applications import ApplicationState, Lapse, Submission
from marketplace.domain.lifecycle import Transition, _
from marketplace.domain.windows import WindowState
from marketplace.records.application_facts import NOUN, find_facts, find_files
from marketplace.records.applications import ApplicationSubmission, ProviderApplication, find_submissions
from marketplace.records.database import Database

ACCEPT_TASK, LAPSE_TASK = "application_accept", "application_lapse"


def submit(
    database: Database, application_id: int, *, rules: ApplicationRules, viewer: Viewer, at: datetime, today: date
) -> ProviderApplication:
    """Hand in, for the first time or as a supplement. Refused while a machine check fails, with how many; what is handed in is kept as it is."""
    with database.writing() as session:
        application = locked(session, application_id)
        facts = find_facts(session, application, today)
        results = check_application(facts, rules)
        earlier = find_submissions(session, application.id)
        is_supplement = application.state == ApplicationState.SENT_BACK
        subject = Submission(
            today=today,
            opens=application.window.opens,
            closes=application.window.closes,
            is_supplement=is_supplement,
            is_withdrawn_window=application.window.state != WindowState.PUBLISHED,
            failures=failures(results),
            unanswered=[section_of(key).title for key in unanswered_sections(session, application, rules)] if is_supplement else [],
        )
        move(session, application, "submit", viewer, at, subject=subject)
        session.add(
            ApplicationSubmission(
                application_id=application.id,
                round=len(earlier) + 1,
                answers=application.answers,
                files=[{"kind": file.kind, "sha256": file.sha256, "filename": file.filename} for file in facts.files],
                checks=[result.as_json() for result in results],
                at=at,
                by=viewer.account_id,
            )
        )
        application.submitted_at, application.supplement_until = at, None
        for remark in application.remarks:
            remark.settled_at = remark.settled_at or at
        close_tasks(session, NOUN, application.id, at=at)
        message = _("受理或退回申报 {number}（{organisation}）")
        open_task(
            session,
            ACCEPT_TASK,
            message,
            noun=NOUN,
            noun_id=application.id,
            public_ref=application.public_id,
            at=at,
            values=values_of(application),
            roles=(Role.MANAGER,),
        )
        tell_applicant(session, application, _("申报 {number} 已提交，等综合管理服务商受理。"), at)
        return application


def lapse(database: Database, application_id: int, *, viewer: Viewer, at: datetime, today: date) -> Transition:
    """逾期未补正: the term of a supplement is over and nothing came; the application counts as withdrawn."""
    with database.writing() as session:
        application = locked(session, application_id)
        moved = move(session, application, "lapse", viewer, at, subject=Lapse(today, application.supplement_until))
        close_tasks(session, NOUN, application.id, at=at)
        tell_applicant(session, application, _("申报 {number} 逾期未补正，已按撤回处理。下一批开放时可继续。"), at)
        return moved


def unanswered_sections(session: Session, application: ProviderApplication, rules: ApplicationRules) -> list[str]:
    """Sections whose open remarks were neither followed by a change nor answered in words."""
    changed = changed_sections(changes_since_submission(session, application, rules))
    waiting = {remark.section for remark in application.remarks if remark.settled_at is None and not remark.reply.strip()}
    return sorted(waiting - changed)


def changes_since_submission(session: Session, application: ProviderApplication, rules: ApplicationRules) -> tuple[Change, ...]:
    """What is different from what was handed in last."""
    submissions = find_submissions(session, application.id)
    if not submissions:
        return ()
    return changes_between(submissions[-1], application.answers, find_files(session, application.id), rules)


def changes_between(
    earlier: ApplicationSubmission, answers: Mapping[str, Any], files: Sequence[FileFact], rules: ApplicationRules
) -> tuple[Change, ...]:
    sections = {document.key: document.section for document in rules.documents}
    return all_differences(earlier.answers, answers, earlier.file_facts, files, sections)
