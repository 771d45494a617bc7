"""申报指南: for everybody to read once published, for the bureau to write, for applicants to begin from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import guides as actions
from marketplace.actions.project_steps import Step
from marketplace.domain.access import Viewer, may
from marketplace.domain.guides import FLAGS, KEYS, PUBLIC, TABLE, GuideState, check, is_open
from marketplace.domain.lifecycle import Refused, RefusedError, Transition, _, allowed_events
from marketplace.domain.projects import EDITABLE, ProjectClass, ProjectState
from marketplace.guard import current_viewer, not_found, open_to_all, permission
from marketplace.records.guides import Guide
from marketplace.records.history import find_last_entry
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.guides_form import Typed, draft_of, empty, place_of, typed_form, typed_of
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.project_words import WORDS, condition_line
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen, seen_still

pages = Blueprint("guides", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("guides.show", public_id=ref)
_VERBS = {"publish": actions.publish, "close": actions.close, "announce": actions.announce}
_SAID = {
    "publish": _("已发布，企业和各开发区、街镇会收到通知。"),
    "close": _("申报已截止，草稿都保留着。"),
    "announce": _("结果已公布，申报单位会收到通知。"),
}


@dataclass(frozen=True)
class GuideRow:
    guide: Guide
    running: bool


@dataclass(frozen=True)
class GuideList:
    rows: Sequence[GuideRow]
    paging: Paging


@dataclass(frozen=True)
class GuidePage:
    """`mine`: projects of the viewer's own organisations under it; `handed_in`: how many it has had, None where that is not told."""

    guide: Guide
    running: bool
    events: Sequence[Transition]
    mine: Sequence[Project]
    handed_in: int | None
    applies: bool
    seen: int


def step_of() -> Step:
    """Who acts in this request, when, by the pilot's rules, and what the page knew."""
    return Step(current_viewer(), here_now(), today(), current_site().pilot.project, seen())


def readable_guides(viewer: Viewer) -> ColumnElement[bool]:
    return true() if may(viewer, "manage", "guide") else Guide.state.in_(PUBLIC)


def may_apply_under(viewer: Viewer, guide: Guide) -> bool:
    """An enterprise under every guide; a service institution where the class is for it."""
    services = current_site().pilot.project.of(guide.project_class).for_services
    return bool(viewer.enterprise_ids) or (services and bool(viewer.applicant_ids))


@pages.get("/guides")
@open_to_all
def index() -> str:
    with current_site().database.reading() as session:
        return render_template("guides/index.html", found=read_list(session, current_viewer()), today=today(), **WORDS)


def read_list(session: Session, viewer: Viewer) -> GuideList:
    """By their last day, the latest first."""
    own = readable_guides(viewer)
    total = session.scalar(select(func.count()).select_from(Guide).where(own)) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "guides.index")
    query = select(Guide).where(own).order_by(Guide.closes.desc(), Guide.id.desc()).limit(paging.size).offset(paging.offset)
    day = today()
    return GuideList([GuideRow(one, is_open(one.state, one.opens, one.closes, day)) for one in session.scalars(query)], paging)


@pages.get("/guides/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None) -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        guide = _found(session, public_id)
        values = {"page": read_page(session, guide, viewer), "guide": guide, "sentence": sentence_of(refused)}
        values["rules"] = current_site().pilot.project.of(guide.project_class)
        body = render_template("guides/show.html", today=today(), **values, **WORDS)
    return make_response(body, 409 if refused else 200)


def _found(session: Session, public_id: str) -> Guide:
    query = select(Guide).where(Guide.public_id == public_id, readable_guides(current_viewer()))
    return session.scalar(query) or not_found()


def read_page(session: Session, guide: Guide, viewer: Viewer) -> GuidePage:
    running = is_open(guide.state, guide.opens, guide.closes, today())
    own = select(Project).where(Project.guide_id == guide.id, Project.organisation_id.in_(viewer.organisation_ids))
    mine = session.scalars(own.where(Project.state != ProjectState.WITHDRAWN).order_by(Project.id).limit(20)).all()
    handed_in = None
    if may(viewer, "read", "project"):
        counted = select(func.count()).select_from(Project).where(Project.guide_id == guide.id, Project.state.not_in(EDITABLE))
        handed_in = session.scalar(counted) or 0
    events = allowed_events(TABLE, guide.state, viewer.roles)
    last = find_last_entry(session, actions.NOUN, guide.id)
    return GuidePage(guide, running, events, mine, handed_in, running and may_apply_under(viewer, guide), last)


@pages.get("/guides/new")
@permission("manage", "guide")
def new() -> Response:
    return _form(empty())


@pages.post("/guides/new")
@permission("manage", "guide")
def create() -> AnyResponse:
    return _keep("")


@pages.get("/guides/<public_id>/edit")
@permission("manage", "guide")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        typed = typed_of(_found(session, public_id))
    return _form(typed, public_id=public_id)


@pages.post("/guides/<public_id>/edit")
@permission("manage", "guide")
def save(public_id: str) -> AnyResponse:
    return _keep(public_id)


@pages.post("/guides/<public_id>/<any(publish, close, announce):event>")
@permission("manage", "guide")
def move(public_id: str, event: str) -> AnyResponse:
    database = current_site().database
    with database.reading() as session:
        number = _found(session, public_id).id
    try:
        _VERBS[event](database, number, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("guides.show", public_id=public_id), 303)


def _keep(public_id: str) -> AnyResponse:
    database, typed = current_site().database, typed_form()
    draft = draft_of(typed)
    with database.reading() as session:
        number = _found(session, public_id).id if public_id else None
    documents = [row.key for row in current_site().pilot.project.documents if row.step == "submission"]
    faults = [(place_of(draft, field), refused) for field, refused in check(draft, documents=documents)]
    if not faults:
        try:
            guide = actions.create(database, draft, step_of()) if number is None else actions.change(database, number, draft, step_of())
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _form(typed, public_id=public_id, lost=error.refused)
            faults = [("", error.refused)]
        else:
            flash(say("已保存。"), "good")
            return redirect(url_for("guides.show", public_id=guide.public_id), 303)
    return _form(typed, public_id=public_id, faults=faults)


def _form(typed: Typed, *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    """`lost`: somebody saved since the form was opened; both are shown side by side, and nothing typed is gone."""
    with current_site().database.reading() as session:
        guide = _found(session, public_id) if public_id else None
        body = render_template(
            "guides/form.html",
            typed=typed,
            public_id=public_id,
            published=guide is not None and guide.state == GuideState.PUBLISHED,
            faults=sentences(faults or []),
            seen=seen_still(find_last_entry(session, actions.NOUN, guide.id) if guide else 0, lost=lost is not None),
            lost=sentence_of(lost),
            changes=_outdated(guide, typed) if guide and lost else [],
            classes=list(ProjectClass),
            documents=[row.key for row in current_site().pilot.project.documents if row.step == "submission"],
            key_rules={str(rule): kind for rule, kind in KEYS.items()},
            flag_rules=sorted(FLAGS),
            **WORDS,
        )
    return make_response(body, 409 if lost else 422 if faults else 200)


def _outdated(guide: Guide, typed: Typed) -> list[ShownDifference]:
    """What another one saved, beside what was typed."""
    there = typed_of(guide)
    labels = {
        "title": say("标题"), "text": say("正文"), "budget_wan": say("资金总额（万元）"), "opens": say("开始日期"),
        "closes": say("截止日期（当天 24:00）"), "free": say("文字条件（一行一条）"),
    }  # fmt: skip
    rows = [(label, str(there[name]), str(typed[name])) for name, label in labels.items()]
    lines = ["\n".join(condition_line(row) for row in draft_of(one).conditions) for one in (there, typed)]
    return outdated_fields([*rows, (say("申报条件"), lines[0], lines[1])])
