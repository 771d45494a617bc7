"""应答: a provider answers an open demand with one of its solutions, and changes its answer until the last day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import open_answers as actions
from marketplace.actions.open_demand_steps import ANSWER, DEMAND, VERSION
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.open_answers import OpenAnswerDraft, check
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.open_demands import OpenAnswer, OpenDemand, OpenDemandCriterion, find_demand_criteria, find_open_answer
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.brokerings_shown import KIND_WORDS, MEETS_WORDS, word_in
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.diagnosis_lists import typed_wan, wan
from marketplace.web.introductions import received_files
from marketplace.web.language import say
from marketplace.web.open_demands import found, own_provider, status_of
from marketplace.web.open_demands_shown import shown, step_of
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import days
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_whole

pages = Blueprint("open_answers", __name__)
ADDRESSES[ANSWER] = lambda ref: url_for("open_demands.show", public_id=ref)
Typed = dict[str, Any]
LINES = ("solution", "text", "price_low_wan", "price_high_wan", "weeks", "valid_until")


@pages.get("/open-demands/<public_id>/answer")
@permission("answer", DEMAND)
def edit(public_id: str) -> AnyResponse:
    own = own_provider()
    days()
    with current_site().database.reading() as session:
        demand = found(session, public_id)
        answer = find_open_answer(session, demand.id, [own])
        return _page(session, demand, own, _typed_of(answer))


@pages.post("/open-demands/<public_id>/answer")
@permission("answer", DEMAND)
def save(public_id: str) -> AnyResponse:
    own, typed = own_provider(), _typed_now()
    days()
    site = current_site()
    with site.database.reading() as session:
        demand = found(session, public_id)
        number, until = demand.id, demand.answers_until
        draft, faults = _draft_of(session, own, typed)
        criteria = find_demand_criteria(session, number)
        draft.criteria = {row.id: (typed["meets"].get(row.id, ""), typed["said"].get(row.id, "")) for row in criteria}
        faults += check(draft, {row.id: row.text for row in criteria}, until)
        if faults:
            return _page(session, demand, own, typed, faults=faults)
    try:
        keeps = request.form.get("keep_files", "1") == "1"
        actions.put(site.database, number, own, draft, step_of(), files=received_files(), keeps_files=keeps)
    except RefusedError as error:
        with site.database.reading() as session:
            demand = found(session, public_id)
            lost = error.refused.code == "changed_meanwhile"
            if lost:
                return _page(session, demand, own, typed, lost=error.refused)
            return _page(session, demand, own, typed, faults=[("", error.refused)], status=status_of(error.refused))
    flash(say("已应答。截止前可以修改或撤回，其他服务商看不到。"), "good")
    return redirect(url_for("open_demands.show", public_id=public_id, _anchor="answer"), 303)


def _typed_now() -> Typed:
    form = request.form
    typed: Typed = {name: form.get(name, "") for name in LINES}
    for key, prefix in (("meets", "meets_"), ("said", "text_")):
        named = {name.removeprefix(prefix): value for name, value in form.items() if name.startswith(prefix)}
        typed[key] = {int(name): value for name, value in named.items() if name.isascii() and name.isdigit() and len(name) < 16}
    return typed


def _typed_of(answer: OpenAnswer | None) -> Typed:
    typed: Typed = dict.fromkeys(LINES, "") | {"meets": {}, "said": {}}
    if answer is None:
        return typed
    latest = answer.latest
    typed |= {
        "solution": latest.solution.public_id,
        "text": latest.text,
        "weeks": str(latest.weeks),
        "valid_until": str(latest.valid_until),
    }
    typed |= {"price_low_wan": wan(latest.price_low_fen), "price_high_wan": wan(latest.price_high_fen)}
    typed["meets"] = {row["criterion"]: row["meets"] for row in latest.criteria}
    typed["said"] = {row["criterion"]: row["text"] for row in latest.criteria}
    return typed


def _draft_of(session: Session, own: int, typed: Typed) -> tuple[OpenAnswerDraft, Faults]:
    faults: Faults = []
    low, high = (typed_wan(typed[f"price_{end}_wan"].strip(), "price_wan", faults) for end in ("low", "high"))
    # One figure is both ends.
    low, high = (low if low is not None else high), (high if high is not None else low)
    query = select(Solution.id).where(Solution.public_id == typed["solution"], Solution.provider_id == own)
    draft = OpenAnswerDraft(session.scalar(query), typed["text"].strip(), low, high, typed_whole(typed["weeks"]))
    draft.valid_until = typed_day(typed["valid_until"])
    return draft, [] if not faults else faults[:1]


def _page(
    session: Session,
    demand: OpenDemand,
    own: int,
    typed: Typed,
    *,
    faults: Faults | None = None,
    lost: Refused | None = None,
    status: int = 422,
) -> Response:
    answer = find_open_answer(session, demand.id, [own])
    criteria = find_demand_criteria(session, demand.id)
    row = shown(demand, current_viewer())
    if answer is None and row.state != "published" and not faults and not lost:
        not_found()
    offered = select(Solution).where(Solution.provider_id == own, Solution.state == SolutionState.PUBLISHED).order_by(Solution.title)
    body = render_template(
        "open_demands/answer.html",
        row=row,
        one=demand,
        answer=answer,
        typed=typed,
        criteria=criteria,
        solutions=session.scalars(offered).all(),
        files=find_attachments(session, VERSION, answer.latest.id) if answer is not None else [],
        faults=sentences(faults or []),
        seen=seen_still(find_last_entry(session, ANSWER, answer.id) if answer is not None else 0, lost=lost is not None),
        lost=sentence_of(lost),
        changes=_outdated(_typed_of(answer), typed, criteria) if answer is not None and lost else [],
        meets=MEETS_WORDS,
        kinds=KIND_WORDS,
        word_in=word_in,
    )
    return make_response(body, 409 if lost else status if faults else 200)


def _outdated(stands: Mapping[str, Any], typed: Mapping[str, Any], criteria: Sequence[OpenDemandCriterion]) -> list[ShownDifference]:
    labels = {
        "text": say("应答说明"),
        "price_low_wan": say("报价下限（万元）"),
        "price_high_wan": say("报价上限（万元）"),
        "weeks": say("工期（周）"),
        "valid_until": say("报价有效期"),
    }
    rows = [(label, str(stands[name]), str(typed[name])) for name, label in labels.items()]
    for one in criteria:
        before, now = (f"{word_in(MEETS_WORDS, side['meets'].get(one.id, ''))} {side['said'].get(one.id, '')}" for side in (stands, typed))
        rows.append((one.text, before.strip(), now.strip()))
    return outdated_fields(rows)
