"""A guide with projects that were recommended, a pool of experts, and the people who review, select and sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marketplace.actions import fund_budgets
from marketplace.actions.project_reviews import close_project_review, draw_project_experts, write_project_joint
from marketplace.actions.project_scores import confirm_joint, declare_clear, hand_in_sheet
from marketplace.actions.project_selections import answer, propose
from marketplace.actions.project_steps import Step
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.fund_budgets import BudgetDraft, TargetDraft
from marketplace.domain.guides import GuideState
from marketplace.domain.project_plans import Direction
from marketplace.domain.project_reviews import ProjectJointDraft
from marketplace.domain.project_selections import SelectionDraft
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.domain.providers import ProviderState
from marketplace.domain.reviews import ScoreSheet
from marketplace.pilot import load_pilot
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.decisions import Decision, find_waiting_decisions
from marketplace.records.enterprises import Enterprise
from marketplace.records.experts import ReviewExpert
from marketplace.records.guides import Guide
from marketplace.records.organisations import Organisation
from marketplace.records.project_plans import Milestone, ProjectCost, ProjectIndicator
from marketplace.records.project_reviews import ProjectAssignment, find_project_review
from marketplace.records.projects import Project, ProjectMember, ProjectSupplier
from marketplace.records.providers import Provider

# A Wednesday, as people of the pilot have it.
AT = datetime(2026, 11, 25, 10, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
PILOT = load_pilot()
RULES, PANEL = PILOT.project, PILOT.project_review
KEYS = tuple(criterion.key for criterion in PANEL.criteria)
WAN = 1_000_000


@dataclass
class World:
    """Ids of the things, viewers of the people."""

    guide: int
    projects: list[int]
    experts: list[int] = field(default_factory=list)
    people: dict[str, Viewer] = field(default_factory=dict)

    @property
    def project(self) -> int:
        return self.projects[0]

    def step(self, person: str, at: datetime = AT, seen: int | None = None) -> Step:
        return Step(self.people[person], at, at.date(), RULES, seen)


def _account(session: Any, login: str, role: Role, organisation: Organisation, password_hash: str, areas: tuple[str, ...] = ()) -> Account:
    account = Account(login=login, name=login, password_hash=password_hash, created=AT)
    account.memberships = [Membership(organisation_id=organisation.id, role=role, areas=list(areas), rights=list(RIGHTS))]
    session.add(account)
    return account


def open_world(
    database: Database,
    *,
    project_class: ProjectClass = ProjectClass.CENTRAL,
    state: ProjectState = ProjectState.RECOMMENDED,
    projects: int = 1,
    experts: int = 5,
    budget_wan: int | None = 1000,
    asked_wan: int = 100,
    total_wan: int = 1000,
    password_hash: str = "x",
    funds_wan: int = 10_000,
) -> World:
    """`projects` projects of one guide in this state, each with a member enterprise and a supplier; experts of a university. `funds_wan`: this
    year's budget of central money, with as much of the city's beside it; 0 for none."""
    with database.writing() as session:
        names = ("申报公司", "成员公司", "服务公司", "对手公司", "管理", "区局", "财政", "大学")
        units = {name: Organisation(name=name) for name in names}
        session.add_all(units.values())
        session.flush()
        offices = {
            "manager": (Role.MANAGER, "管理"), "bureau": (Role.BUREAU, "区局"), "bureau2": (Role.BUREAU, "区局"), "finance": (Role.FINANCE, "财政"),
            "admin": (Role.ADMIN, "管理"), "centre": (Role.CENTRE, "管理"), "area": (Role.AREA, "区局"), "applicant": (Role.ENTERPRISE, "申报公司"),
            "member": (Role.ENTERPRISE, "成员公司"), "supplier": (Role.PROVIDER, "服务公司"), "rival": (Role.ENTERPRISE, "对手公司"),
        }  # fmt: skip
        accounts = {
            login: _account(session, login, role, units[unit], password_hash, ("teda",) if role == Role.AREA else ())
            for login, (role, unit) in offices.items()
        }
        for number in range(experts):
            accounts[f"expert{number}"] = _account(session, f"expert{number}", Role.EXPERT, units["大学"], password_hash)
        enterprises = {
            name: Enterprise(organisation=units[name], sector="chem", source="t", source_ref=name)
            for name in ("申报公司", "成员公司", "对手公司")
        }
        provider = Provider(organisation=units["服务公司"], state=ProviderState.ADMITTED, source="t", source_ref="p")
        session.add_all([*enterprises.values(), provider])
        session.flush()
        pool = [
            ReviewExpert(account_id=accounts[f"expert{number}"].id, name=f"专家{number}", unit="大学", fields=["chem"], avoid=[])
            for number in range(experts)
        ]
        session.add_all(pool)
        guide = Guide(
            number="ZN-2026-0001", project_class=project_class, title="第一批指南", text="支持方向", levels=[], sectors=[], orientations=[],
            conditions=[], documents=[], budget_fen=None if budget_wan is None else budget_wan * WAN, opens=date(2026, 10, 1),
            closes=date(2026, 11, 20), state=GuideState.CLOSED, created=AT,
        )  # fmt: skip
        session.add(guide)
        session.flush()
        rows = [
            Project(
                number=f"XM-2026-{number + 1:04}", project_class=project_class, guide_id=guide.id, organisation_id=units["申报公司"].id,
                enterprise_id=enterprises["申报公司"].id, title=f"项目{number + 1}", area="teda", sector="chem", orientations=[], scenario_codes=[],
                starts=date(2026, 1, 1), ends=date(2026, 12, 20), total_fen=total_wan * WAN, asked_fen=asked_wan * WAN, plan={"content": "改造"},
                state=state, created=AT, submitted_at=AT, health_reasons=[],
            )
            for number in range(projects)
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        for row in rows:
            session.add(ProjectMember(project_id=row.id, enterprise_id=enterprises["成员公司"].id))
            session.add(ProjectSupplier(project_id=row.id, provider_id=provider.id, content="批控系统"))
            session.add(
                ProjectIndicator(
                    project_id=row.id,
                    position=1,
                    name="一次合格率",
                    unit="%",
                    direction=Direction.UP,
                    baseline=94.2,
                    target=97.5,
                    weight=100,
                )
            )
            session.add(
                ProjectCost(
                    project_id=row.id,
                    year=2026,
                    quarter=1,
                    kind="software",
                    item="批控软件",
                    amount_fen=WAN * 10,
                    fiscal_fen=WAN,
                    own_fen=WAN * 9,
                )
            )
            session.add(Milestone(project_id=row.id, position=1, title="上线", planned=date(2026, 9, 30)))
        session.flush()
        world = World(guide.id, [row.id for row in rows], [one.id for one in pool])
    with database.reading() as session:
        for login, account in accounts.items():
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            world.people[login] = viewer
    for source in ("central", "city") if funds_wan else ():
        draft = BudgetDraft(source, AT.year, funds_wan * WAN, "津滨财预〔2026〕10号", "", (TargetDraft("支持项目", "个", 10),))
        number = fund_budgets.create_budget(database, draft, world.step("finance")).id
        fund_budgets.move_budget(database, number, "propose", world.step("finance"))
        fund_budgets.move_budget(database, number, "approve", world.step("bureau"))
    return world


def sheet(score: int = 75, **scores: int) -> ScoreSheet:
    return ScoreSheet(
        scores={**dict.fromkeys(KEYS, score), **scores},
        remarks=dict.fromkeys(KEYS, "见材料"),
        answers={check.key: "yes" for check in PANEL.checklist},
        opinion="可以支持",
    )


def joint(score: int = 75, amount_wan: float = 80, discussion: str = "逐项核对") -> ProjectJointDraft:
    return ProjectJointDraft(dict.fromkeys(KEYS, score), "一致同意", discussion, round(amount_wan * WAN))


def drawn(database: Database, world: World, wanted: int = 3, project: int | None = None) -> list[tuple[int, str]]:
    """Drawn, and so under review: (assignment, its expert)."""
    number = project or world.project
    draw_project_experts(database, number, wanted=wanted, panel=PANEL, step=world.step("manager"), seed="lot")
    return parts(database, world, number)


def parts(database: Database, world: World, project: int | None = None) -> list[tuple[int, str]]:
    with database.reading() as session:
        review = find_project_review(session, project or world.project)
        assert review is not None
        by_account = {viewer.account_id: login for login, viewer in world.people.items()}
        return [(one.id, by_account[one.expert.account_id]) for one in review.assignments]


def scored(database: Database, world: World, *scores: int, project: int | None = None) -> list[tuple[int, str]]:
    """Drawn, declared and scored."""
    found = drawn(database, world, len(scores) or 3, project)
    for (assignment, person), score in zip(found, scores or (70, 75, 80), strict=True):
        declare_clear(database, assignment, panel=PANEL, step=world.step(person))
        hand_in_sheet(database, assignment, sheet(score), panel=PANEL, step=world.step(person), version=0)
    return found


def ranked(database: Database, world: World, score: int = 75, amount_wan: float = 80, project: int | None = None) -> None:
    """The whole review of a project."""
    number = project or world.project
    found = scored(database, world, project=number)
    write_project_joint(database, number, joint(score, amount_wan), panel=PANEL, step=world.step("manager"))
    for assignment, person in found:
        confirm_joint(database, assignment, revision=1, panel=PANEL, step=world.step(person))
    close_project_review(database, number, panel=PANEL, step=world.step("manager"))


def waiting(database: Database, project: int) -> Decision:
    with database.reading() as session:
        [decision] = find_waiting_decisions(session, "project", project)
        session.expunge(decision)
        return decision


def decided(
    database: Database,
    world: World,
    event: str,
    *,
    at: datetime = AT,
    amount_wan: float | None = None,
    project: int | None = None,
    **more: Any,
) -> None:
    """Proposed by one, confirmed by another."""
    number = project or world.project
    draft = SelectionDraft(why="符合指南", amount_fen=None if amount_wan is None else round(amount_wan * WAN), **more)
    propose(database, number, event, draft, panel=PANEL, step=world.step("bureau", at))
    answer(database, waiting(database, number).id, "confirm", why="", panel=PANEL, step=world.step("bureau2", at))


def shown(database: Database, world: World, amount_wan: float = 80) -> None:
    ranked(database, world)
    decided(database, world, "show", amount_wan=amount_wan)


def approved(database: Database, world: World, amount_wan: float = 80) -> datetime:
    """Recognised on the first day after the notice; when that was."""
    shown(database, world, amount_wan)
    later = AT + timedelta(days=8)
    decided(database, world, "approve", at=later)
    return later


def state_of(database: Database, project: int) -> str:
    with database.reading() as session:
        return str(session.get_one(Project, project).state)


def states_of(database: Database, project: int) -> list[str]:
    with database.reading() as session:
        review = find_project_review(session, project)
        assert review is not None
        query = session.query(ProjectAssignment).filter_by(review_id=review.id).order_by(ProjectAssignment.id)
        return [str(one.state) for one in query]
