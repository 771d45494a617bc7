"""Brokerings (对接单): the board for staff, an enterprise's own, one of them in full, and its proposals side by side.

A provider reads its introductions instead: a brokering tells who else was asked, and whose need it is.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import BROKERING, Whole, feedback_owed, whole_of
from marketplace.api.attached import file_outs
from marketplace.api.brokering_models import (
    BrokeringLine,
    BrokeringList,
    BrokeringOut,
    ColumnOut,
    ComparisonOut,
    ContractOut,
    ImplementationOut,
    InquiryOut,
    IntroductionBrief,
    JointRef,
    QuotedLine,
    ScoredOut,
    SolutionRef,
)
from marketplace.api.days import today
from marketplace.api.introductions import criterion_outs, line_of, need_out, unit_of
from marketplace.api.introductions import version_of as version_of_introduction
from marketplace.api.operation import operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.shown import provider_ref
from marketplace.domain.access import Viewer, may
from marketplace.domain.brokerings import BrokeringState, Lane, Offer, Weighed, compare
from marketplace.domain.introductions import IntroductionState
from marketplace.domain.money import wan_from_fen
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.accounts import Account
from marketplace.records.brokerings import Brokering, find_brokering, find_brokering_problems, find_criteria, find_joint
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.inquiries import find_inquiry
from marketplace.records.introductions import Introduction, Proposal, find_introductions_of, find_latest_proposals
from marketplace.site import current_site

_COMPARED = (IntroductionState.QUOTED, IntroductionState.AWARDED, IntroductionState.NOT_CHOSEN)


class BrokeringQuery(ListQuery):
    """The filters of the board."""

    state: BrokeringState | None = None
    """Only in this state."""
    lane: Lane | None = None
    """Only in this lane of the board; "" where nothing is to be done any more."""
    mine: bool = False
    """Only those of which the viewer is in charge."""
    late: bool = False
    """Only those whose term is over."""
    sector: str = Field("", max_length=32)
    """Only of enterprises of this sector (its key)."""
    enterprise: str = Field("", max_length=36)
    """Only of the enterprise with this id."""


@permission("read", "brokering")
@operation(
    "/brokerings", summary="Brokerings: all for staff, an enterprise's own", tag="brokerings", query=BrokeringQuery, answer=BrokeringList
)
def list_brokerings(query: BrokeringQuery) -> BrokeringList:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        part, following = part_of(session, _asked(query, viewer), Brokering, query)
        found = find_introductions_of(session, [row.id for row in part])
        items = [BrokeringLine(**_line(row, found[row.id], viewer)) for row in part]
        return BrokeringList(items=items, next=following)


def _asked(query: BrokeringQuery, viewer: Viewer) -> Select[Any]:
    wanted: list[ColumnElement[bool]] = []
    if not may(viewer, "read", "brokering"):
        wanted += [Brokering.enterprise_id.in_(viewer.enterprise_ids), Brokering.sent_at.is_not(None)]
    if query.state is not None:
        wanted.append(Brokering.state == query.state)
    if query.lane is not None:
        wanted.append(Brokering.lane == query.lane)
    if query.mine:
        wanted.append(Brokering.officer_id == viewer.account_id)
    if query.late:
        wanted.append(Brokering.waits_due < today())
    if query.sector:
        wanted.append(Enterprise.sector == query.sector)
    if query.enterprise:
        wanted.append(Enterprise.public_id == query.enterprise)
    return select(Brokering).join(Enterprise, Enterprise.id == Brokering.enterprise_id).where(*wanted)


def told_introductions(rows: list[Introduction], viewer: Viewer) -> list[Introduction]:
    """What was never sent is the centre's own business."""
    return [row for row in rows if row.sent_at is not None or may(viewer, "run", "brokering")]


def _line(row: Brokering, introductions: list[Introduction], viewer: Viewer) -> dict[str, Any]:
    same = ("number", "title", "place", "state", "waits_for", "waits_step", "waits_since", "waits_due")
    return {
        **{name: getattr(row, name) for name in same},
        "id": row.public_id,
        "enterprise": unit_of(row.enterprise),
        "sector": row.enterprise.sector,
        "lane": Lane(row.lane),
        "sent": row.sent_at,
        "introductions": [
            IntroductionBrief(id=one.public_id, provider=provider_ref(one.provider), state=one.state)
            for one in told_introductions(introductions, viewer)
        ],
    }


@permission("read", "brokering")
@operation("/brokerings/<id>", summary="One brokering, for staff and its enterprise", tag="brokerings", answer=BrokeringOut)
def read_brokering(id: str) -> BrokeringOut:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        return _out(session, find_brokering(session, id, viewer) or not_found(), viewer)


def _out(session: Session, row: Brokering, viewer: Viewer) -> BrokeringOut:
    whole, runs = whole_of(session, row), may(viewer, "run", "brokering")
    talks = runs or row.enterprise_id in viewer.enterprise_ids
    introductions = told_introductions(list(whole.introductions), viewer)
    offers = find_latest_proposals(session, [one.id for one in introductions]) if talks else {}
    inquiry = find_inquiry(session, row.id) if talks else None
    officer = session.get(Account, row.officer_id) if row.officer_id else None
    return BrokeringOut(
        **_line(row, introductions, viewer),
        version=version_of(session, row),
        officer=officer.name if officer else "",
        terms={name: int(days) for name, days in row.terms.items()},
        needs=[need_out(one, known=True, talks=talks) for one in find_brokering_problems(session, row.id)],
        inquiry=InquiryOut(question=inquiry.question, wanted=inquiry.wanted) if inquiry else None,
        criteria=criterion_outs(find_criteria(session, row.id)),
        offers=[QuotedLine(**line_of(one, viewer), **_quoted(one, offers.get(one.id))) for one in introductions],
        reason=row.reason if talks else None,
        contract=_contract(session, whole, talks=talks),
        implementation=_implementation(whole, talks=talks),
        joint=[_joint(one) for one in find_joint(session, row.joint) if one.id != row.id] if runs else [],
    )


def version_of(session: Session, row: Brokering) -> str:
    """The last entry of the history about the brokering."""
    return str(find_last_entry(session, BROKERING, row.id))


def _quoted(row: Introduction, offer: Proposal | None) -> dict[str, Any]:
    price = float(wan_from_fen(offer.price_fen)) if offer else None
    return {"price_wan": price, "weeks": offer.weeks if offer else None, "owes_feedback": feedback_owed(row)}


def _joint(row: Brokering) -> JointRef:
    return JointRef(id=row.public_id, number=row.number, enterprise=unit_of(row.enterprise), state=row.state)


def _contract(session: Session, whole: Whole, *, talks: bool) -> ContractOut | None:
    row = whole.contract
    if row is None:
        return None
    same = {name: getattr(row, name) for name in ("signed", "starts", "ends")}
    files = file_outs(find_attachments(session, "contract", row.id)) if talks else []
    return ContractOut(**same, amount_wan=float(wan_from_fen(row.amount_fen)) if talks else None, files=files)


def _implementation(whole: Whole, *, talks: bool) -> ImplementationOut | None:
    row = whole.implementation
    if row is None:
        return None
    same = ("started", "finished", "indicator", "unit", "baseline", "target", "measured", "result", "rating", "way")
    said = {"effect": row.effect if talks else None, "remark": row.remark if talks else None}
    return ImplementationOut(**{name: getattr(row, name) for name in same}, **said, confirmed=row.confirmed_at)


@permission("choose", "brokering")
@operation("/brokerings/<id>/comparison", summary="All proposals side by side, weighed", tag="brokerings", answer=ComparisonOut)
def compare_proposals(id: str) -> ComparisonOut:
    with current_site().database.reading() as session:
        row = find_brokering(session, id, current_viewer()) or not_found()
        criteria = find_criteria(session, row.id)
        numbers = {one.id: number for number, one in enumerate(criteria, 1)}
        rows = [one for one in find_introductions_of(session, [row.id])[row.id] if one.state in _COMPARED]
        latest = find_latest_proposals(session, [one.id for one in rows])
        quoted = [one for one in rows if one.id in latest]
        offers = [_offer(latest[one.id], numbers) for one in quoted]
        weighed = compare(offers, [(numbers[one.id], one.kind, one.weight) for one in criteria])
        columns = [_column(session, one, latest[one.id], found, numbers) for one, found in zip(quoted, weighed, strict=True)]
        return ComparisonOut(version=version_of(session, row), criteria=criterion_outs(criteria), columns=columns)


def _offer(row: Proposal, numbers: dict[int, int]) -> Offer:
    answers = {numbers[one.criterion_id]: (one.meets, one.score) for one in row.answers}
    return Offer(row.introduction_id, row.price_fen, row.weeks, answers)


def _column(session: Session, row: Introduction, offer: Proposal, weighed: Weighed, numbers: dict[int, int]) -> ColumnOut:
    return ColumnOut(
        version=version_of_introduction(session, row.id),
        introduction=row.public_id,
        provider=provider_ref(row.provider),
        solution=SolutionRef(id=row.solution.public_id, title=row.solution.title),
        state=row.state,
        price_wan=float(wan_from_fen(offer.price_fen)),
        **{name: getattr(offer, name) for name in ("weeks", "scope", "valid_until")},
        answers=[ScoredOut(criterion=numbers[one.criterion_id], meets=one.meets, text=one.text, score=one.score) for one in offer.answers],
        **{name: getattr(weighed, name) for name in ("total", "scored", "cheapest", "fastest")},
        missing=list(weighed.missing),
    )
