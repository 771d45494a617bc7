"""Distilling typical scenarios from the open problems of a sector: vectors, clusters, and names proposed from their words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.distillations import Found, note_clusters
from marketplace.domain.problems import ProblemState
from marketplace.jobs.progress import Progress
from marketplace.records.distillations import Distillation
from marketplace.records.enterprises import Enterprise
from marketplace.records.jobs import Job
from marketplace.records.problems import Problem
from marketplace.site import Site
from recommender import distilling
from recommender.distilling import Cluster

BATCH = 64
# Of a run's progress, out of 100, embedding takes so much; clusters the rest.
EMBEDDED = 70
MOST_CLUSTERS = 200


@dataclass(frozen=True)
class _Row:
    id: int
    text: str
    enterprise_id: int
    sector: str
    stage: str
    orientation: str


def distil(site: Site, job: Job, progress: Progress) -> dict[str, Any] | None:
    """A person has asked; the answer waits on the run's page."""
    number = job.payload["distillation"]
    with site.database.reading() as session:
        run = session.get(Distillation, number)
        if run is None or run.ended is not None:
            return None
        rows = _rows(session, run.sector)
    store = site.embeddings.bulk()
    parts = []
    for start in range(0, len(rows), BATCH):
        parts.append(store.queries([row.text for row in rows[start : start + BATCH]], keep=True))
        progress(EMBEDDED * min(start + BATCH, len(rows)) // len(rows), 100)
    vectors = np.concatenate(parts) if parts else np.zeros((0, store.dimension), np.float32)
    found = distilling.distil([row.text for row in rows], vectors, told=lambda done, total: progress(EMBEDDED + 30 * done // total, 100))
    proposed = [_found(rows, cluster) for cluster in found[:MOST_CLUSTERS]]
    with progress.finishing({"problems": len(rows), "clusters": len(proposed)}) as session:
        enterprises = len({row.enterprise_id for row in rows})
        run = session.get_one(Distillation, number, with_for_update=True)
        note_clusters(session, run, proposed, problems=len(rows), enterprises=enterprises, at=datetime.now(UTC))
    return None


def _rows(session: Session, sector: str) -> list[_Row]:
    columns = (Problem.id, Problem.text, Problem.enterprise_id, Enterprise.sector, Problem.stage, Problem.orientation)
    query = select(*columns).join(Enterprise, Enterprise.id == Problem.enterprise_id).where(Problem.state == ProblemState.OPEN)
    if sector:
        query = query.where(Enterprise.sector == sector)
    return [_Row(*row) for row in session.execute(query.order_by(Problem.id))]


def _found(rows: list[_Row], cluster: Cluster) -> Found:
    members = [rows[place] for place in cluster.members]
    return Found(
        name=cluster.name,
        words=list(cluster.words),
        problem_ids=[row.id for row in members],
        enterprises=len({row.enterprise_id for row in members}),
        sector=_usual([row.sector for row in members]),
        stage=_usual([row.stage for row in members]),
        orientation=_usual([row.orientation for row in members]),
    )


def _usual(keys: list[str]) -> str:
    counted = Counter(key for key in keys if key).most_common(1)
    return counted[0][0] if counted else ""
