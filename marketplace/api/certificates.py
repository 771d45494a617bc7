"""A provider's licences and certificates: what holds now and until when; new ones, and newer ones in the place of others."""

from __future__ import annotations

from datetime import date

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import certificates as actions
from marketplace.api.attached import FILE, FileOut, file_out, form_of, stored_file
from marketplace.api.operation import Model, operation, refuse, refuse_field
from marketplace.api.ratings import find_rated
from marketplace.domain.certificates import CertificateDraft, check
from marketplace.domain.lifecycle import _
from marketplace.faults import Problem
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.certificates import Certificate, find_certificate, find_certificates
from marketplace.records.files import Attachment
from marketplace.site import current_site


class CertificateOut(Model):
    """`expires` null: without term; `compared`: when staff last compared it with the original or the register."""

    id: str
    kind: str
    name: str
    number: str
    issued: date | None
    expires: date | None
    compared: date | None
    files: list[FileOut]


class CertificateList(Model):
    items: list[CertificateOut]


class CertificateForm(Model):
    """The fields of the multipart form."""

    proof: bytes = FILE
    kind: str = Field(json_schema_extra={"enum": ["licence", "qualification", "system", "commitment", "insurance", "other"]})
    name: str = Field(max_length=200)
    number: str = Field("", max_length=100)
    issued: date | None = None
    expires: date | None = None
    replaces: str = Field("", max_length=36)
    """The id of the certificate in whose place this one comes."""


@permission("read", "rating")
@operation("/certificates/<id>", summary="A provider's certificates, the first to expire first", tag="ratings", answer=CertificateList)
def list_certificates(id: str) -> CertificateList:
    """By the id of the provider."""
    with current_site().database.reading() as session:
        return CertificateList(items=_outs(session, list(find_certificates(session, find_rated(session, id).id))))


def _outs(session: Session, rows: list[Certificate]) -> list[CertificateOut]:
    files: dict[int, list[FileOut]] = {}
    attached = select(Attachment).where(Attachment.noun == actions.NOUN, Attachment.noun_id.in_([row.id for row in rows]))
    for one in session.scalars(attached.where(Attachment.superseded_at.is_(None)).order_by(Attachment.id)):
        files.setdefault(one.noun_id, []).append(file_out(one))
    same = ("kind", "name", "number", "issued", "expires")
    return [
        CertificateOut(
            **{name: getattr(row, name) for name in same}, id=row.public_id, compared=row.checked_on, files=files.get(row.id, [])
        )
        for row in rows
    ]


@permission("read", "rating", scope="write")
@operation(
    "/certificates/<id>",
    method="POST",
    summary="A new certificate, or a newer one in the place of another",
    tag="ratings",
    upload=CertificateForm,
    answer=CertificateOut,
    status=201,
    writes=True,
)
def add_certificate(id: str) -> CertificateOut:
    """By the provider itself, or by staff who enter ratings."""
    form, database = form_of(CertificateForm, "proof"), current_site().database
    draft = CertificateDraft(form["kind"], form["name"], form["number"], _day(form, "issued"), _day(form, "expires"))
    if problems := [Problem(f"body.{field}", one.code, one.message, one.values) for field, one in check(draft)]:
        refuse(problems)
    with database.reading() as session:
        provider = find_rated(session, id).id
        old = find_certificate(session, form["replaces"]) if form["replaces"] else None
        if form["replaces"] and (old is None or old.provider_id != provider):
            not_found()
        replaces = old.id if old else None
    proof = stored_file("proof")
    row = actions.add_certificate(database, provider, draft, proof=proof, replaces=replaces, viewer=current_viewer(), at=now())
    with database.reading() as session:
        return _outs(session, [session.get_one(Certificate, row.id)])[0]


def _day(form: dict[str, str], field: str) -> date | None:
    try:
        return date.fromisoformat(form[field]) if form[field] else None
    except ValueError:
        refuse_field(f"body.{field}", "date_parsing", _("日期应写成 2026-11-20。"))
