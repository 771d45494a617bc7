"""Projects of all classes in every state, with what hangs on them: suppliers, reviews, reports, evidence, inspections, orders, acceptances.

The first `own` projects are those of the one enterprise, and the one provider supplies them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from bench.filled import OWN_ENTERPRISE, OWN_EXPERT, OWN_PROVIDER, ROLES, SECTORS, Row
from marketplace.domain.access import Role
from marketplace.domain.projects import ENDED, FUNDED, TABLES, UNDER_WAY, ProjectClass, ProjectState, ball_of
from marketplace.pilot import load_pilot

if TYPE_CHECKING:
    from bench.filled import Filler

AREAS = ("teda", "teda_east", "teda_west", "nangang")
# The officer of a park or street in the bench is this one's.
OWN_AREA = AREAS[0]
_S = ProjectState
CLASSES = (ProjectClass.CENTRAL, ProjectClass.CENTRAL, ProjectClass.CENTRAL, ProjectClass.MUNICIPAL, ProjectClass.OTHER)
STATES = {one: [_S.RESERVE, _S.DRAFT, *dict.fromkeys(_S(row.to) for row in TABLES[one] if row.to != _S.DRAFT)] for one in ProjectClass}
_REVIEWED = frozenset({_S.REVIEWING, _S.RANKED, _S.SHOWN, _S.APPROVED, _S.AGREED}) | FUNDED
_ACCEPTED = {
    _S.FORMAL_REVIEW: "formal_review", _S.ACCEPTING: "accepting", _S.DECIDING: "deciding", _S.REWORKING: "failed", _S.PASSED: "passed",
    _S.FINISHED: "passed",
}  # fmt: skip
_HEALTH = ("good", "good", "watch", "trouble")
_REASON = {"level": "trouble", "code": "reports_late", "message": "{months} 的月报还没有交。", "values": {"months": "2026-10"}}


def fill_projects(filler: Filler) -> list[Row]:
    """The rows of the projects, for the money."""
    _guides(filler)
    projects = list(_projects(filler))
    filler.put("projects", projects)
    filler.put("project_suppliers", (_supplier(filler, row) for row in projects))
    filler.put("project_members", (_member(filler, row) for row in projects if row["level"] == "line"))
    filler.put("project_indicators", _indicators(projects))
    filler.put("milestones", _milestones(filler, projects))
    _reviews(filler, [row for row in projects if row["state"] in _REVIEWED and row["project_class"] == ProjectClass.CENTRAL])
    _watched(filler, [row for row in projects if row["state"] in FUNDED])
    _publicity(filler, [row for row in projects if row["state"] == _S.SHOWN])
    _acceptances(filler, [row for row in projects if row["state"] in _ACCEPTED and row["project_class"] != ProjectClass.OTHER])
    return projects


def _guides(filler: Filler) -> None:
    """A quarter takes submissions, some are drafts, of the rest the term is over."""
    today, states = filler.today, ("published", "closed", "announced", "draft")
    guide = {"text": "……" * 60, "documents": ["plan"], "conditions": [], "created": filler.at}
    rows = (
        {
            "id": n, "number": f"ZN-{n:04d}", "project_class": CLASSES[n % len(CLASSES)], "title": f"第 {n} 批申报指南", "state": states[n % 4],
            "opens": today - timedelta(days=60 + n % 300), "closes": today + timedelta(days=20 if n % 4 == 0 else -10), **guide,
        }
        for n in range(1, filler.sizes.guides + 1)
    )  # fmt: skip
    filler.put("guides", rows)


def _projects(filler: Filler) -> Iterator[Row]:
    sizes, today = filler.sizes, filler.today
    for n in range(1, sizes.projects + 1):
        enterprise = OWN_ENTERPRISE if n <= sizes.own else filler.some(sizes.enterprises)
        project_class = CLASSES[n % len(CLASSES)]
        state = _usual(n, project_class)
        ball = ball_of(project_class, state)
        handed_in = state not in (_S.RESERVE, _S.DRAFT)
        trouble = state in UNDER_WAY and _HEALTH[n % 4]
        yield {
            "id": n, "number": f"XM-2026-{n:05d}", "project_class": project_class, "state": state, "title": f"生产线智能化改造项目 {n}",
            "guide_id": filler.some(sizes.guides) if state != _S.RESERVE else None, "organisation_id": 1 + enterprise, "enterprise_id": enterprise,
            "level": "line" if n % 10 == 0 else "point", "area": AREAS[n % len(AREAS)], "sector": SECTORS[n % 3], "orientations": ["intelligent"],
            "starts": today - timedelta(days=200), "ends": today + timedelta(days=200), "total_fen": 500_000_000 + n, "asked_fen": 90_000_000,
            "amount_fen": 80_000_000 if state in _REVIEWED else None, "plan": {"background": "……" * 200, "content": "……" * 400},
            "waits_role": str(ball.role or ""), "waits_since": today if ball.role else None,
            "waits_due": today + timedelta(days=n % 40 - 10) if ball.role and n % 7 else None, "health": trouble or "",
            "health_reasons": [_REASON] if trouble in ("watch", "trouble") else [], "created": filler.at,
            "submitted_at": filler.before(300) if handed_in else None, "ended_at": filler.before(90) if state in ENDED else None,
        }  # fmt: skip


def _usual(number: int, project_class: ProjectClass) -> ProjectState:
    """Every state occurs; half of all is shown publicly or at work."""
    states = STATES[project_class]
    if number % 2:
        return states[number // (2 * len(CLASSES)) % len(states)]
    wanted = _S.SHOWN if number % 4 else _S.IMPLEMENTING
    return wanted if wanted in states else states[-1 - number // 20 % len(states)]


def _supplier(filler: Filler, project: Row) -> Row:
    provider = OWN_PROVIDER if project["id"] <= filler.sizes.own else filler.some(filler.sizes.providers)
    return {"id": project["id"], "project_id": project["id"], "provider_id": provider, "content": "总包", "contract_fen": 300_000_000}


def _member(filler: Filler, project: Row) -> Row:
    enterprise = project["enterprise_id"] % filler.sizes.enterprises + 1
    return {"project_id": project["id"], "enterprise_id": enterprise, "content": "分厂改造", "share": 0.2}


def _indicators(projects: list[Row]) -> Iterator[Row]:
    for row in projects:
        for place, (name, direction, baseline, target) in enumerate((("停机", "down", 26, 8), ("产量", "up", 100, 130))):
            yield {
                "project_id": row["id"], "position": place, "name": name, "direction": direction, "baseline": baseline, "target": target,
                "weight": 50,
            }  # fmt: skip


def _milestones(filler: Filler, projects: list[Row]) -> Iterator[Row]:
    for row in projects:
        for place, title in enumerate(("到货", "试运行")):
            yield {"project_id": row["id"], "position": place, "title": title, "planned": filler.today + timedelta(days=90 * place - 30)}


def _reviews(filler: Filler, projects: list[Row]) -> None:
    """A panel of three; the one expert sits in the first ones."""
    at = filler.at
    filler.put(
        "project_reviews",
        (
            {"id": place, "project_id": row["id"], "joint_total": filler.chance.uniform(60, 95), "joint_amount_fen": 80_000_000}
            for place, row in enumerate(projects, 1)
        ),
    )
    experts, scores = filler.sizes.experts, {one.key: 80 for one in load_pilot().project_review.criteria}
    rows = (
        {
            "review_id": place, "expert_id": (filler.some(experts) + turn) % experts + 1 if turn or place > filler.sizes.own else OWN_EXPERT,
            "state": "declared_clear" if row["state"] == _S.REVIEWING else "confirmed", "scores": scores, "total": 80.0, "assigned_at": at, "due": filler.today + timedelta(days=place % 9),
        }
        for place, row in enumerate(projects, 1)
        for turn in range(min(3, experts))
    )  # fmt: skip
    filler.put("project_assignments", rows)


def _watched(filler: Filler, projects: list[Row]) -> None:
    """Three reports, four pieces of evidence, an inspection and, of every fifth, an order each."""
    today, at = filler.today, filler.at
    filler.put("monthly_reports", _reports(filler, projects))
    count = 4 * len(projects)
    filler.put(
        "evidence",
        (
            {
                "id": n + 1, "project_id": projects[n // 4]["id"], "kind": "invoice", "sha256": f"{n:064x}", "amount_fen": 1_000_000, "number_key": f"{n}",
                "invoice_number": f"{n:08d}", "invoice_date": today, "state": "counted", "created": at, "counted_at": at,
            }
            for n in range(count)
        ),
    )  # fmt: skip
    found = (
        {"project_id": projects[n // 4]["id"], "evidence_id": n + 1, "other_id": n, "likeness": "invoice", "created": at}
        for n in range(40, count, 40)
    )
    filler.put("evidence_findings", found)
    states = ("planned", "on_site", "reported", "confirmed", "confirmed", "cancelled")
    rows = (
        {
            "id": n, "number": f"CC-{n:05d}", "project_id": row["id"], "planned_on": today + timedelta(days=n % 60 - 40), "state": states[n % len(states)],
            "severity": "clean" if states[n % len(states)] in ("reported", "confirmed") else "", "created": at,
        }
        for n, row in enumerate(projects, 1)
    )  # fmt: skip
    filler.put("inspections", rows)
    own = [ROLES.index(role) + 1 for role in (Role.MANAGER, Role.EXPERT)]
    people = len(ROLES)
    pairs = (
        (n, own if n <= filler.sizes.own else (people + filler.some(filler.sizes.accounts), own[0])) for n in range(1, len(projects) + 1)
    )
    filler.put("inspectors", ({"inspection_id": n, "account_id": account} for n, team in pairs for account in dict.fromkeys(team)))
    rectified = [row for row in projects if row["state"] == _S.RECTIFYING]
    order = {"demand": "补齐资料", "due": today + timedelta(days=9), "ordered_at": at}
    filler.put("rectifications", ({"project_id": row["id"], **order} for row in rectified))
    rows = (
        {
            "number": f"DB-{n:05d}", "project_id": row["id"], "text": "请说明进度滞后的原因。", "due": today + timedelta(days=n % 20 - 5),
            "state": ("issued", "answered", "closed", "closed")[n // 5 % 4], "issued_at": at,
        }
        for n, row in enumerate(projects)
        if n % 5 == 0
    )  # fmt: skip
    filler.put("supervision_orders", rows)
    change = {
        "kind": "term",
        "values": {"ends": (today + timedelta(days=300)).isoformat()},
        "before": {},
        "reason": "设备到货晚",
        "needs_approval": True,
        "requested_at": at,
    }
    filler.put("project_changes", ({"project_id": row["id"], "state": "approved", **change} for row in projects[::10]))


def _reports(filler: Filler, projects: list[Row]) -> Iterator[Row]:
    for row in projects:
        for months in (1, 2, 3):
            due = filler.today.replace(day=5) - timedelta(days=30 * (months - 1))
            wanted = months == 1 and row["id"] % 3 == 0
            yield {
                "project_id": row["id"], "month": f"{(due - timedelta(days=10)):%Y-%m}", "due": due, "state": "wanted" if wanted else "handed_in",
                "percent": None if wanted else 40, "spending_fen": None if wanted else 9_000_000, "created": filler.at,
            }  # fmt: skip


def _publicity(filler: Filler, projects: list[Row]) -> None:
    today = filler.today
    rows = (
        {
            "id": n,
            "project_id": row["id"],
            "amount_fen": 80_000_000,
            "begins": today - timedelta(days=2),
            "until": today + timedelta(days=5),
        }
        for n, row in enumerate(projects, 1)
    )
    filler.put("project_publicities", rows)
    objection = {"name": "某某", "contact": "13000000000", "text": "……" * 20, "address": "127.0.0.1", "at": filler.at}
    filler.put("project_objections", ({"publicity_id": n, **objection} for n in range(1, len(projects) + 1, 3)))


def _acceptances(filler: Filler, projects: list[Row]) -> None:
    rows = (
        {"project_id": row["id"], "number": 1, "state": _ACCEPTED[row["state"]], "summary": "……" * 100, "created": filler.at}
        for row in projects
    )
    filler.put("acceptances", rows)
