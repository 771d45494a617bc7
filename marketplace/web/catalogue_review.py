"""The general manager's desk: versions that were handed in, each against what is published, with what the text guard noticed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import catalogue_review as actions
from marketplace.actions import solutions as solution_actions
from marketplace.actions.catalogue import VERSION, faults_of
from marketplace.actions.catalogue_content import content_of
from marketplace.domain.access import may
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _, allowed_events
from marketplace.domain.solution_versions import TABLE, VersionState
from marketplace.domain.solutions import TABLE as SOLUTION_TABLE
from marketplace.domain.solutions import SolutionState
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.solution_versions import SolutionVersion, find_version, find_versions
from marketplace.records.solutions import Solution
from marketplace.records.tasks import Task
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue import version_page
from marketplace.web.catalogue_shown import ShownDifference, ShownField, ShownFinding, shown_differences, shown_fields, shown_findings
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged

pages = Blueprint("catalogue_review", __name__)
ADDRESSES[VERSION] = lambda ref: url_for("catalogue_review.show", public_id=ref)
# Event of a solution → its verb; what staff do to a solution without a new version of it.
_VERBS: dict[str, Callable[..., Transition]] = {
    "publish": solution_actions.publish,
    "withdraw": solution_actions.withdraw,
    "block": solution_actions.block,
    "unblock": solution_actions.unblock,
}


@dataclass(frozen=True)
class Waiting:
    version: SolutionVersion
    due: date | None


@dataclass(frozen=True)
class ReviewDesk:
    rows: Sequence[Waiting]
    paging: Paging


@dataclass(frozen=True)
class ReviewPage:
    """One version as the reviewer sees it. `changes`: against what is published; `events`: of the version."""

    version: SolutionVersion
    fields: Sequence[ShownField]
    changes: Sequence[ShownDifference]
    findings: Sequence[ShownFinding]
    files: Sequence[Attachment]
    events: Sequence[Transition]
    due: date | None

    @property
    def solution(self) -> Solution:
        return self.version.solution


@pages.get("/catalogue/review")
@permission("review", "catalogue")
def desk() -> str:
    with current_site().database.reading() as session:
        return render_template("catalogue/review_desk.html", desk=read_desk(session))


def read_desk(session: Session) -> ReviewDesk:
    """What waits, the oldest first."""
    waits = SolutionVersion.state == VersionState.SUBMITTED
    total = session.scalar(select(func.count()).select_from(SolutionVersion).where(waits)) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "catalogue_review.desk")
    loaded = (joinedload(SolutionVersion.solution).joinedload(Solution.provider), joinedload(SolutionVersion.author))
    query = select(SolutionVersion).where(waits).options(*loaded).order_by(SolutionVersion.submitted, SolutionVersion.id)
    versions = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
    dues = _dues(session, [version.id for version in versions])
    return ReviewDesk([Waiting(version, dues.get(version.id)) for version in versions], paging)


def _dues(session: Session, version_ids: Sequence[int]) -> dict[int, date | None]:
    asked = select(Task.noun_id, Task.due).where(Task.noun == VERSION, Task.noun_id.in_(version_ids), Task.done_at.is_(None))
    return dict(session.execute(asked).all())


@pages.get("/catalogue/review/<public_id>")
@permission("review", "catalogue")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, why: str = "") -> Response:
    with current_site().database.reading() as session:
        found = read_page(session, find_version(session, public_id) or not_found())
        sentence = said(refused.message, refused.values) if refused else ""
        body = render_template("catalogue/review.html", page=found, version=found.version, sentence=sentence, why=why)
    return make_response(body, 200 if refused is None else 422 if refused.code == "reason_missing" else 409)


def read_page(session: Session, version: SolutionVersion) -> ReviewPage:
    solution = version.solution
    public = None if solution.state == SolutionState.DRAFT else content_of(session, solution)
    named = {row["file"] for row in version.content["files"]}
    return ReviewPage(
        version=version,
        fields=shown_fields(version.content),
        changes=shown_differences(public, version.content) if public and version.state == VersionState.SUBMITTED else [],
        findings=shown_findings(*faults_of(version.content, current_site().pilot.catalogue)),
        files=[one for one in find_attachments(session, "solution", solution.id) if one.public_id in named],
        events=allowed_events(TABLE, version.state, current_viewer().roles),
        due=_dues(session, [version.id]).get(version.id),
    )


@pages.post("/catalogue/review/<public_id>/approve")
@permission("review", "catalogue")
def approve(public_id: str) -> Response:
    return _decide(public_id, actions.approve, say("已通过并公开，一秒内可以搜到。"))


@pages.post("/catalogue/review/<public_id>/return")
@permission("review", "catalogue")
def send_back(public_id: str) -> Response:
    return _decide(public_id, actions.send_back, say("已退回，理由已通知服务商。"))


def _decide(public_id: str, act: Callable[..., object], done: str) -> Response:
    site, viewer, why = current_site(), current_viewer(), request.form.get("why", "").strip()
    with site.database.reading() as session:
        number = (find_version(session, public_id) or not_found()).id
    try:
        act(site.database, number, revision=request.form.get("revision", -1, int), viewer=viewer, at=now(), why=why)
    except RefusedError as error:
        return _page(public_id, error.refused, why)
    flash(done, "good")
    return redirect(url_for("catalogue_review.desk"), 303)


@pages.get("/catalogue/review/solutions/<public_id>")
@permission("oversee", "catalogue")
def solution(public_id: str) -> Response:
    return _solution_page(public_id)


def _solution_page(public_id: str, refused: Refused | None = None) -> Response:
    """A solution in any state, its versions, and what staff may do about it without one."""
    with current_site().database.reading() as session:
        found = _solution(session, public_id)
        body = render_template(
            "catalogue/review_solution.html",
            solution=found,
            fields=shown_fields(content_of(session, found)),
            versions=find_versions(session, found.id),
            events=_solution_events(found),
            may_list=may(current_viewer(), "manage", "listing") and found.state == SolutionState.PUBLISHED,
            sentence=said(refused.message, refused.values) if refused else "",
        )
    return make_response(body, 200 if refused is None else 422 if refused.code == "reason_missing" else 409)


def _solution(session: Session, public_id: str) -> Solution:
    query = select(Solution).where(Solution.public_id == public_id).options(joinedload(Solution.provider))
    return session.scalar(query) or not_found()


def _solution_events(found: Solution) -> list[Transition]:
    """A solution that was never published becomes so by approving its first version, not by a button."""
    rows = allowed_events(SOLUTION_TABLE, found.state, current_viewer().roles)
    return [row for row in rows if not (row.event == "publish" and found.state == SolutionState.DRAFT)]


@pages.post("/catalogue/review/solutions/<public_id>/<event>")
@permission("oversee", "catalogue")
def move_solution(public_id: str, event: str) -> Response:
    site, viewer, why = current_site(), current_viewer(), request.form.get("why", "").strip()
    with site.database.reading() as session:
        found = _solution(session, public_id)
        if event not in {row.event for row in _solution_events(found)}:
            return _solution_page(public_id, Refused("wrong_state", _("现在的状态不能这样办理。请刷新后再看。")))
        number = found.id
    if not why:
        return _solution_page(public_id, Refused("reason_missing", _("理由没有填。它会告诉对方，也会留在历史里。")))
    try:
        _VERBS[event](site.database, number, viewer=viewer, at=now(), why=why)
    except RefusedError as error:
        return _solution_page(public_id, error.refused)
    flash(say("已办理，搜索和推荐随即更新。"), "good")
    return redirect(url_for("catalogue_review.solution", public_id=public_id), 303)


@pages.get("/catalogue/review/solutions/<public_id>/versions/<int:number>")
@permission("oversee", "catalogue")
def version(public_id: str, number: int) -> str:
    with current_site().database.reading() as session:
        found = _solution(session, public_id)
        return version_page(session, found, number, back=url_for("catalogue_review.solution", public_id=public_id))
