"""Progress in the demonstration set, for the projects that are under way: reports, evidence with one invoice used twice, inspections in
several states with a rectification, and supervision orders. Everything happens through the same actions as on the pages."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import evidence, inspection_draws, inspections, inspections_effect, progress, rectifications, supervision
from marketplace.actions.brokering_steps import CLOCK
from marketplace.actions.demonstration_applicants import paper
from marketplace.actions.inspections import Photo
from marketplace.actions.project_health import WatchStep
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.evidence import EvidenceDraft
from marketplace.domain.inspection_rules import InspectionRules, SupervisionRules
from marketplace.domain.inspections import RUNNING, FindingDraft, PhotoStamp, PlanDraft, ReportDraft
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.progress import ReportDraft as MonthDraft
from marketplace.domain.progress import due_of, first_of, next_month, wanted_months
from marketplace.domain.project_rules import ProjectRules
from marketplace.domain.projects import ProjectState
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.supervision import OrderDraft
from marketplace.files.invoices import ReadFile, Reading
from marketplace.files.store import BlobStore, StoredBlob
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.inspections import Inspection, find_rectifications
from marketplace.records.project_plans import find_milestones
from marketplace.records.projects import Project, find_suppliers

SEED = "demonstration"
_TEXTS = (
    "设备已到货，完成就位和找平，正在接线。",
    "系统完成部署，开始接入产线数据。",
    "首批工位上线试运行，操作人员培训两次。",
    "试运行稳定，按周对比能耗和合格率。",
)


@dataclass
class Watch:
    database: Database
    files: BlobStore
    rules: tuple[ProjectRules, InspectionRules, SupervisionRules, RatingRules, AdjustmentRules]
    at: datetime
    today: date
    offices: dict[Role, list[Viewer]]

    def step(self, viewer: Viewer, ago: int = 0) -> WatchStep:
        project, inspection, supervised, rating, adjustment = self.rules
        return WatchStep(
            viewer, self.at - timedelta(days=ago), self.today - timedelta(days=ago), project, inspection=inspection, supervision=supervised,
            rating=rating, adjustment=adjustment,
        )  # fmt: skip

    def blob(self, name: str, words: str) -> StoredBlob:
        return self.files.keep(paper(words), f"{name}.pdf", "application/pdf")


def seed_progress(
    database: Database,
    project: ProjectRules,
    inspection: InspectionRules,
    supervised: SupervisionRules,
    rating: RatingRules,
    adjustment: AdjustmentRules,
    *,
    files: BlobStore,
    at: datetime,
    today: date,
) -> bool:
    """Whether there was something to play: projects in work, and the people of the offices."""
    with database.reading() as session:
        offices = {role: _of_role(session, role) for role in (Role.MANAGER, Role.BUREAU)}
        found = session.scalars(select(Project).where(Project.state == ProjectState.IMPLEMENTING).order_by(Project.id).limit(6)).all()
        projects = [(row.id, _applicant(session, row)) for row in found]
    stage = Watch(database, files, (project, inspection, supervised, rating, adjustment), at, today, offices)
    if not projects or not offices[Role.MANAGER] or not offices[Role.BUREAU]:
        return False
    for place, (number, applicant) in enumerate(projects):
        play_reports(stage, number, applicant, place)
        play_evidence(stage, number, applicant, place)
    _play_inspections(stage, projects)
    _play_orders(stage, projects)
    supervision.look_at(database, stage.step(CLOCK))
    return True


def _of_role(session: Session, role: Role) -> list[Viewer]:
    query = select(Account.id).join(Membership).where(Membership.role == role, Account.disabled.is_(False)).order_by(Account.id)
    return [viewer for number in session.scalars(query.limit(4)) if (viewer := find_viewer(session, number)) is not None]


def _applicant(session: Session, project: Project) -> Viewer:
    """Somebody of the applicant, with every right; where nobody has an account, the office types it in for it."""
    query = select(Account.id).join(Membership).where(Membership.organisation_id == project.organisation_id)
    number = session.scalars(query.order_by(Account.id)).first()
    own = frozenset((project.organisation_id, right) for right in RIGHTS)
    known = find_viewer(session, number) if number is not None else None
    return Viewer(
        account_id=number,
        name=known.name if known is not None else project.organisation.name,
        roles=frozenset({Role.ENTERPRISE}),
        organisation_ids=frozenset({project.organisation_id}),
        rights=own,
    )


def play_reports(stage: Watch, number: int, applicant: Viewer, place: int, until: int = 0) -> None:
    """`until`: days ago, after which none was due any more. Each month was reported when it was due, but for the last one of every third project."""
    with stage.database.reading() as session:
        project = session.get_one(Project, number)
        months = wanted_months((), progress.begun_on(session, project), stage.today)
        milestones = [(row.id, row.planned) for row in find_milestones(session, number)]
        total = project.total_fen or 0
    months = [month for month in months if (stage.today - due_of(month, stage.rules[0].report_day)).days >= until]
    given = months[: -1 if place % 3 == 0 else None]
    for count, month in enumerate(given, 1):
        share = min(90, 20 * count + 5 * place)
        # Whoever is late with its reports is late with its work.
        over = first_of(next_month(month))
        reached: dict[int, date | None] = {key: planned for key, planned in milestones if planned < over and place % 3}
        draft = MonthDraft(_TEXTS[(place + count) % len(_TEXTS)], share, total * share // 200, reached=reached)
        if place % 3 == 1 and count == len(given):
            draft.help = "请帮助协调园区供电增容。"
        with suppress(RefusedError):
            ago = max(0, (stage.today - due_of(month, stage.rules[0].report_day)).days)
            progress.hand_in(stage.database, number, month, draft, stage.step(applicant, ago))


def play_evidence(stage: Watch, number: int, applicant: Viewer, place: int, share: float = 0.2, ago: int = 0) -> None:
    """`share`: of the investment that the invoice is for. An invoice, a contract and a photo each; the invoice of the second project is the first one's."""
    with stage.database.reading() as session:
        project = session.get_one(Project, number)
        suppliers = find_suppliers(session, number)
        seller = suppliers[0].provider.name if suppliers else "示例设备有限公司"
        fen = max(1_000_000, int((project.total_fen or 100_000_000) * share))
        contract = suppliers[0].contract_fen if suppliers else None
        day = max(project.starts or stage.today, stage.today - timedelta(days=30 + ago))
    fen = min(fen, contract) if contract else fen
    day = min(day, stage.today)
    shown = "261120000000000001" if place < 2 else f"26112000000000{place:04}"
    invoice = EvidenceDraft("invoice", fen, shown, day, seller, "equipment" if place % 2 else "software")
    bought = EvidenceDraft("purchase", contract or fen, note="与服务商签订的合同")
    photo = EvidenceDraft("photo", taken_on=day, place="一号车间")
    for draft, name in ((bought, "合同"), (invoice, "发票"), (photo, "现场照片")):
        file = ReadFile(stage.blob(name, f"{draft.kind} {number}"), Reading())
        with suppress(RefusedError):
            evidence.add(stage.database, number, draft.kind, [file], stage.step(applicant, ago), draft)
    if place == 0:
        # One that still waits for the person to check it.
        file = ReadFile(stage.blob("发票（待核对）", f"to check {number}"), Reading())
        evidence.add(stage.database, number, "invoice", [file], stage.step(applicant))


def _play_inspections(stage: Watch, projects: Sequence[tuple[int, Viewer]]) -> None:
    """One is ordered and two are drawn: one confirmed with a finding and put right, one reported, one still to come."""
    manager, bureau = stage.offices[Role.MANAGER][0], stage.offices[Role.BUREAU][0]
    with stage.database.reading() as session:
        possible = [(account.id, expert is None) for account, expert in inspections.possible_inspectors(session)]
    # An expert, where there is one that may go.
    others = sorted((is_staff, number) for number, is_staff in possible if number != manager.account_id)
    if not others or manager.account_id is None:
        return
    team = [manager.account_id, others[0][1]]
    draft = PlanDraft(stage.today, False, team, "设备到货、发票原件")
    inspections.plan(stage.database, projects[0][0], draft, stage.step(manager))
    with suppress(RefusedError):
        inspection_draws.draw_projects(stage.database, min(2, len(projects)), draft, stage.step(manager), seed=SEED)
    with stage.database.reading() as session:
        drawn = session.scalars(select(Inspection.id).where(Inspection.state.in_(RUNNING)).order_by(Inspection.id)).all()
    for place, number in enumerate(drawn[:2]):
        with suppress(RefusedError):
            _report(stage, number, manager, place)
            if place == 0:
                inspections_effect.confirm(stage.database, number, stage.step(bureau), why="属实")
                _put_right(stage, number, dict(projects))


def _report(stage: Watch, number: int, manager: Viewer, place: int) -> None:
    inspections.start(stage.database, number, stage.step(manager))
    stamp = PhotoStamp(stage.at, 39.02, 117.71, "一号车间")
    # Papers stand in for photos: what is made up needs no picture.
    shots = [Photo(stage.blob(f"现场 {shot + 1}", f"site {number} {shot}"), stamp, "device") for shot in range(3)]
    inspections.add_photos(stage.database, number, shots, stage.step(manager))
    answers = {row.key: ("yes", "") for row in stage.rules[1].checklist}
    found = [FindingDraft("behind", "general", "两台设备还没有到货，晚于里程碑。")] if place == 0 else []
    draft = ReportDraft(answers, "看了车间和账目，抽看发票三张。", "general" if found else "clean", found)
    inspections.report(stage.database, number, draft, stage.step(manager))


def _put_right(stage: Watch, number: int, applicants: dict[int, Viewer]) -> None:
    """The enterprise has reported; the bureau has still to look."""
    with stage.database.reading() as session:
        project_id = session.get_one(Inspection, number).project_id
        row = next(iter(find_rectifications(session, project_id)), None)
        row_id = row.id if row is not None else None
    if row_id is not None and project_id in applicants:
        proof = stage.blob("到货照片", f"arrived {number}")
        step = stage.step(applicants[project_id])
        rectifications.hand_in(stage.database, project_id, row_id, "两台设备已到货并就位，附照片。", [proof], step)


def _play_orders(stage: Watch, projects: Sequence[tuple[int, Viewer]]) -> None:
    """One answered, one late."""
    manager = stage.offices[Role.MANAGER][0]
    number, applicant = projects[-1]
    with suppress(RefusedError):
        due = stage.today + timedelta(days=5)
        done = supervision.issue(stage.database, number, OrderDraft("说明支出滞后的原因和补救办法。", due), stage.step(manager))
        supervision.answer(stage.database, done.id, "主机本月底到货，到货后付款。", stage.step(applicant))
    if len(projects) > 1:
        with suppress(RefusedError):
            late = OrderDraft("补交上月月报。", stage.today - timedelta(days=3))
            supervision.issue(stage.database, projects[-2][0], late, stage.step(manager, 8))
