"""绩效评价: the rounds, one round with its lines, its steps, and year against year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import performance as actions
from marketplace.actions.performance_steps import ITEM, NOUN, move
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.performance import NEEDS_REASON, OVER, TABLE, RoundKind, RoundState
from marketplace.domain.performance_rules import Subject
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import Attachment
from marketplace.records.performance import PerformanceItem, PerformanceRound, find_compared, find_same, readable_rounds
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.performance_shown import WORDS, Line, content_of, found_round, read_round, step_of
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import days, today
from marketplace.web.typed import seen_still, typed_day

pages = Blueprint("performance", __name__)
ADDRESSES[NOUN] = lambda ref: url_for("performance.show", public_id=ref)
EVENTS = frozenset(row.event for row in TABLE)
MOVED = frozenset({"wrong_state", "changed_meanwhile", "not_filling", "same_person", "not_own", "not_allowed"})
_SAID = {
    "start": _("已开始填报，填报的人会收到待办。"),
    "hand_in": _("已提交，等另一人审核。"),
    "take_back": _("已撤回，可以继续填写。"),
    "send_back": _("已退回，填报的人会收到您的意见。"),
    "issue": _("已印发。报告的 Word 和 PDF 正在生成，稍后在本页下载。"),
    "cancel": _("已取消。"),
}


def _of_round(session: Session, viewer: Viewer, file: Attachment) -> bool:
    return session.scalar(select(PerformanceRound.id).where(PerformanceRound.id == file.noun_id, readable_rounds(viewer))) is not None


def _of_item(session: Session, viewer: Viewer, file: Attachment) -> bool:
    query = select(PerformanceItem.id).join(PerformanceItem.round).where(PerformanceItem.id == file.noun_id, readable_rounds(viewer))
    return session.scalar(query) is not None


READERS[NOUN], READERS[ITEM] = _of_round, _of_item


@dataclass(frozen=True)
class RoundList:
    rows: Sequence[PerformanceRound]
    paging: Paging
    subject: str


@pages.get("/performance")
@permission("read", "performance")
def index() -> str:
    days()
    with current_site().database.reading() as session:
        return render_template("performance/index.html", found=read_list(session), waits=_waits(session), subjects=tuple(Subject), **WORDS)


def read_list(session: Session) -> RoundList:
    """What is under way first, then the newest; the frozen copies are not read for it."""
    own, subject = readable_rounds(current_viewer()), request.args.get("subject", "")
    if subject in tuple(Subject):
        own = own & (PerformanceRound.subject == Subject(subject))
    total = session.scalar(select(func.count()).select_from(PerformanceRound).where(own)) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "performance.index", subject=subject)
    query = select(PerformanceRound).where(own).options(defer(PerformanceRound.content))
    query = query.order_by(PerformanceRound.state.in_(OVER), PerformanceRound.year.desc(), PerformanceRound.id.desc())
    return RoundList(session.scalars(query.limit(paging.size).offset(paging.offset)).all(), paging, subject)


def _waits(session: Session) -> int | None:
    """The year whose self-evaluation of the pilot is to be opened now, if nobody has."""
    pilot, day = current_site().pilot, today()
    if day.month < pilot.performance.month or not pilot.performance.first_year <= day.year <= pilot.city.implementation_end.year:
        return None
    return None if find_same(session, RoundKind.ANNUAL, day.year, Subject.PILOT, "") else day.year


@pages.get("/performance/<public_id>")
@permission("read", "performance")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, typed: Mapping[str, str] | None = None, event: str = "") -> Response:
    """`typed`: what was typed into the form of `event`, and is shown again."""
    days()
    lost = refused is not None and refused.code == "changed_meanwhile"
    kept = typed or {}
    with current_site().database.reading() as session:
        page = read_round(session, found_round(session, public_id))
        stored = page.round.summary
        body = render_template(
            "performance/show.html",
            page=page,
            round=page.round,
            sentence=sentence_of(refused),
            changes=outdated_fields([(say("自评说明"), stored, kept["summary"])]) if lost and "summary" in kept else [],
            seen=seen_still(page.seen, lost=lost),
            typed=kept,
            event=event,
            needs_reason=NEEDS_REASON,
            today=today(),
            **WORDS,
        )
    return make_response(body, 200 if refused is None else 409 if refused.code in MOVED else 422)


@pages.post("/performance/<public_id>/<event>")
@permission("fill", "performance")
def step(public_id: str, event: str) -> AnyResponse:
    if event not in EVENTS:
        not_found()
    why = request.form.get("why", "")
    number = _number(public_id)
    try:
        move(current_site().database, number, event, step_of(), why=why)
    except RefusedError as error:
        return _page(public_id, error.refused, {"why": why}, event)
    flash(say(_SAID[event]), "good")
    return redirect(url_for("performance.show", public_id=public_id), 303)


@pages.post("/performance/<public_id>/figures")
@permission("fill", "performance")
def fill(public_id: str) -> AnyResponse:
    """Take all figures that the platform has, as of a day."""
    text, number = request.form.get("day", ""), _number(public_id)
    day = typed_day(text)
    try:
        if day is None:
            raise RefusedError(Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": _("数据截至")}))
        actions.fill(current_site().database, number, day, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused, {"day": text}, "fill")
    flash(say("已从平台取数。手工填写的没有动，平台的数写在旁边。"), "good")
    return redirect(url_for("performance.show", public_id=public_id), 303)


@pages.post("/performance/<public_id>/summary")
@permission("fill", "performance")
def summarise(public_id: str) -> AnyResponse:
    text, number = request.form.get("summary", ""), _number(public_id)
    try:
        actions.summarise(current_site().database, number, text, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused, {"summary": text}, "summary")
    flash(say("已保存。"), "good")
    return redirect(url_for("performance.show", public_id=public_id, _anchor="summary"), 303)


def _number(public_id: str) -> int:
    with current_site().database.reading() as session:
        return found_round(session, public_id).id


@dataclass(frozen=True)
class Row:
    """One indicator through the rounds; None where a round does not have it. `line`: the newest one, for its name."""

    line: Line
    cells: Sequence[Line | None]


@pages.get("/performance/compare")
@permission("read", "performance")
def compare() -> str:
    """Year against year, of one subject."""
    subject, area = request.args.get("subject", ""), request.args.get("area", "")
    chosen = Subject(subject) if subject in tuple(Subject) else Subject.PILOT
    with current_site().database.reading() as session:
        choices = _subjects(session)
        if (chosen, area) not in choices and choices:
            chosen, area = choices[0]
        rounds = find_compared(session, chosen, area, current_viewer())
        contents = [content_of(session, one) for one in rounds]
        return render_template(
            "performance/compare.html",
            rounds=rounds,
            contents=contents,
            rows=_rows(contents),
            choices=choices,
            chosen=(chosen, area),
            **WORDS,
        )


def _subjects(session: Session) -> list[tuple[Subject, str]]:
    """Who has been evaluated, as far as the viewer reads it."""
    query = select(PerformanceRound.subject, PerformanceRound.area).where(
        readable_rounds(current_viewer()), PerformanceRound.state != RoundState.CANCELLED
    )
    order = list(Subject)
    return sorted({(row[0], row[1]) for row in session.execute(query.distinct())}, key=lambda one: (order.index(one[0]), one[1]))


def _rows(contents: Sequence[Mapping[str, Any]]) -> list[Row]:
    found: dict[tuple[str, str], list[Line | None]] = {}
    for place, content in enumerate(contents):
        for line in content["lines"]:
            cells = found.setdefault((line["indicator"], line["sector"]), [None] * len(contents))
            cells[place] = line
    return [Row(next(cell for cell in reversed(cells) if cell), cells) for cells in found.values()]
