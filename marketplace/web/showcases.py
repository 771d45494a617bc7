"""标杆案例: public once everybody agreed and another person let them out; before that for the offices and for those who are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import showcases as actions
from marketplace.actions.showcases import Step
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _, allowed_events
from marketplace.domain.showcases import TABLE, ShowcaseState
from marketplace.guard import current_viewer, not_found, open_to_all, permission
from marketplace.records.history import find_last_entry
from marketplace.records.showcases import (
    Showcase,
    ShowcaseConsent,
    find_showcase,
    find_showcase_consents,
    naming_scenarios,
    readable_showcases,
)
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.showcases_kit import kit_file
from marketplace.web.showcases_shown import Parties, Shown, applicant_of, change_word, find_parties, shown
from marketplace.web.terms import days, here_now, today
from marketplace.web.typed import seen

pages = Blueprint("showcases", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("showcases.show", public_id=ref)
_EVENTS = "any(take_back, publish, send_back, withdraw, reopen)"
_SAID = {
    "ask": _("已征求企业和服务商的意见，他们会收到通知。"),
    "publish": _("案例已公开发布。"),
    "take_back": _("已收回，可以修改。"),
    "send_back": _("已退回修改。"),
    "withdraw": _("案例已撤下。"),
    "reopen": _("可以重新编写了。"),
}
# Scenarios to choose from are those of the newest showcases.
_MOST_CHOICES = 500


@dataclass(frozen=True)
class Wanted:
    sector: str
    level: str
    scenario: str
    state: str


@dataclass(frozen=True)
class ShowcaseList:
    rows: Sequence[Shown]
    paging: Paging
    codes: Sequence[str]


@dataclass(frozen=True)
class ShowcasePage:
    """`own`: consents that the viewer may answer or take back; `consents`: all of them, for the offices and the parties."""

    shown: Shown
    parties: Parties
    events: Sequence[Transition]
    consents: Sequence[ShowcaseConsent]
    own: Sequence[ShowcaseConsent]
    mine: bool
    seen: int


def step_of() -> Step:
    return Step(current_viewer(), here_now(), today(), current_site().pilot.showcase, seen())


@pages.get("/showcases")
@open_to_all
def index() -> str:
    args, pilot, viewer = request.args, current_site().pilot, current_viewer()
    sector, level = pilot.find("sector", args.get("sector", "")), pilot.find("level", args.get("level", ""))
    state = args.get("state", "") if may(viewer, "nominate", "showcase") else ""
    wanted = Wanted(
        sector.key if sector else "",
        level.key if level else "",
        args.get("scenario", "")[:32],
        state if state in tuple(ShowcaseState) else "",
    )
    with current_site().database.reading() as session:
        found = read_list(session, viewer, wanted)
        return render_template("showcases/index.html", found=found, wanted=wanted, states=list(ShowcaseState), change_word=change_word)


def read_list(session: Session, viewer: Viewer, wanted: Wanted) -> ShowcaseList:
    """What is being written first, then the newest."""
    where: list[ColumnElement[bool]] = [readable_showcases(viewer)]
    if wanted.sector:
        where.append(Showcase.sector == wanted.sector)
    if wanted.level:
        where.append(Showcase.level == wanted.level)
    if wanted.scenario:
        where.append(naming_scenarios([wanted.scenario]))
    if wanted.state:
        where.append(Showcase.state == ShowcaseState(wanted.state))
    total = session.scalar(select(func.count()).select_from(Showcase).where(*where)) or 0
    kept = {"sector": wanted.sector, "level": wanted.level, "scenario": wanted.scenario, "state": wanted.state}
    paging = paged(total, current_site().pilot.thresholds.page_size, "showcases.index", **kept)
    query = select(Showcase).where(*where).options(joinedload(Showcase.enterprise))
    rows = session.scalars(query.order_by(Showcase.id.desc()).limit(paging.size).offset(paging.offset)).all()
    asked = _asked_of(session, viewer, [row.id for row in rows])
    offered = select(Showcase.scenario_codes).where(Showcase.state == ShowcaseState.PUBLISHED).order_by(Showcase.id.desc())
    codes = sorted({code for row in session.scalars(offered.limit(_MOST_CHOICES)) for code in row})
    return ShowcaseList([shown(row, viewer, party=row.id in asked) for row in rows], paging, codes)


def _asked_of(session: Session, viewer: Viewer, ids: Sequence[int]) -> set[int]:
    """Those of which the viewer's own organisations were asked, so that they know whose they are."""
    if not viewer.organisation_ids:
        return set()
    query = select(ShowcaseConsent.showcase_id).where(ShowcaseConsent.showcase_id.in_(ids))
    return set(session.scalars(query.where(ShowcaseConsent.organisation_id.in_(viewer.organisation_ids))))


@pages.get("/showcases/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, *, form: str = "") -> Response:
    if current_viewer().is_known:
        days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        page = read_page(session, _found(session, public_id), current_viewer())
        body = render_template(
            "showcases/show.html", page=page, one=page.shown, row=page.shown.row, sentence=sentence_of(refused), form=form,
            typed=request.form, change_word=change_word, why_needed=("send_back", "withdraw"),
        )  # fmt: skip
    return make_response(body, 422 if refused and refused.code != "changed_meanwhile" else 409 if refused else 200)


def _found(session: Session, public_id: str) -> Showcase:
    return find_showcase(session, public_id, current_viewer()) or not_found()


def read_page(session: Session, row: Showcase, viewer: Viewer) -> ShowcasePage:
    consents, staff = find_showcase_consents(session, row.id), may(viewer, "nominate", "showcase")
    mine = any(one.organisation_id in viewer.organisation_ids for one in consents)
    own = [one for one in consents if may_act_for(viewer, one.organisation_id, "submit") and may(viewer, "answer_own", "showcase")]
    events = allowed_events(TABLE, row.state, viewer.roles - {"enterprise", "provider"})
    applicant = applicant_of(session, row) if viewer.organisation_ids else None
    return ShowcasePage(
        shown(row, viewer, applicant=applicant, party=mine), find_parties(session, row, consents), events, consents if staff or mine else (),
        own, mine, find_last_entry(session, actions.NOUN, row.id),
    )  # fmt: skip


@pages.get("/showcases/<public_id>/kit")
@open_to_all
def kit(public_id: str) -> Response:
    """The kit for roll-out: text, tables and blank papers."""
    with current_site().database.reading() as session:
        row = _found(session, public_id)
        return kit_file(session, row)


@pages.post("/showcases/<public_id>/ask")
@permission("nominate", "showcase")
def ask(public_id: str) -> AnyResponse:
    with current_site().database.reading() as session:
        number = _found(session, public_id).id
    try:
        actions.ask(current_site().database, number, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused)
    return _moved(public_id, "ask")


@pages.post(f"/showcases/<public_id>/<{_EVENTS}:event>")
@permission("nominate", "showcase")
def move(public_id: str, event: str) -> AnyResponse:
    with current_site().database.reading() as session:
        number = _found(session, public_id).id
    try:
        actions.move(current_site().database, number, event, step_of(), why=request.form.get("why", ""))
    except RefusedError as error:
        return _page(public_id, error.refused, form=event)
    return _moved(public_id, event)


def _moved(public_id: str, event: str) -> AnyResponse:
    flash(say(_SAID[event]), "good")
    return redirect(url_for("showcases.show", public_id=public_id), 303)


@pages.post("/showcases/<public_id>/answer")
@permission("answer", "showcase")
def answer(public_id: str) -> AnyResponse:
    """同意 or 不同意公开, for the organisation of the row."""
    form, number = request.form, 0
    with current_site().database.reading() as session:
        row = _found(session, public_id)
        number, unit = row.id, _own(session, row).organisation_id
    agrees = form.get("answer") == "agree"
    allowed = {name: form.get(name) == "yes" for name in ("show_name", "show_cost")}
    try:
        actions.answer(
            current_site().database,
            number,
            unit,
            agrees=agrees,
            why=form.get("why", ""),
            way=form.get("way", ""),
            step=step_of(),
            **allowed,
        )
    except RefusedError as error:
        return _page(public_id, error.refused, form="answer")
    flash(say("已答复：同意公开。") if agrees else say("已答复：不同意公开，能力中心会看到您的理由。"), "good")
    return redirect(url_for("showcases.show", public_id=public_id) if agrees else url_for("showcases.index"), 303)


@pages.post("/showcases/<public_id>/revoke")
@permission("answer", "showcase")
def revoke(public_id: str) -> AnyResponse:
    with current_site().database.reading() as session:
        row = _found(session, public_id)
        number, unit = row.id, _own(session, row).organisation_id
    try:
        actions.revoke(current_site().database, number, unit, step_of(), why=request.form.get("why", ""))
    except RefusedError as error:
        return _page(public_id, error.refused, form="revoke")
    flash(say("已撤回同意，案例不再公开。"), "good")
    return redirect(url_for("showcases.index"), 303)


def _own(session: Session, row: Showcase) -> ShowcaseConsent:
    """The consent that the form speaks of, if it is the viewer's to give; another's is as absent as one that never was."""
    viewer, asked = current_viewer(), request.form.get("organisation", "")
    found = list(find_showcase_consents(session, row.id))
    # The centre enters what was said on paper, of the party that it names.
    if not (asked and may(viewer, "answer", "showcase")):
        found = [one for one in found if one.organisation_id in viewer.organisation_ids]
    return next((one for one in found if not asked or one.organisation.public_id == asked), None) or not_found()
