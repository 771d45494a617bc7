"""My reviews, for experts. Nothing of an application shows before its reader has said whether anything ties him or her to the applicant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import reviews_scores as actions
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer, may
from marketplace.domain.applications import ApplicationState
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.reviews import HAS_SCORED, MAY_READ, AssignmentState, ScoreSheet, check_draft, check_sheet
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import LETTER, Attachment
from marketplace.records.reviews import (
    ReviewAssignment,
    count_own_assignments,
    find_own_assignment,
    find_own_assignments,
    may_read_as_expert,
)
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.applications_shown import ShownSection
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.reviews import typed_scores
from marketplace.web.reviews_desk import ScoreTable, score_table, status_of, word_of
from marketplace.web.reviews_shown import sections_for_experts
from marketplace.web.terms import days, here_now, left_words

pages = Blueprint("reviews_expert", __name__)
ADDRESSES["review_assignment"] = lambda ref: url_for("reviews_expert.show", public_id=ref)


@dataclass(frozen=True)
class Part:
    """One review as its expert sees it. `sections` is empty and `table` None until they may be seen."""

    row: ReviewAssignment
    applicant: str
    running: bool
    sections: Sequence[ShownSection]
    table: ScoreTable | None
    sheet: ScoreSheet

    @property
    def number(self) -> str:
        return self.row.review.application.number if self.row.state in MAY_READ else ""


@pages.get("/reviews/mine")
@permission("score", "review")
def mine() -> str:
    """What I review, what is to be done first."""
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        viewer = current_viewer()
        paging = paged(count_own_assignments(session, viewer), current_site().pilot.thresholds.page_size, "reviews_expert.mine")
        rows = find_own_assignments(session, viewer, offset=paging.offset, most=paging.size)
        parts = [_shown(session, row, whole=False) for row in rows]
        return render_template("reviews/mine.html", rows=parts, paging=paging, left=left_words)


def _shown(session: Session, row: ReviewAssignment, *, whole: bool) -> Part:
    application = row.review.application
    running = application.state == ApplicationState.UNDER_REVIEW
    may_read = whole and row.state in MAY_READ
    # Others' scores open to those who have given their own.
    opened = may_read and row.state in HAS_SCORED
    return Part(
        row,
        application.organisation.name,
        running,
        sections_for_experts(session, application) if may_read else [],
        score_table(row.review.assignments, named=False, own=row.id) if opened else None,
        ScoreSheet(dict(row.scores), dict(row.remarks), dict(row.answers), dict(row.answer_remarks), row.opinion),
    )


@pages.get("/reviews/mine/<public_id>")
@permission("score", "review")
def show(public_id: str) -> AnyResponse:
    """One of my reviews."""
    return _page(public_id)


def _page(
    public_id: str, refused: Refused | None = None, errors: Sequence[tuple[str, Refused]] = (), sheet: ScoreSheet | None = None
) -> Response:
    days()  # before the session: a page holds one connection at a time
    with current_site().database.reading() as session:
        row = find_own_assignment(session, public_id, current_viewer()) or not_found()
        part = _shown(session, row, whole=True)
        answer = form_page(
            "reviews/part.html",
            refused=refused,
            errors=errors,
            part=part,
            sheet=sheet or part.sheet,
            states=AssignmentState,
            rules=current_site().pilot.review,
            typed=request.form if refused is not None else {},
            word_of=word_of,
        )
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _acted(public_id: str, said: str, act: Callable[[int], object], sheet: ScoreSheet | None = None) -> AnyResponse:
    with current_site().database.reading() as session:
        row = find_own_assignment(session, public_id, current_viewer()) or not_found()
        number = row.id
    try:
        act(number)
    except RefusedError as error:
        return _page(public_id, error.refused, sheet=sheet)
    flash(said, "good")
    return redirect(url_for("reviews_expert.show", public_id=public_id), 303)


@pages.post("/reviews/mine/<public_id>/declaration")
@permission("score", "review")
def declare(public_id: str) -> AnyResponse:
    """声明有无利害关系: without an answer nothing opens."""
    site, viewer, why = current_site(), current_viewer(), request.form.get("why", "")
    answer = request.form.get("answer", "")
    rules = site.pilot.review
    if answer == "clear":
        said = say("声明已记录，现在可以看材料和评分。")
        return _acted(
            public_id, said, lambda number: actions.declare_clear(site.database, number, rules=rules, viewer=viewer, at=here_now())
        )
    if answer == "recuse":
        said = say("已回避，管理方会另抽专家。")
        return _acted(
            public_id, said, lambda number: actions.recuse(site.database, number, why=why, rules=rules, viewer=viewer, at=here_now())
        )
    return _page(public_id, errors=[("answer", Refused("required", _NO_ANSWER))])


_NO_ANSWER = _("请先选有没有利害关系。")


@pages.post("/reviews/mine/<public_id>/scores")
@permission("score", "review")
def score(public_id: str) -> AnyResponse:
    """保存草稿 or 提交评分."""
    site, viewer, form = current_site(), current_viewer(), request.form
    rules, sheet = site.pilot.review, typed_sheet()
    version = form.get("version", "")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1
    hands_in = form.get("act") == "hand_in"
    errors = list(check_sheet(rules, sheet) if hands_in else check_draft(rules, sheet))
    if errors:
        return _page(public_id, errors=errors, sheet=sheet)
    act = actions.hand_in_sheet if hands_in else actions.save_sheet
    said = say("评分已提交，不能再改。等其他专家评完后一起看。") if hands_in else say("草稿已保存。")
    return _acted(
        public_id, said, lambda part: act(site.database, part, sheet, rules=rules, viewer=viewer, at=here_now(), version=number), sheet
    )


def typed_sheet() -> ScoreSheet:
    """The sheet as it was typed, cut to what can be meant."""
    rules, form = current_site().pilot.review, request.form
    return ScoreSheet(
        scores=typed_scores([criterion.key for criterion in rules.criteria]),
        remarks={criterion.key: form.get(f"remark_{criterion.key}", "") for criterion in rules.criteria},
        answers={check.key: form.get(f"check_{check.key}", "") for check in rules.checklist},
        answer_remarks={check.key: form.get(f"check_remark_{check.key}", "") for check in rules.checklist},
        opinion=form.get("opinion", ""),
    )


@pages.post("/reviews/mine/<public_id>/joint")
@permission("score", "review")
def confirm(public_id: str) -> AnyResponse:
    """确认联合意见, or say why not."""
    site, viewer, form = current_site(), current_viewer(), request.form
    rules, text = site.pilot.review, form.get("revision", "")
    revision = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if form.get("act") == "dissent":
        why, said = form.get("why", ""), say("您的意见已转给管理方，改写后再请您确认。")
        return _acted(
            public_id,
            said,
            lambda part: actions.dissent(site.database, part, why=why, revision=revision, rules=rules, viewer=viewer, at=here_now()),
        )
    said = say("已确认联合意见。")
    return _acted(
        public_id,
        said,
        lambda part: actions.confirm_joint(site.database, part, revision=revision, rules=rules, viewer=viewer, at=here_now()),
    )


def _may_read_file(session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    """Beside the applicant and staff those who review it, after their declaration; letters are the applicant's own."""
    if attachment.organisation_id in viewer.organisation_ids or (viewer.is_staff and may(viewer, "read", attachment.noun)):
        return True
    return attachment.kind != LETTER and may_read_as_expert(session, attachment.noun_id, viewer)


READERS["application"] = _may_read_file
