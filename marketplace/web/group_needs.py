"""What several members of a group need: clusters over their open problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.domain.access import Viewer, may
from marketplace.domain.groups import SHARED_BY
from marketplace.domain.problems import ProblemState
from marketplace.domain.scenarios import ScenarioKind
from marketplace.records.groups import EnterpriseGroup
from marketplace.records.problems import Problem
from marketplace.records.scenarios import Scenario
from marketplace.site import current_site
from marketplace.web.demands import ShownProblem, shown
from marketplace.web.language import say
from marketplace.web.remembered import remembered
from marketplace.web.wording import opening
from recommender.distilling import distil

# Of a very large group the newest problems are looked at.
MOST_PROBLEMS = 1_000
MOST_NEEDS, SHOWN = 20, 4
# Few problems lie far apart: what is shared must be closer than for a whole sector.
CLOSE = 0.65


@dataclass(frozen=True)
class Shared:
    """A need that several members have: the scenario that names it, "" where there is none, and their open problems, newest first."""

    name: str
    rows: Sequence[Problem]

    @property
    def members(self) -> int:
        return len({row.enterprise_id for row in self.rows})


@dataclass(frozen=True)
class Need:
    """The same as the viewer may read it: of how many, and which of the problems."""

    name: str
    members: int
    problems: Sequence[ShownProblem]
    more: int


def find_shared(session: Session, group: EnterpriseGroup, members: Sequence[int]) -> list[Shared]:
    """Clusters over the members' open problems that at least two of them have."""
    query = select(Problem).where(Problem.enterprise_id.in_(members), Problem.state == ProblemState.OPEN)
    rows = session.scalars(query.options(joinedload(Problem.enterprise)).order_by(Problem.id.desc()).limit(MOST_PROBLEMS)).all()
    by_id = {row.id: row for row in rows}
    found = remembered(session, ("group_needs", group.id, len(rows), max(by_id, default=0)), lambda: _clusters(rows))
    needs = [Shared("", [by_id[number] for number in ids if number in by_id]) for ids in found]
    needs = [need for need in needs if need.members >= SHARED_BY][:MOST_NEEDS]
    named = _scenario_names(session, needs)
    return [Shared(named.get(_scenario(need), ""), need.rows) for need in needs]


def _scenario(need: Shared) -> str:
    """The scenario that most of its problems belong to, "" where there is none."""
    code, count = Counter(row.scenario_code for row in need.rows).most_common(1)[0]
    return code if 2 * count > len(need.rows) else ""


def _scenario_names(session: Session, needs: Sequence[Shared]) -> dict[str, str]:
    """Of typical scenarios: an enterprise's own would name the enterprise."""
    codes = {_scenario(need) for need in needs} - {""}
    query = select(Scenario.code, Scenario.name).where(Scenario.code.in_(codes), Scenario.kind == ScenarioKind.TYPICAL)
    return dict(session.execute(query).all())


def shared_needs(session: Session, group: EnterpriseGroup, members: Sequence[int], viewer: Viewer) -> list[Need]:
    """The shared needs as this person may read them; members towards each other without names."""
    openly = may(viewer, "read", "plan")
    needs = []
    for need in find_shared(session, group, members):
        # Of two enterprises each would know the other: their texts are shown to themselves only.
        readable = [row for row in need.rows if openly or row.enterprise_id in viewer.enterprise_ids or need.members > SHARED_BY]
        told = [shown(row, viewer, frozenset()) for row in readable[:SHOWN]]
        needs.append(
            Need(
                need.name or (opening(need.rows[0].text, 24) if openly else say("共性需求")), need.members, told, len(need.rows) - len(told)
            )
        )
    return needs


def _clusters(rows: Sequence[Problem]) -> list[list[int]]:
    texts = [row.text for row in rows]
    vectors = current_site().embeddings.queries(texts, keep=True)
    return [[rows[place].id for place in one.members] for one in distil(texts, vectors, least=SHARED_BY, apart=CLOSE)]
