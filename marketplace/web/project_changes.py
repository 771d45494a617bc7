"""Changes of a project: what was asked for and what became of it, and the forms of enterprise, area and bureau."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import project_changes as actions
from marketplace.actions.project_steps import PROJECT, roles_on_project
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.project_changes import CHANGEABLE, KIND_WORDS, OPINION_WORDS, ChangeDraft, ChangeKind, ChangeState
from marketplace.domain.projects import SupplierRole
from marketplace.domain.texts import as_written
from marketplace.guard import not_found, permission
from marketplace.records.history import find_last_entry
from marketplace.records.organisations import Organisation
from marketplace.records.project_changes import ProjectChange, find_change, find_changes
from marketplace.records.project_plans import find_indicators
from marketplace.records.projects import Project, find_suppliers
from marketplace.records.providers import Provider
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.language import say
from marketplace.web.project_typed import known_providers
from marketplace.web.refusals import form_page
from marketplace.web.terms import days
from marketplace.web.typed import seen_still, typed_day
from marketplace.web.typed_numbers import typed_fen, typed_number
from marketplace.web.watching import WORDS, number_of, status_of, step_of, watched, why
from marketplace.web.wording import amount, day, sep

pages = Blueprint("changes", __name__)
ADDRESSES[actions.CHANGE] = lambda ref: url_for("changes.of_project", public_id=ref)
_SAID = {
    "request": _("变更申请已提交。"),
    "opine": _("意见已提交，等区工信局审批。"),
    "approve": _("变更已批准并生效，企业会收到通知。"),
    "refuse": _("变更未批准，企业会收到通知。"),
    "withdraw": _("变更申请已撤回。"),
}
_GONE = frozenset({"change_waiting", "too_many_extensions", "supplier_gone", "indicator_gone"})


@pages.get("/projects/<public_id>/changes")
@permission("read", "project")
def of_project(public_id: str) -> Response:
    return changes_page(public_id)


def changes_page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    """After a refusal with what was typed into `form`."""
    days()
    with current_site().database.reading() as session:
        project = watched(session, public_id)
        answer = form_page(
            "project_changes/show.html", refused=refused, one=project, form=form, **_read(session, project, refused), **WORDS
        )
    if refused is not None:
        answer.status_code = 409 if refused.code in _GONE else status_of(refused)
    return answer


def _read(session: Session, project: Project, refused: Refused | None) -> dict[str, Any]:
    step = step_of()
    held = roles_on_project(step.viewer, project)
    rows = find_changes(session, project.id)
    lost = refused is not None and refused.code == "changed_meanwhile"
    indicators, suppliers = find_indicators(session, project.id), find_suppliers(session, project.id)
    mine = Role.ENTERPRISE in held
    kind = request.form.get("kind", "") if refused is not None else request.args.get("kind", "")
    return {
        "rows": rows, "lines": {row.id: _lines(session, row) for row in rows}, "mine": mine,
        "may_ask": mine and project.state in CHANGEABLE, "kind": kind if kind in tuple(ChangeKind) else "",
        "may_opine": bool({Role.AREA, Role.ADMIN} & held), "may_decide": bool({Role.BUREAU, Role.ADMIN} & held),
        "indicators": indicators, "suppliers": suppliers, "known": known_providers(session, project) if mine else [],
        "kinds": KIND_WORDS, "opinions": OPINION_WORDS, "states": ChangeState, "roles": tuple(SupplierRole), "rules": step.rules,
        "seen": {row.id: seen_still(find_last_entry(session, actions.CHANGE, row.id), lost=lost) for row in rows},
        "seen_project": seen_still(find_last_entry(session, PROJECT, project.id), lost=lost),
        "typed": request.form if refused is not None else {},
    }  # fmt: skip


def _lines(session: Session, row: ProjectChange) -> list[str]:
    """From what to what, in words."""
    before, after = row.before, row.values
    if row.kind == ChangeKind.SCOPE:
        return [str(after["content"])]
    if row.kind == ChangeKind.TERM:
        was, wanted = (day(date.fromisoformat(text)) if text else "–" for text in (before.get("ends"), after.get("ends")))
        return [say("从 {before} 到 {after}", before=was, after=wanted)]
    if row.kind == ChangeKind.INVESTMENT:
        return [say("从 {before} 到 {after}", before=amount(before.get("total_fen") or 0), after=amount(after["total_fen"]))]
    if row.kind == ChangeKind.INDICATORS:
        names = {one.public_id: one.name for one in find_indicators(session, row.project_id)}
        return [
            names.get(key, "")
            + sep("：")
            + say("从 {before} 到 {after}", before=as_written(before.get("targets", {}).get(key, 0)), after=as_written(wanted))
            for key, wanted in after["targets"].items()
            if wanted != before.get("targets", {}).get(key)
        ]
    return _supplier_lines(session, row)


def _supplier_lines(session: Session, row: ProjectChange) -> list[str]:
    left = next(
        (one for one in find_suppliers(session, row.project_id, ended=True) if one.public_id == row.values.get("ends_supplier")), None
    )
    found = [say("退出：{name}", name=left.provider.organisation.name)] if left is not None else []
    provider = session.get(Provider, row.values["provider_id"]) if row.values.get("provider_id") else None
    if provider is not None:
        found.append(say("加入：{name}", name=provider.organisation.name) + sep("；") + str(row.values.get("part", "")))
    return found


def _done(public_id: str, form: str, said: str, act: Callable[[int], object]) -> AnyResponse:
    number = number_of(public_id)
    try:
        act(number)
    except RefusedError as error:
        return changes_page(public_id, error.refused, form)
    flash(say(_SAID[said]), "good")
    return redirect(url_for("changes.of_project", public_id=public_id), 303)


def _draft(project_id: int) -> ChangeDraft:
    """The fields of the kind that was chosen; indicators whose field is empty stay as they are."""
    form = request.form
    with current_site().database.reading() as session:
        named = select(Provider.id).join(Organisation).where(Organisation.name == form.get("provider", "").strip())
        provider = session.scalars(named.order_by(Provider.id)).first() if form.get("provider", "").strip() else None
        targets = {
            row.public_id: typed_number(text)
            for row in find_indicators(session, project_id)
            if (text := form.get(f"target_{row.public_id}", ""))
        }
    share = typed_number(form.get("share", "") or "100")
    return ChangeDraft(
        kind=form.get("kind", ""),
        reason=form.get("reason", ""),
        content=form.get("content", ""),
        ends=typed_day(form.get("ends", "")),
        total_fen=typed_fen(form.get("total", "")),
        targets=targets,
        ends_supplier=form.get("ends_supplier", ""),
        # A name that is nobody's is refused as one that was not found.
        provider_id=provider if provider is not None or not form.get("provider", "").strip() else 0,
        role=form.get("role", ""),
        part=form.get("part", ""),
        contract_number=form.get("contract_number", ""),
        contract_fen=typed_fen(form.get("contract", "")),
        signed=typed_day(form.get("signed", "")),
        share=None if share is None else share / 100,
    )


@pages.post("/projects/<public_id>/changes")
@permission("write", "project")
def ask(public_id: str) -> AnyResponse:
    """The enterprise asks for a change."""

    def act(number: int) -> object:
        return actions.request(current_site().database, number, _draft(number), step_of())

    return _done(public_id, "request", "request", act)


def _on(public_id: str, change_id: str, event: str, act: Callable[[int, int], object]) -> AnyResponse:
    with current_site().database.reading() as session:
        change = (find_change(session, change_id, watched(session, public_id).id) or not_found()).id
    return _done(public_id, f"{event}-{change_id}", event, lambda number: act(number, change))


@pages.post("/projects/<public_id>/changes/<change_id>/opine")
@permission("first_review", "project")
def opine(public_id: str, change_id: str) -> AnyResponse:
    """The park or street says what it thinks of it."""
    opinion, text, step = request.form.get("opinion", ""), request.form.get("text", ""), step_of()

    def act(number: int, change: int) -> object:
        return actions.opine(current_site().database, number, change, opinion, text, step)

    return _on(public_id, change_id, "opine", act)


@pages.post("/projects/<public_id>/changes/<change_id>/<any(approve, refuse):event>")
@permission("select", "project")
def decide(public_id: str, change_id: str, event: str) -> AnyResponse:
    """The bureau approves or refuses."""
    return _on(
        public_id, change_id, event, lambda number, change: actions.decide(current_site().database, number, change, event, why(), step_of())
    )  # fmt: skip


@pages.post("/projects/<public_id>/changes/<change_id>/withdraw")
@permission("write", "project")
def withdraw(public_id: str, change_id: str) -> AnyResponse:
    return _on(
        public_id, change_id, "withdraw", lambda number, change: actions.withdraw(current_site().database, number, change, step_of())
    )  # fmt: skip
