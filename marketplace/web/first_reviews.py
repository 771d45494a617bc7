"""The first review of a project by its park or street: what is looked at, the opinion, and what follows."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from marketplace.actions import first_reviews
from marketplace.domain.first_reviews import CHECKS, VERDICT_WORDS, FirstReviewDraft, Verdict, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.projects import ProjectState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.projects import find_project
from marketplace.site import current_site
from marketplace.web.guides import step_of
from marketplace.web.language import say
from marketplace.web.project_words import WORDS
from marketplace.web.projects import number_of, status_of
from marketplace.web.projects_shown import read_case
from marketplace.web.refusals import form_page
from marketplace.web.terms import days

pages = Blueprint("first_reviews", __name__)
_SAID = {
    Verdict.RECOMMEND: _("已推荐，申报单位会收到通知。"),
    Verdict.RETURN: _("已退回补正，申报单位会收到意见。"),
    Verdict.REFUSE: _("已写明不予推荐，申报单位会收到意见。"),
}


@pages.get("/projects/<public_id>/first-review")
@permission("first_review", "project")
def page(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, faults: list[tuple[str, Refused]] | None = None) -> Response:
    viewer = current_viewer()
    days()
    with current_site().database.reading() as session:
        project = find_project(session, public_id, viewer) or not_found()
        found = read_case(session, project, viewer)
        values: dict[str, Any] = {"page": found, "one": project, "checks": CHECKS, "verdicts": VERDICT_WORDS}
        values["rules"] = current_site().pilot.project.of(project.project_class)
        open_ = found.reviews and project.state == ProjectState.SUBMITTED
        typed = request.form if refused or faults else {}
        answer = form_page(
            "first_reviews/page.html", refused=refused, errors=faults or [], writes=open_, typed=typed, **values, **WORDS
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


@pages.post("/projects/<public_id>/first-review")
@permission("first_review", "project")
def write(public_id: str) -> Response:
    number, form = number_of(public_id), request.form
    passed = {key: {"yes": True, "no": False}.get(form.get(f"passed.{key}", "")) for key in CHECKS}
    notes = {key: form.get(f"note.{key}", "").strip() for key in CHECKS}
    draft = FirstReviewDraft(form.get("verdict", ""), passed, notes, form.get("text", "").strip())
    if faults := list(check(draft)):
        return _page(public_id, faults=faults)
    try:
        first_reviews.review(current_site().database, number, draft, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say(_SAID[Verdict(draft.verdict)]), "good")
    return redirect(url_for("projects.show", public_id=public_id), 303)
