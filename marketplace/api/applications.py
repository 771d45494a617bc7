"""Applications (申报): an applicant's own, and all of them for staff; begun, handed in, taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, defer

from marketplace.actions import application_submission as submission
from marketplace.actions import applications as actions
from marketplace.api.days import today
from marketplace.api.operation import Done, Model, Versioned, operation, refuse_field
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.windows import find_readable_window
from marketplace.domain.access import Viewer, may
from marketplace.domain.application_answers import FileFact, Missing, completeness
from marketplace.domain.application_checks import CheckResult, Verdict, check_application
from marketplace.domain.application_sections import SECTIONS, Section
from marketplace.domain.applications import ENDED, ApplicationState, ball
from marketplace.domain.lifecycle import _
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.application_facts import NOUN, find_facts
from marketplace.records.applications import ProviderApplication, find_application, find_submissions, readable_applications
from marketplace.records.files import find_attachments
from marketplace.records.organisations import Organisation
from marketplace.records.windows import ApplicationWindow
from marketplace.site import current_site


class UnitRef(Model):
    id: str
    code: str | None
    name: str


class WindowRef(Model):
    id: str
    number: str
    title: str


class ApplicationLine(Model):
    """An application in a list. `waits_for`: who has the ball (applicant, manager, experts, deciders, public), until `due`."""

    id: str
    number: str
    window: WindowRef
    organisation: UnitRef
    state: ApplicationState
    waits_for: str | None
    next_step: str | None
    due: date | None
    saved: datetime
    submitted: datetime | None


class SectionStanding(Model):
    """How much of a section is there, and what it lacks. `open_remarks`: of the office, to be followed or answered."""

    key: str
    title: str
    done: int
    total: int
    missing: list[str]
    open_remarks: int


class CheckOut(Model):
    """What a machine found. A failing check stops the handing in."""

    code: str
    verdict: Verdict
    section: str
    message: str


class ApplicationOut(Versioned, ApplicationLine):
    """An application in full, but for its answers and files, which have addresses of their own."""

    sections: list[SectionStanding]
    checks: list[CheckOut]
    supplement_until: date | None
    publicity_until: date | None
    decision_reason: str


class ApplicationList(Model):
    items: list[ApplicationLine]
    next: str | None


class ApplicationQuery(ListQuery):
    state: ApplicationState | None = None
    """Only in this state. Without it staff are not shown what is still being typed."""
    window: str = Field("", max_length=32)
    """Only of the window with this number."""
    q: str = Field("", max_length=100)
    """A part of the applicant's name, its credit code, or the number of the application."""


class StartIn(Model):
    """For whom the application is begun."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"organisation": "", "reuse": False}]})
    organisation: str = Field("", max_length=36)
    """Its id or credit code; empty where the viewer applies for one only."""
    reuse: bool = False
    """Begin with the answers and files of the last application."""


class ReasonIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"why": "股权变更，完成后再申报"}]})
    why: str = Field("", max_length=500)


@permission("read", "application")
@operation(
    "/applications", summary="Applications: one's own, or all for staff", tag="applications", query=ApplicationQuery, answer=ApplicationList
)
def list_applications(query: ApplicationQuery) -> ApplicationList:
    viewer = current_viewer()
    rows = select(ProviderApplication).join(ProviderApplication.window).join(ProviderApplication.organisation)
    rows = rows.where(readable_applications(viewer), *_wanted(query, viewer)).options(defer(ProviderApplication.answers))
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, ProviderApplication, query)
        return ApplicationList(items=[ApplicationLine(**_line(row)) for row in part], next=following)


def _wanted(query: ApplicationQuery, viewer: Viewer) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if query.state is not None:
        wanted.append(ProviderApplication.state == query.state)
    elif may(viewer, "read", "application"):
        wanted.append(ProviderApplication.state != ApplicationState.DRAFT)
    if query.window:
        wanted.append(ApplicationWindow.number == query.window)
    if text := query.q.strip():
        by_name = Organisation.name.icontains(text, autoescape=True) | (Organisation.credit_code == text.upper())
        wanted.append(by_name | (ProviderApplication.number == text.upper()))
    return wanted


@permission("read", "application")
@operation("/applications/<id>", summary="One application: where it stands and what it lacks", tag="applications", answer=ApplicationOut)
def read_application(id: str) -> ApplicationOut:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        row = find_application(session, id, viewer) or not_found()
        files = [FileFact(one.kind, one.sha256, one.filename) for one in find_attachments(session, NOUN, row.id)]
        return ApplicationOut(
            **_line(row),
            version=str(row.version),
            sections=[standing_of(row, section, files) for section in SECTIONS],
            checks=[check_out(one) for one in _results(session, row) if may(viewer, "read", "application") or not one["for_staff"]],
            supplement_until=row.supplement_until,
            publicity_until=row.publicity_until,
            decision_reason=row.decision_reason if row.state in ENDED else "",
        )


def _line(row: ProviderApplication) -> dict[str, Any]:
    window, unit = row.window, row.organisation
    terms = {"supplement_until": row.supplement_until, "publicity_until": row.publicity_until}
    holder = ball(row.state, today=today(), closes=window.closes, **terms)
    return {
        "id": row.public_id,
        "number": row.number,
        "window": WindowRef(id=window.public_id, number=window.number, title=window.title),
        "organisation": UnitRef(id=unit.public_id, code=unit.credit_code, name=unit.name),
        "state": row.state,
        "waits_for": holder.who if holder else None,
        "next_step": said(holder.what, {}) if holder else None,
        "due": holder.due if holder else None,
        "saved": row.saved_at,
        "submitted": row.submitted_at,
    }


def standing_of(row: ProviderApplication, section: Section, files: Sequence[FileFact]) -> SectionStanding:
    found = completeness(section, row.answers, files, current_site().pilot.application, row.window.required)
    return SectionStanding(
        key=section.key,
        title=said(section.title, {}),
        done=found.done,
        total=found.total,
        missing=[_missing(one, section) for one in found.missing],
        open_remarks=sum(one.section == section.key and one.settled_at is None for one in row.remarks),
    )


def _missing(one: Missing, section: Section) -> str:
    name = said(one.name, {})
    return f"{said(section.row, {})} {one.row} {name}" if one.row and one.name != section.row else f"{name} {one.row}" if one.row else name


def _results(session: Session, row: ProviderApplication) -> Sequence[Mapping[str, Any]]:
    """What has ended is judged by what was handed in, not by what the platform has learnt since."""
    if row.state in ENDED:
        submissions = find_submissions(session, row.id)
        return submissions[-1].checks if submissions else []
    live: Sequence[CheckResult] = check_application(find_facts(session, row, today()), current_site().pilot.application)
    return [one.as_json() for one in live]


def check_out(row: Mapping[str, Any]) -> CheckOut:
    values = {key: "、".join(map(str, value)) if isinstance(value, list) else value for key, value in row["values"].items()}
    return CheckOut(code=row["code"], verdict=row["verdict"], section=row["section"], message=said(row["message"], values))


# ---- written by the applicant


@permission("write", "application", scope="write")
@operation(
    "/windows/<id>/applications",
    method="POST",
    summary="Begin an application in an open window",
    tag="applications",
    body=StartIn,
    answer=Done,
    status=201,
    writes=True,
)
def start_application(id: str, body: StartIn) -> Done:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        window = find_readable_window(session, id)
        ids = (window.id, _unit(session, body.organisation, viewer))
    values: dict[str, Any] = {"viewer": viewer, "at": now(), "today": today(), "rules": site.pilot.application}
    return done(actions.start_application(site.database, *ids, reuse=body.reuse, **values))


def _unit(session: Session, named: str, viewer: Viewer) -> int:
    """The organisation that applies. Another's is as absent as one that never was."""
    own = select(Organisation.id).where(Organisation.id.in_(viewer.organisation_ids))
    if named:
        own = own.where((Organisation.public_id == named) | (Organisation.credit_code == named.upper()))
    found = session.scalars(own.limit(2)).all()
    if not named and len(found) > 1:
        refuse_field("body.organisation", "missing", _("您可以代几家单位申报，请写明是哪一家。"))
    return found[0] if found else not_found()


@permission("write", "application", scope="write")
@operation(
    "/applications/<id>/submit",
    method="POST",
    summary="Hand in, for the first time or as a supplement",
    tag="applications",
    answer=Done,
    writes=True,
)
def submit_application(id: str) -> Done:
    site = current_site()
    values: dict[str, Any] = {"viewer": current_viewer(), "at": now(), "today": today(), "rules": site.pilot.application}
    return done(submission.submit(site.database, number_of(id), **values))


@permission("write", "application", scope="write")
@operation(
    "/applications/<id>/withdraw",
    method="POST",
    summary="Take an application back; what was typed stays for a later window",
    tag="applications",
    body=ReasonIn,
    answer=Done,
    writes=True,
)
def withdraw_application(id: str, body: ReasonIn) -> Done:
    number = number_of(id)
    actions.withdraw(current_site().database, number, viewer=current_viewer(), at=now(), why=body.why)
    with current_site().database.reading() as session:
        return done(session.get_one(ProviderApplication, number))


def number_of(id: str) -> int:
    """The number inside, if this person may read the application at all."""
    with current_site().database.reading() as session:
        return (find_application(session, id, current_viewer()) or not_found()).id


def done(row: ProviderApplication) -> Done:
    return Done(id=row.public_id, state=row.state, version=str(row.version))
