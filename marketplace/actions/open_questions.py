"""Questions about an open demand, asked and replied to in front of all. Who asks is known to the enterprise and the centre only."""

from __future__ import annotations

from sqlalchemy import func, select

from marketplace.actions.brokering_steps import given, unseen
from marketplace.actions.catalogue import must_act
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.open_demand_steps import QUESTION, OpenStep, fault_of_question, faults_of_own, locked, must_write
from marketplace.actions.open_demands_next import settle
from marketplace.actions.open_demands_told import tell_centre, tell_enterprise, tell_followers
from marketplace.actions.roles import actor_of
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.open_demands import UNDER_WAY, may_ask
from marketplace.domain.providers import TAKES_NEW
from marketplace.records.database import Database
from marketplace.records.open_demands import OpenQuestion
from marketplace.records.providers import Provider

MOST = 2_000


def ask(database: Database, demand_id: int, provider_id: int, text: str, step: OpenStep) -> OpenQuestion:
    """A provider of the pool asks; the others read the question and not the name."""
    with database.writing() as session:
        provider = session.get_one(Provider, provider_id)
        must_act(step.viewer, provider, "edit")
        demand = locked(session, demand_id, unseen(step))
        if provider.state not in TAKES_NEW:
            raise RefusedError(Refused("takes_no_new", _("贵单位目前不接新单（整改、暂停或已退出），不能提问。")))
        if refused := may_ask(demand.state, demand.questions_until, step.today):
            raise RefusedError(refused)
        asked = given(text, _("问题"), most=MOST)
        if refused := fault_of_question(session, asked, provider, step):
            raise RefusedError(refused)
        counted = select(func.count()).where(OpenQuestion.demand_id == demand.id, OpenQuestion.provider_id == provider.id)
        if (session.scalar(counted) or 0) >= step.open.most_questions:
            raise RefusedError(
                Refused("too_many_questions", _("一家服务商最多提 {most} 个问题，请合并后再提。"), {"most": step.open.most_questions})
            )
        question = OpenQuestion(demand_id=demand.id, provider_id=provider.id, text=asked, at=step.at, account_id=step.viewer.account_id)
        question.demand, question.provider = demand, provider
        session.add(question)
        session.flush()
        after = {"demand": demand.number, "text": asked}
        record(session, actor=actor_of(step.viewer), verb="ask", noun=QUESTION, noun_id=question.id, before=None, after=after, at=step.at)
        settle(session, demand, step)
        tell_enterprise(session, demand, _("公开需求 {number} 有服务商提问，请回答。"), step.at)
        return question


def reply(database: Database, question_id: int, text: str, step: OpenStep) -> OpenQuestion:
    """The enterprise replies in front of all, or the centre writes its reply down; a reply may be corrected. `step.seen`: of the
    question."""
    with database.writing() as session:
        question = session.get_one(OpenQuestion, question_id)
        demand = locked(session, question.demand_id, unseen(step))
        own = must_write(step.viewer, demand.enterprise, "edit")
        refuse_if_moved(session, QUESTION, question.id, seen=step.seen, at=step.at)
        session.refresh(question)
        if demand.state not in UNDER_WAY:
            raise RefusedError(Refused("demand_ended", _("这项需求已结束，不能再回答。")))
        said = given(text, _("回答"), most=MOST)
        for _field, refused in faults_of_own({"reply": said}, demand.enterprise, step, shows_name=demand.shows_name):
            raise RefusedError(refused)
        before = {"reply": question.reply} if question.reply else None
        question.reply, question.replied_at, question.replied_by, question.on_behalf = said, step.at, step.viewer.account_id, not own
        session.flush()
        after = {"reply": said, "on_behalf": not own}
        record(
            session, actor=actor_of(step.viewer), verb="reply", noun=QUESTION, noun_id=question.id, before=before, after=after, at=step.at
        )
        settle(session, demand, step)
        tell_followers(session, demand, _("公开需求 {number} 有新的回答，所有服务商都能看到。"), step.at)
        if not own:
            tell_enterprise(session, demand, _("能力中心代贵单位回答了公开需求 {number} 的提问。"), step.at)
        else:
            tell_centre(session, demand, _("公开需求 {number} 的提问已有回答。"), step.at)
        return question
