"""Problems that state the same need: of the enterprise's own list, and of others, with as much as the viewer may know of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from indexer.query import Kind, SearchQuery
from marketplace.domain.access import Viewer, may
from marketplace.domain.problems import ProblemState
from marketplace.domain.small_counts import told_count
from marketplace.records.problems import Problem
from marketplace.site import current_site
from marketplace.web.demands import ShownProblem, is_offered, shown
from recommender.suggesting import SIMILAR

DUPLICATE = 0.85
DEPTH = 40
MOST_OWN = 300
SHOWN = 5


@dataclass(frozen=True)
class Alike:
    """`share`: how far it states the same need, 0–1."""

    shown: ShownProblem
    share: float

    @property
    def is_duplicate(self) -> bool:
        return self.share >= DUPLICATE


@dataclass(frozen=True)
class Similar:
    """`own`: in this enterprise's list; `others`: texts of others that may be read, without names for whoever may not know them;
    `enterprises`: of how many other enterprises, None: too few to be told."""

    own: Sequence[Alike]
    others: Sequence[Alike]
    enterprises: int | None


def find_similar(session: Session, text: str, enterprise_id: int, viewer: Viewer, *, without: Collection[int] = ()) -> Similar:
    """What is like this text. The index proposes, the vectors of the texts decide."""
    site, openly = current_site(), may(viewer, "read", "plan")
    query = SearchQuery(text=text, kind=Kind.PROBLEM, audience=frozenset({"centre"}), size=DEPTH, facets=False, relax=False)
    found = {hit.thing_id for hit in site.index.search(query).hits}
    mine = select(Problem.id).where(Problem.enterprise_id == enterprise_id, Problem.state != ProblemState.WITHDRAWN)
    found |= set(session.scalars(mine.order_by(Problem.id.desc()).limit(MOST_OWN)))
    wanted = select(Problem).where(Problem.id.in_(found - set(without)), Problem.state != ProblemState.WITHDRAWN)
    rows = session.scalars(wanted.options(joinedload(Problem.enterprise), joinedload(Problem.diagnosis)).order_by(Problem.id)).all()
    shares = site.suggester.alike(text, [row.text for row in rows])
    alike = sorted(((row, share) for row, share in zip(rows, shares, strict=True) if share >= SIMILAR), key=lambda one: -one[1])
    own = [Alike(shown(row, viewer, frozenset()), share) for row, share in alike if row.enterprise_id == enterprise_id]
    beside = [(row, share) for row, share in alike if row.enterprise_id != enterprise_id]
    count = told_count(len({row.enterprise_id for row, _share in beside}), openly=openly)
    # What providers may read without a name may be read by others too; with too few, even a text without a name would tell.
    readable = [(row, share) for row, share in beside if openly or (count is not None and is_offered(row))]
    return Similar(own[:SHOWN], [Alike(shown(row, viewer, frozenset()), share) for row, share in readable[:SHOWN]], count)
