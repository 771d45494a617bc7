"""An enterprise asks a provider about one of its solutions: a brokering that begins with the enterprise's yes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_steps import Step, move, refuse_first
from marketplace.actions.brokering_told import tell_centre
from marketplace.actions.brokerings import Line, begin, put_lines, send_introductions
from marketplace.actions.history import record
from marketplace.actions.roles import actor_of, refuse_unless
from marketplace.domain.access import may_act_for
from marketplace.domain.introductions import Side
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.inquiries import Inquiry


@dataclass
class InquiryDraft:
    """A question as it is typed."""

    problem_id: int | None = None
    question: str = ""
    wanted: date | None = None


def check(draft: InquiryDraft, today: date) -> list[tuple[str, Refused]]:
    found: list[tuple[str, Refused]] = []
    if draft.problem_id is None:
        found.append(("problem", Refused("no_problem", _("还没有选要解决的问题。"))))
    found += check_text("question", _("想问什么"), draft.question, most=2_000, required=True)
    if draft.wanted is not None and draft.wanted < today:
        values = {"until": draft.wanted.isoformat()}
        found.append(("wanted", Refused("date_past", _("日期 {until} 已经过去。请填今天或以后的日期。"), values)))
    return found


def inquire(database: Database, enterprise_id: int, solution_id: int, draft: InquiryDraft, step: Step) -> Inquiry:
    """The provider is asked, the centre reads along. The enterprise has said yes by asking; its name waits for the provider's."""
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, enterprise_id)
        own = enterprise.id in step.viewer.enterprise_ids
        refuse_unless(own and may_act_for(step.viewer, enterprise.organisation_id, "submit"))
        refuse_first(check(draft, step.today))
        assert draft.problem_id is not None
        brokering = begin(session, enterprise_id, [draft.problem_id], step, place="inquiry", officer_id=None)
        rows = put_lines(session, brokering, [Line(solution_id)], step)
        inquiry = Inquiry(brokering_id=brokering.id, solution_id=solution_id, problem_id=draft.problem_id)
        inquiry.question, inquiry.wanted = draft.question.strip(), draft.wanted
        inquiry.account_id, inquiry.at = step.viewer.account_id, step.at
        session.add(inquiry)
        session.flush()
        after = {"brokering": brokering.number, "solution": solution_id}
        record(
            session, actor=actor_of(step.viewer), verb="create", noun="inquiry", noun_id=inquiry.id, before=None, after=after, at=step.at
        )
        move(session, brokering, "inquire", step)
        brokering.sent_at = step.at
        send_introductions(session, brokering, rows, step, agreed=frozenset({str(Side.ENTERPRISE)}))
        settle(session, brokering, at=step.at, today=step.today)
        message = _("{enterprise}向{provider}发出询问（{number}），抄送能力中心。")
        names = {"enterprise": enterprise.name, "provider": rows[0].provider.name}
        tell_centre(session, brokering, message, step.at, without=None, **names)
        return inquiry
