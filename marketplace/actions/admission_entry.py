"""From an admitted application to a provider of the pool, with its cases and experts, and its people's role."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.application_answers import ReadSection, read_section
from marketplace.domain.application_sections import section_of
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.providers import OUT_OF_POOL, TABLE
from marketplace.records.accounts import Membership
from marketplace.records.applications import ProviderApplication, find_submissions
from marketplace.records.cases import Case
from marketplace.records.providers import Provider
from marketplace.sheets.tables import effects

SOURCE = "application"


def enter_pool(session: Session, application: ProviderApplication, *, viewer: Viewer, at: datetime) -> Provider:
    """入库: a new provider; one that is there is brought up to date, and one that had left comes back."""
    provider = session.scalar(select(Provider).where(Provider.organisation_id == application.organisation_id))
    before = {"state": str(provider.state), "admitted_on": str(provider.admitted_on or "")} if provider is not None else None
    if provider is None:
        provider = Provider(organisation=application.organisation, source=SOURCE, source_ref=application.number)
        session.add(provider)
    _fill(provider, application)
    provider.admitted_on = at.date()
    provider.admission_basis = f"{application.window.title}（申报 {application.number}）"[:200]
    session.flush()
    # One that is being rectified or suspended stays so: an application is no way round a decision.
    if provider.state in OUT_OF_POOL:
        provider.reapply_from = provider.rectify_until = None
        transition.apply(session, provider, TABLE, "readmit", actor=actor_of(viewer), roles=viewer.roles, at=at, why=application.number)
    cases = _cases(session, provider, application)
    after = {"state": str(provider.state), "admitted_on": str(provider.admitted_on), "application": application.number, "cases": len(cases)}
    record(session, actor=actor_of(viewer), verb="admit", noun="provider", noun_id=provider.id, before=before, after=after, at=at)
    _give_role(session, application)
    enqueue_dependants(session, {"provider": [provider.id], "case": [case.id for case in cases]})
    return provider


def _read(application: ProviderApplication, key: str) -> ReadSection:
    return read_section(section_of(key), application.answers)


def _fill(provider: Provider, application: ProviderApplication) -> None:
    unit, local, products = _read(application, "organisation"), _read(application, "local"), _read(application, "products")
    established = unit.value("established")
    provider.kind = unit.value("kind") or ""
    provider.region = (unit.value("region") or "")[:100]
    provider.founded = established.year if isinstance(established, date) else None
    provider.staff = unit.value("staff")
    provider.summary = unit.value("summary") or ""
    provider.local_office, provider.local_commitment = local.value("mode") == "office", local.value("mode") == "commitment"
    named = [sector for row in products.rows for sector in row.get("sectors") or []]
    provider.sectors = [sector for sector in application.window.sectors if sector in named] or list(application.window.sectors)
    provider.qualifications = [row["name"] for row in _read(application, "qualifications").rows if row.get("name")]
    years = [row for row in _read(application, "finance").rows if row.get("year")]
    provider.financials = [_financial(row) for row in sorted(years, key=lambda row: -row["year"])]
    # The pool shows what its experts can do, not who they are.
    experts = _read(application, "experts").rows
    provider.experts = [{key: row[key] for key in ("title", "years", "expertise") if row.get(key) is not None} for row in experts]


def _financial(row: Mapping[str, Any]) -> dict[str, Any]:
    assets, debts = row.get("assets"), row.get("debts")
    found = {"year": row["year"], "revenue_fen": row.get("revenue"), "profit_fen": row.get("profit")}
    if assets and debts is not None:
        found["debt_ratio"] = round(debts / assets, 4)
    return found


def _cases(session: Session, provider: Provider, application: ProviderApplication) -> list[Case]:
    """The cases of the application. One that an earlier application brought, of the same sector, month and cost, is brought up to date."""
    found: list[Case] = []
    earlier = session.scalars(select(Case).where(Case.provider_id == provider.id, Case.source == SOURCE).order_by(Case.id)).all()
    known = {(case.client_sector, case.completed, case.cost_fen): case for case in earlier}
    for row in _read(application, "cases").rows:
        sector, completed, cost = row.get("sector") or "", _month(row.get("finished")), row.get("cost")
        case = known.get((sector, completed, cost))
        case = case or Case(source=SOURCE, source_ref=f"{application.number}-{row['key']}", provider_id=provider.id)
        effect = str(row.get("effect") or "")
        case.effects = _effects(effect)
        # An effect that names no figures is told in words.
        words = (row.get("title"), row.get("course"), "" if case.effects else effect)
        case.process = "\n".join(word for word in words if word)
        case.client_sector, case.completed, case.cost_fen = sector, completed, cost
        case.signed = _month(row.get("started"))
        case.proofs = [f"申报 {application.number} 所附证明材料"]
        session.add(case)
        found.append(case)
    session.flush()
    return found


def _effects(text: str) -> list[dict[str, Any]]:
    try:
        return effects(text)
    except RefusedError:
        return []


def _month(day: Any) -> str:
    return f"{day:%Y-%m}" if isinstance(day, date) else ""


def _give_role(session: Session, application: ProviderApplication) -> None:
    """Whoever handed in for the organisation acts for the provider from now on."""
    people = {submission.by for submission in find_submissions(session, application.id)} | {application.saved_by}
    for account_id in sorted(one for one in people if one is not None):
        mine = session.scalars(
            select(Membership).where(Membership.account_id == account_id, Membership.organisation_id == application.organisation_id)
        ).all()
        if mine and all(row.role != Role.PROVIDER for row in mine):
            rights = [right for right in RIGHTS if any(right in row.rights for row in mine)]
            session.add(
                Membership(account_id=account_id, organisation_id=application.organisation_id, role=Role.PROVIDER, areas=[], rights=rights)
            )
    session.flush()
