"""Introductions (对接对象): what each side answered, what was said and offered between them, and one-time links to answer by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship

from marketplace.domain.access import Viewer, may
from marketplace.domain.introductions import OPEN, Answer, IntroductionState
from marketplace.records.brokerings import Brokering
from marketplace.records.columns import Json, PrimaryKey, PublicId, Record, UtcDateTime, stored
from marketplace.records.matches import Outcome
from marketplace.records.providers import Provider
from marketplace.records.solutions import Solution


class Introduction(Record):
    """`problem_id`: the problem for which it was found. `position`, `model`, `features`, `place`: as for a match event. `reason`: why
    it ended. `feedback`: what its provider was told when another one was chosen."""

    __tablename__ = "introductions"
    __table_args__ = (UniqueConstraint("brokering_id", "solution_id"), Index("ix_introductions_provider", "provider_id", "state"))

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    brokering_id: Mapped[int] = mapped_column(ForeignKey("brokerings.id"))
    problem_id: Mapped[int] = mapped_column(ForeignKey("problems.id"), index=True)
    solution_id: Mapped[int] = mapped_column(ForeignKey("solutions.id"), index=True)
    provider_id: Mapped[int] = mapped_column(ForeignKey("providers.id"))
    position: Mapped[int | None]
    model: Mapped[str] = mapped_column(String(64), default="")
    features: Mapped[dict[str, Any] | None] = mapped_column(Json)
    place: Mapped[str] = mapped_column(String(16), default="hand")
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    talks_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    feedback: Mapped[str] = mapped_column(Text, default="")
    feedback_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    feedback_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    outcome_id: Mapped[int | None] = mapped_column(ForeignKey("outcomes.id"))
    state: Mapped[IntroductionState] = mapped_column(stored(IntroductionState), default=IntroductionState.PROPOSED)
    brokering: Mapped[Brokering] = relationship(lazy="joined", innerjoin=True)
    solution: Mapped[Solution] = relationship(lazy="joined", innerjoin=True)
    provider: Mapped[Provider] = relationship(lazy="joined", innerjoin=True)
    outcome: Mapped[Outcome | None] = relationship()
    answers: Mapped[list[IntroductionAnswer]] = relationship(order_by="IntroductionAnswer.id", lazy="selectin")

    def answer_of(self, side: str) -> IntroductionAnswer | None:
        return next((row for row in self.answers if row.side == side), None)

    @property
    def is_mutual(self) -> bool:
        """Whether both have accepted: from here on the provider knows who the enterprise is, whatever follows."""
        return len(self.answers) == 2 and all(row.answer == Answer.ACCEPTED for row in self.answers)


class IntroductionAnswer(Record):
    """What one side said. `due`: its term; `days`: how many working days it took. `way`: how it was given where the centre wrote
    it down (代录), "" where the side answered itself."""

    __tablename__ = "introduction_answers"
    __table_args__ = (UniqueConstraint("introduction_id", "side"), Index("ix_introduction_answers_due", "answer", "due"))

    id: Mapped[PrimaryKey]
    introduction_id: Mapped[int] = mapped_column(ForeignKey("introductions.id"))
    side: Mapped[str] = mapped_column(String(16))
    answer: Mapped[Answer] = mapped_column(stored(Answer), default=Answer.PENDING)
    reason: Mapped[str] = mapped_column(String(32), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    asked_on: Mapped[date] = mapped_column(Date)
    due: Mapped[date] = mapped_column(Date)
    silent_until: Mapped[date] = mapped_column(Date)
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    days: Mapped[int | None]
    in_time: Mapped[bool | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    way: Mapped[str] = mapped_column(String(16), default="")
    by_link: Mapped[bool] = mapped_column(default=False)


class AnswerLink(Record):
    """A link by which one side answers once without logging in; only the hash of its secret is kept. `step`: answer or confirm."""

    __tablename__ = "answer_links"

    id: Mapped[PrimaryKey]
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    introduction_id: Mapped[int] = mapped_column(ForeignKey("introductions.id"), index=True)
    side: Mapped[str] = mapped_column(String(16))
    step: Mapped[str] = mapped_column(String(16))
    made_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    introduction: Mapped[Introduction] = relationship()


class IntroductionMessage(Record):
    """One line of the talks. `side`: enterprise, provider or centre. `met_on`: a note of a meeting; files hang on it."""

    __tablename__ = "introduction_messages"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    introduction_id: Mapped[int] = mapped_column(ForeignKey("introductions.id"), index=True)
    side: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    met_on: Mapped[date | None] = mapped_column(Date)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(100), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Proposal(Record):
    """What a provider offers. A new one is a new version; the latest counts, the others stay."""

    __tablename__ = "proposals"
    __table_args__ = (UniqueConstraint("introduction_id", "version"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    introduction_id: Mapped[int] = mapped_column(ForeignKey("introductions.id"))
    version: Mapped[int]
    price_fen: Mapped[int] = mapped_column(BigInteger)
    weeks: Mapped[int]
    scope: Mapped[str] = mapped_column(Text)
    valid_until: Mapped[date] = mapped_column(Date)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    way: Mapped[str] = mapped_column(String(16), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    answers: Mapped[list[ProposalAnswer]] = relationship(order_by="ProposalAnswer.id", lazy="selectin")


class ProposalAnswer(Record):
    """What a proposal says to one criterion (`meets`: yes, partly, no), and the score 0–10 that the enterprise or the centre gave."""

    __tablename__ = "proposal_answers"
    __table_args__ = (UniqueConstraint("proposal_id", "criterion_id"),)

    id: Mapped[PrimaryKey]
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("brokering_criteria.id"))
    meets: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text, default="")
    score: Mapped[int | None]
    scored_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    scored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def find_introduction(session: Session, public_id: str, viewer: Viewer) -> Introduction | None:
    """For staff; for its enterprise and its own provider once it was sent."""
    found = session.scalar(select(Introduction).where(Introduction.public_id == public_id))
    if found is None or may(viewer, "read", "brokering"):
        return found
    own = found.provider_id in viewer.provider_ids or found.brokering.enterprise_id in viewer.enterprise_ids
    return found if own and found.sent_at is not None else None


def find_introductions(session: Session, brokering_id: int, *, lock: bool = False) -> Sequence[Introduction]:
    query = select(Introduction).where(Introduction.brokering_id == brokering_id).order_by(Introduction.id)
    return session.scalars(query.with_for_update(of=Introduction) if lock else query).all()


def find_introductions_of(session: Session, brokering_ids: Collection[int]) -> dict[int, list[Introduction]]:
    """Of several brokerings at once, for lists."""
    found: dict[int, list[Introduction]] = {number: [] for number in brokering_ids}
    query = select(Introduction).where(Introduction.brokering_id.in_(brokering_ids)).order_by(Introduction.id)
    for row in session.scalars(query):
        found[row.brokering_id].append(row)
    return found


def find_own_introductions(session: Session, provider_ids: Collection[int], *, offset: int, most: int) -> Sequence[Introduction]:
    """What was sent to these providers, the latest first."""
    query = select(Introduction).where(Introduction.provider_id.in_(provider_ids), Introduction.sent_at.is_not(None))
    return session.scalars(query.order_by(Introduction.id.desc()).offset(offset).limit(most)).all()


def count_own_introductions(session: Session, provider_ids: Collection[int]) -> int:
    query = select(func.count()).select_from(Introduction)
    return session.scalar(query.where(Introduction.provider_id.in_(provider_ids), Introduction.sent_at.is_not(None))) or 0


def find_open_of_provider(session: Session, provider_id: int) -> Sequence[Introduction]:
    """What is under way with a provider."""
    query = select(Introduction).where(Introduction.provider_id == provider_id, Introduction.state.in_(OPEN))
    return session.scalars(query.order_by(Introduction.brokering_id, Introduction.id)).all()


def find_messages(session: Session, introduction_id: int) -> Sequence[IntroductionMessage]:
    query = select(IntroductionMessage).where(IntroductionMessage.introduction_id == introduction_id)
    return session.scalars(query.order_by(IntroductionMessage.id)).all()


def find_proposals(session: Session, introduction_id: int) -> Sequence[Proposal]:
    """All versions, the latest first."""
    return session.scalars(select(Proposal).where(Proposal.introduction_id == introduction_id).order_by(Proposal.version.desc())).all()


def find_latest_proposals(session: Session, introduction_ids: Iterable[int]) -> Mapping[int, Proposal]:
    """Introduction → the proposal that counts."""
    query = select(Proposal).where(Proposal.introduction_id.in_(list(introduction_ids))).order_by(Proposal.version)
    return {row.introduction_id: row for row in session.scalars(query)}


def find_overdue(session: Session, answer_due_before: date) -> Sequence[IntroductionAnswer]:
    """Answers that did not come, with their introductions, by term."""
    query = select(IntroductionAnswer).join(Introduction, Introduction.id == IntroductionAnswer.introduction_id)
    query = query.where(IntroductionAnswer.answer == Answer.PENDING, IntroductionAnswer.due < answer_due_before)
    return session.scalars(query.where(Introduction.state == IntroductionState.SENT).order_by(IntroductionAnswer.id)).all()


def find_link_by_hash(session: Session, secret_hash: str, *, lock: bool = False) -> AnswerLink | None:
    query = select(AnswerLink).where(AnswerLink.secret_hash == secret_hash)
    return session.scalar(query.with_for_update(of=AnswerLink) if lock else query.options(joinedload(AnswerLink.introduction)))


def count_reasons(session: Session) -> dict[str, int]:
    """Reason for declining → how often it was given."""
    query = select(IntroductionAnswer.reason, func.count()).where(IntroductionAnswer.answer == Answer.DECLINED)
    return dict(session.execute(query.group_by(IntroductionAnswer.reason)).all())


def find_response_times(session: Session, since: date) -> Sequence[tuple[str, str, int | None, bool, bool]]:
    """(side, answer, working days, answered in time, lapsed) of what was asked since a day."""
    lapsed = Introduction.state == IntroductionState.LAPSED
    query = select(IntroductionAnswer.side, IntroductionAnswer.answer, IntroductionAnswer.days, IntroductionAnswer.in_time, lapsed)
    query = query.join(Introduction, Introduction.id == IntroductionAnswer.introduction_id).where(IntroductionAnswer.asked_on >= since)
    return [(side, str(answer), days, bool(timely), bool(over)) for side, answer, days, timely, over in session.execute(query)]
