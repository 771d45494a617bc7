"""Cases of dynamic adjustment, the appeals against them, and what a decision touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, Text, and_, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.sql.elements import ColumnElement

from marketplace.domain.access import Viewer, may
from marketplace.domain.adjustments import OPEN, RUNNING, TOLD, AdjustmentKind, AdjustmentState
from marketplace.domain.appeals import AppealState
from marketplace.domain.introductions import IntroductionState
from marketplace.domain.problems import ProblemState
from marketplace.domain.providers import ProviderState
from marketplace.domain.solutions import SolutionState
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, Rows, UtcDateTime, stored
from marketplace.records.enterprises import Enterprise
from marketplace.records.introductions import Introduction
from marketplace.records.matches import Decision, Outcome
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution

_OPEN = text("state IN ('proposed', 'confirming')")
# Nothing is to be done any more.
CLOSED = frozenset(AdjustmentState) - OPEN - RUNNING


class Adjustment(Record):
    """One case. `rule`: which rule proposed it ("" for a person); `conduct`: which serious conduct, a key of the pilot's list.

    `evidence`: rows of {ref, text, noun, public_ref}; files hang on it as attachments. `effects`: what the deciders saw, as it
    was then. `state_before`: the provider's state when it took effect.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        Index("uq_adjustments_one_open", "provider_id", "kind", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_adjustments_state", "state", "proposed_at"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"), index=True)
    kind: Mapped[AdjustmentKind] = mapped_column(stored(AdjustmentKind))
    state: Mapped[AdjustmentState] = mapped_column(stored(AdjustmentState), default=AdjustmentState.PROPOSED)
    rule: Mapped[str] = mapped_column(String(32), default="")
    conduct: Mapped[str] = mapped_column(String(32), default="")
    reason: Mapped[str] = mapped_column(Text)
    evidence: Mapped[Rows]
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Until when the bureau should take its next step.
    step_by: Mapped[date | None] = mapped_column(Date)
    decision_reason: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    effects: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    state_before: Mapped[ProviderState | None] = mapped_column(stored(ProviderState))
    appeal_until: Mapped[date | None] = mapped_column(Date)
    reapply_from: Mapped[date | None] = mapped_column(Date)
    # A rectification: its term, its one extension, what was handed in, how it was judged.
    due: Mapped[date | None] = mapped_column(Date)
    extension_reason: Mapped[str] = mapped_column(Text, default="")
    extension_asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    extension_answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    extended_from: Mapped[date | None] = mapped_column(Date)
    extension_answer: Mapped[str] = mapped_column(Text, default="")
    rectification: Mapped[str] = mapped_column(Text, default="")
    handed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    judgement: Mapped[str] = mapped_column(Text, default="")
    judged_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    paused_on: Mapped[date | None] = mapped_column(Date)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    provider: Mapped[Provider] = relationship(lazy="joined", innerjoin=True)
    appeals: Mapped[list[Appeal]] = relationship(back_populates="adjustment", order_by="Appeal.id")

    @property
    def extension_waits(self) -> bool:
        return self.extension_asked_at is not None and self.extension_answered_at is None


class Appeal(Record):
    """What the provider says against a decision, and what became of it. `suspends`: the decision rests until it is answered."""

    __tablename__ = "appeals"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    adjustment_id: Mapped[int] = mapped_column(ForeignKey("adjustments.id"), unique=True)
    state: Mapped[AppealState] = mapped_column(stored(AppealState), default=AppealState.FILED, index=True)
    text: Mapped[str] = mapped_column(Text)
    filed_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    filed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decide_by: Mapped[date] = mapped_column(Date)
    suspends: Mapped[bool] = mapped_column(default=False)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reasons: Mapped[str] = mapped_column(Text, default="")
    adjustment: Mapped[Adjustment] = relationship(back_populates="appeals", lazy="joined", innerjoin=True)


def find_adjustment(session: Session, public_id: str, viewer: Viewer) -> Adjustment | None:
    """The case if this person may read it: staff every one, a provider its own once it was decided."""
    found = session.scalar(select(Adjustment).where(Adjustment.public_id == public_id))
    if found is None or may(viewer, "read", "adjustment"):
        return found
    own = may(viewer, "read_own", "adjustment") and found.provider_id in viewer.provider_ids
    return found if own and found.state in TOLD else None


def _told_to(provider_ids: Iterable[int]) -> ColumnElement[bool]:
    return and_(Adjustment.provider_id.in_(list(provider_ids)), Adjustment.state.in_(TOLD))


def find_own_adjustments(session: Session, provider_ids: Iterable[int], *, offset: int, most: int) -> Sequence[Adjustment]:
    """What was decided about these providers, the latest first."""
    query = select(Adjustment).where(_told_to(provider_ids)).options(selectinload(Adjustment.appeals))
    query = query.order_by(Adjustment.decided_at.desc(), Adjustment.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def count_own_adjustments(session: Session, provider_ids: Iterable[int]) -> int:
    return session.scalar(select(func.count()).select_from(Adjustment).where(_told_to(provider_ids))) or 0


def has_own_adjustments(session: Session, provider_ids: Iterable[int]) -> bool:
    return session.scalar(select(Adjustment.id).where(_told_to(provider_ids)).limit(1)) is not None


def count_adjustments(session: Session) -> dict[AdjustmentState, int]:
    """How many cases are in each state."""
    return dict(session.execute(select(Adjustment.state, func.count()).group_by(Adjustment.state)).all())


def find_waiting(session: Session, *, offset: int, most: int) -> Sequence[Adjustment]:
    """What waits for a decision, the most urgent first."""
    query = select(Adjustment).where(Adjustment.state.in_(OPEN)).order_by(Adjustment.step_by, Adjustment.id)
    return session.scalars(query.offset(offset).limit(most)).all()


def find_running(session: Session, *, offset: int, most: int) -> Sequence[Adjustment]:
    """Rectifications that run, by term."""
    query = select(Adjustment).where(Adjustment.state.in_(RUNNING)).order_by(Adjustment.due, Adjustment.id)
    return session.scalars(query.offset(offset).limit(most)).all()


def find_filed_appeals(session: Session, *, offset: int, most: int) -> Sequence[Appeal]:
    query = select(Appeal).where(Appeal.state == AppealState.FILED).order_by(Appeal.decide_by, Appeal.id)
    return session.scalars(query.offset(offset).limit(most)).all()


def count_filed_appeals(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Appeal).where(Appeal.state == AppealState.FILED)) or 0


def find_closed(session: Session, *, offset: int, most: int) -> Sequence[Adjustment]:
    """Cases in which nothing waits any more, the latest first."""
    query = select(Adjustment).where(Adjustment.state.in_(CLOSED)).order_by(Adjustment.proposed_at.desc(), Adjustment.id.desc())
    return session.scalars(query.offset(offset).limit(most)).all()


def find_open_of(session: Session, provider_id: int) -> Sequence[Adjustment]:
    """Cases about a provider that wait for a decision."""
    query = select(Adjustment).where(Adjustment.provider_id == provider_id, Adjustment.state.in_(OPEN))
    return session.scalars(query.order_by(Adjustment.id)).all()


def find_rectification(session: Session, provider_id: int, states: Iterable[AdjustmentState]) -> Adjustment | None:
    """The provider's latest rectification, if it is in one of these states."""
    query = select(Adjustment).where(Adjustment.provider_id == provider_id, Adjustment.kind == AdjustmentKind.RECTIFY)
    query = query.where(Adjustment.state.in_(list(states))).order_by(Adjustment.decided_at.desc(), Adjustment.id.desc())
    return session.scalars(query.limit(1)).first()


def find_in_effect(session: Session, provider_id: int, *, without: int = 0) -> Adjustment | None:
    """The decision from which the provider's state follows: the latest that was not taken back. `without`: leave this one out."""
    taken = TOLD - {AdjustmentState.REVOKED}
    query = select(Adjustment).where(Adjustment.provider_id == provider_id, Adjustment.state.in_(taken), Adjustment.id != without)
    return session.scalars(query.order_by(Adjustment.decided_at.desc(), Adjustment.id.desc()).limit(1)).first()


def find_decision_before(session: Session, case: Adjustment, kinds: Iterable[AdjustmentKind]) -> Adjustment | None:
    """The latest decision of these kinds about the same provider before this one, whatever became of it."""
    query = select(Adjustment).where(Adjustment.provider_id == case.provider_id, Adjustment.kind.in_(list(kinds)))
    query = query.where(Adjustment.decided_at.is_not(None), Adjustment.decided_at <= case.decided_at, Adjustment.id != case.id)
    return session.scalars(query.order_by(Adjustment.decided_at.desc(), Adjustment.id.desc()).limit(1)).first()


@dataclass(frozen=True)
class Effects:
    """What a decision touches: rows of {id, enterprise, problem, solution}, and of {id, title}."""

    running: tuple[Mapping[str, Any], ...]
    open: tuple[Mapping[str, Any], ...]
    solutions: tuple[Mapping[str, Any], ...]

    def stored(self) -> dict[str, Any]:
        rows = {"running": self.running, "open": self.open, "solutions": self.solutions}
        return {name: [dict(row) for row in found] for name, found in rows.items()}


def find_effects(session: Session, provider_id: int) -> Effects:
    """Running: accepted and not finished. Open: proposed or sent, not answered, and the problem still waits. Solutions: published."""
    query = select(Outcome, Problem, Organisation.name, Solution.title).join(Problem, Problem.id == Outcome.problem_id)
    query = query.join(Enterprise, Enterprise.id == Problem.enterprise_id).join(Organisation, Organisation.id == Enterprise.organisation_id)
    query = query.join(Solution, Solution.id == Outcome.solution_id)
    query = query.where(Outcome.provider_id == provider_id, Outcome.acceptance.is_(None), Outcome.decision != Decision.DECLINED)
    running: list[Mapping[str, Any]] = []
    waiting: list[Mapping[str, Any]] = []
    for outcome, problem, name, title in session.execute(query.order_by(Outcome.proposed, Outcome.id)):
        row = {"id": outcome.id, "enterprise": name, "problem": problem.text[:80], "solution": title}
        if outcome.decision == Decision.ACCEPTED:
            running.append(row)
        elif problem.state == ProblemState.OPEN:
            waiting.append(row)
    asked = select(Introduction.id, Organisation.name, Problem.text, Solution.title).join(Solution, Solution.id == Introduction.solution_id)
    asked = asked.join(Problem, Problem.id == Introduction.problem_id).join(Enterprise, Enterprise.id == Problem.enterprise_id)
    asked = asked.join(Organisation, Organisation.id == Enterprise.organisation_id)
    asked = asked.where(Introduction.provider_id == provider_id, Introduction.state == IntroductionState.SENT).order_by(Introduction.id)
    for number, name, words, title in session.execute(asked):
        waiting.append({"id": number, "enterprise": name, "problem": words[:80], "solution": title})
    offered = select(Solution.id, Solution.title).where(Solution.provider_id == provider_id, Solution.state == SolutionState.PUBLISHED)
    solutions = [{"id": number, "title": title} for number, title in session.execute(offered.order_by(Solution.id))]
    return Effects(tuple(running), tuple(waiting), tuple(solutions))


def find_clients(session: Session, provider_id: int) -> Sequence[Enterprise]:
    """Enterprises with running work of this provider."""
    running = select(Problem.enterprise_id).join(Outcome, Outcome.problem_id == Problem.id)
    running = running.where(Outcome.provider_id == provider_id, Outcome.decision == Decision.ACCEPTED, Outcome.acceptance.is_(None))
    return session.scalars(select(Enterprise).where(Enterprise.id.in_(running)).order_by(Enterprise.id)).all()


def is_involved(session: Session, viewer: Viewer, provider_id: int) -> bool:
    """Whether somebody is told what became of a provider: staff, its own members, enterprises that had a match with it."""
    if viewer.is_staff or provider_id in viewer.provider_ids:
        return True
    if not viewer.enterprise_ids:
        return False
    query = select(Outcome.id).join(Problem, Problem.id == Outcome.problem_id)
    query = query.where(Outcome.provider_id == provider_id, Problem.enterprise_id.in_(viewer.enterprise_ids))
    return session.scalar(query.limit(1)) is not None
