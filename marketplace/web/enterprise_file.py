"""一企一档: everything that was done with one enterprise, in the order of time, for the offices and for itself.

Each kind of thing is read by the rules of its own noun: whoever may not open it does not find it here. A constant number of queries,
of each kind the newest so many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, url_for
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer, may, may_read_enterprise, may_read_plan
from marketplace.domain.events import EventState
from marketplace.domain.inspections import InspectionState
from marketplace.domain.lifecycle import _
from marketplace.domain.meetings import MeetingState
from marketplace.domain.open_demands import PUBLIC as SHOWN_DEMANDS
from marketplace.domain.sign_ups import SignUpState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.brokerings import Brokering
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.events import Event, SignUp
from marketplace.records.financing import FinancingApplication, readable_applications
from marketplace.records.inquiries import Inquiry
from marketplace.records.inspections import Inspection
from marketplace.records.meetings import Meeting, MeetingParty
from marketplace.records.open_demands import OpenDemand
from marketplace.records.plans import IssuedPlan
from marketplace.records.projects import Project, ProjectMember, readable_projects
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.typed import local_day

pages = Blueprint("enterprise_file", __name__)
# Of each kind of thing; an enterprise has a few of each in the term of a pilot.
MOST = 200
KINDS = {
    "diagnosis": _("评估诊断"), "plan": _("一企一策"), "inquiry": _("询问"), "brokering": _("对接"), "open_demand": _("公开需求"),
    "meeting": _("对接会"), "project": _("项目"), "inspection": _("现场检查"), "financing": _("融资"), "event": _("培训与活动"),
}  # fmt: skip
_TOLD = (InspectionState.ON_SITE, InspectionState.REPORTED, InspectionState.CONFIRMED)
_THERE = (SignUpState.SEATED, SignUpState.ATTENDED, SignUpState.ABSENT)


@dataclass(frozen=True)
class Entry:
    """One line: `noun` and `state` make its badge, "" where it has none; `address` is "" where there is nothing to open."""

    at: datetime
    kind: str
    number: str
    title: str
    noun: str
    state: str
    address: str

    @property
    def day(self) -> date:
        """Where the pilot is."""
        return local_day(self.at)


@dataclass(frozen=True)
class ServiceFile:
    entries: Sequence[Entry]
    counts: Sequence[tuple[str, int]]
    paging: Paging


@pages.get("/enterprises/<public_id>/file")
@permission("read", "enterprise")
def show(public_id: str) -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        enterprise = find_enterprise(session, public_id)
        # A foreign enterprise and a missing one get the same answer.
        if enterprise is None or not may_read_enterprise(viewer, enterprise.id):
            not_found()
        kinds = {kind: say(word) for kind, word in KINDS.items()}
        return render_template("enterprises/file.html", enterprise=enterprise, file=read_file(session, enterprise, viewer), kinds=kinds)


def read_file(session: Session, enterprise: Enterprise, viewer: Viewer) -> ServiceFile:
    """The newest first."""
    found = sorted(_entries(session, enterprise, viewer), key=lambda one: (one.at, one.kind, one.number), reverse=True)
    counts = [(say(word), sum(one.kind == kind for one in found)) for kind, word in KINDS.items()]
    paging = paged(len(found), current_site().pilot.thresholds.page_size, "enterprise_file.show", public_id=enterprise.public_id)
    return ServiceFile(found[paging.offset : paging.offset + paging.size], [row for row in counts if row[1]], paging)


def _entries(session: Session, enterprise: Enterprise, viewer: Viewer) -> Iterator[Entry]:
    yield from _diagnoses(session, enterprise)
    if may_read_plan(viewer, enterprise.id):
        yield from _plans(session, enterprise)
    yield from _matches(session, enterprise, viewer)
    yield from _projects(session, enterprise, viewer)
    yield from _events(session, enterprise)


def _diagnoses(session: Session, enterprise: Enterprise) -> Iterator[Entry]:
    query = select(Diagnosis).where(Diagnosis.enterprise_id == enterprise.id).order_by(Diagnosis.id.desc()).limit(MOST)
    for row in session.scalars(query):
        if day := row.visited or row.planned_on or (row.issued_at.date() if row.issued_at else None):
            title = say("入企诊断")
            yield Entry(
                _noon(day), "diagnosis", row.number, title, "diagnosis", row.state, url_for("diagnoses.show", public_id=row.public_id)
            )


def _plans(session: Session, enterprise: Enterprise) -> Iterator[Entry]:
    query = select(IssuedPlan).where(IssuedPlan.enterprise_id == enterprise.id).order_by(IssuedPlan.id.desc()).limit(MOST)
    for row in session.scalars(query):
        title = say("出具第 {n} 版方案", n=row.version)
        yield Entry(row.at, "plan", row.number, title, "plan", row.state, url_for("plan_issues.show", public_id=row.public_id))


def _matches(session: Session, enterprise: Enterprise, viewer: Viewer) -> Iterator[Entry]:
    """Questions to solutions, brokerings, open demands and meetings."""
    asked = select(Inquiry.at, Solution.title, Brokering.public_id, Brokering.sent_at)
    asked = asked.join(Brokering, Brokering.id == Inquiry.brokering_id).join(Solution, Solution.id == Inquiry.solution_id)
    asked = asked.where(Brokering.enterprise_id == enterprise.id).order_by(Inquiry.id.desc()).limit(MOST)
    staff = may(viewer, "read", "brokering")
    for at, title, ref, sent in session.execute(asked):
        yield Entry(at, "inquiry", "", title, "", "", url_for("brokerings.show", public_id=ref) if staff or sent else "")
    sent_ones = select(Brokering).where(Brokering.enterprise_id == enterprise.id, Brokering.sent_at.is_not(None))
    for row in session.scalars(sent_ones.order_by(Brokering.id.desc()).limit(MOST)):
        there = url_for("brokerings.show", public_id=row.public_id)
        yield Entry(row.sent_at or row.created, "brokering", row.number, row.title, "brokering", row.state, there)
    demands = select(OpenDemand).where(OpenDemand.enterprise_id == enterprise.id, OpenDemand.published_at.is_not(None))
    # Whose a demand is that shows no name, the offices that do not run brokerings are not told here either.
    if not (may(viewer, "run", "brokering") or enterprise.id in viewer.enterprise_ids):
        demands = demands.where(OpenDemand.shows_name, OpenDemand.state.in_(SHOWN_DEMANDS))
    for demand in session.scalars(demands.order_by(OpenDemand.id.desc()).limit(MOST)):
        there = url_for("open_demands.show", public_id=demand.public_id)
        at = demand.published_at or demand.created
        yield Entry(at, "open_demand", demand.number, demand.title, "open_demand", demand.state, there)
    invited = select(Meeting).join(MeetingParty, MeetingParty.meeting_id == Meeting.id)
    invited = invited.where(
        MeetingParty.enterprise_id == enterprise.id, MeetingParty.invited_at.is_not(None), Meeting.state != MeetingState.DRAFT
    )
    for meeting in session.scalars(invited.order_by(Meeting.id.desc()).limit(MOST)):
        there = url_for("meetings.show", public_id=meeting.public_id)
        yield Entry(_noon(meeting.day), "meeting", meeting.number, meeting.title, "meeting", meeting.state, there)


def _projects(session: Session, enterprise: Enterprise, viewer: Viewer) -> Iterator[Entry]:
    """Its projects, visits to them, and what it asked banks for."""
    parts = select(ProjectMember.project_id).where(ProjectMember.enterprise_id == enterprise.id)
    own = or_(Project.enterprise_id == enterprise.id, Project.id.in_(parts))
    query = select(Project).where(own, readable_projects(viewer)).order_by(Project.id.desc()).limit(MOST)
    for row in session.scalars(query):
        at = row.submitted_at or row.created
        yield Entry(at, "project", row.number, row.title, "project", row.state, url_for("projects.show", public_id=row.public_id))
    visits = select(Inspection).join(Project, Project.id == Inspection.project_id).where(Project.enterprise_id == enterprise.id)
    # An unannounced one the enterprise does not see before the inspectors are there.
    if not may(viewer, "read", "inspection"):
        visits = visits.where(or_(Inspection.announced, Inspection.state.in_(_TOLD)))
    for visit in session.scalars(visits.order_by(Inspection.id.desc()).limit(MOST)):
        there = url_for("inspections.show", inspection_id=visit.public_id)
        yield Entry(_noon(visit.planned_on), "inspection", visit.number, visit.project.title, "inspection", visit.state, there)
    asked = select(FinancingApplication).where(FinancingApplication.enterprise_id == enterprise.id, readable_applications(viewer))
    for loan in session.scalars(asked.order_by(FinancingApplication.id.desc()).limit(MOST)):
        there = url_for("financing.show", public_id=loan.public_id)
        at = loan.sent_at or loan.created
        yield Entry(at, "financing", "", loan.offer.product, "financing_application", loan.state, there)


def _events(session: Session, enterprise: Enterprise) -> Iterator[Entry]:
    """One line an event, however many of its people were there."""
    there = select(SignUp.event_id, func.count().label("people")).where(SignUp.organisation_id == enterprise.organisation_id)
    counted = there.where(SignUp.state.in_(_THERE)).group_by(SignUp.event_id).subquery()
    query = select(Event, counted.c.people).join(counted, counted.c.event_id == Event.id).where(Event.state != EventState.CANCELLED)
    for event, people in session.execute(query.order_by(Event.id.desc()).limit(MOST)):
        title = say("{title}（{n} 人报名）", title=event.title, n=people)
        yield Entry(event.starts, "event", event.number, title, "event", event.state, url_for("events.show", public_id=event.public_id))


def _noon(day: date) -> datetime:
    """A day has no hour: it stands among moments at its noon."""
    return datetime.combine(day, time(12), ZoneInfo(current_site().pilot.city.zone))
