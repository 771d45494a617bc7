"""Typical scenarios distilled from many enterprises' problems: a run over one sector, and the clusters that it found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.domain.distillations import ClusterState
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Strings, UtcDateTime, stored
from marketplace.records.scenarios import Scenario


class Distillation(Record):
    """`sector`: a key of the pilot, "" for all; `job_id`: the public id of the job that does it; `ended`: when it was done."""

    __tablename__ = "distillations"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    sector: Mapped[str] = mapped_column(String(32), default="")
    problems: Mapped[int] = mapped_column(default=0)
    enterprises: Mapped[int] = mapped_column(default=0)
    job_id: Mapped[str] = mapped_column(String(36), default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ScenarioCluster(Record):
    """Problems that state one need. `name` and `words` are proposed by the machine, then a person's; `problem_ids`: the members, the
    most typical first; `merged_into_id`: the cluster that took its members; `scenario_id`: what was published from it."""

    __tablename__ = "scenario_clusters"
    __table_args__ = (Index("ix_scenario_clusters_run", "distillation_id", "state"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    distillation_id: Mapped[int] = mapped_column(ForeignKey("distillations.id"))
    name: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text, default="")
    words: Mapped[Strings]
    sector: Mapped[str] = mapped_column(String(32), default="")
    stage: Mapped[str] = mapped_column(String(32), default="")
    orientation: Mapped[str] = mapped_column(String(32), default="")
    problem_ids: Mapped[list[int]] = mapped_column(Json, default=list)
    enterprises: Mapped[int] = mapped_column(default=0)
    state: Mapped[ClusterState] = mapped_column(stored(ClusterState), default=ClusterState.PROPOSED)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("scenario_clusters.id"))
    scenario_id: Mapped[int | None] = mapped_column(ForeignKey("scenarios.id"))


def find_distillation(session: Session, public_id: str) -> Distillation | None:
    return session.scalar(select(Distillation).where(Distillation.public_id == public_id))


def find_cluster(session: Session, public_id: str) -> ScenarioCluster | None:
    return session.scalar(select(ScenarioCluster).where(ScenarioCluster.public_id == public_id))


def find_clusters(session: Session, distillation_id: int) -> Sequence[ScenarioCluster]:
    """Those that still stand: what waits first, of these the ones of most enterprises."""
    query = select(ScenarioCluster).where(ScenarioCluster.distillation_id == distillation_id, ScenarioCluster.state != ClusterState.MERGED)
    order = (ScenarioCluster.state.desc(), ScenarioCluster.enterprises.desc(), ScenarioCluster.id)
    return session.scalars(query.order_by(*order)).all()


def find_scenario_of(session: Session, cluster: ScenarioCluster) -> Scenario | None:
    return session.get(Scenario, cluster.scenario_id) if cluster.scenario_id else None
