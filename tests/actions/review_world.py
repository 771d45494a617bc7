"""An applicant, a pool of experts and the people who decide: what the tests of the review act in."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marketplace.actions.admission import answer_decision, propose_decision
from marketplace.actions.reviews import accept, close_review
from marketplace.actions.reviews_experts import draw_experts
from marketplace.actions.reviews_scores import confirm_joint, declare_clear, hand_in_sheet, write_joint
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.applications import ApplicationState
from marketplace.domain.review_rules import ReviewRules
from marketplace.domain.reviews import JointDraft, ScoreSheet
from marketplace.domain.windows import WindowState
from marketplace.pilot import RULES as SHAPES
from marketplace.pilot_file import Reader
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.applications import ApplicationSubmission, ProviderApplication
from marketplace.records.database import Database
from marketplace.records.decisions import Decision, find_waiting_decisions
from marketplace.records.experts import ReviewExpert
from marketplace.records.organisations import Organisation
from marketplace.records.reviews import ReviewAssignment, find_review
from marketplace.records.windows import ApplicationWindow
from tests.conftest import ROOT

# A Wednesday, as people of the pilot have it.
AT = datetime(2026, 11, 25, 10, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
LATER = AT + timedelta(days=14)
_FILE = ROOT / "marketplace" / "data" / "pilot.toml"
RULES: ReviewRules = Reader(_FILE).build(SHAPES["review"], tomllib.loads(_FILE.read_text(encoding="utf-8"))["review"], "review")
KEYS = tuple(criterion.key for criterion in RULES.criteria)
YES = {check.key: "yes" for check in RULES.form_checks}
CODE = "91990000MAYGPX077U"

ANSWERS: dict[str, Any] = {
    "organisation": {
        "fields": {
            "kind": "software",
            "region": "某市某区",
            "established": "2011-03-01",
            "staff": "138",
            "legal_person": "钱某",
            "contact": "孙某",
            "phone": "022-66000000",
            "email": "a@example.com",
            "summary": "做工控软件。",
        }
    },
    "finance": {
        "rows": [
            {"key": "1", "year": "2024", "revenue": "7910", "profit": "655", "assets": "1000", "debts": "410"},
            {"key": "2", "year": "2025", "revenue": "8620", "profit": "764", "assets": "1000", "debts": "380"},
        ]
    },
    "qualifications": {"rows": [{"key": "1", "kind": "qualification", "name": "ISO 9001"}]},
    "cases": {
        "rows": [
            {
                "key": "1",
                "title": "树脂车间批控",
                "sector": "chem",
                "started": "2022-03-01",
                "finished": "2022-09-01",
                "cost": "126",
                "course": "分三批釜上线。",
                "effect": "投料差错 9→1 起/年；一次合格率 94.2→97.6 %",
            },
            {
                "key": "2",
                "title": "罐区账目",
                "sector": "chem",
                "started": "2023-05-01",
                "finished": "2023-08-01",
                "cost": "62",
                "course": "交接班固化。",
                "effect": "账实一致，不再手工对账",
            },
        ]
    },
    "experts": {"rows": [{"key": "1", "name": "赵某", "title": "首席顾问", "years": "18", "expertise": "制造执行", "cv": "……"}]},
    "local": {"fields": {"mode": "commitment", "heads": "6"}},
    "products": {"rows": [{"key": "1", "name": "批控软件", "form": "software", "sectors": ["chem"], "description": "……"}]},
}


@dataclass
class World:
    """Ids of the things, viewers of the people."""

    application: int
    organisation: int
    experts: list[int]
    people: dict[str, Viewer] = field(default_factory=dict)


def _account(session: Any, login: str, role: Role, organisation: Organisation, password_hash: str) -> Account:
    account = Account(login=login, name=login, password_hash=password_hash, created=AT)
    account.memberships = [Membership(organisation_id=organisation.id, role=role, areas=[], rights=list(RIGHTS))]
    session.add(account)
    return account


def open_world(
    database: Database,
    *,
    state: ApplicationState = ApplicationState.SUBMITTED,
    publicity_days: int = 5,
    experts: int = 5,
    password_hash: str = "x",
) -> World:
    """An application in this state, and everybody who has to do with it."""
    with database.writing() as session:
        units = {
            name: Organisation(name=name, credit_code=CODE if name == "申报公司" else None)
            for name in ("申报公司", "对手公司", "管理", "区局", "大学")
        }
        session.add_all(units.values())
        session.flush()
        roles = {"manager": Role.MANAGER, "manager2": Role.MANAGER, "bureau": Role.BUREAU, "admin": Role.ADMIN, "centre": Role.CENTRE}
        accounts = {
            login: _account(session, login, role, units["区局" if role == Role.BUREAU else "管理"], password_hash)
            for login, role in roles.items()
        }
        accounts["applicant"] = _account(session, "applicant", Role.PROVIDER, units["申报公司"], password_hash)
        accounts["rival"] = _account(session, "rival", Role.PROVIDER, units["对手公司"], password_hash)
        for number in range(experts):
            accounts[f"expert{number}"] = _account(session, f"expert{number}", Role.EXPERT, units["大学"], password_hash)
        session.flush()
        pool = [
            ReviewExpert(account_id=accounts[f"expert{number}"].id, name=f"专家{number}", unit="大学", fields=["chem"], avoid=[])
            for number in range(experts)
        ]
        session.add_all(pool)
        window = ApplicationWindow(
            number="SB-2026-01",
            title="第一批",
            text="通知",
            sectors=["chem", "auto"],
            required=[],
            opens=date(2026, 11, 1),
            closes=date(2026, 11, 30),
            publicity_days=publicity_days,
            state=WindowState.PUBLISHED,
            created=AT,
        )
        session.add(window)
        session.flush()
        application = ProviderApplication(
            number="SQ-2026-0001",
            window=window,
            organisation=units["申报公司"],
            state=state,
            answers=ANSWERS,
            created=AT,
            saved_at=AT,
            saved_by=accounts["applicant"].id,
            submitted_at=AT,
        )
        session.add(application)
        session.flush()
        session.add(ApplicationSubmission(application_id=application.id, round=1, answers=ANSWERS, files=[], checks=[], at=AT))
        session.flush()
        world = World(application.id, units["申报公司"].id, [expert.id for expert in pool])
    with database.reading() as session:
        for login, account in accounts.items():
            viewer = find_viewer(session, account.id)
            assert viewer is not None
            world.people[login] = viewer
    return world


def sheet(score: int = 75, **scores: int) -> ScoreSheet:
    return ScoreSheet(
        scores={**dict.fromkeys(KEYS, score), **scores},
        remarks=dict.fromkeys(KEYS, "见佐证"),
        answers={check.key: "yes" for check in RULES.checklist},
        opinion="可以入库",
    )


def joint(score: int = 75, discussion: str = "逐项核对") -> JointDraft:
    return JointDraft(dict.fromkeys(KEYS, score), "一致同意", discussion)


def accepted(database: Database, world: World) -> None:
    accept(database, world.application, answers=YES, remarks={}, rules=RULES, viewer=world.people["manager"], at=AT)


def drawn(database: Database, world: World, wanted: int = 3) -> list[tuple[int, Viewer]]:
    """Accepted, and experts drawn: (assignment, its expert)."""
    accepted(database, world)
    draw_experts(database, world.application, wanted=wanted, rules=RULES, viewer=world.people["manager"], at=AT, seed="lot")
    return parts(database, world)


def parts(database: Database, world: World) -> list[tuple[int, Viewer]]:
    with database.reading() as session:
        review = find_review(session, world.application)
        assert review is not None
        by_account = {viewer.account_id: viewer for viewer in world.people.values()}
        return [(one.id, by_account[one.expert.account_id]) for one in review.assignments]


def scored(database: Database, world: World, *scores: int) -> list[tuple[int, Viewer]]:
    """Drawn, declared and scored."""
    found = drawn(database, world, len(scores) or 3)
    for (assignment, viewer), score in zip(found, scores or (70, 75, 80), strict=True):
        declare_clear(database, assignment, rules=RULES, viewer=viewer, at=AT)
        hand_in_sheet(database, assignment, sheet(score), rules=RULES, viewer=viewer, at=AT, version=0)
    return found


def reviewed(database: Database, world: World, score: int = 75) -> None:
    """All of it, up to the end of the review."""
    found = scored(database, world)
    write_joint(database, world.application, joint(score), rules=RULES, viewer=world.people["manager"], at=AT)
    for assignment, viewer in found:
        confirm_joint(database, assignment, revision=1, rules=RULES, viewer=viewer, at=AT)
    close_review(database, world.application, rules=RULES, viewer=world.people["manager"], at=AT)


def decided(database: Database, world: World, event: str, *, at: datetime = AT, why: str = "符合条件") -> None:
    """Proposed by one, confirmed by another."""
    propose_decision(database, world.application, event, why=why, rules=RULES, viewer=world.people["manager"], at=at)
    answer_decision(database, waiting(database, world).id, "confirm", why="", rules=RULES, viewer=world.people["bureau"], at=at)


def waiting(database: Database, world: World) -> Decision:
    with database.reading() as session:
        [decision] = find_waiting_decisions(session, "application", world.application)
        session.expunge(decision)
        return decision


def state_of(database: Database, world: World) -> str:
    with database.reading() as session:
        return str(session.get_one(ProviderApplication, world.application).state)


def states_of(database: Database, world: World) -> list[str]:
    with database.reading() as session:
        review = find_review(session, world.application)
        assert review is not None
        return [str(one.state) for one in session.query(ReviewAssignment).filter_by(review_id=review.id).order_by(ReviewAssignment.id)]
