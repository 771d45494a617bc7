"""One line of an evaluation: its definition, what the platform says, what is typed and why it falls short, and the files that prove it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import performance as actions
from marketplace.actions.performance_steps import ITEM
from marketplace.attachments import ALLOWED, received
from marketplace.domain.access import may
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.performance import FILLABLE, RoundState, check_entry, may_fill
from marketplace.domain.performance_words import typed_text
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import find_attachment, find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.performance import PerformanceItem, find_item
from marketplace.site import current_site
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.language import say
from marketplace.web.performance_shown import WORDS, content_of, step_of, typed_value
from marketplace.web.refusals import sentence_of
from marketplace.web.typed import seen_still

pages = Blueprint("performance_items", __name__)
MOVED = frozenset({"changed_meanwhile", "not_filling", "target_fixed", "not_allowed"})
_FORM = ("value", "explanation", "source", "target")


def _found(session: Session, public_id: str) -> PerformanceItem:
    return find_item(session, public_id, current_viewer()) or not_found()


def _number(public_id: str) -> tuple[int, str]:
    """Its id and unit."""
    with current_site().database.reading() as session:
        item = _found(session, public_id)
        return item.id, item.unit


@pages.get("/performance/lines/<public_id>")
@permission("read", "performance")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(
    public_id: str, refused: Refused | None = None, typed: Mapping[str, str] | None = None, faults: Mapping[str, str] | None = None
) -> Response:
    viewer, lost = current_viewer(), refused is not None and refused.code == "changed_meanwhile"
    with current_site().database.reading() as session:
        item = _found(session, public_id)
        line = next(one for one in content_of(session, item.round)["lines"] if one["id"] == public_id)
        there = _typed_of(item)
        fills = item.round.state in FILLABLE and may_fill(viewer, item.round.subject, item.round.area)
        body = render_template(
            "performance/line.html",
            line=line,
            item=item,
            round=item.round,
            files=find_attachments(session, ITEM, item.id),
            typed={**there, **(typed or {})},
            fills=fills,
            sets=item.round.state == RoundState.DRAFTED and may(viewer, "manage", "performance"),
            sentence=sentence_of(refused),
            faults=faults or {},
            changes=outdated_fields(_labelled(there, typed)) if lost and typed else [],
            seen=seen_still(find_last_entry(session, ITEM, item.id), lost=lost),
            allowed=ALLOWED,
            **WORDS,
        )
    status = 200 if refused is None and not faults else 409 if refused is not None and refused.code in MOVED else 422
    return make_response(body, status)


def _typed_of(item: PerformanceItem) -> dict[str, str]:
    """A stored line as its forms show it."""
    return {
        "value": typed_text(item.value, item.unit) if item.by_hand else "",
        "source": "hand" if item.by_hand else "platform",
        "explanation": item.explanation,
        "target": typed_text(item.target, item.unit),
    }


def _labelled(there: Mapping[str, str], typed: Mapping[str, str]) -> list[tuple[str, str, str]]:
    labels = {"value": say("数值"), "explanation": say("原因和措施"), "target": say("目标值")}
    return [(labels[name], there[name], typed[name]) for name in labels if name in typed]


@pages.post("/performance/lines/<public_id>")
@permission("fill", "performance")
def save(public_id: str) -> AnyResponse:
    """A figure, a reason, or both."""
    number, unit = _number(public_id)
    typed = {name: request.form.get(name, "").strip() for name in ("value", "explanation", "source")}
    by_hand = typed["source"] == "hand"
    value = typed_value(typed["value"], unit) if by_hand else None
    faults = {field: sentence_of(found) for field, found in check_entry(value, typed["explanation"], unit)}
    if by_hand and typed["value"] and value is None:
        faults["value"] = say("数值没有看懂，请只写数，百分数带百分号，如 80 %。")
    if faults:
        return _page(public_id, None, typed, faults)
    try:
        item = actions.enter(current_site().database, number, actions.Entry(value, typed["explanation"], by_hand), step_of())
    except RefusedError as error:
        return _page(public_id, error.refused, typed)
    flash(say("已保存。"), "good")
    with current_site().database.reading() as session:
        back = session.get_one(PerformanceItem, item.id).round.public_id
    return redirect(url_for("performance.show", public_id=back, _anchor=f"l-{public_id}"), 303)


@pages.post("/performance/lines/<public_id>/target")
@permission("manage", "performance")
def set_target(public_id: str) -> AnyResponse:
    number, unit = _number(public_id)
    text = request.form.get("target", "").strip()
    try:
        actions.set_target(current_site().database, number, typed_value(text, unit), step_of())
    except RefusedError as error:
        return _page(public_id, error.refused, {"target": text})
    flash(say("已保存。"), "good")
    return redirect(url_for("performance_items.show", public_id=public_id), 303)


@pages.post("/performance/lines/<public_id>/files")
@permission("fill", "performance")
def add_file(public_id: str) -> AnyResponse:
    number, _unit = _number(public_id)
    try:
        stored = received("file")
        if stored is None:
            raise RefusedError(Refused("no_file_chosen", _("还没有选文件。")))
        if isinstance(stored, Refused):
            raise RefusedError(stored)
        actions.prove(current_site().database, [number], stored, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("佐证已上传。"), "good")
    return redirect(url_for("performance_items.show", public_id=public_id, _anchor="files"), 303)


@pages.post("/performance/lines/<public_id>/files/<file_id>/take-away")
@permission("fill", "performance")
def take_away(public_id: str, file_id: str) -> AnyResponse:
    number, _unit = _number(public_id)
    with current_site().database.reading() as session:
        found = find_attachment(session, file_id)
        if found is None or (found.noun, found.noun_id) != (ITEM, number):
            not_found()
        file = found.id
    try:
        actions.take_away(current_site().database, number, file, step_of())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("已去掉。文件仍保存在历史里。"), "good")
    return redirect(url_for("performance_items.show", public_id=public_id, _anchor="files"), 303)
