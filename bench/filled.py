"""A site that is full: rows of every table that a list is made of, written straight into the database, by a seed.

Only sizes are made up here: what a page costs, never what it says. Names end in （示例）; the codes begin with a region that does
not exist. One person of every role can log in (`open_log_in`); the provider, the enterprise and the expert have `own` rows each
of whatever is theirs.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert, text
from sqlalchemy.orm import Session

from marketplace.actions.sessions import open_session
from marketplace.domain.access import RIGHTS, Role
from marketplace.domain.credit_code import check_character
from marketplace.domain.providers import ProviderState
from marketplace.domain.solution_versions import VersionState, empty_content
from marketplace.domain.solutions import SolutionState
from marketplace.records.database import Database
from marketplace.records.tables import metadata

Row = dict[str, Any]
CHUNK = 5_000
ROLES = tuple(Role)
# The numbers of the records that are somebody's own.
OWN_PROVIDER = OWN_ENTERPRISE = OWN_EXPERT = 1
STAGES = ("rd_design", "production", "quality", "warehouse_logistics", "equipment", "energy")
SECTORS = ("chem", "auto", "elec")
WORDS = ("设备预测性维护", "能耗管理", "质量追溯", "生产排程", "仓储物流", "视觉检测", "安全监测", "工艺优化")


@dataclass(frozen=True)
class Sizes:
    """How many rows of each; `own`: of the things of one person, within those."""

    accounts: int = 2_000
    enterprises: int = 2_000
    problems: int = 10_000
    scenarios: int = 500
    providers: int = 5_000
    solutions: int = 50_000
    cases: int = 10_000
    outcomes: int = 10_000
    windows: int = 40
    applications: int = 5_000
    experts: int = 400
    listings: int = 2_000
    calls: int = 200
    certificates: int = 10_000
    events: int = 20_000
    days: int = 60
    rounds: int = 8
    adjustments: int = 3_000
    notices: int = 20_000
    tasks: int = 20_000
    jobs: int = 20_000
    registrations: int = 2_000
    history: int = 100_000
    guides: int = 60
    projects: int = 5_000
    # Lines of the ledger.
    ledger: int = 100_000
    own: int = 150

    @classmethod
    def alike(cls, count: int) -> Sizes:
        """So many of everything, half of it somebody's own: for comparing what a page asks of the database at several sizes."""
        return cls(**{field.name: count // 2 if field.name == "own" else count for field in fields(cls)})


def code(number: int) -> str:
    """A 统一社会信用代码 that is well-formed and nobody's."""
    first = f"91000000{number:09d}"
    return first + check_character(first)


class Filler:
    """Writes rows, and knows how many there are to point at. `at`: the moment at which the site stands."""

    def __init__(self, session: Session, sizes: Sizes, *, seed: int = 7, at: datetime | None = None) -> None:
        self.session, self.sizes, self.chance = session, sizes, random.Random(seed)
        self.at = at or datetime.now(UTC)
        self.today = self.at.date()

    def put(self, table: str, rows: Iterable[Row]) -> None:
        """Straight through the driver, some thousand at a time; the columns' own defaults hold."""
        target: Table = metadata.tables[table]
        some: list[Row] = []
        for row in rows:
            some.append(row)
            if len(some) == CHUNK:
                self.session.connection().execute(insert(target), some)
                some = []
        if some:
            self.session.connection().execute(insert(target), some)

    def some(self, count: int) -> int:
        """The number of one of so many rows."""
        return self.chance.randint(1, count)

    def before(self, days: float) -> datetime:
        """A moment within so many days before now."""
        return self.at - timedelta(seconds=self.chance.randint(1, int(days * 86_400)))

    def everything(self) -> None:
        from bench.filled_funds import fill_funds
        from bench.filled_office import fill_office
        from bench.filled_projects import fill_projects
        from bench.filled_reviews import fill_reviews

        self.people()
        self.enterprises()
        self.providers()
        self.solutions()
        fill_reviews(self)
        fill_funds(self, fill_projects(self))
        fill_office(self)

    @property
    def unit_of_provider(self) -> int:
        """Organisations: first the office, then the enterprises, then the providers."""
        return 1 + self.sizes.enterprises

    def people(self) -> None:
        """The office and its people, one account a role, and as many other accounts as asked for."""
        sizes = self.sizes
        names = ["办公室", *(f"企业 {n:05d} 精密制造有限公司" for n in range(sizes.enterprises))]
        names += [f"服务商 {n:05d} 科技有限公司" for n in range(sizes.providers)]
        self.put("organisations", ({"id": n, "credit_code": code(n), "name": f"{name}（示例）"} for n, name in enumerate(names, 1)))
        people = [*ROLES, *(f"person{n}" for n in range(sizes.accounts))]
        account = {"password_hash": "-", "created": self.at}
        self.put("accounts", ({"id": n, "login": str(login), "name": f"{login}（示例）", **account} for n, login in enumerate(people, 1)))
        self.put("memberships", self._memberships(len(people)))

    def _scenarios(self) -> Iterator[Row]:
        """Twelve of each sector, and those that enterprises have of their own."""
        for n in range(36 + self.sizes.scenarios):
            own = n >= 36
            row = {"code": f"P-{n:05d}" if own else f"{('CH', 'AU', 'EL')[n % 3]}-{n // 3:02d}", "kind": "individual" if own else "typical"}
            row |= {"sector": SECTORS[n % 3], "name": WORDS[n % len(WORDS)], "stage": STAGES[n % len(STAGES)], "description": "……" * 40}
            yield {"source": "bench", "source_ref": row["code"], "enterprise_id": self.some(self.sizes.enterprises) if own else None, **row}

    def _memberships(self, accounts: int) -> Iterator[Row]:
        homes = {Role.ENTERPRISE: 1 + OWN_ENTERPRISE, Role.PROVIDER: self.unit_of_provider + OWN_PROVIDER}
        for number, role in enumerate(ROLES, 1):
            rights = list(RIGHTS) if role in homes else []
            yield {
                "account_id": number,
                "organisation_id": homes.get(role, 1),
                "role": role,
                "rights": rights,
                "areas": ["teda"] if role is Role.AREA else [],
            }
        for number in range(len(ROLES) + 1, accounts + 1):
            # The own provider has members of its own, the rest is spread over all.
            own = number <= len(ROLES) + self.sizes.own
            unit = homes[Role.PROVIDER] if own else self.unit_of_provider + self.some(self.sizes.providers)
            yield {"account_id": number, "organisation_id": unit, "role": Role.PROVIDER, "rights": ["edit"], "areas": []}

    def enterprises(self) -> None:
        sizes, states = self.sizes, ("open", "open", "solved", "withdrawn")
        enterprise = {"source": "bench", "area": "", "revenue_fen": 5_000_000_000, "main_products": "轴承、齿轮"}
        rows = (
            {"id": n, "organisation_id": 1 + n, "sector": self.chance.choice(SECTORS), "source_ref": f"E{n}", **enterprise}
            for n in range(1, sizes.enterprises + 1)
        )
        self.put("enterprises", rows)
        self.put("scenarios", self._scenarios())
        diagnosis = {"source": "bench", "state": "issued", "visited": self.today}
        self.put("diagnoses", ({"id": n, "enterprise_id": n, "source_ref": f"D{n}", **diagnosis} for n in range(1, sizes.enterprises + 1)))
        problem = {"source": "bench", "text": "压机经常停机，找不到原因，影响交货", "priority": "high", "budget_high_fen": 80_000_000}
        self.put(
            "problems",
            (
                {
                    "id": n, "enterprise_id": (unit := OWN_ENTERPRISE if n <= min(sizes.own, 40) else self.some(sizes.enterprises)),
                    "diagnosis_id": unit, "source_ref": f"P{n}", "stage": self.chance.choice(STAGES),
                    "state": self.chance.choice(states), **problem,
                }
                for n in range(1, sizes.problems + 1)
            ),
        )  # fmt: skip

    def providers(self) -> None:
        """In every state; the own one is in the pool."""
        states = [*[ProviderState.ADMITTED] * 12, ProviderState.WARNED, *ProviderState]
        provider = {"source": "bench", "kind": "software", "region": "外地", "sectors": ["chem"], "summary": "做设备和能源管理多年。" * 8}
        self.put(
            "providers",
            (
                {
                    "id": n, "organisation_id": self.unit_of_provider + n, "source_ref": f"S{n}", "local_commitment": n % 7 > 0,
                    "state": ProviderState.ADMITTED if n == OWN_PROVIDER else self.chance.choice(states),
                    "admitted_on": self.before(900).date(), "experts": [{"name": "某某", "title": "高工"}] * 3, **provider,
                }
                for n in range(1, self.sizes.providers + 1)
            ),
        )  # fmt: skip

    def solutions(self) -> None:
        """With their versions: one that was approved, and of every tenth one that is open."""
        sizes, states = self.sizes, [*[SolutionState.PUBLISHED] * 8, *SolutionState]
        solution = {
            "source": "bench",
            "form": "solution",
            "solves": ["设备停机找不到原因", "能耗高"],
            "stages": ["equipment"],
            "summary": "……" * 60,
        }
        self.put(
            "solutions",
            (
                {
                    "id": n, "provider_id": self.owner(n), "title": f"{self.chance.choice(WORDS)}方案 {n}", "source_ref": f"F{n}",
                    "sectors": self.chance.sample(SECTORS, 2), "state": self.chance.choice(states), "price_low_fen": 5_000_000, **solution,
                }
                for n in range(1, sizes.solutions + 1)
            ),
        )  # fmt: skip
        self.put("solution_versions", self._versions())
        case = {
            "source": "bench",
            "client_sector": "chem",
            "completed": "2025-06",
            "effects": [{"indicator": "停机", "before": "9", "after": "3"}],
        }
        rows = (
            {"id": n, "provider_id": self.owner(s), "solution_id": s, "source_ref": f"C{n}", **case}
            for n in range(1, sizes.cases + 1)
            for s in [self.some(sizes.solutions)]
        )
        self.put("cases", rows)
        self.put("outcomes", self._outcomes())

    def owner(self, solution: int) -> int:
        """Whose a solution is: the first ones are the own provider's."""
        return OWN_PROVIDER if solution <= self.sizes.own else solution % self.sizes.providers + 1

    def _versions(self) -> Iterator[Row]:
        content = empty_content() | {"summary": "……" * 60, "solves": ["设备停机找不到原因"]}
        author = ROLES.index(Role.PROVIDER) + 1
        for n in range(1, self.sizes.solutions + 1):
            words = content | {"title": f"方案 {n}"}
            row = {"solution_id": n, "content": words, "author_id": author, "at": self.before(600)}
            yield {"id": 2 * n, "number": 1, "state": VersionState.APPROVED, "submitted": row["at"], "decided": row["at"], **row}
            state = self.chance.choice([VersionState.DRAFT, VersionState.SUBMITTED, VersionState.SUBMITTED, VersionState.RETURNED])
            if n % 10 == 0 or n <= self.sizes.own:
                submitted = None if state is VersionState.DRAFT else row["at"]
                yield {"id": 2 * n + 1, "number": 2, "state": state, "submitted": submitted, "decided": None, **row}

    def _outcomes(self) -> Iterator[Row]:
        for n in range(1, self.sizes.outcomes + 1):
            solution = self.some(self.sizes.solutions)
            finished = n % 2 == 0
            row = {"problem_id": self.some(self.sizes.problems), "solution_id": solution, "provider_id": self.owner(solution)}
            ended = {"acceptance": "passed" if finished else None, "score": 86.0 if finished else None, "on_time": finished or None}
            yield {
                "id": n,
                "source": "bench",
                "source_ref": f"O{n}",
                "proposed": self.before(500).date(),
                "decision": "accepted",
                **row,
                **ended,
            }


def fill(database: Database, sizes: Sizes, *, seed: int = 7, at: datetime | None = None) -> None:
    """Everything, in one transaction of an empty database."""
    with Session(database.engine) as session:
        Filler(session, sizes, seed=seed, at=at).everything()
        session.commit()
        # PostgreSQL gathers its statistics by itself after a while; SQLite never does, so here it has none either.
        if database.engine.dialect.name == "postgresql":
            session.execute(text("ANALYZE"))
            session.commit()


def open_log_in(database: Database, role: Role) -> str:
    """The secret of a log-in of the person of this role."""
    with Session(database.engine) as session:
        secret = open_session(session, ROLES.index(role) + 1, address="127.0.0.1", agent="bench", at=datetime.now(UTC))
        session.commit()
    return secret
