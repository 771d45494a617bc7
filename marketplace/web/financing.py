"""专项融资: offers of banks and lessors for everybody to read, and what enterprises ask for, with papers of their projects by consent."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace import attachments
from marketplace.actions import financing as actions
from marketplace.actions.roles import roles_on
from marketplace.domain.access import Role, may, may_act_for
from marketplace.domain.financing import (
    KINDS,
    TABLE,
    FinancingDraft,
    FinancingState,
    OfferKind,
    check_application,
    may_still_read,
)
from marketplace.domain.lifecycle import Refused, RefusedError, allowed_events
from marketplace.domain.money import exact_text
from marketplace.guard import current_viewer, not_found, open_to_all, permission
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import find_attachments
from marketplace.records.financing import (
    FinancingApplication,
    count_offers,
    find_financing,
    find_offer,
    find_offers,
    readable_applications,
)
from marketplace.records.history import find_last_entry
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.funds_papers import status_of, taken, typed
from marketplace.web.funds_shown import PLAIN, here_step, rules, sentences
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_fen

pages = Blueprint("financing", __name__)
ADDRESSES[actions.OFFER] = lambda ref: url_for("financing.offer", public_id=ref)
ADDRESSES[actions.NOUN] = lambda ref: url_for("financing.show", public_id=ref)
SIZE = 50
_ASKED = ("project", "amount", "purpose", "until", "consent")


def kind_word(kind: OfferKind) -> str:
    return say(KINDS[OfferKind(kind)])


@pages.get("/financing")
@open_to_all
def index() -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        own = readable_applications(viewer)
        total = session.scalar(select(func.count()).select_from(FinancingApplication).where(own)) or 0
        paging = paged(total, SIZE, "financing.index")
        query = select(FinancingApplication).where(own).order_by(FinancingApplication.id.desc()).limit(SIZE).offset(paging.offset)
        rows = session.scalars(query).unique().all()
        turned = paged(count_offers(session, viewer), current_site().pilot.thresholds.page_size, "financing.index", parameter="offers")
        offers = find_offers(session, viewer, offset=turned.offset, most=turned.size)
        return render_template("financing/index.html", offers=offers, turned=turned, rows=rows, paging=paging, kind_word=kind_word)


@pages.get("/financing/offers/<public_id>/apply")
@permission("apply", "financing")
def apply(public_id: str) -> Response:
    until = today() + timedelta(days=rules().consent_days)
    return _form(
        {"project": request.args.get("project", ""), "amount": "", "purpose": "", "until": until.isoformat(), "consent": ""},
        offer=public_id,
    )


@pages.post("/financing/offers/<public_id>/apply")
@permission("apply", "financing")
def create(public_id: str) -> Response:
    return _keep(offer=public_id)


@pages.get("/financing/<public_id>/edit")
@permission("apply", "financing")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        found = _own(session, public_id)
        return _form(_typed_of(found), application=public_id, papers=found.papers)


@pages.post("/financing/<public_id>/edit")
@permission("apply", "financing")
def save(public_id: str) -> Response:
    return _keep(application=public_id)


def _own(session: Session, public_id: str) -> FinancingApplication:
    found = find_financing(session, public_id, current_viewer())
    return found if found is not None and found.enterprise_id in current_viewer().enterprise_ids else not_found()


def _typed_of(row: FinancingApplication) -> dict[str, str]:
    until = row.papers_until.isoformat() if row.papers_until else ""
    project = row.project.public_id if row.project else ""
    return {
        "project": project,
        "amount": exact_text(row.fen),
        "purpose": row.purpose,
        "until": until,
        "consent": "yes" if row.papers else "",
    }


def _projects(session: Session) -> list[Project]:
    """Of the person's own enterprise, the newest first."""
    query = select(Project).where(Project.enterprise_id.in_(current_viewer().enterprise_ids)).order_by(Project.id.desc())
    return list(session.scalars(query.limit(100)))


def _keep(*, offer: str = "", application: str = "") -> Response:
    site, values, papers = current_site(), typed(*_ASKED), request.form.getlist("paper")[:100]
    viewer = current_viewer()
    with site.database.reading() as session:
        found = _own(session, application) if application else None
        offered = found.offer if found else find_offer(session, offer, viewer) or not_found()
        own = session.scalars(select(Enterprise).where(Enterprise.id.in_(viewer.enterprise_ids)).order_by(Enterprise.id)).first()
        project = next((row for row in _projects(session) if row.public_id == values["project"]), None)
        enterprise_id = found.enterprise_id if found else project.enterprise_id if project else own.id if own else not_found()
        numbers = (offered.id, project.id if project else None, found.id if found else None)
    draft = FinancingDraft(
        typed_fen(values["amount"]), values["purpose"], tuple(papers), typed_day(values["until"]), values["consent"] == "yes"
    )
    faults = list(check_application(draft, today=today()))
    if not faults:
        assert enterprise_id is not None
        try:
            kept = actions.keep_application(
                site.database,
                draft,
                here_step(),
                enterprise_id=enterprise_id,
                offer_id=numbers[0],
                project_id=numbers[1],
                application_id=numbers[2],
            )
            return redirect(url_for("financing.show", public_id=kept.public_id), 303)
        except RefusedError as error:
            if error.refused.code in ("changed_meanwhile", "sent_already") and application:
                return _form(values, application=application, papers=papers, lost=error.refused)
            faults = [("", error.refused)]
    return _form(values, offer=offer, application=application, papers=papers, faults=sentences(faults))


def _form(
    values: dict[str, str], *, offer: str = "", application: str = "", papers: list[str] | None = None,
    faults: dict[str, str] | None = None, lost: Refused | None = None,
) -> Response:  # fmt: skip
    with current_site().database.reading() as session:
        found = _own(session, application) if application else None
        offered = found.offer if found else find_offer(session, offer, current_viewer()) or not_found()
        last = find_last_entry(session, actions.NOUN, found.id) if found else 0
        projects = _projects(session)
        chosen = next((row for row in projects if row.public_id == values["project"]), None)
        changes: list[ShownDifference] = []
        if found and lost:
            stored = _typed_of(found)
            words = (say("项目"), say("金额（万元）"), say("用途"), say("材料看到哪一天"), say("同意"))
            changes = outdated_fields((word, stored[name], values[name]) for name, word in zip(_ASKED, words, strict=True))
        body = render_template(
            "financing/form.html", typed=values, offer=offered, application=found, projects=projects, chosen=papers or [],
            papers=find_attachments(session, "project", chosen.id) if chosen else [], faults=faults or {}, kind_word=kind_word,
            seen=seen_still(last, lost=lost is not None), lost=sentence_of(lost), changes=changes,
        )  # fmt: skip
    return make_response(body, 409 if lost else 422 if faults else 200)


@pages.get("/financing/<public_id>")
@permission("read", "financing")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, event: str = "") -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        found = find_financing(session, public_id, viewer) or not_found()
        own = found.enterprise_id in viewer.enterprise_ids
        papers = actions.read_papers(session, found)
        readable = own or may_still_read(found.papers_until, found.state, today())
        roles = roles_on(viewer, enterprise_id=found.enterprise_id)
        if not may_act_for(viewer, found.enterprise.organisation_id, "submit"):
            roles -= {Role.ENTERPRISE}
        body = render_template(
            "financing/show.html", application=found, papers=papers if readable else [], closed=bool(papers) and not readable, own=own,
            steps=allowed_events(TABLE, found.state, roles), plain=PLAIN, kind_word=kind_word, sentence=sentence_of(refused), event=event,
            typed=typed("answer", "amount"), draft=found.state == FinancingState.DRAFT,
        )  # fmt: skip
    return make_response(body, status_of(refused))


@pages.post("/financing/<public_id>/<event>")
@permission("read", "financing")
def move(public_id: str, event: str) -> Response:
    """Who may take which step the action says."""
    site, values = current_site(), typed("answer", "amount")
    with site.database.reading() as session:
        number = (find_financing(session, public_id, current_viewer()) or not_found()).id
    if event not in {row.event for row in TABLE}:
        not_found()
    return taken(
        lambda: actions.move_application(
            site.database, number, event, here_step(), answer=values["answer"], offered_fen=typed_fen(values["amount"])
        ),
        lambda refused: _page(public_id, refused, event),
        url_for("financing.show", public_id=public_id),
    )


@pages.get("/financing/<public_id>/papers/<paper>")
@permission("read", "financing")
def paper(public_id: str, paper: str) -> Response:
    """A paper that the enterprise let go for this application; the centre hands it on, and each time is noted."""
    viewer = current_viewer()
    with current_site().database.reading() as session:
        found = find_financing(session, public_id, viewer) or not_found()
        own = found.enterprise_id in viewer.enterprise_ids
        allowed = own or (may(viewer, "manage", "financing") and may_still_read(found.papers_until, found.state, today()))
        if not allowed or paper not in {row.public_id for row in actions.read_papers(session, found)}:
            not_found()
    return attachments.given_out(paper)
