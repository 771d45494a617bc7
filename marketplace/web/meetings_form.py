"""The form of a meeting: what is set of it before anybody is chosen, and changed until it is held."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import meetings as actions
from marketplace.actions.meetings_steps import MEETING
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.meetings import MeetingDraft, check, clock, read_breaks, read_clock
from marketplace.guard import permission
from marketplace.records.history import find_last_entry
from marketplace.records.meetings import Meeting
from marketplace.site import current_site
from marketplace.web.brokerings import step_of
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.language import say
from marketplace.web.meetings import number_of, readable
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_whole

pages = Blueprint("meetings_form", __name__)
FIELDS: dict[str, str] = {
    "title": _("名称"),
    "sector": _("行业"),
    "scenario_code": _("场景"),
    "venue": _("地点"),
    "day": _("会期"),
    "starts": _("开始时间"),
    "ends": _("结束时间"),
    "minutes": _("每场分钟数"),
    "gap": _("换场分钟数"),
    "tables": _("洽谈桌数"),
    "breaks": _("休息时间"),
    "answer_by": _("答复截止日"),
    "note": _("会议说明"),
}
_USUAL = {"starts": "14:00", "ends": "17:00", "minutes": "20", "gap": "5", "tables": "8", "breaks": "15:20–15:40"}


def typed_form() -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in FIELDS}


def draft_of(typed: Mapping[str, str]) -> MeetingDraft:
    pilot = current_site().pilot
    sector = pilot.find("sector", typed["sector"]) if typed["sector"] else None
    scenario = pilot.scenario(typed["scenario_code"]) if typed["scenario_code"] else None
    return MeetingDraft(
        title=typed["title"],
        sector=sector.key if sector else "",
        scenario_code=scenario.code if scenario else "",
        venue=typed["venue"],
        day=typed_day(typed["day"]),
        starts=read_clock(typed["starts"]),
        ends=read_clock(typed["ends"]),
        minutes=typed_whole(typed["minutes"]),
        gap=typed_whole(typed["gap"]),
        tables=typed_whole(typed["tables"]),
        breaks=read_breaks(typed["breaks"]),
        answer_by=typed_day(typed["answer_by"]),
        note=typed["note"],
    )


def typed_of(meeting: Meeting) -> dict[str, str]:
    """A meeting as its form shows it."""
    found = {
        name: str(getattr(meeting, name)) for name in ("title", "sector", "scenario_code", "venue", "minutes", "gap", "tables", "note")
    }
    found |= {"day": meeting.day.isoformat(), "answer_by": meeting.answer_by.isoformat()}
    found |= {"starts": clock(meeting.starts), "ends": clock(meeting.ends)}
    return found | {"breaks": "、".join(f"{clock(low)}–{clock(high)}" for low, high in meeting.breaks)}


@pages.get("/meetings/new")
@permission("run", "meeting")
def new() -> Response:
    return _form_page(dict.fromkeys(FIELDS, "") | _USUAL)


@pages.post("/meetings/new")
@permission("run", "meeting")
def create() -> AnyResponse:
    return _keep(None)


@pages.get("/meetings/<public_id>/edit")
@permission("run", "meeting")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        typed = typed_of(readable(session, public_id))
    return _form_page(typed, public_id=public_id)


@pages.post("/meetings/<public_id>/edit")
@permission("run", "meeting")
def save(public_id: str) -> AnyResponse:
    return _keep(public_id)


def _keep(public_id: str | None) -> AnyResponse:
    database, typed = current_site().database, typed_form()
    number = number_of(public_id) if public_id else None
    draft = draft_of(typed)
    faults: Faults = list(check(draft, today()))
    if not faults:
        try:
            meeting = actions.draft(database, draft, step_of()) if number is None else actions.change(database, number, draft, step_of())
            flash(say("已保存。接下来选企业、服务商和洽谈。") if number is None else say("已保存。改了时间的，请重排时间表。"), "good")
            return redirect(url_for("meetings.show", public_id=meeting.public_id), 303)
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _form_page(typed, public_id=public_id or "", lost=error.refused)
            faults = [("", error.refused)]
    return _form_page(typed, public_id=public_id or "", faults=faults)


def _form_page(typed: Mapping[str, str], *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        meeting = readable(session, public_id) if public_id else None
        stands = typed_of(meeting) if meeting else {}
        changes = [(say(label), stands[name], typed[name]) for name, label in FIELDS.items()] if meeting and lost else []
        body = render_template(
            "meetings/form.html",
            typed=typed,
            public_id=public_id,
            faults=sentences(faults or []),
            scenarios=current_site().pilot.scenarios,
            seen=seen_still(find_last_entry(session, MEETING, meeting.id) if meeting else 0, lost=lost is not None),
            lost=sentence_of(lost),
            changes=outdated_fields(changes),
        )
    return make_response(body, 409 if lost else 422 if faults else 200)
