"""An enterprise's problems, and the form of one: what it does not say yet, what it may belong to, and what is like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import problem_lists as actions
from marketplace.domain.access import Viewer, may, may_read_plan
from marketplace.domain.diagnosis_lists import check_writing, is_correction
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.problem_clarity import Hint, clarity, hints
from marketplace.domain.problems import ProblemState, check
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.groups import OrientationWish, find_wish
from marketplace.records.history import find_last_entry
from marketplace.records.problems import Problem
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.diagnosis_lists import found_diagnosis, may_write_own, placed, typed_reason
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.problem_form import draft_of, empty, labels, typed_now, typed_of
from marketplace.web.refusals import sentence_of
from marketplace.web.similar_problems import Similar, find_similar
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, seen_still
from recommender.suggesting import Suggested

pages = Blueprint("problem_lists", __name__)
ADDRESSES["problem"] = lambda ref: url_for("problem_lists.edit", public_id=ref)
# A button of a suggestion → the field that it fills in.
_TAKEN = {"scenario": "scenario_code", "stage": "stage", "orientation": "orientation"}


@dataclass(frozen=True)
class Review:
    """What can be said of a text before it is saved."""

    hints: Sequence[Hint]
    said: int
    of: int
    suggested: Suggested
    similar: Similar


@dataclass(frozen=True)
class About:
    """Whose problem it is, and in which diagnosis; `problem`: the one that is changed, None for a new one."""

    enterprise: Enterprise
    diagnosis: Diagnosis | None
    problem: Problem | None = None

    @property
    def corrects(self) -> bool:
        return self.diagnosis is not None and is_correction(self.diagnosis.state)

    @property
    def back(self) -> str:
        if self.diagnosis is not None:
            return url_for("diagnosis_lists.show", public_id=self.diagnosis.public_id, _anchor="problems")
        return url_for("problem_lists.index", public_id=self.enterprise.public_id)


# ---- the list


@dataclass(frozen=True)
class ProblemList:
    rows: Sequence[Problem]
    paging: Paging
    may_write: bool
    wish: OrientationWish | None
    diagnoses: Sequence[Diagnosis]


@pages.get("/enterprises/<public_id>/problems")
@permission("read", "plan")
def index(public_id: str) -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        enterprise = _found_enterprise(session, public_id, viewer)
        return render_template("problem_lists/index.html", enterprise=enterprise, found=read_list(session, enterprise, viewer))


def read_list(session: Session, enterprise: Enterprise, viewer: Viewer) -> ProblemList:
    """All of an enterprise's problems that stand, the newest first."""
    standing = select(Problem).where(Problem.enterprise_id == enterprise.id, Problem.state != ProblemState.WITHDRAWN)
    total = session.scalar(select(func.count()).select_from(standing.subquery())) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "problem_lists.index", public_id=enterprise.public_id)
    query = standing.options(joinedload(Problem.diagnosis)).order_by(Problem.id.desc())
    visits = select(Diagnosis).where(Diagnosis.enterprise_id == enterprise.id).order_by(Diagnosis.id.desc()).limit(10)
    return ProblemList(
        session.scalars(query.limit(paging.size).offset(paging.offset)).all(),
        paging,
        may_write_own(viewer, enterprise),
        find_wish(session, enterprise.id),
        session.scalars(visits).all(),
    )


def may_change(problem: Problem, viewer: Viewer) -> bool:
    """Whether this viewer may change this line now."""
    if problem.state != ProblemState.OPEN:
        return False
    if problem.diagnosis is None:
        return may_write_own(viewer, problem.enterprise)
    return may(viewer, "edit", "problem_list") and check_writing(problem.diagnosis.state, why="-") is None


# ---- the form


@pages.get("/diagnoses/<public_id>/lists/problems/new")
@permission("edit", "problem_list")
def new(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _page(session, _of_diagnosis(session, public_id), empty())


@pages.post("/diagnoses/<public_id>/lists/problems/new")
@permission("edit", "problem_list")
def add(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _keep(session, _of_diagnosis(session, public_id))


@pages.get("/enterprises/<public_id>/problems/new")
@permission("edit", "problem_list")
def new_own(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _page(session, _of_enterprise(session, public_id), empty())


@pages.post("/enterprises/<public_id>/problems/new")
@permission("edit", "problem_list")
def add_own(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _keep(session, _of_enterprise(session, public_id))


@pages.get("/problems/<public_id>/edit")
@permission("edit", "problem_list")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        about = _of_problem(session, public_id)
        assert about.problem is not None
        return _page(session, about, typed_of(about.problem))


@pages.post("/problems/<public_id>/edit")
@permission("edit", "problem_list")
def save(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _keep(session, _of_problem(session, public_id))


@pages.post("/problems/<public_id>/remove")
@permission("edit", "problem_list")
def remove(public_id: str) -> Response:
    with current_site().database.reading() as session:
        about = _of_problem(session, public_id)
        assert about.problem is not None
        number, back = about.problem.id, about.back
    try:
        actions.remove(current_site().database, number, viewer=current_viewer(), at=here_now(), why=typed_reason(), seen=seen())
        flash(say("已从清单里去掉。"), "good")
    except RefusedError as error:
        flash(sentence_of(error.refused), "bad")
    return redirect(back, 303)


def _keep(session: Session, about: About) -> Response:
    typed, why = typed_now(), typed_reason()
    kind, _colon, key = request.form.get("take", "").partition(":")
    if kind in _TAKEN:
        typed[_TAKEN[kind]] = key
    draft, faults = draft_of(typed)
    # A look at the text saves nothing, nor does taking up a suggestion.
    if "check" in request.form or kind in _TAKEN:
        return _page(session, about, typed, faults=[one for one in faults if one[0] != "text"], looks=True)
    faults += check(draft)
    if faults:
        return _page(session, about, typed, faults=faults)
    site, viewer = current_site(), current_viewer()
    enterprise_id, diagnosis_id = about.enterprise.id, about.diagnosis.id if about.diagnosis else None
    number, back = about.problem.id if about.problem else None, about.back
    session.rollback()
    try:
        if number is None:
            actions.add(site.database, draft, enterprise_id=enterprise_id, diagnosis_id=diagnosis_id, viewer=viewer, at=now(), why=why)
        else:
            actions.change(site.database, number, draft, viewer=viewer, at=here_now(), seen=seen(), why=why)
    except RefusedError as error:
        lost = error.refused.code == "changed_meanwhile"
        return _page(session, about, typed, faults=None if lost else [placed(error.refused)], lost=error.refused if lost else None)
    flash(say("已保存。检索几秒内更新。"), "good")
    return redirect(back, 303)


def _page(
    session: Session,
    about: About,
    typed: Mapping[str, str],
    *,
    faults: Faults | None = None,
    lost: Refused | None = None,
    looks: bool = False,
) -> Response:
    session.expire_all()
    number = about.problem.id if about.problem else 0
    changes: Sequence[ShownDifference] = ()
    if about.problem is not None and lost:
        stands = typed_of(about.problem)
        changes = outdated_fields((label, stands[name], typed[name]) for name, label in labels().items())
    body = render_template(
        "problem_lists/form.html",
        about=about,
        typed=typed,
        why=typed_reason(),
        faults=sentences(faults or []),
        scenarios=[one for one in current_site().pilot.scenarios if one.sector in (about.enterprise.sector, "any")],
        review=read_review(session, about, typed) if looks and typed["text"].strip() else None,
        looked=looks,
        seen=seen_still(find_last_entry(session, actions.NOUN, number) if number else 0, lost=lost is not None),
        lost=sentence_of(lost),
        changes=changes,
    )
    return make_response(body, 409 if lost else 422 if faults else 200)


def read_review(session: Session, about: About, typed: Mapping[str, str]) -> Review:
    text = typed["text"].strip()[:10_000]
    more = {"root_cause": typed["root_cause"], "effect": typed["effect_if_unsolved"], "has_budget": bool(typed["budget_high_wan"])}
    said, of = clarity(text, **more)  # type: ignore[arg-type]
    without = [about.problem.id] if about.problem else []
    return Review(
        hints(text, **more),  # type: ignore[arg-type]
        said,
        of,
        current_site().suggester.suggest([text], sectors=[about.enterprise.sector])[0],
        find_similar(session, text, about.enterprise.id, current_viewer(), without=without),
    )


def _of_diagnosis(session: Session, public_id: str) -> About:
    diagnosis = found_diagnosis(session, public_id, current_viewer())
    if not may(current_viewer(), "edit", "problem_list"):
        not_found()
    return About(diagnosis.enterprise, diagnosis)


def _of_enterprise(session: Session, public_id: str) -> About:
    enterprise = _found_enterprise(session, public_id, current_viewer())
    if not may_write_own(current_viewer(), enterprise):
        not_found()
    return About(enterprise, None)


def _of_problem(session: Session, public_id: str) -> About:
    query = select(Problem).where(Problem.public_id == public_id)
    problem = session.scalar(query.options(joinedload(Problem.enterprise), joinedload(Problem.diagnosis)))
    if problem is None or not may_read_plan(current_viewer(), problem.enterprise_id) or not may_change(problem, current_viewer()):
        not_found()
    return About(problem.enterprise, problem.diagnosis, problem)


def _found_enterprise(session: Session, public_id: str, viewer: Viewer) -> Enterprise:
    enterprise = find_enterprise(session, public_id)
    if enterprise is None or not may_read_plan(viewer, enterprise.id):
        not_found()
    return enterprise
