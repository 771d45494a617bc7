"""Windows, applications and their reviews, experts, listings, calls and certificates for a site that is full."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from bench.filled import OWN_EXPERT, OWN_PROVIDER, ROLES, SECTORS, STAGES, Row
from marketplace.domain.access import Role
from marketplace.domain.applications import ApplicationState
from marketplace.domain.listings import ListingState
from marketplace.domain.reviews import AssignmentState

if TYPE_CHECKING:
    from bench.filled import Filler

EXPERTS_A_REVIEW = 3
# How far an application has come, and how often; 已撤回 does not stand in the way of another one in the same window.
_STATES = (
    ApplicationState.DRAFT, ApplicationState.SUBMITTED, ApplicationState.SENT_BACK, ApplicationState.UNDER_REVIEW, ApplicationState.UNDER_REVIEW,
    ApplicationState.REVIEWED, *[ApplicationState.PUBLICITY] * 3, *[ApplicationState.ADMITTED] * 4, ApplicationState.REFUSED, ApplicationState.WITHDRAWN,
)  # fmt: skip
_REVIEWED = frozenset(ApplicationState) - {ApplicationState.DRAFT, ApplicationState.SUBMITTED, ApplicationState.WITHDRAWN}


def fill_reviews(filler: Filler) -> None:
    _windows(filler)
    applications = list(_applications(filler))
    filler.put("provider_applications", applications)
    _experts(filler)
    reviewed = [row for row in applications if row["state"] in _REVIEWED]
    filler.put("reviews", (_review(row) for row in reviewed))
    filler.put("review_assignments", _assignments(filler, reviewed))
    remark = {"section": "basic", "reason": "营业执照不清楚", "at": filler.at}
    filler.put(
        "section_remarks", ({"application_id": row["id"], **remark} for row in applications if row["state"] == ApplicationState.SENT_BACK)
    )
    _catalogue(filler)


def _windows(filler: Filler) -> None:
    """Published ones, the later half still open; of some of those that closed the results are out."""
    window = {"text": "……" * 40, "sectors": list(SECTORS), "required": ["licence"], "publicity_days": 5, "state": "published"}
    half = filler.sizes.windows // 2
    filler.put(
        "application_windows",
        (
            {
                "id": n, "number": f"TZ-{n:04d}", "title": f"第 {n} 批服务商申报", "opens": filler.today - timedelta(days=400 - n),
                "closes": filler.today + timedelta(days=20 if n > half else n - 300), "created": filler.at,
                "results_published_at": filler.before(200) if n <= half and n % 2 else None, **window,
            }
            for n in range(1, filler.sizes.windows + 1)
        ),
    )  # fmt: skip


def _applications(filler: Filler) -> Iterator[Row]:
    """One organisation in one window; the first ones are the own provider's, one in each window and the rest withdrawn."""
    sizes = filler.sizes
    answers = {"basic": {"name": "……" * 20}, "experts": [{"name": "某某", "title": "高工"}] * 5, "cases": [{"text": "……" * 100}] * 5}
    for n in range(1, sizes.applications + 1):
        own = n <= sizes.own
        withdrawn = own and n > sizes.windows
        state = ApplicationState.WITHDRAWN if withdrawn else filler.chance.choice(_STATES)
        at = filler.before(300)
        yield {
            "id": n, "number": f"SB-{n:06d}", "window_id": (n - 1) % sizes.windows + 1,
            "organisation_id": filler.unit_of_provider + (OWN_PROVIDER if own else OWN_PROVIDER + 1 + n % (sizes.providers - 1)),
            "state": state, "answers": answers, "version": 3, "created": at, "saved_at": at,
            "submitted_at": None if state == ApplicationState.DRAFT else at,
            "supplement_until": filler.today if state == ApplicationState.SENT_BACK else None,
            "publicity_until": filler.today + timedelta(days=3) if state == ApplicationState.PUBLICITY else None,
        }  # fmt: skip


def _review(application: Row) -> Row:
    until = application["publicity_until"]
    term = {"publicity_from": until - timedelta(days=7) if until else None, "publicity_until": until}
    return {"id": application["id"], "application_id": application["id"], "joint_scores": {}, "joint_opinion": "……" * 50, **term}


def _experts(filler: Filler) -> None:
    account = ROLES.index(Role.EXPERT) + 1
    keys = [*SECTORS, *STAGES]
    filler.put(
        "review_experts",
        (
            {
                "id": n, "account_id": account if n == OWN_EXPERT else None, "name": f"专家 {n:04d}", "title": "教授", "unit": "某大学（示例）",
                "fields": filler.chance.sample(keys, 3), "state": "active" if n % 9 else "paused",
            }
            for n in range(1, filler.sizes.experts + 1)
        ),
    )  # fmt: skip


def _assignments(filler: Filler, reviewed: list[Row]) -> Iterator[Row]:
    """Three experts a review; the own expert sits in the first ones."""
    sizes, scores = filler.sizes, {"capability": 80, "cases": 76}
    for place, row in enumerate(reviewed):
        under_way = row["state"] == ApplicationState.UNDER_REVIEW
        drawn = {1 + (place * EXPERTS_A_REVIEW + turn) % sizes.experts for turn in range(EXPERTS_A_REVIEW)} - {OWN_EXPERT}
        for expert in sorted(drawn | ({OWN_EXPERT} if place < sizes.own else set())):
            state = filler.chance.choice(list(AssignmentState)) if under_way else AssignmentState.CONFIRMED
            yield {
                "review_id": row["id"], "expert_id": expert, "state": state, "assigned_at": row["submitted_at"],
                "due": filler.today + timedelta(days=place % 9), "scores": scores, "opinion": "……" * 60, "total": 78.0,
            }  # fmt: skip


def _catalogue(filler: Filler) -> None:
    """The recommended products, calls for solutions with their answers, certificates."""
    sizes, chance = filler.sizes, filler.chance
    states = [*[ListingState.LISTED] * 5, *ListingState]
    listing = {"advancement": "……" * 30, "effect": "……" * 30}
    filler.put(
        "product_listings",
        (
            {"id": n, "solution_id": n, "batch": f"2025-{n % 12 + 1:02d}", "state": chance.choice(states), "at": filler.before(300), "listed": filler.before(200), **listing}
            for n in range(1, min(sizes.listings, sizes.solutions) + 1)
        ),
    )  # fmt: skip
    call = {"text": "……" * 60, "at": filler.at}
    filler.put(
        "solution_calls",
        (
            {
                "id": n, "scenario_code": f"CH-{n % 12:02d}", "title": f"征集 {n}", "opens": filler.today - timedelta(days=n),
                "closes": filler.today + timedelta(days=30 - n % 60), "state": chance.choice(["draft", "published", "published", "closed"]), **call,
            }
            for n in range(1, sizes.calls + 1)
        ),
    )  # fmt: skip
    answers = (
        {"call_id": n % sizes.calls + 1, "solution_id": n, "at": filler.at} for n in range(1, min(sizes.solutions, sizes.calls * 10) + 1)
    )
    filler.put("call_answers", answers)
    certificate = {"kind": "licence", "name": "ISO 9001", "created": filler.at, "issued": filler.today - timedelta(days=500)}
    filler.put(
        "certificates",
        (
            {
                "provider_id": OWN_PROVIDER if n <= sizes.own else filler.some(sizes.providers),
                "expires": filler.today + timedelta(days=chance.randint(-60, 900)), "replaced_at": filler.at if n % 5 == 0 else None, **certificate,
            }
            for n in range(1, sizes.certificates + 1)
        ),
    )  # fmt: skip
