"""Public notices (公示): who is about to enter the pool, open to everybody, and the objections that anybody may raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, contains_eager
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.objections import raise_objection
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.objections import check
from marketplace.guard import not_found, open_to_all
from marketplace.records.applications import ProviderApplication
from marketplace.records.organisations import Organisation
from marketplace.records.reviews import Review
from marketplace.records.windows import ApplicationWindow
from marketplace.site import current_site
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.reviews_desk import status_of
from marketplace.web.terms import days, here_now, today

pages = Blueprint("publicity", __name__)
MOST_WINDOWS = 10


@dataclass(frozen=True)
class Published:
    """An applicant as everybody may see it: no answers, no scores, no names of people."""

    public_id: str
    name: str
    credit_code: str
    window: str
    begins: date
    until: date
    open: bool


@dataclass(frozen=True)
class Results:
    """A window whose results are public: who was admitted."""

    title: str
    number: str
    names: Sequence[str]


@pages.get("/publicity")
@open_to_all
def index() -> str:
    """What is published now, and the results of finished windows."""
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        total = session.scalar(_in_publicity().with_only_columns(func.count())) or 0
        paging = paged(total, current_site().pilot.thresholds.page_size, "publicity.index")
        rows = find_published(session, offset=paging.offset, most=paging.size)
        return render_template("publicity/index.html", rows=rows, paging=paging, results=find_results(session))


def _in_publicity() -> Select[Review]:
    query = select(Review).join(Review.application).where(ProviderApplication.state == ApplicationState.PUBLICITY)
    return query.where(Review.publicity_from.is_not(None), Review.publicity_until.is_not(None))


def find_published(session: Session, *, offset: int, most: int) -> list[Published]:
    """The ones that end first stand first; one whose term is over stays until it is decided."""
    query = _in_publicity().options(contains_eager(Review.application).defer(ProviderApplication.answers))
    return [_published(row) for row in session.scalars(query.order_by(Review.publicity_until, Review.id).offset(offset).limit(most))]


def _published(review: Review) -> Published:
    assert review.publicity_from is not None
    assert review.publicity_until is not None
    unit, until = review.application.organisation, review.publicity_until
    title = review.application.window.title
    return Published(review.public_id, unit.name, unit.credit_code or "", title, review.publicity_from, until, today() <= until)


def find_results(session: Session) -> list[Results]:
    windows = session.scalars(
        select(ApplicationWindow)
        .where(ApplicationWindow.results_published_at.is_not(None))
        .order_by(ApplicationWindow.results_published_at.desc())
        .limit(MOST_WINDOWS)
    ).all()
    admitted = select(ProviderApplication.window_id, Organisation.name).join(ProviderApplication.organisation)
    admitted = admitted.where(
        ProviderApplication.window_id.in_([window.id for window in windows]), ProviderApplication.state == ApplicationState.ADMITTED
    )
    found: dict[int, list[str]] = {}
    for window_id, name in session.execute(admitted.order_by(ProviderApplication.number)):
        found.setdefault(window_id, []).append(name)
    return [Results(window.title, window.number, found.get(window.id, [])) for window in windows]


def _review(session: Session, public_id: str) -> Review:
    """A notice that is public now; whatever else exists is as absent as what does not."""
    review = session.scalar(select(Review).where(Review.public_id == public_id))
    if review is None or review.application.state != ApplicationState.PUBLICITY or review.publicity_until is None:
        not_found()
    return review


def _form(public_id: str, refused: Refused | None = None, errors: Sequence[tuple[str, Refused]] = ()) -> Response:
    with current_site().database.reading() as session:
        published = _published(_review(session, public_id))
        answer = form_page("publicity/objection.html", refused=refused, errors=errors, row=published, typed=request.form)
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@pages.get("/publicity/<public_id>/objection")
@open_to_all
def objection_form(public_id: str) -> AnyResponse:
    """The form of an objection."""
    return _form(public_id)


@pages.post("/publicity/<public_id>/objection")
@open_to_all
def object_to(public_id: str) -> AnyResponse:
    """提出异议."""
    site, form = current_site(), request.form
    with site.database.reading() as session:
        number = _review(session, public_id).id
    name, contact, text = (form.get(key, "") for key in ("name", "contact", "text"))
    errors = list(check(name, contact, text))
    if errors:
        return _form(public_id, errors=errors)
    try:
        raise_objection(
            site.database,
            number,
            name=name,
            contact=contact,
            text=text,
            address=request.remote_addr or "",
            rules=site.pilot.review,
            at=here_now(),
        )
    except RefusedError as error:
        return _form(public_id, error.refused)
    return redirect(url_for("publicity.thanks"), 303)


@pages.get("/publicity/received")
@open_to_all
def thanks() -> str:
    """What happens with an objection now."""
    return render_template("publicity/received.html", days=current_site().pilot.review.objection_days)
