"""The catalogue of recommended products: one person proposes, another one decides; in and out alike."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import decisions, transition
from marketplace.actions.history import record
from marketplace.actions.notices import accounts_of_organisation, notify
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, Viewer, may
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.listings import TABLE, ListingDraft, ListingState, check, is_offered
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.listings import ProductListing
from marketplace.records.solutions import Solution

NOUN = "product_listing"
CONFIRM = "listing_confirm"
_ALIVE = (ListingState.PROPOSED, ListingState.LISTED)


def propose(database: Database, solution_id: int, draft: ListingDraft, *, why: str, viewer: Viewer, at: datetime) -> ProductListing:
    """Propose a published solution for a batch; a second person decides."""
    with database.writing() as session:
        _must_manage(viewer)
        for _field, refused in check(draft):
            raise RefusedError(refused)
        solution = session.scalars(select(Solution).where(Solution.id == solution_id).with_for_update()).one()
        here = select(ProductListing).where(ProductListing.solution_id == solution_id, ProductListing.state.in_(_ALIVE))
        if session.scalars(here).first() is not None:
            raise RefusedError(Refused("listed_already", _("这个方案已在推荐产品目录里，或正在等复核。")))
        batch, advancement, effect = draft.batch.strip(), draft.advancement.strip(), draft.effect.strip()
        listing = ProductListing(solution_id=solution_id, batch=batch, advancement=advancement, effect=effect, at=at)
        listing.solution = solution
        if (why_not := is_offered(listing)) is not None:
            raise RefusedError(why_not)
        session.add(listing)
        session.flush()
        after = {"solution_id": solution_id, "batch": batch, "advancement": advancement, "effect": effect}
        record(session, actor=actor_of(viewer), verb="create", noun=NOUN, noun_id=listing.id, before=None, after=after, at=at)
        _ask(session, listing, "list", why, viewer, at)
        return listing


def propose_removal(database: Database, listing_id: int, *, why: str, viewer: Viewer, at: datetime) -> Decision:
    """Propose to take a product out of the catalogue; it stays until a second person agrees."""
    with database.writing() as session:
        _must_manage(viewer)
        listing = session.get_one(ProductListing, listing_id)
        session.refresh(listing, with_for_update=True)
        if listing.state != ListingState.LISTED:
            raise RefusedError(Refused("not_listed", _("这个方案不在推荐产品目录里。")))
        return _ask(session, listing, "remove", why, viewer, at)


def answer(database: Database, decision_id: int, event: str, *, viewer: Viewer, at: datetime, why: str = "") -> ProductListing:
    """The second person's word (or the first one's, who takes it back), and what follows from it."""
    with database.writing() as session:
        decision = session.get_one(Decision, decision_id)
        refuse_unless(decision.noun == NOUN)
        listing = session.get_one(ProductListing, decision.noun_id)
        decisions.answer(session, decision, event, viewer=viewer, at=at, why=why)
        follows = {"confirm": decision.event, "reject": "refuse", "take_back": "refuse"}[event]
        # A removal that is not agreed to leaves the product where it is.
        if decision.event == "list" or event == "confirm":
            reason = why.strip() or decision.why
            transition.apply(session, listing, TABLE, follows, actor=actor_of(viewer), roles=viewer.roles, at=at, why=reason)
            if follows == "list":
                listing.listed = at
            _tell(session, listing, follows, reason, at)
        close_tasks(session, NOUN, listing.id, at=at, kinds=[CONFIRM])
        return listing


def _ask(session: Session, listing: ProductListing, event: str, why: str, viewer: Viewer, at: datetime) -> Decision:
    decision = decisions.propose(session, noun=NOUN, noun_id=listing.id, event=event, why=why, viewer=viewer, at=at)
    message = _("复核：把“{title}”列入推荐产品目录（{batch}）") if event == "list" else _("复核：把“{title}”移出推荐产品目录（{batch}）")
    values = {"title": listing.solution.title, "batch": listing.batch}
    roles = [Role.MANAGER, Role.BUREAU]
    open_task(session, CONFIRM, message, noun=NOUN, noun_id=listing.id, public_ref=listing.public_id, at=at, values=values, roles=roles)
    return decision


def _tell(session: Session, listing: ProductListing, event: str, why: str, at: datetime) -> None:
    """Its provider hears of what everybody can see; that a proposal was refused is between the two persons."""
    messages = {"list": _("方案“{title}”已列入推荐产品目录（{batch}）。"), "remove": _("方案“{title}”已移出推荐产品目录（{batch}）：{why}")}
    if event in messages:
        solution = listing.solution
        accounts = accounts_of_organisation(session, solution.provider.organisation_id)
        values = {"title": solution.title, "batch": listing.batch, "why": why}
        notify(session, accounts, "listing", messages[event], at=at, values=values, noun="own_solution", public_ref=solution.public_id)


def _must_manage(viewer: Viewer) -> None:
    if not may(viewer, "manage", "listing"):
        raise RefusedError(Refused("not_allowed", _("您没有办理这一步的权限。")))
