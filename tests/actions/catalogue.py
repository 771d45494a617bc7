"""A small pool with people who have accounts: two providers, the general manager, the bureau."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.providers import ProviderState
from marketplace.domain.scenarios import ScenarioKind
from marketplace.domain.solution_versions import Content, empty_content
from marketplace.records.accounts import Account, Membership, find_viewer
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from tests.conftest import NOW

CODES = ("91990000MAMA5MNK03", "919900006639233244")
SUMMARY = (
    "建立密封点台账，按频次检测，超标点当天通知维修、限期复测；历史高漏部位给出换垫片或换阀建议，报告可直接用于监管上报，并自动核算排放量。"
)


@dataclass(frozen=True)
class Pool:
    """`published`: a solution of the first provider that came by import."""

    provider: int
    rival: int
    published: int
    person: Viewer
    colleague: Viewer
    rival_person: Viewer
    manager: Viewer
    second: Viewer
    bureau: Viewer


def open_pool(database: Database, *, state: ProviderState = ProviderState.ADMITTED) -> Pool:
    with database.writing() as session:
        own, other = (Organisation(name=f"服务商 {number}", credit_code=code) for number, code in enumerate(CODES))
        staff = Organisation(name="综合管理")
        first, second = (
            Provider(organisation=own, state=state, source="t", source_ref="1"),
            Provider(organisation=other, source="t", source_ref="2"),
        )
        session.add_all([first, second, staff])
        session.flush()
        offered = Solution(
            provider_id=first.id, title="密封点检测服务", form="service", sectors=["chem"], summary=SUMMARY, solves=["台账不清"]
        )
        offered.scenario_codes, offered.source, offered.source_ref = ["CH-16"], "t", "FA-001"
        place = Scenario(code="CHEM-P09", kind=ScenarioKind.INDIVIDUAL, sector="chem", name="场景", source="t", source_ref="P9")
        session.add_all([offered, place])
        session.flush()
        people = {}
        for login, organisation, role in (
            ("person", own, Role.PROVIDER),
            ("colleague", own, Role.PROVIDER),
            ("rival", other, Role.PROVIDER),
            ("manager", staff, Role.MANAGER),
            ("second", staff, Role.MANAGER),
            ("bureau", staff, Role.BUREAU),
        ):
            account = Account(login=login, name=login, password_hash="-", created=NOW)
            account.memberships = [Membership(organisation_id=organisation.id, role=role, areas=[], rights=list(RIGHTS))]
            session.add(account)
            session.flush()
            people[login] = find_viewer(session, account.id)
        numbers = (first.id, second.id, offered.id)
    viewers = [people[login] for login in ("person", "colleague", "rival", "manager", "second", "bureau")]
    assert all(viewers)
    return Pool(*numbers, *viewers)  # type: ignore[arg-type]


def content(**other: object) -> Content:
    """A content that may be handed in."""
    return empty_content() | {
        "title": "换热器结垢在线监测", "form": "solution", "sectors": ["chem"], "summary": SUMMARY, "solves": ["结垢看不见"],
        "scenario_codes": ["CH-16"], "references": 3, **other,
    }  # fmt: skip
