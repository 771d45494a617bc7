"""拨付: orders as a list, one of them with its steps, and reclaims."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, make_response, render_template, request, url_for
from sqlalchemy import Select, func, select
from werkzeug.wrappers import Response

from marketplace.actions import payments as actions
from marketplace.actions import reclaims
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.payments import TABLE, PaymentPart, PaymentState, Receipt
from marketplace.domain.reclaims import TABLE as RECLAIMS
from marketplace.guard import not_found, permission
from marketplace.records.funding_plans import FundingLine
from marketplace.records.funds import find_entry_by_key
from marketplace.records.payments import Payment, Reclaim, find_payment, find_reclaim
from marketplace.sheets.lists_out import list_workbook
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.downloads import workbook
from marketplace.web.funds_papers import status_of, taken, typed
from marketplace.web.funds_shown import PLAIN, here_step, names_of, rules, source_word, steps_of
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import typed_day
from marketplace.web.wording import state

pages = Blueprint("payments", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("payments.show", public_id=ref)
ADDRESSES[reclaims.NOUN] = lambda ref: url_for("payments.reclaim", public_id=ref)
SIZE, YUAN = 50, 100
PARTS = {PaymentPart.FIRST: _("首笔"), PaymentPart.REST: _("余款")}


def part_word(part: PaymentPart) -> str:
    return say(PARTS[part])


@dataclass(frozen=True)
class Wanted:
    state: str
    source: str

    def applied(self, query: Select[int]) -> Select[int]:
        if self.state:
            query = query.where(Payment.state == PaymentState(self.state))
        if self.source:
            query = query.where(Payment.line_id.in_(select(FundingLine.id).where(FundingLine.source == self.source)))
        return query


def _wanted() -> Wanted:
    asked, source = request.args.get("state", ""), request.args.get("source", "")
    return Wanted(asked if asked in set(PaymentState) else "", source if rules().find(source) else "")


@pages.get("/funds/payments")
@permission("read", "fund")
def index() -> str:
    wanted = _wanted()
    with current_site().database.reading() as session:
        total = session.scalar(wanted.applied(select(func.count()).select_from(Payment))) or 0
        paging: Paging = paged(total, SIZE, "payments.index", state=wanted.state, source=wanted.source)
        ids = session.scalars(wanted.applied(select(Payment.id)).order_by(Payment.id.desc()).limit(SIZE).offset(paging.offset)).all()
        rows = session.scalars(select(Payment).where(Payment.id.in_(ids)).order_by(Payment.id.desc())).unique().all()
        owed = session.scalars(select(Reclaim).order_by(Reclaim.id.desc()).limit(SIZE)).unique().all()
        counted = select(Payment.state, func.count()).group_by(Payment.state)
        counts: dict[PaymentState, int] = dict(session.execute(counted).all())
        return render_template(
            "payments/index.html",
            rows=rows,
            paging=paging,
            wanted=wanted,
            counts=counts,
            states=list(PaymentState),
            reclaims=owed,
            part_word=part_word,
        )


@pages.get("/funds/payments/sheet")
@permission("read", "fund")
def sheet() -> Response:
    wanted = _wanted()
    heads = (
        (_("编号"), 16), (_("项目"), 16), (_("名称"), 34), (_("单位"), 30), (_("资金来源"), 30), (_("年度"), 8), (_("部分"), 8), (_("金额（元）"), 16),
        (_("状态"), 14), (_("收款单位和账号"), 34), (_("到账日期"), 12), (_("银行流水号"), 22),
    )  # fmt: skip
    with current_site().database.reading() as session:
        query = select(Payment).where(Payment.id.in_(wanted.applied(select(Payment.id)))).order_by(Payment.id)
        rows = [
            (
                row.number, row.project.number, row.project.title, row.project.organisation.name, source_word(row.line.source), row.line.year,
                part_word(row.part), row.fen / YUAN, state("payment", row.state)[0], row.payee, row.paid_on.isoformat() if row.paid_on else "", row.reference,
            )
            for row in session.scalars(query).unique()
        ]  # fmt: skip
    return workbook(list_workbook(say("拨付"), [(say(word), width) for word, width in heads], rows), f"{say('拨付')}-{today().isoformat()}")


@pages.get("/funds/payments/<public_id>")
@permission("read", "fund")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, event: str = "") -> Response:
    with current_site().database.reading() as session:
        found = find_payment(session, public_id) or not_found()
        body = render_template(
            "payments/show.html",
            payment=found,
            part=part_word(found.part),
            names=names_of(session, (found.proposed_by, found.second_person, found.released_by)),
            entry=find_entry_by_key(session, f"payment:{found.id}"),
            steps=steps_of(TABLE, found.state),
            plain=PLAIN,
            sentence=sentence_of(refused),
            event=event,
            typed=typed("why", "day", "reference"),
            today=today(),
        )
    return make_response(body, status_of(refused))


@pages.post("/funds/payments/<public_id>/<event>")
@permission("read", "fund")
def move(public_id: str, event: str) -> Response:
    """Who may take which step the action says."""
    site, values = current_site(), typed("why", "day", "reference")
    with site.database.reading() as session:
        number = (find_payment(session, public_id) or not_found()).id
    if event not in {row.event for row in TABLE}:
        not_found()
    receipt = Receipt(typed_day(values["day"]), values["reference"])
    return taken(
        lambda: actions.move_payment(site.database, number, event, here_step(), receipt=receipt, why=values["why"]),
        lambda refused: _page(public_id, refused, event),
        url_for("payments.show", public_id=public_id),
    )


@pages.get("/funds/reclaims/<public_id>")
@permission("read", "fund")
def reclaim(public_id: str) -> Response:
    return _reclaim(public_id)


def _reclaim(public_id: str, refused: Refused | None = None, event: str = "") -> Response:
    with current_site().database.reading() as session:
        found = find_reclaim(session, public_id) or not_found()
        body = render_template(
            "payments/reclaim.html",
            reclaim=found,
            names=names_of(session, (found.proposed_by, found.second_person)),
            steps=[row for row in steps_of(RECLAIMS, found.state) if row.event != "recover" or not found.outstanding_fen],
            plain=PLAIN,
            sentence=sentence_of(refused),
            event=event,
            typed=typed("why", "amount", "day", "reference"),
            today=today(),
        )
    return make_response(body, status_of(refused))


@pages.post("/funds/reclaims/<public_id>/<event>")
@permission("budget", "fund")
def move_reclaim(public_id: str, event: str) -> Response:
    site, why = current_site(), request.form.get("why", "")
    with site.database.reading() as session:
        number = (find_reclaim(session, public_id) or not_found()).id
    if event not in {row.event for row in RECLAIMS}:
        not_found()
    return taken(
        lambda: reclaims.answer_reclaim(site.database, number, event, here_step(), why=why),
        lambda refused: _reclaim(public_id, refused, event),
        url_for("payments.reclaim", public_id=public_id),
    )
