"""资金计划: drawn up from what is set aside, with the minutes of the meeting, issued by a second person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from werkzeug.wrappers import Response

from marketplace.actions import funding_plans as actions
from marketplace.domain.funding_plans import MOST_LINES, TABLE, LineDraft, PlanDraft, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import exact_text
from marketplace.guard import not_found, permission
from marketplace.records.funding_plans import FundingLine, FundingPlan, find_plan
from marketplace.records.history import find_last_entry
from marketplace.records.projects import Project
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.funds_papers import status_of, taken, typed
from marketplace.web.funds_shown import PLAIN, here_step, names_of, sentences, source_word, steps_of
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import sentence_of
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_fen

pages = Blueprint("funding_plans", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("funding_plans.show", public_id=ref)
SIZE = 50
_FIELDS = ("title", "minutes", "held")


@dataclass(frozen=True)
class FormLine:
    """A row of the form: `key` names project, source and year; the amounts are as typed. `taken`: the box is ticked."""

    key: str
    project: Project
    source: str
    year: int
    first: str
    rest: str
    taken: bool


@pages.get("/funds/plans")
@permission("read", "fund")
def index() -> str:
    with current_site().database.reading() as session:
        paging = paged(session.scalar(select(func.count()).select_from(FundingPlan)) or 0, SIZE, "funding_plans.index")
        lines = selectinload(FundingPlan.lines).lazyload(FundingLine.project)
        query = select(FundingPlan).options(lines).order_by(FundingPlan.id.desc())
        rows = session.scalars(query.limit(SIZE).offset(paging.offset)).all()
        waiting = actions.open_lines(session, here_step())
        return render_template("funding_plans/index.html", rows=rows, paging=paging, unplanned=len({line.project_id for line in waiting}))


@pages.get("/funds/plans/new")
@permission("plan", "fund")
def new() -> Response:
    return _form(dict.fromkeys(_FIELDS, ""))


@pages.post("/funds/plans/new")
@permission("plan", "fund")
def create() -> Response:
    return _keep("")


@pages.get("/funds/plans/<public_id>/edit")
@permission("plan", "fund")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        return _form(_typed_of(find_plan(session, public_id) or not_found()), public_id=public_id)


@pages.post("/funds/plans/<public_id>/edit")
@permission("plan", "fund")
def save(public_id: str) -> Response:
    return _keep(public_id)


def _typed_of(plan: FundingPlan) -> dict[str, str]:
    return {"title": plan.title, "minutes": plan.minutes, "held": plan.held.isoformat() if plan.held else ""}


def _line_of(key: str) -> tuple[int, str, int] | None:
    parts = key.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 12 for part in (parts[0], parts[2])):
        return None
    return int(parts[0]), parts[1], int(parts[2])


def _drafts() -> tuple[list[LineDraft], list[tuple[str, Refused]]]:
    """The ticked lines of the request; an amount that cannot be read is a fault of its line."""
    lines: list[LineDraft] = []
    faults: list[tuple[str, Refused]] = []
    for key in request.form.getlist("line")[: MOST_LINES + 1]:
        found = _line_of(key)
        if found is None:
            continue
        first, rest = (typed_fen(request.form.get(f"{name}:{key}", "") or "0") for name in ("first", "rest"))
        if first is None or rest is None:
            faults.append(("lines", Refused("no_amount", _("金额没有填，或者不是数。"))))
        lines.append(LineDraft(found[0], found[1], found[2], first or 0, rest or 0))
    return lines, faults


def _keep(public_id: str) -> Response:
    site, values, step = current_site(), typed(*_FIELDS), here_step()
    lines, faults = _drafts()
    draft = PlanDraft(values["title"], values["minutes"], typed_day(values["held"]), lines)
    with site.database.reading() as session:
        number = (find_plan(session, public_id) or not_found()).id if public_id else None
    faults = faults or list(check(draft, today=step.today))
    if not faults:
        try:
            plan = (
                actions.create_plan(site.database, draft, step) if number is None else actions.edit_plan(site.database, number, draft, step)
            )
            return redirect(url_for("funding_plans.show", public_id=plan.public_id), 303)
        except RefusedError as error:
            if public_id and error.refused.code in ("changed_meanwhile", "plan_stands"):
                return _form(values, public_id=public_id, lost=error.refused, lines=lines)
            faults = [("lines", error.refused)]
    return _form(values, public_id=public_id, faults=sentences(faults), lines=lines)


def _form(
    values: dict[str, str], *, public_id: str = "", faults: Mapping[str, str] | None = None, lost: Refused | None = None,
    lines: Sequence[LineDraft] | None = None,
) -> Response:  # fmt: skip
    with current_site().database.reading() as session:
        plan = (find_plan(session, public_id) or not_found()) if public_id else None
        last = find_last_entry(session, actions.NOUN, plan.id) if plan else 0
        body = render_template(
            "funding_plans/form.html",
            typed=values,
            public_id=public_id,
            faults=faults or {},
            lines=_form_lines(session, plan, lines),
            seen=seen_still(last, lost=lost is not None),
            lost=sentence_of(lost),
            changes=_outdated(plan, values, lines or ()) if plan and lost else [],
        )
    return make_response(body, 409 if lost else 422 if faults else 200)


def _form_lines(session: Session, plan: FundingPlan | None, sent: Sequence[LineDraft] | None) -> list[FormLine]:
    """What was typed, else what the plan holds, and beside it whatever else waits for a plan."""
    held = [LineDraft(row.project_id, row.source, row.year, row.first_fen, row.rest_fen) for row in plan.lines] if plan else []
    chosen = list(sent) if sent is not None else held
    offered = actions.open_lines(session, here_step())
    taken_keys = {(line.project_id, line.source, line.year) for line in chosen}
    rest = [line for line in (*offered, *held) if (line.project_id, line.source, line.year) not in taken_keys]
    ticked = plan is None and sent is None
    rows = [(line, True) for line in chosen] + [(line, ticked) for line in dict.fromkeys(rest)]
    known = {row.id: row for row in session.scalars(select(Project).where(Project.id.in_([line.project_id for line, _tick in rows])))}
    return [
        FormLine(
            f"{line.project_id}:{line.source}:{line.year}", known[line.project_id], line.source, line.year,
            exact_text(line.first_fen), exact_text(line.rest_fen), tick,
        )
        for line, tick in rows
        if line.project_id in known
    ]  # fmt: skip


def _outdated(plan: FundingPlan, values: Mapping[str, str], lines: Sequence[LineDraft]) -> list[ShownDifference]:
    stored = _typed_of(plan)
    words = (say("标题"), say("会议纪要文号"), say("会议日期"))
    rows = [(word, stored[name], values[name]) for name, word in zip(_FIELDS, words, strict=True)]
    sums = exact_text(sum(row.fen for row in plan.lines)), exact_text(sum(line.fen for line in lines))
    return outdated_fields([*rows, (say("合计（万元）"), *sums)])


@pages.get("/funds/plans/<public_id>")
@permission("read", "fund")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, event: str = "") -> Response:
    with current_site().database.reading() as session:
        plan = find_plan(session, public_id) or not_found()
        sums: dict[str, int] = {}
        for line in plan.lines:
            sums[line.source] = sums.get(line.source, 0) + line.fen
        body = render_template(
            "funding_plans/show.html",
            plan=plan,
            sums=[(source_word(source), fen) for source, fen in sums.items()],
            total=sum(sums.values()),
            names=names_of(session, (plan.created_by, plan.proposed_by, plan.second_person)),
            steps=steps_of(TABLE, plan.state),
            plain=PLAIN,
            sentence=sentence_of(refused),
            event=event,
            typed=typed("why"),
        )
    return make_response(body, status_of(refused))


@pages.post("/funds/plans/<public_id>/<event>")
@permission("plan", "fund")
def move(public_id: str, event: str) -> Response:
    site, why = current_site(), request.form.get("why", "")
    with site.database.reading() as session:
        number = (find_plan(session, public_id) or not_found()).id
    if event not in {row.event for row in TABLE}:
        not_found()
    return taken(
        lambda: actions.move_plan(site.database, number, event, here_step(), why=why),
        lambda refused: _page(public_id, refused, event),
        url_for("funding_plans.show", public_id=public_id),
    )
