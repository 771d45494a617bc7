"""Inspections on site: planned, visited by two or more without conflict, reported with checklist and photos. What follows once one is
confirmed is inspections_effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import notify
from marketplace.actions.numbers import next_number
from marketplace.actions.project_health import WatchStep
from marketplace.actions.project_steps import locked as locked_project
from marketplace.actions.project_steps import refuse_first, tell_applicant
from marketplace.actions.reviews_standing import keys_of, units_of
from marketplace.actions.roles import actor_of, must_hold, refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer
from marketplace.domain.experts import ExpertState, unit_key
from marketplace.domain.inspections import (
    TABLE,
    InspectionState,
    PhotoStamp,
    PlanDraft,
    ReportDraft,
    Standing,
    check_plan,
    check_report,
    check_stamp,
)
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import UNDER_WAY
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.files.store import StoredBlob
from marketplace.records.accounts import Account, Membership
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.experts import ReviewExpert
from marketplace.records.inspections import Inspection, InspectionFinding, InspectionPhoto, Inspector
from marketplace.records.organisations import Organisation
from marketplace.records.projects import Project, find_project_members, find_suppliers

INSPECTION, SERIES = "inspection", "XC"
INSPECT, CONFIRM = "inspect", "confirm_inspection"
PHOTO = "photo"
# Staff who may go along; experts come from the pool of review experts.
STAFF_ROLES = (Role.MANAGER, Role.BUREAU, Role.CENTRE)
HARMLESS = ("attach",)
MOST_PHOTOS = 60


def roles_on_inspection(viewer: Viewer, inspection: Inspection) -> frozenset[Role]:
    """Whoever inspects acts as an expert, staff or not; an expert who does not has no step here."""
    held = set(viewer.roles) - {Role.EXPERT}
    if viewer.account_id in {row.account_id for row in inspection.inspectors}:
        held.add(Role.EXPERT)
    return frozenset(held)


def locked(session: Session, inspection_id: int, step: WatchStep) -> Inspection:
    """The inspection under lock, its project before it."""
    project_id = session.scalars(select(Inspection.project_id).where(Inspection.id == inspection_id)).one()
    locked_project(session, project_id, replace(step, seen=None))
    session.execute(select(Inspection.id).where(Inspection.id == inspection_id).with_for_update())
    inspection = session.get_one(Inspection, inspection_id, populate_existing=True)
    for name in ("inspectors", "findings", "photos"):
        session.refresh(inspection, attribute_names=[name])
    refuse_if_moved(session, INSPECTION, inspection.id, seen=step.seen, at=step.at, harmless=HARMLESS)
    return inspection


def units_concerned(session: Session, project: Project) -> frozenset[str]:
    """By which words the applicant, the members and the suppliers are known."""
    units = [project.organisation, *(row.enterprise.organisation for row in find_project_members(session, project.id))]
    units += [row.provider.organisation for row in find_suppliers(session, project.id)]
    return frozenset(key for unit in units for key in keys_of(unit))


def conflicts_of(session: Session, account_ids: Iterable[int], project: Project) -> set[int]:
    """Which of these accounts belong to a side of the project, or have said that they avoid it."""
    wanted = set(account_ids)
    concerned = units_concerned(session, project)
    found: set[int] = set()
    query = select(Membership.account_id, Organisation).join(Membership.organisation).where(Membership.account_id.in_(wanted))
    for account_id, organisation in session.execute(query):
        if keys_of(organisation) & concerned:
            found.add(account_id)
    experts = session.scalars(select(ReviewExpert).where(ReviewExpert.account_id.in_(wanted))).all()
    units = units_of(session, experts)
    for expert in experts:
        avoided = frozenset(unit_key(word) for word in expert.avoid)
        if (units[expert.id] | avoided) & concerned and expert.account_id is not None:
            found.add(expert.account_id)
    return found


def possible_inspectors(session: Session) -> Sequence[tuple[Account, ReviewExpert | None]]:
    """Everybody who may inspect: staff, and active experts with an account."""
    experts = {
        row.account_id: row
        for row in session.scalars(
            select(ReviewExpert).where(ReviewExpert.account_id.is_not(None), ReviewExpert.state == ExpertState.ACTIVE)
        )
    }
    staff = select(Membership.account_id).where(Membership.role.in_(STAFF_ROLES))
    query = select(Account).where(Account.disabled.is_(False), Account.id.in_(staff) | Account.id.in_(list(experts)))
    return [(account, experts.get(account.id)) for account in session.scalars(query.order_by(Account.name, Account.id))]


def plan(database: Database, project_id: int, draft: PlanDraft, step: WatchStep) -> Inspection:
    """An inspection of one project that somebody chose."""
    must_hold(step.viewer, "supervise", "project")
    refuse_first(check_plan(draft, step.inspection, step.today))
    with database.writing() as session:
        project = locked_project(session, project_id, replace(step, seen=None))
        if project.state not in UNDER_WAY:
            raise RefusedError(Refused("not_under_way", _("项目不在实施中，不能安排检查。")))
        if conflicts := conflicts_of(session, draft.inspectors, project):
            raise RefusedError(
                Refused("conflict", _("检查人员里有 {count} 人与项目单位或服务商有利害关系，请更换。"), {"count": len(conflicts)})
            )
        return plan_in(session, project, draft, step)


def plan_in(session: Session, project: Project, draft: PlanDraft, step: WatchStep, *, draw_id: int | None = None) -> Inspection:
    """The same inside a transaction; of the team those without a conflict go. Whether they are enough is asked before they start."""
    assert draft.planned_on is not None
    one = Inspection(number=next_number(session, SERIES, step.today.year), project=project, draw_id=draw_id, announced=draft.announced)
    one.planned_on, one.about, one.created_by, one.created = draft.planned_on, draft.about.strip(), step.viewer.account_id, step.at
    one.answers = {}
    session.add(one)
    session.flush()
    _assign(session, one, draft.inspectors, step)
    after = {"number": one.number, "project": project.id, "planned_on": one.planned_on.isoformat(), "announced": one.announced}
    after |= {"draw": draw_id, "inspectors": [row.account_id for row in one.inspectors]}
    record(session, actor=actor_of(step.viewer), verb="plan", noun=INSPECTION, noun_id=one.id, before=None, after=after, at=step.at)
    if one.announced:
        on = one.planned_on.isoformat()
        tell_applicant(session, project, _("{number} {title}：{on} 现场检查，请准备好合同、发票和付款凭证。"), step.at, on=on)
    return one


def _assign(session: Session, one: Inspection, account_ids: Iterable[int], step: WatchStep) -> None:
    possible = {account.id: expert for account, expert in possible_inspectors(session)}
    clear = [number for number in dict.fromkeys(account_ids) if number in possible]
    conflicts = conflicts_of(session, clear, one.project)
    wanted = [number for number in clear if number not in conflicts]
    for row in [row for row in one.inspectors if row.account_id not in wanted]:
        one.inspectors.remove(row)
    there = {row.account_id for row in one.inspectors}
    for number in wanted:
        if number not in there:
            expert = possible[number]
            one.inspectors.append(Inspector(account_id=number, expert_id=expert.id if expert is not None else None))
    session.flush()
    close_tasks(session, INSPECTION, one.id, at=step.at, kinds=(INSPECT,))
    values = {"number": one.number, "title": one.project.title, "on": one.planned_on.isoformat()}
    for number in wanted:
        open_task(
            session, INSPECT, _("{number} {title}：{on} 现场检查"), noun=INSPECTION, noun_id=one.id, public_ref=one.public_id, at=step.at,
            values=values, account_id=number, due=term(one.planned_on, step.inspection.report_days, find_calendar(session)).due,
        )  # fmt: skip
    notify(
        session, wanted, "project", _("{number} {title}：请您 {on} 参加现场检查。"), at=step.at, values=values, noun=INSPECTION,
        public_ref=one.public_id,
    )  # fmt: skip


def assign(database: Database, inspection_id: int, account_ids: Sequence[int], step: WatchStep) -> Inspection:
    """Another team; those with a conflict are refused by name of their number."""
    must_hold(step.viewer, "supervise", "project")
    with database.writing() as session:
        one = locked(session, inspection_id, step)
        if one.state not in (InspectionState.PLANNED, InspectionState.ON_SITE):
            raise RefusedError(Refused("reported_already", _("检查报告已提交，不能再换人。")))
        if conflicts := conflicts_of(session, account_ids, one.project):
            raise RefusedError(
                Refused("conflict", _("检查人员里有 {count} 人与项目单位或服务商有利害关系，请更换。"), {"count": len(conflicts)})
            )
        before = {"inspectors": [row.account_id for row in one.inspectors]}
        _assign(session, one, account_ids, step)
        if len(one.inspectors) < step.inspection.least_inspectors:
            raise RefusedError(Refused("too_few_inspectors", _("现场检查至少要 {least} 人。"), {"least": step.inspection.least_inspectors}))
        after = {"inspectors": [row.account_id for row in one.inspectors]}
        record(session, actor=actor_of(step.viewer), verb="assign", noun=INSPECTION, noun_id=one.id, before=before, after=after, at=step.at)
        return one


def standing_of(session: Session, one: Inspection, step: WatchStep) -> Standing:
    """Conflicts are looked at now, not when the team was named: people change their employers."""
    session.flush()
    return Standing(
        inspectors=len(one.inspectors),
        least_inspectors=step.inspection.least_inspectors,
        unanswered=sum((one.answers.get(row.key) or [""])[0] == "" for row in step.inspection.checklist),
        photos=len(one.photos),
        least_photos=step.inspection.least_photos,
        findings=len(one.findings),
        severity=one.severity,
        viewer=step.viewer.account_id,
        reporter=one.reported_by,
        conflicts=len(conflicts_of(session, [row.account_id for row in one.inspectors], one.project)),
    )


def move(session: Session, one: Inspection, event: str, step: WatchStep, why: str = "") -> None:
    held = roles_on_inspection(step.viewer, one)
    subject = standing_of(session, one, step)
    transition.apply(session, one, TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why, subject=subject)


def start(database: Database, inspection_id: int, step: WatchStep) -> Inspection:
    """The inspectors are there; from now on the enterprise sees it too."""
    with database.writing() as session:
        one = locked(session, inspection_id, step)
        move(session, one, "start", step)
        one.started_at = step.at
        tell_applicant(session, one.project, _("{number} {title}：检查人员已到场。"), step.at)
        return one


@dataclass(frozen=True)
class Photo:
    """A photo on its way in, with its stamp and where the stamp comes from: device, camera or hand."""

    blob: StoredBlob
    stamp: PhotoStamp
    stamped_by: str = "hand"


def add_photos(database: Database, inspection_id: int, photos: Sequence[Photo], step: WatchStep) -> Inspection:
    with database.writing() as session:
        one = locked(session, inspection_id, replace(step, seen=None))
        refuse_unless(Role.EXPERT in roles_on_inspection(step.viewer, one))
        if one.state != InspectionState.ON_SITE:
            raise RefusedError(Refused("not_on_site", _("现在不在检查中，不能加照片。")))
        if len(one.photos) + len(photos) > MOST_PHOTOS:
            raise RefusedError(Refused("too_many_photos", _("一次检查最多 {most} 张照片。"), {"most": MOST_PHOTOS}))
        for photo in photos:
            refuse_first(check_stamp(photo.stamp, step.at))
            file = attach(
                session, photo.blob, noun=INSPECTION, noun_id=one.id, kind=PHOTO, organisation_id=None, viewer=step.viewer, at=step.at
            )
            if file.id in {row.attachment_id for row in one.photos}:
                continue
            row = InspectionPhoto(attachment=file, attachment_id=file.id, taken_at=photo.stamp.taken_at, place=photo.stamp.place.strip())
            row.latitude, row.longitude, row.stamped_by = photo.stamp.latitude, photo.stamp.longitude, photo.stamped_by
            row.taken_by = step.viewer.account_id
            one.photos.append(row)
        session.flush()
        return one


def save(database: Database, inspection_id: int, draft: ReportDraft, step: WatchStep) -> Inspection:
    """Keep what the inspectors have so far."""
    with database.writing() as session:
        one = locked(session, inspection_id, step)
        refuse_unless(Role.EXPERT in roles_on_inspection(step.viewer, one))
        _fill(session, one, draft, step)
        return one


def _fill(session: Session, one: Inspection, draft: ReportDraft, step: WatchStep) -> None:
    if one.state != InspectionState.ON_SITE:
        raise RefusedError(Refused("not_on_site", _("现在不在检查中，不能改检查记录。")))
    suppliers = frozenset(row.id for row in find_suppliers(session, one.project_id, ended=True))
    refuse_first(check_report(draft, step.inspection, suppliers))
    before = {"severity": one.severity, "findings": len(one.findings)}
    one.answers = {key: [answer, remark.strip()] for key, (answer, remark) in draft.answers.items() if answer or remark.strip()}
    one.summary, one.severity = draft.summary.strip(), draft.severity
    # What was kept before is no finding yet: it goes, and what is typed now stands in its place.
    one.findings.clear()
    session.flush()
    for found in draft.findings:
        finding = InspectionFinding(fault=found.fault, severity=found.severity, text=found.text.strip(), supplier_id=found.supplier_id)
        one.findings.append(finding)
    session.flush()
    after = {"severity": one.severity, "findings": len(one.findings), "answers": one.answers}
    record(session, actor=actor_of(step.viewer), verb="save", noun=INSPECTION, noun_id=one.id, before=before, after=after, at=step.at)


def report(database: Database, inspection_id: int, draft: ReportDraft, step: WatchStep) -> Inspection:
    """What was found; another person of the bureau confirms it before anything follows."""
    with database.writing() as session:
        one = locked(session, inspection_id, step)
        refuse_unless(Role.EXPERT in roles_on_inspection(step.viewer, one))
        _fill(session, one, draft, step)
        move(session, one, "report", step)
        one.reported_by, one.reported_at = step.viewer.account_id, step.at
        close_tasks(session, INSPECTION, one.id, at=step.at)
        values = {"number": one.number, "title": one.project.title}
        due = term(step.today, step.inspection.confirm_days, find_calendar(session)).due
        open_task(
            session, CONFIRM, _("{number} {title}：检查报告等您确认"), noun=INSPECTION, noun_id=one.id, public_ref=one.public_id, at=step.at,
            values=values, roles=(Role.BUREAU,), due=due,
        )  # fmt: skip
        return one


def send_back(database: Database, inspection_id: int, step: WatchStep, *, why: str) -> Inspection:
    for _field, refused in check_text("why", _("要补充什么"), why, most=2_000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        one = locked(session, inspection_id, step)
        one.reason = why.strip()
        move(session, one, "send_back", step, why.strip())
        close_tasks(session, INSPECTION, one.id, at=step.at)
        _assign(session, one, [row.account_id for row in one.inspectors], step)
        return one


def cancel(database: Database, inspection_id: int, step: WatchStep, *, why: str) -> Inspection:
    for _field, refused in check_text("why", _("取消的原因"), why, most=2_000, required=True):
        raise RefusedError(refused)
    with database.writing() as session:
        one = locked(session, inspection_id, step)
        told = one.announced or one.state == InspectionState.ON_SITE
        one.reason = why.strip()
        move(session, one, "cancel", step, why.strip())
        close_tasks(session, INSPECTION, one.id, at=step.at)
        if told:
            tell_applicant(session, one.project, _("{number} {title}：现场检查已取消。"), step.at)
        return one
