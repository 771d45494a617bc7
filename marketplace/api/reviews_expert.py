"""An expert's own reviews. Nothing of an application shows before its reader has said whether anything ties him or her to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from marketplace.actions import reviews_scores as actions
from marketplace.api.application_sections import Answer
from marketplace.api.attached import FileOut, file_outs
from marketplace.api.days import here_now
from marketplace.api.operation import SENTENCES, Done, Model, Versioned, operation, refuse, refuse_field
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.reviews import JointOut, ScoreTable, joint_out, score_table
from marketplace.api.writing import read_number, read_version
from marketplace.domain.application_answers import raw_of
from marketplace.domain.application_sections import SECTIONS
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import _
from marketplace.domain.reviews import HAS_SCORED, MAY_READ, AssignmentState, ScoreSheet, check_draft, check_sheet
from marketplace.faults import Problem, said
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import LETTER, find_attachments
from marketplace.records.reviews import ReviewAssignment, find_own_assignment, own_assignments
from marketplace.site import current_site

# Who can be called is for the manager, who calls; an expert judges the application and nobody's telephone.
NOT_FOR_EXPERTS = frozenset({"contact", "phone", "email", "id_tail", "named_contact"})


class AssignmentLine(Model):
    """A review of mine. `number` of the application: empty before the declaration; `running`: it can be scored now."""

    id: str
    applicant: str
    number: str
    state: AssignmentState
    due: date
    running: bool


class ReadSection(Model):
    """A section as experts read it: without who can be called."""

    key: str
    title: str
    fields: dict[str, Answer]
    rows: list[dict[str, Answer]]


class SheetIn(Model):
    """Scores of 0–100 and remarks by criterion; yes or no and remarks by question; an opinion."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scores": {"standing": 82, "cases": 76, "products": 80, "team": 74, "local": 58, "discount": 60},
                    "remarks": {"local": "本地没有场地，承诺投入两人"},
                    "answers": {"consistent": "yes", "cases_proved": "yes", "local_feasible": "yes", "no_bad_record": "yes"},
                    "opinion": "材料齐全，案例可核实，同意入库。",
                }
            ]
        }
    )
    scores: dict[str, int | None] = Field(default_factory=dict, max_length=50)
    remarks: dict[str, str] = Field(default_factory=dict, max_length=50)
    answers: dict[str, str] = Field(default_factory=dict, max_length=50)
    answer_remarks: dict[str, str] = Field(default_factory=dict, max_length=50)
    opinion: str = ""


class SheetOut(Model):
    scores: dict[str, int | None]
    remarks: dict[str, str]
    answers: dict[str, str]
    answer_remarks: dict[str, str]
    opinion: str


class AssignmentOut(Versioned, AssignmentLine):
    """One of my reviews. Sections and files are empty before the declaration; others' scores and the joint opinion open after mine."""

    sections: list[ReadSection]
    files: list[FileOut]
    sheet: SheetOut
    total: float | None
    table: ScoreTable | None
    joint: JointOut | None


class AssignmentList(Model):
    items: list[AssignmentLine]
    next: str | None


class DeclarationIn(Model):
    """Whether anything ties me to the applicant."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"clear": True}, {"clear": False, "why": "近三年有合作"}]})
    clear: bool
    why: str = Field("", max_length=500)
    """Needed where I step back."""


class ConfirmationIn(Model):
    """My word on the joint opinion as I read it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"revision": 1, "agree": True}]})
    revision: int = Field(ge=0, le=1_000_000)
    agree: bool
    why: str = Field("", max_length=4_000)
    """Needed where I do not agree."""


@permission("score", "review")
@operation("/assignments", summary="The viewer's own reviews", tag="reviews", query=ListQuery, answer=AssignmentList)
def list_assignments(query: ListQuery) -> AssignmentList:
    rows = own_assignments(current_viewer())
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, ReviewAssignment, query)
        return AssignmentList(items=[AssignmentLine(**_line(row)) for row in part], next=following)


def _line(row: ReviewAssignment) -> dict[str, Any]:
    application = row.review.application
    return {
        "id": row.public_id,
        "applicant": application.organisation.name,
        "number": application.number if row.state in MAY_READ else "",
        "state": row.state,
        "due": row.due,
        "running": application.state == ApplicationState.UNDER_REVIEW,
    }


@permission("score", "review")
@operation("/assignments/<id>", summary="One of the viewer's own reviews", tag="reviews", answer=AssignmentOut)
def read_assignment(id: str) -> AssignmentOut:
    with current_site().database.reading() as session:
        row = find_own_assignment(session, id, current_viewer()) or not_found()
        opened, parts = row.state in HAS_SCORED, row.review.assignments
        names = [said(_("您"), {}) if one.id == row.id else said(_("专家 {number}"), {"number": place}) for place, one in _counted(parts)]
        table = score_table(parts, names) if opened else None
        return AssignmentOut(
            **_line(row),
            version=str(row.version),
            sections=_sections(row) if row.state in MAY_READ else [],
            files=_files(session, row) if row.state in MAY_READ else [],
            sheet=SheetOut(**{name: getattr(row, name) for name in SheetOut.model_fields}),
            total=row.total if opened else None,
            table=table,
            joint=joint_out(row.review) if table else None,
        )


def _counted(parts: list[ReviewAssignment]) -> list[tuple[int, ReviewAssignment]]:
    """Those who have scored, numbered: experts see each other by number only."""
    return list(enumerate((one for one in parts if one.state in HAS_SCORED), 1))


def _sections(row: ReviewAssignment) -> list[ReadSection]:
    found = []
    for section in SECTIONS:
        fields, rows = raw_of(row.review.application.answers, section.key)
        found.append(
            ReadSection(key=section.key, title=said(section.title, {}), fields=_judged(fields), rows=[_judged(one) for one in rows])
        )
    return found


def _judged(answers: dict[str, Any]) -> dict[str, Any]:
    return {name: answer for name, answer in answers.items() if name not in NOT_FOR_EXPERTS}


def _files(session: Session, row: ReviewAssignment) -> list[FileOut]:
    """Letters are the applicant's own."""
    return file_outs(one for one in find_attachments(session, "application", row.review.application_id) if one.kind != LETTER)


# ---- written by the expert


def _acted(id: str, act: Callable[[int, dict[str, Any]], object]) -> Done:
    database = current_site().database
    with database.reading() as session:
        number = (find_own_assignment(session, id, current_viewer()) or not_found()).id
    act(number, {"rules": current_site().pilot.review, "viewer": current_viewer(), "at": here_now()})
    with database.reading() as session:
        row = session.get_one(ReviewAssignment, number)
        return Done(id=row.public_id, state=row.state, version=str(row.version))


@permission("score", "review", scope="write")
@operation(
    "/assignments/<id>/declaration",
    method="POST",
    summary="Declare that nothing ties the viewer to the applicant, or step back",
    tag="reviews",
    body=DeclarationIn,
    answer=Done,
    writes=True,
)
def declare_interest(id: str, body: DeclarationIn) -> Done:
    database = current_site().database
    if body.clear:
        return _acted(id, lambda number, by: actions.declare_clear(database, number, **by))
    if not body.why.strip():
        refuse_field("body.why", "required", _("回避理由没有填。"))
    return _acted(id, lambda number, by: actions.recuse(database, number, why=body.why, **by))


def _sheet(body: SheetIn, *, whole: bool) -> ScoreSheet:
    """The sheet that was sent, or 422 with everything that is wrong with it."""
    rules = current_site().pilot.review
    criteria, questions = {one.key for one in rules.criteria}, {one.key for one in rules.checklist}
    known = {"scores": criteria, "remarks": criteria, "answers": questions, "answer_remarks": questions}
    problems = [
        Problem(f"body.{place}.{name}", "extra_forbidden", SENTENCES["extra_forbidden"])
        for place, keys in known.items()
        for name in sorted(set(getattr(body, place)) - keys)
    ]
    sheet = ScoreSheet(**{name: getattr(body, name) for name in SheetIn.model_fields})
    check = check_sheet if whole else check_draft
    problems += [Problem(_place(field), one.code, one.message, one.values) for field, one in check(rules, sheet)]
    return refuse(problems) if problems else sheet


def _version() -> int:
    number = read_number(read_version())
    return -1 if number is None else number


_PLACES = {"score": "scores", "remark": "remarks", "check_remark": "answer_remarks", "check": "answers"}


def _place(field: str) -> str:
    """score_team → body.scores.team."""
    head = next((head for head in ("check_remark", "check", "score", "remark") if field.startswith(f"{head}_")), "")
    return f"body.{_PLACES[head]}.{field.removeprefix(f'{head}_')}" if head else f"body.{field}"


@permission("score", "review", scope="write")
@operation(
    "/assignments/<id>/scores",
    method="PUT",
    summary="Keep a draft of the viewer's scores",
    tag="reviews",
    body=SheetIn,
    answer=Done,
    writes=True,
    match="must",
)
def save_scores(id: str, body: SheetIn) -> Done:
    sheet, database = _sheet(body, whole=False), current_site().database
    return _acted(id, lambda number, by: actions.save_sheet(database, number, sheet, version=_version(), **by))


@permission("score", "review", scope="write")
@operation(
    "/assignments/<id>/scores",
    method="POST",
    summary="Hand the viewer's scores in; they are not changed afterwards",
    tag="reviews",
    body=SheetIn,
    answer=Done,
    writes=True,
    match="must",
)
def hand_in_scores(id: str, body: SheetIn) -> Done:
    sheet, database = _sheet(body, whole=True), current_site().database
    return _acted(id, lambda number, by: actions.hand_in_sheet(database, number, sheet, version=_version(), **by))


@permission("score", "review", scope="write")
@operation(
    "/assignments/<id>/joint",
    method="POST",
    summary="Confirm the joint opinion, or say why not",
    tag="reviews",
    body=ConfirmationIn,
    answer=Done,
    writes=True,
)
def answer_joint_opinion(id: str, body: ConfirmationIn) -> Done:
    database = current_site().database
    if body.agree:
        return _acted(id, lambda number, by: actions.confirm_joint(database, number, revision=body.revision, **by))
    if not body.why.strip():
        refuse_field("body.why", "required", _("不同意的理由没有填。"))
    return _acted(id, lambda number, by: actions.dissent(database, number, why=body.why, revision=body.revision, **by))
