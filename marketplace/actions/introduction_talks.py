"""The talks of one introduction: messages, files and notes of meetings, proposals and their scores. No other provider reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_steps import (
    INTRODUCTION,
    Step,
    given,
    locked_introduction,
    may_stand_for,
    move_introduction,
    refuse_first,
)
from marketplace.actions.brokering_told import tell_centre, tell_enterprise, tell_provider
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.domain.access import Role, may
from marketplace.domain.brokerings import MOST_SCORE, BrokeringState
from marketplace.domain.introductions import TALKS, WAYS, IntroductionState, ProposalDraft, Side, check_proposal
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.files.store import StoredBlob
from marketplace.records.brokerings import find_criteria
from marketplace.records.database import Database
from marketplace.records.introductions import (
    Introduction,
    IntroductionMessage,
    Proposal,
    ProposalAnswer,
    find_latest_proposals,
    find_proposals,
)

MESSAGE, PROPOSAL, FILE = "introduction_message", "proposal", "file"
CENTRE = "centre"
_MAY_TALK = TALKS | {IntroductionState.AWARDED}


def side_of(introduction: Introduction, step: Step, right: str) -> str:
    """For which side somebody speaks here; the centre for itself. Refused for everybody else."""
    for side in (Side.PROVIDER, Side.ENTERPRISE):
        if may_stand_for(step.viewer, side, introduction, right):
            return str(side)
    refuse_unless(may(step.viewer, "run", "brokering"))
    return CENTRE


def say(
    database: Database,
    introduction_id: int,
    text: str,
    step: Step,
    *,
    files: Sequence[StoredBlob] = (),
    met_on: date | None = None,
) -> IntroductionMessage:
    """A message to the other two, with files; `met_on`: a note of a meeting."""
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        side = side_of(row, step, "edit")
        if row.state not in _MAY_TALK:
            raise RefusedError(Refused("not_talking_yet", _("双方都接受后才能留言；已结束的不能再留言。")))
        said = given(text, _("留言"))
        if met_on is not None and met_on > step.today:
            raise RefusedError(Refused("future", _("发生日期 {on} 还没有到。"), {"on": met_on.isoformat()}))
        message = IntroductionMessage(introduction_id=row.id, side=side, text=said, met_on=met_on, at=step.at)
        message.account_id, message.name = step.viewer.account_id, step.viewer.name[:100]
        session.add(message)
        session.flush()
        unit = (
            {Side.PROVIDER: row.provider.organisation_id, Side.ENTERPRISE: row.brokering.enterprise.organisation_id}.get(Side(side))
            if side != CENTRE
            else None
        )
        for stored in files:
            attach(session, stored, noun=MESSAGE, noun_id=message.id, kind=FILE, organisation_id=unit, viewer=step.viewer, at=step.at)
        after = {"message": message.id, "side": side, "met_on": met_on.isoformat() if met_on else None}
        record(session, actor=actor_of(step.viewer), verb="say", noun=INTRODUCTION, noun_id=row.id, before=None, after=after, at=step.at)
        _tell_others(session, row, side, step)
        return message


def _tell_others(session: Session, row: Introduction, side: str, step: Step) -> None:
    if side != Side.PROVIDER:
        tell_provider(session, row, _("{number}（{solution}）有新的留言。"), step.at)
    if side != Side.ENTERPRISE:
        tell_enterprise(session, row.brokering, _("{number}（{provider}）有新的留言。"), step.at, provider=row.provider.name)
    if side != CENTRE:
        tell_centre(session, row.brokering, _("{number}（{provider}）有新的留言。"), step.at, without=None, provider=row.provider.name)


def quote(
    database: Database, introduction_id: int, draft: ProposalDraft, step: Step, *, files: Sequence[StoredBlob] = (), way: str = ""
) -> Proposal:
    """A proposal, or a new version of it; the centre may write down one that came by another way (代录)."""
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        own = may_stand_for(step.viewer, Side.PROVIDER, row)
        refuse_unless(own or may(step.viewer, "answer", "brokering"))
        if row.brokering.state != BrokeringState.OPEN:
            raise RefusedError(Refused("quoting_over", _("报价已送企业比较，不能再改。需要改的，请能力中心先退回继续洽谈。")))
        if not own and way not in WAYS:
            raise RefusedError(Refused("no_way", _("代录要写明对方怎样答复的：电话、当面、微信、邮件还是书面。")))
        criteria = find_criteria(session, row.brokering_id)
        refuse_first(check_proposal(draft, {one.id: one.text for one in criteria}, step.today))
        proposal = put_proposal(session, row, draft, step, account_id=step.viewer.account_id, way="" if own else way)
        unit = row.provider.organisation_id
        for stored in files:
            attach(session, stored, noun=PROPOSAL, noun_id=proposal.id, kind=FILE, organisation_id=unit, viewer=step.viewer, at=step.at)
        message, values = _("{provider}已报价（{number}，第 {version} 版）。"), {"provider": row.provider.name, "version": proposal.version}
        tell_enterprise(session, row.brokering, message, step.at, **values)
        tell_centre(session, row.brokering, message, step.at, without=step.viewer.account_id, **values)
        settle(session, row.brokering, at=step.at, today=step.today)
        return proposal


def put_proposal(
    session: Session,
    row: Introduction,
    draft: ProposalDraft,
    step: Step,
    *,
    account_id: int | None,
    way: str,
    roles: Iterable[Role] | None = None,
) -> Proposal:
    """The next version, of a locked introduction and a draft that was checked. `account_id`: who offers it."""
    earlier = find_proposals(session, row.id)
    move_introduction(session, row, "quote", step, roles=roles)
    proposal = Proposal(introduction_id=row.id, version=len(earlier) + 1, price_fen=draft.price_fen, weeks=draft.weeks)
    proposal.scope, proposal.valid_until, proposal.at = draft.scope.strip(), draft.valid_until or step.today, step.at
    proposal.account_id, proposal.way = account_id, way
    session.add(proposal)
    session.flush()
    for one in find_criteria(session, row.brokering_id):
        meets, text = draft.answers[one.id]
        session.add(ProposalAnswer(proposal_id=proposal.id, criterion_id=one.id, meets=meets, text=text.strip()))
    after = {"version": proposal.version, "price_fen": proposal.price_fen, "weeks": proposal.weeks, "way": way}
    record(session, actor=actor_of(step.viewer), verb="propose", noun=PROPOSAL, noun_id=proposal.id, before=None, after=after, at=step.at)
    return proposal


def score(database: Database, introduction_id: int, scores: Mapping[int, int | None], step: Step) -> Proposal:
    """Scores of the latest proposal, criterion by criterion, by the enterprise or the centre."""
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        refuse_unless(may(step.viewer, "choose", "brokering") or may_stand_for(step.viewer, Side.ENTERPRISE, row, "edit"))
        if row.state != IntroductionState.QUOTED:
            raise RefusedError(Refused("no_proposal", _("这家服务商还没有报价。")))
        proposal = find_latest_proposals(session, [row.id])[row.id]
        if any(value is not None and not 0 <= value <= MOST_SCORE for value in scores.values()):
            raise RefusedError(Refused("score_range", _("打分应是 0 到 {most} 的整数。"), {"most": MOST_SCORE}))
        before, after = {}, {}
        for answer in proposal.answers:
            value = scores.get(answer.criterion_id, answer.score)
            if value != answer.score:
                before[str(answer.criterion_id)], after[str(answer.criterion_id)] = answer.score, value
                answer.score, answer.scored_by, answer.scored_at = value, step.viewer.account_id, step.at
        session.flush()
        if after:
            record(
                session,
                actor=actor_of(step.viewer),
                verb="score",
                noun=INTRODUCTION,
                noun_id=row.id,
                before=before,
                after=after,
                at=step.at,
            )
        return proposal
