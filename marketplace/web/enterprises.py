"""Enterprises: the list for staff, and an enterprise's page with its problem list for those who may read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.domain.access import may, may_read_enterprise, may_read_plan
from marketplace.domain.problems import ProblemState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem, find_problems_of
from marketplace.site import current_site
from marketplace.web.paging import Paging, paged

pages = Blueprint("enterprises", __name__)


@dataclass(frozen=True)
class EnterpriseList:
    """One page of the list. `problems`: open problems by enterprise, for those only who may read problem lists."""

    rows: Sequence[Enterprise]
    problems: Mapping[int, int]
    paging: Paging
    sector: str
    text: str


@pages.get("/enterprises")
@permission("list", "enterprise")
def index() -> str:
    site, viewer = current_site(), current_viewer()
    sector = site.pilot.find("sector", request.args.get("sector", ""))
    with site.database.reading() as session:
        found = read_list(
            session,
            sector=sector.key if sector else "",
            text=request.args.get("q", "").strip()[:100],
            size=site.pilot.thresholds.page_size,
            counted=may(viewer, "read", "plan"),
        )
        return render_template("enterprises/index.html", found=found, sectors=site.pilot.sectors)


def read_list(session: Session, *, sector: str, text: str, size: int, counted: bool) -> EnterpriseList:
    query = select(Enterprise).join(Enterprise.organisation)
    if sector:
        query = query.where(Enterprise.sector == sector)
    if text:
        query = query.where(Organisation.name.contains(text, autoescape=True) | (Organisation.credit_code == text))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    paging = paged(total, size, "enterprises.index", q=text, sector=sector)
    rows = session.scalars(query.order_by(Enterprise.id).limit(paging.size).offset(paging.offset)).all()
    problems: dict[int, int] = {}
    if counted:
        count = select(Problem.enterprise_id, func.count()).where(Problem.state == ProblemState.OPEN)
        count = count.where(Problem.enterprise_id.in_([row.id for row in rows])).group_by(Problem.enterprise_id)
        problems = dict(session.execute(count).all())
    return EnterpriseList(rows, problems, paging, sector, text)


@pages.get("/enterprises/mine")
@permission("read_own", "enterprise")
def mine() -> Response:
    """An enterprise's own page, whatever its number."""
    with current_site().database.reading() as session:
        own = select(Enterprise).where(Enterprise.id.in_(current_viewer().enterprise_ids)).order_by(Enterprise.id)
        enterprise = session.scalars(own).first() or not_found()
        return redirect(url_for("plans.show", public_id=enterprise.public_id), 303)


@pages.get("/enterprises/<public_id>")
@permission("read", "enterprise")
def show(public_id: str) -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        enterprise = find_enterprise(session, public_id)
        if enterprise is None or not may_read_enterprise(viewer, enterprise.id):
            not_found()
        listed = may_read_plan(viewer, enterprise.id)
        problems = by_priority(find_problems_of(session, enterprise.id)) if listed else []
        diagnosis = find_diagnosis(session, enterprise.id)
        return render_template("enterprises/show.html", enterprise=enterprise, problems=problems, listed=listed, diagnosis=diagnosis)


def by_priority(problems: Sequence[Problem]) -> list[tuple[int, Problem]]:
    """The list in the order of its priorities, each problem with its number in the list as it was written."""
    order = {term.key: place for place, term in enumerate(current_site().pilot.priorities)}
    return sorted(enumerate(problems, 1), key=lambda pair: (order.get(pair[1].priority, len(order)), pair[0]))


def find_diagnosis(session: Session, enterprise_id: int) -> Diagnosis | None:
    """The newest diagnosis of an enterprise."""
    query = select(Diagnosis).where(Diagnosis.enterprise_id == enterprise_id)
    return session.scalars(query.order_by(Diagnosis.visited.desc(), Diagnosis.id.desc())).first()
