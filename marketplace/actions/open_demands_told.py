"""Who is told what of an open demand. What goes to providers never says whose demand it is, nor who else asks or answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import Act
from marketplace.actions.history import record
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.open_demand_steps import DEMAND
from marketplace.actions.roles import actor_of
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import _
from marketplace.domain.open_demands import OpenDemandState
from marketplace.domain.providers import TAKES_NEW
from marketplace.domain.saved import USUAL_STRENGTH, Frequency
from marketplace.records.coverage import DemandMatch
from marketplace.records.open_demands import OpenAnswer, OpenDemand, OpenDemandProblem, OpenQuestion
from marketplace.records.providers import Provider
from marketplace.records.saved import DemandAlert, DemandMute


def tell_enterprise(
    session: Session, demand: OpenDemand, message: str, at: datetime, *, without: int | None = None, **values: object
) -> None:
    accounts = accounts_of_organisation(session, demand.enterprise.organisation_id) - {without}
    _tell(session, accounts, demand, message, at, values)


def tell_centre(session: Session, demand: OpenDemand, message: str, at: datetime, *, without: int | None = None, **values: object) -> None:
    _tell(session, accounts_of_roles(session, (Role.CENTRE,)) - {without}, demand, message, at, values)


def tell_provider(session: Session, demand: OpenDemand, provider: Provider, message: str, at: datetime, **values: object) -> None:
    _tell(session, accounts_of_organisation(session, provider.organisation_id), demand, message, at, values)


def tell_followers(session: Session, demand: OpenDemand, message: str, at: datetime, **values: object) -> None:
    """Every provider that asked or answered."""
    answered = select(OpenAnswer.provider_id).where(OpenAnswer.demand_id == demand.id)
    numbers = answered.union(select(OpenQuestion.provider_id).where(OpenQuestion.demand_id == demand.id))
    for provider in session.scalars(select(Provider).where(Provider.id.in_(numbers)).order_by(Provider.id)).all():
        tell_provider(session, demand, provider, message, at, **values)


def _tell(
    session: Session, accounts: Collection[int | None], demand: OpenDemand, message: str, at: datetime, values: Mapping[str, object]
) -> None:
    told = [one for one in accounts if one is not None]
    given = {"number": demand.number, "title": demand.title, **values}
    notify(session, told, DEMAND, message, at=at, values=given, noun=DEMAND, public_ref=demand.public_id)


def tell_fitting(session: Session, demand: OpenDemand, act: Act) -> int:
    """Providers whose solutions answer one of its problems well enough, by the last night's count; each once, and none that does not
    want to hear of new demands or of this kind. Returns how many were told now."""
    problems = select(OpenDemandProblem.problem_id).where(OpenDemandProblem.demand_id == demand.id)
    strength = func.max(DemandMatch.strength)
    query = select(DemandMatch.provider_id, strength).where(DemandMatch.problem_id.in_(problems)).group_by(DemandMatch.provider_id)
    found = {number: best for number, best in session.execute(query) if number not in demand.told}
    alerts = {row.provider_id: row for row in session.scalars(select(DemandAlert).where(DemandAlert.provider_id.in_(found)))}
    kind = (demand.enterprise.sector or "", demand.stage or "", demand.scenario_code or "")
    muted = {row.provider_id for row in session.scalars(select(DemandMute).where(DemandMute.provider_id.in_(found))) if row.kind == kind}
    taking = select(Provider).where(Provider.id.in_(found.keys() - muted), Provider.state.in_(TAKES_NEW)).order_by(Provider.id)
    told = []
    for provider in session.scalars(taking).all():
        alert = alerts.get(provider.id)
        least, often = (alert.strength, alert.frequency) if alert is not None else (USUAL_STRENGTH, Frequency.DAILY)
        if found[provider.id] < least or often == Frequency.NEVER or provider.organisation_id == demand.enterprise.organisation_id:
            continue
        told.append(provider.id)
        message = _("新的公开需求与贵单位的方案对得上：{title}（{number}），{until} 24:00 前可以应答。")
        tell_provider(session, demand, provider, message, act.at, until=demand.answers_until.isoformat())
    if told:
        demand.told = [*demand.told, *told]
        session.flush()
        record(
            session,
            actor=actor_of(act.viewer),
            verb="tell",
            noun=DEMAND,
            noun_id=demand.id,
            before=None,
            after={"providers": len(told)},
            at=act.at,
        )
    return len(told)


def tell_of_all(session: Session, act: Act) -> int:
    """Nightly, once it is counted who answers what: for problems that are new since, and solutions too."""
    query = select(OpenDemand).where(OpenDemand.state == OpenDemandState.PUBLISHED, OpenDemand.answers_until >= act.today)
    return sum(tell_fitting(session, demand, act) for demand in session.scalars(query.order_by(OpenDemand.id)).all())
