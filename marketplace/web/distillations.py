"""提炼典型场景: runs over a sector's problems, the clusters that were found with their members, and what people make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import distillations as actions
from marketplace.domain.distillations import LEAST_ENTERPRISES, ClusterDraft, ClusterState, check, check_publishing
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.problems import redacted
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.distillations import (
    Distillation,
    ScenarioCluster,
    find_cluster,
    find_clusters,
    find_distillation,
    find_scenario_of,
)
from marketplace.records.history import find_last_entry
from marketplace.records.jobs import Job, JobState, find_job
from marketplace.records.problems import Problem
from marketplace.records.scenarios import Scenario
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.demands import places
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, seen_still

pages = Blueprint("distillations", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("distillations.show", public_id=ref)
ADDRESSES[actions.CLUSTER] = lambda ref: url_for("distillations.cluster", public_id=ref)
LOOK_AGAIN = 3
# Of a cluster's members so many are shown, and so many are offered as typical problems.
MOST_MEMBERS, TYPICAL = 60, 5
_TYPED = ("name", "note", "stage", "orientation", "code", "typical")


@dataclass(frozen=True)
class RunPage:
    """`job`: that does it, or did; `clusters`: one page of what stands, `paging` the way on."""

    run: Distillation
    job: Job | None
    clusters: Sequence[ScenarioCluster]
    paging: Paging

    @property
    def percent(self) -> int:
        return 100 * self.job.progress_done // max(1, self.job.progress_total) if self.job else 0

    @property
    def is_dead(self) -> bool:
        return self.job is not None and self.job.state == JobState.DEAD and self.run.ended is None


@pages.get("/distillations")
@permission("run", "distillation")
def index() -> Response:
    return _index()


def _index(refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        total = session.scalar(select(func.count()).select_from(Distillation)) or 0
        paging = paged(total, current_site().pilot.thresholds.page_size, "distillations.index")
        query = select(Distillation).order_by(Distillation.id.desc()).limit(paging.size).offset(paging.offset)
        rows = session.scalars(query).all()
        sectors = current_site().pilot.sectors
        body = render_template("distillations/index.html", rows=rows, paging=paging, sectors=sectors, sentence=sentence_of(refused))
    return make_response(body, 422 if refused else 200)


@pages.post("/distillations")
@permission("run", "distillation")
def begin() -> Response:
    site = current_site()
    sector = site.pilot.sector(request.form.get("sector", "")) if request.form.get("sector") else None
    try:
        run = actions.begin(site.database, sector.key if sector else "", viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _index(error.refused)
    return redirect(url_for("distillations.show", public_id=run.public_id), 303)


@pages.get("/distillations/<public_id>")
@permission("run", "distillation")
def show(public_id: str) -> Response:
    with current_site().database.reading() as session:
        page = read_page(session, find_distillation(session, public_id) or not_found())
        answer = make_response(render_template("distillations/show.html", page=page, run=page.run, least=LEAST_ENTERPRISES))
        waits = page.run.ended is None and not page.is_dead
    if waits:
        answer.headers["Refresh"] = str(LOOK_AGAIN)
    return answer


def read_page(session: Session, run: Distillation) -> RunPage:
    standing = find_clusters(session, run.id)
    paging = paged(len(standing), current_site().pilot.thresholds.page_size, "distillations.show", public_id=run.public_id)
    return RunPage(run, find_job(session, run.job_id), standing[paging.offset : paging.offset + paging.size], paging)


@dataclass(frozen=True)
class Member:
    problem: Problem
    enterprise: str


@dataclass(frozen=True)
class ClusterPage:
    cluster: ScenarioCluster
    run: Distillation
    members: Sequence[Member]
    others: Sequence[ScenarioCluster]
    scenario: Scenario | None


@pages.get("/distillations/clusters/<public_id>")
@permission("run", "distillation")
def cluster(public_id: str) -> Response:
    return _cluster_page(public_id)


def _cluster_page(
    public_id: str, typed: Mapping[str, str] | None = None, *, faults: Faults | None = None, lost: Refused | None = None
) -> Response:
    with current_site().database.reading() as session:
        page = _read_cluster(session, find_cluster(session, public_id) or not_found())
        row = page.cluster
        stands = _stands(session, page)
        typed = {**stands, **typed} if typed else stands
        labels = {"name": say("场景名称"), "note": say("场景说明"), "stage": say("环节"), "orientation": say("方向")}
        body = render_template(
            "distillations/cluster.html",
            page=page,
            cluster=row,
            typed=typed,
            faults=sentences(faults or []),
            least=LEAST_ENTERPRISES,
            seen=seen_still(find_last_entry(session, actions.CLUSTER, row.id), lost=lost is not None),
            lost=sentence_of(lost),
            changes=outdated_fields((label, stands[name], typed[name]) for name, label in labels.items()) if lost else [],
        )
    return make_response(body, 409 if lost else 422 if faults else 200)


def _read_cluster(session: Session, row: ScenarioCluster) -> ClusterPage:
    wanted = row.problem_ids[:MOST_MEMBERS]
    query = select(Problem).where(Problem.id.in_(wanted)).options(joinedload(Problem.enterprise))
    found = {one.id: one for one in session.scalars(query)}
    members = [Member(found[number], found[number].enterprise.name) for number in wanted if number in found]
    run = session.get_one(Distillation, row.distillation_id)
    others = [one for one in find_clusters(session, run.id) if one.id != row.id and one.state == ClusterState.PROPOSED]
    return ClusterPage(row, run, members, others, find_scenario_of(session, row))


def _stands(session: Session, page: ClusterPage) -> dict[str, str]:
    row = page.cluster
    # What the most typical members say, without whose words they are: a person words them anew before they are published.
    texts = [redacted(one.problem.text, one.enterprise, places(one.problem.enterprise)) for one in page.members[:TYPICAL]]
    stands = {"name": row.name, "note": row.note, "stage": row.stage, "orientation": row.orientation}
    return stands | {"code": _next_code(session, row.sector), "typical": "\n".join(texts)}


def _next_code(session: Session, sector: str) -> str:
    """The next free number after those of the sector's typical scenarios: CHEM-16."""
    prefix = f"{sector.upper()[:8] or 'COMMON'}-"
    codes = session.scalars(select(Scenario.code).where(Scenario.code.startswith(prefix, autoescape=True)))
    numbers = [int(tail) for code in codes if (tail := code.removeprefix(prefix)).isascii() and tail.isdigit()]
    return f"{prefix}{max(numbers, default=0) + 1:02}"


@pages.post("/distillations/clusters/<public_id>")
@permission("run", "distillation")
def save(public_id: str) -> Response:
    """Keep a person's name for it; with the other button publish it at once."""
    site, viewer = current_site(), current_viewer()
    typed = {name: request.form.get(name, "").strip() for name in _TYPED}
    with site.database.reading() as session:
        row = find_cluster(session, public_id) or not_found()
        number, enterprises, sector = row.id, row.enterprises, row.sector
    stage, orientation = (site.pilot.find(name, typed[name]) if typed[name] else None for name in ("stage", "orientation"))
    draft = ClusterDraft(typed["name"], typed["note"], stage.key if stage else "", orientation.key if orientation else "")
    publishes = "publish" in request.form
    faults: Faults = list(check(draft)) + (list(check_publishing(enterprises, typed["code"])) if publishes else [])
    if faults:
        return _cluster_page(public_id, typed, faults=faults)
    try:
        actions.change(site.database, number, draft, viewer=viewer, at=here_now(), seen=seen())
        if publishes:
            typical = [line.strip()[:200] for line in typed["typical"].splitlines()]
            key: dict[str, Any] = {"code": typed["code"], "sector": sector, "typical": typical}
            scenario = actions.publish(site.database, number, viewer=viewer, at=here_now(), **key)
            flash(say("已发布为典型场景 {code}。", code=scenario.code), "good")
            return redirect(url_for("scenarios.show", key=scenario.code), 303)
    except RefusedError as error:
        if error.refused.code == "changed_meanwhile":
            return _cluster_page(public_id, typed, lost=error.refused)
        return _cluster_page(public_id, typed, faults=[("code" if error.refused.code == "code_taken" else "", error.refused)])
    flash(say("已保存。"), "good")
    return redirect(url_for("distillations.cluster", public_id=public_id), 303)


@pages.post("/distillations/clusters/<public_id>/merge")
@permission("run", "distillation")
def merge(public_id: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        row = find_cluster(session, public_id) or not_found()
        into = find_cluster(session, request.form.get("into", ""))
        if into is None:
            return _cluster_page(public_id, faults=[("into", Refused("required", say("要并入哪一类没有选。")))])
        members = {*row.problem_ids, *into.problem_ids}
        counted = select(func.count(func.distinct(Problem.enterprise_id))).where(Problem.id.in_(members))
        numbers, enterprises, target = (row.id, into.id), session.scalar(counted) or 0, into.public_id
    try:
        actions.merge(site.database, *numbers, enterprises=enterprises, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _cluster_page(public_id, faults=[("into", error.refused)])
    flash(say("已并入。"), "good")
    return redirect(url_for("distillations.cluster", public_id=target), 303)


@pages.post("/distillations/clusters/<public_id>/<any(set_aside,take_up):step>")
@permission("run", "distillation")
def move(public_id: str, step: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        row = find_cluster(session, public_id) or not_found()
        run = session.get_one(Distillation, row.distillation_id).public_id
        number = row.id
    try:
        (actions.set_aside if step == "set_aside" else actions.take_up)(site.database, number, viewer=current_viewer(), at=now())
        flash(say("已办理。"), "good")
    except RefusedError as error:
        flash(sentence_of(error.refused), "bad")
    return redirect(url_for("distillations.show", public_id=run), 303)
