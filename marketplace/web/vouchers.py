"""记账单: what waits for a second person before it is posted, and the forms by which instalments and reversals are written."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from marketplace.actions import vouchers as actions
from marketplace.domain.lifecycle import Refused
from marketplace.domain.vouchers import TABLE, VoucherDraft, VoucherKind
from marketplace.guard import not_found, permission
from marketplace.records.funds import LedgerEntry, find_entry
from marketplace.records.vouchers import Voucher, find_voucher
from marketplace.site import current_site
from marketplace.web import funds
from marketplace.web.addresses import ADDRESSES
from marketplace.web.funds_papers import status_of, taken, typed
from marketplace.web.funds_shown import PLAIN, entry_word, here_step, names_of, rules, steps_of
from marketplace.web.paging import paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import typed_day
from marketplace.web.typed_numbers import typed_fen

pages = Blueprint("vouchers", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("vouchers.show", public_id=ref)
SIZE = 50
_FIELDS = ("source", "year", "amount", "day", "reference", "why")


@pages.get("/funds/vouchers")
@permission("read", "fund")
def index() -> Response:
    return _list()


def _list(refused: Refused | None = None) -> Response:
    """Those that wait first, then the newest; beside them the form for what has come from above."""
    with current_site().database.reading() as session:
        paging = paged(session.scalar(select(func.count()).select_from(Voucher)) or 0, SIZE, "vouchers.index")
        waits = (Voucher.state != "proposed").asc()
        rows = session.scalars(select(Voucher).order_by(waits, Voucher.id.desc()).limit(SIZE).offset(paging.offset)).all()
        values = typed(*_FIELDS)
        body = render_template(
            "vouchers/index.html",
            rows=rows,
            paging=paging,
            word=entry_word,
            sources=[row for row in rules().sources if not row.local],
            typed=values if refused else values | {"day": today().isoformat(), "year": str(today().year)},
            sentence=sentence_of(refused),
        )
    return make_response(body, status_of(refused))


@pages.post("/funds/vouchers/receipts")
@permission("budget", "fund")
def receive() -> Response:
    site = current_site()
    draft = draft_of(VoucherKind.RECEIPT, typed(*_FIELDS))
    key = request.form.get("key", "")[:64] or None
    return taken(lambda: actions.propose_voucher(site.database, draft, here_step(), key=key), _list, url_for("vouchers.index"))


def draft_of(kind: VoucherKind, values: dict[str, str]) -> VoucherDraft:
    year = int(values["year"]) if values["year"].isascii() and values["year"].isdigit() and len(values["year"]) == 4 else today().year
    return VoucherDraft(
        kind, values["source"], year, typed_fen(values["amount"]), typed_day(values["day"]), values["reference"], values["why"]
    )


@pages.post("/funds/ledger/<public_id>/reversal")
@permission("budget", "fund")
def reverse(public_id: str) -> Response:
    site, values = current_site(), typed("why")
    with site.database.reading() as session:
        number = (find_entry(session, public_id) or not_found()).id
    draft = VoucherDraft(VoucherKind.REVERSAL, day=today(), why=values["why"])

    def again(refused: Refused) -> Response:
        return make_response(funds.entry_page(public_id, refused, values["why"]), status_of(refused))

    return taken(lambda: actions.propose_voucher(site.database, draft, here_step(), entry_id=number), again, url_for("vouchers.index"))


@pages.get("/funds/vouchers/<public_id>")
@permission("read", "fund")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, event: str = "") -> Response:
    with current_site().database.reading() as session:
        found = find_voucher(session, public_id) or not_found()
        body = render_template(
            "vouchers/show.html",
            voucher=found,
            word=entry_word(found.kind),
            names=names_of(session, (found.proposed_by, found.second_person)),
            posted=session.get(LedgerEntry, found.posted_id) if found.posted_id else None,
            steps=steps_of(TABLE, found.state),
            plain=PLAIN,
            sentence=sentence_of(refused),
            event=event,
            typed=typed("why"),
        )
    return make_response(body, status_of(refused))


@pages.post("/funds/vouchers/<public_id>/<event>")
@permission("budget", "fund")
def move(public_id: str, event: str) -> Response:
    site, why = current_site(), request.form.get("why", "")
    with site.database.reading() as session:
        number = (find_voucher(session, public_id) or not_found()).id
    if event not in {row.event for row in TABLE}:
        not_found()
    return taken(
        lambda: actions.answer_voucher(site.database, number, event, here_step(), why=why),
        lambda refused: _page(public_id, refused, event),
        url_for("vouchers.show", public_id=public_id),
    )
