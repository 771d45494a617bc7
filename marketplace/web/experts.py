"""The pool of review experts, for those who organise reviews."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions.experts import NOUN, change_expert, enter_expert, move_expert
from marketplace.domain.experts import TABLE, ExpertDraft, check
from marketplace.domain.lifecycle import Refused, RefusedError, _, allowed_events
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.experts import ReviewExpert, count_experts, find_expert, find_experts
from marketplace.records.history import find_last_entry
from marketplace.records.reviews import count_open_reviews
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.language import say
from marketplace.web.paging import paged
from marketplace.web.refusals import form_page
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, seen_still, typed_day

pages = Blueprint("experts", __name__)
ADDRESSES["review_expert"] = lambda ref: url_for("experts.edit", public_id=ref)
_SEPARATORS = str.maketrans({"；": "\n", ";": "\n", "\r": "\n"})


@pages.get("/review-experts")
@permission("organise", "review")
def index() -> str:
    """The pool."""
    site, text = current_site(), request.args.get("q", "").strip()[:100]
    field = request.args.get("field", "") if request.args.get("field", "") in fields() else ""
    with site.database.reading() as session:
        paging = paged(
            count_experts(session, text=text, field=field), site.pilot.thresholds.page_size, "experts.index", q=text, field=field
        )
        rows = find_experts(session, text=text, field=field, offset=paging.offset, most=paging.size)
        busy = count_open_reviews(session)
        events = {row.public_id: allowed_events(TABLE, row.state, current_viewer().roles) for row in rows}
        return render_template(
            "experts/index.html", rows=rows, paging=paging, busy=busy, events=events, fields=fields(), text=text, field=field
        )


def fields() -> dict[str, str]:
    """Sectors and business links: key → which kind of word it is."""
    pilot = current_site().pilot
    return {term.key: "sector" for term in pilot.sectors} | {term.key: "stage" for term in pilot.stages}


@pages.get("/review-experts/new")
@permission("organise", "review")
def new() -> AnyResponse:
    """The form of a new expert."""
    return form_page("experts/form.html", draft=ExpertDraft(), expert=None, fields=fields())


@pages.post("/review-experts")
@permission("organise", "review")
def enter() -> AnyResponse:
    """Enter a new expert."""
    draft, bad_days = typed_expert()
    errors = [*bad_days, *check(draft)]
    if errors:
        return form_page("experts/form.html", errors=errors, draft=draft, expert=None, fields=fields())
    try:
        enter_expert(current_site().database, draft, viewer=current_viewer(), at=here_now())
    except RefusedError as error:
        return form_page("experts/form.html", refused=error.refused, draft=draft, expert=None, fields=fields())
    flash(say("已加入评审专家库：{name}。", name=draft.name), "good")
    return redirect(url_for("experts.index"), 303)


@pages.get("/review-experts/<public_id>")
@permission("organise", "review")
def edit(public_id: str) -> AnyResponse:
    """What is entered of an expert."""
    with current_site().database.reading() as session:
        expert = find_expert(session, public_id) or not_found()
        return _form(session, expert, draft_of(expert))


@pages.post("/review-experts/<public_id>")
@permission("organise", "review")
def change(public_id: str) -> AnyResponse:
    """Change what is entered of an expert."""
    draft, bad_days = typed_expert()
    with current_site().database.reading() as session:
        expert = find_expert(session, public_id) or not_found()
        errors = [*bad_days, *check(draft)]
        if errors:
            return _form(session, expert, draft, errors=errors)
        try:
            change_expert(current_site().database, expert.id, draft, viewer=current_viewer(), at=here_now(), seen=seen())
        except RefusedError as error:
            return _form(session, expert, draft, refused=error.refused)
    flash(say("已修改：{name}。", name=draft.name), "good")
    return redirect(url_for("experts.index"), 303)


def _form(
    session: Session,
    expert: ReviewExpert,
    draft: ExpertDraft,
    *,
    errors: list[tuple[str, Refused]] | None = None,
    refused: Refused | None = None,
) -> Response:
    lost = refused is not None and refused.code == "changed_meanwhile"
    last = seen_still(find_last_entry(session, NOUN, expert.id), lost=lost)
    answer = form_page("experts/form.html", refused=refused, errors=errors or [], draft=draft, expert=expert, fields=fields(), seen=last)
    if lost:
        answer.status_code = 409
    return answer


@pages.post("/review-experts/<public_id>/<event>")
@permission("organise", "review")
def move(public_id: str, event: str) -> AnyResponse:
    """暂停抽取 or 恢复抽取."""
    with current_site().database.reading() as session:
        number = (find_expert(session, public_id) or not_found()).id
    if event not in {row.event for row in TABLE}:
        not_found()
    move_expert(current_site().database, number, event, viewer=current_viewer(), at=here_now())
    return redirect(url_for("experts.index"), 303)


def typed_expert() -> tuple[ExpertDraft, list[tuple[str, Refused]]]:
    """The draft as it was typed, and what is no day."""
    form, bad = request.form, []
    days = {}
    for name in ("away_from", "away_until"):
        text = form.get(name, "").strip()
        days[name] = typed_day(text)
        if text and days[name] is None:
            bad.append((name, Refused("not_a_day", _("日期写成 2026-11-25 这样，现在是“{value}”。"), {"value": text[:40]})))
    draft = ExpertDraft(
        name=form.get("name", "").strip(),
        title=form.get("title", "").strip(),
        unit=form.get("unit", "").strip(),
        unit_code="".join(form.get("unit_code", "").split()).upper(),
        login=form.get("login", "").strip(),
        fields=[key for key in form.getlist("fields") if key in fields()],
        avoid=[word.strip() for word in form.get("avoid", "").translate(_SEPARATORS).splitlines() if word.strip()],
        away_from=days["away_from"],
        away_until=days["away_until"],
        note=form.get("note", "").strip(),
    )
    return draft, bad


def draft_of(expert: ReviewExpert) -> ExpertDraft:
    return ExpertDraft(
        name=expert.name,
        title=expert.title,
        unit=expert.unit,
        unit_code=expert.unit_code,
        login=expert.account.login if expert.account is not None else "",
        fields=list(expert.fields),
        avoid=list(expert.avoid),
        away_from=expert.away_from,
        away_until=expert.away_until,
        note=expert.note,
    )
