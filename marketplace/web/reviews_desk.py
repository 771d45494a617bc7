"""What the desk of one review shows: the application, its experts, their scores side by side, decisions and objections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.admission import findings
from marketplace.domain.access import Viewer, may
from marketplace.domain.applications import TABLE, ApplicationState, Ball
from marketplace.domain.decisions import DecisionState
from marketplace.domain.lifecycle import Refused, Transition, _, allowed_events
from marketplace.domain.objections import TABLE as OBJECTION_TABLE
from marketplace.domain.review_rules import Check, Criterion
from marketplace.domain.reviews import (
    HAS_SCORED,
    Row,
    ball_of_review,
    joint_is_open,
    side_by_side,
    too_far_apart,
    why_not_close,
    why_not_decide,
)
from marketplace.faults import said
from marketplace.records.accounts import Account
from marketplace.records.applications import ProviderApplication
from marketplace.records.decisions import Decision
from marketplace.records.experts import DrawLog, find_draws
from marketplace.records.files import LETTER, Attachment, find_attachments
from marketplace.records.history import HistoryEntry, find_last_entry
from marketplace.records.objections import Objection, find_objections
from marketplace.records.reviews import Review, ReviewAssignment, find_review
from marketplace.site import current_site
from marketplace.web.applications_shown import ShownSection, ball_of
from marketplace.web.draws_shown import Shortfall, shortfall
from marketplace.web.language import language, say
from marketplace.web.reviews_shown import read_sections
from marketplace.web.terms import today

# Refusals that ask for a better filled form; all others say that things stand otherwise than the page showed.
TO_BE_FILLED = frozenset(
    {
        "required", "too_long", "too_short", "reason_missing", "remarks_missing", "remark_missing", "answer_missing", "score_missing",
        "score_range", "discussion_missing", "form_check_failed", "wanted_range", "unknown_section", "unknown_event", "scores_incomplete",
    }
)  # fmt: skip
# Event of a decision → the words of its button, and of what was proposed.
DECISIONS = {"publish": _("公示"), "admit": _("同意入库"), "refuse": _("不予入库")}


def word_of(thing: Criterion | Check) -> str:
    """The name of a criterion or question, in the language of the page."""
    return thing.en if language() == "en" else thing.name


def status_of(refused: Refused) -> int:
    return 429 if refused.code.startswith("too_many_objections") else 422 if refused.code in TO_BE_FILLED else 409


@dataclass(frozen=True)
class ScoreTable:
    """Scores side by side. `names`: heads of the columns; `far`: rows that must be discussed."""

    names: Sequence[str]
    rows: Sequence[Row]
    far: Sequence[Row]

    def is_far(self, row: Row) -> bool:
        return any(row is one for one in self.far)


def score_table(assignments: Sequence[ReviewAssignment], *, named: bool, own: int | None = None) -> ScoreTable | None:
    """None before the joint stage: until then nobody sees what another one thinks. Experts see each other by number only."""
    rules = current_site().pilot.review
    # A review that is over stays open to be read, whatever the rules ask for by then.
    if not joint_is_open([one.state for one in assignments], min(rules.least_experts, len(assignments))):
        return None
    counted = [one for one in assignments if one.state in HAS_SCORED]
    criteria = [criterion for criterion in rules.criteria if all(criterion.key in one.scores for one in counted)]
    rows = side_by_side(criteria, [one.scores for one in counted])
    if not rows:
        return None
    names = [
        one.expert.name if named else say("您") if one.id == own else say("专家 {number}", number=number)
        for number, one in enumerate(counted, 1)
    ]
    return ScoreTable(names, rows, too_far_apart(rows, rules.largest_spread))


@dataclass(frozen=True)
class Step:
    """One entry of the history, as people read it."""

    at: datetime
    who: str
    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Desk:
    application: ProviderApplication
    review: Review | None
    sections: Sequence[ShownSection]
    letters: Sequence[Attachment]
    ball: Ball | None
    events: Sequence[Transition]
    draws: Sequence[DrawLog]
    short: Shortfall | None
    table: ScoreTable | None
    why_not_close: Refused | None
    waiting: Decision | None
    decisions: Sequence[Decision]
    names: Mapping[int, str]
    objections: Sequence[Objection]
    objection_events: Sequence[Transition]
    obstacles: Mapping[str, str]
    steps: Sequence[Step]
    seen: int
    review_seen: int
    organises: bool
    decides: bool

    def is_mine(self, account_id: int) -> bool:
        """Whether the viewer is who is waited for: one of those who decide, but never for the second time in one decision."""
        if self.ball is None or (self.waiting is not None and self.waiting.proposed_by == account_id):
            return False
        return (self.ball.who == "manager" and self.organises) or (self.ball.who == "deciders" and self.decides)

    def may_event(self, event: str) -> bool:
        return any(row.event == event for row in self.events)

    def name(self, account_id: int | None) -> str:
        return self.names.get(account_id or 0, "–")


def read_desk(session: Session, application: ProviderApplication, viewer: Viewer) -> Desk:
    """All of it: a constant number of statements, however many experts there are."""
    rules = current_site().pilot.review
    review = find_review(session, application.id)
    assignments = list(review.assignments) if review is not None else []
    states = [one.state for one in assignments]
    events = allowed_events(TABLE, application.state, viewer.roles)
    query = select(Decision).where(Decision.noun == "application", Decision.noun_id == application.id).order_by(Decision.id.desc())
    decisions = session.scalars(query).all()
    people = {one.proposed_by for one in decisions} | {one.second_person for one in decisions}
    objections = find_objections(session, review.id) if review is not None else []
    people |= {one.answered_by for one in objections}
    if review is not None:
        people |= {review.form_checked_by, review.joint_by}
    names = dict(session.execute(select(Account.id, Account.name).where(Account.id.in_([one for one in people if one]))).all())
    joint_written = review is not None and review.joint_written
    waits = next((one for one in decisions if one.state == DecisionState.PROPOSED), None)
    draws = find_draws(session, application.id)
    return Desk(
        application=application,
        review=review,
        sections=read_sections(session, application),
        letters=[file for file in find_attachments(session, "application", application.id) if file.kind == LETTER],
        ball=_ball(application, states, waits, joint_written=joint_written),
        events=events,
        draws=draws,
        short=shortfall(draws),
        table=score_table(assignments, named=True) if assignments else None,
        why_not_close=why_not_close(states, rules, joint_written=joint_written),
        waiting=waits,
        decisions=[one for one in decisions if one.state != DecisionState.PROPOSED],
        names=names,
        objections=objections,
        objection_events=allowed_events(OBJECTION_TABLE, "open", viewer.roles),
        obstacles=_obstacles(session, application, review, events),
        steps=_steps(session, application, review),
        seen=find_last_entry(session, "application", application.id),
        review_seen=find_last_entry(session, "review", review.id) if review is not None else 0,
        organises=may(viewer, "organise", "review"),
        decides=may(viewer, "decide", "review"),
    )


def _ball(application: ProviderApplication, states: Sequence[str], waits: Decision | None, *, joint_written: bool) -> Ball | None:
    """Who has the ball, as exactly as those know who sit at this desk."""
    if waits is not None:
        return Ball("deciders", _("复核这项决定"), None, _("告知结果"))
    if application.state != ApplicationState.UNDER_REVIEW:
        return ball_of(application)
    return ball_of_review(why_not_close(states, current_site().pilot.review, joint_written=joint_written))


def _obstacles(session: Session, application: ProviderApplication, review: Review | None, events: Sequence[Transition]) -> dict[str, str]:
    """Decision → why it cannot be proposed now; "" where nothing stands in its way."""
    if review is None or application.state not in (ApplicationState.REVIEWED, ApplicationState.PUBLICITY):
        return {}
    rules, found = current_site().pilot.review, findings(session, application, review)
    told: dict[str, str] = {}
    for row in events:
        if row.event in DECISIONS:
            refused = (row.guard(application) if row.guard else None) or why_not_decide(row.event, found, rules, today())
            told[row.event] = said(refused.message, refused.values) if refused else ""
    return told


# Verb of the history → what people read.
_VERBS = {
    "submit": _("提交申报"), "accept": _("受理"), "send_back": _("退回补正"), "close_review": _("评审结束"), "publish": _("公示"), "admit": _("同意入库"),
    "refuse": _("不予入库"), "withdraw": _("撤回申报"), "lapse": _("逾期未补正，按撤回处理"), "propose": _("提出决定"), "draw": _("抽取专家"),
    "write_joint": _("填写联合意见"), "create": _("开始申报"),
}  # fmt: skip


def _steps(session: Session, application: ProviderApplication, review: Review | None) -> list[Step]:
    """What happened to the application and its review, the latest first. What each expert did stays with the experts."""
    about = (HistoryEntry.noun == "application") & (HistoryEntry.noun_id == application.id)
    if review is not None:
        about = about | ((HistoryEntry.noun == "review") & (HistoryEntry.noun_id == review.id))
    query = select(HistoryEntry).where(about, HistoryEntry.verb.in_(list(_VERBS))).order_by(HistoryEntry.id.desc()).limit(50)
    return [Step(one.at, one.actor.rpartition("（")[0] or one.actor, say(_VERBS[one.verb]), one.why) for one in session.scalars(query)]
