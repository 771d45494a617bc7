"""A provider's licences and certificates: when they expire, their files, their renewal and the yearly re-check."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from marketplace.actions import certificates as actions
from marketplace.attachments import received
from marketplace.domain.access import may, may_act_for
from marketplace.domain.certificates import KINDS, CertificateDraft, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.store import StoredBlob
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.certificates import find_certificate, find_certificates
from marketplace.records.files import Attachment
from marketplace.records.tasks import Task
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.ratings_shown import rated_provider
from marketplace.web.refusals import form_page
from marketplace.web.terms import today
from marketplace.web.typed import typed_day

pages = Blueprint("certificates", __name__)
_TYPED = ("kind", "name", "number", "issued", "expires", "replaces")


@pages.get("/certificates/<public_id>")
@permission("read", "rating")
def show(public_id: str) -> Response:
    """A provider's certificates, the first to expire first."""
    typed = dict.fromkeys(_TYPED, "")
    with current_site().database.reading() as session:
        provider = rated_provider(session, public_id, current_viewer())
        asked = request.args.get("replaces", "")
        old = find_certificate(session, asked) if asked else None
        if old is not None and old.provider_id == provider.id:
            typed |= {"kind": old.kind, "name": old.name, "number": old.number, "replaces": asked}
    return _page(public_id, typed)


def _page(
    public_id: str, typed: dict[str, str], *, refused: Refused | None = None, errors: list[tuple[str, Refused]] | None = None
) -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        provider = rated_provider(session, public_id, current_viewer())
        rows = find_certificates(session, provider.id)
        attached = select(Attachment).where(Attachment.noun == actions.NOUN, Attachment.noun_id.in_([row.id for row in rows]))
        files: dict[int, list[Attachment]] = {}
        for one in session.scalars(attached.where(Attachment.superseded_at.is_(None)).order_by(Attachment.id)):
            files.setdefault(one.noun_id, []).append(one)
        asked = select(Task.id).where(Task.kind == actions.RECHECK, Task.noun == "provider", Task.noun_id == provider.id)
        return form_page(
            "ratings/certificates.html",
            refused=refused,
            errors=errors or (),
            provider=provider,
            rows=rows,
            files_of=files,
            kinds=KINDS,
            typed=typed,
            here=today(),
            may_keep=may(viewer, "enter", "rating") or may_act_for(viewer, provider.organisation_id, "edit"),
            may_compare=may(viewer, "enter", "rating"),
            recheck=session.scalar(asked.where(Task.done_at.is_(None)).limit(1)) is not None,
        )


@pages.post("/certificates/<public_id>")
@permission("read", "rating")
def add(public_id: str) -> Response:
    """A new certificate, or a newer one in the place of another."""
    site = current_site()
    typed = {name: request.form.get(name, "").strip() for name in _TYPED}
    draft = CertificateDraft(typed["kind"], typed["name"], typed["number"], typed_day(typed["issued"]), typed_day(typed["expires"]))
    with site.database.reading() as session:
        provider = rated_provider(session, public_id, current_viewer())
        number = provider.id
        old = find_certificate(session, typed["replaces"]) if typed["replaces"] else None
        if typed["replaces"] and (old is None or old.provider_id != number):
            not_found()
        replaces = old.id if old else None
    stored = received("proof")
    errors = list(check(draft))
    if isinstance(stored, Refused):
        errors.append(("proof", stored))
    elif stored is None:
        errors.append(("proof", Refused("proof_missing", _("请附上证照的扫描件。"))))
    if errors:
        return _page(public_id, typed, errors=errors)
    assert isinstance(stored, StoredBlob)
    try:
        actions.add_certificate(site.database, number, draft, proof=stored, replaces=replaces, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _page(public_id, typed, refused=error.refused)
    flash(say("证照已保存。"), "good")
    return redirect(url_for("certificates.show", public_id=public_id), 303)


@pages.post("/certificates/<public_id>/confirm")
@permission("read", "rating")
def confirm(public_id: str) -> Response:
    """In the yearly re-check: what stands here still holds."""
    site = current_site()
    with site.database.reading() as session:
        number = rated_provider(session, public_id, current_viewer()).id
    try:
        actions.confirm_all(site.database, number, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _page(public_id, dict.fromkeys(_TYPED, ""), refused=error.refused)
    flash(say("已确认，综合管理服务商会核对。"), "good")
    return redirect(url_for("certificates.show", public_id=public_id), 303)


@pages.post("/certificates/one/<public_id>/compare")
@permission("enter", "rating")
def compare(public_id: str) -> Response:
    """Staff have compared it with the original or the register."""
    site = current_site()
    with site.database.reading() as session:
        found = find_certificate(session, public_id) or not_found()
        number, provider = found.id, found.provider.public_id
    actions.compare(site.database, number, viewer=current_viewer(), at=now(), today=today())
    flash(say("已记下核对日期。"), "good")
    return redirect(url_for("certificates.show", public_id=provider), 303)
