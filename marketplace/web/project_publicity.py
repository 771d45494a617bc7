"""Public notices of projects (公示): which projects the bureau is about to support, open to everybody, and objections to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy import func
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.project_objections import raise_project_objection
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.objections import check
from marketplace.guard import not_found, open_to_all
from marketplace.records.project_selections import ProjectPublicity, find_shown, shown_publicities
from marketplace.site import current_site
from marketplace.web.paging import paged
from marketplace.web.project_panel_shown import panel_rules, status_of
from marketplace.web.project_words import WORDS
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, here_now, today

pages = Blueprint("project_publicity", __name__)


@dataclass(frozen=True)
class Published:
    """A project as everybody may see it: no plan, no scores, no names of people, not its own address."""

    public_id: str
    title: str
    applicant: str
    project_class: str
    amount_fen: int
    begins: date
    until: date
    open: bool


def _published(row: ProjectPublicity) -> Published:
    one = row.project
    values = (one.title, one.organisation.name, str(one.project_class), row.amount_fen, row.begins, row.until)
    return Published(row.public_id, *values, today() <= row.until)


@pages.get("/publicity/projects")
@open_to_all
def index() -> str:
    """What is shown now; what ends first stands first, and what is over stays until it is decided."""
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        query = shown_publicities()
        total = session.scalar(query.with_only_columns(func.count())) or 0
        paging = paged(total, current_site().pilot.thresholds.page_size, "project_publicity.index")
        query = query.order_by(ProjectPublicity.until, ProjectPublicity.id).offset(paging.offset).limit(paging.size)
        rows = [_published(row) for row in session.scalars(query)]
        return render_template("project_selections/notices.html", rows=rows, paging=paging, **WORDS)


def _form(public_id: str, refused: Refused | None = None, errors: Sequence[tuple[str, Refused]] = ()) -> Response:
    with current_site().database.reading() as session:
        row = _published(_shown(session, public_id))
        answer = form_page("project_selections/objection.html", refused=refused, errors=errors, row=row, typed=request.form, **WORDS)
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _shown(session: Session, public_id: str) -> ProjectPublicity:
    return find_shown(session, public_id) or not_found()


@pages.get("/publicity/projects/<public_id>/objection")
@open_to_all
def objection_form(public_id: str) -> AnyResponse:
    return _form(public_id)


@pages.post("/publicity/projects/<public_id>/objection")
@open_to_all
def object_to(public_id: str) -> AnyResponse:
    """提出异议."""
    site, form = current_site(), request.form
    with site.database.reading() as session:
        number = _shown(session, public_id).id
    name, contact, words = (form.get(key, "") for key in ("name", "contact", "text"))
    if errors := list(check(name, contact, words)):
        return _form(public_id, errors=errors)
    address = request.remote_addr or ""
    try:
        raise_project_objection(
            site.database, number, name=name, contact=contact, words=words, address=address, panel=panel_rules(), at=here_now()
        )
    except RefusedError as error:
        return _form(public_id, error.refused)
    return redirect(url_for("project_publicity.thanks"), 303)


@pages.get("/publicity/projects/received")
@open_to_all
def thanks() -> str:
    """What happens with an objection now."""
    return render_template("project_selections/received.html", days=panel_rules().objection_days)
