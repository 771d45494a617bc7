"""Inviting to a meeting, and what those who are invited answer.

An enterprise that comes agrees that its name, its park and the budget of the problem are told to the providers with which it talks; a
provider learns them once it has said itself that it comes. That is written down as accepting an introduction writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_steps import Act, Step, refuse_first
from marketplace.actions.files import attach
from marketplace.actions.introductions import disclose
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.meetings import ask
from marketplace.actions.meetings_steps import MEETING, PARTY, locked, move, must_be, note, tell, tell_officer, under_lock
from marketplace.actions.meetings_talks import DECLINED
from marketplace.actions.roles import must_hold, refuse_unless
from marketplace.actions.tasks import open_task
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.introductions import Answer, AnswerDraft, Side, check_answer
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.meetings import OPEN, MeetingState
from marketplace.domain.texts import check_text
from marketplace.domain.working_days import days_left
from marketplace.files.store import StoredBlob
from marketplace.records.calendar import find_calendar
from marketplace.records.database import Database
from marketplace.records.meetings import Meeting, MeetingParty, MeetingTalk, find_parties, find_talks
from marketplace.records.providers import find_unmatchable_provider_ids
from marketplace.records.tasks import Task

BEHALF = "behalf"


def invite(database: Database, meeting_id: int, step: Step) -> int:
    """Ask everybody who was not asked yet, and those who came to have another talk since they answered; how many."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id, step)
        must_be(meeting, OPEN)
        talks = find_talks(session, meeting.id)
        wanted = [party for party in find_parties(session, meeting.id) if _is_to_be_asked(party, talks)]
        _refuse_those_out(session, wanted, step)
        first = meeting.state == MeetingState.DRAFT
        if first:
            move(session, meeting, "invite", step)
            meeting.invited_at = step.at
        elif not wanted:
            raise RefusedError(Refused("nobody_to_invite", _("没有还要邀请的：都已邀请，也没有新加的洽谈。")))
        for party in wanted:
            again = party.invited_at is not None
            party.invited_at, party.answer = party.invited_at or step.at, Answer.PENDING
            ask(session, meeting, party.organisation_id, step)
            message = _("{title}（{day}）给您新加了洽谈，请在 {due} 24:00 前再答复一次。") if again else _(
                "邀请您参加{title}（{day}），请在 {due} 24:00 前答复是否参加。"
            )  # fmt: skip
            tell(session, meeting, [party], message, step.at, due=meeting.answer_by.isoformat())
        session.flush()
        if not first:
            note(session, MEETING, meeting.id, "invite", step, after={"invited": [party.code for party in wanted]})
        return len(wanted)


def _own_agreed(party: MeetingParty, talk: MeetingTalk) -> bool:
    return (talk.enterprise_agreed if party.side == Side.ENTERPRISE else talk.provider_agreed) is not None


def _talks_of(party: MeetingParty, talks: Sequence[MeetingTalk]) -> list[MeetingTalk]:
    return [talk for talk in talks if party.id in (talk.enterprise_party_id, talk.provider_party_id)]


def _is_to_be_asked(party: MeetingParty, talks: Sequence[MeetingTalk]) -> bool:
    own = _talks_of(party, talks)
    if party.invited_at is None:
        return bool(own)
    return party.answer == Answer.ACCEPTED and any(not _own_agreed(party, talk) for talk in own)


def _refuse_those_out(session: Session, parties: Sequence[MeetingParty], step: Step) -> None:
    unmatchable = find_unmatchable_provider_ids(session, step.today)
    out = [party.name for party in parties if party.provider_id in unmatchable]
    if out:
        raise RefusedError(
            Refused("provider_takes_no_new", _("{provider}目前不接新单，不能邀请。请先从洽谈名单里移出。"), {"provider": "、".join(out)})
        )


def may_answer_for(viewer: Viewer, party: MeetingParty) -> bool:
    """A member of the party's organisation who may hand things in."""
    own = party.enterprise_id in viewer.enterprise_ids if party.side == Side.ENTERPRISE else party.provider_id in viewer.provider_ids
    return own and may_act_for(viewer, party.organisation_id, "submit")


def answer(
    database: Database, party_id: int, draft: AnswerDraft, step: Step, *, people: str = "", proof: StoredBlob | None = None
) -> MeetingParty:
    """A party says whether it comes, and may change its mind until the meeting begins; somebody of the centre may write down what it
    said (代录), with how and a proof."""
    with database.writing() as session:
        party, meeting = under_lock(session, MeetingParty, party_id)
        own = may_answer_for(step.viewer, party)
        refuse_unless(own or may(step.viewer, "answer", "meeting"))
        if meeting.state != MeetingState.INVITED or party.invited_at is None:
            raise RefusedError(Refused("not_asked_meeting", _("这场对接会现在不用答复：还没有邀请、已开始或已取消。")))
        refuse_if_moved(session, PARTY, party.id, seen=step.seen, at=step.at, harmless=("attach",))
        draft.side = party.side
        refuse_first(check_answer(draft, step.rules, on_behalf=not own, has_proof=proof is not None))
        refuse_first(check_text("people", _("参会人"), people, most=200))
        if draft.accepts:
            _refuse_those_out(session, [party], step)
        if not own:
            assert proof is not None
            unit = party.organisation_id
            attach(session, proof, noun=PARTY, noun_id=party.id, kind=BEHALF, organisation_id=unit, viewer=step.viewer, at=step.at)
        before = {"answer": str(party.answer)}
        party.answer = Answer.ACCEPTED if draft.accepts else Answer.DECLINED
        party.reason, party.text = ("" if draft.accepts else draft.reason), draft.text.strip()
        party.people, party.way = people.strip() if draft.accepts else "", "" if own else draft.way
        party.answered_at, party.answered_by = step.at, step.viewer.account_id
        session.flush()
        after = {"answer": str(party.answer), "reason": party.reason, "way": party.way}
        note(session, PARTY, party.id, "answer", step, before=before, after=after, why=party.text)
        _follow(session, meeting, party, step)
        return party


def _follow(session: Session, meeting: Meeting, party: MeetingParty, step: Step) -> None:
    """What an answer means for the party's talks, and who is next."""
    talks = find_talks(session, meeting.id, party_ids=[party.id])
    comes = party.answer == Answer.ACCEPTED
    unmatchable = find_unmatchable_provider_ids(session, step.today)
    for talk in talks:
        _agree(talk, party.side, step, comes)
        if not comes:
            talk.round, talk.table, talk.left_out = None, None, DECLINED
        elif talk.is_mutual and talk.provider_party.provider_id not in unmatchable:
            _disclose(session, meeting, talk, step)
    session.flush()
    _close_task(session, meeting, party, step)
    waiting = _silent(session, meeting)
    message = _("{party}参加{title}。") if comes else _("{party}不参加{title}。")
    tell_officer(session, meeting, message, step, party=party.name)
    if not waiting or not comes:
        open_task(
            session, "plan_meeting", _("按答复重排时间表：{title}"), noun=MEETING, noun_id=meeting.id, public_ref=meeting.public_id,
            at=step.at, values={"title": meeting.title}, account_id=meeting.officer_id, due=meeting.day,
        )  # fmt: skip


def _agree(talk: MeetingTalk, side: str, step: Step, comes: bool) -> None:
    if side == Side.ENTERPRISE:
        talk.enterprise_agreed = (talk.enterprise_agreed or step.at) if comes else None
    else:
        talk.provider_agreed = (talk.provider_agreed or step.at) if comes else None


def _disclose(session: Session, meeting: Meeting, talk: MeetingTalk, step: Step) -> None:
    assert talk.enterprise_agreed is not None
    assert talk.provider_party.provider_id is not None
    known = disclose(session, [talk.problem_id], talk.provider_party.provider_id, talk.enterprise_agreed, step, {"meeting": meeting.number})
    if known:
        tell(session, meeting, [talk.provider_party], _("{title}：有一家企业确认与贵单位洽谈，现在可以看到企业名称。"), step.at)


def _close_task(session: Session, meeting: Meeting, party: MeetingParty, step: Step) -> None:
    query = select(Task).where(Task.noun == MEETING, Task.noun_id == meeting.id, Task.kind == "answer_meeting", Task.done_at.is_(None))
    for task in session.scalars(query.where(Task.organisation_id == party.organisation_id)):
        task.done_at = step.at
    session.flush()


def remind(database: Database, meeting_id: int, step: Step) -> int:
    """Those who have not answered are reminded now; how many."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id)
        must_be(meeting, (MeetingState.INVITED,))
        silent = _silent(session, meeting)
        if not silent:
            raise RefusedError(Refused("nobody_silent", _("都已答复，不用催。")))
        _remind(session, meeting, silent, step)
        return len(silent)


def remind_before_term(session: Session, act: Act, near: int) -> int:
    """Whoever is silent is reminded on the day from which `near` working days are left, and on the last day; how many."""
    calendar, before = find_calendar(session), act.today - timedelta(days=1)
    query = select(Meeting.id, Meeting.answer_by).where(Meeting.state == MeetingState.INVITED, Meeting.answer_by >= act.today)
    count = 0
    for number, due in session.execute(query.order_by(Meeting.id)).all():
        comes_near = days_left(act.today, due, calendar) <= near < days_left(before, due, calendar)
        if not comes_near and act.today != due:
            continue
        meeting = locked(session, number)
        silent = _silent(session, meeting) if meeting.state == MeetingState.INVITED else []
        if silent:
            _remind(session, meeting, silent, act)
        count += len(silent)
    return count


def _silent(session: Session, meeting: Meeting) -> list[MeetingParty]:
    return [one for one in find_parties(session, meeting.id) if one.invited_at is not None and one.answer == Answer.PENDING]


def _remind(session: Session, meeting: Meeting, silent: Sequence[MeetingParty], act: Act) -> None:
    tell(session, meeting, silent, _("请答复是否参加{title}（{day}），期限 {due} 24:00。"), act.at, due=meeting.answer_by.isoformat())
    note(session, MEETING, meeting.id, "remind", act, after={"parties": [one.code for one in silent]})
