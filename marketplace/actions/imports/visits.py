"""Officers and planned visits that come with the sheet of enterprises: looked up and checked with the row, planned with it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.diagnoses import change_plan_in, plan_in
from marketplace.actions.imports.checking import Item
from marketplace.domain.access import Role
from marketplace.domain.diagnoses import DiagnosisState, PlanDraft
from marketplace.domain.lifecycle import Refused, _
from marketplace.records.accounts import Account, Membership
from marketplace.records.diagnoses import Diagnosis, find_open_diagnosis
from marketplace.records.enterprises import Enterprise

SHEET = "enterprises"


def resolve_visits(session: Session, rows: list[Item], today: date) -> None:
    """Log-in → account, and whether a visit can be planned on this day; what an empty cell says is nothing."""
    logins = {str(item.values["officer_login"]).lower() for item in rows if item.values.get("officer_login")}
    query = select(Account.login, Account.id).join(Membership).where(Membership.role == Role.CENTRE, Account.disabled.is_(False))
    officers = dict(session.execute(query.where(Account.login.in_(logins))).all()) if logins else {}
    wanted = [item for item in rows if item.values.get("planned_on") is not None]
    known = [item.existing.id for item in wanted if isinstance(item.existing, Enterprise)]
    under_way: dict[int, Diagnosis] = {}
    for start in range(0, len(known), 500):
        open_ones = select(Diagnosis).where(Diagnosis.enterprise_id.in_(known[start : start + 500]))
        open_ones = open_ones.where(Diagnosis.state.in_([state for state in DiagnosisState if state not in ("issued", "cancelled")]))
        under_way |= {row.enterprise_id: row for row in session.scalars(open_ones)}
    for item in rows:
        _look_up(item, officers)
        if item.values.get("planned_on") is not None:
            found = under_way.get(item.existing.id) if isinstance(item.existing, Enterprise) else None
            _check_day(item, found, today)


def _look_up(item: Item, officers: dict[str, int]) -> None:
    login = str(item.values.get("officer_login") or "").lower()
    if not login:
        return
    if login in officers:
        item.values["officer_id"] = officers[login]
    else:
        message = Refused("unknown_officer", _("能力中心没有登录名为“{login}”的人，请核对，或空着。"), {"login": login})
        item.refuse(item.table.sheet.column("officer"), message)


def _check_day(item: Item, found: Diagnosis | None, today: date) -> None:
    """A row that says what is planned already asks for nothing."""
    day: date = item.values["planned_on"]
    column = item.table.sheet.column("planned_on")
    if found is not None and found.planned_on == day:
        return
    if day < today:
        item.refuse(column, Refused("in_the_past", _("计划入企的日期 {day} 已经过去，请选今天或以后的日子。"), {"day": day.isoformat()}))
    elif found is not None and found.state != DiagnosisState.PLANNED:
        message = _("这家企业的诊断（{number}）已经入企，不能再改日期，请空着。")
        item.refuse(column, Refused("under_way", message, {"number": found.number}))
    else:
        item.visit = day


def plan_visits(session: Session, items: list[Item], *, questionnaire: str, actor: str, at: datetime) -> None:
    """What the rows ask for, once their enterprises are written."""
    for item in items:
        enterprise: Any = item.existing
        if item.visit is None:
            continue
        found = find_open_diagnosis(session, enterprise.id)
        if found is None:
            plan_in(session, enterprise, PlanDraft(item.visit, enterprise.officer_id), questionnaire=questionnaire, actor=actor, at=at)
        else:
            draft = PlanDraft(item.visit, enterprise.officer_id or found.officer_id, found.organisation_id)
            change_plan_in(session, found, draft, actor=actor, at=at)
