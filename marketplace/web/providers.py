"""A provider of the pool: facts, local service, track record, solutions, cases; what it does about its own place in the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import providers as actions
from marketplace.domain.access import Viewer, may_act_for
from marketplace.domain.adjustment_proposals import reapply_from
from marketplace.domain.adjustments import LEADS_TO
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.providers import SEARCHABLE, TAKES_NEW, ProviderState, told_state
from marketplace.domain.ratings import TrackRecord
from marketplace.domain.solutions import SolutionState
from marketplace.guard import current_viewer, not_found, open_to_all, permission
from marketplace.records.adjustments import Adjustment, Effects, find_effects, find_in_effect, is_involved
from marketplace.records.cases import Case
from marketplace.records.matches import Outcome
from marketplace.records.providers import Provider, find_provider
from marketplace.records.solutions import Solution
from marketplace.site import current_site
from marketplace.web.adjustments import status_of, step_of
from marketplace.web.cards import find_cases, find_records_of
from marketplace.web.language import say
from marketplace.web.refusals import form_page
from marketplace.web.terms import today
from marketplace.web.typed import typed_day
from marketplace.web.wording import day

pages = Blueprint("providers", __name__)


@dataclass(frozen=True)
class ProviderPage:
    provider: Provider
    record: TrackRecord
    solutions: Sequence[Solution]
    finished: dict[int, int]
    cases: Sequence[Case]


@pages.get("/providers/<public_id>")
@open_to_all
def show(public_id: str) -> AnyResponse:
    """The provider to everybody while it can be found; afterwards a word to those involved, and nothing to others."""
    return provider_page(public_id)


def provider_page(public_id: str, refused: Refused | None = None) -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        provider = find_provider(session, public_id) or not_found()
        # A warning is for staff and for the provider itself.
        close = viewer.is_staff or provider.id in viewer.provider_ids
        if provider.state not in SEARCHABLE and not (close and provider.state == ProviderState.SUSPENDED):
            return out_of_sight(session, provider, viewer)
        found = read_page(session, provider)
        answer = form_page(
            "providers/show.html",
            refused=refused,
            page=found,
            provider=provider,
            record=found.record,
            told=told_state(provider.state, involved=close),
            case=_decision_of(session, provider) if close else None,
            on_a_break=provider.no_orders_until is not None and provider.no_orders_until >= today(),
            may_pause=may_act_for(viewer, provider.organisation_id, "edit") and provider.id in viewer.provider_ids,
            may_leave=may_act_for(viewer, provider.organisation_id, "submit") and provider.id in viewer.provider_ids,
            typed=request.form if refused is not None else {},
        )
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def out_of_sight(session: Session, provider: Provider, viewer: Viewer, title: str = "") -> Response:
    """已退出资源池, or suspended, to those whom it concerns; to everybody else as absent as what never was. `title`: of a solution."""
    if not is_involved(session, viewer, provider.id):
        not_found()
    case = _decision_of(session, provider) if viewer.is_staff or provider.id in viewer.provider_ids else None
    running = find_effects(session, provider.id).running if viewer.is_staff else ()
    return Response(render_template("providers/out_of_sight.html", provider=provider, case=case, running=running, title=title))


def _decision_of(session: Session, provider: Provider) -> Adjustment | None:
    """The decision that made the provider what it is now; none where it is simply in the pool, or left of its own wish."""
    case = find_in_effect(session, provider.id)
    return case if case is not None and LEADS_TO[case.kind] == provider.state != ProviderState.ADMITTED else None


@dataclass(frozen=True)
class LeavePage:
    """What happens when the provider leaves: its running work, and from when it may apply again."""

    provider: Provider
    effects: Effects
    reapply: str


@pages.get("/providers/<public_id>/leave")
@permission("manage", "provider")
def leave_form(public_id: str) -> AnyResponse:
    """What leaving means, before one leaves."""
    return _leave_page(public_id)


def _leave_page(public_id: str, refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        provider = _own(session, public_id)
        ground = "left" if provider.state in TAKES_NEW else "failing"
        reapply = day(reapply_from(today(), ground, current_site().pilot.adjustment))
        found = LeavePage(provider, find_effects(session, provider.id), reapply)
        answer = form_page("providers/leave.html", refused=refused, page=found, provider=provider, typed=request.form)
    if refused is not None:
        answer.status_code = status_of(refused)
    return answer


def _own(session: Session, public_id: str) -> Provider:
    """The provider of an address, if it is this person's own."""
    provider = find_provider(session, public_id)
    return provider if provider is not None and provider.id in current_viewer().provider_ids else not_found()


@pages.post("/providers/<public_id>/leave")
@permission("manage", "provider")
def leave(public_id: str) -> AnyResponse:
    """主动退出."""
    with current_site().database.reading() as session:
        number = _own(session, public_id).id
    try:
        if request.form.get("sure") != "yes":
            raise RefusedError(Refused("not_sure", _("请勾选“已知道退出的后果”再退出。")))
        actions.leave(current_site().database, number, step_of(), why=request.form.get("why", ""))
    except RefusedError as error:
        return _leave_page(public_id, error.refused)
    flash(say("贵单位已退出资源池。在施项目按合同继续，有关企业和能力中心已收到通知。"), "good")
    return redirect(url_for("providers.show", public_id=public_id), 303)


@pages.post("/providers/<public_id>/orders")
@permission("manage", "provider")
def pause_orders(public_id: str) -> AnyResponse:
    """暂不接新单至 …, or taking orders again."""
    text = request.form.get("until", "").strip()
    until = None if request.form.get("again") else typed_day(text)
    with current_site().database.reading() as session:
        number = _own(session, public_id).id
    try:
        if until is None and not request.form.get("again"):
            raise RefusedError(Refused("no_day", _("“{text}”不是日期。请填如 2026-12-31 的日期。"), {"text": text}))
        actions.set_no_orders_until(current_site().database, number, step_of(), until=until)
    except RefusedError as error:
        return provider_page(public_id, error.refused)
    flash(say("已记下：{day} 以前不接新单，推荐时不再列出。", day=text) if until else say("已恢复接新单。"), "good")
    return redirect(url_for("providers.show", public_id=public_id), 303)


def read_page(session: Session, provider: Provider) -> ProviderPage:
    offered = select(Solution).where(Solution.provider_id == provider.id, Solution.state == SolutionState.PUBLISHED)
    solutions = session.scalars(offered.order_by(Solution.id)).all()
    finished: dict[int, int] = {}
    ended = select(Outcome.solution_id).where(Outcome.provider_id == provider.id, Outcome.acceptance.is_not(None))
    for number in session.scalars(ended):
        finished[number] = finished.get(number, 0) + 1
    record = find_records_of(session, [provider.id])[provider.id]
    return ProviderPage(provider, record, solutions, finished, find_cases(session, provider_id=provider.id))
