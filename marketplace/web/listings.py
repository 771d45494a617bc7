"""推荐产品目录: reviewed products by batch, for everybody; proposed and decided by two persons of the staff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import listings as actions
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.listings import ListingDraft, ListingState, check
from marketplace.faults import said
from marketplace.guard import current_viewer, not_found, now, open_to_all, permission
from marketplace.records.decisions import Decision, find_decision
from marketplace.records.listings import ProductListing, find_listing
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.cards import published
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.downloads import workbook
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.typed import local_day
from marketplace.web.wording import term, terms

pages = Blueprint("listings", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("listings.review", public_id=ref)
_TYPED = ("batch", "advancement", "effect", "why")


@dataclass(frozen=True)
class Recommended:
    """The public catalogue: what is listed and can be found now, of one batch or of all."""

    rows: Sequence[ProductListing]
    batches: Sequence[tuple[str, int]]
    batch: str
    paging: Paging


@dataclass(frozen=True)
class ListingPage:
    """One listing with the decisions about it; `waiting` is the one that a second person is asked about."""

    listing: ProductListing
    decisions: Sequence[Decision]

    @property
    def waiting(self) -> Decision | None:
        return next((one for one in self.decisions if one.state == "proposed"), None)


def _listed(batch: str = "") -> Select[ProductListing]:
    """What a batch holds that everybody can find now."""
    query = select(ProductListing).join(ProductListing.solution).join(Solution.provider)
    query = query.where(ProductListing.state == ListingState.LISTED, *published())
    return query.where(ProductListing.batch == batch) if batch else query


@pages.get("/recommended")
@open_to_all
def index() -> str:
    with current_site().database.reading() as session:
        found = read_recommended(session, request.args.get("batch", ""))
        return render_template("listings/index.html", found=found)


def read_recommended(session: Session, batch: str) -> Recommended:
    counted = _listed().with_only_columns(ProductListing.batch, func.count()).group_by(ProductListing.batch)
    batches = sorted(((name, count) for name, count in session.execute(counted)), reverse=True)
    total = sum(count for name, count in batches if batch in ("", name))
    paging = paged(total, current_site().pilot.thresholds.page_size, "listings.index", batch=batch)
    return Recommended(_newest(session, batch, paging.size, paging.offset), batches, batch, paging)


def _newest(session: Session, batch: str, most: int | None, start: int) -> Sequence[ProductListing]:
    loaded = joinedload(ProductListing.solution).joinedload(Solution.provider).joinedload(Provider.organisation)
    query = _listed(batch).options(loaded).order_by(ProductListing.batch.desc(), ProductListing.listed.desc(), ProductListing.id)
    return session.scalars(query.limit(most).offset(start)).all()


@pages.get("/recommended.xlsx")
@open_to_all
def export() -> Response:
    """The whole catalogue, or one batch of it, as a workbook."""
    # Loaded when first needed: a site that only serves pages starts without it.
    from marketplace.sheets.listings import listing_workbook

    with current_site().database.reading() as session:
        rows = [_cells(row) for row in _newest(session, request.args.get("batch", ""), None, 0)]
    title = say("推荐产品目录")
    return workbook(listing_workbook(title, rows), title)


def _cells(row: ProductListing) -> list[str]:
    solution, provider = row.solution, row.solution.provider
    listed = local_day(row.listed).isoformat() if row.listed else ""
    code = provider.organisation.credit_code or ""
    form, sectors = term("form", solution.form), terms("sector", solution.sectors)
    return [row.batch, solution.title, form, provider.name, code, sectors, row.advancement, row.effect, listed]


@pages.get("/listings")
@permission("manage", "listing")
def desk() -> str:
    """What is proposed, listed, refused and removed, the newest first."""
    loaded = joinedload(ProductListing.solution).joinedload(Solution.provider)
    query = select(ProductListing).options(loaded).order_by(ProductListing.id.desc())
    with current_site().database.reading() as session:
        total = session.scalar(select(func.count()).select_from(ProductListing)) or 0
        paging = paged(total, current_site().pilot.thresholds.page_size, "listings.desk")
        rows = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
        return render_template("listings/desk.html", rows=rows, paging=paging)


@pages.get("/listings/new/<solution>")
@permission("manage", "listing")
def new(solution: str) -> Response:
    return _form_page(solution, dict.fromkeys(_TYPED, ""))


@pages.post("/listings/new/<solution>")
@permission("manage", "listing")
def create(solution: str) -> Response:
    site, viewer = current_site(), current_viewer()
    typed = {name: request.form.get(name, "").strip() for name in _TYPED}
    draft = ListingDraft(typed["batch"], typed["advancement"], typed["effect"])
    with site.database.reading() as session:
        number = session.scalar(select(Solution.id).where(Solution.public_id == solution)) or not_found()
    faults = list(check(draft))
    if not faults:
        try:
            listing = actions.propose(site.database, number, draft, why=typed["why"], viewer=viewer, at=now())
            flash(say("已提出，等另一人复核。"), "good")
            return redirect(url_for("listings.review", public_id=listing.public_id), 303)
        except RefusedError as error:
            faults = [("why" if error.refused.code == "reason_missing" else "", error.refused)]
    return _form_page(solution, typed, faults)


def _form_page(public_id: str, typed: dict[str, str], faults: Faults | None = None) -> Response:
    query = select(Solution).where(Solution.public_id == public_id).options(joinedload(Solution.provider))
    with current_site().database.reading() as session:
        solution = session.scalar(query) or not_found()
        body = render_template("listings/form.html", solution=solution, typed=typed, faults=sentences(faults or []))
    return make_response(body, 422 if faults else 200)


@pages.get("/listings/<public_id>")
@permission("manage", "listing")
def review(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, why: str = "") -> Response:
    with current_site().database.reading() as session:
        listing = find_listing(session, public_id) or not_found()
        about = select(Decision).where(Decision.noun == actions.NOUN, Decision.noun_id == listing.id).order_by(Decision.id.desc())
        found = ListingPage(listing, session.scalars(about).all())
        sentence = said(refused.message, refused.values) if refused else ""
        body = render_template("listings/review.html", page=found, listing=listing, sentence=sentence, why=why)
    return make_response(body, 200 if refused is None else 422 if refused.code == "reason_missing" else 409)


@pages.post("/listings/<public_id>/remove")
@permission("manage", "listing")
def remove(public_id: str) -> Response:
    site, viewer, why = current_site(), current_viewer(), request.form.get("why", "")
    with site.database.reading() as session:
        number = (find_listing(session, public_id) or not_found()).id
    try:
        actions.propose_removal(site.database, number, why=why, viewer=viewer, at=now())
    except RefusedError as error:
        return _page(public_id, error.refused, why)
    flash(say("已提出，等另一人复核。"), "good")
    return redirect(url_for("listings.review", public_id=public_id), 303)


@pages.post("/listings/<public_id>/decisions/<decision>/<event>")
@permission("manage", "listing")
def answer(public_id: str, decision: str, event: str) -> Response:
    site, viewer, why = current_site(), current_viewer(), request.form.get("why", "")
    with site.database.reading() as session:
        listing, asked = find_listing(session, public_id) or not_found(), find_decision(session, decision) or not_found()
        if (asked.noun, asked.noun_id) != (actions.NOUN, listing.id):
            not_found()
        number = asked.id
    try:
        actions.answer(site.database, number, event, viewer=viewer, at=now(), why=why)
    except RefusedError as error:
        return _page(public_id, error.refused, why)
    flash(say("已办理。"), "good")
    return redirect(url_for("listings.review", public_id=public_id), 303)
