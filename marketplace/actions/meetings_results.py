"""The day itself: who comes signs in, and how each talk ends goes straight into its brokering."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.brokering_next import settle
from marketplace.actions.brokering_outcomes import note as note_match_of
from marketplace.actions.brokering_steps import INTRODUCTION, Step, locked_introduction, move, refuse_first, unseen
from marketplace.actions.brokering_steps import locked as locked_brokering
from marketplace.actions.brokerings import Line, begin, put_lines, send_introductions
from marketplace.actions.introductions import put_answer
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.meetings_steps import MEETING, TALK, locked, must_be, note, under_lock
from marketplace.actions.roles import must_hold
from marketplace.domain.brokerings import UNBOUND, BrokeringState
from marketplace.domain.introductions import OPEN, TALKS, Answer, AnswerDraft, IntroductionState, Side
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.meetings import ON_SITE, MeetingState, Result, ResultDraft, check_result, clock, rounds_of
from marketplace.domain.money import exact_text
from marketplace.records.brokerings import Brokering
from marketplace.records.database import Database
from marketplace.records.introductions import Introduction, IntroductionMessage, find_introductions
from marketplace.records.match_events import MatchEventKind
from marketplace.records.meetings import Meeting, MeetingParty, MeetingTalk, find_parties, find_talks
from marketplace.records.providers import Provider

PLACE, CENTRE = "meeting", "centre"


def sign_in(database: Database, meeting_id: int, step: Step, *, party_ids: Collection[int] = (), code: str = "") -> list[MeetingParty]:
    """Those who came, ticked or by the code that they say at the desk. Who comes after its first talk has begun is late."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        meeting = locked(session, meeting_id)
        must_be(meeting, (MeetingState.HELD,))
        wanted = code.strip().upper()
        chosen = [one for one in find_parties(session, meeting.id) if one.id in party_ids or (wanted and one.code == wanted)]
        if not chosen:
            message = _("没有这个签到码，请核对。") if wanted else _("还没有选谁到了。")
            raise RefusedError(Refused("nobody_came", message))
        new = [one for one in chosen if one.came_at is None]
        if not new:
            raise RefusedError(Refused("came_already", _("{party}已经签到。"), {"party": chosen[0].name}))
        talks = find_talks(session, meeting.id, party_ids=[one.id for one in new])
        for party in new:
            party.came_at, party.came_by = step.at, step.viewer.account_id
            party.late = _is_late(meeting, party, talks, step)
        session.flush()
        note(session, MEETING, meeting.id, "sign_in", step, after={"parties": [one.code for one in new]})
        return new


def _is_late(meeting: Meeting, party: MeetingParty, talks: Collection[MeetingTalk], step: Step) -> bool:
    places = [talk.round for talk in talks if talk.round is not None and party.id in (talk.enterprise_party_id, talk.provider_party_id)]
    rounds = rounds_of(meeting.starts, meeting.ends, meeting.minutes, meeting.gap, [(low, high) for low, high in meeting.breaks])
    begins = rounds[min(places)][0] if places and min(places) < len(rounds) else meeting.starts
    return step.at.date() == meeting.day and f"{step.at:%H:%M}" > clock(begins)


def sign_out(database: Database, party_id: int, step: Step) -> MeetingParty:
    """It was ticked by mistake."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        party, meeting = under_lock(session, MeetingParty, party_id)
        must_be(meeting, (MeetingState.HELD,))
        if any(talk.result and talk.result != Result.ABSENT for talk in find_talks(session, meeting.id, party_ids=[party.id])):
            raise RefusedError(Refused("talked_already", _("{party}已有洽谈结果，不能撤销签到。"), {"party": party.name}))
        party.came_at, party.came_by, party.late = None, None, False
        session.flush()
        note(session, MEETING, meeting.id, "sign_out", step, after={"parties": [party.code]})
        return party


def record_result(database: Database, talk_id: int, draft: ResultDraft, step: Step) -> MeetingTalk:
    """How one talk ended. With an intention it goes on as an introduction, both sides' answers written down as given on the spot."""
    must_hold(step.viewer, "run", "meeting")
    with database.writing() as session:
        talk, meeting = under_lock(session, MeetingTalk, talk_id)
        must_be(meeting, (MeetingState.HELD,))
        refuse_if_moved(session, TALK, talk.id, seen=step.seen, at=step.at)
        refuse_first(check_result(draft))
        if draft.result != Result.ABSENT and not talk.both_came:
            raise RefusedError(Refused("not_signed_in", _("双方都签到后才能记洽谈结果；有一方没来的，请选“没有谈”。")))
        if talk.introduction is not None and draft.result != Result.INTENT:
            number = talk.introduction.brokering.number
            raise RefusedError(
                Refused("in_case", _("这场洽谈已进入对接单 {number}，不能改成没有意向；请到对接单里办理。"), {"number": number})
            )
        before = _kept(talk)
        talk.result, talk.amount_fen = draft.result, draft.amount_fen
        talk.note, talk.next_step = draft.note.strip(), draft.next_step.strip()
        if _kept(talk) == before:
            return talk
        talk.recorded_at, talk.recorded_by = step.at, step.viewer.account_id
        session.flush()
        note(session, TALK, talk.id, "record", step, before=before if before["result"] else None, after=_kept(talk))
        if talk.result == Result.INTENT:
            _into_case(session, meeting, talk, step)
        return talk


def _kept(talk: MeetingTalk) -> dict[str, object]:
    return {"result": str(talk.result), "amount_fen": talk.amount_fen, "note": talk.note, "next_step": talk.next_step}


def _into_case(session: Session, meeting: Meeting, talk: MeetingTalk, step: Step) -> None:
    """Into the introduction that there is of these two, or into a new one."""
    own = unseen(step)
    number = talk.introduction_id or _known(session, talk)
    # Whoever puts a provider out of the pool locks it first, as everything that moves introductions does.
    session.execute(select(Provider.id).where(Provider.id == talk.provider_party.provider_id).with_for_update())
    row = locked_introduction(session, number, own) if number is not None else _introduced(session, meeting, talk, own)
    if row.state == IntroductionState.PROPOSED:
        _send(session, row, own)
    elif row.state == IntroductionState.SENT:
        _accept(session, row, own)
    talk.introduction_id = row.id
    session.flush()
    session.refresh(talk, attribute_names=["introduction"])
    if row.state in TALKS | {IntroductionState.AWARDED}:
        _say(session, meeting, talk, row, own)
    settle(session, row.brokering, at=step.at, today=step.today)


def _known(session: Session, talk: MeetingTalk) -> int | None:
    """The introduction of this provider to this enterprise that is under way, sooner one about the same problem."""
    query = select(Introduction.id).join(Brokering, Brokering.id == Introduction.brokering_id)
    query = query.where(
        Brokering.enterprise_id == talk.enterprise_party.enterprise_id, Brokering.state.in_(UNBOUND - {BrokeringState.DRAFT})
    )
    query = query.where(Introduction.provider_id == talk.provider_party.provider_id, Introduction.state.in_(OPEN))
    same = (Introduction.problem_id != talk.problem_id, Introduction.solution_id != talk.solution_id)
    return session.scalars(query.order_by(*same, Introduction.id.desc()).limit(1)).first()


def _introduced(session: Session, meeting: Meeting, talk: MeetingTalk, step: Step) -> Introduction:
    """A new one, in the brokering that this meeting opened about the same problem, or in a new one. Each problem has its own: what
    another provider was told of is not this one's to read."""
    enterprise_id = talk.enterprise_party.enterprise_id
    assert enterprise_id is not None
    number = _opened(session, meeting, talk, step)
    if number is None:
        brokering = begin(session, enterprise_id, [talk.problem_id], step, place=PLACE, officer_id=meeting.officer_id)
    else:
        brokering = locked_brokering(session, number, step)
    line = Line(talk.solution_id, talk.problem_id, talk.position, talk.model, talk.features)
    rows = put_lines(session, brokering, [line], step)
    if brokering.state == BrokeringState.DRAFT:
        move(session, brokering, "send", step)
        brokering.sent_at = step.at
    return rows[0]


def _opened(session: Session, meeting: Meeting, talk: MeetingTalk, step: Step) -> int | None:
    query = select(Introduction.brokering_id).join(MeetingTalk, MeetingTalk.introduction_id == Introduction.id)
    query = query.join(Brokering, Brokering.id == Introduction.brokering_id).where(MeetingTalk.meeting_id == meeting.id)
    query = query.where(MeetingTalk.problem_id == talk.problem_id, Brokering.place == PLACE, Brokering.state == BrokeringState.OPEN)
    for number in session.scalars(query.order_by(Introduction.brokering_id.desc())):
        rows = find_introductions(session, number)
        if len(rows) < step.rules.most_introductions and talk.solution_id not in {row.solution_id for row in rows}:
            return number
    return None


def _send(session: Session, row: Introduction, step: Step) -> None:
    """Asked and answered at the same table."""
    send_introductions(session, row.brokering, [row], step, agreed=frozenset({str(Side.ENTERPRISE)}), quietly=True)
    own = row.answer_of(Side.ENTERPRISE)
    assert own is not None
    own.way = ON_SITE
    session.flush()
    after = {"side": own.side, "answer": str(own.answer), "way": own.way}
    note(session, INTRODUCTION, row.id, "answer", step, after=after)
    note_match_of(session, row, MatchEventKind.ACCEPTED, step.at, side=own.side)
    _accept(session, row, step)


def _accept(session: Session, row: Introduction, step: Step) -> None:
    for side in Side:
        given = row.answer_of(side)
        if given is not None and given.answer == Answer.PENDING and row.state == IntroductionState.SENT:
            given.way = ON_SITE
            put_answer(session, row, given, AnswerDraft(str(side), True, "", "", ON_SITE), step)


def _say(session: Session, meeting: Meeting, talk: MeetingTalk, row: Introduction, step: Step) -> None:
    """What was said, among the talks of the two: they and the centre read it."""
    parts = [f"{meeting.title}：有合作意向"]
    if talk.amount_fen is not None:
        parts[0] += f"，意向金额 {exact_text(talk.amount_fen)} 万元"
    parts += [talk.note] if talk.note else []
    parts += [f"下一步：{talk.next_step}"] if talk.next_step else []
    message = IntroductionMessage(introduction_id=row.id, side=CENTRE, text="\n".join(parts), met_on=meeting.day, at=step.at)
    message.account_id, message.name = step.viewer.account_id, step.viewer.name[:100]
    session.add(message)
    session.flush()
    after = {"message": message.id, "side": CENTRE, "met_on": meeting.day.isoformat()}
    note(session, INTRODUCTION, row.id, "say", step, after=after)
