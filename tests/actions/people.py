"""The people of the tests, and a small market for them to act in."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import ProviderState
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.domain.solutions import SolutionState
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution


@dataclass(frozen=True)
class Market:
    """Ids of one of everything, and of a rival."""

    provider: int
    rival: int
    solution: int
    enterprise: int
    problem: int
    scenario: int
    diagnosis: int
    # The provider's organisation.
    unit: int

    def person(self, role: Role) -> Viewer:
        """Somebody of this role; provider and enterprise are those of the market."""
        return Viewer(
            account_id=list(Role).index(role) + 1,
            name=role.value,
            roles=frozenset({role}),
            provider_ids=frozenset({self.provider} if role == Role.PROVIDER else ()),
            enterprise_ids=frozenset({self.enterprise} if role == Role.ENTERPRISE else ()),
            rights=frozenset((self.unit, right) for right in RIGHTS) if role == Role.PROVIDER else frozenset(),
        )

    @property
    def rival_person(self) -> Viewer:
        """Another provider."""
        return Viewer(account_id=90, name="rival", roles=frozenset({Role.PROVIDER}), provider_ids=frozenset({self.rival}))

    @property
    def other_enterprise_person(self) -> Viewer:
        """Another enterprise."""
        return Viewer(account_id=91, name="other", roles=frozenset({Role.ENTERPRISE}), enterprise_ids=frozenset({self.enterprise + 1000}))


def open_market(
    database: Database,
    *,
    provider: ProviderState = ProviderState.ADMITTED,
    solution: SolutionState = SolutionState.PUBLISHED,
    problem: ProblemState = ProblemState.OPEN,
    scenario: ScenarioState = ScenarioState.PUBLISHED,
    diagnosis: DiagnosisState = DiagnosisState.ISSUED,
) -> Market:
    """One of everything, each in the state that the test begins with."""
    with database.writing() as session:
        number = session.query(Organisation).count()
        organisations = [Organisation(name=f"单位 {number + step}") for step in range(3)]
        first = Provider(organisation=organisations[0], state=provider, source="t", source_ref=str(number))
        second = Provider(organisation=organisations[1], source="t", source_ref=str(number + 1))
        enterprise = Enterprise(organisation=organisations[2], sector="chem", source="t", source_ref=str(number))
        session.add_all([first, second, enterprise])
        session.flush()
        key = {"source": "t", "source_ref": str(number)}
        offered = [
            Solution(provider_id=first.id, title="方案", state=solution, **key),
            Solution(provider_id=first.id, title="另一个方案", source="t", source_ref=f"{number}b"),
        ]
        visit = Diagnosis(enterprise_id=enterprise.id, state=diagnosis, **key)
        asked = Problem(enterprise_id=enterprise.id, text="问题", state=problem, **key)
        place = Scenario(code=f"T-{number}", kind=ScenarioKind.TYPICAL, sector="chem", name="场景", state=scenario, **key)
        session.add_all([*offered, visit, asked, place])
        session.flush()
        return Market(first.id, second.id, offered[0].id, enterprise.id, asked.id, place.id, visit.id, organisations[0].id)
