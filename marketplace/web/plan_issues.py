"""Plans as they were issued: issuing one, reading it, and the enterprise's answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import plans as actions
from marketplace.actions.roles import roles_on
from marketplace.domain.access import may_read_plan
from marketplace.domain.lifecycle import Refused, RefusedError, allowed_events
from marketplace.domain.plans import ASPECTS, STEPS, TABLE, IssueDraft, check_issue
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.files import find_attachments
from marketplace.records.plans import IssuedPlan, find_plan, find_plans, last_version
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import sentences
from marketplace.web.language import say
from marketplace.web.plan_content import content_of, reason_of
from marketplace.web.plan_sheet import read_sheet
from marketplace.web.plans import readable_enterprise
from marketplace.web.reasons import sentence as told_sentence
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen, typed_day

pages = Blueprint("plan_issues", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("plan_issues.show", public_id=ref)
# As a rule one asks after two weeks how it goes.
USUAL_FOLLOW_UP_DAYS = 14


@pages.get("/enterprises/<public_id>/plan/issue")
@permission("make", "plan")
def new(public_id: str) -> str:
    day = today() + timedelta(days=USUAL_FOLLOW_UP_DAYS)
    return _issue_page(public_id, {"note": "", "follow_up": day.isoformat()})


@pages.post("/enterprises/<public_id>/plan/issue")
@permission("make", "plan")
def issue(public_id: str) -> Response | tuple[str, int]:
    site, at = current_site(), here_now()
    typed = {"note": request.form.get("note", "").replace("\0", "").strip(), "follow_up": request.form.get("follow_up", "").strip()}
    draft = IssueDraft(note=typed["note"], follow_up=typed_day(request.form.get("follow_up", "")))
    with site.database.reading() as session:
        enterprise = readable_enterprise(session, public_id)
        sheet = read_sheet(session, enterprise)
        number, content, model = enterprise.id, content_of(sheet, enterprise, at), sheet.plan.model
    if faults := list(check_issue(draft, today=today(), needs=len(sheet.needs))):
        return _issue_page(public_id, typed, faults=sentences(faults)), 422
    try:
        plan = actions.issue(
            site.database, number, draft, content, model=model, viewer=current_viewer(), at=at, today=today(), seen_version=seen()
        )
    except RefusedError as error:
        return _issue_page(public_id, typed, refused=error.refused), 409 if error.refused.code == "changed_meanwhile" else 422
    flash(say("已出具第 {version} 版，企业会收到通知；Word 和 PDF 稍后在这里下载。", version=plan.version), "good")
    return redirect(url_for("plan_issues.show", public_id=plan.public_id), 303)


def _issue_page(
    public_id: str, typed: Mapping[str, str], *, faults: Mapping[str, str] | None = None, refused: Refused | None = None
) -> str:
    with current_site().database.reading() as session:
        enterprise = readable_enterprise(session, public_id)
        return render_template(
            "plans/issue.html",
            enterprise=enterprise,
            sheet=read_sheet(session, enterprise),
            typed=typed,
            faults=faults or {},
            sentence=sentence_of(refused),
            version=last_version(session, enterprise.id),
            steps=STEPS,
        )


@pages.get("/plans/<public_id>")
@permission("read", "plan")
def show(public_id: str) -> str:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, why: str = "") -> str:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        plan = _readable(session, public_id)
        roles = roles_on(viewer, enterprise_id=plan.enterprise_id)
        return render_template(
            "plans/issued.html",
            plan=plan,
            enterprise=plan.enterprise,
            versions=find_plans(session, plan.enterprise_id),
            files=find_attachments(session, actions.NOUN, plan.id),
            events=[step for step in allowed_events(TABLE, plan.state, roles) if step.event != "supersede"],
            aspects=ASPECTS,
            steps=STEPS,
            sentence=sentence_of(refused),
            kept_sentence=lambda kept: told_sentence(reason_of(kept)),
            why=why,
        )


@pages.post("/plans/<public_id>/confirm")
@permission("answer", "plan")
def confirm(public_id: str) -> Response | tuple[str, int]:
    return _answered(public_id, "confirm", say("已确认，能力中心会收到通知。"))


@pages.post("/plans/<public_id>/return")
@permission("answer", "plan")
def send_back(public_id: str) -> Response | tuple[str, int]:
    return _answered(public_id, "return", say("已退回，能力中心会按您写的调整后再出一版。"))


def _answered(public_id: str, event: str, said: str) -> Response | tuple[str, int]:
    site, viewer, why = current_site(), current_viewer(), request.form.get("why", "").replace("\0", "").strip()
    with site.database.reading() as session:
        number = _readable(session, public_id).id
    try:
        if event == "confirm":
            actions.confirm(site.database, number, viewer=viewer, at=here_now())
        else:
            actions.send_back(site.database, number, why, viewer=viewer, at=here_now())
    except RefusedError as error:
        return _page(public_id, error.refused, why), 422
    flash(said, "good")
    return redirect(url_for("plan_issues.show", public_id=public_id), 303)


@pages.post("/plans/<public_id>/follow-up")
@permission("make", "plan")
def follow(public_id: str) -> Response | tuple[str, int]:
    site = current_site()
    day = typed_day(request.form.get("follow_up", ""))
    with site.database.reading() as session:
        number = _readable(session, public_id).id
    try:
        if day is None:
            raise RefusedError(Refused("required", say("下次跟进日期没有填，请写成 2026-12-10。")))
        actions.follow(site.database, number, day, viewer=current_viewer(), at=here_now(), today=today())
    except RefusedError as error:
        return _page(public_id, error.refused), 422
    flash(say("下次跟进改到 {day}。", day=day.isoformat()), "good")
    return redirect(url_for("plan_issues.show", public_id=public_id), 303)


def _readable(session: Session, public_id: str) -> IssuedPlan:
    plan = find_plan(session, public_id)
    # A foreign plan and a missing one get the same answer.
    if plan is None or not may_read_plan(current_viewer(), plan.enterprise_id):
        not_found()
    return plan
