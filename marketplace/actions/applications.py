"""What an applicant does with its application: begin, fill in, take back. Handing in stands in application_submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marketplace.actions.application_reuse import copy_answers
from marketplace.actions.application_steps import ask_applicant, locked, move, note, tell, writable
from marketplace.actions.files import supersede
from marketplace.actions.history import record
from marketplace.actions.notices import accounts_of_roles
from marketplace.actions.numbers import next_number
from marketplace.actions.reviews_tasks import leave_review
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.actions.tasks import close_tasks
from marketplace.actions.windows import FILL_TASK
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.application_answers import file_kind, raw_of
from marketplace.domain.application_changes import Change, differences
from marketplace.domain.application_rules import ApplicationRules
from marketplace.domain.application_sections import section_of
from marketplace.domain.application_traces import TRACED, traces
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _
from marketplace.domain.providers import OUT_OF_POOL
from marketplace.domain.windows import ACCEPTING, phase
from marketplace.records.application_facts import NOUN
from marketplace.records.applications import ApplicationTrace, ProviderApplication
from marketplace.records.database import Database
from marketplace.records.files import find_attachments
from marketplace.records.providers import Provider
from marketplace.records.windows import ApplicationWindow

SERIES = "SQ"
FILL_MESSAGE = _("填写并提交申报 {number}（{title}）")


def start_application(
    database: Database,
    window_id: int,
    organisation_id: int,
    *,
    viewer: Viewer,
    at: datetime,
    today: date,
    rules: ApplicationRules,
    reuse: bool = False,
) -> ProviderApplication:
    """Begin an application in an open window, empty or with the answers and files of the organisation's last one."""
    refuse_unless(may_act_for(viewer, organisation_id, "edit") and Role.PROVIDER in viewer.roles)
    with database.writing() as session:
        # Two members may press at once: the window's row is their queue, so that the second finds what the first began.
        window = session.get_one(ApplicationWindow, window_id, with_for_update=True)
        refuse_unless(organisation_id in viewer.applicant_ids)
        if phase(window, today) not in ACCEPTING:
            raise RefusedError(Refused("window_not_open", _("这个申报窗口现在不接受申报。")))
        _refuse_if_in_pool(session, organisation_id)
        found = select(ProviderApplication).where(
            ProviderApplication.window_id == window_id,
            ProviderApplication.organisation_id == organisation_id,
            ProviderApplication.state != ApplicationState.WITHDRAWN,
        )
        if session.scalar(found) is not None:
            raise RefusedError(Refused("already_applied", _("贵单位在这个窗口已有一份申报，请在“我的申报”里继续。")))
        application = ProviderApplication(
            window=window, organisation_id=organisation_id, created=at, saved_at=at, saved_by=viewer.account_id
        )
        application.number, application.answers, application.section_versions = next_number(session, SERIES, today.year), {}, {}
        application.version = 0
        session.add(application)
        session.flush()
        record(
            session,
            actor=actor_of(viewer),
            verb="start",
            noun=NOUN,
            noun_id=application.id,
            before=None,
            after={"number": application.number, "window": window.number},
            at=at,
        )
        if reuse:
            copy_answers(session, application, rules, viewer=viewer, at=at)
            _write_traces(session, application)
        ask_applicant(session, application, FILL_TASK, FILL_MESSAGE, at, due=window.closes)
        return application


def save_section(
    database: Database,
    application_id: int,
    section: str,
    answers: Mapping[str, Any],
    *,
    version: int,
    rules: ApplicationRules,
    viewer: Viewer,
    at: datetime,
    replies: Mapping[int, str] | None = None,
) -> ProviderApplication:
    """Keep what was typed into one section, half-filled or mistyped as it may be. `version`: that of the form which was shown.

    Refused (changed_meanwhile) if somebody has saved this very section since; the caller shows both texts. `replies`: remark → answer.
    """
    with database.writing() as session:
        application = writable(session, application_id, viewer)
        # A row that is still empty is a change as well: somebody is about to fill it.
        is_changed = raw_of({section: answers}, section) != raw_of(application.answers, section)
        if len(raw_of({section: answers}, section)[1]) > rules.most_rows:
            raise RefusedError(Refused("too_many_rows", _("这一部分最多 {most} 行。"), {"most": rules.most_rows}))
        if is_changed and int(application.section_versions.get(section, 0)) > version:
            raise RefusedError(Refused("changed_meanwhile", _("您打开后，这一部分已被保存过。请对照两边的内容，改好后再保存。")))
        if is_changed:
            changes = list(differences(section_of(section), application.answers, {section: answers}))
            application.answers = {**application.answers, section: dict(answers)}
            application.version += 1
            application.section_versions = {**application.section_versions, section: application.version}
            application.saved_at, application.saved_by = at, viewer.account_id
            _note_changes(session, application, section, changes, viewer, at)
            _drop_files_of_gone_rows(session, application, section, rules, viewer, at)
            if section in TRACED:
                _write_traces(session, application)
        for remark in application.remarks:
            reply = (replies or {}).get(remark.id, remark.reply).strip()[:2_000]
            if remark.settled_at is None and remark.section == section and reply != remark.reply:
                before, remark.reply = remark.reply, reply
                note(session, application, "reply", viewer, at, {"section": section, "reply": before}, {"section": section, "reply": reply})
        session.flush()
        return application


def withdraw(database: Database, application_id: int, *, viewer: Viewer, at: datetime, why: str = "") -> Transition:
    """Take an application back. What was typed stays, for a later window."""
    with database.writing() as session:
        application = locked(session, application_id)
        was_handed_in = application.submitted_at is not None
        moved = move(session, application, "withdraw", viewer, at, why=why.strip())
        close_tasks(session, NOUN, application.id, at=at)
        leave_review(session, application.id, at=at)
        if was_handed_in:
            message = _("{organisation} 撤回了申报 {number}。")
            tell(session, accounts_of_roles(session, [Role.MANAGER]), application, message, at)
        return moved


def _refuse_if_in_pool(session: Session, organisation_id: int) -> None:
    state = session.scalar(select(Provider.state).where(Provider.organisation_id == organisation_id))
    if state is not None and state not in OUT_OF_POOL:
        message = _("贵单位已在资源池内，不需要再次申报。新增产品或方案请在产品目录里提交。")
        raise RefusedError(Refused("in_pool", message))


def _drop_files_of_gone_rows(
    session: Session, application: ProviderApplication, section: str, rules: ApplicationRules, viewer: Viewer, at: datetime
) -> None:
    """The proof of a case that was taken out belongs to nothing any more."""
    rows = raw_of(application.answers, section)[1]
    kept = {file_kind(document.key, str(row.get("key"))) for document in rules.documents_of(section, each=True) for row in rows}
    of_rows = {document.key for document in rules.documents_of(section, each=True)}
    for attached in find_attachments(session, NOUN, application.id):
        if attached.kind.partition(".")[0] in of_rows and attached.kind not in kept:
            supersede(session, attached, viewer, at)


def _write_traces(session: Session, application: ProviderApplication) -> None:
    session.execute(delete(ApplicationTrace).where(ApplicationTrace.application_id == application.id))
    session.add_all(
        ApplicationTrace(application_id=application.id, organisation_id=application.organisation_id, kind=kind, value=value[:200])
        for kind, value in dict.fromkeys(traces(application.answers))
    )


def _note_changes(
    session: Session, application: ProviderApplication, section: str, changes: Sequence[Change], viewer: Viewer, at: datetime
) -> None:
    paths = [f"{change.row}.{change.field.key}" if change.row else change.field.key for change in changes if change.field]
    before = {"section": section, **dict(zip(paths, (change.before for change in changes), strict=True))}
    after = {"section": section, **dict(zip(paths, (change.after for change in changes), strict=True))}
    note(session, application, "save", viewer, at, before, after)
