"""绩效评价: the steps of a round, by two persons at least; issued, it is a frozen copy and a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.actions.project_steps import accounts_of_area
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer
from marketplace.domain.figure_rules import FigureRules
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.performance import (
    FILLABLE,
    LONGEST,
    NEEDS_REASON,
    OVER,
    TABLE,
    Facts,
    RoundState,
    gap,
    grade_of,
    may_fill,
    reached,
    roles_on,
    score_of,
    total_of,
)
from marketplace.domain.performance_rules import PerformanceRules, Subject
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import term
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.figures import find_money
from marketplace.records.files import find_attachments_of
from marketplace.records.performance import PerformanceRound

NOUN, ITEM, TASK = "performance_round", "performance_item", "performance_step"
# Kind of the files that prove a line.
PROOF = "evidence"
# Verbs of the history that change nothing of what a form holds.
HARMLESS = ("attach", "detach")


@dataclass(frozen=True)
class Step:
    """Who acts, when, by which rules. `areas`: key of an area → itself and those within it; `sectors`: in the order
    of the pilot."""

    viewer: Viewer
    at: datetime
    today: date
    rules: PerformanceRules
    figure: FigureRules
    last_year: int
    sectors: Sequence[str] = ()
    areas: Mapping[str, frozenset[str]] = field(default_factory=dict)
    seen: int | None = None


def locked(session: Session, round_id: int, step: Step) -> PerformanceRound:
    """The round under lock: all that move it or fill its lines queue here."""
    session.execute(select(PerformanceRound.id).where(PerformanceRound.id == round_id).with_for_update())
    return session.get_one(PerformanceRound, round_id, populate_existing=True)


def fillable(session: Session, round_id: int, step: Step) -> PerformanceRound:
    """The same, for whoever fills it now."""
    found = locked(session, round_id, step)
    refuse_unless(may_fill(step.viewer, found.subject, found.area))
    if found.state not in FILLABLE:
        raise RefusedError(Refused("not_filling", _("只有填报中或退回修改的评价才能填写。")))
    return found


def move(database: Database, round_id: int, event: str, step: Step, *, why: str = "") -> PerformanceRound:
    """Start, hand in, take back, send back, issue, cancel."""
    if event in NEEDS_REASON:
        for _field, refused in check_text("why", _("理由"), why, most=LONGEST, required=True):
            raise RefusedError(refused)
    with database.writing() as session:
        found = locked(session, round_id, step)
        refuse_if_moved(session, NOUN, found.id, seen=step.seen, at=step.at, harmless=HARMLESS)
        facts = facts_of(session, found, step)
        # What the step itself writes comes first, so that it stands under the step's own entry of the history.
        if event == "hand_in":
            found.handed_in_by, found.handed_in_at = step.viewer.account_id, step.at
        if event in ("issue", "send_back"):
            found.reviewed_by, found.reviewed_at, found.review = step.viewer.account_id, step.at, why.strip()
        held = roles_on(step.viewer, found.subject, found.area)
        transition.apply(
            session, found, TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why.strip(), subject=facts
        )  # fmt: skip
        if event == "issue":
            _freeze(session, found, step)
        settle(session, found, step)
        return found


def facts_of(session: Session, found: PerformanceRound, step: Step) -> Facts:
    """What the guards ask for, from the lines and their files."""
    session.flush()
    files = find_attachments_of(session, ITEM, [row.id for row in found.items])
    return Facts(
        unexplained=[row.public_id for row in found.items if not reached(row) and not row.explanation.strip()],
        unproved=[row.public_id for row in found.items if row.by_hand and row.value is not None and row.id not in files],
        handed_in_by=found.handed_in_by,
        workers=frozenset(row.filled_by for row in found.items if row.filled_by is not None),
        person=step.viewer.account_id,
    )


def _freeze(session: Session, found: PerformanceRound, step: Step) -> None:
    """Values, definitions and points as they are now. Nothing that changes later changes them."""
    files = find_attachments_of(session, ITEM, [row.id for row in found.items])
    content = frozen(found, {key: [(one.filename, one.sha256) for one in rows] for key, rows in files.items()}, step.rules)
    if found.subject == Subject.PILOT:
        content["money"] = find_money(session, step.figure, min(found.as_of, step.today))
    found.content = content
    found.total, found.grade = found.content["total"], found.content["grade"]
    session.flush()
    enqueue_job(session, "performance_report", {"id": found.id}, at=step.at, key=f"performance_report:{found.id}")


_COPIED = (
    "indicator", "sector", "name", "en", "group", "unit", "measure", "weight", "target", "comparison", "scoring", "floor", "figure", "goals",
    "evidence", "evidence_en", "value", "platform", "part", "whole", "by_hand", "explanation",
)  # fmt: skip


def frozen(found: PerformanceRound, files: Mapping[int, Sequence[tuple[str, str]]], rules: PerformanceRules) -> dict[str, Any]:
    """A round as plain data; also what the pages of an unfinished one show. `files`: id of a line → (name, hash)."""
    total = total_of(found.items)
    lines = [
        {name: getattr(row, name) for name in _COPIED}
        | {
            "id": row.public_id,
            "filled_on": row.filled_on.isoformat() if row.filled_on else "",
            "score": score_of(row),
            "gap": gap(row),
            "reached": reached(row),
            "files": [list(one) for one in files.get(row.id, ())],
        }
        for row in found.items
    ]
    return {
        "kind": str(found.kind), "year": found.year, "subject": str(found.subject), "area": found.area, "as_of": found.as_of.isoformat(),
        "summary": found.summary, "lines": lines, "total": total, "grade": grade_of(rules, total),
        "grade_name": rules.grade(total).name, "grade_en": rules.grade(total).en, "source": rules.source,
    }  # fmt: skip


def settle(session: Session, found: PerformanceRound, step: Step) -> None:
    """Who has the ball now; those concerned are told."""
    close_tasks(session, NOUN, found.id, at=step.at, kinds=(TASK,))
    shared: dict[str, Any] = {"noun": NOUN, "noun_id": found.id, "public_ref": found.public_id, "at": step.at}
    values = {"number": found.number, "year": found.year}
    if found.state == RoundState.DRAFTED:
        message = _("{number}：请核对 {year} 年绩效评价的目标值并开始填报")
        open_task(session, TASK, message, roles=(Role.BUREAU,), values=values, **shared)
    elif found.state in FILLABLE:
        message = _("{number}：请填报 {year} 年绩效评价并提交审核")
        if found.state == RoundState.SENT_BACK:
            message = _("{number}：{year} 年绩效评价被退回，请修改后再提交")
        if found.subject == Subject.AREA:
            for account_id in sorted(accounts_of_area(session, found.area)):
                open_task(session, TASK, message, account_id=account_id, due=found.due, values=values, **shared)
        else:
            open_task(session, TASK, message, roles=(Role.MANAGER,), due=found.due, values=values, **shared)
    elif found.state == RoundState.REVIEW:
        due = term(step.today, step.rules.review_days, find_calendar(session)).due
        open_task(session, TASK, _("{number}：请审核 {year} 年绩效评价"), roles=(Role.BUREAU,), due=due, values=values, **shared)
    elif found.state in OVER:
        _tell(session, found, step)


def _tell(session: Session, found: PerformanceRound, step: Step) -> None:
    roles = {Role.BUREAU, Role.MANAGER}
    if found.subject == Subject.PILOT:
        roles.add(Role.FINANCE)
        # The city is told of what it is to read.
        roles |= {Role.CITY} if found.state == RoundState.ISSUED else set()
    accounts = accounts_of_roles(session, roles)
    if found.subject == Subject.AREA:
        accounts |= accounts_of_area(session, found.area)
    values: dict[str, Any] = {"number": found.number, "year": found.year}
    message = _("{number}：{year} 年绩效评价已取消。")
    if found.state == RoundState.ISSUED:
        message, values["total"] = _("{number}：{year} 年绩效评价已印发，得分 {total}。"), f"{found.total:g}"
    notify(
        session, accounts - {step.viewer.account_id or 0}, "performance", message, at=step.at, values=values, noun=NOUN,
        public_ref=found.public_id,
    )  # fmt: skip
