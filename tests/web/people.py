"""The people and things of the demonstration site that page tests speak of."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from marketplace.domain.access import Viewer
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import ProviderState
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.enterprises import Enterprise
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.opened import LOGINS, Browser

PEOPLE = ("anyone", *LOGINS, "enterprise2", "provider2")


@dataclass(frozen=True)
class Things:
    """Public ids of one thing of each kind, seen from the demonstration accounts."""

    own_enterprise: str
    other_enterprise: str
    own_provider: str
    warned_provider: str
    retired_provider: str
    solution: str
    retired_solution: str
    scenario: str
    individual_scenario: str
    problem: str


def viewer_of(session: Session, login: str) -> Viewer:
    account = find_account(session, login)
    assert account is not None
    viewer = find_viewer(session, account.id)
    assert viewer is not None
    return viewer


def find_things(site: Site) -> Things:
    with site.database.reading() as session:
        enterprise, other = (viewer_of(session, login) for login in ("enterprise", "enterprise2"))
        provider = viewer_of(session, "provider")
        own, foreign = (next(iter(viewer.enterprise_ids)) for viewer in (enterprise, other))
        assert own != foreign
        of_state = {
            state: session.scalars(select(Provider).where(Provider.state == state).order_by(Provider.id)).first()
            for state in (ProviderState.WARNED, ProviderState.RETIRED)
        }
        warned, retired = of_state[ProviderState.WARNED], of_state[ProviderState.RETIRED]
        assert warned is not None
        assert retired is not None
        offered = select(Solution).join(Solution.provider).where(Provider.state == ProviderState.ADMITTED).order_by(Solution.id)
        hidden = select(Solution).where(Solution.provider_id == retired.id).order_by(Solution.id)
        individual = select(Scenario).where(Scenario.enterprise_id.is_not(None)).order_by(Scenario.id)
        problem = select(Problem).where(Problem.enterprise_id == own, Problem.state == ProblemState.OPEN).order_by(Problem.id)
        return Things(
            own_enterprise=session.get_one(Enterprise, own).public_id,
            other_enterprise=session.get_one(Enterprise, foreign).public_id,
            own_provider=session.get_one(Provider, next(iter(provider.provider_ids))).public_id,
            warned_provider=warned.public_id,
            retired_provider=retired.public_id,
            solution=session.scalars(offered).first().public_id,  # type: ignore[union-attr]
            retired_solution=session.scalars(hidden).first().public_id,  # type: ignore[union-attr]
            scenario=session.scalars(select(Scenario).order_by(Scenario.code)).first().code,  # type: ignore[union-attr]
            individual_scenario=session.scalars(individual).first().code,  # type: ignore[union-attr]
            problem=session.scalars(problem).first().public_id,  # type: ignore[union-attr]
        )


def browser_of(app: Flask, person: str) -> Browser:
    """A browser in which this person has logged in."""
    browser = Browser(app.test_client())
    if person != "anyone":
        assert browser.log_in(person).status_code == 303, person
    return browser


class Counted:
    """Counts the statements that a database is asked while it is open."""

    def __init__(self, site: Site) -> None:
        self.engine = site.database.engine
        self.statements: list[str] = []

    def __enter__(self) -> Counted:
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "ROLLBACK", "PRAGMA")):
            self.statements.append(statement)
