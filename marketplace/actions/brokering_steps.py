"""What every step of a brokering shares: the locks, who may act for which side, and who is next once it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of, refuse_unless, roles_on
from marketplace.domain.access import Role, Viewer, may, may_act_for
from marketplace.domain.brokering_rules import BrokeringRules
from marketplace.domain.brokerings import TABLE, Part, Situation
from marketplace.domain.introductions import TABLE as INTRODUCTIONS
from marketplace.domain.introductions import Answer, IntroductionState, Side, Standing
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.texts import check_text
from marketplace.records.brokerings import (
    Brokering,
    BrokeringCriterion,
    BrokeringProblem,
    Contract,
    Implementation,
    find_contract,
    find_implementation,
)
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction, Proposal, find_introductions
from marketplace.records.providers import Provider

BROKERING, INTRODUCTION = "brokering", "introduction"
PLATFORM = "platform"
MOST_TEXT = 5_000
# Verbs of the history that change nothing of what another one's form holds.
HARMLESS = ("attach", "say", "remind", "make_link", "answer_link")


@dataclass(frozen=True)
class Act:
    """Who acts and when. `today`: the day in the pilot's zone."""

    viewer: Viewer
    at: datetime
    today: date


@dataclass(frozen=True)
class Step(Act):
    """The same by the pilot's rules. `seen`: the last entry of the history on the page."""

    rules: BrokeringRules
    rating: RatingRules
    seen: int | None = None


def unseen(step: Step) -> Step:
    """The same step where the page knew another thing than the one that is locked."""
    return Step(step.viewer, step.at, step.today, step.rules, step.rating)


# What the platform itself does when a term is over.
CLOCK = Viewer(name="到期自动办理", roles=frozenset({Role.ADMIN}))


def locked(session: Session, brokering_id: int, step: Step) -> Brokering:
    """The brokering under lock: all that move it, or one of its introductions, queue here."""
    session.execute(select(Brokering.id).where(Brokering.id == brokering_id).with_for_update())
    brokering = session.get_one(Brokering, brokering_id, populate_existing=True)
    refuse_if_moved(session, BROKERING, brokering.id, seen=step.seen, at=step.at, harmless=HARMLESS)
    return brokering


def locked_introduction(session: Session, introduction_id: int, step: Step) -> Introduction:
    """The introduction, its brokering under lock. The provider's row comes first: whoever puts it out of the pool locks that one."""
    row = session.execute(select(Introduction.provider_id, Introduction.brokering_id).where(Introduction.id == introduction_id)).one()
    session.execute(select(Provider.id).where(Provider.id == row.provider_id).with_for_update())
    session.execute(select(Brokering.id).where(Brokering.id == row.brokering_id).with_for_update())
    introduction = session.get_one(Introduction, introduction_id, populate_existing=True)
    refuse_if_moved(session, INTRODUCTION, introduction.id, seen=step.seen, at=step.at, harmless=HARMLESS)
    return introduction


def given(text: str, label: str = _("理由"), *, most: int = MOST_TEXT) -> str:
    """A text that must be there."""
    for _field, refused in check_text("why", label, text, most=most, required=True):
        raise RefusedError(refused)
    return text.strip()


def refuse_first(faults: Iterable[tuple[str, Refused]]) -> None:
    for _field, refused in faults:
        raise RefusedError(refused)


def may_stand_for(viewer: Viewer, side: str, introduction: Introduction, right: str = "submit") -> bool:
    """Whether somebody may act for this side: a member of its organisation who holds the right."""
    if side == Side.PROVIDER:
        own, unit = introduction.provider_id in viewer.provider_ids, introduction.provider.organisation_id
    else:
        enterprise = introduction.brokering.enterprise
        own, unit = enterprise.id in viewer.enterprise_ids, enterprise.organisation_id
    return own and may_act_for(viewer, unit, right)


def must_choose(viewer: Viewer, enterprise: Enterprise) -> None:
    """What the enterprise decides, or the centre in its place."""
    own = enterprise.id in viewer.enterprise_ids and may_act_for(viewer, enterprise.organisation_id, "submit")
    refuse_unless(may(viewer, "choose", "brokering") or own)


def move(session: Session, brokering: Brokering, event: str, step: Act, why: str = "", roles: Iterable[Role] | None = None) -> None:
    """Move a brokering by an event of its table."""
    held = roles if roles is not None else roles_on(step.viewer, enterprise_id=brokering.enterprise_id)
    subject = situation_of(session, brokering)
    transition.apply(session, brokering, TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why, subject=subject)


def move_introduction(
    session: Session, introduction: Introduction, event: str, step: Act, why: str = "", roles: Iterable[Role] | None = None
) -> None:
    """Move an introduction by an event of its table."""
    viewer, own = step.viewer, introduction.brokering.enterprise_id
    held = roles if roles is not None else roles_on(viewer, provider_id=introduction.provider_id, enterprise_id=own)
    subject = standing_of(session, introduction, step.today)
    transition.apply(session, introduction, INTRODUCTIONS, event, actor=actor_of(viewer), roles=held, at=step.at, why=why, subject=subject)


def end_introduction(
    session: Session, introduction: Introduction, event: str, step: Act, why: str, roles: Iterable[Role] | None = None
) -> None:
    """The same for one that ends by it, and why."""
    introduction.reason, introduction.ended_at = why, step.at
    move_introduction(session, introduction, event, step, why, roles)


def situation_of(session: Session, brokering: Brokering) -> Situation:
    session.flush()
    done = find_implementation(session, brokering.id)
    return Situation(
        introductions=tuple(session.scalars(select(Introduction.state).where(Introduction.brokering_id == brokering.id))),
        weights=tuple(session.scalars(select(BrokeringCriterion.weight).where(BrokeringCriterion.brokering_id == brokering.id))),
        problems=session.scalar(select(func.count()).where(BrokeringProblem.brokering_id == brokering.id)) or 0,
        contract=find_contract(session, brokering.id) is not None,
        finish_reported=done is not None and done.finished is not None,
    )


def standing_of(session: Session, introduction: Introduction, today: date) -> Standing:
    session.flush()
    quoted = session.scalar(select(Proposal.id).where(Proposal.introduction_id == introduction.id).limit(1)) is not None
    pending = [row for row in introduction.answers if row.answer == Answer.PENDING]
    return Standing(
        answers={row.side: str(row.answer) for row in introduction.answers},
        provider=introduction.provider.state,
        quoted=quoted,
        today=today,
        silent_until=min((row.silent_until for row in pending), default=None),
    )


def feedback_owed(introduction: Introduction) -> bool:
    """Whoever talked and was not chosen is told why."""
    waits = introduction.state == IntroductionState.NOT_CHOSEN and introduction.talks_since is not None
    return waits and introduction.feedback_at is None


def part_of(introduction: Introduction) -> Part:
    pending = frozenset(row.side for row in introduction.answers if row.answer == Answer.PENDING)
    return Part(introduction.state, pending, feedback_owed(introduction))


@dataclass(frozen=True)
class Whole:
    """A brokering with all that hangs on it."""

    brokering: Brokering
    introductions: Sequence[Introduction]
    contract: Contract | None
    implementation: Implementation | None

    @property
    def finish_reported(self) -> bool:
        return self.implementation is not None and self.implementation.finished is not None

    @property
    def awarded(self) -> Introduction | None:
        return next((row for row in self.introductions if row.state == IntroductionState.AWARDED), None)

    def term(self, name: str) -> int:
        return int(self.brokering.terms[name])


def whole_of(session: Session, brokering: Brokering) -> Whole:
    introductions = find_introductions(session, brokering.id)
    return Whole(brokering, introductions, find_contract(session, brokering.id), find_implementation(session, brokering.id))


def terms_of(rules: BrokeringRules) -> dict[str, Any]:
    """The terms by which a brokering goes, kept with it."""
    names = ("provider", "enterprise", "centre", "quote", "award", "feedback", "contract", "remind", "lapse")
    return {name: getattr(rules, f"{name}_days") for name in names}
