"""应用场景清单（第 N 批）: issued lists for everybody; for the offices their drafts, issuing, withdrawing and superseding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import scenario_consents
from marketplace.actions import scenario_lists as actions
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, allowed_events
from marketplace.domain.scenario_lists import TABLE, ScenarioListDraft, ScenarioListState, check
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.guard import current_viewer, not_found, now, open_to_all, permission
from marketplace.records.history import find_last_entry
from marketplace.records.scenario_lists import ScenarioConsent, ScenarioList, count_entries, find_consent, find_list_scenarios
from marketplace.records.scenarios import Scenario, find_scenario
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.scenarios import told
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen, seen_still

pages = Blueprint("scenario_lists", __name__)
# The newest are those that are not on a list yet; the others are found in the library.
MOST_OFFERED = 60
ADDRESSES[actions.NOUN] = lambda ref: url_for("scenario_lists.show", public_id=ref)
_TYPED = ("batch", "title", "note", "codes")


@dataclass(frozen=True)
class ListRow:
    row: ScenarioList
    size: int


@dataclass(frozen=True)
class ListPage:
    """One list as this viewer may see it. `scenarios`: of a list that is no more issued only those that everybody may still read."""

    row: ScenarioList
    scenarios: Sequence[Scenario]
    size: int
    missing: Sequence[str]
    events: Sequence[Transition]
    issued: Sequence[ScenarioList]
    supersedes: ScenarioList | None
    superseded_by: ScenarioList | None


def _readable(viewer: Viewer) -> ColumnElement[bool]:
    """What was once issued is public, and says what became of it; a draft is for those who make it."""
    return true() if may(viewer, "manage", actions.NOUN) else ScenarioList.issued.is_not(None)


@pages.get("/scenario-lists")
@open_to_all
def index() -> str:
    with current_site().database.reading() as session:
        rows, paging = read_index(session, current_viewer())
        return render_template("scenario_lists/index.html", rows=rows, paging=paging)


def read_index(session: Session, viewer: Viewer) -> tuple[list[ListRow], Paging]:
    """The newest batch first."""
    total = session.scalar(select(func.count()).select_from(ScenarioList).where(_readable(viewer))) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "scenario_lists.index")
    query = select(ScenarioList).where(_readable(viewer)).order_by(ScenarioList.batch.desc())
    rows = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
    sizes = count_entries(session, [row.id for row in rows])
    return [ListRow(row, sizes.get(row.id, 0)) for row in rows], paging


@pages.get("/scenario-lists/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        page = read_page(session, _found(session, public_id), current_viewer())
        body = render_template(
            "scenario_lists/show.html", page=page, row=page.row, sentence=sentence_of(refused), why=request.form.get("why", "")
        )
    return make_response(body, 422 if refused else 200)


def read_page(session: Session, row: ScenarioList, viewer: Viewer) -> ListPage:
    listed = find_list_scenarios(session, row.id)
    manages = may(viewer, "manage", actions.NOUN)
    shown = [one for one in listed if manages or one.state == ScenarioState.PUBLISHED]
    agreed = set(session.scalars(select(ScenarioConsent.scenario_id).where(ScenarioConsent.taken_back.is_(None))))
    missing = [one.code for one in listed if one.kind == ScenarioKind.INDIVIDUAL and one.id not in agreed]
    issued = select(ScenarioList).where(ScenarioList.state == ScenarioListState.ISSUED, ScenarioList.id != row.id)
    is_draft = row.state == ScenarioListState.DRAFT
    return ListPage(
        row,
        shown,
        len(listed),
        missing if manages and is_draft else [],
        [step for step in allowed_events(TABLE, row.state, viewer.roles) if step.event != "supersede"] if manages else [],
        session.scalars(issued.order_by(ScenarioList.batch.desc())).all() if manages and is_draft else [],
        session.get(ScenarioList, row.supersedes_id) if row.supersedes_id else None,
        session.scalars(select(ScenarioList).where(ScenarioList.supersedes_id == row.id)).first(),
    )


def _found(session: Session, public_id: str) -> ScenarioList:
    query = select(ScenarioList).where(ScenarioList.public_id == public_id, _readable(current_viewer()))
    return session.scalar(query) or not_found()


@pages.get("/scenario-lists/new")
@permission("manage", "scenario_list")
def new() -> Response:
    with current_site().database.reading() as session:
        batch = (session.scalar(select(func.max(ScenarioList.batch))) or 0) + 1
    title = f"{current_site().pilot.city.name}应用场景清单（第 {batch} 批）"
    return _form_page({"batch": str(batch), "title": title, "note": "", "codes": ""})


@pages.post("/scenario-lists/new")
@permission("manage", "scenario_list")
def create() -> Response:
    return _keep(None)


@pages.get("/scenario-lists/<public_id>/edit")
@permission("manage", "scenario_list")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        typed = _typed_of(session, _found(session, public_id))
    return _form_page(typed, public_id=public_id)


@pages.post("/scenario-lists/<public_id>/edit")
@permission("manage", "scenario_list")
def save(public_id: str) -> Response:
    return _keep(public_id)


def _keep(public_id: str | None) -> Response:
    site, viewer = current_site(), current_viewer()
    typed = {name: request.form.get(name, "").strip() for name in _TYPED}
    batch = int(typed["batch"]) if typed["batch"].isascii() and typed["batch"].isdigit() and len(typed["batch"]) < 6 else None
    codes = tuple(dict.fromkeys(typed["codes"].replace("，", " ").replace(",", " ").replace("、", " ").split()))
    draft = ScenarioListDraft(batch, typed["title"], typed["note"], codes)
    with site.database.reading() as session:
        number = _found(session, public_id).id if public_id else None
    faults = list(check(draft))
    if not faults:
        try:
            if number is None:
                found = actions.create(site.database, draft, viewer=viewer, at=now())
            else:
                found = actions.change(site.database, number, draft, viewer=viewer, at=here_now(), seen=seen())
            flash(say("已保存。"), "good")
            return redirect(url_for("scenario_lists.show", public_id=found.public_id), 303)
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _form_page(typed, public_id=public_id or "", lost=error.refused)
            faults = [({"batch_taken": "batch", "unknown_scenario": "codes"}.get(error.refused.code, ""), error.refused)]
    return _form_page(typed, public_id=public_id or "", faults=faults)


def _form_page(typed: Mapping[str, str], *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        row = _found(session, public_id) if public_id else None
        stands = _typed_of(session, row) if row else {}
        labels = {"batch": say("批次"), "title": say("清单名称"), "note": say("说明"), "codes": say("场景编号")}
        query = select(Scenario).options(joinedload(Scenario.enterprise)).order_by(Scenario.id.desc()).limit(MOST_OFFERED)
        body = render_template(
            "scenario_lists/form.html",
            typed=typed,
            public_id=public_id,
            faults=sentences(faults or []),
            scenarios=session.scalars(query).all(),
            seen=seen_still(find_last_entry(session, actions.NOUN, row.id) if row else 0, lost=lost is not None),
            lost=sentence_of(lost),
            changes=outdated_fields((label, stands[name], typed[name]) for name, label in labels.items()) if row and lost else [],
        )
    return make_response(body, 409 if lost else 422 if faults else 200)


def _typed_of(session: Session, row: ScenarioList) -> dict[str, str]:
    codes = "\n".join(one.code for one in find_list_scenarios(session, row.id))
    return {"batch": str(row.batch), "title": row.title, "note": row.note, "codes": codes}


@pages.post("/scenario-lists/<public_id>/issue")
@permission("manage", "scenario_list")
def issue(public_id: str) -> Response:
    with current_site().database.reading() as session:
        number = _found(session, public_id).id
        key = request.form.get("supersedes", "")
        old = _found(session, key).id if key else None
    return _moved(public_id, actions.issue, number, today=today(), supersedes=old)


@pages.post("/scenario-lists/<public_id>/withdraw")
@permission("manage", "scenario_list")
def withdraw(public_id: str) -> Response:
    with current_site().database.reading() as session:
        number = _found(session, public_id).id
    return _moved(public_id, actions.withdraw, number, why=request.form.get("why", "").strip())


def _moved(public_id: str, verb: Any, number: int, **values: Any) -> Response:
    try:
        verb(current_site().database, number, viewer=current_viewer(), at=now(), **values)
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("已办理。场景库和检索随即更新。"), "good")
    return redirect(url_for("scenario_lists.show", public_id=public_id), 303)


# ---- the enterprise's consent


@dataclass(frozen=True)
class Consent:
    """What an enterprise has agreed to of one of its own scenarios."""

    scenario: Scenario
    consent: ScenarioConsent | None
    may_answer: bool


@pages.get("/scenario-consents")
@permission("agree", "scenario")
def consents() -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        query = select(Scenario).where(Scenario.enterprise_id.in_(viewer.enterprise_ids)).options(joinedload(Scenario.enterprise))
        rows = [_consent(session, one, viewer) for one in session.scalars(query.order_by(Scenario.code)).all()]
        return render_template("scenario_lists/consents.html", rows=rows)


def _consent(session: Session, scenario: Scenario, viewer: Viewer) -> Consent:
    unit = scenario.enterprise.organisation_id if scenario.enterprise else None
    return Consent(scenario, find_consent(session, scenario.id), may_act_for(viewer, unit, "submit"))


@pages.post("/scenario-consents/<key>/<any(agree,take_back):answer>")
@permission("agree", "scenario")
def answer(key: str, answer: str) -> Response:
    site, viewer = current_site(), current_viewer()
    with site.database.reading() as session:
        scenario = find_scenario(session, key)
        if scenario is None or scenario.enterprise_id not in viewer.enterprise_ids:
            not_found()
        number, name = scenario.id, told(scenario, scenario.name)
    verb = scenario_consents.agree if answer == "agree" else scenario_consents.take_back
    try:
        verb(site.database, number, viewer=viewer, at=now())
        flash(say("已同意公开：{name}", name=name) if answer == "agree" else say("已撤回同意，不再公开：{name}", name=name), "good")
    except RefusedError as error:
        flash(sentence_of(error.refused), "bad")
    return redirect(url_for("scenario_lists.consents"), 303)
