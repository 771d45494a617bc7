"""One section of the questionnaire at a time: typed into, saved as one goes, with remarks and evidence beside the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from marketplace.actions.diagnosis_answers import attach_evidence, may_answer, of_section, remove_evidence, save_answers
from marketplace.attachments import received
from marketplace.domain.access import may_read_plan
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.questionnaires import Kind, Question, check
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.accounts import Account
from marketplace.records.diagnoses import Diagnosis, find_answers, find_diagnosis, values_of
from marketplace.records.files import LETTER, Attachment, find_attachments
from marketplace.records.history import find_entries_since, find_last_entry
from marketplace.site import current_site
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.diagnoses_shown import NOUN, shown_sections
from marketplace.web.diagnosis_words import answer_text, level_words, name_of, note_of, unit_of, why_of
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, seen_still

pages = Blueprint("diagnosis_sections", __name__)
ENDINGS = ("pdf", "docx", "xlsx", "png", "jpg")
WORDS = {
    "name_of": name_of,
    "note_of": note_of,
    "unit_of": unit_of,
    "why_of": why_of,
    "level_words": level_words,
    "answer_text": answer_text,
}


@pages.get("/diagnoses/<public_id>/sections/<key>")
@permission("read", "diagnosis")
def section(public_id: str, key: str) -> Response:
    """A form for those who fill in, to be read by all others who may read the answers."""
    return _page(public_id, key)


@pages.post("/diagnoses/<public_id>/sections/<key>")
@permission("answer", "diagnosis")
def save(public_id: str, key: str) -> Response:
    """Keep what was typed, then the files. Nothing typed is lost: not to a colleague, not to a wrong number, not to a bad file."""
    site, viewer, form = current_site(), current_viewer(), current_site().pilot.questionnaire
    with site.database.reading() as session:
        diagnosis = _readable(find_diagnosis(session, public_id, viewer))
        number, sector = diagnosis.id, diagnosis.enterprise.sector
        stored = values_of(find_answers(session, number))
    asked = form.section(key, sector) or not_found()
    questions = form.of(asked.key)
    answers = {question.key: typed_answer(question, request.form) for question in questions if question.kind != Kind.SHARE}
    remarks = {question.key: request.form.get(f"r.{question.key}", "") for question in questions}
    together = {name: value for name, value in (stored | answers).items() if value is not None}
    faults = {name: refused for name, refused in check(form, together) if name in answers}
    if faults:
        return _page(public_id, key, answers=answers, remarks=remarks, faults=faults)
    try:
        save_answers(site.database, number, key, answers, remarks, questionnaire=form, viewer=viewer, at=here_now(), seen=seen())
    except RefusedError as error:
        return _page(public_id, key, answers=answers, remarks=remarks, refused=error.refused)
    bad_files = _take_files(number, questions)
    if bad_files:
        return _page(public_id, key, faults=bad_files)
    return redirect(_onward(public_id, key, sector), 303)


def _readable(diagnosis: Diagnosis | None) -> Diagnosis:
    """Answers are for the enterprise and the centre; to others this page does not exist."""
    if diagnosis is None or not may_read_plan(current_viewer(), diagnosis.enterprise_id):
        not_found()
    return diagnosis


def typed_answer(question: Question, form: MultiDict[str, str]) -> Any:
    """What was typed, as the kind of question has it; what is no number stays as it is, to be told so. None: nothing."""
    name = f"q.{question.key}"
    if question.kind == Kind.MULTI:
        return form.getlist(name)[:100] or None
    if question.kind == Kind.PAIR:
        pair = {end: _number(form.get(f"{name}.{end}", "")) for end in ("present", "target")}
        return pair if any(value is not None for value in pair.values()) else None
    text = form.get(name, "").strip()
    if question.kind == Kind.LEVEL:
        return int(text) if text.isascii() and text.isdigit() and len(text) == 1 else (text or None)
    if question.kind == Kind.NUMBER:
        return _number(text)
    return text.replace("\r\n", "\n") or None


def _number(text: str) -> float | int | str | None:
    """A number with or without thousands set apart; widths do not matter."""
    plain = text.strip().replace(",", "").replace("，", "")
    if not plain:
        return None
    try:
        value = float(plain)
    except ValueError:
        return text.strip()[:100]
    if value != value or value in (float("inf"), float("-inf")):
        return text.strip()[:100]
    return int(value) if value.is_integer() else value


def _take_files(number: int, questions: tuple[Question, ...]) -> dict[str, Refused]:
    """Attach every file of the form, and take back the one whose button was pressed. Question → why its file was not taken."""
    site, viewer = current_site(), current_viewer()
    bad: dict[str, Refused] = {}
    for question in questions:
        stored = received(f"f.{question.key}", allowed=ENDINGS)
        if stored is None:
            continue
        try:
            if isinstance(stored, Refused):
                raise RefusedError(stored)
            attach_evidence(
                site.database, number, stored, question=question.key, questionnaire=site.pilot.questionnaire, viewer=viewer, at=here_now()
            )
        except RefusedError as error:
            bad[question.key] = error.refused
    asked, _colon, public_id = request.form.get("do", "").partition(":")
    if asked == "remove_file":
        remove_evidence(site.database, number, public_id, viewer=viewer, at=here_now())
    return bad


def _onward(public_id: str, key: str, sector: str) -> str:
    """The same section again, or the next one."""
    if request.form.get("do") != "next":
        return url_for("diagnosis_sections.section", public_id=public_id, key=key, saved="1")
    keys = [section.key for section in current_site().pilot.questionnaire.sections_for(sector)]
    place = keys.index(key) + 1
    if place == len(keys):
        return url_for("diagnoses.show", public_id=public_id)
    return url_for("diagnosis_sections.section", public_id=public_id, key=keys[place])


def _page(
    public_id: str,
    key: str,
    *,
    answers: Mapping[str, Any] | None = None,
    remarks: Mapping[str, str] | None = None,
    faults: Mapping[str, Refused] | None = None,
    refused: Refused | None = None,
) -> Response:
    viewer, form = current_viewer(), current_site().pilot.questionnaire
    with current_site().database.reading() as session:
        diagnosis = _readable(find_diagnosis(session, public_id, viewer))
        sector = diagnosis.enterprise.sector
        asked = form.section(key, sector) or not_found()
        stored = find_answers(session, diagnosis.id)
        values = values_of(stored)
        lost = refused is not None and refused.code == "changed_meanwhile"
        questions = form.of(key)
        writers = select_names(session, stored, questions)
        files: dict[str, list[Attachment]] = {}
        for file in find_attachments(session, NOUN, diagnosis.id):
            if file.kind != LETTER:
                files.setdefault(file.kind, []).append(file)
        shown = dict(values) if answers is None else values | dict(answers)
        sections = shown_sections(sector, values)
        place = next(number for number, one in enumerate(sections) if one.section.key == key)
        body = render_template(
            "diagnoses/section.html",
            diagnosis=diagnosis,
            section=asked,
            sections=sections,
            place=place,
            questions=questions,
            values=shown,
            remarks={name: row.remark for name, row in stored.items()} | dict(remarks or {}),
            files=files,
            faults={name: sentence_of(one) for name, one in (faults or {}).items()},
            sentence="" if lost else sentence_of(refused),
            lost=sentence_of(refused) if lost else "",
            changes=_outdated(questions, values, shown) if lost else [],
            writes=may_answer(viewer, diagnosis),
            endings=ENDINGS,
            seen=seen_still(find_last_entry(session, NOUN, diagnosis.id), lost=lost),
            saved=_saved(session, diagnosis.id, key) if request.args.get("saved") == "1" and request.method == "GET" else "",
            writers=writers,
            **WORDS,
        )
    return make_response(body, 409 if lost or (refused and refused.code == "not_fillable") else 422 if refused or faults else 200)


def _outdated(questions: tuple[Question, ...], stored: Mapping[str, Any], mine: Mapping[str, Any]) -> list[ShownDifference]:
    """What another one saved, beside what was typed."""
    rows = ((name_of(question), answer_text(question, stored), answer_text(question, mine)) for question in questions)
    return outdated_fields(rows)


def select_names(session: Any, stored: Mapping[str, Any], questions: tuple[Question, ...]) -> dict[str, str]:
    """Question → who answered it last."""
    ids = {row.account_id for key, row in stored.items() if row.account_id is not None}
    names = {number: account.name for number in ids if (account := session.get(Account, number)) is not None}
    wanted = {question.key for question in questions}
    return {key: names.get(row.account_id, say("一位同事")) for key, row in stored.items() if key in wanted}


def _saved(session: Any, diagnosis_id: int, key: str) -> Any:
    """When this section was saved last."""
    entries = [entry for entry in find_entries_since(session, NOUN, diagnosis_id, 0) if of_section(entry, key)]
    return entries[-1].at if entries else ""
