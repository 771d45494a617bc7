"""人才供需: who looks for people and who can send them, for everybody to read; contact goes through the centre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, make_response, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import talents as actions
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.lifecycle import Refused, Transition, _, allowed_events
from marketplace.domain.talents import SIDES, TABLE, TalentDraft, TalentSide, TalentState, check, is_current
from marketplace.guard import current_viewer, for_the_logged_in_to_write, not_found, open_to_all, permission
from marketplace.records.history import find_last_entry
from marketplace.records.organisations import Organisation
from marketplace.records.talents import Talent, TalentContact, find_talent, readable_talents
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.centre import WORDS, acted, status_of, step_of, typed
from marketplace.web.centre_forms import form_page, kept
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import typed_day
from marketplace.web.typed_numbers import typed_whole

pages = Blueprint("talents", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("talents.show", public_id=ref)
NAMES = ("side", "title", "text", "people", "until", "contact")
LABELS = {
    "side": _("类别"), "title": _("标题"), "text": _("内容"), "people": _("人数"), "until": _("有效期至"), "contact": _("联系方式"),
}  # fmt: skip
_SAID = {"publish": _("已发布。"), "withdraw": _("已撤下。")}
# Of those who asked for the contact of one row.
MOST_ASKED = 100


@dataclass(frozen=True)
class TalentList:
    rows: Sequence[Talent]
    paging: Paging
    side: str
    writes: bool


@dataclass(frozen=True)
class TalentPage:
    """`mine`: whose contact is shown and who may write; `asked`: who would like to be put in contact, for the centre."""

    talent: Talent
    current: bool
    mine: bool
    steps: Sequence[Transition]
    asks: bool
    asked_for: bool
    asked: Sequence[TalentContact]
    seen: int


def units_of(session: Session, viewer: Viewer) -> Sequence[Organisation]:
    """The organisations for which this person may write."""
    own = [number for number in viewer.organisation_ids if may_act_for(viewer, number, "edit") or may(viewer, "manage", actions.NOUN)]
    return session.scalars(select(Organisation).where(Organisation.id.in_(own)).order_by(Organisation.id)).all() if own else []


def shown_state(talent: Talent) -> str:
    """What was published and is out of date says so."""
    return "expired" if talent.state == TalentState.PUBLISHED and talent.until < today() else str(talent.state)


@pages.get("/talents")
@open_to_all
def index() -> str:
    with current_site().database.reading() as session:
        return render_template(
            "talents/index.html", found=read_list(session, current_viewer()), sides=SIDES, shown_state=shown_state, **WORDS
        )


def read_list(session: Session, viewer: Viewer) -> TalentList:
    """The newest first."""
    side = request.args.get("side", "")
    side = side if side in tuple(TalentSide) else ""
    query = select(Talent).where(readable_talents(viewer, today()))
    if side:
        query = query.where(Talent.side == side)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "talents.index", side=side)
    rows = session.scalars(query.order_by(Talent.id.desc()).limit(paging.size).offset(paging.offset)).all()
    return TalentList(rows, paging, side, _writes(viewer))


def _writes(viewer: Viewer) -> bool:
    return may(viewer, "write_own", actions.NOUN) or may(viewer, "manage", actions.NOUN)


@pages.get("/talents/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, text: str = "") -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        page = read_page(session, _found(session, public_id), viewer)
        body = render_template(
            "talents/show.html",
            page=page,
            talent=page.talent,
            sides=SIDES,
            shown_state=shown_state,
            text=text,
            sentence=sentence_of(refused),
            **WORDS,
        )
    return make_response(body, status_of(refused))


def _found(session: Session, public_id: str) -> Talent:
    return find_talent(session, public_id, current_viewer(), today()) or not_found()


def read_page(session: Session, talent: Talent, viewer: Viewer) -> TalentPage:
    mine = actions.may_write(viewer, talent.organisation_id)
    current = is_current(talent.state, talent.until, today())
    contacts = select(TalentContact).where(TalentContact.talent_id == talent.id)
    own = contacts.where(TalentContact.organisation_id.in_(viewer.organisation_ids)).limit(1)
    asked_for = bool(viewer.organisation_ids) and session.scalars(own).first() is not None
    asks = viewer.is_known and current and talent.organisation_id not in viewer.organisation_ids and not asked_for
    manages = may(viewer, "manage", actions.NOUN)
    asked = session.scalars(contacts.order_by(TalentContact.id.desc()).limit(MOST_ASKED)).all() if manages else []
    steps = allowed_events(TABLE, talent.state, viewer.roles) if mine else ()
    last = find_last_entry(session, actions.NOUN, talent.id)
    return TalentPage(talent, current, mine, steps, asks and not manages, asked_for, asked, last)


@pages.post("/talents/<public_id>/<any(publish, withdraw):event>")
@permission("write", "talent")
def move(public_id: str, event: str) -> Response:
    database, number = current_site().database, _own(public_id)
    return acted(
        lambda: actions.advance(database, number, event, step_of()),
        lambda refused: _page(public_id, refused),
        url_for("talents.show", public_id=public_id),
        _SAID[event],
    )


@pages.post("/talents/<public_id>/contact")
@for_the_logged_in_to_write
def ask(public_id: str) -> Response:
    """To be put in contact by the centre."""
    database, viewer, text = current_site().database, current_viewer(), request.form.get("text", "").replace("\0", "").strip()
    with database.reading() as session:
        number = _found(session, public_id).id
    unit = min(viewer.organisation_ids, default=None) or not_found()
    return acted(
        lambda: actions.ask(database, number, unit, text, step_of()),
        lambda refused: _page(public_id, refused, text),
        url_for("talents.show", public_id=public_id),
        _("已告诉能力中心，会有人与您联系。"),
    )


def _own(public_id: str) -> int:
    """For whom it may be changed; 404 like a missing one for others."""
    with current_site().database.reading() as session:
        talent = _found(session, public_id)
        return talent.id if actions.may_write(current_viewer(), talent.organisation_id) else not_found()


@pages.get("/talents/new")
@permission("write", "talent")
def new() -> Response:
    return _form(dict.fromkeys(NAMES, ""))


@pages.post("/talents/new")
@permission("write", "talent")
def create() -> Response:
    return _keep("")


@pages.get("/talents/<public_id>/edit")
@permission("write", "talent")
def edit(public_id: str) -> Response:
    _own(public_id)
    with current_site().database.reading() as session:
        values = typed_of(_found(session, public_id))
    return _form(values, public_id=public_id)


@pages.post("/talents/<public_id>/edit")
@permission("write", "talent")
def save(public_id: str) -> Response:
    return _keep(public_id)


def typed_of(talent: Talent) -> dict[str, str]:
    return {name: str(getattr(talent, name)) for name in NAMES}


def _keep(public_id: str) -> Response:
    site, viewer, values = current_site(), current_viewer(), typed(*NAMES)
    number = _own(public_id) if public_id else None
    texts = {name: value for name, value in values.items() if name not in ("people", "until")}
    draft = TalentDraft(**texts, people=typed_whole(values["people"]), until=typed_day(values["until"]))
    with site.database.reading() as session:
        units = {one.public_id: one.id for one in units_of(session, viewer)}
    unit = units.get(request.form.get("unit", "")) or min(units.values(), default=None)
    if number is None and unit is None:
        not_found()

    def keep() -> Talent:
        if number is None:
            return actions.create(site.database, unit or 0, draft, step_of())
        return actions.change(site.database, number, draft, step_of())

    return kept("talents", keep, list(check(draft)), lambda faults, lost: _form(values, public_id=public_id, faults=faults, lost=lost))


def _form(values: dict[str, str], *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        talent = _found(session, public_id) if public_id else None
        return form_page(
            "talents/form.html", session, actions.NOUN, talent, values, faults or [], lost,
            lambda: _outdated(talent, values) if talent else [], sides=[(str(key), say(word)) for key, word in SIDES.items()],
            units=units_of(session, current_viewer()) if talent is None else [],
        )  # fmt: skip


def _outdated(talent: Talent, values: Mapping[str, str]) -> list[ShownDifference]:
    there = typed_of(talent)
    return outdated_fields((say(word), there[name], values[name]) for name, word in LABELS.items())
