"""What the two sides of an introduction answer, and what happens where they do not or the provider falls away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import history
from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_outcomes import note, put_outcome, rate_response
from marketplace.actions.brokering_steps import (
    CLOCK,
    INTRODUCTION,
    Step,
    end_introduction,
    locked_introduction,
    may_stand_for,
    move_introduction,
    refuse_first,
)
from marketplace.actions.brokering_told import tell_centre, tell_enterprise, tell_provider
from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.files import attach
from marketplace.actions.roles import actor_of, must_hold, refuse_unless
from marketplace.domain.access import may
from marketplace.domain.introductions import Answer, AnswerDraft, IntroductionState, Side, check_answer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.working_days import days_left, term
from marketplace.files.store import StoredBlob
from marketplace.records.brokerings import find_brokering_problems
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.introductions import AnswerLink, Introduction, IntroductionAnswer
from marketplace.records.match_events import MatchEventKind
from marketplace.records.matches import Decision
from marketplace.records.problems import Disclosure

_I = IntroductionState
BEHALF = "behalf"
SIDE_WORDS = {Side.ENTERPRISE: _("企业"), Side.PROVIDER: _("服务商")}


def answer(database: Database, introduction_id: int, draft: AnswerDraft, step: Step, *, proof: StoredBlob | None = None) -> Introduction:
    """One side accepts or declines; somebody of the centre may write down what it said (代录), with how and a proof."""
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        own = draft.side in set(Side) and may_stand_for(step.viewer, draft.side, row)
        refuse_unless(own or may(step.viewer, "answer", "brokering"))
        refuse_first(check_answer(draft, step.rules, on_behalf=not own, has_proof=proof is not None))
        given = _open_answer(row, draft.side)
        if not own:
            assert proof is not None
            unit = row.provider.organisation_id if draft.side == Side.PROVIDER else row.brokering.enterprise.organisation_id
            kind = f"{BEHALF}_{draft.side}"
            attach(session, proof, noun=INTRODUCTION, noun_id=row.id, kind=kind, organisation_id=unit, viewer=step.viewer, at=step.at)
            given.way = draft.way
        put_answer(session, row, given, draft, step)
        return row


def _open_answer(row: Introduction, side: str) -> IntroductionAnswer:
    given = row.answer_of(side)
    if row.state != _I.SENT or given is None:
        raise RefusedError(Refused("not_asked", _("这一步现在不用答复，可能已有人答复、撤回或已逾期结束。")))
    if given.answer != Answer.PENDING:
        raise RefusedError(Refused("answered_already", _("这一方已经答复过。请刷新后再看。")))
    return given


def put_answer(session: Session, row: Introduction, given: IntroductionAnswer, draft: AnswerDraft, step: Step) -> None:
    """Write an answer down, and all that follows from it. A link about it is dead from here on."""
    calendar = find_calendar(session)
    given.answer = Answer.ACCEPTED if draft.accepts else Answer.DECLINED
    given.reason, given.text = ("" if draft.accepts else draft.reason), draft.text.strip()
    given.answered_at, given.account_id = step.at, step.viewer.account_id
    given.days, given.in_time = max(0, days_left(given.asked_on, step.today, calendar)), step.today <= given.due
    kill_links(session, row.id, given.side, step.at)
    session.flush()
    after = {"side": given.side, "answer": str(given.answer), "reason": given.reason, "way": given.way, "link": given.by_link}
    actor = actor_of(step.viewer)
    history.record(
        session, actor=actor, verb="answer", noun=INTRODUCTION, noun_id=row.id, before=None, after=after, why=given.text, at=step.at
    )
    note(session, row, MatchEventKind.ACCEPTED if draft.accepts else MatchEventKind.DECLINED, step.at, side=given.side)
    if given.side == Side.PROVIDER:
        rate_response(session, row, step, days=given.days)
    if not draft.accepts:
        _declined(session, row, given, step)
    elif row.is_mutual:
        begin_talks(session, row, step)
    else:
        _accepted(session, row, given, step)
    settle(session, row.brokering, at=step.at, today=step.today)


def kill_links(session: Session, introduction_id: int, side: str, at: datetime, *, purpose: str = "answer") -> None:
    query = select(AnswerLink).where(AnswerLink.introduction_id == introduction_id, AnswerLink.side == side, AnswerLink.used_at.is_(None))
    for link in session.scalars(query.where(AnswerLink.step == purpose)):
        link.used_at = at


def _accepted(session: Session, row: Introduction, given: IntroductionAnswer, step: Step) -> None:
    if given.side == Side.PROVIDER:
        tell_enterprise(session, row.brokering, _("{provider}愿意洽谈（{number}），请您答复。"), step.at, provider=row.provider.name)
    else:
        tell_provider(session, row, _("企业愿意洽谈 {number}（{solution}），请贵单位答复；双方接受后公开企业名称。"), step.at)
    tell_centre(
        session,
        row.brokering,
        _("{number}：{side}已接受，等另一方答复。"),
        step.at,
        without=step.viewer.account_id,
        side=SIDE_WORDS[Side(given.side)],
    )


def begin_talks(session: Session, row: Introduction, step: Step) -> None:
    """Both accepted: they talk, and the provider may know whose need it is. The enterprise agreed to that by accepting."""
    move_introduction(session, row, "agree", step)
    row.talks_since = step.at
    by = row.answer_of(Side.ENTERPRISE)
    agreed = by.answered_at if by is not None and by.answered_at is not None else step.at
    problems = [problem.id for problem in find_brokering_problems(session, row.brokering_id)]
    disclose(session, problems, row.provider_id, agreed, step, {"brokering": row.brokering.number})
    tell_provider(session, row, _("双方都已接受 {number}（{solution}），现在可以看到企业名称，请洽谈并报价。"), step.at)
    tell_enterprise(session, row.brokering, _("您与{provider}都已接受（{number}），可以开始洽谈。"), step.at, provider=row.provider.name)
    tell_centre(
        session, row.brokering, _("{number}：双方都已接受（{provider}），开始洽谈。"), step.at, without=step.viewer.account_id,
        provider=row.provider.name,
    )  # fmt: skip


def disclose(
    session: Session, problem_ids: Sequence[int], provider_id: int, agreed: datetime, step: Step, where: Mapping[str, str]
) -> list[int]:
    """A provider may know whose problems these are; those that it did not know before. `agreed`: when the enterprise said so; `where`: in
    which brokering or meeting."""
    query = select(Disclosure.problem_id).where(Disclosure.provider_id == provider_id, Disclosure.problem_id.in_(problem_ids))
    known = set(session.scalars(query))
    new = [number for number in problem_ids if number not in known]
    for number in new:
        session.add(Disclosure(problem_id=number, provider_id=provider_id, agreed=agreed))
        after = {"provider_id": provider_id, **where}
        actor = actor_of(step.viewer)
        history.record(session, actor=actor, verb="disclose", noun="problem", noun_id=number, before=None, after=after, at=step.at)
    session.flush()
    enqueue_dependants(session, {"problem": problem_ids})
    return new


def _declined(session: Session, row: Introduction, given: IntroductionAnswer, step: Step) -> None:
    reason = step.rules.reason_of(given.reason)
    end_introduction(session, row, "decline", step, given.text or (reason.name if reason else ""))
    put_outcome(session, row, Decision.DECLINED, step, reason.name if reason else given.reason)
    word = reason.name if reason else ""
    if given.side == Side.PROVIDER:
        tell_enterprise(
            session, row.brokering, _("{provider}谢绝了 {number}：{reason}。"), step.at, provider=row.provider.name, reason=word
        )
    else:
        tell_provider(session, row, _("企业谢绝了 {number}（{solution}）：{reason}。"), step.at, reason=word)
    tell_centre(
        session, row.brokering, _("{number}：{side}谢绝（{provider}，{reason}）。"), step.at, without=step.viewer.account_id,
        side=SIDE_WORDS[Side(given.side)], provider=row.provider.name, reason=word,
    )  # fmt: skip


def step_back(database: Database, introduction_id: int, draft: AnswerDraft, step: Step) -> Introduction:
    """A side that had accepted ends the talks, with a reason from the list."""
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        own = draft.side in set(Side) and may_stand_for(step.viewer, draft.side, row)
        refuse_unless(own or may(step.viewer, "answer", "brokering"))
        draft.accepts = False
        refuse_first(check_answer(draft, step.rules, on_behalf=not own, has_proof=True))
        given = row.answer_of(draft.side)
        if given is None or row.state not in (_I.TALKING, _I.QUOTED):
            raise RefusedError(Refused("not_talking", _("现在不在洽谈，不能退出洽谈。")))
        given.answer, given.reason, given.text, given.way = Answer.DECLINED, draft.reason, draft.text.strip(), "" if own else draft.way
        session.flush()
        after = {"side": given.side, "answer": "declined", "reason": given.reason, "way": given.way, "talking": True}
        actor = actor_of(step.viewer)
        history.record(
            session, actor=actor, verb="answer", noun=INTRODUCTION, noun_id=row.id, before=None, after=after, why=given.text, at=step.at
        )
        note(session, row, MatchEventKind.DECLINED, step.at, side=given.side)
        _declined(session, row, given, step)
        settle(session, row.brokering, at=step.at, today=step.today)
        return row


def remind(database: Database, introduction_id: int, side: str, step: Step) -> None:
    """The centre reminds a silent side now."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        put_reminder(session, row, _open_answer(row, side), step)


def put_reminder(session: Session, row: Introduction, given: IntroductionAnswer, step: Step) -> None:
    given.reminded_at = step.at
    session.flush()
    after = {"side": given.side, "due": given.due.isoformat()}
    actor = actor_of(step.viewer)
    history.record(session, actor=actor, verb="remind", noun=INTRODUCTION, noun_id=row.id, before=None, after=after, at=step.at)
    values = {"due": given.due.isoformat()}
    if given.side == Side.PROVIDER:
        tell_provider(session, row, _("请答复对接单 {number}（{solution}），期限 {due} 24:00。"), step.at, **values)
    else:
        tell_enterprise(
            session,
            row.brokering,
            _("请答复对接单 {number}（{provider}），期限 {due} 24:00。"),
            step.at,
            provider=row.provider.name,
            **values,
        )


def lapse(database: Database, introduction_id: int, step: Step) -> Introduction:
    """The term and the days of grace are over: taken as not answered. A provider's silence is written down as such."""
    if step.viewer is not CLOCK:
        must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        silent = [one for one in row.answers if one.answer == Answer.PENDING and one.silent_until < step.today]
        end_introduction(session, row, "lapse", step, "")
        put_outcome(session, row, Decision.NO_RESPONSE, step)
        for one in silent:
            note(session, row, MatchEventKind.LAPSED, step.at, side=one.side)
            kill_links(session, row.id, one.side, step.at)
            if one.side == Side.PROVIDER:
                rate_response(session, row, step, days=None)
        tell_provider(session, row, _("{number}（{solution}）逾期未答复，已结束。"), step.at)
        tell_enterprise(session, row.brokering, _("{number}（{provider}）逾期未答复，已结束。"), step.at, provider=row.provider.name)
        tell_centre(
            session, row.brokering, _("{number}（{provider}）逾期未答复，已结束。"), step.at, without=None, provider=row.provider.name
        )
        settle(session, row.brokering, at=step.at, today=step.today)
        return row


def thaw(database: Database, introduction_id: int, step: Step) -> Introduction:
    """The provider takes new work again: the introduction goes on where it was; who was silent is asked anew."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        if row.brokering.sent_at is None or row.sent_at is None:
            raise RefusedError(Refused("never_sent", _("这一家还没有发出过，请撤回后重新选。")))
        move_introduction(session, row, "thaw", step)
        row.ended_at, row.reason = None, ""
        calendar = find_calendar(session)
        for one in row.answers:
            if one.answer == Answer.PENDING:
                one.asked_on, one.due = step.today, term(step.today, int(row.brokering.terms[one.side]), calendar).due
                one.silent_until = term(one.due, int(row.brokering.terms["lapse"]), calendar).due
        tell_provider(session, row, _("{number}（{solution}）已恢复。"), step.at)
        tell_enterprise(session, row.brokering, _("{provider}可以继续洽谈（{number}）。"), step.at, provider=row.provider.name)
        settle(session, row.brokering, at=step.at, today=step.today)
        return row


def reconsider(database: Database, introduction_id: int, step: Step) -> Introduction:
    """One that was not chosen comes back, where what was awarded did not come about."""
    must_hold(step.viewer, "run", "brokering")
    with database.writing() as session:
        row = locked_introduction(session, introduction_id, step)
        if row.brokering.state != "open":
            raise RefusedError(Refused("not_open", _("这张对接单已送比较或已定，不能再加服务商；可以先退回继续洽谈。")))
        move_introduction(session, row, "reconsider", step)
        row.ended_at, row.reason = None, ""
        tell_provider(session, row, _("{number}（{solution}）重新列入比较。"), step.at)
        settle(session, row.brokering, at=step.at, today=step.today)
        return row


def find_due(session: Session, today: date) -> Sequence[tuple[int, int, str]]:
    """(introduction, answer, side) of all that is still asked, by term."""
    query = select(IntroductionAnswer.introduction_id, IntroductionAnswer.id, IntroductionAnswer.side)
    query = query.join(Introduction, Introduction.id == IntroductionAnswer.introduction_id)
    query = query.where(Introduction.state == _I.SENT, IntroductionAnswer.answer == Answer.PENDING)
    return [(one, two, side) for one, two, side in session.execute(query.order_by(IntroductionAnswer.due, IntroductionAnswer.id))]
