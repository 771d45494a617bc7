"""我的产品目录: a provider's own solutions, what waits for whom, writing and handing in the next version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import catalogue as actions
from marketplace.actions import solutions as solution_actions
from marketplace.actions.catalogue_content import content_of
from marketplace.domain.access import Role, Viewer, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _, allowed_events
from marketplace.domain.solution_versions import EDITABLE, TABLE, Content, VersionState
from marketplace.domain.solutions import TABLE as SOLUTION_TABLE
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.calls import CallAnswer
from marketplace.records.cases import Case, find_loose_cases
from marketplace.records.listings import ProductListing, find_listed_batches
from marketplace.records.matches import Outcome
from marketplace.records.providers import Provider
from marketplace.records.solution_versions import SolutionVersion, find_last_number, find_open_version, find_versions
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import ShownDifference, ShownField, ShownFinding, shown_differences, shown_fields, shown_findings
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.typed import local_day

pages = Blueprint("catalogue", __name__)
ADDRESSES["own_solution"] = lambda ref: url_for("catalogue.show", public_id=ref)
# A refusal that is about the moment, not about what was typed.
LATE = ("changed_meanwhile", "wrong_state", "not_editable")


@dataclass(frozen=True)
class DeskRow:
    """One of the provider's solutions; `due`: until when its version is to be reviewed; `batch`: of the recommended products."""

    solution: Solution
    version: SolutionVersion | None
    due: date | None
    batch: str
    events: tuple[Transition, ...]

    @property
    def title(self) -> str:
        return str(self.version.content["title"]) if self.version else self.solution.title


@dataclass(frozen=True)
class Desk:
    rows: Sequence[DeskRow]
    providers: Sequence[Provider]
    paging: Paging


@dataclass(frozen=True)
class SolutionDesk:
    """Everything that its provider may see and do about one solution. `content`: what the next version says so far."""

    row: DeskRow
    content: Content
    fields: Sequence[ShownField]
    findings: Sequence[ShownFinding]
    changes: Sequence[ShownDifference]
    versions: Sequence[SolutionVersion]
    outcomes: Sequence[Outcome]
    loose: Sequence[Case]
    answers: Sequence[CallAnswer]
    listings: Sequence[ProductListing]
    last: int

    @property
    def solution(self) -> Solution:
        return self.row.solution

    @property
    def version(self) -> SolutionVersion | None:
        return self.row.version

    @property
    def editable(self) -> bool:
        return self.version is None or self.version.state in EDITABLE

    @property
    def stamp(self) -> tuple[int, int]:
        """Number and revision of what a form on this page was opened on."""
        return (self.version.number, self.version.revision) if self.version else (0, self.last)


def own_solution(session: Session, public_id: str) -> Solution:
    """The viewer's own; another's is as absent as none."""
    query = select(Solution).where(Solution.public_id == public_id).options(joinedload(Solution.provider))
    found = session.scalar(query)
    return found if found is not None and found.provider_id in current_viewer().provider_ids else not_found()


@pages.get("/catalogue")
@permission("write", "catalogue")
def desk() -> str:
    with current_site().database.reading() as session:
        return render_template("catalogue/desk.html", desk=read_desk(session, current_viewer()))


def read_desk(session: Session, viewer: Viewer) -> Desk:
    own = Solution.provider_id.in_(viewer.provider_ids)
    total = session.scalar(select(func.count()).select_from(Solution).where(own)) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "catalogue.desk")
    query = select(Solution).where(own).options(joinedload(Solution.provider)).order_by(Solution.id.desc())
    solutions = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
    providers = session.scalars(select(Provider).where(Provider.id.in_(viewer.provider_ids)).order_by(Provider.id)).all()
    return Desk(_rows(session, solutions, viewer), providers, paging)


def _rows(session: Session, solutions: Sequence[Solution], viewer: Viewer) -> list[DeskRow]:
    """Three queries, whatever the number of solutions."""
    ids = [solution.id for solution in solutions]
    open_ones = select(SolutionVersion).where(
        SolutionVersion.solution_id.in_(ids), SolutionVersion.state.not_in((VersionState.APPROVED, VersionState.WITHDRAWN))
    )
    versions = {version.solution_id: version for version in session.scalars(open_ones)}
    numbers = [version.id for version in versions.values()]
    asked = select(Task.noun_id, Task.due).where(Task.noun == actions.VERSION, Task.noun_id.in_(numbers), Task.done_at.is_(None))
    dues = dict(session.execute(asked).all())
    batches = find_listed_batches(session, ids)
    return [
        DeskRow(
            solution,
            version := versions.get(solution.id),
            dues.get(version.id) if version else None,
            batches.get(solution.id, ""),
            _events(solution, version, viewer),
        )
        for solution in solutions
    ]


def _events(solution: Solution, version: SolutionVersion | None, viewer: Viewer) -> tuple[Transition, ...]:
    """What this member may do now: about the version that is open, and about what is published."""
    if not may_act_for(viewer, solution.provider.organisation_id, "submit"):
        return ()
    about = allowed_events(TABLE, version.state, {Role.PROVIDER}) if version else ()
    # Both tables have a 撤: of a version it is taking back, of what is published taking it off the shelf.
    return (*about, *allowed_events(SOLUTION_TABLE, solution.state, {Role.PROVIDER}))


@pages.get("/catalogue/<public_id>")
@permission("write", "catalogue")
def show(public_id: str) -> Response:
    return solution_page(public_id)


def solution_page(public_id: str, refused: Refused | None = None) -> Response:
    """The page of one of the provider's own solutions, with the sentence why what was tried did not happen."""
    with current_site().database.reading() as session:
        found = read_solution_desk(session, own_solution(session, public_id), current_viewer())
        sentence = said(refused.message, refused.values) if refused else ""
        body = render_template("catalogue/show.html", page=found, solution=found.solution, row=found.row, sentence=sentence)
    status = 200 if refused is None else 409 if refused.code in LATE else 403 if refused.code == "not_allowed" else 422
    return make_response(body, status)


def read_solution_desk(session: Session, solution: Solution, viewer: Viewer) -> SolutionDesk:
    (row,) = _rows(session, [solution], viewer)
    content = actions.next_content(session, solution, row.version)
    findings = shown_findings(*actions.faults_of(content, current_site().pilot.catalogue)) if row.version else []
    public = None if solution.state == "draft" else content_of(session, solution)
    finished = select(Outcome).where(Outcome.solution_id == solution.id, Outcome.acceptance.is_not(None))
    answers = select(CallAnswer).where(CallAnswer.solution_id == solution.id, CallAnswer.taken_back.is_(None))
    listings = select(ProductListing).where(ProductListing.solution_id == solution.id).order_by(ProductListing.id.desc())
    named = {case.get("case") for case in content["cases"]}
    return SolutionDesk(
        row=row,
        content=content,
        fields=shown_fields(content),
        findings=findings,
        changes=shown_differences(public, content) if row.version and public else [],
        versions=find_versions(session, solution.id),
        outcomes=session.scalars(finished.order_by(Outcome.proposed.desc(), Outcome.id)).all(),
        loose=[case for case in find_loose_cases(session, solution.provider_id) if case.public_id not in named],
        answers=session.scalars(answers.options(joinedload(CallAnswer.call)).order_by(CallAnswer.id)).all(),
        listings=session.scalars(listings).all(),
        last=find_last_number(session, solution.id),
    )


@pages.post("/catalogue/<public_id>/submit")
@permission("write", "catalogue")
def submit(public_id: str) -> Response:
    site, viewer = current_site(), current_viewer()
    rules, today = site.pilot.catalogue, local_day(now())
    return _step(
        public_id,
        say("已提交审核，结果会通知您。已公开的内容在通过前不变。"),
        lambda version, revision: actions.submit(
            site.database, version, revision=revision, viewer=viewer, at=now(), today=today, rules=rules
        ),
    )


@pages.post("/catalogue/<public_id>/take-back")
@permission("write", "catalogue")
def take_back(public_id: str) -> Response:
    site, viewer = current_site(), current_viewer()
    return _step(
        public_id,
        say("已撤回，这个版本会保留。已公开的内容不变。"),
        lambda version, revision: actions.withdraw(site.database, version, revision=revision, viewer=viewer, at=now()),
    )


def _step(public_id: str, done: str, act: Any) -> Response:
    """One step of the version that is open."""
    with current_site().database.reading() as session:
        solution = own_solution(session, public_id)
        version = find_open_version(session, solution.id) or not_found()
        version_id = version.id
    try:
        act(version_id, request.form.get("revision", -1, int))
    except RefusedError as error:
        return solution_page(public_id, error.refused)
    flash(done, "good")
    return redirect(url_for("catalogue.show", public_id=public_id), 303)


@pages.post("/catalogue/<public_id>/delist")
@permission("write", "catalogue")
def delist(public_id: str) -> Response:
    """Off the shelf by its provider's own wish; back again by a version that is approved."""
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        solution = own_solution(session, public_id)
        solution_id, may_act = solution.id, may_act_for(viewer, solution.provider.organisation_id, "submit")
    try:
        if not may_act:
            raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
        solution_actions.withdraw(site.database, solution_id, viewer=viewer, at=now(), why=request.form.get("why", "").strip())
    except RefusedError as error:
        return solution_page(public_id, error.refused)
    flash(say("已下架，搜索和推荐里不再出现。要重新上架，请修改后提交审核。"), "good")
    return redirect(url_for("catalogue.show", public_id=public_id), 303)


@pages.get("/catalogue/<public_id>/versions/<int:number>")
@permission("write", "catalogue")
def version(public_id: str, number: int) -> str:
    """One version as it was, and what it changed against another one (by default the one before)."""
    with current_site().database.reading() as session:
        solution = own_solution(session, public_id)
        return version_page(session, solution, number, back=url_for("catalogue.show", public_id=public_id))


def version_page(session: Session, solution: Solution, number: int, *, back: str) -> str:
    """Shared by the provider and the reviewer: both see every version, and the difference of any two."""
    versions = {one.number: one for one in find_versions(session, solution.id)}
    chosen = versions.get(number) or not_found()
    other = versions.get(request.args.get("against", number - 1, int))
    return render_template(
        "catalogue/version.html",
        solution=solution,
        version=chosen,
        versions=list(versions.values()),
        against=other,
        changes=shown_differences(other.content, chosen.content) if other else [],
        fields=shown_fields(chosen.content),
        back=back,
    )
