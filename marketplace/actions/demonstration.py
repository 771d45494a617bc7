"""The accounts of a demonstration site: one for each role, with a password that everybody may know.

They exist only where the demonstration set was loaded, and such a site listens on this machine only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions.accounts import open_account
from marketplace.domain.access import Role
from marketplace.domain.providers import ProviderState
from marketplace.records.accounts import Account, Membership, find_account
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation, find_organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution

PASSWORD = "jigai-demo-2024"
# Log-in → its role, and the credit code of the organisation that it should show where the demonstration set has it.
LOGINS: dict[str, tuple[Role, str]] = {
    "centre": (Role.CENTRE, ""),
    "manager": (Role.MANAGER, ""),
    "bureau": (Role.BUREAU, ""),
    "finance": (Role.FINANCE, ""),
    "city": (Role.CITY, ""),
    "area": (Role.AREA, ""),
    "expert": (Role.EXPERT, ""),
    "admin": (Role.ADMIN, ""),
    "enterprise": (Role.ENTERPRISE, "91990000MAYGPX077U"),
    "enterprise2": (Role.ENTERPRISE, "91990000MAU3DK6WXX"),
    "provider": (Role.PROVIDER, "919900006639233244"),
    "provider2": (Role.PROVIDER, "919900001468819715"),
}
# Who came with a later version: a site that was made before it is a demonstration without them.
LATER = frozenset({"city"})
# The people of the pool, who come when it is played; all with the same password.
POOL_LOGINS: dict[str, Role] = {
    "applicant": Role.PROVIDER,
    "applicant2": Role.PROVIDER,
    "provider-b": Role.PROVIDER,
    **{f"expert{number}": Role.EXPERT for number in range(2, 7)},
}


@dataclass(frozen=True)
class DemonstrationAccount:
    """What the log-in page and the start of the server show."""

    role: Role
    login: str
    password: str
    organisation: str


def open_demonstration_accounts(database: Database, *, names: Mapping[Role, str], now: datetime) -> None:
    """One account for each role (two for the sides of the market) that is not there yet. `names`: the word of each role."""
    with database.writing() as session:
        for login, (role, code) in LOGINS.items():
            if find_account(session, login) is not None:
                continue
            organisation = _organisation(session, role, code, names[role])
            answer = open_account(
                session,
                login,
                PASSWORD,
                name=f"{names[role]}（示例）",
                memberships=[(organisation.id, role)],
                now=now,
                actor="jigai demo",
            )
            assert isinstance(answer, Account), answer
        _give_areas(session)


def _give_areas(session: Session) -> None:
    """The officer of a park or street sees to the areas of the enterprises that have an account here."""
    account = find_account(session, "area")
    units = select(Membership.organisation_id).join(Account).where(Account.login.in_([login for login in LOGINS if "enterprise" in login]))
    areas = session.scalars(select(Enterprise.area).where(Enterprise.organisation_id.in_(units), Enterprise.area != "").distinct())
    found = sorted(areas)
    for membership in account.memberships if account else []:
        if membership.role == Role.AREA and not membership.areas:
            membership.areas = found


def find_demonstration_accounts(session: Session) -> list[DemonstrationAccount]:
    """The demonstration accounts that are there, in the order of their roles."""
    order, roles = list(Role), {login: role for login, (role, _code) in LOGINS.items()} | POOL_LOGINS
    statement = select(Account.login, Organisation.name).join(Account.memberships).join(Membership.organisation)
    statement = statement.where(Account.login.in_(roles), Account.disabled.is_(False)).order_by(Membership.id.desc())
    organisations = dict(session.execute(statement).all())
    accounts = [DemonstrationAccount(roles[login], login, PASSWORD, name) for login, name in organisations.items()]
    return sorted(accounts, key=lambda account: (order.index(account.role), account.login))


def _organisation(session: Session, role: Role, code: str, name: str) -> Organisation:
    """The enterprise or provider that the set names, else the one with most to show; for others one named after the role."""
    found = find_organisation(session, code) if code else None
    chosen: int | None = None
    if found is None and role == Role.ENTERPRISE:
        counted = select(Enterprise.organisation_id).join(Problem, Problem.enterprise_id == Enterprise.id)
        chosen = session.scalar(counted.group_by(Enterprise.id).order_by(func.count().desc(), Enterprise.id).limit(1))
    elif found is None and role == Role.PROVIDER:
        offered = select(Provider.organisation_id).join(Solution, Solution.provider_id == Provider.id)
        offered = offered.where(Provider.state == ProviderState.ADMITTED, Provider.local_office.is_(True))
        chosen = session.scalar(offered.group_by(Provider.id).order_by(func.count().desc(), Provider.id).limit(1))
    if chosen is not None:
        return session.get_one(Organisation, chosen)
    title = f"{name}（示例）"
    found = found or session.scalar(select(Organisation).where(Organisation.name == title, Organisation.credit_code.is_(None)))
    if found is None:
        found = Organisation(name=title)
        session.add(found)
        session.flush()
    return found
