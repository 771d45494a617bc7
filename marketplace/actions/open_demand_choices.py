"""The end of an open demand: some answers are chosen and become introductions of a brokering, or none is suitable.

Whoever is chosen has accepted by answering, the enterprise by choosing: both have said yes, and the talks begin at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.brokering_next import settle as settle_brokering
from marketplace.actions.brokering_outcomes import note, rate_response
from marketplace.actions.brokering_steps import given
from marketplace.actions.brokering_steps import move as move_brokering
from marketplace.actions.brokerings import Line, begin, put_criteria, put_lines, send_introductions
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.introduction_talks import FILE, PROPOSAL, put_proposal
from marketplace.actions.introductions import BEHALF, begin_talks
from marketplace.actions.match_events import note_match
from marketplace.actions.open_answers import stored_of
from marketplace.actions.open_demand_steps import DEMAND, VERSION, OpenStep, faults_of_own, locked, move, writes_for
from marketplace.actions.open_demands_next import settle
from marketplace.actions.open_demands_told import tell_centre, tell_enterprise, tell_provider
from marketplace.actions.roles import actor_of, refuse_unless, roles_on
from marketplace.domain.access import Role, may
from marketplace.domain.brokerings import CriterionDraft
from marketplace.domain.introductions import WAYS, ProposalDraft, Side, check_proposal
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.money import exact_text
from marketplace.domain.open_answers import TABLE, OpenAnswerState
from marketplace.domain.problems import ProblemState
from marketplace.files.store import StoredBlob
from marketplace.records.brokerings import Brokering, find_criteria
from marketplace.records.database import Database
from marketplace.records.files import find_attachments
from marketplace.records.introductions import Introduction
from marketplace.records.match_events import MatchEventKind
from marketplace.records.open_demands import OpenAnswer, OpenDemand, find_demand_criteria, find_demand_problems, find_open_answers
from marketplace.records.providers import Provider

PLACE = "demand"


@dataclass
class Choice:
    """`answers`: ids of the chosen, with how the recommender saw each where it did. `feedback`: for every other one, `each` (id → text)
    for some. `way`, `proof`: where the centre writes down what the enterprise decided (代录)."""

    answers: Mapping[int, Line | None] = field(default_factory=dict)
    feedback: str = ""
    each: Mapping[int, str] = field(default_factory=dict)
    way: str = ""
    proof: StoredBlob | None = None


def conclude(database: Database, demand_id: int, choice: Choice, step: OpenStep) -> Brokering:
    """Talk with these. A brokering begins in which both sides have accepted, with what was answered as its first proposals."""
    with database.writing() as session:
        demand, rows = _begin(session, demand_id, choice, step)
        chosen = [row for row in rows if row.id in choice.answers]
        others = [row for row in rows if row.id not in choice.answers]
        move(session, demand, "conclude", step, chosen=len(chosen))
        brokering, introductions = _broker(session, demand, chosen, choice, step)
        demand.brokering_id, demand.ended_at = brokering.id, step.at
        for row, introduction in zip(chosen, introductions, strict=True):
            row.introduction_id = introduction.id
            _move(session, row, "choose", step)
        _not_chosen(session, demand, others, choice, step)
        _write_proof(session, demand, choice, step)
        settle(session, demand, step)
        settle_brokering(session, brokering, at=step.at, today=step.today)
        message = _("公开需求 {number} 已选定 {count} 家洽谈，对接单 {brokering} 已建立。")
        values = {"count": len(chosen), "brokering": brokering.number}
        tell_enterprise(session, demand, message, step.at, without=step.viewer.account_id, **values)
        tell_centre(session, demand, message, step.at, without=step.viewer.account_id, **values)
        return brokering


def none_suitable(database: Database, demand_id: int, choice: Choice, step: OpenStep, *, why: str) -> OpenDemand:
    """None of the answers will do, or there is none; the reason stays with the demand, the providers are told."""
    with database.writing() as session:
        demand, rows = _begin(session, demand_id, choice, step)
        demand.reason, demand.ended_at = given(why), step.at
        move(session, demand, "none_suitable", step, demand.reason)
        _not_chosen(session, demand, rows, choice, step)
        _write_proof(session, demand, choice, step)
        settle(session, demand, step)
        tell_centre(
            session, demand, _("公开需求 {number} 没有合适的应答：{why}"), step.at, without=step.viewer.account_id, why=demand.reason
        )
        return demand


def _begin(session: Session, demand_id: int, choice: Choice, step: OpenStep) -> tuple[OpenDemand, Sequence[OpenAnswer]]:
    # Providers before the demand: whoever puts one out of the pool locks it first.
    numbers = select(OpenAnswer.provider_id).where(OpenAnswer.demand_id == demand_id)
    session.execute(select(Provider.id).where(Provider.id.in_(numbers)).order_by(Provider.id).with_for_update())
    demand = locked(session, demand_id, step)
    own = writes_for(step.viewer, demand.enterprise)
    refuse_unless(own or may(step.viewer, "choose", DEMAND))
    if own:
        choice.way, choice.proof = "", None
    elif choice.way not in WAYS:
        raise RefusedError(Refused("no_way", _("代录要写明对方怎样答复的：电话、当面、微信、邮件还是书面。")))
    elif choice.proof is None:
        raise RefusedError(Refused("no_proof", _("代录要附上凭据（通话记录、聊天截图、盖章回函等）。")))
    rows = [row for row in find_open_answers(session, demand.id) if row.state == OpenAnswerState.GIVEN]
    if not set(choice.answers) <= {row.id for row in rows}:
        raise RefusedError(Refused("unknown_answer", _("有一家的应答已不在，请刷新后重新选。")))
    return demand, rows


def _broker(
    session: Session, demand: OpenDemand, chosen: Sequence[OpenAnswer], choice: Choice, step: OpenStep
) -> tuple[Brokering, list[Introduction]]:
    """The brokering in which both sides have accepted; its first proposals are what was answered."""
    problems = [row.id for row in find_demand_problems(session, demand.id) if row.state == ProblemState.OPEN]
    runs = may(step.viewer, "run", "brokering")
    brokering = begin(session, demand.enterprise_id, problems, step, place=PLACE, officer_id=step.viewer.account_id if runs else None)
    brokering.title = demand.title
    lines = [choice.answers[row.id] or Line(row.latest.solution_id) for row in chosen]
    introductions = put_lines(session, brokering, lines, step)
    criteria = find_demand_criteria(session, demand.id)
    if criteria:
        put_criteria(session, brokering, [CriterionDraft(one.text, one.kind, one.weight) for one in criteria], step)
    # The centre has checked the demand, and with it that this follows.
    move_brokering(session, brokering, "send", step, roles=(Role.CENTRE,))
    brokering.sent_at = step.at
    send_introductions(session, brokering, introductions, step, agreed=frozenset(str(side) for side in Side))
    numbers = dict(zip((one.id for one in criteria), (one.id for one in find_criteria(session, brokering.id)), strict=True))
    for row, introduction in zip(chosen, introductions, strict=True):
        _accepted(session, row, introduction, choice, step)
        _carry_over(session, demand, row, introduction, numbers, step)
    return brokering, introductions


def _accepted(session: Session, row: OpenAnswer, introduction: Introduction, choice: Choice, step: OpenStep) -> None:
    """The provider said yes when it answered, the enterprise says it now."""
    given_by = introduction.answer_of(Side.PROVIDER)
    assert given_by is not None
    given_by.account_id, given_by.text = row.latest.account_id, row.latest.text[:2_000]
    if choice.proof is not None:
        agreed = introduction.answer_of(Side.ENTERPRISE)
        assert agreed is not None
        agreed.way = choice.way
        unit = row.demand.enterprise.organisation_id
        attach(
            session, choice.proof, noun="introduction", noun_id=introduction.id, kind=f"{BEHALF}_{Side.ENTERPRISE}", organisation_id=unit,
            viewer=step.viewer, at=step.at,
        )  # fmt: skip
    session.flush()
    after = {"side": "enterprise", "answer": "accepted", "demand": row.demand.number, "way": choice.way}
    record(
        session,
        actor=actor_of(step.viewer),
        verb="answer",
        noun="introduction",
        noun_id=introduction.id,
        before=None,
        after=after,
        at=step.at,
    )
    for side in Side:
        note(session, introduction, MatchEventKind.ACCEPTED, step.at, side=side)
    rate_response(session, introduction, step, days=0)
    begin_talks(session, introduction, step)


def _carry_over(
    session: Session, demand: OpenDemand, row: OpenAnswer, introduction: Introduction, criteria: Mapping[int, int], step: OpenStep
) -> None:
    """What was answered, as the first proposal: the upper end of its price. What is valid no longer is left to be offered anew."""
    latest = row.latest
    answers = {new: latest.said_to(old) for old, new in criteria.items()}
    span = f"{exact_text(latest.price_low_fen)}–{exact_text(latest.price_high_fen)}"
    scope = f"{latest.text}\n\n（应答公开需求 {demand.number}，报价区间{span}万元，按上限计。）"[:10_000]
    draft = ProposalDraft(latest.price_high_fen, latest.weeks, scope, latest.valid_until, answers)
    if list(check_proposal(draft, dict.fromkeys(answers, ""), step.today)):
        return
    proposal = put_proposal(session, introduction, draft, step, account_id=latest.account_id, way="", roles=(Role.PROVIDER,))
    for file in find_attachments(session, VERSION, latest.id):
        attach(
            session, stored_of(file), noun=PROPOSAL, noun_id=proposal.id, kind=FILE, organisation_id=row.provider.organisation_id,
            viewer=step.viewer, at=step.at, counted=False,
        )  # fmt: skip


def _not_chosen(session: Session, demand: OpenDemand, rows: Sequence[OpenAnswer], choice: Choice, step: OpenStep) -> None:
    """Everybody else is told why, and the ranking learns it."""
    problems = find_demand_problems(session, demand.id)
    texts: list[tuple[OpenAnswer, str]] = [
        (row, given(choice.each.get(row.id, "").strip() or choice.feedback, _("落选反馈"))) for row in rows
    ]
    said = {"feedback": "\n".join(text for _row, text in texts), "why": demand.reason}
    for _field, refused in faults_of_own(said, demand.enterprise, step, shows_name=demand.shows_name):
        raise RefusedError(refused)
    for row, text in texts:
        row.feedback = text
        _move(session, row, "not_choose", step, text)
        note_match(
            session, MatchEventKind.DECLINED, problem_id=problems[0].id, solution_id=row.latest.solution_id, provider_id=row.provider_id,
            at=step.at, place=PLACE, side=str(Side.ENTERPRISE),
        )  # fmt: skip
        message = _("公开需求 {number} 没有选定贵单位：{why}")
        tell_provider(session, demand, row.provider, message, step.at, why=text)


def _move(session: Session, row: OpenAnswer, event: str, step: OpenStep, why: str = "") -> None:
    session.flush()
    roles = roles_on(step.viewer, enterprise_id=row.demand.enterprise_id)
    transition.apply(session, row, TABLE, event, actor=actor_of(step.viewer), roles=roles, at=step.at, why=why)


def _write_proof(session: Session, demand: OpenDemand, choice: Choice, step: OpenStep) -> None:
    """What the centre decided in the enterprise's name, with how it was said."""
    if choice.proof is None or writes_for(step.viewer, demand.enterprise):
        return
    unit = demand.enterprise.organisation_id
    attach(session, choice.proof, noun=DEMAND, noun_id=demand.id, kind=BEHALF, organisation_id=unit, viewer=step.viewer, at=step.at)
