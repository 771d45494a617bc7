"""The money of one project: what is set aside, planned and paid, by whom, and the forms by which the two bureaus move it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import make_response, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions.payments import prepare_payment
from marketplace.actions.reclaims import propose_reclaim
from marketplace.actions.vouchers import propose_voucher
from marketplace.domain.access import may
from marketplace.domain.funding_plans import FundingPlanState
from marketplace.domain.funds import LedgerAccount
from marketplace.domain.lifecycle import Refused
from marketplace.domain.payments import PaymentPart
from marketplace.domain.reclaims import ReclaimDraft
from marketplace.domain.vouchers import VoucherKind
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.funding_plans import STANDING, FundingLine, find_line, find_lines_of_project
from marketplace.records.funds import LedgerBalance, LedgerEntry, find_balances
from marketplace.records.payments import Payment, Reclaim, find_payments_of_project, find_reclaim, find_reclaims_of_project
from marketplace.records.projects import Project, find_project
from marketplace.site import current_site
from marketplace.web.funds import pages
from marketplace.web.funds_papers import status_of, taken, typed
from marketplace.web.funds_shown import here_step, names_of, rules
from marketplace.web.payments import part_word
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import typed_day
from marketplace.web.typed_numbers import typed_fen
from marketplace.web.vouchers import draft_of

_FIELDS = ("source", "year", "amount", "day", "reference", "why", "payee", "note", "part", "line", "due")
# What is left of a part of a line once every order that stands is taken off.
Left = Mapping[tuple[int, PaymentPart], int]


@dataclass(frozen=True)
class ProjectMoney:
    """`office`: sees persons and the ledger; who applies sees amounts and states of its own."""

    project: Project
    office: bool
    totals: Mapping[LedgerAccount, int]
    balances: Sequence[LedgerBalance]
    lines: Sequence[FundingLine]
    left: Left
    payments: Sequence[Payment]
    reclaims: Sequence[Reclaim]
    entries: Sequence[LedgerEntry]
    names: Mapping[int, str]

    @property
    def total(self) -> int:
        return sum(
            self.totals.get(account, 0)
            for account in (LedgerAccount.COMMITTED, LedgerAccount.PAID, LedgerAccount.TO_RECOVER, LedgerAccount.RECOVERED)
        )

    @property
    def planned(self) -> int:
        return sum(line.fen for line in self.lines)


def read_money(session: Session, project: Project) -> ProjectMoney:
    office = may(current_viewer(), "read", "fund")
    balances = find_balances(session, project.id)
    totals: dict[LedgerAccount, int] = {}
    for row in balances:
        totals[row.account] = totals.get(row.account, 0) + row.fen
    lines = find_lines_of_project(session, project.id, STANDING if office else (FundingPlanState.ISSUED,))
    orders, owed = find_payments_of_project(session, project.id), find_reclaims_of_project(session, project.id)
    left = {(line.id, part): line.first_fen if part == PaymentPart.FIRST else line.rest_fen for line in lines for part in PaymentPart}
    for order in orders:
        if order.state not in ("returned", "cancelled") and (order.line_id, order.part) in left:
            left[order.line_id, order.part] -= order.fen
    query = select(LedgerEntry).where(LedgerEntry.project_id == project.id).order_by(LedgerEntry.id.desc())
    entries = session.scalars(query.limit(100)).all() if office else []
    people: list[int | None] = []
    if office:
        people += [number for row in orders for number in (row.proposed_by, row.second_person, row.released_by)]
        people += [number for row in entries for number in (row.made_by, row.confirmed_by)]
    return ProjectMoney(project, office, totals, balances, lines, left, orders, owed, entries, names_of(session, people))


def _found(session: Session, public_id: str) -> Project:
    """Of the money of a project the two bureaus read, and who applied for it; nobody else who may read the project."""
    viewer = current_viewer()
    project = find_project(session, public_id, viewer) or not_found()
    if not may(viewer, "read", "fund") and project.organisation_id not in viewer.organisation_ids:
        not_found()
    return project


@pages.get("/projects/<public_id>/funds")
@permission("read", "project")
def of_project(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, form: str = "") -> Response:
    with current_site().database.reading() as session:
        project = _found(session, public_id)
        body = render_template(
            "funds/project.html",
            money=read_money(session, project),
            project=project,
            sources=[row for row in rules().sources if project.project_class in row.classes],
            part_word=part_word,
            parts=list(PaymentPart),
            sentence=sentence_of(refused),
            form=form,
            typed=typed(*_FIELDS) if form else {"day": today().isoformat(), "year": str(today().year)},
            key=request.form.get("key") or uuid.uuid4().hex,
            account=LedgerAccount,
        )
    return make_response(body, status_of(refused))


def _number(public_id: str) -> int:
    with current_site().database.reading() as session:
        return _found(session, public_id).id


@pages.post("/projects/<public_id>/funds/vouchers/<kind>")
@permission("budget", "fund")
def voucher(public_id: str, kind: str) -> Response:
    """Set aside by hand, give back, or what has come back of a reclaim."""
    site, values, number = current_site(), typed(*_FIELDS), _number(public_id)
    if kind not in (VoucherKind.COMMITMENT, VoucherKind.RELEASE, VoucherKind.RECOVERY):
        not_found()
    source, _colon, year = values["source"].partition(":")
    draft = draft_of(VoucherKind(kind), values | {"source": source, "year": year or values["year"]})
    key = request.form.get("key", "")[:64] or None
    reclaim_id = None
    if kind == VoucherKind.RECOVERY:
        with site.database.reading() as session:
            reclaim = find_reclaim(session, request.form.get("reclaim", "")) or not_found()
            reclaim_id, draft = reclaim.id, draft_of(VoucherKind.RECOVERY, values | {"source": reclaim.source, "year": str(reclaim.year)})
    return taken(
        lambda: propose_voucher(site.database, draft, here_step(), project_id=number, reclaim_id=reclaim_id, key=key),
        lambda refused: _page(public_id, refused, kind),
        url_for("vouchers.index"),
    )


@pages.post("/projects/<public_id>/funds/payments")
@permission("budget", "fund")
def prepare(public_id: str) -> Response:
    site, values, number = current_site(), typed(*_FIELDS), _number(public_id)
    with site.database.reading() as session:
        line = find_line(session, values["line"].partition(":")[0]) or not_found()
        if line.project_id != number:
            not_found()
        line_id = line.id
    part = values["line"].partition(":")[2]
    key = request.form.get("key", "")[:64] or uuid.uuid4().hex
    fen = typed_fen(values["amount"]) or 0
    return taken(
        lambda: prepare_payment(
            site.database,
            line_id,
            PaymentPart(part if part in set(PaymentPart) else "first"),
            fen,
            values["payee"],
            here_step(),
            key=key,
            note=values["note"],
        ),
        lambda refused: _page(public_id, refused, "payment"),
        url_for("funds.of_project", public_id=public_id, _anchor="payments"),
    )


@pages.post("/projects/<public_id>/funds/reclaims")
@permission("budget", "fund")
def reclaim(public_id: str) -> Response:
    site, values, number = current_site(), typed(*_FIELDS), _number(public_id)
    source, _colon, year = values["source"].partition(":")
    draft = ReclaimDraft(typed_fen(values["amount"]), typed_day(values["due"]), values["why"])
    return taken(
        lambda: propose_reclaim(site.database, number, source, int(year) if year.isdigit() else 0, draft, here_step()),
        lambda refused: _page(public_id, refused, "reclaim"),
        url_for("funds.of_project", public_id=public_id, _anchor="reclaims"),
    )
