"""Keeping the policy library: drafts and new versions, publishing, repealing."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace import attachments
from marketplace.actions import policies as actions
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.domain.policies import TOPICS, PolicyDraft, check
from marketplace.files.store import StoredBlob
from marketplace.guard import permission
from marketplace.records.history import find_last_entry
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.language import say
from marketplace.web.policies import DAYS, TEXTS, Typed, as_typed, found_version, labels, page_of, step_of, topic_word
from marketplace.web.refusals import sentence_of
from marketplace.web.typed import seen_still, typed_day

pages = Blueprint("policies_writing", __name__)
FILES = ("pdf", "docx")


@pages.get("/policies/new")
@permission("manage", "policy")
def new() -> Response:
    """A new policy, or with ?of= the next version of one."""
    return _new_form(_start(request.args.get("of", "")), request.args.get("of", ""))


def _start(of: str) -> Typed:
    if not of:
        return dict.fromkeys((*TEXTS, *DAYS), "")
    with current_site().database.reading() as session:
        return as_typed(found_version(session, of)) | {"note": ""}


@pages.post("/policies/new")
@permission("manage", "policy")
def create() -> AnyResponse:
    typed, of = _typed(), request.form.get("of", "")
    draft = _draft_of(typed)
    faults, file = _checked(draft)
    if not faults:
        with current_site().database.reading() as session:
            start = found_version(session, of) if of else None
            policy, number = (start.policy_id, start.id) if start else (None, None)
        try:
            row = actions.create(current_site().database, draft, step_of(), policy_id=policy, of=number, file=file)
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _new_form(typed, of, lost=error.refused)
            faults = [("number" if error.refused.code == "number_taken" else "", error.refused)]
        else:
            flash(say("已保存草稿，核对后发布。"), "good")
            return redirect(url_for("policies.show", public_id=row.public_id), 303)
    return _new_form(typed, of, faults=faults)


def _new_form(typed: Typed, of: str, *, faults: Faults | None = None, lost: Refused | None = None) -> Response:
    """Of a next version: `lost` says that the version from which it starts has moved meanwhile."""
    if of:
        return _form(of, typed, faults=faults, lost=lost, is_next=True)
    values = {"typed": typed, "of": "", "public_id": "", "faults": sentences(faults or []), "lost": "", "changes": [], "seen": 0}
    body = render_template("policies/form.html", topics=list(TOPICS), topic_word=topic_word, kinds=FILES, **values)
    return make_response(body, 422 if faults else 200)


@pages.get("/policies/<public_id>/edit")
@permission("manage", "policy")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        typed = as_typed(found_version(session, public_id))
    return _form(public_id, typed)


@pages.post("/policies/<public_id>/edit")
@permission("manage", "policy")
def save(public_id: str) -> AnyResponse:
    typed = _typed()
    with current_site().database.reading() as session:
        number = found_version(session, public_id).id
    draft = _draft_of(typed)
    faults, file = _checked(draft)
    if not faults:
        try:
            actions.change(current_site().database, number, draft, step_of(), file=file)
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _form(public_id, typed, lost=error.refused)
            faults = [("number" if error.refused.code == "number_taken" else "", error.refused)]
        else:
            flash(say("已保存。"), "good")
            return redirect(url_for("policies.show", public_id=public_id), 303)
    return _form(public_id, typed, faults=faults)


def _form(public_id: str, typed: Typed, *, faults: Faults | None = None, lost: Refused | None = None, is_next: bool = False) -> Response:
    """The draft itself, or (`is_next`) the version after this one."""
    with current_site().database.reading() as session:
        row = found_version(session, public_id)
        there = as_typed(row)
        changes: list[ShownDifference] = []
        if lost:
            changes = outdated_fields((label, there[name], typed[name]) for name, label in labels().items())
        last = seen_still(find_last_entry(session, actions.NOUN, row.id), lost=lost is not None)
    values = {
        "typed": typed,
        "of": public_id if is_next else "",
        "public_id": "" if is_next else public_id,
        "faults": sentences(faults or []),
        "lost": sentence_of(lost),
        "changes": changes,
    }
    body = render_template("policies/form.html", topics=list(TOPICS), topic_word=topic_word, kinds=FILES, seen=last, **values)
    return make_response(body, 409 if lost else 422 if faults else 200)


@pages.post("/policies/<public_id>/<any(publish, drop):event>")
@permission("manage", "policy")
def move(public_id: str, event: str) -> AnyResponse:
    with current_site().database.reading() as session:
        number = found_version(session, public_id).id
    try:
        (actions.publish if event == "publish" else actions.drop)(current_site().database, number, step_of())
    except RefusedError as error:
        return page_of(public_id, error.refused)
    flash(say("政策已发布，企业和服务商会收到通知。") if event == "publish" else say("草稿已删去。"), "good")
    return redirect(url_for("policies.show", public_id=public_id) if event == "publish" else url_for("policies.index"), 303)


@pages.post("/policies/<public_id>/repeal")
@permission("manage", "policy")
def repeal(public_id: str) -> AnyResponse:
    key = request.form.get("successor", "")
    with current_site().database.reading() as session:
        number = found_version(session, public_id).id
        successor = found_version(session, key).policy_id if key else None
    try:
        actions.repeal(current_site().database, number, step_of(), why=request.form.get("why", ""), successor_id=successor)
    except RefusedError as error:
        return page_of(public_id, error.refused, form="repeal")
    flash(say("政策已废止，页面仍可查看。"), "good")
    return redirect(url_for("policies.show", public_id=public_id), 303)


def _typed() -> Typed:
    return {name: request.form.get(name, "").strip() for name in (*TEXTS, *DAYS)}


def _draft_of(typed: Typed) -> PolicyDraft:
    days: dict[str, date | None] = {name: typed_day(typed[name]) for name in DAYS}
    return PolicyDraft(**{name: typed[name] for name in TEXTS}, **days)  # type: ignore[arg-type]


def _checked(draft: PolicyDraft) -> tuple[Faults, StoredBlob | None]:
    """What is wrong, and the file, which is taken in only once the rest is right."""
    faults = list(check(draft))
    file = None if faults else attachments.received("file", allowed=FILES)
    return ([("file", file)], None) if isinstance(file, Refused) else (faults, file)
