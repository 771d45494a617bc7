"""Ratings, exposures, evaluation rounds, cases of adjustment, and what the office keeps: history, tasks, notices, jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

from bench.filled import OWN_EXPERT, OWN_PROVIDER, ROLES, Row
from marketplace.domain.access import Role
from marketplace.domain.adjustments import OPEN, RUNNING, AdjustmentKind, AdjustmentState
from marketplace.domain.evaluations import ResultState
from marketplace.domain.notices import KINDS
from marketplace.domain.registrations import RegistrationState
from marketplace.records.history import FIRST, digest
from marketplace.records.jobs import JobState

if TYPE_CHECKING:
    from bench.filled import Filler

_EVENTS = (
    ("acceptance", {"result": "passed"}),
    ("enterprise_rating", {"overall": 4.5}),
    ("on_time", {"on_time": True}),
    ("response", {"hours": 6}),
    ("conduct", {"severity": "minor", "remark": "资料不全"}),
)
# Of longer histories the earlier part is thin.
DAYS_SHOWN, WHOLE_ROUNDS = 60, 4
_OPENED = sorted(OPEN | RUNNING)
_CHANGES = (
    ("provider", "update", {"state": "admitted"}, {"state": "warned", "reason": "项目滞后"}),
    ("solution", "publish", {"state": "draft"}, {"state": "published"}),
    ("application", "save", None, {"section": "basic", "version": 3}),
    ("account", "log_in", None, None),
    ("problem", "update", {"text": "压机经常停机"}, {"text": "压机每周停机三次，找不到原因"}),
)


def fill_office(filler: Filler) -> None:
    _ratings(filler)
    _exposures(filler)
    _rounds(filler)
    filler.put("adjustments", _adjustments(filler))
    _appeals(filler)
    filler.put("history", history_rows(filler.sizes.history, filler.at))
    filler.put("notices", _notices(filler))
    filler.put("tasks", _tasks(filler))
    _machine(filler)


def _ratings(filler: Filler) -> None:
    sizes, chance = filler.sizes, filler.chance
    event = {"source": "bench", "created": filler.at}
    filler.put(
        "rating_events",
        (
            {
                "id": n, "provider_id": OWN_PROVIDER if n <= sizes.own else filler.some(sizes.providers), "source_ref": f"V{n}", "kind": kind,
                "payload": payload, "on_date": filler.before(700).date(), "superseded_at": filler.at if n % 17 == 0 else None, **event,
            }
            for n in range(1, sizes.events + 1)
            for kind, payload in [_EVENTS[n % len(_EVENTS)]]
        ),
    )  # fmt: skip
    parts = [{"kind": kind, "count": 4, "mass": 2.0, "value": 80.0, "points": 20.0} for kind, _payload in _EVENTS]
    fixed = {"grade": "good", "mass": 8.0, "own_mean": 80.0, "mean": 78.0, "parts": parts, "version": "1"}
    rows = (
        {
            "provider_id": n,
            "at": filler.before(90),
            "score": score,
            "low": score - 8,
            "high": score + 8,
            "projects": n % 9,
            "replaced_at": over,
            **fixed,
        }
        for n in range(1, sizes.providers + 1)
        for over in (filler.at, None)
        for score in [round(chance.gauss(78, 9), 1)]
    )
    filler.put("rating_scores", rows)
    filler.put("rating_means", [{"at": filler.at, "mean": 78.0, "providers": sizes.providers, "projects": 4.0}])


def _exposures(filler: Filler) -> None:
    sizes = filler.sizes
    days = [filler.today - timedelta(days=n) for n in range(sizes.days)]
    counted = {"problems": 900, "answered": 880, "places": 2640, "model": "bench", "at": filler.at}
    filler.put("exposure_days", ({"day": day, **counted} for day in days))
    seen = max(1, sizes.providers // 4)
    rows = (
        {"day": day, "provider_id": 1 + 4 * n, "first": n % 3, "top": 1 + n % 9}
        for day in days[:DAYS_SHOWN]
        for n in range(seen)
        if 1 + 4 * n <= sizes.providers
    )
    filler.put("exposures", rows)


def _rounds(filler: Filler) -> None:
    """The last round is under way, the ones before it are issued; every provider has a result in the last ones, the own one in each."""
    sizes, states = filler.sizes, list(ResultState)
    fixed = {"mean": 78.0, "version": "1", "opened_at": filler.at, "comment_until": filler.today + timedelta(days=5)}
    rounds = range(1, sizes.rounds + 1)
    filler.put(
        "evaluation_rounds",
        (
            {
                "id": n, "number": f"PJ-{n:04d}", "start": (first := filler.today - timedelta(days=30 * (sizes.rounds - n + 1))), "end": first + timedelta(days=29),
                "state": "commenting" if n == sizes.rounds else "issued", **fixed,
            }
            for n in rounds
        ),
    )  # fmt: skip
    result = {"projects": 3, "events": 9, "proposed": 80.0, "low": 72.0, "high": 88.0, "result": "passed"}
    filler.put(
        "evaluation_results",
        (
            {
                "id": sizes.providers * (n - 1) + p, "round_id": n, "provider_id": p, "score": round(filler.chance.gauss(78, 9), 1),
                "state": (ResultState.SHOWN if p == OWN_PROVIDER else filler.chance.choice(states)) if n == sizes.rounds else ResultState.ISSUED, **result,
            }
            for n in rounds
            for p in range(1, sizes.providers + 1 if n > sizes.rounds - WHOLE_ROUNDS else OWN_PROVIDER + 1)
        ),
    )  # fmt: skip


def _adjustments(filler: Filler) -> Iterator[Row]:
    """Of every fourth of others' something is still to be done, as far as a provider has no more than one open case of a kind."""
    sizes, kinds = filler.sizes, list(AdjustmentKind)
    waiting: set[tuple[int, AdjustmentKind]] = set()
    evidence = [{"ref": "event:1", "text": "2026-03-01 项目滞后", "noun": "rating_event", "public_ref": "-"}]
    for n in range(1, sizes.adjustments + 1):
        own = n <= sizes.own
        provider = OWN_PROVIDER if own else filler.some(sizes.providers)
        kind, state, at = filler.chance.choice(kinds), AdjustmentState.DECIDED, filler.before(600)
        if n % 4 == 0 and not own and (provider, kind) not in waiting:
            state = filler.chance.choice(_OPENED)
            waiting.add((provider, kind))
        yield {
            "id": n, "number": f"TZ-{n:06d}", "provider_id": provider, "kind": kind, "state": state, "rule": "score_warn", "reason": "……" * 30,
            "evidence": evidence, "proposed_at": at, "decided_at": None if state in OPEN else at, "effects": {},
            "due": filler.today + timedelta(days=n % 30) if state in RUNNING else None, "step_by": filler.today + timedelta(days=n % 10),
        }  # fmt: skip


def _appeals(filler: Filler) -> None:
    """One in four cases was appealed against."""
    fixed = {
        "text": "……" * 30,
        "filed_by": ROLES.index(Role.PROVIDER) + 1,
        "filed_at": filler.at,
        "decide_by": filler.today + timedelta(days=9),
    }
    rows = (
        {"adjustment_id": n, "state": "filed" if n % 8 == 3 else "dismissed", **fixed} for n in range(3, filler.sizes.adjustments + 1, 4)
    )
    filler.put("appeals", rows)


def history_rows(count: int, at: datetime) -> Iterator[Row]:
    """A whole chain, over a thousand days."""
    previous, step = FIRST, timedelta(days=1000) / max(count, 1)
    for n in range(1, count + 1):
        noun, verb, before, after = _CHANGES[n % len(_CHANGES)]
        row: Row = {
            "id": n,
            "at": at - step * (count - n),
            "actor": f"person{n % 50}（示例）",
            "verb": verb,
            "noun": noun,
            "noun_id": n % 5_000 + 1,
        }
        row |= {"before": before, "after": after, "why": "资料核对后修改" if n % 3 == 0 else ""}
        previous = row["digest"] = digest(previous, SimpleNamespace(**row))
        yield row


def _notices(filler: Filler) -> Iterator[Row]:
    """Every person of a role has `own` of them, the others the rest."""
    sizes, kinds = filler.sizes, list(KINDS)
    people = len(ROLES) + sizes.accounts
    for n in range(1, sizes.notices + len(ROLES) * sizes.own + 1):
        account = (n - 1) % len(ROLES) + 1 if n <= len(ROLES) * sizes.own else filler.some(people)
        yield {
            "account_id": account, "kind": kinds[n % len(kinds)], "message": "{name}有新的进展，请查看。", "values": {"name": f"第 {n} 件事"},
            "noun": "adjustment", "public_ref": f"ref-{n}", "at": (at := filler.before(200)), "read_at": at if n % 3 else None, "mailed_at": at,
        }  # fmt: skip


def _tasks(filler: Filler) -> Iterator[Row]:
    """A tenth is open: for every role `own`, and for some organisations; the rest is done."""
    sizes, nouns = filler.sizes, ("application", "solution_version", "adjustment", "registration", "review", "project")
    roles = [Role.MANAGER, Role.BUREAU, Role.ADMIN, Role.CENTRE, Role.EXPERT, Role.ENTERPRISE, Role.PROVIDER, Role.FINANCE]
    homes = {Role.ENTERPRISE: 2, Role.PROVIDER: filler.unit_of_provider + OWN_PROVIDER}
    for n in range(1, sizes.tasks + len(roles) * sizes.own + 1):
        own = n <= len(roles) * sizes.own
        role = roles[n % len(roles)]
        whose: Row = {"role": role, "organisation_id": homes.get(role), "account_id": None}
        if role is Role.EXPERT and OWN_EXPERT:
            whose = {"role": "", "organisation_id": None, "account_id": ROLES.index(Role.EXPERT) + 1}
        yield {
            "id": n, "kind": "decide", "noun": nouns[n % len(nouns)], "noun_id": 2 * n + 1, "public_ref": f"ref-{n}", "message": "请办理：{name}", "values": {"name": f"{n}"},
            "due": None if n % 7 == 0 else filler.today + timedelta(days=n % 40 - 10), "created": (at := filler.before(100)), "done_at": None if own else at, **whose,
        }  # fmt: skip


def _machine(filler: Filler) -> None:
    """The job queue, the index queue, and registrations."""
    sizes, chance = filler.sizes, filler.chance
    states = [*[JobState.DONE] * 8, *JobState]
    kinds = ("letter", "send_mail", "scan", "ratings")
    rows = (
        {"kind": kinds[n % 4], "state": chance.choice(states), "run_after": filler.before(90), "created": filler.at, "error": ""}
        for n in range(sizes.jobs)
    )
    filler.put("jobs", rows)
    rows = (
        {"kind": "solution", "thing_id": n, "wanted": 2, "indexed": 2 if n % 50 else 1, "attempts": 0 if n % 100 else 8}
        for n in range(1, sizes.solutions + 1)
    )
    filler.put("index_queue", rows)
    filler.put(
        "registrations",
        (
            {
                "state": chance.choice(list(RegistrationState)), "credit_code": f"9100000{n:011d}", "name": f"申请单位 {n}", "role": Role.PROVIDER,
                "person": "某某", "email": f"a{n}@jigai.example", "account_id": ROLES.index(Role.PROVIDER) + 1 if n < 5 else None,
                "created": (at := filler.before(90)), "submitted_at": at,
            }
            for n in range(sizes.registrations)
        ),
    )  # fmt: skip
