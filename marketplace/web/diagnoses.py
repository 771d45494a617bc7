"""评估诊断: the roster of all enterprises by their diagnosis, one diagnosis with its steps, and the plan of a visit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import diagnoses as actions
from marketplace.actions.diagnoses import Step
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer, may, may_read_plan
from marketplace.domain.diagnoses import Ball, DiagnosisState, PlanDraft, check_plan
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.providers import SEARCHABLE
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.accounts import Account
from marketplace.records.diagnoses import Diagnosis, find_diagnosis
from marketplace.records.diagnosis_roster import Row, find_roster
from marketplace.records.enterprises import Enterprise, find_enterprise
from marketplace.records.files import Attachment
from marketplace.records.history import find_last_entry
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.diagnoses_shown import NOUN, address_values, asked_of_address, read_own, read_page, read_roster, state_word
from marketplace.web.diagnosis_words import grade_word, model_word, name_of, outside_word
from marketplace.web.downloads import workbook
from marketplace.web.language import say
from marketplace.web.refusals import form_page, sentence_of
from marketplace.web.terms import days, here_now, today
from marketplace.web.typed import seen, seen_still, typed_day
from marketplace.web.wording import term

pages = Blueprint("diagnoses", __name__)
ADDRESSES[NOUN] = lambda ref: url_for("diagnoses.show", public_id=ref)
WORDS: dict[str, Any] = {
    "state_word": state_word,
    "grade_word": grade_word,
    "name_of": name_of,
    "model_word": model_word,
    "outside_word": outside_word,
}
_CONFLICTS = frozenset({"wrong_state", "not_allowed", "changed_meanwhile", "under_way", "answers_missing"})
_WHO = {"officer": _("诊断人员"), "enterprise": _("企业")}
_SAID = {
    "start": _("已开始入企诊断。"),
    "draft": _("已成稿，企业会收到通知。"),
    "confirm": _("已确认，能力中心会出具诊断报告。"),
    "return": _("已退回，诊断人员会收到您的意见。"),
    "issue": _("已出具，报告正在生成，企业会收到通知。"),
    "cancel": _("已取消，企业会收到通知。"),
}


def _may_read_file(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """Reports and evidence say what the lists say: they are for the enterprise and the centre."""
    diagnosis = session.get(Diagnosis, file.noun_id)
    return diagnosis is not None and may_read_plan(viewer, diagnosis.enterprise_id)


READERS[NOUN] = _may_read_file


def step_of() -> Step:
    """Who acts in this request, when, by the pilot's rules, and what the page knew."""
    return Step(current_viewer(), here_now(), today(), current_site().pilot.diagnosis, seen())


def who_word(turn: Ball, *, own: bool) -> str:
    return say("贵单位") if own and turn.who == "enterprise" else say(_WHO[turn.who])


@pages.get("/diagnoses")
@permission("read", "diagnosis")
def index() -> Response | str:
    """The roster for staff; an enterprise sees its own."""
    viewer = current_viewer()
    with current_site().database.reading() as session:
        if not may(viewer, "read", "diagnosis"):
            return render_template("diagnoses/mine.html", rows=read_own(session, viewer), **WORDS)
        return _roster(session)


def _roster(session: Session, sentence: str = "", status: int = 200) -> Response:
    roster = read_roster(session, asked_of_address())
    officers = actions.officers(session) if may(current_viewer(), "manage", "diagnosis") else []
    values = address_values(roster.asked)
    body = render_template("diagnoses/index.html", roster=roster, officers=officers, sentence=sentence, kept=values, **WORDS)
    return Response(body, status, mimetype="text/html")


@pages.get("/diagnoses.xlsx")
@permission("read", "diagnosis")
def export() -> Response:
    """The roster as a workbook, with the same conditions; for staff."""
    if not may(current_viewer(), "read", "diagnosis"):
        not_found()
    # Loaded when first needed: a site that only serves pages starts without it.
    from marketplace.sheets.roster import roster_workbook

    with current_site().database.reading() as session:
        rows = [_cells(row) for row in find_roster(session, asked_of_address())]
    title = say("诊断台账")
    return workbook(roster_workbook(title, rows), title)


def _cells(row: Row) -> list[str]:
    enterprise, found = row.enterprise, row.diagnosis
    area = term("area", enterprise.area) if enterprise.area else ""
    login = row.officer.login if row.officer else ""
    head = [enterprise.organisation.credit_code or "", enterprise.name, term("sector", enterprise.sector), area, login]
    if found is None:
        return [*head, "", state_word(row.state), "", "", "", ""]
    planned, visited = (day.isoformat() if day else "" for day in (found.planned_on, found.visited))
    graded = found.grade is not None and found.state in (DiagnosisState.CONFIRMED, DiagnosisState.ISSUED)
    grades = [grade_word(found.grade), f"{found.score:.1f}"] if graded else ["", ""]
    return [*head, planned, state_word(row.state), found.number, visited, *grades]


@pages.post("/diagnoses/officer")
@permission("manage", "diagnosis")
def assign() -> Response:
    """Some enterprises of the roster get an officer."""
    with current_site().database.reading() as session:
        chosen = request.form.getlist("enterprise")[:500]
        ids = list(session.scalars(select(Enterprise.id).where(Enterprise.public_id.in_(chosen))))
        officer = _account_id(session, request.form.get("officer", ""))
        if not ids or officer is None:
            return _roster(session, say("请先勾选企业，再选诊断人员。"), 422)
    changed = actions.assign_officer(current_site().database, ids, officer, step_of())
    flash(say("已指定诊断人员，改动 {n} 家。", n=changed), "good")
    return redirect(url_for("diagnoses.index", **address_values(asked_of_address())), 303)  # type: ignore[arg-type]


def _account_id(session: Session, public_id: str) -> int | None:
    return session.scalar(select(Account.id).where(Account.public_id == public_id)) if public_id else None


@pages.get("/diagnoses/<public_id>")
@permission("read", "diagnosis")
def show(public_id: str) -> Response:
    return diagnosis_page(public_id)


def diagnosis_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """One diagnosis; after a refusal with what was typed into `form`."""
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        diagnosis = find_diagnosis(session, public_id, current_viewer()) or not_found()
        answer = form_page(
            "diagnoses/show.html",
            refused=refused,
            page=read_page(session, diagnosis, current_viewer()),
            typed=request.form if refused is not None else {},
            form=form,
            who_word=who_word,
            **WORDS,
        )
    if refused is not None:
        answer.status_code = 409 if refused.code in _CONFLICTS else 422
    return answer


def _acted(public_id: str, event: str, act: Callable[[int], None]) -> Response:
    with current_site().database.reading() as session:
        number = (find_diagnosis(session, public_id, current_viewer()) or not_found()).id
    try:
        act(number)
    except RefusedError as error:
        return diagnosis_page(public_id, error.refused, event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("diagnoses.show", public_id=public_id), 303)


@pages.post("/diagnoses/<public_id>/<any(start, draft, issue, cancel):event>")
@permission("manage", "diagnosis")
def manage(public_id: str, event: str) -> Response:
    """What the centre does."""
    site, step, why = current_site(), step_of(), request.form.get("why", "")
    verbs: Mapping[str, Callable[[int], None]] = {
        "start": lambda number: actions.start(site.database, number, step),
        "draft": lambda number: actions.draft(site.database, number, step, summary=why, questionnaire=site.pilot.questionnaire),
        "issue": lambda number: actions.issue(site.database, number, step),
        "cancel": lambda number: actions.cancel(site.database, number, step, why=why),
    }
    return _acted(public_id, event, verbs[event])


@pages.post("/diagnoses/<public_id>/<any(confirm, return):event>")
@permission("answer", "diagnosis")
def answer(public_id: str, event: str) -> Response:
    """What the enterprise says to the draft."""
    database, step, why = current_site().database, step_of(), request.form.get("why", "")
    if event == "confirm":
        return _acted(public_id, event, lambda number: actions.confirm(database, number, step))
    return _acted(public_id, event, lambda number: actions.send_back(database, number, step, why=why))


@pages.get("/enterprises/<public_id>/diagnoses/new")
@permission("manage", "diagnosis")
def new(public_id: str) -> Response:
    """The form for a visit."""
    with current_site().database.reading() as session:
        enterprise = find_enterprise(session, public_id) or not_found()
        officer = session.get(Account, enterprise.officer_id) if enterprise.officer_id else None
        typed = {"planned_on": "", "officer": officer.public_id if officer else "", "organisation": ""}
        return _plan_page(session, enterprise, None, typed)


@pages.post("/enterprises/<public_id>/diagnoses/new")
@permission("manage", "diagnosis")
def create(public_id: str) -> Response:
    with current_site().database.reading() as session:
        enterprise = find_enterprise(session, public_id) or not_found()
        return _kept(session, enterprise, None)


@pages.get("/diagnoses/<public_id>/plan")
@permission("manage", "diagnosis")
def edit(public_id: str) -> Response:
    """The same form for a visit that is planned."""
    with current_site().database.reading() as session:
        diagnosis = find_diagnosis(session, public_id, current_viewer()) or not_found()
        return _plan_page(session, diagnosis.enterprise, diagnosis, _stored(diagnosis))


@pages.post("/diagnoses/<public_id>/plan")
@permission("manage", "diagnosis")
def save(public_id: str) -> Response:
    with current_site().database.reading() as session:
        diagnosis = find_diagnosis(session, public_id, current_viewer()) or not_found()
        return _kept(session, diagnosis.enterprise, diagnosis)


def _stored(diagnosis: Diagnosis) -> dict[str, str]:
    return {
        "planned_on": diagnosis.planned_on.isoformat() if diagnosis.planned_on else "",
        "officer": diagnosis.officer.public_id if diagnosis.officer else "",
        "organisation": diagnosis.organisation.public_id if diagnosis.organisation else "",
    }


def _kept(session: Session, enterprise: Enterprise, diagnosis: Diagnosis | None) -> Response:
    """Keep the plan, or show the form again with what was typed."""
    site, step = current_site(), step_of()
    typed = {name: request.form.get(name, "").strip() for name in ("planned_on", "officer", "organisation")}
    unit = session.scalar(select(Organisation.id).where(Organisation.public_id == typed["organisation"])) if typed["organisation"] else None
    draft = PlanDraft(typed_day(typed["planned_on"]), _account_id(session, typed["officer"]), unit)
    on_site = diagnosis is not None and diagnosis.state == DiagnosisState.ON_SITE
    if on_site and diagnosis is not None:
        draft.planned_on = diagnosis.planned_on
    faults: Faults = list(check_plan(draft, today=step.today, earliest=diagnosis.planned_on if diagnosis else None))
    number, enterprise_id = diagnosis.id if diagnosis else None, enterprise.id
    if not faults:
        session.rollback()
        try:
            if number is None:
                found = actions.plan(site.database, enterprise_id, draft, step, questionnaire=site.pilot.questionnaire.key)
            else:
                found = actions.change_plan(site.database, number, draft, step)
            flash(say("已安排，诊断人员和企业会收到通知。"), "good")
            return redirect(url_for("diagnoses.show", public_id=found.public_id), 303)
        except RefusedError as error:
            refused = error.refused
            enterprise = session.get_one(Enterprise, enterprise_id, populate_existing=True)
            diagnosis = session.get_one(Diagnosis, number, populate_existing=True) if number is not None else None
            if refused.code == "changed_meanwhile":
                return _plan_page(session, enterprise, diagnosis, typed, lost=refused)
            faults = [("officer" if refused.code == "not_an_officer" else "", refused)]
    return _plan_page(session, enterprise, diagnosis, typed, faults=faults)


def _plan_page(
    session: Session,
    enterprise: Enterprise,
    diagnosis: Diagnosis | None,
    typed: dict[str, str],
    *,
    faults: Faults | None = None,
    lost: Refused | None = None,
) -> Response:
    last = find_last_entry(session, NOUN, diagnosis.id) if diagnosis else 0
    units = select(Organisation).join(Provider, Provider.organisation_id == Organisation.id).where(Provider.state.in_(SEARCHABLE))
    body = render_template(
        "diagnoses/plan.html",
        enterprise=enterprise,
        diagnosis=diagnosis,
        typed=typed,
        faults=sentences(faults or []),
        officers=actions.officers(session),
        units=session.scalars(units.order_by(Organisation.name)).all(),
        seen=seen_still(last, lost=lost is not None),
        lost=sentence_of(lost),
        changes=_outdated(session, diagnosis, typed) if diagnosis and lost else [],
        **WORDS,
    )
    conflict = lost is not None or any(refused.code in _CONFLICTS for _field, refused in faults or [])
    return Response(body, 409 if conflict else 422 if faults else 200, mimetype="text/html")


def _outdated(session: Session, diagnosis: Diagnosis, typed: Mapping[str, str]) -> list[ShownDifference]:
    """What another one saved, beside what was typed; people and organisations by name."""

    def named(values: Mapping[str, str]) -> dict[str, str]:
        officer = session.scalar(select(Account.name).where(Account.public_id == values["officer"]))
        unit = session.scalar(select(Organisation.name).where(Organisation.public_id == values["organisation"]))
        return {"planned_on": values["planned_on"], "officer": officer or "", "organisation": unit or ""}

    stored, mine = named(_stored(diagnosis)), named(typed)
    labels = {"planned_on": say("计划入企日期"), "officer": say("诊断人员"), "organisation": say("诊断单位")}
    return outdated_fields((label, stored[name], mine[name]) for name, label in labels.items())
