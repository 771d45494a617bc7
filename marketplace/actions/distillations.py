"""Distilling typical scenarios: asked for, found by a job, then merged, named and published by a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.diagnosis_lists import change_line, refuse_first
from marketplace.actions.history import record
from marketplace.actions.jobs import enqueue_job
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Viewer
from marketplace.domain.distillations import TABLE, ClusterDraft, check, check_publishing
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.scenarios import TABLE as SCENARIO_TABLE
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.records.database import Database
from marketplace.records.distillations import Distillation, ScenarioCluster
from marketplace.records.scenarios import Scenario, find_scenario

NOUN = "distillation"
CLUSTER = "scenario_cluster"
JOB = "distil"
ACTOR = "提炼场景"


@dataclass(frozen=True)
class Found:
    """A cluster as the machine proposes it."""

    name: str
    words: list[str]
    problem_ids: list[int]
    enterprises: int
    sector: str = ""
    stage: str = ""
    orientation: str = ""


def begin(database: Database, sector: str, *, viewer: Viewer, at: datetime) -> Distillation:
    """Ask for a run over a sector's problems, "" for all; a job does it."""
    with database.writing() as session:
        must_hold(viewer, "run", NOUN)
        run = Distillation(sector=sector, account_id=viewer.account_id, at=at)
        session.add(run)
        session.flush()
        job = enqueue_job(session, JOB, {"distillation": run.id}, at=at, key=f"{JOB}:{sector}", account_id=viewer.account_id)
        if job.payload["distillation"] != run.id:
            raise RefusedError(Refused("already_asked", _("这个行业的提炼已经在排队，请等它做完。")))
        run.job_id = job.public_id
        record(session, actor=actor_of(viewer), verb="begin", noun=NOUN, noun_id=run.id, before=None, after={"sector": sector}, at=at)
        return run


def note_clusters(session: Session, run: Distillation, found: Iterable[Found], *, problems: int, enterprises: int, at: datetime) -> None:
    """What the job found, for a person to look at."""
    if run.ended is not None:
        return
    run.problems, run.enterprises, run.ended = problems, enterprises, at
    rows = [
        ScenarioCluster(
            distillation_id=run.id,
            name=one.name,
            words=one.words,
            problem_ids=one.problem_ids,
            enterprises=one.enterprises,
            sector=one.sector,
            stage=one.stage,
            orientation=one.orientation,
        )
        for one in found
    ]
    session.add_all(rows)
    session.flush()
    after = {"problems": problems, "clusters": len(rows)}
    record(session, actor=ACTOR, verb="find", noun=NOUN, noun_id=run.id, before=None, after=after, at=at)


def change(
    database: Database, cluster_id: int, draft: ClusterDraft, *, viewer: Viewer, at: datetime, seen: int | None = None
) -> ScenarioCluster:
    """A person's name, words, stage and direction for it."""
    with database.writing() as session:
        cluster = _proposed(session, cluster_id, viewer)
        refuse_first(check(draft))
        values = {"name": draft.name, "note": draft.note, "stage": draft.stage, "orientation": draft.orientation}
        change_line(session, cluster, CLUSTER, values, viewer=viewer, at=at, seen=seen)
        return cluster


def merge(database: Database, cluster_id: int, into_id: int, *, enterprises: int, viewer: Viewer, at: datetime) -> ScenarioCluster:
    """The other takes its members. `enterprises`: of how many the members then are."""
    with database.writing() as session:
        first, second = (_proposed(session, number, viewer) for number in sorted((cluster_id, into_id)))
        cluster, into = (first, second) if first.id == cluster_id else (second, first)
        if cluster.id == into.id or cluster.distillation_id != into.distillation_id:
            raise RefusedError(Refused("cannot_merge", _("要并入的是同一次提炼里的另一类。")))
        cluster.merged_into_id = into.id
        transition.apply(session, cluster, TABLE, "merge", actor=actor_of(viewer), roles=viewer.roles, at=at, why=into.name)
        before = {"problems": len(into.problem_ids)}
        into.problem_ids = list(dict.fromkeys([*into.problem_ids, *cluster.problem_ids]))
        into.words = list(dict.fromkeys([*into.words, *cluster.words]))[:12]
        into.enterprises = enterprises
        session.flush()
        after = {"problems": len(into.problem_ids), "merged": cluster.id}
        record(session, actor=actor_of(viewer), verb="take_in", noun=CLUSTER, noun_id=into.id, before=before, after=after, at=at)
        return into


def set_aside(database: Database, cluster_id: int, *, viewer: Viewer, at: datetime) -> None:
    _move(database, cluster_id, "set_aside", viewer, at)


def take_up(database: Database, cluster_id: int, *, viewer: Viewer, at: datetime) -> None:
    _move(database, cluster_id, "take_up", viewer, at)


def publish(
    database: Database,
    cluster_id: int,
    *,
    code: str,
    sector: str,
    typical: list[str],
    viewer: Viewer,
    at: datetime,
    seen: int | None = None,
) -> Scenario:
    """It becomes a typical scenario of the library. `typical`: problems as a person words them, of nobody in particular."""
    with database.writing() as session:
        cluster = _proposed(session, cluster_id, viewer)
        refuse_if_moved(session, CLUSTER, cluster.id, seen=seen, at=at)
        refuse_first(check_publishing(cluster.enterprises, code))
        if find_scenario(session, code) is not None:
            raise RefusedError(Refused("code_taken", _("场景编号“{code}”已经有了，请换一个。"), {"code": code}))
        scenario = Scenario(
            code=code,
            canonical=[],
            kind=ScenarioKind.TYPICAL,
            sector=sector,
            name=cluster.name,
            description=cluster.note,
            stage=cluster.stage,
            orientations=[cluster.orientation] if cluster.orientation else [],
            typical_problems=[text.strip() for text in typical if text.strip()][:20],
            typical_solutions=[],
            state=ScenarioState.DRAFT,
            source="platform",
            source_ref=code,
        )
        session.add(scenario)
        session.flush()
        after = {"code": code, "name": cluster.name, "from_cluster": cluster.id}
        record(session, actor=actor_of(viewer), verb="create", noun="scenario", noun_id=scenario.id, before=None, after=after, at=at)
        transition.apply(session, scenario, SCENARIO_TABLE, "publish", actor=actor_of(viewer), roles=viewer.roles, at=at)
        cluster.scenario_id = scenario.id
        transition.apply(session, cluster, TABLE, "publish", actor=actor_of(viewer), roles=viewer.roles, at=at)
        return scenario


def _move(database: Database, cluster_id: int, event: str, viewer: Viewer, at: datetime) -> None:
    with database.writing() as session:
        cluster = session.get_one(ScenarioCluster, cluster_id)
        must_hold(viewer, "run", NOUN)
        transition.apply(session, cluster, TABLE, event, actor=actor_of(viewer), roles=viewer.roles, at=at)


def _proposed(session: Session, cluster_id: int, viewer: Viewer) -> ScenarioCluster:
    must_hold(viewer, "run", NOUN)
    cluster = session.get_one(ScenarioCluster, cluster_id, with_for_update=True)
    if cluster.state != "proposed":
        raise RefusedError(Refused("cluster_moved", _("这一类已经发布、并入别处或搁置，不能再改。")))
    return cluster
