"""Selection by the bureau: the ranking of a guide, and one project with its decisions, public notice and objections."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import project_selections as actions
from marketplace.actions.project_objections import NOUN as OBJECTION
from marketplace.actions.project_objections import answer_project_objection
from marketplace.actions.project_steps import PROJECT
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_selections import EVENTS, SelectionDraft
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.decisions import find_decision
from marketplace.records.guides import Guide, find_guide
from marketplace.records.project_selections import ProjectPublicity, find_project_objection
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web import agreements_shown
from marketplace.web.addresses import ADDRESSES
from marketplace.web.diagnosis_lists import wan
from marketplace.web.guides import readable_guides, step_of
from marketplace.web.language import say
from marketplace.web.project_panel_shown import acted, number_of, panel_rules, readable, status_of
from marketplace.web.project_selections_shown import event_word, read_ranking, read_selection
from marketplace.web.project_words import WORDS
from marketplace.web.refusals import form_page
from marketplace.web.terms import days, here_now
from marketplace.web.typed import seen, typed_day
from marketplace.web.typed_numbers import typed_fen

pages = Blueprint("project_selections", __name__)
ADDRESSES[OBJECTION] = lambda ref: url_for("project_selections.of_project", public_id=ref, _anchor="objections")
_ANSWERS = {
    "confirm": _("已复核同意，决定生效。"),
    "reject": _("已复核不同意，退回提出人。"),
    "take_back": _("已撤回，可以重新提出。"),
}


# ---------------------------------------------------------------- a guide


def _guide(session: Session, public_id: str) -> Guide:
    found = find_guide(session, public_id) or not_found()
    return session.scalar(select(Guide).where(Guide.id == found.id, readable_guides(current_viewer()))) or not_found()


@pages.get("/guides/<public_id>/ranking")
@permission("supervise", "project")
def ranking(public_id: str) -> AnyResponse:
    """The projects of a guide by their scores, and how far its money reaches."""
    return _ranking_page(public_id)


def _ranking_page(public_id: str, refused: Refused | None = None) -> Response:
    days()
    with current_site().database.reading() as session:
        page = read_ranking(session, _guide(session, public_id), current_viewer())
        typed = request.form if refused is not None else {}
        answer = form_page(
            "project_selections/ranking.html",
            refused=refused,
            page=page,
            guide=page.guide,
            typed=typed,
            wan=wan,
            rules=panel_rules(),
            **WORDS,
        )
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _with_guide(public_id: str, said: str, act: Callable[[int], object]) -> AnyResponse:
    with current_site().database.reading() as session:
        number = _guide(session, public_id).id
    try:
        act(number)
    except RefusedError as error:
        return _ranking_page(public_id, error.refused)
    flash(said, "good")
    return redirect(url_for("project_selections.ranking", public_id=public_id), 303)


@pages.post("/guides/<public_id>/ranking/amounts")
@permission("select", "project")
def propose_amounts(public_id: str) -> AnyResponse:
    """提出支持金额 of several projects; those whose field is empty stay as they are."""
    typed = {name.removeprefix("amount_"): text for name, text in request.form.items() if name.startswith("amount_") and text.strip()}
    with current_site().database.reading() as session:
        query = select(Project.public_id, Project.id).where(Project.public_id.in_(typed))
        found = dict(session.execute(query.where(Project.guide_id == _guide(session, public_id).id)).all())
    # What is no number is an amount of nothing, which is refused with its sentence.
    amounts = {found[ref]: typed_fen(text) or 0 for ref, text in typed.items() if ref in found}
    why, database = request.form.get("why", ""), current_site().database
    return _with_guide(
        public_id,
        say("已提出，等另一人复核后公示。"),
        lambda number: actions.propose_all(database, number, amounts, why, panel=panel_rules(), step=step_of()),
    )


@pages.post("/guides/<public_id>/ranking/<event>")
@permission("select", "project")
def answer_amounts(public_id: str, event: str) -> AnyResponse:
    """复核同意, 复核不同意, 撤回, of all amounts that wait."""
    if event not in _ANSWERS:
        not_found()
    why, database = request.form.get("why", ""), current_site().database
    return _with_guide(
        public_id,
        say(_ANSWERS[event]),
        lambda number: actions.answer_all(database, number, event, why=why, panel=panel_rules(), step=step_of(), newest=seen("newest")),
    )


# ---------------------------------------------------------------- a project


@pages.get("/projects/<public_id>/selection")
@permission("supervise", "project")
def of_project(public_id: str) -> AnyResponse:
    return selection_page(public_id)


def selection_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """One project in the selection; after a refusal with what was typed into `form`."""
    days()
    with current_site().database.reading() as session:
        page = read_selection(session, readable(session, public_id), step_of())
        typed = request.form if refused is not None else {}
        answer = form_page(
            "project_selections/show.html", refused=refused, page=page, one=page.project, typed=typed, form=form, rules=panel_rules(), wan=wan,
            event_word=event_word, here="project_selections.of_project", **WORDS,
        )  # fmt: skip
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _back(form: str) -> tuple[str, Callable[[str, Refused], Response]]:
    """The page on which the form stood: the agreement's, or the selection's own."""
    if request.form.get("here") == agreements_shown.PAGE:
        return agreements_shown.PAGE, lambda ref, refused: agreements_shown.agreement_page(ref, refused, form)
    return "project_selections.of_project", lambda ref, refused: selection_page(ref, refused, form)


@pages.post("/projects/<public_id>/selection/propose")
@permission("select", "project")
def propose(public_id: str) -> AnyResponse:
    """提出决定: the first person."""
    form, database = request.form, current_site().database
    event = form.get("event", "")
    draft = SelectionDraft(
        why=form.get("why", ""),
        amount_fen=typed_fen(form.get("amount", "")),
        city_number=form.get("city_number", ""),
        city_day=typed_day(form.get("city_day", "")),
    )
    endpoint, page = _back("decision")
    said = say("已提出，等另一人复核后生效。")
    return acted(
        public_id,
        endpoint,
        said,
        lambda number: actions.propose(database, number, event, draft, panel=panel_rules(), step=step_of()),
        page,
    )


@pages.post("/projects/<public_id>/selection/<decision_id>/<event>")
@permission("select", "project")
def answer(public_id: str, decision_id: str, event: str) -> AnyResponse:
    """复核同意, 复核不同意, 撤回: the second person, or the first one."""
    why, number, database = request.form.get("why", ""), number_of(public_id), current_site().database
    with database.reading() as session:
        decision = find_decision(session, decision_id)
        if decision is None or (decision.noun, decision.noun_id) != (PROJECT, number) or event not in _ANSWERS:
            not_found()
        if decision.event not in EVENTS:
            not_found()
        decision_number = decision.id
    endpoint, page = _back("answer")
    return acted(
        public_id,
        endpoint,
        say(_ANSWERS[event]),
        lambda _number: actions.answer(database, decision_number, event, why=why, panel=panel_rules(), step=step_of()),
        page,
    )


@pages.post("/projects/<public_id>/selection/objections/<objection_id>/<event>")
@permission("select", "project")
def answer_objection(public_id: str, objection_id: str, event: str) -> AnyResponse:
    """异议成立 or 不成立."""
    why, number, database = request.form.get("why", ""), number_of(public_id), current_site().database
    with database.reading() as session:
        objection = find_project_objection(session, objection_id)
        if objection is None or event not in ("uphold", "dismiss"):
            not_found()
        if session.get_one(ProjectPublicity, objection.publicity_id).project_id != number:
            not_found()
        objection_number = objection.id
    return acted(
        public_id,
        "project_selections.of_project",
        say("异议已处理。请按留下的联系方式答复提出人。"),
        lambda _number: answer_project_objection(database, objection_number, event, why=why, viewer=current_viewer(), at=here_now()),
        lambda ref, refused: selection_page(ref, refused, f"objection_{objection_id}"),
    )
