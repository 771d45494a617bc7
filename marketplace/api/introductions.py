"""Introductions (对接对象) in brokerings: what was sent to a provider, as each side may read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from marketplace.api import models as out
from marketplace.api.applications import UnitRef
from marketplace.api.attached import file_outs
from marketplace.api.brokering_models import (
    CriterionOut,
    InquiryOut,
    IntroductionLine,
    IntroductionList,
    IntroductionOut,
    MeetsOut,
    MessageOut,
    NeedOut,
    OfferOut,
    SideAnswerOut,
    SolutionRef,
)
from marketplace.api.operation import operation
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.shown import provider_ref
from marketplace.attachments import readable
from marketplace.domain.access import Viewer, may
from marketplace.domain.brokerings import BrokeringState
from marketplace.domain.introductions import IntroductionState, Side
from marketplace.domain.money import wan_from_fen
from marketplace.domain.problems import budget_band, redacted
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.brokerings import (
    Brokering,
    BrokeringCriterion,
    find_brokering_problems,
    find_contract,
    find_criteria,
    find_implementation,
)
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.inquiries import find_inquiry
from marketplace.records.introductions import Introduction, Proposal, find_introduction, find_messages, find_proposals
from marketplace.records.problems import Problem
from marketplace.site import current_site

NOUN = "introduction"
MESSAGE, PROPOSAL = "introduction_message", "proposal"


class IntroductionQuery(ListQuery):
    state: IntroductionState | None = None
    """Only in this state."""
    place: str = Field("", max_length=16)
    """Only from here: plan, inquiry, hand, group, demand or meeting."""
    brokering: str = Field("", max_length=36)
    """Only of the brokering with this id."""


@permission("read", "brokering")
@operation(
    "/introductions",
    summary="Introductions: what was sent to a provider, to an enterprise's own needs, or all for staff",
    tag="brokerings",
    query=IntroductionQuery,
    answer=IntroductionList,
)
def list_introductions(query: IntroductionQuery) -> IntroductionList:
    viewer = current_viewer()
    rows = select(Introduction).where(_listed(viewer))
    if query.state is not None:
        rows = rows.where(Introduction.state == query.state)
    if query.place:
        rows = rows.where(Introduction.place == query.place)
    if query.brokering:
        rows = rows.where(Introduction.brokering_id.in_(select(Brokering.id).where(Brokering.public_id == query.brokering)))
    with current_site().database.reading() as session:
        part, following = part_of(session, rows, Introduction, query)
        return IntroductionList(items=[IntroductionLine(**line_of(row, viewer)) for row in part], next=following)


def _listed(viewer: Viewer) -> ColumnElement[bool]:
    """What was never sent is the centre's own business."""
    sent = Introduction.sent_at.is_not(None)
    if may(viewer, "read", "brokering"):
        return true() if may(viewer, "run", "brokering") else sent
    own = select(Brokering.id).where(Brokering.enterprise_id.in_(viewer.enterprise_ids))
    return sent & (Introduction.provider_id.in_(viewer.provider_ids) | Introduction.brokering_id.in_(own))


def is_open(row: Introduction, viewer: Viewer) -> bool:
    """Whether this person may read whose need it is: the office, the enterprise, and the provider once both have accepted."""
    return may(viewer, "read", "brokering") or row.brokering.enterprise_id in viewer.enterprise_ids or row.is_mutual


def reads_talks(row: Introduction, viewer: Viewer) -> bool:
    """Prices and what was said are for the two sides and the centre."""
    own = row.provider_id in viewer.provider_ids or row.brokering.enterprise_id in viewer.enterprise_ids
    return own or may(viewer, "run", "brokering")


def unit_of(enterprise: Enterprise) -> UnitRef:
    return UnitRef(id=enterprise.public_id, code=enterprise.organisation.credit_code, name=enterprise.name)


def line_of(row: Introduction, viewer: Viewer) -> dict[str, Any]:
    known = is_open(row, viewer)
    return {
        "id": row.public_id,
        "number": row.brokering.number,
        "brokering": row.brokering.public_id,
        "place": row.place,
        "provider": provider_ref(row.provider),
        "solution": SolutionRef(id=row.solution.public_id, title=row.solution.title),
        "enterprise": unit_of(row.brokering.enterprise) if known else None,
        "state": row.state,
        "sent": row.sent_at,
        "answers": _answers(row, viewer, known),
    }


def _answers(row: Introduction, viewer: Viewer, known: bool) -> list[SideAnswerOut]:
    """Words are for the two sides and the centre; those of the enterprise may name it, and wait until it is known."""
    same, talks = ("answer", "due", "days", "way", "by_link", "reason"), reads_talks(row, viewer)
    return [
        SideAnswerOut(
            **{name: getattr(one, name) for name in same},
            side=Side(one.side),
            answered=one.answered_at,
            text=one.text if talks and (known or one.side == Side.PROVIDER) else None,
        )
        for one in row.answers
    ]


@permission("read", "brokering")
@operation("/introductions/<id>", summary="One introduction, as each side may read it", tag="brokerings", answer=IntroductionOut)
def read_introduction(id: str) -> IntroductionOut:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        return _out(session, find_introduction(session, id, viewer) or not_found(), viewer)


def _out(session: Session, row: Introduction, viewer: Viewer) -> IntroductionOut:
    talks, known, brokering = reads_talks(row, viewer), is_open(row, viewer), row.brokering
    inquiry = find_inquiry(session, brokering.id) if talks else None
    criteria = find_criteria(session, brokering.id)
    numbers = {one.id: number for number, one in enumerate(criteria, 1)}
    proofs = [one for one in find_attachments(session, NOUN, row.id) if readable(session, viewer, one)]
    return IntroductionOut(
        **line_of(row, viewer),
        version=version_of(session, row.id),
        needs=[need_out(one, known=known, talks=talks) for one in find_brokering_problems(session, brokering.id)],
        inquiry=InquiryOut(question=text_of(inquiry.question, brokering.enterprise, known), wanted=inquiry.wanted) if inquiry else None,
        criteria=criterion_outs(criteria) if talks else [],
        proposals=[_offer(session, one, numbers) for one in find_proposals(session, row.id)] if talks else [],
        messages=_messages(session, row) if talks else [],
        proofs=file_outs(proofs),
        feedback=row.feedback if talks else None,
        due=_due(session, row, viewer),
    )


def version_of(session: Session, number: int) -> str:
    """The last entry of the history about the introduction."""
    return str(find_last_entry(session, NOUN, number))


def text_of(text: str, enterprise: Enterprise, known: bool) -> str:
    return text if known else redacted(text, enterprise.name, current_site().pilot.words_of_area(enterprise.area))


def need_out(row: Problem, *, known: bool, talks: bool) -> NeedOut:
    band = budget_band(row.budget_high_fen) if talks and not known else None
    return NeedOut(
        id=row.public_id,
        text=text_of(row.text, row.enterprise, known),
        sector=row.enterprise.sector,
        stage=row.stage,
        budget_wan=out.wan_span(row.budget_low_fen, row.budget_high_fen) if talks and known else None,
        budget_band_wan=out.Span(low=band[0], high=band[1]) if band else None,
    )


def criterion_outs(rows: Sequence[BrokeringCriterion]) -> list[CriterionOut]:
    """Numbered from 1 in their order, which is how proposals and scores name them."""
    return [CriterionOut(number=number, text=row.text, kind=row.kind, weight=row.weight) for number, row in enumerate(rows, 1)]


def _offer(session: Session, row: Proposal, numbers: dict[int, int]) -> OfferOut:
    same = {name: getattr(row, name) for name in ("version", "weeks", "scope", "valid_until", "way", "at")}
    return OfferOut(
        **same,
        price_wan=float(wan_from_fen(row.price_fen)),
        answers=[MeetsOut(criterion=numbers[one.criterion_id], meets=one.meets, text=one.text) for one in row.answers],
        files=file_outs(find_attachments(session, PROPOSAL, row.id)),
    )


def _messages(session: Session, row: Introduction) -> list[MessageOut]:
    same = ("side", "name", "text", "met_on", "at")
    return [
        MessageOut(
            **{name: getattr(one, name) for name in same},
            id=one.public_id,
            files=file_outs(find_attachments(session, MESSAGE, one.id)),
        )
        for one in find_messages(session, row.id)
    ]


def _due(session: Session, row: Introduction, viewer: Viewer) -> Any:
    """Until when the work is to be done, for the chosen provider while it has not said that it is."""
    working = row.state == IntroductionState.AWARDED and row.brokering.state == BrokeringState.IMPLEMENTING
    if not working or row.provider_id not in viewer.provider_ids:
        return None
    done, contract = find_implementation(session, row.brokering_id), find_contract(session, row.brokering_id)
    return contract.ends if contract is not None and done is not None and done.finished is None else None
