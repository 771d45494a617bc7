"""The questionnaire of a diagnosis, section by section: its questions with what was answered, and answers written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from marketplace.actions.diagnosis_answers import save_answers
from marketplace.api.attached import FileOut, file_outs
from marketplace.api.days import here_now
from marketplace.api.diagnoses import NOUN, version_of
from marketplace.api.operation import SENTENCES, Model, Versioned, operation, refuse, refuse_faults
from marketplace.api.writing import read_number, read_version
from marketplace.domain.access import may_read_plan
from marketplace.domain.questionnaires import Kind, Question, check
from marketplace.faults import Problem
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.diagnoses import Diagnosis, DiagnosisAnswer, find_answers, find_diagnosis, values_of
from marketplace.records.files import LETTER, find_attachments
from marketplace.site import current_site

_MOST = 10**15
Whole = Annotated[int, Field(ge=-_MOST, le=_MOST)]
Figure = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=5_000)]
Remark = Annotated[str, Field(max_length=1_000)]


class PairValue(Model):
    """What is there now, and what is aimed at."""

    present: Whole | Figure | None = None
    target: Whole | Figure | None = None


# multi: keys of options · single: one key · level: 0–4 · number · pair · text. Null: no answer.
Value = Whole | Figure | Text | Annotated[list[Text], Field(max_length=100)] | PairValue | None


class OptionOut(Model):
    key: str
    name: str
    name_en: str


class AskedOut(Model):
    """A question with its answer. `kind` share has none of its own: it follows from two numbers."""

    key: str
    kind: str
    name: str
    name_en: str
    unit: str
    required: bool
    options: list[OptionOut]
    levels: list[str]
    value: Value
    remark: str
    files: list[FileOut]


class DiagnosisSectionOut(Versioned):
    """A section of the questionnaire. `sections`: the keys of all of them, in their order."""

    key: str
    name: str
    name_en: str
    sections: list[str]
    questions: list[AskedOut]


class AnswersIn(Model):
    """Answers and remarks of one section by question; what is not named stays, null takes an answer back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"answers": {}, "remarks": {}}]})
    answers: dict[Annotated[str, Field(max_length=32)], Value] = Field({}, max_length=100)
    remarks: dict[Annotated[str, Field(max_length=32)], Remark] = Field({}, max_length=100)


@permission("read", "diagnosis")
@operation(
    "/diagnoses/<id>/sections/<key>",
    summary="A section of the questionnaire with its answers, for the enterprise and the centre",
    tag="diagnoses",
    answer=DiagnosisSectionOut,
)
def read_diagnosis_section(id: str, key: str) -> DiagnosisSectionOut:
    with current_site().database.reading() as session:
        return _out(session, _readable(session, id), key)


def _readable(session: Session, id: str) -> Diagnosis:
    """Answers are for the enterprise and the centre; to others they do not exist."""
    viewer = current_viewer()
    row = find_diagnosis(session, id, viewer)
    return row if row is not None and may_read_plan(viewer, row.enterprise_id) else not_found()


def _out(session: Session, row: Diagnosis, key: str) -> DiagnosisSectionOut:
    form = current_site().pilot.questionnaire
    section = form.section(key, row.enterprise.sector) or not_found()
    answers, files = find_answers(session, row.id), find_attachments(session, NOUN, row.id)
    return DiagnosisSectionOut(
        version=version_of(session, row.id),
        key=section.key,
        name=section.name,
        name_en=section.en,
        sections=[one.key for one in form.sections_for(row.enterprise.sector)],
        questions=[
            _asked(one, answers.get(one.key), file_outs(file for file in files if file.kind == one.key and file.kind != LETTER))
            for one in form.of(section.key)
        ],
    )


def _asked(question: Question, answer: DiagnosisAnswer | None, files: list[FileOut]) -> AskedOut:
    return AskedOut(
        **{name: getattr(question, name) for name in ("key", "kind", "name", "unit", "required")},
        name_en=question.en,
        options=[OptionOut(key=one.key, name=one.name, name_en=one.en) for one in question.options],
        levels=list(question.levels),
        value=answer.value if answer else None,
        remark=answer.remark if answer else "",
        files=files,
    )


@permission("answer", "diagnosis", scope="write")
@operation(
    "/diagnoses/<id>/sections/<key>",
    method="PUT",
    summary="Answer questions of one section, until the diagnosis is drafted",
    tag="diagnoses",
    body=AnswersIn,
    answer=DiagnosisSectionOut,
    writes=True,
    match="may",
)
def save_diagnosis_section(id: str, key: str, body: AnswersIn) -> DiagnosisSectionOut:
    site, viewer, form = current_site(), current_viewer(), current_site().pilot.questionnaire
    with site.database.reading() as session:
        row = _readable(session, id)
        if form.section(key, row.enterprise.sector) is None:
            not_found()
        number, stored = row.id, values_of(find_answers(session, row.id))
    answers = {
        name: value.model_dump(exclude_unset=True) if isinstance(value, PairValue) else value for name, value in body.answers.items()
    }
    _refuse_strange(form.of(key), answers, body.remarks)
    together = {name: value for name, value in {**stored, **answers}.items() if value is not None}
    refuse_faults((f"answers.{name}", refused) for name, refused in check(form, together) if name in answers)
    save_answers(
        site.database, number, key, answers, body.remarks, questionnaire=form, viewer=viewer, at=here_now(),
        seen=read_number(read_version()),
    )  # fmt: skip
    with site.database.reading() as session:
        return _out(session, session.get_one(Diagnosis, number), key)


def _refuse_strange(questions: tuple[Question, ...], answers: Mapping[str, Any], remarks: Mapping[str, str]) -> None:
    """Answers to what this section does not ask."""
    known = {one.key for one in questions}
    answerable = {one.key for one in questions if one.kind != Kind.SHARE}
    strange = [f"body.answers.{name}" for name in answers if name not in answerable]
    strange += [f"body.remarks.{name}" for name in remarks if name not in known]
    if strange:
        refuse(Problem(place, "extra_forbidden", SENTENCES["extra_forbidden"]) for place in strange)
